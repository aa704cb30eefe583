/* The cyclic collector's state in an interpreter, and the C functions behind the module `gc`.
 *
 * The generations' thresholds and counts and the collector's statistics are plain fields of the
 * interpreter state.  Python reaches them through `gc` only; CPython 3.11 has no C API for them. */
#ifndef PYSTON_PY311_GC_H
#define PYSTON_PY311_GC_H

#include <Python.h>

#include "py311_layout.h"

enum { PY311_GC_GENERATIONS = 3 };

/* struct gc_generation. */
typedef struct {
    uintptr_t head[2];
    int threshold; /* collected when count exceeds this */
    int count;     /* youngest: allocations less deallocations; else collections of the younger */
} __attribute__((may_alias)) Py311GcGeneration;

/* struct gc_generation_stats. */
typedef struct {
    Py_ssize_t collections;
    Py_ssize_t collected;
    Py_ssize_t uncollectable;
} __attribute__((may_alias)) Py311GcStats;

/* Array of the three generations, youngest first. Valid as long as the interpreter. */
static inline volatile Py311GcGeneration *py311_gc_generations(PyInterpreterState *interp)
{
    return (volatile Py311GcGeneration *)(void *)((char *)interp + PY311_OFF_INTERP_GC_GEN0);
}
/* Array of the three generations' statistics. */
static inline volatile Py311GcStats *py311_gc_stats(PyInterpreterState *interp)
{
    return (volatile Py311GcStats *)(void *)((char *)interp + PY311_OFF_INTERP_GC_STATS);
}
/* The flags of gc.set_debug(). */
static inline volatile int *py311_gc_debug(PyInterpreterState *interp)
{
    return (volatile int *)(void *)((char *)interp + PY311_OFF_INTERP_GC_DEBUG);
}
/* The list gc.callbacks, borrowed; NULL very early and very late. */
static inline PyObject *py311_gc_callbacks(PyInterpreterState *interp)
{
    return *(PyObject **)(void *)((char *)interp + PY311_OFF_INTERP_GC_CALLBACKS);
}

/* Does the collector run? */
static inline volatile int *py311_gc_collecting(PyInterpreterState *interp)
{
    return (volatile int *)(void *)((char *)interp + PY311_OFF_INTERP_GC_COLLECTING);
}
/* How many objects the last full collection left in the oldest generation, and how many have come there since. */
static inline volatile Py_ssize_t *py311_gc_long_lived(PyInterpreterState *interp)
{
    return (volatile Py_ssize_t *)(void *)((char *)interp + PY311_OFF_INTERP_GC_LONG_LIVED_TOTAL);
}
static inline volatile Py_ssize_t *py311_gc_newcomers(PyInterpreterState *interp)
{
    return (volatile Py_ssize_t *)(void *)((char *)interp + PY311_OFF_INTERP_GC_LONG_LIVED_PENDING);
}

/* PyGC_Head, in front of each container. */
typedef struct {
    uintptr_t next; /* 0: untracked */
    uintptr_t prev; /* and flags: 1 finalized, 2 being collected */
} __attribute__((may_alias)) Py311GcHead;

enum { PY311_GC_FINALIZED = 1, PY311_GC_COLLECTING = 2, PY311_GC_FLAGS = 3 };

static inline Py311GcHead *py311_gc_head(PyObject *o)
{
    return (Py311GcHead *)(void *)o - 1;
}

/* The head of the list of a generation, 0 for the youngest. */
static inline Py311GcHead *py311_gc_list(PyInterpreterState *interp, int generation)
{
    return (Py311GcHead *)(void *)(uintptr_t)&py311_gc_generations(interp)[generation];
}

/* The collector's flags are the object's, and stay. */
static inline void py311_gc_set_prev(Py311GcHead *head, const Py311GcHead *prev)
{
    head->prev = (head->prev & PY311_GC_FLAGS) | (uintptr_t)prev;
}

/* Puts the object, which is in no list, at the end of one. */
static inline void py311_gc_list_append(Py311GcHead *list, Py311GcHead *head)
{
    Py311GcHead *last = (Py311GcHead *)list->prev;
    last->next = (uintptr_t)head;
    py311_gc_set_prev(head, last);
    head->next = (uintptr_t)list;
    list->prev = (uintptr_t)head;
}

/* _PyObject_GC_TRACK and _PyObject_GC_UNTRACK: `o` is not tracked, or is. */
static inline void py311_gc_track(PyInterpreterState *interp, PyObject *o)
{
    py311_gc_list_append(py311_gc_list(interp, 0), py311_gc_head(o));
}
static inline void py311_gc_untrack(PyObject *o)
{
    Py311GcHead *head = py311_gc_head(o),
                *last = (Py311GcHead *)(head->prev & ~(uintptr_t)PY311_GC_FLAGS),
                *next = (Py311GcHead *)head->next;
    last->next = (uintptr_t)next;
    py311_gc_set_prev(next, last);
    head->next = 0;
    head->prev &= PY311_GC_FINALIZED;
}

/* The definition of gc.<name>, which all interpreters of the process share and which is writable,
 * or NULL when there is none with these flags (METH_*).  Does not import `gc`: a program that does
 * not use it should not find it in sys.modules.  No exception is set. */
PyMethodDef *py311_gc_method(const char *name, int flags);

/* Whether the collector tracks an object at this address, which may have been one once and be anything now, or no memory at all: read by
 * the kernel, which does not fault. Its neighbours in the collector's list point at an object that is tracked, and at nothing else. False
 * also where the system does not allow that. */
bool py311_gc_tracks(const void *maybe);

/* Holds this header against what the functions of `gc` say; as py311_check(), which calls it. */
const char *py311_gc_check(void);

#endif
