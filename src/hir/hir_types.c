/* HIR types: sets of exact Python types, and what the types of operands say about results.
 *
 * Only the exact builtin types have a bit: an object of such a type never changes it (`__class__`
 * can be assigned between heap types only), so a type fact, once known, never dies. */
#include <Python.h>

#include "hir.h"
#include "py311_opcodes.h" /* PY311_NB_* */
#include "rt.h"            /* RtMethod */

/* The exact type behind each bit; NULL and OTHER have none. Addresses of types of the interpreter
 * are not constants in an extension module, so this is a table of pointers filled on first use. */
static PyTypeObject *pytypes[HIR_NTYPES];

static void fill_pytypes(void)
{
    PyTypeObject **t = pytypes;
    t[HIR_TBIT_NONE] = Py_TYPE(Py_None);
    t[HIR_TBIT_BOOL] = &PyBool_Type;
    t[HIR_TBIT_FLOAT] = &PyFloat_Type;
    t[HIR_TBIT_STR] = &PyUnicode_Type;
    t[HIR_TBIT_BYTES] = &PyBytes_Type;
    t[HIR_TBIT_TUPLE] = &PyTuple_Type;
    t[HIR_TBIT_LIST] = &PyList_Type;
    t[HIR_TBIT_DICT] = &PyDict_Type;
    t[HIR_TBIT_SET] = &PySet_Type;
    t[HIR_TBIT_FROZENSET] = &PyFrozenSet_Type;
    t[HIR_TBIT_SLICE] = &PySlice_Type;
    t[HIR_TBIT_RANGE] = &PyRange_Type;
    t[HIR_TBIT_RANGE_ITER] = &PyRangeIter_Type;
    t[HIR_TBIT_LIST_ITER] = &PyListIter_Type;
    t[HIR_TBIT_TUPLE_ITER] = &PyTupleIter_Type;
    t[HIR_TBIT_FUNCTION] = &PyFunction_Type;
    t[HIR_TBIT_METHOD] = &PyMethod_Type;
    t[HIR_TBIT_CFUNCTION] = &PyCFunction_Type;
    t[HIR_TBIT_METHOD_DESCR] = &PyMethodDescr_Type;
    t[HIR_TBIT_TYPE] = &PyType_Type;
    t[HIR_TBIT_CELL] = &PyCell_Type;
    t[HIR_TBIT_MODULE] = &PyModule_Type;
    t[HIR_TBIT_CODE] = &PyCode_Type;
    t[HIR_TBIT_COMPLEX] = &PyComplex_Type;
    t[HIR_TBIT_INT] = &PyLong_Type; /* last: marks the table as filled */
}

static inline void need_pytypes(void)
{
    if (BASE_UNLIKELY(!pytypes[HIR_TBIT_INT])) {
        fill_pytypes();
    }
}

HirType hir_type_of_pytype(void *tp)
{
    need_pytypes();
    for (int b = 0; b < HIR_NTYPES; b++) {
        if (pytypes[b] == tp) {
            return 1u << b;
        }
    }
    return HIR_T_OTHER;
}

HirType hir_type_of_object(void *obj)
{
    return obj ? hir_type_of_pytype(Py_TYPE((PyObject *)obj)) : (HirType)HIR_T_NULL;
}

void *hir_pytype_of(HirType bit)
{
    need_pytypes();
    return bit && !(bit & (bit - 1)) ? pytypes[__builtin_ctz(bit)] : NULL;
}

static const char *const type_names[HIR_NTYPES] = {
#define TYPE_NAME(n) #n,
    HIR_TYPES(TYPE_NAME)
#undef TYPE_NAME
};

const char *hir_type_str(HirType t, StrBuf *sb)
{
    size_t start = sb->len;
    if ((t & HIR_T_ANY) == HIR_T_ANY) {
        sb_puts(sb, "ANY");
        t &= ~HIR_T_ANY;
    } else if (!t) {
        sb_puts(sb, "NOTHING");
    }
    for (int b = 0; b < HIR_NTYPES; b++) {
        if (t & (1u << b)) {
            if (sb->len > start) {
                sb_putc(sb, '|');
            }
            sb_puts(sb, type_names[b]);
        }
    }
    return sb_str(sb) + start;
}

/* --- result types ------------------------------------------------------------- */

#define NUM  (HIR_T_BOOL | HIR_T_INT | HIR_T_FLOAT | HIR_T_COMPLEX)
#define INTS (HIR_T_BOOL | HIR_T_INT)

static bool within(HirType t, HirType set)
{
    return t && !(t & ~set);
}

/* BINARY_OP's oparg without the in-place bit; builtin numbers and strings have no in-place slots. */
static uint32_t nb_base(uint32_t aux)
{
    return aux >= PY311_NB_INPLACE_ADD ? aux - PY311_NB_INPLACE_ADD : aux;
}

/* Rules for results, first match wins: both operand types within the sets, and `ops` has the bit
 * of the operation (BinaryOp) or is ALL_OPS. */
#define OPB(n)  (1u << (n))
#define ALL_OPS 0xffffffffu
typedef struct {
    uint16_t op;
    HirType a, b;
    uint32_t ops;
    HirType result;
} TypeRule;

static const TypeRule binary_rules[] = {
    /* bool & bool, bool | bool and bool ^ bool stay bool. */
    {HIR_BinaryOp, HIR_T_BOOL, HIR_T_BOOL, OPB(PY311_NB_AND) | OPB(PY311_NB_OR) | OPB(PY311_NB_XOR),
     HIR_T_BOOL},
    {HIR_BinaryOp, INTS, INTS, OPB(PY311_NB_AND) | OPB(PY311_NB_OR) | OPB(PY311_NB_XOR),
     HIR_T_INT}, /* one of them is no bool */
    {HIR_BinaryOp, INTS, INTS,
     OPB(PY311_NB_ADD) | OPB(PY311_NB_SUBTRACT) | OPB(PY311_NB_MULTIPLY) |
         OPB(PY311_NB_FLOOR_DIVIDE) | OPB(PY311_NB_REMAINDER) | OPB(PY311_NB_LSHIFT) |
         OPB(PY311_NB_RSHIFT),
     HIR_T_INT},
    {HIR_BinaryOp, INTS, INTS, OPB(PY311_NB_TRUE_DIVIDE), HIR_T_FLOAT},
    {HIR_BinaryOp, INTS, INTS, OPB(PY311_NB_POWER), HIR_T_INT | HIR_T_FLOAT},
    {HIR_BinaryOp, INTS | HIR_T_FLOAT, HIR_T_FLOAT,
     OPB(PY311_NB_ADD) | OPB(PY311_NB_SUBTRACT) | OPB(PY311_NB_MULTIPLY) |
         OPB(PY311_NB_TRUE_DIVIDE) | OPB(PY311_NB_FLOOR_DIVIDE) | OPB(PY311_NB_REMAINDER),
     HIR_T_FLOAT},
    {HIR_BinaryOp, HIR_T_FLOAT, INTS | HIR_T_FLOAT,
     OPB(PY311_NB_ADD) | OPB(PY311_NB_SUBTRACT) | OPB(PY311_NB_MULTIPLY) |
         OPB(PY311_NB_TRUE_DIVIDE) | OPB(PY311_NB_FLOOR_DIVIDE) | OPB(PY311_NB_REMAINDER),
     HIR_T_FLOAT},
    /* A negative number to a fractional power is complex. */
    {HIR_BinaryOp, INTS | HIR_T_FLOAT, HIR_T_FLOAT, OPB(PY311_NB_POWER),
     HIR_T_FLOAT | HIR_T_COMPLEX},
    {HIR_BinaryOp, HIR_T_FLOAT, INTS, OPB(PY311_NB_POWER), HIR_T_FLOAT | HIR_T_COMPLEX},
    {HIR_BinaryOp, HIR_T_STR, HIR_T_STR, OPB(PY311_NB_ADD), HIR_T_STR},
    {HIR_BinaryOp, HIR_T_STR, INTS, OPB(PY311_NB_MULTIPLY), HIR_T_STR},
    {HIR_BinaryOp, INTS, HIR_T_STR, OPB(PY311_NB_MULTIPLY), HIR_T_STR},
    {HIR_BinaryOp, HIR_T_BYTES, HIR_T_BYTES, OPB(PY311_NB_ADD), HIR_T_BYTES},
    {HIR_BinaryOp, HIR_T_TUPLE, HIR_T_TUPLE, OPB(PY311_NB_ADD), HIR_T_TUPLE},
    {HIR_BinaryOp, HIR_T_TUPLE, INTS, OPB(PY311_NB_MULTIPLY), HIR_T_TUPLE},
    {HIR_BinaryOp, HIR_T_LIST, HIR_T_LIST, OPB(PY311_NB_ADD), HIR_T_LIST},
    {HIR_BinaryOp, HIR_T_LIST, INTS, OPB(PY311_NB_MULTIPLY), HIR_T_LIST},
    {HIR_CompareOp, NUM & ~(HirType)HIR_T_COMPLEX, NUM & ~(HirType)HIR_T_COMPLEX, ALL_OPS,
     HIR_T_BOOL},
    {HIR_CompareOp, HIR_T_STR, HIR_T_STR, ALL_OPS, HIR_T_BOOL},
    {HIR_CompareOp, HIR_T_BYTES, HIR_T_BYTES, ALL_OPS, HIR_T_BOOL},
    {HIR_CompareOp, HIR_T_NONE, HIR_T_ANY & ~(HirType)HIR_T_OTHER, ALL_OPS, HIR_T_BOOL},
    {HIR_CompareOp, HIR_T_ANY & ~(HirType)HIR_T_OTHER, HIR_T_NONE, ALL_OPS, HIR_T_BOOL},
    {HIR_Subscr, HIR_T_STR, HIR_T_ANY, ALL_OPS, HIR_T_STR},
    {HIR_Subscr, HIR_T_BYTES, INTS, ALL_OPS, HIR_T_INT},
    {HIR_Subscr, HIR_T_BYTES, HIR_T_SLICE, ALL_OPS, HIR_T_BYTES},
    {HIR_Subscr, HIR_T_LIST, HIR_T_SLICE, ALL_OPS, HIR_T_LIST},
    {HIR_Subscr, HIR_T_TUPLE, HIR_T_SLICE, ALL_OPS, HIR_T_TUPLE},
};

static const TypeRule unary_rules[] = {
    {HIR_UnaryNeg, INTS, 0, 0, HIR_T_INT},
    {HIR_UnaryPos, INTS, 0, 0, HIR_T_INT},
    {HIR_UnaryInvert, INTS, 0, 0, HIR_T_INT},
    {HIR_UnaryNeg, HIR_T_FLOAT, 0, 0, HIR_T_FLOAT},
    {HIR_UnaryPos, HIR_T_FLOAT, 0, 0, HIR_T_FLOAT},
    {HIR_GetIter, HIR_T_LIST, 0, 0, HIR_T_LIST_ITER},
    {HIR_GetIter, HIR_T_TUPLE, 0, 0, HIR_T_TUPLE_ITER},
    {HIR_GetIter, HIR_T_RANGE_ITER, 0, 0, HIR_T_RANGE_ITER},
    {HIR_GetIter, HIR_T_LIST_ITER, 0, 0, HIR_T_LIST_ITER},
    {HIR_GetIter, HIR_T_TUPLE_ITER, 0, 0, HIR_T_TUPLE_ITER},
    /* iter(range) is a longrange_iterator, an OTHER, when the numbers are big. */
    {HIR_GetIter, HIR_T_RANGE, 0, 0, HIR_T_RANGE_ITER | HIR_T_OTHER},
    {HIR_IterNext, HIR_T_RANGE_ITER, 0, 0, HIR_T_INT | HIR_T_NULL},
    {HIR_StrOf, HIR_T_LEAF &HIR_T_ANY, 0, 0, HIR_T_STR},
    /* type(exact builtin) is an instance of exactly `type`. */
    {HIR_TypeOf, HIR_T_ANY & ~(HirType)HIR_T_OTHER, 0, 0, HIR_T_TYPE},
};

/* Result of a binary operation on operands of one type each; `table` when no rule knows. */
static HirType binary_result(const HirIns *i, HirType a, HirType b, HirType table)
{
    uint32_t bit = ALL_OPS;
    if (i->op == HIR_BinaryOp) {
        bit = OPB(nb_base(i->aux));
    }
    for (size_t k = 0; k < BASE_COUNT(binary_rules); k++) {
        const TypeRule *r = &binary_rules[k];
        if (r->op == i->op && (r->ops & bit) && within(a, r->a) && within(b, r->b)) {
            return r->result;
        }
    }
    return table;
}

/* The same for sets of types: the union over all pairs, while there are few. */
static HirType binary_union(const HirIns *i, HirType table)
{
    HirType a = i->args[0]->type, b = i->args[1]->type;
    if (__builtin_popcount(a) * __builtin_popcount(b) > 9) {
        return table;
    }
    HirType result = 0;
    for (HirType x = a; x; x &= x - 1) {
        for (HirType y = b; y; y &= y - 1) {
            result |= binary_result(i, x & -x, y & -y, table);
        }
    }
    return result ? result : table;
}

static HirType infer(const HirIns *i)
{
    HirType table = hir_op_info[i->op].type;
    switch (i->op) {
    case HIR_Phi: {
        HirType t = 0;
        for (uint32_t k = 0; k < i->nargs; k++) {
            t |= i->args[k] ? i->args[k]->type : table | HIR_T_NULL;
        }
        return t;
    }
    case HIR_Const: /* what is borrowed may be gone */
        return i->aux == HIR_CONST_BORROWED ? i->type : hir_type_of_object(i->imm.p);
    case HIR_GuardType:
    case HIR_Refine:
        /* A guard that cannot hold always exits; behind it any type is as good as another. */
        return i->aux & i->args[0]->type ? i->aux & i->args[0]->type : i->aux;
    case HIR_GuardIs: return hir_type_of_object(i->imm.p);
    case HIR_GuardTypePtr: return hir_type_of_pytype(i->imm.p);
    case HIR_GuardTypeVer:
        if (i->imm.p) {
            return hir_type_of_pytype(i->imm.p);
        }
        return i->args[0]->type & HIR_T_ANY;
    case HIR_GuardFuncCode:
    case HIR_GuardFuncDefaults: return HIR_T_FUNCTION;
    case HIR_GuardNotNull:
    case HIR_GuardPairs:
    case HIR_GuardTypeIn:
    case HIR_GuardKeysVer:
    case HIR_GuardNoDict:
    case HIR_GuardDictKeys:
    case HIR_GuardClassVer: return i->args[0]->type & HIR_T_ANY;
    case HIR_BinaryOp:
    case HIR_CompareOp:
    case HIR_Subscr: return binary_union(i, table);
    case HIR_MinMax: {
        HirType t = 0;
        for (uint32_t k = 0; k < i->nargs; k++) {
            t |= i->args[k]->type;
        }
        return t & HIR_T_ANY;
    }
    case HIR_CallMethodO:
        switch (i->aux) {
        case RT_METHOD_startswith:
        case RT_METHOD_endswith: return HIR_T_BOOL;
        case RT_METHOD_update: return HIR_T_NONE;
        default: return HIR_T_INT;
        }
    case HIR_GetSlice:
    case HIR_GetSteps:
        return within(i->args[0]->type, HIR_T_STR | HIR_T_BYTES | HIR_T_LIST | HIR_T_TUPLE)
                   ? i->args[0]->type
                   : table;
    default:
        if (i->nargs == 1 && i->args[0]) {
            for (size_t k = 0; k < BASE_COUNT(unary_rules); k++) {
                if (unary_rules[k].op == i->op && within(i->args[0]->type, unary_rules[k].a)) {
                    return unary_rules[k].result;
                }
            }
        }
        return table;
    }
}

HirType hir_type_infer(const HirIns *i)
{
    if (i->rep != HIR_OBJ) {
        return 0;
    }
    return i->caught ? infer(i) | HIR_T_NULL : infer(i);
}
