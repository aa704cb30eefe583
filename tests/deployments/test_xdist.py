"""pytest with xdist over a sizeable suite: the outcome of each test, its words included, is stock's."""

from __future__ import annotations

import functools
import re
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from deployments.ways import PROGRAMS, Way, compiled

# A suite of some 800 tests of every kind, made here: what a module has depends on its number.
MODULE = """
import os, pytest, sys, threading, warnings
import work

@pytest.fixture(params=["a", "b"])
def letter(request):
    yield request.param
    work.spin(50)

@pytest.fixture(scope="module")
def table():
    return work.table({n})

@pytest.mark.parametrize("k", range(40))
def test_numbers(k, table):
    assert table[k] == k * k + {n}
    assert work.spin(k * 20) >= 0

@pytest.mark.parametrize("k", range(6))
def test_wrong(k):
    expected = [work.spin(i) for i in range(5)]
    assert work.spin(k) == k, f"spin({{k}})"

def test_letters(letter, tmp_path, monkeypatch):
    monkeypatch.setattr(work, "FACTOR", 3)
    (tmp_path / letter).write_text(letter * work.spin(20))
    assert len((tmp_path / letter).read_text()) == work.spin(20)

def test_raises():
    with pytest.raises(ValueError, match="negative"):
        work.spin(-1)

def test_deep_failure():
    work.deep({n} + 3)

def test_output(capsys, caplog):
    print("in the test")
    assert capsys.readouterr().out == "in the test\\n"

def test_warning():
    warnings.warn("mind the gap")

def test_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(work.spin(500)))
    thread.start()
    thread.join()
    assert found == [work.spin(500)]

@pytest.mark.skipif({n} % 2, reason="odd")
def test_skipped():
    pass

@pytest.mark.xfail
def test_expected_failure():
    assert work.table(3)[1] == 0

def test_hot():
    for _ in range(3000):
        work.spin(10)
"""
WORK = """
FACTOR = 2

def spin(n):
    if n < 0:
        raise ValueError("negative")
    total = 0
    for i in range(n):
        total += (i * FACTOR) & 3
    return total

def table(n):
    return {k: k * k + n for k in range(40)}

def deep(n):
    if n == 0:
        raise LookupError("at the bottom")
    value = [deep(n - 1)]
    return value
"""
CONFTEST = """
import sys
sys.path.insert(0, {programs!r})
import evidence

def pytest_sessionfinish(session):
    evidence.note()
"""


@functools.cache
def outcomes(way: Way, folder: Path, *options: str) -> tuple[dict, list]:
    """Every test's outcome with the text of its failure, and what the processes have compiled."""
    notes = Path(tempfile.mkdtemp(dir=folder.parent))
    report = notes / "report.xml"
    env = {"EVIDENCE": notes}
    (folder / "conftest.py").write_text(CONFTEST.format(programs=str(PROGRAMS)))
    done = way.run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *options, cwd=folder, env=env
    )
    assert done.code == 1, f"{done.out}\n{done.err}"
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        parts = [(part.tag, part.get("message"), part.text) for part in case if part.tag not in ("properties",)]
        parts = repr(parts).replace(str(way.bin.parent), "ENV")
        text = re.sub(r"0x[0-9a-f]+|\[gw\d\].*|popen-gw\d|pytest-\d+", "...", parts)
        found[case.get("classname"), case.get("name")] = text
    return found, compiled(notes)


@pytest.fixture(scope="module")
def suite(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("xdist") / "suite"
    folder.mkdir()
    (folder / "work.py").write_text(WORK)
    for n in range(12):
        (folder / f"test_{n}.py").write_text(MODULE.format(n=n))
    return folder


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("-n", "2"), id="n2"),
        pytest.param(
            ("-n", "2", "--dist", "loadfile", "--tb", "long", "-l"), id="loadfile", marks=pytest.mark.deployments
        ),
        pytest.param(("--tb", "native"), id="alone", marks=pytest.mark.deployments),
    ],
)
def test_outcomes(way, stock, suite, options):
    expected, _ = outcomes(stock, suite, *options)
    assert len(expected) > 600 and sum("failure" in text for text in expected.values()) > 40
    actual, counts = outcomes(way, suite, *options)
    assert {k: v for k, v in actual.items() if v != expected[k]} == {} and actual.keys() == expected.keys()
    # The process that hands out the tests runs none.
    assert sum((count or 0) > 0 for count in counts) >= (2 if "-n" in options else 1), counts
