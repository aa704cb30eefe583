/* Storage of the typed vectors of base_vec.h: growth by half, from the arena or from malloc. */
#include "base_vec.h"

#include <stdlib.h>
#include <string.h>

bool base_vec_grow(Arena *a, void **data, uint32_t *cap, uint32_t need, size_t elem_size)
{
    uint64_t want = BASE_MAX((uint64_t)*cap + *cap / 2, (uint64_t)need);
    want = BASE_MAX(want, (uint64_t)8);
    /* UINT32_MAX is also what a saturated request looks like. */
    if (need == UINT32_MAX || want >= UINT32_MAX || want * elem_size > SIZE_MAX / 2) {
        if (a == NULL) {
            return false;
        }
        return arena_calloc(a, SIZE_MAX, elem_size) != NULL; /* fails the arena's way */
    }
    void *old, *p;
    memcpy(&old, data, sizeof old);
    if (a) {
        p = arena_grow(a, old, (size_t)*cap * elem_size, (size_t)want * elem_size);
    } else {
        p = realloc(old, (size_t)want * elem_size);
    }
    if (p == NULL) {
        return false;
    }
    memcpy(data, &p, sizeof p);
    *cap = (uint32_t)want;
    return true;
}

void base_vec_zero_tail(void *data, uint32_t old_len, uint32_t new_len, size_t elem_size)
{
    if (new_len > old_len) {
        memset((char *)data + (size_t)old_len * elem_size, 0,
               (size_t)(new_len - old_len) * elem_size);
    }
}

void base_vec_move(void *data, uint32_t from, uint32_t to, uint32_t count, size_t elem_size)
{
    if (count) {
        memmove((char *)data + (size_t)to * elem_size, (char *)data + (size_t)from * elem_size,
                (size_t)count * elem_size);
    }
}

void base_vec_free_(void *data)
{
    free(data);
}
