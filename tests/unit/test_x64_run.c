/* Labels, relaxation, constants, sections and patching: the finalised code is run.
 *
 * The main test makes random control-flow graphs, interprets them in C, compiles them with padding
 * of random size so that branches land on both sides of every size limit, runs them and compares
 * the traces. Exact sizes at the limits have tests of their own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codecache.h"
#include "x64.h"

static CodeCache *cc;
static X64Asm as;

static int setup(void **state)
{
    (void)state;
    const char *error;
    cc = cc_create((void *)&setup, 16 << 20, &error);
    if (cc == NULL) {
        fprintf(stderr, "%s\n", error);
        return -1;
    }
    x64_init(&as);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    x64_free(&as);
    cc_destroy(cc);
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    x64_reset(&as);
    uintptr_t lo, hi;
    cc_range(cc, &lo, &hi);
    x64_set_code_range(&as, lo, hi);
    return 0;
}

/* Finalises and installs; the assembler keeps its state for questions about positions. */
static CodeBlob *install(void)
{
    if (x64_finalize(&as) < 0) {
        fprintf(stderr, "finalize: %s\n", as.error);
        fail();
    }
    CodeBlob *b = cc_alloc(cc, x64_size(&as, X64_HOT), x64_size(&as, X64_COLD), "test", NULL);
    assert_non_null(b);
    CcWindow w;
    assert_int_equal(cc_open(cc, b, &w), 0);
    if (x64_copy_to(&as, w.hot, b->hot, w.cold, b->cold) < 0) {
        fprintf(stderr, "copy: %s\n", as.error);
        fail();
    }
    assert_int_equal(cc_close(cc, &w), 0);
    return b;
}

typedef int64_t (*Fn)(int64_t, int64_t);
typedef double (*FnD)(double, double);

static Fn entry(const CodeBlob *b)
{
    Fn f;
    memcpy(&f, &b->hot, sizeof f);
    return f;
}

static FnD entry_d(const CodeBlob *b)
{
    FnD f;
    memcpy(&f, &b->hot, sizeof f);
    return f;
}

static uint64_t rng = 88172645463325252;

static uint32_t rnd(uint32_t below)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 32) % below;
}

/* ---- sizes at the limits ------------------------------------------------------------------- */

/* A forward branch over `gap` bytes. */
static uint32_t forward_size(bool conditional, uint32_t gap)
{
    fresh(NULL);
    X64Label l = x64_label(&as);
    if (conditional) {
        x64_jcc(&as, X64_E, l);
    } else {
        x64_jmp(&as, l);
    }
    X64Pos behind = x64_here(&as);
    x64_nop(&as, gap);
    x64_bind(&as, l);
    assert_int_equal(x64_finalize(&as), 0);
    uint32_t size = x64_pos_offset(&as, behind);
    assert_int_equal(x64_size(&as, X64_HOT), size + gap);
    assert_int_equal(x64_label_offset(&as, l, NULL), size + gap);
    return size;
}

/* A backward branch over `gap` bytes to its target. */
static uint32_t backward_size(bool conditional, uint32_t gap)
{
    fresh(NULL);
    X64Label l = x64_label_here(&as);
    x64_nop(&as, gap);
    X64Pos before = x64_here(&as);
    if (conditional) {
        x64_jcc(&as, X64_E, l);
    } else {
        x64_jmp(&as, l);
    }
    assert_int_equal(x64_finalize(&as), 0);
    assert_int_equal(x64_pos_offset(&as, before), gap);
    return x64_size(&as, X64_HOT) - gap;
}

static void test_size_limits(void **state)
{
    (void)state;
    assert_int_equal(forward_size(true, 0), 2);
    assert_int_equal(forward_size(true, 127), 2);
    assert_int_equal(forward_size(true, 128), 6);
    assert_int_equal(forward_size(false, 0), 0); /* to the next instruction: nothing */
    assert_int_equal(forward_size(false, 1), 2);
    assert_int_equal(forward_size(false, 127), 2);
    assert_int_equal(forward_size(false, 128), 5);
    assert_int_equal(backward_size(true, 0), 2);
    assert_int_equal(backward_size(true, 126), 2); /* 126 + its own 2 bytes = -128 */
    assert_int_equal(backward_size(true, 127), 6);
    assert_int_equal(backward_size(false, 126), 2);
    assert_int_equal(backward_size(false, 127), 5);
    assert_int_equal(forward_size(true, 100000), 6);
}

/* Branches that reach only as long as the others in between stay short: n of them over a gap that
 * just fits with all short, then one byte more. */
static void test_size_cascade(void **state)
{
    (void)state;
    for (uint32_t extra = 0; extra < 2; extra++) {
        fresh(NULL);
        enum { N = 10 };
        X64Label ends[N];
        for (int i = 0; i < N; i++) {
            ends[i] = x64_label(&as);
            x64_jcc(&as, X64_NE, ends[i]);
        }
        /* Branch i has the N - 1 - i later branches, the gap and i times 2 bytes before its end:
         * the same distance for all as long as all are short. */
        x64_nop(&as, 127 - (N - 1) * 2 + extra);
        for (int i = 0; i < N; i++) {
            x64_bind(&as, ends[i]);
            x64_nop(&as, 2);
        }
        assert_int_equal(x64_finalize(&as), 0);
        uint32_t branches = x64_size(&as, X64_HOT) - (127 - (N - 1) * 2 + extra) - 2 * N;
        assert_int_equal(branches, extra ? 6 * N : 2 * N);
    }
}

/* ---- random control flow ------------------------------------------------------------------- */

enum { MAX_BLOCKS = 60, FUEL = 400 };

typedef struct Block {
    bool cold;
    bool conditional;
    unsigned mask; /* which bit of the counter decides */
    uint32_t taken, next;
    uint32_t pad_before, pad_after, align;
} Block;

/* Code: rdi = trace, rsi = fuel left, rax = number of entries. */
static void emit_graph(const Block *blocks, uint32_t n, X64Label *labels, X64Label done)
{
    for (uint32_t i = 0; i < n; i++) {
        const Block *b = &blocks[i];
        x64_section(&as, b->cold ? X64_COLD : X64_HOT);
        if (b->align) {
            x64_align(&as, b->align);
        }
        x64_bind(&as, labels[i]);
        x64_nop(&as, b->pad_before);
        x64_mov_mi(&as, X64_D, x64_mem_index(X64_RDI, X64_RAX, 4, 0), (int32_t)i);
        x64_unary_r(&as, X64_INC, X64_Q, X64_RAX);
        x64_unary_r(&as, X64_DEC, X64_Q, X64_RSI);
        x64_jcc(&as, X64_E, done);
        if (b->conditional) {
            x64_test_ri(&as, X64_Q, X64_RSI, (int32_t)b->mask);
            x64_jcc(&as, X64_NE, labels[b->taken]);
        }
        x64_nop(&as, b->pad_after);
        x64_jmp(&as, labels[b->next]);
    }
}

static void interpret(const Block *blocks, uint32_t *trace)
{
    uint32_t at = 0;
    for (int64_t fuel = FUEL, k = 0;; k++) {
        trace[k] = at;
        if (--fuel == 0) {
            return;
        }
        const Block *b = &blocks[at];
        at = b->conditional && (fuel & b->mask) ? b->taken : b->next;
    }
}

static void test_random_graphs(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        fresh(NULL);
        Block blocks[MAX_BLOCKS];
        X64Label labels[MAX_BLOCKS];
        uint32_t n = 2 + rnd(MAX_BLOCKS - 2);
        uint32_t pad = rnd(3) == 0 ? 400 : 40; /* mostly near the short limit */
        for (uint32_t i = 0; i < n; i++) {
            blocks[i] = (Block){
                .cold = i > 0 && rnd(4) == 0,
                .conditional = rnd(3) != 0,
                .mask = 1u << rnd(9),
                .taken = rnd(n),
                .next = rnd(3) == 0 && i + 1 < n ? i + 1 : rnd(n),
                .pad_before = rnd(2) ? 0 : rnd(pad),
                .pad_after = rnd(2) ? 0 : rnd(pad),
                .align = rnd(3) ? 0 : 16,
            };
            labels[i] = x64_label(&as);
        }
        X64Label done = x64_label(&as);
        x64_mov_ri_flags(&as, X64_RAX, 0);
        x64_jmp(&as, labels[0]);
        emit_graph(blocks, n, labels, done);
        x64_section(&as, X64_HOT);
        x64_bind(&as, done);
        x64_ret(&as);
        CodeBlob *b = install();
        for (uint32_t i = 0; i < n; i++) {
            if (blocks[i].align) {
                assert_int_equal(x64_label_addr(&as, labels[i]) % blocks[i].align, 0);
            }
        }
        uint32_t want[FUEL], got[FUEL];
        memset(got, 0xff, sizeof got);
        interpret(blocks, want);
        assert_int_equal(entry(b)((int64_t)(intptr_t)got, FUEL), FUEL);
        assert_memory_equal(want, got, sizeof want);
        cc_free(cc, b, true);
    }
}

/* A chain in which each branch reaches by exactly 127 bytes, over the next branch: all stay short,
 * or, with one byte more near the end, each grows only after the next one has. That is the worst
 * case of relaxation, which stops early here; targets must be right all the same. */
static void test_long_chain(void **state)
{
    (void)state;
    enum { N = 3000 };
    static X64Label l[N + 1];
    for (uint32_t extra = 0; extra < 2; extra++) {
        fresh(NULL);
        for (int i = 0; i <= N; i++) {
            l[i] = x64_label(&as);
        }
        x64_mov_ri(&as, X64_RAX, 0);
        uint32_t others = 5;
        for (uint32_t i = 0; i < N; i++) {
            x64_bind(&as, l[i]);
            x64_alu_ri(&as, X64_ADD, X64_Q, X64_RAX, 1); /* 4 bytes */
            x64_jmp(&as, l[i + 2 <= N ? i + 2 : N]);     /* 2 or 5 */
            uint32_t pad = 60 + (i & 1) + (i == N - 3 ? extra : 0);
            x64_nop(&as, pad);
            others += 4 + pad;
        }
        x64_bind(&as, l[N]);
        x64_ret(&as);
        CodeBlob *b = install();
        uint32_t branches = x64_size(&as, X64_HOT) - others - 1;
        if (extra) {
            assert_true(branches > 4 * N);
        } else {
            assert_int_equal(branches, 2 * N);
        }
        assert_int_equal(entry(b)(0, 0), N / 2);
        cc_free(cc, b, true);
    }
}

/* ---- constants, calls, sections ------------------------------------------------------------ */

static void test_constants(void **state)
{
    (void)state;
    /* f(x, y) = |x * 2.5| + sqrt(y). Constants are told apart by bits: 0.0 is not -0.0. */
    X64Mem a = x64_mem_double(&as, 2.5), z = x64_mem_double(&as, 0.0);
    assert_int_equal(x64_mem_double(&as, 2.5).disp, a.disp);
    assert_int_not_equal(x64_mem_double(&as, -0.0).disp, z.disp);
    X64Mem mask = x64_mem_const128(&as, 0x7fffffffffffffff, 0x7fffffffffffffff);
    x64_sse_rm(&as, X64_MULSD, X64_XMM0, a);
    x64_sse_rm(&as, X64_ANDPD, X64_XMM0, mask); /* faults unless 16-byte aligned */
    x64_sse_rr(&as, X64_SQRTSD, X64_XMM1, X64_XMM1);
    x64_sse_rr(&as, X64_ADDSD, X64_XMM0, X64_XMM1);
    x64_ret(&as);
    x64_section(&as, X64_COLD);
    x64_nop(&as, 3); /* the pool must be aligned behind this */
    CodeBlob *b = install();
    assert_int_equal(x64_size(&as, X64_COLD), 16 + 16 + 3 * 8);
    assert_true(entry_d(b)(-3.0, 16.0) == 11.5);
    assert_true(entry_d(b)(4.0, 0.25) == 10.5);
    cc_free(cc, b, true);
}

static int64_t add_1000(int64_t x)
{
    return x + 1000;
}

static void emit_call(const void *target)
{
    x64_push_r(&as, X64_RBP);
    x64_mov_rr(&as, X64_Q, X64_RBP, X64_RSP);
    x64_call_abs(&as, target);
    x64_alu_ri(&as, X64_ADD, X64_Q, X64_RAX, 1);
    x64_pop_r(&as, X64_RBP);
    x64_ret(&as);
}

static void test_absolute_calls(void **state)
{
    (void)state;
    const void *target;
    Fn fn = (Fn)(uintptr_t)&add_1000;
    memcpy(&target, &fn, sizeof target);
    assert_true(cc_reaches(cc, target)); /* the cache was asked to be near this program */
    emit_call(target);
    CodeBlob *near = install();
    assert_int_equal(x64_size(&as, X64_COLD), 0);
    assert_int_equal(entry(near)(5, 0), 1006);
    /* Without a known range: through the pool. */
    fresh(NULL);
    x64_set_code_range(&as, 0, 0);
    emit_call(target);
    CodeBlob *far = install();
    assert_int_equal(x64_size(&as, X64_COLD), 8);
    assert_int_equal(entry(far)(5, 0), 1006);
    /* Conditional tail jumps, both ways and taken or not. */
    for (int reach = 0; reach < 2; reach++) {
        fresh(NULL);
        if (!reach) {
            x64_set_code_range(&as, 0, 0);
        }
        x64_test_rr(&as, X64_Q, X64_RSI, X64_RSI);
        x64_jcc_abs(&as, X64_NE, target);
        x64_mov_ri(&as, X64_RAX, 7);
        x64_ret(&as);
        CodeBlob *b = install();
        assert_int_equal(entry(b)(1, 0), 7);
        assert_int_equal(entry(b)(1, 1), 1001);
        cc_free(cc, b, true);
    }
    cc_free(cc, near, true);
    cc_free(cc, far, true);
}

static int64_t global_cell = 40;

static void test_absolute_data_and_labels(void **state)
{
    (void)state;
    assert_true(x64_reachable(&as, &global_cell));
    X64Label table = x64_label(&as), sub = x64_label(&as);
    x64_unary_m(&as, X64_INC, X64_Q, x64_mem_abs(&as, &global_cell));
    x64_mov_rm(&as, X64_Q, X64_RAX, x64_mem_abs(&as, &global_cell));
    x64_call(&as, sub);
    x64_ret(&as);
    x64_section(&as, X64_COLD);
    x64_bind(&as, sub);
    x64_lea(&as, X64_Q, X64_RDX, x64_mem_label(&as, table));
    x64_jmp_r(&as, X64_RDX);
    x64_ud2(&as);
    x64_section(&as, X64_HOT);
    x64_bind(&as, table);
    x64_alu_ri(&as, X64_ADD, X64_Q, X64_RAX, 100);
    x64_ret(&as);
    CodeBlob *b = install();
    assert_int_equal(entry(b)(0, 0), 141);
    assert_int_equal(global_cell, 41);
    cc_free(cc, b, true);
}

/* Arithmetic that only running can check. */
static void test_arithmetic(void **state)
{
    (void)state;
    /* (rdi / rsi) * 3 + (rdi % rsi) */
    x64_mov_rr(&as, X64_Q, X64_RAX, X64_RDI);
    x64_cqo(&as);
    x64_unary_r(&as, X64_IDIV, X64_Q, X64_RSI);
    x64_lea(&as, X64_Q, X64_RAX, x64_mem_index(X64_RAX, X64_RAX, 2, 0));
    x64_alu_rr(&as, X64_ADD, X64_Q, X64_RAX, X64_RDX);
    x64_ret(&as);
    CodeBlob *b = install();
    assert_int_equal(entry(b)(100, 7), 100 / 7 * 3 + 100 % 7);
    assert_int_equal(entry(b)(-100, 7), -100 / 7 * 3 + -100 % 7);
    cc_free(cc, b, true);

    fresh(NULL); /* double conversions: (int64)trunc(floor(x) * y) as a double */
    if (x64_has_sse41()) {
        x64_roundsd_rr(&as, X64_XMM0, X64_XMM0, X64_ROUND_DOWN);
        x64_sse_rr(&as, X64_MULSD, X64_XMM0, X64_XMM1);
        x64_cvttsd2si_rr(&as, X64_Q, X64_R10, X64_XMM0);
        x64_sse_rr(&as, X64_XORPS, X64_XMM0, X64_XMM0);
        x64_cvtsi2sd_rr(&as, X64_Q, X64_XMM0, X64_R10);
        x64_ret(&as);
        b = install();
        assert_true(entry_d(b)(-2.5, 1.5) == -4.0);
        assert_true(entry_d(b)(2.9, 2.75) == 5.0);
        cc_free(cc, b, true);
    }
    fresh(NULL); /* swapped conditions: x cc y == y swap(cc) x for all conditions with an order */
    static const X64Cond conds[] = {X64_E,  X64_NE, X64_L,  X64_LE, X64_G,
                                    X64_GE, X64_C,  X64_BE, X64_A,  X64_AE};
    static const int64_t values[] = {0, 1, -1, INT64_MIN, INT64_MAX, 77};
    for (unsigned k = 0; k < sizeof conds / sizeof *conds; k++) {
        for (int swap = 0; swap < 2; swap++) {
            fresh(NULL);
            if (swap) {
                x64_alu_rr(&as, X64_CMP, X64_Q, X64_RSI, X64_RDI);
            } else {
                x64_alu_rr(&as, X64_CMP, X64_Q, X64_RDI, X64_RSI);
            }
            x64_setcc_r(&as, swap ? x64_cond_swap(conds[k]) : conds[k], X64_RSI);
            x64_movzx_rr(&as, X64_B, X64_RAX, X64_RSI);
            x64_ret(&as);
            b = install();
            for (int i = 0; i < 36; i++) {
                int64_t x = values[i / 6], y = values[i % 6];
                uint64_t ux = (uint64_t)x, uy = (uint64_t)y;
                bool want[] = {x == y,  x != y, x<y, x <= y, x> y, x >= y, ux<uy, ux <= uy, ux> uy,
                               ux >= uy};
                assert_int_equal(entry(b)(x, y), want[k]);
            }
            cc_free(cc, b, true);
        }
    }
}

/* ---- patching ------------------------------------------------------------------------------ */

static void test_patching(void **state)
{
    (void)state;
    for (uint32_t lead = 0; lead < 16; lead++) { /* every position within an 8-byte word */
        fresh(NULL);
        X64Label other = x64_label(&as), tail = x64_label(&as);
        x64_nop(&as, lead);
        X64Pos nop = x64_nop_patchable(&as);
        x64_mov_ri(&as, X64_RAX, 1);
        X64Pos jmp = x64_jmp_patchable(&as, tail);
        x64_bind(&as, other);
        x64_mov_ri(&as, X64_RAX, 2);
        x64_bind(&as, tail);
        x64_ret(&as);
        CodeBlob *b = install();
        uintptr_t nop_at = x64_pos_addr(&as, nop), jmp_at = x64_pos_addr(&as, jmp);
        assert_true(nop_at % 8 <= 3 && jmp_at % 8 <= 3);
        assert_int_equal(entry(b)(0, 0), 1);
        CcWindow w;
        assert_int_equal(cc_open_range(cc, jmp_at, 5, &w), 0);
        assert_true(x64_patch_jmp(w.hot, jmp_at, x64_label_addr(&as, other)));
        assert_int_equal(cc_close(cc, &w), 0);
        assert_int_equal(entry(b)(0, 0), 2);
        assert_int_equal(cc_open_range(cc, nop_at, 5, &w), 0);
        assert_true(x64_patch_jmp(w.hot, nop_at, x64_label_addr(&as, tail)));
        assert_int_equal(cc_close(cc, &w), 0);
        volatile int64_t dummy = entry(b)(0, 0); /* rax is whatever it was */
        (void)dummy;
        assert_int_equal(cc_open_range(cc, nop_at, 5, &w), 0);
        x64_patch_nop5(w.hot);
        assert_int_equal(cc_close(cc, &w), 0);
        assert_int_equal(entry(b)(0, 0), 2);
        cc_free(cc, b, true);
    }
    /* Out of reach. */
    uint8_t code[8] = {0};
    assert_false(x64_patch_jmp(code, 0x10000, 0x7fff00000000));
    assert_int_equal(code[0], 0);

    fresh(NULL);
    X64Pos imm = x64_movabs(&as, X64_RAX, 1);
    x64_ret(&as);
    CodeBlob *b = install();
    assert_int_equal(entry(b)(0, 0), 1);
    CcWindow w;
    assert_int_equal(cc_open_range(cc, x64_pos_addr(&as, imm), 8, &w), 0);
    x64_patch_imm64(w.hot, 0x1122334455667788);
    assert_int_equal(cc_close(cc, &w), 0);
    assert_true(entry(b)(0, 0) == 0x1122334455667788);
    cc_free(cc, b, true);
}

/* ---- errors -------------------------------------------------------------------------------- */

static void expect_error(const char *part)
{
    assert_int_equal(x64_finalize(&as), -1);
    assert_non_null(as.error);
    assert_non_null(strstr(as.error, part));
    fresh(NULL);
}

static void test_errors(void **state)
{
    (void)state;
    X64Label l = x64_label(&as);
    x64_jmp(&as, l);
    expect_error("not bound");
    l = x64_label(&as);
    x64_lea(&as, X64_Q, X64_RAX, x64_mem_label(&as, l));
    expect_error("not bound");
    l = x64_label_here(&as);
    x64_bind(&as, l);
    expect_error("twice");
    x64_jmp(&as, (X64Label){77});
    expect_error("not bound");
    x64_mov_rm(&as, X64_Q, X64_RAX, x64_mem_abs(&as, (void *)1));
    x64_set_code_range(&as, 0, 0);
    x64_mem_abs(&as, (void *)1);
    expect_error("out of reach");
    x64_align(&as, 3);
    expect_error("alignment");
    /* Sections more than 2 GiB apart cannot branch to each other. */
    l = x64_label(&as);
    x64_jmp(&as, l);
    x64_section(&as, X64_COLD);
    x64_bind(&as, l);
    x64_ret(&as);
    assert_int_equal(x64_finalize(&as), 0);
    uint8_t hot[16], cold[16];
    assert_int_equal(x64_copy_to(&as, hot, 0x10000, cold, 0x10000 + (uintptr_t)0x90000000), -1);
    assert_non_null(as.error);
    fresh(NULL);
    /* A section has a limit; passing it is an error and not an endless allocation. */
    for (uint32_t i = 0; i < (64u << 20) / 9 + 1000 && !as.error; i++) {
        x64_nop(&as, 9);
    }
    expect_error("memory");
    x64_free(&as);
    fresh(NULL);
    /* After an error the assembler works again. */
    x64_mov_ri(&as, X64_RAX, 3);
    x64_ret(&as);
    CodeBlob *b = install();
    assert_int_equal(entry(b)(0, 0), 3);
    cc_free(cc, b, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_size_limits, fresh),
        cmocka_unit_test_setup(test_size_cascade, fresh),
        cmocka_unit_test_setup(test_random_graphs, fresh),
        cmocka_unit_test_setup(test_long_chain, fresh),
        cmocka_unit_test_setup(test_constants, fresh),
        cmocka_unit_test_setup(test_absolute_calls, fresh),
        cmocka_unit_test_setup(test_absolute_data_and_labels, fresh),
        cmocka_unit_test_setup(test_arithmetic, fresh),
        cmocka_unit_test_setup(test_patching, fresh),
        cmocka_unit_test_setup(test_errors, fresh),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
