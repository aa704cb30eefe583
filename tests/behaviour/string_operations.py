"""Concatenation in place and through aliases, slicing, methods and widths of str and bytes."""


def grow(n):
    s = ""
    for i in range(n):
        s += "x"
        s = s + "é" if i == n // 3 else s
        s += "日" if i == n // 2 else ""
        s += "😀" if i == n - 5 else "y"
    return len(s), s[:3], s[-8:], s.count("y")


print(grow(10), grow(4000))


def aliased(n):
    s, kept = "start", []
    for i in range(n):
        t = s
        s += str(i % 10)
        if i % 500 == 0:
            kept.append(t)
        if t is s or len(t) + 1 != len(s):
            return "alias changed", i
    return kept[0], len(kept[-1]), len(s)


print(aliased(3000))


class Holder:
    text = ""


def attribute(n):
    h, d, lst = Holder(), {"k": ""}, [""]
    for i in range(n):
        h.text += "a"
        d["k"] += "b"
        lst[0] += "c"
    return len(h.text), len(d["k"]), lst[0][-2:]


print(attribute(2000))


def cell(n):
    s = ""

    def add(x):
        nonlocal s
        s += x
        return len(s)

    for i in range(n):
        add("z")
    return len(s)


print(cell(2000))


def index(s, i):
    return s[i]


for text in ("abcdef", "日本語", "", "aé日😀"):
    for i in (0, 1, -1, 5, -6, 100, True, 1 << 70, slice(1, 3), slice(None, None, -1), slice(-2, None), slice(5, 1), 1.0, "a", None):
        try:
            print(text, i, index(text, i))
        except (IndexError, TypeError) as error:
            print(type(error).__name__, error)
for _ in range(2000):
    index("abc", 1), index("日本", -1)


def slices(s, n):
    out = set()
    for i in range(n):
        out.add(s[i % 5:i % 9])
        out.add(s[-(i % 4) - 1:])
        out.add(s[::i % 3 + 1])
        out.add(s[:i % 6])
        out.add(s[i % 7])
    return sorted(out)


print(slices("abcdefgh", 500))


def methods(s, n):
    r = None
    for i in range(n):
        r = (s.upper(), s.find("b"), s.split("b"), s.startswith("a"), s.replace("a", str(i % 3)), s.strip("a"), s.join(["1", "2"]),
             s.isdigit(), s * (i % 3), (i % 3) * s, s.encode(), s.partition("b"), s.zfill(8), s.title(), ord(s[0]), "b" in s, s == "abc", s < "b",
             s.center(9, "*"), s.rsplit(None, 1), hash(s) == hash(s), s.casefold(), s.translate({97: "Z"}), len(s), s.ljust(5) + "|")
    return r


print(methods("abca", 1001))
print(methods("aéb日", 10))


def data(n):
    b, total = b"", 0
    array = bytearray()
    for i in range(n):
        b += bytes([i % 256])
        array.append(i % 256)
        total += b[i] + array[-1]
        array[i // 2] = 7
    return len(b), total, b[5:8], bytes(array[:4]), b[-1:]


print(data(1000))
for attempt in (lambda: b"a" + "a", lambda: "a" + 1, lambda: 1 + "a", lambda: "a" * "b", lambda: "a" * 1.5, lambda: b"abc"[5], lambda: "a" - "b",
                lambda: bytearray(b"a").append(256), lambda: "abc".index("z"), lambda: "a" % 1, lambda: "a" * (1 << 62), lambda: chr(-1)):
    try:
        print(attempt())
    except Exception as error:
        print(type(error).__name__, error)


def characters(n):
    counts = {}
    for c in "the quick brown fox — jumps óver" * n:
        counts[c] = counts.get(c, 0) + 1
    out = ""
    for c, k in sorted(counts.items()):
        out = out + c + str(k)
    return out


print(characters(100))


def join_generators(n):
    return [",".join(str(i) for i in range(5)), "".join([c for c in "abc"]), "-".join(map(str, range(n % 4))), "".join(())]


print([join_generators(i) for i in range(500)][-1])
