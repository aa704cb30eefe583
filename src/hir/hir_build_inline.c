/* Builder, inlining: the body of a small Python function in place of its call.
 *
 * A nested builder goes over the callee's bytecode and emits into the caller's function. Its locals
 * are SSA values only; its frame states list them all, under the caller's state at the call, so
 * that an exit can make the frame that was never pushed (src/hir/README.md).
 *
 * Only leaf calls are inlined: nothing in the body may run Python code, so nobody can look for the
 * missing frame, and no memory changes but by the body's own stores. Those drop only what is known to
 * run no code then: old values of leaf types, and of any type while somebody else holds them too. So
 * what the body loads needs no reference until it stores (HB_HEAP), and arguments are lent by the
 * caller's stack entries and homes.
 *
 * An instruction that does not fit ends the attempt if every call would come to it; on a way that only
 * some calls go, it is where they leave for tier 0. If many do, the site is marked as for any guard,
 * and the function compiled anew, without that call inlined.
 *
 * A level of recursion that is not entered has to be there all the same (GuardRecursion). */
#include "hir_build_priv.h"

#include "py311_opcodes.h"

enum {
    HB_INLINE_UNITS = 200,  /* code units of one callee: some 50 instructions */
    HB_INLINE_TOTAL = 2000, /* ... of all that goes into one function: bounds code size */
    HB_INLINE_DEPTH = 4,    /* calls within calls */
    HB_DISOWN_WINDOW = 64,  /* instructions looked back for the Incref of an operand */
};

HbMark hb_mark(Builder *b)
{
    return (HbMark){b->cur, b->f->last_block, b->cur->last, hb_state_copy(b, &b->st), b->held};
}

void hb_undo(Builder *b, const HbMark *m)
{
    HirBlock *blk = b->cur = m->cur;
    if (m->last) {
        m->last->next = NULL;
    } else {
        blk->first = NULL;
    }
    blk->last = m->last;
    blk->nsucc = 0;
    blk->succ[0] = blk->succ[1] = NULL;
    b->f->last_block = m->last_block;
    m->last_block->next = NULL;
    b->st = m->st;
    b->held = m->held;
    b->locals_snap = NULL;
    b->fs_cache = NULL;
}

/* --- the body ----------------------------------------------------------------------------- */

static bool is_store(const HirIns *i)
{
    return i->op == HIR_StoreInlineValue || i->op == HIR_StoreSlot || i->op == HIR_ListStore;
}

void hb_check_leaf(Builder *b, const HirIns *i)
{
    /* What a store replaces is only written into it once it is made. */
    if (!is_store(i) && hir_is(i, HIR_F_ARB)) {
        b->trap = true;
    }
}

void hb_inlined_instruction(Builder *b, bool conditional)
{
    HbMark m = hb_mark(b);
    hb_instruction(b);
    for (const HirIns *i = m.last ? m.last->next : m.cur->first; i && !b->trap; i = i->next) {
        b->trap = is_store(i) && hir_is(i, HIR_F_ARB);
    }
    if (!b->trap) {
        return;
    }
    b->trap = false;
    hb_undo(b, &m);
    if (!conditional || !hb_speculate(b)) {
        hb_stop(b, "not a leaf");
    } else {
        hb_deopt(b);
    }
    /* This way ends here, perhaps in the middle of a call; the blocks to come begin none. */
    hb_end_call(b);
}

void hb_inlined_return(Builder *b)
{
    Edge *e = arena_new(b->a, Edge);
    e->from = b->cur;
    e->st = hb_state_copy(b, &b->st);
    e->next = b->returns;
    b->returns = e;
    b->cur = NULL;
}

void hb_own_loaded(Builder *b)
{
    for (int k = 0; k < b->st.nstack; k++) {
        if (!b->st.stack[k].owned && b->st.stack[k].home == HB_HEAP) {
            hb_own(b, &b->st.stack[k]);
        }
    }
    for (int i = 0; i < b->nlocals; i++) {
        if (b->st.held[i] == HB_MEMORY) {
            hb_emit1(b, HIR_Incref, b->st.locals[i]);
            b->st.held[i] = HB_OURS;
            hb_set_local(b, i, b->st.locals[i]);
        }
    }
}

void hb_set_inlined_local(Builder *b, int i, Entry e)
{
    hb_detach_local(b, i);
    HirIns *old = b->st.locals[i];
    bool ours = b->st.held[i] == HB_OURS;
    b->st.held[i] = e.owned ? HB_OURS : e.home == HB_HEAP ? HB_MEMORY : HB_LENT;
    hb_set_local(b, i, e.v);
    if (ours && old->type != HIR_T_NULL) {
        hb_emit1(b, HIR_Decref, old);
    }
}

/* bool() of objects of these types runs no Python code (see hir_effects.c). */
HirIns *hb_guard_truth(Builder *b, HirIns *v)
{
    PyObject *seen = hb_observed(b, v);
    HirType t = seen ? hir_type_of_object(seen) : HIR_T_OTHER;
    if (t == HIR_T_OTHER || !(v->type & t)) {
        return v;
    }
    return hb_guard_type(b, v, t);
}

int64_t hb_guard_old(Builder *b, HirIns *load, PyObject *seen)
{
    HirType t = seen ? hir_type_of_object(seen) : HIR_T_OTHER;
    if (hir_type_leaf(t)) {
        hb_guard_type(b, load, t);
        return t;
    }
    hb_emit1(b, HIR_GuardShared, load);
    return HIR_OLD_SHARED;
}

/* --- the caller's side ------------------------------------------------------------------------ */

/* Whether memory holds the value as long as nothing is stored. */
static bool from_memory(const HirIns *v)
{
    switch (v->op) {
    case HIR_Const:
    case HIR_LoadInlineValue:
    case HIR_LoadSlot:
    case HIR_LoadDictHint:
    case HIR_LoadModuleAttr:
    case HIR_LoadGlobalModule:
    case HIR_LoadGlobalBuiltin:
    case HIR_LoadCell:
    case HIR_ListItem: return true;
    default: return false;
    }
}

/* Whether the instruction neither frees anything nor changes what memory holds. */
static bool keeps_memory(const HirIns *i)
{
    switch (i->op) {
    case HIR_Incref:
    case HIR_GuardTrue:
    case HIR_GuardFalse:
    case HIR_GuardShared:
    case HIR_GuardRecursion: return true;
    default: return !hir_is(i, HIR_F_ARB | HIR_F_WRITE);
    }
}

/* Takes an operand's reference back if it was made in this block from memory that still holds the
 * value; it is then as if it had just been loaded by inlined code. */
static void disown(Builder *b, int depth)
{
    Entry *e = hb_peek(b, depth);
    uint32_t at = (uint32_t)(b->st.nstack - depth);
    HirIns *root = hir_root(e->v), *inc = NULL;
    if (!e->owned || !from_memory(root)) {
        return;
    }
    uint32_t n = 0;
    for (HirIns *i = b->cur->last; i && !inc; i = i->prev) {
        if (i->op == HIR_Incref && hir_root(i->args[0]) == root && !i->aux) {
            inc = i;
        } else if (++n > HB_DISOWN_WINDOW || !keeps_memory(i)) {
            return;
        }
    }
    for (HirIns *i = inc ? inc->next : NULL; i; i = i->next) {
        const HirFrameState *fs = i->fs;
        if (fs &&
            (fs->parent || fs->nstack <= at || !fs->owned[at] || hir_root(fs->stack[at]) != root)) {
            return; /* an earlier use of the value */
        }
    }
    if (!inc) {
        return;
    }
    for (HirIns *i = inc->next; i; i = i->next) {
        if (i->fs) {
            i->fs->owned[at] = 0;
        }
    }
    hir_remove(inc);
    e->owned = false;
    e->home = HB_HEAP;
    b->fs_cache = NULL;
}

/* What speaks against inlining is found in the bytecode; `stores` tells whether it has stores, `about` what else
 * is known of the function. */
static bool eligible(Builder *b, PyCodeObject *co, HirInlinee *about, bool *stores)
{
    if (!b->opts->inlinee || b->level >= HB_INLINE_DEPTH || Py_SIZE(co) > HB_INLINE_UNITS ||
        b->f->inlined_units + Py_SIZE(co) > HB_INLINE_TOTAL || co->co_ncellvars ||
        co->co_nfreevars) {
        return false;
    }
    for (const Builder *c = b; c; c = c->caller) {
        if (c->co == co) {
            return false; /* recursion */
        }
    }
    *about = b->opts->inlinee(co);
    if (about->generic) {
        return false;
    }
    *stores = false;
    for (Py311Ins ins = {.next = 0}; py311_decode(co, ins.next, &ins);) {
        if (py311_is_backward_jump(ins.op)) {
            return false;
        }
        *stores = *stores || ins.op == PY311_STORE_ATTR || ins.op == PY311_STORE_SUBSCR;
    }
    return true;
}

static void set_locals(Builder *in, Builder *b, const HbCall *c)
{
    PyCodeObject *co = in->co;
    in->st.locals = arena_array(in->a, HirIns *, (size_t)in->nlocals + 1);
    in->st.held = arena_array(in->a, uint8_t, (size_t)in->nlocals + 1);
    in->st.stack = arena_array(in->a, Entry, hb_stack_size(co));
    for (int i = 0; i < in->nlocals; i++) {
        in->st.locals[i] = b->null;
        if (i >= co->co_argcount + co->co_kwonlyargcount) {
            continue;
        }
        if (c->from[i] < 0) {
            in->st.locals[i] = hb_default_of(b, c->f, c->func, i);
            in->st.held[i] = HB_MEMORY;
            continue;
        }
        Entry *e = hb_peek(b, c->given - c->from[i]);
        in->st.locals[i] = e->v;
        in->st.held[i] = e->owned ? HB_OURS : e->home == HB_HEAP ? HB_MEMORY : HB_LENT;
    }
}

/* Whether the caller can have the result of a return without a reference of its own. */
static bool lent_result(const Builder *b, const Entry *r)
{
    return !r->owned && (r->home == -1 || (r->home == HB_HEAP && b->caller));
}

/* The end of one return: the result's reference, then the locals go as when a frame is cleared. */
static void leave_body(Builder *b, Builder *in, Edge *e, bool lent)
{
    Entry *r = &e->st.stack[0];
    b->cur = e->from;
    if (!lent && !r->owned) {
        if (r->home >= 0 && e->st.held[r->home] == HB_OURS && e->st.locals[r->home] == r->v) {
            e->st.held[r->home] = HB_LENT; /* the local's reference becomes the result's */
        } else if (r->v->type != HIR_T_NULL) {
            hb_emit1(b, HIR_Incref, r->v);
        }
    }
    for (int i = 0; i < in->nlocals; i++) {
        if (e->st.held[i] == HB_OURS && e->st.locals[i]->type != HIR_T_NULL) {
            hb_emit1(b, HIR_Decref, e->st.locals[i]);
        }
    }
    e->from = b->cur;
}

/* One way out of all returns; gives the result. */
static Entry merge_returns(Builder *b, Builder *in)
{
    uint32_t n = 0;
    bool lent = true;
    int16_t home = -1;
    for (Edge *e = in->returns; e; e = e->next, n++) {
        const Entry *r = &e->st.stack[0];
        lent = lent && lent_result(b, r);
        home = r->home == HB_HEAP ? HB_HEAP : home;
    }
    HirIns **args = arena_array(b->a, HirIns *, n);
    HirBlock **ends = arena_array(b->a, HirBlock *, n);
    uint32_t k = 0;
    for (Edge *e = in->returns; e; e = e->next) {
        leave_body(b, in, e, lent);
        ends[k] = e->from;
        args[k++] = e->st.stack[0].v;
    }
    Entry result = {args[0], !lent, lent ? home : -1};
    b->cur = in->returns->from;
    if (n == 1) {
        return result;
    }
    result.v = hb_join(b, ends, args, n, !lent);
    return result;
}

/* The new object stays, and the call's operands go in ceval's order. */
static void finish_init(Builder *b, int nargs)
{
    Entry e[HIR_INIT_ARGS + 1];
    hb_pop_drop(b, 1); /* the function */
    for (int i = nargs; i >= 0; i--) {
        e[i] = hb_pop(b);
    }
    for (int i = 0; i <= nargs; i++) {
        hb_drop(b, e[i]);
    }
}

bool hb_inline_init(Builder *b, PyTypeObject *tp, HirIns *cls, PyFunctionObject *func, HirIns *f,
                    int nargs, const int *from)
{
    PyCodeObject *co = (PyCodeObject *)func->func_code;
    if (nargs > HIR_INIT_ARGS || tp->tp_alloc != PyType_GenericAlloc) {
        return false; /* others than that may run Python code */
    }
    HbMark m = hb_mark(b);
    f = hb_guard(b, HIR_GuardFuncCode, f, 0, co);
    f->type = HIR_T_FUNCTION;
    hb_emit0(b, HIR_GuardRecursion)->aux = (uint32_t)b->level + 1; /* type.__call__ counts, too */
    HirIns *self = hb_emit1(b, HIR_NewInstanceHeld, cls);
    self->imm.p = tp;
    b->held = true;
    if (!b->caller) {
        hb_emit1(b, HIR_Incref, f);
    }
    *hb_peek(b, nargs + 2) = (Entry){self, true, -1}; /* where the NULL was */
    int nparams = co->co_argcount + co->co_kwonlyargcount;
    int *map = arena_array(b->a, int, (size_t)nparams);
    for (int i = 1; i < nparams; i++) {
        map[i] = from[i - 1] < 0 ? -1 : from[i - 1] + 1;
    }
    hb_push_entry(b, f, !b->caller, b->caller ? HB_HEAP : -1);
    hb_push_entry(b, self, false, -1);
    for (int i = 0; i < nargs; i++) {
        hb_push_entry(b, hb_peek(b, nargs + 2)->v, false, -1);
    }
    HbCall call = {.func = func,
                   .f = f,
                   .shape = (uint8_t)(HIR_CALL_INIT + nargs),
                   .given = nargs + 1,
                   .from = map,
                   .prepared = true};
    if (hb_inline(b, &call)) {
        return true;
    }
    hb_undo(b, &m);
    return false;
}

bool hb_inline_getter(Builder *b, PyObject *property)
{
    PyObject *getter = ((Py311Property *)property)->prop_get;
    PyCodeObject *co = getter && Py_IS_TYPE(getter, &PyFunction_Type)
                           ? (PyCodeObject *)((PyFunctionObject *)getter)->func_code
                           : NULL;
    if (!co || !py311_plain_function(co) || co->co_argcount != 1) {
        return false;
    }
    HirIns *descr = hb_emit0(b, HIR_Const);
    descr->imm.p = property;
    descr->aux = HIR_CONST_BORROWED;
    descr->type = HIR_T_OTHER;
    /* property.__init__ may be called again: the getter is what is there then. */
    HirIns *f = hb_emit1(b, HIR_LoadSlot, descr);
    f->aux = offsetof(Py311Property, prop_get);
    f = hb_guard(b, HIR_GuardFuncCode, f, 0, co);
    f->type = HIR_T_FUNCTION;
    hb_emit0(b, HIR_GuardRecursion)->aux = (uint32_t)b->level;
    if (!b->caller) {
        hb_emit1(b, HIR_Incref, f);
    }
    HirIns *self = hb_peek(b, 1)->v;
    hb_push_entry(b, f, !b->caller, b->caller ? HB_HEAP : -1);
    hb_push_entry(b, self, false, -1); /* lent by the entry below */
    static const int from[] = {0};
    HbCall call = {.func = (PyFunctionObject *)getter,
                   .f = f,
                   .shape = HIR_CALL_GETTER,
                   .given = 1,
                   .from = from,
                   .prepared = true};
    PyObject *name = PyTuple_GET_ITEM(b->co->co_names, b->in->arg);
    return hb_inline(b, &call) && rt_unit_getter(b->unit, b->co, b->in->start, name) == 0;
}

bool hb_inline(Builder *b, const HbCall *c)
{
    PyCodeObject *co = (PyCodeObject *)c->func->func_code;
    HirInlinee about;
    bool stores;
    if (!eligible(b, co, &about, &stores)) {
        return false;
    }
    if (b->caller && stores) {
        hb_own_loaded(b);
    }
    int callee = c->given + 1;
    for (int d = callee; d >= 1 && !b->caller; d--) {
        disown(b, d);
    }
    HbMark m = hb_mark(b);
    if (!c->prepared) {
        hb_emit0(b, HIR_GuardRecursion)->aux = (uint32_t)b->level;
    }
    HirBuildOptions opts = {.globals = c->func->func_globals,
                            .builtins = c->func->func_builtins,
                            .func = c->func,
                            .nospec = about.nospec,
                            .seen = b->opts->seen,
                            .inlinee = b->opts->inlinee};
    Builder in = {.a = b->a,
                  .f = b->f,
                  .unit = b->unit,
                  .co = co,
                  .opts = &opts,
                  .nlocals = co->co_nlocalsplus,
                  .call_start = -1,
                  .null = b->null,
                  .caller = b,
                  .func = c->f,
                  .fresh = c->shape >= HIR_CALL_INIT ? hb_peek(b, c->given)->v : NULL,
                  .level = b->level + 1 + (c->shape >= HIR_CALL_INIT)};
    set_locals(&in, b, c);
    for (int k = 0; k < c->given; k++) {
        hb_pop(b);
    }
    in.parent = hir_fs_copy(b->f, hb_fs(b, b->in->start));
    in.parent->call = c->shape;
    in.cur = b->cur;
    in.observed = b->observed;
    in.observed_cap = b->observed_cap;
    uint32_t units = b->f->inlined_units, ninlined = b->f->ninlined;
    b->f->inlined_units += (uint32_t)Py_SIZE(co);
    b->f->ninlined++;
    fb_decode(b->a, co, &in.code);
    bool fits = hb_build_body(&in, 0) && in.returns;
    for (const Edge *e = c->shape >= HIR_CALL_INIT && fits ? in.returns : NULL; e; e = e->next) {
        const HirIns *r = e->st.stack[0].v;
        fits = fits && r->op == HIR_Const && r->imm.p == Py_None;
    }
    b->observed = in.observed;
    b->observed_cap = in.observed_cap;
    if (!fits) {
        hb_undo(b, &m);
        b->f->inlined_units = units;
        b->f->ninlined = ninlined;
        for (int d = callee; d >= 1 && !b->caller; d--) {
            if (hb_peek(b, d)->home == HB_HEAP) {
                hb_own(b, hb_peek(b, d));
            }
        }
        return false;
    }
    Entry result = merge_returns(b, &in);
    b->fs_cache = NULL;
    if (c->shape >= HIR_CALL_INIT) {
        finish_init(b, c->shape - HIR_CALL_INIT);
    } else {
        hb_pop_drop(b, c->shape == HIR_CALL_METHOD ? 1 : 2);
        hb_push_entry(b, result.v, result.owned, result.home);
    }
    b->held = b->held || in.held;
    if (b->held && !b->caller) {
        hb_emit0(b, HIR_GcPoll);
        b->held = false;
    }
    return true;
}
