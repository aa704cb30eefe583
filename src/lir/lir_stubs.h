/* Calls that slow paths share: one copy of the code for each combination of function, argument registers,
 * live registers and result. See lir_stubs.c. */
#ifndef PYSTON_LIR_STUBS_H
#define PYSTON_LIR_STUBS_H

#include <stdint.h>

#include "codecache.h"

typedef struct LirStubs LirStubs;

#define LIR_STUB_NONE 0xff

/* All bytes count in comparisons: to be made with zeroed padding. */
typedef struct {
    const void *fn;
    uint32_t save;   /* mask of general registers that it keeps */
    uint8_t args[2]; /* registers in which the arguments come */
    uint8_t nargs;   /* 1 or 2 */
    uint8_t dst;     /* register for the result, not one of `save`, or LIR_STUB_NONE */
    uint8_t test;    /* width of the result that the flags on return tell of; 0: none */
    uint8_t zero[7];
} LirStubKey;

/* The stubs of a code cache; NULL when memory is out. Stub code lives as long as the cache. */
LirStubs *lir_stubs_new(CodeCache *cc);
/* Frees the record of them. NULL is ignored. */
void lir_stubs_free(LirStubs *s);

/* Address of the stub, which is made when needed; NULL when the cache is full or memory is out. It may be
 * called from compiled code of the same cache with rsp aligned to 16. Must not be called while a
 * window of the cache is open. */
const void *lir_stub(LirStubs *s, const LirStubKey *k);

#endif
