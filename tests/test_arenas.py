"""Memory of the object allocator in huge pages (src/engine/eng_arenas.c): who gives it, and that it goes back."""

from __future__ import annotations

import re
import textwrap

import pytest

MODES = ["ext", "pyston3"]

PRELUDE = """
import re
import time
import _pyston

def arenas():
    "Arenas that came from the engine and are in use."
    return _pyston.stats()["arenas"]

def fill(mib):
    "Objects of so many MiB, 64 bytes each; the list of them is another eighth, and not from arenas."
    return [i.to_bytes(31, "big") for i in range(mib << 20 >> 6)]

def mappings():
    "Of those for which huge pages are asked: (first address, size, resident), in bytes."
    found = []
    with open("/proc/self/smaps") as file:
        for line in file:
            if span := re.match("([0-9a-f]+)-([0-9a-f]+) ", line):
                low, high = (int(text, 16) for text in span.groups())
            elif line.startswith("Rss:"):
                rss = int(line.split()[1]) << 10
            elif line.startswith("VmFlags:") and "hg" in line.split():
                found.append((low, high - low, rss))
    return found

def resident():
    "MiB of them."
    return sum(rss for _, _, rss in mappings()) >> 20

def grow_old():
    "Programs get huge pages when they have run for two seconds; a tick each, which come with CPU time."
    arena = fill(1)
    end = time.process_time() + 20
    while not mappings() or time.process_time() < 2.5:
        assert time.process_time() < end
    return arena
"""


@pytest.fixture(params=MODES)
def run(request, tmp_path):
    """Runs a program that checks itself behind the prelude; returns what it printed."""

    def run(source: str, **kw) -> str:
        program = tmp_path / "program.py"
        program.write_text(PRELUDE + textwrap.dedent(source))
        return request.getfixturevalue(request.param)(program, **kw).ok

    return run


def test_aligned_chunks_for_which_huge_pages_are_asked(run):
    """Both halves of each chunk are used, so all but the last two arenas cover whole mappings of 2 MiB."""
    run("""
        keep = fill(64)
        assert 62 <= arenas() <= 70, arenas()
        assert not mappings()
        grow_old()
        end = time.process_time() + 20
        while sum(size for _, size, _ in mappings()) >> 20 < arenas():
            assert time.process_time() < end, mappings()
        found = mappings()
        assert any(low % (2 << 20) == 0 == size % (2 << 20) for low, size, _ in found), found
        asked = sum(size for _, size, _ in found) >> 20
        assert asked - 1 <= arenas() <= asked, (arenas(), found)
    """)


def test_what_is_freed_goes_back_to_the_system(run):
    run("""
        old = grow_old()
        few, start = arenas(), resident()
        for _ in range(5):
            keep = fill(128)
            assert arenas() > few + 100 and resident() > start + 100
            del keep
            assert arenas() <= few + 4 and resident() < start + 20, (arenas(), few, resident(), start)
    """)


def test_holes_are_used_again_and_do_not_pile_up(run):
    """Every other arena is freed: few of their halves keep their memory, and the next objects go there."""
    run("""
        ARENA = 1 << 20
        old = grow_old()
        keep = fill(128)
        before, full = arenas(), resident()
        keep = [item for item in keep if id(item) // ARENA % 2]
        assert arenas() < before - 40
        assert resident() < full - 40, (resident(), full)
        numbers = [int.from_bytes(item, "big") for item in keep]
        assert numbers == sorted(set(numbers))
        del numbers
        more = fill(48)
        assert arenas() > before - 30 and resident() < full + 8
    """)


def test_old_and_new_arenas_mix(run):
    """The engine goes off and on: arenas of each kind are freed while the other kind is given out."""
    run("""
        import pyston
        parts = []
        for i in range(6):
            pyston.disable() if i % 2 else pyston.enable()
            before = arenas()
            parts.append(fill(16))
            assert (arenas() > before + 8) == (i % 2 == 0), i
        for part in parts[::2] + parts[1::2]:
            part.clear()
        pyston.enable()
        assert arenas() < 8
        assert sum(len(part) for part in [fill(16), fill(16)]) == 2 * (16 << 14)
    """)


def test_a_limit_of_memory_is_a_memory_error(run):
    """And not before stock's: what fits without the engine's alignment fits."""
    run("""
        import resource
        pages = int(open("/proc/self/statm").read().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + (64 << 20),) * 2)
        keep = fill(32)
        try:
            more = fill(128)
        except MemoryError:
            more = None
        else:
            raise AssertionError("no limit")
        assert len(fill(16)) == 16 << 14
    """)


def test_forked_children_have_their_own(run):
    run("""
        import os
        keep = fill(32)
        child = os.fork()
        if child == 0:
            del keep
            more = fill(64)
            os._exit(0 if arenas() < 90 else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert keep == fill(32)
    """)


def test_subinterpreters_share_them(run):
    """The object allocator is one for the process."""
    run("""
        import _xxsubinterpreters as subinterpreters
        other = subinterpreters.create()
        subinterpreters.run_string(other, "keep = [i.to_bytes(31, 'big') for i in range(500_000)]")
        many = arenas()
        subinterpreters.destroy(other)
        assert arenas() < many - 10, (many, arenas())
    """)


def test_switched_off(run):
    run("keep = fill(32); assert arenas() == 0", env={"PYSTON_HUGE_PAGES": "0"})


@pytest.mark.parametrize("mode", MODES)
def test_statistics_of_the_allocator_are_stocks(request, stock, mode):
    code = "import sys; keep = [(i,) for i in range(1_000_000)]; sys._debugmallocstats()"
    found = [request.getfixturevalue(name)("-c", code).err for name in ("stock", mode)]
    numbers = [[int(text) for text in re.findall(r"^# arenas .*= +(\d+)$", err, re.M)] for err in found]
    assert len(numbers[0]) == len(numbers[1]) == 4
    assert all(abs(ours - theirs) <= 2 for ours, theirs in zip(*numbers, strict=True)), numbers


def test_frame_stacks_are_not_mapped_again_and_again(run):
    """At some of these depths each call of f is the first one of a new piece of the frame stack."""
    run("""
        import resource
        f = eval("lambda: g()")
        g = eval("lambda: 1")
        def down(n):
            if n:
                return down(n - 1)
            for _ in range(500):
                f()
        def faults():
            return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for depth in range(400):
            down(depth)
        before = faults()
        for depth in range(400):
            down(depth)
        assert faults() - before < 400, faults() - before
    """)
