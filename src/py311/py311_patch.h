/* Patched bytecode: three code units of a code object that make the eval loop call C.
 *
 *     LOAD_ASSERTION_ERROR    pushes the class AssertionError
 *     UNARY_POSITIVE          calls nb_positive of its type, which is `type`
 *     RETURN_VALUE            ends the frame with what that gave
 *
 * They need no operand, no constant and no inline cache, and every frame that comes to the first of
 * them does the same, whoever started it: so this is how tier 0 is left at a place for good.
 *
 * A place fits when nothing but the first unit can be jumped to, and when no frame can be in the middle
 * of it while it changes: the instructions that were there neither run other code nor give up the
 * GIL, unless the next instruction lies behind the patch. */
#ifndef PYSTON_PY311_PATCH_H
#define PYSTON_PY311_PATCH_H

#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#define PY311_PATCH_UNITS 3

/* The first place at or behind `bci` that control comes to from there without a jump, and which fits: its
 * bci and the depth of the value stack there, or -1. No Python code runs, no exception is set. */
int32_t py311_patch_place(PyCodeObject *co, int32_t bci, int *depth);

/* May an instruction from `from` on and before `to`, with no jump among them, push a NULL? */
bool py311_may_push_null(PyCodeObject *co, int32_t from, int32_t to);

/* Does a jump lead to `bci`? */
bool py311_is_jump_target(PyCodeObject *co, int32_t bci);

/* A patch and what it covers: its units, and perhaps the opcode before it, which may be specialised to run
 * its successor, too. */
typedef struct {
    int32_t bci;
    bool before;
    uint16_t covered[1 + PY311_PATCH_UNITS];
} Py311Patch;

/* Begins a patch at `bci`. No patch may be in the bytecode, and two of them not within PY311_PATCH_UNITS of
 * each other. */
void py311_patch_init(Py311Patch *p, PyCodeObject *co, int32_t bci);
/* Writes the patch. */
void py311_patch_plant(Py311Patch *p, PyCodeObject *co);
/* Puts back what it covers. */
void py311_patch_lift(const Py311Patch *p, PyCodeObject *co);

/* The function that reads a code object's `_co_code_adaptive`, or NULL. */
getter *py311_patch_adaptive_getter(void);

/* The type slot that the patch calls: nb_positive of `type`. */
unaryfunc *py311_patch_slot(void);

#endif
