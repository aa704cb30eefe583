"""Deep pure-Python recursion that stock 3.11 survives because such calls take no C stack."""
import sys

sys.setrecursionlimit(10 ** 5)


def down(n):
    # Not `n == 0`: a comparison that is not specialised yet counts as a call, and could be the one that fails.
    if not n:
        return 0
    return down(n - 1) + 1


class Node:
    def __init__(self, rest):
        self.rest = rest

    def length(self):
        if self.rest is None:
            return 1
        return self.rest.length() + 1


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def floats(n, x):
    y = x * 0.5 + n
    if n == 0:
        return y
    return floats(n - 1, y) + y


def closure(n):
    def inner(k):
        if k == 0:
            return n
        return inner(k - 1)

    return inner(n)


def unwinding(n):
    try:
        if n == 0:
            raise ValueError("bottom")
        unwinding(n - 1)
    finally:
        counts[0] += 1


def keyword(n, *, step=1, acc=0):
    return acc if n <= 0 else keyword(n - step, step=step, acc=acc + n)


for _ in range(100):
    down(20), even(10), floats(5, 1.0), closure(5), keyword(5)
for depth in (1000, 20000, 90000):
    print(depth, down(depth), even(depth), floats(depth, 1.5), closure(depth), keyword(depth))
chain = None
for _ in range(60000):
    chain = Node(chain)
print(chain.length())
while chain is not None:  # taken apart by hand: its deallocation is not what is tested
    chain = chain.rest
counts = [0]
try:
    unwinding(30000)
except ValueError as error:
    tb, n = error.__traceback__, 0
    while tb:
        n, tb = n + 1, tb.tb_next
    print(error, counts, n)
print(down(90000))
try:
    down(10 ** 5 + 10)
except RecursionError as error:
    print(error)
print(down(50000))
