/* Subscripts and lengths: BINARY_SUBSCR, STORE_SUBSCR, DELETE_SUBSCR and len().
 *
 * Exact lists, tuples, dicts, strs and arrays are served here; everything else, and every error, goes
 * through PyObject_GetItem and its kin, so that messages are CPython's. */
#include "rt_array.h"

PyObject *rt_subscr(PyObject *container, PyObject *key)
{
    PyTypeObject *tp = Py_TYPE(container);
    Py_ssize_t i;
    if (tp == &PyList_Type) {
        if (rt_seq_index(key, PyList_GET_SIZE(container), &i))
            return Py_NewRef(PyList_GET_ITEM(container, i));
    } else if (tp == &PyDict_Type) {
        return rt_dict_subscr(container, key);
    } else if (tp == &PyTuple_Type) {
        if (rt_seq_index(key, PyTuple_GET_SIZE(container), &i))
            return Py_NewRef(PyTuple_GET_ITEM(container, i));
    } else if (tp == &PyUnicode_Type) {
        if (PyUnicode_IS_READY(container) && rt_seq_index(key, PyUnicode_GET_LENGTH(container), &i))
            return rt_character(PyUnicode_READ_CHAR(container, i));
        return PyUnicode_Type.tp_as_mapping->mp_subscript(container, key);
    } else if (tp->tp_as_mapping != NULL &&
               tp->tp_as_mapping->mp_subscript == PyDict_Type.tp_as_mapping->mp_subscript) {
        return rt_dict_subclass_subscr(container, key);
    } else if (tp == rt_array_type) {
        return rt_array_get(container, key);
    } else if (tp->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) {
        rt_array_learn(container);
    }
    return PyObject_GetItem(container, key);
}

int rt_store_subscr(PyObject *container, PyObject *key, PyObject *v)
{
    PyTypeObject *tp = Py_TYPE(container);
    if (tp == &PyDict_Type)
        return PyDict_SetItem(container, key, v);
    Py_ssize_t i;
    if (tp == &PyList_Type && rt_seq_index(key, PyList_GET_SIZE(container), &i)) {
        PyObject *old = PyList_GET_ITEM(container, i);
        PyList_SET_ITEM(container, i, Py_NewRef(v));
        Py_DECREF(old);
        return 0;
    }
    if (tp == rt_array_type)
        return rt_array_set(container, key, v);
    if (tp->tp_flags & Py_TPFLAGS_IMMUTABLETYPE)
        rt_array_learn(container);
    return PyObject_SetItem(container, key, v);
}

int rt_delete_subscr(PyObject *container, PyObject *key)
{
    return PyObject_DelItem(container, key);
}

Py_ssize_t rt_len(PyObject *v)
{
    PyTypeObject *tp = Py_TYPE(v);
    if (tp == &PyList_Type || tp == &PyTuple_Type)
        return Py_SIZE(v);
    if (tp == &PyDict_Type)
        return PyDict_GET_SIZE(v);
    if (tp == &PyUnicode_Type && PyUnicode_IS_READY(v))
        return PyUnicode_GET_LENGTH(v);
    return PyObject_Size(v);
}

PyObject *rt_get_len(PyObject *v)
{
    Py_ssize_t n = rt_len(v);
    return n < 0 ? NULL : PyLong_FromSsize_t(n);
}

PyObject *rt_str_item(PyObject *s, Py_ssize_t index)
{
    Py_ssize_t size = PyUnicode_GET_LENGTH(s);
    index += index < 0 ? size : 0;
    if (index < 0 || index >= size)
        return NULL;
    PyObject *c = rt_character(PyUnicode_READ_CHAR(s, index));
    if (c == NULL)
        PyErr_Clear();
    return c;
}

PyObject **rt_latin1(void)
{
    return rt_state.latin1;
}
