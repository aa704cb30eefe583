/* Folding: algebra, constants, and generic operations on known types.
 *
 * One rule an op, in a table. A rule looks at an instruction whose operands are folded already
 * and gives what replaces it, or NULL. New instructions go right before it, with its frame state:
 * they may leave for tier 0 there because a generic operation has had no effect yet when its
 * bytecode starts anew. Reference counts stay right because the replacement of a NEW op is either
 * NEW itself or is increfed (`own`). */
#include <Python.h>

#include <math.h>

#include "opt_internal.h"
#include "py311_opcodes.h"

typedef struct {
    HirFunc *f;
    HirIns *pos; /* instruction being folded; new ones go before it */
    bool cfg;    /* branches changed */
} Fold;

typedef HirIns *(*FoldRule)(Fold *, HirIns *);
static const FoldRule rules[HIR_NOPS];

/* Given by a rule for an instruction without a result that is to go. */
static HirIns gone;

#define INTS    (HIR_T_INT | HIR_T_BOOL)
#define NUMBERS (INTS | HIR_T_FLOAT)

static bool is_type(const HirIns *v, HirType t)
{
    return v->type && !(v->type & ~t);
}

/* Folds the new instruction at once; puts it in place unless something replaces it. */
static HirIns *emit(Fold *f, HirIns *i)
{
    if (rules[i->op]) {
        HirIns *r = rules[i->op](f, i);
        if (r) {
            return r;
        }
    }
    i->bci = f->pos->bci;
    if (hir_op_info[i->op].flags & (HIR_F_RAISE | HIR_F_DEOPT)) {
        i->fs = f->pos->fs;
    }
    if (i->rep == HIR_OBJ && i->op != HIR_Const) {
        i->type = hir_type_infer(i);
    }
    hir_insert_before(f->pos, i);
    return i;
}

static HirIns *emit1(Fold *f, HirOp op, HirIns *a)
{
    return emit(f, hir_new1(f->f, op, a));
}

static HirIns *emit2(Fold *f, HirOp op, HirIns *a, HirIns *b)
{
    return emit(f, hir_new2(f->f, op, a, b));
}

static HirIns *emit_cmp(Fold *f, HirOp op, int cmp, HirIns *a, HirIns *b)
{
    HirIns *i = hir_new2(f->f, op, a, b);
    i->aux = (uint32_t)cmp;
    return emit(f, i);
}

static HirIns *f64(Fold *f, double v)
{
    return emit(f, hir_const_f64(f->f, v));
}
static HirIns *i64(Fold *f, int64_t v)
{
    return emit(f, hir_const_i64(f->f, v));
}
static HirIns *bit(Fold *f, bool v)
{
    return emit(f, hir_const_bool(f->f, v));
}
static HirIns *object(Fold *f, PyObject *o)
{
    return emit(f, hir_const(f->f, o));
}

/* A borrowed value in place of an op's new reference. */
static HirIns *own(Fold *f, HirIns *v)
{
    emit1(f, HIR_Incref, v);
    return v;
}

static bool may_speculate(const Fold *f)
{
    return opt_may_speculate(f->f, f->pos->fs);
}

/* --- constants ------------------------------------------------------------------ */

static HirIns *const_of(HirIns *v)
{
    for (;; v = v->args[0]) {
        if (v->op == HIR_Const) {
            return v;
        }
        if (!hir_is_guard(v)) {
            return NULL;
        }
    }
}

static bool int_const(const HirIns *v, int64_t *out)
{
    if (v->op != HIR_ConstI64) {
        return false;
    }
    *out = v->imm.i;
    return true;
}

static bool both_f64(const HirIns *i, double *a, double *b)
{
    *a = i->args[0]->imm.f;
    *b = i->args[1]->imm.f;
    return i->args[0]->op == HIR_ConstF64 && i->args[1]->op == HIR_ConstF64;
}

static bool both_i64(const HirIns *i, int64_t *a, int64_t *b)
{
    return int_const(i->args[0], a) && int_const(i->args[1], b);
}

#define COMPARE(cmp, a, b)         \
    ((cmp) == Py_LT   ? (a) < (b)  \
     : (cmp) == Py_LE ? (a) <= (b) \
     : (cmp) == Py_EQ ? (a) == (b) \
     : (cmp) == Py_NE ? (a) != (b) \
     : (cmp) == Py_GT ? (a) > (b)  \
                      : (a) >= (b))

/* --- raw arithmetic ---------------------------------------------------------------- */

static HirIns *fold_float(Fold *f, HirIns *i)
{
    double a, b;
    if (both_f64(i, &a, &b)) {
        switch (i->op) {
        case HIR_FAdd: return f64(f, a + b);
        case HIR_FSub: return f64(f, a - b);
        case HIR_FMul: return f64(f, a * b);
        default: return b != 0 ? f64(f, a / b) : NULL;
        }
    }
    /* x - 0.0 and x * 1.0 keep every bit of x, -0.0 included; x + 0.0 does not. */
    if (i->args[1]->op == HIR_ConstF64) {
        double c = i->args[1]->imm.f;
        if ((i->op == HIR_FSub && c == 0 && !signbit(c)) ||
            ((i->op == HIR_FMul || i->op == HIR_FDiv) && c == 1)) {
            return i->args[0];
        }
    }
    if (i->op == HIR_FMul && i->args[0]->op == HIR_ConstF64 && i->args[0]->imm.f == 1) {
        return i->args[1];
    }
    return NULL;
}

static HirIns *fold_fneg(Fold *f, HirIns *i)
{
    HirIns *a = i->args[0];
    if (a->op == HIR_FNeg) {
        return a->args[0];
    }
    return a->op == HIR_ConstF64 ? f64(f, -a->imm.f) : NULL;
}

static HirIns *fold_fcmp(Fold *f, HirIns *i)
{
    double a, b;
    return both_f64(i, &a, &b) ? bit(f, COMPARE(i->aux, a, b)) : NULL;
}

static HirIns *fold_int(Fold *f, HirIns *i)
{
    int64_t a, b, r;
    if (both_i64(i, &a, &b)) {
        bool overflow = i->op == HIR_IAdd   ? __builtin_add_overflow(a, b, &r)
                        : i->op == HIR_ISub ? __builtin_sub_overflow(a, b, &r)
                                            : __builtin_mul_overflow(a, b, &r);
        return overflow ? NULL : i64(f, r);
    }
    if (int_const(i->args[1], &b)) {
        if ((b == 0 && i->op != HIR_IMul) || (b == 1 && i->op == HIR_IMul)) {
            return i->args[0];
        }
    }
    if (int_const(i->args[0], &a)) {
        if ((a == 0 && i->op == HIR_IAdd) || (a == 1 && i->op == HIR_IMul)) {
            return i->args[1];
        }
    }
    return NULL;
}

static HirIns *fold_bits(Fold *f, HirIns *i)
{
    int64_t a, b;
    if (both_i64(i, &a, &b)) {
        return i64(f, i->op == HIR_IAnd ? a & b : i->op == HIR_IOr ? a | b : a ^ b);
    }
    return NULL;
}

static HirIns *fold_icmp(Fold *f, HirIns *i)
{
    int64_t a, b;
    if (both_i64(i, &a, &b)) {
        return bit(f, COMPARE(i->aux, a, b));
    }
    if (i->args[0] == i->args[1]) {
        return bit(f, i->aux == Py_LE || i->aux == Py_EQ || i->aux == Py_GE);
    }
    /* Lengths are not negative. */
    HirOp op = i->args[0]->op;
    if (int_const(i->args[1], &b) &&
        (op == HIR_ListLen || op == HIR_TupleLen || op == HIR_StrLen || op == HIR_DictLen)) {
        if ((i->aux == Py_LT && b <= 0) || (i->aux == Py_EQ && b < 0)) {
            return bit(f, false);
        }
        if ((i->aux == Py_GE && b <= 0) || (i->aux == Py_NE && b < 0)) {
            return bit(f, true);
        }
    }
    return NULL;
}

static HirIns *fold_i2f(Fold *f, HirIns *i)
{
    int64_t a;
    return int_const(i->args[0], &a) && a <= (1LL << 53) && a >= -(1LL << 53) ? f64(f, (double)a)
                                                                              : NULL;
}

static HirIns *fold_bnot(Fold *f, HirIns *i)
{
    static const uint8_t inverse[] = {Py_GE, Py_GT, Py_NE, Py_EQ, Py_LE, Py_LT};
    HirIns *a = i->args[0];
    switch (a->op) {
    case HIR_BNot: return a->args[0];
    case HIR_ConstBool: return bit(f, !a->imm.i);
    case HIR_ICmp: return emit_cmp(f, HIR_ICmp, inverse[a->aux], a->args[0], a->args[1]);
    case HIR_FCmp: /* with NaN only == and != are each other's inverse */
        return a->aux == Py_EQ || a->aux == Py_NE
                   ? emit_cmp(f, HIR_FCmp, inverse[a->aux], a->args[0], a->args[1])
                   : NULL;
    default: return NULL;
    }
}

/* --- identity and types --------------------------------------------------------------- */

static HirIns *fold_is(Fold *f, HirIns *i)
{
    HirIns *a = i->args[0], *b = i->args[1];
    HirIns *ra = hir_root(a), *rb = hir_root(b);
    if (ra == rb) {
        return bit(f, true);
    }
    if (ra->op == HIR_Const && rb->op == HIR_Const) {
        return bit(f, ra->imm.p == rb->imm.p);
    }
    if (a->type && b->type && !(a->type & b->type)) {
        return bit(f, false);
    }
    if (a->type == b->type && (a->type == HIR_T_NONE || a->type == HIR_T_NULL)) {
        return bit(f, true);
    }
    /* (x > y) is True */
    for (int k = 0; k < 2; k++) {
        HirIns *box = hir_root(i->args[k]), *c = hir_root(i->args[1 - k]);
        if (box->op == HIR_BoxBool && c->op == HIR_Const &&
            (c->imm.p == Py_True || c->imm.p == Py_False)) {
            return c->imm.p == Py_True ? box->args[0] : emit1(f, HIR_BNot, box->args[0]);
        }
    }
    return NULL;
}

static HirIns *fold_is_null(Fold *f, HirIns *i)
{
    HirType t = i->args[0]->type;
    return !t || (t & HIR_T_NULL && t != HIR_T_NULL) ? NULL : bit(f, t == HIR_T_NULL);
}

static HirIns *fold_is_type(Fold *f, HirIns *i)
{
    HirType t = i->args[0]->type;
    if (!t || ((t & i->aux) && ((t & ~i->aux) || !opt_one_type(i->aux)))) {
        return NULL;
    }
    return bit(f, (t & i->aux) != 0);
}

/* Guards that are implied. Those that cannot hold are opt_types' business. */
static HirIns *fold_guard_type(Fold *f, HirIns *i)
{
    (void)f;
    return is_type(i->args[0], i->aux) ? i->args[0] : NULL;
}

static HirIns *fold_guard_not_null(Fold *f, HirIns *i)
{
    (void)f;
    return i->args[0]->type & HIR_T_NULL ? NULL : i->args[0];
}

static HirIns *fold_guard_is(Fold *f, HirIns *i)
{
    (void)f;
    HirIns *c = const_of(i->args[0]);
    return c && c->imm.p == i->imm.p ? i->args[0] : NULL;
}

static HirIns *fold_guard_cond(Fold *f, HirIns *i)
{
    HirIns *c = i->args[0];
    if (c->op == HIR_ConstBool && (c->imm.i != 0) == (i->op == HIR_GuardTrue)) {
        return &gone;
    }
    if (c->op == HIR_BNot && i->block) { /* in place: it keeps its state */
        i->op = i->op == HIR_GuardTrue ? HIR_GuardFalse : HIR_GuardTrue;
        i->args[0] = c->args[0];
        return fold_guard_cond(f, i);
    }
    return NULL;
}

static HirIns *fold_type_of(Fold *f, HirIns *i)
{
    /* Static types of the interpreter: they need no pin. */
    PyObject *tp = hir_pytype_of(i->args[0]->type);
    return tp ? object(f, tp) : NULL;
}

static HirIns *fold_isinstance(Fold *f, HirIns *i)
{
    PyTypeObject *tp = hir_pytype_of(i->args[0]->type);
    HirIns *c = const_of(i->args[1]);
    /* A class of exactly `type` has no __instancecheck__ of its own; builtin types' bases are fixed. */
    if (!tp || !c || !c->imm.p || c->aux == HIR_CONST_BORROWED ||
        !PyType_CheckExact((PyObject *)c->imm.p)) {
        return NULL;
    }
    return bit(f, PyType_IsSubtype(tp, c->imm.p));
}

/* --- boxes ------------------------------------------------------------------------------- */

static HirIns *fold_unbox_float(Fold *f, HirIns *i)
{
    HirIns *r = hir_root(i->args[0]);
    if (r->op == HIR_BoxFloat) {
        return r->args[0];
    }
    if (r->op == HIR_Const && r->type == HIR_T_FLOAT) {
        return f64(f, PyFloat_AS_DOUBLE((PyObject *)r->imm.p));
    }
    return NULL;
}

static HirIns *fold_unbox_int(Fold *f, HirIns *i)
{
    HirIns *r = hir_root(i->args[0]);
    if (r->op == HIR_BoxInt) {
        return r->args[0];
    }
    if (r->op == HIR_BoxBool) {
        return emit1(f, HIR_BoolToI, r->args[0]);
    }
    if (r->op == HIR_Const && is_type(r, INTS)) {
        int overflow;
        long long v = PyLong_AsLongLongAndOverflow(r->imm.p, &overflow);
        return overflow ? NULL : i64(f, v);
    }
    return NULL;
}

static HirIns *fold_unbox_bool(Fold *f, HirIns *i)
{
    HirIns *r = hir_root(i->args[0]);
    if (r->op == HIR_BoxBool) {
        return r->args[0];
    }
    return r->op == HIR_Const && r->type == HIR_T_BOOL ? bit(f, r->imm.p == Py_True) : NULL;
}

static HirIns *fold_bool_to_i(Fold *f, HirIns *i)
{
    return i->args[0]->op == HIR_ConstBool ? i64(f, i->args[0]->imm.i) : NULL;
}

static HirIns *fold_box_bool(Fold *f, HirIns *i)
{
    HirIns *a = i->args[0];
    return a->op == HIR_ConstBool ? object(f, a->imm.i ? Py_True : Py_False) : NULL;
}

static HirIns *fold_count(Fold *f, HirIns *i)
{
    (void)f;
    return i->args[0]->type == HIR_T_NULL ? &gone : NULL;
}

/* --- generic operations on known types ---------------------------------------------------- */

static HirIns *as_f64(Fold *f, HirIns *v)
{
    if (v->type == HIR_T_FLOAT) {
        return emit1(f, HIR_UnboxFloat, v);
    }
    return emit1(f, HIR_I2F, emit1(f, HIR_UnboxInt, v));
}

static HirIns *guard_nonzero(Fold *f, HirIns *divisor)
{
    HirIns *zero = emit_cmp(f, HIR_FCmp, Py_EQ, divisor, f64(f, 0.0));
    emit1(f, HIR_GuardFalse, zero);
    return divisor;
}

enum { NO_EXIT = 1, NONZERO = 2 };
typedef struct {
    HirOp f, i;    /* raw operation on floats and on ints, HIR_NOPS: none */
    uint8_t flags; /* NO_EXIT: on two floats never leaves; NONZERO: float divisor is guarded */
} NbRule;

static const NbRule nb_rules[PY311_NB_INPLACE_ADD] = {
    [PY311_NB_ADD] = {HIR_FAdd, HIR_IAdd, NO_EXIT},
    [PY311_NB_SUBTRACT] = {HIR_FSub, HIR_ISub, NO_EXIT},
    [PY311_NB_MULTIPLY] = {HIR_FMul, HIR_IMul, NO_EXIT},
    [PY311_NB_TRUE_DIVIDE] = {HIR_FDiv, HIR_NOPS, NONZERO},
    [PY311_NB_FLOOR_DIVIDE] = {HIR_FFloorDiv, HIR_IFloorDiv, NONZERO},
    [PY311_NB_REMAINDER] = {HIR_FMod, HIR_IMod, NONZERO},
    [PY311_NB_POWER] = {HIR_FPow, HIR_NOPS, 0},
    [PY311_NB_AND] = {HIR_NOPS, HIR_IAnd, 0},
    [PY311_NB_OR] = {HIR_NOPS, HIR_IOr, 0},
    [PY311_NB_XOR] = {HIR_NOPS, HIR_IXor, 0},
    [PY311_NB_LSHIFT] = {HIR_NOPS, HIR_IShl, 0},
    [PY311_NB_RSHIFT] = {HIR_NOPS, HIR_IShr, 0},
    [PY311_NB_MATRIX_MULTIPLY] = {HIR_NOPS, HIR_NOPS, 0},
};

static HirIns *fold_binary_op(Fold *f, HirIns *i)
{
    HirIns *a = i->args[0], *b = i->args[1];
    uint32_t nb = i->aux >= PY311_NB_INPLACE_ADD ? i->aux - PY311_NB_INPLACE_ADD : i->aux;
    if (nb >= BASE_COUNT(nb_rules) || !is_type(a, NUMBERS) || !is_type(b, NUMBERS) ||
        !opt_one_type(a->type) || !opt_one_type(b->type)) {
        return NULL;
    }
    const NbRule *r = &nb_rules[nb];
    bool floats = a->type == HIR_T_FLOAT && b->type == HIR_T_FLOAT;
    if (!(floats && r->flags & NO_EXIT) && !may_speculate(f)) {
        return NULL;
    }
    if (a->type == HIR_T_FLOAT || b->type == HIR_T_FLOAT || nb == PY311_NB_TRUE_DIVIDE) {
        if (r->f == HIR_NOPS) {
            return NULL; /* TypeError */
        }
        HirIns *x = as_f64(f, a), *y = as_f64(f, b);
        if (r->flags & NONZERO) {
            guard_nonzero(f, y);
        }
        return emit1(f, HIR_BoxFloat, emit2(f, r->f, x, y));
    }
    if (a->type == HIR_T_BOOL && b->type == HIR_T_BOOL &&
        (nb == PY311_NB_AND || nb == PY311_NB_OR || nb == PY311_NB_XOR)) {
        return NULL; /* a bool */
    }
    if (r->i == HIR_NOPS) {
        HirIns *c = const_of(b);
        int overflow;
        if (nb == PY311_NB_POWER && a->type == HIR_T_INT && c &&
            PyLong_AsLongAndOverflow(c->imm.p, &overflow) == 2) {
            HirIns *x = emit1(f, HIR_UnboxInt, a);
            return emit1(f, HIR_BoxInt, emit2(f, HIR_IMul, x, x));
        }
        return NULL;
    }
    HirIns *x = emit1(f, HIR_UnboxInt, a), *y = emit1(f, HIR_UnboxInt, b);
    return emit1(f, HIR_BoxInt, emit2(f, r->i, x, y));
}

static HirIns *fold_compare_op(Fold *f, HirIns *i)
{
    HirIns *a = i->args[0], *b = i->args[1], *r = NULL;
    if (a->type == HIR_T_STR && b->type == HIR_T_STR && (i->aux == Py_EQ || i->aux == Py_NE)) {
        r = emit2(f, HIR_StrEq, a, b);
        r = i->aux == Py_NE ? emit1(f, HIR_BNot, r) : r;
    } else if (a->type == HIR_T_FLOAT && b->type == HIR_T_FLOAT) {
        r = emit_cmp(f, HIR_FCmp, (int)i->aux, as_f64(f, a), as_f64(f, b));
    } else if (is_type(a, NUMBERS) && is_type(b, NUMBERS) && may_speculate(f)) {
        if (is_type(a, INTS) && is_type(b, INTS)) {
            r = emit_cmp(f, HIR_ICmp, (int)i->aux, emit1(f, HIR_UnboxInt, a),
                         emit1(f, HIR_UnboxInt, b));
        } else if (opt_one_type(a->type) && opt_one_type(b->type)) {
            r = emit_cmp(f, HIR_FCmp, (int)i->aux, as_f64(f, a), as_f64(f, b));
        }
    }
    return r ? own(f, emit1(f, HIR_BoxBool, r)) : NULL;
}

static HirIns *fold_unary(Fold *f, HirIns *i)
{
    HirIns *a = i->args[0];
    if (a->type == HIR_T_FLOAT && i->op == HIR_UnaryNeg) {
        return emit1(f, HIR_BoxFloat, emit1(f, HIR_FNeg, emit1(f, HIR_UnboxFloat, a)));
    }
    if (i->op == HIR_UnaryPos && (a->type == HIR_T_FLOAT || a->type == HIR_T_INT)) {
        return own(f, a); /* float_float, long_long: the object itself when exact */
    }
    if (a->type == HIR_T_INT && may_speculate(f) && i->op != HIR_UnaryPos) {
        HirOp op = i->op == HIR_UnaryNeg ? HIR_INeg : HIR_INot;
        return emit1(f, HIR_BoxInt, emit1(f, op, emit1(f, HIR_UnboxInt, a)));
    }
    return NULL;
}

static HirIns *length(Fold *f, HirIns *v)
{
    switch (v->type) {
    case HIR_T_LIST: return emit1(f, HIR_ListLen, v);
    case HIR_T_TUPLE: return emit1(f, HIR_TupleLen, v);
    case HIR_T_STR: return emit1(f, HIR_StrLen, v);
    case HIR_T_DICT: return emit1(f, HIR_DictLen, v);
    default: return NULL;
    }
}

static HirIns *fold_truthy(Fold *f, HirIns *i)
{
    HirIns *v = i->args[0], *n;
    switch (v->type) {
    case HIR_T_BOOL: return emit1(f, HIR_UnboxBool, v);
    case HIR_T_NONE: return bit(f, false);
    case HIR_T_FUNCTION:
    case HIR_T_METHOD:
    case HIR_T_CFUNCTION:
    case HIR_T_TYPE:
    case HIR_T_METHOD_DESCR:
    case HIR_T_CODE:
    case HIR_T_SLICE: return bit(f, true);
    case HIR_T_FLOAT: return emit_cmp(f, HIR_FCmp, Py_NE, emit1(f, HIR_UnboxFloat, v), f64(f, 0.0));
    case HIR_T_INT:
        if (hir_root(v)->op == HIR_BoxInt || hir_root(v)->op == HIR_Const || may_speculate(f)) {
            return emit_cmp(f, HIR_ICmp, Py_NE, emit1(f, HIR_UnboxInt, v), i64(f, 0));
        }
        return NULL;
    default: n = length(f, v); return n ? emit_cmp(f, HIR_ICmp, Py_NE, n, i64(f, 0)) : NULL;
    }
}

static HirIns *fold_len(Fold *f, HirIns *i)
{
    return length(f, i->args[0]);
}

static HirIns *fold_get_len(Fold *f, HirIns *i)
{
    HirIns *n = length(f, i->args[0]);
    return n ? emit1(f, HIR_BoxInt, n) : NULL;
}

static HirIns *fold_subscr(Fold *f, HirIns *i)
{
    HirIns *c = i->args[0], *k = i->args[1];
    HirOp op = c->type == HIR_T_LIST    ? HIR_ListItem
               : c->type == HIR_T_TUPLE ? HIR_TupleItem
                                        : HIR_NOPS;
    if (op == HIR_NOPS || !is_type(k, INTS) || !may_speculate(f)) {
        return NULL;
    }
    return own(f, emit2(f, op, c, emit1(f, HIR_UnboxInt, k)));
}

static HirIns *fold_str_of(Fold *f, HirIns *i)
{
    return i->args[0]->type == HIR_T_STR ? own(f, i->args[0]) : NULL;
}

static HirIns *fold_iter(Fold *f, HirIns *i)
{
    /* These are their own iterators. */
    return is_type(i->args[0], HIR_T_RANGE_ITER | HIR_T_LIST_ITER | HIR_T_TUPLE_ITER)
               ? own(f, i->args[0])
               : NULL;
}

/* --- control -------------------------------------------------------------------------------- */

static HirIns *fold_phi(Fold *f, HirIns *i)
{
    (void)f;
    HirIns *same = NULL;
    for (uint32_t k = 0; k < i->nargs; k++) {
        HirIns *a = hir_resolve(i->args[k]);
        if (a != i && a != same) {
            if (same) {
                return NULL;
            }
            same = a;
        }
    }
    return same;
}

static HirIns *fold_branch(Fold *f, HirIns *i)
{
    while (i->args[0]->op == HIR_BNot && i->block->succ[0] != i->block->succ[1]) {
        HirBlock *t = i->block->succ[0];
        i->block->succ[0] = i->block->succ[1];
        i->block->succ[1] = t;
        i->args[0] = i->args[0]->args[0];
    }
    if (i->args[0]->op == HIR_ConstBool) {
        hir_branch_to_jump(i, i->args[0]->imm.i ? 0 : 1);
        f->cfg = true;
    }
    return NULL;
}

static const FoldRule rules[HIR_NOPS] = {
    [HIR_Phi] = fold_phi,
    [HIR_FAdd] = fold_float,
    [HIR_FSub] = fold_float,
    [HIR_FMul] = fold_float,
    [HIR_FDiv] = fold_float,
    [HIR_FNeg] = fold_fneg,
    [HIR_FCmp] = fold_fcmp,
    [HIR_IAdd] = fold_int,
    [HIR_ISub] = fold_int,
    [HIR_IMul] = fold_int,
    [HIR_IAnd] = fold_bits,
    [HIR_IOr] = fold_bits,
    [HIR_IXor] = fold_bits,
    [HIR_ICmp] = fold_icmp,
    [HIR_I2F] = fold_i2f,
    [HIR_BNot] = fold_bnot,
    [HIR_Is] = fold_is,
    [HIR_IsNull] = fold_is_null,
    [HIR_IsType] = fold_is_type,
    [HIR_GuardType] = fold_guard_type,
    [HIR_Refine] = fold_guard_type,
    [HIR_GuardNotNull] = fold_guard_not_null,
    [HIR_GuardIs] = fold_guard_is,
    [HIR_GuardTrue] = fold_guard_cond,
    [HIR_GuardFalse] = fold_guard_cond,
    [HIR_TypeOf] = fold_type_of,
    [HIR_IsInstance] = fold_isinstance,
    [HIR_UnboxFloat] = fold_unbox_float,
    [HIR_UnboxInt] = fold_unbox_int,
    [HIR_UnboxBool] = fold_unbox_bool,
    [HIR_BoolToI] = fold_bool_to_i,
    [HIR_BoxBool] = fold_box_bool,
    [HIR_Incref] = fold_count,
    [HIR_Decref] = fold_count,
    [HIR_BinaryOp] = fold_binary_op,
    [HIR_CompareOp] = fold_compare_op,
    [HIR_UnaryNeg] = fold_unary,
    [HIR_UnaryPos] = fold_unary,
    [HIR_UnaryInvert] = fold_unary,
    [HIR_Truthy] = fold_truthy,
    [HIR_Len] = fold_len,
    [HIR_GetLen] = fold_get_len,
    [HIR_Subscr] = fold_subscr,
    [HIR_StrOf] = fold_str_of,
    [HIR_GetIter] = fold_iter,
    [HIR_Branch] = fold_branch,
};

void opt_fold(HirFunc *f)
{
    Fold fold = {.f = f};
    for (OPT_EACH_BLOCK(f, b)) {
        for (HirIns *i = b->first, *next; i; i = next) {
            next = i->next;
            for (uint32_t k = 0; k < i->nargs; k++) {
                i->args[k] = hir_resolve(i->args[k]);
            }
            FoldRule rule = rules[i->op];
            if (!rule || i->caught) { /* what takes its place would leave where it raises */
                continue;
            }
            fold.pos = i;
            HirIns *r = rule(&fold, i);
            if (r == &gone) {
                hir_remove(i);
            } else if (r) {
                hir_replace(i, r);
            }
        }
    }
    hir_cleanup_forwards(f);
    if (fold.cfg) {
        hir_analyze(f);
    }
}
