/* Code cache: allocation, the writable window, pc lookup, accounting.
 *
 * Why private memory and mprotect, and not two mappings of one memfd:
 *
 * - fork(). A memfd has to be mapped MAP_SHARED, and then a child that compiles writes into its
 *   parent's code. Pre-forking servers (gunicorn, uWSGI, multiprocessing) are common, so parent
 *   and children would have to notice every fork and copy. Private memory is copied on write by
 *   the kernel: children share what the parent compiled and cannot disturb it, with no handler.
 * - It is what systems that restrict code generation expect: where mprotect(PROT_EXEC) is refused
 *   (systemd's MemoryDenyWriteExecute, SELinux without execmem) the administrator wants no code
 *   generated, and the engine stays off with a message.
 * - What a second mapping would save is two mprotect calls per compiled function or patch, some
 *   microseconds against a compilation of tens to hundreds. Inline caches that change often keep
 *   their state in data, not in code.
 *
 * Why it is safe that a page is not executable while it is written, although other functions live
 * in it: machine code runs only under the GIL, all interpreters of a 3.11 process share one GIL,
 * and the writer holds it from cc_open to cc_close without running any of the cache's code. A
 * thread without the GIL may well be *below* machine code, in a C function that released the GIL;
 * it returns to machine code only after taking the GIL again. Unwinders and profilers read the
 * pages, which stay readable throughout. Signal handlers of C extensions do not run Python code;
 * CPython's own only set flags.
 *
 * Layout: [lo .. chunks .. end) free [.. hi). It grows by whole chunks; within them, allocation is first fit over an
 * address-ordered free list with merging. The number of blobs is some thousands, so sorted arrays serve both for
 * the free list and for pc lookup, and new blobs mostly go at the end. The cold code of a blob is next to its hot code, so
 * that one pair of mprotect calls installs both: with cold code in a place of its own, these calls were a fifth of the time
 * that compiling took, and the processor, which fetches by the cache line, gains nothing by it.
 */
#include "codecache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cc_internal.h"

#define MIB           ((size_t)1 << 20)
#define MAX_LIMIT_MIB 1024 /* the range must stay well inside rel32 reach of itself */
#define INT3          0xcc

/* ---- accounting ---------------------------------------------------------------------------- */

size_t cc_limit_from_env(void)
{
    const char *s = getenv("PYSTON_CODE_LIMIT");
    if (s && *s) {
        char *end;
        errno = 0;
        long mib = strtol(s, &end, 10);
        if (*end == 0 && errno == 0 && mib >= 1 && mib <= MAX_LIMIT_MIB) {
            return (size_t)mib * MIB;
        }
    }
    return CC_DEFAULT_LIMIT_MIB * MIB;
}

bool cc_full(const CodeCache *cc, size_t bytes)
{
    size_t used = cc->stats.code_bytes + cc->stats.meta_bytes;
    return cc->broken || bytes > cc->stats.limit || used > cc->stats.limit - bytes;
}

static void note_peak(CodeCache *cc)
{
    cc->stats.peak_bytes =
        BASE_MAX(cc->stats.peak_bytes, cc->stats.code_bytes + cc->stats.meta_bytes);
}

bool cc_charge_meta(CodeCache *cc, size_t size)
{
    if (cc_full(cc, size)) {
        cc->stats.refused++;
        return false;
    }
    cc->stats.meta_bytes += size;
    note_peak(cc);
    return true;
}

void cc_uncharge_meta(CodeCache *cc, size_t size)
{
    BASE_CHECK(size <= cc->stats.meta_bytes);
    cc->stats.meta_bytes -= size;
}

void *cc_meta_alloc(CodeCache *cc, size_t size)
{
    if (!cc_charge_meta(cc, size)) {
        return NULL;
    }
    void *p = calloc(1, BASE_MAX(size, (size_t)1));
    if (p == NULL) {
        cc_uncharge_meta(cc, size);
        cc->stats.refused++;
    }
    return p;
}

void cc_meta_free(CodeCache *cc, void *p, size_t size)
{
    if (p) {
        cc_uncharge_meta(cc, size);
        free(p);
    }
}

void cc_stats(const CodeCache *cc, CcStats *out)
{
    *out = cc->stats;
    out->committed = cc->end - cc->lo;
}

/* ---- creation ------------------------------------------------------------------------------ */

static const char *exec_error(int err)
{
    return err == ENOMEM ? "no memory for machine code"
                         : "the system does not allow generated code (mprotect with PROT_EXEC "
                           "was refused)";
}

/* Writes a function, runs it, and takes it away. NULL, or what went wrong. */
static const char *prove_executable(CodeCache *cc)
{
    static const uint8_t stub[] = {0xb8, 0x11, 0x03, 0x00, 0x00, 0xc3}; /* mov eax, 0x311; ret */
    uint8_t *p = (uint8_t *)cc->lo;
    if (mprotect(p, cc->page, PROT_READ | PROT_WRITE) < 0) {
        return "no memory for machine code";
    }
    memcpy(p, stub, sizeof stub);
    if (mprotect(p, cc->page, PROT_READ | PROT_EXEC) < 0) {
        return exec_error(errno);
    }
    int (*fn)(void);
    memcpy(&fn, &p, sizeof fn);
    if (fn() != 0x311) {
        return "generated code does not run";
    }
    if (mprotect(p, cc->page, PROT_NONE) < 0) {
        return "no memory for machine code";
    }
    return NULL;
}

CodeCache *cc_create(const void *near, size_t limit, const char **error)
{
    CodeCache *cc = calloc(1, sizeof *cc);
    if (cc == NULL) {
        *error = "out of memory";
        return NULL;
    }
    limit = BASE_MIN(limit, (size_t)MAX_LIMIT_MIB * MIB);
    size_t size = BASE_MAX(BASE_ALIGN_UP(limit, CC_CHUNK), 2 * CC_CHUNK);
    cc->page = (uintptr_t)sysconf(_SC_PAGESIZE);
    cc->perf_fd = -1;
    cc->stats.limit = limit;
    cc->lo = cc_reserve(near, size);
    if (cc->lo == 0) {
        *error = "no address space for machine code";
        free(cc);
        return NULL;
    }
    cc->hi = cc->lo + size;
    cc->end = cc->lo;
    *error = prove_executable(cc);
    if (*error) {
        munmap((void *)cc->lo, size);
        free(cc);
        return NULL;
    }
    return cc;
}

static void free_record(CodeCache *cc, CodeBlob *b);

void cc_destroy(CodeCache *cc)
{
    if (cc == NULL) {
        return;
    }
    for (uint32_t i = 0; i < cc->blobs.len; i++) {
        CodeBlob *b = cc->blobs.data[i];
        cc_debug_forget(cc, b);
        free_record(cc, b);
    }
    cc_debug_destroy(cc);
    VEC_FREE(&cc->free);
    VEC_FREE(&cc->blobs);
    munmap((void *)cc->lo, cc->hi - cc->lo);
    free(cc);
}

void cc_range(const CodeCache *cc, uintptr_t *lo, uintptr_t *hi)
{
    *lo = cc->lo;
    *hi = cc->hi;
}

bool cc_reaches(const CodeCache *cc, const void *addr)
{
    return cc_range_reaches(cc->lo, cc->hi, (uintptr_t)addr);
}

/* ---- space --------------------------------------------------------------------------------- */

/* Index of the first free segment that starts above `addr`. */
static uint32_t free_index(const CodeCache *cc, uintptr_t addr)
{
    uint32_t lo = 0, hi = cc->free.len;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (cc->free.data[mid].lo > addr) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return lo;
}

/* Adds [lo, hi) to the free list, merging with its neighbours. False when memory is out; the
 * bytes are then lost to the cache, nothing else. */
static bool add_free(CodeCache *cc, uintptr_t lo, uintptr_t hi)
{
    uint32_t i = free_index(cc, lo);
    CcSegment *below = i > 0 ? &cc->free.data[i - 1] : NULL;
    CcSegment *above = i < cc->free.len ? &cc->free.data[i] : NULL;
    BASE_CHECK((!below || below->hi <= lo) && (!above || hi <= above->lo));
    bool join_below = below && below->hi == lo, join_above = above && above->lo == hi;
    if (join_below && join_above) {
        below->hi = above->hi;
        VEC_REMOVE(&cc->free, i);
    } else if (join_below) {
        below->hi = hi;
    } else if (join_above) {
        above->lo = lo;
    } else {
        if (!VEC_RESERVE(NULL, &cc->free, 1)) {
            return false;
        }
        CcSegment seg = {lo, hi};
        VEC_INSERT(NULL, &cc->free, i, seg);
    }
    return true;
}

/* Takes enough chunks from the rest of the range for `size` bytes. */
static bool grow(CodeCache *cc, size_t size)
{
    size_t n = BASE_ALIGN_UP(size, CC_CHUNK);
    if (n > cc->hi - cc->end) {
        return false;
    }
    /* Readable and executable, and zero: no memory is used until a window is opened. */
    if (mprotect((void *)cc->end, n, PROT_READ | PROT_EXEC) < 0 ||
        !add_free(cc, cc->end, cc->end + n)) {
        return false;
    }
    cc->end += n;
    return true;
}

/* First fit; `size` is a multiple of CC_ALIGN. 0 when there is no room. */
static uintptr_t take(CodeCache *cc, size_t size)
{
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < cc->free.len; i++) {
            CcSegment *f = &cc->free.data[i];
            if (f->hi - f->lo >= size) {
                uintptr_t at = f->lo;
                f->lo += size;
                if (f->lo == f->hi) {
                    VEC_REMOVE(&cc->free, i);
                }
                return at;
            }
        }
        if (round == 0 && !grow(cc, size)) {
            break;
        }
    }
    return 0;
}

/* Index of the first blob that starts above `pc`. */
static uint32_t blob_index(const CodeCache *cc, uintptr_t pc)
{
    uint32_t lo = 0, hi = cc->blobs.len;
    if (hi && cc->blobs.data[hi - 1]->hot <= pc) {
        return hi; /* appending is the usual case */
    }
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (cc->blobs.data[mid]->hot > pc) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return lo;
}

/* Where the cold code of a blob begins, from its start. */
static size_t cold_offset(uint32_t hot_size)
{
    return BASE_ALIGN_UP((size_t)hot_size, CC_COLD_ALIGN);
}

/* What a blob takes. */
static size_t room(uint32_t hot_size, uint32_t cold_size)
{
    return BASE_ALIGN_UP(cold_offset(hot_size) + cold_size, CC_ALIGN);
}

/* What its records cost. */
static size_t record_size(const CodeBlob *b)
{
    return sizeof(CodeBlob) + strlen(b->name) + 1 + sizeof(CodeBlob *);
}

static void free_record(CodeCache *cc, CodeBlob *b)
{
    cc_uncharge_meta(cc, record_size(b));
    free(b);
}

CodeBlob *cc_alloc(CodeCache *cc, uint32_t hot_size, uint32_t cold_size, const char *name,
                   void *owner)
{
    BASE_CHECK(hot_size > 0 && !cc->window_open);
    name = name ? name : "?";
    size_t name_size = strlen(name) + 1;
    size_t code = room(hot_size, cold_size);
    CodeBlob *b = cc_full(cc, code) ? NULL : calloc(1, sizeof *b + name_size);
    if (b == NULL) {
        cc->stats.refused++;
        return NULL;
    }
    b->hot_size = hot_size;
    b->cold_size = cold_size;
    b->owner = owner;
    b->name = memcpy(b + 1, name, name_size);
    size_t record = record_size(b);
    if (cc_full(cc, code + record) || !VEC_RESERVE(NULL, &cc->blobs, 1) ||
        (b->hot = take(cc, code)) == 0) {
        cc->stats.refused++;
        free(b);
        return NULL;
    }
    b->cold = cold_size ? b->hot + cold_offset(hot_size) : 0;
    VEC_INSERT(NULL, &cc->blobs, blob_index(cc, b->hot), b); /* for which there is room */
    cc->stats.code_bytes += code;
    cc->stats.meta_bytes += record;
    cc->stats.blobs++;
    cc->stats.installed++;
    note_peak(cc);
    return b;
}

void cc_free(CodeCache *cc, CodeBlob *b, bool trap)
{
    if (b == NULL) {
        return;
    }
    cc_debug_forget(cc, b);
    size_t code = room(b->hot_size, b->cold_size);
    CcWindow w;
    if (trap && !cc->broken && cc_open(cc, b, &w) == 0) {
        memset(w.hot, INT3, code);
        if (cc_close(cc, &w) < 0) {
            /* cc->broken is set: cc_full says so to the engine, and nothing new is installed. */
        }
    }
    uint32_t i = blob_index(cc, b->hot);
    BASE_CHECK(i > 0 && cc->blobs.data[i - 1] == b);
    VEC_REMOVE(&cc->blobs, i - 1);
    add_free(cc, b->hot, b->hot + code);
    cc->stats.code_bytes -= code;
    cc->stats.blobs--;
    cc->stats.freed++;
    free_record(cc, b);
}

/* ---- the window ---------------------------------------------------------------------------- */

static int make_executable(CodeCache *cc, uintptr_t lo, uintptr_t hi)
{
    if (lo < hi && mprotect((void *)lo, hi - lo, PROT_READ | PROT_EXEC) < 0) {
        cc->broken = true;
        return -1;
    }
    return 0;
}

static int make_writable(CodeCache *cc, uintptr_t lo, uintptr_t hi)
{
    if (mprotect((void *)lo, hi - lo, PROT_READ | PROT_WRITE) < 0) {
        /* A refusal may come half-way through the pages: set all of them back. */
        int err = errno;
        (void)make_executable(cc, lo, hi);
        errno = err;
        return -1;
    }
    return 0;
}

/* Adds the pages to those that the batch has made writable, which are one piece: others are closed first. */
static int open_in_batch(CodeCache *cc, uintptr_t lo, uintptr_t hi)
{
    if (lo >= cc->batch_lo && hi <= cc->batch_hi) {
        return 0;
    }
    if (lo < cc->batch_lo || lo > cc->batch_hi) {
        if (make_executable(cc, cc->batch_lo, cc->batch_hi) < 0) {
            return -1;
        }
        cc->batch_lo = cc->batch_hi = lo;
    }
    hi = BASE_MAX(hi, BASE_MIN(lo + CC_BATCH, cc->end));
    if (make_writable(cc, cc->batch_hi, hi) < 0) {
        return -1;
    }
    cc->batch_hi = hi;
    return 0;
}

static int open_pages(CodeCache *cc, CcWindow *w, uintptr_t at, size_t size)
{
    BASE_CHECK(!cc->window_open);
    if (cc->broken) {
        errno = EPERM;
        return -1;
    }
    w->lo_ = BASE_ALIGN_DOWN(at, cc->page);
    w->hi_ = BASE_ALIGN_UP(at + size, cc->page);
    int (*open)(CodeCache *, uintptr_t, uintptr_t) = cc->batch ? open_in_batch : make_writable;
    if (open(cc, w->lo_, w->hi_) < 0) {
        return -1;
    }
    cc->window_open = true;
    return 0;
}

void cc_begin(CodeCache *cc)
{
    BASE_CHECK(!cc->batch && !cc->window_open);
    cc->batch = true;
}

int cc_end(CodeCache *cc)
{
    BASE_CHECK(cc->batch && !cc->window_open);
    (void)make_executable(cc, cc->batch_lo, cc->batch_hi);
    cc->batch = false;
    cc->batch_lo = cc->batch_hi = 0;
    return cc->broken ? -1 : 0;
}

int cc_open(CodeCache *cc, CodeBlob *b, CcWindow *w)
{
    w->hot = (uint8_t *)b->hot;
    w->cold = (uint8_t *)b->cold;
    return open_pages(cc, w, b->hot, room(b->hot_size, b->cold_size));
}

int cc_open_range(CodeCache *cc, uintptr_t exec, size_t len, CcWindow *w)
{
    BASE_CHECK(len > 0 && exec >= cc->lo && exec + len <= cc->hi);
    w->hot = (uint8_t *)exec;
    w->cold = NULL;
    return open_pages(cc, w, exec, len);
}

int cc_close(CodeCache *cc, CcWindow *w)
{
    BASE_CHECK(cc->window_open);
    cc->window_open = false;
    w->hot = w->cold = NULL;
    return cc->batch ? 0 : make_executable(cc, w->lo_, w->hi_);
}

bool cc_broken(const CodeCache *cc)
{
    return cc->broken;
}

/* ---- lookup -------------------------------------------------------------------------------- */

CodeBlob *cc_find(const CodeCache *cc, uintptr_t pc)
{
    if (pc < cc->lo || pc >= cc->end) {
        return NULL;
    }
    uint32_t i = blob_index(cc, pc);
    CodeBlob *b = i > 0 ? cc->blobs.data[i - 1] : NULL;
    return b != NULL && (pc - b->hot < b->hot_size || pc - b->cold < b->cold_size) ? b : NULL;
}

void cc_each(const CodeCache *cc, void (*fn)(CodeBlob *b, void *ctx), void *ctx)
{
    for (uint32_t i = 0; i < cc->blobs.len; i++) {
        fn(cc->blobs.data[i], ctx);
    }
}
