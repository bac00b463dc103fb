"""Which tools no task of a battery calls, for `bb domains check` to note.

No fault: a domain may be young. But a tool that no task calls is never tried on the twin, no mutant
or hijack is about it, and no example shows it to a rail. A tool that only says whether a call has
happened (`reconcile`) is the runtime's to call, so it is not missed.
"""

from bb_infra.domain_checks import Domain

SHOWN = 12


def untried(domain: Domain) -> tuple[str, ...]:
    """At most one note: the tools in no plan that a task carries out; none without a battery."""
    tools = domain.compiled.schema.tools
    plans = [domain.compiled.read(plan) for task in domain.doable for plan in task.rounds]
    called = {step.tool for plan in plans for step in plan.steps}
    called |= {tool.reconcile for tool in tools.values() if tool.reconcile}
    names = [name for name in tools if name not in called]
    if not plans or not names:
        return ()
    shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    return (f"no task calls them, so nothing here tries them: {shown}",)
