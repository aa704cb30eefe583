"""Handlers that catch often: what they and everybody else see, and every way out of them."""

import asyncio
import contextlib
import gc
import sys
import threading
import traceback
import weakref

ROUNDS = 300


def many(name, function):
    """What all calls give, if it is the same."""
    answers = [function() for _ in range(ROUNDS)]
    print(name, answers[0] if all(a == answers[0] for a in answers) else answers)


def shown(error):
    """An exception with its traceback's lines and those that its frames stand at now."""
    tb, lines = error.__traceback__, []
    while tb is not None:
        lines.append((tb.tb_frame.f_code.co_name, tb.tb_lineno, tb.tb_frame.f_lineno))
        tb = tb.tb_next
    return type(error).__name__, str(error), lines


class Raises:
    """Raises on every third item."""

    def __getitem__(self, i):
        if i % 3 == 0:
            raise KeyError(i)
        return i


# --- loops around, inside, and across handlers ---------------------------------------------------


def caught_in_loop(source):
    total = 0
    for i in range(1000):
        try:
            total += source[i]
        except KeyError as e:
            total -= e.args[0]
    return total, i


def loop_in_handler(source):
    out = []
    for i in range(60):
        try:
            source[i]
        except KeyError:
            for k in range(3):
                if k == 1:
                    continue
                out.append((i, k))
            while len(out) > 10:
                out.pop()
    return out


def nest(source):
    """Iterators of three loops lie on the stack below the handler's."""
    seen = 0
    for a in range(5):
        for b in (1, 2, 3):
            for c in [4, 5, 6]:
                try:
                    seen += source[a + b + c]
                except KeyError:
                    seen += 100
                    if b == 3:
                        break
            else:
                seen += 10000
    return seen, a, b, c


def ways_out(source):
    got = []
    for i in range(12):
        try:
            source[i]
        except KeyError:
            if i == 3:
                continue
            if i == 9:
                break
            got.append(i)
        else:
            got.append(-i)
        finally:
            got.append("f")
    return got


def returns(source):
    try:
        return source[3]
    except KeyError as e:
        return "returned", e.args
    finally:
        source = None


def finally_overrides(source):
    for i in range(5):
        try:
            source[i * 3]
        finally:
            if i < 4:
                continue
            return i


print(caught_in_loop(Raises()), loop_in_handler(Raises()), nest(Raises()))
many("ways out", lambda: ways_out(Raises()))
many("returns", lambda: returns(Raises()))
many("finally overrides", lambda: finally_overrides(Raises()))


# --- what is being handled -----------------------------------------------------------------------


def handled():
    seen = [sys.exc_info()[0]]
    try:
        raise ValueError("outer")
    except ValueError as outer:
        seen.append(sys.exc_info()[1] is outer)
        try:
            {}["inner"]
        except KeyError as inner:
            seen.append((sys.exc_info()[1] is inner, inner.__context__ is outer))
            try:
                raise TypeError from inner
            except TypeError as last:
                seen.append((last.__cause__ is inner, last.__context__ is inner))
            seen.append(sys.exc_info()[1] is inner)
        seen.append(sys.exc_info()[1] is outer)
    seen.append(sys.exc_info()[0])
    return seen


def unbound_after():
    try:
        {}[1]
    except KeyError as e:
        pass
    try:
        return e
    except UnboundLocalError as error:
        return str(error)


def raised_in_handler():
    try:
        try:
            {}[1]
        except KeyError:
            [][2]
    except IndexError as e:
        return shown(e), shown(e.__context__)


def again():
    try:
        try:
            int("x")
        except ValueError:
            raise
    except ValueError as e:
        return shown(e)


def again_from_outside(depth):
    try:
        if depth == 0:
            {}[1]
        again_from_outside(depth - 1)
    except KeyError as e:
        e.args += (depth,)
        raise
    finally:
        depth = None


def catch_again():
    try:
        again_from_outside(4)
    except KeyError as e:
        return shown(e)


def other_type():
    try:
        try:
            {}[1]
        except (ValueError, IndexError):
            return "wrong"
    except LookupError as e:
        return shown(e)


def no_class():
    try:
        try:
            {}[1]
        except 7:
            return "wrong"
    except TypeError as e:
        return shown(e), type(e.__context__).__name__


def class_that_fails():
    try:
        try:
            {}[1]
        except undefined:  # noqa: F821
            return "wrong"
    except NameError as e:
        return shown(e), type(e.__context__).__name__


for function in (
    handled,
    unbound_after,
    raised_in_handler,
    again,
    catch_again,
    other_type,
    no_class,
    class_that_fails,
):
    many(function.__name__, function)


# --- with ----------------------------------------------------------------------------------------


class Manager:
    def __init__(self, swallows):
        self.swallows = swallows
        self.saw = []

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        self.saw.append((kind and kind.__name__, value and value.args, tb and tb.tb_lineno))
        return self.swallows


def swallowed():
    m = Manager(True)
    for i in range(3):
        with m:
            {}[i]
    return m.saw


def not_swallowed():
    m = Manager(0)
    try:
        with m:
            {}["k"]
    except KeyError as e:
        return m.saw, shown(e)


def exit_raises():
    class Fails(Manager):
        def __exit__(self, *args):
            raise OSError("from __exit__")

    try:
        with Fails(True):
            {}["k"]
    except OSError as e:
        return shown(e), shown(e.__context__)


class NoBool:
    def __bool__(self):
        raise ArithmeticError("no bool")


def answer_without_bool():
    try:
        with Manager(NoBool()):
            {}["k"]
    except ArithmeticError as e:
        return shown(e), type(e.__context__).__name__


def two_managers():
    a, b = Manager(False), Manager(True)
    with b, a:
        raise ValueError(1)
    return a.saw, b.saw


def suppressed():
    n = 0
    with contextlib.suppress(KeyError):
        {}[1]
        n = 1
    return n


for function in (
    swallowed,
    not_swallowed,
    exit_raises,
    answer_without_bool,
    two_managers,
    suppressed,
):
    many(function.__name__, function)


# --- lifetimes -----------------------------------------------------------------------------------


class Tracked(Exception):
    pass


def dies_at_once():
    seen = []
    for i in range(3):
        try:
            raise Tracked(i)
        except Tracked as e:
            ref = weakref.ref(e)
            seen.append(ref() is not None)
        seen.append(ref() is None)
    return seen


class Loud:
    def __init__(self, log):
        self.log = log

    def __del__(self):
        self.log.append((sys.exc_info()[0], sys._getframe(1).f_lineno))


def finalizer_of_old():
    """What __del__ sees that runs when the handler ends."""
    log = []
    try:
        error = Tracked()
        error.loud = Loud(log)
        try:
            raise error
        except Tracked:
            error = None
            log.append("handler")
    finally:
        log.append("end")
    return [entry if isinstance(entry, str) else entry[0] for entry in log]


def collected_inside():
    try:
        {}[1]
    except KeyError as e:
        e.self = e
        ref = weakref.ref(e.__traceback__.tb_frame.f_code)
        gc.collect(0)
        return ref() is not None


many("dies at once", dies_at_once)
many("finalizer", finalizer_of_old)
many("collected inside", collected_inside)
gc.collect()


# --- generators and coroutines -------------------------------------------------------------------


def generator():
    for i in range(6):
        try:
            if i % 2:
                raise KeyError(i)
            yield i
        except KeyError as e:
            got = yield "caught", e.args, sys.exc_info()[0]
            if got:
                yield got
        except GeneratorExit:
            yield "not allowed"


def generators():
    g = generator()
    seen = [next(g), next(g), sys.exc_info()[0], g.send("sent"), next(g), g.throw(KeyError("thrown"))]
    seen.extend(g)
    return seen


def closed_in_try():
    log = []

    def g():
        try:
            yield 1
        except GeneratorExit:
            log.append("exit")
            raise
        finally:
            log.append("finally")

    for _ in range(3):
        x = g()
        next(x)
        x.close()
    return log


class Countdown:
    def __init__(self, n):
        self.n = n

    def __aiter__(self):
        return self

    async def __anext__(self):
        self.n -= 1
        if self.n == 2:
            raise LookupError("in the middle")
        if self.n < 0:
            raise StopAsyncIteration
        return self.n


class AsyncManager:
    async def __aenter__(self):
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, kind, value, tb):
        await asyncio.sleep(0)
        return kind is KeyError


async def coroutine():
    seen = []
    for n in 2, 5:
        try:
            async for x in Countdown(n):
                seen.append(x)
        except LookupError as e:
            seen.append(shown(e))
        else:
            seen.append("ended")
    async with AsyncManager():
        {}[1]
    try:
        async with AsyncManager():
            [][1]
    except IndexError as e:
        seen.append(shown(e))
    return seen


async def coroutines():
    answers = [await coroutine() for _ in range(ROUNDS)]
    print("coroutines", answers[0] if all(a == answers[0] for a in answers) else answers)


many("generators", generators)
many("closed", closed_in_try)
asyncio.run(coroutines())


# --- groups --------------------------------------------------------------------------------------


def groups():
    seen = []
    try:
        try:
            raise ExceptionGroup("g", [KeyError(1), ValueError(2), OSError(3)])
        except* KeyError as e:
            seen.append(repr(e))
        except* ValueError as e:
            seen.append(repr(e))
    except ExceptionGroup as rest:
        seen.append(repr(rest))
    return seen


many("groups", groups)


# --- types that change, observers, threads -------------------------------------------------------


def changing(values):
    """Locals and what lies on the stack are of other types from some point on."""
    total = 0
    for v in values:
        try:
            total = total + v
            total.real  # noqa: B018
            {}[1]
        except KeyError:
            total = total + v
        except (TypeError, AttributeError):
            total = v
    return total


print(changing([1] * 500), changing([0.5] * 500), changing(["a", 1, 0.5] * 200))
print(changing(tuple([1] * 500)), changing([1, "b"] * 300), changing([2**70] * 300) == 2**70 * 600)


def locals_inside():
    x = 1
    try:
        x = 2
        {}[1]
    except KeyError:
        x += 1
        return sys._getframe().f_locals["x"], sorted(locals())


many("locals inside", locals_inside)


def traced_from_inside():
    events = []

    def trace(frame, event, arg):
        if frame.f_code is body.__code__:
            events.append((event, frame.f_lineno - body.__code__.co_firstlineno))
        return trace

    def body(on):
        for i in range(2):
            try:
                {}[i]
            except KeyError:
                if on:
                    sys.settrace(trace)
                    sys._getframe().f_trace = trace
        return i

    for _ in range(ROUNDS):
        body(False)
    body(True)
    sys.settrace(None)
    return events


print("traced", traced_from_inside())


def deep(n):
    try:
        return deep(n + 1)
    except RecursionError:
        return "deep enough"


many("recursion", lambda: deep(0))


def in_threads():
    answers = []

    def work():
        answers.append((caught_in_loop(Raises()), handled()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return all(a == answers[0] for a in answers), answers[0]


print("threads", in_threads())


def formatted():
    try:
        try:
            {}["first"]
        except KeyError:
            [][1]
    except IndexError:
        return traceback.format_exc().replace(__file__, "FILE")


many("formatted", formatted)
