/* The compiler's pipeline as the engine sees it: bytecode in, an installed CodeUnit out.
 *
 *   hir_build -> opt_run -> lir_compile
 *
 * Compiling runs no Python code: the collector is off meanwhile (allocating could run it), and the
 * three stages promise the rest.  Memory comes from two arenas, of which the first is emptied when the back
 * end has read what is in it; running out leaves by longjmp and counts as a reason.
 * eng_recompile.c says when it is done anew. */
#include "eng_internal.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base_arena.h"
#include "base_chunks.h"
#include "base_strbuf.h"
#include "codecache.h"
#include "hir.h"
#include "hir_build.h"
#include "lir_compile.h"
#include "opt.h"
#include "py311_opcodes.h"
#include "rt.h"

static CodeCache *cache;
static const void *exit_trampoline;
static LirStubs *stubs;
static Arena arena, back_arena, scratch_arena;
static _Atomic bool was_busy; /* something has been compiled since the last tick */

/* Exits that units now freed have taken. */
static uint64_t freed_resumes[HIR_NOPS], freed_throws[HIR_NOPS];

/* --- start ----------------------------------------------------------------------------- */

const char *eng_compiler_start(void)
{
    if (cache != NULL) {
        return NULL;
    }
    if (rt_init() < 0) {
        PyErr_Clear();
        return "the runtime's names";
    }
    const char *error = "no executable memory";
    /* Near the interpreter, so that calls of it are short. */
    cache = cc_create((const void *)_PyEval_EvalFrameDefault,
                      (size_t)eng_settings.code_limit_mib << 20, &error);
    if (cache == NULL) {
        return error;
    }
    exit_trampoline = lir_trampoline_install(cache, rt_exit);
    /* rbx, r12 .. r15, where the prologue that rt_unit.h describes saves them. */
    static const CcSavedReg saved[] = {{3, -8}, {12, -16}, {13, -24}, {14, -32}, {15, -40}};
    stubs = lir_stubs_new(cache);
    if (exit_trampoline == NULL || stubs == NULL ||
        cc_enable_unwind(cache, saved, BASE_COUNT(saved)) != 0) {
        lir_stubs_free(stubs);
        cc_destroy(cache);
        cache = NULL;
        return "no memory for code";
    }
    if (eng_settings.perf) {
        (void)cc_enable_perf_map(cache); /* a profiler's problem, not the program's */
    }
    chunks_keep(ENG_CHUNKS);
    rt_eval_tier0 = eng_eval_tier0;
    eng_recompile_start();
    eng_types_start();
    eng_handlers_start();
    rt_direct = (RtDirect){
        .callee = eng_callee,
        .hook = (const void *)(uintptr_t)eng_hook,
        .generator_ended = eng_generator_ended,
        .stack_low = (int32_t)((char *)&eng_stack_low - (char *)__builtin_thread_pointer()),
    };
    return NULL;
}

void eng_compiler_leave(bool leave)
{
    rt_leave_compiled = leave;
}

void eng_compiler_tick(void)
{
    static unsigned quiet;
    quiet = was_busy ? 0 : quiet + 1;
    was_busy = false;
    if (quiet == ENG_CHUNKS_TICKS) {
        chunks_trim();
    }
}

struct CodeCache *eng_code_cache(void)
{
    return cache;
}

/* --- one compilation --------------------------------------------------------------------- */

typedef struct {
    EngCodeState *state;
    PyCodeObject *code;
    PyFunctionObject *func; /* or NULL */
    Py311Frame *frame;      /* live values, or NULL */
    int32_t entry_bci;
    int nstack, nknown;       /* entries of the value stack, and of these the frame's now */
    bool generic;             /* speculate nowhere */
    bool compact;             /* LirOptions.compact */
    bool notes;               /* the code notes operands' types */
    StrBuf *hir, *lir, *asm_; /* dumps, or NULL */
    EngWork *work;            /* another thread gets the HIR; NULL: all is done here */
    const char *reason;       /* why not */
    CodeUnit *unit;
    uint32_t ninlined;
} Job;

/* What was patched is read as it was before; these are put back when the compiler is through. */
static EngCodeState *lifted;

static void lift(EngCodeState *s)
{
    if (s == NULL || s->patches == NULL || s->lifted) {
        return;
    }
    s->lifted = true;
    s->next_lifted = lifted;
    lifted = s;
    eng_patches_lift(s);
}

static void put_back(void)
{
    for (; lifted != NULL; lifted = lifted->next_lifted) {
        lifted->lifted = false;
        eng_patches_plant(lifted);
    }
}

static HirInlinee about_inlinee(PyCodeObject *co)
{
    EngCodeState *s = eng_code_state(co);
    lift(s);
    return s == NULL
               ? (HirInlinee){0}
               : (HirInlinee){.nospec = s->nospec, .generic = s->recompiles >= ENG_RECOMPILES};
}

static void dump_pass(void *ctx, const char *pass, const HirFunc *f)
{
    StrBuf *sb = ctx;
    sb_printf(sb, "--- %s\n", pass);
    hir_print(f, sb);
}

static OptOptions opt_options(StrBuf *dump)
{
    return (OptOptions){
        .verify = eng_settings.verify,
        .disabled_mask = eng_settings.opt_disabled,
        .max_passes = eng_settings.opt_limit,
        .dump = dump != NULL ? dump_pass : NULL,
        .dump_ctx = dump,
    };
}

static LirOptions lir_options(Arena *memory, bool compact)
{
    return (LirOptions){
        .cc = cache,
        .exit_entry = exit_trampoline,
        .arena = memory,
        .stubs = stubs,
        .compact = compact,
        .stress_deopt = eng_settings.stress_deopt,
        .verify = eng_settings.verify,
    };
}

/* The stages. False with job->reason set. Leaves by longjmp when memory is out. */
static bool run_stages(Job *job)
{
    PyFunctionObject *func = job->func;
    HirBuildOptions build = {
        .scratch = &scratch_arena,
        .globals = job->frame != NULL ? job->frame->f_globals
                   : func != NULL     ? func->func_globals
                                      : NULL,
        .builtins = job->frame != NULL ? job->frame->f_builtins
                    : func != NULL     ? func->func_builtins
                                       : NULL,
        .func = func,
        .locals = job->frame != NULL ? job->frame->localsplus : NULL,
        .osr_stack = job->frame != NULL && job->nstack > 0
                         ? job->frame->localsplus + job->code->co_nlocalsplus
                         : NULL,
        .osr_nstack = job->nstack,
        .osr_nknown = job->nknown,
        .nospec = job->state != NULL ? job->state->nospec : NULL,
        .generic = job->generic,
        .caught = job->state != NULL ? job->state->caught : NULL,
        .seen = eng_seen_at,
        .targets = eng_targets_at,
        .types = eng_types_at,
        .type_site = job->notes ? eng_type_site : NULL,
    };
    if (!job->generic && !eng_settings.no_inline &&
        !(job->state != NULL && job->state->no_inline)) {
        build.inlinee = about_inlinee;
    }
    job->reason = "not supported";
    Arena *front = job->work != NULL ? &job->work->front : &arena;
    HirFunc *f = hir_build(front, job->unit, job->code, job->entry_bci, &build, &job->reason);
    arena_free(&scratch_arena);
    if (f == NULL) {
        return false;
    }
    job->ninlined = f->ninlined;
    if (job->work != NULL) {
        job->work->hir = f;
        return true;
    }
    OptOptions opt = opt_options(job->hir);
    LirOptions lir = lir_options(&back_arena, job->compact);
    lir.dump_lir = job->lir;
    lir.dump_asm = job->asm_;
    opt_run(f, &opt);
    job->reason = "not lowered";
    return lir_compile(f, job->unit, &lir, &job->reason);
}

void eng_compile_rest(EngWork *w)
{
    OptOptions opt = opt_options(NULL);
    LirOptions lir = lir_options(&w->back, w->compact);
    jmp_buf oom;
    w->front.oom = &oom;
    if (setjmp(oom) == 0) {
        opt_run(w->hir, &opt);
        w->ok = lir_work_begin(&w->lir, w->hir, w->unit, &lir) && lir_work_generate(&w->lir);
    }
    w->hir = NULL;
}

/* Compiling the code has taken so long, or so much longer. */
static void count_time(EngCodeState *s, int64_t ns)
{
    eng_counts.compile_ns += (uint64_t)ns;
    if (s != NULL) {
        s->compile_us += (uint32_t)BASE_MIN(ns / 1000, INT32_MAX);
        s->compiled_at = eng_clock_ns(CLOCK_MONOTONIC);
    }
}

/* Compiles; true with job->unit ready to be installed, or its HIR for another thread, else job->reason. */
static bool compile(Job *job)
{
    volatile int64_t start = eng_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    volatile int *gc = py311_gc_enabled(PyInterpreterState_Get());
    was_busy = true;
    int gc_enabled = *gc;
    jmp_buf oom;
    bool ok = false;

    *gc = 0;
    job->unit = rt_unit_new(job->code, job->entry_bci);
    job->reason = "out of memory";
    lift(eng_code_state(job->code));
    if (job->unit != NULL) {
        arena.limit = back_arena.limit = scratch_arena.limit = ENG_ARENA_LIMIT;
        arena.oom = back_arena.oom = scratch_arena.oom = &oom;
        if (job->work != NULL) {
            job->work->front.oom = &oom;
        }
        if (setjmp(oom) == 0) {
            ok = run_stages(job);
        } else {
            job->reason = "out of memory";
        }
        arena_free(&arena);
        arena_free(&back_arena);
        arena_free(&scratch_arena);
    }
    put_back();
    *gc = gc_enabled;
    if (!ok) {
        eng_unit_destroy(job->unit);
        job->unit = NULL;
    }
    if (job->state != NULL) {
        job->state->compile_us = 0;
    }
    count_time(job->state, eng_clock_ns(CLOCK_THREAD_CPUTIME_ID) - start);
    return ok;
}

/* --- installing ---------------------------------------------------------------------------- */

_Static_assert(ENG_MAX_CODE_UNITS <= INT16_MAX, "bytecode indices of exit tables");

static bool dump_wanted(PyCodeObject *co)
{
    const char *name = eng_settings.dump_function;
    return eng_settings.dump != 0 &&
           (name == NULL || PyUnicode_CompareWithASCIIString(co->co_qualname, name) == 0 ||
            PyUnicode_CompareWithASCIIString(co->co_name, name) == 0);
}

/* The dumps go to stderr in one piece each, so that threads and children do not mix lines. */
static void dump_print(PyCodeObject *co, int32_t entry_bci, const char *stage, StrBuf *sb)
{
    if (sb->len > 0) {
        const char *name = PyUnicode_AsUTF8(co->co_qualname);
        if (name == NULL) {
            PyErr_Clear();
        }
        fprintf(stderr, "=== %s of %s, entry %d\n%s\n", stage, name != NULL ? name : "?",
                (int)entry_bci, sb_str(sb));
    }
    sb_free(sb);
}

/* The unit is where frames find it that go on at its entry. */
static void put_in_place(EngCodeState *s, CodeUnit *u)
{
    EngPlace *p = eng_place_find(s, u->entry_bci);
    if (p != NULL) {
        p->unit = u;
        eng_resumable(s->code);
    }
}

static bool install(EngCodeState *s, CodeUnit *u)
{
    CodeUnit **units = realloc(s->units, (s->nunits + 1) * sizeof *units);
    if (units == NULL) {
        return false;
    }
    s->units = units;
    units[s->nunits++] = u;
    if (u->entry_bci == 0) {
        if (s->unit != NULL) {
            s->unit->invalidated = true; /* frames may still be in it */
        }
        eng_state_set_unit(s, u);
        s->tier = ENG_HOT;
        if (eng_settings.sampled) {
            eng_patch_entry(s);
        }
    } else {
        put_in_place(s, u);
    }
    return true;
}

/* The statistic that a unit which starts there is counted in. */
static uint64_t *count_of(PyCodeObject *co, int32_t entry_bci)
{
    return entry_bci == 0                           ? &eng_counts.compiled
           : py311_is_handler(co, entry_bci)        ? &eng_counts.compiled_handlers
           : co->co_flags & PY311_CO_GENERATOR_LIKE ? &eng_counts.compiled_resumes
                                                    : &eng_counts.compiled_osr;
}

/* What compact code shares is there from its first use on; false when the code cache is full. */
static bool shared_code_is_there(void)
{
    return rt_direct.shared.poll != NULL || lir_shared_install(cache);
}

/* Is there a loop, and no place where frames are suspended or catch exceptions? */
static bool is_loop(const EngCodeState *s, int32_t entry_bci)
{
    return entry_bci != 0 && eng_place_find(s, entry_bci) == NULL;
}

/* Is it a loop, or was it hot before the program changed over? Then it stays in the processor's caches. */
static bool runs_often(const EngCodeState *s, int32_t entry_bci)
{
    return s->hits >= ENG_HITS || is_loop(s, entry_bci);
}

/* The unit is there: what counts it and enters it. */
static void compiled(EngCodeState *s, const CodeUnit *u, uint32_t ninlined)
{
    *count_of(s->code, u->entry_bci) += 1;
    eng_counts.recompiled += s->recompiles != 0;
    eng_counts.inlined += ninlined;
}

static void not_compiled(EngCodeState *s, int32_t entry_bci, const char *reason)
{
    /* Each code object counts once, also when several of its loops were tried before. */
    if (s->tier != ENG_REFUSED && s->osr_refused == 0) {
        eng_count_reason(reason);
    }
    if (entry_bci == 0) {
        s->tier = ENG_REFUSED;
        return;
    }
    s->osr_refused++;
    EngPlace *p = eng_place_find(s, entry_bci);
    if (p != NULL) {
        p->refused = true;
    }
}

/* The work's unit is in the code cache, if it is to be had: the code's from now on. Otherwise the unit stays the work's. */
static void end_work(EngWork *w)
{
    EngCodeState *s = w->state;
    eng_counts.beside_ns += (uint64_t)w->ns;
    count_time(s, w->ns);
    if (s == NULL) {
        return;
    }
    s->work = NULL;
    if (w->ok && install(s, w->unit)) {
        compiled(s, w->unit, w->ninlined);
        if (w->loop) {
            (void)eng_patch_loop(s, w->unit->entry_bci, w->depth);
        }
        w->unit = NULL;
    } else if (eng_interp != NULL) {
        not_compiled(s, w->unit->entry_bci,
                     w->lir.reason != NULL ? w->lir.reason : "out of memory");
    }
}

void eng_compile_end(EngWork *first)
{
    cc_begin(cache);
    for (EngWork *w = first; w != NULL; w = w->next) {
        w->ok = w->state != NULL && eng_interp != NULL && w->ok && lir_work_install(&w->lir);
    }
    bool ok = cc_end(cache) == 0;
    for (EngWork *w = first; w != NULL; w = w->next) {
        w->ok = w->ok && ok;
        end_work(w);
    }
    /* Only now, as this may run Python code, for which none of them must be on its way any more. */
    for (EngWork *w = first, *next; w != NULL; w = next) {
        next = w->next;
        eng_unit_destroy(w->unit);
        eng_work_free(w);
    }
}

/* Does another thread do most of it? That is where nobody looks. */
static bool is_for_background(const Job *job)
{
    return eng_background_is_on() && job->hir == NULL && job->lir == NULL && job->asm_ == NULL;
}

/* The first part of compiling, and the rest is another thread's. False: nothing has happened, as there is much to do already. */
static bool compile_in_background(EngCodeState *s, Job *job)
{
    job->work = eng_work_new();
    if (job->work == NULL) {
        return false;
    }
    EngWork *w = job->work;
    if (compile(job)) {
        w->state = s;
        w->unit = job->unit;
        w->ninlined = job->ninlined;
        w->compact = job->compact;
        w->loop = is_loop(s, job->entry_bci);
        w->depth = job->nstack;
        s->work = w;
        eng_background_add(w);
    } else {
        not_compiled(s, job->entry_bci, job->reason);
        eng_work_free(w);
    }
    return true;
}

CodeUnit *eng_compile(EngCodeState *s, Py311Frame *frame, int32_t entry_bci, int nstack, int nknown,
                      EngWhen when)
{
    if (s->work != NULL && (when == ENG_SOON || Py_SIZE(s->code) >= ENG_LARGE_UNITS)) {
        return NULL; /* on its way, or next */
    }
    StrBuf hir = SB_INIT, lir = SB_INIT, code = SB_INIT;
    bool dump = dump_wanted(s->code);
    Job job = {
        .state = s,
        .code = s->code,
        .frame = frame,
        .func = frame != NULL ? frame->f_func : NULL,
        .entry_bci = entry_bci,
        .nstack = nstack,
        .nknown = nknown,
        .generic = s->recompiles >= ENG_RECOMPILES,
        .compact = eng_settings.stress_compact || (eng_changed_over() && !runs_often(s, entry_bci)),
        .hir = dump && eng_settings.dump & ENG_DUMP_HIR ? &hir : NULL,
        .lir = dump && eng_settings.dump & ENG_DUMP_LIR ? &lir : NULL,
        .asm_ = dump && eng_settings.dump & ENG_DUMP_ASM ? &code : NULL,
    };
    /* ENG_NEVER here and not only where calls are counted: loops do not wait for the threshold, and
     * a count of calls wraps around. */
    if (cache == NULL || eng_settings.threshold == ENG_NEVER) {
        s->osr_refused += entry_bci != 0;
        return NULL;
    }
    job.compact = job.compact && shared_code_is_there();
    job.notes = !job.compact;
    job.reason = eng_never_compiled(s->code);
    if (job.reason == NULL && when == ENG_SOON && is_for_background(&job) &&
        (compile_in_background(s, &job) || !is_loop(s, entry_bci))) {
        return NULL; /* but loops do not come again so soon */
    }
    bool ok = job.reason == NULL && compile(&job);
    if (ok && !install(s, job.unit)) {
        eng_unit_destroy(job.unit);
        job.reason = "out of memory";
        ok = false;
    }
    dump_print(s->code, entry_bci, "hir", &hir);
    dump_print(s->code, entry_bci, "lir", &lir);
    dump_print(s->code, entry_bci, "asm", &code);
    if (!ok) {
        not_compiled(s, entry_bci, job.reason);
        return NULL;
    }
    if (entry_bci == 0 && eng_settings.sampled && !eng_settings.stress_patch && frame != NULL &&
        frame->f_func->vectorcall == _PyFunction_Vectorcall) {
        frame->f_func->vectorcall = eng_vectorcall;
    }
    compiled(s, job.unit, job.ninlined);
    return job.unit;
}

CodeUnit *eng_find_unit(const EngCodeState *s, int32_t entry_bci)
{
    for (uint32_t i = s->nunits; i-- > 0;) {
        if (s->units[i]->entry_bci == entry_bci && !s->units[i]->invalidated) {
            return s->units[i];
        }
    }
    return NULL;
}

static void count_exits(const CodeUnit *u, uint64_t *resumes, uint64_t *throws)
{
    for (uint32_t i = 0; u->taken != NULL && i < u->nexits; i++) {
        const RtExit *x = &u->exits[i];
        if (x->reason < HIR_NOPS) {
            (x->kind == RT_EXIT_THROW ? throws : resumes)[x->reason] += u->taken[i];
        }
    }
}

void eng_unit_destroy(CodeUnit *u)
{
    if (u == NULL) {
        return;
    }
    count_exits(u, freed_resumes, freed_throws);
    if (u->blob != NULL) {
        cc_free(cache, u->blob, !_Py_IsFinalizing());
    }
    rt_unit_free(u);
}

/* --- for people --------------------------------------------------------------------------- */

static PyObject *exits_dict(const uint64_t *counts)
{
    PyObject *d = PyDict_New();
    for (int op = 0; d != NULL && op < HIR_NOPS; op++) {
        if (counts[op] != 0 &&
            eng_dict_add(d, hir_op_info[op].name, PyLong_FromUnsignedLongLong(counts[op])) < 0) {
            Py_CLEAR(d);
        }
    }
    return d;
}

int eng_compiler_stats(PyObject *dict)
{
    uint64_t resumes[HIR_NOPS], throws[HIR_NOPS];
    size_t metadata = 0;
    CcStats cc = {0};
    memcpy(resumes, freed_resumes, sizeof resumes);
    memcpy(throws, freed_throws, sizeof throws);
    for (const EngCodeState *s = eng_states; s != NULL; s = s->next) {
        metadata += sizeof *s + s->nunits * sizeof *s->units;
        for (uint32_t i = 0; i < s->nunits; i++) {
            count_exits(s->units[i], resumes, throws);
            metadata += s->units[i]->data_size;
        }
    }
    if (cache != NULL) {
        cc_stats(cache, &cc);
    }
    if (eng_dict_add(dict, "code_bytes", PyLong_FromSize_t(cc.code_bytes)) < 0 ||
        eng_dict_add(dict, "metadata_bytes", PyLong_FromSize_t(cc.meta_bytes + metadata)) < 0 ||
        eng_dict_add(dict, "code_limit", PyLong_FromSize_t(cc.limit)) < 0 ||
        eng_dict_add(dict, "deopts", exits_dict(resumes)) < 0 ||
        eng_dict_add(dict, "exceptions", exits_dict(throws)) < 0) {
        return -1;
    }
    return 0;
}

PyObject *eng_compiler_dump(PyCodeObject *co, PyFunctionObject *func, const char *stage,
                            int entry_bci)
{
    StrBuf sb = SB_INIT;
    Job job = {.state = eng_code_state(co), .code = co, .func = func, .entry_bci = entry_bci};
    if (strcmp(stage, "hir") == 0) {
        job.hir = &sb;
    } else if (strcmp(stage, "lir") == 0) {
        job.lir = &sb;
    } else if (strcmp(stage, "asm") == 0) {
        job.asm_ = &sb;
    } else {
        PyErr_Format(PyExc_ValueError, "the stage is hir, lir or asm, not '%s'", stage);
        return NULL;
    }
    if (cache == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the engine was never on");
        return NULL;
    }
    job.reason = eng_never_compiled(co);
    if (entry_bci != 0) {
        job.nstack =
            entry_bci > 0 && entry_bci < Py_SIZE(co) ? py311_stack_depth_at(co, entry_bci) : -1;
        if (job.nstack < 0) {
            job.reason = "no instruction starts there";
        }
    }
    PyObject *text = NULL;
    if (job.reason == NULL && compile(&job)) {
        eng_unit_destroy(job.unit);
        text = PyUnicode_FromString(sb_str(&sb));
    } else {
        PyErr_Format(PyExc_RuntimeError, "not compiled: %s", job.reason);
    }
    sb_free(&sb);
    return text;
}
