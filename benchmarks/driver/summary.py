"""What the results say: one row for each benchmark and interpreter, geometric means of groups, and the noise."""

from __future__ import annotations

import statistics
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from driver import series
from driver.results import Problem, Process, Results
from driver.series import Interval


@dataclass
class Row:
    """A line of the table."""

    benchmark: str
    group: str
    interpreter: str
    problem: Problem | None = None
    rounds: int = 0
    warm_up: float | None = None
    mean: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    throughput: float = 0.0
    memory: float | None = None
    ratio: Interval | None = None  # stock's mean latency by this one's: above 1 is faster


@dataclass
class GroupMean:
    """The geometric mean of a group's ratios on an interpreter."""

    group: str
    interpreter: str
    ratio: Interval
    count: int


@dataclass
class Summary:
    """The whole table."""

    results: Results
    rows: list[Row] = field(default_factory=list)
    means: list[GroupMean] = field(default_factory=list)
    noise: tuple[float, float] | None = None

    def of(self, benchmark: str) -> list[Row]:
        return [row for row in self.rows if row.benchmark == benchmark]

    @property
    def benchmarks(self) -> list[str]:
        return list(dict.fromkeys(row.benchmark for row in self.rows))

    @property
    def groups(self) -> list[str]:
        return list(dict.fromkeys(row.group for row in self.rows))


def _warm(processes: list[Process]) -> list[list[float]]:
    return [process.warm for process in processes]


def _fill(row: Row, processes: list[Process]) -> None:
    """The row's own figures."""
    warm = _warm(processes)
    row.rounds = len(processes)
    known = [process.warm_up for process in processes if process.warm_up is not None]
    # Told from noise in most processes, or not at all.
    row.warm_up = statistics.median(known) if len(known) * 2 > len(processes) else None
    row.mean = statistics.fmean(statistics.fmean(values) for values in warm)
    row.p50, row.p99 = series.percentile(warm, 50), series.percentile(warm, 99)
    throughputs = [process.throughput for process in processes if process.throughput]
    row.throughput = statistics.fmean(throughputs) if throughputs else 1 / row.mean
    peaks = [process.memory for process in processes if process.memory]
    row.memory = statistics.median(peaks) if peaks else None


def _residuals(results: Results) -> list[float]:
    """How far the rounds of a benchmark differ, over the whole table; stock has two where others have one."""
    baseline, *others = results.interpreters
    found: list[float] = []
    for benchmark in results.groups:
        base = results.processes.get((benchmark, baseline), [])
        found += series.process_residuals(_warm(base))
        for interpreter in others:
            processes = results.processes.get((benchmark, interpreter), [])
            if len(processes) == len(base):
                found += series.residuals(series.round_logs(_warm(base), _warm(processes)))
    return found


def summarise(results: Results) -> Summary:
    """All rows and means."""
    summary = Summary(results)
    baseline, *others = results.interpreters
    logs: dict[tuple[str, str], tuple[np.ndarray, float]] = {}
    pool = _residuals(results)
    for benchmark, group in results.groups.items():
        for interpreter in results.interpreters:
            key = benchmark, interpreter
            row = Row(benchmark, group, interpreter, results.problems.get(key))
            processes = results.processes.get(key)
            if not processes and row.problem is None:
                continue  # an interrupted run has not come to it
            if processes and row.problem is None:
                _fill(row, processes)
            base = results.processes.get((benchmark, baseline))
            if row.rounds and base and interpreter != baseline and (benchmark, baseline) not in results.problems:
                generator = np.random.default_rng(zlib.crc32("\0".join(key).encode()))
                samples = series.ratio_samples(_warm(base), _warm(processes), generator, pool)
                value = series.mean_ratio(_warm(base), _warm(processes))
                row.ratio = series.interval(samples, value)
                logs[key] = samples, value
            summary.rows.append(row)
    summary.means = list(_group_means(summary, others, logs))
    on_baseline = [p for (_, name), p in results.processes.items() if name == baseline]
    summary.noise = series.noise([_warm(processes) for processes in on_baseline])
    return summary


def _group_means(
    summary: Summary, interpreters: list[str], logs: dict[tuple[str, str], tuple[np.ndarray, float]]
) -> Iterator[GroupMean]:
    """For each group and interpreter, and over everything where there are several groups."""
    groups = summary.groups
    for group in [*groups, *(["all"] if len(groups) > 1 else [])]:
        names = [name for name, own in summary.results.groups.items() if group in (own, "all")]
        for interpreter in interpreters:
            found = [logs[name, interpreter] for name in names if (name, interpreter) in logs]
            if found:
                value = statistics.geometric_mean(ratio for _, ratio in found)
                samples = np.mean([samples for samples, _ in found], axis=0)
                yield GroupMean(group, interpreter, series.interval(samples, value), len(found))
