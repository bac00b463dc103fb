"""A base's states over a text: whose they are when several read it at once."""

import copy
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from bb_nn.base import Base, byte_tokenizer, load_base  # noqa: E402
from bb_nn.errors import ModelError, RailError, TooLongError, UnknownModelError  # noqa: E402
from bb_nn.tapped import default_layers, tap  # noqa: E402
from tests.conformance.families import tiny  # noqa: E402

TEXTS = ["cancel order W1001", "cancel order W2002"]
"""As long as one another: a mix of their states would be of the right shape."""


def llama() -> Base:
    return load_base("random:llama", torch.float32)


def states(base: Base, text: str) -> torch.Tensor:
    return tap(base, [text], (0, 1, 2))[0].states


def meanwhile(base: Base, layer: int, work: Callable[[], Any]) -> list[Any]:
    """What another thread finds by `work` while the first call stands before a layer."""
    found: list[Any] = []

    def pause(module: object, args: object) -> None:
        if not found:
            found.append(None)
            other = threading.Thread(target=lambda: found.append(work()))
            other.start()
            other.join()

    base.model.model.layers[layer].register_forward_pre_hook(pause)
    return found


def test_threads_that_read_at_the_same_time_get_each_its_own_states() -> None:
    base = llama()
    ours, theirs = (states(base, text) for text in TEXTS)
    found = meanwhile(base, 1, lambda: states(base, TEXTS[1]))
    assert torch.equal(states(base, TEXTS[0]), ours)
    assert torch.equal(found[1], theirs)


def test_another_callers_pass_is_not_broken_off() -> None:
    base, ids = llama(), torch.tensor([[1, 2, 3]])
    want = base.model(ids).logits
    found = meanwhile(base, 0, lambda: base.model(ids).logits)
    tap(base, TEXTS, (1,))
    assert torch.equal(found[1], want)


def test_the_states_are_the_models_own_hidden_states() -> None:
    base = llama()
    ids = torch.tensor([base.tokenizer(TEXTS[0])["input_ids"]])
    with torch.no_grad():
        hidden = base.model(ids, output_hidden_states=True).hidden_states
    found = tap(base, TEXTS[:1], (0, 1))[0].states  # the last hidden state is normed besides
    assert torch.equal(found, torch.stack(hidden[:2], dim=2)[0])


@pytest.mark.parametrize("family", ["llama", "gpt2", "opt", "gpt_neox"])
def test_families_are_read_by_their_decoders_layers(family: str) -> None:
    base = _of(tiny(family))
    assert default_layers(base) == (1, 2)
    assert tap(base, ["abc"], (4, 0))[0].states.shape == (3, 2, 32)


def test_a_base_that_hands_nothing_on_to_its_layers_is_refused_in_words() -> None:
    with pytest.raises(RailError, match=r"layers \[1, 2\] were not given rail_ctx"):
        tap(_of(tiny("falcon")), ["abc"], (1, 2))


def ending(base: Base, form: str) -> Base:
    """The base with a tokenizer that puts special tokens around a text."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = copy.deepcopy(base.tokenizer)
    marks = [("</s>", tokenizer.eos_token_id), ("<s>", tokenizer.bos_token_id)]
    made = TemplateProcessing(single=form, special_tokens=marks)
    tokenizer.backend_tokenizer.post_processor = made
    return replace(base, tokenizer=tokenizer)


@pytest.mark.parametrize("form", ["$A </s>", "$A </s> </s>"])
def test_a_token_after_the_text_is_left_out_and_moves_no_state(form: str) -> None:
    base = llama()
    (plain,) = tap(base, TEXTS[:1], (0, 2))
    (found,) = tap(ending(base, form), TEXTS[:1], (0, 2))
    assert found.offsets.tolist() == plain.offsets.tolist()
    assert found.ids.tolist() == plain.ids.tolist()
    assert torch.allclose(found.states, plain.states, atol=1e-6)


def test_a_token_before_the_text_stays() -> None:
    (found,) = tap(ending(llama(), "<s> $A"), ["abc"], (1,))
    assert found.offsets.tolist() == [[0, 0], [0, 1], [1, 2], [2, 3]]


def test_a_text_that_is_too_long_is_told_apart() -> None:
    with pytest.raises(TooLongError, match="reads at most"):
        tap(llama(), ["lamp " * 4000], (1,))
    with pytest.raises(RailError) as caught:
        tap(llama(), ["abc"], (9,))
    assert not isinstance(caught.value, TooLongError)


def test_weights_cut_short_are_refused_in_words(tmp_path: Path) -> None:
    base = llama()
    base.model.save_pretrained(tmp_path)
    base.tokenizer.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_base(str(tmp_path))


def test_a_random_base_takes_no_tokenizer_that_is_not_here() -> None:
    with pytest.raises(UnknownModelError, match="no folder 'some/model'"):
        load_base("random:llama@some/model")


def _of(model: Any) -> Base:
    """A model of 96 words with the tokenizer of bytes; its letters are below 96."""
    return Base(model, byte_tokenizer(), "", torch.float32, "tiny")
