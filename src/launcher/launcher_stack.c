/* A larger stack for the main thread, without moving off the one the kernel made.
 *
 * Why: the 8 MiB that a process usually gets are too few for C recursion below a raised
 * sys.setrecursionlimit() (a deep __repr__, pickle or re pattern), where stock CPython dies of a
 * segmentation fault, and machine code of the engine may use more of it per Python call than the
 * interpreter does.
 *
 * How: the kernel keeps the stack of the main thread far away from other mappings, but lets it
 * grow only to RLIMIT_STACK. The address space right below that limit is free, so a private
 * mapping there continues the stack: a push that leaves the kernel's area lands in ours, with
 * neither a fault nor a check in between. The kernel's area is first grown to its full size by
 * touching its lowest page.
 *
 * What was weighed against it:
 * - raising RLIMIT_STACK: children inherit the limit, programs that read it see another value,
 *   the limit becomes every thread's default size, and the address space is only promised to a
 *   process that starts with the limit (a second exec: milliseconds);
 * - running Python on another thread: signals, prctl(), and libraries that want the main thread;
 * - pointing the stack pointer at a mapping: whoever asks for the bounds of the main stack
 *   (pthread_getattr_np: a JVM in the process, sanitizers, conservative collectors) gets the
 *   kernel's area, with the stack pointer outside of it, and unwinders need help.
 * Here limits, bounds and unwinding stay as they are: whoever respects the 8 MiB never sees the rest.
 *
 * Costs: address space (not memory, MAP_NORESERVE), two pages, three system calls. Without room, under
 * a limit of the address space, or with overcommit forbidden, the stack stays as it was. */
#include "launcher.h"

#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base_stack.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

enum {
    MIB = 1 << 20,
    /* 10**5 Python calls at 2.5 KiB of C stack each. */
    EXTRA_WANTED = 256 * MIB,
    /* Less than this is not worth a mapping (an unrandomised process has 128 MiB, some taken). */
    EXTRA_LEAST = 16 * MIB,
    /* Left unreadable at the lowest end, as wide as the kernel's own stack guard gap, so that
     * running off the end is a segmentation fault and never a write into somebody's memory. */
    GUARD = 1 * MIB,
    /* The kernel counts RLIMIT_STACK from the end of its mapping; keep clear of the last byte,
     * with room for the frame of a signal that arrives while its lowest page is touched. */
    SLACK = 64 << 10,
    /* A limit below this was set by somebody who means it. */
    LIMIT_LEAST = 1 * MIB,
/* The address sanitizer keeps its own idea of the stack's bounds. */
#if defined(__SANITIZE_ADDRESS__)
    SANITIZED = 1,
#else
    SANITIZED = 0,
#endif
};

/* Write to the page at `address` with the stack pointer there: kernels before 5.0 let the stack
 * grow only down to a little below the stack pointer. */
static void touch_with_stack_pointer(uintptr_t address)
{
#if defined(__x86_64__)
    uintptr_t saved;
    __asm__ volatile("mov %%rsp, %0\n\t"
                     "mov %1, %%rsp\n\t"
                     "movb $0, (%%rsp)\n\t"
                     "mov %0, %%rsp"
                     : "=&r"(saved)
                     : "r"(address)
                     : "memory");
#else
    *(volatile char *)address = 0;
#endif
}

void *launcher_grow_stack(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct rlimit limit;
    uintptr_t end = base_stack_end(page);
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (SANITIZED || end == 0 || here >= end || getrlimit(RLIMIT_STACK, &limit) != 0 ||
        limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur < LIMIT_LEAST ||
        limit.rlim_cur > EXTRA_WANTED || end - here > limit.rlim_cur / 2) {
        return NULL;
    }
    struct rlimit space;
    if (getrlimit(RLIMIT_AS, &space) != 0 || space.rlim_cur != RLIM_INFINITY) {
        return NULL;
    }

    uintptr_t lowest = (end - limit.rlim_cur + SLACK + page - 1) & ~(page - 1);
    touch_with_stack_pointer(lowest);
    for (uintptr_t size = EXTRA_WANTED; size >= EXTRA_LEAST; size /= 2) {
        void *want = (void *)(lowest - size);
        char *got = mmap(want, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (got == want) {
            (void)mprotect(got, GUARD, PROT_NONE);
            return got + GUARD;
        }
        if (got != MAP_FAILED) {
            /* A kernel before 4.17 takes the address as a hint and put it elsewhere. */
            (void)munmap(got, size);
        }
    }
    return NULL;
}
