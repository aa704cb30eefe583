"""The columns of the table: which interpreters there are, how each is started, and why one cannot be.

Stock, the two kinds of the extension and pyston3 are the run modes of the tests (tests/runmodes.py); PyPy is Debian's,
and any other is given by its path or command (PYTHONS=).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from driver.catalog import UsageError, unknown

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import runmodes  # noqa: E402

BASELINE = "stock"
SCRUB_PREFIXES = ("PYTHON", "PYSTON", "COV_", "VIRTUAL_ENV")
DESCRIBE = (
    "import json, platform, sys; print(json.dumps({'implementation': platform.python_implementation(), "
    "'version': platform.python_version(), 'text': ' '.join(sys.version.split())}))"
)


@dataclass(frozen=True)
class Interpreter:
    """A column: the executable, the variables that it runs with, and the virtual environments it uses."""

    name: str
    about: str
    executable: str
    environment: str  # interpreters with the same name here share virtual environments
    variables: tuple[tuple[str, str], ...] = ()
    install: str = ""  # the command that brings it, when it is missing

    def unavailable(self) -> str | None:
        """Why it cannot run, with the command that helps, or None when it can."""
        if not shutil.which(self.executable):
            return f"{self.executable} does not exist" + (f": {self.install}" if self.install else "")
        for folder in dict(self.variables).get("PYTHONPATH", "").split(os.pathsep):
            if folder and not Path(folder).is_dir():
                return f"{folder} does not exist: {self.install}"
        done = self._run("import venv")
        if done.returncode:
            said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            return f"{self.executable} cannot make virtual environments ({said}): {self.install or 'install venv'}"
        return None

    def _run(self, code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.executable, "-c", code], env=self.env(), capture_output=True, text=True)

    def describe(self) -> dict[str, str]:
        """Its implementation, version and the text of sys.version."""
        done = self._run(DESCRIBE)
        if done.returncode:
            raise UsageError(f"{self.executable} does not work: {done.stderr.strip()[-500:]}")
        return json.loads(done.stdout)

    def env(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        """The environment of its processes, with nothing of the caller's that changes how Python runs."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(SCRUB_PREFIXES)}
        env.update(LANG="C.UTF-8", LC_ALL="C.UTF-8")
        env.update(self.variables)
        env.update(extra or {})
        return env


def _of_mode(mode_name: str, name: str, about: str, environment: str) -> Interpreter:
    mode = runmodes.RunMode(mode_name)
    install = "make" if mode.is_engine else "apt-get install python3.11 python3.11-venv"
    return Interpreter(name, about, mode.argv[0], environment, tuple(mode.overrides.items()), install)


def known() -> dict[str, Interpreter]:
    """The interpreters of the table, by name."""
    stock = runmodes.STOCK
    pypy = Interpreter(
        "pypy3",
        "Debian's PyPy, Python 3.9",
        "/usr/bin/pypy3",
        "pypy3",
        install="apt-get install pypy3 pypy3-{venv,dev}",
    )
    columns = [
        _of_mode("stock", BASELINE, f"CPython, {stock}", "stock"),
        _of_mode("ext", "ext", "the same with Pyston's extension on", "stock"),
        _of_mode("ext-nojit", "ext-nojit", "the same with the extension on and compiling nothing", "stock"),
        _of_mode("pyston3", "pyston3", "Pyston's executable", "pyston3"),
        pypy,
    ]
    return {column.name: column for column in columns}


def _other(path: str) -> Interpreter:
    """A given interpreter. Raises UsageError when there is none."""
    found = shutil.which(path)
    if not found:
        raise UsageError(unknown("interpreter", path, [*known(), "any path to a Python"]))
    slug = found.strip("/").replace("/", "-")
    return Interpreter(slug, f"given as {path}", found, slug)


def select(names: Sequence[str], others: Sequence[str] = ()) -> list[Interpreter]:
    """The interpreters of the names (all of the table without one), stock always first, then the others by path.

    Raises UsageError for an unknown name.
    """
    table = known()
    chosen = {name: table.get(name) or _other(name) for name in (names or table)}
    chosen = {BASELINE: table[BASELINE], **chosen}
    given = [_other(path) for path in others]
    return list({column.name: column for column in [*chosen.values(), *given]}.values())
