"""Celery: worker processes and threads over a broker in files and over Redis; results, failures, retries, time limits,
chords as in python3.11; a warm shutdown."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess

import pytest

from deployments.ways import PROGRAMS, Way, alive, answers, free_port

pytestmark = pytest.mark.deployments


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    """The address of a Redis server of this test's own."""
    if not shutil.which("redis-server"):
        pytest.skip("needs redis-server (apt-get install redis-server)")
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    argv = ["redis-server", "--port", str(port), "--save", "", "--dir", str(folder)]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    while not answers(port):
        assert process.poll() is None, (folder / "log").read_text()
    yield f"redis://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def settings(broker: str, folder) -> dict[str, str]:
    """Where a test's queue and results are: files in its folder, or a database of the server."""
    if broker == "files":
        for name in ("queue", "control", "results"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        return {
            "CELERY_BROKER": "filesystem://",
            "CELERY_RESULTS": f"file://{folder}/results",
            "CELERY_FOLDER": str(folder),
        }
    return {"CELERY_BROKER": broker, "CELERY_RESULTS": broker, "CELERY_FOLDER": str(folder)}


@contextlib.contextmanager
def worker(way: Way, folder, env: dict, *options):
    argv = ["@celery", "-A", "tasks", "worker", "--concurrency", 3, "--loglevel", "INFO", "--without-gossip", *options]
    with way.start(*argv, log=folder / "worker.log", cwd=PROGRAMS, env=env) as service:
        service.wait_for_text(r"celery@\S+ ready")
        yield service


def session(way: Way, folder, broker: str, *options, limits=False) -> tuple[str, dict[str, int], list[str]]:
    """The client's words, what each worker process has compiled, and the kinds of errors in the log."""
    folder.mkdir()
    env = settings(broker, folder)
    with worker(way, folder, env, *options) as service:
        # The client is the stock one: only the workers are what is tested.
        done = Way("stock").run("celery_client.py", *(["limits"] if limits else []), cwd=PROGRAMS, env=env, timeout=180)
        assert done.code == 0, f"{done.err}\n{service.said}"
        found = json.loads(done.err)
        assert service.stop() == 0, service.said
        errors = sorted({line.split("] ")[-1].split("[")[0] for line in service.said.splitlines() if "ERROR/" in line})
    assert not any(alive(int(pid)) for pid in found)
    return done.out, found, errors


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent", "solo"])
def test_pools(stock, way, redis, tmp_path, pool):
    limits = pool == "prefork"
    address = redis + "/1"
    expected = session(stock, tmp_path / "stock", address, "--pool", pool, limits=limits)
    actual = session(way, tmp_path / "engine", address, "--pool", pool, limits=limits)
    assert (actual[0], actual[2]) == (expected[0], expected[2])
    assert len(actual[1]) == (3 if pool == "prefork" else 1)
    assert all(count > 0 for count in actual[1].values()), actual[1]
    assert not limits or '"limit": "over"' in actual[0]


def test_broker_in_files(stock, way, tmp_path):
    """No server at all."""
    expected = session(stock, tmp_path / "stock", "files")
    actual = session(way, tmp_path / "engine", "files")
    assert (actual[0], actual[2]) == (expected[0], expected[2])


def test_worker_processes_come_and_go(way, redis, tmp_path):
    """A process for every five tasks."""
    env = settings(redis + "/2", tmp_path)
    with worker(way, tmp_path, env, "--max-tasks-per-child", 5) as service:
        done = Way("stock").run("celery_client.py", cwd=PROGRAMS, env=env)
        assert done.code == 0, f"{done.err}\n{service.said}"
        assert len(json.loads(done.err)) > 3
        assert service.stop() == 0, service.said
