"""The table as text for a terminal and as Markdown, and the formats of its numbers."""

from __future__ import annotations

from dataclasses import dataclass

from driver.series import Interval
from driver.store import SKIPPED
from driver.summary import Row, Summary

HEAD = ("benchmark", "interpreter", "warm-up", "mean", "p50", "p99", "throughput", "memory", "speed", "95 % interval")
NOT_AVAILABLE = "n/a"
SHORT_ERROR = 110
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (0.0, "ns"))


@dataclass
class Line:
    """A row as text: ten cells, or three of which the last says what went wrong."""

    cells: list[str]
    failed: bool = False
    skipped: bool = False


def seconds(value: float) -> str:
    """A latency with three digits."""
    for size, unit in UNITS:
        if value >= size:
            scaled = value / (size or 1e-9)
            return f"{scaled:.0f} {unit}" if scaled >= 100 else f"{scaled:.3g} {unit}"
    return f"{value:.3g} s"


def warm_up(value: float | None) -> str:
    if value is None:
        return NOT_AVAILABLE
    return "none" if value == 0 else seconds(value)


def memory(value: float | None) -> str:
    return NOT_AVAILABLE if value is None else f"{value / 2**20:.1f} MiB"


def throughput(value: float) -> str:
    return f"{value:,.0f}/s" if value >= 100 else f"{value:.3g}/s"


def ratio(value: Interval) -> str:
    return f"{value.value:.3g}x" if value.value >= 10 else f"{value.value:.2f}x"


def bounds(value: Interval) -> str:
    return f"{value.low:.2f} to {value.high:.2f}"


def short_error(text: str) -> str:
    """The line of an error that says most: the last one that is not indented."""
    lines = [line for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith((" ", "\t"))]
    return (telling or lines or [""])[-1].strip()[:SHORT_ERROR]


def line(row: Row) -> Line:
    """A row as text."""
    if row.problem is not None:
        skipped = row.problem.status == SKIPPED
        text = row.problem.text if skipped else f"FAILED: {short_error(row.problem.text)}"
        return Line([row.benchmark, row.interpreter, text], not skipped, skipped)
    cells = [row.benchmark, row.interpreter, warm_up(row.warm_up)]
    cells += [seconds(value) for value in (row.mean, row.p50, row.p99)]
    cells += [throughput(row.throughput), memory(row.memory)]
    cells += [ratio(row.ratio), bounds(row.ratio)] if row.ratio else ["", ""]
    return Line(cells)


def foot(summary: Summary) -> list[str]:
    """What has to be known to read the table."""
    run, machine = summary.results.run, summary.results.run.machine
    columns = "; ".join(f"{column['name']}: {column['about']} ({column['text']})" for column in run.interpreters)
    where = f"{machine['processor']}, {machine['processors']} processors, {machine['memory']}"
    lines = [
        f"{where}; {machine['system']}, Linux {machine['kernel']}; commit {machine['commit']}; "
        f"level {run.level}, {run.rounds} process(es) per benchmark and interpreter, started {run.started}.",
        columns + ".",
    ]
    if summary.noise:
        typical, largest = (f"{share * 100:.1f} %" for share in summary.noise)
        lines.append(f"Noise, stock against itself: {typical} between two processes in the median, {largest} at most.")
    else:
        lines.append("Noise, stock against itself: unknown, there are no two processes of a benchmark.")
    return lines


def means(summary: Summary) -> list[str]:
    """The geometric means as lines."""
    return [
        f"{mean.group:14} {mean.interpreter:12} {ratio(mean.ratio):>7}  {bounds(mean.ratio):>14}  over {mean.count}"
        for mean in summary.means
    ]


def text(summary: Summary) -> str:
    """For a terminal."""
    lines = [line(row) for row in summary.rows]
    full = [HEAD, *(item.cells for item in lines if len(item.cells) == len(HEAD))]
    widths = [max(len(cells[column]) for cells in full) for column in range(len(HEAD))]
    # Names are of failed rows too.
    for column in (0, 1):
        widths[column] = max([widths[column], *(len(item.cells[column]) for item in lines)])
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(HEAD, widths, strict=True))]
    previous = None
    for item in lines:
        cells = ["" if item.cells[0] == previous else item.cells[0], *item.cells[1:]]
        previous = item.cells[0]
        pairs = zip(cells, widths, strict=False)
        shown.append("  ".join(f"{cell:{'<' if n < 2 else '>'}{w}}" for n, (cell, w) in enumerate(pairs)).rstrip())
    parts = ["\n".join(shown)]
    if summary.means:
        parts.append("Geometric means of speed:\n" + "\n".join(means(summary)))
    return "\n\n".join([*parts, *foot(summary)])


def markdown(summary: Summary) -> str:
    """For docs/performance.md."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for row in summary.rows:
        cells = line(row).cells
        lines.append("| " + " | ".join(cells + [""] * (len(HEAD) - len(cells))) + " |")
    if summary.means:
        lines += ["", "| geometric mean | interpreter | speed | 95 % interval | benchmarks |", "|---|---|---|---|---|"]
        lines += [
            f"| {mean.group} | {mean.interpreter} | {ratio(mean.ratio)} | {bounds(mean.ratio)} | {mean.count} |"
            for mean in summary.means
        ]
    return "\n".join([*lines, "", *foot(summary)]) + "\n"
