"""Running one program in several modes and holding what it writes against stock, byte for byte."""

from __future__ import annotations

import difflib
import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import runmodes

# What differs between two runs of one program on one interpreter: where objects are.
_ADDRESS = re.compile(r"\b0x[0-9a-f]+\b")


# Runs a program as `python PROGRAM` would, then writes pyston.stats() where PYSTON_TEST_STATS says.
_WITH_STATS = """
import os, runpy, sys
sys.argv[:] = sys.argv[1:]
owner = os.getpid()
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    if os.getpid() == owner:
        import json, pyston
        with open(os.environ["PYSTON_TEST_STATS"], "w") as file:
            json.dump(pyston.stats(), file)
"""


@dataclass(frozen=True)
class Transcript:
    """What a program did: exit status (negative: the signal; None: it had to be killed), and its output."""

    code: int | None
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit status {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}"


def run(
    mode: runmodes.RunMode,
    args: Sequence[str | Path],
    timeout: float,
    env: dict[str, str] | None = None,
    path: list[Path | str] | None = None,
    cwd: Path | None = None,
) -> Transcript:
    """Runs the interpreter of `mode` with `args`; output over a file, so that what crashed is still there."""
    runmodes.allow_interrupts()
    full = mode.env({"PYTHONHASHSEED": "0", **(env or {})}, path)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [*mode.argv, *map(str, args)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=full,
            cwd=cwd,
            start_new_session=True,
        )
        try:
            code: int | None = process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(_ADDRESS.sub("0x...", file.read().decode("utf-8", "backslashreplace")))
    return Transcript(code, *texts)


def run_with_stats(
    mode: runmodes.RunMode,
    program: Path,
    timeout: float,
    path: list[Path | str] | None = None,
    args: Sequence[str] = (),
) -> tuple[Transcript, dict]:
    """Runs a program in an engine mode and returns its transcript and what pyston.stats() said at its end."""
    with tempfile.TemporaryDirectory() as folder:
        stats = Path(folder) / "stats.json"
        where = {"PYSTON_TEST_STATS": str(stats)}
        # What running the program would put first on sys.path.
        result = run(mode, ["-c", _WITH_STATS, program, *args], timeout, where, [program.parent, *(path or [])])
        return result, json.loads(stats.read_text()) if stats.exists() else {}


def compiled(stats: dict) -> int:
    """How many functions and loops were compiled, by pyston.stats()."""
    return stats["functions_compiled"] + stats["loops_compiled"]


def difference(expected: Transcript, actual: Transcript, limit: int = 60) -> str:
    """A readable difference of two transcripts, empty when they are the same."""
    if expected == actual:
        return ""
    lines = list(
        difflib.unified_diff(str(expected).splitlines(), str(actual).splitlines(), "stock", "engine", lineterm="", n=2)
    )
    cut = [f"... {len(lines) - limit} more lines"] if len(lines) > limit else []
    return "\n".join([line[:400] for line in lines[:limit]] + cut)
