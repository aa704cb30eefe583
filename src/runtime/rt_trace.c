/* Tracing and profiling events that ceval.c sends with static functions.
 *
 * Compiled code leaves for tier 0 at its next safepoint once tracing is on, so events are only
 * due here for what happens before that: a call, an exception, leaving the frame by one. */
#include "rt_internal.h"

/* call_trace for the thread's current frame. -1: the function raised. */
static int call_trace(PyThreadState *ts, Py_tracefunc func, PyObject *obj, int what, PyObject *arg)
{
    if (ts->tracing)
        return 0;
    PyFrameObject *f = py311_current_frame_object(ts);
    if (f == NULL)
        return -1;
    int old_what = ts->tracing_what;
    ts->tracing_what = what;
    PyThreadState_EnterTracing(ts);
    int result = func(obj, f, what, arg);
    PyThreadState_LeaveTracing(ts);
    ts->tracing_what = old_what;
    Py_DECREF(f);
    return result;
}

/* call_trace_protected: keeps the current exception unless the function raises. */
static int call_trace_protected(PyThreadState *ts, Py_tracefunc func, PyObject *obj, int what,
                                PyObject *arg)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    int err = call_trace(ts, func, obj, what, arg);
    if (err == 0) {
        PyErr_Restore(type, value, traceback);
        return 0;
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return -1;
}

void rt_trace_exception(PyThreadState *ts)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (value == NULL)
        value = Py_NewRef(Py_None);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *arg = PyTuple_Pack(3, type, value, traceback != NULL ? traceback : Py_None);
    if (arg == NULL) {
        PyErr_Restore(type, value, traceback);
        return;
    }
    int err = call_trace(ts, ts->c_tracefunc, ts->c_traceobj, PyTrace_EXCEPTION, arg);
    Py_DECREF(arg);
    if (err == 0) {
        PyErr_Restore(type, value, traceback);
    } else {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
    }
}

void rt_trace_unwind(PyThreadState *ts)
{
    if (ts->c_tracefunc != NULL &&
        call_trace_protected(ts, ts->c_tracefunc, ts->c_traceobj, PyTrace_RETURN, NULL) != 0)
        return;
    if (ts->c_profilefunc != NULL)
        (void)call_trace_protected(ts, ts->c_profilefunc, ts->c_profileobj, PyTrace_RETURN, NULL);
}

/* The C_TRACE macro around a call in two parts: false means that the call is not to be made. */
static bool c_call_begin(PyThreadState *ts, PyObject *func)
{
    return ts->c_profilefunc == NULL ||
           call_trace(ts, ts->c_profilefunc, ts->c_profileobj, PyTrace_C_CALL, func) == 0;
}

static PyObject *c_call_end(PyThreadState *ts, PyObject *func, bool profiled, PyObject *res)
{
    if (!profiled || ts->c_profilefunc == NULL)
        return res;
    if (res == NULL) {
        (void)call_trace_protected(ts, ts->c_profilefunc, ts->c_profileobj, PyTrace_C_EXCEPTION,
                                   func);
    } else if (call_trace(ts, ts->c_profilefunc, ts->c_profileobj, PyTrace_C_RETURN, func) != 0) {
        Py_CLEAR(res);
    }
    return res;
}

PyObject *rt_trace_call_function(PyThreadState *ts, PyObject *func, PyObject **args,
                                 Py_ssize_t nargs, PyObject *kwnames)
{
    bool profiled = ts->c_profilefunc != NULL;
    if (PyCFunction_CheckExact(func) || PyCMethod_CheckExact(func)) {
        if (!c_call_begin(ts, func))
            return NULL;
        return c_call_end(ts, func, profiled,
                          PyObject_Vectorcall(func, args, (size_t)nargs, kwnames));
    }
    if (Py_IS_TYPE(func, &PyMethodDescr_Type) && nargs > 0) {
        /* The profiler is shown a bound method. */
        PyObject *self = args[0];
        func = Py_TYPE(func)->tp_descr_get(func, self, (PyObject *)Py_TYPE(self));
        if (func == NULL)
            return NULL;
        PyObject *res = NULL;
        if (c_call_begin(ts, func))
            res = c_call_end(ts, func, profiled,
                             PyObject_Vectorcall(func, args + 1, (size_t)nargs - 1, kwnames));
        Py_DECREF(func);
        return res;
    }
    return PyObject_Vectorcall(func, args, (size_t)nargs | PY_VECTORCALL_ARGUMENTS_OFFSET, kwnames);
}

PyObject *rt_trace_call_core(PyThreadState *ts, PyObject *func, PyObject *args, PyObject *kwargs)
{
    bool profiled = ts->c_profilefunc != NULL;
    if (PyCFunction_CheckExact(func) || PyCMethod_CheckExact(func)) {
        if (!c_call_begin(ts, func))
            return NULL;
        return c_call_end(ts, func, profiled, PyObject_Call(func, args, kwargs));
    }
    Py_ssize_t nargs = PyTuple_GET_SIZE(args);
    if (Py_IS_TYPE(func, &PyMethodDescr_Type) && nargs > 0) {
        PyObject *self = PyTuple_GET_ITEM(args, 0);
        func = Py_TYPE(func)->tp_descr_get(func, self, (PyObject *)Py_TYPE(self));
        if (func == NULL)
            return NULL;
        PyObject *res = NULL;
        if (c_call_begin(ts, func))
            res = c_call_end(ts, func, profiled,
                             PyObject_VectorcallDict(func, ((PyTupleObject *)args)->ob_item + 1,
                                                     (size_t)nargs - 1, kwargs));
        Py_DECREF(func);
        return res;
    }
    return PyObject_Call(func, args, kwargs);
}
