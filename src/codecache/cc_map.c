/* Code cache: where in the address space the range goes.
 *
 * Calls from machine code to libpython want to be `call rel32`: five bytes, no register, no load.
 * That needs the whole range within 2 GiB of the callee, so the range is placed near an address
 * the engine names. The kernel offers no "map near": the gaps are read from /proc/self/maps and
 * one is asked for by address, with MAP_FIXED_NOREPLACE so that a mapping that appeared meanwhile
 * is never replaced. When nothing fits, anywhere will do; calls then go through the constant pool.
 * The gap between an executable and its heap is tried first, without reading the mappings.
 *
 * Two gaps are special. The one above the program break is where malloc's main heap grows: the
 * range goes to its far end. The one below the stack is where the stack grows: it is left alone.
 */
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cc_internal.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define REACH     ((uintptr_t)1 << 31)
/* Objects around the named address that should be in reach too: an executable's or library's text
 * and data. */
#define SLACK     ((uintptr_t)64 << 20)
/* Kept free towards neighbours, so that an overrun of theirs does not meet our pages. */
#define GUARD     ((uintptr_t)64 << 10)
/* A page table's worth, so that huge pages stay possible. */
#define ALIGNMENT ((uintptr_t)2 << 20)
#define LOWEST    ((uintptr_t)1 << 20)
#define HIGHEST   (((uintptr_t)1 << 47) - ALIGNMENT)
#define MAX_TRIES 8

typedef struct Mapping {
    uintptr_t lo, hi;
    bool stack;
} Mapping;

typedef VEC(Mapping) MappingVec;

bool cc_range_reaches(uintptr_t lo, uintptr_t hi, uintptr_t addr)
{
    int64_t from_lo = (int64_t)(addr - lo), from_hi = (int64_t)(addr - hi);
    return from_lo == (int32_t)from_lo && from_hi == (int32_t)from_hi;
}

/* Reads the process's mappings in address order. False when they cannot be read. */
static bool read_mappings(MappingVec *v)
{
    FILE *f = fopen("/proc/self/maps", "re");
    if (f == NULL) {
        return false;
    }
    char *line = NULL;
    size_t cap = 0;
    bool ok = true;
    while (ok && getline(&line, &cap, f) > 0) {
        unsigned long lo, hi;
        if (sscanf(line, "%lx-%lx", &lo, &hi) != 2) {
            continue;
        }
        Mapping m = {lo, hi, strstr(line, "[stack") != NULL};
        ok = VEC_TRY_PUSH(NULL, v, m);
    }
    free(line);
    fclose(f);
    return ok && v->len > 0;
}

/* Where in the gap [lo, hi) a range of `size` bytes would go; 0 when it does not fit or reach. */
static uintptr_t place_in_gap(uintptr_t lo, uintptr_t hi, bool heap_below, uintptr_t near,
                              size_t size)
{
    uintptr_t window_lo = near > REACH - SLACK ? near - (REACH - SLACK) : LOWEST;
    uintptr_t window_hi = BASE_MIN(near + (REACH - SLACK), HIGHEST);
    lo = BASE_MAX(BASE_MAX(lo + GUARD, window_lo), LOWEST);
    hi = BASE_MIN(hi - GUARD, window_hi);
    lo = BASE_ALIGN_UP(lo, ALIGNMENT);
    if (hi <= lo || hi - lo < size) {
        return 0;
    }
    uintptr_t top = BASE_ALIGN_DOWN(hi - size, ALIGNMENT);
    if (top < lo) {
        return 0;
    }
    return heap_below || lo < near ? top : lo;
}

static uintptr_t distance(uintptr_t x, uintptr_t y)
{
    return x > y ? x - y : y - x;
}

static uintptr_t map_at(uintptr_t addr, size_t size)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    if (addr) {
        flags |= MAP_FIXED_NOREPLACE;
    }
    void *p = mmap((void *)addr, size, PROT_NONE, flags, -1, 0);
    if (p == MAP_FAILED) {
        return 0;
    }
    if (addr && (uintptr_t)p != addr) {
        munmap(p, size); /* a kernel before 4.17 takes the address as a hint */
        return 0;
    }
    return (uintptr_t)p;
}

typedef struct {
    uintptr_t addr, end;
} ObjectEnd;

/* For dl_iterate_phdr: the end of the object whose segments hold `addr`. */
static int find_object_end(struct dl_phdr_info *info, size_t info_size, void *arg)
{
    (void)info_size;
    ObjectEnd *o = arg;
    uintptr_t end = 0;
    bool holds = false;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
        if (ph->p_type == PT_LOAD) {
            uintptr_t lo = info->dlpi_addr + ph->p_vaddr, hi = lo + ph->p_memsz;
            holds |= o->addr >= lo && o->addr < hi;
            end = BASE_MAX(end, hi);
        }
    }
    if (holds) {
        o->end = end;
    }
    return holds;
}

/* The common case without reading the mappings, which costs as much as all the rest of a start: between an
 * executable and the heap, which the kernel puts at a random distance behind it. What ends below the
 * program break, and is free, is not in the heap's way. */
static uintptr_t reserve_below_heap(uintptr_t near, size_t size)
{
    ObjectEnd object = {.addr = near};
    if (dl_iterate_phdr(find_object_end, &object) == 0) {
        return 0;
    }
    uintptr_t lo = BASE_ALIGN_UP(object.end + GUARD, ALIGNMENT), hi = lo + size;
    bool fits = hi > lo && hi + GUARD <= (uintptr_t)sbrk(0) && hi - near < REACH - SLACK;
    return fits ? map_at(lo, size) : 0;
}

static uintptr_t reserve_near(uintptr_t near, size_t size)
{
    MappingVec maps = {0};
    uintptr_t got = 0;
    uintptr_t brk_now = (uintptr_t)sbrk(0);
    if (!read_mappings(&maps)) {
        VEC_FREE(&maps);
        return 0;
    }
    /* Only a mapping made by another thread makes a try fail, so a few are plenty. */
    for (int tries = 0; tries < MAX_TRIES && !got; tries++) {
        uintptr_t best = 0;
        uint32_t best_gap = 0;
        for (uint32_t i = 0; i <= maps.len; i++) {
            uintptr_t lo = i ? maps.data[i - 1].hi : LOWEST;
            uintptr_t hi = i < maps.len ? maps.data[i].lo : HIGHEST;
            if (hi <= lo + 2 * GUARD || (i < maps.len && maps.data[i].stack)) {
                continue;
            }
            bool heap_below = brk_now >= lo && brk_now < hi;
            uintptr_t at = place_in_gap(lo, hi, heap_below, near, size);
            if (at && (!best || distance(at, near) < distance(best, near))) {
                best = at;
                best_gap = i;
            }
        }
        if (!best) {
            break;
        }
        got = map_at(best, size);
        if (!got && best_gap < maps.len) {
            maps.data[best_gap].stack = true; /* do not try this gap again */
        }
    }
    VEC_FREE(&maps);
    return got;
}

uintptr_t cc_reserve(const void *near, size_t size)
{
    uintptr_t at = near ? reserve_below_heap((uintptr_t)near, size) : 0;
    if (!at && near) {
        at = reserve_near((uintptr_t)near, size);
    }
    if (!at) {
        at = map_at(0, size);
    }
#if defined(PR_SET_VMA) && defined(PR_SET_VMA_ANON_NAME)
    if (at) { /* a name in /proc/PID/maps; kernels without it say EINVAL, which is fine */
        prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, size, "pyston code");
    }
#endif
    return at;
}
