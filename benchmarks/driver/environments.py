"""Virtual environments: one for each kind of interpreter and set of requirements, below build/bench/environments/.

Benchmarks with the same requirements share one, as do stock and the extension, which are one interpreter. They are
made without pip; the driver's own pip installs into them.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from driver.interpreters import Interpreter

# Every benchmark needs these, whatever else it asks for.
COMMON = ("pyperf==2.10.0", "psutil==7.2.2")
TIMEOUT = 1800
ERROR_LINES = 12


class SetupError(Exception):
    """An environment could not be made; the text says what failed."""


class Environments:
    """Makes environments on demand, and knows those that failed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failed: dict[Path, str] = {}

    def path(self, interpreter: Interpreter, requirements: str) -> Path:
        """Where the environment of the requirements is, made or not."""
        wanted = "\n".join(sorted(line for line in requirements.splitlines() if not line.startswith(COMMON)))
        digest = hashlib.sha256(wanted.encode()).hexdigest()[:10] if wanted.strip() else "plain"
        return self.folder / interpreter.environment / digest

    def missing(self, interpreter: Interpreter, requirements: str) -> bool:
        """Whether `python` would have to make the environment."""
        return not (self.path(interpreter, requirements) / ".ready").exists()

    def python(self, interpreter: Interpreter, requirements: str) -> Path:
        """The environment's interpreter. Raises SetupError when it cannot be made."""
        folder = self.path(interpreter, requirements)
        python = folder / "bin" / "python"
        if self.missing(interpreter, requirements):
            if folder not in self.failed:
                try:
                    self._make(interpreter, requirements, folder)
                except SetupError as error:
                    self.failed[folder] = str(error)
            if folder in self.failed:
                raise SetupError(self.failed[folder])
        return python

    def _make(self, interpreter: Interpreter, requirements: str, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Without the variables: what the environment is made with must not depend on the engine.
        env = {name: value for name, value in interpreter.env().items() if not name.startswith(("PYTHON", "PYSTON"))}
        self._run([interpreter.executable, "-m", "venv", "--without-pip", str(folder)], env)
        listed = folder / "requirements.txt"
        listed.write_text(requirements)
        python = str(folder / "bin" / "python")
        pip = [sys.executable, "-m", "pip", "--python", python, "install", "--disable-pip-version-check"]
        own = [requirement for requirement in COMMON if requirement.partition("==")[0] + "==" not in requirements]
        self._run([*pip, "--quiet", "-r", str(listed), *own], env)
        (folder / ".ready").touch()

    @staticmethod
    def _run(command: list[str], env: dict[str, str]) -> None:
        try:
            done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise SetupError(f"{' '.join(command)}: not done after {TIMEOUT} s") from None
        if done.returncode:
            lines = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("WARNING")]
            tail = "\n".join(lines[-ERROR_LINES:])
            raise SetupError(f"{' '.join(command)} failed:\n{tail}")
