"""`bench`: one program here, with and without the engine.

Every run is a fresh process; the two sides take turns (A B B A ...), so that what the machine does meanwhile falls
on both. Before that each side runs once: both have to end with the same exit status, and that fills the caches. The
figure is the median of the pairs' ratios without/with (above 1: faster with the engine) and the 95 % interval of that
median, bootstrapped.

A small process (LAUNCHER) starts each run and measures it, because the kernel counts the memory of the process that
starts a program as that program's.
"""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from pyston import cmd_common

DESCRIPTION = """\
Time a program with and without the engine: whole fresh processes, in turns, after a run
of each that has to end with the same exit status. The program reads no input, and its
output is thrown away. With neither --runs nor --time: 5 pairs at least, then more for a
minute, 30 at most."""

# Arguments: a program and its arguments. Writes wait status, seconds, peak resident memory in KiB.
LAUNCHER = """
import posix, sys, time
start = time.perf_counter()
pid = posix.fork()
if pid == 0:
    try:
        posix.execv(sys.argv[2], sys.argv[2:])
    finally:
        posix._exit(127)
_, status, usage = posix.wait4(pid, 0)
seconds = time.perf_counter() - start
with open(sys.argv[1], "w") as file:
    file.write(f"{status} {seconds} {usage.ru_maxrss}")
"""

FEWEST, MOST, BUDGET = 5, 30, 60.0


def positive(kind):
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not 0 < value < 1e9:
            raise cmd_common.argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
        return value

    return parse


def main(arguments):
    parser = cmd_common.Parser("bench", DESCRIPTION, "[OPTIONS] SCRIPT [ARGS] | -m MODULE [ARGS] | -c CODE [ARGS]")
    parser.add_argument("--runs", "-n", type=positive(int), metavar="N", help="exactly N pairs")
    parser.add_argument(
        "--time", "-t", type=positive(float), metavar="SECONDS", help="pairs until so much time is over, 2 at least"
    )
    parser.add_threshold("the setting PYSTON_THRESHOLD, for the runs with the engine")
    parser.add_argument(
        "--baseline",
        metavar="PYTHON",
        help="the interpreter that runs without the engine (default: this one, with the engine off)",
    )
    parser.add_argument(
        "--timeout", type=positive(float), default=600.0, metavar="SECONDS", help="give up a run after (default: 600)"
    )
    parser.add_argument("--json", metavar="FILE", help="write every run there (- for standard output, instead of text)")
    options, program = parser.parse_program(arguments)
    if options.runs and options.time:
        parser.error("give --runs or --time, not both")
    sides = {"without": Side(program, False, options), "with": Side(program, True, options)}
    file = cmd_common.open_json(options.json)

    try:
        sides["with"].check_engine()
        outcomes = {name: side.run(keep=True) for name, side in sides.items()}
        note = compare(outcomes)
        pairs = measure(sides, options)
    except Failed as failed:
        print(f"pyston: {failed}", file=sys.stderr)
        return 1
    result = summary(pairs)
    result.update(program=str(program), status=outcomes["with"].status, note=note)
    if file is not sys.stdout:
        print(text(result))
    if file is not None:
        json.dump(result, file, indent=1)
        file.write("\n")
    return 0


# --- running


class Failed(Exception):
    """The two sides cannot be compared; the sentence says why."""


class Run:
    def __init__(self, status, seconds, memory, output):
        self.status, self.seconds, self.memory, self.output = status, seconds, memory, output


class Side:
    """The program with the engine on or off."""

    def __init__(self, program, on, options):
        self.name = "with the engine" if on else "without it"
        self.timeout = options.timeout
        self.env = cmd_common.environment(on, options.threshold if on else None)
        self.command = cmd_common.command_line(program.command())
        if not on and options.baseline:
            import shutil

            path = shutil.which(options.baseline)
            if path is None:
                cmd_common.refuse(f"--baseline {options.baseline!r} is no program that can be run: give a path to one")
            self.command[0] = path

    def check_engine(self):
        """Without the engine in it the comparison would be of two equal things."""
        code = "import sys, _pyston; sys.exit(not _pyston.is_enabled())"
        done = subprocess.run(
            cmd_common.command_line(["-c", code]),
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            why = done.stderr.strip().rpartition("\n")[2]
            raise Failed(f"the engine does not come on here, so there is nothing to compare: {why} (see `doctor`)")

    def run(self, keep=False):
        """One run in a fresh process; with `keep` the Run has its standard output and the end of its stderr."""
        with tempfile.NamedTemporaryFile() as result, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", LAUNCHER, result.name, *self.command],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=out if keep else subprocess.DEVNULL,
                stderr=err if keep else subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                process.wait(self.timeout)
            except BaseException as error:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                raise Failed(
                    f"a run {self.name} was not finished after {self.timeout:g} s: "
                    "give it less to do, or a longer --timeout"
                ) from None
            words = result.read().split()
            if len(words) != 3:
                raise Failed(f"a run {self.name} could not be started: {self.command[0]} does not run here")
            output = None
            if keep:
                out.seek(0)
                err.seek(0)
                output = (out.read(), err.read()[-2000:].decode(errors="replace"))
            status = os.waitstatus_to_exitcode(int(words[0]))
            return Run(status, float(words[1]), int(words[2]) * 1024, output)


def said(status):
    return f"exit status {status}" if status >= 0 else f"signal {-status}"


def compare(outcomes):
    """A note on how the two sides differ, or None. Raises Failed where the comparison would mean nothing."""
    without, on = outcomes["without"], outcomes["with"]
    if without.status != on.status:
        side = on if on.status else without
        raise Failed(
            f"{said(without.status)} without the engine, {said(on.status)} with it: not timed; run the program "
            "both ways and report the difference, unless the program fails by chance. Its last words:\n"
            f"{side.output[1]}"
        )
    if on.status < 0:
        raise Failed(f"the program ends by {said(on.status)}, with and without the engine: nothing is timed")
    if on.status != 0:
        return f"the program ends with {said(on.status)}, with and without the engine"
    if without.output[0] != on.output[0]:
        return "standard output differs from run to run or between the two: see that both do the same work"
    return None


def measure(sides, options):
    """A list of pairs (without, with), the first of which alternates."""
    pairs, start = [], time.perf_counter()
    fewest, most, budget = FEWEST, MOST, BUDGET
    if options.runs:
        fewest = most = options.runs
    elif options.time:
        fewest, most, budget = 2, 10**9, options.time
    while len(pairs) < fewest or (len(pairs) < most and time.perf_counter() - start < budget):
        order = ("without", "with") if len(pairs) % 2 == 0 else ("with", "without")
        runs = {name: sides[name].run() for name in order}
        if runs["without"].status != runs["with"].status:
            raise Failed(
                f"pair {len(pairs) + 1}: {said(runs['without'].status)} without the engine, "
                f"{said(runs['with'].status)} with it, though both ended alike before: see why it fails at times"
            )
        pairs.append((runs["without"], runs["with"]))
        if sys.stderr.isatty():
            print(f"\r{len(pairs)} pairs", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    return pairs


# --- figures


def bootstrap(values, samples=2000, seed=1):
    """The median, and the 95 % interval of the medians of resampled values."""
    generator = random.Random(seed)
    medians = sorted(statistics.median(generator.choices(values, k=len(values))) for _ in range(samples))
    return statistics.median(values), medians[int(samples * 0.025)], medians[int(samples * 0.975) - 1]


def summary(pairs):
    ratio, low, high = bootstrap([a.seconds / b.seconds for a, b in pairs])
    sides = {}
    for index, name in enumerate(("without", "with")):
        runs = [pair[index] for pair in pairs]
        sides[name] = {
            "median_seconds": statistics.median(run.seconds for run in runs),
            "median_peak_bytes": statistics.median(run.memory for run in runs),
            "seconds": [run.seconds for run in runs],
            "peak_bytes": [run.memory for run in runs],
        }
    return {
        "pairs": len(pairs),
        "ratio": ratio,
        "low": low,
        "high": high,
        "verdict": verdict(pairs, ratio, low, high),
        **sides,
    }


def verdict(pairs, ratio, low, high):
    if len(pairs) < FEWEST:
        return f"{len(pairs)} pairs are too few to tell: give more --runs or --time"
    if low <= 1 <= high:
        return "within noise: these runs show no difference"
    return (
        f"{ratio:.2f} times as fast with the engine"
        if ratio > 1
        else f"slower with the engine: {ratio:.2f} of the speed"
    )


def text(result):
    name = result["program"].partition("\n")[0]
    lines = [f"{name if len(name) < 80 else name[:77] + '...'}: {result['pairs']} pairs of runs"]
    if result["note"]:
        lines.append(f"note: {result['note']}")
    for name, label in (("without", "without the engine"), ("with", "with the engine")):
        side = result[name]
        lines.append(
            f"  {label:20} {side['median_seconds']:.3f} s (median, {min(side['seconds']):.3f} to "
            f"{max(side['seconds']):.3f}), peak memory {side['median_peak_bytes'] / 2**20:.1f} MiB"
        )
    memory = result["with"]["median_peak_bytes"] / result["without"]["median_peak_bytes"] - 1
    interval = f"95 % interval {result['low']:.3f} to {result['high']:.3f}"
    lines.append(f"  speed {result['ratio']:.3f}x ({interval}), memory {memory:+.1%}")
    lines.append(result["verdict"])
    return "\n".join(lines)
