/* Generators, coroutines and asynchronous generators: making them, suspending them, and what their
 * bytecode asks of others (SEND, GET_AWAITABLE, ...).
 *
 * Such an object contains its frame.  Whoever resumes it (gen_send_ex) links the frame, marks the
 * object as executing and clears the frame when it is through; what compiled code owes is a frame
 * that looks as tier 0 would have left it: prev_instr at the YIELD_VALUE, the value stack in place,
 * stacktop behind it, the object marked as suspended.  Then it can be resumed, thrown into, closed,
 * traversed by the collector, inspected and freed without anybody asking who ran it. */
#include "rt_internal.h"

#include <string.h>

#include "py311_opcodes.h"

/* --- making ---------------------------------------------------------------------------- */

/* sys.set_coroutine_origin_tracking_depth(): a tuple of (file, line, name) for the frames from
 * `frame` on (compute_cr_origin). */
static PyObject *origin(int depth, struct _PyInterpreterFrame *frame)
{
    int n = 0;
    for (struct _PyInterpreterFrame *f = frame; f != NULL && n < depth;
         f = py311_frame(f)->previous)
        n++;
    PyObject *frames = PyTuple_New(n);
    for (int i = 0; frames != NULL && i < n; i++) {
        Py311Frame *f = py311_frame(frame);
        int line = PyCode_Addr2Line(f->f_code, py311_frame_lasti(f) * (int)sizeof(uint16_t));
        PyObject *info = Py_BuildValue("OiO", f->f_code->co_filename, line, f->f_code->co_name);
        if (info == NULL)
            Py_CLEAR(frames);
        else
            PyTuple_SET_ITEM(frames, i, info);
        frame = f->previous;
    }
    return frames;
}

/* _Py_MakeCoro: an object of `type` without a frame, which its state says. */
static PyGenObject *make_object(PyTypeObject *type, PyFunctionObject *func, PyCodeObject *code)
{
    PyGenObject *gen =
        PyObject_GC_NewVar(PyGenObject, type, code->co_nlocalsplus + code->co_stacksize);
    if (gen == NULL)
        return NULL;
    gen->gi_frame_state = PY311_GEN_CLEARED;
    gen->gi_code = (PyCodeObject *)Py_NewRef(code);
    gen->gi_weakreflist = NULL;
    gen->gi_exc_state.exc_value = NULL;
    gen->gi_exc_state.previous_item = NULL;
    gen->gi_origin_or_finalizer = NULL;
    gen->gi_hooks_inited = 0;
    gen->gi_closed = 0;
    gen->gi_running_async = 0;
    gen->gi_name = Py_NewRef(func->func_name != NULL ? func->func_name : code->co_name);
    gen->gi_qualname = Py_NewRef(func->func_qualname != NULL ? func->func_qualname : gen->gi_name);
    PyObject_GC_Track(gen);
    return gen;
}

PyObject *rt_make_generator(PyThreadState *ts, RtFrame *frame)
{
    Py311Frame *f = py311_frame(frame);
    PyCodeObject *code = f->f_code;
    PyTypeObject *type = code->co_flags & CO_COROUTINE         ? &PyCoro_Type
                         : code->co_flags & CO_ASYNC_GENERATOR ? &PyAsyncGen_Type
                                                               : &PyGen_Type;
    PyGenObject *gen = make_object(type, f->f_func, code);
    if (gen == NULL)
        return NULL;
    if (type == &PyCoro_Type && ts->coroutine_origin_tracking_depth > 0) {
        gen->gi_origin_or_finalizer = origin(ts->coroutine_origin_tracking_depth, f->previous);
        if (gen->gi_origin_or_finalizer == NULL) {
            Py_DECREF(gen);
            return NULL;
        }
    }
    /* The locals move, which stacktop says; everything else is counted anew, as our caller clears the
     * frame. */
    Py311Frame *g = py311_generator_frame(gen);
    size_t locals = (size_t)code->co_nlocalsplus * sizeof(PyObject *);
    memcpy(g, f, offsetof(Py311Frame, localsplus) + locals);
    f->stacktop = 0;
    Py_INCREF(g->f_func);
    Py_INCREF(g->f_code);
    Py_XINCREF(g->f_locals); /* code compiled with top-level await has its names there */
    g->frame_obj = NULL;
    g->previous = NULL;
    g->stacktop = code->co_nlocalsplus;
    g->owner = PY311_OWNED_BY_GENERATOR;
    g->mark = PY311_MARK_NONE;
    gen->gi_frame_state = PY311_GEN_CREATED;
    return (PyObject *)gen;
}

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

/* Whether `gen` waits in a `yield from` or an await (_PyGen_yf without the object): the next
 * instruction is a RESUME that says so. */
static bool delegates(PyGenObject *gen)
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
    if (PyCoro_CheckExact(iter) && delegates((PyGenObject *)iter)) {
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
