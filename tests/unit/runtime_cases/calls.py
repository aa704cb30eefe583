"""Functions and calls."""

# ruff: noqa: B023 (the functions made in loops are called at once)

import abc
import functools
import itertools
import math
import operator
import sys
import types

import _rt

from runtime_cases.attributes import Color, Point
from runtime_cases.common import NULL, check_no_leak, check_same, code_function, outcome
from runtime_cases.operands import BadIter, GetItemOnly, Keys, Missing, NotIterable, failing


def test_make_function():
    code = code_function("def f(a, b=1, *, c=2) -> int:\n 'doc'\n return a, b, c").__code__
    f = eval(
        "_rt.make_function(7, (10,), {'c': 20}, ('return', int), code)",
        {"_rt": _rt, "code": code, "int": int, "__name__": "modname"},
    )
    assert f(1) == (1, 10, 20) and f.__annotations__ == {"return": int} and f.__doc__ == "doc"
    assert f.__module__ == "modname" and f.__qualname__ == code.co_qualname and f.__closure__ is None

    def outer():
        x = 5
        return lambda: x

    inner = outer()
    g = _rt.make_function(8, inner.__closure__, inner.__code__)
    assert g() == 5
    h = _rt.make_function(0, code)
    assert h.__defaults__ is None and h.__globals__ is globals()
    check_no_leak(lambda: (_rt.make_function(8, inner.__closure__, inner.__code__), _rt.make_function(1, (1,), code)))


class Callable:
    def __call__(self, *args, **kw):
        return ("called", args, kw)


class Init:
    def __init__(self, a, b=2, *, c=3):
        self.v = (a, b, c)

    def __eq__(self, other):
        return type(self) is type(other) and self.v == other.v


class InitSub(Init):
    pass


class InitFails:
    def __init__(self):
        raise ValueError("init")


class InitReturns:
    def __init__(self):
        return 5  # noqa: PLE0101


class OwnNew:
    def __new__(cls, *args):
        return ("new", args)


class Abstract(abc.ABC):
    def __init__(self, a):
        self.a = a

    @abc.abstractmethod
    def m(self): ...


class MetaCall(type):
    def __call__(cls, *args):
        return ("metacall", args)


class WithMetaCall(metaclass=MetaCall):
    def __init__(self, a):
        pass


class NoInit:
    def __eq__(self, other):
        return type(self) is type(other)


class CInit(list):
    def __init__(self, a):
        super().__init__(a)


def plain(a, b=2, *args, c=3, **kw):
    return (a, b, args, c, kw)


def no_args():
    return "none"


CALLABLES = [
    plain, no_args, Callable(), Init, InitSub, InitFails, InitReturns, OwnNew, Abstract, WithMetaCall, NoInit, CInit,
    int,
    str, list, type, len,
    print_nothing := (lambda *a, **k: (a, k)), Point(3).norm, [1].index, "a,b".split, list.index,
    dict.fromkeys, functools.partial(plain, 1), sorted, max, 5, None, classmethod, operator.itemgetter(0), Color,
    type("Dyn", (), {}), isinstance, getattr, math.sqrt, math.hypot, divmod, object,
]  # fmt: skip
ARGS = [(), (1,), ([3, 1],), (1, 2), ("ab", "b"), (1, 2, 3), (4.0,), ([1, 2], 2)]
KWARGS = [{}, {"c": 5}, {"b": 1}, {"key": len}, {"a": 1}, {"zz": 1, "c": 2}]


def call_vector(f, args, kwargs, method=NULL):
    kwnames = tuple(kwargs) or NULL
    return _rt.call_vector(kwnames, *((NULL, f) if method is NULL else (method, f)), *args, *kwargs.values())


def test_calls():
    for f, args, kwargs in itertools.product(CALLABLES, ARGS, KWARGS):
        check_same(lambda: f(*args, **kwargs), lambda: call_vector(f, args, kwargs), (f, args, kwargs))
        check_same(lambda: f(*args, **kwargs), lambda: _rt.call_ex(f, args, kwargs or NULL), (f, args, kwargs))
        check_same(lambda: f(*args, **kwargs), lambda: _rt.call_ex(f, list(args), kwargs), (f, args, kwargs))


def test_method_calls():
    p = Point()
    assert _rt.call_vector(NULL, Point.norm, p) == 3
    assert _rt.call_vector(NULL, list.append, items := [], 5) is None and items == [5]
    assert _rt.call_vector(("maxsplit",), str.split, "a,b,c", ",", 1) == ["a", "b,c"]
    check_same(lambda: list.append(5, 5), lambda: _rt.call_vector(NULL, list.append, 5, 5))
    bound = p.norm
    before = sys.getrefcount(p), sys.getrefcount(bound)
    for _ in range(20):
        _rt.call_vector(NULL, NULL, bound)
    assert before == (sys.getrefcount(p), sys.getrefcount(bound))


def test_call_class():
    for cls in [c for c in CALLABLES if isinstance(c, type) and c not in (type, classmethod, object, int, str, list)]:
        for args in ARGS:
            ic = _rt.class_ic(cls)
            for _ in range(3):
                check_same(lambda: cls(*args), lambda: _rt.call_class(ic, cls, *args), (cls, args))
            check_same(lambda: Init(*args), lambda: _rt.call_class(ic, Init, *args), (cls, args))

    class Changing:
        def __init__(self, a):
            self.a = a

    ic = _rt.class_ic(Changing)
    for _ in range(3):
        assert _rt.call_class(ic, Changing, 1).a == 1
    Changing.__init__ = lambda self, a: setattr(self, "a", ("other", a))
    for _ in range(3):
        assert _rt.call_class(ic, Changing, 1).a == ("other", 1)
    Changing.__new__ = lambda cls, a: ("new", a)
    assert _rt.call_class(ic, Changing, 1) == ("new", 1)
    check_no_leak(lambda: (_rt.call_class(_init_ic, Init, []), outcome(_rt.call_class, _init_ic, Init)))


_init_ic = _rt.class_ic(Init)


def test_call_recursion_is_counted():
    class Deep:
        def __init__(self, n):
            depth.append(n)
            call_vector(Deep, (n + 1,), {})

    class Reference:
        def __init__(self, n):
            depth.append(n)
            Reference(n + 1)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        depth = []
        got = outcome(Deep, 0)
        assert got[1] is RecursionError, got
        mine = len(depth)
        depth = []
        assert outcome(Reference, 0)[1] is RecursionError
        # call_vector is a Python frame and a C call more.
        assert len(depth) // 2 <= mine <= len(depth), (mine, len(depth))
    finally:
        sys.setrecursionlimit(limit)


def test_call_ex_errors():
    f = code_function("def f(g, a, k): return g(*a, **k)")
    g = code_function("def f(g, a): return g(*a)")
    mappings = [{}, {"c": 1}, 5, None, Keys("a", "c"), Keys("bad"), Keys("a", "a"), {1: 2}, [("a", 1)], Missing(c=5)]
    iterables = [(1,), [1], "ab", 5, None, NotIterable(), GetItemOnly(), BadIter(), failing(1, ValueError("it"))]
    for func in (plain, len, Init, 5):
        for k in mappings:
            check_same(lambda: f(func, (1,), k), lambda: _rt.call_ex(func, (1,), k), (func, k))
        for a in iterables:
            if isinstance(a, types.GeneratorType):
                continue
            check_same(lambda: g(func, a), lambda: _rt.call_ex(func, a, NULL), (func, a))
    check_same(
        lambda: plain(*failing(1, ValueError("it"))), lambda: _rt.call_ex(plain, failing(1, ValueError("it")), NULL)
    )


def test_direct_c_calls():
    for f, arg in (
        (len, "abc"),
        (len, 5),
        (abs, -3),
        (ord, "a"),
        (repr, [1]),
        ([].append, 5),
        (math.sqrt, -1),
        (hash, []),
    ):
        check_same(lambda: f(arg), lambda: _rt.call_builtin_o(arg, f), (f, arg))
    for f in (isinstance, getattr, print_nothing, max, sorted, divmod, math.hypot, "a,b".split, int.from_bytes):
        if not isinstance(f, types.BuiltinFunctionType):
            continue
        if f in (max,):
            continue  # METH_VARARGS
        for args in ((), (1,), (1, 2), ("a", int), ([2, 1],), (b"ab", "big"), (",", 1), ("x", "y", "z")):
            if f in (divmod, isinstance, getattr, sorted, math.hypot) or f.__name__ in ("split", "from_bytes"):
                check_same(lambda: f(*args), lambda: _rt.call_builtin_fast(f, *args), (f, args))
    check_same(
        lambda: dict.keys({1: 2}) == {1: 0}.keys(), lambda: _rt.call_descr_noargs({1: 2}, dict.keys) == {1: 0}.keys()
    )
    check_same(lambda: str.upper(5), lambda: _rt.call_descr_noargs(5, str.upper))
    assert _rt.call_descr_noargs("abc", str.upper) == "ABC"
    assert _rt.call_descr_o(items := [], 4, list.append) is None and items == [4]
    check_same(lambda: list.append((), 4), lambda: _rt.call_descr_o((), 4, list.append))
    assert _rt.call_descr_fast(dict.get, {1: 2}, 1) == 2 and _rt.call_descr_fast(dict.get, {1: 2}, 5, "d") == "d"
    check_same(lambda: dict.get([], 1), lambda: _rt.call_descr_fast(dict.get, [], 1))
    check_same(lambda: dict.get(), lambda: _rt.call_descr_fast(dict.get))
    check_same(lambda: str.split("a b", None, "x"), lambda: _rt.call_descr_fast(str.split, "a b", None, "x"))


def test_profiler_sees_c_calls():
    events = []

    def profile(frame, event, arg):
        if event.startswith("c_") and arg is not sys.setprofile:
            events.append((event, arg))

    s = [3, 4]
    failing_int = int
    sys.setprofile(profile)
    try:
        _rt.call_vector(NULL, NULL, len, s)
        _rt.call_vector(NULL, list.append, s, 5)
        _rt.call_ex(len, (s,), NULL)
        try:
            _rt.call_vector(NULL, NULL, len, 5)
        except TypeError:
            pass
        failing_int()
    finally:
        sys.setprofile(None)
    calls = [(e, a) for e, a in events if getattr(a, "__self__", None) is not _rt]
    assert [e for e, a in calls] == ["c_call", "c_return"] * 3 + ["c_call", "c_exception"], calls
    assert calls[0][1] is len and calls[2][1] == s.append and calls[4][1] is len


def test_check_eval():
    assert _rt.check_eval() == 0
    _rt.leave(1)
    assert _rt.check_eval() == 1
    _rt.leave(0)
    assert _rt.check_eval() == 0
    sys.settrace(lambda *args: None)
    try:
        traced = _rt.check_eval()
    finally:
        sys.settrace(None)
    assert traced == 1

    import signal

    caught = []
    old = signal.signal(signal.SIGUSR1, lambda *args: caught.append(1))
    try:
        # raise_signal runs the handler itself; a signal from a timer comes between bytecodes.
        signal.raise_signal(signal.SIGUSR1)
        assert _rt.check_eval() == 0 and caught == [1]
    finally:
        signal.signal(signal.SIGUSR1, old)
