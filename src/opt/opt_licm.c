/* Loop-invariant code: pure operations on values from outside a loop move before it.
 *
 * One that may leave for tier 0 moves only if every trip around the loop runs it anyway, and then
 * leaves with the state of the loop's entry, which the preheader's Jump carries. Operations that
 * read mutable memory stay: the eval breaker's check on the back-edge may run Python code. So do
 * constants, which the back end makes where they are used, and what is only right behind a check
 * that is not its operand. */
#include "opt_internal.h"

static bool may_move(const HirIns *i)
{
    switch (i->op) {
    case HIR_Const:
    case HIR_ConstF64:
    case HIR_ConstI64:
    case HIR_ConstBool:
    case HIR_FrameGlobals:
    case HIR_FrameFunc:
    case HIR_BoxBool:
    case HIR_TupleItemAt: /* behind a check of the length */
    case HIR_Refine: /* behind a branch */ return false;
    default: break;
    }
    uint32_t flags = hir_flags(i);
    return (flags & HIR_F_PURE) && i->rep != HIR_VOID &&
           !(flags & (HIR_F_READ | HIR_F_NEW | HIR_F_WRITE | HIR_F_ARB | HIR_F_RAISE)) &&
           !opt_reads(i);
}

/* The preheader of the innermost loop around `b` that `i` can leave, or NULL. */
static HirBlock *way_out(const HirFunc *f, const HirIns *i, const HirBlock *b)
{
    const HirBlock *h = b->loop;
    if (!h) {
        return NULL;
    }
    for (uint32_t k = 0; k < i->nargs; k++) {
        if (opt_in_loop(i->args[k]->block, h)) {
            return NULL;
        }
    }
    HirBlock *pre = opt_preheader(h);
    if (pre && (hir_op_info[i->op].flags & HIR_F_DEOPT) &&
        !(opt_every_trip(b, h) && opt_may_speculate(f, pre->last->fs))) {
        return NULL;
    }
    return pre;
}

void opt_licm(HirFunc *f)
{
    for (OPT_EACH_BLOCK(f, b)) {
        for (HirIns *i = b->first, *next; i && b->loop; i = next) {
            next = i->next;
            if (!may_move(i)) {
                continue;
            }
            HirBlock *to = NULL;
            for (HirBlock *p = b; (p = way_out(f, i, p)) != NULL;) {
                to = p;
            }
            if (!to) {
                continue;
            }
            hir_remove(i);
            hir_insert_before(to->last, i);
            if (i->fs) {
                i->fs = to->last->fs;
                i->bci = i->fs->bci;
            }
        }
    }
}
