"""Items of array.array: every type code, bounds, values that do not fit, subclasses, exports, and arrays that change."""

import traceback
from array import array


def get(a, i):
    return a[i]


def put(a, i, v):
    a[i] = v


def total(a):
    s = 0
    for i in range(len(a)):
        s += a[i]
    return s


class Sub(array):
    def __getitem__(self, i):
        return "sub", super().__getitem__(i)


class Float(float):
    def __float__(self):
        raise ZeroDivisionError("asked")


class Index:
    def __index__(self):
        return 1


def said(f, *args):
    try:
        return repr(f(*args))
    except Exception as e:
        return f"{type(e).__name__}: {e}"


CODES = "bBhHiIlLqQfdu"
INDICES = (0, 1, 2, 3, -1, -3, -4, 1 << 40, True, Index(), "x", 1.0, None, slice(0, 2), slice(None, None, -1))
VALUES = (0, -1, 127, 128, -129, 255, 256, 32767, 32768, 65535, 65536, 1 << 29, 1 << 30, 1 << 31, 1 << 32, 1 << 63, 1 << 64,
          -(1 << 31), -(1 << 63), 1.5, 1e300, -0.0, float("nan"), "a", "ab", None, True, Float(2.5), Index())  # fmt: skip

for n in range(400):
    for code in "bdHq":
        a = array(code, [1, 2, 3])
        get(a, n % 3), put(a, -(n % 3), n % 100), total(a)
for code in CODES:
    make = lambda code=code: array(code, "abc" if code == "u" else [1, 2, 3])  # noqa: E731
    for i in INDICES:
        shown = [said(get, make(), i)]
        for v in VALUES:
            a = make()
            shown += [said(put, a, i, v), str(a)]
        print(code, shown)
print(said(get, array("d"), 0), said(put, array("d"), 0, 1.0), said(total, Sub("d", [1.0])), get(Sub("i", [4]), 0))
a = array("d", [1.0, 2.0])
view = memoryview(a)
put(a, 0, 9.5)
print(view[0], said(a.append, 1.0), get(a, 1))
view.release()
a.extend([3.0] * 1000)
print(get(a, 1001), total(a))
del a[1:]
print(said(get, a, 1), total(a))
for args in ((a, 5), (a, "x")):
    try:
        get(*args)
    except Exception:
        traceback.print_exc()
