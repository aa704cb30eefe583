"""Unmodified wheels with the engine on, and extensions built from source: the few that take seconds.

The comparison itself is tests/wheels/run_wheels.py, which also runs the rest (make test-wheels).
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import runmodes

sys.path.insert(0, str(Path(__file__).parent / "wheels"))

import run_wheels
import wheels_envs
import wheels_run
import wheels_table

TABLE = wheels_table.load()
QUICK = {name: package for name, package in TABLE.items() if package.quick}
MODES = [runmodes.parse(label) for label in run_wheels.MODES]


@pytest.fixture(scope="session")
def environments() -> None:
    """Both environments, with what the quick packages need (make test-ready has installed it)."""
    wheels_envs.prepare(QUICK.values(), [runmodes.RunMode("stock"), *MODES])


@pytest.mark.parametrize("name", QUICK)
def test_same_as_stock(name, environments):
    results = run_wheels.run_package(QUICK[name], MODES)
    stock = results[0].stock
    assert stock.code == 0, f"stock fails, so nothing is compared: {stock.output}{stock.counts}"
    for result in results:
        assert result.good, f"{result.mode}: {result.outcome}\n" + "\n".join(result.differences)


def test_known_differences_have_reasons():
    """A difference is listed for a test that has it, with a sentence that says why."""
    for package in TABLE.values():
        for difference in package.differences:
            assert len(difference.reason.split()) > 3, (package.name, difference)


def test_report_of_a_process_that_died(tmp_path):
    """The test that was running when the process died has no outcome, and what ended before keeps its own."""
    log = tmp_path / "log.jsonl"
    log.write_text(
        '{"nodeid": "a.py::one", "when": "setup", "outcome": "passed", "$report_type": "TestReport"}\n'
        '{"nodeid": "a.py::one", "when": "call", "outcome": "failed", "$report_type": "TestReport"}\n'
        '{"nodeid": "a.py::one", "when": "teardown", "outcome": "passed", "$report_type": "TestReport"}\n'
        '{"nodeid": "a.py::two", "when": "setup", "outcome": "passed", "$report_type": "TestReport"}\n'
        '{"nodeid": "a.py::th'
    )
    assert wheels_run.outcomes(log) == {"a.py::one": "failed", "a.py::two": "running"}
    assert not wheels_run.Run(-11, 1.0, wheels_run.outcomes(log)).ended
