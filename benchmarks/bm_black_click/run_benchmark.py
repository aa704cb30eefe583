"""black, the pure-Python build, formatting a large file: click's core.py, its layout made uneven first."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import re
from collections.abc import Callable

from support import inprocess

LINES = 900


def prepare() -> Callable[[], str]:
    import black
    import click

    assert black.__file__.endswith(".py"), f"{black.__file__} is the compiled build of black"
    path = Path(click.__file__).parent / "core.py"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    # Up to the class that follows, so that what is left is whole.
    end = next(n for n in range(LINES, len(lines)) if lines[n].startswith("class "))
    source = "".join(lines[:end])
    uneven = re.sub(r",\n\s*\)", ")", source).replace(" = ", "  =  ")
    mode = black.Mode(target_versions={black.TargetVersion.PY39})

    def format_file() -> str:
        result = black.format_file_contents(uneven, fast=True, mode=mode)
        assert "class Context" in result and "  =  " not in result.replace('"  =  "', "")[:2000]
        return result

    return format_file


if __name__ == "__main__":
    inprocess.run("black_click", prepare)
