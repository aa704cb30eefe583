"""Functions and loops whose bytecode may be patched so that tier 0 goes on in compiled code: nothing may show it."""

import copy
import dis
import gc
import marshal
import operator
import sys
import threading
import traceback
import weakref


def tick(n=200):
    """Calls enough for what is called here to be hot."""
    for _ in range(n):
        yield _


def add(a, b):
    return a + b


def first_line_is_short(a):
    b = a
    return b


def early(flag, value=None):
    if value is None:
        value = flag
    return [value, flag]


def closure():
    k = 3

    def inner(x):
        nonlocal k
        k += x
        return k

    def peek():
        return k

    return inner, peek


def cell_argument(x):
    def get():
        return x

    x += 1
    return get()


class Base:
    def __init__(self, v):
        self.v = v

    def get(self):
        return self.v

    @property
    def twice(self):
        return self.v * 2


class Derived(Base):
    def __init__(self, v):
        super().__init__(v)
        self.w = v

    def get(self):
        return super().get() + self.w


def warm_up():
    out = []
    for i in tick():
        d = Derived(i)
        out.append(add(i, 1) + first_line_is_short(i) + d.get() + d.twice + len(early(i)) + cell_argument(i))
    return sum(out)


print("warm", warm_up())
inner, peek = closure()
print("cells", sum(inner(i) for i in tick()), peek())


# --- the code object ---------------------------------------------------------------------------


def source(name):
    return f"def {name}(a, b):\n    c = a + b\n    for i in range(3):\n        c += i\n    return c\n"


def make(name):
    space = {}
    exec(compile(source(name), "twin", "exec"), space)
    return space[name]


one, two = make("f"), make("f")
before = one.__code__.co_code
print("twins", one.__code__ == two.__code__, hash(one.__code__) == hash(two.__code__))
print("run", sum(one(i, 1) for i in tick()))
print("twins after", one.__code__ == two.__code__, one.__code__ != two.__code__, {one.__code__: 1}[two.__code__])
print("bytes", one.__code__.co_code == before == two.__code__.co_code)
print("adaptive", len(one.__code__._co_code_adaptive) == len(before))
print("names", [i.opname for i in dis.get_instructions(one)][:4], one.__code__.co_consts)
print("marshal", marshal.dumps(one.__code__) == marshal.dumps(two.__code__))
print("replace", one.__code__.replace(co_name="g").co_code == before, copy.copy(one.__code__) is one.__code__)
two.__code__ = one.__code__
print("shared", two(1, 2), one(1, 2))


# --- what the patch is made of ------------------------------------------------------------------

for value in (AssertionError, int, type):
    for plus in (operator.pos, lambda v: +v):
        try:
            plus(value)
        except TypeError as e:
            print(e)
print(hasattr(type, "__pos__"), "__pos__" in dir(AssertionError))


class Meta(type):
    def __pos__(cls):
        return "plus " + cls.__name__


class WithMeta(metaclass=Meta):
    pass


class PlainMeta(type):
    pass


print(+WithMeta)
try:
    print(+PlainMeta("X", (), {}))
except TypeError as e:
    print(e)


# --- exceptions -----------------------------------------------------------------------------------


def raises(a):
    b = a
    if a % 7 == 3:
        raise ValueError(a)
    return b


def through(a):
    c = a
    return raises(c) + 1


def catches(a):
    d = a
    try:
        return through(d)
    except ValueError as e:
        return -e.args[0]
    finally:
        d = None


print("caught", sum(catches(i) for i in tick()))
try:
    for i in tick():
        through(i)
except ValueError:
    print(traceback.format_exc())
    tb = sys.exc_info()[2]
    while tb is not None:
        f = tb.tb_frame
        print(f.f_code.co_name, tb.tb_lineno - f.f_code.co_firstlineno, f.f_lineno - f.f_code.co_firstlineno)
        print(sorted(f.f_locals) if f.f_code.co_name != "<module>" else "", f.f_back is not None)
        tb = tb.tb_next


def loop_with_handler(n):
    seen = []
    for i in range(n):
        try:
            if i % 9 == 4:
                raise KeyError(i)
            seen.append(i)
        except KeyError as e:
            seen.append(-e.args[0])
        finally:
            seen.append(0)
    return sum(seen)


print("handlers", [loop_with_handler(n) for n in (0, 1, 5, 3000)])


def raises_in_loop(n):
    total = 0
    for i in range(n):
        total += i
        if total > n * 3:
            raise OverflowError(total)
    return total


for n in (5, 5000):
    try:
        print(raises_in_loop(n))
    except OverflowError as e:
        print(e, e.__traceback__.tb_next.tb_lineno - raises_in_loop.__code__.co_firstlineno)


# An exception in a loop behind another, with values on the stack of both; constants stay as they are.


class Manager:
    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False


def two_loops(n, value):
    with Manager():
        for i in range(n):
            k = 100000 + i
            for j in (1, 2):
                k += j
    w = n
    while w > 0:
        w -= 1
        x = (w + 1) * value & 98765
        if not w:
            break
    return x


constant = next(c for c in two_loops.__code__.co_consts if c == 98765)
print(two_loops(60000, 3))
references = sys.getrefcount(constant)
for n, value in ((50, 2), (50, 1.5), (3, 1.5), (20000, 1.5), (20000, 2)):
    for _ in range(20 if n < 100 else 2):
        try:
            result = two_loops(n, value)
        except TypeError as e:
            result = str(e)
    print(n, value, result, sys.getrefcount(constant) - references, constant)


# A loop that is the whole function: its rounds are no new calls.


def whole(items, out):
    while True:
        items = items[1:]
        last = items
        if len(items) < 2:
            break
        out.append(len(last))
    return last


for n in (3, 40, 4000):
    kept = []
    print(whole(list(range(n)), kept), len(kept))
print([whole(list(range(k)), []) for k in range(2, 6)] == [[k - 1] for k in range(2, 6)])


def whole_generator(n):
    while True:
        n -= 1
        if n < 0:
            return
        yield n


print(sum(sum(whole_generator(50)) for _ in tick()))


# --- frames that outlive their call -----------------------------------------------------------------


def gives_frame(a):
    b = a
    f = sys._getframe()
    a += 1

    return f, b


for _ in tick():
    frame, _ = gives_frame(5)
print(frame.f_lineno - frame.f_code.co_firstlineno, frame.f_lasti > 0, sorted(frame.f_locals.items(), key=str)[:2])
print(frame.f_back, gc.is_tracked(frame))
frame.clear()
del frame


class Dies:
    def __init__(self, log):
        self.log = log

    def __del__(self):
        self.log.append(sys._getframe(1).f_code.co_name)


def owns(log):
    d = Dies(log)
    e = weakref.ref(d)
    return e() is d


log = []
print([owns(log) for _ in tick(50)].count(True), log[-1], len(log))


def shadow(a):
    x = a
    a = None
    return x is not None


print(all(shadow(object()) for _ in tick()))


# --- tracing ------------------------------------------------------------------------------------------


def traced(n):
    c = n
    for i in range(n):
        c += add(i, c)
    return early(c)[0]


for _ in tick():
    traced(2)


def trace_events(how, *args):
    events = []

    def tracer(frame, event, arg):
        if frame.f_code.co_filename == __file__ and frame.f_code.co_name in ("traced", "add", "early", "through", "raises"):
            events.append((frame.f_code.co_name, event, frame.f_lineno - frame.f_code.co_firstlineno))
            if how is opcodes:
                frame.f_trace_opcodes = True
        return tracer

    setter = sys.setprofile if how is profile else sys.settrace
    setter(tracer)
    try:
        traced(*args)
        through(1)
        through(3)
    except ValueError:
        pass
    finally:
        setter(None)
    return events


def lines():
    pass


def opcodes():
    pass


def profile():
    pass


for how in (lines, opcodes, profile):
    events = trace_events(how, 2)
    print(how.__name__, len(events))
    for e in events:
        print("   ", *e)


def switches_on(tracer, setter):
    a = setter
    a(tracer)
    return add(1, 2)


def from_inside(setter):
    events = []

    def tracer(frame, event, arg):
        if frame.f_code.co_filename == __file__:
            events.append((frame.f_code.co_name, event))
        return tracer

    for _ in tick(3):
        switches_on(None, setter)
    r = switches_on(tracer, setter)
    setter(None)
    return r, events


for _ in tick(20):
    from_inside(sys.settrace)
print(from_inside(sys.settrace))
print(from_inside(sys.setprofile))


# --- recursion, threads ---------------------------------------------------------------------------------


def down(n):
    k = n
    return 0 if k == 0 else 1 + down(k - 1)


for _ in tick():
    down(10)
print(down(500))
limit = sys.getrecursionlimit()
try:
    down(limit + 10)
except RecursionError as e:
    print(e)


def depth_left():
    n = 0

    def deeper(k):
        nonlocal n
        n = k
        return deeper(k + 1)

    try:
        deeper(0)
    except RecursionError:
        return n


print(depth_left() == depth_left() == depth_left())


def worker(out):
    total = 0
    for i in range(3000):
        total += add(i, 1) + Derived(i).get()
    out.append(total)


outs = []
threads = [threading.Thread(target=worker, args=(outs,)) for _ in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(outs)


# --- functions that change -------------------------------------------------------------------------------


def changes(a):
    b = a
    return b + 1


def other(a):
    b = a
    return b + 100


print(sum(changes(i) for i in tick()))
changes.__code__ = other.__code__
print(sum(changes(i) for i in tick()))
changes.__defaults__ = (7,)
print(changes())


def with_loop(n, step):
    c = 0
    while c < n:
        c += step
    return c


print([with_loop(n, s) for n, s in ((10, 3), (20000, 1), (10.5, 0.25), (2**70, 2**69))])
print([[with_loop(n, 1) for n in range(k)] for k in range(4)])
