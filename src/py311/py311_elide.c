/* Finds handlers whose exception nobody can see; see py311_elide.h.  What the compiler makes of `except` is in compile.c,
 * compiler_try_except. */
#include "py311_elide.h"

/* PUSH_EXC_INFO, LOAD_GLOBAL of each class, BUILD_TUPLE if in parentheses, CHECK_EXC_MATCH, POP_JUMP_FORWARD_IF_FALSE, POP_TOP; of
 * a bare `except:` only the first and the last. */
static bool read_match(PyCodeObject *co, Py311Elidable *e)
{
    Py311Ins ins;
    if (!py311_decode(co, e->handler.target, &ins) || ins.op != PY311_PUSH_EXC_INFO)
        return false;
    e->nnames = 0;
    while (py311_decode(co, ins.next, &ins) && ins.op == PY311_LOAD_GLOBAL && !(ins.arg & 1)) {
        if (e->nnames == PY311_ELIDE_CLASSES)
            return false;
        e->names[e->nnames++] = (int32_t)(ins.arg >> 1);
    }
    if (e->nnames > 0) {
        bool tuple = ins.op == PY311_BUILD_TUPLE && (int)ins.arg == e->nnames;
        if (tuple ? !py311_decode(co, ins.next, &ins) : e->nnames != 1)
            return false;
        if (ins.op != PY311_CHECK_EXC_MATCH || !py311_decode(co, ins.next, &ins) ||
            ins.op != PY311_POP_JUMP_FORWARD_IF_FALSE || !py311_decode(co, ins.next, &ins))
            return false;
    }
    e->body = ins.next;
    return ins.op == PY311_POP_TOP;
}

/* Follows the instructions to POP_EXCEPT. What it pops, the exception handled before, starts on top. */
static bool read_body(PyCodeObject *co, Py311Elidable *e)
{
    int above = 0; /* entries above it */
    Py311Ins ins;
    for (int32_t bci = e->body; py311_decode(co, bci, &ins); bci = ins.next) {
        int n = (int)ins.arg;
        switch (ins.op) {
        case PY311_NOP: break;
        case PY311_LOAD_CONST:
        case PY311_LOAD_FAST: above++; break;
        case PY311_STORE_FAST:
            if (above-- == 0)
                return false;
            break;
        case PY311_COPY:
            if (n - 1 >= above)
                return false;
            above++;
            break;
        case PY311_SWAP:
            if (above == 0 || n - 1 > above) /* what is below it is the function's */
                return false;
            above = n - 1 == above ? 0 : above;
            break;
        case PY311_POP_EXCEPT: e->behind = ins.next; return above == 0;
        default: return false;
        }
    }
    return false;
}

bool py311_find_elidable(PyCodeObject *co, int32_t bci, Py311Elidable *out)
{
    return py311_find_handler(co, bci, &out->handler) && !out->handler.lasti &&
           read_match(co, out) && read_body(co, out);
}
