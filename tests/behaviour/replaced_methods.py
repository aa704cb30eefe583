"""Methods that tier 0's caches have seen and that are gone, with other things in their memory, when the function is compiled."""

import gc
import types

CLASSES = 40
WARM = 12  # calls that specialise; fewer than the thresholds of most modes


def make(number):
    """A class, a function whose caches know its methods, and objects of it in all sorts of places."""
    space = {}
    exec(
        f"""
class C{number}:
    def __init__(self):
        self.next = None
    def n(self, x):
        return x + {number}
    @classmethod
    def c(cls, x):
        return x - {number}
def local(o):
    return o.n(1)
def made(cls):
    return cls().n(2)
def stored(o):
    return o.next.n(3)
def of_class(box):
    return box[0].c(4)
""",
        space,
    )
    return space[f"C{number}"], [space[name] for name in ("local", "made", "stored", "of_class")]


def arguments(cls):
    o = cls()
    o.next = cls()
    return [(o,), (cls,), (o,), ((cls,),)]


def fill():
    """Takes the memory of dead functions: what it holds is no function, and no object at all."""
    kept = [b"\xff" * size for size in range(40, 260, 8) for _ in range(120)]
    kept += [[types.FunctionType] * n for n in range(4, 30) for _ in range(40)]
    return kept


def replace(cls, number):
    cls.n = lambda self, x: x * number
    cls.c = classmethod(lambda cls, x: x * -number)


def main():
    results = []
    all_of_them = [make(number) for number in range(CLASSES)]
    for cls, functions in all_of_them:
        for _ in range(WARM):
            for function, args in zip(functions, arguments(cls)):
                results.append(function(*args))
    for number, (cls, _) in enumerate(all_of_them):
        replace(cls, number)
    gc.collect()
    kept = fill()
    for cls, functions in all_of_them:
        for _ in range(400):
            for function, args in zip(functions, arguments(cls)):
                results.append(function(*args))
    print(len(results), sum(results))
    print(len(kept))


main()
