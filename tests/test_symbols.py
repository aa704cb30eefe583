"""The extension asks of its interpreter nothing but what stock CPython 3.11 exports."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import runmodes
from conftest import Python, find_other_pythons

EXTENSION = runmodes.BUILD / "python/_pyston.cpython-311-x86_64-linux-gnu.so"
# Of glibc: what a C program may use without asking.
LIBRARIES = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}


def symbols(path, *options) -> set[str]:
    """The names in the dynamic symbol table of `path`, without versions."""
    done = subprocess.run(["nm", "-D", *options, path], capture_output=True, text=True, check=True)
    return {line.split()[-1].partition("@")[0] for line in done.stdout.splitlines()}


def dynamic_section(path, tag) -> list[str]:
    done = subprocess.run(["readelf", "-dW", path], capture_output=True, text=True, check=True)
    return re.findall(rf"\({tag}\).*\[(.*)\]", done.stdout)


def shared_libraries(path) -> dict[str, str]:
    done = subprocess.run(["ldd", path], capture_output=True, text=True, check=True)
    return dict(re.findall(r"(\S+) => (\S+) \(", done.stdout))


def exported_by(python: str) -> set[str]:
    """What an interpreter exports: its executable and, where it has one, its libpython."""
    names = symbols(python, "--defined-only")
    for name, path in shared_libraries(python).items():
        if name.startswith("libpython"):
            names |= symbols(path, "--defined-only")
    return names


def undefined() -> set[str]:
    """What the loader has to find. A weak reference it may leave unset (gcc's start files have some, and
    code can ask for an optional function so); of Python's names none may be optional."""
    done = subprocess.run(["nm", "-D", "--undefined-only", EXTENSION], capture_output=True, text=True, check=True)
    rows = [line.split()[-2:] for line in done.stdout.splitlines()]
    return {name.partition("@")[0] for kind, name in rows if kind == "U" or name.lstrip("_").startswith("Py")}


def from_c_library() -> set[str]:
    paths = [path for name, path in shared_libraries(EXTENSION).items() if name in LIBRARIES]
    return set().union(*(symbols(path, "--defined-only") for path in paths))


INTERPRETERS = [runmodes.STOCK, *find_other_pythons()]


@pytest.mark.parametrize("python", INTERPRETERS)
def test_undefined_symbols_are_exported(python):
    missing = undefined() - from_c_library() - exported_by(python)
    assert not missing, f"{python} does not export {sorted(missing)}"


def test_the_check_sees_a_hidden_symbol():
    """The test above is worth something: it knows names that stock hides, and ones it has."""
    exported = exported_by(runmodes.STOCK)
    assert "_PyEval_EvalFrameDefault" in exported and "PyLong_FromLong" in exported
    assert "_PyEval_Vector" not in exported
    assert any(name.startswith("Py") for name in undefined())
    assert "memcpy" in from_c_library()


def test_one_entry_point():
    assert symbols(EXTENSION, "--defined-only") == {"PyInit__pyston"}


def test_libraries():
    """Nothing is loaded besides the C library, no libpython above all, and from no fixed path."""
    assert set(dynamic_section(EXTENSION, "NEEDED")) <= LIBRARIES
    assert not dynamic_section(EXTENSION, "RUNPATH") and not dynamic_section(EXTENSION, "RPATH")


def test_no_writable_code_and_no_executable_stack():
    headers = subprocess.run(["readelf", "-lW", EXTENSION], capture_output=True, text=True, check=True).stdout
    flags = re.findall(r"^\s+(LOAD|GNU_STACK)\s.*\s([R ][W ][E ])\s+0x", headers, re.MULTILINE)
    assert len(flags) >= 3
    assert not [row for row in flags if "W" in row[1] and "E" in row[1]]
    assert not re.search(r"GNU_STACK.*RWE", headers)


@pytest.mark.parametrize("python", INTERPRETERS)
def test_extension_works(python):
    """It loads, goes on and off, and a program runs with it."""
    code = """
import sys, pyston
assert not pyston.is_enabled()
pyston.enable()
assert pyston.is_enabled() and isinstance(pyston.stats(), dict)

def work(n):
    total = 0
    for i in range(n):
        total += i * 2
    return total

print(work(1000), [work(n) for n in range(300)][-1])
pyston.disable()
assert not pyston.is_enabled()
print(work(1000))
"""
    env = {"PYTHONPATH": str(runmodes.BUILD / "python")}
    done = Python(runmodes.RunMode("stock"))("-c", code, program=python, env=env)
    assert done.ok == "999000 89102\n999000\n"


def test_executable_exports_what_stock_does(pyston3, stock):
    """C extensions find in pyston3 every symbol that they find in python3.11."""
    missing = symbols(stock.executable, "--defined-only") - symbols(pyston3.executable, "--defined-only")
    # What the linker makes for itself.
    assert not {name for name in missing if name.lstrip("_").startswith("Py")}
    assert missing <= {"_init", "_fini", "__bss_start", "_end", "_edata", "data_start", "_IO_stdin_used", "main"}


def test_executable_needs_what_stock_needs(pyston3, stock):
    """No library besides those of python3.11; libpython above all is inside."""
    assert set(dynamic_section(pyston3.executable, "NEEDED")) <= set(dynamic_section(stock.executable, "NEEDED"))
    assert Path(pyston3.executable).stat().st_size > 5 << 20
