"""What each domain adds to an environment that has the core: the default install, without extras.

usage: python benchmarks/install_size.py [NAME ...]     no name: every domain of this checkout
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from report import emit, say

REPO = Path(__file__).parent.parent
PLUGINS = REPO / "builderbrain-plugins"
MOST_MB = 40.0


def pip(binaries: Path, wheels: Path, target: str) -> None:
    """Install one of our wheels, and what it needs from the index."""
    command = [str(binaries / "pip"), "install", "-q", "--find-links", str(wheels), target]
    subprocess.run(command, check=True)


def megabytes(folder: Path) -> float:
    """What a folder's files hold, as they lie there."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def wheel(source: Path, wheels: Path) -> None:
    """Build one distribution."""
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(wheels)]
    subprocess.run([*command, str(source)], check=True)


def added(name: str, home: Path, wheels: Path) -> dict[str, float]:
    """A fresh environment's site-packages with the core, and with the domain on top."""
    env = home / name
    subprocess.run([sys.executable, "-m", "venv", str(env)], check=True)
    (site,) = env.glob("lib/python3*/site-packages")
    bare = megabytes(site)
    pip(env / "bin", wheels, "builderbrain-core")
    core = megabytes(site)
    wheel(PLUGINS / name, wheels)
    pip(env / "bin", wheels, f"builderbrain-{name.replace('_', '-')}")
    return {"core_mb": round(core - bare, 1), "adds_mb": round(megabytes(site) - core, 1)}


def main(names: list[str]) -> int:
    """Measure, print, and fall short where a domain adds too much."""
    wanted = names or sorted(path.parent.name for path in PLUGINS.glob("*/pyproject.toml"))
    rows: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        home, wheels = Path(folder), Path(folder) / "wheels"
        wheel(REPO / "builderbrain-core", wheels)
        for name in wanted:
            rows[name] = added(name, home, wheels)
            say(f"{name}: {rows[name]}")
    most = max(row["adds_mb"] for row in rows.values())
    return emit(
        "install_size",
        most < MOST_MB,
        bar=f"a domain's default install adds less than {MOST_MB:g} MB to the core",
        domains=rows,
        most_mb=most,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
