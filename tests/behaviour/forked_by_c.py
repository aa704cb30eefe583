"""A child forked by C code, which tells Python nothing of it (uWSGI's workers are), goes on with Python code."""

import ctypes
import os
import sys
import time


def work(seconds):
    total = 0
    end = time.process_time() + seconds
    while time.process_time() < end:
        for i in range(1000):
            total = (total + (i & 3)) % 1000
    return "worked"


def samples():
    """How often the engine has looked at the program; 1 without the engine."""
    try:
        import pyston
    except ImportError:
        return 1
    stats = pyston.stats()
    # With a number in PYSTON_THRESHOLD nothing else depends on them.
    return stats["samples"] if stats["enabled"] else 1


def child(depth):
    if depth:
        return child(depth - 1)
    pid = ctypes.PyDLL(None).fork()
    if pid == 0:
        before = samples() if samples() > 1 else 0
        print(work(0.2), samples() > before, flush=True)
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


print("cold", child(0), flush=True)
print(work(0.1), flush=True)
for depth in (0, 5):
    print("warm", child(depth), flush=True)
