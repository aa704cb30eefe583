/* What compact code shares instead of having it in line: calls of Python functions, and the look at the eval breaker.
 *
 * In line a call takes some 250 bytes (lir_lower_py.c) and a check 30, most of which run once each time the function does.
 * Where a program has very many functions that is more than a core's second-level cache holds, and fetching it takes longer
 * than running it; the few lines of shared code stay in the first-level cache. (djangocms' pages, everything compiled: calls
 * were 18 % of the code, checks 7.)
 *
 * A call, one for each number of arguments, gets the callee's RtCallee; function and arguments are the caller's out area,
 * just above the return address. What must hold is compared, the frame written and linked, as lir_lower_py.c does it, and
 * the site enters it: were that done here, all calls would share one indirect call, which the processor could not predict.
 * When anything does not permit that, rt_call_py makes the call, and what the site would do is skipped.
 *
 * All of it keeps rbp, as lir_stubs.c's code does, so the unwinder's rule holds in it. */
#include "lir_compile.h"
#include "lir_emit.h"
#include "lir_internal.h"
#include "py311_frame.h"
#include "rt.h"
#include "x64.h"

#define TS     X64_R12
#define FRAME  X64_RBX /* the caller's */
#define CALLEE X64_RDI
#define CFRAME X64_RAX
#define NEW    X64_RSI /* the callee's frame */
#define FUNC   X64_R8
#define CODE   X64_R9
#define WORD   X64_R10 /* anything */

/* Locals that are set to NULL at once; what is asked for is room for that many more. */
enum { CHUNK = 4 };

static X64Mem new_frame(int32_t offset)
{
    return x64_mem(NEW, offset);
}

/* Word k of the caller's out area. */
static X64Mem out_area(int k)
{
    return x64_mem(X64_RSP, 8 + 8 * k);
}

void lir_emit_may_enter(X64Asm *a, X64Reg cframe, X64Reg word, X64Reg word2, X64Label slow)
{
    X64Label ours = x64_label(a);
    x64_mov_rm(a, X64_Q, cframe, x64_mem(TS, PY311_OFF_TS_CFRAME));
    x64_mov_rm(a, X64_Q, word, x64_mem(TS, PY311_OFF_TS_INTERP));
    x64_alu_mi(a, X64_CMP, X64_B, x64_mem(cframe, PY311_OFF_CFRAME_USE_TRACING), 0);
    x64_jcc(a, X64_NE, slow);
    x64_mov_rm(a, X64_Q, word, x64_mem(word, PY311_OFF_INTERP_EVAL_FRAME));
    x64_test_rr(a, X64_Q, word, word); /* the hook is there, or it is away */
    x64_jcc(a, X64_E, ours);
    x64_mov_ri(a, word2, (uint64_t)(uintptr_t)rt_direct.hook);
    x64_alu_rr(a, X64_CMP, X64_Q, word, word2);
    x64_jcc(a, X64_NE, slow);
    x64_bind(a, ours);
    x64_alu_rm(a, X64_CMP, X64_Q, X64_RSP, x64_mem_fs(rt_direct.stack_low));
    x64_jcc(a, X64_BELOW, slow);
    x64_alu_mi(a, X64_CMP, X64_D, x64_mem(TS, PY311_OFF_TS_RECURSION_REMAINING), 0);
    x64_jcc(a, X64_LE, slow);
}

/* Takes room on the data stack, and a level of recursion; to `slow` unless everything permits the call. */
static void take_room(X64Asm *a, X64Label slow)
{
    lir_emit_may_enter(a, CFRAME, WORD, CODE, slow);
    x64_mov_rm(a, X64_Q, NEW, x64_mem(TS, PY311_OFF_TS_DATASTACK_TOP));
    x64_mov_rm(a, X64_D, X64_RDX, x64_mem(CALLEE, offsetof(RtCallee, frame_size)));
    x64_alu_rr(a, X64_ADD, X64_Q, X64_RDX, NEW);
    /* Both are NULL while the thread has no chunk. */
    x64_lea(a, X64_Q, X64_RCX, x64_mem(X64_RDX, 8 * CHUNK));
    x64_alu_rm(a, X64_CMP, X64_Q, X64_RCX, x64_mem(TS, PY311_OFF_TS_DATASTACK_LIMIT));
    x64_jcc(a, X64_AE, slow);
    x64_unary_m(a, X64_DEC, X64_D, x64_mem(TS, PY311_OFF_TS_RECURSION_REMAINING));
    x64_mov_mr(a, X64_Q, x64_mem(TS, PY311_OFF_TS_DATASTACK_TOP), X64_RDX);
}

/* As py311_frame_init, with `previous`. */
static void init_frame(X64Asm *a)
{
    x64_mov_rm(a, X64_Q, FUNC, out_area(0));
    x64_mov_rm(a, X64_Q, CODE, x64_mem(FUNC, PY311_OFF_FUNC_CODE));
    x64_unary_m(a, X64_INC, X64_Q, x64_mem(FUNC, PY311_OFF_OBJ_REFCNT));
    x64_unary_m(a, X64_INC, X64_Q, x64_mem(CODE, PY311_OFF_OBJ_REFCNT));
    x64_mov_rm(a, X64_Q, X64_RCX, x64_mem(FUNC, PY311_OFF_FUNC_GLOBALS));
    x64_mov_rm(a, X64_Q, X64_RDX, x64_mem(FUNC, PY311_OFF_FUNC_BUILTINS));
    x64_mov_mr(a, X64_Q, new_frame(PY311_OFF_FRAME_FUNC), FUNC);
    x64_mov_mr(a, X64_Q, new_frame(PY311_OFF_FRAME_GLOBALS), X64_RCX);
    x64_mov_mr(a, X64_Q, new_frame(PY311_OFF_FRAME_BUILTINS), X64_RDX);
    x64_mov_mi(a, X64_Q, new_frame(PY311_OFF_FRAME_LOCALS), 0);
    x64_mov_mr(a, X64_Q, new_frame(PY311_OFF_FRAME_CODE), CODE);
    x64_mov_mi(a, X64_Q, new_frame(PY311_OFF_FRAME_OBJ), 0);
    x64_mov_mr(a, X64_Q, new_frame(PY311_OFF_FRAME_PREVIOUS), FRAME);
    x64_lea(a, X64_Q, CODE, x64_mem(CODE, PY311_OFF_CODE_CODE - 2)); /* the unit before the first */
    x64_mov_mr(a, X64_Q, new_frame(PY311_OFF_FRAME_PREV_INSTR), CODE);
    x64_mov_ri(a, WORD, (uint64_t)py311_frame_word(PY311_OWNED_BY_THREAD));
    x64_mov_mr(a, X64_Q, new_frame(PY311_OFF_FRAME_STACKTOP), WORD);
}

/* `nargs` arguments, then NULLs: CHUNK at a time, so that most functions need one pair of stores. What is written too
 * much is the value stack's place, or free. */
static void fill_locals(X64Asm *a, int nargs)
{
    X64Label more = x64_label(a), done = x64_label(a);
    for (int k = 0; k < nargs; k++) {
        x64_mov_rm(a, X64_Q, WORD, out_area(1 + k));
        x64_mov_mr(a, X64_Q, new_frame(PY311_OFF_FRAME_LOCALSPLUS + 8 * k), WORD);
    }
    x64_mov_rm(a, X64_D, X64_RCX, x64_mem(CALLEE, offsetof(RtCallee, nlocalsplus)));
    x64_lea(a, X64_Q, X64_RDX, new_frame(PY311_OFF_FRAME_LOCALSPLUS + 8 * nargs));
    x64_alu_ri(a, X64_SUB, X64_D, X64_RCX, nargs);
    x64_jcc(a, X64_LE, done);
    x64_sse_rr(a, X64_XORPS, X64_XMM0, X64_XMM0);
    x64_bind(a, more);
    for (int k = 0; k < CHUNK; k += 2) {
        x64_sse_mr(a, X64_MOVUPS, x64_mem(X64_RDX, 8 * k), X64_XMM0);
    }
    x64_alu_ri(a, X64_ADD, X64_Q, X64_RDX, 8 * CHUNK);
    x64_alu_ri(a, X64_SUB, X64_D, X64_RCX, CHUNK);
    x64_jcc(a, X64_G, more);
    x64_bind(a, done);
}

enum { SITE = 7 }; /* bytes of a site behind the call of the stub */

void lir_emit_call_py(X64Asm *a, const void *call, const void *leave)
{
    x64_call_abs(a, call);
    uint32_t start = a->cur->len;
    x64_call_r(a, X64_RAX);
    x64_call_abs(a, leave);
    BASE_CHECK(a->cur->len - start == SITE);
}

/* The frame's entry in rax, its arguments in place; or SITE is skipped, with the result in rax. */
static void make_call(X64Asm *a, int nargs)
{
    X64Label slow = x64_label(a);
    take_room(a, slow);
    init_frame(a);
    fill_locals(a, nargs);
    x64_mov_mr(a, X64_Q, x64_mem(CFRAME, PY311_OFF_CFRAME_CURRENT_FRAME), NEW);
    x64_mov_rm(a, X64_Q, X64_RAX, x64_mem(CALLEE, offsetof(RtCallee, entry)));
    x64_mov_rr(a, X64_Q, X64_RDI, TS);
    x64_ret(a);

    x64_section(a, X64_COLD);
    x64_bind(a, slow);
    x64_mov_rm(a, X64_Q, X64_RCX, out_area(0));
    x64_mov_rm(a, X64_Q, X64_RCX, x64_mem(X64_RCX, PY311_OFF_FUNC_CODE));
    x64_mov_ri(a, X64_RDX, (uint64_t)nargs + 1);
    x64_lea(a, X64_Q, X64_RSI, out_area(0));
    x64_mov_rr(a, X64_Q, X64_RDI, TS);
    x64_alu_ri(a, X64_SUB, X64_Q, X64_RSP, 8); /* aligned for the call */
    x64_call_abs(a, (const void *)(uintptr_t)rt_call_py);
    x64_alu_ri(a, X64_ADD, X64_Q, X64_RSP, 8);
    x64_pop_r(a, X64_RCX);
    x64_alu_ri(a, X64_ADD, X64_Q, X64_RCX, SITE);
    x64_jmp_r(a, X64_RCX);
    x64_section(a, X64_HOT);
}

/* Ends the frame of a callee that gave rax. */
static void make_leave(X64Asm *a, int nlocalsplus)
{
    x64_mov_rr(a, X64_Q, X64_RDI, TS);
    x64_mov_rr(a, X64_Q, X64_RSI, X64_RAX);
    x64_jmp_abs(a, (const void *)(uintptr_t)rt_leave_py(nlocalsplus));
}

/* CheckEval: is tracing on, or the eval breaker set? Tells by the flags, NE; only the scratch register is lost. */
static void make_poll(X64Asm *a, int Py_UNUSED(n))
{
    x64_push_r(a, X64_RCX);
    x64_mov_rm(a, X64_Q, X64_R11, x64_mem(TS, PY311_OFF_TS_CFRAME));
    x64_mov_rm(a, X64_Q, X64_RCX, x64_mem(TS, PY311_OFF_TS_INTERP));
    x64_movzx_rm(a, X64_B, X64_R11, x64_mem(X64_R11, PY311_OFF_CFRAME_USE_TRACING));
    x64_alu_rm(a, X64_OR, X64_D, X64_R11, x64_mem(X64_RCX, PY311_OFF_INTERP_EVAL_BREAKER));
    x64_pop_r(a, X64_RCX);
    x64_ret(a);
}

static const void *install(CodeCache *cc, const char *name, void (*make)(X64Asm *, int), int n)
{
    X64Asm a;
    lir_begin_code(cc, &a);
    make(&a, n);
    const void *code = lir_install_code(cc, &a, name);
    x64_free(&a);
    return code;
}

bool lir_shared_install(CodeCache *cc)
{
    RtShared *s = &rt_direct.shared;
    bool ok = true;
    for (int n = 0; n < RT_SHARED_CALLS; n++) {
        s->call[n] = install(cc, "pyston call of a function", make_call, n);
        ok = ok && s->call[n] != NULL;
    }
    for (int n = 0; n < RT_LEAVES; n++) {
        s->leave[n] = install(cc, "pyston end of a call", make_leave, n);
        ok = ok && s->leave[n] != NULL;
    }
    s->poll = install(cc, "pyston check", make_poll, 0);
    return ok && s->poll != NULL;
}
