"""Containers that change while they are iterated, and iterators at and after their end."""
from collections import OrderedDict, deque


def grow_list(n):
    x, seen = [0], 0
    for v in x:
        seen += v
        if len(x) < n:
            x.append(v + 1)
    return seen, len(x)


def shrink_list(n):
    x, seen = list(range(n)), []
    for v in x:
        seen.append(v)
        if v % 3 == 0:
            x.remove(v)
        if v % 7 == 0:
            x.pop()
    return len(seen), seen[-3:], len(x)


def replace_list(n):
    x, count = [1] * n, 0
    for v in x:
        count += v
        if count == n // 2:
            x.clear()
    return count


for n in (5, 2000):
    print(grow_list(n), shrink_list(n), replace_list(n))


def change(make, mutate, n):
    c = make(n)
    count = 0
    try:
        for v in c:
            count += 1
            if count == n // 2:
                mutate(c, v)
    except RuntimeError as error:
        return count, str(error)
    return count, "no error"


def numbers(n):
    return {i: i for i in range(n)}


for make, mutate in (
    (numbers, lambda c, v: c.update({-1: 1})), (numbers, lambda c, v: c.pop(v)), (numbers, lambda c, v: c.update({v: 5})),
    (numbers, lambda c, v: (c.pop(v), c.update({-v: 1}))), (numbers, lambda c, v: c.clear()),
    (lambda n: set(range(n)), lambda c, v: c.add(-5)), (lambda n: set(range(n)), lambda c, v: c.discard(v)),
    (lambda n: deque(range(n)), lambda c, v: c.append(1)), (lambda n: OrderedDict.fromkeys(range(n)), lambda c, v: c.pop(v)),
    (lambda n: OrderedDict.fromkeys(range(n)), lambda c, v: c.update({-1: 1})), (lambda n: bytearray(n), lambda c, v: c.append(1)),
):
    for n in (10, 1000, 1000):
        print(change(make, mutate, n))


def views(n, which):
    d = {i: str(i) for i in range(n)}
    total = 0
    try:
        for item in getattr(d, which)():
            total += 1
            if total == n - 1:
                d[-1] = "new"
    except RuntimeError as error:
        return total, str(error)


print([views(1000, which) for which in ("keys", "values", "items")])


def revived(n):
    """A list iterator that ended stays ended, a range or a deque's too."""
    x = list(range(n))
    it = iter(x)
    total = sum(it)
    x.append(100)
    return total, list(it), next(it, "end")


print(revived(2000), revived(3))


def shared_iterator(n):
    it = iter(range(n))
    out = []
    for a in it:
        b = next(it, None)
        if a % 100 == 0:
            out.append((a, b))
        if a > n - 10:
            break
    return out[-2:], list(it)


print(shared_iterator(3000))


def reversed_changes(n):
    x, count = list(range(n)), 0
    for v in reversed(x):
        count += 1
        if count == 5:
            del x[n // 2:]
    return count


print(reversed_changes(20), reversed_changes(2000))


def enumerate_changes(n):
    x = ["a"]
    for i, v in enumerate(x, start=10):
        if i < n:
            x.append(v)
    return i, len(x)


print(enumerate_changes(3000))


def zip_lengths(n):
    a, b = iter(range(n)), iter(range(n // 2))
    count = sum(1 for _ in zip(a, b))
    return count, next(a), next(b, None)


print(zip_lengths(2001))
try:
    for _ in zip(range(3), range(2), strict=True):
        pass
except ValueError as error:
    print(error)


def nested_same_list(n):
    x, count = list(range(n)), 0
    for a in x:
        for b in x:
            if b > a:
                break
            count += 1
        if a == 10:
            x.append(-1)
    return count, len(x)


print(nested_same_list(60))


def rebind_during(n):
    x, count = list(range(n)), 0
    for v in x:
        x = None
        count += v
        v = "rebound"
    return count, x, v


print(rebind_during(3000))


def range_bounds(n):
    out = []
    for r in (range(0), range(n), range(n, 0, -1), range(-3, 3), range(1 << 62, (1 << 62) + 3), range(1 << 70, (1 << 70) + 3), range(5, 0),
              range(-(1 << 63), -(1 << 63) + 2), range(0, 1 << 63, 1 << 62), range((1 << 63) - 2, (1 << 63) + 2)):
        total = last = 0
        for last in r:
            total += last
        out.append((total, last))
    return out


for _ in range(20):
    result = range_bounds(200)
print(result)
