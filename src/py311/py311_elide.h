/* Handlers during which nobody can see the exception that they catch.
 *
 * `try: v = d[k]`, `except KeyError: v = None`: until POP_EXCEPT there are only loads, assignments to locals and moves on the value
 * stack.  Where none of these drops the last reference to an object that has code to run, no code can ask for the exception, its
 * traceback or the frame object that this would hold: whoever raises need not make any of them. */
#ifndef PYSTON_PY311_ELIDE_H
#define PYSTON_PY311_ELIDE_H

#include "py311_opcodes.h"

/* Classes that one `except` may name. */
enum { PY311_ELIDE_CLASSES = 4 };

typedef struct {
    Py311Handler handler;
    int32_t names
        [PY311_ELIDE_CLASSES]; /* of the classes that it catches, in co_names: globals or builtins */
    int nnames;                /* 0: it catches everything */
    int32_t body;              /* the first instruction behind the match */
    int32_t behind;            /* the one behind its POP_EXCEPT */
} Py311Elidable;

/* Whether the handler that covers the instruction at `bci` is one. Its POP_EXCEPT is reached from `body` without a jump, past
 * NOP, LOAD_CONST, LOAD_FAST, STORE_FAST, SWAP and COPY only, which leave the exception handled before alone. No Python code runs, no
 * exception is set. */
bool py311_find_elidable(PyCodeObject *co, int32_t bci, Py311Elidable *out);

#endif
