/* Attribute access: LOAD_ATTR, STORE_ATTR, DELETE_ATTR, LOAD_METHOD, getattr() and hasattr() with inline caches.
 *
 * A use walks the entries of the site's cache; one whose version tags match and whose remaining
 * conditions hold serves the access, otherwise rt_attr_ic.c may make an entry and the generic function
 * does the access.  Entries with the same type may follow each other (inline values and a materialised
 * dict, say), so an entry that cannot serve only means: try the next.  Sites that too many types visit
 * share one table (rt_attr_shared.c).  Errors come from CPython's own functions, or get the name and
 * obj that PyObject_GetAttr gives AttributeErrors. */
#include "rt_attr.h"

#include "py311_frame.h"
#include "rt_attr_shared.h"

void (*rt_attr_settled)(RtAttrIC *ic);
uint32_t rt_attr_unsettled;

/* Does the dict, with str keys only, hold the name?  Other tables might compare keys with Python
 * code: true then, which sends the caller the generic way. */
static bool dict_may_have(PyObject *dict, PyObject *name, Py_hash_t hash)
{
    return !py311_keys_unicode(py311_dict_keys(dict)) ||
           _PyDict_GetItem_KnownHash(dict, name, hash) != NULL;
}

/* Is the dict of an object of type tp not materialised, as it has inline values? */
static inline bool has_values(PyObject *obj, const PyTypeObject *tp)
{
    return (tp->tp_flags & Py_TPFLAGS_MANAGED_DICT) && py311_inline_values(obj) != NULL;
}

/* instance_dict of types whose objects have it all at one place; NULL for others, too. */
static inline PyObject *dict_at_fixed_place(PyObject *obj, const PyTypeObject *tp)
{
    if (tp->tp_flags & Py_TPFLAGS_MANAGED_DICT)
        return *py311_managed_dict_ptr(obj);
    return tp->tp_dictoffset > 0 ? RT_FIELD(PyObject *, obj, tp->tp_dictoffset) : NULL;
}

/* The materialised dict of an object of type tp, borrowed, or NULL; never makes one. */
static inline PyObject *instance_dict(PyObject *obj, const PyTypeObject *tp)
{
    if ((tp->tp_flags & Py_TPFLAGS_MANAGED_DICT) || tp->tp_dictoffset >= 0)
        return dict_at_fixed_place(obj, tp);
    PyObject **dictptr =
        _PyObject_GetDictPtr(obj); /* behind the items of a variable-sized object */
    return dictptr != NULL ? *dictptr : NULL;
}

/* The value of the name in the dict, borrowed, or NULL: it has none, or other keys than str, to which Python code might
 * compare it. Dicts of one class that were filled in different ways have it in different places. */
static inline PyObject *dict_value(PyObject *dict, const RtAttrIC *ic, const RtAttrEntry *e)
{
    PyObject *v = rt_dict_at_hint(dict, e->index, ic->name);
    if (BASE_LIKELY(v != NULL) || !py311_keys_unicode(py311_dict_keys(dict)))
        return v;
    return _PyDict_GetItem_KnownHash(dict, ic->name, ic->hash);
}

int rt_not_shadowed(PyObject *obj, void *set)
{
    PyObject *name = ((RtTypeSet *)set)->name;
    PyObject *dict = instance_dict(obj, Py_TYPE(obj));
    return dict == NULL || !dict_may_have(dict, name, rt_str_hash(name));
}

/* Do the inline values of an object of type tp, or its keys, have the name, by RT_SHADOW_SLOT or _KEYS? */
static inline bool values_have(Py311Values *values, PyTypeObject *tp, unsigned shadow,
                               uint32_t index, uint32_t keys_count)
{
    return shadow == RT_SHADOW_SLOT ? values[index] != NULL
                                    : py311_keys_nentries(py311_cached_keys(tp)) != keys_count;
}

/* May the instance have an attribute of that name, before the class's? */
static bool may_be_shadowed(PyObject *obj, const RtAttrIC *ic, const RtAttrEntry *e)
{
    if (e->shadow == RT_SHADOW_NO_DICT)
        return false;
    Py311Values *values = e->shadow != RT_SHADOW_LOOKUP ? py311_inline_values(obj) : NULL;
    if (values != NULL)
        return values_have(values, e->type, e->shadow, e->index, e->keys_count);
    PyObject *dict = instance_dict(obj, e->type);
    return dict != NULL && dict_may_have(dict, ic->name, ic->hash);
}

/* Is the descriptor's type still what it was when the entry was made? */
static inline bool is_still_of(const PyObject *descr, uint32_t descr_version)
{
    return descr_version == 0 || Py_TYPE(descr)->tp_version_tag == descr_version;
}

static inline bool descr_holds(const RtAttrEntry *e)
{
    return is_still_of(e->descr, e->descr_version);
}

static inline bool owner_holds(PyObject *obj, const RtAttrEntry *e)
{
    return obj == (PyObject *)e->owner && e->owner->tp_version_tag == e->owner_version;
}

/* call_attribute of typeobject.c: the class's __getattr__ for this object. */
static PyObject *call_hook(PyObject *hook, PyObject *obj, PyObject *name)
{
    PyThreadState *ts = rt_ts();
    if (PyFunction_Check(hook)) { /* binding and calling in one */
        PyObject *args[3] = {NULL, obj, name};
        return rt_vectorcall(ts, hook, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    }
    descrgetfunc get = Py_TYPE(hook)->tp_descr_get;
    PyObject *bound = get != NULL ? get(hook, obj, (PyObject *)Py_TYPE(obj)) : Py_NewRef(hook);
    if (bound == NULL)
        return NULL;
    PyObject *res = rt_call_one(ts, bound, name);
    Py_DECREF(bound);
    return res;
}

/* PyObject_GetAttr adds name and obj to an AttributeError; _PyObject_GetMethod does not for types
 * with the generic getattr. */
static PyObject *with_context(PyObject *res, PyObject *obj, PyObject *name, bool context)
{
    if (res == NULL && context)
        rt_attribute_error_context(obj, name);
    return res;
}

/* A descriptor's tp_descr_get, as `kind` says what it is of. */
static inline PyObject *descr_get(PyObject *descr, PyObject *obj, RtAttrKind kind)
{
    switch (kind) {
    case RT_ATTR_PROPERTY: {
        PyObject *getter = ((Py311Property *)descr)->prop_get;
        if (BASE_LIKELY(getter != NULL)) /* property.__init__ may have run since */
            return rt_call_one(rt_ts(), getter, obj);
        break;
    }
    case RT_ATTR_GETSET: {
        PyGetSetDef *def = ((PyGetSetDescrObject *)descr)->d_getset;
        return def->get(obj, def->closure);
    }
    case RT_ATTR_TYPE_GET: return Py_TYPE(descr)->tp_descr_get(descr, NULL, obj);
    default: break;
    }
    return Py_TYPE(descr)->tp_descr_get(descr, obj, (PyObject *)Py_TYPE(obj));
}

/* A getter gave `res`; `hook`, which is consumed, is the class's __getattr__ if there is one. */
BASE_NOINLINE static PyObject *after_getter(PyObject *res, PyObject *hook, PyObject *obj,
                                            PyObject *name, bool context)
{
    if (res == NULL && hook != NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        res = call_hook(hook, obj, name);
    }
    Py_XDECREF(hook);
    return with_context(res, obj, name, context);
}

/* Calls a getter of the class, and its __getattr__ where that is due. */
static PyObject *call_getter(PyObject *obj, PyObject *name, const RtAttrEntry *e, bool context)
{
    /* The entry may be overwritten and the descriptor dropped by what runs. */
    PyObject *descr = Py_NewRef(e->descr), *hook = NULL;
    if (e->hooked)
        hook = Py_XNewRef(_PyType_Lookup(e->type, RT_NAME(__getattr__)));
    PyObject *res = descr_get(descr, obj, (RtAttrKind)e->kind);
    Py_DECREF(descr);
    if (BASE_LIKELY(res != NULL && hook == NULL))
        return res;
    return after_getter(res, hook, obj, name, context);
}

static PyObject *run_hook_entry(PyObject *obj, PyObject *name, const RtAttrEntry *e)
{
    PyObject *hook = Py_NewRef(e->descr);
    PyObject *res = call_hook(hook, obj, name);
    Py_DECREF(hook);
    return with_context(res, obj, name, true);
}

/* What serve() gives when the entry does not say how this object's attribute is found, and when it says that there is
 * none. */
static PyObject not_served, absent;
#define NOT_SERVED (&not_served)
#define ABSENT     (&absent)

/* LOAD_METHOD's two entries for a class method found by the entry, whose function cm_descr_get would bind to the
 * class; NULL when it is anything else. */
static PyObject *unbound_class_method(PyObject *obj, const RtAttrEntry *e, PyObject **out)
{
    if (!Py_IS_TYPE(e->descr, &PyClassMethod_Type))
        return NULL;
    PyObject *func = ((Py311ClassMethod *)e->descr)->cm_callable;
    if (func == NULL || !Py_IS_TYPE(func, &PyFunction_Type))
        return NULL;
    out[0] = Py_NewRef(func);
    return Py_NewRef(e->kind == RT_ATTR_TYPE_GET ? obj : (PyObject *)Py_TYPE(obj));
}

/* The attribute by an entry whose type matches: a new reference, NULL with an exception set, NOT_SERVED or ABSENT.
 * With `out` it is a LOAD_METHOD, whose second result goes there. */
static inline PyObject *serve(PyObject *obj, const RtAttrIC *ic, RtAttrEntry *e, PyObject **out)
{
    PyObject *v = NULL; /* of values that are simply somewhere: borrowed */
    switch (e->kind) {
    case RT_ATTR_INLINE_VALUE: {
        Py311Values *values = py311_inline_values(obj);
        v = values != NULL && descr_holds(e) ? values[e->index] : NULL;
        break;
    }
    case RT_ATTR_MEMBER: v = RT_FIELD(PyObject *, obj, e->index); break;
    case RT_ATTR_DICT_HINT: {
        PyObject *dict = has_values(obj, e->type) ? NULL : instance_dict(obj, e->type);
        v = dict != NULL && descr_holds(e) ? dict_value(dict, ic, e) : NULL;
        break;
    }
    case RT_ATTR_MODULE: {
        PyObject *dict = RT_FIELD(PyObject *, obj, PY311_OFF_MODULE_DICT);
        v = dict != NULL && descr_holds(e) ? dict_value(dict, ic, e) : NULL;
        break;
    }
    case RT_ATTR_CLASS_VALUE:
        v = descr_holds(e) && !may_be_shadowed(obj, ic, e) ? e->descr : NULL;
        break;
    case RT_ATTR_TYPE_VALUE: v = owner_holds(obj, e) && descr_holds(e) ? e->descr : NULL; break;
    case RT_ATTR_CLASS_METHOD:
        if (!descr_holds(e) || may_be_shadowed(obj, ic, e))
            return NOT_SERVED;
        e->hits++;
        if (out != NULL) {
            out[0] = Py_NewRef(e->descr);
            return Py_NewRef(obj);
        }
        if (Py_IS_TYPE(e->descr, &PyFunction_Type))
            return PyMethod_New(e->descr, obj); /* func_descr_get; None has none */
        return call_getter(obj, ic->name, e, true);
    case RT_ATTR_TYPE_GET:
        /* The owner first: unlike the type, it may be gone, and the descriptor with it. */
        if (!owner_holds(obj, e))
            return NOT_SERVED;
        /* fall through */
    case RT_ATTR_CLASS_GET:
    case RT_ATTR_PROPERTY:
    case RT_ATTR_GETSET:
    case RT_ATTR_DATA:
        if (!descr_holds(e) || (e->kind == RT_ATTR_CLASS_GET && may_be_shadowed(obj, ic, e)))
            return NOT_SERVED;
        e->hits++;
        if (out != NULL && (v = unbound_class_method(obj, e, out)) != NULL)
            return v;
        return call_getter(obj, ic->name, e,
                           out == NULL || e->type->tp_getattro != PyObject_GenericGetAttr);
    case RT_ATTR_GETATTR_HOOK:
        if ((e->owner != NULL && !owner_holds(obj, e)) || !descr_holds(e) ||
            (e->owner == NULL && may_be_shadowed(obj, ic, e)))
            return NOT_SERVED;
        e->hits++;
        return run_hook_entry(obj, ic->name, e);
    case RT_ATTR_ABSENT:
        if (e->owner != NULL ? !owner_holds(obj, e) : may_be_shadowed(obj, ic, e))
            return NOT_SERVED;
        e->hits++;
        return ABSENT;
    default: return NOT_SERVED;
    }
    if (BASE_UNLIKELY(v == NULL))
        return NOT_SERVED;
    e->hits++;
    return Py_NewRef(v);
}

/* What most uses find, in a few instructions that call nothing: a value in the object or its dict, or what the class has where
 * the object's own keys say that it is not shadowed. The entry's versions match. Borrowed; NULL: serve() sees to it. */
static BASE_ALWAYS_INLINE PyObject *quick_value(PyObject *obj, PyObject *name, unsigned kind,
                                                unsigned shadow, uint32_t index,
                                                uint32_t keys_count, PyObject *descr)
{
    PyTypeObject *tp = Py_TYPE(obj);
    switch (kind) {
    case RT_ATTR_INLINE_VALUE: {
        Py311Values *values = py311_inline_values(obj);
        return values != NULL ? values[index] : NULL;
    }
    case RT_ATTR_DICT_HINT: {
        PyObject *dict = has_values(obj, tp) ? NULL : dict_at_fixed_place(obj, tp);
        return dict != NULL ? rt_dict_at_hint(dict, index, name) : NULL;
    }
    case RT_ATTR_CLASS_VALUE:
    case RT_ATTR_CLASS_METHOD: {
        if (shadow == RT_SHADOW_NO_DICT)
            return descr;
        Py311Values *values = shadow != RT_SHADOW_LOOKUP ? py311_inline_values(obj) : NULL;
        return values == NULL || values_have(values, tp, shadow, index, keys_count) ? NULL : descr;
    }
    default: return NULL;
    }
}

/* Is an entry of the kind for quick_value? LOAD_ATTR binds functions. */
static inline bool is_quick(unsigned kind, PyObject *const *out)
{
    const unsigned kinds = 1u << RT_ATTR_INLINE_VALUE | 1u << RT_ATTR_DICT_HINT |
                           1u << RT_ATTR_CLASS_VALUE |
                           (out != NULL ? 1u << RT_ATTR_CLASS_METHOD : 0);
    return kinds >> kind & 1;
}

/* A new reference to it; a method's are two. */
static inline PyObject *quick_result(PyObject *v, PyObject *obj, unsigned kind, PyObject **out)
{
    Py_INCREF(v);
    if (out == NULL || kind != RT_ATTR_CLASS_METHOD)
        return v;
    out[0] = v;
    return Py_NewRef(obj);
}

/* A use of a megamorphic site has found no entry in the shared table. Is one to be made? Not each time where that has been in vain so often:
 * classes whose attributes keep being set (`Field.count += 1`) get a new version tag for it, as do their subclasses. */
enum { IN_VAIN = 32, IN_VAIN_PERIOD = 16 };
static inline bool wants_shared(RtAttrIC *ic)
{
    ic->unknown = ic->unknown < IN_VAIN + IN_VAIN_PERIOD - 1 ? ic->unknown + 1 : IN_VAIN;
    return ic->unknown <= IN_VAIN;
}

/* At a megamorphic site: by the entry that all of them share. */
static PyObject *serve_shared(PyObject *obj, RtAttrIC *ic, PyObject **out)
{
    RtAttrEntry e;
    const RtAttrShared *s = rt_attr_shared(RT_SITE_LOAD, obj, ic->name);
    if (BASE_LIKELY(s != NULL)) {
        PyObject *v;
        ic->unknown = 0;
        if (is_quick(s->kind, out) && is_still_of(s->descr, s->descr_version)) {
            v = quick_value(obj, ic->name, s->kind, s->shadow, s->index, s->keys_count, s->descr);
            if (BASE_LIKELY(v != NULL))
                return quick_result(v, obj, s->kind, out);
        }
        if (s->kind == RT_ATTR_EMPTY)
            return NOT_SERVED;
        rt_attr_of_shared(s, obj, &e);
        v = serve(obj, ic, &e, out);
        if (BASE_LIKELY(v != NOT_SERVED))
            return v;
    } else if (!wants_shared(ic)) {
        return NOT_SERVED;
    }
    if (!rt_attr_analyze_load(obj, ic, &e))
        e = (RtAttrEntry){.kind = RT_ATTR_EMPTY, .version = rt_type_version(Py_TYPE(obj))};
    rt_attr_share(RT_SITE_LOAD, obj, ic->name, &e);
    return serve(obj, ic, &e, out);
}

/* Notes the type of the value in the object. */
static void examine(PyObject *obj, RtAttrIC *ic, const RtAttrEntry *e)
{
    const PyObject *v = NULL;
    if (e->kind == RT_ATTR_INLINE_VALUE)
        v = py311_inline_values(obj)[e->index];
    else if (e->kind == RT_ATTR_MEMBER)
        v = RT_FIELD(PyObject *, obj, e->index);
    PyObject *example = v != NULL ? rt_attr_example(v) : NULL;
    ic->example = ic->examined && ic->example != example ? NULL : example;
    ic->examined = true;
}

/* No entry of the site serves: makes one for the next time, or does what megamorphic sites do. */
static PyObject *serve_otherwise(PyObject *obj, RtAttrIC *ic, RtSiteKind site, PyObject **out)
{
    if (ic->sees != RT_SEES_FEW || !rt_attr_ic_miss(ic, site))
        return serve_shared(obj, ic, out);
    RtAttrEntry e;
    if (rt_attr_analyze_load(obj, ic, &e) && (e.kind != RT_ATTR_ABSENT || site == RT_SITE_ASK)) {
        examine(obj, ic, &e);
        rt_attr_ic_add(ic, &e);
    } else {
        ic->uncached++;
    }
    return NOT_SERVED;
}

/* A load at a site whose objects had no such attribute so many times in a row. */
enum { ABSENT_IN_A_ROW = 16 };

BASE_NOINLINE static PyObject *load_miss(PyObject *obj, RtAttrIC *ic, PyObject **out)
{
    if (ic->sees != RT_SEES_ABSENT) {
        PyObject *v = serve_otherwise(obj, ic, out != NULL ? RT_SITE_METHOD : RT_SITE_LOAD, out);
        if (v != NOT_SERVED && v != ABSENT) {
            ic->absent = 0;
            return v;
        }
        if (out == NULL && v == ABSENT && ic->sees && ++ic->absent == ABSENT_IN_A_ROW)
            ic->sees = RT_SEES_ABSENT;
    }
    if (out == NULL) {
        PyObject *v = PyObject_GetAttr(obj, ic->name);
        if (v != NULL && ic->sees == RT_SEES_ABSENT) {
            ic->sees = RT_SEES_MANY;
            ic->absent = 0;
        }
        return v;
    }
    PyObject *method = NULL;
    if (!_PyObject_GetMethod(obj, ic->name, &method))
        return method;
    out[0] = method;
    return Py_NewRef(obj);
}

/* The attribute by the first entry of the site that serves; results as serve()'s. */
static inline PyObject *serve_site(PyObject *obj, const RtAttrIC *ic, PyObject **out)
{
    uint32_t version = Py_TYPE(obj)->tp_version_tag;
    for (uint32_t i = 0; i < ic->nentries; i++) {
        RtAttrEntry *e = &ic->entries[i];
        if (e->version != version)
            continue;
        PyObject *v = serve(obj, ic, e, out);
        if (BASE_LIKELY(v != NOT_SERVED))
            return v;
    }
    return NOT_SERVED;
}

BASE_NOINLINE static PyObject *load_slowly(PyObject *obj, RtAttrIC *ic, PyObject **out)
{
    PyObject *v = serve_site(obj, ic, out);
    return BASE_LIKELY(v != NOT_SERVED) ? v : load_miss(obj, ic, out);
}

BASE_NOINLINE static PyObject *settle_and_load(PyObject *obj, RtAttrIC *ic, PyObject **out)
{
    rt_attr_ic_settle(ic);
    return load_slowly(obj, ic, out);
}

static inline PyObject *load(PyObject *obj, RtAttrIC *ic, PyObject **out)
{
    if (BASE_UNLIKELY(ic->unsettled-- == 0))
        return settle_and_load(obj, ic, out);
    if (ic->nentries == 0)
        return load_miss(obj, ic, out);
    RtAttrEntry *e = ic->entries;
    if (BASE_LIKELY(e->version == Py_TYPE(obj)->tp_version_tag) && is_quick(e->kind, out) &&
        descr_holds(e)) {
        PyObject *v =
            quick_value(obj, ic->name, e->kind, e->shadow, e->index, e->keys_count, e->descr);
        if (BASE_LIKELY(v != NULL)) {
            e->hits++;
            return quick_result(v, obj, e->kind, out);
        }
    }
    return load_slowly(obj, ic, out);
}

PyObject *rt_load_attr(PyObject *obj, void *ic)
{
    return load(obj, ic, NULL);
}

/* Remembers whose code the method is, for calls to be compiled for it. */
static void note_target(RtAttrIC *ic, PyObject *method)
{
    if (method == NULL || !Py_IS_TYPE(method, &PyFunction_Type) || ic->ntargets > RT_TARGETS)
        return;
    PyCodeObject *code = (PyCodeObject *)((PyFunctionObject *)method)->func_code;
    for (unsigned i = 0; i < ic->ntargets; i++) {
        if (ic->targets[i] == code)
            return;
    }
    if (ic->targets == NULL)
        ic->targets = rt_unit_data(ic->unit, RT_TARGETS * sizeof *ic->targets);
    if (ic->ntargets == RT_TARGETS || ic->targets == NULL ||
        rt_unit_pin(ic->unit, (PyObject *)code) < 0)
        ic->ntargets = RT_TARGETS + 1;
    else
        ic->targets[ic->ntargets++] = code;
}

PyObject *rt_load_method(RtFrame *frame, PyObject *obj, void *site, PyObject **out)
{
    RtAttrIC *ic = site;
    (void)frame;
    out[0] = NULL;
    PyObject *res = load(obj, ic, out);
    if (!rt_attr_ic_settled(ic))
        note_target(ic, out[0]);
    return res;
}

/* --- what may be absent: hasattr(), getattr() with a default, AttributeError that is caught -- */

/* By the entries that know of absent attributes, too; results as serve()'s. */
static inline PyObject *ask(PyObject *obj, RtAttrIC *ic)
{
    PyObject *v = serve_site(obj, ic, NULL);
    return v == NOT_SERVED ? serve_otherwise(obj, ic, RT_SITE_ASK, NULL) : v;
}

PyObject *rt_find_attr(PyThreadState *ts, PyObject *obj, void *site)
{
    RtAttrIC *ic = site;
    PyObject *v = ask(obj, ic);
    if (v == ABSENT)
        return rt_miss_attr(ts, obj, ic->name);
    return v == NOT_SERVED ? PyObject_GetAttr(obj, ic->name) : v;
}

/* _PyObject_LookupAttr: 1 and a new reference in *result, 0 and NULL: there is none; -1: error. */
static int look_up(PyObject *obj, RtAttrIC *ic, PyObject **result)
{
    PyObject *v = ask(obj, ic);
    if (v == NOT_SERVED)
        return _PyObject_LookupAttr(obj, ic->name, result);
    *result = v == ABSENT ? NULL : v;
    if (*result != NULL)
        return 1;
    if (v == ABSENT)
        return 0;
    if (!PyErr_ExceptionMatches(PyExc_AttributeError))
        return -1;
    PyErr_Clear();
    return 0;
}

int rt_has_attr(PyObject *obj, void *ic)
{
    PyObject *v;
    int found = look_up(obj, ic, &v);
    Py_XDECREF(v);
    return found;
}

PyObject *rt_get_attr_or(PyObject *obj, PyObject *otherwise, void *ic)
{
    PyObject *v;
    return look_up(obj, ic, &v) == 0 ? Py_NewRef(otherwise) : v;
}

/* --- stores ----------------------------------------------------------------------------- */

/* Stores through the entry: 0 or -1 when it served, 1 when it cannot. */
static inline int entry_store(PyObject *obj, PyObject *v, const RtAttrIC *ic, RtAttrEntry *e)
{
    switch (e->kind) {
    case RT_ATTR_INLINE_VALUE: {
        Py311Values *values = py311_inline_values(obj);
        if (values == NULL || !descr_holds(e))
            return 1;
        e->hits++;
        PyObject *old = values[e->index];
        values[e->index] = Py_NewRef(v);
        if (old == NULL)
            py311_values_inserted(values, (int)e->index);
        else
            Py_DECREF(old);
        return 0;
    }
    case RT_ATTR_MEMBER: {
        e->hits++;
        PyObject *old = RT_FIELD(PyObject *, obj, e->index);
        RT_FIELD(PyObject *, obj, e->index) = Py_NewRef(v);
        Py_XDECREF(old);
        return 0;
    }
    case RT_ATTR_DICT_HINT: {
        PyObject *dict = has_values(obj, e->type) ? NULL : instance_dict(obj, e->type);
        if (dict == NULL || !py311_keys_unicode(py311_dict_keys(dict)) || !descr_holds(e))
            return 1;
        e->hits++;
        Py_INCREF(dict); /* dropping the old value may drop the dict */
        int err = _PyDict_SetItem_KnownHash(dict, ic->name, v, ic->hash);
        Py_DECREF(dict);
        return err;
    }
    case RT_ATTR_DATA: {
        if (!descr_holds(e))
            return 1;
        e->hits++;
        PyObject *descr = Py_NewRef(e->descr);
        int err = Py_TYPE(descr)->tp_descr_set(descr, obj, v);
        Py_DECREF(descr);
        return err;
    }
    default: return 1;
    }
}

BASE_NOINLINE static int store_attr_miss(PyObject *obj, PyObject *v, RtAttrIC *ic)
{
    bool wanted = rt_attr_ic_miss(ic, RT_SITE_STORE);
    if (!wanted) {
        RtAttrEntry e;
        const RtAttrShared *s = rt_attr_shared(RT_SITE_STORE, obj, ic->name);
        if (s != NULL) {
            ic->unknown = 0;
            rt_attr_of_shared(s, obj, &e);
            int status = entry_store(obj, v, ic, &e);
            if (status <= 0)
                return status;
        } else if (!wants_shared(ic)) {
            return PyObject_SetAttr(obj, ic->name, v);
        }
    }
    if (PyObject_SetAttr(obj, ic->name, v) < 0)
        return -1;
    RtAttrEntry e;
    if (!rt_attr_analyze_store(obj, ic, &e))
        ic->uncached++;
    else if (wanted)
        rt_attr_ic_add(ic, &e);
    else
        rt_attr_share(RT_SITE_STORE, obj, ic->name, &e);
    return 0;
}

int rt_store_attr(PyObject *obj, PyObject *v, void *site)
{
    RtAttrIC *ic = site;
    if (BASE_UNLIKELY(ic->unsettled-- == 0))
        rt_attr_ic_settle(ic);
    uint32_t version = Py_TYPE(obj)->tp_version_tag;
    for (uint32_t i = 0; i < ic->nentries; i++) {
        RtAttrEntry *e = &ic->entries[i];
        if (e->version != version)
            continue;
        int status = entry_store(obj, v, ic, e);
        if (status <= 0)
            return status;
    }
    return store_attr_miss(obj, v, ic);
}

int rt_delete_attr(PyObject *obj, void *name)
{
    return PyObject_SetAttr(obj, name, NULL);
}
