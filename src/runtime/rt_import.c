/* IMPORT_NAME, IMPORT_FROM and IMPORT_STAR: import_name, import_from and import_all_from of
 * ceval.c. */
#include "rt_internal.h"

#include <frameobject.h>

PyObject *rt_import_name(RtFrame *frame, PyObject *level, PyObject *fromlist, void *name)
{
    Py311Frame *f = py311_frame(frame);
    PyThreadState *ts = rt_ts();
    PyObject *import_func = PyDict_GetItemWithError(f->f_builtins, RT_NAME(__import__));
    if (import_func == NULL) {
        if (!rt_err(ts))
            PyErr_SetString(PyExc_ImportError, "__import__ not found");
        return NULL;
    }
    PyObject *locals = f->f_locals != NULL ? f->f_locals : Py_None;
    if (import_func == RT_FIELD(PyObject *, ts->interp, PY311_OFF_INTERP_IMPORT_FUNC)) {
        /* Nobody replaced builtins.__import__. */
        int ilevel = _PyLong_AsInt(level);
        if (ilevel == -1 && rt_err(ts))
            return NULL;
        return PyImport_ImportModuleLevelObject(name, f->f_globals, locals, fromlist, ilevel);
    }
    Py_INCREF(import_func);
    PyObject *args[] = {NULL, name, f->f_globals, locals, fromlist, level};
    PyObject *res =
        rt_vectorcall(ts, import_func, args + 1, 5 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_DECREF(import_func);
    return res;
}

/* The ImportError of a failed `from module import name`; pkgname is a str or NULL. */
static void cannot_import(PyObject *module, PyObject *pkgname, PyObject *name)
{
    PyObject *pkgpath = PyModule_GetFilenameObject(module);
    PyObject *shown =
        pkgname != NULL ? Py_NewRef(pkgname) : PyUnicode_FromString("<unknown module name>");
    if (shown == NULL) {
        Py_XDECREF(pkgpath);
        return;
    }
    PyObject *message;
    if (pkgpath == NULL || !PyUnicode_Check(pkgpath)) {
        PyErr_Clear();
        message =
            PyUnicode_FromFormat("cannot import name %R from %R (unknown location)", name, shown);
        PyErr_SetImportError(message, pkgname, NULL);
    } else {
        PyObject *spec = PyObject_GetAttr(module, RT_NAME(__spec__));
        const char *format = _PyModuleSpec_IsInitializing(spec)
                                 ? "cannot import name %R from partially initialized module %R "
                                   "(most likely due to a circular import) (%S)"
                                 : "cannot import name %R from %R (%S)";
        Py_XDECREF(spec);
        message = PyUnicode_FromFormat(format, name, shown, pkgpath);
        PyErr_SetImportError(message, pkgname, pkgpath); /* copes with a NULL message */
    }
    Py_XDECREF(message);
    Py_DECREF(shown);
    Py_XDECREF(pkgpath);
}

PyObject *rt_import_from(PyThreadState *ts, PyObject *module, void *name)
{
    PyObject *x;
    if (_PyObject_LookupAttr(module, name, &x) != 0)
        return x;
    /* A circular relative import may have it in sys.modules already. */
    PyObject *pkgname = PyObject_GetAttr(module, RT_NAME(__name__));
    if (pkgname != NULL && !PyUnicode_Check(pkgname))
        Py_CLEAR(pkgname);
    if (pkgname != NULL) {
        PyObject *fullname = PyUnicode_FromFormat("%U.%U", pkgname, name);
        if (fullname == NULL) {
            Py_DECREF(pkgname);
            return NULL;
        }
        x = PyImport_GetModule(fullname);
        Py_DECREF(fullname);
        if (x != NULL || rt_err(ts)) {
            Py_DECREF(pkgname);
            return x;
        }
    }
    cannot_import(module, pkgname, name);
    Py_XDECREF(pkgname);
    return NULL;
}

/* The TypeError for a name that is no str. */
static void bad_star_name(PyObject *module, PyObject *name, bool from_dict)
{
    PyObject *modname = PyObject_GetAttr(module, RT_NAME(__name__));
    if (modname == NULL)
        return;
    if (!PyUnicode_Check(modname))
        PyErr_Format(PyExc_TypeError, "module __name__ must be a string, not %.100s",
                     Py_TYPE(modname)->tp_name);
    else
        PyErr_Format(PyExc_TypeError, "%s in %U.%s must be str, not %.100s",
                     from_dict ? "Key" : "Item", modname, from_dict ? "__dict__" : "__all__",
                     Py_TYPE(name)->tp_name);
    Py_DECREF(modname);
}

/* Imports one name. */
static int star_name(PyObject *locals, PyObject *module, PyObject *name, bool from_dict)
{
    if (!PyUnicode_Check(name)) {
        bad_star_name(module, name, from_dict);
        return -1;
    }
    if (from_dict) {
        if (PyUnicode_READY(name) == -1)
            return -1;
        if (PyUnicode_READ_CHAR(name, 0) == '_') /* the terminating NUL for an empty name */
            return 0;
    }
    PyObject *value = PyObject_GetAttr(module, name);
    if (value == NULL)
        return -1;
    int err = PyDict_CheckExact(locals) ? PyDict_SetItem(locals, name, value)
                                        : PyObject_SetItem(locals, name, value);
    Py_DECREF(value);
    return err;
}

/* import_all_from. */
static int import_all(PyObject *locals, PyObject *module)
{
    PyObject *all, *dict;
    bool from_dict = false;
    if (_PyObject_LookupAttr(module, RT_NAME(__all__), &all) < 0)
        return -1;
    if (all == NULL) {
        if (_PyObject_LookupAttr(module, RT_NAME(__dict__), &dict) < 0)
            return -1;
        if (dict == NULL) {
            PyErr_SetString(PyExc_ImportError,
                            "from-import-* object has no __dict__ and no __all__");
            return -1;
        }
        all = PyMapping_Keys(dict);
        Py_DECREF(dict);
        if (all == NULL)
            return -1;
        from_dict = true;
    }
    int err = 0;
    for (Py_ssize_t pos = 0; err == 0; pos++) {
        PyObject *name = PySequence_GetItem(all, pos);
        if (name == NULL) {
            if (PyErr_ExceptionMatches(PyExc_IndexError))
                PyErr_Clear();
            else
                err = -1;
            break;
        }
        err = star_name(locals, module, name, from_dict);
        Py_DECREF(name);
    }
    Py_DECREF(all);
    return err;
}

int rt_import_star(RtFrame *frame, PyObject *module)
{
    Py311Frame *f = py311_frame(frame);
    /* Copies fast locals, of which module code (the only place for a star import) has none. */
    PyObject *locals = PyEval_GetLocals();
    if (locals == NULL)
        return -1;
    int err = import_all(locals, module);
    if (f->f_code->co_nlocalsplus > 0) {
        PyThreadState *ts = rt_ts();
        PyFrameObject *fo = py311_current_frame_object(ts);
        if (fo == NULL)
            return -1;
        PyFrame_LocalsToFast(fo, 0);
        Py_DECREF(fo);
    }
    return err;
}
