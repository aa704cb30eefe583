"""Pyston: an optimising JIT inside CPython 3.11.

    import pyston
    pyston.enable()

or set PYSTON=1 in the environment. In the `pyston3` executable the engine is on from the start.
`python3 -m pyston --help` lists the commands.
"""

__all__ = ["__version__", "disable", "enable", "is_enabled", "stats"]

try:
    from _pyston import __version__, disable, enable, is_enabled, stats
except (ImportError, ValueError) as _error:
    import sys

    # While `python3 -m pyston` imports this package, sys.argv is "-m" and the arguments. That goes on without the
    # engine, so that `doctor` can say what is wrong; everybody else gets the exception.
    _original = getattr(sys, "orig_argv", sys.argv)
    if sys.argv[:1] == ["-m"] and _original[-len(sys.argv)].endswith("pyston"):
        load_error = _error
    elif sys.version_info[:2] != (3, 11) or sys.implementation.name != "cpython":
        raise ImportError(
            "pyston works in CPython 3.11, and this is {} {}.{}: start the program with python3.11".format(
                sys.implementation.name, *sys.version_info[:2]
            )
        ) from None
    elif "undefined symbol" in str(_error):
        # A build that does not export what every regular one does. The loader's words name the symbol.
        raise ImportError(
            f"pyston does not fit this build of CPython 3.11 ({_error}): use a regular one, such as Debian's, "
            "Docker's python:3.11 or pyenv's"
        ) from None
    else:
        raise
else:
    load_error = None
