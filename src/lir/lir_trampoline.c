/* The exit trampoline: where compiled code goes when it cannot go on.
 *
 * Entered by a jump from a unit's tail with the unit in r11 and the exit's
 * number on top of the stack; rbx is the frame, r12 the thread state, rbp the
 * compiled function's frame pointer, and below the number lies rsp as compiled
 * code had it (16-byte aligned).  It saves every register, calls the handler,
 * and returns its result from the compiled function, or jumps to the unit that the handler says goes
 * on with the frame, as if the compiled function's caller had called that. */
#include "lir_compile.h"
#include "lir_internal.h"
#include "x64.h"

void lir_begin_code(const CodeCache *cc, X64Asm *a)
{
    uintptr_t lo, hi;
    x64_init(a);
    cc_range(cc, &lo, &hi);
    x64_set_code_range(a, lo, hi);
}

const void *lir_install_code(CodeCache *cc, X64Asm *a, const char *name)
{
    if (x64_finalize(a) != 0) {
        return NULL;
    }
    CcWindow w;
    CodeBlob *b = cc_alloc(cc, x64_size(a, X64_HOT), x64_size(a, X64_COLD), name, NULL);
    if (b == NULL || cc_open(cc, b, &w) != 0) {
        return NULL;
    }
    int ok = x64_copy_to(a, w.hot, b->hot, w.cold, b->cold);
    if (cc_close(cc, &w) != 0 || ok != 0) {
        return NULL;
    }
    cc_publish(cc, b);
    return (const void *)b->hot;
}

const void *lir_trampoline_install(CodeCache *cc, LirExitHandler handler)
{
    static const uint8_t saved[] = {X64_R15, X64_R14, X64_R13, X64_R12, X64_RBX, X64_RBP};
    enum { REGS = (int)sizeof(RtRegs), ROOM = REGS + 8 };
    _Static_assert(REGS % 16 == 0, "the number's word and 8 more keep rsp aligned");
    X64Asm a;
    lir_begin_code(cc, &a);
    x64_alu_ri(&a, X64_SUB, X64_Q, X64_RSP, ROOM);
    for (int r = 0; r < 16; r++) {
        if (r != X64_RSP) {
            x64_mov_mr(&a, X64_Q, x64_mem(X64_RSP, 8 * r), (X64Reg)r);
        }
    }
    x64_lea(&a, X64_Q, X64_RAX, x64_mem(X64_RSP, ROOM + 8));
    x64_mov_mr(&a, X64_Q, x64_mem(X64_RSP, 8 * X64_RSP), X64_RAX);
    for (int r = 0; r < 16; r++) {
        x64_sse_mr(&a, X64_MOVSD, x64_mem(X64_RSP, (int)offsetof(RtRegs, xmm) + 8 * r), (X64Xmm)r);
    }
    x64_mov_rr(&a, X64_Q, X64_RDI, X64_R12);
    x64_mov_rr(&a, X64_Q, X64_RSI, X64_RBX);
    x64_mov_rr(&a, X64_Q, X64_RDX, X64_R11);
    x64_mov_rm(&a, X64_D, X64_RCX, x64_mem(X64_RSP, ROOM));
    x64_mov_rr(&a, X64_Q, X64_R8, X64_RSP);
    x64_call_abs(&a, (const void *)(uintptr_t)handler);
    /* RtLeave: the result in rax, the unit's entry or NULL in rdx; its arguments, if it has any. */
    _Static_assert(sizeof(RtLeave) == 16 && offsetof(RtLeave, next) == 8,
                   "returned in rax and rdx");
    x64_mov_rr(&a, X64_Q, X64_RDI, X64_R12);
    x64_mov_rr(&a, X64_Q, X64_RSI, X64_RBX);
    x64_test_rr(&a, X64_Q, X64_RDX, X64_RDX);
    x64_lea(&a, X64_Q, X64_RSP, x64_mem(X64_RBP, -40));
    for (unsigned k = 0; k < sizeof saved; k++) {
        x64_pop_r(&a, (X64Reg)saved[k]);
    }
    X64Label next = x64_label(&a);
    x64_jcc(&a, X64_NE, next);
    x64_ret(&a);
    x64_bind(&a, next);
    x64_jmp_r(&a, X64_RDX);

    const void *entry = lir_install_code(cc, &a, "pyston exit trampoline");
    x64_free(&a);
    return entry;
}
