"""What is in packages.toml, read and checked.

A package is run in one of two ways: its own tests by pytest, as the wheel brings them or as they lie in its source
archive, or a program that uses it and whose output is the same in every run.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
TABLE = HERE / "packages.toml"
REQUIREMENTS = HERE / "requirements.txt"
PROGRAMS = HERE / "programs"

# What every environment has: pip builds with the second half, without isolation.
COMMON = ("pytest", "pytest-reportlog", "hypothesis", "setuptools")


@dataclass(frozen=True)
class Difference:
    """A test that may differ from stock, and why."""

    test: str  # a regular expression over the test's id
    reason: str
    modes: tuple[str, ...] = ()  # none: every mode

    def covers(self, test: str, mode: str) -> bool:
        return bool(re.fullmatch(self.test, test)) and (not self.modes or mode in self.modes)


@dataclass(frozen=True)
class Package:
    """One entry of the table."""

    name: str
    # Distributions to install; the first is the one that the entry is about.
    requires: tuple[str, ...]
    # pytest's arguments. A module's name is looked up in the environment, a path in the source archive.
    tests: tuple[str, ...] = ()
    # The folders and files of the source archive that the tests need; nothing: they are in the wheel.
    sdist: tuple[str, ...] = ()
    # pytest's configuration in the source archive, if the tests need it.
    config: str = ""
    # Where in the source archive its tests look for the package, if not among the installed ones.
    installed_as: str = ""
    program: str = ""
    arguments: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    built_with: str = ""  # what made the compiled part
    quick: bool = False
    differences: tuple[Difference, ...] = ()

    @property
    def version(self) -> str:
        """The pinned version of the distribution that the entry is about."""
        return versions()[normal(self.requires[0])]

    @property
    def what(self) -> str:
        """What is run, for people."""
        if self.program:
            return f"program {self.program}"
        return "tests of the source archive" if self.sdist else "tests of the wheel"


def load(path: Path = TABLE) -> dict[str, Package]:
    """The packages by name. A wrong entry raises ValueError."""
    packages = {}
    pins = versions()
    for name, entry in tomllib.loads(path.read_text()).items():
        differences = tuple(
            Difference(d["test"], d["reason"], tuple(d.get("modes", ()))) for d in entry.pop("differences", ())
        )
        lists = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
        try:
            package = Package(name, differences=differences, **lists)
        except TypeError as error:
            raise ValueError(f"{path.name}: {name}: {error}") from None
        if bool(package.tests) == bool(package.program):
            raise ValueError(f"{path.name}: {name}: needs tests or a program, not both")
        missing = [r for r in package.requires if normal(r) not in pins]
        if missing:
            raise ValueError(f"{path.name}: {name}: not in {REQUIREMENTS.name}: {', '.join(missing)}")
        packages[name] = package
    return packages


def normal(distribution: str) -> str:
    """A distribution's name as indexes compare it, without extras."""
    return re.sub(r"[-_.]+", "-", distribution.partition("[")[0]).lower()


def versions(path: Path = REQUIREMENTS) -> dict[str, str]:
    """The pinned version of every distribution."""
    pins = (line.split("==") for line in path.read_text().splitlines() if "==" in line)
    return {normal(name): version.strip() for name, version in pins}
