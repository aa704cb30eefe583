"""Every option, kind of program and mistake: pyston3 says and returns what python3.11 does."""

from __future__ import annotations

import re
import signal
import zipfile
from dataclasses import dataclass, field

import pytest

SHOW = "import sys; print(sys.argv, sys.flags, sys.path[:1], sys.dont_write_bytecode, sys.warnoptions)"


@dataclass
class Case:
    args: list[str]
    input: str | bytes | None = None
    env: dict[str, str] = field(default_factory=dict)


CASES = {
    # Where the program comes from.
    "command": Case(["-c", SHOW, "a", "-b", "--c"]),
    "module": Case(["-m", "json.tool"], '{"b": [1, 2], "a": null}'),
    "module_local": Case(["-m", "local_module", "x", "-y"]),
    "package": Case(["-m", "package", "x"]),
    "package_without_main": Case(["-m", "package.bare"]),
    "module_missing": Case(["-m", "no.such.module"]),
    "module_raising": Case(["-m", "raising"]),
    "file": Case(["program.py", "-x", "--", "y"]),
    "file_absolute": Case(["{cwd}/program.py"]),
    "file_raising": Case(["raising.py"]),
    "directory": Case(["directory", "arg"]),
    "directory_without_main": Case(["empty_directory"]),
    "zip": Case(["program.zip", "arg"]),
    "zip_broken": Case(["broken.zip"]),
    "stdin": Case([], SHOW),
    "stdin_dash": Case(["-", "a", "b"], SHOW),
    "stdin_raising": Case([], "x = 1\n1 / 0\n"),
    "stdin_empty": Case([], ""),
    "first_line_skipped": Case(["-x", "skipped.py"]),
    "encoding_cookie": Case(["latin1.py"]),
    # Mistakes.
    "file_missing": Case(["no_such_file.py"]),
    "file_unreadable": Case(["/proc/self/mem"]),
    "syntax_error": Case(["syntax_error.py"]),
    "syntax_error_command": Case(["-c", "print(1"]),
    "syntax_error_stdin": Case([], "a = = b\n"),
    "indentation_error": Case(["-c", "if 1:\nprint(1)"]),
    "not_utf8": Case(["not_utf8.py"]),
    "null_bytes": Case(["null.py"]),
    "unknown_option": Case(["-Z"]),
    "unknown_long_option": Case(["--no-such-option"]),
    "option_without_argument_c": Case(["-c"]),
    "option_without_argument_m": Case(["-m"]),
    "option_without_argument_W": Case(["-W"]),
    "option_without_argument_X": Case(["-X"]),
    "pycs_unknown": Case(["--check-hash-based-pycs", "sometimes"]),
    "pycs_always": Case(["--check-hash-based-pycs", "always", "-c", SHOW]),
    # Options.
    "help": Case(["-h"]),
    "help_long": Case(["--help"]),
    "help_env": Case(["--help-env"]),
    "help_xoptions": Case(["--help-xoptions"]),
    "help_all": Case(["--help-all"]),
    "version": Case(["-V"]),
    "version_long": Case(["--version"]),
    "version_long_form": Case(["-VV"]),
    "inspect": Case(["-i", "-c", "x = 5"], "print(x + 1)\n"),
    "inspect_after_error": Case(["-i", "raising.py"], "import sys; print(sys.last_value)\n"),
    "inspect_exit": Case(["-i", "-c", "import sys; sys.exit(3)"], "print('still here')\n"),
    "ignore_environment": Case(["-E", "-c", SHOW], env={"PYTHONOPTIMIZE": "2", "PYTHONPATH": "/x"}),
    "isolated": Case(["-I", "-c", SHOW], env={"PYTHONOPTIMIZE": "2", "PYTHONPATH": "/x"}),
    "isolated_no_local_module": Case(["-I", "-m", "local_module"]),
    "no_site": Case(["-S", "-c", "import sys; print('site' in sys.modules, sys.path)"]),
    "no_user_site": Case(["-s", "-c", SHOW]),
    "safe_path": Case(["-P", "-c", SHOW]),
    "no_bytecode": Case(["-B", "-c", SHOW]),
    "optimise": Case(["-O", "-c", "assert 0; print(__debug__, __doc__)"]),
    "optimise_twice": Case(["-OO", "-c", SHOW]),
    "quiet": Case(["-q", "-i"], "print(1)\n"),
    "bytes_warning": Case(["-b", "-c", "print(b'' == '')"]),
    "bytes_error": Case(["-bb", "-c", "print(b'' == '')"]),
    "debug_parser": Case(["-d", "-c", "import sys; print(sys.flags.debug)"]),
    "hash_randomisation": Case(["-R", "-c", "import sys; print(sys.flags.hash_randomization)"]),
    "unbuffered": Case(["-u", "-c", "import sys; print(sys.stdout.write_through, sys.stdout.line_buffering)"]),
    "combined": Case(["-IBOuc", SHOW, "x"]),
    "warnings_error": Case(["-W", "error", "-c", "import warnings; warnings.warn('w')"]),
    "warnings_ignored": Case(["-W", "ignore", "-c", "import warnings; warnings.warn('w'); print(1)"]),
    "warnings_wrong": Case(["-W", "no-such-action", "-c", SHOW]),
    "x_dev": Case(["-X", "dev", "-c", "import sys; print(sys.flags.dev_mode, sys.warnoptions, sys._xoptions)"]),
    "x_utf8": Case(["-X", "utf8=0", "-c", "import sys; print(sys.flags.utf8_mode, sys._xoptions)"]),
    "x_utf8_wrong": Case(["-X", "utf8=2", "-c", SHOW]),
    "x_tracemalloc": Case(
        ["-X", "tracemalloc=3", "-c", "import tracemalloc; print(tracemalloc.get_traceback_limit())"]
    ),
    "x_faulthandler": Case(["-X", "faulthandler", "-c", "import faulthandler; print(faulthandler.is_enabled())"]),
    "x_int_digits": Case(["-X", "int_max_str_digits=700", "-c", "int('1' * 800)"]),
    "x_int_digits_wrong": Case(["-X", "int_max_str_digits=5", "-c", SHOW]),
    "x_frozen_modules": Case(["-X", "frozen_modules=off", "-c", "import os; print(os.__spec__.origin)"]),
    "x_no_debug_ranges": Case(["-X", "no_debug_ranges", "raising.py"]),
    "x_showrefcount_ignored": Case(["-X", "showrefcount", "-c", SHOW]),
    "x_unknown": Case(["-X", "anything=x", "-c", "import sys; print(sys._xoptions)"]),
    # Environment.
    "env_hashseed": Case(["-c", "print(hash('pyston'))"], env={"PYTHONHASHSEED": "7"}),
    "env_hashseed_wrong": Case(["-c", SHOW], env={"PYTHONHASHSEED": "seven"}),
    "env_utf8_wrong": Case(["-c", SHOW], env={"PYTHONUTF8": "7"}),
    "env_malloc_wrong": Case(["-c", SHOW], env={"PYTHONMALLOC": "none"}),
    "env_malloc_debug": Case(["-c", "print([str(i) for i in range(20)])"], env={"PYTHONMALLOC": "debug"}),
    "env_tracemalloc_wrong": Case(["-c", SHOW], env={"PYTHONTRACEMALLOC": "-1"}),
    "env_path": Case(["-c", "import sys; print(sys.path)"], env={"PYTHONPATH": "/a:b"}),
    "env_home_wrong": Case(["-c", SHOW], env={"PYTHONHOME": "/no/such/home"}),
    "env_home": Case(["-c", "import sys; print(sys.prefix, sys.path)"], env={"PYTHONHOME": "/usr"}),
    "env_warnings": Case(["-c", "import sys; print(sys.warnoptions)"], env={"PYTHONWARNINGS": "error,once"}),
    "env_ioencoding": Case(["-c", "import sys; print(sys.stdout.encoding)"], env={"PYTHONIOENCODING": "latin-1"}),
    "env_unbuffered": Case(["-c", "import sys; print(sys.stdout.write_through)"], env={"PYTHONUNBUFFERED": "1"}),
    "env_inspect": Case(["-c", "x = 5"], "print(x)\n", env={"PYTHONINSPECT": "1"}),
    "env_startup": Case(["-i"], "print(started)\n", env={"PYTHONSTARTUP": "startup.py"}),
    "env_c_locale": Case(["-c", "import sys; print(sys.stdout.encoding, 'é')"], env={"LC_ALL": "C", "LANG": "C"}),
    "env_platlibdir": Case(["-c", "import sys; print(sys.platlibdir)"], env={"PYTHONPLATLIBDIR": "lib"}),
    # How it ends.
    "exit_code": Case(["-c", "raise SystemExit(42)"]),
    "exit_none": Case(["-c", "raise SystemExit"]),
    "exit_message": Case(["-c", "import sys; sys.exit('goodbye')"]),
    "exit_raising": Case(["-c", "raise KeyError('k')"]),
    "exit_interrupted": Case(["-c", "raise KeyboardInterrupt"]),
    "exit_in_atexit": Case(["-c", "import atexit; atexit.register(lambda: 1 / 0)"]),
    "exit_os": Case(["-c", "import os; os._exit(9)"]),
    "exit_threads": Case(["threads.py"]),
    "exit_unraisable": Case(["unraisable.py"]),
    "exit_flush_fails": Case(["-c", "import os; print(1); os.close(1)"]),
    "fatal_recursion": Case(["-c", "def f(): f()\nf()"]),
    "faulthandler_dump": Case(["-c", "import faulthandler; faulthandler.dump_traceback()"]),
    "abort": Case(["-X", "faulthandler", "-c", "import os; os.abort()"]),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with programs of every kind."""
    cwd = tmp_path_factory.mktemp("programs")
    files = {
        "program.py": SHOW + "\nprint(__name__, __file__, __spec__, __builtins__)\n",
        "raising.py": 'def f(x):\n    return [y for y in x if y / 0]\n\n\nif __name__ == "__main__":\n    f([1])\n',
        "local_module.py": SHOW + "\nprint(__name__, __package__, __spec__.name)\n",
        "package/__init__.py": "print('package', __name__)\n",
        "package/__main__.py": "import sys\nprint(__name__, __package__, sys.argv[1:])\n",
        "package/bare/__init__.py": "",
        "directory/__main__.py": SHOW + "\nimport beside\n",
        "directory/beside.py": "print(__name__, __file__)\n",
        "empty_directory/readme.txt": "",
        "skipped.py": "this is no Python\nprint('second line')\n",
        "syntax_error.py": "def f(:\n    pass\n",
        "startup.py": "started = 'yes'\n",
        "broken.zip": "PK\3\4 but not really a zip file",
        "threads.py": "import threading\nt = threading.Thread(target=lambda: 1 / 0, name='T')\nt.start()\nt.join()\n",
        "unraisable.py": "class A:\n    def __del__(self):\n        raise ValueError(1)\n\n\nA()\n",
    }
    for name, text in files.items():
        path = cwd / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (cwd / "latin1.py").write_bytes(b"# coding: latin-1\nprint('\xe9')\n")
    (cwd / "not_utf8.py").write_bytes(b"print('\xe9')\n")
    (cwd / "null.py").write_bytes(b"print(1)\n\0\n")
    with zipfile.ZipFile(cwd / "program.zip", "w") as archive:
        archive.writestr("__main__.py", SHOW + "\nimport beside\n")
        archive.writestr("beside.py", "print(__name__, __file__)\n")
    return cwd


def normalised(text: str, python) -> str:
    """`text` without what is allowed to differ: the program's name, its version, addresses."""
    text = text.replace(python.executable, "PYTHON")
    text = re.sub(r"\(Pyston [\w.]+,", "(main,", text)
    text = re.sub(r"0x[0-9a-f]{6,}", "0xADDRESS", text)
    return re.sub(r"Thread \d+", "Thread N", text)


@pytest.mark.parametrize("name", CASES)
def test_same_as_stock(name, folder, pyston3, stock):
    case = CASES[name]
    args = [arg.replace("{cwd}", str(folder)) for arg in case.args]
    kwargs = {"cwd": folder, "env": {"PYTHONDONTWRITEBYTECODE": "1", **case.env}}
    if case.input is not None:
        kwargs["input"] = case.input
    want = stock(*args, **kwargs)
    got = pyston3(*args, **kwargs)
    assert normalised(got.err, pyston3) == normalised(want.err, stock)
    assert normalised(got.out, pyston3) == normalised(want.out, stock)
    assert got.code == want.code


def test_cases_are_what_they_say(folder, stock):
    """The comparison above would pass if both said nothing: hold some of stock's answers."""
    assert stock("-V").out == "Python 3.11.2\n" or stock("-V").out.startswith("Python 3.11.")
    assert stock("no_such_file.py", cwd=folder).code == 2
    assert stock("syntax_error.py", cwd=folder).code == 1
    assert stock("-c", "raise KeyboardInterrupt").code == -signal.SIGINT
    assert stock("program.zip", cwd=folder).out.count("beside") == 2


def test_verbose_imports_the_same_modules(pyston3, stock):
    """-v: the same modules at start-up, from the same places, and none of the engine's."""

    def imports(python):
        return re.findall(r"^import '?([\w.]+)'? # (.*)$", python("-v", "-S", "-c", "0").err, re.MULTILINE)

    def places(python):
        return [(name, re.sub(r"0x[0-9a-f]+", "", place)) for name, place in imports(python)]

    assert len(places(stock)) >= 15
    assert places(pyston3) == places(stock)


def test_arguments_that_are_no_utf8(pyston3, stock):
    code = "import sys; print(ascii(sys.argv))"
    args = [b"-c", code.encode(), b"\xff\xfe", "é".encode()]
    assert pyston3(*args).ok == stock(*args).ok


def test_found_on_path(pyston3):
    """Called by its name alone, sys.executable is the full path."""
    folder, _, name = pyston3.executable.rpartition("/")
    done = pyston3("-c", "import sys; print(sys.executable)", program=name, env={"PATH": f"{folder}:/usr/bin:/bin"})
    assert done.ok == pyston3.executable + "\n"


def test_called_through_a_symlink(pyston3, stock, tmp_path):
    """A link elsewhere, with a folder beside it that looks like another Python's library."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "lib/python3.11/lib-dynload").mkdir(parents=True)
    (tmp_path / "lib/python3.11/os.py").write_text("raise SystemExit('the wrong library')")
    link = tmp_path / "bin/pyston3"
    link.symlink_to(pyston3.executable)
    code = "import sys; print(sys.prefix, sys.exec_prefix, sys.path[1:]); print(sys.executable)"
    facts, executable = pyston3("-c", code, program=str(link)).ok.splitlines()
    assert facts == stock("-c", code).ok.splitlines()[0]
    assert executable == str(link)


def test_empty_argv0(pyston3, stock):
    """Started with an empty name, as `exec -a ""` does."""
    script = """exec -a "" "$1" -c 'import sys; print([sys.executable, sys.prefix, sys.argv, sys.path])'"""
    got = pyston3("-c", script, "bash", pyston3.executable, program="bash")
    assert got == stock("-c", script, "bash", stock.executable, program="bash")
    assert "/usr" in got.ok
