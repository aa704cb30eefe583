/* The C half of the module `pyston`: the engine's switch, its statistics, and hooks for tests.
 *
 * Importing it reads the settings and, with PYSTON=1, switches the engine on.  In the pyston3
 * executable the launcher has done so before. */
#include <Python.h>

#include <string.h>

#include "eng.h"
#include "eng_internal.h"
#include "py311_opcodes.h"

static PyObject *enable(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    if (eng_enable() < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *disable(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    eng_disable();
    Py_RETURN_NONE;
}

static PyObject *is_enabled(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(eng_is_enabled());
}

static PyObject *stats(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return eng_stats();
}

static PyMethodDef methods[] = {
    {"enable", enable, METH_NOARGS,
     PyDoc_STR("enable()\n--\n\nSwitch the engine on. Where it cannot work, say so on stderr and "
               "leave it off.")},
    {"disable", disable, METH_NOARGS,
     PyDoc_STR("disable()\n--\n\nSwitch the engine off; compiled code stays for the next "
               "enable().")},
    {"is_enabled", is_enabled, METH_NOARGS,
     PyDoc_STR("is_enabled()\n--\n\nWhether the engine is on.")},
    {"stats", stats, METH_NOARGS,
     PyDoc_STR("stats()\n--\n\nThe engine's counters, as a new dict.")},
    {NULL, NULL, 0, NULL},
};

/* --- _testing: not for programs, may change at any time --------------------------------- */

/* The code object of a function or the code object itself, borrowed; NULL with TypeError. */
static PyCodeObject *code_of(PyObject *o)
{
    if (PyFunction_Check(o)) {
        return (PyCodeObject *)PyFunction_GET_CODE(o);
    }
    if (PyCode_Check(o)) {
        return (PyCodeObject *)o;
    }
    PyErr_Format(PyExc_TypeError, "a function or code object is wanted, not %.100s",
                 Py_TYPE(o)->tp_name);
    return NULL;
}

static PyObject *testing_compile(PyObject *Py_UNUSED(self), PyObject *o)
{
    PyCodeObject *co = code_of(o);
    if (co == NULL) {
        return NULL;
    }
    EngCodeState *s = eng_code_state_make(co);
    if (s == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the engine was never on");
        return NULL;
    }
    CodeUnit *unit = s->unit != NULL ? s->unit : eng_compile(s, NULL, 0, 0, 0, ENG_NOW);
    return PyBool_FromLong(unit != NULL);
}

static PyObject *testing_is_compiled(PyObject *Py_UNUSED(self), PyObject *o)
{
    PyCodeObject *co = code_of(o);
    if (co == NULL) {
        return NULL;
    }
    EngCodeState *s = eng_code_state(co);
    return PyBool_FromLong(s != NULL && s->unit != NULL);
}

static PyObject *testing_calls(PyObject *Py_UNUSED(self), PyObject *o)
{
    PyCodeObject *co = code_of(o);
    if (co == NULL) {
        return NULL;
    }
    EngCodeState *s = eng_code_state(co);
    return PyLong_FromLong(s != NULL ? (long)s->calls : 0);
}

static PyObject *testing_dump(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *o;
    const char *stage;
    int entry = 0;
    if (!PyArg_ParseTuple(args, "Os|i:dump", &o, &stage, &entry)) {
        return NULL;
    }
    PyCodeObject *co = code_of(o);
    PyFunctionObject *func = PyFunction_Check(o) ? (PyFunctionObject *)o : NULL;
    return co != NULL ? eng_compiler_dump(co, func, stage, entry) : NULL;
}

static PyObject *testing_osr_stays(PyObject *Py_UNUSED(self), PyObject *arg)
{
    int stays = PyObject_IsTrue(arg);
    if (stays < 0) {
        return NULL;
    }
    eng_osr_stays = stays;
    Py_RETURN_NONE;
}

static PyObject *testing_osr_entries(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromUnsignedLongLong(eng_counts.osr_entries);
}

static PyObject *testing_eval_breaker(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(*py311_eval_breaker(PyInterpreterState_Get()));
}

static PyObject *testing_instructions(PyObject *Py_UNUSED(self), PyObject *o)
{
    PyCodeObject *co = code_of(o);
    PyObject *list = co != NULL ? PyList_New(0) : NULL;
    if (list == NULL) {
        return NULL;
    }
    for (PY311_EACH_INS(co, ins)) {
        PyObject *item = Py_BuildValue("(iiisIi)", ins.bci, ins.op_bci, ins.next,
                                       py311_opcode_name(ins.op), ins.arg, py311_jump_target(&ins));
        if (item == NULL || PyList_Append(list, item) < 0) {
            Py_XDECREF(item);
            Py_DECREF(list);
            return NULL;
        }
        Py_DECREF(item);
    }
    return list;
}

static PyObject *testing_stack_depths(PyObject *Py_UNUSED(self), PyObject *o)
{
    PyCodeObject *co = code_of(o);
    if (co == NULL) {
        return NULL;
    }
    int16_t *depth = PyMem_Malloc((size_t)Py_SIZE(co) * sizeof *depth);
    if (depth == NULL) {
        return PyErr_NoMemory();
    }
    PyObject *list = NULL;
    if (py311_stack_depths(co, depth) < 0) {
        PyErr_SetString(PyExc_ValueError, "inconsistent depths");
    } else {
        list = PyList_New(Py_SIZE(co));
        for (Py_ssize_t i = 0; list != NULL && i < Py_SIZE(co); i++) {
            PyObject *d = PyLong_FromLong(depth[i]);
            if (d == NULL) {
                Py_CLEAR(list);
            } else {
                PyList_SET_ITEM(list, i, d);
            }
        }
    }
    PyMem_Free(depth);
    return list;
}

static PyObject *testing_handler(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *o;
    int bci;
    if (!PyArg_ParseTuple(args, "Oi:handler", &o, &bci)) {
        return NULL;
    }
    PyCodeObject *co = code_of(o);
    Py311Handler h;
    if (co == NULL) {
        return NULL;
    }
    if (!py311_find_handler(co, bci, &h)) {
        Py_RETURN_NONE;
    }
    return Py_BuildValue("(iiiiO)", h.start, h.end, h.target, h.depth,
                         h.lasti ? Py_True : Py_False);
}

static PyMethodDef testing_methods[] = {
    {"compile", testing_compile, METH_O,
     PyDoc_STR("Compile a function now; whether it has compiled code then.")},
    {"is_compiled", testing_is_compiled, METH_O,
     PyDoc_STR("Whether the next call of a function enters compiled code.")},
    {"calls", testing_calls, METH_O, PyDoc_STR("Calls counted so far.")},
    {"dump", testing_dump, METH_VARARGS,
     PyDoc_STR("What a stage (hir, lir, asm) of compiling a function prints, from its start or "
               "from a bci on.")},
    {"instructions", testing_instructions, METH_O,
     PyDoc_STR(
         "(bci, unit of the opcode, next, name, argument, jump target) of each instruction.")},
    {"stack_depths", testing_stack_depths, METH_O,
     PyDoc_STR("Depth of the value stack before each code unit, -1 where there is none.")},
    {"handler", testing_handler, METH_VARARGS,
     PyDoc_STR("The exception table's entry for a code unit: start, end, target, depth, lasti.")},
    {"eval_breaker", testing_eval_breaker, METH_NOARGS,
     PyDoc_STR("Whether running code is asked to look for signals, calls and other threads.")},
    {"osr_entries", testing_osr_entries, METH_NOARGS,
     PyDoc_STR("How often a frame has left tier 0 in a loop.")},
    {"osr_stays", testing_osr_stays, METH_O,
     PyDoc_STR("Whether frames that leave a loop go on in tier 0, and leave again.")},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef testing_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_pyston._testing",
    .m_size = -1,
    .m_methods = testing_methods,
};

static struct PyModuleDef def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_pyston",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit__pyston(void)
{
    if (eng_startup_extension() < 0) {
        return NULL;
    }
    PyObject *module = PyModule_Create(&def);
    PyObject *testing = PyModule_Create(&testing_def);
    if (module == NULL || testing == NULL ||
        PyModule_AddStringConstant(module, "__version__", PYSTON_VERSION) < 0 ||
        PyModule_AddObjectRef(module, "_testing", testing) < 0) {
        Py_CLEAR(module);
    }
    Py_XDECREF(testing);
    return module;
}
