"""Errors and oddities of await, async for, async with and async generators, hot and cold."""
import ast
import asyncio
import gc
import inspect
import sys
import traceback
import types
import warnings
import weakref

HOT = 500


def run(coroutine):
    """Drives a coroutine that may suspend; what it yielded, and its value."""
    yielded = []
    while True:
        try:
            yielded.append(coroutine.send(None))
        except StopIteration as stop:
            return yielded, stop.value


def outcome(make):
    try:
        return run(make())
    except Exception as error:
        cause = error.__cause__
        return type(error).__name__, str(error), cause and str(cause)


def several(*makes):
    for _ in range(HOT):
        results = [outcome(make) for make in makes]
    for result in results:
        print(result)


# --- await -------------------------------------------------------------------------------


class Suspends:
    def __init__(self, n):
        self.n = n

    def __await__(self):
        for i in range(self.n):
            yield i
        return self.n * 10


class ReturnsCoroutine:
    def __await__(self):
        return sleeper(0)


class ReturnsInt:
    def __await__(self):
        return 5


class Raises:
    def __await__(self):
        raise LookupError("no waiting")


@types.coroutine
def sleeper(n):
    for i in range(n):
        yield "sleep", i
    return n


async def wait_for(what):
    return await what


async def many(n):
    total = 0
    for i in range(n):
        total += await Suspends(i % 3)
        total += await sleeper(i % 2)
        total += await wait_for(Suspends(1))
    return total


several(
    lambda: many(4),
    lambda: wait_for(Suspends(3)),
    lambda: wait_for(ReturnsCoroutine()),
    lambda: wait_for(ReturnsInt()),
    lambda: wait_for(Raises()),
    lambda: wait_for(5),
    lambda: wait_for(x for x in "ab"),
)


async def twice(coroutine):
    await coroutine
    await coroutine


several(lambda: twice(wait_for(Suspends(1))))


def awaited_already():
    inner = wait_for(Suspends(2))
    first, second = wait_for(inner), wait_for(inner)
    first.send(None)
    try:
        second.send(None)
    except RuntimeError as error:
        message = str(error)
    states = inspect.getcoroutinestate(first), first.cr_await is inner, inner.cr_await.__name__, second.cr_frame
    first.close()
    return message, states, inspect.getcoroutinestate(inner)


print([awaited_already() for _ in range(HOT)][-1])


def plain_generator_of_coroutine():
    def generator():
        yield from wait_for(5)

    g = generator()
    try:
        next(g)
    except TypeError as error:
        return str(error)


warnings.simplefilter("ignore")
print([plain_generator_of_coroutine() for _ in range(HOT)][-1])


# --- async with, async for -------------------------------------------------------------------


class Plain:
    def __enter__(self):
        return self

    def __exit__(self, *args):
        return True


class OnlyEnter:
    async def __aenter__(self):
        return self


class EnterNotAwaitable:
    def __aenter__(self):
        return 1

    async def __aexit__(self, *args):
        pass


class ExitNotAwaitable:
    async def __aenter__(self):
        return await Suspends(1)

    def __aexit__(self, *args):
        return 2


class Suppresses:
    def __init__(self, log):
        self.log = log

    async def __aenter__(self):
        self.log.append(await Suspends(1))
        return self

    async def __aexit__(self, kind, value, tb):
        self.log.append(await Suspends(2))
        return kind is not None and issubclass(kind, KeyError)


async def with_it(manager, error=None):
    async with manager as value:
        if error:
            raise error
        return value
    return "suppressed"


async def with_log(error):
    log = []
    async with Suppresses(log):
        async with Suppresses(log):
            await Suspends(1)
            if error:
                raise error
    return log


several(
    lambda: with_it(Plain()),
    lambda: with_it(OnlyEnter()),
    lambda: with_it(EnterNotAwaitable()),
    lambda: with_it(ExitNotAwaitable()),
    lambda: with_it(ExitNotAwaitable(), ValueError("x")),
    lambda: with_it(Suppresses([]), KeyError("k")),
    lambda: with_log(None),
    lambda: with_log(KeyError(1)),
    lambda: with_log(IndexError(1)),
)


class Steps:
    def __init__(self, n, bad=None):
        self.n, self.bad = n, bad

    def __aiter__(self):
        return self

    async def __anext__(self):
        self.n -= 1
        if self.n < 0:
            raise self.bad or StopAsyncIteration
        await Suspends(self.n % 2)
        return self.n


class AiterOfList:
    def __aiter__(self):
        return []


class AnextNotAwaitable:
    def __aiter__(self):
        return self

    def __anext__(self):
        return 5


async def over(it):
    out = []
    async for v in it:
        out.append(v)
        if v == 100:
            break
    else:
        out.append("else")
    return out


closed = []


async def agen(n):
    try:
        for i in range(n):
            got = yield i
            if got:
                await Suspends(got)
                yield "got", got
    finally:
        closed.append(n)


async def comprehensions(n):
    return (
        [v async for v in agen(n) if v % 2],
        {v: await sleeper(v) async for v in Steps(n)},
        {await sleeper(1) for _ in range(n)},
        [w async for w in (v * 2 async for v in agen(n))],
    )


several(
    lambda: over(Steps(4)),
    lambda: over(Steps(2, ValueError("bad"))),
    lambda: over(Steps(2, StopIteration("bad"))),
    lambda: over(agen(3)),
    lambda: over([1]),
    lambda: over(AiterOfList()),
    lambda: over(AnextNotAwaitable()),
    lambda: comprehensions(3),
)


# --- async generators ---------------------------------------------------------------------------


async def stops_badly(how):
    yield 1
    if how:
        raise how
    return


async def drive_agen():
    g = agen(4)
    out = [await g.__anext__(), await g.asend(2), await g.asend(None), inspect.isasyncgen(g), g.ag_running]
    try:
        await g.athrow(KeyError("thrown"))
    except KeyError as error:
        out.append(repr(error))
    try:
        await g.__anext__()
    except StopAsyncIteration:
        out.append("end")
    g = agen(2)
    await g.__anext__()
    out.append(g.ag_frame.f_locals["i"])
    await g.aclose()
    out.append(g.ag_frame)
    out.append(await anext(agen(0), "default"))
    return out


async def collect(how):
    return [v async for v in stops_badly(how)]


several(
    drive_agen,
    lambda: collect(None),
    lambda: collect(StopIteration("s")),
    lambda: collect(StopAsyncIteration("a")),
    lambda: collect(ZeroDivisionError("z")),
)


async def running_twice():
    g = agen(3)
    first = g.__anext__()
    second = g.__anext__()
    out = [await first]
    slow = g.asend(2)
    slow.send(None)
    try:
        second.send(None)
    except RuntimeError as error:
        out.append(str(error))
    slow.close()
    return out


several(running_twice)


# --- never awaited, collected while waiting --------------------------------------------------------


class Tracked:
    def __init__(self, log):
        self.log = log

    def __del__(self):
        self.log.append("tracked")


async def keeps(log):
    thing = Tracked(log)
    try:
        return await Suspends(5), thing
    finally:
        log.append("finally")


def dropped_while_waiting():
    log = []
    c = keeps(log)
    c.send(None)
    ref = weakref.ref(c)
    del c
    return log, ref()


print([dropped_while_waiting() for _ in range(HOT)][-1])


def never_awaited(depth):
    sys.set_coroutine_origin_tracking_depth(depth)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            c = wait_for(1)
            origin = c.cr_origin
            del c
            gc.collect()
    finally:
        sys.set_coroutine_origin_tracking_depth(0)
    return origin and [(line - never_awaited.__code__.co_firstlineno, name) for _, line, name in origin], len(caught), str(
        caught[0].message
    ).splitlines()[0]


def makes_them(depth):
    return never_awaited(depth)


for _ in range(HOT):
    found = [makes_them(depth) for depth in (0, 1, 2)]
for one in found:
    origin = one[0]
    print(origin and [name for _, name in origin], origin and origin[0], one[1:])


# --- tracebacks, tracing, contexts ------------------------------------------------------------------------


async def level(n):
    if n == 0:
        await Suspends(1)
        raise ValueError("bottom")
    return await level(n - 1)


for _ in range(HOT):
    try:
        run(level(4))
    except ValueError as error:
        text = traceback.format_exception(error)
print("".join(text))

events = []


def tracer(frame, event, arg):
    if frame.f_code.co_name in ("level", "__await__"):
        events.append((frame.f_code.co_name, event, frame.f_lineno))
    return tracer


c = level(2)
c.send(None)
base = level.__code__.co_firstlineno
sys.settrace(tracer)
try:
    c.send(None)
except ValueError:
    pass
sys.settrace(None)
print([(name, event) for name, event, _ in events])


async def gathered(n):
    async def one(i):
        await asyncio.sleep(0)
        if i % 7 == 3:
            raise ValueError(i)
        return i

    results = await asyncio.gather(*(one(i) for i in range(n)), return_exceptions=True)
    lock, out = asyncio.Lock(), []

    async def locked(i):
        async with lock:
            out.append(i)
            await asyncio.sleep(0)
            out.append(i)

    await asyncio.gather(*map(locked, range(n)))
    paired = all(a == b for a, b in zip(out[::2], out[1::2]))
    return sum(r for r in results if isinstance(r, int)), sum(isinstance(r, ValueError) for r in results), paired


async def timeouts():
    async def forever(log):
        try:
            while True:
                await asyncio.sleep(0)
        finally:
            log.append("stopped")

    log = []
    for _ in range(3):
        try:
            async with asyncio.timeout(0.005):
                await forever(log)
        except TimeoutError:
            log.append("timeout")
    return log


async def main():
    for _ in range(20):
        last = await gathered(50)
    return last, await timeouts()


print(asyncio.run(main()))


# --- code with top-level await: a coroutine whose names live in a dict, not in its frame's locals ---------

code = compile("before = 1\nafter = await sleep(0, 2)\n", "<top>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
for _ in range(HOT):
    shared, apart = {"sleep": asyncio.sleep}, {}
    run(eval(code, shared))
    run(eval(code, {"sleep": asyncio.sleep}, apart))
print(shared["before"], shared["after"], apart)
