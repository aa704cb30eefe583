"""cProfile and profile: the numbers of calls and who called whom, of functions that were compiled before."""

from __future__ import annotations

import functools
import re

import pytest

from deployments.ways import PROGRAMS, Way, compiled

# Prints every function with its counts and its callers. The profile begins in compiled code and ends there.
IN_THE_MIDDLE = """
import sys, pstats, threading, {module}

import debugged, evidence
debugged.warm()
evidence.note()
profiler = {module}.Profile()

def turned_on_inside(n):
    total = 0
    for i in range(n):
        if i == 100:
            profiler.enable()
        total += debugged.leaf(i, 1) + len(str(i))
        if i == n - 100:
            profiler.disable()
    return total

# Warm: without the profiler it never gets to 100.
for _ in range(3000):
    turned_on_inside(50)

if {module}.__name__ == "cProfile":
    turned_on_inside(1000)
    profiler.enable()
    print([debugged.everything(i) for i in range(50)], sorted(range(5), key=lambda x: -x))
    try:
        debugged.leaf(1, "one")
    except TypeError as error:
        print(error)
    profiler.disable()
else:
    profiler.runctx("print([debugged.everything(i) for i in range(50)])", globals(), {{}})
print(debugged.everything(20))
profiler.create_stats()
for where, (primitive, calls, own, cumulative, callers) in sorted(profiler.stats.items()):
    print(where, primitive, calls, sorted((who, counts[:2] if isinstance(counts, tuple) else counts)
                                          for who, counts in callers.items()))
"""


def untimed(text: str) -> str:
    """A report of pstats without seconds and addresses."""
    text = re.sub(r"\b\d+\.\d+\b", "T", text)
    return re.sub(r"0x[0-9a-f]+", "0x...", text)


@functools.cache
def whole_program(way: Way) -> str:
    said = untimed(way.run("-m", "cProfile", "-s", "name", PROGRAMS / "debugged.py", "traced", cwd=PROGRAMS).ok)
    return "\n".join(sorted(said.splitlines()))  # functions of one name come in any order


def test_whole_program(way):
    """Imports look into every folder on the path, so stock gets one as long."""
    expected = whole_program(Way("stock-path" if way.name.startswith("ext") else "stock"))
    assert re.search(r"\d{4} +T +T +T +T debugged.py:\d+\(leaf\)", expected), expected
    assert whole_program(way) == expected


@pytest.mark.parametrize("module", ["cProfile", pytest.param("profile", marks=pytest.mark.deployments)])
def test_in_the_middle(way, stock, tmp_path, module):
    program = tmp_path / "program.py"
    program.write_text(IN_THE_MIDDLE.format(module=module))
    for name in ("debugged.py", "evidence.py"):
        (tmp_path / name).symlink_to(PROGRAMS / name)
    expected, actual = (untimed(w.run(program, env={"EVIDENCE": tmp_path}).ok) for w in (stock, way))
    assert "(leaf)" in expected or "'leaf'" in expected
    assert actual == expected
    assert max(count or 0 for count in compiled(tmp_path)) > 5
