"""One call site, functions of several modules: each call finds the function of the module at hand."""

import types


def make(names):
    module = types.ModuleType("made")
    for k, name in enumerate(names):
        setattr(module, name, lambda x, k=k, name=name: (name, k, x))
    return module


def call(module, n):
    last = None
    for i in range(n):
        last = module.f(i)
    return last


def call_both(pair, n):
    seen = []
    for i in range(n):
        for module in pair:
            seen.append(module.f(i)[:2])
    return sorted(set(seen)), len(seen)


first = make(["a", "b", "f", "z"])
second = make(["f", "g"])
third = make(["x"] * 1 + [f"n{i}" for i in range(40)] + ["f"])
for module in (first, second, third, first):
    print(call(module, 200))
print(call_both((first, second, third), 100))
first.f = lambda x: ("new", x, x)
print(call(first, 200))
del second.f
try:
    print(call(second, 200))
except AttributeError as error:
    print(type(error).__name__, error)
second.f = type
print(call(second, 1))
third.__dict__["f"] = len
try:
    call(third, 5)
except TypeError as error:
    print(error)
