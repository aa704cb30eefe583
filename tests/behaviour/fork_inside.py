"""fork in the middle of hot code: parent and child go on with the same state."""
import os
import sys


def work(n, at):
    total, x = 0, 0.5
    child = None
    for i in range(n):
        total += i
        x = x * 1.0001 + i
        if i == at:
            sys.stdout.flush()
            child = os.fork()
    if child == 0:
        print("child", total, x, flush=True)
        os._exit(total % 200)
    if child:
        _, status = os.waitpid(child, 0)
        print("parent", total, x, os.waitstatus_to_exitcode(status), flush=True)
    return total


work(2000, -1)
work(20000, 15000)


def compiled_in_child():
    """Code that gets hot only after the fork."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        def fresh(n):
            t = 0
            for i in range(n):
                t = t * 3 + i & 0xFFFF
            return t

        print("child", [fresh(50) for _ in range(2000)][-1], fresh(100000), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)


compiled_in_child()


def generation(depth):
    sys.stdout.flush()
    if depth == 0:
        return
    pid = os.fork()
    if pid == 0:
        generation(depth - 1)
        print("depth", depth, sum(i * i for i in range(5000)), flush=True)
        os._exit(depth)
    print("exit", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


generation(3)


def exception_in_child(n):
    for i in range(n):
        if i == n - 1:
            sys.stdout.flush()
            pid = os.fork()
            if pid == 0:
                sys.stderr = sys.stdout
                raise KeyError("in the child")
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


parent = os.getpid()
try:
    print(exception_in_child(5000))
except KeyError as error:
    if os.getpid() != parent:
        print("child raised", error, flush=True)
        os._exit(9)
