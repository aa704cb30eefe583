"""Structural pattern matching in hot code."""
from dataclasses import dataclass


@dataclass
class Point:
    x: object
    y: object


class Custom:
    __match_args__ = ("a",)

    def __init__(self, a):
        self.a = a


def describe(v):
    match v:
        case 0 | 1:
            return "bit"
        case int(n) if n < 0:
            return ("negative", n)
        case bool():
            return "never: bools are bits"
        case int():
            return "int"
        case float(f):
            return ("float", f)
        case "a" | "b":
            return "letter"
        case str():
            return ("str", len(v))
        case []:
            return "empty"
        case [x]:
            return ("one", x)
        case [x, [y, *_], *rest]:
            return ("nested", x, y, rest)
        case [1, *middle, 9]:
            return ("bracketed", middle)
        case (a, b):
            return ("pair", a, b)
        case {"k": k, **others}:
            return ("mapping", k, others)
        case {}:
            return "a mapping"
        case Point(x=0, y=y):
            return ("on the axis", y)
        case Point(x, y) if x == y:
            return ("diagonal", x)
        case Point():
            return "point"
        case Custom([first, *_]):
            return ("custom", first)
        case None:
            return "none"
        case _:
            return type(v).__name__


values = [0, 1, True, -5, 7, 1 << 70, 2.5, "a", "xyz", [], (), [3], [1, [2, 3], 4, 5], [1, 2, 3, 9], (1, 2), {"k": 1, "z": 2}, {}, {"q": 1},
          Point(0, 5), Point(2, 2), Point(1, 2), Custom([1, 2]), Custom(3), None, {1, 2}, b"ab", range(2), (1, "ab"), [1, 9]]
first = [describe(v) for v in values]
for _ in range(200):
    if [describe(v) for v in values] != first:
        print("changed")
for v, d in zip(values, first):
    print(v if not isinstance(v, Custom) else "Custom", d)


def machine(program):
    stack, pc, steps = [], 0, 0
    while pc < len(program):
        steps += 1
        match program[pc]:
            case ("push", n):
                stack.append(n)
            case ("add",):
                stack.append(stack.pop() + stack.pop())
            case ("dup",):
                stack.append(stack[-1])
            case ("jlt", limit, target) if stack[-1] < limit:
                pc = target
                continue
            case ("jlt", *_):
                pass
            case other:
                raise ValueError(other)
        pc += 1
    return stack, steps


program = [("push", 0), ("push", 1), ("add",), ("jlt", 3000, 1)]
print(machine(program))
try:
    machine([*program, ("jump", 1)])
except ValueError as error:
    print(error)
Custom.__match_args__ = ("b",)
print(describe(Custom([1])))
Custom.__match_args__ = "a"
try:
    describe(Custom([1]))
except TypeError as error:
    print(error)


def too_many(p):
    match p:
        case Point(1, 2, 3):
            return 1


def not_class(p, thing=5):
    match p:
        case thing():
            return 1


for f in (too_many, not_class):
    for _ in range(30):
        try:
            f(Point(1, 2))
        except TypeError as error:
            message = str(error)
    print(message)


def captures(n):
    for i in range(n):
        match (i, [i * 0.5, {"v": i}]):
            case (a, [b, {"v": c}]) if a == n - 1:
                return a, b, c
    return None


print(captures(2000))
