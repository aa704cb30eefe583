/* HIR verifier: checks the invariants of README.md; runs after every pass in tests and debug.
 *
 * Three parts: structure (lists, edges, phis, operand kinds, frame states), SSA (definitions
 * dominate uses), and ownership, a linear type check: along every path each reference that was
 * made (a NEW result, an Incref, an owned phi) is handed on exactly once, and every exit's frame
 * state takes over exactly the references that are live there. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base_vec.h"
#include "hir.h"

typedef struct {
    HirIns *v; /* root */
    int32_t n;
} Owned;
typedef VEC(Owned) OwnedVec;

typedef struct {
    bool seen;
    uint32_t n;
    Owned *owned;
} Entry;

typedef struct {
    HirFunc *f;
    StrBuf *err;
    bool ok;
    int32_t *count; /* by value id: references we own here */
    OwnedVec live;  /* every value whose count may be nonzero */
    Entry *entry;   /* by rpo number */
} Verifier;

static void complain(Verifier *v, const HirIns *i, const char *fmt, ...) BASE_PRINTF(3, 4);
static void complain(Verifier *v, const HirIns *i, const char *fmt, ...)
{
    if (!v->ok) {
        sb_puts(v->err, "; ");
    }
    v->ok = false;
    if (i) {
        sb_printf(v->err, "v%" PRIu32 " %s in b%" PRIu32 ": ", i->id, hir_op_info[i->op].name,
                  i->block ? i->block->id : 0);
    }
    va_list ap;
    va_start(ap, fmt);
    sb_vprintf(v->err, fmt, ap);
    va_end(ap);
}

/* --- structure ------------------------------------------------------------------ */

static bool operand_fits(const HirIns *i, const HirIns *a, char letter)
{
    static const struct {
        char letter;
        HirType type;
    } typed[] = {
        {'f', HIR_T_FLOAT},      {'i', HIR_T_INT | HIR_T_BOOL},
        {'j', HIR_T_INT},        {'b', HIR_T_BOOL},
        {'s', HIR_T_STR},        {'l', HIR_T_LIST},
        {'t', HIR_T_TUPLE},      {'d', HIR_T_DICT},
        {'r', HIR_T_RANGE_ITER}, {'q', HIR_T_LIST_ITER},
        {'u', HIR_T_TUPLE_ITER},
    };
    switch (letter) {
    case 'O': return a->rep == HIR_OBJ;
    case 'F': return a->rep == HIR_F64;
    case 'I': return a->rep == HIR_I64;
    case 'B': return a->rep == HIR_BOOL;
    case 'P': return i->op != HIR_Phi || a->rep == i->rep;
    default:
        for (size_t k = 0; k < BASE_COUNT(typed); k++) {
            if (typed[k].letter == letter) {
                return a->rep == HIR_OBJ && !(a->type & ~typed[k].type);
            }
        }
        return false;
    }
}

static void check_operands(Verifier *v, const HirIns *i)
{
    const char *s = hir_sigs[i->op].operands;
    if (!s) {
        complain(v, i, "no row in hir_sigs.def");
        return;
    }
    char letter = 0;
    bool rest = false;
    uint32_t k = 0;
    s += *s == '=';
    for (; k < i->nargs; k++) {
        if (!rest) {
            if (*s == '*') {
                rest = true;
            } else if (!*s) {
                break;
            } else {
                letter = *s++;
                s += *s == '!';
            }
        }
        HirIns *a = i->args[k];
        if (!a) {
            complain(v, i, "operand %" PRIu32 " is missing", k);
        } else if (a->fwd) {
            complain(v, i, "operand %" PRIu32 " was replaced (hir_cleanup_forwards)", k);
        } else if (!a->block) {
            complain(v, i, "operand v%" PRIu32 " is in no block", a->id);
        } else if (!operand_fits(i, a, letter)) {
            complain(v, i, "operand v%" PRIu32 " is not of kind %c", a->id, letter);
        }
    }
    s += *s == '*';
    bool fewer_ok = s[0] && (s[1] == '*' || (s[1] == '!' && s[2] == '*')); /* none of a O* */
    if (k < i->nargs || (*s && !rest && !fewer_ok)) {
        complain(v, i, "wrong number of operands (%" PRIu32 ")", i->nargs);
    }
}

static void check_state(Verifier *v, const HirIns *i)
{
    uint32_t flags = hir_flags(i);
    if (!i->fs) {
        if (flags & (HIR_F_RAISE | HIR_F_DEOPT)) {
            complain(v, i, "may exit but has no frame state");
        }
        return;
    }
    for (const HirFrameState *fs = i->fs; fs; fs = fs->parent) {
        if (fs->bci < 0) {
            complain(v, i, "state s%" PRIu32 " has no code unit", fs->id);
        }
        /* Entries that HirCallShape wants on a caller's stack. */
        uint32_t depth =
            fs->call >= HIR_CALL_INIT ? 3u + (fs->call - HIR_CALL_INIT) : BASE_MIN(fs->call, 2u);
        bool caller = fs != i->fs;
        if (caller != (fs->call != HIR_CALL_NONE) || fs->nstack < depth) {
            complain(v, i, "state s%" PRIu32 " has no call on its stack", fs->id);
        }
        for (uint32_t k = 0; k < fs->nlocals; k++) {
            const HirIns *l = fs->locals[k];
            if (fs->parent && !(l && fs->dirty && fs->dirty[k])) {
                complain(v, i, "state s%" PRIu32 " of an inlined frame lacks local %" PRIu32,
                         fs->id, k);
            }
            if (l && (l->fwd || !l->block || l->rep == HIR_VOID)) {
                complain(v, i, "state s%" PRIu32 " local %" PRIu32 " is no live value", fs->id, k);
            } else if (!l && fs->dirty && fs->dirty[k]) {
                complain(v, i, "state s%" PRIu32 " local %" PRIu32 " is dirty without a value",
                         fs->id, k);
            }
        }
        for (uint32_t k = 0; k < fs->nstack; k++) {
            const HirIns *l = fs->stack[k];
            if (!l || l->fwd || !l->block || l->rep == HIR_VOID) {
                complain(v, i, "state s%" PRIu32 " stack %" PRIu32 " is no live value", fs->id, k);
            }
        }
    }
}

/* What is caught gives NULL where it raises. */
static void check_caught(Verifier *v, const HirIns *i)
{
    bool always = i->op == HIR_FindAttr || i->op == HIR_FindKey;
    bool can = always || hir_can_be_caught((HirOp)i->op);
    if (i->caught ? !can : always) {
        complain(v, i, i->caught ? "cannot be caught" : "is not caught");
    } else if (i->caught && !(i->type & HIR_T_NULL)) {
        complain(v, i, "is caught and never NULL");
    }
}

static void check_load_out(Verifier *v, const HirIns *i)
{
    const HirIns *p = i->prev;
    while (p && p->op == HIR_LoadOut) {
        p = p->prev;
    }
    if (i->nargs != 1 || p != i->args[0]) {
        complain(v, i, "does not directly follow its producer");
    }
}

static void check_block(Verifier *v, HirBlock *b)
{
    if (!b->last || !hir_is_term(b->last)) {
        complain(v, b->last, "b%" PRIu32 " has no terminator", b->id);
        return;
    }
    uint32_t want = b->last->op == HIR_Branch ? 2 : b->last->op == HIR_Jump ? 1 : 0;
    if (b->nsucc != want) {
        complain(v, b->last, "%" PRIu32 " successors", b->nsucc);
    }
    for (uint32_t s = 0; s < b->nsucc; s++) {
        if (hir_pred_index(b->succ[s], b) == b->succ[s]->npreds) {
            complain(v, b->last, "b%" PRIu32 " does not know its predecessor", b->succ[s]->id);
        }
    }
    for (uint32_t p = 0; p < b->npreds; p++) {
        HirBlock *pb = b->preds[p];
        if (!pb->reachable || (pb->succ[0] != b && pb->succ[1] != b)) {
            complain(v, b->last, "predecessor b%" PRIu32 " does not lead here", pb->id);
        }
    }
    const HirIns *prev = NULL;
    for (HirIns *i = b->first; i; prev = i, i = i->next) {
        if (i->prev != prev || i->block != b) {
            complain(v, i, "instruction list is broken");
            return;
        }
        if (i->fwd) {
            complain(v, i, "was replaced but is still in its block");
        }
        if (i->op == HIR_Phi && prev && prev->op != HIR_Phi) {
            complain(v, i, "phi behind other instructions");
        }
        if (i->op == HIR_Phi && i->nargs != b->npreds) {
            complain(v, i, "%" PRIu32 " operands for %" PRIu32 " predecessors", i->nargs,
                     b->npreds);
        }
        if (hir_is_term(i) != (i == b->last)) {
            complain(v, i, "terminator in the wrong place");
        }
        if (i->op == HIR_LoadOut) {
            check_load_out(v, i);
        }
        check_operands(v, i);
        check_state(v, i);
        check_caught(v, i);
    }
    if (b->last != prev) {
        complain(v, b->last, "instruction list is broken");
    }
}

/* --- SSA ------------------------------------------------------------------------- */

/* tmp is the position in reverse post-order, so within a block earlier means smaller. */
static bool available(const HirIns *def, const HirIns *use)
{
    return def->block == use->block ? def->tmp < use->tmp : hir_dominates(def->block, use->block);
}

static void check_ssa(Verifier *v)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < v->f->nrpo; k++) {
        for (HirIns *i = v->f->rpo[k]->first; i; i = i->next) {
            i->tmp = n++;
        }
    }
    for (uint32_t k = 0; k < v->f->nrpo; k++) {
        HirBlock *b = v->f->rpo[k];
        for (HirIns *i = b->first; i; i = i->next) {
            for (uint32_t a = 0; a < i->nargs; a++) {
                bool fine = i->op == HIR_Phi ? hir_dominates(i->args[a]->block, b->preds[a])
                                             : available(i->args[a], i);
                if (!fine) {
                    complain(v, i, "v%" PRIu32 " does not dominate this use", i->args[a]->id);
                }
            }
            if (i->op == HIR_Phi && i->rep == HIR_OBJ) {
                HirType t = hir_type_infer(i);
                if (t & ~i->type) {
                    complain(v, i, "type is narrower than the operands'");
                }
            }
            for (const HirFrameState *fs = i->fs; fs; fs = fs->parent) {
                for (uint32_t l = 0; l < fs->nlocals; l++) {
                    if (fs->locals[l] && !available(fs->locals[l], i)) {
                        complain(v, i, "local %" PRIu32 " of s%" PRIu32 " does not dominate", l,
                                 fs->id);
                    }
                }
                for (uint32_t s = 0; s < fs->nstack; s++) {
                    if (!available(fs->stack[s], i)) {
                        complain(v, i, "stack %" PRIu32 " of s%" PRIu32 " does not dominate", s,
                                 fs->id);
                    }
                }
            }
        }
    }
}

/* --- ownership --------------------------------------------------------------------- */

/* Whether references to `r` are counted at all: not for the null reference and raw values. */
static bool counted(const HirIns *r)
{
    return r->rep == HIR_OBJ && r->type != HIR_T_NULL;
}

static void add(Verifier *v, HirIns *value, int32_t n)
{
    HirIns *r = hir_root(value);
    if (counted(r) && counted(value)) {
        if (!v->count[r->id]) {
            VEC_PUSH(v->f->arena, &v->live, ((Owned){r, 0}));
        }
        v->count[r->id] += n;
    }
}

static void consume(Verifier *v, const HirIns *i, HirIns *value)
{
    add(v, value, -1);
    HirIns *r = hir_root(value);
    if (v->count[r->id] < 0) {
        complain(v, i, "gives away a reference to v%" PRIu32 " that is not owned", r->id);
        v->count[r->id] = 0;
    }
}

/* Adds n to the count of each reference that the state has an exit take over. */
static void add_state(Verifier *v, const HirFrameState *fs, int32_t n)
{
    for (uint32_t s = 0; s < fs->nstack; s++) {
        if (fs->owned[s]) {
            add(v, fs->stack[s], n);
        }
    }
    for (uint32_t k = 0; fs->dirty && k < fs->nlocals; k++) {
        if (fs->dirty[k] == HIR_DIRTY_OWNED && fs->locals[k]) {
            add(v, fs->locals[k], n);
        }
    }
}

/* The frame state of an exit takes over exactly what is owned. */
static void check_exit(Verifier *v, const HirIns *i)
{
    for (const HirFrameState *fs = i->fs; fs; fs = fs->parent) {
        add_state(v, fs, -1);
    }
    uint32_t n = v->live.len;
    for (uint32_t k = 0; k < n; k++) {
        HirIns *r = v->live.data[k].v;
        int32_t c = v->count[r->id];
        if (c > 0) {
            complain(v, i, "exit leaks a reference to v%" PRIu32, r->id);
        } else if (c < 0) {
            complain(v, i, "exit drops a reference to v%" PRIu32 " that is not owned", r->id);
        }
        if (!v->ok) {
            return;
        }
    }
    for (const HirFrameState *fs = i->fs; fs; fs = fs->parent) {
        add_state(v, fs, 1);
    }
}

static void own_ins(Verifier *v, HirIns *i)
{
    uint32_t flags = hir_flags(i);
    bool early = i->op == HIR_CallPy || i->op == HIR_CallInit ||
                 i->op == HIR_CallVector; /* their arguments are gone even on failure */
    if (i->op == HIR_Phi) {
        return; /* came with the edge */
    }
    if (early || !(flags & (HIR_F_RAISE | HIR_F_DEOPT))) {
        for (uint32_t k = 0; k < i->nargs; k++) {
            if (hir_consumes(i, k)) {
                consume(v, i, i->args[k]);
            }
        }
    }
    if (flags & (HIR_F_RAISE | HIR_F_DEOPT) && i->fs) {
        check_exit(v, i);
        if (!early) {
            for (uint32_t k = 0; k < i->nargs; k++) {
                if (hir_consumes(i, k)) {
                    consume(v, i, i->args[k]);
                }
            }
        }
    }
    if (i->op == HIR_Incref) {
        add(v, i->args[0], 1);
    }
    if (flags & HIR_F_NEW) {
        add(v, i, 1);
    }
    if (i->op == HIR_Return) {
        for (uint32_t k = 0; k < v->live.len; k++) {
            HirIns *r = v->live.data[k].v;
            if (v->count[r->id]) {
                complain(v, i, "leaks a reference to v%" PRIu32, r->id);
            }
        }
    }
}

/* Hands the state over to `to`, the successor number s of `from`. */
static void own_edge(Verifier *v, HirBlock *from, uint32_t s)
{
    HirBlock *to = from->succ[s];
    uint32_t pred = hir_pred_index(to, from);
    if (from->nsucc == 2 && from->succ[0] == from->succ[1] && s == 1) {
        while (++pred < to->npreds && to->preds[pred] != from) {
        }
    }
    OwnedVec out = {0};
    /* The null side of a test owns nothing in that value. */
    HirIns *null = NULL, *cond = from->last->op == HIR_Branch ? from->last->args[0] : NULL;
    uint32_t side = 0;
    while (cond && cond->op == HIR_BNot) {
        cond = cond->args[0];
        side ^= 1;
    }
    if (cond && cond->op == HIR_IsNull && s == side) {
        null = hir_root(cond->args[0]);
    }
    int32_t null_count = null ? v->count[null->id] : 0;
    if (null) {
        v->count[null->id] = 0;
    }
    for (HirIns *p = to->first; p && p->op == HIR_Phi; p = p->next) {
        if (p->rep == HIR_OBJ && (p->aux & HIR_PHI_OWNED)) {
            if (!null || hir_root(p->args[pred]) != null) {
                consume(v, p, p->args[pred]);
            }
        }
    }
    for (uint32_t k = 0; k < v->live.len; k++) {
        HirIns *r = v->live.data[k].v;
        if (v->count[r->id]) {
            bool dup = false;
            for (uint32_t j = 0; j < out.len && !dup; j++) {
                dup = out.data[j].v == r;
            }
            if (!dup) {
                VEC_PUSH(v->f->arena, &out, ((Owned){r, v->count[r->id]}));
            }
        }
    }
    for (HirIns *p = to->first; p && p->op == HIR_Phi; p = p->next) {
        if (p->rep == HIR_OBJ && (p->aux & HIR_PHI_OWNED)) {
            if (!null || hir_root(p->args[pred]) != null) {
                add(v, p->args[pred], 1);
            }
        }
    }
    if (null) {
        v->count[null->id] = null_count;
    }
    Entry *e = &v->entry[to->rpo];
    if (!e->seen) {
        e->seen = true;
        e->owned = out.data;
        e->n = out.len;
        return;
    }
    /* Same multiset as from the first predecessor. */
    for (uint32_t k = 0; k < out.len + e->n; k++) {
        Owned o = k < out.len ? out.data[k] : e->owned[k - out.len];
        int32_t a = 0, b = 0;
        for (uint32_t j = 0; j < out.len; j++) {
            a += out.data[j].v == o.v ? out.data[j].n : 0;
        }
        for (uint32_t j = 0; j < e->n; j++) {
            b += e->owned[j].v == o.v ? e->owned[j].n : 0;
        }
        if (a != b) {
            complain(v, from->last,
                     "b%" PRIu32 " gets %" PRId32 " references to v%" PRIu32 " from here, %" PRId32
                     " from elsewhere",
                     to->id, a, o.v->id, b);
            return;
        }
    }
}

static void check_ownership(Verifier *v)
{
    HirFunc *f = v->f;
    v->count = arena_array(f->arena, int32_t, f->nins + 1);
    v->entry = arena_array(f->arena, Entry, f->nrpo + 1);
    v->entry[0].seen = true;
    for (uint32_t k = 0; k < f->nrpo && v->ok; k++) {
        HirBlock *b = f->rpo[k];
        for (uint32_t j = 0; j < v->live.len; j++) {
            v->count[v->live.data[j].v->id] = 0;
        }
        VEC_CLEAR(&v->live);
        for (uint32_t j = 0; j < v->entry[k].n; j++) {
            add(v, v->entry[k].owned[j].v, v->entry[k].owned[j].n);
        }
        for (HirIns *p = b->first; p && p->op == HIR_Phi; p = p->next) {
            if (p->rep == HIR_OBJ && (p->aux & HIR_PHI_OWNED)) {
                add(v, p, 1);
            }
        }
        for (HirIns *i = b->first; i && v->ok; i = i->next) {
            own_ins(v, i);
        }
        for (uint32_t s = 0; s < b->nsucc && v->ok; s++) {
            own_edge(v, b, s);
        }
    }
}

bool hir_verify(HirFunc *f, StrBuf *err)
{
    Verifier v = {.f = f, .err = err, .ok = true};
    hir_analyze(f);
    for (uint32_t k = 0; k < f->nrpo; k++) {
        check_block(&v, f->rpo[k]);
    }
    if (v.ok) {
        check_ssa(&v);
    }
    if (v.ok) {
        check_ownership(&v);
    }
    return v.ok;
}
