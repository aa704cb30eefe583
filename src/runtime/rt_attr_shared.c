/* The table behind megamorphic attribute sites: one entry for a type and a name, whichever site asks.
 *
 * A site that more types visit than its own cache has room for gives its entries up; what they said is kept here, by
 * version tag and name, so that such sites cost a probe and not a lookup along the MRO.  What a class has depends on
 * the class more than on its type, so for classes the key has the version tags of both.  Entries are those of the sites'
 * caches, with the same rules; the name is owned, because a freed one could come back as another str. Kind
 * RT_ATTR_EMPTY remembers that no entry can describe the attribute.
 *
 * A probe has to wait for memory that is not near, so a set is one cache line and entries are packed. */
#include <stdalign.h>

#include "rt_attr.h"

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
} SharedEntry;
_Static_assert(RT_ATTR_NKINDS <= 16 && RT_SHADOW_LOOKUP < 4, "bits");

/* Powers of two, in sets of two, the newer one first: what a third one displaces costs a lookup, never a wrong answer.
 * Django's pages use some 2,000 pairs. */
enum { NLOADS = 4096, NSTORES = 512, WAYS = 2 };
static alignas(64) SharedEntry loads[NLOADS], stores[NSTORES];
_Static_assert(WAYS * sizeof(SharedEntry) == 64, "a cache line");

static inline uint32_t class_version(PyObject *obj)
{
    return PyType_Check(obj) ? ((PyTypeObject *)obj)->tp_version_tag : 0;
}

/* The set of a key. */
static inline SharedEntry *set_of(RtSiteKind site, uint32_t version, uint32_t class_version,
                                  const PyObject *name)
{
    uintptr_t hash = ((uintptr_t)name >> 4) ^ (uintptr_t)version * 0x9E3779B1u ^
                     (uintptr_t)class_version * 0x85EBCA77u;
    hash ^= hash >> 15;
    return site == RT_SITE_STORE ? &stores[hash * WAYS % NSTORES] : &loads[hash * WAYS % NLOADS];
}

static inline bool is_of(const SharedEntry *s, uint32_t version, uint32_t class_version,
                         const PyObject *name)
{
    return s->name == name && s->version == version && s->class_version == class_version;
}

bool rt_attr_shared(RtSiteKind site, PyObject *obj, PyObject *name, RtAttrEntry *e)
{
    uint32_t version = Py_TYPE(obj)->tp_version_tag, of_class = class_version(obj);
    const SharedEntry *s = set_of(site, version, of_class, name);
    if (!is_of(s, version, of_class, name) && !is_of(++s, version, of_class, name))
        return false;
    *e = (RtAttrEntry){
        .kind = s->kind,
        .shadow = s->shadow,
        .hooked = s->hooked,
        .keys_count = s->keys_count,
        .version = version,
        .owner_version = of_class,
        .descr_version = s->descr_version,
        .index = s->index,
        .type = Py_TYPE(obj),
        .owner = s->owned ? (PyTypeObject *)obj : NULL,
        .descr = s->descr,
    };
    return version != 0;
}

void rt_attr_share(RtSiteKind site, PyObject *obj, PyObject *name, const RtAttrEntry *e)
{
    if (e->version == 0 || e->index > UINT16_MAX)
        return;
    uint32_t of_class = class_version(obj);
    SharedEntry *s = set_of(site, e->version, of_class, name);
    PyObject *old;
    if (is_of(s + 1, e->version, of_class, name)) {
        old = (++s)->name;
    } else if (is_of(s, e->version, of_class, name)) {
        old = s->name;
    } else {
        old = s[1].name;
        s[1] = s[0];
    }
    *s = (SharedEntry){
        .name = Py_NewRef(name),
        .descr = e->descr,
        .version = e->version,
        .class_version = of_class,
        .descr_version = e->descr_version,
        .index = (uint16_t)e->index,
        .keys_count = e->keys_count,
        .kind = e->kind & 15,
        .shadow = e->shadow & 3,
        .hooked = e->hooked & 1,
        .owned = e->owner != NULL,
    };
    Py_XDECREF(old); /* a str: runs no code */
}
