"""`stats`: run a program and report on stderr what the engine did: pyston.stats(), made readable.

The program runs in this process, because the counters are to be read at its very end, after its own atexit functions.
Its traceback, sys.argv, sys.path and `__main__` are as under `python3`; what differs is that the frames of this command
are below its first one.
"""

from __future__ import annotations

import atexit
import builtins
import io
import json
import os
import sys
import time

import pyston
from pyston import cmd_common

DESCRIPTION = """\
Run a program with the engine on, and report on stderr when it has ended: the share of
time in compiled code, what was compiled and what was not, where compiled code was left,
and what that cost. The exit status is the program's."""


def main(arguments):
    parser = cmd_common.Parser(
        "stats", DESCRIPTION, "[--threshold N] [--json FILE] SCRIPT [ARGS] | -m MODULE [ARGS] | -c CODE [ARGS]"
    )
    parser.add_threshold()
    parser.add_argument("--json", metavar="FILE", help="write the counters there as JSON, instead of the report")
    options, program = parser.parse_program(arguments)
    if options.threshold is not None:
        # Settings are read once, when the engine is loaded: in a new process.
        env = cmd_common.environment(True, options.threshold)
        json_option = ["--json", options.json] if options.json else []
        cmd_common.start(["-m", "pyston", "stats", *json_option, *program.command()], env)
    if options.json == "-":
        parser.error("--json takes the name of a file: standard output is the program's")
    Report(cmd_common.open_json(options.json))
    return run_here(program)


# --- the program, in this process


def run_here(program):
    """Run a program as the interpreter would, with the engine on. Its exit status, unless SystemExit is raised."""
    pyston.enable()
    module = type(sys)("__main__")
    module.__dict__.update(__builtins__=builtins, __annotations__={})
    sys.modules["__main__"] = module
    sys.argv = ["-m" if program.kind == "module" else program.what, *program.arguments]
    if program.kind == "code":
        sys.argv[0] = "-c"
        set_path0("")
        return execute(lambda: compile(program.what, "<string>", "exec", dont_inherit=True), module)
    import runpy

    if program.kind == "module":
        return as_main(lambda: runpy._run_module_as_main(program.what))
    path = program.what
    if os.path.isdir(path) or is_archive(path):
        set_path0(os.path.join(os.getcwd(), path), always=True)
        return as_main(lambda: runpy._run_module_as_main("__main__", False))
    set_path0(os.path.dirname(os.path.realpath(path)))
    from importlib.machinery import SourceFileLoader

    absolute = os.path.join(os.getcwd(), path)
    module.__dict__.update(__file__=absolute, __cached__=None, __loader__=SourceFileLoader("__main__", absolute))
    return execute(lambda: read_code(absolute), module)


def set_path0(entry, always=False):
    """Under -m, sys.path[0] is the current folder; -P and -I leave it out."""
    if not sys.flags.safe_path:
        sys.path[0] = entry
    elif always:
        sys.path.insert(0, entry)


def is_archive(path):
    import zipfile

    return zipfile.is_zipfile(path)


def read_code(path):
    import pkgutil

    with io.open_code(path) as file:
        code = pkgutil.read_code(file)
    if code is None:
        with io.open_code(path) as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
    return code


def execute(make_code, module):
    try:
        code = make_code()
    except Exception as error:  # a syntax error, which Python reports without frames
        return uncaught(error, None)
    try:
        exec(code, module.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        return uncaught(error, error.__traceback__.tb_next)
    return 0


def as_main(call):
    """For what Python itself runs by runpy, whose frames its tracebacks show."""
    try:
        call()
    except SystemExit:
        raise
    except BaseException as error:
        return uncaught(error, error.__traceback__.tb_next.tb_next)
    return 0


def uncaught(error, traceback):
    """What the interpreter does with an exception that nobody caught."""
    error.__traceback__ = traceback
    sys.excepthook(type(error), error, traceback)
    if isinstance(error, KeyboardInterrupt):
        Report.interrupted = True
    return 1


# --- the report


class Report:
    """Written when the interpreter exits: atexit calls the first that registered last."""

    interrupted = False

    def __init__(self, file):
        self.file, self.start, self.process = file, time.perf_counter(), os.getpid()
        atexit.register(self.finish)

    def finish(self):
        if os.getpid() != self.process:
            return  # a child that the program forked
        seconds = time.perf_counter() - self.start
        counters = pyston.stats()
        sys.stdout.flush()
        if self.file is not None:
            json.dump({"seconds": seconds, **counters}, self.file, indent=1)
            self.file.write("\n")
            self.file.close()
        else:
            print(text(counters, seconds), file=sys.__stderr__, flush=True)
        if Report.interrupted:
            import signal

            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)


def counted(counts):
    """A dict of counts, largest first."""
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))


def size(count):
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 1024:.1f} KiB"


def text(counters, seconds):
    share = counters["share_compiled"]
    not_compiled, exits, raised = counters["not_compiled"], counters["deopts"], counters["exceptions"]
    compiling = counters["compile_seconds"]
    rows = [
        (
            "time in compiled code",
            "the run was too short to say"
            if share is None
            else f"{share:.1%} of {counters['samples']:,} samples of the main thread",
        ),
        (
            "compiled",
            f"{counters['functions_compiled']:,} functions, {counters['loops_compiled']:,} loops, "
            f"{counters['resumes_compiled']:,} places where generators go on, "
            f"{counters['handlers_compiled']:,} exception handlers; "
            f"{counters['recompilations']:,} of them anew; {counters['calls_inlined']:,} calls inlined",
        ),
        ("functions seen", f"{counters['functions_seen']:,}, compiled after {counters['threshold']} calls"),
        ("not compiled", f"{sum(not_compiled.values()):,}" + (f": {counted(not_compiled)}" if not_compiled else "")),
        ("exits by guard", counted(exits) or "none"),
        ("exceptions raised by", counted(raised) or "none"),
        ("compile time", f"{compiling * 1000:.1f} ms, {compiling / max(seconds, 1e-9):.1%} of {seconds:.2f} s"),
        (
            "memory",
            f"{size(counters['code_bytes'])} of code, {size(counters['metadata_bytes'])} of tables; "
            f"at most {size(counters['code_limit'])} (PYSTON_CODE_LIMIT)",
        ),
    ]
    if not counters["enabled"]:
        rows.insert(0, ("engine", "off at the end"))
    return "pyston:\n" + "\n".join(f"  {name:22} {value}" for name, value in rows)
