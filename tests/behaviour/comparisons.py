"""Comparison chains, rich comparison dispatch, `in`, `is` and mixed types in hot code."""


class Noisy:
    def __init__(self, v, log):
        self.v, self.log = v, log

    def __lt__(self, other):
        self.log.append(("lt", self.v))
        return self.v < getattr(other, "v", other)

    def __gt__(self, other):
        self.log.append(("gt", self.v))
        return NotImplemented

    def __eq__(self, other):
        self.log.append(("eq", self.v))
        return "truthy" if self.v == getattr(other, "v", other) else ""

    def __contains__(self, x):
        self.log.append(("in", x))
        return "yes" if x else ""


def chain(a, b, c):
    return a < b < c


def long_chain(a, b, c, d):
    return a < b <= c != d > a


def every(a, b):
    out = []
    for f in (lambda: a < b, lambda: a <= b, lambda: a == b, lambda: a != b, lambda: a > b, lambda: a >= b):
        try:
            out.append(f())
        except TypeError as error:
            out.append(str(error))
    return out


for i in range(1500):
    chain(1, i, 1000), long_chain(1, 2, i, 4), every(i, 5), chain(0.5, i, 2.5), chain("a", "b", "c")
log = []
a, b = Noisy(1, log), Noisy(2, log)
print(chain(a, b, 3), chain(b, a, 3), log)
log.clear()
print(a == 1, a == 2, a != 1, 1 == a, a in [a], 1 in [a], 5 in a, 0 in a, 0 not in a, log)
values = [0, 1, True, 1.0, -0.0, float("nan"), 1 << 70, "a", "", b"a", None, (1, 2), (1, 2.0), [1], [], {1}, {1: 2}, 1j, range(3), ...]
for x in values:
    print(repr(x), [every(x, y) for y in values])


def conditions(x, y):
    n = 0
    if x < y:
        n += 1
    if not x < y:
        n += 2
    if x == y or x > y and y:
        n += 4
    while x < y:
        x += 1
        n += 8
        if n > 50:
            break
    n += 100 if x <= y else 200
    n += 1000 * (x is y) + 10000 * (x is not None)
    return n


for _ in range(1000):
    conditions(1, 2)
print([conditions(p, q) for p in (1, 2.5, True, 1 << 65) for q in (0, 2, 2.5, float("nan"), float("inf"), 1 << 66)])


class Bad:
    def __bool__(self):
        raise ValueError("no truth")


class Array:
    def __lt__(self, other):
        return Bad()

    def __eq__(self, other):
        raise KeyError("eq")


for attempt in (lambda: chain(Array(), 1, 2), lambda: conditions(Array(), 1), lambda: every(Array(), 2), lambda: [Array()].index(3),
                lambda: Array() in [Array()], lambda: Array() in (3, Array()), lambda: 3 in 3, lambda: "a" in 3, lambda: 3 in "abc"):
    try:
        print(attempt())
    except Exception as error:
        print(type(error).__name__, error)


def membership(n):
    t, lst, s, d, text = (1, 2, 3), [1, 2, 3], {1, 2, 3}, {1: 0, 2: 0}, "abc"
    hits = 0
    for i in range(n):
        k = i % 5
        hits += (k in t) + (k in lst) + (k in s) + (k in d) + ("abcde"[k] in text) + (k in range(3)) + (k not in t) + (k in {1, 4})
        hits += (float(k) in t) + (float(k) in s) + (k in d.keys()) + (k in d.values())
    return hits


print(membership(2000))


class Child(int):
    def __gt__(self, other):
        return "child reflected"


print(every(1, Child(2)), [1 < Child(0) for _ in range(500)][-1])


def sorts(n):
    return sorted([(i * 7919) % 101 for i in range(n)])[::20], min("b", "a"), max([1, 2.5, True]), sorted([3, 1.5, True, 2])


print(sorts(500))
for bad in ([1, "a"], [None, 1], [(1, "a"), (1, 2)]):
    try:
        sorted(bad)
    except TypeError as error:
        print(error)
