# What follows is appended by Pyston's packaging/tarball.sh: the values of Debian's build above, as they are for a
# folder that may lie anywhere, with the compiler under the name that every system has it under.
def _adapt(values):
    import re
    import sys

    fixed = {"INSTALL", "INSTALL_DATA", "INSTALL_PROGRAM", "INSTALL_SCRIPT", "INSTALL_SHARED", "DTRACE", "TZPATH"}
    folder = re.compile(r"(?<![\w./])/usr(?=[/ ']|$)")
    compiler = re.compile(r"\bx86_64-linux-gnu-(?=g)")
    for key, value in values.items():
        if isinstance(value, str) and key not in fixed:
            value = folder.sub(lambda match: sys.base_prefix, value)
            values[key] = compiler.sub("", value).replace("/lib/x86_64-linux-gnu", "/lib")
    values["WHEEL_PKG_DIR"] = ""
    # Extension modules find the interpreter's symbols in the executable.
    values["Py_ENABLE_SHARED"] = 0


_adapt(build_time_vars)  # noqa: F821
del _adapt
