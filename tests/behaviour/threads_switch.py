"""Threads that switch every few microseconds inside the same hot functions."""
import sys
import threading

sys.setswitchinterval(1e-5)


class Box:
    def __init__(self):
        self.value = 0
        self.x = 0.5


def work(box, n, lock, shared):
    local = 0.25
    for i in range(n):
        box.value += i & 3
        box.x = box.x * 0.5 + i
        local = local * 0.5 + i
        if i % 50 == 0:
            with lock:
                shared["total"] += 1
                shared["seen"].append(i)
    return local


def run(threads, n):
    lock, shared, results = threading.Lock(), {"total": 0, "seen": []}, {}
    boxes = [Box() for _ in range(threads)]

    def body(k):
        results[k] = work(boxes[k], n, lock, shared)

    pool = [threading.Thread(target=body, args=(k,)) for k in range(threads)]
    for t in pool:
        t.start()
    for t in pool:
        t.join()
    assert len(set(results.values())) == 1
    return shared["total"], len(shared["seen"]), [b.value for b in boxes], boxes[0].x, results[0]


print(run(1, 2000))
print(run(4, 10000))


def stop_flag():
    """A loop without calls lets another thread run, which ends it."""
    state = {"stop": False}

    def stopper():
        state["stop"] = True

    t = threading.Timer(0.02, stopper)
    t.start()
    n = 0
    while not state["stop"]:
        n += 1
    t.join()
    return n > 0


print(stop_flag())


def two_spinners():
    """Two threads that each wait for the other in a busy loop."""
    turns, log = [0], []

    def spin(me, rounds):
        for _ in range(rounds):
            while turns[0] % 2 != me:
                pass
            log.append(me)
            turns[0] += 1

    a = threading.Thread(target=spin, args=(0, 30))
    b = threading.Thread(target=spin, args=(1, 30))
    a.start(), b.start()
    a.join(), b.join()
    return "".join(map(str, log))


print(two_spinners())
local = threading.local()


def thread_local(k, out):
    local.value = k
    for i in range(3000):
        if local.value != k + i:
            out.append(("mixed", k))
            return
        local.value += 1
    out.append(local.value - k)


out = []
pool = [threading.Thread(target=thread_local, args=(k * 100000, out)) for k in range(4)]
for t in pool:
    t.start()
for t in pool:
    t.join()
print(out)


def failing(n):
    total = 0.0
    for i in range(n):
        total += 1 / (n // 2 - i)
    return total


caught = []
threading.excepthook = lambda args: caught.append((args.exc_type.__name__, args.exc_traceback.tb_next is not None))
pool = [threading.Thread(target=failing, args=(5000,)) for _ in range(3)]
for t in pool:
    t.start()
for t in pool:
    t.join()
print(caught)


def mutate_code(n):
    """One thread swaps a function's code while others call it."""
    def f():
        return 1

    one, two = f.__code__, (lambda: 2).__code__
    results, done = set(), []

    def caller():
        for _ in range(n):
            results.add(f())
        done.append(True)

    pool = [threading.Thread(target=caller) for _ in range(3)]
    for t in pool:
        t.start()
    while len(done) < 3:
        f.__code__ = two
        f.__code__ = one
    for t in pool:
        t.join()
    return results <= {1, 2}, len(done)


print(mutate_code(5000))
