"""Unpacking: right and wrong lengths, other iterables, stars, swaps and rotations in hot loops."""


def pair(t):
    a, b = t
    return a, b


def triple(t):
    a, b, c = t
    return c, b, a


def star(t):
    a, *b, c = t
    return a, b, c


def nested(t):
    (a, b), [c, *d] = t
    return a, b, c, d


for i in range(2000):
    pair((i, 1)), triple((1, 2, i)), star((1, 2, 3, 4)), nested(((1, 2), [3, 4]))
    pair([i, 1]), triple("abc"), star(range(3))


class Items:
    def __init__(self, n):
        self.n = n

    def __getitem__(self, i):
        if i >= self.n:
            raise IndexError(i)
        return i * 10


class Failing:
    def __iter__(self):
        yield 1
        raise KeyError("while unpacking")


cases = [
    (pair, (1,)), (pair, (1, 2, 3)), (pair, [1]), (pair, [1, 2, 3]), (pair, "a"), (pair, "abc"), (pair, 5), (pair, None),
    (pair, {1: 2}), (pair, {1: 2, 3: 4}), (pair, iter([1])), (pair, iter([1, 2, 3])), (pair, Items(2)), (pair, Items(5)),
    (pair, Failing()), (pair, {1, 2}), (pair, range(2)), (pair, b"ab"), (triple, (1, 2)), (triple, [1, 2, 3, 4]), (triple, Items(3)),
    (star, (1,)), (star, ()), (star, (1, 2)), (star, iter("abcdef")), (star, 7), (nested, (1, 2)), (nested, ((1, 2), ())),
    (nested, ("ab", "c")), (nested, ((1, 2, 3), [1])), (nested, 1), (pair, map(str, (1, 2))), (pair, (x for x in "xy")),
]
for f, value in cases:
    try:
        print(f.__name__, f(value))
    except Exception as error:
        print(f.__name__, type(error).__name__, error)


def swaps(n):
    a, b, c, d = 1, 2.5, "c", [4]
    for i in range(n):
        a, b = b, a
        b, c, d = d, b, c
        if i % 3 == 0:
            a, b, c, d = d, c, b, a
    return a, b, c, d


print(swaps(3001))


def order_of_targets(n):
    x = [0, 1, 2]
    for k in range(n):
        i = 0
        i, x[i] = 1, 2
        x[0], x = 5, [0, 1, 2]
    return i, x


print(order_of_targets(1000))


def chained(n):
    for i in range(n):
        a = b = c = [i]
        d, e = f = (i, i + 1)
    return a is b is c, d, e, f


print(chained(1500))


def loops(n):
    total = 0
    for i, (a, b) in enumerate(zip(range(n), range(n, 0, -1))):
        total += i * a - b
    for k, v in {i: i * 2 for i in range(n)}.items():
        total += v - k
    for a, *rest in [(1, 2, 3)] * n:
        total += a + len(rest)
    return total


print(loops(2000))


def displays(n):
    for i in range(n):
        t = (*range(3), i, *"ab")
        u = [*t, *{1: 2}]
        v = {**{"a": i}, "b": 1, **{"a": 5}}
        w = {*t, 1}
    return t, u, v, len(w)


print(displays(1500))
for bad in (lambda: [*5], lambda: (*None,), lambda: {**5}, lambda: {**[1]}, lambda: {*1}):
    try:
        bad()
    except TypeError as error:
        print(error)


def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


print(fibonacci(150), fibonacci(3000) % 10 ** 9)
