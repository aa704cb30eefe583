"""When objects die: temporaries, rebound locals, loop variables, arguments and frames."""
log = []


class D:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        log.append(self.name)

    def __add__(self, other):
        log.append("+")
        return D(self.name + getattr(other, "name", str(other)))

    def __getitem__(self, i):
        log.append("[]")
        return D(f"{self.name}[{i}]")

    def __call__(self, *args):
        log.append("()")
        return D(self.name + "()")

    def __iter__(self):
        log.append("iter")
        return iter([D("i0"), D("i1")])

    def __eq__(self, other):
        log.append("==")
        return True

    def __enter__(self):
        log.append("enter")
        return D("entered")

    def __exit__(self, *args):
        log.append("exit")

    def attr(self):
        log.append("method")
        return self

    @property
    def prop(self):
        return D(self.name + ".prop")


def temporaries():
    D("a") + D("b")
    log.append("next")
    D("c")[0]
    log.append("next")
    D("d")(D("arg"), D("arg2"))
    log.append("next")
    D("e").attr().attr()
    log.append("next")
    D("f").prop.prop
    log.append("next")
    D("g") == D("h")
    log.append("next")
    [D("l0"), D("l1")]
    log.append("next")
    (D("t0"), D("t1"))[1]
    log.append("next")
    {"k": D("v")}["k"]


def rebinding():
    x = D("x1")
    log.append("bound")
    x = D("x2")
    log.append("rebound")
    y = x
    x = None
    log.append("alias left")
    y = 1
    log.append("gone")
    a, b = D("a"), D("b")
    a, b = b, a
    log.append("swapped")
    a = b = None
    z = D("z")
    z = z + D("w")
    log.append("sum")
    z += 1
    log.append("end")
    return y


def loop():
    for i in [D("0"), D("1"), D("2")]:
        log.append("body")
    log.append("after")
    for i in D("iterated"):
        log.append("body")
    del i
    for n in range(3):
        t = D(f"t{n}")
    log.append("after")
    return t


def early(flag):
    first = D("first")
    second = D("second")
    if flag:
        return first
    third = D("third")
    return third


def raising():
    local = D("local")
    raise ValueError(D("in error").name)


def catching():
    kept = D("kept")
    try:
        raising()
    except ValueError:
        log.append("caught")
    log.append("after")
    return None


def context():
    with D("manager") as m:
        log.append("inside")
    log.append("outside")
    m = None
    log.append("m dropped")


def comprehension():
    result = [D(f"c{i}").name for i in range(2)]
    total = sum(len(D(f"g{i}").name) for i in range(2))
    log.append("done")
    return result, total


def unpacking():
    a, *b = D("u"), D("v"), D("w")
    log.append("unpacked")
    b = None
    log.append("b dropped")
    (c, d), e = [D("c"), D("d")], D("e")
    log.append("again")


def chained():
    1 if D("p") == D("q") == D("r") else 2
    log.append("chained")
    D("or") or D("never")
    log.append("or")
    D("and") and D("second")
    log.append("and")
    not D("not")
    log.append("not")


def formatted():
    f"{D('f').name}{D('g').prop.name!r:>10}"
    log.append("formatted")
    print(D("printed").name, end="")
    log.append("printed")


def deleted():
    x = D("x")
    holder = [x]
    del x
    log.append("del x")
    del holder[0]
    log.append("del item")
    holder.append(D("y"))
    holder[0] = D("z")
    log.append("item replaced")
    d = {1: D("dv")}
    d[1] = D("dv2")
    log.append("value replaced")
    del d
    log.append("end")


def attributes():
    o = D("o")
    o.child = D("child")
    o.child = D("child2")
    log.append("replaced")
    del o.child
    log.append("deleted")
    o.child = D("child3")
    o = None
    log.append("end")


def closures():
    x = D("cell")

    def inner():
        return x

    log.append("made")
    x = D("cell2")
    log.append("replaced")
    return inner


cases = [
    temporaries, rebinding, loop, lambda: early(True), lambda: early(False), catching,
    context, comprehension, unpacking, chained, formatted, deleted, attributes, closures,
]
for number, case in enumerate(cases):
    first = None
    for _ in range(400):
        log.clear()
        case()
        log.append("end of case")
        if first is None:
            first = list(log)
            print(number, first)
        elif log != first:
            print("changed", number, log)
            break
