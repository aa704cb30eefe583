"""Random Python programs for differential testing, a pure function of a seed.

A program defines classes and functions, calls them often enough to get them compiled, changes the types and the
definitions under them, and prints what came of it: results, exceptions with their lines, locals seen from callees.
Programs end by construction (loops have bounds, functions call only earlier ones and within a budget) and stay
small by construction (products of variables are reduced, sequences grow by literals), so nothing in them is slow or
big and nothing depends on time, identity or hashing.

The generator keeps a static type per variable so that most operations are well typed; phases of the program then
break that on purpose by passing floats, bools, big ints or subclasses where ints were.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

# Where representations change: small ints, digits of 30 bits, machine words; and floats' corners.
INTS = (
    0,
    1,
    2,
    -1,
    3,
    7,
    -5,
    255,
    256,
    257,
    -6,
    1 << 15,
    (1 << 30) - 1,
    1 << 30,
    -(1 << 30),
    (1 << 31) - 1,
    1 << 31,
    1 << 32,
)
BIG_INTS = (
    (1 << 53) + 1,
    (1 << 60) - 1,
    1 << 60,
    (1 << 62) - 1,
    1 << 62,
    (1 << 63) - 1,
    1 << 63,
    -(1 << 63),
    1 << 64,
    -(1 << 64),
    10**25,
)
FLOATS = (
    "0.0",
    "-0.0",
    "1.0",
    "0.5",
    "-2.5",
    "1e-3",
    "3.75",
    "1e16",
    "1e308",
    "5e-324",
    "float('inf')",
    "float('nan')",
    "0.1",
)
STRINGS = ("''", "'a'", "'abc'", "'xyz'", "'é'", "'日本'", "'0'", "'-7'", "'a b c'")
MASKS = ("% 1000003", "& 0xFFFF", "% 97", "& ((1 << 61) - 1)", "% (1 << 64)", "& ((1 << 90) - 1)", "% -1009")

# Rough upper bound of statements executed by one call of a generated function.
BUDGET = 1200
LOOP = 12

PRELUDE = '''\
import gc, hashlib, sys
trace = []
_len = len  # programs rebind the builtin's name

def note(*values):
    if _len(trace) < 400:
        trace.append(values)
    return values[-1]

def snap(tag):
    """What the caller's frame shows: values held in registers have to be there."""
    seen = sys._getframe(1).f_locals
    row = [(k, show(seen[k])) for k in sorted(seen) if k != "trace" and type(seen[k]) in (int, float, str, bool, list)]
    return note(tag, row) and 1

class MyInt(int):
    def __add__(self, other):
        return int(self) + int(other) + 1000
    def __lt__(self, other):
        return not int(self) < other

class MyFloat(float):
    def __mul__(self, other):
        return float(self) * other - 0.5

class Guard:
    def __init__(self, swallow):
        self.swallow = swallow
    def __enter__(self):
        return self
    def __exit__(self, kind, value, tb):
        note("exit", kind and kind.__name__)
        return self.swallow and kind is ValueError

def show(value):
    if type(value) in (list, tuple):
        return type(value).__name__ + "(" + ",".join(map(show, value[:30])) + ")"
    if type(value) is dict:
        return "dict(" + ",".join(show(k) + ":" + show(v) for k, v in list(value.items())[:30]) + ")"
    return repr(value)[:200]

def attempt(function, *args):
    try:
        return show(function(*args))
    except RecursionError:
        return "RecursionError"
    except Exception as error:
        where, tb = [], error.__traceback__.tb_next
        while tb:
            where.append((tb.tb_frame.f_code.co_name, tb.tb_lineno))
            tb = tb.tb_next
        context = error.__context__
        return f"{type(error).__name__}: {error} {where} {type(context).__name__ if context else ''}"

def phase(name, function, *calls, times):
    digest, last = hashlib.sha256(), {}
    for k in range(times):
        args = calls[k % _len(calls)]
        last[k % _len(calls)] = text = attempt(function, *args())
        digest.update(text.encode())
    print(name, function.__name__, digest.hexdigest()[:12], [last[k] for k in sorted(last)])
'''


@dataclass
class Function:
    """A generated function: how to call it and about how much a call costs."""

    name: str
    params: list[str]  # static types
    result: str
    cost: int
    defaults: int = 0


@dataclass
class Class:
    """A generated class whose instances have int attributes and methods of (int) -> int."""

    name: str
    attributes: list[str]
    methods: list[str]


@dataclass
class Scope:
    """The variables of the function being generated, with their static types."""

    variables: dict[str, str] = field(default_factory=dict)
    weight: int = 1  # how often the current statement runs
    cost: int = 0
    loops: int = 0
    result: str = "int"
    generator: bool = False
    fixed: set[str] = field(default_factory=set)  # loop variables and counters: not assigned
    closure: bool = False
    module: bool = False


class Generator:
    """Generates one program; `generate(seed)` is the way to use it."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.functions: list[Function] = []
        self.classes: list[Class] = []
        self.lines: list[str] = []
        self.counter = 0
        self.globals = {"g0": "int", "g1": "float", "g2": "int"}

    # ------------------------------------------------------------------------------------- small helpers

    def name(self, prefix: str) -> str:
        self.counter += 1
        return f"{prefix}{self.counter}"

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def pick(self, *choices):
        return self.random.choice(choices)

    def variables(self, scope: Scope, kind: str) -> list[str]:
        return [name for name, k in scope.variables.items() if k == kind]

    def variable(self, scope: Scope, kind: str) -> str | None:
        names = self.variables(scope, kind)
        return self.random.choice(names) if names else None

    # -------------------------------------------------------------------------------------- expressions

    def expression(self, scope: Scope, kind: str, depth: int = 2) -> str:
        return getattr(self, f"{kind}_expression")(scope, depth)

    def int_leaf(self, scope: Scope) -> str:
        name = self.variable(scope, "int")
        if name and self.chance(75):
            return name
        if self.chance(20):
            return self.pick("g0", "g2")
        return str(self.random.choice(BIG_INTS if self.chance(8) else INTS))

    def int_expression(self, scope: Scope, depth: int = 2) -> str:
        if depth <= 0 or self.chance(15):
            return self.int_leaf(scope)
        sub = lambda: self.int_expression(scope, depth - 1)  # noqa: E731
        options = [
            lambda: f"({sub()} {self.pick('+', '-', '+', '-', '&', '|', '^')} {sub()})",
            lambda: f"({sub()} {self.pick('+', '-', '*')} {self.random.choice(INTS[:9])})",
            lambda: f"({sub()} * {sub()} {self.random.choice(MASKS)})",
            lambda: f"({sub()} {self.pick('//', '%')} ({sub()} | 1))",
            lambda: f"({sub()} {self.pick('//', '%')} {self.pick(3, 7, -4, 1 << 30)})",
            lambda: f"({sub()} >> {self.pick(0, 1, 5, 31, 64)})",
            lambda: f"(({sub()} << {self.pick(1, 3, 29, 31, 60)}) {self.random.choice(MASKS)})",
            lambda: f"{self.pick('-', '~', '+')}{self.int_leaf(scope)}",
            lambda: f"({sub()} if {self.condition(scope, depth - 1)} else {sub()})",
            lambda: f"({self.condition(scope, depth - 1)} + {sub()})",
            lambda: f"{self.pick('min', 'max')}({sub()}, {sub()})",
            lambda: f"abs({sub()})",
            lambda: f"len({self.expression(scope, self.pick('list', 'str'), depth - 1)})",
            lambda: f"({sub()} {self.pick('and', 'or')} {sub()})",
            lambda: f"int({self.float_expression(scope, depth - 1)} % 1000)" if self.chance(50) else sub(),
            lambda: f"[{sub()}, {sub()}, {sub()}][{self.pick(0, 1, 2, -1, -3)}]",
            lambda: f"({sub()}, {sub()})[{self.pick(0, 1, -1)}]",
            lambda: f"(lambda p, q=2: p - q)({sub()})",
            lambda: f"sum([e {self.pick('+', '^', '-')} 1 for e in {self.list_expression(scope, depth - 1)}])",
            lambda: f"sum(e & 255 for e in {self.list_expression(scope, 0)})",
            lambda: f"snap({self.counter})",
            lambda: f"isinstance({sub()}, {self.pick('int', 'float', '(int, str)')})",
        ]
        if scope.variables.keys() and (name := self.variable(scope, "list")):
            options += [lambda: f"{name}[{sub()} % len({name})]", lambda: f"{name}[{self.pick(0, -1, 1)}]"] * 2
        if name2 := self.variable(scope, "dict"):
            options += [lambda: f"{name2}.get({sub()}, {self.int_leaf(scope)})", lambda: f"len({name2})"]
        if name3 := self.variable(scope, "object"):
            options += [lambda: self.member(scope, name3, depth)] * 3
        calls = [f for f in self.functions if f.result == "int" and f.cost * scope.weight < BUDGET // 2]
        if calls:
            options += [lambda: self.call(scope, self.random.choice(calls), depth)] * 3
        return self.random.choice(options)()

    def member(self, scope: Scope, name: str, depth: int) -> str:
        cls = self.random.choice(self.classes)
        if self.chance(50):
            return f"{name}.{self.random.choice(cls.attributes)}"
        scope.cost += 8 * scope.weight
        return f"{name}.{self.random.choice(cls.methods)}({self.int_expression(scope, depth - 1)})"

    def call(self, scope: Scope, f: Function, depth: int) -> str:
        scope.cost += f.cost * scope.weight
        count = len(f.params) - (self.random.randrange(f.defaults + 1) if f.defaults else 0)
        args = [self.expression(scope, kind, max(depth - 2, 0)) for kind in f.params[:count]]
        if count and self.chance(20):
            args[-1] = f"p{count - 1}={args[-1]}"
        elif count and self.chance(8):
            args = [f"*({', '.join(args)},)"]
        return f"{f.name}({', '.join(args)})"

    def float_expression(self, scope: Scope, depth: int = 2) -> str:
        name = self.variable(scope, "float")
        if depth <= 0 or self.chance(15):
            if name and self.chance(75):
                return name
            return "g1" if self.chance(15) else self.random.choice(FLOATS)
        sub = lambda: self.float_expression(scope, depth - 1)  # noqa: E731
        options = [
            lambda: f"({sub()} {self.pick('+', '-', '*')} {sub()})",
            lambda: f"({sub()} {self.pick('+', '-', '*')} {sub()})",
            lambda: f"({sub()} {self.pick('+', '-', '*', '/')} {self.pick('0.5', '2.0', '1.5', '3')})",
            lambda: f"({sub()} / ({sub()} or 1.0))",
            lambda: f"({sub()} / {sub()})" if self.chance(20) else sub(),
            lambda: f"({sub()} {self.pick('%', '//')} {self.pick('0.7', '-3.0', '2')})",
            lambda: f"({sub()} {self.pick('+', '-', '*')} ({self.int_expression(scope, depth - 1)} % 1009))",
            lambda: f"float({self.int_expression(scope, depth - 1)} % 100003)",
            lambda: f"-{sub()}",
            lambda: f"abs({sub()})",
            lambda: f"({sub()} if {self.condition(scope, depth - 1)} else {sub()})",
            lambda: f"round({sub()}, {self.pick(1, 3)})",
            lambda: f"{self.pick('min', 'max')}({sub()}, {sub()})",
            lambda: f"(abs({sub()}) % 1e6) ** {self.pick('0.5', '2', '1.5')}",
            lambda: f"({self.int_expression(scope, depth - 1)} % 1009 / {self.pick(3, 7, 8)})",
        ]
        calls = [f for f in self.functions if f.result == "float" and f.cost * scope.weight < BUDGET // 2]
        if calls:
            options += [lambda: self.call(scope, self.random.choice(calls), depth)] * 2
        return self.random.choice(options)()

    def str_expression(self, scope: Scope, depth: int = 2) -> str:
        name = self.variable(scope, "str")
        if depth <= 0 or self.chance(20):
            return name if name and self.chance(70) else self.random.choice(STRINGS)
        base = name or self.random.choice(STRINGS)
        options = [
            lambda: f"({self.str_expression(scope, depth - 1)} + {self.random.choice(STRINGS)})[-20:]",
            lambda: f'f"{{{self.int_leaf(scope)}}}:{{{self.pick("g1", "1.5")}:.3f}}"',
            lambda: f'f"<{{{base}!r:>6}}>"[-12:]',
            lambda: f"str({self.int_expression(scope, depth - 1)})",
            lambda: f"{base}[{self.pick('1:', ':2', '::-1', '-3:', ':0')}]",
            lambda: f"{base}.{self.pick('upper()', 'strip()', 'title()', 'lower()')}",
            lambda: f"'-'.join([str(e) for e in {self.list_expression(scope, 0)}])[:20]",
            lambda: f"('%d/%s' % ({self.int_leaf(scope)}, {base}))[-16:]",
            lambda: f"({base} * {self.pick(0, 1, 2)})[:15]",
            lambda: f"({base} if {self.condition(scope, depth - 1)} else {self.random.choice(STRINGS)})",
        ]
        return self.random.choice(options)()

    def list_expression(self, scope: Scope, depth: int = 2) -> str:
        name = self.variable(scope, "list")
        if depth <= 0:
            return name if name and self.chance(80) else f"[{self.int_leaf(scope)}, {self.int_leaf(scope)}, 3]"
        options = [
            lambda: f"[{', '.join(self.int_expression(scope, depth - 1) for _ in range(self.pick(1, 2, 4)))}]",
            self.list_comprehension,
            lambda: f"sorted([{self.int_leaf(scope)}, {self.int_leaf(scope)}, 0])",
            lambda: f"list(range({self.pick('3', '2, 8, 2', '5, 0, -1')}))",
        ]
        if name:
            options += [
                lambda: f"({name}[{self.pick(':4', '-3:', '::-1', '::2')}] or [1])",
                lambda: f"({name} + [{self.int_expression(scope, depth - 1)}])[-8:]",
                lambda: f"[*{name}[:5], {self.int_leaf(scope)}]",
            ]
        return self.random.choice(options)()

    def list_comprehension(self) -> str:
        value = self.pick("+ 1", "* 2", "^ 5", "% 7")
        return f"[e {value} for e in range({self.pick(1, 4, 7)}) if e % 3 != {self.pick(0, 5)}] + [2]"

    def dict_expression(self, scope: Scope, depth: int = 2) -> str:
        if self.chance(50):
            return f"{{e: e {self.pick('* 2', '+ 1')} for e in {self.list_expression(scope, 0)}}}"
        return "{" + f"1: {self.int_expression(scope, depth - 1)}, 'k': {self.int_leaf(scope)}" + "}"

    def object_expression(self, scope: Scope, depth: int = 2) -> str:
        cls = self.random.choice(self.classes)
        scope.cost += 10 * scope.weight
        return f"{cls.name}({self.int_expression(scope, depth - 1)}, {self.int_leaf(scope)})"

    def condition(self, scope: Scope, depth: int = 1) -> str:
        kind = self.pick("int", "int", "int", "float", "str")
        sub = lambda k=kind: self.expression(scope, k, depth - 1)  # noqa: E731
        compare = self.pick("<", "<=", "==", "!=", ">", ">=")
        options = [
            lambda: f"{sub()} {compare} {sub()}",
            lambda: f"{sub()} {compare} {sub()}",
            lambda: f"{self.int_leaf(scope)} % {self.pick(2, 3, 5)} == {self.pick(0, 1)}",
            lambda: f"{sub('int')} < {sub('float')}",
            lambda: f"{sub('int')} {self.pick('<', '<=')} {sub('int')} {compare} {sub('int')}",
            lambda: f"{sub('int')} {self.pick('in', 'not in')} {self.list_expression(scope, 0)}",
            lambda: f"not {sub()}",
            lambda: f"({sub()} {compare} {sub()} {self.pick('and', 'or')} {sub()} {compare} {sub()})",
            lambda: f"{self.variable(scope, kind) or 'g1'} is {self.pick('not ', '')}None",
        ]
        return f"({self.random.choice(options)()})"

    # --------------------------------------------------------------------------------------- statements

    def emit(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)

    def block(self, scope: Scope, indent: int, count: int, depth: int) -> None:
        """`count` statements; variables first assigned in here stay known only in here."""
        before = dict(scope.variables)
        for _ in range(count):
            self.statement(scope, indent, depth)
        if count == 0:
            self.emit(indent, "pass")
        scope.variables = {k: v for k, v in before.items() if k in scope.variables}

    def assign(self, scope: Scope, indent: int, kind: str | None = None) -> None:
        kind = kind or self.pick("int", "int", "int", "float", "float", "str", "list", "dict", "object")
        value = self.expression(scope, kind, 2)
        old = [n for n in self.variables(scope, kind) if n not in scope.fixed]
        name = self.random.choice(old) if old and self.chance(65) else self.name("v")
        self.emit(indent, f"{name} = {value}")
        scope.variables[name] = kind

    def statement(self, scope: Scope, indent: int, depth: int) -> None:
        scope.cost += scope.weight
        simple = [
            self.assign,
            self.assign,
            self.assign,
            self.augmented,
            self.augmented,
            self.unpack,
            self.container_store,
            self.container_store,
            self.object_store,
            self.global_store,
            self.observe,
        ]
        compound = [
            self.if_,
            self.if_,
            self.for_,
            self.for_,
            self.while_,
            self.try_,
            self.with_,
            self.early,
            self.nested,
            self.raise_,
        ]
        if depth > 0 and self.chance(45):
            self.random.choice(compound)(scope, indent, depth)
        else:
            self.random.choice(simple)(scope, indent)

    def augmented(self, scope: Scope, indent: int) -> None:
        kind = self.pick("int", "int", "float", "str")
        names = [n for n in self.variables(scope, kind) if n not in scope.fixed]
        if not names:
            return self.assign(scope, indent, kind)
        name = self.random.choice(names)
        if kind == "int":
            self.emit(indent, f"{name} {self.pick('+=', '-=', '^=', '|=', '&=')} {self.int_expression(scope, 1)}")
        elif kind == "float":
            self.emit(indent, f"{name} {self.pick('+=', '-=', '*=')} {self.float_expression(scope, 1)}")
        else:
            self.emit(indent, f"{name} += {self.random.choice(STRINGS)}")

    def unpack(self, scope: Scope, indent: int) -> None:
        names = [n for n in self.variables(scope, self.pick("int", "float")) if n not in scope.fixed]
        if len(names) < 2:
            return self.assign(scope, indent, "int")
        a, b = self.random.sample(names, 2)
        kind = scope.variables[a]
        if self.chance(50):
            self.emit(indent, f"{a}, {b} = {b}, {a}")
        else:
            self.emit(indent, f"{a}, {b} = {self.expression(scope, kind, 1)}, {self.expression(scope, kind, 1)}")

    def container_store(self, scope: Scope, indent: int) -> None:
        name, table = self.variable(scope, "list"), self.variable(scope, "dict")
        if name and name not in scope.fixed and self.chance(60):
            value = self.int_expression(scope, 1)
            self.emit(
                indent,
                self.pick(
                    f"{name}[{self.int_leaf(scope)} % len({name})] = {value}",
                    f"{name}[-1] {self.pick('+=', '^=')} {value}",
                    f"{name}.append({value})" if scope.weight < 50 else f"{name}[0] = {value}",
                    f"{name}[:2] = [{value}, 1]",
                    f"{name}[{self.pick(9, -9, 2)}] = {value}",
                ),
            )
        elif table:
            value = self.int_expression(scope, 1)
            self.emit(
                indent,
                self.pick(
                    f"{table}[{self.int_leaf(scope)} % 9] = {value}",
                    f"{table}['k'] = {table}.get('k', 0) + 1",
                    f"{table}.pop({self.int_leaf(scope)} % 9, None)",
                    f"del {table}[{self.int_leaf(scope)} % 5]" if self.chance(30) else f"{table}[1] = {value}",
                ),
            )
        else:
            self.assign(scope, indent, self.pick("list", "dict"))

    def object_store(self, scope: Scope, indent: int) -> None:
        name = self.variable(scope, "object")
        if not name:
            return self.assign(scope, indent, "object")
        attribute = self.random.choice(self.random.choice(self.classes).attributes)
        operator = self.pick("=", "=", "+=", "^=")
        self.emit(indent, f"{name}.{attribute} {operator} {self.int_expression(scope, 1)}")

    def global_store(self, scope: Scope, indent: int) -> None:
        name = self.random.choice(["g0", "g1", "g2"])
        if scope.generator or scope.closure:  # no `global` there
            return self.assign(scope, indent)
        if name == "g1":
            self.emit(indent, f"g1 = ({self.float_expression(scope, 1)}) % 1000.0")
        else:
            self.emit(indent, f"{name} = ({self.int_expression(scope, 1)}) % 1000003")

    def observe(self, scope: Scope, indent: int) -> None:
        name = self.variable(scope, self.pick("int", "float", "str")) or "None"
        self.emit(
            indent, self.pick(f"snap({self.counter})", f"note({name})", "gc.collect(0)" if scope.weight < 5 else "pass")
        )

    def if_(self, scope: Scope, indent: int, depth: int) -> None:
        self.emit(indent, f"if {self.condition(scope, 2)}:")
        self.block(scope, indent + 1, self.pick(1, 2), depth - 1)
        if self.chance(30):
            self.emit(indent, f"elif {self.condition(scope, 1)}:")
            self.block(scope, indent + 1, 1, depth - 1)
        if self.chance(50):
            self.emit(indent, "else:")
            self.block(scope, indent + 1, self.pick(1, 2), depth - 1)

    def loop_body(self, scope: Scope, indent: int, depth: int, times: int) -> None:
        scope.weight *= times
        scope.loops += 1
        self.block(scope, indent, self.pick(1, 2, 3), depth - 1)
        if self.chance(35):
            self.emit(indent, f"if {self.condition(scope, 1)}: {self.pick('break', 'continue')}")
            self.block(scope, indent, 1, 0)
        scope.loops -= 1
        scope.weight //= times

    def for_(self, scope: Scope, indent: int, depth: int) -> None:
        if scope.weight * LOOP * 6 > BUDGET:
            return self.if_(scope, indent, depth)
        times = self.pick(2, 5, LOOP)
        name = self.name("i")
        iterables = [
            f"range({times})",
            f"range({times})",
            f"range({times}, 0, -1)",
            f"{self.list_expression(scope, 1)}[:{times}]",
        ]
        header = f"for {name} in {self.random.choice(iterables)}:"
        extra: dict[str, str] = {}
        if self.chance(20):
            second = self.name("i")
            inner = self.list_expression(scope, 1)
            header = f"for {second}, {name} in {self.pick('enumerate', 'zip')}({inner}[:{times}]" + (
                ")" if self.chance(0) else ""
            )
            header = f"for {second}, {name} in enumerate({inner}[:{times}]):"
            extra[second] = "int"
        self.emit(indent, header)
        before = dict(scope.variables)
        scope.variables |= {name: "int"} | extra
        scope.fixed |= {name, *extra}
        self.loop_body(scope, indent + 1, depth, times)
        scope.variables = {k: v for k, v in scope.variables.items() if k in before}
        if self.chance(15):
            self.emit(indent, "else:")
            self.block(scope, indent + 1, 1, 0)

    def while_(self, scope: Scope, indent: int, depth: int) -> None:
        if scope.weight * LOOP * 6 > BUDGET:
            return self.if_(scope, indent, depth)
        name, times = self.name("w"), self.pick(3, LOOP)
        self.emit(indent, f"{name} = {self.pick(0, times)}")
        up = self.lines[-1].endswith(" 0")
        scope.variables[name] = "int"
        scope.fixed.add(name)
        test = f"{name} < {times}" if up else f"{name} > 0"
        if self.chance(30):
            test += f" and {self.condition(scope, 1)}"
        self.emit(indent, f"while {test}:")
        self.emit(indent + 1, f"{name} {'+' if up else '-'}= 1")
        self.loop_body(scope, indent + 1, depth, times)

    def try_(self, scope: Scope, indent: int, depth: int) -> None:
        self.emit(indent, "try:")
        self.block(scope, indent + 1, self.pick(1, 2), depth - 1)
        if self.chance(60):
            self.emit(
                indent + 1,
                f"if {self.condition(scope, 1)}: raise {self.pick('ValueError(1)', 'KeyError', 'TypeError')}",
            )
        elif self.chance(50):
            self.emit(
                indent + 1, self.pick("[][3]", "{}['q']", "1 // (g0 - g0)", "None.attr", "undefined_name", "int('x')")
            )
        names = self.pick(
            "ValueError",
            "(KeyError, ValueError)",
            "LookupError",
            "Exception",
            "(TypeError, ArithmeticError)",
            "Exception",
        )
        handled = self.chance(85)
        if handled:
            self.emit(indent, f"except {names} as error:")
            self.emit(indent + 1, "note(type(error).__name__, str(error), error.__traceback__.tb_lineno)")
            self.block(scope, indent + 1, 1, 0)
            if self.chance(10):
                self.emit(indent + 1, self.pick("raise", "raise RuntimeError('again') from error"))
            if self.chance(20):
                self.emit(indent, "else:")
                self.block(scope, indent + 1, 1, 0)
        if not handled or self.chance(25):
            self.emit(indent, "finally:")
            self.block(scope, indent + 1, 1, 0)

    def with_(self, scope: Scope, indent: int, depth: int) -> None:
        self.emit(indent, f"with Guard({self.pick(True, False)}) as guard:")
        self.block(scope, indent + 1, self.pick(1, 2), depth - 1)
        if self.chance(30):
            self.emit(indent + 1, f"if {self.condition(scope, 1)}: raise ValueError('in with')")

    def early(self, scope: Scope, indent: int, depth: int) -> None:
        if scope.generator:
            return self.emit(indent, f"yield {self.int_expression(scope, 1)}")
        if scope.module:
            return self.emit(indent, f"if {self.condition(scope, 1)}: note(k)")
        self.emit(indent, f"if {self.condition(scope, 1)}: return {self.expression(scope, scope.result, 1)}")

    def raise_(self, scope: Scope, indent: int, depth: int) -> None:
        if self.chance(25):
            self.emit(indent, f"assert {self.condition(scope, 1)}, {self.int_leaf(scope)}")
        else:
            self.statement(scope, indent, depth - 1)

    def nested(self, scope: Scope, indent: int, depth: int) -> None:
        """A closure over a local, sometimes changing it, or a generator expression's function."""
        names = [n for n in self.variables(scope, "int") if n not in scope.fixed]
        if not names or scope.generator or scope.closure or scope.weight > 12:
            return self.statement(scope, indent, depth - 1)
        cell, inner = self.random.choice(names), self.name("h")
        child = Scope({cell: "int", "x": "int"}, weight=scope.weight, closure=True)
        self.emit(indent, f"def {inner}(x, y={self.pick(1, 2.5)}):")
        if self.chance(50):
            self.emit(indent + 1, f"nonlocal {cell}")
            self.emit(indent + 1, f"{cell} = ({cell} + x) % 10007")
        self.emit(indent + 1, f"return {self.int_expression(child, 2)}")
        scope.cost += child.cost
        target = self.name("v")
        self.emit(indent, f"{target} = {inner}({self.int_leaf(scope)}) + {inner}({self.int_leaf(scope)}, 3)")
        scope.variables[target] = "int"

    # -------------------------------------------------------------------------------------- definitions

    def function(self) -> None:
        name = self.name("f")
        generator = self.chance(15)
        result = "int" if generator else self.pick("int", "int", "float", "str", "list")
        params = [self.pick("int", "int", "float", "list", "str") for _ in range(self.pick(1, 2, 3))]
        scope = Scope({f"p{i}": kind for i, kind in enumerate(params)}, result=result, generator=generator)
        scope.fixed = set()
        defaults = 1 if len(params) > 1 and params[-1] in ("int", "float") and self.chance(30) else 0
        shown = [f"p{i}" for i in range(len(params))]
        if defaults:
            shown[-1] += "=" + ("3" if params[-1] == "int" else "0.25")
        self.emit(0, f"def {name}({', '.join(shown)}):")
        if not generator:
            self.emit(1, "global g0, g1, g2")
        start = len(self.lines)
        for _ in range(self.pick(3, 5, 7)):
            self.statement(scope, 1, 3)
        if generator:
            self.emit(1, f"yield {self.int_expression(scope, 1)}")
            wrapper = self.name("f")
            self.emit(0, f"def {wrapper}({', '.join(shown)}):")
            passed = ", ".join(f"p{i}" for i in range(len(params)))
            body = [
                f"return sum({name}({passed}))",
                f"return [*{name}({passed})][-1]",
                f"return next({name}({passed}))",
            ]
            self.emit(1, self.random.choice(body))
            name = wrapper
        else:
            self.emit(1, f"return {self.expression(scope, result, 2)}")
        cost = scope.cost + len(self.lines) - start
        self.functions.append(Function(name, params, result, cost + 5, defaults))

    def class_(self) -> None:
        name = self.name("C")
        base = self.random.choice(self.classes) if self.classes and self.chance(40) else None
        attributes, methods = ["a", "b"], ["m", "n"]
        self.emit(0, f"class {name}({base.name}):" if base else f"class {name}:")
        if not base and self.chance(25):
            self.emit(1, "__slots__ = ('a', 'b', 'c')")
        else:
            self.emit(1, f"c = {self.random.choice(INTS)}")
        self.emit(1, "def __init__(self, a, b):")
        if base and self.chance(50):
            self.emit(2, "super().__init__(b, a)")
        else:
            self.emit(2, "self.a = a")
            self.emit(2, "self.b = b")
        self.emit(2, "if a == 3: self.c = b")
        for method in methods:
            scope = Scope({"x": "int"}, weight=100)
            self.emit(1, f"def {method}(self, x):")
            if self.chance(30):
                self.emit(2, f"self.{self.pick('a', 'b')} = (self.a + x) % 1009")
            parent = f"super().{method}(x) + " if base and self.chance(50) else ""
            self.emit(
                2,
                f"return {parent}self.{self.pick('a', 'b')} {self.pick('+', '-', '^')} {self.int_expression(scope, 1)}",
            )
        if self.chance(40):
            self.emit(1, "@property")
            self.emit(1, "def prop(self):")
            self.emit(2, f"return self.a {self.pick('+', '-')} {self.pick(1, 7)}")
            attributes = [*attributes, "prop"]
        if self.chance(30):
            self.emit(1, "def __eq__(self, other):")
            self.emit(2, "return self.a == getattr(other, 'a', other)")
            self.emit(1, "__hash__ = None")
        if self.chance(30):
            self.emit(1, "def __getattr__(self, name):")
            self.emit(2, "if name == 'c': return 5")
            self.emit(2, "raise AttributeError('no ' + name)")
            attributes = [*attributes, "c"]
        self.emit(1, "def __repr__(self):")
        self.emit(2, f"return f'{name}({{self.a}},{{self.b}})'")
        self.classes.append(Class(name, attributes, methods))

    def argument(self, kind: str, flavour: str) -> str:
        if kind == "int":
            return {
                "plain": str(self.random.choice(INTS)),
                "big": str(self.random.choice(BIG_INTS)),
                "float": self.random.choice(FLOATS),
                "odd": self.pick("True", "MyInt(5)", "None", "'7'", "2.0", "MyInt(-3)"),
            }[flavour]
        if kind == "float":
            return {
                "plain": self.random.choice(FLOATS[:9]),
                "big": self.random.choice(FLOATS),
                "float": str(self.random.choice(INTS)),
                "odd": self.pick("MyFloat(2.5)", "True", "None", "10 ** 400", "MyInt(3)"),
            }[flavour]
        if kind == "str":
            return self.random.choice(STRINGS) if flavour != "odd" else self.pick("'q'", "b'x'", "5", "['s']")
        items = ", ".join(str(self.random.choice(INTS)) for _ in range(self.pick(1, 3, 6)))
        return {
            "plain": f"[{items}]",
            "big": f"[{items}, {self.random.choice(BIG_INTS)}]",
            "float": f"[{items}, 1.5]",
            "odd": self.pick("(1, 2, 3)", "[]", "[None]", "range(4)", "'abc'"),
        }[flavour]

    def call_phase(self, name: str, flavours: tuple[str, ...], times: int) -> None:
        for f in self.functions:
            calls = []
            for flavour in flavours:
                args = ", ".join(self.argument(kind, flavour) for kind in f.params)
                calls.append(f"lambda: ({args},)")
            self.emit(0, f"phase({name!r}, {f.name}, {', '.join(calls)}, times={times})")
        self.emit(0, "print(_len(trace), hashlib.sha256(repr(trace).encode()).hexdigest()[:12], g0, g1, g2)")
        self.emit(0, "del trace[:]")

    def mutations(self) -> None:
        cls = self.random.choice(self.classes)
        function, other = self.random.choice(self.functions), self.random.choice(self.functions)
        choices = [
            "g0 = 2.5",
            "g1 = 3",
            "g2 = MyInt(4)",
            f"g2 = {1 << 65}",
            f"{cls.name}.c = 'changed'",
            f"{cls.name}.{self.pick('m', 'n')} = lambda self, x: x - 1",
            f"{cls.name}.a = property(lambda self: 11, lambda self, v: None)" if self.chance(50) else "pass",
            f"{cls.name}.__add__ = lambda self, o: 77",
            f"{function.name}.__defaults__ = (9,) * {len(function.params)}",
            f"{function.name}.__code__ = {other.name}.__code__"
            if len(function.params) == len(other.params)
            else "pass",
            "len = lambda v: 3",
            "abs = max",
            "sys.setrecursionlimit(900)",
            "gc.set_threshold(20)",
            f"del {cls.name}.__init__" if self.chance(20) else "pass",
        ]
        for text in self.random.sample(choices, self.pick(1, 2, 3)):
            self.emit(0, f"try: {text}")
            self.emit(0, "except Exception as error: print(type(error).__name__, error)")

    def osr(self) -> None:
        """A module-level loop long enough to be entered while it runs."""
        scope = Scope({"total": "int", "x": "float"}, weight=200, closure=True, module=True)
        self.emit(0, "total, x, v0 = 0, 0.5, 1")
        scope.variables["v0"] = "int"
        self.emit(0, f"for k in range({self.pick(3000, 6000)}):")
        scope.variables["k"] = "int"
        scope.fixed.add("k")
        self.emit(1, f"total = ({self.int_expression(scope, 2)}) % 1000003")
        self.emit(1, f"x = {self.float_expression(scope, 2)}")
        for _ in range(self.pick(1, 2)):
            self.statement(scope, 1, 1)
        self.emit(1, "if k % 1000 == 999: print(show(total), show(x), show(v0))")

    def program(self) -> str:
        self.emit(0, "g0, g1, g2 = 5, 1.5, 7")
        for _ in range(self.pick(1, 2, 3)):
            self.class_()
        for _ in range(self.pick(2, 3, 5)):
            self.function()
        # The last is enough for the default threshold.
        times = self.pick(40, 90, 330)
        self.call_phase("warm", ("plain",), times)
        self.call_phase("mixed", ("plain", "big"), times)
        self.call_phase("flip", ("float", "plain"), times)
        self.call_phase("odd", ("odd", "plain", "odd", "big"), times)
        self.mutations()
        self.call_phase("mutated", ("plain", "float"), times)
        if self.chance(50):
            # An error at module level would hide what follows in a batch; it is part of the transcript instead.
            body = self.lines
            self.lines = []
            self.osr()
            loop, self.lines = self.lines, body
            self.emit(0, "try:")
            self.lines += ["    " + line for line in loop]
            self.emit(0, "except Exception as error: print(type(error).__name__, error, error.__traceback__.tb_lineno)")
        self.emit(0, "gc.set_threshold(700); sys.setrecursionlimit(1000)")
        return PRELUDE + "\n".join(self.lines) + "\n"


def generate(seed: int) -> str:
    """The program of a seed: the same text for the same seed and version of this file."""
    return Generator(seed).program()
