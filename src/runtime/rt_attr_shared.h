/* Inside the runtime: the table of megamorphic attribute sites, and the probe, for rt_attr.c to have in line. What the table is for:
 * rt_attr_shared.c. */
#ifndef PYSTON_RT_ATTR_SHARED_H
#define PYSTON_RT_ATTR_SHARED_H

#include <stdalign.h>

#include "rt_internal.h"

typedef struct {
    PyObject *name; /* owned */
    PyObject *descr;
    uint32_t version;
    uint32_t class_version; /* of the object itself where that is a class, or 0 */
    uint32_t descr_version;
    uint16_t index;
    uint8_t keys_count;
    uint8_t kind : 4, shadow : 2, hooked : 1;
    uint8_t owned : 1; /* the class is the entry's owner */
} RtAttrShared;
_Static_assert(RT_ATTR_NKINDS <= 16 && RT_SHADOW_LOOKUP < 4, "bits");

/* Powers of two, in sets of two, the newer one first: what a third one displaces costs a lookup, never a wrong answer.
 * Django's pages use some 2,000 pairs. */
#define RT_SHARED_LOADS  4096
#define RT_SHARED_STORES 512
#define RT_SHARED_WAYS   2
extern alignas(64) RtAttrShared rt_shared_loads[RT_SHARED_LOADS];
extern alignas(64) RtAttrShared rt_shared_stores[RT_SHARED_STORES];
_Static_assert(RT_SHARED_WAYS * sizeof(RtAttrShared) == 64, "a cache line");

/* Part of the key: the version tag of an object that is a class itself, else 0. */
static inline uint32_t rt_class_version(PyObject *obj)
{
    return PyType_Check(obj) ? ((PyTypeObject *)obj)->tp_version_tag : 0;
}

/* The set of a key. */
static inline RtAttrShared *rt_shared_set(RtSiteKind site, uint32_t version, uint32_t class_version,
                                          const PyObject *name)
{
    uintptr_t hash = ((uintptr_t)name >> 4) ^ (uintptr_t)version * 0x9E3779B1u ^
                     (uintptr_t)class_version * 0x85EBCA77u;
    hash = (hash ^ hash >> 15) * RT_SHARED_WAYS;
    return site == RT_SITE_STORE ? &rt_shared_stores[hash % RT_SHARED_STORES]
                                 : &rt_shared_loads[hash % RT_SHARED_LOADS];
}

static inline bool rt_shared_is_of(const RtAttrShared *s, uint32_t version, uint32_t class_version,
                                   const PyObject *name)
{
    return s->name == name && s->version == version && s->class_version == class_version;
}

/* The entry that megamorphic sites of this kind (RT_SITE_LOAD for all but stores) share for `obj`, or NULL: there is none.
 * Its kind is RT_ATTR_EMPTY when none can be made. */
static inline const RtAttrShared *rt_attr_shared(RtSiteKind site, PyObject *obj,
                                                 const PyObject *name)
{
    uint32_t version = Py_TYPE(obj)->tp_version_tag, of_class = rt_class_version(obj);
    const RtAttrShared *s = rt_shared_set(site, version, of_class, name);
    if (!rt_shared_is_of(s, version, of_class, name) &&
        !rt_shared_is_of(++s, version, of_class, name))
        return NULL;
    return version != 0 ? s : NULL;
}

/* The same in the form of a site's entry. */
void rt_attr_of_shared(const RtAttrShared *s, PyObject *obj, RtAttrEntry *e);
/* Puts it there, if the type has a version tag. */
void rt_attr_share(RtSiteKind site, PyObject *obj, PyObject *name, const RtAttrEntry *e);

#endif
