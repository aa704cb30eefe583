"""Times a program's main part and leaves what the benchmarks read; does nothing unless they ask.

PYSTON_BENCH_OUT names a file for {"seconds", "stats"}: the seconds that the code under `measured()` took, and
pyston.stats() at its end where the engine is loaded.
"""

import contextlib
import json
import os
import time


@contextlib.contextmanager
def measured():
    """Around the part of a program that counts."""
    start = time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    path = os.environ.get("PYSTON_BENCH_OUT")
    if not path:
        return
    try:
        import pyston

        stats = pyston.stats()
    except ImportError:
        stats = {}
    with open(path, "w") as file:
        json.dump({"seconds": seconds, "stats": stats}, file)
