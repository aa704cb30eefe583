"""The relocatable archive: unpacked anywhere it is a whole Python, and deleting the folder removes it."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from pathlib import Path

import pytest

from packages.conftest import PROGRAM, ROOT, VERSION, documented_commands, run, tree

pytestmark = pytest.mark.packages
NAME = f"pyston3-{VERSION}-linux-x86_64"
# Every module of the standard library that has a C library below it, and what shows that it works.
C_LIBRARIES = """
import bz2, ctypes, curses, dbm.ndbm, hashlib, lzma, readline, sqlite3, ssl, tempfile, uuid, zlib, pyexpat
data = b"abc" * 1000
for module in bz2, lzma, zlib:
    assert module.decompress(module.compress(data)) == data
assert sqlite3.connect(":memory:").execute("select 6 * 7").fetchone() == (42,)
assert ctypes.CDLL(None).abs(-3) == 3
assert ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x + 1)(4) == 5
assert ssl.create_default_context() and ssl.OPENSSL_VERSION.startswith("OpenSSL 3")
assert hashlib.new("sha512_256", b"x").hexdigest() and hashlib.scrypt(b"x", salt=b"y", n=2, r=1, p=1)
assert uuid.uuid1() and pyexpat.ParserCreate().Parse("<a/>", True) == 1
with tempfile.TemporaryDirectory() as folder, dbm.ndbm.open(folder + "/db", "c") as db:
    db["a"] = "b"
    assert db["a"] == b"b"
print("fine")
"""
# Which files of the machine a process has mapped to run.
MAPPED = """
import os, sys
exec(sys.argv[1])
maps = {line.split(maxsplit=5)[5].strip() for line in open("/proc/self/maps") if len(line.split(maxsplit=5)) == 6}
root = os.path.realpath(sys.base_prefix)
print(*sorted(os.path.basename(m) for m in maps if ".so" in m and not m.startswith(root)))
"""
GLIBC = {"ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libresolv.so.2"}


@pytest.fixture(scope="module")
def archive(built) -> Path:
    return built("tarball") / f"{NAME}.tar.xz"


@pytest.fixture
def unpacked(archive, tmp_path) -> Path:
    """Unpacked where a path has a space in it."""
    folder = tmp_path / "some where"
    folder.mkdir()
    run("tar", "-C", folder, "-xf", archive)
    return folder / NAME


def test_archive(archive):
    """One folder, root's, no file that anybody may write, no path of the machine that built it."""
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
        assert all(m.name == NAME or m.name.startswith(f"{NAME}/") for m in members)
        assert {(m.uid, m.gid) for m in members} == {(0, 0)}
        assert len({m.mtime for m in members}) == 1
        assert not [m.name for m in members if m.mode & 0o022 and not m.issym()]
        names = {m.name.removeprefix(f"{NAME}/") for m in members}
        for member in members:
            if member.isfile():
                data = tar.extractfile(member).read()
                assert not re.search(rb"[ -~]*" + re.escape(os.fsencode(ROOT)) + b"/[ -~]*", data), member.name
    assert {"bin/pyston3", "bin/pip-pyston3", "README.txt", "LICENSE", "share/man/man1/pyston3.1"} <= names
    assert "lib/python3.11/EXTERNALLY-MANAGED" not in names and "lib/python3.11/sitecustomize.py" not in names


def test_as_readme_says(archive, tmp_path):
    """The documented commands; then the folder is deleted and nothing else has changed."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "dist").symlink_to(archive.parent)
    (tmp_path / "program.py").write_text(PROGRAM)
    before = tree(tmp_path)
    commands = documented_commands("pyston3 as a tarball")
    assert [c.split()[0] for c in commands] == ["make", "tar"] + [f"{NAME}/bin/pyston3"] * 2 + ["env/bin/pip", "rm"]
    # The system's own programs alone: pip asks rustc for its version, and a rustup would write into HOME then.
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    outputs = [run("bash", "-c", command, env=env, cwd=tmp_path) for command in commands[1:]]
    assert outputs[1] == "True True\n"
    shutil.rmtree(tmp_path / "env")
    shutil.rmtree(home / ".cache", ignore_errors=True)
    assert tree(tmp_path) == before


def test_whole_and_alone(unpacked):
    """The standard library works, and takes no library of the machine but glibc's."""
    before = tree(unpacked)
    assert run(unpacked / "bin/pyston3", "-I", "-c", C_LIBRARIES) == "fine\n"
    mapped = run(unpacked / "bin/pyston3", "-I", "-c", MAPPED, C_LIBRARIES).split()
    assert mapped[0] == "fine" and set(mapped[1:]) <= GLIBC
    # Every extension module that is in it loads.
    names = sorted({p.name.partition(".")[0] for p in (unpacked / "lib/python3.11/lib-dynload").glob("*.so")})
    code = f"import warnings; warnings.simplefilter('ignore'); [__import__(name) for name in {names}]"
    assert len(names) > 30
    assert set(run(unpacked / "bin/pyston3", "-I", "-c", MAPPED, code).split()) <= GLIBC
    # It came compiled: no start writes into it.
    assert tree(unpacked) == before


@pytest.mark.parametrize("way", ["link", "relative link", "path", "moved"])
def test_called(unpacked, tmp_path, way):
    """From any place, by any way."""
    program, cwd, env = unpacked / "bin/pyston3", tmp_path, {}
    if way == "link":
        (tmp_path / "a link").symlink_to(program)
        program = tmp_path / "a link"
    elif way == "relative link":
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/pyston3").symlink_to(os.path.relpath(program, tmp_path / "bin"))
        program = "bin/pyston3"
    elif way == "path":
        env["PATH"] = f"{program.parent}:/usr/bin:/bin"
        program = "pyston3"
    else:
        unpacked = unpacked.rename(tmp_path / "elsewhere")
        program = unpacked / "bin/pyston3"
    code = "import sys, os; print(sys.prefix, sys.base_prefix, os.__file__, sep='\\n')"
    out = run("env", program, "-c", code, cwd=cwd, env=env)
    assert out.splitlines() == [str(unpacked)] * 2 + [f"{unpacked}/lib/python3.11/os.py"]
    pip = run(unpacked / "bin/pip-pyston3", "--version")
    assert f"{unpacked}/lib/python3.11/site-packages/pip" in pip
    assert run("sh", "-c", "pip-pyston3 --version", env={"PATH": f"{unpacked}/bin:/usr/bin:/bin"}) == pip


@pytest.mark.parametrize("options", [[], ["--copies"], ["--system-site-packages"]])
def test_environment(unpacked, wheels, tmp_path, options):
    """-m venv: python, python3, pyston3 and pip, and each is this pyston3."""
    env = tmp_path / "env"
    run(unpacked / "bin/pyston3", "-m", "venv", *options, env)
    for name in ("python", "python3", "pyston3"):
        code = "import sys; print(sys.prefix, sys.base_prefix, 'Pyston' in sys.version, sep='\\n')"
        assert run(env / "bin" / name, "-c", code).splitlines() == [str(env), str(unpacked), "True"]
    said = run(env / "bin/pip", "install", "--no-index", "--find-links", wheels, "pyston")
    assert "Successfully installed" in said
    (tmp_path / "program.py").write_text(PROGRAM)
    assert run(env / "bin/python", tmp_path / "program.py") == "True True\n"


def test_install_and_compile(unpacked, tmp_path):
    """pip-pyston3 puts packages beside the library, programs into bin/; an extension module builds from source with the
    headers of the archive."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "setuptools.build_meta"\n')
    (source / "setup.py").write_text(
        "from setuptools import setup, Extension\n"
        "setup(name='demo', version='1', ext_modules=[Extension('demo', ['demo.c'])], py_modules=['demo_main'],\n"
        "      entry_points={'console_scripts': ['demo=demo_main:main']})\n"
    )
    (source / "demo_main.py").write_text("def main():\n    import demo, sys\n    print(demo.__name__, sys.prefix)\n")
    (source / "demo.c").write_text(
        "#include <Python.h>\n"
        'static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "demo", NULL, 0, NULL};\n'
        "PyMODINIT_FUNC PyInit_demo(void) { return PyModule_Create(&def); }\n"
    )
    before = tree(unpacked)
    pip = unpacked / "bin/pip-pyston3"
    bundled = next((unpacked / "lib/python3.11/ensurepip/_bundled").glob("setuptools-*.whl"))
    run(pip, "install", "--no-index", bundled)
    said = run(pip, "install", "-v", "--no-index", "--no-build-isolation", source)
    assert f"-I{unpacked}/include/python3.11" in said.replace("'", "")
    assert run(unpacked / "bin/demo") == f"demo {unpacked}\n"
    assert (unpacked / "lib/python3.11/site-packages/demo_main.py").exists()
    run(pip, "uninstall", "-y", "demo", "setuptools")
    assert tree(unpacked) == before


def test_engine_off(unpacked):
    code = "import pyston; print(pyston.is_enabled())"
    assert run(unpacked / "bin/pyston3", "-c", code) == "True\n"
    assert run(unpacked / "bin/pyston3", "-c", code, env={"PYSTON": "0"}) == "False\n"


def test_read_only(unpacked):
    """Where one may not write it runs all the same, and pip says why it does not install."""
    run("chmod", "-R", "a-w", unpacked)
    try:
        drop = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] if os.getuid() == 0 else []
        before = tree(unpacked)
        assert run(*drop, unpacked / "bin/pyston3", "-c", "import ssl; print(1)") == "1\n"
        bundled = next((unpacked / "lib/python3.11/ensurepip/_bundled").glob("setuptools-*.whl"))
        argv = [*drop, unpacked / "bin/pip-pyston3", "install", "--no-index", "--no-user", bundled]
        assert "Permission denied" in run(*argv, code=1)
        assert tree(unpacked) == before
    finally:
        run("chmod", "-R", "u+w", unpacked)


def test_truncated(archive, tmp_path):
    """tar says that the archive is not whole."""
    broken = tmp_path / "broken.tar.xz"
    broken.write_bytes(archive.read_bytes()[:-100_000])
    assert "Unexpected end" in run("tar", "-C", tmp_path, "-xf", broken, code=None)


def test_in_a_bare_system(archive, chroot):
    """A Debian with glibc and little more, no Python: it runs."""
    shutil.copy(archive, chroot.folder / "root")
    chroot("tar --version >/dev/null && apt-get install -y --no-install-recommends xz-utils")
    chroot(f"cd /opt && tar -xf /root/{archive.name}")
    assert chroot(f"/opt/{NAME}/bin/pyston3 -I - <<'END'\n{C_LIBRARIES}\nEND") == "fine\n"
    chroot(f"/opt/{NAME}/bin/pyston3 -m venv /root/env && /root/env/bin/pip --version")
    assert chroot(f"/root/env/bin/python - <<'END'\n{PROGRAM}\nEND") == "True True\n"
