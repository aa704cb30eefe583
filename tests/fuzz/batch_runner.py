"""Runs several programs in one interpreter, each in a namespace of its own, with a marker line before each."""

import sys
import types


def main(paths):
    for path in paths:
        print(f"=== {path}", flush=True)
        name = "fuzzed"
        module = sys.modules[name] = types.ModuleType(name)
        with open(path) as file:
            source = file.read()
        try:
            # The prelude reads the module's own frames: the code's file is the program's.
            exec(compile(source, "program.py", "exec"), module.__dict__)
        except Exception as error:
            tb = error.__traceback__
            while tb.tb_next:
                tb = tb.tb_next
            print("uncaught", type(error).__name__, error, tb.tb_lineno)
        print("=== end", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
