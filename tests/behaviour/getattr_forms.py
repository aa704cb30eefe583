"""getattr() and hasattr() with constant names: presence that comes and goes, errors of getters, hooks, odd objects."""

import sys
import types


class Plain:
    kind = "class"

    def __init__(self):
        self.x = 1

    def m(self):
        return "m"


class Slots:
    __slots__ = ("x", "unset")

    def __init__(self):
        self.x = 2


class Getter:
    error = AttributeError

    @property
    def x(self):
        raise self.error("from the getter")

    @property
    def kind(self):
        return "property"


class Hook:
    def __getattr__(self, name):
        if name == "x":
            raise AttributeError("no x here")
        if name == "m":
            raise ValueError("m is wrong")
        return "hooked " + name


class Everything:
    def __getattribute__(self, name):
        return object.__getattribute__(self, "missing") if name == "x" else name


def ask(o):
    return hasattr(o, "x"), hasattr(o, "kind"), hasattr(o, "unset"), hasattr(o, "__class__")


def get(o):
    return getattr(o, "x", None), getattr(o, "kind", "no kind"), getattr(o, "unset", o is None)


def must(o):
    return getattr(o, "x")  # noqa: B009


def method(o):
    m = getattr(o, "m", None)
    return m and m()


module = types.ModuleType("module")
module.x = "module's"
objects = [Plain(), Slots(), Getter(), Everything(), module, Plain, Slots, 1, "s", None, sys, len, type, [], ask]
for _ in range(60):
    result = [(ask(o), get(o)) for o in objects]
print([(a, [type(v).__name__ for v in g]) for a, g in result])
for _ in range(60):
    hooked = Hook()
    result = getattr(hooked, "x", "default"), getattr(hooked, "other", "default"), hasattr(hooked, "x")
    try:
        method(hooked)
    except ValueError as error:
        message = str(error)
print(result, message)
for o in [*objects, hooked]:
    for _ in range(40):
        try:
            message = type(must(o)).__name__
        except AttributeError as error:
            message = str(error), error.name, error.obj is o
    print(message)

# Other errors go through, from both.
Getter.error = KeyError
for f in (ask, get, must):
    for _ in range(40):
        try:
            f(objects[2])
        except KeyError as error:
            message = f.__name__, str(error), error.__traceback__.tb_next.tb_lineno
    print(message)
Getter.error = AttributeError
print(ask(objects[2]), get(objects[2]))

# What was absent appears: in the instance, in the class, in a base, in the metaclass, by another class.
p, q = Plain(), Plain()


def late(o):
    return hasattr(o, "late"), getattr(o, "late", "default")


print([late(o) for _ in range(60) for o in (p, q, Plain)][-3:])
p.late = "in the instance"
print([late(o) for o in (p, q, Plain)])
Plain.late = "in the class"
print([late(o) for o in (p, q, Plain)])
del Plain.late, p.late
print([late(o) for o in (p, q, Plain)])
p.__dict__["late"] = "in the dict"
print([late(o) for o in (p, q, Plain)])
Plain.__getattr__ = lambda self, name: "hook " + name
print([late(o) for o in (p, q, Plain)])
del Plain.__getattr__
q.__class__ = type("Heir", (Plain,), {"late": "heir's"})
print([late(o) for o in (p, q, Plain)])
objects[1].unset = 1
print(ask(objects[1]), get(objects[1]))
del objects[1].x
print(ask(objects[1]), get(objects[1]))

# Many types at one site: more than its cache has room for, properties and methods among them.
kinds = [type(f"K{i}", (Plain,), {f"a{i}": 1, "kind": property(lambda self, i=i: i), "late": i} if i % 3 else {}) for i in range(40)]
many = [k() for k in kinds]


def visit(o):
    o.x = o.x + 1
    o.y = o.kind
    return o.m(), o.kind, o.x, getattr(o, "late", None), hasattr(o, "late"), o.y


for _ in range(30):
    result = [visit(o) for o in many]
print(result[::7])
kinds[7].kind = "changed"
kinds[14].m = lambda self: "other m"
del kinds[28].late
many[35].m = lambda: "instance m"
print([visit(o) for o in many][::7])
del many[7].x
try:
    [visit(o) for o in many]
except AttributeError as error:
    print(error, [visit(o)[0] for o in many[8:]][-1])

# Names that are no constants, wrong calls, and other functions of that name.
for _ in range(40):
    errors = []
    for call in (lambda: getattr(p), lambda: getattr(p, 1), lambda: hasattr(p, "x", 1), lambda: getattr(p, "x", 1, 2)):
        try:
            call()
        except TypeError as error:
            errors.append(str(error))
print(errors, [getattr(p, n, 0) for n in ("x", "nope", "kind")])
hasattr = lambda o, name: name  # noqa: E731, A001
print(ask(p))
