"""A float subclass reaches unboxed float arithmetic."""
import math


class F(float):
    def __mul__(self, other):
        return "mul"

    def __rmul__(self, other):
        return "rmul"

    def __sub__(self, other):
        return F(float(self) - float(other))

    def __gt__(self, other):
        return "greater"

    def __neg__(self):
        return "neg"

    def __repr__(self):
        return f"F({float(self)!r})"


class Plain(float):
    pass


def poly(x, y):
    return x * y - y * 0.5


def loop(x, n):
    for i in range(n):
        x = x - 0.25
    return x


def switch(values):
    acc = 0.0
    log = []
    for v in values:
        try:
            acc = acc * 0.5 + v * 2.0
        except TypeError as error:
            log.append((round(acc, 6), str(error)))
    return acc, log


for _ in range(3000):
    poly(1.5, 2.5)
print(poly(1.5, Plain(2.0)), type(poly(Plain(1.0), Plain(2.0))).__name__)
for a, b in ((F(1), 2.0), (2.0, F(1)), (F(1), F(2))):
    try:
        print(poly(a, b))
    except TypeError as error:
        print(error)
print(loop(1000.0, 3000), loop(F(1000), 3000), loop(Plain(10), 10), type(loop(Plain(10), 0)).__name__)
print(switch([1.0] * 3000 + [F(2)] + [3.0, Plain(1.0), 4]))


def compare(a, b):
    return (a > b, a < b, -a, abs(a), math.sqrt(abs(a)), float(a) is a, +a)


for _ in range(2000):
    compare(2.0, 1.0)
x = F(4)
print(compare(x, 1.0), compare(1.0, x), compare(Plain(4), 1)[:3])
