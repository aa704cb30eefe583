"""Line numbers of tracebacks through code that raises again and again, in every shape of the location table."""

import ast
import sys
import traceback
import types


def short(d):
    try:
        return d["missing"]
    except KeyError as error:
        return error.__traceback__.tb_lineno


def over_lines(
    d,
):
    values = [
        len(d),
        d["missing"],
        len(d),
    ]
    return values


def long_columns(d):
    something_with_a_long_name = {
        "a": 1,
        "b": 2,
        "c": 3,
        "d": 4,
        "e": 5,
        "f": 6,
        "g": 7,
        "h": 8,
        "i": 9,
        "j": 10,
        "k": d["missing"],
    }
    return something_with_a_long_name


def loop_and_with(d):
    class Manager:
        def __enter__(self):
            return self

        def __exit__(self, *exc):
            return False

    for k in range(3):
        with Manager():
            if k == 2:
                raise ValueError(k)


def generator(d):
    yield 1
    yield d["missing"]


def through_generator(d):
    for value in generator(d):
        last = value
    return last


def finally_and_again(d):
    try:
        try:
            d["missing"]
        finally:
            len(d)
    except KeyError as error:
        raise RuntimeError from error


def lines(function):
    """The lines of every entry of the traceback, causes included."""
    try:
        function({})
    except Exception as error:
        out = []
        while error is not None:
            out.append([entry.lineno for entry in traceback.extract_tb(error.__traceback__)])
            error = error.__cause__
        return out


FUNCTIONS = [over_lines, long_columns, loop_and_with, through_generator, finally_and_again]

print({short({}) for _ in range(100)})
for function in FUNCTIONS:
    first = lines(function)
    later = [lines(function) for _ in range(100)]
    print(function.__name__, first, all(one == first for one in later))


def moved(function, first_line):
    """The same code elsewhere."""
    return types.FunctionType(function.__code__.replace(co_firstlineno=first_line), globals())


# Numbers of 16 bits do not hold these, or just.
for first_line in (32_700, 32_760, 40_000, 2_000_000_000):
    for function in FUNCTIONS[:3]:
        there = moved(function, first_line)
        first = lines(there)
        print(first_line, function.__name__, first, all(lines(there) == first for _ in range(50)))


class Shuffle(ast.NodeTransformer):
    """Lines that go back and forth, and far."""

    def __init__(self):
        self.n = 0

    def generic_visit(self, node):
        super().generic_visit(node)
        if hasattr(node, "lineno"):
            self.n += 1
            node.lineno = node.end_lineno = 1 + (self.n * 7919) % 5003
        return node


SOURCE = """
def shuffled(d):
    a = 1
    b = a + 2
    for c in range(2):
        a += c
    if a:
        b = [a, b, d['missing']]
    return b
"""
namespace = {}
exec(compile(Shuffle().visit(ast.parse(SOURCE)), "<shuffled>", "exec"), namespace)
first = lines(namespace["shuffled"])
print(first, all(lines(namespace["shuffled"]) == first for _ in range(50)))

# A table that ends too early, and none at all: instructions without a line.
for table in (short.__code__.co_linetable[:5], b""):
    code = over_lines.__code__.replace(co_linetable=table)
    function = types.FunctionType(code, globals())
    for _ in range(50):
        try:
            function({})
        except KeyError as error:
            last = error.__traceback__.tb_next.tb_lineno
    print(last)


# Whoever asks for lines otherwise gets the same: co_lines, positions, f_lineno, tracing.
def asked(d, where):
    where.append(sys._getframe().f_lineno)
    try:
        d["missing"]
    except KeyError:
        where.append(sys._getframe().f_lineno)
    return where


for _ in range(50):
    asked({}, [])
print(asked({}, []), list(asked.__code__.co_lines())[:6], len(list(asked.__code__.co_positions())))
events = []


def tracer(frame, event, arg):
    events.append((event, frame.f_lineno))
    return tracer


sys.settrace(tracer)
asked({}, [])
sys.settrace(None)
print(events)


# A long chain of entries is freed without deep recursion in C.
def deep(n):
    if n:
        deep(n - 1)
    else:
        raise ValueError("bottom")


sys.setrecursionlimit(20_000)
for _ in range(3):
    try:
        deep(15_000)
    except ValueError as error:
        count, entry = 0, error.__traceback__
        while entry:
            count, entry = count + 1, entry.tb_next
        print(count)
        del entry


# Entries that a program makes itself.
made = [types.TracebackType(None, sys._getframe(), lasti, 7) for lasti in (0, 2, -1, 10_000_000) for _ in range(40)]
print(len(made), made[0].tb_lineno)
del made
