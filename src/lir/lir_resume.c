/* Going on with a suspended generator, inside the shared call of the iteration (lir_stubs.c).
 *
 * What generator_next (eng_resume.c) does before and after a generator's frame runs, in the stub that loops call for
 * iterators that are no list's: so no C function lies between the loop and the generator's code. That saves half of the
 * instructions, and two of four returns: pipelines of generators are as deep as their stages, and the processor
 * predicts the returns of its innermost calls only (16 to 32 of them).
 *
 * Everything that is not as usual (not a generator, or running, new or done, tracing, another hook, no compiled code
 * known where it is suspended, the stack or recursion at their limits) is rt_iter_next's, and nothing has happened then. */
#include "lir_emit.h"
#include "lir_internal.h"
#include "py311_frame.h"
#include "rt.h"
#include "x64.h"

#define TS     X64_R12
#define GEN    X64_RSI /* the generator */
#define CFRAME X64_RAX
#define GFRAME X64_R8 /* its frame */
#define ENTRY  X64_R10
#define WORD   X64_RCX /* anything */
#define WORD2  X64_RDX

static X64Mem gen_field(size_t offset)
{
    return x64_mem(GEN, (int32_t)offset);
}

static X64Mem frame_field(size_t offset)
{
    return x64_mem(GFRAME, (int32_t)offset);
}

static X64Mem ts_field(size_t offset)
{
    return x64_mem(TS, (int32_t)offset);
}

enum {
    STATE = offsetof(PyGenObject, gi_frame_state),
    EXC = offsetof(PyGenObject, gi_exc_state),
    PREVIOUS_ITEM = offsetof(PyGenObject, gi_exc_state.previous_item),
};

/* To `slow` unless everything permits it; then the entry is in ENTRY, the frame in GFRAME. */
static void look(X64Asm *a, X64Label slow)
{
    x64_mov_ri(a, WORD, (uint64_t)(uintptr_t)&PyGen_Type);
    x64_alu_rm(a, X64_CMP, X64_Q, WORD, gen_field(PY311_OFF_OBJ_TYPE));
    x64_jcc(a, X64_NE, slow);
    x64_alu_mi(a, X64_CMP, X64_B, gen_field(STATE), PY311_GEN_SUSPENDED);
    x64_jcc(a, X64_NE, slow);
    lir_emit_may_enter(a, CFRAME, WORD, WORD2, slow);
    /* rt_resumed_at */
    x64_lea(a, X64_Q, GFRAME, gen_field(offsetof(PyGenObject, gi_iframe)));
    x64_mov_rm(a, X64_Q, WORD, frame_field(PY311_OFF_FRAME_PREV_INSTR));
    x64_mov_rr(a, X64_Q, WORD2, WORD);
    x64_shift_ri(a, X64_SHR, X64_Q, WORD2, RT_RESUMED_SHIFT);
    x64_alu_rr(a, X64_XOR, X64_D, WORD2, WORD);
    x64_alu_ri(a, X64_AND, X64_D, WORD2, 2 * (RT_RESUMED - 1));
    _Static_assert(sizeof(RtResumed) == 16, "twice the scale");
    x64_mov_ri(a, ENTRY, (uint64_t)(uintptr_t)rt_resumed);
    x64_lea(a, X64_Q, WORD2, x64_mem_index(ENTRY, WORD2, 8, 0));
    x64_alu_rm(a, X64_CMP, X64_Q, WORD, x64_mem(WORD2, offsetof(RtResumed, at)));
    x64_jcc(a, X64_NE, slow);
    x64_mov_rm(a, X64_Q, ENTRY, x64_mem(WORD2, offsetof(RtResumed, entry)));
}

/* None is what is sent; the frame and its exception state are linked. */
static void begin(X64Asm *a)
{
    x64_movsx_rm(a, X64_D, WORD, frame_field(PY311_OFF_FRAME_STACKTOP));
    x64_mov_ri(a, WORD2, (uint64_t)(uintptr_t)Py_None);
    x64_unary_m(a, X64_INC, X64_Q, x64_mem(WORD2, PY311_OFF_OBJ_REFCNT));
    x64_mov_mr(a, X64_Q, x64_mem_index(GFRAME, WORD, 8, PY311_OFF_FRAME_LOCALSPLUS), WORD2);
    x64_mov_ri(a, WORD, (uint64_t)py311_frame_word(PY311_OWNED_BY_GENERATOR));
    x64_mov_mr(a, X64_Q, frame_field(PY311_OFF_FRAME_STACKTOP), WORD);
    x64_mov_rm(a, X64_Q, WORD, x64_mem(CFRAME, PY311_OFF_CFRAME_CURRENT_FRAME));
    x64_mov_mr(a, X64_Q, x64_mem(CFRAME, PY311_OFF_CFRAME_CURRENT_FRAME), GFRAME);
    x64_mov_mr(a, X64_Q, frame_field(PY311_OFF_FRAME_PREVIOUS), WORD);
    x64_mov_rm(a, X64_Q, WORD, ts_field(offsetof(PyThreadState, exc_info)));
    x64_lea(a, X64_Q, WORD2, gen_field(EXC));
    x64_mov_mr(a, X64_Q, gen_field(PREVIOUS_ITEM), WORD);
    x64_mov_mr(a, X64_Q, ts_field(offsetof(PyThreadState, exc_info)), WORD2);
    x64_mov_mi(a, X64_B, gen_field(STATE), PY311_GEN_EXECUTING);
    x64_unary_m(a, X64_DEC, X64_D, ts_field(PY311_OFF_TS_RECURSION_REMAINING));
}

/* It gave rax. To `ended` unless it is suspended again; else everything is unlinked. */
static void suspended(X64Asm *a, X64Label ended)
{
    x64_alu_mi(a, X64_CMP, X64_B, gen_field(STATE), PY311_GEN_SUSPENDED);
    x64_jcc(a, X64_NE, ended);
    x64_test_rr(a, X64_Q, X64_RAX, X64_RAX);
    x64_jcc(a, X64_E, ended);
    X64Mem previous = gen_field(offsetof(PyGenObject, gi_iframe) + PY311_OFF_FRAME_PREVIOUS);
    x64_mov_rm(a, X64_Q, WORD, previous);
    x64_mov_rm(a, X64_Q, WORD2, ts_field(PY311_OFF_TS_CFRAME));
    x64_mov_mr(a, X64_Q, x64_mem(WORD2, PY311_OFF_CFRAME_CURRENT_FRAME), WORD);
    x64_mov_rm(a, X64_Q, WORD, gen_field(PREVIOUS_ITEM));
    x64_mov_mr(a, X64_Q, ts_field(offsetof(PyThreadState, exc_info)), WORD);
    x64_mov_mi(a, X64_Q, gen_field(PREVIOUS_ITEM), 0);
    x64_mov_mi(a, X64_Q, previous, 0);
    x64_unary_m(a, X64_INC, X64_D, ts_field(PY311_OFF_TS_RECURSION_REMAINING));
}

void lir_emit_resume(X64Asm *a, X64Label done)
{
    X64Label slow = x64_label(a), ended = x64_label(a);
    look(a, slow);
    begin(a);
    x64_push_r(a, GEN);
    x64_push_r(a, GEN); /* twice: aligned */
    x64_mov_rr(a, X64_Q, X64_RDI, TS);
    x64_mov_rr(a, X64_Q, X64_RSI, GFRAME);
    x64_call_r(a, ENTRY);
    x64_pop_r(a, GEN);
    x64_pop_r(a, GEN);
    suspended(a, ended);
    x64_jmp(a, done);

    x64_bind(a, ended);
    x64_mov_rr(a, X64_Q, X64_RDI, TS);
    x64_mov_rr(a, X64_Q, X64_RDX, X64_RAX);
    x64_mov_addr(a, X64_RAX, (const void *)(uintptr_t)rt_direct.generator_ended);
    x64_call_r(a, X64_RAX);
    x64_jmp(a, done);
    x64_bind(a, slow);
}
