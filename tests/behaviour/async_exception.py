"""PyThreadState_SetAsyncExc reaches a thread in a loop without calls."""
import ctypes
import threading
import time


class Stop(Exception):
    pass


def spin(state):
    n = 0
    try:
        state["started"] = True
        while True:
            n += 1
    except Stop:
        state["stopped"] = n > 0


def spin_calls(state):
    def helper(x):
        return x + 1.5

    n = 0.0
    try:
        state["started"] = True
        while True:
            n = helper(n) % 1000.0
    except Stop:
        state["stopped"] = n >= 0


for body in (spin, spin_calls, spin):
    state = {}
    t = threading.Thread(target=body, args=(state,))
    t.start()
    while "started" not in state:
        time.sleep(0.001)
    time.sleep(0.03)
    print(ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(t.ident), ctypes.py_object(Stop)))
    t.join(10)
    print(t.is_alive(), state)
