/* Exceptions: raising, matching, the messages ceval.c formats itself, and context managers. */
#include "rt_internal.h"

int32_t rt_reraised = RT_NOT_RERAISED;

void rt_format_name_error(PyThreadState *ts, PyObject *exc, const char *format, PyObject *name)
{
    (void)ts;
    const char *text = name != NULL ? PyUnicode_AsUTF8(name) : NULL;
    if (text == NULL)
        return;
    PyErr_Format(exc, format, text);
    if (exc != PyExc_NameError)
        return;
    /* For the suggestions: NameError.name, unless something set it. */
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (PyErr_GivenExceptionMatches(value, PyExc_NameError) &&
        ((PyNameErrorObject *)value)->name == NULL)
        (void)PyObject_SetAttr(value, RT_NAME(name), name); /* PyErr_Restore forgets a failure */
    PyErr_Restore(type, value, traceback);
}

int rt_unbound_local(RtFrame *frame, int index)
{
    PyObject *name = PyTuple_GET_ITEM(py311_frame(frame)->f_code->co_localsplusnames, index);
    rt_format_name_error(
        rt_ts(), PyExc_UnboundLocalError,
        "cannot access local variable '%s' where it is not associated with a value", name);
    return -1;
}

int rt_unbound_deref(RtFrame *frame, int index)
{
    PyThreadState *ts = rt_ts();
    if (rt_err(ts)) /* format_exc_unbound does not stomp on one */
        return -1;
    PyCodeObject *co = py311_frame(frame)->f_code;
    PyObject *name = PyTuple_GET_ITEM(co->co_localsplusnames, index);
    if (index < co->co_nplaincellvars + co->co_nlocals)
        return rt_unbound_local(frame, index);
    rt_format_name_error(ts, PyExc_NameError,
                         "cannot access free variable '%s' where it is not associated with a value"
                         " in enclosing scope",
                         name);
    return -1;
}

void rt_attribute_error_context(PyObject *obj, PyObject *name)
{
    if (!PyErr_ExceptionMatches(PyExc_AttributeError))
        return;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (PyErr_GivenExceptionMatches(value, PyExc_AttributeError)) {
        PyAttributeErrorObject *exc = (PyAttributeErrorObject *)value;
        if (exc->name == NULL && exc->obj == NULL &&
            (PyObject_SetAttr(value, RT_NAME(name), name) ||
             PyObject_SetAttr(value, RT_NAME(obj), obj))) {
            /* CPython lets the new exception stand. */
            Py_XDECREF(type);
            Py_XDECREF(value);
            Py_XDECREF(traceback);
            return;
        }
    }
    PyErr_Restore(type, value, traceback);
}

void rt_format_kwargs_error(PyObject *func, PyObject *kwargs)
{
    if (PyErr_ExceptionMatches(PyExc_AttributeError)) {
        /* _PyDict_MergeEx failed to get kwargs.keys: not a mapping. */
        PyErr_Clear();
        PyObject *funcstr = _PyObject_FunctionStr(func);
        if (funcstr != NULL) {
            PyErr_Format(PyExc_TypeError, "%U argument after ** must be a mapping, not %.200s",
                         funcstr, Py_TYPE(kwargs)->tp_name);
            Py_DECREF(funcstr);
        }
        return;
    }
    if (!PyErr_ExceptionMatches(PyExc_KeyError))
        return;
    PyObject *exc, *val, *tb;
    PyErr_Fetch(&exc, &val, &tb);
    if (val == NULL || !PyTuple_Check(val) || PyTuple_GET_SIZE(val) != 1) {
        PyErr_Restore(exc, val, tb);
        return;
    }
    PyObject *funcstr = _PyObject_FunctionStr(func);
    if (funcstr != NULL) {
        PyErr_Format(PyExc_TypeError, "%U got multiple values for keyword argument '%S'", funcstr,
                     PyTuple_GET_ITEM(val, 0));
        Py_DECREF(funcstr);
    }
    Py_XDECREF(exc);
    Py_DECREF(val);
    Py_XDECREF(tb);
}

/* CHECK_EXC_MATCH's check_except_type_valid. */
int rt_check_except_type(PyObject *type)
{
    bool valid = true;
    if (PyTuple_Check(type)) {
        for (Py_ssize_t i = 0; valid && i < PyTuple_GET_SIZE(type); i++)
            valid = PyExceptionClass_Check(PyTuple_GET_ITEM(type, i));
    } else {
        valid = PyExceptionClass_Check(type);
    }
    if (valid)
        return 0;
    PyErr_SetString(PyExc_TypeError,
                    "catching classes that do not inherit from BaseException is not allowed");
    return -1;
}

int rt_check_exc_match(PyObject *exc, PyObject *type)
{
    if (rt_check_except_type(type) < 0)
        return -1;
    return PyErr_GivenExceptionMatches(exc, type);
}

/* Sets an exception that was caught as the current one again, with the traceback it has. */
static void restore(PyObject *value)
{
    PyErr_Restore(Py_NewRef(PyExceptionInstance_Class(value)), Py_NewRef(value),
                  PyException_GetTraceback(value));
}

/* A bare `raise`. */
static void reraise(PyThreadState *ts)
{
    PyObject *value = _PyErr_GetTopmostException(ts)->exc_value;
    if (value == NULL || Py_IsNone(value)) {
        PyErr_SetString(PyExc_RuntimeError, "No active exception to reraise");
        return;
    }
    restore(value);
    rt_reraised = RT_RERAISED_HERE;
}

int rt_reraise(PyObject *value, PyObject *lasti)
{
    restore(value);
    rt_reraised = lasti != NULL ? (int32_t)PyLong_AsLong(lasti) : RT_RERAISED_HERE;
    return -1;
}

PyObject *rt_push_exc_info(PyThreadState *ts, PyObject *value)
{
    _PyErr_StackItem *info = ts->exc_info;
    PyObject *previous = info->exc_value;
    info->exc_value = Py_NewRef(value);
    return previous != NULL ? previous : Py_NewRef(Py_None);
}

int rt_pop_except(PyThreadState *ts, PyObject *previous)
{
    _PyErr_StackItem *info = ts->exc_info;
    PyObject *value = info->exc_value;
    info->exc_value = previous;
    Py_XDECREF(value);
    return 0;
}

PyObject *rt_with_except_start(PyThreadState *ts, PyObject *exit, PyObject *value)
{
    PyObject *tb = PyException_GetTraceback(value);
    PyObject *args[4] = {NULL, PyExceptionInstance_Class(value), value, tb != NULL ? tb : Py_None};
    PyObject *res = rt_vectorcall(ts, exit, args + 1, 3 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_XDECREF(tb);
    return res;
}

/* The exception instance of `raise exc`: new reference, or NULL with an exception. */
static PyObject *exception_value(PyObject *exc)
{
    if (PyExceptionInstance_Check(exc))
        return Py_NewRef(exc);
    if (!PyExceptionClass_Check(exc)) {
        PyErr_SetString(PyExc_TypeError, "exceptions must derive from BaseException");
        return NULL;
    }
    PyObject *value = PyObject_CallNoArgs(exc);
    if (value != NULL && !PyExceptionInstance_Check(value)) {
        PyErr_Format(PyExc_TypeError,
                     "calling %R should have returned an instance of BaseException, not %R", exc,
                     Py_TYPE(value));
        Py_CLEAR(value);
    }
    return value;
}

/* `raise ... from cause`; -1 on error. */
static int set_cause(PyObject *value, PyObject *cause)
{
    PyObject *fixed;
    if (PyExceptionClass_Check(cause)) {
        fixed = PyObject_CallNoArgs(cause);
        if (fixed == NULL)
            return -1;
    } else if (PyExceptionInstance_Check(cause)) {
        fixed = Py_NewRef(cause);
    } else if (Py_IsNone(cause)) {
        fixed = NULL;
    } else {
        PyErr_SetString(PyExc_TypeError, "exception causes must derive from BaseException");
        return -1;
    }
    PyException_SetCause(value, fixed);
    return 0;
}

int rt_raise_varargs(PyThreadState *ts, PyObject **argv, Py_ssize_t n)
{
    if (n == 0) {
        reraise(ts);
        return -1;
    }
    PyObject *value = exception_value(argv[0]);
    if (value == NULL)
        return -1;
    if (n == 1 || set_cause(value, argv[1]) == 0) {
        /* do_raise keeps the class it was given; only instances are asked for theirs. */
        PyObject *type =
            PyExceptionClass_Check(argv[0]) ? argv[0] : PyExceptionInstance_Class(value);
        PyErr_SetObject(type, value);
    }
    Py_DECREF(value);
    return -1;
}

/* A method that is a Python function need not be bound to be called: new reference, or NULL for all others. */
static PyObject *plain_method(PyThreadState *ts, PyObject *o, PyObject *name)
{
    PyObject *f = ts->cframe->use_tracing ? NULL : _PyType_Lookup(Py_TYPE(o), name);
    return f != NULL && Py_IS_TYPE(f, &PyFunction_Type) ? Py_NewRef(f) : NULL;
}

/* Looks both methods up first, then enters; `protocol` is for the messages. */
static PyObject *enter_context(PyThreadState *ts, PyObject *mgr, PyObject *enter_name,
                               PyObject *exit_name, const char *protocol, PyObject **out)
{
    PyObject *plain = plain_method(ts, mgr, enter_name);
    PyObject *enter = plain != NULL ? plain : _PyObject_LookupSpecial(mgr, enter_name);
    if (enter == NULL) {
        if (!rt_err(ts))
            PyErr_Format(PyExc_TypeError, "'%.200s' object does not support the %s protocol",
                         Py_TYPE(mgr)->tp_name, protocol);
        return NULL;
    }
    PyObject *exit = _PyObject_LookupSpecial(mgr, exit_name);
    if (exit == NULL) {
        if (!rt_err(ts))
            PyErr_Format(PyExc_TypeError,
                         "'%.200s' object does not support the %s protocol (missed %U method)",
                         Py_TYPE(mgr)->tp_name, protocol, exit_name);
        Py_DECREF(enter);
        return NULL;
    }
    PyObject *res =
        plain != NULL ? rt_call_function(ts, plain, &mgr, 1, NULL) : PyObject_CallNoArgs(enter);
    Py_DECREF(enter);
    if (res == NULL) {
        Py_DECREF(exit);
        return NULL;
    }
    out[0] = res;
    return exit;
}

PyObject *rt_before_with(PyThreadState *ts, PyObject *mgr, PyObject **out)
{
    return enter_context(ts, mgr, RT_NAME(__enter__), RT_NAME(__exit__), "context manager", out);
}

PyObject *rt_before_async_with(PyThreadState *ts, PyObject *mgr, PyObject **out)
{
    return enter_context(ts, mgr, RT_NAME(__aenter__), RT_NAME(__aexit__),
                         "asynchronous context manager", out);
}
