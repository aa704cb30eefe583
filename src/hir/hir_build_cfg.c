/* Builder, the bytecode's control flow: basic blocks, their order, loops.
 *
 * A unit that starts in the middle of a function starts in the middle of the loops around it, and may come to their
 * headers in several ways: by the end of the loop's body, and by places in it that the rest of the body
 * leads to as well.  Such a loop is irreducible, and SSA form knows nothing of what its header needs.  Blocks are
 * copied then: what can be reached without a jump back to before the entry is a region of its own, and a jump back
 * to before the start of a region leads to the region that starts there, which holds the whole loop once more.  As
 * nothing else leads into a region, all loops have one entry.  There are at most as many regions as nested loops,
 * and one. */
#include "hir_build_priv.h"

#include <string.h>

#include "py311_opcodes.h"

/* Whether a compilation goes on behind `op`. A frame that is suspended there continues in another
 * unit, which starts there. */
static bool goes_on(int op)
{
    return py311_falls_through(op) && op != PY311_YIELD_VALUE && op != PY311_RETURN_GENERATOR;
}

/* The blocks of one region, which begins at `start`: all that the bytecode has, whether it gets there or not. */
static BRegion *new_region(Builder *b, const bool *leader, int32_t start)
{
    const FbCode *c = &b->code;
    BRegion *r = arena_new(b->a, BRegion);
    r->start = start;
    r->at = arena_array(b->a, BBlock *, (size_t)c->n + 1);
    BBlock *cur = NULL;
    for (int32_t i = 0; i < c->n; i++) {
        if (leader[i]) {
            cur = arena_new(b->a, BBlock);
            cur->first = i;
            cur->rpo = -1;
            cur->region = r;
        }
        if (cur) {
            cur->last = i;
            r->at[i] = cur;
        }
    }
    r->next = b->regions;
    b->regions = r;
    return r;
}

static BRegion *region_from(const Builder *b, int32_t start)
{
    BRegion *r = b->regions;
    while (r && r->start != start) {
        r = r->next;
    }
    return r;
}

/* Does a jump from there to instruction `to` lead to another region? */
static bool leaves_region(const BBlock *from, int32_t to)
{
    return to <= from->last && to < from->region->start;
}

BBlock *hb_block_at(const Builder *b, int32_t i)
{
    if (!b->bb) {
        return b->rpo[0];
    }
    const BRegion *r = leaves_region(b->bb, i) ? region_from(b, i) : b->bb->region;
    BBlock *bb = r ? r->at[i] : NULL;
    return bb && bb->first == i && bb->rpo >= 0 ? bb : NULL;
}

static void add_successor(Builder *b, BBlock *bb, const bool *leader, int32_t to)
{
    BRegion *r = bb->region;
    if (leaves_region(bb, to)) {
        r = region_from(b, to);
        r = r ? r : new_region(b, leader, to);
    }
    bb->succ[bb->nsucc++] = r->at[to];
}

/* Where the handler of what instruction `in` raises leads, if nobody sees the exception: not to many places. */
static void add_elided_way(Builder *b, BBlock *bb, const bool *leader, const FbIns *in)
{
    Py311Elidable e;
    if (bb->nsucc < HB_ELIDED_WAYS && hb_may_elide(b, in, &e)) {
        add_successor(b, bb, leader, b->code.at[e.behind]);
        if (bb->nsucc == 2 && bb->succ[0] == bb->succ[1]) {
            bb->nsucc = 1;
        }
    }
}

static void find_successors(Builder *b, BRegion *r, const bool *leader)
{
    const FbCode *c = &b->code;
    for (int32_t i = 0; i < c->n; i++) {
        BBlock *bb = r->at[i];
        const FbIns *in = &c->ins[i];
        if (bb) {
            add_elided_way(b, bb, leader, in);
        }
        if (!bb || bb->last != i) {
            continue;
        }
        int nelided = bb->nsucc;
        if (in->target >= 0) {
            add_successor(b, bb, leader, c->at[in->target]);
        }
        if (goes_on(in->op)) {
            if (i + 1 >= c->n) {
                hb_stop(b, "malformed bytecode");
                return;
            }
            bb->succ[bb->nsucc++] = r->at[i + 1];
        }
        if (bb->nsucc == nelided + 2 && bb->succ[nelided] == bb->succ[nelided + 1]) {
            bb->nsucc--;
        }
    }
}

/* Finds all blocks, in one region or in several; gives the one at instruction `entry`, or NULL. */
static BBlock *find_blocks(Builder *b, int32_t entry, bool copies)
{
    const FbCode *c = &b->code;
    bool *leader = arena_array(b->a, bool, (size_t)c->n + 1);
    leader[entry] = true;
    for (int32_t i = 0; i < c->n; i++) {
        const FbIns *in = &c->ins[i];
        if (in->target >= 0) {
            if (in->target >= c->nunits || c->at[in->target] < 0) {
                hb_stop(b, "malformed bytecode");
                return NULL;
            }
            leader[c->at[in->target]] = true;
        }
        if ((in->target >= 0 || !goes_on(in->op)) && i + 1 < c->n) {
            leader[i + 1] = true;
        }
        Py311Elidable e;
        if (hb_may_elide(b, in, &e)) {
            leader[c->at[e.behind]] = true;
        }
    }
    b->regions = NULL;
    BRegion *first = new_region(b, leader, copies ? entry : 0);
    BRegion *done = NULL;
    while (b->regions != done && !b->reason) {
        BRegion *newest = b->regions;
        for (BRegion *r = newest; r != done && !b->reason; r = r->next) {
            find_successors(b, r, leader); /* may put more in front of `newest` */
        }
        done = newest;
    }
    return first->at[entry];
}

/* Depth-first search without recursion: reverse post-order and retreating edges. */
static void order_blocks(Builder *b, BBlock *entry)
{
    int nmax = 0;
    for (const BRegion *r = b->regions; r; r = r->next) {
        nmax += b->code.n;
    }
    typedef struct {
        BBlock *bb;
        int next;
    } Item;
    Item *stack = arena_array(b->a, Item, (size_t)nmax + 1);
    BBlock **post = arena_array(b->a, BBlock *, (size_t)nmax + 1);
    int sp = 0, npost = 0;
    entry->rpo = 0;
    stack[sp++] = (Item){entry, 0};
    while (sp) {
        Item *it = &stack[sp - 1];
        if (it->next < it->bb->nsucc) {
            /* The fall-through successor is last: visiting it last puts it first in the order. */
            BBlock *s = it->bb->succ[it->next++];
            if (s->rpo < 0) {
                s->rpo = 0;
                stack[sp++] = (Item){s, 0};
            }
        } else {
            post[npost++] = it->bb;
            sp--;
        }
    }
    b->rpo = arena_array(b->a, BBlock *, (size_t)npost + 1);
    b->nrpo = npost;
    for (int i = 0; i < npost; i++) {
        b->rpo[i] = post[npost - 1 - i];
        b->rpo[i]->rpo = i;
    }
    for (int i = 0; i < npost; i++) {
        BBlock *bb = b->rpo[i];
        for (int k = 0; k < bb->nsucc; k++) {
            bb->succ[k]->npreds++;
        }
    }
    for (int i = 0; i < npost; i++) {
        b->rpo[i]->preds = arena_array(b->a, BBlock *, (size_t)b->rpo[i]->npreds + 1);
        b->rpo[i]->npreds = 0;
    }
    for (int i = 0; i < npost; i++) {
        BBlock *bb = b->rpo[i];
        for (int k = 0; k < bb->nsucc; k++) {
            BBlock *s = bb->succ[k];
            s->preds[s->npreds++] = bb;
            if (s->rpo <= bb->rpo) {
                s->header = true;
            }
        }
    }
}

static void note_assigned(Builder *b, BBlock *bb, BBlock *header)
{
    Py311Elidable e;
    for (int32_t i = bb->first; i <= bb->last; i++) {
        const FbIns *in = &b->code.ins[i];
        if (hb_may_elide(b, in, &e)) {
            for (const FbIns *h = &b->code.ins[b->code.at[e.body]]; h->start < e.behind; h++) {
                if (h->op == PY311_STORE_FAST) {
                    bitset_add(&header->assigned, (uint32_t)h->arg);
                }
            }
        }
        if (b->depth[in->start] < header->min_depth) {
            header->min_depth = b->depth[in->start];
        }
        switch (in->op) {
        case PY311_DELETE_FAST:
            bitset_add(&header->cleared, (uint32_t)in->arg);
            /* fall through */
        case PY311_STORE_FAST:
        case PY311_MAKE_CELL: bitset_add(&header->assigned, (uint32_t)in->arg); break;
        default: break;
        }
    }
}

/* Locals assigned in the loop of each header: everything that reaches a
 * retreating edge's source backwards without passing the header. False when the entry does: a way into
 * the loop that is not by the header. */
static bool find_loops(Builder *b)
{
    BBlock **work = arena_array(b->a, BBlock *, (size_t)b->nrpo + 1);
    for (int i = 0; i < b->nrpo; i++) {
        BBlock *h = b->rpo[i];
        if (!h->header) {
            continue;
        }
        Bitset seen;
        bitset_init(&seen, b->a, (uint32_t)b->nrpo);
        bitset_init(&h->assigned, b->a, b->nlocals);
        bitset_init(&h->cleared, b->a, b->nlocals);
        bitset_add(&seen, (uint32_t)h->rpo);
        h->min_depth = b->depth[b->code.ins[h->first].start];
        note_assigned(b, h, h);
        int n = 0;
        for (int k = 0; k < h->npreds; k++) {
            BBlock *p = h->preds[k];
            if (p->rpo >= h->rpo && bitset_add_new(&seen, (uint32_t)p->rpo)) {
                work[n++] = p;
            }
        }
        while (n) {
            BBlock *x = work[--n];
            if (x->rpo == 0) {
                return false;
            }
            note_assigned(b, x, h);
            for (int k = 0; k < x->npreds; k++) {
                if (bitset_add_new(&seen, (uint32_t)x->preds[k]->rpo)) {
                    work[n++] = x->preds[k];
                }
            }
        }
    }
    return true;
}

/* The body of a module or class runs once: what comes behind the loops around the entry would be compiled to run once more at
 * most. The unit ends there; the next loop that lasts has its own. */
static void end_behind_loops(Builder *b)
{
    BBlock **work = arena_array(b->a, BBlock *, (size_t)b->nrpo + 1);
    int n = 0;
    for (int i = 1; i < b->nrpo; i++) {
        b->rpo[i]->behind = true; /* unless it leads to the entry */
    }
    work[n++] = b->rpo[0];
    while (n) {
        const BBlock *x = work[--n];
        for (int k = 0; k < x->npreds; k++) {
            if (x->preds[k]->behind) {
                x->preds[k]->behind = false;
                work[n++] = x->preds[k];
            }
        }
    }
}

/* Does the unit start at a loop of code that runs once? */
static bool is_loop_of_body(const Builder *b)
{
    return !b->caller && b->f->entry_bci != 0 && !(b->co->co_flags & CO_OPTIMIZED) &&
           b->rpo[0]->header;
}

void hb_find_blocks(Builder *b, int32_t entry)
{
    b->depth = arena_array(b->a, int16_t, (size_t)b->code.nunits + 1);
    if (py311_stack_depths(b->co, b->depth) < 0) {
        hb_stop(b, "malformed bytecode");
        return;
    }
    for (int copies = 0; copies < 2; copies++) {
        BBlock *first = find_blocks(b, entry, copies);
        if (b->reason) {
            return;
        }
        order_blocks(b, first);
        if (find_loops(b)) {
            if (is_loop_of_body(b)) {
                end_behind_loops(b);
            }
            return;
        }
    }
    hb_stop(b, "irreducible loop");
}
