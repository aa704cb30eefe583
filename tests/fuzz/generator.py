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
from pathlib import Path

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

PRELUDE = Path(__file__).with_name("prelude.py").read_text()


@dataclass
class Function:
    """A generated function: how to call it and about how much a call costs."""

    name: str
    params: list[str]  # static types
    result: str
    cost: int
    defaults: int = 0


@dataclass
class Leaf:
    """A small function of ints: its parameters that take a position or a name, those that take only a name, whether
    it has `*rest` and `**named`, and how many parameters have no default."""

    name: str
    plain: list[str]
    keyword: list[str]
    rest: bool
    named: bool
    required: int


@dataclass
class Class:
    """A generated class whose instances have int attributes and methods of (int) -> int."""

    name: str
    attributes: list[str]
    methods: list[str]
    slots: bool = False


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
        self.leaves: list[Leaf] = []
        self.recursive: list[str] = []
        self.generators: list[str] = []
        self.coroutines: list[str] = []
        self.makers: list[str] = []
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
            lambda: f"int({self.float_expression(scope, depth - 1)} % 1000)" if self.chance(20) else sub(),
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
        if self.leaves:
            options += [lambda: self.leaf_call(scope, depth)] * 4
        if self.generators and 20 * scope.weight < BUDGET:
            options += [lambda: self.resumed(scope, depth)] * 3
        return self.random.choice(options)()

    def leaf_call(self, scope: Scope, depth: int) -> str:
        """A call of a leaf, its arguments by position, by name, from a tuple or from a dict."""
        leaf = self.random.choice(self.leaves)
        scope.cost += 3 * scope.weight
        value = lambda: self.int_expression(scope, min(depth - 2, 1))  # noqa: E731
        given = leaf.plain[: self.random.randrange(leaf.required, len(leaf.plain) + 1)]
        by_name = [name for name in leaf.keyword if self.chance(50)]
        split = self.random.randrange(len(given) + 1) if self.chance(40) else len(given)
        args = [value() for _ in given[:split]]
        if leaf.rest and split == len(leaf.plain) and self.chance(60):
            args += [value() for _ in range(self.pick(1, 2))]
        names = [f"{name}={value()}" for name in [*given[split:], *by_name]]
        self.random.shuffle(names)
        if leaf.named and self.chance(60):
            names.append(f"extra={value()}")
        if args and self.chance(8):
            args = [f"*({', '.join(args)},)"]
        if names and self.chance(8):
            names = [f"**dict({', '.join(names)})"]
        if self.chance(1):
            names.append(f"wrong={value()}")  # a TypeError
        return f"{leaf.name}({', '.join(args + names)})"

    def resumed(self, scope: Scope, depth: int) -> str:
        """Something that runs a generator or a coroutine, a recursion, or a closure of its own state."""
        argument = self.int_expression(scope, min(depth - 2, 1))
        scope.cost += 20 * scope.weight
        made = f"{self.random.choice(self.generators)}({argument})"
        options = [
            f"sum({made})",
            f"len([e for e in {made} if e {self.pick('<', '>', '!=')} {self.int_leaf(scope)}])",
            f"next({made})",
            f"poke({made}, {self.int_leaf(scope)})",
            f"max({made}, default=0)",
            f"any(e == {self.int_leaf(scope)} for e in {made})",
        ]
        if self.coroutines:
            options.append(f"drive({self.random.choice(self.coroutines)}({argument}))")
        if self.recursive:
            options += [f"{self.random.choice(self.recursive)}({self.pick(0, 1, 3, 5)}, {argument})"] * 2
        if self.makers:
            maker = self.random.choice(self.makers)
            options.append(f"sum(step({self.int_leaf(scope)}) for step in [{maker}({argument})] * 3)")
        return self.random.choice(options)

    def member(self, scope: Scope, name: str, depth: int) -> str:
        cls = self.random.choice(self.classes)
        if self.chance(45):
            return f"{name}.{self.random.choice(cls.attributes)}"
        scope.cost += 8 * scope.weight
        if self.chance(30):
            argument = self.int_leaf(scope)
            return self.pick(
                f"{name}({argument})",
                f"{name}({argument}, scale={self.int_leaf(scope)})",
                f"{name}[{argument} % 4]",
                f"len({name})",
                f"sum({name})",
                f"(1 if {name} else {argument})",
                f"({argument} in {name})",
                f"{name}.made({argument}).a",
                f"{name}.plain({argument})",
                f"(hasattr({name}, {self.pick('a', 'c', 'prop')!r}) + getattr({name}, {self.pick('b', 'zz')!r}, 4))",
                f"isinstance({name}, {cls.name})",
            )
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
        square = "/" if scope.loops else "*"  # what is squared again and again may be an int in a later phase
        options = [
            lambda: f"({sub()} {self.pick('+', '-', square)} {sub()})",
            lambda: f"({sub()} {self.pick('+', '-', square)} {sub()})",
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
            self.mortal,
            self.reclass,
            self.delete,
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
            self.iterate,
            self.iterate,
            self.match_,
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
            other = self.float_expression(scope, 1)
            self.emit(indent, f"{name} {self.pick('+=', '-=', '/=' if scope.loops else '*=')} {other}")
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

    def mortal(self, scope: Scope, indent: int) -> None:
        """An object whose death is noted, in a local that is bound again or deleted."""
        if scope.weight > 30 or scope.module:
            return self.assign(scope, indent)
        self.emit(indent, f"{self.pick('d1', 'd2')} = {self.pick(f'Dying({self.counter})', 'None', '[Dying(0)]')}")

    def reclass(self, scope: Scope, indent: int) -> None:
        """An instance that changes its class, or a class that changes, while code runs that has seen it."""
        name = self.variable(scope, "object")
        if not name or scope.weight > 20:
            return self.assign(scope, indent, "object")
        cls = self.random.choice(self.classes)
        change = self.pick(
            f"{name}.__class__ = {cls.name}",
            f"{name}.__class__ = {cls.name}",
            f"{cls.name}.{self.pick('m', 'n')} = lambda self, x: x {self.pick('+', '-')} {self.pick(1, 2)}",
            f"{cls.name}.d = {self.int_leaf(scope)}",
            f"{name}.__dict__['a'] = {self.int_leaf(scope)}",
            f"del {name}.{self.pick('b', 'c')}",
        )
        self.emit(indent, f"try: {change}")
        self.emit(indent, "except (TypeError, AttributeError) as error: note(type(error).__name__)")

    def delete(self, scope: Scope, indent: int) -> None:
        """A name that is deleted and bound again, or read in between."""
        names = [n for n in self.variables(scope, self.pick("int", "float", "list")) if n not in scope.fixed]
        if not names or scope.closure:
            return self.assign(scope, indent)
        name = self.random.choice(names)
        self.emit(indent, f"del {name}")
        if self.chance(25):
            self.emit(indent, f"try: note({name})")
            self.emit(indent, "except NameError as error: note(str(error))")
        self.emit(indent, f"{name} = {self.expression_without(scope, name)}")

    def expression_without(self, scope: Scope, name: str) -> str:
        """An expression of a variable's type that does not read it."""
        kind = scope.variables.pop(name)
        text = self.expression(scope, kind, 1)
        scope.variables[name] = kind
        return text

    def iterate(self, scope: Scope, indent: int, depth: int) -> None:
        """A loop over a generator or an instance with `__getitem__`, left in the middle or not."""
        if not self.generators or scope.weight * LOOP * 6 > BUDGET:
            return self.if_(scope, indent, depth)
        name, source = self.name("e"), self.random.choice(self.generators)
        made = f"{source}({self.int_leaf(scope)})"
        thing = self.variable(scope, "object")
        if thing and self.chance(25):
            made = thing
        elif self.chance(25):
            made = f"(e {self.pick('+', '^')} 1 for e in {made})"
        self.emit(indent, f"for {name} in {made}:")
        before = dict(scope.variables)
        scope.variables[name] = "int"
        scope.fixed.add(name)
        scope.cost += 20 * scope.weight
        self.loop_body(scope, indent + 1, depth, 6)
        scope.variables = {k: v for k, v in scope.variables.items() if k in before}

    def match_(self, scope: Scope, indent: int, depth: int) -> None:
        self.emit(indent, f"match ({self.int_expression(scope, 1)}, {self.pick(1, 2)}, {self.int_leaf(scope)}):")
        self.emit(indent + 1, f"case ({self.pick(0, 1)}, _, {self.pick('_', 'got')}):")
        self.block(scope, indent + 2, 1, depth - 1)
        self.emit(indent + 1, f"case (int(), {self.pick(1, 2)}, got) if {self.condition(scope, 1)}:")
        self.block(scope, indent + 2, 1, depth - 1)
        if self.chance(60):
            self.emit(indent + 1, f"case {self.pick('_', '[*_, float()]', '(str(), *_)')}:")
            self.block(scope, indent + 2, 1, depth - 1)

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
        assigned = ""
        if self.chance(30):
            second = self.name("i")
            parts = [f"{self.list_expression(scope, 1)}[:{self.pick(times, 2)}]" for _ in range(3)]
            parts = [f"tuple({part})" if self.chance(25) else part for part in parts]
            extra[second] = "int"
            kinds = [f"enumerate({parts[0]})", f"enumerate({parts[0]})", f"zip({parts[0]}, {parts[1]})"]
            header = f"for {second}, {name} in {self.random.choice(kinds)}:"
            if self.chance(20):
                third = self.name("i")
                extra[third] = "int"
                header = f"for {second}, {third}, {name} in zip({', '.join(parts)}):"
            if self.chance(15):
                assigned = f"{name} = {name} - {second}"
        self.emit(indent, header)
        if assigned:
            self.emit(indent + 1, assigned)
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
        elif self.chance(50):
            self.emit(
                indent + 1,
                self.pick(
                    "(1, 2)[g0]",
                    "{1: 2}[g0, 1]",
                    "'ab'[g0]",
                    "next(iter(()))",
                    "getattr(None, 'attr' + str(g0))",
                    f"[Dying({self.counter})][g0]",
                    f"{{}}[Dying({self.counter})]",
                ),
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
        if handled and self.chance(40):
            # Nobody asks for the exception, unless something dies.
            free = [n for n in self.variables(scope, "int") if n not in scope.fixed]
            name = self.random.choice(free) if free else None
            self.emit(indent, f"except {names}:")
            self.emit(indent + 1, f"{name} = {self.pick(1, 2, name)}" if name and self.chance(50) else "pass")
        elif handled:
            self.emit(indent, f"except {names} as error:")
            self.emit(indent + 1, "note(type(error).__name__, str(error), line(error, error.__traceback__))")
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
        if self.chance(10):
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

    def leaf(self) -> None:
        """A small function, of the kind that is inlined, with each form of parameters."""
        plain, keyword, rest, named, shown = self.pick(
            (["x"], [], False, False, "x"),
            (["x", "y"], [], False, False, "x, y"),
            (["x", "y"], [], False, False, "x, y=2"),
            (["x", "y", "z"], [], False, False, "x, y=1, z=g0"),
            (["x"], ["z"], False, False, "x, *, z=3"),
            (["x", "y"], ["z"], False, False, "x, y=5, *, z=3"),
            (["x"], [], True, False, "x, *rest"),
            (["x"], ["y"], False, True, "x, *, y=1, **named"),
            (["x", "y"], [], True, True, "x, y=0, *rest, **named"),
        )
        name = self.name("leaf")
        scope = Scope(dict.fromkeys(plain + keyword, "int"), weight=60, closure=True)
        self.emit(0, f"def {name}({shown}):")
        if rest:
            self.emit(1, "if rest: x = x + rest[0]")
        if named:
            self.emit(1, "x = x - named.get('extra', 0)")
        self.leaf_body(scope, 1)
        required = next((i for i, part in enumerate(shown.split(", ")) if not part.isalpha()), len(plain))
        self.leaves.append(Leaf(name, plain, keyword, rest, named, min(required, len(plain))))

    def leaf_body(self, scope: Scope, indent: int) -> None:
        value = lambda: self.int_expression(scope, self.pick(1, 1, 2))  # noqa: E731
        if self.chance(25):
            self.emit(indent, f"x = {value()}")
        form = self.random.randrange(10)
        if form == 0:
            self.emit(indent, f"if {self.condition(scope, 1)}: return {value()}")
        elif form == 1:
            self.emit(indent, "try:")
            self.emit(indent + 1, f"return {value()} {self.pick('//', '%')} {self.int_leaf(scope)}")
            self.emit(indent, self.pick("except ZeroDivisionError:", "except (ArithmeticError, TypeError) as error:"))
            self.emit(indent + 1, f"x = {self.pick(1, 2, 3)}")
        elif form == 2:
            self.emit(indent, "try:")
            self.emit(indent + 1, f"x = {value()}")
            self.emit(indent + 1, f"if {self.condition(scope, 1)}: return x")
            self.emit(indent, "finally:")
            self.emit(indent + 1, self.pick("x = 4", f"note({self.counter})", "snap(0)"))
        elif form == 3:
            self.emit(indent, f"with Guard({self.pick(True, False)}):")
            self.emit(indent + 1, f"x = {value()}")
            self.emit(indent + 1, f"if {self.condition(scope, 1)}: {self.pick('return x', 'raise ValueError(x)')}")
        elif form == 4:
            self.emit(indent, f"if {self.condition(scope, 1)}: raise {self.pick('ValueError(x)', 'KeyError(x)')}")
        elif form == 5:
            self.emit(indent, f"snap({self.counter})")
        elif form == 6:
            self.emit(indent, f"d1 = Dying({self.counter})")
            self.emit(indent, f"x = {value()}")
        self.emit(indent, f"return {value()}")

    def recursion(self) -> None:
        name = self.name("rec")
        scope = Scope({"n": "int", "x": "int"}, weight=100, closure=True)
        self.emit(0, f"def {name}(n, x, y=1):")
        self.emit(1, f"if {self.pick('n <= 0', 'not n', 'n < 1')}: return {self.int_expression(scope, 1)}")
        again = f"{name}(n - 1, {self.int_leaf(scope)}{self.pick('', ', y=x', ', 2')})"
        more = self.pick("", "", f" - {name}(n - 2, x)")
        self.emit(1, f"return ({again}{more} {self.pick('+', '-', '^')} {self.int_expression(scope, 1)}) % 65521")
        self.recursive.append(name)

    def generator(self) -> None:
        """A generator of a few ints, with a handler, a finally block or a generator inside."""
        name = self.name("gen")
        scope = Scope({"x": "int"}, weight=60, closure=True)
        self.emit(0, f"def {name}(x, y={self.pick(2, 3)}):")
        indent = 1
        guarded = self.random.randrange(5)
        if guarded in (1, 2):
            self.emit(1, "try:")
            indent = 2
        elif guarded == 3:
            self.emit(1, f"with Guard({self.pick(True, False)}):")
            indent = 2
        self.emit(indent, f"for i in range({self.pick(1, 3, 5)}):")
        scope.variables["i"] = "int"
        self.emit(indent + 1, f"got = yield {self.int_expression(scope, 1)}")
        self.emit(indent + 1, self.pick("if got: x = x + got", "x = (x ^ i) & 1023", "x += 1", "snap(1)"))
        if self.generators and self.chance(40):
            inner = self.random.choice(self.generators)
            self.emit(indent, f"if x & 1: x = (yield from {inner}(x % 7)) or 0")
        elif self.chance(30):
            self.emit(indent, f"yield from {self.pick('(x, 2)', 'range(2)', '[e for e in (1, x)]')}")
        if guarded == 1:
            self.emit(1, f"finally: {self.pick(f'note({self.counter}, x)', 'x = 0')}")
        elif guarded == 2:
            self.emit(1, "except ValueError as error:")
            self.emit(2, self.pick("yield 77", "x = 5", "raise KeyError(x) from error"))
        self.emit(1, f"yield {self.int_expression(scope, 1)}")
        if self.chance(50):
            self.emit(1, f"return {self.int_leaf(scope)}")
        self.generators.append(name)

    def coroutine(self) -> None:
        name = self.name("co")
        scope = Scope({"x": "int"}, weight=60, closure=True)
        self.emit(0, f"async def {name}(x):")
        if self.coroutines and self.chance(50):
            self.emit(1, f"x = await {self.random.choice(self.coroutines)}(x % 11)")
        self.emit(1, f"for i in range({self.pick(1, 2, 3)}):")
        self.emit(2, f"x = x + await Pause({self.int_expression(scope, 1)} % 1009)")
        self.emit(1, f"return {self.int_expression(scope, 1)}")
        self.coroutines.append(name)

    def maker(self) -> None:
        """A function that makes closures over a state of their own."""
        name = self.name("make")
        scope = Scope({"x": "int", "state": "int"}, weight=60, closure=True)
        self.emit(0, f"def {name}(state):")
        self.emit(1, f"def step(x, k={self.pick(1, 2)}, *, sign=1):")
        self.emit(2, "nonlocal state")
        self.emit(2, f"state = ({self.int_expression(scope, 1)}) % 10007")
        self.emit(2, f"return sign * ({self.int_expression(scope, 1)}) + k")
        self.emit(1, f"return {self.pick('step', 'lambda x: step(x, sign=-1)', 'lambda x: step(k=x, x=3)')}")
        self.makers.append(name)

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
            if self.chance(30):  # so that an error is not the end of every call
                self.emit(1, "try:")
                self.block(scope, 2, self.pick(1, 2), 3)
                self.emit(1, "except Exception as error: note(type(error).__name__, str(error))")
            else:
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
        slots = base.slots if base else self.chance(25)
        self.emit(0, f"class {name}({base.name}):" if base else f"class {name}:")
        if not base and slots:
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
        self.protocols(base)
        if self.chance(40):
            self.emit(1, "@property")
            self.emit(1, "def prop(self):")
            inherited = "super().prop + " if base and "prop" in base.attributes else ""
            self.emit(2, f"return {inherited}self.a {self.pick('+', '-')} {self.pick(1, 7)}")
            if self.chance(60):
                self.emit(1, "@prop.setter")
                self.emit(1, "def prop(self, value):")
                self.emit(2, f"self.{self.pick('a', 'b')} = value")
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
        self.classes.append(Class(name, attributes, methods, slots))

    def protocols(self, base: Class | None) -> None:
        """What an instance does when called, indexed, measured; all in a class without a base, some in others."""
        scope = Scope({"x": "int"}, weight=100)
        value = lambda: self.int_expression(scope, 1)  # noqa: E731
        inherited = "super().__call__(x) + " if base else ""
        methods = [
            ("def __call__(self, x, *, scale=2):", f"return {inherited}self.a * scale + {value()}"),
            ("def __getitem__(self, x):", f"if x > {self.pick(2, 4)}: raise IndexError(x)\nreturn self.b + {value()}"),
            ("def __len__(self):", f"return abs(self.a) % {self.pick(3, 5)}"),
            ("@classmethod\ndef made(cls, x):", f"return cls(x, {self.pick(1, 2)})"),
            ("@staticmethod\ndef plain(x, y=3):", f"return {value()} - y"),
        ]
        for head, body in methods:
            if not base or self.chance(30):
                for line in head.splitlines():
                    self.emit(1, line)
                for line in body.splitlines():
                    self.emit(2, line)

    def argument(self, kind: str, flavour: str) -> str:
        if kind == "int":
            return {
                "plain": str(self.random.choice(INTS)),
                "big": str(self.random.choice(BIG_INTS)),
                "float": self.random.choice(FLOATS),
                "odd": self.pick("True", "MyInt(5)", "None", "{7}", "2.0", "MyInt(-3)"),
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

    def in_order(self, items: list) -> tuple:
        """Two of some items, or twice the same, in the order of their definitions."""
        first, second = sorted(self.random.randrange(len(items)) for _ in range(2))
        return items[first], items[second]

    def mutations(self) -> None:
        cls = self.random.choice(self.classes)
        # Code goes to what was defined later: so calls still end.
        other, function = self.in_order(self.functions)
        leaf, later_leaf = self.in_order(self.leaves)
        generator, later_generator = self.in_order(self.generators)
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
            f"del {cls.name}.{self.pick('m', 'made', '__len__', '__call__', 'prop')}",
            f"{cls.name}.{self.pick('m', '__call__')} = staticmethod(lambda x: x + 3)",
            f"{cls.name}.__setattr__ = lambda self, k, v: object.__setattr__(self, k, v) if k != 'b' else note(k)",
            f"{cls.name}.__getattribute__ = lambda self, k: 6 if k == 'a' else object.__getattribute__(self, k)",
            f"{cls.name}.__bases__ = ({self.random.choice(self.classes).name},)",
            f"{later_leaf.name}.__code__ = {leaf.name}.__code__",
            f"{leaf.name}.__kwdefaults__ = dict(z=8, y=9)",
            f"{leaf.name}.__defaults__ = (6, 7)",
            f"{leaf.name} = lambda *args, **named: _len(args)",
            f"{generator} = lambda x: iter((x, 2))",
            f"{later_generator}.__code__ = {generator}.__code__",
            "isinstance = lambda a, b: 0",
            "len = lambda v: 3",
            "abs = max",
            "sys.setrecursionlimit(900)",
            "gc.set_threshold(20)",
            f"del {cls.name}.__init__" if self.chance(20) else "pass",
        ]
        for text in self.random.sample(choices, self.pick(1, 2, 3, 5)):
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
        for make in (self.leaf, self.recursion, self.generator, self.leaf, self.coroutine, self.maker):
            for _ in range(self.pick(1, 2)):
                make()
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
            self.emit(
                0, "except Exception as error: print(type(error).__name__, error, line(error, error.__traceback__))"
            )
        self.emit(0, "gc.set_threshold(700); sys.setrecursionlimit(1000)")
        return PRELUDE + "\n".join(self.lines) + "\n"


def generate(seed: int) -> str:
    """The program of a seed: the same text for the same seed and version of this file."""
    return Generator(seed).program()
