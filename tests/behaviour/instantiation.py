"""C(...) of Python classes: the order of things, what __init__ may do to its class, object and arguments, and errors."""

import gc
import sys
import traceback
import weakref

log = []


class Plain:
    def __init__(self, a, b=2, c="three"):
        self.a, self.b, self.c = a, b, c


class Slots:
    __slots__ = ("x", "__weakref__")

    def __init__(self, x):
        self.x = x


class Loud:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        log.append(("gone", self.name))


class Drops:
    def __init__(self, a):
        del a
        log.append("behind del")


class Forgets:
    def __init__(self, a):
        ref = weakref.ref(self)
        self = a
        log.append(ref() is None)


class Wrong:
    def __init__(self, a):
        if a < 0:
            return a
        if a == 7:
            raise KeyError(a)

    def __del__(self):
        log.append("wrong gone")


class Meta(type):
    def __call__(cls, *args):
        return "called", super().__call__(*args)


class Ruled(metaclass=Meta):
    def __init__(self, a):
        self.a = a


class Typed(metaclass=type("PlainMeta", (type,), {})):
    def __init__(self, a):
        self.a = a


class New:
    def __new__(cls, a):
        return a

    def __init__(self, a):
        log.append("never")


class Base:
    def __init__(self, a):
        self.a = a


class Derived(Base):
    pass


class Overrides(Base):
    def __init__(self, a):
        super().__init__(a + 1)


class Mutable:
    def __init__(self, a, b=[]):  # noqa: B006
        b.append(a)
        self.b = b


class Deep:
    def __init__(self, n):
        self.next = Deep(n - 1) if n else None


class Depth:
    def __init__(self):
        self.f = sys._getframe()


def make(cls, a):
    return cls(a)


def plain(i):
    return Plain(i), Plain(i, 5), Plain(i, c=i), Plain(b=i, a=1), Plain(c=1, b=2, a=3)


def slots(i):
    return Slots(i).x


def drops():
    Drops(Loud("argument"))
    log.append("behind the call")


def forgets(a):
    return Forgets(a)


def wrong(a):
    return Wrong(a)


def ruled(a):
    return Ruled(a)[0], Ruled(a)[1].__class__.__name__, Typed(a).a, New(a), Derived(a).a, Overrides(a).a


def mutable(a):
    return len(Mutable(a).b)


def deep(n):
    d, k = Deep(n), 0
    while d:
        d, k = d.next, k + 1
    return k


def depth():
    f = Depth().f
    return f.f_code.co_name, f.f_back.f_code.co_name, f.f_lineno - f.f_code.co_firstlineno, list(f.f_locals)


def said(f, *args):
    try:
        return f(*args)
    except Exception as e:
        return f"{type(e).__name__}: {e}"


def shown(objects):
    return [(o.a, o.b, o.c) for o in objects]


for i in range(1500):
    plain(i), slots(i), drops(), forgets(i), wrong(5), ruled(i), mutable(i), deep(3), depth(), make(Plain, i)
del log[:-12]
print(log, shown(plain(1)), slots(2), ruled(3), mutable(0), deep(9), depth())
log.clear()
drops()
print(log)
log.clear()
print(said(wrong, -1), said(wrong, 7), said(wrong, 0).__class__.__name__, log)
for a in (-1, 7):
    try:
        wrong(a)
    except Exception:
        traceback.print_exc()
print(said(lambda: Plain()), said(lambda: Plain(1, 2, 3, 4)), said(lambda: Plain(1, d=2)), said(lambda: Plain(1, a=2)))
print([make(c, 4).__class__.__name__ for c in (Plain, Slots, Base, Derived, Overrides, int, str, Typed)])


def reach(n=0):
    """How deep constructors go."""
    try:
        return Nest(n).depth
    except RecursionError:
        return n


class Nest:
    def __init__(self, n):
        self.depth = reach(n + 1)


for _ in range(30):
    reached = reach()
print(reached)

# Changes: of defaults, code, class, base, metaclass.
Plain.__init__.__defaults__ = (20, "thirty")
print(shown(plain(1)))
Plain.__init__.__defaults__ = ([], None)
print(shown(plain(1)))
Plain.__init__.__defaults__ = ("only c",)
print(said(lambda: shown(plain(1))), said(lambda: shown([Plain(1, 2)])))


def other(self, a, b=0, c=0):
    self.a, self.b, self.c = "other", b, a


Plain.__init__.__code__ = other.__code__
Plain.__init__.__defaults__ = (0, 0)
print(shown(plain(1)))
Plain.__init__ = lambda self, *args, **kw: self.__dict__.update(a=args, b=kw, c=0)
print(shown(plain(1)))
Base.__init__ = lambda self, a: setattr(self, "a", -a)
print(ruled(5))
Derived.__init__ = lambda self, a: setattr(self, "a", a * 100)
print(ruled(5))
Meta.__call__ = lambda cls, a: ("other call", a)
print(ruled(6))
Slots.__new__ = staticmethod(lambda cls, x: Base(x))
print(said(slots, 3))


class Collected:
    """An object in a cycle whose finaliser changes the class that is being instantiated."""

    def __init__(self, action):
        self.me, self.action = self, action

    def __del__(self):
        self.action()


class Changing:
    def __init__(self, a):
        self.a = a


def changing(n):
    return [Changing(i).a for i in range(n)]


def change():
    Changing.__init__ = lambda self, a: setattr(self, "a", "changed")


print(len(changing(2000)))
gc.collect()
Collected(change)
made = changing(100_000)
gc.collect()
at = made.index("changed") if "changed" in made else None
print(at is None or all(v == "changed" for v in made[at:]), changing(2))
