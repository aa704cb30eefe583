#!/usr/bin/env python3
"""The benchmark suite: see README.md beside this file; `make bench` runs it.

python benchmarks/bench.py run --level quick
python benchmarks/bench.py run djangocms nbody --interpreters stock,ext
python benchmarks/bench.py compare FOLDER FOLDER
"""

from __future__ import annotations

import sys

NEEDED = ("matplotlib", "numpy", "packaging", "pyperf", "pyperformance")


def check_packages() -> None:
    """Ends the program with the command that installs what is missing."""
    import importlib.util

    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(
            f"bench: {', '.join(missing)} missing: {sys.executable} -m pip install -r benchmarks/requirements.txt"
            " (make bench installs it by itself)"
        )


if __name__ == "__main__":
    check_packages()
    from driver import cli

    sys.exit(cli.main())
