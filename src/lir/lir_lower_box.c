/* Lowering of boxing and unboxing.
 *
 * A box that does nothing but replace another one is not made at all in a loop: when the old object is
 * of the same type and the place that holds it has the only reference, the new value is written into
 * it.  Nobody can tell: CPython would free the old object and most likely get the same memory for the new
 * one, and what borrows from a home or a slot takes a reference of its own before that is overwritten.
 * Exits between the making of such a box and its store find the raw value and box it themselves. */
#include "lir_lower.h"

#include "py311_frame.h"
#include "rt.h"

/* Makes the float free list hold something: what PyFloat_FromDouble takes from malloc goes there when
 * it dies.  The machine code pops it right after.  Having no 24 bytes left is fatal: a box can be made where
 * CPython's bytecode has nothing that could raise. */
static PyObject *refill_floats(void)
{
    PyObject *v = PyFloat_FromDouble(0.0);
    if (!v) {
        Py_FatalError("out of memory for a float");
    }
    PyObject *address = v;
    Py_DECREF(v);
    return address;
}

static PyObject *make_int(int64_t v)
{
    PyObject *o = rt_box_int(v);
    if (!o) {
        Py_FatalError("out of memory for an int");
    }
    return o;
}

/* PyFloat_FromDouble with the free list inline. */
void lw_new_float(Lower *L, LirReg v, LirOpnd value)
{
    LirFunc *f = L->f;
    LirReg interp = lir_load(f, 8, lir_mem(LIR_TS, PY311_OFF_TS_INTERP));
    LirOpnd list = lir_mem(interp, PY311_OFF_INTERP_FLOAT_FREELIST);
    lir_ins(f, LIR_LOAD, 8, v, list, lir_none());
    lir_slow(f, LIR_TEST, 8, LIR_E, LIR_NOREG, lir_reg(v), lir_reg(v));
    lir_call(f, (const void *)refill_floats, v, NULL, 0, LIR_CHK_NONE, NULL);
    lir_slow_end(f);
    LirReg next = lir_load(f, 8, lir_mem(v, PY311_OFF_OBJ_TYPE));
    lir_rmw(f, LIR_SUBM, 4, lir_mem(interp, PY311_OFF_INTERP_FLOAT_NUMFREE), lir_imm(1));
    lir_store(f, 8, list, lir_reg(next));
    lir_store(f, 8, lir_mem(v, PY311_OFF_OBJ_REFCNT), lir_imm(1));
    lir_store(f, 8, lir_mem(v, PY311_OFF_OBJ_TYPE), lir_ptr(&PyFloat_Type));
    lir_store(f, 8, lir_mem(v, PY311_OFF_FLOAT_VALUE), value);
}

/* Small ints are those whose index is below this, unsigned. */
#define NSMALL (PY311_NSMALLNEG + PY311_NSMALLPOS)

static LirReg small_index(Lower *L, LirOpnd value)
{
    return lir_op2(L->f, LIR_ADD, value, lir_imm(PY311_NSMALLNEG));
}

/* v := the small int of an index, borrowed. */
static void small_int(Lower *L, LirReg v, LirReg index)
{
    LirReg offset = lir_op2(L->f, LIR_SHL, lir_reg(index), lir_imm(5));
    _Static_assert(PY311_OFF_LONG_SIZE == 1 << 5, "size of a small int");
    lir_ins(L->f, LIR_ADD, 8, v, lir_reg(offset), lir_ptr(py311_small_ints()));
}

/* The small-int cache inline, all others by a call. */
static void new_int(Lower *L, LirReg v, LirOpnd value)
{
    LirFunc *f = L->f;
    LirReg index = small_index(L, value);
    small_int(L, v, index);
    lir_slow(f, LIR_CMP, 8, LIR_AE, LIR_NOREG, lir_reg(index), lir_imm(NSMALL));
    lir_call(f, (const void *)make_int, v, &value, 1, LIR_CHK_NONE, NULL);
    /* The count that the fast path is about to add. */
    lir_rmw(f, LIR_SUBM, 8, lir_mem(v, PY311_OFF_OBJ_REFCNT), lir_imm(1));
    lir_slow_end(f);
    lir_rmw(f, LIR_ADDM, 8, lir_mem(v, PY311_OFF_OBJ_REFCNT), lir_imm(1));
}

LirReg lw_make_box(Lower *L, HirIns *box)
{
    LirOpnd value = lw_regop(L, box->args[0]);
    LirReg v = lir_vreg(L->f, LIR_GPR);
    if (box->op == HIR_BoxFloat) {
        lw_new_float(L, v, value);
    } else {
        new_int(L, v, value);
    }
    return v;
}

void lw_box_float(Lower *L, HirIns *i)
{
    lw_set(L, i, lw_make_box(L, i));
}

void lw_box_int(Lower *L, HirIns *i)
{
    lw_set(L, i, lw_make_box(L, i));
}

/* False + (True - False) * b. */
void lw_box_bool(Lower *L, HirIns *i)
{
    LirOpnd b = lw_opnd(L, i->args[0]);
    LirReg mask = lir_op1(L->f, LIR_NEG, b);
    intptr_t diff = (intptr_t)Py_True - (intptr_t)Py_False;
    LirReg part = lir_op2(L->f, LIR_AND, lir_reg(mask), lir_imm(diff));
    lw_set(L, i, lir_op2(L->f, LIR_ADD, lir_reg(part), lir_ptr(Py_False)));
}

void lw_unbox_float(Lower *L, HirIns *i)
{
    lw_set(L, i, lir_load_f64(L->f, lw_field(L, i->args[0], PY311_OFF_FLOAT_VALUE)));
}

/* ob_size is -1, 0 or 1 for most: size * digit is the value (a zero's digit does not matter).
 * Two digits are put together out of line; more leave. */
void lw_unbox_int(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    LirReg v = lw_reg(L, i->args[0]);
    LirExit *x = lw_resume(L, i);
    LirReg size = lir_load(f, 8, lir_mem(v, PY311_OFF_VAR_SIZE));
    LirReg digit = lir_load(f, 4, lir_mem(v, PY311_OFF_LONG_DIGITS));
    LirReg r = lir_op2(f, LIR_IMUL, lir_reg(size), lir_reg(digit));
    LirReg index = lir_op2(f, LIR_ADD, lir_reg(size), lir_imm(1));
    lir_slow(f, LIR_CMP, 8, LIR_A, LIR_NOREG, lir_reg(index), lir_imm(2));
    LirReg index2 = lir_op2(f, LIR_ADD, lir_reg(size), lir_imm(2));
    lir_guard(f, LIR_CMP, 8, LIR_A, lir_reg(index2), lir_imm(4), x);
    LirReg high = lir_load(f, 4, lir_mem(v, PY311_OFF_LONG_DIGITS + 4));
    high = lir_op2(f, LIR_SHL, lir_reg(high), lir_imm(PY311_OFF_LONG_SHIFT));
    LirReg abs = lir_op2(f, LIR_OR, lir_reg(high), lir_reg(digit));
    LirReg sign = lir_op2(f, LIR_SAR, lir_reg(size), lir_imm(63));
    LirReg flip = lir_op2(f, LIR_XOR, lir_reg(abs), lir_reg(sign));
    lir_ins(f, LIR_SUB, 8, r, lir_reg(flip), lir_reg(sign));
    lir_slow_end(f);
    lw_set(L, i, r);
}

/* --- boxes made where they are stored ------------------------------------------------------ */

HirIns *lw_stored_value(const HirIns *i)
{
    switch (i->op) {
    case HIR_StoreLocal: return i->args[0];
    case HIR_StoreInlineValue:
    case HIR_StoreSlot:
    case HIR_StoreCell: return i->args[1];
    case HIR_ListStore: return i->args[2];
    default: return NULL;
    }
}

HirIns *lw_stored_box(const Lower *L, const HirIns *i)
{
    HirIns *v = lw_stored_value(i);
    if (!v || (v->op != HIR_BoxFloat && v->op != HIR_BoxInt)) {
        return NULL;
    }
    /* Uses after the store find the object in its home; a second store (`z = y`) has to find the
     * same one, and not make its own. */
    const LwVal *x = &L->vals[v->id];
    bool alone = v->block == i->block && x->nops == 1 && x->nstores == 1;
    return alone && i->block->loop_depth > 0 ? v : NULL;
}

/* The general way: a new object, then the old one goes. */
static void replace(PyObject **slot, PyObject *v)
{
    PyObject *old = *slot;
    *slot = v;
    Py_XDECREF(old);
}

static void put_float(PyObject **slot, double v)
{
    PyObject *o = PyFloat_FromDouble(v);
    if (!o) {
        Py_FatalError("out of memory for a float");
    }
    replace(slot, o);
}

/* A value of two digits goes into an int that has as many and no other reference; one of one digit does so in line. */
static bool reuse_long(PyObject *old, int64_t v)
{
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    if (u >> PyLong_SHIFT == 0 || u >> 2 * PyLong_SHIFT != 0 || old == NULL ||
        !PyLong_CheckExact(old) || Py_REFCNT(old) != 1 || Py_ABS(Py_SIZE(old)) < 2) {
        return false;
    }
    PyLongObject *o = (PyLongObject *)old;
    o->ob_digit[0] = (digit)(u & PyLong_MASK);
    o->ob_digit[1] = (digit)(u >> PyLong_SHIFT);
    Py_SET_SIZE(o, v < 0 ? -2 : 2);
    return true;
}

static void put_int(PyObject **slot, int64_t v)
{
    if (!reuse_long(*slot, v)) {
        replace(slot, make_int(v));
    }
}

/* Leaves for `renew` unless `old` is an object of `type` to which only its place refers. */
static void unless_reusable(Lower *L, LirReg old, HirType t, HirType type, LirBlock *renew)
{
    LirOpnd o = lir_reg(old);
    if (t & HIR_T_NULL) {
        lw_unless(L, LIR_TEST, 8, LIR_E, o, o, renew);
    }
    if (t & ~(type | HIR_T_NULL)) {
        lw_unless(L, LIR_CMP, 8, LIR_NE, lir_mem(old, PY311_OFF_OBJ_TYPE),
                  lir_ptr(hir_pytype_of(type)), renew);
    }
    lw_unless(L, LIR_CMP, 8, LIR_NE, lir_mem(old, PY311_OFF_OBJ_REFCNT), lir_imm(1), renew);
}

/* A new value of one digit goes into an int of any size; the cached ones are never alone. */
static void reuse_int(Lower *L, LirReg old, LirOpnd value, LirBlock *renew)
{
    LirFunc *f = L->f;
    LirReg sign = lir_op2(f, LIR_SAR, value, lir_imm(63));
    LirReg flip = lir_op2(f, LIR_XOR, value, lir_reg(sign));
    LirReg digit = lir_op2(f, LIR_SUB, lir_reg(flip), lir_reg(sign));
    lw_unless(L, LIR_CMP, 8, LIR_AE, lir_reg(digit), lir_imm(INT64_C(1) << PY311_OFF_LONG_SHIFT),
              renew);
    LirReg size = lir_op2(f, LIR_OR, lir_reg(sign), lir_imm(1));
    lir_store(f, 8, lir_mem(old, PY311_OFF_VAR_SIZE), lir_reg(size));
    lir_store(f, 4, lir_mem(old, PY311_OFF_LONG_DIGITS), lir_reg(digit));
}

void lw_put_box(Lower *L, HirIns *i, LirOpnd slot, HirIns *box, LirReg old, HirType t)
{
    LirFunc *f = L->f;
    bool is_float = box->op == HIR_BoxFloat;
    HirType type = is_float ? HIR_T_FLOAT : HIR_T_INT;
    LirOpnd value = lw_regop(L, box->args[0]);
    if (!(t & type)) {
        lir_store(f, 8, slot, lir_reg(lw_make_box(L, box)));
        lw_drop(L, i, old, t);
        return;
    }
    LirBlock *renew = lw_block(L, true), *done = lw_block(L, false);
    if (!is_float) {
        LirReg index = small_index(L, value), v = lir_vreg(f, LIR_GPR);
        LirBlock *small = lw_block(L, false), *big = lw_block(L, false);
        lw_br(L, (LwCond){LIR_CMP, 8, LIR_B, lir_reg(index), lir_imm(NSMALL)}, lw_plain(small),
              lw_plain(big));
        lir_at(f, small);
        small_int(L, v, index);
        lir_rmw(f, LIR_ADDM, 8, lir_mem(v, PY311_OFF_OBJ_REFCNT), lir_imm(1));
        lir_store(f, 8, slot, lir_reg(v));
        lw_drop(L, i, old, t);
        lir_jmp(f, done);
        lir_at(f, big);
    }
    unless_reusable(L, old, t, type, renew);
    if (is_float) {
        lir_store(f, 8, lir_mem(old, PY311_OFF_FLOAT_VALUE), value);
    } else {
        reuse_int(L, old, value, renew);
    }
    lir_jmp(f, done);
    lir_at(f, renew);
    if (!hir_type_leaf(t)) {
        lw_prev_cold(L, i);
    }
    LirOpnd args[] = {lir_addr(slot), value};
    const void *fn = is_float ? (const void *)put_float : (const void *)put_int;
    lir_call(f, fn, LIR_NOREG, args, 2, LIR_CHK_NONE, NULL)->cflags |= LIR_CALL_PRESERVE;
    lir_jmp(f, done);
    lir_at(f, done);
}
