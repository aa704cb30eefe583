/* The all-spill allocator: every virtual register in its own slot, or in its
 * home, for bisecting.  Instructions get scratch registers from the emitter. */
#include "lir_internal.h"

typedef struct {
    LirReg *loc; /* [nvregs] */
} AllSpill;

static LirReg lir_slot_of(void *ctx, LirReg v, uint32_t pos)
{
    (void)pos;
    return ((AllSpill *)ctx)->loc[v];
}

bool lir_allspill(LirAlloc *ra, const char **reason)
{
    LirFunc *f = ra->f;
    AllSpill s = {arena_array(f->arena, LirReg, f->vregs.len)};
    for (uint32_t v = LIR_FIRST_VREG; v < f->vregs.len; v++) {
        int16_t home = f->vregs.data[v].home;
        s.loc[v] = home >= 0 ? LIR_LOC_HOME | (uint32_t)home : LIR_LOC_SLOT | ra->nslots++;
    }
    if (ra->nslots > LIR_MAX_SLOTS) {
        *reason = "too large";
        return false;
    }
    ra->all_spill = true;
    f->nallocated_slots = ra->nslots;
    lir_phi_moves(ra, lir_slot_of, &s);
    lir_rewrite(ra, lir_slot_of, &s);
    return true;
}
