/* Memory of the object allocator in huge pages.
 *
 * CPython 3.11 allocates objects of up to 512 bytes from arenas of 1 MiB, each of which it maps by
 * itself (_PyObject_ArenaMmap of obmalloc.c).  The processor translates addresses by pages of 4 KiB
 * and remembers some thousand translations, too few for a heap of a few ten MiB over which a program
 * wanders.  And each page is a fault when it is touched first, which costs 0.3 microseconds on bare
 * metal and 1.5 in a virtual machine.  A huge page is one translation and one fault in place of 512:
 * Django's pages and pylint take 2 to 7 % less time.
 *
 * So arenas are cut from chunks of 2 MiB, aligned as huge pages must be, and the kernel is asked for
 * such pages (madvise; where huge pages are switched off, or none is free, it gives small ones as
 * ever).  The arenas of the interpreter's start are older than the engine and remain as they are.
 *
 * Not at once: a virtual machine's host often has to find the memory behind a huge page, which takes a millisecond and more, while
 * small ones were in use a moment ago.  Programs that are through after a second or two (pip, mypy, Sphinx) lose 5 % by that
 * and have some more memory resident than they touch.  What runs longer gets them: the ticker's thread has the kernel
 * make them of small ones (MADV_COLLAPSE, Linux 6.1; older ones do it by themselves, in time).
 *
 * What CPython gives back waits to be used again.  When many halves wait already, it goes back to the system by the chunk, and
 * of a half whose other half lives on the memory, at the price of splitting the huge page.
 *
 * From the same allocator come the pieces of the threads' frame stacks, 16 KiB each (_PyThreadState_PushFrame).  A program
 * whose calls go up and down over the end of one maps and unmaps the next each time, with a page fault for each of its
 * pages that is touched: Django's pages do so 30 times each.  So one or two wait to be used again.
 *
 * The interface is CPython's own (PyObject_SetArenaAllocator).  Arenas from before that are given
 * back through it go on to the allocator that made them.  Arenas are under the GIL, as the object
 * allocator is in all interpreters of the process; frame stacks of threads that are deleted need not be.  The table of
 * chunks has a lock besides, for the ticker. */
#include "eng_arenas.h"

#include <Python.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <time.h>

#include "base_vec.h"
#include "eng_internal.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* ARENA_SIZE of obmalloc.c; requests of other sizes go on to the allocator of before. */
#define ARENA              ((size_t)1 << 20)
/* A huge page of x86-64. */
#define CHUNK              (2 * ARENA)
/* DATA_STACK_CHUNK_SIZE of pystate.c, and how many such wait. */
#define STACK              ((size_t)16 << 10)
#define STACKS_WAITING     2
/* Chunks are small pages until the process has run for as long, a server that has changed over (eng_sample.c) for half of that, or
 * has more of them than that. Then one is made huge in so many ticks: the program waits for what is being moved, 1 to 3 ms, which
 * is to fall into different requests. */
#define SMALL_NS           2000000000
#define SMALL_SERVER_NS    1000000000
#define SMALL_CHUNKS       64
#define TICKS_PER_CHUNK    4
/* Halves that may wait with their memory, and one more for each so many chunks: a program that makes many objects and drops
 * them, again and again, should not fetch the memory for them each time. */
#define LEAST_WAITING      4
#define CHUNKS_PER_WAITING 16

typedef enum {
    LIVE,    /* given out */
    WAITING, /* given back, its pages are still there */
    EMPTY,   /* given back, and its pages to the system */
} HalfState;

typedef struct {
    char *base; /* CHUNK bytes, aligned to CHUNK */
    uint8_t half[2];
    bool asked; /* for a huge page */
} Chunk;

static struct {
    PyObjectArenaAllocator before; /* where arenas came from */
    VEC(Chunk) chunks;             /* sorted by base */
    uint32_t waiting, empty, live; /* halves in that state */
    bool installed;
    _Atomic bool on;     /* the ticker reads it */
    _Atomic bool serves; /* it will last */
    _Atomic bool old;    /* huge pages from now on */
    pthread_mutex_t lock;
} heap = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *_Atomic stacks[STACKS_WAITING];

static void *take_stack(void)
{
    void *stack = NULL;
    for (int i = 0; stack == NULL && i < STACKS_WAITING; i++) {
        stack = atomic_exchange(&stacks[i], NULL);
    }
    return stack;
}

static bool keep_stack(void *stack)
{
    for (int i = 0; i < STACKS_WAITING; i++) {
        void *none = NULL;
        if (atomic_compare_exchange_strong(&stacks[i], &none, stack)) {
            return true;
        }
    }
    return false;
}

static void set_half(uint8_t *half, HalfState state)
{
    uint32_t *counts[] = {[LIVE] = &heap.live, [WAITING] = &heap.waiting, [EMPTY] = &heap.empty};
    (*counts[*half])--;
    (*counts[state])++;
    *half = (uint8_t)state;
}

/* Where in the table the chunk with `at` in it is, or would be inserted. */
static uint32_t chunk_index(const char *at)
{
    uint32_t low = 0, high = heap.chunks.len;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (heap.chunks.data[middle].base + CHUNK <= at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* CHUNK bytes aligned to CHUNK, or NULL. Since Linux 6.7 the first try fits. */
static char *map_aligned(void)
{
    const int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *p = mmap(NULL, CHUNK, prot, flags, -1, 0);
    if (p == MAP_FAILED) {
        return NULL;
    }
    if ((uintptr_t)p % CHUNK == 0) {
        return p;
    }
    munmap(p, CHUNK);
    p = mmap(NULL, 2 * CHUNK, prot, flags, -1, 0);
    if (p == MAP_FAILED) {
        return NULL;
    }
    size_t head = (CHUNK - (uintptr_t)p % CHUNK) % CHUNK;
    if (head > 0) {
        munmap(p, head);
    }
    munmap(p + head + CHUNK, CHUNK - head);
    return p + head;
}

/* A new chunk in the table, with both halves empty. False when there is no memory. With the lock. */
static bool add_chunk_locked(void)
{
    if (!VEC_RESERVE(NULL, &heap.chunks, 1)) {
        return false;
    }
    char *base = map_aligned();
    if (base == NULL) {
        return false;
    }
    bool huge = heap.old || heap.chunks.len >= SMALL_CHUNKS;
    if (huge) {
        (void)madvise(base, CHUNK, MADV_HUGEPAGE);
    }
    uint32_t at = chunk_index(base);
    memmove(heap.chunks.data + at + 1, heap.chunks.data + at,
            (heap.chunks.len - at) * sizeof(Chunk));
    heap.chunks.data[at] = (Chunk){base, {EMPTY, EMPTY}, huge};
    heap.chunks.len++;
    heap.empty += 2;
    return true;
}

static bool add_chunk(void)
{
    pthread_mutex_lock(&heap.lock);
    bool ok = add_chunk_locked();
    pthread_mutex_unlock(&heap.lock);
    return ok;
}

static void *alloc_arena(void *Py_UNUSED(ctx), size_t size)
{
    if (size == ARENA && heap.on && (heap.waiting + heap.empty > 0 || add_chunk())) {
        HalfState wanted = heap.waiting > 0 ? WAITING : EMPTY;
        for (uint32_t i = 0; i < heap.chunks.len; i++) {
            Chunk *chunk = &heap.chunks.data[i];
            for (int half = 0; half < 2; half++) {
                if (chunk->half[half] == wanted) {
                    set_half(&chunk->half[half], LIVE);
                    return chunk->base + (size_t)half * ARENA;
                }
            }
        }
    }
    void *stack = size == STACK ? take_stack() : NULL;
    return stack != NULL ? stack : heap.before.alloc(heap.before.ctx, size);
}

static void remove_chunk(uint32_t at)
{
    Chunk *chunk = &heap.chunks.data[at];
    for (int half = 0; half < 2; half++) {
        set_half(&chunk->half[half], EMPTY);
    }
    heap.empty -= 2;
    pthread_mutex_lock(&heap.lock);
    munmap(chunk->base, CHUNK);
    heap.chunks.len--;
    memmove(chunk, chunk + 1, (heap.chunks.len - at) * sizeof(Chunk));
    pthread_mutex_unlock(&heap.lock);
}

static void free_arena(void *Py_UNUSED(ctx), void *arena, size_t size)
{
    if (size == STACK && heap.on && keep_stack(arena)) {
        return;
    }
    uint32_t at = chunk_index(arena);
    Chunk *chunk = at < heap.chunks.len ? &heap.chunks.data[at] : NULL;
    if (chunk == NULL || (char *)arena < chunk->base) {
        heap.before.free(heap.before.ctx, arena, size);
        return;
    }
    uint32_t half = (char *)arena != chunk->base;
    if (heap.waiting < LEAST_WAITING + heap.chunks.len / CHUNKS_PER_WAITING) {
        set_half(&chunk->half[half], WAITING);
    } else if (chunk->half[1 - half] != LIVE) {
        remove_chunk(at);
    } else {
        set_half(&chunk->half[half], EMPTY);
        (void)madvise(arena, ARENA, MADV_DONTNEED);
    }
}

void eng_arenas_start(void)
{
    if (!eng_settings.huge_pages) {
        return;
    }
    heap.on = true;
    if (!heap.installed) {
        heap.installed = true;
        PyObjectArenaAllocator ours = {NULL, alloc_arena, free_arena};
        PyObject_GetArenaAllocator(&heap.before);
        PyObject_SetArenaAllocator(&ours);
    }
}

/* The first chunk that no huge page was asked for, for which it is asked now; NULL: there is none. */
static char *ask_for_next(void)
{
    char *base = NULL;
    pthread_mutex_lock(&heap.lock);
    for (uint32_t i = 0; base == NULL && i < heap.chunks.len; i++) {
        Chunk *chunk = &heap.chunks.data[i];
        if (!chunk->asked) {
            chunk->asked = true;
            base = chunk->base;
            (void)madvise(base, CHUNK, MADV_HUGEPAGE);
        }
    }
    pthread_mutex_unlock(&heap.lock);
    return base;
}

void eng_arenas_tick(void)
{
    static bool done;
    static unsigned ticks;
    if (!heap.on || done || ++ticks % TICKS_PER_CHUNK != 0) {
        return;
    }
    if (!heap.old) {
        heap.old =
            eng_clock_ns(CLOCK_PROCESS_CPUTIME_ID) >= (heap.serves ? SMALL_SERVER_NS : SMALL_NS);
        return;
    }
    char *base = ask_for_next();
    if (base == NULL) {
        done = true;
    } else {
        /* Without the lock, as it takes a while. Should the chunk be gone, what else there is becomes huge, or nothing. */
        (void)madvise(base, CHUNK, MADV_COLLAPSE);
    }
}

void eng_arenas_will_last(void)
{
    heap.serves = true;
}

void eng_arenas_forked(void)
{
    pthread_mutex_init(&heap.lock, NULL);
}

void eng_arenas_stop(void)
{
    heap.on = false;
}

uint32_t eng_arenas_live(void)
{
    return heap.live;
}
