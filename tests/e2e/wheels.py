"""Built wheels and empty environments, as somebody who installs the project has them."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).parents[2]
CORE = REPO / "builderbrain-core"


@dataclass(frozen=True)
class Environment:
    """A virtual environment of its own, which sees the built wheels and the package index."""

    home: Path
    wheels: Path

    def run(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run one of the environment's commands; nothing of ours is on its path."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("BB_", "PYTHON"))}
        command = [str(self.home / "bin" / words[0]), *words[1:]]
        env |= {"PATH": f"{self.home / 'bin'}{os.pathsep}{env['PATH']}"}
        return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)

    def ok(self, *words: str, cwd: Path | None = None) -> str:
        """What a command that must succeed printed."""
        done = self.run(*words, cwd=cwd)
        assert done.returncode == 0, (words, done.stdout[-3000:], done.stderr[-3000:])
        return done.stdout

    def install(self, *what: str, cwd: Path | None = None) -> None:
        """Install distributions, our own out of the wheels."""
        self.ok("pip", "install", "-q", "--find-links", str(self.wheels), *what, cwd=cwd)


def wheel(source: Path, into: Path) -> None:
    """Build a distribution's wheel."""
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(into), str(source)]
    subprocess.run(pip, check=True)


def empty(home: Path, wheels: Path) -> Environment:
    """An environment with nothing in it."""
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    return Environment(home, wheels)
