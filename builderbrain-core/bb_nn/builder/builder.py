"""The plan builder: from a scene to the decisions of a plan, beside a frozen base.

It reads the base's states, cuts the request into clauses, and answers a plan's questions clause by
clause within the masks of its space. It never touches the base's stream: not calling it is the
base alone, to the bit.

Not covered: whether the plan is right or allowed (the checker's), and free text, which the base
writes.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from bb_core.actions import decide
from bb_core.plan import Plan
from bb_core.scene import Scene
from bb_core.space import Space
from bb_nn.base import Base
from bb_nn.builder.asker import Asker
from bb_nn.builder.batch import Batch, collate
from bb_nn.builder.beam import Beam
from bb_nn.builder.built import Built
from bb_nn.builder.conditions import compared
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.cuts import MOST, cuts
from bb_nn.builder.described import Described, describe
from bb_nn.builder.encoded import Encoded, encode
from bb_nn.builder.loss import Losses, losses
from bb_nn.builder.network import Network
from bb_nn.builder.question import Spot, Tokens
from bb_nn.builder.ranker import WIDE, Contender, Ranker, traits_of
from bb_nn.builder.script import clause_spots, script
from bb_nn.builder.still import still
from bb_nn.builder.words import tool_text, words_of
from bb_nn.errors import RailError
from bb_nn.tapped import Tapped


class PlanBuilder(nn.Module):
    """A network that builds plans in one space. `described` holds what the base makes of words."""

    def __init__(self, config: BuilderConfig, space: Space, described: Described) -> None:
        super().__init__()
        self.config, self.space, self.described = config, space, described
        self.places = compared(space)
        self.network = Network(config, described)
        self.ranker = Ranker() if config.ranked else None

    @classmethod
    def of(cls, config: BuilderConfig, space: Space, base: Base) -> "PlanBuilder":
        """A new builder with random weights; the base describes the space's words."""
        return cls(config, space, describe(base, words_of(space), config.layers))

    def estrange(self, tools: Collection[str]) -> None:
        """Tell these tools as strangers: by what a request says of them, and by no vector.

        It is for tools that training never showed. Raises RailError for a builder without
        strangers, which could not tell one such tool from another.
        """
        if not self.config.strangers:
            found, fix = "it was made without strangers", "train with [builder] strangers"
            raise RailError(found, where="builder", fix=fix)
        rows = [self.described.rows[tool_text(self.space, tool)] for tool in tools]
        vectors = self.network.words.clone()
        vectors[rows] = self.network.stranger
        self.network.words, self.described = vectors, replace(self.described, vectors=vectors)

    def asker(self, scene: Scene) -> Asker:
        """The questions of a scene."""
        shape = self.config
        return Asker(
            self.space, scene, self.described.rows, self.places, shape.skills,
            strangers=bool(shape.strangers),
        )  # fmt: skip

    def encode(
        self,
        tapped: Tapped,
        scene: Scene,
        plan: Plan,
        clauses: Sequence[int] = (),
        *,
        cuts: bool = True,
    ) -> Encoded:
        """A gold plan as arrays; raises Inexpressible. `clauses`: the characters they start at.

        `cuts`: they are right, and to be learnt; else the plan alone is.
        """
        decisions = decide(self.space, scene, plan, clauses)
        segmented = self.config.segmented
        made = script(self.asker(scene), decisions, clauses, segmented=segmented, cuts=cuts)
        return encode(made, Tokens(tapped.offsets))

    def batch(self, tapped: Sequence[Tapped], encoded: Sequence[Encoded]) -> Batch:
        """Encoded plans with the states of their scenes, as one batch; RailError as in `build`."""
        for one in tapped:
            self._require_read(one)
        return collate(tapped, encoded, len(self.described.texts))

    def forward(self, batch: Batch) -> Losses:
        """What the builder loses on a batch; see `loss`."""
        return losses(self.network(batch), batch)

    def loss(self, batch: Batch) -> Losses:
        """All losses of a batch of gold plans."""
        found: Losses = self(batch)
        return found

    def build(self, tapped: Tapped, scene: Scene, k: int = 4) -> list[Built]:
        """The k best plans, best first; dropout is off while it builds. None may come to an end.

        `tapped` are the base's states of `scene.text`. Best is what the ranker says, or else the
        most probable. Raises RailError for k below 1, and for states of other layers.
        """
        _require_some(k)
        if self.ranker is None:
            return self.likeliest(tapped, scene, k)
        return self.ranker.best(self.contenders(tapped, scene, max(k, WIDE)), k)

    def likeliest(self, tapped: Tapped, scene: Scene, k: int = 4) -> list[Built]:
        """The k most probable plans of the segmenter's own cuts, ranked builder or not."""
        return [built for _, _, built in self._searched(tapped, scene, k, ways=1)]

    def contenders(self, tapped: Tapped, scene: Scene, k: int = WIDE) -> list[Contender]:
        """The k most probable plans of each way to cut the request, with their traits."""
        return [
            Contender(built, traits_of(asker, built, delta))
            for asker, delta, built in self._searched(tapped, scene, k, ways=MOST)
        ]

    @torch.no_grad()
    def _searched(
        self, tapped: Tapped, scene: Scene, k: int, ways: int
    ) -> list[tuple[Asker, float, Built]]:
        """Plans with what asked for them, and the delta of their cuts."""
        _require_some(k)
        with still(self):
            memory, asker = self._memory(tapped), self.asker(scene)
            beam = Beam(self.network, asker, Tokens(tapped.offsets), memory)
            return [
                (asker, delta, Built(p.progress.done, p.log_prob, p.confidence, _begins(clauses)))
                for clauses, delta in self._clauses(tapped, scene, memory)[:ways]
                for p in beam.search(clauses, k)
            ]

    @torch.no_grad()
    def starts(self, tapped: Tapped, scene: Scene) -> tuple[int, ...]:
        """The characters of the request at which it cuts a scene into clauses, as in `ways`.

        None if it cuts nothing; 0 alone where there is nothing to cut.
        """
        return self.ways(tapped, scene)[0][0]

    @torch.no_grad()
    def ways(self, tapped: Tapped, scene: Scene) -> list[tuple[tuple[int, ...], float]]:
        """Every way it might cut a scene, its own first: the starts, and delta as in `cuts`."""
        if not self.config.segmented:
            return [((), 0.0)]
        return self._ways(tapped, scene, self._memory(tapped))

    def _require_read(self, tapped: Tapped) -> None:
        """Raise RailError unless the states are of the layers, and as wide, as it reads them."""
        wanted, (_, count, width) = self.config.layers, tapped.states.shape
        named = tapped.layers in ((), wanted)
        if not named or (count, width) != (len(wanted), self.config.base_width):
            layers = f"layers {tapped.layers}" if tapped.layers else f"{count} layers"
            need = f"tap layers {wanted} of a base {self.config.base_width} wide"
            raise RailError(f"the states are of {layers}, {width} wide", where="builder", fix=need)

    def _memory(self, tapped: Tapped) -> Tensor:
        self._require_read(tapped)
        memory: Tensor = self.network.memory(tapped.states[None], _length(tapped))
        return memory

    def _clauses(
        self, tapped: Tapped, scene: Scene, memory: Tensor
    ) -> list[tuple[list[Spot], float]]:
        """The clauses of each way to cut, and delta."""
        if not self.config.segmented:
            return [([(0, len(scene.text))], 0.0)]
        found = self._ways(tapped, scene, memory)
        return [(clause_spots(scene, starts), delta) for starts, delta in found]

    def _ways(
        self, tapped: Tapped, scene: Scene, memory: Tensor
    ) -> list[tuple[tuple[int, ...], float]]:
        request, tokens = tapped.offsets[:, 0] < scene.request_end, Tokens(tapped.offsets)
        logits = self.network.segmenter(tapped.states[None], _length(tapped), memory)[0]
        # Two tokens may begin at one character: pieces of an emoji, or a blank before its word.
        ways: dict[tuple[int, ...], float] = {}
        for starts, delta in cuts(logits, request):
            begins = {first_char(scene, tokens, t) for t in starts}
            # Where the request ends in blanks, or is empty, a token may begin behind it.
            inside = sorted(char for char in begins if char < scene.request_end) or [0]
            ways.setdefault(tuple(inside), delta)
        return list(ways.items())


def _require_some(k: int) -> None:
    if k < 1:
        raise RailError(f"{k} plans asked for", where="builder", fix="use k from 1 up")


def _length(tapped: Tapped) -> Tensor:
    return torch.tensor([len(tapped.ids)])


def _begins(clauses: Sequence[Spot]) -> tuple[int, ...]:
    return tuple(begin for begin, _ in clauses)


def first_char(scene: Scene, tokens: Tokens, token: int) -> int:
    """The first character of a token that is no blank."""
    begin, end = int(tokens.starts[token]), int(tokens.ends[token])
    text = scene.text[begin:end]
    return begin + len(text) - len(text.lstrip())
