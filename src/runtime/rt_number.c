/* Arithmetic, comparison, truth and membership.
 *
 * Each helper does what the PyNumber_* or PyObject_* function behind the bytecode does, with the
 * exact-type cases that interpreter-bound code lives on taken first: float with float, one-digit
 * int with one-digit int, str with str.  The float formulas are those of Objects/floatobject.c. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "py311_opcodes.h"
#include "rt_internal.h"

double rt_float_mod(double a, double b)
{
    /* float_rem: the result takes the divisor's sign, zeros included. */
    double mod = fmod(a, b);
    if (mod != 0.0) {
        if ((b < 0) != (mod < 0))
            mod += b;
    } else {
        mod = copysign(0.0, b);
    }
    return mod;
}

double rt_float_floordiv(double a, double b)
{
    /* _float_div_mod: a - mod is only nearly a multiple of b, so the quotient is snapped. */
    double mod = fmod(a, b);
    double div = (a - mod) / b;
    if (mod != 0.0 && (b < 0) != (mod < 0))
        div -= 1.0;
    if (div == 0.0)
        return copysign(0.0, a / b);
    double floordiv = floor(div);
    if (div - floordiv > 0.5)
        floordiv += 1.0;
    return floordiv;
}

int rt_float_pow(double a, double b, double *result)
{
    if (!isfinite(a) || !isfinite(b))
        return 0;
    if (b == 0) { /* also 0.0 ** 0.0 */
        *result = 1.0;
        return 1;
    }
    if (a == 0.0)
        return 0; /* may be ZeroDivisionError, and signs of zero: rare */
    if (a < 0 && b != floor(b))
        return 0; /* complex result */
    /* A negative base is negated and the sign put back for odd exponents, as float_pow does. */
    double base = fabs(a);
    double r = 1.0;
    if (base != 1.0) {
        errno = 0;
        r = pow(base, b);
        if (!isfinite(r) || (errno != 0 && r != 0.0))
            return 0; /* OverflowError or whatever libm says */
    }
    *result = a < 0 && fmod(fabs(b), 2.0) == 1.0 ? -r : r;
    return 1;
}

PyObject *rt_box_float(double v)
{
    return PyFloat_FromDouble(v);
}

static PyObject *power(PyObject *a, PyObject *b)
{
    return PyNumber_Power(a, b, Py_None);
}

static PyObject *inplace_power(PyObject *a, PyObject *b)
{
    return PyNumber_InPlacePower(a, b, Py_None);
}

/* binary_ops of ceval.c. */
static const binaryfunc binary_ops[] = {
    [PY311_NB_ADD] = PyNumber_Add,
    [PY311_NB_AND] = PyNumber_And,
    [PY311_NB_FLOOR_DIVIDE] = PyNumber_FloorDivide,
    [PY311_NB_LSHIFT] = PyNumber_Lshift,
    [PY311_NB_MATRIX_MULTIPLY] = PyNumber_MatrixMultiply,
    [PY311_NB_MULTIPLY] = PyNumber_Multiply,
    [PY311_NB_REMAINDER] = PyNumber_Remainder,
    [PY311_NB_OR] = PyNumber_Or,
    [PY311_NB_POWER] = power,
    [PY311_NB_RSHIFT] = PyNumber_Rshift,
    [PY311_NB_SUBTRACT] = PyNumber_Subtract,
    [PY311_NB_TRUE_DIVIDE] = PyNumber_TrueDivide,
    [PY311_NB_XOR] = PyNumber_Xor,
    [PY311_NB_INPLACE_ADD] = PyNumber_InPlaceAdd,
    [PY311_NB_INPLACE_AND] = PyNumber_InPlaceAnd,
    [PY311_NB_INPLACE_FLOOR_DIVIDE] = PyNumber_InPlaceFloorDivide,
    [PY311_NB_INPLACE_LSHIFT] = PyNumber_InPlaceLshift,
    [PY311_NB_INPLACE_MATRIX_MULTIPLY] = PyNumber_InPlaceMatrixMultiply,
    [PY311_NB_INPLACE_MULTIPLY] = PyNumber_InPlaceMultiply,
    [PY311_NB_INPLACE_REMAINDER] = PyNumber_InPlaceRemainder,
    [PY311_NB_INPLACE_OR] = PyNumber_InPlaceOr,
    [PY311_NB_INPLACE_POWER] = inplace_power,
    [PY311_NB_INPLACE_RSHIFT] = PyNumber_InPlaceRshift,
    [PY311_NB_INPLACE_SUBTRACT] = PyNumber_InPlaceSubtract,
    [PY311_NB_INPLACE_TRUE_DIVIDE] = PyNumber_InPlaceTrueDivide,
    [PY311_NB_INPLACE_XOR] = PyNumber_InPlaceXor,
};

/* Two floats, or a float and a one-digit int in either order; false: not for us. */
static inline bool float_pair(PyObject *a, PyObject *b, double *x, double *y)
{
    int64_t v;
    if (PyFloat_CheckExact(a))
        *x = PyFloat_AS_DOUBLE(a);
    else if (PyLong_CheckExact(a) && rt_long_small(a, &v))
        *x = (double)v;
    else
        return false;
    if (PyFloat_CheckExact(b))
        *y = PyFloat_AS_DOUBLE(b);
    else if (PyLong_CheckExact(b) && rt_long_small(b, &v))
        *y = (double)v;
    else
        return false;
    return true;
}

static PyObject *float_binary(double x, double y, int op)
{
    switch (op) {
    case PY311_NB_ADD:
    case PY311_NB_INPLACE_ADD: return PyFloat_FromDouble(x + y);
    case PY311_NB_SUBTRACT:
    case PY311_NB_INPLACE_SUBTRACT: return PyFloat_FromDouble(x - y);
    case PY311_NB_MULTIPLY:
    case PY311_NB_INPLACE_MULTIPLY: return PyFloat_FromDouble(x * y);
    case PY311_NB_TRUE_DIVIDE:
    case PY311_NB_INPLACE_TRUE_DIVIDE: return y != 0.0 ? PyFloat_FromDouble(x / y) : NULL;
    case PY311_NB_REMAINDER:
    case PY311_NB_INPLACE_REMAINDER:
        return y != 0.0 ? PyFloat_FromDouble(rt_float_mod(x, y)) : NULL;
    case PY311_NB_FLOOR_DIVIDE:
    case PY311_NB_INPLACE_FLOOR_DIVIDE:
        return y != 0.0 ? PyFloat_FromDouble(rt_float_floordiv(x, y)) : NULL;
    default: return NULL;
    }
}

/* One-digit ints: |x|, |y| < 2**30, so that sums and products fit an int64. */
static PyObject *small_binary(int64_t x, int64_t y, int op)
{
    switch (op) {
    case PY311_NB_ADD:
    case PY311_NB_INPLACE_ADD: return rt_box_int(x + y);
    case PY311_NB_SUBTRACT:
    case PY311_NB_INPLACE_SUBTRACT: return rt_box_int(x - y);
    case PY311_NB_MULTIPLY:
    case PY311_NB_INPLACE_MULTIPLY: return rt_box_int(x * y);
    case PY311_NB_AND:
    case PY311_NB_INPLACE_AND: return rt_box_int(x & y);
    case PY311_NB_OR:
    case PY311_NB_INPLACE_OR: return rt_box_int(x | y);
    case PY311_NB_XOR:
    case PY311_NB_INPLACE_XOR: return rt_box_int(x ^ y);
    case PY311_NB_RSHIFT:
    case PY311_NB_INPLACE_RSHIFT: return y >= 0 ? rt_box_int(x >> (y < 63 ? y : 63)) : NULL;
    case PY311_NB_LSHIFT:
    case PY311_NB_INPLACE_LSHIFT: return y >= 0 && y <= 32 ? rt_box_int(x << y) : NULL;
    case PY311_NB_TRUE_DIVIDE:
    case PY311_NB_INPLACE_TRUE_DIVIDE:
        return y != 0 ? PyFloat_FromDouble((double)x / (double)y) : NULL;
    case PY311_NB_FLOOR_DIVIDE:
    case PY311_NB_INPLACE_FLOOR_DIVIDE:
        if (y == 0)
            return NULL;
        return rt_box_int(x / y - ((x % y != 0) & ((x < 0) != (y < 0))));
    case PY311_NB_REMAINDER:
    case PY311_NB_INPLACE_REMAINDER: {
        if (y == 0)
            return NULL;
        int64_t r = x % y;
        return rt_box_int(r != 0 && (r < 0) != (y < 0) ? r + y : r);
    }
    default: return NULL;
    }
}

PyObject *rt_binary_op(PyObject *a, PyObject *b, int op)
{
    PyTypeObject *ta = Py_TYPE(a), *tb = Py_TYPE(b);
    PyObject *res = NULL;
    if (ta == &PyLong_Type && tb == &PyLong_Type) {
        int64_t x, y;
        if (BASE_LIKELY(rt_long_small(a, &x) && rt_long_small(b, &y)))
            res = small_binary(x, y, op);
    } else if (ta == &PyFloat_Type || tb == &PyFloat_Type) {
        double x, y;
        if (float_pair(a, b, &x, &y))
            res = float_binary(x, y, op);
    } else if (ta == &PyUnicode_Type && tb == &PyUnicode_Type &&
               (op == PY311_NB_ADD || op == PY311_NB_INPLACE_ADD)) {
        return PyUnicode_Concat(a, b);
    } else {
        return binary_ops[op](a, b);
    }
    if (BASE_LIKELY(res != NULL))
        return res;
    if (BASE_UNLIKELY(PyErr_Occurred() != NULL))
        return NULL; /* a fast case ran out of memory */
    return binary_ops[op](a, b);
}

PyObject *rt_long_binary(PyObject *a, PyObject *b, int op)
{
    int64_t x, y;
    if (BASE_LIKELY(rt_long_small(a, &x) && rt_long_small(b, &y))) {
        switch (op) {
        case PY311_NB_ADD: return rt_box_int(x + y);
        case PY311_NB_SUBTRACT: return rt_box_int(x - y);
        case PY311_NB_MULTIPLY: return rt_box_int(x * y);
        default: break;
        }
    }
    PyNumberMethods *nb = PyLong_Type.tp_as_number;
    switch (op) {
    case PY311_NB_ADD: return nb->nb_add(a, b);
    case PY311_NB_SUBTRACT: return nb->nb_subtract(a, b);
    case PY311_NB_MULTIPLY: return nb->nb_multiply(a, b);
    default: return binary_ops[op](a, b);
    }
}

PyObject *rt_str_append_local(RtFrame *frame, PyObject *a, PyObject *b, int local)
{
    PyObject **home = &py311_frame(frame)->localsplus[local];
    PyObject *old = *home;
    if (BASE_UNLIKELY(old != a || a == b)) {
        /* Not the string in the home, or `s += s` with one reference to s: appending in place
         * would read the right operand from the memory that realloc moved. */
        PyObject *res = PyUnicode_Concat(a, b);
        *home = NULL;
        Py_XDECREF(old);
        return res;
    }
    /* Extends in place when the home holds the only reference (unicode_modifiable); sets the
     * home to NULL on failure. */
    PyUnicode_Append(home, b);
    PyObject *res = *home;
    *home = NULL;
    return res;
}

int rt_truthy(PyObject *v)
{
    if (v == Py_True)
        return 1;
    if (v == Py_False || v == Py_None)
        return 0;
    PyTypeObject *tp = Py_TYPE(v);
    if (tp == &PyUnicode_Type && PyUnicode_IS_READY(v))
        return PyUnicode_GET_LENGTH(v) != 0;
    if (tp == &PyLong_Type || tp == &PyList_Type || tp == &PyTuple_Type || tp == &PyBytes_Type)
        return Py_SIZE(v) != 0;
    if (tp == &PyDict_Type)
        return PyDict_GET_SIZE(v) != 0;
    return PyObject_IsTrue(v);
}

/* Result of comparing values whose order `sign` gives (-1, 0, 1). */
static inline bool order_holds(int sign, int op)
{
    switch (op) {
    case Py_LT: return sign < 0;
    case Py_LE: return sign <= 0;
    case Py_EQ: return sign == 0;
    case Py_NE: return sign != 0;
    case Py_GT: return sign > 0;
    default: return sign >= 0;
    }
}

static inline bool float_holds(double x, double y, int op)
{
    switch (op) {
    case Py_LT: return x < y;
    case Py_LE: return x <= y;
    case Py_EQ: return x == y;
    case Py_NE: return x != y;
    case Py_GT: return x > y;
    default: return x >= y;
    }
}

PyObject *rt_compare_op(PyObject *a, PyObject *b, int op)
{
    PyTypeObject *ta = Py_TYPE(a), *tb = Py_TYPE(b);
    if (ta == tb) {
        if (ta == &PyLong_Type) {
            int64_t x, y;
            if (rt_long_small(a, &x) && rt_long_small(b, &y))
                return Py_NewRef(order_holds((x > y) - (x < y), op) ? Py_True : Py_False);
            return PyLong_Type.tp_richcompare(a, b, op);
        }
        if (ta == &PyUnicode_Type)
            return PyUnicode_RichCompare(a, b, op);
        if (ta == &PyFloat_Type)
            return Py_NewRef(
                float_holds(PyFloat_AS_DOUBLE(a), PyFloat_AS_DOUBLE(b), op) ? Py_True : Py_False);
    } else if (ta == &PyFloat_Type || tb == &PyFloat_Type) {
        double x, y;
        if (float_pair(a, b, &x, &y))
            return Py_NewRef(float_holds(x, y, op) ? Py_True : Py_False);
    }
    return PyObject_RichCompare(a, b, op);
}

/* Is b less (greater) than a? -1: only CPython can tell. */
static int replaces(PyObject *a, PyObject *b, int greater)
{
    int64_t x, y;
    double u, v;
    if (PyLong_CheckExact(a) && PyLong_CheckExact(b) && rt_long_small(a, &x) &&
        rt_long_small(b, &y))
        return greater ? y > x : y < x;
    if ((PyFloat_CheckExact(a) || PyFloat_CheckExact(b)) && float_pair(a, b, &u, &v))
        return greater ? v > u : v < u;
    return -1;
}

PyObject *rt_min_max(PyThreadState *ts, PyObject *const *args, int n, void *callable, int greater)
{
    PyObject *best = args[0];
    for (int i = 1; i < n; i++) {
        int other = replaces(best, args[i], greater);
        if (other < 0)
            return rt_vectorcall(ts, callable, args, (size_t)n, NULL);
        best = other ? args[i] : best;
    }
    return Py_NewRef(best);
}

int rt_str_eq(PyObject *a, PyObject *b)
{
    if (a == b)
        return 1;
    if (BASE_UNLIKELY(!PyUnicode_IS_READY(a)) || BASE_UNLIKELY(!PyUnicode_IS_READY(b)))
        return PyUnicode_Compare(a, b) ==
               0; /* legacy ones, made by PyUnicode_FromUnicode(NULL, n) */
    Py_ssize_t n = PyUnicode_GET_LENGTH(a);
    if (PyUnicode_GET_LENGTH(b) != n || PyUnicode_KIND(a) != PyUnicode_KIND(b))
        return 0;
    const char *p = PyUnicode_DATA(a), *q = PyUnicode_DATA(b);
    /* The first byte says most; an empty str has a zero there. */
    return *p == *q && memcmp(p, q, (size_t)n * PyUnicode_KIND(a)) == 0;
}

/* Whether an exact str or int is in an exact list or tuple, as list_contains and tuplecontains find out: each item that
 * is not the same object is compared. The list may change whenever that runs code. */
static int contains_plain(PyObject *v, PyObject *container)
{
    PyTypeObject *type = Py_TYPE(v);
    bool list = PyList_CheckExact(container), text = type == &PyUnicode_Type;
    int64_t x = 0, y;
    bool small = !text && rt_long_small(v, &x);
    for (Py_ssize_t i = 0; i < Py_SIZE(container); i++) {
        PyObject *item = list ? PyList_GET_ITEM(container, i) : PyTuple_GET_ITEM(container, i);
        int equal;
        if (item == v)
            return 1;
        if (Py_TYPE(item) == type && text) {
            equal = rt_str_eq(item, v);
        } else if (Py_TYPE(item) == type && small && rt_long_small(item, &y)) {
            equal = x == y;
        } else {
            Py_INCREF(item);
            equal = PyObject_RichCompareBool(item, v, Py_EQ);
            Py_DECREF(item);
        }
        if (equal != 0)
            return equal;
    }
    return 0;
}

int rt_contains(PyObject *v, PyObject *container)
{
    PyTypeObject *tp = Py_TYPE(container);
    if (tp == &PyDict_Type)
        return rt_dict_contains(container, v);
    if ((tp == &PyList_Type || tp == &PyTuple_Type) &&
        (PyUnicode_CheckExact(v) || PyLong_CheckExact(v)))
        return contains_plain(v, container);
    /* What set_contains adds is for keys that cannot be hashed. */
    if ((tp == &PyFrozenSet_Type || tp == &PySet_Type) &&
        (PyUnicode_CheckExact(v) || PyLong_CheckExact(v)))
        return PySet_Contains(container, v);
    return PySequence_Contains(container, v);
}
