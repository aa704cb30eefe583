/* Line numbers of code that raises again and again.
 *
 * Each frame that an exception passes adds an entry with a line number to its traceback. CPython decodes the
 * code's location table from its beginning for that, more than 1,000 machine instructions in a function of
 * usual length: where exceptions are how a program finds out (a template's variable that is a key, an attribute or
 * an index), that is some percents of all its time. With the array that CPython makes for tracing it is one load.
 *
 * Which code raises is learned where traceback entries die, so it does not matter who ran the frame, and nothing
 * is asked of code that does not raise. The array costs two bytes a code unit, and its making about as much as
 * a few decodings; so the code must have been met some times. */
#include "eng_internal.h"
#include "py311_lines.h"

enum { PLACES = 256 };

/* The code objects met last, by address; one that has died is only compared with. */
static struct {
    const PyCodeObject *code;
    unsigned met;
} places[PLACES];

static destructor entry_dealloc;

/* A traceback's entry at this place in the code has died. */
static void meet(PyCodeObject *co, int lasti)
{
    const int unit = lasti / (int)sizeof(_Py_CODEUNIT);
    if (py311_has_lines(co) || lasti < 0 || unit >= Py_SIZE(co)) { /* a program's own entry */
        return;
    }
    unsigned k = (unsigned)((uintptr_t)co >> 5) % PLACES;
    if (places[k].code != co) {
        places[k].code = co;
        places[k].met = 0;
    }
    if (++places[k].met == ENG_TRACEBACKS) {
        eng_counts.line_arrays += py311_make_lines(co, unit);
    }
}

/* Does what the slot did. A long traceback is a chain of objects that free each other, for which CPython limits the
 * depth only while the slot holds its own function; so that is done here. */
static void dealloc(PyObject *o)
{
    PyTracebackObject *tb = (PyTracebackObject *)o;
    PyObject_GC_UnTrack(o);
    Py_TRASHCAN_BEGIN(o, dealloc) if (tb->tb_frame != NULL && eng_is_enabled())
    {
        PyCodeObject *co = PyFrame_GetCode(tb->tb_frame);
        meet(co, tb->tb_lasti);
        Py_DECREF(co);
    }
    entry_dealloc(o);
    Py_TRASHCAN_END
}

void eng_lines_start(void)
{
    if (entry_dealloc == NULL) {
        entry_dealloc = PyTraceBack_Type.tp_dealloc;
        PyTraceBack_Type.tp_dealloc = dealloc;
    }
}
