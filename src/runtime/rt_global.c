/* Names: globals, builtins, class-body and module-level locals, cells.
 *
 * LOAD_GLOBAL's cache finds the value by the likely entry of the dict it was in, comparing the key
 * by identity.  For a builtin it must also be sure that globals lack the name: the globals' keys
 * have the version they had (only CPython's specialiser hands those out, so it may be 0), or the
 * whole dict has (ma_version_tag, which any store changes). */
#include "rt_internal.h"

#define NAME_ERROR_MSG "name '%.200s' is not defined"

void *rt_global_ic_new(CodeUnit *u, PyObject *name)
{
    RtGlobalIC *ic = rt_unit_data(u, sizeof *ic);
    if (ic == NULL)
        return NULL;
    ic->name = name;
    ic->hash = rt_str_hash(name);
    return ic;
}

/* True when `globals` is known to lack the name, without looking. */
static inline bool globals_lack(const RtGlobalIC *ic, PyObject *globals)
{
    uint32_t keys_version = py311_keys_version(py311_dict_keys(globals));
    if (keys_version != 0 && keys_version == ic->globals_keys_version)
        return true;
    return ((PyDictObject *)globals)->ma_version_tag == ic->globals_version;
}

/* Notes where the name was found in an exact dict. */
static void note_found(RtGlobalIC *ic, RtGlobalKind kind, PyObject *dict)
{
    int64_t ix = rt_keys_index_of(py311_dict_keys(dict), ic->name, ic->hash);
    ic->kind = ix >= 0 ? (uint8_t)kind : RT_GLOBAL_EMPTY;
    ic->index = ix >= 0 ? (uint32_t)ix : 0;
}

/* _PyDict_LoadGlobal: borrowed, NULL without an exception when neither has it. */
static PyObject *load_global_miss(RtGlobalIC *ic, PyObject *globals, PyObject *builtins)
{
    ic->misses++;
    PyObject *v = _PyDict_GetItem_KnownHash(globals, ic->name, ic->hash);
    if (v != NULL) {
        note_found(ic, RT_GLOBAL_MODULE, globals);
        return v;
    }
    if (PyErr_Occurred())
        return NULL;
    /* Before the second lookup, which may run Python code for odd keys. */
    uint32_t keys_version = py311_keys_version(py311_dict_keys(globals));
    uint64_t version = ((PyDictObject *)globals)->ma_version_tag;
    v = _PyDict_GetItem_KnownHash(builtins, ic->name, ic->hash);
    if (v != NULL) {
        note_found(ic, RT_GLOBAL_BUILTIN, builtins);
        ic->globals_keys_version = keys_version;
        ic->globals_version = version;
    }
    return v;
}

/* Globals or builtins are not exact dicts. */
static PyObject *load_global_generic(PyObject *globals, PyObject *builtins, PyObject *name)
{
    PyObject *v = PyObject_GetItem(globals, name);
    if (v != NULL || !PyErr_ExceptionMatches(PyExc_KeyError))
        return v;
    PyErr_Clear();
    v = PyObject_GetItem(builtins, name);
    if (v == NULL && PyErr_ExceptionMatches(PyExc_KeyError))
        rt_format_name_error(rt_ts(), PyExc_NameError, NAME_ERROR_MSG, name);
    return v;
}

/* Where the name was last time, in exact dicts; borrowed, or NULL. */
static inline PyObject *load_global_hit(const RtGlobalIC *ic, PyObject *globals, PyObject *builtins)
{
    if (ic->kind == RT_GLOBAL_MODULE)
        return rt_dict_at_hint(globals, ic->index, ic->name);
    if (ic->kind == RT_GLOBAL_BUILTIN && globals_lack(ic, globals))
        return rt_dict_at_hint(builtins, ic->index, ic->name);
    return NULL;
}

PyObject *rt_peek_global(const Py311Frame *f, RtGlobalIC *ic)
{
    PyObject *globals = f->f_globals, *builtins = f->f_builtins;
    if (!PyDict_CheckExact(globals) || !PyDict_CheckExact(builtins))
        return NULL;
    PyObject *v = load_global_hit(ic, globals, builtins);
    if (v == NULL && py311_keys_unicode(py311_dict_keys(globals)) &&
        py311_keys_unicode(py311_dict_keys(builtins)))
        v = load_global_miss(ic, globals, builtins);
    return v;
}

PyObject *rt_load_global(RtFrame *frame, void *site)
{
    RtGlobalIC *ic = site;
    Py311Frame *f = py311_frame(frame);
    PyObject *globals = f->f_globals, *builtins = f->f_builtins;
    if (BASE_UNLIKELY(!PyDict_CheckExact(globals) || !PyDict_CheckExact(builtins)))
        return load_global_generic(globals, builtins, ic->name);
    PyObject *v = load_global_hit(ic, globals, builtins);
    if (BASE_LIKELY(v != NULL)) {
        ic->hits++;
        return Py_NewRef(v);
    }
    v = load_global_miss(ic, globals, builtins);
    if (v != NULL)
        return Py_NewRef(v);
    if (!PyErr_Occurred())
        rt_format_name_error(rt_ts(), PyExc_NameError, NAME_ERROR_MSG, ic->name);
    return NULL;
}

int rt_store_global(RtFrame *frame, PyObject *v, void *name)
{
    return PyDict_SetItem(py311_frame(frame)->f_globals, name, v);
}

int rt_delete_global(RtFrame *frame, void *name)
{
    int err = PyDict_DelItem(py311_frame(frame)->f_globals, name);
    if (err < 0 && PyErr_ExceptionMatches(PyExc_KeyError))
        rt_format_name_error(rt_ts(), PyExc_NameError, NAME_ERROR_MSG, name);
    return err;
}

/* One namespace of LOAD_NAME and LOAD_CLASSDEREF: a new reference, or NULL, with an exception set
 * on errors other than the name missing. */
static PyObject *namespace_get(PyObject *ns, PyObject *name)
{
    if (PyDict_CheckExact(ns))
        return Py_XNewRef(PyDict_GetItemWithError(ns, name));
    PyObject *v = PyObject_GetItem(ns, name);
    if (v == NULL && PyErr_ExceptionMatches(PyExc_KeyError))
        PyErr_Clear();
    return v;
}

PyObject *rt_load_name(RtFrame *frame, void *name)
{
    Py311Frame *f = py311_frame(frame);
    if (f->f_locals == NULL) {
        PyErr_Format(PyExc_SystemError, "no locals when loading %R", name);
        return NULL;
    }
    PyObject *v = namespace_get(f->f_locals, name);
    if (v != NULL || PyErr_Occurred())
        return v;
    v = PyDict_GetItemWithError(f->f_globals, name);
    if (v != NULL)
        return Py_NewRef(v);
    if (PyErr_Occurred())
        return NULL;
    v = namespace_get(f->f_builtins, name);
    if (v == NULL && !PyErr_Occurred())
        rt_format_name_error(rt_ts(), PyExc_NameError, NAME_ERROR_MSG, name);
    return v;
}

int rt_store_name(RtFrame *frame, PyObject *v, void *name)
{
    PyObject *ns = py311_frame(frame)->f_locals;
    if (ns == NULL) {
        PyErr_Format(PyExc_SystemError, "no locals found when storing %R", name);
        return -1;
    }
    return PyDict_CheckExact(ns) ? PyDict_SetItem(ns, name, v) : PyObject_SetItem(ns, name, v);
}

int rt_delete_name(RtFrame *frame, void *name)
{
    PyObject *ns = py311_frame(frame)->f_locals;
    if (ns == NULL) {
        PyErr_Format(PyExc_SystemError, "no locals when deleting %R", name);
        return -1;
    }
    int err = PyObject_DelItem(ns, name);
    if (err < 0) /* whatever went wrong, as DELETE_NAME has it */
        rt_format_name_error(rt_ts(), PyExc_NameError, NAME_ERROR_MSG, name);
    return err;
}

PyObject *rt_load_classderef(RtFrame *frame, int index)
{
    Py311Frame *f = py311_frame(frame);
    PyObject *name = PyTuple_GET_ITEM(f->f_code->co_localsplusnames, index);
    PyObject *v = namespace_get(f->f_locals, name);
    if (v != NULL || PyErr_Occurred())
        return v;
    v = PyCell_GET(f->localsplus[index]);
    if (v == NULL) {
        rt_unbound_deref(frame, index);
        return NULL;
    }
    return Py_NewRef(v);
}

int rt_make_cell(RtFrame *frame, int index)
{
    PyObject **home = &py311_frame(frame)->localsplus[index];
    PyObject *initial = *home;
    PyObject *cell = PyCell_New(initial);
    if (cell == NULL)
        return -1;
    *home = cell;
    Py_XDECREF(initial); /* the cell holds its own */
    return 0;
}

int rt_copy_free_vars(RtFrame *frame, int n)
{
    Py311Frame *f = py311_frame(frame);
    PyObject *closure = f->f_func->func_closure;
    int offset = f->f_code->co_nlocals + f->f_code->co_nplaincellvars;
    for (int i = 0; i < n; i++)
        f->localsplus[offset + i] = Py_NewRef(PyTuple_GET_ITEM(closure, i));
    return 0;
}

int rt_setup_annotations(RtFrame *frame)
{
    PyObject *ns = py311_frame(frame)->f_locals;
    if (ns == NULL) {
        PyErr_SetString(PyExc_SystemError, "no locals found when setting up annotations");
        return -1;
    }
    PyObject *ann = namespace_get(ns, RT_NAME(__annotations__));
    if (ann == NULL) {
        if (PyErr_Occurred() || (ann = PyDict_New()) == NULL)
            return -1;
        int err = PyDict_CheckExact(ns) ? PyDict_SetItem(ns, RT_NAME(__annotations__), ann)
                                        : PyObject_SetItem(ns, RT_NAME(__annotations__), ann);
        Py_DECREF(ann);
        return err;
    }
    Py_DECREF(ann);
    return 0;
}
