"""coverage.py: lines and branches, of code that runs while it is measured and of code that was compiled before.

Reports are compared as JSON: executed and missing lines and branches of every file.
"""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path

import pytest

from deployments.ways import PROGRAMS, Way, compiled

BEHAVIOUR = sorted((Path(__file__).parents[1] / "behaviour").glob("*.py"))
# These end by a signal, or trace and profile by themselves.
UNMEASURED = {"keyboard_interrupt", "faulthandler_dump", "settrace", "setprofile"}
# Threads that race: which lines run is chance, and an exception that is raised in a thread before the tracer has
# heard of a call makes coverage.py lose the caller, with any Python.
RACY = {"async_exception", "generators_suspended"}

CORES = ["ctrace", "pytrace"]
RC = "[run]\nbranch = true\nparallel = true\n[report]\n"


def report(way: Way, folder: Path, *command, core="ctrace", include="*", append=False, env=None) -> dict:
    """The measured files of the data that lie in a folder, with everything that the report says of them."""
    env = {"COVERAGE_CORE": core, "COVERAGE_RCFILE": folder / "rc", "EVIDENCE": folder} | (env or {})
    (folder / "rc").write_text(RC)
    if command:
        way.run(*command, cwd=folder, env=env)
    way.run("-m", "coverage", "combine", "-q", *(["--append"] if append else []), cwd=folder, env=env).ok
    way.run("-m", "coverage", "json", "-q", f"--include={include}", "-o", "out.json", cwd=folder, env=env).ok
    files = json.loads((folder / "out.json").read_text())["files"]
    keep = ("executed_lines", "missing_lines", "executed_branches", "missing_branches")
    return {Path(name).name: {k: file[k] for k in keep} for name, file in files.items()}


def program_folder(folder: Path) -> Path:
    folder.mkdir()
    for name in ("debugged.py", "evidence.py"):
        shutil.copy(PROGRAMS / name, folder)
    return folder


@pytest.mark.parametrize("core", CORES)
def test_whole_program(way, stock, tmp_path, core):
    command = ("-m", "coverage", "run", "debugged.py", "traced")
    expected, actual = (
        report(w, program_folder(tmp_path / w.name), *command, core=core, include="*/debugged.py") for w in (stock, way)
    )
    assert len(expected["debugged.py"]["executed_branches"]) > 5 and expected["debugged.py"]["missing_lines"]
    assert actual == expected


IN_THE_MIDDLE = """
import sys, threading, coverage, evidence, debugged

def chosen(n, odd):
    total = 0
    for i in range(n):
        if i % 2:
            if odd:
                total += 1
        elif i > 100:
            total -= 1
        else:
            total += 2
        try:
            if i == 50:
                raise KeyError
        except KeyError:
            total = -total
        if start is not None and i == 60:
            start()
        while total > 1000:
            total //= 2
    else:
        total += 1
    return total

start = None
debugged.warm()
for _ in range(2000):
    chosen(80, True)
evidence.note()
measure = coverage.Coverage()
start = lambda: (globals().update(start=None), measure.start())
# Measuring starts in a function below a compiled frame: that frame is measured from its next call on, as ever.
chosen(70, False)
chosen(120, False)
other = threading.Thread(target=lambda: debugged.loop(30))
other.start()
other.join()
print(debugged.checked(3), [x for x in debugged.numbers(3)])
measure.stop()
# Not measured any more, and compiled code runs again.
debugged.recursive(10)
chosen(200, True)
measure.start()
debugged.caller(3)
measure.stop()
measure.save()
"""


@pytest.mark.parametrize("core", CORES)
def test_code_that_was_compiled_before(way, stock, tmp_path, core):
    # A number makes functions compile at their count of calls, however long compiling took on this machine.
    env = {} if way.name.endswith("-t1") else {"PYSTON_THRESHOLD": "200"}
    reports = []
    for w in (stock, way):
        folder = program_folder(tmp_path / w.name)
        (folder / "program.py").write_text(IN_THE_MIDDLE)
        reports.append(report(w, folder, "program.py", core=core, include="*/debugged.py,*/program.py", env=env))
    expected, actual = reports
    assert expected["program.py"]["executed_branches"] and expected["program.py"]["missing_branches"]
    assert actual == expected
    assert compiled(tmp_path / way.name)[0] > 5


MULTIPROCESSING = """
import multiprocessing, sys
import debugged

def work(n):
    total = sum(debugged.loop(i) for i in range(n))
    return total if n % 2 else -total

if __name__ == "__main__":
    for kind in ("fork", "spawn"):
        with multiprocessing.get_context(kind).Pool(2) as pool:
            print(kind, pool.map(work, range(60)))
            pool.close()
            pool.join()
"""


@pytest.mark.deployments
def test_processes(way, stock, tmp_path):
    """A pool's workers, forked and spawned, are measured."""
    reports = []
    for w in (stock, way):
        folder = program_folder(tmp_path / w.name)
        (folder / "program.py").write_text(MULTIPROCESSING)
        command = ("-m", "coverage", "run", "--concurrency=multiprocessing", "program.py")
        (folder / "rc").write_text(RC)
        done = w.run(*command, cwd=folder, env={"COVERAGE_RCFILE": folder / "rc"})
        reports.append((done.ok, report(w, folder, include="*/debugged.py,*/program.py")))
    expected, actual = reports
    assert expected[1]["program.py"]["executed_branches"] and "fork" in expected[0]
    assert actual == expected


def run_measured(way: Way, program: Path, folder: Path) -> dict:
    """What a run adds to what the folder has from those before."""
    return report(way, folder, "-m", "coverage", "run", program, include=f"*/{program.name}", append=True)


@functools.cache
def measured(way: Way, program: Path, folder: Path) -> dict:
    folder.mkdir()
    return run_measured(way, program, folder)


@pytest.mark.deployments
@pytest.mark.parametrize("program", [p for p in BEHAVIOUR if p.stem not in UNMEASURED], ids=lambda p: p.stem)
@pytest.mark.parametrize("name", ["ext", "ext-t1"])
def test_programs_of_every_kind(name, stock, tmp_path_factory, tmp_path, program):
    """The programs of tests/behaviour, which have a bit of everything the language can do."""
    theirs, ours = tmp_path_factory.getbasetemp() / f"coverage-{program.stem}", tmp_path / "engine"
    expected = measured(stock, program, theirs)
    actual = measured(Way(name), program, ours)
    for i in range(20 if program.stem in RACY else 0):
        # All that may run has run in one of several runs; what never does here or there is a difference.
        if i >= 3 and actual == expected:
            break
        expected, actual = run_measured(stock, program, theirs), run_measured(Way(name), program, ours)
    assert actual == expected
