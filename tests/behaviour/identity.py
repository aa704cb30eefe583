"""`is` and id(): a boxed value keeps its identity wherever a program can see it."""


def keep(n):
    x = 1.5
    lst = []
    for i in range(n):
        y = x * 2.0
        z = y
        lst.append(y)
        if z is not y or lst[-1] is not y or not (y is z):
            return "lost", i
        x = y / 2.0
    return len({id(v) for v in lst[-10:]})


print(keep(3000))


def same_object(n):
    value = 1.25 * n
    first = id(value)
    pair = (value, value)
    for i in range(n):
        copy = value
        if id(copy) != first or copy is not value or pair[0] is not pair[1] or pair[0] is not copy:
            return "lost", i
        value = copy
    return pair[0] is value, [value][0] is value, {0: value}[0] is value, (lambda: value)() is value


print(same_object(3000))


class Box:
    pass


def through_attributes(n):
    b = Box()
    x = float(n)
    for i in range(n):
        b.x = x
        d = {"x": x}
        if b.x is not x or d["x"] is not b.x or [x][0] is not d["x"]:
            return "lost", i
        x = x + 1.0
    return b.x is not x


print(through_attributes(2000))


def identity_of(a):
    return a


def through_calls(n):
    x = 0.5
    for i in range(n):
        x = x + 0.5
        if identity_of(x) is not x or (lambda v: v)(x) is not x or max(x, -1.0) is not x:
            return "lost", i
    return x


print(through_calls(2000))


def ints(n):
    big = 1 << 70
    for i in range(n):
        big = big + 1
        alias = big
        if alias is not big or (big,)[0] is not alias:
            return "lost", i
    small = [i for i in range(-5, 257)]
    for i, v in enumerate(range(-5, 257)):
        w = v + 1000 - 1000
        if small[i] is not w or small[i] is not v + 0:
            return "small int lost", v
    return big - (1 << 70)


print(ints(2000))


def arithmetic_small(n):
    """Results in the small int range are the cached objects."""
    bad = 0
    for i in range(n):
        a = i % 200
        b = a * 1
        c = (a + 7) - 7
        d = a // 1
        e = ~~a
        f = a | 0
        g = a ^ 0
        h = (a << 3) >> 3
        j = int(float(a))
        k = len(range(a))
        m = -(-a)
        if not (a is b is c is d is e is f is g is h is j is k is m):
            bad += 1
    return bad


print(arithmetic_small(3000))


def results(n):
    """Which operations return their operand itself."""
    out = []
    for i in range(n):
        t, s, f, b, lst = (1, 2), "abc", 2.5 + i, True, [1]
        out = [t + () is t, () + t is t, t[:] is t, tuple(t) is t, s + "" is s, "" + s is s, s[:] is s, str(s) is s, f"{s}" is s, s * 1 is s,
               float(f) is f, +f is f, int(i) is i, (b and f) is f, (f or 0) is f, (None or lst) is lst, list(lst) is lst, lst[:] is lst,
               t * 1 is t, frozenset() is frozenset(frozenset()), s.strip() is s, s.replace("z", "y") is s, "".join([s]) is s, abs(f) is f]
    return out


print(results(1500))


def none_and_constants(n):
    hits = 0
    for i in range(n):
        x = None if i % 2 else 0
        hits += x is None
        hits += x is not None and x is not True
        hits += (i > 5) is True
        hits += ... is Ellipsis
        hits += type(i) is int
        hits += type(x) is type(None)
    return hits


import warnings  # noqa: E402

warnings.simplefilter("ignore")
print(none_and_constants(3000))


def sets_of_ids(n):
    seen = []
    x = 1.0
    for i in range(n):
        x = x + 1.0
        seen.append(x)
    return len({id(v) for v in seen}) == n, all(a is b for a, b in zip(seen, list(seen)))


print(sets_of_ids(2000))


def default_is_kept(n, x=float("nan")):
    for i in range(n):
        if x in [x] and x == x:
            return "compared by value"
    return [x].index(x), [x] == [x], x != x


print(default_is_kept(1500))


def loop_variable_identity(n):
    values = [float(i) for i in range(n)]
    for i, v in enumerate(values):
        if v is not values[i]:
            return "lost"
        w = v
        values[i] = w
        if values[i] is not v:
            return "lost"
    return "kept"


print(loop_variable_identity(2000))
