#!/usr/bin/env python3
"""Unmodified wheels with the engine on: their own tests, or a real use, held against stock.

    python tests/wheels/run_wheels.py                       # every package of packages.toml
    python tests/wheels/run_wheels.py numpy lxml --modes ext ext-t1 pyston3 pyston3-t1
    python tests/wheels/run_wheels.py --quick --setup       # only install what the quick ones need

The exit status is 0 when nothing differs from stock, 1 otherwise. build/wheels has the environments, results.json and
the output of every run (results/MODE/PACKAGE.log).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import runmodes
import wheels_envs
import wheels_page
import wheels_run
import wheels_table

# Both ways in, and both as users have it and with everything compiled at once.
MODES = ("pyston3", "ext-t1")
JSON = wheels_envs.FOLDER / "results.json"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("packages", nargs="*", help="names of packages.toml (default: all)")
    parser.add_argument("--quick", action="store_true", help="the packages that `make test` runs")
    parser.add_argument("--modes", nargs="+", default=MODES, help="such as ext, ext-t1, pyston3, pyston3-t1")
    parser.add_argument("--setup", action="store_true", help="install, and run nothing")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1, help="packages at a time")
    parser.add_argument("--json", type=Path, default=JSON, help="where results are kept (default: %(default)s)")
    parser.add_argument("--page", type=Path, help="put the table of results into this page")
    return parser.parse_args()


def chosen(table: dict[str, wheels_table.Package], args: argparse.Namespace) -> list[wheels_table.Package]:
    """The packages that the arguments name."""
    unknown = [name for name in args.packages if name not in table]
    if unknown:
        sys.exit(f"not in {wheels_table.TABLE.name}: {', '.join(unknown)}")
    packages = [table[name] for name in args.packages or table]
    return [package for package in packages if package.quick or not args.quick]


def run_package(package: wheels_table.Package, modes: list[runmodes.RunMode]) -> list[wheels_run.Comparison]:
    """One package under stock, and then in every mode."""
    stock = wheels_run.run(package, runmodes.RunMode("stock"), wheels_run.TIMEOUT)
    return [wheels_run.compare(package, mode, stock) for mode in modes]


def as_json(package: wheels_table.Package, results: list[wheels_run.Comparison]) -> dict:
    """What results.json keeps of a package."""
    stock = results[0].stock
    return {
        "version": package.version,
        "what": package.what,
        "stock": {"code": stock.code, "seconds": round(stock.seconds, 1), **stock.counts},
        "modes": {
            r.mode: {
                "outcome": r.outcome,
                "code": r.run.code,
                "seconds": round(r.run.seconds, 1),
                **r.run.counts,
                "differences": r.differences,
                "known": r.known,
                "flaky": r.flaky,
            }
            for r in results
        },
    }


def line(package: wheels_table.Package, results: list[wheels_run.Comparison]) -> str:
    """A package's row for the terminal."""
    stock = results[0].stock
    done = f"{sum(stock.counts.values())} tests" if package.tests else "program"
    bad = "" if stock.code == 0 or stock.counts["passed"] else f"  stock: exit status {stock.code}"
    modes = "  ".join(f"{r.mode}: {r.outcome} {r.run.seconds:.0f} s" for r in results)
    return f"{package.name:16} {package.version:12} {done:12} stock {stock.seconds:.0f} s  {modes}{bad}"


def main() -> int:
    """Runs what the arguments name; 0 when all is as with stock."""
    args = arguments()
    packages = chosen(wheels_table.load(), args)
    modes = [runmodes.parse(label) for label in args.modes]
    for mode in modes:
        if mode.unavailable():
            sys.exit(f"{mode.label}: {mode.unavailable()}")
    wheels_envs.prepare(packages, [runmodes.RunMode("stock"), *modes])
    if args.setup:
        return 0
    results = json.loads(args.json.read_text()) if args.json.exists() else {}
    lock = threading.Lock()
    failed = []

    def work(package: wheels_table.Package) -> None:
        done = run_package(package, modes)
        with lock:
            print(line(package, done), flush=True)
            for result in done:
                for text in result.differences[:20]:
                    print(f"    {result.mode}: {text}", flush=True)
            new = as_json(package, done)
            old = results.get(package.name, {})
            if old.get("version") == new["version"]:
                new["modes"] = {**old["modes"], **new["modes"]}
            results[package.name] = new
            args.json.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
            if not all(result.good for result in done):
                failed.append(package.name)

    runmodes.allow_interrupts()
    with ThreadPoolExecutor(args.jobs) as pool:
        list(pool.map(work, packages))
    if args.page:
        wheels_page.write(args.page, results, wheels_table.load())
    if failed:
        print(f"different from stock: {', '.join(sorted(failed))}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
