"""Where a run's results are: a folder that is good at any moment, whatever ended the run.

    run.json                       what was to be measured, where and when; `finished` once it all is
    cells/BENCHMARK/INTERPRETER.ROUND.json   one process's result, or why there is none
    INTERPRETER.json               pyperf's format, with all rounds: `pyperf compare_to stock.json ext.json`
    report.html, *.png, table.md   the report

Cells are written by renaming, so one that is there is complete; a run that was interrupted goes on with those that
are missing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

OK, FAILED, SKIPPED = "ok", "failed", "skipped"


@dataclass(frozen=True)
class Cell:
    """One process to run: a benchmark on an interpreter, in a round."""

    benchmark: str
    interpreter: str
    round: int


@dataclass
class Outcome:
    """What came of a cell: pyperf's JSON, or the text that says why there is none."""

    status: str
    seconds: float = 0.0
    suite: dict | None = None  # pyperf's format
    extras: dict = field(default_factory=dict)
    error: str = ""


@dataclass
class Run:
    """What is measured, and on what."""

    level: str
    benchmarks: list[str]
    groups: dict[str, str]
    interpreters: list[dict[str, str]]  # name, about, version ...
    rounds: int
    machine: dict[str, str]
    started: str
    finished: str = ""

    def same_task(self, other: Run) -> bool:
        """Whether it measures the same with the same."""
        ignored = {"started", "finished"}
        ours, theirs = asdict(self), asdict(other)
        return all(ours[key] == theirs[key] for key in ours if key not in ignored)


class Folder:
    """A run's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def run_file(self) -> Path:
        return self.path / "run.json"

    def load(self) -> Run:
        """The run. Raises ValueError when the folder holds none."""
        try:
            return Run(**json.loads(self.run_file.read_text()))
        except (OSError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"{self.path} holds no results of the suite: {error}") from None

    def save(self, run: Run) -> None:
        write(self.run_file, json.dumps(asdict(run), indent=1))

    def _file(self, cell: Cell) -> Path:
        folder = self.path / "cells" / cell.benchmark.replace("/", "_")
        return folder / f"{cell.interpreter}.{cell.round}.json"

    def record(self, cell: Cell, outcome: Outcome) -> None:
        write(self._file(cell), json.dumps({"cell": asdict(cell), "outcome": asdict(outcome)}))

    def outcome(self, cell: Cell) -> Outcome | None:
        """The cell's outcome, or None when it was not run yet."""
        try:
            return Outcome(**json.loads(self._file(cell).read_text())["outcome"])
        except FileNotFoundError:
            return None

    def outcomes(self) -> Iterator[tuple[Cell, Outcome]]:
        """Everything there is so far."""
        for file in sorted(self.path.glob("cells/*/*.json")):
            data = json.loads(file.read_text())
            yield Cell(**data["cell"]), Outcome(**data["outcome"])


def write(path: Path, text: str) -> None:
    """Writes a file that is either complete or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_text(text)
    unfinished.replace(path)


def unfinished(results: Path, run: Run) -> Folder | None:
    """The newest folder of the same task that was not finished."""
    for path in sorted(results.glob("*/run.json"), reverse=True):
        folder = Folder(path.parent)
        try:
            found = folder.load()
        except ValueError:
            continue
        if found.same_task(run):
            return None if found.finished else folder
    return None


def plan(rounds: dict[str, int], interpreters: list[str], baseline_rounds: int) -> list[Cell]:
    """All cells in the order in which they run: round by round, the interpreters of a benchmark in turns.

    `rounds` says how many a benchmark gets. Each round starts with another interpreter, so that none always follows
    the same one. The first interpreter gets at least `baseline_rounds` of what is measured in full, because its own
    rounds against each other are the estimate of the noise.
    """
    baseline = interpreters[0]
    most = max(rounds.values())
    cells = []
    for number in range(max(most, baseline_rounds)):
        shift = number % len(interpreters)
        order = interpreters[shift:] + interpreters[:shift]
        for benchmark, own in rounds.items():
            extra = baseline_rounds if own == most else own
            wanted = {name: max(own, extra) if name == baseline else own for name in order}
            cells += [Cell(benchmark, name, number) for name in order if number < wanted[name]]
    return cells
