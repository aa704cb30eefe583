/* Homes of locals that compiled code left stale.
 *
 * A loop that runs no Python code keeps its numbers in registers and writes them to the frame
 * when it is done. An object that already is in the home with the same value stays: when the loop
 * did not run, or did not assign, that is the object CPython would have there, and identity is
 * visible (NaN in a list, `is`). */
#include <string.h>

#include "rt_internal.h"

static PyObject *replace(PyObject **home, PyObject *v)
{
    PyObject *old = *home;
    *home = v;
    Py_XDECREF(old);
    return v;
}

PyObject *rt_sync_float(RtFrame *frame, int stale, double v, int local)
{
    PyObject **home = &py311_frame(frame)->localsplus[local];
    if (!stale)
        return *home;
    if (*home != NULL && PyFloat_CheckExact(*home)) {
        double held = PyFloat_AS_DOUBLE(*home);
        if (memcmp(&held, &v, sizeof v) == 0)
            return *home;
    }
    return replace(home, rt_box_float(v));
}

PyObject *rt_sync_int(RtFrame *frame, int stale, int64_t v, int local)
{
    PyObject **home = &py311_frame(frame)->localsplus[local];
    if (!stale)
        return *home;
    if (*home != NULL && PyLong_CheckExact(*home)) {
        int overflow;
        long long held = PyLong_AsLongLongAndOverflow(*home, &overflow);
        if (!overflow && held == v)
            return *home;
    }
    return replace(home, rt_box_int(v));
}

PyObject *rt_sync_object(RtFrame *frame, int stale, PyObject *v, int local)
{
    PyObject **home = &py311_frame(frame)->localsplus[local];
    return stale && *home != v ? replace(home, Py_XNewRef(v)) : *home;
}
