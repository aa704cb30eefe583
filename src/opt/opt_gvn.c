/* Global value numbering: an operation whose equal already ran on every path here is that one.
 *
 * Blocks are visited in reverse post-order, so dominators come first; a hash table finds equal
 * operations (same op, aux, imm and operands, objects compared behind their guards) and the
 * dominator tree says whether the earlier one serves. Loads and guards of mutable facts carry the
 * versions of the memory they read: a version changes at whatever may change that memory, and at
 * merges whose predecessors disagree. Loads stay borrowed: while the memory holds the object, the
 * earlier load is as alive as the later one. What a store wrote is what a load reads back, as long
 * as dropping the old value ran no code. New objects are never merged. */
#include <string.h>

#include "opt_internal.h"

typedef struct Number {
    HirIns *ins;   /* what it is equal to ... */
    HirIns *value; /* ... and who has the value: itself, or what was stored there */
    uint32_t hash;
    uint32_t version[OPT_NMEM];
    struct Number *next;
} Number;

typedef struct {
    uint32_t version[OPT_NMEM];
    bool done;
} Memory;

typedef struct {
    HirFunc *f;
    Number **table;
    uint32_t mask;
    uint32_t next_version;
    Memory *out;    /* by rpo number: at the end of the block */
    HirIns **guard; /* by value id: the latest type guard of the value */
    uint8_t *loop_kills;
} Gvn;

/* Long chains are not searched to the end: that would make the pass quadratic. */
#define MAX_CHAIN 12

static bool numbered(const HirIns *i)
{
    if (i->op == HIR_Phi) {
        return !(i->rep == HIR_OBJ && (i->aux & HIR_PHI_OWNED));
    }
    uint32_t flags = hir_flags(i);
    return (flags & HIR_F_PURE) && !(flags & (HIR_F_NEW | HIR_F_WRITE | HIR_F_ARB | HIR_F_RAISE)) &&
           i->rep != HIR_VOID && i->op != HIR_Refine;
}

/* Objects are compared behind their guards: a fact about an object is one about all its aliases. */
static const HirIns *operand(const HirIns *i, uint32_t k)
{
    HirIns *a = i->args[k];
    return a->rep == HIR_OBJ && i->op != HIR_Phi ? hir_root(a) : a;
}

static uint32_t mix(uint32_t h, uint64_t v)
{
    v = (v ^ h) * UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(v >> 32);
}

static uint32_t hash_of(const HirIns *i)
{
    uint32_t h = mix(i->op, ((uint64_t)i->aux << 32) | i->nargs);
    h = mix(h, (uint64_t)i->imm.i);
    if (i->op == HIR_Phi) {
        h = mix(h, i->block->id);
    }
    for (uint32_t k = 0; k < i->nargs; k++) {
        h = mix(h, operand(i, k)->id);
    }
    return h;
}

static bool same(const HirIns *a, const HirIns *b)
{
    if (a->op != b->op || a->aux != b->aux || a->nargs != b->nargs || a->imm.i != b->imm.i ||
        a->rep != b->rep || (a->op == HIR_Phi && a->block != b->block)) {
        return false;
    }
    for (uint32_t k = 0; k < a->nargs; k++) {
        if (operand(a, k) != operand(b, k)) {
            return false;
        }
    }
    return true;
}

static bool same_memory(const Number *n, const Memory *m, uint32_t reads)
{
    for (uint32_t k = 0; k < OPT_NMEM; k++) {
        if ((reads >> k & 1) && n->version[k] != m->version[k]) {
            return false;
        }
    }
    return true;
}

/* An earlier equal of `i`, or NULL after entering `i` with the value `enter` (NULL: not). */
static HirIns *number(Gvn *g, HirIns *i, HirIns *enter, const Memory *m)
{
    uint32_t reads = opt_reads(i), hash = hash_of(i), chain = 0;
    Number **head = &g->table[hash & g->mask];
    for (Number *n = *head; n && chain < MAX_CHAIN; n = n->next, chain++) {
        if (n->hash == hash && same(n->ins, i) && same_memory(n, m, reads) &&
            (n->value->block == i->block || hir_dominates(n->value->block, i->block))) {
            return n->value;
        }
    }
    if (enter) {
        Number *n = arena_new(g->f->arena, Number);
        *n = (Number){.ins = i, .value = enter, .hash = hash, .next = *head};
        memcpy(n->version, m->version, sizeof n->version);
        *head = n;
    }
    return NULL;
}

/* --- stores -------------------------------------------------------------------------- */

/* The load that reads what a store writes; its operands are those of the store but the value. */
static HirOp load_of(const HirIns *store)
{
    switch (store->op) {
    case HIR_StoreInlineValue: return HIR_LoadInlineValue;
    case HIR_StoreSlot: return HIR_LoadSlot;
    case HIR_StoreCell: return HIR_LoadCell;
    case HIR_ListStore: return HIR_ListItem;
    default: return HIR_NOPS;
    }
}

/* The load, for the table only: it is in no block's list. */
static HirIns *load_for(Gvn *g, HirIns *store, HirOp op)
{
    HirIns *load = hir_ins_new(g->f, op, store->nargs - 1, store->args);
    load->block = store->block;
    load->aux = op == HIR_ListItem || op == HIR_LoadCell ? 0 : store->aux;
    load->bci = store->bci;
    return load;
}

/* When the old value was loaded and is of a type whose dropping runs no code, so does the store. */
static void learn_old_type(Gvn *g, HirIns *store, HirIns *load, const Memory *m)
{
    HirIns *old = number(g, load, NULL, m);
    if (!old) {
        return;
    }
    HirType t = old->type;
    HirIns *guard = g->guard[hir_root(old)->id];
    if (guard && (guard->block == store->block || hir_dominates(guard->block, store->block))) {
        t &= guard->type;
    }
    if (!t || !hir_type_leaf(t)) {
        return;
    }
    if (store->op == HIR_ListStore) {
        store->aux = t;
    } else {
        store->imm.i = t;
    }
}

static void enter_block(Gvn *g, HirBlock *b, Memory *m)
{
    for (uint32_t k = 0; k < OPT_NMEM; k++) {
        uint32_t version = 0;
        bool agree = b->npreds > 0;
        for (uint32_t p = 0; p < b->npreds && agree; p++) {
            HirBlock *pred = b->preds[p];
            if (!g->out[pred->rpo].done) {
                /* A back-edge: harmless if the loop leaves this memory alone. */
                agree = b->loop == b && !(g->loop_kills[b->rpo] >> k & 1);
            } else if (!version) {
                version = g->out[pred->rpo].version[k];
            } else {
                agree = version == g->out[pred->rpo].version[k];
            }
        }
        m->version[k] = agree && version ? version : ++g->next_version;
    }
}

static void visit(Gvn *g, HirBlock *b)
{
    Memory m = {{0}, false};
    enter_block(g, b, &m);
    for (HirIns *i = b->first; i; i = i->next) {
        for (uint32_t k = 0; k < i->nargs; k++) {
            i->args[k] = hir_resolve(i->args[k]);
        }
        if (numbered(i)) {
            HirIns *e = number(g, i, i, &m);
            if (i->op == HIR_GuardType && !e) {
                g->guard[hir_root(i)->id] = i;
            }
            if (e && hir_is_guard(i) && i->rep == HIR_OBJ && !(i->args[0]->type & ~i->type)) {
                hir_replace(i, i->args[0]); /* it holds already, and the operand may know more */
            } else if (e && (i->rep != HIR_OBJ || !(e->type & ~i->type))) {
                hir_replace(i, e);
            }
            continue;
        }
        HirOp op = load_of(i);
        HirIns *load = op != HIR_NOPS ? load_for(g, i, op) : NULL;
        if (load) {
            learn_old_type(g, i, load, &m);
        }
        uint32_t kills = opt_kills(i);
        for (uint32_t k = 0; k < OPT_NMEM; k++) {
            if (kills >> k & 1) {
                m.version[k] = ++g->next_version;
            }
        }
        if (load && !hir_is(i, HIR_F_ARB)) {
            /* Reading it back gives the value; the memory keeps it alive, as it would a load. */
            number(g, load, i->args[i->nargs - 1], &m);
        }
    }
    m.done = true;
    g->out[b->rpo] = m;
}

void opt_gvn(HirFunc *f)
{
    uint32_t size = 64;
    while (size < f->nins) {
        size *= 2;
    }
    Gvn g = {.f = f, .mask = size - 1};
    g.table = arena_array(f->arena, Number *, size);
    g.out = arena_array(f->arena, Memory, f->nrpo);
    g.guard = arena_array(f->arena, HirIns *, f->nins);
    g.loop_kills = opt_loop_kills(f);
    for (OPT_EACH_BLOCK(f, b)) {
        visit(&g, b);
    }
    hir_cleanup_forwards(f);
}
