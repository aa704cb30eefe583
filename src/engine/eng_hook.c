/* The frame evaluation hook (PEP 523): counting calls, entering compiled code, and being switched
 * on and off.
 *
 * Tier 0 calls the hook for every Python frame it starts and every generator it resumes.  A frame
 * whose code has a unit runs compiled, all others run in _PyEval_EvalFrameDefault.  Which of the
 * two runs a frame is written into the frame (Py311Mark), for eng_osr.c.  While a program calls very
 * many functions the hook is away for most of the time (eng_sample.c).
 *
 * Other users of PEP 523: whoever was there first keeps the interpreter (enable() says so and
 * leaves the engine off).  Whoever comes later may call us for the frames it does not want; as it
 * expects to see every call, compiled code is then entered through the hook only (eng_active()). */
#include "eng_internal.h"

#include "rt.h"

#include <stdlib.h>
#include <string.h>

#include "eng_arenas.h"
#include "eng_gc.h"
#include "py311_opcodes.h"

Py_ssize_t eng_extra_index = -1;
EngCodeState *eng_states;
uint32_t eng_nstates, eng_states_made;
PyInterpreterState *eng_interp;

/* --- states ------------------------------------------------------------------------ */

/* Of the processor, in bytes. */
#define CACHE_LINE 64

EngCachedState eng_state_cache[ENG_STATE_CACHE];
/* Two pages, for so many states. */
enum { FEW_CACHED = 128, FEW_STATES = 64 };
uint32_t eng_state_mask = FEW_CACHED - 1;

EngCodeState *eng_code_state_find(PyCodeObject *co)
{
    EngCodeState *s = py311_code_extra(co, eng_extra_index);
    if (s != NULL) {
        *eng_cached_state(co) = (EngCachedState){co, s, s->callee};
    }
    return s;
}

static void uncache_state(const EngCodeState *s)
{
    EngCachedState *cached = eng_cached_state(s->code);
    if (cached->state == s) {
        *cached = (EngCachedState){.code = NULL};
    }
}

void eng_states_uncache(void)
{
    for (const EngCodeState *s = eng_states; s != NULL; s = s->next) {
        uncache_state(s);
    }
}

/* The code object dies; nothing can run or return into its units any more. */
static void state_free(void *p)
{
    EngCodeState *s = p;
    if (s == NULL) {
        return;
    }
    if (s->prev != NULL) {
        s->prev->next = s->next;
    } else {
        eng_states = s->next;
    }
    if (s->next != NULL) {
        s->next->prev = s->prev;
    }
    eng_nstates--;
    uncache_state(s);
    /* code_dealloc goes on to other users' data, and their functions may even call this code. */
    Py311CodeExtra *extra = s->code->co_extra;
    if (py311_code_extra(s->code, eng_extra_index) == s) {
        extra->ce_extras[eng_extra_index] = NULL;
    }
    if (s->work != NULL) {
        eng_background_cancel(s->work);
    }
    for (uint32_t i = 0; i < s->nunits; i++) {
        eng_unit_destroy(s->units[i]);
    }
    free(s->units);
    if (s->nplaces > 0) {
        eng_resumed_forget();
    }
    free(s->places);
    free(s->place_at);
    free(s->nospec);
    free(s->caught);
    free(s->lessons);
    eng_types_free(s);
    eng_patches_free(s);
    free(s);
}

EngCodeState *eng_code_state_make(PyCodeObject *co)
{
    EngCodeState *s = eng_code_state(co);
    if (s != NULL || eng_extra_index < 0) {
        return s;
    }
    void *block;
    if (posix_memalign(&block, CACHE_LINE, sizeof *s) != 0) {
        return NULL;
    }
    s = memset(block, 0, sizeof *s);
    s->code = co;
    s->burst = UINT32_MAX; /* in none yet */
    s->callee.exact_args = py311_fills_frame(co) ? co->co_argcount : -1;
    s->callee.nlocalsplus = co->co_nlocalsplus;
    s->callee.frame_size = (uint32_t)py311_frame_size(co);
    s->callee.leave = rt_leave_py(co->co_nlocalsplus);
    eng_state_set_unit(s, NULL);
    if (py311_code_extra_set(co, eng_extra_index, s) < 0) {
        free(s);
        return NULL;
    }
    s->next = eng_states;
    if (s->next != NULL) {
        s->next->prev = s;
    }
    eng_states = s;
    eng_nstates++;
    eng_states_made++;
    if (eng_nstates > FEW_STATES && eng_state_mask != ENG_STATE_CACHE - 1) {
        memset(eng_state_cache, 0, FEW_CACHED * sizeof eng_state_cache[0]);
        eng_state_mask = ENG_STATE_CACHE - 1;
    }
    return s;
}

void eng_state_set_unit(EngCodeState *s, CodeUnit *unit)
{
    s->unit = unit;
    s->callee.entry = unit != NULL ? unit->entry : eng_no_unit;
    EngCachedState *cached = eng_cached_state(s->code);
    if (cached->state == s) {
        cached->callee = s->callee;
    }
}

const char *eng_never_compiled(PyCodeObject *co)
{
    if (Py_SIZE(co) > ENG_MAX_CODE_UNITS) {
        return "code too large";
    }
    return NULL;
}

/* --- the hook ------------------------------------------------------------------------- */

typedef struct {
    PyThreadState *ts;
    struct _PyInterpreterFrame *frame;
    int throwflag;
    CodeUnit *unit; /* or NULL for tier 0 */
    PyObject *result;
} OnSegment;

static PyObject *run_tier0(PyThreadState *ts, struct _PyInterpreterFrame *frame, int throwflag);

static void on_segment(void *p)
{
    OnSegment *a = p;
    a->result = a->unit != NULL ? eng_run_entry(a->ts, a->frame, a->unit->entry)
                                : run_tier0(a->ts, a->frame, a->throwflag);
}

/* The same on a fresh segment of C stack. */
static BASE_NOINLINE PyObject *run_on_segment(PyThreadState *ts, struct _PyInterpreterFrame *frame,
                                              int throwflag, CodeUnit *unit)
{
    OnSegment a = {ts, frame, throwflag, unit, NULL};
    if (eng_stack_run(on_segment, &a) < 0) {
        return NULL;
    }
    return a.result;
}

/* Must this frame run on another stack? Also where the ticker sees a program's first frame. */
static inline bool stack_low(PyThreadState *ts, struct _PyInterpreterFrame *frame)
{
    if (!eng_stack_is_low()) {
        return false;
    }
    if (eng_ticker_pending) {
        eng_ticker_attend(py311_frame(frame)->f_code, ts->cframe->current_frame == NULL);
    }
    return eng_stack_really_low();
}

static PyObject *run_tier0(PyThreadState *ts, struct _PyInterpreterFrame *frame, int throwflag)
{
    if (stack_low(ts, frame)) {
        return run_on_segment(ts, frame, throwflag, NULL);
    }
    Py311Frame *f = py311_frame(frame);
    if (f->owner == PY311_OWNED_BY_THREAD) {
        /* Not for generators, whose frame may be gone or moved afterwards. */
        f->mark = PY311_MARK_TIER0;
    }
    return _PyEval_EvalFrameDefault(ts, frame, throwflag);
}

PyObject *eng_eval_tier0(PyThreadState *ts, struct _PyInterpreterFrame *frame, int throwflag)
{
    Py311Frame *f = py311_frame(frame);
    EngCodeState *s = eng_code_state(f->f_code);
    bool lifted =
        s != NULL && s->patches != NULL && eng_patches_resume(s, py311_frame_lasti(f) + 1);
    PyObject *result = run_tier0(ts, frame, throwflag);
    if (BASE_UNLIKELY(lifted)) {
        eng_patches_plant(s); /* the caller still holds the frame, and so the code */
    }
    return result;
}

/* Too early for a state: nothing is counted before tier 0 has quickened the code. */
static inline bool too_cold(const PyCodeObject *co)
{
    return co->co_warmup != 0 && eng_settings.threshold > ENG_EAGER_THRESHOLD;
}

/* --- is the hook there? ------------------------------------------------------------------ */

static void **hook_of(PyInterpreterState *interp)
{
    return (void **)(void *)((char *)interp + PY311_OFF_INTERP_EVAL_FRAME);
}

void eng_hook_bring(PyInterpreterState *interp)
{
    void *none = NULL;
    __atomic_compare_exchange_n(hook_of(interp), &none, (void *)eng_hook, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
}

void eng_hook_remove(PyInterpreterState *interp)
{
    void *ours = (void *)eng_hook;
    __atomic_compare_exchange_n(hook_of(interp), &ours, NULL, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
}

bool eng_hook_is_in(PyInterpreterState *interp)
{
    return *hook_of(interp) != NULL;
}

static inline CodeUnit *count_call(EngCodeState *s, Py311Frame *f)
{
    if (BASE_UNLIKELY(eng_background_calls)) {
        eng_background_attend();
        if (s->unit != NULL) {
            return s->unit;
        }
    }
    return eng_is_hot(s, &s->calls) && s->tier != ENG_REFUSED ? eng_compile(s, f, 0, 0, 0, ENG_SOON)
                                                              : NULL;
}

CodeUnit *eng_count_call(Py311Frame *f)
{
    if (too_cold(f->f_code)) {
        return NULL;
    }
    return count_call(eng_code_state(f->f_code), f);
}

PyObject *eng_hook(PyThreadState *ts, struct _PyInterpreterFrame *frame, int throwflag)
{
    Py311Frame *f = py311_frame(frame);
    PyCodeObject *co = f->f_code;
    if (BASE_UNLIKELY(ts->cframe->use_tracing)) {
        /* All is tier 0's, which calls Python functions in its loop where there is no hook; the next tick brings it back. */
        if (eng_settings.sampled) {
            eng_hook_remove(ts->interp);
        }
        return run_tier0(ts, frame, throwflag);
    }
    bool resumed = f->owner == PY311_OWNED_BY_GENERATOR;
    /* prev_instr: not for a frame that another hook ran. */
    if (too_cold(co) || throwflag || (!resumed && f->prev_instr != py311_code_units(co) - 1)) {
        return run_tier0(ts, frame, throwflag);
    }
    EngCodeState *s = eng_code_state_make(co);
    if (s == NULL || f->owner == PY311_OWNED_BY_FRAME_OBJECT || ts->interp != eng_interp) {
        return run_tier0(ts, frame, throwflag);
    }
    if (eng_settings.stress_patch) {
        eng_sample_stress();
    }
    if (!resumed && (s->unit != NULL || !eng_hook_away) && !eng_settings.stress_patch &&
        f->f_func->vectorcall == _PyFunction_Vectorcall) {
        f->f_func->vectorcall = eng_vectorcall;
    }
    CodeUnit *unit = resumed ? eng_resume_unit(s, f) : s->unit;
    if (unit == NULL) {
        unit = resumed ? eng_count_resume(s, f) : count_call(s, f);
    }
    if (unit == NULL) {
        return run_tier0(ts, frame, throwflag);
    }
    if (stack_low(ts, frame)) {
        return run_on_segment(ts, frame, 0, unit);
    }
    return eng_run_entry(ts, frame, unit->entry);
}

/* --- on and off --------------------------------------------------------------------------- */

/* Is co_extra what Py311CodeExtra says, both ways, and are states freed with their code? */
static bool check_extra(void)
{
    PyCodeObject *co = PyCode_NewEmpty("<pyston>", "probe", 1);
    EngCodeState *s = co != NULL ? eng_code_state_make(co) : NULL;
    void *theirs = NULL;
    bool ok = s != NULL && eng_code_state(co) == s &&
              _PyCode_GetExtra((PyObject *)co, eng_extra_index, &theirs) == 0 && theirs == s &&
              _PyCode_SetExtra((PyObject *)co, eng_extra_index, NULL) == 0 && /* frees it */
              eng_code_state(co) == NULL && eng_nstates == 0 && eng_code_state_make(co) != NULL;
    PyErr_Clear();
    Py_XDECREF(co); /* and so the state */
    return ok && eng_nstates == 0;
}

bool eng_is_enabled(void)
{
    void *hook = eng_interp != NULL ? *hook_of(eng_interp) : NULL;
    return eng_interp != NULL &&
           (hook == (void *)eng_hook || (hook == NULL && eng_settings.sampled));
}

const char *eng_switch_on(PyInterpreterState *interp)
{
    _PyFrameEvalFunction before = _PyInterpreterState_GetEvalFrameFunc(interp);
    if (eng_is_enabled()) {
        return NULL;
    }
    if (before != _PyEval_EvalFrameDefault) {
        return "another frame evaluation hook (PEP 523) is installed";
    }
    if (interp != PyInterpreterState_Main()) {
        return "it only works in the main interpreter";
    }
    if (eng_extra_index < 0) {
        eng_extra_index = _PyEval_RequestCodeExtraIndex(state_free);
        if (eng_extra_index < 0 || !check_extra()) {
            eng_extra_index = -1;
            return "the code objects' extra data";
        }
    }
    const char *error = eng_compiler_start();
    if (error != NULL) {
        return error;
    }
    eng_compiler_leave(false);
    eng_interp = interp;
    for (EngCodeState *s = eng_states; s != NULL; s = s->next) {
        eng_patches_plant(s);
    }
    bool patches = eng_patch_start();
    eng_settings.sampled = eng_settings.sampled && patches;
    eng_resume_start();
    eng_lines_start();
    eng_hook_away = eng_settings.sampled;
    _PyInterpreterState_SetEvalFrameFunc(interp, eng_hook);
    return NULL;
}

void eng_disable(void)
{
    eng_ticker_pending = false;
    eng_osr_stop();
    eng_gc_stop();
    eng_arenas_stop();
    if (eng_is_enabled() && *hook_of(eng_interp) != NULL) {
        _PyInterpreterState_SetEvalFrameFunc(eng_interp, _PyEval_EvalFrameDefault);
    }
    if (eng_interp != NULL) {
        eng_compiler_leave(true);
        eng_interp = NULL;
        rt_catch_forget();
        for (EngCodeState *s = eng_states; s != NULL; s = s->next) {
            eng_patches_lift(s); /* but for those that frames are in: they put them back */
        }
    }
}
