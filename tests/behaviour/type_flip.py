"""Functions called with ever changing types: polymorphic, megamorphic, and back to one type."""
from collections import namedtuple
from decimal import Decimal
from fractions import Fraction


def poly(a, b):
    return a * b + a


def horner(x, coefficients):
    r = coefficients[0]
    for c in coefficients[1:]:
        r = r * x + c
    return r


numbers = [3, 2.5, True, 1 << 70, 2j, Decimal("1.5"), Fraction(1, 3)]


def flip(n):
    seen = {}
    for i in range(n):
        v = numbers[i // 100 % len(numbers)]
        seen[type(v).__name__] = poly(v, 2)
    return seen


print(flip(2800))
print([horner(x, [1, 2, 3]) for x in numbers for _ in range(200)][::200])


def phases(n):
    """Long stretches with one type each."""
    out = []
    for values in ((1, 2), (1.5, 2), (2, 1.5), (Fraction(1, 2), 3), (1 << 65, 1), (1, 2)):
        for _ in range(n):
            r = poly(*values)
        out.append(r)
    return out


print(phases(1500))
classes = []
for k in range(40):
    def method(self, k=k):
        return self.value + k

    classes.append(type(f"C{k}", (), {"value": k, "method": method, "prop": property(lambda self: self.value * 2), f"pad{k}": 1}))


def mega(objects, n):
    total = 0
    for i in range(n):
        for o in objects:
            total += o.method() + o.prop + o.value
            o.value = o.value + 1
    return total


print(mega([c() for c in classes[:1]], 500), mega([c() for c in classes[:4]], 200), mega([c() for c in classes], 50), mega([classes[0]()], 500))
Pair = namedtuple("Pair", "x y")


class Slotted:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y


class Plain:
    def __init__(self, x, y):
        self.y, self.x = y, x


class Dynamic:
    def __getattr__(self, name):
        return {"x": 10, "y": 20}[name]


def area(o):
    return o.x * o.y


def areas(n):
    objects = [Pair(1, 2), Slotted(3, 4), Plain(5, 6), Dynamic(), Plain(1.5, 2), Pair("ab", 2)]
    out = []
    for i in range(n):
        out = [area(o) for o in objects]
    return out


print(areas(1000))


def length(x):
    return len(x), x[0], bool(x), str(x)


for _ in range(300):
    result = [length(x) for x in ([1], (2,), "s", b"b", {0: "d"}, range(3), bytearray(b"q"), Pair(1, 2))]
print(result)


def accumulate(items):
    total = items[0]
    for item in items[1:]:
        total = total + item
    return total


for items in ([1] * 2000, [0.5] * 2000, ["a"] * 500, [[1]] * 300, [(1,)] * 300, [1, 0.5] * 500, [1.5, 1, True, 1 << 65] * 200, [b"x"] * 400):
    r = accumulate(items)
    print(type(r).__name__, r if isinstance(r, (int, float)) else len(r))
for bad in ([1, "a"], ["a", 1], [1.5, None], [[1], (1,)], [(1,), [1]], [None, 1], [{}, {}]):
    try:
        accumulate([bad[0]] + bad)
    except TypeError as error:
        print(error)
