"""mypy over pinned real sources, the modules of click; shared by the pure-Python build and the compiled wheel."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

MODULES = ("parser", "formatting", "globals")


def prepare(compiled: bool) -> Callable[[], str]:
    """A function that type-checks everything anew; mypy has to be the kind of build that is said."""
    import click
    import mypy.build
    from mypy import api

    is_compiled = not mypy.build.__file__.endswith(".py")
    assert is_compiled == compiled, f"{mypy.build.__file__} is the wrong build of mypy"
    # A copy, because mypy takes the folder above a package for the place where the program's own modules are.
    os.chdir(tempfile.mkdtemp(prefix="mypy"))
    shutil.copytree(Path(click.__file__).parent, "click")
    arguments = [f"click/{name}.py" for name in MODULES]
    arguments += ["--config-file=", f"--cache-dir={os.devnull}", "--python-version=3.9", "--no-site-packages"]
    arguments += ["--follow-imports=silent", "--strict", "--show-traceback"]

    def check() -> str:
        output, errors, status = api.run(arguments)
        assert status in (0, 1) and not errors, f"{status}: {errors}"
        return output

    return check
