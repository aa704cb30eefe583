/* Liveness of virtual registers across blocks.
 *
 * Most registers live inside one block, so only those that are seen in more
 * than one get a bit.  The sets are then small and the usual backward
 * iteration takes two or three rounds.  Large functions have thousands of blocks with hundreds of bits each, so there are
 * two sets a block: what is live at its start begins as what the block uses before it defines it, and grows; what is
 * live at its end is what is live at the start of its successors, and what it passes to their phis. */
#include "lir_internal.h"

#include <string.h>

typedef struct {
    LirAlloc *ra;
    uint32_t *seen; /* block order + 1 where the register was first seen */
    uint64_t **kill;
    uint32_t *stamp; /* slow path in which the register was defined */
} Live;

static void lir_see(Live *l, LirReg r, uint32_t order)
{
    if (!lir_is_virtual(r) || l->ra->global_of[r] != UINT32_MAX) {
        return;
    }
    if (l->seen[r] == 0) {
        l->seen[r] = order + 1;
    } else if (l->seen[r] != order + 1) {
        l->ra->global_of[r] = l->ra->nglobals;
        l->ra->globals[l->ra->nglobals++] = r;
    }
}

static void lir_see_opnd(Live *l, const LirOpnd *o, uint32_t order)
{
    if (o->kind == LIR_O_REG) {
        lir_see(l, o->reg, order);
    } else if (o->kind == LIR_O_MEM || o->kind == LIR_O_ADDR) {
        lir_see(l, o->reg, order);
        lir_see(l, o->index, order);
    }
}

static void lir_see_ins(Live *l, LirIns *i, uint32_t order)
{
    for (unsigned k = 0; k < i->nsrc; k++) {
        lir_see_opnd(l, &i->src[k], order);
    }
    for (unsigned k = 0; k < i->nargs; k++) {
        lir_see_opnd(l, &i->args[k], order);
    }
    lir_see(l, i->dst, order);
    lir_see(l, i->dst2, order);
    if (i->exit) {
        LirState *s = i->exit->state;
        for (uint32_t n = 0; n < s->nframes; n++) {
            LirStateFrame *fr = &s->frames[n];
            for (uint32_t k = 0; k < (uint32_t)fr->nstack + fr->ndirty; k++) {
                if (fr->vals[k].opnd.kind == LIR_O_REG) {
                    lir_see(l, fr->vals[k].opnd.reg, order);
                }
            }
        }
    }
    if (i->slow) {
        for (LirIns *y = i->slow->first; y; y = y->next) {
            lir_see_ins(l, y, order);
        }
    }
}

static inline void lir_gen(Live *l, uint32_t b, LirReg r)
{
    uint32_t g = l->ra->global_of[r];
    if (g != UINT32_MAX && !((l->kill[b][g >> 6] >> (g & 63)) & 1)) {
        l->ra->f->order[b]->live_in[g >> 6] |= UINT64_C(1) << (g & 63);
    }
}

static inline void lir_kill(Live *l, uint32_t b, LirReg r)
{
    uint32_t g = l->ra->global_of[r];
    if (g != UINT32_MAX) {
        l->kill[b][g >> 6] |= UINT64_C(1) << (g & 63);
    }
}

static void lir_gen_exit(Live *l, uint32_t b, const LirExit *x, uint32_t slow_pos)
{
    const LirState *s = x->state;
    for (uint32_t n = 0; n < s->nframes; n++) {
        const LirStateFrame *fr = &s->frames[n];
        for (uint32_t k = 0; k < (uint32_t)fr->nstack + fr->ndirty; k++) {
            LirReg r = fr->vals[k].opnd.reg;
            if (fr->vals[k].opnd.kind == LIR_O_REG && (!slow_pos || l->stamp[r] != slow_pos)) {
                lir_gen(l, b, r);
            }
        }
    }
}

/* A slow path's definitions do not kill (it may not run), but a use behind one in the same slow
 * path is not a use of what came before. */
static void lir_local_slow(Live *l, uint32_t b, LirSlow *s, uint32_t pos)
{
    LirRef refs[LIR_MAX_REFS];
    for (LirIns *i = s->first; i; i = i->next) {
        unsigned n = lir_refs(i, true, refs);
        for (unsigned k = 0; k < n; k++) {
            if (!(refs[k].flags & LIR_R_DEF) && l->stamp[*refs[k].reg] != pos) {
                lir_gen(l, b, *refs[k].reg);
            }
        }
        if (i->exit) {
            lir_gen_exit(l, b, i->exit, pos);
        }
        for (unsigned k = 0; k < n; k++) {
            if (refs[k].flags & LIR_R_DEF) {
                l->stamp[*refs[k].reg] = pos;
            }
        }
    }
}

static void lir_local(Live *l, LirBlock *b)
{
    LirRef refs[LIR_MAX_REFS];
    for (uint32_t k = 0; k < b->nphi; k++) {
        lir_kill(l, b->order, b->phi[k]);
    }
    for (LirIns *i = b->first; i; i = i->next) {
        unsigned n = lir_refs(i, false, refs);
        for (unsigned k = 0; k < n; k++) {
            if (!(refs[k].flags & LIR_R_DEF)) {
                lir_gen(l, b->order, *refs[k].reg);
            }
        }
        if (i->exit) {
            lir_gen_exit(l, b->order, i->exit, 0);
        }
        for (unsigned k = 0; k < n; k++) {
            if (refs[k].flags & LIR_R_DEF) {
                lir_kill(l, b->order, *refs[k].reg);
            }
        }
        if (i->slow) {
            lir_local_slow(l, b->order, i->slow, i->pos);
        }
    }
    for (unsigned s = 0; s < b->nsucc; s++) {
        for (uint32_t p = 0; b->out_args[s] && p < b->succ[s]->nphi; p++) {
            const LirOpnd *o = &b->out_args[s][p];
            if (o->kind == LIR_O_REG && lir_is_virtual(o->reg)) {
                lir_gen(l, b->order, o->reg);
            }
        }
    }
}

/* One step of the iteration, which goes through the blocks from the last to the first. True when a block that
 * it passed before may have to be looked at again. */
static bool lir_flow(Live *l, LirBlock *b)
{
    LirAlloc *ra = l->ra;
    uint32_t w = ra->live_words;
    const uint64_t *kill = l->kill[b->order];
    bool changed = false;
    for (unsigned k = 0; k < b->nsucc; k++) {
        const uint64_t *out = b->succ[k]->live_in;
        for (uint32_t i = 0; i < w; i++) {
            uint64_t more = out[i] & ~kill[i] & ~b->live_in[i];
            changed |= more != 0;
            b->live_in[i] |= more;
        }
    }
    if (changed) {
        for (uint32_t k = 0; k < b->npreds; k++) {
            if (b->preds[k]->order >= b->order) {
                return true;
            }
        }
    }
    return false;
}

bool lir_liveness(LirAlloc *ra, const char **reason)
{
    LirFunc *f = ra->f;
    uint32_t nv = f->vregs.len, nb = f->norder;
    Live l = {.ra = ra};
    ra->global_of = arena_array(ra->scratch, uint32_t, nv);
    memset(ra->global_of, 0xff, nv * sizeof *ra->global_of);
    ra->globals = arena_array(ra->scratch, LirReg, nv);
    l.seen = arena_array(ra->scratch, uint32_t, nv);
    l.stamp = arena_array(ra->scratch, uint32_t, nv);
    for (uint32_t k = 0; k < nb; k++) {
        LirBlock *b = f->order[k];
        for (uint32_t p = 0; p < b->nphi; p++) {
            lir_see(&l, b->phi[p], k);
        }
        for (LirIns *i = b->first; i; i = i->next) {
            lir_see_ins(&l, i, k);
        }
        for (unsigned s = 0; s < b->nsucc; s++) {
            for (uint32_t p = 0; b->out_args[s] && p < b->succ[s]->nphi; p++) {
                lir_see_opnd(&l, &b->out_args[s][p], k);
            }
        }
    }
    uint32_t w = (ra->nglobals + 63) / 64;
    ra->live_words = w;
    if ((uint64_t)w * nb > LIR_MAX_LIVE_WORDS) {
        *reason = "too large";
        return false;
    }
    l.kill = arena_array(ra->scratch, uint64_t *, nb);
    uint64_t *sets = arena_array(ra->scratch, uint64_t, (size_t)w * nb * 2);
    for (uint32_t k = 0; k < nb; k++) {
        LirBlock *b = f->order[k];
        l.kill[k] = sets, sets += w;
        b->live_in = sets, sets += w;
    }
    for (uint32_t k = 0; k < nb; k++) {
        lir_local(&l, f->order[k]);
    }
    bool changed = true;
    while (changed) {
        changed = false;
        for (uint32_t k = nb; k-- > 0;) {
            changed |= lir_flow(&l, f->order[k]);
        }
    }
    return true;
}
