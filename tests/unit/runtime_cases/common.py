"""Comparing what a helper does with what a piece of Python does."""

import gc
import struct
import sys

import _rt

NULL = _rt.NULL


def describe(e):
    extra = {}
    for attr in ("name", "obj", "path", "name_from"):
        if hasattr(e, attr):
            extra[attr] = getattr(e, attr)
    return (
        type(e),
        e.args if not isinstance(e, UnicodeError) else str(e),
        extra,
        type(e.__context__),
        type(e.__cause__),
    )


def outcome(f, *args, **kwargs):
    try:
        value = f(*args, **kwargs)
    except BaseException as e:
        return ("raised", *describe(e))
    return ("value", type(value), value)


def equal(a, b):
    if a[0] != b[0] or a[1] is not b[1]:
        return False
    if a[0] == "raised":
        return a == b
    x, y = a[2], b[2]
    if isinstance(x, float):
        return struct.pack("d", x) == struct.pack("d", y) or (x != x and y != y)
    if isinstance(x, complex):
        return repr(x) == repr(y)
    if type(x).__eq__ is object.__eq__ and x is not y:  # made anew by each call
        return x.__class__ is y.__class__
    return x is y or x == y


def check_same(expected, got, what=None):
    e, g = outcome(expected), outcome(got)
    if not equal(e, g):
        raise AssertionError(f"{what}\nexpected {e}\ngot      {g}")


def check_no_leak(f, rounds=300, slack=20):
    """The number of allocated blocks does not grow."""
    for _ in range(rounds):
        f()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(rounds):
        f()
    gc.collect()
    grown = sys.getallocatedblocks() - before
    assert grown < slack, f"{grown} blocks leaked in {rounds} rounds"


def code_function(source, name="f", **namespace):
    exec(source, namespace)
    return namespace[name]
