"""Calls of objects with a Python __call__, of classes with a Python __new__, and `with` on Python context managers."""

import collections
import sys
import traceback


def said(f, *args, **kw):
    try:
        return repr(f(*args, **kw))
    except Exception as e:
        return f"{type(e).__name__}: {e}", [t.name for t in traceback.extract_tb(e.__traceback__)]


def often(f, *args, **kw):
    """What all calls but the last say should be one thing."""
    return sorted({str(said(f, *args, **kw)) for _ in range(200)})


class Plain:
    def __call__(self, *args, **kw):
        return type(self).__name__, args, kw


class Two(Plain):
    def __call__(self, a, b=2, *, c=3):
        return a, b, c, super().__call__(a)


class Static:
    @staticmethod
    def __call__(*args):
        return args


class ByClass:
    @classmethod
    def __call__(cls, *args):
        return cls.__name__, args


class Inherits(Two):
    pass


class Builtin:
    __call__ = print


class NotCallable:
    __call__ = None


class Partial(collections.Counter):
    def __call__(self, key):
        return self[key]


class Raises:
    def __call__(self, x):
        return 1 // x


def call0(f):
    return f()


def call1(f, x):
    return f(x)


def call_kw(f, x):
    return f(x, c=x)


def call_many(f, x):
    return f(x, x, x, x)


for cls in (Plain, Two, Static, ByClass, Inherits, Builtin, NotCallable, Partial, Raises):
    for call, args in ((call0, ()), (call1, (1,)), (call1, (0,)), (call_kw, (1,)), (call_many, (1,))):
        if cls is Builtin:
            print(said(call, cls(), *args))
        else:
            print(cls.__name__, call.__name__, often(call, cls(), *args))

# The class changes, gets a __call__ of another kind, loses it.
p = Plain()
print(often(call1, p, 1))
Plain.__call__ = lambda self, x: ("lambda", x)
print(often(call1, p, 1))
Plain.__call__ = staticmethod(lambda x: ("static", x))
print(often(call1, p, 1))
p.__call__ = lambda x: "of the object"
print(often(call1, p, 1))
del Plain.__call__
print(often(call1, p, 1))


class Deep:
    def __call__(self, n):
        return self(n + 1)


class DeepNew:
    def __new__(cls, n):
        return cls(n + 1)


def depth(f):
    try:
        f(0)
    except RecursionError as e:
        return len(traceback.extract_tb(e.__traceback__)), str(e)


for _ in range(3):
    print(depth(Deep()), depth(DeepNew))


# A class is an object with a Python __call__ where its metaclass has one.
class Meta(type):
    def __call__(cls, *args, **kw):
        return cls.__name__, args, super().__call__(*args, **kw).__dict__


class Only(type):
    made = {}

    def __call__(cls):
        if cls not in cls.made:
            cls.made[cls] = super().__call__()
        return cls.made[cls]


class MadeByMeta(metaclass=Meta):
    def __init__(self, a, c=4):
        self.a, self.c = a, c


class Single(metaclass=Only):
    pass


class DeepMeta(type):
    def __call__(cls, n):
        return cls(n + 1)


for call, args in ((call0, ()), (call1, (1,)), (call_kw, (1,)), (call_many, (1,))):
    print(call.__name__, often(call, MadeByMeta, *args))
print(len({id(call0(Single)) for _ in range(50)}), depth(DeepMeta("deep", (), {})))
Meta.__call__ = lambda cls, x: ("lambda", x)
print(often(call1, MadeByMeta, 1))
del Meta.__call__
print(vars(call1(MadeByMeta, 1)))


class Dies:
    def __del__(self):
        print("dies")

    def __call__(self):
        return sys._getframe().f_code.co_name


print([Dies()() for _ in range(3)])


# --- classes with a __new__ ----------------------------------------------------------------------

Pair = collections.namedtuple("Pair", "a b", defaults=[5])


class New:
    def __new__(cls, *args, **kw):
        self = super().__new__(cls)
        self.given = args, kw
        return self

    def __repr__(self):
        return f"{type(self).__name__}{vars(self)}"


class NewInit(New):
    def __init__(self, *args, **kw):
        self.init = args, kw


class Sub(New):
    pass


class Str(str):
    def __new__(cls, text, extra=None):
        self = super().__new__(cls, text)
        self.extra = extra
        return self


class Other:
    def __new__(cls, what):
        return what


class Child(Other):
    pass


class ChildWithInit(Other):
    def __init__(self, *args, **kw):
        print("init", args, kw)


class ObjectNew(Other):
    __new__ = object.__new__


class Meta(type):
    def __call__(cls, *args):
        return "meta", args


class WithMeta(metaclass=Meta):
    def __new__(cls, *args):
        return super().__new__(cls)


class NewIsClass:
    __new__ = classmethod(lambda cls, other, *args: (cls, other, args))


class NewRaises:
    def __new__(cls, x):
        raise KeyError(x)


CLASSES = (Pair, New, NewInit, Sub, Str, Other, Child, ChildWithInit, ObjectNew, WithMeta, NewIsClass, NewRaises)
for cls in CLASSES:
    for call, args in ((call0, ()), (call1, (1,)), (call_kw, (1,)), (call_many, (1,))):
        print(cls.__name__, call.__name__, often(call, cls, *args))
print(
    often(lambda: Pair(1)), often(lambda: Pair(b=1, a=2)), often(lambda: Pair(1, 2)), often(lambda: Str("a", extra=1))
)
for what in (object.__new__(Child), object.__new__(ChildWithInit), object.__new__(ObjectNew), 5, None, Child):
    answer = {said(lambda w=what: Other(w) is w) for _ in range(3)}
    print(type(what).__name__, answer)
Other.__init__ = lambda self, *args: print("late init", args)
print(said(call1, Other, object.__new__(Child)).startswith("<"))
New.__new__ = lambda cls, *args: ("changed", args)
print(often(call1, New, 1), often(call1, Sub, 1))
del New.__new__
print(often(call0, Sub), often(call1, Sub, 1))


# --- with -----------------------------------------------------------------------------------------


class Manager:
    def __init__(self, swallow=False):
        self.swallow = swallow
        self.events = []

    def __enter__(self):
        self.events.append(sys._getframe().f_back.f_lineno - with_lines(managed))
        return self

    def __exit__(self, *args):
        self.events.append([a if a is None else type(a).__name__ for a in args])
        return self.swallow


class Quits(Manager):
    def __enter__(self):
        del type(self).__exit__
        return super().__enter__()


class StaticManager:
    __enter__ = staticmethod(lambda: "entered")
    __exit__ = staticmethod(lambda *args: print("exit", len(args)))


class Unfinished:
    def __enter__(self):
        print("never entered")


class Half:
    def __exit__(self, *args):
        pass


def with_lines(f):
    return f.__code__.co_firstlineno


def managed(m, x):
    with m as got:
        return got is m, 1 // x


for _ in range(150):
    for swallow in (False, True):
        for x in (1, 0):
            m = Manager(swallow)
            answer = said(managed, m, x)
    events = m.events
print(answer, events)
for m in (StaticManager(), Unfinished(), Half(), Manager(), 5):
    print(type(m).__name__, said(managed, m, 1))


class Once(Manager):
    def __exit__(self, *args):
        print("own exit")


class QuitsOnce(Once, Quits):
    pass


QuitsOnce.__exit__ = Once.__exit__
print(said(managed, QuitsOnce(), 1), "__exit__" in vars(QuitsOnce))
sys.setprofile(
    lambda frame, event, arg: print(event, frame.f_code.co_name) if "manag" in frame.f_code.co_name else None
)
managed(Manager(), 1)
sys.setprofile(None)
