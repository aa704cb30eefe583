"""What the benchmarks' scripts share: servers, their client, memory. Each server here is a small one of the test's."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support import cache, load_client, memory

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"

SERVER = """
import http.server, os, signal, socket, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    count = 0

    def do_GET(self):
        Handler.count += 1
        if self.path == "/die" and Handler.count > 4:
            print("last words", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        body = f"{self.path} {Handler.count if self.path == '/changes' else ''}".encode()
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self):
        self.server_name, self.server_port = "localhost", 0
    def server_activate(self):
        pass

server = Server(("127.0.0.1", 0), Handler)
server.socket = socket.socket(fileno=int(sys.argv[1]))
server.serve_forever()
"""

SCRIPT = """
import sys
sys.path.insert(0, {benchmarks!r})
from support import serving

def prepare():
    command = {command!r}
    return serving.Site(command=[sys.executable, *command], requests=[serving.Request(*r) for r in {requests!r}])

serving.run("tiny", prepare)
"""


def run_site(folder: Path, requests: list[tuple], command: list[str] | None = None) -> tuple[int, str, dict]:
    """Runs a benchmark of a server; returns the exit code, what it printed, and what it recorded."""
    (folder / "server.py").write_text(SERVER)
    path = folder / "run_benchmark.py"
    command = command or [str(folder / "server.py"), "{fd}"]
    path.write_text(SCRIPT.format(benchmarks=str(BENCHMARKS), command=command, requests=requests))
    extras = folder / "extras.json"
    env = {**os.environ, "PYSTON_BENCH_EXTRAS": str(extras)}
    options = ["-p1", "-w0", "-n8", "-l1", "--copy-env", "--quiet", "-o", str(folder / "out.json")]
    done = subprocess.run([sys.executable, str(path), *options], env=env, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr, json.loads(extras.read_text()) if extras.exists() else {}


def test_a_site_is_measured(tmp_path):
    code, text, extras = run_site(tmp_path, [("/a", ["/a"]), ("/missing", ["/missing"], 404)])
    assert code == 0, text
    assert extras["cycle"] == 2
    assert extras["throughput"] > 0
    assert extras["peak_memory"] > 2**22
    assert extras["digest"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (("/a", ["not in it"]), "GET /a: no b'not in it' in the body"),
        (("/missing", []), "GET /missing: status 404 instead of 200"),
        (("/changes", []), "GET /changes: the body is another than the first time"),
    ],
)
def test_a_wrong_response_ends_it(tmp_path, request_, message):
    code, text, _ = run_site(tmp_path, [request_])
    assert code != 0
    assert message in text, text


def test_a_killed_server_is_reported_with_its_log(tmp_path):
    code, text, _ = run_site(tmp_path, [("/die", [])])
    assert code != 0
    assert "it was killed by SIGKILL" in text and "last words" in text, text


def test_a_server_that_does_not_start_is_reported(tmp_path):
    code, text, _ = run_site(tmp_path, [("/", [])], ["-c", "import sys; sys.exit('no database')"])
    assert code != 0
    assert "the server did not start; its exit code is 1" in text and "no database" in text, text


def test_a_port_in_use_is_avoided(tmp_path):
    """The first two starts find their port taken, as another process would take it."""
    server = (
        "import http.server, pathlib, sys\n"
        f"tries = pathlib.Path({str(tmp_path / 'tries')!r})\n"
        "tries.write_text(tries.read_text() + 'x' if tries.exists() else 'x')\n"
        "if len(tries.read_text()) < 3: sys.exit('OSError: [Errno 98] Address already in use')\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b'ok')\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()\n"
    )
    code, text, _ = run_site(tmp_path, [("/", ["ok"])], ["-c", server, "{port}"])
    assert code == 0, text
    assert (tmp_path / "tries").read_text() == "xxx"


def answers(*responses: bytes) -> int:
    """Starts a server that sends the responses, each to a connection of its own; returns the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for response in responses:
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.sendall(response)
            connection.close()
        listener.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
    ],
)
def test_client_reads_bodies(response):
    assert load_client.Connection(answers(response)).request(b"GET / HTTP/1.1\r\n\r\n") == (200, b"hello")


def test_client_notices_a_short_body():
    port = answers(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello")
    with pytest.raises(EOFError, match="after 5 of 50 bytes"):
        load_client.Connection(port).request(b"GET / HTTP/1.1\r\n\r\n")


def test_client_connects_again_when_a_kept_connection_ended():
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    connection = load_client.Connection(answers(response, response))
    for _ in range(2):
        assert connection.request(b"GET / HTTP/1.1\r\n\r\n") == (200, b"ok")


def test_memory_counts_children():
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    try:
        while len(memory.tree(process.pid)) < 2:
            assert process.poll() is None
        assert memory.peak(process.pid) > max(memory.peak(pid) for pid in memory.tree(process.pid)[1:])
    finally:
        process.communicate(b"\n")


def test_prepared_file_is_made_once_and_copied(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "kept"))
    made = []

    def make(path: str) -> None:
        made.append(path)
        Path(path).write_text("filled")

    first, second = (cache.prepared_file("data", make) for _ in range(2))
    assert len(made) == 1 and first != second
    Path(first).write_text("changed")
    assert Path(second).read_text() == "filled"
    assert Path(cache.prepared_file("data", make)).read_text() == "filled"
