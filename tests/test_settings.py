"""The settings in the environment: what they do, and what a wrong value says."""

from __future__ import annotations

import re

import pytest
import runmodes

# setting -> wrong values, and what the message has to name as allowed
WRONG = {
    "PYSTON": (["yes", "2", "-1", "01", "on"], ["0", "1"]),
    "PYSTON_THRESHOLD": (["0", "-5", "off", "1.5", "10x", "4294967295"], ["1", "4294967294", "never"]),
    "PYSTON_DUMP": (["hirr", "hir,lisp", ",", "all", "hir:", ":f"], ["hir", "lir", "asm"]),
    "PYSTON_STRESS": (["osr!", "deopts", "1"], ["deopt", "patch", "compact", "thread"]),
    "PYSTON_CODE_LIMIT": (["0", "-1", "plenty", "64M", "1e3", "5000"], ["1", "1024"]),
    "PYSTON_PERF": (["yes"], ["0", "1"]),
    "PYSTON_OPT_DISABLE": (
        ["gvm", "gvn,", "inline,lcm", "11", "-1", "1x"],
        ["inline", "types", "gvn", "dce", "0", "10"],
    ),
    "PYSTON_OPT_LIMIT": (["all", "0", "12", "3x"], ["1", "11"]),
    "PYSTON_GC": (["off", "2", "700"], ["0", "1"]),
    "PYSTON_HUGE_PAGES": (["yes", "2M"], ["0", "1"]),
    "PYSTON_COMPILE_THREAD": (["2", "auto"], ["0", "1"]),
}
CASES = [(name, value) for name, (values, _) in WRONG.items() for value in values]

RIGHT = [
    ("PYSTON", "0"),
    ("PYSTON", "1"),
    ("PYSTON_THRESHOLD", "1"),
    ("PYSTON_THRESHOLD", "4294967294"),
    ("PYSTON_THRESHOLD", "never"),
    ("PYSTON_STRESS", "deopt"),
    ("PYSTON_STRESS", "patch"),
    ("PYSTON_STRESS", "compact"),
    ("PYSTON_STRESS", "thread"),
    ("PYSTON_COMPILE_THREAD", "0"),
    ("PYSTON_CODE_LIMIT", "1"),
    ("PYSTON_CODE_LIMIT", "64"),
    ("PYSTON_OPT_DISABLE", "gvn,inline,3"),
    ("PYSTON_OPT_LIMIT", "11"),
]


def check_message(text: str, name: str, value: str):
    assert text.count("\n") == 1, f"one line, not {text!r}"
    assert f"{name} must be " in text
    allowed, _, given = text.partition(", not ")
    assert given == f"'{value}'\n"
    for word in WRONG[name][1]:
        assert re.search(rf"\b{word}\b", allowed), text


@pytest.mark.parametrize("name, value", CASES)
def test_wrong_value_stops_pyston3(pyston3, name, value):
    """One line that names setting, value and what is allowed; the program does not start."""
    done = pyston3("-c", "print('ran')", env={name: value})
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("pyston3: ")
    check_message(done.err, name, value)


@pytest.mark.parametrize("name, value", CASES)
def test_wrong_value_in_the_extension(stock, name, value):
    """In a stock interpreter the program decides: `import pyston` raises ValueError."""
    code = """
try:
    import pyston
    pyston.enable()
except ValueError as error:
    print(error)
"""
    done = stock("-c", code, env={"PYTHONPATH": str(runmodes.BUILD / "python"), name: value})
    check_message(done.ok, name, value)


@pytest.mark.parametrize("name, value", [(name, values[0]) for name, (values, _) in WRONG.items()])
def test_wrong_value_with_autoload(ext, name, value):
    """Loaded at start-up it stops the program, as in pyston3."""
    done = ext("-c", "print('ran')", env={name: value})
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("pyston: ")
    check_message(done.err, name, value)


@pytest.mark.parametrize("name, value", RIGHT)
def test_right_value(pyston3, ext, name, value):
    code = "def f(n):\n    return [i * i for i in range(n)]\nprint(sum(f(100)))"
    for python in (pyston3, ext):
        assert python("-c", code, env={name: value}).ok == "328350\n"


def test_never_compiles_nothing(pyston3, ext):
    """Neither functions nor loops nor generators, however hot; a high threshold still compiles the loops."""
    code = """
import pyston

def many(n):
    return sum(i & 3 for i in range(n))

def loop():
    total = 0
    for i in range(1000):
        total += i
    return total

def until(samples):
    while pyston.stats()["samples"] < samples:
        loop()
        many(1000)

until(30)
stats = pyston.stats()
kinds = ("functions_compiled", "loops_compiled", "resumes_compiled")
print(stats["threshold"], *(stats[kind] > 0 for kind in kinds), stats["not_compiled"])
"""
    for python in (pyston3, ext):
        assert python("-c", code, env={"PYSTON_THRESHOLD": "never"}).ok == "never False False False {}\n"
        assert re.match("4294967294 \\w+ True ", python("-c", code, env={"PYSTON_THRESHOLD": "4294967294"}).ok)


def test_empty_is_unset(pyston3):
    env = dict.fromkeys(WRONG, "")
    assert pyston3("-c", "import pyston; print(pyston.is_enabled())", env=env).ok == "True\n"


def test_passes_are_left_out(pyston3):
    """By name, by number, after so many; a name stands for each time that the pass runs."""
    code = "def f(a):\n    return a + 1\nf(1)"

    def passes(**env):
        done = pyston3("-c", code, env={"PYSTON_THRESHOLD": "1", "PYSTON_DUMP": "hir:f", **env})
        return re.findall(r"^--- (\w+)", done.err, re.MULTILINE)

    all_of_them = passes()
    assert all_of_them[:3] == ["build", "types", "fold"] and all_of_them.count("fold") == 2
    assert passes(PYSTON_OPT_DISABLE="fold,refcount") == [p for p in all_of_them if p not in ("fold", "refcount")]
    assert passes(PYSTON_OPT_DISABLE="0,10,inline") == all_of_them[:1] + all_of_them[2:-1]
    assert passes(PYSTON_OPT_LIMIT="2") == all_of_them[:3]


def test_on_and_off(pyston3, ext):
    code = "import pyston; print(pyston.is_enabled())"
    assert pyston3("-c", code).ok == "True\n"
    assert pyston3("-c", code, env={"PYSTON": "1"}).ok == "True\n"
    assert pyston3("-c", code, env={"PYSTON": "0"}).ok == "False\n"
    assert ext("-c", code, env={"PYSTON": "0"}).ok == "False\n"


def test_settings_hold_without_the_python_environment(pyston3):
    """-E and -I are about Python's variables; the engine's settings cannot change what a program does."""
    code = "import pyston; print(pyston.is_enabled())"
    assert pyston3("-I", "-c", code, env={"PYSTON": "0"}).ok == "False\n"
    assert pyston3("-E", "-c", code, env={"PYSTON": "0"}).ok == "False\n"
