"""A place to try the command: a folder, a good plan, and `bb` in a process of its own."""

import json
import os
import resource
import subprocess
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import dbos  # noqa: F401
import pytest

import bb_domains.api_json.shop.serve  # noqa: F401
from bb_infra.cli import main

BB = str(Path(sys.executable).with_name("bb"))
WHO = {"id": "n1", "tool": "find_user_by_email", "args": {"email": "bianca.xu@example.com"}}
PLAN = {"domain": "api_json", "steps": [WHO]}
TEXT = json.dumps({"steps": [WHO]}, separators=(",", ":"))
RUN = ("plan", "run", "plan.json", "--twin")
ASK = ("run", "api_json", "Cancel W1005.", "--twin")


def _command(words: Sequence[str], out: IO[str], err: IO[str]) -> int:
    sys.stdout, sys.stderr, sys.argv = out, err, ["bb", *words]
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc(file=err)
        return 70
    finally:
        out.flush()
        err.flush()
    return 0


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Desk:
    """A folder to work in, with a good plan and no configuration."""

    folder: Path
    patch: pytest.MonkeyPatch

    def bb(self, *words: str) -> Done:
        """The command in a fork of this process, which has imported it all: faster."""
        with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
            pid = os.fork()
            if pid == 0:
                os._exit(_command(words, out, err))
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            out.seek(0)
            err.seek(0)
            return Done(status, out.read(), err.read())

    def apart(self, *words: str, most: int = resource.RLIM_INFINITY) -> Done:
        """The command in a new process, since torch survives no fork; no file grows over `most`."""

        def limited() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

        done = subprocess.run(
            [BB, *words], cwd=self.folder, capture_output=True, text=True, preexec_fn=limited
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def says(self, *words: str) -> str:
        """The error's one line; no step was started."""
        return said(self.bb(*words))

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def ran(self) -> Path:
        """A state folder that a good run has left."""
        assert self.bb(*RUN).returncode == 0
        return self.folder / ".bb"

    def still_runs(self) -> None:
        assert self.bb(*RUN).returncode == 0
        assert self.bb("log", "verify", ".bb/ledger.jsonl").returncode == 0


def said(done: Done) -> str:
    assert done.returncode == 2, done
    lines = done.stderr.splitlines()
    assert lines[0].startswith("bb: "), done.stderr
    assert len(lines) == 1 or lines[-1].strip() == "^", done.stderr
    assert "execute" not in done.stdout
    return lines[0].removeprefix("bb: ")


def set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk in a new folder, which is the working folder for the length of a test."""
    monkeypatch.chdir(tmp_path)
    desk = Desk(tmp_path, monkeypatch)
    desk.write("plan.json", json.dumps(PLAN))
    return desk
