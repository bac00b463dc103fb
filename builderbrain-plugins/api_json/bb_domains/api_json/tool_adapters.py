"""The shop's tools over HTTP. Imported only when a checked plan is about to run.

Whether a call that ended badly took effect is said as exactly as HTTP allows: a request that was
never sent is `unavailable`, a write whose answer is missing is `timeout_unknown`, never a failure.
Not covered: a shop that answers one thing and does another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import quote

from bb_core.adapters import Adapter, Adapters, Call
from bb_core.canonical import Json
from bb_domains.api_json.world import connect, twin


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a tool's request goes: arguments named in the path go there, the rest beside it."""

    method: Literal["GET", "POST", "PUT"]
    path: str

    def request(self, args: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The path and the arguments that are not in it."""
        rest = {key: value for key, value in args.items() if f"{{{key}}}" not in self.path}
        quoted = {key: quote(str(value), safe="") for key, value in args.items()}
        return "/v1" + self.path.format(**quoted), rest


ENDPOINTS: Mapping[str, Endpoint] = {
    "find_user_by_email": Endpoint("GET", "/users/by-email"),
    "find_user_by_name_zip": Endpoint("GET", "/users/by-name"),
    "get_user": Endpoint("GET", "/users/{user_id}"),
    "get_order": Endpoint("GET", "/orders/{order_id}"),
    "get_product": Endpoint("GET", "/products/{product_id}"),
    "list_products": Endpoint("GET", "/products"),
    "cancel_order": Endpoint("POST", "/orders/{order_id}/cancel"),
    "modify_address": Endpoint("PUT", "/orders/{order_id}/address"),
    "modify_items": Endpoint("PUT", "/orders/{order_id}/items"),
    "modify_payment": Endpoint("PUT", "/orders/{order_id}/payment"),
    "return_items": Endpoint("POST", "/orders/{order_id}/returns"),
    "exchange_items": Endpoint("POST", "/orders/{order_id}/exchanges"),
    "create_refund": Endpoint("POST", "/orders/{order_id}/refunds"),
    "capture_payment": Endpoint("POST", "/orders/{order_id}/captures"),
    "issue_credit": Endpoint("POST", "/users/{user_id}/credits"),
    "notify_customer": Endpoint("POST", "/users/{user_id}/messages"),
    "handoff": Endpoint("POST", "/handoffs"),
    "find_request": Endpoint("GET", "/requests/{key}"),
}
"""Every tool but `confirm`: consent is the executor's to ask for, so no request can give it."""


def _adapter(endpoint: Endpoint) -> Adapter:
    def call(args: Mapping[str, Any], call: Call) -> Json:
        path, rest = endpoint.request(args)
        return cast(Json, call.world.send(endpoint.method, path, rest, call))

    return call


ADAPTERS = Adapters(
    tools={name: _adapter(endpoint) for name, endpoint in ENDPOINTS.items()},
    connect=connect,
    twin=twin,
)
