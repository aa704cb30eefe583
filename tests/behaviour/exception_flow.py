"""try, except, else and finally in hot loops: their order, and what break, continue and return do in them."""


def flow(i, log):
    try:
        log.append("try")
        if i % 7 == 0:
            raise ValueError(i)
        if i % 7 == 1:
            raise KeyError(i)
        if i % 7 == 2:
            return "returned"
        log.append("end of try")
    except ValueError as error:
        log.append(("value", error.args))
        if i % 14 == 0:
            return "from handler"
    except (KeyError, IndexError):
        log.append("key")
    else:
        log.append("else")
    finally:
        log.append("finally")
    return "end"


for i in range(3000):
    log = []
    result = flow(i, log)
    if i < 15:
        print(i, result, log)


def loops(n):
    log = []
    for i in range(n):
        try:
            if i % 5 == 0:
                continue
            if i == n - 2:
                break
            try:
                if i % 5 == 1:
                    raise RuntimeError
            finally:
                log.append(i % 5)
        except RuntimeError:
            log.append("caught")
            continue
        finally:
            log.append("f")
    else:
        log.append("else")
    return len(log), log[-8:], i


print(loops(4000))


def override():
    for i in range(3):
        try:
            return "try"
        finally:
            if i < 2:
                continue
            return "finally"


def swallow():
    while True:
        try:
            raise ValueError
        finally:
            break
    return "swallowed"


for _ in range(1000):
    a, b = override(), swallow()
print(a, b)


def nested(depth, log):
    try:
        if depth == 0:
            raise LookupError("bottom")
        nested(depth - 1, log)
    except KeyError:
        log.append(("key", depth))
        raise
    except LookupError as error:
        log.append(("lookup", depth))
        if depth == 3:
            raise KeyError(depth) from error
        if depth < 6:
            raise
    finally:
        log.append(("finally", depth))


for _ in range(300):
    log = []
    try:
        nested(8, log)
    except KeyError as error:
        outcome = repr(error), repr(error.__cause__), error.__context__ is error.__cause__
print(outcome, log)


class Matcher(type):
    def __subclasscheck__(cls, other):
        raise AssertionError("not asked by except")


class Odd(Exception, metaclass=Matcher):
    pass


def dynamic_except(kind):
    try:
        raise IndexError("dynamic")
    except kind as error:
        return repr(error)


for _ in range(1000):
    dynamic_except(LookupError), dynamic_except((KeyError, IndexError))
for kind in (Exception, (Odd, IndexError), "not a class", (int, IndexError), ((KeyError,), IndexError)):
    try:
        print(dynamic_except(kind))
    except Exception as error:
        print(type(error).__name__, error, type(error.__context__).__name__)


def counted(n):
    hits = [0, 0, 0]
    for i in range(n):
        try:
            try:
                if i & 1:
                    raise KeyError
                hits[0] += 1
            except KeyError:
                hits[1] += 1
                if i % 4 == 3:
                    raise ValueError
        except ValueError:
            hits[2] += 1
    return hits


print(counted(20000))


def raising(what):
    raise what


for what in (ValueError, ValueError("v"), 3, None, int, type, Exception.__new__(Exception, 1)):
    for _ in range(100):
        try:
            raising(what)
        except BaseException as error:
            result = type(error).__name__, str(error)
    print(result)
