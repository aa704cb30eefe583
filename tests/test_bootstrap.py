"""./pyston3 in a checkout: what it builds and when, what it says, and what later starts do."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
import runmodes

SCRIPT = runmodes.ROOT / "pyston3"

# Stands in for scripts/build.sh where the build itself is not what is tested: takes a moment, talks on
# both streams, and leaves an "executable" that says what it was called with.
FAKE_BUILD = """#!/bin/sh
echo "building $1 in $2"
echo "progress" >&2
echo built >>"$2/builds"
read line && echo "the build ate $line" >&2
sleep 0.3
mkdir -p "$2/bin"
cat >"$2/bin/new" <<'END'
#!/bin/sh
echo "$0" "$@"
[ "$1" = cat ] && cat
exit 7
END
chmod +x "$2/bin/new"
mv "$2/bin/new" "$2/bin/pyston3"
"""

FAKE_APT = """#!/bin/sh
echo "apt says $*"
echo "$*" >>"$APT_LOG"
[ -z "$APT_FAILS" ] || exit 100
case $* in
    *install*) for tool in gcc meson ninja; do ln -sf /bin/true "$(dirname "$0")/$tool"; done ;;
esac
"""

# What the script itself uses: all of it is in Debian's essential packages.
ESSENTIAL = ["sh", "cat", "cksum", "dirname", "flock", "id", "ln", "mkdir", "mv", "readlink", "sleep", "tr", "chmod"]
TOOLS = ["gcc", "meson", "ninja"]


@pytest.fixture
def folder():
    """An empty folder that any user may look into (tmp_path is the user's own)."""
    with tempfile.TemporaryDirectory(prefix="pyston3-test-") as name:
        os.chmod(name, 0o755)
        yield Path(name).resolve()


class Checkout:
    """A checkout with the real script and a faked build, on a machine with a faked PATH."""

    def __init__(self, folder: Path):
        self.root = folder / "checkout"
        self.home = folder / "home"
        self.tools = folder / "tools"
        self.apt_log = folder / "apt.log"
        for path in (self.root / "scripts", self.home, self.tools):
            path.mkdir(parents=True)
        shutil.copy(SCRIPT, self.root)
        write(self.root / "scripts/build.sh", FAKE_BUILD)
        for tool in ESSENTIAL:
            (self.tools / tool).symlink_to(shutil.which(tool))
        for tool in TOOLS:
            (self.tools / tool).symlink_to("/bin/true")
        self.env = {"PATH": str(self.tools), "HOME": str(self.home), "APT_LOG": str(self.apt_log)}

    def lacks(self, *tools: str):
        for tool in tools:
            (self.tools / tool).unlink()

    def has_apt(self, user: int):
        """Give the machine an apt-get, and a user of that number."""
        write(self.tools / "apt-get", FAKE_APT)
        (self.tools / "id").unlink()
        write(self.tools / "id", f"#!/bin/sh\necho {user}\n")

    def read_only(self):
        """Nobody but the owner can write to the checkout, and the owner only if it is root."""
        for path in [self.root, *self.root.rglob("*")]:
            path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.home, nobody.pw_uid, nobody.pw_gid)
            self.user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    user: dict = {}

    def run(self, *args, command=None, cwd=None, env=None, input=""):
        return subprocess.run(
            [command or self.root / "pyston3", *args],
            cwd=cwd or self.root.parent,
            env={**self.env, **(env or {})},
            input=input,
            capture_output=True,
            text=True,
            timeout=60,
            **self.user,
        )

    def builds(self, out=None) -> int:
        path = (out or self.root / "build") / "builds"
        return len(path.read_text().splitlines()) if path.exists() else 0


def write(path: Path, text: str):
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def checkout(folder):
    checkout = Checkout(folder)
    yield checkout
    for path in [checkout.root, *checkout.root.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)


def test_first_start_builds_later_ones_do_not(checkout):
    executable = checkout.root / "build/bin/pyston3"
    first = checkout.run("a", "b c")
    assert first.stdout == f"{executable} a b c\n"
    assert first.returncode == 7
    assert f"pyston3: building in {checkout.root}/build" in first.stderr and "progress" in first.stderr
    second = checkout.run("a", "b c")
    assert (second.stdout, second.stderr, second.returncode) == (first.stdout, "", 7)
    assert checkout.builds() == 1


def test_standard_input_is_the_programs(checkout):
    """Neither the build nor apt-get takes the program's input."""
    checkout.lacks("gcc")
    checkout.has_apt(user=0)
    done = checkout.run("cat", input="line 1\nline 2\n")
    assert done.stdout == f"{checkout.root}/build/bin/pyston3 cat\nline 1\nline 2\n"
    assert "the build ate" not in done.stderr


@pytest.mark.parametrize("how", ["relative", "parent", "symlink", "relative_symlink", "path", "shell", "sub_shell"])
def test_called_from_anywhere(checkout, how):
    executable = checkout.root / "build/bin/pyston3"
    link = checkout.home / "link"
    if how == "relative":
        done = checkout.run("x", command="./pyston3", cwd=checkout.root)
    elif how == "parent":
        done = checkout.run("x", command="../checkout/pyston3", cwd=checkout.home)
    elif how == "symlink":
        (checkout.home / "first").symlink_to(checkout.root / "pyston3")
        link.symlink_to(checkout.home / "first")
        done = checkout.run("x", command=link, cwd="/")
    elif how == "relative_symlink":
        link.symlink_to("../checkout/pyston3")
        done = checkout.run("x", command="home/link")
    elif how == "path":
        path = f"{checkout.root}:{checkout.tools}"
        done = checkout.run("-c", "pyston3 x", command=checkout.tools / "sh", cwd="/", env={"PATH": path})
    elif how == "shell":
        done = checkout.run("pyston3", "x", command=checkout.tools / "sh", cwd=checkout.root)
    else:
        done = checkout.run("checkout/pyston3", "x", command=checkout.tools / "sh")
    assert os.path.realpath(done.stdout.split()[0]) == str(executable)
    assert done.stdout.endswith(" x\n") and done.returncode == 7


def test_awkward_names(folder):
    """Spaces, quotes and stars in the checkout's path and in the arguments."""
    inner = folder / 'it\'s a * "folder"'
    inner.mkdir()
    checkout = Checkout(inner)
    done = checkout.run("*", "a  b", "")
    assert done.stdout == f"{checkout.root}/build/bin/pyston3 * a  b \n"
    assert checkout.run("*", "a  b", "").stdout == done.stdout


def test_concurrent_first_starts(checkout):
    """Several at once: one builds, the others wait, all run."""
    programs = [
        subprocess.Popen([checkout.root / "pyston3", str(n)], env=checkout.env, stdout=-1, stderr=-1, text=True)
        for n in range(6)
    ]
    for n, program in enumerate(programs):
        out, _ = program.communicate(timeout=60)
        assert (out, program.returncode) == (f"{checkout.root}/build/bin/pyston3 {n}\n", 7)
    assert checkout.builds() == 1


def test_lock_is_let_go(checkout):
    """The running program holds no file open that would keep a later build waiting."""
    build = (checkout.root / "scripts/build.sh").read_text().replace('echo "$0" "$@"', "ls -l /proc/self/fd")
    write(checkout.root / "scripts/build.sh", build)
    done = checkout.run(env={"PATH": f"{checkout.tools}:/bin"})
    assert "/proc/" in done.stdout and ".first-start" not in done.stdout


def test_build_fails(checkout):
    write(checkout.root / "scripts/build.sh", "#!/bin/sh\necho 'cc: no such thing' >&2\nexit 1\n")
    done = checkout.run("x")
    assert (done.returncode, done.stdout) == (1, "")
    assert "cc: no such thing" in done.stderr
    assert done.stderr.endswith("pyston3: the build failed, see above\n")
    write(checkout.root / "scripts/build.sh", FAKE_BUILD)
    assert checkout.run("x").returncode == 7, "the next start tries again"


# What is missing.


@pytest.mark.parametrize(
    "missing, packages",
    [
        (["gcc"], "gcc"),
        (["meson"], "meson"),
        (["ninja"], "ninja-build"),
        (["gcc", "meson", "ninja"], "gcc meson ninja-build"),
    ],
)
def test_missing_for_a_user(checkout, missing, packages):
    """Who is not root gets one line with the command to run, and nothing is started."""
    checkout.lacks(*missing)
    checkout.has_apt(user=1000)
    done = checkout.run("x")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"pyston3: to build, run first: sudo apt-get install -y {packages}\n"
    assert not checkout.apt_log.exists() and checkout.builds() == 0


def test_missing_for_root(checkout):
    """Root's apt-get is run, without questions; its talk stays out of the program's output."""
    checkout.lacks("gcc", "ninja")
    checkout.has_apt(user=0)
    done = checkout.run("x")
    assert done.stdout == f"{checkout.root}/build/bin/pyston3 x\n"
    assert "pyston3: installing gcc ninja-build\n" in done.stderr and "apt says" in done.stderr
    update, install = checkout.apt_log.read_text().splitlines()
    assert update.split()[-1] == "update"
    assert "install -y --no-install-recommends gcc ninja-build" in install
    assert checkout.run("x").stderr == ""


def test_apt_fails(checkout):
    checkout.lacks("meson")
    checkout.has_apt(user=0)
    done = checkout.run("x", env={"APT_FAILS": "1"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("pyston3: apt-get failed, see above; needed are: meson\n")
    assert checkout.builds() == 0


def test_missing_without_apt(checkout):
    checkout.lacks("gcc", "meson")
    done = checkout.run("x")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "pyston3: to build, install what Debian 12 calls: gcc meson\n"


def test_nothing_is_checked_once_built(checkout):
    checkout.run("x")
    checkout.lacks(*TOOLS)
    assert checkout.run("x").returncode == 7


# A checkout that cannot be written to.


def test_read_only_and_built(checkout):
    checkout.run("x")
    checkout.read_only()
    done = checkout.run("x")
    assert (done.stdout, done.stderr) == (f"{checkout.root}/build/bin/pyston3 x\n", "")


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_read_only_and_not_built(checkout, variable):
    """It is built in the user's cache, once, and run from there."""
    cache = checkout.home / ".cache"
    env = {}
    if variable == "XDG_CACHE_HOME":
        cache = checkout.home / "elsewhere"
        env = {"XDG_CACHE_HOME": str(cache)}
    checkout.read_only()
    done = checkout.run("x", env=env)
    (out,) = (cache / "pyston3").iterdir()
    assert done.stdout == f"{out}/bin/pyston3 x\n", done.stderr
    assert f"pyston3: building in {out}" in done.stderr
    again = checkout.run("x", env=env)
    assert (again.stdout, again.stderr) == (done.stdout, "")
    assert checkout.builds(out) == 1
    assert not (checkout.root / "build").exists()


def test_two_read_only_checkouts(folder):
    """Each has its own place in the cache."""
    outs = set()
    for name in ("a", "b"):
        (folder / name).mkdir()
        checkout = Checkout(folder / name)
        checkout.read_only()
        checkout.home.chmod(0o755)
        cache = folder / "cache"
        cache.mkdir(exist_ok=True)
        cache.chmod(0o777)
        outs.add(checkout.run("x", env={"XDG_CACHE_HOME": str(cache)}).stdout)
        checkout.root.chmod(0o755)
        (checkout.root / "scripts").chmod(0o755)
    assert len(outs) == 2


@pytest.mark.parametrize("home", ["", "/proc/nowhere"])
def test_nowhere_to_build(checkout, home):
    checkout.read_only()
    done = checkout.run("x", env={"HOME": home})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"pyston3: not built yet, and neither {checkout.root}/build nor ")
    assert done.stderr.endswith("run make in a checkout of yours, or set XDG_CACHE_HOME\n")
    assert done.stderr.count("\n") == 1


# The real thing.


@pytest.fixture(scope="module")
def fresh_checkout(tmp_path_factory):
    """A copy of this checkout without anything that was built."""
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=runmodes.ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    root = tmp_path_factory.mktemp("fresh") / "checkout"
    for name in filter(None, files.split("\0")):
        if (runmodes.ROOT / name).exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(runmodes.ROOT / name, root / name)
    return root


def test_fresh_checkout(fresh_checkout):
    """Two first starts at once in a fresh checkout: one builds everything, both run their program."""
    program = fresh_checkout.parent / "program.py"
    program.write_text(
        "import pyston, sys\nprint(sys.executable, pyston.is_enabled(), sys.argv[1:], sys.stdin.read())\n"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYSTON"))}
    starts = [
        subprocess.Popen(
            [fresh_checkout / "pyston3", program, str(n)], env=env, stdin=-1, stdout=-1, stderr=-1, text=True
        )
        for n in range(2)
    ]
    executable = fresh_checkout / "build/bin/pyston3"
    errors = []
    for n, start in enumerate(starts):
        out, err = start.communicate(f"input {n}", timeout=500)
        assert out == f"{executable} True ['{n}'] input {n}\n", err
        errors.append(err)
    assert sum("building in" in err for err in errors) == 1, "one of them built"
    assert any("Compiling C object" in err for err in errors), "with its progress shown"
    later = subprocess.run([fresh_checkout / "pyston3", "-c", "print(1)"], env=env, capture_output=True, text=True)
    assert (later.stdout, later.stderr) == ("1\n", "")
    module = [
        fresh_checkout / "build/python/pyston/__init__.py",
        *(fresh_checkout / "build/python").glob("_pyston.*.so"),
    ]
    assert len(module) == 2 and module[0].exists()


def may_mount() -> bool:
    """Whether a small disk can be made here."""
    argv = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return os.getuid() == 0 and subprocess.run(argv, capture_output=True).returncode == 0


@pytest.mark.full
@pytest.mark.skipif(not may_mount(), reason="a small disk needs root who may mount it")
def test_full_disk(fresh_checkout, tmp_path):
    """It says so and what to do; with room the next start goes on and builds everything."""
    root = tmp_path / "checkout"
    shutil.copytree(fresh_checkout, root, ignore=shutil.ignore_patterns("build"))
    (root / "build").mkdir()
    script = """
        mount -t tmpfs -o size=8m none build && ./pyston3 -c 'print("ran")'
        echo "status $?"
        mount -o remount,size=200m build && exec ./pyston3 -c 'print("ran")'
    """
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYSTON"))}
    argv = ["unshare", "--mount", "sh", "-c", script]
    done = subprocess.run(argv, cwd=root, env=env, capture_output=True, text=True, timeout=500)
    assert (done.returncode, done.stdout) == (0, "status 1\nran\n"), done.stderr
    assert f"pyston3: the disk that holds {root}/build is full: free 100 MB there and start again\n" in done.stderr
    assert done.stderr.count("building in") == 2
