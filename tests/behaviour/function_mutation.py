"""__code__, __defaults__, __kwdefaults__ and attributes of functions change under hot callers."""
import types


def f(a, b=2, *, c=3):
    return ("f", a, b, c)


def g(a, b=20, *, c=30):
    return ("g", a, b, c)


def call(n):
    seen = []
    for i in range(n):
        value = f(1)
        if not seen or seen[-1] != value:
            seen.append(value)
    return seen


print(call(2000))
f.__defaults__ = (22,)
print(call(2000))
f.__kwdefaults__ = {"c": 33}
print(call(2000))
code = f.__code__
f.__code__ = g.__code__
print(call(2000), f.__name__)
f.__code__ = code
f.__kwdefaults__["c"] = "mutated in place"
print(call(2000))
for change in (lambda: setattr(f, "__defaults__", None), lambda: setattr(f, "__kwdefaults__", None)):
    change()
    try:
        call(1)
    except TypeError as error:
        print(error)
f.__defaults__, f.__kwdefaults__ = (1, 2), {"c": 4}
print(f(), call(10))


def swap_inside(n):
    seen = []
    for i in range(n):
        if i == n // 2:
            f.__code__ = (lambda a, b, *, c: ("swapped", c)).__code__
        value = f(1)
        if not seen or seen[-1] != value:
            seen.append(value)
    return seen


print(swap_inside(3000))


def outer(x):
    def inner():
        return x

    return inner


h = outer(1)
for bad in (outer.__code__, f.__code__):
    try:
        h.__code__ = bad
    except ValueError as error:
        print(error)


def redefine_self(n):
    """A function whose code is replaced while it runs: the running frame keeps the old code."""
    total = 0
    for i in range(n):
        if i == n // 2:
            redefine_self.__code__ = (lambda n: "new").__code__
        total += i
    return total


print(redefine_self(5000), redefine_self(5000))
copies = [types.FunctionType(g.__code__, {"__builtins__": {}}, f"copy{i}", (i,), None) for i in range(3)]
for _ in range(1000):
    for k in copies:
        k.__kwdefaults__ = {"c": 0}
        k(1)
print([k(1) for k in copies], [k.__name__ for k in copies])
f.__code__ = code.replace(co_consts=tuple("F" if c == "f" else c for c in code.co_consts))
print(call(500))
