/* Builder, the driver: visits the bytecode's basic blocks in reverse post-order, merges states
 * with phis, and owns the stack and emission primitives that the opcode handlers are written with. */
#include "hir_build_priv.h"

#include <string.h>

#include "py311_opcodes.h"

/* Code objects above this many instructions are not worth the compile time. */
enum { HB_MAX_INSTRUCTIONS = 12000 };

/* More misses than these in tier 0, and a site counts as polymorphic. */
enum { HB_MAX_MISSES = 1 };

/* --- emission ------------------------------------------------------------------ */

HirFrameState *hb_fs(Builder *b, int32_t bci)
{
    if (b->fs_cache && b->fs_cache_bci == bci) {
        return b->fs_cache;
    }
    int nl = b->nlocals;
    if (!b->locals_snap) {
        b->locals_snap = arena_array(b->f->arena, HirIns *, (size_t)nl + 1);
        memcpy(b->locals_snap, b->st.locals, sizeof(HirIns *) * (size_t)nl);
        if (b->caller) {
            b->dirty_snap = arena_array(b->f->arena, uint8_t, (size_t)nl + 1);
            for (int i = 0; i < nl; i++) {
                b->dirty_snap[i] = b->st.held[i] == HB_OURS ? HIR_DIRTY_OWNED : HIR_DIRTY;
            }
        }
    }
    /* States between two assignments share the locals. */
    HirFrameState *fs = hir_fs_new(b->f, (uint32_t)nl, (uint32_t)b->st.nstack, b->locals_snap);
    fs->code = b->co;
    fs->nospec = b->opts->nospec;
    fs->bci = bci;
    fs->parent = b->parent;
    fs->dirty = b->dirty_snap;
    for (int i = 0; i < b->st.nstack; i++) {
        fs->stack[i] = b->st.stack[i].v;
        fs->owned[i] = b->st.stack[i].owned;
    }
    b->fs_cache = fs;
    b->fs_cache_bci = bci;
    return fs;
}

static void hb_touch(Builder *b)
{
    b->fs_cache = NULL;
}

HirIns *hb_emit(Builder *b, HirOp op, int n, HirIns *const *args)
{
    HirIns *i = hir_ins_new(b->f, op, (uint32_t)n, args);
    i->bci = b->in ? b->in->bci : b->f->entry_bci;
    if (hir_op_info[op].flags & (HIR_F_RAISE | HIR_F_DEOPT)) {
        i->fs = hb_fs(b, b->resume);
    }
    hir_append(b->cur, i);
    if (b->caller) {
        hb_check_leaf(b, i);
    }
    return i;
}

HirIns *hb_emit0(Builder *b, HirOp op)
{
    return hb_emit(b, op, 0, NULL);
}
HirIns *hb_emit1(Builder *b, HirOp op, HirIns *x)
{
    return hb_emit(b, op, 1, &x);
}
HirIns *hb_emit2(Builder *b, HirOp op, HirIns *x, HirIns *y)
{
    HirIns *args[] = {x, y};
    return hb_emit(b, op, 2, args);
}
HirIns *hb_emit3(Builder *b, HirOp op, HirIns *x, HirIns *y, HirIns *z)
{
    HirIns *args[] = {x, y, z};
    return hb_emit(b, op, 3, args);
}

HirIns *hb_const(Builder *b, PyObject *o)
{
    HirIns *i = hb_emit0(b, HIR_Const);
    i->imm.p = o;
    i->type = hir_type_of_object(o);
    return i;
}

HirIns *hb_null(Builder *b)
{
    return b->null;
}

HirIns *hb_i64(Builder *b, int64_t v)
{
    HirIns *i = hb_emit0(b, HIR_ConstI64);
    i->imm.i = v;
    return i;
}

void hb_stop(Builder *b, const char *reason)
{
    if (!b->reason) {
        b->reason = reason;
    }
}

bool hb_speculate(Builder *b)
{
    if (b->opts->generic) {
        return false;
    }
    if (b->in && b->in->misses > HB_MAX_MISSES) {
        return false; /* several types come by: an inline cache serves them better than exits */
    }
    int32_t at = b->resume;
    return !b->opts->nospec || !(b->opts->nospec[at >> 3] & (1u << (at & 7)));
}

void hb_observe(Builder *b, HirIns *v, PyObject *o)
{
    if (v->id >= b->observed_cap) {
        uint32_t cap = v->id * 2 + 64;
        PyObject **grown = arena_array(b->a, PyObject *, cap);
        if (b->observed_cap) {
            memcpy(grown, b->observed, sizeof(PyObject *) * b->observed_cap);
        }
        b->observed = grown;
        b->observed_cap = cap;
    }
    b->observed[v->id] = o;
}

PyObject *hb_observed(Builder *b, HirIns *v)
{
    for (;;) {
        if (v->op == HIR_Const || v->op == HIR_GuardIs) {
            return v->imm.p;
        }
        if (v->id < b->observed_cap && b->observed[v->id]) {
            return b->observed[v->id];
        }
        HirIns *base = hir_root(v);
        if (base == v) {
            return NULL;
        }
        v = v->args[0];
    }
}

/* --- value stack ----------------------------------------------------------------- */

void hb_push_entry(Builder *b, HirIns *v, bool owned, int home)
{
    hb_touch(b);
    if (b->st.nstack >= b->co->co_stacksize + HB_LENT_ENTRIES) {
        /* Cannot happen for code from CPython's compiler; hand-made code may lie. */
        hb_stop(b, "value stack overflow");
        return;
    }
    b->st.stack[b->st.nstack++] = (Entry){v, owned, (int16_t)home};
}

void hb_push(Builder *b, HirIns *v, bool owned)
{
    hb_push_entry(b, v, owned, -1);
}
void hb_push_home(Builder *b, HirIns *v, int home)
{
    hb_push_entry(b, v, false, home);
}

void hb_push_loaded(Builder *b, HirIns *v)
{
    if (b->caller) {
        hb_push_entry(b, v, false, HB_HEAP);
        return;
    }
    hb_emit1(b, HIR_Incref, v);
    hb_push(b, v, true);
}

Entry hb_pop(Builder *b)
{
    hb_touch(b);
    if (b->st.nstack <= 0) {
        hb_stop(b, "value stack underflow");
        return (Entry){hb_null(b), false, -1};
    }
    return b->st.stack[--b->st.nstack];
}

void hb_drop(Builder *b, Entry e)
{
    if (e.owned && e.v->type != HIR_T_NULL) {
        hb_emit1(b, HIR_Decref, e.v);
    }
}

void hb_pop_drop(Builder *b, int n)
{
    for (int i = 0; i < n; i++) {
        Entry e = hb_pop(b);
        hb_drop(b, e);
    }
}

void hb_own(Builder *b, Entry *e)
{
    if (!e->owned) {
        if (e->v->type != HIR_T_NULL) {
            hb_emit1(b, HIR_Incref, e->v);
        }
        e->owned = true;
        e->home = -1;
        hb_touch(b);
    }
}

void hb_detach_local(Builder *b, int local)
{
    for (int i = 0; i < b->st.nstack; i++) {
        if (!b->st.stack[i].owned && b->st.stack[i].home == local) {
            hb_own(b, &b->st.stack[i]);
        }
    }
}

void hb_set_local(Builder *b, int i, HirIns *v)
{
    b->st.locals[i] = v;
    b->locals_snap = NULL;
    hb_touch(b);
}

void hb_refine_state(Builder *b, HirIns *v, HirIns *refined)
{
    bool any = false;
    for (int i = 0; i < b->st.nstack; i++) {
        if (b->st.stack[i].v == v) {
            b->st.stack[i].v = refined;
            any = true;
        }
    }
    for (int i = 0; i < b->nlocals; i++) {
        if (b->st.locals[i] == v) {
            b->st.locals[i] = refined;
            b->locals_snap = NULL;
            any = true;
        }
    }
    if (any) {
        hb_touch(b);
    }
}

/* --- guards ------------------------------------------------------------------------ */

HirIns *hb_guard(Builder *b, HirOp op, HirIns *v, uint32_t aux, void *imm)
{
    HirIns *g = hb_emit1(b, op, v);
    g->aux = aux;
    g->imm.p = imm;
    if (op != HIR_GuardFuncCode && op != HIR_GuardFuncDefaults) {
        g->type = v->type & ~(HirType)HIR_T_NULL;
    }
    hb_refine_state(b, v, g);
    return g;
}

HirIns *hb_guard_type(Builder *b, HirIns *v, HirType bit)
{
    if (v->type == bit) {
        return v;
    }
    if (!(v->type & bit)) {
        return NULL;
    }
    HirIns *g = hb_emit1(b, HIR_GuardType, v);
    g->aux = bit;
    g->type = bit;
    hb_refine_state(b, v, g);
    return g;
}

HirIns *hb_not_null(Builder *b, HirIns *v)
{
    if (!(v->type & HIR_T_NULL)) {
        return v;
    }
    return hb_guard(b, HIR_GuardNotNull, v, 0, NULL);
}

HirIns *hb_unbox_float(Builder *b, HirIns *v)
{
    if (v->op == HIR_BoxFloat) {
        return v->args[0];
    }
    if (v->op == HIR_Const) {
        HirIns *c = hb_emit0(b, HIR_ConstF64);
        c->imm.f = PyFloat_AS_DOUBLE((PyObject *)v->imm.p);
        return c;
    }
    return hb_emit1(b, HIR_UnboxFloat, v);
}

HirIns *hb_unbox_int(Builder *b, HirIns *v)
{
    if (v->op == HIR_BoxInt) {
        return v->args[0];
    }
    if (v->op == HIR_Const) {
        int overflow = 0;
        long long n = PyLong_AsLongLongAndOverflow(v->imm.p, &overflow);
        if (!overflow) {
            return hb_i64(b, n);
        }
    }
    return hb_emit1(b, HIR_UnboxInt, v);
}

void hb_check_eval(Builder *b, int32_t resume)
{
    if (b->caller) {
        return; /* no loops and no calls: the caller's next check is near enough */
    }
    int32_t saved = b->resume;
    b->resume = resume;
    hb_emit0(b, HIR_CheckEval);
    b->resume = saved;
}

void hb_deopt(Builder *b)
{
    hb_emit0(b, HIR_Deopt);
    b->cur = NULL;
}

void hb_branch(Builder *b, HirIns *cond, HirBlock **on_true, HirBlock **on_false)
{
    HirBlock *from = b->cur;
    hb_emit1(b, HIR_Branch, cond);
    *on_true = hir_block_new(b->f, b->in->bci);
    *on_false = hir_block_new(b->f, b->in->bci);
    hir_edge(from, *on_true);
    hir_edge(from, *on_false);
    b->cur = NULL;
    hb_touch(b);
}

HirIns *hb_join(Builder *b, HirBlock *const *ends, HirIns *const *values, uint32_t n, bool owned)
{
    HirBlock *join = hir_block_new(b->f, b->in->bci);
    HirType t = 0;
    bool same = true;
    for (uint32_t k = 0; k < n; k++) {
        HirIns *jump = hir_new0(b->f, HIR_Jump);
        jump->bci = b->in->bci;
        hir_append(ends[k], jump);
        hir_edge(ends[k], join);
        t |= values[k]->type;
        same = same && values[k] == values[0];
    }
    b->cur = join;
    if (same) {
        return values[0];
    }
    HirIns *phi = hir_phi_new(b->f, join, HIR_OBJ, t, n);
    memcpy(phi->args, values, n * sizeof *values);
    phi->aux = owned ? HIR_PHI_OWNED : 0;
    phi->bci = b->in->bci;
    return phi;
}

/* --- states ------------------------------------------------------------------------------ */

State hb_state_copy(Builder *b, const State *s)
{
    State c = {0};
    size_t nl = b->nlocals, ns = hb_stack_size(b->co);
    c.locals = arena_array(b->a, HirIns *, nl + 1);
    memcpy(c.locals, s->locals, nl * sizeof(HirIns *));
    if (s->held) {
        c.held = arena_array(b->a, uint8_t, nl + 1);
        memcpy(c.held, s->held, nl);
    }
    c.stack = arena_array(b->a, Entry, ns);
    memcpy(c.stack, s->stack, (size_t)s->nstack * sizeof(Entry));
    c.nstack = s->nstack;
    return c;
}

/* --- merging --------------------------------------------------------------------------- */

static HirIns *new_phi(Builder *b, HirBlock *blk, int n, HirIns **args)
{
    HirIns *phi = hir_ins_new(b->f, HIR_Phi, (uint32_t)n, args);
    HirType t = 0;
    for (int i = 0; i < n; i++) {
        t |= args[i]->type;
    }
    phi->type = t;
    phi->bci = blk->bci;
    hir_append(blk, phi);
    return phi;
}

/* Adds a reference at the end of an open predecessor. */
static void edge_incref(Builder *b, Edge *e, HirIns *v)
{
    if (v->type != HIR_T_NULL) {
        HirIns *inc = hir_ins_new(b->f, HIR_Incref, 1, &v);
        inc->bci = -1;
        hir_append(e->from, inc);
    }
}

static void edge_own(Builder *b, Edge *e, int k)
{
    Entry *en = &e->st.stack[k];
    if (en->owned) {
        return;
    }
    edge_incref(b, e, en->v);
    en->owned = true;
    en->home = -1;
}

static void close_edge(Builder *b, Edge *e, HirBlock *to, int32_t bci, bool with_fs)
{
    HirIns *j = hir_ins_new(b->f, HIR_Jump, 0, NULL);
    j->bci = bci;
    if (with_fs) {
        /* A place for guards hoisted out of the loop: its state is the loop's entry. */
        State saved = b->st;
        HirIns **snap = b->locals_snap;
        b->st = e->st;
        b->locals_snap = NULL;
        b->fs_cache = NULL;
        j->fs = hb_fs(b, bci);
        b->st = saved;
        b->locals_snap = snap;
        b->fs_cache = NULL;
    }
    hir_append(e->from, j);
    hir_edge(e->from, to);
}

/* Whether entry `s` of inlined code is nobody's on every edge: memory holds it, or it is a constant. */
static bool lent_entries(Edge **es, int n, int s, Entry *out)
{
    int16_t home = -1;
    for (int i = 0; i < n; i++) {
        const Entry *e = &es[i]->st.stack[s];
        if (e->owned || e->home >= 0) {
            return false;
        }
        home = e->home == HB_HEAP ? HB_HEAP : home;
    }
    out->home = home;
    return true;
}

/* Who holds local `l` of inlined code behind a merge of `n` edges; whether we do. */
static bool merge_holders(Builder *b, Edge **es, int n, int l, bool same, uint8_t *held)
{
    bool ours = false, all_ours = true, memory = false;
    for (int i = 0; i < n; i++) {
        ours = ours || es[i]->st.held[l] == HB_OURS;
        all_ours = all_ours && es[i]->st.held[l] == HB_OURS;
        memory = memory || es[i]->st.held[l] == HB_MEMORY;
    }
    if (!ours) {
        *held = memory ? HB_MEMORY : HB_LENT;
        return false;
    }
    for (int i = 0; i < n && !(same && all_ours); i++) {
        if (es[i]->st.held[l] != HB_OURS) {
            edge_incref(b, es[i], es[i]->st.locals[l]);
        }
    }
    *held = HB_OURS;
    return true;
}

/* One state for the forward edges of a block.  Leaves b->cur open in it. */
static void merge_edges(Builder *b, BBlock *bb, int32_t bci)
{
    int n = 0;
    for (Edge *e = bb->edges; e; e = e->next) {
        n++;
    }
    if (n == 1) {
        b->cur = bb->edges->from;
        b->st = bb->edges->st;
        return;
    }
    Edge **es = arena_array(b->a, Edge *, (size_t)n);
    int k = 0;
    for (Edge *e = bb->edges; e; e = e->next) {
        es[k++] = e;
    }
    int ns = es[0]->st.nstack;
    for (int i = 1; i < n; i++) {
        if (es[i]->st.nstack != ns) {
            hb_stop(b, "stack depths differ at a merge");
            return;
        }
    }
    HirBlock *blk = hir_block_new(b->f, bci);
    State st = hb_state_copy(b, &es[0]->st);
    HirIns **args = arena_array(b->a, HirIns *, (size_t)n);
    for (int s = 0; s < ns; s++) {
        bool same = true, borrowed = true;
        for (int i = 0; i < n; i++) {
            Entry *en = &es[i]->st.stack[s];
            same = same && hir_root(en->v) == hir_root(st.stack[s].v);
            borrowed = borrowed && !en->owned && en->home == st.stack[s].home;
        }
        if (same && borrowed) {
            continue;
        }
        if (b->caller && lent_entries(es, n, s, &st.stack[s])) {
            continue;
        }
        /* NULL markers (PUSH_NULL) never need a reference. */
        bool all_null = true;
        for (int i = 0; i < n; i++) {
            all_null = all_null && es[i]->st.stack[s].v->type == HIR_T_NULL;
        }
        if (all_null) {
            continue;
        }
        for (int i = 0; i < n; i++) {
            edge_own(b, es[i], s);
        }
        st.stack[s].owned = true;
        st.stack[s].home = -1;
    }
    /* Constants are made anew where each edge needs them, so "same" must also
     * hold across two Const instructions of one object. */
    for (int s = 0; s < ns; s++) {
        bool same = true;
        for (int i = 0; i < n; i++) {
            args[i] = es[i]->st.stack[s].v;
            same = same && hir_root(args[i]) == hir_root(args[0]);
        }
        if (!same) {
            st.stack[s].v = new_phi(b, blk, n, args);
            st.stack[s].v->aux = st.stack[s].owned ? HIR_PHI_OWNED : 0; /* edge_own above */
        } else {
            bool equal = true;
            for (int i = 1; i < n; i++) {
                equal = equal && args[i] == args[0];
            }
            st.stack[s].v = equal ? args[0] : hir_root(args[0]);
        }
    }
    for (int l = 0; l < b->nlocals; l++) {
        bool same = true, equal = true;
        for (int i = 0; i < n; i++) {
            args[i] = es[i]->st.locals[l];
            same = same && hir_root(args[i]) == hir_root(args[0]);
            equal = equal && args[i] == args[0];
        }
        bool ours = st.held && merge_holders(b, es, n, l, same, &st.held[l]);
        if (equal) {
            st.locals[l] = args[0];
        } else if (same) {
            st.locals[l] = hir_root(args[0]);
        } else {
            st.locals[l] = new_phi(b, blk, n, args);
            st.locals[l]->aux = !st.held ? HIR_PHI_LOCAL(l) : ours ? HIR_PHI_OWNED : 0;
        }
    }
    for (int i = 0; i < n; i++) {
        close_edge(b, es[i], blk, bci, false);
    }
    b->cur = blk;
    b->st = st;
}

/* A loop header: a block of its own with phis for what the loop assigns, after
 * a preheader whose Jump carries the state at the loop's entry. */
static void open_loop(Builder *b, BBlock *bb, int32_t bci)
{
    Edge pre = {b->cur, b->st, NULL};
    /* Stack entries live across the loop are owned: the loop may change any home. */
    for (int s = 0; s < pre.st.nstack; s++) {
        if (pre.st.stack[s].home >= 0) {
            edge_own(b, &pre, s);
        }
    }
    HirBlock *blk = hir_block_new(b->f, bci);
    blk->loop_header = true;
    State st = hb_state_copy(b, &pre.st);
    bb->phis = arena_array(b->a, HirIns *, (size_t)b->nlocals + 1);
    for (int l = 0; l < b->nlocals; l++) {
        if (bitset_has(&bb->assigned, (uint32_t)l)) {
            HirIns *arg = st.locals[l];
            HirIns *phi = new_phi(b, blk, 1, &arg);
            phi->aux = HIR_PHI_LOCAL(l);
            phi->type = HIR_T_ANY | (arg->type & HIR_T_NULL);
            if (bitset_has(&bb->cleared, (uint32_t)l)) {
                phi->type |= HIR_T_NULL;
            }
            bb->phis[l] = phi;
            st.locals[l] = phi;
        }
    }
    /* Entered in the middle of a nest (OSR), the loop also runs the outer ones,
     * which put new iterators where the inner ones were. */
    bb->stack_phis = arena_array(b->a, HirIns *, (size_t)st.nstack + 1);
    for (int s = bb->min_depth; s < st.nstack; s++) {
        edge_own(b, &pre, s);
        HirIns *arg = pre.st.stack[s].v;
        HirIns *phi = new_phi(b, blk, 1, &arg);
        phi->aux = HIR_PHI_OWNED;
        phi->type = HIR_T_ANY | (arg->type & HIR_T_NULL);
        PyObject *seen = hb_observed(b, arg);
        if (seen) {
            hb_observe(b, phi, seen);
        }
        phi->aux = HIR_PHI_OWNED;
        bb->stack_phis[s] = phi;
        st.stack[s] = (Entry){phi, true, -1};
    }
    close_edge(b, &pre, blk, bci, true);
    bb->hb = blk;
    bb->entry = hb_state_copy(b, &st);
    b->cur = blk;
    b->st = st;
}

static void phi_add(Builder *b, HirIns *phi, HirIns *v)
{
    HirIns **args = arena_array(b->f->arena, HirIns *, (size_t)phi->nargs + 1);
    memcpy(args, phi->args, phi->nargs * sizeof(HirIns *));
    args[phi->nargs++] = v;
    phi->args = args;
}

static void back_edge(Builder *b, BBlock *bb)
{
    if (b->st.nstack != bb->entry.nstack) {
        hb_stop(b, "stack depths differ at a loop");
        return;
    }
    Edge e = {b->cur, b->st, NULL};
    for (int s = 0; s < b->st.nstack; s++) {
        Entry *h = &bb->entry.stack[s];
        if (bb->stack_phis[s]) {
            if (b->st.stack[s].v->type & ~h->v->type) {
                hb_stop(b, "loop changes the value stack"); /* NULL where an object was */
                return;
            }
            edge_own(b, &e, s);
            continue;
        }
        if (hir_root(h->v) != hir_root(b->st.stack[s].v) &&
            !(h->v->op == HIR_Const && b->st.stack[s].v->op == HIR_Const &&
              h->v->imm.p == b->st.stack[s].v->imm.p)) {
            hb_stop(b, "loop changes the value stack");
            return;
        }
        if (h->owned) {
            edge_own(b, &e, s);
        } else if (b->st.stack[s].owned) {
            hb_stop(b, "loop changes the value stack");
            return;
        }
    }
    close_edge(b, &e, bb->hb, bb->hb->bci, false);
    for (int s = 0; s < bb->entry.nstack; s++) {
        if (bb->stack_phis[s]) {
            phi_add(b, bb->stack_phis[s], e.st.stack[s].v);
        }
    }
    for (int l = 0; l < b->nlocals; l++) {
        if (bb->phis[l]) {
            phi_add(b, bb->phis[l], b->st.locals[l]);
        } else if (hir_root(bb->entry.locals[l]) != hir_root(b->st.locals[l])) {
            hb_stop(b, "irregular loop");
            return;
        }
    }
    b->cur = NULL;
}

void hb_goto(Builder *b, int32_t bci)
{
    if (b->trap) {
        b->cur = NULL; /* this instruction goes */
        return;
    }
    int32_t idx = hb_instruction_at(b, bci);
    BBlock *bb = idx >= 0 ? hb_block_at(b, idx) : NULL;
    if (!bb) {
        hb_stop(b, "malformed bytecode");
        b->cur = NULL;
        return;
    }
    if (bb->hb) {
        back_edge(b, bb);
        b->cur = NULL;
        return;
    }
    Edge *e = arena_new(b->a, Edge);
    e->from = b->cur;
    e->st = hb_state_copy(b, &b->st);
    if (bb->last_edge) {
        bb->last_edge->next = e;
    } else {
        bb->edges = e;
    }
    bb->last_edge = e;
    b->cur = NULL;
}

/* --- driver ------------------------------------------------------------------------------ */

static void build_block(Builder *b, BBlock *bb)
{
    if (!bb->edges) {
        return; /* every way here ended in an exit */
    }
    int32_t bci = b->code.ins[bb->first].start;
    b->bb = bb;
    b->in = NULL;
    b->locals_snap = NULL;
    b->fs_cache = NULL;
    merge_edges(b, bb, bci);
    if (b->reason) {
        return;
    }
    if (bb->behind) {
        b->in = &b->code.ins[bb->first];
        b->resume = bci;
        hb_deopt(b);
        return;
    }
    if (bb->header) {
        open_loop(b, bb, bci);
    }
    b->locals_snap = NULL;
    b->fs_cache = NULL;
    for (int32_t i = bb->first; i <= bb->last && b->cur && !b->reason; i++) {
        b->in = &b->code.ins[i];
        if (b->in == b->built || (bb->unpacked && i == bb->first)) {
            continue;
        }
        b->resume = b->call_start >= 0 ? b->call_start : b->in->start;
        if (b->caller) {
            hb_inlined_instruction(b, bb->rpo != 0);
        } else {
            hb_instruction(b);
        }
    }
    if (b->cur && !b->reason) {
        hb_goto(b, b->code.ins[bb->last].next);
    }
}

/* Entry of a unit that goes on behind a yield.  What the value stack holds there was put there by
 * the same bytecode each time, so the types seen now are a good bet; the value that was sent, on top, is
 * None unless somebody sends.  Only what calls leave on the stack may be NULL at one time and not
 * at another. */
static void enter_resumed(Builder *b)
{
    for (int k = 0; k < b->st.nstack; k++) {
        PyObject *o = hb_observed(b, b->st.stack[k].v);
        HirType t = o ? hir_type_of_object(o) : HIR_T_NULL;
        bool sent = k + 1 == b->st.nstack;
        if (sent) {
            b->st.stack[k].v->type = HIR_T_ANY;
        }
        if (t != HIR_T_NULL && t != HIR_T_OTHER && hb_speculate(b) && (!sent || t == HIR_T_NONE)) {
            hb_guard_type(b, b->st.stack[k].v, t);
        } else if (t != HIR_T_NULL) {
            hb_not_null(b, b->st.stack[k].v);
        }
    }
}

static void enter(Builder *b)
{
    HirFunc *f = b->f;
    HirBlock *blk = hir_block_new(f, b->f->entry_bci);
    f->entry = blk;
    b->cur = blk;
    b->in = NULL;
    b->resume = f->entry_bci;
    int nl = f->nlocals;
    b->st.locals = arena_array(b->a, HirIns *, (size_t)nl + 1);
    b->st.stack = arena_array(b->a, Entry, hb_stack_size(b->co));
    b->st.nstack = 0;
    int nargs = b->co->co_argcount + b->co->co_kwonlyargcount + !!(b->co->co_flags & CO_VARARGS) +
                !!(b->co->co_flags & CO_VARKEYWORDS);
    /* One null reference for the whole function, so that states compare equal. */
    b->null = hb_const(b, NULL);
    for (int i = 0; i < nl; i++) {
        if (f->entry_bci == 0 && i >= nargs) {
            b->st.locals[i] = b->null;
            continue;
        }
        HirIns *v = hb_emit0(b, HIR_LoadLocal);
        v->aux = (uint32_t)i;
        if (f->entry_bci == 0) {
            v->type = HIR_T_ANY;
        }
        b->st.locals[i] = v;
        if (b->opts->locals && b->opts->locals[i]) {
            hb_observe(b, v, b->opts->locals[i]);
        }
    }
    for (uint32_t k = 0; k < f->entry_nstack; k++) {
        HirIns *v = hb_emit0(b, HIR_LoadStack);
        v->aux = k;
        hb_push(b, v, true);
        if ((int)k >= b->opts->osr_nknown && b->opts->osr_stack) {
            v->type = HIR_T_ANY;
        } else if (b->opts->osr_stack && b->opts->osr_stack[k]) {
            hb_observe(b, v, b->opts->osr_stack[k]);
        }
    }
    b->locals_snap = NULL;
    b->fs_cache = NULL;
    hb_enter_pairs(b);
    if (f->entry_bci != 0 && b->co->co_flags & PY311_CO_GENERATOR_LIKE) {
        enter_resumed(b);
    } else if (f->entry_bci != 0) {
        /* At a loop header the observed types of what the loop iterates over are a good bet:
         * failing here costs nothing, tier 0 just goes on. */
        for (int k = 0; k < b->st.nstack; k++) {
            PyObject *o = hb_observed(b, b->st.stack[k].v);
            if (!o) {
                if (b->opts->osr_stack && k < b->opts->osr_nknown) {
                    b->st.stack[k].v->type = HIR_T_NULL;
                }
                continue;
            }
            b->st.stack[k].v->type = HIR_T_ANY;
            HirType t = hir_type_of_object(o);
            if (!b->opts->generic && t != HIR_T_OTHER) {
                hb_guard_type(b, b->st.stack[k].v, t);
            }
        }
        /* So are those of locals: a loop variable that is known to be a number is dropped
         * without running code, which lets the whole loop go without its home. */
        for (int i = 0; i < nl; i++) {
            PyObject *o = b->opts->locals ? b->opts->locals[i] : NULL;
            HirType t = o ? hir_type_of_object(o) : 0;
            if (t && hir_type_leaf(t) && hb_speculate(b)) {
                hb_guard_type(b, b->st.locals[i], t);
            }
        }
    }
}

bool hb_build_body(Builder *b, int32_t entry)
{
    int32_t idx = hb_instruction_at(b, entry);
    if (idx < 0) {
        hb_stop(b, "malformed bytecode");
        return false;
    }
    hb_find_blocks(b, idx);
    if (!b->reason && !b->caller && b->depth[entry] != b->f->entry_nstack) {
        hb_stop(b, "malformed bytecode");
    }
    if (!b->reason) {
        if (!b->caller) {
            enter(b);
        }
        hb_goto(b, entry);
    }
    for (int i = 0; i < b->nrpo && !b->reason; i++) {
        build_block(b, b->rpo[i]);
    }
    return !b->reason;
}

HirFunc *hir_build(Arena *a, CodeUnit *unit, PyCodeObject *co, int32_t entry_bci,
                   const HirBuildOptions *opts, const char **reason)
{
    Builder builder = {.a = opts->scratch != NULL ? opts->scratch : a,
                       .unit = unit,
                       .co = co,
                       .opts = opts,
                       .call_start = -1};
    Builder *b = &builder;
    fb_decode(b->a, co, &b->code);
    if (b->code.n > HB_MAX_INSTRUCTIONS) {
        *reason = "too large";
        return NULL;
    }
    HirFunc *f = hir_func_new(a, PyUnicode_AsUTF8(co->co_qualname));
    b->f = f;
    f->unit = unit;
    f->code = co;
    f->entry_bci = entry_bci;
    f->nospec = opts->nospec;
    f->generic = opts->generic;
    f->globals = opts->globals;
    f->builtins = opts->builtins;
    f->nlocals = b->nlocals = (uint16_t)co->co_nlocalsplus;
    if (entry_bci != 0) {
        f->entry_nstack = (uint16_t)opts->osr_nstack;
    }
    if (!hb_build_body(b, entry_bci)) {
        *reason = b->reason;
        return NULL;
    }
    if (unit && !hb_hold(f)) {
        *reason = "out of memory";
        return NULL;
    }
    hir_analyze(f);
    return f;
}
