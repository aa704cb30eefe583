/* Chunks: see base_chunks.h.
 *
 * They are mappings of their own, not malloc's memory: what a compilation leaves behind in malloc's heap lies
 * above the megabytes that it needed meanwhile, which would never go back to the system. */
#include "base_chunks.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base_macros.h"

/* A sanitizer build finds who still reads what an arena gave back. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

/* Chunks of up to 1 MiB are pooled, by size; larger ones are rare. */
#define CLASSES  6
#define POPULATE ((size_t)64 << 10) /* up to this size all of it will be used: one call brings it */

static struct {
    pthread_mutex_t lock;
    BaseChunk *free[CLASSES];
    size_t size, most; /* bytes in it, and how many it may hold */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The class whose chunks have that size; CLASSES or more: none. */
static unsigned class_of(size_t size)
{
    unsigned n = 0;
    while (n < CLASSES && CHUNK_MIN << n < size) {
        n++;
    }
    return n;
}

size_t chunk_size(size_t size)
{
    size_t n = CHUNK_MIN;
    while (n < size) {
        if (n > SIZE_MAX / 4) {
            return 0;
        }
        n *= 2;
    }
    return n;
}

BaseChunk *chunk_take(size_t size)
{
    size = chunk_size(size);
    unsigned n = class_of(size);
    BaseChunk *c = NULL;
    if (n < CLASSES) {
        pthread_mutex_lock(&pool.lock);
        c = pool.free[n];
        if (c != NULL) {
            pool.free[n] = c->next;
            pool.size -= size;
        }
        pthread_mutex_unlock(&pool.lock);
    }
    if (c == NULL) {
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | (size <= POPULATE ? MAP_POPULATE : 0);
        c = size != 0 ? mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0) : MAP_FAILED;
        if (c == MAP_FAILED) {
            return NULL;
        }
        c->size = size;
    }
    ASAN_UNPOISON_MEMORY_REGION(c + 1, size - sizeof *c);
    return c;
}

void chunk_give(BaseChunk *c)
{
    unsigned n = class_of(c->size);
    if (n < CLASSES) {
        pthread_mutex_lock(&pool.lock);
        bool keep = pool.size + c->size <= pool.most;
        if (keep) {
            c->next = pool.free[n];
            pool.free[n] = c;
            pool.size += c->size;
            ASAN_POISON_MEMORY_REGION(c + 1, c->size - sizeof *c);
        }
        pthread_mutex_unlock(&pool.lock);
        if (keep) {
            return;
        }
    }
    munmap(c, c->size);
}

void chunks_keep(size_t most)
{
    pthread_mutex_lock(&pool.lock);
    pool.most = most;
    pthread_mutex_unlock(&pool.lock);
}

/* Only trimming can be under way in another thread: those that compile finish before a fork, or have the GIL. What it had in hand
 * is lost. */
void chunks_forked(void)
{
    pthread_mutex_init(&pool.lock, NULL);
}

void chunks_trim(void)
{
    BaseChunk *gone[CLASSES];
    pthread_mutex_lock(&pool.lock);
    for (unsigned n = 0; n < CLASSES; n++) {
        gone[n] = pool.free[n];
        pool.free[n] = NULL;
    }
    pool.size = 0;
    pthread_mutex_unlock(&pool.lock);
    for (unsigned n = 0; n < CLASSES; n++) {
        for (BaseChunk *c = gone[n], *next; c != NULL; c = next) {
            next = c->next;
            ASAN_UNPOISON_MEMORY_REGION(c + 1, c->size - sizeof *c);
            munmap(c, c->size);
        }
    }
}
