"""The reader of bytecode (src/py311/py311_opcodes.c) against `dis`, over the standard library."""

from __future__ import annotations

import textwrap

import programs

PROGRAM = """
import _pyston, dis, os, sys
testing = _pyston._testing

def library():
    root = os.path.dirname(os.__file__)
    for folder in root, root + "/asyncio", root + "/email", root + "/importlib", root + "/unittest":
        for name in sorted(os.listdir(folder))[::4]:
            if name.endswith(".py"):
                with open(f"{folder}/{name}", encoding="utf-8", errors="replace") as f:
                    yield compile(f.read(), name, "exec")
    # EXTENDED_ARG of two and three units, also before jumps.
    yield compile("x = [" + "a.b(c)[d] + 1," * 5_000 + "]\\nwhile x:\\n" + "    y = z\\n" * 34_000, "wide", "exec")

# Names of pairs whose second half has another effect when it jumps.
NO_FALL = {"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT", "RETURN_VALUE", "RAISE_VARARGS", "RERAISE"}

def effect(name, arg, jump):
    if name == "PRECALL":
        return 0
    if name == "CALL":
        return -arg - 1
    if name == "RETURN_GENERATOR":
        return 1
    op = dis.opmap[name]
    return dis.stack_effect(op, arg if op >= dis.HAVE_ARGUMENT else None, jump=jump)

def check(co):
    ours = testing.instructions(co)
    # dis shows EXTENDED_ARG as instructions of their own.
    theirs = [i for i in dis.get_instructions(co) if i.opname != "EXTENDED_ARG"]
    assert [(o[1], o[3]) for o in ours] == [(i.offset // 2, i.opname) for i in theirs], co
    starts = {}
    for o, i in zip(ours, theirs):
        assert i.opcode < dis.HAVE_ARGUMENT or o[4] == i.arg, (co, o, i)
        jumps = i.opcode in dis.hasjrel or i.opcode in dis.hasjabs
        assert (o[5] >= 0) == jumps and (not jumps or o[5] * 2 == i.argval), (co, o, i)
        starts[o[0]] = o
    assert all(b[0] == a[2] for a, b in zip(ours, ours[1:])) and ours[-1][2] * 2 == len(co.co_code)

    entries = dis._parse_exception_table(co)
    for bci in range(len(co.co_code) // 2):
        want = next(((e.start // 2, e.end // 2, e.target // 2, e.depth, e.lasti) for e in entries
                     if e.start <= 2 * bci < e.end), None)
        assert testing.handler(co, bci) == want, (co, bci)

    depths = testing.stack_depths(co)
    assert max(depths) <= co.co_stacksize and depths[0] == 0
    for bci, op_bci, nxt, name, arg, target in ours:
        d = depths[bci]
        assert depths[op_bci] == d
        if d < 0:
            continue
        if target >= 0:
            assert depths[target] == d + effect(name, arg, True), (co, bci, name)
        if name not in NO_FALL:
            assert depths[nxt] == d + effect(name, arg, False), (co, bci, name)
    for e in entries:
        assert depths[e.target // 2] == e.depth + e.lasti + 1
    return len(ours)

total = sum(check(c) for module in library() for c in codes(module))
assert total > 100_000, total
print("ok")
"""


def test_against_dis(ext, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(programs.CODES + textwrap.dedent(PROGRAM))
    assert ext(program).ok == "ok\n"
