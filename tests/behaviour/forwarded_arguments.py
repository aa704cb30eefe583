"""f(*args, **kwargs) as decorators write it: the callee gets its own dict, errors are those of merging it, and what it
is made of lives as long as there."""

import collections
import functools
import sys
import traceback
import types
import weakref

ROUNDS = 2500


def many(name, function):
    """What all calls give, if it is the same."""
    answers = [function() for _ in range(ROUNDS)]
    print(name, answers[0] if all(a == answers[0] for a in answers) else answers[:3] + answers[-3:])


def forward(f, *args, **kwargs):
    return f(*args, **kwargs)


def through(f, args, kwargs):
    """The same with whatever comes."""
    try:
        return f(*args, **kwargs)
    except Exception as error:
        lines = [f.lineno - through.__code__.co_firstlineno for f in traceback.extract_tb(error.__traceback__)][:1]
        return type(error).__name__, str(error), lines


def plain(a, b=2, *, k=3):
    return a, b, k


def packing(*args, **kw):
    kw["own"] = True
    return args, kw


class C:
    def __init__(self, a=0, **kw):
        self.a = a
        self.kw = kw

    def method(self, a, **kw):
        return self.a, a, kw

    def __call__(self, *args, **kw):
        return self.a, args, kw

    def __repr__(self):
        return f"C({self.a}, {self.kw})"


class Base:
    def __init__(self, *args, **kw):
        self.seen = args, kw


class Derived(Base):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


c = C(7)


def kinds():
    return [
        forward(plain, 1),
        forward(plain, 1, k=5),
        forward(packing),
        forward(packing, 1, x=2),
        forward(c.method, 1, x=2),
        forward(c, 1, x=2),
        repr(forward(C, 1, x=2)),
        Derived(1, x=2).seen,
        forward(dict, a=1),
        forward(dict, [(1, 2)], a=1),
        forward(functools.partial(plain, 1), k=9),
        forward(str.format, "{}{x}", 1, x=2),
        forward(sorted, [3, 1, 2], reverse=True),
        forward(types.SimpleNamespace, a=1).a,
        forward(len, (1, 2)),
    ]


many("kinds", kinds)


class Odd(dict):
    def keys(self):
        return ["z"]

    def __getitem__(self, key):
        return "odd"


class Name(str):
    pass


MAPPINGS = [
    {},
    {"k": 1},
    {"a": 1},
    {"own": 0, "x": 1},
    {1: 2},
    {"k": 1, 2: 3},
    {Name("k"): 4},
    {Name("z"): 4},
    {f"n{i}": i for i in range(100)},
    Odd(k=1),
    collections.OrderedDict(k=1),
    collections.defaultdict(int, k=1),
    types.MappingProxyType({"k": 1}),
    None,
    5,
    [("k", 1)],
]


def mappings():
    return [
        [through(f, (1,), kwargs) for kwargs in MAPPINGS] for f in (plain, packing, c.method, c, C(8).__call__, dict, 3)
    ]


for _ in range(30):
    result = mappings()
for line in result:
    for answer in line:
        print(str(answer)[:150])


def own_dict():
    """The callee's dict is its own, and so is that of the next call."""
    given = {"x": 1}
    first, second = through(packing, (), given)[1], through(packing, (), given)[1]
    return first is second, first is given, given, first


many("own dict", own_dict)


class Kept:
    def __init__(self, **kwargs):
        self.kwargs = kwargs


def seen_by_c():
    given = {"x": 1}
    kept = forward(Kept, **given)
    kept.kwargs["y"] = 2
    space = through(types.SimpleNamespace, (), given)
    space.z = 3
    return given, kept.kwargs, vars(space)


many("seen by C", seen_by_c)


def lifetimes():
    class Item:
        pass

    log = []

    def callee(given, **kw):
        watch = weakref.ref(kw["item"])
        del kw
        given.clear()
        log.append(watch() is None)
        return watch

    def caller(*args, **kwargs):
        return callee(kwargs, **kwargs)

    watch = caller(item=Item())
    return log, watch() is None


many("lifetimes", lifetimes)


def unbound():
    def f(*args, **kwargs):
        if not args:
            del kwargs
        return plain(*args, **kwargs)

    try:
        return f(1), f()
    except UnboundLocalError as error:
        return str(error)


many("unbound", unbound)


def rebound():
    def f(kind, *args, **kwargs):
        if kind:
            kwargs = kind
        return packing(*args, **kwargs)

    return f(None, 1, a=1), f(Odd(), 1), f({"b": 2}, 1)


many("rebound", rebound)


def traced():
    seen = []

    def tracer(frame, event, arg):
        seen.append((frame.f_code.co_name, event))
        return tracer

    sys.setprofile(tracer)
    try:
        forward(packing, 1, x=2)
        forward(dict, x=2)
    finally:
        sys.setprofile(None)
    return seen


many("traced", traced)
