"""The rail that comes with a domain: a folder `rail` beside its files."""

from pathlib import Path

from bb_core.compiled import Source

RAIL_RECORD = "rail.json"


def shipped(source: Source) -> Path | None:
    """The rail folder beside a domain's files, if it brings one."""
    home = getattr(getattr(source, "plugin", None), "folder", None)
    folder = Path(home) / "rail" if home else None
    return folder if folder and (folder / RAIL_RECORD).exists() else None
