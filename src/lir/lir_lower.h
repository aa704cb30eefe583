/* Lowering, private part: the state of one lowering and what its files share.
 *
 *   lir_lower.c         driver: blocks, phis, edges, operands, the dispatch table
 *   lir_lower_exit.c    frame states, exits, prev_instr, safepoints
 *   lir_lower_call.c    ops that are calls of a helper, driven by hir_ops.def
 *   lir_lower_py.c      calls of Python functions whose code is known
 *   lir_lower_attr.c    attributes through inline caches
 *   lir_lower_arith.c   unboxed arithmetic, comparisons, conditions
 *   lir_lower_guard.c   guards
 *   lir_lower_box.c     boxing and unboxing, boxes made where they are stored
 *   lir_lower_object.c  reference counts, loads and stores of objects
 *   lir_lower_iter.c    list, tuple and range iterators, generic iteration
 *   lir_home.c          where the home of a local holds a value
 *
 * Rules for the functions of the dispatch table
 *   - All operands are fetched (lw_opnd, lw_reg) before the first slow path or internal block is opened,
 *     because fetching may load from a home and the loaded register is remembered for the code that follows.
 *   - Several LIR blocks may be made for one HIR op; the cursor is left where the next op goes.
 *   - Errors are sticky: lw_fail records the first reason and lowering goes on to its end. */
#ifndef PYSTON_LIR_LOWER_H
#define PYSTON_LIR_LOWER_H

#include <Python.h>

#include "hir.h"
#include "lir.h"
#include "lir_compile.h"
#include "lir_home.h"
#include "py311_layout.h"
#include "rt_unit.h"

/* What lowering knows of one HIR instruction. */
typedef struct LwVal {
    LirReg reg;       /* the register that holds its result, LIR_NOREG: none (a home, a constant) */
    uint32_t nuses;   /* operands, exits and edges that need it */
    uint32_t nops;    /* those among them that no home serves and that are not an exit's */
    uint32_t nstores; /* stores that put it somewhere */
    uint8_t need_reg; /* LoadLocal, phi: some use is where no home holds the value */
    uint8_t fused;    /* made by its user: a condition, or a box that is stored (lw_put_box) */
} LwVal;

#define LW_PREV_UNKNOWN INT32_MIN

/* A HIR block's state of lowering; the arrays are what holds at its end. */
typedef struct LwBlock {
    LirBlock *start;
    LirReg *cache;
    LirEpoch *cache_epoch;
    int32_t prev_bci;
    bool done;
} LwBlock;

typedef struct Lower {
    HirFunc *hf;
    LirFunc *f;
    const char *reason;
    LirHomes homes;
    LwVal *vals;     /* by instruction id */
    LwBlock *blocks; /* by HIR block id */
    HirBlock *hb;
    /* Registers that hold a home's value, by local; valid in the epoch recorded with them. */
    LirEpoch *epoch;
    LirReg *cache;
    LirEpoch *cache_epoch;
    /* Bytecode index that frame->prev_instr is known to stand for, or LW_PREV_UNKNOWN. */
    int32_t prev_bci;
    uintptr_t code_units; /* address of the first code unit; 0: no code object (tests) */
    bool prev_low;        /* storing prev_instr's low half is enough */
    /* The state made last, and for which frame state. */
    LirState *state;
    const HirFrameState *state_of;
} Lower;

typedef void (*LwFn)(Lower *L, HirIns *i);

/* A branch target with what its phis get. */
typedef struct LwEdge {
    LirBlock *to;
    LirOpnd *args;
    uint32_t n;
} LwEdge;

/* A condition that one LIR instruction can test. */
typedef struct LwCond {
    LirOp op;
    uint8_t w;
    LirCond cc;
    LirOpnd s0, s1;
} LwCond;

/* --- lir_lower.c ------------------------------------------------------------- */
void lw_fail(Lower *L, const char *reason);
/* The value as an operand: register, immediate, or the memory of its home. Valid until a home is written. */
LirOpnd lw_opnd(Lower *L, HirIns *v);
/* The same, always in a register. */
LirReg lw_reg(Lower *L, HirIns *v);
static inline LirOpnd lw_regop(Lower *L, HirIns *v)
{
    return lir_reg(lw_reg(L, v));
}
/* [register of v + disp] */
static inline LirOpnd lw_field(Lower *L, HirIns *v, int32_t disp)
{
    return lir_mem(lw_reg(L, v), disp);
}
/* The same for an operand that may be a constant object: its own address where 32 bits can say it. */
LirOpnd lw_object_field(Lower *L, HirIns *v, int32_t disp);
/* A new register for the result of i. */
LirReg lw_def(Lower *L, HirIns *i);
/* Makes r the result of i. */
void lw_set(Lower *L, HirIns *i, LirReg r);
/* The slot of local or value-stack entry `index`. */
LirOpnd lw_slot(Lower *L, uint32_t index);
/* A new LIR block with the loop depth of the current HIR block. */
LirBlock *lw_block(Lower *L, bool cold);
LwEdge lw_edge_to(Lower *L, unsigned succ);
void lw_br(Lower *L, LwCond c, LwEdge yes, LwEdge no);
/* Goes on in a new block when the condition does not hold, else to `to`. */
void lw_unless(Lower *L, LirOp op, unsigned w, LirCond cc, LirOpnd a, LirOpnd b, LirBlock *to);
void lw_jmp(Lower *L, LwEdge e);
static inline LwEdge lw_plain(LirBlock *b)
{
    return (LwEdge){.to = b};
}
/* True when phi `p` is a LIR phi: moved along edges, not read from a home. */
bool lw_phi_moves(const Lower *L, const HirIns *p);

/* --- lir_lower_exit.c -------------------------------------------------------- */
/* Exits through the frame state of i. */
LirExit *lw_resume(Lower *L, HirIns *i);
LirExit *lw_throw(Lower *L, HirIns *i);
/* Frame->prev_instr := i's bytecode, unless it is known to hold that. */
void lw_prev(Lower *L, const HirIns *i);
/* All of it, for whoever reads it next: that would wait for a store of the half that changes. */
void lw_prev_whole(Lower *L, const HirIns *i);
/* The same on a path that may not be taken, in a slow path or a block of its own. */
void lw_prev_cold(Lower *L, const HirIns *i);
void lw_check_eval(Lower *L, HirIns *i);
void lw_deopt(Lower *L, HirIns *i);
void lw_return(Lower *L, HirIns *i);

/* --- lir_lower_call.c -------------------------------------------------------- */
/* The address of op's helper, NULL when it has none. */
const void *lw_helper(HirOp op);
void lw_call(Lower *L, HirIns *i);
/* The same on one of several ways, which come together again. */
void lw_call_aside(Lower *L, HirIns *i);
/* r := 1 on the way from `yes`, 0 on that from `no`, and on from `done`. */
void lw_yes_no(Lower *L, LirReg r, LirBlock *yes, LirBlock *no, LirBlock *done);
void lw_raise(Lower *L, HirIns *i);
void lw_truthy(Lower *L, HirIns *i);
/* Whether lw_truthy looks at the singletons first. */
bool lw_truthy_inline(const HirIns *i);
/* Operands of a VAR op into the out area. */
void lw_fill_out(Lower *L, HirIns *i);
/* The call alone: prev_instr is stored, the result is in i's register (made here unless it has one). */
LirIns *lw_emit_call(Lower *L, HirIns *i, LirCheck check);
void lw_load_out(Lower *L, HirIns *i);

/* --- lir_lower_py.c ---------------------------------------------------------- */
void lw_call_py(Lower *L, HirIns *i);
void lw_note_types(Lower *L, HirIns *i);
void lw_binary_op(Lower *L, HirIns *i);
void lw_gc_poll(Lower *L, HirIns *i);
void lw_suspend(Lower *L, HirIns *i);
void lw_call_init(Lower *L, HirIns *i);

/* --- lir_lower_attr.c -------------------------------------------------------- */
void lw_load_attr(Lower *L, HirIns *i);
void lw_store_attr(Lower *L, HirIns *i);
void lw_load_method(Lower *L, HirIns *i);

/* --- lir_lower_arith.c --------------------------------------------------------- */
/* The condition under which BOOL v is true: its own comparison when fused, else a test of its register. */
LwCond lw_cond(Lower *L, HirIns *v);
/* Whether lw_cond can test v without making it a value first. */
bool lw_can_fuse(const HirIns *v);
void lw_f_op2(Lower *L, HirIns *i);
void lw_f_op1(Lower *L, HirIns *i);
void lw_f_pow(Lower *L, HirIns *i);
void lw_i_op2(Lower *L, HirIns *i);
void lw_i_op1(Lower *L, HirIns *i);
void lw_i_shl(Lower *L, HirIns *i);
void lw_i_shr(Lower *L, HirIns *i);
void lw_i_div(Lower *L, HirIns *i);
void lw_i2f(Lower *L, HirIns *i);
void lw_f2i(Lower *L, HirIns *i);
void lw_bool(Lower *L, HirIns *i);
void lw_bool_to_i(Lower *L, HirIns *i);
void lw_branch(Lower *L, HirIns *i);
void lw_guard_bool(Lower *L, HirIns *i);

/* --- lir_lower_guard.c --------------------------------------------------------- */
void lw_guard_type(Lower *L, HirIns *i);
void lw_guard_type_ver(Lower *L, HirIns *i);
void lw_guard_type_in(Lower *L, HirIns *i);
void lw_guard_type_ptr(Lower *L, HirIns *i);
void lw_guard_keys_ver(Lower *L, HirIns *i);
void lw_guard_is(Lower *L, HirIns *i);
void lw_guard_not_null(Lower *L, HirIns *i);
void lw_guard_func_code(Lower *L, HirIns *i);
void lw_is_func_code(Lower *L, HirIns *i);
void lw_guard_recursion(Lower *L, HirIns *i);
void lw_guard_shared(Lower *L, HirIns *i);
void lw_guard_func_defaults(Lower *L, HirIns *i);
void lw_func_default(Lower *L, HirIns *i);
void lw_guard_no_dict(Lower *L, HirIns *i);
void lw_guard_dict_keys(Lower *L, HirIns *i);
void lw_guard_class_ver(Lower *L, HirIns *i);
/* Leaves through x unless the 32-bit version at [base + field] is `version`.  0 is no version (things without one
 * have it): always leaves. */
void lw_guard_version(Lower *L, LirReg base, int32_t field, uint32_t version, LirExit *x);

/* --- lir_lower_box.c ------------------------------------------------------------- */
void lw_box_float(Lower *L, HirIns *i);
void lw_box_int(Lower *L, HirIns *i);
void lw_box_bool(Lower *L, HirIns *i);
void lw_unbox_float(Lower *L, HirIns *i);
void lw_unbox_int(Lower *L, HirIns *i);
/* The operand that a store op puts somewhere, or NULL for other ops. */
HirIns *lw_stored_value(const HirIns *i);
/* The BoxFloat or BoxInt that store `i` consumes and that is better made by it; else NULL. */
HirIns *lw_stored_box(const Lower *L, const HirIns *i);
/* slot := box, for store i; drops what was there: `old`, of type t. The old object is used again when it is of the
 * same type and nobody else has it. */
void lw_put_box(Lower *L, HirIns *i, LirOpnd slot, HirIns *box, LirReg old, HirType t);
/* The new object for a box that lw_put_box would make, without a store. */
void lw_new_float(Lower *L, LirReg v, LirOpnd value); /* v := a float */
LirReg lw_make_box(Lower *L, HirIns *box);

/* --- lir_lower_object.c -------------------------------------------------------- */
/* Drops a reference to v, whose type is t (may include NULL), for op i. */
void lw_drop(Lower *L, HirIns *i, LirReg v, HirType t);
void lw_const(Lower *L, HirIns *i);
void lw_load_stack(Lower *L, HirIns *i);
void lw_frame_field(Lower *L, HirIns *i);
void lw_incref(Lower *L, HirIns *i);
void lw_decref(Lower *L, HirIns *i);
void lw_load_inline_value(Lower *L, HirIns *i);
void lw_store_inline_value(Lower *L, HirIns *i);
void lw_load_slot(Lower *L, HirIns *i);
void lw_store_slot(Lower *L, HirIns *i);
void lw_load_dict_hint(Lower *L, HirIns *i);
void lw_load_keys_entry(Lower *L, HirIns *i);
void lw_load_field(Lower *L, HirIns *i);
void lw_list_item(Lower *L, HirIns *i);
void lw_str_item(Lower *L, HirIns *i);
void lw_list_store(Lower *L, HirIns *i);
void lw_item_at(Lower *L, HirIns *i);

/* --- lir_lower_iter.c ---------------------------------------------------------- */
void lw_range_more(Lower *L, HirIns *i);
void lw_range_next(Lower *L, HirIns *i);
void lw_enum_next(Lower *L, HirIns *i);
void lw_guard_pairs(Lower *L, HirIns *i);
void lw_seq_more(Lower *L, HirIns *i);
/* The same with the Branch that is its one user: ends the block. */
void lw_seq_more_branch(Lower *L, HirIns *more, HirIns *branch);
void lw_seq_next(Lower *L, HirIns *i);
void lw_iter_next(Lower *L, HirIns *i);
/* The Branch that follows a condition directly, perhaps behind a BNot, and is the only thing done with it; else NULL.
 * `*negated` says that it branches on the opposite. */
HirIns *lw_branch_on(const Lower *L, const HirIns *v, bool *negated);
/* The same for an IterNext: a branch on whether it gave an item. */
HirIns *lw_iter_branch(const Lower *L, const HirIns *i, bool *negated);

#endif
