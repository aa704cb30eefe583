"""The Debian package in a Debian of its own: installed, used by root and by a user, removed, purged."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

import pytest

from packages.conftest import PROGRAM, ROOT, VERSION, Chroot, documented_commands, run, tree

pytestmark = [
    pytest.mark.packages,
    pytest.mark.skipif(not shutil.which("dpkg-buildpackage"), reason="needs dpkg-dev (apt-get install dpkg-dev)"),
    pytest.mark.skipif(not shutil.which("dh"), reason="needs debhelper (apt-get install debhelper)"),
]
HOME = "/usr/local/lib/pyston3"
SITE = f"{HOME}/lib/python3.11/site-packages"
# What apt and dpkg keep books in.
BOOKS = re.compile(r"(var/(cache|log|backups|lib/(apt|dpkg|ucf|systemd))|proc|sys|dev|run|tmp|root|user)(/|$)")
# Changed by any package that ships a library, a program's alternatives or mime types: the caches of the system.
CACHES = {"etc/ld.so.cache", "etc/mailcap", "var/lib/pam"}


@pytest.fixture(scope="module")
def deb(built) -> Path:
    (path,) = built("deb").glob(f"pyston3_{VERSION}+*_amd64.deb")
    return path


def contents(deb: Path) -> set[str]:
    lines = run("dpkg-deb", "--contents", deb).splitlines()
    return {line.split(maxsplit=5)[5].partition(" -> ")[0].rstrip("/") for line in lines}


def test_contents(deb):
    """Files of its own alone: nothing of the system's Python, nothing in /usr/local."""
    files = {name.removeprefix("./usr/") for name in contents(deb)}
    assert {"bin/pyston3", "bin/pip-pyston3", "share/man/man1/pyston3.1.gz", "share/man/man1/pip-pyston3.1.gz"} <= files
    assert {"share/bash-completion/completions/pyston3", "share/doc/pyston3/copyright"} <= files
    assert not [name for name in files if name.startswith(("local", "lib/python3"))]
    fields = run("dpkg-deb", "--field", deb)
    assert re.search(r"^Depends: .*libpython3.11-stdlib \(>= 3\.11\.\d+\), .*\(<< 3\.11\.\d+~\)", fields, re.MULTILINE)
    assert re.search(r"^Built-Using: python3.11 \(= 3\.11\..*\)$", fields, re.MULTILINE)


def test_another_release(tmp_path):
    """What differs between releases can be set."""
    settings = ["DEB_SUFFIX=test1", "SUITE=testing", "DEBEMAIL=a@b.org", f"OUT={tmp_path}", f"WORK={tmp_path}/work"]
    run("make", "-C", ROOT, "deb", *settings)
    (package,) = tmp_path.glob(f"pyston3_{VERSION}+test1_amd64.deb")
    fields = run("dpkg-deb", "--field", package)
    assert f"Version: {VERSION}+test1\n" in fields and "<a@b.org>\n" in fields
    run("dpkg-deb", "-x", package, tmp_path / "files")
    changelog = run("gzip", "-dc", *(tmp_path / "files/usr/share/doc/pyston3").glob("changelog.Debian.gz"))
    assert changelog.startswith(f"pyston3 ({VERSION}+test1) testing;")


def test_debug_symbols(deb):
    """The other package has the symbols, found by the build's number."""
    (symbols,) = deb.parent.glob(f"pyston3-dbgsym_{VERSION}+*_amd64.deb")
    assert [name for name in contents(symbols) if re.search(r"usr/lib/debug/\.build-id/../\w+\.debug$", name)]


@pytest.mark.skipif(not shutil.which("lintian"), reason="needs lintian (apt-get install lintian)")
def test_lintian(deb):
    said = run("lintian", "--allow-root", "--fail-on", "error,warning", deb)
    assert "E:" not in said


def test_manual_page(deb, tmp_path):
    run("dpkg-deb", "-x", deb, tmp_path)
    text = run("man", "--local-file", tmp_path / "usr/share/man/man1/pyston3.1.gz", env={"MANWIDTH": "80"})
    assert "PYSTON_THRESHOLD" in text and "pip-pyston3" in text
    warnings = run("man", "--warnings", "--local-file", "-Tutf8", "-Z", tmp_path / "usr/share/man/man1/pyston3.1.gz")
    assert "warning" not in warnings


def test_completion(deb, tmp_path):
    """Options, modules and Python files, as bash asks for them."""
    run("dpkg-deb", "-x", deb, tmp_path)
    (tmp_path / "abc.py").touch()
    (tmp_path / "abc.txt").touch()
    script = f"""
        . {tmp_path}/usr/share/bash-completion/completions/pyston3
        try() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pyston3; echo "${{COMPREPLY[@]}}"; }}
        try {tmp_path}/usr/bin/pyston3 --h
        try {tmp_path}/usr/bin/pyston3 -m zoneinf
        try {tmp_path}/usr/bin/pyston3 ab
    """
    out = run("bash", "-c", script, cwd=tmp_path).splitlines()
    assert out == ["--help --help-all --help-env --help-xoptions", "zoneinfo", "abc.py"]


def make_wheel(folder: Path, name: str, version: str) -> Path:
    """A wheel of one module that knows its version."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", f"__version__ = {version!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name} = {name}:main\n")
        wheel.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


@pytest.fixture(scope="module")
def machine(deb, debian, tmp_path_factory):
    """One Debian for the tests below, which happen in it one after the other."""
    folder = tmp_path_factory.mktemp("machine") / "root"
    run("cp", "-a", debian, folder)
    work = folder / "user"
    (work / "dist").mkdir(parents=True)
    shutil.copy(deb, work / "dist")
    (work / "program.py").write_text(PROGRAM)
    make_wheel(work, "six", "99.0")
    make_wheel(work, "flask", "99.0")
    yield Chroot(folder)
    run("rm", "-rf", "--one-file-system", folder)


def state(machine) -> dict[str, str]:
    return {k: v for k, v in tree(machine.folder).items() if not BOOKS.match(k) and k not in CACHES}


def as_user(command: str) -> str:
    return f"setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent sh -c {command!r}"


SUDO = 'sudo() { "$@"; }; cd /user; '


class TestLife:
    """In this order, in one process."""

    def test_refused(self, machine, deb):
        """A truncated package, and one for another machine: nothing is installed."""
        before = state(machine)
        (machine.folder / "user/broken.deb").write_bytes(deb.read_bytes()[:-300_000])
        machine("cd /user && apt-get install -y ./broken.deb", code=100)
        assert state(machine) == before
        machine("mkdir /user/arm && dpkg-deb -R /user/dist/*.deb /user/arm/tree")
        control = machine.folder / "user/arm/tree/DEBIAN/control"
        control.write_text(control.read_text().replace("Architecture: amd64", "Architecture: arm64"))
        machine("dpkg-deb -b /user/arm/tree /user/arm/other.deb")
        assert "does not match system (amd64)" in machine("dpkg -i /user/arm/other.deb", code=1)
        assert state(machine) == before

    def test_as_readme_says(self, machine):
        type(self).before = state(machine)
        commands = documented_commands("pyston3 as a Debian package")
        first = [" ".join(c.split()[:3]) for c in commands]
        assert first == [
            "make deb",
            "sudo apt install",
            "pyston3 program.py",
            "pyston3 -m venv",
            "sudo pip-pyston3 install",
            "sudo apt remove",
        ], "adapt this test"
        machine(SUDO + commands[1].replace("apt install", "apt install -y"))
        assert machine(SUDO + commands[2]) == "True True\n"
        machine(SUDO + commands[3])
        assert machine("/user/env/bin/python /user/program.py") == "True True\n"
        # The index is not asked: a package of that name lies here.
        machine(SUDO + "export PIP_NO_INDEX=1 PIP_FIND_LINKS=/user; " + commands[4])
        assert machine("pyston3 -c 'import flask; print(flask.__file__)'") == f"{SITE}/flask.py\n"
        names = "python python3 pyston3 pip"
        machine(f"cd /user/env/bin && for name in {names}; do test -x $name || exit 1; done")

    def test_system_untouched(self, machine):
        """Nothing of the system's Python, or of what came before, has changed."""
        after = state(machine)
        changed = {k for k, v in self.before.items() if after.get(k) != v and v != "folder"}
        assert not {k for k in changed if not k.startswith("etc/")}
        assert machine("python3.11 -c 'import sys; print(sys.version)'").count("Pyston") == 0

    def test_packages_of_the_system(self, machine):
        """apt's packages are there, and pip-pyston3's come before them, for pyston3 alone."""
        machine("apt-get install -y --no-install-recommends python3-six python3-pip")
        ask = "-c 'import six; print(six.__version__, six.__file__)'"
        stock = machine(f"python3.11 {ask}")
        assert machine(f"pyston3 {ask}") == stock and "/usr/lib/python3/dist-packages/" in stock
        machine("cd /user && pip-pyston3 install --no-index six-99.0-py3-none-any.whl")
        assert machine(f"pyston3 {ask}") == f"99.0 {SITE}/six.py\n"
        assert machine(f"{HOME}/bin/python3 {ask}") == f"99.0 {SITE}/six.py\n"
        assert machine(f"python3.11 {ask}") == stock
        path = machine("pyston3 -c 'import sys; print(*sys.path[1:])'").split()
        assert path.index(SITE) < path.index("/usr/lib/python3/dist-packages")
        assert SITE not in machine("pyston3 -S -c 'import sys; print(sys.path)'")

    def test_environments(self, machine):
        """An environment sees the folder when it sees the system's packages, and then in the right order."""
        machine("cd /root && pyston3 -m venv --without-pip a && pyston3 -m venv --without-pip --system-site-packages b")
        ask = "-c 'import sys; print(*sys.path[1:])'"
        assert SITE not in machine(f"/root/a/bin/python {ask}")
        path = machine(f"/root/b/bin/python {ask}").split()
        own = "/root/b/lib/python3.11/site-packages"
        assert path.index(own) < path.index(SITE) < path.index("/usr/lib/python3/dist-packages")
        machine("rm -r /root/a /root/b")

    def test_guard(self, machine):
        """Debian's word on pip and the system's packages holds for pyston3 as for python3.11."""
        for program in ("python3.11", "pyston3"):
            said = machine(f"cd /user && {program} -m pip install --no-index ./six-99.0-py3-none-any.whl", code=1)
            assert "externally-managed-environment" in said

    def test_path_files(self, machine):
        """.pth files in the folder are read, and a wrong one is told and does not stop a program."""
        (machine.folder / f"{SITE[1:]}/extra.pth").write_text("/user\nimport nosuchmodule\n")
        said = machine("pyston3 -c 'import sys; print(\"/user\" in sys.path[1:])'")
        assert said.endswith("True\n") and "nosuchmodule" in said
        machine(f"rm {SITE}/extra.pth")

    def test_user(self, machine):
        """Without the right to write: everything runs, and pip-pyston3 says what to do."""
        assert machine(as_user("cd / && pyston3 /user/program.py")) == "True True\n"
        assert "six" in machine(as_user("pip-pyston3 list"))
        said = machine(as_user("pip-pyston3 uninstall -y six"), code=None)
        assert "only root may change" in said and "pyston3 -m venv" in said
        assert machine("pyston3 -c 'import six; print(six.__version__)'") == "99.0\n"

    def test_environment_missing(self, machine):
        """Made again by root, and a user is told so."""
        machine(f"mv {HOME} {HOME}.away")
        said = machine(as_user("pip-pyston3 list"), code=1)
        assert "sudo pip-pyston3 --version" in said
        machine("pip-pyston3 --version")
        assert machine(f"ls {SITE}").split().count("pip") == 1
        machine(f"rm -r {HOME} && mv {HOME}.away {HOME}")

    def test_reinstalled(self, machine):
        """An upgrade keeps what pip-pyston3 has installed."""
        machine("cd /user && apt-get install -y --reinstall ./dist/pyston3_*.deb")
        assert machine("pyston3 -c 'import six; print(six.__version__)'") == "99.0\n"

    def test_removed(self, machine):
        """What the user installed stays until purge."""
        remove = documented_commands("pyston3 as a Debian package")[-1]
        said = machine(SUDO + remove.replace("apt remove", "apt remove -y"))
        assert f"stays in {HOME}" in said
        assert (machine.folder / SITE[1:] / "six.py").exists()
        machine("dpkg --purge pyston3")
        assert not (machine.folder / HOME[1:]).exists()

    def test_nothing_left(self, machine):
        """With what it depends on there already, installing, using and purging it changes nothing at all."""
        machine("apt-get purge -y python3-six python3-pip && apt-get autoremove -y --purge")
        machine("apt-get install -y --no-install-recommends python3.11-venv")
        # What any Python 3.11 that root runs leaves: bytecode of the library's modules.
        machine("python3.11 -I -m venv /root/warm && rm -r /root/warm && python3.11 -I /user/program.py || true")
        before = state(machine)
        machine("cd /user && apt-get install -y --no-install-recommends ./dist/pyston3_*.deb")
        assert machine("pyston3 /user/program.py") == "True True\n" and "pip" in machine("pip-pyston3 list")
        assert state(machine) != before
        machine("apt-get remove -y pyston3")
        assert state(machine) == before
        machine("apt-get purge -y pyston3")
        assert state(machine) == before and "pyston" not in machine("dpkg -l")
