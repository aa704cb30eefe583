"""sys.settrace switched on in the middle of running loops, and off again."""
import sys

log = []


def tracer(frame, event, arg):
    if frame.f_code.co_filename == __file__:
        log.append((event, frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno,
                    arg if isinstance(arg, (int, float)) else type(arg).__name__))
    return tracer


def callee(x):
    y = x + 1
    return y


def loop(n, on, off):
    total = 0
    for i in range(n):
        if i == on:
            sys.settrace(tracer)
            sys._getframe().f_trace = tracer
        elif i == off:
            sys.settrace(None)
            sys._getframe().f_trace = None
        total += callee(i)
        if i % 2:
            total -= 1
    return total


print(loop(2000, -1, -1))
print(loop(3000, 2500, 2502))
print(log)
log.clear()


def raising(n):
    for i in range(n):
        try:
            if i == n - 1:
                raise ValueError
            callee(i)
        except ValueError:
            pass
    return "done"


raising(2000)
sys.settrace(tracer)
raising(2)
sys.settrace(None)
print(log)
log.clear()


def gen(n):
    for i in range(n):
        yield i * 2


def consume(n):
    return sum(gen(n))


for _ in range(200):
    consume(10)
sys.settrace(tracer)
consume(2)
sys.settrace(None)
print(log)
log.clear()


def enabled_by_callee(n):
    """The tracer starts in a callee: only new frames are traced until f_trace is set here."""
    total = 0
    for i in range(n):
        total += switch(i, n)
    return total


def switch(i, n):
    if i == n - 3:
        sys.settrace(tracer)
    elif i == n - 1:
        sys.settrace(None)
    return i


print(enabled_by_callee(3000))
print(log)
log.clear()


def opcodes(frame, event, arg):
    frame.f_trace_opcodes = True
    if event == "opcode" and frame.f_code is callee.__code__:
        log.append((frame.f_lineno - frame.f_code.co_firstlineno, frame.f_lasti))
    return opcodes


sys.settrace(opcodes)
callee(1)
sys.settrace(None)
print(log)
log.clear()


def jumper(frame, event, arg):
    if frame.f_code.co_name == "jumped" and event == "line" and frame.f_lineno == frame.f_code.co_firstlineno + 3:
        frame.f_lineno = frame.f_code.co_firstlineno + 4
    return jumper


def jumped():
    x = 1
    x += 1
    x += 10
    x += 100
    return x


for _ in range(2000):
    jumped()
print(jumped())
sys.settrace(jumper)
print(jumped())
sys.settrace(None)
print(jumped())


def modify_locals(frame, event, arg):
    if event == "line" and frame.f_code.co_name == "seen":
        log.append(dict(frame.f_locals))
    return modify_locals


def seen(n):
    x = 0.5
    for i in range(n):
        x = x * 2.0
        s = f"{x:.1f}"
    return x, s


for _ in range(300):
    seen(5)
sys.settrace(modify_locals)
seen(2)
sys.settrace(None)
print(log)
