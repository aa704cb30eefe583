/* The C half of the module `pyston`: a placeholder until the engine arrives. It keeps the switch
 * and answers an empty stats() so that both products build, load and can be tested. */
#include <Python.h>
#include <stdlib.h>
#include <string.h>

static int enabled;

/* Read PYSTON. Returns 0, or -1 with ValueError set when it is neither 0 nor 1. */
static int read_env(int *on)
{
    const char *text = getenv("PYSTON");
    if (text == NULL || *text == '\0') {
        return 0;
    }
    if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0) {
        PyErr_Format(PyExc_ValueError, "PYSTON must be 0 or 1, not '%s'", text);
        return -1;
    }
    *on = *text == '1';
    return 0;
}

static PyObject *enable(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    enabled = 1;
    Py_RETURN_NONE;
}

static PyObject *disable(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    enabled = 0;
    Py_RETURN_NONE;
}

static PyObject *is_enabled(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(enabled);
}

static PyObject *stats(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return PyDict_New();
}

static PyMethodDef methods[] = {
    {"enable", enable, METH_NOARGS, PyDoc_STR("Turn the engine on.")},
    {"disable", disable, METH_NOARGS, PyDoc_STR("Turn the engine off.")},
    {"is_enabled", is_enabled, METH_NOARGS, PyDoc_STR("Whether the engine is on.")},
    {"stats", stats, METH_NOARGS, PyDoc_STR("The engine's counters as a dict.")},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef def = {
    PyModuleDef_HEAD_INIT, .m_name = "_pyston", .m_size = -1, .m_methods = methods,
};

int eng_startup_from_env(void);

int eng_startup_from_env(void)
{
    enabled = 1;
    return read_env(&enabled);
}

PyMODINIT_FUNC PyInit__pyston(void)
{
    if (read_env(&enabled) < 0) {
        return NULL;
    }
    PyObject *module = PyModule_Create(&def);
    if (module != NULL && PyModule_AddStringConstant(module, "__version__", PYSTON_VERSION) < 0) {
        Py_CLEAR(module);
    }
    return module;
}
