"""Exceptions raised at the same places again and again: caught in the function, passed on to callers, raised again,
while what their way drops runs code that traces, collects, or changes what the function does next."""

import gc
import sys
import traceback

ROUNDS = 2500
log = []


class Operand:
    """Lies on the value stack when the exception comes."""

    def __init__(self, act=None):
        self.act = act

    def __del__(self):
        if self.act is not None:
            self.act()

    def __add__(self, other):
        raise ValueError(other)


def lines(error):
    return [(f.name, f.lineno - (f.name == "<module>")) for f in traceback.extract_tb(error.__traceback__)]


def catches(x, act):
    try:
        return [x, Operand(act), Operand() + x]
    except ValueError as error:
        handled = sys.exc_info()[1] is error
        return lines(error), error.args, error.__context__, handled


def passes(x, act):
    return [x, Operand(act), Operand() + x]


def caller(x, act):
    try:
        passes(x, act)
    except (KeyError, ValueError) as error:
        return lines(error), error.args, type(error.__context__)


def again(x, act):
    try:
        try:
            passes(x, act)
        except KeyError:
            return "not this"
        finally:
            log.append(x)
    except ValueError as error:
        return lines(error)


def bare(x, act):
    try:
        try:
            passes(x, act)
        except ValueError:
            raise
    except ValueError as error:
        return lines(error)


def other(x, act):
    try:
        try:
            passes(x, act)
        except ValueError as error:
            raise KeyError(x) from error
    except KeyError as error:
        return lines(error), lines(error.__cause__), error.__context__ is error.__cause__


class Manager:
    def __enter__(self):
        return self

    def __exit__(self, kind, error, tb):
        log.append((kind.__name__, tb.tb_lineno))
        return error.args[0] % 2 == 0


def managed(x, act):
    try:
        with Manager():
            passes(x, act)
    except ValueError as error:
        return lines(error)
    return "swallowed"


def generator(x, act):
    try:
        yield x
        passes(x, act)
    except ValueError as error:
        yield lines(error)


def resumed(x, act):
    return list(generator(x, act))


FAR = "def far(x, act, passes, lines):\n" + "    x = x\n" * 400
FAR += """    try:
        try:
            passes(x, act)
        finally:
            x = -x
    except ValueError as error:
        return x, lines(error)
"""
space = {}
exec(FAR, space)


def far(x, act):
    "Instructions with numbers that CPython has no cached int for."
    return space["far"](x, act, passes, lines)


FUNCTIONS = [catches, caller, again, bare, other, managed, resumed, far]


def say(what):
    def act():
        log.append((what, sys.exc_info()[0]))

    return act


def raise_inside():
    try:
        catches(0, None)
        raise KeyError
    except KeyError:
        log.append("inside")


def trace_on():
    def tracer(frame, event, arg):
        if frame.f_code.co_filename == __file__:
            log.append((frame.f_code.co_name, event, frame.f_lineno))
        return tracer

    sys.settrace(tracer)


def change_handler():
    "The class that the handler looks for is another one from now on."
    globals()["ValueError"] = LookupError


def change_back():
    del globals()["ValueError"]


def nothing():
    pass


def main():
    for f in FUNCTIONS:
        first = f(1, None)
        for i in range(ROUNDS):
            result = f(i, None)
            assert result
        print(f.__name__, first, result)
        for act in (say("gone"), raise_inside, gc.collect, nothing):
            print(" ", f(7, act), log[-3:])
            log.clear()
        trace_on_result = f(3, trace_on)
        sys.settrace(None)
        print(" ", trace_on_result, log)
        log.clear()
        print(" ", f(4, None))
        log.clear()
        try:
            print(" ", f(5, change_handler))
        except Exception as error:
            print(" ", type(error).__name__, lines(error)[1:])
        change_back()
        print(" ", f(6, None), log[-2:])
        log.clear()


main()
