"""One of pyperformance's benchmarks, from the installed package, with a fixed number of loops.

    python pyperformance_app.py NAME LOOPS [BENCHMARK OPTIONS]

The benchmark's script runs as it is; only pyperf's Runner, which would start processes and calibrate, is
replaced. Prints what the benchmark computed: nbody's bodies, chaos's picture, richards's checks.
"""

import argparse
import hashlib
import importlib.util
import os
import runpy
import sys
import tempfile
from pathlib import Path

import pyperf
from measure import measured


class FixedRunner:
    """What the benchmarks use of pyperf.Runner, running each benchmark LOOPS times in this process."""

    loops = 1

    def __init__(self, *args, **kwargs):
        self.argparser = argparse.ArgumentParser()
        self.metadata = {}
        self.args = None

    def parse_args(self):
        self.args = self.argparser.parse_args(sys.argv[1:])
        return self.args

    def bench_func(self, name, function, *args, **kwargs):
        kwargs.pop("inner_loops", None)
        with measured():
            for _ in range(self.loops):
                result = function(*args, **kwargs)
        print(name, type(result).__name__, result if isinstance(result, (int, float, str, bool)) else "")

    def bench_time_func(self, name, function, *args, **kwargs):
        kwargs.pop("inner_loops", None)
        with measured():
            seconds = function(self.loops, *args, **kwargs)
        print(name, type(seconds).__name__)

    def bench_async_func(self, name, function, *args, **kwargs):
        import asyncio

        kwargs.pop("loop_factory", None)
        with measured():
            for _ in range(self.loops):
                result = asyncio.run(function(*args, **kwargs))
        print(name, type(result).__name__)


def script(name):
    package = Path(importlib.util.find_spec("pyperformance").origin).parent
    return package / "data-files" / "benchmarks" / f"bm_{name}" / "run_benchmark.py"


def main(name, loops, options):
    pyperf.Runner = FixedRunner
    FixedRunner.loops = loops
    path = script(name)
    sys.path.insert(0, str(path.parent))  # what running the script would put there
    picture = None
    if name == "chaos":
        picture = os.path.join(tempfile.mkdtemp(), "chaos.ppm")
        options = [*options, "--filename", picture]
    sys.argv = [str(path), *options]
    space = runpy.run_path(str(path), run_name="__main__")
    if name == "nbody":
        for body in space["SYSTEM"]:
            print(body)
    if picture:
        data = Path(picture).read_bytes()
        print(len(data), hashlib.sha256(data).hexdigest())
        os.remove(picture)
        os.rmdir(os.path.dirname(picture))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
