"""Generators, coroutines and async generators resumed by iteration, `yield from` and await, to every end they have."""

import asyncio
import sys
import traceback
import types

ROUNDS = 700


def shown(function, *args):
    try:
        return function(*args)
    except BaseException as error:
        causes = []
        while error is not None:
            causes.append((type(error).__name__, str(error), len(traceback.extract_tb(error.__traceback__))))
            error = error.__cause__
        return causes


def many(function, *args):
    """What all calls give, if it is the same."""
    answers = [repr(shown(function, *args)) for _ in range(ROUNDS)]
    print(function.__name__, answers[0] if len(set(answers)) == 1 else set(answers))


def stops(how):
    yield 1
    if how == "return":
        return 5
    if how == "raise":
        raise KeyError("k")
    if how == "stop":
        raise StopIteration("s")
    yield 2


def iterate(how):
    return list(stops(how))


def delegate(how):
    def outer():
        value = yield from stops(how)
        yield ("value", value)

    return list(outer())


def deep(n):
    if n:
        yield from deep(n - 1)
        yield n
    else:
        yield "bottom"


def chain(n):
    return sum(1 for _ in deep(n))


for how in ("return", "raise", "stop", "yield"):
    many(iterate, how)
    many(delegate, how)
many(chain, 12)


@types.coroutine
def switch(value):
    return (yield value)


async def awaits(how):
    first = await switch(1)
    if how == "raise":
        raise KeyError(first)
    if how == "stop":
        raise StopIteration(first)
    return await switch(2)


def drive(coroutine):
    out = []
    try:
        while True:
            out.append(coroutine.send(None))
    except StopIteration as stop:
        return out, stop.value


async def outer(how):
    return ["outer", await awaits(how)]


for how in ("return", "raise", "stop"):
    many(lambda how: drive(outer(how)), how)


async def source(how):
    yield 1
    await asyncio.sleep(0)
    yield 2
    if how == "raise":
        raise KeyError("k")
    if how == "stop":
        raise StopIteration("s")
    if how == "stop async":
        raise StopAsyncIteration("a")


async def consume(how):
    return [value async for value in source(how)]


def loop_over(how):
    loop = asyncio.new_event_loop()
    try:
        return [repr(shown(loop.run_until_complete, consume(how))) for _ in range(200)]
    finally:
        loop.close()


for how in ("return", "raise", "stop", "stop async"):
    print(how, set(loop_over(how)))


# What a generator sees of itself and of those who resume it.
def looks():
    while True:
        frame = sys._getframe()
        yield frame.f_back.f_code.co_name, generator.gi_running, generator.gi_frame is frame


def asks():
    return next(iter([next(generator)])), [value for value, _ in zip(generator, range(2), strict=False)]


generator = looks()
next(generator)
many(asks)
print(generator.gi_running, generator.gi_frame.f_back)


def already():
    def body():
        yield from other
        yield next(running)

    other = iter([1])
    running = body()
    return list(running)


many(already)


# Exceptions that are being handled around and inside.
def handles():
    try:
        raise KeyError("inside")
    except KeyError:
        yield sys.exc_info()[0].__name__
        yield sys.exc_info()[0].__name__
    yield sys.exc_info()[0]


def handled_outside():
    out = []
    iterator = handles()
    try:
        raise ValueError("outside")
    except ValueError:
        for name in iterator:
            out.append((name, sys.exc_info()[0].__name__))
    return [(a if isinstance(a, str) else a.__name__, b) for a, b in out]


many(handled_outside)


# The frame outlives the generator; locals die with it.
class Noisy:
    def __del__(self):
        events.append("died")


def keeps(frames):
    noisy = Noisy()
    frames.append(sys._getframe())
    yield 1
    del noisy
    yield 2
    last = Noisy()
    yield last is not None


def outlived():
    frames = []
    events.clear()
    values = list(keeps(frames))
    events.append("listed")
    names = sorted(frames[0].f_locals)
    frames.clear()
    events.append("cleared")
    return values, names, list(events)


events = []
many(outlived)


def holds():
    noisy = Noisy()
    yield 1
    del noisy
    yield 2


def unfinished():
    events.clear()
    iterator = holds()
    for _ in iterator:
        break
    del iterator
    return list(events)


many(unfinished)


# Too deep: where it ends is the recursion limit's.
def endless():
    yield 0
    yield from endless()


def too_deep():
    count = 0
    try:
        for _ in endless():
            count += 1
    except RecursionError as error:
        return count, str(error)


print({too_deep() for _ in range(5)})


def traced():
    lines = []

    def tracer(frame, event, arg):
        if frame.f_code.co_name in ("stops", "deep"):
            lines.append((event, frame.f_lineno))
        return tracer

    sys.settrace(tracer)
    try:
        list(stops("return"))
        list(deep(2))
    finally:
        sys.settrace(None)
    return lines


print(traced())
