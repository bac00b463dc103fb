"""Run the shop: in this thread until stopped, or in a thread of its own on a free port."""

import logging
import os
import socket
import threading
from collections.abc import Mapping
from typing import Any

from bb_core.errors import BuilderbrainError

try:
    import uvicorn

    from bb_domains.api_json.shop.app import create_app
except ImportError as error:
    raise BuilderbrainError(
        f"the shop needs {error.name}, which is not installed",
        where="bb_domains.api_json.shop",
        fix="run: pip install 'builderbrain-api-json[shop]'",
    ) from error
from bb_domains.api_json.shop.store import Store

HOST = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A listening loopback socket; port 0 takes any free one."""
    # asyncio switches Nagle's delay off only where the protocol is spelled out
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except OSError as error:
        sock.close()
        raise BuilderbrainError(
            f"cannot listen on {HOST}:{port}: {error.strerror}",
            where="shop",
            fix="stop what uses the port or choose another with --port (0 takes a free one)",
        ) from error
    sock.listen(128)
    return sock


def server(store: Store, *, admin: bool) -> uvicorn.Server:
    """A uvicorn server for a shop over this store."""
    app = create_app(store, admin=admin)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    return uvicorn.Server(config)


class RunningShop:
    """A shop in a thread of this process, on a free loopback port, with its state in memory."""

    def __init__(self, changes: Mapping[str, Any]) -> None:
        self._store = Store(":memory:", changes)
        self._socket = listen(0)
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"
        self._server = server(self._store, admin=True)
        # a dropped connection is this service's duty under a fault, not news
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self._thread = threading.Thread(target=self._run, name="shop", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    @property
    def quiet(self) -> bool:
        """Whether no request is left that could still change the state."""
        state = self._server.config.app.state  # type: ignore[union-attr]
        return not state.faults.used and state.arrivals.none

    def reset(self, changes: Mapping[str, Any]) -> None:
        """Back to the seed state with `changes` laid over it."""
        self._store.reset(changes)

    def stop(self) -> None:
        """Stop serving and forget the state; returns once the port is free."""
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self._store.close()


_idle: list[RunningShop] = []
_MOST_IDLE = 4
os.register_at_fork(after_in_child=_idle.clear)  # a child process has the list, not the threads


def lend(changes: Mapping[str, Any]) -> RunningShop:
    """A shop in the seed state with `changes`: one that was given back, or a new one."""
    try:
        shop = _idle.pop()
    except IndexError:
        return RunningShop(changes)
    shop.reset(changes)
    return shop


def give_back(shop: RunningShop) -> None:
    """Take a shop back; it is used again only if nothing of its last use can still happen."""
    if shop.quiet and len(_idle) < _MOST_IDLE:
        _idle.append(shop)
    else:
        shop.stop()
