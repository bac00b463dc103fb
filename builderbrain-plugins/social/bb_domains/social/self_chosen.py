"""What of the names that strangers give themselves is kept from going out.

Anybody can call themselves "the"; were that kept, no text with the word would go out again, for
good. So a name counts from two words on, and not without end. Not covered: the name of somebody
who goes by one word; two ordinary words chosen as a name, or a date's digits chosen as an address,
which keep back the texts that hold them.
"""

LONGEST_NAME = 100
MANY_DIGITS = 7
"""From here on a scanner knows a value by its digits, and a date would be a name."""


def full_name(chosen: str) -> str:
    """The name, if it is one of at least two words; empty for anything else."""
    name = " ".join(chosen.split())
    kept = len(name) <= LONGEST_NAME and sum(map(str.isdigit, name)) < MANY_DIGITS
    return name if kept and _words(name) >= 2 else ""


def account_name(chosen: str) -> str:
    """What somebody is called on their network; a bare name as it is written to speak to them."""
    return chosen if "@" in chosen or ":" in chosen else f"@{chosen}"


def plain_word(value: str) -> bool:
    """Whether it is one word or none: no name of two, no address, number or id."""
    return _words(value) < 2 and not any(c in "@:" or c.isdigit() for c in value)


def _words(text: str) -> int:
    return sum(any(map(str.isalpha, word)) for word in text.split())
