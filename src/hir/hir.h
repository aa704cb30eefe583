/* HIR: the high-level intermediate representation, in SSA form.
 *
 * One HirFunc holds one compilation: a code object compiled from its start, or
 * from a loop header (OSR).  Instructions are arena objects in doubly linked
 * lists per block; everything dies with the arena.  Reference counts are
 * explicit: the builder emits Incref/Decref exactly where CPython's stack
 * machine has them, and marks each value-stack entry of a frame state as owned
 * or borrowed.  See README.md for the invariants and for how inlining, escape
 * analysis, compiled handlers and generators fit in. */
#ifndef PYSTON_HIR_H
#define PYSTON_HIR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base_arena.h"
#include "base_strbuf.h"

/* --- types: a set of exact Python types, as bits ---------------------------- */
typedef uint32_t HirType;
/* clang-format finds no fixed point for this list. */
/* clang-format off */
#define HIR_TYPES(X)                                                                      \
    X(NULL) X(NONE) X(BOOL) X(INT) X(FLOAT) X(STR) X(BYTES) X(TUPLE) X(LIST) X(DICT)      \
    X(SET) X(FROZENSET) X(SLICE) X(RANGE) X(RANGE_ITER) X(LIST_ITER) X(TUPLE_ITER)        \
    X(FUNCTION) X(METHOD) X(CFUNCTION) X(METHOD_DESCR) X(TYPE) X(CELL) X(MODULE) X(CODE)  \
    X(COMPLEX) X(OTHER)
/* clang-format on */
enum {
#define HIR_TYPE_BITNO(n) HIR_TBIT_##n,
    HIR_TYPES(HIR_TYPE_BITNO)
#undef HIR_TYPE_BITNO
        HIR_NTYPES
};
enum {
#define HIR_TYPE_BIT(n) HIR_T_##n = 1u << HIR_TBIT_##n,
    HIR_TYPES(HIR_TYPE_BIT)
#undef HIR_TYPE_BIT
};
/* Result of hir_type_infer and the like when a value cannot exist: no bit at all. */
#define HIR_T_NOTHING 0u
#define HIR_T_ANY     (((1u << HIR_NTYPES) - 1) & ~(HIR_T_NULL + 0u)) /* any object, not NULL */
/* Types whose deallocation cannot run Python code and which take no weakrefs. */
#define HIR_T_LEAF                                                                              \
    (HIR_T_NULL | HIR_T_NONE | HIR_T_BOOL | HIR_T_INT | HIR_T_FLOAT | HIR_T_STR | HIR_T_BYTES | \
     HIR_T_RANGE | HIR_T_RANGE_ITER | HIR_T_COMPLEX)

typedef enum { HIR_VOID, HIR_OBJ, HIR_F64, HIR_I64, HIR_BOOL } HirRep;

/* --- operations ------------------------------------------------------------- */
enum {
    HIR_F_PURE = 1 << 0,
    HIR_F_READ = 1 << 1,
    HIR_F_WRITE = 1 << 2,
    HIR_F_RAISE = 1 << 3,
    HIR_F_DEOPT = 1 << 4,
    HIR_F_ARB = 1 << 5,
    HIR_F_TERM = 1 << 6,
    HIR_F_VAR = 1 << 7,
    HIR_F_STEAL = 1 << 8,
    HIR_F_NEW = 1 << 9,
    HIR_F_TS = 1 << 10,
    HIR_F_FRAME = 1 << 11,
    HIR_F_IMM = 1 << 12,
    HIR_F_AUX = 1 << 13,
};
typedef enum {
#define HIR_OP(name, rep, type, flags, helper, doc) HIR_##name,
#include "hir_ops.def"
#undef HIR_OP
    HIR_NOPS
} HirOp;

typedef struct {
    const char *name;
    uint8_t rep;
    HirType type;
    uint32_t flags;
    const char *helper; /* symbol name, NULL when lowered by hand */
    const char *doc;
} HirOpInfo;
extern const HirOpInfo hir_op_info[HIR_NOPS];

/* aux of an OBJ Phi: HIR_PHI_OWNED says that every predecessor hands one reference to its operand
 * over (value-stack entries that are owned); without it the phi borrows, as locals do, whose
 * homes hold the reference. */
#define HIR_PHI_OWNED        1u
/* aux of a Const: the unit does not keep the object alive (that could make a cycle that the
 * collector cannot see); it is valid right behind the guards that vouch for it. */
#define HIR_CONST_BORROWED   1u
/* aux of an Incref: the count is looked at (sys.getrefcount), so no pass may elide it. */
#define HIR_INCREF_KEEP      1u
/* Also in aux of a Phi of any representation: the local whose current value it is, and whose home
 * holds the object where the phi's block starts; hir_phi_local gives it back. */
#define HIR_PHI_LOCAL(local) (((uint32_t)(local) + 1u) << 8)
/* aux of ListIterMore and TupleIterMore: keeps the sequence when exhausted. */
#define HIR_ITER_KEEPS       1u
/* imm.i of StoreInlineValue and the like, in place of the old value's type: somebody else holds the
 * old value too (GuardShared), so that dropping it runs no code. */
#define HIR_OLD_SHARED       (INT64_C(1) << 32)

/* What the text form and the verifier know about operands, aux and imm (hir_sigs.def). */
typedef enum {
    HIR_AUX_NONE,
    HIR_AUX_INT,
    HIR_AUX_FLAGS,
    HIR_AUX_TYPE,
    HIR_AUX_CMP,
    HIR_AUX_NB
} HirAuxKind;
typedef enum {
    HIR_IMM_NONE,
    HIR_IMM_OBJ,  /* an object that the unit keeps alive */
    HIR_IMM_SEEN, /* one that nobody keeps: it is compared and never looked at */
    HIR_IMM_PTR,
    HIR_IMM_INT,
    HIR_IMM_F64,
    HIR_IMM_PAIR
} HirImmKind;
typedef struct {
    const char *operands; /* one letter an operand, see hir_sigs.def */
    uint8_t aux, imm;
} HirSig;
extern const HirSig hir_sigs[HIR_NOPS];

typedef struct HirIns HirIns;
typedef struct HirBlock HirBlock;
typedef struct HirFrameState HirFrameState;
typedef struct HirFunc HirFunc;

/* How the call of an inlined function ends, by what is on the caller's stack meanwhile: the function
 * on top, whose reference the exit gives to the frame it makes, and below it what goes once the
 * result is there. */
typedef enum {
    HIR_CALL_NONE,
    HIR_CALL_METHOD, /* f: nothing else goes */
    HIR_CALL_UNDER,  /* x f: x goes (the NULL below a callable) */
    HIR_CALL_GETTER, /* x f: x goes, the owner of the property that LOAD_ATTR has found */
    /* self cls arg1 ... f, HIR_CALL_INIT + n with n arguments: the result has to be None; cls and the arguments go */
    HIR_CALL_INIT,
    HIR_NCALLS = HIR_CALL_INIT + 9
} HirCallShape;
#define HIR_INIT_ARGS (HIR_NCALLS - HIR_CALL_INIT - 1) /* at most */
extern const char *const hir_call_names[HIR_NCALLS];

/* dirty[i] of a frame state: what an exit does about a home. */
enum {
    HIR_CLEAN,       /* nothing */
    HIR_DIRTY,       /* it takes a reference to locals[i] */
    HIR_DIRTY_OWNED, /* it takes our reference over: inlined frames hold what they own like the stack */
};

/* What an exit writes back.  `bci` is the code-unit index at which tier 0
 * resumes when a guard fails (for throws the instruction's own bci counts).
 * `locals[i]` is the SSA value of local i or NULL when its home is right;
 * a value whose home is stale is listed in `dirty`.  Stack entries that are
 * not owned are increfed by the exit; raw entries are boxed by it.
 * Of a caller's state `bci` is the call and the stack is as HirCallShape says. */
struct HirFrameState {
    HirFrameState *parent; /* caller's state when inlined, else NULL */
    void *code;            /* PyCodeObject* this state belongs to */
    const uint8_t *nospec; /* sites of `code` where guards failed too often, or NULL */
    int32_t bci;
    uint16_t nlocals, nstack;
    uint8_t call; /* HirCallShape of a caller's state */
    HirIns **
        locals; /* [nlocals] current SSA value of each local (never NULL entries for tracked ones) */
    uint8_t *dirty; /* [nlocals] HIR_DIRTY..: exit must write locals[i]; NULL: no home is stale */
    HirIns **stack; /* [nstack] bottom first */
    uint8_t *owned; /* [nstack] 1: the exit takes over our reference */
    uint32_t id;
    uint32_t mark; /* pass-private, set it before use */
};

typedef union {
    int64_t i;
    double f;
    void *p;
    struct {
        uint32_t a, b;
    } pair;
} HirImm;

struct HirIns {
    uint16_t op;
    uint8_t rep;  /* HirRep */
    uint8_t flag; /* pass-private mark bits, clear between passes */
    uint32_t id;
    HirType type; /* of an OBJ result */
    int32_t bci;  /* code unit this came from; -1: none */
    uint32_t aux;
    uint32_t nargs;
    HirIns **args;
    HirFrameState *fs;
    HirImm imm;
    HirIns *prev, *next;
    HirBlock *block;
    HirIns *fwd;  /* replaced by (hir_replace); follow with hir_resolve */
    uint32_t tmp; /* pass-private: use count, value number, virtual register */
    /* Of loads from a dict's keys: log2 of the bytes before their entries, 0: not known. */
    uint8_t hint;
    /* What raises takes no exit: the result is NULL then, with the exception set, and a test of that follows. */
    bool caught;
};

struct HirBlock {
    HirFunc *func;
    uint32_t id;
    int32_t bci;
    HirIns *first, *last; /* phis first; last is the terminator */
    HirBlock **preds;     /* order matches phi operands */
    uint32_t npreds, cappreds;
    HirBlock *succ[2];
    uint32_t nsucc;
    bool loop_header, cold, reachable;
    uint16_t loop_depth;
    uint32_t rpo;      /* reverse post-order number, valid after hir_analyze */
    HirBlock *idom;    /* immediate dominator, same */
    HirBlock *loop;    /* header of the innermost natural loop around (itself for a header), same */
    HirBlock *loop_up; /* of a header: header of the next outer loop, same */
    uint32_t dom_pre, dom_post; /* numbers of a walk over the dominator tree, same */
    HirBlock *next;             /* creation order */
    void *tmp;                  /* pass-private */
};

/* What is known of a function that is called. */
typedef struct HirCallee {
    struct HirCallee *next;
    void *code;   /* PyCodeObject* */
    void *callee; /* RtCallee*, which lives as long */
} HirCallee;

struct HirFunc {
    Arena *arena;
    void *unit;        /* CodeUnit* being compiled (rt_unit.h), NULL in tests */
    void *code;        /* PyCodeObject* */
    int32_t entry_bci; /* 0, or the loop header's code unit for OSR */
    uint16_t nlocals;  /* co_nlocalsplus */
    uint16_t entry_nstack;
    HirBlock *blocks, *last_block, *entry;
    HirBlock **rpo; /* after hir_analyze */
    uint32_t nrpo;
    uint32_t nins, nblocks, nfs;
    /* Sites where guards failed too often (bit per code unit), and whether to speculate at all:
     * from HirBuildOptions, for passes that add exits. */
    const uint8_t *nospec;
    bool generic;
    void *globals, *builtins; /* dicts the function is compiled for, borrowed; NULL unknown */
    HirCallee *callees;       /* of CallPy and CallInit, newest first */
    uint32_t ninlined, inlined_units; /* calls inlined by the builder, and their code units */
    uint32_t max_out;                 /* out-area words needed by VAR ops and multi-result ops */
    const char *name;                 /* qualified name for dumps */
};

/* --- construction and editing (hir.c) --------------------------------------- */
HirFunc *hir_func_new(Arena *a, const char *name);
HirBlock *hir_block_new(HirFunc *f, int32_t bci);
/* New instruction, not yet in a block; rep and type from the op table. */
HirIns *hir_ins_new(HirFunc *f, HirOp op, uint32_t nargs, HirIns *const *args);
void hir_append(HirBlock *b, HirIns *i);
void hir_insert_before(HirIns *pos, HirIns *i);
void hir_insert_after(HirIns *pos, HirIns *i);
void hir_prepend(HirBlock *b, HirIns *i); /* after the phis */
void hir_remove(HirIns *i);
/* Forwards every later read of `old` to `new`; hir_cleanup_forwards rewrites uses. */
void hir_replace(HirIns *old_, HirIns *new_);
HirIns *hir_resolve(HirIns *i);
void hir_cleanup_forwards(HirFunc *f);       /* rewrites args, frame states, drops forwarded ins */
void hir_edge(HirBlock *from, HirBlock *to); /* appends to succ and preds */
void hir_redirect(HirBlock *from, HirBlock *old_to,
                  HirBlock *new_to); /* keeps phi operands of old_to in step (drops from's) */
HirFrameState *hir_fs_new(HirFunc *f, uint32_t nlocals, uint32_t nstack, HirIns **locals);
HirFrameState *hir_fs_copy(HirFunc *f, const HirFrameState *fs);
HirBlock *hir_split_edge(HirFunc *f, HirBlock *from, HirBlock *to);
void hir_analyze(HirFunc *f); /* reachability, rpo, idom, loop headers and depth */
bool hir_dominates(const HirBlock *a, const HirBlock *b);
/* Shorthands for what passes and the builder make most. Not yet in a block. */
HirIns *hir_new0(HirFunc *f, HirOp op);
HirIns *hir_new1(HirFunc *f, HirOp op, HirIns *a);
HirIns *hir_new2(HirFunc *f, HirOp op, HirIns *a, HirIns *b);
HirIns *hir_new3(HirFunc *f, HirOp op, HirIns *a, HirIns *b, HirIns *c);
HirIns *hir_const(HirFunc *f,
                  void *obj); /* Const with its type; borrows `obj` (the unit pins it) */
HirIns *hir_const_f64(HirFunc *f, double v);
HirIns *hir_const_i64(HirFunc *f, int64_t v);
HirIns *hir_const_bool(HirFunc *f, bool v);
/* New phi with room for `nargs` operands, all NULL, put after the block's other phis. */
HirIns *hir_phi_new(HirFunc *f, HirBlock *b, HirRep rep, HirType type, uint32_t nargs);
void hir_set_args(HirFunc *f, HirIns *i, uint32_t nargs, HirIns *const *args);
/* Takes predecessor number `k` away from `b`, with its phi operands. */
void hir_remove_pred(HirBlock *b, uint32_t k);
/* Ends `b` before `term` differently: `term` (Branch or Jump) becomes a Jump to succ[keep]. */
void hir_branch_to_jump(HirIns *term, uint32_t keep);
/* Position of `pred` among the predecessors of `b` (the first one); npreds when it is none. */
uint32_t hir_pred_index(const HirBlock *b, const HirBlock *pred);
static inline bool hir_is_term(const HirIns *i)
{
    return (hir_op_info[i->op].flags & HIR_F_TERM) != 0;
}
/* What is known of `code`, or NULL. */
static inline void *hir_callee(const HirFunc *f, const void *code)
{
    const HirCallee *c = f->callees;
    while (c && c->code != code) {
        c = c->next;
    }
    return c ? c->callee : NULL;
}
/* Whether the result of `i` is operand 0 itself, refined (guards that give a value). */
static inline bool hir_is_guard(const HirIns *i)
{
    const char *s = hir_sigs[i->op].operands;
    return s && s[0] == '=';
}
/* The local that a phi belongs to (HIR_PHI_LOCAL), -1 for others. */
static inline int hir_phi_local(const HirIns *i)
{
    return i->op == HIR_Phi ? (int)(i->aux >> 8) - 1 : -1;
}
/* The state of the frame that exists: the outermost of the inlined ones. */
static inline HirFrameState *hir_fs_physical(HirFrameState *fs)
{
    while (fs->parent) {
        fs = fs->parent;
    }
    return fs;
}
/* The value that `i` is an alias of: guards give their operand, refined. */
static inline HirIns *hir_root(HirIns *i)
{
    while (hir_is_guard(i)) {
        i = i->args[0];
    }
    return i;
}

/* --- effects (hir_effects.c): the op table plus what types of operands say ---- */
uint32_t hir_flags(const HirIns *i); /* table flags, ARB dropped where operand types allow */
/* Whether an op can be `caught`: those that raise most of what is caught at once (hir_build_elide.c). */
bool hir_can_be_caught(HirOp op);
/* Whether `i` takes over one reference to operand `k` when it succeeds. */
bool hir_consumes(const HirIns *i, uint32_t k);
static inline bool hir_is(const HirIns *i, uint32_t f)
{
    return (hir_flags(i) & f) != 0;
}
static inline bool hir_type_leaf(HirType t)
{
    return (t & ~HIR_T_LEAF) == 0;
}

/* --- types (hir_types.c) ------------------------------------------------------ */
HirType hir_type_of_object(void *obj); /* PyObject*, NULL -> HIR_T_NULL */
HirType hir_type_of_pytype(void *tp);  /* exact PyTypeObject* -> one bit */
void *hir_pytype_of(HirType bit);      /* the PyTypeObject* of one bit, NULL for NULL/OTHER */
/* Type of the OBJ result of `i` as its op and the types of its operands say (phis: the union);
 * never wider than what the op table says. */
HirType hir_type_infer(const HirIns *i);
const char *hir_type_str(HirType t, StrBuf *sb); /* "FLOAT|INT", "ANY", ... */

enum { HIR_NCMP = 6, HIR_NNB = 26 };
extern const char *const hir_cmp_names[HIR_NCMP], *const hir_nb_names[HIR_NNB];

/* --- text (hir_print.c, hir_parse.c) ------------------------------------------ */
void hir_print(const HirFunc *f, StrBuf *sb);
/* Parses what hir_print writes (objects in Const by a small literal syntax).
 * Returns NULL with a message in `err` on bad input. */
HirFunc *hir_parse(Arena *a, const char *text, StrBuf *err);

/* --- verifier (hir_verify.c): true when every invariant of README.md holds ----- */
bool hir_verify(HirFunc *f, StrBuf *err);

#endif
