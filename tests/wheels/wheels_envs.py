"""The environments that packages are installed into, and the source archives that their tests come from.

Two environments below build/wheels serve every run: `stock` of the interpreter that is compared with, also for the
extension, and `pyston3`, made by `pyston3 -m venv` and filled by its own pip. What is missing is installed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import runmodes
import wheels_table

FOLDER = runmodes.BUILD / "wheels"


def environment(mode: runmodes.RunMode) -> Path:
    """The environment that a mode runs from."""
    return FOLDER / ("pyston3" if mode.name.startswith("pyston3") else "stock")


def site_packages(mode: runmodes.RunMode) -> Path:
    return environment(mode) / "lib" / "python3.11" / "site-packages"


def prepare(packages: Iterable[wheels_table.Package], modes: Iterable[runmodes.RunMode]) -> None:
    """Makes the environments of the modes and installs what the packages need."""
    packages = list(packages)
    with _lock():
        for mode in {environment(mode): mode for mode in modes}.values():
            _install(mode, packages)
        for package in packages:
            if package.sdist:
                _sdist(package)


def source(package: wheels_table.Package) -> Path:
    """Where those parts of its source archive are that the tests need; the package itself is the wheel's."""
    return FOLDER / "sdist" / f"{package.name}-{package.version}"


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(*argv: str | Path) -> None:
    problem = _try(*argv)
    if problem:
        sys.exit(problem)


def _try(*argv: str | Path) -> str:
    """Runs a command; what it said if it failed, else nothing."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYSTON"))}
    done = subprocess.run(
        list(map(str, argv)),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return f"{' '.join(map(str, argv))}: exit status {done.returncode}\n{done.stdout[-4000:]}" * bool(done.returncode)


def _install(mode: runmodes.RunMode, packages: list[wheels_table.Package]) -> None:
    folder = environment(mode)
    python = folder / "bin" / "python"
    # A list of what was installed, with its versions: the next run that needs no more does not ask pip.
    record = folder / "installed.txt"
    if not record.exists():
        print(f"wheels: making {folder.name}", file=sys.stderr)
        _run(mode.argv[0], "-m", "venv", "--clear", folder)
        record.touch()
    pins = wheels_table.versions()
    names = {*wheels_table.COMMON, *(r for p in packages for r in p.requires)}
    wanted = {f"{name}=={pins[wheels_table.normal(name)]}" for name in names}
    there = set(record.read_text().split())
    if wanted - there:
        print(f"wheels: installing into {folder.name}: {' '.join(sorted(wanted - there))}", file=sys.stderr)
        constraints = "--constraint", wheels_table.REQUIREMENTS
        _run(python, "-m", "pip", "install", "--disable-pip-version-check", *constraints, *sorted(wanted - there))
        record.write_text("\n".join(sorted(there | wanted)) + "\n")


def _sdist(package: wheels_table.Package) -> None:
    folder = source(package)
    if folder.exists():
        return
    name = package.requires[0].partition("[")[0]
    print(f"wheels: fetching the source archive of {name}", file=sys.stderr)
    download = FOLDER / "download" / package.name
    shutil.rmtree(download, ignore_errors=True)
    pip = environment(runmodes.RunMode("stock")) / "bin" / "python", "-m", "pip", "download"
    options = "--no-deps", "--no-binary", ":all:", "--dest", download, f"{name}=={package.version}"
    # pip asks the package's build system for its metadata, which may be installed; else pip fetches it, and longer.
    if _try(*pip, "--no-build-isolation", *options):
        _run(*pip, *options)
    unpacked = download / "unpacked"
    with tarfile.open(next(download.glob("*.tar.gz"))) as archive:
        archive.extractall(unpacked, filter="data") if hasattr(tarfile, "data_filter") else archive.extractall(unpacked)
    root = next(unpacked.iterdir())
    parts = download / "parts"
    for part in [*package.sdist, *([package.config] if package.config else [])]:
        target = parts / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (root / part).is_dir():
            shutil.copytree(root / part, target, symlinks=True)
        else:
            shutil.copy2(root / part, target)
    folder.parent.mkdir(parents=True, exist_ok=True)
    parts.rename(folder)
    shutil.rmtree(download)
