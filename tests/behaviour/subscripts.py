"""Subscripts of list, tuple, dict and others: bounds, negatives, slices, odd indices, exact errors."""


def get(c, i):
    return c[i]


def put(c, i, v):
    c[i] = v
    return c


def drop(c, i):
    del c[i]
    return c


def aug(c, i, v):
    c[i] += v
    return c


class Index:
    def __init__(self, v):
        self.v = v

    def __index__(self):
        return self.v


class Bad:
    def __index__(self):
        raise KeyError("index")


for i in range(2000):
    get([1, 2, 3], i % 3), get((1, 2, 3), -(i % 3)), get({i: 1}, i), get("abc", i % 3)
    put([1, 2, 3], i % 3, i), put({}, i, i), drop([1, 2], i % 2), drop({i: 1}, i), aug([1, 2], 1, i), aug({1: 1}, 1, 2)
keys = [0, 2, 3, -1, -3, -4, True, False, 1 << 31, -(1 << 63), 1 << 64, Index(1), Index(-9), Index(1 << 70), Bad(), 1.0, "a", None, (0,),
        slice(0, 2), slice(None, None, -1), slice(5, 9), slice(None, None, 0), slice("a"), [], ...]
for k in keys:
    shown = k if not isinstance(k, (Index, Bad)) else type(k).__name__
    for make in (lambda: [10, 20, 30], lambda: (10, 20, 30), lambda: {0: 10, True: 20, "a": 30}, lambda: range(3), lambda: bytearray(b"abc")):
        row = []
        for op in (lambda c: get(c, k), lambda c: put(c, k, 99), lambda c: drop(c, k), lambda c: aug(c, k, 1)):
            try:
                row.append(repr(op(make())))
            except Exception as error:
                row.append(f"{type(error).__name__}: {error}")
        print(shown, type(make()).__name__, row)
for c in (5, None, len, 1.5, object, {1, 2}, iter([])):
    for op in (lambda: get(c, 0), lambda: put(c, 0, 1), lambda: drop(c, 0)):
        try:
            op()
        except TypeError as error:
            print(error)
print(get(list[int], 0) if False else get(list, int), get(dict, (str, int)))


class Custom:
    def __getitem__(self, key):
        return key

    def __setitem__(self, key, value):
        self.last = key, value

    def __delitem__(self, key):
        self.last = "deleted", key

    def __class_getitem__(cls, key):
        return cls.__name__, key


c = Custom()
for i in range(1000):
    aug(c, i, 1), drop(c, (i, ...))
print(c[1:2], c[1:2, ::3], c[...], c[()], c.last, Custom[3], put(c, "k", 1).last)


def slice_assign(n):
    x = list(range(10))
    for i in range(n):
        x[2:4] = [i, i, i]
        x[::2] = x[::-2] if len(x) % 2 == 0 else x[::2]
        del x[-2:]
        x[1:1] = [i]
        x[:] = x[:10]
        if i % 50 == 0:
            x = list(range(10))
    return x


print(slice_assign(1000))
try:
    x = [1, 2, 3]
    x[::2] = [1]
except ValueError as error:
    print(error)


def matrix(n):
    m = [[0] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            m[i][j] = i * j + m[i - 1][j] - m[i][j - 1]
    return sum(map(sum, m)), m[-1][-1], m[3][4]


print(matrix(40))


def dicts(n):
    d = {}
    for i in range(n):
        d[i % 97] = d.get(i % 97, 0) + i
        d["s" + str(i % 5)] = i
        d[(i % 3, "t")] = d.setdefault(i % 3, 0)
        if i % 100 == 0:
            d.pop(i % 97, None)
        d[i / 2] = 1
        del d[i / 2]
    return len(d), d["s3"], d[2, "t"], sorted(str(k) for k in d)[:5]


print(dicts(3000))


class Hash:
    def __init__(self, v):
        self.v = v

    def __hash__(self):
        if self.v < 0:
            raise ValueError("no hash")
        return self.v % 3

    def __eq__(self, other):
        if self.v == 99:
            raise ArithmeticError("no eq")
        return isinstance(other, Hash) and self.v == other.v


table = {Hash(i): i for i in range(20)}
print(sum(get(table, Hash(i % 20)) for i in range(1000)))
for v in (-1, 50, 99):
    for op in (lambda: get(table, Hash(v)), lambda: put(table, Hash(v), 1) and None, lambda: Hash(v) in table, lambda: drop(table, Hash(v)) and None):
        try:
            print(v, op())
        except Exception as error:
            print(v, type(error).__name__, error if not isinstance(error, KeyError) else "KeyError")


def missing(n):
    hits = 0
    d = {1: 1}
    for i in range(n):
        try:
            d[i]
        except KeyError as error:
            hits += error.args[0]
    return hits


print(missing(2000))
