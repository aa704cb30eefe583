"""The CPU clocks go on as finely as ever while the engine's thread waits for the program to work."""

import threading
import time


def work(n):
    total = 0
    for i in range(n):
        total += i
    return total


def steps(clock):
    """Does it move on with every piece of work of some microseconds, and always forwards?"""
    for _ in range(3000):
        before = clock()
        work(200)
        if clock() <= before:
            return False
    return True


def in_thread(clock):
    answers = []
    worker = threading.Thread(target=lambda: answers.append(steps(clock)))
    worker.start()
    worker.join()
    return answers


time.sleep(0.05)
for clock in (time.process_time, time.thread_time, time.perf_counter):
    print(clock.__name__, steps(clock), in_thread(clock))
