# What py311_check.c runs and looks at; built in as marshalled code.


class C:
    def __init__(self):
        self.x = 1
        self.y = 2


def f(probe, value, other=3):
    return probe(value)


def g(c):
    return c.y
