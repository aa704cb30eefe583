/* The pyston3 executable: python3.11 with the engine built in and switched on.
 *
 * It does what CPython's own main (Programs/python.c and pymain_init() in Modules/main.c) does, so
 * that every option and variable means the same, and adds four things: a larger stack, the builtin
 * module `_pyston`, the frozen package `pyston`, and the engine's start before the program's. */
#include "launcher.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

PyMODINIT_FUNC PyInit__pyston(void);

/* Read the engine's settings from the environment and switch it on unless PYSTON=0. Returns 0, or
 * -1 with an exception set when a setting has a wrong value. */
int eng_startup_from_env(void);

/* Tell the engine that the main thread's stack goes down to `low`, which the system does not know.
 * Weak: an engine that asks the system works as well, with less of the stack. */
void eng_stack_extended(void *low) __attribute__((weak));

static struct _inittab builtin_modules[] = {
    {"_pyston", PyInit__pyston},
    {NULL, NULL},
};

/* The prefix is set, not searched for: getpath.py would look for lib/python3.11 upwards from the
 * folder of the executable, and could meet another Python's library there (/usr/local) whose
 * extension modules do not fit the libpython inside. PYTHONHOME still has the last word, and
 * pyvenv.cfg is read as ever. */
static PyStatus set_prefix(PyConfig *config)
{
    const char *prefix = LAUNCHER_PREFIX;
    const char *exec_prefix = LAUNCHER_EXEC_PREFIX;
#ifdef LAUNCHER_RELOCATABLE
    /* The folder above that of the executable, wherever that lies and through whatever links it was
     * called. A copy of the executable in an environment (venv --copies) has no library beside it: its
     * pyvenv.cfg says where to look. */
    static char own[PATH_MAX + sizeof "/lib/python3.11/os.py"];
    ssize_t length = readlink("/proc/self/exe", own, PATH_MAX);
    own[length > 0 ? length : 0] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(own, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
    }
    size_t end = strlen(own);
    strcpy(own + end, "/lib/python3.11/os.py");
    int found = access(own, R_OK) == 0;
    own[end] = '\0';
    if (!found) {
        return PyStatus_Ok();
    }
    prefix = exec_prefix = own;
#endif
    PyStatus status = PyConfig_SetBytesString(config, &config->prefix, prefix);
    if (!PyStatus_Exception(status)) {
        status = PyConfig_SetBytesString(config, &config->exec_prefix, exec_prefix);
    }
    return status;
}

/* Initialise the interpreter from the command line. Returns what went wrong, which includes
 * options that only print and exit. */
static PyStatus initialize(int argc, char **argv)
{
    PyPreConfig preconfig;
    PyPreConfig_InitPythonConfig(&preconfig);
    PyStatus status = Py_PreInitializeFromBytesArgs(&preconfig, argc, argv);
    if (PyStatus_Exception(status)) {
        return status;
    }
    if (PyImport_ExtendInittab(builtin_modules) < 0) {
        return PyStatus_NoMemory();
    }
    PyImport_FrozenModules = launcher_frozen;

    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    status = PyConfig_SetBytesArgv(&config, argc, argv);
    if (!PyStatus_Exception(status)) {
        status = set_prefix(&config);
    }
    if (!PyStatus_Exception(status)) {
        status = Py_InitializeFromConfig(&config);
    }
    PyConfig_Clear(&config);
    return status;
}

/* Print the exception that is set, of the engine's start, as one line on stderr and return the exit
 * code: a wrong setting ends the program before it starts, as a wrong PYTHONHASHSEED does. */
static int report_failed_start(void)
{
    PyObject *type;
    PyObject *value;
    PyObject *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (value != NULL) {
        PySys_FormatStderr("pyston3: %S\n", value);
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    (void)Py_FinalizeEx();
    return 1;
}

int main(int argc, char **argv)
{
    void *stack_low = launcher_grow_stack();
    PyStatus status = initialize(argc, argv);
    if (PyStatus_Exception(status)) {
        Py_ExitStatusException(status);
    }
    if (stack_low != NULL && eng_stack_extended != NULL) {
        eng_stack_extended(stack_low);
    }
    launcher_add_site();
    if (eng_startup_from_env() < 0) {
        return report_failed_start();
    }
    return Py_RunMain();
}
