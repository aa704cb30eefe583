"""Properties, slots, descriptors and attribute hooks under hot reads and writes."""
import functools
import types


class Typed:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, o, owner):
        return self if o is None else getattr(o, self.name, "unset")

    def __set__(self, o, v):
        if not isinstance(v, int):
            raise TypeError(f"{self.name} wants int")
        setattr(o, self.name, v)

    def __delete__(self, o):
        delattr(o, self.name)


class NonData:
    def __get__(self, o, owner):
        return ("nondata", owner.__name__)


class P:
    __slots__ = ("_x", "y", "__dict__")
    typed = Typed()
    nondata = NonData()

    def __init__(self):
        self._x = 1
        self.y = 2

    @property
    def x(self):
        return self._x

    @x.setter
    def x(self, v):
        self._x = v * 2

    @x.deleter
    def x(self):
        self._x = "deleted"

    @property
    def readonly(self):
        return self.y

    @property
    def broken(self):
        return self.no_such_attribute

    @functools.cached_property
    def cached(self):
        self.__dict__["computed"] = self.__dict__.get("computed", 0) + 1
        return self.y * 10

    @functools.lru_cache
    def method_cached(self, k):
        return k * 2


def reads(p, n):
    total = 0
    for i in range(n):
        p.x = i
        total += p.x + p.y + p.readonly + p.cached + p.method_cached(i % 4)
        p.typed = i
        total += p.typed
        p.y = i % 3
    return total, p.nondata, p.computed


p = P()
print(reads(p, 2000))
p.nondata = "instance wins"
print(p.nondata)
del p.x, p.typed
print(p.x, p.typed, type(P.typed).__name__, type(P.x).__name__)
for attempt in (lambda: setattr(p, "typed", "s"), lambda: setattr(p, "readonly", 1), lambda: delattr(p, "readonly"), lambda: p.broken,
                lambda: delattr(p, "typed"), lambda: p.nothing, lambda: delattr(p, "nothing"), lambda: P.nothing, lambda: setattr(P, "__name__", 5)):
    for _ in range(30):
        try:
            attempt()
        except (AttributeError, TypeError) as error:
            message = type(error).__name__, str(error)
    print(message)


class Hooked:
    def __init__(self):
        object.__setattr__(self, "log", [])

    def __getattr__(self, name):
        if name.startswith("dyn"):
            return len(name)
        raise AttributeError(f"custom {name}")

    def __setattr__(self, name, value):
        self.log.append((name, value))
        object.__setattr__(self, name, value)

    def __delattr__(self, name):
        self.log.append(("del", name))
        object.__delattr__(self, name)


def hooked(n):
    h, total = Hooked(), 0
    for i in range(n):
        total += h.dynamic + h.dyn
        h.a = i
        total += h.a
        del h.a
        try:
            h.zzz
        except AttributeError as error:
            message = str(error)
    return total, len(h.log), h.log[-2:], message, getattr(h, "q", "default"), hasattr(h, "dyn")


print(hooked(1000))


class Meta(type):
    @property
    def meta_prop(cls):
        return cls.__name__ + "!"

    def __getattr__(cls, name):
        return ("meta getattr", name)

    def meta_method(cls):
        return "from meta"


class WithMeta(metaclass=Meta):
    plain = 1


def class_reads(n):
    for i in range(n):
        WithMeta.plain += 1
        r = WithMeta.meta_prop, WithMeta.unknown, WithMeta.meta_method(), WithMeta.plain
    return r


print(class_reads(1000))
try:
    WithMeta().meta_prop
except AttributeError as error:
    print(error)


def change_property(n):
    class C:
        value = property(lambda self: 1)

    c, seen = C(), []
    for i in range(n):
        if i == n // 4:
            C.value = property(lambda self: 2)
        elif i == n // 2:
            C.value = 3
        elif i == 3 * n // 4:
            c.value = 4
        elif i == n - 5:
            C.value = property(lambda self: 5)
        v = c.value
        if not seen or seen[-1] != v:
            seen.append(v)
    return seen


print(change_property(2000))


def functions_as_attributes(n):
    class C:
        pass

    c = C()
    C.f = lambda self: "method"
    c.g = lambda: "plain"
    C.h = len
    C.k = staticmethod(lambda: "static")
    C.m = types.MethodType(lambda self, x: (self, x), "bound")
    C.b = str.upper
    for i in range(n):
        r = c.f(), c.g(), C.h("abc"), c.k(), c.m(1), C.f(c), c.f.__self__ is c, c.f == c.f, c.f is c.f
    try:
        c.b()
    except TypeError as error:
        return r, str(error)


print(functions_as_attributes(1000))


def slots_only(n):
    class S:
        __slots__ = ("a", "b")

    class T(S):
        __slots__ = ("c",)

    t = T()
    t.a = t.b = t.c = 0
    for i in range(n):
        t.a += 1
        t.b, t.c = t.c + 0.5, t.b
    try:
        t.d = 1
    except AttributeError as error:
        return t.a, t.b, t.c, str(error), hasattr(t, "__dict__")


print(slots_only(2000))
