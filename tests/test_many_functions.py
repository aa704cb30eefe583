"""Programs that call very many functions: the hook is away, calls are seen in bursts, and a program that goes on with
the same functions, not too many of them, changes over to compiling all that is warm (src/engine/eng_sample.c).

Bursts come with CPU time, so each program repeats its rounds until it sees what it waits for, a bounded number of
times.
"""

from __future__ import annotations

import os
import textwrap

import pytest

MODES = ["ext", "pyston3"]

ALONE = {"PYSTON_COMPILE_THREAD": "0"}  # the program waits for all of what is compiled: times are the same everywhere

PRELUDE = """
import sys
import time
import _pyston
import pyston

def make(first, last):
    space = {}
    for i in range(first, last):
        exec(f"def f{i}(a, b={i}):\\n    c = a * 3 + b\\n    return [c, a][c % 2]", space)
    return [space[f"f{i}"] for i in range(first, last)]

functions = make(0, int(sys.argv[1]))

def round_():
    "Every function once: no one is called more often than another."
    for i, f in enumerate(functions):
        assert f(7) == [21 + i, 7][(21 + i) % 2]

def compiled():
    return sum(map(_pyston._testing.is_compiled, functions))

def changed_over():
    return pyston.stats()["changed_over"]

def until(condition, seconds=60):
    end = time.process_time() + seconds
    while time.process_time() < end:
        for _ in range(20):
            round_()
        if condition():
            return True
    return False
"""


@pytest.fixture(params=MODES)
def run(request, tmp_path):
    """Runs a program with so many functions, which checks itself, behind the prelude; returns what it printed."""

    def run(functions: int, source: str, **kw) -> str:
        program = tmp_path / "program.py"
        program.write_text(PRELUDE + textwrap.dedent(source))
        return request.getfixturevalue(request.param)(program, str(functions), **kw).ok

    return run


@pytest.mark.parametrize(
    ("env", "not_yet", "then"),
    [
        pytest.param(ALONE, 1.3, 8, id="alone"),  # after 1.8 s here
        pytest.param(
            # It costs the program a quarter as much then: after 0.4 s here.
            {},
            0.25,
            1,
            id="beside",
            marks=pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one processor"),
        ),
    ],
)
def test_warm_functions_are_compiled_in_the_end(run, env, not_yet, then):
    """No function is hot, and none is compiled before compiling all is little beside what has run."""
    run(
        950,
        f"""
        assert not until(changed_over, {not_yet}) and compiled() < 95, compiled()
        assert until(changed_over, {then}), pyston.stats()
        assert until(lambda: compiled() == len(functions)), compiled()
        """,
        env=env,
    )


@pytest.mark.parametrize("waits", ["time.sleep(0.0005)", "listening"])
def test_servers_change_over_sooner(run, waits):
    """They wait, or listen on a socket for what comes while they are busy, and can be expected to go on: 0.6 s here."""
    run(
        950,
        f"""
        import socket
        listening = socket.create_server(("127.0.0.1", 0)) if {waits!r} == "listening" else None

        def serves():
            {waits}
            return changed_over()
        assert until(serves, 1.3), pyston.stats()
        """,
        env=ALONE,
    )


def test_connected_sockets_make_no_server(run):
    run(
        950,
        """
        import socket
        pair = socket.socketpair()
        assert not until(changed_over, 1.3)
        """,
        env=ALONE,
    )


def test_behind_hot_ones_too(run):
    """The hook stays, as there are not many; but in seconds they would not be called often enough to be compiled."""
    run(
        70,
        """
        hot = make(0, 1)[0]
        calls = 0

        def round_():
            global calls
            for f in functions:
                for i in range(1500):
                    hot(i)
                f(i)
            calls += 1

        assert until(lambda: compiled() == len(functions), 20), pyston.stats()
        assert changed_over() and calls < 900, calls
        """,
    )


def test_not_with_too_many_functions(run):
    """Machine code for all of these would be slower than tier 0."""
    run(
        2500,
        """
        until(changed_over, 8)
        assert not changed_over() and compiled() < 250, pyston.stats()
        """,
    )


def test_not_while_new_functions_keep_coming(run):
    """As while modules are imported, or code is generated."""
    run(
        300,
        """
        first = 0
        def others():
            global first
            functions[first : first + 5] = make(first, first + 5)
            first = (first + 5) % len(functions)
            return changed_over()
        assert not until(others, 6)
        """,
    )


def test_never_means_never(run):
    run(
        500,
        """
        until(changed_over, 6)
        assert not changed_over() and compiled() == 0
        """,
        env={"PYSTON_THRESHOLD": "never"},
    )
