"""An uncaught KeyboardInterrupt in a loop without calls: traceback, and death by SIGINT."""
import signal

signal.signal(signal.SIGALRM, lambda *args: signal.raise_signal(signal.SIGINT))
signal.signal(signal.SIGINT, signal.default_int_handler)


def spin():
    n = 0
    try:
        while True: n += 1  # noqa: E701
    finally:
        print("finally", n > 1000, flush=True)


signal.setitimer(signal.ITIMER_REAL, 0.05)
try:
    spin()
except KeyboardInterrupt:
    print("interrupted", flush=True)
signal.signal(signal.SIGALRM, signal.SIG_DFL)
signal.signal(signal.SIGINT, lambda *args: print("handled", flush=True))
signal.raise_signal(signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)


def raising(n):
    for i in range(n):
        if i == 5000:
            signal.raise_signal(signal.SIGINT)


raising(10000)
