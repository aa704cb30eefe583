"""Numbers, comparisons, subscripts, iteration, building."""

# ruff: noqa: B023 (the functions made in loops are called at once)

import itertools
import math
import operator
import sys
import types

import _rt

from runtime_cases.common import NULL, check_no_leak, check_same, code_function, equal, outcome
from runtime_cases.operands import OPERANDS, BadIter, GetItemOnly, Keys, Meters, Missing, NotIterable, failing

NB = {
    "+": 0, "&": 1, "//": 2, "<<": 3, "@": 4, "*": 5, "%": 6, "|": 7, "**": 8, ">>": 9, "-": 10, "/": 11, "^": 12,
}  # fmt: skip
INPLACE = 13


def big_result(symbol, a, b):
    """Would take all memory."""
    if symbol in ("<<", "**") and isinstance(b, int) and b > 2000:
        return True
    if symbol == "*":
        for x, y in ((a, b), (b, a)):
            if isinstance(x, (str, bytes, tuple, list)) and x and isinstance(y, int) and y > 2000:
                return True
    return False


def test_binary_op_matches_the_operators():
    for symbol, nb in NB.items():
        plain = code_function(f"def f(a, b): return a {symbol} b")
        inplace = code_function(f"def f(a, b):\n a {symbol}= b\n return a")
        for a, b in itertools.product(OPERANDS, OPERANDS):
            if big_result(symbol, a, b):
                continue
            check_same(lambda: plain(a, b), lambda: _rt.binary_op(a, b, nb), (symbol, a, b))
            copy = a.copy() if isinstance(a, (list, set, dict)) else a
            other = a.copy() if isinstance(a, (list, set, dict)) else a
            check_same(lambda: inplace(copy, b), lambda: _rt.binary_op(other, b, nb + INPLACE), (symbol + "=", a, b))


def test_inplace_mutates():
    a = [1]
    b = _rt.binary_op(a, [2], NB["+"] + INPLACE)
    assert b is a and a == [1, 2]
    s = {1}
    assert _rt.binary_op(s, {2}, NB["|"] + INPLACE) is s and s == {1, 2}


def test_long_binary():
    ints = [x for x in OPERANDS if type(x) is int]
    for a, b in itertools.product(ints, ints):
        assert _rt.long_binary(a, b, NB["+"]) == a + b
        assert _rt.long_binary(a, b, NB["-"]) == a - b
        assert _rt.long_binary(a, b, NB["*"]) == a * b


def test_small_ints_are_shared():
    assert _rt.binary_op(250, 6, NB["+"]) is operator.add(200, 56)
    assert _rt.binary_op(-2, 3, NB["-"]) is operator.add(-4, -1)


def test_float_helpers():
    floats = [x for x in OPERANDS if type(x) is float] + [0.1, -0.1, 1e-5, 1e17, 4.35, -7.0, 3.0000000000000004]
    for a, b in itertools.product(floats, floats):
        if b != 0.0:
            check_same(lambda: a % b, lambda: _rt.float_mod(a, b), ("%", a, b))
            check_same(lambda: a // b, lambda: _rt.float_floordiv(a, b), ("//", a, b))
        got = _rt.float_pow(a, b)
        if got is not None:
            check_same(lambda: a**b, lambda: got, ("**", a, b))
        else:
            special = not (math.isfinite(a) and math.isfinite(b)) or a == 0.0 or (a < 0 and b != math.floor(b))
            assert special or outcome(lambda: a**b)[0] == "raised", ("**", a, b)


def test_compare_op():
    for op, f in enumerate((operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge)):
        for a, b in itertools.product(OPERANDS, OPERANDS):
            check_same(lambda: f(a, b), lambda: _rt.compare_op(a, b, op), (f, a, b))


def test_truthy():
    for v in [*OPERANDS, range(0), range(3), object(), math, int, frozenset(), bytearray(), memoryview(b"")]:
        check_same(lambda: int(bool(v)), lambda: _rt.truthy(v), v)


def test_str_eq():
    strings = ["", "a", "b", "ab", "é", "è", "\u20ac", "\U0001f600", "a" * 100, "a" * 99 + "b"]
    for a, b in itertools.product(strings, [s + "" for s in strings] + ["".join(list(s)) for s in strings]):
        assert _rt.str_eq(a, b) == (a == b), (a, b)


def test_contains():
    class NoContains:
        pass

    class Iterates:
        def __iter__(self):
            return iter([1, 2.0])

    containers = [
        "abc",
        [1, "a", None],
        (1, 2),
        {1: 2, "a": 3},
        {1, "a"},
        range(5),
        b"abc",
        NoContains(),
        Iterates(),
        5,
    ]
    for v, c in itertools.product(OPERANDS, containers):
        check_same(lambda: int(v in c), lambda: _rt.contains(v, c), (v, c))


def test_str_append_local():
    ns = {"_rt": _rt}
    exec(
        "def append(value, tail):\n"
        "    s = ''.join([value, '!'])\n"
        "    r = _rt.str_append_local(2, tail)\n"
        "    try:\n"
        "        s\n"
        "    except UnboundLocalError:\n"
        "        return r\n"
        "    return None\n"
        "def itself(value):\n"
        "    s = ''.join([value, '!'])\n"
        "    r = _rt.str_append_local(1, s)\n"
        "    return r\n",
        ns,
    )
    for value, tail in itertools.product(["", "a", "é", "\U0001f600" * 3, "x" * 5000], ["", "b", "\u20ac", "y" * 9000]):
        assert ns["append"](value, tail) == value + "!" + tail
    assert ns["itself"]("ab") == "ab!ab!"
    check_no_leak(lambda: ns["append"]("q" * 50, "r" * 700))


class Sub:
    def __getitem__(self, key):
        if key == "raise":
            raise KeyError("raise")
        return ("got", key)

    def __setitem__(self, key, value):
        raise RuntimeError("read-only")


def test_subscr():
    containers = [
        [1, 2, 3],
        (4, 5),
        "hé\u20ac",
        b"xyz",
        {1: "a", "k": "b", (1, 2): "c"},
        Missing(a=1),
        Sub(),
        5,
        None,
        list,
        int,
    ]
    keys = [
        0,
        1,
        -1,
        2,
        -3,
        3,
        -4,
        2**40,
        -(2**40),
        True,
        1.5,
        "k",
        "raise",
        (1, 2),
        [1],
        slice(0, 2),
        None,
        Meters(1),
        (),
        2**100,
    ]
    for c, k in itertools.product(containers, keys):
        check_same(lambda: c[k], lambda: _rt.subscr(c, k), (c, k))
        if type(c) is dict:
            check_same(lambda: c[k], lambda: _rt.dict_subscr(c, k), (c, k))


def test_store_and_delete_subscr():
    makers = [lambda: [1, 2, 3], lambda: {1: 2}, lambda: (1,), lambda: bytearray(b"abc"), Sub, lambda: 5]
    keys = [0, 1, -1, -3, 3, -4, "k", [1], slice(0, 1), 2**70, True, None]
    for make, k in itertools.product(makers, keys):
        a, b = make(), make()
        check_same(lambda: operator.setitem(a, k, [7]), lambda: [None, 1][_rt.store_subscr(b, k, [7])], (a, k))
        if not isinstance(a, Sub):
            assert a == b
        check_same(lambda: operator.delitem(a, k), lambda: [None, 1][_rt.delete_subscr(b, k)], (a, k))
        if not isinstance(a, Sub):
            assert a == b


def test_store_subscr_drops_the_old_item_last():
    seen = []

    class Old:
        def __del__(self):
            seen.append(items[0])

    items = [Old()]
    _rt.store_subscr(items, 0, "new")
    assert seen == ["new"]


def test_len():
    class Bad:
        def __len__(self):
            return -1  # noqa: PLE0303

    for v in [[], [1], (), (1, 2), {}, {1: 2}, "", "é", b"a", range(9), set(), 5, Bad(), None]:
        check_same(lambda: len(v), lambda: _rt.get_len(v), v)


def sources():
    return [
        (), (1,), (1, 2), (1, 2, 3), [], [1], [1, 2], [1, 2, 3], "ab", "abc", {1: 0, 2: 0}, range(2), range(5),
        (x for x in "pq"), failing(1, ValueError("mid")), failing(2, ValueError("end")), failing(5, ValueError("x")),
        GetItemOnly(), NotIterable(), BadIter(), 5, None, iter([1, 2]), zip("a", "b", strict=True),
        map(int, "12"), types,
    ]  # fmt: skip


def test_get_iter_and_next():
    for v in (5, None, NotIterable(), BadIter()):
        check_same(lambda: iter(v), lambda: _rt.get_iter(v), v)
    for v in ([1, 2], "ab", {1: 2}, range(3), (i for i in range(2)), GetItemOnly()):
        it = _rt.get_iter(v)
        got = []
        while (x := _rt.iter_next(it)) is not NULL:
            got.append(x)
        assert _rt.iter_next(it) is NULL
        assert not isinstance(v, (list, str, dict, range)) or got == list(v)
    assert outcome(_rt.iter_next, failing(0, ValueError("boom")))[1] is ValueError

    class Stops:
        def __next__(self):
            raise StopIteration(5)

        def __iter__(self):
            return self

    assert _rt.iter_next(Stops()) is NULL


def test_unpack_seq():
    for n in range(4):
        names = ", ".join(f"x{i}" for i in range(n))
        target = f"({names},)" if n else "()"
        f = code_function(f"def f(v):\n {target} = v\n return ({names}{',' if n else ''})")
        for a, b in zip(sources(), sources(), strict=True):
            check_same(lambda: f(a), lambda: _rt.unpack_seq(b, n), (n, a))


def test_unpack_ex():
    for before, after in itertools.product(range(3), range(3)):
        pre = "".join(f"a{i}, " for i in range(before))
        post = "".join(f", b{i}" for i in range(after))
        result = f"({pre}m{post},)"
        f = code_function(
            f"def f(v):\n {pre}*m{post} = v\n return {result}"
            if pre or post
            else f"def f(v):\n *m, = v\n return {result}"
        )
        for a, b in zip(sources(), sources(), strict=True):
            check_same(lambda: f(a), lambda: _rt.unpack_ex(b, before | after << 8), (before, after, a))


def test_unpack_does_not_leak():
    class Item:
        pass

    check_no_leak(lambda: [outcome(_rt.unpack_seq, [Item(), Item(), Item()], n) for n in range(5)])
    check_no_leak(lambda: [outcome(_rt.unpack_ex, [Item(), Item(), Item()], n | 2 << 8) for n in range(5)])


def test_format_value():
    class F:
        def __format__(self, spec):
            return f"<{spec}>"

        def __str__(self):
            return "str!"

        def __repr__(self):
            return "rëpr"

    class Bad:
        def __format__(self, spec):
            return 5

    class MyStr(str):
        def __format__(self, spec):
            return "formatted"

    for conv, name in ((0, ""), (1, "!s"), (2, "!r"), (3, "!a")):
        plain = code_function(f"def f(v): return f'{{v{name}}}'")
        spec = code_function(f"def f(v, w): return f'{{v{name}:{{w}}}}'")
        for v in [*OPERANDS, F(), Bad(), MyStr("x")]:
            if isinstance(v, Meters):
                continue
            check_same(lambda: plain(v), lambda: _rt.format_value(v, NULL, conv), (v, conv))
            for w in ("", ">10", "x", ".2f"):
                check_same(lambda: spec(v, w), lambda: _rt.format_value(v, w, conv | 4), (v, conv, w))


def test_build():
    assert _rt.build_string() == "" and _rt.build_string("a", "é", "\u20ac") == "aé\u20ac"
    assert _rt.build_tuple() == () and _rt.build_tuple(1, "x") == (1, "x")
    assert _rt.build_list() == [] and _rt.build_list(1, "x") == [1, "x"]
    assert _rt.build_set() == set() and _rt.build_set(1, 2, 1) == {1, 2}
    check_same(lambda: {1, []}, lambda: _rt.build_set(1, []))
    assert _rt.build_map() == {} and list(_rt.build_map("b", 1, "a", 2, "b", 3).items()) == [("b", 3), ("a", 2)]
    check_same(lambda: {1: 2, []: 3}, lambda: _rt.build_map(1, 2, [], 3))
    many = [x for i in range(20) for x in (i, str(i))]
    assert list(_rt.build_map(*many).items()) == [(i, str(i)) for i in range(20)]
    assert _rt.build_const_key_map(1, 2, ("x", "y")) == {"x": 1, "y": 2}
    assert outcome(_rt.build_const_key_map, 1, ("x", "y"))[1] is SystemError
    # The same kind of table as the bytecode makes.
    for n in (0, 1, 5, 6, 11, 20):
        keys = [f"k{i}" for i in range(n)]
        source = "{" + ", ".join(f"{k!r}: 0" for k in keys) + "}"
        got = _rt.build_const_key_map(*[0] * n, tuple(keys))
        assert sys.getsizeof(got) == sys.getsizeof(eval(source)), n
    assert _rt.build_slice(1, None, NULL) == slice(1, None) and _rt.build_slice(1, 2, 3) == slice(1, 2, 3)
    check_no_leak(lambda: (_rt.build_tuple([], {}), _rt.build_list([], {}), outcome(_rt.build_set, "q", [])))


def test_list_append():
    items = []
    for i in range(100):
        _rt.list_append(items, [i])
    assert items == [[i] for i in range(100)] and sys.getrefcount(items[50]) == 2


def test_list_extend():
    f = code_function("def f(v): return [*v]")
    for a, b in zip(sources(), sources(), strict=True):
        items = []
        check_same(lambda: f(a), lambda: (_rt.list_extend(items, b), items)[1], a)


def test_set_update():
    f = code_function("def f(v): return {*v}")
    for a, b in zip([*sources(), [[]]], [*sources(), [[]]], strict=True):
        items = set()
        check_same(lambda: f(a), lambda: (_rt.set_update(items, b), items)[1], a)


def test_dict_update_and_merge():
    update = code_function("def f(v): return {'a': 1, **v}")
    called = code_function("def f(g, v): return g(a=1, **v)")

    def g(**kw):
        return kw

    class HasNoName:
        def __call__(self, **kw):
            return kw

    mappings = [
        {},
        {"b": 2},
        {"a": 5},
        {1: 2},
        Keys("x", "y"),
        Keys("bad"),
        Keys("a"),
        5,
        None,
        [(1, 2)],
        "ab",
        Missing(b=1),
    ]
    for v in mappings:
        d = {"a": 1}
        check_same(lambda: update(v), lambda: (_rt.dict_update(d, v), d)[1], v)
        for func in (g, HasNoName(), dict, len, "".join):

            def merged():
                d = {"a": 1}
                _rt.dict_merge(d, v, func)
                return d

            e, m = outcome(called, func, v), outcome(merged)
            if m[0] == "raised":
                assert equal(e, m), (v, func, e, m)
            elif e[0] == "value" and func is g:
                assert equal(e, m)
