"""`python3 -m pyston PROGRAM.py [ARGS]`: run a program with the engine on.

`python3 -m pyston -m MODULE [ARGS]` runs a module, and `-c CODE [ARGS]` a piece of code.
"""

import sys

import pyston

USAGE = """\
usage: python3 -m pyston PROGRAM.py [ARGS]
       python3 -m pyston -m MODULE [ARGS]
       python3 -m pyston -c CODE [ARGS]
       python3 -m pyston --version
"""


def main():
    args = sys.argv[1:]
    if args in (["-V"], ["--version"]):
        print(f"Pyston {pyston.__version__}")
        return
    if args in (["-h"], ["--help"]):
        print(USAGE, end="")
        return
    if not args or (args[0] in ("-m", "-c") and len(args) == 1):
        print(USAGE, end="", file=sys.stderr)
        sys.exit(2)
    if args[0].startswith("-") and args[0] not in ("-m", "-c"):
        print(f"unknown option: {args[0]}\n{USAGE}", end="", file=sys.stderr)
        sys.exit(2)

    # The program finds sys.argv, sys.path[0] and __main__ as if Python had started it.
    import runpy

    pyston.enable()
    # Under -m, sys.path[0] is the current folder; -P and -I leave it out.
    has_path0 = not sys.flags.safe_path
    if args[0] == "-m":
        del sys.argv[:2]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    elif args[0] == "-c":
        del sys.argv[1]
        code = compile(sys.argv.pop(1), "<string>", "exec")
        sys.argv[0] = "-c"
        if has_path0:
            sys.path[0] = ""
        module = type(sys)("__main__")
        sys.modules["__main__"] = module
        exec(code, vars(module))
    else:
        import os

        del sys.argv[0]
        if has_path0 and not os.path.isdir(args[0]):
            sys.path[0] = os.path.dirname(os.path.realpath(args[0]))
        runpy.run_path(args[0], run_name="__main__")


if __name__ == "__main__":
    main()
