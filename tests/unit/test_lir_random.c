/* Random LIR programs, interpreted and compiled: both must do the same.
 *
 * A program is a function from a seed, made twice (allocation rewrites it):
 * structured control flow with phis, loops, slow paths, exits, calls, and more
 * values than there are registers.  PYSTON_LIR_SEEDS=first:count runs others
 * than the usual seeds. */
#include "lir_harness.h"

/* ---- helpers that compiled code calls; they leave nothing in the registers they may change ---- */

static void trash(void)
{
    __asm__ volatile(
        "mov $0xdeadbeef, %%eax; mov %%rax, %%rcx; mov %%rax, %%rdx; mov %%rax, %%rsi\n\t"
        "mov %%rax, %%rdi; mov %%rax, %%r8; mov %%rax, %%r9; mov %%rax, %%r10\n\t"
        "mov %%rax, %%r11; movq %%rax, %%xmm0; movq %%rax, %%xmm1; movq %%rax, %%xmm2\n\t"
        "movq %%rax, %%xmm3; movq %%rax, %%xmm4; movq %%rax, %%xmm5; movq %%rax, %%xmm6\n\t"
        "movq %%rax, %%xmm7; movq %%rax, %%xmm8; movq %%rax, %%xmm9; movq %%rax, %%xmm10\n\t"
        "movq %%rax, %%xmm11; movq %%rax, %%xmm12; movq %%rax, %%xmm13\n\t"
        "movq %%rax, %%xmm14; movq %%rax, %%xmm15" ::
            : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2",
              "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
              "xmm13", "xmm14", "xmm15");
    call_count++;
}

__attribute__((noinline)) static uint64_t h_mix(uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                                                uint64_t e, uint64_t f)
{
    volatile uint64_t r = a + 3 * b + 5 * c + 7 * d + 11 * e + 13 * f;
    trash();
    return r;
}
__attribute__((noinline)) static uint64_t h_sometimes_null(uint64_t a, double x)
{
    volatile uint64_t r = a % 16 == 3 ? 0 : a + (x > 0);
    trash();
    return r;
}
__attribute__((noinline)) static int h_status(uint64_t a)
{
    volatile int r = a % 16 == 5 ? -1 : (int)(a % 16) - 0;
    trash();
    return r;
}
/* A few of their results are 0, negative, or both in the low half only. */
__attribute__((noinline)) static uint64_t h_pair(uint64_t a, uint64_t b)
{
    static const uint64_t odd[] = {0, UINT64_MAX, UINT64_C(1) << 32, UINT64_C(1) << 31};
    volatile uint64_t r = (a ^ b) % 8 == 1 ? odd[(a ^ b) / 8 % 4] : (a - 3 * b) & 0xffffff;
    trash();
    return r;
}
__attribute__((noinline)) static uint64_t h_one(uint64_t a)
{
    return h_pair(a, 7);
}
__attribute__((noinline)) static double h_double(double x, uint64_t a, double y, double z)
{
    volatile double r = x * 0.5 + (double)(a & 255) - y + z;
    trash();
    return r;
}
__attribute__((noinline)) static uint64_t h_sum(const uint64_t *p, uint64_t n)
{
    volatile uint64_t r = 0;
    for (uint64_t i = 0; i < n; i++) {
        r = r * 31 + p[i];
    }
    trash();
    return r;
}

/* ---- the generator --------------------------------------------------------------------------------- */

enum { MAX_ENV = 400 };
typedef struct {
    uint64_t seed;
    LirFunc *f;
    LirReg g[MAX_ENV], x[MAX_ENV]; /* what dominates the cursor */
    uint32_t ng, nx;
    uint32_t ops; /* left to make */
    uint32_t depth, loop_depth;
    bool cold;
    int32_t bci;
} Gen;

static uint32_t rnd(Gen *g, uint32_t n)
{
    g->seed ^= g->seed << 13;
    g->seed ^= g->seed >> 7;
    g->seed ^= g->seed << 17;
    return (uint32_t)((g->seed >> 20) % n);
}

static LirReg pick(Gen *g)
{
    /* Old and new values alike: long and short lifetimes. */
    return g->g[rnd(g, 2) ? rnd(g, g->ng) : g->ng - 1 - rnd(g, g->ng < 6 ? g->ng : 6)];
}
static LirReg pick_x(Gen *g)
{
    return g->x[rnd(g, g->nx)];
}

static void push_g(Gen *g, LirReg r)
{
    if (g->ng < MAX_ENV) {
        g->g[g->ng++] = r;
    } else {
        g->g[rnd(g, MAX_ENV)] = r;
    }
}
static void push_x(Gen *g, LirReg r)
{
    if (g->nx < MAX_ENV) {
        g->x[g->nx++] = r;
    } else {
        g->x[rnd(g, MAX_ENV)] = r;
    }
}

static int64_t some_imm(Gen *g)
{
    static const int64_t v[] = {
        0,         1,         -1,        2,         7,
        127,       128,       -128,      255,       65535,
        INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, INT64_C(0x123456789abcdef0),
        4096,      1 << 20};
    return v[rnd(g, sizeof v / sizeof *v)];
}

/* Memory among the integers, by constant or by index. */
static LirOpnd some_mem(Gen *g, unsigned w)
{
    LirFunc *f = g->f;
    switch (rnd(g, 4)) {
    case 0: {
        LirReg i = lir_op2(f, LIR_AND, lir_reg(pick(g)), lir_imm(NINTS - 1));
        return lir_mem_index(LIR_FRAME, i, 3, INTS);
    }
    case 1: {
        LirReg p = lir_lea(f, lir_mem(LIR_FRAME, INTS));
        LirReg i = lir_op2(f, LIR_AND, lir_reg(pick(g)), lir_imm(NINTS * 8 / (int)w - 1));
        return lir_mem_index(p, i, w == 8 ? 3 : w == 4 ? 2 : w == 2 ? 1 : 0, 0);
    }
    case 2: {
        LirReg p = lir_lea(f, lir_mem(LIR_FRAME, INTS + (int)(8 * rnd(g, NINTS))));
        return lir_mem(p, 0);
    }
    default: return lir_mem(LIR_FRAME, INTS + (int32_t)(8 * rnd(g, NINTS)));
    }
}

static LirOpnd some_g(Gen *g)
{
    uint32_t k = rnd(g, 10);
    return k < 7 ? lir_reg(pick(g)) : k < 9 ? lir_imm(some_imm(g)) : some_mem(g, 8);
}
static LirOpnd some_g_no_mem(Gen *g)
{
    return rnd(g, 4) ? lir_reg(pick(g)) : lir_imm(some_imm(g));
}
static LirOpnd double_mem(Gen *g)
{
    return lir_mem(LIR_FRAME, DOUBLES + (int32_t)(8 * rnd(g, NDOUBLES)));
}
static LirOpnd some_x(Gen *g)
{
    static const double v[] = {0.0, -0.0, 1.0, -1.5, 1e300, -1e-300, 3.5e18, 1e10};
    uint32_t k = rnd(g, 10);
    if (k == 9) {
        return lir_f64(k & rnd(g, 2) ? NAN : INFINITY);
    }
    return k < 6 ? lir_reg(pick_x(g)) : k < 8 ? lir_f64(v[rnd(g, 8)]) : double_mem(g);
}

/* A state with values of all kinds. */
static LirExit *some_exit(Gen *g)
{
    LirFunc *f = g->f;
    uint32_t nf = 1 + (rnd(g, 4) == 0);
    LirState *s = lir_state_new(f, nf);
    for (uint32_t i = 0; i < nf; i++) {
        uint32_t nstack = rnd(g, 5), ndirty = rnd(g, 4);
        LirVal *v = lir_state_frame(f, s, i, NULL, g->bci++, nstack, ndirty);
        for (uint32_t k = 0; k < nstack + ndirty; k++) {
            switch (rnd(g, 6)) {
            case 0: v[k].opnd = lir_imm(some_imm(g)), v[k].rep = HIR_I64; break;
            case 1: v[k].home = (int16_t)rnd(g, NHOMES), v[k].rep = HIR_OBJ; break;
            case 2:
            case 3: v[k].opnd = lir_reg(pick_x(g)), v[k].rep = HIR_F64; break;
            default: v[k].opnd = lir_reg(pick(g)), v[k].rep = HIR_I64; break;
            }
            v[k].owned = (uint8_t)rnd(g, 2);
        }
        for (uint32_t k = 0; k < ndirty; k++) {
            s->frames[i].dirty[k] = (uint16_t)k;
        }
    }
    return rnd(g, 2) ? lir_exit_resume(f, s, rnd(g, 100))
                     : lir_exit_throw(f, s, rnd(g, 100), g->bci);
}

static LirCond int_cond(Gen *g)
{
    static const uint8_t v[] = {LIR_O, LIR_NO, LIR_B,  LIR_AE, LIR_E,  LIR_NE, LIR_BE,
                                LIR_A, LIR_S,  LIR_NS, LIR_L,  LIR_GE, LIR_LE, LIR_G};
    return (LirCond)v[rnd(g, sizeof v)];
}

/* A comparison's op, width, condition and operands. */
typedef struct {
    LirOp op;
    unsigned w;
    LirCond cc;
    LirOpnd a, b;
} Cmp;

static Cmp some_cmp(Gen *g)
{
    Cmp c = {.w = 8};
    if (rnd(g, 3) == 0) {
        c.op = LIR_FCMP;
        c.cc = (LirCond)(LIR_FEQ + rnd(g, 10));
        c.a = some_x(g);
        c.b = rnd(g, 2) && c.a.kind != LIR_O_MEM ? some_x(g) : lir_reg(pick_x(g));
        return c;
    }
    c.op = rnd(g, 3) ? LIR_CMP : LIR_TEST;
    c.cc = c.op == LIR_TEST ? (rnd(g, 2) ? LIR_E : LIR_S) : int_cond(g);
    c.w = rnd(g, 3) ? 8 : 4;
    c.a = some_g(g);
    c.b = c.a.kind == LIR_O_MEM ? some_g_no_mem(g) : some_g(g);
    if (c.a.kind == LIR_O_MEM && rnd(g, 2)) {
        c.w = 1u << rnd(g, 4);
    }
    return c;
}

/* Holds rarely: for guards and slow paths that the run should often get past. */
static Cmp rare_cmp(Gen *g)
{
    Cmp c = {LIR_TEST, 8, LIR_E, lir_reg(pick(g)), lir_imm(15 << rnd(g, 20))};
    if (rnd(g, 4) == 0) {
        return some_cmp(g);
    }
    return c;
}

/* The double in x to memory, or the value of r to the integers. */
static void make_store(Gen *g)
{
    LirFunc *f = g->f;
    if (rnd(g, 3) == 0) {
        lir_store(f, 8, double_mem(g), rnd(g, 4) ? lir_reg(pick_x(g)) : lir_f64(2.5));
    } else {
        unsigned w = 1u << rnd(g, 4);
        LirOpnd m = some_mem(g, w);
        lir_store(f, w, m, some_g_no_mem(g));
    }
}

static LirReg make_call(Gen *g, bool slow)
{
    LirFunc *f = g->f;
    LirReg r = lir_vreg(f, LIR_GPR);
    LirOpnd a[8];
    LirIns *i;
    switch (rnd(g, 8)) {
    case 0:
        for (int k = 0; k < 6; k++) {
            a[k] = rnd(g, 5) == 0 ? lir_mem(LIR_FRAME, HOME_DISP + (int)(8 * rnd(g, NHOMES)))
                                  : some_g_no_mem(g);
        }
        i = rnd(g, 3) ? lir_call(f, (void *)h_mix, r, a, 6, LIR_CHK_NONE, NULL)
                      : lir_call_ind(f, lir_reg(lir_copy(f, LIR_GPR, lir_ptr((void *)h_mix))), r, a,
                                     6, LIR_CHK_NONE, NULL);
        break;
    case 1:
        a[0] = lir_reg(pick(g));
        a[1] = lir_reg(pick_x(g));
        i = lir_call(f, (void *)h_sometimes_null, r, a, 2, LIR_CHK_NULL, some_exit(g));
        break;
    case 2:
        a[0] = lir_reg(pick(g));
        i = lir_call(f, (void *)h_status, r, a, 1, LIR_CHK_NEG32, some_exit(g));
        i->cflags |= rnd(g, 2) ? LIR_CALL_W4 : LIR_CALL_BOOL;
        break;
    case 6: /* the kinds that stubs make */
    case 7: {
        static const LirCheck checks[] = {LIR_CHK_NONE,  LIR_CHK_NONE,  LIR_CHK_NULL,
                                          LIR_CHK_NEG32, LIR_CHK_NEG64, LIR_CHK_SET32};
        LirCheck check = checks[rnd(g, 6)];
        unsigned n = 1 + rnd(g, 2);
        a[0] = some_g_no_mem(g);
        a[1] = some_g_no_mem(g);
        i = lir_call(f, n == 2 ? (void *)h_pair : (void *)h_one, r, a, n, check,
                     check == LIR_CHK_NONE ? NULL : some_exit(g));
        break;
    }
    case 3:
        for (int k = 0; k < 4; k++) {
            lir_store(f, 8, lir_out(f, k), rnd(g, 4) ? lir_reg(pick(g)) : lir_imm(some_imm(g)));
        }
        a[0] = lir_addr(lir_out(f, 0));
        a[1] = lir_imm(4);
        i = lir_call(f, (void *)h_sum, r, a, 2, LIR_CHK_NONE, NULL);
        break;
    default: {
        LirReg x = lir_vreg(f, LIR_XMM);
        a[0] = lir_reg(pick_x(g));
        a[1] = some_g_no_mem(g);
        a[2] = lir_reg(pick_x(g));
        a[3] = lir_reg(pick_x(g));
        i = lir_call(f, (void *)h_double, x, a, 4, LIR_CHK_NONE, NULL);
        lir_ins(f, LIR_F2I, 8, r, lir_reg(x), lir_none());
        if (!slow) {
            push_x(g, x);
        }
        break;
    }
    }
    if (g->cold || rnd(g, 4) == 0) {
        i->cflags |= LIR_CALL_PRESERVE;
    }
    return r;
}

static void make_slow(Gen *g)
{
    LirFunc *f = g->f;
    Cmp c = rare_cmp(g);
    LirReg r = lir_vreg(f, LIR_GPR);
    bool merge = rnd(g, 2);
    if (merge) {
        lir_mov(f, r, some_g(g));
    }
    uint32_t kind = rnd(g, 4);
    if (kind == 0) { /* arithmetic with a result that the slow path replaces */
        LirOpnd a = some_g(g);
        merge = true;
        lir_slow(f, rnd(g, 2) ? LIR_SUB : LIR_AND, 8, LIR_E, r, a,
                 a.kind == LIR_O_MEM ? some_g_no_mem(g) : some_g(g));
    } else if (kind == 1) { /* a counter in memory */
        lir_slow(f, LIR_SUBM, 8, LIR_E, LIR_NOREG, some_mem(g, 8), lir_imm(1));
    } else {
        lir_slow(f, c.op, c.w, c.cc, LIR_NOREG, c.a, c.b);
    }
    uint32_t ng = g->ng, nx = g->nx;
    LirReg last = pick(g);
    for (uint32_t n = 1 + rnd(g, 4); n; n--) {
        switch (rnd(g, 6)) {
        case 0:
        case 1: last = make_call(g, true); break;
        case 2: make_store(g); break;
        case 3: last = lir_op2(f, rnd(g, 2) ? LIR_ADD : LIR_XOR, some_g(g), lir_reg(last)); break;
        case 4:
            last = lir_op2(f, rnd(g, 2) ? LIR_SHL : LIR_SAR, lir_reg(last), lir_reg(pick(g)));
            break;
        default: {
            Cmp d = rare_cmp(g);
            if (rnd(g, 3) == 0) {
                lir_guard(f, d.op, d.w, d.cc, d.a, d.b, some_exit(g));
            } else if (merge) {
                lir_slow_done_if(f, d.op, d.w, d.cc, d.a, d.b);
            }
            break;
        }
        }
    }
    if (merge) {
        lir_mov(f, r, lir_reg(last));
    }
    if (rnd(g, 12) == 0) {
        lir_exit(f, some_exit(g));
    }
    lir_slow_end(f);
    g->ng = ng;
    g->nx = nx;
    if (merge) {
        push_g(g, r);
    }
}

static void make_op(Gen *g)
{
    static const uint8_t two[] = {LIR_ADD, LIR_SUB, LIR_IMUL, LIR_AND, LIR_OR,
                                  LIR_XOR, LIR_SHL, LIR_SHR,  LIR_SAR};
    static const uint8_t ftwo[] = {LIR_FADD, LIR_FSUB, LIR_FMUL, LIR_FDIV};
    static const uint8_t rmw[] = {LIR_ADDM, LIR_SUBM, LIR_ANDM, LIR_ORM, LIR_XORM};
    LirFunc *f = g->f;
    switch (rnd(g, 19)) {
    case 0:
    case 1:
    case 2:
    case 3: {
        LirOpnd a = some_g(g), b = a.kind == LIR_O_MEM ? some_g_no_mem(g) : some_g(g);
        push_g(g, lir_op2w(f, (LirOp)two[rnd(g, sizeof two)], rnd(g, 4) ? 8 : 4, a, b));
        break;
    }
    case 4: push_g(g, lir_op1(f, rnd(g, 2) ? LIR_NEG : LIR_NOT, some_g(g))); break;
    case 5: {
        LirOp op = rnd(g, 2) ? LIR_ADD : rnd(g, 2) ? LIR_SUB : LIR_IMUL;
        push_g(g, lir_op2_guard(f, op, lir_reg(pick(g)), some_g(g), LIR_O, some_exit(g)));
        break;
    }
    case 6: {
        LirReg q, r, d = lir_op2(f, LIR_AND, lir_reg(pick(g)), lir_imm(127));
        d = lir_op2(f, LIR_OR, lir_reg(d), lir_imm(1));
        lir_idiv(f, some_g(g), rnd(g, 4) ? lir_reg(d) : lir_imm(9), &q, rnd(g, 2) ? &r : NULL);
        if (g->f->cur->last->dst2 != LIR_NOREG) {
            push_g(g, r);
        }
        push_g(g, q);
        break;
    }
    case 7: {
        unsigned w = 1u << rnd(g, 4);
        LirOpnd m = some_mem(g, w);
        push_g(g, rnd(g, 2) ? lir_load(f, w, m) : lir_loads(f, w, m));
        break;
    }
    case 8: make_store(g); break;
    case 9: {
        unsigned w = rnd(g, 2) ? 8 : 4;
        LirOpnd m = some_mem(g, w);
        lir_rmw(f, (LirOp)rmw[rnd(g, sizeof rmw)], w, m, some_g_no_mem(g));
        break;
    }
    case 10: {
        Cmp c = some_cmp(g);
        push_g(g, lir_set(f, c.op, c.w, c.cc, c.a, c.b));
        break;
    }
    case 11: {
        Cmp c = rare_cmp(g);
        lir_guard(f, c.op, c.w, c.cc, c.a, c.b, some_exit(g));
        break;
    }
    case 12:
    case 13: {
        LirOpnd a = some_x(g), b = a.kind == LIR_O_MEM ? lir_reg(pick_x(g)) : some_x(g);
        push_x(g, lir_op2(f, (LirOp)ftwo[rnd(g, sizeof ftwo)], a, b));
        break;
    }
    case 14: {
        static const uint8_t one[] = {LIR_FNEG, LIR_FABS, LIR_FSQRT};
        push_x(g, lir_op1(f, (LirOp)one[rnd(g, 3)], some_x(g)));
        break;
    }
    case 15:
        push_x(g, lir_op2w(f, LIR_I2F, rnd(g, 2) ? 8 : 4, some_g(g), lir_none()));
        if (rnd(g, 2)) {
            push_g(g, lir_op1(f, LIR_FBITS, lir_reg(g->x[g->nx - 1])));
        }
        break;
    case 16: push_g(g, lir_op2w(f, LIR_F2I, rnd(g, 2) ? 8 : 4, some_x(g), lir_none())); break;
    case 17: make_slow(g); break;
    default:
        if (rnd(g, 2)) {
            push_g(g, make_call(g, false));
        } else if (rnd(g, 2)) {
            unsigned h = rnd(g, NHOMES);
            LirReg v = lir_load(f, 8, lir_mem(LIR_FRAME, HOME_DISP + 8 * (int)h));
            lir_set_home(f, v, (int)h);
            push_g(g, v);
        } else {
            push_g(g, lir_copy(f, LIR_GPR, lir_imm(some_imm(g))));
        }
        break;
    }
}

static void make_body(Gen *g);

static LirBlock *new_block(Gen *g, bool cold)
{
    LirBlock *b = lir_block_new(g->f);
    b->loop_depth = (uint16_t)g->loop_depth;
    b->cold = cold || g->cold;
    return b;
}

/* if (cmp) A else B, joined with phis, some of which swap. */
static void make_if(Gen *g)
{
    LirFunc *f = g->f;
    Cmp c = some_cmp(g);
    bool cold = rnd(g, 4) == 0, was = g->cold;
    LirBlock *yes = new_block(g, false), *no = new_block(g, cold), *join = new_block(g, false);
    bool skip = rnd(g, 3) == 0; /* an edge straight to the join */
    uint32_t np = 1 + rnd(g, 4);
    LirOpnd args[2][8];
    uint8_t xmm[8];
    uint32_t ng = g->ng, nx = g->nx;
    for (uint32_t p = 0; p < np; p++) {
        xmm[p] = rnd(g, 4) == 0;
        args[1][p] = xmm[p] ? lir_reg(pick_x(g)) : some_g_no_mem(g);
    }
    LirBlock *from = f->cur;
    lir_br(f, c.op, c.w, c.cc, c.a, c.b, yes, skip ? join : no);
    lir_at(f, yes);
    make_body(g);
    for (uint32_t p = 0; p < np; p++) {
        args[0][p] = xmm[p] ? lir_reg(pick_x(g)) : some_g_no_mem(g);
    }
    lir_jmp(f, join);
    lir_edge_args(f, f->cur, 0, args[0], np);
    g->ng = ng;
    g->nx = nx;
    if (skip) {
        lir_edge_args(f, from, 1, args[1], np);
    } else {
        lir_at(f, no);
        g->cold = was || cold;
        make_body(g);
        g->cold = was;
        for (uint32_t p = 0; p < np; p++) {
            args[1][p] = xmm[p] ? lir_reg(pick_x(g)) : some_g_no_mem(g);
        }
        lir_jmp(f, join);
        lir_edge_args(f, f->cur, 0, args[1], np);
        g->ng = ng;
        g->nx = nx;
    }
    lir_at(f, join);
    for (uint32_t p = 0; p < np; p++) {
        LirReg r = lir_vreg(f, xmm[p] ? LIR_XMM : LIR_GPR);
        lir_phi(f, join, r);
        if (xmm[p]) {
            push_x(g, r);
        } else {
            push_g(g, r);
        }
    }
}

/* A counted loop, tested at its top or at its bottom; its phis may be permuted on the back edge. */
static void make_loop(Gen *g)
{
    LirFunc *f = g->f;
    uint32_t np = rnd(g, 5);
    bool top = rnd(g, 2);
    LirReg phi[16];
    LirOpnd args[16];
    uint32_t ng = g->ng, nx = g->nx, nxp = rnd(g, 4), all = np + 1 + nxp;
    args[0] = lir_imm(1 + rnd(g, 4));
    for (uint32_t p = 1; p <= np; p++) {
        args[p] = some_g_no_mem(g);
    }
    for (uint32_t p = np + 1; p < all; p++) {
        args[p] = rnd(g, 3) ? lir_reg(pick_x(g)) : lir_f64(0.75);
    }
    g->loop_depth++;
    LirBlock *head = new_block(g, false);
    head->loop_header = true;
    lir_jmp(f, head);
    lir_edge_args(f, f->cur, 0, args, all);
    lir_at(f, head);
    for (uint32_t p = 0; p < all; p++) {
        phi[p] = lir_vreg(f, p <= np ? LIR_GPR : LIR_XMM);
        lir_phi(f, head, phi[p]);
        if (p <= np) {
            push_g(g, phi[p]);
        } else {
            push_x(g, phi[p]);
        }
    }
    g->loop_depth--;
    LirBlock *after = new_block(g, false);
    g->loop_depth++;
    if (top) {
        LirBlock *body = new_block(g, false);
        lir_br(f, LIR_CMP, 8, LIR_LE, lir_reg(phi[0]), lir_imm(0), after, body);
        lir_at(f, body);
    }
    make_body(g);
    args[0] = lir_reg(lir_op2(f, LIR_SUB, lir_reg(phi[0]), lir_imm(1)));
    for (uint32_t p = 1; p <= np; p++) {
        /* Rotated, or something new. */
        args[p] = rnd(g, 2) ? lir_reg(phi[1 + p % np]) : some_g_no_mem(g);
    }
    for (uint32_t p = np + 1; p < all; p++) {
        args[p] = rnd(g, 2) ? lir_reg(phi[np + 1 + (p - np) % nxp]) : lir_reg(pick_x(g));
    }
    if (top) {
        lir_jmp(f, head);
        lir_edge_args(f, f->cur, 0, args, all);
    } else {
        lir_br(f, LIR_CMP, 8, LIR_G, args[0], lir_imm(0), head, after);
        lir_edge_args(f, f->cur, 0, args, all);
    }
    g->loop_depth--;
    g->ng = ng;
    g->nx = nx;
    lir_at(f, after);
    if (top) {
        for (uint32_t p = 0; p < all; p++) {
            if (p <= np) {
                push_g(g, phi[p]);
            } else {
                push_x(g, phi[p]);
            }
        }
    }
}

static void make_body(Gen *g)
{
    uint32_t n = 1 + rnd(g, 14);
    g->depth++;
    while (n-- && g->ops) {
        g->ops--;
        uint32_t k = g->depth < 5 ? rnd(g, 14) : 13;
        if (k == 0 && g->loop_depth < 3) {
            make_loop(g);
        } else if (k <= 2) {
            make_if(g);
        } else {
            make_op(g);
        }
    }
    g->depth--;
}

static LirFunc *make_program(Arena *a, uint64_t seed)
{
    Gen *g = calloc(1, sizeof *g);
    g->seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    LirFunc *f = g->f = lir_func_new(a, "random", HOME_DISP);
    for (int k = 0; k < 8; k++) {
        rnd(g, 2);
    }
    g->ops = 10 + rnd(g, 150);
    lir_at(f, lir_block_new(f));
    uint32_t nstart = 2 + rnd(g, 24);
    for (uint32_t k = 0; k < nstart; k++) {
        push_g(g, lir_load(f, 8, lir_mem(LIR_FRAME, INTS + (int32_t)(8 * (k % NINTS)))));
        if (k < 4 || rnd(g, 2)) {
            push_x(g, lir_load_f64(f, lir_mem(LIR_FRAME, DOUBLES + (int32_t)(8 * (k % NDOUBLES)))));
        }
    }
    while (g->ops) {
        make_body(g);
    }
    /* Everything is looked at in the end. */
    LirReg sum = lir_copy(f, LIR_GPR, lir_imm(1));
    for (uint32_t k = 0; k < g->ng; k++) {
        LirReg t = lir_op2(f, LIR_IMUL, lir_reg(sum), lir_imm(31));
        sum = lir_op2(f, LIR_XOR, lir_reg(t), lir_reg(g->g[k]));
    }
    for (uint32_t k = 0; k < g->nx; k++) {
        lir_store(f, 8, lir_mem(LIR_FRAME, DOUBLES + (int32_t)(8 * (k % NDOUBLES))),
                  lir_reg(g->x[k]));
    }
    lir_ret(f, lir_reg(sum));
    free(g);
    return f;
}

static void fill_world(uint64_t seed)
{
    Gen g = {.seed = seed + 77};
    for (unsigned k = 0; k < DOUBLES / 8; k++) {
        uint64_t v = rnd(&g, 3) == 0 ? g.seed
                     : rnd(&g, 2)    ? rnd(&g, 1000)
                                     : (uint64_t) - (int64_t)rnd(&g, 50);
        memcpy(world + 8 * k, &v, 8);
    }
    for (unsigned k = 0; k < NDOUBLES; k++) {
        double d = ((double)rnd(&g, 2000) - 1000) / 8;
        memcpy(world + DOUBLES + 8 * k, &d, 8);
    }
}

static void run_seed(uint64_t seed, bool all_spill)
{
    static uint8_t start[WORLD_BYTES];
    static Outcome want, got;
    current_seed = (unsigned long)seed;
    Arena a;
    arena_init(&a, 0, NULL);
    LirFunc *f = make_program(&a, seed);
    fill_world(seed);
    memcpy(start, world, sizeof world);
    interpret(f, &want);
    bool dump = getenv("PYSTON_LIR_DUMP") != NULL;
    StrBuf sb = SB_INIT;
    CodeUnit *u = compile(f, (LirOptions){.all_spill = all_spill}, dump ? &sb : NULL);
    if (dump) {
        fprintf(stderr, "%s\n", sb_str(&sb));
        fflush(stderr);
        fflush(stdout);
    }
    /* Twice: code must not depend on what it left behind. */
    for (int round = 0; round < 2; round++) {
        memcpy(world, start, sizeof world);
        run_compiled(u, &got);
        if (!same_outcome(&want, &got)) {
            for (unsigned k = 0; k < want.nvals && k < got.nvals; k++) {
                print_message("value %u: %llx, compiled %llx\n", k,
                              (unsigned long long)want.vals[k], (unsigned long long)got.vals[k]);
            }
            fail_msg("seed %llu%s: interpreted %s %llx (%u values, %u calls, reason %u), compiled "
                     "%s %llx "
                     "(%u values, %u calls, reason %u)",
                     (unsigned long long)seed, all_spill ? " all-spill" : "",
                     want.exited ? "exit" : "result", (unsigned long long)want.result, want.nvals,
                     want.calls, want.reason, got.exited ? "exit" : "result",
                     (unsigned long long)got.result, got.nvals, got.calls, got.reason);
        }
    }
    sb_free(&sb);
    drop_unit(u);
    arena_free(&a);
}

static void run_seeds(bool all_spill)
{
    unsigned long first = 1, count = 1500;
    const char *env = getenv("PYSTON_LIR_SEEDS");
    if (env) {
        sscanf(env, "%lu:%lu", &first, &count);
    }
    for (unsigned long s = first; s < first + count; s++) {
        run_seed(s, all_spill);
    }
}

static void test_linear_scan(void **state)
{
    (void)state;
    run_seeds(false);
}

static void test_all_spill(void **state)
{
    (void)state;
    run_seeds(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_scan),
        cmocka_unit_test(test_all_spill),
    };
    return cmocka_run_group_tests(tests, open_cache, close_cache);
}
