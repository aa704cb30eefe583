"""The container files of docs/deployment.md, each built as far as a chroot can: what they copy and the commands they
run, taken from the page, in a Debian of their own; then the service answers."""

from __future__ import annotations

import re
import shlex
import shutil

import pytest
import runmodes

from packages.conftest import ROOT, run

pytestmark = pytest.mark.packages

APP = """
import flask, json, pyston
app = flask.Flask(__name__)

def work(n):
    return sum(i & 3 for i in range(n))

@app.get("/")
def page():
    return json.dumps([pyston.is_enabled(), work(100_000)])
"""
# Asks until the service answers, then ends it as a container is ended.
ASK = """
import os, signal, subprocess, sys, time, urllib.request
service = subprocess.Popen(sys.argv[1:], cwd="/srv")
for _ in range(100):
    time.sleep(0.2)
    try:
        print("answer:", urllib.request.urlopen("http://127.0.0.1:8000/").read().decode(), flush=True)
        break
    except OSError:
        pass
service.send_signal(signal.SIGTERM)
print("status:", service.wait(30))
"""


def recipes() -> list[list[tuple[str, str]]]:
    """Each container file of the page as its instructions."""
    blocks = re.findall(r"```dockerfile\n(.*?)```", (ROOT / "docs/deployment.md").read_text(), re.DOTALL)
    return [re.findall(r"^([A-Z]+) (.*)$", block, re.MULTILINE) for block in blocks]


def test_there_are_two():
    assert [recipe[0] for recipe in recipes()] == [("FROM", "python:3.11-slim"), ("FROM", "debian:12-slim")]


@pytest.mark.parametrize("kind", ["wheel", "deb"])
def test_recipe(built, chroot, tmp_path, kind):
    recipe = recipes()[0 if kind == "wheel" else 1]
    context = tmp_path / "context"
    context.mkdir()
    shutil.copytree(built(kind), context / "dist")
    (context / "app.py").write_text(APP)
    (chroot.folder / "root/ask.py").write_text(ASK)
    if kind == "wheel":
        # Docker's image brings pip and a Python that may be installed into; here Debian's, in an environment.
        chroot("apt-get install -y --no-install-recommends python3.11-venv && python3.11 -m venv /usr/local")
        # What the index has is fetched out here, where pip knows how to reach it.
        run(runmodes.STOCK, "-m", "venv", tmp_path / "env")
        run(tmp_path / "env/bin/pip", "download", "-d", context / "dist", "gunicorn", "flask")
    folder, said = "/", ""
    for instruction, arguments in recipe[1:]:
        if instruction == "COPY":
            pattern, target = arguments.split()
            (chroot.folder / target.strip("/")).mkdir(parents=True, exist_ok=True)
            found = sorted(context.glob(pattern))
            assert found, f"{pattern} names nothing that make {kind} makes"
            for path in found:
                shutil.copy(path, chroot.folder / target.strip("/"))
        elif instruction == "RUN":
            offline = "PIP_NO_INDEX=1 " if kind == "wheel" else ""
            chroot(f"cd {folder} && {offline}{arguments}")
        elif instruction == "WORKDIR":
            folder = arguments
        elif instruction == "CMD":
            command = shlex.join(eval(arguments))
            python = "python" if kind == "wheel" else "pyston3"
            said = chroot(f"ip link set lo up 2>/dev/null; {python} /root/ask.py {command}")
    assert "answer: [true, 150000]" in said and said.rstrip().endswith("status: 0"), said
