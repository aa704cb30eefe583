"""Print the rooms under src/ that can be built: those whose meson.build lists only existing files."""

import pathlib
import re
import sys

src = pathlib.Path(__file__).resolve().parent.parent / "src"
for room in sys.argv[1:]:
    build = src / room / "meson.build"
    if build.exists() and all(
        (build.parent / name).exists() for name in re.findall(r"'([\w./-]+\.[ch])'", build.read_text())
    ):
        print(room)
