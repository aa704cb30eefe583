"""Classes whose __init__ is inlined, properties whose getter is: what can be seen of them all the same."""

import gc
import sys
import weakref

MANY = 700


class Point:
    count = 0

    def __init__(self, x, y=2, *, z=0):
        self.x = x
        self.y = y


class Plain:
    def __init__(self, x, y=[]):
        self.x = x
        self.items = []
        self.more = {}
        self.y = y


class Twice:
    def __init__(self, x):
        self.x = x
        if x:
            self.x = x + 1
        self.y = x


class Slotted:
    __slots__ = ("a", "b", "__weakref__")

    def __init__(self, a, b):
        self.a = a
        self.b = b


class Loud:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        log.append(self.name)


class Child(Plain):
    def __init__(self, x):
        super().__init__(x)
        self.z = x


log = []


def make(i):
    return Plain(i), Twice(i), Slotted(i, i), Child(i), Plain(x=i, y=3)


for i in range(MANY):
    made = make(i)
print([sorted(vars(o).items()) if hasattr(o, "__dict__") else (o.a, o.b) for o in made])
print(made[0].y is made[3].y, made[0].items is made[3].items)


# Objects die when the last reference goes; arguments live as long as the call.
def dying(i):
    x = Loud(i)
    x = Loud(-i)
    return i


for i in range(1, MANY):
    dying(i)
print(log[:4], log[-4:], len(log))


# Defaults that change, an __init__ that changes, and its code.
def default():
    return Plain(1).y


for i in range(MANY):
    default()
Plain.__init__.__defaults__ = ("other",)
print(default())
Plain.__init__.__defaults__ = (1, 2)
print(Plain().x)
Plain.__init__.__defaults__ = ([],)
Plain.__init__.__code__ = (lambda self, x, y: setattr(self, "y", "code")).__code__
print(default())


def replaced(self, x, y=0):
    self.x = x
    self.y = "replaced"


Plain.__init__ = replaced
print(default(), make(1)[0].y)


# Not None, an exception, no such argument.
class Bad:
    def __init__(self, x):
        self.x = x
        if x == 500:
            self.missing.attribute


def bad(i):
    return Bad(i)


for i in range(MANY):
    try:
        bad(i)
    except AttributeError as e:
        tb = e.__traceback__
        lines = []
        while tb:
            lines.append((tb.tb_frame.f_code.co_name, tb.tb_lineno - tb.tb_frame.f_code.co_firstlineno))
            tb = tb.tb_next
        print(e, lines, e.name, e.obj.x)
Bad.__init__ = lambda self, x: x
try:
    bad(1)
except TypeError as e:
    print(e)


class Answer:
    def __init__(self, x):
        return x if x else None


def answer(i):
    return Answer(i)


for i in range(MANY):
    answer(None)
try:
    answer(3)
except TypeError as e:
    print(e)


# The collector runs sooner or later.
class Cycle:
    def __init__(self):
        self.me = self


def cycles(n):
    for _ in range(n):
        Cycle()


cycles(3000)
gc.collect()
gc.set_threshold(100)
runs = gc.get_stats()[0]["collections"]
cycles(5000)
print(gc.get_stats()[0]["collections"] - runs > 10)
gc.disable()
runs = gc.get_stats()[0]["collections"]
cycles(5000)
print(gc.get_stats()[0]["collections"] - runs)
gc.enable()
gc.set_threshold(700)


# Weak references, insertion order, and what sys._getframe() shows.
def weak(i):
    s = Slotted(i, [])
    return weakref.ref(s)


print({weak(i)() for i in range(MANY)})
print(list(vars(Child(3))), list(vars(Point(1))))


class Deep:
    def __init__(self, n):
        self.n = n
        if n == 600:
            frame = sys._getframe()
            print(frame.f_code.co_qualname, frame.f_back.f_code.co_name, sorted(frame.f_locals))


def deep(i):
    return Deep(i)


for i in range(MANY):
    deep(i)


# An operator of the class, all of it inlined.
class Vec:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __add__(self, other):
        return Vec(self.x + other.x, self.y + other.y)

    def scaled(self, k):
        return Vec(self.x * k, self.y * k)

    def pair(self):
        return (self.x, [self.y])

    @property
    def size(self):
        return self.x + self.y

    @property
    def nothing(self):
        if self.x == -1:
            raise AttributeError("minus one")
        return None


def vectors(n):
    total = Vec(0, 0.5)
    for i in range(n):
        total = total + Vec(i, 1).scaled(2)
        a, (b,) = total.pair()
        assert total.size == a + b and total.nothing is None
    return total.x, total.y


for i in range(MANY // 7):
    vectors(20)
print(vectors(20))
print(vectors(3)[0].bit_length())
big = Vec(2**70, 1.5)
print((big + big).size)
try:
    Vec(-1, 0).nothing
except AttributeError as e:
    print(e, e.name, type(e.obj).__name__)


def nothing(v):
    try:
        return v.nothing
    except AttributeError as e:
        return str(e), e.name, e.obj is v, e.__traceback__.tb_next.tb_lineno - Vec.nothing.fget.__code__.co_firstlineno


for i in range(MANY):
    nothing(Vec(i, i))
print(nothing(Vec(1, 1)), nothing(Vec(-1, 1)))
Vec.nothing.__init__(lambda self: "getter changed in place")
print(nothing(Vec(1, 1)))
Vec.nothing = 4
print(nothing(Vec(1, 1)))


# A property in a loop that tier 0 leaves and comes back to.
class Line:
    __slots__ = ("text", "cached", "n")

    def __init__(self, text):
        self.text = text
        self.cached = None
        self.n = 1

    @property
    def line(self):
        if self.cached is None:
            if self.n is None:
                return None
            self.cached = str(self.text)
        return self.cached.strip()


def lines(xs):
    result = []
    for f in xs:
        result.append(f)
    for f in result:
        f.line
    return [f.line for f in result]


for i in range(60):
    xs = [Line(k) for k in range(500)]
    assert lines(xs) == [str(k) for k in range(500)]


# With __slots__: the first value of each is stored, not exchanged for another.
class Pair:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a = a
        self.b = b
        self.a = a, b

    def sum(self, other):
        return Pair(self.b, other.b)


class PairAnd(Pair):
    def __init__(self, a):
        self.b = self.c = a
        self.a = a


def pairs(n):
    p = Pair(1, 2)
    for i in range(n):
        p = p.sum(Pair(i, [i]))
        q = PairAnd(p)
    return p.a, p.b, q.c is p, q.b is q.a


for _ in range(MANY // 7):
    pairs(10)
print(pairs(3))

# Numbers of several types at one place.
def mixed(a, b):
    return a + b, a - b, a * b


values = [1, 2.5, True, 3 + 1j, 2**70, -0.0, float("inf")]
for _ in range(MANY):
    for a in values:
        for b in values:
            mixed(a, b)
print([mixed(a, b) for a in values for b in values if a is not b])
for a, b in (("a", 1), ([1], 1.0), (1.0, None)):
    try:
        mixed(a, b)
    except TypeError as e:
        print(e)
