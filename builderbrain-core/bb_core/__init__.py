"""builderbrain's core: what a domain is, what a plan is, and whether a plan may run.

The public names are imported when they are first used, so that finding domains stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bb_core.adapters import Adapters, Call, World
    from bb_core.battery import Task
    from bb_core.errors import BuilderbrainError, DomainError, PlanError, ToolError
    from bb_core.folder import FolderDomain
    from bb_core.grammar import Grammar
    from bb_core.hooks import API, hookimpl
    from bb_core.plan import Plan, Ref, Step
    from bb_core.record import Record
    from bb_core.registry import Registered, Registry, discover
    from bb_core.schema import PlanSchema
    from bb_core.skins import Skin
    from bb_core.verdict import Violation

_HOME = {
    "API": "hooks",
    "Adapters": "adapters",
    "BuilderbrainError": "errors",
    "Call": "adapters",
    "DomainError": "errors",
    "FolderDomain": "folder",
    "Grammar": "grammar",
    "Plan": "plan",
    "PlanError": "errors",
    "PlanSchema": "schema",
    "Record": "record",
    "Ref": "plan",
    "Registered": "registry",
    "Registry": "registry",
    "Skin": "skins",
    "Step": "plan",
    "Task": "battery",
    "ToolError": "errors",
    "Violation": "verdict",
    "World": "adapters",
    "discover": "registry",
    "hookimpl": "hooks",
}

__all__ = [
    "API",
    "Adapters",
    "BuilderbrainError",
    "Call",
    "DomainError",
    "FolderDomain",
    "Grammar",
    "Plan",
    "PlanError",
    "PlanSchema",
    "Record",
    "Ref",
    "Registered",
    "Registry",
    "Skin",
    "Step",
    "Task",
    "ToolError",
    "Violation",
    "World",
    "discover",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
