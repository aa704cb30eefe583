"""`run`: one program with the engine on, and otherwise exactly as `python3` runs it.

This process becomes a fresh interpreter (exec), so sys.argv, sys.path, `__main__`, tracebacks, signals and the exit
status are Python's own doing. PYSTON=1 goes into its environment, and into that of the processes it starts.
"""

from pyston import cmd_common

DESCRIPTION = """\
Run a program with the engine on, in a fresh interpreter. Arguments, exit status and
everything else are as without it. Processes that the program starts with this Python
have the engine on as well."""


def main(arguments):
    parser = cmd_common.Parser(
        "run", DESCRIPTION, "[--threshold N] [--stats] SCRIPT [ARGS] | -m MODULE [ARGS] | -c CODE [ARGS]"
    )
    parser.add_threshold()
    parser.add_argument(
        "--stats", action="store_true", help="report on stderr what the engine did, as the command stats does"
    )
    options, program = parser.parse_program(arguments)
    env = cmd_common.environment(True, options.threshold)
    command = program.command()
    cmd_common.start(["-m", "pyston", "stats", *command] if options.stats else command, env)
