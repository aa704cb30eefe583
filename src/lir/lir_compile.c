/* The back end's stages in order, and what happens when memory runs out.
 *
 * The arena's `oom` hook is replaced while we work: the assembler's storage is
 * not the arena's and must be freed on every way out. */
#include "lir_compile.h"

#include <setjmp.h>

#include "lir_emit.h"
#include "lir_internal.h"

static bool lir_allocate(LirAlloc *ra, const LirOptions *opts, const char **reason)
{
    if (!lir_order(ra->f, reason) || !lir_liveness(ra, reason)) {
        return false;
    }
    return opts->all_spill ? lir_allspill(ra, reason) : lir_regalloc(ra, reason);
}

static bool lir_run(LirFunc *lf, CodeUnit *unit, const LirOptions *opts, X64Asm *as,
                    const char **reason)
{
    StrBuf err = SB_INIT;
    if (opts->dump_lir) {
        sb_puts(opts->dump_lir, "-- LIR before allocation\n");
        lir_print(lf, opts->dump_lir);
    }
    if (opts->verify && !lir_verify(lf, &err)) {
        if (opts->dump_lir) {
            sb_printf(opts->dump_lir, "-- not well-formed: %s\n", sb_str(&err));
        }
        sb_free(&err);
        *reason = "LIR is not well-formed";
        return false;
    }
    LirAlloc *ra = arena_new(lf->arena, LirAlloc);
    ra->f = lf;
    ra->keep_orig = opts->verify;
    if (!lir_allocate(ra, opts, reason)) {
        return false;
    }
    if (opts->dump_lir) {
        sb_puts(opts->dump_lir, "-- LIR after allocation\n");
        lir_print(lf, opts->dump_lir);
    }
    if (opts->verify && !lir_check(ra, &err)) {
        if (opts->dump_lir) {
            sb_printf(opts->dump_lir, "-- allocation is wrong: %s\n", sb_str(&err));
        }
        sb_free(&err);
        *reason = "register allocation failed its check";
        return false;
    }
    return lir_emit(lf, ra, unit, opts, as, reason);
}

typedef struct {
    HirFunc *hf; /* NULL: `lf` is there already */
    LirFunc *lf;
    CodeUnit *unit;
    const LirOptions *opts;
    const char **reason;
    X64Asm as;
} Job;

/* `front` has the HIR, `back` the rest; they may be one. */
static bool lir_job(Job *j, Arena *front, Arena *back)
{
    jmp_buf env, *outer = front->oom;
    volatile bool ok = false;
    x64_init(&j->as);
    front->oom = back->oom = &env;
    if (setjmp(env) == 0) {
        if (j->hf) {
            const char *name = j->hf->name ? arena_strdup(back, j->hf->name) : NULL;
            j->lf = lir_func_new(back, name, lir_lower_home_disp());
            j->lf->compact = j->opts->compact;
            ok = lir_lower(j->hf, j->lf, j->reason);
            if (ok && back != front) {
                arena_reset(front);
            }
        } else {
            ok = true;
        }
        ok = ok && lir_run(j->lf, j->unit, j->opts, &j->as, j->reason);
    } else {
        ok = false;
        *j->reason = "out of memory";
    }
    front->oom = back->oom = outer;
    x64_free(&j->as);
    return ok;
}

bool lir_compile(HirFunc *hf, CodeUnit *unit, const LirOptions *opts, const char **reason)
{
    Job j = {.hf = hf, .unit = unit, .opts = opts, .reason = reason};
    return lir_job(&j, hf->arena, opts->arena ? opts->arena : hf->arena);
}

bool lir_compile_lir(LirFunc *lf, CodeUnit *unit, const LirOptions *opts, const char **reason)
{
    Job j = {.lf = lf, .unit = unit, .opts = opts, .reason = reason};
    return lir_job(&j, lf->arena, lf->arena);
}
