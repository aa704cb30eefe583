/* Feedback: decodes bytecode and its inline caches into FbIns records. */
#include "fb.h"

#include <stdbool.h>

#include "py311_opcodes.h"

/* specialize.c: the counter of a freshly specialised instruction; each miss takes one off. */
enum { MISS_COUNTER_START = 53 };

/* Forms that have yet to choose: their counter says when they try (again), not how often they missed. */
static bool is_adaptive(uint8_t raw)
{
    switch (raw) {
    case PY311_BINARY_OP_ADAPTIVE:
    case PY311_BINARY_SUBSCR_ADAPTIVE:
    case PY311_CALL_ADAPTIVE:
    case PY311_COMPARE_OP_ADAPTIVE:
    case PY311_LOAD_ATTR_ADAPTIVE:
    case PY311_LOAD_GLOBAL_ADAPTIVE:
    case PY311_LOAD_METHOD_ADAPTIVE:
    case PY311_PRECALL_ADAPTIVE:
    case PY311_STORE_ATTR_ADAPTIVE:
    case PY311_STORE_SUBSCR_ADAPTIVE:
    case PY311_UNPACK_SEQUENCE_ADAPTIVE: return true;
    default: return false;
    }
}

static int32_t misses(uint8_t raw, uint8_t op, uint16_t counter)
{
    bool specialised = raw != op && py311_opcode_base[raw] == op && !is_adaptive(raw);
    return specialised && counter < MISS_COUNTER_START ? MISS_COUNTER_START - counter : 0;
}

static bool raises_again(uint8_t op)
{
    return op == PY311_RERAISE || op == PY311_END_ASYNC_FOR;
}

static int32_t handler_of(PyCodeObject *co, int32_t bci)
{
    Py311Handler h;
    return py311_find_handler(co, bci, &h) ? h.target : -1;
}

void fb_decode(Arena *a, PyCodeObject *co, FbCode *out)
{
    out->nunits = (int32_t)Py_SIZE(co);
    out->ins = arena_array(a, FbIns, (size_t)out->nunits + 1);
    out->at = arena_array(a, int32_t, (size_t)out->nunits + 1);
    for (int32_t i = 0; i <= out->nunits; i++) {
        out->at[i] = -1;
    }
    int32_t n = 0;
    for (PY311_EACH_INS(co, src)) {
        FbIns *in = &out->ins[n];
        in->op = src.op;
        in->quick = src.raw;
        in->arg = (int32_t)src.arg;
        in->bci = src.op_bci;
        in->start = src.bci;
        in->next = src.next;
        in->target = raises_again(src.op) ? handler_of(co, src.op_bci) : py311_jump_target(&src);
        if (py311_opcode_caches[src.op] != 0) {
            Py311Cache c;
            py311_read_cache(co, &src, &c);
            in->version = src.op == PY311_LOAD_GLOBAL ? c.keys_version : c.type_version;
            in->version2 = src.op == PY311_LOAD_GLOBAL ? c.builtin_keys_version : c.keys_version;
            in->index = src.op == PY311_LOAD_METHOD ? (int16_t)c.dict_offset : c.index;
            in->descr = c.descr;
            in->misses = misses(src.raw, src.op, c.counter);
        }
        out->at[in->start] = n;
        n++;
    }
    out->n = n;
}
