/* LIR as text, before and after allocation.
 *
 *   b1: depth 1 loop
 *     phi v40 v41
 *     v42 = LOAD.8 [v40 + 16]
 *     CMP.8 E v42, 0 -> exit resume 12 [stack v40* | 3:v41]
 *     CALL 0x5555 (ts, v42) -> v43 null: exit throw 12 [...]
 *     JMP b1(v43, 7)
 *
 * Registers: v32 and up are virtual; after allocation rax, xmm3, s4 (slot), h2
 * (home of local 2) and c1 (constant) appear.  In exits a star marks a
 * reference that is handed over. */
#include "lir_internal.h"

#include <string.h>

static const char *const gpr_names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                          "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

static const char *const cond_names[LIR_NCONDS] = {
    "O",  "NO", "B", "AE",  "E",   "NE",  "BE",   "A",   "S",    "NS",  "P",    "NP",  "L",
    "GE", "LE", "G", "FEQ", "FNE", "FLT", "FNLT", "FLE", "FNLE", "FGT", "FNGT", "FGE", "FNGE"};

const char *lir_cond_name(unsigned cc)
{
    return cc < LIR_NCONDS ? cond_names[cc] : "?";
}

void lir_print_loc(LirReg r, StrBuf *sb)
{
    if (r == LIR_NOREG) {
        sb_puts(sb, "-");
    } else if (r < LIR_XMM0) {
        sb_puts(sb, gpr_names[r]);
    } else if (r < LIR_FIRST_VREG) {
        sb_printf(sb, "xmm%u", r - LIR_XMM0);
    } else if (lir_loc_is_slot(r)) {
        sb_printf(sb, "s%u", lir_loc_index(r));
    } else if (lir_loc_is_const(r)) {
        sb_printf(sb, "c%u", lir_loc_index(r));
    } else if (lir_loc_is_home(r)) {
        sb_printf(sb, "h%u", lir_loc_index(r));
    } else {
        sb_printf(sb, "v%u", r);
    }
}

static void lir_print_opnd(const LirOpnd *o, StrBuf *sb)
{
    switch (o->kind) {
    case LIR_O_NONE: sb_puts(sb, "none"); return;
    case LIR_O_REG: lir_print_loc(o->reg, sb); return;
    case LIR_O_IMM:
        if (o->imm > -65536 && o->imm < 65536) {
            sb_printf(sb, "%lld", (long long)o->imm);
        } else {
            sb_printf(sb, "%#llx", (unsigned long long)o->imm);
        }
        return;
    default: break;
    }
    sb_puts(sb, o->kind == LIR_O_ADDR ? "&[" : "[");
    if (o->reg != LIR_NOREG) {
        lir_print_loc(o->reg, sb);
    }
    if (o->index != LIR_NOREG) {
        sb_puts(sb, o->reg != LIR_NOREG ? " + " : "");
        lir_print_loc(o->index, sb);
        if (o->scale) {
            sb_printf(sb, "*%u", 1u << o->scale);
        }
    }
    if (o->disp) {
        sb_printf(sb, o->disp < 0 ? " - %lld" : " + %lld",
                  o->disp < 0 ? -(long long)o->disp : (long long)o->disp);
    }
    sb_putc(sb, ']');
}

static void lir_print_val(const LirVal *v, LirReg loc, StrBuf *sb)
{
    if (v->opnd.kind == LIR_O_NONE) {
        sb_printf(sb, "home%d", v->home);
    } else if (v->opnd.kind == LIR_O_REG && loc != LIR_NOREG) {
        lir_print_loc(loc, sb);
    } else {
        lir_print_opnd(&v->opnd, sb);
    }
    sb_puts(sb, v->owned ? "*" : "");
}

static void lir_print_exit(const LirExit *x, StrBuf *sb)
{
    const LirState *s = x->state;
    uint32_t n = 0;
    sb_printf(sb, "exit %s", x->kind ? "throw" : "resume");
    for (uint32_t i = 0; i < s->nframes; i++) {
        const LirStateFrame *f = &s->frames[i];
        sb_printf(sb, " %d [", f->bci);
        for (uint32_t k = 0; k < (uint32_t)f->nstack + f->ndirty; k++) {
            bool reg = f->vals[k].opnd.kind == LIR_O_REG;
            sb_puts(sb, k == f->nstack ? (k ? " | " : "| ") : k ? " " : "");
            if (k >= f->nstack) {
                sb_printf(sb, "%u:", f->dirty[k - f->nstack]);
            }
            lir_print_val(&f->vals[k], reg && x->locs ? x->locs[n] : LIR_NOREG, sb);
            n += reg;
        }
        sb_putc(sb, ']');
    }
}

static void lir_print_moves(const LirMoves *m, const char *where, StrBuf *sb)
{
    if (m == NULL) {
        return;
    }
    sb_printf(sb, "  %s", where);
    for (uint32_t k = 0; k < m->v.len; k++) {
        sb_puts(sb, k ? ", " : " ");
        lir_print_loc(m->v.data[k].dst, sb);
        sb_puts(sb, " = ");
        lir_print_opnd(&m->v.data[k].src, sb);
    }
    sb_putc(sb, '\n');
}

static void lir_print_call(const LirIns *i, StrBuf *sb)
{
    static const char *const checks[] = {"", " null: ", " neg32: ", " neg64: ", " set32: "};
    sb_putc(sb, '(');
    for (unsigned k = 0; k < i->nargs; k++) {
        sb_puts(sb, k ? ", " : "");
        lir_print_opnd(&i->args[k], sb);
    }
    sb_putc(sb, ')');
    if (i->cflags & LIR_CALL_PRESERVE) {
        sb_printf(sb, " preserve %#x", i->save);
    }
    if (i->check != LIR_CHK_NONE) {
        sb_puts(sb, checks[i->check]);
        lir_print_exit(i->exit, sb);
    }
}

void lir_print_ins(const LirIns *i, StrBuf *sb)
{
    if (i->dst != LIR_NOREG || i->dst2 != LIR_NOREG) {
        lir_print_loc(i->dst, sb);
        if (i->dst2 != LIR_NOREG) {
            sb_puts(sb, ", ");
            lir_print_loc(i->dst2, sb);
        }
        sb_puts(sb, " = ");
    }
    sb_puts(sb, lir_op_info[i->op].name);
    if (!(lir_op_info[i->op].flags & (LIR_F_TERM | LIR_F_CALL))) {
        sb_printf(sb, ".%u", i->w);
    }
    if (i->tgt != LIR_T_NONE) {
        sb_printf(sb, " %s", lir_cond_name(i->cc));
    }
    for (unsigned k = 0; k < i->nsrc; k++) {
        sb_puts(sb, k ? ", " : " ");
        lir_print_opnd(&i->src[k], sb);
    }
    if (i->op == LIR_CALL) {
        lir_print_call(i, sb);
    } else if (i->tgt == LIR_T_SLOW) {
        sb_puts(sb, " -> slow");
    } else if (i->tgt == LIR_T_DONE) {
        sb_puts(sb, " -> done");
    } else if (i->exit) {
        sb_puts(sb, i->op == LIR_EXIT ? " " : " -> ");
        lir_print_exit(i->exit, sb);
    }
    sb_putc(sb, '\n');
}

static void lir_print_edges(const LirBlock *b, StrBuf *sb)
{
    sb_puts(sb, "   ");
    for (unsigned k = 0; k < b->nsucc; k++) {
        sb_printf(sb, " -> b%u", b->succ[k]->id);
        if (b->out_args[k] && b->succ[k]->nphi) {
            sb_putc(sb, '(');
            for (uint32_t p = 0; p < b->succ[k]->nphi; p++) {
                sb_puts(sb, p ? ", " : "");
                lir_print_opnd(&b->out_args[k][p], sb);
            }
            sb_putc(sb, ')');
        }
    }
    sb_putc(sb, '\n');
}

static void lir_print_block(const LirBlock *b, StrBuf *sb)
{
    sb_printf(sb, "b%u:", b->id);
    if (b->loop_depth) {
        sb_printf(sb, " depth %u", b->loop_depth);
    }
    sb_puts(sb, b->loop_header ? " loop" : "");
    sb_puts(sb, b->cold ? " cold\n" : "\n");
    if (b->nphi) {
        sb_puts(sb, "    phi");
        for (uint32_t k = 0; k < b->nphi; k++) {
            sb_putc(sb, ' ');
            lir_print_loc(b->phi[k], sb);
        }
        sb_putc(sb, '\n');
    }
    lir_print_moves(b->entry_moves, "on entry:", sb);
    for (const LirIns *i = b->first; i; i = i->next) {
        lir_print_moves(i->moves, "moves:", sb);
        if (i == b->last) {
            lir_print_moves(b->exit_moves, "on leaving:", sb);
        }
        sb_puts(sb, "    ");
        lir_print_ins(i, sb);
        for (const LirIns *y = i->slow ? i->slow->first : NULL; y; y = y->next) {
            sb_puts(sb, "      | ");
            lir_print_ins(y, sb);
        }
    }
    if (b->nsucc) {
        lir_print_edges(b, sb);
    }
}

void lir_print(const LirFunc *f, StrBuf *sb)
{
    sb_printf(sb, "lir %s: %u registers, %u instructions, out area %u\n", f->name ? f->name : "?",
              f->vregs.len - LIR_FIRST_VREG, f->nins, f->out_words);
    if (f->allocated) {
        for (uint32_t k = 0; k < f->norder; k++) {
            lir_print_block(f->order[k], sb);
        }
    } else {
        for (const LirBlock *b = f->blocks; b; b = b->next) {
            lir_print_block(b, sb);
        }
    }
}
