/* HIR analyses of the control-flow graph: reachability, reverse post-order, dominators, loops.
 *
 * Unreachable blocks are dropped from the function, with the phi operands that came from them.
 * Dominators: Cooper, Harvey and Kennedy's iteration over reverse post-order, which takes one
 * round on reducible graphs. Loops: an edge to a dominator is a back-edge; bodies are found inner
 * loops first, so that every block is visited about once. */
#include "hir.h"

#include <string.h>

typedef struct {
    HirBlock *block;
    uint32_t next;
} Visit;

/* Numbers reachable blocks in post-order, iteratively: bytecode can nest deeply. */
static void number_blocks(HirFunc *f)
{
    for (HirBlock *b = f->blocks; b; b = b->next) {
        b->reachable = false;
    }
    Visit *stack = arena_array(f->arena, Visit, f->nblocks + 1);
    HirBlock **post = arena_array(f->arena, HirBlock *, f->nblocks + 1);
    uint32_t sp = 0, n = 0;
    f->entry->reachable = true;
    stack[sp++] = (Visit){f->entry, 0};
    while (sp) {
        Visit *v = &stack[sp - 1];
        if (v->next < v->block->nsucc) {
            /* Last successor first: succ[0] then directly follows in the order. */
            HirBlock *s = v->block->succ[v->block->nsucc - 1 - v->next++];
            if (!s->reachable) {
                s->reachable = true;
                stack[sp++] = (Visit){s, 0};
            }
        } else {
            post[n++] = v->block;
            sp--;
        }
    }
    for (uint32_t k = 0; k < n / 2; k++) {
        HirBlock *t = post[k];
        post[k] = post[n - 1 - k];
        post[n - 1 - k] = t;
    }
    f->rpo = post;
    f->nrpo = n;
    for (uint32_t k = 0; k < n; k++) {
        post[k]->rpo = k;
    }
}

static void drop_unreachable(HirFunc *f)
{
    HirBlock **link = &f->blocks, *last = NULL;
    for (HirBlock *b = f->blocks; b; b = b->next) {
        if (b->reachable) {
            *link = b;
            link = &b->next;
            last = b;
            continue;
        }
        for (uint32_t s = 0; s < b->nsucc; s++) {
            if (b->succ[s]->reachable) {
                hir_remove_pred(b->succ[s], hir_pred_index(b->succ[s], b));
            }
        }
        b->nsucc = 0;
    }
    *link = NULL;
    f->last_block = last;
}

static HirBlock *common_dominator(HirBlock *a, HirBlock *b)
{
    while (a != b) {
        while (a->rpo > b->rpo) {
            a = a->idom;
        }
        while (b->rpo > a->rpo) {
            b = b->idom;
        }
    }
    return a;
}

static void find_dominators(HirFunc *f)
{
    for (uint32_t k = 0; k < f->nrpo; k++) {
        f->rpo[k]->idom = NULL;
    }
    f->entry->idom = f->entry; /* during the iteration only */
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t k = 1; k < f->nrpo; k++) {
            HirBlock *b = f->rpo[k], *d = NULL;
            for (uint32_t p = 0; p < b->npreds; p++) {
                if (b->preds[p]->idom) {
                    d = d ? common_dominator(d, b->preds[p]) : b->preds[p];
                }
            }
            if (d != b->idom) {
                b->idom = d;
                changed = true;
            }
        }
    }
    f->entry->idom = NULL;

    /* Numbers of a walk over the tree: children in reverse post-order get consecutive ranges.
     * dom_post first holds the size of the subtree. */
    for (uint32_t k = 0; k < f->nrpo; k++) {
        f->rpo[k]->dom_post = 1;
    }
    for (uint32_t k = f->nrpo; k-- > 1;) {
        f->rpo[k]->idom->dom_post += f->rpo[k]->dom_post;
    }
    uint32_t *next = arena_array(f->arena, uint32_t, f->nrpo);
    f->entry->dom_pre = 0;
    next[0] = 1;
    for (uint32_t k = 1; k < f->nrpo; k++) {
        HirBlock *b = f->rpo[k];
        b->dom_pre = next[b->idom->rpo];
        next[b->idom->rpo] += b->dom_post;
        next[k] = b->dom_pre + 1;
    }
    for (uint32_t k = 0; k < f->nrpo; k++) {
        f->rpo[k]->dom_post += f->rpo[k]->dom_pre; /* one past the subtree */
    }
}

bool hir_dominates(const HirBlock *a, const HirBlock *b)
{
    return a->dom_pre <= b->dom_pre && b->dom_pre < a->dom_post;
}

static void find_loops(HirFunc *f)
{
    for (uint32_t k = 0; k < f->nrpo; k++) {
        HirBlock *b = f->rpo[k];
        b->loop_header = false;
        b->loop = b->loop_up = NULL;
        b->loop_depth = 0;
    }
    /* At most every edge is waiting; blocks have two successors at most. */
    HirBlock **work = arena_array(f->arena, HirBlock *, 2 * f->nrpo + 1);
    for (uint32_t k = f->nrpo; k-- > 0;) {
        HirBlock *h = f->rpo[k];
        for (uint32_t p = 0; p < h->npreds; p++) {
            if (h->preds[p]->rpo < h->rpo) {
                continue;
            }
            h->loop_header = true; /* also for the rare edge that is not to a dominator */
            if (!hir_dominates(h, h->preds[p])) {
                continue;
            }
            uint32_t n = 0;
            work[n++] = h->preds[p];
            while (n) {
                HirBlock *b = work[--n], *outer = b->loop;
                /* Stand for an inner loop by its outermost header known so far. */
                if (outer) {
                    while (outer->loop_up) {
                        outer = outer->loop_up;
                    }
                    if (outer == h) {
                        continue;
                    }
                    outer->loop_up = h;
                    b = outer;
                } else {
                    b->loop = h;
                    if (b == h) {
                        continue;
                    }
                }
                for (uint32_t q = 0; q < b->npreds; q++) {
                    HirBlock *pred = b->preds[q];
                    HirBlock *l = pred->loop;
                    while (l && l->loop_up) {
                        l = l->loop_up;
                    }
                    if (pred != h && l != h) {
                        work[n++] = pred;
                    }
                }
            }
            h->loop = h;
        }
    }
    for (uint32_t k = 0; k < f->nrpo; k++) {
        HirBlock *b = f->rpo[k];
        HirBlock *l = b->loop == b ? b->loop_up : b->loop;
        b->loop_depth = (uint16_t)((l ? l->loop_depth : 0) + (b->loop == b));
    }
}

void hir_analyze(HirFunc *f)
{
    number_blocks(f);
    if (f->nrpo) {
        drop_unreachable(f);
        find_dominators(f);
        find_loops(f);
    }
}
