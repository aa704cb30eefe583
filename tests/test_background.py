"""Compiling beside the program (src/engine/eng_background.c): functions go on in tier 0 until a thread has made code.

What a program computes meanwhile is test_behaviour's (mode ext-t1-thread); here it is about the thread itself.
"""

from __future__ import annotations

import os
import textwrap

import pytest

THREAD = {"PYSTON_STRESS": "thread", "PYSTON_THRESHOLD": "8"}

PRELUDE = """
import gc
import os
import sys
import time
import _pyston
import pyston

is_compiled = _pyston._testing.is_compiled

def threads():
    "Names of the process's threads."
    return {open(f"/proc/self/task/{t}/comm").read().strip() for t in os.listdir("/proc/self/task")}

def make(first, last):
    space = {}
    for i in range(first, last):
        exec(f"def f{i}(a, b={i}):\\n    c = a * 3 + b\\n    return [c, a, b][c % 3]", space)
    return [space[f"f{i}"] for i in range(first, last)]

def until(condition, do=lambda: None, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, pyston.stats()
        do()

def call(functions):
    for f in functions:
        b = f.__defaults__[0]
        assert f(7) == [21 + b, 7, b][(21 + b) % 3]

def compile_all(functions):
    until(lambda: all(map(is_compiled, functions)), lambda: call(functions))
"""


@pytest.fixture(params=["ext", "pyston3"])
def run(request, tmp_path):
    """Runs a program, which checks itself, behind the prelude; returns what it printed."""

    def run(source: str, env: dict[str, str] = THREAD, **kw) -> str:
        program = tmp_path / "program.py"
        program.write_text(PRELUDE + textwrap.dedent(source))
        return request.getfixturevalue(request.param)(program, env=env, **kw).ok

    return run


def test_a_thread_compiles_and_ends_when_there_is_nothing_to_do(run):
    run(
        """
        functions = make(0, 100)
        compile_all(functions)
        call(functions)
        assert "pyston-compiler" in threads()
        until(lambda: "pyston-compiler" not in threads(), lambda: time.sleep(0.05))
        compile_all(make(100, 110))  # another one
        assert pyston.stats()["functions_compiled"] >= 110
        """
    )


def test_code_that_dies_meanwhile(run):
    """Before, while and after it is compiled; its constants die with it."""
    run(
        """
        for round_ in range(60):
            functions = make(1000 * round_, 1000 * round_ + 12)
            for i in range(8 + round_ % 5):
                call(functions)
            del functions
            gc.collect()
        compile_all(make(0, 10))
        """
    )


def test_fork_meanwhile(run):
    """Parent and child go on, and each gets its functions compiled."""
    run(
        """
        for round_ in range(8):
            functions = make(100 * round_, 100 * round_ + 16)
            for i in range(8):
                call(functions)
            pid = os.fork()
            if pid == 0:
                compile_all(functions + make(5000, 5010))
                os._exit(0)
            compile_all(functions)
            assert os.waitpid(pid, 0)[1] == 0
        """
    )


def test_switched_off_meanwhile(run):
    """What is ready after disable() is not entered, and compiled again after enable()."""
    run(
        """
        functions = make(0, 12)
        for i in range(9):
            call(functions)
        pyston.disable()
        time.sleep(0.1)
        for i in range(50):
            call(functions)
        pyston.enable()
        compile_all(functions)
        """
    )


def test_exit_meanwhile(run):
    run(
        """
        functions = make(0, 16)
        for i in range(8):
            call(functions)
        """
    )


MANY = """
functions = make(0, 60)
compile_all(functions)
print("pyston-compiler" in threads())
"""


def test_where_it_is_of_use(run):
    """By default, but not where one processor is all there is, nor when it is switched off, nor with a threshold."""
    usual = {"PYSTON_THRESHOLD": None}
    cpus = os.sched_getaffinity(0)

    def one_processor():
        os.sched_setaffinity(0, {min(cpus)})

    assert run(MANY, env=usual) == f"{len(cpus) > 1}\n"
    assert run(MANY, env={"PYSTON_COMPILE_THREAD": "0"}) == "False\n"
    assert run(MANY, env={"PYSTON_THRESHOLD": "8"}) == "False\n"
    assert run(MANY, env=usual, preexec_fn=one_processor) == "False\n"
