/* HIR as text: dumps for people, golden files and bisection. hir_parse.c reads it back.
 *
 *   func f nlocals=2 nstack=0 bci=0
 *   b0 bci=0:
 *     v0:ANY|NULL = LoadLocal #0
 *     v1:FLOAT = GuardType v0 #FLOAT @4 [s0: 4 | v0 - | v9! v3]
 *     Branch v7 b1 b2
 *   b1 (b0 b3) bci=8 cold:
 *
 * A block names its predecessors in the order of phi operands. A value has its type, or its
 * representation when it is raw. `#` is aux, `$` is imm, `caught` the flag of that name, `@` the code unit. A frame state is
 * spelled out where it is first used: code unit, in a caller's state how the call ends, locals (`~`
 * marks a stale home, `~!` one whose reference is ours, `-` an untracked one), stack (`!` marks an
 * owned entry), then `^` and the caller's state. */
#include <Python.h>

#include <inttypes.h>

#include "base_bitset.h"
#include "hir.h"

/* In the order of Py_LT..Py_GE and of BINARY_OP's opargs; the parser reads them too. */
const char *const hir_cmp_names[HIR_NCMP] = {"<", "<=", "==", "!=", ">", ">="};
const char *const hir_nb_names[HIR_NNB] = {
    "+",  "&",  "//",  "<<",  "@",  "*",  "%",  "|",  "**",  ">>",  "-",  "/",  "^",
    "+=", "&=", "//=", "<<=", "@=", "*=", "%=", "|=", "**=", ">>=", "-=", "/=", "^="};
const char *const hir_call_names[HIR_NCALLS] = {"none",  "method", "under", "getter", "init0",
                                                "init1", "init2",  "init3", "init4",  "init5",
                                                "init6", "init7",  "init8"};
static const char *const rep_names[] = {"void", "obj", "f64", "i64", "bool"};

static void print_object(PyObject *o, StrBuf *sb)
{
    /* Only exact builtin types are looked into: a dump must not run Python code. */
    if (!o) {
        sb_puts(sb, "NULL");
    } else if (o == Py_None || PyBool_Check(o)) {
        sb_puts(sb, o == Py_None ? "None" : o == Py_True ? "True" : "False");
    } else if (PyLong_CheckExact(o)) {
        int overflow;
        long long v = PyLong_AsLongLongAndOverflow(o, &overflow);
        if (overflow) {
            sb_printf(sb, "<int %p>", (void *)o);
        } else {
            sb_printf(sb, "%lld", v);
        }
    } else if (PyFloat_CheckExact(o)) {
        char *s = PyOS_double_to_string(PyFloat_AS_DOUBLE(o), 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
        sb_puts(sb, s ? s : "nan");
        PyMem_Free(s);
    } else if (PyUnicode_CheckExact(o) && PyUnicode_IS_READY(o)) {
        sb_putc(sb, '\'');
        Py_ssize_t n = PyUnicode_GET_LENGTH(o);
        for (Py_ssize_t k = 0; k < n && k < 60; k++) {
            Py_UCS4 c = PyUnicode_READ_CHAR(o, k);
            if (c < 32 || c > 126 || c == '\'' || c == '\\') {
                sb_printf(sb, "\\u%06x", (unsigned)c);
            } else {
                sb_putc(sb, (char)c);
            }
        }
        sb_putc(sb, '\'');
    } else if (PyType_Check(o)) {
        sb_printf(sb, "<type %s>", ((PyTypeObject *)o)->tp_name);
    } else if (PyCode_Check(o)) {
        const char *name = PyUnicode_AsUTF8(((PyCodeObject *)o)->co_name);
        PyErr_Clear();
        sb_printf(sb, "<code %s>", name ? name : "?");
    } else {
        sb_printf(sb, "<%s %p>", Py_TYPE(o)->tp_name, (void *)o);
    }
}

static void print_value(const HirIns *v, StrBuf *sb)
{
    if (!v) {
        sb_puts(sb, " -");
        return;
    }
    while (v->fwd) { /* a dump in the middle of a pass */
        v = v->fwd;
    }
    sb_printf(sb, " v%" PRIu32, v->id);
}

static void print_state(const HirFrameState *fs, Bitset *seen, StrBuf *sb)
{
    sb_printf(sb, "[s%" PRIu32, fs->id);
    if (bitset_add_new(seen, fs->id)) {
        sb_printf(sb, ": %" PRId32, fs->bci);
        if (fs->call) {
            sb_printf(sb, " %s", hir_call_names[fs->call]);
        }
        sb_puts(sb, " |");
        for (uint32_t k = 0; k < fs->nlocals; k++) {
            print_value(fs->locals[k], sb);
            if (fs->dirty && fs->dirty[k]) {
                sb_puts(sb, fs->dirty[k] == HIR_DIRTY_OWNED ? "~!" : "~");
            }
        }
        sb_puts(sb, " |");
        for (uint32_t k = 0; k < fs->nstack; k++) {
            print_value(fs->stack[k], sb);
            if (fs->owned[k]) {
                sb_putc(sb, '!');
            }
        }
        if (fs->parent) {
            sb_puts(sb, " ^ ");
            print_state(fs->parent, seen, sb);
        }
    }
    sb_putc(sb, ']');
}

static void print_aux(const HirIns *i, StrBuf *sb)
{
    switch (hir_sigs[i->op].aux) {
    case HIR_AUX_TYPE:
        sb_puts(sb, " #");
        hir_type_str(i->aux, sb);
        break;
    case HIR_AUX_CMP: sb_printf(sb, " #%s", i->aux < HIR_NCMP ? hir_cmp_names[i->aux] : "?"); break;
    case HIR_AUX_NB: sb_printf(sb, " #%s", i->aux < HIR_NNB ? hir_nb_names[i->aux] : "?"); break;
    case HIR_AUX_INT:
        if (i->op == HIR_Phi) {
            if (i->aux & HIR_PHI_OWNED) {
                sb_puts(sb, " owned");
            }
            if (hir_phi_local(i) >= 0) {
                sb_printf(sb, " #%d", hir_phi_local(i));
            }
        } else {
            sb_printf(sb, " #%" PRIu32, i->aux);
        }
        break;
    default:
        if (i->aux) {
            sb_printf(sb, " #%" PRIu32, i->aux);
        }
    }
}

static void print_imm(const HirIns *i, StrBuf *sb)
{
    switch (hir_sigs[i->op].imm) {
    case HIR_IMM_OBJ:
    case HIR_IMM_SEEN:
        sb_puts(sb, " $");
        print_object(i->imm.p, sb);
        break;
    case HIR_IMM_PTR: sb_printf(sb, " $&%" PRIxPTR, (uintptr_t)i->imm.p); break;
    case HIR_IMM_INT: sb_printf(sb, " $%" PRId64, i->imm.i); break;
    case HIR_IMM_F64: {
        char *s = PyOS_double_to_string(i->imm.f, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
        sb_printf(sb, " $%s", s ? s : "nan");
        PyMem_Free(s);
        break;
    }
    case HIR_IMM_PAIR: sb_printf(sb, " $%" PRIu32 ",%" PRIu32, i->imm.pair.a, i->imm.pair.b); break;
    default: break;
    }
}

static void print_ins(const HirIns *i, Bitset *seen, StrBuf *sb)
{
    sb_puts(sb, "  ");
    /* A void op has no name, unless LoadOuts refer to it. */
    if (i->rep != HIR_VOID || (i->next && i->next->op == HIR_LoadOut)) {
        sb_printf(sb, "v%" PRIu32 ":", i->id);
        if (i->rep == HIR_OBJ) {
            hir_type_str(i->type, sb);
        } else {
            sb_puts(sb, rep_names[i->rep]);
        }
        sb_puts(sb, " = ");
    }
    sb_puts(sb, hir_op_info[i->op].name);
    for (uint32_t k = 0; k < i->nargs; k++) {
        print_value(i->args[k], sb);
    }
    print_aux(i, sb);
    print_imm(i, sb);
    if (i->caught) {
        sb_puts(sb, " caught");
    }
    if (hir_is_term(i)) {
        for (uint32_t s = 0; s < i->block->nsucc; s++) {
            sb_printf(sb, " b%" PRIu32, i->block->succ[s]->id);
        }
    }
    if (i->bci >= 0) {
        sb_printf(sb, " @%" PRId32, i->bci);
    }
    if (i->fs) {
        sb_putc(sb, ' ');
        print_state(i->fs, seen, sb);
    }
    sb_putc(sb, '\n');
}

void hir_print(const HirFunc *f, StrBuf *sb)
{
    Bitset seen;
    bitset_init(&seen, f->arena, f->nfs + 1);
    sb_puts(sb, "func ");
    for (const char *s = f->name; *s; s++) {
        sb_putc(sb, *s <= ' ' ? '_' : *s);
    }
    sb_printf(sb, " nlocals=%u nstack=%u bci=%" PRId32 "\n", f->nlocals, f->entry_nstack,
              f->entry_bci);
    for (const HirBlock *b = f->blocks; b; b = b->next) {
        sb_printf(sb, "b%" PRIu32, b->id);
        if (b->npreds) {
            for (uint32_t k = 0; k < b->npreds; k++) {
                sb_printf(sb, "%cb%" PRIu32, k ? ' ' : '(', b->preds[k]->id);
            }
            sb_putc(sb, ')');
        }
        sb_printf(sb, " bci=%" PRId32, b->bci);
        if (b->cold) {
            sb_puts(sb, " cold");
        }
        if (b->loop_header) {
            sb_puts(sb, " loop");
        }
        sb_puts(sb, ":\n");
        for (const HirIns *i = b->first; i; i = i->next) {
            print_ins(i, &seen, sb);
        }
    }
}
