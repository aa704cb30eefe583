"""What the commands of `python3 -m pyston` share: the program that they are about, and how it is started.

A program is SCRIPT, `-m MODULE` or `-c CODE`, with its arguments. It runs in a fresh interpreter, started as this one
was (same executable, same options), so that it finds everything as under `python3`. Where the engine is an extension
module, the folder `startup` beside this file loads it there: PYTHONPATH leads to it, as it does in all processes that
the program starts in turn.

Bad input ends in refuse(): one sentence on stderr, exit status 2.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys

STARTUP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "startup") if "__file__" in globals() else None


def in_executable():
    """Whether this is pyston3, with the engine built in."""
    return "_pyston" in sys.builtin_module_names


def program_name():
    return f"{os.path.basename(sys.executable or 'python3')} -m pyston"


def refuse(sentence):
    """End with one sentence that says what to do, and exit status 2."""
    print(f"pyston: {sentence}", file=sys.stderr)
    sys.exit(2)


def run_command(name, arguments):
    """Call main(arguments) of a command's module; its exit status."""
    pyston = importlib.import_module("pyston")
    if pyston.load_error is not None and name != "doctor" and not {"-h", "--help"} & set(arguments):
        refuse(f"the engine cannot be loaded: {pyston.load_error} (`{program_name()} doctor` says more)")
    try:
        return importlib.import_module(f"pyston.cmd_{name}").main(arguments)
    except KeyboardInterrupt:
        return 130


# --- arguments


class Parser(argparse.ArgumentParser):
    """An argument parser for one command that refuses in one sentence, and can leave a program's arguments alone."""

    def __init__(self, command, description, usage, **options):
        super().__init__(
            prog=f"{program_name()} {command}",
            usage=f"%(prog)s {usage}",
            description=description,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **options,
        )
        self.actions = [action for action in self._actions if action.option_strings]

    def add_argument(self, *names, **options):
        action = super().add_argument(*names, **options)
        if hasattr(self, "actions"):
            self.actions.append(action)
        return action

    def add_threshold(
        self, text="calls before a function is compiled: a number from 1, or `never` (the setting PYSTON_THRESHOLD)"
    ):
        self.add_argument("--threshold", type=threshold, metavar="N", help=text)

    def error(self, message):
        refuse(f"{message} (`{self.prog} --help` lists the options)")

    def parse_program(self, arguments):
        """The options' namespace and the Program behind them."""
        with_value = {name for action in self.actions if action.nargs != 0 for name in action.option_strings}
        end = 0
        while end < len(arguments):
            text = arguments[end]
            if text in ("-", "--") or not text.startswith("-") or text[:2] in ("-m", "-c"):
                break
            end += 2 if text in with_value else 1
        options = self.parse_args(arguments[:end])
        rest = arguments[end:]
        if rest[:1] == ["--"]:
            del rest[0]
        return options, Program(rest, self)


def threshold(text):
    """The values of PYSTON_THRESHOLD, as an argparse type."""
    if text == "never" or (text.isascii() and text.isdigit() and 1 <= int(text) < 2**32 - 1):
        return text
    raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 4294967294 or never, not {text!r}")


class Program:
    """SCRIPT, `-m MODULE` or `-c CODE`, and arguments. Refuses what cannot be started."""

    def __init__(self, arguments, parser):
        if not arguments:
            parser.error("give a program: SCRIPT, -m MODULE or -c CODE")
        first = arguments[0]
        self.kind = {"-m": "module", "-c": "code"}.get(first[:2], "script")
        if self.kind == "script":
            self.what, self.arguments = first, arguments[1:]
            self._check_script()
            return
        if len(first) > 2:
            self.what, self.arguments = first[2:], arguments[1:]
        elif len(arguments) > 1:
            self.what, self.arguments = arguments[1], arguments[2:]
        else:
            parser.error("give a module after -m" if self.kind == "module" else "give code after -c")
        if self.kind == "module":
            self._check_module()

    def _check_script(self):
        path = self.what
        if path == "-":
            refuse("a program on standard input is not supported: write it to a file")
        if not os.path.exists(path):
            refuse(f"there is no file {path!r} in {os.getcwd()}: check the name, or give a module with -m")
        if os.path.isdir(path) and not os.path.exists(os.path.join(path, "__main__.py")):
            refuse(f"{path!r} is a folder without a __main__.py: name the file in it that is to run")
        if not os.access(path, os.R_OK):
            refuse(f"{path!r} may not be read by this user: change its permissions (chmod +r)")

    def _check_module(self):
        try:
            found = importlib.util.find_spec(self.what.partition(".")[0]) is not None
        except (ImportError, ValueError):
            found = False
        if not found:
            refuse(f"there is no module {self.what!r} on this Python's path: install it, or check the name")

    def command(self):
        """The program as arguments of the interpreter."""
        head = {"script": [], "module": ["-m"], "code": ["-c"]}[self.kind]
        # A script whose name looks like an option.
        what = f"./{self.what}" if self.kind == "script" and self.what.startswith("-") else self.what
        return [*head, what, *self.arguments]

    def __str__(self):
        return " ".join(self.command())


# --- starting a program


def interpreter_options():
    """The options that this interpreter was started with, before `-m pyston`."""
    options = []
    arguments = iter(sys.orig_argv[1:])
    for text in arguments:
        options.append(text)
        if text == "--check-hash-based-pycs":
            options.append(next(arguments, ""))
        if text.startswith("--"):
            continue
        for at, letter in enumerate(text[1:], 1):
            if letter == "m":
                options[-1:] = [text[:at]] if at > 1 else []
                return options
            if letter in "WX":
                if at == len(text) - 1:
                    options.append(next(arguments, ""))
                break
    return options


def environment(on, threshold=None):
    """The environment of a program with the engine on or off."""
    result = dict(os.environ, PYSTON="1" if on else "0")
    if threshold is not None:
        result["PYSTON_THRESHOLD"] = threshold
    if on and not in_executable():
        reason = None
        if sys.flags.ignore_environment or sys.flags.no_site:
            reason = "leave out -I, -E and -S: they keep the extension from being loaded at the program's start"
        elif not os.path.exists(os.path.join(STARTUP, "sitecustomize.py")):
            reason = f"{STARTUP} is missing: install pyston again"
        if reason:
            refuse(reason)
        path = os.environ.get("PYTHONPATH")
        result["PYTHONPATH"] = os.pathsep.join([STARTUP] + ([path] if path else []))
    return result


def command_line(arguments):
    """This interpreter with its options and `arguments`."""
    return [sys.executable, *interpreter_options(), *arguments]


def start(arguments, env):
    """Become the interpreter that runs `arguments`. Does not return."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(sys.executable, command_line(arguments), env)
    except OSError as error:
        refuse(f"{sys.executable} cannot be started: {error.strerror}")


def open_json(path):
    """The file for --json, opened before anything takes long."""
    if path is None:
        return None
    if path == "-":
        return sys.stdout
    try:
        return open(path, "w")
    except OSError as error:
        refuse(f"{path!r} cannot be written: {error.strerror}; name another file after --json")
