/* Binding arguments to parameters: what initialize_locals of ceval.c does, for every call that can
 * succeed.  Defaults, keywords, keyword-only parameters, *args and **kwargs.
 *
 * Nothing here runs Python code before the containers for *args and **kwargs are made, and those are
 * made last: a call that does not fit can still be left to CPython, whose error it then is. */
#include "eng_internal.h"

#include "py311_opcodes.h"
#include "rt.h"

/* The parameter in [from, to) that keyword `kw`, an exact str, names, or -1. Names of parameters are
 * interned. */
static int find_parameter(PyCodeObject *co, PyObject *kw, int from, int to)
{
    int at = py311_named_local(co, kw, from, to);
    if (at >= 0 || PyUnicode_CHECK_INTERNED(kw)) {
        return at;
    }
    for (int i = from; i < to; i++) {
        if (PyUnicode_Compare(kw, PyTuple_GET_ITEM(co->co_localsplusnames, i)) == 0) {
            return i;
        }
    }
    return -1;
}

/* Puts the keywords' values into their parameters' locals; bits of *rest: keywords for **kwargs. */
static bool place_keywords(PyCodeObject *co, PyObject **locals, EngKeywords kw, uint64_t *rest)
{
    int total = co->co_argcount + co->co_kwonlyargcount;
    if (kw.n > ENG_KEYWORDS) {
        return false;
    }
    for (Py_ssize_t k = 0; k < kw.n; k++) {
        if (!PyUnicode_CheckExact(kw.names[k])) {
            return false;
        }
        int at = find_parameter(co, kw.names[k], co->co_posonlyargcount, total);
        if (at >= 0) {
            if (locals[at] != NULL) {
                return false; /* multiple values */
            }
            locals[at] = Py_NewRef(kw.values[k]);
        } else if (co->co_flags & CO_VARKEYWORDS) {
            *rest |= UINT64_C(1) << k;
        } else {
            return false;
        }
    }
    return true;
}

/* Fills the positional parameters in [from, co_argcount) that are still unset from __defaults__. */
static bool place_defaults(PyFunctionObject *fn, PyCodeObject *co, PyObject **locals, int from)
{
    int n = fn->func_defaults != NULL ? (int)PyTuple_GET_SIZE(fn->func_defaults) : 0;
    int first = co->co_argcount - n;
    for (int i = from; i < co->co_argcount; i++) {
        if (locals[i] == NULL) {
            if (i < first) {
                return false;
            }
            locals[i] = Py_NewRef(PyTuple_GET_ITEM(fn->func_defaults, i - first));
        }
    }
    return true;
}

/* The same for keyword-only parameters, from __kwdefaults__. */
static bool place_kwdefaults(PyFunctionObject *fn, PyCodeObject *co, PyObject **locals)
{
    int total = co->co_argcount + co->co_kwonlyargcount;
    for (int i = co->co_argcount; i < total; i++) {
        if (locals[i] != NULL) {
            continue;
        }
        PyObject *name = PyTuple_GET_ITEM(co->co_localsplusnames, i);
        locals[i] = Py_XNewRef(rt_func_kwdefault((PyObject *)fn, name));
        if (locals[i] == NULL) {
            return false;
        }
    }
    return true;
}

static PyObject *collect_keywords(EngKeywords kw, uint64_t rest)
{
    PyObject *dict = PyDict_New();
    for (int k = 0; dict != NULL && rest != 0; k++, rest >>= 1) {
        if ((rest & 1) && PyDict_SetItem(dict, kw.names[k], kw.values[k]) < 0) {
            Py_CLEAR(dict);
        }
    }
    return dict;
}

static PyObject *collect_positional(PyObject *const *args, Py_ssize_t n)
{
    if (n <= 0) {
        return Py_NewRef(py311_empty_tuple());
    }
    PyObject *tuple = PyTuple_New(n);
    for (Py_ssize_t i = 0; tuple != NULL && i < n; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
    }
    return tuple;
}

/* Positional arguments, and perhaps defaults, for a function without keyword-only parameters and
 * **kwargs: nothing has to be looked up. */
static EngBound bind_positional(Py311Frame *f, PyObject *const *args, Py_ssize_t nargs)
{
    PyCodeObject *co = f->f_code;
    PyObject **locals = f->localsplus;
    Py_ssize_t argc = co->co_argcount, missing = argc - nargs;
    PyObject *const *defaults = NULL;
    if (missing > 0) {
        PyObject *tuple = f->f_func->func_defaults;
        Py_ssize_t n = tuple != NULL ? PyTuple_GET_SIZE(tuple) : 0;
        if (missing > n) {
            py311_unset_locals(f, 0, co->co_nlocalsplus);
            return ENG_BIND_NOT;
        }
        defaults = &PyTuple_GET_ITEM(tuple, n - missing);
    }
    for (Py_ssize_t i = 0; i < BASE_MIN(nargs, argc); i++) {
        locals[i] = Py_NewRef(args[i]);
    }
    for (Py_ssize_t i = 0; i < missing; i++) {
        locals[nargs + i] = Py_NewRef(defaults[i]);
    }
    py311_unset_locals(f, argc, co->co_nlocalsplus);
    if (co->co_flags & CO_VARARGS) {
        locals[argc] = collect_positional(args + argc, -missing);
        return locals[argc] != NULL ? ENG_BOUND : ENG_BIND_FAILED;
    }
    return ENG_BOUND;
}

EngBound eng_bind_arguments(Py311Frame *f, PyObject *const *args, Py_ssize_t nargs, EngKeywords kw)
{
    PyCodeObject *co = f->f_code;
    PyObject **locals = f->localsplus;
    int argc = co->co_argcount, total = argc + co->co_kwonlyargcount, flags = co->co_flags;
    if (!(flags & CO_OPTIMIZED) || (nargs > argc && !(flags & CO_VARARGS))) {
        py311_unset_locals(f, 0, co->co_nlocalsplus);
        return ENG_BIND_NOT;
    }
    if (kw.n == 0 && total == argc && !(flags & CO_VARKEYWORDS)) {
        return bind_positional(f, args, nargs);
    }
    uint64_t rest = 0;
    int npos = (int)BASE_MIN(nargs, argc), varargs = (flags & CO_VARARGS) != 0;
    for (int i = 0; i < npos; i++) {
        locals[i] = Py_NewRef(args[i]);
    }
    py311_unset_locals(f, npos, co->co_nlocalsplus);
    if (!place_keywords(co, locals, kw, &rest) || !place_defaults(f->f_func, co, locals, npos) ||
        !place_kwdefaults(f->f_func, co, locals)) {
        return ENG_BIND_NOT;
    }
    if (flags & CO_VARKEYWORDS) {
        locals[total + varargs] = collect_keywords(kw, rest);
        if (locals[total + varargs] == NULL) {
            return ENG_BIND_FAILED;
        }
    }
    if (varargs) {
        locals[total] = collect_positional(args + argc, nargs - argc);
        if (locals[total] == NULL) {
            return ENG_BIND_FAILED;
        }
    }
    return ENG_BOUND;
}
