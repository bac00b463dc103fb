"""Put a run together: domain, model, system, engine and ledger, all under one artifact digest."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bb_core.adapters import Adapters, World
from bb_core.canonical import Json, digest, digest_json
from bb_core.compiled import Compiled
from bb_core.record import Digests, Ledger
from bb_core.verdict import Checked
from bb_infra.anchor import anchor, require_extends
from bb_infra.checkpoint import own_key
from bb_infra.config import Config
from bb_infra.errors import InfraError, LedgerError
from bb_infra.ledger import LedgerFile
from bb_infra.sealed import Sealed, own_sealed
from bb_infra.telling import say
from bb_runtime.approve import Approver
from bb_runtime.durable import Durable
from bb_runtime.execute import execute
from bb_runtime.job import Settings
from bb_runtime.outcome import RunResult
from bb_runtime.progress import Progress
from bb_runtime.rounds import Attempt, Execute, Runner

if TYPE_CHECKING:
    from bb_infra.planners import Planners

LEDGER = "ledger.jsonl"
RUNS = "runs.db"
NO_MODEL = "none"


@dataclass(frozen=True)
class Watcher:
    """Who is told what, who is asked, and who may stop it: the seams a run has to a person."""

    approve: Approver
    progress: Progress
    attempt: Callable[[Attempt, str], None]
    """Told each attempt, and the name that its plan has in the ledger."""
    stopped: Callable[[], bool] = lambda: False
    """Whether no further step is to begin."""


@dataclass(frozen=True)
class Opened:
    """A run ready to go: the ledger is open, the engine is up, the world is there."""

    runner: Runner
    ledger: LedgerFile
    engine: Durable
    world: World
    artifact: str


def made_from(compiled: Compiled, planners: "Planners | None", config: Config) -> Digests:
    """What plans, checks and runs: base, rail, grammar, schema, configuration."""
    # How versions are learnt and judged decides what is promoted, not what a run does.
    settings = asdict(replace(config, source=""))
    for other in ("learn", "gate", "shadow"):
        del settings[other]
    if planners:  # a prompt is written by it, and a base's digest says nothing of it
        settings["chat_template"] = planners.base.base.tokenizer.chat_template or ""
    return Digests(
        base=planners.base.base.digest if planners else NO_MODEL,
        rail=planners.rail if planners else NO_MODEL,
        grammar=digest(compiled.grammar.text.encode()),
        schema=compiled.digest,
        config=digest_json(settings),
    )


@contextmanager
def opened(
    compiled: Compiled,
    planners: "Planners | None",
    config: Config,
    watcher: Watcher,
    *,
    twin: bool,
) -> Iterator[Opened]:
    """Open everything a run needs, and close it again in the right order whatever happens.

    Without planners the run is one round long: the plan it is given.
    """
    state = Path(config.run.state)
    digests = made_from(compiled, planners, config)
    made_of = digests.artifact
    model = config.model.name if planners else NO_MODEL
    rail = planners.rail if planners else NO_MODEL
    adapters = compiled.adapters()
    with ExitStack() as stack:
        # The ledger first: its lock keeps a second process out before anything else is touched.
        book = stack.enter_context(_book(state, config.run.anchor))
        sealed = stack.enter_context(closing(own_sealed(state)))
        ledger = sealing(book, sealed)
        engine = stack.enter_context(Durable(database(config), made_of))
        world = _world(compiled.name, adapters, config, twin=twin)
        stack.callback(world.close)
        tools = partial(
            execute,
            adapters=adapters,
            world=world,
            approve=watcher.approve,
            ledger=ledger,
            engine=engine,
            progress=watcher.progress,
            settings=Settings(config.run.compensate, hide=sealed.hide, stopped=watcher.stopped),
            artifact=made_of,
        )
        runner = Runner(
            compiled,
            planners.in_order if planners else (),
            _noted(tools, {"model": model, "rail": rail, "twin": twin}),
            ledger,
            made_of,
            rounds=config.run.rounds if planners else 1,
            keep=sealed,
            digests=digests,
            watch=lambda one: watcher.attempt(one, sealed.named(one.verdict.plan.digest)),
        )
        yield Opened(runner, book, engine, world, made_of)


@contextmanager
def _book(state: Path, anchor: str) -> Iterator[LedgerFile]:
    """The ledger, checked against its anchor before and anchored again behind, if it has one."""
    key = own_key(state)
    if anchor:
        require_extends(state / LEDGER, anchor, key.public)
    try:
        with LedgerFile(state / LEDGER, key) as book:
            yield book
    finally:
        if anchor:
            _anchored(state / LEDGER, anchor, key.public)


def _noted(tools: Callable[..., RunResult], by: Mapping[str, Json]) -> Execute:
    """What carries a checked plan out, with who planned it kept in the run's note."""

    def carry_out(checked: Checked, run: str, note: Mapping[str, Json]) -> RunResult:
        return tools(checked, run=run, note={**note, **by})

    return carry_out


def database(config: Config) -> str:
    """Where runs are kept: the database that is configured, else SQLite in the state folder."""
    return config.run.database or f"sqlite:///{Path(config.run.state) / RUNS}"


def new_run() -> str:
    """A fresh run id."""
    return f"run-{secrets.token_hex(6)}"


def _anchored(log: Path, place: str, public: str) -> None:
    """Anchor what the run left. What it did stands either way, so a fault is said and no more."""
    try:
        anchor(log, place, public)
    except LedgerError as error:
        say("anchor", f"NOT ANCHORED: {error}")


def sealing(ledger: Ledger, sealed: Sealed) -> Ledger:
    """A ledger with salted plan names: a plan's own digest would let its values be guessed."""
    return lambda record: ledger(replace(record, plan=sealed.named(record.plan)))


def _world(name: str, adapters: Adapters, config: Config, *, twin: bool) -> World:
    if twin:
        return adapters.twin({})
    pin = config.domains.get(name)
    if pin is None or not pin.settings:
        fix = f"add settings under [domains.{name}] to bb.toml, or try it with --twin"
        raise InfraError("no system to act on is configured", where=name, fix=fix)
    return adapters.connect(pin.settings)
