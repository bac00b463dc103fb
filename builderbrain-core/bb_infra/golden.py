"""pytest plugin: everything a domain promises, one test a case.

golden/*.yaml      golden plans, and a refused one for each rule
battery.yaml       tasks, their mutants and hijacks, the twin they start on
skins.yaml         each skin on each task, those of skins.py too
plan_schema.yaml   what each tool's adapter promises, and what the masks do

Collects them only where a `plan_schema.yaml` lies beside them, so a stranger's `golden/` folder is
left alone. Imports nothing but pytest until then. Cases that need the real system beside its twin
are marked slow.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bb_infra.domain_checks import Case, Domain

SCHEMA = "plan_schema.yaml"
KINDS = ("battery.yaml", "skins.yaml", SCHEMA)


class CaseFailed(Exception):
    """A case does not hold; its text is the whole report."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known that cases with a real system carry."""
    config.addinivalue_line("markers", "slow: needs more than a twin, or long")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "DomainFile | None":
    """A domain's own files, and nobody else's."""
    if file_path.suffix != ".yaml":
        return None
    golden = file_path.parent.name == "golden"
    folder = file_path.parent.parent if golden else file_path.parent
    if not (golden or file_path.name in KINDS) or not (folder / SCHEMA).is_file():
        return None
    return DomainFile.from_parent(parent, path=file_path, folder=folder)


class DomainFile(pytest.File):
    """One of a domain's files of cases."""

    def __init__(self, *, folder: Path, **rest: Any) -> None:
        super().__init__(**rest)
        self.folder = folder

    def collect(self) -> Iterator[pytest.Item]:
        """One item a case; one failing item when the domain cannot be compiled."""
        from bb_core.errors import BuilderbrainError

        try:
            cases = list(_cases(self.path, domain_in(self.folder, self.config.stash)))
        except BuilderbrainError as error:
            yield DomainItem.from_parent(self, name="compile", problem=lambda text=str(error): text)
            return
        for case in cases:
            item = DomainItem.from_parent(self, name=case.name, problem=case.problem, at=case.where)
            if case.slow:
                item.add_marker("slow")
            yield item


class DomainItem(pytest.Item):
    """One case."""

    def __init__(self, *, problem: Any, at: str = "", **rest: Any) -> None:
        super().__init__(**rest)
        self.problem, self.at = problem, at

    def runtest(self) -> None:
        """Raise CaseFailed with what was found, if anything was."""
        from bb_infra.domain_checks import Skipped

        try:
            found = self.problem()
        except Skipped as reason:
            pytest.skip(str(reason))
        if found:
            raise CaseFailed(f"{self.at}: {found}" if self.at else found)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """One line for a case that does not hold; a traceback for anything unexpected."""
        if isinstance(excinfo.value, CaseFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the case stands in its file."""
        line = self.at.rpartition(":")[2]
        return self.path, int(line) - 1 if line.isdecimal() else 0, self.name


_OPEN = pytest.StashKey[dict[Path, "Domain"]]()


def domain_in(folder: Path, stash: pytest.Stash) -> "Domain":
    """The installed domain that lives in a folder, compiled once a session; raises DomainError."""
    from bb_core.compiled import compile_domain
    from bb_core.errors import DomainError
    from bb_core.registry import discover
    from bb_infra.domain_checks import open_domain

    known = stash.setdefault(_OPEN, {})
    if folder not in known:
        home = folder.resolve()
        for domain in discover().domains:
            if domain.plugin is not None and getattr(domain.plugin, "folder", None) is not None:
                if Path(domain.plugin.folder).resolve() == home:
                    known[folder] = open_domain(compile_domain(domain))
                    break
            elif domain.name == folder.name:
                raise DomainError(domain.error, where=domain.name)
        else:
            raise DomainError(
                "is no installed domain",
                where=str(folder),
                fix="run: pip install -e its distribution",
            )
    return known[folder]


def _cases(path: Path, domain: "Domain") -> Iterator["Case"]:
    from bb_infra import adapter_checks, battery_checks, domain_checks, skin_checks

    if path.name == "battery.yaml":
        yield from battery_checks.battery_cases(domain)
        yield from battery_checks.twin_cases(domain)
        yield from battery_checks.mutant_cases(domain)
        yield from battery_checks.hijack_cases(domain)
    elif path.name == "skins.yaml":
        yield from skin_checks.skin_cases(domain)
    elif path.name == SCHEMA:
        yield from domain_checks.tool_cases(domain)
        yield from adapter_checks.adapter_cases(domain)
        yield from domain_checks.mask_cases(domain)
    else:
        yield from domain_checks.golden_cases(domain)
        yield from domain_checks.rule_cases(domain)
