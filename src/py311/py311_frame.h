/* Frames and other pieces of the interpreter's state that CPython handles with functions it hides.
 *
 * Frames live on the thread's data stack.  We only ever bump its pointer inside the current chunk;
 * when there is no room the caller goes through CPython, which alone manages the chunks.  So a
 * frame of ours never is the first thing in a chunk, and popping is a plain assignment. */
#ifndef PYSTON_PY311_FRAME_H
#define PYSTON_PY311_FRAME_H

#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#include "py311_layout.h"

/* Bytes that a frame of `code` takes on the data stack. */
static inline size_t py311_frame_size(const PyCodeObject *code)
{
    size_t words = (size_t)code->co_nlocalsplus + (size_t)code->co_stacksize + PY311_FRAME_SPECIALS;
    return words * sizeof(PyObject *);
}

/* Takes room for a frame of `size` bytes, or NULL when the chunk is full.  No field is set. */
static inline Py311Frame *py311_frame_alloc(PyThreadState *ts, size_t size)
{
    uintptr_t bottom = (uintptr_t)ts->datastack_top, top = bottom + size;
    /* _PyThreadState_HasStackSpace; both pointers are NULL before the thread's first frame. */
    if (top >= (uintptr_t)ts->datastack_limit) {
        return NULL;
    }
    ts->datastack_top = (PyObject **)top;
    return (Py311Frame *)bottom;
}

/* Gives the room of the thread's newest frame back. */
static inline void py311_frame_pop(PyThreadState *ts, Py311Frame *f)
{
    ts->datastack_top = (PyObject **)(void *)f;
}

/* stacktop, is_entry, owner and mark of a frame about to run compiled code: one word. */
static inline int64_t py311_frame_word(Py311Owner owner)
{
    const Py311Frame f = {
        .stacktop = -1,
        .is_entry = true,
        .owner = (char)owner,
        .mark = PY311_MARK_COMPILED,
    };
    int64_t word;
    _Static_assert(offsetof(Py311Frame, localsplus) == offsetof(Py311Frame, stacktop) + sizeof word,
                   "one word");
    memcpy(&word, &f.stacktop, sizeof word);
    return word;
}

/* Sets the specials as _PyFrame_InitializeSpecials does, for a frame about to run compiled code:
 * stacktop -1, is_entry, marked compiled, `previous` set, but not yet visible (the caller stores
 * cframe->current_frame).  Takes over the reference to `func`; the caller fills localsplus[0 ..
 * nlocalsplus). */
static inline void py311_frame_init(Py311Frame *f, PyFunctionObject *func, PyCodeObject *code,
                                    struct _PyInterpreterFrame *previous)
{
    f->f_func = func;
    f->f_globals = func->func_globals;
    f->f_builtins = func->func_builtins;
    f->f_locals = NULL;
    Py_INCREF(code);
    f->f_code = code;
    f->frame_obj = NULL;
    f->previous = previous;
    f->prev_instr = py311_code_units(code) - 1;
    const int64_t word = py311_frame_word(PY311_OWNED_BY_THREAD);
    memcpy((char *)f + offsetof(Py311Frame, stacktop), &word, sizeof word);
}

/* Sets localsplus[from .. to) to NULL. There are few of them, as a rule: compilers like to make a call of
 * memset of such a loop, which costs several times as much. */
static inline void py311_unset_locals(Py311Frame *f, Py_ssize_t from, Py_ssize_t to)
{
    for (Py_ssize_t i = from; i < to; i++) {
        f->localsplus[i] = NULL;
        __asm__("" : "+r"(i));
    }
}

/* _PyFrame_Clear: drops every reference of a frame that is unlinked and whose stacktop is set; a
 * frame object that others hold takes the frame over.  May run arbitrary code. */
void py311_frame_clear(Py311Frame *f);

/* The frame object of a running frame, made if need be (as sys._getframe() would): a new
 * reference, or NULL with an exception.  `f` must be the thread's current frame. */
PyFrameObject *py311_current_frame_object(PyThreadState *ts);

/* PyTraceBack_Here for the thread's current frame, whose prev_instr is at the instruction that
 * raised: adds an entry to the current exception.  Failing to do so (no memory) replaces the
 * exception as in tier 0.  No effect for a frame that has not reached its first traceable
 * instruction, as in CPython. */
void py311_traceback_here(PyThreadState *ts);

/* True until the frame has executed its first RESUME (_PyFrame_IsIncomplete). */
static inline bool py311_frame_is_incomplete(const Py311Frame *f)
{
    return f->owner != PY311_OWNED_BY_GENERATOR &&
           f->prev_instr < py311_code_units(f->f_code) + f->f_code->_co_firsttraceable;
}

/* The small-int cache: element i is the int i - PY311_NSMALLNEG. */
PyLongObject *py311_small_ints(void);
/* Nonzero while tracemalloc is on. */
const int *py311_tracemalloc_flag(void);
/* The empty tuple, borrowed. */
PyObject *py311_empty_tuple(void);

/* co_extra slot `index` of a code object, or NULL (what _PyCode_GetExtra gives, without the call). */
typedef struct {
    Py_ssize_t ce_size;
    void *ce_extras[1];
} Py311CodeExtra;
static inline void *py311_code_extra(PyCodeObject *co, Py_ssize_t index)
{
    Py311CodeExtra *extra = (Py311CodeExtra *)co->co_extra;
    /* Unsigned, so that an index of -1 (none yet) gives NULL as well. */
    return extra != NULL && (size_t)index < (size_t)extra->ce_size ? extra->ce_extras[index] : NULL;
}

/* Sets slot `index`, which was requested; 0, or -1 without an exception when memory is out. Unlike
 * _PyCode_SetExtra it does not make room for later users, whose free functions would then be
 * called for every code object of ours, with data they never set. */
int py311_code_extra_set(PyCodeObject *co, Py_ssize_t index, void *value);

/* The inline values of an object whose type has Py_TPFLAGS_MANAGED_DICT: NULL when the dict was
 * materialised or nothing is stored. */
typedef PyObject *Py311Values; /* values[i] */
static inline Py311Values *py311_inline_values(PyObject *o)
{
    return *(Py311Values **)(void *)((char *)o + PY311_OFF_OBJ_VALUES_PTR);
}
static inline PyObject **py311_managed_dict_ptr(PyObject *o)
{
    return (PyObject **)(void *)((char *)o + PY311_OFF_OBJ_DICT_PTR);
}
/* Records that inline value `ix`, which was NULL, now holds something (insertion order;
 * _PyDictValues_AddToInsertionOrder). */
static inline void py311_values_inserted(Py311Values *values, int ix)
{
    uint8_t *size = (uint8_t *)(void *)values - 2;
    int n = *size + 1;
    size[-n] = (uint8_t)ix;
    *size = (uint8_t)n;
}

/* Dict keys. */
static inline char *py311_dict_keys(PyObject *dict)
{
    return *(char **)(void *)((char *)dict + PY311_OFF_DICT_KEYS);
}
static inline uint32_t py311_keys_version(const char *keys)
{
    uint32_t v;
    __builtin_memcpy(&v, keys + PY311_OFF_KEYS_VERSION, sizeof v);
    return v;
}
static inline bool py311_keys_unicode(const char *keys)
{
    return keys[PY311_OFF_KEYS_KIND] != PY311_KEYS_GENERAL;
}
static inline Py_ssize_t py311_keys_nentries(const char *keys)
{
    Py_ssize_t n;
    __builtin_memcpy(&n, keys + PY311_OFF_KEYS_NENTRIES, sizeof n);
    return n;
}
/* Address of the first entry: PY311_OFF_UENTRY_* when py311_keys_unicode, else PY311_OFF_ENTRY_*. */
static inline char *py311_keys_entries(char *keys)
{
    return keys + PY311_OFF_KEYS_INDICES +
           ((size_t)1 << (uint8_t)keys[PY311_OFF_KEYS_LOG2_INDEX_BYTES]);
}

/* Entry that slot `i` of the hash table names, or a negative number: -1 empty, else a deleted key (dictkeys_get_index of
 * dictobject.c). */
static inline int64_t py311_keys_index_at(const char *keys, size_t i)
{
    int log2_size = (uint8_t)keys[PY311_OFF_KEYS_LOG2_SIZE];
    const char *indices = keys + PY311_OFF_KEYS_INDICES;
    if (log2_size < 8) {
        return ((const int8_t *)indices)[i];
    }
    if (log2_size < 16) {
        return ((const int16_t *)(const void *)indices)[i];
    }
    if (log2_size < 32) {
        return ((const int32_t *)(const void *)indices)[i];
    }
    return ((const int64_t *)(const void *)indices)[i];
}

/* Cached keys of a heap type (the shared keys of its instances), or NULL. */
static inline char *py311_cached_keys(PyTypeObject *tp)
{
    return (tp->tp_flags & Py_TPFLAGS_HEAPTYPE) ? (char *)((PyHeapTypeObject *)tp)->ht_cached_keys
                                                : NULL;
}

/* The interpreter's eval breaker: set to 1 to make running code call eng/rt's slow path. */
static inline volatile int32_t *py311_eval_breaker(PyInterpreterState *interp)
{
    return (volatile int32_t *)(void *)((char *)interp + PY311_OFF_INTERP_EVAL_BREAKER);
}
/* Requests that make the eval breaker fire (ceval.c's handle_eval_breaker looks at these). */
static inline volatile int32_t *py311_gil_drop_request(PyInterpreterState *interp)
{
    return (volatile int32_t *)(void *)((char *)interp + PY311_OFF_INTERP_GIL_DROP_REQUEST);
}
static inline volatile int32_t *py311_pending_calls_to_do(PyInterpreterState *interp)
{
    return (volatile int32_t *)(void *)((char *)interp + PY311_OFF_INTERP_CALLS_TO_DO);
}
static inline volatile int *py311_gc_enabled(PyInterpreterState *interp)
{
    return (volatile int *)(void *)((char *)interp + PY311_OFF_INTERP_GC_ENABLED);
}

/* handle_eval_breaker of ceval.c from public pieces: signals and pending calls, the GIL drop
 * request, an asynchronous exception.  0, or -1 with an exception.  Runs arbitrary code. */
int py311_handle_eval_breaker(PyThreadState *ts);

/* _Py_EnterRecursiveCallTstate(ts, ""): 0, or -1 with RecursionError.  On success the caller
 * increments ts->recursion_remaining afterwards. */
int py311_recursion_overflow(PyThreadState *ts);
static inline int py311_enter_recursive_call(PyThreadState *ts)
{
    if (__builtin_expect(ts->recursion_remaining-- > 0, 1)) {
        return 0;
    }
    return py311_recursion_overflow(ts);
}
static inline void py311_leave_recursive_call(PyThreadState *ts)
{
    ts->recursion_remaining++;
}

/* Queues a call that the main thread makes at a safepoint in `interp`. It looks for such calls when it
 * takes the GIL; where it has the GIL already, py311_ask_for_look() makes it look, for queueing from
 * another thread leaves the eval breaker off. Any thread, with or without the GIL. 0, or -1 when the
 * queue is full. */
int py311_add_pending_call(PyInterpreterState *interp, int (*func)(void *), void *arg);
/* Sets the eval breaker. Any thread. Tier 0 turns it off only where the request is served, so for a
 * call that the running thread does not make, all its safepoints are slow until the GIL changes hands. */
void py311_ask_for_look(PyInterpreterState *interp);

/* The thread that runs pending calls. */
unsigned long py311_main_thread_id(void);
/* Holder of the GIL, or NULL; readable without the GIL. */
PyThreadState *py311_gil_holder(void);

#endif
