"""make wheel, tarball, deb and release where they cannot work: a sentence that says what to do, and nothing left."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from packages.conftest import ROOT, clean_env, may_mount, run, tree

KINDS = ["wheel", "tarball", "deb"]
needs_root = pytest.mark.skipif(not may_mount(), reason="a small disk needs root who may mount it")
DROP = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] if os.getuid() == 0 else []


@pytest.fixture
def make(tmp_path):
    """make(TARGET, VARIABLE="value") has to fail; returns what it said. The folder dist/ has to stay as it was."""
    if not shutil.which("dh"):
        # deb.sh asks for its own tools first; here it is to get further.
        (tmp_path / "bin").mkdir()
        for name in ("dh", "dpkg-buildpackage"):
            (tmp_path / "bin" / name).symlink_to("/bin/false")
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/old").write_text("stays\n")

    def make(target, *prefix, env=None, **variables) -> str:
        before = tree(tmp_path / "dist")
        settings = {"OUT": tmp_path / "dist", "WORK": tmp_path / "work"} | variables
        argv = [*prefix, "make", "-C", ROOT, target, *(f"{k}={v}" for k, v in settings.items())]
        path = f"{tmp_path}/bin:{clean_env()['PATH']}"
        said = run(*argv, env={"PATH": path, **(env or {})}, code=2)
        assert tree(tmp_path / "dist") == before
        assert not list((tmp_path / "work").glob("*/*"))
        return said

    return make


def other_version() -> str | None:
    for path in [*sorted(Path.home().glob(".pyenv/versions/3.1[0-9]*/bin/python"))]:
        asked = subprocess.run([path, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True)
        if asked.returncode == 0 and asked.stdout != "(3, 11)\n":
            return str(path)
    return None


@pytest.mark.parametrize("kind", KINDS)
def test_other_python(make, tmp_path, kind):
    """A Python of another version, a real one or one that says so."""
    python = other_version()
    if python is None:
        python = tmp_path / "python"
        python.write_text("#!/bin/sh\ncase $1 in -V) echo Python 3.12.1 ;; *) exit 1 ;; esac\n")
        python.chmod(0o755)
    said = make(kind, PYTHON=python)
    assert "Pyston is built with Python 3.11: PYTHON=/path/to/python3.11 make" in said


@pytest.mark.parametrize("kind", KINDS)
def test_no_python(make, kind):
    assert "/nowhere/python3.11 is missing: apt-get install python3.11" in make(kind, PYTHON="/nowhere/python3.11")


def test_archive_of_another_python(make, tmp_path):
    """Only Debian's library fits into the archive that is made of Debian's packages."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ncase $2 in *stdlib*) ;; *) exec /usr/bin/python3.11 "$@" ;; esac\necho /opt/lib\n')
    python.chmod(0o755)
    assert "the archive is made of Debian's own Python 3.11" in make("tarball", PYTHON=python)


@pytest.mark.parametrize("kind", KINDS)
def test_other_machine(make, tmp_path, kind):
    uname = tmp_path / "bin/uname"
    uname.parent.mkdir(exist_ok=True)
    uname.write_text("#!/bin/sh\ncase $1 in -s) echo Linux ;; *) echo aarch64 ;; esac\n")
    uname.chmod(0o755)
    assert "Pyston runs on x86-64 Linux, and is built there; this machine is Linux aarch64" in make(kind)


@pytest.mark.parametrize("kind", [*KINDS, "release"])
@pytest.mark.parametrize("variable", ["OUT", "WORK"])
def test_no_write_permission(make, tmp_path, kind, variable):
    folder = tmp_path / "read only"
    folder.mkdir()
    folder.chmod(0o555)
    for path in (folder, folder / "inside"):
        said = make(kind, *DROP, **{variable: path})
        assert f"{path} cannot be written: name a folder that can, {variable}=/path make {kind}" in said
    assert not list(folder.iterdir())


@needs_root
@pytest.mark.parametrize("kind", KINDS)
def test_full_disk_while_building(make, tmp_path, kind):
    """The disk of WORK is too small for what is built."""
    missing = {"deb": ["dh"], "tarball": ["patch", "xz"]}.get(kind, [])
    if not all(map(shutil.which, missing)):
        pytest.skip(f"needs {' and '.join(missing)} (apt-get install debhelper patch xz-utils)")
    (tmp_path / "work").mkdir()
    mount = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=3m none "$0" && exec "$@"', tmp_path / "work"]
    said = make(kind, *mount)
    assert f"the disk that holds {tmp_path}/work is full: free 300 MB there, or name other folders" in said
    assert re.search(rf"{kind}: failed while .*, see above; {tmp_path}/dist is as it was", said)


@needs_root
@pytest.mark.packages
def test_full_disk_at_the_end(tmp_path):
    """The wheels are built, and dist/ has no room for them: not one of them is there."""
    out = tmp_path / "dist"
    out.mkdir()
    script = f"""
        mount -t tmpfs -o size=100k none {out} && make -C {ROOT} wheel OUT={out} WORK={tmp_path}/work
        echo "exit code $?; there:" $(ls -A {out})
    """
    said = run("unshare", "--mount", "sh", "-c", script)
    assert said.endswith("exit code 2; there:\n")
    assert f"the disk that holds {out} is full" in said and f"failed while copying to {out}" in said


def test_truncated_bundle(tmp_path):
    """What comes from the index has to be what was pinned: the archive's wheels are named with their checksums."""
    lines = (ROOT / "packaging/tarball/requirements.txt").read_text().splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    assert names and all("==" in line and "--hash=sha256:" in line for line in names)


def test_release_of_changes(tmp_path):
    """A release is made of a commit; changes that are in none are refused, and so is a version without a word on it."""
    if not shutil.which("lintian"):
        pytest.skip("needs lintian (apt-get install lintian)")
    checkout = tmp_path / "checkout"
    run("git", "clone", "-q", ROOT, checkout)
    (checkout / "VERSION").write_text("3.9.9\n")
    assert "commit or stash them" in run("make", "-C", checkout, "release", code=2)
    git = ["git", "-C", checkout, "-c", "user.name=x", "-c", "user.email=x@example.org"]
    run(*git, "commit", "-qam", "version")
    said = run("make", "-C", checkout, "release", code=2)
    assert "CHANGELOG.md has no section '## 3.9.9'" in said and not (checkout / "dist").exists()
