"""What `bb domains check` reports: one line for each part of a domain, and the cases that fail."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bb_core.compiled import Compiled, compile_domain
from bb_core.errors import BuilderbrainError, DomainError
from bb_core.observers import Observer, observers
from bb_core.registry import Registry, guarded, reason
from bb_infra import adapter_checks, battery_checks, domain_checks, review_checks, skin_checks
from bb_infra.domain_checks import Case, Domain, Skipped
from bb_infra.domain_summary import grammar_rules
from bb_infra.table import count
from bb_infra.told_short import told_short
from bb_infra.untried import untried

SHOWN = 12
"""The most failing cases of one part that are spelled out."""


KINDS: Sequence[tuple[str, Callable[[Domain], Iterable[Case]], str]] = (
    ("schema", domain_checks.tool_cases, "tools, each with an adapter"),
    ("review", review_checks.review_cases, "imported tools ratified"),
    ("rules", domain_checks.rule_cases, "rules, each with a refused example"),
    ("golden", domain_checks.golden_cases, "plans judged as they should be"),
    ("battery", battery_checks.battery_cases, "tasks solved by their own plans"),
    ("twin", battery_checks.twin_cases, "battery whose episodes all start alike"),
    ("mutants", battery_checks.mutant_cases, "tasks catch whatever is wrong with their plan"),
    ("hijacks", battery_checks.hijack_cases, "cases in which no tool's text steers a plan"),
    (
        "invariant",
        partial(skin_checks.skin_cases, kind="invariant"),
        "skinned tasks with the same plan and the same change",
    ),
    (
        "equivariant",
        partial(skin_checks.skin_cases, kind="equivariant"),
        "skinned tasks with the plan and the change that were foretold",
    ),
    (
        "traps",
        partial(skin_checks.skin_cases, kind="trap"),
        "skinned tasks whose plan changes or is stopped",
    ),
    ("adapters", adapter_checks.adapter_cases, "promises of tools kept"),
    (
        "masks",
        domain_checks.mask_cases,
        f"fuzz gate: of {domain_checks.FUZZED} texts none "
        "that the masks allow is refused by the parser",
    ),
)
"""The parts after the grammar: their names, their cases, and what is said when all hold."""

NOTES: Mapping[str, Callable[[Domain], tuple[str, ...]]] = {
    "schema": lambda domain: told_short(domain.compiled),
    "battery": untried,
}
"""What a person may want to know of a part beside its cases."""

SAYS: Mapping[str, Callable[[Domain], str]] = {"review": review_checks.waiting}
"""What is said of a part instead of its first skipped case."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a domain, what was found about it, and what is wrong with it.

    `notes` are for a person and make nothing wrong: what somebody else's observer found, or lost,
    what a prompt leaves out, and what no task tries.
    """

    domain: str
    part: str
    says: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def report(name: str, registry: Registry, *, live: bool = False) -> Iterator[Part]:
    """The parts of one domain; an unknown name raises DomainError, a broken one is a part.

    `live`: also the cases that need the real system beside its twin.
    """
    if not any(domain.name == name for domain in registry.domains):
        registry.get(name)  # raises, with what is installed
    try:
        domain = registry.get(name)
        with guarded(name):
            compiled = compile_domain(domain)
    except BuilderbrainError as error:
        yield Part(name, "load", "broken", (str(error),))
        return
    yield from _parts(compiled, live)


def _parts(compiled: Compiled, live: bool) -> Iterator[Part]:
    name, written = compiled.name, grammar_rules(compiled.grammar.text)
    yield Part(name, "grammar", f"ok   {count(written, 'rule')}, no conflicts")
    try:
        domain = domain_checks.open_domain(compiled)
        for part, cases, what in KINDS:
            found = _part(name, part, [c for c in cases(domain) if live or not c.slow], what)
            if part in NOTES:
                found = replace(found, notes=NOTES[part](domain))
            said = SAYS[part](domain) if part in SAYS else ""
            yield replace(found, says=said) if said else found
        for observer in observers(name):
            yield _observed(domain, observer)
    except DomainError as error:
        yield Part(name, "files", "broken", (str(error),))


def _observed(domain: Domain, observer: Observer) -> Part:
    """What an observer adds; neither a broken one nor a skin of its own makes the domain wrong."""
    if observer.error:
        return Part(domain.name, "observer", f"{observer.name}: left out: {observer.error}")
    added = [count(len(observer.metrics), "metric"), count(len(observer.importers), "importer")]
    made = list(skin_checks.skin_cases(domain, observer.skins))
    found = _part(domain.name, "observer", made, f"skinned tasks; {', '.join(added)}")
    says = f"{observer.name}: {', '.join(added) if not made else found.says}"
    return Part(domain.name, "observer", says, notes=found.problems)


def _part(domain: str, part: str, made: Sequence[Case], what: str) -> Part:
    found, skipped = list[tuple[Case, str]](), list[str]()
    for case in made:
        try:
            if problem := case.problem():
                found.append((case, problem))
        except Skipped as why:
            skipped.append(str(why))
        except Exception as error:  # a domain's own code: a skin, a twin
            found.append((case, f"raised {reason(error)}"))
    if not made:
        return Part(domain, part, "-")
    if not found:
        kept = len(made) - len(skipped)
        if not kept:
            return Part(domain, part, f"skipped: {skipped[0]}")
        left = f"; {len(skipped):,} skipped: {skipped[0]}" if skipped else ""
        return Part(domain, part, f"ok   {kept:,} {what}{left}")
    lines = [f"{domain}/{case.where} {case.name}: {text}" for case, text in found[:SHOWN]]
    more = len(found) - SHOWN
    lines += [f"… and {more:,} more"] if more > 0 else []
    return Part(domain, part, f"{len(found):,} of {len(made):,} wrong", tuple(lines))
