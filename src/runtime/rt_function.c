/* MAKE_FUNCTION, LOAD_BUILD_CLASS and the interactive prompt's PRINT_EXPR. */
#include "rt_internal.h"

PyObject *rt_make_function(RtFrame *frame, PyObject **argv, Py_ssize_t n, int oparg)
{
    PyFunctionObject *func =
        (PyFunctionObject *)PyFunction_New(argv[n - 1], py311_frame(frame)->f_globals);
    if (func == NULL)
        return NULL;
    Py_ssize_t i = n - 2;
    if (oparg & 0x08)
        func->func_closure = Py_NewRef(argv[i--]);
    if (oparg & 0x04)
        func->func_annotations = Py_NewRef(argv[i--]);
    if (oparg & 0x02)
        func->func_kwdefaults = Py_NewRef(argv[i--]);
    if (oparg & 0x01)
        func->func_defaults = Py_NewRef(argv[i--]);
    return (PyObject *)func;
}

PyObject *rt_load_build_class(RtFrame *frame)
{
    PyObject *builtins = py311_frame(frame)->f_builtins, *bc;
    if (PyDict_CheckExact(builtins)) {
        bc = Py_XNewRef(PyDict_GetItemWithError(builtins, RT_NAME(__build_class__)));
        if (bc == NULL && !PyErr_Occurred())
            PyErr_SetString(PyExc_NameError, "__build_class__ not found");
    } else {
        bc = PyObject_GetItem(builtins, RT_NAME(__build_class__));
        if (bc == NULL && PyErr_ExceptionMatches(PyExc_KeyError))
            PyErr_SetString(PyExc_NameError, "__build_class__ not found");
    }
    return bc;
}

int rt_print_expr(PyObject *v)
{
    PyObject *hook = PySys_GetObject("displayhook");
    if (hook == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "lost sys.displayhook");
        return -1;
    }
    PyObject *res = PyObject_CallOneArg(hook, v);
    if (res == NULL)
        return -1;
    Py_DECREF(res);
    return 0;
}
