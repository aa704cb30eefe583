// A module in C: a type with a method and a callback into Python.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *fold(PyObject *module, PyObject *args)
{
    PyObject *function, *total, *items;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOO!", &function, &total, &PyList_Type, &items)) {
        return NULL;
    }
    Py_INCREF(total);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++) {
        PyObject *next =
            PyObject_CallFunctionObjArgs(function, total, PyList_GET_ITEM(items, i), NULL);
        Py_DECREF(total);
        if (!next) {
            return NULL;
        }
        total = next;
    }
    return total;
}

typedef struct {
    PyObject_HEAD long long count;
} Counter;

static PyObject *counter_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    (void)args, (void)kwargs;
    return PyLong_FromLongLong(++((Counter *)self)->count);
}

static PyTypeObject counter_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "built.Counter",
    .tp_basicsize = sizeof(Counter),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_call = counter_call,
    .tp_new = PyType_GenericNew,
};

static PyMethodDef methods[] = {{"fold", fold, METH_VARARGS, "Fold a list by a function."},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "built", .m_size = -1,
                                        .m_methods = methods};

PyMODINIT_FUNC PyInit_built(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (!module || PyModule_AddType(module, &counter_type)) {
        return NULL;
    }
    return module;
}
