"""The arms that write plans: any wording of a free text is right, and nothing else is."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
import torch

from bb_core import discover
from bb_core.compiled import compile_domain
from bb_core.plan_printer import quote
from bb_nn.fetch import fetched
from bb_train.data.generator import Generator
from bb_train.data.generator_config import GeneratorConfig
from bb_train.example import Example

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

compact = importlib.import_module("text_arms.compact")
SMOL = "smollm2-135m"


@pytest.fixture(scope="module")
def written() -> Any:
    return compact.Written.of(compile_domain(discover().get("api_json")))


@pytest.fixture(scope="module")
def examples(written: Any) -> list[Example]:
    return list(Generator(written.domain).examples(GeneratorConfig(count=30, seed=5)))


def test_the_places_of_free_texts_hold_them_and_nothing_else(
    written: Any, examples: list[Example]
) -> None:
    seen = 0
    for example in examples:
        target, spots = written.target(example), written.aside(example)
        free = [
            value if value in example.scene.text else compact.TEXT
            for step in example.plan.steps
            for name, value in step.args.items()
            if isinstance(value, str) and written.masked(step.tool, f"/{name}")
        ]
        assert sorted(target[slice(*spot)] for spot in spots) == sorted(
            quote(t)[1:-1] for t in free
        )
        assert all(target[b - 1] == '"' == target[e] for b, e in spots)
        seen += len(spots)
    assert seen > 10


@pytest.mark.skipif(fetched(SMOL) is None, reason=f"run: bb models fetch {SMOL}")
def test_another_token_is_right_inside_a_free_text_alone(
    written: Any, examples: list[Example]
) -> None:
    arm, arms = importlib.import_module("text_arms.arm"), importlib.import_module("arms")
    base = importlib.import_module("bb_nn.base").load_base(SMOL)
    mask = arms.masks(base, written)
    example = next(e for e in examples if written.aside(e))
    aside = written.aside(example)
    one = arm.item(base.tokenizer, example.scene.text, written.target(example), aside=aside)
    wanted = torch.tensor(one.ids[one.start :])
    free = torch.tensor([place in one.aside for place in range(one.start, len(one.ids))])
    assert 0 < int(free.sum()) < len(free)
    for place in range(len(wanted)):
        scores = torch.nn.functional.one_hot(wanted, len(base.tokenizer)).float()
        scores[place, (int(wanted[place]) + 1) % len(base.tokenizer)] = 2.0
        judged = arm._greedy(scores, wanted, free, mask.deep_copy())
        assert judged.free == bool(free[place]), place


@pytest.mark.skipif(fetched(SMOL) is None, reason=f"run: bb models fetch {SMOL}")
def test_a_batch_in_parts_teaches_what_it_teaches_whole(
    written: Any, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    arm = importlib.import_module("text_arms.arm")
    base = importlib.import_module("bb_nn.base").load_base(SMOL)
    base.model.float()
    model = arm.model_of(base, arm.Recipe("lora"))
    pad, found = base.tokenizer.eos_token_id, []
    items = [arm.item(base.tokenizer, e.scene.text, written.target(e)) for e in examples[:5]]
    for at_once in (10_000, 1):
        monkeypatch.setattr(arm, "AT_ONCE", at_once)
        mean = arm._descend(model, items, pad)
        found.append((mean, [w.grad.clone() for w in arm.learnable(model)]))
        model.zero_grad()
    (whole, once), (parts, each) = found
    assert parts == pytest.approx(whole, rel=1e-5)
    assert any(g.abs().max() > 1e-3 for g in once)
    torch.testing.assert_close(each, once, rtol=1e-3, atol=1e-5)


@pytest.mark.skipif(fetched(SMOL) is None, reason=f"run: bb models fetch {SMOL}")
def test_requests_written_together_are_written_as_alone() -> None:
    arm = importlib.import_module("text_arms.arm")
    base = importlib.import_module("bb_nn.base").load_base(SMOL)
    base.model.float()
    said = ["Count: one two three", "A much longer request: the days are Monday Tuesday", "Go"]
    together = arm.write_each(base.model, base.tokenizer, said, 8, rows=2)
    assert together == [arm.write(base.model, base.tokenizer, one, 8) for one in said]
    assert len(set(together)) == 3
