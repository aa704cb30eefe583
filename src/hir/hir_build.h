/* Builder: bytecode and its feedback -> HIR.
 *
 * An abstract interpreter over the value stack.  Blocks are visited in reverse
 * post-order, so that every forward predecessor of a block is known when the
 * block is built; loop headers get phis for the locals their loop assigns. */
#ifndef PYSTON_HIR_BUILD_H
#define PYSTON_HIR_BUILD_H

#include <Python.h>

#include "hir.h"
#include "rt.h"

/* What the engine knows of a function that might be inlined. */
typedef struct {
    const uint8_t *nospec; /* its sites where not to speculate, or NULL */
    bool generic;          /* guards failed too often in it: leave it alone */
} HirInlinee;

/* What is known of an attribute's site. */
typedef enum {
    HIR_SEEN_NOTHING,
    HIR_SEEN_THIS,
    HIR_SEEN_TOO_MUCH, /* do not rely on anything there */
} HirSeen;

typedef struct {
    /* For what is not needed any more when the HIR is there, half of the memory; the caller empties it. NULL: all in one. */
    Arena *scratch;
    PyObject *globals;      /* dict the function runs in, or NULL */
    PyObject *builtins;     /* its builtins dict, or NULL */
    PyFunctionObject *func; /* function being compiled, or NULL (only a hint) */
    PyObject **locals;      /* live locals at the entry: types observed, or NULL */
    PyObject **osr_stack;   /* live value stack at the OSR entry (NULL entries allowed) */
    int osr_nstack;         /* its depth */
    int osr_nknown; /* so many of its entries are there now; those above will be no NULL when it is entered */
    const uint8_t *nospec; /* bit per code unit: do not speculate at this site; or NULL */
    bool generic;          /* do not speculate anywhere */
    const uint8_t *caught; /* bit per code unit: what that raises is caught here often; or NULL */
    /* What the caches of older units have seen at the site, of this function or of one to be inlined; NULL: nothing. */
    HirSeen (*seen)(PyCodeObject *co, int32_t bci, RtAttrSeen *seen);
    /* The code of functions that LOAD_METHOD has found there; their number, at most RT_TARGETS. NULL: nothing known. */
    unsigned (*targets)(PyCodeObject *co, int32_t bci, PyCodeObject **codes);
    /* The types of all operands of the operation there, NULL for several; false or NULL: not known. */
    bool (*types)(PyCodeObject *co, int32_t bci, PyTypeObject *types[2]);
    /* Where the code is to note them, NULL: nowhere. */
    RtTypeSite *(*type_site)(PyCodeObject *co, int32_t bci);
    /* Asked for each function that may be inlined, before its bytecode is read; NULL: inline nothing. */
    HirInlinee (*inlinee)(PyCodeObject *co);
} HirBuildOptions;

/* Builds HIR for `co` from its start (entry_bci 0) or from the loop header,
 * resume point or handler at code unit `entry_bci`.  Long-lived data (inline caches, pinned objects) goes
 * into `unit`.  Returns NULL with `*reason` naming what is not supported.
 * Runs no Python code; out of memory longjmps through the arenas. */
HirFunc *hir_build(Arena *a, CodeUnit *unit, PyCodeObject *co, int32_t entry_bci,
                   const HirBuildOptions *opts, const char **reason);

#endif
