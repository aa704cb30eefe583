/* The frame evaluation hook (PEP 523): counting calls, entering compiled code, and being switched
 * on and off.
 *
 * Tier 0 calls the hook for every Python frame it starts and every generator it resumes.  A frame
 * whose code has a unit runs compiled, all others run in _PyEval_EvalFrameDefault.  Which of the
 * two runs a frame is written into the frame (Py311Mark), for eng_osr.c.  While a program calls very
 * many functions the hook is away for most of the time (`sampling`).
 *
 * Other users of PEP 523: whoever was there first keeps the interpreter (enable() says so and
 * leaves the engine off).  Whoever comes later may call us for the frames it does not want; as it
 * expects to see every call, compiled code is then entered through the hook only (eng_active()). */
#include "eng_internal.h"

#include <stdlib.h>
#include <string.h>

#include "eng_arenas.h"
#include "eng_gc.h"
#include "py311_opcodes.h"

Py_ssize_t eng_extra_index = -1;
EngCodeState *eng_states;
uint32_t eng_nstates;
PyInterpreterState *eng_interp;

/* --- states ------------------------------------------------------------------------ */

/* Of the processor, in bytes. */
#define CACHE_LINE 64

EngCachedState eng_state_cache[ENG_STATE_CACHE];

EngCodeState *eng_code_state_find(PyCodeObject *co)
{
    EngCodeState *s = py311_code_extra(co, eng_extra_index);
    if (s != NULL) {
        *eng_cached_state(co) = (EngCachedState){co, s};
    }
    return s;
}

static void uncache_state(const EngCodeState *s)
{
    EngCachedState *cached = eng_cached_state(s->code);
    if (cached->state == s) {
        *cached = (EngCachedState){NULL, NULL};
    }
}

void eng_states_uncache(void)
{
    memset(eng_state_cache, 0, sizeof eng_state_cache);
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
    for (uint32_t i = 0; i < s->nunits; i++) {
        eng_unit_destroy(s->units[i]);
    }
    free(s->units);
    free(s->places);
    free(s->place_at);
    free(s->nospec);
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
    s->exact_args = py311_fills_frame(co) ? co->co_argcount : -1;
    s->nlocalsplus = co->co_nlocalsplus;
    s->frame_size = (uint32_t)py311_frame_size(co);
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
    return s;
}

void eng_state_set_unit(EngCodeState *s, CodeUnit *unit)
{
    s->unit = unit;
    s->entry = unit != NULL ? unit->entry : eng_no_unit;
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
    a->result = a->unit != NULL ? eng_run_unit(a->ts, a->frame, a->unit)
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

/* Any thread, with or without the GIL; another's hook stays. */
static void bring_hook(PyInterpreterState *interp)
{
    void *none = NULL;
    __atomic_compare_exchange_n(hook_of(interp), &none, (void *)eng_hook, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
}

static void remove_hook(PyInterpreterState *interp)
{
    void *ours = (void *)eng_hook;
    __atomic_compare_exchange_n(hook_of(interp), &ours, NULL, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
}

/* While a hook is installed, tier 0 calls Python functions through the C stack instead of in its loop.  That
 * costs little where everything that is called often gets compiled. But a program that calls very many
 * functions a few times each would pay for it all the time, and machine code for all of them does not fit into
 * the processor's caches.  So when an epoch of calls shows many functions, the hook goes away; calls are then
 * seen in bursts, one at each tick, and only what most bursts see is compiled.  When a whole epoch of these has
 * few functions, the hook stays again. */
_Atomic bool eng_hook_away;
static struct {
    uint32_t epoch, calls,
        functions;  /* its number, the calls seen in it, and of how many functions */
    uint32_t large; /* epochs in a row with many functions */
    uint32_t burst; /* its number */
    int left;       /* calls until it ends */
} sampling = {.epoch = 1};

bool eng_hook_is_in(PyInterpreterState *interp)
{
    return *hook_of(interp) != NULL;
}

void eng_sample(PyInterpreterState *interp)
{
    if (!eng_settings.sampled || (eng_hook_away && eng_settings.threshold == ENG_NEVER)) {
        return; /* nothing is to be found */
    }
    if (!eng_hook_away || *hook_of(interp) == NULL) {
        sampling.left = eng_settings.stress_patch           ? ENG_STRESS_BURST
                        : sampling.epoch < ENG_FIRST_EPOCHS ? ENG_FIRST_BURST
                                                            : ENG_BURST;
        bring_hook(interp);
    } else { /* a burst in which too few calls came to be counted */
        remove_hook(interp);
    }
}

static void end_epoch(void)
{
    sampling.large = sampling.functions > ENG_LARGE_SET ? sampling.large + 1 : 0;
    if (sampling.large >= 2 && !eng_hook_away && !eng_ticker_pending) {
        eng_hook_away = true;
        sampling.left = 0;
    } else if (eng_hook_away && sampling.functions < ENG_SMALL_SET && !eng_settings.stress_patch) {
        eng_hook_away = false;
    }
    sampling.epoch++;
    sampling.calls = sampling.functions = 0;
}

/* A call of code without a unit is seen, or passes unseen (false). */
static inline bool see_call(EngCodeState *s)
{
    if (eng_interp == NULL || (eng_hook_away && *hook_of(eng_interp) == NULL)) {
        return false;
    }
    if (s->epoch != sampling.epoch) {
        s->epoch = sampling.epoch;
        sampling.functions++;
    }
    if (++sampling.calls >= ENG_EPOCH) {
        end_epoch();
    }
    if (eng_hook_away && --sampling.left <= 0 && !eng_ticker_pending) { /* that waits for a frame */
        sampling.burst++;
        remove_hook(eng_interp);
    }
    return true;
}

/* Counts that a burst has seen the code; is it in nearly all of them? */
static bool hit(EngCodeState *s)
{
    /* Once a burst: a loop that happens to be seen says little about the whole. */
    if (s->burst != sampling.burst) {
        uint32_t halvings = sampling.burst / ENG_BURSTS - s->burst / ENG_BURSTS;
        s->hits = halvings > 15 ? 0 : (uint16_t)(s->hits >> halvings);
        s->hits++;
        s->burst = sampling.burst;
    }
    return s->hits >= (eng_settings.stress_patch ? 1 : ENG_HITS);
}

static bool is_hot(EngCodeState *s)
{
    if (!eng_settings.sampled) {
        return ++s->calls >= eng_settings.threshold;
    }
    if (!see_call(s)) {
        return false;
    }
    if (!eng_hook_away) {
        return ++s->calls >= eng_settings.threshold;
    }
    return hit(s);
}

bool eng_resume_is_hot(EngCodeState *s, uint32_t *resumptions)
{
    if (eng_settings.sampled && !see_call(s)) {
        return false;
    }
    return eng_hook_away ? hit(s) : ++*resumptions >= eng_settings.threshold;
}

static inline CodeUnit *count_call(EngCodeState *s, Py311Frame *f)
{
    return is_hot(s) && s->tier != ENG_REFUSED ? eng_compile(s, f, 0, 0) : NULL;
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
    bool resumed = f->owner == PY311_OWNED_BY_GENERATOR;
    /* prev_instr: not for a frame that another hook ran. */
    if (too_cold(co) || throwflag || (!resumed && f->prev_instr != py311_code_units(co) - 1)) {
        return run_tier0(ts, frame, throwflag);
    }
    EngCodeState *s = eng_code_state_make(co);
    if (s == NULL || f->owner == PY311_OWNED_BY_FRAME_OBJECT || ts->interp != eng_interp) {
        return run_tier0(ts, frame, throwflag);
    }
    if (eng_settings.stress_patch && --sampling.left <= 0 && !eng_ticker_pending) {
        sampling.burst++;
        remove_hook(ts->interp);
    }
    if (!resumed && (s->unit != NULL || !eng_hook_away) && !eng_settings.stress_patch &&
        f->f_func->vectorcall == _PyFunction_Vectorcall) {
        f->f_func->vectorcall = eng_vectorcall;
    }
    CodeUnit *unit = resumed ? eng_resume_unit(s, f) : s->unit;
    if (unit == NULL) {
        unit = resumed ? eng_count_resume(s, f) : count_call(s, f);
    }
    if (unit == NULL || ts->cframe->use_tracing) {
        return run_tier0(ts, frame, throwflag);
    }
    if (stack_low(ts, frame)) {
        return run_on_segment(ts, frame, 0, unit);
    }
    return eng_run_unit(ts, frame, unit);
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
        for (EngCodeState *s = eng_states; s != NULL; s = s->next) {
            eng_patches_lift(s); /* but for those that frames are in: they put them back */
        }
    }
}
