/* The exit handler: from compiled code's registers back to CPython's frame.
 *
 * An exit names where each value-stack entry and each local with an outdated home is.  All of them
 * are turned into owned references first (raw values are boxed, one box per SSA value, borrowed
 * references are counted); then they are stored, and only then references that the frame lost are
 * dropped, because that may run Python code which looks at the frame.
 *
 * RESUME exits go on in tier 0 at the exit's bytecode.  THROW exits do what ceval.c does at `error`
 * and `exception_unwind`: traceback entry, tracing events, and either continue in tier 0 at the
 * handler that the exception table names, or give the exception to the caller.  So tier 0 is never
 * entered with throwflag, which would tell tracers of a call that does not happen. */
#include "rt_internal.h"

#include <string.h>

#include "hir.h"
#include "py311_opcodes.h"

PyObject *(*rt_eval_tier0)(PyThreadState *ts, struct _PyInterpreterFrame *frame,
                           int throwflag) = _PyEval_EvalFrameDefault;

/* Number of the frame pointer register, to which stack locations are relative. */
enum { REG_RBP = 5 };

/* The 64 bits at a location. */
static uint64_t read_bits(const RtLoc *loc, const CodeUnit *u, const Py311Frame *f,
                          const RtRegs *regs)
{
    uint64_t bits = 0;
    switch ((RtLocKind)loc->kind) {
    case RT_LOC_GPR: return regs->gpr[loc->where];
    case RT_LOC_XMM: memcpy(&bits, &regs->xmm[loc->where], sizeof bits); return bits;
    case RT_LOC_STACK:
        memcpy(&bits, (const char *)(uintptr_t)regs->gpr[REG_RBP] + loc->where, sizeof bits);
        return bits;
    case RT_LOC_CONST: return (uint64_t)u->consts[loc->where];
    case RT_LOC_HOME: return (uint64_t)(uintptr_t)f->localsplus[loc->where];
    }
    BASE_UNREACHABLE();
}

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

/* What an exit found: owned references to the stack entries, bottom first, then to the locals. */
typedef struct {
    PyObject **values;
    uint32_t nstack, ndirty;
    const uint16_t *dirty; /* local indices */
    bool failed;           /* boxing ran out of memory: that entry is NULL */
} Reified;

/* Fetches all values.  Stack entries from `keep` on will only be dropped: raw ones are not boxed
 * and borrowed ones not counted; their values are NULL. */
static void reify(Reified *r, uint32_t keep, const CodeUnit *u, const RtExitFrame *xf,
                  const Py311Frame *f, const RtRegs *regs)
{
    const RtLoc *locs = u->locs + xf->locs;
    r->nstack = xf->nstack;
    r->ndirty = xf->ndirty;
    r->dirty = u->dirty_index + xf->dirty;
    r->failed = false;
    for (uint32_t i = 0; i < r->nstack + r->ndirty; i++) {
        const RtLoc *loc = &locs[i];
        bool dropped = i >= keep && i < r->nstack;
        PyObject *v;
        if (loc->rep == HIR_OBJ) {
            v = (PyObject *)(uintptr_t)read_bits(loc, u, f, regs);
            if (!loc->owned)
                v = dropped ? NULL : Py_XNewRef(v);
        } else if (dropped) {
            v = NULL;
        } else if (loc->same_as != 0 && r->values[loc->same_as - 1] != NULL) {
            v = Py_NewRef(r->values[loc->same_as - 1]);
        } else {
            v = box((HirRep)loc->rep, read_bits(loc, u, f, regs));
            if (v == NULL)
                r->failed = true;
        }
        r->values[i] = v;
    }
}

/* Stores the stack entries and the locals; then drops what the locals held. */
static void write_back(Reified *r, Py311Frame *f)
{
    PyObject **stack = f->localsplus + f->f_code->co_nlocalsplus;
    for (uint32_t i = 0; i < r->nstack; i++)
        stack[i] = r->values[i];
    PyObject **olds = r->values + r->nstack;
    for (uint32_t i = 0; i < r->ndirty; i++) {
        PyObject **home = &f->localsplus[r->dirty[i]];
        PyObject *old = *home;
        *home = olds[i];
        olds[i] = old;
    }
    for (uint32_t i = 0; i < r->ndirty; i++)
        Py_XDECREF(olds[i]);
}

/* Runs the frame from prev_instr + 1 in tier 0, which links and unlinks it and counts it as a
 * level of recursion; our caller did both already, so they are undone and redone around it. */
static PyObject *run_tier0(PyThreadState *ts, Py311Frame *f, int nstack)
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
    f->stacktop = -1;
    return res;
}

/* The unit of the opcode proper of the instruction that starts at `bci` (behind EXTENDED_ARGs). */
static int32_t opcode_unit(PyCodeObject *co, int32_t bci)
{
    Py311Ins ins;
    return py311_decode(co, bci, &ins) ? ins.op_bci : bci;
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

/* From `error` on: the frame is reified, the exception set, prev_instr right.  `handler` is the
 * one that covers the instruction, or NULL; nstack entries are on the stack. */
static PyObject *throw_in_frame(PyThreadState *ts, Py311Frame *f, const Py311Handler *handler,
                                uint32_t nstack, bool reraise)
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
        return NULL;
    }
    if (lasti != NULL)
        stack[depth++] = lasti;
    PyObject *type, *value, *tb;
    PyErr_Fetch(&type, &value, &tb);
    PyErr_NormalizeException(&type, &value, &tb);
    PyException_SetTraceback(value, tb != NULL ? tb : Py_None);
    Py_XDECREF(tb);
    Py_XDECREF(type);
    stack[depth++] = value;
    f->prev_instr = py311_code_units(co) + handler->target - 1;
    return run_tier0(ts, f, (int)depth);
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
    int32_t unit = opcode_unit(f->f_code, bci);
    f->prev_instr = py311_code_units(f->f_code) + unit;
    Py311Handler handler;
    bool found = py311_find_handler(f->f_code, unit, &handler);
    return throw_in_frame(ts, f, found ? &handler : NULL, r->nstack, false);
}

static PyObject *exit_resume(PyThreadState *ts, Py311Frame *f, CodeUnit *u, RtExit *x,
                             const RtExitFrame *xf, Reified *r, const RtRegs *regs)
{
    reify(r, xf->nstack, u, xf, f, regs);
    if (BASE_UNLIKELY(r->failed))
        return throw_no_memory(ts, f, r, xf->bci);
    f->prev_instr = py311_code_units(f->f_code) + xf->bci - 1;
    write_back(r, f);
    u->resumes++;
    if (rt_on_resume_exit != NULL)
        rt_on_resume_exit(u, x);
    return run_tier0(ts, f, xf->nstack);
}

static PyObject *exit_throw(PyThreadState *ts, Py311Frame *f, CodeUnit *u, RtExit *x,
                            const RtExitFrame *xf, Reified *r, const RtRegs *regs)
{
    bool reraise = rt_reraised;
    rt_reraised = false;
    PyCodeObject *co = f->f_code;
    int32_t unit = opcode_unit(co, x->throw_bci);
    /* At a safepoint tier 0 has already moved on: it looks for handlers at the unit before the
     * next instruction, which for a jump back is not the jump (ceval.c, exception_unwind). */
    int32_t where = x->reason == HIR_CheckEval ? xf->bci - 1 : unit;
    Py311Handler handler;
    bool found = py311_find_handler(co, where, &handler);

    if (BASE_UNLIKELY(!rt_err(ts)))
        PyErr_SetString(PyExc_SystemError, "error return without exception set");
    PyObject *type, *value, *tb;
    PyErr_Fetch(&type, &value, &tb);
    uint32_t keep = found ? (uint32_t)handler.depth : 0;
    reify(r, keep, u, xf, f, regs);
    if (BASE_UNLIKELY(r->failed))
        patch_stack(r, keep);
    /* When boxing fails the exception on its way counts, not the MemoryError. */
    PyErr_Restore(type, value, tb);
    f->prev_instr = py311_code_units(co) + unit;
    write_back(r, f);
    return throw_in_frame(ts, f, found ? &handler : NULL, r->nstack, reraise);
}

PyObject *rt_exit(PyThreadState *ts, struct _PyInterpreterFrame *frame, CodeUnit *u,
                  uint32_t exit_id, RtRegs *regs)
{
    RtExit *x = &u->exits[exit_id];
    BASE_CHECK(x->nframes == 1);
    const RtExitFrame *xf = &u->exit_frames[x->frames];
    Py311Frame *f = py311_frame(frame);
    x->count++;
    Reified r;
    /* Bounded by the code object's locals and stack, for which the frame itself has room. */
    r.values = __builtin_alloca(((size_t)xf->nstack + xf->ndirty + 1) * sizeof(PyObject *));
    if (x->kind == RT_EXIT_RESUME)
        return exit_resume(ts, f, u, x, xf, &r, regs);
    return exit_throw(ts, f, u, x, xf, &r, regs);
}
