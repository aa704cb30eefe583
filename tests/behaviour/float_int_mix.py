"""Accumulators that change between int and float, and the corner values of floats."""
import math


def mix(count, flip):
    total = 0
    for i in range(count):
        if i == flip:
            total = total + 0.5
        total = total + i
    return total


print(mix(100, 1000), mix(5000, 4999), mix(5000, 10), repr(mix(5000, 0)))


def back_to_int(count):
    x = 1.5
    trace = []
    for i in range(count):
        if i % 1000 == 999:
            x = int(x)
            trace.append(type(x).__name__)
        x = x * 1.0001 if i % 1000 < 900 else x + 1
    return trace, x


print(back_to_int(8000))


def corners(a, b):
    out = [a + b, a - b, a * b, a == b, a < b, a <= b, a != b, a > b, a >= b]
    for op in (lambda: a / b, lambda: a // b, lambda: a % b, lambda: a ** b if abs(b) < 1000 else 0):
        try:
            out.append(op())
        except (ZeroDivisionError, OverflowError) as error:
            out.append(str(error))
    return out


for _ in range(1500):
    corners(1.5, 2)
inf, nan = math.inf, math.nan
for a in (0.0, -0.0, 1.0, -1.5, inf, -inf, nan, 1e308, 5e-324, 3, -2, 10 ** 30, 2 ** 53 + 1):
    for b in (0.0, -0.0, 2.0, -inf, nan, 1e308, 2, 2 ** 53 + 1):
        print(a, b, corners(a, b))


def signed_zero(n):
    z = -0.0
    for _ in range(n):
        z = z * 1.0 + -0.0
    return z, math.copysign(1, z), 0.0 + z, -z, abs(z), 0 - z, 0 * -1.0


print(signed_zero(3000))


def nan_loop(n):
    x = 1.0
    hits = 0
    for i in range(n):
        if i == n // 2:
            x = math.nan
        if not (x < 2.0):
            hits += 1
        if x != x:
            hits += 1000
    return hits, x is x, x == x


print(nan_loop(2000))
print([int(f) for f in (1.9, -1.9, 1e20, -0.0)], [round(f) for f in (0.5, 1.5, 2.5, -0.5)], round(2.675, 2))
for bad in (inf, nan):
    try:
        int(bad)
    except (OverflowError, ValueError) as error:
        print(type(error).__name__, error)
print(2 ** 53 + 1 == float(2 ** 53 + 1), 2 ** 53 + 1 > float(2 ** 53), 10 ** 400 > 1e308, 10 ** 400 < inf)
try:
    1.0 + 10 ** 400
except OverflowError as error:
    print(error)
