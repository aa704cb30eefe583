"""Signal handlers that run, look around and raise in the middle of compiled loops."""
import signal
import time


class Interrupted(Exception):
    pass


def raiser(signum, frame):
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
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        f()
    except Interrupted as error:
        tb = error.__traceback__
        while tb.tb_next:
            tb = tb.tb_next
        lines = range(f.__code__.co_firstlineno, f.__code__.co_firstlineno + 12)
        print(f.__name__, error.args[0] in (f.__name__, "inner"), tb.tb_frame.f_code.co_name, tb.tb_next,
              error.__traceback__.tb_next.tb_lineno in lines)
ticks = []


def counting(signum, frame):
    local = frame.f_locals
    ticks.append((frame.f_code.co_name, "total" in local, frame.f_lineno - frame.f_code.co_firstlineno in range(8)))


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
# On a busy machine the next signal may come while the handler still runs.
print(len(ticks) >= 12, {tick for tick in ticks if tick[0] != "counting"})


def modify(signum, frame):
    """A handler that changes what the loop reads."""
    global limit
    limit = 0


limit = 10


def until_limit():
    n = 0
    while limit:
        n += 1
    return n > 0


signal.signal(signal.SIGALRM, modify)
signal.setitimer(signal.ITIMER_REAL, 0.02)
print(until_limit())
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 0.02)
try:
    while True:
        pass
except KeyboardInterrupt:
    print("KeyboardInterrupt at module level")
signal.signal(signal.SIGALRM, lambda *a: None)
signal.setitimer(signal.ITIMER_REAL, 0.01)
start = time.monotonic()
time.sleep(0.05)
print(time.monotonic() - start >= 0.05)
