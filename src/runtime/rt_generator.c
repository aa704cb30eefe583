/* Generators, coroutines and asynchronous generators: suspending them, and what their bytecode asks of others (SEND,
 * GET_AWAITABLE, ...).
 *
 * Such an object contains its frame.  Whoever resumes it (gen_send_ex) links the frame, marks the
 * object as executing and clears the frame when it is through; what compiled code owes is a frame
 * that looks as tier 0 would have left it: prev_instr at the YIELD_VALUE, the value stack in place,
 * stacktop behind it, the object marked as suspended.  Then it can be resumed, thrown into, closed,
 * traversed by the collector, inspected and freed without anybody asking who ran it. */
#include "rt_internal.h"

#include "py311_opcodes.h"

/* --- suspending and resuming ------------------------------------------------------------- */

/* SEND under a trace function, which is told of the StopIteration that PyIter_Send never makes. */
static PySendResult send_traced(PyThreadState *ts, PyObject *receiver, PyObject *v, PyObject **res)
{
    if (Py_IsNone(v) && PyIter_Check(receiver))
        *res = Py_TYPE(receiver)->tp_iternext(receiver);
    else
        *res = PyObject_CallMethodOneArg(receiver, RT_NAME(send), v);
    if (*res != NULL)
        return PYGEN_NEXT;
    if (ts->c_tracefunc != NULL && PyErr_ExceptionMatches(PyExc_StopIteration))
        rt_trace_exception(ts);
    return _PyGen_FetchStopIterationValue(res) == 0 ? PYGEN_RETURN : PYGEN_ERROR;
}

PyObject *rt_send(PyThreadState *ts, RtFrame *frame, PyObject *receiver, PyObject *v, int slot)
{
    PyObject *res;
    PySendResult how;
    if (BASE_UNLIKELY(ts->c_tracefunc != NULL))
        how = send_traced(ts, receiver, v, &res);
    else if (PyGen_CheckExact(receiver) || PyCoro_CheckExact(receiver))
        how = rt_generator_send(ts, receiver, v, &res);
    else if (!Py_IS_TYPE(receiver, &_PyAsyncGenASend_Type) ||
             !rt_asend(ts, receiver, v, &res, &how))
        how = PyIter_Send(receiver, v, &res);
    if (how == PYGEN_NEXT)
        return res;
    if (how == PYGEN_RETURN) {
        Py311Frame *f = py311_frame(frame);
        f->localsplus[f->f_code->co_nlocalsplus + slot] = res;
    }
    return NULL;
}

/* --- awaiting ---------------------------------------------------------------------------- */

static inline bool is_coroutine(PyObject *o)
{
    return PyCoro_CheckExact(o) ||
           (PyGen_CheckExact(o) && ((PyGenObject *)o)->gi_code->co_flags & CO_ITERABLE_COROUTINE);
}

/* _PyCoro_GetAwaitableIter: what `await o` iterates over. */
static PyObject *awaitable_iter(PyObject *o)
{
    if (is_coroutine(o))
        return Py_NewRef(o);
    PyTypeObject *type = Py_TYPE(o);
    if (type->tp_as_async == NULL || type->tp_as_async->am_await == NULL) {
        PyErr_Format(PyExc_TypeError, "object %.100s can't be used in 'await' expression",
                     type->tp_name);
        return NULL;
    }
    PyObject *res = type->tp_as_async->am_await(o);
    if (res == NULL)
        return NULL;
    if (is_coroutine(res)) {
        PyErr_SetString(PyExc_TypeError, "__await__() returned a coroutine");
        Py_CLEAR(res);
    } else if (!PyIter_Check(res)) {
        PyErr_Format(PyExc_TypeError, "__await__() returned non-iterator of type '%.100s'",
                     Py_TYPE(res)->tp_name);
        Py_CLEAR(res);
    }
    return res;
}

/* The next instruction is a RESUME that says so. */
bool rt_delegates(PyGenObject *gen)
{
    if (gen->gi_frame_state >= PY311_GEN_CLEARED || gen->gi_frame_state == PY311_GEN_CREATED)
        return false;
    Py311Frame *f = py311_generator_frame(gen);
    Py311Ins next;
    return py311_decode(f->f_code, py311_frame_lasti(f) + 1, &next) && next.op == PY311_RESUME &&
           next.arg >= 2;
}

PyObject *rt_get_awaitable(PyObject *v, int oparg)
{
    PyObject *iter = awaitable_iter(v);
    if (iter == NULL) {
        /* format_awaitable_error */
        PyTypeObject *type = Py_TYPE(v);
        if ((oparg == 1 || oparg == 2) &&
            (type->tp_as_async == NULL || type->tp_as_async->am_await == NULL))
            PyErr_Format(PyExc_TypeError,
                         "'async with' received an object from %s that does not implement "
                         "__await__: %.100s",
                         oparg == 1 ? "__aenter__" : "__aexit__", type->tp_name);
        return NULL;
    }
    if (PyCoro_CheckExact(iter) && rt_delegates((PyGenObject *)iter)) {
        Py_DECREF(iter);
        PyErr_SetString(PyExc_RuntimeError, "coroutine is being awaited already");
        return NULL;
    }
    return iter;
}

PyObject *rt_get_yield_from_iter(RtFrame *frame, PyObject *v)
{
    if (PyCoro_CheckExact(v)) {
        if (py311_frame(frame)->f_code->co_flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE))
            return Py_NewRef(v);
        PyErr_SetString(PyExc_TypeError,
                        "cannot 'yield from' a coroutine object in a non-coroutine generator");
        return NULL;
    }
    return PyGen_CheckExact(v) ? Py_NewRef(v) : PyObject_GetIter(v);
}

static inline unaryfunc anext_of(PyTypeObject *type)
{
    return type->tp_as_async != NULL ? type->tp_as_async->am_anext : NULL;
}

PyObject *rt_get_aiter(PyObject *v)
{
    PyTypeObject *type = Py_TYPE(v);
    if (type->tp_as_async == NULL || type->tp_as_async->am_aiter == NULL) {
        PyErr_Format(PyExc_TypeError,
                     "'async for' requires an object with __aiter__ method, got %.100s",
                     type->tp_name);
        return NULL;
    }
    PyObject *iter = type->tp_as_async->am_aiter(v);
    if (iter != NULL && anext_of(Py_TYPE(iter)) == NULL) {
        PyErr_Format(PyExc_TypeError,
                     "'async for' received an object from __aiter__ that does not implement "
                     "__anext__: %.100s",
                     Py_TYPE(iter)->tp_name);
        Py_CLEAR(iter);
    }
    return iter;
}

PyObject *rt_get_anext(PyObject *aiter)
{
    unaryfunc anext = anext_of(Py_TYPE(aiter));
    if (anext == NULL) {
        PyErr_Format(PyExc_TypeError,
                     "'async for' requires an iterator with __anext__ method, got %.100s",
                     Py_TYPE(aiter)->tp_name);
        return NULL;
    }
    PyObject *next = anext(aiter);
    if (next == NULL || PyAsyncGen_CheckExact(aiter))
        return next;
    PyObject *awaitable = awaitable_iter(next);
    if (awaitable == NULL)
        _PyErr_FormatFromCause(PyExc_TypeError,
                               "'async for' received an invalid object from __anext__: %.100s",
                               Py_TYPE(next)->tp_name);
    Py_DECREF(next);
    return awaitable;
}

PyObject *rt_async_gen_wrap(PyObject *v)
{
    /* Without the free list, which CPython keeps to itself; freeing fills it as ever. */
    Py311WrappedValue *w = PyObject_GC_New(Py311WrappedValue, &_PyAsyncGenWrappedValue_Type);
    if (w == NULL)
        return NULL;
    w->agw_val = Py_NewRef(v);
    PyObject_GC_Track(w);
    return (PyObject *)w;
}
