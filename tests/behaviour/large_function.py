"""Generated functions with many locals, constants, names and long jumps (EXTENDED_ARG everywhere)."""


def make(lines, name="f", args="n"):
    source = f"def {name}({args}):\n" + "\n".join("    " + line for line in lines) + "\n"
    space = {f"g{i}": i for i in range(600)}
    exec(source, space)
    return space[name]


many_locals = make([f"v{i} = n + {i}" for i in range(500)] + ["total = 0"] + [f"total += v{i}" for i in range(500)] + ["return total"])
print([many_locals(i) for i in range(200)][-1], many_locals(0.5))
many_globals = make(["t = 0"] + [f"t += g{i}" for i in range(600)] + ["return t + n"])
print([many_globals(i) for i in range(200)][-1])
many_constants = make(["t = 0.0"] + [f"t = t * 0.5 + {i}.25" for i in range(600)] + ["return t"])
print([many_constants(i) for i in range(200)][-1])
long_loop = make(["t = 0", "for i in range(n):"] + [f"    t += i ^ {i}" for i in range(400)] + ["    if t > 10 ** 9:", "        t = t % 1000", "return t"])
print(long_loop(300))
long_branch = make(["t = 0", "for i in range(n):", "    if i % 2:"] + [f"        t += {i}" for i in range(400)] + ["    else:"]
                   + [f"        t -= {i}" for i in range(400)] + ["    try:", "        if i == n - 1: raise KeyError(t)"]
                   + [f"        t ^= {i}" for i in range(300)] + ["    except KeyError as e:", "        return t, e.args"])
print(long_branch(200))
deep_blocks = make(["t = 0", "for a in range(2):"] + ["    " * (k + 1) + f"for b{k} in range(2):" for k in range(12)] + ["    " * 13 + "t += 1", "return t"])
print([deep_blocks(0) for _ in range(3)][-1])
nested_try = make(["log = []"] + ["    " * k + "try:" for k in range(8)] + ["    " * 8 + "raise ValueError(n)"]
                  + [line for k in reversed(range(8)) for line in ("    " * k + f"except {'KeyError' if k else 'ValueError'}: log.append({k})",
                                                                    "    " * k + f"finally: log.append('f{k}')")] + ["return log"])
print([nested_try(i) for i in range(200)][-1])
long_expression = make(["return " + " + ".join(f"(n * {i} - {i % 7})" for i in range(500))])
print([long_expression(i) for i in range(200)][-1], long_expression(0.5))
deep_expression = make(["return " + "(" * 80 + "n" + "".join(f" + {i})" for i in range(80))])
print([deep_expression(i) for i in range(200)][-1])
big_call = make(["return max(" + ", ".join(f"n + {i}" for i in range(300)) + ")"])
print([big_call(i) for i in range(200)][-1])
wide_list = make(["x = [" + ", ".join(f"n + {i}" for i in range(300)) + "]", "d = {" + ", ".join(f"'{i}': x[{i}]" for i in range(300)) + "}",
                  "a, *b = x", "return len(x), len(d), a, b[-1], d['299']"])
print([wide_list(i) for i in range(200)][-1])
many_args = make(["return " + " + ".join(f"a{i}" for i in range(260))], args=", ".join(f"a{i}={i}" for i in range(260)))
print([many_args(i, a259=1) for i in range(200)][-1])
try:
    many_args(*range(261))
except TypeError as error:
    print(error)
wide_format = make(["return f'" + "".join("{n}," for _ in range(300)) + "'"])
print(len([wide_format(i) for i in range(200)][-1]))
many_attributes = make([f"n.attr{i} = {i}" for i in range(300)] + ["return " + " + ".join(f"n.attr{i}" for i in range(300))])


class O:
    pass


o = O()
print([many_attributes(o) for _ in range(100)][-1], len(vars(o)))
failing = make(["x = 1"] + [f"x = x * 2 - {i} if {i} else x" for i in range(300)] + ["y = [x, n]", "return y[n]"])
for _ in range(200):
    failing(0)
try:
    failing(5)
except IndexError as error:
    print(error, error.__traceback__.tb_next.tb_lineno)
many_cells = make([f"c{i} = n + {i}" for i in range(300)] + ["def inner():", "    return " + " + ".join(f"c{i}" for i in range(300)), "return inner()"])
print([many_cells(i) for i in range(100)][-1])
functions = [make([f"t = {i}", "for k in range(n):", f"    t += k * {i}", "return t"], f"f{i}") for i in range(300)]
print(sum(f(k) for f in functions for k in range(12)))
