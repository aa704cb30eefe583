/* Calls into compiled code: from the hook, from C and tier 0 (vectorcall), and from compiled code
 * itself (rt_call_py).
 *
 * The last two push the frame themselves, where _PyEval_Vector would have, in the cases where the
 * arguments need no more than copying; everything else goes the stock way, which ends in the hook.
 * A frame of compiled code has no _PyCFrame of its own: it is linked into its caller's. */
#include "eng_internal.h"

#include "rt.h"

/* Links a frame, runs the unit, unlinks. recursion_remaining was decremented; it stays so. */
static inline PyObject *run_linked(PyThreadState *ts, Py311Frame *f, CodeUnit *unit)
{
    _PyCFrame *cframe = ts->cframe;
    f->previous = cframe->current_frame;
    cframe->current_frame = (struct _PyInterpreterFrame *)(void *)f;
    PyObject *result = unit->entry(ts, (struct _PyInterpreterFrame *)(void *)f);
    /* Read again: a coroutine library may have moved us to another C stack meanwhile. */
    ts->cframe->current_frame = f->previous;
    return result;
}

PyObject *eng_run_unit(PyThreadState *ts, struct _PyInterpreterFrame *frame, CodeUnit *unit)
{
    Py311Frame *f = py311_frame(frame);
    if (py311_enter_recursive_call(ts) < 0) {
        return NULL; /* as tier 0: without a traceback entry for the frame that did not start */
    }
    f->is_entry = true;
    f->mark = PY311_MARK_COMPILED;
    f->stacktop = -1;
    PyObject *result = run_linked(ts, f, unit);
    f->stacktop = f->f_code->co_nlocalsplus;
    py311_leave_recursive_call(ts);
    return result;
}

/* _PyEvalFrameClearAndPop for a frame that compiled code has left. */
static inline void clear_and_pop(PyThreadState *ts, Py311Frame *f, PyCodeObject *code)
{
    int n = code->co_nlocalsplus;
    if (BASE_UNLIKELY(f->frame_obj != NULL)) {
        f->stacktop = n;
        py311_frame_clear(f);
    } else {
        for (int i = 0; i < n; i++) {
            Py_XDECREF(f->localsplus[i]);
        }
        Py_XDECREF(f->f_locals);
        Py_DECREF(f->f_func);
        Py_DECREF(code);
    }
    py311_frame_pop(ts, f);
}

typedef struct {
    PyThreadState *ts;
    Py311Frame *frame;
    CodeUnit *unit;
    PyObject *result;
} OnSegment;

static void on_segment(void *p)
{
    OnSegment *a = p;
    a->result = run_linked(a->ts, a->frame, a->unit);
}

static BASE_NOINLINE PyObject *run_on_segment(PyThreadState *ts, Py311Frame *f, CodeUnit *unit)
{
    OnSegment a = {ts, f, unit, NULL};
    return eng_stack_run(on_segment, &a) < 0 ? NULL : a.result;
}

/* Runs an initialised frame whose locals are in place, then clears and pops it. */
static inline PyObject *run_and_pop(PyThreadState *ts, Py311Frame *f, PyCodeObject *code,
                                    CodeUnit *unit)
{
    PyObject *result;
    if (BASE_UNLIKELY(ts->recursion_remaining-- <= 0) && py311_recursion_overflow(ts) < 0) {
        ts->recursion_remaining--; /* given back below */
        result = NULL;
    } else if (eng_stack_is_low() && eng_stack_really_low()) {
        result = run_on_segment(ts, f, unit);
    } else {
        result = run_linked(ts, f, unit);
    }
    clear_and_pop(ts, f, code);
    py311_leave_recursive_call(ts);
    return result;
}

/* Flags of functions whose frame _PyFunction_Vectorcall starts without a locals dict, and whose
 * positional arguments fill the first co_argcount locals with nothing to collect behind them. */
static inline bool plain_signature(const PyCodeObject *code)
{
    return (code->co_flags & (CO_OPTIMIZED | CO_VARARGS | CO_VARKEYWORDS)) == CO_OPTIMIZED &&
           code->co_kwonlyargcount == 0;
}

PyObject *eng_vectorcall(PyObject *func, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    PyThreadState *ts = _PyThreadState_UncheckedGet();
    PyFunctionObject *fn = (PyFunctionObject *)func;
    PyCodeObject *code = (PyCodeObject *)fn->func_code;
    EngCodeState *s = eng_code_state(code);
    CodeUnit *unit = s != NULL ? s->unit : NULL;
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    Py_ssize_t missing = code->co_argcount - nargs, ndefaults = 0;
    if (unit == NULL || kwnames != NULL || !eng_active(ts) || ts->cframe->use_tracing ||
        !plain_signature(code) || missing < 0) {
        return _PyFunction_Vectorcall(func, args, nargsf, kwnames);
    }
    if (missing > 0) {
        ndefaults = fn->func_defaults != NULL ? PyTuple_GET_SIZE(fn->func_defaults) : 0;
        if (missing > ndefaults) {
            return _PyFunction_Vectorcall(func, args, nargsf, kwnames); /* for the error */
        }
    }
    Py311Frame *f = py311_frame_alloc(ts, code);
    if (BASE_UNLIKELY(f == NULL)) {
        return _PyFunction_Vectorcall(func, args, nargsf, kwnames);
    }
    Py_INCREF(func);
    py311_frame_init(f, fn, code, NULL);
    PyObject **locals = f->localsplus;
    for (Py_ssize_t i = 0; i < nargs; i++) {
        Py_INCREF(args[i]);
        locals[i] = args[i];
    }
    if (missing > 0) {
        PyObject **defaults = &PyTuple_GET_ITEM(fn->func_defaults, ndefaults - missing);
        for (Py_ssize_t i = 0; i < missing; i++) {
            Py_INCREF(defaults[i]);
            locals[nargs + i] = defaults[i];
        }
    }
    for (int i = code->co_argcount; i < code->co_nlocalsplus; i++) {
        locals[i] = NULL;
    }
    PyObject *result = run_and_pop(ts, f, code, unit);
    if (BASE_UNLIKELY(eng_osr_watching)) {
        eng_osr_returned(ts);
    }
    return result;
}

/* rt_call_py where the callee cannot be entered directly: the way every call goes. */
static BASE_NOINLINE PyObject *call_slowly(PyObject **argv, Py_ssize_t n)
{
    PyObject *result = PyObject_Vectorcall(argv[0], argv + 1, (size_t)(n - 1), NULL);
    for (Py_ssize_t i = 1; i < n; i++) {
        Py_DECREF(argv[i]);
    }
    return result;
}

PyObject *rt_call_py(PyThreadState *ts, PyObject **argv, Py_ssize_t n, void *code_)
{
    PyCodeObject *code = code_;
    PyFunctionObject *fn = (PyFunctionObject *)argv[0];
    EngCodeState *s = eng_code_state(code);
    CodeUnit *unit = s != NULL ? s->unit : NULL;
    Py311Frame *f;
    if (BASE_UNLIKELY(unit == NULL || !eng_active(ts) || ts->cframe->use_tracing ||
                      (f = py311_frame_alloc(ts, code)) == NULL)) {
        return call_slowly(argv, n);
    }
    Py_INCREF(fn);
    py311_frame_init(f, fn, code, NULL);
    PyObject **locals = f->localsplus;
    Py_ssize_t nargs = n - 1;
    for (Py_ssize_t i = 0; i < nargs; i++) {
        locals[i] = argv[i + 1];
    }
    for (Py_ssize_t i = nargs; i < code->co_nlocalsplus; i++) {
        locals[i] = NULL;
    }
    return run_and_pop(ts, f, code, unit);
}
