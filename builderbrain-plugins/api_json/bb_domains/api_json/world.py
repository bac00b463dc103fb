"""A connection to a shop: a real one by its URL, or a twin started for the occasion."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import httpx

from bb_core.adapters import Call
from bb_core.canonical import Json
from bb_core.errors import ToolError, ToolFault

if TYPE_CHECKING:
    from bb_domains.api_json.shop.serve import RunningShop

KINDS: Mapping[int, ToolFault] = {
    400: "invalid",
    401: "denied",
    403: "denied",
    404: "invalid",
    409: "conflict",
    422: "invalid",
    429: "limit",
    503: "unavailable",
}
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
# The server closes idle connections after 5 s; ours go first, so that none dies under a request.
POOL = httpx.Limits(max_connections=32, keepalive_expiry=2.0)


class ShopWorld:
    """A shop that answers over HTTP; `close` also stops it if it was started as a twin."""

    def __init__(self, url: str, shop: "RunningShop | None" = None) -> None:
        self.url, self._shop = url, shop
        # reading the machine's certificates takes longer than a battery task; http needs none
        secure = url.startswith("https:")
        self._http = httpx.Client(base_url=url, limits=POOL, trust_env=False, verify=secure)

    def send(self, method: str, path: str, args: Mapping[str, Any], call: Call) -> Json:
        """One request under the call's key and time limit; raises ToolError and nothing else."""
        acts = method != "GET"
        given: dict[str, Any] = {"json": dict(args)} if acts else {"params": dict(args)}
        if acts:
            given["headers"] = {"Idempotency-Key": call.key}
        try:
            response = self._http.request(method, path, timeout=call.timeout_s, **given)
        except NOT_SENT as error:
            fix = "check the url and that the shop runs"
            raise ToolError("unavailable", _said(error), where=self.url, fix=fix) from error
        except httpx.HTTPError as error:
            kind: ToolFault = "timeout_unknown" if acts else "unavailable"
            raise ToolError(kind, _said(error), where=f"{call.step} {method} {path}") from error
        return self._answer(response, call, acts)

    def _answer(self, response: httpx.Response, call: Call, acts: bool) -> Json:
        lost: ToolFault = "timeout_unknown" if acts else "unavailable"
        try:
            body: Any = response.json()
        except ValueError:
            body = None
        if response.is_success and body is not None:
            return body  # type: ignore[no-any-return]
        problem = body.get("error") if isinstance(body, dict) else None
        reason = problem.get("message") if isinstance(problem, dict) else "not the shop's answer"
        # A 4xx or 503 of the shop's own says that nothing was done; any other says nothing.
        kind = KINDS.get(response.status_code, lost)
        raise ToolError(kind, f"{response.status_code} {reason}", where=call.step)

    def snapshot(self) -> Json:
        """The shop's state but for its catalogue; raises ToolError where there is no /admin."""
        return self._admin("GET", "/admin/state").json()  # type: ignore[no-any-return]

    def reset(self, changes: Mapping[str, Any]) -> None:
        """Back to the seed state with these changes, as a fresh twin would be, but faster."""
        self._admin("POST", "/admin/reset", dict(changes))

    def trouble(self, *faults: Mapping[str, Any], seed: int = 0) -> None:
        """Switch these faults on in the shop, in place of all others; none switches them off."""
        self._admin("POST", "/admin/faults", {"faults": [dict(f) for f in faults], "seed": seed})

    def _admin(self, method: str, path: str, body: Any = None) -> httpx.Response:
        try:
            response = self._http.request(method, path, json=body, timeout=30)
        except httpx.HTTPError as error:
            raise ToolError("unavailable", _said(error), where=self.url) from error
        if not response.is_success:
            found = f"{path} answered {response.status_code}: {response.text[:200]}"
            raise ToolError("denied", found, where=self.url, fix="start the shop with --admin")
        return response

    def close(self) -> None:
        """Let go of the connection; a twin is stopped."""
        self._http.close()
        if self._shop:
            from bb_domains.api_json.shop.serve import give_back

            give_back(self._shop)
            self._shop = None


def connect(settings: Mapping[str, str]) -> ShopWorld:
    """The shop at `settings["url"]`; raises ToolError when the setting is missing or no URL."""
    url = settings.get("url", "")
    if not url.startswith(("http://", "https://")):
        fix = "set url = 'http://127.0.0.1:8080' for this domain"
        raise ToolError("unavailable", f"url is {url!r}", where="api_json", fix=fix)
    return ShopWorld(url.rstrip("/"))


def twin(changes: Mapping[str, Any]) -> ShopWorld:
    """A shop of its own in this process: the seed state with `changes` laid over it."""
    from bb_domains.api_json.shop.serve import lend

    shop = lend(changes)
    return ShopWorld(shop.url, shop)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
