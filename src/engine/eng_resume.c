/* Generators, coroutines and asynchronous generators: which compiled code goes on where a frame was
 * suspended.
 *
 * Calling such a function only makes the object, in the code object's ordinary unit.  Its frame is
 * resumed through the hook by whoever sends to it, with prev_instr at the instruction that suspended
 * it.  Each such place is counted by itself and has a unit of its own once it is hot, which ends where
 * the frame is suspended next (hir_build_gen.c says why).  Nothing else about a suspended frame tells
 * who ran it: tier 0 may resume what compiled code left and the other way round, for instance when an
 * exception is thrown in, which is tier 0's. */
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
    if (r == NULL || r->refused || ++r->calls < eng_settings.threshold) {
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
