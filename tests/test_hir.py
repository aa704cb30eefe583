"""HIR and its passes on golden files.

tests/golden/hir/*.hir hold HIR before and after the passes that their `; run:` line names; the verifier runs
on the input and after every pass. UPDATE_GOLDEN=1 writes what comes out into the files instead of comparing:
read the difference before committing it. tests/golden/hir_bad/*.hir are functions that the verifier has to
refuse, with the message that their `; error:` line has.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import runmodes

GOLDEN = Path(__file__).with_name("golden")
SOURCE = Path(__file__).resolve().parents[1] / "src/hir"
CASES = sorted((GOLDEN / "hir").glob("*.hir"))
BAD = sorted((GOLDEN / "hir_bad").glob("*.hir"))
EXPECT = "; expect:\n"


def hir_tool(*args: str, text: str) -> subprocess.CompletedProcess:
    program = runmodes.BUILD / "meson/tests/unit/hir_tool"
    assert program.exists(), "not built: run make"
    return subprocess.run([program, *args], input=text, capture_output=True, text=True, timeout=60)


def header(text: str, key: str) -> str:
    for line in text.splitlines():
        if line.startswith(f"; {key}: "):
            return line.split(": ", 1)[1]
    raise AssertionError(f"no '; {key}:' line")


def test_there_are_cases():
    assert len(CASES) > 20 and len(BAD) > 8


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_golden(case):
    given, _, expected = case.read_text().partition(EXPECT)
    done = hir_tool(*header(given, "run").split(), text=given)
    assert (done.returncode, done.stderr) == (0, "")
    if os.environ.get("UPDATE_GOLDEN"):
        case.write_text(given + EXPECT + done.stdout)
    else:
        assert done.stdout == expected


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_text_round_trips(case):
    given = case.read_text().partition(EXPECT)[0]
    once = hir_tool(text=given)
    assert (once.returncode, once.stderr) == (0, "")
    assert hir_tool("reparse", text=given).stdout == once.stdout
    code = [line for line in given.splitlines() if not line.startswith(";")]
    assert once.stdout.split() == "\n".join(code).split()


@pytest.mark.parametrize("case", BAD, ids=lambda path: path.stem)
def test_verifier_refuses(case):
    text = case.read_text()
    done = hir_tool(text=text)
    assert done.returncode == 1
    assert header(text, "error") in done.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_whole_list(case):
    """Every case also goes through the whole pass list, verified after each pass."""
    done = hir_tool("all", text=case.read_text().partition(EXPECT)[0])
    assert (done.returncode, done.stderr) == (0, "")


def test_parser_says_where():
    done = hir_tool(text="func f nlocals=0 nstack=0 bci=0\nb0 bci=0:\n  Frobnicate v1\n")
    assert done.returncode == 1
    assert "line 3: unknown op" in done.stderr


def test_every_op_has_a_signature():
    """hir_sigs.def has a row for each op, and operand letters the verifier knows."""
    ops = re.findall(r"^HIR_OP\((\w+),", (SOURCE / "hir_ops.def").read_text(), re.M)
    rows = re.findall(r'^HIR_SIG\((\w+), "([^"]*)"', (SOURCE / "hir_sigs.def").read_text(), re.M)
    assert sorted(name for name, _ in rows) == sorted(ops)
    for name, operands in rows:
        assert re.fullmatch(r"=?([OFIBPfijbsltdrqu]!?)*\*?", operands), name


def test_every_guard_is_an_alias():
    """What a guard gives is its operand: passes look through the ones that say so."""
    rows = re.findall(r'^HIR_SIG\((Guard\w+), "([^"]*)"', (SOURCE / "hir_sigs.def").read_text(), re.M)
    void = {"GuardTrue", "GuardFalse", "GuardShared", "GuardRecursion"}
    assert {name for name, operands in rows if not operands.startswith("=")} == void
