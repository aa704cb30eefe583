/* Homes of boxed locals: the analysis behind lir_home.h. */
#include "lir_home.h"

#include <string.h>

/* Epoch numbers: 0 the function's entry, 1 + id the store by instruction id, 1 + nins + id the merge
 * at the start of block id. UNSEEN marks an edge that the analysis has not reached yet. */
#define EPOCH_ENTRY  0u
#define EPOCH_UNSEEN UINT32_MAX

static LirEpoch epoch_of_merge(const LirHomes *h, const HirBlock *b)
{
    return 1 + h->hf->nins + b->id;
}

/* Home written by `i`: a local's index, -1 for none, -2 for all. */
static int home_written(const HirIns *i)
{
    switch (i->op) {
    case HIR_StoreLocal:
    case HIR_MakeCell:
    case HIR_StrAppendLocal:
    case HIR_SyncFloat:
    case HIR_SyncInt: return (int)i->aux;
    case HIR_CopyFreeVars: return -2;
    default: return -1;
    }
}

bool lir_homes_step(const LirHomes *h, LirEpoch *cur, const HirIns *i)
{
    int w = home_written(i);
    if (i->op == HIR_CheckEval && i->fs && i->fs->dirty) {
        /* Its slow path brings stale homes up to date. */
        for (uint32_t k = 0; k < i->fs->nlocals && k < h->nlocals; k++) {
            if (i->fs->dirty[k]) {
                cur[k] = lir_homes_store_epoch(i);
            }
        }
        return true;
    }
    if (w == -1) {
        return false;
    }
    if (w == -2) {
        for (uint32_t k = 0; k < h->nlocals; k++) {
            cur[k] = lir_homes_store_epoch(i);
        }
    } else if ((uint32_t)w < h->nlocals) {
        cur[w] = lir_homes_store_epoch(i);
    }
    return true;
}

LirHomeFact *lir_homes_find(const LirHomes *h, const LirEpoch *cur, const HirIns *root)
{
    for (LirHomeFact *f = h->facts[root->id]; f; f = f->next) {
        if (cur[f->local] == f->epoch) {
            return f;
        }
    }
    return NULL;
}

/* The epochs at the start of b: those of its predecessors where they agree, else b's own. */
static bool meet(LirHomes *h, HirBlock *b)
{
    LirEpoch *in = h->in[b->id];
    bool changed = false;
    for (uint32_t k = 0; k < h->nlocals; k++) {
        LirEpoch e = b == h->hf->entry ? EPOCH_ENTRY : EPOCH_UNSEEN;
        for (uint32_t p = 0; p < b->npreds; p++) {
            LirEpoch o = h->out[b->preds[p]->id][k];
            if (o == EPOCH_UNSEEN || o == e) {
                continue;
            }
            e = e == EPOCH_UNSEEN ? o : epoch_of_merge(h, b);
            if (e == epoch_of_merge(h, b)) {
                break;
            }
        }
        if (in[k] == epoch_of_merge(h, b)) {
            e = in[k]; /* once they disagreed they stay apart */
        }
        if (e != in[k]) {
            in[k] = e;
            changed = true;
        }
    }
    return changed;
}

static void solve_epochs(LirHomes *h)
{
    HirFunc *hf = h->hf;
    bool changed = true;
    for (bool first = true; changed; first = false) {
        changed = false;
        for (uint32_t r = 0; r < hf->nrpo; r++) {
            HirBlock *b = hf->rpo[r];
            if (!meet(h, b) && !first) {
                continue;
            }
            changed = true;
            LirEpoch *out = h->out[b->id];
            memcpy(out, h->in[b->id], h->nlocals * sizeof *out);
            for (HirIns *i = b->first; i; i = i->next) {
                lir_homes_step(h, out, i);
            }
        }
    }
}

static LirHomeFact *add_fact(LirHomes *h, const HirIns *root, uint32_t local, LirEpoch epoch)
{
    for (LirHomeFact *f = h->facts[root->id]; f; f = f->next) {
        if (f->local == local && f->epoch == epoch) {
            return f;
        }
    }
    LirHomeFact *f = arena_new(h->hf->arena, LirHomeFact);
    f->local = (uint16_t)local;
    f->epoch = epoch;
    f->next = h->facts[root->id];
    h->facts[root->id] = f;
    return f;
}

static void drop_fact(LirHomes *h, const HirIns *root, const LirHomeFact *f)
{
    LirHomeFact **p = &h->facts[root->id];
    while (*p != f) {
        p = &(*p)->next;
    }
    *p = f->next;
}

static void assume_phi(LirHomes *h, const HirIns *v, uint32_t local)
{
    if (v->op == HIR_Phi && v->rep == HIR_OBJ && local < h->nlocals) {
        add_fact(h, v, local, h->in[v->block->id][local]);
    }
}

static bool is_null(const HirIns *v)
{
    return v->op == HIR_Const && !v->imm.p;
}

/* States of several bytecodes share their arrays: what has been noted, as long as no home is written. */
typedef struct {
    HirIns **locals;
    const uint8_t *dirty;
} Noted;

/* What a frame state says of the homes at an instruction in epochs `cur`. An exit there leaves homes
 * that are not dirty as they are; so one that was never written and stands for no value is NULL. */
static void note_state(LirHomes *h, HirFrameState *fs, const LirEpoch *cur, Noted *last)
{
    fs = hir_fs_physical(fs); /* only it has homes */
    if (fs->locals == last->locals && fs->dirty == last->dirty) {
        return;
    }
    *last = (Noted){fs->locals, fs->dirty};
    for (uint32_t k = 0; fs->locals && k < fs->nlocals && k < h->nlocals; k++) {
        if (!fs->locals[k]) {
            continue;
        }
        const HirIns *v = hir_root(fs->locals[k]);
        assume_phi(h, v, k);
        if (is_null(v) && cur[k] == EPOCH_ENTRY && !(fs->dirty && fs->dirty[k])) {
            h->unset[k] = true;
        }
    }
}

/* Facts of loads and stores, and, assumed for now, of the phis that stand for a local by their own
 * account or that of a frame state. */
static void collect_facts(LirHomes *h, LirEpoch *cur)
{
    HirFunc *hf = h->hf;
    for (uint32_t r = 0; r < hf->nrpo; r++) {
        HirBlock *b = hf->rpo[r];
        Noted noted = {NULL, NULL};
        memcpy(cur, h->in[b->id], h->nlocals * sizeof *cur);
        for (HirIns *i = b->first; i; i = i->next) {
            if (i->op == HIR_Phi && hir_phi_local(i) >= 0) {
                assume_phi(h, i, (uint32_t)hir_phi_local(i));
            } else if (i->op == HIR_LoadLocal && i->aux < h->nlocals) {
                add_fact(h, i, i->aux, cur[i->aux]);
            } else if ((i->op == HIR_SyncFloat || i->op == HIR_SyncInt) && i->aux < h->nlocals) {
                add_fact(h, i, i->aux, lir_homes_store_epoch(i));
            } else if (i->op == HIR_StoreLocal && i->aux < h->nlocals) {
                add_fact(h, hir_root(i->args[0]), i->aux, lir_homes_store_epoch(i));
            }
            if (i->fs) {
                note_state(h, i->fs, cur, &noted);
            }
            if (lir_homes_step(h, cur, i)) {
                noted = (Noted){NULL, NULL};
            }
        }
    }
}

static bool phi_fact_holds(const LirHomes *h, const HirIns *phi, const LirHomeFact *f)
{
    const HirBlock *b = phi->block;
    for (uint32_t p = 0; p < b->npreds; p++) {
        if (!b->preds[p]->reachable) {
            continue;
        }
        LirEpoch out = h->out[b->preds[p]->id][f->local];
        const HirIns *v = hir_root(phi->args[p]);
        if (is_null(v) && out == EPOCH_ENTRY && h->unset[f->local]) {
            continue;
        }
        const LirHomeFact *a = h->facts[v->id];
        while (a && !(a->local == f->local && a->epoch == out)) {
            a = a->next;
        }
        if (!a) {
            return false;
        }
    }
    return true;
}

static void withdraw_false_facts(LirHomes *h)
{
    HirFunc *hf = h->hf;
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t r = 0; r < hf->nrpo; r++) {
            for (HirIns *i = hf->rpo[r]->first; i && i->op == HIR_Phi; i = i->next) {
                for (LirHomeFact *f = h->facts[i->id], *next; f; f = next) {
                    next = f->next;
                    /* A fact from a later StoreLocal of the phi is true by itself. */
                    if (f->epoch == h->in[i->block->id][f->local] && !phi_fact_holds(h, i, f)) {
                        drop_fact(h, i, f);
                        changed = true;
                    }
                }
            }
        }
    }
}

void lir_homes_init(LirHomes *h, HirFunc *hf)
{
    Arena *a = hf->arena;
    h->hf = hf;
    h->nlocals = hf->nlocals;
    h->facts = arena_array(a, LirHomeFact *, hf->nins + 1);
    h->unset = arena_array(a, bool, h->nlocals + 1);
    h->in = arena_array(a, LirEpoch *, hf->nblocks);
    h->out = arena_array(a, LirEpoch *, hf->nblocks);
    for (uint32_t r = 0; r < hf->nblocks; r++) {
        h->in[r] = arena_array(a, LirEpoch, h->nlocals + 1);
        h->out[r] = arena_array(a, LirEpoch, h->nlocals + 1);
        memset(h->in[r], 0xff, (h->nlocals + 1) * sizeof(LirEpoch));
        memset(h->out[r], 0xff, (h->nlocals + 1) * sizeof(LirEpoch));
    }
    solve_epochs(h);
    collect_facts(h, arena_array(a, LirEpoch, h->nlocals + 1));
    withdraw_false_facts(h);
}
