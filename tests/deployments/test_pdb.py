"""pdb: the transcript of a session is stock's, with breakpoints in functions that were compiled before."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

from deployments.ways import PROGRAMS, Way, compiled

PROGRAM = PROGRAMS / "debugged.py"


def line(text: str, after: str = "") -> int:
    """The number of the first line with a text, perhaps after another one."""
    lines = PROGRAM.read_text().splitlines()
    start = next(i for i, l in enumerate(lines) if after in l)
    return next(i for i, l in enumerate(lines[start:], start + 1) if text in l)


# What pdb is told. Nothing is traced until the program, warm by then, calls breakpoint().
SESSIONS = {
    "breakpoint in a hot function": "b leaf\nc\na\np a, b\nn\np total\nr\nu\np result\nd\nc\nw\ncl 1\nc\nq\n",
    "breakpoint in a hot loop": f"b {line('total += leaf')}\nc\np i, total\nc\np i, total\nc\np locals()\nq\n",
    "condition and ignore": f"b {line('total &= 0x')}, i == 9\nc\n"
    "p i, total\nn\nn\np total\nignore 1 1\nc\np i, n\nc\nc\nq\n",
    "temporary": "tbreak leaf\nc\nw\nc\nq\n",
    "commands": "b Point.norm\ncommands 1\nsilent\np self.x, self.y\nend\nc\nc\nc\nq\n",
    "step through everything": "s\n" * 160 + "w\nq\n",
    "next and until": "b loop\nc\n" + "n\n" * 12 + "unt\nunt\nunt\np total\nr\np __return__\nn\nq\n",
    "generator": f"b {line('yield')}\nc\np i\ns\ns\ns\nw\nc\nn\nn\np i\nr\nq\n",
    "exception caught": "b checked\nc\n" + "n\n" * 9 + "c\n" + "s\n" * 9 + "q\n",
    "jump": f"b {line('total &= 0x')}\nc\np i\nj {line('total = 0')}\nn\nn\np total\ncl 1\nc\nc\nq\n",
    "change a local": "b caller\nc\nn\n!result = 1000\nn\np result\nn\np result\nr\nc\nq\n",
    "display": "b recursive\nc\ndisplay n\nc\nc\nc\nw\nu\np n\nundisplay n\nr\nr\nq\n",
    "list and source": "b comprehension\nc\nll\nl 1,12\nsource leaf\ns\ns\ns\ns\nw\nwhatis leaf\nq\n",
    "debug recursively": "debug everything(3)\nb leaf\nc\np a, b\nc\nw\nq\nq\n",
    "interrogate frames": "b leaf\nc\n!import sys\np [f.f_lineno for f in (sys._getframe(),)]\nup\nup\np n, out\nq\n",
}


# Begun by `python -m pdb`: everything is traced from the first line, functions get hot with their breakpoints.
TRACED = "b recursive, n == 9\nc\nw\nignore 1 10\nc\np n\ncl 1\nb caller\nc\ns\ns\ns\nw\nq\n"
POST_MORTEM = "c\nw\np a, b\nu\np sys.argv\nu\np sorted(k for k in globals() if k[0] != '_')\nc\nq\n"


@functools.cache
def session(way: Way, commands: str, *command: str, evidence: Path | None = None) -> str:
    done = way.run(*command, input=commands, cwd=PROGRAMS, env={"EVIDENCE": evidence or ""})
    return re.sub(r"0x[0-9a-f]+", "0x...", f"{done.code}\n{done.out}\n{done.err}")


@pytest.mark.parametrize("name", SESSIONS)
def test_session(way, stock, tmp_path, name):
    expected = session(stock, SESSIONS[name], PROGRAM, "stop")
    assert expected.count("(Pdb)") > 3 and not re.search(r"\*\*\* (Invalid|End of|The specified)", expected), expected
    assert session(way, SESSIONS[name], PROGRAM, "stop", evidence=tmp_path) == expected
    assert compiled(tmp_path)[0] > 5


@pytest.mark.deployments  # tracing thousands of calls takes seconds
@pytest.mark.parametrize("commands, more", [(TRACED, ()), (POST_MORTEM, ("fail",))], ids=["traced", "post mortem"])
def test_from_the_start(way, stock, commands, more):
    expected = session(stock, commands, "-m", "pdb", PROGRAM, "traced", *more)
    assert "(Pdb)" in expected and "*** " not in expected, expected
    assert bool(more) == ("Uncaught exception" in expected)
    assert session(way, commands, "-m", "pdb", PROGRAM, "traced", *more) == expected


@pytest.mark.parametrize("hook", ["breakpoint()", "pdb.set_trace()", "pdb.runcall(debugged.everything, 5)"])
def test_in_a_warm_program(way, stock, tmp_path, hook):
    """The program itself calls the debugger, in a function that has run compiled until then."""
    text = PROGRAM.read_text().replace(
        "        total &= 0xFFFF", f"        if n == STOP and i == 5:\n            {hook}"
    )
    if "runcall" in hook:
        text = PROGRAM.read_text()
    (tmp_path / "evidence.py").symlink_to(PROGRAMS / "evidence.py")
    (tmp_path / "debugged.py").write_text("STOP = None\nimport pdb\n" + text)
    after = hook if "runcall" in hook else "debugged.STOP = 9; print(debugged.everything(9))"
    (tmp_path / "program.py").write_text(f"import pdb, debugged\nprint(debugged.warm())\n{after}\nprint('end')\n")
    commands = "p n\nw\nn\nn\np locals().keys()\nb debugged.leaf\nc\np a, b\nw\nc\ns\ns\ns\ncl 1\nc\n"
    said = [w.run("program.py", input=commands, cwd=tmp_path) for w in (stock, way)]
    assert said[0].out.endswith("end\n"), said[0]
    assert said[1] == said[0]
