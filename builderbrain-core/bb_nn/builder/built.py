"""What a builder gives: a plan as decisions, and how sure it is of it."""

from dataclasses import dataclass

from bb_core.decision import Decision


@dataclass(frozen=True, slots=True)
class Built:
    """A plan as decisions, with its log probability (nats).

    Without a ranker it is that of all of the plan's answers, cuts left out; with one it is that of
    being the right one among the candidates. `answers` are the log probabilities of each answer,
    in order; `starts` the characters at which the clauses start that its decisions name.
    """

    decisions: tuple[Decision, ...]
    log_prob: float
    answers: tuple[float, ...] = ()
    starts: tuple[int, ...] = ()
