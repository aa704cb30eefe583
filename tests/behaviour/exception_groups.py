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
