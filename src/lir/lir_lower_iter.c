/* Lowering of the iterators over range, list and tuple: what rangeiter_next, listiter_next and
 * tupleiter_next do, split into a question (More) and an answer (Next). */
#include "lir_lower.h"

#include "rt.h"

void lw_range_more(Lower *L, HirIns *i)
{
    LirReg it = lw_reg(L, i->args[0]);
    LirReg index = lir_load(L->f, 8, lir_mem(it, PY311_OFF_RANGEITER_INDEX));
    lw_set(L, i,
           lir_set(L->f, LIR_CMP, 8, LIR_L, lir_reg(index), lir_mem(it, PY311_OFF_RANGEITER_LEN)));
}

/* start + index++ * step; the iterator was made for values that fit (or they wrap as there). */
void lw_range_next(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    LirReg it = lw_reg(L, i->args[0]);
    LirOpnd slot = lir_mem(it, PY311_OFF_RANGEITER_INDEX);
    LirReg index = lir_load(f, 8, slot);
    LirReg next = lir_op2(f, LIR_ADD, lir_reg(index), lir_imm(1));
    LirReg off = lir_op2(f, LIR_IMUL, lir_reg(index), lir_mem(it, PY311_OFF_RANGEITER_STEP));
    lir_store(f, 8, slot, lir_reg(next));
    lw_set(L, i, lir_op2(f, LIR_ADD, lir_reg(off), lir_mem(it, PY311_OFF_RANGEITER_START)));
}

void lw_enum_next(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    LirOpnd slot = lir_mem(lw_reg(L, i->args[0]), PY311_OFF_ENUM_INDEX);
    LirReg index = lir_load(f, 8, slot);
    lir_store(f, 8, slot, lir_reg(lir_op2(f, LIR_ADD, lir_reg(index), lir_imm(1))));
    lw_set(L, i, index);
}

void lw_guard_pairs(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    LirReg it = lw_reg(L, i->args[0]);
    LirExit *x = lw_resume(L, i);
    int shape = (int)i->aux, n = RT_PAIRS_COUNT(shape), index = shape & RT_PAIRS_INDEX;
    const void *type = index ? (const void *)&PyEnum_Type : (const void *)&PyZip_Type;
    lir_guard(f, LIR_CMP, 8, LIR_NE, lir_mem(it, PY311_OFF_OBJ_TYPE), lir_ptr(type), x);
    if (!index) {
        lir_guard(f, LIR_CMP, 8, LIR_NE, lir_mem(it, PY311_OFF_ZIP_SIZE), lir_imm(n), x);
        lir_guard(f, LIR_CMP, 4, LIR_NE, lir_mem(it, PY311_OFF_ZIP_STRICT), lir_imm(0), x);
    }
    LirReg tuple = lir_load(f, 8, lir_mem(it, PY311_OFF_ITER_RESULT));
    for (int k = index; k < index + n; k++) {
        lir_guard(f, LIR_CMP, 8, LIR_NE, lir_mem(tuple, PY311_OFF_TUPLE_ITEMS + 8 * k),
                  lir_ptr(Py_None), x);
    }
}

/* The two iterators have one layout. */
_Static_assert(PY311_OFF_LISTITER_SEQ == PY311_OFF_TUPLEITER_SEQ &&
                   PY311_OFF_LISTITER_INDEX == PY311_OFF_TUPLEITER_INDEX,
               "list and tuple iterators");

/* Ends the block: to `yes` when there is another item, else to `no`, having let go of the sequence
 * if that is news. */
static void seq_more(Lower *L, HirIns *i, LwEdge yes, LwEdge no)
{
    LirFunc *f = L->f;
    bool list = i->op == HIR_ListIterMore;
    LirReg it = lw_reg(L, i->args[0]);
    LirBlock *look = lw_block(L, false), *end = lw_block(L, true);
    LirReg seq = lir_load(f, 8, lir_mem(it, PY311_OFF_LISTITER_SEQ));
    lw_br(L, (LwCond){LIR_TEST, 8, LIR_E, lir_reg(seq), lir_reg(seq)}, no, lw_plain(look));
    lir_at(f, look);
    LirReg index = lir_load(f, 8, lir_mem(it, PY311_OFF_LISTITER_INDEX));
    lw_br(L, (LwCond){LIR_CMP, 8, LIR_L, lir_reg(index), lir_mem(seq, PY311_OFF_VAR_SIZE)}, yes,
          lw_plain(end));
    lir_at(f, end);
    if (!(i->aux & HIR_ITER_KEEPS)) {
        lir_store(f, 8, lir_mem(it, PY311_OFF_LISTITER_SEQ), lir_imm(0));
        lw_drop(L, i, seq, list ? HIR_T_LIST | HIR_T_OTHER : HIR_T_TUPLE | HIR_T_OTHER);
    }
    lw_jmp(L, no);
}

void lw_seq_more_branch(Lower *L, HirIns *more, HirIns *branch)
{
    (void)branch;
    LwEdge yes = lw_edge_to(L, 0), no = lw_edge_to(L, 1);
    seq_more(L, more, yes, no);
}

void lw_seq_more(Lower *L, HirIns *i)
{
    LirReg r = lir_vreg(L->f, LIR_GPR);
    LirBlock *yes = lw_block(L, false), *no = lw_block(L, true), *done = lw_block(L, false);
    seq_more(L, i, lw_plain(yes), lw_plain(no));
    lw_yes_no(L, r, yes, no, done);
    lw_set(L, i, r);
}

void lw_seq_next(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    LirReg it = lw_reg(L, i->args[0]);
    LirOpnd slot = lir_mem(it, PY311_OFF_LISTITER_INDEX);
    LirReg seq = lir_load(f, 8, lir_mem(it, PY311_OFF_LISTITER_SEQ));
    LirReg index = lir_load(f, 8, slot);
    LirReg next = lir_op2(f, LIR_ADD, lir_reg(index), lir_imm(1));
    lir_store(f, 8, slot, lir_reg(next));
    if (i->op == HIR_ListIterNext) {
        LirReg items = lir_load(f, 8, lir_mem(seq, PY311_OFF_LIST_ITEMS));
        lw_set(L, i, lir_load(f, 8, lir_mem_index(items, index, 3, 0)));
    } else {
        lw_set(L, i, lir_load(f, 8, lir_mem_index(seq, index, 3, PY311_OFF_TUPLE_ITEMS)));
    }
}

/* --- any iterator ------------------------------------------------------------------------ */

HirIns *lw_iter_branch(const Lower *L, const HirIns *i, bool *negated)
{
    const HirIns *v = i->next;
    bool asked = v && v->op == HIR_IsNull && v->args[0] == i;
    return asked ? lw_branch_on(L, v, negated) : NULL;
}

/* NULL is the end of the iteration (or of what a Send goes to) unless an exception is set. */
static void next_by_call(Lower *L, HirIns *i)
{
    L->vals[i->id].nuses += 1; /* the result is looked at whether it is used or not */
    LirExit *x = lw_throw(L, i);
    lw_emit_call(L, i, LIR_CHK_NONE);
    LirOpnd r = lw_regop(L, i);
    lir_slow(L->f, LIR_TEST, 8, LIR_E, LIR_NOREG, r, r);
    lir_guard(L->f, LIR_CMP, 8, LIR_NE, lir_mem(LIR_TS, PY311_OFF_TS_CUREXC_TYPE), lir_imm(0), x);
    lir_slow_end(L->f);
}

/* listiter_next inline, for what nothing is known about but is a list's iterator most often; all else,
 * and the end of a list, by the call.  It is out of line and keeps the registers: a loop over a list then
 * has no call. */
static void next_branch(Lower *L, HirIns *i, bool negated)
{
    LirFunc *f = L->f;
    LwEdge item = lw_edge_to(L, negated ? 0 : 1), end = lw_edge_to(L, negated ? 1 : 0);
    LirReg it = lw_reg(L, i->args[0]), v = lw_def(L, i);
    LirExit *x = lw_throw(L, i);
    L->vals[i->id].nuses += 1;
    LirBlock *list = lw_block(L, false), *more = lw_block(L, false), *get = lw_block(L, false);
    LirBlock *call = lw_block(L, true), *null = lw_block(L, true);
    LirOpnd slot = lir_mem(it, PY311_OFF_LISTITER_INDEX);

    lw_br(L,
          (LwCond){LIR_CMP, 8, LIR_E, lir_mem(it, PY311_OFF_OBJ_TYPE), lir_ptr(&PyListIter_Type)},
          lw_plain(list), lw_plain(call));
    lir_at(f, list);
    LirReg seq = lir_load(f, 8, lir_mem(it, PY311_OFF_LISTITER_SEQ));
    lw_br(L, (LwCond){LIR_TEST, 8, LIR_E, lir_reg(seq), lir_reg(seq)}, lw_plain(call),
          lw_plain(more));
    lir_at(f, more);
    LirReg index = lir_load(f, 8, slot);
    lw_br(L, (LwCond){LIR_CMP, 8, LIR_L, lir_reg(index), lir_mem(seq, PY311_OFF_VAR_SIZE)},
          lw_plain(get), lw_plain(call));
    lir_at(f, get);
    LirReg next = lir_op2(f, LIR_ADD, lir_reg(index), lir_imm(1));
    lir_store(f, 8, slot, lir_reg(next));
    LirReg items = lir_load(f, 8, lir_mem(seq, PY311_OFF_LIST_ITEMS));
    lir_ins(f, LIR_LOAD, 8, v, lir_mem_index(items, index, 3, 0), lir_none());
    lir_rmw(f, LIR_ADDM, 8, lir_mem(v, PY311_OFF_OBJ_REFCNT), lir_imm(1));
    lw_jmp(L, item);

    lir_at(f, call);
    int32_t known = L->prev_bci;
    lw_emit_call(L, i, LIR_CHK_NONE);
    if (L->prev_bci != known) {
        L->prev_bci = LW_PREV_UNKNOWN; /* stored on this path only */
    }
    lw_br(L, (LwCond){LIR_TEST, 8, LIR_NE, lir_reg(v), lir_reg(v)}, item, lw_plain(null));
    lir_at(f, null);
    lir_guard(f, LIR_CMP, 8, LIR_NE, lir_mem(LIR_TS, PY311_OFF_TS_CUREXC_TYPE), lir_imm(0), x);
    lw_jmp(L, end);
}

void lw_iter_next(Lower *L, HirIns *i)
{
    bool negated;
    if (i->op == HIR_IterNext && lw_iter_branch(L, i, &negated)) {
        next_branch(L, i, negated);
    } else {
        next_by_call(L, i);
    }
}
