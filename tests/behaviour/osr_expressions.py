"""Loops that tier 0 can only leave in the middle of an expression: what is on the value stack there is its operands."""

import sys


class Loud:
    def __init__(self, name):
        self.name = name

    def __format__(self, spec):
        return f"({self.name})"

    def __del__(self):
        print("gone", self.name)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        return False


def formats(n):
    for i in range(n):
        s = f"{i} and {i}"
    return s


def mixed(n, values):
    for i in range(n):
        v = values[i % len(values)]
        s = f"{v}|{v}|{i}"
    return s


def nulls(n):
    for i in range(n):
        print(f"{i}{i}", end="") if i % 50000 == 0 else None
    print()


def held(n):
    for i in range(n):
        with open if i < 0 else LOUD:
            x = f"{i}{i}"
    return x


def pairs(n):
    for i in range(n):
        t = f"{i}", f"{i + 1}"
    return t


def raises(n):
    for i in range(n):
        s = f"{i}{1 // (n - 1 - i)}{i}"
    return s


def frames(n):
    for i in range(n):
        s = f"{i}{sys._getframe().f_lineno - sys._getframe().f_code.co_firstlineno}"
    return s


def deletes(n):
    for i in range(n):
        s = f"{i}{i}"
        del i
    return s


def lists(rows):
    out = []
    for row in rows:
        out.append([f"{x}{x}" for x in row])
    return len(out), out[-1]


LOUD = Loud("a")
print(formats(400_000))
print(mixed(400_000, [1, "a", 2.5, None, 1 << 70]))
nulls(300_000)
print(held(200_000))
print(pairs(300_000))
try:
    raises(300_000)
except ZeroDivisionError as e:
    print(e, e.__traceback__.tb_next.tb_lineno)
print(frames(200_000), deletes(300_000), lists([range(3)] * 50_000))
LOUD = None
