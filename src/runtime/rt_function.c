/* MAKE_FUNCTION, LOAD_BUILD_CLASS and the interactive prompt's PRINT_EXPR. */
#include "rt_pool.h"

/* Most functions that die were made in the function that runs: lambdas, generator expressions, comprehensions. */
enum { KEPT = 64 };
static RtPool pool;
static destructor base_dealloc;

/* What PyFunction_New looks up in a function's globals, by the version of that dict, which no other dict will have: the
 * dict holds both as long as it has it. */
enum { NGLOBALS = 64 };
static struct {
    uint64_t version;
    PyObject *module, *builtins; /* borrowed */
} known_globals[NGLOBALS];

static inline uint64_t version_of(PyObject *globals)
{
    return ((PyDictObject *)globals)->ma_version_tag;
}

/* Do the globals, as they are, say what their functions' builtins are? */
static bool hold_builtins(PyObject *globals, PyObject *builtins)
{
    PyObject *v = PyDict_GetItemWithError(globals, RT_NAME(__builtins__));
    return v != NULL &&
           (v == builtins || (PyModule_CheckExact(v) && PyModule_GetDict(v) == builtins));
}

/* PyFunction_New, which remembers. */
static PyFunctionObject *new_function(PyCodeObject *code, PyObject *globals)
{
    uint64_t version = PyDict_CheckExact(globals) ? version_of(globals) : 0;
    PyFunctionObject *func = (PyFunctionObject *)PyFunction_New((PyObject *)code, globals);
    /* Allocating may have run the collector, and so anything. */
    if (func != NULL && version != 0 && version_of(globals) == version &&
        hold_builtins(globals, func->func_builtins)) {
        unsigned at = version % NGLOBALS;
        known_globals[at].version = version;
        known_globals[at].module = func->func_module;
        known_globals[at].builtins = func->func_builtins;
    }
    return func;
}

/* The same where that has been looked up before. */
static PyFunctionObject *new_known_function(PyCodeObject *code, PyObject *globals)
{
    unsigned at = version_of(globals) % NGLOBALS;
    PyObject *module = Py_XNewRef(known_globals[at].module);
    PyObject *builtins = Py_NewRef(known_globals[at].builtins);
    PyThreadState *ts = rt_ts();
    PyFunctionObject *func = (PyFunctionObject *)rt_pool_take(ts, &pool, &PyFunction_Type);
    if (func == NULL && (func = PyObject_GC_New(PyFunctionObject, &PyFunction_Type)) == NULL) {
        Py_XDECREF(module);
        Py_DECREF(builtins);
        return NULL;
    }
    PyObject *consts = code->co_consts;
    PyObject *doc = PyTuple_GET_SIZE(consts) > 0 ? PyTuple_GET_ITEM(consts, 0) : Py_None;
    func->func_globals = Py_NewRef(globals);
    func->func_builtins = builtins;
    func->func_name = Py_NewRef(code->co_name);
    func->func_qualname = Py_NewRef(code->co_qualname);
    func->func_code = Py_NewRef((PyObject *)code);
    func->func_defaults = NULL;
    func->func_kwdefaults = NULL;
    func->func_closure = NULL;
    func->func_doc = Py_NewRef(PyUnicode_Check(doc) ? doc : Py_None);
    func->func_dict = NULL;
    func->func_weakreflist = NULL;
    func->func_module = module;
    func->func_annotations = NULL;
    func->vectorcall = _PyFunction_Vectorcall;
    func->func_version = 0;
    py311_gc_track(ts->interp, (PyObject *)func);
    return func;
}

PyObject *rt_make_function(RtFrame *frame, PyObject **argv, Py_ssize_t n, int oparg)
{
    PyCodeObject *code = (PyCodeObject *)argv[n - 1];
    PyObject *globals = py311_frame(frame)->f_globals;
    uint64_t version = version_of(globals); /* globals are dicts or of subclasses of it */
    PyFunctionObject *func =
        PyDict_CheckExact(globals) && known_globals[version % NGLOBALS].version == version
            ? new_known_function(code, globals)
            : new_function(code, globals);
    if (func == NULL)
        return NULL;
    Py_ssize_t i = n - 2;
    if (oparg & 0x08)
        func->func_closure = Py_NewRef(argv[i--]);
    if (oparg & 0x04)
        func->func_annotations = Py_NewRef(argv[i--]);
    if (oparg & 0x02)
        func->func_kwdefaults = Py_NewRef(argv[i--]);
    if (oparg & 0x01)
        func->func_defaults = Py_NewRef(argv[i--]);
    return (PyObject *)func;
}

/* func_dealloc. What has been set aside is dropped in the order of func_clear; nobody can look at the rest by then. */
static void dealloc(PyObject *o)
{
    PyFunctionObject *func = (PyFunctionObject *)o;
    if (BASE_UNLIKELY(func->func_weakreflist != NULL)) {
        base_dealloc(o);
        return;
    }
    py311_gc_untrack(o);
    Py_XDECREF(func->func_globals);
    Py_XDECREF(func->func_builtins);
    Py_XDECREF(func->func_module);
    Py_XDECREF(func->func_defaults);
    Py_XDECREF(func->func_kwdefaults);
    Py_XDECREF(func->func_doc);
    Py_XDECREF(func->func_dict);
    Py_XDECREF(func->func_closure);
    Py_XDECREF(func->func_annotations);
    Py_DECREF(func->func_code);
    Py_DECREF(func->func_name);
    Py_DECREF(func->func_qualname);
    rt_pool_give(rt_ts(), &pool, KEPT, o);
}

void rt_functions_start(void)
{
    if (rt_state.traced != NULL && base_dealloc == NULL) {
        base_dealloc = PyFunction_Type.tp_dealloc;
        PyFunction_Type.tp_dealloc = dealloc;
    }
}

PyObject *rt_load_build_class(RtFrame *frame)
{
    PyObject *builtins = py311_frame(frame)->f_builtins, *bc;
    if (PyDict_CheckExact(builtins)) {
        bc = Py_XNewRef(PyDict_GetItemWithError(builtins, RT_NAME(__build_class__)));
        if (bc == NULL && !PyErr_Occurred())
            PyErr_SetString(PyExc_NameError, "__build_class__ not found");
    } else {
        bc = PyObject_GetItem(builtins, RT_NAME(__build_class__));
        if (bc == NULL && PyErr_ExceptionMatches(PyExc_KeyError))
            PyErr_SetString(PyExc_NameError, "__build_class__ not found");
    }
    return bc;
}

int rt_print_expr(PyObject *v)
{
    PyObject *hook = PySys_GetObject("displayhook");
    if (hook == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "lost sys.displayhook");
        return -1;
    }
    PyObject *res = PyObject_CallOneArg(hook, v);
    if (res == NULL)
        return -1;
    Py_DECREF(res);
    return 0;
}
