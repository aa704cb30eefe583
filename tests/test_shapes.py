"""What the builder makes of calls of builtins: operations of their own, and nothing made that nobody sees.
What compact code has outside.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
import runmodes
from conftest import Python


def dump(tmp_path: Path, source: str, what: str, mode: str = "ext-t100") -> str:
    """What PYSTON_DUMP=what prints of a program."""
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(source))
    done = Python(runmodes.parse(mode))(program, env={"PYSTON_DUMP": what}, timeout=60)
    assert done.code == 0, done.err
    return done.err


def operations(tmp_path: Path, source: str, function: str, *, last: bool = False) -> list[str]:
    """The HIR operations of a function that a program makes hot, as the builder first or last made them."""
    hir = dump(tmp_path, source, f"hir:{function}")
    if last:
        hir = hir.rsplit(f"=== hir of {function}, entry 0", 1)[1]
    built = hir.split(f"func {function} ", 1)[1].split("func ", 1)[0]
    return re.findall(r"^  (?:v\d+:\S+ = )?(\w+)", built, re.M)


CLASSES = """
class A:
    def f(self, x):
        return x
class B(A):
    def f(self, x):
        return super().f(x)
"""


@pytest.mark.parametrize(
    ("body", "made", "not_made"),
    [
        ("isinstance(x, A)", {"IsInstance"}, {"CallVector", "CallBuiltinFast"}),
        ("isinstance(x, (A, int, str))", {"IsInstanceAny"}, {"BuildTuple", "CallBuiltinFast"}),
        ("isinstance(x, (A, int), 1) if y else 0", {"BuildTuple"}, {"IsInstanceAny"}),
        ("hasattr(x, 'f')", {"HasAttr"}, {"CallBuiltinFast"}),
        ("getattr(x, 'f')", {"LoadAttr"}, {"CallBuiltinFast"}),
        ("getattr(x, 'g', y)", {"GetAttrOr"}, {"CallBuiltinFast"}),
        ("getattr(x, f'g{y}', y)", {"CallBuiltinFast"}, {"GetAttrOr"}),
        ("len((x, y))", {"Len", "BuildTuple"}, {"CallBuiltinO"}),
    ],
)
def test_builtins(body, made, not_made, tmp_path):
    source = f"{CLASSES}\ndef f(x, y):\n    return {body}\nfor i in range(300):\n    f(A(), 0)\n"
    seen = set(operations(tmp_path, source, "f"))
    assert made <= seen and not (not_made & seen), seen


def test_super_makes_no_object(tmp_path):
    seen = operations(tmp_path, f"{CLASSES}\nb = B()\nfor i in range(300):\n    b.f(i)\n", "B.f")
    # What it finds is known, so the call is a plain one or inlined.
    assert "SuperMethod" in seen and "GuardFuncCode" in seen
    assert not {"LoadMethod", "CallVector"} & set(seen)


@pytest.mark.parametrize(
    ("body", "made"),
    [
        ("return x[1:y]", "GetSlice"),
        ("x[:y] = x", "SetSlice"),
        ("del x[y:]", "DeleteSlice"),
        ("return x[y::2]", "GetSteps"),
        ("x[:y:2] = (0,)", "BuildSlice"),
        ("x[y:] += x", "BuildSlice"),  # one slice is used twice
        ("return slice(0, y)", "CallVector"),
    ],
)
def test_slices_are_made_only_when_kept(body, made, tmp_path):
    source = f"def f(x, y):\n    {body}\nfor i in range(300):\n    f([1, 2, 3], 1)\n"
    seen = set(operations(tmp_path, source, "f"))
    assert seen & {"GetSlice", "GetSteps", "SetSlice", "DeleteSlice", "BuildSlice", "CallVector"} == {made}


@pytest.mark.parametrize(
    ("body", "made"),
    [
        ("return x.startswith(y)", "CallMethodO"),
        ("return x.endswith(('a', 'b'))", "CallMethodO"),
        ("return x.find(y)", "CallMethodO"),
        ("return x.find(y, 1)", "CallVector"),
        ("return x.startswith(y, 0, 1)", "CallVector"),
        ("return x.replace(y, x)", "CallDescrFast"),
    ],
)
def test_methods_that_parse_a_tuple(body, made, tmp_path):
    source = f"def f(x, y):\n    {body}\nfor i in range(300):\n    f('abc', 'b')\n"
    seen = set(operations(tmp_path, source, "f"))
    assert seen & {"CallMethodO", "CallVector", "CallDescrFast"} == {made}


@pytest.mark.parametrize(
    ("init", "call", "made"),
    [
        ("self, a: id(a)", "C(1)", "CallInit"),
        ("self, a, b=2: id(a)", "C(1)", "CallInit"),
        ("self, a, b=2: id(a)", "C(b=1, a=3)", "CallInit"),
        ("self, a, b=[]: id(a)", "C(1)", "CallClass"),  # a default that the unit may not keep
        ("self, *a: id(a)", "C(1)", "CallClass"),
        # Nothing but stores: inlined.
        ("self, a: pass", "C(1)", "NewInstanceHeld"),
        ("self, a, b=2: self.a = a; self.b = b; self.c = []", "C(b=1, a=3)", "NewInstanceHeld"),
        ("self, a, b=[]: self.a = b", "C(1)", "NewInstanceHeld"),
        ("self, a: self.a = a; self.a = 2", "C(1)", "NewInstanceHeld"),
    ],
)
def test_instantiation(init, call, made, tmp_path):
    parameters, body = init.split(": ", 1)
    source = f"class C:\n    def __init__({parameters}):\n        {body}\ndef f():\n    return {call}\n"
    source += "for i in range(300):\n    f()\n"
    seen = operations(tmp_path, source, "f")
    assert set(seen) & {"CallInit", "CallClass", "CallVector", "NewInstanceHeld"} == {made}
    # What is allocated with the collector held off is made good for.
    assert ("GcPoll" in seen) == (made == "NewInstanceHeld")


@pytest.mark.parametrize(
    ("function", "call", "made", "not_made"),
    [
        ("g(a, *, k=1): id(a)", "g(1, k=x)", {"CallPy"}, {"FuncKwDefault"}),
        ("g(a, *, k=1): id(a)", "g(1)", {"CallPy", "FuncKwDefault"}, set()),
        ("g(a, *, k=1): return k", "g(1)", {"GuardRecursion", "FuncKwDefault"}, {"CallPy"}),  # inlined
        ("g(a, *args): id(a)", "g(1, x, y)", {"CallPy", "BuildTuple"}, {"BuildMap"}),
        ("g(a, *args): id(a)", "g(1)", {"CallPy"}, {"BuildTuple"}),
        ("g(a, **kw): id(a)", "g(1, k=x)", {"CallPy", "BuildMap"}, {"BuildTuple"}),
        ("g(a, b=[], **kw): id(a)", "g(1)", {"CallVector"}, {"CallPy"}),  # a default that the unit may not keep
        ("g(a, b=3, **kw): id(a)", "g(1)", {"CallPy", "FuncDefault", "GuardIs"}, set()),
        ("g(a): yield a", "g(1)", {"CallPy"}, {"GuardRecursion"}),
    ],
)
def test_parameters(function, call, made, not_made, tmp_path):
    head, body = function.split(": ", 1)
    source = f"def {head}:\n    {body}\ndef f(x, y):\n    return {call}\nfor i in range(300):\n    f(1, 2)\n"
    seen = set(operations(tmp_path, source, "f"))
    assert made <= seen and not ((not_made | {"CallVector"} - made) & seen), seen


@pytest.mark.parametrize(
    ("body", "made"),
    [
        ("h(*args, **kwargs)", {"CallExMerge"}),
        ("h(1, *args, **kwargs)", {"CallExMerge"}),
        ("h(*args, k=1, **kwargs)", {"CallEx", "BuildMap", "DictMerge"}),
        ("h(*args, **(kwargs or {}))", {"CallEx", "BuildMap", "DictMerge"}),
        ("h(*args)", {"CallEx"}),
    ],
)
def test_forwarded_arguments(body, made, tmp_path):
    """No dict is made for **kwargs where the callee cannot see it."""
    source = f"def h(*args, **kw):\n    id(kw)\ndef f(*args, **kwargs):\n    return {body}\n"
    source += "for i in range(300):\n    f(1, 2, z=i)\n"
    seen = set(operations(tmp_path, source, "f"))
    assert seen & {"CallEx", "CallExMerge", "BuildMap", "DictMerge"} == made, seen


SEVERAL = """
class A:
    limit = 3
    def __init__(self, x):
        self.x = x
        self.on = True
    def get(self):
        return self.x
class B(A):
    pass
class C(A):
    limit = 3
class Mode:
    forward = 1
"""


@pytest.mark.parametrize(
    ("body", "made", "not_made"),
    [
        ("x.get()", {"GuardTypeIn", "LoadInlineValue", "GuardRecursion"}, {"LoadMethod", "CallVector", "CallPy"}),
        ("x.get() + x.x", {"GuardTypeIn", "LoadInlineValue"}, {"LoadMethod", "LoadAttr"}),
        ("Mode.forward", {"GuardClassVer"}, {"LoadAttr"}),
        ("A.limit + x.get()", {"GuardTypeIn", "GuardClassVer"}, {"LoadAttr"}),
        # Two functions: which of them it is, is asked at the call.
        ("x.other()", {"LoadMethod", "IsFuncCode", "CallPy", "CallVector"}, {"GuardTypeIn"}),
        ("x.third(x=1)", {"GuardTypeIn"}, {"LoadMethod", "IsFuncCode"}),
    ],
)
def test_sites_that_saw_several_classes(body, made, not_made, tmp_path):
    source = (
        f"{SEVERAL}\nB.other = lambda self: id(1)\nA.other = lambda self: id(2)\n"
        "B.third = A.third = lambda self, x: x\n"
        f"def f(x):\n    return {body}\n"
        "a, b, c = A(1), B(2), C(3)\nfor i in range(1000):\n    f(a), f(b), f(c)\n"
    )
    seen = set(operations(tmp_path, source, "f", last=True))
    assert made <= seen and not (not_made & seen), seen


def test_compact_code_is_short(tmp_path):
    """Calls of Python functions and checks are calls of shared code, attributes calls of the runtime."""
    source = """
    class A:
        def __init__(self, n):
            self.n = n
    class B(A):
        pass
    def g(x, y):
        return g(x, y - 1) if y else x
    def f(o, p):
        return g(o.n, p)
    for i in range(300):
        f((A, B)[i % 2](i), i % 3)
    """

    def listing(mode: str) -> tuple[int, str]:
        text = dump(tmp_path, source, "asm:f", mode)
        size = re.search(r"code of f: (\d+) bytes at \S+ cold (\d+) bytes", text)
        assert size, text
        return int(size[1]) + int(size[2]), text

    usual, in_line = listing("ext-t100")
    compact, shared = listing("ext-t100-compact")
    assert "CMPSP" in in_line and "POLL" not in in_line, in_line
    assert "CMPSP" not in shared and "POLL" in shared, shared
    assert compact < usual, (usual, compact)


@pytest.mark.parametrize(
    ("body", "caught", "made"),
    [
        ("x[y]\n    except KeyError:\n        v = None", "v = ", {"FindKey", "ElideExc"}),
        ("x.nothing\n    except (KeyError, AttributeError):\n        return y", "v = ", {"FindAttr", "ElideExc"}),
        ("int('x')\n    except ValueError:\n        pass", "", {"CallVector", "ElideExc"}),
        ("'abc'[y]\n    except IndexError:\n        v = None", "v = ", {"InRange", "StrItem", "Subscr", "ElideExc"}),
        ("1 // (y % 2)\n    except ZeroDivisionError:\n        return 0", "v = ", {"BinaryOp", "ElideExc"}),
        # Somebody may look at the exception.
        ("x[y]\n    except KeyError:\n        v = id(x)", "v = ", {"DictSubscr"}),
        ("x[y]\n    except KeyError as e:\n        v = 1", "v = ", {"DictSubscr"}),
        ("x[y]\n    finally:\n        v = 1", "v = ", {"DictSubscr"}),
    ],
)
def test_exceptions_that_nobody_sees(body, caught, made, tmp_path):
    """What is caught often by a handler that leaves no trace of it is not raised."""
    source = (
        f"def f(x, y):\n    v = 0\n    try:\n        {caught}{body}\n    return v\n"
        "for i in range(1000):\n    try:\n        f({}, i)\n    except KeyError:\n        pass\n"
    )
    seen = set(operations(tmp_path, source, "f", last=True))
    lookups = {"DictSubscr", "FindKey", "LoadAttr", "FindAttr", "InRange", "StrItem", "Subscr"}
    known = lookups | {"CallVector", "BinaryOp", "ElideExc"}
    assert seen & known == made, seen


@pytest.mark.parametrize(
    ("loop", "made", "body"),
    [
        ("for i, x in enumerate(v)", {"PairIter", "ListIterMore", "EnumNext"}, "t += x"),
        ("for i, x in zip(v, w)", {"PairIter", "ListIterMore", "TupleIterMore"}, "t += x"),
        ("for i, x, y in zip(v, w, v)", {"PairIter", "ListIterMore", "TupleIterMore"}, "t += x"),
        # What they give would die too early, or somebody sees the tuple, or it is for CPython's own.
        ("for i, x in enumerate(v)", {"GetIter", "IterNext"}, "x = i"),
        ("for i, x in enumerate(v)", {"GetIter", "IterNext"}, "del x"),
        ("for x in enumerate(v)", {"GetIter", "IterNext"}, "t += x[0]"),
        ("for i, x in enumerate(v, 1)", {"GetIter", "IterNext"}, "t += x"),
        ("for i, x in zip(v, w, strict=False)", {"GetIter", "IterNext"}, "t += x"),
        ("for i, x in enumerate({1: 2})", {"GetIter", "IterNext"}, "t += x"),
    ],
)
def test_pairs_that_nobody_sees(loop, made, body, tmp_path):
    """enumerate() and zip() of lists and tuples are done in line where their tuples are unpacked at once."""
    source = f"def f(v, w):\n    t = 0\n    {loop}:\n        {body}\n    return t\n"
    source += "for i in range(1000):\n    f([1, 2], (3, 4))\n"
    seen = set(operations(tmp_path, source, "f", last=True))
    known = {"PairIter", "ListIterMore", "TupleIterMore", "EnumNext", "GetIter", "IterNext"}
    assert seen & known == made, seen
