"""dask.distributed, worker processes with nannies: results, tracebacks, an actor, a worker that dies, a restart."""

from __future__ import annotations

import json

import pytest

from deployments.ways import PROGRAMS, Way

pytestmark = pytest.mark.deployments


def session(way: Way, folder) -> tuple[str, dict[str, int | None]]:
    folder.mkdir()
    done = way.run("dask_client.py", cwd=PROGRAMS, env={"EVIDENCE": folder}, timeout=300)
    assert done.code == 0, f"{done.out}\n{done.err}"
    found = next(line for line in done.err.splitlines() if line.startswith("{"))
    return done.out, json.loads(found)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return session(Way("stock"), tmp_path_factory.mktemp("dask") / "stock")[0]


def test_cluster(way, expected, tmp_path):
    assert "survived" in expected and "KeyError" in expected
    said, compiled = session(way, tmp_path / "engine")
    assert said == expected
    assert len(compiled) == 2 and all(count > 0 for count in compiled.values()), compiled
