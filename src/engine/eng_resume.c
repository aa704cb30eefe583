/* Generators, coroutines and asynchronous generators: which code goes on where a frame was suspended.
 *
 * Calling such a function only makes the object, in the code object's ordinary unit.  Its frame is
 * resumed by whoever sends to it, with prev_instr at the instruction that suspended it.  Each such place is
 * counted by itself and has a unit of its own once it is hot, which ends where the frame is suspended next
 * (hir_build_gen.c says why).  Nothing else about a suspended frame tells who ran it: tier 0 may resume what
 * compiled code left and the other way round, for instance when an exception is thrown in, which is tier 0's.
 *
 * The slots that resume such objects, for iteration and `yield from` and await, are replaced: they do themselves
 * what CPython's do (gen_send_ex2), and so need no hook; where generators wait for each other they go
 * straight to the innermost (see below). The methods send(), throw() and close() are CPython's, which
 * find a unit only while the hook is there. */
#include "eng_internal.h"

#include <stdlib.h>
#include <string.h>

#include "py311_opcodes.h"
#include "rt.h"

/* Code that has units to go on in, by the hash of its address: most generators' code has none, and is not looked
 * at then. Bits stay. */
static uint64_t with_units[16];

static inline uint64_t *filter_word(const PyCodeObject *co, uint64_t *bit)
{
    unsigned h =
        (unsigned)(((uintptr_t)co >> 5) * 0x9e3779b1u >> 22) % (64 * BASE_COUNT(with_units));
    *bit = UINT64_C(1) << h % 64;
    return &with_units[h / 64];
}

void eng_resumable(const PyCodeObject *co)
{
    uint64_t bit;
    *filter_word(co, &bit) |= bit;
}

void eng_resumed_forget(void)
{
    memset(rt_resumed, 0, sizeof rt_resumed);
}

CodeUnit *eng_count_resume(EngCodeState *s, Py311Frame *f)
{
    EngPlace *p = eng_place_make(s, py311_frame_lasti(f) + 1);
    if (p == NULL || p->refused || !eng_is_hot(s, &p->calls)) {
        return NULL;
    }
    int nstack = f->stacktop - f->f_code->co_nlocalsplus;
    return eng_compile(s, f, p->bci, nstack, nstack, ENG_SOON);
}

/* --- resuming without CPython's help --------------------------------------------------------- */

static iternextfunc next_slot;
static sendfunc send_slot;

/* How a generator ends that has not been suspended again: the rest of gen_send_ex2. */
static BASE_NOINLINE PySendResult ended(PyGenObject *gen, Py311Frame *f, PyObject *result,
                                        const PyObject *arg, PyObject **presult)
{
    bool async = PyAsyncGen_CheckExact(gen);
    if (result == Py_None && !async && arg == NULL) {
        Py_CLEAR(result); /* the end of an iteration */
    } else if (result == NULL && PyErr_ExceptionMatches(PyExc_StopIteration)) {
        _PyErr_FormatFromCause(PyExc_RuntimeError, "%s raised StopIteration",
                               async                    ? "async generator"
                               : PyCoro_CheckExact(gen) ? "coroutine"
                                                        : "generator");
    } else if (result == NULL && async && PyErr_ExceptionMatches(PyExc_StopAsyncIteration)) {
        _PyErr_FormatFromCause(PyExc_RuntimeError, "async generator raised StopAsyncIteration");
    }
    Py_CLEAR(gen->gi_exc_state.exc_value);
    gen->gi_frame_state = PY311_GEN_CLEARED;
    py311_frame_clear(f);
    *presult = result;
    return result != NULL ? PYGEN_RETURN : PYGEN_ERROR;
}

/* What gen_send_ex2 does before and after the frame runs. */
static inline void begin(PyThreadState *ts, PyGenObject *gen, Py311Frame *f)
{
    f->previous = ts->cframe->current_frame;
    gen->gi_exc_state.previous_item = ts->exc_info;
    ts->exc_info = &gen->gi_exc_state;
    gen->gi_frame_state = PY311_GEN_EXECUTING;
}

static inline void suspended(PyThreadState *ts, PyGenObject *gen, Py311Frame *f)
{
    ts->exc_info = gen->gi_exc_state.previous_item;
    gen->gi_exc_state.previous_item = NULL;
    f->previous = NULL;
}

static inline PySendResult finish(PyThreadState *ts, PyGenObject *gen, Py311Frame *f,
                                  PyObject *result, const PyObject *arg, PyObject **presult)
{
    if (gen->gi_frame_state == PY311_GEN_EXECUTING) {
        gen->gi_frame_state = PY311_GEN_COMPLETED;
    }
    suspended(ts, gen, f);
    if (BASE_LIKELY(result != NULL) && gen->gi_frame_state == PY311_GEN_SUSPENDED) {
        *presult = result;
        return PYGEN_NEXT;
    }
    return ended(gen, f, result, arg, presult);
}

/* gen_send_ex2 for a generator that is suspended or new, in compiled code or, without an entry, in tier 0, without a visit
 * to the hook. `arg` is NULL for an iteration. */
static inline PySendResult resume(PyThreadState *ts, PyGenObject *gen, RtEntry entry, PyObject *arg,
                                  PyObject **presult)
{
    Py311Frame *f = py311_generator_frame(gen);
    struct _PyInterpreterFrame *frame = (struct _PyInterpreterFrame *)(void *)f;
    f->localsplus[f->stacktop++] = Py_NewRef(arg != NULL ? arg : Py_None);
    begin(ts, gen, f);
    PyObject *result =
        entry != NULL ? eng_run_entry(ts, frame, entry) : eng_eval_tier0(ts, frame, 0);
    return finish(ts, gen, f, result, arg, presult);
}

/* The entry where `gen` goes on if that is known; NULL: it is not, or it waits for another. */
static inline RtEntry resumed_last(PyGenObject *gen)
{
    const uint16_t *at = py311_generator_frame(gen)->prev_instr;
    const RtResumed *last = rt_resumed_at(at);
    return last->at == at ? last->entry : NULL;
}

/* Resumes `gen` if that is the engine's business here: compiled code goes on there, or the hook would be visited. */
static inline bool try_resume(PyThreadState *ts, PyGenObject *gen, PyObject *arg,
                              PyObject **presult, PySendResult *how)
{
    uint64_t bit;
    if (eng_hook_away && !(*filter_word(gen->gi_code, &bit) & bit)) {
        return false;
    }
    EngCodeState *s = eng_code_state(gen->gi_code);
    if (s == NULL) {
        return false;
    }
    Py311Frame *f = py311_generator_frame(gen);
    CodeUnit *unit = eng_resume_unit(s, f);
    if (unit == NULL) {
        if (eng_hook_away) {
            return false;
        }
        f->localsplus[f->stacktop++] = Py_None; /* where what is sent will be */
        unit = eng_count_resume(s, f);
        f->stacktop--;
    }
    if (unit != NULL && _Py_OPCODE(f->prev_instr[-1]) != PY311_SEND) {
        *rt_resumed_at(f->prev_instr) = (RtResumed){f->prev_instr, unit->entry};
    }
    *how = resume(ts, gen, unit != NULL ? unit->entry : NULL, arg, presult);
    return true;
}

/* --- `yield from` and await: straight to the innermost -------------------------------------------
 *
 * A generator that waits for another one passes on what is sent and what is yielded: its bytecode turns in
 * SEND, YIELD_VALUE, RESUME, JUMP_BACKWARD_NO_INTERRUPT, and looks at nothing on its way (RESUME leaves the eval
 * breaker alone here). So all that wait are marked as executing at their SEND, which is what anybody could see
 * of them, and the innermost one is resumed in their place. When it yields they are suspended again; when it
 * ends, the one that waited for it goes on behind its SEND, and so outwards. */

enum { CHAIN = 200 }; /* this many at once: room on the C stack for their stacktop */

/* The generator that `gen` waits for if that can be resumed in its place; else NULL. */
static inline PyGenObject *waits_for(PyGenObject *gen)
{
    const Py311Frame *f = py311_generator_frame(gen);
    const uint16_t *at = f->prev_instr;
    /* What lies before the first instruction is no SEND by more than chance, and readable. */
    if (BASE_LIKELY(_Py_OPCODE(at[-1]) != PY311_SEND) || py311_frame_lasti(f) < 1 ||
        _Py_OPCODE(at[0]) != PY311_YIELD_VALUE ||
        py311_opcode_base[_Py_OPCODE(at[1])] != PY311_RESUME || _Py_OPARG(at[1]) < 2 ||
        _Py_OPCODE(at[2]) != PY311_JUMP_BACKWARD_NO_INTERRUPT || _Py_OPARG(at[2]) != 4) {
        return NULL;
    }
    PyObject *receiver = f->localsplus[f->stacktop - 1];
    PyGenObject *inner = (PyGenObject *)receiver;
    return (PyGen_CheckExact(receiver) || PyCoro_CheckExact(receiver)) &&
                   inner->gi_frame_state == PY311_GEN_SUSPENDED
               ? inner
               : NULL;
}

/* The frame, linked and at its SEND, goes on with what came of it. */
static PyObject *behind_send(PyThreadState *ts, Py311Frame *f, PySendResult how, PyObject *result)
{
    PyObject **stack = f->localsplus + f->f_code->co_nlocalsplus;
    int depth = f->stacktop - f->f_code->co_nlocalsplus;
    f->stacktop = -1;
    switch (how) {
    case PYGEN_NEXT: /* under tracing, which sees the YIELD_VALUE */
        stack[depth] = result;
        return rt_run_tier0(ts, f, depth + 1);
    case PYGEN_RETURN: {
        PyObject *receiver = stack[depth - 1];
        stack[depth - 1] = result;
        Py_DECREF(receiver);
        f->prev_instr += _Py_OPARG(*f->prev_instr);
        return rt_run_tier0(ts, f, depth);
    }
    default: return rt_throw_here(ts, f, depth);
    }
}

/* Sends `arg` (NULL: iterates) to `gen`, which waits for `inner`. */
static BASE_NOINLINE PySendResult send_through(PyThreadState *ts, PyGenObject *gen,
                                               PyGenObject *inner, PyObject *arg,
                                               PyObject **presult)
{
    int stacktop[CHAIN], n = 0;
    Py311Frame *f = NULL;
    do {
        f = py311_generator_frame(gen);
        begin(ts, gen, f);
        ts->cframe->current_frame = (struct _PyInterpreterFrame *)(void *)f;
        ts->recursion_remaining--;
        stacktop[n++] = f->stacktop;
        f->stacktop = -1;
        f->prev_instr--; /* to the SEND */
        f->is_entry = true;
        f->mark = PY311_MARK_NONE;
        gen = inner;
        inner = waits_for(gen);
    } while (inner != NULL && n < CHAIN && ts->recursion_remaining > 0);
    PyObject *passed = arg != NULL ? arg : Py_None;
    /* Where the chain is longer than this, that goes on with it. */
    PySendResult how = rt_generator_send(ts, (PyObject *)gen, passed, presult);
    for (;;) {
        gen = py311_generator(f);
        Py311Frame *outer = py311_frame(f->previous);
        PyObject *result = NULL;
        f->stacktop = stacktop[--n];
        bool yields = how == PYGEN_NEXT && BASE_LIKELY(!ts->cframe->use_tracing);
        if (yields) {
            f->prev_instr++;
            gen->gi_frame_state = PY311_GEN_SUSPENDED;
        } else {
            result = behind_send(ts, f, how, *presult);
            if (f->stacktop < 0) {
                f->stacktop = f->f_code->co_nlocalsplus;
            }
        }
        ts->cframe->current_frame = f->previous;
        ts->recursion_remaining++;
        if (yields) {
            suspended(ts, gen, f);
        } else {
            how = finish(ts, gen, f, result, n > 0 ? passed : arg, presult);
        }
        if (n == 0) {
            return how;
        }
        f = outer;
    }
}

/* gen_send_ex2 where the engine has to do with it: false, and nothing has happened, where it has not. */
static inline bool try_send(PyThreadState *ts, PyObject *o, PyObject *arg, PyObject **presult,
                            PySendResult *how)
{
    PyGenObject *gen = (PyGenObject *)o;
    /* To one that has not started only None can be sent. */
    if ((gen->gi_frame_state != PY311_GEN_SUSPENDED &&
         (gen->gi_frame_state != PY311_GEN_CREATED || (arg != NULL && arg != Py_None))) ||
        ts->cframe->use_tracing || !eng_active(ts)) {
        return false; /* under tracing every frame is tier 0's */
    }
    RtEntry entry = resumed_last(gen);
    if (BASE_LIKELY(entry != NULL)) {
        *how = resume(ts, gen, entry, arg, presult);
        return true;
    }
    PyGenObject *inner = waits_for(gen);
    if (inner != NULL && ts->c_tracefunc == NULL && ts->recursion_remaining > 0 &&
        !eng_stack_is_low()) {
        *how = send_through(ts, gen, inner, arg, presult);
        return true;
    }
    return try_resume(ts, gen, arg, presult, how);
}

/* What an iteration gives that ended or went on. */
static inline PyObject *next_result(PySendResult how, PyObject *result)
{
    if (BASE_UNLIKELY(how == PYGEN_RETURN)) {
        if (result != Py_None) {
            _PyGen_SetStopIterationValue(result);
        }
        Py_CLEAR(result);
    }
    return result;
}

static PyObject *generator_next(PyObject *gen)
{
    PyObject *result;
    PySendResult how;
    if (!try_send(_PyThreadState_UncheckedGet(), gen, NULL, &result, &how)) {
        return next_slot(gen);
    }
    return next_result(how, result);
}

PyObject *eng_generator_ended(PyThreadState *ts, PyObject *o, PyObject *result)
{
    PyGenObject *gen = (PyGenObject *)o;
    Py311Frame *f = py311_generator_frame(gen);
    ts->cframe->current_frame = f->previous;
    eng_frame_left(ts, f);
    PySendResult how = finish(ts, gen, f, result, NULL, &result);
    return rt_iter_result(ts, next_result(how, result));
}

PySendResult rt_generator_send(PyThreadState *ts, PyObject *gen, PyObject *value, PyObject **result)
{
    PySendResult how;
    return try_send(ts, gen, value, result, &how) ? how : send_slot(gen, value, result);
}

static PySendResult generator_send(PyObject *gen, PyObject *value, PyObject **result)
{
    return rt_generator_send(_PyThreadState_UncheckedGet(), gen, value, result);
}

void eng_resume_start(void)
{
    if (next_slot == NULL) {
        next_slot = PyGen_Type.tp_iternext;
        send_slot = PyGen_Type.tp_as_async->am_send;
        PyGen_Type.tp_iternext = generator_next;
        PyGen_Type.tp_as_async->am_send = generator_send;
        PyCoro_Type.tp_as_async->am_send = generator_send;
        PyAsyncGen_Type.tp_as_async->am_send = generator_send;
    }
}
