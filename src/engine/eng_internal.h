/* What the engine's files share with each other only. */
#ifndef PYSTON_ENG_INTERNAL_H
#define PYSTON_ENG_INTERNAL_H

#include <time.h>

#include "eng.h"
#include "lir_compile.h"
#include "eng_limits.h"
#include "hir_build.h"

/* --- eng_stack.c: the C stack ----------------------------------------------------- */
/* Lowest address a Python call may start at on the current C stack. Unknown at first. */
extern __thread uintptr_t eng_stack_low __attribute__((tls_model("initial-exec")));

static inline bool eng_stack_is_low(void)
{
    return BASE_UNLIKELY((uintptr_t)__builtin_frame_address(0) < eng_stack_low);
}
/* To be called when eng_stack_is_low: learns the bounds of a new thread's stack and says whether
 * it really is low. */
bool eng_stack_really_low(void);
/* Runs fn(arg) on a fresh stack segment: 0, or -1 with MemoryError when there is no memory. */
int eng_stack_run(void (*fn)(void *arg), void *arg) BASE_MUST_CHECK;
/* The launcher has mapped more stack for the main thread, from `low` on: call it on that thread. */
void eng_stack_extended(void *low);
/* Lets this thread's entries go through eng_stack_really_low() while eng_ticker_pending. */
void eng_stack_attend(void);

/* --- eng_sample.c ------------------------------------------------------------------- */
/* The hook is only there for bursts of calls. The ticker reads it, too. */
extern _Atomic bool eng_hook_away;
/* A tick: a burst of calls is seen, if the hook is away. Any thread, without the GIL, too. */
void eng_sample(PyInterpreterState *interp);
/* A frame starts under PYSTON_STRESS=patch. */
void eng_sample_stress(void);
/* Counts a call of code without a unit, or that it is resumed at a place without one, in `calls`, which is that place's: is
 * it time to compile it? */
bool eng_is_hot(EngCodeState *s, uint32_t *calls);
/* The program calls the same functions for seconds and all that is warm is compiled, for stats(). */
bool eng_changed_over(void);

/* --- eng_hook.c: states ------------------------------------------------------------ */
/* State of `co`, made if need be; NULL (no exception) when memory is out. */
EngCodeState *eng_code_state_make(PyCodeObject *co);
/* Nothing is cached by eng_code_state any more: the slot of co_extra is given up. */
void eng_states_uncache(void);
/* All states, newest first; how many there are, and were ever made. */
extern EngCodeState *eng_states;
extern uint32_t eng_nstates, eng_states_made;
/* Installs and removes the hook; another's stays. Any thread, with or without the GIL. */
void eng_hook_bring(PyInterpreterState *interp);
void eng_hook_remove(PyInterpreterState *interp);
/* Is one installed? */
bool eng_hook_is_in(PyInterpreterState *interp);
/* Switches on in an interpreter: NULL, or a static text that says why not. */
const char *eng_switch_on(PyInterpreterState *interp);
/* Counts a call whose frame is ready to run and whose code has no unit: the unit that it made, or
 * NULL. */
CodeUnit *eng_count_call(Py311Frame *f);
/* Has compiling taken less than its share of the CPU time so far? A program that ends soon does not get it back. */
bool eng_affordable(void);
/* The unit that calls of the code enter, or NULL for none. */
void eng_state_set_unit(EngCodeState *s, CodeUnit *unit);
/* Why a frame of `co` cannot be compiled at all, or NULL. */
const char *eng_never_compiled(PyCodeObject *co);

/* --- eng_bind.c -------------------------------------------------------------------- */
typedef enum {
    ENG_BOUND,
    ENG_BIND_NOT,    /* they do not fit, or only CPython knows: no code has run */
    ENG_BIND_FAILED, /* an exception is set */
} EngBound;
/* Arguments given by keyword. */
typedef struct {
    PyObject *const *names;
    PyObject *const *values;
    Py_ssize_t n;
} EngKeywords;
/* Fills all locals of a new frame: parameters with references to the arguments and to defaults, the
 * rest NULL. On failure each local is NULL or holds a reference. */
EngBound eng_bind_arguments(Py311Frame *f, PyObject *const *args, Py_ssize_t nargs, EngKeywords kw);

/* --- eng_place.c: where frames go on -------------------------------------------------- */
/* A place of a code object where its frames go on with what is in memory, their value stack included: behind
 * the instruction that suspended a generator, or at a handler that caught an exception. */
typedef struct EngPlace {
    CodeUnit *unit; /* goes on there; NULL: tier 0 does */
    int32_t bci;    /* next instruction */
    uint32_t calls; /* counted visits while there is no unit */
    bool refused;   /* not compilable */
} EngPlace;

/* The record of the place whose next instruction is at `bci`, or NULL. */
static inline EngPlace *eng_place_find(const EngCodeState *s, int32_t bci)
{
    const uint8_t k = s->place_at != NULL ? s->place_at[bci] : 0;
    return k != 0 ? &s->places[k - 1] : NULL;
}
/* The same, made if need be; NULL (no exception) when there are too many or memory is out. */
EngPlace *eng_place_make(EngCodeState *s, int32_t bci);
/* `u` must not be entered any more. */
void eng_place_forget(EngCodeState *s, const CodeUnit *u);
/* Handlers are compiled from now on. */
void eng_handlers_start(void);
/* A handler of the code has caught often. If nobody can see the exceptions, all that raises where this one came from is
 * compiled without them (hir_build_elide.c), once; later if nothing can be compiled now. */
typedef enum { ENG_NOT_ELIDED, ENG_ELIDED, ENG_ELIDED_LATER } EngElided;
EngElided eng_elide(EngCodeState *s, Py311Frame *f, const RtRaised *raised);

/* --- eng_resume.c: generators ------------------------------------------------------- */
/* The unit that goes on where `f`, a generator's frame, is suspended, or NULL. */
static inline CodeUnit *eng_resume_unit(const EngCodeState *s, const Py311Frame *f)
{
    const EngPlace *p = eng_place_find(s, py311_frame_lasti(f) + 1);
    return p != NULL ? p->unit : NULL;
}
/* Counts a resumption of `f` that found no unit; the unit if this one made one. */
CodeUnit *eng_count_resume(EngCodeState *s, Py311Frame *f);
/* The code has a unit to go on in. */
void eng_resumable(const PyCodeObject *co);
/* A unit that goes on somewhere is not entered any more, or its code dies. */
void eng_resumed_forget(void);
/* Ends a generator's iteration that compiled code began (lir_resume.c) and that gave `result`, which this takes over; the
 * generator is not suspended again, or it failed. As rt_iter_next. */
PyObject *eng_generator_ended(PyThreadState *ts, PyObject *gen, PyObject *result);
/* Resumptions that come through types' slots need no hook from now on. */
void eng_resume_start(void);

/* --- eng_call.c -------------------------------------------------------------------- */
/* What the entry word of code without a unit holds: it counts the call and runs tier 0. */
extern const RtEntry eng_no_unit;
/* What compiled callers of `code` have to know (rt_direct), kept as long as `code` lives. NULL (no exception) when memory
 * is out. */
RtCallee *eng_callee(PyCodeObject *code);
/* Runs a frame that is linked and counted through an entry, on another C stack if this one is low. */
PyObject *eng_enter(PyThreadState *ts, struct _PyInterpreterFrame *frame, RtEntry entry);
/* Links a frame, runs it through an entry, unlinks. recursion_remaining was decremented; it stays so. */
static inline PyObject *eng_run_linked(PyThreadState *ts, Py311Frame *f, RtEntry entry)
{
    struct _PyInterpreterFrame *frame = (struct _PyInterpreterFrame *)(void *)f;
    _PyCFrame *cframe = ts->cframe;
    f->previous = cframe->current_frame;
    cframe->current_frame = frame;
    PyObject *result = eng_stack_is_low() ? eng_enter(ts, frame, entry) : entry(ts, frame);
    /* Read again: a coroutine library may have moved us to another C stack meanwhile. */
    ts->cframe->current_frame = f->previous;
    return result;
}

/* The rest of what a frame's level of recursion asks for, when it has returned and is unlinked. */
static inline void eng_frame_left(PyThreadState *ts, Py311Frame *f)
{
    if (f->stacktop < 0) { /* else it is suspended, or tier 0 brought it to its end */
        f->stacktop = f->f_code->co_nlocalsplus;
    }
    py311_leave_recursive_call(ts);
}

/* Runs an entry of a unit on a frame that is pushed, not linked, and has its locals in place. The frame is unlinked
 * afterwards, stacktop set; clearing it is the caller's. A generator's frame may also be suspended then. */
static inline PyObject *eng_run_entry(PyThreadState *ts, struct _PyInterpreterFrame *frame,
                                      RtEntry entry)
{
    Py311Frame *f = py311_frame(frame);
    if (py311_enter_recursive_call(ts) < 0) {
        return NULL; /* as tier 0: without a traceback entry for the frame that did not start */
    }
    f->is_entry = true;
    f->mark = PY311_MARK_COMPILED;
    f->stacktop = -1;
    PyObject *result = eng_run_linked(ts, f, entry);
    eng_frame_left(ts, f);
    return result;
}

/* --- time ---------------------------------------------------------------------------- */
/* What a clock shows, in nanoseconds; -1 when it cannot be read (a thread's that has ended). */
static inline int64_t eng_clock_ns(clockid_t clock)
{
    struct timespec t;
    return clock_gettime(clock, &t) == 0 ? t.tv_sec * (int64_t)1000000000 + t.tv_nsec : -1;
}

/* --- eng_osr.c --------------------------------------------------------------------- */
/* For tests: frames that leave their loop go on in tier 0, and leave again at the next look. */
extern bool eng_osr_stays;
/* Looks begin. A system without threads or CPU clocks has no OSR, silently. */
void eng_osr_start(void);
/* No more looks; ticks touch nothing of the interpreter afterwards. */
void eng_osr_stop(void);
/* For eng_ticker.c: one tick, under its lock and without the GIL. Nanoseconds to the next, or 0 when
 * there is nothing to look for. */
long eng_osr_tick(void);
/* Has the main thread look soon. Any thread, without the GIL. */
void eng_osr_ask(void);
/* In a forked child, at once. */
void eng_osr_forked(void);
/* In a forked child that goes on with Python code; whether it wants ticks. */
bool eng_osr_child_started(void);
/* Lets the hook see the next frame of a forked child. */
void eng_osr_bring_hook(void);

/* --- eng_lines.c -------------------------------------------------------------------- */
/* From now on code that raises again and again gets its line numbers as an array. */
void eng_lines_start(void);

/* --- eng_patch.c -------------------------------------------------------------------- */
/* Makes patches possible; false: tier 0 has to be left by the hook. */
bool eng_patch_start(void);
/* Leads tier 0 from the start of the code into its unit, if that is possible. */
void eng_patch_entry(EngCodeState *s);
/* Leads it from `bci`, a place that py311_patch_place() gave, into the unit that begins there. False when
 * memory is out. */
bool eng_patch_loop(EngCodeState *s, int32_t bci, int depth);
/* Puts the bytecode as it was, for who reads it, and back. No Python code may run in between. */
void eng_patches_lift(EngCodeState *s);
void eng_patches_plant(EngCodeState *s);
/* Tier 0 is going to run a frame at `bci`: lifts what is in its way. True if there was something. */
bool eng_patches_resume(EngCodeState *s, int32_t bci);
/* The code dies. */
void eng_patches_free(EngCodeState *s);

/* --- eng_wait.c ----------------------------------------------------------------------- */
typedef struct {
    timer_t timer;  /* on the main thread's CPU clock; set while `timed` */
    int64_t seen;   /* the process's CPU time */
    uint32_t quiet; /* looks in a row that found it hardly changed */
    bool timed;
    bool rung; /* the timer ended the last wait: the main thread works */
} EngWait;
/* The calling thread, which blocks all signals, is going to wait; no failure, but less exact then. */
void eng_wait_begin(EngWait *w);
/* Waits until the process has used `ns` of CPU time (below a second), rounded up to the kernel's tick or some milliseconds of
 * real time, or until the interpreter is going. False when the process's clock cannot be read. */
bool eng_wait(EngWait *w, long ns);
void eng_wait_end(EngWait *w);

/* --- eng_ticker.c ------------------------------------------------------------------- */
/* Takes care of forked children from now on: 0, or -1 with an exception. */
int eng_ticker_init(void);
/* A detached thread of the engine's own, without signals, that calls run(NULL). False: it is not to be had. */
bool eng_thread_start(void *(*run)(void *), size_t stack);
/* Starts the thread if there is none. Where the system has no threads nothing happens. */
void eng_ticker_start(void);
/* The same, but once a frame starts that may run for long. Main thread, before the program. */
void eng_ticker_start_later(void);
/* Set until then; eng_ticker_attend() wants to see each outermost frame that starts. */
extern bool eng_ticker_pending;
extern _Atomic int64_t eng_own_waits; /* how often the engine's threads have slept */
void eng_ticker_attend(PyCodeObject *co, bool outermost);
/* What ticks use is theirs while the lock is held. */
void eng_ticker_lock(void);
void eng_ticker_unlock(void);

/* --- eng_recompile.c ---------------------------------------------------------------- */
/* Listens to guards that fail and to inline caches, from the first enable on. */
void eng_recompile_start(void);
/* What the caches of all units have seen at the site, for the builder. */
/* The unit, which may be running, is not entered again; calls are past the threshold, so the next one compiles. */
void eng_unit_invalidate(EngCodeState *s, CodeUnit *u);
/* The frame of this code that comes to a safepoint first leaves: at a loop's header it goes on in the unit that is the right one
 * now, elsewhere in tier 0, which comes to the loop's patch. */
void eng_leave_soon(const EngCodeState *s);
/* Is a site used so often that more code for it pays? Code that runs now and then has to come from a far cache each
 * time, and the less of it there is the better. `watched` says since when uses are counted and is set anew, `slow` how often
 * they were too few, up to ENG_SLOW_USES. */
bool eng_is_busy(int64_t *watched, uint8_t *slow);
/* Has it been so many times as long as compiling the code took since that was done? Then it may be done anew. */
bool eng_worth_anew(const EngCodeState *s, int64_t times);
/* May the code be compiled anew for what its caches have seen? */
bool eng_settling_pays(const EngCodeState *s);
unsigned eng_targets_at(PyCodeObject *co, int32_t bci, PyCodeObject **codes);
HirSeen eng_seen_at(PyCodeObject *co, int32_t bci, RtAttrSeen *seen);

/* --- eng_types.c -------------------------------------------------------------------- */
/* Where code notes the types of the operands of the operation at `bci`; NULL when that is enough, or there is no memory. */
RtTypeSite *eng_type_site(PyCodeObject *co, int32_t bci);
/* The types of all operands seen there, NULL for several; false: not enough is known. */
bool eng_types_at(PyCodeObject *co, int32_t bci, PyTypeObject *types[2]);
/* The code dies. */
void eng_types_free(EngCodeState *s);
void eng_types_start(void);

/* --- eng_compile.c ------------------------------------------------------------------ */
/* Sets up runtime and code cache: NULL, or a static text that says what the system refuses. */
const char *eng_compiler_start(void);
/* On the ticker's thread, at each tick: memory that waits for the next compilation goes back if there is none. */
void eng_compiler_tick(void);
/* Makes running compiled code leave at its next safepoint, or not any more. */
void eng_compiler_leave(bool leave);
typedef enum {
    ENG_NOW,  /* the frame waits for it */
    ENG_SOON, /* another thread may do it meanwhile */
} EngWhen;
/* Compiles `s->code` from its start (entry_bci 0), a loop header, a resume point or a handler and installs the
 * unit in the state: the unit, or NULL when that is impossible (counted by reason, and noted in the state or the place), pointless now, or
 * another thread's: then it is installed later, and a loop patched.
 * `frame` has the live values, or is NULL. Runs no Python code and sets no exception. */
CodeUnit *eng_compile(EngCodeState *s, Py311Frame *frame, int32_t entry_bci, int nstack, int nknown,
                      EngWhen when);
/* The installed unit that starts at entry_bci, or NULL. */
CodeUnit *eng_find_unit(const EngCodeState *s, int32_t entry_bci);
/* Frees a unit that no frame can return into. May run Python code. */
void eng_unit_destroy(CodeUnit *u);
/* Adds what the compiler has to report to the dict of stats(); 0, or -1 with an exception. */
int eng_compiler_stats(PyObject *dict);
/* The dump of one stage ("hir", "lir", "asm") of compiling `co` (of `func`, or NULL) from a place on, for tests: new
 * str, or NULL with an exception. */
PyObject *eng_compiler_dump(PyCodeObject *co, PyFunctionObject *func, const char *stage,
                            int entry_bci);

/* --- eng_background.c ---------------------------------------------------------------- */
/* A compilation from its HIR on, for another thread. */
typedef struct EngWork {
    struct EngWork *next;
    EngCodeState *state; /* whose unit it will be; NULL: the code has died */
    CodeUnit *unit;
    uint32_t ninlined;
    struct HirFunc *hir; /* until it is lowered */
    LirWork lir;
    Arena front, back; /* the HIR's memory and the LIR's */
    bool compact;      /* LirOptions.compact */
    bool loop;         /* a frame is in it */
    int depth;         /* of the value stack where it begins */
    bool ok;           /* it is there, to be installed */
    int64_t ns;        /* CPU time of the other thread */
} EngWork;
/* Is there a thread for it, or could there be? */
bool eng_background_is_on(void);
/* New, for eng_compile; NULL when many wait already, or memory is out. */
EngWork *eng_work_new(void);
/* Without the unit. */
void eng_work_free(EngWork *w);
/* To be done: eng_compile_rest. */
void eng_background_add(EngWork *w);
/* Some are done, or want a thread: eng_background_attend is due at the next call. */
extern _Atomic bool eng_background_calls;
/* Ends what is done. May run Python code. */
void eng_background_attend(void);
/* The code dies that it is for. */
void eng_background_cancel(EngWork *w);
/* eng_compile.c: what is left of a compilation but for installing it: w->ok, or w->lir.reason, NULL where memory is out. Any thread, without the GIL. */
void eng_compile_rest(EngWork *w);
/* eng_compile.c: installs a list of them, those that are done and whose code lives; frees them. May run Python code. */
void eng_compile_end(EngWork *first);

/* --- eng_stats.c --------------------------------------------------------------------- */
typedef struct {
    uint64_t compiled;          /* units installed, entry at the start */
    uint64_t compiled_osr;      /* units installed, entry at a loop header */
    uint64_t compiled_resumes;  /* units installed, entry where generators are suspended */
    uint64_t compiled_handlers; /* units installed, entry where exceptions are caught */
    uint64_t recompiled;        /* of those, replacing one whose guards failed */
    uint64_t inlined;           /* calls that are no calls in units installed */
    uint64_t compile_ns;
    uint64_t beside_ns;      /* of that, on another thread */
    uint64_t osr_entries;    /* loops left for compiled code */
    uint64_t ticks_tier0;    /* looks that found the main thread in tier 0 */
    uint64_t ticks_compiled; /* looks that found it in compiled code */
    uint64_t stack_segments; /* C stacks that were continued elsewhere */
    uint64_t line_arrays;    /* code objects that raise often enough to have one */
} EngCounts;
extern EngCounts eng_counts;

/* Counts a function that is not compiled. `reason` is a static string. */
void eng_count_reason(const char *reason);

/* dict[key] = value, which is consumed and may be NULL (an error). 0, or -1 with an exception. */
int eng_dict_add(PyObject *dict, const char *key, PyObject *value);

#endif
