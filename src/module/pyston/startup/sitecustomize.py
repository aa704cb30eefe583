"""Load the engine at the start of a program that `python3 -m pyston run` and the like start, through PYTHONPATH.

With PYSTON=1 in the environment loading it is enough. This folder then leaves sys.path, and what Python would have
found under the name `sitecustomize` without it runs in this file's place.
"""


def _load(here):
    import sys

    try:
        try:
            import _pyston  # noqa: F401
        except ModuleNotFoundError:
            # The package was found in the current folder, which is not on this program's path.
            import _frozen_importlib_external as external

            folder = here.rpartition("/")[0].rpartition("/")[0]
            spec = external.PathFinder.find_spec("_pyston", [folder])
            if spec is None:
                raise
            import _frozen_importlib

            _frozen_importlib._load(spec)
    except ImportError as error:
        print(f"pyston: not loaded, the program runs without it: {error}", file=sys.stderr)
    except ValueError as error:
        import os

        print(f"pyston: {error}", file=sys.stderr, flush=True)
        # site.py reports exceptions and goes on, and SystemExit is a fatal error this early.
        os._exit(1)


def _go_on():
    """As if this file were not there."""
    import sys

    here = __file__.rpartition("/")[0]
    sys.path[:] = [entry for entry in sys.path if entry != here]
    # Programs start other Pythons, too.
    if sys.version_info[:2] == (3, 11) and sys.implementation.name == "cpython":
        _load(here)
    del sys.modules["sitecustomize"]
    # Without another one this raises what Python's own search would raise, which site.py expects.
    import sitecustomize  # noqa: F401


_go_on()
