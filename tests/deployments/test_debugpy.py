"""debugpy over its protocol: attach to a program that runs in a hot compiled loop, break in it, look, step, pause, go
on. What the debugger shows is stock's."""

from __future__ import annotations

import itertools
import json
import re
import socket

import pytest

from deployments.ways import PROGRAMS, Way, compiled, free_port

SERVER = """
import os, sys, threading, time
sys.path.insert(0, {programs!r})
import evidence
import debugpy

LIMIT = 10**9

def inner(x, y):
    product = x * y
    return product & 7

def hot():
    total = 0
    i = 0
    while i < LIMIT:
        i += 1
        total += inner(i, 3)
        total &= 0xFFFF
        if done:
            break
    return "left the loop"

def numbers(n):
    for k in range(n):
        yield k + 1

def failing(n):
    if n == 5000:
        raise LookupError("at the end")
    return n

done = []
for _ in range(30_000):
    inner(2, 3)
    sum(numbers(3))
    failing(1)
LIMIT = 200_000
hot()
LIMIT = 10**9
evidence.note()
debugpy.listen(("127.0.0.1", {port}))
print("ready", flush=True)
print(hot(), flush=True)
print(sum(numbers(4)), flush=True)
try:
    failing(5000)
except LookupError as error:
    print(error, flush=True)
"""


class Client:
    """Just enough of the debug adapter protocol."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.settimeout(60)
        self.file = self.socket.makefile("rb")
        self.numbers = itertools.count(1)
        self.events: list[dict] = []

    def send(self, command: str, **arguments) -> int:
        number = next(self.numbers)
        body = json.dumps({"seq": number, "type": "request", "command": command, "arguments": arguments}).encode()
        self.socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return number

    def read(self) -> dict:
        length = 0
        while (line := self.file.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return json.loads(self.file.read(length))

    def ask(self, command: str, **arguments) -> dict:
        """The body of the response; events that come before it are kept."""
        return self.response(self.send(command, **arguments))

    def response(self, number: int) -> dict:
        while True:
            message = self.read()
            if message["type"] == "response" and message["request_seq"] == number:
                assert message["success"], message
                return message.get("body") or {}
            if message["type"] == "event":
                self.events.append(message)

    def event(self, name: str) -> dict:
        while True:
            for event in self.events:
                if event["event"] == name:
                    self.events.remove(event)
                    return event.get("body") or {}
            message = self.read()
            if message["type"] == "event":
                self.events.append(message)

    def attach(self, breakpoints: dict[str, list[dict]], filters=()) -> None:
        self.ask("initialize", adapterID="test", linesStartAt1=True, columnsStartAt1=True, pathFormat="path")
        attached = self.send("attach", justMyCode=False)
        self.event("initialized")
        for path, places in breakpoints.items():
            self.ask("setBreakpoints", source={"path": path}, breakpoints=places)
        self.ask("setExceptionBreakpoints", filters=list(filters))
        self.ask("configurationDone")
        self.response(attached)

    def stopped(self) -> tuple[str, int, list[tuple[str, int]], dict[str, str]]:
        """Where it stopped: reason, thread, frames as name and line, and the local variables of the innermost."""
        body = self.event("stopped")
        frames = self.ask("stackTrace", threadId=body["threadId"], startFrame=0, levels=20)["stackFrames"]
        scopes = self.ask("scopes", frameId=frames[0]["id"])["scopes"]
        local = next(s for s in scopes if s["name"] == "Locals")
        variables = self.ask("variables", variablesReference=local["variablesReference"])["variables"]
        shown = {v["name"]: v["value"] for v in variables}
        return body["reason"], body["threadId"], [(f["name"], f["line"]) for f in frames], shown

    def evaluate(self, frame: int, expression: str) -> str:
        return self.ask("evaluate", expression=expression, frameId=frame, context="repl").get("result", "")


def session(way: Way, tmp_path) -> list:
    """Attach while the loop runs, and note everything that does not depend on how far it had come."""
    folder = tmp_path / way.name
    folder.mkdir()
    port = free_port()
    text = SERVER.format(programs=str(PROGRAMS), port=port)
    path = folder / "program.py"
    path.write_text(text)
    lines = text.splitlines()

    def at(code: str) -> int:
        return lines.index(code) + 1

    seen: list = []
    with way.start("-Xfrozen_modules=off", path, log=folder / "log", env={"EVIDENCE": folder}) as program:
        program.wait_for_text("ready")
        client = Client(port)
        places = [
            {"line": at("        total &= 0xFFFF")},
            {"line": at("    product = x * y"), "condition": "x % 1000 == 0"},
        ]
        client.attach({str(path): places}, ["raised"])

        def note(what):
            reason, thread, frames, variables = client.stopped()
            i = int(variables["i"]) if "i" in variables else None
            kinds = {
                name: value if name in ("y", "k", "n") else re.sub(r"\d+", "N", value)
                for name, value in variables.items()
            }
            # At the level of the module there are modules, which know where they are.
            seen.append((what, reason, frames, kinds if frames[0][0] != "<module>" else sorted(kinds)))
            return thread, i, variables

        thread, i, variables = note("breakpoint in the loop")
        total = int(variables["total"])
        client.ask("continue", threadId=thread)
        thread, j, variables = note("the next round")
        # Nothing lost between the two: one round, by the program's own arithmetic.
        seen.append((j - i, int(variables["total"]) - (total & 0xFFFF) - ((j * 3) & 7)))
        frame = client.ask("stackTrace", threadId=thread)["stackFrames"][0]["id"]
        seen.append(client.evaluate(frame, f"i == {j} and inner(3, 4)"))
        client.ask(
            "setVariable",
            variablesReference=client.ask("scopes", frameId=frame)["scopes"][0]["variablesReference"],
            name="total",
            value="5",
        )
        for _ in range(3):
            client.ask("next", threadId=thread)
            thread, *_ = note("next")
        # Into the call, and out of it.
        client.ask("setBreakpoints", source={"path": str(path)}, breakpoints=places[1:])
        client.ask("continue", threadId=thread)
        thread, _, variables = note("condition")
        seen.append(int(variables["x"]) % 1000)
        client.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[{"line": at("        yield k + 1")}])
        for step in ("next", "stepOut", "stepIn", "next"):
            client.ask(step, threadId=thread)
            thread, *_ = note(step)
        # A pause in the middle of compiled code, after it ran on alone for a while.
        client.ask("continue", threadId=thread)
        client.ask("pause", threadId=thread)
        reason, thread, frames, _ = client.stopped()
        seen.append(
            (
                reason,
                frames[-2][0] if frames[-1][0] == "<module>" else frames,
                [f for f in frames if f[0] == "<module>"],
            )
        )
        frame = client.ask("stackTrace", threadId=thread)["stackFrames"][0]["id"]
        client.evaluate(frame, "done.append(1)")
        client.ask("continue", threadId=thread)
        for _ in range(4):
            thread, *_ = note("in the generator")
            client.ask("continue", threadId=thread)
        for _ in range(2):  # where it is raised, and in the caller
            thread, *_ = note("exception")
            client.ask("continue", threadId=thread)
        client.event("terminated")
        assert program.process.wait(60) == 0, program.said
        seen.append([line for line in program.said.splitlines() if "left" in line or "end" in line or line.isdigit()])
    if way.is_engine:
        assert compiled(folder)[0] >= 1
    return seen


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return session(Way("stock"), tmp_path_factory.mktemp("debugpy"))


@pytest.mark.deployments
def test_attach(way, expected, tmp_path):
    assert expected[0][1] == "breakpoint" and expected[-1] == ["left the loop", "10", "at the end"]
    assert session(way, tmp_path) == expected
