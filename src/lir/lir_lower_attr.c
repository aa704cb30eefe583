/* Lowering of LoadAttr, StoreAttr and LoadMethod through inline caches: objects whose attribute is an inline
 * value, and methods of such objects, are served in line for as many types as the cache's small table holds (rt_ic.h); everything else by the
 * helper, out of line, so that registers survive the common case.  Compact code asks the helper at once. */
#include "lir_lower.h"

#include "rt.h"

static void not_null(Lower *L, LirReg r, LirBlock *miss)
{
    lw_unless(L, LIR_TEST, 8, LIR_E, lir_reg(r), lir_reg(r), miss);
}

/* Where the inline value of `obj` is according to the cache; to `miss` when it has none there. */
static LirOpnd fast_value(Lower *L, LirReg obj, const RtAttrFast *fast, LirBlock *miss)
{
    LirFunc *f = L->f;
    LirReg type = lir_load(f, 8, lir_mem(obj, PY311_OFF_OBJ_TYPE));
    LirReg tag = lir_load(f, 4, lir_mem(type, PY311_OFF_TYPE_VERSION_TAG));
    LirReg slot = lir_op2(f, LIR_AND, lir_reg(tag), lir_imm(RT_ATTR_FAST - 1));
    LirReg table = lir_copy(f, LIR_GPR, lir_ptr(fast));
    _Static_assert(sizeof(RtAttrFast) == 8, "scale of the table's index");
    LirOpnd version = lir_mem_index(table, slot, 3, offsetof(RtAttrFast, version));
    lw_unless(L, LIR_CMP, 4, LIR_NE, lir_reg(tag), version, miss);
    LirReg index = lir_load(f, 4, lir_mem_index(table, slot, 3, offsetof(RtAttrFast, index)));
    LirReg values = lir_load(f, 8, lir_mem(obj, PY311_OFF_OBJ_VALUES_PTR));
    not_null(L, values, miss);
    return lir_mem_index(values, index, 3, PY311_OFF_DICTVALUES_VALUES);
}

/* The helper, in its own cold block. */
static void by_call(Lower *L, HirIns *i, LirBlock *miss, LirBlock *done)
{
    lir_jmp(L->f, done);
    lir_at(L->f, miss);
    lw_call_aside(L, i);
    lir_jmp(L->f, done);
    lir_at(L->f, done);
}

static bool worth_a_look(const Lower *L, const HirIns *i)
{
    return !L->f->compact && i->imm.p && (i->args[0]->type & HIR_T_OTHER) &&
           !(i->args[0]->type & HIR_T_NULL);
}

void lw_load_attr(Lower *L, HirIns *i)
{
    const RtAttrFast *fast = worth_a_look(L, i) ? rt_attr_ic_fast(i->imm.p) : NULL;
    if (!fast) {
        lw_call(L, i);
        return;
    }
    LirReg obj = lw_reg(L, i->args[0]), v = lw_def(L, i);
    LirBlock *miss = lw_block(L, true), *done = lw_block(L, false);
    LirOpnd slot = fast_value(L, obj, fast, miss);
    lir_ins(L->f, LIR_LOAD, 8, v, slot, lir_none());
    not_null(L, v, miss);
    lir_rmw(L->f, LIR_ADDM, 8, lir_mem(v, PY311_OFF_OBJ_REFCNT), lir_imm(1));
    by_call(L, i, miss, done);
}

/* A first value (old one NULL) also changes the insertion order: the helper's. */
void lw_store_attr(Lower *L, HirIns *i)
{
    const RtAttrFast *fast = worth_a_look(L, i) ? rt_attr_ic_fast(i->imm.p) : NULL;
    if (!fast) {
        lw_call(L, i);
        return;
    }
    LirReg obj = lw_reg(L, i->args[0]), v = lw_reg(L, i->args[1]);
    LirBlock *miss = lw_block(L, true), *done = lw_block(L, false);
    LirOpnd slot = fast_value(L, obj, fast, miss);
    LirReg old = lir_load(L->f, 8, slot);
    not_null(L, old, miss);
    lir_rmw(L->f, LIR_ADDM, 8, lir_mem(v, PY311_OFF_OBJ_REFCNT), lir_imm(1));
    lir_store(L->f, 8, slot, lir_reg(v));
    lw_drop(L, i, old, HIR_T_ANY);
    by_call(L, i, miss, done);
}

/* The function goes to the out area, where LoadOut finds it, and the result is the object itself. */
void lw_load_method(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    RtMethodFast *methods = worth_a_look(L, i) ? rt_attr_ic_methods(i->imm.p) : NULL;
    if (!methods) {
        lw_call(L, i);
        return;
    }
    LirReg obj = lw_reg(L, i->args[0]), v = lw_def(L, i);
    LirBlock *miss = lw_block(L, true), *done = lw_block(L, false);
    LirReg type = lir_load(f, 8, lir_mem(obj, PY311_OFF_OBJ_TYPE));
    LirReg tag = lir_load(f, 4, lir_mem(type, PY311_OFF_TYPE_VERSION_TAG));
    LirReg slot = lir_op2(f, LIR_AND, lir_reg(tag), lir_imm(RT_ATTR_FAST - 1));
    LirReg at = lir_op2(f, LIR_SHL, lir_reg(slot), lir_imm(1));
    LirReg table = lir_copy(f, LIR_GPR, lir_ptr(methods));
    _Static_assert(sizeof(RtMethodFast) == 16, "scale of the table's index");
    LirOpnd version = lir_mem_index(table, at, 3, offsetof(RtMethodFast, version));
    lw_unless(L, LIR_CMP, 4, LIR_NE, lir_reg(tag), version, miss);
    LirReg values = lir_load(f, 8, lir_mem(obj, PY311_OFF_OBJ_VALUES_PTR));
    not_null(L, values, miss); /* a dict could shadow the method */
    LirReg keys = lir_load(f, 8, lir_mem(type, PY311_OFF_HEAPTYPE_CACHED_KEYS));
    LirReg count = lir_load(f, 4, lir_mem_index(table, at, 3, offsetof(RtMethodFast, keys_count)));
    LirOpnd nentries = lir_mem(keys, PY311_OFF_KEYS_NENTRIES);
    lw_unless(L, LIR_CMP, 8, LIR_NE, lir_reg(count), nentries, miss);
    LirReg descr = lir_load(f, 8, lir_mem_index(table, at, 3, offsetof(RtMethodFast, descr)));
    lir_rmw(f, LIR_ADDM, 8, lir_mem(descr, PY311_OFF_OBJ_REFCNT), lir_imm(1));
    lir_rmw(f, LIR_ADDM, 8, lir_mem(obj, PY311_OFF_OBJ_REFCNT), lir_imm(1));
    lir_store(f, 8, lir_out(f, 0), lir_reg(descr));
    lir_mov(f, v, lir_reg(obj));
    by_call(L, i, miss, done);
}
