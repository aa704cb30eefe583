/* Awaiting what asynchronous generators yield: SEND to the object that __anext__() and asend() give.
 *
 * async_gen_asend_send sets a StopIteration for each value that is yielded, which SEND takes apart again.  Here the value
 * goes straight there.  What is unusual is left to CPython: objects that were awaited already, generators that run. */
#include "rt_internal.h"

/* The rest of async_gen_asend_send and async_gen_unwrap_value: what came of sending to the generator. */
static PySendResult unwrap(Py311AsyncGenASend *o, PyAsyncGenObject *gen, PySendResult how,
                           PyObject **res)
{
    if (how == PYGEN_NEXT && !Py_IS_TYPE(*res, &_PyAsyncGenWrappedValue_Type))
        return PYGEN_NEXT; /* it awaits something */
    gen->ag_running_async = 0;
    o->ags_state = PY311_AWAITABLE_CLOSED;
    if (how == PYGEN_NEXT) {
        PyObject *wrapped = *res;
        *res = Py_NewRef(((Py311WrappedValue *)wrapped)->agw_val);
        Py_DECREF(wrapped);
        return PYGEN_RETURN;
    }
    if (how == PYGEN_RETURN) {
        Py_CLEAR(*res);
        PyErr_SetNone(PyExc_StopAsyncIteration);
        gen->ag_closed = 1;
    } else if (PyErr_ExceptionMatches(PyExc_StopAsyncIteration) ||
               PyErr_ExceptionMatches(PyExc_GeneratorExit)) {
        gen->ag_closed = 1;
    }
    return PYGEN_ERROR;
}

bool rt_asend(PyThreadState *ts, PyObject *receiver, PyObject *v, PyObject **res, PySendResult *how)
{
    Py311AsyncGenASend *o = (Py311AsyncGenASend *)receiver;
    PyAsyncGenObject *gen = o->ags_gen;
    if (v != Py_None || o->ags_state == PY311_AWAITABLE_CLOSED ||
        (o->ags_state == PY311_AWAITABLE_INIT && gen->ag_running_async))
        return false;
    if (o->ags_state == PY311_AWAITABLE_INIT) {
        v = o->ags_sendval != NULL ? o->ags_sendval : Py_None;
        o->ags_state = PY311_AWAITABLE_ITER;
    }
    gen->ag_running_async = 1;
    *how = unwrap(o, gen, rt_generator_send(ts, (PyObject *)gen, v, res), res);
    return true;
}
