"""Iterables of every kind, and protocols that misbehave, in loops that were hot with good ones."""


def consume(it):
    total = 0
    for v in it:
        total += v
    return total


class Classic:
    def __init__(self, n):
        self.n, self.i = n, 0

    def __iter__(self):
        return self

    def __next__(self):
        self.i += 1
        if self.i > self.n:
            raise StopIteration
        return self.i


class Sequence:
    def __init__(self, n):
        self.n = n

    def __getitem__(self, i):
        if i >= self.n:
            raise IndexError
        return i


class NoNext:
    def __iter__(self):
        return 5


class Raises:
    def __iter__(self):
        raise KeyError("iter")


class NextRaises:
    def __iter__(self):
        return self

    def __next__(self):
        raise ArithmeticError("next")


class Blocked:
    __iter__ = None

    def __getitem__(self, i):
        return i


class StopValue:
    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration("with value")


class AttributeNext:
    """__next__ in the instance does not count."""

    def __init__(self):
        self.__next__ = lambda: 1

    def __iter__(self):
        return self


def generator(n):
    for i in range(n):
        yield i


for i in range(400):
    consume(range(10)), consume([1, 2]), consume((1, 2)), consume({1: 2}), consume(generator(3)), consume(Classic(3)), consume(Sequence(3))
data = [
    range(5), [1, 2.5], (), {3: 1}, {1, 2}, b"ab", generator(5), Classic(5), Sequence(5), map(int, "123"), filter(None, [0, 1, 2]), zip([1], [2]),
    enumerate([1]), reversed([1, 2]), iter([1, 2]), iter(int, 0), iter(lambda it=iter([1, 2, 0, 5]): next(it), 0), memoryview(b"ab"), StopValue(),
    (x for x in (1, 2)), "ab", ["a"], [None], NoNext(), Raises(), NextRaises(), Blocked(), AttributeNext(), 5, None, int, generator, Classic,
    dict.fromkeys([1, 2]).keys(), {1: 2}.values(), [[1]], [True, 1 << 70],
]
for it in data:
    for f in (consume, sum, list):
        try:
            print(type(it).__name__, f(it))
        except Exception as error:
            print(type(it).__name__, f.__name__, type(error).__name__, error)


def change_next(n):
    """The class's __next__ is replaced in the middle of the loop."""
    class It(Classic):
        pass

    it, total = It(n), 0
    for v in it:
        total += v
        if v == n // 2:
            def replaced(self):
                self.i += 1
                if self.i > n:
                    raise StopIteration
                return -1

            It.__next__ = replaced
    return total


print(change_next(10), change_next(3000))


def break_continue_else(n):
    out = []
    for limit in (5, n, n + 5):
        for i in range(n):
            if i == limit:
                out.append(("break", i))
                break
            if i % 2:
                continue
        else:
            out.append(("else", i))
        i = 0
        while i < n:
            i += 1
            if i == limit:
                break
        else:
            out.append("while else")
    return out


print(break_continue_else(2000))


def iterator_released(n):
    log = []

    class Watched:
        def __iter__(self):
            return self

        def __next__(self):
            return 1

        def __del__(self):
            log.append("released")

    for k in range(n):
        for v in Watched():
            if v:
                break
        log.append("after")
    return len(log), log[:3]


print(iterator_released(500))


def stop_inside(n):
    """StopIteration from the body is not the loop's end."""
    try:
        for i in range(n):
            if i == n - 1:
                next(iter(()))
    except StopIteration as error:
        return i, error.value


print(stop_inside(2000))


class Lengthy:
    def __len__(self):
        return 3

    def __getitem__(self, i):
        return [10, 20, 30][i]

    def __reversed__(self):
        return iter(("r1", "r2"))

    def __contains__(self, x):
        return x == "special"


o = Lengthy()
print([(list(o), list(reversed(o)), 20 in o, "special" in o, min(o), [*o]) for _ in range(300)][-1])
print(max(generator(2000)), min(Classic(50)), any(v > 1998 for v in generator(2000)), sorted(Classic(5), reverse=True), dict(enumerate("ab")))
