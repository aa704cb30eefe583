/* Shared by the passes. */
#ifndef PYSTON_OPT_INTERNAL_H
#define PYSTON_OPT_INTERNAL_H

#include "opt.h"

/* for (OPT_EACH_BLOCK(f, b)) visits reachable blocks in reverse post-order. */
#define OPT_EACH_BLOCK(f, b) \
    uint32_t b##_k = 0;      \
    b##_k < (f)->nrpo;       \
    b##_k++)                                                                                  \
        for (HirBlock *b = (f)->rpo[b##_k], *b##_once = b; b##_once; b##_once = NULL

static inline bool opt_one_type(HirType t)
{
    return t && !(t & (t - 1));
}

/* Whether a pass may add code that leaves for tier 0 at fs->bci. Where such code failed too
 * often, the engine compiles again with the site marked, and it must not come back. */
static inline bool opt_may_speculate(const HirFunc *f, const HirFrameState *fs)
{
    return fs && !f->generic && !(fs->nospec && (fs->nospec[fs->bci >> 3] & (1u << (fs->bci & 7))));
}

/* Kinds of memory, for what loads read and what operations may change. */
enum {
    OPT_MEM_HEAP = 1,     /* contents of objects */
    OPT_MEM_VERSIONS = 2, /* what only Python code changes: types, functions, namespaces */
    OPT_MEM_ITER = 4,     /* positions of iterators */
    OPT_MEM_HOMES = 8,    /* homes of locals */
    OPT_NMEM = 4
};
/* Which kinds `i` reads (ops with READ) or may change. */
uint32_t opt_reads(const HirIns *i);
uint32_t opt_kills(const HirIns *i);
/* By rpo number of a header: kinds changed anywhere in its loop (0 for other blocks). */
uint8_t *opt_loop_kills(HirFunc *f);

/* The one block that enters the loop of header `h`, if its Jump carries a frame state; else NULL. */
HirBlock *opt_preheader(const HirBlock *h);
/* Whether every trip around the loop of header `h` passes block `b` of it. */
bool opt_every_trip(const HirBlock *b, const HirBlock *h);
bool opt_in_loop(const HirBlock *b, const HirBlock *h);

/* Cuts the block off before `at`: everything from `at` on goes, a Deopt with the state `fs`
 * ends it. The caller calls hir_analyze when it is done. */
void opt_end_with_deopt(HirFunc *f, HirIns *at, HirFrameState *fs);

#endif
