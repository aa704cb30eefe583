"""Attribute sites that see several classes, compiled for all of them, and what then changes under them."""

import gc
import sys
import weakref

MANY = 700  # rounds until sites are settled and what they saw is compiled


class Base:
    kind = "base"
    limit = 3

    def __init__(self, x):
        self.x = x
        self.on = True

    def get(self):
        return self.x

    def busy(self):
        return self.on or (not self.x and self.limit)

    def put(self, v):
        self.x = v

    def who(self):
        return type(self).__name__

    def fail(self):
        raise KeyError(self.x)


class One(Base):
    pass


class Two(Base):
    kind = "two"


class Three(Base):
    def who(self):
        return "third"


class Slots:
    __slots__ = ("x",)
    limit = 4

    def __init__(self, x):
        self.x = x

    def get(self):
        return self.x


class Direction:
    forward = 1
    backward = 2


def get_all(xs):
    return [x.get() for x in xs]


def loop(xs):
    total = 0
    for x in xs:
        total += x.get()
        if x.busy():
            total += x.limit
        if x.x == Direction.forward:
            total += 100
    return total


def put_all(xs, v):
    for x in xs:
        x.put(v)
        x.x = x.x + 1


def names(xs):
    return [x.who() + x.kind for x in xs]


def settle(xs):
    for i in range(MANY):
        get_all(xs)
        loop(xs)
        put_all(xs, i)
        names(xs)


def everything(xs):
    put_all(xs, 0)
    return get_all(xs), loop(xs), names(xs)


xs = [One(1), Two(2), Three(3)]
settle(xs)
print(everything(xs))

# An attribute of the instance hides the method.
xs[1].get = lambda: 50
print(get_all(xs), loop(xs))
del xs[1].get
print(get_all(xs), loop(xs))

# The class gets a method of its own, and loses it.
Two.get = lambda self: -self.x
print(get_all(xs), loop(xs))
del Two.get
print(get_all(xs), loop(xs))
Base.get = lambda self: self.x * 2
print(get_all(xs), loop(xs))

# New code in the old function.
Base.busy.__code__ = (lambda self: self.x > 0).__code__
print(loop(xs))

# Attributes of the class.
Base.limit = 7
print(loop(xs))
Three.limit = property(lambda self: 11)
print(loop(xs))
del Three.limit
Direction.forward = 0
print(loop(xs))
Two.kind = "changed"
print(names(xs))

# Objects of other kinds at the same sites.
settle(xs)
others = [One(1), Slots(2), Two(3)]
print(get_all(others))
xs[0].__dict__["extra"] = 1
xs[0].__dict__["get"] = lambda: "from the dict"
print(get_all(xs))
del xs[0].__dict__["get"]
xs[2].__class__ = One
print(names(xs))
del xs[1].x
try:
    loop(xs)
except AttributeError as e:
    print(e, e.name, type(e.obj).__name__)
xs[1].x = 5
print(everything(xs))


# The value that a store replaces dies there, and looks.
class Loud:
    def __init__(self, owner):
        self.owner = owner

    def __del__(self):
        print("dies, owner has", type(self.owner.x).__name__)

    def __add__(self, other):
        return 9


for x in xs:
    x.x = Loud(x)
put_all(xs, 3)


# Errors inside of what is inlined.
def fails(xs):
    for x in xs:
        try:
            x.fail()
        except KeyError as e:
            yield e.args, e.__traceback__.tb_next.tb_lineno - Base.fail.__code__.co_firstlineno


for _ in range(MANY):
    last = list(fails(xs))
print(last)


# Recursion through a settled site.
class Node:
    def __init__(self, below):
        self.below = below

    def depth(self):
        return 1 if self.below is None else 1 + self.below.depth()


class Other(Node):
    pass


chain = None
for i in range(100):
    chain = Node(chain) if i % 2 else Other(chain)
for _ in range(MANY // 10):
    chain.depth()
print(chain.depth())
for i in range(sys.getrecursionlimit()):
    chain = Node(chain) if i % 2 else Other(chain)
try:
    chain.depth()
except RecursionError as e:
    print(e)
while chain is not None:
    chain = chain.below


# Classes that sites have seen die in time, and are not counted.
def make(n):
    class Local(Base):
        number = n

        def get(self):
            return self.number

    return Local


def number(x):
    return x.get() + x.number


references = []
for n in range(60):
    cls = make(n)
    references.append(weakref.ref(cls))
    for _ in range(30):
        number(cls(n))
    before = weakref.getweakrefcount(cls)
    del cls
    gc.collect()
    print(before, references[-1]() is None, end="; ")
print()
kept = [make(n) for n in range(3)]
for _ in range(MANY):
    for cls in kept:
        number(cls(1))
print([number(cls(1)) for cls in kept], [weakref.getweakrefcount(cls) for cls in kept])
del kept, cls
gc.collect()
print(number(make(8)(1)))


# Metaclasses.
class Meta(type):
    def __getattr__(cls, name):
        return name.upper()


class WithMeta(metaclass=Meta):
    there = 1


class SecondMeta(metaclass=Meta):
    there = 2


def of_classes(cs):
    return [(c.there, c.absent) for c in cs]


for _ in range(MANY):
    of_classes([WithMeta, SecondMeta])
print(of_classes([WithMeta, SecondMeta]))
Meta.there = property(lambda cls: "data descriptor of the metaclass")
print(of_classes([WithMeta, SecondMeta]))
del Meta.there
WithMeta.there = 3
print(of_classes([WithMeta, SecondMeta]))


# Properties that raise AttributeError, and __getattr__ behind them.
class Prop:
    def __init__(self, ok):
        self.ok = ok

    @property
    def p(self):
        if self.ok:
            return self.ok
        raise AttributeError("no p")


class SubProp(Prop):
    pass


class Hooked(Prop):
    def __getattr__(self, name):
        return "hook " + name


def read(x):
    try:
        return x.p
    except AttributeError as e:
        return str(e), e.name, e.obj is x


for i in range(MANY):
    read(Prop(i)), read(SubProp(1))
print(read(Prop(1)), read(Prop(0)), read(SubProp(0)), read(Hooked(0)), read(Hooked(1)))
for i in range(MANY):
    read(Prop(i % 3)), read(Hooked(i % 2))
print(read(Prop(1)), read(Prop(0)), read(Hooked(0)))
Prop.p = property(lambda self: "new")
print(read(Prop(1)), read(SubProp(1)), read(Hooked(0)))
