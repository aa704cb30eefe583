"""Signal handlers that run, look around and raise in the middle of compiled loops.

How long it takes from setting a timer to the loop is the machine's affair: handlers pass over signals that come
elsewhere, and the timer goes on until one has come in the loop.
"""
import signal
import time


class Interrupted(Exception):
    pass


def raiser(signum, frame):
    global armed
    if armed and frame.f_code.co_name in (f.__name__, "inner") and frame.f_locals:
        armed = False
        raise Interrupted(frame.f_code.co_name)


def tight():
    n = 0
    while True:
        n += 1


def tight_float():
    x = 1.0
    while True:
        x = x * 1.0000001
        if x > 2.0:
            x = 1.0


def tight_for():
    for i in range(10 ** 12):
        pass


def with_calls():
    def inner(k):
        return k + 1

    n = 0
    while True:
        n = inner(n)


def in_try():
    n = 0
    while True:
        try:
            n += 1
        finally:
            n -= 1


signal.signal(signal.SIGALRM, raiser)
for f in (tight, tight_float, tight_for, with_calls, in_try, tight):
    armed = True
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    try:
        f()
    except Interrupted as error:
        signal.setitimer(signal.ITIMER_REAL, 0)
        tb = error.__traceback__
        while tb.tb_next:
            tb = tb.tb_next
        lines = range(f.__code__.co_firstlineno, f.__code__.co_firstlineno + 12)
        print(f.__name__, error.args[0] in (f.__name__, "inner"), tb.tb_frame.f_code.co_name, tb.tb_next,
              error.__traceback__.tb_next.tb_lineno in lines)
ticks = []


def counting(signum, frame):
    local = frame.f_locals
    if frame.f_code.co_name != "busy" or "total" not in local:
        return
    ticks.append((frame.f_code.co_name, local["total"] >= 0.0, frame.f_lineno - frame.f_code.co_firstlineno in range(8)))


def busy(deadline):
    total = 0.0
    while len(ticks) < deadline:
        for i in range(2000):
            total += i * 0.5
    return total > 0


signal.signal(signal.SIGALRM, counting)
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
print(busy(12))
signal.setitimer(signal.ITIMER_REAL, 0)
print(len(ticks) >= 12, set(ticks))


def modify(signum, frame):
    """A handler that changes what the loop reads."""
    global limit
    if frame.f_code is until_limit.__code__ and frame.f_locals.get("n"):
        limit = 0


limit = 10


def until_limit():
    n = 0
    while limit:
        n += 1
    return n > 0


signal.signal(signal.SIGALRM, modify)
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
print(until_limit())
signal.setitimer(signal.ITIMER_REAL, 0)
signal.signal(signal.SIGALRM, signal.default_int_handler)
try:
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    while True:
        pass
except KeyboardInterrupt:
    print("KeyboardInterrupt at module level")
signal.signal(signal.SIGALRM, lambda *a: None)
signal.setitimer(signal.ITIMER_REAL, 0.01)
start = time.monotonic()
time.sleep(0.05)
print(time.monotonic() - start >= 0.05)
