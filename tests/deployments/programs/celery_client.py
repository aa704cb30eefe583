"""Sends every task to the workers and prints what comes back."""

import json
import sys

import celery
import tasks

say = {}
chunks = [(i * 500 + 1, 500) for i in range(40)]
say["longest"] = [task.get(timeout=60) for task in [tasks.longest.delay(*chunk) for chunk in chunks]]
say["failing"] = []
for result in [tasks.failing.delay(n) for n in range(6)]:
    value = result.get(timeout=60, propagate=False)
    trace = [line for line in (result.traceback or "").splitlines() if "tasks.py" in line or "Error" in line]
    say["failing"].append([repr(value), result.state, trace])
say["retried"] = [task.get(timeout=60) for task in [tasks.retried.delay(n) for n in range(3)]]
say["chord"] = celery.chord([tasks.longest.s(*chunk) for chunk in chunks[:6]])(tasks.add.s()).get(timeout=60)
if "limits" in sys.argv:
    say["limit"] = tasks.endless.delay().get(timeout=60)
found = dict(task.get(timeout=60) for task in [tasks.who.delay() for _ in range(40)])
print(json.dumps(say, indent=1))
print(json.dumps(found), file=sys.stderr)
