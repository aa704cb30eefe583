/* Stores to homes of locals that nobody sees, and with them the boxes made for storing.
 *
 * A region is a loop in which no Python code runs (with everything inside it). Inside, nothing
 * looks at the frame but exits, and exits write back what their frame state calls dirty; so does
 * the eval breaker's check before it handles anything. So the
 * numbers a quiet region assigns to locals need no boxes and no stores: the stores go, every
 * frame state that a removed store may reach lists the local as dirty with its raw value, and
 * each edge out of the region brings the home up to date (SyncFloat, SyncInt), unless nothing
 * can look at it any more.
 *
 * A local may be assigned nothing on some way to an edge (a `for` that does not run): phis whose
 * other operand cannot be raw get a raw phi and a flag phi, "the home is stale", in their place.
 * A frame state can not express that, so a local whose half-known value one needs keeps its
 * stores, in that region; an inner loop may still do.
 *
 * The whole function is a region too if no Python code runs in it: then Returns need nothing. */
#include <Python.h>

#include <string.h>

#include "base_bitset.h"
#include "base_vec.h"
#include "opt_internal.h"

typedef struct {
    HirIns *box;
    uint32_t local;
    HirIns *use; /* the one consuming use besides stores, gets a box of its own; or NULL */
} Stored;

/* A value of a local in raw form. */
typedef struct {
    HirIns *raw;   /* NULL: none */
    HirIns *stale; /* flag: the home does not hold it; NULL: it is stale for certain */
} Raw;

typedef struct {
    uint32_t stores; /* in the region */
    bool failed;
    uint8_t rep;  /* HIR_F64 or HIR_I64 once a number is stored */
    HirType type; /* union of what is stored */
} Local;

typedef struct {
    HirBlock *from, *to;
    HirBlock *through; /* where homes are brought up to date; NULL: not yet */
    HirIns **sync;     /* by local */
} Exit;

typedef struct {
    HirFunc *f;
    HirBlock *header; /* of the loop; NULL: the whole function */
    Local *local;     /* [nlocals] */
    VEC(Stored) stored;
    VEC(HirIns *) phis; /* object phis of alive locals ... */
    VEC(Raw) raws;      /* ... and what replaces them */
    VEC(Exit) exits;
    Bitset *needed; /* by rpo number: homes something may look at from there on */
    Bitset *dirty;  /* by rpo number: homes that may be stale where the block starts */
    HirIns ***cur;  /* by rpo number: value of each local where the block ends, NULL: unknown */
    uint32_t *mark; /* by value id: kind below, index shifted by two */
    uint32_t nmark;
    uint32_t nfailed;
} Region;

/* Whether `i` may run Python code inside the region. The eval breaker's check brings homes up to
 * date first. The end of a list's or tuple's iterator may drop the sequence, but if that is where
 * the region ends too it can wait until homes are right (end_iterators). */
static bool noisy(const Region *r, const HirIns *i)
{
    if (i->op == HIR_CheckEval || !hir_is(i, HIR_F_ARB)) {
        return false;
    }
    const HirIns *branch = i->next;
    return !((i->op == HIR_ListIterMore || i->op == HIR_TupleIterMore) && r->header && branch &&
             branch->op == HIR_Branch && branch->args[0] == i &&
             branch->block->succ[1] != branch->block->succ[0] &&
             !opt_in_loop(branch->block->succ[1], r->header));
}

/* What a value made inside is: index of the Stored, or the local. */
enum { IS_BOX = 1, IS_PHI = 2, IS_LOAD = 3 };

static uint32_t kind_of(const Region *r, const HirIns *i)
{
    return i->id < r->nmark ? r->mark[i->id] & 3 : 0;
}

static uint32_t index_of(const Region *r, const HirIns *i)
{
    return r->mark[i->id] >> 2;
}

static bool is_box(const HirIns *i)
{
    return i->op == HIR_BoxFloat || i->op == HIR_BoxInt;
}

static bool inside(const Region *r, const HirBlock *b)
{
    return !r->header || opt_in_loop(b, r->header);
}

static void fail(Region *r, uint32_t local)
{
    if (!r->local[local].failed) {
        r->local[local].failed = true;
        r->nfailed++;
    }
}

static bool alive(const Region *r, uint32_t local)
{
    return r->local[local].stores && !r->local[local].failed;
}

/* The local a marked value belongs to. */
static uint32_t local_of(const Region *r, const HirIns *i)
{
    return kind_of(r, i) == IS_BOX ? r->stored.data[index_of(r, i)].local : index_of(r, i);
}

/* --- which homes something may still look at --------------------------------------- */

static bool observes(const HirIns *i)
{
    /* Exits hand the frame to tier 0; whatever runs Python code may ask for it. */
    return hir_is(i, HIR_F_ARB | HIR_F_RAISE | HIR_F_DEOPT) && i->op != HIR_Return;
}

static Bitset *find_needed(HirFunc *f)
{
    Bitset *needed = arena_array(f->arena, Bitset, f->nrpo);
    for (uint32_t k = 0; k < f->nrpo; k++) {
        bitset_init(&needed[k], f->arena, f->nlocals);
    }
    Bitset now;
    bitset_init(&now, f->arena, f->nlocals);
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t k = f->nrpo; k-- > 0;) {
            HirBlock *b = f->rpo[k];
            bitset_clear(&now);
            for (uint32_t s = 0; s < b->nsucc; s++) {
                bitset_or(&now, &needed[b->succ[s]->rpo]);
            }
            for (HirIns *i = b->last; i; i = i->prev) {
                if (i->op == HIR_StoreLocal) {
                    bitset_del(&now, i->aux);
                }
                if (i->op == HIR_LoadLocal) {
                    bitset_add(&now, i->aux);
                } else if (observes(i)) {
                    for (uint32_t l = 0; l < f->nlocals; l++) {
                        bitset_add(&now, l);
                    }
                    break; /* nothing earlier takes away */
                }
            }
            /* After the break the earlier part can only matter for stores, which are no use then
             * to be precise about: an observer follows. */
            changed |= bitset_or(&needed[k], &now);
        }
    }
    return needed;
}

/* --- what the region assigns -------------------------------------------------------- */

/* Representation of a number a home may be given, HIR_VOID if it is none that can be raw. */
static uint8_t number_rep(const HirIns *v)
{
    switch (v->op) {
    case HIR_BoxFloat: return HIR_F64;
    case HIR_BoxInt: return HIR_I64;
    case HIR_Const: {
        int overflow;
        if (v->type == HIR_T_FLOAT) {
            return HIR_F64;
        }
        if (v->type == HIR_T_INT) {
            PyLong_AsLongLongAndOverflow(v->imm.p, &overflow);
            return overflow ? HIR_VOID : HIR_I64;
        }
        return HIR_VOID;
    }
    default: return HIR_VOID;
    }
}

static void note_store(Region *r, HirIns *i)
{
    Local *l = &r->local[i->aux];
    HirIns *v = i->args[0];
    uint8_t rep = number_rep(v);
    l->stores++;
    l->type |= v->type;
    if (rep == HIR_VOID || (l->rep && l->rep != rep) || i->args[1]->rep != HIR_OBJ) {
        fail(r, i->aux);
        return;
    }
    l->rep = rep;
    if (!is_box(v)) {
        return;
    }
    if (kind_of(r, v)) { /* stored to two homes: too rare to bother */
        fail(r, i->aux);
        fail(r, local_of(r, v));
        return;
    }
    r->mark[v->id] = IS_BOX | r->stored.len << 2;
    Stored s = {v, i->aux, NULL};
    VEC_PUSH(r->f->arena, &r->stored, s);
}

/* False when Python code may run in the region, or something else is in the way. */
static bool scan_region(Region *r)
{
    bool any = false;
    for (OPT_EACH_BLOCK(r->f, b)) {
        if (!inside(r, b)) {
            continue;
        }
        for (HirIns *i = b->first; i; i = i->next) {
            if (noisy(r, i) || (i->fs && i->fs->parent) || i->op == HIR_CopyFreeVars) {
                return false;
            }
            switch (i->op) {
            case HIR_StoreLocal:
                note_store(r, i);
                any = true;
                break;
            case HIR_MakeCell:
            case HIR_StrAppendLocal:
            case HIR_SyncFloat:
            case HIR_SyncInt: fail(r, i->aux); break;
            default: break;
            }
        }
    }
    if (!any) {
        return false;
    }
    for (OPT_EACH_BLOCK(r->f, b)) {
        for (HirIns *i = b->first; i && inside(r, b); i = i->next) {
            int tag = hir_phi_local(i);
            if (tag >= 0 && i->rep == HIR_OBJ && r->local[tag].stores) {
                r->mark[i->id] = IS_PHI | (uint32_t)tag << 2;
            } else if (i->op == HIR_LoadLocal && r->local[i->aux].stores) {
                r->mark[i->id] = IS_LOAD | i->aux << 2;
            }
        }
    }
    return true;
}

/* --- raw forms ------------------------------------------------------------------------- */

/* The raw phi of a local in a block, for the objects that stand for it. */
static HirIns *raw_phi_in(const HirBlock *b, uint32_t local)
{
    for (HirIns *p = b->first; p && p->op == HIR_Phi; p = p->next) {
        if (hir_phi_local(p) == (int)local && p->rep != HIR_OBJ) {
            return p;
        }
    }
    return NULL;
}

/* Whether loads of a home happen where the block's phis still are what it holds. */
static bool load_at_start(const HirIns *load)
{
    for (const HirIns *i = load->prev; i && i->op != HIR_Phi; i = i->prev) {
        if (opt_kills(i) & OPT_MEM_HOMES) {
            return false;
        }
    }
    return true;
}

/* Whether `v`, a value of local l inside the region, has (or will have) a raw form. */
static bool has_raw(const Region *r, HirIns *v, uint32_t l)
{
    if (!v) {
        return false;
    }
    if (v->rep != HIR_OBJ) {
        return v->rep == r->local[l].rep;
    }
    switch (kind_of(r, v)) {
    case IS_BOX: return number_rep(v) == r->local[l].rep;
    case IS_PHI: return index_of(r, v) == l;
    case IS_LOAD: {
        HirIns *p = index_of(r, v) == l && load_at_start(v) ? raw_phi_in(v->block, l) : NULL;
        return p && p->rep == r->local[l].rep;
    }
    default: return number_rep(v) == r->local[l].rep;
    }
}

/* Its raw form, once webs are made; constants go before `at`. */
static Raw raw_of(Region *r, HirIns *v, HirIns *at)
{
    if (v->rep != HIR_OBJ) {
        return (Raw){v, NULL};
    }
    if (is_box(v)) {
        return (Raw){v->args[0], NULL};
    }
    if (kind_of(r, v) == IS_LOAD) {
        return (Raw){raw_phi_in(v->block, index_of(r, v)), NULL};
    }
    if (kind_of(r, v) == IS_PHI) {
        for (uint32_t k = 0; k < r->phis.len; k++) {
            if (r->phis.data[k] == v) {
                return r->raws.data[k];
            }
        }
    }
    BASE_CHECK(v->op == HIR_Const);
    HirIns *c = v->type == HIR_T_FLOAT
                    ? hir_const_f64(r->f, PyFloat_AS_DOUBLE((PyObject *)v->imm.p))
                    : hir_const_i64(r->f, PyLong_AsLongLong(v->imm.p));
    c->bci = at->bci;
    hir_insert_before(at, c);
    return (Raw){c, NULL};
}

/* Whether two values of a local are one number for certain. */
static bool same_value(const Region *r, const HirIns *a, const HirIns *b)
{
    const HirIns *v[2] = {a, b};
    for (int k = 0; k < 2; k++) {
        if (v[k] && v[k]->rep == HIR_OBJ && is_box(v[k])) {
            v[k] = v[k]->args[0];
        } else if (v[k] && kind_of(r, v[k]) == IS_LOAD) {
            v[k] = raw_phi_in(v[k]->block, index_of(r, v[k]));
        }
    }
    return v[0] && v[0] == v[1];
}

/* --- checks ------------------------------------------------------------------------------- */

/* A use of a marked value inside. */
static void check_inside_use(Region *r, HirIns *i, uint32_t k, HirIns *a)
{
    uint32_t kind = kind_of(r, a), l = local_of(r, a);
    if (i->op == HIR_StoreLocal && k == 1 && i->aux == l) {
        return; /* the old value, for its type */
    }
    if (i->op == HIR_Phi && hir_phi_local(i) == (int)l && i->rep == HIR_OBJ) {
        return; /* a web */
    }
    if (kind != IS_BOX) {
        fail(r, l);
        return;
    }
    if (i->op == HIR_UnboxFloat || i->op == HIR_UnboxInt || i->op == HIR_Incref ||
        i->op == HIR_Decref || (i->op == HIR_StoreLocal && k == 0 && i->aux == l)) {
        return;
    }
    /* One more place may want the object: it gets a box of its own, made as often as this one. */
    Stored *s = &r->stored.data[index_of(r, a)];
    if (s->use || !hir_consumes(i, k) || i->block->loop != a->block->loop) {
        fail(r, l);
        return;
    }
    s->use = i;
}

static void check_state_inside(Region *r, HirIns *i, const Bitset *dirty)
{
    HirFrameState *fs = i->fs;
    for (uint32_t k = 0; k < fs->nstack; k++) {
        /* A borrowed entry becomes raw; exits box it once for the stack and the home. */
        HirIns *v = fs->stack[k];
        uint32_t kind = kind_of(r, v);
        if (kind == IS_PHI ||
            (kind == IS_LOAD && (fs->owned[k] || !has_raw(r, v, index_of(r, v))))) {
            fail(r, local_of(r, v));
        }
    }
    for (uint32_t l = 0; l < fs->nlocals; l++) {
        HirIns *v = fs->locals[l];
        if (!alive(r, l) || !bitset_has(dirty, l)) {
            continue;
        }
        /* A half-known value (phi with a flag) cannot be said in a state. */
        if (!has_raw(r, v, l) || kind_of(r, v) == IS_PHI) {
            fail(r, l);
        }
    }
}

static void check_inside(Region *r)
{
    for (uint32_t k = 0; k < r->stored.len; k++) {
        r->stored.data[k].use = NULL;
    }
    Bitset dirty;
    bitset_init(&dirty, r->f->arena, r->f->nlocals);
    for (OPT_EACH_BLOCK(r->f, b)) {
        if (!inside(r, b)) {
            continue;
        }
        bitset_copy(&dirty, &r->dirty[b->rpo]);
        for (HirIns *i = b->first; i; i = i->next) {
            for (uint32_t k = 0; k < i->nargs; k++) {
                if (kind_of(r, i->args[k])) {
                    check_inside_use(r, i, k, i->args[k]);
                }
            }
            if (i->fs && i->op != HIR_Jump) { /* nothing moves before inner loops any more */
                check_state_inside(r, i, &dirty);
            }
            if (i->op == HIR_StoreLocal) {
                bitset_add(&dirty, i->aux);
            }
        }
    }
}

static void spread_dirty(Region *r)
{
    HirFunc *f = r->f;
    Bitset *gen = arena_array(f->arena, Bitset, f->nrpo);
    for (OPT_EACH_BLOCK(f, b)) {
        bitset_init(&r->dirty[b->rpo], f->arena, f->nlocals);
        bitset_init(&gen[b->rpo], f->arena, f->nlocals);
        for (HirIns *i = b->first; i && inside(r, b); i = i->next) {
            if (i->op == HIR_StoreLocal) {
                bitset_add(&gen[b->rpo], i->aux);
            }
        }
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (OPT_EACH_BLOCK(f, b)) {
            for (uint32_t p = 0; p < b->npreds && inside(r, b); p++) {
                if (inside(r, b->preds[p])) {
                    changed |= bitset_or(&r->dirty[b->rpo], &r->dirty[b->preds[p]->rpo]);
                    changed |= bitset_or(&r->dirty[b->rpo], &gen[b->preds[p]->rpo]);
                }
            }
        }
    }
}

static bool dirty_at_end(const Region *r, const HirBlock *b, uint32_t l)
{
    if (bitset_has(&r->dirty[b->rpo], l)) {
        return true;
    }
    for (const HirIns *i = b->first; i; i = i->next) {
        if (i->op == HIR_StoreLocal && i->aux == l) {
            return true;
        }
    }
    return false;
}

/* The value of each assigned local at the end of each block, as phis and stores tell. */
static void follow_values(Region *r)
{
    HirFunc *f = r->f;
    for (OPT_EACH_BLOCK(f, b)) {
        if (!inside(r, b)) {
            continue;
        }
        HirIns **cur = r->cur[b->rpo] = arena_array(f->arena, HirIns *, f->nlocals + 1u);
        for (uint32_t l = 0; l < f->nlocals; l++) {
            if (!r->local[l].stores || b == r->header) {
                continue;
            }
            bool first = true;
            for (uint32_t p = 0; p < b->npreds; p++) {
                HirIns **from = inside(r, b->preds[p]) ? r->cur[b->preds[p]->rpo] : NULL;
                if (!from) {
                    continue; /* the back-edge of an inner loop, which has phis for what it assigns */
                }
                if (first) {
                    cur[l] = from[l];
                } else if (cur[l] != from[l] && !same_value(r, cur[l], from[l])) {
                    cur[l] = NULL;
                }
                first = false;
            }
        }
        for (HirIns *i = b->first; i; i = i->next) {
            int tag = hir_phi_local(i);
            if (tag >= 0 && r->local[tag].stores) {
                cur[tag] = i;
            } else if (i->op == HIR_StoreLocal) {
                cur[i->aux] = i->args[0];
            }
        }
    }
}

static void check_webs(Region *r)
{
    for (OPT_EACH_BLOCK(r->f, b)) {
        for (HirIns *p = b->first; p && p->op == HIR_Phi; p = p->next) {
            if (kind_of(r, p) != IS_PHI || !alive(r, index_of(r, p))) {
                continue;
            }
            uint32_t l = index_of(r, p);
            for (uint32_t k = 0; k < p->nargs; k++) {
                HirBlock *pred = b->preds[k];
                if (pred->nsucc != 1) {
                    fail(r, l);
                } else if (inside(r, pred) && !has_raw(r, p->args[k], l) &&
                           dirty_at_end(r, pred, l)) {
                    fail(r, l);
                }
            }
        }
    }
}

static void find_exits(Region *r)
{
    for (OPT_EACH_BLOCK(r->f, b)) {
        for (uint32_t s = 0; s < b->nsucc && inside(r, b); s++) {
            if (!inside(r, b->succ[s])) {
                Exit e = {b, b->succ[s], NULL, NULL};
                VEC_PUSH(r->f->arena, &r->exits, e);
            }
        }
    }
}

static void check_exits(Region *r)
{
    VEC_EACH(&r->exits, Exit, e)
    {
        for (uint32_t l = 0; l < r->f->nlocals; l++) {
            if (alive(r, l) && dirty_at_end(r, e->from, l) &&
                !has_raw(r, r->cur[e->from->rpo][l], l)) {
                fail(r, l);
            }
        }
        /* Both ways of a branch to one block: phis there could not tell them apart. */
        if (e->from->nsucc == 2 && e->from->succ[0] == e->from->succ[1]) {
            for (uint32_t l = 0; l < r->f->nlocals; l++) {
                fail(r, l);
            }
        }
    }
}

/* The exit whose edge every way to `use` (of phis: to the end of that predecessor) takes last. */
static Exit *exit_before(Region *r, const HirIns *use, uint32_t k)
{
    VEC_EACH(&r->exits, Exit, e)
    {
        if (use->op == HIR_Phi && use->block == e->to && use->block->preds[k] == e->from) {
            return e;
        }
        const HirBlock *at = use->op == HIR_Phi ? use->block->preds[k] : use->block;
        if (e->to->npreds == 1 && hir_dominates(e->to, at)) {
            return e;
        }
    }
    return NULL;
}

/* The object outside code gets for `v`: that of the exit it came through, if the local's value
 * there is still `v`. */
static Exit *exit_for(Region *r, const HirIns *use, uint32_t k, const HirIns *v)
{
    Exit *e = exit_before(r, use, k);
    uint32_t l = local_of(r, v);
    if (!e || !dirty_at_end(r, e->from, l)) {
        return NULL;
    }
    const HirIns *cur = r->cur[e->from->rpo][l];
    return cur == v || same_value(r, cur, v) ? e : NULL;
}

static bool old_value(const HirIns *i, uint32_t k)
{
    return i->op == HIR_StoreLocal && k == 1;
}

static void check_outside(Region *r)
{
    for (OPT_EACH_BLOCK(r->f, b)) {
        if (inside(r, b)) {
            continue;
        }
        for (HirIns *i = b->first; i; i = i->next) {
            for (uint32_t k = 0; k < i->nargs; k++) {
                HirIns *v = i->args[k];
                if (kind_of(r, v) && alive(r, local_of(r, v)) && !old_value(i, k) &&
                    !exit_for(r, i, k, v)) {
                    fail(r, local_of(r, v));
                }
            }
            for (uint32_t s = 0; i->fs && s < i->fs->nstack; s++) {
                HirIns *v = i->fs->stack[s];
                if (kind_of(r, v) && alive(r, local_of(r, v)) && !exit_for(r, i, 0, v)) {
                    fail(r, local_of(r, v));
                }
            }
        }
    }
}

/* --- rewriting ------------------------------------------------------------------------------ */

static HirIns *const_before(Region *r, HirIns *at, HirIns *c)
{
    (void)r;
    c->bci = at->bci;
    hir_insert_before(at, c);
    return c;
}

static void make_webs(Region *r)
{
    for (OPT_EACH_BLOCK(r->f, b)) {
        for (HirIns *p = b->first; p && p->op == HIR_Phi; p = p->next) {
            if (kind_of(r, p) == IS_PHI && alive(r, index_of(r, p))) {
                HirIns *raw = hir_ins_new(r->f, HIR_Phi, p->nargs, NULL);
                HirIns *stale = hir_ins_new(r->f, HIR_Phi, p->nargs, NULL);
                raw->rep = r->local[index_of(r, p)].rep;
                stale->rep = HIR_BOOL;
                raw->type = stale->type = 0;
                raw->bci = stale->bci = p->bci;
                hir_insert_before(p, raw);
                hir_insert_before(p, stale);
                VEC_PUSH(r->f->arena, &r->phis, p);
                Raw to = {raw, stale};
                VEC_PUSH(r->f->arena, &r->raws, to);
            }
        }
    }
    for (uint32_t k = 0; k < r->phis.len; k++) {
        HirIns *p = r->phis.data[k];
        uint32_t l = index_of(r, p);
        for (uint32_t a = 0; a < p->nargs; a++) {
            HirIns *at = p->block->preds[a]->last;
            Raw x = {NULL, NULL};
            if (inside(r, p->block->preds[a]) && has_raw(r, p->args[a], l)) {
                x = raw_of(r, p->args[a], at);
                if (!x.stale) {
                    x.stale = const_before(r, at, hir_const_bool(r->f, true));
                }
            } else {
                x.raw = const_before(r, at,
                                     r->local[l].rep == HIR_F64 ? hir_const_f64(r->f, 0)
                                                                : hir_const_i64(r->f, 0));
                x.stale = const_before(r, at, hir_const_bool(r->f, false));
            }
            r->raws.data[k].raw->args[a] = x.raw;
            r->raws.data[k].stale->args[a] = x.stale;
        }
    }
}

/* A block on the edge alone. */
static void open_edge(Region *r, Exit *e)
{
    if (!e->through) {
        bool plain = e->to->npreds == 1 && !(e->to->first && e->to->first->op == HIR_Phi);
        e->through = plain ? e->to : hir_split_edge(r->f, e->from, e->to);
        e->sync = arena_array(r->f->arena, HirIns *, r->f->nlocals + 1u);
    }
}

/* The first instruction behind what the edge was given. */
static HirIns *behind_syncs(const Exit *e)
{
    HirIns *at = e->through->first;
    while (at->op == HIR_SyncFloat || at->op == HIR_SyncInt || at->op == HIR_ConstF64 ||
           at->op == HIR_ConstI64 || at->op == HIR_ConstBool) {
        at = at->next;
    }
    return at;
}

/* The object in the home of local l behind exit e, up to date. */
static HirIns *bring_up_to_date(Region *r, Exit *e, uint32_t l)
{
    open_edge(r, e);
    if (e->sync[l]) {
        return e->sync[l];
    }
    HirIns *at = behind_syncs(e);
    HirIns *v = r->cur[e->from->rpo][l];
    Raw x = raw_of(r, v, at);
    if (!x.stale) {
        x.stale = const_before(r, at, hir_const_bool(r->f, true));
    }
    HirOp op = r->local[l].rep == HIR_F64 ? HIR_SyncFloat : HIR_SyncInt;
    HirIns *s = hir_new2(r->f, op, x.stale, x.raw);
    s->aux = l;
    /* When nothing was assigned the home holds what it held before. */
    s->type = kind_of(r, v) == IS_PHI ? v->type : op == HIR_SyncFloat ? HIR_T_FLOAT : HIR_T_INT;
    s->bci = e->through->bci;
    hir_insert_before(at, s);
    e->sync[l] = s;
    return s;
}

static void sync_exits(Region *r)
{
    VEC_EACH(&r->exits, Exit, e)
    {
        for (uint32_t l = 0; l < r->f->nlocals; l++) {
            if (alive(r, l) && dirty_at_end(r, e->from, l) &&
                bitset_has(&r->needed[e->to->rpo], l)) {
                bring_up_to_date(r, e, l);
            }
        }
    }
}

/* Iterators whose end is an exit let go of their sequence there, behind the syncs. */
static void end_iterators(Region *r)
{
    VEC_EACH(&r->exits, Exit, e)
    {
        HirIns *more = e->from->last->op == HIR_Branch ? e->from->last->args[0] : NULL;
        if (!more || (more->op != HIR_ListIterMore && more->op != HIR_TupleIterMore) ||
            more->next != e->from->last || (more->aux & HIR_ITER_KEEPS)) {
            continue;
        }
        more->aux |= HIR_ITER_KEEPS;
        open_edge(r, e);
        HirIns *end = hir_new1(r->f, HIR_SeqIterEnd, more->args[0]);
        end->bci = more->bci;
        hir_insert_before(behind_syncs(e), end);
    }
}

static HirIns *load_home(Region *r, HirIns *store, HirType type)
{
    HirIns *load = hir_new0(r->f, HIR_LoadLocal);
    load->aux = store->aux;
    load->type = type;
    return const_before(r, store, load);
}

static void rewrite_outside(Region *r)
{
    for (uint32_t n = 0; n < r->f->nrpo; n++) { /* not the blocks of edges split meanwhile */
        HirBlock *b = r->f->rpo[n];
        if (inside(r, b)) {
            continue;
        }
        for (HirIns *i = b->first; i; i = i->next) {
            for (uint32_t k = 0; k < i->nargs; k++) {
                HirIns *v = i->args[k];
                if (!kind_of(r, v) || !alive(r, local_of(r, v))) {
                    continue;
                }
                if (old_value(i, k)) {
                    i->args[k] = load_home(r, i, v->type | i->args[k]->type);
                } else {
                    /* A split edge has its own block between; the operand's position stays. */
                    Exit *e = NULL;
                    VEC_EACH(&r->exits, Exit, x)
                    {
                        if (i->op == HIR_Phi && x->through && i->block == x->to &&
                            i->block->preds[k] == x->through) {
                            e = x;
                        }
                    }
                    e = e ? e : exit_for(r, i, k, v);
                    i->args[k] = bring_up_to_date(r, e, local_of(r, v));
                }
            }
            for (uint32_t s = 0; i->fs && s < i->fs->nstack; s++) {
                HirIns *v = i->fs->stack[s];
                if (kind_of(r, v) && alive(r, local_of(r, v))) {
                    i->fs->stack[s] = bring_up_to_date(r, exit_for(r, i, 0, v), local_of(r, v));
                }
            }
        }
    }
}

/* Box of its own for the one consuming use of a stored box. */
static void give_own_box(Region *r, const Stored *s)
{
    HirIns *use = s->use, *box = hir_new1(r->f, (HirOp)s->box->op, s->box->args[0]);
    box->type = s->box->type;
    const_before(r, use, box);
    HirIns *dec = hir_new1(r->f, HIR_Decref, s->box); /* what the use would have consumed */
    const_before(r, use, dec);
    for (uint32_t k = 0; k < use->nargs; k++) {
        if (use->args[k] == s->box && hir_consumes(use, k)) {
            use->args[k] = box;
        }
    }
    if (!use->fs) {
        return;
    }
    use->fs = hir_fs_copy(r->f, use->fs); /* others use the state before the new box is made */
    for (uint32_t k = use->fs->nstack; k-- > 0;) {
        if (use->fs->stack[k] == s->box && use->fs->owned[k]) {
            use->fs->stack[k] = box;
            break;
        }
    }
}

static void mark_state(Region *r, HirFrameState *fs, const Bitset *dirty, HirIns *at)
{
    for (uint32_t l = 0; l < fs->nlocals; l++) {
        if (!alive(r, l) || !bitset_has(dirty, l)) {
            continue;
        }
        if (!fs->dirty) {
            fs->dirty = arena_array(r->f->arena, uint8_t, fs->nlocals);
        }
        fs->dirty[l] = 1;
        if (fs->locals[l]->op != HIR_Const) { /* a constant stays the object it is */
            fs->locals[l] = raw_of(r, fs->locals[l], at).raw;
        }
    }
}

static void rewrite_inside(Region *r)
{
    Bitset dirty;
    bitset_init(&dirty, r->f->arena, r->f->nlocals);
    for (uint32_t n = 0; n < r->f->nrpo; n++) {
        HirBlock *b = r->f->rpo[n];
        if (!inside(r, b)) {
            continue;
        }
        bitset_copy(&dirty, &r->dirty[b->rpo]);
        for (HirIns *i = b->first, *next; i; i = next) {
            next = i->next;
            if (i->op == HIR_Jump) {
                i->fs = NULL; /* it could not say which homes are stale */
            } else if (i->fs) {
                mark_state(r, i->fs, &dirty, i);
            }
            if (i->op == HIR_StoreLocal && alive(r, i->aux)) {
                bitset_add(&dirty, i->aux);
                HirIns *dec = hir_new1(r->f, HIR_Decref, i->args[0]);
                const_before(r, i, dec);
                hir_remove(i);
            }
        }
    }
}

/* Object phis and loads of homes that are now stale: only frame states name them still. */
static void drop_objects(Region *r)
{
    for (uint32_t n = 0; n < r->f->nrpo; n++) {
        HirBlock *b = r->f->rpo[n];
        for (HirIns *i = b->first; i && inside(r, b); i = i->next) {
            uint32_t kind = kind_of(r, i);
            if (kind == IS_PHI && alive(r, index_of(r, i))) {
                hir_replace(i, raw_of(r, i, NULL).raw);
            } else if (kind == IS_LOAD && alive(r, index_of(r, i)) &&
                       has_raw(r, i, index_of(r, i))) {
                hir_replace(i, raw_of(r, i, NULL).raw);
            }
        }
    }
    hir_cleanup_forwards(r->f);
    for (uint32_t n = 0; n < r->f->nrpo; n++) {
        HirBlock *b = r->f->rpo[n];
        for (HirIns *p = b->first; p && p->op == HIR_Phi && inside(r, b); p = p->next) {
            if (hir_phi_local(p) >= 0 && alive(r, (uint32_t)hir_phi_local(p))) {
                p->aux &= 0xff; /* its home does not hold it any more */
            }
        }
    }
}

/* --- driver ------------------------------------------------------------------------------------ */

static bool judge(Region *r)
{
    uint32_t before;
    do {
        before = r->nfailed;
        check_inside(r);
        check_webs(r);
        check_exits(r);
        check_outside(r);
    } while (r->nfailed != before);
    for (uint32_t l = 0; l < r->f->nlocals; l++) {
        if (alive(r, l)) {
            return true;
        }
    }
    return false;
}

/* Removes stores of one region; true if the graph or the needs changed. */
static bool try_region(HirFunc *f, HirBlock *header, Bitset *needed)
{
    Region region = {.f = f, .header = header, .needed = needed}, *r = &region;
    r->local = arena_array(f->arena, Local, f->nlocals);
    r->nmark = f->nins;
    r->mark = arena_array(f->arena, uint32_t, f->nins);
    if (!scan_region(r)) {
        return false;
    }
    r->dirty = arena_array(f->arena, Bitset, f->nrpo);
    r->cur = arena_array(f->arena, HirIns **, f->nrpo);
    spread_dirty(r);
    follow_values(r);
    find_exits(r);
    if (!judge(r)) {
        return false;
    }
    make_webs(r);
    sync_exits(r);
    rewrite_outside(r);
    VEC_EACH(&r->stored, Stored, s)
    {
        if (s->use && alive(r, s->local)) {
            give_own_box(r, s);
        }
    }
    end_iterators(r);
    rewrite_inside(r);
    drop_objects(r);
    return true;
}

static bool has_store(const HirFunc *f)
{
    for (OPT_EACH_BLOCK(f, b)) {
        for (HirIns *i = b->first; i; i = i->next) {
            if (i->op == HIR_StoreLocal) {
                return true;
            }
        }
    }
    return false;
}

/* Cheap first look: whether any Python code may run in the region. */
static bool quiet(HirFunc *f, HirBlock *header)
{
    Region r = {.f = f, .header = header};
    for (OPT_EACH_BLOCK(f, b)) {
        for (HirIns *i = b->first; i && (!header || opt_in_loop(b, header)); i = i->next) {
            if (noisy(&r, i)) {
                return false;
            }
        }
    }
    return true;
}

void opt_stores(HirFunc *f)
{
    if (!f->nlocals || !has_store(f)) {
        return;
    }
    /* The function, then loops outside in: headers in reverse post-order. */
    VEC(HirBlock *) regions = {0};
    VEC_PUSH(f->arena, &regions, NULL);
    for (OPT_EACH_BLOCK(f, b)) {
        if (b->loop == b) {
            VEC_PUSH(f->arena, &regions, b);
        }
    }
    Bitset *needed = NULL;
    for (uint32_t k = 0; k < regions.len; k++) {
        if (!quiet(f, regions.data[k])) {
            continue;
        }
        needed = needed ? needed : find_needed(f);
        if (try_region(f, regions.data[k], needed)) {
            hir_analyze(f);
            needed = NULL;
        }
    }
}
