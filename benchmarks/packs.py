"""The packs of data, which are not in this repository: where they lie, and what to say if not."""

import os
from pathlib import Path

from report import skip
from workload import EMBEDDED

from bb_nn.fetch import fetched


def data(asked: str | None) -> Path | None:
    """The folder of the packs: asked for, $BB_DATA, or ../shared/data; None if not there."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(asked or os.environ.get("BB_DATA") or default)
    return folder if folder.is_dir() else None


def pack(name: str, asked: str | None, part: str) -> Path | None:
    """The folder of a data pack; None, and said so, where it or the base is not here."""
    folder = data(asked)
    if folder is None or not (folder / part).is_dir():
        where = asked or "$BB_DATA or ../shared/data"
        skip(name, f"no {part}/ in {where}: give --data DIR or set BB_DATA")
    elif fetched(EMBEDDED) is None:
        skip(name, f"{EMBEDDED} is not here: bb models fetch {EMBEDDED}")
    else:
        return folder / part
    return None
