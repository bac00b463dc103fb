"""The security schemes of an OpenAPI document that a plain request can satisfy.

A credential is text from the environment of whoever runs the plan; it stands in no plan, no
document and no record. Not covered: mutual TLS, digest authentication, and fetching OAuth tokens
(a token that was fetched elsewhere is sent as a bearer token).
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bb_core.json_refs import Unsayable, followed


@dataclass(frozen=True, slots=True)
class Scheme:
    """Where a credential goes: a header, a query parameter or a cookie, and with which prefix."""

    place: str
    wire: str
    prefix: str = ""

    def sent(self, credential: str) -> str:
        """The credential as it is sent; `name:password` becomes basic authentication."""
        if self.prefix == "Basic ":
            return self.prefix + base64.b64encode(credential.encode()).decode()
        return self.prefix + credential


_BEARER = Scheme("header", "Authorization", "Bearer ")
_HTTP = {"bearer": _BEARER, "basic": Scheme("header", "Authorization", "Basic ")}


def schemes(document: Mapping[str, Any]) -> dict[str, Scheme]:
    """The schemes a request can satisfy, by name; the others are not there."""
    found: dict[str, Scheme] = {}
    declared = document.get("components", {}).get("securitySchemes", {})
    for name, node in declared.items():
        try:
            made = _scheme(followed(document, node))
        except Unsayable:
            continue
        if made:
            found[name] = made
    return found


def _scheme(node: Mapping[str, Any]) -> Scheme | None:
    match node.get("type"):
        case "apiKey" if node.get("in") in ("header", "query", "cookie"):
            return Scheme(node["in"], str(node.get("name", "")))
        case "http":
            return _HTTP.get(str(node.get("scheme", "")).lower())
        case "oauth2" | "openIdConnect":
            return _BEARER
    return None


def needed(
    operation: Mapping[str, Any], document: Mapping[str, Any], known: Mapping[str, Scheme]
) -> tuple[frozenset[str], ...]:
    """The alternatives an operation takes, () if it is open; raises Unsayable if none is known."""
    wanted = operation.get("security", document.get("security", ()))
    alternatives = [frozenset(one) for one in wanted]
    usable = tuple(one for one in alternatives if one <= known.keys())
    if alternatives and not usable:
        names = ", ".join(sorted({name for one in alternatives for name in one}))
        raise Unsayable(f"needs {names}, a kind of security that no plain request satisfies")
    return usable


def places(
    alternatives: Iterable[frozenset[str]], known: Mapping[str, Scheme]
) -> frozenset[tuple[str, str]]:
    """Where the credentials of these alternatives go: no plan may write there."""
    used = [known[name] for one in alternatives for name in one]
    return frozenset((scheme.place, folded(scheme.place, scheme.wire)) for scheme in used)


def folded(place: str, wire: str) -> str:
    """The name as it is compared: that of a header as a gateway may hand it on, X_Key for x-key."""
    return wire.lower().replace("_", "-") if place == "header" else wire
