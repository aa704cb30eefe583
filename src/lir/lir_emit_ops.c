/* Instructions to machine code.
 *
 * After allocation an operand can be anywhere: register, slot, home, constant.
 * Each emitter below takes operands apart into what x86 can encode, with the
 * reserved scratch registers (r11, xmm15) for the rest; so the allocator need
 * not know about encodings.  A 64-bit immediate that is no imm32 becomes a
 * memory operand of the constant pool.
 *
 * Memory operands whose base is not in a register occur in slow paths and with
 * the all-spill allocator only.  The latter leaves r8-r10 unused, so they are
 * scratch, too; in slow paths a register that the instruction does not name
 * lends itself: it is saved, used and restored around the instruction.
 *
 * A destination whose location already holds the value (a home, a constant)
 * is computed into scratch and not stored. */
#include "lir_emit.h"

/* ---- scratch registers --------------------------------------------------------------------------- */

static void lir_busy_loc(LirEmit *e, LirReg r)
{
    if (lir_is_phys(r) && r != LIR_NOREG) {
        e->busy |= 1u << r;
    }
}

void lir_scratch_begin(LirEmit *e, const LirIns *i)
{
    e->nborrowed = 0;
    e->busy = 1u << LIR_RSP | 1u << LIR_RBP | 1u << LIR_FRAME | 1u << LIR_TS;
    if (!e->in_slow && !e->ra->all_spill) {
        return;
    }
    lir_busy_loc(e, i->dst);
    lir_busy_loc(e, i->dst2);
    for (unsigned k = 0; k < i->nsrc; k++) {
        lir_busy_loc(e, i->src[k].reg);
        if (i->src[k].kind == LIR_O_MEM || i->src[k].kind == LIR_O_ADDR) {
            lir_busy_loc(e, i->src[k].index);
        }
    }
    if (i->op == LIR_IDIV) {
        e->busy |= 1u << 0 | 1u << 2;
    } else if (lir_is_shift((LirOp)i->op)) {
        e->busy |= 1u << 1;
    }
}

static X64Reg lir_scratch(LirEmit *e)
{
    static const uint8_t order[] = {11, 10, 9, 8, 6, 7, 1, 2, 0};
    for (unsigned k = 0; k < sizeof order; k++) {
        unsigned r = order[k];
        if ((e->busy >> r) & 1u) {
            continue;
        }
        e->busy |= 1u << r;
        if (r != LIR_SCRATCH && !e->ra->all_spill) {
            /* Only slow paths may borrow: on the main path r11 is always enough. */
            BASE_CHECK(e->in_slow && e->nborrowed < LIR_NBORROW);
            x64_mov_mr(e->as, X64_Q, lir_slot_mem(e, e->borrow_base + e->nborrowed), (X64Reg)r);
            e->borrowed[e->nborrowed++] = (uint8_t)r;
        }
        return (X64Reg)r;
    }
    BASE_UNREACHABLE();
}

void lir_scratch_end(LirEmit *e)
{
    while (e->nborrowed) {
        e->nborrowed--;
        x64_mov_rm(e->as, X64_Q, (X64Reg)e->borrowed[e->nborrowed],
                   lir_slot_mem(e, e->borrow_base + e->nborrowed));
    }
}

/* ---- operands -------------------------------------------------------------------------------------- */

typedef enum { V_GPR, V_XMM, V_MEM, V_IMM } ValKind;
typedef struct {
    ValKind kind;
    uint8_t reg;
    X64Mem mem;
    int64_t imm;
} Val;

/* A register that holds what is at the location, which may be memory. */
static X64Reg lir_in_gpr(LirEmit *e, LirReg loc)
{
    if (lir_is_phys(loc)) {
        return lir_x(loc);
    }
    X64Reg r = lir_scratch(e);
    if (lir_loc_is_const(loc)) {
        x64_mov_ri(e->as, r, (uint64_t)e->ra->consts.v.data[lir_loc_index(loc)]);
    } else {
        x64_mov_rm(e->as, X64_Q, r, lir_loc_mem(e, loc));
    }
    return r;
}

static X64Mem lir_address(LirEmit *e, const LirOpnd *o)
{
    X64Reg base = o->reg == LIR_NOREG ? X64_NOREG : lir_in_gpr(e, o->reg);
    if (o->index == LIR_NOREG) {
        return x64_mem(base, o->disp);
    }
    return x64_mem_index(base, lir_in_gpr(e, o->index), 1 << o->scale, o->disp);
}

static Val lir_val(LirEmit *e, const LirOpnd *o)
{
    Val v = {.kind = V_IMM};
    if (o->kind == LIR_O_IMM) {
        v.imm = o->imm;
    } else if (o->kind == LIR_O_MEM || o->kind == LIR_O_ADDR) {
        v.kind = V_MEM;
        v.mem = lir_address(e, o);
    } else if (lir_is_phys(o->reg)) {
        v.kind = o->reg < LIR_XMM0 ? V_GPR : V_XMM;
        v.reg = (uint8_t)(o->reg & 15);
    } else if (lir_loc_is_const(o->reg)) {
        v.imm = e->ra->consts.v.data[lir_loc_index(o->reg)];
    } else {
        v.kind = V_MEM;
        v.mem = lir_loc_mem(e, o->reg);
    }
    return v;
}

static bool lir_is_imm32(const Val *v)
{
    return v->kind == V_IMM && v->imm == (int32_t)v->imm;
}

/* Immediates as the instruction of that width wants them: sign-extended. */
static void lir_narrow(Val *v, unsigned w)
{
    if (v->kind == V_IMM) {
        v->imm = w == 1   ? (int8_t)v->imm
                 : w == 2 ? (int16_t)v->imm
                 : w == 4 ? (int32_t)v->imm
                          : v->imm;
    }
}

static void lir_load_gpr(LirEmit *e, X64Reg d, const Val *v, unsigned w)
{
    X64Asm *a = e->as;
    switch (v->kind) {
    case V_GPR:
        /* A 4-byte copy to itself would still clear the upper half, which nobody asks for. */
        if (d != (X64Reg)v->reg) {
            x64_mov_rr(a, w == 4 ? X64_D : X64_Q, d, (X64Reg)v->reg);
        }
        break;
    case V_XMM: x64_movq_rx(a, d, (X64Xmm)v->reg); break;
    case V_MEM:
        if (w < 4) {
            x64_movzx_rm(a, (X64Width)w, d, v->mem);
        } else {
            x64_mov_rm(a, (X64Width)w, d, v->mem);
        }
        break;
    case V_IMM: x64_mov_ri_flags(a, d, (uint64_t)v->imm); break;
    }
}

static void lir_load_xmm(LirEmit *e, X64Xmm d, const Val *v)
{
    X64Asm *a = e->as;
    switch (v->kind) {
    case V_GPR: x64_movq_xr(a, d, (X64Reg)v->reg); break;
    case V_XMM:
        if (d != (X64Xmm)v->reg) {
            x64_sse_rr(a, X64_MOVAPD, d, (X64Xmm)v->reg);
        }
        break;
    case V_MEM: x64_sse_rm(a, X64_MOVSD, d, v->mem); break;
    case V_IMM:
        if (v->imm == 0) {
            x64_sse_rr(a, X64_XORPS, d, d);
        } else {
            x64_sse_rm(a, X64_MOVSD, d, x64_mem_const64(a, (uint64_t)v->imm));
        }
        break;
    }
}

/* Where a general result is computed: its register, or scratch. */
static X64Reg lir_dst_gpr(LirEmit *e, LirReg d)
{
    return lir_is_phys(d) ? lir_x(d) : lir_scratch(e);
}

/* From there to its place. Keeps the flags. */
static void lir_put_gpr(LirEmit *e, LirReg d, X64Reg r)
{
    if (lir_loc_is_slot(d)) {
        x64_mov_mr(e->as, X64_Q, lir_loc_mem(e, d), r);
    }
}

static X64Xmm lir_dst_xmm(LirReg d)
{
    return lir_is_phys(d) ? lir_xx(d) : X64_XMM15;
}

static void lir_put_xmm(LirEmit *e, LirReg d, X64Xmm x)
{
    if (lir_loc_is_slot(d)) {
        x64_sse_mr(e->as, X64_MOVSD, lir_loc_mem(e, d), x);
    }
}

/* ---- conditions and their targets --------------------------------------------------------------------- */

/* FEQ and FNE need two flags; all others are one condition code. */
enum { CC_FEQ = 16, CC_FNE = 17 };

static void lir_jcc_to(LirEmit *e, unsigned cc, X64Label l)
{
    X64Asm *a = e->as;
    if (cc < 16) {
        x64_jcc(a, (X64Cond)cc, l);
    } else if (cc == CC_FNE) {
        x64_jcc(a, X64_P, l);
        x64_jcc(a, X64_NE, l);
    } else {
        X64Label skip = x64_label(a);
        x64_jcc(a, X64_P, skip);
        x64_jcc(a, X64_E, l);
        x64_bind(a, skip);
    }
}

static void lir_branch(LirEmit *e, const LirIns *i, unsigned cc)
{
    X64Asm *a = e->as;
    LirBlock *b = e->f->order[i->block_order];
    uint32_t yes = e->labels[b->succ[0]->order].id, no = e->labels[b->succ[1]->order].id;
    uint32_t next = e->next ? e->labels[e->next->order].id : UINT32_MAX;
    X64Label ly = {yes}, ln = {no};
    if (yes == no) {
        if (yes != next) {
            x64_jmp(a, ly);
        }
        return;
    }
    if (cc == CC_FNE) {
        cc = CC_FEQ;
        ly = (X64Label){no};
        ln = (X64Label){yes};
    } else if (cc != CC_FEQ && next == yes) {
        cc ^= 1;
        ly = (X64Label){no};
        ln = (X64Label){yes};
    }
    if (cc == CC_FEQ) {
        x64_jcc(a, X64_P, ln);
        if (next == ly.id) {
            x64_jcc(a, X64_NE, ln);
            return;
        }
        x64_jcc(a, X64_E, ly);
    } else {
        x64_jcc(a, (X64Cond)cc, ly);
    }
    if (next != ln.id) {
        x64_jmp(a, ln);
    }
}

static void lir_setcc(LirEmit *e, const LirIns *i, unsigned cc)
{
    X64Asm *a = e->as;
    LirReg d = i->dst;
    if (cc < 16) {
        X64Reg r = lir_is_phys(d) ? lir_x(d) : X64_R11; /* operands were read: r11 is free again */
        x64_setcc_r(a, (X64Cond)cc, r);
        x64_movzx_rr(a, X64_B, r, r);
        lir_put_gpr(e, d, r);
    } else if (lir_is_phys(d)) {
        X64Reg r = lir_x(d);
        x64_setcc_r(a, cc == CC_FEQ ? X64_NP : X64_P, X64_R11);
        x64_setcc_r(a, cc == CC_FEQ ? X64_E : X64_NE, r);
        x64_alu_rr(a, cc == CC_FEQ ? X64_AND : X64_OR, X64_D, r, X64_R11);
        x64_movzx_rr(a, X64_B, r, r);
    } else {
        X64Label done = x64_label(a);
        x64_mov_ri(a, X64_R11, cc == CC_FNE);
        x64_jcc(a, X64_P, done);
        x64_jcc(a, X64_NE, done);
        x64_mov_ri(a, X64_R11, cc == CC_FEQ);
        x64_bind(a, done);
        lir_put_gpr(e, d, X64_R11);
    }
}

/* The flags are set: does what the instruction's target says. */
static void lir_target(LirEmit *e, LirIns *i, unsigned cc)
{
    lir_scratch_end(e);
    switch ((LirTarget)i->tgt) {
    case LIR_T_NONE: break;
    case LIR_T_SET: lir_setcc(e, i, cc); break;
    case LIR_T_BR: lir_branch(e, i, cc); break;
    case LIR_T_EXIT: lir_jcc_to(e, cc, lir_exit_label(e, i->exit)); break;
    case LIR_T_DONE: lir_jcc_to(e, cc, e->slow_back); break;
    case LIR_T_SLOW: {
        LirPendingSlow s = {i, x64_label(e->as), x64_label(e->as)};
        lir_jcc_to(e, cc, s.start);
        x64_bind(e->as, s.back);
        VEC_PUSH(e->arena, &e->slows, s);
        break;
    }
    }
}

/* ---- integer arithmetic --------------------------------------------------------------------------------- */

static const uint8_t alu_of[LIR_NOPS] = {
    [LIR_ADD] = X64_ADD, [LIR_SUB] = X64_SUB,  [LIR_AND] = X64_AND,  [LIR_OR] = X64_OR,
    [LIR_XOR] = X64_XOR, [LIR_ADDM] = X64_ADD, [LIR_SUBM] = X64_SUB, [LIR_ANDM] = X64_AND,
    [LIR_ORM] = X64_OR,  [LIR_XORM] = X64_XOR,
};

/* A destination that needs no computing: nobody looks at the flags and the value is there. */
static bool lir_result_is_there(const LirIns *i)
{
    return i->tgt != LIR_T_EXIT && i->tgt != LIR_T_SLOW && i->tgt != LIR_T_DONE &&
           i->tgt != LIR_T_BR && i->dst != LIR_NOREG &&
           (lir_loc_is_home(i->dst) || lir_loc_is_const(i->dst));
}

static void lir_alu_apply(LirEmit *e, const LirIns *i, X64Width w, X64Reg d, Val *s)
{
    X64Asm *a = e->as;
    if (s->kind == V_IMM && !lir_is_imm32(s)) {
        s->kind = V_MEM;
        s->mem = x64_mem_const64(a, (uint64_t)s->imm);
    }
    if (i->op == LIR_IMUL) {
        if (s->kind == V_IMM) {
            x64_imul_rri(a, w, d, d, (int32_t)s->imm);
        } else if (s->kind == V_MEM) {
            x64_imul_rm(a, w, d, s->mem);
        } else {
            x64_imul_rr(a, w, d, (X64Reg)s->reg);
        }
        return;
    }
    X64Alu op = (X64Alu)alu_of[i->op];
    if (s->kind == V_IMM) {
        x64_alu_ri(a, op, w, d, (int32_t)s->imm);
    } else if (s->kind == V_MEM) {
        x64_alu_rm(a, op, w, d, s->mem);
    } else {
        x64_alu_rr(a, op, w, d, (X64Reg)s->reg);
    }
}

static void lir_emit_alu(LirEmit *e, LirIns *i)
{
    X64Asm *a = e->as;
    if (lir_result_is_there(i)) {
        return;
    }
    X64Width w = i->w == 4 ? X64_D : X64_Q;
    Val s0 = lir_val(e, &i->src[0]), s1 = lir_val(e, &i->src[1]);
    lir_narrow(&s0, w);
    lir_narrow(&s1, w);
    LirReg dl = i->dst;
    X64Reg d = dl == LIR_NOREG ? lir_scratch(e) : lir_dst_gpr(e, dl);
    bool comm = lir_op_info[i->op].flags & LIR_F_COMM;
    bool d_is_s1 = s1.kind == V_GPR && s1.reg == d;
    bool d_is_s0 = s0.kind == V_GPR && s0.reg == d;
    if (comm && ((d_is_s1 && !d_is_s0) || (s0.kind == V_IMM && s1.kind != V_IMM))) {
        Val t = s0;
        s0 = s1;
        s1 = t;
        d_is_s0 = d_is_s1;
    }
    bool three = s0.kind == V_GPR && !d_is_s0;
    if (i->op == LIR_ADD && i->tgt == LIR_T_NONE && three && s1.kind == V_GPR) {
        x64_lea(a, w, d, x64_mem_index((X64Reg)s0.reg, (X64Reg)s1.reg, 1, 0));
    } else if ((i->op == LIR_ADD || i->op == LIR_SUB) && i->tgt == LIR_T_NONE && three &&
               s1.kind == V_IMM && s1.imm > -INT64_C(0x70000000) && s1.imm < INT64_C(0x70000000)) {
        x64_lea(a, w, d, x64_mem((X64Reg)s0.reg, (int32_t)(i->op == LIR_ADD ? s1.imm : -s1.imm)));
    } else if (i->op == LIR_IMUL && three && lir_is_imm32(&s1)) {
        x64_imul_rri(a, w, d, (X64Reg)s0.reg, (int32_t)s1.imm);
    } else {
        lir_load_gpr(e, d, &s0, w);
        lir_alu_apply(e, i, w, d, &s1);
    }
    lir_put_gpr(e, dl, d);
    lir_target(e, i, i->cc);
}

static void lir_emit_unary(LirEmit *e, LirIns *i)
{
    if (lir_result_is_there(i)) {
        return;
    }
    X64Width w = i->w == 4 ? X64_D : X64_Q;
    Val s0 = lir_val(e, &i->src[0]);
    X64Reg d = lir_dst_gpr(e, i->dst);
    lir_load_gpr(e, d, &s0, w);
    x64_unary_r(e->as, i->op == LIR_NEG ? X64_NEG : X64_NOT, w, d);
    lir_put_gpr(e, i->dst, d);
    lir_target(e, i, i->cc);
}

static void lir_emit_shift(LirEmit *e, LirIns *i)
{
    X64Asm *a = e->as;
    if (lir_result_is_there(i)) {
        return;
    }
    X64Shift op = i->op == LIR_SHL ? X64_SHL : i->op == LIR_SHR ? X64_SHR : X64_SAR;
    X64Width w = i->w == 4 ? X64_D : X64_Q;
    Val s0 = lir_val(e, &i->src[0]), s1 = lir_val(e, &i->src[1]);
    if (i->src[1].kind != LIR_O_IMM && s1.kind != V_IMM) {
        /* The count goes to rcx, which the allocator has kept free of everything but s0 and s1;
         * the result is elsewhere. */
        X64Reg d = lir_dst_gpr(e, i->dst);
        if (s0.kind == V_MEM) { /* its base may be rcx */
            X64Reg r = lir_is_phys(i->dst) ? lir_scratch(e) : d;
            lir_load_gpr(e, r, &s0, w);
            s0 = (Val){.kind = V_GPR, .reg = (uint8_t)r};
        }
        bool s0_in_rcx = s0.kind == V_GPR && s0.reg == X64_RCX;
        bool d_is_s1 = s1.kind == V_GPR && s1.reg == d;
        if (s0_in_rcx && d_is_s1) {
            x64_xchg_rr(a, X64_Q, d, X64_RCX);
        } else if (s0_in_rcx) {
            lir_load_gpr(e, d, &s0, 8);
            lir_load_gpr(e, X64_RCX, &s1, 8);
        } else {
            lir_load_gpr(e, X64_RCX, &s1, 8);
            if (s0.kind == V_GPR && s0.reg == d) {
                /* in place */
            } else {
                lir_load_gpr(e, d, &s0, 8);
            }
        }
        x64_shift_rcl(a, op, w, d);
        lir_put_gpr(e, i->dst, d);
    } else {
        X64Reg d = lir_dst_gpr(e, i->dst);
        lir_load_gpr(e, d, &s0, w);
        unsigned count = (unsigned)s1.imm & (w == X64_D ? 31u : 63u);
        if (count != 0) {
            x64_shift_ri(a, op, w, d, (uint8_t)count);
        } else if (w == X64_D) {
            x64_mov_rr(a, X64_D, d, d);
        }
        lir_put_gpr(e, i->dst, d);
    }
    lir_scratch_end(e);
}

static void lir_emit_idiv(LirEmit *e, LirIns *i)
{
    X64Asm *a = e->as;
    X64Width w = i->w == 4 ? X64_D : X64_Q;
    Val s0 = lir_val(e, &i->src[0]), s1 = lir_val(e, &i->src[1]);
    if (s1.kind == V_IMM) {
        X64Reg r = lir_scratch(e);
        lir_load_gpr(e, r, &s1, 8);
        s1 = (Val){.kind = V_GPR, .reg = (uint8_t)r};
    }
    lir_load_gpr(e, X64_RAX, &s0, w);
    if (w == X64_D) {
        x64_cdq(a);
    } else {
        x64_cqo(a);
    }
    if (s1.kind == V_MEM) {
        x64_unary_m(a, X64_IDIV, w, s1.mem);
    } else {
        x64_unary_r(a, X64_IDIV, w, (X64Reg)s1.reg);
    }
    LirMove m[2];
    uint32_t n = 0;
    if (i->dst != LIR_NOREG) {
        m[n++] = (LirMove){.dst = i->dst, .src = lir_reg(0), .cls = LIR_GPR};
    }
    if (i->dst2 != LIR_NOREG) {
        m[n++] = (LirMove){.dst = i->dst2, .src = lir_reg(2), .cls = LIR_GPR};
    }
    lir_emit_moves(e, m, n);
    lir_scratch_end(e);
}

static void lir_emit_rmw(LirEmit *e, LirIns *i)
{
    X64Asm *a = e->as;
    X64Width w = (X64Width)i->w;
    Val m = lir_val(e, &i->src[0]), s = lir_val(e, &i->src[1]);
    X64Alu op = (X64Alu)alu_of[i->op];
    lir_narrow(&s, i->w);
    /* dec and inc are shorter, and leave only the carry alone. */
    bool carry = i->tgt != LIR_T_NONE &&
                 (i->cc == LIR_B || i->cc == LIR_AE || i->cc == LIR_BE || i->cc == LIR_A);
    if (s.kind == V_IMM && s.imm == 1 && !carry && (op == X64_ADD || op == X64_SUB)) {
        x64_unary_m(a, op == X64_ADD ? X64_INC : X64_DEC, w, m.mem);
    } else if (lir_is_imm32(&s)) {
        x64_alu_mi(a, op, w, m.mem, (int32_t)s.imm);
    } else {
        X64Reg r = s.kind == V_GPR ? (X64Reg)s.reg : lir_scratch(e);
        lir_load_gpr(e, r, &s, 8);
        x64_alu_mr(a, op, w, m.mem, r);
    }
    lir_target(e, i, i->cc);
}

/* ---- comparisons --------------------------------------------------------------------------------------------- */

static void lir_emit_cmp(LirEmit *e, LirIns *i)
{
    X64Asm *a = e->as;
    X64Width w = (X64Width)i->w;
    Val x = lir_val(e, &i->src[0]), y = lir_val(e, &i->src[1]);
    unsigned cc = i->cc;
    bool test = i->op == LIR_TEST;
    lir_narrow(&x, i->w);
    lir_narrow(&y, i->w);
    /* A register first, an immediate last; overflow and sign are not symmetric. */
    bool can_swap = test || (cc != LIR_O && cc != LIR_NO && cc != LIR_S && cc != LIR_NS);
    if ((can_swap && x.kind == V_IMM && y.kind != V_IMM) ||
        (test && x.kind == V_MEM && y.kind == V_GPR)) {
        Val t = x;
        x = y;
        y = t;
        cc = test ? cc : (unsigned)x64_cond_swap((X64Cond)cc);
    }
    if (x.kind == V_IMM || (x.kind == V_MEM && y.kind == V_MEM) ||
        (x.kind == V_MEM && y.kind == V_IMM && !lir_is_imm32(&y))) {
        X64Reg r = lir_scratch(e);
        lir_load_gpr(e, r, &x, i->w);
        x = (Val){.kind = V_GPR, .reg = (uint8_t)r};
    }
    if (y.kind == V_IMM && !lir_is_imm32(&y)) {
        y.kind = V_MEM;
        y.mem = x64_mem_const64(a, (uint64_t)y.imm);
    }
    if (x.kind == V_MEM) {
        if (y.kind == V_IMM) {
            (test ? x64_test_mi(a, w, x.mem, (int32_t)y.imm)
                  : x64_alu_mi(a, X64_CMP, w, x.mem, (int32_t)y.imm));
        } else {
            (test ? x64_test_mr(a, w, x.mem, (X64Reg)y.reg)
                  : x64_alu_mr(a, X64_CMP, w, x.mem, (X64Reg)y.reg));
        }
    } else if (y.kind == V_IMM) {
        if (test) {
            x64_test_ri(a, w, (X64Reg)x.reg, (int32_t)y.imm);
        } else if (y.imm == 0) {
            x64_test_rr(a, w, (X64Reg)x.reg, (X64Reg)x.reg); /* the same flags */
        } else {
            x64_alu_ri(a, X64_CMP, w, (X64Reg)x.reg, (int32_t)y.imm);
        }
    } else if (y.kind == V_MEM) {
        (test ? x64_test_mr(a, w, y.mem, (X64Reg)x.reg)
              : x64_alu_rm(a, X64_CMP, w, (X64Reg)x.reg, y.mem));
    } else {
        (test ? x64_test_rr(a, w, (X64Reg)x.reg, (X64Reg)y.reg)
              : x64_alu_rr(a, X64_CMP, w, (X64Reg)x.reg, (X64Reg)y.reg));
    }
    lir_target(e, i, cc);
}

static void lir_emit_poll(LirEmit *e, LirIns *i)
{
    x64_call_abs(e->as, (const void *)(intptr_t)i->src[0].imm);
    lir_target(e, i, i->cc);
}

static void lir_emit_cmpsp(LirEmit *e, LirIns *i)
{
    x64_alu_rm(e->as, X64_CMP, X64_Q, X64_RSP, x64_mem_fs((int32_t)i->src[0].imm));
    lir_target(e, i, i->cc);
}

/* ucomisd sets ZF, PF and CF when an operand is NaN; "above" and "above or equal" are then false.
 * So < and <= are compared the other way round, and equality looks at PF as well. */
static const struct {
    uint8_t cc, swap;
} fp_cond[] = {
    [LIR_FEQ - LIR_FEQ] = {CC_FEQ, 0}, [LIR_FNE - LIR_FEQ] = {CC_FNE, 0},
    [LIR_FLT - LIR_FEQ] = {X64_A, 1},  [LIR_FNLT - LIR_FEQ] = {X64_BE, 1},
    [LIR_FLE - LIR_FEQ] = {X64_AE, 1}, [LIR_FNLE - LIR_FEQ] = {X64_C, 1},
    [LIR_FGT - LIR_FEQ] = {X64_A, 0},  [LIR_FNGT - LIR_FEQ] = {X64_BE, 0},
    [LIR_FGE - LIR_FEQ] = {X64_AE, 0}, [LIR_FNGE - LIR_FEQ] = {X64_C, 0},
};

/* An operand that a scalar instruction takes from memory or a register. */
static Val lir_xmm_or_mem(LirEmit *e, Val v)
{
    if (v.kind == V_IMM) {
        v.kind = V_MEM;
        v.mem = x64_mem_const64(e->as, (uint64_t)v.imm);
    }
    return v;
}

static void lir_sse(LirEmit *e, X64Sse op, X64Xmm d, const Val *s)
{
    if (s->kind == V_XMM) {
        x64_sse_rr(e->as, op, d, (X64Xmm)s->reg);
    } else {
        x64_sse_rm(e->as, op, d, s->mem);
    }
}

static void lir_emit_fcmp(LirEmit *e, LirIns *i)
{
    unsigned c = i->cc - LIR_FEQ;
    Val x = lir_val(e, &i->src[fp_cond[c].swap]), y = lir_val(e, &i->src[!fp_cond[c].swap]);
    if (x.kind != V_XMM) {
        lir_load_xmm(e, X64_XMM15, &x);
        x = (Val){.kind = V_XMM, .reg = X64_XMM15};
    }
    y = lir_xmm_or_mem(e, y);
    lir_sse(e, X64_UCOMISD, (X64Xmm)x.reg, &y);
    lir_target(e, i, fp_cond[c].cc);
}

/* ---- doubles ---------------------------------------------------------------------------------------------- */

static void lir_emit_fop(LirEmit *e, LirIns *i)
{
    static const uint8_t op_of[LIR_NOPS] = {[LIR_FADD] = X64_ADDSD,
                                            [LIR_FSUB] = X64_SUBSD,
                                            [LIR_FMUL] = X64_MULSD,
                                            [LIR_FDIV] = X64_DIVSD};
    Val s0 = lir_val(e, &i->src[0]), s1 = lir_val(e, &i->src[1]);
    X64Xmm d = lir_dst_xmm(i->dst);
    bool d_is_s1 = s1.kind == V_XMM && s1.reg == d && !(s0.kind == V_XMM && s0.reg == d);
    if (d_is_s1 && (lir_op_info[i->op].flags & LIR_F_COMM)) {
        Val t = s0;
        s0 = s1;
        s1 = t;
    }
    s1 = lir_xmm_or_mem(e, s1);
    lir_load_xmm(e, d, &s0);
    lir_sse(e, (X64Sse)op_of[i->op], d, &s1);
    lir_put_xmm(e, i->dst, d);
    lir_scratch_end(e);
}

static void lir_emit_fsign(LirEmit *e, LirIns *i)
{
    X64Asm *a = e->as;
    Val s0 = lir_val(e, &i->src[0]);
    X64Xmm d = lir_dst_xmm(i->dst);
    uint64_t sign = UINT64_C(1) << 63;
    lir_load_xmm(e, d, &s0);
    if (i->op == LIR_FNEG) {
        x64_sse_rm(a, X64_XORPD, d, x64_mem_const128(a, sign, 0));
    } else {
        x64_sse_rm(a, X64_ANDPD, d, x64_mem_const128(a, ~sign, ~UINT64_C(0)));
    }
    lir_put_xmm(e, i->dst, d);
    lir_scratch_end(e);
}

static void lir_emit_fsqrt(LirEmit *e, LirIns *i)
{
    Val s0 = lir_xmm_or_mem(e, lir_val(e, &i->src[0]));
    X64Xmm d = lir_dst_xmm(i->dst);
    if (s0.kind == V_MEM) { /* a load that writes all of d breaks the dependency on its old value */
        lir_load_xmm(e, d, &s0);
        s0 = (Val){.kind = V_XMM, .reg = (uint8_t)d};
    }
    lir_sse(e, X64_SQRTSD, d, &s0);
    lir_put_xmm(e, i->dst, d);
    lir_scratch_end(e);
}

static void lir_emit_i2f(LirEmit *e, LirIns *i)
{
    X64Asm *a = e->as;
    X64Width w = i->w == 4 ? X64_D : X64_Q;
    Val s0 = lir_val(e, &i->src[0]);
    X64Xmm d = lir_dst_xmm(i->dst);
    if (s0.kind == V_IMM) {
        X64Reg r = lir_scratch(e);
        lir_load_gpr(e, r, &s0, 8);
        s0 = (Val){.kind = V_GPR, .reg = (uint8_t)r};
    }
    x64_sse_rr(a, X64_XORPS, d, d);
    if (s0.kind == V_MEM) {
        x64_cvtsi2sd_rm(a, w, d, s0.mem);
    } else {
        x64_cvtsi2sd_rr(a, w, d, (X64Reg)s0.reg);
    }
    lir_put_xmm(e, i->dst, d);
    lir_scratch_end(e);
}

static void lir_emit_f2i(LirEmit *e, LirIns *i)
{
    X64Asm *a = e->as;
    X64Width w = i->w == 4 ? X64_D : X64_Q;
    Val s0 = lir_xmm_or_mem(e, lir_val(e, &i->src[0]));
    X64Reg d = lir_dst_gpr(e, i->dst);
    if (s0.kind == V_MEM) {
        x64_cvttsd2si_rm(a, w, d, s0.mem);
    } else {
        x64_cvttsd2si_rr(a, w, d, (X64Xmm)s0.reg);
    }
    lir_put_gpr(e, i->dst, d);
    lir_scratch_end(e);
}

/* Copies of 64 bits, also between the classes. */
static void lir_emit_mov(LirEmit *e, LirIns *i)
{
    if (lir_result_is_there(i)) {
        return;
    }
    Val s0 = lir_val(e, &i->src[0]);
    bool xmm = lir_is_phys(i->dst) && i->dst >= LIR_XMM0;
    if (xmm) {
        lir_load_xmm(e, lir_xx(i->dst), &s0);
    } else if (lir_is_phys(i->dst)) {
        lir_load_gpr(e, lir_x(i->dst), &s0, 8);
    } else if (s0.kind == V_XMM) {
        x64_sse_mr(e->as, X64_MOVSD, lir_loc_mem(e, i->dst), (X64Xmm)s0.reg);
    } else if (s0.kind == V_GPR) {
        lir_put_gpr(e, i->dst, (X64Reg)s0.reg);
    } else if (lir_is_imm32(&s0)) {
        x64_mov_mi(e->as, X64_Q, lir_loc_mem(e, i->dst), (int32_t)s0.imm);
    } else {
        X64Reg r = lir_scratch(e);
        lir_load_gpr(e, r, &s0, 8);
        lir_put_gpr(e, i->dst, r);
    }
    lir_scratch_end(e);
}

/* ---- memory --------------------------------------------------------------------------------------------------- */

static void lir_emit_load(LirEmit *e, LirIns *i)
{
    X64Asm *a = e->as;
    if (lir_result_is_there(i)) {
        return;
    }
    if (lir_is_phys(i->dst) && i->dst >= LIR_XMM0) {
        Val m = lir_val(e, &i->src[0]);
        x64_sse_rm(a, X64_MOVSD, lir_xx(i->dst), m.mem);
        lir_scratch_end(e);
        return;
    }
    /* A double that goes to memory is copied as an integer. */
    Val m = lir_val(e, &i->src[0]);
    X64Reg d = lir_dst_gpr(e, i->dst);
    if (i->op == LIR_LEA) {
        x64_lea(a, X64_Q, d, m.mem);
    } else if (i->op == LIR_LOADS && i->w < 8) {
        x64_movsx_rm(a, (X64Width)i->w, d, m.mem);
    } else {
        lir_load_gpr(e, d, &m, i->w);
    }
    lir_put_gpr(e, i->dst, d);
    lir_scratch_end(e);
}

static void lir_emit_store(LirEmit *e, LirIns *i)
{
    X64Asm *a = e->as;
    Val m = lir_val(e, &i->src[0]), s = lir_val(e, &i->src[1]);
    lir_narrow(&s, i->w);
    if (s.kind == V_XMM) {
        x64_sse_mr(a, X64_MOVSD, m.mem, (X64Xmm)s.reg);
    } else if (lir_is_imm32(&s)) {
        x64_mov_mi(a, (X64Width)i->w, m.mem, (int32_t)s.imm);
    } else {
        X64Reg r = s.kind == V_GPR ? (X64Reg)s.reg : lir_scratch(e);
        lir_load_gpr(e, r, &s, 8);
        x64_mov_mr(a, (X64Width)i->w, m.mem, r);
    }
    lir_scratch_end(e);
}

/* ---- control --------------------------------------------------------------------------------------------------- */

static void lir_emit_jmp(LirEmit *e, LirIns *i)
{
    const LirBlock *s = e->f->order[i->block_order]->succ[0];
    if (e->next == NULL || e->labels[e->next->order].id != e->labels[s->order].id) {
        x64_jmp(e->as, e->labels[s->order]);
    }
}

static void lir_emit_ret(LirEmit *e, LirIns *i)
{
    static const uint8_t saved[] = {X64_R15, X64_R14, X64_R13, X64_R12, X64_RBX, X64_RBP};
    X64Asm *a = e->as;
    Val s0 = lir_val(e, &i->src[0]);
    lir_load_gpr(e, X64_RAX, &s0, 8);
    if (e->epilogue_done) {
        x64_jmp(a, e->epilogue);
        return;
    }
    e->epilogue_done = true;
    x64_bind(a, e->epilogue);
    x64_lea(a, X64_Q, X64_RSP, x64_mem(X64_RBP, -40));
    for (unsigned k = 0; k < sizeof saved; k++) {
        x64_pop_r(a, (X64Reg)saved[k]);
    }
    x64_ret(a);
}

static void lir_emit_exit(LirEmit *e, LirIns *i)
{
    x64_jmp(e->as, lir_exit_label(e, i->exit));
}

static void lir_emit_trap(LirEmit *e, LirIns *i)
{
    (void)i;
    x64_ud2(e->as);
}

static void (*const emit_of[LIR_NOPS])(LirEmit *, LirIns *) = {
    [LIR_MOV] = lir_emit_mov,    [LIR_LEA] = lir_emit_load,    [LIR_LOAD] = lir_emit_load,
    [LIR_LOADS] = lir_emit_load, [LIR_STORE] = lir_emit_store, [LIR_ADD] = lir_emit_alu,
    [LIR_SUB] = lir_emit_alu,    [LIR_IMUL] = lir_emit_alu,    [LIR_AND] = lir_emit_alu,
    [LIR_OR] = lir_emit_alu,     [LIR_XOR] = lir_emit_alu,     [LIR_NEG] = lir_emit_unary,
    [LIR_NOT] = lir_emit_unary,  [LIR_SHL] = lir_emit_shift,   [LIR_SHR] = lir_emit_shift,
    [LIR_SAR] = lir_emit_shift,  [LIR_IDIV] = lir_emit_idiv,   [LIR_ADDM] = lir_emit_rmw,
    [LIR_SUBM] = lir_emit_rmw,   [LIR_ANDM] = lir_emit_rmw,    [LIR_ORM] = lir_emit_rmw,
    [LIR_XORM] = lir_emit_rmw,   [LIR_CMP] = lir_emit_cmp,     [LIR_TEST] = lir_emit_cmp,
    [LIR_FCMP] = lir_emit_fcmp,  [LIR_FADD] = lir_emit_fop,    [LIR_FSUB] = lir_emit_fop,
    [LIR_FMUL] = lir_emit_fop,   [LIR_FDIV] = lir_emit_fop,    [LIR_FNEG] = lir_emit_fsign,
    [LIR_FABS] = lir_emit_fsign, [LIR_FSQRT] = lir_emit_fsqrt, [LIR_I2F] = lir_emit_i2f,
    [LIR_F2I] = lir_emit_f2i,    [LIR_FBITS] = lir_emit_mov,   [LIR_BITSF] = lir_emit_mov,
    [LIR_CALL] = lir_emit_call,  [LIR_JMP] = lir_emit_jmp,     [LIR_RET] = lir_emit_ret,
    [LIR_EXIT] = lir_emit_exit,  [LIR_TRAP] = lir_emit_trap,   [LIR_CMPSP] = lir_emit_cmpsp,
    [LIR_POLL] = lir_emit_poll,
};

void lir_emit_ins(LirEmit *e, LirIns *i)
{
    lir_scratch_begin(e, i);
    emit_of[i->op](e, i);
    BASE_CHECK(e->nborrowed == 0);
}
