/* Slices without slice objects: container[start:stop], its assignment and deletion.
 *
 * What BUILD_SLICE and the subscript behind it do together.  Exact lists, tuples, strs and bytes with bounds that are
 * None or small ints are served by the functions that their subscripts end in; everything else, and every error, gets
 * the slice object it would have had. */
#include "rt_internal.h"

/* One bound, `none` for None; false: not None or a one-digit exact int. */
static inline bool bound(PyObject *v, Py_ssize_t none, Py_ssize_t *at)
{
    int64_t i = none;
    if (v != Py_None && (!PyLong_CheckExact(v) || !rt_long_small(v, &i)))
        return false;
    *at = (Py_ssize_t)i;
    return true;
}

/* As PySlice_AdjustIndices clamps for a step of 1. */
static inline Py_ssize_t clamped(Py_ssize_t i, Py_ssize_t size)
{
    return i < 0 ? BASE_MAX(i + size, 0) : BASE_MIN(i, size);
}

static inline bool bounds(PyObject *start, PyObject *stop, Py_ssize_t size, Py_ssize_t *from,
                          Py_ssize_t *to)
{
    if (!bound(start, 0, from) || !bound(stop, size, to))
        return false;
    *from = clamped(*from, size);
    *to = BASE_MAX(clamped(*to, size), *from);
    return true;
}

static PyObject *bytes_slice(PyObject *bytes, Py_ssize_t from, Py_ssize_t to)
{
    if (from == 0 && to == PyBytes_GET_SIZE(bytes))
        return Py_NewRef(bytes);
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(bytes) + from, to - from);
}

static PyObject *by_object(PyObject *container, PyObject *start, PyObject *stop, PyObject *step)
{
    PyObject *slice = PySlice_New(start, stop, step);
    if (slice == NULL)
        return NULL;
    PyObject *res = PyObject_GetItem(container, slice);
    Py_DECREF(slice);
    return res;
}

PyObject *rt_get_slice(PyObject *container, PyObject *start, PyObject *stop)
{
    PyTypeObject *tp = Py_TYPE(container);
    Py_ssize_t from, to;
    if (tp == &PyUnicode_Type && PyUnicode_IS_READY(container)) {
        if (bounds(start, stop, PyUnicode_GET_LENGTH(container), &from, &to))
            return PyUnicode_Substring(container, from, to);
    } else if (tp == &PyList_Type) {
        if (bounds(start, stop, PyList_GET_SIZE(container), &from, &to))
            return PyList_GetSlice(container, from, to);
    } else if (tp == &PyTuple_Type) {
        if (bounds(start, stop, PyTuple_GET_SIZE(container), &from, &to))
            return PyTuple_GetSlice(container, from, to);
    } else if (tp == &PyBytes_Type) {
        if (bounds(start, stop, PyBytes_GET_SIZE(container), &from, &to))
            return bytes_slice(container, from, to);
    }
    return by_object(container, start, stop, NULL);
}

PyObject *rt_get_steps(PyObject **argv, Py_ssize_t n)
{
    (void)n;
    PyObject *container = argv[0];
    bool list = PyList_CheckExact(container);
    Py_ssize_t from, to, step;
    if (!(list || PyTuple_CheckExact(container)) || !bound(argv[3], 1, &step) || step == 0 ||
        !bound(argv[1], step < 0 ? PY_SSIZE_T_MAX : 0, &from) ||
        !bound(argv[2], step < 0 ? PY_SSIZE_T_MIN : PY_SSIZE_T_MAX, &to) || step == 1)
        return by_object(container, argv[1], argv[2], argv[3]);
    Py_ssize_t count = PySlice_AdjustIndices(Py_SIZE(container), &from, &to, step);
    if (count <= 0)
        return list ? PyList_New(0) : PyTuple_New(0);
    PyObject *res = list ? PyList_New(count) : PyTuple_New(count); /* may run the collector */
    if (res == NULL)
        return NULL;
    if (list && (from >= Py_SIZE(container) || from + (count - 1) * step >= Py_SIZE(container))) {
        Py_DECREF(res); /* whose finalisers have shortened the list */
        return by_object(container, argv[1], argv[2], argv[3]);
    }
    PyObject **src =
        list ? ((PyListObject *)container)->ob_item : ((PyTupleObject *)container)->ob_item;
    PyObject **dst = list ? ((PyListObject *)res)->ob_item : ((PyTupleObject *)res)->ob_item;
    for (Py_ssize_t i = 0; i < count; i++, from += step)
        dst[i] = Py_NewRef(src[from]);
    return res;
}

/* v NULL: deletes. */
static int set_slice(PyObject *container, PyObject *start, PyObject *stop, PyObject *v)
{
    Py_ssize_t from, to;
    if (PyList_CheckExact(container) && bounds(start, stop, PyList_GET_SIZE(container), &from, &to))
        return PyList_SetSlice(container, from, to, v);
    PyObject *slice = PySlice_New(start, stop, NULL);
    if (slice == NULL)
        return -1;
    int res =
        v != NULL ? PyObject_SetItem(container, slice, v) : PyObject_DelItem(container, slice);
    Py_DECREF(slice);
    return res;
}

int rt_set_slice(PyObject **argv, Py_ssize_t n)
{
    (void)n;
    return set_slice(argv[0], argv[1], argv[2], argv[3]);
}

int rt_delete_slice(PyObject *container, PyObject *start, PyObject *stop)
{
    return set_slice(container, start, stop, NULL);
}
