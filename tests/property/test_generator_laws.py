"""What every generated example keeps to, on the shop's domain."""

from itertools import combinations, islice
from pathlib import Path
from random import Random

import pytest

from bb_core.actions import assemble, decide
from bb_core.compiled import Compiled, compile_domain
from bb_core.registry import discover
from bb_runtime.trial import attempt
from bb_train.data.blanks import blanks_of
from bb_train.data.generator import Generator, generate
from bb_train.data.generator_config import GeneratorConfig
from bb_train.data.look import must_look
from bb_train.data.request import LENGTHS, Wish
from bb_train.data.shares import held_pair, share_of_value
from bb_train.data.spelling import spellings
from bb_train.errors import DataError
from bb_train.example import Example, Family, digest_of, read_examples, write_examples


@pytest.fixture(scope="module")
def shop() -> Compiled:
    found = [domain for domain in discover().domains if domain.name == "api_json"]
    if not found:
        pytest.skip("the shop's domain is not installed")
    return compile_domain(found[0])


@pytest.fixture(scope="module")
def generator(shop: Compiled) -> Generator:
    return Generator(shop)


@pytest.fixture(scope="module")
def train(generator: Generator) -> list[Example]:
    return list(generator.examples(GeneratorConfig(120)))


def some(generator: Generator, family: Family, count: int, **rest: object) -> list[Example]:
    config = GeneratorConfig(count, split="dev", family=family, **rest)  # type: ignore[arg-type]
    return list(generator.examples(config))


def test_spans_name_their_values(generator: Generator) -> None:
    wish = Wish("indist", LENGTHS["train"], skins=0.5, elsewhere=0.3)
    rng, found = Random(3), 0
    for request in islice((generator.requests.draw(wish, rng) for _ in range(99)), 60):
        for start, end, clause, blank in request.text.spans if request else ():
            said = request.clauses[clause]  # type: ignore[union-attr]
            wanted = said.template.blanks[blank]
            text = request.text.text[start:end]  # type: ignore[union-attr]
            assert text in spellings(wanted.schema, said.values.get(blank, wanted.value))
            found += 1
    assert found > 100


def test_every_plan_is_its_decisions(generator: Generator, train: list[Example]) -> None:
    for each in train:
        decisions = decide(generator.space, each.scene, each.plan, each.clauses)
        assert assemble(generator.space, each.scene, decisions) == each.plan


def test_clauses_start_in_the_request(train: list[Example]) -> None:
    for each in train:
        assert each.clauses == tuple(sorted(set(each.clauses)))
        assert each.clauses[0] >= 0 and each.clauses[-1] < each.scene.request_end
    assert {len(each.clauses) for each in train} == {1, 2, 3}
    assert any(each.round for each in train)


def test_no_plan_guesses_where_in_a_list_something_stands(generator: Generator) -> None:
    schema = generator.compiled.schema
    found = generator.requests.templates
    assert not any(must_look(schema, plan) for each in found for plan in each.plans)
    assert not [each for each in found if each.task.id == "when-9"]  # on the price of an item
    looking = next(each for each in found if each.task.id == "when-5")
    first, second = looking.plans
    assert [step.tool for step in first.steps] == ["find_user_by_email", "get_order"]
    again, _, refund = second.steps
    assert again.tool == "get_order" and refund.args["cents"] == 6049
    assert refund.when and refund.when.ref.step == again.id


def test_a_tool_to_leave_out_is_one_of_the_domains(generator: Generator) -> None:
    with pytest.raises(DataError, match=r"api_json: no tool 'nosuch' .*Known: .*, get_order, "):
        some(generator, "indist", 1, without_tools=("get_order", "nosuch"))


@pytest.mark.parametrize("family", ["indist", "combo"])
def test_what_fits_nothing_says_what_to_do(shop: Compiled, family: Family) -> None:
    config = GeneratorConfig(1, family=family, without_tools=tuple(shop.schema.tools))
    count = len(config.without_tools)
    or_without = ", or leave combo out of the families" * (family == "combo")
    with pytest.raises(DataError) as error:
        next(Generator(shop).examples(config))
    assert str(error.value) == (
        f"api_json: nothing new fits train/{family}; dropped: 401 for 'draw'. "
        f"Ask for fewer examples{or_without}, or leave out fewer tools than these {count}"
    )


def test_the_same_seed_gives_the_same_bytes(shop: Compiled, train: list[Example]) -> None:
    again = list(generate(shop, GeneratorConfig(120)))
    assert digest_of(again) == digest_of(train)
    other = list(generate(shop, GeneratorConfig(3, seed=1)))
    assert digest_of(other) != digest_of(train[:3])


def test_a_file_reads_back_and_shows_any_change(tmp_path: Path, train: list[Example]) -> None:
    path = tmp_path / "train.jsonl"
    write_examples(path, train, {"seed": 0})
    assert read_examples(path) == tuple(train)
    path.write_bytes(path.read_bytes().replace(b"train-indist-0-1", b"train-indist-0-9", 1))
    with pytest.raises(DataError):
        read_examples(path)


def test_no_value_is_in_two_shares(generator: Generator, train: list[Example]) -> None:
    """But for kinds that no twin's world takes other values of, which are told and few."""
    schema = generator.compiled.schema
    held = some(generator, "values", 12)

    def shares(examples: list[Example]) -> dict[str, list[str]]:
        """The shares of the values that requests name, by kind."""
        found = dict[str, list[str]]()
        for each in examples:
            for blank in blanks_of(schema, each.plan.steps):
                if "x-type" in blank.schema and str(blank.value) in each.scene.request:
                    share = share_of_value(blank.kind, blank.value)
                    found.setdefault(blank.kind, []).append(share)
        return found

    learnt, asked = shares(train), shares(held)
    assert {share for told in learnt.values() for share in told} == {"train"}
    fresh = [share for kind, told in asked.items() if kind not in generator.fixed for share in told]
    assert set(fresh) == {"dev"}
    assert generator.fixed == {"ItemId", "ProductId"}
    assert len(fresh) >= 0.7 * sum(map(len, asked.values()))


def test_wordings_and_pairs_are_held_out(generator: Generator, train: list[Example]) -> None:
    found = {template.share for template in generator.requests.templates}
    assert found == {"train", "dev", "test"}
    kinds = {template.kind for template in generator.requests.templates}

    def pairs(examples: list[Example]) -> set[str]:
        shown = [sorted(kinds & set(each.tags)) for each in examples]
        return {held_pair(a, b) for both in shown for a, b in combinations(both, 2)}

    assert pairs(train) == {"train"}
    assert pairs(some(generator, "combo", 8)) == {"dev"}


@pytest.mark.parametrize("family", ["indist", "long", "cross", "phrase"])
def test_what_is_to_be_done_can_be_done(generator: Generator, family: Family) -> None:
    compiled = generator.compiled
    for each in some(generator, family, 4):
        assert each.task is not None
        plans = [compiled.read(plan) for plan in each.task.rounds]
        assert plans[0] == each.plan
        assert attempt(compiled, compiled.adapters(), each.task, plans).caught == "nothing"
        assert family != "long" or len(each.clauses) >= 4


def test_what_is_to_be_refused_changes_nothing(generator: Generator) -> None:
    compiled = generator.compiled
    found = some(generator, "refuse", 8)
    for each in found:
        assert each.task is not None and each.task.expect == "refuse"
        plans = [compiled.read(plan) for plan in each.task.rounds]
        trial = attempt(compiled, compiled.adapters(), each.task, plans)
        assert trial.caught != "nothing" and not trial.diff
    with pytest.raises(DataError):
        list(generator.examples(GeneratorConfig(1, family="refuse")))


def test_a_held_out_tool_is_in_no_training_example(generator: Generator) -> None:
    without = ("exchange_items",)
    shown = generator.examples(GeneratorConfig(60, without_tools=without))
    assert all(step.tool not in without for each in shown for step in each.plan.steps)
    for each in some(generator, "tool", 4, without_tools=without):
        assert each.task is not None
        plans = map(generator.compiled.read, each.task.rounds)
        assert {step.tool for plan in plans for step in plan.steps} & set(without)


@pytest.mark.parametrize("name", ["phone", "robots", "social"])
def test_every_domain_has_examples_in_skins(name: str) -> None:
    """A skin may be asked of a task that another skin has rewritten, its world too."""
    config = GeneratorConfig(count=40, skins=1.0)
    assert len(list(Generator(compile_domain(discover().get(name))).examples(config))) == 40
