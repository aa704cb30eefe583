/* Reference counts: an Incref whose reference is dropped again in the same block, while something
 * else keeps the object alive in between, goes together with the Decref.
 *
 * What keeps an object alive between the two:
 *   - it is pinned by the unit (Const, or behind a GuardIs), or is True or False;
 *   - another reference of ours: a NEW result or an owned phi of this block not yet consumed;
 *   - the home of a local that still holds it (Python code cannot write homes);
 *   - whatever it was loaded from, as long as nothing that may write memory ran.
 * The frame states in between listed the reference as owned; they now list it as borrowed, and an
 * exit takes a new one. */
#include <string.h>

#include "base_vec.h"
#include "opt_internal.h"

typedef struct {
    HirIns *incref;
    uint32_t value;  /* id of the root */
    uint32_t epoch;  /* memory writes seen before it */
    uint32_t home;   /* 1 + local whose home held it, 0: none known */
    uint32_t stores; /* stores to that home before it */
    bool pinned;     /* known to be a pinned object by now */
    bool alive;      /* not yet matched */
} Pending;

typedef struct {
    HirFunc *f;
    VEC(Pending) pending;
    VEC(uint32_t) touched; /* values with state below */
    uint32_t *last;        /* by value id: 1 + index of the newest pending Incref, 0: none */
    uint32_t *extra;       /* by value id: references of ours made in this block otherwise */
    uint32_t *home;        /* by value id: 1 + local whose home holds it */
    uint32_t *home_block;  /* by value id: 1 + rpo of the block for which `home` is right */
    HirIns **in_home;      /* by local: root of what its home holds here, or NULL */
    uint32_t *stores;      /* by local: stores seen */
    uint32_t epoch;
    uint32_t stamp; /* marks states already visited */
    HirBlock *block;
} Counts;

static bool immortal(const HirIns *r)
{
    return (r->op == HIR_Const && r->aux != HIR_CONST_BORROWED) || r->op == HIR_BoxBool;
}

static bool pins(const HirIns *v)
{
    for (; hir_is_guard(v); v = v->args[0]) {
        if (v->op == HIR_GuardIs) {
            return true;
        }
    }
    return immortal(v);
}

static void set_home(Counts *c, uint32_t local, HirIns *v)
{
    HirIns *old = c->in_home[local];
    c->stores[local]++;
    if (old && c->home[old->id] == local + 1) {
        c->home[old->id] = 0;
    }
    HirIns *r = v && v->rep == HIR_OBJ ? hir_root(v) : NULL;
    c->in_home[local] = r;
    if (r) {
        c->home[r->id] = local + 1;
        c->home_block[r->id] = c->block->rpo + 1;
    }
}

/* What homes hold at the block's start, from its first frame state ahead of any store. */
static void learn_homes(Counts *c)
{
    for (HirIns *i = c->block->first; i; i = i->next) {
        if (opt_kills(i) & OPT_MEM_HOMES) {
            return;
        }
        if (i->fs) {
            const HirFrameState *fs = hir_fs_physical(i->fs);
            for (uint32_t l = 0; l < fs->nlocals && l < c->f->nlocals; l++) {
                if (fs->locals[l] && !(fs->dirty && fs->dirty[l])) {
                    set_home(c, l, fs->locals[l]);
                }
            }
            return;
        }
    }
}

static uint32_t home_of(const Counts *c, const HirIns *r)
{
    return c->home_block[r->id] == c->block->rpo + 1 ? c->home[r->id] : 0;
}

static bool held_by_home(const Counts *c, const Pending *p)
{
    return p->home && c->stores[p->home - 1] == p->stores;
}

/* Which stack entry of one state, its callers aside, an exit takes over a reference to `r` from;
 * behind those, which local. -1: none. */
static int owned_at(const HirFrameState *fs, const HirIns *r)
{
    for (int s = fs->nstack; s-- > 0;) {
        if (fs->owned[s] && fs->stack[s]->rep == HIR_OBJ && hir_root(fs->stack[s]) == r) {
            return s;
        }
    }
    for (int l = 0; fs->dirty && l < fs->nlocals; l++) {
        if (fs->dirty[l] == HIR_DIRTY_OWNED && fs->locals[l]->rep == HIR_OBJ &&
            hir_root(fs->locals[l]) == r) {
            return fs->nstack + l;
        }
    }
    return -1;
}

/* Every state in between must name the reference, in one frame only: a caller's state belongs to all
 * states of its callee, which therefore have to agree on where it goes. */
static bool can_disown(const HirIns *from, const HirIns *to, const HirIns *r)
{
    for (const HirIns *i = from->next; i != to; i = i->next) {
        uint32_t found = i->fs == NULL;
        for (const HirFrameState *fs = i->fs; fs; fs = fs->parent) {
            found += owned_at(fs, r) >= 0;
        }
        if (found != 1) {
            return false;
        }
    }
    return true;
}

/* The states between the two list one owned reference less. */
static void disown(Counts *c, HirIns *from, HirIns *to, const HirIns *r)
{
    c->stamp++;
    for (HirIns *i = from->next; i != to; i = i->next) {
        for (HirFrameState *fs = i->fs; fs && fs->mark != c->stamp; fs = fs->parent) {
            fs->mark = c->stamp;
            int at = owned_at(fs, r);
            if (at >= fs->nstack) {
                uint8_t *dirty = arena_array(c->f->arena, uint8_t, fs->nlocals); /* it is shared */
                memcpy(dirty, fs->dirty, fs->nlocals);
                dirty[at - fs->nstack] = HIR_DIRTY;
                fs->dirty = dirty;
            } else if (at >= 0) {
                fs->owned[at] = 0;
            }
        }
    }
}

static void touch(Counts *c, uint32_t id)
{
    VEC_PUSH(c->f->arena, &c->touched, id);
}

static void on_incref(Counts *c, HirIns *i)
{
    HirIns *r = hir_root(i->args[0]);
    uint32_t home = home_of(c, r);
    Pending p = {i, r->id, c->epoch, home, home ? c->stores[home - 1] : 0, pins(i->args[0]), true};
    VEC_PUSH(c->f->arena, &c->pending, p);
    c->last[r->id] = c->pending.len;
    touch(c, r->id);
}

static Pending *newest(Counts *c, uint32_t id)
{
    uint32_t k = c->last[id];
    return k ? &c->pending.data[k - 1] : NULL;
}

/* Forgets the newest pending Incref of the value: its reference went elsewhere. */
static void pop_pending(Counts *c, Pending *p)
{
    p->alive = false;
    uint32_t k = (uint32_t)(p - c->pending.data);
    c->last[p->value] = 0;
    while (k-- > 0) {
        if (c->pending.data[k].alive && c->pending.data[k].value == p->value) {
            c->last[p->value] = k + 1;
            break;
        }
    }
}

/* True when the Decref is gone. */
static bool on_decref(Counts *c, HirIns *i)
{
    HirIns *r = hir_root(i->args[0]);
    Pending *p = newest(c, r->id);
    if (!p) {
        c->extra[r->id] -= c->extra[r->id] > 0;
        return false;
    }
    bool kept = p->pinned || c->extra[r->id] || held_by_home(c, p) || p->epoch == c->epoch;
    kept = kept && !(p->incref->aux & HIR_INCREF_KEEP) && can_disown(p->incref, i, r);
    if (kept) {
        disown(c, p->incref, i, r);
        hir_remove(p->incref);
        hir_remove(i);
    }
    pop_pending(c, p);
    return kept;
}

static void visit(Counts *c, HirIns *i)
{
    if (i->op == HIR_Incref) {
        if (i->aux != HIR_INCREF_KEEP) {
            on_incref(c, i);
        }
        return;
    }
    uint32_t kills = opt_kills(i);
    if (i->op == HIR_Decref) {
        c->epoch += !on_decref(c, i) && kills != 0;
        return;
    }
    for (uint32_t k = 0; k < i->nargs; k++) {
        if (i->args[k]->rep == HIR_OBJ && hir_consumes(i, k)) {
            HirIns *r = hir_root(i->args[k]);
            Pending *p = newest(c, r->id);
            if (p) {
                pop_pending(c, p);
            } else {
                c->extra[r->id] -= c->extra[r->id] > 0;
            }
        }
    }
    if (i->op == HIR_GuardIs) {
        HirIns *r = hir_root(i);
        Pending *p = newest(c, r->id);
        if (p && p->epoch == c->epoch) {
            p->pinned = true;
        }
    }
    if (kills & (OPT_MEM_HEAP | OPT_MEM_VERSIONS)) {
        c->epoch++;
    }
    if (kills & OPT_MEM_HOMES) {
        if (i->op == HIR_StoreLocal) {
            set_home(c, i->aux, i->args[0]);
            c->epoch++; /* the old object may have been what a load came from */
        } else {
            for (uint32_t l = 0; l < c->f->nlocals; l++) {
                set_home(c, l, NULL);
            }
            c->epoch++;
        }
    }
    if (hir_op_info[i->op].flags & HIR_F_NEW && i->rep == HIR_OBJ) {
        c->extra[i->id] = 1;
        touch(c, i->id);
    }
}

void opt_refcount(HirFunc *f)
{
    Counts counts = {.f = f}, *c = &counts;
    c->last = arena_array(f->arena, uint32_t, f->nins);
    c->extra = arena_array(f->arena, uint32_t, f->nins);
    c->home = arena_array(f->arena, uint32_t, f->nins);
    c->home_block = arena_array(f->arena, uint32_t, f->nins);
    c->stores = arena_array(f->arena, uint32_t, f->nlocals + 1u);
    c->in_home = arena_array(f->arena, HirIns *, f->nlocals + 1u);
    for (OPT_EACH_BLOCK(f, b)) {
        for (HirIns *i = b->first; i; i = i->next) {
            for (HirFrameState *fs = i->fs; fs; fs = fs->parent) {
                fs->mark = 0;
            }
        }
    }
    for (OPT_EACH_BLOCK(f, b)) {
        c->block = b;
        bool counting = false;
        for (HirIns *i = b->first; i && !counting; i = i->next) {
            counting = i->op == HIR_Incref;
        }
        if (!counting) {
            continue;
        }
        for (uint32_t l = 0; l < f->nlocals; l++) {
            c->in_home[l] = NULL;
        }
        learn_homes(c);
        for (HirIns *i = b->first, *next; i; i = next) {
            next = i->next;
            if (i->op == HIR_Phi) {
                if (i->rep == HIR_OBJ && (i->aux & HIR_PHI_OWNED)) {
                    c->extra[i->id] = 1;
                    touch(c, i->id);
                }
                continue;
            }
            visit(c, i);
        }
        for (uint32_t k = 0; k < c->touched.len; k++) {
            c->last[c->touched.data[k]] = c->extra[c->touched.data[k]] = 0;
        }
        VEC_CLEAR(&c->touched);
        VEC_CLEAR(&c->pending);
    }
}
