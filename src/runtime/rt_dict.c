/* Lookups in dicts.
 *
 * The hash of a str is in it, and CPython's lookup does the rest.  An exact int is looked up here, as _Py_dict_lookup of
 * Objects/dictobject.c would: compared with other ints without a call of their comparison, which runs no Python code. Where a key of
 * another type has the same hash, only CPython's own lookup will do. */
#include "rt_internal.h"

#define PERTURB_SHIFT 5 /* dictobject.c */

enum { EMPTY = -1 }; /* DKIX_EMPTY */

static inline PyObject *field(const char *entry, int offset)
{
    return *(PyObject *const *)(const void *)(entry + offset);
}

/* The value of an exact int key of up to two digits in a dict that may have other keys than strs, borrowed; NULL: it is not there,
 * or *unsure: CPython has to look. */
static PyObject *find_int(PyObject *dict, PyObject *key, int64_t n, bool *unsure)
{
    char *keys = py311_dict_keys(dict);
    const char *entries = py311_keys_entries(keys);
    Py_hash_t hash = n == -1 ? -2 : n; /* less than the modulus of hashes */
    size_t mask = ((size_t)1 << (uint8_t)keys[PY311_OFF_KEYS_LOG2_SIZE]) - 1;
    size_t perturb = (size_t)hash, i = (size_t)hash & mask;
    for (int64_t k; (k = py311_keys_index_at(keys, i)) != EMPTY;) {
        const char *entry = entries + k * PY311_OFF_ENTRY_SIZE;
        if (k >= 0 && (Py_hash_t)field(entry, PY311_OFF_ENTRY_HASH) == hash) {
            PyObject *other = field(entry, PY311_OFF_ENTRY_KEY);
            int64_t m;
            if (other == key ||
                (PyLong_CheckExact(other) && rt_long_two_digits(other, &m) && m == n))
                return field(entry, PY311_OFF_ENTRY_VALUE);
            if (!PyLong_CheckExact(other)) {
                *unsure = true;
                return NULL;
            }
        }
        perturb >>= PERTURB_SHIFT;
        i = (i * 5 + perturb + 1) & mask;
    }
    return NULL;
}

/* Borrowed; NULL: it is not there, or there is an exception. */
static inline PyObject *find(PyObject *dict, PyObject *key)
{
    int64_t n;
    if (PyUnicode_CheckExact(key))
        return _PyDict_GetItem_KnownHash(dict, key, rt_str_hash(key));
    if (PyLong_CheckExact(key) && rt_long_two_digits(key, &n) &&
        !py311_keys_unicode(py311_dict_keys(dict))) {
        bool unsure = false;
        PyObject *value = find_int(dict, key, n, &unsure);
        if (BASE_LIKELY(!unsure))
            return value;
    }
    return PyDict_GetItemWithError(dict, key);
}

PyObject *rt_dict_subscr(PyObject *dict, PyObject *key)
{
    PyObject *res = find(dict, key);
    if (BASE_LIKELY(res != NULL))
        return Py_NewRef(res);
    if (!PyErr_Occurred())
        _PyErr_SetKeyError(key);
    return NULL;
}

PyObject *rt_find_key(PyThreadState *ts, PyObject *dict, PyObject *key)
{
    PyObject *res = find(dict, key);
    if (res != NULL)
        return Py_NewRef(res);
    return rt_err(ts) ? NULL : rt_miss_key(ts, key);
}

PyObject *rt_dict_subclass_subscr(PyObject *dict, PyObject *key)
{
    PyObject *res = find(dict, key);
    if (BASE_LIKELY(res != NULL))
        return Py_NewRef(res);
    if (PyErr_Occurred())
        return NULL;
    PyObject *missing = _PyObject_LookupSpecial(dict, RT_NAME(__missing__));
    if (missing != NULL) {
        res = PyObject_CallOneArg(missing, key);
        Py_DECREF(missing);
    } else if (!PyErr_Occurred()) {
        _PyErr_SetKeyError(key);
    }
    return res;
}

PyObject *rt_dict_get(PyThreadState *ts, PyObject *dict, PyObject *key, PyObject *otherwise)
{
    /* method_vectorcall_FASTCALL counts as a level of recursion. */
    if (rt_enter_recursive(ts, " while calling a Python object"))
        return NULL;
    PyObject *res = find(dict, key);
    rt_leave_recursive(ts);
    if (res == NULL && rt_err(ts))
        return NULL;
    return Py_NewRef(res != NULL ? res : otherwise);
}

int rt_dict_contains(PyObject *dict, PyObject *key)
{
    if (PyUnicode_CheckExact(key))
        return _PyDict_Contains_KnownHash(dict, key, rt_str_hash(key));
    if (!PyLong_CheckExact(key))
        return PyDict_Contains(dict, key);
    PyObject *value = find(dict, key);
    return value != NULL ? 1 : PyErr_Occurred() != NULL ? -1 : 0;
}
