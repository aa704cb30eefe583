#!/usr/bin/env python3
"""Paired benchmarks: two ways of running Python, in turns, on the same programs.

    python benchmarks/paired.py                              # ext against stock
    python benchmarks/paired.py --mode pyston3 --rounds 15
    python benchmarks/paired.py --mode ext --against ext-nojit nbody chaos
    python benchmarks/paired.py --mode ext-nojit             # the price of the hook alone
    python benchmarks/paired.py --mode ext --mode pyston3 --json build/bench.json

Every measurement is a fresh process, and the two sides take turns (A B B A ...), so that what the machine does
meanwhile falls on both. A row gives the median of the pairs' ratios stock/engine (above 1: faster than stock) with
a bootstrapped 95 % interval, peak memory against stock, and the share of the engine side's run spent compiling.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import runmodes  # noqa: E402
from runmodes import APPS, SITE_PACKAGES  # noqa: E402

TIMEOUT = 600


@dataclass(frozen=True)
class Benchmark:
    """A program and its arguments; `whole` times the process, otherwise the part the program measures itself."""

    args: tuple[str, ...]
    whole: bool = False
    repeat: int = 1  # processes per measurement, for what takes milliseconds
    about: str = ""


def pyperformance(name: str, loops: int, *options: str) -> Benchmark:
    return Benchmark(
        (str(APPS / "pyperformance_app.py"), name, str(loops), *options), about=f"pyperformance, {loops} loops"
    )


# Fixed work, seconds each on stock: long enough for warm-up to be a realistic share, short enough to repeat.
BENCHMARKS = {
    "nbody": pyperformance("nbody", 30),
    "chaos": pyperformance("chaos", 30),
    "richards": pyperformance("richards", 40),
    "deltablue": pyperformance("deltablue", 400),
    "flask": Benchmark((str(APPS / "flask_app.py"), "5000", "0"), about="5,000 requests in process"),
    "django": Benchmark((str(APPS / "django_app.py"), "500"), about="500 pages with ORM queries"),
    "pylint": Benchmark((str(APPS / "pylint_app.py"), "argparse"), about="argparse.py"),
    "startup": Benchmark(("-c", "pass"), whole=True, repeat=10, about="-c pass, 10 processes"),
    "imports": Benchmark(
        (
            "-c",
            "import asyncio, decimal, email, http.client, json, logging, sqlite3, typing, unittest, xml.dom.minidom",
        ),
        whole=True,
        repeat=5,
        about="10 large standard modules, 5 processes",
    ),
}


@dataclass
class Run:
    """One measurement."""

    seconds: float
    process_seconds: float  # the whole process
    rss: int  # KiB, the peak
    stats: dict = field(default_factory=dict)


@dataclass
class Row:
    """A benchmark's result in one mode: ratios are against the other side, above 1 means this mode is better."""

    benchmark: str
    mode: str
    against: str
    pairs: list[tuple[Run, Run]] = field(default_factory=list)

    def ratio(self) -> tuple[float, float, float]:
        return bootstrap([a.seconds / b.seconds for a, b in self.pairs])

    def seconds(self) -> tuple[float, float]:
        return tuple(statistics.median(pair[side].seconds for pair in self.pairs) for side in (0, 1))

    def memory(self) -> float:
        return statistics.median(b.rss for _, b in self.pairs) / statistics.median(a.rss for a, _ in self.pairs)

    def compile_share(self) -> float | None:
        """Seconds compiling by the seconds of the whole process."""
        shares = [b.stats["compile_seconds"] / b.process_seconds for _, b in self.pairs if b.stats]
        return statistics.median(shares) if shares else None

    def compiled(self) -> int | None:
        counts = [b.stats["functions_compiled"] + b.stats["loops_compiled"] for _, b in self.pairs if b.stats]
        return int(statistics.median(counts)) if counts else None


def bootstrap(values: Sequence[float], samples: int = 2000, seed: int = 1) -> tuple[float, float, float]:
    """The median, and the 95 % interval of the medians of resampled values."""
    generator = random.Random(seed)
    medians = sorted(statistics.median(generator.choices(values, k=len(values))) for _ in range(samples))
    return statistics.median(values), medians[int(samples * 0.025)], medians[int(samples * 0.975) - 1]


def measure(mode: runmodes.RunMode, benchmark: Benchmark) -> Run:
    """Runs the benchmark once in fresh processes. Raises RuntimeError with its output when it fails."""
    path = [SITE_PACKAGES] if not benchmark.whole else None
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output:
        out = Path(folder) / "out.json"
        extra = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": ""}
        if not benchmark.whole:
            extra["PYSTON_BENCH_OUT"] = str(out)
        env = mode.env(extra, path)
        total, rss = 0.0, 0
        for _ in range(benchmark.repeat):
            start = time.perf_counter()
            process = subprocess.Popen(
                [*mode.argv, *benchmark.args], env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            _, status, usage = os.wait4(process.pid, 0)
            total += time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)  # it is reaped: Popen must not wait for it
            rss = max(rss, usage.ru_maxrss)
            if process.returncode:
                output.seek(0)
                text = output.read().decode(errors="replace")[-2000:]
                raise RuntimeError(
                    f"{' '.join(benchmark.args)} in mode {mode.label}: exit {process.returncode}\n{text}"
                )
        if benchmark.whole:
            return Run(total / benchmark.repeat, total / benchmark.repeat, rss)
        data = json.loads(out.read_text())
        return Run(data["seconds"], total, rss, data["stats"])


def compare(
    name: str, against: runmodes.RunMode, mode: runmodes.RunMode, rounds: int, progress: Callable[[str], None]
) -> Row:
    """Measures both sides `rounds` times in turns, after one run each that fills the caches and is not counted."""
    row = Row(name, mode.label, against.label)
    benchmark = BENCHMARKS[name]
    measure(against, benchmark), measure(mode, benchmark)
    for i in range(rounds):
        # Which side goes first alternates, so that neither always follows the other.
        order = (against, mode) if i % 2 == 0 else (mode, against)
        results = {side.label: measure(side, benchmark) for side in order}
        pair = results[against.label], results[mode.label]
        row.pairs.append(pair)
        progress(f"{name} {mode.label} {i + 1}/{rounds}: {pair[0].seconds:.4f} {pair[1].seconds:.4f}")
    return row


def geometric_mean(values: Sequence[float]) -> float:
    return statistics.geometric_mean(values)


def table(rows: list[Row]) -> str:
    """The results in Markdown."""
    head = (
        "benchmark",
        "what",
        "mode",
        "against, s",
        "mode, s",
        "speed",
        "95 % interval",
        "peak RSS",
        "compiling",
        "compiled",
    )
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        ratio, low, high = row.ratio()
        before, after = row.seconds()
        share, compiled = row.compile_share(), row.compiled()
        cells = (
            row.benchmark,
            BENCHMARKS[row.benchmark].about,
            f"{row.mode} / {row.against}",
            f"{before:.4g}",
            f"{after:.4g}",
            f"**{ratio:.3f}x**",
            f"{low:.3f} to {high:.3f}",
            f"{(row.memory() - 1) * 100:+.1f} %",
            "" if share is None else f"{share * 100:.2f} %",
            "" if compiled is None else str(compiled),
        )
        lines.append("| " + " | ".join(cells) + " |")
    for mode in dict.fromkeys(row.mode for row in rows):
        own = [row.ratio()[0] for row in rows if row.mode == mode]
        if len(own) > 1:
            lines.append(f"\nGeometric mean of {mode}: {geometric_mean(own):.3f}x over {len(own)}.")
    return "\n".join(lines)


def machine() -> str:
    """One line on where the figures come from."""
    model = "unknown CPU"
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    version = subprocess.run([runmodes.STOCK, "-VV"], capture_output=True, text=True).stdout.strip()
    load = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} CPUs, load {load:.1f} at the start; stock is {runmodes.STOCK}, {version}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help=", ".join(BENCHMARKS))
    parser.add_argument(
        "--mode", action="append", help="a mode, repeatable: ext (default), pyston3, ext-nojit, ext-t1 ..."
    )
    parser.add_argument("--against", default="stock", help="the other side (default: stock)")
    parser.add_argument("--rounds", type=int, default=9, help="pairs per benchmark (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write every measurement there")
    args = parser.parse_args(argv)
    names = args.benchmarks or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown or args.rounds < 1:
        parser.error(f"no such benchmark: {', '.join(unknown)}" if unknown else "--rounds must be at least 1")
    try:
        against, *modes = (runmodes.parse(text) for text in [args.against, *(args.mode or ["ext"])])
    except ValueError as error:
        parser.error(str(error))
    for mode in (against, *modes):
        if reason := mode.unavailable():
            parser.error(f"mode {mode.label}: {reason}")
    if not SITE_PACKAGES.is_dir():
        parser.error(f"{SITE_PACKAGES} does not exist (run make test or make bench)")
    where = machine()
    print(where, file=sys.stderr)
    rows = [
        compare(name, against, mode, args.rounds, lambda text: print(text, file=sys.stderr, flush=True))
        for name in names
        for mode in modes
    ]
    print(f"{where}; {args.rounds} pairs each.\n\n{table(rows)}")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({"where": where, "rows": [asdict(row) for row in rows]}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
