/* Arena: chunked bump allocation for the compiler. See base_arena.h for the contract.
 *
 * Chunks double in size from 16 KiB to 128 KiB: small functions take one, big ones few. Objects
 * larger than a quarter of the chunk get a chunk of their own behind the current one, so that
 * they do not waste the rest of it.
 *
 * Chunks are mappings of their own, not malloc's memory: what a compilation leaves behind in malloc's heap lies
 * above the megabytes that it needed meanwhile, which would never go back to the system. A kept chunk is not
 * zero; memory is cleared when it is handed out, a moment before it is written to anyway.
 */
#include "base_arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA_MIN_CHUNK ((size_t)16 * 1024)
#define ARENA_MAX_CHUNK ((size_t)128 * 1024)

struct ArenaChunk {
    ArenaChunk *next;
    size_t size; /* with this header */
};

/* Chunk header, rounded so that objects start aligned. */
#define ARENA_HEADER ((sizeof(ArenaChunk) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1))

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

static void unmap_chunks(ArenaChunk *c)
{
    while (c) {
        ArenaChunk *next = c->next;
        munmap(c, c->size);
        c = next;
    }
}

/* Without chunks, and otherwise as the owner set it up. */
static void make_empty(Arena *a)
{
    a->cur = a->end = NULL;
    a->chunks = NULL;
    a->reserved = 0;
    a->failed = false;
}

void arena_free(Arena *a)
{
    unmap_chunks(a->spare);
    unmap_chunks(a->chunks);
    a->spare = NULL;
    make_empty(a);
}

void arena_reset(Arena *a)
{
    ArenaChunk *kept = NULL;
    size_t spared = 0;
    for (ArenaChunk *c = a->spare; c; c = c->next) {
        spared += c->size;
    }
    for (ArenaChunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        bool keep = c->size <= ARENA_MAX_CHUNK && (kept == NULL || c->size > kept->size);
        ArenaChunk *gone = keep ? kept : c;
        if (keep) {
            kept = c;
        }
        if (gone && gone->size <= ARENA_MAX_CHUNK && gone->size + spared <= a->spare_most) {
            gone->next = a->spare;
            a->spare = gone;
            spared += gone->size;
        } else if (gone) {
            munmap(gone, gone->size);
        }
    }
    make_empty(a);
    if (kept == NULL) {
        return;
    }
    kept->next = NULL;
    a->chunks = kept;
    a->cur = (char *)kept + ARENA_HEADER;
    a->end = (char *)kept + kept->size;
    a->reserved = kept->size;
}

/* A spare chunk of at least that size, taken out of the list, or NULL. */
static ArenaChunk *take_spare(Arena *a, size_t size)
{
    for (ArenaChunk **at = &a->spare; *at; at = &(*at)->next) {
        ArenaChunk *c = *at;
        if (c->size >= size) {
            *at = c->next;
            return c;
        }
    }
    return NULL;
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
    /* As large as everything so far: the number of chunks grows with the logarithm. */
    size_t chunk = BASE_MIN(BASE_MAX(a->reserved, ARENA_MIN_CHUNK), ARENA_MAX_CHUNK);
    bool own = need > chunk / 4 && a->chunks != NULL;
    if (own || need + ARENA_HEADER > chunk) {
        chunk = need + ARENA_HEADER;
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    chunk = (chunk + page - 1) & ~(page - 1);
    if (a->limit && (chunk > a->limit || a->reserved > a->limit - chunk)) {
        return out_of_memory(a);
    }
    /* A spare chunk may be larger than wanted, within reason. */
    ArenaChunk *c = take_spare(a, chunk);
    if (c != NULL) {
        memset((char *)c + ARENA_HEADER, 0, need);
    } else {
        c = mmap(NULL, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (c == MAP_FAILED) {
            return out_of_memory(a);
        }
        c->size = chunk;
    }
    a->reserved += c->size;
    char *p = (char *)c + ARENA_HEADER;
    if (own) {
        /* Behind the current chunk, which stays the one to allocate from. */
        c->next = a->chunks->next;
        a->chunks->next = c;
        return p;
    }
    c->next = a->chunks;
    a->chunks = c;
    a->cur = p + need;
    a->end = (char *)c + (c->size & ~(size_t)(ARENA_ALIGN - 1));
    return p;
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
