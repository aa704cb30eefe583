/* Lowering of HIR to LIR: the driver.
 *
 *   count   each value's uses, and whether some use is where no home holds it
 *   blocks  one LIR block for each HIR block, more where an op needs them
 *   ops     in reverse post-order, through the table at the end of this file
 *
 * Where a value is, in this order
 *   constant    an immediate wherever it is used
 *   register    what its op made
 *   home        loaded from the frame at its first use and remembered (`cache`) for the blocks that this
 *               one dominates, as long as the local stays in the same epoch
 * A phi that the homes stand for costs nothing: no moves on the edges, no register across the loop. */
#include "lir_lower.h"

#include "py311_frame.h"

#include <string.h>

/* Words of out area beyond which a function is not compiled: they are stack space of every call. */
#define LW_MAX_OUT 4096

int32_t lir_lower_home_disp(void)
{
    return PY311_OFF_FRAME_LOCALSPLUS;
}

void lw_fail(Lower *L, const char *reason)
{
    if (!L->reason) {
        L->reason = reason;
    }
}

/* --- values -------------------------------------------------------------------- */

static bool is_const(const HirIns *v)
{
    return v->op >= HIR_Const && v->op <= HIR_ConstBool;
}

static LirOpnd const_opnd(const HirIns *v)
{
    return v->op == HIR_Const ? lir_ptr(v->imm.p) : lir_imm(v->imm.i);
}

LirOpnd lw_slot(Lower *L, uint32_t index)
{
    return lir_mem(LIR_FRAME, L->f->home_disp + (int32_t)(8 * index));
}

static LirClass class_of(const HirIns *i)
{
    return i->rep == HIR_F64 ? LIR_XMM : LIR_GPR;
}

LirReg lw_def(Lower *L, HirIns *i)
{
    return L->vals[i->id].reg = lir_vreg(L->f, class_of(i));
}

void lw_set(Lower *L, HirIns *i, LirReg r)
{
    L->vals[i->id].reg = r;
}

static bool cached(const Lower *L, uint32_t local)
{
    return L->cache[local] != LIR_NOREG && L->cache_epoch[local] == L->epoch[local];
}

static void remember(Lower *L, uint32_t local, LirEpoch epoch, LirReg r)
{
    L->cache[local] = r;
    L->cache_epoch[local] = epoch;
}

static LirReg load_home(Lower *L, uint32_t local)
{
    if (!cached(L, local)) {
        /* In a slow path the register would not be defined on the fast one. */
        BASE_CHECK(L->f->slow == NULL);
        LirReg r = lir_load(L->f, 8, lw_slot(L, local));
        lir_set_home(L->f, r, (int)local);
        remember(L, local, L->epoch[local], r);
    }
    return L->cache[local];
}

/* The fact by which v may be read from a home here: one whose home is in a register, if there is. */
static LirHomeFact *home_of(const Lower *L, const HirIns *v)
{
    if (v->rep != HIR_OBJ) {
        return NULL;
    }
    LirHomeFact *best = NULL;
    for (LirHomeFact *f = L->homes.facts[v->id]; f; f = f->next) {
        if (L->epoch[f->local] == f->epoch) {
            if (cached(L, f->local)) {
                return f;
            }
            best = best ? best : f;
        }
    }
    return best;
}

LirOpnd lw_opnd(Lower *L, HirIns *v)
{
    v = hir_root(v);
    if (is_const(v)) {
        return const_opnd(v);
    }
    LwVal *x = &L->vals[v->id];
    LirHomeFact *f = home_of(L, v);
    if (f && (x->reg == LIR_NOREG || cached(L, f->local))) {
        if (!cached(L, f->local) && f->nuses <= 1 && !L->f->slow) {
            return lw_slot(L, f->local);
        }
        return lir_reg(load_home(L, f->local));
    }
    if (x->reg == LIR_NOREG) {
        lw_fail(L, "internal: value without a place");
        return lir_imm(0);
    }
    return lir_reg(x->reg);
}

LirReg lw_reg(Lower *L, HirIns *v)
{
    v = hir_root(v);
    LirOpnd o = lw_opnd(L, v);
    if (o.kind == LIR_O_REG) {
        return o.reg;
    }
    if (o.kind == LIR_O_MEM) {
        return load_home(L, home_of(L, v)->local);
    }
    return lir_copy(L->f, class_of(v), o);
}

LirOpnd lw_object_field(Lower *L, HirIns *v, int32_t disp)
{
    const HirIns *r = hir_root(v);
    int64_t at = (int64_t)(intptr_t)r->imm.p + disp;
    if (r->op == HIR_Const && r->imm.p && at == (int32_t)at) {
        return lir_mem(LIR_NOREG, (int32_t)at);
    }
    return lw_field(L, v, disp);
}

/* --- counting uses ------------------------------------------------------------- */

static bool home_only(const HirIns *v)
{
    return v->op == HIR_LoadLocal || (v->op == HIR_Phi && v->rep == HIR_OBJ);
}

static void use(Lower *L, HirIns *v, bool state)
{
    v = hir_root(v);
    LwVal *x = &L->vals[v->id];
    x->nuses++;
    LirHomeFact *f = v->rep == HIR_OBJ ? lir_homes_find(&L->homes, L->epoch, v) : NULL;
    if (f) {
        f->nuses++;
        return;
    }
    x->nops += !state;
    if (home_only(v)) {
        x->need_reg = 1;
    }
}

static void use_state(Lower *L, const HirFrameState *fs)
{
    for (; fs; fs = fs->parent) {
        for (uint32_t k = 0; k < fs->nstack; k++) {
            if (fs->stack[k]) {
                use(L, fs->stack[k], true);
            }
        }
        for (uint32_t k = 0; fs->dirty && k < fs->nlocals; k++) {
            if (fs->dirty[k] && fs->locals[k]) {
                use(L, fs->locals[k], true);
            }
        }
    }
}

/* Whether a home stands for the phi: then it has no operands on edges. */
static bool phi_in_home(const Lower *L, const HirIns *p)
{
    return p->rep == HIR_OBJ && lir_homes_find(&L->homes, L->homes.in[p->block->id], p) != NULL;
}

bool lw_phi_moves(const Lower *L, const HirIns *p)
{
    return L->vals[p->id].nuses > 0 && !phi_in_home(L, p);
}

/* Number of the edge b -> succ[s] among the successor's predecessors; both edges of a branch may
 * lead to one block. */
static uint32_t edge_index(const HirBlock *b, uint32_t s)
{
    const HirBlock *to = b->succ[s];
    uint32_t k = hir_pred_index(to, b);
    if (s == 1 && b->succ[0] == to) {
        for (k++; to->preds[k] != b; k++) {
        }
    }
    return k;
}

static void count_uses(Lower *L)
{
    for (uint32_t r = 0; r < L->hf->nrpo; r++) {
        HirBlock *b = L->hf->rpo[r];
        memcpy(L->epoch, L->homes.in[b->id], L->homes.nlocals * sizeof *L->epoch);
        for (HirIns *i = b->first; i; i = i->next) {
            if (i->op == HIR_Phi || i->op == HIR_Refine) {
                continue; /* operands of phis count on the edges, below */
            }
            for (uint32_t k = 0; k < i->nargs; k++) {
                if (i->args[k] && i->args[k]->rep != HIR_VOID) {
                    use(L, i->args[k], false);
                }
            }
            if (lw_stored_value(i)) {
                L->vals[hir_root(lw_stored_value(i))->id].nstores++;
            }
            if (i->fs && hir_is(i, HIR_F_DEOPT | HIR_F_RAISE)) {
                use_state(L, i->fs);
            }
            lir_homes_step(&L->homes, L->epoch, i);
        }
        for (uint32_t s = 0; s < b->nsucc; s++) {
            uint32_t k = edge_index(b, s);
            for (HirIns *p = b->succ[s]->first; p && p->op == HIR_Phi; p = p->next) {
                if (!phi_in_home(L, p)) {
                    use(L, p->args[k], false);
                }
            }
        }
    }
}

/* --- values made by their one user --------------------------------------------- */

/* Nothing between v and its user changes what v looks at. */
static bool still_true_at(const HirIns *v, const HirIns *user)
{
    bool raw = v->nargs > 0;
    for (uint32_t k = 0; k < v->nargs; k++) {
        raw = raw && v->args[k]->rep != HIR_OBJ;
    }
    for (const HirIns *p = v->next; p != user; p = p->next) {
        if (!p) {
            return false; /* another block */
        }
        if (!raw && p->op != HIR_Incref && hir_is(p, HIR_F_WRITE | HIR_F_ARB | HIR_F_RAISE)) {
            return false;
        }
    }
    return true;
}

static void try_fuse(Lower *L, HirIns *v, const HirIns *user)
{
    if (v->block != user->block || L->vals[v->id].nuses != 1 || !lw_can_fuse(v) ||
        !still_true_at(v, user)) {
        return;
    }
    L->vals[v->id].fused = 1;
    if (v->op == HIR_BNot) {
        try_fuse(L, v->args[0], user);
    }
}

HirIns *lw_branch_on(const Lower *L, const HirIns *v, bool *negated)
{
    HirIns *user = v->next;
    *negated = user && user->op == HIR_BNot && user->args[0] == v;
    if (*negated) {
        if (L->vals[v->id].nuses != 1) {
            return NULL;
        }
        v = user;
        user = user->next;
    }
    bool only = user && user->op == HIR_Branch && user->args[0] == v && L->vals[v->id].nuses == 1;
    return only ? user : NULL;
}

static bool is_seq_more(const HirIns *v)
{
    return v->op == HIR_ListIterMore || v->op == HIR_TupleIterMore;
}

/* What stands from v's user to the branch on it is made by v's op (IterNext, Truthy). */
static void fuse_branch(Lower *L, const HirIns *v, const HirIns *branch)
{
    for (HirIns *c = v->next; c != branch->next; c = c->next) {
        L->vals[c->id].fused = 1;
    }
}

static void fuse(Lower *L)
{
    bool negated;
    for (uint32_t r = 0; r < L->hf->nrpo; r++) {
        for (HirIns *i = L->hf->rpo[r]->first; i; i = i->next) {
            if (L->vals[i->id].fused) {
                continue;
            }
            if (i->op == HIR_Branch && is_seq_more(i->args[0]) && i->args[0] == i->prev &&
                L->vals[i->args[0]->id].nuses == 1) {
                L->vals[i->args[0]->id].fused = 1; /* see lw_seq_more_branch */
            } else if (lw_stored_box(L, i)) {
                L->vals[lw_stored_box(L, i)->id].fused = 1;
            } else if (i->op == HIR_IterNext && lw_iter_branch(L, i, &negated)) {
                fuse_branch(L, i, lw_iter_branch(L, i, &negated));
            } else if (lw_truthy_inline(i) && lw_branch_on(L, i, &negated)) {
                fuse_branch(L, i, lw_branch_on(L, i, &negated));
            } else if (i->op == HIR_Branch || i->op == HIR_GuardTrue || i->op == HIR_GuardFalse) {
                try_fuse(L, i->args[0], i);
            }
        }
    }
}

/* --- blocks and edges ---------------------------------------------------------------- */

LirBlock *lw_block(Lower *L, bool cold)
{
    LirBlock *b = lir_block_new(L->f);
    b->cold = cold || L->hb->cold;
    b->loop_depth = L->hb->loop_depth;
    return b;
}

LwEdge lw_edge_to(Lower *L, unsigned succ)
{
    HirBlock *to = L->hb->succ[succ];
    uint32_t k = edge_index(L->hb, succ);
    LwEdge e = {.to = L->blocks[to->id].start};
    for (HirIns *p = to->first; p && p->op == HIR_Phi; p = p->next) {
        e.n += lw_phi_moves(L, p);
    }
    e.args = arena_array(L->hf->arena, LirOpnd, e.n);
    uint32_t n = 0;
    for (HirIns *p = to->first; p && p->op == HIR_Phi; p = p->next) {
        if (lw_phi_moves(L, p)) {
            e.args[n++] = lw_opnd(L, p->args[k]);
        }
    }
    return e;
}

void lw_br(Lower *L, LwCond c, LwEdge yes, LwEdge no)
{
    LirBlock *from = L->f->cur;
    lir_br(L->f, c.op, c.w, c.cc, c.s0, c.s1, yes.to, no.to);
    lir_edge_args(L->f, from, 0, yes.args, yes.n);
    lir_edge_args(L->f, from, 1, no.args, no.n);
}

void lw_unless(Lower *L, LirOp op, unsigned w, LirCond cc, LirOpnd a, LirOpnd b, LirBlock *to)
{
    LirBlock *next = lw_block(L, false);
    lw_br(L, (LwCond){op, (uint8_t)w, cc, a, b}, lw_plain(to), lw_plain(next));
    lir_at(L->f, next);
}

void lw_jmp(Lower *L, LwEdge e)
{
    LirBlock *from = L->f->cur;
    lir_jmp(L->f, e.to);
    lir_edge_args(L->f, from, 0, e.args, e.n);
}

static void lw_jump(Lower *L, HirIns *i)
{
    (void)i;
    lw_jmp(L, lw_edge_to(L, 0));
}

static void make_blocks(Lower *L)
{
    HirFunc *hf = L->hf;
    LirBlock *entry = NULL;
    if (hf->entry->npreds > 0) { /* LIR wants an entry without predecessors */
        entry = lir_block_new(L->f);
    }
    for (uint32_t r = 0; r < hf->nrpo; r++) {
        HirBlock *b = hf->rpo[r];
        LirBlock *lb = L->blocks[b->id].start = lir_block_new(L->f);
        lb->cold = b->cold;
        lb->loop_depth = b->loop_depth;
        lb->loop_header = b->loop_header;
    }
    if (entry) {
        for (HirIns *p = hf->entry->first; p && p->op == HIR_Phi; p = p->next) {
            lw_fail(L, "internal: phi in the entry block");
        }
        lir_at(L->f, entry);
        lir_jmp(L->f, L->blocks[hf->entry->id].start);
    }
}

/* What is known at the start of the block from those before it. */
static void enter_block(Lower *L, HirBlock *b)
{
    uint32_t n = L->homes.nlocals;
    L->hb = b;
    memcpy(L->epoch, L->homes.in[b->id], n * sizeof *L->epoch);
    /* Registers loaded in the immediate dominator are defined here too; their epochs say whether the
     * home still holds the same. */
    const LwBlock *dom = b->idom && b->idom != b ? &L->blocks[b->idom->id] : NULL;
    for (uint32_t k = 0; k < n; k++) {
        remember(L, k, dom && dom->done ? dom->cache_epoch[k] : 0,
                 dom && dom->done ? dom->cache[k] : LIR_NOREG);
    }
    L->prev_bci = LW_PREV_UNKNOWN;
    for (uint32_t p = 0; p < b->npreds; p++) {
        const LwBlock *pred = &L->blocks[b->preds[p]->id];
        int32_t bci = pred->done ? pred->prev_bci : LW_PREV_UNKNOWN;
        L->prev_bci = p == 0 || bci == L->prev_bci ? bci : LW_PREV_UNKNOWN;
        if (L->prev_bci == LW_PREV_UNKNOWN) {
            break;
        }
    }
    L->state_of = NULL;
    lir_at(L->f, L->blocks[b->id].start);
}

static void leave_block(Lower *L, HirBlock *b)
{
    LwBlock *s = &L->blocks[b->id];
    uint32_t n = L->homes.nlocals;
    s->cache = arena_array(L->hf->arena, LirReg, n + 1);
    s->cache_epoch = arena_array(L->hf->arena, LirEpoch, n + 1);
    memcpy(s->cache, L->cache, n * sizeof *s->cache);
    memcpy(s->cache_epoch, L->cache_epoch, n * sizeof *s->cache_epoch);
    s->prev_bci = L->prev_bci;
    s->done = true;
}

static void lw_phi(Lower *L, HirIns *p)
{
    const LwVal *x = &L->vals[p->id];
    if (x->nuses == 0) {
        return;
    }
    if (lw_phi_moves(L, p)) {
        lir_phi(L->f, L->blocks[p->block->id].start, lw_def(L, p));
    } else if (x->need_reg) {
        const LirHomeFact *f = lir_homes_find(&L->homes, L->epoch, p);
        lw_set(L, p, lir_load(L->f, 8, lw_slot(L, f->local)));
    }
}

static void lw_load_local(Lower *L, HirIns *i)
{
    if (L->vals[i->id].need_reg) {
        lw_set(L, i, lir_load(L->f, 8, lw_slot(L, i->aux)));
    }
}

static void lw_store_local(Lower *L, HirIns *i)
{
    HirIns *v = hir_root(i->args[0]);
    const HirIns *old = i->args[1];
    HirType t = old->rep == HIR_OBJ ? old->type : HIR_T_ANY | HIR_T_NULL;
    LirOpnd home = lw_slot(L, i->aux);
    LirReg drop = t == HIR_T_NULL ? LIR_NOREG : lir_load(L->f, 8, home);
    HirIns *box = lw_stored_box(L, i);
    if (box) {
        lw_put_box(L, i, home, box, drop, t);
        return;
    }
    LirReg reg = is_const(v) ? LIR_NOREG : lw_reg(L, v);
    lir_store(L->f, 8, home, reg == LIR_NOREG ? const_opnd(v) : lir_reg(reg));
    if (drop != LIR_NOREG) {
        lw_drop(L, i, drop, t);
    }
    /* Later uses read the new home: a register for them that costs nothing to spill. */
    for (LirHomeFact *f = L->homes.facts[v->id]; f && reg != LIR_NOREG; f = f->next) {
        if (f->local == i->aux && f->epoch == lir_homes_store_epoch(i) && f->nuses > 0) {
            LirReg r = lir_copy(L->f, LIR_GPR, lir_reg(reg));
            lir_set_home(L->f, r, (int)i->aux);
            remember(L, i->aux, f->epoch, r);
        }
    }
}

static void lw_nothing(Lower *L, HirIns *i)
{
    (void)L;
    (void)i;
}

/* --- dispatch -------------------------------------------------------------------------- */

static const LwFn lw_table[HIR_NOPS] = {
    [HIR_Phi] = lw_phi,
    [HIR_Const] = lw_nothing,
    [HIR_ConstF64] = lw_nothing,
    [HIR_ConstI64] = lw_nothing,
    [HIR_ConstBool] = lw_nothing,
    [HIR_Refine] = lw_nothing,
    [HIR_LoadLocal] = lw_load_local,
    [HIR_LoadStack] = lw_load_stack,
    [HIR_LoadOut] = lw_load_out,
    [HIR_FrameGlobals] = lw_frame_field,
    [HIR_FrameFunc] = lw_frame_field,
    [HIR_StoreLocal] = lw_store_local,

    [HIR_GuardType] = lw_guard_type,
    [HIR_GuardTypeVer] = lw_guard_type_ver,
    [HIR_GuardTypeIn] = lw_guard_type_in,
    [HIR_GuardTypePtr] = lw_guard_type_ptr,
    [HIR_GuardKeysVer] = lw_guard_keys_ver,
    [HIR_GuardIs] = lw_guard_is,
    [HIR_GuardNotNull] = lw_guard_not_null,
    [HIR_GuardFuncCode] = lw_guard_func_code,
    [HIR_IsFuncCode] = lw_is_func_code,
    [HIR_GuardRecursion] = lw_guard_recursion,
    [HIR_GuardShared] = lw_guard_shared,
    [HIR_FuncGlobals] = lw_load_field,
    [HIR_FuncBuiltins] = lw_load_field,
    [HIR_GuardFuncDefaults] = lw_guard_func_defaults,
    [HIR_FuncDefault] = lw_func_default,
    [HIR_FuncKwDefault] = lw_call,
    [HIR_GuardTrue] = lw_guard_bool,
    [HIR_GuardFalse] = lw_guard_bool,
    [HIR_GuardPairs] = lw_guard_pairs,
    [HIR_GuardNoDict] = lw_guard_no_dict,
    [HIR_GuardDictKeys] = lw_guard_dict_keys,
    [HIR_GuardClassVer] = lw_guard_class_ver,

    [HIR_FAdd] = lw_f_op2,
    [HIR_FSub] = lw_f_op2,
    [HIR_FMul] = lw_f_op2,
    [HIR_FDiv] = lw_f_op2,
    [HIR_FNeg] = lw_f_op1,
    [HIR_FAbs] = lw_f_op1,
    [HIR_FSqrt] = lw_f_op1,
    [HIR_FPow] = lw_f_pow,
    [HIR_IAdd] = lw_i_op2,
    [HIR_ISub] = lw_i_op2,
    [HIR_IMul] = lw_i_op2,
    [HIR_INeg] = lw_i_op1,
    [HIR_IAnd] = lw_i_op2,
    [HIR_IOr] = lw_i_op2,
    [HIR_IXor] = lw_i_op2,
    [HIR_INot] = lw_i_op1,
    [HIR_IShl] = lw_i_shl,
    [HIR_IShr] = lw_i_shr,
    [HIR_IFloorDiv] = lw_i_div,
    [HIR_IMod] = lw_i_div,
    [HIR_I2F] = lw_i2f,
    [HIR_F2ITrunc] = lw_f2i,
    [HIR_FCmp] = lw_bool,
    [HIR_ICmp] = lw_bool,
    [HIR_InRange] = lw_bool,
    [HIR_BNot] = lw_bool,
    [HIR_Is] = lw_bool,
    [HIR_IsNull] = lw_bool,
    [HIR_IsType] = lw_bool,
    [HIR_UnboxBool] = lw_bool,
    [HIR_BoolToI] = lw_bool_to_i,
    [HIR_Truthy] = lw_truthy,

    [HIR_BoxFloat] = lw_box_float,
    [HIR_BoxInt] = lw_box_int,
    [HIR_BoxBool] = lw_box_bool,
    [HIR_UnboxFloat] = lw_unbox_float,
    [HIR_UnboxInt] = lw_unbox_int,
    [HIR_Incref] = lw_incref,
    [HIR_Decref] = lw_decref,

    [HIR_LoadInlineValue] = lw_load_inline_value,
    [HIR_StoreInlineValue] = lw_store_inline_value,
    [HIR_LoadSlot] = lw_load_slot,
    [HIR_StoreSlot] = lw_store_slot,
    [HIR_LoadDictHint] = lw_load_dict_hint,
    [HIR_LoadModuleAttr] = lw_load_keys_entry,
    [HIR_LoadGlobalModule] = lw_load_keys_entry,
    [HIR_LoadGlobalBuiltin] = lw_load_keys_entry,
    [HIR_LoadCell] = lw_load_field,
    [HIR_StoreCell] = lw_store_slot,
    [HIR_ListLen] = lw_load_field,
    [HIR_TupleLen] = lw_load_field,
    [HIR_StrLen] = lw_load_field,
    [HIR_DictLen] = lw_load_field,
    [HIR_TypeOf] = lw_load_field,
    [HIR_ListItem] = lw_list_item,
    [HIR_TupleItem] = lw_list_item,
    [HIR_StrItem] = lw_str_item,
    [HIR_TupleItemAt] = lw_item_at,
    [HIR_ListItemAt] = lw_item_at,
    [HIR_ListStore] = lw_list_store,

    [HIR_RangeIterMore] = lw_range_more,
    [HIR_RangeIterNext] = lw_range_next,
    [HIR_ListIterMore] = lw_seq_more,
    [HIR_ListIterNext] = lw_seq_next,
    [HIR_TupleIterMore] = lw_seq_more,
    [HIR_TupleIterNext] = lw_seq_next,
    [HIR_IterPart] = lw_load_field,
    [HIR_EnumNext] = lw_enum_next,
    [HIR_IterNext] = lw_iter_next,
    [HIR_Send] = lw_iter_next,

    [HIR_LoadAttr] = lw_load_attr,
    [HIR_StoreAttr] = lw_store_attr,
    [HIR_LoadMethod] = lw_load_method,
    [HIR_CallPy] = lw_call_py,
    [HIR_BinaryOp] = lw_binary_op,
    [HIR_NoteTypes] = lw_note_types,
    [HIR_CallInit] = lw_call_init,
    [HIR_CheckEval] = lw_check_eval,
    [HIR_Jump] = lw_jump,
    [HIR_Branch] = lw_branch,
    [HIR_Return] = lw_return,
    [HIR_Suspend] = lw_suspend,
    [HIR_GcPoll] = lw_gc_poll,
    [HIR_Raise] = lw_raise,
    [HIR_Reraise] = lw_raise,
    [HIR_Deopt] = lw_deopt,
};

/* Nothing depends on it and it does nothing: a register for its result would be wasted. */
static bool unneeded(const Lower *L, const HirIns *i)
{
    uint32_t fl = hir_op_info[i->op].flags;
    return L->vals[i->id].nuses == 0 && (fl & HIR_F_PURE) && !(fl & (HIR_F_DEOPT | HIR_F_NEW));
}

static void lower_ins(Lower *L, HirIns *i)
{
    if (L->vals[i->id].fused || unneeded(L, i)) {
        return;
    }
    L->f->cur_hir = i->id;
    if (lw_table[i->op]) {
        lw_table[i->op](L, i);
    } else if (lw_helper((HirOp)i->op)) {
        lw_call(L, i);
    } else {
        lw_fail(L, hir_op_info[i->op].name);
    }
    if (lir_homes_step(&L->homes, L->epoch, i)) {
        L->state_of = NULL; /* its values may have been in that home */
    }
}

static void lower_init(Lower *L, HirFunc *hf, LirFunc *f)
{
    Arena *a = hf->arena;
    L->hf = hf;
    L->f = f;
    lir_homes_init(&L->homes, hf);
    uint32_t n = L->homes.nlocals + 1;
    L->epoch = arena_array(a, LirEpoch, n);
    L->cache = arena_array(a, LirReg, n);
    L->cache_epoch = arena_array(a, LirEpoch, n);
    L->blocks = arena_array(a, LwBlock, hf->nblocks);
    L->vals = arena_array(a, LwVal, hf->nins);
    for (uint32_t k = 0; k < hf->nins; k++) {
        L->vals[k].reg = LIR_NOREG;
    }
    if (hf->code) {
        PyCodeObject *co = hf->code;
        L->code_units = (uintptr_t)py311_code_units(co);
        /* One unit before the first: where prev_instr starts. */
        uintptr_t last = L->code_units + 2 * (uintptr_t)Py_SIZE(co);
        L->prev_low = (L->code_units - 2) >> 32 == last >> 32;
    }
}

bool lir_lower(HirFunc *hf, LirFunc *lf, const char **reason)
{
    Lower low = {0};
    Lower *L = &low;
    lower_init(L, hf, lf);
    if (hf->max_out > LW_MAX_OUT) {
        lw_fail(L, "too many operands");
    }
    count_uses(L);
    fuse(L);
    make_blocks(L);
    for (uint32_t r = 0; r < hf->nrpo && !L->reason; r++) {
        HirBlock *b = hf->rpo[r];
        enter_block(L, b);
        for (HirIns *i = b->first; i && !L->reason; i = i->next) {
            lower_ins(L, i);
        }
        leave_block(L, b);
    }
    if (L->reason) {
        *reason = L->reason;
        return false;
    }
    return true;
}
