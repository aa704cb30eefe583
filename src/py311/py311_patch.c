/* Where bytecode can be patched, and patching it. */
#include "py311_patch.h"

#include <string.h>

#include "py311_opcodes.h"

/* Can the instruction neither run other code nor release the GIL? Loads of what exists: they allocate
 * nothing and drop nothing. (LOAD_NAME may run the code of a class body's odd namespace; who patches sees to
 * it that no frame is there.) */
static bool is_plain_load(int op)
{
    switch (op) {
    case PY311_NOP:
    case PY311_PUSH_NULL:
    case PY311_LOAD_FAST:
    case PY311_LOAD_CONST:
    case PY311_LOAD_NAME:
    case PY311_LOAD_CLOSURE:
    case PY311_LOAD_DEREF:
    case PY311_COPY:
    case PY311_SWAP:
    case PY311_KW_NAMES: return true;
    default: return false;
    }
}

/* The same for an instruction behind `before`: a local's value that is dropped is still in the local. */
static bool is_harmless(int op, int before)
{
    return is_plain_load(op) ||
           (before == PY311_LOAD_FAST &&
            (op == PY311_POP_JUMP_FORWARD_IF_NONE || op == PY311_POP_JUMP_FORWARD_IF_NOT_NONE));
}

/* Does a jump or a handler lead into the patch, behind its first unit? */
static bool is_jumped_into(PyCodeObject *co, int32_t bci)
{
    bool hit = false;
    for (PY311_EACH_INS(co, ins)) {
        int32_t to = py311_jump_target(&ins);
        hit |= to > bci && to < bci + PY311_PATCH_UNITS;
    }
    for (int32_t k = 1; k < PY311_PATCH_UNITS; k++) {
        hit = hit || py311_is_handler(co, bci + k);
    }
    return hit;
}

bool py311_is_jump_target(PyCodeObject *co, int32_t bci)
{
    for (PY311_EACH_INS(co, ins)) {
        if (py311_jump_target(&ins) == bci) {
            return true;
        }
    }
    return false;
}

/* May the instructions from `bci` on be patched? */
static bool units_fit(PyCodeObject *co, int32_t bci)
{
    int32_t end = bci + PY311_PATCH_UNITS;
    if (end > Py_SIZE(co)) {
        return false;
    }
    int before = PY311_NOP;
    for (Py311Ins ins = {.next = bci}; ins.next < end;) {
        if (!py311_decode(co, ins.next, &ins) || ins.bci != ins.op_bci ||
            (ins.next < end && !is_harmless(ins.op, before))) {
            return false;
        }
        /* KW_NAMES, PRECALL and CALL belong together: what the first two say is in no frame. */
        if (ins.bci == bci && (ins.op == PY311_PRECALL || ins.op == PY311_CALL)) {
            return false;
        }
        before = ins.op;
    }
    /* A tracer is told of each line that starts, and may jump there: only the first unit may be one. */
    int size = (int)sizeof(uint16_t), line = PyCode_Addr2Line(co, bci * size);
    return PyCode_Addr2Line(co, (bci + 1) * size) == line &&
           PyCode_Addr2Line(co, (bci + 2) * size) == line;
}

int32_t py311_patch_place(PyCodeObject *co, int32_t bci, int *depth)
{
    int32_t place = -1;
    for (Py311Ins ins = {.next = bci}; place < 0;) {
        if (units_fit(co, ins.next) && !is_jumped_into(co, ins.next)) {
            place = ins.next;
        } else if (!py311_decode(co, ins.next, &ins) || !py311_falls_through(ins.op) ||
                   (py311_jump_target(&ins) >= 0 && ins.op != PY311_FOR_ITER)) {
            return -1;
        }
    }
    *depth = py311_stack_depth_at(co, place);
    return *depth >= 0 ? place : -1;
}

bool py311_may_push_null(PyCodeObject *co, int32_t from, int32_t to)
{
    bool may = false;
    for (Py311Ins ins = {.next = from}; ins.next < to && !may;) {
        may = !py311_decode(co, ins.next, &ins) || ins.op == PY311_PUSH_NULL ||
              ins.op == PY311_LOAD_METHOD || (ins.op == PY311_LOAD_GLOBAL && ins.arg & 1);
    }
    return may;
}

static uint16_t unit_of(int op)
{
    return (uint16_t)op; /* argument 0 */
}

void py311_patch_init(Py311Patch *p, PyCodeObject *co, int32_t bci)
{
    *p = (Py311Patch){.bci = bci};
    for (PY311_EACH_INS(co, ins)) {
        if (ins.op_bci >= bci - 1) {
            p->before = ins.op_bci == bci - 1;
            break;
        }
    }
}

void py311_patch_plant(Py311Patch *p, PyCodeObject *co)
{
    uint16_t *units = py311_code_units(co) + p->bci;
    memcpy(p->covered, units - 1, sizeof p->covered);
    if (p->before) {
        /* LOAD_FAST__LOAD_FAST and the like are made once, by quickening. */
        units[-1] = (uint16_t)((units[-1] & 0xff00) | py311_opcode_base[units[-1] & 0xff]);
    }
    units[0] = unit_of(PY311_LOAD_ASSERTION_ERROR);
    units[1] = unit_of(PY311_UNARY_POSITIVE);
    units[2] = unit_of(PY311_RETURN_VALUE);
}

void py311_patch_lift(const Py311Patch *p, PyCodeObject *co)
{
    uint16_t *units = py311_code_units(co) + p->bci;
    if (p->before) { /* else it is an inline cache, which may have changed */
        units[-1] = p->covered[0];
    }
    memcpy(units, p->covered + 1, PY311_PATCH_UNITS * sizeof *units);
}

getter *py311_patch_adaptive_getter(void)
{
    PyObject *descr = PyDict_GetItemString(PyCode_Type.tp_dict, "_co_code_adaptive");
    return descr != NULL && Py_IS_TYPE(descr, &PyGetSetDescr_Type)
               ? &((PyGetSetDescrObject *)(void *)descr)->d_getset->get
               : NULL;
}

unaryfunc *py311_patch_slot(void)
{
    return &PyType_Type.tp_as_number->nb_positive;
}
