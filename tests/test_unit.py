"""The C unit tests (tests/unit/, on cmocka): every program has to pass."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import runmodes

SOURCES = sorted(Path(__file__).with_name("unit").glob("test_*.c"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_unit(source):
    program = runmodes.BUILD / "meson/tests/unit" / source.stem
    assert program.exists(), "not built: run make test, with libcmocka-dev and libcapstone-dev installed"
    done = subprocess.run([program], capture_output=True, text=True, errors="replace", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[  PASSED  ]" in done.stdout + done.stderr, "it ran no test"
