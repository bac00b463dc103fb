"""What kind of telephone number this is. Only an ordinary one may ever be reached automatically.

Not covered: an ordinary number that forwards to a dear one, and what a subscriber's own contract
makes expensive.
"""

from typing import Literal

import phonenumbers
from phonenumbers import PhoneNumberType as Type
from phonenumbers import shortnumberinfo as short

Kind = Literal["ordinary", "emergency", "premium", "short", "invalid"]
ORDINARY = frozenset(
    {
        Type.MOBILE,
        Type.FIXED_LINE,
        Type.FIXED_LINE_OR_MOBILE,
        Type.VOIP,
        Type.PERSONAL_NUMBER,
        Type.TOLL_FREE,
        Type.UAN,
    }
)
SATELLITE = "001"  # the region of numbers that belong to no country: satellites, global networks
DEAR = frozenset({Type.PREMIUM_RATE, Type.SHARED_COST})


def kind(number: str, region: str) -> Kind:
    """The kind of a number dialled in a region; whatever is not surely ordinary is not."""
    digits = number.removeprefix("+")
    if any(short.is_emergency_number(digits, r) for r in phonenumbers.SUPPORTED_SHORT_REGIONS):
        return "emergency"
    if short.connects_to_emergency_number(number, region):
        return "emergency"
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return "short" if len(digits) <= 6 else "invalid"
    if short.is_possible_short_number_for_region(parsed, region):
        return "short"
    if not phonenumbers.is_valid_number(parsed):
        return "short" if len(digits) <= 6 else "invalid"
    if phonenumbers.region_code_for_number(parsed) == SATELLITE:
        return "premium"
    of = phonenumbers.number_type(parsed)
    return "premium" if of in DEAR else "ordinary" if of in ORDINARY else "invalid"
