/* What attribute caches have seen, for the compiler.
 *
 * PEP 659 remembers one type a site, and none where several take turns; it never specialises class attributes and
 * properties.  The caches of compiled code know more.  A site that its helper has served rt_attr_unsettled times is
 * settled: the engine asks here whether all the objects seen have the attribute in the same way, and if so compiles the
 * function again with that knowledge.
 *
 * Entries only have borrowed pointers, which hold as long as the type has the version it had. Whether the type is
 * alive tells the weak reference kept beside the entry. */
#include "rt_attr.h"

/* The entry's type, if it is as it was. */
static PyTypeObject *type_of_entry(const RtAttrIC *ic, uint32_t i)
{
    const RtAttrEntry *e = &ic->entries[i];
    PyObject *ref = ic->alive[i];
    PyTypeObject *tp = e->type;
    PyTypeObject *held = e->owner != NULL ? e->owner : tp;
    if (ref == NULL || (ref != RT_ALIVE && PyWeakref_GET_OBJECT(ref) != (PyObject *)held))
        return NULL;
    if (e->owner != NULL && (e->owner->tp_version_tag != e->owner_version || Py_TYPE(held) != tp))
        return NULL;
    return tp->tp_version_tag == e->version ? tp : NULL;
}

PyObject *rt_attr_example(const PyObject *v)
{
    PyTypeObject *tp = Py_TYPE(v);
    return v == Py_None            ? Py_None
           : tp == &PyBool_Type    ? Py_True
           : tp == &PyLong_Type    ? rt_state.some_int
           : tp == &PyFloat_Type   ? rt_state.some_float
           : tp == &PyUnicode_Type ? rt_state.empty_str
           : tp == &PyTuple_Type   ? rt_state.empty_tuple
           : tp == &PyList_Type    ? rt_state.some_list
           : tp == &PyDict_Type    ? rt_state.some_dict
                                   : NULL;
}

/* Whether code can rely on the entry with no more than the guard of a type set; writes its count of keys. */
static bool usable(const RtAttrEntry *e, int32_t *keys_count)
{
    *keys_count = RT_KEYS_ANY;
    if (e->owner != NULL || e->descr_version != 0)
        return false;
    switch (e->kind) {
    case RT_ATTR_INLINE_VALUE:
    case RT_ATTR_MEMBER: return true;
    case RT_ATTR_PROPERTY: return !e->hooked;
    case RT_ATTR_CLASS_VALUE:
    case RT_ATTR_CLASS_METHOD:
        if (e->shadow == RT_SHADOW_KEYS)
            *keys_count = e->keys_count;
        else if (e->shadow == RT_SHADOW_LOOKUP)
            *keys_count = RT_KEYS_LOOKUP;
        return e->shadow != RT_SHADOW_SLOT;
    default: return false;
    }
}

/* Adds a type whose objects have the attribute as the entry says. */
static bool add(RtAttrSeen *seen, const RtAttrEntry *e, PyTypeObject *tp)
{
    RtTypeSet *set = &seen->set;
    int32_t keys_count;
    bool indexed = e->kind == RT_ATTR_INLINE_VALUE || e->kind == RT_ATTR_MEMBER;
    if (!usable(e, &keys_count))
        return false;
    if (set->n == 0) {
        seen->kind = (RtAttrKind)e->kind;
        seen->index = e->index;
        seen->descr = e->descr;
    } else if (e->kind != seen->kind ||
               (indexed ? e->index != seen->index : e->descr != seen->descr)) {
        return false;
    }
    for (uint32_t k = 0; k < set->n; k++) {
        if (set->types[k] == tp)
            return set->keys_count[k] == keys_count; /* another cache has seen it, too */
    }
    if (set->n == RT_ATTR_WAYS)
        return false;
    set->versions[set->n] = e->version;
    set->keys_count[set->n] = keys_count;
    set->types[set->n++] = tp;
    return true;
}

/* The entry as it would be made now: shared keys may have grown, though not by this name. */
static bool still(const RtAttrIC *ic, const RtAttrEntry *e, PyTypeObject *tp, RtAttrEntry *now)
{
    *now = *e;
    if ((e->kind != RT_ATTR_CLASS_VALUE && e->kind != RT_ATTR_CLASS_METHOD) ||
        e->shadow != RT_SHADOW_KEYS)
        return true;
    return rt_attr_analyze_type(tp, ic, now) && now->kind == e->kind && now->descr == e->descr;
}

bool rt_attr_seen(const RtAttrIC *ic, RtAttrSeen *seen)
{
    if (ic->sees)
        return false;
    if (ic->nentries == 1 && ic->entries[0].kind == RT_ATTR_TYPE_VALUE) {
        const RtAttrEntry *e = &ic->entries[0];
        if (seen->kind != RT_ATTR_EMPTY)
            return seen->owner == e->owner;
        seen->kind = RT_ATTR_TYPE_VALUE;
        seen->descr = e->descr;
        seen->owner = e->owner;
        return e->descr_version == 0 && type_of_entry(ic, 0) != NULL;
    }
    bool taken[RT_ATTR_WAYS] = {false};
    for (uint32_t n = 0; n < ic->nentries; n++) {
        uint32_t most = RT_ATTR_WAYS;
        for (uint32_t i = 0; i < ic->nentries; i++) {
            if (!taken[i] && (most == RT_ATTR_WAYS || ic->entries[i].hits > ic->entries[most].hits))
                most = i;
        }
        taken[most] = true;
        RtAttrEntry now;
        PyTypeObject *tp = type_of_entry(ic, most);
        for (uint32_t i = 0; tp != NULL && i < ic->nentries; i++) {
            if (i != most && ic->entries[i].version == ic->entries[most].version)
                return false; /* the way there differs from object to object */
        }
        if (tp != NULL && (!still(ic, &ic->entries[most], tp, &now) || !add(seen, &now, tp)))
            return false;
    }
    seen->set.name = ic->name;
    if (ic->examined)
        seen->example = seen->examined && seen->example != ic->example ? NULL : ic->example;
    seen->examined = seen->examined || ic->examined;
    return seen->owner == NULL;
}

bool rt_attr_of_types(const RtTypeSet *set, PyObject *name, RtAttrSeen *seen)
{
    RtAttrIC site = {.name = name, .hash = rt_str_hash(name)};
    memset(seen, 0, sizeof *seen);
    seen->set.name = name;
    for (uint32_t i = 0; i < set->n; i++) {
        RtAttrEntry e;
        if (set->types[i] == NULL || set->types[i]->tp_version_tag != set->versions[i] ||
            !rt_attr_analyze_type(set->types[i], &site, &e) || !add(seen, &e, set->types[i]))
            return false;
    }
    return set->n > 0;
}

bool rt_attr_of_class(PyTypeObject *cls, PyObject *name, RtAttrSeen *seen)
{
    RtAttrIC site = {.name = name, .hash = rt_str_hash(name)};
    RtAttrEntry e;
    memset(seen, 0, sizeof *seen);
    if (rt_type_version(cls) == 0 || !rt_attr_analyze_load((PyObject *)cls, &site, &e) ||
        e.kind != RT_ATTR_TYPE_VALUE || e.descr_version != 0)
        return false;
    seen->kind = RT_ATTR_TYPE_VALUE;
    seen->descr = e.descr;
    seen->owner = cls;
    return true;
}

static bool same_set(const RtTypeSet *a, const RtTypeSet *b)
{
    return a->n == b->n && a->name == b->name &&
           memcmp(a->versions, b->versions, a->n * sizeof *a->versions) == 0 &&
           memcmp(a->keys_count, b->keys_count, a->n * sizeof *a->keys_count) == 0;
}

RtTypeSet *rt_type_set(CodeUnit *u, const RtTypeSet *set)
{
    for (RtTypeSet *s = u->type_sets; s != NULL; s = s->next) {
        if (same_set(s, set))
            return s;
    }
    RtTypeSet *s = rt_unit_data(u, sizeof *s);
    if (s != NULL) {
        *s = *set;
        s->next = u->type_sets;
        u->type_sets = s;
    }
    return s;
}
