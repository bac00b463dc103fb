"""The stages of a run, one after the other, in one folder that one process may have at a time."""

from pathlib import Path

from bb_core.cache import remove_unfinished
from bb_core.record import Ledger, no_ledger
from bb_train.boot import boot
from bb_train.checkpoint import FOLDER
from bb_train.config import TrainConfig
from bb_train.grounds import MANIFEST, Grounds, grounds
from bb_train.offline import offline
from bb_train.run_lock import held
from bb_train.scribe import Scribe
from bb_train.ship import RAIL, ship
from bb_train.storing import stored
from bb_train.training_log import Progress

_WRITTEN = ("ledger.key", "*.json", "*.jsonl", "*.md", "*.pt", "*.pub", "*.safetensors")


def run(config: TrainConfig, *, boot_only: bool = False, ledger: Ledger = no_ledger) -> Path:
    """Carry a run out, or go on with it; the folder of the rail, or of the manifest if it boots.

    Raises TrainError where it cannot start or go on. What was kept by then is whole, and the same
    command goes on from there.
    """
    ground = before_folder(config)
    with held(Path(config.run.folder)):
        return run_held(config, ground, boot_only=boot_only, ledger=ledger)


def before_folder(config: TrainConfig) -> Grounds | None:
    """What a run stands on, found before its folder is made; None where that is there already."""
    if Path(config.run.folder).exists():
        return None  # another process may be at work in it: that is told first
    return grounds(config, Progress(config.optimiser.steps).say)


def run_held(
    config: TrainConfig,
    ground: Grounds | None,
    *,
    boot_only: bool = False,
    ledger: Ledger = no_ledger,
) -> Path:
    """`run`, for whoever holds the run's folder already, on the grounds found before it was."""
    folder = Path(config.run.folder)
    progress = Progress(config.optimiser.steps)
    _tidy(folder)
    booted = boot(config, progress.say, ground)
    if boot_only:
        progress.say(f"stage 0 is done: {folder / MANIFEST}")
        return folder
    scribe = Scribe.of(booted, ledger)
    found = offline(booted, progress, scribe)
    ship(booted, found, progress.say, scribe)
    progress.say(f"the rail is in {folder / RAIL}")
    return folder / RAIL


def _tidy(folder: Path) -> None:
    """Remove what processes that were killed here left of files they were writing."""
    with stored(folder, "see that what is in it can be removed"):
        for where in (folder, folder / FOLDER, folder / RAIL):
            remove_unfinished(where, *_WRITTEN)
