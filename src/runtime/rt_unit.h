/* CodeUnit: one piece of compiled code with everything that must live as long
 * as it does: exit tables, inline caches, pinned objects.  Filled by lowering
 * and emission, read by the exit handler, owned by the engine (which attaches
 * units to code objects).  Also the machine-level contract of compiled code. */
#ifndef PYSTON_RT_UNIT_H
#define PYSTON_RT_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <Python.h>

struct _PyInterpreterFrame;

/* Machine contract.
 *
 *   PyObject *entry(PyThreadState *ts, struct _PyInterpreterFrame *frame);
 *
 * The caller has pushed and linked the frame: previous and is_entry set,
 * cframe->current_frame == frame, stacktop == -1, recursion_remaining already
 * decremented; locals are in place (unset ones NULL), at a resume point the
 * value stack too.  The caller unlinks, restores recursion_remaining and clears
 * the frame afterwards, unless it is a generator's.  stacktop then says how much
 * it holds, -1 standing for co_nlocalsplus.  Compiled code returns a new reference, or NULL with an
 * exception set and the traceback entry for this frame already added.
 * An exit that continues in tier 0 unlinks, runs it, and links again, so the
 * caller never knows.
 *
 * Registers: rbp frame pointer, rbx = frame, r12 = ts; r13, r14, r15 and the
 * caller-saved ones are allocatable.  Prologue layout, the same for every unit:
 *   push rbp; mov rbp, rsp; push rbx; push r12; push r13; push r14; push r15;
 *   sub rsp, 8 + 16*k      (rsp is 16-byte aligned at calls)
 * so callee-saved registers are at [rbp-8] .. [rbp-40] and the exit trampoline
 * can run the epilogue.  The out area is at [rsp+0 ...]; spill slots above it,
 * addressed from rbp. */
typedef PyObject *(*RtEntry)(PyThreadState *ts, struct _PyInterpreterFrame *frame);

/* What is left to do when the thread's current frame, entered through its entry word, has returned
 * `result`: unlinks, clears and pops it, gives recursion_remaining back. Gives `result`. */
typedef PyObject *(*RtLeavePy)(PyThreadState *ts, PyObject *result);
/* What a call has to know of code. */
typedef struct {
    RtEntry entry;      /* never NULL; compiled callers know this word's address */
    int32_t exact_args; /* positional arguments that are all its frame wants; -1: it wants others */
    int32_t nlocalsplus; /* as in the code object */
    RtLeavePy leave;     /* what ends its frames */
    uint32_t frame_size; /* bytes on the data stack */
} RtCallee;

/* Where an exit finds a value. */
typedef enum {
    RT_LOC_GPR,   /* where: register number */
    RT_LOC_XMM,   /* where: register number */
    RT_LOC_STACK, /* where: offset from rbp in words */
    RT_LOC_CONST, /* where: index into unit->consts (raw 64 bits; objects borrowed) */
    RT_LOC_HOME,  /* where: local index; the frame's home slot (borrowed) */
} RtLocKind;

/* There is an exit for every few instructions of compiled code and few are ever taken, so what describes
 * them is packed: bytecode indices have 15 bits (compilation refuses code that needs more), and what
 * happens in some exits only (counts) lies elsewhere. */
typedef struct {
    uint32_t kind : 3;    /* RtLocKind */
    uint32_t rep : 3;     /* HirRep: HIR_OBJ, HIR_F64, HIR_I64, HIR_BOOL (raw ones are boxed) */
    uint32_t owned : 1;   /* the exit takes over the reference; else it increfs */
    uint32_t same_as : 8; /* 0, or 1 + index of an earlier loc of this exit with the same SSA raw
                             value: boxed once so that identity is kept */
    int32_t where : 17;
} RtLoc;
#define RT_LOC_WHERE_MAX 0xffff
_Static_assert(sizeof(RtLoc) == 4, "packed");

/* One frame of an exit, innermost first (inlined frames follow their callee). */
typedef struct {
    uint32_t locs; /* index into unit->locs: nstack stack entries bottom first, then ndirty locals,
                      then ndirty entries whose `where` is the local's index */
    int16_t bci;   /* resume here (code units) */
    uint16_t nstack;
    uint16_t ndirty;
    uint8_t code; /* index into unit->codes */
    uint8_t call; /* HirCallShape, of frames that an inlined one returns to */
} RtExitFrame;
_Static_assert(sizeof(RtExitFrame) == 12, "packed");

typedef enum {
    RT_EXIT_RESUME,
    RT_EXIT_THROW,
    RT_EXIT_SAFEPOINT, /* throws if an exception is set, else resumes */
} RtExitKind;

typedef struct {
    uint8_t kind; /* RtExitKind */
    uint8_t nframes;
    int16_t throw_bci;    /* THROW, SAFEPOINT: instruction that raised */
    uint32_t frames : 24; /* index into unit->exit_frames */
    uint32_t reason : 8;  /* HirOp of the instruction, for statistics */
} RtExit;
#define RT_EXIT_FRAMES_MAX 0xffffff
_Static_assert(sizeof(RtExit) == 8, "packed");

/* Registers as saved by the exit trampoline. */
typedef struct {
    uint64_t gpr[16]; /* by x64 register number; rsp is the value inside compiled code */
    double xmm[16];
} RtRegs;

/* LOAD_ATTR of a property whose getter is inlined. */
typedef struct RtGetterSite {
    struct RtGetterSite *next;
    PyCodeObject *code; /* borrowed, like the name */
    int32_t bci;
    PyObject *name;
} RtGetterSite;

typedef struct CodeUnit {
    PyCodeObject *code; /* borrowed: the unit dies before its code object */
    RtEntry entry;
    void *blob; /* code cache handle */
    size_t code_size;
    int32_t entry_bci;
    bool invalidated; /* must not be entered any more (recompile pending) */
    uint32_t nexits, nexit_frames, nlocs, nconsts, npinned;
    RtExit *exits;
    uint32_t *taken; /* [nexits] times each was taken; NULL until the first */
    RtExitFrame *exit_frames;
    PyCodeObject **codes; /* of the exits' frames, borrowed: ours, and pinned inlined ones */
    RtLoc *locs;
    int64_t *consts;
    PyObject **pinned;           /* strong references */
    struct RtDataChunk *data;    /* inline caches and other long-lived data */
    struct RtAttrIC *attr_ics;   /* of these, the caches of attributes */
    struct RtTypeSet *type_sets; /* ... what guards compare with */
    RtGetterSite *getters;
    size_t data_size; /* bytes of metadata, all of the above */
    uint64_t resumes; /* exits of kind RESUME taken */
} CodeUnit;

/* New unit for `code`; NULL without an exception when out of memory. */
CodeUnit *rt_unit_new(PyCodeObject *code, int32_t entry_bci);
/* Frees everything but the machine code (the engine frees the blob). GIL held;
 * may run arbitrary code through the pinned references. */
void rt_unit_free(CodeUnit *u);
/* Zeroed memory that lives as long as the unit, 16-byte aligned; NULL when out of memory. */
void *rt_unit_data(CodeUnit *u, size_t bytes);
/* The same at the start of a cache line. */
void *rt_unit_lines(CodeUnit *u, size_t bytes);
/* Notes where a getter is inlined. -1 when out of memory. */
int rt_unit_getter(CodeUnit *u, PyCodeObject *code, int32_t bci, PyObject *name);
/* Keeps `obj` alive as long as the unit (once per object). Returns -1 when out of memory. */
int rt_unit_pin(CodeUnit *u, PyObject *obj);

static inline PyCodeObject *rt_exit_code(const CodeUnit *u, const RtExitFrame *xf)
{
    return u->codes[xf->code];
}

/* How an exit goes on: the function is finished and gives `result`, or, where `next` is not NULL, its frame
 * is ready for that unit, which takes the place of the one that was left. */
typedef struct {
    PyObject *result;
    RtEntry next;
} RtLeave;

/* The exit handler: builds the tier-0 frame state and finishes the function, but for what RtLeave says.
 * Called by the exit trampoline with the live registers. */
RtLeave rt_exit(PyThreadState *ts, struct _PyInterpreterFrame *frame, CodeUnit *u, uint32_t exit_id,
                RtRegs *regs);

/* How the runtime runs a frame outside compiled code (set by the engine; the
 * stock interpreter until then).  Links and unlinks the frame itself. */
extern PyObject *(*rt_eval_tier0)(PyThreadState *ts, struct _PyInterpreterFrame *frame,
                                  int throwflag);

struct Py311Frame;
/* What raised an exception: an op of `unit` that can be `caught`, of the instruction at code unit `bci`; else, and if it came from Python
 * code, -1. */
typedef struct {
    CodeUnit *unit;
    int32_t bci;
} RtRaised;
/* Compiled code for the handler at `bci`, for a frame that an exit has written back, its value stack included, of
 * `nstack` entries; NULL: tier 0 goes on there. Set by the engine, NULL until then. */
extern RtEntry (*rt_handler_entry)(PyThreadState *ts, struct Py311Frame *f, const RtRaised *raised,
                                   int32_t bci, int nstack);

/* The same for the loop header at `bci`, where a frame has left that rt_leave_code asked to. */
extern RtEntry (*rt_loop_entry)(PyThreadState *ts, struct Py311Frame *f, int32_t bci, int nstack);

/* What is kept of handlers' entries is no longer right: a unit is not entered any more, or dies. */
void rt_catch_forget(void);

/* Runs the thread's current frame from prev_instr + 1 in tier 0, with nstack entries on its value stack. Tier 0
 * links and unlinks a frame and counts it as a level of recursion; the caller did both already, so they are undone
 * and redone around it. Gives what the frame gives; the frame is not cleared. */
PyObject *rt_run_tier0(PyThreadState *ts, struct Py311Frame *f, int nstack);
/* The same where the instruction at prev_instr raised the exception that is set: traceback entry, tracing, and tier 0
 * goes on at the handler; NULL when there is none. */
PyObject *rt_throw_here(PyThreadState *ts, struct Py311Frame *f, int nstack);

#endif
