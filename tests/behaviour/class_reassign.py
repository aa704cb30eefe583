"""Objects that change class, dictionary or shape in the middle of a loop."""


class A:
    def __init__(self, v):
        self.v = v

    def name(self):
        return ("A", self.v)


class B:
    def __init__(self, v):
        self.other = 1
        self.v = v

    def name(self):
        return ("B", self.v)


class Slotted:
    __slots__ = ("v", "w")

    def name(self):
        return ("S", self.v)


def run(objects, n):
    last = None
    for i in range(n):
        for o in objects:
            last = o.name()
            if i == n // 2 and type(o) is A:
                o.__class__ = B
    return last


print(run([A(1), B(2), A(3)], 2000))
print(run([A(1)], 2000))


def bump(o, n):
    for _ in range(n):
        o.v += 1
    return o.v


a = A(0)
print(bump(a, 3000))
a.__dict__["v"] = 10
print(bump(a, 10))
a.__dict__ = {"v": 100, "extra": 1}
print(bump(a, 10), a.extra, vars(a))
s = Slotted()
s.v = 1
print(bump(s, 3000))
del s.v
for attempt in (lambda: bump(s, 1), lambda: s.name(), lambda: s.w, lambda: setattr(s, "nope", 1)):
    try:
        attempt()
    except AttributeError as error:
        print(type(error).__name__, error)


def shapes(n):
    """Instances of one class with attributes set in different orders."""
    total = 0
    for i in range(n):
        o = A(i)
        if i % 3 == 0:
            o.x, o.y = 1, 2
        elif i % 3 == 1:
            o.y, o.x = 2, 1
        else:
            del o.v
            o.y = 2
            o.v = i
            o.x = 1
        total += o.x * 10 + o.y + o.v
    return total


print(shapes(3000))


def many(n):
    o = A(0)
    for i in range(n):
        setattr(o, f"attr{i}", i)
        o.v += i
    return o.v, len(vars(o)), o.attr5, o.attr99


print(many(200))


def delete_and_read(n):
    o = A(1)
    missing = 0
    for i in range(n):
        if i % 100 == 50:
            del o.v
        try:
            o.v
        except AttributeError:
            missing += 1
            o.v = i
    return missing, o.v


print(delete_and_read(3000))
for target, new in ((a, int), (a, Slotted), (3, A)):
    try:
        target.__class__ = new
    except TypeError as error:
        print(error)


class Meta(type):
    flag = "meta"

    def __call__(cls, *args):
        return ("made", args) if cls.special else super().__call__(*args)


class M(metaclass=Meta):
    special = False

    def __init__(self, *args):
        self.args = args


def make(n):
    for i in range(n):
        m = M(i)
    return m


print(make(2000).args, M.flag)
M.special = True
print(make(2))
M.special = False
M.__new__ = lambda cls, *args: "not an instance"
print(make(2000))
