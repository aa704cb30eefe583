"""A debugger that switches tracing on from another thread, as debugpy does, while the tracer runs functions that are compiled."""
import ctypes
import sys


def spin(n):
    total = 0
    for i in range(n):
        total += i & 3
    return total


def leaf(a):
    b = a + 1
    return b


for _ in range(400):
    spin(3000)
for _ in range(5000):
    leaf(1)

api = ctypes.PyDLL(None)
api.PyThreadState_Get.restype = ctypes.c_void_p


def on():
    """PyThreadState.cframe->use_tracing = 255, whatever runs at the moment."""
    cframe = ctypes.c_void_p.from_address(api.PyThreadState_Get() + 56).value
    ctypes.c_uint8.from_address(cframe).value = 255


events = []


def tracer(frame, event, arg):
    if frame.f_code is leaf.__code__:
        events.append((event, frame.f_lineno))
        on()
        spin(10)
        spin(10)
        leaf(2)
        leaf(2)
    return tracer


sys.settrace(tracer)
for i in range(3):
    leaf(i)
sys.settrace(None)
for event in events:
    print(*event)
