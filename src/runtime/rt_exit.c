/* The exit handler: from compiled code's registers back to CPython's frame.
 *
 * An exit names where each value-stack entry and each local with an outdated home is.  All of them
 * are turned into owned references first (raw values are boxed, one box per SSA value, borrowed
 * references are counted); then they are stored, and only then references that the frame lost are
 * dropped, because that may run Python code which looks at the frame.
 *
 * RESUME exits go on in tier 0 at the exit's bytecode, or, of a loop that has been compiled anew,
 * in its new unit.  THROW exits do what ceval.c does at `error` and `exception_unwind`: traceback
 * entry, tracing events, and either continue at the handler that the exception table names, or give
 * the exception to the caller (rt_catch.c is the short way to either).  A handler that catches often has a unit of its
 * own, which the trampoline jumps to (RtLeave); others run in tier 0, which is never entered with throwflag, as that
 * would tell tracers of a call that does not happen.
 *
 * In inlined code the exit also makes the frames that were never pushed, the callers' first, each as
 * _PyFunction_Vectorcall would have.  The innermost one goes on as above; each caller then gets
 * what came out of its call, at the instruction behind it, until the physical frame is left. */
#include "rt_internal.h"

#include <stdlib.h>
#include <string.h>

#include "hir.h"
#include "py311_opcodes.h"

PyObject *(*rt_eval_tier0)(PyThreadState *ts, struct _PyInterpreterFrame *frame,
                           int throwflag) = _PyEval_EvalFrameDefault;

RtEntry (*rt_handler_entry)(PyThreadState *ts, Py311Frame *f, const RtRaised *raised, int32_t bci,
                            int nstack);
RtEntry (*rt_loop_entry)(PyThreadState *ts, Py311Frame *f, int32_t bci, int nstack);

/* A new reference to the boxed value, NULL with MemoryError. */
static PyObject *box(HirRep rep, uint64_t bits)
{
    double d;
    switch (rep) {
    case HIR_F64: memcpy(&d, &bits, sizeof d); return PyFloat_FromDouble(d);
    case HIR_I64: return PyLong_FromLongLong((long long)bits);
    case HIR_BOOL: return Py_NewRef((bits & 0xff) != 0 ? Py_True : Py_False);
    default: BASE_UNREACHABLE();
    }
}

/* What an exit found for one frame: owned references to the stack entries, bottom first, then to
 * the locals. */
typedef struct {
    PyObject **all;    /* those of all frames of the exit, innermost first */
    PyObject **values; /* this frame's, among them */
    uint32_t nstack, ndirty;
    const RtLoc *dirty; /* whose `where` are the locals' indices */
    bool failed;        /* boxing ran out of memory: that entry is NULL */
} Reified;

/* Fetches all values.  Stack entries from `keep` on will only be dropped: raw ones are not boxed
 * and borrowed ones not counted; their values are NULL. */
static void reify(Reified *r, uint32_t keep, const CodeUnit *u, const RtExitFrame *xf,
                  const Py311Frame *f, const RtRegs *regs)
{
    const RtLoc *locs = u->locs + xf->locs;
    r->nstack = xf->nstack;
    r->ndirty = xf->ndirty;
    r->dirty = locs + xf->nstack + xf->ndirty;
    r->failed = false;
    for (uint32_t i = 0; i < r->nstack + r->ndirty; i++) {
        const RtLoc *loc = &locs[i];
        bool dropped = i >= keep && i < r->nstack;
        PyObject *v;
        if (loc->rep == HIR_OBJ) {
            v = (PyObject *)(uintptr_t)rt_read_bits(loc, u, f, regs);
            if (!loc->owned)
                v = dropped ? NULL : Py_XNewRef(v);
        } else if (dropped) {
            v = NULL;
        } else if (loc->same_as != 0 && r->all[loc->same_as - 1] != NULL) {
            v = Py_NewRef(r->all[loc->same_as - 1]);
        } else {
            v = box((HirRep)loc->rep, rt_read_bits(loc, u, f, regs));
            if (v == NULL)
                r->failed = true;
        }
        r->values[i] = v;
    }
}

/* Stores the stack entries and the locals; what the locals held is in `values` then. */
static void store_values(Reified *r, Py311Frame *f)
{
    PyObject **stack = f->localsplus + f->f_code->co_nlocalsplus;
    for (uint32_t i = 0; i < r->nstack; i++)
        stack[i] = r->values[i];
    PyObject **olds = r->values + r->nstack;
    for (uint32_t i = 0; i < r->ndirty; i++) {
        PyObject **home = &f->localsplus[r->dirty[i].where];
        PyObject *old = *home;
        *home = olds[i];
        olds[i] = old;
    }
}

/* Takes the top of the stack away. */
static PyObject *take_top(Reified *r)
{
    PyObject **top = &r->values[--r->nstack];
    PyObject *v = *top;
    memmove(top, top + 1, r->ndirty * sizeof *top);
    return v;
}

static void drop_old_locals(Reified *r)
{
    for (uint32_t i = r->nstack; i < r->nstack + r->ndirty; i++)
        Py_XDECREF(r->values[i]);
}

static void write_back(Reified *r, Py311Frame *f)
{
    store_values(r, f);
    drop_old_locals(r);
}

PyObject *rt_run_tier0(PyThreadState *ts, Py311Frame *f, int nstack)
{
    struct _PyInterpreterFrame *frame = (struct _PyInterpreterFrame *)(void *)f;
    bool is_entry = f->is_entry;
    uint16_t mark = f->mark;
    f->stacktop = f->f_code->co_nlocalsplus + nstack;
    f->mark = PY311_MARK_TIER0;
    ts->cframe->current_frame = f->previous;
    ts->recursion_remaining++;
    PyObject *res = rt_eval_tier0(ts, frame, 0);
    ts->recursion_remaining--;
    f->previous = ts->cframe->current_frame;
    ts->cframe->current_frame = frame;
    f->is_entry = is_entry;
    f->mark = mark;
    /* stacktop tells our caller what is left: the value stack of a suspended generator, or nothing where
     * RETURN_GENERATOR moved the locals away. */
    return res;
}

/* The unit of the opcode proper of the instruction that starts at `bci` (behind EXTENDED_ARGs). */
static int32_t opcode_unit(PyCodeObject *co, int32_t bci)
{
    const uint16_t *code = py311_code_units(co);
    while (py311_opcode_base[_Py_OPCODE(code[bci])] == PY311_EXTENDED_ARG)
        bci++;
    return bci;
}

/* Drops stack entries [from, to), the top one first, as ceval.c does. */
static void drop_stack(PyObject **stack, uint32_t from, uint32_t to)
{
    while (to > from) {
        PyObject *v = stack[--to];
        stack[to] = NULL;
        Py_XDECREF(v);
    }
}

static inline RtLeave finished(PyObject *result)
{
    return (RtLeave){.result = result};
}

/* From `error` on: the frame is reified, the exception set, prev_instr right.  `handler` is the
 * one that covers the instruction, or NULL; nstack entries are on the stack.  `raised`: the frame is that of
 * the code which the exit leaves, so that compiled code may take it over; else NULL. */
static RtLeave throw_in_frame(PyThreadState *ts, Py311Frame *f, const Py311Handler *handler,
                              uint32_t nstack, bool reraise, const RtRaised *raised)
{
    PyCodeObject *co = f->f_code;
    PyObject **stack = f->localsplus + co->co_nlocalsplus;
    if (!reraise) {
        py311_traceback_here(ts);
        if (ts->c_tracefunc != NULL)
            rt_trace_exception(ts);
    }
    uint32_t depth = handler != NULL ? (uint32_t)handler->depth : 0;
    drop_stack(stack, depth, nstack);
    PyObject *lasti = NULL;
    if (handler != NULL && handler->lasti) {
        lasti = PyLong_FromLong(py311_frame_lasti(f));
        if (lasti == NULL) {
            /* ceval.c looks for the handler again, without end; leave with the MemoryError. */
            drop_stack(stack, 0, depth);
            handler = NULL;
        }
    }
    if (handler == NULL) {
        if (ts->cframe->use_tracing)
            rt_trace_unwind(ts);
        return finished(NULL);
    }
    if (lasti != NULL)
        stack[depth++] = lasti;
    rt_push_exception(ts, f, handler, (int)depth++);
    RtEntry next = NULL;
    if (raised != NULL && rt_handler_entry != NULL)
        next = rt_handler_entry(ts, f, raised, handler->target, (int)depth);
    return next != NULL ? (RtLeave){.next = next} : finished(rt_run_tier0(ts, f, (int)depth));
}

/* The same where prev_instr says what raised. */
static RtLeave throw_here(PyThreadState *ts, Py311Frame *f, uint32_t nstack, const RtRaised *raised)
{
    Py311Handler handler;
    bool found = py311_find_handler(f->f_code, py311_frame_lasti(f), &handler);
    return throw_in_frame(ts, f, found ? &handler : NULL, nstack, false, raised);
}

PyObject *rt_throw_here(PyThreadState *ts, Py311Frame *f, int nstack)
{
    return throw_here(ts, f, (uint32_t)nstack, NULL).result;
}

/* What takes the place of values that could not be boxed: None on the stack, where tier 0 expects
 * an object; locals become unset. */
static void patch_stack(Reified *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (r->values[i] == NULL)
            r->values[i] = Py_NewRef(Py_None);
    }
}

/* Boxing for a resume failed: MemoryError at the instruction to be resumed. */
static PyObject *throw_no_memory(PyThreadState *ts, Py311Frame *f, Reified *r, int32_t bci)
{
    patch_stack(r, r->nstack);
    write_back(r, f);
    f->prev_instr = py311_code_units(f->f_code) + opcode_unit(f->f_code, bci);
    return rt_throw_here(ts, f, (int)r->nstack);
}

static RtLeave exit_resume(PyThreadState *ts, Py311Frame *f, CodeUnit *u, const RtExit *x,
                           const RtExitFrame *xf, Reified *r, const RtRegs *regs)
{
    reify(r, xf->nstack, u, xf, f, regs);
    if (BASE_UNLIKELY(r->failed))
        return finished(throw_no_memory(ts, f, r, xf->bci));
    f->prev_instr = py311_code_units(f->f_code) + xf->bci - 1;
    write_back(r, f);
    u->resumes++;
    if (rt_on_resume_exit != NULL)
        rt_on_resume_exit(u, (uint32_t)(x - u->exits));
    RtEntry next = NULL;
    if (x->reason == HIR_CheckEval && rt_left_code) {
        rt_left_code = false;
        next = rt_loop_entry(ts, f, xf->bci, xf->nstack);
    }
    return next != NULL ? (RtLeave){.next = next} : finished(rt_run_tier0(ts, f, xf->nstack));
}

static RtLeave exit_throw(PyThreadState *ts, Py311Frame *f, CodeUnit *u, const RtExit *x,
                          const RtExitFrame *xf, Reified *r, const RtRegs *regs)
{
    int32_t reraised = rt_reraised;
    rt_reraised = RT_NOT_RERAISED;
    PyCodeObject *co = f->f_code;
    int32_t unit = opcode_unit(co, x->throw_bci);
    /* At a safepoint tier 0 has already moved on: it looks for handlers at the unit before the
     * next instruction, which for a jump back is not the jump (ceval.c, exception_unwind). */
    int32_t where = x->reason == HIR_CheckEval ? xf->bci - 1 : unit;
    Py311Handler handler;
    bool found = py311_find_handler(co, where, &handler);

    if (BASE_UNLIKELY(!rt_err(ts)))
        PyErr_SetString(PyExc_SystemError, "error return without exception set");
    RtException e = rt_take_exception(ts);
    uint32_t keep = found ? (uint32_t)handler.depth : 0;
    reify(r, keep, u, xf, f, regs);
    if (BASE_UNLIKELY(r->failed)) {
        patch_stack(r, keep);
        PyErr_Clear(); /* the exception on its way counts, not the MemoryError */
    }
    rt_give_exception(ts, e);
    f->prev_instr = py311_code_units(co) + (reraised >= 0 ? reraised : unit);
    write_back(r, f);
    /* What comes from Python code has a traceback. */
    const RtRaised raised = {u, e.tb == NULL && hir_can_be_caught((HirOp)x->reason) ? unit : -1};
    RtLeave leave = throw_in_frame(ts, f, found ? &handler : NULL, r->nstack,
                                   reraised != RT_NOT_RERAISED, &raised);
    if (leave.next != NULL || !found)
        rt_catch_learn(u, x, unit, &handler, leave.next);
    return leave;
}

/* --- inlined frames --------------------------------------------------------------------------- */

/* A frame of the chain that an exit in inlined code stands for. */
typedef struct {
    const RtExitFrame *xf;
    PyCodeObject *code; /* its */
    Reified r;
    PyObject *func; /* of its callee's frame, until that is made; NULL in the innermost one */
    Py311Frame *f;
    bool on_heap; /* no room on the data stack: its chunks belong to CPython */
} Link;

static Py311Frame *new_frame(PyThreadState *ts, PyCodeObject *code, bool *on_heap)
{
    size_t size = py311_frame_size(code);
    Py311Frame *f = py311_frame_alloc(ts, size);
    *on_heap = f == NULL;
    return f != NULL ? f : PyMem_Malloc(size);
}

/* Makes the frame of the call that `caller` is in: it takes the function over. False when memory is out, everything
 * being left as it is. */
static bool push_inlined(PyThreadState *ts, Link *l, Link *caller)
{
    PyCodeObject *code = l->code;
    if ((l->f = new_frame(ts, code, &l->on_heap)) == NULL)
        return false;
    py311_frame_init(l->f, (PyFunctionObject *)caller->func, code,
                     (struct _PyInterpreterFrame *)(void *)caller->f);
    caller->func = NULL;
    memset(l->f->localsplus, 0, (size_t)code->co_nlocalsplus * sizeof(PyObject *));
    store_values(&l->r, l->f);
    ts->cframe->current_frame = (struct _PyInterpreterFrame *)(void *)l->f;
    ts->recursion_remaining--;
    return true;
}

/* Clears and pops a frame that was left; as in _PyEvalFrameClearAndPop its references go while it
 * still counts as a level of recursion. */
static void pop_inlined(PyThreadState *ts, Link *l)
{
    Py311Frame *f = l->f;
    ts->cframe->current_frame = f->previous;
    f->stacktop = l->code->co_nlocalsplus;
    py311_frame_clear(f);
    if (l->on_heap)
        PyMem_Free(f);
    else
        py311_frame_pop(ts, f);
    ts->recursion_remaining++;
}

/* PyObject_GetAttr adds to a getter's AttributeError what had no such attribute. */
static void add_getter_context(const CodeUnit *u, const Link *l, PyObject *owner)
{
    const RtGetterSite *site = u->getters;
    while (site->code != l->code || site->bci != l->xf->bci)
        site = site->next;
    rt_attribute_error_context(owner, site->name);
}

/* The unit behind the call. A LOAD_ATTR may be patched; a CALL never is, nor is what has an EXTENDED_ARG. */
static int32_t behind_call(const Link *l)
{
    Py311Ins call;
    bool valid = py311_decode(l->code, l->xf->bci, &call);
    BASE_CHECK(valid);
    return l->xf->call == HIR_CALL_GETTER ? call.op_bci + 1 + py311_opcode_caches[PY311_LOAD_ATTR]
                                          : call.next;
}

/* A call in frame `l` gave `res`, which is consumed (NULL: an exception): the frame goes on behind
 * the call.  `own`: it is the physical frame. */
static RtLeave after_inlined_call(PyThreadState *ts, const CodeUnit *u, Link *l, PyObject *res,
                                  bool own)
{
    Py311Frame *f = l->f;
    PyObject **stack = f->localsplus + l->code->co_nlocalsplus;
    uint32_t depth = l->r.nstack;
    uint32_t dropped = l->xf->call == HIR_CALL_UNDER || l->xf->call == HIR_CALL_GETTER;
    if (l->xf->call >= HIR_CALL_INIT) {
        dropped = l->xf->call - HIR_CALL_INIT + 1u;
        PyObject **self = &stack[depth - dropped - 1];
        if (rt_init_result(res) < 0)
            Py_CLEAR(*self); /* type_call drops it before the call's operands go */
        res = Py_XNewRef(*self);
        dropped++;
    }
    if (res == NULL) { /* exit_chain left prev_instr at the call */
        if (l->xf->call == HIR_CALL_GETTER)
            add_getter_context(u, l, stack[depth - 1]);
        return throw_here(ts, f, depth, own ? &(RtRaised){NULL, -1} : NULL);
    }
    depth -= dropped;
    for (uint32_t k = depth; k < depth + dropped; k++) /* bottom up: ceval.c, CALL */
        Py_CLEAR(stack[k]);
    stack[depth++] = res;
    f->prev_instr = py311_code_units(f->f_code) + behind_call(l) - 1;
    return finished(rt_run_tier0(ts, f, (int)depth));
}

/* Fetches the values of all frames: false when boxing failed in one whose values all count. */
static bool reify_chain(Link *links, uint32_t n, uint32_t keep, PyObject **values,
                        const CodeUnit *u, const Py311Frame *f, const RtRegs *regs)
{
    bool ok = true;
    PyObject **at = values;
    for (uint32_t k = 0; k < n; k++) {
        Link *l = &links[k];
        l->r.all = values;
        l->r.values = at;
        at += (uint32_t)l->xf->nstack + l->xf->ndirty;
        reify(&l->r, k == 0 ? keep : l->xf->nstack, u, l->xf, f, regs);
        if (l->r.failed) {
            patch_stack(&l->r, k == 0 ? keep : l->r.nstack);
            ok = false;
        }
    }
    return ok;
}

static bool exit_throws(PyThreadState *ts, const RtExit *x)
{
    return x->kind == RT_EXIT_THROW || (x->kind == RT_EXIT_SAFEPOINT && rt_err(ts));
}

/* The innermost frame, all being in place: what rt_exit does with a single one. */
static PyObject *leave_innermost(PyThreadState *ts, Link *l, CodeUnit *u, const RtExit *x,
                                 bool throws, bool no_memory)
{
    Py311Frame *f = l->f;
    PyCodeObject *co = f->f_code;
    if (!throws && !no_memory) {
        u->resumes++;
        if (rt_on_resume_exit != NULL)
            rt_on_resume_exit(u, (uint32_t)(x - u->exits));
        return rt_run_tier0(ts, f, l->xf->nstack);
    }
    int32_t unit = opcode_unit(co, throws ? x->throw_bci : l->xf->bci);
    f->prev_instr = py311_code_units(co) + unit;
    return rt_throw_here(ts, f, (int)l->r.nstack);
}

/* An exit in inlined code; `f` is the physical frame, the last of the chain. */
static RtLeave exit_chain(PyThreadState *ts, Py311Frame *f, CodeUnit *u, const RtExit *x,
                          const RtRegs *regs)
{
    uint32_t n = x->nframes, nvalues = 0;
    BASE_CHECK(n > 1);
    Link *links = __builtin_alloca(n * sizeof(Link));
    for (uint32_t k = 0; k < n; k++) {
        links[k] = (Link){.xf = &u->exit_frames[x->frames + k]};
        links[k].code = rt_exit_code(u, links[k].xf);
        nvalues += (uint32_t)links[k].xf->nstack + links[k].xf->ndirty;
    }
    PyObject **values = __builtin_alloca((nvalues + 1) * sizeof(PyObject *));
    RtException e = {NULL, NULL, NULL};
    uint32_t keep = links[0].xf->nstack;
    bool throws = exit_throws(ts, x);
    if (throws) {
        Py311Handler handler;
        PyCodeObject *co = links[0].code;
        bool found = py311_find_handler(co, opcode_unit(co, x->throw_bci), &handler);
        keep = found ? (uint32_t)handler.depth : 0;
        if (BASE_UNLIKELY(!rt_err(ts)))
            PyErr_SetString(PyExc_SystemError, "error return without exception set");
        e = rt_take_exception(ts);
    }
    bool no_memory = !reify_chain(links, n, keep, values, u, f, regs);
    if (throws) {
        if (BASE_UNLIKELY(no_memory))
            PyErr_Clear(); /* the exception on its way counts, not the MemoryError */
        rt_give_exception(ts, e);
    }

    /* The functions are no part of their callers' stacks, which may have no room for them. */
    for (uint32_t k = 1; k < n; k++)
        links[k].func = take_top(&links[k].r);
    links[n - 1].f = f;
    store_values(&links[n - 1].r, f);
    uint32_t k = n - 1;
    for (; k > 0; k--) {
        Link *caller = &links[k];
        PyCodeObject *co = caller->code;
        caller->f->prev_instr = py311_code_units(co) + opcode_unit(co, caller->xf->bci);
        if (!push_inlined(ts, &links[k - 1], caller))
            break;
    }
    drop_old_locals(&links[n - 1].r);
    RtLeave left = finished(NULL);
    if (BASE_LIKELY(k == 0)) {
        links[0].f->prev_instr = py311_code_units(links[0].code) + links[0].xf->bci - 1;
        left.result = leave_innermost(ts, &links[0], u, x, throws, no_memory);
        pop_inlined(ts, &links[0]);
        k = 1;
    } else {
        for (uint32_t i = 0; i < k; i++) {
            for (uint32_t v = 0; v < links[i].r.nstack + links[i].r.ndirty; v++)
                Py_XDECREF(links[i].r.values[v]);
            Py_XDECREF(links[i].func);
        }
        Py_CLEAR(links[k].func);
        PyErr_NoMemory();
    }
    for (; k < n; k++) {
        left = after_inlined_call(ts, u, &links[k], left.result, k == n - 1);
        if (k < n - 1)
            pop_inlined(ts, &links[k]);
    }
    return left;
}

/* Counts are for statistics and for the engine to give up on guards: without memory there are none. */
static void count_exit(CodeUnit *u, uint32_t exit_id)
{
    if (u->taken == NULL) {
        u->taken = calloc(u->nexits, sizeof *u->taken);
        if (u->taken == NULL)
            return;
        u->data_size += u->nexits * sizeof *u->taken;
    }
    u->taken[exit_id]++;
}

RtLeave rt_exit(PyThreadState *ts, struct _PyInterpreterFrame *frame, CodeUnit *u, uint32_t exit_id,
                RtRegs *regs)
{
    const RtExit *x = &u->exits[exit_id];
    const RtExitFrame *xf = &u->exit_frames[x->frames];
    Py311Frame *f = py311_frame(frame);
    count_exit(u, exit_id);
    RtLeave leave;
    if (rt_catch(ts, f, u, x, regs, &leave))
        return leave;
    if (x->nframes > 1)
        return exit_chain(ts, f, u, x, regs);
    Reified r;
    /* Bounded by the code object's locals and stack, for which the frame itself has room. */
    r.all = r.values = __builtin_alloca(((size_t)xf->nstack + xf->ndirty + 1) * sizeof(PyObject *));
    return exit_throws(ts, x) ? exit_throw(ts, f, u, x, xf, &r, regs)
                              : exit_resume(ts, f, u, x, xf, &r, regs);
}
