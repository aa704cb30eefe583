/* What types operands have: notes of operations that are compiled without knowing.
 *
 * PEP 659 specialises addition, subtraction, multiplication, some comparisons and some subscripts, and in 3.11 nothing else.
 * Of the other operations, and of those that compiled code came to before tier 0 had learnt of them, code notes
 * what it sees (NoteTypes) until that is enough to be compiled for it. */
#include "rt_internal.h"

void (*rt_types_settled)(RtTypeSite *site);

int rt_note_types(PyObject *a, PyObject *b, RtTypeSite *site)
{
    PyTypeObject *ta = Py_TYPE(a), *tb = Py_TYPE(b);
    site->left--;
    site->uses++;
    if (site->types[0] == NULL) {
        site->types[0] = ta;
        site->types[1] = tb;
    } else if (site->types[0] != ta || site->types[1] != tb) {
        site->mixed = true;
        site->left = 0;
        return 0;
    }
    if (site->left == 0 && rt_types_settled != NULL)
        rt_types_settled(site);
    return 0;
}
