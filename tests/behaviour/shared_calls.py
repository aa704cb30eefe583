"""Calls of Python functions that compact code makes through shared code: how many arguments and locals they have, what their
callees do to the function, the frame and the thread, and what stops them from being made that way."""

import gc
import sys
import threading
import weakref

# --- every number of arguments, and of other locals -------------------------------------------------


def make(nargs, nlocals):
    args = ", ".join(f"a{k}" for k in range(nargs))
    lines = [f"    b{k} = {k}" for k in range(nlocals)]
    unset = "    if not flag:\n        late = 1\n    try:\n        late\n    except UnboundLocalError as e:\n        seen = str(e)\n"
    total = " + ".join([f"a{k}" for k in range(nargs)] + [f"b{k}" for k in range(nlocals)] + ["0"])
    source = f"def callee({args}):\n" + "\n".join(lines) + "\n" + unset + f"    return ({total}), seen\n"
    source += f"def caller({args}):\n    return callee({args})\n"
    space = {"flag": True}
    exec(source, space)
    return space["caller"]


for nargs in (0, 1, 2, 3, 5, 6, 7, 8, 11):
    for nlocals in (0, 1, 3, 4, 5, 9, 30):
        caller = make(nargs, nlocals)
        for _ in range(150):
            result = caller(*range(nargs))
        print(nargs, nlocals, result)

# --- defaults, keywords, star arguments --------------------------------------------------------------


def optional(a, b=2, *, c=3):
    return a, b, c


def starred(*args, **kwargs):
    return args, sorted(kwargs.items())


def call_all(n):
    return optional(n), optional(n, 5), optional(n, c=7), optional(b=1, a=n), starred(n, 1, z=n), starred(*[n], **{"y": 2})


for n in range(150):
    result = call_all(n)
print(result)

# --- the callee ends, replaces or looks at what called it ---------------------------------------------


def dies(n):
    def inner(x):
        nonlocal inner
        del inner
        gc.collect()
        return ref() is not None, x

    ref = weakref.ref(inner)
    result = inner(n)
    return result, ref() is None


for n in range(150):
    result = dies(n)
print(result)


def changing(x):
    return "old", x


def other(x):
    y = z = x
    return "new", x, y, z


def call_changing(x):
    return changing(x)


old_code = changing.__code__
for n in range(300):
    if n % 100 == 50:
        changing.__code__ = other.__code__
    result = call_changing(n)
    if n % 100 == 60:
        changing.__code__ = old_code
    if n % 50 in (1, 11):
        print(n, result)


def looks(depth):
    names = []
    frame = sys._getframe()
    while frame and frame.f_code.co_name in ("looks", "call_looks"):
        names.append((frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno, sorted(frame.f_locals)))
        frame = frame.f_back
    return names


def call_looks(n):
    result = looks(n)
    return result


for n in range(150):
    result = call_looks(n)
print(result)

# --- exceptions, generators, coroutines ---------------------------------------------------------------


def fails(x):
    return 1 / x


def call_fails(x):
    y = [x]
    return fails(y[0])


lines = []
for n in range(150):
    try:
        call_fails(n % 3)
    except ZeroDivisionError as e:
        tb, lines = e.__traceback__, []
        while tb:
            lines.append((tb.tb_frame.f_code.co_name, tb.tb_lineno - tb.tb_frame.f_code.co_firstlineno))
            tb = tb.tb_next
print(lines)


def counts(n):
    yield from range(n)


async def answers(n):
    return n


def call_suspended(n):
    coroutine = answers(n)
    try:
        coroutine.send(None)
    except StopIteration as e:
        return list(counts(n)), e.value


for n in range(150):
    result = call_suspended(n % 4)
print(result)

# --- deep recursion: the data stack's chunks, the limit ---------------------------------------------------


def deep(n, a, b, c):
    if n == 0:
        return a
    return deep(n - 1, b, c, a)


for n in range(150):
    result = deep(n % 20, 1, 2, 3)
print(result, deep(900, 1, 2, 3))


def endless(n):
    return endless(n + 1)


for limit in (200, 400, 1000):
    sys.setrecursionlimit(limit)
    for _ in range(3):
        try:
            endless(0)
        except RecursionError as e:
            message = str(e)
    print(limit, message)

# --- tracing and profiling that a callee switches on --------------------------------------------------------

events = []


def tracer(frame, event, arg):
    events.append((frame.f_code.co_name, event))
    return tracer


def switches(n):
    if n == 149:
        sys.settrace(tracer)
    return n


def after(n):
    return n + 1


def call_switches(n):
    a = switches(n)
    b = after(a)
    return b


for n in range(150):
    result = call_switches(n)
sys.settrace(None)
print(result, events)

events.clear()


def profiler(frame, event, arg):
    if frame.f_code.co_name in ("after", "call_switches"):
        events.append((frame.f_code.co_name, event))


sys.setprofile(profiler)
call_switches(1)
sys.setprofile(None)
print(events)

# --- threads ------------------------------------------------------------------------------------------------

totals = []


def work(k):
    total = 0
    for n in range(2000):
        total += deep(n % 5, k, k, k) + optional(n)[1]
    totals.append(total)


interval = sys.getswitchinterval()
sys.setswitchinterval(1e-5)
threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
sys.setswitchinterval(interval)
print(sorted(totals))
