"""Operator dispatch of user classes: reflected, in-place, subclass priority, NotImplemented, errors."""


class V:
    def __init__(self, x):
        self.x = x

    def __repr__(self):
        return f"V({self.x})"

    def __add__(self, o):
        return V(self.x + (o.x if isinstance(o, V) else o)) if not isinstance(o, str) else NotImplemented

    def __radd__(self, o):
        return V(("r", o, self.x))

    def __iadd__(self, o):
        self.x += o.x if isinstance(o, V) else o
        return self

    def __mul__(self, o):
        return NotImplemented

    def __matmul__(self, o):
        return ("matmul", self.x, o)

    def __neg__(self):
        return V(-self.x)

    def __invert__(self):
        return "inverted"

    def __pow__(self, o, mod=None):
        return ("pow", o, mod)

    def __rpow__(self, o):
        return ("rpow", o)

    def __lshift__(self, o):
        return ("<<", o)

    def __floordiv__(self, o):
        return ("//", o)

    def __imatmul__(self, o):
        return "imatmul"

    def __eq__(self, o):
        return self.x == o.x if isinstance(o, V) else NotImplemented

    __hash__ = None


class W(V):
    def __radd__(self, o):
        return ("W.radd", o)

    def __rsub__(self, o):
        return ("W.rsub", o)


class Plain:
    pass


def ops(a, b):
    out = []
    for f in (lambda: a + b, lambda: a - b, lambda: a * b, lambda: a @ b, lambda: a ** b, lambda: a << b, lambda: a // b, lambda: a / b,
              lambda: a % b, lambda: a & b, lambda: a == b, lambda: a != b, lambda: -a, lambda: ~a, lambda: +a):
        try:
            out.append(f())
        except (TypeError, ZeroDivisionError) as error:
            out.append(str(error))
    return out


def inplace(a, b):
    first = a
    try:
        a += b
        return a, a is first
    except TypeError as error:
        return str(error)


def imatmul(a, b):
    a @= b
    return a


for i in range(500):
    ops(1, 2), inplace(i, 1), ops(1.5, i), inplace([1], [2]), inplace("a", "b")
v, w, p = V(1), W(2), Plain()
for a in (v, w, p, 3, 2.5, "s", [1], (1,), None, True, {1}, {1: 2}, b"b", 1j):
    for b in (v, w, p, 4, "t", [2], {2}, {3: 4}):
        print(repr(a) if a is not p else "P", repr(b) if b is not p else "P", [x if x is not p else "P" for x in ops(a, b)][:12])
for a, b in ((V(1), 2), (V(1), V(2)), ([1], (2, 3)), ([1], "ab"), ((1,), (2,)), ({1}, {2}), (1, 2.5), ("a", 1), ([1], 1), (p, 1), (1, w), ({1: 2}, 3)):
    print(str(inplace(a, b)).replace(object.__repr__(p), "P"))
print(imatmul(v, 1))
try:
    imatmul(1, 2)
except TypeError as error:
    print(error)
for a, b in (({1: 2}, {3: 4}), ([1], 3), (3, [1]), ((1, 2), 2), ("ab", True)):
    r = []
    for f in (lambda: a | b, lambda: a * b):
        try:
            r.append(f())
        except TypeError as error:
            r.append(str(error))
    print(r)


def loop(a, b, n):
    for _ in range(n):
        c = a + b
        d = a == b
    return c, d


print(loop(1, 2, 1000), loop(v, v, 1000), loop(v, w, 1000), loop(3, w, 1000), loop([1], [2], 1000), loop("a", "b", 1000), loop(1.5, 1, 1000))


def late_operator(n):
    class Late:
        pass

    a, log = Late(), []
    for i in range(n):
        if i == n // 3:
            Late.__add__ = lambda self, o: "added"
        elif i == 2 * n // 3:
            Late.__add__ = lambda self, o: NotImplemented
            Late.__radd__ = lambda self, o: "never for the same type"
        elif i == n - 3:
            del Late.__add__
        try:
            r = a + a
        except TypeError as error:
            r = str(error)
        try:
            s = 1 + a
        except TypeError as error:
            s = str(error)
        if not log or log[-1] != (r, s):
            log.append((r, s))
    return log


print(late_operator(1500))


class Indexing:
    def __getitem__(self, k):
        return k

    def __len__(self):
        return 5

    def __bool__(self):
        return False

    def __int__(self):
        return 7

    def __float__(self):
        return 7.5

    def __complex__(self):
        return 1j

    def __round__(self, n=None):
        return ("round", n)

    def __trunc__(self):
        return "trunc"

    def __abs__(self):
        return "abs"

    def __divmod__(self, o):
        return ("divmod", o)

    def __length_hint__(self):
        return 3

    def __contains__(self, x):
        return x == 3

    def __hash__(self):
        return -1


o = Indexing()
for _ in range(300):
    r = (o[-1], o[1:-1], len(o), bool(o), int(o), float(o), complex(o), round(o), round(o, 2), abs(o), divmod(o, 3), 3 in o, hash(o), not o, o and 1)
print(r)
