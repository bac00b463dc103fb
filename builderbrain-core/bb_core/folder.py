"""FolderDomain: a domain kept as files beside an `__init__.py`.

grammar.lark, or grammar.peg          required: one of the two
plan_schema.yaml                     required
tool_adapters.py                     ADAPTERS: Adapters; imported only when a plan is about to run
battery.yaml  skins.yaml  skins.py   tasks; skins as data; SKINS: Sequence[Skin] if it takes code
harms.yaml                           what a version must not do to the world
golden/plans.yaml                    plans that must be accepted, and refused
openapi.json, or tools.json          the pinned document a schema with tools_from takes tools from
effects.review.yaml                  what a person has said about the effects of those tools
"""

import hashlib
import importlib
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bb_core.domain_files import DOCUMENT_LIMIT, LIMIT, read_text
from bb_core.errors import DomainError
from bb_core.hooks import API, hookimpl

if TYPE_CHECKING:
    from bb_core.adapters import Adapters
    from bb_core.battery import Task
    from bb_core.golden_file import Golden
    from bb_core.grammar import Grammar, Mode
    from bb_core.harms import Harm
    from bb_core.schema import PlanSchema
    from bb_core.skins import Skin

DOCUMENTS = ("openapi.json", "tools.json")
FILES = (
    "grammar.lark",
    "grammar.peg",
    "plan_schema.yaml",
    "tool_adapters.py",
    "skins.yaml",
    "skins.py",
    "battery.yaml",
    "harms.yaml",
    "golden/plans.yaml",
    "effects.review.yaml",
    *DOCUMENTS,
)


class FolderDomain:
    """The six hooks, answered from the files in a package's folder, read anew at each call."""

    api = API

    def __init__(self, package: str, *, mode: "Mode" = "strict") -> None:
        self.package, self.mode = package, mode
        module = sys.modules.get(package)
        file = getattr(module, "__file__", None)
        if not file:
            raise DomainError(
                f"no package {package!r} is being imported", fix="FolderDomain(__name__)"
            )
        self.folder = Path(file).parent

    @hookimpl
    def grammar(self) -> "Grammar":
        """grammar.lark, or what grammar.peg is lowered to; raises DomainError for both or none."""
        from bb_core.grammar import Grammar
        from bb_core.peg_cache import lowered

        if not self.has("grammar.peg"):
            return Grammar(self.text("grammar.lark"), self.mode, f"{self.folder.name}/grammar.lark")
        if self.has("grammar.lark"):
            found = "has both grammar.lark and grammar.peg"
            raise DomainError(found, where=self.folder.name, fix="keep one of the two")
        source = f"{self.folder.name}/grammar.peg"
        return Grammar(lowered(self.text("grammar.peg"), source), self.mode, source)

    @hookimpl
    def plan_schema(self) -> "PlanSchema":
        """plan_schema.yaml; raises SchemaError with file and line."""
        from bb_core.schema_file import load_schema

        where = f"{self.folder.name}/plan_schema.yaml"
        beside = partial(read_text, self.folder, limit=DOCUMENT_LIMIT)
        return load_schema(self.text("plan_schema.yaml"), where, beside)

    @hookimpl
    def tool_adapters(self) -> "Adapters":
        """ADAPTERS of tool_adapters.py; raises DomainError when there is none."""
        from bb_core.adapters import Adapters

        self.text("tool_adapters.py")
        adapters = getattr(
            importlib.import_module(f"{self.package}.tool_adapters"), "ADAPTERS", None
        )
        if not isinstance(adapters, Adapters):
            raise DomainError(
                f"ADAPTERS is {type(adapters).__name__}",
                where=f"{self.folder.name}/tool_adapters.py",
                fix="set ADAPTERS = Adapters(tools=…, connect=…, twin=…)",
            )
        return adapters

    @hookimpl
    def invariance_skins(self) -> "Sequence[Skin]":
        """The skins of skins.yaml, then SKINS of skins.py; none when neither is there."""
        from bb_core.skin_file import read_skins

        skins: list[Skin] = []
        if self.has("skins.yaml"):
            skins += read_skins(self.text("skins.yaml"), f"{self.folder.name}/skins.yaml")
        if self.has("skins.py"):
            self.text("skins.py")
            skins += getattr(importlib.import_module(f"{self.package}.skins"), "SKINS", ())
        return skins

    @hookimpl
    def eval_battery(self) -> "Sequence[Task]":
        """The tasks of battery.yaml; none when it is not there."""
        from bb_core.battery_file import read_battery

        if not self.has("battery.yaml"):
            return ()
        return read_battery(self.text("battery.yaml"), f"{self.folder.name}/battery.yaml")

    @hookimpl
    def ops_metrics(self) -> "Sequence[Harm]":
        """The harms of harms.yaml; none when it is not there."""
        from bb_core.harm_file import read_harms

        if not self.has("harms.yaml"):
            return ()
        return read_harms(self.text("harms.yaml"), f"{self.folder.name}/harms.yaml")

    def golden(self) -> "Golden":
        """The plans of golden/plans.yaml; none when it is not there. Not a hook: tests read it."""
        from bb_core.golden_file import Golden, read_golden

        if not self.has("golden/plans.yaml"):
            return Golden()
        return read_golden(self.text("golden/plans.yaml"), f"{self.folder.name}/golden/plans.yaml")

    def has(self, name: str) -> bool:
        """Whether a file of the domain is there, be it only a dangling link."""
        return (self.folder / name).exists() or (self.folder / name).is_symlink()

    def text(self, name: str) -> str:
        """A file's text; raises DomainError when it is not a small regular file in the folder."""
        return read_text(self.folder, name)

    def fingerprint(self) -> str:
        """A digest over the domain's files as they are now; unreadable ones count as they fail."""
        parts = {name: _digest(self.folder / name) for name in FILES if self.has(name)}
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _digest(path: Path) -> str:
    """A file's content as a digest, or why it would not be read."""
    try:
        limit = DOCUMENT_LIMIT if path.name in DOCUMENTS else LIMIT
        if not path.is_file() or path.stat().st_size > limit:
            return "unread"
        return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, RuntimeError):
        return "unread"
