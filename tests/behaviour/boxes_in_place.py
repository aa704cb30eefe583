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
