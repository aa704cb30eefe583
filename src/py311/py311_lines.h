/* Line numbers of a code object as an array, one for each code unit.
 *
 * CPython finds the line of an instruction by decoding the location table from its beginning, for each entry of
 * a traceback anew, unless the code object has this array. CPython itself makes it for tracing (PyCode_Addr2Line
 * and _PyCode_CreateLineArray in codeobject.c). */
#ifndef PYSTON_PY311_LINES_H
#define PYSTON_PY311_LINES_H

#include <Python.h>
#include <stdbool.h>

/* Does the code object have the array? */
static inline bool py311_has_lines(const PyCodeObject *co)
{
    return co->_co_linearray != NULL;
}

/* Gives the code object the array, which it owns and frees. False, and nothing has changed, when memory is out or
 * when PyCode_Addr2Line does not answer from the array as it did before for the unit `sample`. No Python code runs,
 * no exception is set. */
bool py311_make_lines(PyCodeObject *co, int sample);

#endif
