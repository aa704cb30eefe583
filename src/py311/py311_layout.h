/* Layout constants of CPython 3.11 on x86-64, for machine code and for the other rooms.
 *
 * Every offset that anything outside this room may use is a row of PY311_LAYOUT: its name, its
 * value and the expression over CPython's own (internal) headers that it must equal.  This header
 * only takes the first two, so it needs no internal header; py311_layout.c asserts the third at
 * compile time, and py311_check.c holds the values against the running interpreter at load.
 *
 * An interpreter frame is also given as a C struct, Py311Frame, with the same layout. */
#ifndef PYSTON_PY311_LAYOUT_H
#define PYSTON_PY311_LAYOUT_H

#include <Python.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
/* X(NAME, value, expression over the internal headers) gives PY311_OFF_NAME. */
#define PY311_LAYOUT(X) \
    /* interpreter frame */                                                                       \
    X(FRAME_FUNC, 0, offsetof(_PyInterpreterFrame, f_func))                                       \
    X(FRAME_GLOBALS, 8, offsetof(_PyInterpreterFrame, f_globals))                                 \
    X(FRAME_BUILTINS, 16, offsetof(_PyInterpreterFrame, f_builtins))                              \
    X(FRAME_LOCALS, 24, offsetof(_PyInterpreterFrame, f_locals))                                  \
    X(FRAME_CODE, 32, offsetof(_PyInterpreterFrame, f_code))                                      \
    X(FRAME_OBJ, 40, offsetof(_PyInterpreterFrame, frame_obj))                                    \
    X(FRAME_PREVIOUS, 48, offsetof(_PyInterpreterFrame, previous))                                \
    X(FRAME_PREV_INSTR, 56, offsetof(_PyInterpreterFrame, prev_instr))                            \
    X(FRAME_STACKTOP, 64, offsetof(_PyInterpreterFrame, stacktop))                                \
    X(FRAME_IS_ENTRY, 68, offsetof(_PyInterpreterFrame, is_entry))                                \
    X(FRAME_OWNER, 69, offsetof(_PyInterpreterFrame, owner))                                      \
    X(FRAME_LOCALSPLUS, 72, offsetof(_PyInterpreterFrame, localsplus))                            \
    /* thread state */                                                                            \
    X(TS_INTERP, 16, offsetof(PyThreadState, interp))                                             \
    X(TS_RECURSION_REMAINING, 32, offsetof(PyThreadState, recursion_remaining))                   \
    X(TS_RECURSION_LIMIT, 36, offsetof(PyThreadState, recursion_limit))                           \
    X(TS_TRACING, 44, offsetof(PyThreadState, tracing))                                           \
    X(TS_CFRAME, 56, offsetof(PyThreadState, cframe))                                             \
    X(TS_PROFILEFUNC, 64, offsetof(PyThreadState, c_profilefunc))                                 \
    X(TS_TRACEFUNC, 72, offsetof(PyThreadState, c_tracefunc))                                     \
    X(TS_CUREXC_TYPE, 96, offsetof(PyThreadState, curexc_type))                                   \
    X(TS_CUREXC_VALUE, 104, offsetof(PyThreadState, curexc_value))                                \
    X(TS_CUREXC_TRACEBACK, 112, offsetof(PyThreadState, curexc_traceback))                        \
    X(TS_EXC_INFO, 120, offsetof(PyThreadState, exc_info))                                        \
    X(TS_ASYNC_EXC, 144, offsetof(PyThreadState, async_exc))                                      \
    X(TS_TRASH_NESTING, 168, offsetof(PyThreadState, trash_delete_nesting))                       \
    X(TS_TRASH_LATER, 176, offsetof(PyThreadState, trash_delete_later))                           \
    X(TS_DATASTACK_CHUNK, 296, offsetof(PyThreadState, datastack_chunk))                          \
    X(TS_DATASTACK_TOP, 304, offsetof(PyThreadState, datastack_top))                              \
    X(TS_DATASTACK_LIMIT, 312, offsetof(PyThreadState, datastack_limit))                          \
    X(EXC_ITEM_VALUE, 0, offsetof(_PyErr_StackItem, exc_value))                                   \
    X(EXC_ITEM_PREVIOUS, 8, offsetof(_PyErr_StackItem, previous_item))                            \
    X(CFRAME_USE_TRACING, 0, offsetof(_PyCFrame, use_tracing))                                    \
    X(CFRAME_CURRENT_FRAME, 8, offsetof(_PyCFrame, current_frame))                                \
    /* interpreter state */                                                                       \
    X(INTERP_EVAL_BREAKER, 100, offsetof(PyInterpreterState, ceval.eval_breaker))                 \
    X(INTERP_GIL_DROP_REQUEST, 104, offsetof(PyInterpreterState, ceval.gil_drop_request))         \
    X(INTERP_CALLS_TO_DO, 120, offsetof(PyInterpreterState, ceval.pending.calls_to_do))           \
    X(INTERP_PENDING_ASYNC_EXC, 124, offsetof(PyInterpreterState, ceval.pending.async_exc))       \
    X(INTERP_GC, 648, offsetof(PyInterpreterState, gc))                                           \
    X(INTERP_GC_ENABLED, 660, offsetof(PyInterpreterState, gc.enabled))                           \
    X(INTERP_GC_DEBUG, 664, offsetof(PyInterpreterState, gc.debug))                               \
    X(INTERP_GC_GEN0, 672, offsetof(PyInterpreterState, gc.generations))                          \
    X(INTERP_GC_GEN0_COUNT, 692, offsetof(PyInterpreterState, gc.generations[0].count))           \
    X(INTERP_GC_GEN0_HEAD, 672, offsetof(PyInterpreterState, gc.generations[0].head))             \
    X(INTERP_GC_STATS, 776, offsetof(PyInterpreterState, gc.generation_stats))                    \
    X(INTERP_GC_COLLECTING, 848, offsetof(PyInterpreterState, gc.collecting))                     \
    X(INTERP_GC_GARBAGE, 856, offsetof(PyInterpreterState, gc.garbage))                           \
    X(INTERP_GC_CALLBACKS, 864, offsetof(PyInterpreterState, gc.callbacks))                       \
    X(INTERP_GC_LONG_LIVED_TOTAL, 872, offsetof(PyInterpreterState, gc.long_lived_total))         \
    X(INTERP_GC_LONG_LIVED_PENDING, 880, offsetof(PyInterpreterState, gc.long_lived_pending))     \
    X(INTERP_IMPORT_FUNC, 1416, offsetof(PyInterpreterState, import_func))                        \
    X(INTERP_EVAL_FRAME, 1424, offsetof(PyInterpreterState, eval_frame))                          \
    X(INTERP_FLOAT_NUMFREE, 3608, offsetof(PyInterpreterState, float_state.numfree))              \
    X(INTERP_FLOAT_FREELIST, 3616, offsetof(PyInterpreterState, float_state.free_list))           \
    /* objects and types */                                                                       \
    X(OBJ_REFCNT, 0, offsetof(PyObject, ob_refcnt))                                               \
    X(OBJ_TYPE, 8, offsetof(PyObject, ob_type))                                                   \
    X(VAR_SIZE, 16, offsetof(PyVarObject, ob_size))                                               \
    X(TYPE_BASICSIZE, 32, offsetof(PyTypeObject, tp_basicsize))                                   \
    X(TYPE_DEALLOC, 48, offsetof(PyTypeObject, tp_dealloc))                                       \
    X(TYPE_VECTORCALL_OFFSET, 56, offsetof(PyTypeObject, tp_vectorcall_offset))                   \
    X(TYPE_FLAGS, 168, offsetof(PyTypeObject, tp_flags))                                          \
    X(TYPE_ITER, 216, offsetof(PyTypeObject, tp_iter))                                            \
    X(TYPE_ITERNEXT, 224, offsetof(PyTypeObject, tp_iternext))                                    \
    X(TYPE_DICTOFFSET, 288, offsetof(PyTypeObject, tp_dictoffset))                                \
    X(TYPE_VERSION_TAG, 384, offsetof(PyTypeObject, tp_version_tag))                              \
    X(HEAPTYPE_CACHED_KEYS, 872, offsetof(PyHeapTypeObject, ht_cached_keys))                      \
    X(HEAPTYPE_SPEC_GETITEM, 896, offsetof(PyHeapTypeObject, _spec_cache.getitem))                \
    X(GC_HEAD_SIZE, 16, sizeof(PyGC_Head))                                                        \
    X(GC_HEAD_NEXT, 0, offsetof(PyGC_Head, _gc_next))                                             \
    X(GC_HEAD_PREV, 8, offsetof(PyGC_Head, _gc_prev))                                             \
    /* dict, its keys and inline values */                                                        \
    X(DICT_USED, 16, offsetof(PyDictObject, ma_used))                                             \
    X(DICT_VERSION_TAG, 24, offsetof(PyDictObject, ma_version_tag))                               \
    X(DICT_KEYS, 32, offsetof(PyDictObject, ma_keys))                                             \
    X(DICT_VALUES, 40, offsetof(PyDictObject, ma_values))                                         \
    X(KEYS_LOG2_SIZE, 8, offsetof(PyDictKeysObject, dk_log2_size))                                \
    X(KEYS_LOG2_INDEX_BYTES, 9, offsetof(PyDictKeysObject, dk_log2_index_bytes))                  \
    X(KEYS_KIND, 10, offsetof(PyDictKeysObject, dk_kind))                                         \
    X(KEYS_VERSION, 12, offsetof(PyDictKeysObject, dk_version))                                   \
    X(KEYS_USABLE, 16, offsetof(PyDictKeysObject, dk_usable))                                     \
    X(KEYS_NENTRIES, 24, offsetof(PyDictKeysObject, dk_nentries))                                 \
    X(KEYS_INDICES, 32, offsetof(PyDictKeysObject, dk_indices))                                   \
    X(ENTRY_SIZE, 24, sizeof(PyDictKeyEntry))                                                     \
    X(ENTRY_HASH, 0, offsetof(PyDictKeyEntry, me_hash))                                           \
    X(ENTRY_KEY, 8, offsetof(PyDictKeyEntry, me_key))                                             \
    X(ENTRY_VALUE, 16, offsetof(PyDictKeyEntry, me_value))                                        \
    X(UENTRY_SIZE, 16, sizeof(PyDictUnicodeEntry))                                                \
    X(UENTRY_KEY, 0, offsetof(PyDictUnicodeEntry, me_key))                                        \
    X(UENTRY_VALUE, 8, offsetof(PyDictUnicodeEntry, me_value))                                    \
    X(DICTVALUES_VALUES, 0, offsetof(PyDictValues, values))                                       \
    /* built-in types */                                                                          \
    X(LIST_ITEMS, 24, offsetof(PyListObject, ob_item))                                            \
    X(LIST_ALLOCATED, 32, offsetof(PyListObject, allocated))                                      \
    X(TUPLE_ITEMS, 24, offsetof(PyTupleObject, ob_item))                                          \
    X(FLOAT_VALUE, 16, offsetof(PyFloatObject, ob_fval))                                          \
    X(FLOAT_SIZE, 24, sizeof(PyFloatObject))                                                      \
    X(LONG_DIGITS, 24, offsetof(PyLongObject, ob_digit))                                          \
    X(LONG_SIZE, 32, sizeof(PyLongObject))                                                        \
    X(LONG_SHIFT, 30, PyLong_SHIFT)                                                               \
    X(STR_LENGTH, 16, offsetof(PyASCIIObject, length))                                            \
    X(STR_HASH, 24, offsetof(PyASCIIObject, hash))                                                \
    X(STR_STATE, 32, offsetof(PyASCIIObject, state))                                              \
    X(STR_ASCII_DATA, 48, sizeof(PyASCIIObject))                                                  \
    X(STR_COMPACT_DATA, 72, sizeof(PyCompactUnicodeObject))                                       \
    X(CELL_REF, 16, offsetof(PyCellObject, ob_ref))                                               \
    X(MODULE_DICT, 16, offsetof(PyModuleObject, md_dict))                                         \
    X(SLICE_START, 16, offsetof(PySliceObject, start))                                            \
    X(LISTITER_INDEX, 16, offsetof(Py311ListIter, it_index))                                      \
    X(LISTITER_SEQ, 24, offsetof(Py311ListIter, it_seq))                                          \
    X(TUPLEITER_INDEX, 16, offsetof(Py311TupleIter, it_index))                                    \
    X(TUPLEITER_SEQ, 24, offsetof(Py311TupleIter, it_seq))                                        \
    X(RANGEITER_INDEX, 16, offsetof(Py311RangeIter, index))                                       \
    X(RANGEITER_START, 24, offsetof(Py311RangeIter, start))                                       \
    X(RANGEITER_STEP, 32, offsetof(Py311RangeIter, step))                                         \
    X(RANGEITER_LEN, 40, offsetof(Py311RangeIter, len))                                           \
    X(ENUM_INDEX, 16, offsetof(Py311Enumerate, en_index))                                         \
    X(ZIP_SIZE, 16, offsetof(Py311Zip, tuplesize))                                                \
    X(ZIP_STRICT, 40, offsetof(Py311Zip, strict))                                                 \
    X(ITER_RESULT, 32, offsetof(Py311Enumerate, en_result))                                       \
    X(ITER_PARTS, 24, offsetof(Py311Enumerate, en_sit))                                           \
    /* callables and code */                                                                      \
    X(FUNC_GLOBALS, 16, offsetof(PyFunctionObject, func_globals))                                 \
    X(FUNC_BUILTINS, 24, offsetof(PyFunctionObject, func_builtins))                               \
    X(FUNC_CODE, 48, offsetof(PyFunctionObject, func_code))                                       \
    X(FUNC_DEFAULTS, 56, offsetof(PyFunctionObject, func_defaults))                               \
    X(FUNC_KWDEFAULTS, 64, offsetof(PyFunctionObject, func_kwdefaults))                           \
    X(FUNC_CLOSURE, 72, offsetof(PyFunctionObject, func_closure))                                 \
    X(FUNC_VECTORCALL, 120, offsetof(PyFunctionObject, vectorcall))                               \
    X(FUNC_VERSION, 128, offsetof(PyFunctionObject, func_version))                                \
    X(METHOD_FUNC, 16, offsetof(PyMethodObject, im_func))                                         \
    X(METHOD_SELF, 24, offsetof(PyMethodObject, im_self))                                         \
    X(METHOD_VECTORCALL, 40, offsetof(PyMethodObject, vectorcall))                                \
    X(CFUNC_ML, 16, offsetof(PyCFunctionObject, m_ml))                                            \
    X(CFUNC_SELF, 24, offsetof(PyCFunctionObject, m_self))                                        \
    X(CFUNC_VECTORCALL, 48, offsetof(PyCFunctionObject, vectorcall))                              \
    X(DESCR_TYPE, 16, offsetof(PyMethodDescrObject, d_common.d_type))                             \
    X(DESCR_METHOD, 40, offsetof(PyMethodDescrObject, d_method))                                  \
    X(DESCR_VECTORCALL, 48, offsetof(PyMethodDescrObject, vectorcall))                            \
    X(METHODDEF_METH, 8, offsetof(PyMethodDef, ml_meth))                                          \
    X(METHODDEF_FLAGS, 16, offsetof(PyMethodDef, ml_flags))                                       \
    X(CODE_CONSTS, 24, offsetof(PyCodeObject, co_consts))                                         \
    X(CODE_EXCEPTIONTABLE, 40, offsetof(PyCodeObject, co_exceptiontable))                         \
    X(CODE_FLAGS, 48, offsetof(PyCodeObject, co_flags))                                           \
    X(CODE_WARMUP, 52, offsetof(PyCodeObject, co_warmup))                                         \
    X(CODE_ARGCOUNT, 56, offsetof(PyCodeObject, co_argcount))                                     \
    X(CODE_STACKSIZE, 68, offsetof(PyCodeObject, co_stacksize))                                   \
    X(CODE_NLOCALSPLUS, 76, offsetof(PyCodeObject, co_nlocalsplus))                               \
    X(CODE_EXTRA, 176, offsetof(PyCodeObject, co_extra))                                          \
    X(CODE_CODE, 184, offsetof(PyCodeObject, co_code_adaptive))
/* clang-format on */

enum {
#define PY311_LAYOUT_CONST(name, value, expr) PY311_OFF_##name = value,
    PY311_LAYOUT(PY311_LAYOUT_CONST)
#undef PY311_LAYOUT_CONST
};

/* Words before localsplus: FRAME_SPECIALS_SIZE of pycore_frame.h. */
#define PY311_FRAME_SPECIALS     (PY311_OFF_FRAME_LOCALSPLUS / 8)
/* The inline values and the dict of an object whose type has Py_TPFLAGS_MANAGED_DICT are pointers
 * before it (_PyObject_ValuesPointer, _PyObject_ManagedDictPointer). */
#define PY311_OFF_OBJ_VALUES_PTR (-4 * 8)
#define PY311_OFF_OBJ_DICT_PTR   (-3 * 8)
/* dk_kind. */
enum { PY311_KEYS_GENERAL = 0, PY311_KEYS_UNICODE = 1, PY311_KEYS_SPLIT = 2 };
/* Small ints are -PY311_NSMALLNEG .. PY311_NSMALLPOS - 1. */
#define PY311_NSMALLNEG       5
#define PY311_NSMALLPOS       257
/* Bits of PyASCIIObject.state. */
#define PY311_STR_KIND_SHIFT  2
#define PY311_STR_COMPACT_BIT 5
#define PY311_STR_ASCII_BIT   6
#define PY311_STR_READY_BIT   7
/* _PyCFrame.use_tracing is one byte, 0 or 255; the eval breaker is a 32-bit int. */

/* The iterators whose structs CPython keeps to their .c files. */
typedef struct {
    PyObject_HEAD Py_ssize_t it_index;
    PyObject *it_seq; /* NULL when exhausted */
} Py311ListIter;
typedef Py311ListIter Py311TupleIter;
typedef struct {
    PyObject_HEAD long index;
    long start;
    long step;
    long len;
} Py311RangeIter;
/* Both keep the tuple that they give while nobody else has it, to fill it anew. What they iterate over is in one place. */
typedef struct {
    PyObject_HEAD Py_ssize_t en_index; /* PY_SSIZE_T_MAX: not here, but an int */
    PyObject *en_sit;
    PyObject *en_result;
} Py311Enumerate;
typedef struct {
    PyObject_HEAD Py_ssize_t tuplesize;
    PyObject *ittuple;
    PyObject *result;
    int strict;
} Py311Zip;
/* iter(str), of both types: unicodeiterobject. */
typedef struct {
    PyObject_HEAD Py_ssize_t it_index;
    PyObject *it_seq;
} Py311StrIter;
/* What an asynchronous generator's `yield` gives: _PyAsyncGenWrappedValue. */
typedef struct {
    PyObject_HEAD PyObject *agw_val;
} Py311WrappedValue;
/* What __anext__() and asend() of an asynchronous generator give: PyAsyncGenASend. */
typedef struct {
    PyObject_HEAD PyAsyncGenObject *ags_gen;
    PyObject *ags_sendval; /* NULL: __anext__() */
    int ags_state;
} Py311AsyncGenASend;
enum { PY311_AWAITABLE_INIT, PY311_AWAITABLE_ITER, PY311_AWAITABLE_CLOSED }; /* AwaitableState */
/* The heads of three descriptors, the same way: `property`, `classmethod` and `staticmethod`. */
typedef struct {
    PyObject_HEAD PyObject *prop_get; /* NULL: no getter */
} Py311Property;
typedef struct {
    PyObject_HEAD PyObject *cm_callable;
} Py311ClassMethod;
typedef struct {
    PyObject_HEAD PyObject *sm_callable;
} Py311StaticMethod;

/* _PyInterpreterFrame.  `mark` lies in padding that CPython neither reads nor initialises. */
typedef struct Py311Frame {
    PyFunctionObject *f_func; /* strong */
    PyObject *f_globals;      /* borrowed */
    PyObject *f_builtins;     /* borrowed */
    PyObject *f_locals;       /* strong, may be NULL */
    PyCodeObject *f_code;     /* strong */
    PyFrameObject *frame_obj; /* strong, may be NULL */
    struct _PyInterpreterFrame *previous;
    uint16_t *prev_instr; /* the code unit before the next instruction */
    int stacktop;         /* -1 while the frame runs */
    bool is_entry;
    char owner;
    uint16_t mark; /* Py311Mark */
    PyObject *localsplus[1];
} __attribute__((may_alias)) Py311Frame;

typedef enum {
    PY311_OWNED_BY_THREAD = 0,
    PY311_OWNED_BY_GENERATOR = 1,
    PY311_OWNED_BY_FRAME_OBJECT = 2,
} Py311Owner;

/* PyGenObject.gi_frame_state (and of coroutines, asynchronous generators): PyFrameState. */
typedef enum {
    PY311_GEN_CREATED = -2,
    PY311_GEN_SUSPENDED = -1,
    PY311_GEN_EXECUTING = 0,
    PY311_GEN_COMPLETED = 1,
    PY311_GEN_CLEARED = 4,
} Py311GenState;

/* Who runs a frame.  A hint: frames that CPython started have what was at their place before. */
typedef enum {
    PY311_MARK_NONE = 0,
    PY311_MARK_TIER0 = 0x7e53,
    PY311_MARK_COMPILED = 0x7ec5,
} Py311Mark;

static inline Py311Frame *py311_frame(struct _PyInterpreterFrame *f)
{
    return (Py311Frame *)(void *)f;
}

/* The generator, coroutine or asynchronous generator that a frame it owns lies in. */
static inline PyGenObject *py311_generator(Py311Frame *f)
{
    return (PyGenObject *)(void *)((char *)f - offsetof(PyGenObject, gi_iframe));
}
/* The frame inside a generator, coroutine or asynchronous generator. */
static inline Py311Frame *py311_generator_frame(PyGenObject *gen)
{
    return (Py311Frame *)(void *)gen->gi_iframe;
}

/* First code unit of a code object; Py_SIZE(co) of them. */
static inline uint16_t *py311_code_units(PyCodeObject *co)
{
    return (uint16_t *)(void *)co->co_code_adaptive;
}

/* Index of the code unit that prev_instr points to; -1 before the start. */
static inline int32_t py311_frame_lasti(const Py311Frame *f)
{
    return (int32_t)(f->prev_instr - py311_code_units(f->f_code));
}

#endif
