"""pytest plugin: the golden plans, battery and skins of any domain, one test a case.

Collects `golden/*.yaml`, `battery.yaml` and `skins.yaml` only where a `plan_schema.yaml` lies
beside them, so a stranger's `golden/` folder is left alone. Imports nothing but pytest until then.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bb_infra.domain_checks import Case, Domain

KINDS = ("battery.yaml", "skins.yaml")
SCHEMA = "plan_schema.yaml"


class CaseFailed(Exception):
    """A golden, battery or skin case does not hold; its text is the whole report."""


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
            yield DomainItem.from_parent(self, name=case.name, problem=case.problem, at=case.where)


class DomainItem(pytest.Item):
    """One case."""

    def __init__(self, *, problem: Any, at: str = "", **rest: Any) -> None:
        super().__init__(**rest)
        self.problem, self.at = problem, at

    def runtest(self) -> None:
        """Raise CaseFailed with what was found, if anything was."""
        found = self.problem()
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
    from bb_infra import domain_checks as checks

    if path.name == "battery.yaml":
        yield from checks.battery_cases(domain)
    elif path.name == "skins.yaml":
        yield from checks.skin_cases(domain)
    else:
        yield from checks.golden_cases(domain)
        yield from checks.rule_cases(domain)
