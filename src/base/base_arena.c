/* Arena: chunked bump allocation for the compiler. See base_arena.h for the contract.
 *
 * The first chunk has 32 KiB, the others 64: small functions take one, big ones some. Objects
 * larger than a quarter of the chunk get a chunk of their own behind the current one, so that
 * they do not waste the rest of it. A chunk that comes from the pool is not
 * zero; memory is cleared when it is handed out, a moment before it is written to anyway.
 */
#include "base_arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK  ((size_t)64 << 10)

/* Chunk header, rounded so that objects start aligned. */
#define ARENA_HEADER ((sizeof(BaseChunk) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1))

void base_check_failed(const char *what, const char *file, int line, const char *func)
{
    fprintf(stderr, "pyston: internal error: %s (%s:%d, %s)\n", what, file, line, func);
    fflush(stderr);
    abort();
}

void arena_init(Arena *a, size_t limit, jmp_buf *oom)
{
    memset(a, 0, sizeof *a);
    a->limit = limit;
    a->oom = oom;
}

void arena_free(Arena *a)
{
    for (BaseChunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        chunk_give(c);
    }
    a->cur = a->end = NULL;
    a->chunks = NULL;
    a->reserved = 0;
    a->failed = false;
}

static void *out_of_memory(Arena *a)
{
    a->failed = true;
    if (a->oom) {
        longjmp(*a->oom, 1);
    }
    return NULL;
}

void *arena_alloc_slow(Arena *a, size_t size)
{
    if (size > SIZE_MAX / 2) {
        return out_of_memory(a);
    }
    size_t need =
        BASE_MAX((size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1), (size_t)ARENA_ALIGN);
    size_t chunk = a->chunks == NULL ? CHUNK_MIN : ARENA_CHUNK;
    bool own = need > chunk / 4 && a->chunks != NULL;
    if (own || need + ARENA_HEADER > chunk) {
        chunk = chunk_size(need + ARENA_HEADER);
    }
    if (a->limit && (chunk > a->limit || a->reserved > a->limit - chunk)) {
        return out_of_memory(a);
    }
    BaseChunk *c = chunk_take(chunk);
    if (c == NULL) {
        return out_of_memory(a);
    }
    a->reserved += c->size;
    char *p = (char *)c + ARENA_HEADER;
    if (own) {
        /* Behind the current chunk, which stays the one to allocate from. */
        c->next = a->chunks->next;
        a->chunks->next = c;
        return memset(p, 0, need);
    }
    c->next = a->chunks;
    a->chunks = c;
    a->cur = p + need;
    a->end = (char *)c + c->size;
    return memset(p, 0, need);
}

void *arena_calloc(Arena *a, size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n)) {
        return out_of_memory(a);
    }
    return arena_alloc(a, n);
}

void *arena_grow(Arena *a, void *p, size_t old_size, size_t new_size)
{
    assert(new_size >= old_size);
    size_t old_room = (old_size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (p && old_size && (char *)p + old_room == a->cur && new_size <= SIZE_MAX / 2) {
        size_t new_room = (new_size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
        if (new_room - old_room <= (size_t)(a->end - a->cur)) {
            memset(a->cur, 0, new_room - old_room);
            a->cur += new_room - old_room;
            return p;
        }
    }
    void *q = arena_alloc(a, new_size);
    if (q && p && old_size) {
        memcpy(q, p, old_size);
    }
    return q;
}

char *arena_strndup(Arena *a, const char *s, size_t n)
{
    char *p = arena_alloc(a, n + 1);
    if (p && n) {
        memcpy(p, s, n);
    }
    return p;
}

char *arena_strdup(Arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(Arena *a, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p) {
        vsnprintf(p, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    return p;
}

char *arena_printf(Arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *p = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return p;
}
