"""warnings' stacklevel counts real frames, however deep the hot call."""
import warnings


def warn(level):
    warnings.warn(f"level {level}", stacklevel=level)


def middle(level):
    warn(level)


def outer(level):
    middle(level)


class C:
    def method(self, level):
        return [outer(level) for _ in range(1)]


def run(n):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for i in range(n):
            outer(1 + i % 5)
        C().method(4)
    return len(caught), sorted({(str(w.message), w.lineno, w.category.__name__) for w in caught})


print(run(500))


def once():
    """The default filter reports a place once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for i in range(1000):
            warnings.warn("same place")
            if i % 2:
                warnings.warn("other place")
    return [(str(w.message), w.lineno) for w in caught]


print(once())
warnings.simplefilter("error")


def escalated(n):
    hits = 0
    for i in range(n):
        try:
            middle(2)
        except UserWarning as error:
            hits += 1
            tb, names = error.__traceback__, []
            while tb:
                names.append((tb.tb_frame.f_code.co_name, tb.tb_lineno))
                tb = tb.tb_next
    return hits, names


print(escalated(500))
warnings.simplefilter("default")
warnings.showwarning = lambda m, c, f, line, *a: print("shown", m, line)
for level in (1, 2, 3, 4):
    outer(level)
del warnings.showwarning


def deprecated():
    warnings.warn("old", DeprecationWarning, stacklevel=2)


for _ in range(300):
    deprecated()
