"""`python3 -m pyston COMMAND`, in pyston3 and with the extension in a stock interpreter."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import runmodes
from conftest import Python, find_other_pythons

COMMANDS = ("doctor", "run", "bench", "stats")
EXTENSION = str(runmodes.BUILD / "python")
AUTOLOAD = os.pathsep.join(map(str, runmodes.extension_path()))
# Pythons that the extension is not for.
_PLACES = ("/usr/bin/pypy3", *map(str, sorted(Path.home().glob(".pyenv/versions/3.1[023]*/bin/python"))))


def other_versions() -> list[str]:
    return [path for path in _PLACES if Path(path).exists()] or pytest.skip("no other Python here")


class Cli(Python):
    """An interpreter that finds the module but has nothing that loads it at start-up."""

    def __init__(self, name):
        super().__init__(runmodes.RunMode(name))
        self.is_executable = name == "pyston3"

    def __call__(self, *args, env=None, **popen):
        path = {} if self.is_executable else {"PYTHONPATH": EXTENSION}
        return super().__call__(*args, env={**path, **(env or {})}, **popen)

    def command(self, *args, **options):
        return self("-m", "pyston", *args, **options)


@pytest.fixture(params=["pyston3", "stock"])
def python(request) -> Cli:
    return Cli(request.param)


def refused(done) -> str:
    """The one sentence of a refusal."""
    assert (done.code, done.out) == (2, ""), done
    assert done.err.startswith("pyston: ") and done.err.count("\n") == 1, done.err
    return done.err


# --- all commands


def test_help(python):
    text = python.command("--help").ok
    for name in COMMANDS:
        assert re.search(rf"^    {name} +\w", text, re.M)
        own = python.command(name, "--help").ok
        assert own.startswith("usage: ") and f"-m pyston {name}" in own


def test_version(python):
    version = python("-c", "import pyston; print(pyston.__version__)").ok.strip()
    assert re.match(r"\d+\.\d+", version) and python.command("--version").ok == f"Pyston {version}\n"


@pytest.mark.parametrize(
    "args, words", [((), "give a command"), (("dokter",), "doctor"), (("p.py", "x"), "run p.py x")]
)
def test_no_such_command(python, args, words):
    done = python.command(*args)
    assert done.code == 2 and words in done.err.splitlines()[-1]


@pytest.mark.parametrize("command", ["run", "bench", "stats"])
def test_bad_program(python, command, tmp_path):
    def sentence(*args):
        return refused(python.command(command, *args, cwd=tmp_path))

    assert "give a program" in sentence()
    assert "'nothere.py'" in sentence("nothere.py")
    (tmp_path / "folder").mkdir()
    assert "__main__.py" in sentence("folder")
    assert "'no_such_module_x.sub'" in sentence("-m", "no_such_module_x.sub")
    assert "after -m" in sentence("-m")
    assert "after -c" in sentence("-c")
    assert "--wrong" in sentence("--wrong", "x.py")
    assert "'soon'" in sentence("--threshold", "soon", "x.py")
    assert "'0'" in sentence("--threshold=0", "x.py")


def test_program_without_permission():
    """As a user who is not root; with a copy of the executable, as the checkout may be closed to others."""
    user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        executable = shutil.copy(runmodes.BUILD / "bin/pyston3", folder)
        secret = Path(folder, "secret.py")
        secret.write_text("print('ran')")
        secret.chmod(0)
        for command in ("run", "bench", "stats"):
            sentence = refused(Cli("pyston3").command(command, "secret.py", program=executable, cwd=folder, **user))
            assert "may not be read" in sentence and "chmod" in sentence


@pytest.mark.parametrize("command", ["run", "bench", "stats"])
def test_engine_cannot_be_loaded(command, tmp_path):
    """The package without its extension: one sentence that leads to doctor, which explains it."""
    shutil.copytree(runmodes.BUILD / "python/pyston", tmp_path / "pyston")
    stock = Cli("stock")
    env = {"PYTHONPATH": str(tmp_path)}
    assert "doctor" in refused(stock.command(command, "-c", "1", env=env))
    done = stock.command("doctor", env=env)
    assert done.code == 1 and "problem  loading: the extension module _pyston is not on sys.path" in done.out
    assert "ModuleNotFoundError" in stock("-c", "import pyston", env=env).err


def test_other_python_versions():
    """Importing says what is wrong, and so does doctor."""
    for other in other_versions():
        env = {"PYTHONPATH": EXTENSION}
        done = Cli("stock")("-c", "import pyston", env=env, program=other)
        assert done.code == 1 and "pyston works in CPython 3.11" in done.err.splitlines()[-1]
        done = Cli("stock")("-m", "pyston", "doctor", env=env, program=other)
        assert done.code == 1 and "start the program with" in (done.out + done.err)


def test_run_starts_other_python_versions():
    """A program may start them; they run as ever."""
    for other in other_versions():
        code = f"import subprocess; subprocess.run([{other!r}, '-c', 'import sys; print(sys.version_info[:2])'])"
        assert re.fullmatch(r"\(3, (?!11\))\d+\)\n", Cli("stock").command("run", "-c", code).ok)


# --- run

PROGRAM = """
import os, sys
print(__name__, __file__, __spec__, __package__, sorted(k for k in globals() if k != "pyston"), __builtins__)
print(sys.argv, sys.path, sys.flags, sys.warnoptions, sys.orig_argv[0] == sys.executable)
print(repr(sys._getframe().f_back).partition('file')[2])
print(sorted(k for k in os.environ if k not in ("PYSTON", "PYTHONPATH")))
def fails():
    raise ValueError("on purpose")
if "fail" in sys.argv:
    fails()
if "exit" in sys.argv:
    sys.exit(7)
if "kill" in sys.argv:
    os.kill(os.getpid(), 9)
if "interrupt" in sys.argv:
    raise KeyboardInterrupt
"""
IS_ON = "import _pyston; print(_pyston.is_enabled())"


def test_run_is_like_python(python, tmp_path):
    """All that a program can see of its start, tracebacks and exit status, of scripts, modules and code."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/program.py").write_text(PROGRAM)
    (tmp_path / "link.py").symlink_to("folder/program.py")
    (tmp_path / "module_x.py").write_text(PROGRAM.replace("__spec__", "__spec__.name"))
    (tmp_path / "broken.py").write_text("x = = 1\n")
    (tmp_path / "app").mkdir()
    (tmp_path / "app/__main__.py").write_text(PROGRAM.replace("__spec__", "__spec__.name"))
    cases = [
        ["folder/program.py"],
        ["./folder/program.py", "fail", "--threshold", "-m"],
        ["link.py", "exit"],
        ["link.py", "kill"],
        ["link.py", "interrupt"],
        ["broken.py"],
        ["app", "a"],
        ["-m", "module_x", "fail"],
        ["-mmodule_x", "exit"],
        ["-c", PROGRAM.replace("__file__, ", ""), "-x", "fail"],
    ]
    for case in cases:
        for options in ([], ["-W", "error", "-uX", "utf8"]):
            expected = python(*options, *case, cwd=tmp_path)
            assert python(*options, "-m", "pyston", "run", *case, cwd=tmp_path) == expected, case
    assert expected.code == 1 and "on purpose" in expected.err


def test_run_switches_the_engine_on(python, tmp_path):
    (tmp_path / "program.py").write_text(IS_ON)
    for value in (None, "0", ""):
        assert python.command("run", "program.py", cwd=tmp_path, env={"PYSTON": value}).ok == "True\n"
    assert python.command("run", "-c", IS_ON).ok == "True\n"
    assert python.command("run", "-m", "program", cwd=tmp_path).ok == "True\n"


def test_run_reaches_children(python, tmp_path):
    """Processes that the program starts with the same Python have the engine on, too."""
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {IS_ON!r}], check=True)"
    assert python.command("run", "-c", code).ok == "True\n"
    code = f"""
import multiprocessing as m
def work(): {IS_ON}
if __name__ == "__main__":
    p = m.get_context("spawn").Process(target=work); p.start(); p.join()
"""
    script = tmp_path / "spawn.py"
    script.write_text(code)
    assert python.command("run", str(script)).ok == "True\n"


def test_run_threshold(python):
    code = "import _pyston; print(_pyston.stats()['threshold'])"
    assert python.command("run", "--threshold", "17", "-c", code).ok == "17\n"
    assert python.command("run", "--threshold=never", "-c", code).ok == "never\n"


def test_run_options_end_at_the_program(python):
    """What follows the program is its own, `--help` included."""
    code = "import sys; print(sys.argv[1:])"
    assert python.command("run", "-c", code, "--help", "--stats").ok == "['--help', '--stats']\n"
    assert python.command("run", "--", "-c", code, "-h").ok == "['-h']\n"


def test_run_without_a_way_in(tmp_path):
    """-S keeps site, and with it the extension, out."""
    assert "-S" in refused(Cli("stock")("-S", "-m", "pyston", "run", "-c", "1"))


def test_run_from_the_current_folder(tmp_path):
    """Found only because the current folder is on sys.path under -m."""
    (tmp_path / "program.py").write_text(IS_ON)
    stock = Cli("stock")
    assert stock.command("run", str(tmp_path / "program.py"), cwd=EXTENSION, env={"PYTHONPATH": None}).ok == "True\n"


def test_run_keeps_sitecustomize(tmp_path):
    """Another sitecustomize runs as ever, the project's own autoload and none at all included."""
    (tmp_path / "sitecustomize.py").write_text("print('custom', __name__)\n")
    stock = Cli("stock")
    code = "import sys; print(sys.modules['sitecustomize'].__file__)"
    done = stock.command("run", "-c", code, env={"PYTHONPATH": f"{EXTENSION}:{tmp_path}"})
    assert done.ok == f"custom sitecustomize\ncustom sitecustomize\n{tmp_path}/sitecustomize.py\n"
    code = f"import sys; print('sitecustomize' in sys.modules); {IS_ON}"
    for other in find_other_pythons()[:1]:
        done = stock.command("run", "-c", code, program=other)
        assert done.ok == "False\nTrue\n"
    assert stock.command("run", "-c", IS_ON, env={"PYTHONPATH": AUTOLOAD}).ok == "True\n"


# --- stats

HOT = """
def f(n):
    total = 0
    for i in range(n):
        total += i & 3
    return total
def until():
    import _pyston
    while not _pyston.stats()["loops_compiled"]:
        f(100000)
until()
print("done")
"""


def test_stats_report(python, tmp_path):
    (tmp_path / "hot.py").write_text(HOT)
    done = python.command("stats", "hot.py", cwd=tmp_path)
    assert (done.code, done.out) == (0, "done\n")
    assert done.err.startswith("pyston:\n")
    assert re.search(r"^  compiled +\d+ functions, [1-9]\d* loops", done.err, re.M)
    for row in ("time in compiled code", "not compiled", "exits by guard", "compile time", "memory"):
        assert re.search(rf"^  {row} +\S", done.err, re.M), row
    assert python.command("run", "--stats", "hot.py", cwd=tmp_path).err.startswith("pyston:\n")


def test_stats_json(python, tmp_path):
    (tmp_path / "hot.py").write_text(HOT)
    done = python.command("stats", "--threshold", "5", "--json", "out.json", "hot.py", cwd=tmp_path)
    assert done.ok == "done\n"
    counters = json.loads((tmp_path / "out.json").read_text())
    assert counters["threshold"] == 5 and counters["loops_compiled"] > 0 and counters["seconds"] > 0
    assert "out.json" in refused(python.command("stats", "--json", "none/out.json", "hot.py", cwd=tmp_path))


def test_stats_leaves_the_program_alone(python, tmp_path):
    """What it prints, its traceback and exit status are those of `run`; the report comes after its atexit functions."""
    (tmp_path / "program.py").write_text(
        PROGRAM.replace("print(repr(sys._getframe().f_back).partition('file')[2])", "")
    )
    (tmp_path / "broken.py").write_text("x = = 1\n")
    (tmp_path / "last.py").write_text("import atexit, sys\natexit.register(print, 'last', file=sys.stderr)\n")
    (tmp_path / "zipped").mkdir()
    (tmp_path / "zipped/__main__.py").write_text("import sys\nprint(sys.path[0], __name__, sys.argv)\n1 / 0\n")
    cases = [
        ["program.py", "a"],
        ["./program.py", "fail"],
        ["program.py", "exit"],
        ["program.py", "interrupt"],
        ["broken.py"],
        ["last.py"],
        ["zipped", "x"],
        [
            "-c",
            PROGRAM.replace("__file__, ", "").replace("print(repr(sys._getframe().f_back).partition('file')[2])", ""),
            "-x",
            "fail",
        ],
        ["-m", "program", "fail"],
    ]

    def comparable(text):
        return re.sub(r"0x\w+|PYSTON\w*|sys.flags\(.*?\)", "", text.partition("pyston:\n")[0])

    for case in cases:
        expected = python(*case, cwd=tmp_path)
        done = python.command("stats", *case, cwd=tmp_path)
        assert "\n  memory " in done.err, case
        assert (done.code, comparable(done.out), comparable(done.err)) == (
            expected.code,
            comparable(expected.out),
            expected.err,
        ), case


def test_stats_reports_once_when_forked(python):
    code = "import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\n"
    assert python.command("stats", "-c", code).err.count("pyston:") == 1


# --- bench


def test_bench(python, tmp_path):
    (tmp_path / "hot.py").write_text("def f(n):\n    return sum(i & 3 for i in range(n))\nf(20000)\nprint('x')\n")
    done = python.command("bench", "-n", "5", "--json", "out.json", "hot.py", cwd=tmp_path)
    assert done.ok.startswith("hot.py: 5 pairs of runs\n")
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["low"] <= result["ratio"] <= result["high"] and result["note"] is None
    for side in ("with", "without"):
        assert len(result[side]["seconds"]) == 5 and min(result[side]["seconds"]) > 0
        assert 3 << 20 < result[side]["median_peak_bytes"] < 60 << 20
    assert re.search(r"speed [\d.]+x \(95 % interval [\d.]+ to [\d.]+\), memory [+-]", done.out)
    assert result["verdict"] in done.out


def test_bench_sides(python, tmp_path):
    """One has the engine off, the other on; the order alternates; memory is the program's own."""
    code = f"""
import os, sys
with open({str(tmp_path / "log")!r}, "a") as log:
    print(os.environ["PYSTON"], os.environ.get("PYSTON_THRESHOLD"), file=log)
on = "_pyston" in [*sys.modules, *sys.builtin_module_names] and __import__("_pyston").is_enabled()
x = bytearray(50 << 20) if on else None
"""
    result = json.loads(python.command("bench", "-n", "2", "--threshold", "9", "--json", "-", "-c", code).ok)
    with_engine, without = "1 9", "0 None"
    assert (tmp_path / "log").read_text().splitlines() == [
        without,
        with_engine,
        without,
        with_engine,
        with_engine,
        without,
    ]
    difference = result["with"]["median_peak_bytes"] - result["without"]["median_peak_bytes"]
    assert 45 << 20 < difference < 60 << 20
    assert "too few" in result["verdict"]


def test_bench_verdicts(python):
    """What is said of pairs with these ratios."""
    code = """
from pyston import cmd_bench as bench
for ratios in ([2.0, 2.1, 1.9, 2.0, 2.0], [0.5, 0.5, 0.51, 0.49, 0.5], [0.9, 1.1, 1.0, 0.95, 1.05], [2.0, 2.0]):
    pairs = [(bench.Run(0, ratio, 1, None), bench.Run(0, 1.0, 1, None)) for ratio in ratios]
    print(bench.summary(pairs)["verdict"])
"""
    assert python("-c", code).ok.splitlines() == [
        "2.00 times as fast with the engine",
        "slower with the engine: 0.50 of the speed",
        "within noise: these runs show no difference",
        "2 pairs are too few to tell: give more --runs or --time",
    ]


def test_bench_refuses_to_compare(python):
    """Programs that end otherwise with the engine, by a signal, or not at all; failing alike is only noted."""
    differs = "import os, sys; print('words', file=sys.stderr); sys.exit(int(os.environ['PYSTON']) * 3)"
    done = python.command("bench", "-c", differs)
    assert (done.code, done.out) == (1, "")
    assert "exit status 0 without the engine, exit status 3 with it" in done.err and "words" in done.err
    done = python.command("bench", "-c", "import os; os.kill(os.getpid(), 11)")
    assert done.code == 1 and "signal 11" in done.err
    done = python.command("bench", "--timeout", "0.5", "-c", "import time; time.sleep(30)")
    assert done.code == 1 and "not finished after 0.5 s" in done.err
    assert (
        "note: the program ends with exit status 4"
        in python.command("bench", "-n", "2", "-c", "raise SystemExit(4)").ok
    )
    assert "note: standard output differs" in python.command("bench", "-n", "2", "-c", "print(object())").ok


def test_bench_where_the_engine_stays_off(python):
    done = python.command("bench", "-n", "2", "-c", "1", env={"PYSTON_SELFTEST_FAIL": "1"})
    assert (done.code, done.out) == (1, "")
    assert "nothing to compare" in done.err and "PYSTON_SELFTEST_FAIL is set" in done.err.splitlines()[-1]


def test_bench_budget_and_options(python):
    start = time.monotonic()
    result = json.loads(python.command("bench", "--time", "0.2", "--json", "-", "-c", "1").ok)
    assert result["pairs"] >= 2 and time.monotonic() - start < 20
    assert "--runs or --time" in refused(python.command("bench", "-n", "2", "-t", "1", "-c", "1"))
    assert "above 0" in refused(python.command("bench", "-n", "none", "-c", "1"))
    assert "--baseline" in refused(python.command("bench", "--baseline", "no-such-python", "-c", "1"))
    code = "import sys; assert sys.version_info; print(sys.executable)"
    text = python.command("bench", "-n", "2", "--baseline", runmodes.STOCK, "-c", code).ok
    assert ("standard output differs" in text) == python.is_executable


def test_bench_interrupted(python):
    """Ctrl-C ends the run that is going on, too."""
    marker = f"pyston-test-{os.getpid()}-{id(python)}"
    env = python.mode.env({} if python.is_executable else {"PYTHONPATH": EXTENSION})
    code = "import sys, time; open(sys.argv[1], 'w').close(); time.sleep(60)"
    flag = runmodes.BUILD / marker
    runmodes.allow_interrupts()
    process = subprocess.Popen([python.executable, "-m", "pyston", "bench", "-c", code, str(flag)], env=env)
    try:
        while not flag.exists():
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    finally:
        process.kill()
        flag.unlink(missing_ok=True)
    running = [p for p in Path("/proc").glob("[0-9]*/cmdline") if _read(p).find(marker.encode()) >= 0]
    assert not running


def _read(path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


# --- doctor


def findings(done) -> dict[str, list[tuple[str, str]]]:
    """The findings of `doctor --json` by what they are about."""
    data = json.loads(done.out)
    assert data["ok"] == (done.code == 0)
    result = {}
    for finding in data["findings"]:
        result.setdefault(finding["about"], []).append((finding["level"], finding["text"]))
    return result


def doctor(python, *options, **keywords):
    return findings(python(*options, "-m", "pyston", "doctor", "--json", **keywords))


def test_doctor_finds_nothing(pyston3, ext):
    """Where all is well, each check says ok."""
    for python in (pyston3, ext):
        done = python("-m", "pyston", "doctor")
        assert done.code == 0 and done.err == ""
        assert {line.split()[0] for line in done.out.splitlines()} == {"ok"}, done.out
        assert len(done.out.splitlines()) > 8


@pytest.mark.parametrize(
    "env, level, about, words",
    [
        ({"PYSTON_TRESHOLD": "1"}, "warning", "settings", "did you mean PYSTON_THRESHOLD?"),
        ({"pyston": "1"}, "warning", "settings", "write it PYSTON"),
        ({"PYSTON": "0", "PYSTON_GC": "1"}, "warning", "settings", "PYSTON_GC"),
        ({"PYSTON_THRESHOLD": "never", "PYSTON_PERF": "1"}, "warning", "settings", "PYSTON_PERF show nothing"),
        ({"PYSTON_THRESHOLD": "never"}, "warning", "compiling", "nothing is compiled"),
        ({"PYSTON_STRESS": "deopt"}, "warning", "settings", "unset it in production"),
        ({"PYSTON_SELFTEST_FAIL": "1"}, "problem", "self-check", "unset PYSTON_SELFTEST_FAIL"),
        ({"PYSTON_PERF": "1"}, "warning", "perf", "perf"),
        ({"COVERAGE_PROCESS_START": "x"}, "warning", "tracing", "unset it"),
        ({"PYTHONDEVMODE": "1"}, "warning", "tracing", "development mode"),
        ({"PYTHONTRACEMALLOC": "1"}, "warning", "tracing", "unset it in production"),
    ],
)
def test_doctor_sees_the_environment(python, env, level, about, words):
    found = doctor(python, env=env)
    assert any(given == level and words in text for given, text in found.get(about, [])), found


def test_doctor_wrong_value():
    """Where the program decides, import fails, and doctor runs. (pyston3 and the autoload end before anything runs.)"""
    found = doctor(Cli("stock"), env={"PYSTON_GC": "off"})
    assert ("problem", "PYSTON_GC must be 0 or 1, not 'off': correct it") in found["settings"]


def test_doctor_autoload():
    stock = Cli("stock")
    assert "nothing loads the engine" in doctor(stock)["autoload"][0][1]
    assert "PYSTON=1 is set, but nothing" in doctor(stock, env={"PYSTON": "1"})["autoload"][0][1]
    assert "PYSTON=1 is not set" in doctor(stock, env={"PYTHONPATH": AUTOLOAD})["autoload"][0][1]
    assert doctor(stock, env={"PYTHONPATH": AUTOLOAD, "PYSTON": "1"})["at start-up"][0][0] == "ok"


def test_doctor_copies(tmp_path):
    stock = Cli("stock")
    shutil.copytree(runmodes.BUILD / "python", tmp_path / "second")
    found = doctor(stock, env={"PYTHONPATH": f"{EXTENSION}:{tmp_path / 'second'}"})
    assert found["package"][0][0] == "warning" and "more than one copy" in found["package"][0][1]
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow/pyston.py").write_text("")
    found = doctor(stock, env={"PYTHONPATH": f"{EXTENSION}:{tmp_path / 'shadow'}"})
    assert ("problem", f"{tmp_path}/shadow/pyston.py hides the package of that name: rename that file") in found[
        "package"
    ]
    (tmp_path / "old/pyston_lite").mkdir(parents=True)
    found = doctor(stock, env={"PYTHONPATH": f"{EXTENSION}:{tmp_path / 'old'}"})
    assert "pip uninstall pyston_lite" in found["package"][0][1]
    assert doctor(Cli("pyston3"), env={"PYTHONPATH": EXTENSION})["package"][0][0] == "ok"


def test_doctor_broken_extension(tmp_path):
    """A file that is no shared library."""
    shutil.copytree(runmodes.BUILD / "python/pyston", tmp_path / "pyston")
    (tmp_path / "_pyston.cpython-311-x86_64-linux-gnu.so").write_text("no library")
    level, text = doctor(Cli("stock"), env={"PYTHONPATH": str(tmp_path)})["loading"][0]
    assert level == "problem" and "install pyston again" in text and "_pyston.cpython-311" in text


def test_doctor_tracing(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.setprofile(lambda *args: None)\n")
    found = doctor(Cli("stock"), env={"PYTHONPATH": f"{EXTENSION}:{tmp_path}"})
    assert ("warning", found["tracing"][0][1]) == found["tracing"][0] and "trace or profile" in found["tracing"][0][1]


def test_doctor_another_hook(tmp_path):
    """Another user of PEP 523 came first."""
    (tmp_path / "sitecustomize.py").write_text(
        """
import ctypes, mmap
api = ctypes.pythonapi
target = ctypes.cast(api._PyEval_EvalFrameDefault, ctypes.c_void_p).value
# mov rax, target; jmp rax
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(b"\\x48\\xb8" + target.to_bytes(8, "little") + b"\\xff\\xe0")
hook = ctypes.addressof(ctypes.c_char.from_buffer(page))
api.PyInterpreterState_Get.restype = ctypes.c_void_p
api._PyInterpreterState_SetEvalFrameFunc.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
api._PyInterpreterState_SetEvalFrameFunc(api.PyInterpreterState_Get(), hook)
__import__("builtins").keep = page
"""
    )
    found = doctor(Cli("stock"), env={"PYTHONPATH": f"{EXTENSION}:{tmp_path}"})
    assert found["hook"][0][0] == "problem" and "start the program without it" in found["hook"][0][1]


@pytest.mark.parametrize("mib, level", [(64, "problem"), (400, "warning")])
def test_doctor_memory_limit(python, mib, level):
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))

    found = doctor(python, preexec_fn=limit)
    about = "executable memory" if level == "problem" else "memory"
    assert found[about][0][0] == level and "ulimit -v" in found[about][0][1], found


def test_doctor_memory_must_not_become_executable(python):
    """What systemd's MemoryDenyWriteExecute= does."""
    import ctypes

    libc = ctypes.CDLL(None)
    PR_SET_MDWE, PR_GET_MDWE, REFUSE_EXEC_GAIN = 65, 66, 1
    if libc.prctl(PR_GET_MDWE, 0, 0, 0, 0) < 0:
        pytest.skip("needs Linux 6.3")
    found = doctor(python, preexec_fn=lambda: libc.prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0))
    level, text = found["executable memory"][0]
    assert level == "problem" and "PROT_EXEC was refused" in text and "MemoryDenyWriteExecute=" in text


def test_doctor_servers_of_another_python(pyston3, tmp_path):
    """A script on PATH that starts the system's Python, not pyston3."""
    server = tmp_path / "gunicorn"
    server.write_text(f"#!{runmodes.STOCK}\n")
    server.chmod(0o755)
    found = doctor(pyston3, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert any(f"{pyston3.executable} -m gunicorn" in text for _, text in found["workers"]), found


def test_doctor_json_and_text_agree(python):
    env = {"PYSTON_SELFTEST_FAIL": "1"}
    text, data = python.command("doctor", env=env), python.command("doctor", "--json", env=env)
    assert text.code == data.code == 1
    lines = [f"{f['level']:8} {f['about']}: {f['text']}" for f in json.loads(data.out)["findings"]]
    assert text.out.splitlines()[:-1] == lines
