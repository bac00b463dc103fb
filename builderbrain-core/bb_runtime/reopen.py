"""A run that ended by an error of the engine's own, as one that goes on.

DBOS ends a workflow for good when a step raises, and keeps the error as what the step gave. None of
ours raises on purpose, so such an error is no outcome: its step counts as one that a crash cut off,
and what it may have done is looked into before anything is sent again (`onestep.py`).

Not covered: an error that comes again each time; the run then stays unfinished.
"""


def reopen(ident: str) -> None:
    """Let a run that ended by an error go on from before it; any other is left as it is."""
    import sqlalchemy as sa
    from dbos._dbos import _get_dbos_instance

    system = _get_dbos_instance()._sys_db
    runs, steps = system.tables.workflow_status, system.tables.operation_outputs
    ended = (runs.c.workflow_uuid == ident, runs.c.status == "ERROR")
    with system.engine.begin() as db:
        if db.execute(sa.update(runs).where(*ended).values(status="PENDING", error=None)).rowcount:
            raised = (steps.c.workflow_uuid == ident, steps.c.error.is_not(None))
            db.execute(sa.delete(steps).where(*raised))
