"""uvicorn with two workers, which it spawns: pages that are stock's, a reload, a graceful stop."""

from __future__ import annotations

import contextlib
import signal
import threading

import pytest

from deployments import servers
from deployments.ways import PROGRAMS, Way, alive, free_port, get


@contextlib.contextmanager
def uvicorn(way: Way, folder, *options):
    port = free_port()
    argv = ["@uvicorn", "--workers", 2, "--port", port, "--app-dir", PROGRAMS, "--no-access-log", *options, "app:asgi"]
    with way.start(*argv, log=folder / f"{way.name}.log", env={"APP_KIND": "asgi"}, cwd=folder) as service:
        servers.ready(service, port)
        service.wait_for(lambda: service.said.count("Application startup complete") == 2, "start of both workers")
        yield service, port


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    with uvicorn(Way("stock"), tmp_path_factory.mktemp("uvicorn")) as (service, port):
        answers = servers.pages(port)
        code = service.stop()
    assert [status for status, _ in answers[-2:]] == [200, 500]
    return answers, code


pytestmark = pytest.mark.deployments


@pytest.mark.parametrize("loop", ["asyncio"])
def test_pages(way, loop, expected, tmp_path):
    with uvicorn(way, tmp_path, "--loop", loop) as (service, port):
        assert servers.pages(port) == expected[0]
        workers = servers.workers(service, port, 2)
        assert all(worker["compiled"] > 0 for worker in workers.values()), workers
        slow: list = []
        client = threading.Thread(target=lambda: slow.append(get(port, "/slow")))
        client.start()
        threading.Event().wait(0.5)
        assert service.stop() == expected[1], service.said
        client.join()
        assert slow and slow[0][0] == 200
        assert not any(map(alive, workers))


def test_restart_of_the_workers(way, tmp_path):
    """SIGHUP replaces them, and one that is killed comes back."""
    with uvicorn(way, tmp_path) as (service, port):
        before = servers.workers(service, port, 2)
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(lambda: not any(map(alive, before)), "end of the old workers")
        assert not before.keys() & servers.workers(service, port, 2).keys()
        service.stop()
