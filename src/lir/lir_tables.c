/* The unit's exit tables: exits, their frames, where the values are.
 *
 * Exits of one state with the same locations share their frame tables; frames
 * whose values are found in the same places share the run of locations that
 * says so, as neighbouring ones mostly do.  All tables are one block of the unit's
 * memory. */
#include "lir_emit.h"

#include <string.h>

#include "hir.h"

_Static_assert(HIR_NOPS <= 256, "the field `reason`");
_Static_assert(RT_EXIT_RESUME == 0 && RT_EXIT_THROW == 1 && RT_EXIT_SAFEPOINT == 2,
               "lir.c makes exits without rt_unit.h");

typedef struct {
    Arena *arena;
    LirEmit *e;
    VEC(RtExitFrame) frames;
    VEC(RtLoc) locs;
    VEC(int64_t) consts;
    VEC(void *) codes;
    bool too_large;       /* a number has no room in its field */
    uint32_t *const_hash; /* open addressing: index + 1 */
    uint32_t hash_size;
} Tables;

static void lir_rehash(Tables *t)
{
    t->hash_size = t->hash_size ? t->hash_size * 2 : 64;
    t->const_hash = arena_array(t->arena, uint32_t, t->hash_size);
    for (uint32_t i = 0; i < t->consts.len; i++) {
        uint32_t h = (uint32_t)(((uint64_t)t->consts.data[i] * UINT64_C(0x9e3779b97f4a7c15)) >> 40);
        while (t->const_hash[h & (t->hash_size - 1)]) {
            h++;
        }
        t->const_hash[h & (t->hash_size - 1)] = i + 1;
    }
}

/* A number that has to lie in [lo, hi]. */
static int32_t lir_fit(Tables *t, int64_t n, int64_t lo, int64_t hi)
{
    t->too_large |= n < lo || n > hi;
    return (int32_t)n;
}

static int32_t lir_const_index(Tables *t, int64_t v)
{
    if (t->consts.len * 2 >= t->hash_size) {
        lir_rehash(t);
    }
    uint32_t h = (uint32_t)(((uint64_t)v * UINT64_C(0x9e3779b97f4a7c15)) >> 40), k;
    while ((k = t->const_hash[h & (t->hash_size - 1)]) != 0) {
        if (t->consts.data[k - 1] == v) {
            return (int32_t)(k - 1);
        }
        h++;
    }
    VEC_PUSH(t->arena, &t->consts, v);
    t->const_hash[h & (t->hash_size - 1)] = t->consts.len;
    return (int32_t)(t->consts.len - 1);
}

static RtLoc lir_rt_loc(Tables *t, const LirVal *v, LirReg loc)
{
    RtLoc r = {.rep = v->rep, .owned = v->owned, .same_as = v->same_as};
    int32_t where;
    if (v->opnd.kind == LIR_O_IMM) {
        r.kind = RT_LOC_CONST;
        where = lir_const_index(t, v->opnd.imm);
    } else if (v->opnd.kind == LIR_O_NONE) {
        r.kind = RT_LOC_HOME;
        where = v->home;
    } else if (lir_loc_is_const(loc)) {
        r.kind = RT_LOC_CONST;
        where = lir_const_index(t, t->e->ra->consts.v.data[lir_loc_index(loc)]);
    } else if (lir_loc_is_home(loc)) {
        r.kind = RT_LOC_HOME;
        where = (int32_t)lir_loc_index(loc);
    } else if (lir_loc_is_slot(loc)) {
        r.kind = RT_LOC_STACK;
        where = lir_slot_mem(t->e, lir_loc_index(loc)).disp / 8;
    } else {
        r.kind = loc < LIR_XMM0 ? RT_LOC_GPR : RT_LOC_XMM;
        where = (int32_t)(loc & 15);
    }
    r.where = lir_fit(t, where, -RT_LOC_WHERE_MAX, RT_LOC_WHERE_MAX);
    return r;
}

static uint8_t lir_code_index(Tables *t, void *code)
{
    uint32_t k = 0;
    while (k < t->codes.len && t->codes.data[k] != code) {
        k++;
    }
    if (k == t->codes.len) {
        VEC_PUSH(t->arena, &t->codes, code);
    }
    return (uint8_t)lir_fit(t, k, 0, UINT8_MAX);
}

/* Where the run of `n` locations begins that has just been added at the end from `first` on: there, or
 * where one of the last frames has the same. */
static uint32_t lir_share_locs(Tables *t, uint32_t first, uint32_t n)
{
    enum { LOOK_BACK = 8 };
    for (uint32_t k = 1; k <= LOOK_BACK && k <= t->frames.len; k++) {
        const RtExitFrame *fr = &t->frames.data[t->frames.len - k];
        if ((uint32_t)fr->nstack + 2 * fr->ndirty >= n &&
            memcmp(&t->locs.data[fr->locs], &t->locs.data[first], n * sizeof(RtLoc)) == 0) {
            t->locs.len = first;
            return fr->locs;
        }
    }
    return first;
}

/* Index of the exit's frames in t->frames. */
static uint32_t lir_exit_frames(Tables *t, const LirExit *x)
{
    LirState *s = x->state;
    LirStateUse *own = NULL;
    for (LirStateUse *u = s->uses; u; u = u->next) {
        if (u->has_frames && memcmp(u->x->locs, x->locs, s->nregs * sizeof *x->locs) == 0) {
            return u->frames;
        }
        if (u->x == x) {
            own = u;
        }
    }
    uint32_t first = t->frames.len, n = 0;
    for (uint32_t i = 0; i < s->nframes; i++) {
        const LirStateFrame *f = &s->frames[i];
        RtExitFrame fr = {.code = lir_code_index(t, f->code),
                          .bci = (int16_t)lir_fit(t, f->bci, INT16_MIN, INT16_MAX),
                          .nstack = f->nstack,
                          .ndirty = f->ndirty,
                          .call = f->call};
        uint32_t start = t->locs.len;
        for (uint32_t k = 0; k < (uint32_t)f->nstack + f->ndirty; k++) {
            bool reg = f->vals[k].opnd.kind == LIR_O_REG;
            RtLoc l = lir_rt_loc(t, &f->vals[k], reg ? x->locs[n] : LIR_NOREG);
            n += reg;
            VEC_PUSH(t->arena, &t->locs, l);
        }
        for (uint32_t k = 0; k < f->ndirty; k++) {
            RtLoc l = {.where = lir_fit(t, f->dirty[k], 0, RT_LOC_WHERE_MAX)};
            VEC_PUSH(t->arena, &t->locs, l);
        }
        fr.locs = lir_share_locs(t, start, t->locs.len - start);
        VEC_PUSH(t->arena, &t->frames, fr);
    }
    if (own) {
        own->frames = first;
        own->has_frames = true;
    }
    return first;
}

static void *lir_take(char **p, const void *data, size_t size)
{
    void *at = *p;
    if (size) {
        memcpy(at, data, size);
    }
    *p += (size + 7) & ~(size_t)7;
    return at;
}

bool lir_fill_tables(LirEmit *e, const char **reason)
{
    Tables t = {.arena = e->arena, .e = e};
    CodeUnit *u = e->unit;
    uint32_t n = e->exits.len;
    RtExit *exits = arena_array(e->arena, RtExit, n);
    for (uint32_t k = 0; k < n; k++) {
        const LirExit *x = e->exits.data[k].x;
        exits[k] = (RtExit){.kind = x->kind,
                            .nframes = (uint8_t)x->state->nframes,
                            .reason = x->reason,
                            .throw_bci = (int16_t)lir_fit(&t, x->throw_bci, INT16_MIN, INT16_MAX),
                            .frames = lir_exit_frames(&t, x) & RT_EXIT_FRAMES_MAX};
        lir_fit(&t, t.frames.len, 0, RT_EXIT_FRAMES_MAX);
        lir_fit(&t, x->state->nframes, 0, UINT8_MAX);
    }
    if (t.too_large) {
        *reason = "too large";
        return false;
    }
    size_t s_exits = n * sizeof *exits, s_frames = t.frames.len * sizeof *t.frames.data;
    size_t s_locs = t.locs.len * sizeof *t.locs.data, s_consts = t.consts.len * 8u;
    size_t s_codes = t.codes.len * sizeof *t.codes.data;
    char *p = rt_unit_data(u, s_exits + s_frames + s_locs + s_consts + s_codes + 2 * 8);
    if (p == NULL) {
        *reason = "out of memory";
        return false;
    }
    u->exits = lir_take(&p, exits, s_exits);
    u->consts = lir_take(&p, t.consts.data, s_consts);
    u->codes = lir_take(&p, t.codes.data, s_codes);
    u->exit_frames = lir_take(&p, t.frames.data, s_frames);
    u->locs = lir_take(&p, t.locs.data, s_locs);
    u->nexits = n;
    u->nexit_frames = t.frames.len;
    u->nlocs = t.locs.len;
    u->nconsts = t.consts.len;
    return true;
}
