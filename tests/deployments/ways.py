"""The ways to run one of the environments in build/deployments/, and programs started in them.

An environment of python3.11 is run as it is (`stock`) and with the extension and its autoload on PYTHONPATH (`ext`),
one made by `pyston3 -m venv` as it is (`pyston3`). A name that ends in -t1 compiles everything at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import conftest
import runmodes

ENVIRONMENTS = runmodes.ROOT / "build" / "deployments"
PROGRAMS = Path(__file__).parent / "programs"

# The engine's ways; the first are of `make test`.
USUAL = ("ext", "pyston3")
EAGER = ("ext-t1", "pyston3-t1")
ALL = USUAL + EAGER


class Done(conftest.Done):
    """A command that ended; servers and tools may say something on stderr and end well."""

    @property
    def ok(self) -> str:
        """What it wrote on standard output, if it ended well."""
        assert self.code == 0, f"exit status {self.code}\n{self.out}\n{self.err}"
        return self.out


@dataclass(frozen=True)
class Way:
    """One way to run things: `name` as in `runmodes.parse`."""

    name: str

    @property
    def mode(self) -> runmodes.RunMode:
        return runmodes.parse(self.name)

    @property
    def bin(self) -> Path:
        """The folder of python and of the scripts that pip has installed."""
        return ENVIRONMENTS / ("pyston3" if self.name.startswith("pyston3") else "stock") / "bin"

    @property
    def is_engine(self) -> bool:
        return self.mode.is_engine

    def argv(self, *command) -> list[str]:
        """The command line of `python ...`, or of a script when the first word is its name with a leading `@`."""
        first, *rest = [str(word) for word in command]
        if first.startswith("@"):
            return [str(self.bin / first[1:]), *rest]
        return [str(self.bin / "python"), first, *rest]

    def env(self, **more) -> dict[str, str]:
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        return self.mode.env({"PATH": path, "PYTHONHASHSEED": "0"} | {k: str(v) for k, v in more.items()})

    def run(self, *command, env=None, input="", timeout=120, **popen) -> Done:
        """Run a command to its end."""
        runmodes.allow_interrupts()
        done = subprocess.run(
            self.argv(*command),
            env=self.env(**(env or {})),
            input=input,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            timeout=timeout,
            **popen,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    @contextlib.contextmanager
    def start(self, *command, log: Path, env=None, **popen) -> Iterator[Service]:
        """Start a command in a process group of its own; what is left of it is killed at the end."""
        runmodes.allow_interrupts()
        with open(log, "wb") as file:
            process = subprocess.Popen(
                self.argv(*command),
                env=self.env(**(env or {})),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **popen,
            )
        try:
            yield Service(process, log)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@dataclass(frozen=True)
class Service:
    """A program that runs: `log` is the file that it writes both streams to."""

    process: subprocess.Popen
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(errors="backslashreplace")

    def wait_for(self, condition: Callable[[], object], what: str, timeout=60):
        """Wait until a condition holds, and return what it gave; a program that ended meanwhile is a failure."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if result := condition():
                return result
            assert self.process.poll() is None, f"ended with {self.process.returncode} before {what}:\n{self.said}"
            time.sleep(0.05)
        raise AssertionError(f"no {what} in {timeout} s:\n{self.said}")

    def wait_for_text(self, pattern: str, timeout=60) -> re.Match:
        return self.wait_for(lambda: re.search(pattern, self.said), f"{pattern!r} in the log", timeout)

    def stop(self, signum=signal.SIGTERM, timeout=60) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(signum)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still there {timeout} s after {signal.Signals(signum).name}:\n{self.said}") from None


def free_port() -> int:
    """A TCP port that nobody uses at the moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def get(port: int, path: str = "/", timeout=30) -> tuple[int, str]:
    """The status and body of one HTTP request on a connection of its own."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=timeout) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def answers(port: int) -> bool:
    """Whether a server accepts connections there."""
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def compiled(folder: Path) -> list[int | None]:
    """What programs/evidence.py has noted in a folder, of each process."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
