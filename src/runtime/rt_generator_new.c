/* Generators, coroutines and asynchronous generators: how they are made, and how generators and coroutines die.
 *
 * Programs that make many are through with most of them after a few items, so the memory is kept (rt_pool.h).  A generator
 * that dies while it is suspended, as the one behind an any() that has found something, is closed by CPython: GeneratorExit is
 * raised where it waits, runs through the interpreter and is forgotten.  Where nothing can catch it, as there is no handler in
 * the whole code, all that is left of that is dropping what the frame holds, in the same order. */
#include "rt_pool.h"

/* By the number of slots of the frame: locals, cells and value stack. */
enum { POOLS = 32, KEPT = 16 };
static RtPool pools[POOLS];
static destructor base_dealloc; /* gen_dealloc */

static inline Py_ssize_t slots(const PyCodeObject *code)
{
    return (Py_ssize_t)code->co_nlocalsplus + code->co_stacksize;
}

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
static PyGenObject *make_object(PyThreadState *ts, PyTypeObject *type, PyFunctionObject *func,
                                PyCodeObject *code)
{
    Py_ssize_t n = slots(code);
    PyGenObject *gen = n < POOLS ? (PyGenObject *)rt_pool_take(ts, &pools[n], type) : NULL;
    if (gen == NULL && (gen = PyObject_GC_NewVar(PyGenObject, type, n)) == NULL)
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
    py311_gc_track(ts->interp, (PyObject *)gen);
    return gen;
}

PyObject *rt_make_generator(PyThreadState *ts, RtFrame *frame)
{
    Py311Frame *f = py311_frame(frame);
    PyCodeObject *code = f->f_code;
    PyTypeObject *type = code->co_flags & CO_COROUTINE         ? &PyCoro_Type
                         : code->co_flags & CO_ASYNC_GENERATOR ? &PyAsyncGen_Type
                                                               : &PyGen_Type;
    PyGenObject *gen = make_object(ts, type, f->f_func, code);
    if (gen == NULL)
        return NULL;
    if (type == &PyCoro_Type && ts->coroutine_origin_tracking_depth > 0) {
        gen->gi_origin_or_finalizer = origin(ts->coroutine_origin_tracking_depth, f->previous);
        if (gen->gi_origin_or_finalizer == NULL) {
            Py_DECREF(gen);
            return NULL;
        }
    }
    /* The locals move, which stacktop says; everything else is counted anew, as our caller clears the frame. Word by word: the
     * frame has just been written so, and wider loads would wait for these stores. */
    Py311Frame *g = py311_generator_frame(gen);
    g->f_func = (PyFunctionObject *)Py_NewRef(f->f_func);
    g->f_globals = f->f_globals;
    g->f_builtins = f->f_builtins;
    g->f_locals = Py_XNewRef(f->f_locals); /* names of code compiled with top-level await */
    g->f_code = (PyCodeObject *)Py_NewRef(code);
    g->frame_obj = NULL;
    g->previous = NULL;
    g->prev_instr = f->prev_instr;
    g->stacktop = code->co_nlocalsplus;
    g->is_entry = f->is_entry;
    g->owner = PY311_OWNED_BY_GENERATOR;
    g->mark = PY311_MARK_NONE;
    for (Py_ssize_t i = 0; i < code->co_nlocalsplus; i++) {
        g->localsplus[i] = f->localsplus[i];
        __asm__("" : "+r"(i));
    }
    f->stacktop = 0;
    gen->gi_frame_state = PY311_GEN_CREATED;
    return (PyObject *)gen;
}

/* --- dying ----------------------------------------------------------------------------- */

/* Can nothing be told of closing `gen` but that its frame is gone? */
static bool closes_silently(const PyThreadState *ts, PyGenObject *gen)
{
    const PyCodeObject *code = gen->gi_code;
    if (gen->gi_frame_state != PY311_GEN_SUSPENDED &&
        (gen->gi_frame_state != PY311_GEN_CREATED ||
         code->co_flags & CO_COROUTINE)) /* of which there is a warning */
        return false;
    return PyBytes_GET_SIZE(code->co_exceptiontable) == 0 && !ts->cframe->use_tracing &&
           ts->recursion_remaining > 0 && py311_generator_frame(gen)->frame_obj == NULL &&
           !rt_delegates(gen);
}

/* gen_close(), with the object alive meanwhile, as in PyObject_CallFinalizerFromDealloc. False: it was brought back. */
static bool closed(PyThreadState *ts, PyGenObject *gen)
{
    Py311Frame *f = py311_generator_frame(gen);
    RtFrame *caller = ts->cframe->current_frame;
    PyObject **base = f->localsplus + f->f_code->co_nlocalsplus,
             **top = f->localsplus + f->stacktop;
    Py_SET_REFCNT(gen, 1);
    gen->gi_frame_state = PY311_GEN_EXECUTING;
    f->previous = caller;
    f->stacktop = -1;
    ts->cframe->current_frame = (RtFrame *)(void *)f;
    while (top > base)
        Py_XDECREF(*--top);
    f->stacktop = f->f_code->co_nlocalsplus;
    ts->cframe->current_frame = caller;
    f->previous = NULL;
    gen->gi_frame_state = PY311_GEN_CLEARED;
    py311_frame_clear(f);
    if (BASE_LIKELY(Py_REFCNT(gen) == 1)) {
        Py_SET_REFCNT(gen, 0);
        return true;
    }
    Py_SET_REFCNT(gen, Py_REFCNT(gen) - 1);
    py311_gc_head((PyObject *)gen)->prev |= PY311_GC_FINALIZED;
    return false;
}

/* gen_dealloc. */
static void dealloc(PyObject *o)
{
    PyThreadState *ts = rt_ts();
    PyGenObject *gen = (PyGenObject *)o;
    PyCodeObject *code = gen->gi_code;
    Py_ssize_t n = slots(code);
    if (BASE_UNLIKELY(gen->gi_weakreflist != NULL) || n >= POOLS ||
        (gen->gi_frame_state != PY311_GEN_CLEARED && !closes_silently(ts, gen))) {
        base_dealloc(o);
        return;
    }
    if (gen->gi_frame_state != PY311_GEN_CLEARED && !closed(ts, gen))
        return;
    py311_gc_untrack(o);
    if (code->co_flags & CO_COROUTINE) /* elsewhere CPython leaves it unset */
        Py_CLEAR(gen->gi_origin_or_finalizer);
    PyObject *name = gen->gi_name, *qualname = gen->gi_qualname;
    Py_DECREF(code);
    Py_DECREF(name);
    Py_DECREF(qualname);
    rt_pool_give(ts, &pools[n], KEPT, o);
}

void rt_generators_start(void)
{
    if (rt_state.traced != NULL && base_dealloc == NULL &&
        PyGen_Type.tp_dealloc == PyCoro_Type.tp_dealloc &&
        PyGen_Type.tp_basicsize == PyCoro_Type.tp_basicsize &&
        PyGen_Type.tp_basicsize == PyAsyncGen_Type.tp_basicsize) {
        base_dealloc = PyGen_Type.tp_dealloc;
        PyGen_Type.tp_dealloc = PyCoro_Type.tp_dealloc = dealloc;
    }
}
