/* Builder, opcodes: what each bytecode instruction does to the abstract state.
 *
 * The order inside a handler mirrors ceval.c: everything that may fail runs
 * while the operands are still on the stack (so that a frame state taken there
 * names them), then they are popped and dropped in CPython's order.  A handler
 * never emits a guard after its first side effect. */
#include "hir_build_priv.h"

#include "py311_opcodes.h"

void hb_drop_operands(Builder *b, int n)
{
    Entry e[4];
    for (int i = n - 1; i >= 0; i--) {
        e[i] = hb_pop(b);
    }
    for (int i = 0; i < n; i++) {
        hb_drop(b, e[i]);
    }
}

void hb_replace_operands(Builder *b, int n, HirIns *result, bool owned)
{
    hb_drop_operands(b, n);
    hb_push(b, result, owned);
}

void hb_replace_loaded(Builder *b, int n, HirIns *v)
{
    bool lent =
        b->caller != NULL; /* memory keeps it, unless an operand is dropped that may have held it */
    for (int i = 1; i <= n; i++) {
        lent = lent && (!hb_peek(b, i)->owned || hir_type_leaf(hb_peek(b, i)->v->type));
    }
    if (!lent) {
        hb_emit1(b, HIR_Incref, v);
        hb_replace_operands(b, n, v, true);
        return;
    }
    hb_drop_operands(b, n);
    hb_push_loaded(b, v);
}

static PyObject *name_of(Builder *b, int i)
{
    return PyTuple_GET_ITEM(b->co->co_names, i);
}

/* --- locals, constants, stack shuffling ------------------------------------------ */

static void load_fast(Builder *b, int i)
{
    HirIns *v = b->st.locals[i];
    if (v->type == HIR_T_NULL) {
        hb_deopt(b); /* tier 0 raises UnboundLocalError */
        return;
    }
    v = hb_not_null(b, v);
    hb_push_home(b, v, i);
}

static void store_local(Builder *b, int i, HirIns *v)
{
    BASE_CHECK(!b->caller); /* no home */
    HirIns *old = b->st.locals[i];
    HirIns *s = hb_emit2(b, HIR_StoreLocal, v, old);
    s->aux = (uint32_t)i;
    hb_set_local(b, i, v);
}

static void store_fast(Builder *b, int i)
{
    if (b->caller) {
        if (hb_peek(b, 1)->home >= 0) {
            hb_own(b, hb_peek(b, 1));
        }
        hb_set_inlined_local(b, i, hb_pop(b));
        return;
    }
    hb_own(b, hb_peek(b, 1));
    Entry e = hb_pop(b);
    hb_detach_local(b, i);
    store_local(b, i, e.v);
}

static void delete_fast(Builder *b, int i)
{
    if (b->st.locals[i]->type == HIR_T_NULL) {
        hb_deopt(b);
        return;
    }
    hb_not_null(b, b->st.locals[i]);
    if (b->caller) {
        hb_set_inlined_local(b, i, (Entry){hb_null(b), false, -1});
        return;
    }
    hb_detach_local(b, i);
    store_local(b, i, hb_null(b));
}

static void reload_local(Builder *b, int i, HirType type)
{
    HirIns *v = hb_emit0(b, HIR_LoadLocal);
    v->aux = (uint32_t)i;
    v->type = type;
    hb_set_local(b, i, v);
}

static void copy_free_vars(Builder *b, int n)
{
    HirIns *i = hb_emit0(b, HIR_CopyFreeVars);
    i->aux = (uint32_t)n;
    for (int k = b->nlocals - n; k < b->nlocals; k++) {
        reload_local(b, k, HIR_T_CELL);
    }
}

static void make_cell(Builder *b, int i)
{
    hb_detach_local(b, i);
    HirIns *m = hb_emit0(b, HIR_MakeCell);
    m->aux = (uint32_t)i;
    reload_local(b, i, HIR_T_CELL);
}

static void copy(Builder *b, int n)
{
    Entry e = *hb_peek(b, n);
    if (!e.owned) {
        hb_push_home(b, e.v, e.home);
        return;
    }
    if (e.v->type != HIR_T_NULL) {
        hb_emit1(b, HIR_Incref, e.v);
    }
    hb_push(b, e.v, true);
}

static void swap(Builder *b, int n)
{
    Entry e = *hb_peek(b, 1);
    Entry below = *hb_peek(b, n);
    hb_pop(b);
    hb_push(b, below.v, below.owned);
    *hb_peek(b, 1) = below;
    *hb_peek(b, n) = e;
}

/* --- cells -------------------------------------------------------------------------- */

static HirIns *cell_of(Builder *b, int i)
{
    return b->st.locals[i];
}

static void load_deref(Builder *b, int i)
{
    HirIns *v = hb_emit1(b, HIR_LoadCell, cell_of(b, i));
    PyFunctionObject *func = b->opts->func;
    int nfree = b->co->co_nfreevars;
    if (func && func->func_closure && i >= b->nlocals - nfree) {
        PyObject *cell = PyTuple_GET_ITEM(func->func_closure, i - (b->nlocals - nfree));
        if (PyCell_GET(cell)) {
            hb_observe(b, v, PyCell_GET(cell));
        }
    }
    v = hb_not_null(b, v);
    hb_emit1(b, HIR_Incref, v);
    hb_push(b, v, true);
}

static void store_deref(Builder *b, int i)
{
    hb_own(b, hb_peek(b, 1));
    Entry e = hb_pop(b);
    hb_emit2(b, HIR_StoreCell, cell_of(b, i), e.v);
}

static void delete_deref(Builder *b, int i)
{
    HirIns *v = hb_emit1(b, HIR_LoadCell, cell_of(b, i));
    hb_not_null(b, v);
    hb_emit2(b, HIR_StoreCell, cell_of(b, i), hb_null(b));
}

/* --- operators ------------------------------------------------------------------------- */

static HirOp float_op(int nb)
{
    switch (nb) {
    case PY311_NB_ADD:
    case PY311_NB_INPLACE_ADD: return HIR_FAdd;
    case PY311_NB_SUBTRACT:
    case PY311_NB_INPLACE_SUBTRACT: return HIR_FSub;
    case PY311_NB_MULTIPLY:
    case PY311_NB_INPLACE_MULTIPLY: return HIR_FMul;
    default: return HIR_NOPS;
    }
}

static HirOp int_op(int nb)
{
    switch (nb) {
    case PY311_NB_ADD:
    case PY311_NB_INPLACE_ADD: return HIR_IAdd;
    case PY311_NB_SUBTRACT:
    case PY311_NB_INPLACE_SUBTRACT: return HIR_ISub;
    case PY311_NB_MULTIPLY:
    case PY311_NB_INPLACE_MULTIPLY: return HIR_IMul;
    default: return HIR_NOPS;
    }
}

static bool quick_float(int q)
{
    return q == PY311_BINARY_OP_ADD_FLOAT || q == PY311_BINARY_OP_SUBTRACT_FLOAT ||
           q == PY311_BINARY_OP_MULTIPLY_FLOAT;
}

static bool quick_int(int q)
{
    return q == PY311_BINARY_OP_ADD_INT || q == PY311_BINARY_OP_SUBTRACT_INT ||
           q == PY311_BINARY_OP_MULTIPLY_INT;
}

static bool is_one_type(const HirIns *v)
{
    return v->type && (v->type & (v->type - 1)) == 0;
}

HirType hb_seen_type(Builder *b, int k)
{
    HirIns *v = hb_peek(b, k)->v;
    PyTypeObject *types[2];
    if (is_one_type(v)) {
        return v->type;
    }
    if (b->opts->types && b->opts->types(b->co, b->in->bci, types)) {
        PyTypeObject *t = types[2 - k];
        return t ? hir_type_of_pytype(t) & v->type : v->type;
    }
    PyObject *o = hb_observed(b, v);
    return o ? hir_type_of_object(o) & v->type : v->type;
}

#define NUMBERS (HIR_T_INT | HIR_T_FLOAT)

void hb_note_types(Builder *b, HirType below, HirType top)
{
    HirIns *x = hb_peek(b, below ? 2 : 1)->v, *y = hb_peek(b, 1)->v;
    RtTypeSite *site = NULL;
    if (b->opts->type_site && !b->caller && hb_speculate(b) &&
        !(is_one_type(x) && is_one_type(y)) && !((x->type | y->type) & HIR_T_NULL) &&
        x->type & (below ? below : top) && y->type & top) {
        site = b->opts->type_site(b->co, b->in->bci);
    }
    if (site) {
        site->wanted[0] = below ? below : top;
        site->wanted[1] = top;
        hb_emit2(b, HIR_NoteTypes, x, y)->imm.p = site;
    }
}

static bool both(Builder *b, HirType t)
{
    return hb_seen_type(b, 2) == t && hb_seen_type(b, 1) == t;
}

/* Guards both operands of the top of the stack; false if that cannot hold. */
static bool guard_operands(Builder *b, HirType t, HirIns **x, HirIns **y)
{
    if (!(hb_peek(b, 2)->v->type & t) || !(hb_peek(b, 1)->v->type & t)) {
        return false;
    }
    hb_guard_type(b, hb_peek(b, 2)->v, t);
    hb_guard_type(b, hb_peek(b, 1)->v, t);
    *x = hb_peek(b, 2)->v;
    *y = hb_peek(b, 1)->v;
    return true;
}

static bool is_number(HirType t)
{
    return t == HIR_T_FLOAT || t == HIR_T_INT;
}

/* Guards each operand of the top of the stack to be the kind of number that was seen there. */
static void guard_numbers(Builder *b)
{
    HirType tx = hb_seen_type(b, 2), ty = hb_seen_type(b, 1);
    if (is_number(tx) && is_number(ty)) {
        hb_guard_type(b, hb_peek(b, 2)->v, tx);
        hb_guard_type(b, hb_peek(b, 1)->v, ty);
    }
}

/* s += t where s is a local about to be stored back: CPython resizes in place. */
static bool append_to_local(Builder *b)
{
    const FbIns *next = b->in + 1;
    if (b->caller || b->in->quick != PY311_BINARY_OP_INPLACE_ADD_UNICODE ||
        next->op != PY311_STORE_FAST) {
        return false;
    }
    int i = next->arg;
    HirIns *x, *y;
    if (hb_peek(b, 2)->owned || hb_peek(b, 2)->home != i || hb_peek(b, 2)->v != b->st.locals[i] ||
        !guard_operands(b, HIR_T_STR, &x, &y)) {
        return false;
    }
    /* The operand leaves the stack (it is the home's reference that is consumed);
     * other borrowers of the local get references of their own. */
    Entry rhs = hb_pop(b);
    hb_pop(b);
    hb_detach_local(b, i);
    hb_own(b, &rhs);
    hb_push(b, rhs.v, true);
    hb_set_local(b, i, hb_null(b));
    HirIns *r = hb_emit2(b, HIR_StrAppendLocal, x, y);
    r->aux = (uint32_t)i;
    hb_pop_drop(b, 1);
    hb_push(b, r, true);
    return true;
}

static void binary_op(Builder *b)
{
    int nb = b->in->arg;
    bool spec = hb_speculate(b);
    HirIns *x = hb_peek(b, 2)->v, *y = hb_peek(b, 1)->v;
    bool floats = both(b, HIR_T_FLOAT), ints = both(b, HIR_T_INT);
    if (spec && float_op(nb) != HIR_NOPS && (quick_float(b->in->quick) || floats) &&
        guard_operands(b, HIR_T_FLOAT, &x, &y)) {
        HirIns *fx = hb_unbox_float(b, x), *fy = hb_unbox_float(b, y);
        HirIns *r = hb_emit1(b, HIR_BoxFloat, hb_emit2(b, float_op(nb), fx, fy));
        hb_replace_operands(b, 2, r, true);
        return;
    }
    if (spec && int_op(nb) != HIR_NOPS && (quick_int(b->in->quick) || ints) &&
        guard_operands(b, HIR_T_INT, &x, &y)) {
        HirIns *ix = hb_unbox_int(b, x), *iy = hb_unbox_int(b, y);
        HirIns *r = hb_emit1(b, HIR_BoxInt, hb_emit2(b, int_op(nb), ix, iy));
        hb_replace_operands(b, 2, r, true);
        return;
    }
    if (spec && append_to_local(b)) {
        return;
    }
    if (spec &&
        (b->in->quick == PY311_BINARY_OP_ADD_UNICODE ||
         b->in->quick == PY311_BINARY_OP_INPLACE_ADD_UNICODE) &&
        guard_operands(b, HIR_T_STR, &x, &y)) {
        hb_replace_operands(b, 2, hb_emit2(b, HIR_StrConcat, x, y), true);
        return;
    }
    if (spec) {
        /* Division, power, shifts, mixed operands: typed ones let the passes pick the raw operation. */
        guard_numbers(b);
        hb_note_types(b, NUMBERS, NUMBERS);
    }
    HirIns *r = hb_emit2(b, HIR_BinaryOp, hb_peek(b, 2)->v, hb_peek(b, 1)->v);
    r->aux = (uint32_t)nb;
    hb_replace_operands(b, 2, hb_elide(b, r), true);
}

static void compare_op(Builder *b)
{
    int op = b->in->arg, q = b->in->quick;
    bool spec = hb_speculate(b);
    HirIns *x = hb_peek(b, 2)->v, *y = hb_peek(b, 1)->v;
    HirIns *c = NULL;
    if (spec && (q == PY311_COMPARE_OP_FLOAT_JUMP || both(b, HIR_T_FLOAT)) &&
        guard_operands(b, HIR_T_FLOAT, &x, &y)) {
        HirIns *fx = hb_unbox_float(b, x), *fy = hb_unbox_float(b, y);
        c = hb_emit2(b, HIR_FCmp, fx, fy);
        c->aux = (uint32_t)op;
    } else if (spec && (q == PY311_COMPARE_OP_INT_JUMP || both(b, HIR_T_INT)) &&
               guard_operands(b, HIR_T_INT, &x, &y)) {
        HirIns *ix = hb_unbox_int(b, x), *iy = hb_unbox_int(b, y);
        c = hb_emit2(b, HIR_ICmp, ix, iy);
        c->aux = (uint32_t)op;
    } else if (spec && (op == Py_EQ || op == Py_NE) &&
               (q == PY311_COMPARE_OP_STR_JUMP || both(b, HIR_T_STR)) &&
               guard_operands(b, HIR_T_STR, &x, &y)) {
        c = hb_emit2(b, HIR_StrEq, x, y);
        if (op == Py_NE) {
            c = hb_emit1(b, HIR_BNot, c);
        }
    }
    if (c) {
        hb_replace_operands(b, 2, hb_emit1(b, HIR_BoxBool, c), false);
        return;
    }
    if (spec) {
        guard_numbers(b);
        HirType compared = NUMBERS | (op == Py_EQ || op == Py_NE ? HIR_T_STR : 0);
        hb_note_types(b, compared, compared);
    }
    HirIns *r = hb_emit2(b, HIR_CompareOp, hb_peek(b, 2)->v, hb_peek(b, 1)->v);
    r->aux = (uint32_t)op;
    hb_replace_operands(b, 2, r, true);
}

static void push_bool(Builder *b, HirIns *cond, bool invert)
{
    if (invert) {
        cond = hb_emit1(b, HIR_BNot, cond);
    }
    hb_push(b, hb_emit1(b, HIR_BoxBool, cond), false);
}

static void is_op(Builder *b)
{
    HirIns *c = hb_emit2(b, HIR_Is, hb_peek(b, 2)->v, hb_peek(b, 1)->v);
    hb_drop_operands(b, 2);
    push_bool(b, c, b->in->arg);
}

static void contains_op(Builder *b)
{
    HirIns *c = hb_emit2(b, HIR_Contains, hb_peek(b, 2)->v, hb_peek(b, 1)->v);
    hb_drop_operands(b, 2);
    push_bool(b, c, b->in->arg);
}

static HirIns *truth(Builder *b, HirIns *v)
{
    if (v->op == HIR_BoxBool) {
        return v->args[0];
    }
    if (b->caller && hb_speculate(b)) {
        v = hb_guard_truth(b, v);
    }
    if (v->type == HIR_T_BOOL) {
        return hb_emit1(b, HIR_UnboxBool, v);
    }
    return hb_emit1(b, HIR_Truthy, v);
}

static void unary_not(Builder *b)
{
    HirIns *c = truth(b, hb_peek(b, 1)->v);
    hb_pop_drop(b, 1);
    push_bool(b, c, true);
}

static void unary(Builder *b, HirOp op)
{
    HirIns *v = hb_peek(b, 1)->v;
    if (op == HIR_UnaryNeg && hb_speculate(b)) {
        HirType t = hb_seen_type(b, 1);
        if (t == HIR_T_FLOAT && (v = hb_guard_type(b, v, HIR_T_FLOAT)) != NULL) {
            HirIns *r = hb_emit1(b, HIR_FNeg, hb_unbox_float(b, v));
            hb_replace_operands(b, 1, hb_emit1(b, HIR_BoxFloat, r), true);
            return;
        }
        if (t == HIR_T_INT && (v = hb_guard_type(b, v, HIR_T_INT)) != NULL) {
            HirIns *r = hb_emit1(b, HIR_INeg, hb_unbox_int(b, v));
            hb_replace_operands(b, 1, hb_emit1(b, HIR_BoxInt, r), true);
            return;
        }
    }
    hb_replace_operands(b, 1, hb_emit1(b, op, hb_peek(b, 1)->v), true);
}

/* --- subscripts --------------------------------------------------------------------------- */

/* An item of an exact list, tuple or str by an int. */
static void sequence_item(Builder *b, HirType seq)
{
    static const struct {
        HirType type;
        HirOp length, item;
    } ops[] = {{HIR_T_LIST, HIR_ListLen, HIR_ListItem},
               {HIR_T_TUPLE, HIR_TupleLen, HIR_TupleItem},
               {HIR_T_STR, HIR_StrLen, HIR_StrItem}};
    int n = 0;
    while (ops[n].type != seq) {
        n++;
    }
    hb_guard_type(b, hb_peek(b, 2)->v, seq);
    hb_guard_type(b, hb_peek(b, 1)->v, HIR_T_INT);
    HirIns *c = hb_peek(b, 2)->v, *k = hb_peek(b, 1)->v, *ix = hb_unbox_int(b, k);
    Py311Elidable e;
    if (!hb_may_elide(b, b->in, &e)) {
        HirIns *r = hb_emit2(b, ops[n].item, c, ix);
        if (seq == HIR_T_STR) {
            hb_replace_operands(b, 2, r, true);
        } else {
            hb_replace_loaded(b, 2, r);
        }
        return;
    }
    /* Out of range is not an exit: what raises IndexError then is caught. */
    HirBlock *ends[2], *inside, *outside;
    HirIns *items[2];
    hb_branch(b, hb_emit2(b, HIR_InRange, ix, hb_emit1(b, ops[n].length, c)), &inside, &outside);
    b->cur = inside;
    items[0] = hb_emit2(b, ops[n].item, c, ix);
    if (seq != HIR_T_STR) {
        hb_emit1(b, HIR_Incref, items[0]);
    }
    ends[0] = b->cur;
    b->cur = outside;
    items[1] = hb_elide(b, hb_emit2(b, HIR_Subscr, c, k));
    ends[1] = b->cur;
    hb_replace_operands(b, 2, hb_join(b, ends, items, 2, true), true);
}

static void binary_subscr(Builder *b)
{
    bool spec = hb_speculate(b);
    HirIns *c = hb_peek(b, 2)->v, *k = hb_peek(b, 1)->v;
    HirType ct = hb_seen_type(b, 2), kt = hb_seen_type(b, 1);
    int q = b->in->quick;
    HirType seq = 0;
    if (q == PY311_BINARY_SUBSCR_LIST_INT || (ct == HIR_T_LIST && kt == HIR_T_INT)) {
        seq = HIR_T_LIST;
    } else if (q == PY311_BINARY_SUBSCR_TUPLE_INT || (ct == HIR_T_TUPLE && kt == HIR_T_INT)) {
        seq = HIR_T_TUPLE;
    } else if (ct == HIR_T_STR && kt == HIR_T_INT) {
        seq = HIR_T_STR;
    }
    if (spec && seq && (c->type & seq) && (k->type & HIR_T_INT)) {
        sequence_item(b, seq);
        return;
    }
    if (spec && (q == PY311_BINARY_SUBSCR_DICT || ct == HIR_T_DICT) && (c->type & HIR_T_DICT)) {
        hb_guard_type(b, c, HIR_T_DICT);
        HirIns *r = hb_emit2(b, HIR_DictSubscr, hb_peek(b, 2)->v, hb_peek(b, 1)->v);
        hb_replace_operands(b, 2, hb_elide(b, r), true);
        return;
    }
    hb_note_types(b, HB_SEQUENCES | HIR_T_STR | HIR_T_DICT, HIR_T_ANY);
    hb_replace_operands(b, 2, hb_elide(b, hb_emit2(b, HIR_Subscr, c, k)), true);
}

static void store_subscr(Builder *b)
{
    /* Stack: value, container, key (top). */
    HirIns *c = hb_peek(b, 2)->v, *k = hb_peek(b, 1)->v;
    bool list = b->in->quick == PY311_STORE_SUBSCR_LIST_INT ||
                (hb_seen_type(b, 2) == HIR_T_LIST && hb_seen_type(b, 1) == HIR_T_INT);
    if (hb_speculate(b) && list && (c->type & HIR_T_LIST) && (k->type & HIR_T_INT)) {
        hb_guard_type(b, c, HIR_T_LIST);
        hb_guard_type(b, hb_peek(b, 1)->v, HIR_T_INT);
        HirIns *ix = hb_unbox_int(b, hb_peek(b, 1)->v);
        /* A number usually replaces a number: once that is guarded, dropping the old item
         * runs no code, and everything known about other objects stays known. */
        HirType vt = hb_peek(b, 3)->v->type;
        bool number = vt == HIR_T_FLOAT || vt == HIR_T_INT;
        if (number) {
            hb_guard_type(b, hb_emit2(b, HIR_ListItem, hb_peek(b, 2)->v, ix), vt);
        }
        if (b->caller) {
            hb_own_loaded(b);
        }
        hb_own(b, hb_peek(b, 3));
        HirIns *s = hb_emit3(b, HIR_ListStore, hb_peek(b, 2)->v, ix, hb_peek(b, 3)->v);
        s->aux = number ? vt : 0;
        Entry key = hb_pop(b), container = hb_pop(b);
        hb_pop(b);
        hb_drop(b, key);
        hb_drop(b, container);
        return;
    }
    hb_note_types(b, HIR_T_LIST, HIR_T_INT);
    hb_emit3(b, HIR_StoreSubscr, c, k, hb_peek(b, 3)->v);
    hb_drop_operands(b, 3);
}

static void delete_subscr(Builder *b)
{
    hb_emit2(b, HIR_DeleteSubscr, hb_peek(b, 2)->v, hb_peek(b, 1)->v);
    hb_drop_operands(b, 2);
}

/* --- building ------------------------------------------------------------------------------- */

HirIns *hb_emit_var(Builder *b, HirOp op, int n)
{
    HirIns **args = arena_array(b->a, HirIns *, (size_t)n + 1);
    for (int i = 0; i < n; i++) {
        args[i] = hb_peek(b, n - i)->v;
    }
    if (b->f->max_out < (uint32_t)n) {
        b->f->max_out = (uint32_t)n;
    }
    return hb_emit(b, op, n, args);
}

/* BUILD_TUPLE and BUILD_LIST: the references move into the new object. */
static void build_stealing(Builder *b, HirOp op)
{
    int n = b->in->arg;
    for (int i = n; i >= 1; i--) {
        hb_own(b, hb_peek(b, i));
    }
    HirIns *r = hb_emit_var(b, op, n);
    b->held = b->held || op == HIR_BuildTupleHeld || op == HIR_BuildListHeld;
    for (int i = 0; i < n; i++) {
        hb_pop(b);
    }
    hb_push(b, r, true);
}

static void build_borrowing(Builder *b, HirOp op, int n)
{
    HirIns *r = hb_emit_var(b, op, n);
    Entry *e = arena_array(b->a, Entry, (size_t)n + 1);
    for (int i = n - 1; i >= 0; i--) {
        e[i] = hb_pop(b);
    }
    for (int i = 0; i < n; i++) {
        hb_drop(b, e[i]);
    }
    hb_push(b, r, true);
}

/* A slice that is made to be used at once is not made.  What resumes, at the slice, finds its bounds on the stack, and
 * what is raised is the subscript's. */
static bool slice_at_once(Builder *b)
{
    const FbIns *use = b->in + 1;
    int n = b->in->arg;
    if (b->caller || !hb_same_block(b, 1) || b->st.nstack <= n) {
        return false;
    }
    HirIns *args[] = {hb_peek(b, n + 1)->v, hb_peek(b, n)->v, hb_peek(b, n - 1)->v, NULL};
    bool plain = n == 2;
    if (use->op == PY311_BINARY_SUBSCR) {
        b->in = use;
        args[3] = plain ? NULL : hb_peek(b, 1)->v;
        HirIns *r = plain ? hb_emit(b, HIR_GetSlice, 3, args) : hb_emit(b, HIR_GetSteps, 4, args);
        hb_replace_operands(b, n + 1, r, true);
    } else if (use->op == PY311_STORE_SUBSCR && plain && b->st.nstack > 3) {
        b->in = use;
        args[3] = hb_peek(b, 4)->v;
        hb_emit(b, HIR_SetSlice, 4, args);
        hb_drop_operands(b, 4);
    } else if (use->op == PY311_DELETE_SUBSCR && plain) {
        b->in = use;
        hb_emit(b, HIR_DeleteSlice, 3, args);
        hb_drop_operands(b, 3);
    } else {
        return false;
    }
    b->f->max_out = BASE_MAX(b->f->max_out, 4u);
    b->built = use;
    return true;
}

static void build_slice(Builder *b)
{
    if (slice_at_once(b)) {
        return;
    }
    HirIns *step = b->in->arg == 3 ? hb_peek(b, 1)->v : hb_null(b);
    int n = b->in->arg;
    HirIns *r = hb_emit3(b, HIR_BuildSlice, hb_peek(b, n)->v, hb_peek(b, n - 1)->v, step);
    hb_replace_operands(b, n, r, true);
}

static void format_value(Builder *b)
{
    bool spec = (b->in->arg & 0x4) != 0;
    HirIns *s = spec ? hb_peek(b, 1)->v : hb_null(b);
    HirIns *v = hb_peek(b, spec ? 2 : 1)->v;
    HirIns *r = hb_emit2(b, HIR_FormatValue, v, s);
    r->aux = (uint32_t)b->in->arg;
    hb_replace_operands(b, spec ? 2 : 1, r, true);
}

/* LIST_EXTEND and its like: operand on top, container `arg` below it. */
static void update(Builder *b, HirOp op)
{
    HirIns *c = hb_peek(b, 1 + b->in->arg)->v;
    hb_emit2(b, op, c, hb_peek(b, 1)->v);
    hb_pop_drop(b, 1);
}

static void list_append(Builder *b)
{
    hb_own(b, hb_peek(b, 1));
    hb_emit2(b, HIR_ListAppend, hb_peek(b, 1 + b->in->arg)->v, hb_peek(b, 1)->v);
    hb_pop(b);
}

static void map_add(Builder *b)
{
    HirIns *d = hb_peek(b, 2 + b->in->arg)->v;
    hb_emit3(b, HIR_MapAdd, d, hb_peek(b, 2)->v, hb_peek(b, 1)->v);
    hb_drop_operands(b, 2);
}

static void dict_merge(Builder *b)
{
    HirIns *d = hb_peek(b, 1 + b->in->arg)->v;
    hb_emit3(b, HIR_DictMerge, d, hb_peek(b, 1)->v, hb_peek(b, 3 + b->in->arg)->v);
    hb_pop_drop(b, 1);
}

static void make_function(Builder *b)
{
    int n = 1 + __builtin_popcount((unsigned)b->in->arg & 0xF);
    HirIns *r = hb_emit_var(b, HIR_MakeFunction, n);
    r->aux = (uint32_t)b->in->arg;
    Entry e[5];
    for (int i = n - 1; i >= 0; i--) {
        e[i] = hb_pop(b);
    }
    for (int i = n - 1; i >= 0; i--) {
        hb_drop(b, e[i]);
    }
    hb_push(b, r, true);
}

/* --- unpacking ------------------------------------------------------------------------------- */

static void push_outs(Builder *b, HirIns *from, int n)
{
    HirIns **out = arena_array(b->a, HirIns *, (size_t)n + 1);
    if (b->f->max_out < (uint32_t)n) {
        b->f->max_out = (uint32_t)n;
    }
    for (int i = 0; i < n; i++) {
        out[i] = hb_emit1(b, HIR_LoadOut, from);
        out[i]->aux = (uint32_t)i;
        out[i]->type = HIR_T_ANY;
    }
    Entry seq = hb_pop(b);
    for (int i = n - 1; i >= 0; i--) {
        hb_push(b, out[i], true);
    }
    hb_drop(b, seq);
}

static void unpack_sequence(Builder *b)
{
    int n = b->in->arg, q = b->in->quick;
    HirIns *seq = hb_peek(b, 1)->v;
    HirType t = 0, seen = hb_seen_type(b, 1);
    if (q == PY311_UNPACK_SEQUENCE_TWO_TUPLE || q == PY311_UNPACK_SEQUENCE_TUPLE ||
        seen == HIR_T_TUPLE) {
        t = HIR_T_TUPLE;
    } else if (q == PY311_UNPACK_SEQUENCE_LIST || seen == HIR_T_LIST) {
        t = HIR_T_LIST;
    }
    if (!t || !hb_speculate(b) || !(seq->type & t)) {
        hb_note_types(b, 0, HB_SEQUENCES);
        HirIns *u = hb_emit1(b, HIR_UnpackSeq, seq);
        u->aux = (uint32_t)n;
        push_outs(b, u, n);
        return;
    }
    seq = hb_guard_type(b, seq, t);
    HirIns *len = hb_emit1(b, t == HIR_T_TUPLE ? HIR_TupleLen : HIR_ListLen, seq);
    HirIns *ok = hb_emit2(b, HIR_ICmp, len, hb_i64(b, n));
    ok->aux = Py_EQ;
    hb_emit1(b, HIR_GuardTrue, ok);
    HirIns **item = arena_array(b->a, HirIns *, (size_t)n + 1);
    for (int i = 0; i < n; i++) {
        item[i] = hb_emit1(b, t == HIR_T_TUPLE ? HIR_TupleItemAt : HIR_ListItemAt, seq);
        item[i]->aux = (uint32_t)i;
    }
    for (int i = 0; i < n; i++) {
        hb_emit1(b, HIR_Incref, item[i]);
    }
    Entry e = hb_pop(b);
    for (int i = n - 1; i >= 0; i--) {
        hb_push(b, item[i], true);
    }
    hb_drop(b, e);
}

static void unpack_ex(Builder *b)
{
    HirIns *u = hb_emit1(b, HIR_UnpackEx, hb_peek(b, 1)->v);
    u->aux = (uint32_t)b->in->arg;
    push_outs(b, u, 1 + (b->in->arg & 0xFF) + (b->in->arg >> 8));
}

/* --- jumps ---------------------------------------------------------------------------------------- */

static void copy_stack(Builder *b)
{
    Entry *s = arena_array(b->a, Entry, hb_stack_size(b->co));
    memcpy(s, b->st.stack, sizeof(Entry) * (size_t)b->st.nstack);
    b->st.stack = s;
}

/* Both ways of a conditional jump; `taken` is where it goes when it jumps. */
static void jump_if(Builder *b, HirIns *cond, bool when, bool backward)
{
    HirBlock *t, *f;
    hb_branch(b, cond, &t, &f);
    State saved = b->st;
    b->cur = when ? t : f;
    copy_stack(b);
    if (backward) {
        hb_check_eval(b, b->in->target);
    }
    hb_goto(b, b->in->target);
    b->st = saved;
    b->cur = when ? f : t;
    b->fs_cache = NULL;
}

static void pop_jump(Builder *b, bool when, bool backward)
{
    HirIns *c = truth(b, hb_peek(b, 1)->v);
    hb_pop_drop(b, 1);
    jump_if(b, c, when, backward);
}

static void pop_jump_none(Builder *b, bool when, bool backward)
{
    HirIns *c = hb_emit2(b, HIR_Is, hb_peek(b, 1)->v, hb_const(b, Py_None));
    hb_pop_drop(b, 1);
    jump_if(b, c, when, backward);
}

static void jump_or_pop(Builder *b, bool when)
{
    HirIns *c = truth(b, hb_peek(b, 1)->v);
    jump_if(b, c, when, false);
    hb_pop_drop(b, 1);
}

/* --- names, imports, the rest ------------------------------------------------------------------- */

static HirIns *named0(Builder *b, HirOp op)
{
    HirIns *i = hb_emit0(b, op);
    i->imm.p = name_of(b, b->in->arg);
    return i;
}

static void store_named(Builder *b, HirOp op)
{
    HirIns *i = hb_emit1(b, op, hb_peek(b, 1)->v);
    i->imm.p = name_of(b, b->in->arg);
    hb_pop_drop(b, 1);
}

static void import_name(Builder *b)
{
    HirIns *i = hb_emit2(b, HIR_ImportName, hb_peek(b, 2)->v, hb_peek(b, 1)->v);
    i->imm.p = name_of(b, b->in->arg);
    hb_replace_operands(b, 2, i, true);
}

static void import_from(Builder *b)
{
    HirIns *i = hb_emit1(b, HIR_ImportFrom, hb_peek(b, 1)->v);
    i->imm.p = name_of(b, b->in->arg);
    hb_push(b, i, true);
}

void hb_before_with(Builder *b, HirOp op)
{
    HirIns *exit = hb_emit1(b, op, hb_peek(b, 1)->v);
    if (b->f->max_out < 1) {
        b->f->max_out = 1;
    }
    HirIns *res = hb_emit1(b, HIR_LoadOut, exit);
    res->type = HIR_T_ANY;
    hb_replace_operands(b, 1, exit, true);
    hb_push(b, res, true);
}

static void match_class(Builder *b)
{
    HirIns *r = hb_emit3(b, HIR_MatchClass, hb_peek(b, 3)->v, hb_peek(b, 2)->v, hb_peek(b, 1)->v);
    r->aux = (uint32_t)b->in->arg;
    hb_pop_drop(b, 3); /* names, type, subject */
    hb_push(b, r, true);
}

static void raise_varargs(Builder *b)
{
    if (b->in->arg > 2) {
        hb_deopt(b);
        return;
    }
    hb_emit_var(b, HIR_Raise, b->in->arg);
    b->cur = NULL;
}

/* Raises the exception on top of the stack again. In this function a handler takes it over as it is, as its
 * traceback stays; what ceval.c does at exception_unwind is then done here. */
static void raise_again(Builder *b, int oparg)
{
    Py311Handler h;
    HirIns *exc = hb_peek(b, 1)->v, *lasti = oparg ? hb_peek(b, oparg + 1)->v : hb_null(b);
    if (!py311_find_handler(b->co, b->in->bci, &h) || h.depth >= b->st.nstack) {
        hb_emit2(b, HIR_Reraise, exc, lasti);
        b->cur = NULL;
        return;
    }
    hb_own(b, hb_peek(b, 1));
    (void)hb_pop(b);
    if (h.lasti && oparg) {
        hb_emit1(b, HIR_Incref, lasti);
    }
    hb_pop_drop(b, b->st.nstack - h.depth);
    if (h.lasti && oparg) {
        hb_push(b, lasti, true);
    } else if (h.lasti) {
        hb_push(b, hb_emit1(b, HIR_BoxInt, hb_i64(b, b->in->bci)), true);
    }
    hb_push(b, exc, true);
    hb_goto(b, b->in->target);
}

/* The end of `async for`, where __anext__ has raised. */
static void end_async_for(Builder *b)
{
    HirIns *ends =
        hb_emit2(b, HIR_ExcMatch, hb_peek(b, 1)->v, hb_const(b, PyExc_StopAsyncIteration));
    HirBlock *ended, *other;
    hb_branch(b, ends, &ended, &other);
    State saved = hb_state_copy(b, &b->st);
    b->cur = other;
    raise_again(b, 0);
    b->st = saved;
    b->cur = ended;
    b->fs_cache = NULL;
    hb_pop_drop(b, 2);
}

static void push_exc_info(Builder *b)
{
    hb_own(b, hb_peek(b, 1));
    Entry exc = hb_pop(b);
    hb_push(b, hb_emit1(b, HIR_PushExcInfo, exc.v), true);
    hb_push(b, exc.v, true);
}

static void pop_except(Builder *b)
{
    hb_own(b, hb_peek(b, 1));
    hb_emit1(b, HIR_PopExcept, hb_pop(b).v);
}

static void check_exc_match(Builder *b)
{
    HirIns *m = hb_emit2(b, HIR_ExcMatch, hb_peek(b, 2)->v, hb_peek(b, 1)->v);
    hb_pop_drop(b, 1);
    push_bool(b, m, false);
}

/* Leaves the rest, or the exception as it was, below what matches. */
static void check_eg_match(Builder *b)
{
    if (b->f->max_out < 1) {
        b->f->max_out = 1;
    }
    HirIns *match = hb_emit2(b, HIR_EgMatch, hb_peek(b, 2)->v, hb_peek(b, 1)->v);
    HirIns *rest = hb_emit1(b, HIR_LoadOut, match);
    hb_pop_drop(b, 1);
    Entry exc = hb_pop(b);
    hb_push(b, rest, true);
    hb_push(b, match, true);
    hb_drop(b, exc);
}

static void return_value(Builder *b)
{
    if (b->caller) {
        hb_inlined_return(b);
        return;
    }
    hb_own(b, hb_peek(b, 1));
    Entry e = hb_pop(b);
    if (b->st.nstack != 0) {
        hb_stop(b, "return with a value stack");
        return;
    }
    hb_emit1(b, HIR_Return, e.v);
    b->cur = NULL;
}

static void delete_attr(Builder *b)
{
    HirIns *i = hb_emit1(b, HIR_DeleteAttr, hb_peek(b, 1)->v);
    i->imm.p = name_of(b, b->in->arg);
    hb_pop_drop(b, 1);
}

static void load_classderef(Builder *b)
{
    HirIns *i = hb_emit0(b, HIR_LoadClassDeref);
    i->aux = (uint32_t)b->in->arg;
    hb_push(b, i, true);
}

static void list_to_tuple(Builder *b)
{
    hb_replace_operands(b, 1, hb_emit1(b, HIR_ListToTuple, hb_peek(b, 1)->v), true);
}

void hb_instruction(Builder *b)
{
    const FbIns *in = b->in;
    int arg = in->arg;
    switch (in->op) {
    case PY311_NOP:
    case PY311_CACHE: break;
    case PY311_RESUME:
        if (arg < 2) {
            hb_check_eval(b, in->next);
        }
        break;
    case PY311_LOAD_CLOSURE:
    case PY311_LOAD_FAST: load_fast(b, arg); break;
    case PY311_LOAD_CONST:
        hb_push(b, hb_const(b, PyTuple_GET_ITEM(b->co->co_consts, arg)), false);
        break;
    case PY311_STORE_FAST: store_fast(b, arg); break;
    case PY311_DELETE_FAST: delete_fast(b, arg); break;
    case PY311_POP_TOP: hb_pop_drop(b, 1); break;
    case PY311_PUSH_NULL: hb_push(b, hb_null(b), false); break;
    case PY311_COPY: copy(b, arg); break;
    case PY311_SWAP: swap(b, arg); break;
    case PY311_MAKE_CELL: make_cell(b, arg); break;
    case PY311_COPY_FREE_VARS: copy_free_vars(b, arg); break;
    case PY311_LOAD_DEREF: load_deref(b, arg); break;
    case PY311_STORE_DEREF: store_deref(b, arg); break;
    case PY311_DELETE_DEREF: delete_deref(b, arg); break;
    case PY311_LOAD_CLASSDEREF: load_classderef(b); break;

    case PY311_UNARY_POSITIVE: unary(b, HIR_UnaryPos); break;
    case PY311_UNARY_NEGATIVE: unary(b, HIR_UnaryNeg); break;
    case PY311_UNARY_INVERT: unary(b, HIR_UnaryInvert); break;
    case PY311_UNARY_NOT: unary_not(b); break;
    case PY311_BINARY_OP: binary_op(b); break;
    case PY311_COMPARE_OP: compare_op(b); break;
    case PY311_IS_OP: is_op(b); break;
    case PY311_CONTAINS_OP: contains_op(b); break;
    case PY311_BINARY_SUBSCR: binary_subscr(b); break;
    case PY311_STORE_SUBSCR: store_subscr(b); break;
    case PY311_DELETE_SUBSCR: delete_subscr(b); break;

    case PY311_BUILD_TUPLE:
        if (!hb_spread_tuple(b)) {
            build_stealing(b, b->caller ? HIR_BuildTupleHeld : HIR_BuildTuple);
        }
        break;
    case PY311_BUILD_LIST: build_stealing(b, b->caller ? HIR_BuildListHeld : HIR_BuildList); break;
    case PY311_BUILD_SET: build_borrowing(b, HIR_BuildSet, arg); break;
    case PY311_BUILD_MAP:
        if (arg == 0 && hb_leave_merge(b)) {
            break;
        }
        if (b->caller && arg == 0) {
            b->held = true;
            hb_push(b, hb_emit0(b, HIR_NewDictHeld), true);
        } else {
            build_borrowing(b, HIR_BuildMap, 2 * arg);
        }
        break;
    case PY311_BUILD_CONST_KEY_MAP: build_borrowing(b, HIR_BuildConstKeyMap, arg + 1); break;
    case PY311_BUILD_STRING: build_borrowing(b, HIR_BuildString, arg); break;
    case PY311_BUILD_SLICE: build_slice(b); break;
    case PY311_FORMAT_VALUE: format_value(b); break;
    case PY311_LIST_APPEND: list_append(b); break;
    case PY311_LIST_EXTEND: update(b, HIR_ListExtend); break;
    case PY311_LIST_TO_TUPLE: list_to_tuple(b); break;
    case PY311_SET_ADD: update(b, HIR_SetAdd); break;
    case PY311_SET_UPDATE: update(b, HIR_SetUpdate); break;
    case PY311_MAP_ADD: map_add(b); break;
    case PY311_DICT_UPDATE: update(b, HIR_DictUpdate); break;
    case PY311_DICT_MERGE:
        if (in != b->merge) {
            dict_merge(b);
        }
        break;
    case PY311_MAKE_FUNCTION: make_function(b); break;
    case PY311_UNPACK_SEQUENCE: unpack_sequence(b); break;
    case PY311_UNPACK_EX: unpack_ex(b); break;

    case PY311_GET_ITER: hb_get_iter(b); break;
    case PY311_FOR_ITER: hb_for_iter(b); break;

    case PY311_JUMP_FORWARD: hb_goto(b, in->target); break;
    case PY311_JUMP_BACKWARD:
        hb_check_eval(b, in->target);
        hb_goto(b, in->target);
        break;
    case PY311_JUMP_BACKWARD_NO_INTERRUPT: hb_goto(b, in->target); break;
    case PY311_POP_JUMP_FORWARD_IF_TRUE: pop_jump(b, true, false); break;
    case PY311_POP_JUMP_FORWARD_IF_FALSE: pop_jump(b, false, false); break;
    case PY311_POP_JUMP_BACKWARD_IF_TRUE: pop_jump(b, true, true); break;
    case PY311_POP_JUMP_BACKWARD_IF_FALSE: pop_jump(b, false, true); break;
    case PY311_POP_JUMP_FORWARD_IF_NONE: pop_jump_none(b, true, false); break;
    case PY311_POP_JUMP_FORWARD_IF_NOT_NONE: pop_jump_none(b, false, false); break;
    case PY311_POP_JUMP_BACKWARD_IF_NONE: pop_jump_none(b, true, true); break;
    case PY311_POP_JUMP_BACKWARD_IF_NOT_NONE: pop_jump_none(b, false, true); break;
    case PY311_JUMP_IF_TRUE_OR_POP: jump_or_pop(b, true); break;
    case PY311_JUMP_IF_FALSE_OR_POP: jump_or_pop(b, false); break;
    case PY311_RETURN_VALUE: return_value(b); break;
    case PY311_RAISE_VARARGS: raise_varargs(b); break;

    case PY311_LOAD_GLOBAL: hb_load_global(b); break;
    case PY311_LOAD_ATTR: hb_load_attr(b); break;
    case PY311_STORE_ATTR: hb_store_attr(b); break;
    case PY311_DELETE_ATTR: delete_attr(b); break;
    case PY311_LOAD_METHOD: hb_load_method(b); break;
    case PY311_KW_NAMES:
        b->kwnames = PyTuple_GET_ITEM(b->co->co_consts, arg);
        b->call_start = in->start;
        break;
    case PY311_PRECALL:
        if (b->call_start < 0) {
            b->call_start = in->start;
        }
        b->precall_quick = in->quick;
        break;
    case PY311_CALL: hb_call(b); break;
    case PY311_CALL_FUNCTION_EX: hb_call_ex(b); break;

    case PY311_LOAD_NAME: hb_push(b, named0(b, HIR_LoadName), true); break;
    case PY311_STORE_NAME: store_named(b, HIR_StoreName); break;
    case PY311_DELETE_NAME: named0(b, HIR_DeleteName); break;
    case PY311_STORE_GLOBAL: store_named(b, HIR_StoreGlobal); break;
    case PY311_DELETE_GLOBAL: named0(b, HIR_DeleteGlobal); break;
    case PY311_IMPORT_NAME: import_name(b); break;
    case PY311_IMPORT_FROM: import_from(b); break;
    case PY311_IMPORT_STAR:
        hb_emit1(b, HIR_ImportStar, hb_peek(b, 1)->v);
        hb_pop_drop(b, 1);
        break;
    case PY311_LOAD_BUILD_CLASS: hb_push(b, hb_emit0(b, HIR_LoadBuildClass), true); break;
    case PY311_LOAD_ASSERTION_ERROR: hb_push(b, hb_const(b, PyExc_AssertionError), false); break;
    case PY311_SETUP_ANNOTATIONS: hb_emit0(b, HIR_SetupAnnotations); break;
    case PY311_RETURN_GENERATOR: hb_return_generator(b); break;
    case PY311_YIELD_VALUE: hb_yield_value(b); break;
    case PY311_SEND: hb_send(b); break;
    case PY311_GET_AWAITABLE: hb_get_awaitable(b); break;
    case PY311_GET_YIELD_FROM_ITER: hb_convert(b, HIR_GetYieldFromIter); break;
    case PY311_GET_AITER: hb_convert(b, HIR_GetAIter); break;
    case PY311_GET_ANEXT: hb_get_anext(b); break;
    case PY311_ASYNC_GEN_WRAP: hb_convert(b, HIR_AsyncGenWrap); break;
    case PY311_PRINT_EXPR:
        hb_emit1(b, HIR_PrintExpr, hb_peek(b, 1)->v);
        hb_pop_drop(b, 1);
        break;
    case PY311_BEFORE_WITH: hb_before_with(b, HIR_BeforeWith); break;
    case PY311_BEFORE_ASYNC_WITH: hb_before_with(b, HIR_BeforeAsyncWith); break;
    case PY311_PUSH_EXC_INFO: push_exc_info(b); break;
    case PY311_CHECK_EXC_MATCH: check_exc_match(b); break;
    case PY311_POP_EXCEPT: pop_except(b); break;
    case PY311_RERAISE: raise_again(b, arg); break;
    case PY311_END_ASYNC_FOR: end_async_for(b); break;
    case PY311_WITH_EXCEPT_START:
        hb_push(b, hb_emit2(b, HIR_WithExceptStart, hb_peek(b, 4)->v, hb_peek(b, 1)->v), true);
        break;
    case PY311_GET_LEN: hb_push(b, hb_emit1(b, HIR_GetLen, hb_peek(b, 1)->v), true); break;
    case PY311_MATCH_MAPPING:
        push_bool(b, hb_emit1(b, HIR_MatchMapping, hb_peek(b, 1)->v), false);
        break;
    case PY311_MATCH_SEQUENCE:
        push_bool(b, hb_emit1(b, HIR_MatchSequence, hb_peek(b, 1)->v), false);
        break;
    case PY311_MATCH_KEYS:
        hb_push(b, hb_emit2(b, HIR_MatchKeys, hb_peek(b, 2)->v, hb_peek(b, 1)->v), true);
        break;
    case PY311_MATCH_CLASS: match_class(b); break;
    case PY311_CHECK_EG_MATCH: check_eg_match(b); break;
    case PY311_PREP_RERAISE_STAR:
        hb_replace_operands(
            b, 2, hb_emit2(b, HIR_PrepReraiseStar, hb_peek(b, 2)->v, hb_peek(b, 1)->v), true);
        break;
    default:
        /* What nobody's compiler makes. */
        hb_deopt(b);
        break;
    }
}
