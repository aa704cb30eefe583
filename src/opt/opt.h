/* Optimisation passes over HIR: their list and how to run it.
 *
 * Each pass is one file and one row of the table in opt.c, takes a function that hir_verify
 * accepts to one that it accepts, and keeps what an exit writes back equal to what CPython would
 * have at that bytecode. See src/hir/README.md for the invariants. */
#ifndef PYSTON_OPT_H
#define PYSTON_OPT_H

#include "hir.h"

typedef struct {
    bool verify;            /* run hir_verify after every pass; a failure stops the process */
    uint32_t disabled_mask; /* bit per pass index: do not run it (bisection) */
    uint32_t max_passes;    /* run only so many entries of the list (bisection); 0: all */
    /* Called after each pass that ran, and once before the first with name "build". */
    void (*dump)(void *ctx, const char *pass, const HirFunc *f);
    void *dump_ctx;
} OptOptions;

typedef struct {
    const char *name;
    void (*run)(HirFunc *f);
    const char *doc;
} OptPass;

/* The passes in the order they run; a pass may be listed twice. */
extern const OptPass opt_passes[];
extern const uint32_t opt_npasses;

/* Runs the whole list. `f` comes from the builder (hir_analyze done) and is ready for lowering
 * afterwards (hir_analyze done again). Out of memory longjmps through the arena. */
void opt_run(HirFunc *f, const OptOptions *opts);

/* Runs the first pass of that name alone; false when there is none. */
bool opt_run_one(HirFunc *f, const char *name);

/* The passes that a word of n bytes names, by name or by index, as a disabled_mask; 0: none. */
uint32_t opt_named(const char *word, size_t n);

/* --- passes ------------------------------------------------------------------- */
void opt_types(HirFunc *f);    /* type propagation over phis, conditional constants */
void opt_fold(HirFunc *f);     /* algebra, constants, generic ops on known types -> unboxed */
void opt_guards(HirFunc *f);   /* facts from dominating guards; hoists guards of loop phis */
void opt_gvn(HirFunc *f);      /* value numbering of pure ops and loads */
void opt_unbox(HirFunc *f);    /* float and int phis become raw */
void opt_licm(HirFunc *f);     /* loop-invariant operations before the loop */
void opt_stores(HirFunc *f);   /* dead and sunk stores to homes of locals */
void opt_refcount(HirFunc *f); /* Incref/Decref pairs */
void opt_dce(HirFunc *f);      /* unused pure ops, boxes that only counting uses */

#endif
