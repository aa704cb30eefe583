/* Exceptions that compiled code raises: the short way to where they lead.
 *
 * The exit handler (rt_exit.c) does everything: it interprets the exit's tables, looks for a handler in the function and asks
 * the engine for the handler's unit. Of the exits that were taken lately is kept what came of that. The next time only what
 * makes a difference happens, as in ceval.c from `error` on: a traceback entry, dropped stack entries, the exception
 * on the stack, and the jump to the handler's code, or the caller gets it. It is for frames that are not inlined, with all
 * values as objects and all homes right, and while nobody traces. */
#include "rt_internal.h"

#include <string.h>

#include "hir.h"
#include "py311_opcodes.h"

/* By the exit's address; what does not last comes again. */
enum { CAUGHT = 64 };
typedef struct {
    const RtExit *exit; /* NULL: free */
    RtEntry entry;      /* of the handler; NULL: the function has none */
    int32_t unit;       /* of the instruction that raises */
    Py311Handler handler;
} Caught;
static Caught caught[CAUGHT];

static inline Caught *caught_at(const RtExit *x)
{
    return &caught[(uintptr_t)x / sizeof *x % CAUGHT];
}

void rt_catch_forget(void)
{
    memset(caught, 0, sizeof caught);
}

/* Nothing has to be boxed, no home to be written, and no other frame to be made. */
static bool is_simple(const CodeUnit *u, const RtExit *x)
{
    const RtExitFrame *xf = &u->exit_frames[x->frames];
    if (x->kind != RT_EXIT_THROW || x->nframes != 1 || xf->ndirty != 0)
        return false;
    for (uint32_t i = 0; i < xf->nstack; i++) {
        if (u->locs[xf->locs + i].rep != HIR_OBJ)
            return false;
    }
    return true;
}

void rt_catch_learn(const CodeUnit *u, const RtExit *x, int32_t unit, const Py311Handler *handler,
                    RtEntry entry)
{
    if (is_simple(u, x))
        *caught_at(x) = (Caught){x, entry, unit, entry != NULL ? *handler : (Py311Handler){0}};
}

/* The object at a location. */
static inline PyObject *object_at(const RtLoc *loc, const CodeUnit *u, const Py311Frame *f,
                                  const RtRegs *regs)
{
    return (PyObject *)(uintptr_t)rt_read_bits(loc, u, f, regs);
}

/* May compiled code be entered? What lir_emit_may_enter compares. */
static inline bool may_enter(const PyThreadState *ts)
{
    const void *hook = RT_FIELD(const void *, ts->interp, PY311_OFF_INTERP_EVAL_FRAME);
    return !ts->cframe->use_tracing && (hook == NULL || hook == rt_direct.hook);
}

void rt_push_exception(PyThreadState *ts, Py311Frame *f, const Py311Handler *handler, int depth)
{
    RtException e = rt_take_exception(ts);
    if (BASE_UNLIKELY(e.value == NULL) || BASE_UNLIKELY(!PyExceptionInstance_Check(e.value)) ||
        (PyObject *)Py_TYPE(e.value) != e.type)
        PyErr_NormalizeException(&e.type, &e.value, &e.tb);
    PyException_SetTraceback(e.value, e.tb != NULL ? e.tb : Py_None);
    Py_XDECREF(e.tb);
    Py_XDECREF(e.type);
    f->localsplus[f->f_code->co_nlocalsplus + depth] = e.value;
    f->prev_instr = py311_code_units(f->f_code) + handler->target - 1;
}

bool rt_catch(PyThreadState *ts, Py311Frame *f, const CodeUnit *u, const RtExit *x,
              const RtRegs *regs, RtLeave *leave)
{
    const Caught *c = caught_at(x);
    if (c->exit != x || !may_enter(ts) || ts->c_tracefunc != NULL || BASE_UNLIKELY(!rt_err(ts)))
        return false;
    const RtExitFrame *xf = &u->exit_frames[x->frames];
    const RtLoc *locs = u->locs + xf->locs;
    const Caught now = *c; /* code that runs here may have it forgotten */
    const int32_t reraised = rt_reraised, at = reraised >= 0 ? reraised : now.unit;
    if (BASE_UNLIKELY(now.handler.lasti && at >= PY311_NSMALLPOS))
        return false; /* making the int may fail */
    rt_reraised = RT_NOT_RERAISED;
    PyObject **stack = f->localsplus + f->f_code->co_nlocalsplus;
    int depth = now.handler.depth;
    for (int i = 0; i < depth; i++) {
        PyObject *v = object_at(&locs[i], u, f, regs);
        stack[i] = locs[i].owned ? v : Py_XNewRef(v);
    }
    f->prev_instr = py311_code_units(f->f_code) + at;
    if (reraised == RT_NOT_RERAISED)
        py311_traceback_here(ts);
    for (int i = xf->nstack; i > depth; i--) { /* the top one first, as ceval.c does */
        if (locs[i - 1].owned)
            Py_XDECREF(object_at(&locs[i - 1], u, f, regs));
    }
    *leave = (RtLeave){NULL, NULL};
    if (now.entry == NULL) {
        if (BASE_UNLIKELY(ts->cframe->use_tracing))
            rt_trace_unwind(ts);
        return true;
    }
    if (now.handler.lasti)
        stack[depth++] = PyLong_FromLong(at);
    rt_push_exception(ts, f, &now.handler, depth++);
    if (BASE_LIKELY(c->exit == x) && BASE_LIKELY(may_enter(ts)))
        leave->next = now.entry;
    else
        leave->result = rt_run_tier0(ts, f, depth);
    return true;
}
