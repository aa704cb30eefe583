"""Full collections: they find the garbage that stock finds, whatever holds what is alive, and finalizers see all objects."""

import collections
import contextvars
import functools
import gc
import itertools
import threading
import weakref

gc.disable()


class Node:
    def __init__(self, name, *held):
        self.name = name
        self.me = self
        self.held = held

    def __repr__(self):
        return f"<{self.name}>"


class Noisy(Node):
    def __del__(self):
        print("del", self.name)


class Slotted:
    __slots__ = ("a", "b", "__weakref__")


def dead(o):
    "The object loses its last name here: is it found?"
    ref = weakref.ref(o)
    del o
    return ref


def counts():
    n = gc.collect()
    return n, gc.collect()


print(counts()[1])


# What is alive is held in many ways; each has a cycle behind it.
def locals_hold():
    kept = Node("local", [Node("inner")])
    refs = [weakref.ref(kept), weakref.ref(kept.held[0][0])]
    first = gc.collect()
    cell = Node("cell")

    def inner():
        return cell, gc.collect()

    inner()
    return first, [ref() is not None for ref in refs], cell.name


print(locals_hold())


def suspended():
    kept = Node("in a generator")
    yield weakref.ref(kept)
    gc.collect()
    yield kept.name
    del kept
    yield None


g = suspended()
ref = next(g)
print(gc.collect(), ref(), next(g), next(g), gc.collect(), ref())

holders = {
    "deque": collections.deque([Node("deque")]),
    "partial": functools.partial(print, Node("partial")),
    "chain": itertools.chain([Node("chain")]),
    "iterator": iter([Node("iterator")]),
    "set": {Node("set")},
    "frozenset": frozenset([Node("frozenset")]),
    "key": {Node("key"): 1, (1, Node("in a key")): 2},
    "method": Node("method").__repr__,
    "mappingproxy": type("Class", (), {"attribute": Node("class attribute")}).__dict__,
    "default": lambda x=Node("default"): x,
    "memory": memoryview(b"x"),
    "dict view": {"a": Node("view")}.values(),
    "many": {i: Node(i) for i in range(300)},
    "list": [Node(i) for i in range(300)],
    "tuple": tuple(Node(i) for i in range(300)),
}
refs = [weakref.ref(o) for o in gc.get_objects() if type(o) is Node]
print(len(refs), counts(), sum(ref() is not None for ref in refs))
held_by_c = itertools.count(), map(Node, "abc"), zip([Node("zip")]), enumerate([Node("enumerate")])
variable = contextvars.ContextVar("variable")
variable.set(Node("context"))
local = threading.local()
local.node = Node("thread local")
print(counts(), variable.get(), local.node)


# Another thread's frames.
def waits(event, ready, answers):
    kept = Node("other thread")
    ref = weakref.ref(kept)
    ready.set()
    event.wait()
    answers.append((ref() is kept, kept.name))
    del kept
    answers.append((gc.collect(), ref()))


event, ready, answers = threading.Event(), threading.Event(), []
thread = threading.Thread(target=waits, args=(event, ready, answers))
thread.start()
ready.wait()
print(gc.collect())
event.set()
thread.join()
print(answers)

# Garbage: how much, in which order finalizers run, what comes back.
for name in "abc":
    Noisy(name, Noisy(name + " held"))
print(counts())
back = []


class Back(Node):
    def __del__(self):
        back.append(self)


x = Back("back", Node("with it"))
x.other = Back("too")
ref = weakref.ref(x.other)
del x
print(gc.collect(), sorted(map(repr, back)), ref() in back)
del back[:]
print(counts(), ref())


def called(ref):
    print("callback", ref() is None)


a, b = Slotted(), Slotted()
a.a, a.b, b.a, b.b = b, [a], a, {"x": b}
refs = [weakref.ref(a, called), weakref.ref(b, called)]
del a, b
print(counts())


# Finalizers look around.
class Looks:
    def __init__(self, what):
        self.me = self
        self.what = what

    def __del__(self):
        print("looking", self.what())


def sees_all():
    alive = {id(o) for o in gc.get_objects()}
    return id(holders) in alive, id(Node) in alive, id(globals()) in alive, len(alive) > 3000


marker = [[]]
Looks(sees_all)
Looks(lambda: len([o for o in gc.get_referrers(marker) if o is globals()]))
Looks(lambda: [gc.collect(), gc.collect(2), gc.collect(0)])
Looks(lambda: (gc.is_tracked(holders), gc.get_count()[2]))
Looks(lambda: (gc.freeze(), gc.get_freeze_count() > 3000, gc.unfreeze(), gc.get_freeze_count()))
Looks(lambda: gc.get_objects(generation=0) is not None)
print(counts())
before = len(gc.get_objects())
print(len(gc.get_objects()) - before, len(gc.get_objects(generation=2)) > 3000)
print(gc.get_stats()[2]["collections"] > 10, gc.get_count())

# What need not be looked at is untracked, as ever.
atoms, nested, holding = tuple([1, "a", None]), tuple([1, tuple([2, 3])]), tuple([1, []])
plain, deep = {"a": 1, "b": (1, 2)}, {"a": []}
before = [gc.is_tracked(o) for o in (atoms, nested, holding, plain, deep)]
gc.collect()
gc.collect()
print(before, [gc.is_tracked(o) for o in (atoms, nested, holding, plain, deep)])

# Deep and wide.
chain = []
for _ in range(200_000):
    chain = [chain]
wide = [[i] for i in range(100_000)]
table = {i: [i] for i in range(50_000)}
print(counts(), len(wide), len(table))
ring = first = []
for _ in range(50_000):
    ring = [ring]
first.append(ring)
del ring, first
print(counts())
while chain:
    chain = chain[0]
print(counts())

# Debugging sees what stock shows.
gc.set_debug(gc.DEBUG_SAVEALL)
Node("saved")
print(gc.collect() > 0, [o for o in gc.garbage if type(o) is Node])
gc.set_debug(0)
gc.garbage.clear()
gc.callbacks.append(lambda phase, info: print(phase, sorted(info)))
Node("seen")
print(gc.collect() > 0)
gc.callbacks.clear()
print(counts())
for generation in (0, 1, 2):
    Node("young")
    print(gc.collect(generation) > 0, gc.collect(generation=generation))
for wrong in (3, -1, "2", None, 2.0, True):
    try:
        print(gc.collect(wrong))
    except (TypeError, ValueError) as error:
        print(type(error).__name__, error)
