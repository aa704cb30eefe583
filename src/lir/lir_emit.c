/* Emission: walks allocated LIR and drives the assembler.
 *
 * Frame, from rbp down: the five callee-saved registers, spill slots, the save
 * area of preserving calls, the borrow area of slow paths, alignment, and at
 * rsp the out area.  rt_unit.h has the machine contract.
 *
 * Sections: hot blocks in order; then, in the cold section, cold blocks, slow
 * paths, exit stubs.  A stub pushes the exit's number and jumps to the unit's
 * tail, which names the unit and goes on to the exit trampoline. */
#include "lir_emit.h"

#include <string.h>

X64Mem lir_slot_mem(const LirEmit *e, uint32_t slot)
{
    (void)e;
    return x64_mem(X64_RBP, -48 - 8 * (int32_t)slot);
}

X64Mem lir_loc_mem(const LirEmit *e, LirReg loc)
{
    if (lir_loc_is_home(loc)) {
        return x64_mem(X64_RBX, e->f->home_disp + 8 * (int32_t)lir_loc_index(loc));
    }
    return lir_slot_mem(e, lir_loc_index(loc));
}

/* ---- exits ---------------------------------------------------------------------------------------- */

static bool lir_same_exit(const LirExit *a, const LirExit *b)
{
    return a->kind == b->kind && a->reason == b->reason && a->throw_bci == b->throw_bci &&
           memcmp(a->locs, b->locs, a->state->nregs * sizeof *a->locs) == 0;
}

X64Label lir_exit_label(LirEmit *e, LirExit *x)
{
    LirState *s = x->state;
    for (LirStateUse *u = s->uses; u; u = u->next) {
        if (lir_same_exit(u->x, x)) {
            x->id = u->x->id;
            return u->label;
        }
    }
    LirStateUse *u = arena_new(e->arena, LirStateUse);
    u->x = x;
    u->label = x64_label(e->as);
    u->next = s->uses;
    s->uses = u;
    x->id = e->exits.len;
    LirPendingExit p = {x, u->label};
    VEC_PUSH(e->arena, &e->exits, p);
    return u->label;
}

static void lir_mark(LirEmit *e, const LirIns *i, const LirBlock *b, uint32_t exit)
{
    if (e->marks_wanted) {
        LirMark m = {x64_here(e->as), i, b, exit};
        VEC_PUSH(e->arena, &e->marks, m);
    }
}

static void lir_emit_stubs(LirEmit *e)
{
    X64Asm *a = e->as;
    for (uint32_t k = 0; k < e->exits.len; k++) {
        lir_mark(e, NULL, NULL, k);
        x64_bind(a, e->exits.data[k].label);
        x64_push_i(a, (int32_t)k);
        if (k + 1 < e->exits.len) {
            x64_jmp(a, e->tail);
        }
    }
    if (e->exits.len) {
        x64_bind(a, e->tail);
        x64_mov_addr(a, X64_R11, e->unit);
        x64_jmp_abs(a, e->opt->exit_entry);
    }
}

/* ---- the deopt stress mode ---------------------------------------------------------------------------- */

/* Makes a guard leave on its 1st, 3rd, 5th ... execution: a byte that flips between 0 and 1. */
static void lir_emit_stress(LirEmit *e, LirIns *i)
{
    enum { CHUNK = 256 };
    if (i->tgt != LIR_T_EXIT || i->exit->kind != RT_EXIT_RESUME || i->exit->no_stress) {
        return;
    }
    if (e->nstress % CHUNK == 0) {
        e->stress = rt_unit_data(e->unit, CHUNK);
        if (e->stress == NULL) {
            e->error = "out of memory";
            return;
        }
    }
    X64Asm *a = e->as;
    x64_mov_ri(a, X64_R11, (uint64_t)(uintptr_t)(e->stress + e->nstress++ % CHUNK));
    x64_alu_mi(a, X64_XOR, X64_B, x64_mem(X64_R11, 0), 1);
    x64_jcc(a, X64_NE, lir_exit_label(e, i->exit));
}

/* ---- blocks --------------------------------------------------------------------------------------------- */

static void lir_emit_one(LirEmit *e, LirIns *i)
{
    lir_mark(e, i, NULL, 0);
    if (i->moves) {
        lir_emit_moves(e, i->moves->v.data, i->moves->v.len);
    }
    if (e->opt->stress_deopt && e->error == NULL) {
        lir_emit_stress(e, i);
    }
    lir_emit_ins(e, i);
}

static bool lir_block_is_empty(const LirBlock *b)
{
    const LirIns *i = b->first;
    return i->op == LIR_JMP && b->entry_moves == NULL && b->exit_moves == NULL && i->moves == NULL;
}

/* Labels; jumps to a block that only jumps on go to where it leads. */
static void lir_make_labels(LirEmit *e)
{
    LirFunc *f = e->f;
    e->labels = arena_array(e->arena, X64Label, f->norder);
    e->empty = arena_array(e->arena, bool, f->norder);
    e->aligned = arena_array(e->arena, bool, f->norder);
    for (uint32_t o = 0; o < f->norder; o++) {
        e->empty[o] = o > 0 && lir_block_is_empty(f->order[o]);
        if (!e->empty[o]) {
            e->labels[o] = x64_label(e->as);
        }
    }
    for (uint32_t o = 0; o < f->norder; o++) {
        if (!e->empty[o]) {
            continue;
        }
        uint32_t t = o, n = 0;
        while (e->empty[t] && n++ < 64) {
            t = f->order[t]->succ[0]->order;
        }
        if (e->empty[t]) { /* a long chain, or a loop of nothing: this one stays */
            e->empty[o] = false;
            e->labels[o] = x64_label(e->as);
        } else {
            e->labels[o] = e->labels[t];
        }
    }
}

static void lir_emit_block(LirEmit *e, LirBlock *b)
{
    X64Asm *a = e->as;
    if (e->aligned[b->order]) {
        x64_align(a, 16);
    }
    x64_bind(a, e->labels[b->order]);
    lir_mark(e, NULL, b, 0);
    if (b->entry_moves) {
        lir_emit_moves(e, b->entry_moves->v.data, b->entry_moves->v.len);
    }
    for (LirIns *i = b->first; i; i = i->next) {
        if (i == b->last && b->exit_moves) {
            if (i->moves) {
                lir_emit_moves(e, i->moves->v.data, i->moves->v.len);
                i->moves = NULL;
            }
            lir_emit_moves(e, b->exit_moves->v.data, b->exit_moves->v.len);
        }
        lir_emit_one(e, i);
    }
}

/* Loops that are tested at their top and jump back from their bottom: the block with the test is
 * put at the bottom, where the jump back was, so that an iteration takes one branch less. `seq` are
 * `n` hot blocks in order, loops contiguous. */
static void lir_rotate_loops(LirEmit *e, LirBlock **seq, uint32_t n)
{
    for (uint32_t h = n; h-- > 1;) { /* inner loops first; the entry stays where it is */
        LirBlock *head = seq[h];
        if (!head->loop_header || head->last->tgt != LIR_T_BR) {
            continue;
        }
        uint32_t end = h;
        for (uint32_t k = h + 1; k < n && seq[k]->loop_depth >= head->loop_depth; k++) {
            if (seq[k]->nsucc == 1 &&
                e->labels[seq[k]->succ[0]->order].id == e->labels[head->order].id) {
                end = k;
            }
        }
        bool leaves = false;
        for (unsigned k = 0; k < 2; k++) {
            leaves |= head->succ[k]->cold || head->succ[k]->loop_depth < head->loop_depth;
        }
        /* Nobody else may rely on falling into the head: whoever precedes it jumps, once. */
        if (end == h || !leaves || end - h > LIR_MAX_ROTATE) {
            continue;
        }
        memmove(&seq[h], &seq[h + 1], (end - h) * sizeof *seq);
        seq[end] = head;
        e->aligned[head->order] = false;
        e->aligned[seq[h]->order] = true;
    }
}

static void lir_emit_blocks(LirEmit *e, bool cold)
{
    LirFunc *f = e->f;
    LirBlock **seq = arena_array(e->arena, LirBlock *, f->norder);
    uint32_t n = 0;
    for (uint32_t o = 0; o < f->norder; o++) {
        if (f->order[o]->cold == cold && !e->empty[o]) {
            seq[n++] = f->order[o];
            e->aligned[o] = f->order[o]->loop_header && !cold;
        }
    }
    if (!cold) {
        lir_rotate_loops(e, seq, n);
    }
    for (uint32_t k = 0; k < n; k++) {
        e->next = k + 1 < n ? seq[k + 1] : NULL;
        lir_emit_block(e, seq[k]);
    }
}

static void lir_emit_slow_paths(LirEmit *e)
{
    X64Asm *a = e->as;
    e->in_slow = true;
    for (uint32_t k = 0; k < e->slows.len; k++) {
        LirPendingSlow s = e->slows.data[k];
        e->slow_back = s.back;
        x64_bind(a, s.start);
        for (LirIns *i = s.owner->slow->first; i; i = i->next) {
            lir_emit_one(e, i);
        }
        const LirIns *last = s.owner->slow->last;
        if (last == NULL || !(lir_op_info[last->op].flags & LIR_F_TERM)) {
            x64_jmp(a, s.back);
        }
    }
    e->in_slow = false;
}

/* ---- the frame --------------------------------------------------------------------------------------------- */

static void lir_count_saves(LirEmit *e, const LirIns *i)
{
    if (i->op == LIR_CALL && (i->cflags & LIR_CALL_PRESERVE)) {
        uint32_t n = (uint32_t)__builtin_popcount(i->save & LIR_MASK_CALLER);
        e->nsave = BASE_MAX(e->nsave, n);
    }
}

static void lir_layout_frame(LirEmit *e)
{
    bool slow = false;
    for (uint32_t o = 0; o < e->f->norder; o++) {
        for (const LirIns *i = e->f->order[o]->first; i; i = i->next) {
            lir_count_saves(e, i);
            if (i->slow) {
                slow = true;
                for (const LirIns *y = i->slow->first; y; y = y->next) {
                    lir_count_saves(e, y);
                }
            }
        }
    }
    e->save_base = e->ra->nslots;
    e->borrow_base = e->save_base + e->nsave;
    uint32_t words = e->borrow_base + (slow ? LIR_NBORROW : 0) + e->f->out_words;
    e->frame_bytes = 8 * (words | 1); /* 8 + 16 * k */
}

static void lir_emit_prologue(LirEmit *e)
{
    static const uint8_t saved[] = {X64_RBX, X64_R12, X64_R13, X64_R14, X64_R15};
    X64Asm *a = e->as;
    x64_push_r(a, X64_RBP);
    x64_mov_rr(a, X64_Q, X64_RBP, X64_RSP);
    for (unsigned k = 0; k < sizeof saved; k++) {
        x64_push_r(a, (X64Reg)saved[k]);
    }
    /* Big frames (all-spill, many call arguments): touch each page, as the stack grows page by
     * page below its guard. */
    uint32_t left = e->frame_bytes;
    while (left > 4096) {
        x64_alu_ri(a, X64_SUB, X64_Q, X64_RSP, 4096);
        x64_test_mi(a, X64_B, x64_mem(X64_RSP, 0), 0);
        left -= 4096;
    }
    x64_alu_ri(a, X64_SUB, X64_Q, X64_RSP, (int32_t)left);
    x64_mov_rr(a, X64_Q, X64_R12, X64_RDI);
    x64_mov_rr(a, X64_Q, X64_RBX, X64_RSI);
}

/* ---- installing ---------------------------------------------------------------------------------------------- */

bool lir_emit_install(X64Asm *a, CodeUnit *u, const LirOptions *opt, const char *name,
                      LirEmit *listed, const char **reason)
{
    CodeCache *cc = opt->cc;
    if (opt->stubs != NULL && !lir_stubs_write(opt->stubs)) {
        *reason = "code cache not writable";
        return false;
    }
    uint32_t hot = x64_size(a, X64_HOT), cold = x64_size(a, X64_COLD);
    CodeBlob *b = cc_alloc(cc, hot, cold, name, u);
    if (b == NULL) {
        *reason = "code cache full";
        return false;
    }
    CcWindow w;
    if (cc_open(cc, b, &w) != 0) {
        cc_free(cc, b, true);
        *reason = "code cache not writable";
        return false;
    }
    int ok = x64_copy_to(a, w.hot, b->hot, w.cold, b->cold);
    if (cc_close(cc, &w) != 0) {
        *reason = "code cache not executable";
        return false; /* the blob stays allocated: it must not be touched again */
    }
    if (ok != 0) {
        cc_free(cc, b, true);
        *reason = a->error;
        return false;
    }
    cc_publish(cc, b);
    u->entry = (RtEntry)b->hot;
    u->blob = b;
    u->code_size = hot + cold;
    if (opt->dump_asm) {
        lir_listing(listed, b, opt->dump_asm);
    }
    return true;
}

LirEmit *lir_emit(LirFunc *f, LirAlloc *ra, CodeUnit *unit, const LirOptions *opt, X64Asm *as,
                  const char **reason)
{
    LirEmit *e = arena_new(f->arena, LirEmit);
    uintptr_t lo, hi;
    e->as = as;
    e->f = f;
    e->ra = ra;
    e->unit = unit;
    e->opt = opt;
    e->arena = f->arena;
    e->marks_wanted = opt->dump_asm != NULL;
    cc_range(opt->cc, &lo, &hi);
    x64_set_code_range(e->as, lo, hi);
    e->reads = arena_array(f->arena, uint32_t, 32 + ra->nslots);
    e->writer = arena_array(f->arena, uint32_t, 32 + ra->nslots);
    e->epilogue = x64_label(e->as);
    e->tail = x64_label(e->as);
    lir_layout_frame(e);
    lir_make_labels(e);
    x64_section(e->as, X64_HOT);
    lir_emit_prologue(e);
    lir_emit_blocks(e, false);
    x64_section(e->as, X64_COLD);
    lir_emit_blocks(e, true);
    lir_emit_slow_paths(e);
    lir_emit_stubs(e);
    if (e->error != NULL) {
        *reason = e->error;
        return NULL;
    }
    if (!lir_fill_tables(e, reason)) {
        return NULL;
    }
    if (x64_finalize(as) != 0) {
        *reason = as->error;
        return NULL;
    }
    return e;
}
