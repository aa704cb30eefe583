/* Builder, calls: what can be called without the generic protocol once the callee is known. */
#include "hir_build_priv.h"

#include "py311_frame.h"
#include "py311_opcodes.h"
#include "rt.h"

void hb_finish_call(Builder *b, const Call *c, HirIns *result, bool owned)
{
    result = hb_elide(b, result);
    int n = c->nargs + 2;
    Entry *e = arena_array(b->a, Entry, (size_t)n);
    for (int i = n - 1; i >= 0; i--) {
        e[i] = hb_pop(b);
    }
    for (int i = 0; i < n; i++) {
        hb_drop(b, e[i]);
    }
    hb_push(b, result, owned);
}

static void after_call(Builder *b)
{
    hb_check_eval(b, b->in->next);
}

static HirIns *call_op(Builder *b, HirOp op, int n, HirIns **args, void *imm)
{
    if (b->f->max_out < (uint32_t)n + 1) {
        b->f->max_out = (uint32_t)n + 1;
    }
    HirIns *i = hb_emit(b, op, n, args);
    i->imm.p = imm;
    return i;
}

static void call_vector(Builder *b, const Call *c)
{
    int n = c->nargs + 2;
    /* What is no function keeps its arguments until it is done, and then they are dropped here. */
    bool gives = !c->known || PyFunction_Check(c->known);
    HirIns **args = arena_array(b->a, HirIns *, (size_t)n);
    /* A Python function's frame gets its arguments, so that they die when it lets go of them, as in tier 0. */
    uint32_t owned = 0;
    for (int i = 0; i < n; i++) {
        Entry *e = hb_peek(b, n - i);
        if (gives && n > 31) {
            hb_own(b, e);
        }
        owned |= (uint32_t)(gives && e->owned) << BASE_MIN(i, 31);
        args[i] = e->v;
    }
    for (int i = 0; i < n && gives; i++) {
        hb_pop(b);
    }
    HirIns *r = call_op(b, HIR_CallVector, n, args, b->kwnames);
    r->aux = owned;
    if (c->known == (PyObject *)&PyRange_Type && c->plain) {
        r->type = HIR_T_RANGE; /* range cannot be subclassed and its tp_new gives no other type */
    }
    if (gives) {
        hb_push(b, hb_elide(b, r), true);
    } else {
        hb_finish_call(b, c, r, true);
    }
}

static void call_generic(Builder *b, const Call *c)
{
    call_vector(b, c);
    after_call(b);
}

/* A method found to be of this code, which the arguments fit: as call_python does it. */
static void call_code(Builder *b, const Call *c, PyCodeObject *co)
{
    HirIns *f = hb_emit1(b, HIR_Refine, call_lower(b, c)->v);
    f->aux = HIR_T_FUNCTION;
    f->type = HIR_T_FUNCTION;
    int given = c->nargs + 1;
    HirIns **args = arena_array(b->a, HirIns *, (size_t)given + 1);
    args[0] = f;
    for (int i = 0; i < given; i++) {
        Entry *e = hb_peek(b, given - i);
        hb_own(b, e);
        args[i + 1] = e->v;
    }
    for (int i = 0; i < given; i++) {
        hb_pop(b);
    }
    HirIns *r = call_op(b, HIR_CallPy, given + 1, args, co);
    hb_pop_drop(b, 1);
    hb_push(b, r, true);
}

/* A method that is one of a few functions, as an inline cache has seen: asks which, and pushes that one's frame. */
static bool call_targets(Builder *b, const Call *c)
{
    HirIns *method = call_lower(b, c)->v;
    const HbTargets *t = b->targets;
    while (t && t->method != method) {
        t = t->next;
    }
    if (!t || b->kwnames || !hb_speculate(b)) {
        return false;
    }
    HirBlock *ends[RT_TARGETS + 1];
    HirIns *results[RT_TARGETS + 1];
    uint32_t n = 0;
    for (unsigned k = 0; k < t->n; k++) {
        PyCodeObject *co = t->codes[k];
        if (!py311_plain_function(co) || co->co_argcount != c->nargs + 1) {
            continue;
        }
        HirIns *is = hb_emit1(b, HIR_IsFuncCode, method);
        is->imm.p = co;
        HirBlock *yes, *other;
        hb_branch(b, is, &yes, &other);
        State saved = hb_state_copy(b, &b->st);
        b->cur = yes;
        call_code(b, c, co);
        results[n] = hb_peek(b, 1)->v;
        ends[n++] = b->cur;
        b->cur = other;
        b->st = saved;
        b->locals_snap = NULL;
        b->fs_cache = NULL;
    }
    if (n == 0) {
        return false;
    }
    call_vector(b, c);
    results[n] = hb_peek(b, 1)->v;
    ends[n++] = b->cur;
    (void)hb_pop(b);
    hb_push(b, hb_join(b, ends, results, n, true), true);
    after_call(b);
    return true;
}

/* What a call's operands become. `from`, for each of `nparams` parameters behind the implicit ones, keyword-only ones
 * last: an operand, or -1: its default. */
typedef struct {
    int *from, nparams;
    int nextra;    /* operands for *args: the positional ones behind those of parameters */
    uint64_t rest; /* bits: keywords for **kwargs */
    bool defaults; /* positional ones are used */
} Mapping;

enum { MAX_KEYWORDS = 64 };

/* Which of the function's positional defaults is that of parameter `i`; below 0: it has none. */
static int default_index(PyFunctionObject *func, int i)
{
    PyCodeObject *co = (PyCodeObject *)func->func_code;
    int n = func->func_defaults ? (int)PyTuple_GET_SIZE(func->func_defaults) : 0;
    return i - (co->co_argcount - n);
}

/* The default of parameter `i`, borrowed, or NULL. */
static PyObject *default_now(PyFunctionObject *func, int i)
{
    PyCodeObject *co = (PyCodeObject *)func->func_code;
    int at = default_index(func, i);
    if (i < co->co_argcount) {
        return at >= 0 ? PyTuple_GET_ITEM(func->func_defaults, at) : NULL;
    }
    return rt_func_kwdefault((PyObject *)func, PyTuple_GET_ITEM(co->co_localsplusnames, i));
}

/* Which of the `given` operands fills each parameter behind the first `implicit`. False: they do not fit, and the generic
 * call raises TypeError, or matches names by equality. */
static bool map_arguments(Builder *b, PyFunctionObject *func, int given, int implicit, Mapping *m)
{
    PyCodeObject *co = (PyCodeObject *)func->func_code;
    int nkw = b->kwnames ? (int)PyTuple_GET_SIZE(b->kwnames) : 0;
    int npos = given - nkw, argc = co->co_argcount - implicit;
    *m = (Mapping){.nparams = argc + co->co_kwonlyargcount, .nextra = BASE_MAX(npos - argc, 0)};
    if (argc < 0 || npos < 0 || nkw > MAX_KEYWORDS || !py311_optimized_function(co) ||
        (m->nextra > 0 && !(co->co_flags & CO_VARARGS))) {
        return false;
    }
    m->from = arena_array(b->a, int, (size_t)m->nparams + 1);
    for (int i = 0; i < m->nparams; i++) {
        m->from[i] = i < BASE_MIN(npos, argc) ? i : -1;
    }
    for (int k = 0; k < nkw; k++) {
        PyObject *name = PyTuple_GET_ITEM(b->kwnames, k);
        int from = BASE_MAX(co->co_posonlyargcount, implicit);
        int at = py311_named_local(co, name, from, implicit + m->nparams);
        if (at >= 0) {
            if (m->from[at - implicit] >= 0) {
                return false;
            }
            m->from[at - implicit] = npos + k;
        } else if ((co->co_flags & CO_VARKEYWORDS) && PyUnicode_CHECK_INTERNED(name)) {
            m->rest |= UINT64_C(1) << k;
        } else {
            return false;
        }
    }
    for (int i = 0; i < m->nparams; i++) {
        if (m->from[i] < 0 && !default_now(func, i + implicit)) {
            return false;
        }
        m->defaults = m->defaults || (m->from[i] < 0 && i < argc);
    }
    return true;
}

/* The function `f` with its number of defaults checked. */
static HirIns *guard_defaults(Builder *b, HirIns *f, PyFunctionObject *func)
{
    f = hb_guard(b, HIR_GuardFuncDefaults, f, (uint32_t)PyTuple_GET_SIZE(func->func_defaults),
                 NULL);
    f->type = HIR_T_FUNCTION;
    return f;
}

HirIns *hb_default_of(Builder *b, HirIns *f, PyFunctionObject *func, int i)
{
    PyCodeObject *co = (PyCodeObject *)func->func_code;
    HirIns *v;
    if (i < co->co_argcount) {
        v = hb_emit1(b, HIR_FuncDefault, f);
        v->aux = (uint32_t)default_index(func, i);
    } else {
        v = hb_emit1(b, HIR_FuncKwDefault, f);
        v->imm.p = PyTuple_GET_ITEM(co->co_localsplusnames, i);
        v = hb_guard(b, HIR_GuardNotNull, v, 0, NULL);
    }
    hb_observe(b, v, default_now(func, i));
    return v;
}

/* The default of parameter `i`, or NULL: it is one that the unit may not keep. */
static PyObject *plain_default(PyFunctionObject *func, int i)
{
    PyObject *v = default_now(func, i);
    return hir_type_leaf(hir_type_of_object(v)) ? v : NULL;
}

/* The same in compiled code, guarded to be what it is now. */
static HirIns *guarded_default(Builder *b, HirIns *f, PyFunctionObject *func, int i)
{
    HirIns *g = hb_emit1(b, HIR_GuardIs, hb_default_of(b, f, func, i));
    g->imm.p = plain_default(func, i);
    g->type = hir_type_of_object(g->imm.p);
    return hb_const(b, g->imm.p);
}

/* *args: the stack entries of the operands it takes hold it and nothing then, so that it is dropped if what follows fails.
 * `depth` is that of the first of them. */
static HirIns *pack_positional(Builder *b, int depth, int n)
{
    if (n == 0) {
        return hb_const(b, py311_empty_tuple());
    }
    HirIns **items = arena_array(b->a, HirIns *, (size_t)n);
    for (int i = 0; i < n; i++) {
        items[i] = hb_peek(b, depth - i)->v;
    }
    HirIns *tuple = hb_emit(b, HIR_BuildTuple, n, items);
    for (int i = 0; i < n; i++) {
        *hb_peek(b, depth - i) = i == 0 ? (Entry){tuple, true, -1} : (Entry){hb_null(b), false, -1};
    }
    b->fs_cache = NULL;
    return tuple;
}

/* **kwargs of the keywords in m->rest; `depth` is the first keyword's. Their stack entries hold nothing then, and are to be
 * popped before anything can leave. */
static HirIns *pack_keywords(Builder *b, const Mapping *m, int depth)
{
    HirIns *pairs[2 * MAX_KEYWORDS + 1] = {NULL};
    int n = 0, k = 0;
    for (uint64_t rest = m->rest; rest; rest >>= 1, k++) {
        if (rest & 1) {
            pairs[n++] = hb_const(b, PyTuple_GET_ITEM(b->kwnames, k));
            pairs[n++] = hb_peek(b, depth - k)->v;
        }
    }
    if (b->f->max_out < (uint32_t)n + 1) {
        b->f->max_out = (uint32_t)n + 1;
    }
    HirIns *dict = hb_emit(b, HIR_BuildMap, n, pairs);
    for (int i = 1; i < n; i += 2) {
        hb_emit1(b, HIR_Decref, pairs[i]);
    }
    return dict;
}

/* A Python function whose parameters these arguments fit: straight into its frame. */
static bool call_python(Builder *b, const Call *c)
{
    PyFunctionObject *func = (PyFunctionObject *)c->known;
    PyCodeObject *co = (PyCodeObject *)func->func_code;
    int given = c->nargs + (c->method ? 1 : 0);
    Mapping m;
    if (!map_arguments(b, func, given, 0, &m)) {
        return false;
    }
    bool packs = co->co_flags & (CO_VARARGS | CO_VARKEYWORDS);
    for (int i = 0; i < m.nparams && packs; i++) {
        /* Making a container may run the collector, and so change defaults: they are what they are now, and kept. */
        if (m.from[i] < 0 && !plain_default(func, i)) {
            return false;
        }
    }
    Entry *callee = c->method ? call_lower(b, c) : call_upper(b, c);
    HirIns *f = hb_guard(b, HIR_GuardFuncCode, callee->v, 0, co);
    f->type = HIR_T_FUNCTION;
    if (m.defaults) {
        f = guard_defaults(b, f, func);
    }
    HbCall call = {.func = func,
                   .f = f,
                   .shape = c->method ? HIR_CALL_METHOD : HIR_CALL_UNDER,
                   .given = given,
                   .from = m.from};
    if (py311_direct_function(co) && hb_inline(b, &call)) {
        return true;
    }
    int first = c->method ? c->nargs + 1 : c->nargs; /* stack depth of operand 0 */
    for (int i = 0; i < given; i++) {
        hb_own(b, hb_peek(b, first - i));
    }
    int nargs = 1 + m.nparams;
    HirIns **args = arena_array(b->a, HirIns *, (size_t)nargs + 2);
    args[0] = f;
    for (int i = 0; i < m.nparams; i++) {
        args[i + 1] = m.from[i] >= 0 ? hb_peek(b, first - m.from[i])->v
                      : packs        ? guarded_default(b, f, func, i)
                                     : hb_default_of(b, f, func, i);
    }
    int npos = given - (b->kwnames ? (int)PyTuple_GET_SIZE(b->kwnames) : 0);
    HirIns *empty = NULL;
    if (co->co_flags & CO_VARARGS) {
        HirIns *tuple = pack_positional(b, first - (npos - m.nextra), m.nextra);
        empty = m.nextra == 0 ? tuple : NULL;
        args[nargs++] = tuple;
    }
    if (co->co_flags & CO_VARKEYWORDS) {
        args[nargs++] = pack_keywords(b, &m, first - npos);
    }
    /* The call consumes the arguments even when it fails, so they leave the stack first. */
    for (int i = 0; i < given; i++) {
        hb_pop(b);
    }
    for (int i = 0; i < m.nparams; i++) {
        if (m.from[i] < 0) {
            hb_emit1(b, HIR_Incref, args[i + 1]);
        }
    }
    if (empty) {
        hb_emit1(b, HIR_Incref, empty);
    }
    HirIns *r = call_op(b, HIR_CallPy, nargs, args, co);
    if (c->method) {
        hb_pop_drop(b, 1);
    } else {
        hb_pop_drop(b, 2); /* callable, then the NULL */
    }
    hb_push(b, r, true);
    after_call(b);
    return true;
}

/* Builtin functions called by their convention, as PRECALL_NO_KW_BUILTIN_* do. */
static bool call_cfunction(Builder *b, const Call *c)
{
    PyObject *f = c->known;
    if (!c->plain || b->kwnames) {
        return false;
    }
    int flags = PyCFunction_GET_FLAGS(f) &
                (METH_VARARGS | METH_FASTCALL | METH_NOARGS | METH_O | METH_KEYWORDS | METH_METHOD);
    HirIns *r;
    if (flags == METH_O && c->nargs == 1) {
        if (rt_is_getrefcount(f) && !call_arg(b, c, 0)->owned) {
            hb_own(b, call_arg(b, c, 0));
            if (b->cur->last->op == HIR_Incref) {
                b->cur->last->aux = HIR_INCREF_KEEP;
            }
        }
        HirIns *arg = call_arg(b, c, 0)->v;
        r = call_op(b, HIR_CallBuiltinO, 1, &arg, f);
    } else if (flags == METH_FASTCALL || flags == (METH_FASTCALL | METH_KEYWORDS)) {
        HirIns **args = arena_array(b->a, HirIns *, (size_t)c->nargs + 1);
        for (int i = 0; i < c->nargs; i++) {
            args[i] = call_arg(b, c, i)->v;
        }
        r = call_op(b, HIR_CallBuiltinFast, c->nargs, args, f);
    } else {
        return false;
    }
    hb_finish_call(b, c, r, true);
    after_call(b);
    return true;
}

/* Bounds of range() below this cannot make its length overflow; ints of two digits are. */
#define RANGE_LIMIT (INT64_C(1) << 60)

static HirIns *range_bound(Builder *b, HirIns *v)
{
    HirIns *raw = hb_unbox_int(b, v);
    bool small = raw->op == HIR_UnboxInt || raw->op == HIR_ListLen || raw->op == HIR_TupleLen ||
                 (raw->op == HIR_ConstI64 && raw->imm.i < RANGE_LIMIT && raw->imm.i > -RANGE_LIMIT);
    for (int above = 0; !small && above < 2; above++) {
        HirIns *fits = hb_emit2(b, HIR_ICmp, raw, hb_i64(b, above ? -RANGE_LIMIT : RANGE_LIMIT));
        fits->aux = above ? Py_GT : Py_LT;
        hb_emit1(b, HIR_GuardTrue, fits);
    }
    return raw;
}

/* for ... in range(...): the range itself is seen by nobody, so only its iterator is made; GET_ITER then
 * finds an iterator, here and in tier 0. */
static bool call_range(Builder *b, const Call *c)
{
    if (b->in[1].op != PY311_GET_ITER || c->nargs < 1 || c->nargs > 3) {
        return false;
    }
    for (int k = 0; k < c->nargs; k++) {
        if (!(call_arg(b, c, k)->v->type & HIR_T_INT)) {
            return false;
        }
    }
    if (c->nargs == 3) {
        HirIns *step = call_arg(b, c, 2)->v;
        int overflow = 0;
        if (step->op != HIR_Const || !PyLong_CheckExact((PyObject *)step->imm.p)) {
            return false;
        }
        long n = PyLong_AsLongAndOverflow(step->imm.p, &overflow);
        if (n == 0 || overflow || n >= RANGE_LIMIT || n <= -RANGE_LIMIT) {
            return false;
        }
    }
    HirIns *v[3];
    for (int k = 0; k < c->nargs; k++) {
        v[k] = range_bound(b, hb_guard_type(b, call_arg(b, c, k)->v, HIR_T_INT));
    }
    HirIns *args[] = {c->nargs > 1 ? v[0] : hb_i64(b, 0), c->nargs > 1 ? v[1] : v[0],
                      c->nargs > 2 ? v[2] : hb_i64(b, 1)};
    hb_finish_call(b, c, hb_emit(b, HIR_RangeIter, 3, args), true);
    return true;
}

static bool call_class(Builder *b, const Call *c)
{
    if (!c->plain || b->kwnames) {
        return false;
    }
    PyTypeObject *tp = (PyTypeObject *)c->known;
    if (tp == &PyType_Type && c->nargs == 1) {
        HirIns *t = hb_emit1(b, HIR_TypeOf, call_arg(b, c, 0)->v);
        hb_emit1(b, HIR_Incref, t);
        hb_finish_call(b, c, t, true);
        return true;
    }
    if (tp == &PyUnicode_Type && c->nargs == 1) {
        HirIns *r = hb_emit1(b, HIR_StrOf, call_arg(b, c, 0)->v);
        hb_finish_call(b, c, r, true);
        after_call(b);
        return true;
    }
    if (tp == &PyRange_Type && call_range(b, c)) {
        return true;
    }
    if ((tp == &PyEnum_Type || tp == &PyZip_Type) && hb_call_pairs(b, c, tp)) {
        return true;
    }
    if (tp == &PyTuple_Type && c->nargs == 1) {
        HirIns *r = hb_emit1(b, HIR_TupleOf, call_arg(b, c, 0)->v);
        hb_finish_call(b, c, r, true);
        after_call(b);
        return true;
    }
    return false;
}

/* A Python class whose __init__ takes these arguments: its frame is pushed here. The caller keeps its references to them
 * until the call is through, as type_call's does. */
static bool call_init(Builder *b, const Call *c)
{
    PyTypeObject *tp = (PyTypeObject *)c->known;
    PyFunctionObject *init = (PyFunctionObject *)rt_python_init(tp);
    PyCodeObject *co = (PyCodeObject *)init->func_code;
    Mapping map;
    if (co->co_argcount == 0 || !map_arguments(b, init, c->nargs, 1, &map) ||
        !py311_direct_function(co)) {
        return false;
    }
    const int *from = map.from;
    for (int i = co->co_argcount - 1; i < map.nparams; i++) {
        if (from[i] < 0) {
            return false; /* its guard would have to come before the object is made */
        }
    }
    if (rt_unit_pin(b->unit, (PyObject *)co) < 0) {
        hb_stop(b, "out of memory");
        return false;
    }
    HbMark m = hb_mark(b);
    HirIns *cls = hb_guard_class(b, call_upper(b, c)->v, tp);
    if (!cls) {
        hb_undo(b, &m);
        return false;
    }
    HirIns *f = hb_emit0(b, HIR_Const);
    f->imm.p = init;
    f->aux = HIR_CONST_BORROWED;
    f->type = HIR_T_FUNCTION;
    if (map.defaults) {
        f = guard_defaults(b, f, init);
    }
    if (hb_inline_init(b, tp, cls, init, f, c->nargs, from)) {
        return true;
    }
    int argc = co->co_argcount;
    bool fits = !b->caller && py311_plain_function(co);
    for (int i = 1; i < argc; i++) {
        fits = fits && (from[i - 1] >= 0 || plain_default(init, i));
    }
    if (!fits) {
        hb_undo(b, &m);
        return false;
    }
    HirIns **args = arena_array(b->a, HirIns *, (size_t)argc + 1);
    /* Defaults are compared with what they are now: making the object may run the collector, and so change them. */
    for (int i = 1; i < argc; i++) {
        if (from[i - 1] < 0) {
            args[i + 1] = guarded_default(b, f, init, i);
        }
    }
    for (int i = 1; i < argc; i++) {
        if (from[i - 1] >= 0) {
            args[i + 1] = call_arg(b, c, from[i - 1])->v;
        }
    }
    args[0] = f;
    args[1] = hb_emit1(b, HIR_NewInstance, cls);
    for (int i = 1; i < argc; i++) {
        hb_emit1(b, HIR_Incref, args[i + 1]);
    }
    HirIns *r = call_op(b, HIR_CallInit, argc + 1, args, co);
    r->aux = rt_type_version(tp);
    hb_finish_call(b, c, r, true);
    after_call(b);
    return true;
}

/* A Python class: its cache checks the class's version, whichever class comes. */
static bool call_python_class(Builder *b, const Call *c)
{
    if (!c->plain || !b->unit || !rt_class_ic_worth((PyTypeObject *)c->known)) {
        return false;
    }
    if (hb_speculate(b) && call_init(b, c)) {
        return true;
    }
    if (b->kwnames) {
        return false;
    }
    void *ic = rt_class_ic_new(b->unit);
    if (!ic) {
        hb_stop(b, "out of memory");
        return true;
    }
    HirIns **args = arena_array(b->a, HirIns *, (size_t)c->nargs + 1);
    for (int i = 0; i <= c->nargs; i++) {
        args[i] = hb_peek(b, c->nargs + 1 - i)->v;
    }
    HirIns *r = call_op(b, HIR_CallClass, c->nargs + 1, args, ic);
    hb_finish_call(b, c, r, true);
    after_call(b);
    return true;
}

/* Method descriptors of builtin types, as PRECALL_NO_KW_METHOD_DESCRIPTOR_* do. */
static bool call_descr(Builder *b, const Call *c)
{
    PyMethodDescrObject *d = (PyMethodDescrObject *)c->known;
    if (!c->method || b->kwnames) {
        return false;
    }
    PyTypeObject *tp = d->d_common.d_type;
    HirType bit = hir_type_of_pytype(tp);
    int flags = d->d_method->ml_flags &
                (METH_VARARGS | METH_FASTCALL | METH_NOARGS | METH_O | METH_KEYWORDS | METH_METHOD |
                 METH_CLASS | METH_STATIC | METH_COEXIST);
    bool fast = flags == METH_FASTCALL || flags == (METH_FASTCALL | METH_KEYWORDS);
    RtMethod method = c->nargs == 1 ? rt_method_of(c->known) : RT_METHOD_NONE;
    if (!method && !(flags == METH_NOARGS && c->nargs == 0) &&
        !(flags == METH_O && c->nargs == 1) && !fast) {
        return false;
    }
    HirIns *self = call_upper(b, c)->v;
    if (bit != HIR_T_OTHER) {
        if (!(self->type & bit)) {
            return false;
        }
        self = hb_guard_type(b, self, bit);
    } else {
        self = hb_guard(b, HIR_GuardTypePtr, self, 0, tp);
    }
    HirIns *r;
    if (method) {
        HirIns *args[] = {self, call_arg(b, c, 0)->v};
        r = call_op(b, HIR_CallMethodO, 2, args, d);
        r->aux = method;
    } else if (flags == METH_NOARGS) {
        r = call_op(b, HIR_CallDescrNoArgs, 1, &self, d);
    } else if (flags == METH_O) {
        HirIns *args[] = {self, call_arg(b, c, 0)->v};
        if (b->precall_quick == PY311_PRECALL_NO_KW_LIST_APPEND && bit == HIR_T_LIST) {
            hb_own(b, call_arg(b, c, 0));
            hb_emit2(b, HIR_ListAppend, self, args[1]);
            hb_pop(b); /* consumed */
            Entry list = hb_pop(b), descr = hb_pop(b);
            hb_drop(b, list);
            hb_drop(b, descr);
            hb_push(b, hb_const(b, Py_None), false);
            return true;
        }
        r = call_op(b, HIR_CallDescrO, 2, args, d);
    } else if (bit == HIR_T_DICT && (c->nargs == 1 || c->nargs == 2) &&
               strcmp(d->d_method->ml_name, "get") == 0) {
        r = hb_emit3(b, HIR_DictGet, self, call_arg(b, c, 0)->v,
                     c->nargs == 2 ? call_arg(b, c, 1)->v : hb_const(b, Py_None));
    } else {
        HirIns **args = arena_array(b->a, HirIns *, (size_t)c->nargs + 1);
        args[0] = self;
        for (int i = 0; i < c->nargs; i++) {
            args[i + 1] = call_arg(b, c, i)->v;
        }
        r = call_op(b, HIR_CallDescrFast, c->nargs + 1, args, d);
    }
    hb_finish_call(b, c, r, true);
    after_call(b);
    return true;
}

static bool call_known(Builder *b, const Call *c)
{
    if (c->known && PyType_Check(c->known) &&
        (((PyTypeObject *)c->known)->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
        return call_python_class(b, c); /* which has a cache for other classes */
    }
    if (!c->known || !hb_speculate(b)) {
        return false;
    }
    if (PyFunction_Check(c->known) && (c->method || c->plain)) {
        return call_python(b, c);
    }
    /* Everything below relies on the callable being that very object. */
    HirIns *callable = (c->method ? call_lower(b, c) : call_upper(b, c))->v;
    if (callable->op != HIR_Const || callable->aux == HIR_CONST_BORROWED) {
        return false;
    }
    int q = b->precall_quick;
    if (PyCFunction_CheckExact(c->known)) {
        return hb_call_builtin(b, c) || call_cfunction(b, c);
    }
    if (c->known == (PyObject *)&PySuper_Type) {
        return hb_call_super(b, c);
    }
    if (PyType_Check(c->known)) {
        return call_class(b, c);
    }
    if (Py_IS_TYPE(c->known, &PyMethodDescr_Type)) {
        bool seen = q == PY311_PRECALL_NO_KW_METHOD_DESCRIPTOR_O ||
                    q == PY311_PRECALL_NO_KW_METHOD_DESCRIPTOR_FAST ||
                    q == PY311_PRECALL_METHOD_DESCRIPTOR_FAST_WITH_KEYWORDS ||
                    q == PY311_PRECALL_NO_KW_METHOD_DESCRIPTOR_NOARGS ||
                    q == PY311_PRECALL_NO_KW_LIST_APPEND;
        return (seen || rt_method_of(c->known)) && call_descr(b, c);
    }
    return false;
}

void hb_end_call(Builder *b)
{
    b->kwnames = NULL;
    b->call_start = -1;
    b->precall_quick = 0;
    b->spread = 0;
}

void hb_call(Builder *b)
{
    /* With `spread` the last argument is not on the stack, but its items are. */
    Call c = {.nargs = b->spread ? b->spread + 1 : b->in->arg};
    HirIns *lower = call_lower(b, &c)->v, *upper = call_upper(b, &c)->v;
    if (lower->type == HIR_T_NULL) {
        c.plain = true;
        c.known = hb_observed(b, upper);
    } else if (!(lower->type & HIR_T_NULL)) {
        c.method = true;
        c.known = hb_observed(b, lower);
    }
    if (!call_known(b, &c) && !call_targets(b, &c)) {
        call_generic(b, &c);
    }
    hb_end_call(b);
}

/* f(*args, **kwargs) makes a dict, merges kwargs into it and calls: where the callee is a Python function nobody sees that
 * dict, as the keywords go into its frame. */
bool hb_leave_merge(Builder *b)
{
    const FbIns *in = b->in;
    if (b->caller || !hb_same_block(b, 3) || in[1].op != PY311_LOAD_FAST ||
        in[2].op != PY311_DICT_MERGE || in[2].arg != 1 || in[3].op != PY311_CALL_FUNCTION_EX ||
        !hb_speculate(b)) {
        return false;
    }
    int local = in[1].arg;
    HirIns *v = b->st.locals[local];
    if ((v->type & HIR_T_NULL) || !(v->type & HIR_T_DICT)) {
        return false;
    }
    hb_push_home(b, hb_guard_type(b, v, HIR_T_DICT), local);
    b->built = &in[1];
    b->merge = &in[2];
    return true;
}

void hb_call_ex(Builder *b)
{
    bool kw = b->in->arg & 1;
    HirIns *kwargs = kw ? hb_peek(b, 1)->v : hb_null(b);
    HirIns *args = hb_peek(b, kw ? 2 : 1)->v;
    HirIns *func = hb_peek(b, kw ? 3 : 2)->v;
    bool merge = b->merge && b->in == b->merge + 1;
    HirIns *r = hb_emit3(b, merge ? HIR_CallExMerge : HIR_CallEx, func, args, kwargs);
    Entry k = {0};
    if (kw) {
        k = hb_pop(b);
    }
    Entry a = hb_pop(b), f = hb_pop(b);
    hb_pop_drop(b, 1); /* NULL, though a unit that is resumed here does not know */
    hb_drop(b, f);
    hb_drop(b, a);
    if (kw) {
        hb_drop(b, k);
    }
    hb_push(b, r, true);
    after_call(b);
}
