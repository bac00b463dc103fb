"""An amount as a screen shows it, and back. What cannot be read exactly is not an amount."""

import re

SIGNS = {"$": "USD", "€": "EUR"}
_SHOWN = re.compile(r"([$€])?\s?([0-9]{1,5})[.,]([0-9]{2})\s?([$€])?")


def shown(cents: int, currency: str, language: str) -> str:
    """`$18.00`, or `18,00 $` where a comma is written."""
    sign = next(sign for sign, name in SIGNS.items() if name == currency)
    if language in ("es", "de"):
        return f"{cents // 100},{cents % 100:02} {sign}"
    return f"{sign}{cents // 100}.{cents % 100:02}"


def read(text: str) -> tuple[int, str] | None:
    """Cents and currency; None where there is no sign, or two, or any other form."""
    match = _SHOWN.fullmatch(text.strip())
    if not match or bool(match[1]) is bool(match[4]):
        return None
    return int(match[2]) * 100 + int(match[3]), SIGNS[match[1] or match[4]]
