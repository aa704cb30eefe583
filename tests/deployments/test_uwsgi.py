"""uWSGI, which embeds libpython: the extension comes by its autoload. Pages that are stock's, reload, stop, threads."""

from __future__ import annotations

import contextlib
import signal

import pytest

from deployments import servers
from deployments.ways import PROGRAMS, Way, alive, free_port

pytestmark = pytest.mark.deployments


@contextlib.contextmanager
def uwsgi(way: Way, folder, *options):
    port = free_port()
    argv = ["@uwsgi", "--http-socket", f"127.0.0.1:{port}", "--master", "--workers", 2, "--die-on-term", "--need-app"]
    argv += ["--virtualenv", way.bin.parent, "--pythonpath", PROGRAMS, "--module", "app:app", *options]
    with way.start(*argv, log=folder / f"{way.name}.log", cwd=folder) as service:
        servers.ready(service, port)
        service.wait_for_text("spawned uWSGI worker 2")
        yield service, port


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    with uwsgi(Way("stock"), tmp_path_factory.mktemp("uwsgi")) as (service, port):
        answers = servers.pages(port)
        assert service.stop() == 0, service.said
    assert [status for status, _ in answers[-2:]] == [200, 500]
    return answers


@pytest.mark.parametrize("options", [[], ["--threads", 4], ["--lazy-apps"]], ids=["fork", "threads", "lazy"])
@pytest.mark.parametrize("name", ["ext", "ext-t1"])
def test_pages(name, options, expected, tmp_path):
    with uwsgi(Way(name), tmp_path, *options) as (service, port):
        assert servers.pages(port) == expected
        before = servers.workers(service, port, 2)
        # Loops of other threads than the first wait for the next call of their function.
        enough = any if "--threads" in options else all
        assert enough(worker["compiled"] > 0 for worker in before.values()), before
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(lambda: not any(map(alive, before)), "end of the old workers")
        servers.ready(service, port)
        assert not before.keys() & servers.workers(service, port, 2).keys()
        assert service.stop() == 0, service.said
        assert "DAMN" not in service.said and "Segmentation" not in service.said
