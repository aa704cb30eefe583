"""Statistics over series of latencies: where warm-up ends, ratios with bootstrapped intervals, noise.

A series is what one process measured, in order, from its first call on. Warm-up is the time until the mean of a
window of 1 % of the run is within 5 % of the final latency; where the run's second half itself does not keep to
those 5 %, or the run has too few values, warm-up cannot be told from noise. Only what follows it counts as latency.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WINDOW = 0.01
NEAR = 0.05
LEAST_WINDOWS = 10
# How much of the second half has to be near the final latency for a first time near it to mean something.
STEADY_SHARE = 0.8
# A window that is near it by chance is followed by windows that are not.
LOOK_AHEAD = 4

SAMPLES = 2000
CONFIDENCE = 0.95
BLOCKS = 20
# The residuals of the whole table count as much as this many known of the benchmark itself.
POOL_WEIGHT = 2


@dataclass(frozen=True)
class WarmUp:
    """Where the part of a series that counts begins, and the seconds until there; None where that is unknown."""

    index: int
    seconds: float | None


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval."""

    value: float
    low: float
    high: float

    def excludes(self, value: float) -> bool:
        return not self.low <= value <= self.high


def windows(values: Sequence[float], cycle: int = 1) -> np.ndarray:
    """Means of consecutive windows of 1 % of the values, each a whole number of cycles."""
    size = max(1, round(len(values) * WINDOW))
    size = math.ceil(size / cycle) * cycle
    count = len(values) // size
    return np.asarray(values[: count * size], dtype=float).reshape(count, size).mean(axis=1)


def find_warm_up(values: Sequence[float], cycle: int = 1) -> WarmUp:
    """Where a series is warm. Where that cannot be told, its second half is taken to be."""
    half = len(values) // 2
    means = windows(values, cycle)
    if len(means) < LEAST_WINDOWS:
        return WarmUp(half, None)
    tail = means[len(means) // 2 :]
    final = float(np.median(tail))
    near = np.abs(means - final) <= NEAR * final
    if near[len(means) // 2 :].mean() < STEADY_SHARE:
        return WarmUp(half, None)
    size = len(values) // len(means)
    size -= size % cycle
    for number in range(len(means) // 2 + 1):
        ahead = near[number : number + LOOK_AHEAD]
        if near[number] and ahead.mean() >= 0.5:
            start = number * size
            return WarmUp(start, float(sum(values[:start])))
    return WarmUp(half, None)


def _block_means(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Bootstrapped means of a series: blocks of neighbours are drawn together, as neighbours are alike."""
    blocks = [float(block.mean()) for block in np.array_split(values, min(BLOCKS, len(values)))]
    drawn = generator.choice(blocks, size=(SAMPLES, len(blocks)))
    return drawn.mean(axis=1)


def round_logs(base: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> list[float]:
    """The logarithm of base/other of each round, in which the two took turns."""
    pairs = zip(base, other, strict=False)
    return [math.log(np.mean(first) / np.mean(second)) for first, second in pairs]


def residuals(logs: Sequence[float]) -> list[float]:
    """How far each round is from the mean of its benchmark's rounds, as if that mean were known exactly."""
    if len(logs) < 2:
        return []
    scale = math.sqrt(len(logs) / (len(logs) - 1))
    centre = float(np.mean(logs))
    return [(value - centre) * scale for value in logs]


def process_residuals(processes: Sequence[Sequence[float]]) -> list[float]:
    """How far the processes of one benchmark on one interpreter differ, as residuals of a ratio of two would."""
    return [math.sqrt(2) * value for value in residuals([math.log(np.mean(values)) for values in processes])]


def ratio_samples(
    base: Sequence[Sequence[float]],
    other: Sequence[Sequence[float]],
    generator: np.random.Generator,
    pool: Sequence[float] = (),
) -> np.ndarray:
    """Bootstrapped logarithms of base/other for the warm values of processes, one series a process.

    Resamples within each process and adds to every round a residual, which is how far rounds differ. Few rounds
    know little of that, so a residual is drawn from `pool` too, those of all benchmarks of the table, the more often
    the fewer rounds there are of this one. Processes of the same round are paired when both sides have as many, so
    that what the machine does meanwhile cancels out.
    """
    logs = [
        np.stack([np.log(_block_means(np.asarray(values, dtype=float), generator)) for values in side])
        for side in (base, other)
    ]
    if len(base) == len(other):
        rounds = logs[0] - logs[1]
        return rounds.mean(axis=0) + _between_rounds(rounds, generator, pool)
    # A residual of the pool is of a difference, of which one side has half the variance.
    halves = [value / math.sqrt(2) for value in pool]
    sides = [side.mean(axis=0) + _between_rounds(side, generator, halves) for side in logs]
    return sides[0] - sides[1]


def _between_rounds(samples: np.ndarray, generator: np.random.Generator, pool: Sequence[float]) -> np.ndarray:
    """Means over rounds (the first axis) of residuals drawn with replacement."""
    rounds, count = samples.shape
    own = residuals(samples.mean(axis=1).tolist())
    if not own and not pool:
        return np.zeros(count)
    known = rounds - 1
    share = 1.0 if not pool else known / (known + POOL_WEIGHT)
    drawn = generator.choice(own or [0.0], size=(rounds, count))
    if pool:
        drawn = np.where(generator.random((rounds, count)) < share, drawn, generator.choice(pool, size=(rounds, count)))
    return drawn.mean(axis=0)


def interval(samples: np.ndarray, value: float) -> Interval:
    """The interval of bootstrapped logarithms around an estimate."""
    tail = (1 - CONFIDENCE) / 2 * 100
    low, high = np.exp(np.percentile(samples, [tail, 100 - tail]))
    return Interval(value, min(float(low), value), max(float(high), value))


def mean_ratio(base: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> float:
    """The geometric mean of the processes' mean latencies, base by other: above 1 where other is faster."""
    sides = [float(np.mean([math.log(np.mean(values)) for values in side])) for side in (base, other)]
    return math.exp(sides[0] - sides[1])


def noise(processes: Sequence[Sequence[Sequence[float]]]) -> tuple[float, float] | None:
    """A against A: how far two processes that ran the same differ; the median and the largest, as |ratio - 1|.

    `processes` holds the warm series of each benchmark on one interpreter; None when none has two.
    """
    differences = []
    for series in processes:
        means = [float(np.mean(values)) for values in series]
        differences += [abs(math.expm1(math.log(first / second))) for first, second in itertools.pairwise(means)]
    if not differences:
        return None
    return float(np.median(differences)), max(differences)


def percentile(series: Sequence[Sequence[float]], share: float) -> float:
    """Of all values of all processes."""
    return float(np.percentile(np.concatenate([np.asarray(values, dtype=float) for values in series]), share))
