"""Hot operations leave reference counts as they found them."""
import sys


class C:
    attr = None

    def __init__(self, v):
        self.v = v

    def method(self, x):
        return x

    def __add__(self, other):
        return self.v


def operations(o, token, n):
    items = [token] * 4
    table = {"k": token, token: 1}
    for i in range(n):
        a = token
        b = items[i % 4]
        c = table["k"]
        d, e = b, c
        items[0] = d
        table["k"] = e
        o.attr = a
        f = o.attr
        g = o.method(f)
        h = (g, a, b)
        j = [*h, c]
        k = o + o
        s = f"{i}"
        a = b = c = None
        if f is not token or k is not token or j[0] is not token:
            return "wrong", s
        try:
            if i % 5 == 0:
                raise KeyError(token)
            table[token] += 1
        except KeyError as error:
            del error
        x = [t for t in h]
        y = {t: t for t in x}
        del d, e, f, g, h, j, k, x, y
    del o.attr
    return table[token]


def balance(n):
    token = object()
    o = C(token)
    before = sys.getrefcount(token), sys.getrefcount(o), sys.getrefcount(None) > 100
    value = operations(o, token, n)
    after = sys.getrefcount(token), sys.getrefcount(o), sys.getrefcount(None) > 100
    return value, before == after, after[0] - before[0], after[1] - before[1]


for n in (1, 10, 3000, 3001):
    print(n, balance(n))


def none_balance(n):
    before = sys.getrefcount(None)
    for i in range(n):
        x = None
        y = [x, x]
        z = x if y else 1
        print(end="")
        del x, y, z
    return abs(sys.getrefcount(None) - before) < 50


print(none_balance(5000))


def blocks(n, f):
    f(n)
    f(n)
    before = sys.getallocatedblocks()
    f(n)
    return sys.getallocatedblocks() - before < 200


def allocating(n):
    x, big = 0.5, 1 << 40
    for i in range(n):
        x = x * 1.0001 + i
        big = big + i
        pair = (x, big)
        text = str(i) + "x"
        o = C(pair)
        o.text = text
        closure = lambda: o  # noqa: E731
        closure().v[0]
    return x


print(blocks(5000, allocating))


def failing(n):
    for i in range(n):
        try:
            value = [i, 1.5 * i]
            value[5]
        except IndexError:
            pass
        try:
            int("x")
        except ValueError:
            pass
        try:
            C(1).missing
        except AttributeError:
            pass


print(blocks(3000, failing))


def small_ints():
    counts = [sys.getrefcount(i) for i in range(5)]
    for _ in range(3000):
        a, b = 1, 2
        c = a + b
        [a, b, c, c - a]
    return all(abs(sys.getrefcount(i) - n) < 20 for i, n in enumerate(counts))


print(small_ints())
