"""Operations whose operands' types nobody knows at first: code notes them and is compiled again (eng_types.c)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import runmodes
from conftest import Python
from test_shapes import dump, operations

HOT = """
def f(a, b):
    return {body}
for i in range(2000):
    f([{a}], [{b}])
"""


@pytest.mark.parametrize(
    ("body", "a", "b", "made"),
    [
        ("a[0] % b[0]", "i", "7", {"IMod"}),
        ("a[0] // b[0] ^ a[0]", "i", "7", {"IFloorDiv", "IXor"}),
        ("a[0] / b[0]", "i * 0.5", "7", {"FDiv"}),
        ("(a[0] < b[0], 0)", "i", "7", {"ICmp"}),
        ("(a[0] == b[0], 0)", "'x'", "'y'", {"StrEq"}),
        ("a[0][b[0]]", "'abc'", "1", {"StrItem"}),
    ],
)
def test_compiled_again(body, a, b, made, tmp_path):
    text = dump(tmp_path, HOT.format(body=body, a=a, b=b), "hir:f")
    first, last = text.split("--- ", 2)[1], text.rsplit("--- refcount", 1)[1]
    assert "NoteTypes" in first
    last = set(re.findall(r"^  (?:v\d+:\S+ = )?(\w+)", last, re.M))
    assert made <= last, last
    assert not ({"NoteTypes", "BinaryOp", "CompareOp", "Subscr"} & last)


def test_what_is_iterated_over(tmp_path):
    source = HOT.format(body="[x for x in a[0]]", a="(1, 2)", b="0")
    first = set(operations(tmp_path, source, "f"))
    last = set(operations(tmp_path, source, "f", last=True))
    assert "NoteTypes" in first and "NoteTypes" not in last and "GuardType" in last


@pytest.mark.parametrize(("a", "b"), [("{}", "1"), ("'%s'", "(i,)"), ("object()", "i")])
def test_nothing_better_to_do(a, b, tmp_path):
    """For these operands there is only the general operation: the function is compiled once."""
    source = "class object:\n    def __mod__(self, b): return 0\n" + HOT.format(
        body="a[0] % b[0]" if a != "{}" else "(a[0] is b[0], 0)", a=a, b=b
    )
    assert dump(tmp_path, source, "hir:f").count("=== hir of f, entry 0") == 1


def test_several_types(tmp_path):
    """Where several come by, the operation stays general, and the function is compiled once."""
    source = HOT.format(body="a[0] % b[0]", a="i if i % 2 else 0.5", b="7")
    assert dump(tmp_path, source, "hir:f").count("=== hir of f, entry 0") == 1


LOOP = """
def f(n, xs):
    t = 0
    for i in range(n):
        t = (t ^ xs[i & 3][0]) % 1000003 + i
    return t
import sys
print(f(3_000_000, [[5], [6], [7], [8]]))
import pyston
import json
print(json.dumps(pyston.stats()), file=sys.stderr)
"""


def test_a_loop_that_goes_on(tmp_path):
    """One call, one loop: it is left for tier 0 once and goes on in code that knows the types."""
    text = dump(tmp_path, LOOP.split("import pyston")[0], "hir:f", mode="ext")
    units = text.split("=== hir of f, entry ")[1:]
    assert len(units) == 2, len(units)
    assert "NoteTypes" in units[0]
    last = units[1].rsplit("--- refcount", 1)[1]
    assert "IMod" in last and "NoteTypes" not in last


def test_wrong_guesses_are_given_up(tmp_path):
    """Other types afterwards: a few exits, and then the general operation for good."""
    source = (
        HOT.format(body="a[0] % b[0]", a="i", b="7")
        + "for i in range(3000):\n    f([i * 0.5], [7])\nimport pyston, json, sys\n"
        + "print(json.dumps(pyston.stats()))\n"
    )
    program: Path = tmp_path / "program.py"
    program.write_text(source)
    done = Python(runmodes.parse("ext-t100"))(program, timeout=60)
    exits = json.loads(done.ok.splitlines()[-1])["deopts"].get("GuardType", 0)
    assert 1 <= exits <= 60, exits


def test_a_loop_with_a_property(tmp_path):
    """The same for an attribute's cache that has seen enough: the property is inlined while the loop goes on."""
    source = """
    class C:
        @property
        def p(self):
            return 1
    def f(n):
        c = C()
        t = 0
        for i in range(n):
            t += c.p
        return t
    f(3_000_000)
    """
    for _ in range(5):  # on a machine that is busy the uses may seem too few to be worth it
        units = dump(tmp_path, source, "hir:f", mode="ext").split("=== hir of f, entry ")[1:]
        if len(units) == 2:
            break
    assert len(units) == 2, len(units)
    assert "LoadAttr" in units[0] and "LoadAttr" not in units[1].rsplit("--- refcount", 1)[1]
