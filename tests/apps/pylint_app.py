"""pylint over modules of the standard library.

    python pylint_app.py [MODULE...]

Prints pylint's messages and score.
"""

import importlib.util
import io
import sys

from measure import measured
from pylint.lint import Run
from pylint.reporters.text import TextReporter


def main(modules):
    files = [importlib.util.find_spec(name).origin for name in modules]
    out = io.StringIO()
    options = ["--persistent=n", "--rcfile=/dev/null", "--jobs=1", "--enable=all", "--disable=I", "--score=y"]
    with measured():
        run = Run([*options, *files], reporter=TextReporter(out), exit=False)
    print(out.getvalue())
    print(
        {kind: getattr(run.linter.stats, kind) for kind in ("error", "warning", "convention", "refactor", "statement")}
    )


if __name__ == "__main__":
    main(sys.argv[1:] or ["textwrap"])
