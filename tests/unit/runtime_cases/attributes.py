"""Attribute access through inline caches."""

# ruff: noqa: B023 (the functions made in loops are called at once)

import abc
import enum
import functools
import gc
import itertools
import math
import struct
import sys
import types
import weakref

import _rt

from runtime_cases.common import NULL, check_no_leak, check_same, code_function, equal, outcome


def attr_reference(obj, name):
    return code_function(f"def f(o): return o.{name}")(obj)


def method_reference(obj, name):
    """What LOAD_METHOD and PRECALL amount to."""
    return attr_reference(obj, name)


def bind(pair):
    """The value that a LOAD_METHOD's two entries stand for."""
    lower, upper = pair
    if lower is NULL:
        return upper
    if upper is None:
        return getattr(None, lower.__name__)  # __get__(None) does not bind
    return types.MethodType(lower, upper) if not hasattr(lower, "__get__") else lower.__get__(upper, type(upper))


class Site:
    """One attribute site with its caches, used as a load and as a method load."""

    def __init__(self, name):
        self.name = sys.intern(name)
        self.load_ic = _rt.attr_ic(self.name)
        self.method_ic = _rt.attr_ic(self.name)
        self.ask_ic = _rt.attr_ic(self.name)
        self.store_ic = _rt.attr_ic(self.name)
        self.shared_ic = _rt.attr_ic_shared(self.name)
        self.shared_store_ic = _rt.attr_ic_shared(self.name)

    def check(self, obj, times=2):
        for _ in range(times):
            self.check_with(obj, self.load_ic, self.method_ic, self.ask_ic)
            self.check_with(obj, self.shared_ic, self.shared_ic, self.shared_ic)

    def check_with(self, obj, load_ic, method_ic, ask_ic):
        check_same(lambda: attr_reference(obj, self.name), lambda: _rt.load_attr(obj, load_ic), (obj, self.name))
        expected = outcome(attr_reference, obj, self.name)
        got = outcome(lambda: bind(_rt.load_method(obj, method_ic)))
        if expected[0] == "raised":
            # _PyObject_GetMethod leaves out name and obj where a descriptor raised.
            assert expected[:3] == got[:3], (obj, self.name, expected, got)
        else:
            assert equal(expected, got), (obj, self.name, expected, got)
        check_same(lambda: hasattr(obj, self.name), lambda: bool(_rt.has_attr(obj, ask_ic)), (obj, self.name))
        check_same(
            lambda: getattr(obj, self.name, "default"),
            lambda: _rt.get_attr_or(obj, "default", ask_ic),
            (obj, self.name),
        )

    def kinds(self):
        return _rt.attr_ic_state(self.load_ic)[0]


class Point:
    origin = (0, 0)
    shadowed = "class"

    def __init__(self, x=1, y=2):
        self.x = x
        self.y = y

    def norm(self):
        return self.x + self.y

    @property
    def double(self):
        return self.x * 2

    @property
    def failing(self):
        raise AttributeError("inside")

    @property
    def worse(self):
        raise ValueError("inside")

    @staticmethod
    def static():
        return "static"

    @classmethod
    def make(cls):
        return cls

    @functools.cached_property
    def cached(self):
        return [self.x]


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self):
        self.a = 1


class SlottedDict(Slotted):
    pass


class Hooked:
    here = "class"

    def __init__(self):
        self.x = 1

    def __getattr__(self, name):
        if name == "nope":
            raise AttributeError("hook says no")
        return ("hook", name)

    @property
    def failing(self):
        raise AttributeError("from property")


class Getattribute:
    def __getattribute__(self, name):
        return ("getattribute", name)


class IntSub(int):
    pass


class Meta(type):
    @property
    def meta_prop(cls):
        return "meta_prop"

    def meta_method(cls):
        return "meta_method"

    meta_value = "meta_value"


class WithMeta(metaclass=Meta):
    value = 5

    def method(self):
        return "method"

    @classmethod
    def cm(cls):
        return cls

    @staticmethod
    def sm():
        return "sm"


class HookMeta(type):
    def __getattr__(cls, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return ("metahook", name)


class WithHookMeta(metaclass=HookMeta):
    value = 6


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Error(Exception):
    code = 7


def test_attribute_loads_match():
    module = types.ModuleType("m")
    module.x = 1
    module.norm = len
    hooked_module = types.ModuleType("hm")
    exec(
        "def __getattr__(name):\n if name == 'nope': raise AttributeError('mod')\n return ('mod', name)",
        hooked_module.__dict__,
    )
    with_dict = Point()
    with_dict.__dict__["extra"] = 1
    shadow = Point()
    shadow.shadowed = "instance"
    shadow.norm = "instance"
    shadow2 = Point()
    shadow2.__dict__["norm"] = "dict"
    intsub = IntSub(4)
    intsub.x = 5
    error = Error("boom")
    error.x = 8
    slotted_dict = SlottedDict()
    slotted_dict.x = 1
    objects = [
        Point(), Point(3), with_dict, shadow, shadow2, Slotted(), slotted_dict, Hooked(), Getattribute(), intsub,
        error, module, hooked_module, math, Point, WithMeta, WithHookMeta, WithMeta(), WithHookMeta(), Color,
        Color.RED, int, type, 5, "s", [], {}, None, len, test_attribute_loads_match, super(WithMeta, WithMeta()),
        functools.partial(len, "ab"), abc.ABC, struct.Struct("i"), slice(1), lambda: 0, weakref.proxy(objects_keep),
    ]  # fmt: skip
    names = [
        "x", "y", "norm", "origin", "shadowed", "double", "failing", "worse", "static", "make", "cached", "a", "b",
        "here", "nope", "value", "method", "cm", "sm", "meta_prop", "meta_method", "meta_value", "__class__",
        "__dict__",
        "__doc__", "__name__", "__init__", "RED", "code", "args", "append", "get", "real", "sqrt", "size", "start",
        "__mro__", "__eq__", "func", "missing_everywhere", "_private", "extra",
    ]  # fmt: skip
    for name in names:
        shared = Site(name)
        for obj in objects:
            Site(name).check(obj, times=4)
            shared.check(obj)
        for obj in reversed(objects):
            shared.check(obj)


objects_keep = Point()


def kinds_of(obj, name):
    site = Site(name)
    site.check(obj, times=3)
    kinds, hits, misses, _ = _rt.attr_ic_state(site.load_ic)
    assert hits == 2 and misses == 1, (obj, name, kinds, hits, misses)
    return kinds


def test_attribute_cache_kinds():
    """The caches really serve, each in its way."""
    with_dict = Point()
    with_dict.__dict__["extra"] = 1
    assert kinds_of(Point(), "x") == [_rt.INLINE_VALUE]
    assert kinds_of(with_dict, "x") == [_rt.DICT_HINT]
    assert kinds_of(Slotted(), "a") == [_rt.MEMBER]
    assert kinds_of(Point(), "origin") == [_rt.CLASS_VALUE]
    assert kinds_of(with_dict, "origin") == [_rt.CLASS_VALUE]
    assert kinds_of(Point(), "norm") == [_rt.CLASS_METHOD]
    assert kinds_of(with_dict, "norm") == [_rt.CLASS_METHOD]
    assert kinds_of([], "append") == [_rt.CLASS_METHOD]
    assert kinds_of(Point(), "static") == [_rt.CLASS_GET]
    assert kinds_of(Point(), "double") == [_rt.PROPERTY]
    assert kinds_of(Point(), "failing") == [_rt.PROPERTY]
    assert kinds_of(Point(), "__class__") == [_rt.GETSET]
    assert kinds_of(math, "sqrt") == [_rt.MODULE]
    assert kinds_of(Point, "origin") == [_rt.TYPE_VALUE]
    assert kinds_of(Point, "norm") == [_rt.TYPE_VALUE]
    assert kinds_of(Point, "make") == [_rt.TYPE_GET]
    assert kinds_of(Point, "__name__") == [_rt.GETSET]
    assert kinds_of(Hooked(), "anything") == [_rt.GETATTR_HOOK]
    assert kinds_of(Hooked(), "x") == [_rt.INLINE_VALUE]
    assert kinds_of(Hooked(), "nope") == [_rt.GETATTR_HOOK]
    assert kinds_of(Hooked(), "failing") == [_rt.PROPERTY]
    assert kinds_of(WithHookMeta, "something") == [_rt.GETATTR_HOOK]
    assert kinds_of(WithHookMeta, "value") == [_rt.TYPE_VALUE]
    e = Error()
    e.x = 1
    assert kinds_of(e, "x") == [_rt.DICT_HINT]
    assert kinds_of(e, "code") == [_rt.CLASS_VALUE]


def test_absence_is_remembered():
    with_dict = with_materialised_dict(Point())
    for obj in (Point(), with_dict, Slotted(), WithMeta, 5, int):
        ic = _rt.attr_ic("no_such_attribute")
        for _ in range(3):
            assert not _rt.has_attr(obj, ic) and _rt.get_attr_or(obj, obj, ic) is obj
        kinds, hits, misses, _ = _rt.attr_ic_state(ic)
        assert (kinds, hits, misses) == ([_rt.ABSENT], 5, 1), (obj, kinds, hits, misses)
    # Loads do not: they have an error to raise.
    ic = _rt.attr_ic("no_such_attribute")
    for _ in range(3):
        assert outcome(lambda: _rt.load_attr(with_dict, ic))[0] == "raised"
    assert _rt.attr_ic_state(ic)[:3] == ([], 0, 3)


def test_absence_ends():
    for make in (Point, lambda: with_materialised_dict(Point()), SlottedDict, Fresh()):
        site, obj, late = Site("late"), make(), make()
        site.check(obj)
        late.late = 1
        site.check(obj)
        site.check(late)
        type(obj).late = 5
        site.check(obj)
        site.check(late)
        del type(obj).late, late.late
        site.check(obj)
        site.check(late)
    site = Site("late")
    site.check(WithMeta)
    Meta.late = 1
    site.check(WithMeta)
    del Meta.late
    site.check(WithMeta)
    WithMeta.late = 1
    site.check(WithMeta)
    del WithMeta.late


def test_load_method_does_not_bind():
    p = Point()
    for obj, name, lower, upper in [
        (p, "norm", Point.norm, p),
        ([], "append", list.append, None),
        (Hooked(), "__init__", Hooked.__init__, None),
        (Point, "make", Point.__dict__["make"].__func__, Point),
    ]:
        ic = _rt.attr_ic(sys.intern(name))
        for _ in range(3):
            low, up = _rt.load_method(obj, ic)
        assert low is lower and up is (obj if upper is None else upper), name


class Fresh:
    """Makes a class per test: what a test does to it stays there."""

    def __new__(cls):
        class C:
            value = "class"

            def __init__(self):
                self.x = 1

            def m(self):
                return "m"

        return C


def test_caches_follow_the_class():
    C = Fresh()
    o = C()
    site, m = Site("value"), Site("m")
    site.check(o, 3)
    m.check(o, 3)
    C.value = "changed"
    site.check(o, 3)
    C.m = lambda self: "other"
    m.check(o, 3)
    C.value = property(lambda self: "property")
    site.check(o, 3)
    del C.value
    site.check(o, 3)
    C.value = 5
    o.value = "instance"
    site.check(o, 3)
    C.value = property(lambda self: "property again")
    site.check(o, 3)
    o.__class__ = Fresh()
    site.check(o, 3)
    m.check(o, 3)


def test_caches_follow_bases_and_metaclass():
    class Base:
        v = "base"

    class Derived(Base):
        pass

    site, on_class = Site("v"), Site("v")
    site.check(Derived(), 3)
    on_class.check(Derived, 3)
    Base.v = "changed"
    site.check(Derived(), 3)
    on_class.check(Derived, 3)
    Derived.v = "derived"
    site.check(Derived(), 3)
    on_class.check(Derived, 3)

    class M(type):
        pass

    class K(metaclass=M):
        v = 1

    site = Site("v")
    site.check(K, 3)
    M.v = property(lambda cls: "from the metaclass")
    site.check(K, 3)
    M.__getattribute__ = lambda cls, name: "overridden"
    site.check(K, 3)


def test_caches_follow_the_instance():
    C = Fresh()
    a, b = C(), C()
    value, m, x = Site("value"), Site("m"), Site("x")
    for site in (value, m, x):
        site.check(a, 3)
        site.check(b, 3)
    b.value = "instance"  # a new shared key
    b.m = "instance m"
    for _ in range(3):
        for o in (a, b):
            for site in (value, m, x):
                site.check(o)
    a.__dict__["m"] = "in dict"
    b.__dict__
    del b.m
    for _ in range(3):
        for o in (a, b):
            for site in (value, m, x):
                site.check(o)
    a.__dict__ = {"x": "replaced"}
    del b.x
    for o in (a, b):
        for site in (value, m, x):
            site.check(o, 3)

    class Weird(dict):
        def __getitem__(self, key):
            return "never asked"

    a.__dict__ = Weird(m="from a dict subclass")
    for site in (value, m, x):
        site.check(a, 3)


def test_names_that_are_not_interned():
    C = Fresh()
    o = C()
    object.__setattr__(o, "".join(["spe", "cial"]), "not interned")
    o2 = C()
    C.special = "class"
    site = Site("special")
    for _ in range(3):
        site.check(o)
        site.check(o2)
    o2.__dict__["".join(["va", "lue"])] = "dict, not interned"
    value = Site("value")
    value.check(o2, 3)

    class Key(str):
        def __eq__(self, other):
            return True

        def __hash__(self):
            return hash("value")

    o3 = C()
    o3.__dict__[Key("whatever")] = "odd key"
    value.check(o3, 3)


def test_descriptor_whose_class_changes():
    class D:
        pass

    C = Fresh()
    d = C.d = D()
    o = C()
    site = Site("d")
    site.check(o, 3)
    assert _rt.load_attr(o, site.load_ic) is d
    o.d = "instance"
    site.check(o, 3)
    D.__get__ = lambda self, obj, cls: "got"
    site.check(o, 3)
    site.check(C(), 3)
    D.__set__ = lambda self, obj, v: None
    site.check(o, 3)
    assert _rt.load_attr(o, site.load_ic) == "got"

    class E:
        def __get__(self, obj, cls):
            return "E"

    C2 = Fresh()
    C2.d = D()
    site = Site("d")
    p = C2()
    site.check(p, 3)
    C2.__dict__["d"].__class__ = E
    site.check(p, 3)


def test_property_replaced_in_place():
    class C:
        p = property(lambda self: "first")

    site = Site("p")
    o = C()
    site.check(o, 3)
    C.__dict__["p"].__init__(lambda self: "second")
    site.check(o, 3)
    C.__dict__["p"].__init__(None)
    site.check(o, 3)


def test_getattr_hook_changes():
    class C:
        def __getattr__(self, name):
            return ("one", name)

    site = Site("q")
    o = C()
    site.check(o, 3)
    C.__getattr__ = lambda self, name: ("two", name)
    site.check(o, 3)
    o.q = 5
    site.check(o, 3)
    del o.q
    site.check(o, 3)
    C.__getattribute__ = lambda self, name: "everything"
    site.check(o, 3)
    del C.__getattribute__
    site.check(o, 3)
    del C.__getattr__
    site.check(o, 3)


def test_classes_that_come_and_go():
    """Entries of dead classes are never looked into."""
    names = ("cm", "sm", "m", "value", "descr", "own")
    sites = {name: Site(name) for name in names}

    class D:
        def __init__(self, v):
            self.v = v

        def __get__(self, obj, cls):
            return self.v

    for i in range(30):

        class C(metaclass=HookMeta):
            cm = classmethod(lambda cls, i=i: i)
            sm = staticmethod([].append)
            descr = D([i])
            value = [i]

            def m(self):
                return i

        instance = C()
        instance.own = [i]
        for name, site in sites.items():
            _rt.load_attr(C, site.load_ic)
            _rt.load_attr(instance, site.load_ic)
            _rt.load_method(C, site.method_ic)
            _rt.store_attr(C, site, site.store_ic) if name == "value" and i % 3 == 0 else None
        del C, instance
        gc.collect()
        for name in ("cm", "sm", "descr", "value", "own"):  # other classes at the same sites
            sites[name].check(WithHookMeta)


def test_megamorphic_site():
    site = Site("x")
    classes = [Fresh() for _ in range(40)]
    objects = [c() for c in classes]
    for _ in range(5):
        for o in objects:
            site.check(o, 1)
    assert _rt.attr_ic_state(site.load_ic)[3] == 1
    # Few misses among many hits do not make a site so.
    site = Site("x")
    for o in objects:
        for _ in range(200):
            assert _rt.load_attr(objects[0], site.load_ic) == 1
        assert _rt.load_attr(o, site.load_ic) == 1
    kinds, hits, misses, megamorphic = _rt.attr_ic_state(site.load_ic)
    assert not megamorphic and misses < 130


def test_dicts_filled_in_different_ways():
    """Objects of one class, and modules, that have a name at different places of their dicts, or not at all."""

    class D:
        x = "class"

    def instance(names):
        o = with_materialised_dict(D())
        for n in names:
            setattr(o, n, n)
        return o

    def module(names):
        m = types.ModuleType("m")
        for n in names:
            setattr(m, n, n)
        return m

    fillings = ["x", "ax", "abx", "ab", "", "xa", "abcdefghijx"]
    for name in ("x", "a"):
        site = Site(name)
        for make in (instance, module):
            for _ in range(3):
                for names in fillings:
                    o = make(names)
                    site.check(o)
                    if name in names:
                        delattr(o, name)
                        site.check(o)
                    o.__dict__[7] = 7  # no longer str only
                    site.check(o)


def test_classes_share_entries_by_class():
    """What a class has depends on the class, not on its type alone."""

    class Meta(type):
        pass

    site = Site("x")
    classes = [Meta(f"C{i}", (), {"x": i} if i % 3 else {}) for i in range(30)]
    classes += [Meta(f"D{i}", (classes[i],), {}) for i in range(30)]
    for turn in range(4):
        for c in classes:
            site.check(c)
        for i, c in enumerate(classes[turn::4]):
            if i % 2:
                c.x = -i
            elif "x" in vars(c):
                del c.x
            site.check(c)


def set_reference(obj, name, v):
    code_function(f"def f(o, v): o.{name} = v")(obj, v)


def test_attribute_stores_match():
    class Watched:
        __slots__ = ("__dict__", "s")

        @property
        def p(self):
            return self.__dict__.get("_p")

        @p.setter
        def p(self, v):
            if v == "bad":
                raise AttributeError("setter says no")
            self.__dict__["_p"] = v

        read_only = property(lambda self: 1)
        plain = 5

    class SetattrHook:
        def __setattr__(self, name, v):
            object.__setattr__(self, name, ("hooked", v))

    makers = [
        Point, Slotted, SlottedDict, Watched, SetattrHook, lambda: IntSub(3), lambda: Error("e"), Hooked,
        lambda: types.ModuleType("m"), lambda: 5, lambda: None, lambda: type("T", (), {}), lambda: (lambda: 0),
        object, lambda: with_materialised_dict(Point()),
    ]  # fmt: skip
    names = [
        "x",
        "fresh",
        "a",
        "b",
        "s",
        "p",
        "read_only",
        "plain",
        "double",
        "norm",
        "__class__",
        "__dict__",
        "args",
        "origin",
    ]
    for name, make in itertools.product(names, makers):
        site = Site(name)
        for v, ic in itertools.product((1, "bad", [2], {"k": 1}, 1), (site.store_ic, site.shared_store_ic)):
            a, b = make(), make()
            if name == "__class__" and isinstance(v, int):
                a, b = make(), make()
            for _ in range(2):
                check_same(
                    lambda: set_reference(a, name, v),
                    lambda: [None, 1][_rt.store_attr(b, v, ic)],
                    (a, name, v),
                )
            if name not in ("__class__", "__dict__"):
                assert outcome(attr_reference, a, name)[:3] == outcome(attr_reference, b, name)[:3] or (
                    callable(getattr(a, name, None))  # bound to a or to b
                )
            if hasattr(a, "__dict__") and name != "__dict__" and not isinstance(a, (type, types.ModuleType)):
                assert list(vars(a)) == list(vars(b)), (a, name, v)


def with_materialised_dict(o):
    o.__dict__
    return o


def test_stores_keep_insertion_order_and_references():
    class C:
        pass

    x, y = Site("x"), Site("y")
    for i in range(4):
        o = C()
        marker = [i]
        _rt.store_attr(o, marker, y.store_ic)
        _rt.store_attr(o, marker, x.store_ic)
        _rt.store_attr(o, marker, y.store_ic)
        assert sys.getrefcount(marker) == 4
        assert list(o.__dict__) == ["y", "x"], list(o.__dict__)
        del o
        assert sys.getrefcount(marker) == 2
    kinds, hits, misses, _ = _rt.attr_ic_state(x.store_ic)
    assert kinds == [_rt.INLINE_VALUE] and hits == 3 and misses == 1


def test_store_drops_the_old_value_last():
    seen = []

    class Old:
        def __del__(self):
            seen.append(o.x)

    o = Point()
    site = Site("x")
    for _ in range(3):
        _rt.store_attr(o, Old(), site.store_ic)
        _rt.store_attr(o, "new", site.store_ic)
    assert seen == ["new"] * 3


def test_delete_attr():
    for name in ("x", "nope", "norm", "double"):
        a, b = Point(), Point()
        f = code_function(f"def f(o):\n del o.{name}")
        check_same(lambda: f(a), lambda: [None, 1][_rt.delete_attr(b, name)], name)
        assert vars(a) == vars(b)


def test_attribute_references():
    p = Point(x=[1])
    with_dict = with_materialised_dict(Point(x=[1]))
    sites = [Site(n) for n in ("x", "norm", "double", "origin", "make", "static")]
    objects = [p, with_dict, Point, Hooked()]

    def use():
        for site in sites:
            for o in objects:
                outcome(_rt.load_attr, o, site.load_ic)
                outcome(_rt.load_method, o, site.method_ic)

    use()
    before = [sys.getrefcount(o) for o in (p, with_dict, Point, Point.origin, Point.norm, p.x)]
    for _ in range(50):
        use()
    assert before == [sys.getrefcount(o) for o in (p, with_dict, Point, Point.origin, Point.norm, p.x)]
    check_no_leak(use)
