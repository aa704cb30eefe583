"""Runs one cell of the table: a benchmark's script, once, in a fresh process of an interpreter."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from support.cache import VARIABLE as CACHE_VARIABLE
from support.extras import VARIABLE as EXTRAS_VARIABLE

from driver.catalog import Benchmark, Level
from driver.environments import Environments, SetupError
from driver.interpreters import Interpreter
from driver.store import FAILED, OK, SKIPPED, Outcome

ERROR_TAIL = 4000
# A process that takes this many times what was guessed hangs.
TIMEOUT_FACTOR = 40
LEAST_TIMEOUT = 300


@dataclass
class Bench:
    """What running cells needs."""

    environments: Environments
    level: Level
    described: dict[str, dict[str, str]]  # implementation and version, by the interpreter's name
    scratch: Path

    def unsupported(self, benchmark: Benchmark, interpreter: str) -> str | None:
        """Why the interpreter cannot run the benchmark, or None when it can."""
        about = self.described[interpreter]
        return benchmark.unsupported(about["version"], about["implementation"])

    def run(self, benchmark: Benchmark, interpreter: Interpreter, number: int) -> Outcome:
        """The outcome of one process; a failure is an outcome too."""
        if reason := self.unsupported(benchmark, interpreter.name):
            return Outcome(SKIPPED, error=reason)
        try:
            python = self.environments.python(interpreter, benchmark.requirements)
        except SetupError as error:
            return Outcome(FAILED, error=str(error))
        self.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.scratch, ignore_cleanup_errors=True) as folder:
            return self._run(benchmark, interpreter, number, python, Path(folder))

    def _run(self, benchmark: Benchmark, interpreter: Interpreter, number: int, python: Path, folder: Path) -> Outcome:
        output, extras, log = folder / "pyperf.json", folder / "extras.json", folder / "log.txt"
        command = [str(python), str(benchmark.script), *benchmark.arguments(self.level)]
        command += ["--copy-env", "--quiet", "--output", str(output)]
        env = interpreter.env(
            {
                EXTRAS_VARIABLE: str(extras),
                CACHE_VARIABLE: str(self.scratch / "cache" / benchmark.name.replace("/", "_")),
                "TMPDIR": str(folder),
                # The order of sets and dicts is the same for all in a round, and another in the next.
                "PYTHONHASHSEED": str(number + 1),
                "PYTHONDONTWRITEBYTECODE": "",
            }
        )
        timeout = max(LEAST_TIMEOUT, TIMEOUT_FACTOR * benchmark.size.seconds * self.level.scale)
        start = time.perf_counter()
        with log.open("wb") as stream:
            code = run_group(command, env, stream, timeout)
        seconds = time.perf_counter() - start
        text = worker_log(log.read_text(errors="replace"))
        if code != 0:
            how = f"not done after {timeout:.0f} s" if code is None else describe_exit(code)
            return Outcome(FAILED, seconds, error=f"{how}: {' '.join(command)}\n{text[-ERROR_TAIL:]}")
        try:
            suite = json.loads(output.read_text())
        except (OSError, json.JSONDecodeError) as error:
            return Outcome(FAILED, seconds, error=f"no results: {error}\n{text[-ERROR_TAIL:]}")
        return Outcome(OK, seconds, suite, json.loads(extras.read_text()) if extras.exists() else {})


def worker_log(text: str) -> str:
    """What a script printed, without the traceback of pyperf's manager, which only says that its worker failed."""
    before, start, last = text.strip().rpartition("Traceback (most recent call last):")
    if start and re.search(r"^RuntimeError: .* failed with exit code -?\d+$", last.strip(), re.MULTILINE):
        return before.strip()
    return text.strip()


def describe_exit(code: int) -> str:
    """How a process ended, in words."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def run_group(command: list[str], env: dict[str, str], output: object, timeout: float) -> int | None:
    """Runs a command in a process group of its own, which is gone afterwards; returns its exit code.

    None says that it was stopped because it took too long.
    """
    process = subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
    )
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        # What a benchmark started is in the group too.
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
