/* Places where frames go on that are not at the start of their code: the table of them, and handlers.
 *
 * Where generators are suspended eng_resume.c counts.  A handler gets a unit when it has caught often: exceptions
 * that compiled code raises and the same function catches leave the unit by an exit, which writes the frame back
 * and then goes on in the handler's unit.  That one holds everything that can come after it, the rest of a loop
 * included, so the frame stays in compiled code.  Where nobody can see what the handler catches, the unit that raises is compiled
 * anew instead, with both (eng_recompile.c).  Only handlers of compiled code are counted; those of tier 0 are its own
 * business. */
#include "eng_internal.h"

#include <stdlib.h>

#include "rt.h"

EngPlace *eng_place_make(EngCodeState *s, int32_t bci)
{
    EngPlace *p = eng_place_find(s, bci);
    if (p != NULL || s->nplaces >= ENG_PLACES) {
        return p;
    }
    if (s->place_at == NULL) {
        s->place_at = calloc((size_t)Py_SIZE(s->code), sizeof *s->place_at);
    }
    EngPlace *grown =
        s->place_at == NULL ? NULL : realloc(s->places, (s->nplaces + 1u) * sizeof *grown);
    if (grown == NULL) {
        return NULL;
    }
    s->places = grown;
    p = &grown[s->nplaces++];
    *p = (EngPlace){.bci = bci};
    s->place_at[bci] = (uint8_t)s->nplaces;
    return p;
}

void eng_place_forget(EngCodeState *s, const CodeUnit *u)
{
    eng_resumed_forget();
    rt_catch_forget();
    for (uint32_t i = 0; i < s->nplaces; i++) {
        if (s->places[i].unit == u) {
            s->places[i].unit = NULL;
        }
    }
}

static RtEntry handler_entry(PyThreadState *ts, Py311Frame *f, const RtRaised *raised, int32_t bci,
                             int nstack)
{
    EngCodeState *s = eng_code_state(f->f_code);
    if (s == NULL || ts->cframe->use_tracing || !eng_active(ts)) {
        return NULL;
    }
    EngPlace *p = eng_place_make(s, bci);
    if (p == NULL) {
        return NULL;
    }
    CodeUnit *unit = p->unit;
    if (unit == NULL && !p->refused &&
        ++p->calls >= BASE_MIN(eng_settings.threshold, ENG_CATCHES)) {
        switch (eng_elide(s, f, raised)) {
        case ENG_NOT_ELIDED: unit = eng_compile(s, f, bci, nstack, nstack, ENG_SOON); break;
        case ENG_ELIDED: /* what cannot be will come, too */
            eng_place_find(s, bci)->calls /= 2;
            break;
        case ENG_ELIDED_LATER: break;
        }
    }
    return unit != NULL ? unit->entry : NULL;
}

void eng_handlers_start(void)
{
    rt_handler_entry = handler_entry;
}
