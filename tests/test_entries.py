"""Every place where a unit may start: what the builder makes of it is well-formed, whatever the code looks like."""

from __future__ import annotations

import re

import programs
import pytest
import runmodes
from conftest import Python

# The standard library is what people write: loops left in the middle, handlers that go on in loops around them,
# generators that wait in `try` and `with`.
SWEEP = """
import pathlib, sys, sysconfig
import _pyston
testing = _pyston._testing

def entries(co):
    yield 0
    for bci, unit, after, name, argument, target in testing.instructions(co):
        handler = testing.handler(co, unit)
        if handler is not None:
            yield handler[2]
        if "JUMP_BACKWARD" in name and target > 0:
            yield target
        if name in ("YIELD_VALUE", "RETURN_GENERATOR"):
            yield after

root = pathlib.Path(sysconfig.get_path("stdlib"))
compiled = 0
for pattern in sys.argv[1:]:
    for path in sorted(root.glob(pattern)):
        for co in codes(compile(path.read_bytes(), str(path), "exec")):
            for entry in sorted(set(entries(co))):
                try:
                    testing.dump(co, "hir", entry)
                except RuntimeError as error:
                    sys.exit(f"{path}, {co.co_qualname}, entry {entry}: {error}")
                compiled += 1
print(compiled)
"""


@pytest.mark.parametrize(
    ("patterns", "least"),
    [
        (["asyncio/*.py", "concurrent/futures/*.py"], 1500),
        (["[a-d]*.py", "json/*.py", "re/*.py"], 3000),
        (["[p-s]*.py", "unittest/*.py", "logging/*.py"], 4000),
    ],
)
def test_the_builder_takes_every_entry(patterns, least, tmp_path):
    program = tmp_path / "sweep.py"
    program.write_text(programs.CODES + SWEEP)
    done = Python(runmodes.parse("ext-t1000000"))(program, *patterns, env={"PYSTON_VERIFY": "1"}, timeout=300)
    assert done.code == 0, done.err[:2000]
    assert int(done.out) >= least


SHAPES = """
import _pyston
testing = _pyston._testing

def two_ways(d, n):
    for i in range(n):
        try:
            if d[i]:
                continue
        except KeyError:
            if i:
                continue
            d[i] = i
        d[0] = i
    return i

instructions = testing.instructions(two_ways.__code__)
raising = next(bci for bci, _, _, name, *_ in instructions if name == "BINARY_SUBSCR")
print(testing.dump(two_ways, "hir", testing.handler(two_ways.__code__, raising)[2]))
"""


def test_handler_in_a_loop(tmp_path):
    """The handler leads to the loop's header and to the end of its body. So there is another copy of that end before
    the loop, whose header is the only way in."""
    program = tmp_path / "shapes.py"
    program.write_text(SHAPES)
    done = Python(runmodes.parse("ext-t1000000"))(program, env={"PYSTON_VERIFY": "1"}, timeout=60)
    assert done.code == 0, done.err
    built = done.out.split("--- ", 2)[1]
    operations = [line.split(" = ")[-1].split()[0] for line in built.splitlines() if line.startswith("  ")]
    counts = {name: operations.count(name) for name in ("PushExcInfo", "IterNext", "StoreSubscr", "Subscr")}
    assert counts == {"PushExcInfo": 1, "IterNext": 1, "StoreSubscr": 3, "Subscr": 1}
    assert len([line for line in built.splitlines() if line.endswith(" loop:")]) == 1


LOOP_OF_BODY = """
import _pyston
testing = _pyston._testing

SOURCE = '''
before()
for i in range(100):
    for j in range(i):
        if inside(j):
            break
    else:
        still_inside()
behind()
for k in range(100):
    behind(k)
'''
module = compile(SOURCE, "module", "exec")
function = compile("def f():" + SOURCE.replace("\\n", "\\n "), "f", "exec").co_consts[0]
for code in module, function:
    entry = next(target for _, _, _, name, _, target in testing.instructions(code) if "JUMP_BACKWARD" in name)
    print(testing.dump(code, "hir", entry))
    print("=====")
"""


def test_a_loop_of_a_body_ends_behind_it(tmp_path):
    """What comes behind it runs once; in functions it may come again."""
    program = tmp_path / "loop.py"
    program.write_text(LOOP_OF_BODY)
    done = Python(runmodes.parse("ext-t1000000"))(program, env={"PYSTON_VERIFY": "1"}, timeout=60)
    assert done.code == 0, done.err
    built = [text.split("--- ", 2)[1] for text in done.out.split("=====")[:2]]
    names = [len(re.findall("= Load(?:Name|Global)", text)) for text in built]
    assert names == [5, 6] and [text.count("Deopt") for text in built] == [1, 0]
