/* Where the main thread's stack ends. */
#ifndef PYSTON_BASE_STACK_H
#define PYSTON_BASE_STACK_H

#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

/* The end (highest address, exclusive) of the mapping that the kernel made for the main thread's
 * stack, or 0 if unknown. It may grow down to RLIMIT_STACK below that. The name of the executed file
 * is the last thing on it (Linux fs/exec.c copies it there first), 8 zero bytes follow. Asking
 * pthread_getattr_np() instead reads all of /proc/self/maps. `page`: the size of a page. */
static inline uintptr_t base_stack_end(uintptr_t page)
{
    uintptr_t name = (uintptr_t)getauxval(AT_EXECFN);
    if (name == 0) {
        return 0;
    }
    uintptr_t end = name + strlen((const char *)name) + 1 + sizeof(void *);
    return (end + page - 1) & ~(page - 1);
}

#endif
