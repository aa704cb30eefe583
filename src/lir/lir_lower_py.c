/* Lowering of CallPy: a call of a Python function whose code object is known, from compiled code.
 *
 * The callee's frame is written in line, arguments straight into its locals, and its entry called
 * through the code object's entry word, which leads to its unit or, while there is none, to tier 0.
 * What must hold is compared first, each once: tracing is off, the engine is active, the C stack and
 * the recursion limit are not reached, the data stack's chunk has room.  When anything does not,
 * rt_call_py does it all, out of line.  After the call the function that rt_leave_py names clears and pops the frame.
 * Compact code has all that in code that its calls share (lir_shared.c). */
#include "lir_lower.h"

#include "py311_frame.h"
#include "rt.h"

/* Locals to be set to NULL in line; a function with more has them set by a call, which costs little beside what such a
 * function does. */
#define MAX_UNSET 16

static void field(Lower *L, LirReg frame, int32_t offset, LirOpnd v)
{
    lir_store(L->f, 8, lir_mem(frame, offset), v);
}

/* Takes room on the data stack; `slow` unless everything permits the call. Gives the frame. */
static LirReg push_frame(Lower *L, const PyCodeObject *co, LirReg cframe, LirBlock *slow)
{
    LirFunc *f = L->f;
    int32_t size = (int32_t)py311_frame_size(co);
    LirReg interp = lir_load(f, 8, lir_mem(LIR_TS, PY311_OFF_TS_INTERP));
    lw_unless(L, LIR_CMP, 1, LIR_NE, lir_mem(cframe, PY311_OFF_CFRAME_USE_TRACING), lir_imm(0),
              slow);
    /* The hook is there, or it is away; another's is neither. */
    LirOpnd hook = lir_mem(interp, PY311_OFF_INTERP_EVAL_FRAME);
    LirBlock *other = lw_block(L, true), *ours = lw_block(L, false);
    lw_unless(L, LIR_CMP, 8, LIR_NE, hook, lir_ptr(rt_direct.hook), other);
    lir_jmp(f, ours);
    lir_at(f, other);
    lw_unless(L, LIR_CMP, 8, LIR_NE, hook, lir_imm(0), slow);
    lir_jmp(f, ours);
    lir_at(f, ours);
    lw_unless(L, LIR_CMPSP, 8, LIR_B, lir_imm(rt_direct.stack_low), lir_none(), slow);
    LirOpnd remaining = lir_mem(LIR_TS, PY311_OFF_TS_RECURSION_REMAINING);
    lw_unless(L, LIR_CMP, 4, LIR_LE, remaining, lir_imm(0), slow);
    LirReg frame = lir_load(f, 8, lir_mem(LIR_TS, PY311_OFF_TS_DATASTACK_TOP));
    LirReg top = lir_lea(f, lir_mem(frame, size));
    /* Both are NULL while the thread has no chunk. */
    lw_unless(L, LIR_CMP, 8, LIR_AE, lir_reg(top), lir_mem(LIR_TS, PY311_OFF_TS_DATASTACK_LIMIT),
              slow);
    lir_rmw(f, LIR_SUBM, 4, remaining, lir_imm(1));
    lir_store(f, 8, lir_mem(LIR_TS, PY311_OFF_TS_DATASTACK_TOP), lir_reg(top));
    return frame;
}

/* As py311_frame_init, with `previous`: the caller's frame is the current one. */
static void init_frame(Lower *L, LirReg frame, LirReg func, PyCodeObject *co)
{
    LirFunc *f = L->f;
    LirReg code = lir_copy(f, LIR_GPR, lir_ptr(co));
    LirReg globals = lir_load(f, 8, lir_mem(func, PY311_OFF_FUNC_GLOBALS));
    LirReg builtins = lir_load(f, 8, lir_mem(func, PY311_OFF_FUNC_BUILTINS));
    lir_rmw(f, LIR_ADDM, 8, lir_mem(func, PY311_OFF_OBJ_REFCNT), lir_imm(1));
    lir_rmw(f, LIR_ADDM, 8, lir_mem(code, PY311_OFF_OBJ_REFCNT), lir_imm(1));
    field(L, frame, PY311_OFF_FRAME_FUNC, lir_reg(func));
    field(L, frame, PY311_OFF_FRAME_GLOBALS, lir_reg(globals));
    field(L, frame, PY311_OFF_FRAME_BUILTINS, lir_reg(builtins));
    field(L, frame, PY311_OFF_FRAME_LOCALS, lir_imm(0));
    field(L, frame, PY311_OFF_FRAME_CODE, lir_reg(code));
    field(L, frame, PY311_OFF_FRAME_OBJ, lir_imm(0));
    field(L, frame, PY311_OFF_FRAME_PREVIOUS, lir_reg(LIR_FRAME));
    LirReg start =
        lir_lea(f, lir_mem(code, PY311_OFF_CODE_CODE - 2)); /* the unit before the first */
    field(L, frame, PY311_OFF_FRAME_PREV_INSTR, lir_reg(start));
    field(L, frame, PY311_OFF_FRAME_STACKTOP, lir_imm(py311_frame_word(PY311_OWNED_BY_THREAD)));
}

/* What both calls of Python functions have: the operands, where to go when the call is not to be made in line. */
typedef struct {
    PyCodeObject *code;
    RtCallee *callee;
    LirReg func;
    LirOpnd *args;
    uint32_t nargs;
    LirBlock *slow;
} PyCall;

/* False: made by the helper. */
static bool begin_call(Lower *L, HirIns *i, PyCall *c)
{
    *c = (PyCall){.code = i->imm.p, .callee = hir_callee(L->hf, i->imm.p), .nargs = i->nargs - 1};
    if (!c->callee) {
        lw_call(L, i);
        return false;
    }
    c->args = arena_array(L->hf->arena, LirOpnd, c->nargs + 1);
    c->func = lw_reg(L, i->args[0]);
    for (uint32_t k = 0; k < c->nargs; k++) {
        c->args[k] = lw_opnd(L, i->args[k + 1]);
    }
    return true;
}

/* The call in line; to c->slow when something does not permit it. Gives the callee's result, its frame still there.
 * `kept` gets a reference, unless it is LIR_NOREG. */
static LirReg run_callee(Lower *L, const PyCall *c, LirReg kept)
{
    LirFunc *f = L->f;
    LirReg cframe = lir_load(f, 8, lir_mem(LIR_TS, PY311_OFF_TS_CFRAME));
    LirReg frame = push_frame(L, c->code, cframe, c->slow);
    init_frame(L, frame, c->func, c->code);
    int nunset = c->code->co_nlocalsplus - (int)c->nargs;
    int in_line = nunset > MAX_UNSET ? (int)c->nargs : c->code->co_nlocalsplus;
    for (int k = 0; k < in_line; k++) {
        field(L, frame, PY311_OFF_FRAME_LOCALSPLUS + 8 * k,
              k < (int)c->nargs ? c->args[k] : lir_imm(0));
    }
    if (nunset > MAX_UNSET) {
        LirReg first = lir_lea(f, lir_mem(frame, PY311_OFF_FRAME_LOCALSPLUS + 8 * in_line));
        LirOpnd unset[] = {lir_reg(first), lir_imm(nunset)};
        lir_call(f, (const void *)(uintptr_t)rt_unset, LIR_NOREG, unset, 2, LIR_CHK_NONE, NULL);
    }
    if (kept != LIR_NOREG) {
        lir_rmw(f, LIR_ADDM, 8, lir_mem(kept, PY311_OFF_OBJ_REFCNT), lir_imm(1));
    }
    lir_store(f, 8, lir_mem(cframe, PY311_OFF_CFRAME_CURRENT_FRAME), lir_reg(frame));
    LirReg word = lir_copy(f, LIR_GPR, lir_ptr(&c->callee->entry));
    LirReg result = lir_vreg(f, LIR_GPR);
    LirOpnd run[] = {lir_reg(LIR_TS), lir_reg(frame)};
    lir_call_ind(f, lir_mem(word, 0), result, run, 2, LIR_CHK_NONE, NULL);
    return result;
}

/* By the code that all share; false: not in this function, or not for as many arguments. */
static bool call_shared(Lower *L, HirIns *i)
{
    uint32_t nargs = i->nargs - 1;
    const RtShared *s = &rt_direct.shared;
    RtCallee *callee =
        L->f->compact && nargs < RT_SHARED_CALLS ? hir_callee(L->hf, i->imm.p) : NULL;
    if (!callee) {
        return false;
    }
    lw_prev(L, i);
    lw_fill_out(L, i);
    LirExit *fail = lw_throw(L, i);
    LirOpnd arg = lir_ptr(callee);
    lir_call(L->f, s->call[nargs], lw_def(L, i), &arg, 1, LIR_CHK_NULL, fail)->leave =
        s->leave[BASE_MIN(callee->nlocalsplus, RT_LEAVES - 1)];
    return true;
}

void lw_call_py(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    PyCall c;
    if (call_shared(L, i)) {
        return;
    }
    if (!begin_call(L, i, &c)) {
        return;
    }
    LirExit *fail = lw_throw(L, i);
    LirReg r = lw_def(L, i);
    LirBlock *done = lw_block(L, false);
    c.slow = lw_block(L, true);
    lw_prev(L, i);
    LirOpnd leave[] = {lir_reg(LIR_TS), lir_reg(run_callee(L, &c, LIR_NOREG))};
    lir_call(f, (const void *)(uintptr_t)rt_leave_py(c.code->co_nlocalsplus), r, leave, 2,
             LIR_CHK_NULL, fail);
    lir_jmp(f, done);

    lir_at(f, c.slow);
    lw_emit_call(L, i, LIR_CHK_NULL);
    lir_jmp(f, done);
    lir_at(f, done);
}

/* __init__ of a NewInstance, whose class is looked at again: allocating may have run the collector, and so anything. */
void lw_call_init(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    PyCall c;
    if (!begin_call(L, i, &c)) {
        return;
    }
    LirReg self = lw_reg(L, i->args[1]);
    LirExit *fail = lw_throw(L, i);
    LirReg r = lw_def(L, i);
    LirBlock *done = lw_block(L, false), *wrong = lw_block(L, true);
    c.slow = lw_block(L, true);
    lw_prev(L, i);
    LirReg type = lir_load(f, 8, lir_mem(self, PY311_OFF_OBJ_TYPE));
    lw_unless(L, LIR_CMP, 4, LIR_NE, lir_mem(type, PY311_OFF_TYPE_VERSION_TAG),
              lir_imm((int32_t)i->aux), c.slow);
    lw_unless(L, LIR_CMP, 8, LIR_NE, lir_mem(c.func, PY311_OFF_FUNC_CODE), lir_ptr(c.code), c.slow);
    lir_mov(f, r, lir_reg(self));
    LirReg result = run_callee(L, &c, r); /* the frame takes over the one reference there is */
    LirReg res = lir_vreg(f, LIR_GPR);
    LirOpnd leave[] = {lir_reg(LIR_TS), lir_reg(result)};
    lir_call(f, (const void *)(uintptr_t)rt_leave_py(c.code->co_nlocalsplus), res, leave, 2,
             LIR_CHK_NONE, NULL);
    lw_unless(L, LIR_CMP, 8, LIR_NE, lir_reg(res), lir_ptr(Py_None), wrong);
    LirReg none = lir_copy(f, LIR_GPR, lir_ptr(Py_None));
    lir_rmw(f, LIR_SUBM, 8, lir_mem(none, PY311_OFF_OBJ_REFCNT), lir_imm(1));
    lir_rmw(f, LIR_ADDM, 4, lir_mem(LIR_TS, PY311_OFF_TS_RECURSION_REMAINING), lir_imm(1));
    lir_jmp(f, done);

    lir_at(f, wrong);
    LirOpnd end[] = {lir_reg(LIR_TS), lir_reg(r), lir_reg(res)};
    lir_call(f, (const void *)(uintptr_t)rt_end_init, LIR_NOREG, end, 3, LIR_CHK_NONE, NULL)
        ->cflags |= LIR_CALL_PRESERVE;
    lir_exit(f, fail);

    lir_at(f, c.slow);
    lw_emit_call(L, i, LIR_CHK_NULL);
    lir_jmp(f, done);
    lir_at(f, done);
}
