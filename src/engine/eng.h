/* The engine: settings, switching on and off, per-code state, tier decisions.
 *
 *   eng_settings.c  the environment variables
 *   eng_hook.c      PEP 523 hook, entry counters, enable and disable
 *   eng_call.c      calls into compiled code: from C, from tier 0, from compiled code
 *   eng_stack.c     the C stack: where it ends, and going on elsewhere
 *   eng_osr.c       leaving tier 0 in the middle of a loop
 *   eng_compile.c   the compiler's pipeline, dumps, recompilation
 *   eng_stats.c     what stats() reports
 *
 * Everything here wants the GIL unless it says otherwise. */
#ifndef PYSTON_ENG_H
#define PYSTON_ENG_H

#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#include "base_macros.h"
#include "py311_frame.h"
#include "rt_unit.h"

struct CodeCache;

/* --- settings --------------------------------------------------------------- */
enum { ENG_DUMP_HIR = 1, ENG_DUMP_LIR = 2, ENG_DUMP_ASM = 4 };

typedef struct {
    int on;                 /* PYSTON: 0, 1, or -1 when unset */
    uint32_t threshold;     /* PYSTON_THRESHOLD: calls before compiling */
    uint32_t dump;          /* PYSTON_DUMP: ENG_DUMP_* bits */
    char *dump_function;    /* after the colon of PYSTON_DUMP, or NULL for all */
    bool stress_deopt;      /* PYSTON_STRESS=deopt */
    bool perf;              /* PYSTON_PERF */
    uint32_t code_limit_mib; /* PYSTON_CODE_LIMIT */
    bool selftest_fail;     /* PYSTON_SELFTEST_FAIL=1: the self-check reports a difference (for
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
    ENG_COLD,     /* counting */
    ENG_COMPILED, /* unit is set */
    ENG_REFUSED,  /* not compilable; reason counted */
} EngTier;

typedef struct EngCodeState {
    PyCodeObject *code;  /* borrowed: this dies with it */
    CodeUnit *unit;      /* entry at the start; NULL, or never invalidated */
    uint32_t calls;      /* entries counted so far */
    uint8_t tier;        /* EngTier */
    uint8_t recompiles;
    uint8_t osr_failures;
    bool compiling;
    bool has_loop;       /* valid once `scanned` */
    bool scanned;
    CodeUnit **osr;      /* units that start at a loop header, one a header */
    uint32_t nosr;
    uint8_t *no_spec;    /* bit a code unit: do not speculate there; NULL when none */
    CodeUnit *retired;   /* replaced units that may still be running */
    struct EngCodeState *prev, *next; /* all states */
} EngCodeState;

/* Index of our slot in co_extra, -1 before the first enable. */
extern Py_ssize_t eng_extra_index;

/* State of a code object, or NULL when it has none. */
static inline EngCodeState *eng_code_state(PyCodeObject *co)
{
    return (EngCodeState *)py311_code_extra(co, eng_extra_index);
}
/* The unit to enter for a call of `co`, or NULL. */
static inline CodeUnit *eng_main_unit(PyCodeObject *co)
{
    EngCodeState *s = eng_code_state(co);
    return s != NULL ? s->unit : NULL;
}
/* True when the builder should not speculate at `bci` (a guard there failed too often). */
bool eng_no_speculation(PyCodeObject *co, int32_t bci);

/* --- running ------------------------------------------------------------------ */
/* The machine contract of rt_unit.h from the caller's side is in eng_call.c. */

/* CallPy's helper: calls the function argv[0] (borrowed), whose code is `code`, with exactly
 * co_argcount arguments argv[1..nargs_total - 1], which are consumed even on failure. The function
 * takes neither *args, **kw nor keyword-only arguments. New reference, or NULL with an exception. */
PyObject *rt_call_py(PyThreadState *ts, PyObject **argv, int nargs_total, PyCodeObject *code);

/* Runs `frame`, which is unlinked and has stacktop set, in tier 0 (rt_eval_tier0 points here while
 * the engine is on). */
PyObject *eng_eval_tier0(PyThreadState *ts, struct _PyInterpreterFrame *frame, int throwflag);

/* An exit of kind RESUME was taken (rt_exit tells): recompile without the speculation, perhaps. */
void eng_note_resume(CodeUnit *unit, uint32_t exit_id);

/* The code cache, or NULL before the first enable. */
struct CodeCache *eng_code_cache(void);

#endif
