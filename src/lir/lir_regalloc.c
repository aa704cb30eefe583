/* Linear-scan register allocation with interval splitting.
 *
 * Intervals (lir_intervals.c) are taken in order of their start.  Each gets a
 * register that is free for all of it if there is one, preferring its hints;
 * else a register that is free for a first part, the rest being split off and
 * taken up later; else the register whose present owner is needed least is
 * taken away from it.  "Needed" weighs the distance to the next use by loop
 * depth.  A part without a register lives in memory and is split again before
 * the next use that is worth a reload, so that one call, or one cold block,
 * never makes a value slow elsewhere.
 *
 * Splits happen between instructions only, and are moved out of loops where
 * the uses allow it.  Lifetime holes are honoured: owners that are in a hole
 * sit in `inactive`.  Calls do not need intervals of their own: their clobbers
 * are positions in one sorted array.
 *
 * What the allocation means in moves, stores and slots is lir_assign.c's. */
#include "lir_ra.h"

#include <string.h>

#define NEVER UINT32_MAX

/* ---- the queue of intervals --------------------------------------------------------------------- */

static inline uint32_t lir_iv_start(const LirIv *iv)
{
    return iv->r->s;
}

static void lir_sift_down(LirRa *ra, uint32_t i)
{
    LirIv *x = ra->heap[i];
    for (;;) {
        uint32_t c = 2 * i + 1;
        if (c >= ra->nheap) {
            break;
        }
        if (c + 1 < ra->nheap && lir_iv_start(ra->heap[c + 1]) < lir_iv_start(ra->heap[c])) {
            c++;
        }
        if (lir_iv_start(ra->heap[c]) >= lir_iv_start(x)) {
            break;
        }
        ra->heap[i] = ra->heap[c];
        i = c;
    }
    ra->heap[i] = x;
}

static void lir_queue(LirRa *ra, LirIv *iv)
{
    if (ra->nheap == ra->capheap) {
        uint32_t cap = ra->capheap ? ra->capheap * 2 : 64;
        ra->heap = arena_grow(ra->a->scratch, ra->heap, ra->capheap * sizeof *ra->heap,
                              cap * sizeof *ra->heap);
        ra->capheap = cap;
    }
    uint32_t i = ra->nheap++;
    while (i > 0 && lir_iv_start(iv) < lir_iv_start(ra->heap[(i - 1) / 2])) {
        ra->heap[i] = ra->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    ra->heap[i] = iv;
}

static LirIv *lir_dequeue(LirRa *ra)
{
    LirIv *top = ra->heap[0];
    ra->heap[0] = ra->heap[--ra->nheap];
    if (ra->nheap) {
        lir_sift_down(ra, 0);
    }
    return top;
}

/* ---- questions ------------------------------------------------------------------------------------ */

/* First position of `at` that lies in one of the ranges from r on, or NEVER. */
static uint32_t lir_first_clobber(const LirRange *r, const LirPosVec *at)
{
    uint32_t lo = 0, n = at->v.len;
    const uint32_t *d = at->v.data;
    for (; r && lo < n; r = r->next) {
        uint32_t hi = n;
        while (lo < hi) { /* first position >= r->s */
            uint32_t mid = lo + (hi - lo) / 2;
            if (d[mid] < r->s) {
                lo = mid + 1;
            } else {
                hi = mid;
            }
        }
        if (lo < n && d[lo] < r->e) {
            return d[lo];
        }
    }
    return NEVER;
}

/* First position at which both live, or NEVER. */
static uint32_t lir_intersect(const LirRange *a, const LirRange *b)
{
    while (a && b) {
        if (a->e <= b->s) {
            a = a->next;
        } else if (b->e <= a->s) {
            b = b->next;
        } else {
            return BASE_MAX(a->s, b->s);
        }
    }
    return NEVER;
}

static LirUse *lir_next_use(const LirIv *iv, uint32_t pos)
{
    LirUse *u = iv->u;
    while (u && u->pos < pos) {
        u = u->next;
    }
    return u;
}

/* How long an interval can do without a register from pos on: the distance to its next use, less
 * in loops. NEVER without a use. */
static uint32_t lir_patience(const LirIv *iv, uint32_t pos)
{
    const LirUse *u = lir_next_use(iv, pos);
    return u ? (uint32_t)(((uint64_t)(u->pos - pos) << (2 * LIR_MAX_LEVEL)) >> (2 * u->level)) / 64
             : NEVER;
}

/* What a register is worth to the interval from pos on, up to `end`. */
static uint64_t lir_worth(const LirIv *iv, uint32_t pos, uint32_t end)
{
    uint64_t w = 0;
    unsigned n = 0;
    for (const LirUse *u = lir_next_use(iv, pos); u && u->pos < end && n < 64; u = u->next, n++) {
        w += lir_level_weight(u->level);
    }
    return w;
}

static bool lir_must_at(const LirIv *iv, uint32_t pos)
{
    const LirUse *u = lir_next_use(iv, pos & ~3u);
    return u && u->pos < (pos & ~3u) + 4 && u->kind == LIR_K_MUST;
}

/* ---- splitting ------------------------------------------------------------------------------------- */

/* Splits at q, a multiple of 4 with start < q < end: the new part begins there. With `keep` the
 * first part also serves the operands that are read at q (q is a call: the register is clobbered
 * only behind them). */
static LirIv *lir_split(LirRa *ra, LirIv *iv, uint32_t q, bool keep)
{
    LirIv *k = arena_new(ra->a->scratch, LirIv);
    BASE_CHECK(q > lir_iv_start(iv) && q < iv->end && (q & 3) == 0);
    k->vreg = iv->vreg;
    k->loc = LIR_LOC_UNSET;
    k->end = iv->end;
    LirRange *r = iv->r, *prev = NULL;
    while (r->e <= q) {
        prev = r;
        r = r->next;
    }
    if (r->s < q) {
        LirRange *rest = arena_new(ra->a->scratch, LirRange);
        rest->s = q;
        rest->e = r->e;
        rest->next = r->next;
        r->e = keep ? q + 1 : q;
        r->next = NULL;
        iv->end = r->e;
        k->r = rest;
    } else {
        keep = false;
        prev->next = NULL;
        iv->end = prev->e;
        k->r = r;
    }
    k->cur = k->r;
    if (iv->cur->s >= q) {
        iv->cur = iv->r;
    }
    LirUse **u = &iv->u;
    while (*u && (*u)->pos < (keep ? q + 1 : q)) {
        u = &(*u)->next;
    }
    k->u = *u;
    *u = NULL;
    k->next = iv->next;
    iv->next = k;
    return k;
}

/* The best place for a split in [lo, hi], both multiples of 4: hi, unless a block boundary in
 * between has a smaller loop depth; then the last such boundary. */
static uint32_t lir_split_place(const LirRa *ra, uint32_t lo, uint32_t hi)
{
    if (lo >= hi) {
        return hi;
    }
    const LirBlock *h = lir_block_at(ra, hi);
    unsigned best = lir_block_level(h);
    uint32_t q = hi, n = 0;
    for (uint32_t o = h->order; n < 64; o--, n++) {
        const LirBlock *b = ra->f->order[o];
        if (b->start < lo) {
            break;
        }
        /* The boundary's moves end up on the edges, so the lower of the two depths counts. */
        if (o == 0) {
            break;
        }
        unsigned lev = BASE_MIN(lir_block_level(b), lir_block_level(ra->f->order[o - 1]));
        if (lev < best && b->start > 0) {
            best = lev;
            q = b->start;
        }
    }
    return q;
}

/* Is the use worth a reload, given that the interval is in memory before it? Folding the memory
 * operand costs about as much as one use of a reloaded register, so a second use, or a loop, must
 * gain from it. */
static bool lir_worth_reload(const LirRa *ra, const LirIv *iv, const LirUse *u, unsigned level)
{
    if (u->kind == LIR_K_MUST || u->level > level) {
        return true;
    }
    const LirUse *n = u->next;
    while (n && n->pos < u->pos + 4) {
        n = n->next;
    }
    if (n == NULL) {
        return false;
    }
    LirRange between = {u->pos, n->pos, NULL};
    (void)iv;
    return lir_first_clobber(&between, &ra->calls) == NEVER;
}

/* Leaves the interval in memory from its start, up to the next use behind `now` (the scan's
 * position) that is worth a register. It must not need one before that. */
static void lir_to_memory(LirRa *ra, LirIv *iv, uint32_t now)
{
    uint32_t start = lir_iv_start(iv);
    iv->loc = LIR_LOC_MEM;
    ra->info[iv->vreg].in_memory = true;
    unsigned level = lir_block_level(lir_block_at(ra, start));
    uint32_t first = (BASE_MAX(start, now) + 4) & ~3u; /* earliest place for a split */
    for (LirUse *u = iv->u; u; u = u->next) {
        uint32_t at = u->pos & ~3u;
        if (at < first || !lir_worth_reload(ra, iv, u, level)) {
            if (at < first) {
                BASE_CHECK(u->kind != LIR_K_MUST || (u->pos & 3) != 0);
            }
            continue;
        }
        /* Not before the previous use, lest that one counts as the register's. */
        uint32_t lo = first;
        for (const LirUse *v = iv->u; v != u; v = v->next) {
            lo = BASE_MAX(lo, (v->pos & ~3u) + 4);
        }
        /* Nor across a call. */
        uint32_t q = lir_split_place(ra, BASE_MIN(lo, at), at);
        if (q != at) {
            LirRange between = {q, at, NULL};
            if (u->level <= level && lir_first_clobber(&between, &ra->calls) != NEVER) {
                q = at;
            }
        }
        lir_queue(ra, lir_split(ra, iv, q, false));
        return;
    }
}

/* Takes the register from `iv`, which has it, from pos (the current position) on. */
static void lir_evict(LirRa *ra, LirIv *iv, uint32_t pos)
{
    uint32_t hi = pos & ~3u, start = lir_iv_start(iv);
    uint32_t lo = (start + 4) & ~3u;
    if (hi <= start) {
        /* It begins here, too. */
        lir_to_memory(ra, iv, pos);
        return;
    }
    for (const LirUse *u = iv->u; u && u->pos < hi; u = u->next) {
        lo = BASE_MAX(lo, (u->pos & ~3u) + 4);
    }
    LirIv *rest = lir_split(ra, iv, lir_split_place(ra, BASE_MIN(lo, hi), hi), false);
    if (lir_iv_start(rest) > pos) {
        lir_queue(ra, rest); /* it was in a hole */
    } else {
        lir_to_memory(ra, rest, pos);
    }
}

/* ---- the scan ----------------------------------------------------------------------------------------- */

/* A register changes hands. */
static void lir_set_active(LirRa *ra, LirReg r, LirIv *iv)
{
    ra->active[r] = iv;
    if (iv == NULL) {
        ra->active_mask &= ~(1u << r);
        return;
    }
    ra->active_mask |= 1u << r;
    ra->next_end = BASE_MIN(ra->next_end, iv->cur->e);
}

/* Owners that end at pos or before, or enter holes. */
static void lir_pause(LirRa *ra, uint32_t pos)
{
    ra->next_end = NEVER;
    for (uint32_t m = ra->active_mask; m; m &= m - 1) {
        LirReg r = (LirReg)__builtin_ctz(m);
        LirIv *iv = ra->active[r];
        if (iv->end <= pos) {
            lir_set_active(ra, r, NULL);
            continue;
        }
        while (iv->cur->e <= pos) {
            iv->cur = iv->cur->next;
        }
        if (iv->cur->s > pos) {
            VEC_PUSH(ra->a->scratch, &ra->inactive, iv);
            ra->next_resume = BASE_MIN(ra->next_resume, iv->cur->s);
            lir_set_active(ra, r, NULL);
        } else {
            ra->next_end = BASE_MIN(ra->next_end, iv->cur->e);
        }
    }
}

/* Owners that come back from holes. */
static void lir_resume(LirRa *ra, uint32_t pos)
{
    uint32_t n = 0;
    ra->next_resume = NEVER;
    for (uint32_t i = 0; i < ra->inactive.len; i++) {
        LirIv *iv = ra->inactive.data[i];
        if (iv->end <= pos || iv->loc == LIR_LOC_MEM) {
            continue;
        }
        while (iv->cur->e <= pos) {
            iv->cur = iv->cur->next;
        }
        if (iv->cur->s <= pos) {
            BASE_CHECK(ra->active[iv->loc] == NULL);
            lir_set_active(ra, iv->loc, iv);
        } else {
            ra->next_resume = BASE_MIN(ra->next_resume, iv->cur->s);
            ra->inactive.data[n++] = iv;
        }
    }
    ra->inactive.len = n;
}

/* Goes on to pos. */
static void lir_advance(LirRa *ra, uint32_t pos)
{
    if (pos >= ra->next_end) {
        lir_pause(ra, pos);
    }
    if (pos >= ra->next_resume) {
        lir_resume(ra, pos);
    }
}

/* First clobbers inside an interval. */
typedef struct {
    uint32_t call, rax_rdx, rcx;
    uint32_t mask; /* the class's registers */
} Free;

static void lir_fixed_limits(const LirRa *ra, const LirIv *cur, Free *fr)
{
    bool gpr = lir_class(ra->f, cur->vreg) == LIR_GPR;
    fr->mask = gpr ? LIR_MASK_ALLOC_GPR : LIR_MASK_ALLOC_XMM;
    fr->call = lir_first_clobber(cur->r, &ra->calls);
    fr->rax_rdx = gpr && ra->rax_rdx.v.len ? lir_first_clobber(cur->r, &ra->rax_rdx) : NEVER;
    fr->rcx = gpr && ra->rcx.v.len ? lir_first_clobber(cur->r, &ra->rcx) : NEVER;
}

/* Up to where a register keeps its content. */
static uint32_t lir_limit_of(const Free *fr, LirReg r)
{
    uint32_t until = ((LIR_MASK_CALLER >> r) & 1u) ? fr->call : NEVER;
    if (r == 0 || r == 2) {
        until = BASE_MIN(until, fr->rax_rdx);
    }
    return r == 1 ? BASE_MIN(until, fr->rcx) : until;
}

/* The same for all registers of the class, owners considered: 0 for those that are taken. */
static void lir_limits(const LirRa *ra, const LirIv *cur, const Free *fr, uint32_t *limit)
{
    for (uint32_t m = fr->mask; m; m &= m - 1) {
        LirReg r = (LirReg)__builtin_ctz(m);
        limit[r] = ra->active[r] ? 0 : lir_limit_of(fr, r);
    }
    for (uint32_t i = 0; i < ra->inactive.len; i++) {
        const LirIv *iv = ra->inactive.data[i];
        if (((fr->mask >> iv->loc) & 1u) && limit[iv->loc] != 0) {
            limit[iv->loc] = BASE_MIN(limit[iv->loc], lir_intersect(iv->cur, cur->r));
        }
    }
}

/* Registers it would like, best first; returns how many. */
static unsigned lir_wishes(const LirRa *ra, const LirIv *cur, uint32_t mask, LirReg *w)
{
    const LirVinfo *vi = &ra->info[cur->vreg];
    unsigned n = 0;
    if (vi->hint != LIR_NOREG) {
        const LirVinfo *h = &ra->info[vi->hint];
        for (const LirIv *k = h->iv; k; k = k->next) {
            if (lir_is_phys(k->loc) && k->end >= lir_iv_start(cur)) {
                w[n++] = k->loc;
                break;
            }
        }
        if (n == 0 && h->iv && lir_is_phys(h->iv->loc)) {
            w[n++] = h->iv->loc;
        }
        if (n == 0 && h->fixed != LIR_NOREG) {
            w[n++] = h->fixed;
        }
    }
    if (vi->fixed != LIR_NOREG) {
        w[n++] = vi->fixed;
    }
    /* Where it was before it was split. */
    for (const LirIv *k = vi->iv; k && k != cur && n < 3; k = k->next) {
        if (lir_is_phys(k->loc)) {
            w[n++] = k->loc;
            break;
        }
    }
    unsigned out = 0;
    for (unsigned i = 0; i < n; i++) {
        if (w[i] < 32 && ((mask >> w[i]) & 1u)) {
            w[out++] = w[i];
        }
    }
    return out;
}

static void lir_give(LirRa *ra, LirIv *cur, LirReg r)
{
    cur->loc = r;
    lir_set_active(ra, r, cur);
}

/* Gives `cur` the register up to `until`; the rest is split off. */
static void lir_give_until(LirRa *ra, LirIv *cur, LirReg r, uint32_t until, bool is_call)
{
    if (until < cur->end) {
        uint32_t hi = until & ~3u;
        uint32_t lo = (lir_iv_start(cur) + 4) & ~3u;
        bool use_at_hi = false;
        for (const LirUse *u = cur->u; u && u->pos <= hi; u = u->next) {
            use_at_hi = u->pos == hi;
            if (!use_at_hi) {
                lo = BASE_MAX(lo, (u->pos & ~3u) + 4);
            }
        }
        uint32_t q = use_at_hi ? hi : lir_split_place(ra, BASE_MIN(lo, hi), hi);
        /* Operands of the call itself are read before the clobber. */
        bool keep = is_call && q == hi && (until & 3) != 0;
        lir_queue(ra, lir_split(ra, cur, q, keep));
    }
    lir_give(ra, cur, r);
}

/* Registers of `mask` that nobody has, or whose owner is back only when `cur` is over. */
static uint32_t lir_free_mask(const LirRa *ra, const LirIv *cur, uint32_t mask)
{
    mask &= ~ra->active_mask;
    for (uint32_t i = 0; i < ra->inactive.len; i++) {
        const LirIv *iv = ra->inactive.data[i];
        if (((mask >> iv->loc) & 1u) && iv->cur->s < cur->end &&
            lir_intersect(iv->cur, cur->r) != NEVER) {
            mask &= ~(1u << iv->loc);
        }
    }
    return mask;
}

/* The part of `mask` that is not clobbered before `goal`. */
static uint32_t lir_unclobbered(const Free *fr, uint32_t mask, uint32_t goal)
{
    if (fr->call < goal) {
        mask &= ~LIR_MASK_CALLER;
    }
    if (fr->rax_rdx < goal) {
        mask &= ~(1u << 0 | 1u << 2);
    }
    if (fr->rcx < goal) {
        mask &= ~(1u << 1);
    }
    return mask;
}

static bool lir_try_free(LirRa *ra, LirIv *cur)
{
    Free fr;
    uint32_t start = lir_iv_start(cur);
    lir_fixed_limits(ra, cur, &fr);
    LirReg wish[4];
    unsigned nw = lir_wishes(ra, cur, fr.mask, wish);
    uint32_t freemask = lir_free_mask(ra, cur, fr.mask);
    /* Free all along; then: free as long as hot code is concerned. Among equals the lowest number:
     * its encoding is shorter, and registers that survive calls come last. */
    uint32_t goals[2] = {cur->end, start < ra->cold_start ? ra->cold_start : cur->end};
    for (unsigned g = 0; g < 2 && freemask; g++) {
        uint32_t full = lir_unclobbered(&fr, freemask, BASE_MIN(goals[g], cur->end));
        LirReg pick = full ? (LirReg)__builtin_ctz(full) : LIR_NOREG;
        for (unsigned i = 0; i < nw; i++) {
            if ((full >> wish[i]) & 1u) {
                pick = wish[i];
                break;
            }
        }
        if (pick != LIR_NOREG) {
            uint32_t until = lir_limit_of(&fr, pick);
            lir_give_until(ra, cur, pick, until, until == fr.call);
            return true;
        }
    }
    /* It crosses a call, and the registers that survive calls are taken: is one of their owners
     * worth much less? */
    if ((fr.mask & LIR_MASK_CALLEE_GPR) && fr.call < cur->end && fr.call < ra->cold_start &&
        cur->u != NULL) {
        uint64_t mine = lir_worth(cur, start, cur->end) / 2, least = mine;
        LirReg victim = LIR_NOREG;
        for (uint32_t m = LIR_MASK_CALLEE_GPR; m; m &= m - 1) {
            unsigned r = (unsigned)__builtin_ctz(m);
            LirIv *o = ra->active[r];
            if (o == NULL || lir_must_at(o, start) || lir_iv_start(o) >= (start & ~3u)) {
                continue;
            }
            uint64_t w = lir_worth(o, start, o->end);
            if (w < least) {
                least = w;
                victim = r;
            }
        }
        for (uint32_t i = 0; victim != LIR_NOREG && i < ra->inactive.len; i++) {
            if (ra->inactive.data[i]->loc == victim &&
                lir_intersect(ra->inactive.data[i]->cur, cur->r) != NEVER) {
                victim = LIR_NOREG;
            }
        }
        if (victim != LIR_NOREG) {
            lir_evict(ra, ra->active[victim], start);
            lir_give(ra, cur, victim);
            return true;
        }
    }
    /* A part at least. */
    LirReg best = LIR_NOREG;
    uint32_t until = 0, limit[32];
    lir_limits(ra, cur, &fr, limit);
    for (unsigned i = 0; i < nw; i++) {
        if (limit[wish[i]] > until) {
            best = wish[i];
            until = limit[best];
        }
    }
    for (uint32_t m = fr.mask; m; m &= m - 1) {
        unsigned r = (unsigned)__builtin_ctz(m);
        if (limit[r] > until) {
            best = r;
            until = limit[r];
        }
    }
    uint32_t hi = until & ~3u;
    if (best == LIR_NOREG || hi <= start) {
        return false;
    }
    const LirUse *u = cur->u;
    if (u == NULL || u->pos > until) {
        return false; /* nothing uses it before the register is lost again */
    }
    lir_give_until(ra, cur, best, until, until == fr.call);
    return true;
}

static void lir_take(LirRa *ra, LirIv *cur)
{
    Free fr;
    uint32_t start = lir_iv_start(cur), best_patience = 0;
    uint32_t patience[32];
    bool must = lir_must_at(cur, start) && cur->u->pos <= start + 3;
    LirReg best = LIR_NOREG;
    lir_fixed_limits(ra, cur, &fr);
    /* Its own patience: it may do without a register at its first instruction. */
    uint32_t own = must ? 0 : lir_patience(cur, (start & ~3u) + 4);
    for (uint32_t m = fr.mask; m; m &= m - 1) {
        unsigned r = (unsigned)__builtin_ctz(m);
        LirIv *o = ra->active[r];
        patience[r] = NEVER;
        uint32_t until = lir_limit_of(&fr, r);
        if ((until & ~3u) <= start || (cur->u && until < cur->u->pos)) {
            patience[r] = 0; /* lost again before it is of use */
        } else if (o != NULL) {
            bool pinned = lir_must_at(o, start) ||
                          (lir_iv_start(o) >= (start & ~3u) && o->u && o->u->pos <= start);
            patience[r] = pinned ? 0 : BASE_MAX(lir_patience(o, start), 1u);
        }
    }
    for (uint32_t i = 0; i < ra->inactive.len; i++) {
        const LirIv *o = ra->inactive.data[i];
        if (((fr.mask >> o->loc) & 1u) && patience[o->loc] != 0 &&
            lir_intersect(o->cur, cur->r) != NEVER) {
            patience[o->loc] = BASE_MIN(patience[o->loc], BASE_MAX(lir_patience(o, start), 1u));
        }
    }
    for (uint32_t m = fr.mask; m; m &= m - 1) {
        unsigned r = (unsigned)__builtin_ctz(m);
        if (patience[r] > best_patience) {
            best_patience = patience[r];
            best = r;
        }
    }
    if (!must && (best == LIR_NOREG || own >= best_patience)) {
        lir_to_memory(ra, cur, lir_iv_start(cur));
        return;
    }
    BASE_CHECK(best != LIR_NOREG);
    if (ra->active[best]) {
        lir_evict(ra, ra->active[best], start);
        lir_set_active(ra, best, NULL);
    }
    uint32_t n = ra->inactive.len;
    for (uint32_t i = 0; i < n; i++) {
        LirIv *o = ra->inactive.data[i];
        if (o->loc == best && lir_intersect(o->cur, cur->r) != NEVER) {
            /* In a hole: the part behind it starts afresh. */
            LirRange *r = o->cur;
            uint32_t q = r->s & ~3u;
            if (q > lir_iv_start(o) && q < o->end) {
                lir_queue(ra, lir_split(ra, o, q, false));
            }
        }
    }
    uint32_t until = lir_limit_of(&fr, best);
    lir_give_until(ra, cur, best, until, until == fr.call);
}

bool lir_regalloc(LirAlloc *a, const char **reason)
{
    LirRa *ra = arena_new(a->scratch, LirRa);
    ra->a = a;
    ra->f = a->f;
    lir_build_intervals(ra);
    for (uint32_t v = LIR_FIRST_VREG; v < a->f->vregs.len; v++) {
        if (ra->info[v].iv) {
            lir_queue(ra, ra->info[v].iv);
        }
    }
    while (ra->nheap) {
        LirIv *cur = lir_dequeue(ra);
        lir_advance(ra, lir_iv_start(cur));
        /* A part that only exits and calls look at can stay where it is: in memory. */
        bool later_part = ra->info[cur->vreg].iv != cur || a->f->vregs.data[cur->vreg].home >= 0;
        if (cur->u == NULL && later_part) {
            lir_to_memory(ra, cur, lir_iv_start(cur));
        } else if (!lir_try_free(ra, cur)) {
            lir_take(ra, cur);
        }
    }
    return lir_assign(ra, reason);
}
