/* Attribute access: LOAD_ATTR, STORE_ATTR, DELETE_ATTR and LOAD_METHOD with inline caches.
 *
 * A use walks the entries of the site's cache; one whose version tags match and whose remaining
 * conditions hold serves the access, otherwise the generic function does and rt_attr_ic.c may add
 * an entry.  Entries with the same type may follow each other (inline values and a materialised
 * dict, say), so an entry that cannot serve only means: try the next.  Errors come from CPython's
 * own functions, or get the name and obj that PyObject_GetAttr gives AttributeErrors. */
#include "rt_attr.h"

#include "py311_frame.h"

/* Does the dict, with str keys only, hold the name?  Other tables might compare keys with Python
 * code: true then, which sends the caller the generic way. */
static bool dict_may_have(PyObject *dict, const RtAttrIC *ic)
{
    return !py311_keys_unicode(py311_dict_keys(dict)) ||
           _PyDict_GetItem_KnownHash(dict, ic->name, ic->hash) != NULL;
}

/* The materialised dict of an object of type tp, borrowed, or NULL; never makes one. */
static inline PyObject *instance_dict(PyObject *obj, PyTypeObject *tp)
{
    if (tp->tp_flags & Py_TPFLAGS_MANAGED_DICT)
        return *py311_managed_dict_ptr(obj);
    if (tp->tp_dictoffset > 0)
        return RT_FIELD(PyObject *, obj, tp->tp_dictoffset);
    if (tp->tp_dictoffset == 0)
        return NULL;
    PyObject **dictptr =
        _PyObject_GetDictPtr(obj); /* behind the items of a variable-sized object */
    return dictptr != NULL ? *dictptr : NULL;
}

/* May the instance have an attribute of that name, before the class's? */
static bool may_be_shadowed(PyObject *obj, const RtAttrIC *ic, const RtAttrEntry *e)
{
    if (e->shadow == RT_SHADOW_NO_DICT)
        return false;
    if (e->shadow != RT_SHADOW_LOOKUP) {
        Py311Values *values = py311_inline_values(obj);
        if (values != NULL) {
            if (e->shadow == RT_SHADOW_SLOT)
                return values[e->index] != NULL;
            return py311_keys_nentries(py311_cached_keys(e->type)) != e->keys_count;
        }
    }
    PyObject *dict = instance_dict(obj, e->type);
    return dict != NULL && dict_may_have(dict, ic);
}

/* Is the descriptor's type still what it was when the entry was made? */
static inline bool descr_holds(const RtAttrEntry *e)
{
    return e->descr_version == 0 || Py_TYPE(e->descr)->tp_version_tag == e->descr_version;
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

/* Calls a getter of the class, and its __getattr__ where that is due. `owner`: the object is this
 * class and the descriptor is found in its own MRO. */
static PyObject *call_getter(PyObject *obj, PyObject *name, const RtAttrEntry *e, bool context)
{
    /* The entry may be overwritten and the descriptor dropped by what runs. */
    PyObject *descr = Py_NewRef(e->descr);
    PyObject *hook = NULL;
    if (e->hooked)
        hook = Py_XNewRef(_PyType_Lookup(e->type, RT_NAME(__getattr__)));
    PyObject *res;
    PyObject *getter = NULL;
    if (e->kind == RT_ATTR_PROPERTY)
        getter = Py_XNewRef(((Py311Property *)descr)->prop_get);
    if (getter != NULL) {
        res = rt_call_one(rt_ts(), getter, obj);
        Py_DECREF(getter);
    } else if (e->kind == RT_ATTR_TYPE_GET) {
        res = Py_TYPE(descr)->tp_descr_get(descr, NULL, obj);
    } else {
        res = Py_TYPE(descr)->tp_descr_get(descr, obj, (PyObject *)Py_TYPE(obj));
    }
    Py_DECREF(descr);
    if (res == NULL && hook != NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        res = call_hook(hook, obj, name);
    }
    Py_XDECREF(hook);
    return with_context(res, obj, name, context);
}

/* Values that are simply somewhere: borrowed, NULL when the entry cannot serve. */
static inline PyObject *entry_value(PyObject *obj, const RtAttrIC *ic, const RtAttrEntry *e)
{
    switch (e->kind) {
    case RT_ATTR_INLINE_VALUE: {
        Py311Values *values = py311_inline_values(obj);
        return values != NULL && descr_holds(e) ? values[e->index] : NULL;
    }
    case RT_ATTR_MEMBER: return RT_FIELD(PyObject *, obj, e->index);
    case RT_ATTR_DICT_HINT: {
        if ((e->type->tp_flags & Py_TPFLAGS_MANAGED_DICT) && py311_inline_values(obj) != NULL)
            return NULL;
        PyObject *dict = instance_dict(obj, e->type);
        return dict != NULL && descr_holds(e) ? rt_dict_at_hint(dict, e->index, ic->name) : NULL;
    }
    case RT_ATTR_MODULE: {
        PyObject *dict = RT_FIELD(PyObject *, obj, PY311_OFF_MODULE_DICT);
        return dict != NULL && descr_holds(e) ? rt_dict_at_hint(dict, e->index, ic->name) : NULL;
    }
    case RT_ATTR_CLASS_VALUE:
        return descr_holds(e) && !may_be_shadowed(obj, ic, e) ? e->descr : NULL;
    case RT_ATTR_TYPE_VALUE: return owner_holds(obj, e) && descr_holds(e) ? e->descr : NULL;
    default: return NULL;
    }
}

/* True when a getter entry applies to this object now. */
static inline bool getter_applies(PyObject *obj, const RtAttrIC *ic, const RtAttrEntry *e)
{
    /* The owner first: unlike the type, it may be gone, and the descriptor with it. */
    if ((e->owner != NULL && !owner_holds(obj, e)) || !descr_holds(e))
        return false;
    switch (e->kind) {
    case RT_ATTR_TYPE_GET:
    case RT_ATTR_DATA:
    case RT_ATTR_PROPERTY: return true;
    case RT_ATTR_CLASS_GET:
    case RT_ATTR_CLASS_METHOD: return !may_be_shadowed(obj, ic, e);
    case RT_ATTR_GETATTR_HOOK: return e->owner != NULL || !may_be_shadowed(obj, ic, e);
    default: return false;
    }
}

static PyObject *run_hook_entry(PyObject *obj, PyObject *name, const RtAttrEntry *e)
{
    PyObject *hook = Py_NewRef(e->descr);
    PyObject *res = call_hook(hook, obj, name);
    Py_DECREF(hook);
    return with_context(res, obj, name, true);
}

BASE_NOINLINE static PyObject *load_attr_miss(PyObject *obj, RtAttrIC *ic)
{
    if (rt_attr_ic_miss(ic, RT_SITE_LOAD)) {
        RtAttrEntry e;
        if (rt_attr_analyze_load(obj, ic, &e))
            rt_attr_ic_add(ic, &e);
        else
            ic->uncached++;
    }
    return PyObject_GetAttr(obj, ic->name);
}

PyObject *rt_load_attr(PyObject *obj, void *site)
{
    RtAttrIC *ic = site;
    uint32_t version = Py_TYPE(obj)->tp_version_tag;
    for (uint32_t i = 0; i < ic->nentries; i++) {
        RtAttrEntry *e = &ic->entries[i];
        if (e->version != version)
            continue;
        PyObject *v = entry_value(obj, ic, e);
        if (BASE_LIKELY(v != NULL)) {
            e->hits++;
            return Py_NewRef(v);
        }
        if (!getter_applies(obj, ic, e))
            continue;
        e->hits++;
        if (e->kind == RT_ATTR_GETATTR_HOOK)
            return run_hook_entry(obj, ic->name, e);
        if (e->kind == RT_ATTR_CLASS_METHOD && Py_IS_TYPE(e->descr, &PyFunction_Type))
            return PyMethod_New(e->descr,
                                obj); /* func_descr_get; obj is not None, which has none */
        return call_getter(obj, ic->name, e, true);
    }
    return load_attr_miss(obj, ic);
}

BASE_NOINLINE static PyObject *load_method_miss(PyObject *obj, RtAttrIC *ic, PyObject **out)
{
    if (rt_attr_ic_miss(ic, RT_SITE_METHOD)) {
        RtAttrEntry e;
        if (rt_attr_analyze_load(obj, ic, &e))
            rt_attr_ic_add(ic, &e);
        else
            ic->uncached++;
    }
    PyObject *method = NULL;
    int unbound = _PyObject_GetMethod(obj, ic->name, &method);
    if (!unbound)
        return method;
    out[0] = method;
    return Py_NewRef(obj);
}

PyObject *rt_load_method(RtFrame *frame, PyObject *obj, void *site, PyObject **out)
{
    (void)frame;
    RtAttrIC *ic = site;
    uint32_t version = Py_TYPE(obj)->tp_version_tag;
    out[0] = NULL;
    for (uint32_t i = 0; i < ic->nentries; i++) {
        RtAttrEntry *e = &ic->entries[i];
        if (e->version != version)
            continue;
        PyObject *v = entry_value(obj, ic, e);
        if (v != NULL) {
            e->hits++;
            return Py_NewRef(v);
        }
        if (!getter_applies(obj, ic, e))
            continue;
        e->hits++;
        if (BASE_LIKELY(e->kind == RT_ATTR_CLASS_METHOD)) {
            out[0] = Py_NewRef(e->descr);
            return Py_NewRef(obj);
        }
        if (e->kind == RT_ATTR_GETATTR_HOOK)
            return run_hook_entry(obj, ic->name, e);
        if ((e->kind == RT_ATTR_TYPE_GET || e->kind == RT_ATTR_CLASS_GET) &&
            Py_IS_TYPE(e->descr, &PyClassMethod_Type)) {
            /* cm_descr_get would bind the function to the class: give both instead. */
            PyObject *func = ((Py311ClassMethod *)e->descr)->cm_callable;
            if (func != NULL && Py_IS_TYPE(func, &PyFunction_Type)) {
                out[0] = Py_NewRef(func);
                return Py_NewRef(e->kind == RT_ATTR_TYPE_GET ? obj : (PyObject *)Py_TYPE(obj));
            }
        }
        return call_getter(obj, ic->name, e, e->type->tp_getattro != PyObject_GenericGetAttr);
    }
    return load_method_miss(obj, ic, out);
}

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
        if ((e->type->tp_flags & Py_TPFLAGS_MANAGED_DICT) && py311_inline_values(obj) != NULL)
            return 1;
        PyObject *dict = instance_dict(obj, e->type);
        if (dict == NULL || !py311_keys_unicode(py311_dict_keys(dict)) || !descr_holds(e))
            return 1;
        e->hits++;
        Py_INCREF(dict); /* dropping the old value may drop the dict */
        int err = _PyDict_SetItem_KnownHash(dict, ic->name, v, ic->hash);
        Py_DECREF(dict);
        return err;
    }
    case RT_ATTR_DATA: {
        if ((e->owner != NULL && !owner_holds(obj, e)) || !descr_holds(e))
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
    if (PyObject_SetAttr(obj, ic->name, v) < 0)
        return -1;
    if (wanted) {
        RtAttrEntry e;
        if (rt_attr_analyze_store(obj, ic, &e))
            rt_attr_ic_add(ic, &e);
        else
            ic->uncached++;
    }
    return 0;
}

int rt_store_attr(PyObject *obj, PyObject *v, void *site)
{
    RtAttrIC *ic = site;
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
