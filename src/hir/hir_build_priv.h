/* Shared parts of the builder: its state, stack and emission primitives.
 * hir_build_cfg.c finds the blocks, hir_build.c owns merging, hir_build_ops.c the opcodes,
 * hir_build_attr.c names and attributes, hir_build_iter.c iteration, hir_build_call.c calls, and hir_build_builtin.c
 * those of builtins. */
#ifndef PYSTON_HIR_BUILD_PRIV_H
#define PYSTON_HIR_BUILD_PRIV_H

#include "base_bitset.h"
#include "fb.h"
#include <string.h>

#include "hir_build.h"
#include "py311_elide.h"

/* A value-stack entry.  An entry that is not owned is kept alive by a local's
 * home (`home`), or for ever (home -1: a constant), or in inlined code by the
 * memory it was loaded from, until something is stored (HB_HEAP). */
enum { HB_HEAP = -2 };
typedef struct {
    HirIns *v;
    bool owned;
    int16_t home;
} Entry;

/* Who holds the value of an inlined function's local. */
enum {
    HB_LENT,   /* the caller, for as long as the call takes */
    HB_OURS,   /* we do */
    HB_MEMORY, /* the memory it was loaded from, until something is stored */
};

typedef struct {
    HirIns **locals;
    uint8_t *held; /* HB_LENT ... of each local in inlined code, else NULL */
    Entry *stack;
    int nstack;
} State;

typedef struct Edge {
    HirBlock *from; /* still open: no terminator yet */
    State st;
    struct Edge *next;
} Edge;

/* Different places behind handlers that one block may lead to. */
enum { HB_ELIDED_WAYS = 2 };

/* A basic block of the bytecode. */
typedef struct BBlock {
    int32_t first, last; /* instruction indices, inclusive */
    /* The last instruction's, fall-through last; before them where handlers of elided exceptions lead. */
    struct BBlock *succ[2 + HB_ELIDED_WAYS];
    int nsucc;
    struct BBlock **preds;
    int npreds;
    int rpo; /* -1: not reached */
    bool header;
    bool unpacked;   /* its first instruction is done, an UNPACK_SEQUENCE (hir_build_iter.c) */
    bool behind;     /* the unit ends here: tier 0 goes on (hb_find_blocks) */
    Bitset assigned; /* locals the loop assigns, for headers */
    Bitset cleared;  /* locals the loop may unbind */
    int min_depth;   /* headers: the loop leaves stack entries below this alone */
    Edge *edges, *last_edge; /* forward edges, as they are found */
    HirBlock *hb;            /* once built */
    State entry;             /* headers: state right after the phis */
    HirIns **phis;           /* headers: [nlocals] phi or NULL */
    HirIns **stack_phis;     /* headers: [nstack] phi or NULL */
    struct BRegion *region;  /* that it belongs to */
} BBlock;

/* A copy of the bytecode's blocks that is entered at its start only (hir_build_cfg.c). */
typedef struct BRegion {
    int32_t start; /* instruction index; jumps back to before it lead to another region */
    BBlock **at;   /* by instruction index: its block */
    struct BRegion *next;
} BRegion;

/* Whose code a method probably is. */
typedef struct HbTargets {
    struct HbTargets *next;
    HirIns *method;
    unsigned n;
    PyCodeObject *codes[RT_TARGETS];
} HbTargets;

typedef struct Builder {
    Arena *a; /* HirBuildOptions.scratch: nothing that the HIR points at */
    HirFunc *f;
    CodeUnit *unit;
    PyCodeObject *co;
    const HirBuildOptions *opts;
    FbCode code;
    const char *reason; /* set when building has to stop */
    int16_t *depth;     /* value-stack depth before each code unit */
    int nlocals;

    BRegion *regions; /* newest first */
    BBlock **rpo;
    int nrpo;
    HirIns *null; /* the null reference, defined at the entry */

    /* Where we are. */
    BBlock *bb;    /* NULL before the first */
    HirBlock *cur; /* NULL after a terminator */
    State st;
    const FbIns *in;
    int32_t resume;       /* bci a guard of this instruction resumes at */
    HirIns **locals_snap; /* shared by frame states until a local changes */
    HirFrameState *fs_cache;
    int fs_cache_bci;

    int32_t call_start; /* bci of KW_NAMES or PRECALL, or -1 */
    PyObject *kwnames;  /* for the coming CALL */
    uint8_t precall_quick;
    int spread;         /* items left on the stack by a BUILD_TUPLE for the coming CALL, 0: none */
    const FbIns *built; /* an instruction done together with one before it */
    const FbIns *merge; /* a DICT_MERGE that is left to the CALL_FUNCTION_EX behind it */

    /* Inlining (hir_build_inline.c). */
    struct Builder *caller; /* that this one builds into; NULL: none */
    HirFrameState *parent;  /* its state at the call */
    HirIns *func;           /* the function called */
    int level;              /* callers above */
    uint8_t *dirty_snap;    /* shared by frame states like locals_snap */
    Edge *returns;          /* ends of the inlined body, result on the stack */
    HirIns *fresh;          /* the object whose __init__ this is, or NULL */
    uint64_t fresh_values;  /* inline values that may have been stored into it, by index */
    uint64_t fresh_slots;   /* ... and slots, by offset in words */
    bool held;              /* something was allocated with the collector held off */
    bool trap;              /* this instruction cannot be inlined */

    uint32_t observed_cap;
    struct HbPairs *pairs;     /* iterators that give tuples and are done in line */
    struct HbTargets *targets; /* of methods that generic LoadMethods found */
    PyObject **observed;       /* by instruction id: an object seen there, borrowed */
} Builder;

/* What has iterators that are done in line. */
#define HB_SEQUENCES (HIR_T_LIST | HIR_T_TUPLE)

/* The index of the instruction that starts there, or -1. */
static inline int32_t hb_instruction_at(const Builder *b, int32_t bci)
{
    return bci >= 0 && bci < b->code.nunits ? b->code.at[bci] : -1;
}

#define ARRAY_LEN(x)    ((int)(sizeof(x) / sizeof((x)[0])))

/* Entries of a value stack: while a call is made ready for inlining, its arguments lie on it once more. */
#define HB_LENT_ENTRIES (HIR_INIT_ARGS + 4)
static inline size_t hb_stack_size(const PyCodeObject *co)
{
    return (size_t)co->co_stacksize + HB_LENT_ENTRIES + 1;
}

/* --- hir_build_cfg.c ------------------------------------------------------------ */
/* Finds blocks, order and loops from instruction `entry` on; stops the builder where the bytecode makes no sense. */
void hb_find_blocks(Builder *b, int32_t entry);
/* The block that a jump from here to instruction `i` leads to; NULL: none starts there. Before the first block: that. */
BBlock *hb_block_at(const Builder *b, int32_t i);

/* --- hir_build.c: stack and emission ------------------------------------------ */
static inline Entry *hb_peek(Builder *b, int n) /* 1 is the top */
{
    return &b->st.stack[b->st.nstack - n];
}
void hb_push_entry(Builder *b, HirIns *v, bool owned, int home);
void hb_push(Builder *b, HirIns *v, bool owned);
void hb_push_home(Builder *b, HirIns *v, int home);
Entry hb_pop(Builder *b);
void hb_drop(Builder *b, Entry e);   /* Decref if owned */
void hb_pop_drop(Builder *b, int n); /* pops n entries, drops them from the top down */
void hb_own(Builder *b, Entry *e);   /* makes a stack entry owned */
void hb_set_local(Builder *b, int i, HirIns *v);
/* Entries borrowed from local i become owned: its home is about to change. */
void hb_detach_local(Builder *b, int i);

HirFrameState *hb_fs(Builder *b, int32_t bci); /* state now, resuming at bci */
HirIns *hb_emit(Builder *b, HirOp op, int n, HirIns *const *args);
HirIns *hb_emit0(Builder *b, HirOp op);
HirIns *hb_emit1(Builder *b, HirOp op, HirIns *x);
HirIns *hb_emit2(Builder *b, HirOp op, HirIns *x, HirIns *y);
HirIns *hb_emit3(Builder *b, HirOp op, HirIns *x, HirIns *y, HirIns *z);
HirIns *hb_const(Builder *b, PyObject *o); /* pins o */
HirIns *hb_null(Builder *b);
HirIns *hb_i64(Builder *b, int64_t v);
/* What operand `k` from the top (1 or 2) of this instruction is, or was seen to be: here, by code that noted it, or
 * else where the value came from. */
HirType hb_seen_type(Builder *b, int k);
/* Before an operation on the top of the stack that is compiled for all types: the code notes its operands', so that the next
 * one knows.  `below` and `top` are the types that there is something better for; `below` 0: it has one operand. */
void hb_note_types(Builder *b, HirType below, HirType top);
void hb_observe(Builder *b, HirIns *v, PyObject *o);
PyObject *hb_observed(Builder *b, HirIns *v); /* borrowed, or NULL */
bool hb_speculate(Builder *b);                /* may this site speculate? */

/* Replaces v by its refinement in locals and on the stack. */
void hb_refine_state(Builder *b, HirIns *v, HirIns *refined);
/* Guard that v has the exact type `bit`; NULL if it is known not to. */
HirIns *hb_guard_type(Builder *b, HirIns *v, HirType bit);
HirIns *hb_guard(Builder *b, HirOp op, HirIns *v, uint32_t aux, void *imm);
HirIns *hb_not_null(Builder *b, HirIns *v);
HirIns *hb_unbox_float(Builder *b, HirIns *v); /* v has type FLOAT */
HirIns *hb_unbox_int(Builder *b, HirIns *v);   /* v has type INT */
void hb_check_eval(Builder *b, int32_t resume);
/* Pushes what was loaded from memory: with a reference of its own, but in inlined code, which cannot
 * run what would take it away. */
void hb_push_loaded(Builder *b, HirIns *v);
/* Pops n operands and pushes v, which was loaded from them. */
void hb_replace_loaded(Builder *b, int n, HirIns *v);
/* Ends the current block by leaving for tier 0 at this instruction. */
void hb_deopt(Builder *b);
/* Ends the current block with a two-way branch; the blocks are returned open. */
void hb_branch(Builder *b, HirIns *cond, HirBlock **on_true, HirBlock **on_false);
/* Ends the open blocks `ends` and goes on in one behind them: gives what is there of their values, whose references it
 * takes over if they are `owned`. */
HirIns *hb_join(Builder *b, HirBlock *const *ends, HirIns *const *values, uint32_t n, bool owned);
/* Hands the current state over to the bytecode block at `bci`; ends the block. */
void hb_goto(Builder *b, int32_t bci);
void hb_stop(Builder *b, const char *reason); /* not supported */

State hb_state_copy(Builder *b, const State *s);
/* Builds everything from the entry block on; false with b->reason set. */
bool hb_build_body(Builder *b, int32_t entry);

/* --- hir_build_inline.c -------------------------------------------------------- */
/* A call of a known function with all its arguments. */
typedef struct {
    PyFunctionObject *func;
    HirIns *f;       /* guarded to have that code */
    uint8_t shape;   /* HirCallShape */
    int given;       /* value-stack entries that are arguments, on top */
    const int *from; /* [co_argcount] which of them fills each parameter; -1: its default */
    bool prepared;   /* the levels of recursion are guarded, and the stack is no longer tier 0's */
} HbCall;

/* The default of parameter `i` of `func`, which `f` is and which has one, borrowed. */
HirIns *hb_default_of(Builder *b, HirIns *f, PyFunctionObject *func, int i);
/* Builds the function into b instead of a call of it: the call is off the stack then, its result on
 * it. False: nothing happened. */
bool hb_inline(Builder *b, const HbCall *c);
/* The same for the call of a class, whose __init__ `func` takes `nargs` operands as `from` says (without self). `cls` is
 * guarded to be the class `tp`, which makes its objects by object.__new__, and `f` to be the function. */
bool hb_inline_init(Builder *b, PyTypeObject *tp, HirIns *cls, PyFunctionObject *func, HirIns *f,
                    int nargs, const int *from);
/* A place to go back to when something turns out not to work. */
typedef struct {
    HirBlock *cur, *last_block;
    HirIns *last;
    State st;
    bool held;
} HbMark;
HbMark hb_mark(Builder *b);
/* Drops what was built since, which nothing older leads to but the end of the open block. */
void hb_undo(Builder *b, const HbMark *m);
/* The same for LOAD_ATTR of a property, found by guards, of the object on the stack. False: the caller undoes it. */
bool hb_inline_getter(Builder *b, PyObject *property);
/* hb_instruction in inlined code. Where it cannot stay, it is not begun: on a way that not every call
 * goes (`conditional`) tier 0 goes on from there, else nothing is inlined. */
void hb_inlined_instruction(Builder *b, bool conditional);
/* Notes an instruction just made in inlined code: what may run Python code cannot stay. */
void hb_check_leaf(Builder *b, const HirIns *i);
/* Before a store in inlined code: what memory holds for us gets references. */
void hb_own_loaded(Builder *b);
void hb_inlined_return(Builder *b);
/* Guards the type of v that was seen, if bool() of it runs no Python code then. Gives v refined. */
HirIns *hb_guard_truth(Builder *b, HirIns *v);
/* The same for what a store at this instruction replaces, loaded by `load`; gives the store's imm.i. */
int64_t hb_guard_old(Builder *b, HirIns *load, PyObject *seen);
/* Assigns the stack entry to local i of inlined code. */
void hb_set_inlined_local(Builder *b, int i, Entry e);

/* --- hir_build_ops.c: operands -------------------------------------------------
 * Pops n operands below a result and drops them bottom first, as ceval's binary
 * operators do (lhs, then rhs). */
void hb_drop_operands(Builder *b, int n);
void hb_replace_operands(Builder *b, int n, HirIns *result, bool owned);
/* A VAR op over the n topmost entries, which stay. */
HirIns *hb_emit_var(Builder *b, HirOp op, int n);
/* BEFORE_WITH and BEFORE_ASYNC_WITH. */
void hb_before_with(Builder *b, HirOp op);

/* --- hir_build_gen.c: generators, coroutines, async generators -------------------- */
void hb_return_generator(Builder *b);
void hb_yield_value(Builder *b);
void hb_send(Builder *b);
void hb_get_awaitable(Builder *b);
/* Replaces the top entry by what `op` makes of it. */
void hb_convert(Builder *b, HirOp op);
void hb_get_anext(Builder *b);

/* --- hir_build_elide.c: exceptions that nobody can see ----------------------------- */
/* Whether what instruction `in` raises is often caught by a handler that leaves no trace of it. */
bool hb_may_elide(const Builder *b, const FbIns *in, Py311Elidable *e);
/* The result of `r`, which was just made and whose operands are on the stack still: where it has raised, the builder goes
 * on behind the handler if the exception can be elided. Most often that is `r` itself. */
HirIns *hb_elide(Builder *b, HirIns *r);

/* --- hir_build_hold.c ---------------------------------------------------------- */
/* Gives the unit what the later stages need of Python objects. False: out of memory. */
bool hb_hold(HirFunc *f);

/* --- hir_build_ops.c ----------------------------------------------------------- */
void hb_instruction(Builder *b);

/* --- hir_build_attr.c ------------------------------------------------------------ */
void hb_load_global(Builder *b);
void hb_load_attr(Builder *b);
void hb_store_attr(Builder *b);
void hb_load_method(Builder *b);
/* Guards that the object is this class, unchanged, and its metaclass too. NULL: they cannot be made. */
HirIns *hb_guard_class(Builder *b, HirIns *cls, PyTypeObject *tp);

/* --- hir_build_call.c ------------------------------------------------------------ */
/* The stack below a call: lower (method or NULL), upper (self or callable), arguments. */
typedef struct {
    int nargs;       /* explicit arguments */
    PyObject *known; /* the callable, if it is known here */
    bool method;     /* lower entry is the callable, upper is self */
    bool plain;      /* lower entry is NULL for certain, upper is the callable */
} Call;

static inline Entry *call_arg(Builder *b, const Call *c, int i)
{
    return hb_peek(b, c->nargs - i);
}
static inline Entry *call_upper(Builder *b, const Call *c)
{
    return hb_peek(b, c->nargs + 1);
}
static inline Entry *call_lower(Builder *b, const Call *c)
{
    return hb_peek(b, c->nargs + 2);
}
/* Pops the whole call, drops callable first, then arguments bottom up (ceval's order), and pushes the result. */
void hb_finish_call(Builder *b, const Call *c, HirIns *result, bool owned);
/* Forgets what KW_NAMES, PRECALL and the like left for the CALL that follows them. */
void hb_end_call(Builder *b);
void hb_call(Builder *b);
void hb_call_ex(Builder *b);

/* --- hir_build_iter.c ------------------------------------------------------------ */
void hb_get_iter(Builder *b);
void hb_for_iter(Builder *b);
/* enumerate(x) or zip(x, y, ...) of lists and tuples where a loop over it unpacks what it gives into locals; `type` is the class.
 * False: nothing was done. */
bool hb_call_pairs(Builder *b, const Call *c, PyTypeObject *type);
/* At the unit's entry: is there such an iterator already, for the loop that begins here, or as a comprehension's argument? */
void hb_enter_pairs(Builder *b);

/* --- hir_build_builtin.c --------------------------------------------------------- */
/* Calls of builtin functions and of super() that are operations of their own. The callable is a constant. False: not
 * one of them, nothing was done. */
bool hb_call_builtin(Builder *b, const Call *c);
bool hb_call_super(Builder *b, const Call *c);
/* Whether the next `n` instructions follow this one in the same block. */
bool hb_same_block(const Builder *b, int n);
/* BUILD_TUPLE: leaves its items to the isinstance() that follows. False: it does not. */
bool hb_spread_tuple(Builder *b);
/* BUILD_MAP of nothing that only gets **kwargs of a call: true if the call is to do it, kwargs being on the stack. */
bool hb_leave_merge(Builder *b);

#endif
