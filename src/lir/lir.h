/* LIR: the low-level intermediate representation, near the machine.
 *
 * A LirFunc is a graph of basic blocks of x86-64 instructions over virtual
 * registers of two classes, general (64 bits) and xmm (a double). Lowering
 * builds it through the functions below, then lir_compile orders the blocks,
 * allocates registers and emits code:
 *
 *   lowering -> lir_order -> lir_liveness -> lir_regalloc (or lir_allspill)
 *            -> lir_check -> lir_emit -> code cache, CodeUnit
 *
 * What a user must know
 *
 * Registers. A LirReg below 32 is a physical register (0..15 general by x64 number, 16..31 xmm); before
 *   allocation only these may be named: LIR_FRAME (rbx), LIR_TS (r12), LIR_RBP, LIR_RSP. All others are virtual
 *   (lir_vreg). A virtual register may be defined several times, but one definition is best; every use must be
 *   reached by a definition on every path.
 * Operands are three-address: dst never has to be equal to a source. Immediates of any 64-bit value and memory
 *   operands may stand wherever the op table allows G or X; the back end materialises what x86 cannot encode.
 *   So constants need no virtual register, and a load used once by a CMP, TEST, ALU or F* op should be a memory
 *   operand of that op.
 * Phis. A block has phi destinations (lir_phi); each edge into it carries one operand per phi (lir_edge_args):
 *   register, IMM or (rarely) memory. All phis of a block happen at once. Nothing needs to be split for them.
 * Conditions. CMP, TEST, FCMP and the arithmetic marked COND name a condition and a target: two blocks (ends
 *   the block), an exit (GUARD: leaves when the condition HOLDS), a slow path (runs when it HOLDS), or SET
 *   (dst = 0/1).
 * Slow paths. A short straight list of instructions run out of line in the cold section, which then comes back
 *   right behind the instruction it belongs to. Calls in it save and restore every live register themselves, so
 *   they cost the fast path nothing: no value is pushed out of its register because of them. A slow path may
 *   define a register that the fast path defines as well (before it, or by its own main instruction): that is
 *   how a result is merged. It may contain exits and end in EXIT. It holds no blocks and no slow paths; a
 *   conditional inside it can go to its end (LIR_T_DONE) or to an exit.
 *   The same kind of call can be had in any block with LIR_CALL_PRESERVE; use it in cold blocks.
 * Exits. A LirExit names a LirState, the frames and values to be written back. Values in it are uses: they
 *   stay live, in a register or in memory, wherever they are. States may be shared by many exits.
 * Homes. lir_set_home(f, v, i) promises that the frame's local i holds the same 64 bits as v from v's
 *   definition to its last use (exits included); spilling v then costs no store and v may be used from memory.
 * Cold blocks (b->cold) are emitted in the cold section and count nothing as to spill weights.
 *
 * Everything lives in the arena, whose `oom` hook should be set: no function here reports lack of memory. */
#ifndef PYSTON_LIR_H
#define PYSTON_LIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_strbuf.h"
#include "base_vec.h"

/* ---- registers --------------------------------------------------------------------------- */

typedef uint32_t LirReg;
#define LIR_NOREG      UINT32_MAX
#define LIR_FIRST_VREG 32u
#define LIR_XMM0       16u /* physical xmm registers are 16..31 */
enum { LIR_FRAME = 3, LIR_RSP = 4, LIR_RBP = 5, LIR_TS = 12 };

static inline bool lir_is_virtual(LirReg r)
{
    return r >= LIR_FIRST_VREG && r != LIR_NOREG;
}
static inline bool lir_is_phys(LirReg r)
{
    return r < LIR_FIRST_VREG;
}

typedef enum { LIR_GPR, LIR_XMM } LirClass;

typedef struct LirVreg {
    uint8_t cls;   /* LirClass */
    int16_t home;  /* local index whose slot holds the same value, or -1 */
    uint32_t hint; /* another register it would like to share a location with, or LIR_NOREG */
} LirVreg;

/* ---- operands ---------------------------------------------------------------------------- */

typedef enum {
    LIR_O_NONE,
    LIR_O_REG, /* reg */
    LIR_O_IMM, /* imm: an integer or address; the bits of the double where a double is wanted */
    LIR_O_MEM, /* [reg + index << scale + disp]; reg or index may be LIR_NOREG; its value */
    LIR_O_ADDR /* the address of such memory (arguments of calls, LEA) */
} LirOpndKind;

typedef struct LirOpnd {
    uint8_t kind;  /* LirOpndKind */
    uint8_t scale; /* log2, 0..3 */
    LirReg reg;    /* register, or base */
    union {
        int64_t imm;
        struct {
            LirReg index;
            int32_t disp;
        };
    };
} LirOpnd;

static inline LirOpnd lir_none(void)
{
    return (LirOpnd){.kind = LIR_O_NONE, .reg = LIR_NOREG};
}
static inline LirOpnd lir_reg(LirReg r)
{
    return (LirOpnd){.kind = LIR_O_REG, .reg = r};
}
static inline LirOpnd lir_imm(int64_t i)
{
    return (LirOpnd){.kind = LIR_O_IMM, .reg = LIR_NOREG, .imm = i};
}
static inline LirOpnd lir_ptr(const void *p)
{
    return lir_imm((int64_t)(intptr_t)p);
}
static inline LirOpnd lir_f64(double d)
{
    LirOpnd o = lir_imm(0);
    __builtin_memcpy(&o.imm, &d, 8);
    return o;
}
/* [base + disp] */
static inline LirOpnd lir_mem(LirReg base, int32_t disp)
{
    return (LirOpnd){.kind = LIR_O_MEM, .reg = base, .index = LIR_NOREG, .disp = disp};
}
/* [base + index * (1 << scale) + disp] */
static inline LirOpnd lir_mem_index(LirReg base, LirReg index, unsigned scale, int32_t disp)
{
    return (LirOpnd){
        .kind = LIR_O_MEM, .scale = (uint8_t)scale, .reg = base, .index = index, .disp = disp};
}
/* The address of a memory operand. */
static inline LirOpnd lir_addr(LirOpnd mem)
{
    mem.kind = LIR_O_ADDR;
    return mem;
}
/* Word i of the out area, as memory; lir_addr(lir_out(f, i)) is its address. Makes the out area
 * big enough. */
#define lir_out(f, i) lir_out_(f, (uint32_t)(i))

/* ---- conditions -------------------------------------------------------------------------- */

/* 0..15 are the processor's condition codes. The F* conditions are for FCMP s0, s1: FLT is
 * s0 < s1 and false when either is NaN; FNLT is its exact negation, true for NaN. */
typedef enum {
    LIR_O,
    LIR_NO,
    LIR_B,
    LIR_AE,
    LIR_E,
    LIR_NE,
    LIR_BE,
    LIR_A,
    LIR_S,
    LIR_NS,
    LIR_P,
    LIR_NP,
    LIR_L,
    LIR_GE,
    LIR_LE,
    LIR_G,
    LIR_FEQ,
    LIR_FNE,
    LIR_FLT,
    LIR_FNLT,
    LIR_FLE,
    LIR_FNLE,
    LIR_FGT,
    LIR_FNGT,
    LIR_FGE,
    LIR_FNGE,
    LIR_NCONDS
} LirCond;
static inline LirCond lir_cond_not(LirCond c)
{
    return (LirCond)(c ^ 1);
}

typedef enum {
    LIR_T_NONE,
    LIR_T_SET,  /* dst = condition */
    LIR_T_BR,   /* to succ[0] when it holds, else succ[1]; ends the block */
    LIR_T_EXIT, /* take the exit when it holds */
    LIR_T_SLOW, /* run the slow path when it holds */
    LIR_T_DONE, /* inside a slow path: back to the fast path when it holds */
} LirTarget;

/* ---- exits ------------------------------------------------------------------------------- */

/* A value that an exit writes back. `opnd` is a register, an immediate (raw 64 bits, or an object
 * pointer that the unit keeps alive), or none with `home` >= 0: the frame's home slot. */
typedef struct LirVal {
    LirOpnd opnd;
    int16_t home;
    uint8_t rep;     /* HirRep */
    uint8_t owned;   /* the exit takes over the reference */
    uint8_t same_as; /* 0, or 1 + index of an earlier value of the same state (frames counted
                        through, innermost first) with the same raw value: boxed once */
} LirVal;

/* One frame: nstack stack entries bottom first, then ndirty locals, in vals. */
typedef struct LirStateFrame {
    void *code; /* PyCodeObject* */
    int32_t bci;
    uint16_t nstack, ndirty;
    uint8_t call;    /* HirCallShape of a caller's frame */
    LirVal *vals;    /* [nstack + ndirty] */
    uint16_t *dirty; /* [ndirty] local indices */
} LirStateFrame;

typedef struct LirState {
    uint32_t nframes; /* innermost first */
    LirStateFrame *frames;
    uint32_t nregs;           /* values that are virtual registers; valid after lir_order */
    struct LirStateUse *uses; /* tables already made for it; private to emission */
} LirState;

typedef struct LirExit {
    uint8_t kind;      /* RtExitKind */
    uint8_t no_stress; /* never forced by the deopt stress mode */
    uint16_t reason;   /* HirOp, for statistics */
    int32_t throw_bci;
    LirState *state;
    /* Set by allocation and emission. */
    uint32_t id;  /* in unit->exits */
    LirReg *locs; /* where each register of the state is, in the order of its values */
} LirExit;

/* ---- instructions ------------------------------------------------------------------------ */

typedef enum {
#define LIR_OP(name, dst, s0, s1, flags, doc) LIR_##name,
#include "lir_ops.def"
#undef LIR_OP
    LIR_NOPS
} LirOp;

enum {
    LIR_F_TWO = 1,
    LIR_F_COMM = 2,
    LIR_F_COND = 4,
    LIR_F_MUST = 8,
    LIR_F_TERM = 16,
    LIR_F_CALL = 32,
    LIR_F_EFF = 64
};

typedef struct {
    const char *name;
    char dst, s0, s1; /* letters of lir_ops.def */
    uint8_t flags;
    const char *doc;
} LirOpInfo;
extern const LirOpInfo lir_op_info[LIR_NOPS];

/* What a call checks in its result before going on; the exit is taken when the check fails. */
typedef enum {
    LIR_CHK_NONE,
    LIR_CHK_NULL,  /* rax == 0 leaves */
    LIR_CHK_NEG32, /* (int)eax < 0 leaves */
    LIR_CHK_NEG64, /* rax < 0 leaves */
    LIR_CHK_SET32, /* eax != 0 leaves */
} LirCheck;

/* Flags of a call. */
enum {
    LIR_CALL_PRESERVE = 1, /* saves and restores live registers itself (implied in slow paths) */
    LIR_CALL_W4 = 2,       /* the result is an int: sign-extended to 64 bits */
    LIR_CALL_BOOL = 4,     /* the result is an int that is zero-extended from 32 bits */
    LIR_CALL_XMM_ = 128,   /* the result is a double; set by lir_call from dst's class */
};

typedef struct LirBlock LirBlock;
typedef struct LirIns LirIns;
typedef struct LirSlow LirSlow;
typedef struct LirFunc LirFunc;

struct LirIns {
    uint8_t op;     /* LirOp */
    uint8_t w;      /* width in bytes */
    uint8_t cc;     /* LirCond, when tgt is set */
    uint8_t tgt;    /* LirTarget */
    uint8_t nsrc;   /* operands in src: 0..2 */
    uint8_t check;  /* CALL: LirCheck */
    uint8_t cflags; /* CALL: LIR_CALL_* */
    uint8_t nargs;  /* CALL */
    uint16_t xargs; /* CALL: bit k: argument k is a double; set by lir_call */
    LirReg dst, dst2;
    LirOpnd src[2];
    LirOpnd *args;     /* CALL */
    LirExit *exit;     /* tgt EXIT, op EXIT, or a CALL with a check */
    const void *leave; /* CALL of RtShared.call: the RtShared.leave for it; else NULL */
    LirSlow *slow;     /* tgt SLOW */
    LirIns *prev, *next;
    uint32_t pos;         /* position for the allocator */
    uint32_t block_order; /* order of its block; valid for block-ending instructions */
    uint32_t hir_id;      /* HIR instruction it came from, for dumps; 0 unknown */
    /* Set by allocation. */
    uint32_t save;          /* PRESERVE calls: mask of physical registers live across it */
    struct LirMoves *moves; /* parallel moves to be done before the instruction */
    LirIns *orig;           /* the instruction before rewriting, kept for the checker */
};

struct LirSlow {
    LirIns *first, *last;
    LirIns *owner;
};

struct LirBlock {
    uint32_t id;
    LirIns *first, *last;
    LirBlock *succ[2];
    uint8_t nsucc;
    bool cold, loop_header;
    uint16_t loop_depth;
    uint32_t nphi;
    LirReg *phi;          /* [nphi] destinations */
    LirOpnd *out_args[2]; /* [nphi of succ[i]] what this block passes to it */
    uint32_t npreds;
    LirBlock **preds; /* computed by lir_order */
    LirBlock *next;   /* creation order */
    /* Private to ordering, allocation and emission. */
    uint32_t order, start, end;
    uint32_t mark;
    uint64_t *live_in;            /* over the numbered registers (lir_liveness) */
    struct LirMoves *entry_moves; /* done on entry, before anything else */
    struct LirMoves *exit_moves;  /* done before the final JMP, after the JMP's own moves */
    uint32_t label;
};

struct LirFunc {
    Arena *arena;
    const char *name;
    LirBlock *blocks, *last_block; /* creation order; the first one is the entry */
    uint32_t nblocks, nins;
    VEC(LirVreg) vregs; /* indexed by LirReg; the first 32 are the physical ones */
    int32_t home_disp;  /* offset of localsplus[0] from the frame register */
    uint32_t out_words; /* size of the out area in words */
    /* Where the builder appends: a block, or the slow path inside it. */
    LirBlock *cur;
    LirSlow *slow;
    bool compact; /* LirOptions.compact */
    uint32_t cur_hir;
    LirBlock **order; /* linear order, after lir_order */
    uint32_t norder;
    bool allocated;
    uint32_t nallocated_slots; /* spill slots, after allocation */
};

/* ---- building ---------------------------------------------------------------------------- */

/* A new function; the arena must outlive it. `home_disp`: see LirFunc. */
LirFunc *lir_func_new(Arena *a, const char *name, int32_t home_disp);

/* A new, empty block. The first one made is the entry, which must have no predecessors. */
LirBlock *lir_block_new(LirFunc *f);
/* Makes `b` the block to append to. Must not be called inside a slow path. */
void lir_at(LirFunc *f, LirBlock *b);

LirReg lir_vreg(LirFunc *f, LirClass cls);
/* Promises that local `index` holds v's 64 bits all the time that v lives. */
void lir_set_home(LirFunc *f, LirReg v, int index);
LirOpnd lir_out_(LirFunc *f, uint32_t i);

/* A phi of block b with destination `dst`; returns its index, which counts from 0. */
uint32_t lir_phi(LirFunc *f, LirBlock *b, LirReg dst);
/* The operands that `from` passes to the phis of from->succ[i], one for each; copied. */
void lir_edge_args(LirFunc *f, LirBlock *from, unsigned i, const LirOpnd *args, uint32_t n);

/* The most general builder: appends op at the cursor with w bytes. */
LirIns *lir_ins(LirFunc *f, LirOp op, unsigned w, LirReg dst, LirOpnd s0, LirOpnd s1);

/* dst = s; the new register is returned by the forms that take a class. */
void lir_mov(LirFunc *f, LirReg dst, LirOpnd s);
LirReg lir_copy(LirFunc *f, LirClass cls, LirOpnd s);
/* Loads; `w` bytes, zero-extended. */
LirReg lir_load(LirFunc *f, unsigned w, LirOpnd mem);
LirReg lir_loads(LirFunc *f, unsigned w, LirOpnd mem);
LirReg lir_load_f64(LirFunc *f, LirOpnd mem);
void lir_store(LirFunc *f, unsigned w, LirOpnd mem, LirOpnd value);
LirReg lir_lea(LirFunc *f, LirOpnd mem);
/* new register = s0 op s1 (or op s0), 64 bits; any op of the table with a result. */
LirReg lir_op2(LirFunc *f, LirOp op, LirOpnd s0, LirOpnd s1);
LirReg lir_op2w(LirFunc *f, LirOp op, unsigned w, LirOpnd s0, LirOpnd s1);
LirReg lir_op1(LirFunc *f, LirOp op, LirOpnd s0);
/* The same with an exit taken when the flags meet cc (LIR_O: on overflow). */
LirReg lir_op2_guard(LirFunc *f, LirOp op, LirOpnd s0, LirOpnd s1, LirCond cc, LirExit *x);
/* Signed division; either result may be NULL. */
void lir_idiv(LirFunc *f, LirOpnd s0, LirOpnd s1, LirReg *quot, LirReg *rem);
/* Read-modify-write without a target. */
void lir_rmw(LirFunc *f, LirOp op, unsigned w, LirOpnd mem, LirOpnd s1);

/* dst = (s0 cc s1), op is CMP, TEST or FCMP. */
LirReg lir_set(LirFunc *f, LirOp op, unsigned w, LirCond cc, LirOpnd s0, LirOpnd s1);
/* Leaves through x when cc holds. */
void lir_guard(LirFunc *f, LirOp op, unsigned w, LirCond cc, LirOpnd s0, LirOpnd s1, LirExit *x);
/* Ends the block: to `yes` when cc holds, else to `no`. */
void lir_br(LirFunc *f, LirOp op, unsigned w, LirCond cc, LirOpnd s0, LirOpnd s1, LirBlock *yes,
            LirBlock *no);
/* Opens a slow path that runs when cc holds. `op` is CMP, TEST, FCMP, or a read-modify-write op;
 * arithmetic with a result: give `dst`. What follows goes into it until lir_slow_end. */
LirIns *lir_slow(LirFunc *f, LirOp op, unsigned w, LirCond cc, LirReg dst, LirOpnd s0, LirOpnd s1);
void lir_slow_end(LirFunc *f);
/* Inside a slow path: goes back to the fast path when cc holds. */
void lir_slow_done_if(LirFunc *f, LirOp op, unsigned w, LirCond cc, LirOpnd s0, LirOpnd s1);

/* A call of the C function at `fn` with at most 6 general and 8 double arguments (registers say
 * their class; IMM, MEM and ADDR are general arguments: put double constants into a register).
 * dst may be LIR_NOREG; its class says whether rax or xmm0 is the result. `x` is taken when
 * `check` fails. Returns the instruction, whose cflags may be changed. */
LirIns *lir_call(LirFunc *f, const void *fn, LirReg dst, const LirOpnd *args, unsigned nargs,
                 LirCheck check, LirExit *x);
/* The same through a pointer in a register or in memory. */
LirIns *lir_call_ind(LirFunc *f, LirOpnd fn, LirReg dst, const LirOpnd *args, unsigned nargs,
                     LirCheck check, LirExit *x);

void lir_jmp(LirFunc *f, LirBlock *to);
void lir_ret(LirFunc *f, LirOpnd value);
/* Leaves through x for good: ends the block, or the slow path. */
void lir_exit(LirFunc *f, LirExit *x);
void lir_trap(LirFunc *f);

/* A state with `nframes` frames, all zero; the caller fills it. */
LirState *lir_state_new(LirFunc *f, uint32_t nframes);
/* Gives frame i of the state its values: LirVal[nstack + ndirty], zeroed except home = -1. */
LirVal *lir_state_frame(LirFunc *f, LirState *s, uint32_t i, void *code, int32_t bci,
                        uint32_t nstack, uint32_t ndirty);
/* A resuming exit, or one that throws at throw_bci. */
LirExit *lir_exit_resume(LirFunc *f, LirState *s, unsigned reason);
LirExit *lir_exit_throw(LirFunc *f, LirState *s, unsigned reason, int32_t throw_bci);
/* One that throws there if an exception is set and resumes otherwise; never forced by stress. */
LirExit *lir_exit_safepoint(LirFunc *f, LirState *s, unsigned reason, int32_t throw_bci);

/* ---- text and checks --------------------------------------------------------------------- */

void lir_print(const LirFunc *f, StrBuf *sb);
/* Well-formedness of what lowering made: true, or false with the first offence in err. */
bool lir_verify(const LirFunc *f, StrBuf *err);

#endif
