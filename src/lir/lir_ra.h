/* Private to the linear-scan allocator: intervals and its state, shared by
 * lir_intervals.c (building), lir_regalloc.c (the scan) and lir_assign.c
 * (slots, moves, rewriting). */
#ifndef PYSTON_LIR_RA_H
#define PYSTON_LIR_RA_H

#include "lir_internal.h"

/* [s, e) in positions. */
typedef struct LirRange {
    uint32_t s, e;
    struct LirRange *next;
} LirRange;

typedef struct LirUse {
    uint32_t pos;  /* of the instruction; for definitions plus 1 or 2 */
    uint8_t kind;  /* LIR_K_* */
    uint8_t level; /* 0 in cold code, else 1 + loop depth (at most LIR_MAX_LEVEL) */
    struct LirUse *next;
} LirUse;
#define LIR_MAX_LEVEL 6u
static inline uint64_t lir_level_weight(unsigned level)
{
    return UINT64_C(1) << (3 * level);
}

#define LIR_LOC_UNSET UINT32_MAX
#define LIR_LOC_MEM   0xe0000000u /* in memory; which memory is decided at the end */

typedef struct LirIv {
    LirReg vreg;
    LirReg loc;        /* LIR_LOC_UNSET, a physical register, LIR_LOC_MEM */
    LirRange *r, *cur; /* ranges in order; `cur` is the scan's cursor */
    uint32_t end;
    LirUse *u;          /* in order */
    struct LirIv *next; /* next part of the same register */
} LirIv;

/* What is known of a virtual register. */
typedef struct LirVinfo {
    LirIv *iv;    /* first part, NULL when never live */
    LirIv **kids; /* [nkids] parts in order, when there are several */
    uint32_t nkids;
    uint32_t ndefs;
    uint32_t def_pos; /* position of the only definition, a block's start for a phi */
    uint8_t def_level;
    bool remat;      /* only defined by MOV from an immediate */
    bool in_memory;  /* some part lives in memory */
    bool def_store;  /* stored once behind its definition */
    bool free_store; /* memory always has the value: no store at all */
    LirReg fixed;    /* physical register it would like */
    LirReg hint;     /* virtual register whose location it would like */
    LirReg mem;      /* its memory location, when in_memory */
    int64_t imm;     /* remat */
    uint64_t store_weight;
} LirVinfo;

typedef struct LirPosVec {
    VEC(uint32_t) v;
} LirPosVec;

typedef struct LirRa {
    LirAlloc *a;
    LirFunc *f;
    LirVinfo *info;     /* [nvregs] */
    uint32_t *block_of; /* [npos / 4] order of the block at a position */
    uint32_t npos, cold_start;
    LirPosVec calls, rax_rdx, rcx; /* clobber positions (instruction + 1), ascending */
    VEC(LirIns *) preserve;        /* PRESERVE calls, by position (slow paths: the owner's) */
    LirIv **heap;
    uint32_t nheap, capheap;
    LirIv *active[32]; /* by register; nactive_mask says which are set */
    uint32_t active_mask;
    uint32_t next_end;    /* no owner ends or enters a hole before this position */
    uint32_t next_resume; /* none comes back from one before this */
    VEC(LirIv *) inactive;
} LirRa;

/* lir_intervals.c */
void lir_build_intervals(LirRa *ra);
static inline unsigned lir_block_level(const LirBlock *b)
{
    return b->cold ? 0 : 1 + BASE_MIN(b->loop_depth, LIR_MAX_LEVEL - 1);
}
static inline LirBlock *lir_block_at(const LirRa *ra, uint32_t pos)
{
    return ra->f->order[ra->block_of[pos >> 2]];
}

/* lir_assign.c */
bool lir_assign(LirRa *ra, const char **reason);

#endif
