"""Values that live in registers must be in the frame whenever somebody may look."""
import gc
import sys


def snapshot():
    f = sys._getframe(1).f_locals
    return {k: f[k] for k in sorted(f) if isinstance(f[k], (int, float))}


def floats(n):
    x, y, z = 1.0, 2.0, 0
    seen = []
    for i in range(n):
        x = x + y * 0.5
        y = y - x * 0.25
        z = z + i * i
        if i % 1000 == 999:
            seen.append(snapshot())
    return seen


print(floats(4000))


def raising(n, at):
    a, b, c = 0.0, 1, 1 << 70
    for i in range(n):
        a = a + 0.25
        b = b * 3 % 1000003
        c = c + b
        1 / (at - i)
        a = a * 0.99
    return a


def inspect_error(n, at):
    try:
        raising(n, at)
    except ZeroDivisionError as error:
        values = error.__traceback__.tb_next.tb_frame.f_locals
        return sorted((k, v) for k, v in values.items())


for at in (0, 5, 1000, 2999):
    print(inspect_error(3000, at))


class Spy:
    def __init__(self):
        self.seen = []

    def __add__(self, other):
        self.seen.append(snapshot_of(2))
        return other

    __radd__ = __add__

    def __eq__(self, other):
        self.seen.append(snapshot_of(2))
        return False


class Mortal:
    def __del__(self):
        finals.append(snapshot_of(2))


def snapshot_of(level):
    f = sys._getframe(level).f_locals
    return [(k, f[k]) for k in sorted(f) if isinstance(f[k], float)]


finals = []


def spied(spy, n):
    x, y = 0.5, 0.25
    for i in range(n):
        x = x * 1.5
        if i % 100 == 50:
            spy + 1
        y = x - y
        if i % 100 == 70:
            spy == y
        if x > 1e10:
            x = 0.5
        temp = Mortal() if i % 500 == 0 else None
        y = y * 0.5
        temp = None  # noqa: F841
        x = x + 0.125
    return x, y


spy = Spy()
print(spied(spy, 2000))
print(spy.seen[:3], spy.seen[-1], len(spy.seen))
print(finals)


def modified_by_trace(n):
    """f_locals of a running frame is a snapshot: writing to it changes nothing without a tracer."""
    x = 1.0
    for i in range(n):
        sys._getframe().f_locals["x"] = -1.0
        x = x + 1.0
    return x


print(modified_by_trace(500))


def counts_in_gc(n):
    seen = []

    def callback(phase, info):
        frame = sys._getframe(1)
        if frame.f_code.co_name == "allocate":
            seen.append(frame.f_locals["i"] * 0.5 == frame.f_locals["half"])

    gc.callbacks.append(callback)
    gc.set_threshold(50)

    def allocate(n):
        half, items = 0.0, []
        for i in range(n):
            half = i * 0.5
            items.append([half])
            half = half + 0.0
            if i % 100 == 99:
                items = []
        return half

    value = allocate(n)
    gc.set_threshold(700)
    gc.callbacks.remove(callback)
    return value, all(seen), len(seen) > 5


print(counts_in_gc(3000))
