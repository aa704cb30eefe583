/* Construction of LIR: blocks, instructions, states, and the op table.
 *
 * The builder functions append at a cursor, which is a block or the slow path
 * that is open inside it.  Everything is allocated in the function's arena. */
#include "lir_internal.h"

#include <string.h>

const LirOpInfo lir_op_info[LIR_NOPS] = {
#define TWO                                   LIR_F_TWO
#define COMM                                  LIR_F_COMM
#define COND                                  LIR_F_COND
#define MUST                                  LIR_F_MUST
#define TERM                                  LIR_F_TERM
#define CALL                                  LIR_F_CALL
#define EFF                                   LIR_F_EFF
#define LIR_OP(name, dst, s0, s1, flags, doc) {#name, #dst[0], #s0[0], #s1[0], flags, doc},
#include "lir_ops.def"
#undef LIR_OP
#undef TWO
#undef COMM
#undef COND
#undef MUST
#undef TERM
#undef CALL
#undef EFF
};

LirFunc *lir_func_new(Arena *a, const char *name, int32_t home_disp)
{
    LirFunc *f = arena_new(a, LirFunc);
    f->arena = a;
    f->name = name;
    f->home_disp = home_disp;
    (void)VEC_RESERVE(a, &f->vregs, 256);
    for (uint32_t r = 0; r < LIR_FIRST_VREG; r++) {
        LirVreg v = {.cls = r < LIR_XMM0 ? LIR_GPR : LIR_XMM, .home = -1, .hint = LIR_NOREG};
        VEC_PUSH(a, &f->vregs, v);
    }
    return f;
}

LirBlock *lir_block_new(LirFunc *f)
{
    LirBlock *b = arena_new(f->arena, LirBlock);
    b->id = f->nblocks++;
    if (f->last_block) {
        f->last_block->next = b;
    } else {
        f->blocks = b;
    }
    f->last_block = b;
    return b;
}

void lir_at(LirFunc *f, LirBlock *b)
{
    BASE_CHECK(f->slow == NULL);
    f->cur = b;
}

LirReg lir_vreg(LirFunc *f, LirClass cls)
{
    LirReg r = f->vregs.len;
    LirVreg v = {.cls = (uint8_t)cls, .home = -1, .hint = LIR_NOREG};
    VEC_PUSH(f->arena, &f->vregs, v);
    return r;
}

void lir_set_home(LirFunc *f, LirReg v, int index)
{
    if (index >= 0 && index <= INT16_MAX) {
        f->vregs.data[v].home = (int16_t)index;
    }
}

LirOpnd lir_out_(LirFunc *f, uint32_t i)
{
    if (f->out_words < i + 1) {
        f->out_words = i + 1;
    }
    return lir_mem(LIR_RSP, (int32_t)(8 * i));
}

uint32_t lir_phi(LirFunc *f, LirBlock *b, LirReg dst)
{
    /* Capacity doubles at powers of two. */
    if ((b->nphi & (b->nphi - 1)) == 0) {
        size_t old = sizeof(LirReg) * b->nphi;
        b->phi = arena_grow(f->arena, b->phi, old, sizeof(LirReg) * (b->nphi ? b->nphi * 2 : 1));
    }
    b->phi[b->nphi] = dst;
    return b->nphi++;
}

void lir_edge_args(LirFunc *f, LirBlock *from, unsigned i, const LirOpnd *args, uint32_t n)
{
    from->out_args[i] = arena_array(f->arena, LirOpnd, n);
    if (n) {
        memcpy(from->out_args[i], args, n * sizeof *args);
    }
}

static LirIns *lir_append(LirFunc *f, LirIns *i)
{
    i->hir_id = f->cur_hir;
    f->nins++;
    LirIns **first = f->slow ? &f->slow->first : &f->cur->first;
    LirIns **last = f->slow ? &f->slow->last : &f->cur->last;
    i->prev = *last;
    if (*last) {
        (*last)->next = i;
    } else {
        *first = i;
    }
    *last = i;
    return i;
}

static LirIns *lir_ins_alloc(LirFunc *f, LirOp op, unsigned w, LirReg dst)
{
    LirIns *i = arena_new(f->arena, LirIns);
    i->op = (uint8_t)op;
    i->w = (uint8_t)w;
    i->dst = dst;
    i->dst2 = LIR_NOREG;
    i->src[0] = i->src[1] = lir_none();
    return i;
}

LirIns *lir_ins(LirFunc *f, LirOp op, unsigned w, LirReg dst, LirOpnd s0, LirOpnd s1)
{
    LirIns *i = lir_ins_alloc(f, op, w, dst);
    i->src[0] = s0;
    i->src[1] = s1;
    i->nsrc = (uint8_t)(s0.kind == LIR_O_NONE ? 0 : s1.kind == LIR_O_NONE ? 1 : 2);
    return lir_append(f, i);
}

void lir_mov(LirFunc *f, LirReg dst, LirOpnd s)
{
    lir_ins(f, LIR_MOV, 8, dst, s, lir_none());
}

LirReg lir_copy(LirFunc *f, LirClass cls, LirOpnd s)
{
    LirReg r = lir_vreg(f, cls);
    lir_mov(f, r, s);
    return r;
}

LirReg lir_load(LirFunc *f, unsigned w, LirOpnd mem)
{
    LirReg r = lir_vreg(f, LIR_GPR);
    lir_ins(f, LIR_LOAD, w, r, mem, lir_none());
    return r;
}

LirReg lir_loads(LirFunc *f, unsigned w, LirOpnd mem)
{
    LirReg r = lir_vreg(f, LIR_GPR);
    lir_ins(f, LIR_LOADS, w, r, mem, lir_none());
    return r;
}

LirReg lir_load_f64(LirFunc *f, LirOpnd mem)
{
    LirReg r = lir_vreg(f, LIR_XMM);
    lir_ins(f, LIR_LOAD, 8, r, mem, lir_none());
    return r;
}

void lir_store(LirFunc *f, unsigned w, LirOpnd mem, LirOpnd value)
{
    lir_ins(f, LIR_STORE, w, LIR_NOREG, mem, value);
}

LirReg lir_lea(LirFunc *f, LirOpnd mem)
{
    LirReg r = lir_vreg(f, LIR_GPR);
    mem.kind = LIR_O_MEM;
    lir_ins(f, LIR_LEA, 8, r, mem, lir_none());
    return r;
}

LirReg lir_op2w(LirFunc *f, LirOp op, unsigned w, LirOpnd s0, LirOpnd s1)
{
    LirReg r = lir_vreg(f, lir_op_info[op].dst == 'X' ? LIR_XMM : LIR_GPR);
    lir_ins(f, op, w, r, s0, s1);
    return r;
}

LirReg lir_op2(LirFunc *f, LirOp op, LirOpnd s0, LirOpnd s1)
{
    return lir_op2w(f, op, 8, s0, s1);
}

LirReg lir_op1(LirFunc *f, LirOp op, LirOpnd s0)
{
    return lir_op2w(f, op, 8, s0, lir_none());
}

LirReg lir_op2_guard(LirFunc *f, LirOp op, LirOpnd s0, LirOpnd s1, LirCond cc, LirExit *x)
{
    LirReg r = lir_vreg(f, LIR_GPR);
    LirIns *i = lir_ins(f, op, 8, r, s0, s1);
    i->cc = (uint8_t)cc;
    i->tgt = LIR_T_EXIT;
    i->exit = x;
    return r;
}

void lir_idiv(LirFunc *f, LirOpnd s0, LirOpnd s1, LirReg *quot, LirReg *rem)
{
    LirIns *i = lir_ins(f, LIR_IDIV, 8, LIR_NOREG, s0, s1);
    if (quot) {
        *quot = i->dst = lir_vreg(f, LIR_GPR);
    }
    if (rem) {
        *rem = i->dst2 = lir_vreg(f, LIR_GPR);
    }
}

void lir_rmw(LirFunc *f, LirOp op, unsigned w, LirOpnd mem, LirOpnd s1)
{
    lir_ins(f, op, w, LIR_NOREG, mem, s1);
}

static LirIns *lir_cond(LirFunc *f, LirOp op, unsigned w, LirCond cc, LirReg dst, LirOpnd s0,
                        LirOpnd s1, LirTarget tgt)
{
    LirIns *i = lir_ins(f, op, w, dst, s0, s1);
    i->cc = (uint8_t)cc;
    i->tgt = (uint8_t)tgt;
    return i;
}

LirReg lir_set(LirFunc *f, LirOp op, unsigned w, LirCond cc, LirOpnd s0, LirOpnd s1)
{
    LirReg r = lir_vreg(f, LIR_GPR);
    lir_cond(f, op, w, cc, r, s0, s1, LIR_T_SET);
    return r;
}

void lir_guard(LirFunc *f, LirOp op, unsigned w, LirCond cc, LirOpnd s0, LirOpnd s1, LirExit *x)
{
    lir_cond(f, op, w, cc, LIR_NOREG, s0, s1, LIR_T_EXIT)->exit = x;
}

void lir_br(LirFunc *f, LirOp op, unsigned w, LirCond cc, LirOpnd s0, LirOpnd s1, LirBlock *yes,
            LirBlock *no)
{
    BASE_CHECK(f->slow == NULL);
    lir_cond(f, op, w, cc, LIR_NOREG, s0, s1, LIR_T_BR);
    f->cur->succ[0] = yes;
    f->cur->succ[1] = no;
    f->cur->nsucc = 2;
}

LirIns *lir_slow(LirFunc *f, LirOp op, unsigned w, LirCond cc, LirReg dst, LirOpnd s0, LirOpnd s1)
{
    BASE_CHECK(f->slow == NULL);
    LirIns *i = lir_cond(f, op, w, cc, dst, s0, s1, LIR_T_SLOW);
    f->slow = i->slow = arena_new(f->arena, LirSlow);
    i->slow->owner = i;
    return i;
}

void lir_slow_end(LirFunc *f)
{
    BASE_CHECK(f->slow != NULL);
    f->slow = NULL;
}

void lir_slow_done_if(LirFunc *f, LirOp op, unsigned w, LirCond cc, LirOpnd s0, LirOpnd s1)
{
    BASE_CHECK(f->slow != NULL);
    lir_cond(f, op, w, cc, LIR_NOREG, s0, s1, LIR_T_DONE);
}

/* Arguments that are memory behind a virtual register are loaded first: a parallel move may then
 * read its sources in any order. */
static LirOpnd lir_plain_arg(LirFunc *f, LirOpnd o)
{
    if ((o.kind == LIR_O_MEM || o.kind == LIR_O_ADDR) &&
        (lir_is_virtual(o.reg) || lir_is_virtual(o.index))) {
        LirReg r = o.kind == LIR_O_MEM ? lir_load(f, 8, o) : lir_lea(f, o);
        return lir_reg(r);
    }
    return o;
}

LirIns *lir_call_ind(LirFunc *f, LirOpnd fn, LirReg dst, const LirOpnd *args, unsigned nargs,
                     LirCheck check, LirExit *x)
{
    BASE_CHECK(nargs <= LIR_MAX_ARGS);
    LirOpnd *copy = arena_array(f->arena, LirOpnd, nargs);
    unsigned xargs = 0;
    for (unsigned k = 0; k < nargs; k++) {
        copy[k] = lir_plain_arg(f, args[k]);
        if (copy[k].kind == LIR_O_REG && lir_class(f, copy[k].reg) == LIR_XMM) {
            xargs |= 1u << k;
        }
    }
    fn = lir_plain_arg(f, fn);
    LirIns *i = lir_ins_alloc(f, LIR_CALL, 8, dst);
    i->src[0] = fn;
    i->nsrc = 1;
    i->args = copy;
    i->nargs = (uint8_t)nargs;
    i->xargs = (uint16_t)xargs;
    i->check = (uint8_t)check;
    i->exit = check == LIR_CHK_NONE ? NULL : x;
    if (dst != LIR_NOREG && lir_class(f, dst) == LIR_XMM) {
        i->cflags |= LIR_CALL_XMM_;
    }
    if (f->slow) {
        i->cflags |= LIR_CALL_PRESERVE;
    }
    return lir_append(f, i);
}

LirIns *lir_call(LirFunc *f, const void *fn, LirReg dst, const LirOpnd *args, unsigned nargs,
                 LirCheck check, LirExit *x)
{
    return lir_call_ind(f, lir_ptr(fn), dst, args, nargs, check, x);
}

void lir_jmp(LirFunc *f, LirBlock *to)
{
    BASE_CHECK(f->slow == NULL);
    lir_ins(f, LIR_JMP, 8, LIR_NOREG, lir_none(), lir_none());
    f->cur->succ[0] = to;
    f->cur->nsucc = 1;
}

void lir_ret(LirFunc *f, LirOpnd value)
{
    lir_ins(f, LIR_RET, 8, LIR_NOREG, value, lir_none());
}

void lir_exit(LirFunc *f, LirExit *x)
{
    lir_ins(f, LIR_EXIT, 8, LIR_NOREG, lir_none(), lir_none())->exit = x;
}

void lir_trap(LirFunc *f)
{
    lir_ins(f, LIR_TRAP, 8, LIR_NOREG, lir_none(), lir_none());
}

LirState *lir_state_new(LirFunc *f, uint32_t nframes)
{
    LirState *s = arena_new(f->arena, LirState);
    s->nframes = nframes;
    s->frames = arena_array(f->arena, LirStateFrame, nframes);
    return s;
}

LirVal *lir_state_frame(LirFunc *f, LirState *s, uint32_t i, void *code, int32_t bci,
                        uint32_t nstack, uint32_t ndirty)
{
    LirStateFrame *fr = &s->frames[i];
    fr->code = code;
    fr->bci = bci;
    fr->nstack = (uint16_t)nstack;
    fr->ndirty = (uint16_t)ndirty;
    fr->vals = arena_array(f->arena, LirVal, nstack + ndirty);
    fr->dirty = arena_array(f->arena, uint16_t, ndirty);
    for (uint32_t k = 0; k < nstack + ndirty; k++) {
        fr->vals[k].opnd = lir_none();
        fr->vals[k].home = -1;
    }
    return fr->vals;
}

LirExit *lir_exit_resume(LirFunc *f, LirState *s, unsigned reason)
{
    LirExit *x = arena_new(f->arena, LirExit);
    x->kind = 0; /* RT_EXIT_RESUME; lir_tables.c checks the value */
    x->reason = (uint16_t)reason;
    x->throw_bci = -1;
    x->state = s;
    return x;
}

LirExit *lir_exit_safepoint(LirFunc *f, LirState *s, unsigned reason, int32_t throw_bci)
{
    LirExit *x = lir_exit_throw(f, s, reason, throw_bci);
    x->kind = 2; /* RT_EXIT_SAFEPOINT */
    x->no_stress = 1;
    return x;
}

LirExit *lir_exit_throw(LirFunc *f, LirState *s, unsigned reason, int32_t throw_bci)
{
    LirExit *x = lir_exit_resume(f, s, reason);
    x->kind = 1; /* RT_EXIT_THROW */
    x->throw_bci = throw_bci;
    return x;
}
