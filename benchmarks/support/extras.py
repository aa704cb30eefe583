"""Measurements that pyperf's runner has no place for: peak memory of a server, throughput, a digest of the answers.

The driver (benchmarks/suite) names a file in PYSTON_BENCH_EXTRAS and reads it after the run; without it, under
`pyperformance run`, they are dropped.
"""

from __future__ import annotations

import json
import os

VARIABLE = "PYSTON_BENCH_EXTRAS"


def record(**values: object) -> None:
    """Adds values to the file, over earlier ones of the same name."""
    path = os.environ.get(VARIABLE)
    if not path:
        return
    known = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            known = json.load(file)
    known.update(values)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(known, file)
