/* Switching the engine on from the environment or from Python, and saying why not.
 *
 * The program always runs: where only the engine is at fault, one line goes to stderr. */
#include "eng_internal.h"

#include "eng_arenas.h"
#include "eng_gc.h"
#include "py311_check.h"

/* One line on stderr, as a warning would look but without the warnings machinery: this may run
 * before it exists, and no filter should turn it into an exception. */
static void say_off(const char *why)
{
    PySys_FormatStderr("pyston: the engine stays off: %s\n", why);
}

/* The self-check of this process, run once. */
static const char *self_check(void)
{
    static bool done;
    static const char *error;
    if (!done) {
        done = true;
        error = eng_settings.selftest_fail ? "PYSTON_SELFTEST_FAIL is set" : py311_check();
    }
    return error;
}

/* Lives in the interpreter's dict, so that the ticker stops before the interpreter is freed. */
static void interpreter_gone(PyObject *Py_UNUSED(capsule))
{
    eng_disable();
    eng_extra_index = -1;
    eng_states_uncache();
}

static int watch_interpreter(PyInterpreterState *interp)
{
    static const char key[] = "pyston.engine";
    PyObject *dict = PyInterpreterState_GetDict(interp);
    if (dict == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the interpreter has no dict");
        return -1;
    }
    if (PyDict_GetItemString(dict, key) != NULL) {
        return 0;
    }
    PyObject *capsule = PyCapsule_New((void *)key, key, interpreter_gone);
    if (capsule == NULL) {
        return -1;
    }
    int err = PyDict_SetItemString(dict, key, capsule);
    Py_DECREF(capsule);
    return err;
}

/* Is this before the program? In the launcher no frame runs yet; the extension is loaded by
 * `sitecustomize`, while `site` is imported. */
static bool at_startup(void)
{
    if (PyThread_get_thread_ident() != py311_main_thread_id()) {
        return false;
    }
    if (PyThreadState_Get()->cframe->current_frame == NULL) {
        return true;
    }
    PyObject *modules = PyImport_GetModuleDict();
    PyObject *site = PyDict_GetItemString(modules, "site"), *spec = NULL, *busy = NULL;
    if (site != NULL && (spec = PyObject_GetAttrString(site, "__spec__")) != NULL) {
        busy = PyObject_GetAttrString(spec, "_initializing");
    }
    bool result = busy == Py_True;
    PyErr_Clear();
    Py_XDECREF(spec);
    Py_XDECREF(busy);
    return result;
}

int eng_enable(void)
{
    if (eng_is_enabled()) {
        return 0;
    }
    const char *why = self_check();
    if (why != NULL) {
        static bool said;
        if (!said) { /* one warning a process */
            said = true;
            char text[200];
            PyOS_snprintf(text, sizeof text, "this Python differs from the 3.11 it knows (%s)",
                          why);
            say_off(eng_settings.selftest_fail ? why : text);
        }
        return 0;
    }
    PyInterpreterState *interp = PyInterpreterState_Get();
    if (watch_interpreter(interp) < 0) {
        return -1;
    }
    why = eng_switch_on(interp);
    if (why != NULL) {
        say_off(why);
        return 0;
    }
    if (eng_ticker_init() < 0) {
        eng_disable();
        return -1;
    }
    eng_osr_start();
    eng_gc_start(interp);
    eng_arenas_start();
    if (at_startup()) {
        eng_ticker_start_later();
    } else {
        eng_ticker_start();
    }
    return 0;
}

int eng_startup_from_env(void)
{
    if (eng_settings_read() < 0) {
        return -1;
    }
    return eng_settings.on != 0 ? eng_enable() : 0;
}

int eng_startup_extension(void)
{
    if (eng_settings_read() < 0) {
        return -1;
    }
    return eng_settings.on == 1 ? eng_enable() : 0;
}
