"""Calls of functions that stay the same, with every kind of parameter: what they get, what a change of the function
does, and when arguments die."""

import gc
import inspect
import itertools
import sys
import weakref

ROUNDS = 3000


def many(name, function):
    """What all calls give, if it is the same."""
    answers = [function() for _ in range(ROUNDS)]
    print(name, answers[0] if all(a == answers[0] for a in answers) else answers[:3] + answers[-3:])


# --- every signature, every form of call -----------------------------------------------------------

SIGNATURES = [
    "a, *, k",
    "a, *, k=1",
    "a=7, *, k=1, m=(2,)",
    "*args",
    "a, *args",
    "a, b=2, *args",
    "**kw",
    "a, **kw",
    "a, /, **kw",
    "a, b=2, /, c=3, *, k=4, **kw",
    "a, *args, k=5",
    "*args, k",
    "*args, **kw",
    "a, *args, k=6, **kw",
    "a, b=None, *args, k=None, **kw",
]
CALLS = [
    "",
    "1",
    "1, 2",
    "1, 2, 3, 4",
    "k=1",
    "1, k=2",
    "1, k=2, m=3",
    "1, 2, 3, k=4, z=5",
    "a=1",
    "1, a=2",
    "a=1, k=2",
    "b=1, a=2, y=3, z=4",
]


def signatures():
    """One function a call, so that each site has a callee of its own."""
    for signature, call in itertools.product(SIGNATURES, CALLS):
        space = {}
        exec(
            f"def callee({signature}):\n"
            "    found = locals()\n"
            "    return sorted(found.items(), key=str)\n"
            "class C:\n"
            f"    def method(self, {signature}):\n"
            "        return [n for n in locals() if n != 'self'], self.__class__.__name__\n"
            "c = C()\n"
            f"def generator({signature}):\n"
            "    yield from sorted(locals().items(), key=str)\n"
            "def caller(n):\n"
            "    for i in range(n):\n"
            f"        r = callee({call}), c.method({call}), list(generator({call}))\n"
            "    return r\n",
            space,
        )
        try:
            answer = [space["caller"](n) for n in (1, 400, 1)]
            print(signature, "|", call, "|", answer[0] if answer[0] == answer[1] == answer[2] else answer)
        except TypeError as error:
            print(signature, "|", call, "|", error)


signatures()


# --- the function changes -----------------------------------------------------------------------------


def keyword(a, *, k=1, m="m"):
    return a, k, m


def packing(a, b=2, *args, k=3, **kw):
    return a, b, args, k, kw


def use():
    try:
        return keyword(1, m=2), packing(1, 2, 3, z=4), packing(5)
    except TypeError as error:
        return str(error)


class Key(str):
    def __eq__(self, other):
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def other(a, *, k=10, m=20):
    return "other", a, k, m


CHANGES = [
    lambda: None,
    lambda: keyword.__kwdefaults__.update(k=5),
    lambda: keyword.__kwdefaults__.pop("k"),
    lambda: setattr(keyword, "__kwdefaults__", {"k": [6]}),
    lambda: setattr(keyword, "__kwdefaults__", {Key("k"): 7}),
    lambda: setattr(keyword, "__kwdefaults__", None),
    lambda: setattr(keyword, "__kwdefaults__", {"k": 8}),
    lambda: setattr(packing, "__defaults__", (9,)),
    lambda: setattr(packing, "__defaults__", ([10],)),
    lambda: setattr(packing, "__defaults__", None),
    lambda: setattr(packing, "__defaults__", (1, 2)),
    lambda: setattr(keyword, "__code__", other.__code__),
    lambda: globals().update(keyword=other),
]
for n, change in enumerate(CHANGES):
    change()
    many(f"change {n}", use)


def closures():
    """Functions of one code object, each with defaults of its own."""

    def make(n):
        def inner(a, *, k=n, **kw):
            return a, k, kw

        return inner

    functions = [make(n) for n in range(4)]
    return [[f(1) for f in functions], [f(1, z=2) for f in functions]]


many("closures", closures)


# --- lifetimes -------------------------------------------------------------------------------------------

log = []


class D:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        log.append(self.name)


def dropping(a, *args, k=None, **kw):
    log.append("in")
    a = None
    log.append("a")
    args = None
    log.append("args")
    kw = None
    log.append("kw")
    k = None
    log.append("k")
    return a, args, k, kw


def lifetimes():
    log.clear()
    dropping(D("1"), D("2"), D("3"), k=D("4"), z=D("5"))
    log.append("out")
    return list(log)


for _ in range(ROUNDS):  # the first calls are those of a program that has just begun
    lifetimes()
print("lifetimes", lifetimes())


def failing(a, *args, **kw):
    raise KeyError(a)


def failed():
    o = D("x")
    seen = weakref.ref(o)
    try:
        failing(o, o, z=o)
    except KeyError:
        pass
    del o
    return seen() is None


many("failed", failed)


# --- what the callee sees ------------------------------------------------------------------------------------


def looks(a, *args, k=2, **kw):
    frame = sys._getframe()
    return frame.f_back.f_code.co_name, inspect.getargvalues(frame)[:3], sorted(frame.f_locals, key=str)


def frames():
    return looks(1, 2, z=3)


many("frames", frames)


def fresh(*args, **kw):
    kw["new"] = args
    return kw


def containers():
    one, two = fresh(), fresh()
    return one is two, one, fresh(1, z=2), fresh(*(), **{})


many("containers", containers)


def recursive(n, *, step=1, **kw):
    return 0 if n == 0 else 1 + recursive(n - step, **kw) + recursive(0, step=step, z=n)


many("recursive", lambda: recursive(20, a=1))


def deep(n, *args, k=1, **kw):
    return n if n == 0 else deep(n - 1, n, k=k, z=n)


def limits():
    try:
        return deep(100000)
    except RecursionError as error:
        return type(error).__name__


for _ in range(5):
    print("limits", deep(100), limits())


def traced():
    seen = []

    def tracer(frame, event, arg):
        if frame.f_code is fresh.__code__ or frame.f_code is keyword.__code__:
            seen.append((event, sorted(frame.f_locals.items(), key=str)))
        return tracer

    sys.settrace(tracer)
    try:
        fresh(1, z=2)
        keyword(3, m=4)
    finally:
        sys.settrace(None)
    return seen


many("traced", traced)
old = gc.get_threshold()
gc.set_threshold(1)
many("collecting", use)
many("collecting", containers)
gc.set_threshold(*old)
