"""Frames as introspection sees them from and inside hot functions."""
import inspect
import sys
import traceback


def where():
    f = sys._getframe(1)
    return f.f_code.co_name, f.f_lineno - f.f_code.co_firstlineno


def lines(n):
    seen = []
    for i in range(n):
        a = where()
        b = (
            i,
            where(),
        )
        if not seen or seen[-1] != (a, b[1]):
            seen.append((a, b[1]))
    return seen


print(lines(2000))


def stack(depth):
    f, names = sys._getframe(), []
    while f and len(names) < depth:
        names.append((f.f_code.co_name, f.f_lineno))
        f = f.f_back
    return names


def level3():
    return stack(5)


def level2():
    x = level3()
    return x


def level1():
    return level2()


for _ in range(2000):
    result = level1()
print(result)


def caller_locals():
    return dict(sys._getframe(1).f_locals)


def locals_seen(n):
    x, y, s = 0.5, 1, "a"
    out = None
    for i in range(n):
        x = x * 1.5
        y += i
        if i % 500 == 250:
            s = s + "b"
            out = caller_locals()
            out.pop("out", None)
        x = x / 1.4999
    return out, sorted(locals())


print(locals_seen(3000))


def locals_snapshot(n):
    for i in range(n):
        before = locals()
        z = i * 2.0
        after = locals()
    return before is after, after["z"], sorted(after)


print(locals_snapshot(1500))


def closure_locals(n):
    cell = 0

    def inner():
        nonlocal cell
        cell += 1
        return sys._getframe().f_locals["cell"], sys._getframe(1).f_locals["cell"]

    for _ in range(n):
        result = inner()
    return result, locals()["cell"]


print(closure_locals(2000))


def inspected(a, b=2, *args, key=3, **kw):
    frame = inspect.currentframe()
    info = inspect.getargvalues(frame)
    return info.args, info.varargs, info.keywords, info.locals["a"], info.locals["args"], info.locals["kw"]


for _ in range(1000):
    result = inspected(1, 2, 3, key=4, other=5)
print(result)


def stack_info():
    info = inspect.stack()[0:2]
    return [(i.function, i.lineno - i.frame.f_code.co_firstlineno, i.code_context[0].strip()) for i in info]


def calls_stack_info():
    return stack_info()


for _ in range(20):
    result = calls_stack_info()
print(result[0], result[1][0], result[1][2])


def extract():
    return [(f.name, f.line) for f in traceback.extract_stack()][-2:]


def calls_extract():
    return extract()


for _ in range(200):
    result = calls_extract()
print(result)


def generator_frames():
    x = 0.5
    for i in range(3):
        x = x * 2
        yield i
    yield x


def inspect_generator():
    g = generator_frames()
    out = [g.gi_frame.f_lineno - g.gi_code.co_firstlineno, inspect.getgeneratorstate(g)]
    for v in g:
        out.append((v, g.gi_frame.f_locals.get("x"), g.gi_frame.f_lineno - g.gi_code.co_firstlineno))
    return out + [g.gi_frame, inspect.getgeneratorstate(g)]


for _ in range(500):
    result = inspect_generator()
print(result)


def frame_after_return():
    value = 1.25
    frame = sys._getframe()
    value = value * 2
    return frame


def after(n):
    for _ in range(n):
        frame = frame_after_return()
    return sorted(frame.f_locals.items(), key=lambda kv: kv[0])[1], frame.f_back, frame.f_lineno - frame.f_code.co_firstlineno


print(after(1000))


def all_frames_exec(n):
    space = {"sys": sys}
    exec("def f(x):\n    y = x * 2\n    return sorted(sys._getframe().f_locals), sys._getframe().f_globals is globals()\n", space)
    for i in range(n):
        result = space["f"](i)
    return result


print(all_frames_exec(1000))
print(sorted(k for k in sys._current_frames()[__import__("threading").get_ident()].f_locals if k.startswith("le")))
