/* Chunks: the memory that arenas are made of, and a pool of those that wait for the next arena.
 *
 * Fresh memory costs a page fault for every 4 KiB, which was a quarter of the time that compiling took. So chunks go back
 * to a pool, last in, first out, while they are in the processor's caches; the pool is small, and emptied when nothing
 * has been compiled for a while (chunks_trim). Any thread may use it. */
#ifndef PYSTON_BASE_CHUNKS_H
#define PYSTON_BASE_CHUNKS_H

#include <stddef.h>

#define CHUNK_MIN ((size_t)32 << 10) /* the smallest chunk; all sizes are powers of two */

typedef struct BaseChunk {
    struct BaseChunk *next; /* the owner's to set */
    size_t size;            /* in bytes, with this header */
} BaseChunk;

/* The size of the chunk that chunk_take returns for so many bytes; 0 when there is none. */
size_t chunk_size(size_t size);

/* A chunk of at least `size` bytes (its header included), or NULL when the system has no memory. What is in it behind
 * the header is undefined. */
BaseChunk *chunk_take(size_t size);

/* Gives it back. */
void chunk_give(BaseChunk *c);

/* How many bytes the pool may hold; none until this says so. */
void chunks_keep(size_t most);

/* Returns the pool's memory to the system. */
void chunks_trim(void);

/* In a forked child, where the thread that used the pool may be gone. */
void chunks_forked(void);

#endif
