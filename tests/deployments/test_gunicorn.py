"""gunicorn: several workers of each kind, reload by SIGHUP, graceful stop, and pages that are stock's."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading

import pytest

from deployments import servers
from deployments.ways import PROGRAMS, Way, alive, free_port, get


@contextlib.contextmanager
def gunicorn(way: Way, folder, *options, workers=4, **env):
    port = free_port()
    argv = ["@gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", workers, "--chdir", PROGRAMS, *options, "app:app"]
    with way.start(*argv, log=folder / f"{way.name}.log", env=env, cwd=folder) as service:
        servers.ready(service, port)
        yield service, port


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The pages of python3.11."""
    with gunicorn(Way("stock"), tmp_path_factory.mktemp("gunicorn")) as (service, port):
        answers = servers.pages(port)
        assert service.stop() == 0, service.said
    assert [status for status, _ in answers[-2:]] == [200, 500]
    return answers


KINDS = {
    "sync": [],
    "preload": ["--preload"],
    "gthread": ["--worker-class", "gthread", "--threads", 4],
    "gevent": ["--worker-class", "gevent"],
    "max-requests": ["--max-requests", 100],
}
CASES = [
    pytest.param(way, kind, marks=() if (way, kind) == ("ext", "sync") else pytest.mark.deployments)
    for kind in KINDS
    for way in ("ext", "pyston3", "ext-t1", "pyston3-t1")
]


@pytest.mark.parametrize("name, kind", CASES)
def test_pages(name, kind, expected, tmp_path):
    """Four workers answer as python3.11 does, have compiled, and stop with status 0 on SIGTERM."""
    with gunicorn(Way(name), tmp_path, *KINDS[kind]) as (service, port):
        assert servers.pages(port) == expected
        workers = servers.workers(service, port, 4)
        if kind != "max-requests":  # those are replaced before they get warm
            assert sum(worker["compiled"] > 0 for worker in workers.values()) >= 3, workers
        assert service.stop() == 0, service.said
        assert "SIGKILL" not in service.said and "core dumped" not in service.said
        assert not any(map(alive, workers))


@pytest.mark.deployments
def test_reload(way, tmp_path):
    """SIGHUP: new workers with the new program; requests that run meanwhile get their answers."""
    version = tmp_path / "version"
    version.write_text("one")
    with gunicorn(way, tmp_path, APP_VERSION_FILE=version) as (service, port):
        servers.pages(port, numbers=servers.PAGES[:400])
        before = servers.workers(service, port, 4)
        assert {worker["version"] for worker in before.values()} == {"one"}
        slow: list = []
        client = threading.Thread(target=lambda: slow.append(get(port, "/slow")))
        client.start()
        version.write_text("two")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(lambda: not any(map(alive, before)), "end of the old workers")
        client.join()
        assert slow[0][0] == 200, slow
        after = servers.workers(service, port, 4)
        assert {worker["version"] for worker in after.values()} == {"two"} and not before.keys() & after.keys()
        # One more worker, one fewer, one that is killed and replaced.
        service.process.send_signal(signal.SIGTTIN)
        servers.workers(service, port, 5)
        service.process.send_signal(signal.SIGTTOU)
        assert service.stop() == 0, service.said


@pytest.mark.deployments
def test_graceful_stop(way, tmp_path):
    """A request that is being answered when SIGTERM comes is answered to its end."""
    with gunicorn(way, tmp_path) as (service, port):
        servers.pages(port, numbers=servers.PAGES[:200])
        slow: list = []
        client = threading.Thread(target=lambda: slow.append(get(port, "/slow")))
        client.start()
        threading.Event().wait(0.5)
        assert service.stop() == 0, service.said
        client.join()
        assert slow and slow[0][0] == 200


@pytest.mark.deployments
def test_worker_killed(way, tmp_path):
    """The master replaces a worker that died."""
    with gunicorn(way, tmp_path, workers=2) as (service, port):
        pid = json.loads(get(port, "/who")[1])["pid"]
        os.kill(pid, signal.SIGKILL)
        service.wait_for(lambda: not alive(pid), "end of the worker")
        assert pid not in servers.workers(service, port, 2)
        assert service.stop() == 0, service.said


@pytest.mark.deployments
@pytest.mark.parametrize("option", [[], ["--preload"]], ids=["each loads", "preload"])
def test_worker_timeout(stock, way, tmp_path, option):
    """A worker that hangs is ended and replaced, in the same words."""
    said = []
    for w in (stock, way):
        with gunicorn(w, tmp_path, "--timeout", 1, *option, workers=1) as (service, port):
            with contextlib.suppress(OSError):
                get(port, "/slow")
            service.wait_for_text("WORKER TIMEOUT")
            servers.workers(service, port, 1)
            assert service.stop() == 0, service.said
            said.append(
                sorted(
                    {
                        line.split("] ")[-1].split(" (pid")[0]
                        for line in service.said.splitlines()
                        if "[CRITICAL]" in line
                    }
                )
            )
    assert said[0] == said[1]
