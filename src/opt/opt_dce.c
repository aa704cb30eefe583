/* Dead code: pure operations nobody uses, boxes that nobody looks at, phis only homes know.
 *
 * A box whose uses are unboxing, counting and frame states is not made: exits box the raw value.
 * Local variables in a frame state are no use of a value unless they are dirty, since their homes
 * hold them. An operation that may leave for tier 0 stays even if its result is unused when
 * leaving stands for something visible (an IndexError, a __add__ of another type); arithmetic
 * that leaves on overflow only goes. */
#include "base_vec.h"
#include "opt_internal.h"

enum { LIVE = 1, LOOKED_AT = 2 };

typedef VEC(HirIns *) InsVec;

static bool removable(const HirIns *i)
{
    uint32_t flags = hir_flags(i);
    if (i->op == HIR_Phi) {
        return !(i->aux & HIR_PHI_OWNED) || i->rep != HIR_OBJ;
    }
    if (!(flags & HIR_F_PURE)) {
        return false;
    }
    if (!(flags & HIR_F_DEOPT)) {
        return true;
    }
    switch (i->op) {
    case HIR_IAdd:
    case HIR_ISub:
    case HIR_IMul:
    case HIR_INeg:
    case HIR_I2F:
    case HIR_UnboxInt: return true;
    default: return false;
    }
}

static bool is_box(const HirIns *i)
{
    return i->op == HIR_BoxFloat || i->op == HIR_BoxInt;
}

static bool is_unbox(const HirIns *i)
{
    return i->op == HIR_UnboxFloat || i->op == HIR_UnboxInt;
}

static bool is_count(const HirIns *i)
{
    return i->op == HIR_Incref || i->op == HIR_Decref;
}

/* Boxes that only unboxing, counting and frame states use become their raw values. */
static void drop_boxes(HirFunc *f)
{
    bool any = false;
    for (OPT_EACH_BLOCK(f, b)) {
        for (HirIns *i = b->first; i; i = i->next) {
            for (uint32_t k = 0; k < i->nargs; k++) {
                if (is_box(i->args[k]) && !is_count(i) && !is_unbox(i)) {
                    i->args[k]->flag = LOOKED_AT;
                }
            }
            /* A clean home that holds the box was stored to, so the box is looked at already. */
        }
    }
    for (OPT_EACH_BLOCK(f, b)) {
        for (HirIns *i = b->first, *next; i; i = next) {
            next = i->next;
            HirIns *a = i->nargs ? i->args[0] : NULL;
            if (a && is_box(a) && !(a->flag & LOOKED_AT)) {
                any = true;
                if (is_count(i)) {
                    hir_remove(i);
                } else {
                    hir_replace(i, a->args[0]);
                }
            }
        }
    }
    for (OPT_EACH_BLOCK(f, b)) {
        for (HirIns *i = b->first; i; i = i->next) {
            if (is_box(i) && !(i->flag & LOOKED_AT)) {
                hir_replace(i, i->args[0]);
                any = true;
            }
            i->flag = 0;
        }
    }
    if (any) {
        hir_cleanup_forwards(f);
    }
}

static void mark(Arena *a, InsVec *work, HirIns *i)
{
    if (i && !(i->flag & LIVE)) {
        i->flag |= LIVE;
        VEC_PUSH(a, work, i);
    }
}

static void mark_uses(Arena *a, InsVec *work, HirIns *i)
{
    for (uint32_t k = 0; k < i->nargs; k++) {
        mark(a, work, i->args[k]);
    }
    for (HirFrameState *fs = i->fs; fs; fs = fs->parent) {
        for (uint32_t k = 0; k < fs->nstack; k++) {
            mark(a, work, fs->stack[k]);
        }
        for (uint32_t k = 0; fs->dirty && k < fs->nlocals; k++) {
            if (fs->dirty[k]) {
                mark(a, work, fs->locals[k]);
            }
        }
    }
}

void opt_dce(HirFunc *f)
{
    drop_boxes(f);
    InsVec work = {0};
    for (OPT_EACH_BLOCK(f, b)) {
        for (HirIns *i = b->first; i; i = i->next) {
            if (!removable(i)) {
                mark(f->arena, &work, i);
            }
        }
    }
    while (work.len) {
        mark_uses(f->arena, &work, VEC_POP(&work));
    }
    HirIns **last_locals = NULL;
    for (OPT_EACH_BLOCK(f, b)) {
        for (HirIns *i = b->first; i; i = i->next) {
            for (HirFrameState *fs = i->flag & LIVE ? i->fs : NULL; fs; fs = fs->parent) {
                if (fs->locals == last_locals) {
                    continue;
                }
                last_locals = fs->locals;
                for (uint32_t k = 0; k < fs->nlocals; k++) {
                    if (fs->locals[k] && !(fs->locals[k]->flag & LIVE)) {
                        fs->locals[k] = NULL; /* its home is right */
                    }
                }
            }
        }
    }
    for (OPT_EACH_BLOCK(f, b)) {
        for (HirIns *i = b->first, *next; i; i = next) {
            next = i->next;
            if (i->flag & LIVE) {
                i->flag = 0;
            } else {
                hir_remove(i);
            }
        }
    }
}
