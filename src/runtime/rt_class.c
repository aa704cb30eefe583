/* Instantiating Python classes: `C(...)` where C gets its instances from
 * object.__new__ and sets them up in a Python __init__.  type_call() would
 * build an argument tuple, go through slot_tp_init, look __init__ up and take
 * the tuple apart again; here the arguments go straight into __init__'s frame.
 * All that was looked up is valid while the class keeps its version tag. */
#include "rt_internal.h"

#include "py311_opcodes.h"

typedef struct {
    PyTypeObject *type;     /* pinned by the unit */
    uint32_t version;       /* tp_version_tag the rest belongs to; 0: nothing known */
    uint32_t refreshes;     /* how often it had to be looked up again */
    PyFunctionObject *init; /* borrowed: the class (or a base) holds it while the version stands */
    PyCodeObject *exact;    /* its code if n positional arguments fill it exactly, else NULL */
} RtClassIC;

enum {
    RT_CLASS_MAX_REFRESHES = 16, /* then the class is taken to change all the time */
    RT_CLASS_MAX_ARGS = 16,      /* longer calls go through vectorcall */
};

bool rt_class_ic_worth(PyTypeObject *tp)
{
    return rt_python_init(tp) != NULL;
}

void *rt_class_ic_new(CodeUnit *u)
{
    return rt_unit_data(u, sizeof(RtClassIC));
}

static bool refresh(RtClassIC *ic, PyTypeObject *tp)
{
    if (ic->refreshes >= RT_CLASS_MAX_REFRESHES) {
        return false;
    }
    ic->refreshes++;
    ic->version = 0;
    PyFunctionObject *init = (PyFunctionObject *)rt_python_init(tp);
    if (!init || !(tp->tp_flags & Py_TPFLAGS_VALID_VERSION_TAG)) {
        return false;
    }
    ic->init = init;
    ic->version = tp->tp_version_tag;
    return true;
}

/* slot_tp_init's own way, for a class that was changed under us: self.__init__, bound. */
static PyObject *call_init_generic(PyThreadState *ts, PyObject *self, PyObject **argv, Py_ssize_t n)
{
    PyObject *init = _PyObject_LookupSpecial(self, RT_NAME(__init__));
    if (init == NULL) {
        if (!rt_err(ts))
            PyErr_SetObject(PyExc_AttributeError, RT_NAME(__init__));
        return NULL;
    }
    PyObject *res = rt_vectorcall(ts, init, argv + 1, (size_t)(n - 1), NULL);
    Py_DECREF(init);
    return res;
}

/* What __init__ gives for the new object and the arguments behind argv[0], which is overwritten meanwhile. */
static PyObject *run_init(PyThreadState *ts, RtClassIC *ic, PyObject *self, PyObject **argv,
                          Py_ssize_t n)
{
    PyFunctionObject *init = ic->init;
    if (((PyTypeObject *)argv[0])->tp_version_tag != ic->version) {
        /* Allocating ran the collector, and so anything. */
        return call_init_generic(ts, self, argv, n);
    }
    Py_INCREF(init);
    PyObject *cls = argv[0];
    PyObject *res;
    argv[0] = self;
    PyCodeObject *code = (PyCodeObject *)init->func_code;
    if (n < RT_CLASS_MAX_ARGS && code->co_argcount == n && py311_plain_function(code)) {
        PyObject *args[RT_CLASS_MAX_ARGS + 1];
        args[0] = (PyObject *)init;
        for (Py_ssize_t i = 0; i < n; i++)
            args[i + 1] = Py_NewRef(argv[i]);
        res = rt_call_py(ts, args, n + 1, code);
    } else {
        res = rt_call_function(ts, (PyObject *)init, argv, n, NULL);
    }
    argv[0] = cls;
    Py_DECREF(init);
    return res;
}

PyObject *rt_new_instance(PyThreadState *ts, PyObject *cls)
{
    /* _PyObject_MakeTpCall counts as a level of recursion. */
    if (rt_enter_recursive(ts, " while calling a Python object"))
        return NULL;
    PyObject *self = rt_state.object_new((PyTypeObject *)cls, rt_state.empty_tuple, NULL);
    if (self == NULL)
        rt_leave_recursive(ts);
    return self;
}

PyObject *rt_new_instance_held(PyThreadState *ts, PyObject *cls)
{
    RtHeld held = rt_hold_collector(ts);
    PyObject *self = rt_state.object_new((PyTypeObject *)cls, rt_state.empty_tuple, NULL);
    rt_let_collect(held);
    return self;
}

PyObject *rt_end_init(PyThreadState *ts, PyObject *self, PyObject *res)
{
    if (rt_init_result(res) < 0)
        Py_CLEAR(self);
    rt_leave_recursive(ts);
    return self;
}

PyObject *rt_call_init(PyThreadState *ts, PyObject **argv, Py_ssize_t n, void *code, int version)
{
    PyObject *self = Py_NewRef(argv[1]), *res;
    /* Allocating may have run the collector, and so anything: __init__ may be another, or gone. */
    if (Py_TYPE(self)->tp_version_tag == (uint32_t)version &&
        ((PyFunctionObject *)argv[0])->func_code == code) {
        res = rt_call_py(ts, argv, n, code);
    } else {
        res = call_init_generic(ts, self, argv + 1, n - 1);
        for (Py_ssize_t i = 1; i < n; i++)
            Py_DECREF(argv[i]);
    }
    return rt_end_init(ts, self, res);
}

PyObject *rt_call_class(PyThreadState *ts, PyObject **argv, Py_ssize_t n, void *icp)
{
    RtClassIC *ic = icp;
    PyTypeObject *tp = (PyTypeObject *)argv[0];
    bool known = PyType_Check(argv[0]) && Py_TYPE(tp)->tp_call == PyType_Type.tp_call &&
                 ((ic->version != 0 && tp->tp_version_tag == ic->version) || refresh(ic, tp));
    if (!known) {
        return PyObject_Vectorcall(argv[0], argv + 1, (size_t)(n - 1), NULL);
    }
    PyObject *self = rt_new_instance(ts, argv[0]);
    return self != NULL ? rt_end_init(ts, self, run_init(ts, ic, self, argv, n)) : NULL;
}
