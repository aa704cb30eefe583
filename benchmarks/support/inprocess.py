"""Benchmarks of a function: pyperf calls it, and what it returns is checked every time.

`prepare` imports and sets up what is needed, outside the time that counts and in the worker process only, and returns
the function. The function returns its answer as text or bytes; an answer other than the first one's ends the benchmark
with an error, and a digest of it lets the driver compare interpreters.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable
from typing import Union

import pyperf

from support import extras

Answer = Union[str, bytes]


class Task:
    """The function, prepared by the first measurement, and its first answer."""

    def __init__(self, prepare: Callable[[], Callable[[], Answer]]) -> None:
        self.prepare = prepare
        self.function: Callable[[], Answer] | None = None
        self.first: Answer | None = None

    def measure(self, loops: int) -> float:
        """Seconds that `loops` calls took."""
        if self.function is None:
            self.function = self.prepare()
        function, timer = self.function, time.perf_counter
        total = 0.0
        for _ in range(loops):
            start = timer()
            answer = function()
            total += timer() - start
            self.check(answer)
        return total

    def check(self, answer: Answer) -> None:
        """Ends the program when the answer is not the first one's."""
        if self.first is None:
            if not answer:
                sys.exit("the benchmark's answer is empty")
            self.first = answer
            data = answer.encode() if isinstance(answer, str) else answer
            extras.record(digest=hashlib.sha256(data).hexdigest())
        elif answer != self.first:
            sys.exit(f"the answer is another than the first time:\n{self.first!r:.500}\n{answer!r:.500}")


def run(name: str, prepare: Callable[[], Callable[[], Answer]], runner: pyperf.Runner | None = None) -> None:
    """Measures the function that `prepare` returns, on a runner of the caller's or a new one."""
    (runner or pyperf.Runner()).bench_time_func(name, Task(prepare).measure)
