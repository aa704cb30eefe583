/* What the files of this folder share: locations, operand references, parallel
 * moves, and the stages' entry points.
 *
 * Locations. After allocation every register field of an instruction holds a
 * location in place of a virtual register: a physical register (< 32), a spill
 * slot, the home of a local, or an entry of the table of constants that can be
 * made again (remat).  They are encoded in a LirReg. */
#ifndef PYSTON_LIR_INTERNAL_H
#define PYSTON_LIR_INTERNAL_H

#include "base_macros.h"
#include "lir.h"

/* ---- limits (with their reasons) ----------------------------------------------------------- */

#define LIR_SHARED_IMM     255     /* constants up to here are arguments that shared calls fill */
#define LIR_MAX_ARGS       14u     /* 6 general and 8 double argument registers of the C ABI */
#define LIR_MAX_INS        400000u /* beyond this a function costs more to compile than it can give */
#define LIR_MAX_LIVE_WORDS (4u << 20) /* liveness sets: 32 MiB */
#define LIR_MAX_SLOTS      60000u     /* keeps a frame below 512 KiB of C stack */
#define LIR_MAX_OUT        4096u      /* out area words */
#define LIR_MAX_ROTATE \
    256u /* blocks of a loop that is rotated: moving them is quadratic in the nesting */
#define LIR_MAX_FRAME_WORDS 4000u /* spill slots of a frame that recursion should not multiply */

/* ---- registers ------------------------------------------------------------------------------ */

/* Scratch registers: never allocated, free for the emitter within one instruction. */
enum { LIR_SCRATCH = 11, LIR_XSCRATCH = 31 };

#define LIR_MASK_CALLER_GPR 0x0fc7u /* rax rcx rdx rsi rdi r8-r11 */
#define LIR_MASK_CALLEE_GPR 0xe000u /* r13 r14 r15 (rbx and r12 hold the frame and ts) */
#define LIR_MASK_XMM        0xffff0000u
/* What the allocator hands out. */
#define LIR_MASK_ALLOC_GPR  ((LIR_MASK_CALLER_GPR | LIR_MASK_CALLEE_GPR) & ~(1u << LIR_SCRATCH))
#define LIR_MASK_ALLOC_XMM  (LIR_MASK_XMM & ~(1u << LIR_XSCRATCH))
#define LIR_MASK_CALLER     (LIR_MASK_CALLER_GPR | LIR_MASK_XMM)

/* ---- locations ------------------------------------------------------------------------------- */

#define LIR_LOC_SLOT        0x80000000u
#define LIR_LOC_CONST       0xa0000000u
#define LIR_LOC_HOME        0xc0000000u
#define LIR_LOC_INDEX       0x1fffffffu
static inline bool lir_loc_is_slot(LirReg l)
{
    return (l >> 29) == 4;
}
static inline bool lir_loc_is_const(LirReg l)
{
    return (l >> 29) == 5;
}
static inline bool lir_loc_is_home(LirReg l)
{
    return (l >> 29) == 6;
}
static inline bool lir_loc_in_memory(LirReg l)
{
    return lir_loc_is_slot(l) || lir_loc_is_home(l);
}
static inline uint32_t lir_loc_index(LirReg l)
{
    return l & LIR_LOC_INDEX;
}

static inline LirClass lir_class(const LirFunc *f, LirReg r)
{
    return (LirClass)f->vregs.data[r].cls;
}

/* ---- parallel moves --------------------------------------------------------------------------- */

typedef struct LirMove {
    LirReg dst;   /* location */
    LirOpnd src;  /* REG with a location, IMM, MEM or ADDR with physical registers */
    uint8_t cls;  /* LirClass of the value */
    LirReg vreg;  /* what is moved, for the checker; LIR_NOREG: see vsrc */
    LirOpnd vsrc; /* phi moves: the operand before allocation (vreg is the destination) */
} LirMove;

typedef struct LirMoves {
    VEC(LirMove) v;
} LirMoves;

/* ---- references to registers in an instruction --------------------------------------------------- */

enum {
    LIR_R_DEF = 1,   /* written */
    LIR_R_LATE = 2,  /* read: must stay while results are written */
    LIR_R_AFTER = 4, /* written after the clobbers took place */
    LIR_R_SLOW = 8,  /* inside the slow path */
};
/* How much a register is wanted. */
enum { LIR_K_ANY, LIR_K_SHOULD, LIR_K_MUST };

typedef struct LirRef {
    LirReg *reg;
    uint8_t flags, kind;
} LirRef;
#define LIR_MAX_REFS (2 * LIR_MAX_ARGS + 8)

static inline bool lir_is_shift(LirOp op)
{
    return op == LIR_SHL || op == LIR_SHR || op == LIR_SAR;
}

static inline unsigned lir_refs_opnd(LirOpnd *o, unsigned flags, unsigned kind, LirRef *r)
{
    unsigned n = 0;
    if (o->kind == LIR_O_REG) {
        if (o->reg >= LIR_FIRST_VREG) {
            r[n++] = (LirRef){&o->reg, (uint8_t)flags, (uint8_t)kind};
        }
    } else if (o->kind == LIR_O_MEM || o->kind == LIR_O_ADDR) {
        unsigned k = (flags & LIR_R_SLOW) ? LIR_K_ANY : LIR_K_MUST;
        if (lir_is_virtual(o->reg)) {
            r[n++] = (LirRef){&o->reg, (uint8_t)flags, (uint8_t)k};
        }
        if (lir_is_virtual(o->index)) {
            r[n++] = (LirRef){&o->index, (uint8_t)flags, (uint8_t)k};
        }
    }
    return n;
}

/* Collects the virtual registers that `i` itself names (not those of its slow path and exit): uses
 * first, then definitions. `slow`: it is part of a slow path. Must be called before rewriting. */
static inline unsigned lir_refs(LirIns *i, bool slow, LirRef *r)
{
    unsigned n = 0;
    const LirOpInfo *info = &lir_op_info[i->op];
    unsigned base = slow ? LIR_R_SLOW | LIR_R_LATE : 0;
    unsigned should = slow ? LIR_K_ANY : LIR_K_SHOULD;
    if (i->op == LIR_CALL) {
        n += lir_refs_opnd(&i->src[0], base, LIR_K_ANY, r + n);
        for (unsigned k = 0; k < i->nargs; k++) {
            n += lir_refs_opnd(&i->args[k], base, LIR_K_ANY, r + n);
        }
    } else {
        for (unsigned k = 0; k < i->nsrc; k++) {
            LirOpnd *o = &i->src[k];
            unsigned fl = base;
            /* The second source of a two-address op is read after dst was written, unless the
             * emitter can swap the two; IDIV moves s0 to rax first; a shift moves its count to
             * rcx before anything else. */
            if (k == 1 && ((info->flags & LIR_F_TWO) || i->op == LIR_IDIV)) {
                bool early = o->kind == LIR_O_REG &&
                             ((info->flags & LIR_F_COMM) || lir_is_shift((LirOp)i->op));
                if (!early) {
                    fl |= LIR_R_LATE;
                }
            }
            n += lir_refs_opnd(o, fl, should, r + n);
        }
    }
    unsigned def = LIR_R_DEF | (slow ? LIR_R_SLOW : 0);
    if ((i->op == LIR_CALL && !(i->cflags & LIR_CALL_PRESERVE)) || i->op == LIR_IDIV) {
        def |= LIR_R_AFTER;
    }
    if (lir_is_virtual(i->dst)) {
        r[n++] = (LirRef){&i->dst, (uint8_t)def, (uint8_t)(i->op == LIR_CALL ? LIR_K_ANY : should)};
    }
    if (lir_is_virtual(i->dst2)) {
        r[n++] = (LirRef){&i->dst2, (uint8_t)def, LIR_K_ANY};
    }
    return n;
}

/* True when a shift's count is in a register or in memory: rcx is needed. */
static inline bool lir_needs_rcx(const LirIns *i)
{
    return lir_is_shift((LirOp)i->op) && i->src[1].kind != LIR_O_IMM;
}

/* ---- liveness and allocation -------------------------------------------------------------------- */

typedef struct LirConsts {
    VEC(int64_t) v; /* remat constants, LIR_LOC_CONST */
} LirConsts;

/* Result of an allocation besides the rewritten instructions. */
typedef struct LirAlloc {
    LirFunc *f;
    Arena *scratch; /* for what nobody needs once the function is rewritten */
    LirConsts consts;
    uint32_t nslots;
    bool all_spill;
    bool keep_orig; /* snapshots for the checker are wanted */
    /* Liveness: virtual registers that live across blocks have a number. */
    uint32_t nglobals, live_words;
    uint32_t *global_of; /* [nvregs] number, or UINT32_MAX */
    LirReg *globals;     /* [nglobals] */
} LirAlloc;

/* Orders the blocks into f->order: loops contiguous, cold blocks last, critical edges split,
 * unreachable blocks dropped, preds and positions set. False when too large (*reason). */
bool lir_order(LirFunc *f, const char **reason);
/* Sets live_in of each block over the numbered registers. */
bool lir_liveness(LirAlloc *ra, const char **reason);
/* Linear scan. Rewrites the function to locations. */
bool lir_regalloc(LirAlloc *ra, const char **reason);
/* Every register in its own slot, for bisecting. Rewrites likewise. */
bool lir_allspill(LirAlloc *ra, const char **reason);
/* Checks an allocation symbolically; needs keep_orig. False with the offence in err. */
bool lir_check(LirAlloc *ra, StrBuf *err);

/* lir_rewrite.c: what both allocators do with locations. A LirLocFn gives the location of a virtual
 * register at a position. */
typedef LirReg (*LirLocFn)(void *ctx, LirReg v, uint32_t pos);
/* Adds a move to a list that is made when needed. */
void lir_move_add(LirFunc *f, LirMoves **list, LirMove m);
/* Adds a move to the edge p -> s. */
void lir_edge_move(LirFunc *f, LirBlock *p, LirBlock *s, LirMove m);
/* Adds the moves that phis ask for. */
void lir_phi_moves(LirAlloc *ra, LirLocFn loc, void *ctx);
/* Rewrites every instruction and exit to locations. */
void lir_rewrite(LirAlloc *ra, LirLocFn loc, void *ctx);

/* ---- text -------------------------------------------------------------------------------------- */
void lir_print_loc(LirReg r, StrBuf *sb);
void lir_print_ins(const LirIns *i, StrBuf *sb);
const char *lir_cond_name(unsigned cc);

extern const uint8_t lir_arg_gpr[6]; /* registers of arguments, in order (lir_moves.c) */

#endif
