"""Running one package in one mode, and what is different from stock.

Every test is compared by its id. One whose outcome differs is run again in stock, alone: only what stock itself does
some of the time is no difference.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import runmodes
import transcripts
import wheels_envs
import wheels_table

RESULTS = wheels_envs.FOLDER / "results"
# The least that a run is given; else this many times stock's time (everything compiled at once is slow).
TIMEOUT = 600
SLOWER = 12
RERUNS = 2
# More tests than this that differ are no accident, and are not run again.
MOST_RERUN = 100


@dataclass
class Run:
    """What came of one package in one mode."""

    code: int | None  # exit status; negative: the signal; None: it had to be killed
    seconds: float
    tests: dict[str, str] = field(default_factory=dict)  # id -> passed, failed, skipped or running
    output: str = ""

    @property
    def ended(self) -> bool:
        """Whether it came to its end, whatever the outcome."""
        return self.code is not None and self.code >= 0 and "running" not in self.tests.values()

    @property
    def counts(self) -> Counter:
        return Counter(self.tests.values())


def run(package: wheels_table.Package, mode: runmodes.RunMode, timeout: float, only: list[str] | None = None) -> Run:
    """Runs a package's tests (`only` these, if given) or its program. Leaves the output below RESULTS."""
    name = package.name + ("-again" if only else "")
    folder = RESULTS / mode.label
    folder.mkdir(parents=True, exist_ok=True)
    work = wheels_envs.FOLDER / "work" / f"{name}-{mode.label}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    log = folder / f"{name}.jsonl"
    log.unlink(missing_ok=True)
    if package.program:
        arguments = [wheels_table.PROGRAMS / package.program, *package.arguments]
    else:
        arguments = _pytest_arguments(package, mode, work, log, only)
    variables = {name: value.format(source=work / "source") for name, value in package.env.items()}
    # Tests find the environment's programs, and each has a folder of its own for what it leaves.
    bin_folder = wheels_envs.environment(mode) / "bin"
    env = {"TMPDIR": str(work), "PATH": f"{bin_folder}:/usr/local/bin:/usr/bin:/bin", **variables}
    python = dataclasses.replace(mode)
    object.__setattr__(python, "argv", (str(bin_folder / "python"),))
    start = time.monotonic()
    # Tests of a source archive may name its files from where it lies.
    folder_of_tests = work / "source" if package.sdist else work
    done = transcripts.run(python, arguments, timeout, env, cwd=folder_of_tests)
    seconds = time.monotonic() - start
    (folder / f"{name}.log").write_text(str(done))
    shutil.rmtree(work, ignore_errors=True)
    return Run(done.code, seconds, outcomes(log), str(done) if package.program else "")


def _pytest_arguments(package, mode, work: Path, log: Path, only: list[str] | None) -> list[str | Path]:
    if package.sdist:
        root = work / "source"
        shutil.copytree(wheels_envs.source(package), root, symlinks=True)
        if package.installed_as:
            (root / package.installed_as).symlink_to(wheels_envs.site_packages(mode))
        config = root / package.config if package.config else wheels_table.HERE / "pytest.ini"
    else:
        root = wheels_envs.site_packages(mode)
        config = wheels_table.HERE / "pytest.ini"
    # A path counts from the root: that pytest reads conftest.py in time for its options, it has to be named so.
    named = [str(root / argument) if (root / argument).exists() else argument for argument in package.tests]
    tests = ["--pyargs", *named]
    if only:
        tests = [str(root / test) for test in only]
    # Without what cannot be imported here, stock or not, the rest is still worth a comparison.
    options = [
        "-q",
        "--continue-on-collection-errors",
        "-p",
        "no:cacheprovider",
        f"--rootdir={root}",
        "-c",
        config,
        f"--report-log={log}",
    ]
    return ["-m", "pytest", *options, *tests]


def outcomes(log: Path) -> dict[str, str]:
    """The outcome of every test in a report log; of the one during which the process died it is `running`."""
    outcomes: dict[str, str] = {}
    if not log.exists():
        return outcomes
    for line in log.read_text().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:  # cut off by a crash
            continue
        kind, test = entry.get("$report_type"), transcripts._ADDRESS.sub("0x...", entry.get("nodeid") or "")
        if kind == "CollectReport" and entry["outcome"] != "passed":
            outcomes[f"collecting {test}"] = entry["outcome"]
        elif kind == "TestReport":
            outcome = entry["outcome"]
            if entry.get("wasxfail") is not None:
                outcome = "x" + outcome
            if entry["when"] == "setup":
                outcomes[test] = "running" if outcome == "passed" else outcome
            elif entry["when"] == "call" or outcome != "passed":
                outcomes[test] = outcome
    return outcomes


@dataclass
class Comparison:
    """One package in one mode, held against stock."""

    package: str
    mode: str
    outcome: str  # same, differs, crashed, timeout, not run
    run: Run
    stock: Run
    differences: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    flaky: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return self.outcome == "same"


def compare(package: wheels_table.Package, mode: runmodes.RunMode, stock: Run) -> Comparison:
    """Runs a package in a mode, and again what differed from stock."""
    timeout = max(TIMEOUT, SLOWER * stock.seconds)
    done = run(package, mode, timeout)
    result = Comparison(package.name, mode.label, "same", done, stock)
    if not done.ended:
        result.outcome = "timeout" if done.code is None else "crashed"
        result.differences = [f"exit status {done.code}"]
        result.differences += [f"{test}: {outcome}" for test, outcome in done.tests.items() if outcome == "running"]
        return result
    if not package.program and not stock.counts["passed"]:
        result.outcome, result.differences = "not run", ["no test passes in stock"]
        return result
    if package.program:
        if done.output != stock.output:
            again = run(package, runmodes.RunMode("stock"), timeout)
            expected = transcripts.Transcript(0, stock.output, "")
            result.differences = transcripts.difference(expected, transcripts.Transcript(0, done.output, "")).split(
                "\n"
            )
            if again.output != stock.output:
                result.differences.insert(0, "the program's output differs between two runs of stock")
    else:
        _compare_tests(package, mode, result, timeout)
    if result.differences:
        result.outcome = "differs"
    return result


def _differing(expected: dict[str, str], actual: dict[str, str]) -> list[str]:
    return [test for test in {**expected, **actual} if expected.get(test) != actual.get(test)]


def _compare_tests(package, mode: runmodes.RunMode, result: Comparison, timeout: float) -> None:
    differing = _differing(result.stock.tests, result.run.tests)
    for test in list(differing):
        if any(known.covers(test, mode.label) for known in package.differences):
            result.known.append(test)
            differing.remove(test)
    seen = {test: {result.stock.tests.get(test)} for test in differing}
    for _ in range(RERUNS):
        again = [test for test in differing if test in result.stock.tests and not test.startswith("collecting ")]
        if not again or len(differing) > MOST_RERUN:
            break
        expected = run(package, runmodes.RunMode("stock"), timeout, again)
        for test in again:
            seen[test].add(expected.tests.get(test))
        # What stock does only some of the time may happen here. What stock never did is a difference, however rare.
        result.flaky += [test for test in differing if result.run.tests.get(test) in seen[test]]
        differing = [test for test in differing if test not in result.flaky]
    expected, actual = result.stock.tests, result.run.tests
    result.differences = [f"{test}: stock {expected.get(test)}, here {actual.get(test)}" for test in differing]
