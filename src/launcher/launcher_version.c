/* What pyston3 says of its version. The linker turns every call of Py_GetVersion() inside libpython
 * (sys.version, -VV, the REPL's banner) into a call of __wrap_Py_GetVersion(), see meson.build.
 *
 * The text keeps CPython's layout, "3.11.2 (branch, date, time) [compiler]", because programs
 * take it apart (platform._sys_version, packaging tools): only the name of the branch becomes
 * "Pyston 3.0.0". Everything else that names the implementation stays CPython's, as the ABI is. */
#include "launcher.h"

#include <stdio.h>
#include <string.h>

const char *__real_Py_GetVersion(void);
const char *__wrap_Py_GetVersion(void);

const char *__wrap_Py_GetVersion(void)
{
    static char text[250];
    if (text[0] != '\0') {
        return text;
    }
    const char *stock = __real_Py_GetVersion();
    const char *open = strchr(stock, '(');
    const char *comma = open == NULL ? NULL : strchr(open, ',');
    if (comma == NULL) {
        return stock;
    }
    snprintf(text, sizeof text, "%.*s(Pyston " PYSTON_VERSION "%s", (int)(open - stock), stock,
             comma);
    return text;
}
