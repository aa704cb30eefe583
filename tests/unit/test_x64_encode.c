/* The encoder against an independent disassembler (capstone): every instruction form with every
 * register, with the addressing modes that have special encodings (RSP/R12 need a SIB byte,
 * RBP/R13 a displacement), with all displacement and immediate sizes, and with random operands.
 *
 * Each check emits one instruction, disassembles it and compares mnemonic, operands, sizes and
 * length. Nothing is compared with bytes written down by hand, except where the length is the
 * point (shortest forms).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <capstone/capstone.h>
#include <cmocka.h>

#include "x64.h"

#define EXEC_HOT  ((uintptr_t)0x10000000)
#define EXEC_COLD ((uintptr_t)0x10100000)

static csh dis;
static X64Asm as;
static uint8_t hot[4096], cold[4096];
static unsigned long checks;

static int setup(void **state)
{
    (void)state;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &dis) != CS_ERR_OK) {
        return -1;
    }
    cs_option(dis, CS_OPT_DETAIL, CS_OPT_ON);
    x64_init(&as);
    x64_set_code_range(&as, EXEC_HOT, EXEC_HOT + (64 << 20));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    x64_free(&as);
    cs_close(&dis);
    return 0;
}

/* Each test starts empty, also after one that failed half-way. */
static int fresh(void **state)
{
    (void)state;
    x64_reset(&as);
    return 0;
}

/* ---- operands as capstone names them ------------------------------------------------------- */

static const x86_reg regs8[16] = {X86_REG_AL,   X86_REG_CL,   X86_REG_DL,   X86_REG_BL,
                                  X86_REG_SPL,  X86_REG_BPL,  X86_REG_SIL,  X86_REG_DIL,
                                  X86_REG_R8B,  X86_REG_R9B,  X86_REG_R10B, X86_REG_R11B,
                                  X86_REG_R12B, X86_REG_R13B, X86_REG_R14B, X86_REG_R15B};
static const x86_reg regs16[16] = {X86_REG_AX,   X86_REG_CX,   X86_REG_DX,   X86_REG_BX,
                                   X86_REG_SP,   X86_REG_BP,   X86_REG_SI,   X86_REG_DI,
                                   X86_REG_R8W,  X86_REG_R9W,  X86_REG_R10W, X86_REG_R11W,
                                   X86_REG_R12W, X86_REG_R13W, X86_REG_R14W, X86_REG_R15W};
static const x86_reg regs32[16] = {X86_REG_EAX,  X86_REG_ECX,  X86_REG_EDX,  X86_REG_EBX,
                                   X86_REG_ESP,  X86_REG_EBP,  X86_REG_ESI,  X86_REG_EDI,
                                   X86_REG_R8D,  X86_REG_R9D,  X86_REG_R10D, X86_REG_R11D,
                                   X86_REG_R12D, X86_REG_R13D, X86_REG_R14D, X86_REG_R15D};
static const x86_reg regs64[16] = {X86_REG_RAX, X86_REG_RCX, X86_REG_RDX, X86_REG_RBX,
                                   X86_REG_RSP, X86_REG_RBP, X86_REG_RSI, X86_REG_RDI,
                                   X86_REG_R8,  X86_REG_R9,  X86_REG_R10, X86_REG_R11,
                                   X86_REG_R12, X86_REG_R13, X86_REG_R14, X86_REG_R15};

static x86_reg gpr(X64Width w, unsigned r)
{
    return (w == X64_B ? regs8 : w == X64_W ? regs16 : w == X64_D ? regs32 : regs64)[r];
}

typedef struct Operand {
    x86_op_type type;
    x86_reg reg;
    X64Mem mem;
    int64_t imm;
    unsigned size;
} Operand;

static Operand R(X64Width w, unsigned r)
{
    return (Operand){.type = X86_OP_REG, .reg = gpr(w, r), .size = w};
}

static Operand X(unsigned x)
{
    return (Operand){.type = X86_OP_REG, .reg = (x86_reg)(X86_REG_XMM0 + x), .size = 16};
}

static Operand M(X64Mem m, unsigned size)
{
    return (Operand){.type = X86_OP_MEM, .mem = m, .size = size};
}

static Operand I(int64_t imm, unsigned size)
{
    return (Operand){.type = X86_OP_IMM, .imm = imm, .size = size};
}

static int64_t truncate_to(int64_t v, unsigned size)
{
    return size == 1 ? (int8_t)v : size == 2 ? (int16_t)v : size == 4 ? (int32_t)v : v;
}

/* ---- checking ------------------------------------------------------------------------------ */

static const char *where; /* what is being checked, for messages */

#define FAIL_IF(cond, ...)                                                       \
    do {                                                                         \
        if (cond) {                                                              \
            fprintf(stderr, "%s: %s %s: ", where, insn->mnemonic, insn->op_str); \
            fprintf(stderr, __VA_ARGS__);                                        \
            fputc('\n', stderr);                                                 \
            fail();                                                              \
        }                                                                        \
    } while (0)

/* Finalises what was emitted at fixed addresses; returns the hot size. */
static uint32_t finish(void)
{
    if (x64_finalize(&as) < 0 || x64_copy_to(&as, hot, EXEC_HOT, cold, EXEC_COLD) < 0) {
        fprintf(stderr, "%s: %s\n", where, as.error);
        fail();
    }
    return x64_size(&as, X64_HOT);
}

static void check_operand(const cs_insn *insn, const cs_x86_op *got, const Operand *want)
{
    FAIL_IF(got->type != want->type, "operand type %d, not %d", got->type, want->type);
    if (want->size) {
        FAIL_IF(got->size != want->size, "operand size %d, not %u", got->size, want->size);
    }
    if (want->type == X86_OP_REG) {
        FAIL_IF(got->reg != want->reg, "register %s, not %s", cs_reg_name(dis, got->reg),
                cs_reg_name(dis, want->reg));
        return;
    }
    if (want->type == X86_OP_IMM) {
        unsigned n = want->size ? want->size : 8;
        FAIL_IF(truncate_to(got->imm, n) != truncate_to(want->imm, n), "immediate %lld, not %lld",
                (long long)got->imm, (long long)want->imm);
        return;
    }
    X64Mem m = want->mem;
    if (m.kind != X64_MEM_BASE && m.kind != X64_MEM_FS) {
        FAIL_IF(got->mem.base != X86_REG_RIP || got->mem.index != X86_REG_INVALID,
                "not RIP-relative");
        uintptr_t to = (uintptr_t)((int64_t)(insn->address + insn->size) + got->mem.disp);
        uintptr_t expected = m.kind == X64_MEM_ABS ? as.addrs.data[m.disp]
                             : m.kind == X64_MEM_LABEL
                                 ? x64_label_addr(&as, (X64Label){(uint32_t)m.disp})
                                 : EXEC_COLD + as.pool_offset + as.consts.data[m.disp].offset;
        FAIL_IF(to != expected, "points to %lx, not %lx", (unsigned long)to,
                (unsigned long)expected);
        return;
    }
    if (m.base == X64_NOREG && m.index != X64_NOREG && m.scale_log2 == 0) {
        m.base = m.index;
        m.index = X64_NOREG;
    }
    x86_reg base = m.base == X64_NOREG ? X86_REG_INVALID : regs64[m.base];
    x86_reg index = m.index == X64_NOREG ? X86_REG_INVALID : regs64[m.index];
    /* [disp32] without base needs a SIB byte, whose "no index" some versions call RIZ. */
    x86_reg got_index = got->mem.index == X86_REG_RIZ ? X86_REG_INVALID : got->mem.index;
    FAIL_IF(got->mem.base != base, "base");
    FAIL_IF(got_index != index, "index");
    FAIL_IF(index != X86_REG_INVALID && got->mem.scale != 1 << m.scale_log2, "scale %d",
            got->mem.scale);
    FAIL_IF(got->mem.disp != m.disp, "displacement %lld, not %d", (long long)got->mem.disp, m.disp);
    x86_reg segment = m.kind == X64_MEM_FS ? X86_REG_FS : X86_REG_INVALID;
    FAIL_IF(got->mem.segment != segment, "segment");
}

/* The hot section must hold exactly one instruction: `id` with these operands. */
static void check(unsigned id, unsigned n, const Operand *ops)
{
    uint32_t size = finish();
    cs_insn *insn;
    size_t count = cs_disasm(dis, hot, size, EXEC_HOT, 0, &insn);
    if (count != 1 || insn[0].size != size) {
        fprintf(stderr, "%s: %zu instructions in %u bytes:", where, count, size);
        for (uint32_t i = 0; i < size; i++) {
            fprintf(stderr, " %02x", hot[i]);
        }
        fputc('\n', stderr);
        fail();
    }
    const cs_x86 *x = &insn->detail->x86;
    FAIL_IF(insn->id != id, "wrong instruction, wanted %s", cs_insn_name(dis, id));
    FAIL_IF(x->op_count != n, "%d operands, not %u", x->op_count, n);
    for (unsigned i = 0; i < n; i++) {
        check_operand(insn, &x->operands[i], &ops[i]);
    }
    cs_free(insn, count);
    x64_reset(&as);
    checks++;
}

#define CHECK(id, ...)                                   \
    do {                                                 \
        Operand ops_[] = {__VA_ARGS__};                  \
        check((id), sizeof ops_ / sizeof ops_[0], ops_); \
    } while (0)

/* ---- sets of operands ---------------------------------------------------------------------- */

static const X64Width widths[] = {X64_B, X64_W, X64_D, X64_Q};
static const int32_t disps[] = {0, 1, -1, 127, 128, -128, -129, 0x1234, INT32_MAX, INT32_MIN};
static const int32_t imms[] = {0,   1,   -1,    42,     127,   128,        -128,      -129,
                               255, 256, 32767, -32768, 65535, 0x12345678, INT32_MAX, INT32_MIN};

/* An immediate that the width can hold, in its signed spelling. */
static bool imm_ok(X64Width w, int32_t imm)
{
    return w >= X64_D || (w == X64_B ? imm == (int8_t)imm : imm == (int16_t)imm);
}

#define MAX_MEMS 4096
static X64Mem mems[MAX_MEMS];
static unsigned nmems;

static uint64_t rng = 0x9e3779b97f4a7c15;

static uint32_t rnd(uint32_t below)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 32) % below;
}

static X64Mem random_mem(void)
{
    unsigned base = rnd(17), index = rnd(17);
    base = base == 16 ? X64_NOREG : base;
    index = index == 16 || index == X64_RSP ? X64_NOREG : index;
    int32_t disp = rnd(2) ? disps[rnd(sizeof disps / sizeof *disps)] : (int32_t)rnd(UINT32_MAX);
    if (index == X64_NOREG) {
        return x64_mem((X64Reg)base, disp);
    }
    return x64_mem_index((X64Reg)base, (X64Reg)index, 1 << rnd(4), disp);
}

/* Every base with every displacement; every index and scale with the special bases; and random
 * ones. */
static void make_mems(void)
{
    nmems = 0;
    for (unsigned b = 0; b <= 16; b++) {
        for (unsigned d = 0; d < sizeof disps / sizeof *disps; d++) {
            mems[nmems++] = x64_mem((X64Reg)(b == 16 ? X64_NOREG : b), disps[d]);
        }
    }
    mems[nmems++] = x64_mem_fs(-152);
    static const unsigned bases[] = {X64_RAX, X64_RSP, X64_RBP,  X64_R8,
                                     X64_R12, X64_R13, X64_NOREG};
    for (unsigned b = 0; b < sizeof bases / sizeof *bases; b++) {
        for (unsigned i = 0; i < 16; i++) {
            for (int s = 1; s <= 8 && i != X64_RSP; s *= 2) {
                for (unsigned d = 0; d < 5; d += 2) { /* 0, -1, 128 */
                    mems[nmems++] = x64_mem_index((X64Reg)bases[b], (X64Reg)i, s, disps[d]);
                }
            }
        }
    }
    for (unsigned i = 0; i < 200; i++) {
        mems[nmems++] = random_mem();
    }
    assert_true(nmems <= MAX_MEMS);
}

#define EACH_WIDTH(w, from) \
    for (unsigned w##_i = (from), w = 0; w##_i < 4 && (w = widths[w##_i], true); w##_i++)
#define EACH_REG(r) for (unsigned r = 0; r < 16; r++)
#define EACH_MEM(m) for (X64Mem *m = mems; m < mems + nmems; m++)
#define EACH_IMM(i) for (const int32_t *i = imms; i < imms + sizeof imms / sizeof *imms; i++)
/* Some memory operands, for loops that already have many dimensions. */
#define SOME_MEM(m) for (X64Mem *m = mems + rnd(7); m < mems + nmems; m += 1 + rnd(60))

/* ---- tests --------------------------------------------------------------------------------- */

static void test_moves(void **state)
{
    (void)state;
    where = "mov";
    make_mems();
    EACH_WIDTH(w, 0)
    {
        EACH_REG(r)
        {
            EACH_REG(s)
            {
                if (w == X64_Q && r == s) {
                    continue;
                }
                x64_mov_rr(&as, w, (X64Reg)r, (X64Reg)s);
                CHECK(X86_INS_MOV, R(w, r), R(w, s));
            }
        }
        EACH_MEM(m)
        {
            unsigned r = rnd(16);
            x64_mov_rm(&as, w, (X64Reg)r, *m);
            CHECK(X86_INS_MOV, R(w, r), M(*m, w));
            r = rnd(16);
            x64_mov_mr(&as, w, *m, (X64Reg)r);
            CHECK(X86_INS_MOV, M(*m, w), R(w, r));
        }
        EACH_REG(r)
        {
            SOME_MEM(m)
            {
                x64_mov_rm(&as, w, (X64Reg)r, *m);
                CHECK(X86_INS_MOV, R(w, r), M(*m, w));
                x64_mov_mr(&as, w, *m, (X64Reg)r);
                CHECK(X86_INS_MOV, M(*m, w), R(w, r));
            }
        }
        EACH_IMM(i)
        {
            if (imm_ok((X64Width)w, *i)) {
                SOME_MEM(m)
                {
                    x64_mov_mi(&as, w, *m, *i);
                    CHECK(X86_INS_MOV, M(*m, w), I(*i, w));
                }
            }
        }
    }
    x64_mov_rr(&as, X64_Q, X64_R9, X64_R9);
    assert_int_equal(finish(), 0);
    x64_reset(&as);
}

static void test_constants(void **state)
{
    (void)state;
    where = "mov constant";
    static const struct {
        uint64_t value;
        unsigned size; /* for RAX */
    } cases[] = {
        {0, 5},
        {1, 5},
        {0x7fffffff, 5},
        {0x80000000, 5},
        {0xffffffff, 5},
        {0x100000000, 10},
        {UINT64_MAX, 7},
        {(uint64_t)INT64_MIN, 10},
        {(uint64_t)INT32_MIN, 7},
        {(uint64_t)INT32_MIN - 1, 10},
        {0x123456789abcdef0, 10},
    };
    for (unsigned k = 0; k < sizeof cases / sizeof *cases; k++) {
        EACH_REG(r)
        {
            unsigned more = r >= 8 && cases[k].size == 5;
            x64_mov_ri(&as, (X64Reg)r, cases[k].value);
            assert_int_equal(finish(), cases[k].size + more);
            unsigned id = cases[k].size == 10 ? X86_INS_MOVABS : X86_INS_MOV;
            X64Width w = cases[k].size == 5 ? X64_D : X64_Q;
            CHECK(id, R(w, r), I((int64_t)cases[k].value, w));
            x64_movabs(&as, (X64Reg)r, cases[k].value);
            CHECK(X86_INS_MOVABS, R(X64_Q, r), I((int64_t)cases[k].value, 8));
        }
    }
    EACH_REG(r)
    {
        x64_mov_ri_flags(&as, (X64Reg)r, 0);
        CHECK(X86_INS_XOR, R(X64_D, r), R(X64_D, r));
        x64_mov_ri_flags(&as, (X64Reg)r, 5);
        CHECK(X86_INS_MOV, R(X64_D, r), I(5, 4));
    }
    /* An address near the code takes a lea, one below 4 GiB a mov, others a movabs. */
    x64_mov_addr(&as, X64_RDX, (void *)0x12345678);
    CHECK(X86_INS_MOV, R(X64_D, X64_RDX), I(0x12345678, 4));
    x64_mov_addr(&as, X64_RDX, (void *)0x7fff12345678);
    CHECK(X86_INS_MOVABS, R(X64_Q, X64_RDX), I(0x7fff12345678, 8));
    uintptr_t high = (uintptr_t)0x7f0000000000;
    x64_set_code_range(&as, high, high + (1 << 20));
    x64_mov_addr(&as, X64_R11, (void *)(high - 0x1000));
    assert_int_equal(x64_finalize(&as), 0);
    assert_int_equal(x64_copy_to(&as, hot, high, cold, high + 4096), 0);
    assert_int_equal(x64_size(&as, X64_HOT), 7);
    cs_insn *insn;
    assert_int_equal(cs_disasm(dis, hot, 7, high, 0, &insn), 1);
    assert_int_equal(insn->id, X86_INS_LEA);
    assert_true((int64_t)(high + 7) + insn->detail->x86.operands[1].mem.disp ==
                (int64_t)(high - 0x1000));
    cs_free(insn, 1);
    x64_reset(&as);
    x64_set_code_range(&as, EXEC_HOT, EXEC_HOT + (64 << 20));
}

static void test_extensions(void **state)
{
    (void)state;
    where = "movzx/movsx";
    make_mems();
    EACH_WIDTH(w, 0)
    {
        if (w == X64_Q) {
            break;
        }
        EACH_REG(r)
        {
            EACH_REG(s)
            {
                x64_movzx_rr(&as, w, (X64Reg)r, (X64Reg)s);
                CHECK(w == X64_D ? X86_INS_MOV : X86_INS_MOVZX, R(X64_D, r), R(w, s));
                x64_movsx_rr(&as, w, (X64Reg)r, (X64Reg)s);
                CHECK(w == X64_D ? X86_INS_MOVSXD : X86_INS_MOVSX, R(X64_Q, r), R(w, s));
            }
            SOME_MEM(m)
            {
                x64_movzx_rm(&as, w, (X64Reg)r, *m);
                CHECK(w == X64_D ? X86_INS_MOV : X86_INS_MOVZX, R(X64_D, r), M(*m, w));
                x64_movsx_rm(&as, w, (X64Reg)r, *m);
                CHECK(w == X64_D ? X86_INS_MOVSXD : X86_INS_MOVSX, R(X64_Q, r), M(*m, w));
            }
        }
    }
    where = "lea";
    EACH_MEM(m)
    {
        unsigned r = rnd(16);
        x64_lea(&as, X64_Q, (X64Reg)r, *m);
        CHECK(X86_INS_LEA, R(X64_Q, r), M(*m, 0));
        x64_lea(&as, X64_D, (X64Reg)r, *m);
        CHECK(X86_INS_LEA, R(X64_D, r), M(*m, 0));
    }
}

static void test_xchg_push_pop(void **state)
{
    (void)state;
    where = "xchg/push/pop";
    make_mems();
    EACH_WIDTH(w, 0)
    {
        EACH_REG(r)
        {
            EACH_REG(s)
            {
                x64_xchg_rr(&as, w, (X64Reg)r, (X64Reg)s);
                CHECK(X86_INS_XCHG, R(w, r), R(w, s));
            }
            SOME_MEM(m)
            {
                x64_xchg_mr(&as, w, *m, (X64Reg)r);
                CHECK(X86_INS_XCHG, M(*m, w), R(w, r));
            }
        }
    }
    EACH_REG(r)
    {
        x64_push_r(&as, (X64Reg)r);
        CHECK(X86_INS_PUSH, R(X64_Q, r));
        x64_pop_r(&as, (X64Reg)r);
        CHECK(X86_INS_POP, R(X64_Q, r));
    }
    EACH_MEM(m)
    {
        x64_push_m(&as, *m);
        CHECK(X86_INS_PUSH, M(*m, 8));
        x64_pop_m(&as, *m);
        CHECK(X86_INS_POP, M(*m, 8));
    }
    EACH_IMM(i)
    {
        x64_push_i(&as, *i);
        CHECK(X86_INS_PUSH, I(*i, 0)); /* sign-extended to 64 bits */
    }
}

static const unsigned alu_ids[8] = {X86_INS_ADD, X86_INS_OR,  X86_INS_ADC, X86_INS_SBB,
                                    X86_INS_AND, X86_INS_SUB, X86_INS_XOR, X86_INS_CMP};

static void test_alu(void **state)
{
    (void)state;
    where = "alu";
    make_mems();
    for (unsigned op = 0; op < 8; op++) {
        EACH_WIDTH(w, 0)
        {
            EACH_REG(r)
            {
                EACH_REG(s)
                {
                    x64_alu_rr(&as, (X64Alu)op, w, (X64Reg)r, (X64Reg)s);
                    CHECK(alu_ids[op], R(w, r), R(w, s));
                }
                EACH_IMM(i)
                {
                    if (imm_ok((X64Width)w, *i)) {
                        x64_alu_ri(&as, (X64Alu)op, w, (X64Reg)r, *i);
                        CHECK(alu_ids[op], R(w, r), I(*i, w));
                    }
                }
                SOME_MEM(m)
                {
                    x64_alu_rm(&as, (X64Alu)op, w, (X64Reg)r, *m);
                    CHECK(alu_ids[op], R(w, r), M(*m, w));
                    x64_alu_mr(&as, (X64Alu)op, w, *m, (X64Reg)r);
                    CHECK(alu_ids[op], M(*m, w), R(w, r));
                    int32_t i = imms[rnd(sizeof imms / sizeof *imms)];
                    if (imm_ok((X64Width)w, i)) {
                        x64_alu_mi(&as, (X64Alu)op, w, *m, i);
                        CHECK(alu_ids[op], M(*m, w), I(i, w));
                    }
                }
            }
        }
    }
    /* Both spellings of a 16- or 8-bit immediate mean the same bits. */
    x64_alu_ri(&as, X64_CMP, X64_W, X64_RCX, 0xffff);
    CHECK(X86_INS_CMP, R(X64_W, X64_RCX), I(-1, 2));
    x64_alu_ri(&as, X64_CMP, X64_B, X64_RCX, 0xff);
    CHECK(X86_INS_CMP, R(X64_B, X64_RCX), I(-1, 1));
}

/* Shortest immediate forms. */
static void test_alu_sizes(void **state)
{
    (void)state;
    where = "alu sizes";
    x64_alu_ri(&as, X64_ADD, X64_Q, X64_RAX, 127);
    assert_int_equal(finish(), 4);
    x64_reset(&as);
    x64_alu_ri(&as, X64_ADD, X64_Q, X64_RAX, 128); /* accumulator form */
    assert_int_equal(finish(), 6);
    x64_reset(&as);
    x64_alu_ri(&as, X64_ADD, X64_Q, X64_RCX, 128);
    assert_int_equal(finish(), 7);
    x64_reset(&as);
    x64_alu_ri(&as, X64_CMP, X64_D, X64_RCX, -128);
    assert_int_equal(finish(), 3);
    x64_reset(&as);
    static const struct {
        X64Mem m;
        unsigned size;
    } loads[] = {
        {{X64_MEM_BASE, X64_RAX, X64_NOREG, 0, 0}, 3},
        {{X64_MEM_BASE, X64_RSP, X64_NOREG, 0, 0}, 4},
        {{X64_MEM_BASE, X64_R12, X64_NOREG, 0, 0}, 4},
        {{X64_MEM_BASE, X64_RBP, X64_NOREG, 0, 0}, 4},
        {{X64_MEM_BASE, X64_R13, X64_NOREG, 0, 0}, 4},
        {{X64_MEM_BASE, X64_RAX, X64_NOREG, 0, 127}, 4},
        {{X64_MEM_BASE, X64_RAX, X64_NOREG, 0, 128}, 7},
        {{X64_MEM_BASE, X64_RAX, X64_RCX, 3, 0}, 4},
        {{X64_MEM_BASE, X64_NOREG, X64_RCX, 0, 8}, 4}, /* becomes [rcx + 8] */
        {{X64_MEM_BASE, X64_NOREG, X64_RCX, 1, 8}, 8},
    };
    for (unsigned i = 0; i < sizeof loads / sizeof *loads; i++) {
        x64_mov_rm(&as, X64_Q, X64_RDX, loads[i].m);
        assert_int_equal(finish(), loads[i].size);
        x64_reset(&as);
    }
}

static void test_test(void **state)
{
    (void)state;
    where = "test";
    make_mems();
    EACH_WIDTH(w, 0)
    {
        EACH_REG(r)
        {
            EACH_REG(s)
            {
                x64_test_rr(&as, w, (X64Reg)r, (X64Reg)s);
                CHECK(X86_INS_TEST, R(w, r), R(w, s));
            }
            EACH_IMM(i)
            {
                if (!imm_ok((X64Width)w, *i)) {
                    continue;
                }
                /* Masks without high bits may be narrowed. */
                X64Width n = (X64Width)w;
                n = n == X64_Q && *i >= 0 ? X64_D : n;
                n = n == X64_D && *i >= 0 && *i < 128 ? X64_B : n;
                x64_test_ri(&as, w, (X64Reg)r, *i);
                CHECK(X86_INS_TEST, R(n, r), I(*i, n));
            }
            SOME_MEM(m)
            {
                x64_test_mr(&as, w, *m, (X64Reg)r);
                CHECK(X86_INS_TEST, M(*m, w), R(w, r));
                int32_t i = imms[rnd(sizeof imms / sizeof *imms)];
                if (imm_ok((X64Width)w, i)) {
                    x64_test_mi(&as, w, *m, i);
                    CHECK(X86_INS_TEST, M(*m, w), I(i, w));
                }
            }
        }
    }
}

static void test_unary_shift(void **state)
{
    (void)state;
    where = "unary";
    make_mems();
    static const unsigned unary_ids[8] = {X86_INS_INC, X86_INS_DEC,  X86_INS_NOT, X86_INS_NEG,
                                          X86_INS_MUL, X86_INS_IMUL, X86_INS_DIV, X86_INS_IDIV};
    for (unsigned op = 0; op < 8; op++) {
        EACH_WIDTH(w, 0)
        {
            EACH_REG(r)
            {
                x64_unary_r(&as, (X64Unary)op, w, (X64Reg)r);
                CHECK(unary_ids[op], R(w, r));
            }
            SOME_MEM(m)
            {
                x64_unary_m(&as, (X64Unary)op, w, *m);
                CHECK(unary_ids[op], M(*m, w));
            }
        }
    }
    where = "shift";
    static const struct {
        X64Shift op;
        unsigned id;
    } shifts[] = {{X64_ROL, X86_INS_ROL},
                  {X64_ROR, X86_INS_ROR},
                  {X64_SHL, X86_INS_SHL},
                  {X64_SHR, X86_INS_SHR},
                  {X64_SAR, X86_INS_SAR}};
    for (unsigned k = 0; k < 5; k++) {
        EACH_WIDTH(w, 0)
        {
            EACH_REG(r)
            {
                for (unsigned c = 0; c < w * 8; c += 1 + rnd(9)) {
                    x64_shift_ri(&as, shifts[k].op, w, (X64Reg)r, (uint8_t)c);
                    CHECK(shifts[k].id, R(w, r), I(c, 0));
                }
                x64_shift_ri(&as, shifts[k].op, w, (X64Reg)r, 1);
                CHECK(shifts[k].id, R(w, r), I(1, 0));
                x64_shift_rcl(&as, shifts[k].op, w, (X64Reg)r);
                CHECK(shifts[k].id, R(w, r), R(X64_B, X64_RCX));
            }
            SOME_MEM(m)
            {
                x64_shift_mi(&as, shifts[k].op, w, *m, 3);
                CHECK(shifts[k].id, M(*m, w), I(3, 1));
                x64_shift_mi(&as, shifts[k].op, w, *m, 1);
                CHECK(shifts[k].id, M(*m, w), I(1, 0));
            }
        }
    }
}

static void test_imul_bits(void **state)
{
    (void)state;
    where = "imul/bt/bsf/bsr/popcnt";
    make_mems();
    EACH_WIDTH(w, 1)
    {
        EACH_REG(r)
        {
            EACH_REG(s)
            {
                x64_imul_rr(&as, w, (X64Reg)r, (X64Reg)s);
                CHECK(X86_INS_IMUL, R(w, r), R(w, s));
                int32_t i = imms[rnd(sizeof imms / sizeof *imms)];
                if (imm_ok((X64Width)w, i)) {
                    x64_imul_rri(&as, w, (X64Reg)r, (X64Reg)s, i);
                    CHECK(X86_INS_IMUL, R(w, r), R(w, s), I(i, w));
                }
                x64_bt_rr(&as, w, (X64Reg)r, (X64Reg)s);
                CHECK(X86_INS_BT, R(w, r), R(w, s));
                x64_bsf_rr(&as, w, (X64Reg)r, (X64Reg)s);
                CHECK(X86_INS_BSF, R(w, r), R(w, s));
                x64_bsr_rr(&as, w, (X64Reg)r, (X64Reg)s);
                CHECK(X86_INS_BSR, R(w, r), R(w, s));
                x64_popcnt_rr(&as, w, (X64Reg)r, (X64Reg)s);
                CHECK(X86_INS_POPCNT, R(w, r), R(w, s));
            }
            SOME_MEM(m)
            {
                x64_imul_rm(&as, w, (X64Reg)r, *m);
                CHECK(X86_INS_IMUL, R(w, r), M(*m, w));
                int32_t i = imms[rnd(sizeof imms / sizeof *imms)];
                if (imm_ok((X64Width)w, i)) {
                    x64_imul_rmi(&as, w, (X64Reg)r, *m, i);
                    CHECK(X86_INS_IMUL, R(w, r), M(*m, w), I(i, w));
                }
                x64_bt_mi(&as, w, *m, 5);
                CHECK(X86_INS_BT, M(*m, w), I(5, 1));
            }
            x64_bt_ri(&as, w, (X64Reg)r, 9);
            CHECK(X86_INS_BT, R(w, r), I(9, 1));
        }
    }
}

/* Tables by condition code. */
static const unsigned cmov_ids[16] = {X86_INS_CMOVO, X86_INS_CMOVNO, X86_INS_CMOVB,  X86_INS_CMOVAE,
                                      X86_INS_CMOVE, X86_INS_CMOVNE, X86_INS_CMOVBE, X86_INS_CMOVA,
                                      X86_INS_CMOVS, X86_INS_CMOVNS, X86_INS_CMOVP,  X86_INS_CMOVNP,
                                      X86_INS_CMOVL, X86_INS_CMOVGE, X86_INS_CMOVLE, X86_INS_CMOVG};
static const unsigned set_ids[16] = {X86_INS_SETO, X86_INS_SETNO, X86_INS_SETB,  X86_INS_SETAE,
                                     X86_INS_SETE, X86_INS_SETNE, X86_INS_SETBE, X86_INS_SETA,
                                     X86_INS_SETS, X86_INS_SETNS, X86_INS_SETP,  X86_INS_SETNP,
                                     X86_INS_SETL, X86_INS_SETGE, X86_INS_SETLE, X86_INS_SETG};
static const unsigned jcc_ids[16] = {X86_INS_JO, X86_INS_JNO, X86_INS_JB,  X86_INS_JAE,
                                     X86_INS_JE, X86_INS_JNE, X86_INS_JBE, X86_INS_JA,
                                     X86_INS_JS, X86_INS_JNS, X86_INS_JP,  X86_INS_JNP,
                                     X86_INS_JL, X86_INS_JGE, X86_INS_JLE, X86_INS_JG};

static void test_conditions(void **state)
{
    (void)state;
    where = "conditions";
    make_mems();
    for (unsigned cc = 0; cc < 16; cc++) {
        EACH_REG(r)
        {
            x64_setcc_r(&as, (X64Cond)cc, (X64Reg)r);
            CHECK(set_ids[cc], R(X64_B, r));
            EACH_WIDTH(w, 1)
            {
                unsigned s = rnd(16);
                x64_cmov_rr(&as, (X64Cond)cc, w, (X64Reg)r, (X64Reg)s);
                CHECK(cmov_ids[cc], R(w, r), R(w, s));
                SOME_MEM(m)
                {
                    x64_cmov_rm(&as, (X64Cond)cc, w, (X64Reg)r, *m);
                    CHECK(cmov_ids[cc], R(w, r), M(*m, w));
                }
            }
        }
        SOME_MEM(m)
        {
            x64_setcc_m(&as, (X64Cond)cc, *m);
            CHECK(set_ids[cc], M(*m, 1));
        }
    }
}

static void test_control(void **state)
{
    (void)state;
    where = "control flow";
    make_mems();
    EACH_REG(r)
    {
        x64_jmp_r(&as, (X64Reg)r);
        CHECK(X86_INS_JMP, R(X64_Q, r));
        x64_call_r(&as, (X64Reg)r);
        CHECK(X86_INS_CALL, R(X64_Q, r));
    }
    EACH_MEM(m)
    {
        x64_jmp_m(&as, *m);
        CHECK(X86_INS_JMP, M(*m, 8));
        x64_call_m(&as, *m);
        CHECK(X86_INS_CALL, M(*m, 8));
    }
    /* Absolute targets: near directly, far through the pool. */
    void *near = (void *)(EXEC_HOT - 0x1234), *far = (void *)0x7fff00001234;
    x64_call_abs(&as, near);
    CHECK(X86_INS_CALL, I((int64_t)(uintptr_t)near, 8));
    x64_jmp_abs(&as, near);
    CHECK(X86_INS_JMP, I((int64_t)(uintptr_t)near, 8));
    for (unsigned far_jmp = 0; far_jmp < 2; far_jmp++) {
        (far_jmp ? x64_jmp_abs : x64_call_abs)(&as, far);
        X64Mem want = {X64_MEM_CONST, X64_NOREG, X64_NOREG, 0, 0};
        assert_int_equal(as.consts.len, 1);
        assert_true(as.consts.data[0].lo == (uintptr_t)far);
        CHECK(far_jmp ? X86_INS_JMP : X86_INS_CALL, M(want, 8));
        uint64_t stored;
        memcpy(&stored, cold, 8);
        assert_true(stored == (uintptr_t)far);
    }
    for (unsigned cc = 0; cc < 16; cc++) {
        x64_jcc_abs(&as, (X64Cond)cc, near);
        CHECK(jcc_ids[cc], I((int64_t)(uintptr_t)near, 8));
        x64_jcc_abs(&as, (X64Cond)cc, far);
        uint32_t size = finish();
        cs_insn *insn;
        assert_int_equal(cs_disasm(dis, hot, size, EXEC_HOT, 0, &insn), 2);
        assert_int_equal(insn[0].id, jcc_ids[cc ^ 1]);
        assert_true(insn[0].detail->x86.operands[0].imm == (int64_t)(EXEC_HOT + size));
        assert_int_equal(insn[1].id, X86_INS_JMP);
        cs_free(insn, 2);
        x64_reset(&as);
    }
    x64_ret(&as);
    check(X86_INS_RET, 0, NULL);
    x64_ud2(&as);
    check(X86_INS_UD2, 0, NULL);
    x64_int3(&as);
    check(X86_INS_INT3, 0, NULL);
    x64_cqo(&as);
    check(X86_INS_CQO, 0, NULL);
    x64_cdq(&as);
    check(X86_INS_CDQ, 0, NULL);
    for (unsigned n = 1; n <= 40; n++) {
        where = "nop";
        x64_nop(&as, n);
        assert_int_equal(finish(), n);
        cs_insn *insn;
        size_t count = cs_disasm(dis, hot, n, EXEC_HOT, 0, &insn);
        assert_int_equal(count, (n + 8) / 9);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(insn[i].id, X86_INS_NOP);
        }
        cs_free(insn, count);
        x64_reset(&as);
    }
}

static const struct {
    X64Sse op;
    unsigned id;
    unsigned mem_size;
    bool store;
} sse[] = {
    {X64_MOVSD, X86_INS_MOVSD, 8, true},        {X64_MOVSS, X86_INS_MOVSS, 4, true},
    {X64_MOVAPD, X86_INS_MOVAPD, 16, true},     {X64_MOVUPD, X86_INS_MOVUPD, 16, true},
    {X64_MOVAPS, X86_INS_MOVAPS, 16, true},     {X64_MOVUPS, X86_INS_MOVUPS, 16, true},
    {X64_ADDSD, X86_INS_ADDSD, 8, false},       {X64_SUBSD, X86_INS_SUBSD, 8, false},
    {X64_MULSD, X86_INS_MULSD, 8, false},       {X64_DIVSD, X86_INS_DIVSD, 8, false},
    {X64_SQRTSD, X86_INS_SQRTSD, 8, false},     {X64_MINSD, X86_INS_MINSD, 8, false},
    {X64_MAXSD, X86_INS_MAXSD, 8, false},       {X64_UCOMISD, X86_INS_UCOMISD, 8, false},
    {X64_COMISD, X86_INS_COMISD, 0, false}, /* capstone 4 says 16, the manual 8 */
    {X64_XORPD, X86_INS_XORPD, 16, false},      {X64_XORPS, X86_INS_XORPS, 16, false},
    {X64_ANDPD, X86_INS_ANDPD, 16, false},      {X64_ANDNPD, X86_INS_ANDNPD, 16, false},
    {X64_ORPD, X86_INS_ORPD, 16, false},        {X64_UNPCKLPD, X86_INS_UNPCKLPD, 16, false},
    {X64_CVTSD2SS, X86_INS_CVTSD2SS, 8, false}, {X64_CVTSS2SD, X86_INS_CVTSS2SD, 4, false},
};

static void test_sse(void **state)
{
    (void)state;
    where = "sse";
    make_mems();
    assert_int_equal(sizeof sse / sizeof *sse, X64_NSSE); /* every row of the encoder's table */
    for (unsigned k = 0; k < X64_NSSE; k++) {
        EACH_REG(r)
        {
            EACH_REG(s)
            {
                x64_sse_rr(&as, sse[k].op, (X64Xmm)r, (X64Xmm)s);
                CHECK(sse[k].id, X(r), X(s));
            }
            SOME_MEM(m)
            {
                x64_sse_rm(&as, sse[k].op, (X64Xmm)r, *m);
                CHECK(sse[k].id, X(r), M(*m, sse[k].mem_size));
                if (sse[k].store) {
                    x64_sse_mr(&as, sse[k].op, *m, (X64Xmm)r);
                    CHECK(sse[k].id, M(*m, sse[k].mem_size), X(r));
                }
            }
        }
        if (!sse[k].store) {
            x64_sse_mr(&as, sse[k].op, mems[0], X64_XMM1);
            assert_int_equal(x64_finalize(&as), -1);
            x64_reset(&as);
        }
    }
    EACH_REG(r)
    {
        EACH_REG(s)
        {
            x64_movq_xr(&as, (X64Xmm)r, (X64Reg)s);
            CHECK(X86_INS_MOVQ, X(r), R(X64_Q, s));
            x64_movq_rx(&as, (X64Reg)r, (X64Xmm)s);
            CHECK(X86_INS_MOVQ, R(X64_Q, r), X(s));
            EACH_WIDTH(w, 2)
            {
                x64_cvtsi2sd_rr(&as, w, (X64Xmm)r, (X64Reg)s);
                CHECK(X86_INS_CVTSI2SD, X(r), R(w, s));
                x64_cvttsd2si_rr(&as, w, (X64Reg)r, (X64Xmm)s);
                CHECK(X86_INS_CVTTSD2SI, R(w, r), X(s));
            }
            x64_movmskpd(&as, (X64Reg)r, (X64Xmm)s);
            CHECK(X86_INS_MOVMSKPD, R(X64_D, r), X(s));
            for (unsigned mode = 0; mode < 4; mode++) {
                x64_roundsd_rr(&as, (X64Xmm)r, (X64Xmm)s, (X64Round)mode);
                CHECK(X86_INS_ROUNDSD, X(r), X(s), I(mode | 8, 1));
            }
        }
        SOME_MEM(m)
        {
            EACH_WIDTH(w, 2)
            {
                x64_cvtsi2sd_rm(&as, w, (X64Xmm)r, *m);
                CHECK(X86_INS_CVTSI2SD, X(r), M(*m, w));
                x64_cvttsd2si_rm(&as, w, (X64Reg)r, *m);
                CHECK(X86_INS_CVTTSD2SI, R(w, r), M(*m, 8));
            }
        }
    }
}

/* RIP-relative operands of every kind, with and without an immediate behind the displacement. */
static void test_rip(void **state)
{
    (void)state;
    where = "rip-relative";
    for (unsigned kind = 0; kind < 3; kind++) {
        for (unsigned form = 0; form < 8; form++) {
            X64Mem m;
            if (kind == 0) {
                m = x64_mem_double(&as, 2.5);
            } else if (kind == 1) {
                m = x64_mem_abs(&as, (void *)(EXEC_HOT + 0x7654321));
            } else {
                X64Label l = x64_label(&as);
                m = x64_mem_label(&as, l);
                x64_section(&as, X64_COLD);
                x64_ud2(&as);
                x64_bind(&as, l);
                x64_section(&as, X64_HOT);
            }
            switch (form) {
            case 0:
                x64_mov_rm(&as, X64_Q, X64_R9, m);
                CHECK(X86_INS_MOV, R(X64_Q, X64_R9), M(m, 8));
                break;
            case 1:
                x64_mov_mi(&as, X64_D, m, 77);
                CHECK(X86_INS_MOV, M(m, 4), I(77, 4));
                break;
            case 2:
                x64_mov_mi(&as, X64_B, m, 7);
                CHECK(X86_INS_MOV, M(m, 1), I(7, 1));
                break;
            case 3:
                x64_mov_mi(&as, X64_W, m, 7);
                CHECK(X86_INS_MOV, M(m, 2), I(7, 2));
                break;
            case 4:
                x64_alu_mi(&as, X64_CMP, X64_Q, m, 100000);
                CHECK(X86_INS_CMP, M(m, 8), I(100000, 8));
                break;
            case 5:
                x64_alu_mi(&as, X64_ADD, X64_Q, m, 1);
                CHECK(X86_INS_ADD, M(m, 8), I(1, 8));
                break;
            case 6:
                x64_sse_rm(&as, X64_MULSD, X64_XMM9, m);
                CHECK(X86_INS_MULSD, X(9), M(m, 8));
                break;
            default:
                x64_imul_rmi(&as, X64_Q, X64_R15, m, 3);
                CHECK(X86_INS_IMUL, R(X64_Q, X64_R15), M(m, 8), I(3, 8));
            }
        }
    }
}

static void test_rsp_index_is_refused(void **state)
{
    (void)state;
    x64_mov_rm(&as, X64_Q, X64_RAX, x64_mem_index(X64_RAX, X64_RSP, 2, 0));
    assert_int_equal(x64_finalize(&as), -1);
    assert_non_null(as.error);
    x64_reset(&as);
    assert_null(as.error);
}

/* The whole range of checks ran: a loop that quietly checks nothing would show here. */
static void test_count(void **state)
{
    (void)state;
    print_message("%lu instructions checked\n", checks);
    assert_true(checks > 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_moves, fresh),
        cmocka_unit_test_setup(test_constants, fresh),
        cmocka_unit_test_setup(test_extensions, fresh),
        cmocka_unit_test_setup(test_xchg_push_pop, fresh),
        cmocka_unit_test_setup(test_alu, fresh),
        cmocka_unit_test_setup(test_alu_sizes, fresh),
        cmocka_unit_test_setup(test_test, fresh),
        cmocka_unit_test_setup(test_unary_shift, fresh),
        cmocka_unit_test_setup(test_imul_bits, fresh),
        cmocka_unit_test_setup(test_conditions, fresh),
        cmocka_unit_test_setup(test_control, fresh),
        cmocka_unit_test_setup(test_sse, fresh),
        cmocka_unit_test_setup(test_rip, fresh),
        cmocka_unit_test_setup(test_rsp_index_is_refused, fresh),
        cmocka_unit_test_setup(test_count, fresh),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
