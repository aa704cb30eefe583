/* Methods of builtin types that take a tuple of arguments and parse it (METH_VARARGS), called with one argument: the
 * functions that they end in, without the tuple.
 *
 * What an argument of an unusual type means, and every error, is the method's own business. */
#include <string.h>

#include "rt_internal.h"

typedef PyObject *(*Method)(PyObject *self,
                            PyObject *arg); /* NULL without an exception: the method has to do it */

static PyObject *truth(Py_ssize_t v)
{
    return v < 0 ? NULL : Py_NewRef(v ? Py_True : Py_False);
}

/* str.startswith (direction -1) and str.endswith (1) of a str, or a tuple of strs. */
static PyObject *tail_matches(PyObject *self, PyObject *arg, int direction)
{
    if (PyUnicode_CheckExact(arg))
        return truth(PyUnicode_Tailmatch(self, arg, 0, PY_SSIZE_T_MAX, direction));
    if (!PyTuple_CheckExact(arg))
        return NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(arg); i++) {
        PyObject *s = PyTuple_GET_ITEM(arg, i);
        if (!PyUnicode_CheckExact(s))
            return NULL;
        Py_ssize_t found = PyUnicode_Tailmatch(self, s, 0, PY_SSIZE_T_MAX, direction);
        if (found != 0)
            return truth(found);
    }
    return Py_NewRef(Py_False);
}

static PyObject *str_startswith(PyObject *self, PyObject *arg)
{
    return tail_matches(self, arg, -1);
}

static PyObject *str_endswith(PyObject *self, PyObject *arg)
{
    return tail_matches(self, arg, 1);
}

static PyObject *place(PyObject *self, PyObject *arg, int direction)
{
    if (!PyUnicode_CheckExact(arg))
        return NULL;
    Py_ssize_t at = PyUnicode_Find(self, arg, 0, PY_SSIZE_T_MAX, direction);
    return at < -1 ? NULL : PyLong_FromSsize_t(at);
}

static PyObject *str_find(PyObject *self, PyObject *arg)
{
    return place(self, arg, 1);
}

static PyObject *str_rfind(PyObject *self, PyObject *arg)
{
    return place(self, arg, -1);
}

static PyObject *str_count(PyObject *self, PyObject *arg)
{
    if (!PyUnicode_CheckExact(arg))
        return NULL;
    Py_ssize_t n = PyUnicode_Count(self, arg, 0, PY_SSIZE_T_MAX);
    return n < 0 ? NULL : PyLong_FromSsize_t(n);
}

static PyObject *set_update(PyObject *self, PyObject *arg)
{
    return _PySet_Update(self, arg) < 0 ? NULL : Py_NewRef(Py_None);
}

static const struct {
    PyTypeObject *type;
    const char *name;
    Method call;
} methods[] = {
    [RT_METHOD_startswith] = {&PyUnicode_Type, "startswith", str_startswith},
    [RT_METHOD_endswith] = {&PyUnicode_Type, "endswith", str_endswith},
    [RT_METHOD_find] = {&PyUnicode_Type, "find", str_find},
    [RT_METHOD_rfind] = {&PyUnicode_Type, "rfind", str_rfind},
    [RT_METHOD_count] = {&PyUnicode_Type, "count", str_count},
    [RT_METHOD_update] = {&PySet_Type, "update", set_update},
};

RtMethod rt_method_of(PyObject *descr)
{
    if (!Py_IS_TYPE(descr, &PyMethodDescr_Type))
        return RT_METHOD_NONE;
    const PyMethodDescrObject *d = (const PyMethodDescrObject *)descr;
    for (unsigned i = 1; i < BASE_COUNT(methods); i++) {
        if (PyDescr_TYPE(d) == methods[i].type && d->d_method->ml_flags == METH_VARARGS &&
            strcmp(d->d_method->ml_name, methods[i].name) == 0)
            return (RtMethod)i;
    }
    return RT_METHOD_NONE;
}

PyObject *rt_call_method_o(PyThreadState *ts, PyObject *self, PyObject *arg, void *descr,
                           int method)
{
    /* method_vectorcall_VARARGS counts as a level of recursion. */
    if (rt_enter_recursive(ts, " while calling a Python object"))
        return NULL;
    PyObject *res = methods[method].call(self, arg);
    rt_leave_recursive(ts);
    if (BASE_LIKELY(res != NULL) || rt_err(ts))
        return res;
    PyObject *args[3] = {NULL, self, arg};
    return rt_vectorcall(ts, descr, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
}
