/* HIR from text: reads what hir_print.c writes, for golden tests and for reproducing a dump.
 *
 * Values may be used before their line (phis), so operands are kept as numbers first and bound at
 * the end. Objects: None, True, False, NULL, ints, floats, 'strings' and <type NAME> of builtin
 * types; each object made here is leaked on purpose, as the unit that would pin it is missing. */
#include <Python.h>

#include <ctype.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "base_vec.h"
#include "hir.h"

#define MAX_IDS (1u << 20) /* of values, blocks and states: keeps a bad number from eating memory */

typedef VEC(HirIns *) InsVec;
typedef VEC(HirBlock *) BlockVec;
typedef VEC(HirFrameState *) StateVec;
typedef VEC(HirIns **) SlotVec;
typedef VEC(uint32_t) U32Vec;

typedef struct {
    Arena *a;
    const char *p;
    int line;
    HirFunc *f;
    InsVec values;
    BlockVec blocks;
    StateVec states;
    SlotVec slots;   /* operands to bind ... */
    U32Vec slot_ids; /* ... to these values */
    StrBuf *err;
    jmp_buf fail;
} Parser;

static BASE_NORETURN void fail(Parser *p, const char *what)
{
    sb_printf(p->err, "line %d: %s near '%.20s'", p->line, what, p->p);
    longjmp(p->fail, 1);
}

static void blanks(Parser *p)
{
    while (*p->p == ' ') {
        p->p++;
    }
}

static bool eat(Parser *p, const char *s)
{
    blanks(p);
    size_t n = strlen(s);
    if (strncmp(p->p, s, n) != 0) {
        return false;
    }
    p->p += n;
    return true;
}

static void need(Parser *p, const char *s)
{
    if (!eat(p, s)) {
        fail(p, s);
    }
}

static int64_t number(Parser *p)
{
    blanks(p);
    char *end;
    int64_t v = strtoll(p->p, &end, 10);
    if (end == p->p) {
        fail(p, "number expected");
    }
    p->p = end;
    return v;
}

static uint32_t id_number(Parser *p)
{
    int64_t v = number(p);
    if (v < 0 || v >= MAX_IDS) {
        fail(p, "id out of range");
    }
    return (uint32_t)v;
}

static size_t word_len(const char *s)
{
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '_') {
        n++;
    }
    return n;
}

static HirType parse_type(Parser *p)
{
    static const char *const names[] = {
#define NAME(n) #n,
        HIR_TYPES(NAME)
#undef NAME
    };
    HirType t = 0;
    do {
        size_t n = word_len(p->p), k = 0;
        if (n == 3 && !strncmp(p->p, "ANY", 3)) {
            t |= HIR_T_ANY;
        } else if (!(n == 7 && !strncmp(p->p, "NOTHING", 7))) {
            while (k < HIR_NTYPES && !(strlen(names[k]) == n && !strncmp(names[k], p->p, n))) {
                k++;
            }
            if (k == HIR_NTYPES) {
                fail(p, "unknown type");
            }
            t |= 1u << k;
        }
        p->p += n;
    } while (*p->p == '|' && p->p++);
    return t;
}

static PyObject *parse_string(Parser *p)
{
    Py_UCS4 buf[256];
    Py_ssize_t n = 0;
    p->p++;
    while (*p->p != '\'') {
        if (!*p->p || *p->p == '\n' || n == 256) {
            fail(p, "unfinished string");
        }
        if (p->p[0] == '\\' && p->p[1] == 'u') {
            char hex[7] = {0};
            strncpy(hex, p->p + 2, 6);
            buf[n++] = (Py_UCS4)strtoul(hex, NULL, 16);
            p->p += 2 + strlen(hex);
        } else {
            buf[n++] = (unsigned char)*p->p++;
        }
    }
    p->p++;
    return PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, buf, n);
}

static PyObject *parse_object(Parser *p)
{
    static const struct {
        const char *name;
        PyObject *obj;
    } words[] = {{"NULL", NULL}, {"None", Py_None}, {"True", Py_True}, {"False", Py_False}};
    for (size_t k = 0; k < BASE_COUNT(words); k++) {
        if (eat(p, words[k].name)) {
            return words[k].obj;
        }
    }
    if (*p->p == '\'') {
        return parse_string(p);
    }
    if (eat(p, "<type ")) {
        size_t n = strcspn(p->p, ">\n");
        for (int b = 0; b < HIR_NTYPES; b++) {
            PyTypeObject *tp = hir_pytype_of(1u << b);
            if (tp && strlen(tp->tp_name) == n && !strncmp(tp->tp_name, p->p, n)) {
                p->p += n + 1;
                return (PyObject *)tp;
            }
        }
        fail(p, "unknown type object");
    }
    size_t n = strcspn(p->p, " \n");
    char *text = arena_strndup(p->a, p->p, n);
    bool is_float = strpbrk(text, ".ein") != NULL; /* 1.5 1e9 inf nan */
    PyObject *o = is_float ? PyFloat_FromString(PyUnicode_FromString(text))
                           : PyLong_FromString(text, NULL, 10);
    if (!o) {
        PyErr_Clear();
        fail(p, "bad object");
    }
    p->p += n;
    return o;
}

static HirBlock *block_of(Parser *p, uint32_t id)
{
    VEC_RESIZE(p->a, &p->blocks, BASE_MAX(id + 1, p->blocks.len));
    if (!p->blocks.data[id]) {
        /* Made in the order of first mention; linked in the order of definition. */
        HirBlock *b = arena_new(p->a, HirBlock);
        b->func = p->f;
        b->id = id;
        p->blocks.data[id] = b;
        p->f->nblocks = BASE_MAX(p->f->nblocks, id + 1);
    }
    return p->blocks.data[id];
}

static void bind_later(Parser *p, HirIns **slot, uint32_t id)
{
    VEC_PUSH(p->a, &p->slots, slot);
    VEC_PUSH(p->a, &p->slot_ids, id);
}

/* Value lists of a state: marks, which are counted, after each. */
static uint32_t state_values(Parser *p, uint32_t *ids, uint8_t *marks)
{
    uint32_t n = 0;
    for (;;) {
        blanks(p);
        if (n == 4096) {
            fail(p, "state too long");
        }
        if (*p->p == '-') {
            p->p++;
            ids[n] = UINT32_MAX;
        } else if (*p->p == 'v') {
            p->p++;
            ids[n] = id_number(p);
        } else {
            return n;
        }
        marks[n] = (uint8_t)strspn(p->p, "~!"); /* ~ HIR_DIRTY, ~! HIR_DIRTY_OWNED */
        p->p += marks[n];
        n++;
    }
}

static HirFrameState *parse_state(Parser *p)
{
    need(p, "[s");
    uint32_t id = id_number(p);
    VEC_RESIZE(p->a, &p->states, BASE_MAX(id + 1, p->states.len));
    if (eat(p, ":")) {
        int32_t bci = (int32_t)number(p);
        uint32_t *ids = arena_array(p->a, uint32_t, 2 * 4096);
        uint8_t *marks = arena_array(p->a, uint8_t, 2 * 4096);
        uint8_t call = HIR_CALL_NONE;
        for (int k = HIR_CALL_METHOD; k < HIR_NCALLS; k++) {
            if (eat(p, hir_call_names[k])) {
                call = (uint8_t)k;
                break;
            }
        }
        need(p, "|");
        uint32_t nl = state_values(p, ids, marks);
        need(p, "|");
        uint32_t ns = state_values(p, ids + 4096, marks + 4096);
        HirFrameState *fs = hir_fs_new(p->f, nl, ns, NULL);
        fs->id = id;
        fs->bci = bci;
        fs->call = call;
        for (uint32_t k = 0; k < nl; k++) {
            if (ids[k] != UINT32_MAX) {
                bind_later(p, &fs->locals[k], ids[k]);
            }
            if (marks[k]) {
                fs->dirty = fs->dirty ? fs->dirty : arena_array(p->a, uint8_t, nl);
                fs->dirty[k] = marks[k];
            }
        }
        for (uint32_t k = 0; k < ns; k++) {
            if (ids[4096 + k] != UINT32_MAX) {
                bind_later(p, &fs->stack[k], ids[4096 + k]);
            }
            fs->owned[k] = marks[4096 + k];
        }
        p->states.data[id] = fs;
        if (eat(p, "^")) {
            fs->parent = parse_state(p);
        }
    }
    if (!p->states.data[id]) {
        fail(p, "state used before it is spelled out");
    }
    need(p, "]");
    return p->states.data[id];
}

static uint32_t parse_name_of(Parser *p, const char *const *names, size_t n)
{
    size_t len = strcspn(p->p, " \n"), k = 0;
    while (k < n && !(strlen(names[k]) == len && !strncmp(names[k], p->p, len))) {
        k++;
    }
    if (k == n) {
        fail(p, "unknown name after #");
    }
    p->p += len;
    return (uint32_t)k;
}

static void parse_aux(Parser *p, HirIns *i)
{
    switch (hir_sigs[i->op].aux) {
    case HIR_AUX_TYPE: i->aux = parse_type(p); break;
    case HIR_AUX_CMP: i->aux = parse_name_of(p, hir_cmp_names, HIR_NCMP); break;
    case HIR_AUX_NB: i->aux = parse_name_of(p, hir_nb_names, HIR_NNB); break;
    default: i->aux = (uint32_t)number(p); break;
    }
}

static void parse_imm(Parser *p, HirIns *i)
{
    char *end;
    switch (hir_sigs[i->op].imm) {
    case HIR_IMM_OBJ:
    case HIR_IMM_SEEN: i->imm.p = parse_object(p); break;
    case HIR_IMM_PTR:
        need(p, "&");
        i->imm.p = (void *)(uintptr_t)strtoull(p->p, &end, 16);
        p->p = end;
        break;
    case HIR_IMM_F64:
        i->imm.f = strtod(p->p, &end);
        p->p = end;
        break;
    case HIR_IMM_PAIR:
        i->imm.pair.a = (uint32_t)number(p);
        need(p, ",");
        i->imm.pair.b = (uint32_t)number(p);
        break;
    default: i->imm.i = number(p); break;
    }
}

static void parse_ins(Parser *p, HirBlock *b)
{
    static const char *const reps[] = {"void", "obj", "f64", "i64", "bool"};
    uint32_t id = UINT32_MAX;
    HirType type = 0;
    int rep = HIR_VOID;
    if (*p->p == 'v' && isdigit((unsigned char)p->p[1])) {
        p->p++;
        id = id_number(p);
        need(p, ":");
        for (rep = HIR_VOID; rep <= HIR_BOOL && !eat(p, reps[rep]); rep++) {
        }
        if (rep > HIR_BOOL) {
            rep = HIR_OBJ;
            type = parse_type(p);
        }
        need(p, "=");
    }
    blanks(p);
    size_t n = word_len(p->p);
    uint32_t op = 0;
    while (op < HIR_NOPS &&
           !(strlen(hir_op_info[op].name) == n && !strncmp(hir_op_info[op].name, p->p, n))) {
        op++;
    }
    if (op == HIR_NOPS) {
        fail(p, "unknown op");
    }
    p->p += n;
    uint32_t ids[1024], nargs = 0;
    while (eat(p, "v")) {
        if (nargs == BASE_COUNT(ids)) {
            fail(p, "too many operands");
        }
        ids[nargs++] = id_number(p);
    }
    HirIns *i = hir_ins_new(p->f, (HirOp)op, nargs, NULL);
    for (uint32_t k = 0; k < nargs; k++) {
        bind_later(p, &i->args[k], ids[k]);
    }
    i->rep = (uint8_t)rep;
    i->type = type;
    if (op == HIR_Phi && eat(p, "owned")) {
        i->aux = HIR_PHI_OWNED;
    }
    if (eat(p, "#")) {
        if (op == HIR_Phi) {
            i->aux |= HIR_PHI_LOCAL(number(p));
        } else {
            parse_aux(p, i);
        }
    }
    if (eat(p, "$")) {
        parse_imm(p, i);
    }
    i->caught = eat(p, "caught");
    while (eat(p, "b")) {
        if (b->nsucc == 2) {
            fail(p, "too many successors");
        }
        HirBlock *to = block_of(p, id_number(p));
        b->succ[b->nsucc++] = to;
    }
    if (eat(p, "@")) {
        i->bci = (int32_t)number(p);
    }
    blanks(p);
    if (*p->p == '[') {
        i->fs = parse_state(p);
    }
    if (id != UINT32_MAX) {
        VEC_RESIZE(p->a, &p->values, BASE_MAX(id + 1, p->values.len));
        if (p->values.data[id]) {
            fail(p, "value defined twice");
        }
        p->values.data[id] = i;
        i->id = id;
    }
    hir_append(b, i);
}

static HirBlock *parse_block(Parser *p)
{
    need(p, "b");
    HirBlock *b = block_of(p, id_number(p));
    if (b == p->f->last_block || b->next) {
        fail(p, "block defined twice");
    }
    if (p->f->last_block) {
        p->f->last_block->next = b;
    } else {
        p->f->blocks = p->f->entry = b;
    }
    p->f->last_block = b;
    if (eat(p, "(")) {
        BlockVec preds = {0};
        while (eat(p, "b")) {
            VEC_PUSH(p->a, &preds, block_of(p, id_number(p)));
        }
        need(p, ")");
        b->preds = preds.data;
        b->npreds = preds.len;
        b->cappreds = preds.cap;
    }
    need(p, "bci=");
    b->bci = (int32_t)number(p);
    b->cold = eat(p, "cold");
    b->loop_header = eat(p, "loop");
    need(p, ":");
    return b;
}

static void bind(Parser *p)
{
    for (uint32_t k = 0; k < p->slots.len; k++) {
        uint32_t id = p->slot_ids.data[k];
        HirIns *v = id < p->values.len ? p->values.data[id] : NULL;
        if (!v) {
            sb_printf(p->err, "v%" PRIu32 " is used but never defined", id);
            longjmp(p->fail, 1);
        }
        *p->slots.data[k] = v;
    }
    /* Ids of ops without a result are free; keep them apart from those of values. */
    uint32_t next = p->values.len;
    for (HirBlock *b = p->f->blocks; b; b = b->next) {
        for (HirIns *i = b->first; i; i = i->next) {
            if (i->rep == HIR_VOID) {
                i->id = next++;
            }
        }
    }
    p->f->nins = next;
    p->f->nfs = p->states.len;
}

HirFunc *hir_parse(Arena *a, const char *text, StrBuf *err)
{
    Parser parser = {.a = a, .p = text, .line = 1, .err = err}, *p = &parser;
    if (setjmp(p->fail)) {
        return NULL;
    }
    HirBlock *b = NULL;
    for (; *p->p; p->line++) {
        blanks(p);
        if (*p->p == '\n' || *p->p == ';') {
            p->p += strcspn(p->p, "\n");
        } else if (!p->f) {
            need(p, "func ");
            size_t n = strcspn(p->p, " \n");
            p->f = hir_func_new(a, arena_strndup(a, p->p, n));
            p->p += n;
            need(p, "nlocals=");
            p->f->nlocals = (uint16_t)number(p);
            need(p, "nstack=");
            p->f->entry_nstack = (uint16_t)number(p);
            need(p, "bci=");
            p->f->entry_bci = (int32_t)number(p);
        } else if (*p->p == 'b' && isdigit((unsigned char)p->p[1])) {
            b = parse_block(p);
        } else if (!b) {
            fail(p, "a block must come first");
        } else {
            parse_ins(p, b);
        }
        blanks(p);
        if (*p->p == ';') {
            p->p += strcspn(p->p, "\n");
        }
        if (*p->p == '\n') {
            p->p++;
        } else if (*p->p) {
            fail(p, "end of line expected");
        }
    }
    if (!p->f || !p->f->blocks) {
        fail(p, "no function");
    }
    bind(p);
    return p->f;
}
