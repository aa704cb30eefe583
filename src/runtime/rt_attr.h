/* Inside the runtime: filling attribute caches (rt_attr_ic.c), used by rt_attr.c. */
#ifndef PYSTON_RT_ATTR_H
#define PYSTON_RT_ATTR_H

#include <string.h>

#include "rt_internal.h"

/* Describe how obj's attribute ic->name is found (before the load), or was stored (after the
 * store), in *e.  False: no entry can.  Runs no Python code. */
bool rt_attr_analyze_load(PyObject *obj, const RtAttrIC *ic, RtAttrEntry *e);
bool rt_attr_analyze_store(PyObject *obj, const RtAttrIC *ic, RtAttrEntry *e);

/* Puts the entry into the cache, replacing an outdated or the oldest one. */
void rt_attr_ic_add(RtAttrIC *ic, const RtAttrEntry *e);

/* Counts a miss. False: the site is megamorphic and no entry is wanted. */
bool rt_attr_ic_miss(RtAttrIC *ic, RtSiteKind site);

#endif
