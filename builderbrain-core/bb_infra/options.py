"""The options several verbs share, and what they stand for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb_infra.config import Config, load_config

if TYPE_CHECKING:
    from bb_core.compiled import Compiled
    from bb_core.registry import Registry

ConfigPath = Annotated[
    Path | None, typer.Option("--config", help="Configuration file.", show_default="./bb.toml")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document, for machines.")]


def installed(config: Config) -> "Registry":
    """The installed domains under a configuration's pins."""
    from bb_core.registry import discover

    return discover(config.pins)


def compiled(name: str, path: Path | None) -> "Compiled":
    """One installed domain, compiled, under the configuration in a file."""
    return compiled_under(name, load_config(path))


def compiled_under(name: str, config: Config) -> "Compiled":
    """One installed domain, compiled; raises DomainError, also when its files are not as pinned."""
    from bb_core.compiled import compile_domain
    from bb_core.errors import DomainError

    domain = installed(config).get(name)
    pin = config.domains[name].fingerprint if name in config.domains else ""
    own = getattr(domain.plugin, "fingerprint", None)
    if pin and (own is None or own() != pin):
        raise DomainError(
            f"its files are not the ones pinned in {config.source}",
            where=name,
            fix=f"check what changed, then pin {own() if own else 'nothing: it has no files'}",
        )
    return compile_domain(domain)
