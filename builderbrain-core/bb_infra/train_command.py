"""bb train: one resumable command from a configuration to a rail folder."""

from pathlib import Path
from typing import Annotated

import typer


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
    from bb_infra.checkpoint import own_key
    from bb_infra.ledger import LedgerFile
    from bb_train.config import load_train_config
    from bb_train.run_lock import held
    from bb_train.stages import run_held

    wanted = load_train_config(config)
    folder = Path(wanted.run.folder)
    # The folder first: who comes second hears that it is in use, not that a ledger is.
    with held(folder), LedgerFile(folder / "ledger.jsonl", own_key(folder)) as ledger:
        run_held(wanted, boot_only=boot, ledger=ledger)
