/* The table behind megamorphic attribute sites: one entry for a type and a name, whichever site asks.
 *
 * A site that more types visit than its own cache has room for gives its entries up; what they said is kept here, by
 * version tag and name, so that such sites cost a probe and not a lookup along the MRO.  What a class has depends on
 * the class more than on its type, so for classes the key has the version tags of both.  Entries are those of the sites'
 * caches, with the same rules; the name is owned, because a freed one could come back as another str. Kind
 * RT_ATTR_EMPTY remembers that no entry can describe the attribute. */
#include <stdalign.h>

#include "rt_attr.h"

typedef struct {
    alignas(64) PyObject *name; /* owned; a probe reads one cache line */
    RtAttrEntry entry;
    uint32_t class_version; /* of the object itself where that is a class, or 0 */
} SharedEntry;

/* Powers of two, in sets of two: what a third one displaces costs a lookup, never a wrong answer. Django's pages use some
 * 2,000 pairs. */
enum { NLOADS = 4096, NSTORES = 512, WAYS = 2 };
static SharedEntry loads[NLOADS], stores[NSTORES];

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
    return s->name == name && s->entry.version == version && s->class_version == class_version;
}

RtAttrEntry *rt_attr_shared(RtSiteKind site, PyObject *obj, PyObject *name)
{
    uint32_t version = Py_TYPE(obj)->tp_version_tag, of_class = class_version(obj);
    SharedEntry *s = set_of(site, version, of_class, name);
    if (version == 0)
        return NULL;
    for (int way = 0; way < WAYS; way++, s++) {
        if (is_of(s, version, of_class, name))
            return &s->entry;
    }
    return NULL;
}

RtAttrEntry *rt_attr_share(RtSiteKind site, PyObject *obj, PyObject *name, const RtAttrEntry *e)
{
    if (e->version == 0)
        return NULL;
    uint32_t of_class = class_version(obj);
    SharedEntry *set = set_of(site, e->version, of_class, name), *s = set;
    if (!is_of(s, e->version, of_class, name) &&
        (is_of(s + 1, e->version, of_class, name) || s[0].entry.hits > s[1].entry.hits)) {
        s++;
    }
    for (int way = 0; way < WAYS; way++) /* who was used once does not stay for ever */
        set[way].entry.hits /= 2;
    PyObject *old = s->name;
    s->name = Py_NewRef(name);
    s->entry = *e;
    s->class_version = of_class;
    Py_XDECREF(old); /* a str: runs no code */
    return &s->entry;
}
