/* Lowering, end to end below the builder: HIR text is lowered, compiled and run on a frame made by
 * hand, and what comes out is held against what CPython's own C API says of the same operands.
 *
 * Exits do not continue in tier 0 here: the handler notes what it was given.  So every test sees either a
 * result or an exit with its values. */
#include <Python.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codecache.h"
#include "hir.h"
#include "lir.h"
#include "lir_compile.h"
#include "lir_home.h"
#include "lir_lower.h"
#include "py311_layout.h"
#include "rt.h"

#define MAX_LOCALS 8

static CodeCache *cc;
static const void *exit_entry;
static PyCodeObject *code;
static PyObject *globals, *builtins;
static bool all_spill;

/* --- one run ------------------------------------------------------------------------- */

typedef struct {
    bool taken;
    uint8_t kind;
    uint16_t reason;
    int32_t bci, throw_bci;
    uint32_t nstack, ndirty;
    int64_t bits[16];
    RtLoc locs[16];
    uint16_t dirty[16];
} Exit;

static Exit last;

static int64_t loc_bits(const RtLoc *loc, const CodeUnit *u, const Py311Frame *f,
                        const RtRegs *regs)
{
    int64_t bits = 0;
    switch ((RtLocKind)loc->kind) {
    case RT_LOC_GPR: return (int64_t)regs->gpr[loc->where];
    case RT_LOC_XMM: memcpy(&bits, &regs->xmm[loc->where], 8); return bits;
    case RT_LOC_STACK:
        memcpy(&bits, (const char *)(uintptr_t)regs->gpr[5] + 8 * loc->where, 8);
        return bits;
    case RT_LOC_CONST: return u->consts[loc->where];
    case RT_LOC_HOME: return (int64_t)(intptr_t)f->localsplus[loc->where];
    }
    return bits;
}

static RtLeave note_exit(PyThreadState *ts, struct _PyInterpreterFrame *frame, CodeUnit *u,
                         uint32_t id, RtRegs *regs)
{
    (void)ts;
    const RtExit *x = &u->exits[id];
    const RtExitFrame *xf = &u->exit_frames[x->frames];
    last.taken = true;
    last.kind = x->kind;
    last.reason = x->reason;
    last.throw_bci = x->throw_bci;
    last.bci = xf->bci;
    last.nstack = xf->nstack;
    last.ndirty = xf->ndirty;
    for (uint32_t k = 0; k < (uint32_t)xf->nstack + xf->ndirty && k < 16; k++) {
        last.locs[k] = u->locs[xf->locs + k];
        last.bits[k] = loc_bits(&last.locs[k], u, py311_frame(frame), regs);
    }
    for (uint32_t k = 0; k < xf->ndirty && k < 16; k++) {
        last.dirty[k] = (uint16_t)u->locs[xf->locs + xf->nstack + xf->ndirty + k].where;
    }
    return (RtLeave){NULL, NULL};
}

typedef struct {
    Arena arena;
    CodeUnit *unit;
    HirFunc *hf;
} Compiled;

/* Attribute sites get caches for the name "a" when asked for. */
static void compile_with(Compiled *c, const char *text, bool caches)
{
    StrBuf err = SB_INIT;
    arena_init(&c->arena, 0, NULL);
    c->hf = hir_parse(&c->arena, text, &err);
    if (!c->hf) {
        fail_msg("%s\n%s", sb_str(&err), text);
    }
    c->unit = rt_unit_new(code, 0);
    assert_non_null(c->unit);
    c->hf->unit = c->unit;
    c->hf->code = code;
    for (HirIns *i = caches ? c->hf->entry->first : NULL; i; i = i->next) {
        if (i->op == HIR_LoadAttr || i->op == HIR_StoreAttr || i->op == HIR_LoadMethod) {
            i->imm.p = rt_attr_ic_new(c->unit, PyUnicode_InternFromString("a"), 0);
        }
    }
    hir_analyze(c->hf);
    if (!hir_verify(c->hf, &err)) {
        fail_msg("%s\n%s", sb_str(&err), text);
    }
    StrBuf dump = SB_INIT;
    Arena back;
    arena_init(&back, 0, NULL);
    LirOptions o = {.cc = cc,
                    .exit_entry = exit_entry,
                    .arena = &back,
                    .verify = true,
                    .all_spill = all_spill,
                    .dump_lir = &dump};
    const char *reason = NULL;
    if (!lir_compile(c->hf, c->unit, &o, &reason)) {
        fail_msg("not compiled: %s\n%s\n%s", reason, text, sb_str(&dump));
    }
    /* What waits to be installed, or runs, keeps nothing of what it was made of. */
    assert_int_equal(c->arena.reserved, 0);
    assert_int_equal(back.reserved, 0);
    if (getenv("LOWER_DUMP")) {
        puts(sb_str(&dump));
    }
    sb_free(&dump);
    sb_free(&err);
}

static void compile(Compiled *c, const char *text)
{
    compile_with(c, text, false);
}

static void discard(Compiled *c)
{
    cc_free(cc, c->unit->blob, true);
    rt_unit_free(c->unit);
    arena_free(&c->arena);
}

typedef struct {
    union {
        Py311Frame f;
        char room[sizeof(Py311Frame) + 32 * sizeof(PyObject *)];
    };
} Frame;

static void frame_init(Frame *fr, PyObject *const *locals, unsigned n)
{
    memset(fr, 0, sizeof *fr);
    fr->f.f_globals = globals;
    fr->f.f_builtins = builtins;
    fr->f.f_code = code;
    fr->f.prev_instr = py311_code_units(code) - 1;
    fr->f.stacktop = -1;
    for (unsigned k = 0; k < n; k++) {
        fr->f.localsplus[k] = Py_XNewRef(locals[k]);
    }
}

static void frame_clear(Frame *fr)
{
    for (unsigned k = 0; k < MAX_LOCALS; k++) {
        Py_CLEAR(fr->f.localsplus[k]);
    }
}

static PyObject *enter(Compiled *c, Frame *fr)
{
    memset(&last, 0, sizeof last);
    return c->unit->entry(PyThreadState_Get(), (struct _PyInterpreterFrame *)(void *)&fr->f);
}

/* Compiles, runs on copies of the locals, forgets. The result is a new reference or NULL; `last` says
 * whether that was an exit. */
static PyObject *run(const char *text, PyObject *const *locals, unsigned n)
{
    Compiled c;
    Frame fr;
    compile(&c, text);
    frame_init(&fr, locals, n);
    PyObject *r = enter(&c, &fr);
    frame_clear(&fr);
    discard(&c);
    return r;
}

static PyObject *eval(const char *src, int start)
{
    PyObject *r = PyRun_String(src, start, globals, globals);
    if (!r) {
        PyErr_Print();
        fail();
    }
    return r;
}

/* --- unboxed integers ------------------------------------------------------------------ */

static const int64_t ints[] = {0,
                               1,
                               -1,
                               2,
                               -2,
                               3,
                               -3,
                               7,
                               -7,
                               8,
                               -8,
                               62,
                               63,
                               64,
                               255,
                               256,
                               257,
                               -5,
                               -6,
                               1000,
                               -1000,
                               (1 << 30) - 1,
                               1 << 30,
                               -(1 << 30),
                               -(1 << 30) - 1,
                               INT64_C(1) << 31,
                               -(INT64_C(1) << 31),
                               (INT64_C(1) << 53) - 1,
                               INT64_C(1) << 53,
                               (INT64_C(1) << 53) + 1,
                               -(INT64_C(1) << 53) - 1,
                               (INT64_C(1) << 60) - 1,
                               -(INT64_C(1) << 60) + 1};

typedef struct {
    const char *op;
    PyObject *(*expected)(PyObject *, PyObject *);
} IntOp;

static PyObject *py_floordiv(PyObject *a, PyObject *b)
{
    return PyNumber_FloorDivide(a, b);
}

static const IntOp int_ops[] = {
    {"IAdd", PyNumber_Add},     {"ISub", PyNumber_Subtract},  {"IMul", PyNumber_Multiply},
    {"IAnd", PyNumber_And},     {"IOr", PyNumber_Or},         {"IXor", PyNumber_Xor},
    {"IFloorDiv", py_floordiv}, {"IMod", PyNumber_Remainder},
};

static char text[4096];

static const char *int_op_text(const char *op, bool const_right, int64_t right)
{
    char second[200];
    if (const_right) {
        snprintf(second, sizeof second, "  v5:i64 = ConstI64 $%lld\n", (long long)right);
    } else {
        snprintf(second, sizeof second,
                 "  v3:ANY|NULL = LoadLocal #1\n"
                 "  v4:INT = GuardType v3 #INT @2 [s0]\n"
                 "  v5:i64 = UnboxInt v4 @2 [s0]\n");
    }
    snprintf(text, sizeof text,
             "func f nlocals=2 nstack=0 bci=0\n"
             "b0 bci=0:\n"
             "  v0:ANY|NULL = LoadLocal #0\n"
             "  v1:INT = GuardType v0 #INT @2 [s0: 2 | v0 - | ]\n"
             "  v2:i64 = UnboxInt v1 @2 [s0]\n"
             "%s"
             "  v6:i64 = %s v2 v5 @4 [s1: 4 | v1 - | v1]\n"
             "  v7:INT = BoxInt v6\n"
             "  Return v7 @6\n",
             second, op);
    return text;
}

/* What comes out is what Python says, or an exit where the exact result leaves 62 bits. */
static void check_int(PyObject *r, const IntOp *op, PyObject *a, PyObject *b, int64_t y)
{
    PyObject *want = op->expected(a, b);
    int overflow = 0;
    long long w = want ? PyLong_AsLongLongAndOverflow(want, &overflow) : 0;
    if (!want) {
        PyErr_Clear(); /* division by zero */
        assert_true(last.taken && y == 0);
        assert_null(r);
    } else if (last.taken) {
        assert_null(r);
        assert_int_equal(last.kind, RT_EXIT_RESUME);
        assert_int_equal(last.bci, 4);
        assert_true(overflow || w > INT64_C(1) << 62 || w < -(INT64_C(1) << 62));
        assert_int_equal(last.bits[0], (intptr_t)a);
    } else {
        assert_int_equal(overflow, 0);
        assert_non_null(r);
        assert_true(PyLong_CheckExact(r));
        assert_true(PyObject_RichCompareBool(r, want, Py_EQ));
        if (w >= -5 && w <= 256) {
            assert_ptr_equal(r, want); /* the cached object itself */
        }
    }
    Py_XDECREF(want);
    Py_XDECREF(r);
}

static void test_int_ops(void **state)
{
    (void)state;
    for (size_t o = 0; o < BASE_COUNT(int_ops); o++) {
        Compiled c;
        compile(&c, int_op_text(int_ops[o].op, false, 0));
        for (size_t i = 0; i < BASE_COUNT(ints); i++) {
            for (size_t k = 0; k < BASE_COUNT(ints); k++) {
                PyObject *v[] = {PyLong_FromLongLong(ints[i]), PyLong_FromLongLong(ints[k])};
                Frame fr;
                frame_init(&fr, v, 2);
                Py_ssize_t before = Py_REFCNT(v[0]);
                PyObject *r = enter(&c, &fr);
                assert_true(r != v[0] || Py_REFCNT(v[0]) == before + 1);
                check_int(r, &int_ops[o], v[0], v[1], ints[k]);
                frame_clear(&fr);
                Py_DECREF(v[0]);
                Py_DECREF(v[1]);
            }
        }
        discard(&c);
    }
}

static void test_int_ops_const(void **state)
{
    (void)state;
    for (size_t o = 0; o < BASE_COUNT(int_ops); o++) {
        for (size_t k = 0; k < BASE_COUNT(ints); k++) {
            Compiled c;
            compile(&c, int_op_text(int_ops[o].op, true, ints[k]));
            PyObject *b = PyLong_FromLongLong(ints[k]);
            for (size_t i = 0; i < BASE_COUNT(ints); i++) {
                PyObject *a = PyLong_FromLongLong(ints[i]);
                Frame fr;
                frame_init(&fr, &a, 1);
                check_int(enter(&c, &fr), &int_ops[o], a, b, ints[k]);
                frame_clear(&fr);
                Py_DECREF(a);
            }
            Py_DECREF(b);
            discard(&c);
        }
    }
}

/* Shifts have operands that Python refuses or that leave 63 bits: those must exit. */
static void test_shifts(void **state)
{
    (void)state;
    static const int64_t counts[] = {0, 1, 5, 30, 31, 61, 62, 63, 64, 65, 1000, -1};
    static const char *const names[] = {"IShl", "IShr"};
    for (int s = 0; s < 2; s++) {
        for (int constant = 0; constant < 2; constant++) {
            for (size_t k = 0; k < BASE_COUNT(counts); k++) {
                Compiled c;
                compile(&c, int_op_text(names[s], constant, counts[k]));
                for (size_t i = 0; i < BASE_COUNT(ints); i++) {
                    PyObject *v[] = {PyLong_FromLongLong(ints[i]), PyLong_FromLongLong(counts[k])};
                    Frame fr;
                    frame_init(&fr, v, 2);
                    PyObject *r = enter(&c, &fr);
                    PyObject *want =
                        s == 0 ? PyNumber_Lshift(v[0], v[1]) : PyNumber_Rshift(v[0], v[1]);
                    PyErr_Clear();
                    bool fits = want && counts[k] >= 0;
                    if (fits && s == 0) {
                        int overflow;
                        (void)PyLong_AsLongLongAndOverflow(want, &overflow);
                        fits = !overflow && counts[k] < 63;
                    }
                    assert_int_equal(last.taken, !fits);
                    if (fits) {
                        assert_true(PyObject_RichCompareBool(r, want, Py_EQ));
                    }
                    Py_XDECREF(r);
                    Py_XDECREF(want);
                    frame_clear(&fr);
                    Py_DECREF(v[0]);
                    Py_DECREF(v[1]);
                }
                discard(&c);
            }
        }
    }
}

static void test_unbox_large(void **state)
{
    (void)state;
    PyObject *v[] = {PyLong_FromString("1152921504606846976", NULL, 10), PyLong_FromLong(1)};
    assert_null(run(int_op_text("IAdd", false, 0), v, 2)); /* 2**60 has three digits */
    assert_true(last.taken);
    assert_int_equal(last.bci, 2);
    Py_SETREF(v[0], PyFloat_FromDouble(1.0));
    assert_null(run(int_op_text("IAdd", false, 0), v, 2));
    assert_int_equal(last.reason, HIR_GuardType);
    Py_SETREF(v[0], NULL);
    assert_null(run(int_op_text("IAdd", false, 0), v, 2)); /* an unset local */
    assert_int_equal(last.reason, HIR_GuardType);
    Py_DECREF(v[1]);
}

/* --- unboxed floats --------------------------------------------------------------------- */

static const double floats[] = {0.0,   -0.0,        1.0,          -1.0,   0.5,
                                -2.5,  3.0,         1e308,        -1e308, 5e-324,
                                1e-10, Py_HUGE_VAL, -Py_HUGE_VAL, Py_NAN, 4611686018427387904.0,
                                1e15};

static const char *float_op_text(const char *op)
{
    snprintf(text, sizeof text,
             "func f nlocals=2 nstack=0 bci=0\n"
             "b0 bci=0:\n"
             "  v0:ANY|NULL = LoadLocal #0\n"
             "  v1:FLOAT = GuardType v0 #FLOAT @2 [s0: 2 | v0 - | ]\n"
             "  v2:f64 = UnboxFloat v1\n"
             "  v3:ANY|NULL = LoadLocal #1\n"
             "  v4:FLOAT = GuardType v3 #FLOAT @2 [s0]\n"
             "  v5:f64 = UnboxFloat v4\n"
             "  v6:f64 = %s v2 v5 @4 [s1: 4 | v1 v4 | ]\n"
             "  v7:FLOAT = BoxFloat v6\n"
             "  Return v7 @6\n",
             op);
    return text;
}

static PyObject *py_pow(PyObject *a, PyObject *b)
{
    return PyNumber_Power(a, b, Py_None);
}

static void test_float_ops(void **state)
{
    (void)state;
    static const IntOp ops[] = {{"FAdd", PyNumber_Add},
                                {"FSub", PyNumber_Subtract},
                                {"FMul", PyNumber_Multiply},
                                {"FDiv", PyNumber_TrueDivide},
                                {"FMod", PyNumber_Remainder},
                                {"FFloorDiv", PyNumber_FloorDivide},
                                {"FPow", py_pow}};
    for (size_t o = 0; o < BASE_COUNT(ops); o++) {
        Compiled c;
        compile(&c, float_op_text(ops[o].op));
        for (size_t i = 0; i < BASE_COUNT(floats); i++) {
            for (size_t k = 0; k < BASE_COUNT(floats); k++) {
                PyObject *v[] = {PyFloat_FromDouble(floats[i]), PyFloat_FromDouble(floats[k])};
                PyObject *want = ops[o].expected(v[0], v[1]);
                PyErr_Clear();
                if (want || ops[o].expected == py_pow) {
                    Frame fr;
                    frame_init(&fr, v, 2);
                    PyObject *r = enter(&c, &fr);
                    if (last.taken) {
                        assert_string_equal(ops[o].op, "FPow");
                        /* Plain operands with a plain result must not leave. */
                        assert_false(want && PyFloat_Check(want) && floats[i] > 0 &&
                                     Py_IS_FINITE(floats[i]) && Py_IS_FINITE(floats[k]) &&
                                     Py_IS_FINITE(PyFloat_AS_DOUBLE(want)));
                    } else {
                        assert_non_null(want);
                        assert_true(PyFloat_CheckExact(r) && PyFloat_CheckExact(want));
                        assert_int_equal(Py_REFCNT(r), 1);
                        double x = PyFloat_AS_DOUBLE(r), y = PyFloat_AS_DOUBLE(want);
                        assert_true((x != x && y != y) || memcmp(&x, &y, 8) == 0);
                        Py_DECREF(r);
                    }
                    frame_clear(&fr);
                }
                Py_XDECREF(want);
                Py_DECREF(v[0]);
                Py_DECREF(v[1]);
            }
        }
        discard(&c);
    }
}

/* Boxes come from the interpreter's free list and refill it when it is empty. */
static void test_float_free_list(void **state)
{
    (void)state;
    enum { N = 500 };
    static PyObject *kept[N];
    Compiled c;
    compile(&c, float_op_text("FAdd"));
    PyObject *v[] = {PyFloat_FromDouble(1.5), PyFloat_FromDouble(2.25)};
    Frame fr;
    frame_init(&fr, v, 2);
    for (int round = 0; round < 3; round++) {
        for (int k = 0; k < N; k++) {
            kept[k] = enter(&c, &fr);
            assert_non_null(kept[k]);
            assert_true(Py_IS_TYPE(kept[k], &PyFloat_Type));
            PyFloat_AS_DOUBLE(kept[k]) += k;
        }
        for (int k = 0; k < N; k++) {
            assert_true(PyFloat_AS_DOUBLE(kept[k]) == 3.75 + k); /* all different objects */
            Py_DECREF(kept[k]);
        }
    }
    frame_clear(&fr);
    discard(&c);
    Py_DECREF(v[0]);
    Py_DECREF(v[1]);
}

/* --- conditions -------------------------------------------------------------------------- */

static const char *const cmp_names[] = {"<", "<=", "==", "!=", ">", ">="};

/* The same comparison as a branch, as a value, negated, and as a guard. */
static const char *cmp_text(bool f64, int cmp, int form)
{
    static const char *const forms[] = {
        "  Branch v6 b1 b2\n",
        "  v8:BOOL = BoxBool v6\n  Incref v8\n  Return v8 @6\n",
        "  v8:bool = BNot v6\n  Branch v8 b2 b1\n",
        "  GuardTrue v6 @4 [s1: 4 | - - | ]\n  Jump b1\n",
        "  GuardFalse v6 @4 [s1: 4 | - - | ]\n  Jump b2\n",
        "  v8:i64 = BoolToI v6\n  v9:i64 = ConstI64 $1\n  v10:bool = ICmp v8 v9 #==\n  Branch v10 "
        "b1 b2\n",
    };
    const char *yes =
        form == 1 || form == 4 ? ""
        : form == 3 ? "b1 (b0) bci=8:\n  v20:BOOL = Const $True\n  Incref v20\n  Return v20 @8\n"
                    : "b1 (b0) bci=8:\n  v20:BOOL = Const $True\n  Incref v20\n  Return v20 @8\n";
    const char *no =
        form == 1 || form == 3
            ? ""
            : "b2 (b0) bci=10:\n  v21:BOOL = Const $False\n  Incref v21\n  Return v21 @10\n";
    snprintf(text, sizeof text,
             "func f nlocals=2 nstack=0 bci=0\n"
             "b0 bci=0:\n"
             "  v0:ANY|NULL = LoadLocal #0\n"
             "  v1:%s = GuardType v0 #%s @2 [s0: 2 | v0 - | ]\n"
             "  v2:%s = %s v1%s\n"
             "  v3:ANY|NULL = LoadLocal #1\n"
             "  v4:%s = GuardType v3 #%s @2 [s0]\n"
             "  v5:%s = %s v4%s\n"
             "  v6:bool = %s v2 v5 #%s\n"
             "%s%s%s",
             f64 ? "FLOAT" : "INT", f64 ? "FLOAT" : "INT", f64 ? "f64" : "i64",
             f64 ? "UnboxFloat" : "UnboxInt", f64 ? "" : " @2 [s0]", f64 ? "FLOAT" : "INT",
             f64 ? "FLOAT" : "INT", f64 ? "f64" : "i64", f64 ? "UnboxFloat" : "UnboxInt",
             f64 ? "" : " @2 [s0]", f64 ? "FCmp" : "ICmp", cmp_names[cmp], forms[form], yes, no);
    return text;
}

static void check_cmp(bool f64, int cmp, int form, PyObject *const *v, Compiled *c)
{
    (void)f64;
    PyObject *want = PyObject_RichCompare(v[0], v[1], cmp);
    Frame fr;
    frame_init(&fr, v, 2);
    PyObject *r = enter(c, &fr);
    if ((form == 3 && want == Py_False) || (form == 4 && want == Py_True)) {
        assert_true(last.taken);
        assert_int_equal(last.reason, form == 3 ? HIR_GuardTrue : HIR_GuardFalse);
    } else {
        assert_false(last.taken);
        assert_ptr_equal(r, want);
        Py_DECREF(r);
    }
    Py_DECREF(want);
    frame_clear(&fr);
}

static void test_comparisons(void **state)
{
    (void)state;
    for (int form = 0; form < 6; form++) {
        for (int cmp = 0; cmp < 6; cmp++) {
            Compiled ci, cf;
            compile(&ci, cmp_text(false, cmp, form));
            compile(&cf, cmp_text(true, cmp, form));
            for (size_t i = 0; i < BASE_COUNT(floats); i++) {
                for (size_t k = 0; k < BASE_COUNT(floats); k++) {
                    PyObject *v[] = {PyFloat_FromDouble(floats[i]), PyFloat_FromDouble(floats[k])};
                    check_cmp(true, cmp, form, v, &cf);
                    Py_DECREF(v[0]);
                    Py_DECREF(v[1]);
                    PyObject *w[] = {PyLong_FromLongLong(ints[i]), PyLong_FromLongLong(ints[k])};
                    check_cmp(false, cmp, form, w, &ci);
                    Py_DECREF(w[0]);
                    Py_DECREF(w[1]);
                }
            }
            discard(&ci);
            discard(&cf);
        }
    }
}

/* --- objects, homes, reference counts ---------------------------------------------------- */

static void test_store_local(void **state)
{
    (void)state;
    /* y = x, and the old y goes away; then y is read again, from its home. */
    const char *t = "func f nlocals=2 nstack=0 bci=0\n"
                    "b0 bci=0:\n"
                    "  v0:ANY|NULL = LoadLocal #0\n"
                    "  v1:ANY = GuardNotNull v0 @2 [s0: 2 | v0 - | ]\n"
                    "  v2:ANY|NULL = LoadLocal #1\n"
                    "  Incref v1\n"
                    "  StoreLocal v1 v2 #1 @4\n"
                    "  Incref v1\n"
                    "  Return v1 @6\n";
    PyObject *a = PyList_New(0), *b = PyList_New(0), *v[] = {a, b};
    Py_ssize_t ra = Py_REFCNT(a), rb = Py_REFCNT(b);
    PyObject *r = run(t, v, 2);
    assert_ptr_equal(r, a);
    Py_DECREF(r);
    assert_int_equal(Py_REFCNT(a), ra);
    assert_int_equal(Py_REFCNT(b), rb);
    v[1] = NULL; /* the old value may be missing */
    r = run(t, v, 2);
    assert_ptr_equal(r, a);
    Py_DECREF(r);
    assert_int_equal(Py_REFCNT(a), ra);
    Py_DECREF(a);
    Py_DECREF(b);
}

/* A value borrowed from a home that is then overwritten: it must come from a register. */
static void test_stale_home(void **state)
{
    (void)state;
    const char *t = "func f nlocals=2 nstack=0 bci=0\n"
                    "b0 bci=0:\n"
                    "  v0:ANY|NULL = LoadLocal #0\n"
                    "  v1:ANY = GuardNotNull v0 @2 [s0: 2 | v0 - | ]\n"
                    "  Incref v1\n"
                    "  v2:NONE = Const $None\n"
                    "  Incref v2\n"
                    "  StoreLocal v2 v1 #0 @4\n"
                    "  v3:ANY|NULL = LoadLocal #1\n"
                    "  v4:ANY = GuardNotNull v3 @6 [s1: 6 | v2 - | v1! v2]\n"
                    "  Return v1 @8\n";
    PyObject *a = PyList_New(0), *v[] = {a, a};
    Py_ssize_t ra = Py_REFCNT(a);
    PyObject *r = run(t, v, 2);
    assert_ptr_equal(r, a);
    Py_DECREF(r);
    assert_int_equal(Py_REFCNT(a), ra);
    v[1] = NULL;
    assert_null(run(t, v, 2));
    assert_true(last.taken);
    assert_int_equal(last.nstack, 2);
    assert_int_equal(last.bits[0], (intptr_t)a);
    assert_int_equal(last.locs[0].owned, 1);
    assert_int_equal(last.bits[1], (intptr_t)Py_None);
    assert_int_equal(last.locs[1].owned, 0);
    Py_DECREF(a); /* the reference that the exit would have taken over */
    assert_int_equal(Py_REFCNT(a), ra);
    Py_DECREF(a);
}

/* Two exits' worth of one raw value is one box. */
static void test_raw_state(void **state)
{
    (void)state;
    const char *t = "func f nlocals=2 nstack=0 bci=0\n"
                    "b0 bci=0:\n"
                    "  v0:ANY|NULL = LoadLocal #0\n"
                    "  v1:FLOAT = GuardType v0 #FLOAT @2 [s0: 2 | v0 - | ]\n"
                    "  v2:f64 = UnboxFloat v1\n"
                    "  v3:f64 = FAdd v2 v2\n"
                    "  v4:i64 = ConstI64 $12345678901\n"
                    "  Deopt @4 [s1: 4 | v1 v3~ | v3! v4! v1]\n";
    PyObject *a = PyFloat_FromDouble(1.25), *v[] = {a};
    assert_null(run(t, v, 1));
    assert_true(last.taken);
    assert_int_equal(last.reason, HIR_Deopt);
    assert_int_equal(last.nstack, 3);
    assert_int_equal(last.ndirty, 1);
    assert_int_equal(last.dirty[0], 1);
    double d;
    memcpy(&d, &last.bits[0], 8);
    assert_true(d == 2.5);
    assert_int_equal(last.locs[0].rep, HIR_F64);
    assert_int_equal(last.bits[1], INT64_C(12345678901));
    assert_int_equal(last.locs[1].rep, HIR_I64);
    assert_int_equal(last.bits[2], (intptr_t)a);
    assert_int_equal(last.locs[2].kind, RT_LOC_HOME);
    assert_int_equal(last.locs[3].same_as, 1);
    memcpy(&d, &last.bits[3], 8);
    assert_true(d == 2.5);
    Py_DECREF(a);
}

/* s = 0; for x in seq: s = s + x, with the home of s as the phi and an iterator on the stack. */
static void loop_text(const char *iter, const char *type)
{
    snprintf(text, sizeof text,
             "func f nlocals=2 nstack=0 bci=0\n"
             "b0 bci=0:\n"
             "  v0:ANY|NULL = LoadLocal #0\n"
             "  v50:ANY|NULL = LoadLocal #1\n"
             "  v1:ANY = GuardNotNull v0 @2 [s0: 2 | v0 v50 | ]\n"
             "  v2:ANY = GetIter v1 @4 [s1: 4 | v1 v50 | v1]\n"
             "  v3:%s = GuardType v2 #%s @4 [s2: 6 | v1 v50 | v2!]\n"
             "  v4:INT = Const $0\n"
             "  Incref v4\n"
             "  StoreLocal v4 v50 #1 @6\n"
             "  Jump b1\n"
             "b1 (b0 b2) bci=8:\n"
             "  v10:ANY = Phi v4 v13\n"
             "  v11:bool = %sMore v3\n"
             "  Branch v11 b2 b3\n"
             "b2 (b1) bci=10:\n"
             "  v12:ANY = %sNext v3\n"
             "  v13:ANY = BinaryOp v10 v12 #+ @12 [s3: 12 | v1 v10 | v3! v10 v12]\n"
             "  StoreLocal v13 v10 #1 @14\n"
             "  CheckEval @8 [s4: 8 | v1 v13 | v3!]\n"
             "  Jump b1\n"
             "b3 (b1) bci=20:\n"
             "  Decref v3\n"
             "  Incref v10\n"
             "  Return v10 @20\n",
             type, type, iter, iter);
}

static void test_loops(void **state)
{
    (void)state;
    PyObject *list = Py_BuildValue("[iiii]", 1, 20, 300, 4000);
    PyObject *tuple = PyList_AsTuple(list);
    PyObject *want = PyLong_FromLong(4321);
    Py_ssize_t rl = Py_REFCNT(list), rt = Py_REFCNT(tuple);
    loop_text("ListIter", "LIST_ITER");
    PyObject *r = run(text, &list, 1);
    assert_false(last.taken);
    assert_true(PyObject_RichCompareBool(r, want, Py_EQ));
    Py_DECREF(r);
    assert_int_equal(Py_REFCNT(list), rl);
    loop_text("TupleIter", "TUPLE_ITER");
    r = run(text, &tuple, 1);
    assert_true(PyObject_RichCompareBool(r, want, Py_EQ));
    Py_DECREF(r);
    assert_int_equal(Py_REFCNT(tuple), rt);
    /* An item that cannot be added: a throw with everything that is owned. */
    Py_SETREF(tuple, Py_BuildValue("is", 1, "x"));
    assert_null(run(text, &tuple, 1));
    assert_true(last.taken);
    assert_int_equal(last.kind, RT_EXIT_THROW);
    assert_int_equal(last.throw_bci, 12);
    assert_int_equal(last.nstack, 3);
    assert_true(PyErr_ExceptionMatches(PyExc_TypeError));
    PyErr_Clear();
    Py_DECREF((PyObject *)(intptr_t)last.bits[0]);
    Py_DECREF(list);
    Py_DECREF(tuple);
    Py_DECREF(want);
}

/* The loop's phi lives in the home of local 1: no operand crosses the edges. */
static void test_home_phi(void **state)
{
    (void)state;
    loop_text("ListIter", "LIST_ITER");
    Arena a;
    StrBuf err = SB_INIT;
    arena_init(&a, 0, NULL);
    HirFunc *f = hir_parse(&a, text, &err);
    assert_non_null(f);
    hir_analyze(f);
    LirFunc *lf = lir_func_new(&a, "f", lir_lower_home_disp());
    const char *reason;
    assert_true(lir_lower(f, lf, &reason));
    for (LirBlock *b = lf->blocks; b; b = b->next) {
        assert_int_equal(b->nphi, 0);
    }
    arena_free(&a);
}

/* FOR_ITER over what nothing is known about: lists inline, all else by the call; and in either the end of the
 * iteration and an error are told apart. */
static void test_any_loop(void **state)
{
    (void)state;
    const char *fmt = "func f nlocals=3 nstack=0 bci=0\n"
                      "b0 bci=0:\n"
                      "  v0:ANY|NULL = LoadLocal #0\n"
                      "  v50:NULL = Const $NULL\n"
                      "  v1:ANY = GuardNotNull v0 @2 [s0: 2 | v0 v50 v50 | ]\n"
                      "  v2:ANY = GetIter v1 @4 [s1: 4 | v1 v50 v50 | v1]\n"
                      "  v4:INT = Const $0\n"
                      "  Incref v4\n"
                      "  StoreLocal v4 v50 #1 @6\n"
                      "  Jump b1\n"
                      "b1 (b0 b2) bci=8:\n"
                      "  v10:ANY = Phi v4 v13 #1\n"
                      "  v20:ANY|NULL = Phi v50 v12 #2\n"
                      "  v11:ANY|NULL = IterNext v2 @8 [s2: 8 | v1 v10 v20 | v2!]\n"
                      "  v14:bool = IsNull v11\n"
                      "%s"
                      "b2 (b1) bci=10:\n"
                      "  v12:ANY = Refine v11 #ANY\n"
                      "  StoreLocal v12 v20 #2 @9\n"
                      "  v13:ANY = BinaryOp v10 v12 #+ @12 [s3: 12 | v1 v10 v12 | v2! v10 v12]\n"
                      "  StoreLocal v13 v10 #1 @14\n"
                      "  Jump b1\n"
                      "b3 (b1) bci=20:\n"
                      "  Decref v2 @20\n"
                      "  Incref v10\n"
                      "  Return v10 @20\n";
    static const char *const forms[] = {"  Branch v14 b3 b2\n",
                                        "  v15:bool = BNot v14\n  Branch v15 b2 b3\n"};
    static const char *const sources[] = {"[1, 20, 300]",
                                          "(1, 20, 300)",
                                          "{1: 0, 20: 0, 300: 0}",
                                          "range(1, 4)",
                                          "[]",
                                          "()",
                                          "iter([5, 6, 7, 8])",
                                          "(x for x in [1, 2])",
                                          "[1, 'x']",
                                          "(1, 'x')",
                                          "map(lambda x: 1 // x, [2, 1, 0, 3])",
                                          "type('E', (list,), {})([1, 2])"};
    for (int form = 0; form < 2; form++) {
        Compiled c;
        snprintf(text, sizeof text, fmt, forms[form]);
        compile(&c, text);
        for (size_t k = 0; k < BASE_COUNT(sources); k++) {
            PyObject *seq = eval(sources[k], Py_eval_input);
            PyObject *copy = eval(sources[k], Py_eval_input);
            PyObject *want = PyObject_CallOneArg(PyDict_GetItemString(builtins, "sum"), copy);
            PyObject *error = Py_XNewRef(PyErr_Occurred());
            PyErr_Clear();
            Py_ssize_t before = Py_REFCNT(seq);
            Frame fr;
            frame_init(&fr, &seq, 1);
            PyObject *r = enter(&c, &fr);
            assert_int_equal(last.taken, want == NULL);
            if (want) {
                assert_true(PyObject_RichCompareBool(r, want, Py_EQ));
            } else {
                assert_int_equal(last.kind, RT_EXIT_THROW);
                assert_true(PyErr_ExceptionMatches(error));
                PyErr_Clear();
                Py_DECREF((PyObject *)(intptr_t)last.bits[0]); /* the iterator */
            }
            Py_XDECREF(r);
            frame_clear(&fr);
            assert_int_equal(Py_REFCNT(seq), before);
            Py_XDECREF(error);
            Py_XDECREF(want);
            Py_DECREF(copy);
            Py_DECREF(seq);
        }
        discard(&c);
    }
}

/* for x in list: y = x + x; perhaps kept.append(y).  The box of y replaces that of the round before: in place when
 * nobody else has it, and never when somebody has. */
static void test_reused_boxes(void **state)
{
    (void)state;
    const char *fmt = "func f nlocals=3 nstack=0 bci=0\n"
                      "b0 bci=0:\n"
                      "  v0:ANY|NULL = LoadLocal #0\n"
                      "  v60:ANY|NULL = LoadLocal #1\n"
                      "  v61:ANY|NULL = LoadLocal #2\n"
                      "  v1:LIST = GuardType v0 #LIST @2 [s0: 2 | v0 v60 v61 | ]\n"
                      "  v62:LIST = GuardType v61 #LIST @2 [s0]\n"
                      "  v2:LIST_ITER|OTHER = GetIter v1 @4 [s1: 4 | v1 v60 v62 | v1]\n"
                      "  v3:LIST_ITER = GuardType v2 #LIST_ITER @4 [s2: 6 | v1 v60 v62 | v2!]\n"
                      "  Jump b1\n"
                      "b1 (b0 b2) bci=8:\n"
                      "  v11:bool = ListIterMore v3\n"
                      "  Branch v11 b2 b3\n"
                      "b2 (b1) bci=10:\n"
                      "  v12:ANY = ListIterNext v3\n"
                      "  v13:%s = GuardType v12 #%s @12 [s3: 12 | v1 - v62 | v3! v12]\n"
                      "  v14:%s = %s v13%s\n"
                      "  v15:%s = %s v14 v14 @12 [s3]\n"
                      "  v16:%s = %s v15\n"
                      "  v17:ANY|NULL = LoadLocal #1\n"
                      "  StoreLocal v16 v17 #1 @14\n"
                      "%s"
                      "  CheckEval @8 [s4: 8 | v1 v16 v62 | v3!]\n"
                      "  Jump b1\n"
                      "b3 (b1) bci=20:\n"
                      "  Decref v3 @20\n"
                      "  v20:ANY|NULL = LoadLocal #1\n"
                      "  v21:ANY = GuardNotNull v20 @20 [s5: 20 | v1 - v62 | ]\n"
                      "  Incref v21\n"
                      "  Return v21 @20\n";
    const char *keep = "  Incref v16\n"
                       "  ListAppend v62 v16 @16 [s6: 16 | v1 v16 v62 | v3! v62 v16!]\n";
    static const char *const floats_src = "[1.0, 2.0, -3.0, float('nan'), 1e300, 0.25]";
    static const char *const ints_src = "[0, 1, 128, 129, -2, -3, 500, 1 << 28, 1 << 29, 1 << 40, "
                                        "-(1 << 29), 3000, -3000, 7, 1 << 30, 4000]";
    for (int f64 = 0; f64 < 2; f64++) {
        for (int kept = 0; kept < 2; kept++) {
            Compiled c;
            snprintf(text, sizeof text, fmt, f64 ? "FLOAT" : "INT", f64 ? "FLOAT" : "INT",
                     f64 ? "f64" : "i64", f64 ? "UnboxFloat" : "UnboxInt", f64 ? "" : " @12 [s3]",
                     f64 ? "f64" : "i64", f64 ? "FAdd" : "IAdd", f64 ? "FLOAT" : "INT",
                     f64 ? "BoxFloat" : "BoxInt", kept ? keep : "");
            compile(&c, text);
            PyObject *list = eval(f64 ? floats_src : ints_src, Py_eval_input);
            Py_ssize_t n = PyList_GET_SIZE(list);
            for (int start = 0; start < 5; start++) {
                /* What the local holds before: nothing, another type, and a number that somebody else holds too,
                 * of the same type or not. */
                PyObject *first = start == 0   ? NULL
                                  : start == 1 ? PyUnicode_FromString("text")
                                  : start == 2 ? PyFloat_FromDouble(99.5)
                                  : start == 3
                                      ? PyLong_FromLong(99999)
                                      : PyLong_FromString("123456789123456789123456789", NULL, 10);
                PyObject *same = first ? PyObject_Repr(first) : NULL;
                PyObject *out = PyList_New(0), *v[] = {list, first, out};
                Py_ssize_t refs = first ? Py_REFCNT(first) : 0;
                Frame fr;
                frame_init(&fr, v, 3);
                PyObject *r = enter(&c, &fr);
                assert_false(last.taken);
                PyObject *want =
                    PyNumber_Add(PyList_GET_ITEM(list, n - 1), PyList_GET_ITEM(list, n - 1));
                assert_true(PyObject_RichCompareBool(r, want, Py_EQ));
                assert_int_equal(PyList_GET_SIZE(out), kept ? n : 0);
                for (Py_ssize_t k = 0; k < PyList_GET_SIZE(out); k++) {
                    PyObject *x = PyList_GET_ITEM(list, k), *y = PyNumber_Add(x, x);
                    PyObject *got = PyObject_Repr(PyList_GET_ITEM(out, k)), *exp = PyObject_Repr(y);
                    assert_int_equal(PyUnicode_Compare(got, exp), 0);
                    if (PyLong_Check(y) && PyLong_AsLong(y) >= -5 && PyLong_AsLong(y) <= 256) {
                        assert_ptr_equal(PyList_GET_ITEM(out, k), y);
                    }
                    Py_DECREF(got);
                    Py_DECREF(exp);
                    Py_DECREF(y);
                }
                Py_DECREF(r);
                Py_DECREF(want);
                frame_clear(&fr);
                if (first) {
                    PyObject *now = PyObject_Repr(first);
                    assert_int_equal(PyUnicode_Compare(now, same), 0);
                    assert_int_equal(Py_REFCNT(first), refs);
                    Py_DECREF(now);
                    Py_DECREF(same);
                    Py_DECREF(first);
                }
                Py_DECREF(out);
            }
            Py_DECREF(list);
            discard(&c);
        }
    }
}

/* An exit between the making of a box that is stored later and its store boxes the raw value. */
static void test_exit_before_store(void **state)
{
    (void)state;
    const char *t = "func f nlocals=2 nstack=0 bci=0\n"
                    "b0 bci=0:\n"
                    "  v0:ANY|NULL = LoadLocal #0\n"
                    "  v1:FLOAT = GuardType v0 #FLOAT @2 [s0: 2 | v0 - | ]\n"
                    "  v2:f64 = UnboxFloat v1\n"
                    "  Jump b1\n"
                    "b1 (b0 b1) bci=4:\n"
                    "  v3:f64 = FAdd v2 v2\n"
                    "  v4:FLOAT = BoxFloat v3\n"
                    "  v5:ANY|NULL = LoadLocal #1\n"
                    "  v6:FLOAT = GuardType v5 #FLOAT @6 [s1: 6 | v1 v5 | v4! v4]\n"
                    "  StoreLocal v4 v6 #1 @8\n"
                    "  Jump b1\n";
    PyObject *v[] = {PyFloat_FromDouble(1.5), PyUnicode_FromString("no float")};
    assert_null(run(t, v, 2));
    assert_true(last.taken);
    assert_int_equal(last.nstack, 2);
    assert_int_equal(last.locs[0].rep, HIR_F64);
    assert_int_equal(last.locs[1].same_as, 1);
    double d;
    memcpy(&d, &last.bits[0], 8);
    assert_true(d == 3.0);
    Py_DECREF(v[0]);
    Py_DECREF(v[1]);
}

static void test_range_loop(void **state)
{
    (void)state;
    const char *t = "func f nlocals=1 nstack=0 bci=0\n"
                    "b0 bci=0:\n"
                    "  v0:ANY|NULL = LoadLocal #0\n"
                    "  v1:RANGE_ITER = GuardType v0 #RANGE_ITER @2 [s0: 2 | v0 | ]\n"
                    "  v2:i64 = ConstI64 $0\n"
                    "  Jump b1\n"
                    "b1 (b0 b2) bci=8:\n"
                    "  v10:i64 = Phi v2 v13\n"
                    "  v11:bool = RangeIterMore v1\n"
                    "  Branch v11 b2 b3\n"
                    "b2 (b1) bci=10:\n"
                    "  v12:i64 = RangeIterNext v1\n"
                    "  v13:i64 = IAdd v10 v12 @12 [s3: 12 | v1 | v10! v12!]\n"
                    "  Jump b1\n"
                    "b3 (b1) bci=20:\n"
                    "  v14:INT = BoxInt v10\n"
                    "  Return v14 @20\n";
    static const long cases[][4] = {
        {0, 10, 1, 45}, {5, 5, 1, 0}, {10, 0, -3, 22}, {-4, 100000, 7, 714228572}};
    for (size_t k = 0; k < BASE_COUNT(cases); k++) {
        PyObject *range = PyObject_CallFunction((PyObject *)&PyRange_Type, "lll", cases[k][0],
                                                cases[k][1], cases[k][2]);
        PyObject *it = PyObject_GetIter(range), *it2 = PyObject_GetIter(range);
        PyObject *r = run(t, &it, 1);
        PyObject *sum =
            PyObject_CallFunctionObjArgs(PyDict_GetItemString(builtins, "sum"), it2, NULL);
        assert_true(PyObject_RichCompareBool(r, sum, Py_EQ));
        PyObject *end = PyIter_Next(it);
        assert_null(end); /* the iterator itself is used up */
        Py_DECREF(r);
        Py_DECREF(sum);
        Py_DECREF(it);
        Py_DECREF(it2);
        Py_DECREF(range);
    }
}

/* bool(v) of anything, asked in each way that code is made for. */
static void test_truthy(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "  v2:bool = Truthy v1 @4 [s1: 4 | v1 | v1]\n  Branch v2 b1 b2\n",
        "  v2:bool = Truthy v1 @4 [s1: 4 | v1 | v1]\n  v3:bool = BNot v2\n  Branch v3 b2 b1\n",
        "  Incref v1\n  v2:bool = Truthy v1 @4 [s1: 4 | v1 | v1!]\n  Decref v1\n  Branch v2 b1 "
        "b2\n",
        "  v2:bool = Truthy v1 @4 [s1: 4 | v1 | v1]\n  v3:i64 = BoolToI v2\n  v4:i64 = ConstI64 "
        "$1\n"
        "  v5:bool = ICmp v3 v4 #==\n  Branch v5 b1 b2\n"};
    static const char *const values[] = {"True",
                                         "False",
                                         "None",
                                         "0",
                                         "1",
                                         "[]",
                                         "[0]",
                                         "''",
                                         "0.0",
                                         "object()",
                                         "type('R', (), {'__bool__': lambda self: 1 // 0})()"};
    for (size_t k = 0; k < BASE_COUNT(forms); k++) {
        Compiled c;
        snprintf(text, sizeof text,
                 "func f nlocals=1 nstack=0 bci=0\n"
                 "b0 bci=0:\n"
                 "  v0:ANY|NULL = LoadLocal #0\n"
                 "  v1:ANY = GuardNotNull v0 @2 [s0: 2 | v0 | ]\n"
                 "%s"
                 "b1 (b0) bci=8:\n  v20:BOOL = Const $True\n  Incref v20\n  Return v20 @8\n"
                 "b2 (b0) bci=10:\n  v21:BOOL = Const $False\n  Incref v21\n  Return v21 @10\n",
                 forms[k]);
        compile(&c, text);
        for (size_t n = 0; n < BASE_COUNT(values); n++) {
            PyObject *v = eval(values[n], Py_eval_input);
            int want = PyObject_IsTrue(v);
            PyErr_Clear();
            Py_ssize_t refs = Py_REFCNT(v);
            Frame fr;
            frame_init(&fr, &v, 1);
            PyObject *r = enter(&c, &fr);
            if (want < 0) {
                assert_true(last.taken && last.kind == RT_EXIT_THROW && last.throw_bci == 4);
                assert_true(PyErr_ExceptionMatches(PyExc_ZeroDivisionError));
                PyErr_Clear();
                if (last.locs[0].owned) {
                    Py_DECREF(v);
                }
            } else {
                assert_false(last.taken);
                assert_ptr_equal(r, want ? Py_True : Py_False);
                Py_DECREF(r);
            }
            frame_clear(&fr);
            assert_int_equal(Py_REFCNT(v), refs);
            Py_DECREF(v);
        }
        discard(&c);
    }
}

/* --- items --------------------------------------------------------------------------------- */

static void test_items(void **state)
{
    (void)state;
    const char *fmt = "func f nlocals=2 nstack=0 bci=0\n"
                      "b0 bci=0:\n"
                      "  v0:ANY|NULL = LoadLocal #0\n"
                      "  v1:%s = GuardType v0 #%s @2 [s0: 2 | v0 - | ]\n"
                      "  v2:ANY|NULL = LoadLocal #1\n"
                      "  v3:INT = GuardType v2 #INT @2 [s0]\n"
                      "  v4:i64 = UnboxInt v3 @2 [s0]\n"
                      "  v5:ANY = %sItem v1 v4 @4 [s1: 4 | v1 v3 | v1 v3]\n"
                      "  Incref v5\n"
                      "  Return v5 @6\n";
    PyObject *list = Py_BuildValue("[sss]", "a", "b", "c"), *tuple = PyList_AsTuple(list);
    for (int which = 0; which < 2; which++) {
        Compiled c;
        snprintf(text, sizeof text, fmt, which ? "TUPLE" : "LIST", which ? "TUPLE" : "LIST",
                 which ? "Tuple" : "List");
        compile(&c, text);
        for (long k = -5; k < 5; k++) {
            PyObject *v[] = {which ? tuple : list, PyLong_FromLong(k)};
            Frame fr;
            frame_init(&fr, v, 2);
            PyObject *r = enter(&c, &fr);
            PyObject *want = PyObject_GetItem(v[0], v[1]);
            PyErr_Clear();
            assert_int_equal(last.taken, want == NULL);
            assert_ptr_equal(r, want);
            Py_XDECREF(r);
            Py_XDECREF(want);
            frame_clear(&fr);
            Py_DECREF(v[1]);
        }
        discard(&c);
    }
    const char *store = "func f nlocals=2 nstack=0 bci=0\n"
                        "b0 bci=0:\n"
                        "  v0:ANY|NULL = LoadLocal #0\n"
                        "  v1:LIST = GuardType v0 #LIST @2 [s0: 2 | v0 - | ]\n"
                        "  v2:i64 = ConstI64 $-1\n"
                        "  v3:ANY|NULL = LoadLocal #1\n"
                        "  v4:ANY = GuardNotNull v3 @2 [s0]\n"
                        "  Incref v4\n"
                        "  ListStore v1 v2 v4 @4 [s1: 4 | v1 v4 | v4!]\n"
                        "  v9:i64 = ListLen v1\n"
                        "  v10:INT = BoxInt v9\n"
                        "  Return v10 @6\n";
    PyObject *item = PyList_New(0), *v[] = {list, item};
    Py_ssize_t n = Py_REFCNT(item);
    PyObject *r = run(store, v, 2);
    assert_int_equal(PyLong_AsLong(r), 3);
    assert_ptr_equal(PyList_GET_ITEM(list, 2), item);
    assert_int_equal(Py_REFCNT(item), n + 1);
    Py_DECREF(r);
    Py_DECREF(list);
    Py_DECREF(tuple);
    Py_DECREF(item);
}

/* --- attributes and globals ------------------------------------------------------------------ */

static void test_inline_values(void **state)
{
    (void)state;
    Py_DECREF(eval("class A: pass\n"
                   "a = A(); a.x = 'first'; a.y = ['second']\n"
                   "b = A()\n",
                   Py_file_input));
    PyObject *a = PyDict_GetItemString(globals, "a"), *b = PyDict_GetItemString(globals, "b");
    unsigned tag = Py_TYPE(a)->tp_version_tag;
    if (!tag) { /* given out on the first lookup */
        Py_XDECREF(PyObject_GetAttrString(a, "x"));
        tag = Py_TYPE(a)->tp_version_tag;
    }
    assert_int_not_equal(tag, 0);
    char load[1024];
    snprintf(load, sizeof load,
             "func f nlocals=1 nstack=0 bci=0\n"
             "b0 bci=0:\n"
             "  v0:ANY|NULL = LoadLocal #0\n"
             "  v1:ANY = GuardTypeVer v0 #%u $NULL @2 [s0: 2 | v0 | ]\n"
             "  v2:ANY = LoadInlineValue v1 #1 @2 [s0]\n"
             "  Incref v2\n"
             "  Return v2 @4\n",
             tag);
    PyObject *r = run(load, &a, 1);
    assert_ptr_equal(r, PyObject_GetAttrString(a, "y"));
    Py_DECREF(r);
    Py_DECREF(r);
    assert_null(run(load, &b, 1)); /* not set yet */
    assert_int_equal(last.reason, HIR_LoadInlineValue);
    assert_null(run(load, &globals, 1));
    assert_int_equal(last.reason, HIR_GuardTypeVer);

    /* Stores, in the other order than the class knows them; the order must show in __dict__. */
    char store[1024];
    for (int slot = 1; slot >= 0; slot--) {
        snprintf(store, sizeof store,
                 "func f nlocals=2 nstack=0 bci=0\n"
                 "b0 bci=0:\n"
                 "  v0:ANY|NULL = LoadLocal #0\n"
                 "  v1:ANY = GuardTypeVer v0 #%u $NULL @2 [s0: 2 | v0 - | ]\n"
                 "  v2:ANY|NULL = LoadLocal #1\n"
                 "  v3:ANY = GuardNotNull v2 @2 [s0]\n"
                 "  Incref v3\n"
                 "  StoreInlineValue v1 v3 #%d @4 [s1: 4 | v1 v3 | v3!]\n"
                 "  v4:NONE = Const $None\n"
                 "  Incref v4\n"
                 "  Return v4 @6\n",
                 tag, slot);
        PyObject *value = PyUnicode_FromFormat("value %d", slot), *v[] = {b, value};
        Py_ssize_t n = Py_REFCNT(value);
        for (int again = 0; again < 2; again++) {
            r = run(store, v, 2);
            assert_ptr_equal(r, Py_None);
            Py_DECREF(r);
            assert_int_equal(Py_REFCNT(value), n + 1);
        }
        Py_DECREF(value);
    }
    r = eval("list(b.__dict__.items()) == [('y', 'value 1'), ('x', 'value 0')]", Py_eval_input);
    assert_ptr_equal(r, Py_True);
    Py_DECREF(r);
    /* The dict is there now: no inline values any more. */
    PyObject *v[] = {b, Py_None};
    assert_null(run(store, v, 2));
    assert_int_equal(last.reason, HIR_StoreInlineValue);
    Py_DECREF(Py_None); /* what the exit would have taken over */
    assert_null(run(load, &b, 1));
    assert_int_equal(last.reason, HIR_LoadInlineValue);
}

/* LoadAttr and StoreAttr: what the small table in the cache serves and what it must leave to the helper. */
static void test_attr_caches(void **state)
{
    (void)state;
    Py_DECREF(eval("class X:\n"
                   "    a = 'class value'\n"
                   "    def __init__(self, *names):\n"
                   "        for n in names: setattr(self, n, ['value', n])\n"
                   "kinds = [type(f'X{k}', (X,), {}) for k in range(6)]\n"
                   "objects = [t('b', 'a') if k % 2 else t('a') for k, t in enumerate(kinds)]\n"
                   "class S:\n"
                   "    __slots__ = 'a',\n"
                   "slotted = S(); slotted.a = 'slot'\n"
                   "class P:\n"
                   "    a = property(lambda self: 'property')\n"
                   "class Late:\n"
                   "    def __get__(self, o, t): return 'late'\n"
                   "class Q: a = Late()\n"
                   "q = Q(); q.a = 'own'\n"
                   "objects += [slotted, P(), q, X(), X('b'), 1, objects[0].__class__('a')]\n"
                   "objects[-1].__dict__['a'] = 'in the dict'\n",
                   Py_file_input));
    PyObject *objects = PyDict_GetItemString(globals, "objects");
    const char *load = "func f nlocals=1 nstack=0 bci=0\n"
                       "b0 bci=0:\n"
                       "  v0:ANY|NULL = LoadLocal #0\n"
                       "  v1:ANY = GuardNotNull v0 @2 [s0: 2 | v0 | ]\n"
                       "  v2:ANY = LoadAttr v1 $&0 @3 [s1: 3 | v1 | v1]\n"
                       "  Return v2 @4\n";
    const char *store = "func f nlocals=2 nstack=0 bci=0\n"
                        "b0 bci=0:\n"
                        "  v0:ANY|NULL = LoadLocal #0\n"
                        "  v1:ANY = GuardNotNull v0 @2 [s0: 2 | v0 - | ]\n"
                        "  v2:ANY|NULL = LoadLocal #1\n"
                        "  v3:ANY = GuardNotNull v2 @2 [s0]\n"
                        "  StoreAttr v1 v3 $&0 @3 [s1: 3 | v1 v3 | v3 v1]\n"
                        "  v4:NONE = Const $None\n"
                        "  Incref v4\n"
                        "  Return v4 @4\n";
    Compiled cl, cs;
    compile_with(&cl, load, true);
    compile_with(&cs, store, true);
    for (int round = 0; round < 6; round++) {
        if (round == 4) { /* the descriptor's class becomes that of a data descriptor */
            Py_DECREF(eval("Late.__set__ = lambda *a: None", Py_file_input));
        }
        for (Py_ssize_t k = 0; k < PyList_GET_SIZE(objects); k++) {
            PyObject *o = PyList_GET_ITEM(objects, k), *want = PyObject_GetAttrString(o, "a");
            Frame fr;
            PyErr_Clear();
            frame_init(&fr, &o, 1);
            PyObject *r = enter(&cl, &fr);
            assert_int_equal(r == NULL, want == NULL);
            if (r) {
                assert_true(PyObject_RichCompareBool(r, want, Py_EQ));
            }
            PyErr_Clear();
            Py_XDECREF(r);
            Py_XDECREF(want);
            frame_clear(&fr);
            PyObject *v[] = {o, PyUnicode_FromFormat("round %d %zd", round, k)};
            Py_ssize_t before = Py_REFCNT(v[1]);
            frame_init(&fr, v, 2);
            r = enter(&cs, &fr);
            frame_clear(&fr);
            if (r) {
                PyObject *now = PyObject_GetAttrString(o, "a");
                if (Py_REFCNT(v[1]) > before) { /* kept: not by a setter that does nothing */
                    assert_ptr_equal(now, v[1]);
                }
                Py_XDECREF(now);
                Py_DECREF(r);
            } else {
                assert_true(PyErr_Occurred());
            }
            PyErr_Clear();
            Py_DECREF(v[1]);
        }
    }
    discard(&cl);
    discard(&cs);
}

/* LoadMethod: methods of several classes, and everything that may shadow or replace them while the code runs. */
static void test_method_caches(void **state)
{
    (void)state;
    Py_DECREF(eval("class M:\n"
                   "    def a(self): return ('M', type(self).__name__)\n"
                   "many = [type(f'M{k}', (M,), {'a': (lambda k: lambda self: ('own', k))(k)} if k "
                   "% 3 else {})\n"
                   "        for k in range(7)]\n"
                   "class N:\n"
                   "    @staticmethod\n"
                   "    def a(): return 'static'\n"
                   "class O:\n"
                   "    @classmethod\n"
                   "    def a(cls): return 'class'\n"
                   "class E: pass\n"
                   "targets = [c() for c in many] + [N(), O(), O, M(), M(), E(), 5]\n",
                   Py_file_input));
    static const char *const events[] = {
        "0",
        "setattr(targets[0], 'other', 1)",               /* the class's shared keys grow */
        "setattr(targets[1], 'a', lambda: 'instance')",  /* shadowed, inline */
        "targets[2].__dict__.update(a=lambda: 'dict')",  /* shadowed in a dict */
        "setattr(many[4], 'a', lambda self: 'changed')", /* the class changes */
        "setattr(M, 'a', lambda self: 'base changed')",
        "delattr(targets[1], 'a')"};
    PyObject *targets = PyDict_GetItemString(globals, "targets");
    Compiled c;
    compile_with(&c,
                 "func f nlocals=1 nstack=0 bci=0\n"
                 "b0 bci=0:\n"
                 "  v0:ANY|NULL = LoadLocal #0\n"
                 "  v1:ANY = GuardNotNull v0 @2 [s0: 2 | v0 | ]\n"
                 "  v2:ANY = LoadMethod v1 $&0 @3 [s1: 3 | v1 | v1]\n"
                 "  v3:ANY|NULL = LoadOut v2 #0\n"
                 "  v4:ANY = CallVector v3 v2 #3 $NULL @4 [s2: 4 | v1 |]\n"
                 "  Return v4 @5\n",
                 true);
    for (size_t e = 0; e < BASE_COUNT(events); e++) {
        Py_DECREF(eval(events[e], Py_eval_input));
        for (int again = 0; again < 3; again++) {
            for (Py_ssize_t k = 0; k < PyList_GET_SIZE(targets); k++) {
                PyObject *o = PyList_GET_ITEM(targets, k),
                         *want = PyObject_CallMethod(o, "a", NULL);
                PyErr_Clear();
                Py_ssize_t refs = Py_REFCNT(o);
                Frame fr;
                frame_init(&fr, &o, 1);
                PyObject *r = enter(&c, &fr);
                PyErr_Clear();
                assert_int_equal(r == NULL, want == NULL);
                if (r) {
                    assert_true(PyObject_RichCompareBool(r, want, Py_EQ));
                }
                Py_XDECREF(r);
                Py_XDECREF(want);
                frame_clear(&fr);
                assert_int_equal(Py_REFCNT(o), refs);
            }
        }
    }
    discard(&c);
}

/* The place of a key among a dict's entries, and the keys' version (made to exist). */
static uint32_t keys_version(PyObject *dict)
{
    uint32_t version;
    char *keys = *(char **)((char *)dict + PY311_OFF_DICT_KEYS);
    memcpy(&version, keys + PY311_OFF_KEYS_VERSION, 4);
    return version;
}

static void test_globals(void **state)
{
    (void)state;
    /* Running it in tier 0 lets the specialiser give the keys of both dicts a version. */
    Py_DECREF(eval("def warm():\n"
                   "    for i in range(100): target; len\n"
                   "target = ['found']\n"
                   "for i in range(20): warm()\n",
                   Py_file_input));
    uint32_t gv = keys_version(globals), bv = keys_version(builtins);
    assert_int_not_equal(gv, 0);
    assert_int_not_equal(bv, 0);
    PyObject *keys = PyDict_Keys(globals), *name = PyUnicode_FromString("target");
    Py_ssize_t at = PySequence_Index(keys, name);
    Py_DECREF(keys);
    keys = PyDict_Keys(builtins);
    Py_SETREF(name, PyUnicode_FromString("len"));
    Py_ssize_t bat = PySequence_Index(keys, name);
    Py_DECREF(keys);
    Py_DECREF(name);
    for (int wrong = 0; wrong < 2; wrong++) {
        snprintf(text, sizeof text,
                 "func f nlocals=1 nstack=0 bci=0\n"
                 "b0 bci=0:\n"
                 "  v0:DICT = FrameGlobals\n"
                 "  v1:ANY = LoadGlobalModule v0 #%u $%zd @2 [s0: 2 | - | ]\n"
                 "  Incref v1\n"
                 "  Return v1 @4\n",
                 gv + wrong, at);
        PyObject *r = run(text, NULL, 0);
        assert_ptr_equal(r, wrong ? NULL : PyDict_GetItemString(globals, "target"));
        Py_XDECREF(r);
        snprintf(text, sizeof text,
                 "func f nlocals=1 nstack=0 bci=0\n"
                 "b0 bci=0:\n"
                 "  v0:DICT = FrameGlobals\n"
                 "  v1:ANY = LoadGlobalBuiltin v0 #%u $%u,%zd @2 [s0: 2 | - | ]\n"
                 "  Incref v1\n"
                 "  Return v1 @4\n",
                 gv, bv + wrong, bat);
        r = run(text, NULL, 0);
        assert_ptr_equal(r, wrong ? NULL : PyDict_GetItemString(builtins, "len"));
        Py_XDECREF(r);
    }
}

/* 0 is what things without a version have: it must never pass for one. */
static void test_version_zero(void **state)
{
    (void)state;
    PyObject *module = PyModule_New("m");
    PyObject_SetAttrString(module, "x", Py_None);
    assert_int_equal(keys_version(PyModule_GetDict(module)), 0);
    PyObject *r = run("func f nlocals=1 nstack=0 bci=0\n"
                      "b0 bci=0:\n"
                      "  v0:ANY|NULL = LoadLocal #0\n"
                      "  v1:MODULE = GuardType v0 #MODULE @2 [s0: 2 | v0 | ]\n"
                      "  v2:ANY = LoadModuleAttr v1 #0 $0 @2 [s0]\n"
                      "  Incref v2\n"
                      "  Return v2 @4\n",
                      &module, 1);
    assert_null(r);
    assert_int_equal(last.reason, HIR_LoadModuleAttr);
    Py_DECREF(module);
}

static void test_dict_hint(void **state)
{
    (void)state;
    Py_DECREF(eval("class D: pass\n"
                   "d = D(); d.__dict__ = {'p': 1, 'q': ['hint']}\n",
                   Py_file_input));
    PyObject *d = PyDict_GetItemString(globals, "d"), *q = PyObject_GetAttrString(d, "q");
    for (int slot = 0; slot < 4; slot++) {
        snprintf(text, sizeof text,
                 "func f nlocals=1 nstack=0 bci=0\n"
                 "b0 bci=0:\n"
                 "  v0:ANY|NULL = LoadLocal #0\n"
                 "  v1:ANY = GuardNotNull v0 @2 [s0: 2 | v0 | ]\n"
                 "  v2:ANY = LoadDictHint v1 #%d $'q' @2 [s0]\n"
                 "  Incref v2\n"
                 "  Return v2 @4\n",
                 slot);
        /* Names are interned in real code. */
        Compiled c;
        Frame fr;
        StrBuf err = SB_INIT;
        arena_init(&c.arena, 0, NULL);
        c.hf = hir_parse(&c.arena, text, &err);
        assert_non_null(c.hf);
        for (HirIns *i = c.hf->entry->first; i; i = i->next) {
            if (i->op == HIR_LoadDictHint) {
                i->imm.p = PyUnicode_InternFromString("q");
            }
        }
        c.unit = rt_unit_new(code, 0);
        c.hf->unit = c.unit;
        hir_analyze(c.hf);
        LirOptions o = {.cc = cc, .exit_entry = exit_entry, .verify = true};
        const char *reason;
        assert_true(lir_compile(c.hf, c.unit, &o, &reason));
        frame_init(&fr, &d, 1);
        PyObject *r = enter(&c, &fr);
        assert_ptr_equal(r, slot == 1 ? q : NULL);
        assert_int_equal(last.taken, slot != 1);
        Py_XDECREF(r);
        frame_clear(&fr);
        discard(&c);
    }
    Py_DECREF(q);
}

/* --- calls of helpers -------------------------------------------------------------------------- */

static void test_var_and_out(void **state)
{
    (void)state;
    const char *t = "func f nlocals=2 nstack=0 bci=0\n"
                    "b0 bci=0:\n"
                    "  v0:ANY|NULL = LoadLocal #0\n"
                    "  v1:ANY = GuardNotNull v0 @2 [s0: 2 | v0 - | ]\n"
                    "  v2:void = UnpackSeq v1 #3 @4 [s1: 4 | v1 - | v1]\n"
                    "  v3:ANY|NULL = LoadOut v2 #0\n"
                    "  v4:ANY|NULL = LoadOut v2 #1\n"
                    "  v5:ANY|NULL = LoadOut v2 #2\n"
                    "  v6:TUPLE = BuildTuple v5 v3 v4 @6 [s2: 6 | v1 - | v3! v4! v5!]\n"
                    "  Return v6 @8\n";
    PyObject *list = Py_BuildValue("[iii]", 1001, 1002, 1003);
    PyObject *want = Py_BuildValue("(iii)", 1003, 1001, 1002);
    PyObject *r = run(t, &list, 1);
    assert_non_null(r);
    assert_true(PyObject_RichCompareBool(r, want, Py_EQ));
    Py_DECREF(r);
    PyList_SetSlice(list, 0, 1, NULL);
    assert_null(run(t, &list, 1));
    assert_int_equal(last.kind, RT_EXIT_THROW);
    assert_true(PyErr_ExceptionMatches(PyExc_ValueError));
    PyErr_Clear();
    Py_DECREF(list);
    Py_DECREF(want);
}

/* prev_instr says where the code is whenever something can look. */
static void test_prev_instr(void **state)
{
    (void)state;
    const char *t = "func f nlocals=1 nstack=0 bci=0\n"
                    "b0 bci=0:\n"
                    "  v0:ANY|NULL = LoadLocal #0\n"
                    "  v1:ANY = GuardNotNull v0 @2 [s0: 2 | v0 | ]\n"
                    "  v2:ANY = UnaryNeg v1 @3 [s1: 3 | v1 | v1]\n"
                    "  Return v2 @4\n";
    Compiled c;
    Frame fr;
    compile(&c, t);
    PyObject *v = PyUnicode_FromString("x");
    frame_init(&fr, &v, 1);
    assert_null(enter(&c, &fr));
    assert_ptr_equal(fr.f.prev_instr, py311_code_units(code) + 3);
    assert_int_equal(last.throw_bci, 3);
    PyErr_Clear();
    frame_clear(&fr);
    Py_SETREF(v, PyLong_FromLong(5));
    frame_init(&fr, &v, 1);
    PyObject *r = enter(&c, &fr);
    assert_int_equal(PyLong_AsLong(r), -5);
    assert_ptr_equal(fr.f.prev_instr, py311_code_units(code) + 4);
    Py_DECREF(r);
    frame_clear(&fr);
    Py_DECREF(v);
    discard(&c);
}

/* Every op that names a helper has its address, and no other op has one. */
static void test_helpers(void **state)
{
    (void)state;
    for (int op = 0; op < HIR_NOPS; op++) {
        assert_int_equal(lw_helper((HirOp)op) != NULL, hir_op_info[op].helper != NULL);
    }
    assert_ptr_equal(lw_helper(HIR_Truthy), (const void *)rt_truthy);
    assert_ptr_equal(lw_helper(HIR_UnaryNeg), (const void *)PyNumber_Negative);
}

/* --- the epochs of homes ------------------------------------------------------------------------- */

static void test_epochs(void **state)
{
    (void)state;
    loop_text("ListIter", "LIST_ITER");
    Arena a;
    StrBuf err = SB_INIT;
    arena_init(&a, 0, NULL);
    HirFunc *f = hir_parse(&a, text, &err);
    assert_non_null(f);
    hir_analyze(f);
    LirHomes h;
    lir_homes_init(&h, f);
    HirBlock *header = f->entry->succ[0];
    HirIns *phi = header->first;
    assert_int_equal(phi->op, HIR_Phi);
    /* Local 0 is never stored: one epoch. Local 1 is in the loop header's own. */
    assert_int_equal(h.in[header->id][0], h.out[f->entry->id][0]);
    assert_int_not_equal(h.in[header->id][1], h.out[f->entry->id][1]);
    const LirHomeFact *fact = lir_homes_find(&h, h.in[header->id], phi);
    assert_non_null(fact);
    assert_int_equal(fact->local, 1);
    /* After the store in the loop the home holds the sum, no longer the phi. */
    HirBlock *body = header->succ[0];
    assert_null(lir_homes_find(&h, h.out[body->id], phi));
    for (HirIns *i = body->first; i; i = i->next) {
        if (i->op == HIR_BinaryOp) {
            assert_non_null(lir_homes_find(&h, h.out[body->id], i));
        }
    }
    arena_free(&a);
}

/* --- the program --------------------------------------------------------------------------------- */

static int setup(void **state)
{
    (void)state;
    const char *error;
    Py_Initialize();
    if (rt_init() < 0) {
        return -1;
    }
    cc = cc_create((void *)&PyFloat_Type, 16 << 20, &error);
    exit_entry = cc ? lir_trampoline_install(cc, note_exit) : NULL;
    globals = PyDict_New();
    builtins = PyEval_GetBuiltins();
    PyDict_SetItemString(globals, "__builtins__", builtins);
    code =
        (PyCodeObject *)Py_CompileString("def f(a, b):\n  return a + b\n", "<test>", Py_file_input);
    return exit_entry && code ? 0 : -1;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_helpers),         cmocka_unit_test(test_epochs),
    cmocka_unit_test(test_home_phi),        cmocka_unit_test(test_int_ops),
    cmocka_unit_test(test_int_ops_const),   cmocka_unit_test(test_shifts),
    cmocka_unit_test(test_unbox_large),     cmocka_unit_test(test_float_ops),
    cmocka_unit_test(test_float_free_list), cmocka_unit_test(test_comparisons),
    cmocka_unit_test(test_store_local),     cmocka_unit_test(test_stale_home),
    cmocka_unit_test(test_raw_state),       cmocka_unit_test(test_loops),
    cmocka_unit_test(test_any_loop),        cmocka_unit_test(test_truthy),
    cmocka_unit_test(test_reused_boxes),    cmocka_unit_test(test_exit_before_store),
    cmocka_unit_test(test_range_loop),      cmocka_unit_test(test_items),
    cmocka_unit_test(test_inline_values),   cmocka_unit_test(test_globals),
    cmocka_unit_test(test_version_zero),    cmocka_unit_test(test_attr_caches),
    cmocka_unit_test(test_method_caches),   cmocka_unit_test(test_dict_hint),
    cmocka_unit_test(test_var_and_out),     cmocka_unit_test(test_prev_instr),
};

int main(void)
{
    int failed = cmocka_run_group_tests_name("lower", tests, setup, NULL);
    all_spill = true; /* the same with the other allocator */
    failed += cmocka_run_group_tests_name("lower, all spilled", tests, NULL, NULL);
    return failed;
}
