"""Switch the engine on when Python starts: pyston_autoload.pth in site-packages imports this.

PYSTON=0 in the environment leaves the engine out of the process altogether. A setting with a wrong value ends
the program before it starts, with one line, as in the pyston3 executable. Where the engine cannot be loaded
the program runs without it, after one line that says so.
"""

import os
import sys


def _start():
    if os.environ.get("PYSTON") == "0":
        return
    try:
        import _pyston
    except ValueError as error:
        print(f"pyston: {error}", file=sys.stderr, flush=True)
        # site.py reports exceptions and goes on, and SystemExit is a fatal error this early.
        os._exit(1)
    except ModuleNotFoundError as error:
        # The wheel `pyston` was removed and this one was not.
        print(
            f"pyston: not loaded, the program runs without it: {error}: pip install pyston, or "
            "pip uninstall pyston-autoload",
            file=sys.stderr,
        )
    except ImportError as error:
        print(f"pyston: not loaded, the program runs without it: {error}", file=sys.stderr)
    else:
        _pyston.enable()


_start()
del _start
