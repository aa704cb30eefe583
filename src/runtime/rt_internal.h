/* Shared inside the runtime: access to CPython structures by the constants of py311_layout.h,
 * interned names, small inline versions of what ceval.c does inline.  Not for other rooms. */
#ifndef PYSTON_RT_INTERNAL_H
#define PYSTON_RT_INTERNAL_H

#include <string.h>

#include "base_macros.h"
#include "py311_frame.h"
#include "py311_layout.h"
#include "py311_opcodes.h"
#include "rt.h"

/* Exported by every CPython 3.11, but declared in its internal headers only. */
extern int _Py_CheckRecursiveCall(PyThreadState *ts, const char *where);
#undef _PyObject_LookupSpecial /* outside the core this names the variant for _Py_Identifier */
extern PyObject *_PyObject_LookupSpecial(PyObject *obj, PyObject *name);

/* Field of type T at byte offset `off` of `p`. */
#define RT_FIELD(T, p, off) (*(T *)(void *)((char *)(p) + (off)))

/* Interned names, and what only a probe can tell (rt_init.c). */
/* clang-format off */
#define RT_NAMES(X)                                                              \
    X(__aenter__) X(__aexit__) X(__all__) X(__annotations__) X(__build_class__) X(__builtins__) X(__call__) X(__new__)  \
    X(__dict__) X(__enter__) X(__exit__) X(__getattr__) X(__getattribute__) X(__import__) X(__init__) X(__missing__)     \
    X(__name__) X(__notes__) X(__spec__) X(__class__) X(get) X(name) X(obj)      \
    X(send)
/* clang-format on */

enum { RT_NLATIN1 = 256 };

typedef struct {
#define RT_NAME_FIELD(n) PyObject *n;
    RT_NAMES(RT_NAME_FIELD)
#undef RT_NAME_FIELD
    PyObject *empty_str;
    PyObject *latin1
        [RT_NLATIN1]; /* strs of one such character, of which CPython has one each: those seen */
    PyObject *empty_tuple;
    /* Objects that stand for their types (rt_attr_seen.c); untracked, seen by nobody. */
    PyObject *some_int, *some_float, *some_list, *some_dict;
    PyTypeObject
        *ascii_iter; /* of iter("ascii"): laid out like PyUnicodeIter_Type, but not exported */
    /* typeobject.c's static slot functions, found on a probe class: what tp_init,
     * tp_call, tp_new and tp_getattro of a class with a Python __init__, __call__, __new__ or __getattr__ point to. */
    initproc slot_tp_init;
    ternaryfunc slot_tp_call;
    newfunc slot_tp_new;
    PyCFunction getrefcount; /* of sys.getrefcount, NULL if it was replaced */
    getattrofunc slot_tp_getattr_hook;
    getattrofunc type_getattro;
    getattrofunc module_getattro;
    newfunc object_new;
    PyCFunction builtins[RT_NBUILTINS]; /* by RtBuiltin; NULL where the name was replaced */
    ternaryfunc type_call;
    const int *traced; /* tracemalloc's flag; NULL: the object allocator is not pymalloc */
} RtState;
extern RtState rt_state;
#define RT_NAME(n) (rt_state.n)

/* The str of one character. */
static inline PyObject *rt_character(Py_UCS4 c)
{
    if (c >= RT_NLATIN1)
        return PyUnicode_FromOrdinal((int)c);
    if (BASE_UNLIKELY(rt_state.latin1[c] == NULL))
        rt_state.latin1[c] = PyUnicode_FromOrdinal((int)c);
    return Py_XNewRef(rt_state.latin1[c]);
}

/* True when an exception is set; what _PyErr_Occurred does. */
static inline bool rt_err(const PyThreadState *ts)
{
    return ts->curexc_type != NULL;
}

/* The current exception, while something else is done that may set one: what PyErr_Fetch and PyErr_Restore do. */
typedef struct {
    PyObject *type, *value, *tb;
} RtException;

static inline RtException rt_take_exception(PyThreadState *ts)
{
    RtException e = {ts->curexc_type, ts->curexc_value, ts->curexc_traceback};
    ts->curexc_type = ts->curexc_value = ts->curexc_traceback = NULL;
    return e;
}

/* None must be set. */
static inline void rt_give_exception(PyThreadState *ts, RtException e)
{
    ts->curexc_type = e.type;
    ts->curexc_value = e.value;
    ts->curexc_traceback = e.tb;
}

/* Set AttributeError, or KeyError, for what is not there. It is not made before rt_elide_exception, which comes next, wants to raise
 * it; borrows what it takes. NULL. */
PyObject *rt_miss_attr(PyThreadState *ts, PyObject *obj, PyObject *name);
PyObject *rt_miss_key(PyThreadState *ts, PyObject *key);
/* What LOAD_GLOBAL would find, without running code or raising: borrowed, or NULL where that is not possible or there is no such
 * name. No exception is set. */
struct RtGlobalIC;
PyObject *rt_peek_global(const Py311Frame *f, struct RtGlobalIC *ic);

/* The memory of ints (rt_int.c), functions, generators and iterators (rt_pool.h) is kept, if that is possible here. */
void rt_int_start(void);
void rt_functions_start(void);
void rt_generators_start(void);
void rt_iterators_start(void);

/* Whether `gen` waits in a `yield from` or an await (_PyGen_yf without the object). */
bool rt_delegates(PyGenObject *gen);

static inline PyThreadState *rt_ts(void)
{
    return _PyThreadState_UncheckedGet();
}

/* _Py_EnterRecursiveCallTstate and its counterpart. Nonzero: RecursionError is set. */
static inline int rt_enter_recursive(PyThreadState *ts, const char *where)
{
    return ts->recursion_remaining-- <= 0 && _Py_CheckRecursiveCall(ts, where);
}
static inline void rt_leave_recursive(PyThreadState *ts)
{
    ts->recursion_remaining++;
}

/* _Py_CheckFunctionResult, skipped when result and error indicator agree. */
static inline PyObject *rt_checked(PyThreadState *ts, PyObject *callable, PyObject *res)
{
    if (BASE_UNLIKELY((res == NULL) != rt_err(ts)))
        return _Py_CheckFunctionResult(ts, callable, res, NULL);
    return res;
}

/* Allocating runs no collection, and so no Python code, between these. */
typedef struct {
    volatile int *enabled;
    int was;
} RtHeld;
static inline RtHeld rt_hold_collector(PyThreadState *ts)
{
    volatile int *enabled = py311_gc_enabled(ts->interp);
    RtHeld held = {enabled, *enabled};
    *enabled = 0;
    return held;
}
static inline void rt_let_collect(RtHeld held)
{
    *held.enabled = held.was;
}

/* _PyObject_VectorcallTstate. */
static inline PyObject *rt_vectorcall(PyThreadState *ts, PyObject *callable, PyObject *const *args,
                                      size_t nargsf, PyObject *kwnames)
{
    PyTypeObject *tp = Py_TYPE(callable);
    if (BASE_LIKELY(tp->tp_flags & Py_TPFLAGS_HAVE_VECTORCALL)) {
        vectorcallfunc f = RT_FIELD(vectorcallfunc, callable, tp->tp_vectorcall_offset);
        if (BASE_LIKELY(f != NULL))
            return rt_checked(ts, callable, f(callable, args, nargsf, kwnames));
    }
    return _PyObject_MakeTpCall(ts, callable, args, PyVectorcall_NARGS(nargsf), kwnames);
}

/* --- dicts ------------------------------------------------------------------------ */

/* Value of entry `index` of a dict if its key is `name` itself, borrowed; else NULL. */
static inline PyObject *rt_dict_at_hint(PyObject *dict, size_t index, PyObject *name)
{
    char *keys = py311_dict_keys(dict);
    if (index >= (size_t)py311_keys_nentries(keys))
        return NULL;
    char *entries = py311_keys_entries(keys);
    if (BASE_LIKELY(py311_keys_unicode(keys))) {
        char *e = entries + index * PY311_OFF_UENTRY_SIZE;
        if (RT_FIELD(PyObject *, e, PY311_OFF_UENTRY_KEY) != name)
            return NULL;
        PyObject **values = RT_FIELD(PyObject **, dict, PY311_OFF_DICT_VALUES);
        if (values != NULL) /* split table: the values are apart */
            return values[index];
        return RT_FIELD(PyObject *, e, PY311_OFF_UENTRY_VALUE);
    }
    char *e = entries + index * PY311_OFF_ENTRY_SIZE;
    if (RT_FIELD(PyObject *, e, PY311_OFF_ENTRY_KEY) != name)
        return NULL;
    return RT_FIELD(PyObject *, e, PY311_OFF_ENTRY_VALUE);
}

/* Where a name is among dict keys. */
enum { RT_KEY_ABSENT = -1, RT_KEY_UNKNOWN = -2 };
/* Index of the entry whose key is `name` itself; RT_KEY_ABSENT when no key equals it;
 * RT_KEY_UNKNOWN for tables with other than str keys and when an equal key is another object.
 * Runs no Python code. */
int64_t rt_keys_index_of(char *keys, PyObject *name, Py_hash_t hash);

/* Hash of an exact str, computing it if need be (cannot fail for str). */
static inline Py_hash_t rt_str_hash(PyObject *s)
{
    Py_hash_t h = ((PyASCIIObject *)s)->hash;
    return h != -1 ? h : PyObject_Hash(s);
}

/* Result of a call with one argument (PyObject_CallOneArg). */
static inline PyObject *rt_call_one(PyThreadState *ts, PyObject *callable, PyObject *arg)
{
    PyObject *args[2] = {NULL, arg};
    return rt_vectorcall(ts, callable, args + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
}

/* --- ints ------------------------------------------------------------------------------ */
/* True when the exact int fits one digit; *v is its value. */
static inline bool rt_long_small(PyObject *o, int64_t *v)
{
    Py_ssize_t size = Py_SIZE(o);
    if (BASE_LIKELY((size_t)(size + 1) <= 2)) {
        *v = size * (int64_t)((PyLongObject *)o)->ob_digit[0];
        return true;
    }
    return false;
}

/* Value of an int of up to two digits; false: it has more. */
static inline bool rt_long_two_digits(PyObject *o, int64_t *v)
{
    const PyLongObject *n = (const PyLongObject *)o;
    Py_ssize_t size = Py_SIZE(o);
    if (rt_long_small(o, v))
        return true;
    if ((size_t)(size + 2) > 4)
        return false;
    int64_t u = (int64_t)n->ob_digit[1] << PyLong_SHIFT | n->ob_digit[0];
    *v = size < 0 ? -u : u;
    return true;
}

/* Index of a one-digit exact int into a sequence of `size`, negative counting from the end;
 * false when `key` is something else or out of range. */
static inline bool rt_seq_index(PyObject *key, Py_ssize_t size, Py_ssize_t *index)
{
    int64_t i;
    if (!PyLong_CheckExact(key) || !rt_long_small(key, &i))
        return false;
    if (i < 0)
        i += size;
    *index = i;
    return (size_t)i < (size_t)size;
}

/* --- text (rt_text.c) ---------------------------------------------------------------------- */
/* str(v) of an exact int. */
PyObject *rt_int_text(PyObject *v);

/* --- asynchronous generators (rt_asyncgen.c) ---------------------------------------------- */
/* SEND of `v` to a _PyAsyncGenASend: as PyIter_Send, into *res and *how. False: nothing has happened, CPython has to do
 * it. */
bool rt_asend(PyThreadState *ts, PyObject *receiver, PyObject *v, PyObject **res,
              PySendResult *how);

/* --- tracing (rt_trace.c) ---------------------------------------------------------------- */
/* call_exc_trace of ceval.c for the frame that is current. */
void rt_trace_exception(PyThreadState *ts);
/* TRACE_FUNCTION_UNWIND: the 'return' events of a frame left by an exception. */
void rt_trace_unwind(PyThreadState *ts);
/* CALL with cframe.use_tracing set (trace_call_function): C calls are told to the profiler. */
PyObject *rt_trace_call_function(PyThreadState *ts, PyObject *func, PyObject **args,
                                 Py_ssize_t nargs, PyObject *kwnames);
/* PyObject_Call with the same (do_call_core). */
PyObject *rt_trace_call_core(PyThreadState *ts, PyObject *func, PyObject *args, PyObject *kwargs);

/* --- classes (rt_call.c) ---------------------------------------------------------------------- */
int rt_init_result(PyObject *res); /* see there */

/* --- errors (rt_errors.c) ------------------------------------------------------------------ */
/* format_kwargs_error of ceval.c: turns what dict merging raised into the message for `func`. */
void rt_format_kwargs_error(PyObject *func, PyObject *kwargs);
/* set_attribute_error_context of object.c: gives the current AttributeError its name and obj. */
int rt_check_except_type(PyObject *type); /* -1 with TypeError: `except` cannot catch it */
void rt_attribute_error_context(PyObject *obj, PyObject *name);

/* Set by what raises an exception again (a bare `raise`, RERAISE): the exit that follows at once must not add a
 * traceback entry (ceval.c jumps to exception_unwind there, past `error`).  A code unit: the instruction at which the
 * frame stands from now on, as RERAISE says; RT_RERAISED_HERE: where it is. */
enum { RT_NOT_RERAISED = -1, RT_RERAISED_HERE = -2 };
extern int32_t rt_reraised;

/* --- exits (rt_exit.c, rt_catch.c) ------------------------------------------------------------ */
/* Number of the frame pointer register, to which stack locations are relative. */
enum { RT_REG_RBP = 5 };

/* The 64 bits at a location. */
static inline uint64_t rt_read_bits(const RtLoc *loc, const CodeUnit *u, const Py311Frame *f,
                                    const RtRegs *regs)
{
    uint64_t bits = 0;
    switch ((RtLocKind)loc->kind) {
    case RT_LOC_GPR: return regs->gpr[loc->where];
    case RT_LOC_XMM: memcpy(&bits, &regs->xmm[loc->where], sizeof bits); return bits;
    case RT_LOC_STACK: return ((const uint64_t *)(uintptr_t)regs->gpr[RT_REG_RBP])[loc->where];
    case RT_LOC_CONST: return (uint64_t)u->consts[loc->where];
    case RT_LOC_HOME: return (uint64_t)(uintptr_t)f->localsplus[loc->where];
    }
    BASE_UNREACHABLE();
}

/* --- catching (rt_catch.c) ------------------------------------------------------------------- */
/* Takes the exception that is set, whose traceback is complete, to the value stack of `f`, on top of `depth` entries, and the
 * frame to `handler`. */
void rt_push_exception(PyThreadState *ts, Py311Frame *f, const Py311Handler *handler, int depth);
/* An exit that throws, if it is one that was taken lately: true, and where it leads. False: nothing has happened. */
bool rt_catch(PyThreadState *ts, Py311Frame *f, const CodeUnit *u, const RtExit *x,
              const RtRegs *regs, RtLeave *leave);
/* The exit threw at `unit`, which `handler` covers and compiled code with that entry goes on with; NULL: no handler does. */
void rt_catch_learn(const CodeUnit *u, const RtExit *x, int32_t unit, const Py311Handler *handler,
                    RtEntry entry);

#endif
