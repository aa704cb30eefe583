"""What the tests of the packages share: each built once, environments to install into, the commands of docs/start.md.

The packages are built by the commands that users are told (make wheel, ...) into a folder of their own, or, with
PYSTON_TEST_DIST=/path, taken from that folder as they are.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import runmodes

ROOT = runmodes.ROOT
VERSION = (ROOT / "VERSION").read_text().strip()

# Runs long enough for something to be compiled; prints whether the engine is on, and whether that happened.
PROGRAM = """
import pyston, sys
def work(n):
    total = 0
    for i in range(n):
        total += i * 2
    return total
assert [work(n) for n in range(3000)][-1] == 8991002
stats = pyston.stats()
print(pyston.is_enabled(), stats["functions_compiled"] + stats["loops_compiled"] > 0)
"""


def clean_env(**more) -> dict[str, str]:
    """The environment without what would change which Python and which packages are found."""
    keep = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYSTON", "PIP_", "VIRTUAL_ENV", "MAKE"))
    }
    for name in ("MFLAGS", "OUT", "WORK", "SOURCE_DATE_EPOCH", "LD_LIBRARY_PATH"):
        keep.pop(name, None)
    return keep | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "LC_ALL": "C.UTF-8"} | more


def run(*argv, env=None, code=0, **popen) -> str:
    """Run a command in the clean environment; what it wrote, on both streams. `code` is the exit code that it
    must have, None any failure."""
    done = subprocess.run(
        [str(arg) for arg in argv],
        env=clean_env(**(env or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="surrogateescape",
        timeout=1800,
        **popen,
    )
    good = done.returncode != 0 if code is None else done.returncode == code
    assert good, f"{argv}: exit code {done.returncode}\n{done.stdout}"
    return done.stdout


def documented_commands(heading: str) -> list[str]:
    """The commands of the console blocks below a heading of docs/start.md, as they are written there."""
    file = "docs/start.md"
    text = (ROOT / file).read_text()
    match = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL)
    assert match, f"{file} has no heading {heading!r}"
    blocks = re.findall(r"```console\n(.*?)```", match[2], re.DOTALL)
    commands = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    assert commands, f"{file}, {heading}: no command"
    return commands


def tree(folder: Path) -> dict[str, str]:
    """Every file and link below a folder, with what tells a change: link target or size and mode."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_file():
            found[name] = f"{path.stat().st_size} {path.stat().st_mode:o}"
        else:
            found[name] = "folder"
    return found


@pytest.fixture(scope="session")
def built(tmp_path_factory, worker_id):
    """built(TARGET) is the folder that `make TARGET` has put its packages into."""
    given = os.environ.get("PYSTON_TEST_DIST")
    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent  # one folder for all processes of this run

    def build(target: str) -> Path:
        if given:
            return Path(given).resolve()
        out = base / f"dist-{target}"
        with open(base / f"{target}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (out / ".done").exists():
                run("make", "-C", ROOT, target, f"OUT={out}", f"WORK={base / 'work'}")
                (out / ".done").touch()
        return out

    return build


@pytest.fixture
def wheels(built) -> Path:
    """The folder of the wheels."""
    return built("wheel")


def may_mount() -> bool:
    """Whether this user may mount things, for himself, on this machine: root in some containers may not."""
    argv = ["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "none", "/mnt"]
    return os.getuid() == 0 and subprocess.run(argv, capture_output=True).returncode == 0


class Chroot:
    """A Debian of its own in a folder: call it with a line of shell to run that there as root."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __call__(self, command: str, code: int | None = 0) -> str:
        # Mounts of its own, which end with it, and the network of the machine, for apt.
        setup = 'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && exec chroot "$1" bash -c "$2"'
        argv = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", setup, "sh", self.folder, command]
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        env = {"PATH": path, "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
        return run(*argv, env=env, code=code)


@pytest.fixture(scope="session")
def debian(tmp_path_factory, worker_id) -> Path:
    """An untouched Debian 12, made by debootstrap once; with PYSTON_TEST_DEBIAN=/path kept there for later runs."""
    if not shutil.which("debootstrap") or not may_mount():
        pytest.skip("a chroot needs root who may mount, and debootstrap (apt-get install debootstrap)")
    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent
    folder = Path(os.environ.get("PYSTON_TEST_DEBIAN") or base / "debian")
    with open(base / "debian.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "etc/.complete").exists():
            run("debootstrap", "--variant=minbase", "bookworm", folder)
            (folder / "etc/apt/sources.list").unlink(missing_ok=True)
            for name in ("/etc/apt/sources.list.d/debian.sources", "/etc/resolv.conf", "/etc/hosts"):
                if Path(name).exists():
                    shutil.copy(name, str(folder) + name)
            run("chroot", folder, "apt-get", "-q", "update")
            (folder / "etc/.complete").touch()
    return folder


@pytest.fixture
def chroot(debian, tmp_path):
    """A copy of it, gone afterwards."""
    folder = tmp_path / "root"
    run("cp", "-a", debian, folder)
    yield Chroot(folder)
    run("rm", "-rf", "--one-file-system", folder)
