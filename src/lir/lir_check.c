/* The allocation checker: symbolic execution of the allocated code.
 *
 * For every point it knows which virtual register each physical register and
 * each slot holds (0: unknown), starting with nothing and meeting at joins.
 * Each use must find its virtual register where the allocator says it is;
 * moves, results and clobbers change the picture as the emitter's code does.
 * The picture before a block only ever gets poorer, so an offence is one
 * whenever it is seen. */
#include "lir_internal.h"

#include <string.h>

typedef struct {
    LirAlloc *ra;
    LirFunc *f;
    StrBuf *err;
    uint32_t nloc;   /* 32 + slots */
    LirReg **in;     /* per block, NULL: not reached yet */
    LirReg *st;      /* current picture */
    LirReg *slow_st; /* inside a slow path */
    LirReg *join;
    const LirBlock *b;
    bool bad;
} Chk;

static void lir_chk_bad(Chk *c, const LirIns *i, LirReg v, LirReg loc, const char *what)
{
    if (c->bad) {
        return;
    }
    c->bad = true;
    sb_printf(c->err, "b%u: %s: v%u in ", c->b->id, what, v);
    lir_print_loc(loc, c->err);
    if (i) {
        sb_puts(c->err, " at ");
        lir_print_ins(i->orig ? i->orig : i, c->err);
    }
}

static uint32_t lir_chk_index(LirReg loc)
{
    return lir_is_phys(loc) ? loc : 32 + lir_loc_index(loc);
}

static bool lir_holds(const Chk *c, const LirReg *st, LirReg loc, LirReg v)
{
    if (lir_is_phys(v)) {
        return loc == v;
    }
    if (lir_loc_is_home(loc)) {
        return c->f->vregs.data[v].home == (int)lir_loc_index(loc);
    }
    if (lir_loc_is_const(loc)) {
        return lir_loc_index(loc) < c->ra->consts.v.len;
    }
    if (!lir_is_phys(loc) && !lir_loc_is_slot(loc)) {
        return false;
    }
    uint32_t k = lir_chk_index(loc);
    return k < c->nloc && st[k] == v;
}

static void lir_set_loc(LirReg *st, LirReg loc, LirReg v)
{
    if (lir_is_phys(loc) || lir_loc_is_slot(loc)) {
        st[lir_chk_index(loc)] = v;
    }
}

/* v gets a new value: what other places hold of it is the old one. */
static void lir_forget(const Chk *c, LirReg *st, LirReg v)
{
    for (uint32_t k = 0; k < c->nloc; k++) {
        if (st[k] == v) {
            st[k] = 0;
        }
    }
}

static void lir_kill_mask(LirReg *st, uint32_t mask)
{
    for (; mask; mask &= mask - 1) {
        st[__builtin_ctz(mask)] = 0;
    }
}

static void lir_chk_reg(Chk *c, const LirReg *st, const LirIns *i, LirReg v, LirReg loc)
{
    if (v != LIR_NOREG && !lir_holds(c, st, loc, v)) {
        lir_chk_bad(c, i, v, loc, "a use finds something else");
    }
}

static void lir_chk_opnd(Chk *c, const LirReg *st, const LirIns *i, const LirOpnd *o,
                         const LirOpnd *n)
{
    if (o->kind == LIR_O_REG) {
        lir_chk_reg(c, st, i, o->reg, n->reg);
    } else if (o->kind == LIR_O_MEM || o->kind == LIR_O_ADDR) {
        lir_chk_reg(c, st, i, o->reg, n->reg);
        lir_chk_reg(c, st, i, o->index, n->index);
    }
}

static void lir_chk_exit(Chk *c, const LirReg *st, const LirIns *i)
{
    const LirState *s = i->exit->state;
    uint32_t n = 0;
    for (uint32_t k = 0; k < s->nframes; k++) {
        const LirStateFrame *f = &s->frames[k];
        for (uint32_t j = 0; j < (uint32_t)f->nstack + f->ndirty; j++) {
            if (f->vals[j].opnd.kind == LIR_O_REG) {
                LirReg loc = i->exit->locs[n++];
                if (!lir_holds(c, st, loc, f->vals[j].opnd.reg)) {
                    lir_chk_bad(c, i, f->vals[j].opnd.reg, loc, "an exit finds something else");
                }
            }
        }
    }
}

static void lir_chk_def(Chk *c, LirReg *st, const LirIns *i, LirReg v, LirReg loc)
{
    if (v == LIR_NOREG) {
        return;
    }
    lir_forget(c, st, v);
    lir_set_loc(st, loc, v);
    if ((lir_loc_is_home(loc) || lir_loc_is_const(loc)) && !lir_holds(c, st, loc, v)) {
        lir_chk_bad(c, i, v, loc, "a result goes to a place that is not its own");
    }
}

static void lir_chk_ins(Chk *c, LirReg *st, const LirIns *i, bool slow)
{
    const LirIns *o = i->orig;
    unsigned fl = lir_op_info[i->op].flags;
    bool late1 =
        ((fl & LIR_F_TWO) || i->op == LIR_IDIV) &&
        !(o->src[1].kind == LIR_O_REG && ((fl & LIR_F_COMM) || lir_is_shift((LirOp)i->op)));
    lir_chk_opnd(c, st, i, &o->src[0], &i->src[0]);
    if (!late1 && i->nsrc > 1) {
        lir_chk_opnd(c, st, i, &o->src[1], &i->src[1]);
    }
    for (unsigned k = 0; k < i->nargs; k++) {
        lir_chk_opnd(c, st, i, &o->args[k], &i->args[k]);
    }
    uint32_t kill = 1u << LIR_SCRATCH | 1u << LIR_XSCRATCH;
    if (i->op == LIR_CALL) {
        uint32_t save = (i->cflags & LIR_CALL_PRESERVE) ? i->save : 0;
        kill |= LIR_MASK_CALLER & ~save;
        if (c->ra->all_spill) {
            kill |= LIR_MASK_ALLOC_GPR;
        }
    } else if (i->op == LIR_IDIV) {
        kill |= 1u << 0 | 1u << 2;
    } else if (lir_is_shift((LirOp)i->op) && o->src[1].kind != LIR_O_IMM) {
        kill |= 1u << 1;
    }
    lir_kill_mask(st, kill);
    if (late1 && i->nsrc > 1) {
        /* dst was written with s0 before s1 is read. */
        if (i->op != LIR_IDIV && lir_is_phys(i->dst) && !slow) {
            bool same = o->src[0].kind == LIR_O_REG && o->src[1].kind == LIR_O_REG &&
                        o->src[0].reg == o->src[1].reg && i->src[1].reg == i->dst;
            if (!same) {
                st[i->dst] = 0;
            }
        }
        lir_chk_opnd(c, st, i, &o->src[1], &i->src[1]);
    }
    /* An ordinary call leaves before its result is put in place. */
    bool exit_first = i->op == LIR_CALL && !(i->cflags & LIR_CALL_PRESERVE);
    if (i->exit && exit_first) {
        lir_chk_exit(c, st, i);
    }
    lir_chk_def(c, st, i, o->dst, i->dst);
    lir_chk_def(c, st, i, o->dst2, i->dst2);
    if (i->exit && !exit_first) {
        lir_chk_exit(c, st, i);
    }
}

static void lir_meet(const Chk *c, LirReg *a, const LirReg *b)
{
    for (uint32_t k = 0; k < c->nloc; k++) {
        if (a[k] != b[k]) {
            a[k] = 0;
        }
    }
}

static void lir_chk_slow(Chk *c, const LirIns *i)
{
    size_t bytes = c->nloc * sizeof(LirReg);
    bool ends = false;
    memcpy(c->slow_st, c->st, bytes);
    memcpy(c->join, c->st, bytes);
    for (const LirIns *y = i->slow->first; y; y = y->next) {
        lir_chk_ins(c, c->slow_st, y, true);
        if (y->tgt == LIR_T_DONE) {
            lir_meet(c, c->join, c->slow_st);
        }
        ends = (lir_op_info[y->op].flags & LIR_F_TERM) != 0;
    }
    if (!ends) {
        lir_meet(c, c->join, c->slow_st);
    }
    memcpy(c->st, c->join, bytes);
}

static void lir_chk_moves(Chk *c, const LirMoves *m)
{
    if (m == NULL) {
        return;
    }
    for (uint32_t k = 0; k < m->v.len; k++) {
        const LirMove *x = &m->v.data[k];
        LirReg v = x->vsrc.kind != LIR_O_NONE ? x->vsrc.reg : x->vreg;
        if (x->src.kind == LIR_O_REG && !lir_holds(c, c->st, x->src.reg, v)) {
            lir_chk_bad(c, NULL, v, x->src.reg, "a move finds something else");
        }
        for (uint32_t j = 0; j < k; j++) {
            if (m->v.data[j].dst == x->dst && lir_is_phys(x->dst)) {
                lir_chk_bad(c, NULL, v, x->dst, "two moves to one place");
            }
        }
    }
    for (uint32_t k = 0; k < m->v.len; k++) {
        const LirMove *x = &m->v.data[k];
        if (x->vsrc.kind != LIR_O_NONE) {
            lir_forget(c, c->st, x->vreg);
        }
    }
    for (uint32_t k = 0; k < m->v.len; k++) {
        lir_set_loc(c->st, m->v.data[k].dst, m->v.data[k].vreg);
    }
    c->st[LIR_SCRATCH] = c->st[LIR_XSCRATCH] = 0;
}

/* The picture at the end of the current block flows into s; true when s's picture changed. */
static bool lir_chk_flow(Chk *c, const LirBlock *s)
{
    size_t bytes = c->nloc * sizeof(LirReg);
    LirReg *in = c->in[s->order];
    if (in == NULL) {
        in = c->in[s->order] = arena_array(c->f->arena, LirReg, c->nloc);
        memcpy(in, c->st, bytes);
        return true;
    }
    memcpy(c->join, in, bytes);
    lir_meet(c, in, c->st);
    return memcmp(c->join, in, bytes) != 0;
}

bool lir_check(LirAlloc *ra, StrBuf *err)
{
    LirFunc *f = ra->f;
    Chk c = {.ra = ra, .f = f, .err = err, .nloc = 32 + ra->nslots};
    c.in = arena_array(f->arena, LirReg *, f->norder);
    c.st = arena_array(f->arena, LirReg, c.nloc);
    c.slow_st = arena_array(f->arena, LirReg, c.nloc);
    c.join = arena_array(f->arena, LirReg, c.nloc);
    c.in[0] = arena_array(f->arena, LirReg, c.nloc);
    bool *dirty = arena_array(f->arena, bool, f->norder);
    dirty[0] = true;
    for (bool again = true; again && !c.bad;) {
        again = false;
        for (uint32_t o = 0; o < f->norder && !c.bad; o++) {
            const LirBlock *b = f->order[o];
            if (!dirty[o]) {
                continue;
            }
            dirty[o] = false;
            again = true;
            c.b = b;
            memcpy(c.st, c.in[o], c.nloc * sizeof(LirReg));
            lir_chk_moves(&c, b->entry_moves);
            for (const LirIns *i = b->first; i; i = i->next) {
                lir_chk_moves(&c, i->moves);
                if (i == b->last) {
                    lir_chk_moves(&c, b->exit_moves);
                }
                lir_chk_ins(&c, c.st, i, false);
                if (i->slow) {
                    lir_chk_slow(&c, i);
                }
            }
            for (unsigned k = 0; k < b->nsucc; k++) {
                dirty[b->succ[k]->order] |= lir_chk_flow(&c, b->succ[k]);
            }
        }
    }
    return !c.bad;
}
