/* Lowering: frame states, exits, frame->prev_instr, safepoints and the end of the function. */
#include "lir_lower.h"

#include "py311_gc.h"

#include "rt.h"

/* --- states ---------------------------------------------------------------------- */

/* Where the exit finds v: a constant, a home if one holds it here, else its register.  Nothing is loaded
 * for an exit. */
static void fill_val(Lower *L, LirVal *val, HirIns *v, bool owned)
{
    val->rep = HIR_OBJ;
    val->owned = owned;
    if (!v) {
        val->opnd = lir_imm(0);
        return;
    }
    v = hir_root(v);
    val->rep = v->rep;
    const LirHomeFact *f =
        v->rep == HIR_OBJ && v->op != HIR_Const ? lir_homes_find(&L->homes, L->epoch, v) : NULL;
    if (f) {
        val->home = (int16_t)f->local;
    } else if ((v->op == HIR_BoxFloat || v->op == HIR_BoxInt) && L->vals[v->id].fused) {
        val->rep = v->args[0]->rep; /* not made yet: the exit does it */
        val->opnd = lw_opnd(L, v->args[0]);
    } else {
        val->opnd = lw_opnd(L, v);
    }
}

/* Raw values are boxed by the exit; a value that stands at two places there is one object in tier 0. */
static void find_same(LirVal *vals, HirIns *const *from, uint32_t n)
{
    for (uint32_t k = 1; k < n; k++) {
        if (!from[k] || (vals[k].rep != HIR_F64 && vals[k].rep != HIR_I64)) {
            continue;
        }
        for (uint32_t j = 0; j < k && j < UINT8_MAX; j++) {
            if (from[j] && hir_root(from[j]) == hir_root(from[k])) {
                vals[k].same_as = (uint8_t)(j + 1);
                break;
            }
        }
    }
}

static uint32_t count_dirty(const HirFrameState *fs)
{
    uint32_t n = 0;
    for (uint32_t k = 0; fs->dirty && k < fs->nlocals; k++) {
        n += fs->dirty[k] != 0;
    }
    return n;
}

static LirState *make_state(Lower *L, const HirFrameState *fs)
{
    uint32_t nframes = 0, nvals = 0;
    for (const HirFrameState *s = fs; s; s = s->parent) {
        nframes++;
        nvals += s->nstack + count_dirty(s);
    }
    LirState *st = lir_state_new(L->f, nframes);
    HirIns **from = arena_array(L->hf->arena, HirIns *, nvals);
    LirVal *flat = arena_array(L->hf->arena, LirVal, nvals);
    uint32_t n = 0;
    for (uint32_t i = 0; fs; fs = fs->parent, i++) {
        LirVal *vals = lir_state_frame(L->f, st, i, fs->code, fs->bci, fs->nstack, count_dirty(fs));
        st->frames[i].call = fs->call;
        uint32_t first = n, d = 0;
        for (uint32_t k = 0; k < fs->nstack; k++) {
            from[n++] = fs->stack[k];
            fill_val(L, &vals[k], fs->stack[k], fs->owned && fs->owned[k]);
        }
        for (uint32_t k = 0; fs->dirty && k < fs->nlocals; k++) {
            if (fs->dirty[k]) {
                st->frames[i].dirty[d] = (uint16_t)k;
                from[n++] = fs->locals[k];
                fill_val(L, &vals[fs->nstack + d++], fs->locals[k],
                         fs->dirty[k] == HIR_DIRTY_OWNED);
            }
        }
        for (uint32_t k = first; k < n; k++) {
            flat[k] = vals[k - first];
        }
        find_same(flat, from, n);
        for (uint32_t k = first; k < n; k++) {
            vals[k - first].same_as = flat[k].same_as;
        }
    }
    return st;
}

static LirState *state_for(Lower *L, HirIns *i)
{
    if (!i->fs) {
        lw_fail(L, "internal: exit without a frame state");
        return lir_state_new(L->f, 0);
    }
    /* Ops of one bytecode share the frame state; so do their exits as long as no home changed. */
    if (L->state_of != i->fs) {
        L->state = make_state(L, i->fs);
        L->state_of = i->fs;
    }
    return L->state;
}

LirExit *lw_resume(Lower *L, HirIns *i)
{
    return lir_exit_resume(L->f, state_for(L, i), i->op);
}

/* The instruction that raises at i. */
static int32_t raise_bci(const HirIns *i)
{
    return i->bci >= 0 || !i->fs ? i->bci : i->fs->bci;
}

LirExit *lw_throw(Lower *L, HirIns *i)
{
    return lir_exit_throw(L->f, state_for(L, i), i->op, raise_bci(i));
}

/* --- frame->prev_instr --------------------------------------------------------------- */

/* Where the frame is at i: for inlined code, at the call. */
static int32_t bci_of(const HirIns *i)
{
    if (i->fs && i->fs->parent) {
        return hir_fs_physical(i->fs)->bci;
    }
    return i->bci >= 0 || !i->fs ? i->bci : i->fs->bci;
}

static void store_prev(Lower *L, int32_t bci, bool whole)
{
    uintptr_t at = L->code_units + 2 * (uintptr_t)bci;
    LirOpnd mem = lir_mem(LIR_FRAME, PY311_OFF_FRAME_PREV_INSTR);
    if (L->prev_low && !whole) {
        /* The high half never changes: the bytecode lies within one 4 GiB range. */
        lir_store(L->f, 4, mem, lir_imm((int32_t)(uint32_t)at));
    } else {
        lir_store(L->f, 8, mem, lir_imm((int64_t)at));
    }
}

void lw_prev(Lower *L, const HirIns *i)
{
    int32_t bci = bci_of(i);
    if (L->code_units && bci >= 0 && L->prev_bci != bci) {
        store_prev(L, bci, false);
        L->prev_bci = bci;
    }
}

void lw_prev_whole(Lower *L, const HirIns *i)
{
    int32_t bci = bci_of(i);
    if (L->code_units && bci >= 0) {
        store_prev(L, bci, true);
        L->prev_bci = bci;
    }
}

void lw_prev_cold(Lower *L, const HirIns *i)
{
    int32_t bci = bci_of(i);
    if (L->code_units && bci >= 0 && L->prev_bci != bci) {
        store_prev(L, bci, false);
        L->prev_bci = LW_PREV_UNKNOWN; /* stored on this path only */
    }
}

/* --- safepoints and ends -------------------------------------------------------------- */

/* A signal handler may look at the frame, so homes that are stale at a safepoint are brought up to
 * date on its slow path.  Operands are fetched by `stale_homes` before that opens. */
typedef struct {
    LirOpnd v;
    const void *fn;
    int32_t local;
} StaleHome;

static StaleHome *stale_homes(Lower *L, const HirFrameState *fs, uint32_t *n)
{
    *n = 0;
    if (!fs || !fs->dirty) {
        return NULL;
    }
    StaleHome *homes = arena_array(L->hf->arena, StaleHome, fs->nlocals);
    for (uint32_t k = 0; k < fs->nlocals; k++) {
        HirIns *v = fs->locals[k];
        if (fs->dirty[k] && v) {
            const void *fn = v->rep == HIR_F64   ? (const void *)rt_sync_float
                             : v->rep == HIR_I64 ? (const void *)rt_sync_int
                                                 : (const void *)rt_sync_object;
            homes[(*n)++] =
                (StaleHome){v->rep == HIR_F64 ? lw_regop(L, v) : lw_opnd(L, v), fn, (int32_t)k};
        }
    }
    return homes;
}

/* CHECK_EVAL_BREAKER, and cframe.use_tracing, which sys.settrace() sets without the eval breaker. */
void lw_check_eval(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    LirExit *leave = lir_exit_safepoint(f, state_for(L, i), i->op, raise_bci(i));
    uint32_t nstale;
    StaleHome *stale = stale_homes(L, i->fs, &nstale);
    if (f->compact) {
        lir_slow(f, LIR_POLL, 8, LIR_NE, LIR_NOREG, lir_ptr(rt_direct.shared.poll), lir_none());
    } else {
        LirReg cframe = lir_load(f, 8, lir_mem(LIR_TS, PY311_OFF_TS_CFRAME));
        LirReg interp = lir_load(f, 8, lir_mem(LIR_TS, PY311_OFF_TS_INTERP));
        LirReg tracing = lir_load(f, 1, lir_mem(cframe, PY311_OFF_CFRAME_USE_TRACING));
        LirOpnd breaker = lir_mem(interp, PY311_OFF_INTERP_EVAL_BREAKER);
        LirReg any = lir_vreg(f, LIR_GPR);
        lir_slow(f, LIR_OR, 4, LIR_NE, any, lir_reg(tracing), breaker);
    }
    for (uint32_t k = 0; k < nstale; k++) {
        LirOpnd sync[] = {lir_reg(LIR_FRAME), lir_imm(1), stale[k].v, lir_imm(stale[k].local)};
        lir_call(f, stale[k].fn, LIR_NOREG, sync, 4, LIR_CHK_NONE, NULL);
    }
    lw_prev_cold(L, i);
    LirOpnd args[] = {lir_reg(LIR_TS), lir_reg(LIR_FRAME)};
    const void *check = (const void *)(uintptr_t)rt_check_eval;
    lir_call(f, check, LIR_NOREG, args, 2, LIR_CHK_SET32, leave);
    lir_slow_end(f);
}

void lw_gc_poll(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    LirReg interp = lir_load(f, 8, lir_mem(LIR_TS, PY311_OFF_TS_INTERP));
    const int32_t youngest = PY311_OFF_INTERP_GC_GEN0;
    LirOpnd threshold = lir_mem(interp, youngest + (int32_t)offsetof(Py311GcGeneration, threshold));
    LirReg count =
        lir_load(f, 4, lir_mem(interp, youngest + (int32_t)offsetof(Py311GcGeneration, count)));
    lir_slow(f, LIR_CMP, 4, LIR_G, LIR_NOREG, lir_reg(count), threshold);
    lw_prev_cold(L, i);
    const void *poll = (const void *)(uintptr_t)rt_gc_poll;
    lir_call(f, poll, LIR_NOREG, NULL, 0, LIR_CHK_NONE, NULL);
    lir_slow_end(f);
}

void lw_deopt(Lower *L, HirIns *i)
{
    LirExit *x = lw_resume(L, i);
    x->no_stress = 1;
    lir_exit(L->f, x);
}

/* YIELD_VALUE but for the value. Whoever resumes the generator reads prev_instr first. */
void lw_suspend(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    int32_t nlocals = L->hf->nlocals, n = (int32_t)i->nargs;
    const int32_t state =
        (int32_t)offsetof(PyGenObject, gi_frame_state) - (int32_t)offsetof(PyGenObject, gi_iframe);
    for (int32_t k = 0; k < n; k++) {
        LirOpnd slot = lir_mem(LIR_FRAME, PY311_OFF_FRAME_LOCALSPLUS + 8 * (nlocals + k));
        lir_store(f, 8, slot, lw_opnd(L, i->args[k]));
    }
    lir_store(f, 4, lir_mem(LIR_FRAME, PY311_OFF_FRAME_STACKTOP), lir_imm(nlocals + n));
    lir_store(f, 1, lir_mem(LIR_FRAME, state), lir_imm(PY311_GEN_SUSPENDED));
    lw_prev_whole(L, i);
}

void lw_return(Lower *L, HirIns *i)
{
    LirOpnd v = lw_opnd(L, i->args[0]);
    lw_prev(L, i);
    lir_ret(L->f, v);
}
