/* Lowering of ops that are calls: driven by hir_ops.def, which says what a helper takes and how it
 * reports failure. */
#include "lir_lower.h"

#include "rt.h"

/* Helpers that lowering calls but that the table does not list are named where they are called. */
static const void *const helpers[HIR_NOPS] = {
#define HIR_OP(name, rep, type, flags, helper, doc) [HIR_##name] = (const void *)helper,
#include "hir_ops.def"
#undef HIR_OP
};

const void *lw_helper(HirOp op)
{
    return helpers[op];
}

/* Words of out area that a multi-result op fills; 0 for all others. */
static uint32_t results(const HirIns *i)
{
    switch (i->op) {
    case HIR_UnpackSeq: return i->aux;
    case HIR_UnpackEx: /* before the star, the list, after it */
        return (i->aux & 0xff) + 1 + (i->aux >> 8);
    case HIR_LoadMethod:
    case HIR_SuperMethod:
    case HIR_EgMatch:
    case HIR_BeforeWith:
    case HIR_BeforeAsyncWith: return 1;
    default: return 0;
    }
}

void lw_fill_out(Lower *L, HirIns *i)
{
    for (uint32_t k = 0; k < i->nargs; k++) {
        LirOpnd v = lw_opnd(L, i->args[k]);
        if (v.kind == LIR_O_MEM) { /* a store has one operand in memory */
            v = lir_reg(lw_reg(L, i->args[k]));
        }
        lir_store(L->f, 8, lir_out(L->f, k), v);
    }
}

static uint32_t call_args(Lower *L, HirIns *i, LirOpnd *args)
{
    uint32_t fl = hir_op_info[i->op].flags, n = 0;
    if (fl & HIR_F_TS) {
        args[n++] = lir_reg(LIR_TS);
    }
    if (fl & HIR_F_FRAME) {
        args[n++] = lir_reg(LIR_FRAME);
    }
    if (fl & HIR_F_VAR) {
        lw_fill_out(L, i);
        args[n++] = lir_addr(lir_out(L->f, 0));
        args[n++] = lir_imm(i->nargs);
    } else {
        BASE_CHECK(i->nargs <= 3);
        for (uint32_t k = 0; k < i->nargs; k++) {
            args[n++] =
                i->args[k]->rep == HIR_F64 ? lw_regop(L, i->args[k]) : lw_opnd(L, i->args[k]);
        }
    }
    if (fl & HIR_F_IMM) {
        args[n++] = lir_ptr(i->imm.p);
    }
    if (fl & HIR_F_AUX) {
        args[n++] = lir_imm((int32_t)i->aux);
    }
    if (results(i)) {
        (void)lir_out(L->f, results(i) - 1);
        args[n++] = lir_addr(lir_out(L->f, 0));
    } else if (i->op == HIR_UnpackSeq) {
        args[n++] = lir_addr(lir_out(L->f, 0)); /* () = v */
    }
    return n;
}

static LirCheck check_of(const HirIns *i)
{
    if (!hir_is(i, HIR_F_RAISE | HIR_F_DEOPT) || i->caught) {
        return LIR_CHK_NONE;
    }
    switch (i->rep) {
    case HIR_OBJ: return LIR_CHK_NULL;
    case HIR_I64: return LIR_CHK_NEG64;
    default: return LIR_CHK_NEG32;
    }
}

LirIns *lw_emit_call(Lower *L, HirIns *i, LirCheck check)
{
    LirOpnd args[8];
    if (hir_is(i, HIR_F_ARB | HIR_F_RAISE)) {
        lw_prev(L, i);
    }
    uint32_t n = call_args(L, i, args);
    LirExit *x = NULL;
    if (check != LIR_CHK_NONE) { /* failure without an exception: tier 0 does it */
        x = hir_is(i, HIR_F_RAISE) ? lw_throw(L, i) : lw_resume(L, i);
    }
    const LwVal *v = &L->vals[i->id];
    LirReg dst = v->reg;
    if (i->rep != HIR_VOID && v->nuses > 0 && dst == LIR_NOREG) {
        dst = lw_def(L, i);
    }
    LirIns *call = lir_call(L->f, helpers[i->op], dst, args, n, check, x);
    if (i->rep == HIR_BOOL) {
        call->cflags |= LIR_CALL_BOOL;
    }
    if (L->f->cur->cold) {
        call->cflags |= LIR_CALL_PRESERVE;
    }
    return call;
}

void lw_call(Lower *L, HirIns *i)
{
    lw_emit_call(L, i, check_of(i));
}

void lw_call_aside(Lower *L, HirIns *i)
{
    int32_t known = L->prev_bci;
    lw_call(L, i);
    if (L->prev_bci != known) {
        L->prev_bci = LW_PREV_UNKNOWN; /* stored on this path only */
    }
}

void lw_yes_no(Lower *L, LirReg r, LirBlock *yes, LirBlock *no, LirBlock *done)
{
    LirFunc *f = L->f;
    lir_at(f, yes);
    lir_mov(f, r, lir_imm(1));
    lir_jmp(f, done);
    lir_at(f, no);
    lir_mov(f, r, lir_imm(0));
    lir_jmp(f, done);
    lir_at(f, done);
}

/* RAISE_VARARGS and RERAISE never come back with success. */
void lw_raise(Lower *L, HirIns *i)
{
    LirExit *x = lw_throw(L, i);
    lw_emit_call(L, i, LIR_CHK_NONE);
    lir_exit(L->f, x);
}

void lw_load_out(Lower *L, HirIns *i)
{
    LirReg r = lir_load(L->f, 8, lir_out(L->f, i->aux));
    lw_set(L, i, r);
}

bool lw_truthy_inline(const HirIns *i)
{
    return i->op == HIR_Truthy && i->args[0]->type & (HIR_T_BOOL | HIR_T_NONE);
}

/* bool(v), where v is True, False or None most often: POP_JUMP_IF_TRUE looks at these before it asks
 * PyObject_IsTrue. The call is out of line and keeps the registers. */
void lw_truthy(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    bool negated = false;
    if (!lw_truthy_inline(i)) {
        lw_call(L, i);
        return;
    }
    bool branches = lw_branch_on(L, i, &negated) != NULL;
    LirBlock *no_bool = lw_block(L, false), *other = lw_block(L, false), *call = lw_block(L, true);
    LirBlock *t = NULL, *e = NULL;
    LwEdge yes, no;
    if (branches) {
        yes = lw_edge_to(L, negated ? 1 : 0);
        no = lw_edge_to(L, negated ? 0 : 1);
    } else {
        yes = lw_plain(t = lw_block(L, false));
        no = lw_plain(e = lw_block(L, false));
    }
    LirOpnd v = lw_regop(L, i->args[0]);
    LirReg r = lw_def(L, i);
    lw_br(L, (LwCond){LIR_CMP, 8, LIR_E, v, lir_ptr(Py_True)}, yes, lw_plain(no_bool));
    lir_at(f, no_bool);
    lw_br(L, (LwCond){LIR_CMP, 8, LIR_E, v, lir_ptr(Py_False)}, no, lw_plain(other));
    lir_at(f, other);
    lw_br(L, (LwCond){LIR_CMP, 8, LIR_E, v, lir_ptr(Py_None)}, no, lw_plain(call));
    lir_at(f, call);
    L->vals[i->id].nuses += branches; /* by the test that follows */
    lw_call_aside(L, i);
    LwCond truth = {LIR_TEST, 8, LIR_NE, lir_reg(r), lir_reg(r)};
    if (branches) {
        lw_br(L, truth, yes, no);
        return;
    }
    LirBlock *done = lw_block(L, false);
    lir_jmp(f, done);
    lw_yes_no(L, r, t, e, done);
}
