"""The engine: switching on and off, calls into compiled code, limits, other users of PEP 523."""

from __future__ import annotations

import shutil
import textwrap

import pytest
import runmodes
from conftest import Python, find_other_pythons

MODES = ["ext-t1", "ext-t1-deopt", "ext-t30", "pyston3-t1"]


def run(mode: str, tmp_path, source: str, *args, env=None, **kw):
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(source))
    python = Python(runmodes.parse(mode))
    reason = python.mode.unavailable()
    assert reason is None, reason
    return python(program, *args, env=env, timeout=60, **kw)


@pytest.fixture(params=MODES)
def same_as_stock(request, tmp_path):
    """Runs a program in stock and with the engine; both must end well and print the same."""

    def check(source: str, **kw) -> str:
        expected = run("stock", tmp_path, source, **kw).ok
        got = run(request.param, tmp_path, source, **kw).ok
        assert got == expected
        return got

    return check


# --- on and off ---------------------------------------------------------------------------------

HOT = """
import _pyston
def f(a, b=2):
    return a * b + 1
def heat():
    for i in range(400):
        assert f(i) == 2 * i + 1
"""


def test_enable_and_disable(tmp_path):
    done = run(
        "ext-t100",
        tmp_path,
        HOT
        + """
assert _pyston.is_enabled()
heat()
t = _pyston._testing
assert t.is_compiled(f)
compiled = _pyston.stats()["functions_compiled"]
_pyston.disable()
_pyston.disable()
assert not _pyston.is_enabled() and not _pyston.stats()["enabled"]
heat()                       # f's vectorcall is still the engine's
assert f(1, b=3) == 4
_pyston.enable()
_pyston.enable()
assert _pyston.is_enabled() and t.is_compiled(f)
heat()
print(_pyston.stats()["functions_compiled"] >= compiled)
""",
    )
    assert done.ok == "True\n"


def test_generators_are_compiled_where_they_are_hot(tmp_path):
    done = run(
        "ext-t50",
        tmp_path,
        """
        import _pyston
        def count(n):
            for i in range(n):
                if i % 2:
                    yield i
            yield -1             # once a generator: not hot
        async def add(a, b):
            return a + b
        async def total(n):
            t = 0
            for i in range(n):
                t = await add(t, i)
            return t
        def drive(c):
            try:
                c.send(None)
            except StopIteration as stop:
                return stop.value
        before = _pyston.stats()
        for i in range(45):
            assert list(count(10)) == [1, 3, 5, 7, 9, -1]
        middle = _pyston.stats()
        assert middle["resumes_compiled"] == before["resumes_compiled"] + 1     # behind the first yield
        for i in range(60):
            assert list(count(10)) == [1, 3, 5, 7, 9, -1]
            assert drive(total(10)) == 45
        after = _pyston.stats()
        assert after["resumes_compiled"] == middle["resumes_compiled"] + 4, after
        assert after["not_compiled"] == before["not_compiled"], after
        assert after["deopts"] == before["deopts"], (before, after)             # they run there to their end
        print("compiled")
        """,
    )
    assert done.ok == "compiled\n"


def test_disable_stops_a_running_compiled_loop(tmp_path):
    done = run(
        "ext-t1",
        tmp_path,
        """
        import _pyston
        def f(n):
            for i in range(n):
                if i == 10:
                    _pyston.disable()
                last = i
            return last
        print(f(1000), _pyston.is_enabled())
        """,
    )
    assert done.ok == "999 False\n"


def test_stats(tmp_path):
    done = run(
        "ext-t50",
        tmp_path,
        HOT
        + """
heat()
def g():
    yield 1
for i in range(200):
    list(g())
s = _pyston.stats()
numbers = ["functions_compiled", "loops_compiled", "resumes_compiled", "handlers_compiled", "recompilations",
           "osr_entries", "samples", "stack_segments", "line_arrays", "arenas",
           "functions_seen",
           "code_bytes", "metadata_bytes", "code_limit", "threshold"]
assert all(type(s[k]) is int and s[k] >= 0 for k in numbers), s
assert s["functions_compiled"] >= 1 and s["code_bytes"] > 0 and s["metadata_bytes"] > 0
assert s["threshold"] == 50 and s["code_limit"] == 64 << 20
assert type(s["compile_seconds"]) is float and s["compile_seconds"] > 0
assert s["share_compiled"] is None or 0 <= s["share_compiled"] <= 1
for k in "not_compiled", "deopts", "exceptions":
    assert all(type(n) is str and type(c) is int for n, c in s[k].items()), s
assert s is not _pyston.stats()
print("ok")
""",
    )
    assert done.ok == "ok\n"


def test_what_catches_often_stays_in_compiled_code(tmp_path):
    """A handler is compiled once it has caught ENG_CATCHES exceptions of compiled code. The loop around it then goes
    on in its unit: every further exception leaves compiled code and comes back. Where nobody can see what the
    handler catches, no more of them are raised."""
    done = run(
        "ext-t100",
        tmp_path,
        """
import _pyston

class Manager:
    def __enter__(self):
        return self
    def __exit__(self, *args):
        return True

def elided(d, n):
    for i in range(n):
        try:
            d[i]
        except KeyError:
            pass

def caught(d, n):
    for i in range(n):
        try:
            d[i]
        except KeyError:
            len(d)

def swallowed(d, n):
    for i in range(n):
        with Manager():
            d[i]

def finally_(d):
    try:
        d[1]
    finally:
        d = None

def passes_on(d, n):
    for i in range(n):
        try:
            finally_(d)
        except KeyError:
            pass

def generator(d, n):
    for i in range(n):
        try:
            yield d[i]
        except KeyError:
            yield None

def generated(d, n):
    for x in generator(d, n):
        pass

def counts(f, times, n):
    before = _pyston.stats()
    for _ in range(times):
        f({}, n)
    after = _pyston.stats()
    exceptions = [sum(s["exceptions"].values()) for s in (before, after)]
    return after["handlers_compiled"] - before["handlers_compiled"], exceptions[1] - exceptions[0]

def main():
    for i in range(150):
        finally_({1: 1})
    for f in elided, caught, swallowed, passes_on, generated:
        for i in range(150):
            f({}, 0)
        print(f.__name__, counts(f, 99, 1), counts(f, 1, 1), counts(f, 1, 1000), counts(f, 10, 100))

main()
""",
    )
    # passes_on: each exception leaves `d[1]`, the end of `finally_`'s handler and the call.
    assert done.ok == (
        "elided (0, 99) (0, 1) (0, 0) (0, 0)\n"
        "caught (0, 99) (1, 1) (0, 1000) (0, 1000)\n"
        "swallowed (0, 99) (1, 1) (0, 1000) (0, 1000)\n"
        "passes_on (0, 198) (2, 3) (0, 3000) (0, 3000)\n"
        "generated (0, 99) (1, 1) (0, 1000) (0, 1000)\n"
    )


def test_code_that_raises_often_gets_an_array_of_lines(tmp_path):
    done = run(
        "ext-t50",
        tmp_path,
        """
import _pyston

def raises(d, times):
    for _ in range(times):
        try:
            d["missing"]
        except KeyError:
            pass

def arrays():
    return _pyston.stats()["line_arrays"]

before = arrays()
raises({}, 15)
print(arrays() - before)
raises({}, 1)
print(arrays() - before)
raises({}, 100)
print(arrays() - before)
_pyston.disable()
exec("def other(d):\\n try: d['missing']\\n except KeyError: pass")
for _ in range(100):
    other({})
print(arrays() - before)
""",
    )
    assert done.ok.split() == ["0", "1", "1", "1"]


# --- where it cannot work ---------------------------------------------------------------------------

OFF = "pyston: the engine stays off: "


def test_a_failing_self_check_warns_once_and_runs_the_program(tmp_path):
    source = """
        import _pyston
        _pyston.enable()
        _pyston.enable()
        print(_pyston.is_enabled(), sum(range(10)))
    """
    for mode in "ext-t1", "pyston3-t1":
        done = run(mode, tmp_path, source, env={"PYSTON_SELFTEST_FAIL": "1"})
        assert (done.code, done.out) == (0, "False 45\n")
        assert done.err.startswith(OFF) and done.err.count("\n") == 1


def test_another_build_of_python(tmp_path):
    others = find_other_pythons()
    if not others:
        pytest.skip("no other Python 3.11 here")
    for other in others:
        done = run("ext-t100", tmp_path, HOT + "heat(); print(_pyston._testing.is_compiled(f))", program=other)
        assert done.ok == "True\n", other


def test_a_debug_build_is_refused(tmp_path):
    debug = shutil.which("python3.11d")
    if not debug:
        pytest.skip("no python3.11d (package python3.11-dbg)")
    done = run("ext-t1", tmp_path, "import _pyston; print(_pyston.is_enabled())", program=debug)
    assert (done.code, done.out) == (0, "False\n")
    assert done.err == OFF + "this Python differs from the 3.11 it knows (a debug build of Python)\n"


# Denies the process and its children memory that was writable and becomes executable, as hardened systems do.
DENY_GENERATED_CODE = """
import ctypes, os, sys
PR_SET_MDWE = 65
if ctypes.CDLL(None).prctl(PR_SET_MDWE, 1, 0, 0, 0) != 0:
    sys.exit("not supported")
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_system_that_denies_generated_code_runs_the_program(tmp_path):
    deny = tmp_path / "deny.py"
    deny.write_text(DENY_GENERATED_CODE)
    program = tmp_path / "hot.py"
    program.write_text(HOT + "heat()\nprint(_pyston.is_enabled(), _pyston.stats()['functions_compiled'])\n")
    for mode in "ext-t1", "pyston3-t1":
        python = Python(runmodes.parse(mode))
        done = python(deny, python.executable, program, program=runmodes.STOCK, timeout=60)
        if "not supported" in done.err:
            pytest.skip("the kernel has no PR_SET_MDWE")
        assert (done.code, done.out) == (0, "False 0\n")
        assert done.err == OFF + "the system does not allow generated code (mprotect with PROT_EXEC was refused)\n"


# A frame evaluation function in machine code: counts, then goes on in `then`.
OTHER_HOOK = """
import ctypes, mmap, struct
api = ctypes.pythonapi
api.PyInterpreterState_Get.restype = ctypes.c_void_p
api._PyInterpreterState_GetEvalFrameFunc.restype = ctypes.c_void_p
api._PyInterpreterState_GetEvalFrameFunc.argtypes = [ctypes.c_void_p]
api._PyInterpreterState_SetEvalFrameFunc.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
interp = api.PyInterpreterState_Get()
counter = ctypes.c_long(0)
memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
def make_hook(then):
    code = (b"\\x48\\xb8" + struct.pack("<Q", ctypes.addressof(counter)) + b"\\x48\\xff\\x00"   # inc [counter]
            + b"\\x48\\xb8" + struct.pack("<Q", then) + b"\\xff\\xe0")                           # jmp then
    memory[:len(code)] = code
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
def get_hook():
    return api._PyInterpreterState_GetEvalFrameFunc(interp)
def set_hook(hook):
    api._PyInterpreterState_SetEvalFrameFunc(interp, hook)
default = ctypes.cast(api._PyEval_EvalFrameDefault, ctypes.c_void_p).value
"""


def test_it_stands_down_for_another_hook(tmp_path):
    done = run(
        "ext-t1",
        tmp_path,
        OTHER_HOOK
        + """
import _pyston
_pyston.disable()
assert get_hook() == default
hook = make_hook(default)
set_hook(hook)
_pyston.enable()
assert not _pyston.is_enabled() and get_hook() == hook
set_hook(default)
_pyston.enable()
assert _pyston.is_enabled() and get_hook() != default
print("ok")
""",
    )
    assert (done.code, done.out) == (0, "ok\n")
    assert done.err == OFF + "another frame evaluation hook (PEP 523) is installed\n"


def test_a_later_hook_sees_every_call(tmp_path):
    done = run(
        "ext-t20",
        tmp_path,
        OTHER_HOOK
        + """
import _pyston
def callee(x):
    return x + 1
def caller(n):
    t = 0
    for i in range(n):
        t += callee(i)
    return t
for i in range(100):
    caller(5)
assert _pyston._testing.is_compiled(callee) and _pyston._testing.is_compiled(caller)
ours = get_hook()
set_hook(make_hook(ours))          # chains to the engine
assert not _pyston.is_enabled()
before = counter.value
assert caller(50) == 1275
chained = counter.value - before
set_hook(make_hook(default))       # does not
before = counter.value
assert caller(50) == 1275
alone = counter.value - before
_pyston.disable()                  # leaves a hook that is not its own
theirs = get_hook() not in (ours, default)
set_hook(ours)
assert caller(50) == 1275
print(chained, alone, theirs)
""",
    )
    assert done.ok == "51 51 True\n"


def test_subinterpreters_run_without_it(tmp_path):
    done = run(
        "ext-t1",
        tmp_path,
        """
        import _xxsubinterpreters as si
        def f(x):
            return x + 1
        for i in range(20):
            f(i)
        i = si.create()
        si.run_string(i, "def f(n):\\n    t = 0\\n    for i in range(n): t += i\\n    return t\\n"
                         "assert all(f(100) == 4950 for _ in range(100))")
        si.destroy(i)
        print(f(1))
        """,
    )
    assert done.ok == "2\n"


# --- calls ---------------------------------------------------------------------------------------------


def test_every_way_to_pass_arguments(same_as_stock):
    same_as_stock(
        """
        import functools
        def plain(a, b): return a, b
        def defaults(a, b=2, c=3): return a, b, c
        def star(a, *args, **kw): return a, args, kw
        def kwonly(a, *, b=5, c): return a, b, c
        def posonly(a, b=1, /, c=2): return a, b, c
        class C:
            def m(self, x, y=1): return x, y
            @classmethod
            def c(cls, x): return x
            @staticmethod
            def s(x=9): return x
        def attempt(f, *args, **kw):
            try:
                return f(*args, **kw)
            except TypeError as e:
                return str(e)
        calls = [((), {}), ((1,), {}), ((1, 2), {}), ((1, 2, 3), {}), ((1, 2, 3, 4), {}), ((1,), {"b": 7}),
                 ((), {"a": 1, "b": 2}), ((1,), {"a": 1}), ((1, 2), {"c": 8}), ((1,), {"zzz": 1}), ((), {"c": 1})]
        functions = [plain, defaults, star, kwonly, posonly, C().m, C.c, C.s, functools.partial(defaults, c=0)]
        out = []
        for round in range(40):
            out = [attempt(f, *a, **k) for f in functions for a, k in calls]
        for line in out:
            print(line)
        print(list(map(plain, [1, 2], [3, 4])), sorted([3, 1, 2], key=lambda v, s=-1: v * s))
        """
    )


def test_functions_that_change(same_as_stock):
    same_as_stock(
        """
        def f(a, b=2): return a + b
        def g(a, b=2): return a * b
        def h(*args): return args
        def k(a, *, c=1): return a - c
        def call(*args):
            try:
                return f(*args)
            except TypeError as e:
                return str(e)
        def direct(x):
            return f(x)
        def rounds():
            for i in range(60):
                direct(3), call(3)
            print(direct(3), call(3), call(3, 4), call(), call(1, 2, 3))
        rounds()
        f.__defaults__ = (10,); rounds()
        f.__code__ = g.__code__; rounds()
        f.__code__ = h.__code__; f.__defaults__ = None; rounds()
        f.__code__ = k.__code__; f.__kwdefaults__ = {"c": 5}; rounds()
        del f.__kwdefaults__
        for i in range(3):
            try:
                direct(3)
            except TypeError as e:
                print(e)
        """
    )


def test_references_balance(same_as_stock):
    same_as_stock(
        """
        import sys
        class V: pass
        def f(a, b=None):
            c = [a, b]
            a = None
            return c
        def boom(a):
            b = [a]
            raise KeyError(b)
        def caller(v):
            return f(v)
        def failing(v):
            try:
                boom(v)
            except KeyError:
                pass
        v = V()
        def counts():
            for i in range(100):
                caller(v); failing(v); f(v, b=v)
            return [sys.getrefcount(o) for o in (f, V, boom)]
        # The value stack's own reference may be one that compiled code only borrows, and every other
        # time when each guard fails: growth is what counts.
        rounds = [counts() for _ in range(12)]
        def most(some):
            return [max(column) for column in zip(*some)]
        print(most(rounds[2:6]) == most(rounds[8:]), sys.getrefcount(v) <= 2)
        """
    )


def test_frames_outlive_their_call(same_as_stock):
    same_as_stock(
        """
        import sys, gc
        class Gone:
            def __del__(self): print("gone")
        def f(x, keep):
            y = x * 2
            if keep:
                return sys._getframe()
            return y
        def outer(x):
            z = Gone()
            frame = f(x, True)
            return frame
        for i in range(60):
            f(i, False)
        frame = outer(21)
        print(frame.f_locals["y"], frame.f_code.co_name, frame.f_back.f_code.co_name, frame.f_back.f_locals.keys())
        print(frame.f_lineno - frame.f_code.co_firstlineno)
        frame.clear()
        print(frame.f_locals)
        del frame
        gc.collect()
        print("end")
        """
    )


def test_compiled_code_dies_with_its_code_object(tmp_path):
    done = run(
        "ext-t5",
        tmp_path,
        """
        import _pyston, gc
        def make(k):
            space = {}
            exec(f"def f(x):\\n    t = {k}\\n    for i in range(3): t += x * i\\n    return t", space)
            f = space["f"]
            for i in range(20):
                assert f(i) == k + 3 * i
            assert _pyston._testing.is_compiled(f)
        def state():
            gc.collect()
            s = _pyston.stats()
            return s["functions_seen"], s["code_bytes"], s["metadata_bytes"]
        for n in range(13):             # what this program itself gets compiled comes first
            for k in range(300 if n == 12 else 100):
                make(k)
            if n == 12:
                print(before == state())
            before = state()
        """,
    )
    assert done.ok == "True\n"


# --- recursion -----------------------------------------------------------------------------------------------


def test_recursion_error(same_as_stock):
    same_as_stock(
        """
        import sys, traceback
        def r(n):
            return r(n + 1)
        def kw(n):
            return kw(n=n + 1)
        class C:
            def m(self):
                return self.m()
            def __del__(self):
                pass
        def depth(f, *args):
            try:
                f(*args)
            except RecursionError as e:
                return len(traceback.extract_tb(e.__traceback__)), str(e)
        for i in range(3):
            print(depth(r, 0), depth(kw, 0), depth(C().m))
        sys.setrecursionlimit(300)
        print(depth(r, 0))
        sys.setrecursionlimit(5000)
        print(depth(r, 0))
        """
    )


DEEP = """
    import sys, threading
    sys.setrecursionlimit(10**6)
    def count(n):
        return 0 if n == 0 else 1 + count(n - 1)
    class Node:
        def __init__(self, n):
            self.next = Node(n - 1) if n else None
        def __len__(self):
            return 1 + (0 if self.next is None else len(self.next))
    print(count(100_000))
    def in_thread():
        print(count(30_000), len(Node(3_000)))
    for size in 64 << 10, 1 << 20:
        threading.stack_size(size)
        t = threading.Thread(target=in_thread)
        t.start()
        t.join()
    def boom(n):
        if n == 0:
            raise KeyError("deep down")
        boom(n - 1)
    try:
        boom(50_000)
    except KeyError as e:
        tb, n = e.__traceback__, 0
        while tb:
            tb, n = tb.tb_next, n + 1
        print(e, n)
"""


# Without compiled code the hook goes away, and the C stack ends where it ends in stock.
@pytest.mark.parametrize("mode", ["ext-t1", "ext-t30", "pyston3-t1"])
@pytest.mark.parametrize("kib", [1024, 8192])
def test_deep_recursion_survives(mode, kib, tmp_path):
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_STACK, (kib << 10, resource.RLIM_INFINITY))

    done = run(mode, tmp_path, DEEP, preexec_fn=limit)
    assert done.ok == "100000\n30000 3001\n30000 3001\n'deep down' 50002\n"


# --- limits, recompilation ---------------------------------------------------------------------------------------


def test_functions_whose_types_change_are_recompiled_but_not_for_ever(tmp_path):
    done = run(
        "ext-t20",
        tmp_path,
        """
        import _pyston
        def add(a, b):
            return a + b
        for kind in (1, 1.5, "x", [1], (1,), 10**30, b"x", True, 2j) * 3:
            for i in range(100):
                assert add(kind, kind) == kind + kind
        s = _pyston.stats()
        print(0 < s["recompilations"] <= 4, _pyston._testing.is_compiled(add))
        """,
    )
    assert done.ok == "True True\n"


def test_the_code_limit_stops_compiling_only(tmp_path):
    done = run(
        "ext-t1",
        tmp_path,
        """
        import _pyston
        body = "".join(f"    if x == {i}: y = [x, {i}, str(x)]\\n" for i in range(60))
        functions = []
        for k in range(400):
            space = {}
            exec("def f(x):\\n    y = 0\\n" + body + "    return y, x\\n", space)
            functions.append(space["f"])
            assert space["f"](k % 60) == ([k % 60, k % 60, str(k % 60)], k % 60)
        s = _pyston.stats()
        assert s["code_limit"] == 1 << 20
        assert s["functions_compiled"] > 0 and sum(s["not_compiled"].values()) > 0, s
        assert all(f(3)[1] == 3 for f in functions)
        print(s["code_bytes"] <= 1 << 20)
        """,
        env={"PYSTON_CODE_LIMIT": "1"},
    )
    assert done.ok == "True\n"


# --- observers, threads, processes ------------------------------------------------------------------------------------


def test_tracers_and_profilers_see_the_same(same_as_stock):
    same_as_stock(
        """
        import sys
        def add(a, b):
            c = a + b
            return c
        def loop(n):
            t = 0
            for i in range(n):
                t = add(t, i)
                len([t])
            return t
        def fail(x):
            return [][x]
        for i in range(60):
            loop(3)
        events = []
        def tracer(frame, event, arg):
            if frame.f_code.co_filename == __file__:
                events.append((frame.f_code.co_name, event, frame.f_lineno, arg if event == "return" else None))
                return tracer
        def profiler(frame, event, arg):
            if frame.f_code.co_filename == __file__:
                events.append((frame.f_code.co_name, event, frame.f_lineno,
                               arg.__name__ if event.startswith("c_") else None))
        for install, hook in (sys.settrace, tracer), (sys.setprofile, profiler):
            install(hook)
            loop(2)
            try:
                fail(1)
            except IndexError:
                pass
            install(None)
            print(events)
            events.clear()
        def switches_on(n):
            for i in range(n):
                if i == 2:
                    sys.settrace(tracer)
                    sys._getframe().f_trace = tracer
            sys.settrace(None)
        switches_on(4)
        print(events)
        """
    )


def test_threads(same_as_stock):
    same_as_stock(
        """
        import sys, threading
        sys.setswitchinterval(1e-5)
        def work(n):
            t = 0
            for i in range(n):
                t += helper(i)
            return t
        def helper(i):
            try:
                return [i, i + 1][i % 3]
            except IndexError:
                return -1
        results = []
        threads = [threading.Thread(target=lambda: results.append([work(50) for _ in range(200)])) for _ in range(4)]
        for t in threads: t.start()
        for t in threads: t.join()
        print([sum(r) for r in results])
        """
    )


def test_a_fork_keeps_its_compiled_code(same_as_stock):
    same_as_stock(
        """
        import os, sys
        def f(x):
            t = 0
            for i in range(x):
                t += i
            return t
        def g(x):
            return f(x) + 1
        for i in range(60):
            f(i)
        sys.stdout.flush()
        pid = os.fork()
        for i in range(60):
            g(i)
        if pid == 0:
            os._exit(f(10) + g(4))
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """
    )


def test_the_end_of_the_process(same_as_stock):
    same_as_stock(
        """
        import atexit, sys, threading, weakref
        def busy():
            n = 0
            while True:
                for i in range(100):
                    n += i
        for _ in range(3):
            threading.Thread(target=busy, daemon=True).start()
        class C:
            def __del__(self):
                print("deleted", sum(x * x for x in range(4)))
        c = C()
        c.cycle = c
        @atexit.register
        def last():
            print("atexit", [helper(i) for i in range(3)])
        def helper(i):
            return i + 1
        for i in range(60):
            helper(i)
        weakref.finalize(c, print, "finalized")
        print("end")
        """
    )


def test_signals_interrupt_compiled_loops(same_as_stock):
    same_as_stock(
        """
        import signal
        def handler(number, frame):
            raise InterruptedError(frame.f_code.co_name)
        def loop():
            n = 0
            while True:
                n += 1
        signal.signal(signal.SIGALRM, handler)
        for i in range(3):
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            try:
                loop()
            except InterruptedError as e:
                print(e)
        """
    )
