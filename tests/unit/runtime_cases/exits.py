"""Leaving compiled code through the exit handler."""

import dis
import gc
import sys

import _rt

from runtime_cases.common import NULL, check_no_leak, outcome


def offset_of(f, opname, nth=0):
    """Code unit of the nth instruction of that name."""
    return [i.offset // 2 for i in dis.get_instructions(f) if i.opname == opname][nth]


def resume(f, args, bci, stack=(), dirty=None):
    return _rt.run_exit(f, args, _rt.RESUME, bci, list(stack), dirty or {}, NULL, False, 0)


def throw(f, args, bci, exc, stack=(), dirty=None, reraise=False):
    return _rt.run_exit(f, args, _rt.THROW, bci, list(stack), dirty or {}, exc, reraise, 0)


def test_resume_at_the_start():
    def f(a, b):
        return (a, b)

    x, y = [1], [2]
    before = sys.getrefcount(x), sys.getrefcount(y)
    n = _rt.resumed()
    assert resume(f, (x, y), offset_of(f, "LOAD_FAST")) == (x, y)
    assert _rt.resumed() == n + 1
    assert before == (sys.getrefcount(x), sys.getrefcount(y))


def test_resume_with_stack_and_locals():
    def f(a, b, c=None, d=None, e=None):
        return [a, b, c, d, e, f"{a}"]

    build = offset_of(f, "BUILD_LIST")
    marker = [7]
    stack = [("f64", 1.5), ("i64", -(2**62)), ("bool", 1), ("obj", marker), ("own", marker), ("bool", 0)]
    before = sys.getrefcount(marker)
    for i in range(6):
        rotated = stack[i:] + stack[:i]
        values = [True if v == ("bool", 1) else False if v == ("bool", 0) else v[1] for v in rotated]
        got = resume(f, (0, 0), build, rotated)
        assert got == values and [type(v) for v in got] == [type(v) for v in values], got
        del got, values, rotated
        assert sys.getrefcount(marker) == before
    del stack
    before = sys.getrefcount(marker)
    start = offset_of(f, "LOAD_FAST")
    got = resume(f, (1, 2), start, [], {0: ("f64", 2.25), 2: ("i64", 5), 3: ("obj", marker), 4: ("own", marker)})
    assert got == [2.25, 2, 5, marker, marker, "2.25"]
    del got
    assert sys.getrefcount(marker) == before


def test_resume_keeps_identity_of_raw_values():
    def f(a, b, c):
        return (a, b, c)

    start = offset_of(f, "LOAD_FAST")
    a, b, c = resume(f, (0, 0, 0), start, [], {0: ("f64", 0.125), 1: ("same", 0), 2: ("f64", 0.125)})
    assert a is b and a is not c and a == c
    tup = offset_of(f, "BUILD_TUPLE")
    a, b, c = resume(f, (0, 0, 0), tup, [("i64", 10**12), ("same", 0), ("same", 0)])
    assert a is b is c


def test_resume_from_homes():
    def f(a, b):
        return (a, b)

    x = [1]
    before = sys.getrefcount(x)
    # The stack has what local 0 held before it was overwritten.
    got = resume(f, (x, "b"), offset_of(f, "BUILD_TUPLE"), [("home", 0), ("obj", "s")], {0: ("obj", "new")})
    assert got == (x, "s")
    del got
    assert sys.getrefcount(x) == before


def test_resume_drops_old_locals_when_the_frame_is_right():
    seen = []

    class Old:
        def __del__(self):
            frame = sys._getframe(1)
            seen.append((frame.f_code.co_name, frame.f_locals["a"], frame.f_locals["b"]))

    def f(a, b):
        return (a, b)

    assert resume(f, [Old(), "b"], offset_of(f, "LOAD_FAST"), [], {0: ("i64", 6), 1: ("f64", 0.5)}) == (6, 0.5)
    assert seen == [("f", 6, 0.5)], seen


def test_resume_null_on_the_stack():
    def f(g):
        return g(5)

    const = offset_of(f, "LOAD_CONST")
    assert resume(f, (None,), const, [("obj", NULL), ("obj", str)]) == "5"


def test_resume_in_a_loop_with_exceptions_ahead():
    def f(n, log):
        total = 0
        for i in range(n):
            try:
                if i == 3:
                    raise KeyError(i)
                total += i
            except KeyError:
                log.append(sys._getframe().f_lineno)
        return total

    log, expected = [], []
    f(5, expected)
    bci = offset_of(f, "FOR_ITER")
    it = iter(range(5))
    next(it)
    got = resume(f, (5, log), bci, [("obj", it)], {2: ("i64", 100)})
    assert got == 100 + 1 + 2 + 4 and log == expected


def thrower(a, b=None):
    return a + b


def caught(a):
    try:
        return len(a)
    except TypeError as e:
        return ("caught", e, a)


def traceback_lines(e):
    lines, tb = [], e.__traceback__
    while tb is not None:
        lines.append((tb.tb_frame.f_code.co_name, tb.tb_lineno, tb.tb_lasti))
        tb = tb.tb_next
    return lines


def test_throw_without_handler():
    marker = [1]
    before = sys.getrefcount(marker)
    bci = offset_of(thrower, "BINARY_OP")
    try:
        throw(
            thrower,
            (marker, marker),
            bci,
            TypeError("t"),
            [("own", marker), ("obj", 5), ("f64", 1.0)],
            {1: ("i64", 77)},
        )
    except TypeError as e:
        assert e.args == ("t",)
        name, line, lasti = traceback_lines(e)[-1]
        assert (name, lasti) == ("thrower", bci * 2), (name, line, lasti, bci)
        assert line == thrower.__code__.co_firstlineno + 1
        tb = e.__traceback__
        while tb.tb_next:
            tb = tb.tb_next
        assert tb.tb_frame.f_locals == {"a": marker, "b": 77}
        assert tb.tb_frame.f_back.f_code is throw.__code__
        del tb
    else:
        raise AssertionError
    gc.collect()
    assert sys.getrefcount(marker) == before
    # The same trace as the interpreter's own.
    try:
        thrower(1, "x")
    except TypeError as e:
        own = traceback_lines(e)[-1]
    try:
        throw(thrower, (1, "x"), bci, TypeError("t"))
    except TypeError as e:
        assert traceback_lines(e)[-1] == own


def test_throw_to_a_handler():
    exc = TypeError("boom")
    bci = offset_of(caught, "CALL")
    marker = [2]
    stack = [("obj", NULL), ("obj", len), ("own", marker)]
    before = sys.getrefcount(marker)
    kind, e, a = throw(caught, (marker,), bci, exc, stack, {0: ("f64", 3.5)})
    assert kind == "caught" and e is exc and a == 3.5
    assert [x[0] for x in traceback_lines(e)] == ["caught"]
    exc.__traceback__ = None  # its frames hold the arguments
    assert sys.getrefcount(marker) == before
    # One that does not match goes on to the caller, with one entry in its traceback.
    try:
        throw(caught, (marker,), bci, ValueError("other"), stack[:2])
    except ValueError as e:
        assert [x[0] for x in traceback_lines(e)] == ["test_throw_to_a_handler", "throw", "caught"]
        assert e.__context__ is None


def test_throw_keeps_the_stack_below_the_handler():
    def f(items, log):
        for x in items:
            try:
                log.append(10 // x)
            except ZeroDivisionError:
                log.append("zero")
        return log

    it = iter([5, 2])
    log = []
    bci = offset_of(f, "BINARY_OP")
    stack = [("obj", it), ("obj", list.append), ("obj", log), ("i64", 10), ("i64", 0)]
    assert throw(f, ("unused", log), bci, ZeroDivisionError("z"), stack) == ["zero", 2, 5]


def test_throw_in_with_gives_lasti():
    class Manager:
        def __enter__(self):
            return self

        def __exit__(self, t, v, tb):
            log.append((t, v, tb.tb_lineno))
            return True

    def f(m):
        with m:
            m.anything
        return "after"

    log = []
    m = Manager()
    exc = KeyError("k")
    bci = offset_of(f, "LOAD_ATTR")
    assert throw(f, (m,), bci, exc, [("own", m.__exit__), ("obj", m)]) == "after"
    assert log == [(KeyError, exc, f.__code__.co_firstlineno + 2)]


def test_reraise_adds_no_entry():
    def f():
        raise  # noqa: PLE0704

    bci = offset_of(f, "RAISE_VARARGS")

    def active(g):
        try:
            raise KeyError("active")
        except KeyError:
            return [entry[0] for entry in outcome_lines(g)]

    assert active(f) == ["outcome_lines", "active"]
    assert active(lambda: throw(f, (), bci, NULL, reraise=True)) == ["outcome_lines", "<lambda>", "throw", "active"]


def outcome_lines(f):
    try:
        f()
    except KeyError as e:
        return traceback_lines(e)


def test_throw_without_exception_is_an_error():
    got = outcome(throw, thrower, (1, 2), offset_of(thrower, "BINARY_OP"), NULL)
    assert got[1:3] == (SystemError, ("error return without exception set",))


def test_throw_tells_tracers():
    """exception and return events as CPython sends them, and no call event."""
    events = []

    def tracer(frame, event, arg):
        if frame.f_code in (thrower.__code__, caught.__code__):
            events.append((frame.f_code.co_name, event, arg[0] if event == "exception" else arg))
        return tracer

    bci = offset_of(thrower, "BINARY_OP")
    sys.settrace(tracer)
    try:
        try:
            throw(thrower, (1, 2), bci, TypeError("t"))
        except TypeError:
            pass
    finally:
        sys.settrace(None)
    # Frames that began before have no local tracer, but the thread's function is told.
    assert ("thrower", "call", None) not in events, events

    profiled = []

    def profiler(frame, event, arg):
        if frame.f_code is thrower.__code__:
            profiled.append((event, arg))

    sys.setprofile(profiler)
    try:
        try:
            throw(thrower, (1, 2), bci, TypeError("t"))
        except TypeError:
            pass
    finally:
        sys.setprofile(None)
    assert profiled == [("return", None)], profiled


def test_exits_do_not_leak():
    def f(a, b, c):
        return (a, b, c)

    start, tup = offset_of(f, "LOAD_FAST"), offset_of(f, "BUILD_TUPLE")
    bci = offset_of(caught, "CALL")

    def use():
        resume(f, ([], 1, 2), start, [], {0: ("f64", 1e100), 1: ("i64", 2**61), 2: ("same", 0)})
        resume(f, ([], 1, 2), tup, [("f64", 1e100), ("own", "x" * 50), ("obj", [1])])
        throw(caught, ([],), bci, TypeError("x"), [("obj", NULL), ("obj", len), ("own", [2])], {0: ("f64", 1e5)})
        outcome(
            throw, f, ([], [], []), tup, TypeError("x"), [("own", [1]), ("f64", 0.5), ("obj", [3])], {1: ("i64", 2**50)}
        )

    check_no_leak(use)


def test_out_of_memory_in_an_exit():
    def f(a, b):
        try:
            return (a, b)
        except MemoryError:
            return ("no memory", a)

    tup, bci = offset_of(f, "BUILD_TUPLE"), offset_of(caught, "CALL")
    keep = []
    seen = set()
    for fail_at in range(1, 12):
        keep.extend(float(i) for i in range(500))  # empties the free list of floats
        stack = [("f64", 0.1), ("i64", 2**40), ("f64", 0.2)]
        got = outcome(_rt.run_exit, f, (1, 2), _rt.RESUME, tup, stack[:2], {0: ("f64", 0.5)}, NULL, False, fail_at)
        seen.add(got[2])
        # Whatever fails, the frame is whole: the result, or the handler ran, or the error came out.
        assert got[2] in ((0.1, 2**40), ("no memory", 0.5)) or got[1] in (MemoryError, UnboundLocalError), got
        got = outcome(
            _rt.run_exit,
            caught,
            (1,),
            _rt.THROW,
            bci,
            [("f64", 0.1), ("i64", 2**50)],
            {0: ("f64", 7.5)},
            TypeError("t"),
            False,
            fail_at,
        )
        assert got[1] in (tuple, MemoryError, UnboundLocalError), got
    assert (0.1, 2**40) in seen and len(seen) > 1, seen
