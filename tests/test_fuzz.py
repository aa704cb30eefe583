"""The differential fuzzer: a fixed sample of programs in each mode, and the fuzzer's own parts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import runmodes

sys.path.insert(0, str(Path(__file__).parent / "fuzz"))

import fuzz
import generator

MODES = ("ext", "ext-t1", "ext-t1-deopt", "ext-patch", "pyston3")
SEEDS = range(0, 60)
FULL_SEEDS = range(1000, 2000)


@pytest.mark.parametrize("mode", MODES)
def test_sample_is_same_as_stock(mode):
    check(mode, SEEDS)


@pytest.mark.full
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("mode", MODES)
def test_many_are_same_as_stock(mode):
    check(mode, FULL_SEEDS)


def check(mode: str, seeds: range) -> None:
    chosen = runmodes.parse(mode)
    assert chosen.unavailable() is None, chosen.unavailable()
    failures = fuzz.fuzz(chosen, iter(seeds), jobs=1, stop_after=3)
    assert not failures, "\n\n".join(f"seed {f.seed}: {f.difference}" for f in failures)


def test_programs_are_functions_of_their_seed():
    assert generator.generate(7) == generator.generate(7)
    assert generator.generate(7) != generator.generate(8)


@pytest.fixture
def broken(tmp_path, monkeypatch) -> runmodes.RunMode:
    """A mode that miscomputes: stock, but `^` of ints gives 0 for programs that use it."""
    script = tmp_path / "broken"
    script.write_text(
        f"""#!{runmodes.STOCK}
import sys, builtins
sys.argv = sys.argv[1:]
plain = compile
def wrong(source, name, *args, **kw):
    return plain(source.replace(" ^ ", " * 0 + 0 * ") if name == "program.py" else source, name, *args, **kw)
builtins.compile = wrong
import runpy
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    )
    script.chmod(0o755)
    mode = runmodes.RunMode("stock")
    object.__setattr__(mode, "argv", (str(script),))
    return mode


def test_finds_and_shrinks_a_difference(broken, monkeypatch, tmp_path):
    monkeypatch.setattr(fuzz, "OUT", tmp_path)
    failures = fuzz.fuzz(broken, iter(range(6)), jobs=1, batch=6, stop_after=1, report=lambda text: None)
    assert failures and failures[0].alone
    assert (tmp_path / "stock" / f"{failures[0].seed}.txt").read_text()
    small = fuzz.shrink(broken, failures[0].program, seconds=25)
    assert len(small) < len(failures[0].program) / 3
    assert " ^ " in small
    assert fuzz.differs(broken, small, tmp_path)


def test_crash_of_one_program_leaves_the_others_checked(tmp_path, monkeypatch):
    programs = {0: "print(1)\n", 1: "import os\nif __name__ != 'x': print(2, flush=True)\n", 2: "print(3)\n"}
    monkeypatch.setattr(generator, "generate", lambda seed: programs[seed])
    script = tmp_path / "crashing"
    script.write_text(
        f"""#!{runmodes.STOCK}
import sys, builtins, os
sys.argv = sys.argv[1:]
plain = print
def wrong(*args, **kw):
    plain(*args, **kw)
    if args == (2,):
        os.abort()
builtins.print = wrong
import runpy
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    )
    script.chmod(0o755)
    mode = runmodes.RunMode("stock")
    object.__setattr__(mode, "argv", (str(script),))
    failures = fuzz.check_batch(mode, [0, 1, 2])
    assert [f.seed for f in failures] == [1]
    assert "exit status -6" in failures[0].difference
