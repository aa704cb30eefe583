/* Bytecode reading; see py311_opcodes.h.  The tables come from py311_opcodes.def. */
#define NEED_OPCODE_TABLES 1
#include "py311_internal.h"
/* The header defines its tables as globals, and the libpython inside pyston3 has them too. */
#define _PyOpcode_Caches py311_cpython_caches
#define _PyOpcode_Deopt  py311_cpython_deopt
#include "internal/pycore_opcode.h"

#include "py311_opcodes.h"

#include <stdlib.h>

#include "base_macros.h"

/* The table against CPython's headers, whose macros have the bare names. */
#define PY311_OPCODE(name, number, base, caches)                 \
    _Static_assert(name == (number), "opcode number of " #name); \
    _Static_assert(PY311_##base == base, "base instruction of " #name);
#define PY311_NB(name, number) _Static_assert(NB_##name == (number), "BINARY_OP NB_" #name);
#include "py311_opcodes.def"
_Static_assert(HAVE_ARGUMENT == PY311_HAVE_ARGUMENT, "HAVE_ARGUMENT");
_Static_assert(DO_TRACING == (int)PY311_DO_TRACING, "DO_TRACING");

const uint8_t py311_opcode_base[256] = {
#define PY311_OPCODE(name, number, base, caches) [number] = PY311_##base,
#include "py311_opcodes.def"
};

const uint8_t py311_opcode_caches[256] = {
#define PY311_OPCODE(name, number, base, caches) [number] = (caches),
#include "py311_opcodes.def"
};

static const char *const opcode_names[256] = {
#define PY311_OPCODE(name, number, base, caches) [number] = #name,
#include "py311_opcodes.def"
};

/* How control leaves an instruction; 0: to the next one only. */
enum { JUMP_FWD = 1, JUMP_BACK = 2, NO_FALL = 4 };
static const uint8_t control[256] = {
    [PY311_JUMP_FORWARD] = JUMP_FWD | NO_FALL,
    [PY311_JUMP_BACKWARD] = JUMP_BACK | NO_FALL,
    [PY311_JUMP_BACKWARD_NO_INTERRUPT] = JUMP_BACK | NO_FALL,
    [PY311_POP_JUMP_FORWARD_IF_FALSE] = JUMP_FWD,
    [PY311_POP_JUMP_FORWARD_IF_TRUE] = JUMP_FWD,
    [PY311_POP_JUMP_FORWARD_IF_NONE] = JUMP_FWD,
    [PY311_POP_JUMP_FORWARD_IF_NOT_NONE] = JUMP_FWD,
    [PY311_POP_JUMP_BACKWARD_IF_FALSE] = JUMP_BACK,
    [PY311_POP_JUMP_BACKWARD_IF_TRUE] = JUMP_BACK,
    [PY311_POP_JUMP_BACKWARD_IF_NONE] = JUMP_BACK,
    [PY311_POP_JUMP_BACKWARD_IF_NOT_NONE] = JUMP_BACK,
    [PY311_JUMP_IF_FALSE_OR_POP] = JUMP_FWD,
    [PY311_JUMP_IF_TRUE_OR_POP] = JUMP_FWD,
    [PY311_FOR_ITER] = JUMP_FWD,
    [PY311_SEND] = JUMP_FWD,
    [PY311_RETURN_VALUE] = NO_FALL,
    [PY311_RAISE_VARARGS] = NO_FALL,
    [PY311_RERAISE] = NO_FALL,
};

const char *py311_opcode_name(int opcode)
{
    const char *name = opcode >= 0 && opcode < 256 ? opcode_names[opcode] : NULL;
    return name != NULL ? name : "?";
}

bool py311_decode(PyCodeObject *co, int32_t bci, Py311Ins *out)
{
    const uint16_t *code = py311_code_units(co);
    int32_t n = (int32_t)Py_SIZE(co);
    int32_t at = bci;
    uint32_t arg = 0;
    if (bci < 0) {
        return false;
    }
    for (; at < n; at++) {
        uint16_t unit = code[at];
        uint8_t raw = (uint8_t)(unit & 255);
        uint8_t op = py311_opcode_base[raw];
        arg = arg << 8 | (uint32_t)(unit >> 8);
        if (op == PY311_EXTENDED_ARG) {
            continue;
        }
        out->bci = bci;
        out->op_bci = at;
        out->next = at + 1 + py311_opcode_caches[op];
        out->op = op;
        out->raw = raw;
        out->arg = op >= PY311_HAVE_ARGUMENT ? arg : 0;
        return true;
    }
    return false;
}

int32_t py311_jump_target(const Py311Ins *ins)
{
    /* Jumps are relative to the unit behind the opcode; none of them has an inline cache. */
    if (control[ins->op] & JUMP_FWD) {
        return ins->op_bci + 1 + (int32_t)ins->arg;
    }
    if (control[ins->op] & JUMP_BACK) {
        return ins->op_bci + 1 - (int32_t)ins->arg;
    }
    return -1;
}

bool py311_falls_through(int op)
{
    return !(control[op & 255] & NO_FALL);
}

bool py311_is_backward_jump(int op)
{
    return (control[op & 255] & JUMP_BACK) != 0;
}

static uint32_t cache_u32(const uint16_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 16;
}

#define FIELD_AT(cache, type, field)  ((cache) + offsetof(type, field) / sizeof(uint16_t))
#define FIELD_U16(cache, type, field) (*FIELD_AT(cache, type, field))
#define FIELD_U32(cache, type, field) cache_u32(FIELD_AT(cache, type, field))

void py311_read_cache(PyCodeObject *co, const Py311Ins *ins, Py311Cache *out)
{
    const uint16_t *cache = py311_code_units(co) + ins->op_bci + 1;
    memset(out, 0, sizeof *out);
    out->counter = cache[0];
    switch (ins->op) {
    case PY311_LOAD_GLOBAL:
        out->index = FIELD_U16(cache, _PyLoadGlobalCache, index);
        out->keys_version = FIELD_U32(cache, _PyLoadGlobalCache, module_keys_version);
        out->builtin_keys_version = FIELD_U16(cache, _PyLoadGlobalCache, builtin_keys_version);
        break;
    case PY311_LOAD_ATTR:
    case PY311_STORE_ATTR:
        out->type_version = FIELD_U32(cache, _PyAttrCache, version);
        out->index = FIELD_U16(cache, _PyAttrCache, index);
        break;
    case PY311_LOAD_METHOD: {
        const uint16_t *descr = FIELD_AT(cache, _PyLoadMethodCache, descr);
        uint64_t bits = (uint64_t)cache_u32(descr) | (uint64_t)cache_u32(descr + 2) << 32;
        out->type_version = FIELD_U32(cache, _PyLoadMethodCache, type_version);
        out->dict_offset = FIELD_U16(cache, _PyLoadMethodCache, dict_offset);
        out->keys_version = FIELD_U32(cache, _PyLoadMethodCache, keys_version);
        out->descr = (PyObject *)(uintptr_t)bits;
        break;
    }
    case PY311_CALL:
        out->func_version = FIELD_U32(cache, _PyCallCache, func_version);
        out->min_args = FIELD_U16(cache, _PyCallCache, min_args);
        break;
    case PY311_BINARY_SUBSCR:
        out->type_version = FIELD_U32(cache, _PyBinarySubscrCache, type_version);
        out->func_version = FIELD_U16(cache, _PyBinarySubscrCache, func_version);
        break;
    case PY311_COMPARE_OP: out->mask = FIELD_U16(cache, _PyCompareOpCache, mask); break;
    default: break;
    }
}

void py311_look_again(PyCodeObject *co, int32_t bci)
{
    static const struct {
        uint8_t raw, adaptive;
    } places[] = {
        {PY311_LOAD_GLOBAL_MODULE, PY311_LOAD_GLOBAL_ADAPTIVE},
        {PY311_LOAD_GLOBAL_BUILTIN, PY311_LOAD_GLOBAL_ADAPTIVE},
        {PY311_LOAD_ATTR_MODULE, PY311_LOAD_ATTR_ADAPTIVE},
        {PY311_LOAD_METHOD_MODULE, PY311_LOAD_METHOD_ADAPTIVE},
    };
    Py311Ins ins;
    if (!py311_decode(co, bci, &ins)) {
        return;
    }
    for (size_t i = 0; i < BASE_COUNT(places); i++) {
        if (places[i].raw == ins.raw) {
            uint16_t *unit = py311_code_units(co) + ins.op_bci;
            unit[0] = (uint16_t)((unit[0] & 0xff00) | places[i].adaptive);
            unit[1] = 0; /* the counter, first in all inline caches: not any more times */
        }
    }
}

/* --- exception table (Objects/exception_handling_notes.txt) -------------------- */

static const uint8_t *read_varint(const uint8_t *p, int32_t *value)
{
    int32_t v = *p & 63;
    while (*p & 64) {
        p++;
        v = v << 6 | (*p & 63);
    }
    *value = v;
    return p + 1;
}

static const uint8_t *read_entry(const uint8_t *p, Py311Handler *h)
{
    int32_t length, depth_lasti;
    p = read_varint(p, &h->start);
    p = read_varint(p, &length);
    p = read_varint(p, &h->target);
    p = read_varint(p, &depth_lasti);
    h->end = h->start + length;
    h->depth = depth_lasti >> 1;
    h->lasti = depth_lasti & 1;
    return p;
}

void py311_each_handler(PyCodeObject *co, void (*fn)(const Py311Handler *h, void *ctx), void *ctx)
{
    const uint8_t *p = (const uint8_t *)PyBytes_AS_STRING(co->co_exceptiontable);
    const uint8_t *end = p + PyBytes_GET_SIZE(co->co_exceptiontable);
    while (p < end) {
        Py311Handler h;
        p = read_entry(p, &h);
        fn(&h, ctx);
    }
}

typedef struct {
    int32_t bci;
    bool hit;
} HandlerScan;

static void see_handler(const Py311Handler *h, void *ctx)
{
    HandlerScan *s = ctx;
    s->hit |= h->target == s->bci;
}

bool py311_is_handler(PyCodeObject *co, int32_t bci)
{
    HandlerScan s = {bci, false};
    py311_each_handler(co, see_handler, &s);
    return s.hit;
}

bool py311_find_handler(PyCodeObject *co, int32_t bci, Py311Handler *out)
{
    const uint8_t *p = (const uint8_t *)PyBytes_AS_STRING(co->co_exceptiontable);
    const uint8_t *end = p + PyBytes_GET_SIZE(co->co_exceptiontable);
    while (p < end) {
        p = read_entry(p, out);
        /* Entries are sorted and do not overlap. */
        if (out->start > bci) {
            return false;
        }
        if (bci < out->end) {
            return true;
        }
    }
    return false;
}

/* --- stack depths --------------------------------------------------------------- */

/* Effect on the depth of tier 0's stack.  The compiler's own function counts the arguments of a
 * call as gone at PRECALL, and the sent value of RETURN_GENERATOR not at all. */
static int stack_effect(const Py311Ins *ins, int jump)
{
    switch (ins->op) {
    case PY311_PRECALL: return 0;
    case PY311_CALL: return -(int)ins->arg - 1;
    case PY311_RETURN_GENERATOR: return 1;
    default: return PyCompile_OpcodeStackEffectWithJump(ins->op, (int)ins->arg, jump);
    }
}

typedef struct {
    PyCodeObject *co;
    int16_t *depth;
    int32_t n;
    bool changed, bad;
} DepthScan;

static void depth_meet(DepthScan *s, int32_t bci, int depth)
{
    if (bci < 0 || bci >= s->n || depth < 0 || depth > s->co->co_stacksize) {
        s->bad = true;
    } else if (s->depth[bci] < 0) {
        s->depth[bci] = (int16_t)depth;
        s->changed = true;
    } else if (s->depth[bci] != depth) {
        s->bad = true;
    }
}

static void depth_handler(const Py311Handler *h, void *ctx)
{
    DepthScan *s = ctx;
    /* Only handlers of code known to be reachable matter, but the table has no others. */
    depth_meet(s, h->target, h->depth + (h->lasti ? 1 : 0) + 1);
}

int py311_stack_depths(PyCodeObject *co, int16_t *depth)
{
    DepthScan s = {.co = co, .depth = depth, .n = (int32_t)Py_SIZE(co)};
    for (int32_t i = 0; i < s.n; i++) {
        depth[i] = -1;
    }
    if (s.n == 0 || co->co_stacksize > INT16_MAX) {
        return -1;
    }
    depth[0] = 0;
    py311_each_handler(co, depth_handler, &s);
    /* Depth flows forward but for the rare block that only a backward jump reaches. */
    do {
        s.changed = false;
        for (PY311_EACH_INS(co, ins)) {
            int d = depth[ins.bci];
            if (d < 0) {
                continue;
            }
            depth[ins.op_bci] = (int16_t)d;
            int32_t target = py311_jump_target(&ins);
            if (target >= 0) {
                depth_meet(&s, target, d + stack_effect(&ins, 1));
            }
            if (py311_falls_through(ins.op)) {
                depth_meet(&s, ins.next, d + stack_effect(&ins, 0));
            }
        }
    } while (s.changed && !s.bad);
    if (s.bad) {
        return -1;
    }
    int most = 0;
    for (int32_t i = 0; i < s.n; i++) {
        most = depth[i] > most ? depth[i] : most;
    }
    return most;
}

bool py311_local_is_cell(const PyCodeObject *co, int i)
{
    return PyBytes_AS_STRING(co->co_localspluskinds)[i] & CO_FAST_CELL;
}

int py311_stack_depth_at(PyCodeObject *co, int32_t bci)
{
    int16_t *depths = malloc((size_t)Py_SIZE(co) * sizeof *depths);
    int depth = depths != NULL && py311_stack_depths(co, depths) >= 0 ? depths[bci] : -1;
    free(depths);
    return depth;
}
