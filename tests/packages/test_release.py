"""make release: everything from a clean copy, with checksums, and the same bytes from another place another time."""

from __future__ import annotations

import hashlib
import shutil

import pytest

from packages.conftest import ROOT, VERSION, run

pytestmark = [
    pytest.mark.packages,
    pytest.mark.skipif(not shutil.which("dh"), reason="needs debhelper (apt-get install debhelper)"),
    pytest.mark.skipif(not shutil.which("lintian"), reason="needs lintian (apt-get install lintian)"),
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a release is made of a git checkout"),
]


def test_twice(tmp_path):
    """Two clones of the last commit in folders of different names give the same files."""
    found = []
    commit = run("git", "-C", ROOT, "rev-parse", "HEAD").strip()
    for name in ("first", "the second place"):
        checkout = tmp_path / name
        run("git", "clone", "-q", ROOT, checkout)
        run("git", "-C", checkout, "checkout", "-q", "--detach", commit)
        env = {"PACKAGING_VENV": str(ROOT / "build/packaging-venv")}
        if found:
            env |= {"TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8", "HOME": "/nonexistent"}
        run("make", "-C", checkout, "release", env=env)
        dist = checkout / "dist"
        assert run("sha256sum", "-c", "SHA256SUMS", cwd=dist)
        names = {path.name for path in dist.iterdir()}
        listed = {line.split()[1] for line in (dist / "SHA256SUMS").read_text().splitlines()}
        assert names == listed | {"SHA256SUMS"}
        found.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in dist.iterdir()})
        shutil.rmtree(checkout)
    assert found[0] == found[1]
    kinds = ["cp311-cp311-manylinux", "py3-none-any.whl", f"{VERSION}.tar.gz", ".tar.xz", "pyston3_", "pyston3-dbgsym_"]
    assert all(any(kind in name for name in found[0]) for kind in kinds) and len(found[0]) == len(kinds) + 1
