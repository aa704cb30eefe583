"""list, dict, str and tuple subclasses with overridden operations after warm-up on the exact types."""


def read(seq, i):
    return seq[i]


def write(seq, i, v):
    seq[i] = v


def length(x):
    return len(x)


def contains(x, v):
    return v in x


def walk(x):
    out = []
    for item in x:
        out.append(item)
        if len(out) > 4:
            break
    return out


def push(x, v):
    x.append(v)
    return x


def concat(a, b):
    return a + b


def pairs(d):
    return [(k, v) for k, v in d.items()]


class L(list):
    def __getitem__(self, i):
        return ("L.get", i)

    def __setitem__(self, i, v):
        super().__setitem__(i, ("L.set", v))

    def __len__(self):
        return 42

    def __contains__(self, v):
        return v == "magic"

    def __iter__(self):
        return iter("list-iter")

    def append(self, v):
        super().append(v)
        super().append(v)

    def __add__(self, other):
        return "L.add"

    def __radd__(self, other):
        return "L.radd"


class D(dict):
    def __missing__(self, key):
        return ("missing", key)

    def __setitem__(self, k, v):
        super().__setitem__(k, (v, v))

    def __contains__(self, k):
        return True

    def items(self):
        return [("fake", 1)]


class D2(dict):
    def __getitem__(self, k):
        return "D2"


class S(str):
    def __getitem__(self, i):
        return "S.get"

    def __add__(self, other):
        return "S.add"

    def __radd__(self, other):
        return "S.radd"

    def __len__(self):
        return 9

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 1

    def __contains__(self, v):
        return False

    def __format__(self, spec):
        return f"<{spec}>"

    def __str__(self):
        return "S.str"


class T(tuple):
    def __getitem__(self, i):
        return "T.get"

    def __iter__(self):
        return iter((1, 2))

    def __len__(self):
        return 0


def unpack(t):
    a, b = t
    return a, b


def fmt(s):
    return f"{s}|{s:>8}|{s!r}"


def same(a, b):
    return a == b


base = [1, 2, 3]
table = {0: "zero", 1: "one"}
for i in range(3000):
    read(base, i % 3), write(base, 1, i), length(base), contains(base, 2), walk(base), concat(base, base)
    read(table, i % 2), write(table, 1, i), length(table), contains(table, 5), walk(table), pairs(table)
    read("abc", 1), length("abc"), contains("abc", "b"), concat("a", "b"), read((1, 2), 0), unpack((1, 2)), fmt("q")
    push([], 1), same("a", "b")
x = L([1, 2, 3])
write(x, 0, "w")
print(read(x, 0), read(x, slice(1)), list.__getitem__(x, 0), length(x), contains(x, 1), contains(x, "magic"), walk(x))
print(list.__repr__(push(x, 5)), concat(x, [1]), concat([1], x), concat([1], [2]))
d = D({1: 2})
write(d, 3, 4)
print(read(d, 1), read(d, "nope"), read(d, 3), contains(d, "zz"), pairs(d), walk(d), read(D2(), 0))
s = S("abc")
print(read(s, 0), length(s), contains(s, "a"), concat(s, "x"), concat("x", s), fmt(s), same(s, "no"), same("no", s))
print({"abc": 1}.get(s), walk(s))
t = T((7, 8, 9))
print(read(t, 0), length(t), walk(t), bool(t), [*t], concat(t, (1,)))
try:
    print(unpack(t))
except ValueError as error:
    print(error)
