/* Memory of objects that died, kept for the next ones of the same type and size, as CPython does for tuples, lists,
 * dicts and floats but not for ints, functions, generators and iterators.
 *
 * What is kept is linked by the type field and held by nobody; containers are not tracked, and taken from what the collector
 * counts as allocated when they are given, as PyObject_GC_Del would. Only where the object allocator is pymalloc, and not while tracemalloc
 * wants to see each object. */
#ifndef PYSTON_RT_POOL_H
#define PYSTON_RT_POOL_H

#include "rt_internal.h"

#include "py311_gc.h"

typedef struct {
    PyObject *first;
    uint32_t n;
} RtPool;

/* May the pool keep one more, of `most`? */
static inline bool rt_pool_wants(const RtPool *pool, uint32_t most)
{
    return BASE_LIKELY(pool->n < most) && BASE_LIKELY(*rt_state.traced == 0);
}

static inline void rt_pool_push(RtPool *pool, PyObject *o)
{
    o->ob_type = (PyTypeObject *)(void *)pool->first;
    pool->first = o;
    pool->n++;
}

/* An object of `type` with one reference, its other fields unset; the pool must have one. */
static inline PyObject *rt_pool_pop(RtPool *pool, PyTypeObject *type)
{
    PyObject *o = pool->first;
    pool->first = (PyObject *)(void *)o->ob_type;
    pool->n--;
    Py_SET_REFCNT(o, 1);
    Py_SET_TYPE(o, type);
    return o;
}

/* A container of `type`, with one reference, not tracked, its fields unset; NULL (no exception): there is none, or the
 * collector is due, which looks when PyObject_GC_New allocates. */
static inline PyObject *rt_pool_take(const PyThreadState *ts, RtPool *pool, PyTypeObject *type)
{
    volatile Py311GcGeneration *young = py311_gc_generations(ts->interp);
    if (BASE_UNLIKELY(pool->first == NULL) || BASE_UNLIKELY(young->count >= young->threshold) ||
        BASE_UNLIKELY(*rt_state.traced != 0))
        return NULL;
    young->count++;
    PyObject *o = rt_pool_pop(pool, type);
    *py311_gc_head(o) = (Py311GcHead){0, 0};
    return o;
}

/* PyObject_GC_Del of an untracked container, which the pool keeps unless it has `most`. */
static inline void rt_pool_give(const PyThreadState *ts, RtPool *pool, uint32_t most, PyObject *o)
{
    if (!rt_pool_wants(pool, most)) {
        PyObject_GC_Del(o);
        return;
    }
    volatile Py311GcGeneration *young = py311_gc_generations(ts->interp);
    if (young->count > 0)
        young->count--;
    rt_pool_push(pool, o);
}

#endif
