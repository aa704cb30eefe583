/* Pattern matching (PEP 634): MATCH_MAPPING, MATCH_SEQUENCE, MATCH_KEYS, MATCH_CLASS. */
#include "rt_internal.h"

int rt_match_mapping(PyObject *v)
{
    return (Py_TYPE(v)->tp_flags & Py_TPFLAGS_MAPPING) != 0;
}

int rt_match_sequence(PyObject *v)
{
    return (Py_TYPE(v)->tp_flags & Py_TPFLAGS_SEQUENCE) != 0;
}

/* Adds to `seen`: 1 when it was new, 0 when it was there already, -1 on error. */
static int add_unseen(PyObject *seen, PyObject *item)
{
    int there = PySet_Contains(seen, item);
    if (there != 0)
        return there < 0 ? -1 : 0;
    return PySet_Add(seen, item) < 0 ? -1 : 1;
}

PyObject *rt_match_keys(PyThreadState *ts, PyObject *subject, PyObject *keys)
{
    Py_ssize_t nkeys = PyTuple_GET_SIZE(keys);
    if (nkeys == 0)
        return PyTuple_New(0);
    /* subject.get(key, dummy): no exception for a missing key, and no __missing__. */
    PyObject *get = NULL, *seen = NULL, *dummy = NULL, *values = NULL;
    int unbound = _PyObject_GetMethod(subject, RT_NAME(get), &get);
    if (get == NULL)
        return NULL;
    if ((seen = PySet_New(NULL)) == NULL ||
        (dummy = PyObject_CallNoArgs((PyObject *)&PyBaseObject_Type)) == NULL ||
        (values = PyTuple_New(nkeys)) == NULL)
        goto fail;
    for (Py_ssize_t i = 0; i < nkeys; i++) {
        PyObject *key = PyTuple_GET_ITEM(keys, i);
        int fresh = add_unseen(seen, key);
        if (fresh <= 0) {
            if (fresh == 0)
                PyErr_Format(PyExc_ValueError, "mapping pattern checks duplicate key (%R)", key);
            goto fail;
        }
        PyObject *args[] = {subject, key, dummy};
        PyObject *value = unbound ? rt_vectorcall(ts, get, args, 3, NULL)
                                  : rt_vectorcall(ts, get, args + 1, 2, NULL);
        if (value == NULL)
            goto fail;
        if (value == dummy) { /* no such key: no match */
            Py_DECREF(value);
            Py_SETREF(values, Py_NewRef(Py_None));
            break;
        }
        PyTuple_SET_ITEM(values, i, value);
    }
    Py_DECREF(get);
    Py_DECREF(seen);
    Py_DECREF(dummy);
    return values;
fail:
    Py_DECREF(get);
    Py_XDECREF(seen);
    Py_XDECREF(dummy);
    Py_XDECREF(values);
    return NULL;
}

/* Attribute for a class pattern. NULL without an exception when the subject has none. */
static PyObject *class_attr(PyObject *subject, PyObject *type, PyObject *name, PyObject *seen)
{
    int fresh = add_unseen(seen, name);
    if (fresh <= 0) {
        if (fresh == 0)
            PyErr_Format(PyExc_TypeError, "%s() got multiple sub-patterns for attribute %R",
                         ((PyTypeObject *)type)->tp_name, name);
        return NULL;
    }
    PyObject *attr = PyObject_GetAttr(subject, name);
    if (attr == NULL && PyErr_ExceptionMatches(PyExc_AttributeError))
        PyErr_Clear();
    return attr;
}

/* Appends the attribute; false on error or when it is missing. */
static bool append_attr(PyObject *attrs, PyObject *subject, PyObject *type, PyObject *name,
                        PyObject *seen)
{
    PyObject *attr = class_attr(subject, type, name, seen);
    if (attr == NULL)
        return false;
    int err = PyList_Append(attrs, attr);
    Py_DECREF(attr);
    return err == 0;
}

/* The positional sub-patterns; false on error or when there is no match. */
static bool match_positional(PyObject *subject, PyObject *type, Py_ssize_t npos, PyObject *attrs,
                             PyObject *seen)
{
    PyTypeObject *tp = (PyTypeObject *)type;
    bool match_self = false, ok = false;
    PyObject *match_args = PyObject_GetAttrString(type, "__match_args__");
    if (match_args == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError))
            return false;
        PyErr_Clear();
        match_self = PyType_HasFeature(tp, _Py_TPFLAGS_MATCH_SELF);
        if ((match_args = PyTuple_New(0)) == NULL)
            return false;
    } else if (!PyTuple_CheckExact(match_args)) {
        PyErr_Format(PyExc_TypeError, "%s.__match_args__ must be a tuple (got %s)", tp->tp_name,
                     Py_TYPE(match_args)->tp_name);
        goto done;
    }
    Py_ssize_t allowed = match_self ? 1 : PyTuple_GET_SIZE(match_args);
    if (allowed < npos) {
        PyErr_Format(PyExc_TypeError, "%s() accepts %d positional sub-pattern%s (%d given)",
                     tp->tp_name, (int)allowed, allowed == 1 ? "" : "s", (int)npos);
        goto done;
    }
    if (match_self) {
        ok = PyList_Append(attrs, subject) == 0;
        goto done;
    }
    for (Py_ssize_t i = 0; i < npos; i++) {
        PyObject *name = PyTuple_GET_ITEM(match_args, i);
        if (!PyUnicode_CheckExact(name)) {
            PyErr_Format(PyExc_TypeError, "__match_args__ elements must be strings (got %s)",
                         Py_TYPE(name)->tp_name);
            goto done;
        }
        if (!append_attr(attrs, subject, type, name, seen))
            goto done;
    }
    ok = true;
done:
    Py_DECREF(match_args);
    return ok;
}

PyObject *rt_match_class(PyThreadState *ts, PyObject *subject, PyObject *type, PyObject *kwnames,
                         int npos)
{
    if (!PyType_Check(type)) {
        PyErr_SetString(PyExc_TypeError, "called match pattern must be a type");
        return NULL;
    }
    PyObject *res = NULL, *seen = NULL, *attrs = NULL;
    int isinst = PyObject_IsInstance(subject, type);
    if (isinst <= 0)
        goto done;
    if ((seen = PySet_New(NULL)) == NULL || (attrs = PyList_New(0)) == NULL)
        goto done;
    if (npos != 0 && !match_positional(subject, type, npos, attrs, seen))
        goto done;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); i++) {
        if (!append_attr(attrs, subject, type, PyTuple_GET_ITEM(kwnames, i), seen))
            goto done;
    }
    res = PyList_AsTuple(attrs);
done:
    Py_XDECREF(seen);
    Py_XDECREF(attrs);
    if (res == NULL && !rt_err(ts))
        return Py_NewRef(Py_None); /* no match */
    return res;
}
