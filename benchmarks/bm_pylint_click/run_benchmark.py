"""pylint over pinned real sources: the modules of click."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import io
import os
from collections.abc import Callable

from support import inprocess

MODULES = ("formatting", "globals", "_textwrap")


def prepare() -> Callable[[], str]:
    import click
    from pylint.lint import Run
    from pylint.reporters.text import TextReporter

    folder = Path(click.__file__).parent
    arguments = [str(folder / f"{name}.py") for name in MODULES]
    # A plain run, with nothing of what the user or the folder configures and nothing left from the run before.
    arguments += ["--rcfile=/dev/null", "--persistent=no", "--score=no", "--jobs=1", "--py-version=3.9"]
    arguments += ["--clear-cache-post-run=yes"]

    def lint() -> str:
        output = io.StringIO()
        Run(arguments, reporter=TextReporter(output), exit=False)
        messages = output.getvalue()
        for path in (str(folder), os.path.relpath(folder)):  # pylint shortens paths below the working directory
            messages = messages.replace(path, "click")
        assert "missing-function-docstring" in messages, messages[:500]
        return messages

    return lint


if __name__ == "__main__":
    inprocess.run("pylint_click", prepare)
