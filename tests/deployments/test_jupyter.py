"""A Jupyter kernel: cells with hot loops, output, tracebacks, an interrupt in a compiled loop, completion, a restart,
and what a cell after each of these says. Everything is compared with the kernel of python3.11."""

from __future__ import annotations

import json
import re

import pytest

from deployments.ways import Way

pytestmark = pytest.mark.deployments

SESSION = r"""
import json, os, re, sys, time
from jupyter_client.manager import KernelManager

manager = KernelManager()
manager.kernel_spec.argv[:] = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
manager.start_kernel(extra_arguments=["--HistoryManager.enabled=False"])
client = manager.client()
client.start_channels()
seen = []


def started():
    # Asked to shut down, a kernel's main thread ends the thread that sends output, while the control thread still
    # has something to send: when it comes too late it waits for ever, and the main thread for it, with any Python.
    # So the main thread waits a little, before everything else that it does at its exit.
    client.wait_for_ready(timeout=60)
    wait = "__import__('atexit').register(__import__('time').sleep, 1)"
    client.execute_interactive(wait, timeout=60, silent=True)


started()


def clean(text):
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return re.sub(r"0x[0-9a-f]+|ipykernel_\d+|/\d+\.py|\d+(\.\d+)? ?(ns|us|.s|ms|s)\b", "...", text)


def cell(code, interrupt_after=None, **options):
    "Run a cell; its outputs, and the reply."
    outputs = []

    def output(message):
        content = message["content"]
        if message["msg_type"] == "stream":
            outputs.append([content["name"], clean(content["text"])])
            if interrupt_after and interrupt_after in content["text"]:
                time.sleep(0.5)
                manager.interrupt_kernel()
        elif message["msg_type"] in ("execute_result", "display_data"):
            outputs.append([message["msg_type"], clean(content["data"].get("text/plain", ""))])
        elif message["msg_type"] == "error":
            outputs.append(["error", content["ename"], content["evalue"], clean("\n".join(content["traceback"]))])

    reply = client.execute_interactive(code, timeout=60, output_hook=output, allow_stdin=False, **options)
    merged = []
    for kind, *rest in outputs:
        if merged and kind in ("stdout", "stderr") and merged[-1][0] == kind:
            merged[-1][1] += rest[0]
        else:
            merged.append([kind, *rest])
    seen.append([reply["content"]["status"], reply["content"].get("execution_count"), merged])


HOT = '''
def f(n, stop=None):
    total = 0
    for i in range(n):
        total += i & 7
        if i == stop:
            raise ValueError("stopped at %d" % i)
    return total
sum(f(200) for _ in range(20000))
'''
cell(HOT)
cell("total = 0\nfor i in range(3_000_000):\n    total += i & 3\ntotal")
cell("f(100, 50)")
cell("def g(n):\n    return [f(n, 7) for _ in range(2)]\ng(100)")
cell("1 / 0 if total else None")
cell("print('going', flush=True)\nk = 0\nwhile True:\n    k = (k + 1) & 0xFFFF", interrupt_after="going")
cell("print('going', flush=True)\nwhile True:\n    f(100_000)", interrupt_after="going")
CAUGHT = '''try:
    print("going", flush=True)
    while True:
        f(5)
except KeyboardInterrupt:
    print("caught")
'''
cell(CAUGHT, interrupt_after="going")
cell("type(k), f(10)")
cell('''
import asyncio
async def h(n):
    total = 0
    for i in range(n):
        await asyncio.sleep(0)
        total += i
    return total
await h(3000)
''')
cell("async def gen():\n    for i in range(2000):\n        yield i\n[x async for x in gen()][-3:]")
cell("%timeit -n 10 -r 2 f(1000)")
cell("%prun -q -s ncalls f(10)\n'profiled'")
cell("def syntax(:\n    pass")
cell("f??\n?f")
cell("from IPython import get_ipython\nip = get_ipython()\nip.run_cell('f(3)').result, len(In) > 5, _")
cell("import threading\nt = threading.Thread(target=lambda: print(f(1000)))\nt.start(); t.join()")
cell("del f\nf(1)")
cell("class A:\n    def __repr__(self):\n        return 'A(%d)' % sum(range(50))\n[A() for _ in range(3)]")
cell('''
%load_ext autoreload
%autoreload 2
import os, sys
open("mod.py", "w").write("def v(): return 1")
sys.path.insert(0, ".")
import mod
for _ in range(20000):
    mod.v()
mod.v()
''')
cell('''
open("mod.py", "w").write("def v(): return 2 * 11")
os.utime("mod.py", (2e9, 2e9))
''')
cell("mod.v()")
try:
    reply = client.complete("tot", 3, reply=True, timeout=30)
    seen.append(["total" in reply["content"]["matches"]])
    client.execute_interactive('''
import json
try:
    import pyston
    stats = pyston.stats()
    compiled = stats["functions_compiled"] + stats["loops_compiled"]
except ImportError:
    compiled = None
open("compiled.json", "w").write(json.dumps(compiled))
''', timeout=30)
finally:
    manager.restart_kernel(now=False)
started()
cell("'total' in globals()")
cell(HOT)
client.shutdown()
end = time.time() + 20
while manager.is_alive() and time.time() < end:
    time.sleep(0.1)
seen.append(["alive", manager.is_alive()])
client.stop_channels()
manager.cleanup_resources()
json.dump(seen, open("seen.json", "w"), indent=1)
"""


def session(way: Way, folder) -> tuple[list, int | None]:
    folder.mkdir()
    (folder / "session.py").write_text(SESSION)
    env = {"IPYTHONDIR": folder / "ipython", "JUPYTER_RUNTIME_DIR": folder / "run", "HOME": folder, "TMPDIR": folder}
    done = way.run("session.py", cwd=folder, env=env, timeout=240)
    assert done.code == 0, f"{done.out}\n{done.err}"
    text = (folder / "seen.json").read_text().replace(str(folder), "FOLDER").replace(str(way.bin.parent), "ENV")
    return json.loads(text), json.loads((folder / "compiled.json").read_text())


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return session(Way("stock"), tmp_path_factory.mktemp("jupyter") / "stock")[0]


def test_kernel(way, expected, tmp_path):
    kinds = [kind for cell in expected for output in cell[2:] for kind, *_ in output]
    assert kinds.count("error") >= 7 and expected[-1] == ["alive", False]
    seen, compiled = session(way, tmp_path / "engine")
    assert len(seen) == len(expected)
    for theirs, ours in zip(expected, seen, strict=True):
        if "KeyboardInterrupt" in str(theirs):
            # In which line of the loop it arrives is chance: the kinds of outputs and the errors' names.
            theirs, ours = (
                [cell[0], [output[:2] for output in cell[2] if output[0] != "stream"]] for cell in (theirs, ours)
            )
            assert re.search("KeyboardInterrupt|caught", str(ours))
        assert ours == theirs
    assert compiled > 2
