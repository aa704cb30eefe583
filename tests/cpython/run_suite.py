#!/usr/bin/env python3
"""CPython's own test suite with the engine on, compared test case by test case with stock.

    python tests/cpython/run_suite.py --mode ext --set ci -j2
    python tests/cpython/run_suite.py --mode ext --threshold 1 --stress deopt --set core -j2
    python tests/cpython/run_suite.py --mode pyston3 test_gc test_frame
    python tests/cpython/run_suite.py --mode stock --set all --save-timings      # baseline and timing table

The exit status is 0 when nothing regressed, 1 otherwise, 2 for a wrong argument. Logs and results are in
build/cpython-suite/<mode>/: MODULE.log, MODULE-retry.log, results.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parent))

import suite

runmodes = suite.runmodes


def run(mode, modules: list[str], jobs: int, refresh: bool = False, quiet: bool = False) -> dict:
    """Runs the modules, longest first, and returns {module: {"run": ModuleRun, "comparison": Comparison}}.

    In mode stock it fills the baseline and compares nothing.
    """
    runmodes.allow_interrupts()
    timings = suite.load_timings()
    manifest = suite.load_manifest()
    baseline = suite.Baseline(runmodes.RunMode("stock"), timings, refresh)
    path_baseline = None
    if mode.name.startswith("ext"):
        path_baseline = suite.Baseline(runmodes.RunMode("stock-path"), timings)
    folder = suite.OUT / mode.label
    exclude = suite.exclusions(manifest, mode)
    lock = threading.Lock()
    done: dict[str, dict] = {}
    suspects: list[str] = []

    def report(module: str, status: str, seconds: float, note: str = "") -> None:
        if not quiet:
            print(f"[{len(done):3}/{len(modules)}] {module:32} {status:9} {seconds:7.1f} s  {note}", flush=True)

    def context_for(module: str, log: Path) -> SimpleNamespace:
        limit = suite.timeout_for(module, mode, timings)
        return SimpleNamespace(limit=limit, log=log, exclude=exclude, path_baseline=path_baseline)

    def first_pass(module: str) -> None:
        if mode.name == "stock":
            result = baseline.get(module)
            bad = [n for n, o in result.cases.items() if o in ("fail", "error", "crash", "xpass")]
            with lock:
                done[module] = {"run": result, "comparison": suite.Comparison(module)}
                report(module, result.status, result.seconds, f"{len(bad)} failing cases" if bad else "")
            return
        stock = baseline.get(module)
        limit = suite.timeout_for(module, mode, timings)
        result = suite.run_module(module, mode, limit, folder / f"{module}.log")
        bad = suite.failures(stock, result)
        with lock:
            done[module] = {"run": result, "comparison": suite.Comparison(module)}
            if bad:
                suspects.append(module)
            report(module, result.status, result.seconds, f"{len(bad)} to retry" if bad else "")

    order = sorted(modules, key=lambda m: -timings.get(m, 1e9))
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(first_pass, order))
    # Retries run alone: half of what fails beside another process is a test of time or of ports.
    for module in sorted(suspects):
        context = context_for(module, folder / f"{module}-retry.log")
        comparison = suite.compare(module, mode, done[module]["run"], baseline, context)
        done[module]["comparison"] = comparison
        verdict = "REGRESSED" if comparison.regressed else "ok"
        report(module, verdict, done[module]["run"].seconds, ", ".join(sorted(comparison.regressed)[:4]))
    return done


def summary(mode, done: dict, seconds: float) -> str:
    """The text printed at the end: counts, then every regression with its log."""
    lines = ["", f"{mode.label}: {len(done)} modules in {seconds:.0f} s"]
    counts = Counter(entry["run"].status for entry in done.values())
    lines.append("  modules: " + ", ".join(f"{n} {status}" for status, n in sorted(counts.items())))
    cases = Counter(outcome for entry in done.values() for outcome in entry["run"].cases.values())
    lines.append("  cases:   " + ", ".join(f"{n} {outcome}" for outcome, n in sorted(cases.items())))
    regressed = {m: e["comparison"] for m, e in sorted(done.items()) if e["comparison"].regressed}
    for title, attribute in (("flaky", "flaky"), ("caused by PYTHONPATH", "environment")):
        total = sum(len(getattr(e["comparison"], attribute)) for e in done.values())
        if total:
            lines.append(f"  {title}: {total} cases, not counted")
    excluded = {(m, r) for m, e in done.items() for r in e["comparison"].excluded.values()}
    lines += [f"  excluded in {module}: {reason}" for module, reason in sorted(excluded)]
    lines.append(f"  regressed: {len(regressed)} modules")
    for module, comparison in regressed.items():
        lines.append(f"    {module}  ({suite.OUT / mode.label / (module + '-retry.log')})")
        # What never ran because its process ended early says nothing.
        missing = [name for name, outcome in comparison.regressed.items() if outcome == "missing"]
        shown = sorted((o, n) for n, o in comparison.regressed.items() if o != "missing" or len(missing) <= 3)
        lines += [f"      {outcome:8} {name}" for outcome, name in shown]
        if len(missing) > 3:
            lines.append(f"      missing  {len(missing)} cases that did not run")
    return "\n".join(lines)


def save_timings(done: dict) -> None:
    """Writes the timing table: seconds on stock, which order and time limits come from."""
    seconds = suite.load_timings()
    seconds.update({module: round(entry["run"].seconds, 1) for module, entry in done.items()})
    text = {"about": "seconds per module on stock, alone on two cores", "seconds": dict(sorted(seconds.items()))}
    suite.TIMINGS.write_text(json.dumps(text, indent=1) + "\n")


def save_results(mode, done: dict) -> Path:
    path = suite.OUT / mode.label / "results.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {
        module: {
            "status": e["run"].status,
            "seconds": e["run"].seconds,
            "cases": Counter(e["run"].cases.values()),
            "comparison": asdict(e["comparison"]),
        }
        for module, e in sorted(done.items())
    }
    path.write_text(json.dumps(data, indent=1) + "\n")
    return path


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    runmodes.add_arguments(parser)
    parser.add_argument("--set", dest="sets", action="append", default=[], help="core, ci or all; repeatable")
    parser.add_argument("modules", nargs="*", help="test modules, such as test_gc")
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("--skip", action="append", default=[], help="leave a module out; repeatable")
    parser.add_argument("--refresh-baseline", action="store_true", help="run stock again")
    parser.add_argument("--save-timings", action="store_true", help="with --mode stock: write timings.json")
    parser.add_argument("--list", action="store_true", help="print the modules and their time, run nothing")
    args = parser.parse_args(argv)
    everything = suite.all_modules(runmodes.RunMode("stock"))
    try:
        modules = suite.select((args.sets + args.modules) or ["ci"], suite.load_manifest(), everything)
    except ValueError as error:
        parser.error(str(error))
    modules = [m for m in modules if m not in args.skip]
    if args.list:
        timings = suite.load_timings()
        for module in modules:
            print(f"{timings.get(module, float('nan')):7.1f}  {module}")
        print(f"{sum(timings.get(m, 0) for m in modules):7.1f}  total of {len(modules)}")
        return 0
    mode = runmodes.from_arguments(args)
    start = time.monotonic()
    done = run(mode, modules, args.jobs, args.refresh_baseline)
    if args.save_timings and mode.name == "stock":
        save_timings(done)
    print(summary(mode, done, time.monotonic() - start))
    print(f"  results: {save_results(mode, done)}")
    return 1 if any(e["comparison"].regressed for e in done.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
