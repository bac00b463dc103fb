"""bb train: one resumable command from a configuration to a rail folder."""

from pathlib import Path
from typing import Annotated

import typer

from bb_infra.telling import say
from bb_infra.unheard import unheard


@unheard()
def train(
    config: Annotated[Path, typer.Argument(help="The run's TOML file.")],
    boot: Annotated[
        bool, typer.Option("--boot", help="Stop after stage 0: base, data, states, checks.")
    ] = False,
) -> None:
    """Train a domain's plan builder; started again, it goes on where it stopped.

    Stage 0 loads the base, makes the examples and keeps their frozen states. Stage 1 trains on
    them. What is left is a rail folder: weights, record, log and model card. Every step is in the
    run's ledger.
    """
    from bb_core.registry import discover
    from bb_infra.checkpoint import own_key
    from bb_infra.errors import ConfigError, Stopped
    from bb_infra.ledger import LedgerFile

    if not config.is_file():  # seen before torch is imported, which takes a while
        found = "is no file" if config.exists() else "is not there"
        fix = "name the run's TOML file; docs/training.md says what it holds"
        raise ConfigError(found, where=str(config), fix=fix)
    from bb_train.config import load_train_config

    wanted = load_train_config(config)
    discover().get(wanted.run.domain)  # a slip of the pen leaves no folder behind
    say("base", f"loading {wanted.base.name} …")
    from bb_train.run_lock import held
    from bb_train.stages import before_folder, run_held

    folder = Path(wanted.run.folder)
    ground = before_folder(wanted)
    # The folder first: who comes second hears that it is in use, not that a ledger is.
    with held(folder), LedgerFile(folder / "ledger.jsonl", own_key(folder)) as ledger:
        try:
            run_held(wanted, ground, boot_only=boot, ledger=ledger)
        except KeyboardInterrupt as error:
            raise Stopped("stopped", fix=f"to go on: bb train {config}") from error
