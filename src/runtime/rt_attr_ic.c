/* Filling inline caches of attribute sites: looks at an object, its type and the name, and writes
 * the entry that describes how the attribute is found, or says that none can.
 *
 * Everything here mirrors _PyObject_GenericGetAttrWithDict, _PyObject_GenericSetAttrWithDict,
 * type_getattro and slot_tp_getattr_hook; rt_attr.c acts on the entries.  An entry never depends on
 * anything but what its use checks again: the type's version tag (and the descriptor's type's,
 * where that could be changed), the shared keys, the instance's dict. */
#include "rt_attr.h"

#include <structmember.h>

void *rt_attr_ic_new(CodeUnit *u, PyObject *name, int32_t bci)
{
    RtAttrIC *ic = rt_unit_lines(u, sizeof *ic);
    if (ic == NULL)
        return NULL;
    ic->name = name;
    ic->hash = rt_str_hash(name);
    ic->unit = u;
    ic->bci = bci;
    ic->unsettled = rt_attr_unsettled;
    ic->next_ic = u->attr_ics;
    u->attr_ics = ic;
    ic->ways = 1;
    ic->entries = &ic->first;
    ic->alive = &ic->first_alive;
    return ic;
}

RtAttrFast *rt_attr_ic_fast(RtAttrIC *ic)
{
    if (ic->fast == NULL) {
        ic->fast = rt_unit_data(ic->unit, RT_ATTR_FAST * sizeof *ic->fast);
        if (ic->fast != NULL)
            ic->fast[0].version = 1; /* which belongs to slot 1: matches nothing */
    }
    return ic->fast;
}

RtMethodFast *rt_attr_ic_methods(RtAttrIC *ic)
{
    if (ic->methods == NULL) {
        ic->methods = rt_unit_data(ic->unit, RT_ATTR_FAST * sizeof *ic->methods);
        if (ic->methods != NULL)
            ic->methods[0].version = 1; /* as above */
    }
    return ic->methods;
}

int64_t rt_keys_index_of(char *keys, PyObject *name, Py_hash_t hash)
{
    if (!py311_keys_unicode(keys))
        return RT_KEY_UNKNOWN;
    /* The probe sequence of unicodekeys_lookup_unicode. */
    size_t mask = ((size_t)1 << (uint8_t)keys[PY311_OFF_KEYS_LOG2_SIZE]) - 1;
    size_t perturb = (size_t)hash, i = (size_t)hash & mask;
    char *entries = py311_keys_entries(keys);
    for (;;) {
        int64_t ix = py311_keys_index_at(keys, i);
        if (ix >= 0) {
            PyObject *key =
                RT_FIELD(PyObject *, entries + ix * PY311_OFF_UENTRY_SIZE, PY311_OFF_UENTRY_KEY);
            if (key == name)
                return ix;
            if (((PyASCIIObject *)key)->hash == hash && rt_str_eq(key, name))
                return RT_KEY_UNKNOWN; /* not interned: stored past setattr() */
        } else if (ix == -1) {
            return RT_KEY_ABSENT;
        }
        perturb >>= 5;
        i = (i * 5 + perturb + 1) & mask;
    }
}

uint32_t rt_type_version(PyTypeObject *tp)
{
    if (tp->tp_version_tag == 0)
        (void)_PyType_Lookup(tp, RT_NAME(__class__));
    return tp->tp_version_tag;
}

/* Notes in `e` the class attribute and what has to be checked about its type.  A type that can be
 * modified may become a descriptor type; an object of such a type (or a module) may get another
 * type.  False: cannot be cached. */
static bool note_descr(RtAttrEntry *e, PyObject *descr)
{
    PyTypeObject *dt = Py_TYPE(descr);
    e->descr = descr;
    e->descr_version = 0;
    if ((dt->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) && dt != &PyModule_Type)
        return true;
    e->descr_version = rt_type_version(dt);
    return e->descr_version != 0;
}

static bool is_data_descr(PyObject *descr)
{
    return Py_TYPE(descr)->tp_descr_set != NULL;
}

/* Offset of the T_OBJECT_EX member that `descr` stands for, in objects of type tp; -1: it is
 * something else.  `bad_flags`: PY_AUDIT_READ or READONLY. */
static Py_ssize_t member_offset(PyObject *descr, PyTypeObject *tp, int bad_flags)
{
    if (!Py_IS_TYPE(descr, &PyMemberDescr_Type))
        return -1;
    PyMemberDescrObject *member = (PyMemberDescrObject *)descr;
    PyMemberDef *def = member->d_member;
    if (def->type != T_OBJECT_EX || (def->flags & bad_flags) != 0 || def->offset < 0 ||
        !PyType_IsSubtype(tp, PyDescr_TYPE(member)))
        return -1;
    return def->offset;
}

typedef enum { IN_INSTANCE, NOT_IN_INSTANCE, CANNOT_TELL } Presence;

/* Is the name in the instance?  Writes kind and index (IN_INSTANCE) or shadow, index and keys_count
 * (NOT_IN_INSTANCE).  _PyObject_GetDictPtr would make a dict of inline values, so those go
 * first. */
static Presence look_in_instance(PyObject *obj, const RtAttrIC *ic, RtAttrEntry *e)
{
    PyTypeObject *tp = Py_TYPE(obj);
    PyObject *dict = NULL;
    if (tp->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
        Py311Values *values = py311_inline_values(obj);
        char *keys = py311_cached_keys(tp);
        if (keys == NULL)
            return CANNOT_TELL;
        int64_t ix = rt_keys_index_of(keys, ic->name, ic->hash);
        if (ix == RT_KEY_UNKNOWN)
            return CANNOT_TELL;
        if (values != NULL && ix >= 0 && values[ix] != NULL) {
            e->kind = RT_ATTR_INLINE_VALUE;
            e->index = (uint32_t)ix;
            return IN_INSTANCE;
        }
        e->shadow = ix >= 0 ? RT_SHADOW_SLOT : RT_SHADOW_KEYS;
        e->index = ix >= 0 ? (uint32_t)ix : 0;
        Py_ssize_t count = py311_keys_nentries(keys);
        if (count > UINT8_MAX) /* shared keys are at most 30 */
            return CANNOT_TELL;
        e->keys_count = (uint8_t)count;
        if (values != NULL)
            return NOT_IN_INSTANCE;
        dict = *py311_managed_dict_ptr(obj);
    } else {
        if (tp->tp_dictoffset == 0) {
            e->shadow = RT_SHADOW_NO_DICT;
            return NOT_IN_INSTANCE;
        }
        e->shadow = RT_SHADOW_LOOKUP;
        PyObject **dictptr = _PyObject_GetDictPtr(obj);
        dict = dictptr != NULL ? *dictptr : NULL;
    }
    if (dict == NULL)
        return NOT_IN_INSTANCE;
    int64_t ix = rt_keys_index_of(py311_dict_keys(dict), ic->name, ic->hash);
    if (ix == RT_KEY_UNKNOWN)
        return CANNOT_TELL;
    if (ix >= 0 && rt_dict_at_hint(dict, (size_t)ix, ic->name) != NULL) {
        e->kind = RT_ATTR_DICT_HINT;
        e->index = (uint32_t)ix;
        return IN_INSTANCE;
    }
    return NOT_IN_INSTANCE;
}

/* How a type gets attributes. */
typedef enum { BY_GENERIC, BY_TYPE, BY_MODULE, BY_OTHER } GetAttrBase;

static GetAttrBase getattr_base(getattrofunc f)
{
    if (f == PyObject_GenericGetAttr)
        return BY_GENERIC;
    if (f == rt_state.type_getattro)
        return BY_TYPE;
    if (f == rt_state.module_getattro)
        return BY_MODULE;
    return BY_OTHER;
}

/* The same through slot_tp_getattr_hook: *hook is the class's __getattr__ then. */
static GetAttrBase classify_getattr(PyTypeObject *tp, PyObject **hook)
{
    *hook = NULL;
    if (tp->tp_getattro != rt_state.slot_tp_getattr_hook)
        return getattr_base(tp->tp_getattro);
    PyObject *getattribute = _PyType_Lookup(tp, RT_NAME(__getattribute__));
    *hook = _PyType_Lookup(tp, RT_NAME(__getattr__));
    if (*hook == NULL || getattribute == NULL || !Py_IS_TYPE(getattribute, &PyWrapperDescr_Type))
        return BY_OTHER;
    getattrofunc f;
    void *wrapped = ((PyWrapperDescrObject *)getattribute)->d_wrapped;
    memcpy(&f, &wrapped, sizeof f);
    return getattr_base(f);
}

bool rt_attr_class_is_type(PyTypeObject *tp)
{
    PyObject *hook;
    return tp->tp_dict != NULL && classify_getattr(tp, &hook) != BY_OTHER &&
           _PyType_Lookup(tp, RT_NAME(__class__)) ==
               _PyType_Lookup(&PyBaseObject_Type, RT_NAME(__class__));
}

/* `obj` is a class whose metatype uses type_getattro. */
static bool analyze_type_attr(PyTypeObject *cls, const RtAttrIC *ic, PyObject *meta_descr,
                              PyObject *hook, RtAttrEntry *e)
{
    /* An attribute of the metatype that is no data descriptor gives way to the class's own, until
     * its type becomes one; the entry only watches the type of what it gives. */
    if (meta_descr != NULL && Py_TYPE(meta_descr)->tp_flags & Py_TPFLAGS_HEAPTYPE)
        return false;
    PyObject *attr = _PyType_Lookup(cls, ic->name);
    e->owner = cls;
    e->owner_version = cls->tp_version_tag;
    if (e->owner_version == 0)
        return false;
    if (attr == NULL) {
        if (meta_descr != NULL)
            return false; /* methods of the metatype are rare */
        e->shadow = RT_SHADOW_NO_DICT;
        e->kind = hook != NULL ? RT_ATTR_GETATTR_HOOK : RT_ATTR_ABSENT;
        return hook == NULL || note_descr(e, hook);
    }
    /* Functions and C method descriptors give themselves when asked without an instance. */
    PyTypeObject *dt = Py_TYPE(attr);
    if (dt->tp_descr_get == NULL || dt == &PyFunction_Type || dt == &PyMethodDescr_Type ||
        dt == &PyWrapperDescr_Type)
        e->kind = RT_ATTR_TYPE_VALUE;
    else
        e->kind = RT_ATTR_TYPE_GET;
    return note_descr(e, attr);
}

static bool analyze_module_attr(PyObject *module, const RtAttrIC *ic, PyObject *descr,
                                RtAttrEntry *e)
{
    PyObject *dict = RT_FIELD(PyObject *, module, PY311_OFF_MODULE_DICT);
    if (dict == NULL || (descr != NULL && !note_descr(e, descr)))
        return false;
    int64_t ix = rt_keys_index_of(py311_dict_keys(dict), ic->name, ic->hash);
    if (ix < 0)
        return false;
    e->kind = RT_ATTR_MODULE;
    e->index = (uint32_t)ix;
    return true;
}

/* How the entry's data descriptor, found in a class that gets attributes in the generic way or not, gives the value. */
static void by_data_descr(RtAttrEntry *e, PyObject *descr, PyTypeObject *tp, bool generic)
{
    Py_ssize_t offset = member_offset(descr, tp, PY_AUDIT_READ);
    if (offset >= 0 && generic) {
        e->kind = RT_ATTR_MEMBER;
        e->index = (uint32_t)offset;
    } else if (Py_IS_TYPE(descr, &PyProperty_Type) && ((Py311Property *)descr)->prop_get != NULL) {
        e->kind = RT_ATTR_PROPERTY;
    } else if (Py_IS_TYPE(descr, &PyGetSetDescr_Type) &&
               ((PyGetSetDescrObject *)descr)->d_getset->get != NULL &&
               PyType_IsSubtype(tp, PyDescr_TYPE(descr))) {
        e->kind = RT_ATTR_GETSET;
    } else {
        e->kind = RT_ATTR_DATA;
    }
}

/* What an attribute of the class is that is no data descriptor. */
static RtAttrKind class_attr_kind(PyObject *descr)
{
    if (Py_TYPE(descr)->tp_descr_get == NULL)
        return RT_ATTR_CLASS_VALUE;
    return Py_TYPE(descr)->tp_flags & Py_TPFLAGS_METHOD_DESCRIPTOR ? RT_ATTR_CLASS_METHOD
                                                                   : RT_ATTR_CLASS_GET;
}

bool rt_attr_analyze_load(PyObject *obj, const RtAttrIC *ic, RtAttrEntry *e)
{
    PyTypeObject *tp = Py_TYPE(obj);
    memset(e, 0, sizeof *e);
    if (tp->tp_dict == NULL)
        return false;
    PyObject *hook;
    GetAttrBase base = classify_getattr(tp, &hook);
    if (base == BY_OTHER || (base == BY_MODULE && hook != NULL))
        return false;
    PyObject *descr = _PyType_Lookup(tp, ic->name);
    e->type = tp;
    e->version = tp->tp_version_tag;
    e->hooked = hook != NULL;
    if (e->version == 0)
        return false;

    descrgetfunc get = descr != NULL ? Py_TYPE(descr)->tp_descr_get : NULL;
    if (get != NULL && is_data_descr(descr)) {
        by_data_descr(e, descr, tp, base == BY_GENERIC);
        return note_descr(e, descr);
    }
    if (base == BY_TYPE)
        return analyze_type_attr((PyTypeObject *)obj, ic, descr, hook, e);
    if (base == BY_MODULE)
        return analyze_module_attr(obj, ic, descr, e);

    Presence presence = look_in_instance(obj, ic, e);
    if (presence == CANNOT_TELL)
        return false;
    if (presence == IN_INSTANCE) /* a class attribute behind it must stay a non-data descriptor */
        return descr == NULL || note_descr(e, descr);
    if (descr == NULL) {
        e->kind = hook != NULL ? RT_ATTR_GETATTR_HOOK : RT_ATTR_ABSENT;
        return hook == NULL || note_descr(e, hook);
    }
    e->kind = class_attr_kind(descr);
    return note_descr(e, descr);
}

bool rt_attr_analyze_type(PyTypeObject *tp, const RtAttrIC *ic, RtAttrEntry *e)
{
    memset(e, 0, sizeof *e);
    PyObject *hook;
    if (tp->tp_dict == NULL || classify_getattr(tp, &hook) != BY_GENERIC)
        return false;
    PyObject *descr = _PyType_Lookup(tp, ic->name);
    e->type = tp;
    e->version = tp->tp_version_tag;
    e->hooked = hook != NULL;
    if (e->version == 0 || (descr != NULL && !note_descr(e, descr)))
        return false;
    if (descr != NULL && is_data_descr(descr)) {
        by_data_descr(e, descr, tp, true);
        return true;
    }
    if (tp->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
        char *keys = py311_cached_keys(tp);
        int64_t ix = keys != NULL ? rt_keys_index_of(keys, ic->name, ic->hash) : RT_KEY_UNKNOWN;
        Py_ssize_t count = keys != NULL ? py311_keys_nentries(keys) : 0;
        if (ix == RT_KEY_UNKNOWN || count > UINT8_MAX)
            return false;
        if (ix >= 0) {
            e->kind = RT_ATTR_INLINE_VALUE;
            e->index = (uint32_t)ix;
            return descr == NULL; /* else some objects may have the class's */
        }
        e->shadow = RT_SHADOW_KEYS;
        e->keys_count = (uint8_t)count;
    } else {
        e->shadow = tp->tp_dictoffset == 0 ? RT_SHADOW_NO_DICT : RT_SHADOW_LOOKUP;
    }
    if (descr == NULL)
        return false;
    e->kind = class_attr_kind(descr);
    return true;
}

bool rt_attr_analyze_store(PyObject *obj, const RtAttrIC *ic, RtAttrEntry *e)
{
    PyTypeObject *tp = Py_TYPE(obj);
    memset(e, 0, sizeof *e);
    if (tp->tp_dict == NULL || tp->tp_setattro != PyObject_GenericSetAttr)
        return false;
    PyObject *descr = _PyType_Lookup(tp, ic->name);
    e->type = tp;
    e->version = tp->tp_version_tag;
    if (e->version == 0 || (descr != NULL && !note_descr(e, descr)))
        return false;
    if (descr != NULL && is_data_descr(descr)) {
        Py_ssize_t offset = member_offset(descr, tp, READONLY);
        e->kind = offset >= 0 ? RT_ATTR_MEMBER : RT_ATTR_DATA;
        e->index = offset >= 0 ? (uint32_t)offset : 0;
        return true;
    }
    /* After the store: the attribute is in the instance, unless a hook took it out again. */
    return look_in_instance(obj, ic, e) == IN_INSTANCE;
}

/* Makes room for RT_ATTR_WAYS entries; without memory the site stays with one. */
static void more_ways(RtAttrIC *ic)
{
    RtAttrEntry *entries = rt_unit_data(ic->unit, RT_ATTR_WAYS * sizeof *entries);
    PyObject **alive = rt_unit_data(ic->unit, RT_ATTR_WAYS * sizeof *alive);
    if (entries == NULL || alive == NULL)
        return;
    entries[0] = ic->first;
    alive[0] = ic->first_alive;
    ic->entries = entries;
    ic->alive = alive;
    ic->ways = RT_ATTR_WAYS;
}

/* The weak reference by which the class's base knows it, which there is already, so that nobody can count it; RT_ALIVE for
 * static types, which do not die. */
static PyObject *weak_reference(PyTypeObject *tp)
{
    if (!(tp->tp_flags & Py_TPFLAGS_HEAPTYPE))
        return Py_NewRef(RT_ALIVE);
    const PyWeakReference *first = (PyWeakReference *)((PyHeapTypeObject *)tp)->ht_type.tp_weaklist;
    return first != NULL && first->wr_callback == NULL && PyWeakref_CheckRefExact(first)
               ? Py_NewRef((PyObject *)first)
               : NULL;
}

/* Until it is settled what the site sees, its methods go by way of the helper, which counts. */
static void add_method(RtAttrIC *ic, const RtAttrEntry *entry)
{
    if (ic->methods != NULL && entry->kind == RT_ATTR_CLASS_METHOD &&
        entry->shadow == RT_SHADOW_KEYS && entry->owner == NULL && entry->descr_version == 0) {
        RtMethodFast *fast = &ic->methods[entry->version % RT_ATTR_FAST];
        fast->version = entry->version;
        fast->keys_count = entry->keys_count;
        fast->descr = entry->descr;
    }
}

void rt_attr_ic_add(RtAttrIC *ic, const RtAttrEntry *entry)
{
    /* An entry of the same type that no longer holds, or says the same, is the one to replace. */
    uint32_t slot = RT_ATTR_WAYS;
    for (uint32_t i = 0; i < ic->nentries; i++) {
        const RtAttrEntry *e = &ic->entries[i];
        if (e->type == entry->type && e->owner == entry->owner &&
            (e->version != entry->version || e->kind == entry->kind)) {
            slot = i;
            break;
        }
    }
    if (slot == RT_ATTR_WAYS) {
        if (ic->nentries == ic->ways && ic->ways == 1)
            more_ways(ic);
        if (ic->nentries < ic->ways) {
            slot = ic->nentries++;
        } else {
            slot = ic->next;
            ic->next = (uint8_t)((ic->next + 1) % ic->ways);
        }
    }
    ic->entries[slot] = *entry;
    Py_XSETREF(ic->alive[slot], weak_reference(entry->owner != NULL ? entry->owner : entry->type));
    if (ic->fast != NULL && entry->kind == RT_ATTR_INLINE_VALUE && entry->descr_version == 0) {
        RtAttrFast *fast = &ic->fast[entry->version % RT_ATTR_FAST];
        fast->version = entry->version;
        fast->index = entry->index;
    }
    if (rt_attr_ic_settled(ic))
        add_method(ic, entry);
}

void rt_attr_ic_settle(RtAttrIC *ic)
{
    if (rt_attr_settled != NULL)
        rt_attr_settled(ic);
    for (uint32_t i = 0; rt_attr_ic_settled(ic) && i < ic->nentries; i++)
        add_method(ic, &ic->entries[i]);
}

/* Misses between two looks at whether the cache earns its keep. */
#define RT_ATTR_REVIEW 64

bool rt_attr_ic_miss(RtAttrIC *ic, RtSiteKind site)
{
    if (ic->sees)
        return false;
    ic->site = (uint8_t)site;
    if (++ic->misses % RT_ATTR_REVIEW == 0) {
        uint32_t hits = 0;
        for (uint32_t i = 0; i < ic->nentries; i++)
            hits += ic->entries[i].hits;
        /* Replaced entries take their hits with them: then the sum may have shrunk. */
        uint32_t gained = hits > ic->last_hits ? hits - ic->last_hits : 0;
        ic->last_hits = hits;
        if (gained < RT_ATTR_REVIEW) {
            ic->sees = RT_SEES_MANY;
            ic->nentries = 0;
            return false;
        }
    }
    return true;
}
