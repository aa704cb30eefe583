"""f-strings, format and % with every kind of value and specification, hot."""


class Custom:
    def __init__(self, v):
        self.v = v

    def __format__(self, spec):
        return f"C<{spec}>"

    def __str__(self):
        return f"str{self.v}"

    def __repr__(self):
        return f"repr{self.v}"


def fstrings(x, w):
    return [f"{x}", f"{x!r}", f"{x!s:>{w}}", f"{x!a}", f"a{x}b{x}c", f"{x=}", f"{x!r:^{w}}|", f"{'nested ' + f'{x}'}", f"{{{x}}}"]


def numbers(i, f):
    return (f"{i:d}|{i:5}|{i:<5}|{i:05}|{i:+}|{i:,}|{i:x}|{i:#b}|{i:o}|{i:c}|{i:e}|{i:.2f}|{i:%}|"
            f"{f}|{f:.3f}|{f:10.2e}|{f:g}|{f:+.1f}|{f:,.2f}|{f:>+12.3}|{f:%}|{f!r}|{f:010.4f}|{f:n}")


def percent(i, f, s):
    return "%d %5d %-5d| %05d %+d %x %o %r %s %10s %-10s| %.2s %f %.1f %e %g %% %c" % (i, i, i, i, i, i, i, s, s, s, s, s, f, f, f, f, i)


def method(i, f, s):
    return ("{} {} {}".format(i, f, s), "{2} {0} {1}".format(i, f, s), "{a} {b:.1f} {c!r}".format(a=i, b=f, c=s),
            "{0.real} {1[0]}".format(i, [s]), "{:{}}".format(s, 8), "%(k)s %(n)03d" % {"k": s, "n": i}, "{:{w}.{p}f}".format(f, w=8, p=2))


for i in range(1000):
    fstrings(i, 6), numbers(i + 40, i / 3), percent(i + 40, i / 7, "text"), method(i, i * 0.5, "s")
for x in (1, -5, 1.5, "é", "日本", None, True, [1, "a"], (1,), {"k": 1.0}, Custom(1), 1 << 70, float("nan"), 2j, b"b", Custom, len, ...):
    try:
        print(fstrings(x, 9)[:-1] if x not in (Custom,) else "class")
    except TypeError as error:
        print(type(x).__name__, error)
for i, f in ((0, 0.0), (65, -0.0), (123456, 1e100), (8364, 1e-10), (97, 123456.789), (42, float("inf")), (120, 2.5)):
    print(numbers(i, f))
    print(percent(i, f, "xyz"))
    print(method(i, f, "q"))
bad = [
    lambda: f"{1:z9}", lambda: f"{'a':d}", lambda: f"{1.5:d}", lambda: f"{[]:5}", lambda: f"{None:>3}", lambda: "%d" % "a", lambda: "%d %d" % (1,),
    lambda: "%d" % (1, 2), lambda: "%z" % 1, lambda: "{}".format(), lambda: "{a}".format(b=1), lambda: "{0} {}".format(1, 2), lambda: "%c" % "ab",
    lambda: "{".format(1), lambda: "%(a)s" % {}, lambda: "%s" % (), lambda: f"{1:{'x' * 3}}", lambda: f"{65:c}{-1:c}",
]
for attempt in bad:
    try:
        print(attempt())
    except Exception as error:
        print(type(error).__name__, error)


def build(n):
    parts = []
    for i in range(n):
        parts.append(f"<{i:03d}:{i * 0.5:.1f}:{'odd' if i % 2 else 'even'!r}>")
    return len("".join(parts)), parts[-1]


print(build(3000))


def evaluation_order(log):
    def note(x):
        log.append(x)
        return x

    f"{note(1)}{note('a')!r:{note(5)}}{note(2.5):.{note(1)}f}"
    return log


print([evaluation_order([]) for _ in range(300)][-1])


class Lying:
    def __str__(self):
        return 5

    def __format__(self, spec):
        return None


def lie(x):
    return f"{x}"


for _ in range(500):
    lie("ok")
for attempt in (lambda: lie(Lying()), lambda: f"{Lying()!s}", lambda: "%s" % Lying()):
    try:
        attempt()
    except TypeError as error:
        print(error)
print(str(1.1 + 2.2), repr(1e16), repr(1e22), repr(123456789012345680.0), str(1e-5), repr(0.1), str(100.0), f"{3.0}")
