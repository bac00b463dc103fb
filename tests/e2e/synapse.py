"""A real Matrix homeserver for a test session: Synapse on SQLite, on the loopback address.

It is started as a program of its own and never imported.
"""

import contextlib
import hashlib
import hmac
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

SERVER, SECRET = "town.test", "only for this test"
NO_LIMIT = "{per_second: 1000, burst_count: 1000}"
CONFIG = """
server_name: {server}
pid_file: {folder}/pid
listeners:
- {{port: {port}, type: http, bind_addresses: [127.0.0.1], resources: [{{names: [client]}}]}}
database: {{name: sqlite3, args: {{database: '{folder}/db'}}}}
media_store_path: {folder}/media
signing_key_path: {folder}/key
registration_shared_secret: '{secret}'
macaroon_secret_key: 'a'
form_secret: 'b'
report_stats: false
suppress_key_server_warning: true
trusted_key_servers: []
federation_domain_whitelist: []
rc_message: {free}
rc_registration: {free}
rc_reports: {free}
rc_login: {{address: {free}, account: {free}, failed_attempts: {free}}}
"""


@dataclass(frozen=True)
class Homeserver:
    """A running homeserver."""

    url: str

    def register(self, name: str, *, admin: bool = False) -> str:
        """A new user's access token."""
        path = f"{self.url}/_synapse/admin/v1/register"
        nonce = httpx.get(path, timeout=30).json()["nonce"]
        parts = (nonce, name, "a password", "admin" if admin else "notadmin")
        mac = hmac.new(SECRET.encode(), "\0".join(parts).encode(), hashlib.sha1).hexdigest()
        body = {
            "nonce": nonce,
            "username": name,
            "password": "a password",
            "admin": admin,
            "mac": mac,
        }
        return str(
            httpx.post(path, json=body, timeout=30).raise_for_status().json()["access_token"]
        )

    def ask(self, token: str, method: str, path: str, body: Any = None) -> Any:
        """One request of the client-server API, as that user."""
        response = httpx.request(
            method,
            f"{self.url}/_matrix/client/v3{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        return response.raise_for_status().json()


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Homeserver]:
    """A homeserver of its own in a folder; it ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "homeserver.yaml"
    config.write_text(
        CONFIG.format(server=SERVER, folder=folder, port=port, secret=SECRET, free=NO_LIMIT)
    )
    command = [sys.executable, "-m", "synapse.app.homeserver", "-c", str(config)]
    with (folder / "log").open("w") as log:
        subprocess.run([*command, "--generate-keys"], check=True, stdout=log, stderr=log)
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/health", server, folder / "log")
        yield Homeserver(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait(30)


def _wait(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=5).is_success:
                return
        time.sleep(0.2)
    raise RuntimeError(f"synapse did not start: {log.read_text()[-2000:]}")
