"""`doctor`: what is wrong with this environment, and how to mend it.

A check is a function that yields findings: (ok | warning | problem, what it is about, a sentence). What a program meets
at its start is looked at in fresh processes (PROBE), as this one has other modules loaded and perhaps no engine. Runs
without the engine, too, and under other Pythons: that it cannot be loaded is one of the things it explains.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys

from pyston import cmd_common, cmd_settings

OK, WARNING, PROBLEM = "ok", "warning", "problem"

DESCRIPTION = """\
Say what is wrong with this environment and how to mend it. Exit status 1 when there is
a problem; warnings do not count."""

# What a program finds at its start, and what happens when it switches the engine on. The last line that is JSON counts.
PROBE = """
import sys
found = {
    "loaded": "_pyston" in sys.modules,
    "executable": sys.executable,
    "path": sys.path,
    "tracing": sys.gettrace() is not None or sys.getprofile() is not None,
    "modules": [m for m in ("coverage", "pydevd", "debugpy", "pyston_lite", "torch", "cinderx") if m in sys.modules],
    "sitecustomize": getattr(sys.modules.get("sitecustomize"), "__file__", None),
}
import json, os, subprocess, time
try:
    import pyston
    found["file"] = getattr(sys.modules["_pyston"], "__file__", None)
    # PYSTON=1 has effect on import, which may have been this one.
    found["on"] = pyston.is_enabled() and (found["loaded"] or "_pyston" in sys.builtin_module_names)
    pyston.enable()
    found["works"] = pyston.is_enabled()
    def hot(n):
        total = 0
        for i in range(n):
            total += i & 3
        return total
    end = time.process_time() + 1
    while True:
        hot(50000)
        stats = pyston.stats()
        found["compiled"] = stats["functions_compiled"] + stats["loops_compiled"]
        found["threshold"] = stats["threshold"]
        if found["compiled"] or found["threshold"] == "never" or not found["works"] or time.process_time() > end:
            break
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, b"1" if pyston.is_enabled() else b"0")
        os._exit(0)
    os.wait()
    found["forked"] = os.read(read, 1) == b"1"
    if len(sys.argv) < 2:
        code = "import sys; known = '_pyston' in [*sys.modules, *sys.builtin_module_names];" \
            "print(int(known and __import__('_pyston').is_enabled()))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        found["spawned"] = done.stdout.strip() == "1"
except Exception as error:
    found["error"] = f"{type(error).__name__}: {error}"
print("\\n" + json.dumps(found))
"""


def main(arguments):
    parser = cmd_common.Parser("doctor", DESCRIPTION, "[--json]")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    options = parser.parse_args(arguments)
    findings = [{"level": level, "about": about, "text": text} for level, about, text in examine()]
    failed = any(finding["level"] == PROBLEM for finding in findings)
    if options.json:
        print(json.dumps({"ok": not failed, "findings": findings}, indent=1))
    else:
        for finding in findings:
            print(f"{finding['level']:8} {finding['about']}: {finding['text']}")
        count = {level: sum(finding["level"] == level for finding in findings) for level in (OK, WARNING, PROBLEM)}
        print(f"ok {count[OK]}, warnings {count[WARNING]}, problems {count[PROBLEM]}")
    return int(failed)


def examine():
    """All findings. Where this Python cannot be one for Pyston, nothing else is looked at."""
    unfit = list(check_python())
    yield from unfit
    if any(level == PROBLEM for level, _, _ in unfit):
        return
    yield from check_settings(os.environ)
    yield from check_copies(sys.path)
    probe = Probe()
    yield from check_loading(probe)
    if probe.found.get("error") is None:
        yield from check_engine(probe)
        if probe.found["works"]:
            yield from check_start(probe)
            yield from check_workers(probe)
    yield from check_tracing(probe)
    yield from check_memory()
    yield from check_perf(os.environ)


# --- the interpreter


def check_python():
    name, version = sys.implementation.name, platform.python_version()
    if name != "cpython" or sys.version_info[:2] != (3, 11):
        yield PROBLEM, "Python", f"this is {name} {version}; start the program with CPython 3.11 (python3.11)"
    elif hasattr(sys, "gettotalrefcount"):
        yield PROBLEM, "Python", f"{sys.executable} is a debug build; use a regular build of Python 3.11"
    else:
        kind = "pyston3, with the engine built in" if cmd_common.in_executable() else "the extension module is used"
        yield OK, "Python", f"CPython {version} at {sys.executable}; {kind}"
    machine, system = platform.machine(), platform.system()
    if (system, machine) != ("Linux", "x86_64") or sys.maxsize < 2**32:
        yield PROBLEM, "machine", f"{system} on {machine}; Pyston runs on 64-bit Linux on x86-64 only"
    else:
        libc = " ".join(platform.libc_ver()).strip()
        if libc.startswith("glibc"):
            yield OK, "machine", f"Linux on x86-64, {libc}"
        else:
            yield WARNING, "machine", "this C library is not glibc; use a Python built for glibc (a Debian-based image)"


# --- settings


def check_settings(environ):
    import difflib

    known = cmd_settings.SETTINGS
    given = {name: value for name, value in environ.items() if name.startswith("PYSTON") and value}
    wrong = False
    for name in sorted(given):
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            advice = f"did you mean {near[0]}?" if near else "unset it"
            yield WARNING, "settings", f"{name} is no setting, and has no effect: {advice}"
            wrong = True
    for name in sorted(environ):
        if not name.startswith("PYSTON") and name.upper() in known:
            yield WARNING, "settings", f"{name} has no effect: write it {name.upper()}"
            wrong = True
    others = sorted(set(given) & set(known) - {"PYSTON"})
    if given.get("PYSTON") == "0":
        wrong = True
        if others:
            yield (
                WARNING,
                "settings",
                f"PYSTON=0 switches the engine off, so {', '.join(others)} wait: unset PYSTON or them",
            )
        else:
            yield WARNING, "settings", "PYSTON=0 switches the engine off: unset it to have it on"
    if given.get("PYSTON_THRESHOLD") == "never":
        wrong = True
        idle = [name for name in others if name in ("PYSTON_DUMP", "PYSTON_STRESS", "PYSTON_PERF", "PYSTON_VERIFY")]
        because = f", so {', '.join(idle)} show nothing" if idle else ""
        yield WARNING, "settings", f"PYSTON_THRESHOLD=never compiles nothing{because}: unset it to be faster"
    slow = {
        "PYSTON_STRESS": "is for finding mistakes of the engine and makes programs slower",
        "PYSTON_VERIFY": "checks the compiler and makes it slower",
        "PYSTON_DUMP": "prints on stderr what the compiler makes",
        "PYSTON_OPT_LIMIT": "leaves out parts of the optimiser",
        "PYSTON_OPT_DISABLE": "leaves out parts of the optimiser",
        "PYSTON_SELFTEST_FAIL": "keeps the engine off",
    }
    for name in others:
        if name in slow and given.get(name) != "0":
            yield WARNING, "settings", f"{name} {slow[name]}: unset it in production"
            wrong = True
    if not wrong:
        what = ", ".join(f"{name}={given[name]}" for name in sorted(given)) or "none is set"
        yield OK, "settings", f"no name is misspelt: {what}" if given else what


# --- the package


def copies(path):
    """Folders of `path` with a package or file `pyston` or an extension `_pyston`, each once."""
    result = []
    for entry in path:
        folder = os.path.realpath(entry or os.getcwd())
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        mine = [name for name in names if name in ("pyston.py", "_pyston.py") or name.startswith("_pyston.cpython-")]
        if os.path.isfile(os.path.join(folder, "pyston", "__init__.py")):
            mine.append("pyston/")
        if mine and folder not in [known for known, _ in result]:
            result.append((folder, sorted(mine)))
    return result


def check_copies(path):
    found = copies(path)
    shadows = [os.path.join(folder, name) for folder, names in found for name in names if name.endswith(".py")]
    packages = [folder for folder, names in found if "pyston/" in names]
    bad = False
    if cmd_common.in_executable():
        if found:
            where = ", ".join(folder for folder, _ in found)
            yield OK, "package", f"built in; what lies in {where} is not used"
            return
        yield OK, "package", "built in"
        return
    for shadow in shadows:
        bad = True
        yield PROBLEM, "package", f"{shadow} hides the package of that name: rename that file"
    if len(packages) > 1:
        bad = True
        yield (
            WARNING,
            "package",
            f"there is more than one copy, and the first is used: remove all but one of {', '.join(packages)}",
        )
    for folder, names in found:
        extensions = [name for name in names if name.startswith("_pyston.cpython-")]
        if "pyston/" in names and not extensions:
            bad = True
            yield (
                WARNING,
                "package",
                f"{folder} has the package without its extension module: install pyston again there",
            )
    for old in ("pyston_lite", "pyston_lite_autoload"):
        if any(os.path.exists(os.path.join(entry, old + suffix)) for entry in path for suffix in ("", ".py", ".pth")):
            bad = True
            yield PROBLEM, "package", f"{old} is installed and takes the same place in Python: pip uninstall {old}"
    if not bad:
        yield OK, "package", f"one copy, in {packages[0]}" if packages else "one copy"


# --- what a program meets


class Probe:
    """A fresh interpreter that looked at itself: `found`, and what it wrote on stderr."""

    def __init__(self, env=None, *arguments):
        done = subprocess.run(
            cmd_common.command_line(["-c", PROBE, *arguments]),
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
        self.status, self.err = done.returncode, done.stderr.strip()
        self.found = {"error": f"a program ends with exit status {done.returncode} at its start"}
        for line in reversed(done.stdout.splitlines()):
            if line.startswith("{"):
                self.found = json.loads(line)
                break


def last_line(text):
    return text.splitlines()[-1] if text else ""


def check_loading(probe):
    error = probe.found.get("error")
    if error is None:
        where = "built in" if cmd_common.in_executable() else probe.found["file"]
        yield OK, "loading", f"the engine is loaded ({where})"
    elif "ValueError: PYSTON" in error or "must be " in probe.err:
        text = error.partition(": ")[2] if "ValueError: PYSTON" in error else last_line(probe.err)
        yield PROBLEM, "settings", f"{text}: correct it"
    elif "No module named '_pyston'" in error:
        yield (
            PROBLEM,
            "loading",
            "the extension module _pyston is not on sys.path: install pyston again with python3.11 -m pip",
        )
    elif "undefined symbol" in error:
        said = error.partition(": ")[2]
        yield (
            PROBLEM,
            "loading",
            f"this build of Python 3.11 does not fit ({said}): use a regular one, such as Debian's",
        )
    elif "ImportError" in error:
        yield PROBLEM, "loading", f"{error}: install pyston again; the message names the library that does not fit"
    else:
        yield PROBLEM, "loading", f"{error}; {last_line(probe.err) or 'no message'}: see that python3.11 -c pass works"


def check_engine(probe):
    found, off = probe.found, "the engine stays off: "
    if found["works"]:
        yield OK, "self-check", "this Python is as the engine knows it"
        yield OK, "executable memory", "allowed"
        if found["compiled"]:
            yield OK, "compiling", "a hot function was compiled and ran"
        elif found["threshold"] == "never":
            yield WARNING, "compiling", "nothing is compiled, as PYSTON_THRESHOLD asks: unset it to be faster"
        else:
            yield (
                WARNING,
                "compiling",
                "a hot loop was not compiled within a second: report this",
            )
        return
    why = probe.err.rpartition(off)[2].splitlines()[0] if off in probe.err else "no reason was given"
    if "differs from the 3.11" in why or "SELFTEST" in why:
        advice = (
            "unset PYSTON_SELFTEST_FAIL"
            if "SELFTEST" in why
            else "use an unpatched build of Python 3.11, or report this"
        )
        yield PROBLEM, "self-check", f"{why}: {advice}"
    elif "PEP 523" in why:
        others = [name for name in found["modules"] if name != "torch"]
        who = ", ".join(others) or "something loaded at start-up (a debugger, another JIT)"
        yield PROBLEM, "hook", f"{why} by {who}: start the program without it"
    elif "generated code" in why or "address space" in why or "memory" in why:
        yield PROBLEM, "executable memory", f"{why}: {memory_advice()}"
    else:
        yield PROBLEM, "engine", f"it stays off: {why}"


def memory_advice():
    import resource

    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        return "raise the limit of the address space (ulimit -v unlimited; LimitAS= in systemd)"
    if read("/sys/fs/selinux/enforce") == "1":
        return "allow SELinux's execmem for this program"
    return "drop MemoryDenyWriteExecute= (systemd) or the seccomp rule that forbids mprotect(PROT_EXEC)"


def check_start(probe):
    """Whether programs have the engine on from their start."""
    if probe.found["on"]:
        yield OK, "at start-up", "programs start with the engine on"
        return
    if cmd_common.in_executable() or os.environ.get("PYSTON") == "0":
        return  # said by the settings
    if probe.found["loaded"]:
        where = probe.found["sitecustomize"] or "a .pth file"
        yield WARNING, "autoload", f"there ({where}), but PYSTON=1 is not set: set it to have the engine on"
        return
    env = dict(os.environ, PYSTON="1")
    if Probe(env, "once").found.get("loaded"):
        yield WARNING, "autoload", "it waits for PYSTON=1: set it to have the engine on"
        return
    ways = f"pip install pyston[autoload], use `{cmd_common.program_name()} run`, or call pyston.enable()"
    if os.environ.get("PYSTON") == "1":
        yield WARNING, "autoload", f"PYSTON=1 is set, but nothing loads the engine at start-up: {ways}"
    else:
        yield WARNING, "autoload", f"nothing loads the engine at start-up: {ways}"


def check_workers(probe):
    """Whether other processes of a program have it on: forked, spawned, and started by a server's script."""
    found = probe.found
    if found["works"] and not found["forked"]:
        yield PROBLEM, "workers", "a forked process has the engine off: report this"
    if found["on"] and not found.get("spawned"):
        yield (
            WARNING,
            "workers",
            "processes that a program spawns start without the engine: set PYSTON=1 and the autoload for all of them",
        )
    elif found["on"]:
        yield OK, "workers", "forked and spawned processes have the engine on"
    if not cmd_common.in_executable():
        return
    import shutil

    for server in ("gunicorn", "uvicorn", "celery", "hypercorn"):
        path = shutil.which(server)
        program = interpreter_of(path) if path else None
        if program and os.path.basename(program).startswith("python") and not same_program(program):
            yield WARNING, "workers", f"{path} starts {program}, not this: start it with `{sys.executable} -m {server}`"


def interpreter_of(path):
    """What a script's first line names, or None."""
    try:
        with open(path, "rb") as file:
            line = file.readline(300)
    except OSError:
        return None
    if not line.startswith(b"#!"):
        return None
    words = line[2:].decode(errors="replace").split()
    return words[-1] if words else None


def same_program(path):
    import shutil

    return os.path.realpath(shutil.which(path) or path) == os.path.realpath(sys.executable)


def check_tracing(probe):
    found = probe.found
    names = [name for name in found.get("modules", ()) if name in ("coverage", "pydevd", "debugpy")]
    if found.get("tracing"):
        who = ", ".join(names) or "something loaded at start-up"
        yield (
            WARNING,
            "tracing",
            f"a trace or profile function is set by {who}, and traced code is not compiled: start without it",
        )
    elif os.environ.get("COVERAGE_PROCESS_START"):
        yield WARNING, "tracing", "COVERAGE_PROCESS_START traces programs, and traced code is not compiled: unset it"
    else:
        yield OK, "tracing", "none at start-up"
    if sys.flags.dev_mode:
        yield (
            WARNING,
            "tracing",
            "development mode (-X dev, PYTHONDEVMODE) checks memory and is slow: leave it out in production",
        )
    if os.environ.get("PYTHONTRACEMALLOC", "0") != "0":
        yield WARNING, "tracing", "PYTHONTRACEMALLOC makes every allocation slower: unset it in production"


# --- the system


def read(path):
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return None


def check_memory():
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        # The address space for code is taken at once, at the start, as large as the limit for code.
        mib = limit >> 20
        text = f"the address space is limited to {mib} MiB (ulimit -v), of which the engine wants 64 for code"
        advice = "limit memory by a cgroup (MemoryMax= in systemd) instead, or set PYSTON_CODE_LIMIT lower"
        yield (WARNING if mib < 512 else OK), "memory", f"{text}: {advice}"
        return
    most = read("/sys/fs/cgroup/memory.max")
    if most and most.isdigit() and int(most) < 128 << 20:
        yield (
            WARNING,
            "memory",
            f"this cgroup has {int(most) >> 20} MiB: set PYSTON_CODE_LIMIT to a small number of MiB",
        )
        return
    yield OK, "memory", "no limit that the engine would meet"


def check_perf(environ):
    if environ.get("PYSTON_PERF") != "1":
        return
    if not os.access("/tmp", os.W_OK):
        yield (
            WARNING,
            "perf",
            "PYSTON_PERF=1, but /tmp cannot be written: perf looks for names there only; make it writable",
        )
        return
    paranoid = read("/proc/sys/kernel/perf_event_paranoid")
    if paranoid and paranoid.lstrip("-").isdigit() and int(paranoid) > 2 and os.getuid() != 0:
        yield WARNING, "perf", f"kernel.perf_event_paranoid is {paranoid}: let root set it to 2 or less"
        return
    yield (
        WARNING,
        "perf",
        "PYSTON_PERF=1 leaves a file /tmp/perf-PID.map for each process: unset it when done profiling",
    )
