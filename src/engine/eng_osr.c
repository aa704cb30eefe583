/* OSR: finding loops that tier 0 runs, so that it goes on in compiled code.
 *
 * The ticker (eng_ticker.c) is a thread that wakes once per kernel tick while the process works.  When
 * the main thread's CPU clock has moved on, it queues a pending call, which the eval loop runs at a
 * safepoint: the look.  (Pending calls run on the main thread only, and so OSR
 * is for the main thread only.  3.11 does not set the eval breaker for pending calls from another
 * thread; the ticker does it, but not while a thread runs that cannot make the call.)
 *
 * A look notes which frames are on the stack.  The innermost one in tier 0 that was there at the look before,
 * too, and stands in a loop, is wanted: the loop is compiled and its bytecode patched
 * (eng_patch.c), so that tier 0 leaves it in the next round, in this frame and in all others.  So is one that runs in a loop
 * of code that many looks have met there, each time in another frame.
 *
 * Never: generators (their frame is also the generator's), and anything while tracing. */
#include "eng_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "eng_arenas.h"
#include "eng_gc.h"
#include "py311_opcodes.h"
#include "py311_patch.h"
#include "rt.h"

typedef struct {
    Py311Frame *frame;
    PyCodeObject *code; /* never followed: only compared */
} Seen;

bool eng_osr_stays;

static struct {
    Seen seen[ENG_OSR_FRAMES]; /* frames of the look before */
    int nseen;
    uint32_t nlooks;
    int64_t looked; /* the main thread's CPU time at the last one, ns */
} osr;

/* --- ticks -------------------------------------------------------------------------- */

/* Under the ticker's lock. */
static struct {
    PyInterpreterState *interp; /* NULL: off */
    bool timed;                 /* the main thread and its CPU clock are known */
    clockid_t clock;
    PyThreadState *main;
    int64_t last;       /* that clock at the tick before, ns */
    atomic_bool queued; /* a look from the ticker is in the queue */
} ticks;

static int look(void *unused);
static RtEntry loop_entry(PyThreadState *ts, Py311Frame *f, int32_t bci, int nstack);

/* Queues the look that a tick asks for and sees to it that the main thread comes to it. A queued
 * one may wait: the main thread may be blocked, and other threads must not stumble over the eval breaker
 * meanwhile. It sees the queue when it takes the GIL; should that have been just before the
 * call was queued, the next tick asks. */
static void ask_for_look(void)
{
    if (!atomic_exchange(&ticks.queued, true) &&
        py311_add_pending_call(ticks.interp, look, NULL) != 0) {
        atomic_store(&ticks.queued, false); /* the queue is full; next time */
    }
    PyThreadState *holder = py311_gil_holder();
    if (holder == NULL || holder == ticks.main) {
        py311_ask_for_look(ticks.interp);
    }
}

void eng_osr_ask(void)
{
    eng_ticker_lock();
    if (ticks.interp != NULL && ticks.timed) {
        ask_for_look();
    }
    eng_ticker_unlock();
}

long eng_osr_tick(void)
{
    if (ticks.interp != NULL) {
        eng_sample(ticks.interp);
    }
    int64_t now = ticks.interp != NULL && ticks.timed ? eng_clock_ns(ticks.clock) : -1;
    if (now < 0) {
        return 0;
    }
    /* The process's clock woke us, which other threads drive, too. */
    if (now - ticks.last >= ENG_TICK_NS / 2) {
        ticks.last = now;
        ask_for_look();
    }
    eng_compiler_tick();
    eng_arenas_tick();
    return ENG_TICK_NS;
}

/* Only the main thread knows its CPU clock. */
static void find_clock(void)
{
    if (PyThread_get_thread_ident() == py311_main_thread_id() &&
        pthread_getcpuclockid(pthread_self(), &ticks.clock) == 0) {
        ticks.timed = true;
        ticks.main = PyThreadState_Get();
        ticks.last = 0;
    }
}

void eng_osr_forked(void)
{
    atomic_store(&ticks.queued, false);
    ticks.timed = false;
}

void eng_osr_bring_hook(void)
{
    if (ticks.interp != NULL && !eng_hook_is_in(ticks.interp)) {
        eng_sample(ticks.interp);
    }
}

bool eng_osr_child_started(void)
{
    find_clock();
    return ticks.interp != NULL && ticks.timed;
}

void eng_osr_start(void)
{
    rt_loop_entry = loop_entry;
    osr.nseen = 0;
    eng_ticker_lock();
    ticks.interp = PyInterpreterState_Get();
    find_clock();
    eng_ticker_unlock();
}

void eng_osr_stop(void)
{
    eng_ticker_lock();
    ticks.interp = NULL;
    eng_ticker_unlock();
    osr.nseen = 0;
}

/* --- choosing a frame ------------------------------------------------------------------ */

static bool seen_before(Py311Frame *f)
{
    for (int i = 0; i < osr.nseen; i++) {
        if (osr.seen[i].frame == f && osr.seen[i].code == f->f_code) {
            return true;
        }
    }
    return false;
}

/* Has the frame been started by compiled code, or for it? The mark may be left from a frame that was at the
 * same place before, but only code with a unit runs compiled. */
static bool is_compiled(const EngCodeState *s, const Py311Frame *f)
{
    return s->nunits > 0 && f->mark == PY311_MARK_COMPILED;
}

/* Header of the innermost loop around `bci` that begins above `above`, or -1. */
static int32_t loop_around(PyCodeObject *co, int32_t bci, int32_t above)
{
    int32_t header = -1;
    for (PY311_EACH_INS(co, ins)) {
        int32_t to = py311_is_backward_jump(ins.op) ? py311_jump_target(&ins) : -1;
        if (to >= 0 && to <= bci && bci <= ins.op_bci && to > header && to < above) {
            header = to;
        }
    }
    return header;
}

/* Compiles a loop that the frame stands in and leads tier 0 out of it. False: there is none. */
static bool leave_loop(EngCodeState *s, Py311Frame *f)
{
    PyCodeObject *co = s->code;
    int32_t lasti = py311_frame_lasti(f), header = INT32_MAX;
    bool done = false;
    while (!done && (eng_patches_lift(s), header = loop_around(co, lasti, header)) >= 0) {
        int depth, known = py311_stack_depth_at(co, header);
        int32_t place = py311_patch_place(co, header, &depth);
        /* The values on the stack there are those of the loops around it, which the frame has now, and perhaps some
         * of an expression. */
        if (place < 0 || (depth > known && py311_may_push_null(co, header, place))) {
            continue;
        }
        CodeUnit *unit = eng_find_unit(s, place);
        if (eng_osr_stays) {
            done = eng_patch_loop(s, place, depth);
            continue;
        }
        if (unit == NULL) {
            unit = eng_compile(s, f, place, depth, BASE_MIN(depth, known), ENG_SOON);
            done = unit == NULL && s->work != NULL; /* it is patched when that is done */
        }
        done = done || (unit != NULL && eng_patch_loop(s, place, depth));
    }
    eng_patches_plant(s);
    return done;
}

static bool leavable(Py311Frame *f)
{
    PyCodeObject *co = f->f_code;
    return f->owner == PY311_OWNED_BY_THREAD && !(co->co_flags & PY311_CO_GENERATOR_LIKE) &&
           f->prev_instr >= py311_code_units(co);
}

/* The unit for a loop that compiled code has left at its header to go on in a newer one. */
static RtEntry loop_entry(PyThreadState *ts, Py311Frame *f, int32_t bci, int nstack)
{
    EngCodeState *s = eng_code_state(f->f_code);
    if (s == NULL || s->tier == ENG_REFUSED || s->osr_refused >= ENG_OSR_REFUSED ||
        ts->cframe->use_tracing || !eng_active(ts) || !leavable(f)) {
        return NULL;
    }
    eng_patches_lift(s);
    bool header = loop_around(s->code, bci, INT32_MAX) == bci;
    eng_patches_plant(s);
    CodeUnit *unit = header ? eng_find_unit(s, bci) : NULL;
    if (header && unit == NULL) {
        unit = eng_compile(s, f, bci, nstack, nstack, ENG_NOW);
    }
    return unit != NULL ? unit->entry : NULL;
}

/* Counts that this look has met the code running: did many lately? Then the next call of it starts in compiled code, too, for
 * not every loop can be left. */
static bool met_often(EngCodeState *s)
{
    if (s->looks == 0 || osr.nlooks - s->first_look > ENG_OSR_LOOKS_OF) {
        s->looks = 0;
        s->first_look = osr.nlooks;
    }
    s->looks += s->looks < ENG_OSR_LOOKS;
    if (s->looks < ENG_OSR_LOOKS) {
        return false;
    }
    if (s->unit == NULL && eng_settings.threshold != ENG_NEVER) {
        s->calls = BASE_MAX(s->calls, eng_settings.threshold - 1);
        s->hits = BASE_MAX(s->hits, (uint16_t)ENG_HITS);
    }
    return true;
}

/* Has the code, whose loop was calling others in the `us` since the last look, done that for long enough? */
static bool pays(EngCodeState *s, uint32_t us)
{
    uint32_t takes = (uint32_t)Py_SIZE(s->code) * ENG_UNIT_NS / 1000;
    s->outer_us += us;
    return s->outer_us >= takes * ENG_OUTER_TIMES;
}

/* CPU time since the last look; looks come late where threads wait for each other. */
static uint32_t since_last_look(void)
{
    int64_t now = eng_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    int64_t ns = BASE_MIN(now - osr.looked, 10 * ENG_TICK_NS);
    osr.looked = now;
    return ns > 0 ? (uint32_t)(ns / 1000) : 0;
}

/* Notes the frames below `f`, which is running, and takes the innermost one in tier 0 that was there before, or `f` if such a
 * loop runs often, out of its loop. */
static void choose(Py311Frame *f)
{
    Seen now[ENG_OSR_FRAMES];
    bool chosen = false;
    const Py311Frame *running = f;
    int n = 0;
    uint32_t us = since_last_look();
    osr.nlooks++;
    for (; f != NULL && n < ENG_OSR_FRAMES;
         f = f->previous != NULL ? py311_frame(f->previous) : NULL) {
        if (!leavable(f)) {
            continue;
        }
        now[n].frame = f;
        now[n++].code = f->f_code;
        bool before = seen_before(f);
        if (chosen || (!before && f != running)) {
            continue;
        }
        EngCodeState *s = eng_code_state_make(f->f_code);
        chosen = s != NULL && s->tier != ENG_REFUSED && s->osr_refused < ENG_OSR_REFUSED &&
                 !is_compiled(s, f) && (f == running || pays(s, us)) && (met_often(s) || before) &&
                 leave_loop(s, f);
    }
    memcpy(osr.seen, now, (size_t)n * sizeof now[0]);
    osr.nseen = n;
}

/* A pending call. */
static int look(void *Py_UNUSED(unused))
{
    PyThreadState *ts = PyThreadState_Get();
    atomic_store(&ticks.queued, false);
    struct _PyInterpreterFrame *current = ts->cframe->current_frame;
    if (current == NULL || !eng_active(ts) || PyErr_Occurred()) {
        return 0;
    }
    if (eng_background_calls) {
        eng_background_attend();
    }
    eng_gc_attend();
    Py311Frame *f = py311_frame(current);
    EngCodeState *s = eng_code_state(f->f_code);
    if (s != NULL && is_compiled(s, f)) {
        eng_counts.ticks_compiled++;
    } else {
        eng_counts.ticks_tier0++;
    }
    if (!ts->cframe->use_tracing && !ts->tracing && !ts->c_tracefunc && !ts->c_profilefunc) {
        choose(f);
    }
    return 0;
}
