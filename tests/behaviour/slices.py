"""container[start:stop], its assignment and deletion, of all kinds of containers and bounds; errors and their places."""

import traceback
from array import array


def get(c, i, j):
    return c[i:j]


def steps(c, i, j, k):
    return c[i:j:k]


def put(c, i, j, v):
    c[i:j] = v


def drop(c, i, j):
    del c[i:j]


def add(c, i, j, v):
    c[i:j] += v


def lines(c, i, j):
    return c[
        i
        :
        j
    ]  # fmt: skip


def chosen(c, i, j, k):
    return c[i : (j if k else i)]


class Index:
    def __init__(self, v):
        self.v = v

    def __index__(self):
        return self.v


class Bad:
    def __index__(self):
        raise KeyError("index")


class Growing:
    """Changes the list while its bounds are asked for."""

    def __init__(self, c):
        self.c = c

    def __index__(self):
        self.c.append(0)
        return len(self.c)


class List(list):
    pass


class Text(str):
    pass


class Own:
    def __getitem__(self, key):
        return "get", key

    def __setitem__(self, key, v):
        print("set", key, v)

    def __delitem__(self, key):
        print("del", key)


def said(f, *args):
    try:
        return repr(f(*args))
    except Exception as e:
        return f"{type(e).__name__}: {e}"


CONTAINERS = [
    lambda: [1, 2, 3, 4, 5],
    lambda: (1, 2, 3, 4, 5),
    lambda: "abcde",
    lambda: "aé☃😀z",
    lambda: b"hello",
    lambda: [],
    lambda: "",
    lambda: List([1, 2, 3]),
    lambda: Text("subclass"),
    lambda: bytearray(b"bytes"),
    lambda: array("i", [1, 2, 3]),
    lambda: range(9),
    lambda: {},
    lambda: 5,
    Own,
]
BOUNDS = [None, 0, 1, -1, 3, 5, 7, -3, -9, 1 << 40, -(1 << 40), 1 << 70, True, Index(2), Bad(), 1.5, "x"]

for n in range(300):
    for make in CONTAINERS[:5]:
        get(make(), n % 4, 4), get(make(), None, n % 6 - 3), lines(make(), 1, 2), chosen(make(), 0, 2, n % 2)
        steps(make(), None, None, -1), steps(make(), n % 7 - 3, None, 2)
    put([1, 2, 3], 0, n % 3, "ab"), drop([1, 2, 3], n % 3, None), add([1, 2, 3], 0, n % 3, [n])

for make in CONTAINERS:
    for i in BOUNDS:
        for j in BOUNDS:
            c = make()
            shown = [said(get, c, i, j), said(lines, c, i, j), said(chosen, c, i, j, 1)]
            for v in ([], [9, 8], "xyz", b"q", 7, c):
                c = make()
                shown += [said(put, c, i, j, v), str(c)[:40]]
            c = make()
            shown += [said(drop, c, i, j), str(c)[:40], said(add, c, i, j, [1])]
            if not isinstance(c, Own):
                print(shown)
            print(
                [
                    said(steps, make(), i, j, k)
                    for k in (None, 1, 2, -1, -3, 0, 1 << 40, -(1 << 70), True, Index(-2), "x")
                ]
            )

whole = [(1, 2, 3), "abc", b"abc", [1]]
print([get(c, None, None) is c for c in whole], [get(c, 0, 9) is c for c in whole], get("abc", 2, 1) is "".strip())
own = Own()
print(get(own, 1, None), get(own, "a", 2.5))
put(own, 1, 2, 3)
drop(own, None, 7)
c = [1, 2, 3]
print(get(c, 0, Growing(c)), c, get(c, Growing(c), None), c)
put(c, Growing(c), Growing(c), [7])
print(c)
for f, args in (
    (lines, (5, 1, 2)),
    (get, ([1], "a", 2)),
    (put, ([1], 0, 1, 5)),
    (drop, ((1,), 0, 1)),
    (get, ([1], Bad(), 1)),
):
    try:
        f(*args)
    except Exception:
        traceback.print_exc()


class Shortens:
    """A finaliser that the collector runs while a slice is made: its list is shorter then."""

    def __init__(self, c):
        self.c, self.me = c, self

    def __del__(self):
        del self.c[:]


import gc  # noqa: E402

gc.set_threshold(1)
lengths = set()
for n in range(300):
    c = list(range(9))
    if n % 3 == 0:
        Shortens(c)
    lengths.add(len(steps(c, None, None, -1)) % 9 + len(get(c, 1, 8)) % 7)
gc.set_threshold(700)
print(lengths <= set(range(20)))


class Watched:
    def __del__(self):
        print("gone")


def replaced(c):
    c[0:2] = []
    print("behind", len(c))
    del c[:]
    print("and behind", c)


for n in range(200):
    replaced([1, 2, 3]) if n > 190 else put([1], 0, 1, [])
replaced([Watched(), Watched(), Watched()])
