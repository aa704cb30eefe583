/* Set-up of the runtime: the interned names it uses, and the addresses of typeobject.c's static
 * slot functions.  Those are not exported; a class made here for the purpose carries them, and
 * knowing them lets the inline caches see that a class has exactly the default behaviour plus a
 * Python __init__ or __getattr__. */
#include "rt_internal.h"

#include <string.h>

RtState rt_state;
void (*rt_on_resume_exit)(CodeUnit *u, uint32_t exit_id);
RtDirect rt_direct;
RtResumed rt_resumed[RT_RESUMED];
int rt_leave_compiled;
PyCodeObject *rt_leave_code;
bool rt_left_code;

static int probe_slots(void)
{
    /* class _probe: __init__ = __getattr__ = __call__ = __new__ = repr.  The slot functions do not
     * depend on what the attributes are. */
    PyObject *repr = _PyEval_GetBuiltin(PyUnicode_InternFromString("repr"));
    if (repr == NULL)
        return -1;
    PyObject *cls =
        PyObject_CallFunction((PyObject *)&PyType_Type, "s(){sOsOsOsO}", "_probe", "__init__", repr,
                              "__getattr__", repr, "__call__", repr, "__new__", repr);
    Py_DECREF(repr);
    if (cls == NULL)
        return -1;
    PyTypeObject *tp = (PyTypeObject *)cls;
    rt_state.slot_tp_init = tp->tp_init;
    rt_state.slot_tp_call = tp->tp_call;
    rt_state.slot_tp_new = tp->tp_new;
    rt_state.slot_tp_getattr_hook = tp->tp_getattro;
    Py_DECREF(cls);
    return 0;
}

/* The builtin functions that compiled code knows. */
static int find_builtins(void)
{
    static const char *const names[RT_NBUILTINS] = {
#define RT_BUILTIN_NAME(n) [RT_BUILTIN_##n] = #n,
        RT_BUILTINS(RT_BUILTIN_NAME)
#undef RT_BUILTIN_NAME
    };
    for (int i = 1; i < RT_NBUILTINS; i++) {
        PyObject *name = PyUnicode_FromString(names[i]);
        if (name == NULL)
            return -1;
        PyObject *f = _PyEval_GetBuiltin(name);
        Py_DECREF(name);
        if (f == NULL)
            PyErr_Clear();
        else if (PyCFunction_CheckExact(f))
            rt_state.builtins[i] = PyCFunction_GET_FUNCTION(f);
        Py_XDECREF(f);
    }
    return 0;
}

RtBuiltin rt_builtin_of(PyObject *callable)
{
    if (!PyCFunction_CheckExact(callable))
        return RT_BUILTIN_NONE;
    int i = RT_NBUILTINS - 1;
    while (i > 0 && rt_state.builtins[i] != PyCFunction_GET_FUNCTION(callable))
        i--;
    return (RtBuiltin)i;
}

static int make_examples(void)
{
    if (rt_state.some_list == NULL) {
        rt_state.some_int = PyLong_FromLong(0);
        rt_state.some_float = PyFloat_FromDouble(0.5);
        rt_state.some_dict = PyDict_New();
        rt_state.some_list = PyList_New(0);
        PyObject_GC_UnTrack(rt_state.some_list);
    }
    return rt_state.some_int != NULL && rt_state.some_float != NULL && rt_state.some_dict != NULL &&
                   rt_state.some_list != NULL
               ? 0
               : -1;
}

/* Memory that is kept for later is pymalloc's, of which tracemalloc sees nothing when it is used again. */
static void find_allocator(void)
{
    const char *name = _PyMem_GetCurrentAllocatorName();
    if (name != NULL && strcmp(name, "pymalloc") == 0)
        rt_state.traced = py311_tracemalloc_flag();
}

int rt_init(void)
{
    if (rt_state.slot_tp_init != NULL)
        return 0;
#define RT_NAME_INIT(n)                                                              \
    if (rt_state.n == NULL && (rt_state.n = PyUnicode_InternFromString(#n)) == NULL) \
        return -1;
    RT_NAMES(RT_NAME_INIT)
#undef RT_NAME_INIT
    PyObject *count = PySys_GetObject("getrefcount");
    rt_state.getrefcount =
        count != NULL && PyCFunction_CheckExact(count) ? PyCFunction_GET_FUNCTION(count) : NULL;
    if (rt_state.empty_str == NULL && (rt_state.empty_str = PyUnicode_New(0, 0)) == NULL)
        return -1;
    if (rt_state.empty_tuple == NULL && (rt_state.empty_tuple = PyTuple_New(0)) == NULL)
        return -1;
    if (make_examples() < 0)
        return -1;
    PyObject *iter = PyObject_GetIter(rt_state.empty_str);
    if (iter == NULL)
        return -1;
    rt_state.ascii_iter =
        Py_TYPE(iter)->tp_basicsize == sizeof(Py311StrIter) ? Py_TYPE(iter) : &PyUnicodeIter_Type;
    Py_DECREF(iter);
    rt_state.type_getattro = PyType_Type.tp_getattro;
    rt_state.module_getattro = PyModule_Type.tp_getattro;
    rt_state.object_new = PyBaseObject_Type.tp_new;
    rt_state.type_call = PyType_Type.tp_call;
    find_allocator();
    rt_int_start();
    rt_functions_start();
    rt_generators_start();
    rt_iterators_start();
    return find_builtins() < 0 ? -1 : probe_slots();
}
