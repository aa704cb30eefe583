/* Decoding of the location table (Objects/locations.md of CPython 3.11) into an array of lines. */
#include "py311_lines.h"

#include <stdint.h>

#include "base_macros.h"

/* Kinds of table entries; the ones below ONE_LINE are short forms without a change of the line. */
enum { ONE_LINE = 10, ONE_LINE_LAST = 12, NO_COLUMNS = 13, LONG = 14, NO_LOCATION = 15 };

/* A signed number of 6 bits a byte, the lowest first, its sign in bit 0. */
static int signed_number(const uint8_t *p, const uint8_t *end)
{
    unsigned value = 0, shift = 0;
    for (; p < end && shift < 30; shift += 6) {
        uint8_t b = *p++;
        value |= (b & 63u) << shift;
        if (!(b & 64)) {
            break;
        }
    }
    return value & 1 ? -(int)(value >> 1) : (int)(value >> 1);
}

/* An array whose numbers have `size` bytes; NULL: nothing is stored. */
static inline void store(char *array, size_t size, int unit, int line)
{
    if (array != NULL && size == sizeof(int16_t)) {
        ((int16_t *)(void *)array)[unit] = (int16_t)line;
    } else if (array != NULL) {
        ((int32_t *)(void *)array)[unit] = line;
    }
}

/* Stores the line of each code unit, -1 where it has none. The largest line. */
static int decode(const PyCodeObject *co, char *array, size_t size)
{
    const uint8_t *p = (const uint8_t *)PyBytes_AS_STRING(co->co_linetable);
    const uint8_t *end = p + PyBytes_GET_SIZE(co->co_linetable);
    int line = co->co_firstlineno, most = 0, unit = 0;
    const int units = (int)Py_SIZE(co);
    while (p < end && unit < units) {
        const int kind = (*p >> 3) & 15;
        const int last = BASE_MIN(unit + (*p & 7) + 1, units);
        p++;
        if (kind >= ONE_LINE && kind <= ONE_LINE_LAST) {
            line += kind - ONE_LINE;
        } else if (kind == NO_COLUMNS || kind == LONG) {
            line += signed_number(p, end);
        }
        most = BASE_MAX(most, line);
        for (; unit < last; unit++) {
            store(array, size, unit, kind == NO_LOCATION ? -1 : line);
        }
        while (p < end && !(*p & 0x80)) { /* only the first byte of an entry has this bit */
            p++;
        }
    }
    for (; unit < units; unit++) {
        store(array, size, unit, -1);
    }
    return most;
}

bool py311_make_lines(PyCodeObject *co, int sample)
{
    if (co->_co_linearray != NULL) {
        return true;
    }
    const int address = sample * (int)sizeof(_Py_CODEUNIT);
    const int line = PyCode_Addr2Line(co, address);
    const size_t size = decode(co, NULL, 0) <= INT16_MAX ? sizeof(int16_t) : sizeof(int32_t);
    char *array = PyMem_Malloc((size_t)Py_SIZE(co) * size);
    if (array == NULL) {
        return false;
    }
    decode(co, array, size);
    co->_co_linearray_entry_size = (short)size;
    co->_co_linearray = array;
    if (PyCode_Addr2Line(co, address) != line) {
        co->_co_linearray = NULL;
        co->_co_linearray_entry_size = 0;
        PyMem_Free(array);
        return false;
    }
    return true;
}
