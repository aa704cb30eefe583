"""Uses the built module: calls from Python into C and back, and an error on the way."""

import traceback

import built


class Steps(built.Counter):
    """A type in C, with a subclass in Python."""

    def twice(self):
        return self() + self()


def main():
    steps = Steps()
    print(sum(steps.twice() for _ in range(3000)))
    print([built.fold(lambda total, x: total * 31 + x, 7, list(range(n))) % 1_000_003 for n in range(0, 2000, 111)])
    try:
        built.fold(lambda total, x: total // x, 1, [1, 2, 0])
    except ZeroDivisionError:
        print("".join(line for line in traceback.format_exc().splitlines(True) if "File" not in line))
