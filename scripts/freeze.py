"""Write the pure-Python package `pyston` as a C table of frozen modules.

usage: freeze.py PACKAGE_FOLDER OUTPUT.c [MODULE.py...]

Single modules go in as well: one with the name of a module of the standard library takes its place, for libpython
has some of those frozen (site), where the file in the library is never read.
The table is what PyImport_FrozenModules of the pyston3 executable points to, so `import pyston`
works there under -I, -S and -E too. It must run under the very Python whose library is linked in:
marshalled code is good for one bytecode version only.
"""

import marshal
import pathlib
import sys

HEADER = """\
/* Made by scripts/freeze.py; the Python package `pyston` as frozen modules. */
#include "launcher.h"

"""


def module_name(package, path):
    """The dotted name of the module in `path`: the package itself for its __init__.py."""
    return package if path.stem == "__init__" else f"{package}.{path.stem}"


def main():
    folder, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    text, rows = [HEADER], []
    modules = [(module_name(folder.name, path), path) for path in sorted(folder.glob("*.py"))]
    modules += [(path.stem, path) for path in map(pathlib.Path, sys.argv[3:])]
    for index, (name, path) in enumerate(modules):
        # The file name shows up in tracebacks, so no path of the building machine may be in it.
        code = compile(path.read_bytes(), f"<frozen {name}>", "exec", dont_inherit=True)
        data = marshal.dumps(code)
        text.append(f"static const unsigned char code_{index}[] = {{\n")
        for start in range(0, len(data), 16):
            row = ", ".join(f"0x{byte:02x}" for byte in data[start : start + 16])
            text.append(f"    {row},\n")
        text.append("};\n\n")
        is_package = int(path.stem == "__init__")
        rows.append(f'    {{"{name}", code_{index}, sizeof code_{index}, {is_package}, NULL}},\n')
    text += ["const struct _frozen launcher_frozen[] = {\n", *rows]
    text += ["    {NULL, NULL, 0, 0, NULL},\n};\n"]
    output.write_text("".join(text))


main()
