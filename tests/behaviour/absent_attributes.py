"""Attributes that are missing at one place again and again, and then are there: in an object, a class, a base, by
__getattr__, a property, a module; and missing again."""

import types

ROUNDS = 3000


class Base:
    pass


class A(Base):
    pass


class B(Base):
    pass


class Slots:
    __slots__ = ("there", "wanted")


class Meta(type):
    pass


class C(metaclass=Meta):
    pass


def load(o):
    try:
        return o.wanted
    except AttributeError as error:
        return str(error), error.name, error.obj is o


def call(o):
    try:
        return o.wanted()
    except AttributeError as error:
        return str(error), error.name, error.obj is o


def many(name, objects):
    for use in (load, call):
        answers = [[use(o) for o in objects] for _ in range(ROUNDS)]
        print(name, use.__name__, answers[0] if all(a == answers[0] for a in answers) else answers[:2] + answers[-2:])


class Wanted:
    def __init__(self, name):
        self.name = name

    def __call__(self):
        return self.name, "called"

    def __repr__(self):
        return self.name

    def __eq__(self, other):
        return isinstance(other, Wanted) and self.name == other.name

    __hash__ = None


module = types.ModuleType("module")
objects = [A(), B(), Slots(), C, module, 5, "text", None, A]
many("none", objects)
objects[0].wanted = Wanted("instance")
many("instance", objects)
del objects[0].wanted
many("none", objects)
Base.wanted = Wanted("base")
many("base", objects)
B.wanted = property(lambda self: Wanted("property"))
many("property", objects)
del Base.wanted, B.wanted
many("none", objects)
A.__getattr__ = lambda self, name: Wanted("hook " + name)
many("hook", objects)
del A.__getattr__
objects[2].wanted = Wanted("slot")
Meta.wanted = Wanted("metaclass")
module.wanted = Wanted("module")
many("others", objects)
del objects[2].wanted, Meta.wanted, module.wanted
many("none", objects)
