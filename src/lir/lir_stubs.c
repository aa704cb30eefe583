/* Calls that slow paths share.
 *
 * A slow path's call saves the registers that are live, moves its arguments, calls, looks at the result and
 * restores: some 20 to 50 bytes of code at tens of places in a function, of which few ever run. What they do is
 * the same at many places, as there are few registers and few helpers that are called so. So one copy is kept in
 * the code cache for each combination that is met, and a place that wants it is a call of that: 5 bytes. It also
 * keeps the code that does run in the processor's caches.
 *
 * Compact code shares its other calls as well: a call of the runtime, which is far away, takes 15 to 30 bytes, of which
 * most say what is the same at many places: the thread, the frame, the out area, a small number.  The stub fills these
 * registers and jumps; the site fills the rest, and calls it directly.  So the processor need not learn where the call of
 * each site goes, nor fetch its address from the unit's constants.
 *
 * A thread without the GIL may want a stub, and must not write to the code cache.  So a new one gets its address in room
 * that was taken from the cache before, and its code waits in memory until lir_stubs_write, which comes before any code that
 * calls it is installed.
 *
 * A stub is called with rsp aligned to 16, keeps rbp, and pushes what it saves; so the unwinder's rule for
 * compiled code (cc_enable_unwind) holds in it as well. It returns with the flags of testing the
 * result. Stubs are never freed: units that call them come and go. */
#include "lir_stubs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lir_compile.h"
#include "lir_emit.h"
#include "lir_internal.h"
#include "rt.h"
#include "x64.h"

enum {
    SLAB = 8192,       /* bytes of code taken from the cache at once */
    LEAST_ROOM = 2048, /* more than one unit's stubs take, as a rule */
    MAX_STUBS = 4096,  /* some hundred are usual */
    FIRST_TABLE = 128, /* a power of two */
};

typedef struct {
    LirStubKey key;
    const void *code; /* NULL: an empty place */
} Entry;

struct LirStubs {
    CodeCache *cc;
    pthread_mutex_t lock; /* for all below */
    Entry *table;         /* open addressing */
    uint32_t size, n;
    uintptr_t at, end;     /* the rest of the current slab */
    uintptr_t written;     /* what lies before it is in the cache */
    uint8_t waiting[SLAB]; /* the code from there to `at` */
};

LirStubs *lir_stubs_new(CodeCache *cc)
{
    LirStubs *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->cc = cc;
        pthread_mutex_init(&s->lock, NULL);
        if (!lir_stubs_write(s)) {
            lir_stubs_free(s);
            s = NULL;
        }
    }
    return s;
}

void lir_stubs_free(LirStubs *s)
{
    if (s != NULL) {
        free(s->table);
        free(s);
    }
}

static Entry *lir_stub_place(const LirStubs *s, const LirStubKey *k)
{
    uint64_t h = (uint64_t)(uintptr_t)k->fn ^ (uint64_t)k->save << 40 ^ (uint64_t)k->args[0] << 36 ^
                 (uint64_t)k->args[1] << 32 ^ (uint64_t)k->dst << 56;
    for (unsigned n = 0; n < LIR_STUB_ARGS; n++) {
        h = h * 31 + (uint64_t)(uint32_t)k->value[n] * 8 + k->how[n];
    }
    h *= UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t i = (uint32_t)(h >> 32);; i++) {
        Entry *e = &s->table[i & (s->size - 1)];
        if (e->code == NULL || memcmp(&e->key, k, sizeof *k) == 0) {
            return e;
        }
    }
}

static bool lir_stubs_grow(LirStubs *s)
{
    if (2 * s->n < s->size) {
        return true;
    }
    Entry *old = s->table;
    uint32_t n = s->size, size = n ? 2 * n : FIRST_TABLE;
    Entry *table = calloc(size, sizeof *table);
    if (table == NULL) {
        return false;
    }
    s->table = table;
    s->size = size;
    for (uint32_t i = 0; i < n; i++) {
        if (old[i].code != NULL) {
            *lir_stub_place(s, &old[i].key) = old[i];
        }
    }
    free(old);
    return true;
}

static void lir_stub_args(X64Asm *a, const LirStubKey *k)
{
    X64Reg a0 = (X64Reg)k->args[0], a1 = (X64Reg)k->args[1];
    if (k->nargs == 2 && a0 == X64_RSI && a1 == X64_RDI) {
        x64_xchg_rr(a, X64_Q, X64_RDI, X64_RSI);
        return;
    }
    bool first = a0 == X64_RSI; /* lest the second argument overwrites it */
    if (first || k->nargs < 2) {
        x64_mov_rr(a, X64_Q, X64_RDI, a0);
    }
    if (k->nargs == 2) {
        x64_mov_rr(a, X64_Q, X64_RSI, a1);
        if (!first) {
            x64_mov_rr(a, X64_Q, X64_RDI, a0);
        }
    }
}

static void lir_stub_jump(X64Asm *a, const LirStubKey *k)
{
    for (unsigned n = 0; n < LIR_STUB_ARGS; n++) {
        X64Reg r = (X64Reg)lir_arg_gpr[n];
        switch (k->how[n]) {
        case LIR_ARG_TS: x64_mov_rr(a, X64_Q, r, (X64Reg)LIR_TS); break;
        case LIR_ARG_FRAME: x64_mov_rr(a, X64_Q, r, (X64Reg)LIR_FRAME); break;
        case LIR_ARG_RSP: /* the return address is below it */
            x64_lea(a, X64_Q, r, x64_mem(X64_RSP, 8 + k->value[n]));
            break;
        case LIR_ARG_IMM: x64_mov_ri(a, r, (uint64_t)(int64_t)k->value[n]); break;
        default: break;
        }
    }
    x64_mov_addr(a, X64_RAX, k->fn);
    x64_jmp_r(a, X64_RAX);
}

static void lir_stub_code(X64Asm *a, const LirStubKey *k, bool near)
{
    if (k->jumps) {
        lir_stub_jump(a, k);
        return;
    }
    bool pad = __builtin_popcount(k->save) % 2 == 0; /* the return address is on the stack, too */
    for (uint32_t m = k->save; m; m &= m - 1) {
        x64_push_r(a, (X64Reg)__builtin_ctz(m));
    }
    if (pad) {
        x64_push_r(a, X64_RAX);
    }
    lir_stub_args(a, k);
    X64Label done = x64_label(a);
    if (k->fn == (const void *)(uintptr_t)rt_iter_next && rt_direct.generator_ended != NULL) {
        lir_emit_resume(a, done);
    }
    if (near) {
        x64_call_abs(a, k->fn);
    } else {
        x64_mov_addr(a, X64_RAX, k->fn);
        x64_call_r(a, X64_RAX);
    }
    x64_bind(a, done);
    if (k->test) {
        x64_test_rr(a, (X64Width)k->test, X64_RAX, X64_RAX);
    }
    if (pad) {
        x64_lea(a, X64_Q, X64_RSP, x64_mem(X64_RSP, 8)); /* keeps the flags, as all that follows */
    }
    if (k->dst != LIR_STUB_NONE && k->dst != X64_RAX) {
        x64_mov_rr(a, X64_Q, (X64Reg)k->dst, X64_RAX);
    }
    for (uint32_t m = k->save; m;) {
        unsigned r = 31u - (unsigned)__builtin_clz(m);
        x64_pop_r(a, (X64Reg)r);
        m &= ~(1u << r);
    }
    x64_ret(a);
}

/* Room in the cache for others, if there is little left. */
static void lir_stubs_take_slab(LirStubs *s)
{
    if (s->end - s->at >= LEAST_ROOM) {
        return;
    }
    CodeBlob *b = cc_alloc(s->cc, SLAB, 0, "pyston call stubs", NULL);
    if (b != NULL) {
        cc_publish(s->cc, b);
        s->at = s->written = b->hot;
        s->end = b->hot + b->hot_size;
    }
}

bool lir_stubs_write(LirStubs *s)
{
    CcWindow w;
    bool ok = true;
    pthread_mutex_lock(&s->lock);
    if (s->at != s->written) {
        ok = cc_open_range(s->cc, s->written, s->at - s->written, &w) == 0;
        if (ok) {
            memcpy(w.hot, s->waiting, s->at - s->written);
            memset(s->waiting, 0xcc, s->at - s->written); /* between stubs, int3 */
            ok = cc_close(s->cc, &w) == 0;
        }
    }
    if (ok) {
        s->written = s->at;
        lir_stubs_take_slab(s);
    }
    pthread_mutex_unlock(&s->lock);
    return ok;
}

/* Assembles the stub for the next place in the slab; its address, or NULL. */
static const void *lir_stub_make(LirStubs *s, const LirStubKey *k)
{
    X64Asm a;
    uintptr_t at = s->at;
    const void *code = NULL;
    lir_begin_code(s->cc, &a);
    lir_stub_code(&a, k, cc_reaches(s->cc, k->fn));
    if (x64_finalize(&a) == 0) {
        uint32_t size = x64_size(&a, X64_HOT);
        BASE_CHECK(x64_size(&a, X64_COLD) == 0 && size <= SLAB);
        if (s->end - at >= size &&
            x64_copy_to(&a, s->waiting + (at - s->written), at, NULL, 0) == 0) {
            code = (const void *)at;
            s->at = BASE_MIN(BASE_ALIGN_UP(at + size, (uintptr_t)16), s->end);
        }
    }
    x64_free(&a);
    return code;
}

static const void *lir_stub_locked(LirStubs *s, const LirStubKey *k)
{
    if (!lir_stubs_grow(s)) {
        return NULL;
    }
    Entry *e = lir_stub_place(s, k);
    if (e->code == NULL && s->n < MAX_STUBS) {
        const void *code = lir_stub_make(s, k);
        if (code != NULL) {
            *e = (Entry){.key = *k, .code = code};
            s->n++;
        }
    }
    return e->code;
}

const void *lir_stub(LirStubs *s, const LirStubKey *k)
{
    pthread_mutex_lock(&s->lock);
    const void *code = lir_stub_locked(s, k);
    pthread_mutex_unlock(&s->lock);
    return code;
}
