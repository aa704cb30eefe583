/* Items of array.array.
 *
 * The module's own way there looks the module's state up by the type at each access, and stores parse their value as
 * an argument of a call.  The type is known once an object of it has been seen and its layout checked: `array` is part
 * of the standard library, but nothing of it is in CPython's headers. */
#include <string.h>

#include "rt_array.h"

/* arraymodule.c's arraydescr and arrayobject, as far as they matter. */
typedef struct {
    char typecode;
    int itemsize;
} Descr;

typedef struct {
    PyObject_VAR_HEAD char *items;
    Py_ssize_t allocated;
    const Descr *descr;
    PyObject *weakrefs;
    Py_ssize_t exports;
} Array;

PyTypeObject *rt_array_type;
static bool refused; /* a type that looked like it, but for its layout */

/* What the buffer protocol says of the object is what we see. */
static bool layout_is_ours(PyObject *o)
{
    Py_buffer view;
    const Array *a = (const Array *)o;
    if (PyObject_GetBuffer(o, &view, PyBUF_FORMAT | PyBUF_ND) < 0) {
        PyErr_Clear();
        return false;
    }
    bool same = view.ndim == 1 && view.format != NULL && view.shape[0] == Py_SIZE(o) &&
                view.shape[0] > 0 && view.buf == a->items && a->exports == 1 &&
                a->descr->typecode == view.format[0] && a->descr->itemsize == view.itemsize;
    PyBuffer_Release(&view);
    return same;
}

void rt_array_learn(PyObject *o)
{
    PyTypeObject *tp = Py_TYPE(o);
    if (rt_array_type != NULL || refused || tp->tp_basicsize != sizeof(Array) ||
        !(tp->tp_flags & Py_TPFLAGS_HEAPTYPE) || strcmp(tp->tp_name, "array.array") != 0 ||
        Py_SIZE(o) == 0)
        return;
    if (layout_is_ours(o))
        rt_array_type = (PyTypeObject *)Py_NewRef(tp); /* another must not get its address */
    else
        refused = true;
}

PyObject *rt_array_get(PyObject *o, PyObject *key)
{
    const Array *a = (const Array *)o;
    Py_ssize_t i;
    if (!rt_seq_index(key, Py_SIZE(o), &i))
        return PyObject_GetItem(o, key);
#define ITEM(type) (((const type *)(const void *)a->items)[i])
    switch (a->descr->typecode) {
    case 'd': return PyFloat_FromDouble(ITEM(double));
    case 'f': return PyFloat_FromDouble(ITEM(float));
    case 'b': return PyLong_FromLong(ITEM(signed char));
    case 'B': return PyLong_FromLong(ITEM(unsigned char));
    case 'h': return PyLong_FromLong(ITEM(short));
    case 'H': return PyLong_FromLong(ITEM(unsigned short));
    case 'i': return PyLong_FromLong(ITEM(int));
    case 'I': return PyLong_FromLong(ITEM(unsigned int));
    case 'l':
    case 'q': return PyLong_FromLong(ITEM(long));
    default: return PyObject_GetItem(o, key);
    }
}

int rt_array_set(PyObject *o, PyObject *key, PyObject *v)
{
    const Array *a = (const Array *)o;
    Py_ssize_t i;
    int64_t n;
    if (!rt_seq_index(key, Py_SIZE(o), &i))
        return PyObject_SetItem(o, key, v);
#define STORE(type, from, to)                     \
    if (n < (int64_t)(from) || n > (int64_t)(to)) \
        break;                                    \
    ((type *)(void *)a->items)[i] = (type)n;      \
    return 0
    if (PyFloat_CheckExact(v)) {
        double x = PyFloat_AS_DOUBLE(v);
        switch (a->descr->typecode) {
        case 'd': ((double *)(void *)a->items)[i] = x; return 0;
        case 'f': ((float *)(void *)a->items)[i] = (float)x; return 0;
        default: break;
        }
    } else if (PyLong_CheckExact(v) && rt_long_small(v, &n)) {
        switch (a->descr->typecode) {
        case 'b': STORE(signed char, SCHAR_MIN, SCHAR_MAX);
        case 'B': STORE(unsigned char, 0, UCHAR_MAX);
        case 'h': STORE(short, SHRT_MIN, SHRT_MAX);
        case 'H': STORE(unsigned short, 0, USHRT_MAX);
        case 'i': STORE(int, INT_MIN, INT_MAX);
        case 'I': STORE(unsigned int, 0, UINT_MAX);
        case 'l':
        case 'q': STORE(long, LONG_MIN, LONG_MAX);
        case 'L':
        case 'Q': STORE(unsigned long, 0, LONG_MAX);
        default: break;
        }
    }
    return PyObject_SetItem(o, key, v);
#undef STORE
#undef ITEM
}
