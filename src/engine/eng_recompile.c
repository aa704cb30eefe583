/* When a function is compiled anew: guards that keep failing, exceptions that are caught at once, and sites whose inline caches have
 * seen enough.
 *
 * A unit whose guard failed ENG_EXITS_BEFORE_RECOMPILE times is not entered again: the place is
 * marked (EngCodeState.nospec) and the next call compiles anew without speculating there.  Its generic operation has
 * an inline cache; when that has served ENG_USES times the site is settled, and if everything it saw has the attribute
 * in the same way, the function is compiled with that knowledge (rt_attr_seen.c).  Should a class come by later that
 * was not among these, the site goes back to its cache and learns once more; after ENG_LESSONS times it stays there.
 *
 * Old units stay until their code object dies, as frames may still be in them. */
#include "eng_internal.h"

#include <stdlib.h>
#include <string.h>

#include "hir.h"
#include "py311_elide.h"
#include "py311_opcodes.h"
#include "rt.h"

/* EngCodeState.lessons, a byte a code unit: how often what the site had seen was not all, and whether its cache is to look
 * again. */
enum { LESSONS = 0x7f, LEARNING = 0x80 };

/* Sets the bit of `bci` in a map of the code's units, which is made if need be; false when memory is out. */
static bool mark_site(const EngCodeState *s, uint8_t **map, int32_t bci)
{
    if (*map == NULL) {
        *map = calloc(1, ((size_t)Py_SIZE(s->code) + 7) / 8);
        if (*map == NULL) {
            return false;
        }
    }
    (*map)[bci >> 3] |= (uint8_t)(1u << (bci & 7));
    return true;
}

static bool is_marked(const uint8_t *map, int32_t bci)
{
    return map != NULL && map[bci >> 3] & 1u << (bci & 7);
}

/* Marks all that the handler covers, or takes the marks away. */
static bool mark_caught(EngCodeState *s, const Py311Handler *h, bool caught)
{
    for (int32_t bci = h->start; bci < h->end; bci++) {
        if (!mark_site(s, &s->caught, bci)) {
            return false;
        }
        if (!caught) {
            s->caught[bci >> 3] &= (uint8_t) ~(1u << (bci & 7));
        }
    }
    return true;
}

/* Whether nobody can see what is raised there and caught in the function, and it is not marked yet. */
static bool may_be_marked(const EngCodeState *s, int32_t bci, Py311Elidable *e)
{
    return !is_marked(s->caught, bci) && py311_find_elidable(s->code, bci, e);
}

void eng_unit_invalidate(EngCodeState *s, CodeUnit *u)
{
    u->invalidated = true;
    if (s->unit == u) {
        eng_state_set_unit(s, NULL);
    }
    eng_place_forget(s, u);
}

void eng_leave_soon(const EngCodeState *s)
{
    rt_leave_code = s->code;
    py311_ask_for_look(eng_interp);
}

/* --- guards that keep failing ------------------------------------------------------------- */

/* Guards on the place of a name in a dict: they fail until the site is compiled again. */
static bool is_about_a_name(HirOp reason)
{
    return reason == HIR_LoadGlobalModule || reason == HIR_LoadGlobalBuiltin ||
           reason == HIR_LoadModuleAttr;
}

/* Guards by which a site relies on what tier 0 has seen there. */
static bool is_about_one_type(HirOp reason)
{
    return reason == HIR_GuardTypeVer || reason == HIR_GuardKeysVer || reason == HIR_GuardNoDict ||
           reason == HIR_GuardDictKeys;
}

/* Items that are not there: tier 0 raises. */
static bool is_about_an_index(HirOp reason)
{
    return reason == HIR_ListItem || reason == HIR_TupleItem || reason == HIR_StrItem;
}

/* The site is not compiled by what its caches have seen until they have seen more, or never. */
static bool unlearn(EngCodeState *s, int32_t bci, bool never)
{
    if (s->lessons == NULL) {
        s->lessons = calloc(1, (size_t)Py_SIZE(s->code));
        if (s->lessons == NULL) {
            return false;
        }
    }
    uint8_t *site = &s->lessons[bci];
    if (never) {
        *site = ENG_LESSONS;
    } else if (*site < ENG_LESSONS) {
        *site = (uint8_t)((*site + 1) | LEARNING);
    }
    return true;
}

/* Does a loop go on in tier 0 behind the unit's exits? Where it starts at a loop, or where looks have found loops there. For where
 * generators are resumed others count. */
static bool is_loop(const EngCodeState *s, const CodeUnit *u)
{
    return eng_settings.sampled && !(u->code->co_flags & PY311_CO_GENERATOR_LIKE) &&
           (u->entry_bci != 0 || s->looks > 0);
}

/* How often the guard may fail. */
static uint32_t exits_allowed(const EngCodeState *s, bool loop, HirOp reason)
{
    if (loop) {
        return is_about_a_name(reason) ? 1 : ENG_EXITS_OF_LOOPS;
    }
    return BASE_MAX(ENG_EXITS_BEFORE_RECOMPILE,
                    eng_settings.sampled ? s->compile_us / ENG_EXIT_US : 0);
}

/* Told by rt_exit. Must not free the unit, which is still running. */
static void on_resume(CodeUnit *u, uint32_t exit_id)
{
    const RtExit *x = &u->exits[exit_id];
    EngCodeState *s = eng_code_state(u->code);
    bool loop = s != NULL && is_loop(s, u);
    if (s == NULL || u->taken == NULL ||
        u->taken[exit_id] < exits_allowed(s, loop, (HirOp)x->reason) || u->invalidated ||
        eng_settings.stress_deopt || x->reason == HIR_CheckEval ||
        (x->reason == HIR_Deopt && x->nframes == 1)) { /* what only tier 0 can do is no guard */
        return;
    }
    const RtExitFrame *where = &u->exit_frames[x->frames];
    if (s->recompiles >= ENG_RECOMPILES || (loop && !eng_worth_anew(s, ENG_ANEW_SHARE_OF_LOOPS))) {
        return;
    }
    /* The innermost frame is where it failed; if that is an inlined function, the mark is its. */
    EngCodeState *at = eng_code_state_make(rt_exit_code(u, where));
    if (at == NULL) {
        return;
    }
    HirOp reason = (HirOp)x->reason;
    Py311Elidable e;
    if (is_about_an_index(reason) && at == s && may_be_marked(s, where->bci, &e) &&
        mark_caught(s, &e.handler, true)) {
        s->recompiles++;
        eng_unit_invalidate(s, u);
        return;
    }
    if (reason == HIR_GuardTypeIn) {
        if (unlearn(at, where->bci, false)) {
            eng_unit_invalidate(s, u);
        }
        return;
    }
    bool refresh = is_about_a_name(reason) && s->refreshes < ENG_REFRESHES;
    if (refresh && !loop && u->taken[exit_id] < ENG_EXITS_BEFORE_REFRESH) {
        return;
    }
    bool doubted = is_marked(at->nospec, where->bci) || !is_about_one_type(reason);
    if (!refresh &&
        (!mark_site(at, &at->nospec, where->bci) || (doubted && !unlearn(at, where->bci, true)))) {
        return;
    }
    if (refresh) {
        py311_look_again(at->code, where->bci); /* that is where this frame goes on */
        s->refreshes++;
    } else if (x->nframes > 1) {
        s->no_inline = ++s->inline_recompiles >= ENG_INLINE_RECOMPILES;
    } else {
        s->recompiles++;
    }
    eng_unit_invalidate(s, u);
}

/* --- exceptions that are caught at once ------------------------------------------------------ */

EngElided eng_elide(EngCodeState *s, Py311Frame *f, const RtRaised *raised)
{
    Py311Elidable e;
    CodeUnit *u = raised->unit;
    if (raised->bci < 0 || u->invalidated || !may_be_marked(s, raised->bci, &e)) {
        return ENG_NOT_ELIDED;
    }
    if (s->work != NULL || !mark_caught(s, &e.handler, true)) {
        return ENG_ELIDED_LATER;
    }
    if (u->entry_bci != 0) { /* this frame goes on in tier 0 until the loop is found there */
        eng_unit_invalidate(s, u);
        return ENG_ELIDED;
    }
    (void)eng_compile(s, f, 0, 0, 0, ENG_SOON); /* this unit stays if that fails */
    if (s->work == NULL && s->unit == u) {
        mark_caught(s, &e.handler, false);
        return ENG_ELIDED_LATER;
    }
    return ENG_ELIDED;
}

/* --- what inline caches have seen --------------------------------------------------------- */

HirSeen eng_seen_at(PyCodeObject *co, int32_t bci, RtAttrSeen *seen)
{
    const EngCodeState *s = eng_code_state(co);
    uint8_t lessons = s != NULL && s->lessons != NULL ? s->lessons[bci] : 0;
    memset(seen, 0, sizeof *seen);
    if (s == NULL) {
        return HIR_SEEN_NOTHING;
    }
    if (lessons & LEARNING || lessons >= ENG_LESSONS || s->recompiles >= ENG_RECOMPILES) {
        return HIR_SEEN_TOO_MUCH;
    }
    /* Together they know most, and the newest what is true now. */
    RtAttrSeen newest = {0};
    for (uint32_t i = s->nunits; i-- > 0;) {
        for (const RtAttrIC *ic = s->units[i]->attr_ics; ic != NULL; ic = ic->next_ic) {
            if (ic->bci != bci || ic->nentries == 0) {
                continue;
            }
            bool used = ic->unsettled <= rt_attr_unsettled - ENG_USES_KNOWN ||
                        rt_attr_ic_settled(ic) ||
                        ic->entries[0].kind == RT_ATTR_INLINE_VALUE; /* mostly served uncounted */
            if (!used) {
                continue;
            }
            if (!rt_attr_seen(ic, seen)) {
                *seen = newest;
                return newest.kind != RT_ATTR_EMPTY ? HIR_SEEN_THIS : HIR_SEEN_NOTHING;
            }
            if (newest.kind == RT_ATTR_EMPTY) {
                newest = *seen;
            }
        }
    }
    return seen->kind != RT_ATTR_EMPTY ? HIR_SEEN_THIS : HIR_SEEN_NOTHING;
}

unsigned eng_targets_at(PyCodeObject *co, int32_t bci, PyCodeObject **codes)
{
    const EngCodeState *s = eng_code_state(co);
    for (uint32_t i = s != NULL ? s->nunits : 0; i-- > 0;) {
        for (const RtAttrIC *ic = s->units[i]->attr_ics; ic != NULL; ic = ic->next_ic) {
            if (ic->bci == bci && ic->ntargets > 0) {
                unsigned n = ic->ntargets <= RT_TARGETS ? ic->ntargets : 0;
                for (unsigned k = 0; k < n; k++) {
                    codes[k] = ic->targets[k];
                }
                return n;
            }
        }
    }
    return 0;
}

bool eng_worth_anew(const EngCodeState *s, int64_t times)
{
    int64_t since = eng_clock_ns(CLOCK_MONOTONIC) - s->compiled_at;
    return since >= (int64_t)s->compile_us * 1000 * times;
}

bool eng_settling_pays(const EngCodeState *s)
{
    return eng_worth_anew(s, ENG_ANEW_SHARE) && eng_affordable();
}

bool eng_is_busy(int64_t *watched, uint8_t *slow)
{
    int64_t now = eng_clock_ns(CLOCK_MONOTONIC);
    bool busy = *watched != 0 && now - *watched <= ENG_USES_NS;
    *watched = now;
    *slow += !busy && *slow < ENG_SLOW_USES;
    return busy;
}

/* Told by the runtime: the site will see what it has seen. */
static void on_settled(RtAttrIC *ic)
{
    CodeUnit *u = ic->unit;
    EngCodeState *s = eng_code_state(u->code);
    if (s == NULL || u->invalidated || s->settlings >= ENG_SETTLINGS || eng_settings.stress_deopt ||
        ic->site == RT_SITE_ASK) {
        return;
    }
    if (s->lessons != NULL) {
        s->lessons[ic->bci] &= LESSONS;
    }
    RtAttrSeen seen;
    bool targets = ic->ntargets > 0 && ic->ntargets <= RT_TARGETS;
    if (eng_seen_at(u->code, ic->bci, &seen) != HIR_SEEN_THIS && !targets) {
        return;
    }
    if (eng_settings.sampled) {
        uint8_t slow = ic->slow;
        if (!eng_is_busy(&ic->watched, &ic->slow)) {
            if (ic->slow != slow) { /* it cannot be told yet */
                ic->unsettled = rt_attr_unsettled;
            }
            return;
        }
        if (!eng_settling_pays(s)) {
            ic->unsettled = rt_attr_unsettled;
            return;
        }
    }
    s->settlings++;
    /* The function itself now, so that no call has to go without; this frame goes on in the old unit, unless that is a
     * loop's. */
    Py311Frame *f = py311_frame(_PyThreadState_UncheckedGet()->cframe->current_frame);
    if (u->entry_bci != 0 || f->f_code != u->code) {
        eng_unit_invalidate(s, u);
        eng_leave_soon(s); /* a loop may go on for ever */
    } else {
        (void)eng_compile(s, f, 0, 0, 0, ENG_SOON); /* this unit stays if that fails */
    }
}

void eng_recompile_start(void)
{
    rt_on_resume_exit = on_resume;
    rt_attr_settled = on_settled;
    rt_attr_unsettled = eng_settings.threshold <= ENG_EAGER_THRESHOLD ? ENG_USES_EAGER : ENG_USES;
}
