"""Pyston: an optimising JIT inside CPython 3.11.

    import pyston
    pyston.enable()

or set PYSTON=1 in the environment. In the `pyston3` executable the engine is on from the start.
"""

from _pyston import __version__, disable, enable, is_enabled, stats

__all__ = ["__version__", "disable", "enable", "is_enabled", "stats"]
