"""Pieces of the programs that tests run."""

# All code objects in one, itself first.
CODES = """
import types

def codes(co):
    yield co
    for const in co.co_consts:
        if isinstance(const, types.CodeType):
            yield from codes(const)
"""
