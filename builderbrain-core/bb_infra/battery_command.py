"""bb battery: replay, run and export."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bb_infra.options import AsJson, ConfigPath, compiled
from bb_infra.run_command import Alpha

if TYPE_CHECKING:
    from bb_core.battery import Task
    from bb_core.observers import Observer
    from bb_infra.battery_run import Planners
    from bb_infra.config import Config
    from bb_infra.domain_checks import Domain

app = typer.Typer(help="Batteries of tasks.", no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(metavar="DOMAIN", help="An installed domain.")]
From = Annotated[
    str,
    typer.Option(
        "--from", metavar="IMPORTER=FILE", help="Tasks out of a file, by an observer's importer."
    ),
]
SHOWN = 20
"""The most problems that are spelled out."""


@app.command()
def replay(
    name: Name,
    oracle: Annotated[
        bool, typer.Option("--oracle", help="Right and wrong plans: what the battery proves.")
    ] = False,
    hijack: Annotated[
        bool, typer.Option("--hijack", help="Right plans steered by what tools return.")
    ] = False,
    source: From = "",
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Replay a battery's plans on twins, with no model; both kinds if neither is asked for.

    Exits 1 when the battery proves less than it should, or when a hijacked call happened.
    """
    from bb_core.observers import measured, observers
    from bb_infra import battery_replay as replays

    found = observers(name)
    domain = _domain(name, source, found, config)
    lines: list[tuple[str, str]] = []
    told: dict[str, Any] = {}
    problems: list[str] = []
    if oracle or not hijack:
        account = measured(found)
        result = replays.replay_oracle(domain, account)
        told["oracle"] = replays.figures(result, account)
        per_1000 = {k: 1000 * v / max(1, account.episodes) for k, v in result.harms.items()}
        metrics = {metric: rate for metric, _, rate in account.per_thousand()}
        lines += [*replays.told_oracle(result), *_metrics(per_1000 | metrics, account.broken)]
        problems += result.problems
    if hijack or not oracle:
        result = replays.replay_hijacks(domain)
        told["hijack"] = replays.figures(result)
        lines += replays.told_hijacks(result)
        problems += result.problems
    _print(name, lines, problems, told if as_json else None)
    sys.exit(1 if problems else 0)


@app.command()
def run(
    name: Name,
    oracle: Annotated[
        bool, typer.Option("--oracle", help="The battery's own plans in place of a model.")
    ] = False,
    trials: Annotated[int, typer.Option(min=1, max=64, help="Runs of each task: k.")] = 1,
    tasks: Annotated[int, typer.Option(min=0, help="Only so many, spread evenly; 0: all.")] = 0,
    skin: Annotated[str, typer.Option(help="Dress the tasks in this skin.")] = "",
    source: From = "",
    alpha: Alpha = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Run a battery on twins with the configured model: pass^1, pass^k, false blocks, invalid."""
    from bb_core.observers import measured, observers
    from bb_infra import battery_run as runs
    from bb_infra.config import load_config, with_alpha

    found = observers(name)
    domain = _domain(name, source, found, config)
    domain = replace(domain, tasks=_dressed(domain, _spread(domain.tasks, tasks), skin, found))
    under = with_alpha(load_config(config), alpha)
    planners = runs.oracle(domain.compiled) if oracle else _models(domain, under)
    account = measured(found)
    tally = runs.run_battery(domain, planners, account, trials, None if as_json else _watch)
    told = runs.figures(tally, account, trials)
    lines = [(key, _figure(value)) for key, value in told.items() if not isinstance(value, dict)]
    rates = told["harms_per_1000"] | told["metrics_per_1000"]
    lines += list(_metrics(rates, account.broken))
    _print(name, lines, tally.lost, told if as_json else None)


@app.command()
def export(
    name: Name,
    out: Annotated[Path, typer.Option("--out", help="The file to write, as JSON lines.")],
    config: ConfigPath = None,
) -> None:
    """Write a battery for another harness: rows of id, input, target and metadata.

    inspect-ai reads them, and runs the battery itself: pip install 'builderbrain-core[inspect]'.
    """
    from bb_infra.battery_export import export as write

    home = compiled(name, config)
    written = write(home, home.battery, out)
    print(f"{out}  {written:,} tasks. Next: inspect eval bb_infra/battery -T domain={name}")


def _watch(task: "Task", passed: bool) -> None:
    print("." if passed else "F", end="", file=sys.stderr, flush=True)


def _domain(name: str, source: str, found: "Sequence[Observer]", config: Path | None) -> "Domain":
    from bb_core.errors import DomainError
    from bb_infra.domain_checks import open_domain

    home = compiled(name, config)
    domain = open_domain(home, _imported(source, found) if source else None)
    if domain.adapters is None:
        domain = replace(domain, adapters=home.adapters())  # raises, with what is missing
    if not domain.tasks:
        raise DomainError("has no battery", where=name, fix="add battery.yaml")
    return domain


def _imported(source: str, found: "Sequence[Observer]") -> "Sequence[Task]":
    """The tasks that an observer's importer reads out of a file; raises DomainError."""
    from bb_core.battery import Task
    from bb_core.errors import DomainError
    from bb_core.registry import guarded

    wanted, _, file = source.partition("=")
    known = {name: one for each in found for name, one in each.importers.items()}
    if wanted not in known:
        broken = "; ".join(f"{each.name}: {each.error}" for each in found if each.error)
        there = ", ".join(known) or "none"
        raise DomainError(f"no importer {wanted!r}; there are: {there}", fix=broken)
    with guarded(wanted):
        tasks = list(known[wanted](Path(file)))
        if not all(isinstance(task, Task) for task in tasks):
            raise DomainError("gave something that is no Task")
    return tasks


def _spread(tasks: "Sequence[Task]", most: int) -> "Sequence[Task]":
    if not most or most >= len(tasks):
        return tasks
    return [tasks[i * len(tasks) // most] for i in range(most)]


def _dressed(
    domain: "Domain", tasks: "Sequence[Task]", name: str, found: "Sequence[Observer]"
) -> "Sequence[Task]":
    from bb_core.errors import DomainError

    if not name:
        return tasks
    skins = {skin.name: skin for skin in domain.compiled.skins}
    skins |= {skin.name: skin for each in found for skin in each.skins}
    if name not in skins:
        raise DomainError(f"no skin {name!r}; there are: {', '.join(skins)}", where=domain.name)
    return [dressed for task in tasks if (dressed := skins[name].apply(task))]


def _models(domain: "Domain", config: "Config") -> "Planners":
    from bb_infra.planners import load_planners

    loaded = load_planners(domain.compiled, config)
    loaded.base.on_text = lambda text: None

    def planners(task: "Task", trial: int) -> Any:
        loaded.base.seed = config.decode.seed + trial
        return loaded.in_order

    return planners


def _metrics(rates: dict[str, float], broken: dict[str, str]) -> Iterable[tuple[str, str]]:
    for name, rate in rates.items():
        yield "metric", f"{name}: {rate:,.1f} per 1,000 episodes"
    for name, why in broken.items():
        yield "metric", f"{name}: broken, left out: {why}"


def _figure(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value[:SHOWN])) or "-"
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else f"{value:,}"


def _print(
    name: str, lines: list[tuple[str, str]], problems: list[str], told: dict[str, Any] | None
) -> None:
    if told is not None:
        print(json.dumps({"domain": name, **told}, indent=1))
        return
    width = max(len(head) for head, _ in lines)
    for head, text in lines:
        print(f"{name}  {head:<{width}}  {text}")
    for problem in problems[:SHOWN]:
        print(f"{name}  {problem}")
    if len(problems) > SHOWN:
        print(f"{name}  … and {len(problems) - SHOWN} more")
