"""From executed episodes to a decision: candidate, audit, gate, canary, rollback.

    observe     new episodes go to what is pending, and into the replay
    propose     `every` pending episodes make a candidate rail of adapters alone, in the registry
    decide      the evidence goes to bb_safety's gate, and the pointer moves by what it decides
    watch       pairs of the canary go to its watch: rolled back, settled, or go on

Where what serves misses next to nothing there is no candidate, for a promotion spends epsilon and
its canary holds up what is learnt next; nor where its guards do not hold. Two rollbacks freeze the
pointer (bb_safety) until a person has anchored. What is pending and replayed lies in `folder` and
outlives the process, killed or not (`intake`, `replay`); more than one process may observe, one at
a time proposes.

Not covered: episodes that somebody made up; who may write the ledger or the episode file can teach
anything, and the gate is what stands between that and users.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bb_core.canonical import Json, digest, digest_json
from bb_core.record import Digests, Figures, Ledger, Record
from bb_nn.base import Base
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.rail_facts import alarms_of, allowed_alpha, base_json, facts
from bb_nn.builder.rail_folder import read_record, save_rail
from bb_nn.errors import RailError
from bb_safety.decision import Decision
from bb_safety.evidence import Evidence
from bb_safety.pointer import Pointer, Standing
from bb_safety.policy import Policy
from bb_safety.promote import gate
from bb_safety.registry import Artifact, Registry
from bb_safety.rollback import watch
from bb_train.audits.cosine_log import cosine_row
from bb_train.audits.gaming import Training, alarms, covariances
from bb_train.continual.adapters import parameters_in_use, require_trunk
from bb_train.continual.intake import Intake
from bb_train.continual.learn import Episodes, Learnt, learn
from bb_train.continual.learning import Learning
from bb_train.continual.no_candidate import NoCandidate
from bb_train.continual.replay import Replay, seen_in
from bb_train.continual.sides import missed, sayable, side
from bb_train.continual.skill_change import require_births
from bb_train.continual.stale import Way, current, stale
from bb_train.continual.told import Told
from bb_train.counterfactual import Trials
from bb_train.example import Example
from bb_train.induce import induced
from bb_train.learner import States
from bb_train.run_lock import held

PENDING, REPLAY, CANDIDATE = "pending.jsonl", "replay.jsonl", "candidate"


@dataclass(frozen=True)
class Proposed:
    """A candidate in the registry, and what the gate and the ledger are told beside the pairs."""

    artifact: Artifact
    builder: PlanBuilder
    learnt: Learnt | None
    figures: Figures
    told: Mapping[str, Json] = field(default_factory=dict)

    @property
    def alarms(self) -> tuple[str, ...]:
        """What its audits found, as it was signed; any of them and the gate rejects it."""
        return alarms_of(self.artifact.facts)

    def on(self, evidence: Evidence) -> Evidence:
        """Evidence on this candidate with its alarms and figures."""
        return replace(
            evidence,
            candidate=self.artifact.digest,
            alarms=(*evidence.alarms, *self.alarms),
            told={**evidence.told, **self.told},
        )


@dataclass
class Cycle:
    """One domain's learning beside what serves it."""

    base: Base
    registry: Registry
    pointer: Pointer
    policy: Policy
    learning: Learning
    folder: Path
    ledger: Ledger
    states: States
    trials: Trials | None = None

    def __post_init__(self) -> None:
        self.intake = Intake(self.folder / PENDING)
        self.replay = self._replayed()

    @property
    def replay_file(self) -> Path:
        """Where the replay lies."""
        return self.folder / REPLAY

    @property
    def due(self) -> bool:
        """Whether enough new episodes wait to be learnt from."""
        return self.intake.count(seen_in(self.replay_file)) >= self.learning.every

    @property
    def pending(self) -> tuple[Example, ...]:
        """The episodes that wait, whichever process observed them."""
        return self.intake.after(seen_in(self.replay_file))

    def observe(self, examples: Sequence[Example]) -> None:
        """Take executed episodes in; with `trials`, only those whose plan earned something.

        They are on the disk when it returns. Any number of processes may observe at once.
        """
        earned = [one for one in examples if self._earned(one)]
        self.intake.add(earned, seen_in(self.replay_file))

    def _earned(self, one: Example) -> bool:
        if self.trials is None or one.task is None or one.round > 0:
            return True
        return self.trials.worth(one.task, one.plan).reward > 0

    def propose(self, serving: PlanBuilder) -> Proposed | NoCandidate:
        """A candidate from what is pending, or why there is none.

        None is made where what serves misses too few of them (`Learning.missed`), and none is kept
        whose guards do not hold. Episodes that do what is not done any more are not learnt from
        (`stale`). What was pending is replayed from now on, either way. Raises BusyError where
        another process makes a candidate in this folder; one that was killed has taken nothing.
        """
        with held(self.folder):
            self.replay, fresh = self._replayed(), self.pending
            serves = self.pointer.standing().current
            made = self.learn_from(serving, fresh, self.replay, serves)
            if isinstance(made, NoCandidate) and made.again:
                return made
            self.replay.add(fresh)
            self.replay.save(self.replay_file)
            self.intake.forget(self.replay.seen)
            return made

    def _replayed(self) -> Replay:
        return Replay.load(self.replay_file, self.learning.replay, self.learning.seed)

    def learn_from(
        self, serving: PlanBuilder, fresh: Sequence[Example], replay: Replay, serves: str
    ) -> Proposed | NoCandidate:
        """As `propose`, from these episodes beside a replay; keeps neither.

        serves: the version that `serving` is; none is made where another serves by the end.
        """
        gone = stale(serving.space, [*replay.items, *fresh])
        learnt_from, held_out = replay.parts(self.learning.held)
        episodes = Episodes(
            *(self._usable(serving, part, gone) for part in (fresh, learnt_from, held_out))
        )
        names = digest_json([one.id for one in episodes.fresh])
        tell = Told(self.ledger, f"learn-{names[7:19]}", self._digests(serving, serves))
        told: dict[str, Json] = {"stale": {str(way): p for way, p in gone.items()}}
        return self._learnt(serving, episodes, tell, told, serves)

    def _usable(
        self, serving: PlanBuilder, some: Sequence[Example], gone: Mapping[Way, float]
    ) -> tuple[Example, ...]:
        """Those that are not stale and that the base can read to their end."""
        now = current(serving.space, some, gone)
        return tuple(one for one in now if self._readable(one))

    def _readable(self, one: Example) -> bool:
        try:
            self.states(one.scene.text)
        except RailError:
            return False
        return True

    def _learnt(
        self,
        serving: PlanBuilder,
        episodes: Episodes,
        tell: Told,
        told: Mapping[str, Json],
        serves: str,
    ) -> Proposed | NoCandidate:
        cut = tuple(induced(serving, one, self.states) for one in episodes.fresh)
        episodes, some = replace(episodes, fresh=cut), sayable(serving, cut, self.states)
        if not some:
            return tell.none("what serves can say the plan of none of them", Figures(), told)
        wrong = missed(serving, some, self.states)
        came: dict[str, Json] = {**told, "missed": wrong}
        if wrong < self.learning.missed:
            why = f"what serves misses {wrong:.1%} of {len(some)}, under {self.learning.missed:.1%}"
            return tell.none(why, Figures(), came)
        learnt = learn(serving, episodes, self.states, self.learning, tell)
        came |= {"held": len(episodes.held), **_came(learnt)}
        figures = Figures(duals=dict(learnt.duals.multipliers))
        if learnt.builder is None:
            why = f"no scale kept its guards: KL {learnt.kl:.3g}, drift {learnt.drift:.3g}"
            return tell.none(why, figures, came)
        if self.pointer.standing().current != serves:
            return replace(tell.none("another version serves by now", figures, came), again=True)
        made = self._made(serving, learnt, episodes, came, serves)
        tell.made(made.artifact.digest, made.alarms, made.figures, came)
        return made

    def offer(self, candidate: PlanBuilder, serving: PlanBuilder, what: str) -> Proposed:
        """A change of the skill library (born, merged, distilled) as a candidate for the gate."""
        require_births(candidate, serving)
        items = self.replay.items
        now = current(serving.space, items, stale(serving.space, items))
        some = sayable(candidate, _latest(now, self.learning.audited), self.states)
        before, _ = side(serving, some, self.states, self.trials)
        after, ged = side(candidate, some, self.states, self.trials)
        figures = Figures(ged=ged if some else None)
        told: dict[str, Json] = {
            "figures": figures.to_json(),
            "change": what,
            "trunk": require_trunk(candidate, serving),
            "parameters": parameters_in_use(candidate),
        }
        found = alarms(before, after)
        artifact = self._added(candidate, told, found, (), self.pointer.standing().current)
        return Proposed(artifact, candidate, None, figures, told)

    def decide(self, proposed: Proposed, evidence: Evidence, by: str = "") -> Decision:
        """The gate's decision on a candidate, on the ledger, with the pointer moved if it says."""
        decision = gate(proposed.on(evidence), self.policy, approved_by=by)
        self._decided(decision, proposed.figures)
        if decision.moves:
            self.pointer.move(decision, self.ledger)
        return decision

    def watch(self, evidence: Evidence) -> tuple[Decision, Standing]:
        """What pairs of the canary say of what was promoted; the pointer moves by it."""
        decision = watch(evidence, self.policy)
        if not decision.moves:
            return decision, self.pointer.standing()
        self._decided(decision, Figures())
        return decision, self.pointer.move(decision, self.ledger)

    def _made(
        self,
        serving: PlanBuilder,
        learnt: Learnt,
        episodes: Episodes,
        came: Mapping[str, Json],
        serves: str,
    ) -> Proposed:
        assert learnt.builder is not None and learnt.last is not None
        half = self.learning.audited // 2
        some = [*_latest(episodes.fresh, half), *episodes.held[:half]]
        some = sayable(learnt.builder, some, self.states)
        before, _ = side(serving, some, self.states, self.trials)
        after, ged = side(learnt.builder, some, self.states, self.trials)
        held = [dual.constraint for dual in learnt.duals.duals]
        ceilings = {one.name: one.lambda_max for one in held}
        found = alarms(before, after, Training(learnt.paths, ceilings))
        figures = Figures(
            duals=dict(learnt.duals.multipliers),
            cosines=cosine_row(learnt.last.surgery),
            cfs=learnt.last.figures["cfs_rate"],
            ged=ged,
        )
        told: dict[str, Json] = {
            "figures": figures.to_json(),
            "covariance": {row.proxy: row.to_json() for row in covariances(before, after)},
            **came,
        }
        artifact = self._added(learnt.builder, told, found, episodes.fresh, serves)
        return Proposed(artifact, learnt.builder, learnt, figures, told)

    def _added(
        self,
        builder: PlanBuilder,
        told: Mapping[str, Json],
        found: Sequence[str],
        fresh: Sequence[Example],
        serves: str,
    ) -> Artifact:
        """The candidate in the registry; what its audits found is in it, and signed with it."""
        more: dict[str, Json] = {
            "adapters": {"trunk": told["trunk"], "from": serves, "alarms": [*found]},
            "base": {**base_json(self.base)},
            "alpha": self._allowed(serves),
            "learnt": dict(told),
            "learning": self.learning.to_json(),
            # The names of runs, and no digest of what was said in them: that would outlive it.
            "made_from": {"data": digest_json([one.id for one in fresh]) if fresh else ""},
        }
        record = save_rail(self.folder / CANDIDATE, builder, self.base, more)
        return self.registry.add(self.folder / CANDIDATE, self.pointer.domain, facts(record))

    def _allowed(self, serves: str) -> float:
        """The alpha of what serves; what is learnt beside it may say no more."""
        if not serves:
            return 1.0
        folder = self.registry.get(serves).content
        return allowed_alpha(read_record(folder), str(folder))

    def _digests(self, serving: PlanBuilder, serves: str) -> Digests:
        compiled = serving.space.compiled
        return Digests(
            base=self.base.digest,
            rail=serves or "none",
            grammar=digest(compiled.grammar.text.encode()),
            schema=compiled.digest,
            config=digest_json(self.learning.to_json()),
        )

    def _decided(self, decision: Decision, figures: Figures) -> None:
        whole = replace(figures, v_s_delta=decision.judgement.dv)
        digests = Digests(
            base=self.base.digest,
            rail=decision.target or "none",
            schema=str(decision.evidence.made_from.get("domain", "none")),
            config=digest_json(self.policy.to_json()),
        )
        blocks = {"figures": whole.to_json(), "digests": digests.to_json()}
        body = {**decision.summary(), "domain": self.pointer.domain, "said": decision.said}
        self.ledger(Record("gate", decision.target, body={**body, **blocks}))


def _latest(examples: Sequence[Example], count: int) -> Sequence[Example]:
    return examples[max(0, len(examples) - count) :]


def _came(learnt: Learnt) -> dict[str, Json]:
    """What a training came to."""
    return {
        "kl": learnt.kl,
        "drift": learnt.drift,
        "scale": learnt.scale,
        "trunk": learnt.trunk,
        "parameters": learnt.parameters,
    }
