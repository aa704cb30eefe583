/* CodeUnits: making and freeing them, and the memory and references that live as long as they
 * do. */
#include "rt_unit.h"

#include <stdlib.h>

#include "base_macros.h"
#include "py311_frame.h"
#include "rt_ic.h"

/* Data is handed out from chunks; large requests get a chunk of their own. */
enum { DATA_CHUNK = 512, DATA_ALIGN = 16, LINE = 64 };

typedef struct RtDataChunk {
    struct RtDataChunk *next;
    uint32_t used, size; /* of the bytes after the header */
} RtDataChunk;
#define CHUNK_HEADER sizeof(RtDataChunk)
_Static_assert(CHUNK_HEADER % DATA_ALIGN == 0 && _Alignof(max_align_t) % DATA_ALIGN == 0,
               "malloc's alignment is ours");

CodeUnit *rt_unit_new(PyCodeObject *code, int32_t entry_bci)
{
    CodeUnit *u = calloc(1, sizeof *u);
    if (u == NULL)
        return NULL;
    u->code = code;
    u->entry_bci = entry_bci;
    u->data_size = sizeof *u;
    return u;
}

void rt_unit_free(CodeUnit *u)
{
    if (u == NULL)
        return;
    rt_catch_forget();
    PyObject **pinned = u->pinned;
    uint32_t npinned = u->npinned;
    for (RtAttrIC *ic = u->attr_ics; ic != NULL; ic = ic->next_ic) {
        for (uint32_t k = 0; k < ic->ways; k++)
            Py_XDECREF(ic->alive[k]); /* weak references run no code */
    }
    for (RtDataChunk *c = u->data; c != NULL;) {
        RtDataChunk *next = c->next;
        free(c);
        c = next;
    }
    free(u->taken);
    free(u);
    /* Last: this may run Python code, for which the unit is gone. */
    for (uint32_t i = 0; i < npinned; i++)
        Py_DECREF(pinned[i]);
    free(pinned);
}

/* Where the next data with this alignment is in the chunk. */
static size_t place_in(const RtDataChunk *c, size_t align)
{
    uintptr_t data = (uintptr_t)c + CHUNK_HEADER;
    return BASE_ALIGN_UP(data + c->used, align) - data;
}

static void *data(CodeUnit *u, size_t bytes, size_t align)
{
    if (bytes > UINT32_MAX / 2)
        return NULL;
    bytes = BASE_ALIGN_UP(bytes, (size_t)DATA_ALIGN);
    RtDataChunk *c = u->data;
    size_t at = c != NULL ? place_in(c, align) : 0;
    if (c == NULL || c->size < at + bytes) {
        size_t size = BASE_MAX(bytes + align - DATA_ALIGN, DATA_CHUNK - CHUNK_HEADER);
        c = calloc(1, CHUNK_HEADER + size);
        if (c == NULL)
            return NULL;
        c->size = (uint32_t)size;
        u->data_size += CHUNK_HEADER + size;
        /* A chunk with more room left stays the one that small requests are served from. */
        if (u->data != NULL && u->data->size - u->data->used > size - bytes) {
            c->next = u->data->next;
            u->data->next = c;
        } else {
            c->next = u->data;
            u->data = c;
        }
        at = place_in(c, align);
    }
    c->used = (uint32_t)(at + bytes);
    return (char *)c + CHUNK_HEADER + at;
}

void *rt_unit_data(CodeUnit *u, size_t bytes)
{
    return data(u, bytes, DATA_ALIGN);
}

void *rt_unit_lines(CodeUnit *u, size_t bytes)
{
    return data(u, bytes, LINE);
}

int rt_unit_getter(CodeUnit *u, PyCodeObject *code, int32_t bci, PyObject *name)
{
    RtGetterSite *site = rt_unit_data(u, sizeof *site);
    if (site == NULL)
        return -1;
    *site = (RtGetterSite){u->getters, code, bci, name};
    u->getters = site;
    return 0;
}

/* Objects that outlive everything: counting them would only show in sys.getrefcount. */
static bool immortal(PyObject *obj)
{
    PyObject *small = (PyObject *)(void *)py311_small_ints();
    PyObject *end = (PyObject *)(void *)(py311_small_ints() + PY311_NSMALLNEG + PY311_NSMALLPOS);
    return obj == Py_None || obj == Py_True || obj == Py_False || obj == Py_NotImplemented ||
           obj == Py_Ellipsis || (obj >= small && obj < end) ||
           (PyType_Check(obj) && !(((PyTypeObject *)obj)->tp_flags & Py_TPFLAGS_HEAPTYPE));
}

/* Constants and names live as long as the code object, and so longer than the unit. Counting them
 * once more would change what marshal writes for the code (it looks at the counts). */
static bool held_by_code(PyCodeObject *co, PyObject *obj)
{
    if (co == NULL)
        return false;
    PyObject *tuples[] = {co->co_consts, co->co_names};
    for (int t = 0; t < 2; t++) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuples[t]); i++) {
            if (PyTuple_GET_ITEM(tuples[t], i) == obj)
                return true;
        }
    }
    return false;
}

int rt_unit_pin(CodeUnit *u, PyObject *obj)
{
    if (immortal(obj) || held_by_code(u->code, obj))
        return 0;
    for (uint32_t i = 0; i < u->npinned; i++) {
        if (u->pinned[i] == obj)
            return 0;
    }
    /* Capacity is the next power of two. */
    if ((u->npinned & (u->npinned - 1)) == 0) {
        size_t cap = u->npinned == 0 ? 4 : (size_t)u->npinned * 2;
        if (u->npinned == 0 || u->npinned >= 4) {
            PyObject **p = realloc(u->pinned, cap * sizeof *p);
            if (p == NULL)
                return -1;
            u->data_size += (cap - (u->npinned == 0 ? 0 : u->npinned)) * sizeof *p;
            u->pinned = p;
        }
    }
    u->pinned[u->npinned++] = Py_NewRef(obj);
    return 0;
}
