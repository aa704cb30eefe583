"""Classes that change under code warmed on their old attributes and methods."""


class Base:
    kind = "base"

    def method(self, x):
        return ("Base.method", x)

    def area(self):
        return self.size * 2


class Child(Base):
    def __init__(self, size):
        self.size = size


def use(obj):
    return obj.kind, obj.method(1), obj.area(), obj.size


def warm(obj, n=1500):
    for _ in range(n):
        result = use(obj)
    return result


obj = Child(3)
print(warm(obj))
Base.kind = "new kind"
print(use(obj), warm(obj))
Child.kind = "child kind"
print(use(obj), warm(obj))
obj.kind = "instance kind"
print(use(obj), warm(obj))
del obj.kind, Child.kind
print(use(obj), warm(obj))
Base.method = lambda self, x: ("lambda", x, type(self).__name__)
print(use(obj), warm(obj))
Child.method = lambda self, x: "child's"
print(use(obj), warm(obj))
del Child.method
print(use(obj))
obj.method = lambda x: ("on the instance", x)
print(use(obj), warm(obj))
del obj.method
print(use(obj))
Child.size = property(lambda self: 99)
print(use(obj), warm(obj))
del Child.size
print(use(obj))


class Data:
    def __get__(self, instance, owner):
        return ("data descriptor", instance is not None)

    def __set__(self, instance, value):
        print("set", value)


Child.kind = Data()
print(use(obj), warm(obj))
obj.kind = 5
Child.kind = 7
print(use(obj))
obj.kind = 5
print(use(obj))
del obj.kind


class Other(Base):
    kind = "other"

    def area(self):
        return "other area"


Child.__bases__ = (Other,)
del Child.kind
print(use(obj), warm(obj))


def fallback(self, name):
    return ("getattr", name)


def everything(self, name):
    return ("getattribute", name) if name != "method" else (lambda x: "any")


def read_missing(o):
    return o.missing


for _ in range(200):
    try:
        read_missing(obj)
    except AttributeError as error:
        message = str(error)
print(message)
Child.__getattr__ = fallback
print([read_missing(obj) for _ in range(1000)][-1])
del Child.__getattr__
try:
    read_missing(obj)
except AttributeError as error:
    print(error)
Child.__getattribute__ = everything
try:
    print(use(obj))
except TypeError as error:
    print(error)
del Child.__getattribute__
print(use(obj))


def change_in_loop(n):
    seen = []
    for i in range(n):
        if i == n // 2:
            Base.kind = "flipped"
            Base.method = classmethod(lambda cls, x: (cls.__name__, x))
            Other.kind = "other flipped"
        value = use(obj)[:2]
        if not seen or seen[-1] != value:
            seen.append(value)
    return seen


print(change_in_loop(4000))
