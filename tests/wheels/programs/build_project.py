"""Builds a project of tests/wheels/projects from source with pip, installs it, and uses what came out.

    build_project.py NAME...

Several names are folders that make one project together. Prints which files the wheel had, and what the module's use
prints.
"""

import importlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

projects = Path(__file__).resolve().parents[1] / "projects"
with tempfile.TemporaryDirectory() as folder:
    # A copy: builds leave files beside the sources.
    source, target = Path(folder) / "source", Path(folder) / "target"
    for name in sys.argv[1:]:
        shutil.copytree(projects / name, source, dirs_exist_ok=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Without isolation nothing is fetched: what builds is installed, pinned.
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--target", str(target)]
    done = subprocess.run([*pip, *options, str(source)], capture_output=True, text=True)
    print(done.returncode, done.stdout[-3000:])
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    for path in sorted(target.rglob("*")):
        if path.suffix in (".so", ".py"):
            print(path.relative_to(target))
    sys.path.insert(0, str(target))
    importlib.import_module("use_built").main()
