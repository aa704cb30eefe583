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
        if error.name != "_pyston":
            raise
        print(
            "pyston-autoload: not loaded, because the package pyston is not installed here: "
            "pip install pyston, or pip uninstall pyston-autoload",
            file=sys.stderr,
        )
    except ImportError as error:
        print(f"pyston-autoload: not loaded, {error}: pip uninstall pyston-autoload", file=sys.stderr)
    else:
        _pyston.enable()


_start()
del _start
