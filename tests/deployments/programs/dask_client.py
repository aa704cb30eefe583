"""dask.distributed: a cluster of processes with nannies; a graph, futures, failures, a worker that dies."""

import json
import os
import signal
import sys
import time

import evidence


def mandel(row, size=120):
    """How many points of a row are in the set."""
    inside = 0
    for column in range(size):
        c = complex(-2 + 3 * column / size, -1.2 + 2.4 * row / size)
        z = 0j
        for _ in range(60):
            z = z * z + c
            if z.real * z.real + z.imag * z.imag > 4:
                break
        else:
            inside += 1
    return inside


def fail(n):
    if n % 3 == 0:
        raise KeyError(n)
    return n


def die_once(flag):
    """Kill this worker the first time; its nanny starts another one and the task runs again."""
    try:
        os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return "survived"
    os.kill(os.getpid(), signal.SIGKILL)


class Counter:
    """An actor."""

    n = 0

    def add(self, k):
        self.n += k
        return self.n


def main():
    import dask
    from dask.distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        assert all(type(nanny).__name__ == "Nanny" for nanny in cluster.workers.values())
        rows = client.map(mandel, range(120))
        print(sum(client.gather(rows)))
        total = dask.delayed(sum)([dask.delayed(fail)(i) for i in (1, 2, 4)])
        print(total.compute())
        for future in client.map(fail, range(5)):
            error = future.exception()
            print(repr(error), [frame.tb_frame.f_code.co_name for frame in frames(future.traceback())] if error else "")
        counter = client.submit(Counter, actor=True).result()
        print([counter.add(k).result() for k in range(5)])
        found = client.run(lambda: [os.getpid(), evidence.compiled()])
        print(json.dumps(dict(found.values())), file=sys.stderr)
        flag = os.path.join(os.environ["EVIDENCE"], "died")
        print(client.submit(die_once, flag, pure=False).result(60))
        client.wait_for_workers(2, 60)
        print(sum(client.gather(client.map(mandel, range(40), pure=False))))
        client.restart(timeout=60)
        print(len(client.run(os.getpid)))


def frames(traceback):
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


if __name__ == "__main__":
    main()
    time.sleep(0)
