"""Globals, names, imports."""

# ruff: noqa: B023 (the functions made in loops are called at once)

import math
import sys
import types

import _rt

from runtime_cases.attributes import Hooked, Slotted
from runtime_cases.common import check_same, code_function, outcome
from runtime_cases.operands import Missing


def in_namespace(source, ns):
    exec(source, ns)
    return ns


def test_load_global():
    ns = {"_rt": _rt, "here": 1}
    source = "def get(ic): return _rt.load_global(ic)\ndef reference(name): return eval(name)"
    in_namespace(source, ns)
    get = ns["get"]

    def value(ic):
        return outcome(get, ic)

    here, length = _rt.global_ic("here"), _rt.global_ic("len")
    for _ in range(3):
        assert get(here) == 1 and get(length) is len
    assert _rt.global_ic_state(here) == (_rt.GLOBAL_MODULE, 2, 1)
    assert _rt.global_ic_state(length) == (_rt.GLOBAL_BUILTIN, 2, 1)
    ns["here"] = 2
    assert get(here) == 2 and _rt.global_ic_state(here)[2] == 1
    ns["other"] = 5  # globals change, the builtin has to be looked up once more
    assert get(length) is len
    ns["len"] = "shadow"
    assert get(length) == "shadow" and get(length) == "shadow"
    del ns["len"]
    assert get(length) is len
    del ns["here"]
    assert value(here)[1] is NameError
    check_same(lambda: eval("nonexistent", ns), lambda: get(_rt.global_ic("nonexistent")))
    for i in range(200):  # the dict is rebuilt: indices move
        ns[f"n{i}"] = i
    ns["here"] = 3
    for _ in range(3):
        assert get(here) == 3 and get(length) is len
    for i in range(200):
        del ns[f"n{i}"]
    ns["len"] = 4
    assert get(length) == 4 and get(here) == 3
    try:
        get(_rt.global_ic("nonexistent"))
    except NameError as e:
        assert e.name == "nonexistent"


def test_global_keys_version():
    """With the keys version that tier 0 assigned, stores to globals do not disturb builtins."""
    ns = {"_rt": _rt, "counter": 0}
    in_namespace("def warm():\n for i in range(100):\n  len\n  counter\ndef get(ic): return _rt.load_global(ic)", ns)
    for _ in range(20):
        ns["warm"]()
    ic = _rt.global_ic("len")
    for i in range(50):
        ns["counter"] = i
        assert ns["get"](ic) is len
    assert _rt.global_ic_state(ic)[2] == 1


def test_odd_globals_and_builtins():
    class Builtins(dict):
        def __getitem__(self, key):
            if key == "odd_name":
                raise ValueError("odd")
            return dict.__getitem__(self, key)

    ns = {"_rt": _rt, "__builtins__": Builtins(known=1, __import__=__import__)}
    in_namespace("def get(ic): return _rt.load_global(ic)\ndef ref(): return unknown\ndef odd(): return odd_name", ns)
    assert ns["get"](_rt.global_ic("known")) == 1
    check_same(ns["ref"], lambda: ns["get"](_rt.global_ic("unknown")))
    assert outcome(ns["get"], _rt.global_ic("odd_name"))[1] is ValueError


def test_store_and_delete_global():
    ns = {"_rt": _rt}
    in_namespace(
        "def put(v): _rt.store_global(v, 'g')\ndef drop(): _rt.delete_global('g')\ndef ref():\n global g\n del g", ns
    )
    ns["put"](5)
    assert ns["g"] == 5
    ns["drop"]()
    assert "g" not in ns
    check_same(ns["ref"], ns["drop"])


class Namespace:
    """Locals that are no dict."""

    def __init__(self, **kw):
        self.d = kw

    def __getitem__(self, key):
        if key == "strange":
            raise ValueError("strange")
        return self.d[key]

    def __setitem__(self, key, v):
        if key == "strange":
            raise ValueError("strange")
        self.d[key] = v

    def __delitem__(self, key):
        del self.d[key]


def test_names():
    for make in (dict, Namespace):
        for name in ("a", "g", "len", "missing", "strange"):
            for op, call in (
                (name, f"_rt.load_name({name!r})"),
                (f"[{name} := 7]", None),
            ):
                if call is None:
                    continue
                ns = {"_rt": _rt, "g": 1}
                check_same(lambda: eval(op, ns, make(a=5)), lambda: eval(call, ns, make(a=5)), (make, op))
            for source, call in (
                (f"{name} = 3", f"_rt.store_name(3, {name!r})"),
                (f"del {name}", f"_rt.delete_name({name!r})"),
            ):
                ns = {"_rt": _rt, "g": 1}
                one, two = make(a=5), make(a=5)
                check_same(lambda: exec(source, ns, one), lambda: exec(call, ns, two), (make, source))
                assert getattr(one, "d", one) == getattr(two, "d", two)
        one, two = make(), make()
        for _ in range(2):
            exec("x: int", {}, one)
            exec("_rt.setup_annotations()", {"_rt": _rt}, two)
        assert getattr(two, "d", two) == {"__annotations__": {}}
    # Only reachable with broken code, but the message exists.
    no_locals = types.FunctionType((lambda: _rt.store_name(1, "x")).__code__, {"_rt": _rt})
    assert outcome(no_locals)[1:3] == (SystemError, ("no locals found when storing 'x'",))
    no_locals = types.FunctionType((lambda: _rt.delete_name("x")).__code__, {"_rt": _rt})
    assert outcome(no_locals)[1:3] == (SystemError, ("no locals when deleting 'x'",))
    no_locals = types.FunctionType((lambda: _rt.load_name("x")).__code__, {"_rt": _rt})
    assert outcome(no_locals)[1:3] == (SystemError, ("no locals when loading 'x'",))


def test_unbound():
    def local():
        _rt.unbound_local(0)
        name = 1  # noqa: F841

    def local_reference():
        name  # noqa: F821
        name = 1  # noqa: F841

    assert outcome(local) == outcome(local_reference)

    def make(what):
        if what == 5:
            free = 1

        def helper():
            _rt.unbound_deref(0)
            return free

        def reference():
            return free

        return helper, reference

    helper, reference = make(0)
    assert outcome(helper) == outcome(reference)


def test_build_class():
    ns = {"_rt": _rt}
    assert eval("_rt.load_build_class()", ns) is __build_class__
    for builtins in ({}, Missing()):
        ns = {"_rt": _rt, "__builtins__": builtins}
        got = outcome(lambda: eval("_rt.load_build_class()", ns))
        if type(builtins) is dict:
            assert got[1:3] == (NameError, ("__build_class__ not found",))


def test_import_name():
    ns = {"_rt": _rt, "__name__": "pkg.mod", "__package__": "os"}

    def call(level, fromlist, name, **extra):
        return eval(
            "_rt.import_name(level, fromlist, name)",
            {**ns, **extra, "level": level, "fromlist": fromlist, "name": name},
        )

    assert call(0, None, "os.path") is __import__("os")
    assert call(0, ("join",), "os.path") is __import__("posixpath")
    assert call(1, ("join",), "path") is sys.modules["posixpath"]
    check_same(lambda: exec("import no_such_module"), lambda: call(0, None, "no_such_module"))
    calls = []

    def fake(*args):
        calls.append(args)
        return "module"

    import builtins

    g = {**ns, "level": 2, "fromlist": ("x",), "name": "n", "__builtins__": {**vars(builtins), "__import__": fake}}
    loc = {"l": 1}
    assert eval("_rt.import_name(level, fromlist, name)", g, loc) == "module"
    assert calls == [("n", g, loc, ("x",), 2)]
    g = {**ns, "__builtins__": {}}
    got = outcome(lambda: eval("_rt.import_name(0, None, 'os')", g))
    assert got[1:3] == (ImportError, ("__import__ not found",))


def test_import_from():
    class Spec:
        _initializing = True

    plain = types.ModuleType("plain")
    partial = types.ModuleType("partial")
    partial.__spec__ = Spec()
    partial.__file__ = "/x/partial.py"
    filed = types.ModuleType("filed")
    filed.__file__ = "/x/filed.py"
    nameless = types.ModuleType("nameless")
    del nameless.__name__
    badname = types.ModuleType("badname")
    badname.__name__ = 5
    badfile = types.ModuleType("badfile")
    badfile.__file__ = 5
    parent = types.ModuleType("parent_")
    sys.modules["parent_.child"] = child = types.ModuleType("parent_.child")
    try:
        assert _rt.import_from(parent, "child") is child
        assert _rt.import_from(math, "sqrt") is math.sqrt
        f = code_function("def f():\n from m import missing", __builtins__={"__import__": lambda *a: current})
        for current in (plain, partial, filed, nameless, badname, badfile, parent, 5, Hooked(), object()):
            check_same(f, lambda: [_rt.import_from(current, "missing"), None][1], current)
    finally:
        del sys.modules["parent_.child"]


def test_import_star():
    def module(**kw):
        m = types.ModuleType("starred")
        m.__dict__.update(kw)
        return m

    no_dict = Slotted()
    odd = types.ModuleType("odd")
    odd.__dict__[5] = 1
    odd_nameless = types.ModuleType("odd")
    odd_nameless.__dict__[5] = 1
    odd_nameless.__name__ = 7

    class BadAll:
        __name__ = "badall"

        class __all__:
            def __getitem__(self, i):
                raise ZeroDivisionError

        __all__ = __all__()

    candidates = [
        module(a=1, _b=2, c=3), module(__all__=["a", "_b"], a=1, _b=2), module(__all__=["gone"]), module(__all__=[5]),
        module(__all__=5), no_dict, odd, odd_nameless, BadAll(), module(__all__=()),
    ]  # fmt: skip
    for m in candidates:
        one, two = {}, {}
        star = {"__builtins__": {"__import__": lambda *a: m}}
        check_same(
            lambda: exec("from m import *", star, one), lambda: exec("_rt.import_star(m)", {"_rt": _rt, "m": m}, two), m
        )
        assert one == two
