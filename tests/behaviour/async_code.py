"""Coroutines, async generators, context managers and cancellation around hot awaits."""
import asyncio
import contextlib


class Ready:
    def __init__(self, value):
        self.value = value

    def __await__(self):
        return self.value
        yield


async def add(a, b):
    return await Ready(a) + b


async def chain(n):
    total = 0
    for i in range(n):
        total = await add(total, i)
    return total


class Manager:
    def __init__(self, log):
        self.log = log

    async def __aenter__(self):
        self.log.append("enter")
        return await Ready(self)

    async def __aexit__(self, kind, value, tb):
        self.log.append(kind.__name__ if kind else None)
        return kind is ValueError


class Counter:
    def __init__(self, n):
        self.n = n

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.n == 0:
            raise StopAsyncIteration
        self.n -= 1
        return self.n


async def agen(n, log):
    try:
        for i in range(n):
            got = yield i
            if got:
                log.append(got)
    finally:
        log.append("agen closed")


async def managers(n):
    log = []
    for i in range(n):
        async with Manager(log) as m:
            if i % 3 == 0:
                raise ValueError
            assert m.log is log
        log[:-2] = []
    try:
        async with Manager(log):
            raise KeyError("through")
    except KeyError as error:
        log.append(str(error))
    return log


async def iterate(n):
    log, total = [], 0
    async for v in Counter(n):
        total += v
    async for v in agen(n, log):
        if v == n - 2:
            break
        total += v
    g = agen(5, log)
    log.append(await g.asend(None))
    log.append(await g.asend("sent"))
    try:
        await g.athrow(LookupError("thrown"))
    except LookupError as error:
        log.append(repr(error))
    g = agen(5, log)
    await anext(g)
    await g.aclose()
    log.append(await anext(agen(0, log), "default"))
    return total, log, [x async for x in Counter(4)], {x: y async for x in Counter(2) for y in (1,)}, [await add(i, 1) for i in range(3)]


async def worker(queue, results):
    while True:
        item = await queue.get()
        if item is None:
            return "stopped"
        results.append(item * 2)
        queue.task_done()


async def queues(n):
    queue, results = asyncio.Queue(10), []
    tasks = [asyncio.create_task(worker(queue, results)) for _ in range(3)]
    for i in range(n):
        await queue.put(i)
    for _ in tasks:
        await queue.put(None)
    return await asyncio.gather(*tasks), sum(results), len(results)


async def cancelled(log):
    try:
        n = 0
        while True:
            n += 1
            if n % 1000 == 0:
                await asyncio.sleep(0)
    except asyncio.CancelledError:
        log.append(("cancelled", n % 1000))
        raise
    finally:
        log.append("finally")


async def cancellation():
    log = []
    task = asyncio.create_task(cancelled(log))
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        log.append("seen")
    try:
        await asyncio.wait_for(cancelled(log), 0.01)
    except TimeoutError:
        log.append("timeout")
    return [entry if isinstance(entry, str) else entry[0] for entry in log]


async def failing(i):
    if i == 2:
        raise ValueError(i)
    return i


async def errors():
    out = await asyncio.gather(*(failing(i) for i in range(4)), return_exceptions=True)
    try:
        async with asyncio.TaskGroup() as group:
            for i in range(4):
                group.create_task(failing(i))
    except* ValueError as caught:
        out.append([e.args for e in caught.exceptions])
    return [repr(v) for v in out]


@contextlib.asynccontextmanager
async def managed(log):
    log.append("in")
    try:
        yield 5
    finally:
        log.append("out")


async def main():
    print(await chain(5000))
    print(await managers(1000))
    print(await iterate(1000))
    print(await queues(1000))
    print(await cancellation())
    print(await errors())
    log = []
    for _ in range(500):
        async with managed(log) as v:
            log.append(v)
    print(len(log), log[-3:])


asyncio.run(main())
coroutine = add(1, 2)
try:
    coroutine.send(None)
except StopIteration as stop:
    print(stop.value)
try:
    coroutine.send(None)
except RuntimeError as error:
    print(error)


async def bad_await(x):
    return await x


for x in (5, None, [1]):
    try:
        bad_await(x).send(None)
    except TypeError as error:
        print(error)


async def bad_with(x):
    async with x:
        pass


async def bad_for(x):
    async for _ in x:
        pass


for f in (bad_with, bad_for):
    try:
        f(3).send(None)
    except TypeError as error:
        print(error)
