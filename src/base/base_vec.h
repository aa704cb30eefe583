/* Typed growable vectors.
 *
 *     typedef VEC(uint32_t) U32Vec;      // or VEC(HirNode *) inside a struct
 *     U32Vec v = {0};
 *     VEC_PUSH(arena, &v, 7);
 *     for (uint32_t i = 0; i < v.len; i++) use(v.data[i]);
 *     VEC_EACH(&v, uint32_t, p) use(*p);
 *
 * The storage is an arena's, or malloc's when the arena argument is NULL (then VEC_FREE it). A
 * vector must always be used with the same arena. All zero bytes are a valid empty vector.
 *
 * When memory runs out: an arena with an `oom` hook leaves by longjmp; otherwise VEC_PUSH drops
 * the element (the arena's `failed` flag says so) and VEC_TRY_PUSH and VEC_RESERVE give false.
 */
#ifndef PYSTON_BASE_VEC_H
#define PYSTON_BASE_VEC_H

#include "base_arena.h"

#define VEC(T)        \
    struct {          \
        T *data;      \
        uint32_t len; \
        uint32_t cap; \
    }

/* Grows the storage behind *data to at least `need` elements. Returns false when memory is out. */
bool base_vec_grow(Arena *a, void **data, uint32_t *cap, uint32_t need, size_t elem_size);

/* The storage pointer seen as the void ** that base_vec_grow wants. memcpy in base_vec_grow keeps
 * this free of aliasing trouble. */
#define VEC_DATA_(v) ((void **)(void *)&(v)->data)

/* Makes room for `n` more elements; true on success. */
#define VEC_RESERVE(a, v, n)                                                    \
    ((uint64_t)(v)->len + (uint64_t)(n) <= (uint64_t)(v)->cap ||                \
     base_vec_grow((a), VEC_DATA_(v), &(v)->cap, BASE_VEC_NEED_((v)->len, (n)), \
                   sizeof *(v)->data))

/* len + n, saturating so that an absurd request fails in base_vec_grow instead of wrapping. */
#define BASE_VEC_NEED_(len, n) \
    ((uint32_t)BASE_MIN((uint64_t)(len) + (uint64_t)(n), (uint64_t)UINT32_MAX))

/* Appends x (evaluated once). A statement. */
#define VEC_PUSH(a, v, x)               \
    do {                                \
        if (VEC_RESERVE((a), (v), 1)) { \
            (v)->data[(v)->len] = (x);  \
            (v)->len++;                 \
        }                               \
    } while (0)

/* Appends x; an expression that is true on success. */
#define VEC_TRY_PUSH(a, v, x) \
    (VEC_RESERVE((a), (v), 1) ? ((v)->data[(v)->len] = (x), (v)->len++, true) : false)

/* Removes and gives the last element; the vector must not be empty. */
#define VEC_POP(v)   ((v)->data[--(v)->len])

/* The last element as an lvalue. */
#define VEC_LAST(v)  ((v)->data[(v)->len - 1])

/* Forgets the elements and keeps the storage. */
#define VEC_CLEAR(v) ((void)((v)->len = 0))

/* Sets the length to n; elements that appear are zero. True on success. */
#define VEC_RESIZE(a, v, n)                                                                        \
    (((n) <= (v)->len || VEC_RESERVE((a), (v), (n) - (v)->len))                                    \
         ? (base_vec_zero_tail((v)->data, (v)->len, (n), sizeof *(v)->data), (v)->len = (n), true) \
         : false)

void base_vec_zero_tail(void *data, uint32_t old_len, uint32_t new_len, size_t elem_size);

/* Inserts x before index `at` (at <= len); removes the element at index `at`, keeping order. */
#define VEC_INSERT(a, v, at, x)                                                           \
    do {                                                                                  \
        if (VEC_RESERVE((a), (v), 1)) {                                                   \
            base_vec_move((v)->data, (at), (at) + 1, (v)->len - (at), sizeof *(v)->data); \
            (v)->data[(at)] = (x);                                                        \
            (v)->len++;                                                                   \
        }                                                                                 \
    } while (0)

#define VEC_REMOVE(v, at)                                                               \
    do {                                                                                \
        base_vec_move((v)->data, (at) + 1, (at), (v)->len - (at)-1, sizeof *(v)->data); \
        (v)->len--;                                                                     \
    } while (0)

void base_vec_move(void *data, uint32_t from, uint32_t to, uint32_t count, size_t elem_size);

/* Iterates with a pointer to each element; the vector must not grow meanwhile. */
#define VEC_EACH(v, T, p) \
    for (T *p = (v)->data, *p##_end_ = (v)->len ? (v)->data + (v)->len : p; p != p##_end_; p++)

/* Frees the storage of a vector that was used without an arena. */
#define VEC_FREE(v)                \
    do {                           \
        base_vec_free_((v)->data); \
        (v)->data = NULL;          \
        (v)->len = (v)->cap = 0;   \
    } while (0)

void base_vec_free_(void *data);

#endif
