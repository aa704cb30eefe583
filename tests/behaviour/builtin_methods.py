"""Methods of builtin types that parse a tuple of arguments, called with one; and `in` of lists and tuples."""

import traceback


def starts(s, x):
    return s.startswith(x)


def ends(s, x):
    return "yes" if s.endswith(x) else "no"


def places(s, x):
    return s.find(x), s.rfind(x), s.count(x)


def merge(s, x):
    return s.update(x)


def inside(c, x):
    return x in c, x not in c


class Text(str):
    def startswith(self, *args):
        return "mine", args


class Plain(str):
    pass


class Set(set):
    def update(self, *args):
        return "mine"


class Number(int):
    def __eq__(self, other):
        return "truthy"

    __hash__ = int.__hash__


class Shrinks:
    def __init__(self, c):
        self.c = c

    def __eq__(self, other):
        del self.c[1:]
        return False

    __hash__ = None


class Raises:
    def __eq__(self, other):
        raise LookupError("compared")

    __hash__ = None


def said(f, *args):
    try:
        return repr(f(*args))
    except Exception as e:
        return f"{type(e).__name__}: {e}"


for n in range(400):
    starts("abc", "a"), starts("abc", ("x", "a")), ends("abc", "bc"), places("abcabc", "bc"), merge(set(), [n])
    inside([1, 2, 3], n % 5), inside(("a", "b"), "b" if n % 2 else "c")
texts = ["", "a", "abc", "aé", "é☃", "x☃😀", "abcabc", Text("abc"), Plain("abc"), b"abc", 5, None, ["abc"]]
for s in texts:
    for x in [*texts, ("a", "b"), ("z", ""), (), ("z", Text("a")), ("z", 5), ("a", 5), ["a"]]:
        print(said(starts, s, x), said(ends, s, x), said(places, s, x))
for s in (set(), {1, 2}, Set([1]), frozenset(), [1], {}):
    for x in ([1, 5], "ab", {7: 8}, {9}, 5, None, s, [[]], (i for i in (3, 4)), map(int, ["x"])):
        print(said(merge, s, x), sorted(map(repr, s)))
big = 1 << 70
items = [1, 1.0, True, 2, big, -1, 0, "a", "é", Plain("a"), b"a", None, Number(7), 0.0, float("nan"), (1,), 1j]
for c in (
    items,
    tuple(items),
    [],
    ["a"],
    ("a", "é"),
    [1],
    (big,),
    set(items),
    {1: 2, "a": 3},
    range(3),
    "a1",
    Plain("a"),
):
    for x in [*items, 3, "b", big + 1, False, "", 8, Number(9)]:
        print(said(inside, c, x))
c = []
c += [Shrinks(c), "x", "y"]
print(
    inside(c, "y"),
    len(c),
    said(inside, ["x", Raises()], "y"),
    said(inside, ("y", Raises()), "y"),
    said(inside, [Raises()], 5),
)
for f, args in (
    (starts, ("a", 5)),
    (ends, ("a", ("b", 5))),
    (places, ("a", None)),
    (merge, ({1}, 5)),
    (inside, ([Raises()], "a")),
):
    try:
        f(*args)
    except Exception:
        traceback.print_exc()


def deep(n):
    return deep(n - 1) if n else ("x".startswith("x"), "a" in ["a"])


def deepest(n=0):
    try:
        return deepest(n + 1)
    except RecursionError:
        return starts("a", "a")


print(deep(100), deepest())
str_starts = str.startswith
for n in range(300):
    assert str_starts("abc", "a") and not str_starts("abc", "b")
