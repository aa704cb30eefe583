"""pytest collecting and running a real package's own tests: some of networkx's."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import contextlib
import io
import os
import re
import tempfile
from collections.abc import Callable

from support import inprocess

MODULES = (
    "networkx.algorithms.tests.test_dag",
    "networkx.algorithms.tests.test_cycles",
    "networkx.classes.tests.test_digraph",
)


def prepare() -> Callable[[], str]:
    import pytest

    os.chdir(tempfile.mkdtemp(prefix="pytest"))
    arguments = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir=.", "--pyargs", *MODULES]

    def run_tests() -> str:
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = pytest.main(arguments)
        counts = re.search(r"(\d+ passed).* in ", output.getvalue())
        assert status == 0 and counts, output.getvalue()[-2000:]
        return counts[1]

    return run_tests


if __name__ == "__main__":
    inprocess.run("pytest_networkx", prepare)
