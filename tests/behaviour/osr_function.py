"""Long loops in functions that are called once, in every shape of loop."""


def simple():
    t = 0
    for i in range(200_000):
        t += i
    return t


def floats():
    x, y = 0.0, 1.0
    for i in range(100_000):
        x, y = x + y * 0.001, y - x * 0.001
    return x, y


def nested():
    c = 0
    for a in range(50):
        for b in range(50):
            for d in range(50):
                if d == b:
                    break
                c += a ^ d
            else:
                c += 1
    return c


def while_else(limit):
    n, out = 0, []
    while n < 100_000:
        n += 1
        if n % 20_000 == 0:
            out.append(n)
            continue
        if n == limit:
            break
    else:
        out.append("else")
    return out, n


def type_change():
    v, log = 1, []
    for i in range(90_000):
        v = v + 1
        if i == 30_000:
            v = float(v)
        if i == 60_000:
            v = int(v) + (1 << 62)
        if i == 80_000:
            v = -v
    return v


def stack_values():
    """A loop entered with values on the stack below it: iterators, a pending sum, a call's arguments."""
    def inner(n):
        return [k for k in range(n) if k % (n // 3) == 0]

    return 1000 + sum((len(inner(90_000)), *(x for x in range(40_000) if x % 20_000 == 7))) + max(i % 777 for i in range(50_000))


def in_try():
    log = []
    try:
        for i in range(100_000):
            try:
                if i == 50_000:
                    raise KeyError(i)
                if i == 99_000:
                    [][i]
            except KeyError as error:
                log.append(error.args)
    except IndexError:
        log.append(("index", i))
        for j in range(50_000):
            pass
        log.append(j)
    finally:
        for k in range(50_000):
            log[-1] = k
    return log


class Manager:
    def __init__(self, log):
        self.log = log

    def __enter__(self):
        self.log.append("enter")
        return self

    def __exit__(self, kind, value, tb):
        self.log.append(("exit", kind and kind.__name__, tb and tb.tb_lineno - in_with.__code__.co_firstlineno))
        return True


def in_with():
    log = []
    with Manager(log) as m:
        for i in range(60_000):
            m.last = i
    with Manager(log), Manager(log) as m:
        for i in range(60_000):
            if i == 50_000:
                raise ValueError
    return log, i, m.log is log


def in_finally_return():
    for i in range(10):
        try:
            for j in range(20_000):
                if j == 15_000:
                    return i, j
        finally:
            for k in range(20_000):
                pass
            done = k  # noqa: F841


def in_except():
    try:
        raise ValueError("outer")
    except ValueError as error:
        for i in range(60_000):
            try:
                if i == 40_000:
                    raise TypeError
            except TypeError as inner:
                context = inner.__context__ is error
        try:
            raise
        except ValueError as again:
            return again is error, context


def deep_args(a, b=2, *args, c, **kw):
    for i in range(60_000):
        a += b
        c -= len(args)
    return a, c, kw


def cells():
    total = 0

    def read():
        return total

    for i in range(60_000):
        total += i
        if i == 59_999:
            return read(), total


def locals_big():
    v0 = v1 = v2 = v3 = v4 = v5 = v6 = v7 = v8 = v9 = 0
    w0 = w1 = w2 = w3 = w4 = 0.0
    for i in range(40_000):
        v0, v1, v2, v3, v4, v5, v6, v7, v8, v9 = v1 + i, v2, v3, v4, v5, v6, v7, v8, v9, v0 & 0xFFFF
        w0, w1, w2, w3, w4 = w1 + 0.5, w2, w3 * 0.5, w4, w0 + i
    return v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, w0, w1, w2, w3, w4


def deleted():
    x = y = 1
    for i in range(40_000):
        if i == 30_000:
            del x
        if i == 30_001:
            try:
                x
            except UnboundLocalError as error:
                message = str(error)
                x = 5
        y += x if i != 30_000 else 0
    return y, message


def goto_like(n):
    state, steps = "a", 0
    while True:
        steps += 1
        if state == "a":
            state = "b" if steps % 3 else "c"
        elif state == "b":
            state = "c" if steps % 5 else "a"
        elif steps > n:
            return steps, state
        else:
            state = "a"


def list_heavy():
    rows = [[0] * 10 for _ in range(10)]
    for i in range(60_000):
        row = rows[i % 10]
        row[i % 7] += i
        row[-1] = row[0] + row[1]
    return [sum(r) for r in rows]


def raise_out():
    total = 0.0
    for i in range(80_000):
        total += 1.0 / (70_000 - i)
    return total


print(simple(), floats(), nested())
print(while_else(0), while_else(70_001))
print(type_change(), stack_values())
print(in_try())
print(in_with())
print(in_finally_return(), in_except())
print(deep_args(1, 2, 3, 4, c=0.5, z=1), cells())
print(locals_big())
print(deleted(), goto_like(60_000), list_heavy())
try:
    raise_out()
except ZeroDivisionError as error:
    tb = error.__traceback__.tb_next
    print(tb.tb_lineno - raise_out.__code__.co_firstlineno, tb.tb_frame.f_locals)
