/* HIR construction and editing: functions, blocks, instructions, edges, frame states.
 *
 * Everything is arena memory, zeroed by the arena and never freed singly. Editing keeps three
 * things in step: the instruction lists, the predecessor arrays, and the phi operands that are
 * parallel to them. Analyses (order, dominators, loops) are in hir_analyze.c. */
#include "hir.h"

#include <string.h>

const HirOpInfo hir_op_info[HIR_NOPS] = {
#define NONE  0
#define ANY   HIR_T_ANY
#define VOID  HIR_VOID
#define OBJ   HIR_OBJ
#define F64   HIR_F64
#define I64   HIR_I64
#define BOOL  HIR_BOOL
#define PURE  HIR_F_PURE
#define READ  HIR_F_READ
#define WRITE HIR_F_WRITE
#define RAISE HIR_F_RAISE
#define DEOPT HIR_F_DEOPT
#define ARB   HIR_F_ARB
#define TERM  HIR_F_TERM
#define VAR   HIR_F_VAR
#define STEAL HIR_F_STEAL
#define NEW   HIR_F_NEW
#define TS    HIR_F_TS
#define FRAME HIR_F_FRAME
#define IMM   HIR_F_IMM
#define AUX   HIR_F_AUX
/* No helper is written NULL in the table; no symbol has a name of that length. */
#define HIR_OP(name, rep, type, flags, helper, doc) \
    [HIR_##name] = {#name, rep, type, flags, sizeof #helper == sizeof "NULL" ? 0 : #helper, doc},
#include "hir_ops.def"
#undef HIR_OP
#undef NONE
#undef ANY
#undef VOID
#undef OBJ
#undef F64
#undef I64
#undef BOOL
#undef PURE
#undef READ
#undef WRITE
#undef RAISE
#undef DEOPT
#undef ARB
#undef TERM
#undef VAR
#undef STEAL
#undef NEW
#undef TS
#undef FRAME
#undef IMM
#undef AUX
};

const HirSig hir_sigs[HIR_NOPS] = {
#define HIR_SIG(name, operands, aux, imm) [HIR_##name] = {operands, HIR_AUX_##aux, HIR_IMM_##imm},
#include "hir_sigs.def"
#undef HIR_SIG
};

HirFunc *hir_func_new(Arena *a, const char *name)
{
    HirFunc *f = arena_new(a, HirFunc);
    f->arena = a;
    f->name = name ? name : "?";
    return f;
}

HirBlock *hir_block_new(HirFunc *f, int32_t bci)
{
    HirBlock *b = arena_new(f->arena, HirBlock);
    b->id = f->nblocks++;
    b->bci = bci;
    b->func = f;
    if (f->last_block) {
        f->last_block->next = b;
    } else {
        f->blocks = b;
    }
    f->last_block = b;
    if (!f->entry) {
        f->entry = b;
    }
    return b;
}

/* --- instructions ------------------------------------------------------------- */

HirIns *hir_ins_new(HirFunc *f, HirOp op, uint32_t nargs, HirIns *const *args)
{
    /* The operand array directly follows: one allocation an instruction. */
    HirIns *i = arena_alloc(f->arena, sizeof(HirIns) + nargs * sizeof(HirIns *));
    i->op = (uint16_t)op;
    i->rep = hir_op_info[op].rep;
    i->type = hir_op_info[op].type;
    i->id = f->nins++;
    i->bci = -1;
    i->nargs = nargs;
    i->args = (HirIns **)(i + 1);
    if (args) {
        for (uint32_t k = 0; k < nargs; k++) {
            i->args[k] = args[k];
        }
    }
    return i;
}

HirIns *hir_new0(HirFunc *f, HirOp op)
{
    return hir_ins_new(f, op, 0, NULL);
}

HirIns *hir_new1(HirFunc *f, HirOp op, HirIns *a)
{
    return hir_ins_new(f, op, 1, &a);
}

HirIns *hir_new2(HirFunc *f, HirOp op, HirIns *a, HirIns *b)
{
    HirIns *args[2] = {a, b};
    return hir_ins_new(f, op, 2, args);
}

HirIns *hir_new3(HirFunc *f, HirOp op, HirIns *a, HirIns *b, HirIns *c)
{
    HirIns *args[3] = {a, b, c};
    return hir_ins_new(f, op, 3, args);
}

HirIns *hir_const(HirFunc *f, void *obj)
{
    HirIns *i = hir_new0(f, HIR_Const);
    i->imm.p = obj;
    i->type = hir_type_of_object(obj);
    return i;
}

HirIns *hir_const_f64(HirFunc *f, double v)
{
    HirIns *i = hir_new0(f, HIR_ConstF64);
    i->imm.f = v;
    return i;
}

HirIns *hir_const_i64(HirFunc *f, int64_t v)
{
    HirIns *i = hir_new0(f, HIR_ConstI64);
    i->imm.i = v;
    return i;
}

HirIns *hir_const_bool(HirFunc *f, bool v)
{
    HirIns *i = hir_new0(f, HIR_ConstBool);
    i->imm.i = v;
    return i;
}

HirIns *hir_phi_new(HirFunc *f, HirBlock *b, HirRep rep, HirType type, uint32_t nargs)
{
    HirIns *i = hir_ins_new(f, HIR_Phi, nargs, NULL);
    i->rep = (uint8_t)rep;
    i->type = rep == HIR_OBJ ? type : 0;
    i->bci = b->bci;
    hir_prepend(b, i);
    return i;
}

void hir_set_args(HirFunc *f, HirIns *i, uint32_t nargs, HirIns *const *args)
{
    if (nargs > i->nargs) {
        i->args = arena_array(f->arena, HirIns *, nargs);
    }
    i->nargs = nargs;
    memcpy(i->args, args, nargs * sizeof *args);
}

void hir_append(HirBlock *b, HirIns *i)
{
    i->block = b;
    i->prev = b->last;
    i->next = NULL;
    if (b->last) {
        b->last->next = i;
    } else {
        b->first = i;
    }
    b->last = i;
}

void hir_insert_before(HirIns *pos, HirIns *i)
{
    HirBlock *b = pos->block;
    i->block = b;
    i->next = pos;
    i->prev = pos->prev;
    if (pos->prev) {
        pos->prev->next = i;
    } else {
        b->first = i;
    }
    pos->prev = i;
}

void hir_insert_after(HirIns *pos, HirIns *i)
{
    if (pos->next) {
        hir_insert_before(pos->next, i);
    } else {
        hir_append(pos->block, i);
    }
}

void hir_prepend(HirBlock *b, HirIns *i)
{
    HirIns *p = b->first;
    while (p && p->op == HIR_Phi) {
        p = p->next;
    }
    if (p) {
        hir_insert_before(p, i);
    } else {
        hir_append(b, i);
    }
}

void hir_remove(HirIns *i)
{
    HirBlock *b = i->block;
    if (i->prev) {
        i->prev->next = i->next;
    } else {
        b->first = i->next;
    }
    if (i->next) {
        i->next->prev = i->prev;
    } else {
        b->last = i->prev;
    }
    i->prev = i->next = NULL;
    i->block = NULL;
}

void hir_replace(HirIns *old_, HirIns *new_)
{
    new_ = hir_resolve(new_);
    BASE_CHECK(old_ != new_);
    old_->fwd = new_;
}

HirIns *hir_resolve(HirIns *i)
{
    if (!i || !i->fwd) {
        return i;
    }
    HirIns *to = i->fwd;
    while (to->fwd) {
        to = to->fwd;
    }
    while (i->fwd != to) { /* shorten the chain for the next reader */
        HirIns *next = i->fwd;
        i->fwd = to;
        i = next;
    }
    return to;
}

static void resolve_array(HirIns **v, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        if (v[k] && v[k]->fwd) {
            v[k] = hir_resolve(v[k]);
        }
    }
}

void hir_cleanup_forwards(HirFunc *f)
{
    /* A frame state is shared by the ops of one bytecode; last_fs skips the repeats. States that
     * are visited twice all the same do no harm. */
    HirFrameState *last_fs = NULL;
    HirIns **last_locals = NULL; /* states of several bytecodes share one array */
    for (HirBlock *b = f->blocks; b; b = b->next) {
        for (HirIns *i = b->first, *next; i; i = next) {
            next = i->next;
            if (i->fwd) {
                hir_remove(i);
                continue;
            }
            resolve_array(i->args, i->nargs);
            if (i->fs && i->fs != last_fs) {
                last_fs = i->fs;
                for (HirFrameState *fs = i->fs; fs; fs = fs->parent) {
                    if (fs->locals != last_locals) {
                        resolve_array(fs->locals, fs->nlocals);
                        last_locals = fs->locals;
                    }
                    resolve_array(fs->stack, fs->nstack);
                }
            }
        }
    }
}

/* --- edges -------------------------------------------------------------------- */

static void add_pred(HirBlock *b, HirBlock *pred)
{
    if (b->npreds == b->cappreds) {
        uint32_t cap = b->cappreds ? b->cappreds * 2 : 2;
        b->preds = arena_grow(b->func->arena, b->preds, b->cappreds * sizeof *b->preds,
                              cap * sizeof *b->preds);
        b->cappreds = cap;
    }
    b->preds[b->npreds++] = pred;
}

void hir_edge(HirBlock *from, HirBlock *to)
{
    BASE_CHECK(from->nsucc < 2);
    from->succ[from->nsucc++] = to;
    add_pred(to, from);
}

uint32_t hir_pred_index(const HirBlock *b, const HirBlock *pred)
{
    uint32_t k = 0;
    while (k < b->npreds && b->preds[k] != pred) {
        k++;
    }
    return k;
}

void hir_remove_pred(HirBlock *b, uint32_t k)
{
    BASE_CHECK(k < b->npreds);
    for (uint32_t j = k; j + 1 < b->npreds; j++) {
        b->preds[j] = b->preds[j + 1];
    }
    b->npreds--;
    for (HirIns *p = b->first; p && p->op == HIR_Phi; p = p->next) {
        if (k < p->nargs) {
            for (uint32_t j = k; j + 1 < p->nargs; j++) {
                p->args[j] = p->args[j + 1];
            }
            p->nargs--;
        }
    }
}

void hir_redirect(HirBlock *from, HirBlock *old_to, HirBlock *new_to)
{
    uint32_t s = from->succ[0] == old_to ? 0 : 1;
    BASE_CHECK(s < from->nsucc && from->succ[s] == old_to);
    from->succ[s] = new_to;
    hir_remove_pred(old_to, hir_pred_index(old_to, from));
    add_pred(new_to, from);
}

HirBlock *hir_split_edge(HirFunc *f, HirBlock *from, HirBlock *to)
{
    uint32_t s = from->succ[0] == to ? 0 : 1;
    BASE_CHECK(s < from->nsucc && from->succ[s] == to);
    HirBlock *mid = hir_block_new(f, to->bci);
    mid->cold = from->cold || to->cold;
    from->succ[s] = mid;
    add_pred(mid, from);
    mid->succ[0] = to;
    mid->nsucc = 1;
    /* In place, so that the phi operands of `to` keep their positions. */
    to->preds[hir_pred_index(to, from)] = mid;
    HirIns *jump = hir_new0(f, HIR_Jump);
    jump->bci = to->bci;
    hir_append(mid, jump);
    return mid;
}

void hir_branch_to_jump(HirIns *term, uint32_t keep)
{
    HirBlock *b = term->block;
    if (b->nsucc == 2) {
        HirBlock *gone = b->succ[1 - keep];
        /* With both edges to one block either operand position may go: the phis would have had to
         * tell the edges apart by position, first position for succ[0]. */
        uint32_t k = hir_pred_index(gone, b);
        if (b->succ[0] == b->succ[1] && keep == 0) {
            while (k + 1 < gone->npreds && gone->preds[k + 1] != b) {
                k++;
            }
            k++;
        }
        hir_remove_pred(gone, k);
        b->succ[0] = b->succ[keep];
        b->succ[1] = NULL;
        b->nsucc = 1;
    }
    term->op = HIR_Jump;
    term->nargs = 0;
}

/* --- frame states --------------------------------------------------------------- */

HirFrameState *hir_fs_new(HirFunc *f, uint32_t nlocals, uint32_t nstack, HirIns **locals)
{
    /* One allocation: the record, the pointers, then the owned bytes. */
    size_t ptrs = (size_t)nstack + (locals == NULL ? nlocals : 0);
    HirFrameState *fs =
        arena_alloc(f->arena, sizeof(HirFrameState) + ptrs * sizeof(HirIns *) + nstack);
    fs->id = f->nfs++;
    fs->code = f->code;
    fs->nospec = f->nospec;
    fs->nlocals = (uint16_t)nlocals;
    fs->nstack = (uint16_t)nstack;
    fs->locals = locals != NULL ? locals : (HirIns **)(fs + 1) + nstack;
    fs->stack = (HirIns **)(fs + 1);
    fs->owned = (uint8_t *)(fs->stack + ptrs);
    return fs;
}

HirFrameState *hir_fs_copy(HirFunc *f, const HirFrameState *fs)
{
    HirFrameState *c = hir_fs_new(f, fs->nlocals, fs->nstack, NULL);
    c->parent = fs->parent;
    c->code = fs->code;
    c->nospec = fs->nospec;
    c->bci = fs->bci;
    c->call = fs->call;
    memcpy(c->locals, fs->locals, fs->nlocals * sizeof(HirIns *));
    memcpy(c->stack, fs->stack, fs->nstack * sizeof(HirIns *));
    memcpy(c->owned, fs->owned, fs->nstack);
    if (fs->dirty) {
        c->dirty = arena_array(f->arena, uint8_t, fs->nlocals);
        memcpy(c->dirty, fs->dirty, fs->nlocals);
    }
    return c;
}
