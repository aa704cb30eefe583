"""__context__, __cause__, sys.exc_info() and the handled exception across frames and generators."""
import sys


def chain(error):
    out = []
    while error is not None and len(out) < 10:
        out.append((type(error).__name__, str(error), error.__suppress_context__))
        error = error.__context__
    return out


def three():
    try:
        try:
            1 // 0
        except ZeroDivisionError:
            {}["k"]
    except KeyError:
        [][1]


def hidden():
    try:
        1 // 0
    except ZeroDivisionError:
        raise ValueError("hidden") from None


for _ in range(1500):
    try:
        three()
    except IndexError as error:
        first = chain(error)
    try:
        hidden()
    except ValueError as error:
        second = chain(error)
print(first)
print(second)


def current():
    kind, value, tb = sys.exc_info()
    return kind.__name__ if kind else None, str(value)


def nesting():
    out = [current()]
    try:
        raise ValueError("outer")
    except ValueError:
        out.append(current())
        try:
            raise KeyError("inner")
        except KeyError:
            out.append(current())
        out.append(current())
    out.append(current())
    return out


for _ in range(1500):
    result = nesting()
print(result)


def generator():
    try:
        yield current()
        raise TypeError("in generator")
    except TypeError:
        yield current()
        yield current()
    yield current()


def across():
    out = []
    g = generator()
    out.append(next(g))
    try:
        raise ValueError("outside")
    except ValueError:
        out.append(next(g))
        out.append(current())
        out.append(next(g))
    out.append(next(g))
    out.append(current())
    return out


for _ in range(1000):
    result = across()
print(result)


def bare_raise():
    try:
        raise
    except RuntimeError as error:
        return str(error)


def raise_in_callee():
    raise


def outer_raise():
    try:
        raise LookupError("kept")
    except LookupError:
        try:
            raise_in_callee()
        except LookupError as error:
            return str(error), error.__context__


for _ in range(1000):
    result = bare_raise(), outer_raise()
print(result)


def with_finally():
    try:
        try:
            raise ValueError("a")
        finally:
            state = current()
            raise KeyError("b")
    except KeyError as error:
        return state, chain(error), current()


for _ in range(1000):
    result = with_finally()
print(result)


class Explicit(Exception):
    def __init__(self):
        super().__init__("made")
        self.seen = current()


def constructing():
    try:
        1 // 0
    except ZeroDivisionError:
        try:
            raise Explicit
        except Explicit as error:
            return error.seen, chain(error)


for _ in range(1000):
    result = constructing()
print(result)


def self_context():
    error = ValueError("same")
    try:
        try:
            raise error
        except ValueError:
            raise error
    except ValueError as again:
        return again is error, again.__context__


for _ in range(500):
    result = self_context()
print(result)


def notes():
    error = ValueError("noted")
    error.add_note("one")
    try:
        raise error
    except ValueError as caught:
        caught.add_note("two")
        return caught.__notes__


for _ in range(500):
    result = notes()
print(result)


def depth_of_traceback(n):
    if n:
        return depth_of_traceback(n - 1)
    raise ValueError


def count_tb(n):
    try:
        depth_of_traceback(n)
    except ValueError as error:
        tb, count, names = error.__traceback__, 0, []
        while tb:
            count += 1
            names.append((tb.tb_frame.f_code.co_name, tb.tb_lineno, tb.tb_frame.f_locals.get("n")))
            tb = tb.tb_next
        return count, names[:2], names[-1]


for n in range(60):
    result = count_tb(n)
print(result)
