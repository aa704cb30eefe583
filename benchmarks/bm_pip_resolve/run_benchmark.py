"""pip resolving a pinned set from a folder of local wheels, which the benchmark makes: no index, no installation."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import contextlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable

from support import inprocess

PACKAGES = 60
VERSIONS = 6
ROOTS = 5


def write_wheel(folder: Path, name: str, version: str, requires: list[str]) -> None:
    """An empty package with requirements."""
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", "Requires-Python: >=3.9"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", "")
        wheel.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def write_index(folder: Path) -> None:
    """Packages that need later ones in ranges of versions, so that the newest is not always the right one."""
    for n in range(PACKAGES):
        for version in range(1, VERSIONS + 1):
            needs = [n * 2 + 1, n * 2 + 2, n + 7]
            requires = [
                f"package{other} >={1 + version % 2}.0, <{version + 1}.5 ; python_version >= '3.9'"
                for other in needs
                if other < PACKAGES
            ]
            write_wheel(folder, f"package{n}", f"{version}.0", requires)


def prepare() -> Callable[[], str]:
    from pip._internal.cli.main import main

    folder = Path(tempfile.mkdtemp(prefix="wheels"))
    write_index(folder)
    report = folder / "report.json"
    # What the machine configures for pip must not matter.
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        del os.environ[name]
    os.environ["PIP_CONFIG_FILE"] = os.devnull
    arguments = ["install", "--quiet", "--dry-run", "--ignore-installed", "--no-index", "--no-cache-dir"]
    arguments += ["--disable-pip-version-check", "--find-links", str(folder), "--report", str(report)]
    arguments += [f"package{n}=={3 + n % 2}.0" for n in range(ROOTS)]

    def resolve() -> str:
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            status = main(list(arguments))
        assert status == 0, output.getvalue()
        installed = json.loads(report.read_text())["install"]
        assert len(installed) > PACKAGES // 2, installed
        return "\n".join(sorted(f"{item['metadata']['name']}=={item['metadata']['version']}" for item in installed))

    return resolve


if __name__ == "__main__":
    inprocess.run("pip_resolve", prepare)
