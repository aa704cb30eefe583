/* Lowering of guards: compare and leave.  A guard's result is its operand, so nothing is defined. */
#include "lir_lower.h"

#include "rt.h"

static bool may_be_null(const HirIns *v)
{
    return (v->type & HIR_T_NULL) != 0;
}

static void guard_not_null(Lower *L, LirOpnd v, LirExit *x)
{
    lir_guard(L->f, LIR_TEST, 8, LIR_E, v, v, x);
}

void lw_guard_version(Lower *L, LirReg base, int32_t field, uint32_t version, LirExit *x)
{
    if (version == 0) {
        lir_guard(L->f, LIR_CMP, 8, LIR_E, lir_reg(LIR_FRAME), lir_reg(LIR_FRAME), x);
        return;
    }
    lir_guard(L->f, LIR_CMP, 4, LIR_NE, lir_mem(base, field), lir_imm((int32_t)version), x);
}

/* Leaves unless the type pointer of i's operand is `type`. */
static LirOpnd guard_exact(Lower *L, HirIns *i, void *type)
{
    LirOpnd v = lw_regop(L, i->args[0]);
    LirExit *x = lw_resume(L, i);
    if (may_be_null(i->args[0])) {
        guard_not_null(L, v, x);
    }
    lir_guard(L->f, LIR_CMP, 8, LIR_NE, lir_mem(v.reg, PY311_OFF_OBJ_TYPE), lir_ptr(type), x);
    return v;
}

void lw_guard_type(Lower *L, HirIns *i)
{
    if (i->aux == HIR_T_NONE) {
        LirOpnd v = lw_regop(L, i->args[0]);
        lir_guard(L->f, LIR_CMP, 8, LIR_NE, v, lir_ptr(Py_None), lw_resume(L, i));
        return;
    }
    void *type = hir_pytype_of(i->aux);
    if (!type) {
        lw_fail(L, "internal: guard of a type without a type object");
        return;
    }
    guard_exact(L, i, type);
}

void lw_guard_type_ptr(Lower *L, HirIns *i)
{
    guard_exact(L, i, i->imm.p);
}

/* The type of i's operand, which is not NULL afterwards. */
static LirReg load_type(Lower *L, HirIns *i, LirExit *x)
{
    LirOpnd v = lw_regop(L, i->args[0]);
    if (may_be_null(i->args[0])) {
        guard_not_null(L, v, x);
    }
    return lir_load(L->f, 8, lir_mem(v.reg, PY311_OFF_OBJ_TYPE));
}

/* Tags are never given out twice, so the tag alone says which type it is and that it is unchanged. */
void lw_guard_type_ver(Lower *L, HirIns *i)
{
    LirExit *x = lw_resume(L, i);
    LirReg type = load_type(L, i, x);
    lw_guard_version(L, type, PY311_OFF_TYPE_VERSION_TAG, i->aux, x);
}

/* One comparison a class, its count of keys where that matters, and then the inline values that most objects of these have;
 * the dicts of others are looked at. */
void lw_guard_type_in(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    RtTypeSet *set = i->imm.p;
    LirExit *x = lw_resume(L, i);
    LirReg type = load_type(L, i, x);
    LirReg tag = lir_load(f, 4, lir_mem(type, PY311_OFF_TYPE_VERSION_TAG));
    LirBlock *with_values = NULL, *with_dict = NULL, *done = lw_block(L, false);
    for (uint32_t k = 0; k < set->n; k++) {
        LirOpnd version = lir_imm((int32_t)set->versions[k]);
        LirBlock *next = NULL;
        if (k + 1 == set->n) {
            lir_guard(f, LIR_CMP, 4, LIR_NE, lir_reg(tag), version, x);
        } else {
            next = lw_block(L, false);
            lw_unless(L, LIR_CMP, 4, LIR_NE, lir_reg(tag), version, next);
        }
        if (set->keys_count[k] == RT_KEYS_ANY) {
            lir_jmp(f, done);
        } else if (set->keys_count[k] == RT_KEYS_LOOKUP) {
            with_dict = with_dict ? with_dict : lw_block(L, true);
            lir_jmp(f, with_dict);
        } else {
            with_values = with_values ? with_values : lw_block(L, false);
            LirReg keys = lir_load(f, 8, lir_mem(type, PY311_OFF_HEAPTYPE_CACHED_KEYS));
            lir_guard(f, LIR_CMP, 8, LIR_NE, lir_mem(keys, PY311_OFF_KEYS_NENTRIES),
                      lir_imm(set->keys_count[k]), x);
            lir_jmp(f, with_values);
        }
        if (next) {
            lir_at(f, next);
        }
    }
    if (with_values) {
        with_dict = with_dict ? with_dict : lw_block(L, true);
        lir_at(f, with_values);
        LirOpnd values = lir_mem(lw_reg(L, i->args[0]), PY311_OFF_OBJ_VALUES_PTR);
        lw_unless(L, LIR_CMP, 8, LIR_E, values, lir_imm(0), with_dict);
        lir_jmp(f, done);
    }
    if (with_dict) {
        lir_at(f, with_dict);
        LirReg free = lir_vreg(f, LIR_GPR);
        LirOpnd args[] = {lw_regop(L, i->args[0]), lir_ptr(set)};
        lir_call(f, (const void *)(uintptr_t)rt_not_shadowed, free, args, 2, LIR_CHK_NONE, NULL)
            ->cflags |= LIR_CALL_PRESERVE;
        lir_guard(f, LIR_TEST, 4, LIR_E, lir_reg(free), lir_reg(free), x);
        lir_jmp(f, done);
    }
    lir_at(f, done);
}

void lw_guard_keys_ver(Lower *L, HirIns *i)
{
    LirExit *x = lw_resume(L, i);
    LirReg type = load_type(L, i, x);
    LirReg keys = lir_load(L->f, 8, lir_mem(type, PY311_OFF_HEAPTYPE_CACHED_KEYS));
    lw_guard_version(L, keys, PY311_OFF_KEYS_VERSION, i->aux, x);
}

void lw_guard_is(Lower *L, HirIns *i)
{
    LirOpnd v = lw_regop(L, i->args[0]);
    lir_guard(L->f, LIR_CMP, 8, LIR_NE, v, lir_ptr(i->imm.p), lw_resume(L, i));
}

void lw_guard_not_null(Lower *L, HirIns *i)
{
    LirOpnd v = lw_regop(L, i->args[0]);
    guard_not_null(L, v, lw_resume(L, i));
}

void lw_is_func_code(Lower *L, HirIns *i)
{
    LirReg v = lw_reg(L, i->args[0]), r = lw_def(L, i);
    LirBlock *yes = lw_block(L, false), *no = lw_block(L, false), *done = lw_block(L, false);
    if (may_be_null(i->args[0])) {
        lw_unless(L, LIR_TEST, 8, LIR_E, lir_reg(v), lir_reg(v), no);
    }
    lw_unless(L, LIR_CMP, 8, LIR_NE, lir_mem(v, PY311_OFF_OBJ_TYPE), lir_ptr(&PyFunction_Type), no);
    lw_unless(L, LIR_CMP, 8, LIR_NE, lir_mem(v, PY311_OFF_FUNC_CODE), lir_ptr(i->imm.p), no);
    lir_jmp(L->f, yes);
    lw_yes_no(L, r, yes, no, done);
}

void lw_guard_func_code(Lower *L, HirIns *i)
{
    LirExit *x = lw_resume(L, i);
    LirOpnd v = lw_regop(L, i->args[0]);
    if (i->args[0]->type != HIR_T_FUNCTION) {
        guard_exact(L, i, &PyFunction_Type);
    }
    lir_guard(L->f, LIR_CMP, 8, LIR_NE, lir_mem(v.reg, PY311_OFF_FUNC_CODE), lir_ptr(i->imm.p), x);
}

void lw_guard_func_defaults(Lower *L, HirIns *i)
{
    LirExit *x = lw_resume(L, i);
    LirOpnd v = lw_regop(L, i->args[0]);
    LirReg defaults = lir_load(L->f, 8, lir_mem(v.reg, PY311_OFF_FUNC_DEFAULTS));
    guard_not_null(L, lir_reg(defaults), x);
    lir_guard(L->f, LIR_CMP, 8, LIR_NE, lir_mem(defaults, PY311_OFF_VAR_SIZE),
              lir_imm((int32_t)i->aux), x);
}

/* _Py_EnterRecursiveCallTstate of calls that are inlined. */
void lw_guard_recursion(Lower *L, HirIns *i)
{
    LirOpnd remaining = lir_mem(LIR_TS, PY311_OFF_TS_RECURSION_REMAINING);
    lir_guard(L->f, LIR_CMP, 4, LIR_LE, remaining, lir_imm((int32_t)i->aux), lw_resume(L, i));
}

void lw_guard_shared(Lower *L, HirIns *i)
{
    LirOpnd count = lw_field(L, i->args[0], PY311_OFF_OBJ_REFCNT);
    lir_guard(L->f, LIR_CMP, 8, LIR_LE, count, lir_imm(1), lw_resume(L, i));
}

void lw_func_default(Lower *L, HirIns *i)
{
    LirOpnd v = lw_regop(L, i->args[0]);
    LirReg defaults = lir_load(L->f, 8, lir_mem(v.reg, PY311_OFF_FUNC_DEFAULTS));
    int32_t at = PY311_OFF_TUPLE_ITEMS + 8 * (int32_t)i->aux;
    lw_set(L, i, lir_load(L->f, 8, lir_mem(defaults, at)));
}

void lw_guard_no_dict(Lower *L, HirIns *i)
{
    LirOpnd dict = lw_field(L, i->args[0], PY311_OFF_OBJ_DICT_PTR);
    lir_guard(L->f, LIR_CMP, 8, LIR_NE, dict, lir_imm(0), lw_resume(L, i));
}

void lw_guard_dict_keys(Lower *L, HirIns *i)
{
    LirExit *x = lw_resume(L, i);
    LirReg dict = lir_load(L->f, 8, lw_field(L, i->args[0], (int32_t)i->aux));
    guard_not_null(L, lir_reg(dict), x);
    LirReg keys = lir_load(L->f, 8, lir_mem(dict, PY311_OFF_DICT_KEYS));
    lw_guard_version(L, keys, PY311_OFF_KEYS_VERSION, (uint32_t)i->imm.i, x);
}

void lw_guard_class_ver(Lower *L, HirIns *i)
{
    LirExit *x = lw_resume(L, i);
    LirOpnd v = lw_regop(L, i->args[0]);
    if (i->args[0]->type != HIR_T_TYPE) {
        /* PyType_Check: the metatype's Py_TPFLAGS_TYPE_SUBCLASS, bit 31, looked at as a byte. */
        LirReg meta = load_type(L, i, x);
        int32_t byte = PY311_OFF_TYPE_FLAGS + 3;
        _Static_assert(Py_TPFLAGS_TYPE_SUBCLASS == 1UL << 31, "flag of type objects");
        lir_guard(L->f, LIR_TEST, 1, LIR_E, lir_mem(meta, byte), lir_imm(0x80), x);
    }
    lw_guard_version(L, v.reg, PY311_OFF_TYPE_VERSION_TAG, i->aux, x);
}
