"""Lookups of ints and strs in dicts with all kinds of keys: subscripts, dict.get and `in`."""

import collections

P = 2**61 - 1  # the modulus of hashes


def said(f, *args):
    try:
        return repr(f(*args))
    except Exception as e:
        return f"{type(e).__name__}: {e}"


def subscript(d, k):
    return d[k]


def get(d, k):
    return d.get(k), d.get(k, "otherwise")


def inside(d, k):
    return k in d, k not in d


class Same:
    """Has an int's hash, and is equal to what it likes."""

    def __init__(self, n, equal):
        self.n, self.equal = n, equal

    def __hash__(self):
        return hash(self.n)

    def __eq__(self, other):
        if self.equal == "raise":
            raise ArithmeticError(f"{self.n} == {other!r}")
        if self.equal == "clear":
            target.clear()
            return False
        return self.equal

    def __repr__(self):
        return f"Same({self.n}, {self.equal})"


class Int(int):
    def __hash__(self):
        return 5

    def __eq__(self, other):
        return True


class Str(str):
    def __hash__(self):
        return 7

    def __eq__(self, other):
        return False


class Missing(dict):
    def __missing__(self, key):
        return f"missing {key!r}"


class Counts(dict):
    """Misses are asked for once, and so are its keys' comparisons."""

    def __missing__(self, key):
        self.asked = getattr(self, "asked", 0) + 1
        return key


class Compared:
    compared = 0

    def __hash__(self):
        return 3

    def __eq__(self, other):
        Compared.compared += 1
        return False


class Own(dict):
    def __getitem__(self, key):
        return "own"


class Instance:
    def __init__(self):
        self.a = 1
        self.b = 2


def holes():
    d = {i: i for i in range(300)}
    for i in range(0, 300, 3):
        del d[i]
    return d


target = {}
DICTS = {
    "empty": {},
    "ints": {i * 7: i for i in range(-50, 500)},
    "holes": holes(),
    "negative": {-1: "m1", -2: "m2", 0: "zero"},
    "only -2": {-2: "m2"},
    "big": {2**30: 1, 2**59: 2, 2**60: 3, P: 4, P + 1: 5, -P: 6, 2**64: 7, 2**200: 8},
    "bools": {True: "true", False: "false"},
    "floats": {1.0: "one", 2.5: "x", -1.0: "m1"},
    "strs": {"a": 1, "b": 2, "": 3, "\u20ac": 4},
    "mixed": {"a": 1, 1: 2, (1, 2): 3, None: 4, 2.0: 5, b"a": 6},
    "equal": {Same(3, True): "same"},
    "unequal": {Same(3, False): "other", 3: "three"},
    "raises": {Same(4, "raise"): 1},
    "subclass": {Int(9): "nine", Str("a"): "str"},
    "missing": Missing({1: 2}),
    "instance": vars(Instance()),
    "own": Own({1: 2}),
    "default": collections.defaultdict(list, {1: [2]}),
    "counter": collections.Counter("abab"),
    "ordered": collections.OrderedDict({1: 2, "a": 3}),
    "many": {i: -i for i in range(70000)},
}
KEYS = [
    0, 1, 3, 4, 7, -1, -2, -7, 5, 9, 14, 2**30, 2**59, 2**60, P, P + 1, -P, 2**64, 2**200, 69999, 70000, True, False,
    1.0, 2.5, "a", "b", "", "\u20ac", "zz", (1, 2), None, b"a", Int(5), Str("a"), [], {}, Same(1, True), Same(3, False),
]  # fmt: skip

for _ in range(2):
    for f in (subscript, get, inside):
        for _ in range(300):  # what the functions are first compiled for
            f({1: 2, "a": 3}, 1), f({1: 2, "a": 3}, "a")
        for name, d in DICTS.items():
            for k in KEYS:
                print(f.__name__, name, repr(k), sorted({said(f, d, k) for _ in range(3)}))

# Lookups that change the dict.
for f in (subscript, get, inside):
    for k in (11, 12):
        target.update({i: i for i in range(20)})
        del target[11]
        target[Same(11, "clear")] = "there"
        print(f.__name__, k, said(f, target, k), len(target))


# The dict dies with the lookup; what it held is still right.
def last(n):
    return {i: [i] for i in range(n)}[n - 1], {i: [i] for i in range(n)}.get(n - 1, 0)


print([last(5) for _ in range(200)][-1])


def keyword_forms(d):
    return said(d.get), said(lambda: d.get(1, 2, 3)), said(lambda: d.get(1, default=2))


print([keyword_forms({1: 1}) for _ in range(200)][-1])


# What is not there is looked up once.
counts = Counts({Compared(): 1})
for k in (3, "a", Compared(), 3.0):
    before = Compared.compared
    print(type(k).__name__, type(subscript(counts, k)).__name__, Compared.compared - before, counts.asked)


class NoMissing(dict):
    pass


class BadMissing(dict):
    __missing__ = 5


class InstanceMissing(dict):
    pass


late = NoMissing({1: 2})
print(said(subscript, late, 1), said(subscript, late, 3), said(subscript, BadMissing(), 3))
InstanceMissing.__missing__ = lambda self, key: ("late", key)
im = InstanceMissing()
im.__missing__ = "not looked at"
print(said(subscript, im, 3), said(subscript, im, "x"))
