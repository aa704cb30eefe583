"""A hot loop ends in an uncaught chain of exceptions: traceback on stderr, exit status 1."""
import atexit

atexit.register(print, "atexit ran")


class Account:
    def __init__(self, balance):
        self.balance = balance

    def withdraw(self, amount):
        if amount > self.balance:
            raise ValueError(f"{amount} > {self.balance}")
        self.balance -= amount


def spend(account, amount):
    try:
        account.withdraw(amount)
    except ValueError as error:
        raise RuntimeError("cannot spend") from error


def run(account):
    for amount in range(5000):
        spend(account, amount)


try:
    run(Account(1234567))
finally:
    print("finally ran", flush=True)
