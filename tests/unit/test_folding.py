"""Folding a text into nested steps: the way there and back, what is in view, and learning it."""

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bb_core.compiled import Compiled

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
torch = pytest.importorskip("torch")
sys.path.append(str(BENCHMARKS))

from cogs import derive as cogs_derive  # noqa: E402
from cogs import run as cogs_run  # noqa: E402
from folds import Judged, Record, carried_out, domain, share  # noqa: E402
from scan import derive as scan_derive  # noqa: E402
from slog import derive as slog_derive  # noqa: E402

from bb_nn.base import load_base  # noqa: E402
from bb_nn.errors import RailError  # noqa: E402
from bb_nn.folding.builder import Course, new  # noqa: E402
from bb_nn.folding.lesson import lessons  # noqa: E402
from bb_nn.folding.move import Move, Word, to_plan  # noqa: E402
from bb_nn.folding.practice import Practice, beyond, cut, practise, swap, taught  # noqa: E402
from bb_nn.folding.question import Asker, View  # noqa: E402
from bb_nn.folding.reading import Reading, Unit, words  # noqa: E402
from bb_nn.folding.tools import tools  # noqa: E402
from bb_nn.folding.tree import Node, moves  # noqa: E402
from bb_nn.folding.words import read_words  # noqa: E402

torch.set_num_threads(1)
VERBS = {"walk": ["I_WALK"], "look": ["I_LOOK"], "turn": list[str]()}
FORMS = {
    "A boy in the house said that Emma gave a cake on a table to Liam .": (
        "* house ( x _ 4 ) ; boy ( x _ 1 ) AND boy . nmod . in ( x _ 1 , x _ 4 ) AND "
        "say . agent ( x _ 5 , x _ 1 ) AND say . ccomp ( x _ 5 , x _ 8 ) AND "
        "give . agent ( x _ 8 , Emma ) AND give . theme ( x _ 8 , x _ 10 ) AND "
        "give . recipient ( x _ 8 , Liam ) AND cake ( x _ 10 ) AND "
        "cake . nmod . on ( x _ 10 , x _ 13 ) AND table ( x _ 13 )",
        "say ( agent = boy ( nmod . in = * house ) , ccomp = give ( agent = Emma , "
        "theme = cake ( nmod . on = table ) , recipient = Liam ) )",
    ),
    "The cake was wanted by Emma .": (
        "* cake ( x _ 1 ) ; want . theme ( x _ 3 , x _ 1 ) AND want . agent ( x _ 3 , Emma )",
        "want ( theme = * cake , agent = Emma )",
    ),
    "Emma wanted to run .": (
        "want . agent ( x _ 1 , Emma ) AND want . xcomp ( x _ 1 , x _ 3 ) AND "
        "run . agent ( x _ 3 , Emma )",
        "want ( agent = Emma , xcomp = run ( agent = Emma ) )",
    ),
    "shark": ("LAMBDA a . shark ( a )", "shark"),
}
LEMMAS = {"said": "say", "gave": "give", "wanted": "want", "ate": "eat", "saw": "see"}
SLOG = {
    "What did the boy eat ?": "eat ( agent = * boy , theme = ? )",
    "Who ate a cake ?": "eat ( agent = ? , theme = cake )",
    "Emma saw a dog that the cat on a bed ate .": (
        "see ( agent = Emma , theme = dog ( nmod = eat ( agent = * cat ( nmod . on = bed ) , "
        "theme = dog ) ) )"
    ),
}


@cache
def compiled(name: str) -> Compiled:
    return domain(name)


@st.composite
def commands(draw: st.DrawFn) -> str:
    """Commands of the language, each part modified or not."""

    def part() -> str:
        verb = draw(st.sampled_from(sorted(VERBS)))
        side = draw(st.sampled_from(["left", "right"]))
        how = draw(st.sampled_from(["", " {}", " opposite {}", " around {}"])).format(side)
        how = f" {side}" if verb == "turn" and not how else how
        return verb + how + draw(st.sampled_from(["", " twice", " thrice"]))

    joint = draw(st.sampled_from(["", " and ", " after "]))
    return part() + joint + part() if joint else part()


def plain(command: str) -> list[str]:
    """What a command asks for, by its own small interpreter."""
    for joint, order in ((" after ", -1), (" and ", 1)):
        if joint in command:
            parts = command.split(joint)[::order]
            return plain(parts[0]) + plain(parts[1])
    *rest, last = command.split()
    if last in ("twice", "thrice"):
        return plain(" ".join(rest)) * (2 if last == "twice" else 3)
    if last in ("left", "right"):
        turn, how = [f"I_TURN_{last.upper()}"], rest[-1]
        if how == "opposite":
            return turn * 2 + plain(" ".join(rest[:-1]))
        if how == "around":
            return (turn + plain(" ".join(rest[:-1]))) * 4
        return turn + plain(" ".join(rest))
    return VERBS[command]


def short_commands() -> Iterator[str]:
    sides = ("left", "right")
    yield from ("walk", "look", "turn left", "turn right", "walk twice", "look thrice")
    for verb in ("walk", "look", "turn"):
        yield from (f"{verb}{how} {side}" for how in ("", " opposite", " around") for side in sides)
    yield from ("walk and look", "look after walk", "walk after look", "walk left after look right")


@cache
def known() -> scan_derive.Weights:
    return scan_derive.learn((c.split(), plain(c)) for c in short_commands())


def test_the_meanings_of_words_are_found_from_actions_alone() -> None:
    assert scan_derive.verbs(known()) == VERBS
    senses = {own: sense for own, sense in known() if sense[0] != "act"}
    assert senses == {
        ("twice",): ("repeat", "2"),
        ("thrice",): ("repeat", "3"),
        ("*",): ("toward",),
        ("opposite", "*"): ("opposite",),
        ("around", "*"): ("around",),
        ("and",): ("sequence", "on"),
        ("after",): ("sequence", "back"),
    }


@settings(max_examples=50)
@given(commands())
def test_a_derived_plan_carries_out_the_actions_it_was_derived_from(command: str) -> None:
    actions, spelled = plain(command), command.split()
    options = scan_derive.derivations(spelled, actions, known())
    assert options
    for option in options:
        root = Node("perform", {}, {"actions": option.node}, last=len(spelled))
        scan = compiled("scan")
        plan = to_plan(scan, tools(scan), spelled, moves(tools(scan), root))
        done = carried_out(scan, plan, command, {"verbs": VERBS})
        assert done == {str(place): action for place, action in enumerate(actions)}


@pytest.mark.parametrize("text", sorted(FORMS))
def test_a_form_with_variables_becomes_a_plan_that_writes_the_form_without(text: str) -> None:
    form, wanted = FORMS[text]
    cogs, spelled = compiled("cogs"), text.split()
    node = cogs_derive.plan(spelled, form)
    assert node is not None
    plan = to_plan(cogs, tools(cogs), spelled, moves(tools(cogs), node))
    assert carried_out(cogs, plan, text, {"lemmas": LEMMAS}) == {"form": wanted}


def test_what_is_wanted_is_never_what_a_refused_plan_comes_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On COGS's dev split a refused gold plan would make every refused answer right."""
    text = "Emma wanted to run ."
    row, cogs = Record("one", text, FORMS[text][0], "", ""), compiled("cogs")
    assert cogs_run.form(cogs, row, {"lemmas": LEMMAS}) == {"form": FORMS[text][1]}
    monkeypatch.setattr(cogs_run, "carried_out", lambda *_: None)
    with pytest.raises(ValueError, match=r"one: the plan for .* is refused"):
        cogs_run.form(cogs, row, {"lemmas": LEMMAS})


@pytest.mark.parametrize("text", sorted(SLOG))
def test_a_form_without_variables_becomes_a_plan_that_writes_it(text: str) -> None:
    slog, spelled = compiled("slog"), text.split()
    sense = dict.fromkeys(LEMMAS.items(), 1.0)
    sense |= {("What", "?"): 1.0, ("Who", "?"): 1.0}
    verbs = slog_derive.verb_labels(SLOG.values())
    node = slog_derive.plan(spelled, SLOG[text], sense, verbs)
    assert node is not None
    plan = to_plan(slog, tools(slog), spelled, moves(tools(slog), node))
    assert carried_out(slog, plan, text, {"lemmas": LEMMAS}) == {"form": SLOG[text]}


def test_a_word_that_two_labels_could_mean_leaves_its_sentence_out() -> None:
    form = "see ( agent = dog , theme = dog )"
    sense = dict.fromkeys(LEMMAS.items(), 1.0)
    assert (
        slog_derive.plan(["A", "dog", "saw", "a", "dog", "."], form, sense, frozenset({"see"}))
        is None
    )


@settings(max_examples=50)
@given(commands())
def test_the_gold_answers_lead_to_the_gold_moves(command: str) -> None:
    """lessons and the builder's own course are inverse to each other, whatever the network."""
    builder, spelled = untrained(), tuple(command.split())
    option = scan_derive.derivations(spelled, plain(command), known())[0]
    root = Node("perform", {}, {"actions": option.node}, last=len(spelled))
    gold = moves(builder.tools, root)
    course = builder.course(0, spelled)
    for lesson in lessons(builder.asker, spelled, gold):
        asked = builder.question(course)
        assert asked.query == lesson.question.query
        assert (asked.open == lesson.question.open).all()
        assert asked.open[lesson.gold]
        builder.answer(course, lesson.gold)
    assert course.over
    assert tuple(course.moves) == gold


def test_a_finished_step_looks_the_same_whatever_it_is_made_of() -> None:
    """What a fold sees of a long phrase is what it sees of a word: only the type."""
    cogs = compiled("cogs")
    asker, long, short = Asker(tools(cogs), View()), "The cake on a table burned", "The cake burned"
    views = []
    for text, verb in ((long, 5), (short, 2)):
        reading = Reading(len(text.split()))
        for _ in range(verb):
            reading = reading.read()
        assert len(reading.units) == verb
        reading = reading.fold(reading.units[0], "Thing")
        assert (reading.units, reading.steps) == ((Unit(0, 0, "Thing"),), 1)
        views.append(asker.tool(reading, text.split()))
    assert (views[0].kind == views[1].kind).all()
    assert (views[0].open == views[1].open).all()


def test_moves_out_of_order_are_refused() -> None:
    scan = compiled("scan")
    asker = Asker(tools(scan), View())
    late = [Move("act", (Word(1),), 2), Move("act", (Word(0),), 1)]
    with pytest.raises(RailError, match="order"):
        list(lessons(asker, ["walk", "look"], late))
    with pytest.raises(RailError, match="not in view"):
        list(lessons(asker, ["walk", "look"], [Move("act", (Word(1),), 1)]))


def test_words_and_signs_are_told_apart() -> None:
    text = "Emma ate, twice."
    assert [text[a:b] for a, b in words(text)] == ["Emma", "ate", ",", "twice", "."]


@cache
def untrained():  # type: ignore[no-untyped-def]
    return new(load_base("random:llama"), tools(compiled("scan")), (1, 2), width=48)


def test_a_builder_learns_the_plans_of_a_few_commands_exactly() -> None:
    base, scan = load_base("random:llama"), compiled("scan")
    texts = ["walk twice", "look left", "walk and look", "look after walk", "turn around right"]
    torch.manual_seed(0)
    builder = new(base, tools(scan), (0, 1), width=48, dropout=0, tap_dropout=0)
    read = read_words(base, texts, (0, 1))
    gold = []
    for text in texts:
        option = scan_derive.derivations(text.split(), plain(text), known())[0]
        root = Node("perform", {}, {"actions": option.node}, last=len(text.split()))
        gold.append(moves(builder.tools, root))
    rows = [
        (row, lesson)
        for row, way in enumerate(gold)
        for lesson in lessons(builder.asker, read.spelled[row], way)
    ]
    losses: list[float] = []
    how = Practice(steps=150, batch=len(rows), rate=3e-3)
    practise(builder, taught(rows, read), read.table, how, lambda step, loss: losses.append(loss))
    assert losses[-1] < 0.05 < losses[0]
    folded = builder.build(read, range(len(texts)))
    assert [one.moves for one in folded] == gold
    alone = [builder.build(read, [row])[0] for row in range(len(texts))]
    assert [one.moves for one in alone] == gold
    assert [one.log_prob for one in alone] == pytest.approx([f.log_prob for f in folded], abs=1e-3)


@settings(max_examples=8)
@given(st.integers(0, 10**6), st.lists(commands(), min_size=2, max_size=6))
def test_only_what_a_step_does_not_take_in_is_cut_or_swapped(seed: int, texts: list[str]) -> None:
    builder, left = untrained(), untrained().asker.view.left
    read = read_words(load_base("random:llama"), texts, (1, 2))
    rows = []
    for row, text in enumerate(texts):
        option = scan_derive.derivations(text.split(), plain(text), known())[0]
        root = Node("perform", {}, {"actions": option.node}, last=len(text.split()))
        way = moves(builder.tools, root)
        rows += [(row, one) for one in lessons(builder.asker, read.spelled[row], way)]
    told, chance = taught(rows, read), torch.Generator().manual_seed(seed)
    gone = beyond(told.need, left, 1.0, chance)
    near = left - torch.arange(left)[None, :] <= told.need[:, None].clamp_min(1)
    assert not (gone & near).any()
    tool, every = told.asked.query == 0, torch.arange(len(told.gold))
    for made in (cut(told.asked, gone, left), swap(told.asked, gone, left, chance)):
        for name in ("kind", "word", "mark"):
            old, new_ = getattr(told.asked, name), getattr(made, name)
            assert torch.equal(old[:, :left][~gone], new_[:, :left][~gone])
            assert torch.equal(old[:, left:], new_[:, left:])
        assert made.open[every, told.gold].all()
    assert torch.equal(made.kind[tool], told.asked.kind[tool])
    assert torch.equal(made.word[tool], told.asked.word[tool])


def test_closed_answers_are_never_given(monkeypatch: pytest.MonkeyPatch) -> None:
    builder, given = untrained(), []
    read = read_words(load_base("random:llama"), ["walk left and look", "jump"], (1, 2))
    answer = builder.answer

    def watched(course: Course, column: int) -> None:
        given.append((builder.question(course).open, column))
        answer(course, column)

    monkeypatch.setattr(builder, "answer", watched)
    folded = builder.build(read, [0, 1])
    assert all(opened[column] for opened, column in given)
    assert any(not opened.all() for opened, _ in given)
    assert len(given) >= len(folded) + sum(len(one.moves) for one in folded)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_narrows(counts: tuple[int, int]) -> None:
    right, count = counts
    one, ten = (
        share([Judged("", n < times * right, False, None) for n in range(times * count)])
        for times in (1, 10)
    )
    assert one["texts"] == count
    assert 0 <= one["low"] <= one["right"] <= one["high"] <= 1
    assert ten["high"] - ten["low"] < one["high"] - one["low"]
