"""Real programs with the engine: Flask, Django, pylint, pyperformance's nbody and chaos.

Each prints a transcript that has to be stock's, and has to have run compiled code on the way.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import runmodes
import transcripts
from runmodes import APPS

TIMEOUT = 600

# name -> (program, arguments, how many functions must at least have been compiled at the default threshold)
PROGRAMS = {
    "flask": ("flask_app.py", ("3000", "200"), 50),
    "django": ("django_app.py", ("300",), 50),
    "pylint": ("pylint_app.py", ("textwrap",), 50),
    "nbody": ("pyperformance_app.py", ("nbody", "2"), 1),
    "chaos": ("pyperformance_app.py", ("chaos", "2"), 5),
}

# Everything compiled at once, and left at every guard, takes minutes.
MODES = ("ext", "pyston3")
FULL_MODES = ("ext-t1", "ext-t1-deopt", "pyston3-t1", "pyston3-t1-deopt")


@functools.cache
def stock(name: str, site_packages: Path) -> transcripts.Transcript:
    return run(runmodes.RunMode("stock"), name, site_packages)


def run(mode: runmodes.RunMode, name: str, site_packages: Path) -> transcripts.Transcript:
    program, arguments, _ = PROGRAMS[name]
    return transcripts.run(mode, [APPS / program, *arguments], TIMEOUT, path=[site_packages])


@pytest.mark.parametrize("mode", [*MODES, *(pytest.param(m, marks=pytest.mark.full) for m in FULL_MODES)])
@pytest.mark.parametrize("name", PROGRAMS)
def test_same_as_stock(name, mode, site_packages):
    chosen = runmodes.parse(mode)
    assert chosen.unavailable() is None, chosen.unavailable()
    expected = stock(name, site_packages)
    actual = run(chosen, name, site_packages)
    difference = transcripts.difference(expected, actual)
    assert not difference, difference


@pytest.mark.parametrize("name", PROGRAMS)
def test_works_on_stock(name, site_packages):
    """A program that fails on stock too would compare equal."""
    result = stock(name, site_packages)
    assert result.code == 0, str(result)
    assert not result.err, result.err
    assert len(result.out) > 50


# With a threshold every call counts, also where very many functions are called.
@pytest.mark.parametrize("mode", ["ext-t1000", "pyston3-t1000"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_runs_compiled(name, mode, site_packages):
    program, arguments, least = PROGRAMS[name]
    chosen = runmodes.parse(mode)
    assert chosen.unavailable() is None, chosen.unavailable()
    result, stats = transcripts.run_with_stats(chosen, APPS / program, TIMEOUT, [site_packages], arguments)
    assert result.code == 0, str(result)
    assert transcripts.compiled(stats) >= least, stats
