"""exec, eval and one code object run against different globals, locals and builtins."""
import builtins
import types

code = compile("def f(n):\n    t = 0\n    for i in range(n):\n        t += step\n    return t, len(str(t))\nresult = f(count)\n", "made", "exec")
for step, count in ((1, 2000), (0.5, 2000), ("a", 3), (True, 2000), (1 << 40, 2000)):
    space = {"step": step, "count": count}
    try:
        exec(code, space)
        print(space["result"], sorted(k for k in space if k != "__builtins__"))
    except TypeError as error:
        print(error)

expression = compile("x * y + z", "made", "eval")
print(sum(eval(expression, {"x": i, "y": 2, "z": 1}) for i in range(1000)))
print(sum(eval(expression, {"y": 2}, {"x": i, "z": 0.5}) for i in range(1000)))


class Namespace(dict):
    def __init__(self):
        self.reads = []

    def __getitem__(self, key):
        self.reads.append(key)
        if key in ("x", "y"):
            return 3
        return super().__getitem__(key)

    def __missing__(self, key):
        raise KeyError(key)


space = Namespace()
for _ in range(300):
    value = eval("x + y + len('ab')", {}, space)
print(value, len(space.reads), space.reads[:3])
loop = compile("for i in range(500):\n    x = i * 2\n    y = x + i\n", "made", "exec")
local = Namespace()
for _ in range(10):
    exec(loop, {}, local)
print(dict.__getitem__(local, "x"), dict.__getitem__(local, "y"), len(local.reads))


def template(n):
    return scale * n + offset  # noqa: F821


versions = [types.FunctionType(template.__code__, {"scale": s, "offset": o, "__builtins__": builtins}) for s, o in ((1, 2), (0.5, 0), ("ab", "c"), ([1], [2]))]
for i in range(2000):
    for v in versions:
        v(i % 3)
print([v(2) for v in versions])
try:
    types.FunctionType(template.__code__, {})(1)
except NameError as error:
    print(error)
limited = types.FunctionType(compile("len(x)", "made", "eval"), {"x": "abc", "__builtins__": {"len": lambda v: "own len"}})
print([limited() for _ in range(500)][-1])


def closures(n):
    def make(k):
        def inner(x):
            return x + k

        return inner

    shared = [make(k) for k in (1, 2.5, "s")]
    code = shared[0].__code__
    rebuilt = types.FunctionType(code, {}, "rebuilt", None, (types.CellType(100),))
    total = 0
    for i in range(n):
        total += shared[0](i) + shared[1](i) + rebuilt(i)
    return total, shared[2]("x"), rebuilt.__closure__[0].cell_contents


print(closures(2000))


def locals_exec(n):
    x = 1
    for i in range(n):
        exec("x = 5; y = x + i", {"i": i}, space := {})
    return x, space, "y" in locals()


print(locals_exec(300))


def nested_eval(depth):
    return 0 if depth == 0 else eval("1 + nested_eval(depth - 1)")


print([nested_eval(10) for _ in range(50)][-1])
for source in ("1 +", "x = ", "def f(:\n pass", "return 5", "yield 1", "'abc", "a b", "f(**x, *y)", "break", "nonlocal q", "None = 1"):
    for _ in range(3):
        try:
            exec(source)
        except SyntaxError as error:
            message = error.msg, error.lineno, error.offset, error.text
    print(message)


def same_source(n):
    """The same text compiled again and again makes new code objects that are all right."""
    out = set()
    for i in range(n):
        space = {}
        exec(f"def f(a):\n    b = a * 2\n    for k in range(50):\n        b += k\n    return b + {i % 3}\n", space)
        out.add(space["f"](1))
    return sorted(out)


print(same_source(300))
module = types.ModuleType("made")
exec("count = 0\ndef bump():\n    global count\n    count += 1\n    return count\ndef __getattr__(name):\n    return 'lazy ' + name\n", module.__dict__)
for _ in range(2000):
    module.bump()
print(module.count, module.anything)
module.count = 0.5
print(module.bump(), module.bump())
del module.count
try:
    module.bump()
except NameError as error:
    print(error)
