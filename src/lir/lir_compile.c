/* The back end's stages in order, and what happens when memory runs out.
 *
 *   begin      lowering
 *   generate   order, registers, assembly, tables: any thread like lowering, they touch nothing but their memory and the
 *              unit's, and the stubs, which have a lock
 *   install    into the code cache: GIL held
 *
 * The arena's `oom` hook is replaced while we work: the assembler's storage is
 * not the arena's and must be freed on every way out. */
#include "lir_compile.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "lir_emit.h"
#include "lir_internal.h"

static bool lir_allocate(LirAlloc *ra, const LirOptions *opts, const char **reason)
{
    if (!lir_order(ra->f, reason) || !lir_liveness(ra, reason)) {
        return false;
    }
    return opts->all_spill ? lir_allspill(ra, reason) : lir_regalloc(ra, reason);
}

static LirEmit *lir_run(LirFunc *lf, CodeUnit *unit, const LirOptions *opts, Arena *scratch,
                        X64Asm *as, const char **reason)
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
        return NULL;
    }
    LirAlloc *ra = arena_new(lf->arena, LirAlloc);
    ra->f = lf;
    ra->scratch = scratch;
    ra->keep_orig = opts->verify;
    if (!lir_allocate(ra, opts, reason)) {
        return NULL;
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
        return NULL;
    }
    arena_free(scratch);
    return lir_emit(lf, ra, unit, opts, as, reason);
}

/* The stages; what a stage's arenas want leaves it by longjmp. */
static bool lower(LirWork *w)
{
    HirFunc *hf = w->hf;
    w->lf = lir_func_new(w->arena, w->name, lir_lower_home_disp());
    w->lf->compact = w->opts.compact;
    bool ok = lir_lower(hf, w->lf, &w->reason);
    w->hf = NULL;
    if (ok && w->arena != hf->arena) {
        arena_free(hf->arena);
    }
    return ok;
}

static bool generate(LirWork *w)
{
    w->emit = lir_run(w->lf, w->unit, &w->opts, &w->scratch, &w->as, &w->reason);
    bool ok = w->emit != NULL;
    if (w->opts.arena != NULL && w->opts.dump_asm == NULL) {
        /* Nobody looks at the instructions again: works that wait to be installed are small. */
        w->lf = NULL;
        w->emit = NULL;
        arena_free(w->arena);
    }
    return ok;
}

static bool install(LirWork *w)
{
    return lir_emit_install(&w->as, w->unit, &w->opts, w->name, w->emit, &w->reason);
}

/* Runs a stage that uses the arenas, which may be one. */
static bool with_memory(LirWork *w, Arena *front, bool (*stage)(LirWork *))
{
    Arena *back = w->arena;
    jmp_buf env, *outer_front = front->oom, *outer_back = back->oom;
    volatile bool ok = false;
    front->oom = back->oom = w->scratch.oom = &env;
    if (setjmp(env) == 0) {
        ok = stage(w);
    } else {
        w->reason = "out of memory";
    }
    front->oom = outer_front;
    back->oom = outer_back;
    w->scratch.oom = NULL;
    return ok;
}

/* What both ways in begin with: memory, the function's name, an empty assembler. */
static void start(LirWork *w, Arena *back, const char *name)
{
    w->arena = back;
    w->name = name != NULL ? strdup(name) : NULL;
    arena_init(&w->scratch, back->limit, NULL);
    x64_init(&w->as);
}

bool lir_work_begin(LirWork *w, HirFunc *hf, CodeUnit *unit, const LirOptions *opts)
{
    *w = (LirWork){.hf = hf, .unit = unit, .opts = *opts};
    start(w, opts->arena ? opts->arena : hf->arena, hf->name);
    return with_memory(w, hf->arena, lower);
}

bool lir_work_generate(LirWork *w)
{
    return with_memory(w, w->arena, generate);
}

bool lir_work_install(LirWork *w)
{
    return with_memory(w, w->arena, install);
}

void lir_work_end(LirWork *w)
{
    x64_free(&w->as);
    arena_free(&w->scratch);
    free(w->name);
    w->name = NULL;
}

bool lir_compile(HirFunc *hf, CodeUnit *unit, const LirOptions *opts, const char **reason)
{
    LirWork w;
    bool ok = lir_work_begin(&w, hf, unit, opts) && lir_work_generate(&w) && lir_work_install(&w);
    if (!ok) {
        *reason = w.reason;
    }
    lir_work_end(&w);
    return ok;
}

bool lir_compile_lir(LirFunc *lf, CodeUnit *unit, const LirOptions *opts, const char **reason)
{
    LirWork w = {.lf = lf, .unit = unit, .opts = *opts};
    w.opts.arena = NULL; /* the function is the caller's, with its arena */
    start(&w, lf->arena, lf->name);
    bool ok = lir_work_generate(&w) && lir_work_install(&w);
    if (!ok) {
        *reason = w.reason;
    }
    lir_work_end(&w);
    return ok;
}
