"""The back end from Python: its checkers on real programs, and the shape of the code for hot loops."""

from __future__ import annotations

import re
import subprocess
import textwrap
from pathlib import Path

import pytest
import runmodes

BEHAVIOUR = Path(__file__).with_name("behaviour")
# Programs with much arithmetic, many calls, many exits: what gives the allocator something to do.
CHECKED = ["argument_lifetimes", "bool_arithmetic", "call_forms", "exception_flow", "float_int_mix", "float_kernels"]

RUN_AND_TELL = """
import runpy, sys, _pyston
try:
    runpy.run_path(sys.argv[1], run_name="__main__")
finally:
    stats = _pyston.stats()
    print("compiled", stats["functions_compiled"], "not", stats["not_compiled"], file=sys.stderr)
"""


def run(mode: str, *args: str | Path, **settings: str) -> subprocess.CompletedProcess:
    chosen = runmodes.parse(mode)
    assert chosen.unavailable() is None, chosen.unavailable()
    return subprocess.run(
        [*chosen.argv, *map(str, args)], env=chosen.env(settings), capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("name", CHECKED)
def test_checkers_find_nothing(name):
    """With PYSTON_VERIFY each function's LIR and allocation are checked before any code is made of them."""
    done = run("ext-t1", "-c", RUN_AND_TELL, BEHAVIOUR / f"{name}.py", PYSTON_VERIFY="1")
    tell = re.search(r"^compiled (\d+) not (.*)$", done.stderr, re.M)
    assert tell, done.stderr
    assert int(tell[1]) > 20
    assert "well-formed" not in tell[2] and "allocation" not in tell[2]


def listing(tmp_path: Path, source: str, function: str) -> str:
    """The last listing of a function that a program makes hot."""
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(source))
    done = run("ext-t100", program, PYSTON_DUMP=f"asm:{function}")
    assert done.returncode == 0, done.stderr
    parts = done.stderr.split(f"code of {function}:")
    assert len(parts) > 1, done.stderr
    return parts[-1]


def blocks_of(text: str) -> list[str]:
    """The listing's blocks, each from its name to the next one's."""
    return re.split(r"^(?=b\d+:)", text, flags=re.M)[1:]


def test_float_loop_stays_in_registers(tmp_path):
    text = listing(
        tmp_path,
        """
        def kernel(n):
            s = 0.0
            x = 1.5
            for i in range(n):
                s += x * i
                if s > 1e9:
                    s -= 1e9
            return s
        for i in range(300):
            kernel(50)
        """,
        "kernel",
    )
    body = next(block for block in blocks_of(text) if "FMUL" in block)
    # Neither a call nor the frame's memory is in the loop; the sum is added to in place.
    assert "CALL" not in body
    assert not re.search(r"\bs\d+\b", body)
    assert re.search(r"(xmm\d+) = FADD\.8 \1, xmm", body), body


def test_exits_are_small(tmp_path):
    """A guard is a compare and a jump; its stub pushes a number and jumps to the unit's tail."""
    text = listing(
        tmp_path,
        """
        def add(a, b):
            return a.x + b.x
        class C:
            def __init__(self, x):
                self.x = x
        p, q = C(1.5), C(2.5)
        for i in range(300):
            add(p, q)
        """,
        "add",
    )
    count = int(re.search(r"(\d+) exits", text)[1])
    stubs = re.findall(r"^exit (\d+):\n((?: {4}.*\n)+)", text, re.M)
    assert len(stubs) == count > 2
    if "push" in stubs[0][1]:  # disassembled: two instructions each, the last one runs on into the tail
        assert all(len(code.splitlines()) == 2 for _, code in stubs[:-1])


def test_known_function_is_called_in_line(tmp_path):
    """The caller writes the callee's frame and calls through its entry word; one call cleans up behind it."""
    text = listing(
        tmp_path,
        """
        def callee(a, b):
            t = a
            for x in b:
                t = t, x
            return t
        def caller(a):
            return callee(a, ())
        for i in range(300):
            caller(i)
        """,
        "caller",
    )
    assert "CMPSP" in text  # room on the C stack
    # What is out of line saves its registers itself: two calls are not.
    inline = [line for line in re.findall(r"CALL .*", text) if "preserve" not in line]
    assert len(inline) == 2, inline
    assert re.match(r"CALL (r\w\w?|\[.*\])\(r12, ", inline[0]), inline
