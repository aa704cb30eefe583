"""Globals and builtins that are rebound, deleted and shadowed while code that reads them is hot."""
import builtins

value = 1


def read():
    return value


def helper(x):
    return x + 1


def use(x):
    return helper(x), len("four")


def changes(n, step):
    seen = []
    for i in range(n):
        step(i)
        try:
            result = read(), use(i % 2)
        except NameError as error:
            result = str(error)
        if not seen or seen[-1] != result:
            if len(seen) < 12:
                seen.append(result)
    return seen


def nothing(i):
    pass


print(changes(1000, nothing)[:2])


def rebind(i):
    global value
    if i == 500:
        value = "str"


print(changes(1000, rebind)[-3:])


def drop(i):
    global value
    if i == 500:
        del value
    elif i == 900:
        value = 3


def steady(n, step):
    seen = []
    for i in range(n):
        step(i)
        try:
            result = read(), helper(1), len("four")
        except NameError as error:
            result = str(error)
        if not seen or seen[-1] != result:
            seen.append(result)
    return seen


print(steady(2000, drop))


def shadow(i):
    global len
    if i == 500:
        len = lambda s: "shadowed"  # noqa: E731
    elif i == 1500:
        del len


print(steady(2000, shadow))
original = builtins.len


def patch(i):
    if i == 500:
        builtins.len = lambda s: "patched"
    elif i == 1500:
        builtins.len = original


print(steady(2000, patch))


def patch_helper(i):
    global helper
    if i == 700:
        helper = lambda x: ("other helper", x)  # noqa: E731
    elif i == 1400:
        helper = str


print(steady(2000, patch_helper))


def new_builtin(i):
    if i == 500:
        builtins.value_from_builtins = "now there"
    elif i == 1000:
        globals()["value_from_builtins"] = "global first"
    elif i == 1500:
        del globals()["value_from_builtins"]
    elif i == 1800:
        del builtins.value_from_builtins


def read_new(n):
    seen = []
    for i in range(n):
        new_builtin(i)
        try:
            result = value_from_builtins
        except NameError as error:
            result = str(error)
        if not seen or seen[-1] != result:
            seen.append(result)
    return seen


print(read_new(2000))
source = "def f(n):\n    t = 0\n    for i in range(n):\n        t += size('abc')\n    return t\n"
for builtin_table in ({"range": range, "size": len}, {"range": range, "size": lambda s: 10}, {"range": range}):
    space = {"__builtins__": builtin_table}
    exec(source, space)
    try:
        print([space["f"](1000) for _ in range(3)])
    except NameError as error:
        print(error)


def grow(n):
    """Global stores that resize the module's dictionary while it is read."""
    total = 0
    for i in range(n):
        globals()[f"_grown_{i}"] = i
        total += read() + globals()[f"_grown_{i}"]
    return total


print(grow(3000))
