/* Full collections with what is alive found first. */
#ifndef PYSTON_ENG_GC_FULL_H
#define PYSTON_ENG_GC_FULL_H

#include <Python.h>
#include <stdbool.h>

/* Marks what can be reached from modules and running frames, and puts it aside, so that the collector, called next, has only
 * the rest to consider. False when it is not to be done now (it runs already, or is watched) and nothing has changed.
 * GIL held, of the interpreter's thread; runs no Python code. */
bool eng_gc_full_begin(PyInterpreterState *interp);
/* After the collector: what was put aside goes back. */
void eng_gc_full_end(void);
/* While the collector runs finalizers, somebody wants to see all objects: they go back at once. */
void eng_gc_full_show(void);

#endif
