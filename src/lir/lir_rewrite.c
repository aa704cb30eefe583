/* From virtual registers to locations: what the allocators share.
 *
 * An exit that several instructions use is copied for all but the first, as
 * its values may be in different places at each. */
#include "lir_internal.h"

#include <string.h>

void lir_move_add(LirFunc *f, LirMoves **list, LirMove m)
{
    if (*list == NULL) {
        *list = arena_new(f->arena, LirMoves);
    }
    VEC_PUSH(f->arena, &(*list)->v, m);
}

void lir_edge_move(LirFunc *f, LirBlock *p, LirBlock *s, LirMove m)
{
    lir_move_add(f, p->nsucc == 1 ? &p->exit_moves : &s->entry_moves, m);
}

void lir_phi_moves(LirAlloc *ra, LirLocFn loc, void *ctx)
{
    LirFunc *f = ra->f;
    for (uint32_t o = 0; o < f->norder; o++) {
        LirBlock *p = f->order[o];
        for (unsigned k = 0; k < p->nsucc; k++) {
            LirBlock *s = p->succ[k];
            for (uint32_t i = 0; i < s->nphi; i++) {
                LirOpnd arg = p->out_args[k][i];
                LirReg to = loc(ctx, s->phi[i], s->start);
                LirMove m = {.dst = to,
                             .src = arg,
                             .vreg = s->phi[i],
                             .vsrc = arg,
                             .cls = (uint8_t)lir_class(f, s->phi[i])};
                if (arg.kind == LIR_O_REG && lir_is_virtual(arg.reg)) {
                    m.src = lir_reg(loc(ctx, arg.reg, p->end - 1));
                    /* The checker wants to see even those that move nothing. */
                    if (m.src.reg == to && !ra->keep_orig) {
                        continue;
                    }
                }
                lir_edge_move(f, p, s, m);
            }
        }
    }
}

static LirIns *lir_snapshot(LirFunc *f, const LirIns *i)
{
    LirIns *o = arena_new(f->arena, LirIns);
    *o = *i;
    if (i->nargs) {
        o->args = arena_array(f->arena, LirOpnd, i->nargs);
        memcpy(o->args, i->args, i->nargs * sizeof *o->args);
    }
    return o;
}

static LirExit *lir_rewrite_exit(LirAlloc *ra, LirExit *x, uint32_t pos, LirLocFn loc, void *ctx)
{
    LirState *s = x->state;
    uint32_t n = 0;
    if (x->locs != NULL) {
        LirExit *copy = arena_new(ra->f->arena, LirExit);
        *copy = *x;
        x = copy;
    }
    x->locs = arena_array(ra->f->arena, LirReg, s->nregs);
    for (uint32_t i = 0; i < s->nframes; i++) {
        LirStateFrame *fr = &s->frames[i];
        for (uint32_t k = 0; k < (uint32_t)fr->nstack + fr->ndirty; k++) {
            if (fr->vals[k].opnd.kind == LIR_O_REG) {
                x->locs[n++] = loc(ctx, fr->vals[k].opnd.reg, pos);
            }
        }
    }
    return x;
}

static void lir_rewrite_ins(LirAlloc *ra, LirIns *i, bool slow, LirLocFn loc, void *ctx)
{
    LirRef refs[LIR_MAX_REFS];
    if (ra->keep_orig) {
        i->orig = lir_snapshot(ra->f, i);
    }
    unsigned n = lir_refs(i, slow, refs);
    for (unsigned k = 0; k < n; k++) {
        uint32_t pos = i->pos + ((refs[k].flags & (LIR_R_DEF | LIR_R_LATE)) ? 1 : 0);
        pos += (refs[k].flags & LIR_R_AFTER) ? 1 : 0;
        *refs[k].reg = loc(ctx, *refs[k].reg, pos);
    }
    if (i->exit) {
        i->exit = lir_rewrite_exit(ra, i->exit, i->pos + 1, loc, ctx);
    }
}

void lir_rewrite(LirAlloc *ra, LirLocFn loc, void *ctx)
{
    LirFunc *f = ra->f;
    for (uint32_t o = 0; o < f->norder; o++) {
        for (LirIns *i = f->order[o]->first; i; i = i->next) {
            if (i->slow) {
                for (LirIns *y = i->slow->first; y; y = y->next) {
                    lir_rewrite_ins(ra, y, true, loc, ctx);
                }
            }
            lir_rewrite_ins(ra, i, false, loc, ctx);
        }
    }
    f->allocated = true;
}
