"""except* and exception groups in hot code."""
import sys
import traceback


def split(kinds):
    log = []
    try:
        raise ExceptionGroup("group", [kind(i) for i, kind in enumerate(kinds)])
    except* ValueError as group:
        log.append(("value", [e.args for e in group.exceptions]))
    except* (KeyError, IndexError) as group:
        log.append(("lookup", [e.args for e in group.exceptions]))
    finally:
        log.append("finally")
    return log


for _ in range(1000):
    result = split([ValueError, KeyError, ValueError, IndexError])
print(result)
for kinds in ([TypeError], [TypeError, ValueError]):
    try:
        split(kinds)
    except ExceptionGroup as rest:
        print(repr(rest))


def naked(kind):
    try:
        raise kind("naked")
    except* ValueError as group:
        return_value = repr(group)
    return return_value


for _ in range(500):
    result = naked(ValueError)
print(result)
try:
    naked(KeyError)
except KeyError as error:
    print(repr(error))


def raising_inside():
    try:
        raise ExceptionGroup("one", [ValueError(1), TypeError(2)])
    except* ValueError:
        raise RuntimeError("from handler")


for _ in range(300):
    try:
        raising_inside()
    except ExceptionGroup as group:
        kept = group
print([type(e).__name__ for e in kept.exceptions])
traceback.print_exception(kept, file=sys.stdout)


# --- what clauses raise, parts that are raised again, and groups of programs' own


class Own(ExceptionGroup):
    def derive(self, excs):
        log.append(("derive", len(excs)))
        return Own(self.message, excs)

    def split(self, condition):
        log.append(("split", condition))
        return super().split(condition)


log = []


def clauses(exc, action):
    try:
        raise exc
    except* ValueError as e:
        if action == "raise":
            raise SyntaxError("new")
        if action == "from":
            raise SyntaxError("new") from e
        if action == "again":
            raise
        if action == "part":
            raise e.exceptions[0]
        if action == "context":
            1 / 0
    except* (KeyError, OSError) as e:
        if action in ("again", "both"):
            raise
    return "handled", sys.exc_info()


def shape(e):
    inner = [shape(x) for x in e.exceptions] if isinstance(e, BaseExceptionGroup) else e.args
    chained = type(e.__cause__).__name__, type(e.__context__).__name__
    return type(e).__name__, inner, chained, e.__traceback__ is not None, getattr(e, "__notes__", None)


def attempt(make, action):
    try:
        return clauses(make(), action)
    except BaseException as e:
        return shape(e)


def nested():
    e = ExceptionGroup("outer", [ValueError(1), ExceptionGroup("inner", [KeyError(2), TypeError(3), ValueError(4)])])
    e.add_note("a note")
    return e


makers = [
    lambda: ValueError("naked"),
    lambda: TypeError("naked, not caught"),
    lambda: KeyError("naked"),
    nested,
    lambda: Own("own", [ValueError(1), KeyError(2), OSError(3)]),
    lambda: BaseExceptionGroup("base", [KeyboardInterrupt(), ValueError(5)]),
]
for make in makers:
    for action in ("", "raise", "from", "again", "part", "context", "both"):
        for _ in range(120):
            log.clear()
            result = attempt(make, action)
        print(action or "-", result, log)


def wrong(kind):
    try:
        raise ExceptionGroup("group", [ValueError(1)])
    except* kind:
        pass
    return "caught"


for kind in (int, ExceptionGroup, (ValueError, BaseExceptionGroup), (ValueError, 3), None, Exception):
    for _ in range(120):
        try:
            result = wrong(kind)
        except Exception as e:
            result = type(e).__name__, str(e), type(e.__context__).__name__
    print(result)


class BadDerive(ExceptionGroup):
    def derive(self, excs):
        return 5


for action in ("", "again"):
    print(attempt(lambda: BadDerive("bad", [ValueError(1), TypeError(2)]), action))
deep = ValueError(0)
for i in range(sys.getrecursionlimit() + 100):
    deep = ExceptionGroup("deep", [deep])
print(attempt(lambda: deep, "again")[0])
