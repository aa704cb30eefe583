"""What is measured: the suite's own benchmarks (benchmarks/MANIFEST), pyperformance's, and how much of each.

One table says how many values a run of a benchmark takes and in which group it stands. The counts are for the level
`standard`, whose runs take a few seconds each on stock; the other levels scale them.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version
from pyperformance import _manifest as pyperformance_manifest

BENCHMARKS = Path(__file__).resolve().parents[1]
PYPERFORMANCE = "pyperformance"
MICRO = "micro"


class UsageError(Exception):
    """What was asked for does not exist; the text lists what does."""


@dataclass(frozen=True)
class Size:
    """A benchmark's amount of work at the level `standard`."""

    values: int  # timed calls or requests of a run
    seconds: float  # that a run takes on stock, set-up included; a first guess for the time left
    quick: bool = False  # whether the level `quick` has it
    slow: bool = False  # left to the level `thorough` and to those who name it
    group: str = ""  # for pyperformance's benchmarks; ours name it in pyproject.toml
    loops: int | None = 1  # calls in a value; None: pyperf calibrates


@dataclass(frozen=True)
class Level:
    """How long everything takes."""

    about: str
    scale: float  # of the number of values
    rounds: int  # processes per benchmark and interpreter
    pyperformance_rounds: int  # of the many small benchmarks of pyperformance
    only_quick: bool = False
    slow: bool = False  # whether it has the slow ones
    single: bool = False  # pyperformance's benchmarks make one call

    def rounds_of(self, group: str) -> int:
        """How many processes a benchmark of the group gets."""
        return self.pyperformance_rounds if group == PYPERFORMANCE else self.rounds


LEVELS = {
    "smoke": Level("as standard, each once, to see that it runs; its times mean nothing", 0.1, 1, 1, single=True),
    "quick": Level("a selection in about 5 minutes", 0.6, 1, 1, only_quick=True),
    "standard": Level("all but the slowest in about 30 minutes", 1, 2, 1),
    "thorough": Level("everything in some hours, for tables that are published", 6, 5, 3, slow=True),
}

SIZES = {
    # Servers run for hours: some ten seconds each, or what is measured is how they start. What is asked in turns a
    # hundred times makes a window of 1 % hold each request once.
    "flaskblogging": Size(1800, 14.0, quick=True),
    "djangocms": Size(1200, 18.0, quick=True),
    "django_rest": Size(5600, 11.5),
    "fastapi_uvicorn": Size(32000, 12.0, quick=True),
    "aiohttp_server": Size(64000, 11.0),
    "pylint_click": Size(3, 12.0, quick=True),
    "mypy_click": Size(2, 11.5),
    "mypy_compiled": Size(2, 6.5),
    "pytest_networkx": Size(3, 6.0),
    "sphinx_click": Size(2, 5.5),
    "black_click": Size(4, 4.0),
    "pip_resolve": Size(5, 3.5),
    "torch_alexnet": Size(25, 5.0),
    "torch_transformer": Size(100, 4.5, quick=True),
    "sqlalchemy_orm": Size(60, 2.0, quick=True),
    "jinja2_pages": Size(750, 1.5, quick=True),
    "sympy_calculus": Size(3, 4.0),
    "networkx_graphs": Size(35, 2.0),
    "etl_csv_json": Size(30, 1.5, quick=True),
    "bpe_tokeniser": Size(15, 1.5, quick=True),
    "nbody": Size(15, 2.0, quick=True, group=MICRO),
    "chaos": Size(20, 2.0, group=MICRO),
    "richards": Size(25, 1.5, quick=True, group=MICRO),
    "deltablue": Size(250, 1.5, quick=True, group=MICRO),
    "raytrace": Size(4, 1.5, group=MICRO),
    "fannkuch": Size(3, 1.0, group=MICRO),
    "spectral_norm": Size(12, 1.5, group=MICRO),
    "pyflate": Size(3, 1.5, group=MICRO),
    "go": Size(10, 2.0, group=MICRO),
    "hexiom": Size(150, 1.0, group=MICRO),
    "python_startup": Size(15, 1.0, quick=True, group=MICRO),
}
# The rest of pyperformance: pyperf finds the number of loops by itself, except where a call takes long anyway.
PYPERFORMANCE_SIZE = Size(5, 1.5, group=PYPERFORMANCE, loops=None)
_LONG_CALLS = (
    ("2to3 async_generators fastapi", Size(2, 1.5)),
    ("async_tree async_tree_tg async_tree_memoization async_tree_memoization_tg", Size(2, 2.5)),
    ("async_tree_io async_tree_io_tg async_tree_cpu_io_mixed async_tree_cpu_io_mixed_tg", Size(2, 3.5)),
    ("asyncio_tcp asyncio_tcp_ssl asyncio_websockets", Size(2, 3.5)),
    ("sphinx sympy tomli_loads", Size(2, 4.5)),
    ("docutils pprint", Size(2, 8.0)),
    # Of several benchmarks, some of which are short: their calls are counted like those of other short ones, for a
    # single one of a tenth of a millisecond is noise.
    ("base64 scimark", Size(5, 15.0, loops=None)),
    ("bpe_tokeniser mdp", Size(2, 10.0, slow=True)),
    # Each process reads a graph of 260,000 nodes, which takes longer than what is measured.
    ("networkx networkx_connected_components networkx_k_core", Size(2, 25.0, slow=True)),
)
PYPERFORMANCE_SIZES = {name: size for names, size in _LONG_CALLS for name in names.split()}
PYPERFORMANCE_OPTIONS = ("--min-time=0.05", "--warmups=1")
# What exists for one implementation only, and why.
CPYTHON_ONLY = {"mypy_compiled": "mypy's compiled wheels are for CPython"}
GROUP_ORDER = ("web", "tools", "torch", "libraries", "scripts", MICRO, PYPERFORMANCE)


@dataclass(frozen=True)
class Benchmark:
    """A script on pyperf, with what it needs."""

    name: str
    group: str
    script: Path
    requirements: str  # the text of its requirements.txt
    size: Size
    options: tuple[str, ...] = ()
    python: str = ""  # versions that it runs on, as a specifier

    def unsupported(self, version: str, implementation: str = "CPython") -> str | None:
        """Why it does not run on such a Python, or None when it does."""
        if implementation != "CPython" and self.name in CPYTHON_ONLY:
            return CPYTHON_ONLY[self.name]
        if Version(version) in SpecifierSet(self.python):
            return None
        return f"needs Python {self.python}, this is {version}"

    def arguments(self, level: Level) -> list[str]:
        """pyperf's options for one run."""
        values = max(2, round(self.size.values * level.scale))
        if level.single and self.group == PYPERFORMANCE:
            return [*self.options, "--debug-single-value"]
        options = [*self.options, "--processes=1", f"--values={values}"]
        if self.size.loops is None:
            return [*options, *PYPERFORMANCE_OPTIONS]
        return [*options, "--warmups=0", f"--loops={self.size.loops}"]


def _convert(entry: object, name: str, size: Size, group: str) -> Benchmark:
    """pyperformance's record of a benchmark as ours."""
    lockfile = Path(entry.requirements_lockfile)
    return Benchmark(
        name,
        group,
        Path(entry.runscript),
        lockfile.read_text() if lockfile.is_file() else "",
        size,
        tuple(entry.extra_opts),
        str(entry.python),
    )


def own_benchmarks() -> list[Benchmark]:
    """Those of benchmarks/MANIFEST. Raises KeyError for one that has no size."""
    manifest = pyperformance_manifest.load_manifest(str(BENCHMARKS / "MANIFEST"))
    return [_convert(entry, entry.name, SIZES[entry.name], entry.tags[0]) for entry in manifest.benchmarks]


def pyperformance_benchmarks() -> list[Benchmark]:
    """All of pyperformance's: the small ones by their own names, the rest as pyperformance/NAME."""
    found = []
    for entry in pyperformance_manifest.load_manifest(None).benchmarks:
        size = SIZES.get(entry.name)
        if size is not None and size.group == MICRO:
            found.append(_convert(entry, entry.name, size, MICRO))
        else:
            size = PYPERFORMANCE_SIZES.get(entry.name, PYPERFORMANCE_SIZE)
            found.append(_convert(entry, f"{PYPERFORMANCE}/{entry.name}", size, PYPERFORMANCE))
    return found


def load() -> dict[str, Benchmark]:
    """Every benchmark by name, in the order of the table."""
    everything = [*own_benchmarks(), *pyperformance_benchmarks()]
    order = list(SIZES)
    everything.sort(key=lambda b: (GROUP_ORDER.index(b.group), order.index(b.name) if b.name in SIZES else len(order)))
    return {benchmark.name: benchmark for benchmark in everything}


def select(catalog: dict[str, Benchmark], names: Sequence[str], level: Level) -> list[Benchmark]:
    """The benchmarks of the names, each that of a benchmark or of a group; without names those of the level.

    Raises UsageError for an unknown name.
    """
    if not names:
        return [
            b for b in catalog.values() if (b.size.quick or not level.only_quick) and (level.slow or not b.size.slow)
        ]
    chosen: dict[str, Benchmark] = {}
    for name in names:
        found = [b for b in catalog.values() if name in (b.name, b.group)]
        if not found:
            raise UsageError(unknown("benchmark", name, [*GROUP_ORDER, *catalog]))
        chosen |= {b.name: b for b in found}
    return list(chosen.values())


def unknown(kind: str, name: str, known: Sequence[str]) -> str:
    """The message for a name that does not exist."""
    close = difflib.get_close_matches(name, known, 1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return f"no such {kind}: {name}{hint}; there are: {', '.join(known)}"
