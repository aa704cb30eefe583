/* Inside the runtime: filling attribute caches (rt_attr_ic.c), used by rt_attr.c. */
#ifndef PYSTON_RT_ATTR_H
#define PYSTON_RT_ATTR_H

#include <string.h>

#include "rt_internal.h"

/* Describe how obj's attribute ic->name is found (before the load), or was stored (after the
 * store), in *e.  False: no entry can.  Runs no Python code. */
bool rt_attr_analyze_load(PyObject *obj, const RtAttrIC *ic, RtAttrEntry *e);
/* As for an object of the type whose inline values are all set. */
bool rt_attr_analyze_type(PyTypeObject *tp, const RtAttrIC *ic, RtAttrEntry *e);
bool rt_attr_analyze_store(PyObject *obj, const RtAttrIC *ic, RtAttrEntry *e);

/* Does `__class__` of objects of this type give the type, through object's own descriptor? Holds while the type keeps
 * its version tag. Runs no Python code. */
bool rt_attr_class_is_type(PyTypeObject *tp);

/* In place of the weak reference to a type that does not die: an object that nobody else counts. */
#define RT_ALIVE (rt_state.some_dict)

/* An object of v's type, if that is a builtin type whose values code is compiled for, else NULL. Borrowed, lives for
 * ever. */
PyObject *rt_attr_example(const PyObject *v);

/* Puts the entry into the cache, replacing an outdated or the oldest one. */
void rt_attr_ic_add(RtAttrIC *ic, const RtAttrEntry *e);

/* The helper has served the site often enough: asks the engine, and then inline code may look at the methods. */
void rt_attr_ic_settle(RtAttrIC *ic);

/* Counts a miss. False: the site is megamorphic and no entry is wanted. */
bool rt_attr_ic_miss(RtAttrIC *ic, RtSiteKind site);

#endif
