#!/usr/bin/env python3
"""Differential fuzzing: random programs with the engine and without, and a small reproducer where they differ.

    python tests/fuzz/fuzz.py --mode ext --seed 1 --count 500 -j2
    python tests/fuzz/fuzz.py --mode ext --threshold 1 --stress deopt --minutes 10
    python tests/fuzz/fuzz.py --mode pyston3 --show 1234          # print the program of a seed
    python tests/fuzz/fuzz.py --mode ext --check reproducer.py    # compare one program, shrink it if it differs

Failures are written to build/fuzz/<mode>/: SEED.py (the program), SEED-small.py (shrunk), SEED.txt (the
difference). The exit status is 1 when there is one.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import generator  # noqa: E402
import runmodes  # noqa: E402
import transcripts  # noqa: E402

STOCK = runmodes.RunMode("stock")
RUNNER = HERE / "batch_runner.py"
OUT = runmodes.BUILD / "fuzz"

# Programs are generated to run in well under a second on stock.
STOCK_SECONDS = 20.0
ENGINE_SECONDS = 120.0
SHRINK_SECONDS = 120.0


@dataclass
class Failure:
    """A program that differs: `small` is the shrunk one, `alone` says whether it differs by itself."""

    seed: int
    program: str
    difference: str
    small: str = ""
    alone: bool = True


def split(result: transcripts.Transcript) -> list[str]:
    """The parts of a batch's output, one per program that was started."""
    return ["=== " + part for part in ("\n" + result.out).split("\n=== /")[1:]]


def run_batch(mode: runmodes.RunMode, paths: list[Path], seconds: float) -> transcripts.Transcript:
    return transcripts.run(mode, [RUNNER, *paths], seconds * len(paths))


def differs(mode: runmodes.RunMode, source: str, folder: Path) -> str:
    """The difference of one program alone, empty when there is none or when stock does not run it well."""
    path = folder / "candidate.py"
    path.write_text(source)
    expected = run_batch(STOCK, [path], STOCK_SECONDS)
    if expected.code != 0:
        return ""
    return transcripts.difference(expected, run_batch(mode, [path], ENGINE_SECONDS))


def check_batch(mode: runmodes.RunMode, seeds: list[int]) -> list[Failure]:
    """Runs the programs of some seeds, in one process on each side, and returns those that differ."""
    failures = []
    with tempfile.TemporaryDirectory(prefix="pyston-fuzz-") as name:
        folder = Path(name)
        paths = []
        for seed in seeds:
            path = folder / f"{seed}.py"
            path.write_text(generator.generate(seed))
            paths.append(path)
        expected = run_batch(STOCK, paths, STOCK_SECONDS)
        if expected.code != 0 or expected.err:
            raise RuntimeError(
                f"stock does not run the programs of seeds {seeds}: {expected.code} {expected.err[-500:]}"
            )
        remaining, parts = list(zip(seeds, paths, strict=True)), split(expected)
        while remaining:
            actual = run_batch(mode, [path for _, path in remaining], ENGINE_SECONDS)
            found = split(actual)
            done = len(remaining)
            for i, (seed, path) in enumerate(remaining):
                ended = i < len(found) and (i + 1 < len(found) or actual.code == 0)
                if ended and found[i] == parts[i]:
                    continue
                alone = differs(mode, path.read_text(), folder)
                difference = alone or f"only in a batch (exit status {actual.code}):\n" + transcripts.difference(
                    transcripts.Transcript(0, parts[i], ""),
                    transcripts.Transcript(0 if ended else actual.code, found[i] if i < len(found) else "", actual.err),
                )
                failures.append(Failure(seed, path.read_text(), difference, alone=bool(alone)))
                if not ended:  # it took the process with it: the rest needs a new one
                    done = i + 1
                    break
            remaining, parts = remaining[done:], parts[done:]
            if done and not remaining and actual.code != 0 and not failures:
                text = f"every program ended well and the process did not: {actual.code} {actual.err[-500:]}"
                failures.append(Failure(seeds[-1], generator.generate(seeds[-1]), text, alone=False))
    return failures


# ------------------------------------------------------------------------------------------------ shrinking


def statements(source: str) -> list[tuple[int, int]]:
    """(first, last) line, from 0, of every statement, the longest first."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            found.add((first - 1, node.end_lineno - 1))
    return sorted(found, key=lambda r: (r[0] - r[1], -r[0]))


def without(lines: list[str], first: int, last: int) -> Iterator[list[str]]:
    """The program without some lines, and with `pass` in their place for where a block would be empty."""
    yield lines[:first] + lines[last + 1 :]
    indent = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
    if last > first or lines[first].strip() != "pass":
        yield [*lines[:first], indent + "pass", *lines[last + 1 :]]


def unwrapped(lines: list[str], first: int, last: int) -> Iterator[list[str]]:
    """The program with a compound statement replaced by its body."""
    head = len(lines[first]) - len(lines[first].lstrip())
    body = [line for line in lines[first + 1 : last + 1] if len(line) - len(line.lstrip()) > head]
    if body:
        yield lines[:first] + [line[4:] for line in body] + lines[last + 1 :]


def simpler_expressions(source: str) -> Iterator[str]:
    """The program with one expression replaced by one of its parts, or by a constant."""
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    starts = list(itertools.accumulate((len(line.encode()) for line in lines), initial=0))
    data = source.encode()
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.expr) and not isinstance(n, (ast.Constant, ast.Name))]
    spans = []
    for node in nodes:
        if isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
            continue
        start, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        children = [ast.get_source_segment(source, c) for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr)]
        spans.append((end - start, start, end, [c for c in children if c] + ["1"]))
    for _, start, end, replacements in sorted(spans, reverse=True):
        for text in replacements:
            if len(text.encode()) < end - start:
                yield (data[:start] + text.encode() + data[end:]).decode()


def valid(source: str) -> bool:
    try:
        compile(source, "program.py", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def shrink(mode: runmodes.RunMode, source: str, seconds: float = SHRINK_SECONDS) -> str:
    """The smallest program found in the time that still differs: statements go first, then expressions."""
    deadline = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="pyston-shrink-") as name:
        folder = Path(name)

        def still(candidate: str) -> bool:
            return time.monotonic() < deadline and valid(candidate) and bool(differs(mode, candidate, folder))

        changed = True
        while changed and time.monotonic() < deadline:
            changed = False
            position = 0
            # Longest first; after a removal the ranges moved, so they are computed again.
            while position < len(ranges := statements(source)) and time.monotonic() < deadline:
                first, last = ranges[position]
                lines = source.splitlines()
                candidates = itertools.chain(without(lines, first, last), unwrapped(lines, first, last))
                for lines_left in candidates:
                    candidate = "\n".join(lines_left) + "\n"
                    if len(candidate) < len(source) and still(candidate):
                        source, changed = candidate, True
                        break
                else:
                    position += 1
            improved = True
            while improved and time.monotonic() < deadline:
                improved = False
                for candidate in simpler_expressions(source):
                    if still(candidate):
                        source, changed, improved = candidate, True, True
                        break
    return source


# ----------------------------------------------------------------------------------------------------- CLI


def save(mode: runmodes.RunMode, failure: Failure) -> Path:
    folder = OUT / mode.label
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{failure.seed}.py").write_text(failure.program)
    (folder / f"{failure.seed}.txt").write_text(failure.difference + "\n")
    if failure.small:
        (folder / f"{failure.seed}-small.py").write_text(failure.small)
    return folder / f"{failure.seed}.txt"


def fuzz(
    mode: runmodes.RunMode, seeds: Iterator[int], jobs: int, batch: int = 20, stop_after: int = 10, report=print
) -> list[Failure]:
    """Checks the seeds in batches until they end or `stop_after` failures were found."""
    failures: list[Failure] = []
    count, start = 0, time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        while len(failures) < stop_after:
            batches = [list(itertools.islice(seeds, batch)) for _ in range(jobs)]
            batches = [b for b in batches if b]
            if not batches:
                break
            for found in pool.map(lambda b: check_batch(mode, b), batches):
                for failure in found:
                    where = "" if failure.alone else " (only in a batch)"
                    report(f"seed {failure.seed} differs{where}: {save(mode, failure)}")
                failures += found
            count += sum(map(len, batches))
            report(f"{count} programs, {len(failures)} differ, {time.monotonic() - start:.0f} s")
    return failures


def seeds_for(args) -> Iterator[int]:
    numbers = itertools.count(args.seed)
    if not args.minutes:
        return itertools.islice(numbers, args.count)
    deadline = time.monotonic() + 60 * args.minutes
    return itertools.takewhile(lambda _: time.monotonic() < deadline, numbers)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    runmodes.add_arguments(parser)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=100, help="how many programs")
    parser.add_argument("--minutes", type=float, help="go on for so long instead")
    parser.add_argument("--batch", type=int, default=20, help="programs per process")
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("--stop-after", type=int, default=10, help="failures")
    parser.add_argument("--no-shrink", action="store_true")
    parser.add_argument("--show", type=int, metavar="SEED", help="print the program of a seed and end")
    parser.add_argument("--check", type=Path, metavar="PROGRAM", help="compare this program, print it shrunk")
    args = parser.parse_args(argv)
    if args.show is not None:
        print(generator.generate(args.show), end="")
        return 0
    mode = runmodes.from_arguments(args)
    if args.check:
        source = args.check.read_text()
        with tempfile.TemporaryDirectory() as folder:
            difference = differs(mode, source, Path(folder))
        print(difference or "no difference")
        if difference and not args.no_shrink:
            print(shrink(mode, source))
        return 1 if difference else 0
    failures = fuzz(mode, seeds_for(args), args.jobs, args.batch, args.stop_after)
    for failure in failures[:3]:
        if failure.alone and not args.no_shrink:
            failure.small = shrink(mode, failure.program)
            save(mode, failure)
        print(f"\n---- seed {failure.seed} in mode {mode.label}\n{failure.small}\n{failure.difference}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
