"""The wheels: what is in them, installed into environments of each Python 3.11 of this machine, used, removed."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path

import pytest
import runmodes
from conftest import find_other_pythons

from packages.conftest import PROGRAM, ROOT, VERSION, clean_env, documented_commands, run, tree

PYTHONS = [runmodes.STOCK, *find_other_pythons()]


def wheel_of(folder: Path, name: str) -> Path:
    (wheel,) = folder.glob(f"{name}-{VERSION}-*.whl")
    return wheel


def files(wheel: zipfile.ZipFile) -> set[str]:
    return {name for name in wheel.namelist() if not name.endswith("/")}


@pytest.fixture(params=PYTHONS)
def environment(request, tmp_path) -> Path:
    """An empty environment of one Python."""
    folder = tmp_path / "an env"
    run(request.param, "-m", "venv", folder)
    return folder


def shell(environment: Path, wheels: Path, command: str, code=0, **env) -> str:
    """Run a command line as somebody does who has activated the environment, in a folder with the wheels in dist/."""
    link = environment.parent / "dist"
    if not link.exists():
        link.symlink_to(wheels)
    (environment.parent / "program.py").write_text(PROGRAM)
    path = f"{environment}/bin:{clean_env()['PATH']}"
    # The index is not asked: everything that is needed is in dist/.
    env = {
        "PATH": path,
        "VIRTUAL_ENV": str(environment),
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_YES": "1",
        **env,
    }
    return run("bash", "-c", command, env=env, cwd=environment.parent, code=code)


def test_contents(wheels):
    """The engine, the package and what pip needs: nothing of the tests, no source, no libpython."""
    with zipfile.ZipFile(wheel_of(wheels, "pyston")) as wheel:
        names = files(wheel)
        metadata = wheel.read(f"pyston-{VERSION}.dist-info/METADATA").decode()
    info = {f"pyston-{VERSION}.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD", "licenses/LICENSE")}
    package = ROOT / "src/module/pyston"
    sources = {f"pyston/{path.relative_to(package)}" for path in package.rglob("*.py")}
    assert names == {"_pyston.cpython-311-x86_64-linux-gnu.so"} | sources | info
    assert "Requires-Python: ==3.11.*\n" in metadata and "Provides-Extra: autoload\n" in metadata

    with zipfile.ZipFile(wheel_of(wheels, "pyston_autoload")) as wheel:
        names = {name for name in files(wheel) if ".dist-info/" not in name}
    assert names == {"pyston_autoload.pth", "pyston_autoload.py"}


def test_tag(wheels):
    """Debian 12's glibc is enough, and auditwheel says so."""
    wheel = wheel_of(wheels, "pyston")
    tag = re.fullmatch(rf"pyston-{re.escape(VERSION)}-cp311-cp311-manylinux_2_(\d+)_x86_64.whl", wheel.name)
    assert tag and int(tag[1]) <= 36
    said = run(ROOT / "build/packaging-venv/bin/auditwheel", "show", wheel)
    assert f'"manylinux_2_{tag[1]}_x86_64"' in said


def test_as_readme_says(environment, wheels):
    """The documented commands, one after the other, each ending well; and the environment as before at the end."""
    before = tree(environment)
    commands = documented_commands("pip: the extension in your Python")
    assert [c.split()[0] for c in commands] == ["make", "pip", "python", "PYSTON=0", "pip"], "adapt this test"
    outputs = [shell(environment, wheels, command) for command in commands[1:]]
    assert outputs[1] == "True True\n"  # on, without a word in the program
    assert outputs[2].startswith("False ")
    assert tree(environment) == before


def test_without_autoload(environment, wheels):
    """The package alone changes nothing until it is asked to."""
    shell(environment, wheels, "pip install --find-links dist pyston")
    say = "python -c 'import sys; print(\"_pyston\" in sys.modules)'"
    assert shell(environment, wheels, say) == "False\n"
    assert shell(environment, wheels, "python program.py").startswith("False ")
    code = f"import pyston; pyston.enable()\n{PROGRAM}"
    (environment.parent / "enables.py").write_text(code)
    assert shell(environment, wheels, "python enables.py") == "True True\n"


def test_autoload_settings(environment, wheels):
    shell(environment, wheels, "pip install --find-links dist 'pyston[autoload]'")
    loaded = "python -c 'import sys; print(\"_pyston\" in sys.modules)'"
    assert shell(environment, wheels, loaded) == "True\n"
    assert shell(environment, wheels, loaded, PYSTON="0") == "False\n"
    assert shell(environment, wheels, "python program.py", PYSTON="1") == "True True\n"
    assert shell(environment, wheels, "python -I program.py") == "True True\n"
    wrong = shell(environment, wheels, "python program.py", PYSTON="yes", code=1)
    assert wrong.startswith("pyston: ") and wrong.count("\n") == 1
    # Half of it removed: programs run, and one line says what to do.
    shell(environment, wheels, "pip uninstall pyston")
    half = shell(environment, wheels, "python -c 'print(1)'")
    assert half.endswith("\n1\n") and half.count("\n") == 2 and "pip uninstall pyston-autoload" in half
    shell(environment, wheels, "pip uninstall pyston-autoload")
    assert shell(environment, wheels, "python -c 'print(1)'") == "1\n"


def test_inside_pyston3(wheels, tmp_path, pyston3):
    """Where the engine is built in the wheels do no harm, and PYSTON=0 has the last word all the same."""
    environment = tmp_path / "env"
    run(pyston3.executable, "-m", "venv", environment)
    shell(environment, wheels, "pip install --find-links dist 'pyston[autoload]'")
    assert shell(environment, wheels, "python program.py") == "True True\n"
    assert shell(environment, wheels, "python program.py", PYSTON="0").startswith("False ")
    assert "built-in" in shell(environment, wheels, "python -c 'import _pyston; print(_pyston)'")


def test_truncated_wheel(environment, wheels, tmp_path):
    """A broken download is refused, and what was installed before stays usable."""
    shell(environment, wheels, "pip install --find-links dist pyston")
    before = tree(environment)
    wheel = wheel_of(wheels, "pyston")
    broken = tmp_path / wheel.name
    broken.write_bytes(wheel.read_bytes()[:-5000])
    said = shell(environment, wheels, f"pip install --force-reinstall '{broken}'", code=1)
    assert "is invalid" in said
    assert tree(environment) == before
    assert shell(environment, wheels, "python -c 'import pyston; pyston.enable(); print(1)'") == "1\n"


def other_version() -> str | None:
    """A Python that is not 3.11 and has pip."""
    for path in sorted(Path.home().glob(".pyenv/versions/3.1[0-9]*/bin/python")):
        asked = [path, "-c", "import sys, pip; print(sys.version_info[:2])"]
        if subprocess.run(asked, capture_output=True, text=True).stdout not in ("", "(3, 11)\n"):
            return str(path)
    return None


@pytest.mark.skipif(other_version() is None, reason="this machine has no Python of another version with pip")
@pytest.mark.parametrize("name", ["pyston", "pyston_autoload"])
def test_other_python(wheels, tmp_path, name):
    """Another version of Python is refused in pip's own words."""
    wheel, target = wheel_of(wheels, name), tmp_path / "target"
    said = run(other_version(), "-m", "pip", "install", "--no-index", "--no-deps", "--target", target, wheel, code=1)
    assert "is not a supported wheel on this platform" in said or "requires a different Python" in said
    assert not target.exists()


@pytest.mark.parametrize(
    "platform",
    ["manylinux_2_36_aarch64", "manylinux_2_28_x86_64", "musllinux_1_2_x86_64", "macosx_13_0_x86_64", "win_amd64"],
)
def test_other_platform(wheels, tmp_path, platform):
    """What pip would do on another machine: it finds nothing that fits, and says so."""
    environment = tmp_path / "env"
    run(runmodes.STOCK, "-m", "venv", environment)
    argv = [environment / "bin/pip", "download", "--no-index", "--find-links", wheels, "--only-binary", ":all:"]
    said = run(*argv, "--platform", platform, "--python-version", "3.11", "pyston", code=1, cwd=tmp_path)
    assert "No matching distribution found for pyston" in said
    argv += ["--platform", "manylinux_2_36_x86_64", "--platform", "manylinux_2_34_x86_64", "--python-version", "3.11"]
    run(*argv, "pyston", cwd=tmp_path)
    assert list(tmp_path.glob("pyston-*.whl"))


def test_version_in_one_place(wheels):
    """The file VERSION says it; the documented commands name files that bear it, CHANGELOG.md has it at its top."""
    named = re.findall(r"\bpyston3?[-_](\d[\d.]*\d)", (ROOT / "docs/start.md").read_text())
    assert named and set(named) == {VERSION}
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == VERSION
    said = run("git", "-C", ROOT, "grep", "-n", "-F", f"'{VERSION}'", "--", "*.build", "*.toml", "*.c", "*.h", code=1)
    assert said == ""


def test_source_distribution(wheels, tmp_path):
    """What is needed to build is in it: the wheel that comes out is the wheel."""
    sdist = wheels / f"pyston-{VERSION}.tar.gz"
    if not sdist.exists():
        pytest.skip("not a git checkout: no source distribution is made")
    if run("git", "-C", ROOT, "status", "--porcelain"):
        pytest.skip("the checkout has uncommitted changes, which are not in the source distribution")
    tools = ROOT / "build/packaging-venv/bin"
    env = {"PATH": f"{tools}:{clean_env()['PATH']}"}
    run(tools / "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", tmp_path, sdist, env=env)
    (made,) = tmp_path.glob("pyston-*.whl")
    with zipfile.ZipFile(made) as wheel, zipfile.ZipFile(wheel_of(wheels, "pyston")) as released:
        assert files(wheel) == files(released)


def test_no_write_permission(environment, wheels):
    """pip says which folder it may not write, and nothing is left."""
    site = next(environment.glob("lib/python3.11/site-packages"))
    shell(environment, wheels, "true")
    before = tree(environment)
    run("chmod", "-R", "a-w", site)
    try:
        command = "pip install --find-links dist pyston"
        if subprocess.run(["id", "-u"], capture_output=True, text=True).stdout == "0\n":
            # Root may write everywhere: without that capability it is as anybody else.
            command = f"setpriv --bounding-set=-dac_override --inh-caps=-dac_override {command}"
        said = shell(environment, wheels, command, code=1)
        assert "Permission denied" in said and "heck the permissions" in said
    finally:
        run("chmod", "-R", "u+w", site)
    run("chmod", "-R", "u+w", site)
    assert {k: v.split()[0] for k, v in tree(environment).items()} == {k: v.split()[0] for k, v in before.items()}
