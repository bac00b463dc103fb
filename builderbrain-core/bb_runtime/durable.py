"""The engine that survives kill -9: every slot of a run is a DBOS step with a reserved number.

What is done about DBOS's traps, each of them a test:
- step numbers are given out in call order, so parallel branches swap results after a crash: all are
  reserved in canonical order first, and each step carries its plan step's name;
- results are pickled by default: here they are plain JSON, which can be read and runs no code;
- SQLite as shipped syncs every commit of a rollback journal: see `run_database`;
- runs are recovered by application version: it is the artifact digest, so a plan goes on only under
  the model, grammar, schema and configuration it was checked with;
- an error of its own ends a run for good: here it is unfinished, and goes on (`reopen.py`);
- runs are recovered at launch, by anyone: here only by `run`, under a lease, by whoever asked.

Not covered: two machines on one SQLite file. Use Postgres for more than one.
"""

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, cast

from bb_core.canonical import Json
from bb_core.plan import to_json
from bb_runtime.carry import Slot, carry_out
from bb_runtime.errors import DurableError
from bb_runtime.job import Job
from bb_runtime.lease import leased
from bb_runtime.outcome import RunResult
from bb_runtime.reopen import reopen
from bb_runtime.run_database import open_engine, open_leases

NAME = "builderbrain"  # DBOS refuses names under three characters
WORKFLOW = "carry_out"
UNFINISHED = ["PENDING", "ENQUEUED", "ERROR"]
_JOBS: dict[str, Job] = {}
_ONE = threading.Lock()


@dataclass(frozen=True, slots=True)
class Stored:
    """A run as the database knows it: enough to check its plan again and go on."""

    id: str
    run: str
    plan: Mapping[str, Json]
    artifact: str
    finished: bool
    note: Mapping[str, Json]


class Durable:
    """A durable engine on one database, for one artifact; one at a time in a process.

    `url` is a SQLite or Postgres URL. Use it as a context manager, or call `close`.
    """

    def __init__(self, url: str, artifact: str) -> None:
        _require_dbos()
        if not _ONE.acquire(blocking=False):
            raise DurableError("this process has a durable engine already", fix="close it first")
        self.url, self.artifact = url, artifact
        self._queue = f"resume-{secrets.token_hex(6)}"
        try:
            self._engine = open_engine(url)
            self._leases = open_leases(url, self._engine)
            self._launch()
        except BaseException:
            _ONE.release()
            raise

    def __enter__(self) -> "Durable":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; unfinished runs stay in it."""
        from dbos import DBOS

        DBOS.destroy()
        self._leases.close()
        self._engine.dispose()
        _ONE.release()

    def run(self, job: Job) -> RunResult:
        """Carry a plan out; go on with it if it was begun; repeat nothing if it was finished."""
        if job.artifact != self.artifact:
            found = (
                f"this engine is for artifact {self.artifact[:19]}, the run for {job.artifact[:19]}"
            )
            raise DurableError(found, where=job.id, fix="open one engine for each artifact")
        with leased(self._leases, job.id):
            stored = self.stored(job.id)
            if stored:
                self._same(job, stored)
            _JOBS[job.id] = job
            try:
                return self._finish(job, stored)
            finally:
                del _JOBS[job.id]

    def stored(self, ident: str) -> Stored | None:
        """What is kept of a run (`run.round`); None if there is nothing."""
        from dbos import DBOS

        status = DBOS.get_workflow_status(ident)
        if status is None:
            return None
        kept = cast(Any, status.input)["args"][1]
        ended = status.status == "SUCCESS"
        return Stored(
            ident, kept["run"], kept["plan"], str(status.app_version), ended, kept["note"]
        )

    def unfinished(self) -> tuple[Stored, ...]:
        """The runs of every artifact that were begun and have not ended, oldest first."""
        from dbos import DBOS

        rows = DBOS.list_workflows(name=WORKFLOW, status=UNFINISHED, load_input=False)
        found = [self.stored(row.workflow_id) for row in rows]
        return tuple(stored for stored in found if stored)

    def begun(self) -> tuple[str, ...]:
        """The runs of every artifact the database keeps, oldest first, ended or not."""
        from dbos import DBOS

        rows = DBOS.list_workflows(name=WORKFLOW, load_input=False, load_output=False)
        return tuple(dict.fromkeys(row.workflow_id.rpartition(".")[0] for row in rows))

    def latest(self, run: str) -> Stored | None:
        """What is kept of a run's last round; None if there is nothing."""
        found, rounds = None, 0
        while stored := self.stored(f"{run}.{rounds}"):
            found, rounds = stored, rounds + 1
        return found

    def _same(self, job: Job, stored: Stored) -> None:
        if stored.artifact != self.artifact:
            found = f"begun under artifact {stored.artifact[:19]}, this is {self.artifact[:19]}"
            fix = "go on with the model, grammar, schema and configuration it was checked with"
            raise DurableError(found, where=job.id, fix=fix)
        if stored.plan != to_json(job.checked.plan):
            raise DurableError("begun with another plan", where=job.id, fix="start a new run")

    def _finish(self, job: Job, stored: Stored | None) -> RunResult:
        from dbos import DBOS, SetWorkflowID

        try:
            if stored is None:
                kept = {"run": job.run, "plan": to_json(job.checked.plan), "note": dict(job.note)}
                with SetWorkflowID(job.id):
                    handle: Any = DBOS.start_workflow(_workflow(), job.id, kept)
            elif stored.finished:
                handle = DBOS.retrieve_workflow(job.id)
            else:
                self._listen()
                reopen(job.id)
                handle = DBOS.resume_workflow(job.id, queue_name=self._queue)
            return RunResult.from_json(handle.get_result(polling_interval_sec=0.02))
        except DurableError:
            raise
        except Exception as error:
            found = f"the run stopped: {type(error).__name__}: {str(error).splitlines()[0]}"
            fix = "mend what it names; an unfinished run goes on, a new one repeats no keyed effect"
            raise DurableError(found, where=job.id, fix=fix) from error

    def _listen(self) -> None:
        """Open this process's own queue: a run resumed here goes to no process without its job."""
        from dbos import DBOS

        if DBOS.retrieve_queue(self._queue) is None:
            DBOS.register_queue(self._queue, polling_interval_sec=0.02)

    def _launch(self) -> None:
        from dbos import DBOS, DBOSConfig
        from dbos._serialization import DBOSPortableJSONSerializer

        _workflow()
        config = DBOSConfig(
            name=NAME,
            system_database_url=self.url,
            system_database_engine=self._engine,
            serializer=DBOSPortableJSONSerializer(),
            application_version=self.artifact,
            # A name of its own for every process: nothing is recovered at launch behind our back.
            executor_id=self._queue,
            log_level="CRITICAL",
            enable_otlp=False,
            use_listen_notify=False,
            notification_listener_polling_interval_sec=0.1,
        )
        try:
            DBOS(config=config)
            DBOS.listen_queues([self._queue])
            DBOS.launch()
        except Exception as error:
            DBOS.destroy()
            found = f"the run database cannot be used: {str(error).splitlines()[0]}"
            fix = "see that there is room and that it can be written, or name another database"
            raise DurableError(found, where=self._engine.url.render_as_string(), fix=fix) from error


def _require_dbos() -> None:
    try:
        import dbos  # noqa: F401
    except ImportError:
        fix = "run: pip install 'builderbrain-core[durable]'"
        raise DurableError(
            "durable execution needs dbos, which is not installed", fix=fix
        ) from None


_registered: list[Any] = []


def _workflow() -> Any:
    """The one workflow, registered with DBOS on first use."""
    if not _registered:
        from dbos import DBOS

        # No attempt limit: a plan killed a hundred times is still to be finished.
        _registered.append(DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)(_carry))
    return _registered[0]


def _carry(ident: str, kept: Mapping[str, Any]) -> Json:
    return carry_out(_JOBS[ident], _reserve).to_json()


def _reserve(name: str) -> Slot:
    from dbos import DBOS

    reserved = DBOS.reserve_step()
    return lambda work: reserved.run({"name": name}, work)
