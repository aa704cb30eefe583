/* Type propagation: what each value's type is, over phis and loops, and which branches go one way.
 *
 * Optimistic, like sparse conditional constant propagation: every type starts as "cannot exist",
 * blocks start unreachable, and sweeps in reverse post-order only ever widen until nothing
 * changes. A loop phi of floats thus becomes FLOAT although the loop feeds itself. What the
 * builder declared is an upper bound throughout. Two or three sweeps are the rule. */
#include "opt_internal.h"

enum { MARK_REACHED = 1 };

typedef struct {
    HirFunc *f;
    HirType *declared; /* by value id */
    bool *reached;     /* by rpo number */
} Types;

/* Ops whose result type may depend on operands. */
static bool depends(const HirIns *i)
{
    switch (i->op) {
    case HIR_Phi:
    case HIR_BinaryOp:
    case HIR_CompareOp:
    case HIR_Subscr:
    case HIR_MinMax:
    case HIR_GetSlice:
    case HIR_GetSteps:
    case HIR_UnaryNeg:
    case HIR_UnaryPos:
    case HIR_UnaryInvert:
    case HIR_GetIter:
    case HIR_IterNext:
    case HIR_StrOf:
    case HIR_TypeOf: return true;
    default: return hir_is_guard(i);
    }
}

/* Which successor a Branch takes: 0 or 1, -1: either, -2: not known yet. */
static int decision(const HirIns *cond)
{
    HirType t;
    int d;
    switch (cond->op) {
    case HIR_ConstBool: return cond->imm.i ? 0 : 1;
    case HIR_BNot: d = decision(cond->args[0]); return d >= 0 ? 1 - d : d;
    case HIR_IsNull:
        t = cond->args[0]->type;
        return !t ? -2 : t == HIR_T_NULL ? 0 : t & HIR_T_NULL ? -1 : 1;
    case HIR_IsType:
        t = cond->args[0]->type;
        return !t ? -2 : !(t & ~cond->aux) && opt_one_type(cond->aux) ? 0 : t & cond->aux ? -1 : 1;
    case HIR_Is: {
        HirType u = cond->args[1]->type;
        t = cond->args[0]->type;
        if (!t || !u) {
            return -2;
        }
        /* None and NULL are one object each; otherwise equal types say nothing. */
        return !(t & u) ? 1 : t == u && (t == HIR_T_NONE || t == HIR_T_NULL) ? 0 : -1;
    }
    default: return -1;
    }
}

static bool edge_taken(const Types *t, const HirBlock *from, const HirBlock *to)
{
    if (!t->reached[from->rpo]) {
        return false;
    }
    if (from->last->op != HIR_Branch) {
        return true;
    }
    int d = decision(from->last->args[0]);
    return d == -1 || (d >= 0 && from->succ[d] == to);
}

static HirType phi_type(const Types *t, const HirIns *phi)
{
    HirType type = 0;
    for (uint32_t k = 0; k < phi->nargs; k++) {
        if (edge_taken(t, phi->block->preds[k], phi->block)) {
            type |= phi->args[k]->type;
        }
    }
    return type;
}

static bool missing_operand_type(const HirIns *i)
{
    for (uint32_t k = 0; k < i->nargs; k++) {
        if (i->args[k]->rep == HIR_OBJ && !i->args[k]->type) {
            return true;
        }
    }
    return false;
}

static bool sweep_block(Types *t, HirBlock *b)
{
    bool changed = false;
    for (HirIns *i = b->first; i; i = i->next) {
        if (i->rep != HIR_OBJ) {
            continue;
        }
        HirType declared = t->declared[i->id], type;
        if (i->op == HIR_Phi) {
            type = phi_type(t, i);
        } else if (!depends(i)) {
            type = declared;
        } else if (missing_operand_type(i)) {
            type = 0;
        } else if ((i->op == HIR_GuardType || i->op == HIR_Refine) &&
                   !(i->args[0]->type & i->aux)) {
            type = 0; /* always fails */
        } else {
            type = hir_type_infer(i);
        }
        /* A result that contradicts what was declared cannot happen; stay on the safe side. */
        type = type & declared ? type & declared : type ? declared : 0;
        type |= i->type; /* only ever wider: the rules for results are not strictly monotonic */
        if (type != i->type) {
            i->type = type;
            changed = true;
        }
    }
    return changed;
}

/* The guard never holds: what follows is dead. */
static bool cut_dead_guard(HirFunc *f, HirBlock *b)
{
    for (HirIns *i = b->first; i; i = i->next) {
        if (i->op == HIR_GuardType && i->args[0]->type && !(i->args[0]->type & i->aux)) {
            opt_end_with_deopt(f, i, i->fs);
            return true;
        }
    }
    return false;
}

void opt_types(HirFunc *f)
{
    Types types = {.f = f}, *t = &types;
    t->declared = arena_array(f->arena, HirType, f->nins);
    t->reached = arena_array(f->arena, bool, f->nrpo);
    for (OPT_EACH_BLOCK(f, b)) {
        for (HirIns *i = b->first; i; i = i->next) {
            if (i->rep == HIR_OBJ) {
                /* Phis are as wide as their operands, whatever was declared. */
                t->declared[i->id] = i->op == HIR_Phi ? HIR_T_ANY | HIR_T_NULL : i->type;
                i->type = 0;
            }
        }
    }
    t->reached[f->entry->rpo] = true;
    for (bool changed = true; changed;) {
        changed = false;
        for (OPT_EACH_BLOCK(f, b)) {
            if (!t->reached[b->rpo]) {
                for (uint32_t p = 0; p < b->npreds && !t->reached[b->rpo]; p++) {
                    t->reached[b->rpo] = edge_taken(t, b->preds[p], b);
                }
                if (!t->reached[b->rpo]) {
                    continue;
                }
                changed = true;
            }
            changed |= sweep_block(t, b);
        }
    }

    bool cut = false;
    for (OPT_EACH_BLOCK(f, b)) {
        if (t->reached[b->rpo]) {
            cut |= cut_dead_guard(f, b);
        }
    }
    for (OPT_EACH_BLOCK(f, b)) {
        for (HirIns *i = b->first; i; i = i->next) {
            if (i->rep == HIR_OBJ && !i->type) {
                i->type = t->declared[i->id]; /* dead code until hir_analyze drops it */
            }
        }
    }
    for (OPT_EACH_BLOCK(f, b)) {
        if (t->reached[b->rpo] && b->last->op == HIR_Branch) {
            int d = decision(b->last->args[0]);
            if (d >= 0) {
                hir_branch_to_jump(b->last, (uint32_t)d);
                cut = true;
            }
        }
    }
    if (cut) {
        hir_analyze(f);
    }
}

void opt_end_with_deopt(HirFunc *f, HirIns *at, HirFrameState *fs)
{
    HirBlock *b = at->block;
    for (uint32_t s = b->nsucc; s-- > 0;) {
        HirBlock *to = b->succ[s];
        /* The last edge to a block first, so that positions of equal predecessors stay right. */
        uint32_t k = to->npreds;
        while (to->preds[--k] != b) {
        }
        hir_remove_pred(to, k);
    }
    b->nsucc = 0;
    b->succ[0] = b->succ[1] = NULL;
    while (b->last != at) {
        hir_remove(b->last);
    }
    HirIns *deopt = hir_new0(f, HIR_Deopt);
    deopt->bci = at->bci;
    deopt->fs = fs;
    hir_append(b, deopt);
    hir_remove(at);
}
