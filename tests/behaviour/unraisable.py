"""Exceptions in __del__, in weakref callbacks and in other places that cannot raise."""
import gc
import sys
import weakref


class Failing:
    def __init__(self, n):
        self.n = n

    def __del__(self):
        raise ValueError(f"del {self.n}")


def make(n):
    for i in range(n):
        Failing(i)
    return "made"


reports = []


def hook(info):
    reports.append((type(info.exc_value).__name__, str(info.exc_value), info.exc_traceback.tb_lineno))


sys.unraisablehook = hook
print(make(2000), len(reports), reports[0], reports[-1])
reports.clear()


def while_handling(n):
    """A failing __del__ inside a handler leaves the handled exception alone."""
    for i in range(n):
        try:
            raise KeyError(i)
        except KeyError as error:
            Failing(i)
            kept = error.args, sys.exc_info()[0].__name__
    return kept


print(while_handling(1000), len(reports))
reports.clear()


def callback(ref):
    raise TypeError("callback")


class Target:
    pass


def weak(n):
    for i in range(n):
        target = Target()
        ref = weakref.ref(target, callback)
        del target
    return ref() is None


print(weak(1000), len(reports), reports[-1])
reports.clear()


def during_raise(n):
    caught = 0
    for i in range(n):
        try:
            local = Failing(i)  # noqa: F841
            raise LookupError(i)
        except LookupError:
            local = None
            caught += 1
    return caught


print(during_raise(1000), len(reports))
sys.unraisablehook = sys.__unraisablehook__
make(2)


class Cycle:
    def __init__(self):
        self.me = self

    def __del__(self):
        raise RuntimeError("in a cycle")


def cycles(n):
    for _ in range(n):
        Cycle()
    gc.collect()


cycles(1)
