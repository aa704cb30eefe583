"""min() and max() of a few operands: which one of equals, NaN, other types, what is raised and where."""

import math

nan = math.nan


def said(f, *args):
    try:
        v = f(*args)
        return [i for i, a in enumerate(args) if a is v][:1], repr(v)
    except Exception as e:
        return f"{type(e).__name__}: {e}"


def two(a, b):
    return min(a, b)


def two_max(a, b):
    return max(a, b)


def three(a, b, c):
    return min(a, b, c)


def three_max(a, b, c):
    return max(a, b, c)


def four(a, b, c, d):
    return max(a, b, c, d)


def five(a, b, c, d, e):
    return min(a, b, c, d, e)


class Odd:
    def __init__(self, n):
        self.n = n

    def __repr__(self):
        return f"Odd({self.n})"

    def __lt__(self, other):
        print("lt", self, other)
        return self.n

    def __gt__(self, other):
        print("gt", self, other)
        if self.n == 7:
            raise KeyError(self.n)
        return [1] if self.n else []


class Int(int):
    def __lt__(self, other):
        return False


big = [2**40 + 0 for _ in range(2)] + [2**62, 2**63, 2**70, -(2**63)]
VALUES = [
    1, 2, 1, True, False, 1000, 999 + 1, 1.0, 2.5, nan, -0.0, 0.0, math.inf, "a", "b", "", None, (1, 2), (1, 3),
    Int(1), *big,
]  # fmt: skip

for warm in (range(400), [i * 0.5 for i in range(400)], "abcd" * 100):
    for v in warm:
        two(v, v), two_max(v, v), three(v, v, v), three_max(v, v, v), four(v, v, v, v), five(v, v, v, v, v)
    for a in VALUES:
        for b in VALUES:
            print(
                repr(a), repr(b), said(two, a, b), said(two_max, a, b), said(three, a, b, a), said(three_max, b, a, b)
            )
            said(four, a, b, a, b), said(five, a, b, a, b, a)
for f, n in ((two, 2), (two_max, 2), (three, 3), (three_max, 3), (four, 4)):
    for start in (0, 5, 7):
        print(f.__name__, said(f, *[Odd(start + k) for k in range(n)]))
        print(f.__name__, said(f, *[5, Odd(start), 6, 7][:n]))


def loop(values):
    low, high = values[0], values[0]
    for v in values:
        low = min(low, v)
        high = max(v, high, 3)
    return low, high


print(
    loop(list(range(2000, -2000, -1))), loop([i / 3 for i in range(-3000, 3000)]), loop([2**61 + i for i in range(999)])
)
print(loop([5] * 500 + [2.5] * 500 + [2**80, True]), said(loop, [3, "a"]))


def shadowed(min, a, b):
    return min(a, b)


print([shadowed(lambda *args: args, i, 2) for i in range(200)][-1])
