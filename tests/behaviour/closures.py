"""Cells shared between hot functions and changed from everywhere."""


def counter():
    n = 0

    def up():
        nonlocal n
        n += 1
        return n

    def read():
        return n

    def reset(value):
        nonlocal n
        n = value

    return up, read, reset


up, read, reset = counter()
for i in range(3000):
    up()
    if i == 1000:
        reset(0.5)
    elif i == 2000:
        reset(1 << 62)
print(read())
reset("text")
try:
    up()
except TypeError as error:
    print(error)
up.__closure__[0].cell_contents = 7
print(up(), read())
del up.__closure__[0].cell_contents
for f in (read, up):
    try:
        f()
    except NameError as error:
        print(type(error).__name__, error)
up.__closure__[0].cell_contents = 1.0
print(up())


def late_binding(n):
    functions = [lambda: i for i in range(n)]
    bound = [lambda i=i: i for i in range(n)]
    return sum(f() for f in functions), sum(f() for f in bound)


print(late_binding(500))


def loop_cell(n):
    total = 0
    x = 0.0

    def add():
        nonlocal total, x
        total += x
        x += 0.5

    for i in range(n):
        x = x + 1.0
        add()
        x = x - 0.25
    return total, x


print(loop_cell(3000))


def depth(a):
    def one(b):
        def two(c):
            def three(d):
                nonlocal a
                a += 1
                return a, b, c, d

            return three

        return two

    return one


f = depth(0)(1)(2)
print([f(i) for i in range(2000)][-1])


def argument_cell(x, *args, y=2, **kw):
    def get():
        return x, args, y, kw

    x = x + 1
    args = args + (x,)
    return get()


print([argument_cell(i, 1, y=3, z=4) for i in range(1500)][-1])


def recursive_closure(n):
    def fact(k):
        return 1 if k < 2 else k * fact(k - 1)

    return fact(n)


print([recursive_closure(20) for _ in range(300)][-1])


def rebinding_function(n):
    def g(k):
        return k

    total = 0
    for i in range(n):
        total += g(i)
        if i == n // 2:
            g = lambda k: -k  # noqa: E731
    return total, (lambda: g(1))()


print(rebinding_function(3000))


class Scoped:
    x = "class"

    def method(self):
        return x  # noqa: F821

    values = [y for y in range(3)]

    def cell(self):
        def inner():
            return __class__, self

        return inner()[0].__name__


x = "global"
print([(Scoped().method(), Scoped().cell()) for _ in range(500)][-1])


def generator_cell(n):
    total = 0

    def gen():
        nonlocal total
        for i in range(n):
            total += i
            yield total

    for value in gen():
        total -= 1
    return total, value


print(generator_cell(2000))


def many_cells(n):
    a = b = c = d = 0

    def step(i):
        nonlocal a, b, c, d
        a, b, c, d = b + i, c + 1, d - a, a & 0xFFFF
        return a

    for i in range(n):
        step(i)
    return a, b, c, d


print(many_cells(40))


def decorate(f):
    calls = [0]

    def wrapper(*args, **kwargs):
        calls[0] += 1
        return f(*args, **kwargs), calls[0]

    return wrapper


@decorate
@decorate
def add(a, b=1):
    return a + b


print([add(i, b=2) for i in range(1500)][-1])
