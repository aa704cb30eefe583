/* Lowering of unboxed arithmetic, comparisons and conditions. */
#include "lir_lower.h"

#include "py311_frame.h"
#include "py311_opcodes.h"
#include "rt.h"

/* --- doubles ---------------------------------------------------------------------- */

static LirOp f_op(const HirIns *i)
{
    switch (i->op) {
    case HIR_FAdd: return LIR_FADD;
    case HIR_FSub: return LIR_FSUB;
    case HIR_FMul: return LIR_FMUL;
    case HIR_FDiv: return LIR_FDIV;
    case HIR_FNeg: return LIR_FNEG;
    case HIR_FAbs: return LIR_FABS;
    case HIR_FSqrt: return LIR_FSQRT;
    default: BASE_UNREACHABLE();
    }
}

void lw_f_op2(Lower *L, HirIns *i)
{
    LirOpnd a = lw_opnd(L, i->args[0]), b = lw_opnd(L, i->args[1]);
    lw_set(L, i, lir_op2(L->f, f_op(i), a, b));
}

void lw_f_op1(Lower *L, HirIns *i)
{
    lw_set(L, i, lir_op1(L->f, f_op(i), lw_opnd(L, i->args[0])));
}

/* float_pow's special cases are in the helper, which says no where tier 0 must decide. */
void lw_f_pow(Lower *L, HirIns *i)
{
    LirExit *x = lw_resume(L, i);
    LirOpnd result = lir_out(L->f, 0);
    LirOpnd args[] = {lw_regop(L, i->args[0]), lw_regop(L, i->args[1]), lir_addr(result)};
    LirReg ok = lir_vreg(L->f, LIR_GPR);
    lir_call(L->f, (const void *)rt_float_pow, ok, args, 3, LIR_CHK_NONE, NULL);
    lir_guard(L->f, LIR_TEST, 4, LIR_E, lir_reg(ok), lir_reg(ok), x);
    lw_set(L, i, lir_load_f64(L->f, result));
}

/* --- integers --------------------------------------------------------------------- */

static LirOp i_op(const HirIns *i)
{
    switch (i->op) {
    case HIR_IAdd: return LIR_ADD;
    case HIR_ISub: return LIR_SUB;
    case HIR_IMul: return LIR_IMUL;
    case HIR_IAnd: return LIR_AND;
    case HIR_IOr: return LIR_OR;
    case HIR_IXor: return LIR_XOR;
    case HIR_INeg: return LIR_NEG;
    case HIR_INot: return LIR_NOT;
    default: BASE_UNREACHABLE();
    }
}

void lw_i_op2(Lower *L, HirIns *i)
{
    LirOpnd a = lw_opnd(L, i->args[0]), b = lw_opnd(L, i->args[1]);
    if (hir_is(i, HIR_F_DEOPT)) {
        lw_set(L, i, lir_op2_guard(L->f, i_op(i), a, b, LIR_O, lw_resume(L, i)));
    } else {
        lw_set(L, i, lir_op2(L->f, i_op(i), a, b));
    }
}

void lw_i_op1(Lower *L, HirIns *i)
{
    LirOpnd a = lw_opnd(L, i->args[0]);
    if (hir_is(i, HIR_F_DEOPT)) {
        lw_set(L, i, lir_op2_guard(L->f, i_op(i), a, lir_none(), LIR_O, lw_resume(L, i)));
    } else {
        lw_set(L, i, lir_op1(L->f, i_op(i), a));
    }
}

static bool is_const(const HirIns *v)
{
    return v->op == HIR_ConstI64;
}

void lw_i_shl(Lower *L, HirIns *i)
{
    LirOpnd a = lw_regop(L, i->args[0]), b = lw_opnd(L, i->args[1]);
    LirExit *x = lw_resume(L, i);
    if (is_const(i->args[1])) {
        if (i->args[1]->imm.i < 0 || i->args[1]->imm.i >= 63) {
            lw_set(L, i, lir_copy(L->f, LIR_GPR, lir_imm(0)));
            lir_guard(L->f, LIR_CMP, 8, LIR_E, a, a, x); /* always */
            return;
        }
    } else {
        lir_guard(L->f, LIR_CMP, 8, LIR_AE, b, lir_imm(63), x);
    }
    LirReg r = lir_op2(L->f, LIR_SHL, a, b);
    LirReg back = lir_op2(L->f, LIR_SAR, lir_reg(r), b);
    lir_guard(L->f, LIR_CMP, 8, LIR_NE, lir_reg(back), a, x);
    lw_set(L, i, r);
}

void lw_i_shr(Lower *L, HirIns *i)
{
    LirOpnd a = lw_opnd(L, i->args[0]);
    if (is_const(i->args[1]) && i->args[1]->imm.i >= 0) {
        int64_t n = i->args[1]->imm.i;
        lw_set(L, i, lir_op2(L->f, LIR_SAR, a, lir_imm(n < 63 ? n : 63)));
        return;
    }
    LirReg b = lw_reg(L, i->args[1]);
    lir_guard(L->f, LIR_TEST, 8, LIR_S, lir_reg(b), lir_reg(b), lw_resume(L, i));
    /* The processor takes the count modulo 64. */
    LirReg n = lir_copy(L->f, LIR_GPR, lir_reg(b));
    lir_slow(L->f, LIR_CMP, 8, LIR_G, LIR_NOREG, lir_reg(b), lir_imm(63));
    lir_mov(L->f, n, lir_imm(63));
    lir_slow_end(L->f);
    lw_set(L, i, lir_op2(L->f, LIR_SAR, a, lir_reg(n)));
}

/* Leaves where the division would trap: b == 0, and INT64_MIN by -1. */
static void guard_division(Lower *L, HirIns *i, LirOpnd a, LirOpnd b)
{
    LirExit *x = lw_resume(L, i);
    const HirIns *d = i->args[1];
    if (!is_const(d) || d->imm.i == 0) {
        lir_guard(L->f, LIR_TEST, 8, LIR_E, b, b, x);
    }
    if (!is_const(d)) {
        lir_slow(L->f, LIR_CMP, 8, LIR_E, LIR_NOREG, b, lir_imm(-1));
        lir_guard(L->f, LIR_CMP, 8, LIR_E, a, lir_imm(INT64_MIN), x);
        lir_slow_end(L->f);
    } else if (d->imm.i == -1) {
        lir_guard(L->f, LIR_CMP, 8, LIR_E, a, lir_imm(INT64_MIN), x);
    }
}

/* Rounding down instead of toward zero: where the remainder is not 0 and its sign is not the
 * divisor's, the quotient is one less and the remainder one divisor more. The mask is -1 there. */
static LirReg rounding_mask(Lower *L, const HirIns *divisor, LirReg rem, LirOpnd b)
{
    LirFunc *f = L->f;
    LirOpnd r = lir_reg(rem);
    if (is_const(divisor) && divisor->imm.i > 0) {
        return lir_op2(f, LIR_SAR, r, lir_imm(63));
    }
    LirReg differ = lir_op2(f, LIR_XOR, r, b);
    LirReg minus = lir_op1(f, LIR_NEG, r);
    LirReg nonzero = lir_op2(f, LIR_OR, lir_reg(minus), r); /* sign bit: rem != 0 */
    LirReg both = lir_op2(f, LIR_AND, lir_reg(nonzero), lir_reg(differ));
    return lir_op2(f, LIR_SAR, lir_reg(both), lir_imm(63));
}

void lw_i_div(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    HirIns *d = i->args[1];
    LirOpnd a = lw_regop(L, i->args[0]);
    if (is_const(d) && d->imm.i > 0 && (d->imm.i & (d->imm.i - 1)) == 0) {
        int k = __builtin_ctzll((uint64_t)d->imm.i);
        lw_set(L, i,
               i->op == HIR_IFloorDiv ? lir_op2(f, LIR_SAR, a, lir_imm(k))
                                      : lir_op2(f, LIR_AND, a, lir_imm(d->imm.i - 1)));
        return;
    }
    LirOpnd b = lw_regop(L, d);
    guard_division(L, i, a, b);
    LirReg quot, rem;
    lir_idiv(f, a, b, i->op == HIR_IFloorDiv ? &quot : NULL, &rem);
    LirReg mask = rounding_mask(L, d, rem, b);
    if (i->op == HIR_IFloorDiv) {
        lw_set(L, i, lir_op2(f, LIR_ADD, lir_reg(quot), lir_reg(mask)));
    } else {
        LirReg more = lir_op2(f, LIR_AND, lir_reg(mask), b);
        lw_set(L, i, lir_op2(f, LIR_ADD, lir_reg(rem), lir_reg(more)));
    }
}

/* --- conversions -------------------------------------------------------------------- */

/* Exact up to 2**53: a >> 53 is 0 or -1 then (2**53 itself leaves, which is never wrong). */
void lw_i2f(Lower *L, HirIns *i)
{
    LirOpnd a = lw_regop(L, i->args[0]);
    LirReg high = lir_op2(L->f, LIR_SAR, a, lir_imm(53));
    LirReg sum = lir_op2(L->f, LIR_ADD, lir_reg(high), lir_imm(1));
    lir_guard(L->f, LIR_CMP, 8, LIR_A, lir_reg(sum), lir_imm(1), lw_resume(L, i));
    lir_ins(L->f, LIR_I2F, 8, lw_def(L, i), a, lir_none());
}

/* The processor gives INT64_MIN for NaN and what does not fit; adding 2**62 makes all that is
 * outside [-2**62, 2**62) negative. */
void lw_f2i(Lower *L, HirIns *i)
{
    LirOpnd a = lw_opnd(L, i->args[0]);
    LirReg r = lir_vreg(L->f, LIR_GPR);
    lir_ins(L->f, LIR_F2I, 8, r, a, lir_none());
    LirReg moved = lir_op2(L->f, LIR_ADD, lir_reg(r), lir_imm(INT64_C(1) << 62));
    lir_guard(L->f, LIR_TEST, 8, LIR_S, lir_reg(moved), lir_reg(moved), lw_resume(L, i));
    lw_set(L, i, r);
}

/* --- conditions ----------------------------------------------------------------------- */

/* By Py_LT .. Py_GE. */
static const uint8_t i_cond[6] = {LIR_L, LIR_LE, LIR_E, LIR_NE, LIR_G, LIR_GE};
static const uint8_t f_cond[6] = {LIR_FLT, LIR_FLE, LIR_FEQ, LIR_FNE, LIR_FGT, LIR_FGE};

bool lw_can_fuse(const HirIns *v)
{
    switch (v->op) {
    case HIR_FCmp:
    case HIR_ICmp:
    case HIR_InRange:
    case HIR_BNot:
    case HIR_Is:
    case HIR_IsNull:
    case HIR_UnboxBool:
    case HIR_RangeIterMore: return true;
    case HIR_IsType: /* NULL has no type to look at */ return !(v->args[0]->type & HIR_T_NULL);
    default: return false;
    }
}

/* The comparison that v stands for, or none (op LIR_NOPS). */
static LwCond own_cond(Lower *L, HirIns *v)
{
    HirIns *a = v->nargs > 0 ? v->args[0] : NULL, *b = v->nargs > 1 ? v->args[1] : NULL;
    switch (v->op) {
    case HIR_FCmp: return (LwCond){LIR_FCMP, 8, f_cond[v->aux], lw_regop(L, a), lw_opnd(L, b)};
    case HIR_ICmp: return (LwCond){LIR_CMP, 8, i_cond[v->aux], lw_regop(L, a), lw_opnd(L, b)};
    case HIR_InRange: /* negative numbers are large ones without a sign */
        return (LwCond){LIR_CMP, 8, LIR_B, lw_regop(L, a), lw_opnd(L, b)};
    case HIR_Is: return (LwCond){LIR_CMP, 8, LIR_E, lw_regop(L, a), lw_opnd(L, b)};
    case HIR_IsNull: return (LwCond){LIR_CMP, 8, LIR_E, lw_regop(L, a), lir_imm(0)};
    case HIR_IsType:
        return (LwCond){LIR_CMP, 8, LIR_E, lw_field(L, a, PY311_OFF_OBJ_TYPE),
                        lir_ptr(hir_pytype_of(v->aux))};
    case HIR_UnboxBool: return (LwCond){LIR_CMP, 8, LIR_E, lw_regop(L, a), lir_ptr(Py_True)};
    case HIR_RangeIterMore: {
        LirReg it = lw_reg(L, a);
        LirReg index = lir_load(L->f, 8, lir_mem(it, PY311_OFF_RANGEITER_INDEX));
        return (LwCond){LIR_CMP, 8, LIR_L, lir_reg(index), lir_mem(it, PY311_OFF_RANGEITER_LEN)};
    }
    case HIR_BNot: {
        LwCond c = lw_cond(L, a);
        c.cc = lir_cond_not(c.cc);
        return c;
    }
    default: return (LwCond){.op = LIR_NOPS};
    }
}

LwCond lw_cond(Lower *L, HirIns *v)
{
    if (v->op == HIR_ConstBool) {
        LirReg r = lw_reg(L, v);
        return (LwCond){LIR_TEST, 8, LIR_NE, lir_reg(r), lir_reg(r)};
    }
    if (L->vals[v->id].fused) {
        LwCond c = own_cond(L, v);
        if (c.op != LIR_NOPS) {
            return c;
        }
    }
    LirOpnd r = lw_regop(L, v);
    return (LwCond){LIR_TEST, 8, LIR_NE, r, r};
}

/* BOOL as a value, 0 or 1. */
void lw_bool(Lower *L, HirIns *i)
{
    if (i->op == HIR_BNot) {
        lw_set(L, i, lir_op2(L->f, LIR_XOR, lw_opnd(L, i->args[0]), lir_imm(1)));
        return;
    }
    if (!lw_can_fuse(i)) { /* IsType of what may be NULL: 0 then */
        LirOpnd v = lw_regop(L, i->args[0]), type = lir_ptr(hir_pytype_of(i->aux));
        LirReg r = lir_copy(L->f, LIR_GPR, lir_imm(0));
        LirBlock *look = lw_block(L, false), *done = lw_block(L, false);
        lw_br(L, (LwCond){LIR_TEST, 8, LIR_E, v, v}, lw_plain(done), lw_plain(look));
        lir_at(L->f, look);
        LirReg same = lir_set(L->f, LIR_CMP, 8, LIR_E, lir_mem(v.reg, PY311_OFF_OBJ_TYPE), type);
        lir_mov(L->f, r, lir_reg(same));
        lir_jmp(L->f, done);
        lir_at(L->f, done);
        lw_set(L, i, r);
        return;
    }
    LwCond c = own_cond(L, i);
    lw_set(L, i, lir_set(L->f, c.op, c.w, c.cc, c.s0, c.s1));
}

void lw_bool_to_i(Lower *L, HirIns *i)
{
    lw_set(L, i, lw_reg(L, i->args[0]));
}

void lw_branch(Lower *L, HirIns *i)
{
    HirIns *v = i->args[0];
    if (L->vals[v->id].fused && (v->op == HIR_ListIterMore || v->op == HIR_TupleIterMore)) {
        lw_seq_more_branch(L, v, i);
        return;
    }
    LwEdge yes = lw_edge_to(L, 0), no = lw_edge_to(L, 1);
    lw_br(L, lw_cond(L, v), yes, no);
}

void lw_guard_bool(Lower *L, HirIns *i)
{
    LirExit *x = lw_resume(L, i);
    LwCond c = lw_cond(L, i->args[0]);
    LirCond leave = i->op == HIR_GuardTrue ? lir_cond_not(c.cc) : c.cc;
    lir_guard(L->f, c.op, c.w, leave, c.s0, c.s1, x);
}

/* While the site has uses left to note. */
void lw_note_types(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    for (uint32_t k = 0; k < i->nargs; k++) {
        (void)lw_reg(L, i->args[k]); /* what is loaded now is there on both ways */
    }
    LirReg site = lir_copy(f, LIR_GPR, lir_ptr(i->imm.p));
    LirBlock *note = lw_block(L, true), *done = lw_block(L, false);
    LirOpnd left = lir_mem(site, (int32_t)offsetof(RtTypeSite, left));
    lw_br(L, (LwCond){LIR_CMP, 4, LIR_NE, left, lir_imm(0)}, lw_plain(note), lw_plain(done));
    lir_at(f, note);
    lw_call_aside(L, i);
    lir_jmp(f, done);
    lir_at(f, done);
}

/* The instruction for two floats, or LIR_NOPS. */
static LirOp float_op(uint32_t nb)
{
    switch (nb) {
    case PY311_NB_ADD:
    case PY311_NB_INPLACE_ADD: return LIR_FADD;
    case PY311_NB_SUBTRACT:
    case PY311_NB_INPLACE_SUBTRACT: return LIR_FSUB;
    case PY311_NB_MULTIPLY:
    case PY311_NB_INPLACE_MULTIPLY: return LIR_FMUL;
    default: return LIR_NOPS;
    }
}

static void unless_float(Lower *L, const HirIns *v, LirReg r, LirBlock *other)
{
    if (v->type != HIR_T_FLOAT) {
        lw_unless(L, LIR_CMP, 8, LIR_NE, lir_mem(r, PY311_OFF_OBJ_TYPE), lir_ptr(&PyFloat_Type),
                  other);
    }
}

/* What tier 0 has not specialised is mostly of numbers of several types: floats are added and multiplied in line. */
void lw_binary_op(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    LirOp op = float_op(i->aux);
    if (op == LIR_NOPS || !(i->args[0]->type & i->args[1]->type & HIR_T_FLOAT) ||
        (i->args[0]->type | i->args[1]->type) & HIR_T_NULL) {
        lw_call(L, i);
        return;
    }
    LirReg x = lw_reg(L, i->args[0]), y = lw_reg(L, i->args[1]), r = lw_def(L, i);
    LirBlock *other = lw_block(L, false), *done = lw_block(L, false);
    unless_float(L, i->args[0], x, other);
    unless_float(L, i->args[1], y, other);
    LirReg a = lir_load_f64(f, lir_mem(x, PY311_OFF_FLOAT_VALUE));
    LirReg b = lir_load_f64(f, lir_mem(y, PY311_OFF_FLOAT_VALUE));
    LirReg c = lir_op2(f, op, lir_reg(a), lir_reg(b));
    lw_new_float(L, r, lir_reg(c));
    lir_jmp(f, done);
    lir_at(f, other);
    lw_call_aside(L, i);
    lir_jmp(f, done);
    lir_at(f, done);
}
