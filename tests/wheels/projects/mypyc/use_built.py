"""Uses the built module: native classes, generators, callbacks, and an error through both."""

import traceback

import built


def main():
    one, two = built.Account("one", 5000), built.Account("two", 0)
    for n in range(100):
        one.pay(two, n)
    print(one.balance, two.balance, sum(built.primes(3000)))
    print(built.apply(lambda value: (value * 5 + 1) % 10007, 5000))
    for call in (lambda: one.pay(two, 10_000), lambda: built.apply(lambda value: value // 0, 1)):
        try:
            call()
        except (ValueError, ZeroDivisionError):
            print("".join(line for line in traceback.format_exc().splitlines(True) if "File" not in line))
