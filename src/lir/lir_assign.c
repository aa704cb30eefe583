/* From intervals to locations: slots, stores, moves between parts, rewriting.
 *
 * - Each register that has a part in memory gets its memory: the home of a
 *   local, the table of constants, or a spill slot shared with registers whose
 *   lifetimes do not overlap.
 * - A register with one definition whose memory is not there for free is
 *   either stored once right behind its definition, or wherever it goes from a
 *   register to memory, whichever is executed less often.
 * - Parts that meet inside a block are joined by a move there; parts that meet
 *   on an edge by a move at the end of the predecessor or at the start of the
 *   successor (critical edges have been split).  Phis are moves on edges.
 * - Then every register field is rewritten to its location, exits get theirs,
 *   and calls that preserve registers learn which. */
#include "lir_ra.h"

#include <stdlib.h>
#include <string.h>

/* ---- parts and their locations ------------------------------------------------------------------ */

static LirIv *lir_part_at(const LirRa *ra, LirReg v, uint32_t pos)
{
    const LirVinfo *vi = &ra->info[v];
    if (vi->nkids == 0) {
        BASE_CHECK(vi->iv != NULL);
        return vi->iv;
    }
    uint32_t lo = 0, hi = vi->nkids - 1;
    while (lo < hi) { /* first part that ends behind pos */
        uint32_t mid = (lo + hi) / 2;
        if (vi->kids[mid]->end > pos) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return vi->kids[lo];
}

static LirReg lir_loc_of(const LirRa *ra, const LirIv *iv)
{
    return iv->loc == LIR_LOC_MEM ? ra->info[iv->vreg].mem : iv->loc;
}

static LirReg lir_loc_at(const LirRa *ra, LirReg v, uint32_t pos)
{
    return lir_loc_of(ra, lir_part_at(ra, v, pos));
}

static LirReg lir_loc_cb(void *ctx, LirReg v, uint32_t pos)
{
    return lir_loc_at(ctx, v, pos);
}

static void lir_collect_kids(LirRa *ra)
{
    for (uint32_t v = LIR_FIRST_VREG; v < ra->f->vregs.len; v++) {
        LirVinfo *vi = &ra->info[v];
        if (vi->iv == NULL || vi->iv->next == NULL) {
            continue;
        }
        uint32_t n = 0;
        for (LirIv *k = vi->iv; k; k = k->next) {
            n++;
        }
        vi->kids = arena_array(ra->a->scratch, LirIv *, n);
        for (LirIv *k = vi->iv; k; k = k->next) {
            vi->kids[vi->nkids++] = k;
        }
    }
}

/* ---- spill slots ----------------------------------------------------------------------------------- */

typedef struct {
    uint32_t start, end;
    LirReg v;
} Span;

static int lir_by_start(const void *a, const void *b)
{
    const Span *x = a, *y = b;
    return x->start != y->start ? (x->start < y->start ? -1 : 1) : (x->v < y->v ? -1 : x->v > y->v);
}

static bool lir_assign_memory(LirRa *ra, const char **reason)
{
    LirFunc *f = ra->f;
    uint32_t n = 0;
    Span *spans = arena_array(ra->a->scratch, Span, f->vregs.len);
    for (uint32_t v = LIR_FIRST_VREG; v < f->vregs.len; v++) {
        LirVinfo *vi = &ra->info[v];
        if (!vi->in_memory) {
            continue;
        }
        if (vi->remat) {
            vi->mem = LIR_LOC_CONST | ra->a->consts.v.len;
            VEC_PUSH(f->arena, &ra->a->consts.v, vi->imm);
        } else if (f->vregs.data[v].home >= 0) {
            vi->mem = LIR_LOC_HOME | (uint32_t)f->vregs.data[v].home;
        } else {
            uint32_t end = vi->nkids ? vi->kids[vi->nkids - 1]->end : vi->iv->end;
            spans[n++] = (Span){vi->iv->r->s, end, v};
        }
    }
    qsort(spans, n, sizeof *spans, lir_by_start);
    /* A heap of (end << 32 | slot): the slot that is free first on top. */
    uint64_t *heap = arena_array(ra->a->scratch, uint64_t, n + 1);
    uint32_t nheap = 0, nslots = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t slot;
        bool reuse = nheap && (heap[0] >> 32) <= (spans[i].start & ~3u);
        slot = reuse ? (uint32_t)heap[0] : nslots++;
        uint64_t key = (uint64_t)spans[i].end << 32 | slot;
        if (reuse) { /* replace the top and sift it down */
            uint32_t k = 0;
            for (;;) {
                uint32_t c = 2 * k + 1;
                if (c >= nheap) {
                    break;
                }
                if (c + 1 < nheap && heap[c + 1] < heap[c]) {
                    c++;
                }
                if (heap[c] >= key) {
                    break;
                }
                heap[k] = heap[c];
                k = c;
            }
            heap[k] = key;
        } else {
            uint32_t k = nheap++;
            while (k > 0 && heap[(k - 1) / 2] > key) {
                heap[k] = heap[(k - 1) / 2];
                k = (k - 1) / 2;
            }
            heap[k] = key;
        }
        ra->info[spans[i].v].mem = LIR_LOC_SLOT | slot;
    }
    ra->a->nslots = f->nallocated_slots = nslots;
    if (nslots > LIR_MAX_FRAME_WORDS) {
        *reason = "too many live values";
        return false;
    }
    return true;
}

/* ---- moves ------------------------------------------------------------------------------------------- */

/* Is `from` to `to` a move that costs a store, and is it needed? */
static bool lir_is_store(LirReg from, LirReg to)
{
    return lir_is_phys(from) && !lir_is_phys(to);
}

static bool lir_store_dropped(const LirVinfo *vi)
{
    return vi->free_store || vi->def_store;
}

static LirMove lir_part_move(const LirRa *ra, LirReg v, LirReg from, LirReg to)
{
    return (LirMove){
        .dst = to, .src = lir_reg(from), .cls = (uint8_t)lir_class(ra->f, v), .vreg = v};
}

/* Parts that meet on an edge in different locations. */
typedef struct {
    LirBlock *p, *s;
    LirReg v, from, to;
} Meeting;
typedef VEC(Meeting) Meetings;

static void lir_find_meetings(LirRa *ra, const uint64_t *split, Meetings *out)
{
    LirFunc *f = ra->f;
    for (uint32_t o = 0; o < f->norder; o++) {
        LirBlock *s = f->order[o];
        for (uint32_t w = 0; w < ra->a->live_words; w++) {
            for (uint64_t bits = s->live_in[w] & split[w]; bits; bits &= bits - 1) {
                LirReg v = ra->a->globals[w * 64 + (uint32_t)__builtin_ctzll(bits)];
                const LirIv *part = lir_part_at(ra, v, s->start);
                for (uint32_t k = 0; k < s->npreds; k++) {
                    uint32_t end = s->preds[k]->end - 1;
                    if (part->r->s <= end && end < part->end) {
                        continue; /* the same part */
                    }
                    Meeting m = {s->preds[k], s, v, lir_loc_at(ra, v, end), lir_loc_of(ra, part)};
                    if (m.from != m.to) {
                        VEC_PUSH(ra->a->scratch, out, m);
                    }
                }
            }
        }
    }
}

static LirIns *lir_ins_at(const LirRa *ra, LirIns **by_pos, uint32_t pos)
{
    (void)ra;
    return by_pos[pos >> 2];
}

/* Where two parts of v meet without an edge in between, at q. */
static bool lir_meets_inside(const LirRa *ra, const LirIv *x, const LirIv *y, uint32_t *q)
{
    *q = y->r->s;
    return (*q & 3) == 0 && (x->end == *q || x->end == *q + 1) && lir_block_at(ra, *q)->start != *q;
}

static void lir_make_moves(LirRa *ra, LirIns **by_pos)
{
    LirFunc *f = ra->f;
    uint64_t *split = arena_array(ra->a->scratch, uint64_t, ra->a->live_words);
    for (uint32_t v = LIR_FIRST_VREG; v < f->vregs.len; v++) {
        LirVinfo *vi = &ra->info[v];
        uint32_t q;
        if (vi->nkids == 0) {
            continue;
        }
        uint32_t g = ra->a->global_of[v];
        if (g != UINT32_MAX) {
            split[g >> 6] |= UINT64_C(1) << (g & 63);
        }
        for (uint32_t k = 0; k + 1 < vi->nkids; k++) {
            const LirIv *x = vi->kids[k], *y = vi->kids[k + 1];
            if (lir_is_phys(x->loc) && y->loc == LIR_LOC_MEM && lir_meets_inside(ra, x, y, &q)) {
                vi->store_weight += lir_level_weight(lir_block_level(lir_block_at(ra, q)));
            }
        }
    }
    Meetings meet = {0};
    lir_find_meetings(ra, split, &meet);
    VEC_EACH(&meet, Meeting, m)
    {
        if (lir_is_store(m->from, m->to)) {
            unsigned level = BASE_MIN(lir_block_level(m->p), lir_block_level(m->s));
            ra->info[m->v].store_weight += lir_level_weight(level);
        }
    }
    for (uint32_t v = LIR_FIRST_VREG; v < f->vregs.len; v++) {
        LirVinfo *vi = &ra->info[v];
        uint32_t q;
        if (vi->in_memory && !vi->free_store && vi->ndefs == 1 && vi->def_pos != UINT32_MAX) {
            LirReg at = lir_loc_at(ra, v, vi->def_pos + 2);
            if (!lir_is_phys(at)) {
                vi->def_store = true; /* it is defined into memory */
            } else if (vi->store_weight > lir_level_weight(vi->def_level)) {
                vi->def_store = true;
                lir_move_add(f, &lir_ins_at(ra, by_pos, vi->def_pos + 4)->moves,
                             lir_part_move(ra, v, at, vi->mem));
            }
        }
        for (uint32_t k = 0; k + 1 < vi->nkids; k++) {
            const LirIv *x = vi->kids[k], *y = vi->kids[k + 1];
            LirReg from = lir_loc_of(ra, x), to = lir_loc_of(ra, y);
            if (from != to && lir_meets_inside(ra, x, y, &q) &&
                !(lir_is_store(from, to) && lir_store_dropped(vi))) {
                lir_move_add(f, &lir_ins_at(ra, by_pos, q)->moves, lir_part_move(ra, v, from, to));
            }
        }
    }
    VEC_EACH(&meet, Meeting, m)
    {
        if (!lir_is_store(m->from, m->to) || !lir_store_dropped(&ra->info[m->v])) {
            lir_edge_move(f, m->p, m->s, lir_part_move(ra, m->v, m->from, m->to));
        }
    }
    lir_phi_moves(ra->a, lir_loc_cb, ra);
}

/* Which registers are live across each preserving call: those of parts that cover pos + 1. */
static void lir_save_masks(LirRa *ra)
{
    uint32_t n = ra->preserve.len;
    LirIns **call = ra->preserve.data; /* descending positions */
    if (n == 0) {
        return;
    }
    for (uint32_t i = 0; i < n / 2; i++) {
        LirIns *t = call[i];
        call[i] = call[n - 1 - i];
        call[n - 1 - i] = t;
    }
    for (uint32_t v = LIR_FIRST_VREG; v < ra->f->vregs.len; v++) {
        for (const LirIv *iv = ra->info[v].iv; iv; iv = iv->next) {
            if (!lir_is_phys(iv->loc) || !((LIR_MASK_CALLER >> iv->loc) & 1u)) {
                continue;
            }
            for (const LirRange *r = iv->r; r; r = r->next) {
                uint32_t lo = 0, hi = n;
                while (lo < hi) {
                    uint32_t mid = (lo + hi) / 2;
                    if (call[mid]->pos + 1 < r->s) {
                        lo = mid + 1;
                    } else {
                        hi = mid;
                    }
                }
                for (; lo < n && call[lo]->pos + 1 < r->e; lo++) {
                    call[lo]->save |= 1u << iv->loc;
                }
            }
        }
    }
}

bool lir_assign(LirRa *ra, const char **reason)
{
    LirFunc *f = ra->f;
    lir_collect_kids(ra);
    if (!lir_assign_memory(ra, reason)) {
        return false;
    }
    lir_save_masks(ra);
    LirIns **by_pos = arena_array(ra->a->scratch, LirIns *, (ra->npos >> 2) + 1);
    for (uint32_t o = 0; o < f->norder; o++) {
        for (LirIns *i = f->order[o]->first; i; i = i->next) {
            by_pos[i->pos >> 2] = i;
        }
    }
    lir_make_moves(ra, by_pos);
    lir_rewrite(ra->a, lir_loc_cb, ra);
    f->allocated = true;
    return true;
}
