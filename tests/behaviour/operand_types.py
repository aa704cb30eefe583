"""Operations that compiled code notes the operands of and is compiled again for: what comes by afterwards."""

import sys


def said(f, *args):
    try:
        return repr(f(*args))
    except Exception as e:
        return f"{type(e).__name__}: {e}"


def divide(a, b):
    return a // b, a % b


def shift(a, b):
    return (a << b) >> 3


def bits(a, b):
    return (a & b) | (a ^ b)


def compare(a, b):
    return [a < b, a == b, a != b, a >= b]


def item(c, k):
    return c[k[0]]


def put(c, k, v):
    c[k[0]] = v
    return c


def total(pairs):
    n = 0
    for a, b in pairs:
        n += a * b % 7
    return n


def each(c):
    return [(x, 0) for x in c[0]]


class Loud:
    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"Loud({self.name})"

    def __floordiv__(self, other):
        return f"{self.name}//{other}"

    def __rfloordiv__(self, other):
        return f"{other}//{self.name} r"

    def __mod__(self, other):
        return f"{self.name}%{other}"

    def __rmod__(self, other):
        return f"{other}%{self.name} r"

    def __lshift__(self, other):
        return 1 << 70

    def __and__(self, other):
        return 3

    def __xor__(self, other):
        return 4

    def __lt__(self, other):
        return "less"

    def __eq__(self, other):
        return "equal"

    def __ge__(self, other):
        raise KeyError("ge")

    def __getitem__(self, k):
        if k == 3:
            raise IndexError(k)
        return f"item {k}"

    def __setitem__(self, k, v):
        self.name = f"{k}={v}"


class Int(int):
    def __floordiv__(self, other):
        return "mine"

    def __xor__(self, other):
        return 99


class List(list):
    def __getitem__(self, k):
        return f"list item {k}"

    def __iter__(self):
        yield "own"


BINARY = [
    (7, 3), (-7, 3), (7, -3), (7, 0), (2**31, 7), (2**61, 3), (-(2**62), -1), (2**63, 5), (2**200, 2**90),
    (1, 62), (1, 63), (1, 64), (3, -1), (True, 2), (2, True), (7.5, 2), (7, 2.5), (7.5, 2.5), (1e300, -0.0),
    ("%s", 3), ("a", "b"), (None, 1), ({1, 2}, {2, 3}), (1j, 2),
    (Int(9), 2), (9, Int(2)), (Loud("x"), 2), (2, Loud("y")), (Loud("x"), Loud("y")),
]  # fmt: skip

LISTS = [
    [5, 6, 7],
    (5, 6, 7),
    "abc",
    b"abc",
    {0: 1, 2: 3},
    range(9),
    List([1, 2]),
    bytearray(b"xyz"),
    Loud("c"),
    5,
    None,
]
KEYS = [0, 2, -1, 9, True, 1.0, "a", None, 2**70, slice(1)]


def warm():
    """Each function for one kind of operands until that is what it is compiled for."""
    for i in range(400):
        divide(i, 7)
        shift(i, 3)
        bits(i, 255)
        compare(i, 200)
        item([1, 2, 3], (i % 3,))
        put([1, 2, 3], (i % 3,), i)
        total([(i, 3), (4, 5)])
        each(([1, 2],))


# In one program in this order, and each kind often enough to be compiled for in its turn.
warm()
for f in (divide, shift, bits, compare):
    for a, b in BINARY:
        answers = {said(f, a, b) for _ in range(60)}
        print(f.__name__, repr(a), repr(b), sorted(answers))
warm()
for c in LISTS:
    for k in KEYS:
        print("item", c, k, sorted({said(item, c, (k,)) for _ in range(40)}))
for c in LISTS:
    for k in KEYS[:4]:
        for _ in range(30):
            copy = type(c)(c) if isinstance(c, (list, dict, bytearray)) else c
            answer = said(put, copy, (k,), 8)
        print("put", type(c).__name__, k, answer)
for pairs in ([(1, 2)], [[3, 4]], ["ab"], [(1, 2, 3)], [(1.5, 2)], [(2**40, 2**40)], {1: 2}, [{5: 1, 6: 2}], 5):
    print("total", pairs, sorted({said(total, pairs) for _ in range(60)}))
for c in LISTS:
    print("each", c if not isinstance(c, Loud) else "loud", sorted({said(each, (c,)) for _ in range(60)})[:1])


# A loop that is compiled again while it runs, in one frame, with everything that it holds.
def long_loop(n):
    kept = []
    state = 12345
    for i in range(n):
        state = (state * 1103515245 + 12345) % 2147483648
        if state & 0xFFFF == 7:
            kept.append(i)
        if i == n - 1:
            assert sys._getframe().f_locals["state"] == state
    return kept[:3], state


print(long_loop(300000))


# The types change under a loop that has been compiled for others.
def changing(values):
    out = []
    for v in values:
        for _ in range(5000):
            last = v % 1000
        out.append(last)
    return out


print(changing([123456, 1234.5, 7, 2**65 + 1, True, Int(1234), 12.25, 3]))

# An operation whose operands die with it, and one that mutates what is iterated over.
for _ in range(300):
    assert (lambda a: (a * 1000) // 7)(_) == _ * 1000 // 7


def grow(c):
    n = 0
    for x in c[0]:
        if len(c[0]) < 20:
            c[0].append(x + 1)
        n += x // 2
    return n


print([grow(([1],)) for _ in range(200)][-1])
