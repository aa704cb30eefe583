"""Write a piece of Python as marshalled code in a C array.

usage: marshalled.py SOURCE.py OUTPUT.h

The array is `NAME_code`, for SOURCE's name without its suffix. It is good for the bytecode of the Python
that runs this, which must be the one built against.
"""

import marshal
import pathlib
import sys


def main():
    source, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    # Nothing of the building machine may be in it.
    code = compile(source.read_bytes(), "<pyston>", "exec", dont_inherit=True)
    data = marshal.dumps(code)
    text = [f"/* Made by scripts/marshalled.py from {source.name}. */\n"]
    text.append(f"static const unsigned char {source.stem}_code[] = {{\n")
    for start in range(0, len(data), 16):
        row = ", ".join(f"0x{byte:02x}" for byte in data[start : start + 16])
        text.append(f"    {row},\n")
    text.append("};\n")
    output.write_text("".join(text))


if __name__ == "__main__":
    main()
