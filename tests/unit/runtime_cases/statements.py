"""with, raise, except and match."""

# ruff: noqa: B023 (the functions made in loops are called at once)

import _rt

from runtime_cases.common import check_no_leak, check_same, code_function, outcome
from runtime_cases.operands import OPERANDS, Missing


def test_before_with():
    class Manager:
        def __enter__(self):
            return "entered"

        def __exit__(self, *exc):
            return False

    class NoExit:
        def __enter__(self):
            return 1

    class Fails(Manager):
        def __enter__(self):
            raise ValueError("enter")

    m = Manager()
    entered, bound_exit = _rt.before_with(m)
    assert entered == "entered" and bound_exit == m.__exit__
    f = code_function("def f(m):\n with m: pass")
    for bad in (NoExit(), 5, object(), Fails(), None):
        check_same(lambda: f(bad), lambda: _rt.before_with(bad), bad)
    check_no_leak(lambda: (_rt.before_with(m), outcome(_rt.before_with, Fails()), outcome(_rt.before_with, NoExit())))


def test_raise():
    class Strange(Exception):
        def __new__(cls):
            return 5

    class Other(Exception):
        def __new__(cls):
            return ValueError("other")

    class Needs(Exception):
        def __init__(self, a):
            pass

    one = code_function("def f(e): raise e")
    two = code_function("def f(e, c): raise e from c")
    values = [
        ValueError,
        ValueError("v"),
        Strange,
        Other,
        Needs,
        KeyboardInterrupt,
        5,
        "s",
        None,
        int,
        type("X", (), {}),
    ]
    for e in values:
        check_same(lambda: one(e), lambda: _rt.raise_varargs(e), e)
        for c in values:
            check_same(lambda: two(e, c), lambda: _rt.raise_varargs(e, c), (e, c))
    bare = code_function("def f(): raise")
    check_same(bare, lambda: _rt.raise_varargs())
    try:
        raise KeyError("active")
    except KeyError:
        check_same(bare, lambda: _rt.raise_varargs())


def test_exc_match():
    class NotExc:
        pass

    source = (
        "def f(e, t):\n try:\n  raise e\n except t: return 1\n"
        " except BaseException as x:\n  if x is e: return 0\n  raise"
    )
    f = code_function(source)
    e = ValueError("x")
    for t in (
        ValueError,
        KeyError,
        Exception,
        (KeyError, ValueError),
        (),
        (KeyError, 5),
        5,
        NotExc,
        (NotExc,),
        ((ValueError,),),
    ):
        expected, got = outcome(f, e, t), outcome(_rt.check_exc_match, e, t)
        assert expected[:3] == got[:3], (t, expected, got)


def test_match_kinds():
    import collections

    values = [
        *OPERANDS,
        range(3),
        bytearray(),
        collections.OrderedDict(),
        collections.deque(),
        {}.keys(),
        array_like(),
        iter([]),
    ]
    f = code_function("def f(v):\n match v:\n  case [*_]: return 1\n  case _: return 0")
    g = code_function("def f(v):\n match v:\n  case {}: return 1\n  case _: return 0")
    for v in values:
        assert _rt.match_sequence(v) == f(v), v
        assert _rt.match_mapping(v) == g(v), v


def array_like():
    import collections.abc

    class A(collections.abc.Sequence):
        def __len__(self):
            return 1

        def __getitem__(self, i):
            return i

    return A()


def test_match_keys():
    class Get:
        def get(self, key, default):
            if key == "raise":
                raise ValueError("get")
            return default if key == "gone" else key * 2

    class Instance:
        def __init__(self):
            self.get = lambda key, default: ("instance", key)

    assert _rt.match_keys({"a": 1, "b": 2}, ("b", "a")) == (2, 1)
    assert _rt.match_keys({"a": 1}, ("a", "b")) is None
    assert _rt.match_keys(5, ()) == ()
    assert _rt.match_keys(Missing(a=1), ("zz",)) is None
    assert _rt.match_keys(Get(), ("a", "b")) == ("aa", "bb")
    assert _rt.match_keys(Get(), ("a", "gone")) is None
    assert _rt.match_keys(Instance(), ("k",)) == (("instance", "k"),)
    assert outcome(_rt.match_keys, Get(), ("raise",))[1] is ValueError
    assert outcome(_rt.match_keys, 5, ("a",))[1] is AttributeError
    got = outcome(_rt.match_keys, {"a": 1}, ("a", "a"))
    assert got[1:3] == (ValueError, ("mapping pattern checks duplicate key ('a')",))
    assert outcome(_rt.match_keys, {}, ([],))[1] is TypeError
    check_no_leak(
        lambda: (_rt.match_keys({"a": []}, ("a",)), _rt.match_keys({}, ("q",)), outcome(_rt.match_keys, {}, ([],)))
    )


def test_match_class():
    class P:
        __match_args__ = ("x", "y")

        def __init__(self, x, y):
            self.x, self.y = x, y

    class BadArgs:
        __match_args__ = ["x"]

    class BadName:
        __match_args__ = (5,)

    class Raises:
        __match_args__ = ("p",)

        @property
        def p(self):
            raise ValueError("p")

    class Fails(type):
        @property
        def __match_args__(cls):
            raise ZeroDivisionError

    class WithFails(metaclass=Fails):
        pass

    for subject, cls, npos, kw in [
        (P(1, 2), P, 2, ()), (P(1, 2), P, 1, ("y",)), (P(1, 2), P, 3, ()), (P(1, 2), P, 1, ("x",)),
        (P(1, 2), P, 0, ("z",)),
        (P(1, 2), P, 0, ("x", "x")), (P(1, 2), int, 0, ()), (5, int, 1, ()), (5, int, 2, ()), (5, int, 0, ("real",)),
        (P(1, 2), object, 1, ()), (BadArgs(), BadArgs, 1, ()), (BadName(), BadName, 1, ()), (Raises(), Raises, 1, ()),
        (WithFails(), WithFails, 1, ()), (5, 5, 0, ()), ("s", str, 1, ()), (True, bool, 1, ()),
    ]:  # fmt: skip
        patterns = ", ".join([f"p{i}" for i in range(npos)] + [f"{k}=k{i}" for i, k in enumerate(kw)])
        names = "".join([f"p{i}, " for i in range(npos)] + [f"k{i}, " for i in range(len(kw))])
        if len(set(kw)) < len(kw):  # the compiler refuses it
            text = f"{cls.__name__}() got multiple sub-patterns for attribute {kw[0]!r}"
            assert outcome(_rt.match_class, subject, cls, kw, npos)[1:3] == (TypeError, (text,))
            continue
        f = code_function(f"def f(v, C):\n match v:\n  case C({patterns}): return ({names})\n  case _: return None")
        check_same(lambda: f(subject, cls), lambda: _rt.match_class(subject, cls, kw, npos), (subject, cls, npos, kw))
