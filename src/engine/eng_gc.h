/* Pacing of the cyclic collector: fewer collections while they would find nothing. */
#ifndef PYSTON_ENG_GC_H
#define PYSTON_ENG_GC_H

#include <Python.h>
#include <stdbool.h>

/* Starts pacing in the main interpreter, unless PYSTON_GC=0 or the program has configured the
 * collector already. Where the system lacks something for it the collector stays as it is. GIL
 * held; no exception is set. */
void eng_gc_start(PyInterpreterState *interp);
/* Ends pacing: thresholds, counts and the functions of `gc` are as they would be without it. Does
 * nothing when it is not on. GIL held. */
void eng_gc_stop(void);

/* Runs a full collection that a tick has asked for. For the main thread at a safepoint, GIL held. Runs Python code
 * (finalizers); no exception is set. */
void eng_gc_attend(void);

/* For eng_ticker.c, without the GIL. */
/* One tick; `last`: there will be no more. Nanoseconds of the process's CPU time to the next look,
 * or 0 when there is nothing to watch. */
long eng_gc_tick(bool last);
/* Is there something to watch? */
bool eng_gc_watches(void);
/* In a forked child, at once: no thread is there to watch. Unless there may be one later, pacing ends. */
void eng_gc_forked(bool watchable);

#endif
