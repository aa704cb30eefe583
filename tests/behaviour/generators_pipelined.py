"""Pipelines of generators, each a loop over the next: what can be seen of their stages, and every way a stage ends."""

import gc
import sys
import threading
import traceback
import weakref

ROUNDS = 300


def many(name, function):
    """What all calls give, if it is the same."""
    answers = [function() for _ in range(ROUNDS)]
    print(name, answers[0] if all(a == answers[0] for a in answers) else answers)


def stage(items):
    for item in items:  # noqa: UP028 - the loop is what is tested
        yield item


def pipeline(items, depth=6, make=stage):
    for _ in range(depth):
        items = make(items)
    return items


def drain(items):
    out = []
    for item in items:
        out.append(item)
    return out


# --- values and ends ------------------------------------------------------------------------------


def returns(items):
    n = 0
    for item in items:
        n += 1
        yield item
    return n


def result():
    seen = []
    source = pipeline([1, 2, 3], make=returns)
    try:
        while True:
            seen.append(next(source))
    except StopIteration as stop:
        return seen, stop.value, drain(source)


def fails(items):
    for item in items:
        yield 10 // item


def failing():
    out = []
    try:
        for item in pipeline(fails(iter([1, 2, 0, 5]))):
            out.append(item)
    except ZeroDivisionError as error:
        where = [(f.name, f.line) for f in traceback.extract_tb(error.__traceback__)]
        return out, str(error), where


def stops(items):
    for item in items:
        if item == 2:
            raise StopIteration("early")
        yield item


def stopping():
    try:
        return drain(pipeline(stops([1, 2, 3])))
    except RuntimeError as error:
        return str(error), repr(error.__cause__)


def closing():
    log = []

    def kept(items):
        try:
            for item in items:  # noqa: UP028
                yield item
        finally:
            log.append("closed")

    for item in pipeline([1, 2, 3], 3, kept):
        if item == 2:
            break
    del item
    gc.collect(0)
    source = pipeline([1, 2, 3], 3, kept)
    for _ in source:
        source.close()
    return log


def throwing():
    def catches(items):
        for item in items:
            try:
                yield item
            except KeyError as error:
                yield "caught", error.args

    source = pipeline([1, 2, 3], 2, catches)
    out = []
    for item in source:
        out.append(item)
        if item == 2:
            out.append(source.throw(KeyError("k")))
    return out


# --- what the stages see ----------------------------------------------------------------------------


def looks(items):
    for item in items:
        frame = sys._getframe()
        names = []
        while frame is not None and frame.f_code.co_name != "many":
            names.append(frame.f_code.co_name)
            frame = frame.f_back
        yield item, names


def frames():
    return drain(stage(looks(stage([1, 2]))))


def running():
    box = []

    def states(items):
        for item in items:
            yield item, [g.gi_running for g in box], [g.gi_frame.f_lineno - g.gi_code.co_firstlineno for g in box]

    box.append(states([1, 2]))
    box.append(stage(box[0]))
    box.append(stage(box[1]))
    out = drain(box[2])
    return out, [g.gi_running for g in box], [g.gi_frame for g in box]


def executing():
    def selfish():
        for item in [1, 2]:
            yield item
            for inner in me:  # noqa: UP028
                yield inner

    me = selfish()
    try:
        return drain(stage(me))
    except ValueError as error:
        return str(error)


def handled(items):
    for item in items:
        yield item, repr(sys.exc_info()[1])


def exceptions():
    out = []
    for item in stage(handled([1, 2])):
        out.append(item)
        try:
            raise KeyError(len(out))
        except KeyError:
            for inner in stage(handled([3])):
                out.append(inner)
    return out, sys.exc_info()


def lifetimes():
    class Item:
        pass

    log = []

    def made():
        for n in range(3):
            item = Item()
            weakref.finalize(item, log.append, n)
            yield item
            del item

    for item in pipeline(made(), 3):
        log.append("seen")
        del item
    return log


for case in (result, failing, stopping, closing, throwing, frames, running, executing, exceptions, lifetimes):
    many(case.__name__, case)


# --- kinds of iterators at one loop -------------------------------------------------------------------


class Counter:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n == 0:
            raise StopIteration("none left")
        self.n -= 1
        return self.n


def kinds():
    sources = [[1, 2], (3, 4), "ab", {5: 6}, Counter(2), map(str, [7]), range(2), stage([8]), iter([]), stage([])]
    return [drain(stage(s)) for s in sources]


many("kinds", kinds)


# --- limits -----------------------------------------------------------------------------------------------


def depth_reached(limit):
    """How many stages can run at this limit; where it fails, nothing is lost."""
    old = sys.getrecursionlimit()
    sys.setrecursionlimit(limit)
    try:
        low, high = 1, limit + 10
        while low < high:
            middle = (low + high + 1) // 2
            try:
                drain(pipeline([1, 2], middle))
                low = middle
            except RecursionError:
                high = middle - 1
        return low
    finally:
        sys.setrecursionlimit(old)


print("depth", [depth_reached(n) for n in (100, 300, 1000)])
old_limit = sys.getrecursionlimit()
sys.setrecursionlimit(20000)
print("deep", drain(pipeline([1, 2, 3], 9000)))
sys.setrecursionlimit(old_limit)


# --- tracing, threads ----------------------------------------------------------------------------------------


def traced(install):
    seen = []

    def tracer(frame, event, arg):
        if frame.f_code is stage.__code__:
            seen.append((event, repr(arg) if event == "return" else None))
        return tracer

    out = []
    for item in pipeline([1, 2, 3], 2):
        out.append(item)
        if item == 1:
            install(tracer)
        else:
            install(None)
    return out, seen


many("tracing", lambda: (traced(sys.settrace), traced(sys.setprofile)))


def shared():
    """Stages that several threads run at once, one of which blocks the others' generators."""
    totals = []

    def work():
        total = 0
        for item in pipeline(range(3000), 4):
            total += item
        totals.append(total)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return totals


print("threads", shared())
