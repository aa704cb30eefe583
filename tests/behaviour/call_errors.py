"""The exact TypeErrors of calls that do not bind, from call sites that were hot with good arguments."""
import functools


def none():
    pass


def one(a):
    return a


def two(a, b=2):
    return a, b


def three(a, b, c):
    pass


def keyword_only(a, *, k, m=1):
    return a, k, m


def positional_only(a, b=1, /, c=2):
    return a, b, c


def stars(a, *args, **kwargs):
    return a, args, kwargs


class C:
    def __init__(self, a, b=1):
        self.a = a

    def method(self, x):
        return x

    @classmethod
    def cm(cls, x):
        return x

    @staticmethod
    def sm(x):
        return x

    def __call__(self, x):
        return x


class Empty:
    pass


o = C(1)


def call(f, args, kwargs):
    return f(*args, **kwargs)


def direct(f):
    return f(1)


def direct_kw(f):
    return f(1, k=2)


def method(o):
    return o.method(1)


for _ in range(1500):
    direct(one), direct(two), direct(stars), direct(C), direct(o), direct(C.sm), direct_kw(keyword_only), method(o)
    call(one, (1,), {}), call(two, (1,), {"b": 2}), call(positional_only, (1, 2), {"c": 3}), call(stars, (1, 2), {"z": 1})


class Bad:
    def method():
        pass


class NotCallable:
    method = 3


cases = [
    lambda: direct(none), lambda: direct(three), lambda: direct(keyword_only), lambda: direct(5), lambda: direct(None),
    lambda: direct_kw(one), lambda: direct_kw(none), lambda: direct_kw(positional_only), lambda: method(Bad()),
    lambda: method(NotCallable()), lambda: method(3), lambda: direct(Empty), lambda: direct(Bad.method),
    lambda: direct(lambda: 0), lambda: direct(functools.partial(one, 2)), lambda: none(1, 2, 3), lambda: one(),
    lambda: three(1), lambda: three(), lambda: three(1, 2, 3, 4), lambda: two(1, 2, 3), lambda: two(b=1), lambda: two(1, a=1),
    lambda: two(1, c=1), lambda: keyword_only(1), lambda: keyword_only(1, 2, k=1), lambda: keyword_only(1, k=1, q=2),
    lambda: keyword_only(), lambda: positional_only(a=1), lambda: positional_only(1, b=2), lambda: positional_only(),
    lambda: positional_only(1, 2, 3, 4), lambda: stars(), lambda: stars(b=1), lambda: stars(1, a=2), lambda: o.method(),
    lambda: o.method(1, 2), lambda: o.method(y=1), lambda: C(), lambda: C(1, 2, 3), lambda: C(1, q=1), lambda: C.method(),
    lambda: C.cm(), lambda: C.sm(), lambda: o(), lambda: Empty(1), lambda: o.nope(1), lambda: call(one, 5, {}),
    lambda: call(one, (1,), 5), lambda: call(one, None, {}), lambda: call(one, (1,), {1: 2}), lambda: one(*(1, 2), **{"b": 1}),
    lambda: stars(1, **{"a": 2}), lambda: stars(1, **{"x": 1}, **{"x": 2}), lambda: len(), lambda: len(1, 2), lambda: len(x=1),
    lambda: int("1", 2, 3), lambda: [].append(), lambda: [].append(1, 2), lambda: "".join(1), lambda: "".join([1]),
    lambda: dict(1), lambda: {}.get(), lambda: {}.pop(), lambda: range(), lambda: range("a"), lambda: isinstance(1),
    lambda: isinstance(1, 2), lambda: abs("a"), lambda: sum(["a"]), lambda: max(), lambda: max(1, key=3), lambda: sorted(),
    lambda: one(1)(2), lambda: one("text")(), lambda: {}[[]], lambda: print(sep=1), lambda: open(), lambda: divmod(1),
    lambda: getattr(1), lambda: object(1), lambda: object.__new__(), lambda: int.__add__(1), lambda: str.upper(3),
]
for number, case in enumerate(cases):
    first = None
    for _ in range(60):
        try:
            result = "no error: " + repr(case())
        except Exception as error:
            result = type(error).__name__, str(error)
        if first is None:
            first = result
        elif first != result:
            print("changed", result)
    print(number, first)


def defaults_mutate(x, acc=[]):  # noqa: B006
    acc.append(x)
    return len(acc)


for i in range(2000):
    n = defaults_mutate(i)
print(n)
