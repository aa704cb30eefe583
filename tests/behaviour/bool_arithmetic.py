"""bool is an int that keeps its own repr, identity and bitwise operators."""


def work(flag, n):
    out = 0
    for i in range(n):
        out += flag
        flag = not flag
        out += flag & True
        out -= flag ^ (i > 5)
    return out, flag


for start in (True, False, 0, 1):
    print(work(start, 4001))


def kinds(a, b):
    return [a & b, a | b, a ^ b, a + b, a - b, ~a, -a, +a, not a, a == b, a is b, a and b, a or b]


for _ in range(3000):
    kinds(True, False)
for a in (True, False, 1, 0, 2):
    for b in (True, False, 1):
        print(a, b, [(v, type(v).__name__) for v in kinds(a, b)])


def truth(values):
    n = 0
    for v in values:
        if v:
            n += 1
        n += 0 if not v else 2
        while v and n < 0:
            pass
    return n


values = [0, 1, True, False, None, "", "a", [], [0], {}, {1: 1}, (), (0,), 0.0, -0.0, 0.1, 1 << 70, 0j, b"", range(0), object()]
for _ in range(500):
    result = truth(values)
print(result)


class Odd:
    def __init__(self, value):
        self.value = value

    def __bool__(self):
        return self.value


print(truth([Odd(True), Odd(False)]))
try:
    truth([Odd(1)])
except TypeError as error:
    print(error)


class Sized:
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n


print(truth([Sized(0), Sized(3)]))
for n in (-1, 1 << 80, "x"):
    try:
        truth([Sized(n)])
    except (ValueError, OverflowError, TypeError) as error:
        print(type(error).__name__, error)
