/* Our equivalents of what CPython hides: clearing frames, frame objects, the eval breaker. */
#include "py311_internal.h"

#include "py311_frame.h"

/* take_ownership of Python/frame.c: a frame object that outlives its frame gets a copy. */
static void take_ownership(PyFrameObject *f, _PyInterpreterFrame *frame)
{
    size_t size = (size_t)((char *)&frame->localsplus[frame->stacktop] - (char *)frame);
    memcpy(f->_f_frame_data, frame, size);
    frame = (_PyInterpreterFrame *)(void *)f->_f_frame_data;
    f->f_frame = frame;
    frame->owner = FRAME_OWNED_BY_FRAME_OBJECT;
    if (_PyFrame_IsIncomplete(frame)) {
        frame->prev_instr = _PyCode_CODE(frame->f_code) + frame->f_code->_co_firsttraceable;
    }
    _PyInterpreterFrame *prev = frame->previous;
    while (prev != NULL && _PyFrame_IsIncomplete(prev)) {
        prev = prev->previous;
    }
    if (prev != NULL) {
        PyFrameObject *back = prev->frame_obj;
        if (back != NULL) {
            Py_INCREF(back);
        } else {
            /* _PyFrame_MakeAndSetFrameObject is hidden; this makes the current frame's object. */
            _PyCFrame *cframe = PyThreadState_Get()->cframe;
            _PyInterpreterFrame *current = cframe->current_frame;
            cframe->current_frame = prev;
            back = PyThreadState_GetFrame(PyThreadState_Get());
            cframe->current_frame = current;
        }
        f->f_back = back; /* NULL when memory is out, as in CPython */
        frame->previous = NULL;
    }
    if (!PyObject_GC_IsTracked((PyObject *)f)) {
        PyObject_GC_Track((PyObject *)f);
    }
}

void py311_frame_clear(Py311Frame *ours)
{
    _PyInterpreterFrame *frame = (_PyInterpreterFrame *)(void *)ours;
    if (frame->frame_obj != NULL) {
        PyFrameObject *f = frame->frame_obj;
        frame->frame_obj = NULL;
        if (Py_REFCNT(f) > 1) {
            take_ownership(f, frame);
            Py_DECREF(f);
            return;
        }
        Py_DECREF(f);
    }
    for (int i = 0; i < frame->stacktop; i++) {
        Py_XDECREF(frame->localsplus[i]);
    }
    Py_XDECREF(frame->frame_obj);
    Py_XDECREF(frame->f_locals);
    Py_DECREF(frame->f_func);
    Py_DECREF(frame->f_code);
}

PyFrameObject *py311_current_frame_object(PyThreadState *ts)
{
    PyFrameObject *f = PyThreadState_GetFrame(ts);
    if (f == NULL && !PyErr_Occurred()) {
        PyErr_NoMemory(); /* PyThreadState_GetFrame swallows it */
    }
    return f;
}

void py311_traceback_here(PyThreadState *ts)
{
    _PyInterpreterFrame *frame = ts->cframe->current_frame;
    if (_PyFrame_IsIncomplete(frame)) {
        return;
    }
    PyFrameObject *f = py311_current_frame_object(ts);
    if (f != NULL) {
        PyTraceBack_Here(f);
        Py_DECREF(f);
    }
}

const int *py311_tracemalloc_flag(void)
{
    return &_Py_tracemalloc_config.tracing;
}

PyLongObject *py311_small_ints(void)
{
    return _PyRuntime.global_objects.singletons.small_ints;
}

PyObject *py311_empty_tuple(void)
{
    return (PyObject *)&_PyRuntime.global_objects.singletons.tuple_empty;
}

int py311_code_extra_set(PyCodeObject *co, Py_ssize_t index, void *value)
{
    Py311CodeExtra *extra = co->co_extra;
    if (extra == NULL) {
        size_t size = offsetof(Py311CodeExtra, ce_extras) + (size_t)(index + 1) * sizeof(void *);
        extra = PyMem_Calloc(1, size); /* freed by code_dealloc */
        if (extra == NULL) {
            return -1;
        }
        extra->ce_size = index + 1;
        co->co_extra = extra;
    }
    if (index < extra->ce_size) {
        extra->ce_extras[index] = value;
        return 0;
    }
    if (_PyCode_SetExtra((PyObject *)co, index, value) < 0) {
        PyErr_Clear();
        return -1;
    }
    return 0;
}

/* COMPUTE_EVAL_BREAKER of ceval.c, but switching off first and then looking for causes, so that a
 * signal or another thread's request that comes in between is not lost. */
static void compute_eval_breaker(PyInterpreterState *interp)
{
    struct _ceval_state *ceval = &interp->ceval;
    _Py_atomic_store(&ceval->eval_breaker, 0);
    if (_Py_atomic_load(&ceval->gil_drop_request) ||
        (_Py_atomic_load(&interp->runtime->ceval.signals_pending) &&
         _Py_ThreadCanHandleSignals(interp)) ||
        (_Py_atomic_load(&ceval->pending.calls_to_do) && _Py_ThreadCanHandlePendingCalls()) ||
        ceval->pending.async_exc) {
        _Py_atomic_store(&ceval->eval_breaker, 1);
    }
}

int py311_handle_eval_breaker(PyThreadState *ts)
{
    PyInterpreterState *interp = ts->interp;
    struct _ceval_state *ceval = &interp->ceval;

    /* Signals and pending calls. */
    if (_Py_atomic_load_relaxed(&interp->runtime->ceval.signals_pending) ||
        _Py_atomic_load_relaxed(&ceval->pending.calls_to_do)) {
        if (Py_MakePendingCalls() != 0) {
            return -1;
        }
    }
    /* Another thread wants the GIL; eval_frame_handle_pending drops and takes it just so. */
    if (_Py_atomic_load_relaxed(&ceval->gil_drop_request)) {
        PyEval_RestoreThread(PyEval_SaveThread());
    }
    if (ts->async_exc != NULL) {
        PyObject *exc = ts->async_exc;
        ts->async_exc = NULL;
        ceval->pending.async_exc = 0;
        compute_eval_breaker(interp);
        PyErr_SetNone(exc);
        Py_DECREF(exc);
        return -1;
    }
    /* The breaker may be on for a thread other than this one (signals), or without any cause left;
     * then it must go off, or every check would be slow from now on. */
    compute_eval_breaker(interp);
    return 0;
}

int py311_add_pending_call(PyInterpreterState *interp, int (*func)(void *), void *arg)
{
    /* Not Py_AddPendingCall, which reads the GIL holder's thread state without the GIL. */
    return _PyEval_AddPendingCall(interp, func, arg);
}

void py311_ask_for_look(PyInterpreterState *interp)
{
    _Py_atomic_store(&interp->ceval.eval_breaker, 1);
}

int py311_recursion_overflow(PyThreadState *ts)
{
    return _Py_CheckRecursiveCall(ts, "");
}

unsigned long py311_main_thread_id(void)
{
    return _PyRuntime.main_thread;
}

PyThreadState *py311_gil_holder(void)
{
    return (PyThreadState *)_Py_atomic_load_relaxed(&_PyRuntime.gilstate.tstate_current);
}
