"""What got faster or slower between two runs, beyond noise."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from driver import series, table
from driver.catalog import UsageError
from driver.results import Process, read_suite
from driver.series import Interval

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


def compare(first: Path, second: Path) -> Iterator[Change]:
    """Every benchmark and interpreter that both have."""
    before, after = _suites(first), _suites(second)
    for interpreter in [name for name in before if name in after]:
        for benchmark in [name for name in before[interpreter] if name in after[interpreter]]:
            sides = before[interpreter][benchmark], after[interpreter][benchmark]
            warm = [[process.warm for process in side] for side in sides]
            generator = np.random.default_rng(zlib.crc32(f"{interpreter}\0{benchmark}".encode()))
            samples = series.ratio_samples(*warm, generator)
            ratio = series.interval(samples, series.mean_ratio(*warm))
            yield Change(benchmark, interpreter, ratio, max(map(_spread, sides)))


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
