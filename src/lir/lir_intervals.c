/* Building live intervals.
 *
 * Positions.  The instruction numbered p (a multiple of 4) has
 *   p      its operands are read and moves before it have happened
 *   p + 1  results are written, fixed registers clobbered; late operands, slow
 *          paths and exits still read theirs
 *   p + 2  the results of calls and divisions are written
 * An early use ends a range at p + 1, a late one at p + 2; a definition starts
 * one at p + 1 or p + 2; what a slow path defines for itself lives [p, p + 3).
 * A register that is clobbered at p is blocked at p + 1 alone, so operands of
 * a call may come in any register and its result may go to any.
 *
 * Blocks are walked backwards in reverse order; ranges and uses are prepended
 * and come out sorted. */
#include "lir_ra.h"

static void lir_add_range(LirRa *ra, LirReg v, uint32_t s, uint32_t e)
{
    LirVinfo *vi = &ra->info[v];
    LirIv *iv = vi->iv;
    if (iv == NULL) {
        iv = vi->iv = arena_new(ra->a->scratch, LirIv);
        iv->vreg = v;
        iv->loc = LIR_LOC_UNSET;
    }
    LirRange *r = iv->r;
    if (r != NULL && r->s <= e) {
        r->s = BASE_MIN(r->s, s);
        r->e = BASE_MAX(r->e, e);
        return;
    }
    r = arena_new(ra->a->scratch, LirRange);
    r->s = s;
    r->e = e;
    r->next = iv->r;
    iv->r = r;
}

static void lir_add_use(LirRa *ra, LirReg v, uint32_t pos, unsigned kind, unsigned level)
{
    LirIv *iv = ra->info[v].iv;
    if (kind == LIR_K_ANY) {
        return;
    }
    if (iv->u != NULL && iv->u->pos == pos) {
        iv->u->kind = (uint8_t)BASE_MAX(iv->u->kind, kind);
        return;
    }
    LirUse *u = arena_new(ra->a->scratch, LirUse);
    u->pos = pos;
    u->kind = (uint8_t)kind;
    u->level = (uint8_t)level;
    u->next = iv->u;
    iv->u = u;
}

static void lir_add_def(LirRa *ra, LirReg v, uint32_t pos, unsigned level)
{
    LirVinfo *vi = &ra->info[v];
    LirIv *iv = vi->iv;
    if (iv != NULL && iv->r->s <= pos && pos < iv->r->e) {
        iv->r->s = pos;
    } else {
        lir_add_range(ra, v, pos, (pos & ~3u) + 3); /* nobody reads it */
    }
    vi->ndefs++;
    vi->def_pos = pos & ~3u;
    vi->def_level = (uint8_t)level;
}

static void lir_state_uses(LirRa *ra, const LirExit *x, uint32_t from, uint32_t to, uint32_t *stamp,
                           uint32_t slow)
{
    const LirState *s = x->state;
    for (uint32_t n = 0; n < s->nframes; n++) {
        const LirStateFrame *fr = &s->frames[n];
        for (uint32_t k = 0; k < (uint32_t)fr->nstack + fr->ndirty; k++) {
            LirReg r = fr->vals[k].opnd.reg;
            if (fr->vals[k].opnd.kind == LIR_O_REG) {
                if (slow && stamp[r] == slow) {
                    lir_add_range(ra, r, slow, slow + 3);
                } else {
                    lir_add_range(ra, r, from, to);
                }
            }
        }
    }
}

/* Copies and two-address operations want one register for both sides; calls want their
 * arguments and results where the C ABI has them. */
static void lir_hint(LirRa *ra, LirReg v, LirReg to)
{
    if (lir_is_phys(to)) {
        ra->info[v].fixed = to;
    } else if (lir_class(ra->f, v) == lir_class(ra->f, to)) {
        ra->info[v].hint = to;
    }
}

static void lir_ins_hints(LirRa *ra, const LirIns *i)
{
    LirFunc *f = ra->f;
    const LirOpnd *s0 = &i->src[0];
    if (i->op == LIR_CALL) {
        unsigned g = 0, x = 0;
        for (unsigned k = 0; k < i->nargs; k++) {
            const LirOpnd *o = &i->args[k];
            bool xmm = o->kind == LIR_O_REG && lir_class(f, o->reg) == LIR_XMM;
            LirReg to = xmm ? LIR_XMM0 + x++ : lir_arg_gpr[BASE_MIN(g, 5u)];
            g += !xmm;
            if (o->kind == LIR_O_REG && lir_is_virtual(o->reg)) {
                ra->info[o->reg].fixed = to;
            }
        }
        if (lir_is_virtual(i->dst)) {
            ra->info[i->dst].fixed = lir_class(f, i->dst) == LIR_XMM ? LIR_XMM0 : 0;
        }
        return;
    }
    if (s0->kind == LIR_O_REG && lir_is_virtual(i->dst) &&
        (i->op == LIR_MOV || (lir_op_info[i->op].flags & LIR_F_TWO))) {
        if (ra->info[i->dst].hint == LIR_NOREG) {
            lir_hint(ra, i->dst, s0->reg);
        }
        if (lir_is_virtual(s0->reg) && ra->info[s0->reg].hint == LIR_NOREG) {
            lir_hint(ra, s0->reg, i->dst);
        }
    }
    if (i->op == LIR_IDIV) {
        if (lir_is_virtual(i->dst)) {
            ra->info[i->dst].fixed = 0;
        }
        if (lir_is_virtual(i->dst2)) {
            ra->info[i->dst2].fixed = 2;
        }
        if (s0->kind == LIR_O_REG && lir_is_virtual(s0->reg)) {
            ra->info[s0->reg].fixed = 0;
        }
    }
    if (lir_needs_rcx(i) && i->src[1].kind == LIR_O_REG && lir_is_virtual(i->src[1].reg)) {
        ra->info[i->src[1].reg].fixed = 1;
    }
    if (i->op == LIR_RET && s0->kind == LIR_O_REG && lir_is_virtual(s0->reg)) {
        ra->info[s0->reg].fixed = 0;
    }
}

static void lir_clobbers(LirRa *ra, const LirIns *i, uint32_t p)
{
    Arena *a = ra->a->scratch;
    if (i->op == LIR_CALL && !(i->cflags & LIR_CALL_PRESERVE)) {
        VEC_PUSH(a, &ra->calls.v, p + 1);
    } else if (i->op == LIR_IDIV) {
        VEC_PUSH(a, &ra->rax_rdx.v, p + 1);
    } else if (lir_needs_rcx(i)) {
        VEC_PUSH(a, &ra->rcx.v, p + 1);
    }
}

/* The slow path of an instruction, as one step at its position. */
static void lir_build_slow(LirRa *ra, LirBlock *b, LirSlow *s, uint32_t p, uint32_t *stamp)
{
    LirRef refs[LIR_MAX_REFS];
    for (LirIns *i = s->first; i; i = i->next) {
        unsigned n = lir_refs(i, true, refs);
        for (unsigned k = 0; k < n; k++) {
            LirReg v = *refs[k].reg;
            if (!(refs[k].flags & LIR_R_DEF)) {
                if (stamp[v] == p) {
                    lir_add_range(ra, v, p, p + 3);
                } else {
                    lir_add_range(ra, v, b->start, p + 2);
                }
            }
        }
        if (i->exit) {
            lir_state_uses(ra, i->exit, b->start, p + 2, stamp, p);
        }
        for (unsigned k = 0; k < n; k++) {
            LirReg v = *refs[k].reg;
            if (refs[k].flags & LIR_R_DEF) {
                stamp[v] = p;
                lir_add_range(ra, v, p, p + 3);
                ra->info[v].ndefs++;
                ra->info[v].def_pos = UINT32_MAX;
            }
        }
        lir_ins_hints(ra, i);
        lir_clobbers(ra, i, p);
        if (i->op == LIR_CALL && (i->cflags & LIR_CALL_PRESERVE)) {
            VEC_PUSH(ra->a->scratch, &ra->preserve, i);
        }
    }
}

static void lir_build_ins(LirRa *ra, LirBlock *b, LirIns *i, uint32_t *stamp)
{
    LirRef refs[LIR_MAX_REFS];
    uint32_t p = i->pos;
    unsigned level = lir_block_level(b);
    unsigned n = lir_refs(i, false, refs);
    if (i->slow) {
        lir_build_slow(ra, b, i->slow, p, stamp);
    }
    for (unsigned k = n; k-- > 0;) {
        LirReg v = *refs[k].reg;
        if (refs[k].flags & LIR_R_DEF) {
            uint32_t d = p + ((refs[k].flags & LIR_R_AFTER) ? 2 : 1);
            lir_add_def(ra, v, d, level);
            lir_add_use(ra, v, d, refs[k].kind, level);
            if (i->op == LIR_MOV && i->src[0].kind == LIR_O_IMM && i->tgt == LIR_T_NONE) {
                ra->info[v].remat = true;
                ra->info[v].imm = i->src[0].imm;
            }
        }
    }
    if (i->exit) {
        lir_state_uses(ra, i->exit, b->start, p + 2, stamp, 0);
    }
    for (unsigned k = 0; k < n; k++) {
        LirReg v = *refs[k].reg;
        if (!(refs[k].flags & LIR_R_DEF)) {
            lir_add_range(ra, v, b->start, p + ((refs[k].flags & LIR_R_LATE) ? 2 : 1));
            lir_add_use(ra, v, p, refs[k].kind, level);
        }
    }
    lir_ins_hints(ra, i);
    lir_clobbers(ra, i, p);
    if (i->op == LIR_CALL && (i->cflags & LIR_CALL_PRESERVE)) {
        VEC_PUSH(ra->a->scratch, &ra->preserve, i);
    }
}

static void lir_reverse_pos(LirPosVec *p)
{
    for (uint32_t i = 0, j = p->v.len; i + 1 < j; i++) {
        j--;
        uint32_t t = p->v.data[i];
        p->v.data[i] = p->v.data[j];
        p->v.data[j] = t;
    }
}

void lir_build_intervals(LirRa *ra)
{
    LirFunc *f = ra->f;
    uint32_t nv = f->vregs.len;
    ra->info = arena_array(ra->a->scratch, LirVinfo, nv);
    uint32_t *stamp = arena_array(ra->a->scratch, uint32_t, nv);
    for (uint32_t v = 0; v < nv; v++) {
        ra->info[v].fixed = ra->info[v].hint = LIR_NOREG;
        if (v >= LIR_FIRST_VREG && f->vregs.data[v].hint != LIR_NOREG) {
            lir_hint(ra, v, f->vregs.data[v].hint);
        }
    }
    ra->npos = f->order[f->norder - 1]->end;
    ra->block_of = arena_array(ra->a->scratch, uint32_t, (ra->npos >> 2) + 1);
    ra->cold_start = ra->npos;
    /* Phi hints first: they matter most, as an edge's copy may sit on a loop's back edge. */
    for (uint32_t o = 0; o < f->norder; o++) {
        LirBlock *b = f->order[o];
        for (unsigned k = 0; k < b->nsucc; k++) {
            for (uint32_t p = 0; b->out_args[k] && p < b->succ[k]->nphi; p++) {
                LirOpnd *arg = &b->out_args[k][p];
                if (arg->kind == LIR_O_REG && lir_is_virtual(arg->reg)) {
                    LirReg dst = b->succ[k]->phi[p];
                    lir_hint(ra, arg->reg, dst);
                    if (b->order < b->succ[k]->order) {
                        lir_hint(ra, dst, arg->reg);
                    }
                }
            }
        }
    }
    for (uint32_t o = f->norder; o-- > 0;) {
        LirBlock *b = f->order[o];
        if (b->cold) {
            ra->cold_start = b->start;
        }
        for (uint32_t q = b->start >> 2; q < b->end >> 2; q++) {
            ra->block_of[q] = o;
        }
        for (uint32_t w = 0; w < ra->a->live_words; w++) {
            uint64_t bits = 0; /* live at its end; what phis get comes below */
            for (unsigned k = 0; k < b->nsucc; k++) {
                bits |= b->succ[k]->live_in[w];
            }
            for (; bits; bits &= bits - 1) {
                uint32_t g = w * 64 + (uint32_t)__builtin_ctzll(bits);
                lir_add_range(ra, ra->a->globals[g], b->start, b->end);
            }
        }
        for (unsigned k = 0; k < b->nsucc; k++) {
            for (uint32_t p = 0; b->out_args[k] && p < b->succ[k]->nphi; p++) {
                LirOpnd *arg = &b->out_args[k][p];
                if (arg->kind == LIR_O_REG && lir_is_virtual(arg->reg)) {
                    lir_add_range(ra, arg->reg, b->start, b->end);
                }
            }
        }
        for (LirIns *i = b->last; i; i = i->prev) {
            lir_build_ins(ra, b, i, stamp);
        }
        for (uint32_t p = 0; p < b->nphi; p++) {
            lir_add_def(ra, b->phi[p], b->start, lir_block_level(b));
        }
    }
    lir_reverse_pos(&ra->calls);
    lir_reverse_pos(&ra->rax_rdx);
    lir_reverse_pos(&ra->rcx);
    for (uint32_t v = LIR_FIRST_VREG; v < nv; v++) {
        LirVinfo *vi = &ra->info[v];
        if (vi->iv == NULL) {
            continue;
        }
        LirRange *r = vi->iv->r;
        while (r->next) {
            r = r->next;
        }
        vi->iv->end = r->e;
        vi->iv->cur = vi->iv->r;
        vi->remat = vi->remat && vi->ndefs == 1;
        vi->free_store = vi->remat || f->vregs.data[v].home >= 0;
    }
}
