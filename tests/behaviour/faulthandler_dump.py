"""faulthandler and traceback dumps of hot frames name every function and line."""
import faulthandler
import sys
import traceback


def inner(x, dump):
    y = x * 2
    if dump:
        faulthandler.dump_traceback(file=sys.stderr, all_threads=False)
        traceback.print_stack(file=sys.stdout)
    return y


def middle(x, dump):
    total = 0.0
    for i in range(3):
        total += inner(x + i, dump and i == 2)
    return total


def outer(n):
    for i in range(n):
        result = (
            middle(
                i,
                i == n - 1,
            )
        )
    return result


print(outer(3000))
sys.stdout.flush()


class C:
    @property
    def prop(self):
        return inner(1, self.dump)

    def __add__(self, other):
        return self.prop

    def __iter__(self):
        yield self + 1


c = C()
c.dump = False
for _ in range(2000):
    [v for v in c]
c.dump = True
print([v for v in c])
