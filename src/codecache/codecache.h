/* Code cache: executable memory, who lives where in it, and what profilers and debuggers are told.
 *
 * One contiguous range of addresses is reserved, if possible within rel32 reach of a given
 * address (libpython). A unit's cold code (deopt exits, constant pools) lies behind its hot code.
 * Memory is private and never writable and executable at once; the reasoning is
 * atop codecache.c. The cache knows neither the assembler nor Python.
 *
 *     CodeBlob *b = cc_alloc(cc, hot_size, cold_size, name, owner);
 *     if (b == NULL) -> the cap is reached or memory is out; go on interpreting
 *     CcWindow w;
 *     if (cc_open(cc, b, &w) == 0) {
 *         write to w.hot and w.cold; the code runs at b->hot and b->cold
 *         cc_close(cc, &w);
 *     }
 *
 * All functions want the GIL (or, in tests, one thread), except where said otherwise. There is
 * no global state here but the debugger interface's descriptor, whose name the debugger fixes.
 */
#ifndef PYSTON_CODECACHE_H
#define PYSTON_CODECACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_macros.h"

typedef struct CodeCache CodeCache;

/* One unit of code. The public fields are constant while the blob lives, except `user` and
 * `owner`, which belong to the creator. */
typedef struct CodeBlob {
    uintptr_t hot;  /* executable address, 64-byte aligned */
    uintptr_t cold; /* executable address, 16-byte aligned, or 0 */
    uint32_t hot_size;
    uint32_t cold_size;
    const char *name; /* the blob's own copy */
    void *owner;      /* the engine's record of the compiled function */
    void *user;       /* pc tables and the like; the cache does not look at it */
    void *debug_;     /* the debugger's record, or NULL; private */
} CodeBlob;

/* Writable view of a blob or of an address range. */
typedef struct CcWindow {
    uint8_t *hot;
    uint8_t *cold;
    uintptr_t lo_, hi_; /* pages to close; private */
} CcWindow;

typedef struct CcStats {
    size_t code_bytes;  /* in living blobs, rounding included */
    size_t meta_bytes;  /* charged with cc_meta_alloc, and the cache's own records */
    size_t limit;       /* the cap on their sum */
    size_t peak_bytes;  /* largest sum so far */
    size_t committed;   /* bytes of the range that are backed by memory (page tables aside) */
    uint32_t blobs;     /* living */
    uint32_t installed; /* ever */
    uint32_t freed;     /* ever */
    uint32_t refused;   /* allocations that the cap or the system refused */
} CcStats;

#define CC_DEFAULT_LIMIT_MIB 64

/* The cap in bytes that the environment asks for: PYSTON_CODE_LIMIT in MiB, or the default when
 * unset or not a number in 1..1024. */
size_t cc_limit_from_env(void);

/* Reserves the range and proves that memory can be made executable and code there runs.
 * `near`: the range should be within rel32 reach of this address (NULL: anywhere). `limit`: cap
 * on code + metadata in bytes. Returns NULL with *error set to a static string when executable
 * memory cannot be had (seccomp, SELinux, no address space). */
CodeCache *cc_create(const void *near, size_t limit, const char **error) BASE_MUST_CHECK;

/* Unmaps everything. No code of the cache may be running or be returned to. */
void cc_destroy(CodeCache *cc);

/* The reserved range, for x64_set_code_range. */
void cc_range(const CodeCache *cc, uintptr_t *lo, uintptr_t *hi);

/* True when every place in the range reaches `addr` with rel32. */
bool cc_reaches(const CodeCache *cc, const void *addr);

/* Space for a blob, or NULL when the cap is reached or memory is out. `hot_size` > 0; `cold_size`
 * may be 0. `name` (may be NULL) is copied. The content is undefined until written. */
CodeBlob *cc_alloc(CodeCache *cc, uint32_t hot_size, uint32_t cold_size, const char *name,
                   void *owner) BASE_MUST_CHECK;

/* Returns a blob's space. The blob must not be running nor be returned to. With `trap` the bytes become int3, so that a
 * stale jump stops at once; a process that ends frees all of its code, and has better things to do. NULL is ignored. */
void cc_free(CodeCache *cc, CodeBlob *b, bool trap);

/* Makes a blob writable and thereby not executable, until cc_close. 0, or -1 when the system
 * refuses (the blob's space is then unchanged and, outside of cc_begin, executable). The caller holds the GIL and runs
 * none of the cache's code in between; windows do not nest. */
int cc_open(CodeCache *cc, CodeBlob *b, CcWindow *w) BASE_MUST_CHECK;
/* The same for patching `len` bytes at an executable address of a living blob; w->hot is the
 * writable address. */
int cc_open_range(CodeCache *cc, uintptr_t exec, size_t len, CcWindow *w) BASE_MUST_CHECK;
/* Makes it executable again. 0, or -1 when the system refuses: the code there must then never be
 * run again, and as other blobs share its pages the engine has to stop for good. */
int cc_close(CodeCache *cc, CcWindow *w) BASE_MUST_CHECK;
/* Between these two, windows leave their pages writable, and cc_end makes them executable all at once: a pair of
 * mprotect calls for many blobs, where each makes the other processors forget what they know of the pages. 0, or -1 as
 * cc_close. */
void cc_begin(CodeCache *cc);
int cc_end(CodeCache *cc) BASE_MUST_CHECK;
/* True after cc_close failed, here or inside cc_free: code of this cache must not be entered. */
bool cc_broken(const CodeCache *cc);
/* Tells profilers and debuggers, if on, about a blob whose code is complete (after cc_close). */
void cc_publish(CodeCache *cc, CodeBlob *b);

/* The living blob that contains pc, or NULL. A return address behind the last byte of a call that
 * ends a blob is not found: look up pc - 1 for return addresses. */
CodeBlob *cc_find(const CodeCache *cc, uintptr_t pc);

/* Calls fn on each living blob in order of hot address; fn must not allocate or free blobs. */
void cc_each(const CodeCache *cc, void (*fn)(CodeBlob *b, void *ctx), void *ctx);

/* Zeroed memory for tables that live with code, charged to the cap. NULL when the cap is reached
 * or memory is out. cc_meta_free wants the same size. */
void *cc_meta_alloc(CodeCache *cc, size_t size) BASE_MUST_CHECK;
void cc_meta_free(CodeCache *cc, void *p, size_t size);

/* True when `bytes` more of code or metadata would pass the cap, or the cache is broken (see
 * cc_close): no need to start compiling. */
bool cc_full(const CodeCache *cc, size_t bytes);

void cc_stats(const CodeCache *cc, CcStats *out);

/* ---- profilers and debuggers --------------------------------------------------------------- */

/* Writes /tmp/perf-PID.map from now on, living blobs first. 0, or -1 with errno set. */
int cc_enable_perf_map(CodeCache *cc);
/* To be called in a forked child: gives it a map file of its own with all living blobs. The code
 * itself needs nothing. cc_publish does this too when it finds itself in a new process, so a
 * missed call costs names only until the child compiles something. */
void cc_after_fork_child(CodeCache *cc);
/* True when the environment asks for it: PYSTON_PERF set and not "0". */
bool cc_perf_wanted(void);

/* Registers blobs with gdb's JIT interface from now on, living blobs first. */
void cc_enable_gdb(CodeCache *cc);

/* Where code of this cache saves a callee-saved register: at rbp + rbp_offset. */
typedef struct CcSavedReg {
    uint8_t reg;        /* the processor's number: 3 rbx, 12..15 r12..r15 */
    int32_t rbp_offset; /* negative, a multiple of 8 */
} CcSavedReg;

/* Tells the C unwinder (pthread_exit, C++ exceptions, backtrace()) that all code in the range
 * keeps a frame of the usual shape: push rbp; mov rbp, rsp; registers saved as in `saved`. At most
 * 8 registers. Call it once. 0, or -1 when memory is out. */
int cc_enable_unwind(CodeCache *cc, const CcSavedReg *saved, size_t nsaved);

#endif
