/* Lowering of reference counts, and of loads and stores of objects behind guards. */
#include "lir_lower.h"

#include "py311_frame.h"
#include "rt.h"

/* --- reference counts ---------------------------------------------------------------- */

void lw_incref(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    HirIns *v = i->args[0];
    if (v->type == HIR_T_NULL || (hir_root(v)->op == HIR_Const && !hir_root(v)->imm.p)) {
        return;
    }
    if (hir_root(v)->op == HIR_Const || !(v->type & HIR_T_NULL)) {
        lir_rmw(f, LIR_ADDM, 8, lw_object_field(L, v, PY311_OFF_OBJ_REFCNT), lir_imm(1));
        return;
    }
    LirReg r = lw_reg(L, v);
    LirBlock *some = lw_block(L, false), *done = lw_block(L, false);
    lw_br(L, (LwCond){LIR_TEST, 8, LIR_E, lir_reg(r), lir_reg(r)}, lw_plain(done), lw_plain(some));
    lir_at(f, some);
    lir_rmw(f, LIR_ADDM, 8, lir_mem(r, PY311_OFF_OBJ_REFCNT), lir_imm(1));
    lir_jmp(f, done);
    lir_at(f, done);
}

/* The deallocator of objects of type t: its own when there is one type only, else _Py_Dealloc. */
static const void *dealloc_of(HirType t)
{
    PyTypeObject *type = hir_pytype_of(t);
    return type && type->tp_dealloc && t != HIR_T_NULL ? (const void *)type->tp_dealloc
                                                       : (const void *)_Py_Dealloc;
}

static void drop_object(Lower *L, HirIns *i, LirReg v, HirType t)
{
    LirFunc *f = L->f;
    LirOpnd count = lir_mem(v, PY311_OFF_OBJ_REFCNT);
    if (!(t & ~(HirType)(HIR_T_NONE | HIR_T_BOOL))) {
        lir_rmw(f, LIR_SUBM, 8, count, lir_imm(1)); /* somebody always holds these */
        return;
    }
    lir_slow(f, LIR_SUBM, 8, LIR_E, LIR_NOREG, count, lir_imm(1));
    if (!hir_type_leaf(t)) {
        lw_prev_cold(L, i); /* a finaliser may look at the frame */
    }
    LirOpnd arg = lir_reg(v);
    lir_call(f, dealloc_of(t), LIR_NOREG, &arg, 1, LIR_CHK_NONE, NULL);
    lir_slow_end(f);
}

void lw_drop(Lower *L, HirIns *i, LirReg v, HirType t)
{
    if (t == HIR_T_NULL) {
        return;
    }
    if (!(t & HIR_T_NULL)) {
        drop_object(L, i, v, t);
        return;
    }
    LirBlock *some = lw_block(L, false), *done = lw_block(L, false);
    lw_br(L, (LwCond){LIR_TEST, 8, LIR_E, lir_reg(v), lir_reg(v)}, lw_plain(done), lw_plain(some));
    lir_at(L->f, some);
    drop_object(L, i, v, t & ~(HirType)HIR_T_NULL);
    lir_jmp(L->f, done);
    lir_at(L->f, done);
}

void lw_decref(Lower *L, HirIns *i)
{
    HirIns *v = i->args[0];
    if (v->type != HIR_T_NULL) {
        lw_drop(L, i, lw_reg(L, v), v->type);
    }
}

/* --- the frame -------------------------------------------------------------------------- */

void lw_load_stack(Lower *L, HirIns *i)
{
    lw_set(L, i, lir_load(L->f, 8, lw_slot(L, L->hf->nlocals + i->aux)));
}

void lw_frame_field(Lower *L, HirIns *i)
{
    int32_t off = i->op == HIR_FrameGlobals ? PY311_OFF_FRAME_GLOBALS : PY311_OFF_FRAME_FUNC;
    lw_set(L, i, lir_load(L->f, 8, lir_mem(LIR_FRAME, off)));
}

/* --- plain fields ----------------------------------------------------------------------- */

void lw_load_field(Lower *L, HirIns *i)
{
    int32_t off;
    switch (i->op) {
    case HIR_FuncGlobals: off = PY311_OFF_FUNC_GLOBALS; break;
    case HIR_FuncBuiltins: off = PY311_OFF_FUNC_BUILTINS; break;
    case HIR_LoadCell: off = PY311_OFF_CELL_REF; break;
    case HIR_DictLen: off = PY311_OFF_DICT_USED; break;
    case HIR_StrLen: off = PY311_OFF_STR_LENGTH; break;
    case HIR_TypeOf: off = PY311_OFF_OBJ_TYPE; break;
    case HIR_IterPart: off = (int32_t)i->aux; break;
    default: off = PY311_OFF_VAR_SIZE; break; /* ListLen, TupleLen */
    }
    lw_set(L, i, lir_load(L->f, 8, lw_field(L, i->args[0], off)));
}

static LirReg load_not_null(Lower *L, LirOpnd mem, LirExit *x)
{
    LirReg r = lir_load(L->f, 8, mem);
    lir_guard(L->f, LIR_TEST, 8, LIR_E, lir_reg(r), lir_reg(r), x);
    return r;
}

void lw_load_slot(Lower *L, HirIns *i)
{
    LirExit *x = lw_resume(L, i);
    lw_set(L, i, load_not_null(L, lw_field(L, i->args[0], (int32_t)i->aux), x));
}

/* What the old value of a store may be, as far as the builder or a pass knows. */
static HirType old_type(const HirIns *i)
{
    return i->imm.i && i->imm.i != HIR_OLD_SHARED ? (HirType)i->imm.i : HIR_T_ANY | HIR_T_NULL;
}

/* StoreSlot, StoreCell: the old value may be NULL. */
void lw_store_slot(Lower *L, HirIns *i)
{
    int32_t off = i->op == HIR_StoreCell ? PY311_OFF_CELL_REF : (int32_t)i->aux;
    LirOpnd mem = lw_field(L, i->args[0], off);
    HirIns *box = lw_stored_box(L, i);
    if (box) {
        lw_put_box(L, i, mem, box, lir_load(L->f, 8, mem), old_type(i));
        return;
    }
    LirOpnd v = lw_opnd(L, i->args[1]);
    if (v.kind == LIR_O_MEM) {
        v = lw_regop(L, i->args[1]);
    }
    LirReg old = lir_load(L->f, 8, mem);
    lir_store(L->f, 8, mem, v);
    lw_drop(L, i, old, old_type(i));
}

/* --- inline values ------------------------------------------------------------------------ */

/* LOAD_ATTR_INSTANCE_VALUE after its type check. */
void lw_load_inline_value(Lower *L, HirIns *i)
{
    LirExit *x = lw_resume(L, i);
    LirReg values = load_not_null(L, lw_field(L, i->args[0], PY311_OFF_OBJ_VALUES_PTR), x);
    int32_t off = PY311_OFF_DICTVALUES_VALUES + 8 * (int32_t)i->aux;
    lw_set(L, i, load_not_null(L, lir_mem(values, off), x));
}

/* _PyDictValues_AddToInsertionOrder. */
static void note_insertion(LirFunc *f, LirReg values, uint32_t index)
{
    LirReg n = lir_op2(f, LIR_ADD, lir_reg(lir_load(f, 1, lir_mem(values, -2))), lir_imm(1));
    LirReg at = lir_op2(f, LIR_SUB, lir_reg(values), lir_reg(n));
    lir_store(f, 1, lir_mem(at, -2), lir_imm((int8_t)index));
    lir_store(f, 1, lir_mem(values, -2), lir_reg(n));
}

/* STORE_ATTR_INSTANCE_VALUE after its type check; a first value goes into the insertion order
 * (_PyDictValues_AddToInsertionOrder: the count is two bytes before the values, the order grows down from
 * there). */
void lw_store_inline_value(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    LirExit *x = lw_resume(L, i);
    HirIns *box = lw_stored_box(L, i);
    LirOpnd v = lw_regop(L, box ? box->args[0] : i->args[1]);
    LirReg values = load_not_null(L, lw_field(L, i->args[0], PY311_OFF_OBJ_VALUES_PTR), x);
    LirOpnd slot = lir_mem(values, PY311_OFF_DICTVALUES_VALUES + 8 * (int32_t)i->aux);
    if (i->imm.i == HIR_T_NULL) { /* an object that has just been made */
        lir_store(f, 8, slot, box ? lir_reg(lw_make_box(L, box)) : v);
        note_insertion(f, values, i->aux);
        return;
    }
    LirReg old = lir_load(f, 8, slot);
    if (!box) {
        lir_store(f, 8, slot, v);
    }
    LirBlock *fresh = lw_block(L, false), *replace = lw_block(L, false), *done = lw_block(L, false);
    lw_br(L, (LwCond){LIR_TEST, 8, LIR_E, lir_reg(old), lir_reg(old)}, lw_plain(fresh),
          lw_plain(replace));
    lir_at(f, replace);
    if (box) {
        lw_put_box(L, i, slot, box, old, old_type(i) & ~(HirType)HIR_T_NULL);
    } else {
        drop_object(L, i, old, old_type(i) & ~(HirType)HIR_T_NULL);
    }
    lir_jmp(f, done);
    lir_at(f, fresh);
    if (box) {
        lir_store(f, 8, slot, lir_reg(lw_make_box(L, box)));
    }
    note_insertion(f, values, i->aux);
    lir_jmp(f, done);
    lir_at(f, done);
}

/* --- dict entries --------------------------------------------------------------------------- */

/* Field `field` of entry `index` of keys whose entries are PyDictUnicodeEntry. The entries follow the hash
 * indices, whose size the keys know; `indices` is that size when it is known here, else 0. */
static LirOpnd unicode_entry(Lower *L, LirReg keys, int64_t index, int32_t field, int32_t indices)
{
    LirFunc *f = L->f;
    int32_t disp = PY311_OFF_KEYS_INDICES + PY311_OFF_UENTRY_SIZE * (int32_t)index + field;
    if (indices) {
        return lir_mem(keys, disp + indices);
    }
    LirReg shift = lir_load(f, 1, lir_mem(keys, PY311_OFF_KEYS_LOG2_INDEX_BYTES));
    LirReg one = lir_copy(f, LIR_GPR, lir_imm(1));
    LirReg bytes = lir_op2(f, LIR_SHL, lir_reg(one), lir_reg(shift));
    return lir_mem_index(keys, bytes, 0, disp);
}

/* LOAD_ATTR_WITH_HINT after its type check; dicts with keys other than str leave. */
void lw_load_dict_hint(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    LirExit *x = lw_resume(L, i);
    LirReg dict = load_not_null(L, lw_field(L, i->args[0], PY311_OFF_OBJ_DICT_PTR), x);
    LirReg keys = lir_load(f, 8, lir_mem(dict, PY311_OFF_DICT_KEYS));
    lir_guard(f, LIR_CMP, 8, LIR_BE, lir_mem(keys, PY311_OFF_KEYS_NENTRIES),
              lir_imm((int32_t)i->aux), x);
    lir_guard(f, LIR_CMP, 1, LIR_E, lir_mem(keys, PY311_OFF_KEYS_KIND), lir_imm(PY311_KEYS_GENERAL),
              x);
    LirReg entry = lir_lea(f, unicode_entry(L, keys, i->aux, 0, 0));
    lir_guard(f, LIR_CMP, 8, LIR_NE, lir_mem(entry, PY311_OFF_UENTRY_KEY), lir_ptr(i->imm.p), x);
    lw_set(L, i, load_not_null(L, lir_mem(entry, PY311_OFF_UENTRY_VALUE), x));
}

/* Keys of `dict`, checked to be of a version. */
static LirReg checked_keys(Lower *L, LirOpnd dict, uint32_t version, LirExit *x)
{
    LirReg d = dict.kind == LIR_O_REG ? dict.reg : lir_load(L->f, 8, dict);
    LirReg keys = lir_load(L->f, 8, lir_mem(d, PY311_OFF_DICT_KEYS));
    lw_guard_version(L, keys, PY311_OFF_KEYS_VERSION, version, x);
    return keys;
}

/* Comparing with an object that is not NULL says that the value is not NULL. */
static bool compared_next(const HirIns *i)
{
    const HirIns *n = i->next;
    return n && n->op == HIR_GuardIs && n->args[0] == i && n->imm.p;
}

/* LOAD_ATTR_MODULE, LOAD_GLOBAL_MODULE, LOAD_GLOBAL_BUILTIN: a keys version stands for the place of
 * every key and for all of them being str. */
void lw_load_keys_entry(Lower *L, HirIns *i)
{
    LirExit *x = lw_resume(L, i);
    LirReg owner = lw_reg(L, i->args[0]);
    LirOpnd dict =
        i->op == HIR_LoadModuleAttr ? lir_mem(owner, PY311_OFF_MODULE_DICT) : lir_reg(owner);
    uint32_t version = i->aux;
    LirReg keys = checked_keys(L, dict, version, x);
    int64_t index = i->imm.i;
    if (i->op == HIR_LoadGlobalBuiltin) {
        LirOpnd builtins =
            i->nargs > 1 ? lw_regop(L, i->args[1]) : lir_mem(LIR_FRAME, PY311_OFF_FRAME_BUILTINS);
        version = i->imm.pair.a;
        keys = checked_keys(L, builtins, version, x);
        index = i->imm.pair.b;
    }
    LirOpnd entry =
        unicode_entry(L, keys, index, PY311_OFF_UENTRY_VALUE, i->hint ? 1 << i->hint : 0);
    lw_set(L, i, compared_next(i) ? lir_load(L->f, 8, entry) : load_not_null(L, entry, x));
}

/* --- list and tuple items --------------------------------------------------------------------- */

static bool is_list_op(const HirIns *i)
{
    return i->op == HIR_ListItem || i->op == HIR_ListItemAt || i->op == HIR_ListStore;
}

/* Where item args[1] of args[0] is; leaves through x when out of range. */
static LirOpnd checked_item(Lower *L, HirIns *i, LirExit *x)
{
    LirFunc *f = L->f;
    LirReg seq = lw_reg(L, i->args[0]), index;
    LirOpnd size = lir_mem(seq, PY311_OFF_VAR_SIZE);
    if (i->args[1]->op == HIR_ConstI64 && i->args[1]->imm.i >= 0 &&
        i->args[1]->imm.i < INT32_MAX / 16) {
        int32_t n = (int32_t)i->args[1]->imm.i;
        lir_guard(f, LIR_CMP, 8, LIR_LE, size, lir_imm(n), x);
        return is_list_op(i) ? lir_mem(lir_load(f, 8, lir_mem(seq, PY311_OFF_LIST_ITEMS)), 8 * n)
                             : lir_mem(seq, PY311_OFF_TUPLE_ITEMS + 8 * n);
    }
    index = lir_copy(f, LIR_GPR, lw_regop(L, i->args[1]));
    lir_slow(f, LIR_TEST, 8, LIR_S, LIR_NOREG, lir_reg(index), lir_reg(index));
    lir_ins(f, LIR_ADD, 8, index, lir_reg(index), size);
    lir_slow_end(f);
    lir_guard(f, LIR_CMP, 8, LIR_AE, lir_reg(index), size, x);
    if (is_list_op(i)) {
        LirReg items = lir_load(f, 8, lir_mem(seq, PY311_OFF_LIST_ITEMS));
        return lir_mem_index(items, index, 3, 0);
    }
    return lir_mem_index(seq, index, 3, PY311_OFF_TUPLE_ITEMS);
}

void lw_list_item(Lower *L, HirIns *i)
{
    LirOpnd item = checked_item(L, i, lw_resume(L, i));
    lw_set(L, i, lir_load(L->f, 8, item));
}

/* The bits of a compact ASCII str's state. */
static uint32_t ascii_bits(void)
{
    PyASCIIObject s = {.state = {.compact = 1, .ascii = 1}};
    uint32_t bits;
    _Static_assert(sizeof s.state == sizeof bits, "one word");
    __builtin_memcpy(&bits, &s.state, sizeof bits);
    return bits;
}

/* Characters of ASCII strs, counted from the start, in line; all others by the helper. */
void lw_str_item(Lower *L, HirIns *i)
{
    LirFunc *f = L->f;
    LirReg s = lw_reg(L, i->args[0]), index = lw_reg(L, i->args[1]), v = lw_def(L, i);
    LirExit *x = lw_resume(L, i);
    LirBlock *other = lw_block(L, true), *done = lw_block(L, false);
    LirOpnd length = lir_mem(s, (int32_t)offsetof(PyASCIIObject, length));
    lw_unless(L, LIR_CMP, 8, LIR_AE, lir_reg(index), length, other);
    LirReg state = lir_load(f, 4, lir_mem(s, (int32_t)offsetof(PyASCIIObject, state)));
    int32_t bits = (int32_t)ascii_bits();
    LirReg ascii = lir_op2(f, LIR_AND, lir_reg(state), lir_imm(bits));
    lw_unless(L, LIR_CMP, 4, LIR_NE, lir_reg(ascii), lir_imm(bits), other);
    LirReg c = lir_load(f, 1, lir_mem_index(s, index, 0, (int32_t)sizeof(PyASCIIObject)));
    LirReg table = lir_copy(f, LIR_GPR, lir_ptr(rt_latin1()));
    lir_ins(f, LIR_LOAD, 8, v, lir_mem_index(table, c, 3, 0), lir_none());
    lw_unless(L, LIR_TEST, 8, LIR_E, lir_reg(v), lir_reg(v), other);
    lir_rmw(f, LIR_ADDM, 8, lir_mem(v, PY311_OFF_OBJ_REFCNT), lir_imm(1));
    lir_jmp(f, done);
    lir_at(f, other);
    LirOpnd args[] = {lir_reg(s), lir_reg(index)};
    lir_call(f, (const void *)(uintptr_t)rt_str_item, v, args, 2, LIR_CHK_NONE, NULL)->cflags |=
        LIR_CALL_PRESERVE;
    lir_guard(f, LIR_TEST, 8, LIR_E, lir_reg(v), lir_reg(v), x);
    lir_jmp(f, done);
    lir_at(f, done);
}

void lw_item_at(Lower *L, HirIns *i)
{
    LirReg seq = lw_reg(L, i->args[0]);
    int32_t off = 8 * (int32_t)i->aux;
    LirOpnd item = is_list_op(i)
                       ? lir_mem(lir_load(L->f, 8, lir_mem(seq, PY311_OFF_LIST_ITEMS)), off)
                       : lir_mem(seq, PY311_OFF_TUPLE_ITEMS + off);
    lw_set(L, i, lir_load(L->f, 8, item));
}

void lw_list_store(Lower *L, HirIns *i)
{
    HirIns *box = lw_stored_box(L, i);
    LirOpnd v = lw_regop(L, box ? box->args[0] : i->args[2]);
    LirOpnd item = checked_item(L, i, lw_resume(L, i));
    LirReg old = lir_load(L->f, 8, item);
    if (box) {
        lw_put_box(L, i, item, box, old, HIR_T_ANY);
        return;
    }
    lir_store(L->f, 8, item, v);
    drop_object(L, i, old, HIR_T_ANY);
}
