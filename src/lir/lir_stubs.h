/* Calls that many places share: those of slow paths, one copy of the code for each combination of function, argument
 * registers, live registers and result; and those of compact code, for each function and constant arguments. See
 * lir_stubs.c. */
#ifndef PYSTON_LIR_STUBS_H
#define PYSTON_LIR_STUBS_H

#include <stdbool.h>
#include <stdint.h>

#include "codecache.h"

typedef struct LirStubs LirStubs;

#define LIR_STUB_NONE 0xff

/* What a stub of compact code does about an argument register. */
typedef enum {
    LIR_ARG_THERE, /* the site has filled it */
    LIR_ARG_TS,
    LIR_ARG_FRAME,
    LIR_ARG_RSP, /* the site's rsp + value */
    LIR_ARG_IMM, /* value */
} LirStubArg;
enum { LIR_STUB_ARGS = 6 };

/* All bytes count in comparisons: to be made with zeroed padding. */
typedef struct {
    const void *fn;
    uint32_t save;   /* mask of general registers that it keeps */
    uint8_t args[2]; /* registers in which the arguments come */
    uint8_t nargs;   /* 1 or 2 */
    uint8_t dst;     /* register for the result, not one of `save`, or LIR_STUB_NONE */
    uint8_t test;    /* width of the result that the flags on return tell of; 0: none */
    bool jumps;      /* compact code's: fills registers and goes to `fn`; those above are 0 */
    uint8_t how[LIR_STUB_ARGS]; /* LirStubArg */
    int32_t value[LIR_STUB_ARGS];
} LirStubKey;

/* The stubs of a code cache; NULL when memory is out. Stub code lives as long as the cache. */
LirStubs *lir_stubs_new(CodeCache *cc);
/* Frees the record of them. NULL is ignored. */
void lir_stubs_free(LirStubs *s);

/* Address of the stub, which is made when needed; NULL when there is no room or memory is out. It may be
 * called from compiled code of the same cache with rsp aligned to 16, after lir_stubs_write. Any thread, without the
 * GIL, too. */
const void *lir_stub(LirStubs *s, const LirStubKey *k);
/* Writes the stubs made so far into the cache, and takes room there for others. False when the cache cannot be written;
 * none is there that was made since the last time. GIL held, no window of the cache open. */
bool lir_stubs_write(LirStubs *s);

#endif
