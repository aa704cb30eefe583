"""Exceptions that are caught at once, by handlers that nobody can look into, and what must not be forgotten there."""

import builtins
import os
import re
import sys
import traceback
import weakref

N = 300
log = []


def note(*what):
    log.append(what)


def flush(title):
    print(title, len(log), log[:3], log[-2:])
    log.clear()


class Dies:
    """Tells what it sees when it dies."""

    def __init__(self, name):
        self.name = name

    def __hash__(self):
        return 7

    def __del__(self):
        kind, value, tb = sys.exc_info()
        depth = len(traceback.extract_tb(tb)) if tb is not None else 0
        note(self.name, kind and kind.__name__, type(value).__name__, depth)


# --- what is elided ---------------------------------------------------------------------------


def missing_key(d, k):
    try:
        v = d[k]
    except KeyError:
        v = None
    return v


def missing_key_default(d, k, default):
    try:
        return d[k]
    except (KeyError, IndexError):
        return default


def missing_item(items, i):
    try:
        return items[i]
    except LookupError:
        return "none"


def missing_attribute(o):
    try:
        return o.attr
    except AttributeError:
        return "absent"


def exhausted(it):
    n = 0
    while True:
        try:
            next(it)
        except StopIteration:
            break
        n += 1
    return n


def no_number(text):
    try:
        return int(text)
    except ValueError:
        pass
    return -1


def divided(a, b):
    try:
        return a / b
    except ZeroDivisionError:
        return "infinite"


def characters(text):
    """The index runs out of the text; a negative one does not."""
    found, i = [], -1
    while True:
        try:
            c = text[i]
        except IndexError:
            break
        found.append(c)
        i += 1
    return "".join(found)


def items_of(items):
    total, i = 0, 0
    while True:
        try:
            total += items[i]
        except IndexError:
            return total
        i += 1


def found_at(text, part):
    try:
        return text.index(part)
    except ValueError:
        return "not there"


def by_name(o, name):
    try:
        return getattr(o, name)
    except AttributeError:
        pass
    return "no such name"


def size_of(path):
    try:
        stat = os.stat(path)
    except (OSError, ValueError):
        return "no file"
    return stat.st_size >= 0


def value_of(generator):
    try:
        return next(generator)
    except StopIteration:
        return "stopped"


def returns(value):
    return value
    yield


def anything(d, k):
    try:
        return d[k]
    except:  # noqa: E722
        return "anything"


def skipped(keys, d):
    found = []
    for k in keys:
        try:
            v = d[k]
        except KeyError:
            continue
        found.append(v)
    return found


def popped(d, k):
    try:
        v = d.pop(k)
    except KeyError:
        return 0
    return v


def swapped(d, k, a, b):
    try:
        a = d[k]
    except KeyError:
        a, b = b, a
    return a, b


def two(d, items, k):
    try:
        x = d[k]
        y = items[x]
    except (KeyError, IndexError):
        x = y = 0
    return x, y


class Plain:
    pass


class Slots:
    __slots__ = ("attr",)


class Hook:
    def __getattr__(self, name):
        raise AttributeError(name)


class Getter:
    @property
    def attr(self):
        raise AttributeError("from the getter")


class Found:
    attr = 3


class Missing(dict):
    def __missing__(self, key):
        return ("missing", key)


class Raises(dict):
    def __getitem__(self, key):
        raise KeyError(key)


def plain_cases():
    results = set()
    owners = [Plain(), Slots(), Hook(), Getter(), Found(), Plain, 5, "s", None, sys]
    some = {1: 1, "b": 2}
    for i in range(N):
        results.add(missing_key(some, i % 3))
        results.add(missing_key(Missing(a=1), "z"))
        results.add(missing_key(Raises(a=1), "a"))
        results.add(missing_key(some, (1, i % 2)))
        results.add(missing_key_default(some, "b" if i % 5 == 0 else "c", "default"))
        results.add(missing_key_default([1, 2], i % 4, "default"))
        results.add(missing_item([1], i % 3))
        results.add(missing_item((1,), -(i % 3)))
        results.add(missing_item("x", i % 2))
        results.add(missing_item(b"x", i % 2))
        results.add(missing_item([1], 1 << 70))
        results.add(missing_attribute(owners[i % len(owners)]))
        results.add(exhausted(iter(range(i % 4))))
        results.add(exhausted(x for x in "abc"))
        results.add(no_number("x" if i % 3 else "12"))
        results.add(anything(some, i % 3))
        results.add(by_name(owners[i % len(owners)], ("attr", "other", "count")[i % 3]))
        results.add(divided(i % 4, i % 3) if i % 2 else divided(1.5, i % 3))
        results.add(characters("abc" if i % 3 else "\u20ac\u20ad"))
        results.add(items_of([1, 2, 3] if i % 3 else (4, 5)))
        results.add(found_at("abc", "bxc"[i % 3]))
        results.add(size_of(("/", "/no/such/file", "a\0b")[i % 3]))
        results.add(value_of(returns(Dies("returned"))))
        while_handling(some, i % 3)
        results.add(tuple(skipped([1, 5, "b", "q"], some)))
        results.add(popped({"x": 4}, "x" if i % 3 == 0 else "y"))
        results.add(swapped(some, i % 3, "a", "b"))
        results.add(two(some, [7, 8], i % 3))
    print(sorted(re.sub(" at 0x.*", "", repr(r)) for r in results))
    print(sys.exc_info())
    flush("returned")


# --- what somebody sees --------------------------------------------------------------------------


def old_dies(d, k):
    x = Dies("old")
    try:
        x = d[k]
    except KeyError:
        x = None
    note("behind", sys.exc_info()[0])
    return x


def old_is_kept(d, k, kept):
    x = kept
    try:
        x = d[k]
    except KeyError:
        x = None
    return x


def key_dies(d):
    try:
        d[Dies("key")]
    except KeyError:
        pass
    note("behind key")


def key_in_tuple_dies(d):
    try:
        d[1, Dies("key in tuple")]
    except KeyError:
        pass
    note("behind tuple")


def container_dies(k):
    try:
        {1: Dies("value"), 2: 3}[k]
    except KeyError:
        pass
    note("behind container")


def callback_runs(d, k):
    x = Plain()
    r = weakref.ref(x, lambda r: note("callback", sys.exc_info()[0]))
    try:
        x = d[k]
    except KeyError:
        x = r
    return x


def observers():
    d = {}
    for f in (old_dies, callback_runs):
        for i in range(N):
            f(d, i)
        flush(f.__name__)
    kept = Dies("kept")
    for i in range(N):
        old_is_kept(d, i, kept)
    flush("old_is_kept")
    for f in (key_dies, key_in_tuple_dies):
        for _ in range(N):
            f(d)
        flush(f.__name__)
    for i in range(N):
        container_dies(i + 5)
    flush("container_dies")
    del kept
    flush("kept")


# --- exceptions that are others' ---------------------------------------------------------------


def wrong_class(d, k):
    try:
        return d[k]
    except IndexError:
        return "index"


def outer(d, k):
    try:
        return wrong_class(d, k)
    except KeyError as e:
        return e.args, [f.lineno - wrong_class.__code__.co_firstlineno for f in traceback.extract_tb(e.__traceback__)[1:]]


def unhashable(d, k):
    try:
        return d[k]
    except KeyError:
        return None


def while_handling(d, k):
    try:
        raise ValueError("first")
    except ValueError:
        a = missing_key(d, k)
        seen = sys.exc_info()[0]
    return a, seen


def raises_behind(d, k):
    try:
        v = d[k]
    except KeyError:
        v = None
    raise RuntimeError(v)


def hook_raises(o):
    try:
        return o.attr
    except KeyError:
        return None


def others():
    results = set()
    for i in range(N):
        results.add(repr(outer({}, i % 2)))
        try:
            unhashable({}, [])
        except TypeError as e:
            results.add(str(e))
        results.add(repr(while_handling({}, i % 2)))
        try:
            raises_behind({}, i % 2)
        except RuntimeError as e:
            results.add((repr(e), repr(e.__context__), e.__suppress_context__))
        try:
            hook_raises(Plain())
        except AttributeError as e:
            results.add((str(e), e.name, type(e.obj).__name__, len(traceback.extract_tb(e.__traceback__))))
    print(sorted(map(repr, results)))


# --- names that change ---------------------------------------------------------------------------


def with_global_name(d, k):
    try:
        return d[k]
    except Wanted:
        return "wanted"


def name_changes():
    global Wanted
    results = []
    for Wanted in (KeyError, IndexError, (KeyError, OSError), Exception, 5, "gone", LookupError):
        if Wanted == "gone":
            del Wanted
        for i in range(N):
            try:
                r = with_global_name({}, i)
            except BaseException as e:
                r = type(e).__name__, str(e) if type(e) is not KeyError else ""
            if not results or results[-1] != r:
                results.append(r)
    print(results)
    real = builtins.KeyError
    results = []
    for cls in (real, IndexError, real):
        builtins.KeyError = cls
        for i in range(N):
            try:
                r = missing_key({}, i)
            except real as e:
                r = type(e).__name__
            if not results or results[-1] != r:
                results.append(r)
    builtins.KeyError = real
    print(results)


# --- generators, traces, locals ---------------------------------------------------------------


def generated(d, keys):
    for k in keys:
        try:
            v = d[k]
        except KeyError:
            v = -1
        yield v


def unbound(d, k):
    try:
        v = d[k]
    except KeyError:
        pass
    return v  # noqa: F821


def unbound_in_handler(d, k, bind):
    if bind:
        x = 1
    try:
        v = d[k]
    except KeyError:
        v = x
    return v


def traced():
    events = []

    def tracer(frame, event, arg):
        if frame.f_code is missing_key.__code__:
            events.append((event, frame.f_lineno - frame.f_code.co_firstlineno))
        return tracer

    for i in range(N):
        missing_key({}, i)
    sys.settrace(tracer)
    missing_key({}, 1)
    sys.settrace(None)
    missing_key({}, 1)
    print(events)


def the_rest():
    print(sum(sum(generated({1: 1}, range(4))) for _ in range(N)))
    kinds = set()
    for i in range(N):
        for f, args in ((unbound, ({}, i)), (unbound_in_handler, ({}, i, i % 2))):
            try:
                kinds.add((f.__name__, f(*args)))
            except UnboundLocalError as e:
                kinds.add((f.__name__, str(e), repr(e.__context__)[:8]))
    print(sorted(map(repr, kinds)))
    traced()


def long_loop():
    """A loop that is entered once; its types change under way."""
    d = {i: i for i in range(0, 3000, 3)}
    total = 0
    v = "start"
    for i in range(3000):
        try:
            v = d[i]
        except KeyError:
            v = 1.5
        total += v
    return total, v


plain_cases()
observers()
others()
name_changes()
the_rest()
print(long_loop())
