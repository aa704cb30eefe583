"""Weak references, their callbacks and weak containers used from hot loops."""
import weakref


class T:
    def __init__(self, i):
        self.i = i

    def method(self):
        return self.i


def callbacks(n):
    order = []
    for i in range(n):
        t = T(i)
        r1 = weakref.ref(t, lambda r: order.append("first"))
        r2 = weakref.ref(t, lambda r: order.append("second"))
        assert r1() is t and r2() is t
        t = None
        if r1() is not None or order[-2:] != ["second", "first"]:
            return "late", i, order[-2:]
    return len(order)


print(callbacks(1500))


def values(n):
    d = weakref.WeakValueDictionary()
    kept = []
    for i in range(n):
        t = T(i)
        d[i] = t
        if i % 100 == 0:
            kept.append(t)
    t = None
    return sorted(d), len(d)


print(values(1500))


def keys(n):
    d = weakref.WeakKeyDictionary()
    for i in range(n):
        t = T(i)
        d[t] = i
        if len(d) != 1:
            return "kept", len(d)
    del t
    return len(d)


print(keys(1000))


def sets(n):
    s = weakref.WeakSet()
    for i in range(n):
        s.add(T(i))
    return len(s)


print(sets(1000))


def proxies(n):
    t = T(5)
    p = weakref.proxy(t)
    total = 0
    for i in range(n):
        total += p.i + p.method()
    del t
    try:
        p.i
    except ReferenceError as error:
        return total, str(error)


print(proxies(2000))


def methods(n):
    t = T(3)
    ref = weakref.WeakMethod(t.method)
    total = 0
    for i in range(n):
        total += ref()()
    del t
    return total, ref() is None


print(methods(2000))


def finalizers(n):
    done = []
    for i in range(n):
        weakref.finalize(T(i), done.append, i)
    return done == list(range(n))


print(finalizers(500))


def borrowed(n):
    """An object that dies while its method runs."""
    holder = {}

    class Suicidal:
        def __init__(self, i):
            self.i = i
            holder["x"] = self

        def run(self):
            ref = weakref.ref(self)
            holder.clear()
            alive = ref() is self
            return alive, self.i

    for i in range(n):
        Suicidal(i)
        result = holder["x"].run()
    return result, holder


print(borrowed(2000))


def item_killer(n):
    """A list item that is dropped from the list by its own operator."""
    class Item:
        def __init__(self, box, v):
            self.box, self.v = box, v

        def __add__(self, other):
            self.box.clear()
            return self.v + other

        def __lt__(self, other):
            self.box.clear()
            return self.v < 1

        def __call__(self):
            self.box.clear()
            return self.v

    total = 0
    for i in range(n):
        box = []
        box.append(Item(box, i))
        total += box[0] + 1
        box.append(Item(box, i))
        total += box[0] < 5
        box.append(Item(box, i))
        total += box[0]()
    return total


print(item_killer(2000))
