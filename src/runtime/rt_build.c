/* Building strings and containers: FORMAT_VALUE, the BUILD_* family, LIST_EXTEND, SET_UPDATE,
 * DICT_UPDATE and DICT_MERGE with ceval.c's error messages. */
#include "py311_gc.h"
#include "rt_internal.h"

/* FORMAT_VALUE's oparg (ceval.h's FVC_ and FVS_ constants, which are internal there). */
enum { CONV_NONE = 0, CONV_STR = 1, CONV_REPR = 2, CONV_ASCII = 3, CONV_MASK = 3 };

PyObject *rt_format_value(PyObject *v, PyObject *spec, int oparg)
{
    static PyObject *(*const conversions[])(PyObject *) = {
        [CONV_NONE] = NULL,
        [CONV_STR] = PyObject_Str,
        [CONV_REPR] = PyObject_Repr,
        [CONV_ASCII] = PyObject_ASCII,
    };
    PyObject *(*conv)(PyObject *) = conversions[oparg & CONV_MASK];
    if (spec == NULL && PyLong_CheckExact(v))
        return rt_int_text(v); /* whatever the conversion */
    PyObject *value = conv != NULL ? conv(v) : Py_NewRef(v);
    if (value == NULL)
        return NULL;
    if (spec == NULL && PyUnicode_CheckExact(value))
        return value;
    PyObject *res = PyObject_Format(value, spec);
    Py_DECREF(value);
    return res;
}

PyObject *rt_build_tuple(PyObject **argv, Py_ssize_t n)
{
    PyObject *tup = PyTuple_New(n);
    if (tup == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < n; i++)
        PyTuple_SET_ITEM(tup, i, argv[i]);
    return tup;
}

PyObject *rt_build_list(PyObject **argv, Py_ssize_t n)
{
    PyObject *list = PyList_New(n);
    if (list == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < n; i++)
        PyList_SET_ITEM(list, i, argv[i]);
    return list;
}

PyObject *rt_build_set(PyObject **argv, Py_ssize_t n)
{
    PyObject *set = PySet_New(NULL);
    if (set == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (PySet_Add(set, argv[i]) != 0) {
            Py_DECREF(set);
            return NULL;
        }
    }
    return set;
}

/* _PyDict_FromItems: keys[i * kstep], values[i * vstep]. */
static PyObject *dict_from_items(PyObject *const *keys, Py_ssize_t kstep, PyObject *const *values,
                                 Py_ssize_t vstep, Py_ssize_t n)
{
    /* A presized dict gets the general table kind; with str keys only, CPython makes the compact
     * kind, which PyDict_New starts with and keeps while it grows. */
    bool unicode = true;
    for (Py_ssize_t i = 0; i < n && unicode; i++)
        unicode = PyUnicode_CheckExact(keys[i * kstep]);
    PyObject *dict = unicode ? PyDict_New() : _PyDict_NewPresized(n);
    if (dict == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (PyDict_SetItem(dict, keys[i * kstep], values[i * vstep]) < 0) {
            Py_DECREF(dict);
            return NULL;
        }
    }
    return dict;
}

PyObject *rt_build_map(PyObject **argv, Py_ssize_t n)
{
    return dict_from_items(argv, 2, argv + 1, 2, n / 2);
}

PyObject *rt_build_const_key_map(PyObject **argv, Py_ssize_t n)
{
    PyObject *keys = argv[n - 1];
    if (!PyTuple_CheckExact(keys) || PyTuple_GET_SIZE(keys) != n - 1) {
        PyErr_SetString(PyExc_SystemError, "bad BUILD_CONST_KEY_MAP keys argument");
        return NULL;
    }
    return dict_from_items(((PyTupleObject *)keys)->ob_item, 1, argv, 1, n - 1);
}

PyObject *rt_build_slice(PyObject *start, PyObject *stop, PyObject *step)
{
    return PySlice_New(start, stop, step);
}

int rt_list_append(PyObject *list, PyObject *v)
{
    /* _PyList_AppendTakeRef. */
    PyListObject *self = (PyListObject *)list;
    Py_ssize_t n = PyList_GET_SIZE(list);
    if (BASE_LIKELY(n < self->allocated)) {
        PyList_SET_ITEM(list, n, v);
        Py_SET_SIZE(list, n + 1);
        return 0;
    }
    if (PyList_Append(list, v) < 0)
        return -1;
    Py_DECREF(v); /* the list holds its own */
    return 0;
}

int rt_list_extend(PyThreadState *ts, PyObject *list, PyObject *iterable)
{
    (void)ts;
    PyObject *none = _PyList_Extend((PyListObject *)list, iterable);
    if (BASE_LIKELY(none != NULL)) {
        Py_DECREF(none);
        return 0;
    }
    if (PyErr_ExceptionMatches(PyExc_TypeError) && Py_TYPE(iterable)->tp_iter == NULL &&
        !PySequence_Check(iterable)) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "Value after * must be an iterable, not %.200s",
                     Py_TYPE(iterable)->tp_name);
    }
    return -1;
}

int rt_set_update(PyObject *set, PyObject *iterable)
{
    return _PySet_Update(set, iterable) < 0 ? -1 : 0;
}

int rt_dict_update(PyThreadState *ts, PyObject *dict, PyObject *mapping)
{
    (void)ts;
    if (PyDict_Update(dict, mapping) >= 0)
        return 0;
    if (PyErr_ExceptionMatches(PyExc_AttributeError))
        PyErr_Format(PyExc_TypeError, "'%.200s' object is not a mapping",
                     Py_TYPE(mapping)->tp_name);
    return -1;
}

int rt_dict_merge(PyThreadState *ts, PyObject *dict, PyObject *mapping, PyObject *callable)
{
    (void)ts;
    if (_PyDict_MergeEx(dict, mapping, 2) >= 0)
        return 0;
    rt_format_kwargs_error(callable, mapping);
    return -1;
}

/* --- with the collector held off ------------------------------------------------------------ */

PyObject *rt_build_tuple_held(PyObject **argv, Py_ssize_t n)
{
    RtHeld held = rt_hold_collector(rt_ts());
    PyObject *tuple = rt_build_tuple(argv, n);
    rt_let_collect(held);
    return tuple;
}

PyObject *rt_build_list_held(PyObject **argv, Py_ssize_t n)
{
    RtHeld held = rt_hold_collector(rt_ts());
    PyObject *list = rt_build_list(argv, n);
    rt_let_collect(held);
    return list;
}

PyObject *rt_new_dict_held(void)
{
    RtHeld held = rt_hold_collector(rt_ts());
    PyObject *dict = PyDict_New();
    rt_let_collect(held);
    return dict;
}

/* Whatever is allocated makes the collector look; without memory it does not matter. */
void rt_gc_poll(void)
{
    enum { NO_FREE_LIST = 64 };
    PyInterpreterState *interp = rt_ts()->interp;
    if (!*py311_gc_enabled(interp) || py311_gc_generations(interp)[0].threshold == 0)
        return;
    PyObject *tuple = PyTuple_New(NO_FREE_LIST);
    if (tuple == NULL)
        PyErr_Clear();
    Py_XDECREF(tuple);
}
