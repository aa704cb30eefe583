/* Ints of one or two digits: made from, and freed to, a list of ours.
 *
 * Computations with numbers above 256 make an int and free one at nearly every step.  The list is what CPython has for
 * floats: of ints that died, FREE_INTS at most (rt_pool.h).  It is used only where the object allocator
 * is pymalloc, whose blocks for one digit have room for two.
 *
 * The deallocator takes the place of object's in the slot of int; subclasses come to it by way of their own. */
#include "rt_pool.h"

/* More than a step of a computation needs; the rest goes back to the allocator. */
#define FREE_INTS 256

static RtPool ints;
static bool used;

static void dealloc(PyObject *v)
{
    Py_ssize_t size = Py_SIZE(v);
    if (BASE_LIKELY(Py_TYPE(v) == &PyLong_Type && size >= -2 && size <= 2) &&
        rt_pool_wants(&ints, FREE_INTS)) {
        rt_pool_push(&ints, v);
    } else {
        Py_TYPE(v)->tp_free(v);
    }
}

PyObject *rt_box_int(int64_t v)
{
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    if (BASE_UNLIKELY(u >> 2 * PyLong_SHIFT != 0 || !used) ||
        (uint64_t)v + PY311_NSMALLNEG < PY311_NSMALLNEG + PY311_NSMALLPOS)
        return PyLong_FromLong((long)v);
    PyLongObject *o;
    if (BASE_LIKELY(ints.first != NULL)) {
        o = (PyLongObject *)rt_pool_pop(&ints, &PyLong_Type);
    } else {
        o = PyObject_Malloc(sizeof(PyVarObject) + 2 * sizeof(digit));
        if (o == NULL)
            return PyErr_NoMemory();
        Py_SET_REFCNT(o, 1);
        Py_SET_TYPE(o, &PyLong_Type);
    }
    Py_ssize_t size = u >> PyLong_SHIFT ? 2 : 1;
    Py_SET_SIZE(o, v < 0 ? -size : size);
    o->ob_digit[0] = (digit)(u & PyLong_MASK);
    o->ob_digit[1] = (digit)(u >> PyLong_SHIFT);
    return (PyObject *)o;
}

void rt_int_start(void)
{
    if (rt_state.traced != NULL && PyLong_Type.tp_dealloc == PyBaseObject_Type.tp_dealloc &&
        PyLong_Type.tp_free == PyObject_Free) {
        used = true;
        PyLong_Type.tp_dealloc = dealloc;
    }
}
