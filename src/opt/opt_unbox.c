/* Unboxing of phis: a phi of floats, ints or bools becomes raw, so that loops compute in registers.
 *
 * Candidates are object phis of exactly one of these types whose operands can all be had raw:
 * boxes, constants, other candidates, and other objects, which are unboxed at the end of their
 * predecessor (ints may be too big, so there a frame state to leave through is needed). Webs of
 * phis that feed each other stand or fall together, and one is worth it if something unboxes it.
 *
 * Where the object itself is still wanted, the phi of a local takes it from the local's home,
 * which holds it where the phi's block starts: identity stays exact, nothing is boxed. An owned
 * phi (value stack) makes one new box instead, and only if all its operands were boxes anyway.
 * Frame states name the raw value; exits box it. */
#include <Python.h>

#include "base_vec.h"
#include "opt_internal.h"

typedef struct {
    HirIns *phi;
    HirIns *raw;    /* the new phi */
    HirIns *object; /* where the object is wanted, or NULL */
    uint32_t web;   /* index of the web's first phi */
    bool wanted;    /* the object is wanted somewhere */
    bool unboxed;   /* something unboxes it */
    bool boxed;     /* some operand is a box */
    bool entries;   /* some operand is neither box nor candidate */
    bool failed;
} Candidate;

typedef struct {
    HirFunc *f;
    VEC(Candidate) c;
    uint32_t *index; /* by value id: 1 + index in c, 0: no candidate */
    uint32_t nindex; /* values made later are none */
} Unbox;

typedef struct {
    HirType type;
    uint8_t rep;
    HirOp box, unbox;
} Kind;
static const Kind kinds[] = {
    {HIR_T_FLOAT, HIR_F64, HIR_BoxFloat, HIR_UnboxFloat},
    {HIR_T_INT, HIR_I64, HIR_BoxInt, HIR_UnboxInt},
    {HIR_T_BOOL, HIR_BOOL, HIR_BoxBool, HIR_UnboxBool},
};

static const Kind *kind_of(HirType t)
{
    for (size_t k = 0; k < BASE_COUNT(kinds); k++) {
        if (kinds[k].type == t) {
            return &kinds[k];
        }
    }
    return NULL;
}

static Candidate *candidate(Unbox *u, const HirIns *v)
{
    uint32_t k = v->op == HIR_Phi && v->id < u->nindex ? u->index[v->id] : 0;
    return k && !u->c.data[k - 1].failed ? &u->c.data[k - 1] : NULL;
}

static uint32_t web_of(Unbox *u, uint32_t k)
{
    while (u->c.data[k].web != k) {
        k = u->c.data[k].web = u->c.data[u->c.data[k].web].web;
    }
    return k;
}

static bool small_int(const HirIns *c)
{
    int overflow;
    PyLong_AsLongLongAndOverflow(c->imm.p, &overflow);
    return !overflow;
}

/* Whether operand `a`, coming from `pred`, can be had raw; notes what it is. */
static bool operand_ok(Unbox *u, Candidate *c, HirIns *a, HirBlock *pred)
{
    const Kind *kind = kind_of(c->phi->type);
    HirIns *r = hir_root(a);
    if (r->op == kind->box) {
        c->boxed = true;
        return true;
    }
    Candidate *other = candidate(u, r);
    if (other && other->phi->type == c->phi->type) {
        uint32_t x = web_of(u, (uint32_t)(c - u->c.data)),
                 y = web_of(u, (uint32_t)(other - u->c.data));
        u->c.data[y].web = x;
        return true;
    }
    c->entries = true;
    if (a->type != c->phi->type || pred->nsucc != 1) {
        return false;
    }
    if (kind->unbox != HIR_UnboxInt) {
        return true;
    }
    if (r->op == HIR_Const) {
        return small_int(r);
    }
    return pred->last->fs && opt_may_speculate(u->f, pred->last->fs);
}

static void find_candidates(Unbox *u)
{
    for (OPT_EACH_BLOCK(u->f, b)) {
        for (HirIns *i = b->first; i && i->op == HIR_Phi; i = i->next) {
            if (i->rep == HIR_OBJ && kind_of(i->type)) {
                Candidate c = {.phi = i, .web = u->c.len};
                VEC_PUSH(u->f->arena, &u->c, c);
                u->index[i->id] = u->c.len;
            }
        }
    }
}

/* Notes how the operands of `i` that are candidates are used. */
static void note_uses(Unbox *u, HirIns *i)
{
    for (uint32_t k = 0; k < i->nargs; k++) {
        Candidate *c = candidate(u, i->args[k]);
        if (!c || i->op == HIR_Incref || i->op == HIR_Decref) {
            continue;
        }
        if (i->op == kind_of(c->phi->type)->unbox) {
            c->unboxed = true;
        } else if (i->op == HIR_Phi) {
            Candidate *to = candidate(u, i);
            c->wanted |= !to || to->phi->type != c->phi->type;
        } else if (!(i->op == HIR_StoreLocal && k == 1)) {
            c->wanted = true;
        }
    }
}

/* One round: false when some candidate failed and the others have to be looked at again. */
static bool judge(Unbox *u)
{
    for (uint32_t k = 0; k < u->c.len; k++) {
        Candidate *c = &u->c.data[k];
        c->web = k;
        c->wanted = c->unboxed = c->boxed = c->entries = false;
    }
    for (OPT_EACH_BLOCK(u->f, b)) {
        for (HirIns *i = b->first; i; i = i->next) {
            note_uses(u, i);
        }
    }
    bool settled = true;
    for (uint32_t k = 0; k < u->c.len; k++) {
        Candidate *c = &u->c.data[k];
        if (c->failed) {
            continue;
        }
        bool ok = true;
        for (uint32_t a = 0; a < c->phi->nargs && ok; a++) {
            ok = operand_ok(u, c, c->phi->args[a], c->phi->block->preds[a]);
        }
        if (c->wanted) {
            ok = ok && (c->phi->aux & HIR_PHI_OWNED ? !c->entries : hir_phi_local(c->phi) >= 0);
        }
        if (!ok) {
            c->failed = true;
            settled = false;
        }
    }
    if (!settled) {
        return false;
    }
    /* A web is worth it when something in it is unboxed, or its boxes are not looked at. */
    bool *worth = arena_array(u->f->arena, bool, u->c.len);
    bool *wanted = arena_array(u->f->arena, bool, u->c.len);
    bool *boxed = arena_array(u->f->arena, bool, u->c.len);
    for (uint32_t k = 0; k < u->c.len; k++) {
        Candidate *c = &u->c.data[k];
        uint32_t w = web_of(u, k);
        worth[w] |= c->unboxed && !c->failed;
        wanted[w] |= c->wanted && !c->failed;
        boxed[w] |= c->boxed && !c->failed;
    }
    for (uint32_t k = 0; k < u->c.len; k++) {
        uint32_t w = web_of(u, k);
        if (!worth[w] && (wanted[w] || !boxed[w])) {
            u->c.data[k].failed = true; /* whole webs fail: the rest stays as judged */
        }
    }
    return true;
}

/* --- rewriting ---------------------------------------------------------------------- */

static HirIns *raw_operand(Unbox *u, Candidate *c, HirIns *a, HirBlock *pred)
{
    const Kind *kind = kind_of(c->phi->type);
    HirIns *r = hir_root(a);
    if (r->op == kind->box) {
        return r->args[0];
    }
    Candidate *other = candidate(u, r);
    if (other) {
        return other->raw;
    }
    HirIns *unbox = hir_new1(u->f, kind->unbox, a);
    if (r->op == HIR_Const) { /* folded at once: fewer states, and no fold pass needed */
        PyObject *o = r->imm.p;
        unbox = kind->unbox == HIR_UnboxFloat  ? hir_const_f64(u->f, PyFloat_AS_DOUBLE(o))
                : kind->unbox == HIR_UnboxBool ? hir_const_bool(u->f, o == Py_True)
                                               : hir_const_i64(u->f, PyLong_AsLongLong(o));
    } else if (kind->unbox == HIR_UnboxInt) {
        unbox->fs = pred->last->fs;
    }
    unbox->bci = pred->last->bci;
    hir_insert_before(pred->last, unbox);
    return unbox;
}

static void make_raw(Unbox *u, Candidate *c)
{
    HirIns *phi = c->phi;
    const Kind *kind = kind_of(phi->type);
    c->raw = hir_ins_new(u->f, HIR_Phi, phi->nargs, NULL);
    c->raw->rep = kind->rep;
    c->raw->type = 0;
    c->raw->bci = phi->bci;
    c->raw->aux = phi->aux & ~HIR_PHI_OWNED;
    hir_insert_before(phi, c->raw);
    if (c->wanted) {
        if (phi->aux & HIR_PHI_OWNED) {
            c->object = hir_new1(u->f, kind->box, c->raw);
        } else {
            c->object = hir_new0(u->f, HIR_LoadLocal);
            c->object->aux = (uint32_t)hir_phi_local(phi);
            c->object->type = phi->type;
        }
        c->object->bci = phi->bci;
        hir_prepend(phi->block, c->object);
        if (c->object->op == HIR_BoxBool) { /* gives a borrowed reference */
            HirIns *inc = hir_new1(u->f, HIR_Incref, c->object);
            inc->bci = phi->bci;
            hir_insert_after(c->object, inc);
        }
    }
}

static void fill_raw(Unbox *u, Candidate *c)
{
    HirIns *phi = c->phi;
    for (uint32_t k = 0; k < phi->nargs; k++) {
        HirBlock *pred = phi->block->preds[k];
        c->raw->args[k] = raw_operand(u, c, phi->args[k], pred);
        if (phi->aux & HIR_PHI_OWNED && !candidate(u, hir_root(phi->args[k]))) {
            HirIns *dec = hir_new1(u->f, HIR_Decref, phi->args[k]);
            dec->bci = pred->last->bci;
            hir_insert_before(pred->last, dec);
        }
    }
}

/* An owned operand that is itself a candidate: with an object its reference has to go. */
static void drop_candidate_operands(Unbox *u, Candidate *c)
{
    HirIns *phi = c->phi;
    for (uint32_t k = 0; k < phi->nargs; k++) {
        Candidate *from = candidate(u, hir_root(phi->args[k]));
        if (phi->aux & HIR_PHI_OWNED && from && from->object) {
            HirIns *dec = hir_new1(u->f, HIR_Decref, from->object);
            HirBlock *pred = phi->block->preds[k];
            dec->bci = pred->last->bci;
            hir_insert_before(pred->last, dec);
        }
    }
}

static HirIns *home_object(Unbox *u, HirIns *store, HirType type)
{
    HirIns *load = hir_new0(u->f, HIR_LoadLocal);
    load->aux = store->aux;
    load->type = type;
    load->bci = store->bci;
    hir_insert_before(store, load);
    return load;
}

static void rewrite_uses(Unbox *u, HirIns *i)
{
    for (uint32_t k = 0; k < i->nargs; k++) {
        Candidate *c = candidate(u, i->args[k]);
        if (!c || candidate(u, i)) { /* a candidate itself is going to be removed */
            continue;
        }
        if (i->op == kind_of(c->phi->type)->unbox) {
            hir_replace(i, c->raw);
        } else if (c->object) {
            i->args[k] = c->object;
        } else if (i->op == HIR_StoreLocal) {
            i->args[k] = home_object(u, i, c->phi->type);
        } else {
            hir_remove(i); /* counting */
            return;
        }
    }
}

static void rewrite_state(Unbox *u, HirFrameState *fs)
{
    for (uint32_t k = 0; k < fs->nlocals; k++) {
        Candidate *c = fs->locals[k] ? candidate(u, hir_root(fs->locals[k])) : NULL;
        if (c) {
            fs->locals[k] = c->raw;
        }
    }
    for (uint32_t k = 0; k < fs->nstack; k++) {
        Candidate *c = candidate(u, hir_root(fs->stack[k]));
        if (c) {
            fs->stack[k] = c->object ? c->object : c->raw;
        }
    }
}

void opt_unbox(HirFunc *f)
{
    Unbox unbox = {.f = f}, *u = &unbox;
    u->nindex = f->nins;
    u->index = arena_array(f->arena, uint32_t, f->nins);
    find_candidates(u);
    if (!u->c.len) {
        return;
    }
    while (!judge(u)) {
    }
    bool any = false;
    for (uint32_t k = 0; k < u->c.len; k++) {
        if (!u->c.data[k].failed) {
            make_raw(u, &u->c.data[k]);
            any = true;
        }
    }
    if (!any) {
        return;
    }
    for (uint32_t k = 0; k < u->c.len; k++) {
        if (!u->c.data[k].failed) {
            fill_raw(u, &u->c.data[k]);
            drop_candidate_operands(u, &u->c.data[k]);
        }
    }
    HirIns **last_locals = NULL;
    for (OPT_EACH_BLOCK(f, b)) {
        for (HirIns *i = b->first, *next; i; i = next) {
            next = i->next;
            for (HirFrameState *fs = i->fs; fs; fs = fs->parent) {
                if (fs->locals != last_locals || fs->nstack) {
                    rewrite_state(u, fs);
                    last_locals = fs->locals;
                }
            }
            rewrite_uses(u, i);
        }
    }
    for (uint32_t k = 0; k < u->c.len; k++) {
        if (!u->c.data[k].failed) {
            hir_remove(u->c.data[k].phi);
        }
    }
    hir_cleanup_forwards(f);
}
