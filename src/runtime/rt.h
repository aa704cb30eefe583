/* The runtime: everything compiled code calls.
 *
 * One declaration per helper that hir_ops.def names, with the calling convention
 * that file's header defines.  Argument order, always:
 *
 *   [ts] [frame] operands... | argv, nargs   [imm.p] [aux] [out]
 *
 * `argv`/`nargs` for VAR ops (nargs counts operands), `out` is the out area for ops with
 * several results.  Unless said otherwise a helper borrows its operands, and
 *   PyObject * results are new references, NULL with an exception set on error;
 *   int results are 0/1 (or 0 for "done"), -1 with an exception set on error.
 * No helper consumes operands when it fails, except where stated.
 * Semantics and messages are those of CPython 3.11's Python/ceval.c. */
#ifndef PYSTON_RT_H
#define PYSTON_RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <Python.h>

#include "rt_ic.h"
#include "rt_unit.h"

typedef struct _PyInterpreterFrame RtFrame;

/* --- set-up -------------------------------------------------------------------- */

/* Prepares the runtime's interned names and probes; once per process, GIL held.
 * Returns 0, or -1 with an exception set. Calling it again is cheap and harmless. */
int rt_init(void);

/* Told about each RESUME exit after its counters moved (the engine decides on
 * recompiling). May be NULL. Must not run Python code nor free the unit. */
extern void (*rt_on_resume_exit)(CodeUnit *u, uint32_t exit_id);

/* Builtin functions that compiled code does without calling them. */
#define RT_BUILTINS(X) X(len) X(isinstance) X(hasattr) X(getattr) X(min) X(max)
typedef enum {
    RT_BUILTIN_NONE,
#define RT_BUILTIN_ID(n) RT_BUILTIN_##n,
    RT_BUILTINS(RT_BUILTIN_ID)
#undef RT_BUILTIN_ID
        RT_NBUILTINS
} RtBuiltin;
/* Which of them `callable` is, RT_BUILTIN_NONE: another. */
RtBuiltin rt_builtin_of(PyObject *callable);

/* METH_VARARGS methods of builtin types that compiled code calls without a tuple (rt_method.c). */
#define RT_METHODS(X) X(startswith) X(endswith) X(find) X(rfind) X(count) X(update)
typedef enum {
    RT_METHOD_NONE,
#define RT_METHOD_ID(n) RT_METHOD_##n,
    RT_METHODS(RT_METHOD_ID)
#undef RT_METHOD_ID
} RtMethod;
/* Which of them `descr` is, RT_METHOD_NONE: another object. */
RtMethod rt_method_of(PyObject *descr);

/* Called by the RESUME path of CheckEval and asked by rt_check_eval: nonzero makes every
 * compiled frame leave at its next safepoint (the engine is being switched off). */
extern int rt_leave_compiled;
/* The frame of this code that comes to a safepoint first leaves there; NULL: none. Only compared. */
extern PyCodeObject *rt_leave_code;
extern bool rt_left_code; /* ... and that is where it is leaving now */

/* --- homes of locals (rt_sync.c) --------------------------------------------------- */
/* Brings the home of a local up to date that compiled code kept in a register, unless `stale` is 0
 * or the home already holds that very value. Gives what the home holds then, borrowed. The old
 * object is of a type whose deallocation runs no code. */
PyObject *rt_sync_float(RtFrame *frame, int stale, double v, int local);
PyObject *rt_sync_int(RtFrame *frame, int stale, int64_t v, int local);
PyObject *rt_sync_object(RtFrame *frame, int stale, PyObject *v, int local); /* borrows v */

/* --- numbers (rt_number.c) ------------------------------------------------------- */
double rt_float_mod(double a, double b);      /* float_rem without the zero check */
double rt_float_floordiv(double a, double b); /* float_floor_div without the zero check */
/* FPow: stores float_pow(a, b) in *result and returns 1 when both are finite, a > 0 or b is
 * an integer value, and the result is finite and not a ZeroDivisionError; else returns 0. */
int rt_float_pow(double a, double b, double *result);
PyObject *rt_box_int(int64_t v); /* rt_int.c; new, NULL with MemoryError */
PyObject *rt_box_float(double v);
PyObject *rt_binary_op(PyObject *a, PyObject *b, int op); /* op: NB_ code of BINARY_OP */
PyObject *rt_long_binary(PyObject *a, PyObject *b,
                         int op); /* NB_ADD, NB_SUBTRACT, NB_MULTIPLY on exact ints */
PyObject *rt_str_append_local(RtFrame *frame, PyObject *a, PyObject *b,
                              int local); /* see the op table */
int rt_truthy(PyObject *v);
PyObject *rt_compare_op(PyObject *a, PyObject *b, int op); /* Py_LT..Py_GE */
int rt_str_eq(PyObject *a, PyObject *b);                   /* exact str both; cannot fail */
/* min(*args) or, `greater`, max(*args) of two or more, which is what builtin function `callable` gives. */
PyObject *rt_min_max(PyThreadState *ts, PyObject *const *args, int n, void *callable, int greater);
int rt_contains(PyObject *v, PyObject *container);

/* --- dicts (rt_dict.c) ------------------------------------------------------------- */
/* d[key] of an exact dict, and of an object of a subclass that has dict's own subscript (dict_subscript). */
PyObject *rt_dict_subscr(PyObject *dict, PyObject *key);
PyObject *rt_dict_subclass_subscr(PyObject *dict, PyObject *key);
/* d[key] of an exact dict where KeyError is most often caught at once: only for what rt_elide_exception follows. */
PyObject *rt_find_key(PyThreadState *ts, PyObject *dict, PyObject *key);
/* dict.get(key, otherwise) */
PyObject *rt_dict_get(PyThreadState *ts, PyObject *dict, PyObject *key, PyObject *otherwise);
int rt_dict_contains(PyObject *dict, PyObject *key);

/* --- subscripts and containers (rt_subscr.c) -------------------------------------- */
PyObject *rt_subscr(PyObject *container, PyObject *key);
int rt_store_subscr(PyObject *container, PyObject *key, PyObject *v);
/* rt_slice.c: container[start:stop], its assignment (container, start, stop, v) and deletion. */
PyObject *rt_get_slice(PyObject *container, PyObject *start, PyObject *stop);
PyObject *rt_get_steps(PyObject **argv, Py_ssize_t n); /* (container, start, stop, step) */
int rt_set_slice(PyObject **argv, Py_ssize_t n);
int rt_delete_slice(PyObject *container, PyObject *start, PyObject *stop);
int rt_delete_subscr(PyObject *container, PyObject *key);
PyObject *rt_get_len(PyObject *v);
Py_ssize_t rt_len(PyObject *v); /* -1 on error */

/* s[index] as a new reference; NULL, without an exception, where that raises one. */
PyObject *rt_str_item(PyObject *s, Py_ssize_t index);
PyObject **
rt_latin1(void); /* the strs of one such character that there are already, by character */

/* --- iteration and unpacking (rt_iter.c) ------------------------------------------- */
PyObject *rt_get_iter(PyObject *v);
/* iter(range(start, stop, step)) for absolute values of at most 2**60 and a step that is not 0. */
PyObject *rt_range_iter(int64_t start, int64_t stop, int64_t step);
/* Next item, or NULL: with an exception set on error, without one when exhausted. */
void rt_seq_iter_end(
    PyObject *it); /* an exhausted list or tuple iterator lets go of its sequence */
PyObject *rt_iter_next(PyThreadState *ts, PyObject *iter);
/* enumerate(args[0]) or zip(args[0], args[1], ...); `type` is the class. New reference. */
PyObject *rt_pair_iter(PyThreadState *ts, PyObject *const *args, int n, void *type);
/* What an enumerate or zip object is made of: */
enum {
    RT_PAIRS_PARTS = 4, /* so many iterators at most */
    RT_PAIRS_INDEX = 1, /* enumerate */
};
/* their number, */
#define RT_PAIRS_OF(n)           ((n) << 4)
#define RT_PAIRS_COUNT(shape)    ((shape) >> 4 & 7)
/* and whether the k-th is a tuple's, and not a list's. */
#define RT_PAIRS_TUPLE_AT(k)     (1 << (8 + (k)))
#define RT_PAIRS_TUPLE(shape, k) ((shape) >> (8 + (k)) & 1)
/* The shape of one that compiled code can iterate itself; -1: it is another object. */
int rt_pairs_shape(PyObject *it);
/* Lets go of what it gave last. 0, or -1 without an exception: it has not that shape, and nothing has happened. */
int rt_pairs_ready(PyObject *it, int shape);
/* What FOR_ITER makes of `next`, which tp_iternext gave: that, or NULL without an exception at the end, after telling
 * tracers of a StopIteration. */
PyObject *rt_iter_result(PyThreadState *ts, PyObject *next);
int rt_unpack_seq(PyThreadState *ts, PyObject *v, int n,
                  PyObject **out); /* out[0] is the first item */
int rt_unpack_ex(PyThreadState *ts, PyObject *v, int oparg, PyObject **out);

/* --- building (rt_build.c) --------------------------------------------------------- */
PyObject *rt_format_value(PyObject *v, PyObject *spec, int oparg); /* spec may be NULL */
PyObject *rt_build_string(PyObject **argv, Py_ssize_t n);
PyObject *rt_build_tuple(PyObject **argv, Py_ssize_t n); /* consumes argv on success */
PyObject *rt_build_list(PyObject **argv, Py_ssize_t n);  /* consumes argv on success */
/* The same with the collector held off: they run no Python code. rt_gc_poll() makes good for it. */
PyObject *rt_build_tuple_held(PyObject **argv, Py_ssize_t n);
PyObject *rt_build_list_held(PyObject **argv, Py_ssize_t n);
PyObject *rt_new_dict_held(void);
void rt_gc_poll(void); /* a collection is due: runs it */
PyObject *rt_build_set(PyObject **argv, Py_ssize_t n);
PyObject *rt_build_map(PyObject **argv, Py_ssize_t n); /* key, value, ...; n counts both */
PyObject *rt_build_const_key_map(PyObject **argv, Py_ssize_t n); /* values ..., tuple of keys */
PyObject *rt_str_of(PyObject *v); /* rt_text.c, as rt_build_string is */
PyObject *rt_build_slice(PyObject *start, PyObject *stop, PyObject *step); /* step may be NULL */
int rt_list_append(PyObject *list, PyObject *v); /* consumes v on success */
int rt_list_extend(PyThreadState *ts, PyObject *list, PyObject *iterable);
int rt_set_update(PyObject *set, PyObject *iterable);
int rt_dict_update(PyThreadState *ts, PyObject *dict, PyObject *mapping);
int rt_dict_merge(PyThreadState *ts, PyObject *dict, PyObject *mapping, PyObject *callable);

/* --- attributes (rt_attr*.c) ------------------------------------------- */
/* Gives a site's cache the table that inline code looks at, a LOAD_METHOD's or another's; NULL when out of memory. */
RtMethodFast *rt_attr_ic_methods(RtAttrIC *ic);
RtAttrFast *rt_attr_ic_fast(RtAttrIC *ic);
/* RtAttrIC* of the site at `bci`, NULL when out of memory. */
void *rt_attr_ic_new(CodeUnit *u, PyObject *name, int32_t bci);
PyObject *rt_load_attr(PyObject *obj, void *ic);
/* hasattr(obj, NAME), getattr(obj, NAME, otherwise) */
int rt_has_attr(PyObject *obj, void *ic);
/* obj.NAME where AttributeError is most often caught at once: only for what rt_elide_exception follows. */
PyObject *rt_find_attr(PyThreadState *ts, PyObject *obj, void *ic);
PyObject *rt_get_attr_or(PyObject *obj, PyObject *otherwise, void *ic);
int rt_store_attr(PyObject *obj, PyObject *v, void *ic);
int rt_delete_attr(PyObject *obj, void *name);
/* --- operands' types (rt_types.c) --------------------------------------------------------------------------- */
/* Notes the types of an operation's operands (the same twice if it has one). May call rt_types_settled. */
int rt_note_types(PyObject *a, PyObject *b, RtTypeSite *site);
/* Told when the operands of as many uses as the site wanted to note were of the same types. Set by the engine, NULL
 * until then. Must not free the site's units, of which one is running. */
extern void (*rt_types_settled)(RtTypeSite *site);

/* Told when the helper has served a site rt_attr_unsettled times. Set by the engine, NULL until then. Must not free the
 * unit, which is running. */
extern void (*rt_attr_settled)(RtAttrIC *ic);
/* What is known of an attribute of objects of some types (rt_attr_seen.c): they all have it in the same way. */
typedef struct {
    RtAttrKind kind;   /* INLINE_VALUE, MEMBER, CLASS_VALUE, CLASS_METHOD, PROPERTY, TYPE_VALUE */
    uint32_t index;    /* as in RtAttrEntry */
    PyObject *descr;   /* as in RtAttrEntry */
    PyObject *example; /* INLINE_VALUE, MEMBER: of the type that the values had, or NULL */
    bool examined;
    PyTypeObject *owner; /* TYPE_VALUE: it is true of this class, the set is empty; else NULL */
    RtTypeSet set;       /* which objects that is true of */
} RtAttrSeen;
/* Adds what the cache has seen, as far as it still holds, to what others have (zeroed: none). False: not the same
 * everywhere; `seen` is of no use then. Runs no Python code. */
bool rt_attr_seen(const RtAttrIC *ic, RtAttrSeen *seen);
/* The same for attribute `name` of objects of the set's types, which are as they were when it was made. */
bool rt_attr_of_types(const RtTypeSet *set, PyObject *name, RtAttrSeen *seen);
/* The same for attribute `name` of the class itself. */
bool rt_attr_of_class(PyTypeObject *cls, PyObject *name, RtAttrSeen *seen);
/* Whether the object, of one of the set's types, has no attribute of its name in its dict. Runs no Python code. */
int rt_not_shadowed(PyObject *obj, void *set);
/* The unit's copy of the set, the same one each time; NULL when out of memory. */
RtTypeSet *rt_type_set(CodeUnit *u, const RtTypeSet *set);
/* LOAD_METHOD (see hir_ops.def): gives the two value-stack entries it leaves. The result is the
 * upper one: self (a new reference) when a method was found without binding, else the callable;
 * out[0] is the lower one: the unbound method (new reference), or NULL. On error the result is
 * NULL and out[0] is NULL. */
PyObject *rt_load_method(RtFrame *frame, PyObject *obj, void *ic, PyObject **out);

/* `super(cls, self).NAME` of a LOAD_METHOD, with the results of rt_load_method. NULL without an exception: the cache
 * cannot tell (out[0] is NULL), super() itself has to be asked. Runs no Python code and never raises. */
PyObject *rt_super_method(PyObject *cls, PyObject *self, void *ic, PyObject **out);
void *rt_super_ic_new(CodeUnit *u, PyObject *name); /* RtSuperIC*, NULL when out of memory */
/* The function that `super(cls, self).name` is bound from now, borrowed, or NULL. Runs no Python code. */
PyObject *rt_super_peek(PyObject *cls, PyObject *self, PyObject *name);

/* --- isinstance() (rt_instance.c) ---------------------------------------------------- */
int rt_is_instance(PyObject *v, PyObject *cls);
/* isinstance(argv[0], (argv[1], ...)) */
int rt_is_instance_any(PyThreadState *ts, PyObject **argv, Py_ssize_t n);

/* --- names (rt_global.c) ------------------------------------------------------------ */
void *rt_global_ic_new(CodeUnit *u, PyObject *name); /* RtGlobalIC*, NULL when out of memory */
PyObject *rt_load_global(RtFrame *frame, void *ic);
int rt_store_global(RtFrame *frame, PyObject *v, void *name);
int rt_delete_global(RtFrame *frame, void *name);
PyObject *rt_load_name(RtFrame *frame, void *name);
int rt_store_name(RtFrame *frame, PyObject *v, void *name);
int rt_delete_name(RtFrame *frame, void *name);
PyObject *rt_load_classderef(RtFrame *frame, int index);
int rt_make_cell(RtFrame *frame, int index);
int rt_copy_free_vars(RtFrame *frame, int n); /* cannot fail, returns 0 */
int rt_setup_annotations(RtFrame *frame);

/* --- functions, classes, imports (rt_function.c, rt_import.c) ------------------------ */
PyObject *rt_make_function(RtFrame *frame, PyObject **argv, Py_ssize_t n, int oparg);
PyObject *rt_load_build_class(RtFrame *frame);
PyObject *rt_import_name(RtFrame *frame, PyObject *level, PyObject *fromlist, void *name);
PyObject *rt_import_from(PyThreadState *ts, PyObject *module, void *name);
int rt_import_star(RtFrame *frame, PyObject *module);
int rt_print_expr(PyObject *v);

/* --- with, exceptions (rt_errors.c) --------------------------------------------------- */
PyObject *rt_before_with(PyThreadState *ts, PyObject *mgr,
                         PyObject **out); /* bound __exit__; out[0] is __enter__()'s result */
PyObject *rt_before_async_with(PyThreadState *ts, PyObject *mgr,
                               PyObject **out); /* the same with __aenter__ and __aexit__ */
/* CHECK_EG_MATCH: what matches, or None; out[0] is the rest, or exc again. On error NULL, out[0] too. */
PyObject *rt_check_eg_match(PyObject *exc, PyObject *type, PyObject **out);
PyObject *rt_prep_reraise_star(PyThreadState *ts, PyObject *orig, PyObject *excs);
/* ElideExc's IMM for `except` with these `n` names of classes (0: a bare one), strs that live as long as the unit; NULL when out of
 * memory. */
void *rt_elide_new(CodeUnit *u, PyObject *const *names, int n);
/* Clears the exception if the handler catches it and nobody can tell: `argv` is what the handler drops, borrowed, with NULLs. 0, or -1
 * with the exception as it was (rt_elide.c). */
int rt_elide_exception(PyThreadState *ts, RtFrame *frame, PyObject **argv, Py_ssize_t n,
                       void *elide);
int rt_check_exc_match(PyObject *exc, PyObject *type);
/* PUSH_EXC_INFO: `value` is being handled now; gives what was before, a new reference, None for nothing. */
PyObject *rt_push_exc_info(PyThreadState *ts, PyObject *value);
/* POP_EXCEPT: `previous`, which is consumed, is being handled again; always 0. */
int rt_pop_except(PyThreadState *ts, PyObject *previous);
/* WITH_EXCEPT_START: what the bound __exit__ says to the exception. */
PyObject *rt_with_except_start(PyThreadState *ts, PyObject *exit, PyObject *value);
/* RERAISE: sets `value` as the current exception again; `lasti` (or NULL) is where the frame stands then; always -1. */
int rt_reraise(PyObject *value, PyObject *lasti);
int rt_raise_varargs(PyThreadState *ts, PyObject **argv, Py_ssize_t n); /* always -1 */
/* The errors of LOAD_FAST, LOAD_DEREF, ... on an unset variable: sets the exception; always -1. */
int rt_unbound_local(RtFrame *frame, int index);
int rt_unbound_deref(RtFrame *frame, int index);
/* format_exc_check_arg: `format` takes the name's UTF-8; NameErrors get their `name`. */
void rt_format_name_error(PyThreadState *ts, PyObject *exc, const char *format, PyObject *name);

/* --- generators, coroutines, asynchronous generators (rt_generator.c) --------------------- */
/* RETURN_GENERATOR: a new object that goes on behind the instruction at prev_instr. It takes over
 * what the frame's localsplus hold, and stacktop is 0 then; the frame's other references stay. */
PyObject *rt_make_generator(PyThreadState *ts, RtFrame *frame);
/* PyIter_Send to a generator or coroutine; the engine's. */
PySendResult rt_generator_send(PyThreadState *ts, PyObject *gen, PyObject *value,
                               PyObject **result);
/* Where generators that wait for no other went on in compiled code, by their frames' prev_instr, which says all: the place
 * and whether it has a unit. One thing to look at, and a near one. The engine's, zeroed when units go. */
#define RT_RESUMED       512 /* a power of two */
#define RT_RESUMED_SHIFT 9
typedef struct {
    const uint16_t *at;
    RtEntry entry;
} RtResumed;
extern RtResumed rt_resumed[RT_RESUMED];
/* Where it is noted of that place. */
static inline RtResumed *rt_resumed_at(const uint16_t *at)
{
    return &rt_resumed[((uintptr_t)at ^ (uintptr_t)at >> RT_RESUMED_SHIFT) / 2 % RT_RESUMED];
}
/* SEND: the value yielded; NULL with an exception on error; NULL without one when `receiver` has
 * returned: value-stack entry `slot` of the frame then holds a new reference to what. */
PyObject *rt_send(PyThreadState *ts, RtFrame *frame, PyObject *receiver, PyObject *v, int slot);
PyObject *rt_get_awaitable(PyObject *v, int oparg);
PyObject *rt_get_yield_from_iter(RtFrame *frame, PyObject *v);
PyObject *rt_get_aiter(PyObject *v);
PyObject *rt_get_anext(PyObject *aiter);
PyObject *rt_async_gen_wrap(PyObject *v);

/* --- match statements (rt_match.c) ---------------------------------------------------- */
int rt_match_mapping(PyObject *v);
int rt_match_sequence(PyObject *v);
PyObject *rt_match_keys(PyThreadState *ts, PyObject *subject, PyObject *keys);
PyObject *rt_match_class(PyThreadState *ts, PyObject *subject, PyObject *type, PyObject *kwnames,
                         int npos);

/* --- calls (rt_call.c; rt_call_py, rt_call_function and rt_leave_py are the engine's) -------------------------------------- */
/* The value-stack entries of PRECALL+CALL: argv[0] method or NULL, argv[1] self (when argv[0] is a
 * method) or the callable, then n - 2 arguments of which the last ones are the keywords'.
 * Consumes those that are `owned` (rt_owned), even on failure: a Python function's frame takes the arguments over, so that
 * they die when it lets go of them, as in tier 0; for others they are kept until the call is over. Overwrites argv[0..1]. */
PyObject *rt_call_vector(PyThreadState *ts, PyObject **argv, Py_ssize_t n, void *kwnames,
                         int owned);
/* Is operand `k` owned, by a mask of them? Beyond 31 operands all are, or none. */
static inline bool rt_owned(int32_t mask, Py_ssize_t k)
{
    return mask >> (k < 31 ? k : 31) & 1;
}
/* Drops those of a callable and n arguments that are owned, the callable first, as ceval.c does. */
static inline void rt_drop_owned(PyObject *callable, PyObject *const *args, Py_ssize_t n, int owned)
{
    if (owned & 1) {
        Py_DECREF(callable);
    }
    for (Py_ssize_t i = 0; (owned >>= 1) != 0 && i < n; i++) {
        if (owned & 1) {
            Py_DECREF(args[i]);
        }
    }
}
/* A Python function with nargs positional arguments and those that kwnames (or NULL) names; borrows
 * all. Like its vectorcall, but the thread need not be looked for. */
PyObject *rt_call_function(PyThreadState *ts, PyObject *func, PyObject *const *args,
                           Py_ssize_t nargs, PyObject *kwnames);
/* The same, which consumes what is owned of the function and the arguments, in this order. */
PyObject *rt_call_function_owned(PyThreadState *ts, PyObject *func, PyObject *const *args,
                                 Py_ssize_t nargs, PyObject *kwnames, int owned);
/* rt_call_function with the keywords in a dict, or NULL. */
PyObject *rt_call_function_ex(PyThreadState *ts, PyObject *func, PyObject *const *args,
                              Py_ssize_t nargs, PyObject *kwargs);
/* The default of the keyword-only parameter `name` of a Python function, borrowed, or NULL, without an exception: it has none,
 * or looking for it might run code. */
PyObject *rt_func_kwdefault(PyObject *func, void *name);
/* argv[0] function whose code is `code`, then what its parameters are bound to, the tuple and the dict of *args and **kwargs
 * included; consumes these always. */
PyObject *rt_call_py(PyThreadState *ts, PyObject **argv, Py_ssize_t n, void *code);
/* Code that compact code shares (lir_shared.c). */
#define RT_SHARED_CALLS 8
#define RT_LEAVES       10 /* up to eight locals; more */
typedef struct {
    const void *call[RT_SHARED_CALLS]; /* by number of arguments */
    const void *leave[RT_LEAVES];
    const void *poll;
} RtShared;
/* What machine code that calls Python functions directly has to know; set by the engine. */
typedef struct {
    /* What is kept for the code object as long as it lives; NULL when memory is out. */
    RtCallee *(*callee)(PyCodeObject *code);
    const void *hook; /* value of interp->eval_frame while the engine is active */
    /* What is left to do of an iteration of a generator that has ended: lir_resume.c. */
    PyObject *(*generator_ended)(PyThreadState *ts, PyObject *gen, PyObject *result);
    RtShared shared;
    int32_t stack_low; /* offset from the thread pointer of the lowest rsp that a call may have */
} RtDirect;
extern RtDirect rt_direct;
/* What ends frames of as many locals; from RT_LEAVES - 1 on the same one. */
RtLeavePy rt_leave_py(int nlocalsplus);
void rt_unset(PyObject **first, Py_ssize_t n); /* n locals of a new frame */
/* sys.getrefcount: programs compare what it gives with what they know they hold, the value stack's
 * reference included. */
bool rt_is_getrefcount(PyObject *callable);
/* argv[0] the class, then positional arguments: instantiation through an RtClassIC (rt_class.c). */
PyObject *rt_call_class(PyThreadState *ts, PyObject **argv, Py_ssize_t n, void *ic);
/* The function that sets up the instances of a class which object.__new__ makes, borrowed, or NULL: they are made otherwise. */
PyObject *rt_python_init(PyTypeObject *tp);
/* Version tag of a type, assigned if need be; 0 when it has none. Runs no Python code. */
uint32_t rt_type_version(PyTypeObject *tp);
/* type_call's first half: enters a level of recursion, which is left again when there is no object. */
PyObject *rt_new_instance(PyThreadState *ts, PyObject *cls);
/* The same for an inlined __init__: the level of recursion is not counted, and no Python code runs. */
PyObject *rt_new_instance_held(PyThreadState *ts, PyObject *cls);
/* Its second half, argv being __init__, the object and the arguments, which are consumed but for the first: the object. */
PyObject *rt_call_init(PyThreadState *ts, PyObject **argv, Py_ssize_t n, void *code, int version);
/* What comes after __init__ gave `res`, which is consumed: `self`, or NULL and it is dropped. Leaves the level. */
PyObject *rt_end_init(PyThreadState *ts, PyObject *self, PyObject *res);
/* True for classes that rt_call_class can speed up: tp_new is object's, tp_alloc generic, and
 * __init__ a plain Python function. */
bool rt_class_ic_worth(PyTypeObject *tp);
void *rt_class_ic_new(CodeUnit *u); /* RtClassIC*, NULL when out of memory */
PyObject *rt_call_ex(PyThreadState *ts, PyObject *callable, PyObject *args, PyObject *kwargs);
/* The same with a new dict into which `kwargs`, a dict, is merged, if anybody can see it. */
PyObject *rt_call_ex_merge(PyThreadState *ts, PyObject *callable, PyObject *args, PyObject *kwargs);
/* These behave as with tracing off; the caller checks that it is. */
PyObject *rt_call_builtin_o(PyThreadState *ts, PyObject *arg, void *cfunction);
PyObject *rt_call_builtin_fast(PyThreadState *ts, PyObject **argv, Py_ssize_t n, void *cfunction);
PyObject *rt_call_descr_noargs(PyThreadState *ts, PyObject *self, void *descr);
PyObject *rt_call_descr_o(PyThreadState *ts, PyObject *self, PyObject *arg, void *descr);
/* Method `method` (RtMethod), whose descriptor is `descr`, of `self`, which is of its exact type; borrows. */
PyObject *rt_call_method_o(PyThreadState *ts, PyObject *self, PyObject *arg, void *descr,
                           int method);
PyObject *rt_call_descr_fast(PyThreadState *ts, PyObject **argv, Py_ssize_t n, void *descr);

/* --- safepoints (rt_eval.c) -------------------------------------------------------------- */
/* What eval_frame_handle_pending does: signals, pending calls, GIL hand-over, async
 * exceptions. -1: raise; 1: leave for tier 0 (tracing is on, or rt_leave_compiled); 0: go on. */
int rt_check_eval(PyThreadState *ts, RtFrame *frame);

#endif
