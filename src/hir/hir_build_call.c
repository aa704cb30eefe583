/* Builder, attributes and calls: names that resolve through PEP 659 caches, and
 * what can be called without the generic protocol once the callee is known. */
#include "hir_build_priv.h"

#include "py311_frame.h"
#include "py311_opcodes.h"
#include "rt.h"

/* Builtins are worth knowing exactly where they are loaded: guarding the identity costs a
 * comparison and makes the value a constant that needs no counting. The unit then keeps the
 * object alive, so this is only for objects that live as long as their module: holding a Python
 * function or class would make cycles that the collector cannot see. */
static bool worth_pinning(PyObject *o)
{
    if (PyType_Check(o)) {
        return !(((PyTypeObject *)o)->tp_flags & Py_TPFLAGS_HEAPTYPE);
    }
    if (PyCFunction_CheckExact(o)) {
        PyObject *self = PyCFunction_GET_SELF(o);
        return !self || PyModule_CheckExact(self);
    }
    return false;
}

/* What a guarded load found, as a value-stack entry: a constant if it is a
 * stable callable. Call it while the state is still the one before the load. */
static Entry loaded(Builder *b, HirIns *v, PyObject *seen)
{
    if (seen && worth_pinning(seen)) {
        HirIns *g = hb_emit1(b, HIR_GuardIs, v);
        g->imm.p = seen;
        g->type = hir_type_of_object(seen);
        return (Entry){hb_const(b, seen), false, -1};
    }
    if (seen) {
        hb_observe(b, v, seen);
    }
    if (b->caller) {
        return (Entry){v, false, HB_HEAP};
    }
    hb_emit1(b, HIR_Incref, v);
    return (Entry){v, true, -1};
}

static void push(Builder *b, Entry e)
{
    hb_push_entry(b, e.v, e.owned, e.home);
}

static HirIns *attr_ic(Builder *b, HirIns *i, int name)
{
    if (b->unit && !b->caller &&
        !(i->imm.p = rt_attr_ic_new(b->unit, PyTuple_GET_ITEM(b->co->co_names, name), b->resume))) {
        hb_stop(b, "out of memory");
    }
    return i;
}

/* --- LOAD_GLOBAL ------------------------------------------------------------------- */

/* Looks a name up without running code: exact dicts with str keys only. */
static PyObject *peek_dict(PyObject *dict, PyObject *name)
{
    if (!dict || !PyDict_CheckExact(dict) || !py311_keys_unicode(py311_dict_keys(dict))) {
        return NULL;
    }
    return PyDict_GetItemWithError(dict, name);
}

/* The load from the frame's globals, or from what they would be. */
static HirIns *globals_entry(Builder *b, HirOp op)
{
    if (!b->caller) {
        return hb_emit1(b, op, hb_emit0(b, HIR_FrameGlobals));
    }
    HirIns *g = hb_guard_type(b, hb_emit1(b, HIR_FuncGlobals, b->func), HIR_T_DICT);
    if (op == HIR_LoadGlobalModule) {
        return hb_emit1(b, op, g);
    }
    HirIns *builtins = hb_guard_type(b, hb_emit1(b, HIR_FuncBuiltins, b->func), HIR_T_DICT);
    return hb_emit2(b, op, g, builtins);
}

void hb_load_global(Builder *b)
{
    const FbIns *in = b->in;
    PyObject *name = PyTuple_GET_ITEM(b->co->co_names, in->arg >> 1);
    int q = in->quick;
    bool module = q == PY311_LOAD_GLOBAL_MODULE, builtin = q == PY311_LOAD_GLOBAL_BUILTIN;
    HirIns *v = NULL;
    PyObject *seen = NULL;
    if ((module || builtin) && hb_speculate(b)) {
        v = globals_entry(b, module ? HIR_LoadGlobalModule : HIR_LoadGlobalBuiltin);
        v->aux = in->version;
        if (module) {
            v->imm.i = in->index;
        } else {
            v->imm.pair.a = in->version2;
            v->imm.pair.b = (uint32_t)in->index;
        }
        seen = peek_dict(module ? b->opts->globals : b->opts->builtins, name);
    }
    Entry e;
    if (v) {
        e = loaded(b, v, seen);
    } else {
        v = hb_emit0(b, HIR_LoadGlobal);
        if (b->unit && !b->caller && !(v->imm.p = rt_global_ic_new(b->unit, name))) {
            hb_stop(b, "out of memory");
        }
        e = (Entry){v, true, -1};
    }
    if (in->arg & 1) {
        hb_push(b, hb_null(b), false);
    }
    push(b, e);
}

/* --- attributes ------------------------------------------------------------------------ */

static void observe_some(Builder *b, HirIns *v, PyObject *seen)
{
    if (seen) {
        hb_observe(b, v, seen);
    }
}

static void replace_owner(Builder *b, HirIns *v)
{
    hb_replace_loaded(b, 1, v);
}

/* What LOAD_ATTR's specialised form would find now on the object that was seen there, borrowed, or NULL: tier 0
 * has no caches for what operators then do with it. */
static PyObject *peek_attr(Builder *b, HirIns *owner, PyObject *name)
{
    const FbIns *in = b->in;
    PyObject *o = hb_observed(b, owner);
    if (!o || in->version == 0 || Py_TYPE(o)->tp_version_tag != in->version) {
        return NULL;
    }
    if (in->quick == PY311_LOAD_ATTR_INSTANCE_VALUE ||
        in->quick == PY311_STORE_ATTR_INSTANCE_VALUE) {
        Py311Values *values = py311_inline_values(o);
        return values ? values[in->index] : NULL;
    }
    if (in->quick == PY311_LOAD_ATTR_SLOT || in->quick == PY311_STORE_ATTR_SLOT) {
        return *(PyObject **)(void *)((char *)o + in->index);
    }
    return in->quick == PY311_LOAD_ATTR_WITH_HINT ? peek_dict(*py311_managed_dict_ptr(o), name)
                                                  : NULL;
}

/* An object that the guards just emitted vouch for (the class holds it). Descriptors of static
 * types live for ever, what the unit may keep it does; others get a reference, as CPython's stack entry has. */
static Entry vouched(Builder *b, PyObject *callable)
{
    if (hir_type_leaf(hir_type_of_object(callable)) ||
        (Py_IS_TYPE(callable, &PyMethodDescr_Type) &&
         !(PyDescr_TYPE(callable)->tp_flags & Py_TPFLAGS_HEAPTYPE))) {
        return (Entry){hb_const(b, callable), false, -1};
    }
    HirIns *m = hb_emit0(b, HIR_Const);
    m->imm.p = callable;
    m->aux = HIR_CONST_BORROWED;
    m->type = hir_type_of_object(callable);
    if (b->caller) {
        return (Entry){m, false, HB_HEAP};
    }
    hb_emit1(b, HIR_Incref, m);
    return (Entry){m, true, -1};
}

/* The types that guards have found v to be of. False: unknown. */
static bool guarded_types(Builder *b, HirIns *v, RtTypeSet *set)
{
    const HirIns *made = hir_root(v);
    if (made->op == HIR_NewInstanceHeld) {
        PyTypeObject *tp = made->imm.p;
        *set = (RtTypeSet){.n = 1, .versions = {rt_type_version(tp)}, .keys_count = {RT_KEYS_ANY}};
        set->types[0] = tp;
        return true;
    }
    for (HirIns *g = v; hir_root(g) != g; g = g->args[0]) {
        if (g->op == HIR_GuardTypeIn) {
            *set = *(RtTypeSet *)g->imm.p;
            return true;
        }
        if (g->op == HIR_GuardTypeVer) {
            PyObject *o = hb_observed(b, v);
            *set = (RtTypeSet){.n = 1, .versions = {g->aux}, .keys_count = {RT_KEYS_ANY}};
            set->types[0] = o ? Py_TYPE(o) : NULL;
            return o && Py_TYPE(o)->tp_version_tag == g->aux;
        }
    }
    return false;
}

/* Whether tier 0 has seen an object of these types here that has a dict of its own: its form knows better where the
 * attribute is than the types do. */
static bool has_dicts(Builder *b, const RtTypeSet *set)
{
    switch (b->in->quick) {
    case PY311_LOAD_ATTR_WITH_HINT:
    case PY311_STORE_ATTR_WITH_HINT:
    case PY311_LOAD_METHOD_WITH_DICT: break;
    default: return false;
    }
    for (uint32_t k = 0; k < set->n; k++) {
        if (set->versions[k] == b->in->version) {
            return true;
        }
    }
    return false;
}

/* How the objects that come by here have the attribute: objects of the types that guards have found, or else of those
 * that inline caches have seen, or the class that is there now. */
static bool known_attr(Builder *b, HirIns *owner, PyObject *name, RtAttrSeen *seen)
{
    if (b->opts->generic || !b->opts->seen || !b->unit ||
        !(owner->type & (HIR_T_OTHER | HIR_T_TYPE))) {
        return false;
    }
    RtTypeSet set;
    HirSeen here = b->opts->seen(b->co, b->resume, seen);
    if (here == HIR_SEEN_TOO_MUCH) {
        return false;
    }
    PyObject *example = here == HIR_SEEN_THIS ? seen->example : NULL;
    if (guarded_types(b, owner, &set)) {
        bool inline_there = here == HIR_SEEN_THIS && seen->kind == RT_ATTR_INLINE_VALUE;
        if (!rt_attr_of_types(&set, name, seen) || (has_dicts(b, &set) && !inline_there)) {
            return false;
        }
        seen->example = example;
        if (seen->kind != RT_ATTR_CLASS_METHOD && seen->kind != RT_ATTR_CLASS_VALUE) {
            seen->set = set; /* the same guard again costs nothing */
        }
        return true;
    }
    if (here == HIR_SEEN_THIS) {
        return true;
    }
    PyObject *o = hb_observed(b, owner);
    return o && PyType_Check(o) && hb_speculate(b) &&
           rt_attr_of_class((PyTypeObject *)o, name, seen);
}

/* Guards that v is one of the objects of which that is known. */
static HirIns *guard_types(Builder *b, HirIns *v, const RtAttrSeen *seen)
{
    if (seen->set.n == 1 && seen->set.keys_count[0] == RT_KEYS_ANY) {
        return hb_guard(b, HIR_GuardTypeVer, v, seen->set.versions[0], NULL);
    }
    RtTypeSet *set = rt_type_set(b->unit, &seen->set);
    if (!set) {
        hb_stop(b, "out of memory");
    }
    return hb_guard(b, HIR_GuardTypeIn, v, 0, set);
}

/* The attribute where it is a value in the objects, for which the guards are there; else NULL. */
static HirIns *load_value(Builder *b, HirIns *owner, const RtAttrSeen *seen)
{
    if (seen->kind != RT_ATTR_INLINE_VALUE && seen->kind != RT_ATTR_MEMBER) {
        return NULL;
    }
    owner = guard_types(b, owner, seen);
    HirIns *v =
        hb_emit1(b, seen->kind == RT_ATTR_MEMBER ? HIR_LoadSlot : HIR_LoadInlineValue, owner);
    v->aux = seen->index;
    observe_some(b, v, seen->example);
    return v;
}

/* Guards that the object is this class, unchanged, and its metaclass too. NULL: they cannot be made. */
static HirIns *guard_class(Builder *b, HirIns *cls, PyTypeObject *tp)
{
    PyTypeObject *meta = Py_TYPE(tp);
    uint32_t version = rt_type_version(tp), meta_version = rt_type_version(meta);
    if (!(cls->type & HIR_T_ANY) || version == 0 || meta_version == 0) {
        return NULL;
    }
    if (meta == &PyType_Type && cls->type & HIR_T_TYPE) {
        cls = hb_guard_type(b, cls, HIR_T_TYPE);
    } else {
        cls = hb_guard(b, HIR_GuardTypeVer, cls, meta_version, NULL);
    }
    return hb_guard(b, HIR_GuardClassVer, cls, version, NULL);
}

/* LOAD_ATTR by what is known of the site. False: nothing was done. */
static bool load_known_attr(Builder *b, HirIns *owner, PyObject *name)
{
    RtAttrSeen seen;
    if (!known_attr(b, owner, name, &seen)) {
        return false;
    }
    HirIns *v = load_value(b, owner, &seen);
    if (v) {
        replace_owner(b, v);
        return true;
    }
    if (seen.kind == RT_ATTR_PROPERTY) {
        guard_types(b, owner, &seen);
        return hb_inline_getter(b, seen.descr);
    }
    if (seen.kind == RT_ATTR_CLASS_VALUE) {
        guard_types(b, owner, &seen);
    } else if (seen.kind != RT_ATTR_TYPE_VALUE || !guard_class(b, owner, seen.owner)) {
        return false;
    }
    Entry e = vouched(b, seen.descr), o = hb_pop(b);
    push(b, e);
    hb_drop(b, o);
    return true;
}

void hb_load_attr(Builder *b)
{
    const FbIns *in = b->in;
    PyObject *name = PyTuple_GET_ITEM(b->co->co_names, in->arg);
    HirIns *owner = hb_peek(b, 1)->v;
    HirIns *v = NULL;
    if (load_known_attr(b, owner, name)) {
        return;
    }
    if (hb_speculate(b)) {
        PyObject *found = peek_attr(b, owner, name);
        switch (in->quick) {
        case PY311_LOAD_ATTR_INSTANCE_VALUE:
            owner = hb_guard(b, HIR_GuardTypeVer, owner, in->version, NULL);
            v = hb_emit1(b, HIR_LoadInlineValue, owner);
            v->aux = (uint32_t)in->index;
            observe_some(b, v, found);
            replace_owner(b, v);
            return;
        case PY311_LOAD_ATTR_SLOT:
            owner = hb_guard(b, HIR_GuardTypeVer, owner, in->version, NULL);
            v = hb_emit1(b, HIR_LoadSlot, owner);
            v->aux = (uint32_t)in->index;
            observe_some(b, v, found);
            replace_owner(b, v);
            return;
        case PY311_LOAD_ATTR_WITH_HINT:
            owner = hb_guard(b, HIR_GuardTypeVer, owner, in->version, NULL);
            v = hb_emit1(b, HIR_LoadDictHint, owner);
            v->aux = (uint32_t)in->index;
            v->imm.p = name;
            if (b->unit && rt_unit_pin(b->unit, name) < 0) {
                hb_stop(b, "out of memory");
            }
            observe_some(b, v, found);
            replace_owner(b, v);
            return;
        case PY311_LOAD_ATTR_MODULE: {
            PyObject *module = hb_observed(b, owner);
            if (!(owner->type & HIR_T_MODULE)) {
                break;
            }
            owner = hb_guard_type(b, owner, HIR_T_MODULE);
            v = hb_emit1(b, HIR_LoadModuleAttr, owner);
            v->aux = in->version;
            v->imm.i = in->index;
            PyObject *seen = module && PyModule_CheckExact(module)
                                 ? peek_dict(PyModule_GetDict(module), name)
                                 : NULL;
            Entry e = loaded(b, v, seen), o = hb_pop(b);
            push(b, e);
            hb_drop(b, o);
            return;
        }
        default: break;
        }
    }
    v = attr_ic(b, hb_emit1(b, HIR_LoadAttr, owner), in->arg);
    Entry o = hb_pop(b);
    hb_push(b, v, true);
    hb_drop(b, o);
}

/* In inlined code nothing may be freed but what is known to run no Python code then. */
static int64_t guard_old_attr(Builder *b, bool inline_value, uint32_t index)
{
    PyObject *name = PyTuple_GET_ITEM(b->co->co_names, b->in->arg);
    HirIns *owner = hb_peek(b, 1)->v;
    PyObject *seen = peek_attr(b, owner, name);
    HirIns *old = hb_emit1(b, inline_value ? HIR_LoadInlineValue : HIR_LoadSlot, owner);
    old->aux = index;
    hb_own_loaded(b);
    return hb_guard_old(b, old, seen);
}

/* Whether this is the first store of that value into an object whose __init__ is being inlined; nobody else can have
 * stored one. */
static bool is_first_store(Builder *b, HirIns *owner, uint32_t index)
{
    for (Builder *c = b; c; c = c->caller) {
        if (c->fresh && hir_root(owner) == hir_root(c->fresh)) {
            bool first = index < 64 && !(c->fresh_set >> index & 1);
            c->fresh_set |= index < 64 ? UINT64_C(1) << index : 0;
            return first;
        }
    }
    return false;
}

/* The store into an object whose type the guards have found. */
static void store_value(Builder *b, bool inline_value, uint32_t index)
{
    int64_t old = 0;
    if (inline_value && is_first_store(b, hb_peek(b, 1)->v, index)) {
        hb_own_loaded(b);
        old = HIR_T_NULL;
    } else if (b->caller) {
        old = guard_old_attr(b, inline_value, index);
    }
    hb_own(b, hb_peek(b, 2));
    HirIns *s = hb_emit2(b, inline_value ? HIR_StoreInlineValue : HIR_StoreSlot, hb_peek(b, 1)->v,
                         hb_peek(b, 2)->v);
    s->aux = index;
    s->imm.i = old;
    Entry owner = hb_pop(b);
    hb_pop(b);
    hb_drop(b, owner);
}

/* STORE_ATTR by what is known of the site. False: nothing was done. */
static bool store_known_attr(Builder *b)
{
    PyObject *name = PyTuple_GET_ITEM(b->co->co_names, b->in->arg);
    HirIns *owner = hb_peek(b, 1)->v;
    RtAttrSeen seen;
    if (!known_attr(b, owner, name, &seen) || seen.kind != RT_ATTR_INLINE_VALUE) {
        return false;
    }
    for (uint32_t k = 0; k < seen.set.n; k++) {
        if (seen.set.types[k]->tp_setattro != PyObject_GenericSetAttr) {
            return false;
        }
    }
    guard_types(b, owner, &seen);
    store_value(b, true, seen.index);
    return true;
}

void hb_store_attr(Builder *b)
{
    const FbIns *in = b->in;
    bool inline_value = in->quick == PY311_STORE_ATTR_INSTANCE_VALUE;
    bool slot = in->quick == PY311_STORE_ATTR_SLOT;
    if (store_known_attr(b)) {
        return;
    }
    if ((inline_value || slot) && hb_speculate(b)) {
        hb_guard(b, HIR_GuardTypeVer, hb_peek(b, 1)->v, in->version, NULL);
        store_value(b, inline_value, (uint32_t)in->index);
        return;
    }
    attr_ic(b, hb_emit2(b, HIR_StoreAttr, hb_peek(b, 1)->v, hb_peek(b, 2)->v), in->arg);
    Entry owner = hb_pop(b), v = hb_pop(b);
    hb_drop(b, v);
    hb_drop(b, owner);
}

/* The callable under the object that stays as self. */
static void push_method(Builder *b, PyObject *descr)
{
    Entry m = vouched(b, descr);
    Entry self = hb_pop(b);
    push(b, m);
    push(b, self);
}

/* LOAD_METHOD by what is known of the site. False: nothing was done. */
static bool load_known_method(Builder *b, HirIns *obj, PyObject *name)
{
    RtAttrSeen seen;
    if (!known_attr(b, obj, name, &seen)) {
        return false;
    }
    if (seen.kind == RT_ATTR_CLASS_METHOD) {
        guard_types(b, obj, &seen);
        push_method(b, seen.descr);
        return true;
    }
    HirIns *v = load_value(b, obj, &seen);
    if (!v) {
        return false;
    }
    Entry e = loaded(b, v, NULL), o = hb_pop(b);
    hb_push(b, hb_null(b), false);
    push(b, e);
    hb_drop(b, o);
    return true;
}

void hb_load_method(Builder *b)
{
    const FbIns *in = b->in;
    PyObject *name = PyTuple_GET_ITEM(b->co->co_names, in->arg);
    HirIns *obj = hb_peek(b, 1)->v;
    if (load_known_method(b, obj, name)) {
        return;
    }
    if (hb_speculate(b)) {
        switch (in->quick) {
        case PY311_LOAD_METHOD_WITH_VALUES:
            obj = hb_guard(b, HIR_GuardTypeVer, obj, in->version, NULL);
            obj = hb_guard(b, HIR_GuardNoDict, obj, 0, NULL);
            hb_guard(b, HIR_GuardKeysVer, obj, in->version2, NULL);
            push_method(b, in->descr);
            return;
        case PY311_LOAD_METHOD_NO_DICT:
            hb_guard(b, HIR_GuardTypeVer, obj, in->version, NULL);
            push_method(b, in->descr);
            return;
        case PY311_LOAD_METHOD_WITH_DICT: {
            obj = hb_guard(b, HIR_GuardTypeVer, obj, in->version, NULL);
            HirIns *g = hb_guard(b, HIR_GuardDictKeys, obj, (uint32_t)in->index, NULL);
            g->imm.i = in->version2;
            push_method(b, in->descr);
            return;
        }
        case PY311_LOAD_METHOD_CLASS: {
            hb_guard(b, HIR_GuardClassVer, obj, in->version, NULL);
            Entry m = vouched(b, in->descr);
            Entry cls = hb_pop(b);
            hb_push(b, hb_null(b), false);
            push(b, m);
            hb_drop(b, cls);
            return;
        }
        case PY311_LOAD_METHOD_MODULE: {
            if (!(obj->type & HIR_T_MODULE)) {
                break;
            }
            PyObject *module = hb_observed(b, obj);
            obj = hb_guard_type(b, obj, HIR_T_MODULE);
            HirIns *v = hb_emit1(b, HIR_LoadModuleAttr, obj);
            /* Laid out like LOAD_ATTR_MODULE's cache. */
            v->aux = in->version;
            v->imm.i = (uint16_t)in->index;
            PyObject *seen = module && PyModule_CheckExact(module)
                                 ? peek_dict(PyModule_GetDict(module), name)
                                 : NULL;
            Entry e = loaded(b, v, seen), o = hb_pop(b);
            hb_push(b, hb_null(b), false);
            push(b, e);
            hb_drop(b, o);
            return;
        }
        default: break;
        }
    }
    if (b->f->max_out < 1) {
        b->f->max_out = 1;
    }
    HirIns *upper = attr_ic(b, hb_emit1(b, HIR_LoadMethod, obj), in->arg);
    HirIns *lower = hb_emit1(b, HIR_LoadOut, upper);
    Entry o = hb_pop(b);
    hb_push(b, lower, true);
    hb_push(b, upper, true);
    hb_drop(b, o);
}

/* --- calls --------------------------------------------------------------------------------- */

void hb_finish_call(Builder *b, const Call *c, HirIns *result, bool owned)
{
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

static void call_generic(Builder *b, const Call *c)
{
    int n = c->nargs + 2;
    HirIns **args = arena_array(b->a, HirIns *, (size_t)n);
    for (int i = 0; i < n; i++) {
        args[i] = hb_peek(b, n - i)->v;
    }
    if (b->kwnames && b->unit && rt_unit_pin(b->unit, b->kwnames) < 0) {
        hb_stop(b, "out of memory");
    }
    HirIns *r = call_op(b, HIR_CallVector, n, args, b->kwnames);
    r->aux = c->nargs >= 1 && !call_arg(b, c, 0)->owned;
    if (c->known == (PyObject *)&PyRange_Type && c->plain) {
        r->type = HIR_T_RANGE; /* range cannot be subclassed and its tp_new gives no other type */
    }
    hb_finish_call(b, c, r, true);
    after_call(b);
}

/* Which of the `given` operands of the call fills each parameter behind the first `implicit`; -1: its default does.
 * NULL: they do not fit, and the generic call raises TypeError, or matches names by equality. */
static int *map_arguments(Builder *b, PyFunctionObject *func, int given, int implicit,
                          bool *use_defaults)
{
    PyCodeObject *co = (PyCodeObject *)func->func_code;
    int nkw = b->kwnames ? (int)PyTuple_GET_SIZE(b->kwnames) : 0;
    int npos = given - nkw, argc = co->co_argcount - implicit;
    if (!py311_plain_function(co) || npos > argc || npos < 0) {
        return NULL;
    }
    int *from = arena_array(b->a, int, (size_t)argc + 1);
    for (int i = 0; i < argc; i++) {
        from[i] = i < npos ? i : -1;
    }
    for (int k = 0; k < nkw; k++) {
        PyObject *name = PyTuple_GET_ITEM(b->kwnames, k);
        int at = -1;
        for (int i = BASE_MAX(co->co_posonlyargcount - implicit, 0); i < argc; i++) {
            if (PyTuple_GET_ITEM(co->co_localsplusnames, i + implicit) == name) {
                at = i;
                break;
            }
        }
        if (at < 0 || from[at] >= 0) {
            return NULL;
        }
        from[at] = npos + k;
    }
    PyObject *defaults = func->func_defaults;
    int ndef = defaults ? (int)PyTuple_GET_SIZE(defaults) : 0;
    *use_defaults = false;
    for (int i = 0; i < argc; i++) {
        if (from[i] < 0) {
            if (i < argc - ndef) {
                return NULL;
            }
            *use_defaults = true;
        }
    }
    return from;
}

/* The function `f` with its number of defaults checked. */
static HirIns *guard_defaults(Builder *b, HirIns *f, PyFunctionObject *func)
{
    f = hb_guard(b, HIR_GuardFuncDefaults, f, (uint32_t)PyTuple_GET_SIZE(func->func_defaults),
                 NULL);
    f->type = HIR_T_FUNCTION;
    return f;
}

/* The default of parameter `i`, borrowed. */
static HirIns *default_of(Builder *b, HirIns *f, PyFunctionObject *func, int i)
{
    HirIns *v = hb_emit1(b, HIR_FuncDefault, f);
    PyCodeObject *co = (PyCodeObject *)func->func_code;
    v->aux = (uint32_t)(i - (co->co_argcount - (int)PyTuple_GET_SIZE(func->func_defaults)));
    return v;
}

/* A Python function with exactly the arguments it wants: straight into its frame. */
static bool call_python(Builder *b, const Call *c)
{
    PyFunctionObject *func = (PyFunctionObject *)c->known;
    PyCodeObject *co = (PyCodeObject *)func->func_code;
    int given = c->nargs + (c->method ? 1 : 0), argc = co->co_argcount;
    bool use_defaults;
    int *from = map_arguments(b, func, given, 0, &use_defaults);
    if (!from) {
        return false;
    }
    Entry *callee = c->method ? call_lower(b, c) : call_upper(b, c);
    if (b->unit && rt_unit_pin(b->unit, (PyObject *)co) < 0) {
        hb_stop(b, "out of memory");
    }
    HirIns *f = hb_guard(b, HIR_GuardFuncCode, callee->v, 0, co);
    f->type = HIR_T_FUNCTION;
    if (use_defaults) {
        f = guard_defaults(b, f, func);
    }
    HbCall call = {.func = func,
                   .f = f,
                   .shape = c->method ? HIR_CALL_METHOD : HIR_CALL_UNDER,
                   .given = given,
                   .from = from};
    if (hb_inline(b, &call)) {
        return true;
    }
    int first = c->method ? c->nargs + 1 : c->nargs; /* stack depth of operand 0 */
    for (int i = 0; i < given; i++) {
        hb_own(b, hb_peek(b, first - i));
    }
    HirIns **args = arena_array(b->a, HirIns *, (size_t)argc + 1);
    args[0] = f;
    for (int i = 0; i < argc; i++) {
        if (from[i] >= 0) {
            args[i + 1] = hb_peek(b, first - from[i])->v;
        } else {
            args[i + 1] = default_of(b, f, func, i);
        }
    }
    /* The call consumes the arguments even when it fails, so they leave the stack first. */
    for (int i = 0; i < given; i++) {
        hb_pop(b);
    }
    for (int i = 0; i < argc; i++) {
        if (from[i] < 0) {
            hb_emit1(b, HIR_Incref, args[i + 1]);
        }
    }
    HirIns *r = call_op(b, HIR_CallPy, argc + 1, args, co);
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
    if (tp == &PyTuple_Type && c->nargs == 1) {
        HirIns *r = hb_emit1(b, HIR_TupleOf, call_arg(b, c, 0)->v);
        hb_finish_call(b, c, r, true);
        after_call(b);
        return true;
    }
    return false;
}

/* The default of parameter `i`, or NULL: it is one that the unit may not keep. */
static PyObject *plain_default(PyFunctionObject *func, int i)
{
    PyCodeObject *co = (PyCodeObject *)func->func_code;
    PyObject *tuple = func->func_defaults;
    PyObject *v = PyTuple_GET_ITEM(tuple, i - (co->co_argcount - (int)PyTuple_GET_SIZE(tuple)));
    return hir_type_leaf(hir_type_of_object(v)) ? v : NULL;
}

/* A Python class whose __init__ takes these arguments: its frame is pushed here. The caller keeps its references to them
 * until the call is through, as type_call's does. */
static bool call_init(Builder *b, const Call *c)
{
    PyTypeObject *tp = (PyTypeObject *)c->known;
    PyFunctionObject *init = (PyFunctionObject *)rt_python_init(tp);
    PyCodeObject *co = (PyCodeObject *)init->func_code;
    bool use_defaults;
    int *from = co->co_argcount > 0 ? map_arguments(b, init, c->nargs, 1, &use_defaults) : NULL;
    if (!from) {
        return false;
    }
    if (rt_unit_pin(b->unit, (PyObject *)co) < 0) {
        hb_stop(b, "out of memory");
        return false;
    }
    HbMark m = hb_mark(b);
    HirIns *cls = guard_class(b, call_upper(b, c)->v, tp);
    if (!cls) {
        hb_undo(b, &m);
        return false;
    }
    HirIns *f = hb_emit0(b, HIR_Const);
    f->imm.p = init;
    f->aux = HIR_CONST_BORROWED;
    f->type = HIR_T_FUNCTION;
    if (use_defaults) {
        f = guard_defaults(b, f, init);
    }
    if (hb_inline_init(b, tp, cls, init, f, c->nargs, from)) {
        return true;
    }
    int argc = co->co_argcount;
    bool fits = !b->caller;
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
            HirIns *g = hb_emit1(b, HIR_GuardIs, default_of(b, f, init, i));
            g->imm.p = plain_default(init, i);
            g->type = hir_type_of_object(g->imm.p);
            args[i + 1] = hb_const(b, g->imm.p);
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
    if (!call_known(b, &c)) {
        call_generic(b, &c);
    }
    hb_end_call(b);
}

void hb_call_ex(Builder *b)
{
    bool kw = b->in->arg & 1;
    HirIns *kwargs = kw ? hb_peek(b, 1)->v : hb_null(b);
    HirIns *args = hb_peek(b, kw ? 2 : 1)->v;
    HirIns *func = hb_peek(b, kw ? 3 : 2)->v;
    HirIns *r = hb_emit3(b, HIR_CallEx, func, args, kwargs);
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
