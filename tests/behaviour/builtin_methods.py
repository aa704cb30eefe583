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


def least(a, b):
    return min(a, b), max(a, b)


def characters(s):
    seen = []
    for c in s:
        seen.append(c)
    return seen


def text(a, b=0):
    return str(a), f"{a}", f"{a!r}{b!s}", f"<{a}|{b}>", f"{a:>4}", f"{a!a}é{b}", f"{a}{''}{''}"


class Less:
    def __init__(self, v):
        self.v = v

    def __lt__(self, other):
        print("lt", self.v)
        return True

    def __gt__(self, other):
        raise OverflowError(self.v)


for n in range(400):
    least(n, 5), least(n * 0.5, 3), characters("ab"), text(n), text("a", -n)
numbers = [
    0,
    1,
    -1,
    1.0,
    True,
    big,
    -big,
    float("inf"),
    float("nan"),
    -0.0,
    0.0,
    1 << 31,
    "a",
    None,
    Less(1),
    2j,
    Number(3),
]
for a in numbers:
    for b in numbers:
        print(said(least, a, b))
one, same = 1, 1.0
print(min(one, same) is one, max(same, one) is same, said(min, 1), said(max), said(lambda: min(1, 2, key=lambda v: -v)))
for s in ("", "a", "abc", "aé", "é☃", "x😀y", Text("abc"), Plain("é"), "\x00\x7f\x80\xff\u0100"):
    print(characters(s), [c is d for c, d in zip(characters(s), list(s), strict=True)])
half = iter("abcdef")
print(next(half), characters(half), characters(half), next(half, "end"))
for v in (
    0,
    7,
    10,
    -1,
    -10,
    99999,
    -(1 << 30) + 1,
    (1 << 30) - 1,
    1 << 30,
    -(1 << 30),
    big,
    True,
    False,
    Number(5),
    1.5,
    "é",
    "",
    None,
    b"x",
):
    print(text(v), text("", v), text("☃", v))
x = 5
print(str(x) is str(x), f"{x}" is f"{x}", f"{'abc'}" is "abc")
