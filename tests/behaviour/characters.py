"""s[i] of strs of every kind, and functions made again and again while their globals change."""

import sys
import types


class Str(str):
    def __getitem__(self, i):
        return "mine"


def at(s, i):
    return s[i]


def scan(s):
    n, i = 0, 0
    while i < len(s):
        if s[i] == "a" or s[i - 1] == "\u0394":
            n += 1
        i += 1
    return n


def loops():
    for s in ("abc", "\xe9a\xff", "a\u0394b", "\U0001f600a", ""):
        for _ in range(400):
            scan(s)
        print(ascii(s), scan(s))


loops()
for i in range(1000):
    at("abc", i % 3)
print(at("abc", -1), at("abc", -3), at("\x00\x7f", 1) == "\x7f", ascii(at("\u0394\xe9", 0)), ascii(at("\U0001f600", 0)))
print(at("abc", 1) is at("xbx", 1), at("\xe9", 0) is at("a\xe9", 1))
for i in (3, -4, 2**70, -(2**70), "0", None, 1.0):
    try:
        at("abc", i)
    except (IndexError, TypeError) as e:
        print(type(e).__name__, e)
print(at("abc", True), at(Str("abc"), 0), at([1, 2], 1), at(b"ab", 0), at({3: 4}, 3))


def to_the_end(s):
    out = []
    pos = 0
    while True:
        try:
            c = s[pos]
        except IndexError:
            return out
        out.append(c)
        pos += 1


for _ in range(300):
    end = to_the_end("hello")
print(end)

# --- functions


def maker(k):
    def inner(x, y=k, *, z=3) -> int:
        "doc"
        return x + y + z + k

    return inner


for i in range(1000):
    f = maker(i)
print(f(1), f.__name__, f.__qualname__, f.__module__, f.__doc__, f.__defaults__, f.__kwdefaults__, f.__annotations__)
print(f.__globals__ is globals(), f.__builtins__ is maker.__builtins__, f.__closure__[0].cell_contents, f.__dict__)
__name__ = "another"
print(maker(1).__module__)
del __name__
print(maker(1).__module__)
__name__ = 5
print(maker(1).__module__)
__builtins__ = {"len": lambda x: "other builtins"}
print(sorted(maker(1).__builtins__)[:1], [len(x) for x in [[1]]])
del __builtins__
print("len" in maker(1).__builtins__)

source = "def make():\n    return (lambda: 1), [f for f in (lambda: 2,)]\n"
for k in range(3):
    module = types.ModuleType(f"m{k}")
    exec(source, module.__dict__)
    for _ in range(500):
        a, (b,) = module.make()
    print(a.__module__, b.__module__, a(), b())
namespace = {}
exec(source, namespace)
for _ in range(500):
    a, (b,) = namespace["make"]()
print(a.__module__, "len" in a.__builtins__)


class Globals(dict):
    pass


namespace = Globals()
exec(source, namespace)
for _ in range(500):
    a, (b,) = namespace["make"]()
print(a.__module__, type(a.__globals__).__name__)
before = sys.getrefcount(maker.__code__.co_consts[1])
for i in range(1000):
    maker(i)
print(sys.getrefcount(maker.__code__.co_consts[1]) - before)
