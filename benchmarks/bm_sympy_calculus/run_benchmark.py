"""sympy: expanding, integrating, simplifying and solving, with its cache emptied every time."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from collections.abc import Callable

from support import inprocess


def prepare() -> Callable[[], str]:
    from sympy import Symbol, cos, diff, expand, integrate, simplify, sin, solve, symbols
    from sympy.core.cache import clear_cache

    def calculate() -> str:
        clear_cache()
        x, y, z = symbols("x y z")
        n = Symbol("n", integer=True)
        results = [
            expand((x + y + z + 1) ** 7),
            integrate(x**3 * sin(x), x),
            diff(sin(x) ** 3 * cos(x**2) / (1 + x**2), x, 2),
            simplify(sin(x) ** 4 - 2 * cos(x) ** 2 * sin(x) ** 2 + cos(x) ** 4),
            solve([x**2 + y - 2, x + y**2 - 4 * x], [x, y])[0],
            integrate(1 / (x**3 + 1), x),
            expand((x + n) ** 20).coeff(x, 10),
        ]
        return "\n".join(map(str, results))

    return calculate


if __name__ == "__main__":
    inprocess.run("sympy_calculus", prepare)
