"""Ints that outgrow a digit, a machine word and a double word in the middle of a hot loop."""


def accumulate(step, count):
    total = 0
    for i in range(count):
        total += step
    return total


def product(start, factor, count):
    value = start
    for _ in range(count):
        value = value * factor
    return value


def shifts(count):
    out = []
    value = 1
    for i in range(count):
        value <<= 1
        if value in (1 << 15, 1 << 30, 1 << 31, 1 << 32, 1 << 60, 1 << 62, 1 << 63, 1 << 64, 1 << 90):
            out.append(value)
    return out


def countdown(start, step):
    n = 0
    while start > -(1 << 66):
        start -= step
        n += 1
    return n, start


for _ in range(60):  # warm with small values first
    accumulate(1, 40), product(1, 2, 10), shifts(12)
for step in (1, 1 << 15, 1 << 29, (1 << 30) - 1, 1 << 30, 1 << 31, 1 << 50, (1 << 62) - 1, 1 << 62, 1 << 63, -(1 << 62)):
    print(step, accumulate(step, 3000))
print(product(3, 7, 60), product(-3, 7, 61), product(1, -2, 63), product(1, -2, 64))
print(shifts(100))
print(countdown(1 << 66, (1 << 53) + 1))


def edges():
    top = (1 << 63) - 1
    low = -(1 << 63)
    return [top + 1, low - 1, -low, low // -1, low % -1, abs(low), ~top, ~low, top * top, low * low, low * -1,
            top - low, low - top, top << 1, low >> 70, top & low, top | low, top ^ low, -top - 2]


first = edges()
for _ in range(2000):
    if edges() != first:
        print("edges changed")
print(first)


def powers(base):
    return [base ** n for n in (0, 1, 2, 31, 32, 62, 63, 64)]


for _ in range(500):
    powers(2)
print(powers(2), powers(-3), powers(0), [2 ** -n for n in range(4)])
try:
    print(0 ** -1)
except ZeroDivisionError as error:
    print(error)
