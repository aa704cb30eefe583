"""The linters, one test each (scripts/lint.sh says what they do)."""

from __future__ import annotations

import subprocess

import pytest
import runmodes


@pytest.mark.lint
@pytest.mark.parametrize("check", ["format", "tidy", "clang", "python", "shell"])
def test_lint(check):
    done = subprocess.run(
        [runmodes.ROOT / "scripts/lint.sh", check], capture_output=True, text=True, timeout=900, cwd=runmodes.ROOT
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
