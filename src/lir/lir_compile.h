/* The back end's front door: HIR to installed machine code, and the exit trampoline. */
#ifndef PYSTON_LIR_COMPILE_H
#define PYSTON_LIR_COMPILE_H

#include "codecache.h"
#include "hir.h"
#include "lir.h"
#include "lir_stubs.h"
#include "rt_unit.h"
#include "x64.h"

typedef struct LirOptions {
    CodeCache *cc;          /* where code goes; required */
    const void *exit_entry; /* what lir_trampoline_install gave; required */
    Arena *arena;           /* the back end's memory: the HIR's is emptied (arena_free) once it is
                               lowered, so that the two are not needed at once, and this one once the code is
                               there, unless it is to be dumped. NULL: hf->arena */
    LirStubs *stubs;        /* calls that slow paths share; NULL: each has its own code */
    bool compact;      /* what many places have in common is shared code, for very large programs */
    bool stress_deopt; /* guards that resume fail on their 1st, 3rd, 5th ... execution */
    bool all_spill;    /* the allocator that keeps everything in memory, for bisecting */
    bool verify;       /* run the verifier and the checker of the allocation */
    StrBuf *dump_lir;  /* LIR before and after allocation, or NULL */
    StrBuf *dump_asm;  /* machine code (disassembled if libcapstone can be loaded), or NULL */
} LirOptions;

/* Lowering (lir_lower.c): fills `lf` from `hf`, which has been verified and hir_analyze'd. False
 * with *reason set to a static string when something cannot be compiled. */
bool lir_lower(HirFunc *hf, LirFunc *lf, const char **reason);
/* Offset of localsplus[0] in a frame, for LirFunc.home_disp (lir_lower.c). */
int32_t lir_lower_home_disp(void);

/* A compilation in three steps, of which the first two want no GIL and may be another thread's. */
typedef struct LirWork {
    HirFunc *hf; /* until it is lowered */
    struct LirFunc *lf;
    CodeUnit *unit;
    LirOptions opts;
    Arena *arena;
    Arena scratch; /* the allocator's, until the function is rewritten */
    char *name;    /* of the function, from malloc; or NULL */
    X64Asm as;
    struct LirEmit *emit; /* for a listing; else NULL */
    const char *reason;   /* why a step failed, a static string */
} LirWork;
/* Lowers. False with w->reason set when something cannot be compiled. With opts->arena set, `hf` is gone afterwards.
 * lir_work_end is due in any case. */
bool lir_work_begin(LirWork *w, HirFunc *hf, CodeUnit *unit, const LirOptions *opts);
/* Makes machine code and the unit's tables. False with w->reason set. Only one thread at a time with one `stubs`. */
bool lir_work_generate(LirWork *w);
/* Puts the code into the cache: unit->entry, blob and code_size. In the order in which they were generated, as far as
 * they have their stubs in common. False with w->reason set. GIL held. */
bool lir_work_install(LirWork *w);
/* Frees what is not in the caller's arenas. */
void lir_work_end(LirWork *w);

/* All three. Compiles `hf` into `unit`: on success unit->entry, blob, code_size and the exit tables are set
 * (tables are taken from rt_unit_data). False with *reason set to a static string when not; the
 * unit then has no code. Memory comes from hf->arena and opts->arena; their `oom` hooks are the caller's
 * again afterwards. With opts->arena set, `hf` is gone. GIL held. */
bool lir_compile(HirFunc *hf, CodeUnit *unit, const LirOptions *opts, const char **reason);

/* The same from LIR on, for tests and for hand-made stubs with the entry signature RtEntry. */
bool lir_compile_lir(LirFunc *lf, CodeUnit *unit, const LirOptions *opts, const char **reason);

/* Prepares an assembler for code of the cache. */
void lir_begin_code(const CodeCache *cc, X64Asm *a);
/* Puts assembled code into the cache for as long as that lives. Its address, or NULL when the cache refuses. */
const void *lir_install_code(CodeCache *cc, X64Asm *a, const char *name);

/* Assembles the process-wide exit trampoline, which calls `handler` (rt_exit) with the saved
 * registers and then leaves the compiled function. Once per code cache. NULL when the cache
 * refuses. The blob lives as long as the cache. */
typedef RtLeave (*LirExitHandler)(PyThreadState *ts, struct _PyInterpreterFrame *frame, CodeUnit *u,
                                  uint32_t exit_id, RtRegs *regs);
const void *lir_trampoline_install(CodeCache *cc, LirExitHandler handler);

/* Assembles what compact code shares, with the rest of rt_direct as it is: rt_direct.shared. False when the cache refuses.
 * It lives as long as the cache. */
bool lir_shared_install(CodeCache *cc);

#endif
