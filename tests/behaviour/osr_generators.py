"""Long loops inside generators, coroutines, comprehensions and callbacks."""
import asyncio


def long_yields(n):
    t = 0
    for i in range(n):
        t += i
        if i % 10_000 == 0:
            got = yield t
            if got:
                t += got


def drive():
    g = long_yields(60_000)
    out = [next(g)]
    for v in (1, 2.5, None, 3):
        out.append(g.send(v))
    out.append(list(g))
    return out


print(drive())


def every(n):
    x = 0.5
    for i in range(n):
        x = x * 1.0001 if x < 100 else 0.5
        yield x


print(sum(every(50_000)), max(every(50_000)))


def prologue(n):
    total = 0
    for i in range(n):
        total += i % 3
    yield total
    while total > 0:
        total -= 2
    yield total
    try:
        for i in range(n):
            if i == n - 1:
                raise ValueError(i)
        yield "never"
    except ValueError as error:
        yield error.args


print(list(prologue(60_000)))


def delegating(n):
    value = yield from inner(n)
    for i in range(n):
        value += 1
    yield value


def inner(n):
    for i in range(n):
        pass
    yield i
    return i


print(list(delegating(50_000)))
print(len([i for i in range(100_000) if i % 3 == 0]), sum(i * 0.5 for i in range(100_000)))
print(len({i % 1000: i for i in range(60_000)}), len({i % 999 for i in range(60_000)}))
print([sum(j * i for j in range(300)) for i in range(300)][-1])


async def worker(n, out):
    t = 0
    for i in range(n):
        t += i
        if i % 5_000 == 0:
            await asyncio.sleep(0)
            out.append(t)
    return t


async def agen(n):
    for i in range(n):
        if i % 3 == 0:
            yield i


async def main():
    out = []
    results = await asyncio.gather(worker(20_000, out), worker(15_000, out))
    total = 0
    async for v in agen(20_000):
        total += v
    doubled = [v * 2 async for v in agen(100)]
    return results, out, total, doubled[-1]


print(asyncio.run(main()))


def closed_midway():
    log = []

    def g():
        try:
            n = 0
            while True:
                n += 1
                if n % 20_000 == 0:
                    yield n
        finally:
            for i in range(20_000):
                pass
            log.append(("closed", n, i))

    it = g()
    log.append((next(it), next(it)))
    it.close()
    it = g()
    next(it)
    try:
        it.throw(KeyError("thrown"))
    except KeyError as error:
        log.append(str(error))
    return log


print(closed_midway())


def key(i):
    t = 0
    for k in range(20_000):
        t += k ^ i
    return -t


print(sorted(range(5), key=key))


class Iter:
    def __init__(self):
        self.n = 0

    def __iter__(self):
        return self

    def __next__(self):
        for i in range(10_000):
            self.n += 1
        if self.n > 50_000:
            raise StopIteration
        return self.n


print(list(Iter()))


class Lazy:
    @property
    def value(self):
        x = 0
        for i in range(30_000):
            x = (x * 31 + i) % 65_537
        return x

    def __del__(self):
        t = 0
        for i in range(30_000):
            t += 1
        print("del", t)


print(Lazy().value)
print(eval("sum([i % 7 for i in range(60_000)])"), (lambda n: sum(i & 1 for i in range(n)))(60_000))
