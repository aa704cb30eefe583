"""Benchmarks of a server: starts it under the interpreter that runs the script, and has it driven by a client.

A script says how the server starts and what it is asked (`Site`), and `run` does the rest on pyperf: each value is
the latency of one request, from a client that is another process on a fixed CPython (support/load_client.py) and
checks every response. The kernel picks the port, and a server that cannot be handed the listening socket is started
again on another one when the port is taken meanwhile. After the last value several clients at the same time ask for
the throughput, and the server's peak memory is read.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pyperf

from support import extras, memory

CLIENT_VARIABLE = "PYSTON_BENCH_CLIENT"
READY_PATH = "/not-there-until-ready"
START_SECONDS = 120
STOP_SECONDS = 10
LOAD_CLIENTS = 4
LOG_TAIL = 3000


@dataclass
class Request:
    """What the client asks, and what the response has to be."""

    path: str
    contains: list[str]
    status: int = 200
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass
class Site:
    """A server's command and its requests, asked in turns.

    In the command {fd} stands for the number of a listening socket, or {port} for a port that was free a moment ago.
    """

    command: list[str]
    requests: list[Request]
    cwd: str | None = None
    env: dict[str, str] = field(default_factory=dict)


class ServingError(Exception):
    """The server or its answers are not right; the text says what happened, with the server's log."""


def client_python() -> str:
    """The interpreter of the client: PYSTON_BENCH_CLIENT, else Debian's, else python3 of the PATH."""
    candidates = (os.environ.get(CLIENT_VARIABLE), "/usr/bin/python3.11", "/usr/bin/python3", "python3")
    for candidate in candidates:
        found = shutil.which(candidate) if candidate else None
        if found:
            return found
    raise ServingError(f"no CPython for the client: set {CLIENT_VARIABLE}")


def server_python() -> str:
    """The interpreter under test."""
    return sys.executable


def gunicorn(application: str) -> list[str]:
    """The command of a gunicorn with one synchronous worker, its default kind.

    It opens the port itself: under PyPy it takes a socket that is handed to it for one of another family.
    """
    command = [server_python(), "-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--workers", "1", "--timeout", "600"]
    return [*command, "--log-level", "warning", application]


class Server:
    """The process under test."""

    def __init__(self, site: Site) -> None:
        self.log = tempfile.TemporaryFile()
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # Accepted sockets inherit it; servers that open their sockets themselves set it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        self.port = listener.getsockname()[1]
        fd = listener.fileno()
        if "{fd}" not in "".join(site.command):
            listener.close()  # the server opens the port by itself
        self.process = subprocess.Popen(
            [argument.format(fd=fd, port=self.port) for argument in site.command],
            cwd=site.cwd,
            env={**os.environ, **site.env},
            pass_fds=[fd] if listener.fileno() != -1 else [],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        listener.close()
        atexit.register(self.stop)
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        """Returns when it has answered once, whatever it answered: the socket listens before the server does."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                    connection.settimeout(max(1.0, deadline - time.monotonic()))
                    connection.sendall(f"GET {READY_PATH} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
                    if connection.recv(1):
                        return
            except OSError:
                pass
            if self.process.poll() is not None or "in use" in self._logged():
                self.stop()
                raise ServingError(self.obituary("the server did not start"))
            time.sleep(0.02)
        raise ServingError(self.obituary(f"the server did not answer within {START_SECONDS} s"))

    def obituary(self, what: str) -> str:
        """What happened, how the process ended if it did, and the end of its log."""
        try:
            code = self.process.wait(1)
            state = f"it was killed by {signal.Signals(-code).name}" if code < 0 else f"its exit code is {code}"
        except subprocess.TimeoutExpired:
            state = "it still runs"
        return f"{what}; {state}; its log:\n{self._logged()[-LOG_TAIL:]}"

    def _logged(self) -> str:
        return os.pread(self.log.fileno(), 1 << 20, 0).decode(errors="replace")

    def stop(self) -> None:
        """Ends it and its children, which are in the process group of the script, as all of a benchmark is."""
        everything = memory.tree(self.process.pid)
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        self.process.kill()
        self.process.wait()
        for pid in everything[1:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def start(site: Site) -> Server:
    """A server that answers, on another port when one turned out to be in use. Raises ServingError otherwise."""
    for last in (False, False, True):
        try:
            return Server(site)
        except ServingError as error:
            if last or not re.search("address already in use|connection in use", str(error), re.IGNORECASE):
                raise
    raise AssertionError


class Client:
    """The client's process; see load_client.py for what is said."""

    def __init__(self, server: Server, requests: list[Request]) -> None:
        self.server = server
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYSTON"))}
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "load_client.py")
        self.process = subprocess.Popen(
            [client_python(), "-I", program], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        atexit.register(self.process.kill)
        self._say({"port": server.port, "requests": [vars(request) for request in requests]})

    def _say(self, order: dict) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def ask(self, **order: object) -> dict:
        """Carries out an order. Raises ServingError when a response was not right."""
        assert self.process.stdout
        self._say(order)
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the client ended"}
        if "error" in answer:
            raise ServingError(self.server.obituary(answer["error"]))
        return answer


class Load:
    """A server and its client, started by the first measurement."""

    def __init__(self, prepare: Callable[[], Site], values: int) -> None:
        self.prepare = prepare
        self.values = values
        self.measured = 0
        self.server: Server | None = None
        self.client: Client | None = None

    def measure(self, loops: int) -> float:
        """Seconds that `loops` requests took one after the other."""
        try:
            return self._measure(loops)
        except ServingError as error:
            sys.exit(f"{error}")

    def _measure(self, loops: int) -> float:
        if self.client is None:
            site = self.prepare()
            extras.record(cycle=len(site.requests))
            self.server = start(site)
            self.client = Client(self.server, site.requests)
        seconds = self.client.ask(send=loops)["seconds"]
        self.measured += 1
        if self.measured == self.values:
            self._finish(max(loops * self.values // 5, 4 * LOAD_CLIENTS))
        return seconds

    def _finish(self, requests: int) -> None:
        assert self.client and self.server
        seconds = self.client.ask(load=requests, clients=LOAD_CLIENTS)["seconds"]
        extras.record(
            throughput=requests / seconds,
            peak_memory=memory.peak(self.server.process.pid),
            digest=self.client.ask(digest=True)["digest"],
        )


def run(name: str, prepare: Callable[[], Site]) -> None:
    """Measures the site that `prepare` sets up; it is called in the worker process only."""
    runner = pyperf.Runner()
    arguments = runner.parse_args()
    load = Load(prepare, (arguments.warmups or 0) + (arguments.values or 0))
    runner.bench_time_func(name, load.measure)
