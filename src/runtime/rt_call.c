/* Calls: PRECALL + CALL, CALL_FUNCTION_EX, and C functions called without the vectorcall wrapper.
 *
 * Arguments come in the caller's out area, whose words before the arguments (the callable's and
 * self's) are free to be overwritten: so PY_VECTORCALL_ARGUMENTS_OFFSET holds, a bound method's
 * self is put in front without copying, and so is a new object for its __init__. */
#include "rt_internal.h"

#include <string.h>

/* A plain class: `type`'s call, object's __new__, a Python __init__.  Then C(...) is: make the
 * object, call C.__init__(object, ...) (type_call, object_new, slot_tp_init), and the argument
 * tuple that these would pass along need not be made. */
PyObject *rt_python_init(PyTypeObject *tp)
{
    if (tp->tp_init != rt_state.slot_tp_init || tp->tp_new != rt_state.object_new ||
        tp->tp_vectorcall != NULL || (tp->tp_flags & Py_TPFLAGS_IS_ABSTRACT) ||
        Py_TYPE(tp)->tp_call != rt_state.type_call)
        return NULL;
    PyObject *init = _PyType_Lookup(tp, RT_NAME(__init__));
    return init != NULL && Py_IS_TYPE(init, &PyFunction_Type) ? init : NULL;
}

/* slot_tp_init's check of what __init__ returned; takes over `res`. -1 on error. */
int rt_init_result(PyObject *res)
{
    if (BASE_LIKELY(res == Py_None)) {
        Py_DECREF(res);
        return 0;
    }
    if (res != NULL) {
        PyErr_Format(PyExc_TypeError, "__init__() should return None, not '%.200s'",
                     Py_TYPE(res)->tp_name);
        Py_DECREF(res);
    }
    return -1;
}

/* Calls `f` with `self` in front of the arguments; args[-1] is free. */
static PyObject *call_with_self(PyThreadState *ts, PyObject *f, PyObject *self, PyObject **args,
                                size_t nargs, PyObject *kwnames)
{
    PyObject *saved = args[-1];
    Py_INCREF(f);
    args[-1] = self;
    /* No offset flag: the word before is the callable's, which may be what args[-1] was. */
    PyObject *res = rt_call_function(ts, f, args - 1, (Py_ssize_t)nargs + 1, kwnames);
    args[-1] = saved;
    Py_DECREF(f);
    return res;
}

/* Calls class `tp` whose __init__ is `init`; args[-1] is free. */
static PyObject *instantiate(PyThreadState *ts, PyTypeObject *tp, PyObject *init, PyObject **args,
                             size_t nargs, PyObject *kwnames)
{
    /* _PyObject_MakeTpCall counts as a level of recursion. */
    if (rt_enter_recursive(ts, " while calling a Python object"))
        return NULL;
    Py_INCREF(init); /* allocating may run the collector */
    PyObject *obj = rt_state.object_new(tp, rt_state.empty_tuple, NULL);
    if (obj != NULL) {
        PyObject *res = call_with_self(ts, init, obj, args, nargs, kwnames);
        if (rt_init_result(res) < 0)
            Py_CLEAR(obj);
    }
    Py_DECREF(init);
    rt_leave_recursive(ts);
    return obj;
}

/* An object whose class has a Python __call__: what slot_tp_call does without the tuple of arguments. */
static PyObject *call_instance(PyThreadState *ts, PyObject *f, PyObject *self, PyObject **args,
                               size_t nargs, PyObject *kwnames)
{
    /* _PyObject_MakeTpCall counts as a level of recursion. */
    if (rt_enter_recursive(ts, " while calling a Python object"))
        return NULL;
    PyObject *res = call_with_self(ts, f, self, args, nargs, kwnames);
    rt_leave_recursive(ts);
    return res;
}

/* The Python __new__ of a plain class whose objects need no __init__, found as slot_tp_new finds it; new reference, or NULL:
 * the class is another kind. */
static PyObject *plain_new(PyTypeObject *tp)
{
    if (tp->tp_new != rt_state.slot_tp_new || tp->tp_init != PyBaseObject_Type.tp_init ||
        tp->tp_vectorcall != NULL || !Py_IS_TYPE(tp, &PyType_Type))
        return NULL;
    PyObject *found = _PyType_Lookup(tp, RT_NAME(__new__));
    if (found == NULL || !Py_IS_TYPE(found, &PyStaticMethod_Type))
        return NULL;
    PyObject *f = PyStaticMethod_Type.tp_descr_get(found, NULL, (PyObject *)tp);
    if (f != NULL && !Py_IS_TYPE(f, &PyFunction_Type))
        Py_CLEAR(f);
    return f;
}

/* The arguments as type's call would pass them to an __init__ that is not the class's own. */
static int call_other_init(PyObject *obj, PyObject **args, size_t nargs, PyObject *kwnames)
{
    Py_ssize_t nkw = kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0;
    PyObject *kw = nkw > 0 ? PyDict_New() : NULL, *tuple = PyTuple_New((Py_ssize_t)nargs);
    int status = tuple == NULL || (nkw > 0 && kw == NULL) ? -1 : 0;
    for (size_t i = 0; status == 0 && i < nargs; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
    for (Py_ssize_t i = 0; status == 0 && i < nkw; i++)
        status = PyDict_SetItem(kw, PyTuple_GET_ITEM(kwnames, i), args[nargs + (size_t)i]);
    if (status == 0)
        status = Py_TYPE(obj)->tp_init(obj, tuple, kw);
    Py_XDECREF(kw);
    Py_XDECREF(tuple);
    return status;
}

/* Calls class `tp` whose __new__ is `new` (type_call, slot_tp_new). */
static PyObject *call_new(PyThreadState *ts, PyTypeObject *tp, PyObject *new, PyObject **args,
                          size_t nargs, PyObject *kwnames)
{
    if (rt_enter_recursive(ts, " while calling a Python object"))
        return NULL;
    PyObject *obj = call_with_self(ts, new, (PyObject *)tp, args, nargs, kwnames);
    /* object's __init__ has nothing to do where __new__ is the class's own (object_init). */
    if (obj != NULL && !Py_IS_TYPE(obj, tp) && PyObject_TypeCheck(obj, tp) &&
        Py_TYPE(obj)->tp_init != NULL && call_other_init(obj, args, nargs, kwnames) < 0)
        Py_CLEAR(obj);
    rt_leave_recursive(ts);
    return obj;
}

bool rt_is_getrefcount(PyObject *callable)
{
    return PyCFunction_CheckExact(callable) &&
           PyCFunction_GET_FUNCTION(callable) == rt_state.getrefcount;
}

/* Calls what is no function, without tracing; args[-1] is free, nargs does not count keyword values. */
static inline PyObject *call_object(PyThreadState *ts, PyObject *callable, PyObject **args,
                                    size_t nargs, PyObject *kwnames, int owned)
{
    PyTypeObject *tp = Py_TYPE(callable);
    if (tp->tp_flags & Py_TPFLAGS_TYPE_SUBCLASS) {
        PyObject *init = rt_python_init((PyTypeObject *)callable);
        if (init != NULL)
            return instantiate(ts, (PyTypeObject *)callable, init, args, nargs, kwnames);
        PyObject *new = plain_new((PyTypeObject *)callable);
        if (new != NULL) {
            PyObject *res = call_new(ts, (PyTypeObject *)callable, new, args, nargs, kwnames);
            Py_DECREF(new);
            return res;
        }
    }
    if (tp->tp_call == rt_state.slot_tp_call && !(tp->tp_flags & Py_TPFLAGS_HAVE_VECTORCALL)) {
        PyObject *f = _PyType_Lookup(tp, RT_NAME(__call__));
        if (f != NULL && Py_IS_TYPE(f, &PyFunction_Type))
            return call_instance(ts, f, callable, args, nargs, kwnames);
    }
    if (nargs == 1 && !(owned & 2) && rt_is_getrefcount(callable)) {
        /* Programs compare what it gives with what they hold, the value stack included. */
        PyObject *arg = Py_NewRef(args[0]);
        PyObject *res = rt_vectorcall(ts, callable, args, nargs, kwnames);
        Py_DECREF(arg);
        return res;
    }
    return rt_vectorcall(ts, callable, args, nargs | PY_VECTORCALL_ARGUMENTS_OFFSET, kwnames);
}

/* call_object with tracing looked after. */
static inline PyObject *call_traced_too(PyThreadState *ts, PyObject *callable, PyObject **args,
                                        Py_ssize_t nargs, PyObject *kwnames, int owned)
{
    return BASE_UNLIKELY(ts->cframe->use_tracing)
               ? rt_trace_call_function(ts, callable, args, nargs, kwnames)
               : call_object(ts, callable, args, (size_t)nargs, kwnames, owned);
}

static BASE_NOINLINE PyObject *call_and_drop(PyThreadState *ts, PyObject *callable, PyObject **args,
                                             Py_ssize_t nargs, PyObject *kwnames, int owned)
{
    Py_ssize_t n = nargs + (kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0);
    PyObject *res = call_traced_too(ts, callable, args, nargs, kwnames, owned);
    rt_drop_owned(callable, args, n, owned);
    return res;
}

/* The same; consumes what is owned. */
static BASE_NOINLINE PyObject *call_other(PyThreadState *ts, PyObject *callable, PyObject **args,
                                          Py_ssize_t nargs, PyObject *kwnames, int owned)
{
    return owned != 0 ? call_and_drop(ts, callable, args, nargs, kwnames, owned)
                      : call_traced_too(ts, callable, args, nargs, kwnames, owned);
}

/* rt_call_vector of a bound method. */
static BASE_NOINLINE PyObject *call_method(PyThreadState *ts, PyObject **argv, Py_ssize_t n,
                                           PyObject *kwnames, int owned)
{
    bool unpacks = argv[0] == NULL, tracing = ts->cframe->use_tracing;
    PyObject *method = argv[unpacks], *self = PyMethod_GET_SELF(method);
    PyObject *callable = PyMethod_GET_FUNCTION(method), *res;
    bool function = Py_IS_TYPE(callable, &PyFunction_Type) && !tracing;
    Py_ssize_t nargs = n - 1 - (kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0);
    if (unpacks) {
        argv[1] = self;
        if (owned & 2) {
            Py_INCREF(self);
            Py_INCREF(callable);
            Py_DECREF(method);
            owned |= 3;
        } else {
            owned &= ~3; /* the caller keeps the method, and that both */
        }
        return function ? rt_call_function_owned(ts, callable, argv + 1, nargs, kwnames, owned)
                        : call_other(ts, callable, argv + 1, nargs, kwnames, owned);
    }
    /* It stands where a method without its object does (__exit__): tier 0 keeps the operands until the call is over. */
    if (!function)
        return call_other(ts, method, argv + 1, nargs, kwnames, owned);
    argv[0] = self;
    res = rt_call_function(ts, callable, argv, nargs + 1, kwnames);
    rt_drop_owned(method, argv + 1, n - 1, owned);
    return res;
}

PyObject *rt_func_kwdefault(PyObject *func, void *name)
{
    PyObject *dict = ((PyFunctionObject *)func)->func_kwdefaults;
    /* Only str among the keys: looking one up runs no code and cannot fail. */
    if (dict == NULL || !py311_keys_unicode(py311_dict_keys(dict)))
        return NULL;
    return PyDict_GetItemWithError(dict, name);
}

void rt_unset(PyObject **first, Py_ssize_t n)
{
    memset(first, 0, (size_t)n * sizeof *first);
}

/* Functions come first and need no registers saved here. */
PyObject *rt_call_vector(PyThreadState *ts, PyObject **argv, Py_ssize_t n, void *kwnames, int owned)
{
    PyObject *callable = argv[0], **args = argv + 1;
    Py_ssize_t nargs = n - 1;
    int behind = owned; /* the mask that begins with the callable */
    if (callable == NULL) {
        callable = *args++;
        nargs--;
        behind >>= 1;
    }
    if (kwnames != NULL)
        nargs -= PyTuple_GET_SIZE(kwnames);
    if (Py_TYPE(callable) == &PyFunction_Type && !ts->cframe->use_tracing)
        return rt_call_function_owned(ts, callable, args, nargs, kwnames, behind);
    if (Py_TYPE(callable) == &PyMethod_Type)
        return call_method(ts, argv, n, kwnames, owned);
    return call_other(ts, callable, args, nargs, kwnames, behind);
}

/* A Python function, or a bound method of one, with a plain tuple and dict: the arguments go from
 * there into its frame. */
static PyObject *call_tuple(PyThreadState *ts, PyObject *callable, PyObject *tuple, PyObject *dict)
{
    enum { MAX_BOUND = 16 };
    PyObject **args = &PyTuple_GET_ITEM(tuple, 0);
    Py_ssize_t n = PyTuple_GET_SIZE(tuple);
    if (Py_TYPE(callable) == &PyFunction_Type)
        return rt_call_function_ex(ts, callable, args, n, dict);
    if (Py_TYPE(callable) == &PyMethod_Type && n < MAX_BOUND) {
        PyObject *func = PyMethod_GET_FUNCTION(callable);
        if (Py_TYPE(func) == &PyFunction_Type) {
            PyObject *with_self[MAX_BOUND];
            with_self[0] = PyMethod_GET_SELF(callable);
            for (Py_ssize_t i = 0; i < n; i++)
                with_self[i + 1] = args[i];
            return rt_call_function_ex(ts, func, with_self, n + 1, dict);
        }
    }
    return PyObject_Call(callable, tuple, dict);
}

PyObject *rt_call_ex(PyThreadState *ts, PyObject *callable, PyObject *args, PyObject *kwargs)
{
    PyObject *dict = NULL, *tuple = NULL, *res = NULL;
    if (kwargs != NULL) {
        if (PyDict_CheckExact(kwargs)) {
            dict = Py_NewRef(kwargs);
        } else {
            dict = PyDict_New();
            if (dict == NULL)
                return NULL;
            if (_PyDict_MergeEx(dict, kwargs, 2) < 0) {
                Py_DECREF(dict);
                rt_format_kwargs_error(callable, kwargs);
                return NULL;
            }
        }
    }
    if (PyTuple_CheckExact(args)) {
        tuple = Py_NewRef(args);
    } else if (Py_TYPE(args)->tp_iter == NULL && !PySequence_Check(args)) {
        /* check_args_iterable */
        PyErr_Clear();
        PyObject *funcstr = _PyObject_FunctionStr(callable);
        if (funcstr != NULL) {
            PyErr_Format(PyExc_TypeError, "%U argument after * must be an iterable, not %.200s",
                         funcstr, Py_TYPE(args)->tp_name);
            Py_DECREF(funcstr);
        }
    } else {
        tuple = PySequence_Tuple(args);
    }
    if (tuple != NULL) {
        if (BASE_UNLIKELY(ts->cframe->use_tracing))
            res = rt_trace_call_core(ts, callable, tuple, dict);
        else
            res = call_tuple(ts, callable, tuple, dict);
        Py_DECREF(tuple);
    }
    Py_XDECREF(dict);
    return res;
}

PyObject *rt_call_ex_merge(PyThreadState *ts, PyObject *callable, PyObject *args, PyObject *kwargs)
{
    PyObject *function =
        Py_TYPE(callable) == &PyMethod_Type ? PyMethod_GET_FUNCTION(callable) : callable;
    if (Py_TYPE(function) == &PyFunction_Type && PyTuple_CheckExact(args) &&
        !ts->cframe->use_tracing)
        return call_tuple(ts, callable, args, kwargs);
    PyObject *dict = PyDict_Copy(kwargs);
    if (dict == NULL)
        return NULL;
    PyObject *res = rt_call_ex(ts, callable, args, dict);
    Py_DECREF(dict);
    return res;
}

/* --- C functions called directly ---------------------------------------------------------- */

typedef PyObject *(*FastFunc)(PyObject *, PyObject *const *, Py_ssize_t);
typedef PyObject *(*FastKwFunc)(PyObject *, PyObject *const *, Py_ssize_t, PyObject *);

/* METH_O and METH_NOARGS count as a level of recursion ("CPython promises to check all
 * non-vectorcall function calls"). */
static PyObject *call_one_arg(PyThreadState *ts, PyObject *callable, PyCFunction meth,
                              PyObject *self, PyObject *arg)
{
    if (rt_enter_recursive(ts, " while calling a Python object"))
        return NULL;
    PyObject *res = meth(self, arg);
    rt_leave_recursive(ts);
    return rt_checked(ts, callable, res);
}

static PyObject *call_fast(PyThreadState *ts, PyObject *callable, const PyMethodDef *def,
                           PyObject *self, PyObject **args, Py_ssize_t nargs)
{
    PyObject *res;
    if (def->ml_flags & METH_KEYWORDS)
        res = ((FastKwFunc)(void (*)(void))def->ml_meth)(self, args, nargs, NULL);
    else
        res = ((FastFunc)(void (*)(void))def->ml_meth)(self, args, nargs);
    return rt_checked(ts, callable, res);
}

PyObject *rt_call_builtin_o(PyThreadState *ts, PyObject *arg, void *cfunction)
{
    return call_one_arg(ts, cfunction, PyCFunction_GET_FUNCTION(cfunction),
                        PyCFunction_GET_SELF(cfunction), arg);
}

PyObject *rt_call_builtin_fast(PyThreadState *ts, PyObject **argv, Py_ssize_t n, void *cfunction)
{
    return call_fast(ts, cfunction, ((PyCFunctionObject *)cfunction)->m_ml,
                     PyCFunction_GET_SELF(cfunction), argv, n);
}

/* The C function of a method descriptor may only see objects of its type. */
static inline bool descr_fits(const PyMethodDescrObject *descr, PyObject *self)
{
    return Py_IS_TYPE(self, PyDescr_TYPE(descr)) ||
           PyType_IsSubtype(Py_TYPE(self), PyDescr_TYPE(descr));
}

PyObject *rt_call_descr_noargs(PyThreadState *ts, PyObject *self, void *descr)
{
    PyMethodDescrObject *d = descr;
    if (BASE_UNLIKELY(!descr_fits(d, self)))
        return rt_call_one(ts, descr, self); /* TypeError */
    return call_one_arg(ts, descr, d->d_method->ml_meth, self, NULL);
}

PyObject *rt_call_descr_o(PyThreadState *ts, PyObject *self, PyObject *arg, void *descr)
{
    PyMethodDescrObject *d = descr;
    if (BASE_UNLIKELY(!descr_fits(d, self))) {
        PyObject *args[3] = {NULL, self, arg};
        return rt_vectorcall(ts, descr, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    }
    return call_one_arg(ts, descr, d->d_method->ml_meth, self, arg);
}

PyObject *rt_call_descr_fast(PyThreadState *ts, PyObject **argv, Py_ssize_t n, void *descr)
{
    PyMethodDescrObject *d = descr;
    if (BASE_UNLIKELY(n == 0 || !descr_fits(d, argv[0])))
        return rt_vectorcall(ts, descr, argv, (size_t)n, NULL);
    return call_fast(ts, descr, d->d_method, argv[0], argv + 1, n - 1);
}
