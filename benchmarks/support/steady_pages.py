"""Asks a site for its pages within its own process: what benchmarks/steady.py starts.

The argument is the benchmark's folder. Orders come on standard input, a line each: `warm SECONDS`, or `pages N` for N
turns of all requests. The answer is a line: milliseconds of this thread's CPU time a page.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
import time
from pathlib import Path
from typing import Any

folder = Path(sys.argv[1])
sys.path[:0] = [str(folder), str(folder.parent)]

from support import serving  # noqa: E402


def load(site: serving.Site) -> Any:
    """The WSGI application that the site's command serves."""
    os.environ.update(site.env)
    if site.cwd:
        os.chdir(site.cwd)
    module, _, name = site.command[-1].partition(":")
    return getattr(importlib.import_module(module), name)


def environ(request: serving.Request) -> dict[str, Any]:
    """What a WSGI server makes of the request."""
    path, _, query = request.path.partition("?")
    body = request.body.encode()
    headers = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in request.headers.items()}
    return {
        **headers,
        "REQUEST_METHOD": request.method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": headers.get("HTTP_CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(body)),
        "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def ask(application: Any, request: serving.Request) -> None:
    """One page, checked as far as its status; the site waits a moment before, as servers do."""
    time.sleep(0.0001)
    status: list[str] = []
    answer = application(environ(request), lambda text, headers, exc_info=None: status.append(text))
    b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    if not status or not status[0].startswith(str(request.status)):
        sys.exit(f"{request.path}: {status}, not {request.status}")


def main() -> None:
    site = importlib.import_module("run_benchmark").prepare()
    application = load(site)

    def pages(turns: int) -> float:
        start = time.thread_time()
        for _ in range(turns):
            for request in site.requests:
                ask(application, request)
        return (time.thread_time() - start) / turns / len(site.requests) * 1000

    for line in sys.stdin:
        order, value = line.split()
        latency = 0.0
        if order == "warm":
            end = time.monotonic() + float(value)
            while time.monotonic() < end:
                latency = pages(1)
        else:
            latency = pages(int(value))
        print(latency, flush=True)


if __name__ == "__main__":
    main()
