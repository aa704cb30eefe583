"""The commands of the suite: setup, run, report, compare, list."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from driver import catalog, interpreters, machine
from driver.catalog import Benchmark, Level, UsageError
from driver.environments import Environments, SetupError
from driver.interpreters import Interpreter
from driver.measure import Bench
from driver.progress import Progress, duration
from driver.store import FAILED, OK, Cell, Folder, Outcome, Run, plan, unfinished

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "bench"
# Seconds that making an environment takes, for the time left.
ENVIRONMENT_SECONDS = 15
# Two processes of stock differ by noise alone.
NOISE_ROUNDS = 2


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="make bench", description="Pyston's benchmark suite.")
    top.add_argument("--home", type=Path, default=HOME, help="where environments and results go (default: %(default)s)")
    commands = top.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure and report")
    setup = commands.add_parser("setup", help="only make the environments that a run would need")
    for command in (run, setup):
        command.add_argument("names", nargs="*", help="benchmarks or groups (default: those of the level)")
        command.add_argument("--level", choices=list(catalog.LEVELS), default="standard", help="how long it takes")
        command.add_argument("--interpreters", default="", help="some of the table's columns, with commas between")
        command.add_argument("--pythons", default="", help="other interpreters, by path, with commas or blanks between")
        command.add_argument(
            "--rounds", type=int, help="processes per benchmark and interpreter (default: the level's)"
        )
        command.add_argument("--fresh", action="store_true", help="do not go on with a run that was interrupted")
    report = commands.add_parser("report", help="make the report of a run again")
    report.add_argument("folder", type=Path, nargs="?", help="the run's folder (default: the newest)")
    compare = commands.add_parser("compare", help="what got faster or slower beyond noise")
    compare.add_argument("first", type=Path, help="a run's folder, or a file of pyperf's")
    compare.add_argument("second", type=Path, help="another")
    commands.add_parser("list", help="the benchmarks and interpreters there are")
    return top


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _usable(columns: list[Interpreter], asked: Sequence[str]) -> tuple[list[Interpreter], dict[str, str]]:
    """The interpreters that can run, and why others cannot. Raises UsageError for one that was asked for by name."""
    reasons = {column.name: reason for column in columns if (reason := column.unavailable())}
    for name, reason in reasons.items():
        if name in asked or name == interpreters.BASELINE:
            raise UsageError(f"interpreter {name}: {reason}")
        print(f"left out: {name}: {reason}", file=sys.stderr)
    return [column for column in columns if column.name not in reasons], reasons


def _asked(args: argparse.Namespace) -> tuple[Level, list[Benchmark], list[Interpreter]]:
    """What the command line selects. Raises UsageError for what does not exist."""
    level = catalog.LEVELS[args.level]
    if args.rounds is not None:
        if args.rounds < 1:
            raise UsageError("--rounds must be at least 1")
        level = replace(level, rounds=args.rounds, pyperformance_rounds=args.rounds)
    chosen = catalog.select(catalog.load(), args.names, level)
    names, paths = _words(args.interpreters), _words(args.pythons)
    columns, _ = _usable(interpreters.select(names, paths), [*names, *paths])
    return level, chosen, columns


class Session:
    """One `run` command: what to do, what is done, and the bar."""

    def __init__(self, args: argparse.Namespace) -> None:
        level, chosen, columns = _asked(args)
        self.benchmarks: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in chosen}
        self.interpreters: dict[str, Interpreter] = {column.name: column for column in columns}
        described = {column.name: column.describe() for column in columns}
        self.run = Run(
            args.level,
            list(self.benchmarks),
            {benchmark.name: benchmark.group for benchmark in chosen},
            [{"name": column.name, "about": column.about, **described[column.name]} for column in columns],
            level.rounds,
            machine.describe(),
            datetime.now().isoformat(timespec="seconds"),
        )
        home: Path = args.home
        self.bench = Bench(Environments(home / "environments"), level, described, home / "scratch")
        results = home / "results"
        found = None if args.fresh else unfinished(results, self.run)
        if found:
            self.run = found.load()
            self.folder = found
        else:
            self.folder = Folder(results / f"{self.run.started.replace(':', '')}-{args.level}")
            self.folder.save(self.run)

    def cells(self) -> list[Cell]:
        """What is still to be run."""
        level = self.bench.level
        rounds = {name: level.rounds_of(benchmark.group) for name, benchmark in self.benchmarks.items()}
        everything = plan(rounds, list(self.interpreters), NOISE_ROUNDS)
        missing = [cell for cell in everything if self.folder.outcome(cell) is None]
        if len(missing) < len(everything):
            print(f"going on with {self.folder.path}: {len(everything) - len(missing)} of {len(everything)} are done")
        return missing

    def _expected(self, cells: list[Cell]) -> list[float]:
        """Guessed seconds of each cell."""
        making: set[Path] = set()
        guesses = []
        for cell in cells:
            benchmark, column = self.benchmarks[cell.benchmark], self.interpreters[cell.interpreter]
            guess = 1 + benchmark.size.seconds * (0.3 + 0.7 * self.bench.level.scale)
            if self.bench.unsupported(benchmark, cell.interpreter):
                guess = 0.0
            else:
                environment = self.bench.environments.path(column, benchmark.requirements)
                if environment not in making and self.bench.environments.missing(column, benchmark.requirements):
                    making.add(environment)
                    guess += ENVIRONMENT_SECONDS
            guesses.append(guess)
        return guesses

    def measure(self) -> None:
        """Runs what is missing."""
        cells = self.cells()
        progress = Progress(self._expected(cells))
        print(f"{len(cells)} processes, about {duration(progress.left())}; results in {self.folder.path}")
        for cell in cells:
            name = f"{cell.benchmark} on {cell.interpreter}, round {cell.round + 1}"
            progress.show(name)
            outcome = self.bench.run(self.benchmarks[cell.benchmark], self.interpreters[cell.interpreter], cell.round)
            self.folder.record(cell, outcome)
            progress.finish(f"{name}: {_result(outcome)}")
        self.run.finished = datetime.now().isoformat(timespec="seconds")
        self.folder.save(self.run)


def _result(outcome: Outcome) -> str:
    from driver.table import short_error

    if outcome.status == OK:
        return f"{outcome.seconds:.1f} s"
    return f"{outcome.status.upper()}: {short_error(outcome.error)}"


def _report(folder: Folder) -> int:
    """Writes and prints the report; 1 when something failed."""
    from driver import report, table

    try:
        summary = report.make(folder)
    except ValueError as error:
        raise UsageError(str(error)) from None
    print(f"\n{table.text(summary)}\n\nreport: {folder.path / 'report.html'}")
    return int(any(row.problem and row.problem.status == FAILED for row in summary.rows))


def _run(args: argparse.Namespace) -> int:
    session = Session(args)
    started = time.monotonic()
    try:
        session.measure()
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here", file=sys.stderr)
        _report(session.folder)
        return 130
    print(f"measured in {duration(time.monotonic() - started)}")
    return _report(session.folder)


def _setup(args: argparse.Namespace) -> int:
    """Makes the environments, so that a run only measures; 1 when one cannot be made."""
    _, chosen, columns = _asked(args)
    environments = Environments(args.home / "environments")
    described = {column.name: column.describe() for column in columns}
    wanted = {
        environments.path(column, benchmark.requirements): (column, benchmark)
        for benchmark in chosen
        for column in columns
        if not benchmark.unsupported(described[column.name]["version"], described[column.name]["implementation"])
        and environments.missing(column, benchmark.requirements)
    }
    progress = Progress([ENVIRONMENT_SECONDS] * len(wanted))
    for column, benchmark in wanted.values():
        name = f"environment of {benchmark.name} on {column.name}"
        progress.show(name)
        try:
            environments.python(column, benchmark.requirements)
            progress.finish(f"{name}: made")
        except SetupError as error:
            progress.finish(f"{name}: FAILED: {error}")
    print(f"{len(wanted) - len(environments.failed)} environments made, {len(environments.failed)} failed")
    return int(bool(environments.failed))


def _newest(home: Path) -> Path:
    found = sorted(file.parent for file in (home / "results").glob("*/run.json"))
    if not found:
        raise UsageError(f"no results in {home / 'results'}: run make bench")
    return found[-1]


def _list() -> int:
    for benchmark in catalog.load().values():
        level = "  (quick)" if benchmark.size.quick else "  (thorough)" if benchmark.size.slow else ""
        print(f"{benchmark.group:14} {benchmark.name}{level}")
    for column in interpreters.known().values():
        print(f"interpreter    {column.name}: {column.about}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Carries out a command; returns the exit code, 2 for a wrong one."""
    args = parser().parse_args(argv)
    try:
        if args.command == "run":
            return _run(args)
        if args.command == "setup":
            return _setup(args)
        if args.command == "report":
            return _report(Folder(args.folder or _newest(args.home)))
        if args.command == "compare":
            from driver import compare

            print(compare.text(list(compare.compare(args.first, args.second))))
            if repeats := compare.repeats(args.first, args.second):
                print(compare.repeats_text(repeats))
            return 0
        return _list()
    except UsageError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
