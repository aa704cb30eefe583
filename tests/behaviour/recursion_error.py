"""RecursionError: the same depth and message as CPython for each way of recursing.

Calls of C functions count as a level where the call site is not specialised and not where it is, on stock too: for
recursion through them only the bounds are shown.
"""
import sys


def plain():
    global depth
    depth += 1
    plain()


def with_args(a, b=1, *args, c=2, **kwargs):
    global depth
    depth += 1
    with_args(a, b, *args, c=c, **kwargs)


class C:
    def method(self):
        global depth
        depth += 1
        self.method()

    @property
    def prop(self):
        global depth
        depth += 1
        return self.prop

    def __getattr__(self, name):
        global depth
        depth += 1
        return getattr(self, name + "x")

    def __add__(self, other):
        global depth
        depth += 1
        return self + other

    def __repr__(self):
        global depth
        depth += 1
        return repr(self)

    def __call__(self):
        global depth
        depth += 1
        return self()

    def __eq__(self, other):
        global depth
        depth += 1
        return self == other

    def __iter__(self):
        global depth
        depth += 1
        return iter(list(self))


def sort_key(x):
    global depth
    depth += 1
    sorted([x], key=sort_key)


def generator():
    global depth
    depth += 1
    yield from generator()


def comprehension():
    global depth
    depth += 1
    return [comprehension() for _ in range(1)]


def closure():
    def inner():
        global depth
        depth += 1
        inner()

    inner()


class New:
    def __init__(self):
        global depth
        depth += 1
        New()


def text(s):
    global depth
    depth += 1
    return eval("text(s)")


def work(n):
    return n if n == 0 else work(n - 1)


for _ in range(100):
    work(50)
c = C()
ways = [
    plain, lambda: with_args(1), c.method, lambda: c.prop, lambda: c.anything, lambda: c + 1, lambda: repr(c), c,
    lambda: c == 1, lambda: list(c), lambda: sort_key(1), lambda: list(generator()), comprehension, closure, New,
    lambda: text(1),
]
through_c = [ways[4], ways[10], ways[15]]
for limit in (200, 700):
    sys.setrecursionlimit(limit)
    for number, way in enumerate(ways):
        depths = set()
        for _ in range(4):
            depth = 0
            try:
                way()
            except RecursionError as error:
                depths.add((depth, str(error)))
        if way in through_c:
            depths = all(limit // 3 - 5 < d <= limit and text.startswith("maximum recursion depth exceeded") for d, text in depths)
        print(limit, number, depths if depths in (True, False) else sorted(depths))
sys.setrecursionlimit(1000)
depth = 0


def recover(n):
    """Catches the error near the limit, again and again, and goes on."""
    try:
        return recover(n + 1)
    except RecursionError:
        return n


print([recover(0) for _ in range(5)])
try:
    sys.setrecursionlimit(0)
except ValueError as error:
    print(error)
try:
    plain()
except RecursionError as error:
    tb = error.__traceback__
    count = 0
    while tb:
        count, tb = count + 1, tb.tb_next
    print(count == depth + 1 or count - depth)
