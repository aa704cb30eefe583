"""Loops over range(): every form of bounds, odd types of them, and bounds that fill the machine word."""


def f(n, m):
    t = []
    for i in range(n):
        t.append(i)
    for i in range(m, n):
        t.append(i)
    for i in range(n, m, -2):
        t.append(i)
    for i in range(m, n, 3):
        t.append(i)
    t.append([x * x for x in range(n)])
    t.append(sum(x for x in range(m, n)))
    return t


def g(a, b=None):
    try:
        r = [i * 1 for i in range(a)] if b is None else [i * 1 for i in range(a, b)]
        k = 0
        for _ in range(a) if b is None else range(a, b):
            k += 1
            if k > 5:
                break
        for i in range(a):
            k += i
            if k > 50:
                break
        return r[:4], k
    except Exception as e:
        return type(e).__name__, str(e)


for _ in range(40):
    r = f(7, 2)
print(r, f(0, 0), f(-3, 4), f(100, 97))
for _ in range(40):
    g(5)
    g(2, 7)
print(g(5), g(2, 7), g(True), g(2.5), g("x"), g(-10), g(1, 2.0))


class Four:
    def __index__(self):
        return 4


print(g(Four()), g(Four(), 6))


def h(a):
    n = 0
    for i in range(a, a + 3):
        n += i
    return n


for _ in range(40):
    h(3)
print(h(10**9), h(2**60), h(10**30), h(-(2**61)), h(2**59))


def s(k):
    out = []
    for i in range(10, 0, k):
        out.append(i)
        if len(out) > 20:
            break
    return out


for _ in range(40):
    s(-3)
print(s(-3), s(-1), s(1))
try:
    s(0)
except ValueError as e:
    print(e)


def rec():
    it = iter(range(5))
    next(it)
    return it.__reduce__(), list(it)


for _ in range(40):
    rec()
print(rec())


def big(a):
    b = a * 4
    n = 0
    for _ in range(b, -b, -b // 4 or -1):
        n += 1
        if n > 30:
            break
    m = 0
    for i in range(-b, b + 1, 1152921504606846975):
        m += i
    k = []
    for i in range(b + 2, b + 5):
        k.append(i)
    return n, m, k


for _ in range(40):
    big(3)
for a in (3, 2**50, 2**57, 2**58, 2**59, 2**60 - 1, 2**61, 2**62, -(2**59)):
    print(big(a))
