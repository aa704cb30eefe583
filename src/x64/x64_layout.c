/* x86-64 assembler, the part that decides where things are: buffers, labels, branch relaxation,
 * the constant pool, and the final copy with its displacements. Encoding is in x64_emit.c.
 *
 * Branch relaxation. Instructions go to the section's buffer as they are; a branch to a label
 * writes nothing there and leaves a *site*: the buffer offset it sits at and its target. A place in
 * the code is the pair (buffer offset, number of sites before it), so its final offset is the
 * buffer offset plus the sizes of those sites, which one running sum gives. Sites start with their
 * shortest size. Each round lays them out and lengthens those that do not reach their target;
 * sites never shrink, so the rounds end, and the loop ends only after a round in which every short
 * branch of that very layout reaches. Rounds are linear and in practice two or three; after
 * MAX_ROUNDS everything still short becomes long, so that no input makes this quadratic.
 *
 * Alignment padding is a site too. Its size does change both ways from round to round; that is
 * harmless because reach is checked on the final layout.
 */
#include <stdlib.h>
#include <string.h>

#include "x64_internal.h"

#define MAX_ROUNDS   8

/* How far back a new constant looks for an equal one: code reuses what it used lately, and an
 * unbounded search would make big functions quadratic. */
#define CONST_WINDOW 32u

void x64_fail(X64Asm *a, const char *why)
{
    if (a->error == NULL) {
        a->error = why;
    }
}

void x64_init(X64Asm *a)
{
    memset(a, 0, sizeof *a);
    a->cur = &a->code[X64_HOT];
}

void x64_set_code_range(X64Asm *a, uintptr_t lo, uintptr_t hi)
{
    a->range_lo = lo;
    a->range_hi = hi;
}

bool x64_reachable(const X64Asm *a, const void *addr)
{
    if (a->range_hi <= a->range_lo) {
        return false;
    }
    uintptr_t t = (uintptr_t)addr;
    /* The displacement counts from the end of the instruction, which is inside (lo, hi]. */
    return x64_fits32((int64_t)(t - a->range_lo)) && x64_fits32((int64_t)(t - a->range_hi));
}

void x64_reset(X64Asm *a)
{
    for (int i = 0; i < X64_NSECTIONS; i++) {
        X64Code *c = &a->code[i];
        if (c->buf == a->scratch) {
            c->buf = NULL;
            c->cap = 0;
        }
        c->len = c->size = 0;
        VEC_CLEAR(&c->sites);
    }
    a->cur = &a->code[X64_HOT];
    VEC_CLEAR(&a->labels);
    VEC_CLEAR(&a->fixups);
    VEC_CLEAR(&a->consts);
    VEC_CLEAR(&a->addrs);
    a->pool_offset = a->pool_size = 0;
    a->exec[X64_HOT] = a->exec[X64_COLD] = 0;
    a->error = NULL;
    a->finalized = false;
}

void x64_free(X64Asm *a)
{
    for (int i = 0; i < X64_NSECTIONS; i++) {
        X64Code *c = &a->code[i];
        if (c->buf != a->scratch) {
            free(c->buf);
        }
        VEC_FREE(&c->sites);
    }
    VEC_FREE(&a->labels);
    VEC_FREE(&a->fixups);
    VEC_FREE(&a->consts);
    VEC_FREE(&a->addrs);
    x64_init(a);
}

void x64_more_room(X64Asm *a, uint32_t n)
{
    X64Code *c = a->cur;
    uint32_t cap = BASE_MAX(c->cap * 2, 4096u);
    uint8_t *p = NULL;
    if (n <= sizeof a->scratch && cap <= X64_MAX_SECTION && a->error == NULL) {
        p = realloc(c->buf == a->scratch ? NULL : c->buf, cap);
    }
    if (p) {
        c->buf = p;
        c->cap = cap;
        return;
    }
    x64_fail(a, "out of memory for machine code");
    c->len = 0;
    if (c->cap < sizeof a->scratch) {
        c->buf = a->scratch;
        c->cap = sizeof a->scratch;
    }
}

void x64_section(X64Asm *a, X64Section s)
{
    a->cur = &a->code[s];
}

X64Pos x64_here(const X64Asm *a)
{
    const X64Code *c = a->cur;
    return (X64Pos){.raw = c->len, .site = c->sites.len, .section = c == &a->code[X64_COLD]};
}

X64Label x64_label(X64Asm *a)
{
    X64Pos unbound = {.raw = X64_UNBOUND, .site = 0, .section = 0};
    if (!VEC_TRY_PUSH(NULL, &a->labels, unbound)) {
        x64_fail(a, "out of memory for labels");
        return (X64Label){0};
    }
    return (X64Label){a->labels.len - 1};
}

void x64_bind(X64Asm *a, X64Label l)
{
    if (l.id >= a->labels.len) {
        x64_fail(a, "no such label");
        return;
    }
    if (a->labels.data[l.id].raw != X64_UNBOUND) {
        x64_fail(a, "label bound twice");
        return;
    }
    a->labels.data[l.id] = x64_here(a);
}

X64Label x64_label_here(X64Asm *a)
{
    X64Label l = x64_label(a);
    x64_bind(a, l);
    return l;
}

bool x64_label_bound(const X64Asm *a, X64Label l)
{
    return l.id < a->labels.len && a->labels.data[l.id].raw != X64_UNBOUND;
}

void x64_add_site(X64Asm *a, unsigned kind, uint32_t target)
{
    X64Code *c = a->cur;
    X64Site s = {.raw = c->len, .target = target, .start = 0, .kind = (uint8_t)kind, .size = 0};
    if (!VEC_TRY_PUSH(NULL, &c->sites, s)) {
        x64_fail(a, "out of memory for branches");
    }
}

void x64_add_fixup(X64Asm *a, const uint8_t *p, X64MemKind kind, uint32_t index, unsigned tail)
{
    X64Pos at = x64_here(a);
    at.raw = (uint32_t)(p - a->cur->buf);
    X64Fixup f = {.at = at, .index = index, .kind = (uint8_t)kind, .tail = (uint8_t)tail};
    if (!VEC_TRY_PUSH(NULL, &a->fixups, f)) {
        x64_fail(a, "out of memory for fixups");
    }
}

uint32_t x64_add_addr(X64Asm *a, const void *addr)
{
    if (!VEC_TRY_PUSH(NULL, &a->addrs, (uintptr_t)addr)) {
        x64_fail(a, "out of memory for addresses");
        return 0;
    }
    return a->addrs.len - 1;
}

void x64_align(X64Asm *a, uint32_t n)
{
    if (n != 2 && n != 4 && n != 8 && n != 16) {
        x64_fail(a, "bad alignment");
        return;
    }
    x64_add_site(a, X64_SITE_ALIGN, n);
}

/* ---- operands outside the registers -------------------------------------------------------- */

static X64Mem rip_operand(X64MemKind kind, uint32_t index)
{
    return (X64Mem){(uint8_t)kind, X64_NOREG, X64_NOREG, 0, (int32_t)index};
}

static X64Mem add_const(X64Asm *a, uint64_t lo, uint64_t hi, uint8_t size)
{
    uint32_t n = a->consts.len;
    for (uint32_t i = n; i > 0 && n - i < CONST_WINDOW; i--) {
        const X64Const *k = &a->consts.data[i - 1];
        if (k->lo == lo && k->hi == hi && k->size == size) {
            return rip_operand(X64_MEM_CONST, i - 1);
        }
    }
    X64Const k = {.lo = lo, .hi = hi, .offset = 0, .size = size};
    if (!VEC_TRY_PUSH(NULL, &a->consts, k)) {
        x64_fail(a, "out of memory for constants");
        n = 0;
    }
    return rip_operand(X64_MEM_CONST, n);
}

X64Mem x64_mem_const64(X64Asm *a, uint64_t bits)
{
    return add_const(a, bits, 0, 8);
}

X64Mem x64_mem_const128(X64Asm *a, uint64_t lo, uint64_t hi)
{
    return add_const(a, lo, hi, 16);
}

X64Mem x64_mem_double(X64Asm *a, double value)
{
    uint64_t bits; /* by bits: 0.0 and -0.0 differ, equal NaNs are equal */
    memcpy(&bits, &value, sizeof bits);
    return x64_mem_const64(a, bits);
}

X64Mem x64_mem_label(X64Asm *a, X64Label l)
{
    (void)a;
    return rip_operand(X64_MEM_LABEL, l.id);
}

X64Mem x64_mem_abs(X64Asm *a, const void *addr)
{
    if (!x64_reachable(a, addr)) {
        x64_fail(a, "absolute operand is out of reach");
    }
    return rip_operand(X64_MEM_ABS, x64_add_addr(a, addr));
}

/* ---- layout -------------------------------------------------------------------------------- */

static uint32_t long_size(unsigned kind)
{
    return kind == X64_SITE_JMP ? 5 : 6;
}

static bool is_branch(unsigned kind)
{
    return kind <= X64_SITE_JMP;
}

uint32_t x64_pos_offset(const X64Asm *a, X64Pos p)
{
    if (p.site == 0) {
        return p.raw;
    }
    const X64Site *s = &a->code[p.section].sites.data[p.site - 1];
    return s->start + s->size + (p.raw - s->raw);
}

/* One running sum over a section's sites; gives the section's size. */
static uint32_t lay_out(X64Code *c)
{
    uint32_t extra = 0;
    for (uint32_t i = 0; i < c->sites.len; i++) {
        X64Site *s = &c->sites.data[i];
        uint32_t at = s->raw + extra;
        s->start = at;
        if (s->kind == X64_SITE_ALIGN) {
            s->size = (uint8_t)(-at & (s->target - 1));
        } else if (s->kind == X64_SITE_PAD5) {
            s->size = (uint8_t)((at & 7) > 3 ? 8 - (at & 7) : 0);
        }
        extra += s->size;
    }
    return c->len + extra;
}

/* Lengthens the branches that do not reach in the current layout; true when there were any. */
static bool lengthen(X64Asm *a, X64Code *c, bool all)
{
    bool changed = false;
    for (uint32_t i = 0; i < c->sites.len; i++) {
        X64Site *s = &c->sites.data[i];
        if (s->size != 2 || !is_branch(s->kind)) {
            continue;
        }
        int64_t disp = (int64_t)x64_pos_offset(a, a->labels.data[s->target]) - (s->start + 2);
        if (all || !x64_fits8(disp)) {
            s->size = (uint8_t)long_size(s->kind);
            changed = true;
        }
    }
    return changed;
}

/* First sizes: nothing for a jump to the next instruction, short within a section. */
static int first_sizes(X64Asm *a, unsigned section)
{
    X64Code *c = &a->code[section];
    for (uint32_t i = 0; i < c->sites.len; i++) {
        X64Site *s = &c->sites.data[i];
        if (!is_branch(s->kind)) {
            continue;
        }
        if (s->target >= a->labels.len || a->labels.data[s->target].raw == X64_UNBOUND) {
            x64_fail(a, "branch to a label that is not bound");
            return -1;
        }
        X64Pos t = a->labels.data[s->target];
        if (t.section != section) {
            s->size = (uint8_t)long_size(s->kind);
        } else if (s->kind == X64_SITE_JMP && t.raw == s->raw && t.site == i + 1) {
            s->size = 0;
        } else {
            s->size = 2;
        }
    }
    return 0;
}

static void lay_out_pool(X64Asm *a)
{
    uint32_t at = 0;
    for (int size = 16; size >= 8; size -= 8) { /* the larger first: no gaps */
        for (uint32_t i = 0; i < a->consts.len; i++) {
            X64Const *k = &a->consts.data[i];
            if (k->size == size) {
                k->offset = at;
                at += k->size;
            }
        }
    }
    a->pool_size = at;
    a->pool_offset = at ? BASE_ALIGN_UP(a->code[X64_COLD].size, 16u) : a->code[X64_COLD].size;
}

int x64_finalize(X64Asm *a)
{
    for (unsigned s = 0; s < X64_NSECTIONS && a->error == NULL; s++) {
        X64Code *c = &a->code[s];
        if (first_sizes(a, s) < 0) {
            break;
        }
        /* Branches across sections are long from the start, so sections are independent. */
        c->size = lay_out(c);
        for (int round = 0; lengthen(a, c, round >= MAX_ROUNDS); round++) {
            c->size = lay_out(c);
        }
    }
    for (uint32_t i = 0; i < a->fixups.len && a->error == NULL; i++) {
        const X64Fixup *f = &a->fixups.data[i];
        if (f->kind == X64_MEM_LABEL && !x64_label_bound(a, (X64Label){f->index})) {
            x64_fail(a, "operand names a label that is not bound");
        }
    }
    if (a->error) {
        return -1;
    }
    lay_out_pool(a);
    a->finalized = true;
    return 0;
}

uint32_t x64_size(const X64Asm *a, X64Section s)
{
    assert(a->finalized);
    return s == X64_HOT ? a->code[X64_HOT].size : a->pool_offset + a->pool_size;
}

uint32_t x64_label_offset(const X64Asm *a, X64Label l, X64Section *section)
{
    assert(a->finalized && x64_label_bound(a, l));
    X64Pos p = a->labels.data[l.id];
    if (section) {
        *section = (X64Section)p.section;
    }
    return x64_pos_offset(a, p);
}

uintptr_t x64_pos_addr(const X64Asm *a, X64Pos p)
{
    assert(a->finalized);
    return a->exec[p.section] + x64_pos_offset(a, p);
}

uintptr_t x64_label_addr(const X64Asm *a, X64Label l)
{
    assert(a->finalized && x64_label_bound(a, l));
    return x64_pos_addr(a, a->labels.data[l.id]);
}

/* Writes the branch or padding of a site at w. */
static int put_site(X64Asm *a, unsigned section, const X64Site *s, uint8_t *w)
{
    if (!is_branch(s->kind)) {
        x64_put_nops(w, s->size);
        return 0;
    }
    if (s->size == 0) {
        return 0;
    }
    uintptr_t target = x64_pos_addr(a, a->labels.data[s->target]);
    int64_t disp = (int64_t)(target - (a->exec[section] + s->start + s->size));
    if (s->size == 2) {
        w[0] = s->kind == X64_SITE_JMP ? 0xeb : (uint8_t)(0x70 | s->kind);
        w[1] = (uint8_t)disp;
        return 0;
    }
    if (!x64_fits32(disp)) {
        x64_fail(a, "sections are too far apart");
        return -1;
    }
    if (s->kind == X64_SITE_JMP) {
        *w++ = 0xe9;
    } else {
        *w++ = 0x0f;
        *w++ = (uint8_t)(0x80 | s->kind);
    }
    x64_put32(w, (uint32_t)disp);
    return 0;
}

static int copy_section(X64Asm *a, unsigned section, uint8_t *w)
{
    const X64Code *c = &a->code[section];
    uint32_t raw = 0;
    for (uint32_t i = 0; i < c->sites.len; i++) {
        const X64Site *s = &c->sites.data[i];
        if (s->raw > raw) {
            memcpy(w + s->start - (s->raw - raw), c->buf + raw, s->raw - raw);
            raw = s->raw;
        }
        if (put_site(a, section, s, w + s->start) < 0) {
            return -1;
        }
    }
    if (c->len > raw) {
        memcpy(w + c->size - (c->len - raw), c->buf + raw, c->len - raw);
    }
    return 0;
}

int x64_copy_to(X64Asm *a, uint8_t *hot_w, uintptr_t hot_exec, uint8_t *cold_w, uintptr_t cold_exec)
{
    assert(a->finalized);
    if ((hot_exec & 15) || (cold_exec & 15)) {
        x64_fail(a, "sections must be 16-byte aligned");
    }
    if (a->error) {
        return -1;
    }
    uint8_t *w[X64_NSECTIONS] = {hot_w, cold_w};
    a->exec[X64_HOT] = hot_exec;
    a->exec[X64_COLD] = cold_exec;
    for (unsigned s = 0; s < X64_NSECTIONS; s++) {
        if (copy_section(a, s, w[s]) < 0) {
            return -1;
        }
    }
    if (a->pool_size) {
        x64_put_nops(cold_w + a->code[X64_COLD].size, a->pool_offset - a->code[X64_COLD].size);
        for (uint32_t i = 0; i < a->consts.len; i++) {
            const X64Const *k = &a->consts.data[i];
            uint8_t *p = x64_put64(cold_w + a->pool_offset + k->offset, k->lo);
            if (k->size == 16) {
                x64_put64(p, k->hi);
            }
        }
    }
    for (uint32_t i = 0; i < a->fixups.len; i++) {
        const X64Fixup *f = &a->fixups.data[i];
        uint32_t offset = x64_pos_offset(a, f->at);
        uintptr_t target;
        if (f->kind == X64_MEM_CONST) {
            target = cold_exec + a->pool_offset + a->consts.data[f->index].offset;
        } else if (f->kind == X64_MEM_LABEL) {
            target = x64_pos_addr(a, a->labels.data[f->index]);
        } else {
            target = a->addrs.data[f->index];
        }
        int64_t disp = (int64_t)(target - (a->exec[f->at.section] + offset + 4 + f->tail));
        if (!x64_fits32(disp)) {
            x64_fail(a, "RIP-relative operand is out of reach");
            return -1;
        }
        x64_put32(w[f->at.section] + offset, (uint32_t)disp);
    }
    return 0;
}
