/* Parallel moves and calls.
 *
 * A set of moves happens at once: all sources are read before any destination
 * is written.  Moves whose destination nobody still reads are emitted first;
 * what remains are cycles, opened by exchanging two general registers, or by
 * parking one value in the xmm scratch register.  Memory to memory goes
 * through the general scratch register.  The flags are not preserved. */
#include "lir_emit.h"

#include <string.h>

/* Index of a location that moves can conflict on: registers and slots. Homes and constants are
 * only ever read. */
static uint32_t lir_conflict_index(LirReg loc)
{
    return lir_is_phys(loc) ? loc : lir_loc_is_slot(loc) ? 32 + lir_loc_index(loc) : UINT32_MAX;
}

static void lir_move_imm(LirEmit *e, LirReg dst, unsigned cls, int64_t imm)
{
    X64Asm *a = e->as;
    if (lir_is_phys(dst)) {
        if (cls == LIR_GPR) {
            x64_mov_ri_flags(a, lir_x(dst), (uint64_t)imm);
        } else if (imm == 0) {
            x64_sse_rr(a, X64_XORPS, lir_xx(dst), lir_xx(dst));
        } else {
            x64_sse_rm(a, X64_MOVSD, lir_xx(dst), x64_mem_const64(a, (uint64_t)imm));
        }
        return;
    }
    if (imm == (int32_t)imm) {
        x64_mov_mi(a, X64_Q, lir_loc_mem(e, dst), (int32_t)imm);
    } else {
        x64_mov_ri_flags(a, X64_R11, (uint64_t)imm);
        x64_mov_mr(a, X64_Q, lir_loc_mem(e, dst), X64_R11);
    }
}

static void lir_move_mem(LirEmit *e, LirReg dst, unsigned cls, X64Mem m, bool address)
{
    X64Asm *a = e->as;
    if (lir_is_phys(dst) && cls == LIR_XMM) {
        x64_sse_rm(a, X64_MOVSD, lir_xx(dst), m);
        return;
    }
    X64Reg r = lir_is_phys(dst) ? lir_x(dst) : X64_R11;
    if (address) {
        x64_lea(a, X64_Q, r, m);
    } else {
        x64_mov_rm(a, X64_Q, r, m);
    }
    if (!lir_is_phys(dst)) {
        x64_mov_mr(a, X64_Q, lir_loc_mem(e, dst), r);
    }
}

static X64Mem lir_plain_mem(const LirOpnd *o)
{
    X64Reg base = o->reg == LIR_NOREG ? X64_NOREG : lir_x(o->reg);
    if (o->index == LIR_NOREG) {
        return x64_mem(base, o->disp);
    }
    return x64_mem_index(base, lir_x(o->index), 1 << o->scale, o->disp);
}

/* One move; the source's location is still intact. */
static void lir_move_one(LirEmit *e, const LirMove *m)
{
    X64Asm *a = e->as;
    LirReg d = m->dst, s = m->src.reg;
    switch (m->src.kind) {
    case LIR_O_IMM: lir_move_imm(e, d, m->cls, m->src.imm); return;
    case LIR_O_MEM:
    case LIR_O_ADDR:
        lir_move_mem(e, d, m->cls, lir_plain_mem(&m->src), m->src.kind == LIR_O_ADDR);
        return;
    default: break;
    }
    if (lir_loc_is_const(s)) {
        lir_move_imm(e, d, m->cls, e->ra->consts.v.data[lir_loc_index(s)]);
    } else if (!lir_is_phys(s)) {
        lir_move_mem(e, d, m->cls, lir_loc_mem(e, s), false);
    } else if (s < LIR_XMM0) {
        if (!lir_is_phys(d)) {
            x64_mov_mr(a, X64_Q, lir_loc_mem(e, d), lir_x(s));
        } else if (d < LIR_XMM0) {
            x64_mov_rr(a, X64_Q, lir_x(d), lir_x(s));
        } else {
            x64_movq_xr(a, lir_xx(d), lir_x(s));
        }
    } else {
        if (!lir_is_phys(d)) {
            x64_sse_mr(a, X64_MOVSD, lir_loc_mem(e, d), lir_xx(s));
        } else if (d >= LIR_XMM0) {
            x64_sse_rr(a, X64_MOVAPD, lir_xx(d), lir_xx(s));
        } else {
            x64_movq_rx(a, lir_x(d), lir_xx(s));
        }
    }
}

static bool lir_move_reads(const LirMove *m, uint32_t *index)
{
    *index = m->src.kind == LIR_O_REG ? lir_conflict_index(m->src.reg) : UINT32_MAX;
    return *index != UINT32_MAX;
}

/* Destinations that are homes or constants already have the value. */
static bool lir_move_is_void(const LirMove *m)
{
    return (m->src.kind == LIR_O_REG && m->src.reg == m->dst) || lir_loc_is_home(m->dst) ||
           lir_loc_is_const(m->dst);
}

void lir_emit_moves(LirEmit *e, LirMove *m, uint32_t n)
{
    uint32_t todo = 0, s, nready = 0;
    uint32_t few[64];
    uint32_t *ready = n <= 32 ? few : arena_array(e->arena, uint32_t, 2 * n);
    uint32_t *live = ready + n; /* moves that are not void */
    for (uint32_t i = 0; i < n; i++) {
        if (!lir_move_is_void(&m[i])) {
            live[todo++] = i;
            e->writer[lir_conflict_index(m[i].dst)] = i + 1;
            if (lir_move_reads(&m[i], &s)) {
                e->reads[s]++;
            }
        }
    }
    uint32_t nlive = todo;
    for (uint32_t k = 0; k < nlive; k++) {
        if (e->reads[lir_conflict_index(m[live[k]].dst)] == 0) {
            ready[nready++] = live[k];
        }
    }
    for (uint32_t k = 0; todo; k++) {
        while (nready) {
            LirMove *x = &m[ready[--nready]];
            lir_move_one(e, x);
            e->writer[lir_conflict_index(x->dst)] = 0;
            todo--;
            if (lir_move_reads(x, &s) && --e->reads[s] == 0 && e->writer[s]) {
                ready[nready++] = e->writer[s] - 1;
            }
        }
        if (todo == 0) {
            break;
        }
        /* Only cycles are left: each location in them is read once and written once. */
        while (e->writer[lir_conflict_index(m[live[k]].dst)] != live[k] + 1) {
            k++;
        }
        LirMove *x = &m[live[k]];
        uint32_t d = lir_conflict_index(x->dst);
        LirMove *reader = NULL;
        for (uint32_t j = 0; j < nlive && reader == NULL; j++) {
            LirMove *y = &m[live[j]];
            if (y->src.kind == LIR_O_REG && y->src.reg == x->dst &&
                e->writer[lir_conflict_index(y->dst)] == live[j] + 1) {
                reader = y;
            }
        }
        BASE_CHECK(reader != NULL && lir_move_reads(x, &s));
        if (x->dst < LIR_XMM0 && lir_is_phys(x->src.reg) && x->src.reg < LIR_XMM0) {
            x64_xchg_rr(e->as, X64_Q, lir_x(x->dst), lir_x(x->src.reg));
            /* x is done; what was in its destination is now where its source was. */
            e->writer[d] = 0;
            e->reads[d] = 0;
            todo--;
            reader->src.reg = x->src.reg;
            if (reader->dst == x->src.reg) {
                e->writer[lir_conflict_index(reader->dst)] = 0;
                e->reads[s] = 0;
                todo--;
            }
        } else {
            LirMove park = {.dst = LIR_XSCRATCH, .src = lir_reg(x->dst), .cls = LIR_XMM};
            lir_move_one(e, &park);
            reader->src.reg = LIR_XSCRATCH;
            e->reads[LIR_XSCRATCH]++;
            e->reads[d] = 0;
            ready[nready++] = live[k];
            k--; /* the same move is looked at again, and found done */
        }
    }
}

/* ---- calls -------------------------------------------------------------------------------------- */

const uint8_t lir_arg_gpr[6] = {7, 6, 2, 1, 8, 9};

static void lir_save_registers(LirEmit *e, uint32_t mask, bool restore)
{
    uint32_t n = 0;
    for (; mask; mask &= mask - 1) {
        LirReg r = (LirReg)__builtin_ctz(mask);
        X64Mem m = lir_slot_mem(e, e->save_base + n++);
        if (r >= LIR_XMM0 && restore) {
            x64_sse_rm(e->as, X64_MOVSD, lir_xx(r), m);
        } else if (r >= LIR_XMM0) {
            x64_sse_mr(e->as, X64_MOVSD, m, lir_xx(r));
        } else if (restore) {
            x64_mov_rm(e->as, X64_Q, lir_x(r), m);
        } else {
            x64_mov_mr(e->as, X64_Q, m, lir_x(r));
        }
    }
}

/* The result, from rax or xmm0 to its place. Keeps the flags. */
static void lir_call_result(LirEmit *e, const LirIns *i)
{
    X64Asm *a = e->as;
    LirReg d = i->dst;
    if (d == LIR_NOREG || lir_loc_is_home(d) || lir_loc_is_const(d)) {
        return;
    }
    bool xmm = i->cflags & LIR_CALL_XMM_;
    if (xmm) {
        LirMove m = {.dst = d, .src = lir_reg(LIR_XMM0), .cls = LIR_XMM};
        if (d != LIR_XMM0) {
            lir_move_one(e, &m);
        }
        return;
    }
    X64Reg r = lir_is_phys(d) ? lir_x(d) : X64_RAX;
    if (i->cflags & LIR_CALL_W4) {
        x64_movsx_rr(a, X64_D, r, X64_RAX);
    } else if (i->cflags & LIR_CALL_BOOL) {
        x64_mov_rr(a, X64_D, r, X64_RAX);
    } else if (r != X64_RAX) {
        x64_mov_rr(a, X64_Q, r, X64_RAX);
    }
    if (!lir_is_phys(d)) {
        x64_mov_mr(a, X64_Q, lir_loc_mem(e, d), r);
    }
}

static const struct {
    uint8_t w, cc;
} checks[] = {[LIR_CHK_NULL] = {8, X64_E},
              [LIR_CHK_NEG32] = {4, X64_S},
              [LIR_CHK_NEG64] = {8, X64_S},
              [LIR_CHK_SET32] = {4, X64_NE}};

/* A preserving call through a stub, if it is of a kind that has one. An argument that is a constant
 * goes there in the scratch register. */
static bool lir_call_by_stub(LirEmit *e, const LirIns *i, uint32_t save)
{
    X64Asm *a = e->as;
    const LirOpnd *fn = &i->src[0];
    LirReg d = lir_loc_is_home(i->dst) || lir_loc_is_const(i->dst) ? LIR_NOREG : i->dst;
    if (e->opt->stubs == NULL || e->ra->all_spill || fn->kind != LIR_O_IMM || i->xargs != 0 ||
        i->nargs == 0 || i->nargs > 2 || (save & ~LIR_MASK_CALLER_GPR) != 0 ||
        (d != LIR_NOREG && d >= LIR_XMM0) ||
        (i->cflags & (LIR_CALL_W4 | LIR_CALL_BOOL | LIR_CALL_XMM_)) != 0) {
        return false;
    }
    LirStubKey k = {.fn = (const void *)(intptr_t)fn->imm,
                    .save = save,
                    .nargs = i->nargs,
                    .dst = d == LIR_NOREG ? LIR_STUB_NONE : (uint8_t)d,
                    .test = i->check == LIR_CHK_NONE ? 0 : checks[i->check].w};
    const LirOpnd *constant = NULL;
    for (unsigned n = 0; n < i->nargs; n++) {
        const LirOpnd *o = &i->args[n];
        if (o->kind == LIR_O_REG && o->reg < LIR_XMM0) {
            k.args[n] = (uint8_t)o->reg;
        } else if (o->kind == LIR_O_IMM && constant == NULL) {
            constant = o;
            k.args[n] = LIR_SCRATCH;
        } else {
            return false;
        }
    }
    const void *stub = lir_stub(e->opt->stubs, &k);
    if (stub == NULL) {
        return false;
    }
    if (constant != NULL) {
        x64_mov_ri(a, X64_R11, (uint64_t)constant->imm);
    }
    x64_call_abs(a, stub);
    if (i->check != LIR_CHK_NONE) {
        x64_jcc(a, (X64Cond)checks[i->check].cc, lir_exit_label(e, i->exit));
    }
    return true;
}

/* The stub of compact code that makes the call, or NULL; bit k of *filled: it fills the register of argument k. */
static const void *lir_call_shared(LirEmit *e, const LirIns *i, uint32_t *filled)
{
    const void *fn = (const void *)(intptr_t)i->src[0].imm;
    if (!e->f->compact || e->opt->stubs == NULL || i->leave != NULL || i->xargs != 0 ||
        i->nargs > LIR_STUB_ARGS || cc_reaches(e->opt->cc, fn)) {
        return NULL;
    }
    LirStubKey k = {.fn = fn, .jumps = true};
    uint32_t fills = 0;
    for (unsigned n = 0; n < i->nargs; n++) {
        const LirOpnd *o = &i->args[n];
        LirStubArg how = LIR_ARG_THERE;
        if (o->kind == LIR_O_REG && (o->reg == LIR_TS || o->reg == LIR_FRAME)) {
            how = o->reg == LIR_TS ? LIR_ARG_TS : LIR_ARG_FRAME;
        } else if (o->kind == LIR_O_ADDR && o->reg == LIR_RSP && o->index == LIR_NOREG) {
            how = LIR_ARG_RSP;
            k.value[n] = o->disp;
        } else if (o->kind == LIR_O_IMM && o->imm >= -1 && o->imm <= LIR_SHARED_IMM) {
            how = LIR_ARG_IMM;
            k.value[n] = (int32_t)o->imm;
        }
        k.how[n] = (uint8_t)how;
        fills |= (uint32_t)(how != LIR_ARG_THERE) << n;
    }
    const void *stub = lir_stub(e->opt->stubs, &k);
    *filled = stub != NULL ? fills : 0;
    return stub;
}

void lir_emit_call(LirEmit *e, LirIns *i)
{
    X64Asm *a = e->as;
    LirMove moves[LIR_MAX_ARGS + 1];
    uint32_t n = 0;
    unsigned g = 0, x = 0;
    uint32_t save = 0;
    if (i->cflags & LIR_CALL_PRESERVE) {
        save = i->save & LIR_MASK_CALLER;
        if (lir_is_phys(i->dst)) {
            save &= ~(1u << i->dst);
        }
        if (lir_call_by_stub(e, i, save)) {
            return;
        }
        lir_save_registers(e, save, false);
    }
    const LirOpnd *fn = &i->src[0];
    bool direct = fn->kind == LIR_O_IMM;
    uint32_t filled = 0;
    const void *shared = direct ? lir_call_shared(e, i, &filled) : NULL;
    for (unsigned k = 0; k < i->nargs; k++) {
        LirOpnd o = i->args[k];
        bool xmm = (i->xargs >> k) & 1u;
        LirReg to = xmm ? LIR_XMM0 + x++ : lir_arg_gpr[g];
        g += !xmm;
        if (!((filled >> k) & 1u)) {
            moves[n++] = (LirMove){.dst = to, .src = o, .cls = xmm ? LIR_XMM : LIR_GPR};
        }
    }
    if (!direct) {
        moves[n++] = (LirMove){.dst = 0, .src = *fn, .cls = LIR_GPR};
    }
    lir_emit_moves(e, moves, n);
    if (i->leave) {
        lir_emit_call_py(a, (const void *)(intptr_t)fn->imm, i->leave);
    } else if (direct) {
        x64_call_abs(a, shared ? shared : (const void *)(intptr_t)fn->imm);
    } else {
        x64_call_r(a, X64_RAX);
    }
    /* The exit comes before the result of an ordinary call takes its place, which may be that of
     * a value that only the exit still wants; and after the registers have been restored. */
    bool preserve = i->cflags & LIR_CALL_PRESERVE;
    if (i->check != LIR_CHK_NONE) {
        x64_test_rr(a, (X64Width)checks[i->check].w, X64_RAX, X64_RAX);
        if (!preserve) {
            x64_jcc(a, (X64Cond)checks[i->check].cc, lir_exit_label(e, i->exit));
        }
    }
    lir_call_result(e, i);
    lir_save_registers(e, save, true);
    if (preserve && i->check != LIR_CHK_NONE) {
        x64_jcc(a, (X64Cond)checks[i->check].cc, lir_exit_label(e, i->exit));
    }
}
