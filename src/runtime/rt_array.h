/* Inside the runtime: items of array.array (rt_array.c), used by rt_subscr.c. */
#ifndef PYSTON_RT_ARRAY_H
#define PYSTON_RT_ARRAY_H

#include "rt_internal.h"

/* The type, once an object of it has been seen by rt_array_learn; else NULL. */
extern PyTypeObject *rt_array_type;

/* Looks whether o's type is array.array with the layout that is known. Runs no Python code, leaves no exception. */
void rt_array_learn(PyObject *o);

/* o[key] and o[key] = v, o's type being rt_array_type: as PyObject_GetItem and PyObject_SetItem. */
PyObject *rt_array_get(PyObject *o, PyObject *key);
int rt_array_set(PyObject *o, PyObject *key, PyObject *v);

#endif
