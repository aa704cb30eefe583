"""mypy, compiled by mypyc, over modules of the standard library and one with mistakes: its whole report."""

import os
import pathlib
import sys
import tempfile

from mypy import api

MISTAKES = """
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")

class Sized(Protocol):
    def size(self) -> int: ...

@dataclass
class Box(Generic[T]):
    item: T
    def size(self) -> str:
        return len(self.item)

def total(things: list[Sized]) -> int:
    return sum(thing.size() for thing in things) + "1"

reveal_type(Box([1, 2]).item)
total([Box(1)])
async def wait() -> int:
    return await total([])
def narrow(x: int | str | None) -> int:
    if isinstance(x, str):
        return x.upper()
    reveal_type(x)
    match x:
        case None:
            return x
        case int():
            return x + 1
"""

with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "mistakes.py"
    path.write_text(MISTAKES)
    library = pathlib.Path(sys.modules["os"].__file__).parent
    os.chdir(folder)  # its report has the paths as they were given
    files = [path.name]
    for name in ("textwrap", "heapq", "shlex", "fractions", "configparser"):
        # Under a name of its own, else it shadows what mypy knows about the module.
        files.append(f"copy_of_{name}.py")
        pathlib.Path(files[-1]).write_bytes((library / f"{name}.py").read_bytes())
    options = [
        "--cache-dir",
        folder,
        "--check-untyped-defs",
        "--strict",
        "--no-error-summary",
        "--follow-imports=silent",
    ]
    # Twice: with nothing and from the cache.
    for _ in range(2):
        out, err, code = api.run([*options, *files])
        print(out, err, code)
