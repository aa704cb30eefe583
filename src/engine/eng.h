/* The engine: settings, switching on and off, per-code state, tier decisions.
 *
 *   eng_settings.c  the environment variables
 *   eng_start.c     switching on and off, and saying why not
 *   eng_hook.c      PEP 523 hook, entry counters
 *   eng_sample.c    which calls the hook sees, and what is hot
 *   eng_call.c      calls that skip the hook: from C, from tier 0, from compiled code
 *   eng_bind.c      arguments to parameters
 *   eng_stack.c     the C stack: where it ends, and going on elsewhere
 *   eng_resume.c    generators: resuming in compiled code
 *   eng_osr.c       finding loops that tier 0 runs
 *   eng_patch.c     from tier 0 into compiled code, by patched bytecode
 *   eng_lines.c     line numbers of code that raises again and again
 *   eng_gc.c        pacing of the cyclic collector
 *   eng_arenas.c    memory of the object allocator in huge pages
 *   eng_ticker.c    a thread, for the two above
 *   eng_compile.c   the compiler's pipeline, dumps
 *   eng_background.c  the part of it that another thread does
 *   eng_recompile.c when it is done anew
 *   eng_types.c     compiling for the types of operands
 *   eng_stats.c     what stats() reports
 *
 * Everything here wants the GIL unless it says otherwise. */
#ifndef PYSTON_ENG_H
#define PYSTON_ENG_H

#include <Python.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "base_macros.h"
#include "py311_frame.h"
#include "rt_ic.h"
#include "rt_unit.h"

struct CodeCache;

/* --- settings --------------------------------------------------------------- */
enum { ENG_DUMP_HIR = 1, ENG_DUMP_LIR = 2, ENG_DUMP_ASM = 4 };

/* As the threshold: nothing is compiled, functions, loops or resume points. */
#define ENG_NEVER UINT32_MAX

typedef struct {
    int on;              /* PYSTON: 0, 1, or -1 when unset */
    bool sampled;        /* no number in PYSTON_THRESHOLD: the hook may go away */
    uint32_t threshold;  /* PYSTON_THRESHOLD: the call that compiles, or ENG_NEVER */
    uint32_t dump;       /* PYSTON_DUMP: ENG_DUMP_* bits */
    char *dump_function; /* after the colon of PYSTON_DUMP, or NULL for all */
    bool stress_deopt;   /* PYSTON_STRESS=deopt */
    bool stress_compact; /* PYSTON_STRESS=compact: code as programs that have changed over get it */
    bool stress_thread;  /* PYSTON_STRESS=thread: compile beside the program in any case */
    bool stress_patch;   /* PYSTON_STRESS=patch: enter by patches what was called once */
    bool perf;           /* PYSTON_PERF */
    bool gc;             /* PYSTON_GC: pace the cyclic collector */
    bool compile_thread; /* PYSTON_COMPILE_THREAD: compile beside the program */
    bool huge_pages;     /* PYSTON_HUGE_PAGES: ask for them, for objects */
    uint32_t code_limit_mib; /* PYSTON_CODE_LIMIT */
    uint32_t opt_disabled;   /* PYSTON_OPT_DISABLE: a bit for each pass of the optimiser */
    bool no_inline;          /* "inline" in PYSTON_OPT_DISABLE */
    uint32_t opt_limit;      /* PYSTON_OPT_LIMIT; 0: all passes */
    bool verify;             /* PYSTON_VERIFY=1: check every stage of the compiler (for tests) */
    bool selftest_fail;      /* PYSTON_SELFTEST_FAIL=1: the self-check reports a difference (for
                               tests) */
} EngSettings;
extern EngSettings eng_settings;

/* Reads the environment once. 0, or -1 with ValueError naming the allowed values. */
int eng_settings_read(void);

/* --- life ------------------------------------------------------------------- */
/* The launcher's start: reads the settings and switches the engine on unless PYSTON=0. When only
 * the engine is at fault (self-check, no executable memory) one line goes to stderr and the
 * program runs uncompiled. 0, or -1 with an exception for a wrong setting. */
int eng_startup_from_env(void);
/* The extension module's start: the same, but on only when PYSTON=1. */
int eng_startup_extension(void);

/* Switches on: 0 (also when it was on, or when it cannot work here and said so on stderr), or -1
 * with an exception. */
int eng_enable(void);
/* Switches off: nothing is compiled or entered from now on; units stay for a later enable. */
void eng_disable(void);
bool eng_is_enabled(void);
/* A new dict for pyston.stats(), or NULL with an exception. */
PyObject *eng_stats(void);

/* --- per-code state ----------------------------------------------------------- */
typedef enum {
    ENG_COLD,    /* counting calls */
    ENG_HOT,     /* compiled at least once */
    ENG_REFUSED, /* not compilable; the reason is counted */
} EngTier;

/* Only code that tier 0 has quickened and what compiled code calls get one, so cold code costs
 * nothing. */
typedef struct EngCodeState { /* what every call reads comes first, in one cache line */
    PyCodeObject *code;       /* borrowed: this dies with it */
    CodeUnit *unit;           /* entry at the start, or NULL */
    RtCallee callee;          /* its entry is the unit's, or eng_no_unit */
    uint32_t calls;           /* counted entries while there is no unit */
    uint8_t tier;             /* EngTier */
    uint8_t recompiles;       /* compilations thrown away because their guards failed */
    uint8_t looks;            /* that found its loops in tier 0 since the one numbered first_look */
    uint32_t first_look;
    uint32_t outer_us;   /* CPU time in which looks found its loops in tier 0, calling others */
    uint8_t osr_refused; /* places other than the start that could not be compiled */
    uint8_t inline_recompiles; /* the same because of guards in inlined functions */
    bool no_inline;            /* those were too many */
    uint8_t refreshes;         /* compilations because names had moved */
    bool entry_patched;        /* its start was patched, or cannot be */
    uint32_t epoch, burst;     /* the last ones in which a call was seen */
    uint16_t hits;             /* bursts with a call, halved now and then */
    uint16_t nplaces;          /* resume points and handlers that were seen */
    struct EngPlace *places;
    uint8_t *place_at; /* a code unit: number in `places`, from 1, or 0; NULL: none */
    struct EngPatch *patches;
    struct EngCodeState *next_lifted; /* while the compiler reads the code as it was before them */
    bool lifted;
    uint32_t nunits; /* all units that were ever installed; they live as long as the code */
    CodeUnit **units;
    uint8_t *nospec;         /* bit a code unit: do not speculate there; NULL when none */
    uint8_t *caught;         /* the same: what is raised there is caught at once (eng_elide) */
    uint8_t *lessons;        /* a byte a code unit, see eng_recompile.c; NULL: all 0 */
    struct EngWork *work;    /* its unit is being made; NULL: it is not */
    RtTypeSite **type_sites; /* where operands' types are noted */
    uint16_t *type_site_at;  /* a code unit: number in these, from 1, or 0; NULL: none */
    uint16_t ntype_sites;
    uint8_t settlings;   /* compilations because they had seen something */
    uint32_t compile_us; /* what the last compilation took, and when it was */
    int64_t compiled_at;
    struct EngCodeState *prev, *next; /* list of all states */
} EngCodeState;

/* Index of our slot in co_extra; -1 before the first enable. */
extern Py_ssize_t eng_extra_index;

/* States by the address of their code: co_extra says the same, but its array is another block of memory to wait for,
 * and the end of the code object's head too; so is the state, of which a call needs no more than what is repeated here. */
#define ENG_STATE_CACHE 2048 /* a power of two */
typedef struct {
    alignas(64) PyCodeObject *code; /* which has this state, or NULL */
    EngCodeState *state;
    RtCallee callee; /* as the state's */
} EngCachedState;
extern EngCachedState eng_state_cache[ENG_STATE_CACHE];
/* How much of it is in use, less one: little as long as there are few states, as each page of it is a page fault. */
extern uint32_t eng_state_mask;

static inline EngCachedState *eng_cached_state(const PyCodeObject *co)
{
    uintptr_t at = (uintptr_t)co;
    return &eng_state_cache[(at >> 4 ^ at >> 15) & eng_state_mask];
}

/* eng_code_state without looking into the cache, which is told. */
EngCodeState *eng_code_state_find(PyCodeObject *co);

/* State of a code object, or NULL when it has none. */
static inline EngCodeState *eng_code_state(PyCodeObject *co)
{
    const EngCachedState *cached = eng_cached_state(co);
    return BASE_LIKELY(cached->code == co) ? cached->state : eng_code_state_find(co);
}

/* --- running ------------------------------------------------------------------ */
/* The frame evaluation function of PEP 523. */
PyObject *eng_hook(PyThreadState *ts, struct _PyInterpreterFrame *frame, int throwflag);

/* The interpreter in which the engine is on, or NULL. */
extern PyInterpreterState *eng_interp;

/* True while the engine is on in this thread's interpreter and nobody hooked over it. */
static inline bool eng_active(const PyThreadState *ts)
{
    void *hook = *(void **)(void *)((char *)ts->interp + PY311_OFF_INTERP_EVAL_FRAME);
    return ts->interp == eng_interp && (hook == NULL || hook == (void *)eng_hook);
}

/* What the vectorcall field of functions that the hook has seen points to. */
PyObject *eng_vectorcall(PyObject *func, PyObject *const *args, size_t nargsf, PyObject *kwnames);

/* Runs `frame`, which is unlinked and has stacktop set, in tier 0 (rt_eval_tier0 points here while
 * the engine is on). */
PyObject *eng_eval_tier0(PyThreadState *ts, struct _PyInterpreterFrame *frame, int throwflag);

/* The code cache, or NULL before the first enable. */
struct CodeCache *eng_code_cache(void);

#endif
