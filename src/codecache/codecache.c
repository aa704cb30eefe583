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
 * Layout: [lo .. hot chunks .. hot_end)  free  [cold_start .. cold chunks .. hi). A side grows by
 * whole chunks towards the middle; within a side, allocation is first fit over an address-ordered
 * free list with merging. The number of blobs is some thousands, so sorted arrays serve both for
 * the free list and for pc lookup, and new blobs mostly go at the end.
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
    out->committed = (cc->hot_end - cc->lo) + (cc->hi - cc->cold_start);
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
    cc->hot_end = cc->lo;
    cc->cold_start = cc->hi;
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
    for (uint32_t i = 0; i < cc->spaces[CC_HOT].entries.len; i++) {
        CodeBlob *b = cc->spaces[CC_HOT].entries.data[i].blob;
        cc_debug_forget(cc, b);
        free_record(cc, b);
    }
    cc_debug_destroy(cc);
    for (int s = 0; s < CC_NSPACES; s++) {
        VEC_FREE(&cc->spaces[s].free);
        VEC_FREE(&cc->spaces[s].entries);
    }
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
static uint32_t free_index(const CcSpace *s, uintptr_t addr)
{
    uint32_t lo = 0, hi = s->free.len;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (s->free.data[mid].lo > addr) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return lo;
}

/* Adds [lo, hi) to the free list, merging with its neighbours. False when memory is out; the
 * bytes are then lost to the cache, nothing else. */
static bool add_free(CcSpace *s, uintptr_t lo, uintptr_t hi)
{
    uint32_t i = free_index(s, lo);
    CcSegment *below = i > 0 ? &s->free.data[i - 1] : NULL;
    CcSegment *above = i < s->free.len ? &s->free.data[i] : NULL;
    BASE_CHECK((!below || below->hi <= lo) && (!above || hi <= above->lo));
    bool join_below = below && below->hi == lo, join_above = above && above->lo == hi;
    if (join_below && join_above) {
        below->hi = above->hi;
        VEC_REMOVE(&s->free, i);
    } else if (join_below) {
        below->hi = hi;
    } else if (join_above) {
        above->lo = lo;
    } else {
        if (!VEC_RESERVE(NULL, &s->free, 1)) {
            return false;
        }
        CcSegment seg = {lo, hi};
        VEC_INSERT(NULL, &s->free, i, seg);
    }
    return true;
}

/* Takes enough chunks from the middle of the range for `size` bytes. */
static bool grow_space(CodeCache *cc, int space, size_t size)
{
    size_t n = BASE_ALIGN_UP(size, CC_CHUNK);
    if (n > cc->cold_start - cc->hot_end) {
        return false;
    }
    uintptr_t at = space == CC_HOT ? cc->hot_end : cc->cold_start - n;
    /* Readable and executable, and zero: no memory is used until a window is opened. */
    if (mprotect((void *)at, n, PROT_READ | PROT_EXEC) < 0) {
        return false;
    }
    if (!add_free(&cc->spaces[space], at, at + n)) {
        return false;
    }
    if (space == CC_HOT) {
        cc->hot_end += n;
    } else {
        cc->cold_start -= n;
    }
    return true;
}

/* First fit; `size` is a multiple of the space's alignment. 0 when there is no room. */
static uintptr_t take(CodeCache *cc, int space, size_t size)
{
    CcSpace *s = &cc->spaces[space];
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < s->free.len; i++) {
            CcSegment *f = &s->free.data[i];
            if (f->hi - f->lo >= size) {
                uintptr_t at = f->lo;
                f->lo += size;
                if (f->lo == f->hi) {
                    VEC_REMOVE(&s->free, i);
                }
                return at;
            }
        }
        if (round == 0 && !grow_space(cc, space, size)) {
            break;
        }
    }
    return 0;
}

/* Index of the first entry that starts above `pc`. */
static uint32_t entry_index(const CcSpace *s, uintptr_t pc)
{
    uint32_t lo = 0, hi = s->entries.len;
    if (hi && s->entries.data[hi - 1].lo <= pc) {
        return hi; /* appending is the usual case */
    }
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (s->entries.data[mid].lo > pc) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return lo;
}

static void add_entry(CcSpace *s, uintptr_t at, uint32_t size, CodeBlob *b)
{
    CcEntry e = {at, at + size, b};
    VEC_INSERT(NULL, &s->entries, entry_index(s, at), e); /* room was made before */
}

static void remove_entry(CcSpace *s, uintptr_t at)
{
    uint32_t i = entry_index(s, at);
    BASE_CHECK(i > 0 && s->entries.data[i - 1].lo == at);
    VEC_REMOVE(&s->entries, i - 1);
}

static size_t hot_room(uint32_t size)
{
    return BASE_ALIGN_UP((size_t)size, CC_HOT_ALIGN);
}
static size_t cold_room(uint32_t size)
{
    return BASE_ALIGN_UP((size_t)size, CC_COLD_ALIGN);
}

/* What a blob's records cost. */
static size_t record_size(const CodeBlob *b)
{
    return sizeof(CodeBlob) + strlen(b->name) + 1 + sizeof(CcEntry) * (b->cold_size ? 2 : 1);
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
    size_t code = hot_room(hot_size) + cold_room(cold_size);
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
    if (cc_full(cc, code + record) || !VEC_RESERVE(NULL, &cc->spaces[CC_HOT].entries, 1) ||
        !VEC_RESERVE(NULL, &cc->spaces[CC_COLD].entries, 1)) {
        goto refuse;
    }
    b->hot = take(cc, CC_HOT, hot_room(hot_size));
    if (b->hot == 0) {
        goto refuse;
    }
    if (cold_size) {
        b->cold = take(cc, CC_COLD, cold_room(cold_size));
        if (b->cold == 0) {
            add_free(&cc->spaces[CC_HOT], b->hot, b->hot + hot_room(hot_size));
            goto refuse;
        }
        add_entry(&cc->spaces[CC_COLD], b->cold, cold_size, b);
    }
    add_entry(&cc->spaces[CC_HOT], b->hot, hot_size, b);
    cc->stats.code_bytes += code;
    cc->stats.meta_bytes += record;
    cc->stats.blobs++;
    cc->stats.installed++;
    note_peak(cc);
    return b;

refuse:
    cc->stats.refused++;
    free(b);
    return NULL;
}

void cc_free(CodeCache *cc, CodeBlob *b)
{
    if (b == NULL) {
        return;
    }
    cc_debug_forget(cc, b);
    CcWindow w;
    if (!cc->broken && cc_open(cc, b, &w) == 0) {
        memset(w.hot, INT3, hot_room(b->hot_size));
        if (b->cold) {
            memset(w.cold, INT3, cold_room(b->cold_size));
        }
        if (cc_close(cc, &w) < 0) {
            /* cc->broken is set: cc_full says so to the engine, and nothing new is installed. */
        }
    }
    remove_entry(&cc->spaces[CC_HOT], b->hot);
    add_free(&cc->spaces[CC_HOT], b->hot, b->hot + hot_room(b->hot_size));
    if (b->cold) {
        remove_entry(&cc->spaces[CC_COLD], b->cold);
        add_free(&cc->spaces[CC_COLD], b->cold, b->cold + cold_room(b->cold_size));
    }
    cc->stats.code_bytes -= hot_room(b->hot_size) + cold_room(b->cold_size);
    cc->stats.blobs--;
    cc->stats.freed++;
    free_record(cc, b);
}

/* ---- the window ---------------------------------------------------------------------------- */

static int protect(const CcWindow *w, int i, int prot)
{
    if (w->hi_[i] == w->lo_[i]) {
        return 0;
    }
    return mprotect((void *)w->lo_[i], w->hi_[i] - w->lo_[i], prot);
}

static void set_pages(const CodeCache *cc, CcWindow *w, int i, uintptr_t at, size_t size)
{
    w->lo_[i] = BASE_ALIGN_DOWN(at, cc->page);
    w->hi_[i] = size ? BASE_ALIGN_UP(at + size, cc->page) : w->lo_[i];
}

static int open_pages(CodeCache *cc, CcWindow *w)
{
    BASE_CHECK(!cc->window_open);
    if (cc->broken) {
        errno = EPERM;
        return -1;
    }
    for (int i = 0; i < CC_NSPACES; i++) {
        if (protect(w, i, PROT_READ | PROT_WRITE) < 0) {
            /* A refusal may come half-way through the pages: set all of them back. */
            int err = errno;
            for (int k = 0; k <= i; k++) {
                if (protect(w, k, PROT_READ | PROT_EXEC) < 0) {
                    cc->broken = true;
                }
            }
            errno = err;
            return -1;
        }
    }
    cc->window_open = true;
    return 0;
}

int cc_open(CodeCache *cc, CodeBlob *b, CcWindow *w)
{
    set_pages(cc, w, 0, b->hot, hot_room(b->hot_size));
    set_pages(cc, w, 1, b->cold, cold_room(b->cold_size));
    w->hot = (uint8_t *)b->hot;
    w->cold = (uint8_t *)b->cold;
    return open_pages(cc, w);
}

int cc_open_range(CodeCache *cc, uintptr_t exec, size_t len, CcWindow *w)
{
    BASE_CHECK(len > 0 && exec >= cc->lo && exec + len <= cc->hi);
    set_pages(cc, w, 0, exec, len);
    set_pages(cc, w, 1, 0, 0);
    w->hot = (uint8_t *)exec;
    w->cold = NULL;
    return open_pages(cc, w);
}

int cc_close(CodeCache *cc, CcWindow *w)
{
    BASE_CHECK(cc->window_open);
    cc->window_open = false;
    int bad = 0;
    for (int i = 0; i < CC_NSPACES; i++) {
        bad |= protect(w, i, PROT_READ | PROT_EXEC);
    }
    w->hot = w->cold = NULL;
    if (bad) {
        cc->broken = true;
    }
    return bad ? -1 : 0;
}

bool cc_broken(const CodeCache *cc)
{
    return cc->broken;
}

/* ---- lookup -------------------------------------------------------------------------------- */

CodeBlob *cc_find(const CodeCache *cc, uintptr_t pc)
{
    if (pc < cc->lo || pc >= cc->hi) {
        return NULL;
    }
    const CcSpace *s = &cc->spaces[pc < cc->hot_end ? CC_HOT : CC_COLD];
    uint32_t i = entry_index(s, pc);
    if (i == 0) {
        return NULL;
    }
    const CcEntry *e = &s->entries.data[i - 1];
    return pc < e->hi ? e->blob : NULL;
}

void cc_each(const CodeCache *cc, void (*fn)(CodeBlob *b, void *ctx), void *ctx)
{
    const CcSpace *s = &cc->spaces[CC_HOT];
    for (uint32_t i = 0; i < s->entries.len; i++) {
        fn(s->entries.data[i].blob, ctx);
    }
}
