"""Generators, coroutines, functions and iterators that die early, late, twice, or with somebody watching."""

import gc
import sys
import types
import warnings
import weakref

log = []


class Noisy:
    """Says when it dies, from where, and in which exception's handling."""

    def __init__(self, name):
        self.name = name

    def __del__(self):
        frame = sys._getframe(1)
        log.append((self.name, frame.f_code.co_name, sys.exc_info()[0]))


class NoisyIter:
    def __init__(self, name, n):
        self.name, self.n = name, n

    def __iter__(self):
        return self

    def __next__(self):
        self.n -= 1
        if self.n < 0:
            raise StopIteration
        return self.n

    def __del__(self):
        frame = sys._getframe(1)
        log.append((self.name, frame.f_code.co_name, sorted(frame.f_locals)))


def plain(a, b):
    c = Noisy("local")
    for x in NoisyIter("iterator", 3):
        yield x
    del c


def guarded(a):
    try:
        for x in NoisyIter("iterator in try", 3):
            yield x
    finally:
        log.append(("finally", sys.exc_info()[0]))


def stubborn(a):
    try:
        yield 1
    except GeneratorExit:
        yield 2


def delegating(a):
    yield from plain(a, a)


def recursive(n):
    if n:
        yield from recursive(n - 1)
    yield n


async def waits(a):
    b = Noisy("in coroutine")
    await suspends()
    del b


@types.coroutine
def suspends():
    yield "suspended"


def first(make, *args):
    """One item, after which the generator dies."""
    for x in make(*args):
        return x


def unstarted(make):
    make(Noisy("argument 1"), Noisy("argument 2"))


def exhausted():
    return list(plain(Noisy("argument 1"), Noisy("argument 2")))


def found(xs):
    return any(x == 2 for x in xs), all(x != 2 for x in xs), next((x for x in xs if x > 1), None)


def shows(f, *args):
    log.clear()
    result = f(*args)
    print(f.__name__, result, log)


for round_ in range(300):
    last = round_ in (0, 150, 299)
    for f, args in (
        (first, (plain, Noisy("argument"), 1)),
        (first, (guarded, 1)),
        (first, (delegating, 1)),
        (first, (recursive, 5)),
        (unstarted, (plain,)),
        (exhausted, ()),
        (found, ([1, 2, 3],)),
        (found, ((1, 2, 3),)),
    ):
        log.clear()
        result = f(*args)
        if last:
            print(round_, f.__name__, result, log)

# Somebody holds the frame, or looks at it through a weak reference, or brings the generator back.


def framed():
    g = plain(1, 2)
    next(g)
    frame = g.gi_frame
    del g
    log.append(("frame", frame.f_lasti >= 0, sorted(frame.f_locals)))
    frame.clear()


def watched():
    g = plain(1, 2)
    next(g)
    r = weakref.ref(g, lambda _: log.append("reference died"))
    del g
    return r() is None


def watched_function():
    f = lambda: 1  # noqa: E731
    r = weakref.ref(f, lambda _: log.append("function died"))
    del f
    return r() is None


saved = []


class Saviour:
    """Brings back the generator whose frame drops it."""

    def __del__(self):
        for o in gc.get_objects():
            if isinstance(o, types.GeneratorType) and o.__name__ == "resurrected":
                saved.append(o)


def resurrected(s):
    local = Noisy("local")
    yield 1
    del local


def resurrection():
    g = resurrected(Saviour())
    next(g)
    del g
    states = [(s.gi_frame, s.gi_running, list(s)) for s in saved]
    saved.clear()
    return states


def traced():
    events = []
    g = plain(1, 2)
    next(g)

    def trace(frame, event, arg):
        events.append((frame.f_code.co_name, event))
        return trace

    sys.settrace(trace)
    del g
    sys.settrace(None)
    return events


def profiled():
    events = []
    g = plain(1, 2)
    next(g)
    sys.setprofile(lambda frame, event, arg: events.append((frame.f_code.co_name, event)))
    del g
    sys.setprofile(None)
    return [e for e in events if e[0] != "profiled"]


def within_exception():
    g = plain(1, 2)
    next(g)
    try:
        raise KeyError(1)
    except KeyError:
        del g
        return sys.exc_info()[0]


def never_awaited():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        waits(Noisy("argument"))
        return [str(w.message) for w in caught]


def dropped_coroutine():
    c = waits(Noisy("argument"))
    c.send(None)
    del c


def ignores_exit():
    class Hook:
        def __call__(self, u):
            log.append((u.exc_type.__name__, str(u.exc_value)))

    old, sys.unraisablehook = sys.unraisablehook, Hook()
    try:
        return first(stubborn, 1)
    finally:
        sys.unraisablehook = old


def in_a_cycle():
    def cyclic():
        me = yield
        yield me

    g = cyclic()
    next(g)
    g.send(g)
    r = weakref.ref(g)
    del g
    before = r() is None
    gc.collect()
    return before, r() is None


def closed_twice():
    g = plain(1, 2)
    next(g)
    g.close()
    g.close()
    return list(g)


def function_parts():
    """Functions drop what they have in CPython's order."""

    def make():
        cell = Noisy("cell")

        def inner(a=Noisy("default"), *, b=Noisy("keyword default")) -> Noisy("annotation"):
            return cell

        inner.attribute = Noisy("attribute")
        return inner

    make()


def deep(n):
    """Generators that hold generators."""
    g = iter((1,))
    for _ in range(n):
        g = (x for x in g)
    first_item = next(g)
    del g
    return first_item


def in_threads():
    import threading

    results = []

    def work():
        results.append(sum(first(plain, i, i) + len(list(x for x in range(i % 5))) for i in range(2000)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def counted():
    """The collector counts what dies and is made again from the same memory."""
    gc.collect()
    gc.disable()
    before = gc.get_count()[0]
    kept = [plain(1, 2) for _ in range(50)]
    more = gc.get_count()[0] - before
    del kept
    after = gc.get_count()[0] - before
    gc.enable()
    return 50 <= more <= 60, after <= 10


def all_collected():
    """Nothing that was made from old memory is unknown to the collector."""
    made = [(x for x in range(3)), lambda: 1, iter([1]), iter((1,)), plain(1, 2)]
    del made[:]
    made = [(x for x in range(3)), lambda: 1, iter([1]), iter((1,)), plain(1, 2)]
    known = {id(o) for o in gc.get_objects()}
    return [gc.is_tracked(o) and id(o) in known for o in made]


for f in (
    framed,
    watched,
    watched_function,
    resurrection,
    traced,
    profiled,
    within_exception,
    never_awaited,
    dropped_coroutine,
    ignores_exit,
    in_a_cycle,
    closed_twice,
    function_parts,
    counted,
    all_collected,
):
    for _ in range(3):
        shows(f)
shows(deep, 50)
log.clear()
print(in_threads() == in_threads(), len(log))
