#!/usr/bin/env python3
"""CPU time of a site's pages in steady state: several processes of each way to run, in turns.

    python benchmarks/steady.py djangocms                                  # stock and ext
    python benchmarks/steady.py flaskblogging --way stock --way ext --way ext,PYSTON_GC=0 --way ext,BUILD=/other/build

For machines that are not quiet. A page takes a few per cent more or less in one process than in another of the same
kind, for as long as it lives, and the machine changes its speed from second to second. So each way gets several
processes, which are warmed up, then ask for their pages in an order that is drawn anew in each round; what counts is
the CPU time of the thread, without a client and sockets. The difference of two ways is worth something when their
processes do not overlap, which is 1 to 2 % as a rule.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "tests")]

import runmodes  # noqa: E402
from driver import catalog, interpreters  # noqa: E402
from driver.environments import Environments  # noqa: E402

SITES = ("flaskblogging", "djangocms")  # those that speak WSGI
CHILD = ROOT / "benchmarks" / "support" / "steady_pages.py"
TRIM = 5  # of the rounds of a process, one in so many at either end does not count


@dataclass
class Process:
    """One that asks for pages when it is told to."""

    popen: subprocess.Popen[str]
    rounds: list[float] = field(default_factory=list)

    def ask(self, order: str) -> str:
        """Its answer to an order of steady_pages.py. Exits with a message when it has ended."""
        assert self.popen.stdin and self.popen.stdout
        self.popen.stdin.write(order + "\n")
        self.popen.stdin.flush()
        answer = self.popen.stdout.readline().strip()
        if not answer:
            sys.exit(f"{' '.join(map(str, self.popen.args))} ended; its errors are above")
        return answer

    def mean(self) -> float:
        """Milliseconds a page, without the fastest and slowest rounds."""
        n = len(self.rounds) // TRIM
        return statistics.mean(sorted(self.rounds)[n : len(self.rounds) - n])


def start(way: str, site: catalog.Benchmark) -> Process:
    """A process of `way`: a column of the suite, then variables, of which BUILD names another build folder."""
    name, *settings = way.split(",")
    known = interpreters.known()
    if name not in known:
        sys.exit(catalog.unknown("way", name, list(known)))
    variables = dict(setting.partition("=")[::2] for setting in settings)
    build = variables.pop("BUILD", "")
    if build:
        variables["PYTHONPATH"] = os.pathsep.join(map(str, runmodes.extension_path(Path(build))))
    python = Environments(runmodes.BUILD / "bench" / "environments").python(known[name], site.requirements)
    env = known[name].env({"PYTHONHASHSEED": "0", **variables})
    command = [str(python), str(CHILD), str(site.script.parent)]
    return Process(subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", choices=SITES)
    parser.add_argument("--way", action="append", help="a column, perhaps with variables (default: stock, ext)")
    parser.add_argument("--processes", type=int, default=4, help="of each way (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=15, help="of each process (default: %(default)s)")
    parser.add_argument("--warm", type=float, default=8, help="seconds of pages before (default: %(default)s)")
    args = parser.parse_args(argv)
    ways = args.way or ["stock", "ext"]
    site = catalog.load()[args.site]
    groups = [[start(way, site) for way in ways] for _ in range(args.processes)]
    everything = [process for group in groups for process in group]
    for process in everything:
        process.ask(f"warm {args.warm}")
    for _ in range(args.rounds):
        for process in random.sample(everything, len(everything)):
            process.rounds.append(float(process.ask("pages 2")))
    first = statistics.mean(group[0].mean() for group in groups)
    for k, way in enumerate(ways):
        means = [group[k].mean() for group in groups]
        each = " ".join(f"{mean / first:.3f}" for mean in sorted(means))
        print(f"{way:40} {statistics.mean(means):7.3f} ms a page, {statistics.mean(means) / first:.3f} ({each})")
    for process in everything:
        process.popen.stdin.close()
        process.popen.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
