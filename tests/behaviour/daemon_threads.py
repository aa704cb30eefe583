"""Daemon threads that are still inside hot loops when the interpreter ends."""
import atexit
import threading
import time


def hot(n):
    t = 0
    for i in range(n):
        t += i
    return t


def spin():
    while True:
        hot(50)


def spin_calls():
    k = 0.5
    while True:
        k = k * 1.0001 % 3.0


def spin_generator():
    def numbers():
        while True:
            yield from (1, 2, 3)

    for n in numbers():
        pass


def spin_raising():
    while True:
        try:
            [][1]
        except IndexError:
            pass


for target in (spin, spin_calls, spin_generator, spin_raising):
    threading.Thread(target=target, daemon=True).start()
time.sleep(0.05)
atexit.register(lambda: print("atexit", hot(100000)))
print("end of the program", hot(100000))
