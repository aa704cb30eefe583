"""Values of many types to try operations on."""

import math


class Meters:
    def __init__(self, v):
        self.v = v

    def __eq__(self, other):
        return isinstance(other, Meters) and self.v == other.v

    def __add__(self, other):
        return Meters((self.v, "add", getattr(other, "v", other)))

    def __radd__(self, other):
        return Meters((self.v, "radd", other))

    def __iadd__(self, other):
        return Meters((self.v, "iadd", other))

    def __sub__(self, other):
        raise ValueError("no difference")

    def __matmul__(self, other):
        return NotImplemented

    def __pow__(self, other, mod="unset"):
        return Meters((self.v, other, mod))

    def __bool__(self):
        raise ArithmeticError("neither")


class MyInt(int):
    def __add__(self, other):
        return "MyInt.__add__"


class MyFloat(float):
    def __rmul__(self, other):
        return "MyFloat.__rmul__"


OPERANDS = [
    0, 1, -1, 2, -2, 3, 7, -7, 255, 256, 257, -5, -6, 2**15, 2**29, 2**30 - 1, 2**30, -(2**30) + 1, -(2**30), 2**31,
    2**60, -(2**61), 2**62, 2**63, 2**100, -(2**100), 33, 64, 100, True, False,
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.5, -3.5, 1e16, 1e300, -1e300, 5e-324, math.inf, -math.inf, math.nan, 7.25,
    "", "abc", "é", "\U0001f600", b"xy", (), (1, 2), [], [3], None, 1j, {1}, {2: 3}, Meters(5), MyInt(3), MyFloat(2.5),
]  # fmt: skip


class Missing(dict):
    def __missing__(self, key):
        return ("missing", key)


def failing(n, exc):
    yield from range(n)
    raise exc


class GetItemOnly:
    def __getitem__(self, i):
        if i >= 2:
            raise IndexError
        return i * 10


class NotIterable:
    pass


class BadIter:
    def __iter__(self):
        return 5


class Keys:
    def __init__(self, *keys):
        self._keys = keys

    def keys(self):
        return self._keys

    def __getitem__(self, key):
        if key == "bad":
            raise KeyError("bad")
        return key * 2
