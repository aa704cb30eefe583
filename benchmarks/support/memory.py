"""Peak memory of a process and everything below it, from /proc."""

from __future__ import annotations

import os


def _parents() -> dict[int, int]:
    """Every process's parent."""
    parents = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                # The command, in parentheses, may itself hold spaces and parentheses.
                parents[int(entry)] = int(file.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue  # it ended meanwhile
    return parents


def tree(root: int) -> list[int]:
    """The process and all its descendants."""
    parents = _parents()
    found = [root]
    for pid in found:  # grows while it is walked
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found


def peak(root: int) -> int:
    """Bytes: the sum of the largest resident sets (VmHWM) of the process and its descendants.

    Pages that a forked child still shares with its parent are counted in both.
    """
    total = 0
    for pid in tree(root):
        try:
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                for line in file:
                    if line.startswith("VmHWM:"):
                        total += int(line.split()[1]) * 1024
                        break
        except OSError:
            continue
    return total
