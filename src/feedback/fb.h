/* Feedback: what tier 0 has learnt, as plain records.
 *
 * Decodes a code object into an array of instructions with jump targets and
 * the contents of the PEP 659 inline caches, so that the builder never looks
 * at code units itself. */
#ifndef PYSTON_FB_H
#define PYSTON_FB_H

#include <Python.h>

#include "base_arena.h"

typedef struct {
    uint8_t op;    /* canonical opcode (opcode.h), EXTENDED_ARG folded away */
    uint8_t quick; /* what tier 0 has there now: a specialised form, or op */
    int32_t arg;
    int32_t bci;    /* code unit of the opcode itself */
    int32_t start;  /* code unit of its first EXTENDED_ARG, or bci */
    int32_t next;   /* code unit after its inline caches */
    int32_t target; /* of a jump; of what raises again: its handler in this function; or -1 */
    /* Inline cache, valid for the specialised form in `quick`. */
    uint32_t version;  /* type version, or keys version of the module or globals dict */
    uint32_t version2; /* keys version, or keys version of the builtins dict */
    int32_t index;     /* entry, slot offset, hint, or dict offset */
    PyObject *descr;   /* LOAD_METHOD's descriptor; gone, perhaps, if no type has that version */
    int32_t misses;    /* times the specialised form did not fit since tier 0 chose it */
} FbIns;

typedef struct {
    FbIns *ins;
    int32_t n;
    int32_t *at; /* [code units] index into ins of the instruction that starts there, or -1 */
    int32_t nunits;
} FbCode;

/* Decodes `co`. Allocates from `a`; runs no Python code. */
void fb_decode(Arena *a, PyCodeObject *co, FbCode *out);

#endif
