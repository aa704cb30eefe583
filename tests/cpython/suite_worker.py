"""Runs one module of CPython's own test suite and records every test case as it ends.

Started by run_suite.py in the interpreter under test:

    python suite_worker.py RESULTS.jsonl [regrtest options] test_name

The outcome of each case is appended to RESULTS.jsonl at once (opened and closed for every record, because
tests count open descriptors), so that a crash or a timeout loses only the case it happened in. Everything
else is left to `python -m test`, whose exit status is this program's.
"""

import os
import runpy
import sys
import types


def install_recorder(path):
    """Makes regrtest's result class append [event, test id, detail] records to `path`."""
    import json

    from test.support import testresult
    from test.support.testresult import RegressionTestResult

    # Bound now: tests replace functions of os and json.
    owner, getpid, os_open, os_write, os_close = os.getpid(), os.getpid, os.open, os.write, os.close
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    encode = json.JSONEncoder().encode

    def record(event, test, detail=None):
        if getpid() != owner:  # a forked child of a test that reports through the inherited result
            return
        try:
            name = type(test).id(test)  # some tests keep something else in their attribute `id`
        except Exception:
            name = str(test)
        try:
            fd = os_open(path, flags, 0o644)
        except OSError:  # a test that exhausts descriptors
            return
        try:
            os_write(fd, encode([event, name, detail]).encode() + b"\n")
        finally:
            os_close(fd)

    def disguise(function):
        """The function as if it came from the suite's own file: test_trace lists what it saw of other files."""
        code = function.__code__.replace(co_filename=testresult.__file__)
        return types.FunctionType(code, vars(testresult), function.__name__, None, function.__closure__)

    def wrap(method, event, detail):
        original = getattr(RegressionTestResult, method)

        def recorder(self, test, *args):
            original(self, test, *args)
            record(event, test, detail(self, args) if detail else None)

        setattr(RegressionTestResult, method, disguise(recorder))

    record = disguise(record)

    def last(attribute):
        return disguise(lambda self, args: getattr(self, attribute)[-1][1])

    wrap("startTest", "start", None)
    wrap("stopTest", "stop", None)
    wrap("addSuccess", "pass", None)
    wrap("addError", "error", last("errors"))
    wrap("addFailure", "fail", last("failures"))
    wrap("addSkip", "skip", disguise(lambda self, args: str(args[0])))
    wrap("addExpectedFailure", "xfail", None)
    wrap("addUnexpectedSuccess", "xpass", None)

    original_sub = RegressionTestResult.addSubTest

    def add_sub_test(self, test, subtest, err):
        original_sub(self, test, subtest, err)
        if err is not None:
            failed = self.failures if issubclass(err[0], test.failureException) else self.errors
            record("fail", test, f"{subtest}\n{failed[-1][1]}")

    RegressionTestResult.addSubTest = disguise(add_sub_test)


def main():
    results = sys.argv[1]
    del sys.path[0]  # this folder; with -P or -I there is none, and neither is used here
    sys.path.insert(0, os.getcwd())  # what `python -m` puts there
    install_recorder(results)
    sys.argv[1:2] = []
    runpy.run_module("test", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
