"""cffi: C compiled at run time (API mode), functions of libc (ABI mode), callbacks in both directions."""

import importlib
import sys
import tempfile

import cffi

ffi = cffi.FFI()
ffi.cdef(
    "int strcmp(const char *, const char *); void qsort(void *, size_t, size_t, int (*)(const void *, const void *));"
)
libc = ffi.dlopen(None)
print(libc.strcmp(b"a", b"a"), libc.strcmp(b"a", b"b") < 0)


@ffi.callback("int(const void *, const void *)")
def order(a, b):
    a, b = ffi.cast("int *", a)[0], ffi.cast("int *", b)[0]
    return (a > b) - (a < b)


numbers = ffi.new("int[]", [n * 7919 % 1009 for n in range(1000)])
libc.qsort(numbers, len(numbers), ffi.sizeof("int"), order)
print(list(numbers) == sorted(numbers), numbers[0], numbers[999])

with tempfile.TemporaryDirectory() as folder:
    builder = cffi.FFI()
    builder.cdef(
        'struct point { double x, y; }; double sum(struct point *, int); extern "Python" int ask(int); int all(int);'
    )
    builder.set_source(
        "_made",
        """
        struct point { double x, y; };
        static int ask(int);
        static double sum(struct point *p, int n) { double s = 0; while (n--) { s += p->x * p->y; p++; } return s; }
        static int all(int n) { int s = 0; for (int i = 0; i < n; i++) s += ask(i); return s; }
        """,
    )
    builder.compile(tmpdir=folder)
    sys.path.insert(0, folder)
    made = importlib.import_module("_made")
    points = made.ffi.new("struct point[]", [(n, n / 2) for n in range(500)])
    print(made.lib.sum(points, 500))

    @made.ffi.def_extern()
    def ask(n):
        return n * n % 17

    print(made.lib.all(3000))

    @made.ffi.def_extern(onerror=lambda kind, error, traceback: print(kind.__name__, error), error=-1)
    def ask(n):  # noqa: F811
        return n // (n - 3)

    print(made.lib.all(6))
