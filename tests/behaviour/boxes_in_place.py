"""A number that takes the place of another one: nobody who still has the old one may see the new value."""


def walrus(n):
    x = 1.5
    s = 0.0
    keep = []
    for _ in range(n):
        s += x + (x := x * 1.0000001)
        y = x
        x = x + 1.0
        keep.append(y)
        z = y is x
    return s, x, keep[:3], keep[-1], z


def ints(n):
    a = 1000
    keep = []
    for _ in range(n):
        b = a
        a = a + 7
        keep.append(b + (a := a - 3))
    return a, b, keep[:5], keep[-1]


class P:
    pass


def attributes(n):
    p = P()
    p.x = 0.5
    p.n = 1000
    out = []
    for _ in range(n):
        old = p.x
        p.x = p.x + 0.5
        out.append(old)
        p.n = p.n + 300
        p.n += p.x and 1
    return p.x, p.n, out[:4], out[-1]


def items(n):
    l = [0.5, 1000, 2.5]
    out = []
    for _ in range(n):
        o = l[0]
        l[0] = l[0] + 0.25
        out.append(o)
        l[1] = l[1] + 1
        l[2] = l[2] * 1.01
        a = l[2] + (l.__setitem__(2, 1.5) or 1.0)
    return l, out[:4], out[-1], a


def swap(n):
    a, b = 1.0, 2.0
    for _ in range(n):
        a, b = b, a + b * 0.5
        c = a
        a += 1.0
        if c == a:
            return "bad"
    return a, b, c


def closure(n):
    x = 1.0

    def g():
        return x

    r = []
    for _ in range(n):
        v = g()
        x = x + 1.0
        r.append((v, g()))
    return r[:3], r[-1]


def parameter(x, n):
    for _ in range(n):
        x = x + 1.0
    return x


for _ in range(4):
    print(walrus(500))
    print(ints(500))
    print(attributes(500))
    print(items(500))
    print(swap(300))
    print(closure(100))
    c = 2.5
    print(parameter(c, 10), c, parameter(3.5, 10), parameter(c * 2, 5))


def long_ints(n, step):
    """Ints of two digits in place, between one and three: others keep the objects that they got."""
    s, kept, seen = 1 << 31, [], 0
    for i in range(n):
        s += step if i % 3 else -step // 2
        if i % 97 == 0:
            kept.append(s)
        seen += len(f"{s}")
        if i % 501 == 500:
            s = -s
        if i % 1003 == 1002:
            s = s * s if abs(s) < 1 << 40 else s >> 20
    return s, seen, len(kept), sum(kept), kept[:4], hash(s), s == int(str(s)), [k.bit_length() for k in kept[-4:]]


for step in (1, 12345, 1 << 29, (1 << 30) - 1, 1 << 45, 1 << 57, -(1 << 33), -(1 << 59)):
    print(long_ints(5000, step))
