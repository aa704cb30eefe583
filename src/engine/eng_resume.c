/* Generators, coroutines and asynchronous generators: which compiled code goes on where a frame was
 * suspended.
 *
 * Calling such a function only makes the object, in the code object's ordinary unit.  Its frame is
 * resumed through the hook by whoever sends to it, with prev_instr at the instruction that suspended
 * it.  Each such place is counted by itself and has a unit of its own once it is hot, which ends where
 * the frame is suspended next (hir_build_gen.c says why).  Nothing else about a suspended frame tells
 * who ran it: tier 0 may resume what compiled code left and the other way round, for instance when an
 * exception is thrown in, which is tier 0's.
 *
 * While the hook is away the slots that resume such objects put it back for the one
 * frame that they are about to resume, if there is a unit for it. */
#include "eng_internal.h"

#include <stdlib.h>

/* The record of the place, made if need be; NULL when there are too many or memory is out. */
static EngResume *resume_at(EngCodeState *s, int32_t bci)
{
    EngResume *r = eng_resume_find(s, bci);
    if (r != NULL || s->nresumes >= ENG_RESUMES) {
        return r;
    }
    EngResume *grown = realloc(s->resumes, (s->nresumes + 1u) * sizeof *grown);
    if (grown == NULL) {
        return NULL;
    }
    s->resumes = grown;
    r = &grown[s->nresumes++];
    *r = (EngResume){.bci = bci};
    return r;
}

CodeUnit *eng_count_resume(EngCodeState *s, Py311Frame *f)
{
    EngResume *r = resume_at(s, py311_frame_lasti(f) + 1);
    if (r == NULL || r->refused || !eng_resume_is_hot(s, &r->calls)) {
        return NULL;
    }
    CodeUnit *unit = eng_compile(s, f, r->bci, f->stacktop - f->f_code->co_nlocalsplus);
    if (unit == NULL) {
        r->refused = true;
        s->osr_refused++;
    }
    r->unit = unit;
    return unit;
}

void eng_resume_forget(EngCodeState *s, const CodeUnit *u)
{
    for (uint32_t i = 0; i < s->nresumes; i++) {
        if (s->resumes[i].unit == u) {
            s->resumes[i].unit = NULL;
        }
    }
}

/* --- resuming without a hook ------------------------------------------------------------ */

static iternextfunc next_slot;
static sendfunc send_slot;

/* Brings the hook in for the resumption of `gen` that follows, if compiled code goes on there. */
static bool arm(PyObject *o)
{
    PyThreadState *ts = PyThreadState_Get();
    PyGenObject *gen = (PyGenObject *)o;
    if (gen->gi_frame_state != PY311_GEN_SUSPENDED || ts->cframe->use_tracing) {
        return false;
    }
    EngCodeState *s = eng_code_state(gen->gi_code);
    return s != NULL && s->nresumes > 0 && eng_resume_unit(s, py311_generator_frame(gen)) != NULL &&
           eng_hook_once(ts);
}

static PyObject *generator_next(PyObject *gen)
{
    bool armed = arm(gen);
    PyObject *result = next_slot(gen);
    if (armed) {
        eng_hook_once_over();
    }
    return result;
}

static PySendResult generator_send(PyObject *gen, PyObject *value, PyObject **result)
{
    bool armed = arm(gen);
    PySendResult how = send_slot(gen, value, result);
    if (armed) {
        eng_hook_once_over();
    }
    return how;
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
