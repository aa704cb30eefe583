"""sys.setprofile and cProfile switched on while the code is hot: the same calls are seen."""
import cProfile
import io
import pstats
import sys

log = []


def profiler(frame, event, arg):
    name = arg.__name__ if event.startswith("c_") else frame.f_code.co_name
    log.append((event, name))


class C:
    def __init__(self, v):
        self.v = v

    def method(self):
        return self.v + 1

    @property
    def prop(self):
        return self.v


def helper(x):
    return abs(x)


def work(n, at):
    total = 0
    for i in range(n):
        if i == at:
            sys.setprofile(profiler)
        elif i == at + 1:
            sys.setprofile(None)
        c = C(i)
        total += c.method() + c.prop + helper(-i) + len([i]) + max(i, 1)
        total += sum(x for x in (1, 2)) + sum([y for y in (1,)])
    sys.setprofile(None)
    return total


print(work(1000, -5))
print(work(2000, 1500))
print(log)
log.clear()


def failing():
    try:
        int("x")
    except ValueError:
        return 1


for _ in range(1000):
    failing()
sys.setprofile(profiler)
failing()
sys.setprofile(None)
print(log)


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


fib(12)
profile = cProfile.Profile()
profile.enable()
fib(12)
work(100, -5)
profile.disable()
stats = pstats.Stats(profile, stream=io.StringIO())
rows = sorted((name, calls, primitive) for (_, _, name), (primitive, calls, _, _, _) in stats.stats.items())
for row in rows:
    print(row)
