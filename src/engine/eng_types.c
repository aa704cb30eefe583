/* Operations that are compiled anew for the types that their operands have.
 *
 * A place where neither tier 0's caches nor what is in the frame tell the types of operands gets a site (RtTypeSite), and the
 * code notes there what comes by.  After ENG_USES uses with operands of the same types, quickly enough one after the
 * other to be worth more code, the function is compiled again and relies on them; other places that have seen something by then
 * are compiled for it, too.  Where the guess turns out wrong, eng_recompile.c sees the guard fail.
 *
 * A loop that runs on in old code meanwhile leaves it at its next safepoint, for a new unit. */
#include "eng_internal.h"

#include <stdlib.h>

#include "rt.h"

static uint32_t enough; /* uses */

static RtTypeSite *find(const EngCodeState *s, int32_t bci)
{
    const uint16_t k = s->type_site_at != NULL ? s->type_site_at[bci] : 0;
    return k != 0 ? s->type_sites[k - 1] : NULL;
}

RtTypeSite *eng_type_site(PyCodeObject *co, int32_t bci)
{
    EngCodeState *s = eng_code_state(co);
    RtTypeSite *site = s != NULL ? find(s, bci) : NULL;
    if (s == NULL || site != NULL) {
        return site != NULL && site->left > 0 ? site : NULL;
    }
    if (s->type_site_at == NULL) {
        s->type_site_at = calloc((size_t)Py_SIZE(co), sizeof *s->type_site_at);
    }
    if (s->type_site_at == NULL || s->ntype_sites == UINT16_MAX) {
        return NULL;
    }
    if ((s->ntype_sites & (s->ntype_sites - 1)) == 0) { /* capacity is the next power of two */
        size_t cap = s->ntype_sites != 0 ? 2u * s->ntype_sites : 1;
        RtTypeSite **grown = realloc(s->type_sites, cap * sizeof(RtTypeSite *));
        if (grown == NULL) {
            return NULL;
        }
        s->type_sites = grown;
    }
    site = calloc(1, sizeof *site);
    if (site != NULL) {
        site->code = co;
        site->bci = bci;
        site->left = enough;
        s->type_sites[s->ntype_sites++] = site;
        s->type_site_at[bci] = s->ntype_sites;
    }
    return site;
}

bool eng_types_at(PyCodeObject *co, int32_t bci, PyTypeObject *types[2])
{
    const EngCodeState *s = eng_code_state(co);
    const RtTypeSite *site = s != NULL ? find(s, bci) : NULL;
    if (site == NULL || (site->uses < ENG_USES_KNOWN && !site->mixed)) {
        return false;
    }
    for (int k = 0; k < 2; k++) {
        types[k] = site->mixed ? NULL : site->types[k];
    }
    return true;
}

void eng_types_free(EngCodeState *s)
{
    for (uint32_t i = 0; i < s->ntype_sites; i++) {
        free(s->type_sites[i]);
    }
    free(s->type_sites);
    free(s->type_site_at);
}

/* Is there better code for these? */
static bool is_wanted(const RtTypeSite *site)
{
    return hir_type_of_pytype(site->types[0]) & site->wanted[0] &&
           hir_type_of_pytype(site->types[1]) & site->wanted[1];
}

/* Old units of loops, resume points and handlers go; true if there was one. Those of the start stay until there is another. */
static bool invalidate_places(EngCodeState *s)
{
    bool any = false;
    for (uint32_t i = 0; i < s->nunits; i++) {
        CodeUnit *u = s->units[i];
        if (u->entry_bci != 0 && !u->invalidated) {
            eng_unit_invalidate(s, u);
            any = true;
        }
    }
    return any;
}

/* Is it used all the time? Then code without the notes, and not for these types, is worth compiling. Asks for another count of
 * uses where that cannot be told yet. */
static bool is_hot(const EngCodeState *s, RtTypeSite *site)
{
    if (eng_settings.sampled && !eng_worth_anew(s, ENG_ANEW_SHARE)) {
        site->left = enough;
        return false;
    }
    int64_t now = eng_clock_ns(CLOCK_MONOTONIC), before = site->watched;
    site->watched = now;
    site->left = before == 0 && eng_settings.sampled ? enough : 0;
    return before != 0 && now - before <= ENG_USES_HOT_NS && eng_affordable();
}

static void on_settled(RtTypeSite *site)
{
    EngCodeState *s = eng_code_state(site->code);
    PyThreadState *ts = _PyThreadState_UncheckedGet();
    Py311Frame *f = py311_frame(ts->cframe->current_frame);
    if (s == NULL || eng_settings.stress_deopt || f->f_code != s->code) {
        return;
    }
    if (site->told) { /* and still here: a loop in a unit that starts with the function */
        eng_leave_soon(s);
        return;
    }
    if (s->settlings >= ENG_SETTLINGS || s->recompiles >= ENG_RECOMPILES) {
        return;
    }
    bool wanted = is_wanted(site);
    if (!wanted && !is_hot(s, site)) {
        return;
    }
    if (eng_settings.sampled && wanted) {
        if (!eng_is_busy(&site->watched, &site->slow)) {
            site->left = site->slow < ENG_SLOW_USES ? enough : 0;
            return;
        }
        if (!eng_settling_pays(s)) {
            site->left = enough;
            return;
        }
    }
    s->settlings++;
    site->told = true;
    site->left = wanted ? ENG_USES_LATER : 0;
    if (invalidate_places(s)) {
        eng_leave_soon(s);
    }
    if (s->unit != NULL) {
        (void)eng_compile(s, f, 0, 0, 0, ENG_SOON); /* the old unit stays if that fails */
    }
}

void eng_types_start(void)
{
    enough = eng_settings.threshold <= ENG_EAGER_THRESHOLD ? ENG_USES_EAGER : ENG_USES;
    rt_types_settled = on_settled;
}
