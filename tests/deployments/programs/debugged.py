"""A program for debuggers and profilers: hot functions that call each other, a hot loop, a generator, exceptions."""

import sys

import evidence


def leaf(a, b):
    total = a + b
    return total * 2


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def norm(self):
        square = self.x * self.x + self.y * self.y
        return square


def caller(n):
    result = leaf(n, 1)
    result += leaf(n, 2)
    return result


def numbers(n):
    for i in range(n):
        yield i * 2


def checked(n):
    try:
        if n % 3 == 0:
            raise ValueError(n)
        value = n
    except ValueError as error:
        value = -error.args[0]
    finally:
        n += 1
    return value + n


def loop(n):
    total = 0
    for i in range(n):
        if i % 7 == 0:
            continue
        total += leaf(i, total & 3)
        total &= 0xFFFF
    return total


def comprehension(n):
    return [leaf(i, i) for i in range(n)], {i: -i for i in range(n)}


def recursive(n):
    return n if n < 2 else recursive(n - 1) + recursive(n - 2)


def everything(n):
    out = [caller(n), sum(numbers(n)), checked(n), loop(n), Point(n, 2).norm(), recursive(n % 10)]
    out.append(len(comprehension(n % 5)))
    return sum(out)


def warm(rounds=20_000):
    return sum(everything(i % 20) for i in range(rounds))


def main():
    # Where everything is traced a round takes long.
    print(warm(300 if "traced" in sys.argv else 20_000))
    evidence.note()
    if "stop" in sys.argv:
        breakpoint()
    for i in range(5):
        print(everything(i + 10))
    if "fail" in sys.argv:
        print(leaf(1, "one"))


if __name__ == "__main__":
    main()
