"""Uses the built module: overridden virtual methods, containers, callbacks and exceptions from C++."""

import traceback

import built


class Square(built.Shape):
    def __init__(self, side):
        super().__init__()
        self.side = side

    def area(self):
        return self.side * self.side


def main():
    shapes = [Square(n) for n in range(2000)]
    print(built.total(shapes), sum(shape.area() for shape in shapes))
    print(built.count(["a", "b", "a"] * 500))
    print(built.apply(lambda value: (value * 5 + 1) % 10007, 5000))
    for function, argument in ((built.fail, 3), (built.total, [built.Shape()]), (built.apply, "x")):
        try:
            function(argument)
        except Exception:
            print("".join(line for line in traceback.format_exc().splitlines(True) if "File" not in line))
