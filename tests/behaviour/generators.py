"""Generators that are interleaved, sent to, thrown into, closed and finalised while hot."""
import itertools


def count(n):
    total = 0
    for i in range(n):
        received = yield i
        if received:
            total += received
    return total


def drive(n):
    g = count(n)
    next(g)
    try:
        while True:
            g.send(2)
    except StopIteration as stop:
        return stop.value


print(drive(3000))


def interleave(n):
    a, b, c = count(n), count(n), (i * i for i in range(n))
    out = 0
    for x, y, z in zip(a, b, c):
        out += x - y + z
    return out


print(interleave(3000))


def fibonacci():
    a, b = 0, 1
    while True:
        yield a
        a, b = b, a + b


print(list(itertools.islice(fibonacci(), 200))[-1])


def catcher(log):
    while True:
        try:
            value = yield
            log.append(("got", value))
        except ValueError as error:
            log.append(("caught", str(error)))
        finally:
            if len(log) > 5000:
                log.append("finally")


log = []
g = catcher(log)
next(g)
for i in range(2000):
    g.send(i)
    g.throw(ValueError(i))
print(len(log), log[-1])
try:
    g.throw(KeyError("out"))
except KeyError as error:
    print(error, log[-1])
try:
    next(g)
except StopIteration:
    print("finished")


def delegating(n):
    result = yield from count(n)
    yield ("result", result)
    yield from (1, 2)
    yield from delegating(n - 1) if n > 0 else ()


print(list(delegating(8))[:12], len(list(delegating(20))))


def tree(depth):
    if depth:
        yield from tree(depth - 1)
        yield depth
        yield from tree(depth - 1)


print(sum(tree(10)), list(tree(3)))


def closing(log):
    try:
        yield 1
        yield 2
    except GeneratorExit:
        log.append("exit")
        raise
    finally:
        log.append("closed")


for _ in range(500):
    log = []
    g = closing(log)
    next(g)
    g.close()
    next(closing(log))
print(log)


def stubborn():
    try:
        yield 1
    except GeneratorExit:
        yield 2


g = stubborn()
next(g)
try:
    g.close()
except RuntimeError as error:
    print(error)


def raises_stop():
    yield 1
    raise StopIteration("inner")


def reentrant():
    yield next(me)


for _ in range(200):
    try:
        list(raises_stop())
    except RuntimeError as error:
        message = str(error), repr(error.__cause__)
    me = reentrant()
    try:
        next(me)
    except ValueError as error:
        second = str(error)
print(message, second)
g = count(3)
for bad in (lambda: g.send(1), lambda: count(1).throw(TypeError("early")), lambda: count(1, 2)):
    try:
        bad()
    except TypeError as error:
        print(error)


def partial_consumption(n):
    total = 0
    for i in range(n):
        for x in (y for y in range(10)):
            if x == 3:
                break
            total += x
        total += next((z for z in (5, 6) if z > 5), 0)
        total += any(q > 2 for q in range(5)) + all(q > 2 for q in range(5))
    return total


print(partial_consumption(1000))


class Pipeline:
    def __iter__(self):
        for i in range(5):
            yield self.stage(i)

    def stage(self, i):
        return i * 1.5


print([sum(Pipeline()) for _ in range(500)][-1])


def local_state(n):
    x = 0.5
    for i in range(n):
        x = x * 1.25 if i % 2 else x - 0.125
        yield x


a, b = local_state(2000), local_state(2000)
print(all(x == y for x, y in zip(a, b)), list(local_state(3)))


def exhausted():
    g = (i for i in range(3))
    return list(g), list(g), next(g, "default")


print([exhausted() for _ in range(300)][-1])


def mutual(n):
    def ping():
        while True:
            k = yield "ping"
            if k > n:
                return
            try:
                pongs.send(k + 1)
            except StopIteration:
                return

    def pong():
        k = yield
        while True:
            log.append(k)
            k = yield k

    log.clear()
    pongs = pong()
    next(pongs)
    pings = ping()
    next(pings)
    try:
        for i in range(10 ** 6):
            pings.send(i)
    except StopIteration:
        return len(log), log[-1]


print(mutual(2000))
