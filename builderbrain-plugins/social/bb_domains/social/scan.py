"""Whose data is in a text? Three nets: exact values, patterns with check digits, presidio.

1. canary, taint   a value that came out of a labelled field, or one planted to be found, in
                   whatever case and spacing; numbers by their digits
2. pattern         addresses of mail and of machines, phone numbers (libphonenumber), bank cards
                   (Luhn), IBANs (mod 97), US social security numbers
3. presidio        the same and more by score, from 0.6 up; only where it is switched on

Not covered: names, streets and dates that came out of no labelled field; values that were
rewritten (spelt out, split, translated).
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import phonenumbers

from bb_core.errors import DomainError

Net = Literal["canary", "taint", "pattern", "presidio"]
THRESHOLD = 0.6
REGIONS = (None, "US", "GB")
"""Where a number without a country code may be from."""

FEWEST_DIGITS, SHORTEST = 7, 3
PIP = "run: pip install 'builderbrain-social[pii]'"

_EMAIL = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}")
_CARD = re.compile(r"(?<![\w-])(?:[0-9][ -]?){12,18}[0-9](?![\w-])")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}(?!\w)")
_SSN = re.compile(r"(?<![\w-])[0-9]{3}-[0-9]{2}-[0-9]{4}(?![\w-])")
_ADDRESS = re.compile(r"(?<![\w.:])[0-9A-Fa-f:.]{7,45}(?![\w:])")


@dataclass(frozen=True, slots=True)
class Finding:
    """Somebody's data in a text: what kind, which net caught it, and where it stands."""

    kind: str
    net: Net
    start: int
    end: int


def exact(text: str, values: Iterable[str], net: Net) -> Iterator[Finding]:
    """Each value the text holds: as whole words, case and blanks aside; long numbers by digits."""
    for value in values:
        words = value.split()
        if sum(map(len, words)) >= SHORTEST:
            pattern = r"\s+".join(map(re.escape, words))
            for match in re.finditer(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE):
                yield Finding("value", net, *match.span())
        digits = re.sub(r"\D", "", value)
        if len(digits) >= FEWEST_DIGITS:
            spaced = r"[^0-9A-Za-z]{0,2}".join(digits)
            for match in re.finditer(spaced, text):
                yield Finding("number", net, *match.span())


def patterns(text: str) -> Iterator[Finding]:
    """What has the form of somebody's data, and the right check digits where there are any."""
    for kind, pattern, right in (
        ("email", _EMAIL, None),
        ("card", _CARD, luhn),
        ("iban", _IBAN, mod97),
        ("ssn", _SSN, None),
        ("ip", _ADDRESS, _machine),
    ):
        for match in pattern.finditer(text):
            if right is None or right(match[0]):
                yield Finding(kind, "pattern", *match.span())
    spans = set[tuple[int, int]]()
    for region in REGIONS:
        # with its country code, a number is taken for one although nobody may have it
        lenient = phonenumbers.Leniency.VALID if region else phonenumbers.Leniency.POSSIBLE
        for found in phonenumbers.PhoneNumberMatcher(text, region, leniency=lenient):
            if (found.start, found.end) not in spans:
                spans.add((found.start, found.end))
                yield Finding("phone", "pattern", found.start, found.end)


def luhn(text: str) -> bool:
    """sum over digits from the right, every second doubled (minus 9 above 9), is 0 mod 10."""
    digits = [int(c) for c in text if c.isdigit()]
    doubled = [d * 2 - 9 * (d > 4) for d in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def mod97(text: str) -> bool:
    """The IBAN with its first four characters moved to the end, letters as 10..35, is 1 mod 97."""
    plain = text.replace(" ", "")
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def _machine(text: str) -> bool:
    try:
        ipaddress.ip_address(text.rstrip("."))
    except ValueError:
        return False
    return True


def second(text: str) -> Iterator[Finding]:
    """What presidio finds at 0.6 or above; raises DomainError when it is not installed."""
    for found in _analyzer().analyze(text=text, language="en", score_threshold=THRESHOLD):
        yield Finding(found.entity_type.lower(), "presidio", found.start, found.end)


@lru_cache(maxsize=1)
def _analyzer() -> Any:
    """presidio on a blank tokenizer: its patterns and check digits, no model, no network."""
    try:
        import spacy
        import tldextract
        from presidio_analyzer import AnalyzerEngine
        from presidio_analyzer.nlp_engine import SpacyNlpEngine
    except ImportError as error:
        raise DomainError(
            f"the scanner 'presidio' needs {error.name}", where="social", fix=PIP
        ) from error
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())

    engine: Any = SpacyNlpEngine()
    engine.nlp = {"en": spacy.blank("en")}
    return AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
