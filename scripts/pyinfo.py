"""Print what the build needs to know of the Python that runs this, one fact a line.

Read by the top meson.build; the order of the lines is the interface.
"""

import sysconfig

var = sysconfig.get_config_var

print(var("py_version"))
print(sysconfig.get_path("include"))
print(var("LIBPL"))
print(var("EXT_SUFFIX"))
print(var("prefix"))
print(var("exec_prefix"))
# The libraries that the interpreter's own builtin modules need (zlib, expat, libm), each once.
libs = f"{var('LIBS')} {var('MODLIBS')} {var('SYSLIBS')}".split()
print(" ".join(dict.fromkeys(lib for lib in libs if lib.startswith("-l"))))
