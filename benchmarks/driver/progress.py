"""The progress bar and the estimate of the time left."""

from __future__ import annotations

import sys
import time
from typing import TextIO

WIDTH = 24


def duration(seconds: float) -> str:
    """A time in the units that people use: 45 s, 12 min, 2 h 05 min."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


class Progress:
    """Work of known expected sizes; what it really takes corrects the expectation of the rest."""

    def __init__(self, expected: list[float], stream: TextIO | None = None) -> None:
        self.expected = expected
        self.stream = stream or sys.stderr
        self.terminal = self.stream.isatty()
        self.done = 0
        self.started = time.monotonic()

    def left(self) -> float:
        """Seconds, by the pace so far."""
        spent, expected = time.monotonic() - self.started, sum(self.expected[: self.done])
        # The guess counts as much as half a minute of experience.
        pace = (spent + 30) / (expected + 30)
        return sum(self.expected[self.done :]) * pace

    def show(self, what: str) -> None:
        """Says what is being done now."""
        if self.terminal:
            share = sum(self.expected[: self.done]) / (sum(self.expected) or 1)
            bar = "#" * round(share * WIDTH)
            text = f"[{bar:.<{WIDTH}}] {self.done}/{len(self.expected)}, {duration(self.left())} left: {what}"
            self.stream.write(f"\r\x1b[K{text[:110]}")
            self.stream.flush()

    def finish(self, line: str) -> None:
        """One piece of work is done; the line that stays says with what result."""
        self.done += 1
        if self.terminal:
            self.stream.write("\r\x1b[K")
        else:
            line = f"{line}  ({self.done}/{len(self.expected)}, {duration(self.left())} left)"
        self.stream.write(line + "\n")
        self.stream.flush()
