"""Says whether compiled code is there, which a test is about, without a change in what the program prints."""

import json
import os


def compiled():
    """How many functions and loops of this process are compiled; None without the engine."""
    try:
        import pyston
    except ImportError:
        return None
    stats = pyston.stats()
    return stats["functions_compiled"] + stats["loops_compiled"]


def note():
    """Write that number into the folder that the variable EVIDENCE names, a file for each process."""
    folder = os.environ.get("EVIDENCE")
    if folder:
        with open(os.path.join(folder, f"{os.getpid()}.json"), "w") as file:
            json.dump(compiled(), file)
