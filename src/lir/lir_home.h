/* Homes: at which points of a function the frame's slot of a local holds a given SSA value.
 *
 * Boxed locals live in the frame (their homes) and registers hold borrowed copies, so a value that
 * is "the current value of local i" need not be kept in a register, spilled or moved along edges: it
 * can be loaded again.  This analysis says where that is right.
 *
 * Each store to a home starts an *epoch* of that local; at every point each local is in exactly
 * one epoch, or, where epochs meet, in a new one that belongs to the merge block.  A value has
 * *facts*: "in epoch e of local i, home i holds me".  A LoadLocal has one for the epoch it reads, the operand
 * of a StoreLocal one for the epoch it starts, and a phi one for the epoch of its block when each
 * operand has a fact for the epoch at the end of its predecessor.  Facts of phis depend on each
 * other around loops, so they are assumed and then withdrawn until nothing changes. */
#ifndef PYSTON_LIR_HOME_H
#define PYSTON_LIR_HOME_H

#include <stdbool.h>
#include <stdint.h>

#include "hir.h"

typedef uint32_t LirEpoch;

typedef struct LirHomeFact {
    uint16_t local;
    LirEpoch epoch;
    uint32_t nuses; /* uses that this fact serves; counted by lowering */
    struct LirHomeFact *next;
} LirHomeFact;

typedef struct LirHomes {
    HirFunc *hf;
    uint32_t nlocals;
    LirEpoch **in;       /* by block id: [nlocals] epochs at the block's start */
    LirEpoch **out;      /* by block id: [nlocals] epochs at its end */
    LirHomeFact **facts; /* by id of the (root) instruction */
    bool *unset;         /* by local: its home is NULL at the function's entry */
} LirHomes;

/* The epoch that the store `i` starts. */
static inline LirEpoch lir_homes_store_epoch(const HirIns *i)
{
    return 1 + i->id;
}

/* Analyses `hf`, which has been hir_analyze'd.  Storage comes from its arena. */
void lir_homes_init(LirHomes *h, HirFunc *hf);

/* Moves the epochs `cur` over instruction `i`. True when one changed. */
bool lir_homes_step(const LirHomes *h, LirEpoch *cur, const HirIns *i);

/* The fact that makes `root` readable from a home in epochs `cur`, or NULL. */
LirHomeFact *lir_homes_find(const LirHomes *h, const LirEpoch *cur, const HirIns *root);

#endif
