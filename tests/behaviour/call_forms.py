"""Every way of calling, warmed, with results checked against a rotating argument."""
import functools
import operator


def plain(a, b):
    return a - b


def default(a, b=10, c=20):
    return a, b, c


def kwonly(a, *, b=1, c):
    return a, b, c


def posonly(a, /, b, *, c=3):
    return a, b, c


def varargs(*args):
    return len(args), sum(args)


def varkw(**kwargs):
    return sorted(kwargs.items())


def everything(a, b=2, /, c=3, *args, d, e=5, **kw):
    return a, b, c, args, d, e, sorted(kw.items())


class C:
    base = 100

    def __init__(self, x=0, *, y=1):
        self.x, self.y = x, y

    def m(self, a, b=1, *rest, k=0):
        return self.x + a + b + len(rest) + k

    @classmethod
    def c(cls, a, b=2):
        return cls.base + a + b

    @staticmethod
    def s(a, b=3):
        return a + b

    def __call__(self, a, **kw):
        return a + len(kw)

    @property
    def p(self):
        return lambda a: a + self.x


class WithNew:
    def __new__(cls, *args, **kw):
        o = super().__new__(cls)
        o.made = len(args) + len(kw)
        return o

    def __init__(self, *args, **kw):
        self.made += 100


class Slots:
    __slots__ = ("a",)

    def __init__(self, a):
        self.a = a


def forms(i, o):
    t, d = (i, 2), {"c": i, "b": 7}
    bound = o.m
    return [
        plain(i, 1), plain(b=1, a=i), plain(*t), default(i), default(i, c=1), default(c=i, a=1), default(*t, **{"c": 5}),
        kwonly(i, c=2), kwonly(i, **d), posonly(i, b=1), posonly(i, 1, c=i), varargs(), varargs(i), varargs(i, *t, 3, *t),
        varkw(), varkw(a=i, **d), everything(i, d=1), everything(i, 1, 2, 3, 4, d=5, e=6, f=7), everything(*t, *t, d=i, **{"z": 1}),
        o.m(i), o.m(i, 5), o.m(i, b=5, k=1), o.m(i, *t, 9, k=i), bound(i), C.m(o, i), C.c(i), o.c(i, b=1), C.s(i), o.s(b=i, a=1),
        o(i), o(i, q=1), o.p(i), C(i).x, C(y=i).y, C(i, y=i).x, WithNew(1, 2, a=3).made, Slots(i).a,
        functools.partial(plain, b=2)(i), functools.partial(o.m, i)(1), (lambda a, b=i: a + b)(1), (lambda *a: a)(i, i),
        len(t), abs(-i), max(i, 3), min(t), max(t, key=lambda v: -v), sorted(t, reverse=True), isinstance(i, int), int("7"), str(i),
        operator.add(i, 1), operator.itemgetter(0)(t), list(map(plain, t, t)), list(zip(t, t)), "{}-{}".format(i, 1), "%s" % i,
        print("", end=""), round(i + 0.5), pow(2, 5, 7), divmod(i, 7), getattr(o, "x"), getattr(o, "nope", i), hasattr(o, "y"),
        dict(a=i, b=2), dict([(1, i)]), list(t), tuple([i]), set([1, 1]), type(i).__name__, bool(i), float(i), range(i % 5)[-1:],
        [i].index(i), "a,b".split(","), " x ".strip(), "-".join(["a", "b"]), b"ab".hex(), (i).bit_length(), "abc".replace("b", "x"),
        reversed(t).__length_hint__(), sum(t), any(t), all(t), iter(t).__length_hint__(), enumerate(t).__next__(), callable(o),
    ]


o = C(5)
first = forms(3, o)
for i in range(700):
    forms(i, o)
print(forms(3, o) == first)
for v in first:
    print(v)


def order(log):
    """Arguments are evaluated left to right, the callable first."""
    def note(x):
        log.append(x)
        return x

    class Callee:
        def __call__(self, *args, **kwargs):
            log.append("called")

    def callee():
        log.append("callee")
        return Callee()

    callee()(note(1), *[note(2)], note(3), k=note(4), **{"m": note(5)}, n=note(6))
    note({})[note("key")] = note("value")
    note([0])[note(0)] += note(1)
    return log


for _ in range(500):
    log = order([])
print(log)


def changing_callee(n):
    """One call site, ever new callables."""
    targets = [len, lambda s: s, str.upper, C.s, C(1), functools.partial(max, "m"), list, WithNew, o.c, {"abc": 5}.get, "x".__add__]
    seen = []
    for i in range(n):
        f = targets[i % len(targets)] if i > n // 2 else len
        try:
            value = f("abc")
        except TypeError as error:
            value = str(error)
        if i > n // 2 and len(seen) < 11:
            seen.append(value if not isinstance(value, WithNew) else value.made)
    return seen


print(changing_callee(3000))
