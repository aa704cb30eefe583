"""Compiled code that is re-entered from callbacks of the operations it performs."""
import functools


def poly(x, n):
    total = x
    for _ in range(n):
        total = total + x
    return total


class Number:
    depth = 0

    def __init__(self, v):
        self.v = v

    def __add__(self, other):
        Number.depth += 1
        if Number.depth < 5:
            inner = poly(Number(1), 3)
        else:
            inner = Number(0)
        Number.depth -= 1
        return Number(self.v + getattr(other, "v", other) + inner.v * 0)


for _ in range(200):
    poly(1, 10)
print(poly(Number(2), 2).v, Number.depth, poly(1.5, 1000), poly("ab", 3))


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


print(fib(18))


def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


print(ackermann(2, 40))


def sort_inside(items, depth):
    if depth == 0:
        return items
    return sorted(items, key=lambda i: sum(sort_inside([i, -i, 3], depth - 1)) * (-1) ** depth)


for _ in range(100):
    result = sort_inside([5, 3, 9, 1], 3)
print(result)


class Key:
    def __init__(self, v, table):
        self.v, self.table = v, table

    def __hash__(self):
        return 1

    def __eq__(self, other):
        if len(self.table) < 50:
            self.table[len(self.table) + 1000] = 1  # changes the table that is being searched
        return self.v == other.v


def keys(n):
    table = {}
    for i in range(n):
        table[Key(i % 7, table)] = i
    return sorted((k.v if isinstance(k, Key) else k) for k in table)[:12]


print(keys(300))


def evaluate(n):
    total = 0
    for i in range(n):
        total += eval("i * 2 + n", {"i": i, "n": n})
        exec("total += 1", {"total": total})
    return total


print(evaluate(500))


def import_inside(n):
    for _ in range(n):
        import collections.abc as abc
        from os import path
    return abc.__name__, path.__name__


print(import_inside(2000))


@functools.lru_cache(maxsize=None)
def cached(n):
    return 1 if n < 2 else cached(n - 1) + cached(n - 2)


print(cached(90))


class Proxy:
    def __init__(self, target):
        self.__dict__["target"] = target

    def __getattr__(self, name):
        return getattr(self.target, name)

    def __setattr__(self, name, value):
        setattr(self.target, name, value)


def through(n):
    class Leaf:
        value = 0

    leaf = Leaf()
    proxy = Proxy(Proxy(Proxy(leaf)))
    for _ in range(n):
        proxy.value += 1
    return leaf.value, proxy.value


print(through(2000))


def mutual_a(n, log):
    if n > 0:
        return mutual_b(n - 1, log) + 1
    return 0


def mutual_b(n, log):
    if n > 0:
        try:
            return mutual_a(n - 1, log) + 1
        finally:
            log.append(n)
    return 0


for _ in range(30):
    log = []
    result = mutual_a(60, log)
print(result, log[:5], len(log))
