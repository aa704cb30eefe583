"""Small functions that hot callers take in: what is seen when something happens inside them all the same."""
import sys
import traceback
import types
import warnings
import weakref


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y
        self.flag = False
        self.link = None

    def area(self):
        return self.x * self.y

    def scaled(self, k=2, *, plus=0):
        return self.x * k + plus

    def moved(self, dx, dy=1):
        a = self.x + dx
        b = self.y + dy
        if a < b:
            a, b = b, a
        return a - b

    def is_odd(self):
        return self.flag or (self.x != 0 and not self.y)

    def set_x(self, x):
        old = self.x
        self.x = x
        return old

    def relink(self, to):
        self.link = to

    def checked(self, least):
        if self.x < least:
            raise ValueError(f"{self.x} is below {least}")
        return self.x

    def twice(self):
        return self.area() + self.area()

    def deep(self):
        return self.twice() - 1

    def report(self, when):
        value = self.x
        if value == when:
            look(value)
        return value

    def myself(self):
        return self


def look(value):
    frame = sys._getframe(1)
    seen = []
    while frame is not None and frame.f_code.co_name != "<module>":
        here = {k: v if isinstance(v, int) else type(v).__name__ for k, v in frame.f_locals.items() if k != "traced"}
        seen.append((frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno, sorted(here.items())))
        frame = frame.f_back
    print(value, seen)
    warnings.warn("seen", stacklevel=2)


warnings.showwarning = lambda message, category, filename, lineno, *rest: print(category.__name__, message, lineno)
warnings.simplefilter("always")


def show(call, *args):
    try:
        print(call.__name__, call(*args))
    except Exception:
        print(call.__name__)
        for line in traceback.format_exc().splitlines():
            print("   ", line.replace(__file__, "FILE"))


def warm(call, *args):
    for _ in range(400):
        call(*args)


# --- every guard inside, values and types that the function was not compiled for -------------------


def area(p):
    total = p.area() + 1
    return total


def moved(p, dx):
    return p.moved(dx), p.moved(dx, 5), p.moved(dy=dx, dx=1)


def odd(p):
    return "odd" if p.is_odd() else "even"


def deep(p):
    return p.deep(), p.twice()


for p in (Point(3, 4),):
    for call, args in ((area, ()), (moved, (2,)), (odd, ()), (deep, ())):
        warm(call, p, *args)
        show(call, p, *args)
for x, y in ((1.5, 2), (2**40, 2**40), (2**62, 3), ("ab", 3), ([1], 2), (True, 5), (None, 1), (-7, 0)):
    p = Point(x, y)
    for call, args in ((area, ()), (moved, (2,)), (odd, ()), (deep, ())):
        show(call, p, *args)
half = Point(1, 2)
del half.y
for call, args in ((area, ()), (moved, (2,)), (odd, ()), (deep, ())):
    show(call, half, *args)
half.__dict__["y"] = 9
show(area, half)


class Sub(Point):
    def area(self):
        return "sub"


show(deep, Sub(1, 2))
other = Point(5, 6)
other.__class__ = Sub
show(area, other)
shadow = Point(1, 1)
shadow.area = lambda: "shadow"
show(area, shadow)


# --- errors raised inside, and where they are said to be --------------------------------------------


def check(p, least):
    value = p.checked(least)
    return value


def guarded(p, least):
    try:
        return p.checked(least)
    except ValueError as error:
        tb = error.__traceback__
        steps = []
        while tb is not None:
            steps.append((tb.tb_frame.f_code.co_name, tb.tb_lineno - tb.tb_frame.f_code.co_firstlineno))
            tb = tb.tb_next
        return steps
    finally:
        p.flag = False


warm(check, Point(3, 4), 0)
warm(guarded, Point(3, 4), 0)
for least in (5, 0, 3.5, "x"):
    show(check, Point(3, 4), least)
    show(guarded, Point(3, 4), least)


# --- frames that are looked at from what is called inside ---------------------------------------------


def outer(p, when):
    before = 10
    value = p.report(when)
    return before + value


warm(outer, Point(3, 4), 0)
for when in (3, 0, 3):
    show(outer, Point(3, 4), when)


events = []


def tracer(frame, event, arg):
    if frame.f_code.co_filename == __file__:
        events.append((frame.f_code.co_name, event, frame.f_lineno - frame.f_code.co_firstlineno))
    return tracer


plain_look = look


def look(value):  # noqa: F811
    sys.settrace(tracer)


show(outer, Point(3, 4), 3)
sys.settrace(None)
print([e for e in events if e[0] in ("report", "outer", "area")])
look = plain_look


# --- guards behind a way that leaves at a call --------------------------------------------------------


class Branches:
    def __init__(self, y):
        self.x = 3
        self.y = y

    def get(self, flag):
        if flag:
            return self.x + max(flag, 1)
        y = self.y
        return y * 2

    def named(self, flag):
        if flag:
            return dict(x=self.x, y=flag)
        y = self.y
        return y * 2


def both_ways(o, flag):
    return o.get(flag), o.named(flag)


o = Branches(5)
for i in range(60):
    o.get(i % 2), o.named(i % 2)
for i in range(1200):
    both_ways(o, 0)
for y in ("text", 2.5, 2**62, None, 5):
    show(both_ways, Branches(y), 0)
    show(both_ways, Branches(y), 4)


# --- the function, its defaults, its class change meanwhile -----------------------------------------------


def changing(p, n, when, change):
    seen = []
    for i in range(n):
        if i == when:
            change()
        value = (p.scaled(), p.scaled(3), p.area())
        if not seen or seen[-1] != value:
            seen.append(value)
    return seen


def other_scaled(self, k=7, *, plus=100):
    return ("other", self.x, k, plus)


old_scaled, old_area = Point.scaled, Point.area
changes = [
    lambda: setattr(Point.scaled, "__defaults__", (9,)),
    lambda: setattr(Point.scaled, "__kwdefaults__", {"plus": 1000}),
    lambda: setattr(Point.scaled, "__code__", other_scaled.__code__),
    lambda: setattr(Point, "scaled", other_scaled),
    lambda: setattr(Point, "area", property(lambda self: lambda: "from property")),
    lambda: setattr(Point, "area", staticmethod(lambda: "static")),
    lambda: delattr(Point, "area"),
]
for change in changes:
    show(changing, Point(3, 4), 700, 350, change)
    Point.scaled, Point.area = old_scaled, old_area


# --- stores inside, and what they drop ------------------------------------------------------------------


class Noisy:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        frame = sys._getframe(1)
        print("del", self.name, "in", frame.f_code.co_name)


def store(p, x):
    return p.set_x(x), p.x


def link(p, to):
    p.relink(to)
    return p.link


p = Point(3, 4)
warm(store, p, 1)
warm(link, p, None)
show(store, p, 2**70)
show(store, p, 2.5)
show(store, p, 1)
print(link(p, Noisy("first")).name)
print(link(p, Noisy("second")).name)
shared = Noisy("shared")
print(link(p, shared).name, link(p, None))
del shared
print("store done")
values = [1.5, 2.5, 3.5]
floats = Point(0.5, 0.5)
warm(store, floats, 0.5)
kept = []
for v in values:
    kept.append(floats.set_x(v + 1.0))
    store(floats, v)
    kept.append(floats.x)
print(kept, values)


# --- lifetimes of arguments and temporaries ----------------------------------------------------------------


class Thing:
    def __init__(self, n):
        self.n = n

    def get(self):
        return self.n

    def add(self, k):
        n = self.n
        self = None
        return n + k


def temporary(n):
    a = Thing(n).get()
    ref = weakref.ref(box := Thing(n))
    b = box.add(a)
    alive = ref() is not None
    box = None
    return a, b, alive, ref() is None


warm(temporary, 3)
show(temporary, 4)


def counts(thing):
    before = sys.getrefcount(thing)
    for _ in range(50):
        thing.get()
        thing.add(1)
    return sys.getrefcount(thing) - before


thing = Thing(5)
warm(counts, thing)
print(counts(thing), sys.getrefcount(thing))
thing.n = "text"
show(counts, thing)
thing.n = 6
print(counts(thing), sys.getrefcount(thing))


def same(p):
    return p.myself() is p, p.myself().myself().x


warm(same, Point(3, 4))
point = Point(3, 4)
references = sys.getrefcount(point)
for _ in range(100):
    same(point)
print(sys.getrefcount(point) - references)


# --- globals and builtins are the function's own --------------------------------------------------------------


LIMIT = 10


def limited(n):
    if n > LIMIT:
        return LIMIT
    return n


def use_limited(f, n):
    return f(n)


def direct(n):
    return limited(n)


warm(use_limited, limited, 3)
warm(direct, 3)
print(direct(11), use_limited(limited, 11))
elsewhere = types.FunctionType(limited.__code__, {"LIMIT": 4, "__builtins__": {}})
print(use_limited(elsewhere, 7))
LIMIT = 5
print(direct(11), use_limited(limited, 11), use_limited(elsewhere, 11))
limited = elsewhere
print(direct(11))


# --- the limit of recursion counts calls that were taken in -----------------------------------------------------


def leaf(n):
    return n + 1


def middle(n):
    return leaf(n) + 1


def down(n):
    if n == 0:
        return middle(0)
    return down(n - 1)


def deepest():
    """The largest depth that works."""
    low, high = 0, 400
    while low < high:
        n = (low + high + 1) // 2
        try:
            down(n)
            low = n
        except RecursionError:
            high = n - 1
    return low


sys.setrecursionlimit(300)
found = {deepest() for _ in range(5)}
for _ in range(300):
    down(3)
found |= {deepest() for _ in range(5)}
print(len(found))


def at_limit(n):
    try:
        return down(n)
    except RecursionError as error:
        tb, names = error.__traceback__, []
        while tb is not None:
            names.append(tb.tb_frame.f_code.co_name)
            tb = tb.tb_next
        return str(error), len(names), names[-3:]


top = found.pop()
for n in range(top - 3, top + 4):
    print(n - top, at_limit(n)[0:1] if isinstance(at_limit(n), tuple) else "fine")
    if isinstance(at_limit(n), tuple):
        print(at_limit(n)[2])
