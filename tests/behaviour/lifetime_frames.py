"""The order in which a frame's locals die on return, on an exception, and when a traceback keeps them."""
import sys
import weakref

log = []


class D:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        log.append(self.name)


def returning(n):
    a = D("a")
    b = D("b")
    c = D("c")
    return len(c.name) + n


def returning_first():
    a = D("a")
    b = D("b")  # noqa: F841
    return a


def raising():
    a = D("ra")  # noqa: F841
    b = D("rb")  # noqa: F841
    raise ValueError("x")


def held():
    try:
        raising()
    except ValueError as error:
        log.append("handler")
        kept = error
    log.append("still held")
    locals_seen = sorted(k for k in kept.__traceback__.tb_next.tb_frame.f_locals)
    kept.__traceback__ = None
    log.append("released")
    return locals_seen


def cleared():
    try:
        raising()
    except ValueError as error:
        error.__traceback__.tb_next.tb_frame.clear()
        log.append("cleared")


def nested():
    x = D("outer")

    def inner():
        y = D("inner")
        return x.name + y.name

    value = inner()
    log.append("called")
    return value


def generator():
    x = D("gx")  # noqa: F841
    try:
        yield 1
        y = D("gy")  # noqa: F841
        yield 2
    finally:
        log.append("gen finally")


def generators():
    g = generator()
    next(g)
    del g
    log.append("dropped early")
    g = generator()
    list(g)
    log.append("exhausted")
    g = generator()
    next(g), next(g)
    g.close()
    log.append("closed")


def frame_kept():
    a = D("fa")  # noqa: F841
    return sys._getframe()


def frames():
    f = frame_kept()
    log.append("frame kept")
    names = sorted(f.f_locals)
    f.clear()
    log.append("frame cleared")
    f = None  # its f_back is this frame: a cycle would die whenever the collector runs
    return names


def weak():
    a = D("weak")
    ref = weakref.ref(a, lambda r: log.append("callback"))
    alive = ref() is a
    del a
    return alive, ref() is None


def loop_locals(n):
    for i in range(n):
        item = D(i)
        if i % 2:
            continue
        other = item  # noqa: F841
    log.append("loop over")


for case in (lambda: returning(1), returning_first, held, cleared, nested, generators, frames, weak, lambda: loop_locals(5)):
    first = None
    for _ in range(500):
        log.clear()
        value = case()
        value = None if isinstance(value, D) else value
        state = value, list(log)
        if first is None:
            first = state
            print(state)
        elif first != state:
            print("changed", state)
            break


class Global:
    def __del__(self):
        print("global died")


kept_to_the_end = Global()
