"""What got faster or slower between two runs, beyond noise, and which of the table's ratios the second reproduced."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from driver import series, table
from driver.catalog import UsageError
from driver.results import Process, load, read_suite
from driver.series import Interval
from driver.store import Folder
from driver.summary import summarise

# Differences below this are not worth a line, however certain.
LEAST_CHANGE = 0.01


@dataclass
class Change:
    """A benchmark's latency in A by that in B: above 1 where B is faster."""

    benchmark: str
    interpreter: str
    ratio: Interval
    noise: float

    @property
    def verdict(self) -> str:
        beyond = self.ratio.excludes(1) and abs(self.ratio.value - 1) > max(self.noise, LEAST_CHANGE)
        if not beyond:
            return "same"
        return "faster" if self.ratio.value > 1 else "slower"


def _suites(path: Path) -> dict[str, dict[str, list[Process]]]:
    """The results of a run's folder, or of one file, by interpreter. Raises UsageError when there are none."""
    files = [path] if path.is_file() else sorted(path.glob("*.json")) if path.is_dir() else []
    files = [file for file in files if file.name != "run.json"]
    if not files:
        raise UsageError(f"{path}: no results; give the folder of a run or a file of pyperf's")
    try:
        return {"" if path.is_file() else file.stem: read_suite(file) for file in files}
    except ValueError as error:
        raise UsageError(str(error)) from None


def _spread(processes: list[Process]) -> float:
    """How far the processes of one benchmark differ."""
    found = series.noise([[process.warm for process in processes]])
    return found[1] if found else 0.0


def _residuals(*runs: dict[str, dict[str, list[Process]]]) -> list[float]:
    """How far two processes of a benchmark differ, over everything that was measured, as logarithms."""
    found: list[float] = []
    for processes in (own for run in runs for suite in run.values() for own in suite.values()):
        found += series.process_residuals([process.warm for process in processes])
    return found


def compare(first: Path, second: Path) -> Iterator[Change]:
    """Every benchmark and interpreter that both have."""
    before, after = _suites(first), _suites(second)
    pool = _residuals(before, after)
    for interpreter in [name for name in before if name in after]:
        for benchmark in [name for name in before[interpreter] if name in after[interpreter]]:
            sides = before[interpreter][benchmark], after[interpreter][benchmark]
            warm = [[process.warm for process in side] for side in sides]
            generator = np.random.default_rng(zlib.crc32(f"{interpreter}\0{benchmark}".encode()))
            samples = series.ratio_samples(*warm, generator, pool)
            ratio = series.interval(samples, series.mean_ratio(*warm))
            yield Change(benchmark, interpreter, ratio, max(map(_spread, sides)))


@dataclass
class Repeat:
    """A ratio of the table in two runs."""

    benchmark: str
    interpreter: str
    first: Interval
    second: Interval

    @property
    def reproduced(self) -> bool:
        """Whether the runs may have measured the same: their intervals meet."""
        return self.first.low <= self.second.high and self.second.low <= self.first.high


def repeats(first: Path, second: Path) -> list[Repeat]:
    """The ratios that both runs have; none where one of the two is not the folder of a run."""
    if not all((path / "run.json").is_file() for path in (first, second)):
        return []
    before, after = (
        {(row.benchmark, row.interpreter): row.ratio for row in summarise(load(Folder(path))).rows if row.ratio}
        for path in (first, second)
    )
    return [Repeat(*key, ratio, after[key]) for key, ratio in before.items() if key in after]


def repeats_text(found: list[Repeat]) -> str:
    """How many ratios came out again, and those that did not."""
    others = [repeat for repeat in found if not repeat.reproduced]
    lines = [f"ratios to the first interpreter reproduced: {len(found) - len(others)} of {len(found)}"]
    for repeat in others:
        before, after = (f"{table.ratio(r)} ({table.bounds(r)})" for r in (repeat.first, repeat.second))
        lines.append(f"  {repeat.benchmark:28} {repeat.interpreter:12} {before}, then {after}")
    return "\n".join(lines)


def text(changes: list[Change]) -> str:
    """What changed, the largest change first, and how many did not."""
    if not changes:
        return "Nothing to compare: the two have no benchmark in common."
    lines = []
    for verdict in ("slower", "faster"):
        found = sorted(
            (c for c in changes if c.verdict == verdict), key=lambda c: abs(np.log(c.ratio.value)), reverse=True
        )
        lines.append(f"{verdict}: {len(found)}")
        for change in found:
            what = f"  {change.benchmark:28} {change.interpreter:12}"
            lines.append(f"{what} {table.ratio(change.ratio):>7}  {table.bounds(change.ratio)}")
    same = sum(change.verdict == "same" for change in changes)
    return "\n".join([*lines, f"no difference beyond noise: {same}"])
