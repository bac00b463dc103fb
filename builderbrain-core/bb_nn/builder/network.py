"""The builder's network: from a batch of encoded plans to what it would answer to every question.

Table rows (see `batch`) are the one form in which it meets words, tokens and steps.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bb_nn.builder.batch import WORDS_AT, Actions, Batch, Clauses, Questions, Steps
from bb_nn.builder.clause_decoder import ClauseDecoder, Seen
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.described import Described
from bb_nn.builder.edge_head import EdgeHead
from bb_nn.builder.elsewhere import Elsewhere
from bb_nn.builder.memory import Memory
from bb_nn.builder.option_head import (
    FEATURES,
    KNOWN,
    Kind,
    Mark,
    OptionHead,
    Options,
    PairProjection,
    Query,
)
from bb_nn.builder.segmenter import Segmenter
from bb_nn.builder.span_pointer import SpanPointer, after
from bb_nn.builder.standard import Standard, moments

RECENT = 6
"""Steps further back than this look equally far."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the network makes of a batch.

    memory: [B, T, width], what all losses share. hidden: [R * A, width]. options: logits [O].
    start: segmenter logits [B, T]. first, last: log probabilities [F, T'] of a free text's ends.
    edges: logits [E]. nodes, registers: [M, width], what a step is, and the state that finished it.
    """

    memory: Tensor
    hidden: Tensor
    options: Tensor
    start: Tensor
    first: Tensor
    last: Tensor
    edges: Tensor
    nodes: Tensor
    registers: Tensor


class Network(nn.Module):
    """All of a builder's parameters; `words` [W, taps * d] is what the base makes of its texts."""

    words: Tensor

    def __init__(self, config: BuilderConfig, described: Described) -> None:
        super().__init__()
        width, words = config.width, described.vectors
        known = moments(words)
        self.config = config
        self.register_buffer("words", words, persistent=False)
        tokens = known if described.tokens is None else described.tokens
        self.memory = Memory(config, tokens)
        self.segmenter = Segmenter(config, tokens)
        self.narrow = nn.Sequential(
            Standard(known),
            nn.Dropout(config.tap_dropout),
            nn.Linear(words.shape[1], width),
            nn.LayerNorm(width),
        )
        self.mark = nn.Embedding(len(Mark), width)
        self.asked = nn.Embedding(len(Query), width)
        self.asked_word = nn.Linear(width, width, bias=False)
        self.before = PairProjection(width)
        self.node = nn.Sequential(nn.Linear(2 * width, width), nn.LayerNorm(width))
        self.recency = nn.Embedding(RECENT + 1, width)
        self.input_norm = nn.LayerNorm(width)
        self.decoder = ClauseDecoder(config)
        self.head = OptionHead(width, FEATURES if config.strangers else KNOWN)
        self.elsewhere = Elsewhere(config)
        self.pointer = SpanPointer(width)
        self.edge = EdgeHead(width)

    def forward(self, batch: Batch) -> Outcome:
        """Teacher-forced: every question at once, given the gold answers before it."""
        states, lengths = batch.texts.states, batch.texts.lengths
        memory = self.memory(states, lengths)
        fixed = self.table(memory, self._strangers(batch.questions))
        nodes = self.nodes(fixed, batch.steps)
        table = torch.cat([fixed, nodes])
        hidden = self._hidden(table, batch.clauses, batch.actions)
        registers = hidden[batch.steps.action]
        first, last = self._free(table, hidden, batch)
        return Outcome(
            memory,
            hidden,
            self._options(table, hidden, memory, batch),
            self.segmenter(states, lengths, memory),
            first,
            last,
            self._edges(hidden, nodes, registers, batch.steps),
            nodes,
            registers,
        )

    def table(self, memory: Tensor, strangers: Tensor | None = None) -> Tensor:
        """The table without the steps: nothing, the marks, the words, the tokens [B, T, width].

        strangers: the rows of words that are told by `stranger` instead.
        """
        nothing = memory.new_zeros(1, memory.shape[-1])
        told = self.words
        if strangers is not None:
            told = told.index_copy(0, strangers, self.stranger.expand(len(strangers), -1))
        words: Tensor = self.narrow(told)
        return torch.cat([nothing, self.mark.weight, words, memory.flatten(0, 1)])

    @property
    def stranger(self) -> Tensor:
        """[taps * d]: what is told of a tool that training never showed, the mean of all words."""
        standard = self.narrow[0]
        assert isinstance(standard, Standard)
        return standard.moments[0]

    def _strangers(self, asked: Questions) -> Tensor | None:
        """Rows of the words of those tools on offer that are strangers at this step of training.

        None where the trunk is not trained: adapters are learnt for what serves.
        """
        trained = self.training and self.head.features.weight.requires_grad
        if not (trained and self.config.strangers):
            return None
        offered = torch.unique(asked.pair[asked.kind == Kind.SKILL, 0]) - WORDS_AT
        lots = torch.rand(len(offered), device=offered.device)
        chosen: Tensor = offered[lots < self.config.strangers]
        return chosen

    def nodes(self, table: Tensor, steps: Steps) -> Tensor:
        """[M, width]: each step's tool with the mean of what it copied."""
        spans = table[steps.span].mean(dim=1)
        count = torch.zeros(len(steps.word), device=table.device).index_add(
            0, steps.span_step, torch.ones_like(steps.span_step, dtype=torch.float32)
        )
        total = table.new_zeros(len(steps.word), table.shape[1]).index_add(
            0, steps.span_step, spans
        )
        mean = total / count.clamp_min(1)[:, None]
        found: Tensor = self.node(torch.cat([table[steps.word], mean], dim=-1))
        return found

    def look(self, table: Tensor, clauses: Clauses) -> Seen:
        """What the decoder may see in each clause."""
        steps = table[clauses.steps] + self.recency(clauses.recency.clamp_max(RECENT))
        text = table[clauses.text]
        seen: Seen = self.decoder.look(text, clauses.text_open, steps, clauses.steps_open)
        return seen

    def inputs(self, table: Tensor, actions: Actions) -> Tensor:
        """[R, A, width]: the answer before, and what is asked now."""
        rows, count = actions.query.shape
        pair = table[actions.before.flatten(0, 1)].flatten(1)
        answered = self.before(pair, actions.before_kind.flatten()).view(rows, count, -1)
        asked = self.asked(actions.query) + self.asked_word(table[actions.word])
        out: Tensor = self.input_norm(answered + asked)
        return out

    def _hidden(self, table: Tensor, clauses: Clauses, actions: Actions) -> Tensor:
        seen = self.look(table, clauses)
        x = self.inputs(table, actions)
        h: Tensor = self.decoder(x, actions.adapter, actions.marks, seen)[0]
        return h.flatten(0, 1)

    def _options(self, table: Tensor, hidden: Tensor, memory: Tensor, batch: Batch) -> Tensor:
        asked = batch.questions
        h = hidden[asked.action]
        second = torch.nonzero(asked.elsewhere).flatten()
        if len(second):
            example = asked.example[second]
            places = torch.arange(memory.shape[1], device=memory.device)
            real = places[None, :] < batch.texts.lengths[example][:, None]
            h = h.index_copy(0, second, self.elsewhere(h[second], memory[example], real))
        return self.score(table, h, asked)

    def score(self, table: Tensor, h: Tensor, asked: Questions) -> Tensor:
        """Logits [O] of the options, given the states h [G, width] of their questions."""
        options = Options(asked.group, asked.kind, asked.pair, table, asked.features, asked.allowed)
        logits: Tensor = self.head(h, asked.query, options)
        return logits

    def _free(self, table: Tensor, hidden: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        action, begin, _ = batch.questions.free.T
        clause = action // batch.actions.query.shape[1]
        text, opened = table[batch.clauses.text[clause]], batch.clauses.text_open[clause]
        h = hidden[action]
        first = self.pointer.start(h, text, opened)
        chosen = text[torch.arange(len(begin), device=begin.device), begin]
        last = self.pointer.end(h, chosen, text, after(begin, self.config.span, opened))
        return first, last

    def _edges(self, hidden: Tensor, nodes: Tensor, registers: Tensor, steps: Steps) -> Tensor:
        earlier = steps.earlier
        h = hidden[steps.edge_action]
        logits: Tensor = self.edge(h, nodes[earlier], registers[earlier], steps.features)
        return logits
