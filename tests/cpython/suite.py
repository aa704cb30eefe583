"""What run_suite.py is made of: running one module of CPython's suite, and comparing two runs of it.

A run gives one outcome per test case (see suite_worker.py). The stock interpreter's run of the same module on
the same machine is the baseline, kept in build/cpython-suite/baseline/ until the interpreter or the worker
changes. A regression is a case that passes there and does not with the engine, or a module whose process
ends well there and not with the engine; both sides are retried once, alone, before it counts.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import runmodes  # noqa: E402

# Logs, results and the baseline; the variable keeps them out of reach of `make clean`.
OUT = Path(os.environ.get("PYSTON_SUITE_DIR") or runmodes.BUILD / "cpython-suite").resolve()
WORKER = HERE / "suite_worker.py"
TIMINGS = HERE / "timings.json"
MANIFEST = HERE / "manifest.toml"

# regrtest resources that need neither network, nor a display, nor minutes of CPU.
RESOURCES = "decimal,subprocess,tzdata"

# A module gets ten times what it takes on stock, and never less than this many seconds; compiling everything
# at once, or leaving compiled code at every guard, is slower still.
MIN_TIMEOUT = 120.0
TIMEOUT_FACTOR = 10.0
STRESS_TIMEOUT_FACTOR = 3.0

# Worst first: what a case that reported more than once counts as.
SEVERITY = ("crash", "error", "fail", "xpass", "pass", "xfail", "skip")
GOOD = ("pass", "xfail")

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


@dataclass
class ModuleRun:
    """The outcome of one module in one interpreter."""

    module: str
    status: str  # passed, skipped, failed, crashed, timeout, no-tests
    seconds: float
    returncode: int | None
    cases: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.status in ("passed", "skipped", "no-tests")


@dataclass
class Comparison:
    """What one module's run with the engine says against the baseline."""

    module: str
    regressed: dict[str, str] = field(default_factory=dict)  # test id (or "<module>") -> outcome
    flaky: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    excluded: dict[str, str] = field(default_factory=dict)  # test id -> reason


# ---------------------------------------------------------------------------------------------- manifest


@functools.cache
def load_manifest() -> dict:
    return tomllib.loads(MANIFEST.read_text())


def load_timings() -> dict[str, float]:
    return json.loads(TIMINGS.read_text())["seconds"] if TIMINGS.exists() else {}


def all_modules(mode: runmodes.RunMode) -> list[str]:
    """Every test module regrtest knows of in the interpreter's installed suite."""
    code = "from test.libregrtest.runtest import findtests; print('\\n'.join(findtests()))"
    done = subprocess.run([*mode.argv, "-c", code], env=mode.env(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"no test suite (install libpython3.11-testsuite): {done.stderr.strip()[-200:]}")
    return done.stdout.split()


def select(names: list[str], manifest: dict, everything: list[str]) -> list[str]:
    """Module names for a list of set names (core, ci, all) and module names, in order, once each."""
    chosen: list[str] = []
    for name in names:
        if name == "all":
            chosen += everything
        elif name in manifest["sets"]:
            chosen += manifest["sets"][name]
        elif name in everything:
            chosen.append(name)
        else:
            raise ValueError(f"neither a set ({', '.join(manifest['sets'])}, all) nor a test module: {name}")
    return list(dict.fromkeys(chosen))


def ignored(module: str) -> list[str]:
    """regrtest options that leave out cases which cannot run everywhere, stock included: see the manifest."""
    entries = [entry for entry in load_manifest().get("ignore", []) if entry["module"] == module]
    return [option for entry in entries for option in ("-i", entry["test"])]


def exclusions(manifest: dict, mode: runmodes.RunMode) -> list[tuple[str, re.Pattern, str]]:
    """(module, test id pattern, reason) of what is known not to be comparable in this mode."""
    return [
        (entry["module"], re.compile(entry.get("test", ".*")), entry["reason"])
        for entry in manifest.get("exclude", [])
        if mode.name in entry.get("modes", [mode.name]) and mode.threshold in entry.get("thresholds", [mode.threshold])
    ]


# ------------------------------------------------------------------------------------------- one module


def parse_records(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Outcome and details per test id from a worker's records; a case that never ended is a crash."""
    cases: dict[str, str] = {}
    details: dict[str, str] = {}
    running: list[str] = []
    for line in text.splitlines():
        try:
            event, name, detail = json.loads(line)
        except ValueError:  # the last line of a process that was killed
            continue
        name = _ADDRESS.sub("0x", name)
        if event == "start":
            running.append(name)
        elif event == "stop":
            if name in running:
                running.remove(name)
                cases.setdefault(name, "pass")  # ended with nothing else said: a skipped or passed subtest
        else:
            old = cases.get(name)
            if old is None or SEVERITY.index(event) < SEVERITY.index(old):
                cases[name] = event
            if detail and event != "skip":
                details[name] = details.get(name, "") + detail
    for name in running:
        cases[name] = "crash"
    return cases, details


def module_status(returncode: int | None, output: str, cases: dict[str, str]) -> str:
    """A module's status from its process's end. regrtest: 2 failed, 3 environment, 4 or 5 no tests ran."""
    if returncode is None:
        return "timeout"
    if returncode < 0 or (returncode > 5 and returncode != 130):
        return "crashed"
    if returncode in (4, 5) or "NO TESTS RAN" in output or "NO TEST RUN" in output:
        return "no-tests"
    if returncode != 0:
        return "failed"
    if not any(v in GOOD for v in cases.values()) and re.search(r"^test_\w+ skipped", output, re.M):
        return "skipped"
    return "passed"


def timeout_for(module: str, mode: runmodes.RunMode, timings: dict[str, float]) -> float:
    limit = max(MIN_TIMEOUT, TIMEOUT_FACTOR * timings.get(module, 60.0))
    if mode.stress or mode.threshold == 1:
        limit *= STRESS_TIMEOUT_FACTOR
    return limit


def run_module(module: str, mode: runmodes.RunMode, limit: float, log: Path) -> ModuleRun:
    """Runs one module in its own session and temporary folder, writes `log`, returns the outcome."""
    log.parent.mkdir(parents=True, exist_ok=True)
    # Short, because tests bind UNIX sockets in it.
    scratch = Path(tempfile.mkdtemp(prefix="pst-", dir="/tmp"))
    records = scratch / "records.jsonl"
    command = [*mode.argv, str(WORKER), str(records), "-u", RESOURCES, "--timeout", str(int(limit))]
    command += [*ignored(module), module]
    tmp = scratch / "t"
    tmp.mkdir()
    env = mode.env({"TMPDIR": str(tmp), "TERM": "linux"})
    start = time.monotonic()
    try:
        with log.open("w") as out:
            out.write(f"$ {' '.join(command)}\n  {mode.overrides}\n")
            out.flush()
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=env, cwd=tmp,
                start_new_session=True,
            )  # fmt: skip
            try:
                returncode: int | None = process.wait(limit + 30)
            except subprocess.TimeoutExpired:
                returncode = None
            finally:
                _kill_session(process)
        seconds = time.monotonic() - start
        text = records.read_text(errors="replace") if records.exists() else ""
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    cases, details = parse_records(text)
    output = log.read_text(errors="replace") if log.exists() else ""
    status = module_status(returncode, output, cases)
    if status == "failed" and "Timeout (" in output and returncode == 1:  # faulthandler's exit
        status = "timeout"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as out:
        out.write(f"\n== {module}: {status} ({returncode}) in {seconds:.1f} s\n")
        for name, outcome in sorted(cases.items()):
            if outcome not in GOOD and outcome != "skip":
                out.write(f"\n-- {outcome}: {name}\n{details.get(name, '')}")
    return ModuleRun(module, status, round(seconds, 2), returncode, cases, details)


def _kill_session(process: subprocess.Popen) -> None:
    """Ends what is left of the module's process group: children outlive a test that fails."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


# --------------------------------------------------------------------------------------------- baseline


class Baseline:
    """The stock interpreter's outcomes, run once for each module and kept while they stay valid."""

    def __init__(self, mode: runmodes.RunMode, timings: dict[str, float], refresh: bool = False):
        self.mode = mode
        self.timings = timings
        self.refresh = refresh
        self.fresh: set[str] = set()  # run by this process
        self.folder = OUT / "baseline" / mode.label
        self.key = self._key()

    def _key(self) -> str:
        probe = "import sys, test; print(sys.version, test.__file__)"
        version = subprocess.run([*self.mode.argv, "-c", probe], env=self.mode.env(), capture_output=True, text=True)
        digest = hashlib.sha256(version.stdout.encode())
        digest.update(WORKER.read_bytes())
        digest.update(RESOURCES.encode())
        digest.update(str(os.getuid()).encode())  # what root may do changes outcomes
        return digest.hexdigest()[:16]

    def key_of(self, module: str) -> str:
        return "|".join([self.key, *ignored(module)])

    def cached(self, module: str) -> ModuleRun | None:
        path = self.folder / f"{module}.json"
        if not path.exists() or (self.refresh and module not in self.fresh):
            return None
        data = json.loads(path.read_text())
        return ModuleRun(**data["run"]) if data["key"] == self.key_of(module) else None

    def get(self, module: str) -> ModuleRun:
        run = self.cached(module)
        if run is None:
            run = self._run(module)
            if not run.ok:
                run = merge(run, self._run(module, "-retry"))
            self._store(run)
        return run

    def again(self, module: str) -> ModuleRun:
        """One more run, its disagreements with the first kept as flaky."""
        run = merge(self.get(module), self._run(module, "-retry"))
        self._store(run)
        return run

    def _run(self, module: str, suffix: str = "") -> ModuleRun:
        limit = timeout_for(module, self.mode, self.timings)
        return run_module(module, self.mode, limit, self.folder / f"{module}{suffix}.log")

    def _store(self, run: ModuleRun) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{run.module}.json"
        text = json.dumps({"key": self.key_of(run.module), "run": asdict(run)}, indent=0)
        partial = path.with_suffix(f".{os.getpid()}.tmp")
        partial.write_text(text)
        partial.replace(path)
        self.fresh.add(run.module)


def merge(first: ModuleRun, second: ModuleRun) -> ModuleRun:
    """Two runs of one interpreter as one: a case the two disagree on is `flaky`, a module passes if it can."""
    cases = dict(first.cases)
    for name in first.cases.keys() | second.cases.keys():
        if first.cases.get(name) != second.cases.get(name):
            cases[name] = "flaky"
    best = second if second.ok and not first.ok else first
    return ModuleRun(
        first.module, best.status, min(first.seconds, second.seconds), best.returncode, cases, first.details
    )


# ------------------------------------------------------------------------------------------- comparison


def failures(stock: ModuleRun, engine: ModuleRun) -> dict[str, str]:
    """Test ids (and "<module>") that are good on stock and not with the engine, with the engine's outcome."""
    bad = {}
    for name, outcome in stock.cases.items():
        if outcome in GOOD and engine.cases.get(name, "missing") not in GOOD:
            bad[name] = engine.cases.get(name, "missing")
    if stock.ok and not engine.ok:
        bad["<module>"] = engine.status
    return bad


def compare(module: str, mode: runmodes.RunMode, engine: ModuleRun, baseline: Baseline, context) -> Comparison:
    """Compares a module's run with the baseline, retrying both sides when something seems to regress.

    `context` carries `limit`, `log` (where a retry logs), `exclude` (the mode's exclusions) and
    `path_baseline` (a Baseline of stock with a PYTHONPATH, or None).
    """
    result = Comparison(module)
    stock = baseline.get(module)
    bad = failures(stock, engine)
    for name in list(bad):
        for where, pattern, reason in context.exclude:
            if where == module and name != "<module>" and pattern.search(name):
                result.excluded[name] = reason
                del bad[name]
    if result.excluded and set(bad) == {"<module>"} and engine.status == "failed":
        del bad["<module>"]  # it failed for the excluded cases alone
    if not bad:
        return result
    second = run_module(module, mode, context.limit, context.log)
    again = failures(stock, second)
    stock_again = baseline.again(module)
    still = failures(stock_again, second)
    for name, outcome in bad.items():
        if name not in again or name not in still:
            result.flaky[name] = outcome
        else:
            result.regressed[name] = again[name]
    if result.regressed and context.path_baseline is not None:
        with_path = context.path_baseline.get(module)
        caused = failures(stock, with_path)
        for name in list(result.regressed):
            if name in caused:
                result.environment[name] = result.regressed.pop(name)
    if "<module>" in result.regressed and len(result.regressed) == 1 and second.status == "failed":
        explained = result.excluded or result.flaky or result.environment
        if explained and not [n for n in still if n != "<module>" and n not in explained]:
            result.environment["<module>"] = result.regressed.pop("<module>")
    return result
