"""The benchmark suite's statistics, on series whose answers are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from driver import series


def noisy(mean: float, count: int, spread: float, seed: int = 1) -> list[float]:
    return list(np.random.default_rng(seed).normal(mean, mean * spread, count))


def test_warm_up_ends_where_latency_drops():
    values = noisy(0.030, 300, 0.01) + noisy(0.010, 700, 0.01)
    found = series.find_warm_up(values)
    assert found.index == 300
    assert found.seconds == pytest.approx(sum(values[:300]))


def test_warm_up_of_a_slope():
    values = [0.01 + 0.02 * math.exp(-n / 100) for n in range(1000)]
    found = series.find_warm_up(values)
    # 5 % above the end is where the exponential is 0.025.
    assert 360 <= found.index <= 390


def test_no_warm_up():
    assert series.find_warm_up(noisy(0.01, 1000, 0.01)) == series.WarmUp(0, 0.0)


def test_one_value_near_the_end_by_chance_is_no_end_of_warm_up():
    values = [0.03] * 100 + [0.01] * 10 + [0.03] * 190 + [0.01] * 700
    assert series.find_warm_up(values).index == 300


def test_noise_hides_warm_up():
    values = noisy(0.01, 200, 0.3)
    assert series.find_warm_up(values) == series.WarmUp(100, None)


def test_too_few_values():
    assert series.find_warm_up([3.0, 1.0, 1.0, 1.0]) == series.WarmUp(2, None)


def test_requests_in_turns_are_taken_together():
    values = [0.01, 0.05, 0.002] * 100
    assert series.find_warm_up(values, cycle=3).seconds == 0.0
    assert set(np.round(series.windows(values, cycle=3), 9)) == {round(0.062 / 3, 9)}


def interval_of(base: list[list[float]], other: list[list[float]]) -> series.Interval:
    samples = series.ratio_samples(base, other, np.random.default_rng(7))
    return series.interval(samples, series.mean_ratio(base, other))


def test_ratio_and_its_interval():
    base = [noisy(0.02, 200, 0.05, seed) for seed in (1, 2, 3)]
    other = [noisy(0.01, 200, 0.05, seed) for seed in (4, 5, 6)]
    found = interval_of(base, other)
    assert found.value == pytest.approx(2, rel=0.02)
    assert found.low <= 2.0 <= found.high
    assert found.high - found.low < 0.1
    assert found.excludes(1)


def test_interval_covers_the_truth_as_often_as_it_says():
    hits = 0
    for seed in range(60):
        base = [noisy(0.01, 100, 0.1, 1000 + 10 * seed + n) for n in range(4)]
        other = [noisy(0.01, 100, 0.1, 5000 + 10 * seed + n) for n in range(4)]
        hits += not interval_of(base, other).excludes(1)
    assert hits >= 50


def test_spread_between_processes_widens_the_interval():
    alike = interval_of([[0.01] * 50] * 3, [[0.01] * 50] * 3)
    apart = interval_of([[0.01] * 50, [0.011] * 50, [0.009] * 50], [[0.01] * 50] * 3)
    assert alike.low == alike.high == pytest.approx(1)
    assert apart.low < 0.95 and apart.high > 1.05


def test_what_the_table_knows_of_rounds_counts_where_a_benchmark_has_few():
    pool = [-0.2, -0.1, 0.0, 0.1, 0.2]

    def width(rounds: int) -> float:
        base, other = [[0.01] * 50] * rounds, [[0.01] * 50] * rounds
        samples = series.ratio_samples(base, other, np.random.default_rng(7), pool)
        found = series.interval(samples, 1.0)
        return found.high - found.low

    assert width(1) > width(2) > width(5) > 0
    assert width(1) == pytest.approx(0.4, rel=0.2), "one round: as wide as rounds differ elsewhere"


def test_residuals_are_of_a_mean_that_is_known():
    assert series.residuals([0.3]) == []
    assert series.residuals([0.1, 0.3]) == pytest.approx([-0.1 * 2**0.5, 0.1 * 2**0.5])
    generator = np.random.default_rng(3)
    spread = [series.residuals(list(generator.normal(0, 0.1, 2))) for _ in range(2000)]
    assert np.std(spread) == pytest.approx(0.1, rel=0.05)


def test_rounds_of_different_number_and_one_round():
    assert interval_of([[0.02] * 9] * 3, [[0.01] * 9] * 2).value == pytest.approx(2)
    assert interval_of([[0.02] * 9], [[0.01] * 9]).value == pytest.approx(2)


def test_what_paired_rounds_have_in_common_cancels_out():
    """A round in which the machine was slow was so for both."""
    paired = interval_of([[0.01] * 9, [0.02] * 9], [[0.005] * 9, [0.01] * 9])
    assert paired.low == pytest.approx(2) and paired.high == pytest.approx(2)


def test_noise():
    typical, largest = series.noise([[[1.0, 1.0], [1.1, 1.1]], [[1.0], [1.0]], [[2.0], [2.04]]])
    assert typical == pytest.approx(0.0196, abs=1e-3)
    assert largest == pytest.approx(0.0909, abs=1e-3)
    assert series.noise([[[1.0]]]) is None


def test_percentile_is_over_all_processes():
    assert series.percentile([[1.0, 2.0], [3.0, 4.0, 5.0]], 50) == 3.0
