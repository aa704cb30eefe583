"""An int subclass with its own operators reaches code that was warmed with exact ints."""


class Loud(int):
    def __add__(self, other):
        return ("add", int(self), int(other))

    def __radd__(self, other):
        return ("radd", int(self), int(other))

    def __lt__(self, other):
        return "less"

    def __eq__(self, other):
        return "equal"

    def __hash__(self):
        return 7

    def __index__(self):
        print("index of", int(self))
        return 1

    def __bool__(self):
        print("bool of", int(self))
        return False

    def __sub__(self, other):
        return NotImplemented

    def __iadd__(self, other):
        return Loud(100 + int(other))


class Quiet(int):
    pass


def add(a, b):
    return a + b


def less(a, b):
    return a < b


def equal(a, b):
    return a == b


def index(seq, i):
    return seq[i]


def truth(a):
    return 1 if a else 2


def sub(a, b):
    return a - b


def inplace(a, b):
    a += b
    return a


def multi(a):
    total = a
    for i in range(10):
        total = total + a
        if total == a:
            return i, total
    return total


for i in range(4000):
    add(i, 1), less(i, 5), equal(i, 5), index("abc", i % 3), truth(i), sub(i, 3), inplace(i, 2), multi(1)
five = Loud(5)
print(add(five, 1), add(1, five), add(Quiet(2), 3), type(add(Quiet(2), 3)).__name__)
print(less(five, 1), less(1, five), less(Quiet(1), Quiet(2)), equal(five, 1), equal(1, five))
print(index("abcdefg", five), index("abcdefg", 5), index([1, 2, 3], Quiet(2)), truth(five), truth(Quiet(0)))
print(sub(five, 3), type(sub(five, 3)).__name__, inplace(five, 2), type(inplace(five, 2)).__name__)
print(multi(five), multi(Quiet(3)), multi(True), multi(2.5))
for i in range(3000):
    if add(i, Quiet(1)) != i + 1:
        print("wrong", i)
print([add(x, 1) for x in (1, five, Quiet(1), 2.0, True)])
