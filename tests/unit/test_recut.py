"""Wrong cuts: not the right ones, where people would cut, and learnt without their labels."""

from random import Random

from bb_train.data.recut import recut

REQUEST = "Cancel W1, please. Then send W2 to me; and tell Ada, if she asks."
RIGHT = (0, 19)


def test_other_cuts_than_the_right_ones_lie_where_a_sentence_parts() -> None:
    made = {recut(REQUEST, RIGHT, Random(seed)) for seed in range(60)}
    assert RIGHT not in made
    assert (0,) in made
    assert all(list(cuts) == sorted(set(cuts)) and cuts[0] == 0 for cuts in made)
    added = {cut for cuts in made for cut in cuts} - {0, *RIGHT}
    assert {REQUEST[cut:].split()[0] for cut in added} == {"please.", "and", "if"}


def test_a_first_clause_that_starts_late_still_holds_what_stands_before_it() -> None:
    assert all(recut("Hello. Stop it", (7,), Random(seed)) == (0,) for seed in range(9))


def test_a_request_with_nowhere_to_cut_keeps_its_cuts() -> None:
    assert recut("Stop", (), Random(0)) == (0,)
