"""What a command says of a text that is not its own."""

from bb_infra.telling import LONGEST, in_short


def test_a_request_is_one_line_that_forges_none_and_ends() -> None:
    assert in_short("Cancel\n  W1001,\tplease.") == "Cancel W1001, please."
    assert in_short("a\x1b[2Jb") == "a [2Jb"
    long = "cancel " * 1000
    said = in_short(long)
    assert said.endswith("… (7,000 characters)") and len(said) < LONGEST + 40
    assert in_short("x" * LONGEST) == "x" * LONGEST
