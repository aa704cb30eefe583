"""Context managers in hot code: order, suppression, returns from inside, missing methods."""
import contextlib


class M:
    def __init__(self, log, name="m", suppress=False, fail=None):
        self.log, self.name, self.suppress, self.fail = log, name, suppress, fail

    def __enter__(self):
        self.log.append(("enter", self.name))
        if self.fail == "enter":
            raise LookupError("enter")
        return self.name

    def __exit__(self, kind, value, tb):
        self.log.append(("exit", self.name, kind and kind.__name__, value and value.args))
        if self.fail == "exit":
            raise LookupError("exit")
        return self.suppress


def plain(log):
    with M(log) as name:
        log.append(name)
    return "after"


def returning(log):
    for i in range(3):
        with M(log, i):
            if i == 1:
                return i


def breaking(log):
    for i in range(3):
        with M(log, i):
            if i == 0:
                continue
            break
    else:
        log.append("else")
    return i


def suppressed(log):
    with M(log, "s", True):
        raise ValueError(1)
    return "went on"


def nested(log):
    with M(log, "a", True), M(log, "b"), M(log, "c") as c:
        log.append(c)
        raise KeyError("k")
    return "went on"


def enter_fails(log):
    with M(log, "a", True), M(log, "b", fail="enter"):
        log.append("never")
    return "suppressed"


def exit_fails(log):
    try:
        with M(log, "a", fail="exit"):
            raise ValueError("body")
    except LookupError as error:
        return str(error), repr(error.__context__)


def target_unpack(log):
    with M(log, ("x", "y")) as (a, b):
        return a + b


def bad_target(log):
    with M(log, "abc") as (a, b):
        return a


for f in (plain, returning, breaking, suppressed, nested, enter_fails, exit_fails, target_unpack, bad_target):
    first = None
    for _ in range(600):
        log = []
        try:
            value = f(log)
        except ValueError as error:
            value = str(error)
        state = value, log
        if first is None:
            first = state
            print(f.__name__, state)
        elif first != state:
            print("changed", state)
            break


class NoExit:
    def __enter__(self):
        return 1


class NoEnter:
    def __exit__(self, *args):
        pass


def use(m):
    with m:
        pass


for m in (NoExit(), NoEnter(), 5, None):
    for _ in range(20):
        try:
            use(m)
        except TypeError as error:
            message = str(error)
    print(message)


class InstanceOnly:
    def __init__(self):
        self.__enter__ = self.__exit__ = lambda *a: None


try:
    use(InstanceOnly())
except TypeError as error:
    print(error)


@contextlib.contextmanager
def managed(log):
    log.append("in")
    try:
        yield len(log)
    except ValueError:
        log.append("caught")
    finally:
        log.append("out")


def hot_managed(n):
    log = []
    for i in range(n):
        with managed(log) as v:
            if i % 3 == 0:
                raise ValueError
        del log[:-4]
    return log, v


print(hot_managed(1000))


def change_exit(n):
    log = []

    class Changing(M):
        pass

    for i in range(n):
        try:
            with Changing(log, i):
                if i == n // 2:
                    Changing.__exit__ = lambda self, *a: True
                if i > n - 3:
                    raise KeyError(i)
        except KeyError:
            log.append("escaped")
        del log[:-2]
    return log


print(change_exit(1000))


def stack(n):
    log = []
    with contextlib.ExitStack() as s:
        for i in range(n):
            s.enter_context(M(log, i))
        s.callback(log.append, "callback")
        log.clear()
    return log[:2], log[-1]


print(stack(300))


def suppress_many(n):
    hits = 0
    for i in range(n):
        with contextlib.suppress(ZeroDivisionError, KeyError):
            hits += 1
            {}[i] if i % 2 else 1 / 0
            hits += 100
    return hits


print(suppress_many(2000))


def traceback_of_exit(n):
    lines = []

    class T:
        def __enter__(self):
            pass

        def __exit__(self, kind, value, tb):
            lines.append(tb.tb_lineno - traceback_of_exit.__code__.co_firstlineno)
            return True

    for i in range(n):
        with T():
            if i % 2:
                raise ValueError
            [][0]
    return sorted(set(lines))


print(traceback_of_exit(500))
