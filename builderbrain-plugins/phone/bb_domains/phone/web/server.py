"""The web phone's server: one Phone over HTTP on the loopback address, and the page that shows it.

    GET  /            the page                 GET  /view      what is in front
    POST /touch       {version, place}         POST /fill      {version, place, text}
    POST /secret      {version, place, name}   POST /open      {app}         POST /back
    GET  /contacts    the address book         GET  /state     the whole state
    GET  /inbox/NUMBER   the last message from a number
    POST /reset       {changes}: the seed state with these changes

A touch on a screen that has changed since is refused (409). It has no login: it is a test double.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

from bb_domains.phone import words
from bb_domains.phone.device.phone import Phone
from bb_domains.phone.tree import node

TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css"}
INBOX = "/inbox/"
LONGEST = 100_000


class Stale(Exception):
    """The screen has changed since it was seen."""


class WebPhone:
    """A Phone that is touched by place and version, one request at a time."""

    def __init__(self, changes: Mapping[str, Any] | None = None) -> None:
        self.phone, self.version, self.lock = Phone(changes), 0, threading.RLock()

    def view(self) -> dict[str, Any]:
        """What is in front, as the page shows it; passwords stay here."""
        phone, parts = self.phone, list[dict[str, Any]]()
        busy = phone.busy()
        for place, part in enumerate(phone.parts() if not busy else ()):
            one = node(part, phone.language)
            parts.append({"place": place, "role": one.role, "name": one.name, "value": one.value})
        return {
            "version": self.version,
            "app": phone.app,
            "busy": busy,
            "language": phone.language,
            "direction": "rtl" if phone.language in words.RIGHT_TO_LEFT else "ltr",
            "look": phone.data["look"],
            "region": phone.data["region"],
            "parts": parts,
        }

    def act(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out a request and give the view after it; raises Stale, KeyError, IndexError."""
        phone = self.phone
        if path in ("/touch", "/fill", "/secret") and body["version"] != self.version:
            raise Stale
        match path:
            case "/view":
                return self.view()
            case "/touch":
                phone.press(int(body["place"]))
            case "/fill":
                phone.fill(int(body["place"]), str(body["text"]))
            case "/secret":
                phone.fill(int(body["place"]), phone.data["secrets"][body["name"]])
            case "/open":
                phone.open(str(body["app"]))
            case "/back":
                phone.back()
            case "/reset":
                self.phone = Phone(body["changes"])
            case _:
                raise KeyError(path)
        self.version += 1
        return self.view()

    def answer(self, path: str) -> Any:
        """What a GET asks for; raises KeyError for an unknown path."""
        match path:
            case "/view":
                return self.view()
            case "/contacts":
                return list(self.phone.data["contacts"].values())
            case "/state":
                return self.phone.snapshot()
        if path.startswith(INBOX):
            return self.phone.last_message(path.removeprefix(INBOX))
        raise KeyError(path)


class Handler(BaseHTTPRequestHandler):
    """One request to the phone that the server holds."""

    protocol_version = "HTTP/1.1"
    server: "PhoneServer"

    def do_GET(self) -> None:
        """A file of the page, or something about the phone."""
        name = "phone.html" if self.path == "/" else self.path.removeprefix("/")
        kind = TYPES.get(name.rpartition(".")[2])
        if kind and name in ("phone.html", "phone.js", "phone.css"):
            page = files("bb_domains.phone.web").joinpath("static", name).read_bytes()
            self._send(200, page, kind)
            return
        self._judge(lambda: self.server.web.answer(self.path))

    def do_POST(self) -> None:
        """A touch, or another act."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > LONGEST:
            self._json(413, {"error": f"at most {LONGEST} bytes"})
            return
        try:
            body = json.loads(self.rfile.read(length) or b"{}")
        except ValueError as error:
            self._json(400, {"error": f"not JSON: {error}"})
            return
        self._judge(lambda: self.server.web.act(self.path, body))

    def _judge(self, work: Callable[[], Any]) -> None:
        with self.server.web.lock:
            try:
                self._json(200, work())
            except Stale:
                self._json(409, self.server.web.view())
            except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
                self._json(404, {"error": f"{type(error).__name__}: {error}"})

    def _json(self, status: int, body: Any) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: requests are not news."""


class PhoneServer(ThreadingHTTPServer):
    """A server that holds one web phone."""

    daemon_threads = True

    def __init__(self, port: int, changes: Mapping[str, Any] | None = None) -> None:
        self.web = WebPhone(changes)
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_address[1]}/"


@contextmanager
def served(changes: Mapping[str, Any] | None = None, port: int = 0) -> Iterator[PhoneServer]:
    """A running web phone; stopped at the end."""
    server = PhoneServer(port, changes)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
