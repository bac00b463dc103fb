"""The tools of an OpenAPI document over HTTP.

    ADAPTERS = http_adapters(Path(__file__).parent)

Whether a call that ended badly took effect is said as exactly as HTTP allows: a request that was
never sent is `unavailable`; an acting one whose answer is missing, unreadable or a server's error
is `timeout_unknown`, never a failure. Redirects are not followed and no proxy of the environment is
used, so a credential goes to the configured server and nowhere else. No cookie that a server sets
is kept: it would be sent with another plan's calls.
Not covered: a server that answers one thing and does another.
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from bb_adapters.errors import AdapterError
from bb_adapters.no_twin import no_twin
from bb_core.adapters import Adapter, Adapters, Call
from bb_core.canonical import Json
from bb_core.effects import Effect
from bb_core.errors import ToolError, ToolFault
from bb_core.http_call import HttpCall, HttpRequest, request
from bb_core.http_part import escaped
from bb_core.http_security import Scheme, schemes
from bb_core.openapi import server
from bb_core.tools_from import Pinned, pinned_in

try:
    import httpx
except ImportError as error:
    raise AdapterError(
        "calling an HTTP API needs httpx", fix="run: pip install 'builderbrain-core[http]'"
    ) from error

FAULTS: Mapping[int, ToolFault] = {
    401: "denied",
    403: "denied",
    407: "denied",
    409: "conflict",
    412: "conflict",
    423: "conflict",
    428: "conflict",
    429: "limit",
}
"""What a 4xx says; any other one is `invalid`. Each of them means that nothing was done."""
LOST = (408, 425, 499)
"""The 4xx that say nothing about whether something was done."""
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
MOST_BYTES = 8_000_000
POOL = httpx.Limits(max_connections=32, keepalive_expiry=2.0)


def http_adapters(folder: Path) -> Adapters:
    """Adapters for all the tools a domain's folder takes from its openapi.json."""
    found = pinned_in(folder)
    return Adapters(
        tools={name: _adapter(found, name) for name in found.catalogue.tools},
        connect=lambda settings: HttpWorld(found, settings),
        twin=no_twin(folder.name),
    )


def _adapter(found: Pinned, name: str) -> Adapter:
    http: HttpCall = found.catalogue.tools[name].call
    effect = found.review.tools[name].effect
    acts = (Effect.IRREVERSIBLE if effect is None else effect).acts

    def call(args: Mapping[str, Any], call: Call) -> Json:
        world: HttpWorld = call.world
        key = call.key or secrets.token_hex(16)  # a look has no intent, and may still want one
        return world.send(http, request(http, args, key), call, acts=acts)

    return call


@dataclass(frozen=True, slots=True)
class Credential:
    """One scheme's credential, ready to be sent; its text is not shown."""

    scheme: Scheme
    text: str

    def __repr__(self) -> str:
        return f"Credential({self.scheme.place} {self.scheme.wire})"


class HttpWorld:
    """A connection to the document's server, or to the one the settings name.

    settings: `url`, where the operations' paths begin; and for each security scheme of the document
    by its name, `env:VARIABLE`, the environment variable that holds the credential.
    """

    def __init__(self, found: Pinned, settings: Mapping[str, str]) -> None:
        self.url = _base(found, settings)
        self.root = _root(self.url, server(found.document))
        self.credentials = _credentials(schemes(found.document), settings)
        secure = self.url.startswith("https:")  # reading the certificates takes a while
        none = CookieJar(DefaultCookiePolicy(allowed_domains=[]))  # of a server, that is
        self._http = httpx.Client(limits=POOL, trust_env=False, verify=secure, cookies=none)

    def send(self, http: HttpCall, what: HttpRequest, call: Call, *, acts: bool) -> Json:
        """One request under the call's time limit; raises ToolError and nothing else."""
        lost: ToolFault = "timeout_unknown" if acts else "unavailable"
        place = f"{call.step} {what.method} {what.path}"
        try:
            made = self._made(http, what, call)
        except (httpx.InvalidURL, ValueError) as error:
            raise ToolError("invalid", f"no request can say this: {error}", where=place) from error
        try:
            response = self._http.send(made, stream=True)
            body = _read(response)
        except NOT_SENT as error:
            fix = "check the url and that the service runs"
            raise ToolError("unavailable", _said(error), where=self.url, fix=fix) from error
        except (httpx.HTTPError, ValueError) as error:
            raise ToolError(lost, _said(error), where=place) from error
        return _answer(response, body, place, lost, text=http.text_answer)

    def _made(self, http: HttpCall, what: HttpRequest, call: Call) -> httpx.Request:
        headers, query, cookies = self._signed(http, what, call)
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        sent: dict[str, Any] = {"content": what.content}
        if what.pieces:
            sent = {"files": [(name, (None, *piece)) for name, *piece in what.pieces]}
        bare = httpx.URL(self._at(http.server) + what.path)
        pairs = [bare.query.decode(), *(f"{name}={text}" for name, text in query)]
        url = bare.copy_with(query="&".join(filter(None, pairs)).encode() or None)
        made = self._http.build_request(
            what.method, url, headers=headers, timeout=call.timeout_s, **sent
        )
        home = httpx.URL(self.root if http.server and self.root else self.url)
        if not _inside(made.url, home):
            fix = "mend the operation's path and servers in openapi.json"
            raise ToolError("invalid", f"it would go to {bare}", where=str(home), fix=fix)
        return made

    def _at(self, own: str) -> str:
        """Where the paths begin; those of an operation's own server stay behind the root."""
        if not own:
            return self.url
        if self.root is None:
            found = f"its own server {own} has no place here: the document has not the url's path"
            fix = "end the setting url in the path of the document's server"
            raise ToolError("invalid", found, where=self.url, fix=fix)
        return f"{self.root}/{own.removeprefix('/')}".rstrip("/")

    def _signed(
        self, http: HttpCall, what: HttpRequest, call: Call
    ) -> tuple[dict[str, str], list[tuple[str, str]], dict[str, str]]:
        headers = {"Accept": "application/json, text/*;q=0.5", **what.headers}
        query, cookies = list(what.query), dict(what.cookies)
        for credential in self._chosen(http, call):
            wire, text = credential.scheme.wire, credential.scheme.sent(credential.text)
            match credential.scheme.place:
                case "header":
                    headers[wire] = text
                case "query":
                    query.append((escaped(wire), escaped(text)))
                case _:
                    cookies[wire] = text
        return headers, query, cookies

    def _chosen(self, http: HttpCall, call: Call) -> list[Credential]:
        """The credentials of the first alternative that is configured whole."""
        for names in sorted(http.security, key=len, reverse=True):
            if names <= self.credentials.keys():
                return [self.credentials[name] for name in sorted(names)]
        if not http.security:
            return []
        wanted = " or ".join(" and ".join(sorted(names)) for names in http.security)
        fix = "add e.g. " + min(min(http.security)) + " = 'env:VARIABLE' to the domain's settings"
        raise ToolError("denied", f"needs {wanted}", where=call.step, fix=fix)

    def snapshot(self) -> Json:
        """Raises ToolError: an HTTP API does not show its whole state."""
        raise ToolError("unavailable", "a real system shows no snapshot", where=self.url)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()


def _inside(url: httpx.URL, home: httpx.URL) -> bool:
    """Whether the URL, its dots resolved, is on the same host and behind the same path."""
    same = (url.scheme, url.netloc) == (home.scheme, home.netloc)
    return same and url.raw_path.startswith(home.raw_path.rstrip(b"/") + b"/")


def _root(url: str, declared: str) -> str | None:
    """What stands before the path of the document's server: a tenant's prefix, say.

    None where the url has another path, so that nobody knows what of it is the prefix.
    """
    parts, path = urlsplit(url), urlsplit(urljoin("http://host/", declared)).path.rstrip("/")
    if parts.path and not parts.path.endswith(path):
        return None
    return f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix(path)}"


def _base(found: Pinned, settings: Mapping[str, str]) -> str:
    """Where the paths begin: the setting, else the document's server beside its source."""
    declared = server(found.document)
    url = settings.get("url") or urljoin(found.review.source, declared)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        found_ = f"the server is {url!r}, which is no address"
        fix = f"set url = 'https://HOST{declared.rstrip('/')}' for this domain"
        raise AdapterError(found_, where="settings", fix=fix)
    return url.rstrip("/")


def _credentials(known: Mapping[str, Scheme], settings: Mapping[str, str]) -> dict[str, Credential]:
    unknown = sorted(settings.keys() - known.keys() - {"url"})
    if unknown:
        names = ", ".join(["url", *sorted(known)])
        raise AdapterError(
            f"unknown setting {unknown[0]!r}", where="settings", fix=f"known: {names}"
        )
    made = {}
    for name in known.keys() & settings.keys():
        kind, _, variable = settings[name].partition(":")
        if kind != "env" or not variable:
            fix = f"write {name} = 'env:VARIABLE'; a secret has no place in a file"
            raise AdapterError(f"{name} names no environment variable", where="settings", fix=fix)
        if not os.environ.get(variable):
            raise AdapterError(
                f"{variable} is not set", where="environment", fix=f"export {variable}"
            )
        made[name] = Credential(known[name], os.environ[variable])
    return made


def _read(response: httpx.Response) -> bytes:
    """The body, of bounded size; raises ValueError beyond it."""
    body = bytearray()
    try:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MOST_BYTES:
                raise ValueError(f"the answer is larger than {MOST_BYTES:,} bytes")
    finally:
        response.close()
    return bytes(body)


def _answer(
    response: httpx.Response, body: bytes, place: str, lost: ToolFault, *, text: bool
) -> Json:
    status, media = response.status_code, response.headers.get("content-type", "")
    if response.is_success and not body:
        return None
    if response.is_success and (text and "json" not in media):
        return body.decode(response.encoding or "utf-8", "replace")
    parsed: Any = None
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        if response.is_success:
            found = f"{status} with an answer that is not JSON ({media or 'no type'})"
            raise ToolError(lost, found, where=place) from None
    if response.is_success:
        return cast(Json, parsed)
    kind = FAULTS.get(status, "invalid") if 400 <= status < 500 and status not in LOST else lost
    raise ToolError(kind, f"{status} {_reason(parsed, response)}", where=place)


def _reason(parsed: Any, response: httpx.Response) -> str:
    """What the server says was wrong (RFC 9457, or the usual keys), else the status in words."""
    here = parsed
    for _ in range(4):
        if isinstance(here, str) and here:
            return " ".join(here.split())[:300]
        if isinstance(here, list) and here:
            here = here[0]
        if not isinstance(here, dict):
            continue
        keys = ("detail", "message", "msg", "title", "error_description", "error", "errors")
        here = next((here[key] for key in keys if key in here), None)
    return response.reason_phrase or "no reason given"


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
