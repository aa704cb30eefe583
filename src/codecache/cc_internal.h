/* What the files of this folder share: the cache's structure and the seams between placement
 * (cc_map.c), allocation (codecache.c) and debug information (cc_debug.c). */
#ifndef PYSTON_CC_INTERNAL_H
#define PYSTON_CC_INTERNAL_H

#include <sys/types.h>

#include "base_vec.h"
#include "codecache.h"

/* Memory is taken from the range in pieces of this size, so that committing is rare. */
#define CC_CHUNK      ((size_t)256 * 1024)

/* What a batch makes writable at once: the next blobs go behind this one. */
#define CC_BATCH      ((size_t)32 * 1024)

/* Blobs start on a cache line, their cold code on what the assembler needs. */
#define CC_ALIGN      64u
#define CC_COLD_ALIGN 16u

typedef struct CcSegment {
    uintptr_t lo, hi;
} CcSegment;

struct CodeCache {
    uintptr_t lo, hi;      /* the reserved range */
    uintptr_t end;         /* chunks in use are [lo, end) */
    uintptr_t page;        /* size of a page */
    VEC(CcSegment) free;   /* by address, neighbours merged */
    VEC(CodeBlob *) blobs; /* living ones by address, for pc lookup */
    CcStats stats;
    bool window_open;
    bool batch;                   /* between cc_begin and cc_end */
    uintptr_t batch_lo, batch_hi; /* pages that are writable until the latter */
    bool broken;                  /* memory could not be made executable again: no more code */
    /* debug information */
    int perf_fd; /* -1: off */
    pid_t perf_pid;
    bool gdb_on;
    void *eh_frame; /* registered with the unwinder, or NULL */
    size_t eh_frame_size;
    CcSavedReg saved[8];
    size_t nsaved;
};

/* Reserves `size` bytes (a multiple of CC_CHUNK) of inaccessible private memory, near the given
 * address if there is room. 0 when there is no address space at all. */
uintptr_t cc_reserve(const void *near, size_t size);

/* True when a rel32 from anywhere in [lo, hi) reaches `addr`. */
bool cc_range_reaches(uintptr_t lo, uintptr_t hi, uintptr_t addr);

/* Charges bytes of metadata to the cap; false when it is reached. */
bool cc_charge_meta(CodeCache *cc, size_t size);
void cc_uncharge_meta(CodeCache *cc, size_t size);

/* Debug records of one blob, and of the whole cache when it dies. */
void cc_debug_forget(CodeCache *cc, CodeBlob *b);
void cc_debug_destroy(CodeCache *cc);

#endif
