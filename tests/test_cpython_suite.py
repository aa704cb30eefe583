"""CPython's own test suite with the engine on: the part that fits into CI, a test per module.

The comparison itself is tests/cpython/run_suite.py, which also runs the rest (make test-cpython).
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import runmodes

sys.path.insert(0, str(Path(__file__).parent / "cpython"))

import run_suite
import suite

MANIFEST = suite.load_manifest()
SECONDS = suite.load_timings()
CI, CORE = MANIFEST["sets"]["ci"], MANIFEST["sets"]["core"]

# Compiling everything at once and leaving it at every guard costs several times the time: the short modules.
QUICK = [module for module in CI if module in CORE and SECONDS.get(module, 9) <= 0.3]

FULL_MODES = ("ext-t1", "ext-t1-deopt", "pyston3-t1", "pyston3-t1-deopt")


def check(module: str, label: str) -> None:
    mode = runmodes.parse(label)
    assert mode.unavailable() is None, mode.unavailable()
    done = run_suite.run(mode, [module], jobs=1, quiet=True)
    assert not done[module]["comparison"].regressed, run_suite.summary(mode, done, done[module]["run"].seconds)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("module", CI)
@pytest.mark.parametrize("mode", ("ext", "pyston3"))
def test_module(module, mode):
    check(module, mode)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("module", QUICK)
def test_module_under_stress(module):
    check(module, "ext-t1-deopt")


@pytest.mark.full
@pytest.mark.timeout(14400)
@pytest.mark.parametrize("module", CORE)
@pytest.mark.parametrize("mode", FULL_MODES)
def test_core_module(module, mode):
    check(module, mode)


# ------------------------------------------------------------------------------------ the runner's own tests


def module_run(status="passed", returncode=0, **cases):
    return suite.ModuleRun("test_x", status, 1.0, returncode, cases)


def test_manifest_names_modules_that_exist():
    everything = set(suite.all_modules(runmodes.RunMode("stock")))
    for name, modules in MANIFEST["sets"].items():
        assert set(modules) <= everything, name
        assert len(modules) == len(set(modules)), name
    for entry in MANIFEST.get("exclude", []) + MANIFEST.get("ignore", []):
        assert entry["module"] in everything
        assert len(entry["reason"]) > 20


def test_selecting_sets_and_modules():
    everything = ["test_a", "test_b", "test_c"]
    manifest = {"sets": {"core": ["test_b"]}}
    assert suite.select(["core", "test_a", "test_b"], manifest, everything) == ["test_b", "test_a"]
    assert suite.select(["all"], manifest, everything) == everything
    with pytest.raises(ValueError, match="test_nope"):
        suite.select(["test_nope"], manifest, everything)


def test_records_become_outcomes():
    text = """["start", "a", null]
["pass", "a", null]
["stop", "a", null]
["start", "b at 0x7f00", null]
["fail", "b at 0x7f00", "traceback"]
["pass", "b at 0x7f00", null]
["stop", "b at 0x7f00", null]
["start", "c", null]
["skip", "c", "no reason"]
["stop", "c", null]
["start", "d", null]
["sta"""
    cases, details = suite.parse_records(text)
    assert cases == {"a": "pass", "b at 0x": "fail", "c": "skip", "d": "crash"}
    assert details == {"b at 0x": "traceback"}


@pytest.mark.parametrize(
    ("returncode", "output", "status"),
    [
        (0, "", "passed"),
        (0, "test_x skipped -- no display", "skipped"),
        (2, "", "failed"),
        (-11, "", "crashed"),
        (None, "", "timeout"),
        (4, "NO TESTS RAN", "no-tests"),
    ],
)
def test_module_status(returncode, output, status):
    cases = {"a": "pass"} if status == "passed" else {}
    assert suite.module_status(returncode, output, cases) == status


def test_failures_are_what_stock_passes_and_the_engine_does_not():
    stock = module_run(a="pass", b="pass", c="fail", d="skip", e="xfail", f="pass", g="flaky")
    engine = module_run(a="pass", b="fail", c="fail", d="fail", e="xpass", g="fail")
    assert suite.failures(stock, engine) == {"b": "fail", "e": "xpass", "f": "missing"}
    crashed = module_run("crashed", -11, a="crash")
    assert suite.failures(module_run(a="pass"), crashed) == {"a": "crash", "<module>": "crashed"}
    assert suite.failures(module_run("failed", 2, a="fail"), crashed) == {}


class FakeBaseline:
    """Two runs of stock, without running anything."""

    def __init__(self, first, second):
        self.first, self.second = first, second

    def get(self, module):
        return self.first

    def again(self, module):
        return suite.merge(self.first, self.second)


def compare(monkeypatch, stock, stock_again, engine, engine_again, exclude=(), with_path=None):
    monkeypatch.setattr(suite, "run_module", lambda *args: engine_again)
    path_baseline = FakeBaseline(with_path, with_path) if with_path else None
    context = SimpleNamespace(limit=1, log=None, exclude=exclude, path_baseline=path_baseline)
    return suite.compare("test_x", runmodes.RunMode("ext"), engine, FakeBaseline(stock, stock_again), context)


def test_a_failure_that_stays_is_a_regression(monkeypatch):
    good, bad = module_run(a="pass", b="pass"), module_run("failed", 2, a="fail", b="pass")
    result = compare(monkeypatch, good, good, bad, bad)
    assert result.regressed == {"a": "fail", "<module>": "failed"}


def test_a_failure_that_goes_away_is_flaky(monkeypatch):
    good, bad = module_run(a="pass"), module_run("failed", 2, a="fail")
    result = compare(monkeypatch, good, good, bad, good)
    assert not result.regressed and set(result.flaky) == {"a", "<module>"}
    # As it is when stock is not sure either.
    result = compare(monkeypatch, good, bad, module_run(a="fail"), module_run(a="fail"))
    assert not result.regressed and set(result.flaky) == {"a"}


def test_a_failure_that_the_environment_causes_is_not_the_engines(monkeypatch):
    good, bad = module_run(a="pass", b="pass"), module_run("failed", 2, a="fail", b="pass")
    result = compare(monkeypatch, good, good, bad, bad, with_path=bad)
    assert not result.regressed and set(result.environment) == {"a", "<module>"}
    both = module_run("failed", 2, a="fail", b="fail")
    result = compare(monkeypatch, good, good, both, both, with_path=bad)
    assert "b" in result.regressed and set(result.environment) >= {"a"}


def test_exclusions_name_their_runs():
    manifest = {"exclude": [{"module": "test_x", "reason": "why", "modes": ["ext"], "thresholds": [1]}]}
    for label, count in (("ext-t1", 1), ("ext-t1-deopt", 1), ("ext", 0), ("pyston3-t1", 0)):
        assert len(suite.exclusions(manifest, runmodes.parse(label))) == count


def test_exclusions_cover_their_cases_only(monkeypatch):
    exclude = suite.exclusions(
        {"exclude": [{"module": "test_x", "test": r"\.a$", "reason": "why", "modes": ["ext"]}]}, runmodes.RunMode("ext")
    )
    good, bad = module_run(**{"x.a": "pass", "x.b": "pass"}), module_run("failed", 2, **{"x.a": "fail", "x.b": "pass"})
    result = compare(monkeypatch, good, good, bad, bad, exclude)
    assert not result.regressed and result.excluded == {"x.a": "why"}
    worse = module_run("failed", 2, **{"x.a": "fail", "x.b": "fail"})
    assert "x.b" in compare(monkeypatch, good, good, worse, worse, exclude).regressed
    crashed = module_run("crashed", -11, **{"x.a": "crash", "x.b": "pass"})
    assert "<module>" in compare(monkeypatch, good, good, crashed, crashed, exclude).regressed


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A mode whose pow() does what `body` says; the suite's results go to a folder of their own."""
    monkeypatch.setattr(suite, "OUT", tmp_path)

    def make(body: str) -> runmodes.RunMode:
        script = tmp_path / "broken"
        script.write_text(
            f"""#!{runmodes.STOCK}
import builtins, os, runpy, sys
sys.argv = sys.argv[1:]
builtins.pow = lambda *args: {body}
if __name__ == "__main__":
    runpy.run_path(sys.argv[0], run_name="__main__")
"""
        )
        script.chmod(0o755)
        mode = runmodes.RunMode("pyston3")
        object.__setattr__(mode, "argv", (str(script),))
        return mode

    return make


def test_runs_see_wrong_results(broken):
    done = run_suite.run(broken("0"), ["test_pow", "test_bool"], jobs=2, quiet=True)
    regressed = done["test_pow"]["comparison"].regressed
    assert regressed["test.test_pow.PowTest.test_powint"] == "fail"
    assert regressed["<module>"] == "failed"
    assert "test_powint" in (suite.OUT / "pyston3" / "test_pow.log").read_text()
    assert not done["test_bool"]["comparison"].regressed
    assert len(done["test_bool"]["run"].cases) > 20


def test_runs_see_crashes(broken):
    done = run_suite.run(broken("os.abort()"), ["test_pow"], jobs=1, quiet=True)
    assert done["test_pow"]["run"].status == "crashed"
    regressed = done["test_pow"]["comparison"].regressed
    assert regressed["<module>"] == "crashed" and "crash" in regressed.values()
    assert "missing" in regressed.values()  # cases after the crash


def test_runs_see_hangs(broken, monkeypatch):
    monkeypatch.setattr(suite, "timeout_for", lambda *args: 3)
    done = run_suite.run(broken("__import__('time').sleep(60)"), ["test_pow"], jobs=1, quiet=True)
    assert done["test_pow"]["run"].status == "timeout"
    assert done["test_pow"]["comparison"].regressed
