"""Arguments to parameters, where the binding is the engine's: keywords, defaults, collections, and every error."""

import sys
import types


def every(a, b=2, /, c=3, *args, d, e=5, **kw):
    return a, b, c, args, d, e, list(kw.items())


def kwonly(a, *, b, c=7):
    return a, b, c


def longer(a, *, bar):
    return a, bar


def varkw(a, /, **kw):
    return a, list(kw.items())


def varargs(a, *args):
    return a, args


def generator(a, *args, k=1, **kw):
    yield a
    yield from args
    yield k, sorted(kw)


def cells(a, b=1, *args, **kw):
    return lambda: (a, b, args, kw)


def frame(a, *, k):
    f = sys._getframe()
    return f, a, k


def locals_of(a, *args, k=3, **kw):
    late = a
    return sorted(locals().items()), late


class Noisy:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name, sys._getframe(1).f_code.co_name)


def holds(a, *args, k=None, **kw):
    own = Noisy("own")
    return len(args), own is not None


class Str(str):
    def __eq__(self, other):
        return str(self) == str(other)

    def __hash__(self):
        return hash(str(self))


def try_call(f, *args, **kw):
    try:
        r = f(*args, **kw)
        return list(r) if isinstance(r, types.GeneratorType) else r
    except TypeError as e:
        return f"TypeError: {e}"


def direct(i):
    """The same calls with the callee known where it is compiled."""
    return [
        every(i, d=1),
        every(i, 1, 2, 3, 4, d=5, z=6, y=7),
        every(i, c=9, d=8, e=7, a=6, b=5),
        kwonly(i, b=1),
        kwonly(b=i, a=2, c=3),
        varkw(i, a=5),
        varkw(i),
        varargs(i),
        varargs(i, *range(3)),
        varargs(*(i, 2)),
        list(generator(i, 2, 3, k=4, x=5)),
        cells(i, 5, 6, z=7)(),
        frame(i, k=2)[1:],
        locals_of(i, 1, z=2),
    ]


def errors():
    return [
        try_call(every),
        try_call(every, 1),
        try_call(every, 1, c=1, **{"d": 2, "x": 3}),
        try_call(kwonly),
        try_call(kwonly, 1),
        try_call(kwonly, 1, 2, b=3),
        try_call(kwonly, 1, b=2, z=3),
        try_call(kwonly, 1, a=1, b=2),
        try_call(varkw),
        try_call(varkw, a=1),
        try_call(varkw, 1, 2),
        try_call(varargs, b=1),
        try_call(generator),
        try_call(generator, 1, 2, a=3),
    ]


class Methods:
    def m(self, a, b=2, *args, k=3, **kw):
        return a, b, args, k, list(kw.items())

    @classmethod
    def c(cls, a, *args, **kw):
        return cls.__name__, a, args, sorted(kw)

    def __call__(self, *args, **kw):
        return args, sorted(kw)


class Mapping:
    def keys(self):
        return ["k", "x"]

    def __getitem__(self, key):
        return key * 2


class Dict(dict):
    def __iter__(self):
        return iter(["k"])


def unpacked(i):
    """Arguments that come out of a tuple and a dict."""
    t, d, o = (i, 1), {"k": 4, "z": i}, Methods()
    many = {f"k{n}": n for n in range(40)}
    return [
        varargs(*t),
        varkw(*t[:1], **d),
        o.m(*t, **d),
        o.m(*t, 7, 8, **{}),
        o.m(*range(20)),
        o.m(i, **many)[4][-1],
        o.m(i, **Mapping()),
        o.m(i, **Dict(d)),
        Methods.c(*t, **d),
        o(*t, **d),
        try_call(o.m, **d),
        try_call(o.m, *t, a=1),
        try_call(varargs, *t, **d),
        list(generator(*t, **d)),
    ]


def odd_keywords():
    made = "".join(chr(c) for c in (98, 97, 114))  # not interned
    return [
        try_call(longer, 1, **{made: 2}),
        try_call(longer, 1, **{made: 2, made + "x": 1}),
        try_call(varkw, 1, **{made: 2, Str("own"): 3}),
        try_call(kwonly, 1, **{Str("b"): 4}),
        try_call(varkw, 1, **{f"k{i}": i for i in range(70)})[1][-1],
    ]


for i in range(400):
    last = direct(i), errors(), odd_keywords(), unpacked(i)
print(last)

f, a, k = frame(1, k=2)
print(f.f_locals["a"], f.f_locals["k"], f.f_code.co_name, f.f_back is sys._getframe())
del f

for _ in range(2):
    print(holds(1, 2, k=3, z=4))


# Defaults that change between calls of a warm function, and odd ones.
def calls(n):
    return [try_call(kwonly, n, b=1), try_call(every, n, d=1)]


for i in range(50):
    calls(i)
kwonly.__kwdefaults__ = {"b": "B", "c": "C"}
print(calls(1), try_call(kwonly, 1))
kwonly.__kwdefaults__ = {Str("b"): "S", 1: 2, "c": "C"}
print(calls(1), try_call(kwonly, 1))
kwonly.__kwdefaults__ = None
print(calls(1), try_call(kwonly, 1))
every.__defaults__ = ("only",)
print(calls(1))
every.__defaults__ = None
print(calls(1))


# Code without fast locals; and code that is replaced while warm.
namespace = {}
exec_like = types.FunctionType(compile("x = 5", "made", "exec"), namespace)
for _ in range(50):
    exec_like()
print(namespace["x"], try_call(exec_like, 1))


def target(a, b=1, *, c=2):
    return "first", a, b, c


def other(a, *rest, **kw):
    return "other", a, rest, list(kw.items())


def through(i):
    return target(i, c=3)


for i in range(400):
    through(i)
code = target.__code__
target.__code__ = other.__code__
print(through(1), try_call(target))
target.__code__ = code
print(through(2))


# A collection that runs while *args and **kwargs are made, and looks at who runs.
import gc  # noqa: E402


class Cycle:
    def __init__(self):
        self.me = self

    def __del__(self):
        seen.add(sys._getframe(1).f_code.co_name)


def churn(n):
    total = 0
    for i in range(n):
        Cycle()
        total += len(varkw(i, a=1, b=2)[1]) + len(varargs(i, 2, 3)[1])
    return total


seen = set()
gc.set_threshold(5)
print(churn(500))
gc.set_threshold(700)
gc.collect()
print(bool(seen))


def deep(n, *args, k=0, **kw):
    return n if n == 0 else 1 + deep(n - 1, n, k=n, z=args)


for _ in range(30):
    deep(5)
try:
    deep(10**6)
except RecursionError:
    print("too deep")
sys.setrecursionlimit(10**5)
print(deep(50000))
