"""Load the engine at start-up when this folder is on PYTHONPATH.

Loading `_pyston` is enough: with PYSTON=1 in the environment that switches the engine on, and
without it nothing happens. A setting with a wrong value ends the program before it starts, with one
line that says why, as it does in the pyston3 executable. Where `_pyston` cannot be imported one
line says so and the program runs without it. A `sitecustomize` further down sys.path,
which this one shadows (Debian has one), then runs as it would have run.
"""


def _load():
    # Already in memory at start-up: importing importlib.util instead would cost milliseconds.
    import _frozen_importlib
    import _frozen_importlib_external
    import sys

    try:
        import _pyston  # noqa: F401
    except ImportError as error:
        print(f"pyston: not loaded, the program runs without it: {error}", file=sys.stderr)
    except ValueError as error:
        import os

        print(f"pyston: {error}", file=sys.stderr, flush=True)
        # site.py reports exceptions and goes on, and SystemExit is a fatal error this early.
        os._exit(1)

    here = __file__.rpartition("/")[0]
    path = [entry for entry in sys.path if entry != here]
    spec = _frozen_importlib_external.PathFinder.find_spec("sitecustomize", path)
    if spec is None or spec.loader is None:
        return
    module = _frozen_importlib.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_load()
del _load
