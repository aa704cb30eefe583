/* Bitset: a fixed-size set of small integers in an arena, for liveness and the like.
 *
 * Binary operations want sets of the same size. The bits beyond `nbits` in the last word are
 * always zero, so counting and comparing need no mask.
 */
#ifndef PYSTON_BASE_BITSET_H
#define PYSTON_BASE_BITSET_H

#include <string.h>

#include "base_arena.h"

typedef struct Bitset {
    uint64_t *words;
    uint32_t nbits;
} Bitset;

#define BITSET_NONE UINT32_MAX

static inline uint32_t bitset_nwords(uint32_t nbits)
{
    return (nbits >> 6) + ((nbits & 63) != 0);
}

/* Makes an empty set of `nbits` possible members. */
static inline void bitset_init(Bitset *s, Arena *a, uint32_t nbits)
{
    s->words = arena_array(a, uint64_t, bitset_nwords(nbits));
    s->nbits = nbits;
}

static inline bool bitset_has(const Bitset *s, uint32_t i)
{
    assert(i < s->nbits);
    return (s->words[i >> 6] >> (i & 63)) & 1;
}

static inline void bitset_add(Bitset *s, uint32_t i)
{
    assert(i < s->nbits);
    s->words[i >> 6] |= UINT64_C(1) << (i & 63);
}

static inline void bitset_del(Bitset *s, uint32_t i)
{
    assert(i < s->nbits);
    s->words[i >> 6] &= ~(UINT64_C(1) << (i & 63));
}

/* Adds i; true when it was not yet a member. The usual step of a worklist algorithm. */
static inline bool bitset_add_new(Bitset *s, uint32_t i)
{
    bool had = bitset_has(s, i);
    bitset_add(s, i);
    return !had;
}

static inline void bitset_clear(Bitset *s)
{
    uint32_t n = bitset_nwords(s->nbits);
    if (n) {
        memset(s->words, 0, n * sizeof(uint64_t));
    }
}

/* dst = src */
static inline void bitset_copy(Bitset *dst, const Bitset *src)
{
    assert(dst->nbits == src->nbits);
    uint32_t n = bitset_nwords(src->nbits);
    if (n) {
        memcpy(dst->words, src->words, n * sizeof(uint64_t));
    }
}

/* dst |= src; true when dst changed. */
static inline bool bitset_or(Bitset *dst, const Bitset *src)
{
    assert(dst->nbits == src->nbits);
    uint64_t diff = 0;
    for (uint32_t i = 0, n = bitset_nwords(dst->nbits); i < n; i++) {
        uint64_t w = dst->words[i] | src->words[i];
        diff |= w ^ dst->words[i];
        dst->words[i] = w;
    }
    return diff != 0;
}

/* dst &= src; true when dst changed. */
static inline bool bitset_and(Bitset *dst, const Bitset *src)
{
    assert(dst->nbits == src->nbits);
    uint64_t diff = 0;
    for (uint32_t i = 0, n = bitset_nwords(dst->nbits); i < n; i++) {
        uint64_t w = dst->words[i] & src->words[i];
        diff |= w ^ dst->words[i];
        dst->words[i] = w;
    }
    return diff != 0;
}

/* dst &= ~src */
static inline void bitset_minus(Bitset *dst, const Bitset *src)
{
    assert(dst->nbits == src->nbits);
    for (uint32_t i = 0, n = bitset_nwords(dst->nbits); i < n; i++) {
        dst->words[i] &= ~src->words[i];
    }
}

static inline bool bitset_equal(const Bitset *x, const Bitset *y)
{
    uint32_t n = bitset_nwords(x->nbits);
    return x->nbits == y->nbits && (n == 0 || memcmp(x->words, y->words, n * 8) == 0);
}

static inline bool bitset_empty(const Bitset *s)
{
    for (uint32_t i = 0, n = bitset_nwords(s->nbits); i < n; i++) {
        if (s->words[i]) {
            return false;
        }
    }
    return true;
}

static inline uint32_t bitset_count(const Bitset *s)
{
    uint32_t c = 0;
    for (uint32_t i = 0, n = bitset_nwords(s->nbits); i < n; i++) {
        c += (uint32_t)__builtin_popcountll(s->words[i]);
    }
    return c;
}

/* The smallest member >= from, or BITSET_NONE. */
static inline uint32_t bitset_next(const Bitset *s, uint32_t from)
{
    if (from >= s->nbits) {
        return BITSET_NONE;
    }
    uint32_t w = from >> 6, n = bitset_nwords(s->nbits);
    uint64_t bits = s->words[w] & (~UINT64_C(0) << (from & 63));
    while (!bits) {
        if (++w == n) {
            return BITSET_NONE;
        }
        bits = s->words[w];
    }
    return (w << 6) + (uint32_t)__builtin_ctzll(bits);
}

/* for (BITSET_EACH(&set, i)) ... visits the members in ascending order; members may be removed
 * meanwhile. */
#define BITSET_EACH(s, i)             \
    uint32_t i = bitset_next((s), 0); \
    i != BITSET_NONE;                 \
    i = bitset_next((s), i + 1)

#endif
