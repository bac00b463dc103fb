"""Keep `bb_domains` a namespace, whoever ships a `bb_domains/__init__.py`.

One distribution with that file would hide every other domain. It is passed over, never run, and
named. Not covered: a `bb_domains.py` that was imported before the registry looked.
"""

import importlib.util
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution
from pathlib import Path
from types import ModuleType

NAMESPACE = "bb_domains"


def thieves() -> list[Path]:
    """Every `bb_domains/__init__.py` or `bb_domains.py` on the path, in order."""
    places = [Path(entry or ".") for entry in sys.path]
    files = [p / name for p in places for name in (f"{NAMESPACE}/__init__.py", f"{NAMESPACE}.py")]
    return list(dict.fromkeys(file for file in files if file.is_file()))


def keep_namespace() -> list[Path]:
    """Make `bb_domains.x` importable from the whole path; return the files passed over."""
    found = thieves()
    if found:
        module = sys.modules.get(NAMESPACE)
        if module is None or getattr(module, "__file__", None):
            spec = importlib.util.spec_from_loader(NAMESPACE, None, is_package=True)
            module = (
                ModuleType(NAMESPACE) if spec is None else importlib.util.module_from_spec(spec)
            )
            sys.modules[NAMESPACE] = module
        module.__path__ = [str(folder) for folder in _folders()]
    return found


def owner(file: Path, dists: list[Distribution]) -> str:
    """The name and version of the distribution that installed a file, or the file's own path."""
    for dist in dists:
        for entry in dist.files or ():
            if entry.name in (file.name,) and Path(str(dist.locate_file(entry))) == file:
                return f"{dist.name} {dist.version}"
    return str(file)


def _folders() -> Iterator[Path]:
    seen = set()
    for entry in sys.path:
        folder = Path(entry or ".") / NAMESPACE
        if folder not in seen and folder.is_dir():
            seen.add(folder)
            yield folder
