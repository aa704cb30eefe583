"""Attributes of many classes that keep changing, as of a base class that counts its instances: what is found is what
there is now."""

N = 3000


class Base:
    count = 0
    kind = "base"

    def __init__(self, name):
        Base.count += 1  # of all subclasses' version tags, too
        self.name = name
        self.number = Base.count

    def describe(self):
        return f"{self.kind} {self.name}"


CLASSES = [type(f"C{i}", (Base,), {"kind": f"kind {i}"}) for i in range(12)]


def loads(objects):
    total = 0
    for o in objects:
        total += o.number + len(o.name) + len(o.kind) + len(o.describe())
    return total


def stores(objects):
    for o in objects:
        o.name = o.name
        o.extra = o.number


def asks(objects):
    return sum(hasattr(o, "extra") + hasattr(o, "missing") + getattr(o, "other", 5) for o in objects)


def make():
    return [c(f"n{i}") for i, c in enumerate(CLASSES)]


total = 0
for _ in range(N // 10):
    objects = make()
    total += loads(objects)
    stores(objects)
    total += asks(objects)
print("counted", Base.count, total)

# What the sites have come to think of these classes does not keep them from seeing what changes.
objects = make()
print("before", loads(objects), asks(objects))
Base.number = property(lambda self: 1000)
print("property", loads(objects))
del Base.number
print("deleted", loads(objects))
CLASSES[3].describe = lambda self: "another"
CLASSES[4].kind = "x" * 100
print("class attributes", loads(objects))
objects[5].kind = "own"
objects[6].describe = lambda: "own method"
print("own", loads(objects), objects[5].describe(), objects[6].describe())
Base.missing = 1
print("missing", asks(objects))
del Base.missing
print("missing again", asks(objects))


class Refusing:
    def __set__(self, o, value):
        raise AttributeError("not to be set")

    def __get__(self, o, cls):
        return "got"


Base.extra = Refusing()
try:
    stores(objects)
except AttributeError as e:
    print("refused", e)
print([o.extra for o in objects][:3])
del Base.extra
stores(objects)
print([o.extra for o in objects][:3])


class Hooked(Base):
    def __getattr__(self, name):
        return f"hook {name}"

    def __setattr__(self, name, value):
        log.append(name)
        object.__setattr__(self, name, value)


log = []
objects.append(Hooked("h"))
stores(objects)
print(log, objects[-1].absent, asks(objects[:-1]))

# The other way round: the classes are left alone again, and change once more.
for _ in range(N):
    total = loads(objects)
print("settled", total)
CLASSES[0].kind = "y" * 50
print("changed", loads(objects))
for o in objects:
    del o.name
try:
    loads(objects)
except AttributeError as e:
    print(type(e).__name__, e, e.name, e.obj is objects[0])
objects[-1].__dict__["name"] = "in the dict"
print(objects[-1].name, loads(objects[-1:]))
