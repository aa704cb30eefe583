"""What all tests share: the option --full, and the interpreters to run programs with."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import runmodes


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="run the tests marked `full` as well")
    parser.addoption("--packages", action="store_true", help="run the tests marked `packages` as well")
    parser.addoption("--deployments", action="store_true", help="run the tests marked `deployments` as well")


def pytest_collection_modifyitems(config, items):
    for name in ("full", "packages", "deployments"):
        left_out = [item for item in items if item.get_closest_marker(name)]
        if left_out and not config.getoption(f"--{name}"):
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if not item.get_closest_marker(name)]


@dataclass
class Done:
    """A program that ended: its exit code (negative: the signal) and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def ok(self) -> str:
        """What it wrote on standard output, if it ended well and left stderr empty."""
        assert (self.code, self.err) == (0, ""), f"exit code {self.code}\n{self.err}"
        return self.out


class Python:
    """One way to run Python programs: call it with arguments to get a `Done`."""

    def __init__(self, mode: runmodes.RunMode):
        self.mode = mode

    @property
    def executable(self) -> str:
        return self.mode.argv[0]

    def __call__(self, *args, env=None, program=None, timeout=120, **popen) -> Done:
        """Run it. `env` adds variables (None as a value removes one), `program` replaces the
        executable (a venv's, say), everything else goes to subprocess.run()."""
        full_env = self.mode.env({k: v for k, v in (env or {}).items() if v is not None})
        for name in [k for k, v in (env or {}).items() if v is None]:
            full_env.pop(name, None)
        popen.setdefault("stdin", None if "input" in popen else subprocess.DEVNULL)
        if popen["stdin"] is None:
            del popen["stdin"]
        if isinstance(popen.get("input"), str):
            popen["input"] = popen["input"].encode()
        done = subprocess.run(
            [program or self.executable, *args],
            env=full_env,
            capture_output=True,
            timeout=timeout,
            **popen,
        )
        return Done(done.returncode, _text(done.stdout), _text(done.stderr))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _python(name: str) -> Python:
    mode = runmodes.RunMode(name)
    reason = mode.unavailable()
    assert reason is None, reason
    return Python(mode)


@pytest.fixture(scope="session")
def pyston3() -> Python:
    """The pyston3 executable."""
    return _python("pyston3")


@pytest.fixture(scope="session")
def stock() -> Python:
    """The interpreter that everything is compared with."""
    return _python("stock")


@pytest.fixture(scope="session")
def ext() -> Python:
    """Stock with the extension loaded and on at start-up."""
    return _python("ext")


def find_other_pythons() -> list[str]:
    """Other builds of CPython 3.11 on this machine: PYSTON_TEST_OTHER_PYTHON, else the usual places."""
    named = os.environ.get("PYSTON_TEST_OTHER_PYTHON")
    if named:
        return named.split(os.pathsep)
    places = [Path.home() / ".pyenv/versions", Path("/opt"), Path("/usr/local")]
    found = [p for place in places for p in sorted(place.glob("3.11*/bin/python3.11"))]
    found += [p for p in [Path("/usr/local/bin/python3.11")] if p.exists()]
    return [str(p) for p in found]


@pytest.fixture(scope="session")
def site_packages() -> Path:
    """The folder with the packages of requirements-apps.txt."""
    folder = runmodes.SITE_PACKAGES
    assert folder.is_dir(), "run make test"
    return folder
