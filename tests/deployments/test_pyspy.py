"""py-spy, which reads a program's frames from outside: it sees compiled frames as those of python3.11.

Functions and the lines of callers are exact. Within a compiled loop the innermost frame's line is the last one that
machine code wrote into the frame, so it stays at one line of the loop where python3.11 shows all of them in turn.
"""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest

from deployments.ways import PROGRAMS, Way, compiled

PROGRAM = PROGRAMS / "sampled.py"


pytestmark = [
    pytest.mark.deployments,
    pytest.mark.skipif(os.getuid() != 0, reason="reading another process's memory needs root here"),
]


def py_spy(*arguments) -> str:
    argv = [Way("stock").bin / "py-spy", *map(str, arguments)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    if done.returncode != 0 and "Operation not permitted" in done.stderr:
        pytest.skip("this machine forbids ptrace")
    assert done.returncode == 0, done.stderr
    return done.stdout


def dump(way: Way, kind: str, tmp_path) -> list[dict]:
    """The threads that py-spy sees in the program."""
    folder = tmp_path / way.name
    folder.mkdir()
    with way.start(PROGRAM, kind, log=folder / "log", env={"EVIDENCE": folder}) as program:
        program.wait_for_text("ready")
        threads = json.loads(py_spy("dump", "--json", "--locals", "--pid", program.process.pid))
    if way.is_engine:
        assert compiled(folder)[0] >= 1
    return threads


def frames(threads: list[dict]) -> list[list[tuple]]:
    return [[(frame["name"], frame["short_filename"], frame["line"]) for frame in t["frames"]] for t in threads]


def test_waiting(way, stock, tmp_path):
    """Deep in compiled calls, a generator among them: every frame, every line, every argument."""
    expected, actual = dump(stock, "wait", tmp_path), dump(way, "wait", tmp_path)
    assert [name for name, *_ in frames(expected)[0]][:5] == ["wait", "wait", "wait", "values", "in_generator"]
    assert frames(actual) == frames(expected)

    def arguments(threads):
        found = [[l["name"] for l in f["locals"] or () if l["arg"]] for t in threads for f in t["frames"]]
        return found

    assert arguments(actual) == arguments(expected)


def test_in_a_loop(way, stock, tmp_path):
    """The same functions, and a line of the loop."""
    expected, actual = dump(stock, "spin", tmp_path), dump(way, "spin", tmp_path)
    assert [f[:2] for t in frames(actual) for f in t] == [f[:2] for t in frames(expected) for f in t]
    lines = PROGRAM.read_text().splitlines()
    first = lines.index("    while True:") + 1
    assert first <= frames(actual)[0][0][2] <= first + 5
    assert frames(actual)[0][1:] == frames(expected)[0][1:]


def test_record(way, tmp_path):
    """Samples over a second: all of them in the hot function."""
    with way.start(PROGRAM, "spin", log=tmp_path / "log") as program:
        program.wait_for_text("ready")
        argv = ["record", "--format", "raw", "--duration", 1, "--function", "-o", tmp_path / "raw"]
        py_spy(*argv, "--pid", program.process.pid)
    counts = [line.rpartition(" ") for line in (tmp_path / "raw").read_text().splitlines()]
    hot = sum(int(n) for stack, _, n in counts if re.search(r"spin \(sampled.py:\d+\)$", stack))
    assert hot > 20 and hot == sum(int(n) for _, _, n in counts)
