/* except*: CHECK_EG_MATCH, and what is raised when all clauses are through (PREP_RERAISE_STAR).
 *
 * The functions that CPython has for these, in ceval.c and exceptions.c, are not exported. Methods that programs may override
 * are called where they call them: `split` and `derive`. */
#include "rt_internal.h"

static bool is_group(PyObject *exc)
{
    return PyObject_TypeCheck(exc, (PyTypeObject *)PyExc_BaseExceptionGroup);
}

/* check_except_star_type_valid; -1 with TypeError. */
static int check_type(PyObject *type)
{
    if (rt_check_except_type(type) < 0)
        return -1;
    PyObject **types = PyTuple_Check(type) ? &PyTuple_GET_ITEM(type, 0) : &type;
    Py_ssize_t n = PyTuple_Check(type) ? PyTuple_GET_SIZE(type) : 1;
    int group = 0;
    for (Py_ssize_t i = 0; group == 0 && i < n; i++)
        group = PyObject_IsSubclass(types[i], PyExc_BaseExceptionGroup);
    if (group > 0)
        PyErr_SetString(PyExc_TypeError,
                        "catching ExceptionGroup with except* is not allowed. Use except instead.");
    return group == 0 ? 0 : -1;
}

/* _PyExc_CreateExceptionGroup("", excs). */
static PyObject *new_group(PyObject *excs)
{
    return PyObject_CallFunctionObjArgs(PyExc_BaseExceptionGroup, rt_state.empty_str, excs, NULL);
}

/* exception_group_match of ceval.c: new references to what matches and to the rest, None each where there is none. */
static int match_group(PyObject *exc, PyObject *type, PyObject **match, PyObject **rest)
{
    *match = *rest = NULL;
    if (Py_IsNone(exc)) {
        *match = Py_NewRef(Py_None);
        *rest = Py_NewRef(Py_None);
    } else if (PyErr_GivenExceptionMatches(exc, type)) {
        if (is_group(exc)) {
            *match = Py_NewRef(exc);
        } else {
            PyObject *excs = PyTuple_Pack(1, exc);
            *match = excs != NULL ? new_group(excs) : NULL;
            Py_XDECREF(excs);
        }
        *rest = *match != NULL ? Py_NewRef(Py_None) : NULL;
    } else if (is_group(exc)) {
        PyObject *pair = PyObject_CallMethod(exc, "split", "(O)", type);
        if (pair != NULL && PyTuple_CheckExact(pair) && PyTuple_GET_SIZE(pair) == 2) {
            *match = Py_NewRef(PyTuple_GET_ITEM(pair, 0));
            *rest = Py_NewRef(PyTuple_GET_ITEM(pair, 1));
        } else if (pair != NULL) { /* CPython 3.11 asserts that it is one */
            PyErr_Format(PyExc_TypeError, "%.200s.split must return a 2-tuple, got %.200s",
                         Py_TYPE(exc)->tp_name, Py_TYPE(pair)->tp_name);
        }
        Py_XDECREF(pair);
    } else {
        *match = Py_NewRef(Py_None);
        *rest = Py_NewRef(exc);
    }
    return *match != NULL ? 0 : -1;
}

PyObject *rt_check_eg_match(PyObject *exc, PyObject *type, PyObject **out)
{
    PyObject *match, *rest;
    out[0] = NULL;
    if (check_type(type) < 0 || match_group(exc, type, &match, &rest) < 0)
        return NULL;
    if (Py_IsNone(match)) {
        Py_DECREF(rest);
        out[0] = Py_NewRef(exc);
    } else {
        out[0] = rest;
        PyErr_SetExcInfo(NULL, Py_NewRef(match), NULL);
    }
    return match;
}

/* --- PREP_RERAISE_STAR ---------------------------------------------------------------------- */

/* collect_exception_group_leaf_ids. */
static int collect_leaves(PyThreadState *ts, PyObject *exc, PyObject *ids)
{
    if (Py_IsNone(exc))
        return 0;
    if (!is_group(exc)) {
        PyObject *id = PyLong_FromVoidPtr(exc);
        int err = id != NULL ? PySet_Add(ids, id) : -1;
        Py_XDECREF(id);
        return err;
    }
    PyObject *excs = ((PyBaseExceptionGroupObject *)exc)->excs;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(excs); i++) {
        if (rt_enter_recursive(ts, " in collect_exception_group_leaf_ids"))
            return -1;
        int err = collect_leaves(ts, PyTuple_GET_ITEM(excs, i), ids);
        rt_leave_recursive(ts);
        if (err < 0)
            return -1;
    }
    return 0;
}

/* A copy of the original's __notes__ for a part of it. */
static int copy_notes(PyObject *orig, PyObject *part)
{
    PyObject *notes;
    int err = _PyObject_LookupAttr(orig, RT_NAME(__notes__), &notes);
    if (err > 0 && PySequence_Check(notes)) {
        PyObject *copy = PySequence_List(notes);
        err = copy != NULL ? PyObject_SetAttr(part, RT_NAME(__notes__), copy) : -1;
        Py_XDECREF(copy);
    }
    Py_XDECREF(notes);
    return err < 0 ? -1 : 0;
}

/* exceptiongroup_subset: a group like `orig` of the exceptions in the list, which is not empty. */
static PyObject *derive(PyObject *orig, PyObject *excs)
{
    PyObject *part = PyObject_CallMethod(orig, "derive", "(O)", excs);
    if (part == NULL)
        return NULL;
    if (!is_group(part)) {
        PyErr_SetString(PyExc_TypeError, "derive must return an instance of BaseExceptionGroup");
        Py_DECREF(part);
        return NULL;
    }
    PyObject *tb = PyException_GetTraceback(orig);
    int err = tb != NULL ? PyException_SetTraceback(part, tb) : 0;
    Py_XDECREF(tb);
    if (err == 0) {
        PyException_SetContext(part, PyException_GetContext(orig));
        PyException_SetCause(part, PyException_GetCause(orig));
        err = copy_notes(orig, part);
    }
    if (err < 0)
        Py_CLEAR(part);
    return part;
}

/* exceptiongroup_split_recursive for a set of leaves: the part of `exc` that is among them, or None. */
static PyObject *part_of(PyThreadState *ts, PyObject *exc, PyObject *ids)
{
    if (!is_group(exc)) {
        PyObject *id = PyLong_FromVoidPtr(exc);
        int found = id != NULL ? PySet_Contains(ids, id) : -1;
        Py_XDECREF(id);
        return found < 0 ? NULL : Py_NewRef(found ? exc : Py_None);
    }
    PyObject *excs = ((PyBaseExceptionGroupObject *)exc)->excs, *result = NULL;
    PyObject *parts = PyList_New(0);
    int err = parts != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; err == 0 && i < PyTuple_GET_SIZE(excs); i++) {
        if (rt_enter_recursive(ts, " in exceptiongroup_split_recursive")) {
            err = -1;
            break;
        }
        PyObject *part = part_of(ts, PyTuple_GET_ITEM(excs, i), ids);
        rt_leave_recursive(ts);
        err = part == NULL ? -1 : Py_IsNone(part) ? 0 : PyList_Append(parts, part);
        Py_XDECREF(part);
    }
    if (err == 0)
        result = PyList_GET_SIZE(parts) > 0 ? derive(exc, parts) : Py_NewRef(Py_None);
    Py_XDECREF(parts);
    return result;
}

/* exception_group_projection: the part of `group` with the leaves of the exceptions in the list, or None. */
static PyObject *project(PyThreadState *ts, PyObject *group, PyObject *keep)
{
    PyObject *ids = PySet_New(NULL);
    int err = ids != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; err == 0 && i < PyList_GET_SIZE(keep); i++)
        err = collect_leaves(ts, PyList_GET_ITEM(keep, i), ids);
    PyObject *result = err == 0 ? part_of(ts, group, ids) : NULL;
    Py_XDECREF(ids);
    return result;
}

/* is_same_exception_metadata: part of the group that was caught, not an exception that a clause raised. */
static bool same_metadata(PyObject *a, PyObject *b)
{
    PyBaseExceptionObject *x = (PyBaseExceptionObject *)a, *y = (PyBaseExceptionObject *)b;
    return x->notes == y->notes && x->traceback == y->traceback && x->cause == y->cause &&
           x->context == y->context;
}

/* Sorts what the clauses left: new lists. */
static int sort_out(PyObject *orig, PyObject *excs, PyObject **raised, PyObject **reraised)
{
    *raised = PyList_New(0);
    *reraised = PyList_New(0);
    int err = *raised != NULL && *reraised != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; err == 0 && i < PyList_GET_SIZE(excs); i++) {
        PyObject *exc = PyList_GET_ITEM(excs, i);
        if (!Py_IsNone(exc))
            err = PyList_Append(same_metadata(exc, orig) ? *reraised : *raised, exc);
    }
    return err;
}

PyObject *rt_prep_reraise_star(PyThreadState *ts, PyObject *orig, PyObject *excs)
{
    if (PyList_GET_SIZE(excs) == 0)
        return Py_NewRef(Py_None);
    if (!is_group(orig)) /* wrapped for the only clause that can have run */
        return Py_NewRef(PyList_GET_ITEM(excs, 0));
    PyObject *raised, *reraised, *rest = NULL, *result = NULL;
    if (sort_out(orig, excs, &raised, &reraised) == 0 &&
        (rest = project(ts, orig, reraised)) != NULL &&
        (PyList_GET_SIZE(raised) == 0 || Py_IsNone(rest) || PyList_Append(raised, rest) == 0)) {
        result = PyList_GET_SIZE(raised) == 0 ? Py_NewRef(rest) : new_group(raised);
    }
    Py_XDECREF(rest);
    Py_XDECREF(raised);
    Py_XDECREF(reraised);
    return result;
}
