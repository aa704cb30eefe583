/* Binding arguments to parameters: what initialize_locals of ceval.c does, for every call that can
 * succeed.  Defaults, keywords, keyword-only parameters, *args and **kwargs.
 *
 * First everything is found, as borrowed references and without running any code, so that a call
 * which does not fit can still be left to CPython, whose error it then is.  Only then are references
 * taken and the containers for *args and **kwargs made. */
#include "eng_internal.h"

/* Keywords of one call; more are left to CPython. */
enum { MAX_KEYWORDS = 64 };

/* The parameter in [from, to) that keyword `kw`, an exact str, names, or -1. Names of parameters are
 * interned. */
static int find_parameter(PyCodeObject *co, PyObject *kw, int from, int to)
{
    PyObject **names = &PyTuple_GET_ITEM(co->co_localsplusnames, 0);
    for (int i = from; i < to; i++) {
        if (kw == names[i]) {
            return i;
        }
    }
    if (PyUnicode_CHECK_INTERNED(kw)) {
        return -1;
    }
    for (int i = from; i < to; i++) {
        if (PyUnicode_Compare(kw, names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

/* Puts the keywords' values into their parameters' locals; bits of *rest: keywords for **kwargs. */
static bool place_keywords(PyCodeObject *co, PyObject **locals, PyObject *const *values,
                           PyObject *kwnames, uint64_t *rest)
{
    int total = co->co_argcount + co->co_kwonlyargcount;
    Py_ssize_t n = PyTuple_GET_SIZE(kwnames);
    if (n > MAX_KEYWORDS) {
        return false;
    }
    for (Py_ssize_t k = 0; k < n; k++) {
        PyObject *kw = PyTuple_GET_ITEM(kwnames, k);
        if (!PyUnicode_CheckExact(kw)) {
            return false;
        }
        int at = find_parameter(co, kw, co->co_posonlyargcount, total);
        if (at >= 0) {
            if (locals[at] != NULL) {
                return false; /* multiple values */
            }
            locals[at] = values[k];
        } else if (co->co_flags & CO_VARKEYWORDS) {
            *rest |= UINT64_C(1) << k;
        } else {
            return false;
        }
    }
    return true;
}

/* Fills what is missing from __defaults__ and __kwdefaults__. */
static bool place_defaults(PyFunctionObject *fn, PyCodeObject *co, PyObject **locals, int npos)
{
    int argc = co->co_argcount, total = argc + co->co_kwonlyargcount;
    if (npos < argc) {
        int n = fn->func_defaults != NULL ? (int)PyTuple_GET_SIZE(fn->func_defaults) : 0;
        for (int i = npos; i < argc; i++) {
            if (locals[i] != NULL) {
                continue;
            }
            if (i < argc - n) {
                return false;
            }
            locals[i] = PyTuple_GET_ITEM(fn->func_defaults, i - (argc - n));
        }
    }
    for (int i = argc; i < total; i++) {
        if (locals[i] != NULL) {
            continue;
        }
        PyObject *dict = fn->func_kwdefaults;
        /* Only names among the keys: looking one up runs no code. */
        if (dict == NULL || !py311_keys_unicode(py311_dict_keys(dict))) {
            return false;
        }
        locals[i] = PyDict_GetItemWithError(
            dict, PyTuple_GET_ITEM(co->co_localsplusnames, i)); /* a str: no error */
        if (locals[i] == NULL) {
            return false;
        }
    }
    return true;
}

static PyObject *collect_keywords(PyObject *const *values, PyObject *kwnames, uint64_t rest)
{
    PyObject *dict = PyDict_New();
    for (int k = 0; dict != NULL && rest != 0; k++, rest >>= 1) {
        if ((rest & 1) && PyDict_SetItem(dict, PyTuple_GET_ITEM(kwnames, k), values[k]) < 0) {
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

EngBound eng_bind_arguments(Py311Frame *f, PyObject *const *args, Py_ssize_t nargs,
                            PyObject *kwnames)
{
    PyCodeObject *co = f->f_code;
    PyObject **locals = f->localsplus;
    int argc = co->co_argcount, total = argc + co->co_kwonlyargcount;
    uint64_t rest = 0;
    py311_unset_locals(f, 0, co->co_nlocalsplus);
    bool fits = (co->co_flags & CO_OPTIMIZED) && (nargs <= argc || co->co_flags & CO_VARARGS);
    int npos = (int)BASE_MIN(nargs, argc);
    if (fits) {
        for (int i = 0; i < npos; i++) {
            locals[i] = args[i];
        }
        fits = (kwnames == NULL || place_keywords(co, locals, args + nargs, kwnames, &rest)) &&
               place_defaults(f->f_func, co, locals, npos);
    }
    if (!fits) {
        py311_unset_locals(f, 0, total);
        return ENG_BIND_NOT;
    }
    for (int i = 0; i < total; i++) {
        Py_INCREF(locals[i]);
    }
    int varargs = (co->co_flags & CO_VARARGS) != 0;
    if (co->co_flags & CO_VARKEYWORDS) {
        locals[total + varargs] = collect_keywords(args + nargs, kwnames, rest);
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
