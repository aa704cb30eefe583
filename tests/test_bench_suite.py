"""The benchmark suite's driver: its manifest, what it says to wrong input, its plan and resuming, its reports."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pyperf
import pytest
from driver import catalog, charts, cli, compare, environments, interpreters, measure, report, store, table
from driver.series import Interval
from driver.store import FAILED, OK, SKIPPED, Cell, Folder, Outcome, Run

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"

FOLDERS = sorted(BENCHMARKS.glob("bm_*"))
CATALOG = catalog.load()
MACHINE = {
    "processor": "A processor",
    "processors": "2",
    "memory": "24 GiB",
    "kernel": "6.1",
    "system": "Debian",
    "commit": "0123456789ab",
}


def test_manifest_has_every_folder():
    own = {benchmark.script.parent for benchmark in catalog.own_benchmarks()}
    assert own == set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_benchmark_is_complete(folder):
    name = folder.name.removeprefix("bm_")
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    assert project["tool"]["pyperformance"]["name"] == name
    assert project["project"]["requires-python"]
    benchmark = CATALOG[name]
    assert benchmark.group in catalog.GROUP_ORDER
    lines = [
        line for line in benchmark.requirements.splitlines() if line and not line.startswith(("#", "--no-binary="))
    ]
    assert all(re.fullmatch(r"[\w.-]+==[\w.+]+(; .*)?", line) for line in lines), lines
    assert {"pyperf", "psutil"} <= {line.partition("==")[0] for line in lines}
    for file in folder.rglob("*.py"):
        tree = ast.parse(file.read_text(), feature_version=(3, 9))
        assert ast.get_docstring(tree), file


def test_micro_benchmarks_are_pyperformances():
    micro = {name for name, size in catalog.SIZES.items() if size.group == catalog.MICRO}
    assert micro == {benchmark.name for benchmark in CATALOG.values() if benchmark.group == catalog.MICRO}


def test_the_rest_of_pyperformance_is_there():
    rest = [benchmark for benchmark in CATALOG.values() if benchmark.group == catalog.PYPERFORMANCE]
    assert len(rest) > 60
    assert all(benchmark.script.is_file() for benchmark in CATALOG.values())


def test_levels_scale_the_work():
    nbody = CATALOG["nbody"]
    assert "--values=15" in nbody.arguments(catalog.LEVELS["standard"])
    assert "--values=9" in nbody.arguments(catalog.LEVELS["quick"])
    assert "--debug-single-value" in CATALOG["pyperformance/2to3"].arguments(catalog.LEVELS["smoke"])
    assert "--values=5" in CATALOG["pyperformance/nqueens"].arguments(catalog.LEVELS["standard"])
    quick = catalog.select(CATALOG, [], catalog.LEVELS["quick"])
    standard = catalog.select(CATALOG, [], catalog.LEVELS["standard"])
    assert (
        10 < len(quick) < len(standard) < len(catalog.select(CATALOG, [], catalog.LEVELS["thorough"])) == len(CATALOG)
    )
    slow = CATALOG["pyperformance/networkx"]
    assert slow not in standard and catalog.select(CATALOG, [slow.name], catalog.LEVELS["standard"]) == [slow]
    known = {benchmark.name for benchmark in CATALOG.values()}
    assert {f"pyperformance/{name}" for name in catalog.PYPERFORMANCE_SIZES} <= known


def test_names_select_benchmarks_and_groups():
    level = catalog.LEVELS["quick"]
    chosen = [benchmark.name for benchmark in catalog.select(CATALOG, ["torch", "nbody"], level)]
    assert chosen == ["torch_alexnet", "torch_transformer", "nbody"]


def test_unsupported_version_says_why():
    assert "3.9.16" in CATALOG["torch_alexnet"].unsupported("3.9.16")
    assert CATALOG["torch_alexnet"].unsupported("3.11.2") is None
    assert "CPython" in CATALOG["mypy_compiled"].unsupported("3.9.16", "PyPy")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "nbdoy"], ("no such benchmark: nbdoy (did you mean nbody?)", "flaskblogging", "web")),
        (
            ["run", "nbody", "--interpreters", "pypi3"],
            ("no such interpreter: pypi3 (did you mean pypy3?)", "ext-nojit"),
        ),
        (["run", "nbody", "--pythons", "/nowhere/python"], ("no such interpreter: /nowhere/python", "pyston3")),
        (["run", "nbody", "--rounds", "0"], ("--rounds must be at least 1",)),
        (["compare", "/nowhere/a", "/nowhere/b"], ("/nowhere/a: no results",)),
        (["report", "/nowhere/run"], ("/nowhere/run holds no results of the suite",)),
    ],
)
def test_wrong_input(arguments, expected, capsys, tmp_path):
    assert cli.main(["--home", str(tmp_path), *arguments]) == 2
    text = capsys.readouterr().err
    assert text.startswith("bench: ") and len(text.splitlines()) == 1
    assert all(part in text for part in expected), text


def test_missing_results_name_the_command(tmp_path, capsys):
    assert cli.main(["--home", str(tmp_path), "report"]) == 2
    assert "run make bench" in capsys.readouterr().err


def test_missing_interpreter_names_the_command():
    gone = interpreters.Interpreter("gone", "", "/nowhere/pypy3", "gone", install="apt-get install pypy3")
    assert gone.unavailable() == "/nowhere/pypy3 does not exist: apt-get install pypy3"
    with pytest.raises(catalog.UsageError, match="interpreter gone: /nowhere/pypy3 does not exist: apt-get"):
        cli._usable([gone], ["gone"])


def test_interpreter_that_does_not_start_says_why(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'pyston: PYSTON must be 0 or 1' >&2; exit 1\n")
    broken.chmod(0o755)
    reason = interpreters.Interpreter("broken", "", str(broken), "broken", install="make").unavailable()
    assert reason == f"{broken} cannot make virtual environments (pyston: PYSTON must be 0 or 1): make"


def test_missing_package_names_the_command():
    code = "import bench; bench.NEEDED += ('not_there',); bench.check_packages()"
    done = subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True)
    assert done.returncode == 1
    assert "not_there missing" in done.stderr and "pip install -r benchmarks/requirements.txt" in done.stderr


def test_plan_interleaves_and_rotates():
    cells = store.plan({"a": 2, "b": 2}, ["stock", "ext", "pypy3"], 2)
    assert [cell.interpreter for cell in cells[:3]] == ["stock", "ext", "pypy3"]
    assert [cell.benchmark for cell in cells[:6]] == ["a"] * 3 + ["b"] * 3
    assert [cell.interpreter for cell in cells[6:9]] == ["ext", "pypy3", "stock"]
    assert len(set(cells)) == len(cells) == 12


def test_plan_measures_the_baseline_twice():
    cells = store.plan({"a": 1}, ["stock", "ext"], 2)
    assert cells == [Cell("a", "stock", 0), Cell("a", "ext", 0), Cell("a", "stock", 1)]


def test_environments_are_shared_by_requirements(tmp_path):
    made = environments.Environments(tmp_path)
    stock, ext = interpreters.known()["stock"], interpreters.known()["ext"]
    assert made.path(stock, "") == made.path(ext, "pyperf==2.10.0\npsutil==7.2.2\n")
    assert made.path(stock, "Flask==3.1.3") != made.path(stock, "")
    assert made.path(interpreters.known()["pypy3"], "") != made.path(stock, "")


def test_setup_makes_each_environment_once(tmp_path, monkeypatch, capsys):
    made = []

    def make(self, interpreter, requirements, folder):
        if "torch" in requirements:
            raise environments.SetupError("no such wheel")
        made.append(folder)
        folder.mkdir(parents=True)
        (folder / ".ready").touch()

    monkeypatch.setattr(environments.Environments, "_make", make)
    command = ["--home", str(tmp_path), "setup", "--interpreters", "stock", "nbody", "chaos", "flaskblogging"]
    assert cli.main(command) == 0
    assert len(made) == len(set(made)) == 2, "nbody and chaos need nothing, so they share one"
    assert "2 environments made, 0 failed" in capsys.readouterr().out
    assert cli.main([*command, "torch_alexnet"]) == 1
    printed = capsys.readouterr()
    assert "torch_alexnet on stock: FAILED: no such wheel" in printed.err
    assert "0 environments made, 1 failed" in printed.out


class Ready(environments.Environments):
    """Every environment is the one that the test runs in."""

    def python(self, interpreter, requirements):
        return Path(sys.executable)


def script(folder: Path, body: str) -> catalog.Benchmark:
    path = folder / "run_benchmark.py"
    path.write_text(f"import sys\nsys.path.insert(0, {str(BENCHMARKS)!r})\nfrom support import inprocess\n{body}\n")
    return catalog.Benchmark("tiny", "scripts", path, "", catalog.Size(8, 0.1))


def run_script(folder: Path, body: str) -> Outcome:
    bench = measure.Bench(
        Ready(folder),
        catalog.LEVELS["standard"],
        {"stock": {"version": "3.11.2", "implementation": "CPython"}},
        folder / "scratch",
    )
    return bench.run(script(folder, body), interpreters.known()["stock"], 0)


def test_cell_runs(tmp_path):
    outcome = run_script(tmp_path, "inprocess.run('tiny', lambda: lambda: 'x' * 1000)")
    assert outcome.status == OK, outcome.error
    assert outcome.extras["digest"]
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("inprocess.run('tiny', lambda: lambda: 1 / 0)", "ZeroDivisionError: division by zero"),
        (
            "import itertools; n = itertools.count(); inprocess.run('tiny', lambda: lambda: str(next(n)))",
            "is another than",
        ),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
        ("pass", "no results"),
    ],
)
def test_failure_is_an_outcome(tmp_path, body, message):
    outcome = run_script(tmp_path, body)
    assert outcome.status == FAILED
    assert message in outcome.error
    assert "pyperf/_manager.py" not in outcome.error


def test_a_process_that_hangs_is_stopped():
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    assert measure.run_group(command, {}, subprocess.DEVNULL, 0.2) is None


def test_what_it_started_is_stopped_too(tmp_path):
    child = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    assert measure.run_group([sys.executable, "-c", code], {}, subprocess.DEVNULL, 2) is None
    stat = Path("/proc", (tmp_path / "pid").read_text(), "stat")
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)  # a signal takes its time; the limit is pytest's


def outcome_of(name: str, values: list[float], **extras) -> Outcome:
    run = pyperf.Run(values, metadata={"name": name, "loops": 1, "mem_max_rss": 2**25}, collect_metadata=False)
    suite = pyperf.BenchmarkSuite([pyperf.Benchmark([run])])
    stream = io.StringIO()
    suite.dump(stream)
    return Outcome(OK, 1.0, json.loads(stream.getvalue()), {"digest": "same", **extras})


@pytest.fixture
def folder(tmp_path) -> Folder:
    """A finished run: two benchmarks, one interpreter twice as fast, one that fails, one that is left out."""
    made = Folder(tmp_path / "run")
    columns = [
        {"name": name, "about": f"about {name}", "version": version, "text": version}
        for name, version in (("stock", "3.11.2"), ("ext", "3.11.2"), ("pypy3", "3.9.16"))
    ]
    groups = {"flask": "web", "nbody": "micro"}
    made.save(Run("quick", list(groups), groups, columns, 2, MACHINE, "2026-01-01T00:00:00", "2026-01-01T00:05:00"))
    for number in (0, 1):
        for speed, name in ((1, "stock"), (2, "ext")):
            values = [0.03 / speed] * 30 + [0.01 / speed] * 70
            extras = {"throughput": 200.0, "peak_memory": 2**26, "cycle": 2}
            made.record(Cell("flask", name, number), outcome_of("flask", values, **extras))
            made.record(Cell("nbody", name, number), outcome_of("nbody", [0.1] * 20))
        made.record(Cell("flask", "pypy3", number), Outcome(SKIPPED, error="needs Python >=3.11, this is 3.9.16"))
    error = "exit code 1: python run_benchmark.py\nTraceback\n  File <x>\nValueError: <b>bad</b>"
    made.record(Cell("nbody", "pypy3", 0), Outcome(FAILED, error=error))
    return made


def test_report(folder):
    summary = report.make(folder)
    rows = {(row.benchmark, row.interpreter): row for row in summary.rows}
    fast = rows["flask", "ext"]
    assert fast.ratio.value == pytest.approx(2)
    assert fast.mean == pytest.approx(0.005)
    assert fast.warm_up == pytest.approx(0.45)
    assert (fast.throughput, fast.memory, fast.rounds) == (200.0, 2**26, 2)
    assert rows["nbody", "stock"].memory == 2**25
    assert summary.noise == (0.0, 0.0)
    means = {(mean.group, mean.interpreter): mean.ratio.value for mean in summary.means}
    assert means == {
        ("web", "ext"): pytest.approx(2),
        ("micro", "ext"): pytest.approx(1),
        ("all", "ext"): pytest.approx(2**0.5),
    }


def test_report_files(folder):
    report.make(folder)
    page = (folder.path / "report.html").read_text()
    assert '<tr class="failed">' in page and "ValueError: &lt;b&gt;bad&lt;/b&gt;" in page
    assert "needs Python &gt;=3.11" in page
    assert not re.search(r'(?:src|href)="(?!data:)', page), "the page refers to something outside itself"
    assert page.count("data:image/png;base64,") == len(charts.PICTURES)
    for name in charts.PICTURES:
        assert (folder.path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    text = (folder.path / "table.md").read_text()
    assert "| flask | ext | 450 ms | 5 ms | 5 ms | 5 ms | 200/s | 64.0 MiB | 2.00x | 2.00 to 2.00 |" in text
    assert "FAILED: ValueError: <b>bad</b>" in text
    assert MACHINE["commit"] in text and "Noise" in text


def test_suites_are_pyperfs(folder):
    report.make(folder)
    command = [sys.executable, "-m", "pyperf", "compare_to", "stock.json", "ext.json"]
    done = subprocess.run(command, cwd=folder.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "10.0 ms" in done.stdout and "5.00 ms" in done.stdout and "2.00x faster" in done.stdout


def test_other_answers_are_an_error(folder):
    changed = outcome_of("nbody", [0.1] * 20)
    changed.extras["digest"] = "other"
    folder.record(Cell("nbody", "ext", 0), changed)
    rows = {(row.benchmark, row.interpreter): row for row in report.make(folder).rows}
    assert rows["nbody", "ext"].problem.status == FAILED
    assert "answers are not stock's" in rows["nbody", "ext"].problem.text


def test_a_process_that_failed_fails_the_row(folder):
    folder.record(Cell("flask", "ext", 1), Outcome(FAILED, error="killed by SIGSEGV: python"))
    rows = {(row.benchmark, row.interpreter): row for row in report.make(folder).rows}
    assert rows["flask", "ext"].ratio is None
    assert table.line(rows["flask", "ext"]).cells[2] == "FAILED: killed by SIGSEGV: python"


def test_interrupted_run_reports_what_there_is(folder):
    run = folder.load()
    run.finished = ""
    folder.save(run)
    for file in (folder.path / "cells" / "nbody").iterdir():
        file.unlink()
    summary = report.make(folder)
    assert summary.benchmarks == ["flask"]
    assert "Not finished" in (folder.path / "report.html").read_text()


def test_resuming(folder):
    run = folder.load()
    results = folder.path.parent
    assert store.unfinished(results, run) is None, "it is finished"
    run.finished = ""
    folder.save(run)
    later = Run(**{**vars(run), "started": "2026-01-02T00:00:00"})
    assert store.unfinished(results, later).path == folder.path
    assert folder.outcome(Cell("flask", "ext", 1)).status == OK
    assert folder.outcome(Cell("flask", "ext", 2)) is None
    other = Run(**{**vars(later), "machine": {**MACHINE, "commit": "another"}})
    assert store.unfinished(results, other) is None, "results of another commit are other results"


def test_compare(folder, tmp_path):
    report.make(folder)
    changes = list(compare.compare(folder.path / "stock.json", folder.path / "ext.json"))
    verdicts = {change.benchmark: change.verdict for change in changes}
    assert verdicts == {"flask": "faster", "nbody": "same"}
    text = compare.text(changes)
    assert "faster: 1" in text and "slower: 0" in text and "no difference beyond noise: 1" in text
    same = compare.text(list(compare.compare(folder.path, folder.path)))
    assert "no difference beyond noise: 4" in same


def test_repeats(folder):
    """Two runs agree where their intervals meet; what does not is named."""
    report.make(folder)
    found = compare.repeats(folder.path, folder.path)
    assert {(repeat.benchmark, repeat.interpreter) for repeat in found} == {("flask", "ext"), ("nbody", "ext")}
    assert "reproduced: 2 of 2" in compare.repeats_text(found)
    flask = next(repeat for repeat in found if repeat.benchmark == "flask")
    flask.second = Interval(9.0, 8.5, 9.5)
    text = compare.repeats_text(found)
    assert "reproduced: 1 of 2" in text and "9.00x (8.50 to 9.50)" in text
    assert compare.repeats(folder.path / "stock.json", folder.path / "ext.json") == []


@pytest.mark.parametrize(
    ("value", "text"), [(2.345, "2.35 s"), (0.123, "123 ms"), (0.00123, "1.23 ms"), (1e-6, "1 µs"), (2e-8, "20 ns")]
)
def test_seconds(value, text):
    assert table.seconds(value) == text
