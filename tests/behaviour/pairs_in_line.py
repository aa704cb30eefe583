"""Loops over enumerate() and zip() of lists and tuples, whose tuples nobody sees."""

import builtins
import gc
import itertools
import sys
import threading


class Dying:
    """Says when it dies."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"<{self.name}>"

    def __del__(self):
        log.append(f"{self.name} dies")


log = []


def said():
    text = " ".join(map(str, log))
    log.clear()
    return text


def dying(n, prefix="d"):
    return [Dying(f"{prefix}{i}") for i in range(n)]


def often(f, *args):
    """What all calls but the last say should be one thing."""
    return sorted({repr(f(*args)) for _ in range(200)})


# --- what they give ---------------------------------------------------------------------------


def indexed(v):
    out = []
    for i, x in enumerate(v):
        out.append((i, x))
    return out


def zipped(v, w):
    out = []
    for x, y in zip(v, w):
        out.append((x, y))
    return out


def zipped3(v, w, u):
    out = []
    for x, y, z in zip(v, w, u):
        out.append((x, y, z))
    return out


def comprehended(v, w):
    return [i * x for i, x in enumerate(v)], {x: y for x, y in zip(v, w)}, {(i, x) for i, x in enumerate(w)}


def total(v):
    t = 0.0
    for i, x in enumerate(v):
        t += i * x
    return t


def dot(v, w):
    t = 0
    for x, y in zip(v, w):
        t += x * y
    return t


for v in ([], [1], [1, 2, 3], (), (1,), (1, 2, 3), "abc", {1: 2, 3: 4}, range(3), iter([1, 2])):
    print(often(indexed, v))
for v, w in (([1, 2], [3, 4]), ([1, 2, 3], (4, 5)), ((1,), [2, 3, 4]), ([], [1]), ([1], []), ("ab", [1, 2])):
    print(often(zipped, v, w), often(zipped3, v, w, (7, 8, 9)), often(comprehended, [1, 2, 3], w))
print(often(total, [0.5] * 50), often(total, [1, 2.5, True, 2**70]), often(dot, [1, 2, 3], (4, 5, 6)))
print(often(dot, [1.5, 2, 2**65], [2, 2.5, 3]))


def two_of(v):
    """Both ends of the zip are one iterator."""
    out = []
    one = iter(v)
    for x, y in zip(one, one):
        out.append((x, y))
    return out, list(one)


print(often(two_of, [1, 2, 3, 4]), often(two_of, [1, 2, 3]), often(two_of, (1, 2, 3, 4, 5)))


def rest_of(v, w):
    """An iterator that zip() has taken an item from before the other one ended."""
    one, other = iter(v), iter(w)
    pairs = [x * y for x, y in zip(one, other)]
    return pairs, list(one), list(other)


print(often(rest_of, [1, 2, 3], [4]), often(rest_of, [1], [4, 5, 6]), often(rest_of, (1, 2), (3, 4)))


def strict(v, w):
    out = []
    try:
        for x, y in zip(v, w, strict=True):
            out.append((x, y))
    except ValueError as e:
        out.append(str(e))
    return out


print(often(strict, [1, 2], [3, 4]), often(strict, [1, 2], [3]), often(strict, [1], [3, 4]))


def strict_comprehension(z):
    try:
        return [x + y for x, y in z]
    except ValueError as e:
        return str(e)


for kw in ({}, {"strict": True}, {}):
    print(sorted({str(strict_comprehension(zip([1, 2], [3, 4, 5], **kw))) for _ in range(100)}))


class Enumerates(enumerate):
    def __next__(self):
        i, x = super().__next__()
        return i * 10, x


for start in (0, 5, sys.maxsize - 1, sys.maxsize, 2**70):
    print([i for i, x in enumerate("abc", start)], [i for i, x in enumerate([1, 2, 3], start)])
print([(i, x) for i, x in Enumerates([1, 2, 3])], indexed(Enumerates("ab")))

# --- the list changes ---------------------------------------------------------------------------


def grows(v):
    for i, x in enumerate(v):
        if i < 5:
            v.append(x)
    return v


def shrinks(v):
    seen = []
    for i, x in enumerate(v):
        seen.append(x)
        if i % 2:
            v.pop()
    return seen, v


def clears(v, w):
    seen = []
    for x, y in zip(v, w):
        seen.append((x, y))
        w.clear()
    return seen


print(often(lambda: grows([1, 2])), often(lambda: shrinks(list(range(9)))), often(lambda: clears([1, 2], [3, 4])))

# --- when objects die ---------------------------------------------------------------------------


def kept_by_local(v):
    for i, x in enumerate(v):
        v[i] = None
        log.append(i)
    log.append("end")


def rebound(v):
    for i, x in enumerate(v):
        v[i] = None
        x = i
        log.append(x)
    log.append("end")


def deleted(v):
    for i, x in enumerate(v):
        v[i] = None
        del x
        log.append(i)
    log.append("end")


def handled(v):
    for i, x in enumerate(v):
        v[i] = None
        try:
            log.append(1 // i)
        except ZeroDivisionError as x:
            log.append(type(x).__name__)
    log.append("end")


def left(v):
    for i, x in enumerate(v):
        v[i] = None
        if i == 1:
            break
    log.append(f"left at {i}")


def raises(v):
    for i, x in enumerate(v):
        v[i] = None
        1 // (1 - i)


def zipped_dying(v, w):
    for x, y in zip(v, w):
        v[v.index(x)] = w[w.index(y)] = None
        log.append("round")
    log.append("end")


def generator(v):
    for i, x in enumerate(v):
        v[i] = None
        yield i


def in_comprehension(v):
    return [v.__setitem__(i, None) or log.append(i) for i, x in enumerate(v)]


def used_before(v):
    e = enumerate(v)
    i, x = next(e)
    v[i] = x = None
    log.append("used")
    for i, x in e:
        v[i] = None
        log.append(i)
    log.append("end")


def used_before_a_comprehension(v):
    e = enumerate(v)
    i, x = next(e)
    v[i] = x = None
    log.append("used")
    return [log.append(i) for i, x in e]


for f in (kept_by_local, rebound, deleted, handled, left, raises, in_comprehension, used_before,
          used_before_a_comprehension):  # fmt: skip
    texts = set()
    for _ in range(60):
        v = dying(3)
        try:
            f(v)
        except ZeroDivisionError as e:
            log.append(type(e).__name__)
            del e
        log.append("over")
        del v
        texts.add(said())
    print(f.__name__, sorted(texts))
texts = set()
for _ in range(60):
    v, w = dying(3, "v"), dying(2, "w")
    zipped_dying(v, w)
    log.append("over")
    del v, w
    texts.add(said())
print(sorted(texts))
texts = set()
for _ in range(60):
    v = dying(3)
    g = generator(v)
    log.append(next(g))
    log.append(next(g))
    del g
    log.append("over")
    del v
    texts.add(said())
print(sorted(texts))


def long_and_dying(n, at):
    """The loop is entered while it runs."""
    v = [None] * n
    v[at] = Dying("late")
    for i, x in enumerate(v):
        if x is not None:
            v[i] = None
            log.append(i)
        elif i == at + 1:
            log.append("next")
    log.append("end")


def long_and_rebound(n, at):
    v = [None] * n
    v[at] = Dying("late")
    for i, x in enumerate(v):
        if x is not None:
            v[i] = x = None
            log.append(i)
        elif i == at + 1:
            log.append("next")
    log.append("end")


for f in (long_and_dying, long_and_rebound):
    for at in (3, 150_000):
        f(200_000, at)
        print(f.__name__, said())

# --- loops that are entered while they run, in others, with other things ---------------------------


def nested(n, v, w):
    t = 0
    for _ in range(n):
        for i, x in enumerate(v):
            t += i * x
        for x, y in zip(v, w):
            t -= x * y
    return t


def changing(n, kinds):
    """What is iterated over is now one thing, now another."""
    out = []
    for k in range(n):
        t = 0
        for i, x in enumerate(kinds[k % len(kinds)]):
            t += i + x
        out.append(t)
    return sum(out)


V, W = list(range(100)), tuple(range(100, 0, -1))
print(nested(400, V, W), nested(400, W, V), nested(10, [0.5] * 5, V))
print(changing(600, [V]), changing(600, [V, W, range(50), {1: 2, 3: 4}, [1.5, 2.5], {5}]))


def handed_out(n, make):
    """Where the iterator comes from is not known."""
    t = 0
    for _ in range(n):
        for i, x in make():
            t += i * x
    return t


print(handed_out(500, lambda: enumerate(V)), handed_out(500, lambda: zip(V, W)))
print(handed_out(300, lambda: list(enumerate(V))), handed_out(300, lambda: itertools.islice(enumerate(V), 10)))


def part_used():
    e = enumerate(V)
    next(e)
    return e


print(handed_out(300, part_used), handed_out(300, lambda: zip(V, W, strict=True)))

# --- what runs inside -----------------------------------------------------------------------------


def observed(v):
    names = set()
    for i, x in enumerate(v):
        gc.collect(0)
        names.add(tuple(sorted(sys._getframe().f_locals)))
        if i == 1:
            assert sys._getframe().f_locals["x"] is x
    return sorted(names), i, x


def other_name(v):
    out = []
    for i, x in enumerate(v):
        if i == 1:
            builtins.enumerate = reversed
        out.append((i, x))
    builtins.enumerate = saved
    return out


def with_else(v):
    for i, x in enumerate(v):
        if x == 7:
            break
    else:
        return "none", i
    return i, x


saved = enumerate
print(often(observed, [1, 2, 3]), often(other_name, [1, 2, 3]), often(with_else, [1, 7, 2]), often(with_else, [1, 2]))


def types_change(v):
    t = 0
    for i, x in enumerate(v):
        t = t + x if i % 2 else t - x
    return t


print(often(types_change, [1] * 10), often(types_change, [1, 2.5, 3, True, 2**64]), often(types_change, [0.5] * 10))


def many(out, n):
    t = 0
    for _ in range(n):
        for i, x in enumerate(V):
            t += i - x
        for x, y in zip(V, W):
            t += x - y
    out.append(t)


results = []
threads = [threading.Thread(target=many, args=(results, 200)) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(results)
