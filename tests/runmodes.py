"""The ways to run a Python program that tests and benchmarks compare.

Every differential test here takes "how to run" as a parameter: the stock interpreter, that same interpreter
with the engine loaded as an extension, or the `pyston3` executable, each at a given compile threshold and
stress setting. This module turns such a choice into a command line and an environment, and says whether the
choice can run in this checkout at all.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
APPS = ROOT / "tests" / "apps"  # programs that tests and benchmarks run
BUILD = Path(os.environ.get("PYSTON_BUILD_DIR") or ROOT / "build").resolve()
# Where the packages of requirements-apps.txt are.
SITE_PACKAGES = BUILD / "venv" / "lib" / "python3.11" / "site-packages"

# The interpreter everything is compared with; another 3.11 can be named to test another build.
STOCK = os.environ.get("PYSTON_TEST_PYTHON") or "/usr/bin/python3.11"

# name -> (executable or None for STOCK, loads the extension, default settings)
_TABLE: dict[str, tuple[str | None, bool, dict[str, str]]] = {
    "stock": (None, False, {}),
    # Stock with a PYTHONPATH as long as the extension's: tells failures that the variable causes (tests that
    # look at it) from failures that the engine causes.
    "stock-path": (None, False, {}),
    "ext": (None, True, {"PYSTON": "1"}),
    "ext-nojit": (None, True, {"PYSTON": "1", "PYSTON_THRESHOLD": "never"}),
    "pyston3": ("pyston3", False, {}),
    "pyston3-nojit": ("pyston3", False, {"PYSTON_THRESHOLD": "never"}),
    "pyston3-off": ("pyston3", False, {"PYSTON": "0"}),
}
MODES = tuple(_TABLE)
# Every guard fails; what was called once is compiled and entered by patched bytecode; code is what large programs get;
# functions are compiled beside the program, however soon.
STRESSES = ("deopt", "patch", "compact", "thread")
ENGINE_MODES = tuple(name for name in _TABLE if not name.startswith("stock"))

# Variables that change what a program prints or how it runs; the caller's must not leak into a comparison.
_SCRUB_PREFIXES = ("PYTHON", "PYSTON", "COV_")


@dataclass(frozen=True)
class RunMode:
    """One way to run Python: `argv` is the command prefix, `overrides` the variables set on top."""

    name: str
    threshold: int | None = None
    stress: str | None = None
    argv: tuple[str, ...] = field(init=False)
    overrides: dict[str, str] = field(init=False, hash=False, compare=False)

    def __post_init__(self) -> None:
        if self.name not in _TABLE:
            raise ValueError(f"unknown mode {self.name!r}; one of: {', '.join(MODES)}")
        program, extension, settings = _TABLE[self.name]
        overrides = dict(settings)
        if self.is_engine:
            if self.threshold is not None and self.compiles:
                overrides["PYSTON_THRESHOLD"] = str(self.threshold)
            if self.stress:
                overrides["PYSTON_STRESS"] = self.stress
        path = STOCK if program is None else str(BUILD / "bin" / program)
        object.__setattr__(self, "argv", (path,))
        if extension:
            overrides["PYTHONPATH"] = os.pathsep.join(map(str, extension_path()))
        elif self.name == "stock-path":
            overrides["PYTHONPATH"] = os.pathsep.join(map(str, _dummy_path()))
        object.__setattr__(self, "overrides", overrides)

    @property
    def is_engine(self) -> bool:
        return self.name in ENGINE_MODES

    @property
    def compiles(self) -> bool:
        """Whether functions get compiled in this mode."""
        return self.is_engine and not self.name.endswith(("-nojit", "-off"))

    @property
    def label(self) -> str:
        """A name for directories and test ids: mode, threshold and stress."""
        parts = [self.name]
        if self.threshold is not None:
            parts.append(f"t{self.threshold}")
        if self.stress:
            parts.append(self.stress)
        return "-".join(parts)

    def unavailable(self) -> str | None:
        """Why this mode cannot run here, or None when it can."""
        if not shutil.which(self.argv[0]):
            return f"{self.argv[0]} does not exist" + (" (run make)" if self.is_engine else "")
        if self.name.startswith("ext"):
            missing = [str(p) for p in extension_path() if not p.is_dir()]
            if missing:
                return f"{', '.join(missing)} missing (run make)"
        return None

    def env(self, extra: dict[str, str] | None = None, path: list[Path | str] | None = None) -> dict[str, str]:
        """The environment to run in. `path` entries are appended to PYTHONPATH; `extra` wins over all."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(_SCRUB_PREFIXES)}
        # One locale everywhere: messages and default encodings are part of what is compared.
        env.update(LANG="C.UTF-8", LC_ALL="C.UTF-8")
        env.update(self.overrides)
        if path:
            entries = [env["PYTHONPATH"]] if env.get("PYTHONPATH") else []
            env["PYTHONPATH"] = os.pathsep.join(entries + [str(p) for p in path])
        env.update(extra or {})
        return env


def extension_path(build: Path = BUILD) -> tuple[Path, Path]:
    """The folders of a build that put the extension and its autoload on PYTHONPATH."""
    return build / "python", build / "autoload"


def _dummy_path() -> tuple[Path, Path]:
    folders = BUILD / "stock-path" / "python", BUILD / "stock-path" / "autoload"
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    site = folders[1] / "sitecustomize.py"
    if not site.exists():
        site.write_text("")
    return folders


def allow_interrupts() -> None:
    """Makes SIGINT reach the programs started from here.

    A shell starts background jobs with SIGINT ignored, children inherit that, and a Python that starts so never
    raises KeyboardInterrupt. A handler of our own is reset to the default in every program we start.
    """
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def parse(text: str) -> RunMode:
    """A mode from its label, such as `ext`, `ext-t1` or `pyston3-t1-deopt`."""
    name, threshold, stress = text, None, None
    head, _, tail = name.rpartition("-")
    if tail in STRESSES:
        name, stress = head, tail
    head, _, tail = name.rpartition("-t")
    if head and tail.isdigit():
        name, threshold = head, int(tail)
    return RunMode(name, threshold, stress)


def add_arguments(parser, default: str = "ext") -> None:
    """Adds --mode, --threshold and --stress to an argparse parser."""
    parser.add_argument("--mode", default=default, choices=MODES, help="how to run (default: %(default)s)")
    parser.add_argument("--threshold", type=int, help="PYSTON_THRESHOLD: calls before compiling; 1 = at once")
    parser.add_argument("--stress", choices=STRESSES, help="PYSTON_STRESS")


def from_arguments(args) -> RunMode:
    """The mode that `add_arguments`'s options name; exits with a message when it cannot run here."""
    mode = RunMode(args.mode, args.threshold, args.stress)
    reason = mode.unavailable()
    if reason:
        sys.exit(f"mode {mode.name}: {reason}")
    return mode
