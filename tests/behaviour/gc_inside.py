"""Collections that run inside hot code: from __del__, from callbacks, and at every allocation."""
import gc
import weakref


class Node:
    def __init__(self, value):
        self.value = value
        self.other = self


class Collecting:
    count = 0

    def __del__(self):
        Collecting.count += 1
        gc.collect(0)


def churn(n):
    total = 0
    for i in range(n):
        node = Node(i)
        node.other = Node(node)
        total += node.other.value.value
    return total


def collecting(n):
    total = 0
    for i in range(n):
        Collecting()
        x = [i]
        total += x[0]
    return total


print(churn(5000), collecting(300), Collecting.count)
gc.set_threshold(1)
print(churn(1000))
gc.set_threshold(700, 10, 10)


def floats(n):
    """Boxes, tuples and closures live only in the frame while the collector runs."""
    x, pairs = 0.5, []
    for i in range(n):
        pair = (x, [i])
        pairs.append(pair)
        x = x * 1.01 + i
        if i % 50 == 0:
            gc.collect()
            pairs = pairs[-3:]
    return x, [p[1] for p in pairs]


print(floats(400))
dead = []


def watched(n):
    for i in range(n):
        node = Node(i)
        weakref.finalize(node, dead.append, i)
        del node
    return gc.collect() > 0


gc.disable()
print(watched(200), sorted(dead) == list(range(200)))
gc.enable()


class Resurrect:
    kept = []

    def __del__(self):
        Resurrect.kept.append(self)


def resurrect(n):
    for i in range(n):
        r = Resurrect()
        r.i = i
        r = None
    return [r.i for r in Resurrect.kept[-3:]]


print(resurrect(1000), len(Resurrect.kept))
Resurrect.kept.clear()
print(len(Resurrect.kept))


def callbacks(phase, info):
    seen.add((phase, info["generation"]))
    churn(2)


seen = set()
gc.callbacks.append(callbacks)
churn(3000)
gc.collect()
gc.callbacks.remove(callbacks)
print(("start", 2) in seen, ("stop", 2) in seen)
gc.collect()


def uncollectable():
    gc.set_debug(gc.DEBUG_SAVEALL)
    churn(50)
    gc.collect()
    gc.set_debug(0)
    count = sum(isinstance(o, Node) for o in gc.garbage)
    gc.garbage.clear()
    return count


print(uncollectable())


def referrers(n):
    class Marker:
        pass

    marker = Marker()
    holder = [marker]
    for _ in range(n):
        found = [r for r in gc.get_referrers(marker) if r is holder]
    return len(found), gc.is_tracked(holder), gc.is_tracked((1, 2.0))


print(referrers(5))
