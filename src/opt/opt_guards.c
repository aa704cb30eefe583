/* Guards of loops: those on a loop's phis and on what the loop does not change move before it.
 *
 * A phi of a loop header whose back-edges bring a FLOAT whenever the phi is one needs its guard
 * only once, on what enters the loop. The preheader's Jump carries the frame state of the loop's
 * entry, so the moved guard leaves there, before the first iteration. It moves only if every
 * iteration runs it anyway, and only where speculation is still allowed.
 */
#include "base_vec.h"
#include "opt_internal.h"

typedef VEC(HirIns *) InsVec;

typedef struct {
    HirFunc *f;
    InsVec phis;      /* candidates */
    uint32_t *wanted; /* by value id */
    uint32_t *seen;   /* by value id: number of the walk that saw the phi */
    uint32_t walk;
} Guards;

bool opt_in_loop(const HirBlock *b, const HirBlock *h)
{
    const HirBlock *l = b->loop;
    while (l && l != h) {
        l = l->loop_up;
    }
    return l == h;
}

/* The one block that enters the loop, with a frame state on its Jump; NULL if there is none. */
HirBlock *opt_preheader(const HirBlock *h)
{
    HirBlock *pre = NULL;
    for (uint32_t p = 0; p < h->npreds; p++) {
        if (opt_in_loop(h->preds[p], h)) {
            continue;
        }
        if (pre) {
            return NULL;
        }
        pre = h->preds[p];
    }
    return pre && pre->last->op == HIR_Jump && pre->last->fs ? pre : NULL;
}

/* Whether every trip around the loop passes `b`. */
bool opt_every_trip(const HirBlock *b, const HirBlock *h)
{
    for (uint32_t p = 0; p < h->npreds; p++) {
        if (opt_in_loop(h->preds[p], h) && !hir_dominates(b, h->preds[p])) {
            return false;
        }
    }
    return true;
}

/* --- guards of phis ------------------------------------------------------------------ */

static void find_candidates(Guards *g)
{
    for (OPT_EACH_BLOCK(g->f, b)) {
        if (!b->loop) {
            continue;
        }
        for (HirIns *i = b->first; i; i = i->next) {
            if (i->op != HIR_GuardType || !opt_one_type(i->aux)) {
                continue;
            }
            HirIns *phi = hir_root(i);
            if (phi->op != HIR_Phi || phi->block->loop != phi->block || g->wanted[phi->id] ||
                !opt_in_loop(b, phi->block) || !opt_every_trip(b, phi->block)) {
                continue;
            }
            HirBlock *pre = opt_preheader(phi->block);
            if (pre && opt_may_speculate(g->f, pre->last->fs) &&
                (phi->args[hir_pred_index(phi->block, pre)]->type & i->aux)) {
                g->wanted[phi->id] = i->aux;
                VEC_PUSH(g->f->arena, &g->phis, phi);
            }
        }
    }
}

/* Whether `v` is of type `t` if every candidate is of the type it wants. */
static bool would_be(Guards *g, HirIns *v, HirType t)
{
    if (v->type && !(v->type & ~t)) {
        return true;
    }
    HirIns *r = hir_root(v);
    if (r->op != HIR_Phi) {
        return false;
    }
    if (g->wanted[r->id]) {
        return g->wanted[r->id] == t;
    }
    if (g->seen[r->id] == g->walk) {
        return true; /* round a cycle: decided by its other operands */
    }
    g->seen[r->id] = g->walk;
    for (uint32_t k = 0; k < r->nargs; k++) {
        if (!would_be(g, r->args[k], t)) {
            return false;
        }
    }
    return true;
}

static bool backedges_agree(Guards *g, HirIns *phi)
{
    for (uint32_t k = 0; k < phi->nargs; k++) {
        g->walk++;
        if (opt_in_loop(phi->block->preds[k], phi->block) &&
            !would_be(g, phi->args[k], g->wanted[phi->id])) {
            return false;
        }
    }
    return true;
}

static bool guard_entries(Guards *g)
{
    find_candidates(g);
    for (bool changed = g->phis.len > 0; changed;) {
        changed = false;
        for (uint32_t k = 0; k < g->phis.len; k++) {
            HirIns *phi = g->phis.data[k];
            if (g->wanted[phi->id] && !backedges_agree(g, phi)) {
                g->wanted[phi->id] = 0;
                changed = true;
            }
        }
    }
    bool any = false;
    for (uint32_t k = 0; k < g->phis.len; k++) {
        HirIns *phi = g->phis.data[k];
        HirType t = g->wanted[phi->id];
        HirBlock *pre = opt_preheader(phi->block);
        uint32_t at = hir_pred_index(phi->block, pre);
        if (!t || !(phi->args[at]->type & ~t)) {
            continue;
        }
        HirIns *guard = hir_new1(g->f, HIR_GuardType, phi->args[at]);
        guard->aux = t;
        guard->type = t;
        guard->fs = pre->last->fs;
        guard->bci = guard->fs->bci;
        hir_insert_before(pre->last, guard);
        phi->args[at] = guard;
        any = true;
    }
    return any;
}

void opt_guards(HirFunc *f)
{
    Guards g = {.f = f};
    g.wanted = arena_array(f->arena, uint32_t, f->nins);
    g.seen = arena_array(f->arena, uint32_t, f->nins);
    if (guard_entries(&g)) {
        opt_types(f);
        opt_fold(f);
    }
}
