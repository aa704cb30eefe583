"""A Celery application: tasks that compute, fail, are retried and call each other."""

import os
import time
import uuid

import celery
import evidence
from kombu.transport import filesystem
from kombu.utils.json import dumps


class Folder(filesystem.Channel):
    """A broker in files whose messages appear whole. Kombu writes them where they are read: a worker that looks
    in between takes an empty one and ends with an error of JSON."""

    def _put(self, queue, payload, **kwargs):
        path = f"{self.data_folder_out}/{time.monotonic_ns() // 1_000_000}_{uuid.uuid4()}.{queue}.msg"
        with open(path + ".part", "w") as file:
            file.write(dumps(payload))
        os.rename(path + ".part", path)


filesystem.Transport.Channel = Folder

app = celery.Celery("tasks", broker=os.environ["CELERY_BROKER"], backend=os.environ["CELERY_RESULTS"])
app.conf.update(
    broker_transport_options={
        "data_folder_in": os.environ.get("CELERY_FOLDER", "") + "/queue",
        "data_folder_out": os.environ.get("CELERY_FOLDER", "") + "/queue",
        "control_folder": os.environ.get("CELERY_FOLDER", "") + "/control",
    },
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=1,
)


def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


@app.task
def longest(start, count):
    """The number with the longest sequence of a range."""
    best = max(range(start, start + count), key=collatz)
    return [best, collatz(best)]


@app.task
def failing(n):
    if n % 2:
        raise ValueError(f"odd: {n}")
    return n


@app.task(bind=True, max_retries=3)
def retried(self, n):
    if self.request.retries < 2:
        # Celery sends the task again first and notes the state afterwards: when it is run at once, its result may
        # be there between the two and be overwritten.
        raise self.retry(exc=RuntimeError("not yet"), countdown=1)
    return [n, self.request.retries]


@app.task
def add(numbers):
    return sum(number for number, _ in numbers)


@app.task
def who(seconds=0.05):
    time.sleep(seconds)
    return [os.getpid(), evidence.compiled()]


@app.task(soft_time_limit=1)
def endless():
    """Ends by the exception that the time limit raises in a compiled loop."""
    n = 0
    try:
        while True:
            n = (n + 1) & 0xFFFF
    except celery.exceptions.SoftTimeLimitExceeded:
        return "over"
