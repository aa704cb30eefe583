/* Arena: chunked bump allocation for the compiler.
 *
 * A compilation allocates many small objects that all die together. An arena hands them out by
 * moving a pointer and frees them at once. Memory is zeroed, 16-byte aligned, and never moves.
 *
 * Out of memory (the system has none, or the arena's limit is reached): `failed` becomes true for good.
 * If `oom` is set, the allocation then longjmps there (value 1) and so never returns NULL: a
 * compiler entry point does `if (setjmp(env)) { arena_free(&a); return NOT_COMPILED; }` once and
 * no pass needs a check. Without `oom` the allocation returns NULL and the caller must look.
 */
#ifndef PYSTON_BASE_ARENA_H
#define PYSTON_BASE_ARENA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base_chunks.h"
#include "base_macros.h"

#define ARENA_ALIGN 16u

typedef struct Arena {
    char *cur;         /* next free byte of the current chunk */
    char *end;         /* end of the current chunk */
    BaseChunk *chunks; /* newest first */
    size_t reserved;   /* bytes of all chunks */
    size_t limit;      /* most bytes to take; 0: no limit */
    jmp_buf *oom;      /* where to go when memory runs out, or NULL */
    bool failed;       /* sticky: some allocation did not succeed */
} Arena;

/* Makes an empty arena (no memory is taken yet). `limit` 0 means none; `oom` may be NULL. */
void arena_init(Arena *a, size_t limit, jmp_buf *oom);

/* Frees every object and all memory. The arena is then empty and may be used again; what the owner set is kept. */
void arena_free(Arena *a);

/* Slow path of arena_alloc: takes a new chunk. Not to be called directly. */
void *arena_alloc_slow(Arena *a, size_t size);

/* Returns `size` zeroed bytes, 16-byte aligned. A size of 0 gives a valid pointer. */
static inline void *arena_alloc(Arena *a, size_t size)
{
    size_t avail = (size_t)(a->end - a->cur);
    if (BASE_UNLIKELY(size > avail)) {
        return arena_alloc_slow(a, size);
    }
    size_t n = (size + (ARENA_ALIGN - 1)) & ~(size_t)(ARENA_ALIGN - 1);
    char *p = a->cur;
    /* `avail` is a multiple of ARENA_ALIGN, so the rounded size fits as well. An empty arena has
     * cur == end == NULL; size 0 must not return that. */
    if (BASE_UNLIKELY(p == NULL)) {
        return arena_alloc_slow(a, size);
    }
    a->cur = p + n;
    return memset(p, 0, n);
}

/* Returns `count * size` zeroed bytes; overflow of the product is an out-of-memory. */
void *arena_calloc(Arena *a, size_t count, size_t size);

/* Grows (by copying, or in place when `p` was the last allocation) a block of `old_size` bytes
 * to `new_size` >= old_size; the added bytes are zero. The old block is not reused. */
void *arena_grow(Arena *a, void *p, size_t old_size, size_t new_size);

/* Copies of a string, NUL-terminated, in the arena. */
char *arena_strdup(Arena *a, const char *s);
char *arena_strndup(Arena *a, const char *s, size_t n);
char *arena_printf(Arena *a, const char *fmt, ...) BASE_PRINTF(2, 3);
char *arena_vprintf(Arena *a, const char *fmt, va_list ap);

/* Typed forms: arena_new(a, HirNode), arena_array(a, uint32_t, n). */
#define arena_new(a, T)      ((T *)arena_alloc((a), sizeof(T)))
#define arena_array(a, T, n) ((T *)arena_calloc((a), (n), sizeof(T)))

#endif
