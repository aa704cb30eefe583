"""The table of docs/packages.md, made of results.json: what was run, and what came of it."""

from __future__ import annotations

from pathlib import Path

import wheels_table

HEADING = "| package | version | made with | what was run | tests | outcome |"


def rows(results: dict, table: dict[str, wheels_table.Package]) -> list[str]:
    """A row for every package that has results, in the order of the table."""
    return [row(package, results[name]) for name, package in table.items() if name in results]


def row(package: wheels_table.Package, result: dict) -> str:
    stock = result["stock"]
    count = sum(value for key, value in stock.items() if key in ("passed", "failed", "skipped", "xskipped", "xpassed"))
    tests = f"{count:,}" if package.tests else "program"
    bad = [mode for mode, run in result["modes"].items() if run["outcome"] != "same"]
    known = {test for run in result["modes"].values() for test in run["known"]}
    outcome = f"differs: {', '.join(bad)}" if bad else "same"
    if known:
        outcome += f", but for {len(known)} known"
    if stock.get("failed"):
        outcome += f" ({stock['failed']} fail in stock too)"
    return f"| {package.name} | {result['version']} | {package.built_with} | {package.what} | {tests} | {outcome} |"


def write(page: Path, results: dict, table: dict[str, wheels_table.Package]) -> None:
    """Replaces the page's table."""
    lines = page.read_text().splitlines()
    start = lines.index(HEADING)
    end = next(n for n in range(start, len(lines) + 1) if n == len(lines) or not lines[n].startswith("|"))
    lines[start:end] = [HEADING, "|---|---|---|---|---|---|", *rows(results, table)]
    page.write_text("\n".join(lines) + "\n")
