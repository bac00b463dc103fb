"""An HTTP service that remembers what it was sent and answers what it is told: a real socket."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass
class Echo:
    """The service: `seen` are its requests, `status` and `answer` what it says to the next ones."""

    status: int = 200
    answer: bytes = b"{}"
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Any] = field(default_factory=dict)
    seen: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> "Echo":
        echo = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length)
                row = {"method": self.command, "path": self.path, "body": body.decode("latin-1")}
                echo.seen.append(row | {"headers": dict(self.headers.items())})
                found = echo.files.get(self.path.partition("?")[0])
                data = echo.answer if found is None else json.dumps(found).encode()
                self.send_response(echo.status)
                for name, value in echo.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", echo.media)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
