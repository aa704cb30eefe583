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


def ratio_samples(
    base: Sequence[Sequence[float]], other: Sequence[Sequence[float]], generator: np.random.Generator
) -> np.ndarray:
    """Bootstrapped logarithms of base/other for the warm values of processes, one series a process.

    Resamples within each process and over the processes; the spread between a few processes is scaled up by
    sqrt(n / (n - 1)), which resampling them would lose. Processes of the same round are paired when both have as
    many, so that what the machine does meanwhile cancels out.
    """
    logs = [
        np.stack([np.log(_block_means(np.asarray(values, dtype=float), generator)) for values in side])
        for side in (base, other)
    ]
    if len(base) == len(other):
        return _resample_rounds(logs[0] - logs[1], generator)
    return _resample_rounds(logs[0], generator) - _resample_rounds(logs[1], generator)


def _resample_rounds(samples: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Means over rounds (the first axis) drawn with replacement, anew for each sample."""
    rounds, count = samples.shape
    if rounds == 1:
        return samples[0]
    picks = generator.integers(rounds, size=(rounds, count))
    drawn = np.take_along_axis(samples, picks, axis=0).mean(axis=0)
    centre = samples.mean(axis=0)
    return centre + (drawn - centre) * math.sqrt(rounds / (rounds - 1))


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
