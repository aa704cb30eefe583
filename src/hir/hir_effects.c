/* HIR effects: the op table refined by the types of operands, and who consumes references.
 *
 * Operations on exact builtin types run C code only, so the generic ops lose ARB (and some become
 * pure) once types are known. An op keeps ARB when it allocates an object that the collector
 * tracks, since in 3.11 a collection, and so any finaliser, runs inside the allocation. */
#include <Python.h>

#include "hir.h"
#include "rt.h"

/* Types whose binary, comparison and unary slots run no Python code for any operand among them. */
#define CLOSED \
    (HIR_T_NONE | HIR_T_BOOL | HIR_T_INT | HIR_T_FLOAT | HIR_T_STR | HIR_T_BYTES | HIR_T_COMPLEX)
#define SIZED \
    (HIR_T_STR | HIR_T_BYTES | HIR_T_TUPLE | HIR_T_LIST | HIR_T_DICT | HIR_T_SET | HIR_T_FROZENSET)
/* bool(v) of these calls a slot of the type itself or is always true. */
#define TRUTHY                                                                        \
    (CLOSED | SIZED | HIR_T_SLICE | HIR_T_FUNCTION | HIR_T_METHOD | HIR_T_CFUNCTION | \
     HIR_T_METHOD_DESCR | HIR_T_TYPE | HIR_T_CELL | HIR_T_CODE | HIR_T_RANGE_ITER |   \
     HIR_T_LIST_ITER | HIR_T_TUPLE_ITER | HIR_T_MODULE)
#define NOT_OTHER (HIR_T_ANY & ~(HirType)HIR_T_OTHER)

#define BOUND \
    (HIR_T_INT | HIR_T_BOOL | HIR_T_NONE) /* of a slice, whose __index__ runs no Python code */

/* When every operand's type is within its set, `drop` goes and `add` comes. */
typedef struct {
    HirType t[3];
    uint32_t drop, add;
} EffectRule;

#define ARB   HIR_F_ARB
#define RAISE HIR_F_RAISE
#define PR    (HIR_F_PURE | HIR_F_READ)
static const EffectRule rules[HIR_NOPS] = {
    /* all zero: no rule */
    [HIR_BinaryOp] = {{CLOSED, CLOSED}, ARB, 0},
    [HIR_CompareOp] = {{CLOSED, CLOSED}, ARB, 0},
    [HIR_UnaryNeg] = {{CLOSED}, ARB, 0},
    [HIR_UnaryPos] = {{CLOSED}, ARB, 0},
    [HIR_UnaryInvert] = {{CLOSED}, ARB, 0},
    [HIR_Truthy] = {{TRUTHY}, ARB | RAISE, PR},
    [HIR_Len] = {{SIZED}, ARB | RAISE, PR},
    [HIR_GetLen] = {{SIZED}, ARB, 0},
    [HIR_Contains] = {{HIR_T_STR, HIR_T_STR}, ARB, 0},
    [HIR_Subscr] = {{HIR_T_STR | HIR_T_BYTES | HIR_T_TUPLE | HIR_T_LIST, HIR_T_INT | HIR_T_BOOL},
                    ARB,
                    0},
    [HIR_GetSlice] = {{HIR_T_STR | HIR_T_BYTES, BOUND, BOUND}, ARB, 0},
    [HIR_MinMax] = {{CLOSED, CLOSED}, ARB, 0},
    [HIR_CallMethodO] = {{HIR_T_STR, HIR_T_STR}, ARB, 0},
    [HIR_StrOf] = {{CLOSED}, ARB, 0},
    [HIR_FormatValue] = {{CLOSED, HIR_T_NULL | HIR_T_STR}, ARB, 0},
    /* isinstance() asks the class's metaclass, then the object's __class__. */
    [HIR_IsInstance] = {{NOT_OTHER, HIR_T_TYPE}, ARB, 0},
    /* range iterators are not tracked by the collector. */
    [HIR_GetIter] = {{HIR_T_RANGE | HIR_T_RANGE_ITER | HIR_T_LIST_ITER | HIR_T_TUPLE_ITER}, ARB, 0},
    [HIR_IterNext] = {{HIR_T_RANGE_ITER}, ARB, 0},
};
#undef RAISE
#undef ARB

static bool leaf_arg(const HirIns *i, uint32_t k)
{
    return k < i->nargs && i->args[k] && hir_type_leaf(i->args[k]->type);
}

/* A type mask of which 0 says that nothing is known. */
static bool known_leaf(int64_t t)
{
    return t == HIR_OLD_SHARED || (t != 0 && hir_type_leaf((HirType)t));
}

uint32_t hir_flags(const HirIns *i)
{
    uint32_t f = hir_op_info[i->op].flags;
    if (!(f & HIR_F_ARB)) {
        return f;
    }
    switch (i->op) {
    case HIR_StoreLocal: return leaf_arg(i, 1) ? f & ~(uint32_t)HIR_F_ARB : f;
    case HIR_Decref: return leaf_arg(i, 0) ? f & ~(uint32_t)HIR_F_ARB : f;
    case HIR_ListIterMore:
    case HIR_TupleIterMore:
        return i->aux & HIR_ITER_KEEPS ? f & ~(uint32_t)(HIR_F_ARB | HIR_F_WRITE) : f;
    case HIR_StoreInlineValue:
    case HIR_StoreSlot:
    case HIR_StoreCell:
        /* They drop an old value that may be anything, unless the builder guarded its type. */
        return known_leaf(i->imm.i) ? f & ~(uint32_t)HIR_F_ARB : f;
    case HIR_ListStore: return known_leaf(i->aux) ? f & ~(uint32_t)HIR_F_ARB : f;
    default: break;
    }
    const EffectRule *rule = &rules[i->op];
    if (rule->drop == 0) {
        return f;
    }
    uint32_t k = 0;
    for (; k < i->nargs && k < 3; k++) {
        HirType t = i->args[k] ? i->args[k]->type : HIR_T_ANY;
        if (t & ~rule->t[k]) {
            break;
        }
    }
    return k == i->nargs ? (f & ~rule->drop) | rule->add : f;
}

bool hir_consumes(const HirIns *i, uint32_t k)
{
    const char *s = hir_sigs[i->op].operands;
    if (!s || !(hir_op_info[i->op].flags & (HIR_F_STEAL | HIR_F_WRITE | HIR_F_TERM))) {
        return false;
    }
    if (i->op == HIR_CallVector) {
        return rt_owned((int32_t)i->aux, k);
    }
    bool consumed = false;
    for (uint32_t n = 0; *s; n++) {
        if (*s == '=') {
            s++;
        }
        if (*s == '*') {
            return consumed; /* like the letter before */
        }
        s++;
        consumed = *s == '!';
        if (consumed) {
            s++;
        }
        if (n == k) {
            return consumed;
        }
    }
    return false;
}
