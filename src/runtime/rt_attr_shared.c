/* The table behind megamorphic attribute sites: one entry for a type and a name, whichever site asks.
 *
 * A site that more types visit than its own cache has room for gives its entries up; what they said is kept here, by
 * version tag and name, so that such sites cost a probe and not a lookup along the MRO.  What a class has depends on
 * the class more than on its type, so for classes the key has the version tags of both.  Entries are those of the sites'
 * caches, with the same rules; the name is owned, because a freed one could come back as another str. Kind
 * RT_ATTR_EMPTY remembers that no entry can describe the attribute.
 *
 * A probe has to wait for memory that is not near, so a set is one cache line and entries are packed. */
#include "rt_attr_shared.h"

#include "rt_attr.h"

alignas(64) RtAttrShared rt_shared_loads[RT_SHARED_LOADS], rt_shared_stores[RT_SHARED_STORES];

void rt_attr_of_shared(const RtAttrShared *s, PyObject *obj, RtAttrEntry *e)
{
    *e = (RtAttrEntry){
        .kind = s->kind,
        .shadow = s->shadow,
        .hooked = s->hooked,
        .keys_count = s->keys_count,
        .version = s->version,
        .owner_version = s->class_version,
        .descr_version = s->descr_version,
        .index = s->index,
        .type = Py_TYPE(obj),
        .owner = s->owned ? (PyTypeObject *)obj : NULL,
        .descr = s->descr,
    };
}

void rt_attr_share(RtSiteKind site, PyObject *obj, PyObject *name, const RtAttrEntry *e)
{
    if (e->version == 0 || e->index > UINT16_MAX)
        return;
    uint32_t of_class = rt_class_version(obj);
    RtAttrShared *s = rt_shared_set(site, e->version, of_class, name);
    PyObject *old;
    if (rt_shared_is_of(s + 1, e->version, of_class, name)) {
        old = (++s)->name;
    } else if (rt_shared_is_of(s, e->version, of_class, name)) {
        old = s->name;
    } else {
        old = s[1].name;
        s[1] = s[0];
    }
    *s = (RtAttrShared){
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
