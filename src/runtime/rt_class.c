/* Instantiating Python classes: `C(...)` where C gets its instances from
 * object.__new__ and sets them up in a Python __init__.  type_call() would
 * build an argument tuple, go through slot_tp_init, look __init__ up and take
 * the tuple apart again; here the arguments go straight into __init__'s frame.
 * All that was looked up is valid while the class keeps its version tag. */
#include "rt.h"

#include "py311_frame.h"
#include "py311_opcodes.h"

typedef struct {
    PyTypeObject *type;     /* pinned by the unit */
    uint32_t version;       /* tp_version_tag the rest belongs to; 0: nothing known */
    uint32_t refreshes;     /* how often it had to be looked up again */
    PyFunctionObject *init; /* borrowed: the class (or a base) holds it while the version stands */
    PyCodeObject *exact;    /* its code if n positional arguments fill it exactly, else NULL */
} RtClassIC;

enum { RT_CLASS_MAX_REFRESHES = 16 };

/* The Python function that instances of tp are initialised by, or NULL (borrowed). */
static PyFunctionObject *class_init(PyTypeObject *tp)
{
    static PyObject *name;
    if (!name && !(name = PyUnicode_InternFromString("__init__"))) {
        PyErr_Clear();
        return NULL;
    }
    if (!(tp->tp_flags & Py_TPFLAGS_HEAPTYPE) || (tp->tp_flags & Py_TPFLAGS_IS_ABSTRACT) ||
        tp->tp_new != PyBaseObject_Type.tp_new || tp->tp_vectorcall ||
        Py_TYPE(tp)->tp_call != PyType_Type.tp_call) {
        return NULL;
    }
    PyObject *init = _PyType_Lookup(tp, name);
    return init && PyFunction_Check(init) ? (PyFunctionObject *)init : NULL;
}

bool rt_class_ic_worth(PyTypeObject *tp) { return class_init(tp) != NULL; }

void *rt_class_ic_new(CodeUnit *u, PyTypeObject *tp)
{
    RtClassIC *ic = rt_unit_data(u, sizeof *ic);
    if (!ic || rt_unit_pin(u, (PyObject *)tp) < 0) {
        return NULL;
    }
    ic->type = tp;
    return ic;
}

static bool refresh(RtClassIC *ic, Py_ssize_t nargs)
{
    if (ic->refreshes >= RT_CLASS_MAX_REFRESHES) {
        return false;
    }
    ic->refreshes++;
    ic->version = 0;
    PyFunctionObject *init = class_init(ic->type);
    if (!init || !(ic->type->tp_flags & Py_TPFLAGS_VALID_VERSION_TAG)) {
        return false;
    }
    PyCodeObject *co = (PyCodeObject *)init->func_code;
    ic->init = init;
    int flags = CO_VARARGS | CO_VARKEYWORDS | PY311_CO_GENERATOR_LIKE;
    bool exact = co->co_argcount == nargs && !co->co_kwonlyargcount && !(co->co_flags & flags) &&
                 (co->co_flags & CO_OPTIMIZED) && (co->co_flags & CO_NEWLOCALS);
    ic->exact = exact ? co : NULL;
    ic->version = ic->type->tp_version_tag;
    return true;
}

PyObject *rt_call_class(PyThreadState *ts, PyObject **argv, Py_ssize_t n, void *icp)
{
    RtClassIC *ic = icp;
    PyTypeObject *tp = ic->type;
    bool known = (PyObject *)tp == argv[0] && Py_TYPE(tp)->tp_call == PyType_Type.tp_call &&
                 ((ic->version != 0 && tp->tp_version_tag == ic->version) || refresh(ic, n));
    if (!known) {
        return PyObject_Vectorcall(argv[0], argv + 1, (size_t)(n - 1), NULL);
    }
    PyFunctionObject *init = ic->init;
    PyObject *self = tp->tp_new(tp, py311_empty_tuple(), NULL);
    if (!self) {
        return NULL;
    }
    /* Allocating may have run the collector, and so anything: look again. */
    if (tp->tp_version_tag != ic->version) {
        init = class_init(tp);
        if (!init) {
            Py_DECREF(self);
            return PyObject_Vectorcall(argv[0], argv + 1, (size_t)(n - 1), NULL);
        }
    }
    Py_INCREF(init);
    /* The class's slot becomes self's: the caller's array has room and is ours during the call. */
    PyObject *cls = argv[0];
    PyObject *res;
    argv[0] = self;
    if (init == ic->init && (PyCodeObject *)init->func_code == ic->exact) {
        PyObject *small[8];
        PyObject **args = n < 8 ? small : PyMem_Malloc(sizeof(PyObject *) * (size_t)(n + 1));
        if (!args) {
            res = PyErr_NoMemory();
        }
        else {
            args[0] = (PyObject *)init;
            for (Py_ssize_t i = 0; i < n; i++) {
                args[i + 1] = Py_NewRef(argv[i]);
            }
            res = rt_call_py(ts, args, n + 1, ic->exact);
            if (args != small) {
                PyMem_Free(args);
            }
        }
    }
    else {
        res = init->vectorcall((PyObject *)init, argv, (size_t)n, NULL);
    }
    argv[0] = cls;
    Py_DECREF(init);
    if (!res) {
        Py_DECREF(self);
        return NULL;
    }
    if (res != Py_None) {
        /* slot_tp_init */
        PyErr_Format(PyExc_TypeError, "__init__() should return None, not '%.200s'",
                     Py_TYPE(res)->tp_name);
        Py_DECREF(res);
        Py_DECREF(self);
        return NULL;
    }
    Py_DECREF(res);
    return self;
}
