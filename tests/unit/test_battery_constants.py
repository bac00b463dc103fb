"""What plans hold although nobody says it is learnt from a domain's battery, for every domain."""

from dataclasses import replace

import pytest

pytest.importorskip("torch")

from bb_core import discover
from bb_core.compiled import compile_domain
from bb_core.slots import slots_of
from bb_core.space import Space
from bb_nn.builder.words import words_of
from bb_train.data.constants import space_of
from bb_train.data.generator import Generator
from bb_train.data.generator_config import GeneratorConfig

DOMAINS = ("api_json", "phone", "robots", "social")


def learnt(domain: str) -> Space:
    return space_of(compile_domain(discover().get(domain)))


def test_a_phones_screens_and_buttons_are_known() -> None:
    known = learnt("phone").constants
    assert "heading:Messages" in known["open", ("see",)]
    assert "button:Save" in known["tap", ("on",)]
    assert "switch:Wi-Fi" in known["is_on", ("on",)], "one task asks, others tap it"


def test_a_shop_says_all_that_its_plans_hold() -> None:
    space = learnt("api_json")
    assert not space.constants
    assert space.digest == Space.of(space.compiled).digest


@pytest.mark.parametrize("domain", DOMAINS)
def test_free_texts_and_closed_values_are_never_constants(domain: str) -> None:
    space = learnt(domain)
    for tool, path in space.constants:
        own = [slot for slot in slots_of(space.schema, tool) if slot.path == path]
        assert all(slot.kind not in ("text", "closed") for slot in own)


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_shipped_domain_has_examples_to_learn_from(domain: str) -> None:
    made = Generator(compile_domain(discover().get(domain)))
    wish = GeneratorConfig(count=12, split="train", seed=0, execute=False)
    assert len({example.scene.text for example in made.examples(wish)}) == 12
    assert made.dropped["inexpressible"] < 40, "of phone it was 146 without constants"


def test_a_text_that_a_request_says_is_no_constant_though_no_type_reads_it() -> None:
    """`PersonName` reads single words; a battery's names are not the ones to choose from."""
    assert ("find_contact", ("name",)) not in learnt("social").constants


def test_a_constant_at_any_place_of_a_list_is_described() -> None:
    space = learnt("api_json")
    place = ("get_order", ("/items/3/name",))
    assert "Desk lamp" in words_of(replace(space, constants={place: ("Desk lamp",)}))
