"""Imported domains made installable for a test: scaffolded, ratified by a text edit, on a path."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.domain_files import DOCUMENT_LIMIT, read_text
from bb_core.grammar import Grammar
from bb_core.schema_file import load_schema
from bb_core.state import State
from bb_core.verdict import Verdict

BB = str(Path(sys.executable).with_name("bb"))


@dataclass(frozen=True)
class FolderSource:
    """A domain's folder as it is now, without importing it: files change under a test's hands."""

    folder: Path
    version: str = "0"
    dist: str = "tests"

    @property
    def name(self) -> str:
        return self.folder.name

    def ask(self, hook: str) -> Any:
        read = partial(read_text, self.folder, limit=DOCUMENT_LIMIT)
        if hook == "grammar":
            return Grammar.read(self.folder / "grammar.lark")
        if hook == "plan_schema":
            return load_schema(read("plan_schema.yaml"), f"{self.name}/plan_schema.yaml", read)
        return None


@dataclass(frozen=True)
class Site:
    """A folder on sys.path with one imported domain in it, and where its commands run."""

    home: Path
    module: str

    @property
    def domain(self) -> Path:
        """The domain's package folder."""
        return self.home / "bb_domains" / self.module

    def text(self, name: str) -> str:
        return (self.domain / name).read_text("utf-8")

    def write(self, name: str, text: str) -> None:
        (self.domain / name).write_text(text, "utf-8")

    def ratify(self, effects: Mapping[str, str], by: str = "Ana Silva") -> None:
        """What a person does in an editor: an effect, a name and a day under each tool."""
        text = self.text("effects.review.yaml")
        for tool, effect in effects.items():
            signed = f"    effect: {effect}\n    ratified: {{by: {by}, when: 2026-11-25}}\n"
            at = text.index(f"\n  {tool}:\n")
            blank = "    effect: null\n    ratified: null\n"
            text = text[:at] + text[at:].replace(blank, signed, 1)
        self.write("effects.review.yaml", text)

    def compiled(self) -> Compiled:
        """The domain as its files are now."""
        return compile_domain(FolderSource(self.domain))

    def check(self, *steps: object, state: State | None = None) -> Verdict:
        """The checker's verdict on a plan."""
        home = self.compiled()
        return check(home, home.read(list(steps)), state)

    def bb(self, *words: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        """Run bb with this domain installed and no other."""
        return subprocess.run(
            [BB, *words],
            cwd=self.home,
            input=stdin,
            env=self.env | env,
            capture_output=True,
            text=True,
        )

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.home), "BB_DOMAINS": self.module}


def bb_import(home: Path, module: str, *words: str) -> subprocess.CompletedProcess[str]:
    """`bb domains import …` into a folder."""
    return subprocess.run(
        [BB, "domains", "import", words[0], "--name", module, "--into", str(home), *words[1:]],
        cwd=home,
        capture_output=True,
        text=True,
    )


def installed(home: Path, module: str) -> Site:
    """The distribution scaffolded under `home`, as pip would leave it: package and metadata."""
    folder = home / f"builderbrain-{module.replace('_', '-')}"
    (folder / "bb_domains").rename(home / "bb_domains")
    info = home / f"builderbrain_{module}-0.1.0.dist-info"
    info.mkdir()
    name = folder.name
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    point = f"[builderbrain.domains]\n{module} = bb_domains.{module}:domain\n"
    (info / "entry_points.txt").write_text(point)
    return Site(home, module)
