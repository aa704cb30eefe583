"""The pictures of a run (matplotlib): speed-ups with error bars, latency over time, distributions, memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from driver.catalog import PYPERFORMANCE
from driver.results import Results
from driver.summary import Row, Summary

# Colours that stay apart for those who see them differently (Okabe and Ito).
COLOURS = ("#555555", "#0072B2", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#E69F00", "#F0E442")
DPI = 110
COLUMNS = 4
POINTS = 100
MIB = 2**20


def _colour(results: Results, interpreter: str) -> str:
    return COLOURS[results.interpreters.index(interpreter) % len(COLOURS)]


def _measured(summary: Summary, pictured: Callable[[Row], object]) -> list[str]:
    """The benchmarks with something to show, without the many small ones of pyperformance."""
    rows = [row for row in summary.rows if row.problem is None and row.group != PYPERFORMANCE and pictured(row)]
    return list(dict.fromkeys(row.benchmark for row in rows))


def _bars(summary: Summary, names: list[str], interpreters: list[str], draw: Callable, width: float = 0.8) -> Figure:
    """Horizontal bars grouped by benchmark; `draw(axes, row, place, height, colour)` draws one."""
    figure, axes = pyplot.subplots(figsize=(9, 1.2 + len(names) * (0.18 * len(interpreters) + 0.14)))
    height = width / len(interpreters)
    for index, name in enumerate(names):
        for row in summary.of(name):
            if row.interpreter in interpreters and row.problem is None:
                place = index + (interpreters.index(row.interpreter) - (len(interpreters) - 1) / 2) * height
                draw(axes, row, place, height * 0.92, _colour(summary.results, row.interpreter))
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=_colour(summary.results, name)) for name in interpreters]
    axes.legend(handles, interpreters, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure


def speed(summary: Summary) -> Figure | None:
    """Speed-ups over stock with their intervals."""
    names = _measured(summary, lambda row: row.ratio)
    if not names:
        return None

    def draw(axes: Axes, row: Row, place: float, height: float, colour: str) -> None:
        if row.ratio:
            errors = [[row.ratio.value - row.ratio.low], [row.ratio.high - row.ratio.value]]
            left = min(row.ratio.value, 1)
            axes.barh(place, abs(row.ratio.value - 1), height, left, color=colour)
            axes.errorbar(row.ratio.value, place, xerr=errors, color="black", lw=0.8, capsize=1.5)

    figure = _bars(summary, names, summary.results.interpreters[1:], draw)
    axes = figure.axes[0]
    axes.axvline(1, color="black", lw=0.8)
    axes.set_xscale("log", base=2)
    low, high = axes.get_xlim()
    between = (0.75, 1.5) if high / low < 16 else ()
    ticks = [tick for tick in (0.125, 0.25, 0.5, *between, 1, 2, 4, 8, 16, 32, 64, 128) if low <= tick <= high]
    axes.set_xticks(ticks, [f"{tick:g}x" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_title("Speed against CPython (right of 1: faster; lines: 95 % interval)")
    return figure


def memory(summary: Summary) -> Figure | None:
    """Peak memory."""
    names = _measured(summary, lambda row: row.memory)
    if not names:
        return None

    def draw(axes: Axes, row: Row, place: float, height: float, colour: str) -> None:
        if row.memory:
            axes.barh(place, row.memory / MIB, height, color=colour)

    figure = _bars(summary, names, summary.results.interpreters, draw)
    figure.axes[0].set_title("Peak memory, MiB (servers with their children)")
    return figure


def _small_multiples(summary: Summary, draw: Callable[[Axes, str], None], title: str) -> Figure | None:
    names = _measured(summary, lambda row: row.rounds)
    if not names:
        return None
    columns = min(COLUMNS, len(names))
    lines = -(-len(names) // columns)
    figure, grid = pyplot.subplots(
        lines, columns, figsize=(3.2 * columns, 2.4 * lines + 0.6), squeeze=False, layout="constrained"
    )
    for axes, name in zip(grid.flat, names, strict=False):
        draw(axes, name)
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in list(grid.flat)[len(names) :]:
        axes.set_visible(False)
    handles = [pyplot.Line2D([], [], color=_colour(summary.results, n), lw=3) for n in summary.results.interpreters]
    figure.legend(handles, summary.results.interpreters, loc="outside lower center", ncols=len(handles), frameon=False)
    figure.suptitle(title)
    return figure


def _milliseconds(axes: Axes) -> None:
    """A logarithmic scale with plain numbers."""
    axes.set_yscale("log")
    for axis_format in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        axis_format(lambda value, _: f"{value:.3g}" if f"{value:.3e}"[0] in "1235" else "")
    axes.tick_params(which="minor", labelsize=6)
    axes.set_ylabel("ms", fontsize=7)


def over_time(summary: Summary) -> Figure | None:
    """Latency over the time since the first call, of the first process of each."""

    def draw(axes: Axes, name: str) -> None:
        for interpreter in summary.results.interpreters:
            processes = summary.results.processes.get((name, interpreter))
            if processes and (name, interpreter) not in summary.results.problems:
                values = np.asarray(processes[0].values)
                size = max(1, len(values) // POINTS)
                values = values[: len(values) // size * size].reshape(-1, size)
                times = np.cumsum(values.sum(axis=1))
                style = {"color": _colour(summary.results, interpreter), "lw": 1.2}
                axes.plot(times, values.mean(axis=1) * 1000, marker="." if len(times) < 20 else "", **style)
        _milliseconds(axes)
        axes.set_xlabel("seconds", fontsize=7)

    return _small_multiples(summary, draw, "Latency over time, from the first call on")


def distributions(summary: Summary) -> Figure | None:
    """Distributions of the warm latencies, all processes together."""

    def draw(axes: Axes, name: str) -> None:
        rows = [row for row in summary.of(name) if row.rounds]
        for place, row in enumerate(rows):
            processes = summary.results.processes[name, row.interpreter]
            values = np.concatenate([process.warm for process in processes]) * 1000
            boxes = axes.boxplot(
                [values], positions=[place], widths=0.7, whis=(1, 99), showfliers=False, patch_artist=True
            )
            boxes["boxes"][0].set_facecolor(_colour(summary.results, row.interpreter))
            boxes["medians"][0].set_color("black")
        axes.set_xticks([])
        _milliseconds(axes)

    title = "Latency after warm-up: quartiles and median, whiskers from 1 % to 99 %"
    return _small_multiples(summary, draw, title)


# file name -> (heading, function)
PICTURES: dict[str, tuple[str, Callable[[Summary], Figure | None]]] = {
    "speed": ("Speed", speed),
    "time": ("Latency over time", over_time),
    "distribution": ("Latency distribution", distributions),
    "memory": ("Memory", memory),
}


def save_all(summary: Summary, folder: Path) -> Iterator[tuple[str, Path]]:
    """Draws every picture that has something to show into the folder; yields heading and file."""
    for name, (heading, function) in PICTURES.items():
        figure = function(summary)
        if figure is not None:
            path = folder / f"{name}.png"
            figure.savefig(path, dpi=DPI, bbox_inches="tight")
            pyplot.close(figure)
            yield heading, path
