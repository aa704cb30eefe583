/* Private to emission: the state shared by lir_emit.c (blocks, frame, exits),
 * lir_emit_ops.c (instructions), lir_moves.c (parallel moves and calls) and
 * lir_tables.c (exit tables). */
#ifndef PYSTON_LIR_EMIT_H
#define PYSTON_LIR_EMIT_H

#include "lir_compile.h"
#include "lir_internal.h"
#include "x64.h"

typedef struct LirPendingExit {
    LirExit *x;
    X64Label label;
} LirPendingExit;

typedef struct LirPendingSlow {
    LirIns *owner;
    X64Label start, back;
} LirPendingSlow;

/* Where an instruction's code begins, for listings. */
typedef struct LirMark {
    X64Pos at;
    const LirIns *ins;     /* NULL: a block's start, or an exit stub */
    const LirBlock *block; /* NULL: an exit stub */
    uint32_t exit;
} LirMark;

/* A value that an exit's table can point at, made once per state and set of locations. */
typedef struct LirStateUse {
    struct LirStateUse *next;
    const LirExit *x; /* whose locations they are */
    uint32_t frames;  /* index in exit_frames */
    bool has_frames;
    X64Label label; /* of a stub with the same kind, reason and throw_bci as x */
} LirStateUse;

typedef struct LirEmit {
    X64Asm *as; /* the caller's, who frees it */
    LirFunc *f;
    LirAlloc *ra;
    CodeUnit *unit;
    const LirOptions *opt;
    Arena *arena;
    const LirBlock *next; /* block emitted after the current one in its section, or NULL */
    X64Label *labels;     /* by block order; empty blocks have their target's */
    bool *empty;
    bool *aligned; /* by block order */
    X64Label epilogue, tail;
    bool epilogue_done, marks_wanted;
    VEC(LirPendingExit) exits;
    VEC(LirPendingSlow) slows;
    VEC(LirMark) marks;
    /* Frame, in words below the callee-saved registers. */
    uint32_t save_base, nsave, borrow_base, frame_bytes;
    /* Scratch registers of the current instruction. */
    bool in_slow;
    uint32_t busy;       /* registers it names or that are taken */
    uint8_t borrowed[8]; /* registers saved to be used as scratch */
    uint32_t nborrowed;
    X64Label slow_back; /* of the current slow path */
    /* Parallel moves: per location, reads outstanding and the move that writes it. */
    uint32_t *reads, *writer;
    uint8_t *stress; /* counter bytes */
    uint32_t nstress;
    const char *error;
} LirEmit;

#define LIR_NBORROW 6u

/* lir_emit.c */
/* Assembles, and fills the unit's tables. `as` is initialised and empty; the caller frees it. What a
 * listing wants, in the function's arena; or NULL with *reason set. */
LirEmit *lir_emit(LirFunc *f, LirAlloc *ra, CodeUnit *unit, const LirOptions *opt, X64Asm *as,
                  const char **reason);
/* Puts what has been assembled into the code cache. `name` may be NULL; `listed` is what lir_emit returned, where opt->dump_asm
 * wants a listing. False with *reason set when the cache refuses. */
bool lir_emit_install(X64Asm *a, CodeUnit *u, const LirOptions *opt, const char *name,
                      LirEmit *listed, const char **reason);
X64Mem lir_slot_mem(const LirEmit *e, uint32_t slot);
X64Mem lir_loc_mem(const LirEmit *e, LirReg loc);
X64Label lir_exit_label(LirEmit *e, LirExit *x);

/* lir_emit_ops.c */
void lir_emit_ins(LirEmit *e, LirIns *i);
void lir_scratch_begin(LirEmit *e, const LirIns *i);
void lir_scratch_end(LirEmit *e); /* gives borrowed registers back; keeps the flags */

/* lir_moves.c */
void lir_emit_moves(LirEmit *e, LirMove *m, uint32_t n);
void lir_emit_call(LirEmit *e, LirIns *i);

/* lir_tables.c: fills the unit's exit tables from e->exits. False with *reason set when memory is out or
 * the tables' fields are too small. */
bool lir_fill_tables(LirEmit *e, const char **reason);

/* lir_listing.c: machine code with the LIR it came from. */
void lir_listing(LirEmit *e, const CodeBlob *blob, StrBuf *sb);

static inline X64Reg lir_x(LirReg r)
{
    return (X64Reg)r;
}
static inline X64Xmm lir_xx(LirReg r)
{
    return (X64Xmm)(r - LIR_XMM0);
}

/* lir_resume.c: what comes before a call of rt_iter_next(rdi, rsi): enters the code of a generator and goes to `done` with
 * the result, where that is possible. Otherwise the arguments are as they were. What calls lose is lost. */
void lir_emit_resume(X64Asm *a, X64Label done);
/* lir_shared.c: to `slow` unless a frame may be entered in compiled code: tracing is off, no other hook there, the C stack and
 * the recursion limit not reached. The _PyCFrame is in `cframe` then; the words are lost. */
void lir_emit_may_enter(X64Asm *a, X64Reg cframe, X64Reg word, X64Reg word2, X64Label slow);

/* lir_shared.c: a call of a Python function by RtShared.call, its argument in place, and what ends the frame. */
void lir_emit_call_py(X64Asm *a, const void *call, const void *leave);

#endif
