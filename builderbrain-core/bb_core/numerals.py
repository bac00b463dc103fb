"""Numbers as languages: an integer range exactly, in canonical decimal digits."""

from bb_core.language import EMPTY, NOTHING, Language, Lit, Repeat, alt, chars, seq


def integers(low: int, high: int) -> Language:
    """The integers from low to high: no leading zeros, no plus, no negative zero."""
    negative = seq("-", _naturals(max(1, -high), -low)) if low < 0 else NOTHING
    return alt(_naturals(max(0, low), high), negative)


def decimals(low: int, high: int) -> Language:
    """The decimals from low to high: at most six places, no exponent, no needless zero."""
    parts = [_with_places(max(0, low), high)]
    if low < 0:
        below_one = seq("0", _PLACES) if high >= 0 else NOTHING
        parts.append(seq("-", alt(below_one, _with_places(max(1, -high), -low))))
    return alt(*parts)


def _with_places(low: int, high: int) -> Language:
    if low > high:
        return NOTHING
    below = seq(_naturals(low, high - 1), Repeat(_PLACES, 0, 1)) if low < high else NOTHING
    return alt(below, Lit(str(high)))


def _naturals(low: int, high: int) -> Language:
    """Split at each power of ten, then digit by digit."""
    parts: list[Language] = []
    for size in range(len(str(low)), len(str(high)) + 1):
        start = 0 if size == 1 else 10 ** (size - 1)
        first, last = max(low, start), min(high, 10**size - 1)
        if first <= last:
            parts.append(_same_size(str(first), str(last)))
    return alt(*parts)


def _same_size(low: str, high: str) -> Language:
    if not low:
        return EMPTY
    if set(low[1:]) <= {"0"} and set(high[1:]) <= {"9"}:
        rest = len(low) - 1
        tail = Repeat(_digits(0, 9), rest, rest) if rest else EMPTY
        return seq(_digits(int(low[0]), int(high[0])), tail)
    if low[0] == high[0]:
        return seq(low[0], _same_size(low[1:], high[1:]))
    nines, zeros = "9" * (len(low) - 1), "0" * (len(low) - 1)
    middle = NOTHING
    if int(high[0]) - int(low[0]) > 1:
        middle = _same_size(f"{int(low[0]) + 1}{zeros}", f"{int(high[0]) - 1}{nines}")
    bottom = seq(low[0], _same_size(low[1:], nines))
    return alt(bottom, middle, seq(high[0], _same_size(zeros, high[1:])))


def _digits(low: int, high: int) -> Language:
    return chars([(ord("0") + low, ord("0") + high)])


_PLACES = seq(".", Repeat(_digits(0, 9), 0, 5), _digits(1, 9))
