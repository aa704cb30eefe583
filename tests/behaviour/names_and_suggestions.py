"""NameError, AttributeError and ImportError texts with the interpreter's suggestions, from hot code."""
import sys


class Account:
    def __init__(self):
        self.balance = 1
        self.history = []

    def deposit(self, n):
        self.balance += n


counter_total = 0


def local_name():
    amount = 1
    return amonut  # noqa: F821


def global_name():
    return counter_totl  # noqa: F821


def builtin_name():
    return lenn([])  # noqa: F821


def attribute(o):
    return o.balanse


def method(o):
    return o.depositt(1)


def module_attribute():
    import math

    return math.sqart(2)


def none_attribute():
    return None.foo


def store(o):
    o.real = 1


def bad_import():
    from collections import namedtupel  # noqa: F401


def missing_module():
    import no_such_module_here  # noqa: F401


def closure_name():
    values = [1]

    def inner():
        return valeus  # noqa: F821

    return values and inner()


def unbound():
    if counter_total:
        thing = 1
    return thing


def class_attribute():
    return Account.depositor


def read_balance(o):
    return o.balance


account = Account()
for _ in range(2000):
    read_balance(account), account.deposit(1)
cases = [local_name, global_name, builtin_name, lambda: attribute(account), lambda: method(account), module_attribute, none_attribute,
         lambda: store(1), lambda: store(object()), bad_import, missing_module, closure_name, unbound, class_attribute,
         lambda: read_balance(5), lambda: read_balance([]), lambda: read_balance(Account), lambda: read_balance(lambda: 0)]
for case in cases:
    for _ in range(30):
        try:
            case()
        except Exception:
            kind, error, tb = sys.exc_info()
    sys.excepthook(kind, error, tb)
    print(getattr(error, "name", "no name"), type(getattr(error, "obj", None)).__name__)
