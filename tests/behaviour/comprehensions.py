"""Comprehensions and generator expressions: nesting, conditions, scopes, walrus, errors inside."""


def kinds(n):
    lst = [i * 2 for i in range(n) if i % 3]
    dct = {i: str(i) for i in range(n) if i & 1}
    st = {i % 7 for i in range(n)}
    gen = sum(i * i for i in range(n))
    return len(lst), lst[-1:], len(dct), st, gen


for n in (0, 1, 10, 3000):
    print(kinds(n))


def nested(n):
    return [(i, j, k) for i in range(n) if i for j in range(i) if j % 2 for k in range(j, j + 2)]


for _ in range(100):
    result = nested(8)
print(result[:4], len(result))


def walrus(values):
    kept = [y for v in values if (y := v * 2) > 4]
    return kept, y


for i in range(1000):
    result = walrus([1, 2, 3, i])
print(result)


def scopes(n):
    x = "outer"
    fs = [lambda: x for x in range(n)]
    total = [f() for f in fs]
    first = [x for x in [x]][0]
    return total[:3], x, first


for _ in range(500):
    result = scopes(5)
print(result)


def outer_iterable():
    try:
        g = (1 / 0 for _ in missing_name)  # noqa: F821
    except NameError as error:
        return str(error)
    return g


def lazily():
    log = []

    def note(x):
        log.append(x)
        return x

    g = (note(i) for i in note(range(3)))
    log.append("made")
    next(g)
    log.append("once")
    list(g)
    return [v if isinstance(v, (int, str)) else "range" for v in log]


for _ in range(500):
    result = outer_iterable(), lazily()
print(result)


def failing(items):
    return [10 // i for i in items]


for _ in range(1000):
    failing([1, 2])
try:
    failing([1] * 500 + [0])
except ZeroDivisionError as error:
    tb, names = error.__traceback__, []
    while tb:
        names.append((tb.tb_frame.f_code.co_name, tb.tb_lineno))
        tb = tb.tb_next
    print(names)


class Body:
    factor = 3
    values = [i for i in range(4)]
    scaled = [v for v in values]
    try:
        broken = [factor for _ in range(2)]
    except NameError as error:
        message = str(error)


print(Body.scaled, Body.message)


def late_mutation(n):
    """The iterable is taken at once, the body's names when they are needed."""
    k = 1
    g = (k * i for i in range(n))
    k = 10
    return sum(g)


print([late_mutation(50) for _ in range(300)][-1])


def dict_order(n):
    d = {k: v for k, v in sorted([(i % 5, i) for i in range(n)], key=lambda p: (-p[0], p[1]))}
    inverse = {v: k for k, v in d.items()}
    return d, inverse, {**d, **inverse} == {**inverse, **d}


print([dict_order(50) for _ in range(100)][-1])


def evaluation_order():
    log = []

    def note(x):
        log.append(x)
        return x

    {note(("k", i)): note(("v", i)) for i in range(2)}
    [note(i) + note(i * 10) for i in range(2) if note(True)]
    return log


print([evaluation_order() for _ in range(300)][-1])


def matrix(n):
    m = [[i * n + j for j in range(n)] for i in range(n)]
    t = [[row[i] for row in m] for i in range(n)]
    p = [[sum(a * b for a, b in zip(r, c)) for c in zip(*t)] for r in m]
    flat = [v for row in p for v in row]
    return sum(flat), flat[0], max(map(max, t))


print(matrix(20))


def conditional(n):
    return [("fizz" if i % 3 == 0 else "") + ("buzz" if i % 5 == 0 else "") or i for i in range(n)][-16:]


print(conditional(2000))


def unpack(n):
    return [a + b for a, (b, *_) in enumerate([(i, 1, 2) for i in range(n)])][-1], [*(x for x in "ab"), *[y for y in "cd"]]


print(unpack(1000))
print(any(x > 998 for x in range(1000)), all([x < 5 for x in range(5)]), min((abs(x - 500), x) for x in range(1000)), "".join(c for c in "hello" if c != "l"))
