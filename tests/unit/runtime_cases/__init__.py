"""Cases for test_runtime.c: each helper of the runtime against the bytecode it stands for.

Run inside that program, which provides the helpers as the module _rt.  Every function whose name
starts with test_ is a case.
"""

from runtime_cases import attributes, calls, exits, names, statements, values

MODULES = (values, attributes, names, statements, calls, exits)


def all_tests():
    """[(name, function)] in the order of the sources."""
    return [(name, f) for module in MODULES for name, f in vars(module).items() if name.startswith("test_")]
