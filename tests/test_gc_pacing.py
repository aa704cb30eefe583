"""Pacing of the cyclic collector (src/engine/eng_gc.c): fewer collections, and nothing else that shows.

The programs allocate in rounds of 70,000 lists, for which stock collects 99 or 100 times. Pacing reacts to CPU time, so
a program that waits for it repeats rounds until it sees it, a bounded number of times; what must hold from the
next allocation on is checked in the very next round.
"""

from __future__ import annotations

import textwrap

import pytest

MODES = ["ext", "pyston3"]

PRELUDE = """
import gc

N = 70_000

def done():
    return sum(s["collections"] for s in gc.get_stats())

def round_():
    "Collections during a round."
    before = done()
    keep = [[] for _ in range(N)]
    return done() - before

def raised(rounds=400):
    "Waits until rounds need much fewer collections."
    for _ in range(rounds):
        if round_() < 40:
            return True
    return False

STOCK = range(97, 103)

def lowered(rounds=400):
    for _ in range(rounds):
        if round_() in STOCK:
            return True
    return False
"""


@pytest.fixture(params=MODES)
def run(request, tmp_path):
    """Runs a program that checks itself behind the prelude; returns what it printed."""

    def run(source: str, *args, **kw) -> str:
        program = tmp_path / "program.py"
        program.write_text(PRELUDE + textwrap.dedent(source))
        return request.getfixturevalue(request.param)(program, *args, **kw).ok

    return run


def test_collects_less_and_does_not_say_so(run):
    run("""
        assert raised()
        for _ in range(50):
            assert round_() < 40
            assert gc.get_threshold() == (700, 10, 10)
        assert gc.isenabled() and gc.get_debug() == 0 and gc.callbacks == []
        keep, counts = [], []
        for _ in range(2 * N):
            keep.append([])
            counts.append(gc.get_count())
        assert all(0 <= a <= 701 and 0 <= b <= 11 and c >= 0 for a, b, c in counts)
        assert len({a for a, _, _ in counts}) > 600     # it counts, and wraps
        assert gc.get_threshold() == (700, 10, 10)
    """)


def test_garbage_is_still_collected(run):
    run("""
        import weakref
        class C: pass
        assert raised()
        dead = []
        for _ in range(10_000):     # what tests commonly allow
            c = C()
            c.me = c
            dead.append(weakref.ref(c))
        assert any(ref() is None for ref in dead)
    """)


def test_switched_off_by_setting(run):
    run("assert all(round_() in STOCK for _ in range(60))", env={"PYSTON_GC": "0"})


def test_set_threshold_takes_effect_exactly(run):
    run("""
        assert raised()
        gc.set_threshold(1000)
        assert gc.get_threshold() == (1000, 10, 10)
        assert all(round_() in range(68, 72) for _ in range(60))
        gc.set_threshold(0)
        assert gc.get_threshold() == (0, 10, 10) and round_() == 0
        gc.set_threshold(20_000, 5, 7)
        assert gc.get_threshold() == (20_000, 5, 7) and round_() in (3, 4)
        gc.set_threshold(700, 10, 10)       # stock's values, but now the program's
        assert all(round_() in STOCK for _ in range(60))
    """)


def test_wrong_call_of_set_threshold(run):
    run("""
        assert raised()
        try:
            gc.set_threshold("many")
        except TypeError as error:
            assert "cannot be interpreted as an integer" in str(error)
        else:
            raise AssertionError
        assert gc.get_threshold() == (700, 10, 10) and round_() in STOCK
    """)


@pytest.mark.parametrize(
    "call", ["collect()", "collect(0)", "collect(generation=1)", "freeze()", "unfreeze()", "enable()", "set_debug(0)"]
)
def test_stands_back_at_once_and_comes_again(run, call):
    run(f"""
        assert raised()
        for _ in range(3):
            gc.{call}
            assert round_() in STOCK
            assert gc.get_threshold() == (700, 10, 10)
        assert raised()
    """)


def test_collect_counts_what_it_frees(run):
    run("""
        class C: pass
        assert raised()
        for n in (1, 10, 600):
            gc.collect()
            for _ in range(n):
                c = C()
                c.me = c
            del c
            assert gc.collect() == n
        try:
            gc.collect(3)
        except ValueError as error:
            assert str(error) == "invalid generation"
        else:
            raise AssertionError
    """)


def test_disable_and_enable(run):
    run("""
        assert raised()
        gc.disable()
        assert not gc.isenabled() and all(round_() == 0 for _ in range(30))
        assert gc.get_threshold() == (700, 10, 10)
        gc.enable()
        assert gc.isenabled() and round_() in STOCK
        assert raised()
    """)


def test_counts_after_standing_back(run):
    """As if stock had collected all along: nothing is due that would not be in stock."""
    run("""
        assert raised()
        for _ in range(20):
            keep = [[] for _ in range(4_000)]
            gc.disable()
            assert gc.get_count()[0] <= 701 and gc.get_count()[1] <= 11, gc.get_count()
            gc.enable()
            assert raised()
    """)


def test_callbacks_see_stock(run):
    run("""
        assert raised()
        seen = []
        gc.callbacks.append(lambda phase, info: seen.append((phase, info["generation"])))
        assert lowered()
        seen.clear()
        assert all(round_() in STOCK for _ in range(30))
        assert seen[0][0] == "start" and len(seen) == 2 * (len(seen) // 2) >= 2 * 30 * 97
        gc.callbacks.clear()
        assert raised()
    """)


def test_debugging_sees_stock(run):
    run("""
        assert raised()
        gc.set_debug(gc.DEBUG_UNCOLLECTABLE)
        assert gc.get_debug() == gc.DEBUG_UNCOLLECTABLE
        assert all(round_() in STOCK for _ in range(60))
        gc.set_debug(0)
        assert raised()
    """)


def test_subinterpreters_are_left_alone(run):
    run("""
        import _xxsubinterpreters as interpreters, textwrap
        inside = interpreters.create()
        assert raised()
        interpreters.run_string(inside, textwrap.dedent('''
            import gc
            def round_():
                before = sum(s["collections"] for s in gc.get_stats())
                keep = [[] for _ in range(70_000)]
                return sum(s["collections"] for s in gc.get_stats()) - before
            assert gc.get_threshold() == (700, 10, 10) and gc.get_count()[0] >= 0
            assert all(round_() in range(97, 103) for _ in range(30))
            gc.collect()
            gc.set_threshold(100, 4, 5)
            assert gc.get_threshold() == (100, 4, 5) and round_() > 600
        '''))
        assert gc.get_threshold() == (700, 10, 10)
        interpreters.destroy(inside)
        assert round_() < 40 or raised(), "what it did is not ours"
    """)


def test_disable_of_the_engine_restores_stock(run):
    run("""
        import pyston
        pyston.enable()
        for _ in range(3):
            assert raised()
            pyston.disable()
            assert gc.get_threshold() == (700, 10, 10)
            assert all(round_() in STOCK for _ in range(40))
            pyston.enable()
        pyston.disable()
        gc.set_threshold(1400)
        pyston.enable()                     # not the collector as CPython set it up
        assert all(round_() in range(48, 52) for _ in range(60))
        assert gc.get_threshold() == (1400, 10, 10)
    """)


FACTS = """
import gc, inspect, pickle, sys, types
names = [n for n in dir(gc) if callable(getattr(gc, n)) and not n.startswith("__")]
for name in names:
    f = getattr(gc, name)
    assert pickle.loads(pickle.dumps(f)) is f
    assert type(f) is types.BuiltinFunctionType and f.__self__ is gc
    print(name, f.__name__, f.__qualname__, f.__module__, f.__text_signature__, f.__doc__, repr(f)[:30])
    try:
        print(inspect.signature(f))
    except ValueError as error:
        print(error)
    try:
        f(1, 2, 3, 4, 5)
    except TypeError as error:
        print(error)
print(gc.get_threshold(), gc.collect.__call__(generation=0) >= 0)
"""


def test_functions_are_the_same_objects_to_python(run, stock):
    expected = stock("-c", FACTS).ok
    assert len(expected.splitlines()) > 40
    assert run(FACTS) == expected


def test_gc_is_not_imported(pyston3, ext, stock):
    code = "import sys; print('gc' in sys.modules)"
    expected = stock("-c", code).ok
    assert pyston3("-c", code).ok == ext("-c", code).ok == expected == "False\n"


def test_other_threads(run):
    """The allocations are another thread's, while the main thread waits."""
    run("""
        import threading
        result = []
        t = threading.Thread(target=lambda: result.append((raised(), gc.get_threshold(), gc.collect(), round_())))
        t.start()
        t.join()
        (ok, threshold, _, then), = result
        assert ok and threshold == (700, 10, 10) and then in STOCK
    """)


OLD_GARBAGE = """
import weakref

class C: pass

def old_garbage_goes(most=40):
    "A cycle that has grown old goes when there is much that is new; nothing of that does."
    c = C()
    c.me = c
    ref, full = weakref.ref(c), gc.get_stats()[2]["collections"]
    keep = [[] for _ in range(3 * N)]       # it is in the oldest generation, or soon
    del c
    for _ in range(most):
        keep.append([[i] for i in range(N)])
        if ref() is None:
            alive = all(len(k) == N for k in keep[3 * N:])
            return alive and gc.get_stats()[2]["collections"] > full
    return False
"""


def test_full_collections_come(run):
    run(OLD_GARBAGE + "assert raised() and all(old_garbage_goes() for _ in range(3))")


def test_full_collections_come_while_the_main_thread_waits(run):
    """It would start them at its next safepoint, and has none."""
    run(
        OLD_GARBAGE
        + textwrap.dedent("""
        import threading
        assert raised()
        result = []
        t = threading.Thread(target=lambda: result.append(old_garbage_goes()))
        t.start()
        t.join()
        assert result == [True]
    """)
    )


def test_forked_children(run):
    run("""
        import os
        assert raised()
        for _ in range(3):
            child = os.fork()
            if child == 0:
                ok = gc.get_threshold() == (700, 10, 10) and raised()
                gc.set_threshold(1000)
                ok = ok and round_() in range(68, 72)
                os._exit(0 if ok else 1)
            assert os.waitpid(child, 0)[1] == 0
            assert raised()
    """)


def test_live_data_does_not_stop_it(run):
    """Memory that grows for good is no reason to collect more often."""
    run("""
        assert raised()
        rounds, keep = [], []
        for _ in range(25):
            before = done()
            keep.append([[i, None, None] for i in range(N)])
            rounds.append(done() - before)
        assert sum(rounds) < 25 * 97 / 2, rounds
        assert raised()
    """)


def test_large_garbage_makes_it_stand_back(run, stock, tmp_path):
    """A program that begins to drop large cycles does not hold much more memory than in stock, where up to 700 objects
    wait: with 5,000 it would hold 430 MB more."""
    source = """
        import resource, sys
        if sys.argv[1] == "paced":
            assert raised()
        else:
            for _ in range(20):
                round_()
        class C: pass
        for _ in range(20_000):
            c = C()
            c.me = c
            c.buffer = bytearray(100_000)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    """
    program = tmp_path / "stock.py"
    program.write_text(PRELUDE + textwrap.dedent(source))
    expected = int(stock(program, "plain").ok)
    assert int(run(source, "paced")) < expected + 250


def test_child_of_a_large_process(run):
    """Started by a process larger than itself, a program cannot see its own memory grow: it is raised less."""
    run("""
        import subprocess, sys
        if len(sys.argv) == 1:
            ballast = b"x" * (200 << 20)
            subprocess.run([sys.executable, __file__, "child"], check=True)
        else:
            assert raised()
            least = min(round_() for _ in range(200))
            assert least >= N // 2001, least
    """)
