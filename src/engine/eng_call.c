/* Calls of Python functions that need no help of CPython's: from compiled code, C and tier 0.
 *
 * Each pushes the frame itself, where _PyEval_Vector would have, and runs it without a visit to the
 * hook.  There are three ways in:
 *
 *   machine code      knows the callee's code, writes its frame and calls the entry word of its state
 *                     (lw_call_py), then what rt_leave_py names
 *   rt_call_py        the same for compiled code whose direct way is barred, and for the runtime
 *   eng_vectorcall    any arguments (eng_bind.c); what functions have in their vectorcall field once
 *                     the hook has seen them
 *
 * The entry word of a code object is its unit's entry, or enter_tier0 while there is none: so nobody
 * has to ask.  A frame of compiled code has no _PyCFrame of its own: it is linked into its caller's.
 * When the engine is not active, or tracing is on, or the data stack's chunk is full, the call goes
 * the stock way, which ends in the hook. */
#include "eng_internal.h"

#include "py311_opcodes.h"
#include "rt.h"

typedef struct {
    PyThreadState *ts;
    struct _PyInterpreterFrame *frame;
    RtEntry entry;
    PyObject *result;
} OnSegment;

static void on_segment(void *p)
{
    OnSegment *a = p;
    a->result = a->entry(a->ts, a->frame);
}

static BASE_NOINLINE PyObject *enter_on_segment(PyThreadState *ts,
                                                struct _PyInterpreterFrame *frame, RtEntry entry)
{
    OnSegment a = {ts, frame, entry, NULL};
    return eng_stack_run(on_segment, &a) < 0 ? NULL : a.result;
}

PyObject *eng_enter(PyThreadState *ts, struct _PyInterpreterFrame *frame, RtEntry entry)
{
    return eng_stack_is_low() && eng_stack_really_low() ? enter_on_segment(ts, frame, entry)
                                                        : entry(ts, frame);
}

/* Drops what a frame without a frame object holds, of its locals those in [at, end). */
static inline void drop(Py311Frame *f, PyObject **at, PyObject *const *end)
{
    for (; at < end; at++) {
        Py_XDECREF(*at);
    }
    Py_XDECREF(f->f_locals);
    PyCodeObject *code = f->f_code;
    Py_DECREF(f->f_func);
    Py_DECREF(code);
}

/* Drops what an unlinked frame holds and gives its room back, one level deeper than the caller, as
 * _PyEvalFrameClearAndPop does; recursion_remaining is still decremented and is given back here. */
static inline void clear_and_pop(PyThreadState *ts, Py311Frame *f, int nlocalsplus)
{
    /* Compiled code leaves -1. Tier 0 leaves the number of locals. RETURN_GENERATOR, which moved them
     * into the generator, leaves none either way. */
    int n = f->stacktop >= 0 ? f->stacktop : nlocalsplus;
    if (BASE_UNLIKELY(f->frame_obj != NULL)) {
        f->stacktop = n;
        py311_frame_clear(f);
    } else {
        drop(f, f->localsplus, f->localsplus + n);
    }
    py311_frame_pop(ts, f);
    py311_leave_recursive_call(ts);
}

/* clear_and_pop for a frame with something unusual. */
static BASE_NOINLINE PyObject *leave_slowly(PyThreadState *ts, Py311Frame *f, PyObject *result)
{
    clear_and_pop(ts, f, f->f_code->co_nlocalsplus);
    return result;
}

/* clear_and_pop from the local at `at` on, which has just lost its last reference, of a frame with nothing unusual. What
 * dies cannot get at the frame, which is unlinked. */
static BASE_NOINLINE PyObject *leave_from(PyThreadState *ts, Py311Frame *f, PyObject **at,
                                          PyObject *result)
{
    _Py_Dealloc(*at);
    drop(f, at + 1, f->localsplus + f->f_code->co_nlocalsplus);
    py311_frame_pop(ts, f);
    py311_leave_recursive_call(ts);
    return result;
}

/* The same behind the locals: the frame had the last reference to the function, as that of a comprehension's. */
static BASE_NOINLINE PyObject *leave_last(PyThreadState *ts, Py311Frame *f, PyObject *result)
{
    _Py_Dealloc((PyObject *)f->f_func);
    Py_DECREF(f->f_code);
    py311_frame_pop(ts, f);
    py311_leave_recursive_call(ts);
    return result;
}

/* Runs nothing and so needs no registers of its own as long as no object dies; that is worth a
 * function for when one does. */
static BASE_ALWAYS_INLINE PyObject *leave(PyThreadState *ts, PyObject *result, int nlocalsplus)
{
    _PyCFrame *cframe = ts->cframe;
    Py311Frame *f = py311_frame(cframe->current_frame);
    PyCodeObject *code = f->f_code;
    PyFunctionObject *func = f->f_func;
    cframe->current_frame = f->previous;
    if (BASE_UNLIKELY(f->frame_obj != NULL) || BASE_UNLIKELY(f->f_locals != NULL) ||
        BASE_UNLIKELY(f->stacktop >= 0) || BASE_UNLIKELY(Py_REFCNT(code) == 1)) {
        return leave_slowly(ts, f, result);
    }
#pragma GCC unroll 8
    for (int i = 0; i < nlocalsplus; i++) {
        PyObject *v = f->localsplus[i];
        if (v != NULL && --v->ob_refcnt == 0) {
            return leave_from(ts, f, f->localsplus + i, result);
        }
    }
    Py_SET_REFCNT(func, Py_REFCNT(func) - 1);
    if (BASE_UNLIKELY(Py_REFCNT(func) == 0)) {
        return leave_last(ts, f, result);
    }
    Py_SET_REFCNT(code, Py_REFCNT(code) - 1);
    py311_frame_pop(ts, f);
    py311_leave_recursive_call(ts);
    return result;
}

static PyObject *leave_any(PyThreadState *ts, PyObject *result)
{
    return leave(ts, result, py311_frame(ts->cframe->current_frame)->f_code->co_nlocalsplus);
}

/* For frames of few locals, one function for each number of them: a loop whose length changes with every call is what the
 * processor mispredicts most. */
#define LEAVES(_) _(0) _(1) _(2) _(3) _(4) _(5) _(6) _(7) _(8)
#define LEAVE(n)                                                    \
    static PyObject *leave_##n(PyThreadState *ts, PyObject *result) \
    {                                                               \
        return leave(ts, result, n);                                \
    }
LEAVES(LEAVE)

RtLeavePy rt_leave_py(int nlocalsplus)
{
#define NAME(n) leave_##n,
    static const RtLeavePy leaves[] = {LEAVES(NAME)};
#undef NAME
    _Static_assert(BASE_COUNT(leaves) == RT_LEAVES - 1, "and leave_any");
    return nlocalsplus < RT_LEAVES - 1 ? leaves[nlocalsplus] : leave_any;
}

/* Entry of code without a unit: compiles it when it is time to, else runs the frame in tier 0, which
 * links it and counts it as a level of recursion itself. */
static PyObject *enter_tier0(PyThreadState *ts, struct _PyInterpreterFrame *frame)
{
    Py311Frame *f = py311_frame(frame);
    CodeUnit *unit = eng_count_call(f);
    if (unit != NULL) {
        return unit->entry(ts, frame);
    }
    ts->cframe->current_frame = f->previous;
    py311_leave_recursive_call(ts);
    f->stacktop = f->f_code->co_nlocalsplus;
    PyObject *result = eng_eval_tier0(ts, frame, 0);
    ts->recursion_remaining--;
    f->previous = ts->cframe->current_frame;
    ts->cframe->current_frame = frame;
    return result;
}

const RtEntry eng_no_unit = enter_tier0;

RtCallee *eng_callee(PyCodeObject *code)
{
    EngCodeState *s = eng_code_state_make(code);
    return s != NULL ? &s->callee : NULL;
}

/* Runs an initialised frame whose locals are in place, then clears and pops it. */
static BASE_ALWAYS_INLINE PyObject *run_and_pop(PyThreadState *ts, Py311Frame *f, EngCodeState *s)
{
    PyObject *result;
    int nlocalsplus = s->callee.nlocalsplus; /* the code may die, and its state with it */
    if (s->callee.entry == enter_tier0 && eng_count_call(f) == NULL) {
        f->stacktop = f->f_code->co_nlocalsplus;
        result = eng_eval_tier0(ts, (struct _PyInterpreterFrame *)(void *)f, 0);
        ts->recursion_remaining--; /* given back below */
    } else if (BASE_UNLIKELY(ts->recursion_remaining-- <= 0) && py311_recursion_overflow(ts) < 0) {
        ts->recursion_remaining--;
        result = NULL;
    } else {
        result = eng_run_linked(ts, f, s->callee.entry);
    }
    clear_and_pop(ts, f, nlocalsplus);
    return result;
}

/* The same; the usual case as machine code does it. `callee` is the state's or what the cache repeats of it. */
static BASE_ALWAYS_INLINE PyObject *run(PyThreadState *ts, Py311Frame *f, EngCodeState *s,
                                        const RtCallee *callee)
{
    if (BASE_UNLIKELY(ts->recursion_remaining <= 0) || BASE_UNLIKELY(eng_stack_is_low())) {
        return run_and_pop(ts, f, s);
    }
    struct _PyInterpreterFrame *frame = (struct _PyInterpreterFrame *)(void *)f;
    RtLeavePy end = callee->leave; /* the code may die, and its state with it */
    ts->recursion_remaining--;
    f->previous = ts->cframe->current_frame;
    ts->cframe->current_frame = frame;
    return end(ts, callee->entry(ts, frame));
}

static inline bool may_enter(const PyThreadState *ts)
{
    return eng_active(ts) && !ts->cframe->use_tracing;
}

/* The state of code that this thread may enter without the hook; NULL: go the stock way. */
static inline EngCodeState *enterable(const PyThreadState *ts, PyCodeObject *code)
{
    EngCodeState *s = eng_code_state(code);
    return s != NULL && may_enter(ts) ? s : NULL;
}

/* The same where nothing runs that could change the cache before the frame does. */
static inline const EngCachedState *enterable_now(const PyThreadState *ts, PyCodeObject *code)
{
    const EngCachedState *cached = eng_cached_state(code);
    if (BASE_UNLIKELY(cached->code != code) && eng_code_state_find(code) == NULL) {
        return NULL;
    }
    return may_enter(ts) ? cached : NULL;
}

/* Pushes an initialised frame of `fn`, locals unset; NULL when the chunk is full. */
static inline Py311Frame *push_frame(PyThreadState *ts, PyFunctionObject *fn,
                                     const RtCallee *callee)
{
    Py311Frame *f = py311_frame_alloc(ts, callee->frame_size);
    if (BASE_LIKELY(f != NULL)) {
        Py_INCREF(fn);
        py311_frame_init(f, fn, (PyCodeObject *)fn->func_code, NULL);
    }
    return f;
}

/* A frame whose arguments do not fit is popped again; gives -1 with an exception, or 0. */
static BASE_NOINLINE int unbound(PyThreadState *ts, Py311Frame *f, EngBound bound)
{
    ts->recursion_remaining--;
    clear_and_pop(ts, f, f->f_code->co_nlocalsplus);
    return bound == ENG_BIND_FAILED ? -1 : 0;
}

/* The call goes CPython's way. */
static BASE_NOINLINE PyObject *call_stock(PyObject *func, PyObject *const *args, Py_ssize_t nargs,
                                          PyObject *kwnames, int owned)
{
    PyObject *result = _PyFunction_Vectorcall(func, args, (size_t)nargs, kwnames);
    rt_drop_owned(func, args, nargs + (kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0), owned);
    return result;
}

/* A call where the arguments are not just what the frame wants. */
static BASE_NOINLINE PyObject *bind_and_run(PyThreadState *ts, Py311Frame *f, EngCodeState *s,
                                            PyObject *const *args, Py_ssize_t nargs,
                                            PyObject *kwnames, int owned)
{
    PyObject *func = (PyObject *)f->f_func;
    EngKeywords kw = {NULL, NULL, 0};
    if (kwnames != NULL) {
        kw = (EngKeywords){&PyTuple_GET_ITEM(kwnames, 0), args + nargs, PyTuple_GET_SIZE(kwnames)};
    }
    EngBound bound = eng_bind_arguments(f, args, nargs, kw);
    if (BASE_LIKELY(bound == ENG_BOUND)) {
        rt_drop_owned(func, args, nargs + kw.n, owned); /* the frame has references of its own */
        return run(ts, f, s, &s->callee);
    }
    if (unbound(ts, f, bound) == 0) {
        return call_stock(func, args, nargs, kwnames, owned);
    }
    rt_drop_owned(func, args, nargs + kw.n, owned);
    return NULL;
}

static BASE_ALWAYS_INLINE PyObject *call_function(PyThreadState *ts, PyObject *func,
                                                  PyObject *const *args, Py_ssize_t nargs,
                                                  PyObject *kwnames, int owned)
{
    PyFunctionObject *fn = (PyFunctionObject *)func;
    PyCodeObject *code = (PyCodeObject *)fn->func_code;
    const EngCachedState *s = enterable_now(ts, code);
    Py311Frame *f;
    if (BASE_UNLIKELY(s == NULL) || BASE_UNLIKELY((f = push_frame(ts, fn, &s->callee)) == NULL)) {
        return call_stock(func, args, nargs, kwnames, owned);
    }
    if (BASE_UNLIKELY(kwnames != NULL) || BASE_UNLIKELY(s->callee.exact_args != nargs)) {
        return bind_and_run(ts, f, s->state, args, nargs, kwnames, owned);
    }
    Py_SET_REFCNT(func, Py_REFCNT(func) - (owned & 1)); /* the frame's */
    for (Py_ssize_t i = 0; i < nargs; i++) {
        PyObject *arg = args[i];
        owned >>= 1;
        Py_SET_REFCNT(arg, Py_REFCNT(arg) + !(owned & 1));
        f->localsplus[i] = arg;
    }
    py311_unset_locals(f, nargs, s->callee.nlocalsplus);
    return run(ts, f, s->state, &s->callee);
}

PyObject *rt_call_function(PyThreadState *ts, PyObject *func, PyObject *const *args,
                           Py_ssize_t nargs, PyObject *kwnames)
{
    return call_function(ts, func, args, nargs, kwnames, 0);
}

PyObject *rt_call_function_owned(PyThreadState *ts, PyObject *func, PyObject *const *args,
                                 Py_ssize_t nargs, PyObject *kwnames, int owned)
{
    return call_function(ts, func, args, nargs, kwnames, owned);
}

/* Fetches the items of a dict with a reference each: binding may run the collector, and so change
 * the dict. Its size is at most ENG_DICT_KEYWORDS. */
static Py_ssize_t fetch_items(PyObject *dict, PyObject **names, PyObject **values)
{
    Py_ssize_t pos = 0, n = 0;
    PyObject *name, *value;
    while (PyDict_Next(dict, &pos, &name, &value)) {
        names[n] = Py_NewRef(name);
        values[n++] = Py_NewRef(value);
    }
    return n;
}

PyObject *rt_call_function_ex(PyThreadState *ts, PyObject *func, PyObject *const *args,
                              Py_ssize_t nargs, PyObject *kwargs)
{
    PyFunctionObject *fn = (PyFunctionObject *)func;
    PyCodeObject *code = (PyCodeObject *)fn->func_code;
    if (kwargs == NULL || PyDict_GET_SIZE(kwargs) == 0) {
        return rt_call_function(ts, func, args, nargs, NULL);
    }
    EngCodeState *s = enterable(ts, code);
    Py311Frame *f;
    EngBound bound = ENG_BIND_NOT;
    if (s != NULL && PyDict_GET_SIZE(kwargs) <= ENG_DICT_KEYWORDS &&
        (f = push_frame(ts, fn, &s->callee)) != NULL) {
        PyObject *names[ENG_DICT_KEYWORDS], *values[ENG_DICT_KEYWORDS];
        Py_ssize_t n = fetch_items(kwargs, names, values);
        bound = eng_bind_arguments(f, args, nargs, (EngKeywords){names, values, n});
        PyObject *result = NULL;
        bool over = bound == ENG_BOUND || unbound(ts, f, bound) < 0;
        if (bound == ENG_BOUND) {
            result = run(ts, f, s, &s->callee);
        }
        /* Kept until the call is over: tier 0 has them in a dict of its own. */
        while (n-- > 0) {
            Py_DECREF(names[n]);
            Py_DECREF(values[n]);
        }
        if (over) {
            return result;
        }
    }
    return PyObject_VectorcallDict(func, args, (size_t)nargs, kwargs);
}

PyObject *eng_vectorcall(PyObject *func, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    if (eng_hook_away) {
        PyFunctionObject *fn = (PyFunctionObject *)func;
        const EngCodeState *s = eng_code_state((PyCodeObject *)fn->func_code);
        if (s == NULL || s->unit == NULL) { /* the stock way is shorter and needs no state */
            fn->vectorcall = _PyFunction_Vectorcall;
            return _PyFunction_Vectorcall(func, args, nargsf, kwnames);
        }
    }
    return rt_call_function(_PyThreadState_UncheckedGet(), func, args, PyVectorcall_NARGS(nargsf),
                            kwnames);
}

/* Calls with arguments that are bound to parameters already, as a call would give them. */
static PyObject *call_unbound(PyObject *func, PyObject *const *bound, PyCodeObject *co)
{
    Py_ssize_t argc = co->co_argcount, at = argc + co->co_kwonlyargcount;
    PyObject *extra = co->co_flags & CO_VARARGS ? bound[at++] : py311_empty_tuple();
    PyObject *kwargs = co->co_flags & CO_VARKEYWORDS ? PyDict_Copy(bound[at]) : PyDict_New();
    PyObject *args = PyTuple_New(argc + PyTuple_GET_SIZE(extra)), *result = NULL;
    bool ok = args != NULL && kwargs != NULL;
    for (Py_ssize_t i = 0; ok && i < PyTuple_GET_SIZE(args); i++) {
        PyTuple_SET_ITEM(args, i,
                         Py_NewRef(i < argc ? bound[i] : PyTuple_GET_ITEM(extra, i - argc)));
    }
    for (Py_ssize_t i = argc; ok && i < argc + co->co_kwonlyargcount; i++) {
        ok = PyDict_SetItem(kwargs, PyTuple_GET_ITEM(co->co_localsplusnames, i), bound[i]) == 0;
    }
    if (ok) {
        result = PyObject_Call(func, args, kwargs);
    }
    Py_XDECREF(args);
    Py_XDECREF(kwargs);
    return result;
}

/* rt_call_py where the callee cannot be entered directly: the way every call goes. */
static BASE_NOINLINE PyObject *call_slowly(PyObject **argv, Py_ssize_t n, PyCodeObject *code)
{
    PyObject *result = py311_fills_frame(code)
                           ? PyObject_Vectorcall(argv[0], argv + 1, (size_t)(n - 1), NULL)
                           : call_unbound(argv[0], argv + 1, code);
    for (Py_ssize_t i = 1; i < n; i++) {
        Py_DECREF(argv[i]);
    }
    return result;
}

PyObject *rt_call_py(PyThreadState *ts, PyObject **argv, Py_ssize_t n, void *code_)
{
    PyCodeObject *code = code_;
    const EngCachedState *s = enterable_now(ts, code);
    Py311Frame *f;
    if (BASE_UNLIKELY(s == NULL) ||
        BASE_UNLIKELY((f = push_frame(ts, (PyFunctionObject *)argv[0], &s->callee)) == NULL)) {
        return call_slowly(argv, n, code);
    }
    PyObject **locals = f->localsplus;
    Py_ssize_t nargs = n - 1;
    for (Py_ssize_t i = 0; i < nargs; i++) {
        locals[i] = argv[i + 1];
    }
    py311_unset_locals(f, nargs, s->callee.nlocalsplus);
    return run(ts, f, s->state, &s->callee);
}
