"""pyston3 as a Python: what sys says, environments, pip, multiprocessing, .pyc files, the REPL."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pty
import re
import resource
import select
import time
import zipfile
from pathlib import Path

import pytest
import runmodes

VERSION = (Path(__file__).parents[1] / "VERSION").read_text().strip()

FACTS = """
import json, platform, site, sys, sysconfig, importlib.util, importlib.machinery, os
print(json.dumps({
    "version_info": list(sys.version_info),
    "hexversion": sys.hexversion,
    "api_version": sys.api_version,
    "implementation": repr(sys.implementation),
    "python_version": platform.python_version(),
    "python_implementation": platform.python_implementation(),
    "python_compiler": platform.python_compiler(),
    "python_build": platform.python_build(),
    "platform": sys.platform,
    "abiflags": sys.abiflags,
    "maxsize": sys.maxsize,
    "hash_info": repr(sys.hash_info),
    "float_info": repr(sys.float_info),
    "thread_info": repr(sys.thread_info),
    "flags": repr(sys.flags),
    "prefixes": [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix],
    "platlibdir": sys.platlibdir,
    "stdlib_dir": sys._stdlib_dir,
    "path": sys.path,
    "builtins": sorted(set(sys.builtin_module_names) - {"_pyston"}),
    "stdlib": sorted(sys.stdlib_module_names),
    "magic": list(importlib.util.MAGIC_NUMBER),
    "cache": importlib.util.cache_from_source("/x/y.py"),
    "suffixes": importlib.machinery.all_suffixes(),
    # projectbase is the folder of the executable.
    "config_vars": {k: v for k, v in sysconfig.get_config_vars().items() if k != "projectbase"},
    "scheme": sysconfig.get_default_scheme(),
    "paths": sysconfig.get_paths(),
    "site": site.getsitepackages(),
    "recursion": sys.getrecursionlimit(),
    "switch": sys.getswitchinterval(),
    "copyright": sys.copyright,
    "git": sys._git,
    "umask": os.umask(0o22),
}))
"""


def facts(python, **kwargs):
    return json.loads(python("-c", FACTS, **kwargs).ok)


def test_facts_of_sys(pyston3, stock):
    """Everything programs ask a Python about is stock's, but for the name of the build."""
    got, want = facts(pyston3), facts(stock)
    name, date = got.pop("python_build")
    assert (name, date) == (f"Pyston {VERSION}", want.pop("python_build")[1])
    assert got == want
    assert want["prefixes"] == ["/usr"] * 4


def test_version(pyston3, stock):
    """sys.version names Pyston and keeps CPython's layout: version, (branch, date), [compiler]."""
    code = "import sys; print(sys.version, end='')"
    got, want = pyston3("-c", code).ok, stock("-c", code).ok
    assert f"(Pyston {VERSION}, " in got
    assert got.replace(f"(Pyston {VERSION}, ", "(main, ") == want
    assert pyston3("-VV").ok == f"Python {got}\n"


def test_executable(pyston3):
    code = "import sys; print(sys.executable, sys._base_executable, sys.orig_argv[0])"
    assert pyston3("-c", code).ok.split() == [pyston3.executable] * 3


@pytest.mark.parametrize("flags", [[], ["-I"], ["-S"], ["-E"], ["-I", "-S", "-X", "frozen_modules=off"]])
def test_module_is_inside(pyston3, flags, tmp_path):
    """`import pyston` needs no file, and no file can take its place."""
    (tmp_path / "pyston.py").write_text("raise ImportError('from the path')")
    code = "import pyston, _pyston; print(pyston.is_enabled(), pyston.__version__, _pyston.__spec__.origin)"
    done = pyston3(*flags, "-c", code, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    assert done.ok == f"True {VERSION} built-in\n"


def test_extension_modules_load(pyston3):
    """Shared libraries of the standard library, which find every Py* symbol in the executable."""
    code = """
import _ctypes, _decimal, _hashlib, _json, _lsprof, _multiprocessing, _sqlite3, _ssl, _uuid, readline, resource
import sqlite3, ssl, decimal, ctypes
print(sqlite3.connect(":memory:").execute("select 1 + 1").fetchone(), decimal.Decimal(1) / 7, ssl.OPENSSL_VERSION[:7])
print(ctypes.pythonapi.Py_GetVersion is not None, ctypes.pythonapi.PyLong_FromLong is not None)
"""
    assert pyston3("-c", code).ok == "(2,) 0.1428571428571428571428571429 OpenSSL\nTrue True\n"


def test_wheels_for_cpython_load(pyston3, stock, site_packages):
    """A wheel with C extensions built for CPython 3.11."""
    code = "import numpy as np; print(np.__file__, (np.arange(10.0).reshape(2, 5) @ np.ones(5)).tolist())"
    env = {"PYTHONPATH": str(site_packages)}
    assert pyston3("-c", code, env=env).ok == stock("-c", code, env=env).ok


# The stack.


def test_deep_recursion_in_c(pyston3):
    """C recursion far beyond what 8 MiB of stack hold: stock ends in a segmentation fault."""
    code = """
import sys
sys.setrecursionlimit(10**6)
class Nest:
    def __init__(self, inner): self.inner = inner
    def __repr__(self): return repr(self.inner)
nest = "bottom"
for _ in range(60_000): nest = Nest(nest)
print(repr(nest))
while type(nest) is Nest: nest = nest.inner  # take it apart from outside
"""
    assert pyston3("-c", code).ok == "'bottom'\n"


def test_endless_recursion_in_c_ends(pyston3):
    """Off the end of the stack there is a guard: a segmentation fault, not a write elsewhere. Without the
    engine, whose calls would go on in memory of their own until all of it is used."""
    code = """
import sys
sys.setrecursionlimit(10**9)
class Self:
    def __repr__(self): return repr(self)
repr(Self())
"""
    done = pyston3(
        "-X",
        "faulthandler",
        "-c",
        code,
        env={"PYSTON": "0"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    )
    assert done.code == -11
    assert "Fatal Python error: Segmentation fault" in done.err


STACK = """
import ctypes, json, resource, threading
libc = ctypes.CDLL(None)
libc.pthread_self.restype = ctypes.c_void_p
attributes = ctypes.create_string_buffer(256)
assert libc.pthread_getattr_np(ctypes.c_void_p(libc.pthread_self()), attributes) == 0
low, size = ctypes.c_void_p(), ctypes.c_size_t()
libc.pthread_attr_getstack(attributes, ctypes.byref(low), ctypes.byref(size))
maps = [line.split() for line in open("/proc/self/maps")]
stack = next(i for i, line in enumerate(maps) if line[-1] == "[stack]")
ranges = [[int(n, 16) for n in line[0].split("-")] + [line[1]] for line in maps[stack - 2: stack + 1]]
pointer = int(open("/proc/self/syscall").read().split()[-2], 16)
print(json.dumps([low.value, size.value, ranges, pointer, resource.getrlimit(resource.RLIMIT_STACK)]))
"""


def test_stack_is_the_kernels_and_more(pyston3):
    """The main thread stays on the stack that the kernel made, under the same limit; below it lies ours."""
    limit = (8 << 20, resource.RLIM_INFINITY)
    if resource.getrlimit(resource.RLIMIT_STACK)[1] != resource.RLIM_INFINITY:
        limit = (8 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1])
    done = pyston3("-c", STACK, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, limit))
    low, size, ranges, pointer, seen_limit = json.loads(done.ok)
    (guard, ours, kernels) = ranges
    assert tuple(seen_limit) == limit
    assert low <= pointer < low + size, "the stack pointer is where pthread_getattr_np says the stack is"
    assert 7 << 20 < size <= 8 << 20
    assert kernels[0] <= low
    assert ours[1] == kernels[0] and ours[2].startswith("rw")
    assert guard[1] == ours[0] and guard[2].startswith("---") and guard[1] - guard[0] >= 1 << 20
    assert ours[1] - ours[0] > 200 << 20


@pytest.mark.parametrize(
    "command",
    [
        "ulimit -S -s unlimited",
        "ulimit -S -s 300",
        "ulimit -S -s 1048576",
        "ulimit -v 200000",
        'set -- setarch -R "$@"',
    ],
    ids=["unlimited", "small", "large", "address-space", "unrandomised"],
)
def test_stack_under_limits(pyston3, command):
    """Whatever the limits are, the program runs."""
    script = f'{command} && exec "$@"'
    code = "import threading; t = threading.Thread(target=print, args=('ran',)); t.start(); t.join()"
    done = pyston3("-c", script, "sh", pyston3.executable, "-c", code, program="sh")
    assert done.ok == "ran\n"


def test_children_inherit_no_stack_settings(pyston3, stock):
    code = "import subprocess; print(subprocess.run(['sh', '-c', 'ulimit -s'], capture_output=True, text=True).stdout)"
    assert pyston3("-c", code).ok == stock("-c", code).ok


# Environments and pip.


@pytest.fixture(scope="module")
def venv(pyston3, tmp_path_factory):
    """A virtual environment made by pyston3."""
    folder = tmp_path_factory.mktemp("env") / "venv"
    assert pyston3("-m", "venv", str(folder)).ok == ""
    return folder


def test_venv_is_pyston3_again(pyston3, venv):
    code = (
        "import sys, pyston, json; print(json.dumps([sys.prefix, sys.base_prefix, sys.executable, sys.version,"
        "pyston.is_enabled(), [p for p in sys.path if 'packages' in p]]))"
    )
    version = pyston3("-c", "import sys; print(sys.version, end='')").ok
    packages = str(venv / "lib/python3.11/site-packages")
    for name in ("python", "python3", "python3.11", "pyston3"):
        python = str(venv / "bin" / name)
        want = [str(venv), "/usr", python, version, True, [packages]]
        assert json.loads(pyston3("-c", code, program=python).ok) == want
    assert f"home = {Path(pyston3.executable).parent}\n" in (venv / "pyvenv.cfg").read_text()


def test_venv_inside_a_venv(pyston3, venv, tmp_path):
    """A second environment, made by the first one's python, with the system's packages."""
    inner = tmp_path / "inner"
    python = str(venv / "bin/python")
    assert pyston3("-m", "venv", "--without-pip", "--system-site-packages", str(inner), program=python).ok == ""
    code = "import sys; print(sys.prefix, sys.base_prefix, sys._base_executable, *sys.path)"
    prefix, base, executable, *path = pyston3("-c", code, program=str(inner / "bin/python")).ok.split()
    assert (prefix, base) == (str(inner), "/usr")
    assert os.path.realpath(executable) == os.path.realpath(pyston3.executable)
    assert "/usr/lib/python3/dist-packages" in path


def test_venv_of_copies(pyston3, tmp_path):
    folder = tmp_path / "copies"
    assert pyston3("-m", "venv", "--copies", "--without-pip", str(folder)).ok == ""
    python = folder / "bin/python"
    assert not python.is_symlink()
    assert pyston3("-c", "import sys; print(sys.prefix, sys.base_prefix)", program=str(python)).ok == f"{folder} /usr\n"


def make_wheel(folder: Path) -> Path:
    """A wheel with one module and one console script."""
    files = {
        "pystontestpackage.py": "import sys\n\n\ndef main():\n    print(sys.executable, sys.version)\n",
        "pystontestpackage-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: pystontestpackage\nVersion: 1.0\n",
        "pystontestpackage-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "pystontestpackage-1.0.dist-info/entry_points.txt": "[console_scripts]\ntalk = pystontestpackage:main\n",
    }
    record = "pystontestpackage-1.0.dist-info/RECORD"
    rows = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},"
        for name, text in files.items()
    ]
    wheel = folder / "pystontestpackage-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(record, "\n".join([*rows, f"{record},,", ""]))
    return wheel


def test_pip_installs(pyston3, venv, tmp_path):
    """pip is there, says which Python it serves, and its scripts run on the environment's python."""
    python = str(venv / "bin/python")
    wheel = make_wheel(tmp_path)
    assert "(python 3.11)" in pyston3("-m", "pip", "--version", program=python).ok
    done = pyston3("-m", "pip", "install", "--no-index", "--disable-pip-version-check", str(wheel), program=python)
    assert "Successfully installed pystontestpackage-1.0" in done.out, done.err
    script = venv / "bin/talk"
    assert script.read_text().startswith(f"#!{python}\n") or "/bin/sh" in script.read_text()[:20]
    executable, version = pyston3(program=str(script)).ok.split(" ", 1)
    assert executable == python and f"Pyston {VERSION}" in version
    tags = pyston3("-m", "pip", "debug", "--verbose", "--disable-pip-version-check", program=python).out
    assert re.search(r"^\s+cp311-cp311-manylinux_2_\d+_x86_64$", tags, re.MULTILINE)


# Processes.


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(pyston3, tmp_path, method):
    program = tmp_path / "program.py"
    program.write_text(
        """
import multiprocessing, os, sys

def work(n):
    import pyston
    return n * n, sys.executable, sys.version, pyston.is_enabled(), os.getpid() != parent

def init(pid):
    global parent
    parent = pid

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2, init, (os.getpid(),)) as pool:
        for result in pool.map(work, range(5)):
            assert result[1:] == (sys.executable, sys.version, True, True), result
            print(result[0])
    with context.Manager() as manager:
        shared = manager.dict()
        process = context.Process(target=shared.update, args=({"a": 1},))
        process.start()
        process.join()
        print(dict(shared), process.exitcode)
"""
    )
    assert pyston3(str(program), method).ok == "0\n1\n4\n9\n16\n{'a': 1} 0\n"


def test_process_pool_and_subprocess(pyston3, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        """
import concurrent.futures, subprocess, sys
if __name__ == "__main__":
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        print(list(pool.map(abs, [-1, -2, 3])))
    code = "import sys; print(sys.version)"
    print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == sys.version + "\\n")
"""
    )
    assert pyston3(str(program)).ok == "[1, 2, 3]\nTrue\n"


# Compiled files.


@pytest.mark.parametrize("writer, reader", [("stock", "pyston3"), ("pyston3", "stock")])
def test_pyc_files_are_shared(request, writer, reader, tmp_path):
    """Each takes the other's .pyc as it is: same tag, same magic, same content."""
    (tmp_path / "shared.py").write_text("def f():\n    return [x for x in range(3)]\n\n\nprint(f())\n")
    code = "import shared"
    write, read = request.getfixturevalue(writer), request.getfixturevalue(reader)
    assert write("-c", code, cwd=tmp_path).ok == "[0, 1, 2]\n"
    (pyc,) = (tmp_path / "__pycache__").iterdir()
    assert pyc.name == "shared.cpython-311.pyc"
    before = pyc.read_bytes(), pyc.stat().st_mtime_ns
    done = read("-v", "-c", code, cwd=tmp_path)
    assert f"# {pyc} matches {tmp_path / 'shared.py'}" in done.err
    assert (pyc.read_bytes(), pyc.stat().st_mtime_ns) == before
    pyc.unlink()
    assert read("-c", code, cwd=tmp_path).ok == "[0, 1, 2]\n"
    assert pyc.read_bytes() == before[0]


# The interactive interpreter.


class Terminal:
    """A program on a pseudo-terminal."""

    def __init__(self, argv, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(argv[0], argv, env)
        self.seen = ""

    def read(self, deadline: float) -> bool:
        """Read some output; False when the program has closed its end."""
        ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"nothing more came after {self.seen!r}"
        try:
            data = os.read(self.fd, 4096)
        except OSError:  # EIO: the other end is closed
            data = b""
        self.seen += data.decode()
        return bool(data)

    def until(self, pattern: str, timeout=60) -> str:
        """Read until `pattern` shows up and return everything up to its end."""
        deadline = time.monotonic() + timeout
        while not (match := re.search(pattern, self.seen)):
            assert self.read(deadline), f"ended without {pattern!r}: {self.seen!r}"
        text, self.seen = self.seen[: match.end()], self.seen[match.end() :]
        return text

    def send(self, text: str):
        os.write(self.fd, text.encode())

    def exit_code(self, timeout=60) -> int:
        # The program waits for its output to be read before it gives the terminal back.
        deadline = time.monotonic() + timeout
        while self.read(deadline):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def repl(pyston3, tmp_path):
    env = pyston3.mode.env({"TERM": "xterm", "HOME": str(tmp_path), "INPUTRC": "/dev/null"})
    terminal = Terminal([pyston3.executable], env)
    yield terminal
    os.close(terminal.fd)


def test_repl(repl, tmp_path):
    """Banner, prompts, line editing with history and completion, errors, interrupts, the end."""
    banner = repl.until(r">>> ")
    assert f"(Pyston {VERSION}, " in banner
    assert 'Type "help", "copyright", "credits" or "license" for more information.' in banner
    repl.send("6 * 7\r")
    repl.until(r"42\s+>>> ")
    repl.send("\x1b[A\x1b[D9\r")  # up, left, insert: 6 * 97
    repl.until(r"582\s+>>> ")
    repl.send("impor\t")
    repl.until(r"import")  # completed
    repl.send("\x15def f(x):\r    return x / 0\r\r")
    repl.until(r">>> ")
    repl.send("f(1)\r")
    assert 'File "<stdin>", line 2, in f' in repl.until(r"ZeroDivisionError: division by zero\s+>>> ")
    repl.send("while True: pass\r\r")
    time.sleep(0.3)
    repl.send("\x03")
    repl.until(r"KeyboardInterrupt\s+>>> ")
    repl.send("import sys; sys.ps1 = 'new prompt> '\r")
    repl.until(r"\nnew prompt> ")
    repl.send("\x04")
    assert repl.exit_code() == 0
    assert "6 * 97" in (tmp_path / ".python_history").read_text()


def test_repl_has_no_pyston_in_its_way(pyston3, stock):
    """The names a fresh session has."""
    code = "print(dir(), sorted(__import__('sys').modules.keys() - {'_pyston'}))\n"
    got, want = pyston3("-i", "-q", input=code), stock("-i", "-q", input=code)
    assert got.out == want.out


# The extension in a stock interpreter.


def test_extension_is_off_by_default(stock):
    code = "import pyston; print(pyston.is_enabled()); pyston.enable(); print(pyston.is_enabled())"
    code += "\npyston.disable(); print(pyston.is_enabled(), pyston.__version__, type(pyston.stats()))"
    done = stock("-c", code, env={"PYTHONPATH": str(runmodes.BUILD / "python")})
    assert done.ok == f"False\nTrue\nFalse {VERSION} <class 'dict'>\n"


def test_autoload(ext, stock):
    """The folder on PYTHONPATH switches the engine on at start-up, by PYSTON=1 only."""
    code = "import sys; print('_pyston' in sys.modules); import pyston; print(pyston.is_enabled())"
    assert ext("-c", code).ok == "True\nTrue\n"
    assert ext("-c", code, env={"PYSTON": "0"}).ok == "True\nFalse\n"
    assert ext("-c", code, env={"PYSTON": None}).ok == "True\nFalse\n"
    assert "No module named 'pyston'" in stock("-c", code).err


def test_autoload_runs_the_shadowed_sitecustomize(ext, tmp_path):
    """Another sitecustomize runs as if ours were not there, its mistakes included."""
    other = tmp_path / "sitecustomize.py"
    path = f"{ext.mode.overrides['PYTHONPATH']}:{tmp_path}"
    other.write_text("import sys\nsys.customised = __name__, __file__, __spec__.origin\n")
    done = ext(
        "-c", "import sys; print(*sys.customised, sys.modules['sitecustomize'].__file__)", env={"PYTHONPATH": path}
    )
    assert done.ok == f"sitecustomize {other} {other} {other}\n"
    other.write_text("1 / 0\n")
    done = ext("-c", "print('ran')", env={"PYTHONPATH": path})
    assert (done.code, done.out) == (0, "ran\n")
    assert "Error in sitecustomize" in done.err and "ZeroDivisionError" in done.err


def test_autoload_of_debians_sitecustomize(ext, stock):
    """Debian's own (/etc/python3.11/sitecustomize.py) is still the one that programs see."""
    code = "import sys; print(getattr(sys.modules.get('sitecustomize'), '__file__', None))"
    assert ext("-c", code).ok == stock("-c", code).ok
