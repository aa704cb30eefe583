/* The back end, feature by feature: each test builds a small LIR function, runs
 * it compiled by both allocators, and looks at results, exits and tables. */
#include "lir_harness.h"

static Arena arena;

static LirFunc *start(void)
{
    arena_init(&arena, 0, NULL);
    LirFunc *f = lir_func_new(&arena, "test", HOME_DISP);
    lir_at(f, lir_block_new(f));
    return f;
}

static LirOpnd int_at(int i)
{
    return lir_mem(LIR_FRAME, INTS + 8 * i);
}
static LirOpnd dbl_at(int i)
{
    return lir_mem(LIR_FRAME, DOUBLES + 8 * i);
}
static void set_int(int i, int64_t v)
{
    memcpy(world + INTS + 8 * i, &v, 8);
}
static int64_t get_int(int i)
{
    return (int64_t)it_load((uint64_t)(uintptr_t)world + INTS + 8 * (unsigned)i, 8);
}
static void set_dbl(int i, double v)
{
    memcpy(world + DOUBLES + 8 * i, &v, 8);
}
static void set_home(int i, uint64_t v)
{
    memcpy(world + HOME_DISP + 8 * i, &v, 8);
}

typedef LirFunc *(*Maker)(void);

/* Runs make()'s function compiled by each allocator, calling check on what it did. */
static void both(Maker make, void (*check)(const Outcome *o))
{
    static Outcome o;
    for (int all_spill = 0; all_spill < 2; all_spill++) {
        LirFunc *f = make();
        CodeUnit *u = compile(f, (LirOptions){.all_spill = all_spill}, NULL);
        run_compiled(u, &o);
        check(&o);
        drop_unit(u);
        arena_free(&arena);
    }
}

/* ---- comparisons of doubles --------------------------------------------------------------- */

/* Bits 0..9: SET with each condition; 10..19: branches; 20..29: slow paths. */
static LirFunc *make_fcmp(void)
{
    LirFunc *f = start();
    LirReg a = lir_load_f64(f, dbl_at(0)), b = lir_load_f64(f, dbl_at(1));
    LirReg acc = lir_copy(f, LIR_GPR, lir_imm(0));
    for (unsigned c = 0; c < 10; c++) {
        LirCond cc = (LirCond)(LIR_FEQ + c);
        LirReg s = lir_set(f, LIR_FCMP, 8, cc, lir_reg(a), lir_reg(b));
        s = lir_op2(f, LIR_SHL, lir_reg(s), lir_imm(c));
        acc = lir_op2(f, LIR_OR, lir_reg(acc), lir_reg(s));
        for (int swap = 0; swap < 2; swap++) { /* either side falls through */
            LirBlock *yes = lir_block_new(f), *no = lir_block_new(f), *join = lir_block_new(f);
            LirReg y = lir_vreg(f, LIR_GPR), phi = lir_vreg(f, LIR_GPR);
            lir_br(f, LIR_FCMP, 8, cc, lir_reg(a), lir_reg(b), yes, no);
            lir_phi(f, join, phi);
            lir_at(f, swap ? no : yes);
            lir_mov(f, y, lir_imm(swap ? 0 : 1));
            lir_jmp(f, join);
            lir_edge_args(f, f->cur, 0, (LirOpnd[]){lir_reg(y)}, 1);
            lir_at(f, swap ? yes : no);
            lir_jmp(f, join);
            lir_edge_args(f, f->cur, 0, (LirOpnd[]){lir_imm(swap ? 1 : 0)}, 1);
            lir_at(f, join);
            LirReg t = lir_op2(f, LIR_SHL, lir_reg(phi), lir_imm(10 + c + 20 * swap));
            acc = lir_op2(f, LIR_OR, lir_reg(acc), lir_reg(t));
        }
        LirReg n = lir_vreg(f, LIR_GPR);
        lir_mov(f, n, lir_reg(acc));
        lir_slow(f, LIR_FCMP, 8, cc, LIR_NOREG, lir_reg(a), lir_reg(b));
        lir_mov(f, n, lir_reg(lir_op2(f, LIR_OR, lir_reg(acc), lir_imm(INT64_C(1) << (20 + c)))));
        lir_slow_end(f);
        acc = n;
    }
    lir_ret(f, lir_reg(acc));
    return f;
}

static double fc_a, fc_b;
static void check_fcmp(const Outcome *o)
{
    double a = fc_a, b = fc_b;
    bool want[10] = {a == b,   a != b, a<b, !(a < b), a <= b, !(a <= b), a> b,
                     !(a > b), a >= b, !(a >= b)};
    for (unsigned c = 0; c < 10; c++) {
        for (unsigned k = 0; k < 4; k++) {
            if (((o->result >> (c + 10 * k)) & 1) != want[c]) {
                fail_msg("%g %s %g, form %u", a, "F??", b, c + 10 * k);
            }
        }
    }
}

static void test_double_conditions(void **state)
{
    static const double v[] = {0.0, -0.0, 1.0, -1.0, 1e308, INFINITY, -INFINITY, NAN, 5e-324};
    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        for (unsigned j = 0; j < 9; j++) {
            set_dbl(0, fc_a = v[i]);
            set_dbl(1, fc_b = v[j]);
            both(make_fcmp, check_fcmp);
        }
    }
}

/* ---- exits ----------------------------------------------------------------------------------- */

/* Two frames, all kinds of values; rep, owned and same_as pass through. */
static LirFunc *make_exit(void)
{
    LirFunc *f = start();
    LirReg a = lir_load(f, 8, int_at(0)), x = lir_load_f64(f, dbl_at(0));
    LirReg h = lir_load(f, 8, lir_mem(LIR_FRAME, HOME_DISP + 8 * 3));
    lir_set_home(f, h, 3);
    LirState *s = lir_state_new(f, 2);
    LirVal *v = lir_state_frame(f, s, 0, (void *)0x1000, 17, 3, 2);
    v[0] = (LirVal){.opnd = lir_reg(a), .home = -1, .rep = HIR_OBJ, .owned = 1};
    v[1] = (LirVal){.opnd = lir_reg(x), .home = -1, .rep = HIR_F64};
    v[2] = (LirVal){.opnd = lir_none(), .home = 5, .rep = HIR_OBJ};
    v[3] = (LirVal){.opnd = lir_imm(0x123456789abc), .home = -1, .rep = HIR_I64};
    v[4] = (LirVal){.opnd = lir_reg(x), .home = -1, .rep = HIR_F64, .same_as = 2};
    s->frames[0].dirty[0] = 4;
    s->frames[0].dirty[1] = 9;
    v = lir_state_frame(f, s, 1, (void *)0x2000, 90, 1, 1);
    v[0] = (LirVal){.opnd = lir_reg(h), .home = -1, .rep = HIR_OBJ};
    v[1] = (LirVal){.opnd = lir_imm(0x123456789abc), .home = -1, .rep = HIR_I64, .same_as = 4};
    s->frames[1].dirty[0] = 1;
    LirExit *e = lir_exit_throw(f, s, 77, 15);
    lir_guard(f, LIR_CMP, 8, LIR_E, lir_reg(a), lir_imm(1), e);
    /* The same exit again, where things may be elsewhere; and another kind at the same state. */
    lir_guard(f, LIR_CMP, 8, LIR_E, lir_reg(a), lir_imm(2), e);
    lir_guard(f, LIR_CMP, 8, LIR_E, lir_reg(a), lir_imm(3), lir_exit_resume(f, s, 78));
    lir_exit(f, lir_exit_resume(f, s, 79));
    return f;
}

static void check_exit(const Outcome *o)
{
    uint64_t a = (uint64_t)get_int(0);
    assert_true(o->exited);
    assert_int_equal(o->result, exit_value);
    assert_int_equal(o->kind, a < 3 ? RT_EXIT_THROW : RT_EXIT_RESUME);
    assert_int_equal(o->reason, a < 3 ? 77 : a == 3 ? 78 : 79);
    assert_int_equal(o->throw_bci, a < 3 ? 15 : -1);
    assert_int_equal(o->nframes, 2);
    assert_int_equal(o->bci[0], 17);
    assert_int_equal(o->bci[1], 90);
    assert_int_equal(o->nvals, 7);
    uint64_t want[] = {a,      as_bits(2.75), 0x5555, 0x123456789abc, as_bits(2.75),
                       0x3333, 0x123456789abc};
    assert_memory_equal(o->vals, want, sizeof want);
    static const uint8_t owned[] = {1, 0, 0, 0, 0, 0, 0};
    assert_memory_equal(o->owned, owned, sizeof owned);
}

static void test_exit_values(void **state)
{
    (void)state;
    set_dbl(0, 2.75);
    set_home(3, 0x3333);
    set_home(5, 0x5555);
    for (int a = 1; a <= 4; a++) {
        set_int(0, a);
        both(make_exit, check_exit);
    }
}

/* Has what a unit's entry gets; the exit's result is not looked at. */
static PyObject *takes_over(PyThreadState *ts, struct _PyInterpreterFrame *frame)
{
    assert_ptr_equal(ts, fake_ts);
    assert_ptr_equal(frame, world);
    assert_int_equal((uintptr_t)__builtin_frame_address(0) & 15, 0);
    return (PyObject *)0x7654321;
}

static void check_taken_over(const Outcome *o)
{
    assert_true(o->exited);
    assert_int_equal(o->result, 0x7654321);
}

/* The unit that is left is gone when the other one starts: its caller's registers are back, which
 * the harness looks at. */
static void test_exit_goes_on(void **state)
{
    (void)state;
    exit_next = takes_over;
    set_int(0, 2);
    LirFunc *f = make_exit();
    CodeUnit *u = compile(f, (LirOptions){0}, NULL);
    Outcome o;
    run_compiled(u, &o);
    check_taken_over(&o);
    exit_next = NULL;
    drop_unit(u);
    arena_free(&arena);
}

static void test_exit_tables(void **state)
{
    (void)state;
    LirFunc *f = make_exit();
    CodeUnit *u = compile(f, (LirOptions){0}, NULL);
    /* Three exits, as the first two are the same at the same places; they share their frames. */
    assert_int_equal(u->nexits, 3);
    assert_int_equal(u->nexit_frames, 2);
    assert_int_equal(u->nlocs, 10);
    assert_int_equal(u->nconsts, 1);
    assert_int_equal(u->exits[0].frames, u->exits[2].frames);
    assert_ptr_equal(rt_exit_code(u, &u->exit_frames[0]), (void *)0x1000);
    assert_ptr_equal(rt_exit_code(u, &u->exit_frames[1]), (void *)0x2000);
    assert_int_equal(u->exit_frames[0].nstack, 3);
    assert_int_equal(u->exit_frames[0].ndirty, 2);
    const RtLoc *l = u->locs + u->exit_frames[0].locs;
    assert_int_equal(l[5].where, 4);
    assert_int_equal(l[6].where, 9);
    const RtExitFrame *outer = &u->exit_frames[1];
    assert_int_equal(u->locs[outer->locs + outer->nstack + outer->ndirty].where, 1);
    assert_int_equal(l[0].kind, RT_LOC_GPR);
    assert_int_equal(l[1].kind, RT_LOC_XMM);
    assert_int_equal(l[2].kind, RT_LOC_HOME);
    assert_int_equal(l[2].where, 5);
    assert_int_equal(l[3].kind, RT_LOC_CONST);
    assert_int_equal(l[4].same_as, 2);
    assert_int_equal(l[1].rep, HIR_F64);
    assert_true(u->code_size > 0 && u->blob != NULL);
    drop_unit(u);
    arena_free(&arena);
}

/* ---- deopt stress ------------------------------------------------------------------------------ */

static LirFunc *make_stress(void)
{
    LirFunc *f = start();
    LirState *s = lir_state_new(f, 1);
    LirReg a = lir_load(f, 8, int_at(0));
    LirVal *v = lir_state_frame(f, s, 0, NULL, 1, 1, 0);
    v[0] = (LirVal){.opnd = lir_reg(a), .home = -1, .rep = HIR_I64};
    LirExit *never = lir_exit_resume(f, s, 9);
    never->no_stress = 1;
    lir_guard(f, LIR_CMP, 8, LIR_E, lir_reg(a), lir_imm(99), never);
    lir_guard(f, LIR_CMP, 8, LIR_E, lir_reg(a), lir_imm(98), lir_exit_throw(f, s, 3, 1));
    LirReg b = lir_op2_guard(f, LIR_ADD, lir_reg(a), lir_imm(1), LIR_O, lir_exit_resume(f, s, 1));
    lir_guard(f, LIR_CMP, 8, LIR_E, lir_reg(b), lir_imm(98), lir_exit_resume(f, s, 2));
    lir_ret(f, lir_reg(b));
    return f;
}

static void test_stress(void **state)
{
    static Outcome o;
    (void)state;
    set_int(0, 41);
    for (int all_spill = 0; all_spill < 2; all_spill++) {
        LirFunc *f = make_stress();
        CodeUnit *u = compile(f, (LirOptions){.all_spill = all_spill, .stress_deopt = true}, NULL);
        /* The first guard fails, then holds while the second one fails for its first time ... */
        static const int reasons[] = {1, 2, 1, 0, 1, 2, 1, 0};
        for (unsigned k = 0; k < 8; k++) {
            run_compiled(u, &o);
            assert_int_equal(o.exited ? o.reason : 0, reasons[k]);
            if (o.exited) {
                assert_int_equal(o.vals[0], 41);
            } else {
                assert_int_equal(o.result, 42);
            }
        }
        drop_unit(u);
        arena_free(&arena);
    }
}

/* ---- parallel moves --------------------------------------------------------------------------------- */

/* A loop whose phis rotate: general registers, doubles, and more of each than there are registers. */
static unsigned rot_n;
static LirFunc *make_rotate(void)
{
    LirFunc *f = start();
    LirReg g[40], x[40];
    LirOpnd args[81];
    LirBlock *head = lir_block_new(f), *done = lir_block_new(f);
    head->loop_header = true;
    head->loop_depth = 1;
    for (unsigned k = 0; k < rot_n; k++) {
        args[k] = lir_reg(lir_load(f, 8, int_at((int)k % NINTS)));
        args[rot_n + k] = lir_reg(lir_load_f64(f, dbl_at((int)k % NDOUBLES)));
    }
    args[2 * rot_n] = lir_reg(lir_load(f, 8, int_at(31)));
    lir_jmp(f, head);
    lir_edge_args(f, f->cur, 0, args, 2 * rot_n + 1);
    lir_at(f, head);
    for (unsigned k = 0; k < rot_n; k++) {
        lir_phi(f, head, g[k] = lir_vreg(f, LIR_GPR));
    }
    for (unsigned k = 0; k < rot_n; k++) {
        lir_phi(f, head, x[k] = lir_vreg(f, LIR_XMM));
    }
    LirReg n = lir_vreg(f, LIR_GPR);
    lir_phi(f, head, n);
    for (unsigned k = 0; k < rot_n; k++) {
        args[k] = lir_reg(g[(k + 1) % rot_n]);
        args[rot_n + k] = lir_reg(x[(k + 2) % rot_n]);
    }
    LirReg m = lir_op2(f, LIR_SUB, lir_reg(n), lir_imm(1));
    args[2 * rot_n] = lir_reg(m);
    lir_br(f, LIR_CMP, 8, LIR_NE, lir_reg(m), lir_imm(0), head, done);
    lir_edge_args(f, head, 0, args, 2 * rot_n + 1);
    lir_at(f, done);
    LirReg sum = lir_copy(f, LIR_GPR, lir_imm(0));
    for (unsigned k = 0; k < rot_n; k++) {
        sum = lir_op2(f, LIR_ADD, lir_reg(lir_op2(f, LIR_IMUL, lir_reg(sum), lir_imm(7))),
                      lir_reg(g[k]));
        sum = lir_op2(f, LIR_ADD, lir_reg(lir_op2(f, LIR_IMUL, lir_reg(sum), lir_imm(7))),
                      lir_reg(lir_op1(f, LIR_FBITS, lir_reg(x[k]))));
    }
    lir_ret(f, lir_reg(sum));
    return f;
}

static uint64_t rot_want;
static void check_rotate(const Outcome *o)
{
    assert_int_equal(o->result, rot_want);
}

static void test_rotating_phis(void **state)
{
    static Outcome want;
    (void)state;
    for (int k = 0; k < NINTS; k++) {
        set_int(k, 1000003 * (k + 1));
    }
    for (int k = 0; k < NDOUBLES; k++) {
        set_dbl(k, 1.5 * (k + 1));
    }
    for (rot_n = 1; rot_n <= 30; rot_n += rot_n < 4 ? 1 : 5) {
        for (int n = 1; n < 5; n++) {
            set_int(31, n);
            LirFunc *f = make_rotate();
            interpret(f, &want);
            rot_want = want.result;
            arena_free(&arena);
            both(make_rotate, check_rotate);
        }
    }
}

/* ---- calls --------------------------------------------------------------------------------------------- */

static uint64_t many(uint64_t a, double x, uint64_t b, double y, uint64_t c, uint64_t *d,
                     uint64_t e, uint64_t g, double z)
{
    call_count++;
    return a + 10 * b + 100 * c + 1000 * *d + 10000 * e + 100000 * g +
           (uint64_t)(x + 2 * y + 4 * z);
}
static double half(double x)
{
    call_count++;
    return x / 2;
}
static int minus_two(void)
{
    call_count++;
    return -2;
}

static LirFunc *make_calls(void)
{
    LirFunc *f = start();
    LirReg x = lir_load_f64(f, dbl_at(0)), y = lir_vreg(f, LIR_XMM), r = lir_vreg(f, LIR_GPR);
    lir_call(f, (void *)half, y, (LirOpnd[]){lir_reg(x)}, 1, LIR_CHK_NONE, NULL);
    lir_store(f, 8, lir_out(f, 2), lir_imm(4));
    LirReg p = lir_lea(f, lir_mem(LIR_FRAME, INTS));
    LirOpnd args[] = {lir_imm(1),
                      lir_reg(x),
                      int_at(0),
                      lir_reg(y),
                      lir_mem(p, 8),
                      lir_addr(lir_out(f, 2)),
                      lir_reg(lir_load(f, 8, int_at(2))),
                      lir_imm(6),
                      lir_reg(x)};
    LirReg fn = lir_copy(f, LIR_GPR, lir_ptr((void *)many));
    lir_call_ind(f, lir_reg(fn), r, args, 9, LIR_CHK_NONE, NULL);
    LirReg s = lir_vreg(f, LIR_GPR), t = lir_vreg(f, LIR_GPR);
    lir_call(f, (void *)minus_two, s, NULL, 0, LIR_CHK_NONE, NULL)->cflags |= LIR_CALL_W4;
    lir_call(f, (void *)minus_two, t, NULL, 0, LIR_CHK_NONE, NULL)->cflags |= LIR_CALL_BOOL;
    lir_store(f, 8, int_at(10), lir_reg(s));
    lir_store(f, 8, int_at(11), lir_reg(t));
    lir_ret(f, lir_reg(r));
    return f;
}

static void check_calls(const Outcome *o)
{
    assert_int_equal(o->result, 1 + 20 + 300 + 4000 + 50000 + 600000 + (8 + 8 + 32));
    assert_int_equal(o->calls, 4);
    assert_int_equal(get_int(10), -2);
    assert_int_equal(get_int(11), 0xfffffffe);
}

static void test_calls(void **state)
{
    (void)state;
    set_dbl(0, 8.0);
    set_int(0, 2);
    set_int(1, 3);
    set_int(2, 5);
    both(make_calls, check_calls);
}

/* A slow path's call must not push anything out of its register: the fast path has no access to the
 * frame's slots and the same code as without the slow path. */
static LirFunc *make_counted_loop(bool with_slow)
{
    LirFunc *f = start();
    LirReg n = lir_load(f, 8, int_at(0)), x = lir_load_f64(f, dbl_at(0)),
           p = lir_load(f, 8, int_at(1));
    LirBlock *head = lir_block_new(f), *done = lir_block_new(f);
    head->loop_header = true;
    head->loop_depth = 1;
    lir_jmp(f, head);
    lir_edge_args(f, f->cur, 0, (LirOpnd[]){lir_reg(n), lir_f64(0.0)}, 2);
    lir_at(f, head);
    LirReg i = lir_vreg(f, LIR_GPR), acc = lir_vreg(f, LIR_XMM);
    lir_phi(f, head, i);
    lir_phi(f, head, acc);
    LirReg acc2 = lir_op2(f, LIR_FADD, lir_reg(acc), lir_reg(x));
    if (with_slow) {
        lir_slow(f, LIR_TEST, 8, LIR_E, LIR_NOREG, lir_reg(i), lir_imm(3));
        lir_call(f, (void *)minus_two, LIR_NOREG, NULL, 0, LIR_CHK_NONE, NULL);
        lir_store(f, 8, int_at(3), lir_reg(p));
        lir_slow_end(f);
    }
    LirReg i2 = lir_op2(f, LIR_SUB, lir_reg(i), lir_imm(1));
    lir_br(f, LIR_CMP, 8, LIR_G, lir_reg(i2), lir_imm(0), head, done);
    lir_edge_args(f, head, 0, (LirOpnd[]){lir_reg(i2), lir_reg(acc2)}, 2);
    lir_at(f, done);
    lir_store(f, 8, dbl_at(1), lir_reg(acc2));
    lir_ret(f, lir_reg(p));
    return f;
}

static void test_slow_path_is_free(void **state)
{
    static Outcome o;
    uint32_t hot[2];
    (void)state;
    set_int(0, 10);
    set_int(1, 0x7777);
    set_dbl(0, 0.5);
    for (int slow = 0; slow < 2; slow++) {
        LirFunc *f = make_counted_loop(slow);
        CodeUnit *u = compile(f, (LirOptions){0}, NULL);
        hot[slow] = ((CodeBlob *)u->blob)->hot_size;
        run_compiled(u, &o);
        assert_int_equal(o.result, 0x7777);
        assert_int_equal(o.calls, slow ? 2 : 0); /* 8 and 4 */
        double d;
        memcpy(&d, o.memory + DOUBLES + 8, 8);
        assert_true(d == 5.0);
        assert_int_equal(f->nallocated_slots, 0);
        drop_unit(u);
        arena_free(&arena);
    }
    /* test, je, and a longer jump back at most. */
    assert_true(hot[1] <= hot[0] + 16);
}

/* A value that lives across a call in cold code only keeps its register in the loop. */
static void test_cold_call(void **state)
{
    StrBuf sb = SB_INIT;
    (void)state;
    LirFunc *f = start();
    LirReg v[6];
    for (int k = 0; k < 6; k++) {
        v[k] = lir_load(f, 8, int_at(k));
    }
    LirBlock *head = lir_block_new(f), *cold = lir_block_new(f), *next = lir_block_new(f),
             *done = lir_block_new(f);
    head->loop_header = true;
    head->loop_depth = cold->loop_depth = next->loop_depth = 1;
    cold->cold = true;
    lir_jmp(f, head);
    lir_edge_args(f, f->cur, 0, (LirOpnd[]){lir_imm(100), lir_imm(0)}, 2);
    lir_at(f, head);
    LirReg i = lir_vreg(f, LIR_GPR), s = lir_vreg(f, LIR_GPR);
    lir_phi(f, head, i);
    lir_phi(f, head, s);
    LirReg t = s;
    for (int k = 0; k < 6; k++) {
        t = lir_op2(f, k & 1 ? LIR_ADD : LIR_XOR, lir_reg(t), lir_reg(v[k]));
    }
    lir_br(f, LIR_TEST, 8, LIR_E, lir_reg(i), lir_imm(31), cold, next);
    lir_at(f, cold);
    lir_call(f, (void *)minus_two, LIR_NOREG, NULL, 0, LIR_CHK_NONE, NULL);
    lir_jmp(f, next);
    lir_at(f, next);
    LirReg i2 = lir_op2(f, LIR_SUB, lir_reg(i), lir_imm(1));
    lir_br(f, LIR_CMP, 8, LIR_NE, lir_reg(i2), lir_imm(0), head, done);
    lir_edge_args(f, next, 0, (LirOpnd[]){lir_reg(i2), lir_reg(t)}, 2);
    lir_at(f, done);
    lir_ret(f, lir_reg(t));
    static Outcome want, got;
    interpret(f, &want);
    CodeUnit *u = compile(f, (LirOptions){0}, &sb);
    run_compiled(u, &got);
    assert_true(same_outcome(&want, &got));
    /* Hot code touches the frame's memory only for the loads before the loop. */
    const char *after = strstr(sb_str(&sb), "-- LIR after allocation");
    const char *loop = strstr(after, "depth 1"), *end = strstr(after, "cold");
    assert_non_null(loop);
    assert_non_null(end);
    for (const char *c = loop; c < end; c++) {
        if (c[0] == ' ' && c[1] == 's' && c[2] >= '0' && c[2] <= '9') {
            fail_msg("a spill slot in the loop:\n%.*s", (int)(end - loop), loop);
        }
    }
    sb_free(&sb);
    drop_unit(u);
    arena_free(&arena);
}

/* ---- homes, constants ------------------------------------------------------------------------------------ */

static LirFunc *make_homes(void)
{
    LirFunc *f = start();
    LirReg v[12], c[12];
    for (int k = 0; k < 12; k++) {
        v[k] = lir_load(f, 8, lir_mem(LIR_FRAME, HOME_DISP + 8 * k));
        lir_set_home(f, v[k], k);
        c[k] = lir_copy(f, LIR_GPR, lir_imm(INT64_C(0x100000000) * k + 5));
    }
    lir_call(f, (void *)minus_two, LIR_NOREG, NULL, 0, LIR_CHK_NONE, NULL);
    LirReg s = lir_copy(f, LIR_GPR, lir_imm(0));
    for (int k = 0; k < 12; k++) {
        s = lir_op2(f, LIR_ADD, lir_reg(s), lir_reg(v[k]));
        s = lir_op2(f, LIR_XOR, lir_reg(s), lir_reg(c[k]));
    }
    lir_ret(f, lir_reg(s));
    return f;
}

static void test_free_spills(void **state)
{
    static Outcome want, got;
    (void)state;
    for (int k = 0; k < 12; k++) {
        set_home(k, 0x1111u * (unsigned)(k + 1));
    }
    LirFunc *f = make_homes();
    interpret(f, &want);
    CodeUnit *u = compile(f, (LirOptions){0}, NULL);
    assert_int_equal(f->nallocated_slots, 0); /* homes and constants need none */
    run_compiled(u, &got);
    assert_true(same_outcome(&want, &got));
    drop_unit(u);
    arena_free(&arena);
}

/* ---- refusals ----------------------------------------------------------------------------------------------- */

static void refused(LirFunc *f, const char *part)
{
    StrBuf err = SB_INIT;
    bool ok = lir_verify(f, &err);
    if (ok || strstr(sb_str(&err), part) == NULL) {
        fail_msg("expected '%s', got %s '%s'", part, ok ? "success" : "failure", sb_str(&err));
    }
    sb_free(&err);
    arena_free(&arena);
}

static void test_verifier(void **state)
{
    (void)state;
    LirFunc *f = start();
    lir_ret(f, lir_reg(lir_vreg(f, LIR_GPR)));
    refused(f, "used before defined");

    f = start();
    LirReg x = lir_load_f64(f, dbl_at(0));
    lir_ret(f, lir_reg(x));
    refused(f, "wrong class");

    f = start();
    lir_mov(f, lir_vreg(f, LIR_GPR), lir_imm(1));
    refused(f, "does not end");

    f = start();
    lir_ret(f, lir_imm(0));
    lir_ret(f, lir_imm(0));
    refused(f, "behind the end");

    f = start();
    lir_ins(f, LIR_CMP, 8, lir_vreg(f, LIR_GPR), lir_reg(LIR_FRAME), lir_imm(0));
    lir_ret(f, lir_imm(0));
    refused(f, "without a target");

    f = start();
    lir_ret(f, lir_reg((LirReg)7));
    refused(f, "physical register");

    f = start();
    lir_op2(f, LIR_ADD, int_at(0), int_at(1));
    lir_ret(f, lir_imm(0));
    refused(f, "two memory operands");

    f = start();
    LirBlock *b = lir_block_new(f);
    lir_phi(f, b, lir_vreg(f, LIR_GPR));
    lir_jmp(f, b);
    lir_at(f, b);
    lir_ret(f, lir_imm(0));
    refused(f, "without its arguments");

    f = start();
    b = lir_block_new(f);
    LirBlock *c = lir_block_new(f), *j = lir_block_new(f);
    LirReg v = lir_vreg(f, LIR_GPR);
    lir_br(f, LIR_CMP, 8, LIR_E, int_at(0), lir_imm(0), b, c);
    lir_at(f, b);
    lir_mov(f, v, lir_imm(1));
    lir_jmp(f, j);
    lir_at(f, c);
    lir_jmp(f, j);
    lir_at(f, j);
    lir_ret(f, lir_reg(v));
    refused(f, "used before defined");
}

static void test_too_large(void **state)
{
    const char *reason = NULL;
    (void)state;
    LirFunc *f = start();
    LirReg r = lir_load(f, 8, int_at(0));
    for (int k = 0; k < 400001; k++) {
        lir_rmw(f, LIR_ADDM, 8, int_at(1), lir_reg(r));
    }
    lir_ret(f, lir_imm(0));
    CodeUnit *u = rt_unit_new(NULL, 0);
    LirOptions opts = {.cc = cache, .exit_entry = exit_entry};
    assert_false(lir_compile_lir(f, u, &opts, &reason));
    assert_string_equal(reason, "too large");
    assert_null(u->blob);
    rt_unit_free(u);
    arena_free(&arena);
}

/* Running out of arena memory is a reason, not a crash, and the arena's own hook is left alone. */
static void test_out_of_memory(void **state)
{
    (void)state;
    for (size_t limit = 64 << 10; limit < (size_t)2 << 20; limit += 64 << 10) {
        const char *reason = NULL;
        LirFunc *f = start();
        LirReg r = lir_load(f, 8, int_at(0));
        for (int k = 0; k < 1000; k++) {
            r = lir_op2(f, LIR_ADD, lir_reg(r), lir_imm(k));
        }
        lir_ret(f, lir_reg(r));
        arena.limit = arena.reserved + (limit - (64 << 10));
        CodeUnit *u = rt_unit_new(NULL, 0);
        LirOptions opts = {.cc = cache, .exit_entry = exit_entry};
        bool ok = lir_compile_lir(f, u, &opts, &reason);
        assert_null(arena.oom);
        if (ok) {
            drop_unit(u);
        } else {
            assert_string_equal(reason, "out of memory");
            rt_unit_free(u);
        }
        arena_free(&arena);
        if (ok) {
            assert_true(limit > 64 << 10);
            return;
        }
    }
    fail_msg("never enough memory");
}

/* ---- the checker can tell ------------------------------------------------------------------------------------- */

/* Break an allocation in one place; the checker must object. */
static void test_checker(void **state)
{
    (void)state;
    unsigned caught = 0, tried = 0;
    for (unsigned which = 0; which < 12; which++) {
        const char *reason = NULL;
        StrBuf err = SB_INIT;
        LirFunc *f = make_calls();
        LirAlloc ra = {.f = f, .scratch = f->arena, .keep_orig = true};
        assert_true(lir_order(f, &reason) && lir_liveness(&ra, &reason) &&
                    lir_regalloc(&ra, &reason));
        assert_true(lir_check(&ra, &err));
        unsigned n = 0;
        for (LirIns *i = f->order[0]->first; i; i = i->next) {
            for (unsigned k = 0; k < i->nsrc; k++) {
                if (i->src[k].kind == LIR_O_REG && lir_is_phys(i->src[k].reg) && n++ == which) {
                    i->src[k].reg ^= 1;
                    tried++;
                    bool ok = lir_check(&ra, &err);
                    caught += !ok;
                    i->src[k].reg ^= 1;
                }
            }
        }
        sb_free(&err);
        arena_free(&arena);
    }
    assert_true(tried >= 3);
    assert_int_equal(caught, tried);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_double_conditions),
        cmocka_unit_test(test_exit_values),
        cmocka_unit_test(test_exit_goes_on),
        cmocka_unit_test(test_exit_tables),
        cmocka_unit_test(test_stress),
        cmocka_unit_test(test_rotating_phis),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_slow_path_is_free),
        cmocka_unit_test(test_cold_call),
        cmocka_unit_test(test_free_spills),
        cmocka_unit_test(test_verifier),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_checker),
    };
    return cmocka_run_group_tests(tests, open_cache, close_cache);
}
