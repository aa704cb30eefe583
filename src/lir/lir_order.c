/* Block order: reachability, critical edges, the linear order, positions.
 *
 * The order is built from the entry by taking, among the blocks whose forward
 * predecessors are all placed, the one in the deepest loop, and among equals
 * the one that became ready last.  A loop's blocks thereby stay together (they
 * are deeper than what follows the loop) and a block comes after everything
 * that dominates it.  Cold blocks are kept for the end, in the same order, so
 * that a value's lifetime in hot code has no cold code in its middle: what
 * cold code does to registers is seen by the allocator as late positions.
 *
 * Positions: a block's start and every instruction take 4 each.  See
 * lir_regalloc.c for what the positions in between mean. */
#include "lir_internal.h"

enum { MARK_NEW, MARK_OPEN, MARK_DONE };

typedef struct {
    LirBlock *b;
    uint32_t next;
} DfsFrame;

/* Depth-first walk: sets mark, counts predecessors, finds back edges (succ open on the stack). For
 * a back edge bit i of block->label is set. Blocks that it reaches are collected. */
static void lir_dfs(LirFunc *f)
{
    VEC(DfsFrame) st = {0};
    LirBlock *entry = f->blocks;
    for (LirBlock *b = f->blocks; b; b = b->next) {
        b->mark = MARK_NEW;
        b->npreds = 0;
        b->label = 0;
        b->order = UINT32_MAX;
    }
    DfsFrame fr = {entry, 0};
    entry->mark = MARK_OPEN;
    VEC_PUSH(f->arena, &st, fr);
    while (st.len) {
        DfsFrame *top = &VEC_LAST(&st);
        LirBlock *b = top->b;
        if (top->next == b->nsucc) {
            b->mark = MARK_DONE;
            st.len--;
            continue;
        }
        unsigned k = top->next++;
        LirBlock *s = b->succ[k];
        s->npreds++;
        if (s->mark == MARK_OPEN) {
            b->label |= 1u << k;
        } else if (s->mark == MARK_NEW) {
            s->mark = MARK_OPEN;
            DfsFrame n = {s, 0};
            VEC_PUSH(f->arena, &st, n);
        }
    }
}

/* Puts an empty block on each edge from a block with two successors to one with two
 * predecessors, so that moves for the edge have a place. */
static void lir_split_critical(LirFunc *f)
{
    uint32_t n = f->nblocks; /* new blocks need no look */
    for (LirBlock *b = f->blocks; b && n; b = b->next, n--) {
        if (b->mark == MARK_NEW || b->nsucc < 2) {
            continue;
        }
        for (unsigned k = 0; k < 2; k++) {
            LirBlock *s = b->succ[k];
            /* A loop header's entry from the conditional back edge is the usual case. */
            if (s->npreds < 2) {
                continue;
            }
            LirBlock *m = lir_block_new(f);
            LirBlock *cur = f->cur;
            f->slow = NULL;
            f->cur = m;
            f->cur_hir = 0;
            lir_jmp(f, s);
            f->cur = cur;
            m->cold = b->cold || s->cold;
            m->loop_depth = BASE_MIN(b->loop_depth, s->loop_depth);
            m->out_args[0] = b->out_args[k];
            b->out_args[k] = NULL;
            m->npreds = 1;
            m->mark = MARK_DONE;
            m->order = UINT32_MAX;
            m->label = (b->label >> k) & 1u; /* it takes the back edge over */
            b->label &= ~(1u << k);
            b->succ[k] = m;
        }
    }
}

/* True when the block x should come before y. `mark` holds when it became ready. */
static bool lir_before(const LirBlock *x, const LirBlock *y)
{
    if (x->loop_depth != y->loop_depth) {
        return x->loop_depth > y->loop_depth;
    }
    return x->mark > y->mark;
}

typedef struct {
    LirBlock **v;
    uint32_t n;
} BlockHeap;

static void lir_heap_push(BlockHeap *h, LirBlock *b)
{
    uint32_t i = h->n++;
    while (i > 0 && lir_before(b, h->v[(i - 1) / 2])) {
        h->v[i] = h->v[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h->v[i] = b;
}

static LirBlock *lir_heap_pop(BlockHeap *h)
{
    LirBlock *top = h->v[0], *b = h->v[--h->n];
    uint32_t i = 0;
    for (;;) {
        uint32_t c = 2 * i + 1;
        if (c >= h->n) {
            break;
        }
        if (c + 1 < h->n && lir_before(h->v[c + 1], h->v[c])) {
            c++;
        }
        if (!lir_before(h->v[c], b)) {
            break;
        }
        h->v[i] = h->v[c];
        i = c;
    }
    h->v[i] = b;
    return top;
}

static void lir_linearise(LirFunc *f)
{
    uint32_t n = f->nblocks, stamp = 0, nhot = 0, ncold = 0;
    LirBlock **hot = arena_array(f->arena, LirBlock *, n);
    LirBlock **cold = arena_array(f->arena, LirBlock *, n);
    uint32_t *wait = arena_array(f->arena, uint32_t, n);
    BlockHeap ready = {arena_array(f->arena, LirBlock *, n + 1), 0};
    for (LirBlock *b = f->blocks; b; b = b->next) {
        if (b->mark == MARK_NEW) {
            continue;
        }
        for (unsigned k = 0; k < b->nsucc; k++) {
            if (!((b->label >> k) & 1u)) {
                wait[b->succ[k]->id]++;
            }
        }
    }
    f->blocks->mark = stamp++;
    lir_heap_push(&ready, f->blocks);
    while (ready.n) {
        LirBlock *b = lir_heap_pop(&ready);
        if (b->cold) {
            cold[ncold++] = b;
        } else {
            hot[nhot++] = b;
        }
        /* The second successor is pushed first: the first one then falls through. A branch's
         * "yes" side is usually the side that goes on. */
        for (unsigned k = b->nsucc; k-- > 0;) {
            LirBlock *s = b->succ[k];
            if (!((b->label >> k) & 1u) && --wait[s->id] == 0) {
                s->mark = ++stamp;
                lir_heap_push(&ready, s);
            }
        }
    }
    f->order = arena_array(f->arena, LirBlock *, nhot + ncold);
    f->norder = nhot + ncold;
    uint32_t o = 0;
    for (uint32_t i = 0; i < nhot; i++) {
        f->order[o++] = hot[i];
    }
    for (uint32_t i = 0; i < ncold; i++) {
        f->order[o++] = cold[i];
    }
}

static void lir_count_state(LirState *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->nframes; i++) {
        LirStateFrame *fr = &s->frames[i];
        for (uint32_t k = 0; k < (uint32_t)fr->nstack + fr->ndirty; k++) {
            n += fr->vals[k].opnd.kind == LIR_O_REG;
        }
    }
    s->nregs = n;
}

bool lir_order(LirFunc *f, const char **reason)
{
    if (f->nins > LIR_MAX_INS || f->out_words > LIR_MAX_OUT) {
        *reason = "too large";
        return false;
    }
    lir_dfs(f);
    lir_split_critical(f);
    /* The heap orders by `mark`, which the walk used: from here on it is a time stamp, except
     * that MARK_NEW still means unreachable in lir_linearise's first loop. */
    lir_linearise(f);
    uint32_t pos = 0;
    for (uint32_t i = 0; i < f->norder; i++) {
        LirBlock *b = f->order[i];
        b->order = i;
        b->start = pos;
        pos += 4;
        for (LirIns *x = b->first; x; x = x->next) {
            x->pos = pos;
            if (x->exit) {
                lir_count_state(x->exit->state);
            }
            if (x->slow) {
                for (LirIns *y = x->slow->first; y; y = y->next) {
                    y->pos = pos;
                    if (y->exit) {
                        lir_count_state(y->exit->state);
                    }
                }
            }
            x->block_order = i;
            pos += 4;
        }
        b->end = pos;
        b->preds = arena_array(f->arena, LirBlock *, b->npreds);
        b->npreds = 0;
    }
    for (uint32_t i = 0; i < f->norder; i++) {
        LirBlock *b = f->order[i];
        for (unsigned k = 0; k < b->nsucc; k++) {
            LirBlock *s = b->succ[k];
            s->preds[s->npreds++] = b;
        }
    }
    return true;
}
