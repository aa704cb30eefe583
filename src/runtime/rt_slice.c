/* Slices without slice objects: container[start:stop], its assignment and deletion.
 *
 * What BUILD_SLICE and the subscript behind it do together.  Exact lists, tuples, strs and bytes with bounds that are
 * None or small ints are served by the functions that their subscripts end in; everything else, and every error, gets
 * the slice object it would have had. */
#include "rt_internal.h"

/* One bound, clamped as PySlice_AdjustIndices does for a step of 1; false: not None or a one-digit exact int. */
static inline bool bound(PyObject *v, Py_ssize_t none, Py_ssize_t size, Py_ssize_t *at)
{
    int64_t i;
    if (v == Py_None) {
        *at = none;
        return true;
    }
    if (!PyLong_CheckExact(v) || !rt_long_small(v, &i))
        return false;
    i = i < 0 ? BASE_MAX(i + size, 0) : BASE_MIN(i, size);
    *at = (Py_ssize_t)i;
    return true;
}

static inline bool bounds(PyObject *start, PyObject *stop, Py_ssize_t size, Py_ssize_t *from,
                          Py_ssize_t *to)
{
    if (!bound(start, 0, size, from) || !bound(stop, size, size, to))
        return false;
    *to = BASE_MAX(*to, *from);
    return true;
}

static PyObject *bytes_slice(PyObject *bytes, Py_ssize_t from, Py_ssize_t to)
{
    if (from == 0 && to == PyBytes_GET_SIZE(bytes))
        return Py_NewRef(bytes);
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(bytes) + from, to - from);
}

PyObject *rt_get_slice(PyObject *container, PyObject *start, PyObject *stop)
{
    PyTypeObject *tp = Py_TYPE(container);
    Py_ssize_t from, to;
    if (tp == &PyUnicode_Type) {
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
    PyObject *slice = PySlice_New(start, stop, NULL);
    if (slice == NULL)
        return NULL;
    PyObject *res = PyObject_GetItem(container, slice);
    Py_DECREF(slice);
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
