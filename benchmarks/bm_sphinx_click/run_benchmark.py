"""Sphinx building HTML: the documentation of click's modules by autodoc, and pages of reStructuredText."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import hashlib
import io
import shutil
import tempfile
from collections.abc import Callable

from support import inprocess

MODULES = ("parser", "formatting", "types", "exceptions", "termui")
CONFIG = 'project = "click"\nextensions = ["sphinx.ext.autodoc", "sphinx.ext.viewcode"]\nhtml_theme = "basic"\n'
PAGE = """
Chapter {n}
===========

.. index:: single: chapter {n}

Some *emphasis*, ``code``, a :ref:`reference <chapter-{next}>` and a footnote [#f]_.

.. code-block:: python

   def function_{n}(value: int = {n}) -> str:
       return f"{{value:>10}}"

.. list-table::
   :header-rows: 1

   * - name
     - value
{rows}

.. [#f] The footnote of chapter {n}.
"""
PAGES = 8


def write_sources(folder: Path) -> None:
    (folder / "conf.py").write_text(CONFIG)
    names = []
    for n in range(PAGES):
        rows = "\n".join(f"   * - row {row}\n     - {row * n}" for row in range(12))
        text = PAGE.format(n=n, next=(n + 1) % PAGES, rows=rows)
        (folder / f"chapter{n}.rst").write_text(f".. _chapter-{n}:\n{text}")
        names.append(f"chapter{n}")
    for name in MODULES:
        text = f"click.{name}\n============================\n\n.. automodule:: click.{name}\n   :members:\n"
        (folder / f"{name}.rst").write_text(text)
        names.append(name)
    (folder / "index.rst").write_text("click\n=====\n\n.. toctree::\n\n" + "".join(f"   {name}\n" for name in names))


def prepare() -> Callable[[], str]:
    from sphinx.application import Sphinx

    source = Path(tempfile.mkdtemp(prefix="sphinx"))
    write_sources(source)
    output = source / "_build"

    def build() -> str:
        shutil.rmtree(output, ignore_errors=True)
        warnings = io.StringIO()
        app = Sphinx(
            source,
            source,
            output,
            output / "doctrees",
            "html",
            status=None,
            warning=warnings,
            freshenv=True,
            parallel=1,
        )
        app.build(force_all=True)
        assert app.statuscode == 0, warnings.getvalue()
        page = (output / "parser.html").read_text(encoding="utf-8")
        assert "OptionParser" in page, page[:500]
        chapters = [(output / f"chapter{n}.html").read_bytes() for n in range(PAGES)]
        return hashlib.sha256(b"".join(chapters)).hexdigest()

    return build


if __name__ == "__main__":
    inprocess.run("sphinx_click", prepare)
