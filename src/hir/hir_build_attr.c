/* Builder, names: globals that resolve through PEP 659 caches, and attributes, of which the inline caches of older
 * units and the guards before them may know more (rt_attr_seen.c). */
#include "hir_build_priv.h"

#include <structmember.h>

#include "py311_frame.h"
#include "py311_gc.h"
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

/* The load of an inline value (by index) or slot (by offset) of an object whose type guards have found; `seen` or NULL
 * is what it had. */
static HirIns *value_in(Builder *b, HirIns *owner, bool inline_value, uint32_t index,
                        PyObject *seen)
{
    HirIns *v = hb_emit1(b, inline_value ? HIR_LoadInlineValue : HIR_LoadSlot, owner);
    v->aux = index;
    observe_some(b, v, seen);
    return v;
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
    return value_in(b, owner, seen->kind == RT_ATTR_INLINE_VALUE, seen->index, seen->example);
}

HirIns *hb_guard_class(Builder *b, HirIns *cls, PyTypeObject *tp)
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
        HbMark m = hb_mark(b);
        guard_types(b, owner, &seen);
        bool inlined = hb_inline_getter(b, seen.descr);
        if (!inlined) {
            hb_undo(b, &m);
        }
        return inlined;
    }
    if (seen.kind == RT_ATTR_CLASS_VALUE) {
        guard_types(b, owner, &seen);
    } else if (seen.kind != RT_ATTR_TYPE_VALUE || !hb_guard_class(b, owner, seen.owner)) {
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
        case PY311_LOAD_ATTR_SLOT:
            owner = hb_guard(b, HIR_GuardTypeVer, owner, in->version, NULL);
            replace_owner(b, value_in(b, owner, in->quick == PY311_LOAD_ATTR_INSTANCE_VALUE,
                                      (uint32_t)in->index, found));
            return;
        case PY311_LOAD_ATTR_WITH_HINT:
            owner = hb_guard(b, HIR_GuardTypeVer, owner, in->version, NULL);
            v = hb_emit1(b, HIR_LoadDictHint, owner);
            v->aux = (uint32_t)in->index;
            v->imm.p = name;
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
    v = hb_elide(b, attr_ic(b, hb_emit1(b, HIR_LoadAttr, owner), in->arg));
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
    HirIns *old = value_in(b, owner, inline_value, index, NULL);
    hb_own_loaded(b);
    return hb_guard_old(b, old, seen);
}

/* Whether this is the first store of that inline value (by index) or slot (by offset) into an object whose __init__ is
 * being inlined; nobody else can have stored one. */
static bool is_first_store(Builder *b, HirIns *owner, bool inline_value, uint32_t index)
{
    for (Builder *c = b; c; c = c->caller) {
        if (c->fresh && hir_root(owner) == hir_root(c->fresh)) {
            uint64_t *set = inline_value ? &c->fresh_values : &c->fresh_slots;
            uint32_t bit = inline_value ? index : index / (uint32_t)sizeof(PyObject *);
            bool first = bit < 64 && !(*set >> bit & 1);
            *set |= bit < 64 ? UINT64_C(1) << bit : 0;
            return first;
        }
    }
    return false;
}

/* The store into an object whose type the guards have found. */
static void store_value(Builder *b, bool inline_value, uint32_t index)
{
    int64_t old = 0;
    if (is_first_store(b, hb_peek(b, 1)->v, inline_value, index)) {
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
    if (!known_attr(b, owner, name, &seen)) {
        return false;
    }
    bool slot = seen.kind == RT_ATTR_MEMBER && seen.set.n == 1 &&
                !(((PyMemberDescrObject *)seen.descr)->d_member->flags & READONLY);
    if (seen.kind != RT_ATTR_INLINE_VALUE && !slot) {
        return false;
    }
    for (uint32_t k = 0; k < seen.set.n; k++) {
        if (seen.set.types[k]->tp_setattro != PyObject_GenericSetAttr) {
            return false;
        }
    }
    guard_types(b, owner, &seen);
    store_value(b, !slot, seen.index);
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

/* Does what tier 0's cache holds as the method still exist? The cache keeps no reference: that is the class's, as long as it has the
 * version. */
static bool method_exists(Builder *b, HirIns *obj, PyObject *name)
{
    const FbIns *in = b->in;
    bool of_class = in->quick == PY311_LOAD_METHOD_CLASS;
    PyObject *o = hb_observed(b, obj);
    if (!in->descr || !b->unit) {
        return in->descr; /* in tests there are no classes that change */
    }
    PyTypeObject *tp = !o ? NULL : !of_class ? Py_TYPE(o) : PyType_Check(o) ? (void *)o : NULL;
    for (unsigned k = 0; k < HIR_NTYPES && !(tp && tp->tp_version_tag == in->version); k++) {
        tp = hir_pytype_of(1u << k);
    }
    if (tp && tp->tp_version_tag == in->version) {
        return _PyType_Lookup(tp, name) == in->descr;
    }
    return py311_gc_tracks(in->descr);
}

void hb_load_method(Builder *b)
{
    const FbIns *in = b->in;
    PyObject *name = PyTuple_GET_ITEM(b->co->co_names, in->arg);
    HirIns *obj = hb_peek(b, 1)->v;
    if (load_known_method(b, obj, name)) {
        return;
    }
    if (hb_speculate(b) && (in->quick == PY311_LOAD_METHOD_MODULE || method_exists(b, obj, name))) {
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
    if (b->opts->targets && b->unit && !b->caller) {
        HbTargets *t = arena_new(b->a, HbTargets);
        *t = (HbTargets){.next = b->targets, .method = lower};
        t->n = b->opts->targets(b->co, b->resume, t->codes);
        b->targets = t;
    }
    Entry o = hb_pop(b);
    hb_push(b, lower, true);
    hb_push(b, upper, true);
    hb_drop(b, o);
}
