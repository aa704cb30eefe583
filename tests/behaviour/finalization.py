"""The end of the interpreter with hot code left: globals' __del__, atexit, generators."""
import atexit
import weakref


def hot(n):
    t = 0
    for i in range(n):
        t += i
    return t


class Late:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name, hot(3000), hot is not None)


def at_exit():
    print("atexit", hot(5000))


class Holder:
    pass


def generator():
    try:
        while True:
            yield hot(100)
    finally:
        print("generator finalised", hot(200))


for _ in range(500):
    hot(20)
atexit.register(at_exit)
weakref.finalize(late := Late("finalized first"), print, "weakref.finalize")
holder = Holder()
holder.value = Late("in holder")
holder.me = holder
g = generator()
next(g)
print("end of the program")
