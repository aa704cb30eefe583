"""dask.distributed, worker processes with nannies: results, tracebacks, an actor, a worker that dies, a restart."""

from __future__ import annotations

import json

import pytest

from deployments.ways import PROGRAMS, Way

pytestmark = pytest.mark.deployments


def session(way: Way, folder) -> tuple[str, dict[str, int | None]]:
    folder.mkdir()
    # On a busy machine dask loses a worker in a restart now and then, with any Python. Not in each of four sessions.
    for attempt in range(4):
        (evidence := folder / str(attempt)).mkdir()
        done = way.run("dask_client.py", cwd=PROGRAMS, env={"EVIDENCE": evidence}, timeout=300)
        if not (done.code and "reconnect after restarting" in done.err):
            break
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
