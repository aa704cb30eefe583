"""Edge-behaviour programs: what they print, their tracebacks and exit status, with the engine and without.

Each program in tests/behaviour/ warms code, then does what compiled code is likely to get wrong. Its transcript
with the engine has to be stock's, byte for byte.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import runmodes
import transcripts

PROGRAMS = sorted((Path(__file__).parent / "behaviour").glob("*.py"))

# Default settings find tier changes in the middle of things, a threshold of 1 covers code that runs once,
# and the stress mode takes every exit there is.
# 300: the programs make some hundred calls, fewer than the default threshold.
MODES = (
    "ext-patch",
    "ext-t300",
    "ext-t1",
    "ext-t1-deopt",
    "ext-t1-compact",
    "ext-t1-thread",
    "pyston3-t300",
    "pyston3-t1-deopt",
)

# A hang is a failure; a slow machine is not.
TIMEOUT = 120

# These end the process from inside, or in a child, before statistics can be written.
NO_STATS = {"keyboard_interrupt", "fork_inside"}

# program -> why the engine cannot do what stock does. Strict: a program that works again has to leave this table.
KNOWN = {
    "argument_lifetimes": "with a PEP 523 hook tier 0 calls functions through vectorcall: the caller's stack keeps the "
    "arguments alive until the call returns, where stock's inlined calls move them into the callee's frame",
}
# The same reason, met only where the hook comes and goes: compiled callees do as stock does.
KNOWN_PATCHED = {"known_callees": "argument_lifetimes"}


@functools.cache
def stock(program: Path) -> transcripts.Transcript:
    return transcripts.run(runmodes.RunMode("stock"), [program], TIMEOUT)


@pytest.fixture(params=MODES)
def mode(request) -> runmodes.RunMode:
    mode = runmodes.parse(request.param)
    reason = mode.unavailable()
    assert reason is None, reason
    return mode


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.stem)
def test_same_as_stock(program, mode, request):
    patched = mode.stress == "patch"
    known = KNOWN_PATCHED.get(program.stem, program.stem) if patched else program.stem
    if known in KNOWN:
        request.applymarker(pytest.mark.xfail(reason=KNOWN[known], strict=not patched))
    expected = stock(program)
    actual = transcripts.run(mode, [program], TIMEOUT)
    difference = transcripts.difference(expected, actual)
    assert not difference, difference


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.stem)
def test_program_is_sound(program):
    """A program that crashes early, prints nothing or differs from run to run would test nothing."""
    expected = stock(program)
    assert expected.code is not None, "too slow"
    assert len(expected.out.splitlines()) >= 2, str(expected)
    again = transcripts.run(runmodes.RunMode("stock"), [program], TIMEOUT)
    assert again == expected, transcripts.difference(expected, again)
    unexpected = "Traceback" in expected.err and "SyntaxError" in expected.err
    assert not unexpected, expected.err


@pytest.mark.parametrize("program", [p for p in PROGRAMS if p.stem not in NO_STATS], ids=lambda p: p.stem)
def test_program_gets_compiled(program):
    """The comparison means something only when the program's code did run compiled."""
    # Counts calls; what the patch mode compiles depends on the clock (see the next test).
    mode = runmodes.parse("ext-t300")
    reason = mode.unavailable()
    assert reason is None, reason
    result, stats = transcripts.run_with_stats(mode, program, TIMEOUT)
    assert stats, str(result)
    assert transcripts.compiled(stats) > 0, stats


def test_patch_mode_compiles():
    """Its bursts begin with the clock's ticks, so a short program may end before one does: this one waits."""
    program = """if True:
        import time, pyston
        def f(x):
            return x + 1
        end = time.monotonic() + 60
        while time.monotonic() < end and not pyston.stats()["functions_compiled"]:
            for i in range(1000):
                f(i)
        assert pyston.stats()["functions_compiled"], pyston.stats()
    """
    mode = runmodes.parse("ext-patch")
    result = transcripts.run(mode, ["-c", program], TIMEOUT)
    assert result.code == 0, str(result)
