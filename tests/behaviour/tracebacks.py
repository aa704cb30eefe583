"""Traceback text of errors in hot functions: line numbers, carets, chains, recursion folding."""
import sys
import traceback


class Thing:
    attr = None

    def method(self, x):
        return self.attr.missing + x

    def __getitem__(self, key):
        raise LookupError(key)

    @property
    def prop(self):
        return (1 +
                len(self.nothing))


def divide(a, b):
    return (a +
            a // b
            + 1)


def subscript(seq, i):
    return seq[0] + seq[i]


def attribute(o):
    return o.first.second.third


def call(f, *args, **kwargs):
    value = f(1, *args,
              **kwargs)
    return value


def compare(a, b):
    return 0 < a < b


def unpack(t):
    x, (y, z) = t
    return x + y + z


def name():
    return undefined_name + 1  # noqa: F821


def augmented(a):
    total = 1; total += a  # noqa: E702
    return total


def deep(n, d=0):
    if n == 0:
        return divide(1, d)
    return deep(n - 1, d)


def wrapped(n):
    try:
        return divide(1, n)
    except ZeroDivisionError as error:
        raise ValueError("wrapped") from error


def during(n):
    try:
        return divide(1, n)
    except ZeroDivisionError:
        return subscript([1], 5)


def in_comprehension(items):
    return [divide(1, i) for i in items]


def in_generator(items):
    return sum(divide(1, i) for i in items)


def in_lambda(items):
    return sorted(items, key=lambda i: divide(i, i))


def in_class():
    class Body:
        x = divide(1, 0)

    return Body


def reraise():
    try:
        divide(1, 0)
    except ZeroDivisionError:
        try:
            raise
        finally:
            pass


def asserting(x):
    assert x > 0, f"x is {x}"


good = Thing()
good.attr = Thing()
Thing.missing = 1
good.nothing = []
for i in range(1500):
    divide(1, 1), subscript([1, 2], 1), call(lambda x, y=0: x), compare(1, 2), unpack((1, (2, 3))), augmented(1)
    deep(2, 1), wrapped(1), during(1), in_comprehension([1]), in_generator([1]), in_lambda([1]), asserting(1)
    good.method(1), good.prop
del Thing.missing
cases = [
    lambda: divide(1, 0), lambda: subscript([1], 7), lambda: subscript({0: 1}, "k"), lambda: attribute(good),
    lambda: call(None), lambda: call(divide, 1, 2), lambda: call(divide, c=3), lambda: compare(1, "a"),
    lambda: unpack((1, 2)), lambda: unpack((1, (2, 3, 4))), name, lambda: augmented("x"), lambda: deep(3),
    lambda: deep(12), lambda: wrapped(0), lambda: during(0), lambda: in_comprehension([1, 0]),
    lambda: in_generator([1, 0]), lambda: in_lambda([1, 0]), in_class, reraise, lambda: asserting(-1),
    lambda: good.method(1), lambda: Thing().prop, lambda: good["key"], lambda: int("x" * 3), lambda: [].pop(),
]
for number, case in enumerate(cases):
    print("case", number, flush=True)
    try:
        case()
    except Exception:
        traceback.print_exc(file=sys.stdout)
        # The interpreter's own printer has the suggestions.
        sys.stdout.flush()
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()


def lines(n):
    """Every raise in a hot loop reports its own line."""
    seen = set()
    for i in range(n):
        try:
            if i % 3 == 0:
                raise KeyError(i)
            elif i % 3 == 1:
                {}[i]
            else:
                [][i]
        except (KeyError, IndexError) as error:
            seen.add((type(error).__name__, error.__traceback__.tb_lineno))
    return sorted(seen)


print(lines(3000))
