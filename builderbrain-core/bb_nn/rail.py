"""The rail itself: blocks beside the tapped layers, the ways in, and the gates on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bb_nn.clamp import enter
from bb_nn.comp_block import CompBlock
from bb_nn.errors import RailError
from bb_nn.gates import Gates
from bb_nn.in_path import path_deltas
from bb_nn.programs.bank import SkillBank, weighs
from bb_nn.rail_cache import RailState
from bb_nn.rail_config import RailConfig


class Rail(nn.Module):
    """A stream u [B, T, r] that climbs the tapped layers, and enters the base through gates.

    Entry i adds alpha_i clamp(W_i N(u)); W is zero at birth, so a new rail changes nothing. A
    ladder has one entry, over the last layer; inject has one for each tap. Gates of in-path
    deltas, one for each base layer, come after those of the entries. `key` tells this rail's memory
    in a cache from another's; a copy's is the same.
    """

    def __init__(self, config: RailConfig, layers: nn.ModuleList, hidden: int) -> None:
        super().__init__()
        self.config, self.key = config, uuid4().hex
        self.taps = config.layers(len(layers))
        self.depth = len(layers)
        width = config.rail_width(hidden)
        self.blocks = nn.ModuleList(_block(config, hidden, width) for _ in self.taps)
        ways = len(self.taps) if config.coupling == "inject" else 1
        self.entries = nn.ModuleList(_entry(width, hidden) for _ in range(ways))
        self.path = nn.ModuleList(
            path_deltas(layer, config.in_path, config.in_path_rank)
            for layer in (layers if config.in_path else ())
        )
        self.gates = Gates(ways + len(self.path), config.alpha, config.cap)

    def climb(self, states: Mapping[int, Tensor], call: "Call") -> Tensor:
        """The stream after the last tap, over the states of all tapped layers at once."""
        u: Tensor | None = None
        for index, layer in enumerate(self.taps):
            u = self.step(index, states[layer], u, call)
        assert u is not None
        return u

    def step(self, index: int, state: Tensor, u: Tensor | None, call: "Call") -> Tensor:
        """The stream after one tap; the tap's memory is read and written, where there is one."""
        kept = call.memory[index] if call.memory else None
        past = kept.read() if kept is not None else None
        out, memory = self.blocks[index](state, u, call.real, past, call.skill)
        if kept is not None:
            kept.write(memory)
        stream: Tensor = out
        return stream

    def picked(self, skill: Tensor | None, given: Mapping[str, Any]) -> Tensor | None:
        """The skill of a call, whole numbers, or a weight for each skill, floats; raises RailError
        for another shape and for a skill that the rail has not."""
        if skill is None:
            return None
        batch, length = _first(given).shape[:2]
        count = self.skills
        rows = ((batch,), (batch, length))
        soft = count > 0 and weighs(skill, count)
        if not count or (skill.shape[:-1] if soft else skill.shape) not in rows:
            found = f"skill {tuple(skill.shape)} for [{batch}, {length}] tokens, {count} skills"
            raise RailError(found, fix="give [B] or [B, T], and attach with skills")
        if soft:
            return skill
        # Reading them stops a GPU, which refuses an index by itself.
        seen = skill.device.type == "cpu" and not torch.compiler.is_compiling()
        if seen and int(skill.max()) >= count:
            raise RailError(f"skill {int(skill.max())} of {count}", fix="count from 0")
        return skill

    @property
    def skills(self) -> int:
        """How many skills there are now."""
        bank: Any = self.blocks[0].skills
        return 0 if bank is None else len(bank)

    def into(self, index: int, state: Tensor, u: Tensor) -> Tensor:
        """The base's state with the stream entered by one way in."""
        delta = self.entries[index](F.layer_norm(u, u.shape[-1:]))
        return enter(state, delta, self.gates.alpha[index], self.config.rho)


@dataclass
class Call:
    """What one forward call brings: real [B, T] (None: no padding), the taps' memory, the skill."""

    real: Tensor | None = None
    memory: list[RailState] | None = None
    skill: Tensor | None = None


class Injection:
    """The context of one call with `inject`: each tapped layer moves the stream and is entered."""

    def __init__(self, rail: Rail, call: Call) -> None:
        self.rail, self.call = rail, call
        self.live = rail.gates.live()
        self.order = {layer: index for index, layer in enumerate(rail.taps)}
        self.streams: dict[int, Tensor] = {}

    def visit(self, layer: int, state: Tensor) -> Tensor | None:
        """Take one step at a tapped layer; the state to go on with where its gate is open."""
        index = self.order.get(layer)
        if index is None:
            return None
        u = self.rail.step(index, state, self.streams.get(index - 1), self.call)
        self.streams[index] = u
        return self.rail.into(index, state, u) if self.live[index] else None

    def bend(self, layer: int, name: str, given: Tensor, out: Tensor) -> Tensor:
        """A base projection's output with its delta, where the layer's gate is open."""
        gate = len(self.rail.entries) + layer
        deltas: Any = self.rail.path
        if not len(deltas) or name not in deltas[layer] or not self.live[gate]:
            return out
        alpha = self.rail.gates.alpha[gate]
        return enter(out, deltas[layer][name](given), alpha, self.rail.config.rho)


def real_tokens(given: Mapping[str, Any], rail_mask: Tensor | None) -> Tensor | None:
    """Which of the new tokens [B, T] are real; None: all. A mask over a whole static cache is read
    where the tokens are written."""
    first = _first(given)
    mask = given["attention_mask"] if rail_mask is None else rail_mask
    if mask is None:
        return None
    if not isinstance(mask, Tensor) or mask.dim() != 2:
        raise RailError("the mask does not say which tokens are real", fix="give rail_mask [B, T]")
    past, (rows, length) = given["past_key_values"], first.shape[:2]
    if mask.shape[0] != rows or mask.shape[1] < length:
        found = f"a mask {tuple(mask.shape)} for [{rows}, {length}] tokens"
        raise RailError(found, fix="give a row for each text, and a column for each token")
    if getattr(past, "is_compileable", False) and mask.shape[1] == past.get_max_length():
        mask = mask[:, : int(past.get_seq_length()) + length]
    return mask[:, -length:].bool()


def _first(given: Mapping[str, Any]) -> Tensor:
    """The new tokens, or their embeddings."""
    for name in ("input_ids", "inputs_embeds"):
        found = given.get(name)
        if isinstance(found, Tensor):
            return found
    raise RailError("no tokens", where="the call", fix="give input_ids or inputs_embeds")


def _entry(width: int, hidden: int) -> nn.Linear:
    made = nn.Linear(width, hidden, bias=False)
    nn.init.zeros_(made.weight)
    return made


def _block(config: RailConfig, hidden: int, width: int) -> CompBlock:
    skills: nn.Module | None = None
    if config.skills:
        skills = SkillBank(config.skills, width, width, config.skill_rank)
    return CompBlock(
        hidden,
        width,
        heads=config.heads,
        window=config.window,
        feed=config.feed,
        skills=skills,
    )
