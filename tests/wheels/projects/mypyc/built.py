"""A module that mypyc compiles: a native class, a trait of inheritance, generators, and an error with a traceback."""

from collections.abc import Callable, Iterator


class Account:
    def __init__(self, owner: str, balance: int) -> None:
        self.owner = owner
        self.balance = balance

    def pay(self, other: "Account", amount: int) -> None:
        if amount > self.balance:
            raise ValueError(f"{self.owner} has {self.balance}")
        self.balance -= amount
        other.balance += amount


def primes(n: int) -> Iterator[int]:
    for i in range(2, n):
        if all(i % d for d in range(2, int(i**0.5) + 1)):
            yield i


def apply(function: Callable[[int], int], n: int) -> int:
    value = 0
    for _ in range(n):
        value = function(value)
    return value
