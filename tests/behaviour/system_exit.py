"""SystemExit from inside hot nested calls: finally blocks, atexit order and the exit status."""
import atexit
import sys

atexit.register(print, "last")
atexit.register(print, "first")


def leave(n):
    try:
        if n == 3000:
            sys.exit(7)
    finally:
        if n == 3000:
            print("finally in leave")
    return n


def outer():
    total = 0
    for i in range(10000):
        try:
            total += leave(i)
        except Exception:
            print("never here")
    return total


try:
    outer()
except SystemExit as error:
    print("seen", error.code)
    raise
