/* Builder, builtins that are operations of their own: len(), isinstance(), min(), max(), hasattr(), getattr() and
 * super().method.
 *
 * The callable is a constant here, behind a guard of the global it was loaded from. What is not seen by anybody is not
 * made: neither the tuple of classes in `isinstance(x, (A, B))` nor the super object and the bound method of
 * `super().f()`. */
#include "hir_build_priv.h"

#include "py311_opcodes.h"
#include "rt.h"

bool hb_same_block(const Builder *b, int n)
{
    ptrdiff_t i = b->in - b->code.ins;
    return i + n <= b->bb->last;
}

/* --- len(), isinstance() ---------------------------------------------------------------- */

static void call_isinstance(Builder *b, const Call *c)
{
    HirIns *r;
    if (b->spread) {
        r = hb_emit_var(b, HIR_IsInstanceAny, c->nargs);
    } else {
        r = hb_emit2(b, HIR_IsInstance, call_arg(b, c, 0)->v, call_arg(b, c, 1)->v);
    }
    hb_finish_call(b, c, hb_emit1(b, HIR_BoxBool, r), false);
}

/* --- min(), max() ------------------------------------------------------------------------ */

/* More operands than this are unusual, and the out area is small. */
#define MAX_COMPARED 4

/* Numbers of one type: compared in line, and the result is one of them. NULL: they are not known to be. */
static HirIns *least_number(Builder *b, const Call *c, int cmp)
{
    HirType t = hb_seen_type(b, 1);
    if ((t != HIR_T_INT && t != HIR_T_FLOAT) || hb_seen_type(b, 2) != t || !hb_speculate(b)) {
        return NULL;
    }
    for (int i = 0; i < c->nargs; i++) {
        if (!(call_arg(b, c, i)->v->type & t)) {
            return NULL;
        }
    }
    HirIns *best = NULL, *raw = NULL;
    for (int i = 0; i < c->nargs; i++) {
        hb_guard_type(b, call_arg(b, c, i)->v, t);
    }
    for (int i = 0; i < c->nargs; i++) {
        HirIns *v = call_arg(b, c, i)->v;
        HirIns *x = t == HIR_T_INT ? hb_unbox_int(b, v) : hb_unbox_float(b, v);
        if (i > 0) {
            HirIns *other = hb_emit2(b, t == HIR_T_INT ? HIR_ICmp : HIR_FCmp, x, raw);
            other->aux = (uint32_t)cmp;
            HirBlock *ends[2];
            hb_branch(b, other, &ends[0], &ends[1]);
            best = hb_join(b, ends, (HirIns *[]){v, best}, 2, false);
        } else {
            best = v;
        }
        raw = i == 0              ? x
              : i + 1 == c->nargs ? NULL
              : t == HIR_T_INT    ? hb_unbox_int(b, best)
                                  : hb_unbox_float(b, best);
    }
    hb_emit1(b, HIR_Incref, best);
    return best;
}

static void call_min_max(Builder *b, const Call *c)
{
    bool greater = rt_builtin_of(c->known) == RT_BUILTIN_max;
    HirIns *m = least_number(b, c, greater ? Py_GT : Py_LT);
    if (!m) {
        hb_note_types(b, HIR_T_INT | HIR_T_FLOAT, HIR_T_INT | HIR_T_FLOAT);
        m = hb_emit_var(b, HIR_MinMax, c->nargs);
        m->imm.p = c->known;
        m->aux = greater;
    }
    hb_finish_call(b, c, m, true);
    hb_check_eval(b, b->in->next);
}

/* hasattr(o, "name"), getattr(o, "name") and getattr(o, "name", default). */
static bool call_getattr(Builder *b, const Call *c, bool ask)
{
    const HirIns *name = c->nargs >= 2 ? call_arg(b, c, 1)->v : NULL;
    if (c->nargs > (ask ? 2 : 3) || !name || name->op != HIR_Const || !name->imm.p || !b->unit ||
        !PyUnicode_CheckExact((PyObject *)name->imm.p) || !PyUnicode_CHECK_INTERNED(name->imm.p)) {
        return false;
    }
    HirIns *obj = call_arg(b, c, 0)->v;
    HirIns *r = ask            ? hb_emit1(b, HIR_HasAttr, obj)
                : c->nargs < 3 ? hb_emit1(b, HIR_LoadAttr, obj)
                               : hb_emit2(b, HIR_GetAttrOr, obj, call_arg(b, c, 2)->v);
    if (!(r->imm.p = rt_attr_ic_new(b->unit, name->imm.p, b->resume))) {
        hb_stop(b, "out of memory");
    }
    hb_finish_call(b, c, ask ? hb_emit1(b, HIR_BoxBool, r) : r, !ask);
    hb_check_eval(b, b->in->next);
    return true;
}

bool hb_call_builtin(Builder *b, const Call *c)
{
    if (!c->plain || b->kwnames) {
        return false;
    }
    switch (rt_builtin_of(c->known)) {
    case RT_BUILTIN_len:
        if (c->nargs != 1) {
            return false;
        }
        HirIns *n = hb_emit1(b, HIR_Len, call_arg(b, c, 0)->v);
        hb_finish_call(b, c, hb_emit1(b, HIR_BoxInt, n), true);
        return true;
    case RT_BUILTIN_isinstance:
        if (c->nargs != 2 && !b->spread) {
            return false;
        }
        call_isinstance(b, c);
        return true;
    case RT_BUILTIN_min:
    case RT_BUILTIN_max:
        if (c->nargs < 2 || c->nargs > MAX_COMPARED) {
            return false;
        }
        call_min_max(b, c);
        return true;
    case RT_BUILTIN_hasattr: return call_getattr(b, c, true);
    case RT_BUILTIN_getattr: return call_getattr(b, c, false);
    default: return false;
    }
}

/* More classes than this are unusual, and the out area is small. */
#define MAX_SPREAD 8

bool hb_spread_tuple(Builder *b)
{
    const FbIns *in = b->in;
    int n = in->arg;
    if (b->caller) {
        return false; /* isinstance() may run Python code: no inlined code comes to it */
    }
    if (n < 1 || n > MAX_SPREAD || b->st.nstack < n + 3 || !hb_same_block(b, 2) ||
        in[1].op != PY311_PRECALL || in[1].arg != 2 || in[2].op != PY311_CALL || !hb_speculate(b)) {
        return false;
    }
    const HirIns *lower = hb_peek(b, n + 3)->v, *callable = hb_peek(b, n + 2)->v;
    if (lower->type != HIR_T_NULL || callable->op != HIR_Const || !callable->imm.p ||
        callable->aux == HIR_CONST_BORROWED ||
        rt_builtin_of(callable->imm.p) != RT_BUILTIN_isinstance) {
        return false;
    }
    /* hb_call asks again, of the CALL. */
    int32_t resume = b->resume;
    b->resume = in[1].start;
    bool may = hb_speculate(b);
    b->resume = resume;
    b->spread = may ? n : 0;
    return may;
}

/* --- super() ------------------------------------------------------------------------------- */

/* The class cell among the free variables, -1: there is none. */
static int class_cell(const PyCodeObject *co)
{
    for (int i = co->co_nlocalsplus - co->co_nfreevars; i < co->co_nlocalsplus; i++) {
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(co->co_localsplusnames, i),
                                             "__class__") == 0) {
            return i;
        }
    }
    return -1;
}

/* What super() without arguments finds in the frame (super_init_impl): the class and the first argument. */
static bool implied_arguments(Builder *b, HirIns **cls, HirIns **self)
{
    int cell = class_cell(b->co);
    if (cell < 0 || b->co->co_argcount == 0) {
        return false;
    }
    *cls = hb_emit1(b, HIR_LoadCell, b->st.locals[cell]);
    PyFunctionObject *func = b->opts->func;
    if (func && func->func_closure) {
        int i = cell - (b->f->nlocals - b->co->co_nfreevars);
        PyObject *seen = PyCell_GET(PyTuple_GET_ITEM(func->func_closure, i));
        if (seen) {
            hb_observe(b, *cls, seen);
        }
    }
    *self = b->st.locals[0];
    if (py311_local_is_cell(b->co, 0)) { /* a closure captures it */
        *self = hb_emit1(b, HIR_LoadCell, *self);
    }
    *cls = hb_not_null(b, *cls);
    *self = hb_not_null(b, *self);
    return true;
}

/* The function that would be found now, if that can be known, borrowed. */
static PyObject *peek_method(Builder *b, HirIns *cls, HirIns *self, PyObject *name)
{
    PyObject *c = hb_observed(b, cls), *s = hb_observed(b, self);
    return c && s ? rt_super_peek(c, s, name) : NULL;
}

/* Behind LOAD_METHOD: says which function is to be called, which makes it a method for certain. */
static void expect_method(Builder *b, HirIns *lower, PyObject *method)
{
    int32_t resume = b->resume;
    b->resume = b->built->next;
    if (method && hb_speculate(b)) {
        hb_observe(b, lower, method);
        hb_not_null(b, lower);
    }
    b->resume = resume;
}

bool hb_call_super(Builder *b, const Call *c)
{
    const FbIns *load = b->in + 1;
    if (!c->plain || b->kwnames || (c->nargs != 0 && c->nargs != 2) || !b->unit ||
        !hb_same_block(b, 1) || load->op != PY311_LOAD_METHOD) {
        return false;
    }
    HirIns *cls, *self;
    if (c->nargs == 2) {
        cls = call_arg(b, c, 0)->v;
        self = call_arg(b, c, 1)->v;
    } else if (!implied_arguments(b, &cls, &self)) {
        return false;
    }
    if (b->f->max_out < 1) {
        b->f->max_out = 1;
    }
    PyObject *name = PyTuple_GET_ITEM(b->co->co_names, load->arg);
    HirIns *upper = hb_emit2(b, HIR_SuperMethod, cls, self);
    if (!(upper->imm.p = rt_super_ic_new(b->unit, name))) {
        hb_stop(b, "out of memory");
    }
    HirIns *lower = hb_emit1(b, HIR_LoadOut, upper);
    PyObject *method = peek_method(b, cls, self, name);
    int n = c->nargs + 2;
    Entry *e = arena_array(b->a, Entry, (size_t)n);
    for (int i = n - 1; i >= 0; i--) {
        e[i] = hb_pop(b);
    }
    hb_push(b, lower, true);
    hb_push(b, upper, true);
    b->built = load;
    for (int i = 0; i < n; i++) {
        hb_drop(b, e[i]);
    }
    expect_method(b, lower, method);
    return true;
}
