"""A program for tools that look from outside: in a hot loop, or waiting deep in compiled calls, until killed."""

import sys
import time

import evidence


def spin(seconds):
    total = 0
    end = time.monotonic() + seconds
    while True:
        for i in range(20_000):
            total += i & 3
            total &= 0xFFFF
        if time.monotonic() > end:
            return total


def wait(depth, sleep):
    if depth == 0:
        sleep(600)
        return 0
    value = wait(depth - 1, sleep)
    return value + 1


def values(sleep):
    yield wait(2, sleep)


def in_generator(sleep):
    total = 0
    for value in values(sleep):
        total += value
    return total


def main(kind):
    for _ in range(30_000):
        in_generator(id)
    spin(0.2)
    evidence.note()
    print("ready", flush=True)
    if kind == "spin":
        spin(600)
    else:
        in_generator(time.sleep)


main(sys.argv[1])
