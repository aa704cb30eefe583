"""Chains of `yield from` and await: what can be seen of those that wait while the innermost one runs, and every way on."""

import asyncio
import gc
import sys
import threading
import traceback
import types
import weakref

ROUNDS = 400


def chain(depth, make):
    """`depth` generators that wait for each other, around what `make` gives."""
    if depth == 0:
        result = yield from make()
        return result
    result = yield from chain(depth - 1, make)
    return result


def many(name, function):
    """What all calls give, if it is the same."""
    answers = [function() for _ in range(ROUNDS)]
    print(name, answers[0] if all(a == answers[0] for a in answers) else answers)


def shown(error):
    lines = [(f.name, f.lineno, f.line) for f in traceback.extract_tb(error.__traceback__)]
    return type(error).__name__, str(error), lines


# --- values ---------------------------------------------------------------------------------------


def echo():
    got = []
    for i in range(5):
        got.append((yield i))
    return got


def values():
    g = chain(6, echo)
    seen = [next(g)]
    try:
        while True:
            seen.append(g.send(len(seen) * 10))
    except StopIteration as stop:
        return seen, stop.value


def iteration():
    g = chain(6, echo)
    return list(g), list(g)


def without_generator():
    return list(chain(4, lambda: [1, 2, 3])), list(chain(4, lambda: iter(())))


def wide():
    def tree(n):
        if n:
            yield from tree(n - 1)
            yield n
            yield from tree(n - 1)

    return list(tree(5)), sum(tree(7))


# --- what is seen from inside ----------------------------------------------------------------------


def state():
    seen = []

    def inner():
        for _ in range(3):
            frame = sys._getframe()
            names = []
            while frame is not None and frame.f_code.co_name in ("inner", "chain"):
                names.append((frame.f_code.co_name, frame.f_lineno, frame.f_lasti))
                frame = frame.f_back
            # Not of the innermost: CPython takes the inline cache behind its instruction for an instruction.
            waiting = [(g.gi_running, g.gi_suspended, g.gi_yieldfrom is None) for g in every[:-1]]
            seen.append((names, waiting, [g.gi_running for g in every[-1:]]))
            yield len(names)

    every = []

    def collect():
        g = outer
        while isinstance(g, types.GeneratorType):
            every.append(g)
            g = g.gi_yieldfrom

    outer = chain(3, inner)
    first = next(outer)
    collect()
    rest = [next(outer), next(outer)]
    after = [(g.gi_running, g.gi_suspended, g.gi_yieldfrom is None, g.gi_frame.f_lasti) for g in every]
    return first, rest, seen, after


def reentry():
    """Those that wait are executing for everybody else."""
    errors = []

    def inner():
        yield 0
        for attempt in (lambda: next(outer), outer.close, lambda: outer.throw(KeyError("k")), outer.gi_frame.clear):
            try:
                attempt()
            except BaseException as error:
                errors.append(repr(error))
        yield 1

    outer = chain(3, inner)
    return next(outer), next(outer), errors, list(outer)


def handled():
    """sys.exc_info() goes through those that wait."""

    def inner():
        for _ in range(3):
            yield repr(sys.exc_info()[1])

    def between():
        try:
            raise ValueError("between")
        except ValueError:
            yield from inner()
        yield repr(sys.exc_info()[1])

    def around():
        try:
            raise KeyError("around")
        except KeyError:
            yield from between()
        yield repr(sys.exc_info()[1])

    outside = []
    g = around()
    for value in g:
        outside.append(value)
        try:
            raise IndexError("outside")
        except IndexError:
            outside.append(next(g, None))
    return outside, repr(sys.exc_info()[1])


# --- ends ------------------------------------------------------------------------------------------


def failing():
    def inner():
        yield 1
        raise KeyError("inner")

    g = chain(4, inner)
    next(g)
    try:
        next(g)
    except KeyError as error:
        return shown(error), next(g, "over")


def caught():
    def inner():
        yield 1
        raise KeyError("inner")

    def catches():
        try:
            yield from chain(2, inner)
        except KeyError as error:
            yield shown(error)
        finally:
            yield "finally"
        return "caught"

    def outer():
        yield (yield from chain(2, catches))

    return list(outer())


def stop_iteration():
    def inner():
        yield 1
        raise StopIteration("inner")

    try:
        list(chain(3, inner))
    except RuntimeError as error:
        return shown(error), repr(error.__cause__)


def closing():
    seen = []

    def inner():
        try:
            yield 1
            yield 2
        except GeneratorExit:
            seen.append("exit")
            raise
        finally:
            seen.append("finally")

    g = chain(5, inner)
    next(g)
    next(g)
    g.close()
    return seen, next(g, "closed")


def throwing():
    def inner():
        got = []
        while len(got) < 3:
            try:
                yield len(got)
            except KeyError as error:
                got.append(error.args)
        return got

    g = chain(4, inner)
    seen = [next(g), g.throw(KeyError(1)), next(g), g.throw(KeyError(2))]
    try:
        g.throw(KeyError(3))
    except StopIteration as stop:
        return seen, stop.value


def lifetimes():
    """The innermost goes as soon as it has returned, before the next step of the one that waited."""
    seen = []

    class Held:
        def __del__(self):
            seen.append("gone")

    def inner(held):
        yield 1
        return 2

    def outer():
        g = inner(Held())
        seen.append(weakref.ref(g, lambda _: seen.append("collected")))
        held = g
        del g
        value = yield from held
        seen.append("back")
        del held
        seen.append(value)
        yield 3

    result = list(chain(2, outer))
    return result, seen[1:]


def collecting():
    def inner():
        for i in range(4):
            gc.collect(i % 3)
            yield i

    return list(chain(5, inner))


# --- limits ------------------------------------------------------------------------------------------


def levels(n):
    if n:
        yield from levels(n - 1)
    else:
        for i in range(3):
            yield i


def recursion():
    def inner():
        yield 0
        yield depth(0)

    def depth(n):
        try:
            return depth(n + 1)
        except RecursionError:
            return n

    def left(waiting):
        g = chain(waiting, inner)
        next(g)
        return next(g)

    # CPython itself is off by one now and then.
    return left(5) - left(25), left(5) - left(300) in (294, 295)


def too_deep():
    def grow(g):
        yield 1
        yield from g

    g = iter((7,))
    chained = []
    for _ in range(5000):
        g = grow(g)
        chained.append(g)
        next(g)
    try:
        return next(g)
    except RecursionError as error:
        return str(error), len(traceback.extract_tb(error.__traceback__)) > 900


def deep():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(9000)
    try:
        return list(levels(3000))
    finally:
        sys.setrecursionlimit(limit)


# --- tracing begins inside ---------------------------------------------------------------------------


def traced(install, how):
    events = []

    def tracer(frame, event, arg):
        if frame.f_code.co_name in ("chain", "inner", "user"):
            what = repr(arg) if event in ("return", "c_call") and not callable(arg) else ""
            events.append((frame.f_code.co_name, event, frame.f_lineno, what))
        return tracer

    def inner():
        yield 1
        install(tracer)
        frame = sys._getframe()
        while frame is not None:
            frame.f_trace = tracer
            frame = frame.f_back
        if how == "raise":
            raise KeyError("traced")
        if how == "return":
            return "returned"
        yield 2

    def user():
        g = chain(2, inner)
        next(g)
        try:
            return next(g)
        except (KeyError, StopIteration) as error:
            return repr(error)
        finally:
            install(None)

    return user(), events


def tracing():
    return [traced(install, how) for install in (sys.settrace, sys.setprofile) for how in ("yield", "return", "raise")]


# --- coroutines --------------------------------------------------------------------------------------


@types.coroutine
def pause(value):
    return (yield value)


async def waits(depth, value):
    if depth:
        return await waits(depth - 1, value) + 1
    got = await pause(value)
    got += await pause(got)
    return got


def coroutines():
    c = waits(5, 1)
    seen = [c.send(None), c.cr_await.cr_code.co_name, c.send(10), c.cr_running]
    try:
        c.send(20)
    except StopIteration as stop:
        return seen, stop.value


async def ticks(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i


async def listens(depth):
    if depth:
        return await listens(depth - 1)
    return [i async for i in ticks(4)]


async def cancelled(depth, log):
    if depth:
        try:
            await cancelled(depth - 1, log)
        except asyncio.CancelledError:
            log.append(depth)
            raise
    else:
        await asyncio.sleep(0)
        await asyncio.sleep(3600)


async def together():
    log = []
    task = asyncio.ensure_future(cancelled(3, log))
    for _ in range(4):
        await asyncio.sleep(0)
    task.cancel()
    done = await asyncio.gather(task, *(listens(k) for k in range(4)), return_exceptions=True)
    return [repr(d) for d in done], log


def asynchronous():
    return [asyncio.run(together()) for _ in range(5)]


# --- threads -----------------------------------------------------------------------------------------


def threads():
    def inner():
        for i in range(300):
            yield i

    sums = []
    workers = [threading.Thread(target=lambda: sums.append(sum(chain(8, inner)))) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.setswitchinterval(interval)
    return sums


for case in (values, iteration, without_generator, wide, state, reentry, handled, failing, caught, stop_iteration):
    many(case.__name__, case)
for case in (closing, throwing, lifetimes, coroutines):
    many(case.__name__, case)
for case in (collecting, recursion, too_deep, deep, tracing, asynchronous, threads):
    print(case.__name__, case(), case())
