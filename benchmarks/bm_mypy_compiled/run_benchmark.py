"""mypy, the published wheel that mypyc compiled, over pinned real sources: the modules of click."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import inprocess, typecheck

if __name__ == "__main__":
    inprocess.run("mypy_compiled", lambda: typecheck.prepare(compiled=True))
