"""Files that take long to make, such as a filled database: made once and copied when the driver names a folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable

VARIABLE = "PYSTON_BENCH_CACHE"


def prepared_file(name: str, make: Callable[[str], None]) -> str:
    """The path of a fresh copy of the file that `make(path)` writes; the copy is the caller's to change."""
    own = os.path.join(tempfile.mkdtemp(prefix="bench"), name)
    folder = os.environ.get(VARIABLE)
    if not folder:
        make(own)
        return own
    kept = os.path.join(folder, name)
    if not os.path.exists(kept):
        os.makedirs(folder, exist_ok=True)
        unfinished = f"{kept}.{os.getpid()}"
        make(unfinished)
        os.replace(unfinished, kept)
    shutil.copyfile(kept, own)
    return own
