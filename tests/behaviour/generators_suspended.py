"""What a suspended generator's frame, value stack and objects look like from outside, hot and cold."""
import gc
import inspect
import sys
import threading
import traceback
import types
import weakref

HOT = 700


# --- the value stack across yields -----------------------------------------------------


def collect(*args, **kwargs):
    return args, kwargs


class Methods:
    def method(self, *args):
        return "method", args


class Shadowed(Methods):
    pass


def on_the_stack(obj, base):
    items = [base, (yield "a"), *(yield "b"), {"k": (yield "c")}]
    text = f"{base}-{(yield 'd')!r:>6}-{(yield 'e')}"
    call = collect(base, (yield "f"), key=(yield "g"))
    bound = obj.method(base, (yield "h"))
    compared = base < (yield "i") < 10**9
    (yield "j")[(yield "k")] = base + (yield "l")
    return items, text, call, bound, compared


def run_stack(obj, base, target):
    g = on_the_stack(obj, base)
    asked = [next(g)]
    values = [1.5, (base, 2), "v", "long text", None, b"x", [base], obj.__class__.__name__, base + 1, 5, target, "key"]
    try:
        for v in values:
            asked.append(g.send(v))
    except StopIteration as stop:
        return "".join(asked), stop.value, target


objects = [Methods(), Shadowed(), Methods()]
objects[2].method = lambda *args: ("function", args)
for i in range(HOT):
    result = run_stack(objects[i % 3], i, {})
    if i in (0, 1, 2, HOT - 3, HOT - 2, HOT - 1):
        print(result)


def nested_iterators(n):
    for a in range(n):
        for b in [a, a + 1]:
            for c in (b, "x"):
                for d in {"k": c}.items():
                    if a % 2:
                        continue
                    yield a, b, c, d
                    if b == 7:
                        break
                else:
                    yield "else"


for _ in range(30):
    out = list(nested_iterators(12))
print(len(out), out[:3], out[-2:])


# --- lifetimes -----------------------------------------------------------------------------


class Tracked:
    def __init__(self, name, log):
        self.name, self.log = name, log

    def __del__(self):
        self.log.append(self.name)


def holder(log):
    local = Tracked("local", log)
    pair = (Tracked("in tuple", log), (yield 1), Tracked("later", log))
    del pair
    log.append("pair gone")
    yield 2
    local = None
    log.append("local gone")
    yield 3


def lifetime(stop_at):
    log = []
    g = holder(log)
    for _ in range(stop_at):
        next(g)
    log.append("dropping")
    del g
    log.append("dropped")
    return log


for _ in range(HOT):
    logs = [lifetime(k) for k in range(4)]
print(logs)


def sent_values(log):
    while True:
        got = yield len(log)
        del got


log = []
g = sent_values(log)
next(g)
for i in range(HOT):
    g.send(Tracked(i, log))
print(log[:3], log[-1], len(log))


def refcounts(obj):
    one = obj
    two = [obj, (yield None)]
    yield sys.getrefcount(obj)
    del one, two
    yield sys.getrefcount(obj)


for _ in range(HOT):
    counts = list(refcounts(object()))
print(counts)


class Node:
    pass


def in_cycle(log):
    me = yield
    node = Node()
    node.me = me
    weakref.finalize(node, log.append, "node")
    try:
        yield node
    finally:
        log.append("finally")


gc.disable()
for _ in range(HOT):
    log = []
    g = in_cycle(log)
    next(g)
    ref = weakref.ref(g)
    g.send(g)
    del g
    alive = ref() is not None
    if _ % 100 == 0:
        gc.collect()
gc.collect()
gc.enable()
print(alive, ref(), log)


def referents(x):
    y = [x]
    yield x
    yield y


for _ in range(HOT):
    g = referents(_)
    next(g)
    seen = sorted(type(r).__name__ for r in gc.get_referents(g))
print(seen)


# --- inspection ------------------------------------------------------------------------------


def inspected(n):
    total = 0.5
    for i in range(n):
        total += i
        yield total
    word = "text"
    got = yield from delegate(word)
    return got


def delegate(word):
    inner = word * 2
    yield inner
    return len(inner)


def look(g):
    frame = g.gi_frame
    return (
        inspect.getgeneratorstate(g),
        g.gi_running,
        g.gi_yieldfrom and g.gi_yieldfrom.__name__,
        frame and (frame.f_lineno - frame.f_code.co_firstlineno, frame.f_lasti, dict(frame.f_locals), frame.f_back),
    )


for _ in range(HOT // 4):
    g = inspected(3)
    looks = [look(g)]
    for _ in g:
        looks.append(look(g))
    looks.append(look(g))
for line in looks:
    print(line)


def sees_itself(box):
    frame = sys._getframe()
    yield frame is box[0].gi_frame, box[0].gi_running, inspect.getgeneratorstate(box[0]), frame.f_back.f_code.co_name
    yield frame.f_back.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno


def resumed_elsewhere(g):
    return next(g)


for _ in range(HOT):
    box = []
    box.append(sees_itself(box))
    seen = next(box[0]), resumed_elsewhere(box[0]), box[0].gi_frame.f_back
print(seen)


def leaves_frame(keep):
    value = len(keep)
    keep.append(sys._getframe())
    yield value
    value += 1


for _ in range(HOT):
    keep = []
    list(leaves_frame(keep))
    unfinished = leaves_frame(keep)
    next(unfinished)
    del unfinished
print([(f.f_locals["value"], f.f_lineno - f.f_code.co_firstlineno) for f in keep])


def written_from_outside(n):
    x = 1
    while n:
        n -= 1
        yield x


def clear_frame():
    g = written_from_outside(5)
    next(g)
    try:
        g.gi_frame.clear()
    except RuntimeError as error:
        return str(error)
    return list(g)


print([clear_frame() for _ in range(HOT)][-1])


# --- types that change, code that changes ---------------------------------------------------------


def accumulate(start):
    total = start
    while True:
        got = yield total
        total = total + got


sums = []
for start, values in ((0, range(HOT)), (0.5, range(HOT)), ("", "ab" * HOT), ([], [[1]] * HOT), (2**62, [2**61] * HOT)):
    g = accumulate(start)
    next(g)
    for v in values:
        last = g.send(v)
    sums.append(last if not isinstance(last, (str, list)) else len(last))
print(sums)

SCALE = 1


def scaled(n):
    for i in range(n):
        yield i * SCALE


for _ in range(HOT // 10):
    list(scaled(10))
changing = []
for v in scaled(6):
    changing.append(v)
    SCALE = SCALE * 1.5 if v % 2 else SCALE + 1
print(changing)


def old_code(n):
    for i in range(n):
        yield "old", i


def new_code(n):
    for i in range(n):
        yield "new", i


for _ in range(HOT // 10):
    list(old_code(10)), list(new_code(10))
half = old_code(4)
next(half)
old_code.__code__ = new_code.__code__
print(list(half), list(old_code(2)), half.gi_code.co_name)


def unbound(flag):
    if flag:
        x = 1
    yield flag
    yield x


def read_unbound(flag):
    try:
        return list(unbound(flag))
    except UnboundLocalError as error:
        return str(error)


print([read_unbound(i % 3 == 0) for i in range(HOT)][-3:])


def cells(n):
    calls = []
    for i in range(n):
        def add(x, i=i):
            nonlocal n
            n += x
            return n, i
        yield add
        calls.append(n)
    return calls


def drive_cells():
    g = cells(3)
    out = []
    try:
        while True:
            out.append(next(g)(10))
    except StopIteration as stop:
        return out, stop.value


print([drive_cells() for _ in range(HOT)][-1])


# --- exceptions -------------------------------------------------------------------------------------


def failing(n):
    for i in range(n):
        if i == 2:
            raise ValueError(i)
        yield i


def around(n):
    try:
        yield from failing(n)
    except KeyError:
        yield "never"


def consume(n):
    return [x for x in around(n)]


for _ in range(HOT):
    try:
        consume(5)
    except ValueError as error:
        text = "".join(traceback.format_exception(error))
print(text)


def stops(how):
    yield 1
    if how == "raise":
        raise StopIteration("from body")
    if how == "next":
        next(iter(()))
    return how


for i in range(HOT):
    try:
        done = list(stops(("raise", "next", "return")[i % 3]))
    except RuntimeError as error:
        text = "".join(traceback.format_exception(error))
print(done, text)


def handles():
    out = []
    while len(out) < 4:
        try:
            out.append((yield len(out)))
        except (ValueError, KeyError) as error:
            out.append(type(error).__name__)
            assert sys.exc_info()[1] is error
            yield "handling"
            assert sys.exc_info()[1] is error
        finally:
            out.append("f")
    yield sys.exc_info()[0]
    return out


def throw_some():
    g = handles()
    out = [next(g), g.throw(ValueError), next(g), g.throw(KeyError("k"))]
    try:
        raise LookupError
    except LookupError:
        out.append(next(g))
    try:
        next(g)
    except StopIteration as stop:
        return out, stop.value


print([throw_some() for _ in range(HOT)][-1])


def context(n):
    try:
        raise KeyError(n)
    except KeyError:
        yield n
        raise ValueError(n)


for i in range(HOT):
    try:
        try:
            raise IndexError(i)
        except IndexError:
            list(context(i))
    except ValueError as error:
        chain = [type(e).__name__ for e in (error, error.__context__, error.__context__.__context__)]
print(chain)


# --- recursion, re-entry, threads ---------------------------------------------------------------------


def deep(n):
    if n:
        yield from deep(n - 1)
    yield n


for _ in range(20):
    print(sum(deep(60)), end=" ")
print()
limit = sys.getrecursionlimit()
sys.setrecursionlimit(200)
try:
    list(deep(400))
except RecursionError as error:
    print(error, len(traceback.extract_tb(error.__traceback__)) > 50)
finally:
    sys.setrecursionlimit(limit)
print(sum(deep(100)))


def resumes_itself():
    yield "ready"
    try:
        next(itself)
    except ValueError as error:
        yield str(error)
    try:
        itself.close()
    except ValueError as error:
        yield str(error)


for _ in range(HOT):
    itself = resumes_itself()
    out = list(itself)
print(out)


def shared(n):
    for i in range(n):
        yield i


def pull(it, out):
    while True:
        try:
            out.append(next(it))
        except ValueError as error:
            assert str(error) == "generator already executing"
        except StopIteration:
            return


source, outs = shared(20000), [[], [], []]
threads = [threading.Thread(target=pull, args=(source, out)) for out in outs]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(sum(outs, [])) == list(range(20000)))


# --- tracing in between -----------------------------------------------------------------------------


def traced(n):
    total = 0
    for i in range(n):
        total += i
        yield total
    return "end"


def outer(n):
    result = yield from traced(n)
    yield result


for _ in range(HOT // 5):
    list(outer(5))

events = []


def tracer(frame, event, arg):
    if frame.f_code.co_name in ("traced", "outer"):
        events.append((frame.f_code.co_name, event, frame.f_lineno - frame.f_code.co_firstlineno, arg))
    return tracer


def profiler(frame, event, arg):
    if frame.f_code.co_name in ("traced", "outer"):
        events.append((frame.f_code.co_name, event, frame.f_lineno - frame.f_code.co_firstlineno))


g = outer(4)
next(g)
sys.settrace(tracer)
next(g)
sys.settrace(None)
next(g)
sys.setprofile(profiler)
next(g)
next(g)
sys.setprofile(None)
print(list(g))
for event in events:
    print(event)


# --- what delegates to what ----------------------------------------------------------------------------


class Iterator:
    def __init__(self):
        self.n = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.n += 1
        if self.n > 3:
            raise StopIteration("iterator's value")
        return self.n


class Sendable(Iterator):
    def send(self, value):
        return "sent", value

    def throw(self, *args):
        raise StopIteration(("thrown", args[0]))

    def close(self):
        closed.append("closed")


class NotIterable:
    pass


def delegates_to(it):
    result = yield from it
    yield "result", result


closed = []
for _ in range(HOT):
    first = list(delegates_to(Iterator()))
    second = list(delegates_to([1, 2])) + list(delegates_to("ab")) + list(delegates_to(traced(2)))
    g = delegates_to(Sendable())
    third = [next(g), g.send("x"), g.throw(KeyError("k"))]
    g = delegates_to(Sendable())
    next(g)
    g.close()
    try:
        next(delegates_to(NotIterable()))
    except TypeError as error:
        fourth = str(error)
    g = delegates_to(iter([1, 2]))
    next(g)
    try:
        g.send("x")
    except AttributeError as error:
        fifth = str(error)
print(first, second, third, fourth, fifth, len(closed))


@types.coroutine
def based(n):
    got = yield n
    return got, (yield from traced(1))


async def awaits():
    return await based(1), await based(2)


def drive_based():
    c = awaits()
    out = [c.send(None), c.send("a"), c.send(None), c.send("b")]
    try:
        c.send(None)
    except StopIteration as stop:
        return out, stop.value


print([drive_based() for _ in range(HOT)][-1])
