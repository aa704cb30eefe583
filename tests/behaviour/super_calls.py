"""super() in its forms, from hot methods, and the class cell."""


class A:
    def __init__(self, x):
        self.x = x

    def f(self, n):
        return ["A"] if n == 0 else ["A", n]

    @property
    def p(self):
        return "A.p"

    @classmethod
    def c(cls):
        return ["A.c", cls.__name__]

    @staticmethod
    def s():
        return "A.s"


class B(A):
    def __init__(self, x):
        super().__init__(x)
        self.b = x * 2

    def f(self, n):
        return ["B"] + super().f(n)

    @property
    def p(self):
        return "B." + super().p

    @classmethod
    def c(cls):
        return ["B.c"] + super().c()

    def own_class(self):
        return __class__


class C(A):
    def f(self, n):
        return ["C"] + super(C, self).f(n)


class D(B, C):
    def __init__(self, x):
        super().__init__(x)
        self.d = 1

    def f(self, n):
        return ["D"] + super().f(n)

    def unbound(self):
        return super(B, D).c()

    def static(self):
        return super().s()

    def in_lambda(self):
        return (lambda: super(D, self).p)()

    def in_comprehension(self):
        return [super(D, self).p for _ in range(1)]

    def missing(self):
        return super().nope

    def rebound(self):
        self = B(5)
        return super().f(0)


d = D(1)
for n in range(1500):
    result = d.f(n % 2), d.p, d.c(), d.unbound(), d.static(), d.in_lambda(), d.in_comprehension(), D(n).b, d.own_class()
print(result)
for attempt in (d.missing, d.rebound):
    for _ in range(50):
        try:
            attempt()
        except (AttributeError, TypeError) as error:
            message = type(error).__name__, str(error)
    print(message)
A.f = lambda self, n: ["new A"]
print(d.f(1))
C.f = lambda self, n: ["new C"]
print(d.f(1), [d.f(1) for _ in range(500)][-1])
B.__bases__ = (C,)
print(D.__mro__[1:4], d.f(1), d.p)


def no_class():
    return super()


def loose(self):
    return super().f(0)


for f, args in ((no_class, ()), (loose, (d,))):
    try:
        f(*args)
    except RuntimeError as error:
        print(error)


class E:
    def f(self):
        del self
        return super()

    def g(*args):
        return super().__repr__

    def nested(self):
        def inner(x):
            return super().__init__

        return inner


for attempt in (E().f, E().g, lambda: E().nested()(E()), lambda: E().nested()(3)):
    try:
        print(type(attempt()).__name__)
    except (RuntimeError, TypeError) as error:
        print(type(error).__name__, error)


class Counter(dict):
    def __setitem__(self, k, v):
        super().__setitem__(k, v + 1)

    def __getitem__(self, k):
        return super().__getitem__(k) * 2


c = Counter()
for i in range(3000):
    c[i % 5] = i
print(dict.items(c), c[3])


class Meta(type):
    def __call__(cls, *args):
        o = super().__call__(*args)
        o.made = True
        return o

    def __getattribute__(cls, name):
        return super().__getattribute__(name)


class F(metaclass=Meta):
    pass


print(all(F().made for _ in range(1000)))
super = lambda *a: A(3)  # noqa: E731, A001


class G(A):
    def f(self, n):
        return super().x


print([G(1).f(0) for _ in range(500)][-1])
