"""The client that drives a server under test: a program of its own, run by one fixed CPython for every server.

It never runs on the interpreter under test. Requests and orders come as one line of JSON each on standard input,
an answer goes out for each:

    {"port", "requests": [{"path", "status", "contains", "method", "headers", "body"}]}   first, once
    {"send": N}                  -> {"seconds": total}   N requests, one after the other, in turns
    {"load": N, "clients": K}    -> {"seconds": wall}    N requests by K clients at the same time
    {"digest": true}             -> {"digest": of all pages}

Every response is checked: the status, the texts that the body has to contain, and that the body is byte for byte
what the same request got the first time. Anything else is answered by {"error": why} and the program ends.
"""

from __future__ import annotations

import hashlib
import json
import socket
import sys
import threading
import time

TIMEOUT = 60


class BadResponse(Exception):
    """The server's answer is not what it has to be."""


class Connection:
    """One client's connection, opened again whenever the server has closed it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket: socket.socket | None = None
        self.buffer = b""

    def request(self, data: bytes) -> tuple[int, bytes]:
        """Sends a request; returns the status and the body."""
        fresh = self.socket is None
        try:
            return self._exchange(data)
        except (ConnectionError, EOFError):
            self.close()
            if fresh:
                raise
            return self._exchange(data)  # a kept connection may end between two requests

    def _exchange(self, data: bytes) -> tuple[int, bytes]:
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), TIMEOUT)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.buffer = b""
        self.socket.sendall(data)
        head = self._until(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        version, status = lines[0].split(b" ", 2)[:2]
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        body = self._body(headers)
        if version == b"HTTP/1.0" or headers.get(b"connection", b"").lower() == b"close":
            self.close()
        return int(status), body

    def _body(self, headers: dict[bytes, bytes]) -> bytes:
        if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
            parts = []
            while size := int(self._until(b"\r\n").split(b";")[0], 16):
                parts.append(self._exactly(size))
                self._exactly(2)
            self._until(b"\r\n")
            return b"".join(parts)
        if b"content-length" in headers:
            return self._exactly(int(headers[b"content-length"]))
        while self._more():
            pass
        body, self.buffer = self.buffer, b""
        self.close()
        return body

    def _more(self) -> bool:
        assert self.socket is not None
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def _until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            if not self._more():
                raise EOFError("the server closed the connection before its answer was complete")
        found, _, self.buffer = self.buffer.partition(end)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            if not self._more():
                raise EOFError(f"the server closed the connection after {len(self.buffer)} of {size} bytes of the body")
        found, self.buffer = self.buffer[:size], self.buffer[size:]
        return found

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket = None


class Page:
    """A request, what its response has to be, and what it was the first time."""

    def __init__(self, spec: dict) -> None:
        self.name = f"{spec.get('method', 'GET')} {spec['path']}"
        self.status = spec.get("status", 200)
        self.contains = [text.encode() for text in spec.get("contains", ())]
        self.body: bytes | None = None
        payload = spec.get("body", "").encode()
        headers = {"Host": "127.0.0.1", "Accept": "*/*", **spec.get("headers", {})}
        if payload:
            headers["Content-Length"] = str(len(payload))
        lines = [f"{self.name} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        self.data = "\r\n".join([*lines, "", ""]).encode() + payload

    def check(self, status: int, body: bytes) -> None:
        """Raises BadResponse when it is not the page."""
        if status != self.status:
            raise BadResponse(f"{self.name}: status {status} instead of {self.status}: {body[:300]!r}")
        if self.body is None:
            for text in self.contains:
                if text not in body:
                    raise BadResponse(f"{self.name}: no {text!r} in the body: {body[:300]!r}")
            self.body = body
        elif body != self.body:
            raise BadResponse(f"{self.name}: the body is another than the first time: {body[:300]!r}")


class Client:
    """Everything that a server is asked."""

    def __init__(self, port: int, requests: list[dict]) -> None:
        self.port = port
        self.pages = [Page(spec) for spec in requests]
        self.connection = Connection(port)
        self.sent = 0

    def send(self, count: int) -> float:
        """`count` requests one after the other; returns the seconds from request to response, summed up."""
        total = 0.0
        for _ in range(count):
            page = self.pages[self.sent % len(self.pages)]
            self.sent += 1
            start = time.perf_counter()
            status, body = self.connection.request(page.data)
            total += time.perf_counter() - start
            page.check(status, body)
        return total

    def load(self, count: int, clients: int) -> float:
        """At least `count` requests by several clients at the same time; returns the seconds that all of it took."""
        errors: list[Exception] = []

        def work(first: int) -> None:
            connection = Connection(self.port)
            try:
                for index in range(first, count, clients):
                    page = self.pages[index % len(self.pages)]
                    page.check(*connection.request(page.data))
            except Exception as error:
                errors.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=work, args=(first,)) for first in range(clients)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        return time.perf_counter() - start

    def digest(self) -> str:
        """Of all pages that were asked for, for comparing one interpreter's answers with another's."""
        total = hashlib.sha256()
        for page in self.pages:
            total.update(page.name.encode() + b"\0" + (page.body or b"") + b"\0")
        return total.hexdigest()


def main() -> None:
    first = json.loads(sys.stdin.readline())
    client = Client(first["port"], first["requests"])
    for line in sys.stdin:
        order = json.loads(line)
        try:
            if "send" in order:
                answer = {"seconds": client.send(order["send"])}
            elif "load" in order:
                answer = {"seconds": client.load(order["load"], order["clients"])}
            else:
                answer = {"digest": client.digest()}
        except (BadResponse, OSError, EOFError, ValueError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
        if "error" in answer:
            break


if __name__ == "__main__":
    main()
