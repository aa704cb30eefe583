"""What every generated program starts with: noting, showing, and classes that the generator knows of."""

import gc
import hashlib
import sys

trace = []
collecting = [False]
gc.callbacks.append(lambda phase, info: collecting.__setitem__(0, phase == "start"))
sys.unraisablehook = lambda info: collecting[0] or note("unraisable", type(info.exc_value).__name__)
_len = len  # programs rebind the builtin's name


def note(*values):
    if _len(trace) < 400:
        trace.append(values)
    return values[-1]


def snap(tag):
    """What the caller's frame shows: values held in registers have to be there."""
    seen = sys._getframe(1).f_locals
    row = [(k, show(seen[k])) for k in sorted(seen) if k != "trace" and type(seen[k]) in (int, float, str, bool, list)]
    return note(tag, row) and 1


class MyInt(int):
    def __add__(self, other):
        return int(self) + int(other) + 1000

    def __lt__(self, other):
        return not int(self) < other


class MyFloat(float):
    def __mul__(self, other):
        return float(self) * other - 0.5


class Guard:
    def __init__(self, swallow):
        self.swallow = swallow

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        note("exit", kind and kind.__name__)
        return self.swallow and kind is ValueError


class Dying:
    """Says when it dies: at once, when its last name goes. When the collector comes is nobody's promise."""

    def __init__(self, tag):
        self.tag = tag

    def __repr__(self):
        return "Dying"

    def __del__(self):
        if not collecting[0]:
            handled = sys.exc_info()[0]
            note("dead", self.tag, handled and handled.__name__)


class Pause:
    """Suspends the coroutine that awaits it."""

    def __init__(self, value):
        self.value = value

    def __await__(self):
        got = yield self.value
        return (got or 0) + 1


def drive(coroutine):
    """Runs a coroutine to its end, sending back what it is suspended with."""
    got = None
    for _ in range(30):
        try:
            got = coroutine.send(got)
        except StopIteration as stop:
            return stop.value
    coroutine.close()
    return -1


def poke(generator, value):
    """A generator resumed in each of the ways there are."""
    seen = [next(generator, None)]
    for step in (lambda: generator.send(value), lambda: generator.throw(ValueError(value)), lambda: next(generator)):
        try:
            seen.append(step())
        except (StopIteration, ValueError) as error:
            seen.append((type(error).__name__, error.args, error.__traceback__.tb_next is None))
    generator.close()
    return note("poked", *map(show, seen)) and 1


def show(value):
    if type(value) in (list, tuple):
        return type(value).__name__ + "(" + ",".join(map(show, value[:30])) + ")"
    if type(value) is dict:
        return "dict(" + ",".join(show(k) + ":" + show(v) for k, v in list(value.items())[:30]) + ")"
    return repr(value)[:200]


def line(error, tb):
    """The line of a traceback's entry. Where tier 0 has joined the read of a name with the instruction before it, it
    may say that one's line."""
    return 0 if type(error) is UnboundLocalError and not tb.tb_next else tb.tb_lineno


def attempt(function, *args):
    try:
        return show(function(*args))
    except RecursionError:
        return "RecursionError"
    except Exception as error:
        where, tb = [], error.__traceback__.tb_next
        while tb:
            where.append((tb.tb_frame.f_code.co_name, line(error, tb)))
            tb = tb.tb_next
        context = error.__context__
        return f"{type(error).__name__}: {error} {where} {type(context).__name__ if context else ''}"


def phase(name, function, *calls, times):
    digest, last = hashlib.sha256(), {}
    for k in range(times):
        args = calls[k % _len(calls)]
        last[k % _len(calls)] = text = attempt(function, *args())
        digest.update(text.encode())
    print(name, function.__name__, digest.hexdigest()[:12], [last[k] for k in sorted(last)])
