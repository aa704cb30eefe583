/* Text that programs make all the time: of small ints, and of pieces that are joined.
 *
 * long_to_decimal_string and _PyUnicode_JoinArray are made for ints of any size and for any kinds of characters. */
#include <string.h>

#include "rt_internal.h"

PyObject *rt_int_text(PyObject *v)
{
    int64_t n;
    char digits[16];
    if (!rt_long_small(v, &n))
        return PyObject_Str(v);
    char *end = digits + sizeof digits, *p = end;
    uint32_t rest = (uint32_t)(n < 0 ? -n : n);
    do
        *--p = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (n < 0)
        *--p = '-';
    PyObject *s = PyUnicode_New(end - p, 127);
    if (s != NULL)
        memcpy(PyUnicode_1BYTE_DATA(s), p, (size_t)(end - p));
    return s;
}

PyObject *rt_str_of(PyObject *v)
{
    return PyLong_CheckExact(v) ? rt_int_text(v) : PyObject_Str(v);
}

PyObject *rt_build_string(PyObject **argv, Py_ssize_t n)
{
    Py_ssize_t length = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!PyUnicode_CheckExact(argv[i]) || !PyUnicode_IS_COMPACT_ASCII(argv[i]) ||
            PyUnicode_GET_LENGTH(argv[i]) > PY_SSIZE_T_MAX / 64)
            return _PyUnicode_JoinArray(rt_state.empty_str, argv, n);
        length += PyUnicode_GET_LENGTH(argv[i]);
    }
    if (n < 2 || n > 32)
        return _PyUnicode_JoinArray(rt_state.empty_str, argv, n);
    PyObject *s = PyUnicode_New(length, 127);
    if (s == NULL)
        return NULL;
    char *to = (char *)PyUnicode_1BYTE_DATA(s);
    for (Py_ssize_t i = 0; i < n && length != 0; i++) {
        size_t size = (size_t)PyUnicode_GET_LENGTH(argv[i]);
        memcpy(to, PyUnicode_1BYTE_DATA(argv[i]), size);
        to += size;
    }
    return s;
}
