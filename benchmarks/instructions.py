#!/usr/bin/env python3
"""Instructions per unit of work, counted by valgrind's callgrind: the same on a noisy machine as on a quiet one.

    python benchmarks/instructions.py                       # ext against stock, every program
    python benchmarks/instructions.py flask --mode ext --mode pyston3 --keep build/callgrind
    callgrind_annotate build/callgrind/flask.ext.2000       # where they went

A program runs twice, with less and with more work; the difference divided by the additional work leaves start-up,
set-up and (with the low compile threshold used here) most of compiling out. What is left is the steady state.
Instructions are not time: a cache miss or a mispredicted branch costs as much as dozens of them.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import runmodes  # noqa: E402
from runmodes import APPS, SITE_PACKAGES  # noqa: E402

# Low enough for everything that repeats to be compiled when the counted part starts.
THRESHOLD = 20


@dataclass(frozen=True)
class Program:
    """A command with {n} for the amount of work, the two amounts, and what one unit is called."""

    args: tuple[str, ...]
    less: int  # enough for what stays to be hot by then
    more: int
    unit: str


PROGRAMS = {
    "flask": Program((str(APPS / "flask_app.py"), "{n}", "0"), 600, 2000, "request"),
    "django": Program((str(APPS / "django_app.py"), "{n}"), 40, 80, "page"),
    "richards": Program((str(APPS / "pyperformance_app.py"), "richards", "{n}"), 2, 4, "loop"),
    "deltablue": Program((str(APPS / "pyperformance_app.py"), "deltablue", "{n}"), 10, 30, "loop"),
    "chaos": Program((str(APPS / "pyperformance_app.py"), "chaos", "{n}"), 2, 3, "loop"),
}


def count(mode: runmodes.RunMode, program: Program, n: int, out: Path) -> int:
    """Instructions of one run. Raises RuntimeError with the output when the program fails."""
    command = [
        *("valgrind", "--tool=callgrind", "--smc-check=all-non-file", f"--callgrind-out-file={out}"),
        *(*mode.argv, *(arg.format(n=n) for arg in program.args)),
    ]
    # The collector's pace follows memory, which valgrind changes; hash seeds move dict collisions.
    extra = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "", "PYSTON_GC": "0"}
    done = subprocess.run(command, env=mode.env(extra, [SITE_PACKAGES]), capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return int(found[1])


def per_unit(name: str, mode: runmodes.RunMode, folder: Path) -> float:
    """Instructions per unit of work of a program in a mode; callgrind's files stay in `folder`."""
    program = PROGRAMS[name]
    less, more = (count(mode, program, n, folder / f"{name}.{mode.name}.{n}") for n in (program.less, program.more))
    return (more - less) / (program.more - program.less)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=", ".join(PROGRAMS))
    parser.add_argument("--mode", action="append", help="a mode, repeatable: ext (default), pyston3, ext-nojit ...")
    parser.add_argument("--threshold", type=int, default=THRESHOLD, help="compile threshold (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the counts there, for a trend")
    parser.add_argument("--keep", type=Path, help="keep callgrind's files in this folder")
    args = parser.parse_args(argv)
    names = args.programs or list(PROGRAMS)
    if unknown := [name for name in names if name not in PROGRAMS]:
        parser.error(f"no such program: {', '.join(unknown)}; there are {', '.join(PROGRAMS)}")
    modes = [runmodes.RunMode(name, args.threshold) for name in ["stock", *(args.mode or ["ext"])]]
    for mode in modes:
        if reason := mode.unavailable():
            parser.error(f"mode {mode.name}: {reason}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        found = {}
        for name in names:
            counts = {mode.name: per_unit(name, mode, folder) for mode in modes}
            found[name] = counts
            stock = counts["stock"]
            for mode, value in counts.items():
                print(f"{name:10} {mode:12} {value:14,.0f} a {PROGRAMS[name].unit:8} {stock / value:.3f}x", flush=True)
        if args.json:
            args.json.parent.mkdir(parents=True, exist_ok=True)
            args.json.write_text(json.dumps({"unit": "instructions", "counts": found}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
