"""super().method served from a cache: what invalidates it, and what it must leave to super() itself."""


class Base:
    def __new__(cls, *args):
        return super().__new__(cls)

    def __init__(self, x=0):
        super().__init__()
        self.x = x

    def f(self):
        return "Base.f", self.x

    @classmethod
    def make(cls, x):
        return cls.__name__, x

    @staticmethod
    def static(x):
        return "static", x

    @property
    def call(self):
        return lambda: ("property", self.x)

    def __repr__(self):
        return f"<{type(self).__name__} {self.x}>"


class Left(Base):
    def f(self):
        return "Left", *super().f()

    @classmethod
    def make(cls, x):
        return "Left", *super().make(x)

    def others(self):
        return super().static(1), super().call(), super().__repr__(), super().__eq__(self), super().__hash__() != 0

    def kept(self):
        def inner():
            return self.x

        return super().f(), inner()

    def told(self, cls, obj):
        return super(cls, obj).f()


class Right(Base):
    def f(self):
        return "Right", *super().f()


class Both(Left, Right):
    pass


class Third(Both):
    def f(self):
        return "Third", *super().f()


objects = [Base(1), Left(2), Right(3), Both(4), Third(5), type("Late", (Both,), {})(6)]
for _ in range(400):
    results = [o.f() for o in objects], [o.make(7) for o in objects[1:]], objects[1].others(), objects[3].kept()
print(*results, sep="\n")

# Functions replaced, removed and put behind the class.
Right.f = lambda self: ("Right again",)
print([o.f() for o in objects])
del Right.f
print([o.f() for o in objects])
Base.f = staticmethod(lambda: ("no self",))
print([o.f() for o in objects])
Base.f = classmethod(lambda cls: (cls.__name__, "class"))
print([o.f() for o in objects])


class Bound:
    def __get__(self, obj, cls):
        return lambda: ("descriptor", type(obj).__name__, cls.__name__)


Base.f = Bound()
print([o.f() for o in objects])
Base.f = len
try:
    objects[1].f()
except TypeError as error:
    print(error)
Base.f = list.append
try:
    objects[1].f()
except TypeError as error:
    print(error)
Base.f = 42
try:
    objects[1].f()
except TypeError as error:
    print(error)
del Base.f
for _ in range(60):
    try:
        objects[1].f()
    except AttributeError as error:
        message = str(error), error.name
print(message)
Base.f = lambda self: ("back", self.x)
print([o.f() for o in objects])

# Other bases, other class of the object, an instance attribute of that name.
Both.__bases__ = (Right, Left)
print(Both.__mro__[1:3], [o.f() for o in objects])
objects[1].f = lambda: "in the instance"
print(objects[1].f(), Left.f(objects[1]))
objects[2].__class__ = Left
print(Left.f(objects[2]), objects[2].make(1))

# Classes and classes' classes as self; objects that are none of the class; a lie about the class.
print(objects[1].told(Left, Both(8)), objects[1].told(Right, Both(9)))
for cls, obj in ((Left, Base(1)), (Left, 3), (3, Left(1)), (Left, Base), (Left, None), (type(None), None)):
    for _ in range(30):
        try:
            message = objects[1].told(cls, obj)
        except (TypeError, AttributeError) as error:
            message = str(error)
    print(message)
try:
    print(objects[1].told(Left, Both))
except (TypeError, AttributeError) as error:
    print("TypeError", "argument" in str(error))


class Liar:
    @property
    def __class__(self):
        return Both

    x = "lied"


print([objects[1].told(Left, Liar()) for _ in range(50)][-1])


class Meta(type):
    def __call__(cls, *args):
        return super().__call__(*args)

    def f(cls):
        return "Meta.f", cls.__name__


class SubMeta(Meta):
    def f(cls):
        return "SubMeta", *super().f()

    def mro(cls):
        return super().mro()


class M(metaclass=SubMeta):
    pass


class N(M):
    pass


for _ in range(100):
    result = M.f(), N.f(), type(N()).__name__
print(result)


# The implied arguments themselves.
class Implied(Base):
    def deleted(self):
        del self
        return super().f()

    def rebound(self, other):
        self = other
        return super().f()

    def closed(self, other):
        def get():
            return self

        first = super().f()
        self = other
        return first, super().f(), get().x

    def star(*args):
        return super().f()

    def shadowed(self):
        super = Fake  # noqa: A001
        return super().f()


class Fake:
    def f(self):
        return "fake"


implied, other = Implied(1), Implied(2)
for _ in range(100):
    result = implied.rebound(other), implied.closed(other), implied.shadowed()
    errors = []
    for attempt in (implied.deleted, implied.star):
        try:
            attempt()
        except RuntimeError as error:
            errors.append(str(error))
print(result, errors)
for bad in (3, Base(4)):
    try:
        implied.rebound(bad)
    except TypeError as error:
        print(error, error.__traceback__.tb_next.tb_lineno)


# Builtin bases, and a cooperative call that raises.
class Loud(dict):
    def __setitem__(self, key, value):
        super().__setitem__(key, value)

    def get(self, key, default=None):
        return super().get(key, default), "loud"

    def pop(self, *args):
        return super().pop(*args)

    def update(self, **kw):
        super().update(kw)


loud = Loud()
for i in range(200):
    loud[i % 7] = i
    loud.update(a=i)
    result = loud.get(3), loud.get("no"), len(loud)
print(result)
try:
    loud.pop("absent")
except KeyError as error:
    tb = error.__traceback__
    print(repr(error), [tb.tb_lineno, tb.tb_next.tb_lineno])
