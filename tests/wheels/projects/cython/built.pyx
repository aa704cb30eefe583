"""A module in Cython: typed loops, a cdef class, a generator, a coroutine and an error with a traceback."""


def collatz(long n):
    cdef long steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


cdef class Matrix:
    cdef double[2][2] cells

    def __init__(self, a, b, c, d):
        self.cells[0][0], self.cells[0][1], self.cells[1][0], self.cells[1][1] = a, b, c, d

    def __matmul__(Matrix self, Matrix other):
        a, b = self.cells, other.cells
        return Matrix(*[a[i][0] * b[0][j] + a[i][1] * b[1][j] for i in range(2) for j in range(2)])

    def values(self):
        for i in range(2):
            for j in range(2):
                yield self.cells[i][j]


async def gather(awaitables):
    return [await a for a in awaitables]


def divide_all(items, function):
    return [1 // function(item) for item in items]
