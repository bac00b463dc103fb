"""What `bb domains check` reports: one line for each part of a domain, and the cases that fail."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bb_core.errors import BuilderbrainError, DomainError
from bb_core.registry import Registry, guarded
from bb_infra.domain_summary import grammar_rules
from bb_infra.table import count

if TYPE_CHECKING:
    from bb_core.compiled import Compiled
    from bb_infra.domain_checks import Case, Domain

SHOWN = 12
"""The most failing cases of one part that are spelled out."""


FUZZED = 400
"""Texts of the fuzz gate here; the long gate is a benchmark."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a domain, what was found about it, and what is wrong with it."""

    domain: str
    part: str
    says: str
    problems: tuple[str, ...] = ()


def report(name: str, registry: Registry) -> Iterator[Part]:
    """The parts of one domain; an unknown name raises DomainError, a broken one is a part."""
    from bb_core.compiled import compile_domain

    if not any(domain.name == name for domain in registry.domains):
        registry.get(name)  # raises, with what is installed
    try:
        domain = registry.get(name)
        with guarded(name):
            compiled = compile_domain(domain)
    except BuilderbrainError as error:
        yield Part(name, "load", "broken", (str(error),))
        return
    yield from _parts(compiled)


def _parts(compiled: "Compiled") -> Iterator[Part]:
    from bb_infra import domain_checks as checks

    name, written = compiled.name, grammar_rules(compiled.grammar.text)
    yield Part(name, "grammar", f"ok   {count(written, 'rule')}, no conflicts")
    try:
        domain = checks.open_domain(compiled)
        yield _part(domain, "schema", checks.tool_cases, "tools, each with an adapter")
        yield _part(domain, "rules", checks.rule_cases, "rules, each with a refused example")
        yield _part(domain, "golden", checks.golden_cases, "plans judged as they should be")
        yield _part(domain, "battery", checks.battery_cases, "tasks solved by their own plans")
        yield _part(
            domain, "skins", checks.skin_cases, "skinned tasks keep what their kind promises"
        )
    except DomainError as error:
        yield Part(name, "files", "broken", (str(error),))
        return
    yield _masks(compiled)


def _part(
    domain: "Domain", part: str, cases: Callable[["Domain"], Iterable["Case"]], what: str
) -> Part:
    made = list(cases(domain))
    failed = [(case, found) for case in made if (found := case.problem())]
    if not made:
        return Part(domain.name, part, "-")
    if not failed:
        return Part(domain.name, part, f"ok   {len(made):,} {what}")
    lines = [f"{domain.name}/{case.where} {case.name}: {found}" for case, found in failed[:SHOWN]]
    more = len(failed) - SHOWN
    lines += [f"… and {more} more"] if more > 0 else []
    return Part(domain.name, part, f"{len(failed)} of {len(made)} wrong", tuple(lines))


def _masks(compiled: "Compiled") -> Part:
    """Differential fuzz: what the masks let through, the parser must take."""
    try:
        import llguidance  # noqa: F401
    except ImportError:
        return Part(compiled.name, "masks", "skipped: no [model] extra")
    from bb_runtime.mask_gate import run_gate

    try:
        found = run_gate(compiled.grammar, FUZZED)
    except BuilderbrainError as error:
        return Part(compiled.name, "masks", "unsafe", (str(error),))
    says = f"ok   {found.texts:,} texts, mask yes and parser no: {found.mask_only}"
    return Part(compiled.name, "masks", says)
