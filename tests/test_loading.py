"""Where `_pyston` cannot be imported: each loader says so in one line of the same words, `import pyston` what to do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import runmodes

EXTENSION = "_pyston.cpython-311-x86_64-linux-gnu.so"
BEGINS = "pyston: not loaded, the program runs without it: "


@pytest.fixture
def folder(tmp_path) -> Path:
    """The extension's folder, copied."""
    shutil.copytree(runmodes.BUILD / "python", tmp_path / "python", symlinks=True)
    return tmp_path / "python"


def lack_a_symbol(folder: Path) -> None:
    """Ask for a symbol that no Python exports."""
    path = folder / EXTENSION
    binary = path.read_bytes()
    assert b"PyCode_Addr2Line\0" in binary
    path.write_bytes(binary.replace(b"PyCode_Addr2Line\0", b"PyCode_AddrXLine\0"))


def loaders(folder: Path) -> dict[str, list[Path]]:
    """What to put on PYTHONPATH for each of the ways that switch the engine on at the start."""
    wheel = folder.parent / "wheel"
    wheel.mkdir()
    shutil.copy(runmodes.ROOT / "packaging/autoload/pyston_autoload.py", wheel / "sitecustomize.py")
    return {
        "autoload": [folder, runmodes.BUILD / "autoload"],
        "startup": [folder / "pyston/startup", folder],
        "wheel": [folder, wheel],
    }


@pytest.mark.parametrize("loader", ["autoload", "startup", "wheel"])
@pytest.mark.parametrize("damage", ["missing", "symbol", "truncated"])
def test_loaders(stock, folder, loader, damage):
    """One line, and the program runs."""
    if damage == "missing":
        (folder / EXTENSION).unlink()
    elif damage == "symbol":
        lack_a_symbol(folder)
    else:
        os.truncate(folder / EXTENSION, 10)
    path = os.pathsep.join(map(str, loaders(folder)[loader]))
    done = stock("-c", "print('ran')", env={"PYTHONPATH": path, "PYSTON": "1"})
    assert (done.code, done.out) == (0, "ran\n")
    assert done.err.startswith(BEGINS) and done.err.count("\n") == 1, done.err
    cause = {"missing": "No module named '_pyston'", "symbol": "PyCode_AddrXLine", "truncated": EXTENSION}
    assert cause[damage] in done.err


def test_a_build_without_a_symbol(stock, folder):
    """One sentence that says what to do."""
    lack_a_symbol(folder)
    done = stock("-c", "import pyston", env={"PYTHONPATH": str(folder)})
    last = done.err.splitlines()[-1]
    assert done.code == 1 and last.startswith("ImportError: pyston does not fit this build of CPython 3.11 (")
    assert "undefined symbol: PyCode_AddrXLine" in last and "use a regular one" in last
    # The doctor and the commands say it, too.
    said = stock("-m", "pyston", "doctor", env={"PYTHONPATH": str(folder)})
    assert said.code == 1 and "PyCode_AddrXLine" in said.out and "regular" in said.out
