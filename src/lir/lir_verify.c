/* Well-formedness of LIR as lowering makes it: shapes of operands, targets,
 * block ends, phis, and that every use is reached by a definition. */
#include "lir_internal.h"

#include <string.h>

typedef struct {
    const LirFunc *f;
    StrBuf *err;
    const LirBlock *b;
    const LirIns *i;
    bool bad;
} Ver;

static void lir_bad(Ver *v, const char *what)
{
    if (v->bad) {
        return;
    }
    v->bad = true;
    sb_printf(v->err, "b%u: %s", v->b ? v->b->id : 0, what);
    if (v->i) {
        sb_puts(v->err, ": ");
        lir_print_ins(v->i, v->err);
    }
}

#define NEED(v, cond, what)     \
    do {                        \
        if (!(cond)) {          \
            lir_bad((v), what); \
        }                       \
    } while (0)

static void lir_verify_reg(Ver *v, LirReg r, int cls)
{
    if (lir_is_phys(r)) {
        NEED(v, r == LIR_FRAME || r == LIR_TS || r == LIR_RBP || r == LIR_RSP,
             "a physical register that lowering may not name");
        NEED(v, cls != LIR_XMM, "a general register where a double is wanted");
        return;
    }
    NEED(v, r < v->f->vregs.len, "an unknown register");
    if (!v->bad) {
        NEED(v, cls < 0 || v->f->vregs.data[r].cls == cls, "a register of the wrong class");
    }
}

static void lir_verify_opnd(Ver *v, const LirOpnd *o, char letter, int cls)
{
    if (letter == 'N') {
        NEED(v, o->kind == LIR_O_NONE, "an operand too many");
        return;
    }
    if (letter == 'G') {
        cls = LIR_GPR;
    } else if (letter == 'X') {
        cls = LIR_XMM;
    }
    switch (o->kind) {
    case LIR_O_NONE: lir_bad(v, "an operand is missing"); break;
    case LIR_O_REG:
        NEED(v, letter != 'M' && letter != 'E', "memory is wanted");
        lir_verify_reg(v, o->reg, cls);
        break;
    case LIR_O_IMM: NEED(v, letter != 'M' && letter != 'E', "memory is wanted"); break;
    case LIR_O_ADDR: lir_bad(v, "an address is for calls and phis only"); break;
    default:
        NEED(v, o->reg != LIR_NOREG || o->index != LIR_NOREG || letter == 'E' || o->disp,
             "memory without an address");
        if (o->reg != LIR_NOREG) {
            lir_verify_reg(v, o->reg, LIR_GPR);
        }
        if (o->index != LIR_NOREG) {
            lir_verify_reg(v, o->index, LIR_GPR);
            NEED(v, o->index != LIR_RSP, "rsp cannot be an index");
        }
    }
}

static void lir_verify_state(Ver *v, const LirExit *x)
{
    NEED(v, x != NULL && x->state != NULL, "no exit");
    if (v->bad) {
        return;
    }
    uint32_t n = 0;
    NEED(v, x->state->nframes > 0 && x->state->nframes < 256, "a state without frames");
    for (uint32_t k = 0; k < x->state->nframes; k++) {
        const LirStateFrame *f = &x->state->frames[k];
        for (uint32_t j = 0; j < (uint32_t)f->nstack + f->ndirty; j++, n++) {
            const LirVal *val = &f->vals[j];
            if (val->opnd.kind == LIR_O_REG) {
                NEED(v, lir_is_virtual(val->opnd.reg), "a state names a physical register");
                lir_verify_reg(v, val->opnd.reg, -1);
            } else {
                NEED(v,
                     val->opnd.kind == LIR_O_IMM ||
                         (val->opnd.kind == LIR_O_NONE && val->home >= 0),
                     "a value of a state is nowhere");
            }
            NEED(v, val->same_as <= n, "same_as does not name an earlier value");
        }
    }
}

static void lir_verify_call(Ver *v, const LirIns *i)
{
    unsigned g = 0, x = 0;
    for (unsigned k = 0; k < i->nargs; k++) {
        const LirOpnd *o = &i->args[k];
        bool xmm = (i->xargs >> k) & 1;
        if (o->kind == LIR_O_MEM || o->kind == LIR_O_ADDR) {
            NEED(v, !lir_is_virtual(o->reg) && !lir_is_virtual(o->index),
                 "memory behind a virtual register as an argument");
        } else {
            lir_verify_opnd(v, o, 'A', xmm ? LIR_XMM : LIR_GPR);
        }
        g += !xmm;
        x += xmm;
    }
    NEED(v, g <= 6 && x <= 8, "too many arguments");
    NEED(v, i->check <= LIR_CHK_SET32, "bad check");
    if (i->check != LIR_CHK_NONE) {
        lir_verify_state(v, i->exit);
    }
    if (i->dst != LIR_NOREG) {
        NEED(v, (v->f->vregs.data[i->dst].cls == LIR_XMM) == !!(i->cflags & LIR_CALL_XMM_),
             "the result's class changed");
    }
}

static void lir_verify_target(Ver *v, const LirIns *i, bool slow)
{
    unsigned fl = lir_op_info[i->op].flags;
    if (i->tgt == LIR_T_NONE) {
        NEED(v, !(fl & LIR_F_MUST), "a comparison without a target");
        return;
    }
    NEED(v, fl & LIR_F_COND, "a target on an instruction without flags");
    NEED(v, i->cc < LIR_NCONDS && (i->cc >= LIR_FEQ) == (i->op == LIR_FCMP), "bad condition");
    switch ((LirTarget)i->tgt) {
    case LIR_T_SET:
        NEED(v, (fl & LIR_F_MUST) && i->dst != LIR_NOREG, "SET without a result");
        break;
    case LIR_T_BR:
        NEED(v, (fl & LIR_F_MUST) && !slow && i->next == NULL && v->b->nsucc == 2, "bad branch");
        break;
    case LIR_T_EXIT: lir_verify_state(v, i->exit); break;
    case LIR_T_SLOW: NEED(v, !slow && i->slow && i->slow->owner == i, "bad slow path"); break;
    default: NEED(v, slow, "DONE outside of a slow path"); break;
    }
}

static void lir_verify_ins(Ver *v, const LirIns *i, bool slow)
{
    v->i = i;
    const LirOpInfo *info = &lir_op_info[i->op];
    NEED(v, i->w == 1 || i->w == 2 || i->w == 4 || i->w == 8, "bad width");
    int cls = -1;
    if (i->dst != LIR_NOREG) {
        NEED(v, lir_is_virtual(i->dst) && info->dst != 'N', "bad destination");
        cls = info->dst == 'G' ? LIR_GPR : info->dst == 'X' ? LIR_XMM : -1;
        lir_verify_reg(v, i->dst, cls);
        if (!v->bad) {
            cls = v->f->vregs.data[i->dst].cls;
        }
    } else {
        NEED(v, info->dst == 'N' || i->op == LIR_CALL || i->op == LIR_IDIV || i->tgt != LIR_T_NONE,
             "no destination");
    }
    if (i->dst2 != LIR_NOREG) {
        NEED(v, i->op == LIR_IDIV && lir_is_virtual(i->dst2), "bad second destination");
    }
    if (v->bad) {
        return;
    }
    int c1 = i->op == LIR_STORE ? -1 : cls;
    lir_verify_opnd(v, &i->src[0], info->s0, cls);
    lir_verify_opnd(v, &i->src[1], info->s1, c1);
    if (!v->bad && i->op == LIR_STORE && i->src[1].kind == LIR_O_REG &&
        lir_class(v->f, i->src[1].reg) == LIR_XMM) {
        NEED(v, i->w == 8, "a double is 8 bytes");
    }
    bool m0 = i->src[0].kind == LIR_O_MEM, m1 = i->src[1].kind == LIR_O_MEM;
    NEED(v, !(m0 && m1), "two memory operands");
    lir_verify_target(v, i, slow);
    if (i->op == LIR_CALL) {
        lir_verify_call(v, i);
    } else if (i->op == LIR_EXIT) {
        lir_verify_state(v, i->exit);
    }
    bool ends = (info->flags & LIR_F_TERM) || i->tgt == LIR_T_BR;
    NEED(v, !ends || i->next == NULL, "code behind the end");
    NEED(v, !slow || ends == false || i->op == LIR_EXIT || i->op == LIR_TRAP,
         "control in a slow path");
    if (!slow) {
        NEED(v, ends || i->next != NULL, "the block does not end");
    }
    NEED(v, (i->next == NULL || i->next->prev == i), "broken list");
}

/* Every use must be reached by a definition: nothing may be live on entry. */
static void lir_verify_defined(Ver *v)
{
    const LirFunc *f = v->f;
    LirAlloc ra = {.f = (LirFunc *)f, .scratch = f->arena};
    const char *reason = NULL;
    /* Ordering is idempotent as far as the blocks' code is concerned; liveness is recomputed by
     * the allocator. */
    if (!lir_order(ra.f, &reason) || !lir_liveness(&ra, &reason)) {
        return; /* too large is not ill-formed */
    }
    v->i = NULL;
    v->b = f->blocks;
    NEED(v, f->blocks->npreds == 0, "the entry block has a predecessor");
    for (uint32_t w = 0; w < ra.live_words; w++) {
        uint64_t bits = f->blocks->live_in[w];
        if (bits && !v->bad) {
            lir_bad(v, "used before defined");
            sb_printf(v->err, ": v%u", ra.globals[w * 64 + (uint32_t)__builtin_ctzll(bits)]);
        }
    }
    /* Registers of one block alone: in order. */
    uint8_t *def = arena_array(f->arena, uint8_t, f->vregs.len);
    LirRef refs[LIR_MAX_REFS];
    for (uint32_t o = 0; o < f->norder && !v->bad; o++) {
        LirBlock *b = f->order[o];
        v->b = b;
        for (uint32_t p = 0; p < b->nphi; p++) {
            def[b->phi[p]] = 1;
        }
        for (LirIns *i = b->first; i; i = i->next) {
            for (LirIns *y = i, *next; y; y = next) {
                unsigned n = lir_refs(y, y != i, refs);
                v->i = y;
                for (unsigned k = 0; k < n; k++) {
                    LirReg r = *refs[k].reg;
                    if (!(refs[k].flags & LIR_R_DEF) && ra.global_of[r] == UINT32_MAX) {
                        NEED(v, def[r], "used before defined");
                    }
                }
                for (unsigned k = 0; k < n; k++) {
                    if (refs[k].flags & LIR_R_DEF) {
                        def[*refs[k].reg] = 1;
                    }
                }
                next = y == i ? (i->slow ? i->slow->first : NULL) : y->next;
            }
        }
    }
}

bool lir_verify(const LirFunc *f, StrBuf *err)
{
    Ver v = {.f = f, .err = err};
    if (f->blocks == NULL || f->blocks->first == NULL) {
        sb_puts(err, "no blocks");
        return false;
    }
    for (const LirBlock *b = f->blocks; b; b = b->next) {
        v.b = b;
        v.i = NULL;
        NEED(&v, b->succ[0] != f->blocks && b->succ[1] != f->blocks, "an edge to the entry");
        for (uint32_t k = 0; k < b->nphi; k++) {
            NEED(&v, lir_is_virtual(b->phi[k]) && b->phi[k] < f->vregs.len, "bad phi");
        }
        for (unsigned k = 0; k < b->nsucc; k++) {
            NEED(&v, b->succ[k]->first != NULL, "an edge to an empty block");
            NEED(&v, b->succ[k]->nphi == 0 || b->out_args[k] != NULL,
                 "an edge without its arguments");
            for (uint32_t p = 0; !v.bad && p < b->succ[k]->nphi; p++) {
                const LirOpnd *o = &b->out_args[k][p];
                if (o->kind == LIR_O_MEM || o->kind == LIR_O_ADDR) {
                    NEED(&v, !lir_is_virtual(o->reg) && !lir_is_virtual(o->index),
                         "memory behind a virtual register on an edge");
                } else {
                    lir_verify_opnd(&v, o, 'A', lir_class(f, b->succ[k]->phi[p]));
                }
            }
        }
        for (const LirIns *i = b->first; i && !v.bad; i = i->next) {
            lir_verify_ins(&v, i, false);
            for (const LirIns *y = i->slow ? i->slow->first : NULL; y && !v.bad; y = y->next) {
                lir_verify_ins(&v, y, true);
            }
        }
        if (v.bad) {
            return false;
        }
    }
    lir_verify_defined(&v);
    return !v.bad;
}
