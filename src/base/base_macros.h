/* Macros that every folder may use: branch hints, attributes, sizes, alignment. No state. */
#ifndef PYSTON_BASE_MACROS_H
#define PYSTON_BASE_MACROS_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define BASE_LIKELY(x)               __builtin_expect(!!(x), 1)
#define BASE_UNLIKELY(x)             __builtin_expect(!!(x), 0)

#define BASE_PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))
#define BASE_NORETURN                __attribute__((noreturn))
#define BASE_ALWAYS_INLINE           inline __attribute__((always_inline))
#define BASE_NOINLINE                __attribute__((noinline))
#define BASE_UNUSED                  __attribute__((unused))
#define BASE_MUST_CHECK              __attribute__((warn_unused_result))

/* Number of elements of an array (not of a pointer). */
#define BASE_COUNT(array)            (sizeof(array) / sizeof((array)[0]))

#define BASE_MIN(x, y)               ((x) < (y) ? (x) : (y))
#define BASE_MAX(x, y)               ((x) > (y) ? (x) : (y))

/* Rounds up or down to a power of two. */
#define BASE_ALIGN_UP(x, n)          (((x) + ((n)-1)) & ~((n)-1))
#define BASE_ALIGN_DOWN(x, n)        ((x) & ~((n)-1))

/* Stops with a message when an internal invariant is broken; stays in release builds, because
 * running wrong machine code is worse than stopping. */
#define BASE_CHECK(cond) \
    (BASE_LIKELY(cond) ? (void)0 : base_check_failed(#cond, __FILE__, __LINE__, __func__))

BASE_NORETURN void base_check_failed(const char *what, const char *file, int line,
                                     const char *func);

/* For switch branches and table rows that cannot be reached. */
#define BASE_UNREACHABLE() base_check_failed("unreachable", __FILE__, __LINE__, __func__)

#endif
