/* Reading bytecode: opcodes, instructions with EXTENDED_ARG, inline caches, jumps, the exception
 * table, and the value stack's depth at each instruction.
 *
 * Positions are code-unit indices ("bci").  An instruction starts at its first EXTENDED_ARG, if it
 * has one; tier 0 raises with prev_instr on the unit of the opcode proper (`op_bci`) or behind it.
 * Quickened code is rewritten at any time the interpreter runs it, so opcodes are always read
 * through the table that leads back to the base instruction. */
#ifndef PYSTON_PY311_OPCODES_H
#define PYSTON_PY311_OPCODES_H

#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#include "py311_layout.h"

typedef enum {
#define PY311_OPCODE(name, number, base, caches) PY311_##name = number,
#include "py311_opcodes.def"
    PY311_DO_TRACING = 255,
    PY311_NOPCODES = 256
} Py311Opcode;

typedef enum {
#define PY311_NB(name, number) PY311_NB_##name = number,
#include "py311_opcodes.def"
    PY311_NNBS
} Py311NbOp;

/* Opcodes below this have no argument (the oparg byte is to be ignored). */
#define PY311_HAVE_ARGUMENT 90

extern const uint8_t py311_opcode_base[256];   /* deoptimising table; unused numbers give 0 */
extern const uint8_t py311_opcode_caches[256]; /* inline cache units */
/* "LOAD_FAST"; "<181>"-like numbers give "?". */
const char *py311_opcode_name(int opcode);

/* One instruction. */
typedef struct {
    int32_t bci;    /* first unit, EXTENDED_ARG included: what jumps and frame states name */
    int32_t op_bci; /* unit of the opcode itself */
    int32_t next;   /* first unit after the inline cache */
    uint8_t op;     /* base instruction (Py311Opcode) */
    uint8_t raw;    /* as it stands in memory, perhaps specialised */
    uint32_t arg;
} Py311Ins;

/* Decodes the instruction at `bci` (its first EXTENDED_ARG or its opcode). False at the end. */
bool py311_decode(PyCodeObject *co, int32_t bci, Py311Ins *out);

/* for (PY311_EACH_INS(co, ins)) visits the instructions in order. */
#define PY311_EACH_INS(co, ins) \
    Py311Ins ins = {.next = 0}; \
    py311_decode((co), ins.next, &ins);

/* Where the instruction may jump (the bci of the target's first unit), or -1. */
int32_t py311_jump_target(const Py311Ins *ins);
/* False when control never reaches the next instruction. */
bool py311_falls_through(int op);
/* True for jumps to a lower bci. */
bool py311_is_backward_jump(int op);

/* What tier 0 learnt, as plain values; fields that the instruction's cache does not have are 0. */
typedef struct {
    uint16_t counter;
    uint16_t index;                /* LOAD_GLOBAL, LOAD_ATTR, STORE_ATTR */
    uint32_t type_version;         /* LOAD_ATTR, STORE_ATTR, LOAD_METHOD, BINARY_SUBSCR */
    uint32_t keys_version;         /* LOAD_GLOBAL (globals), LOAD_METHOD; LOAD_ATTR_MODULE has it
                                      in type_version, as CPython's cache does */
    uint16_t builtin_keys_version; /* LOAD_GLOBAL */
    uint16_t dict_offset;          /* LOAD_METHOD */
    uint16_t mask;                 /* COMPARE_OP */
    uint16_t min_args;             /* CALL */
    uint32_t func_version;         /* CALL, BINARY_SUBSCR */
    PyObject *descr;               /* LOAD_METHOD, borrowed */
} Py311Cache;

/* Reads the inline cache of `ins`, which must have one. Values only mean something while the
 * instruction is specialised (ins->raw differs from ins->op and is not the _ADAPTIVE form). */
void py311_read_cache(PyCodeObject *co, const Py311Ins *ins, Py311Cache *out);

/* Tier 0 looks the name at `bci` up again when it comes there, if it has a place for it in a dict: otherwise only after 53 times
 * that it was not in that place. */
void py311_look_again(PyCodeObject *co, int32_t bci);

/* An entry of the exception table. */
typedef struct {
    int32_t start, end; /* units; end exclusive */
    int32_t target;
    int32_t depth; /* value-stack depth to unwind to */
    bool lasti;    /* push the instruction's index as well */
} Py311Handler;

/* The handler that covers the instruction at `bci` (ceval.c's get_exception_handler). */
bool py311_find_handler(PyCodeObject *co, int32_t bci, Py311Handler *out);
/* Calls `fn` on each entry in order. */
void py311_each_handler(PyCodeObject *co, void (*fn)(const Py311Handler *h, void *ctx), void *ctx);
/* Does a handler start at `bci`? */
bool py311_is_handler(PyCodeObject *co, int32_t bci);

/* Value-stack depth before the instruction at each unit, into depth[Py_SIZE(co)]; -1 for units
 * that are unreachable or no start of an instruction (the opcode's own unit behind EXTENDED_ARG
 * has its instruction's depth). Returns the largest depth, or -1 when the code is inconsistent
 * (never for code from the compiler). No Python code runs, no exception is set. */
int py311_stack_depths(PyCodeObject *co, int16_t *depth);

/* The depth at `bci` alone; -1 also when memory is out. */
int py311_stack_depth_at(PyCodeObject *co, int32_t bci);

/* Does local `i` hold a cell once its MAKE_CELL has run (CO_FAST_CELL)? */
bool py311_local_is_cell(const PyCodeObject *co, int i);

/* The compiler flags that make calling a code object produce a generator of any sort. */
#define PY311_CO_GENERATOR_LIKE (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)

/* Are the first co_argcount locals all that a call has to fill, and is there no dict of locals? */
static inline bool py311_fills_frame(const PyCodeObject *co)
{
    int wanted = CO_OPTIMIZED, odd = CO_VARARGS | CO_VARKEYWORDS;
    return (co->co_flags & (wanted | odd)) == wanted && co->co_kwonlyargcount == 0;
}

/* The local in [from, to) of that very name, or -1. Names of locals are interned. */
static inline int py311_named_local(const PyCodeObject *co, const PyObject *name, int from, int to)
{
    for (int i = from; i < to; i++) {
        if (PyTuple_GET_ITEM(co->co_localsplusnames, i) == name) {
            return i;
        }
    }
    return -1;
}

/* A function's code: its call makes a frame with its parameters in the first locals, and no dict of locals. */
static inline bool py311_optimized_function(const PyCodeObject *co)
{
    int wanted = CO_OPTIMIZED | CO_NEWLOCALS;
    return (co->co_flags & wanted) == wanted;
}

/* The same that runs when it is called, and whose parameters take one argument each. */
static inline bool py311_direct_function(const PyCodeObject *co)
{
    int odd = CO_VARARGS | CO_VARKEYWORDS | PY311_CO_GENERATOR_LIKE;
    return py311_optimized_function(co) && !(co->co_flags & odd);
}

/* One whose call is no more than its positional arguments in a frame and running it. */
static inline bool py311_plain_function(const PyCodeObject *co)
{
    return py311_direct_function(co) && co->co_kwonlyargcount == 0;
}

#endif
