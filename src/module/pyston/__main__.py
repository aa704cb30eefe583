"""`python3 -m pyston COMMAND`: the commands around the engine. One module (`cmd_*.py`) has one of them."""

import sys

# Names only: a command's module is imported when it is wanted.
COMMANDS = {
    "doctor": "say what is wrong with this environment and how to mend it",
    "run": "run one program with the engine on",
    "bench": "time a program with and without the engine, in turns",
    "stats": "run a program and report what the engine did",
}


def main():
    import argparse

    import pyston
    from pyston import cmd_common

    parser = argparse.ArgumentParser(
        prog=cmd_common.program_name(),
        description="An optimising JIT inside CPython 3.11.",
        epilog="`COMMAND --help` says more about one of them.",
        allow_abbrev=False,
    )
    version = getattr(pyston, "__version__", "that could not be loaded (see the command doctor)")
    parser.add_argument("-V", "--version", action="version", version=f"Pyston {version}")
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    for name, text in COMMANDS.items():
        # Only for the list: each command reads its own arguments, its program's among them.
        commands.add_parser(name, help=text, add_help=False)

    arguments = sys.argv[1:]
    if arguments and arguments[0] in COMMANDS:
        sys.exit(cmd_common.run_command(arguments[0], arguments[1:]))
    if not arguments:
        parser.print_usage(sys.stderr)
        cmd_common.refuse(f"give a command: {', '.join(COMMANDS)}")
    if not arguments[0].startswith("-") or arguments[0] in ("-m", "-c"):
        text = " ".join(arguments)
        cmd_common.refuse(
            f"there is no command {arguments[0]!r}; to run a program: {cmd_common.program_name()} run {text}"
            if arguments[0] in ("-m", "-c") or arguments[0].endswith(".py")
            else f"there is no command {arguments[0]!r}; there are {', '.join(COMMANDS)}"
        )
    parser.parse_args(arguments)


if __name__ == "__main__":
    main()
