/* OSR: leaving tier 0 in the middle of a loop, to go on in compiled code.
 *
 * The ticker (eng_ticker.c) is a thread that wakes once per kernel tick while the process works.  When
 * the main thread's CPU clock has moved on, it queues a pending call, which the eval loop runs at a
 * safepoint: the look.  (Pending calls run on the main thread only, and so OSR
 * is for the main thread only.  3.11 does not set the eval breaker for pending calls from another
 * thread; the ticker does it, but not while a thread runs that cannot make the call.)
 *
 * A look notes which tier-0 frames are on the stack.  The innermost one that was there at the look
 * before, too, and has a loop, is wanted.  If it is the current frame and stands at a backward
 * jump, it leaves at once; otherwise further looks are asked for until it does (when it returns
 * from a call: eng_osr_returned), or until the next tick chooses anew.
 *
 * Leaving: the loop is compiled first.  The values on the value stack get a reference each, an
 * empty exception table takes the place of the code object's, the collector is switched off, and
 * the look fails with an exception of our own.  _PyEval_EvalFrameDefault adds a traceback entry,
 * finds no handler, drops the stack and returns NULL to the hook, which puts everything back
 * (eng_osr_land) and holds a frame that stands at the loop header.  In between no Python code
 * can run and the GIL is not released: nothing is deallocated that we do not hold, the collector
 * is off, and there is no trace function.
 *
 * Never left: generators (their frame is also the generator's), frames that did not start in our
 * hook (nobody would catch them), and anything while tracing. */
#include "eng_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "py311_opcodes.h"

EngOsrMode eng_osr_mode = ENG_OSR_COMPILE;
struct _PyInterpreterFrame *eng_osr_escaped;
bool eng_osr_watching;

typedef struct {
    Py311Frame *frame;
    PyCodeObject *code; /* never followed: only compared */
} Seen;

static struct {
    /* what leaving needs */
    PyObject *exc_type, *exc_value, *no_handlers;
    /* frames of the look before */
    Seen seen[ENG_OSR_FRAMES];
    int nseen;
    /* the frame that should leave */
    Seen want;
    uint32_t retries;
    /* what leaving took away, while eng_osr_escaped is set */
    PyObject *stack[ENG_OSR_STACK];
    int nstack;
    int32_t target;
    CodeUnit *unit;
    PyObject *table;
    int gc_enabled;
    bool had_frame_object;
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

static int look(void *again);

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

long eng_osr_tick(void)
{
    int64_t now = ticks.interp != NULL && ticks.timed ? eng_clock_ns(ticks.clock) : -1;
    if (now < 0) {
        return 0;
    }
    /* The process's clock woke us, which other threads drive, too. */
    if (now - ticks.last >= ENG_TICK_NS / 2) {
        ticks.last = now;
        ask_for_look();
    }
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

bool eng_osr_child_started(void)
{
    find_clock();
    return ticks.interp != NULL && ticks.timed;
}

int eng_osr_start(void)
{
    if (osr.exc_type == NULL) {
        osr.exc_type = PyErr_NewException("pyston._LeaveTier0", PyExc_BaseException, NULL);
        osr.exc_value = osr.exc_type != NULL ? PyObject_CallNoArgs(osr.exc_type) : NULL;
        osr.no_handlers = PyBytes_FromStringAndSize(NULL, 0);
        if (osr.exc_value == NULL || osr.no_handlers == NULL) {
            Py_CLEAR(osr.exc_type);
            Py_CLEAR(osr.exc_value);
            Py_CLEAR(osr.no_handlers);
            return -1;
        }
    }
    osr.nseen = 0;
    osr.want.frame = NULL;
    eng_ticker_lock();
    ticks.interp = PyInterpreterState_Get();
    find_clock();
    eng_ticker_unlock();
    return 0;
}

void eng_osr_stop(void)
{
    eng_ticker_lock();
    ticks.interp = NULL;
    eng_ticker_unlock();
    eng_osr_watching = false;
    osr.want.frame = NULL;
    osr.nseen = 0;
}

/* --- choosing a frame ------------------------------------------------------------------ */

static bool has_loop(EngCodeState *s)
{
    if (s->loops == 0) {
        s->loops = 1;
        for (PY311_EACH_INS(s->code, ins)) {
            if (py311_is_backward_jump(ins.op)) {
                s->loops = 2;
                break;
            }
        }
    }
    return s->loops == 2;
}

/* State of the frame's code if the frame is worth leaving tier 0, else NULL. */
static EngCodeState *worth_leaving(Py311Frame *f)
{
    PyCodeObject *co = f->f_code;
    if (co->co_flags & PY311_CO_GENERATOR_LIKE) {
        return NULL;
    }
    EngCodeState *s = eng_code_state_make(co);
    if (s == NULL || !has_loop(s)) {
        return NULL;
    }
    if (eng_osr_mode == ENG_OSR_TIER0) {
        return s;
    }
    return s->tier != ENG_REFUSED && s->osr_entries < ENG_OSR_ENTRIES &&
                   s->osr_refused < ENG_OSR_REFUSED
               ? s
               : NULL;
}

static bool seen_before(Py311Frame *f)
{
    for (int i = 0; i < osr.nseen; i++) {
        if (osr.seen[i].frame == f && osr.seen[i].code == f->f_code) {
            return true;
        }
    }
    return false;
}

/* Notes the tier-0 frames below `f`; the innermost one worth leaving that was there before. */
static Py311Frame *choose(Py311Frame *f)
{
    Seen now[ENG_OSR_FRAMES];
    Py311Frame *chosen = NULL;
    int n = 0, depth = 0;
    for (; f != NULL && n < ENG_OSR_FRAMES && depth < 4 * ENG_OSR_FRAMES;
         f = f->previous != NULL ? py311_frame(f->previous) : NULL, depth++) {
        if (f->owner != PY311_OWNED_BY_THREAD || f->mark != PY311_MARK_TIER0 || !f->is_entry) {
            continue;
        }
        now[n].frame = f;
        now[n++].code = f->f_code;
        if (chosen == NULL && seen_before(f) && worth_leaving(f) != NULL) {
            chosen = f;
        }
    }
    memcpy(osr.seen, now, (size_t)n * sizeof now[0]);
    osr.nseen = n;
    return chosen;
}

/* --- leaving --------------------------------------------------------------------------- */

/* The instruction whose opcode is at `op_bci`; false if there is none. An EXTENDED_ARG cannot be
 * told from an inline cache when reading backwards. */
static bool instruction_at(PyCodeObject *co, int32_t op_bci, Py311Ins *out)
{
    for (PY311_EACH_INS(co, ins)) {
        if (ins.op_bci >= op_bci) {
            *out = ins;
            return ins.op_bci == op_bci;
        }
    }
    return false;
}

/* Depth of the value stack at `bci`, or -1. */
static int depth_at(PyCodeObject *co, int32_t bci)
{
    int16_t *depth = malloc((size_t)Py_SIZE(co) * sizeof *depth);
    int d = -1;
    if (depth != NULL && py311_stack_depths(co, depth) >= 0) {
        d = depth[bci];
    }
    free(depth);
    return d;
}

/* Makes the current frame `f`, which the eval loop runs and which stands at a backward jump, leave
 * tier 0. True when the look has to fail for it. */
static bool leave(PyThreadState *ts, Py311Frame *f, const Py311Ins *jump)
{
    PyCodeObject *co = f->f_code;
    int32_t target = py311_jump_target(jump);
    int depth = depth_at(co, target);
    EngCodeState *s = worth_leaving(f);
    if (s == NULL || depth < 0 || depth > ENG_OSR_STACK) {
        return false;
    }
    CodeUnit *unit = NULL;
    if (eng_osr_mode == ENG_OSR_COMPILE) {
        unit = eng_find_unit(s, target);
        if (unit == NULL) {
            unit = eng_compile(s, f, target, depth);
        }
        if (unit == NULL) {
            s->osr_refused++;
            return false;
        }
        s->osr_entries++;
        /* The next call starts in compiled code, without waiting for more calls. */
        if (s->unit == NULL && s->calls < eng_settings.threshold) {
            s->calls = eng_settings.threshold - 1;
        }
    }
    PyObject **base = f->localsplus + co->co_nlocalsplus;
    for (int i = 0; i < depth; i++) {
        Py_XINCREF(base[i]);
        osr.stack[i] = base[i];
    }
    osr.nstack = depth;
    osr.target = target;
    osr.unit = unit;
    osr.had_frame_object = f->frame_obj != NULL;
    osr.table = co->co_exceptiontable;
    co->co_exceptiontable = osr.no_handlers;
    osr.gc_enabled = *py311_gc_enabled(ts->interp);
    *py311_gc_enabled(ts->interp) = 0;
    eng_osr_escaped = (struct _PyInterpreterFrame *)(void *)f;
    eng_osr_watching = false;
    osr.want.frame = NULL;
    eng_counts.osr_escapes++;
    /* Not PyErr_SetObject: that would chain to an exception being handled. */
    Py_INCREF(osr.exc_type);
    Py_INCREF(osr.exc_value);
    PyErr_Restore(osr.exc_type, osr.exc_value, NULL);
    return true;
}

CodeUnit *eng_osr_land(PyThreadState *ts, struct _PyInterpreterFrame *frame)
{
    Py311Frame *f = py311_frame(frame);
    PyCodeObject *co = f->f_code;
    CodeUnit *unit = osr.unit;
    PyObject **base = f->localsplus + co->co_nlocalsplus;

    eng_osr_escaped = NULL;
    co->co_exceptiontable = osr.table;
    for (int i = 0; i < osr.nstack; i++) {
        base[i] = osr.stack[i];
    }
    f->stacktop = co->co_nlocalsplus + osr.nstack;
    f->prev_instr = py311_code_units(co) + osr.target - 1;
    PyErr_Clear(); /* and with it the traceback; the exception itself is ours */
    if (!osr.had_frame_object && f->frame_obj != NULL && Py_REFCNT(f->frame_obj) == 1) {
        PyFrameObject *object = f->frame_obj;
        f->frame_obj = NULL;
        Py_DECREF(object);
    }
    *py311_gc_enabled(ts->interp) = osr.gc_enabled;

    eng_counts.osr_entries += unit != NULL;
    return unit;
}

/* --- looking ----------------------------------------------------------------------------- */

/* Asks for another look as soon as the wanted frame runs again. */
static void look_again(PyInterpreterState *interp)
{
    if (osr.want.frame == NULL || osr.retries-- == 0) {
        osr.want.frame = NULL;
        eng_osr_watching = false;
    } else {
        /* From the main thread itself, which therefore has the breaker set, too. */
        py311_add_pending_call(interp, look, &osr);
    }
}

void eng_osr_returned(PyThreadState *ts)
{
    if (ts->cframe->current_frame == (struct _PyInterpreterFrame *)(void *)osr.want.frame &&
        PyThread_get_thread_ident() == py311_main_thread_id()) {
        eng_osr_watching = false;
        look_again(ts->interp);
    }
}

/* A pending call; `again` is NULL when the ticker queued it. */
static int look(void *again)
{
    PyThreadState *ts = PyThreadState_Get();
    if (again == NULL) {
        atomic_store(&ticks.queued, false);
    }
    struct _PyInterpreterFrame *current = ts->cframe->current_frame;
    if (current == NULL || eng_osr_escaped != NULL || ts->interp != eng_interp || !eng_active(ts) ||
        PyErr_Occurred()) {
        return 0;
    }
    Py311Frame *f = py311_frame(current);
    if (again == NULL) {
        if (f->owner == PY311_OWNED_BY_THREAD && f->mark == PY311_MARK_COMPILED) {
            eng_counts.ticks_compiled++;
        } else {
            eng_counts.ticks_tier0++;
        }
    }
    if (ts->cframe->use_tracing || ts->tracing || ts->c_tracefunc || ts->c_profilefunc) {
        return 0;
    }
    if (again == NULL) {
        osr.want.frame = choose(f);
        osr.want.code = osr.want.frame != NULL ? osr.want.frame->f_code : NULL;
        osr.retries = ENG_OSR_RETRIES;
        eng_osr_watching = false;
    }
    if (osr.want.frame == NULL) {
        return 0;
    }
    if (f != osr.want.frame) {
        eng_osr_watching = true;
        return 0;
    }
    Py311Ins ins;
    if (f->f_code != osr.want.code || f->mark != PY311_MARK_TIER0 || !f->is_entry) {
        osr.want.frame = NULL; /* another frame at the same place */
        return 0;
    }
    /* Opcodes first: finding the instruction walks the code. */
    int32_t lasti = py311_frame_lasti(f);
    if (lasti >= 0 &&
        py311_is_backward_jump(py311_opcode_base[py311_code_units(f->f_code)[lasti] & 255]) &&
        instruction_at(f->f_code, lasti, &ins)) {
        if (leave(ts, f, &ins)) {
            return -1;
        }
        osr.want.frame = NULL;
        return 0;
    }
    look_again(ts->interp);
    return 0;
}
