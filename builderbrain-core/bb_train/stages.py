"""The stages of a run, one after the other, in one folder that one process may have at a time."""

from pathlib import Path

from bb_core.record import Ledger, no_ledger
from bb_train.boot import MANIFEST, boot
from bb_train.config import TrainConfig
from bb_train.offline import offline
from bb_train.run_lock import held
from bb_train.scribe import Scribe
from bb_train.ship import RAIL, ship
from bb_train.training_log import Progress


def run(config: TrainConfig, *, boot_only: bool = False, ledger: Ledger = no_ledger) -> Path:
    """Carry a run out, or go on with it; the folder of the rail, or of the manifest if it boots.

    Raises TrainError where it cannot start or go on. What was kept by then is whole, and the same
    command goes on from there.
    """
    folder = Path(config.run.folder)
    progress = Progress(config.optimiser.steps)
    with held(folder):
        booted = boot(config, progress.say)
        if boot_only:
            progress.say(f"stage 0 is done: {folder / MANIFEST}")
            return folder
        scribe = Scribe.of(booted, ledger)
        found = offline(booted, progress, scribe)
        ship(booted, found, progress.say, scribe)
        progress.say(f"the rail is in {folder / RAIL}")
        return folder / RAIL
