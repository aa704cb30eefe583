"""Results in pyperf's format: one file for each interpreter, made from the cells of a run, and read back from it.

In it a run of pyperf's is one process. What came before the process was warm is its warm-ups, the rest its values, so
that `pyperf compare_to` compares what the table compares. Peak memory, throughput and the digest of the answers are
metadata of the run.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyperf

from driver.catalog import PYPERFORMANCE
from driver.series import WarmUp, find_warm_up
from driver.store import FAILED, OK, Folder, Outcome, Run, write


@dataclass
class Process:
    """What one process measured."""

    cold: list[float]
    warm: list[float]
    warm_up: float | None
    memory: float | None = None
    throughput: float | None = None
    digest: str = ""

    @property
    def values(self) -> list[float]:
        return [*self.cold, *self.warm]


@dataclass(frozen=True)
class Problem:
    """Why a cell of the table has no figures."""

    status: str
    text: str


@dataclass
class Results:
    """A run's results: by the benchmark's and the interpreter's name."""

    run: Run
    groups: dict[str, str] = field(default_factory=dict)
    processes: dict[tuple[str, str], list[Process]] = field(default_factory=dict)
    problems: dict[tuple[str, str], Problem] = field(default_factory=dict)

    @property
    def interpreters(self) -> list[str]:
        return [column["name"] for column in self.run.interpreters]


def shown_name(benchmark: str, name: str) -> str:
    """A result's name in the table: pyperf's, below pyperformance/ where the benchmark is."""
    return f"{PYPERFORMANCE}/{name}" if benchmark.startswith(f"{PYPERFORMANCE}/") else name


def _plain(metadata: dict) -> dict:
    return {name: getattr(item, "value", item) for name, item in metadata.items()}


def process_runs(outcome: Outcome, benchmark: str, number: int) -> Iterator[tuple[str, pyperf.Run]]:
    """The runs of a cell's process as they go into the file, by the name shown."""
    suite = pyperf.BenchmarkSuite.load(io.StringIO(json.dumps(outcome.suite)))
    for bench in suite.get_benchmarks():
        for run in bench.get_runs():
            if not run.values:
                continue  # pyperf's calibration
            name = shown_name(benchmark, bench.get_name())
            metadata = {**_plain(run.get_metadata()), **outcome.extras, "name": name, "round": number}
            loops = metadata.get("loops", 1)
            if run.warmups:  # the benchmark's own count of them
                warm_up = WarmUp(0, None)
            else:
                warm_up = find_warm_up(run.values, int(outcome.extras.get("cycle", 1)))
            if warm_up.seconds is not None:
                metadata["warm_up_seconds"] = warm_up.seconds
            cold = [*run.warmups, *((loops, value) for value in run.values[: warm_up.index])]
            metadata.pop("values", None)
            yield (
                name,
                pyperf.Run(run.values[warm_up.index :], warmups=cold, metadata=metadata, collect_metadata=False),
            )


def write_suites(folder: Folder, run: Run) -> None:
    """Writes INTERPRETER.json for every interpreter that has results."""
    found: dict[str, dict[str, list[pyperf.Run]]] = {}
    for cell, outcome in folder.outcomes():
        if outcome.status == OK:
            for name, process in process_runs(outcome, cell.benchmark, cell.round):
                found.setdefault(cell.interpreter, {}).setdefault(name, []).append(process)
    for column in run.interpreters:
        runs = found.get(column["name"])
        if runs:
            suite = pyperf.BenchmarkSuite([pyperf.Benchmark(processes) for processes in runs.values()])
            write(folder.path / f"{column['name']}.json", _dump(suite))


def _dump(suite: pyperf.BenchmarkSuite) -> str:
    stream = io.StringIO()
    suite.dump(stream)
    return stream.getvalue()


def read_suite(path: Path) -> dict[str, list[Process]]:
    """The processes of a file in pyperf's format, by the benchmark's name. Raises ValueError when it is none."""
    try:
        suite = pyperf.BenchmarkSuite.load(str(path))
    except Exception as error:  # pyperf raises whatever the JSON made it trip over
        raise ValueError(f"{path} is not a file of pyperf's results: {error}") from None
    found: dict[str, list[Process]] = {}
    for bench in suite.get_benchmarks():
        for run in bench.get_runs():
            if not run.values:
                continue
            metadata = _plain(run.get_metadata())
            memory = next(
                (metadata[key] for key in ("peak_memory", "command_max_rss", "mem_max_rss") if key in metadata), None
            )
            process = Process(
                [value for _, value in run.warmups],
                list(run.values),
                metadata.get("warm_up_seconds"),
                memory,
                metadata.get("throughput"),
                metadata.get("digest", ""),
            )
            found.setdefault(bench.get_name(), []).append(process)
    return found


def load(folder: Folder) -> Results:
    """Everything that the folder of a run holds. Raises ValueError when it holds none."""
    run = folder.load()
    results = Results(run)
    for column in run.interpreters:
        path = folder.path / f"{column['name']}.json"
        if path.exists():
            for name, processes in read_suite(path).items():
                results.processes[name, column["name"]] = processes
    names: dict[str, set[str]] = {}
    for cell, outcome in folder.outcomes():
        if outcome.status == OK and outcome.suite:
            for bench in outcome.suite["benchmarks"]:
                name = _name_in(bench, outcome.suite)
                names.setdefault(cell.benchmark, set()).add(shown_name(cell.benchmark, name))
    for benchmark in run.benchmarks:
        for name in sorted(names.get(benchmark, {benchmark})):
            results.groups[name] = run.groups[benchmark]
    for cell, outcome in folder.outcomes():
        if outcome.status != OK:
            # A process that failed makes the whole cell fail, even when another round's did not.
            for name in names.get(cell.benchmark, {cell.benchmark}):
                results.problems[name, cell.interpreter] = Problem(outcome.status, outcome.error)
    _compare_answers(results, {column["name"]: column.get("version", "") for column in run.interpreters})
    return results


def _name_in(bench: dict, suite: dict) -> str:
    """A benchmark's name in pyperf's JSON, where what all have in common stands once."""
    return bench.get("metadata", {}).get("name") or suite.get("metadata", {}).get("name", "")


def _compare_answers(results: Results, versions: dict[str, str]) -> None:
    """Answers other than the first interpreter's are an error where the version of Python is the same."""
    baseline = results.interpreters[0]
    for (name, interpreter), processes in results.processes.items():
        expected = {p.digest for p in results.processes.get((name, baseline), [])}
        if interpreter == baseline or versions.get(interpreter) != versions.get(baseline) or not expected:
            continue
        if not {p.digest for p in processes} <= expected:
            text = f"its answers are not {baseline}'s (the digests of its output differ)"
            results.problems.setdefault((name, interpreter), Problem(FAILED, text))
