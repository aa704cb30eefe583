"""The fixtures of these tests: the ways to run things, and what stock gives, asked once.

Without --deployments a fast selection runs, a part of `make test`; tests that start services in earnest and the ways
that compile everything at once are marked `deployments` and run by `make test-deployments`.
"""

from __future__ import annotations

import pytest

from deployments.ways import ALL, EAGER, ENVIRONMENTS, Way


def eager(names=ALL):
    """The ways as parameters, of which those that compile everything at once run with --deployments only."""
    return [pytest.param(Way(n), id=n, marks=pytest.mark.deployments if n in EAGER else ()) for n in names]


@pytest.fixture(params=eager())
def way(request) -> Way:
    """Each of the engine's ways in turn."""
    return request.param


@pytest.fixture(scope="session")
def stock() -> Way:
    """What everything is compared with."""
    return Way("stock")


@pytest.fixture(scope="session", autouse=True)
def environments():
    """Made by `make test-ready`."""
    for name in ("stock", "pyston3"):
        assert (ENVIRONMENTS / name / ".ready").exists(), f"build/deployments/{name} is missing: make test-ready"
