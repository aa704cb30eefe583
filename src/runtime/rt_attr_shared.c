/* The table behind megamorphic attribute sites: one entry for a type and a name, whichever site asks.
 *
 * A site that more types visit than its own cache has room for gives its entries up; what they said is kept here, by
 * version tag and name, so that such sites cost a probe and not a lookup along the MRO. Entries are those of the sites'
 * caches, with the same rules; the name is owned, because a freed one could come back as another str. Kind
 * RT_ATTR_EMPTY remembers that no entry can describe the attribute. */
#include "rt_attr.h"

typedef struct {
    PyObject *name; /* owned */
    RtAttrEntry entry;
} SharedEntry;

/* Powers of two. Pairs that meet in a slot take turns: that costs lookups, never a wrong answer. */
enum { NLOADS = 2048, NSTORES = 512 };
static SharedEntry loads[NLOADS], stores[NSTORES];

static SharedEntry *slot_of(RtSiteKind site, uint32_t version, const PyObject *name)
{
    uintptr_t hash = ((uintptr_t)name >> 4) ^ (uintptr_t)version * 0x9E3779B1u;
    hash ^= hash >> 15;
    return site == RT_SITE_STORE ? &stores[hash % NSTORES] : &loads[hash % NLOADS];
}

RtAttrEntry *rt_attr_shared(RtSiteKind site, PyTypeObject *tp, PyObject *name)
{
    uint32_t version = tp->tp_version_tag;
    SharedEntry *s = slot_of(site, version, name);
    return s->name == name && s->entry.version == version && version != 0 ? &s->entry : NULL;
}

RtAttrEntry *rt_attr_share(RtSiteKind site, PyObject *name, const RtAttrEntry *e)
{
    if (e->version == 0)
        return NULL;
    SharedEntry *s = slot_of(site, e->version, name);
    PyObject *old = s->name;
    s->name = Py_NewRef(name);
    s->entry = *e;
    Py_XDECREF(old); /* a str: runs no code */
    return &s->entry;
}
