/* What the files of this folder share: room in the section's buffer, errors, kinds of sites. */
#ifndef PYSTON_X64_INTERNAL_H
#define PYSTON_X64_INTERNAL_H

#include "x64.h"

/* Kinds of X64Site above the sixteen condition codes. */
enum {
    X64_SITE_JMP = 16,
    X64_SITE_ALIGN, /* target is the alignment */
    X64_SITE_PAD5,  /* as few nops as keep the next 5 bytes inside one aligned 8-byte word */
};

/* No instruction is longer than 15 bytes; jcc_abs writes two. */
#define X64_ROOM        32u

/* More than any function that is worth compiling; keeps every offset far from int32 limits. */
#define X64_MAX_SECTION (64u << 20)

#define X64_UNBOUND     UINT32_MAX

/* Records the first error. */
void x64_fail(X64Asm *a, const char *why);

/* Makes room; on failure the section starts over, so that emitters always have room. */
void x64_more_room(X64Asm *a, uint32_t n);

static inline uint8_t *x64_begin(X64Asm *a)
{
    X64Code *c = a->cur;
    if (BASE_UNLIKELY(c->cap - c->len < X64_ROOM)) {
        x64_more_room(a, X64_ROOM);
    }
    return c->buf + c->len;
}

static inline void x64_end(X64Asm *a, const uint8_t *p)
{
    a->cur->len = (uint32_t)(p - a->cur->buf);
}

/* The processor is little-endian like the code it runs. */
static inline uint8_t *x64_put32(uint8_t *p, uint32_t v)
{
    __builtin_memcpy(p, &v, 4);
    return p + 4;
}

static inline uint8_t *x64_put64(uint8_t *p, uint64_t v)
{
    __builtin_memcpy(p, &v, 8);
    return p + 8;
}

static inline bool x64_fits8(int64_t v)
{
    return v == (int8_t)v;
}
static inline bool x64_fits32(int64_t v)
{
    return v == (int32_t)v;
}

/* Fills n bytes with nops; returns p + n. */
uint8_t *x64_put_nops(uint8_t *p, uint32_t n);

/* Notes that the four bytes at p, followed by `tail` bytes of the same instruction, get the
 * displacement to the given thing. */
void x64_add_fixup(X64Asm *a, const uint8_t *p, X64MemKind kind, uint32_t index, unsigned tail);

/* Adds an absolute address to the table; returns its index. */
uint32_t x64_add_addr(X64Asm *a, const void *addr);

/* Adds a relaxable site here. */
void x64_add_site(X64Asm *a, unsigned kind, uint32_t target);

#endif
