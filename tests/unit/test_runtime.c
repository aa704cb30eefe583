/* The runtime's helpers against the interpreter itself.
 *
 * This program embeds Python, gives it the helpers as functions of a module `_rt`, and runs the
 * test functions of runtime_cases/, which compare each helper with the bytecode it stands for:
 * results, types, exceptions and their texts, reference counts.  Exits are tested by making frames
 * and exit tables by hand and calling the exit handler as the trampoline would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hir.h"
#include "py311_frame.h"
#include "rt.h"

/* The engine's part, which class instantiation calls; here every call goes the general way. */
__attribute__((weak)) PyObject *rt_call_py(PyThreadState *ts, PyObject **argv, Py_ssize_t n,
                                           void *code)
{
    (void)ts;
    (void)code;
    PyObject *res = PyObject_Vectorcall(argv[0], argv + 1, (size_t)(n - 1), NULL);
    for (Py_ssize_t i = 1; i < n; i++)
        Py_DECREF(argv[i]);
    return res;
}

static PyThreadState *ts(void)
{
    return PyThreadState_Get();
}
static RtFrame *frame(void)
{
    return (RtFrame *)ts()->cframe->current_frame;
}

/* --- wrapping ---------------------------------------------------------------------------- */

static PyObject *status(int err)
{
    if (err < 0)
        return NULL;
    return PyLong_FromLong(err);
}

/* The object, or NULL for `_rt.NULL`. */
static PyObject *null_marker;
static PyObject *or_null(PyObject *o)
{
    return o == null_marker ? NULL : o;
}

#define ARG(i) or_null(PyTuple_GET_ITEM(args, i))
#define INT(i) ((int)PyLong_AsLong(PyTuple_GET_ITEM(args, i)))
#define PTR(i) PyLong_AsVoidPtr(PyTuple_GET_ITEM(args, i))
#define NARGS  PyTuple_GET_SIZE(args)

/* Copies operands from tuple item i on into argv, each with a reference that the helper owns when
 * it consumes them. */
enum { MAX_ARGV = 64 };
static Py_ssize_t spread(PyObject *args, Py_ssize_t from, PyObject **argv)
{
    Py_ssize_t n = 0;
    for (Py_ssize_t i = from; i < NARGS && n < MAX_ARGV; i++)
        argv[n++] = ARG(i);
    return n;
}

static PyObject *gather(PyObject **out, Py_ssize_t n)
{
    PyObject *tup = PyTuple_New(n);
    for (Py_ssize_t i = 0; i < n; i++)
        PyTuple_SET_ITEM(tup, i, out[i] != NULL ? out[i] : Py_NewRef(null_marker));
    return tup;
}

#define WRAP(name, expr)                                      \
    static PyObject *w_##name(PyObject *self, PyObject *args) \
    {                                                         \
        (void)self;                                           \
        (void)args;                                           \
        return expr;                                          \
    }

WRAP(binary_op, rt_binary_op(ARG(0), ARG(1), INT(2)))
WRAP(long_binary, rt_long_binary(ARG(0), ARG(1), INT(2)))
WRAP(float_mod,
     PyFloat_FromDouble(rt_float_mod(PyFloat_AsDouble(ARG(0)), PyFloat_AsDouble(ARG(1)))))
WRAP(float_floordiv,
     PyFloat_FromDouble(rt_float_floordiv(PyFloat_AsDouble(ARG(0)), PyFloat_AsDouble(ARG(1)))))
WRAP(truthy, status(rt_truthy(ARG(0))))
WRAP(compare_op, rt_compare_op(ARG(0), ARG(1), INT(2)))
WRAP(str_eq, status(rt_str_eq(ARG(0), ARG(1))))
WRAP(contains, status(rt_contains(ARG(0), ARG(1))))
WRAP(subscr, rt_subscr(ARG(0), ARG(1)))
WRAP(dict_subscr, rt_dict_subscr(ARG(0), ARG(1)))
WRAP(store_subscr, status(rt_store_subscr(ARG(0), ARG(1), ARG(2))))
WRAP(delete_subscr, status(rt_delete_subscr(ARG(0), ARG(1))))
WRAP(get_len, rt_get_len(ARG(0)))
WRAP(get_iter, rt_get_iter(ARG(0)))
WRAP(format_value, rt_format_value(ARG(0), ARG(1), INT(2)))
WRAP(build_slice, rt_build_slice(ARG(0), ARG(1), ARG(2)))
WRAP(list_extend, status(rt_list_extend(ts(), ARG(0), ARG(1))))
WRAP(set_update, status(rt_set_update(ARG(0), ARG(1))))
WRAP(dict_update, status(rt_dict_update(ts(), ARG(0), ARG(1))))
WRAP(dict_merge, status(rt_dict_merge(ts(), ARG(0), ARG(1), ARG(2))))
WRAP(load_attr, rt_load_attr(ARG(0), PTR(1)))
WRAP(has_attr, status(rt_has_attr(ARG(0), PTR(1))))
WRAP(get_attr_or, rt_get_attr_or(ARG(0), ARG(1), PTR(2)))
WRAP(store_attr, status(rt_store_attr(ARG(0), ARG(1), PTR(2))))
WRAP(delete_attr, status(rt_delete_attr(ARG(0), ARG(1))))
WRAP(load_global, rt_load_global(frame(), PTR(0)))
WRAP(store_global, status(rt_store_global(frame(), ARG(0), ARG(1))))
WRAP(delete_global, status(rt_delete_global(frame(), ARG(0))))
WRAP(load_name, rt_load_name(frame(), ARG(0)))
WRAP(store_name, status(rt_store_name(frame(), ARG(0), ARG(1))))
WRAP(delete_name, status(rt_delete_name(frame(), ARG(0))))
WRAP(setup_annotations, status(rt_setup_annotations(frame())))
WRAP(load_build_class, rt_load_build_class(frame()))
WRAP(import_name, rt_import_name(frame(), ARG(0), ARG(1), ARG(2)))
WRAP(import_from, rt_import_from(ts(), ARG(0), ARG(1)))
WRAP(import_star, status(rt_import_star(frame(), ARG(0))))
WRAP(check_exc_match, status(rt_check_exc_match(ARG(0), ARG(1))))
WRAP(match_mapping, status(rt_match_mapping(ARG(0))))
WRAP(match_sequence, status(rt_match_sequence(ARG(0))))
WRAP(match_keys, rt_match_keys(ts(), ARG(0), ARG(1)))
WRAP(match_class, rt_match_class(ts(), ARG(0), ARG(1), ARG(2), INT(3)))
WRAP(call_ex, rt_call_ex(ts(), ARG(0), ARG(1), ARG(2)))
WRAP(call_builtin_o, rt_call_builtin_o(ts(), ARG(0), ARG(1)))
WRAP(call_descr_noargs, rt_call_descr_noargs(ts(), ARG(0), ARG(1)))
WRAP(call_descr_o, rt_call_descr_o(ts(), ARG(0), ARG(1), ARG(2)))
WRAP(check_eval, status(rt_check_eval(ts(), frame())))
WRAP(unbound_local, status(rt_unbound_local(frame(), INT(0))))
WRAP(unbound_deref, status(rt_unbound_deref(frame(), INT(0))))

static PyObject *w_float_pow(PyObject *self, PyObject *args)
{
    (void)self;
    double r;
    if (!rt_float_pow(PyFloat_AsDouble(ARG(0)), PyFloat_AsDouble(ARG(1)), &r))
        Py_RETURN_NONE;
    return PyFloat_FromDouble(r);
}

static PyObject *w_iter_next(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *next = rt_iter_next(ts(), ARG(0));
    if (next == NULL && !PyErr_Occurred())
        return Py_NewRef(null_marker);
    return next;
}

static PyObject *w_unpack_seq(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *out[MAX_ARGV];
    int n = INT(1);
    return rt_unpack_seq(ts(), ARG(0), n, out) < 0 ? NULL : gather(out, n);
}

static PyObject *w_unpack_ex(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *out[MAX_ARGV];
    int oparg = INT(1);
    return rt_unpack_ex(ts(), ARG(0), oparg, out) < 0
               ? NULL
               : gather(out, 1 + (oparg & 0xff) + (oparg >> 8));
}

#define WRAP_VAR(name, steals)                                      \
    static PyObject *w_##name(PyObject *self, PyObject *args)       \
    {                                                               \
        (void)self;                                                 \
        PyObject *argv[MAX_ARGV];                                   \
        Py_ssize_t n = spread(args, 0, argv);                       \
        for (Py_ssize_t i = 0; steals && i < n; i++)                \
            Py_XINCREF(argv[i]);                                    \
        PyObject *res = rt_##name(argv, n);                         \
        for (Py_ssize_t i = 0; steals && res == NULL && i < n; i++) \
            Py_XDECREF(argv[i]);                                    \
        return res;                                                 \
    }
WRAP_VAR(build_string, 0)
WRAP_VAR(build_tuple, 1)
WRAP_VAR(build_list, 1)
WRAP_VAR(build_set, 0)
WRAP_VAR(build_map, 0)
WRAP_VAR(build_const_key_map, 0)

static PyObject *w_list_append(PyObject *self, PyObject *args)
{
    (void)self;
    return status(rt_list_append(ARG(0), Py_NewRef(ARG(1))));
}

static PyObject *w_load_method(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *out[2] = {NULL, NULL};
    PyObject *upper = rt_load_method(frame(), ARG(0), PTR(1), out);
    if (upper == NULL)
        return NULL;
    out[1] = upper;
    return gather(out, 2);
}

static PyObject *w_before_with(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *out[2] = {NULL, NULL};
    out[1] = rt_before_with(ts(), ARG(0), out);
    return out[1] == NULL ? NULL : gather(out, 2);
}

extern int32_t rt_reraised; /* rt_internal.h: the exit that always follows takes it */

static PyObject *w_raise_varargs(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *argv[MAX_ARGV];
    Py_ssize_t n = spread(args, 0, argv);
    assert_int_equal(rt_raise_varargs(ts(), argv, n), -1);
    rt_reraised = -1;
    return NULL;
}

static PyObject *w_make_function(PyObject *self, PyObject *args) /* oparg, operands..., code */
{
    (void)self;
    PyObject *argv[MAX_ARGV];
    Py_ssize_t n = spread(args, 1, argv);
    return rt_make_function(frame(), argv, n, INT(0));
}

static PyObject *w_call_vector(PyObject *self, PyObject *args) /* kwnames, method, self, args... */
{
    (void)self;
    PyObject *argv[MAX_ARGV];
    Py_ssize_t n = spread(args, 1, argv);
    static int owned; /* in turns: none, the callable, ..., all of them */
    owned = (owned + 1) & 0xff;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (rt_owned(owned, i)) {
            Py_XINCREF(argv[i]); /* consumed */
        }
    }
    return rt_call_vector(ts(), argv, n, ARG(0), owned);
}

static PyObject *w_call_class(PyObject *self, PyObject *args) /* ic, class, args... */
{
    (void)self;
    PyObject *argv[MAX_ARGV];
    Py_ssize_t n = spread(args, 1, argv);
    return rt_call_class(ts(), argv, n, PTR(0));
}

static PyObject *w_call_builtin_fast(PyObject *self, PyObject *args) /* function, args... */
{
    (void)self;
    PyObject *argv[MAX_ARGV];
    Py_ssize_t n = spread(args, 1, argv);
    return rt_call_builtin_fast(ts(), argv, n, ARG(0));
}

static PyObject *w_call_descr_fast(PyObject *self, PyObject *args) /* descriptor, args... */
{
    (void)self;
    PyObject *argv[MAX_ARGV];
    Py_ssize_t n = spread(args, 1, argv);
    return rt_call_descr_fast(ts(), argv, n, ARG(0));
}

/* The local's reference is moved out of the frame first, as compiled code has it: str_append(i, b)
 * appends to local i of the caller and gives the result, the local being unset. */
static PyObject *w_str_append_local(PyObject *self, PyObject *args)
{
    (void)self;
    RtFrame *f = frame();
    return rt_str_append_local(f, py311_frame(f)->localsplus[INT(0)], ARG(1), INT(0));
}

/* --- units and caches ---------------------------------------------------------------------- */

static CodeUnit *ic_unit;

WRAP(attr_ic, PyLong_FromVoidPtr(rt_attr_ic_new(ic_unit, ARG(0), 0)))
WRAP(global_ic, PyLong_FromVoidPtr(rt_global_ic_new(ic_unit, ARG(0))))
WRAP(class_ic, PyLong_FromVoidPtr(((void)ARG(0), rt_class_ic_new(ic_unit))))

static PyObject *w_attr_ic_state(PyObject *self,
                                 PyObject *args) /* (kinds, hits, misses, megamorphic) */
{
    (void)self;
    RtAttrIC *ic = PTR(0);
    PyObject *kinds = PyList_New(0);
    unsigned long long hits = 0;
    for (int i = 0; i < ic->nentries; i++) {
        PyObject *kind = PyLong_FromLong(ic->entries[i].kind);
        PyList_Append(kinds, kind);
        Py_DECREF(kind);
        hits += ic->entries[i].hits;
    }
    return Py_BuildValue("NKIi", kinds, hits, ic->misses, (int)ic->sees);
}

/* A site that has given its own entries up. */
static PyObject *w_attr_ic_shared(PyObject *self, PyObject *args)
{
    (void)self;
    RtAttrIC *ic = rt_attr_ic_new(ic_unit, ARG(0), 0);
    ic->sees = RT_SEES_MANY;
    return PyLong_FromVoidPtr(ic);
}

static PyObject *w_global_ic_state(PyObject *self, PyObject *args)
{
    (void)self;
    RtGlobalIC *ic = PTR(0);
    return Py_BuildValue("iKI", (int)ic->kind, (unsigned long long)ic->hits, ic->misses);
}

/* --- exits ----------------------------------------------------------------------------------- */

static int resumed;
static void on_resume(CodeUnit *u, uint32_t exit_id)
{
    (void)u;
    (void)exit_id;
    resumed++;
}

/* Turns ("f64", 1.5), ("i64", 3), ("bool", 1), ("obj", x) (borrowed), ("own", x) or ("same", i)
 * into a location; kinds of places are taken in turn. */
static void make_loc(PyObject *spec, RtLoc *loc, RtLoc *all, CodeUnit *u, RtRegs *regs, char *rbp,
                     int k)
{
    const char *rep = PyUnicode_AsUTF8(PyTuple_GET_ITEM(spec, 0));
    PyObject *v = PyTuple_GET_ITEM(spec, 1);
    uint64_t bits = 0;
    memset(loc, 0, sizeof *loc);
    if (strcmp(rep, "same") == 0) {
        int other = (int)PyLong_AsLong(v);
        *loc = all[other];
        loc->same_as = (uint8_t)(other + 1);
        return;
    }
    if (strcmp(rep, "f64") == 0) {
        double d = PyFloat_AsDouble(v);
        memcpy(&bits, &d, sizeof bits);
        loc->rep = HIR_F64;
        if (k % 3 == 0) {
            loc->kind = RT_LOC_XMM;
            loc->where = k % 16;
            regs->xmm[loc->where] = d;
            return;
        }
    } else if (strcmp(rep, "i64") == 0) {
        bits = (uint64_t)PyLong_AsLongLong(v);
        loc->rep = HIR_I64;
    } else if (strcmp(rep, "bool") == 0) {
        bits = (uint64_t)PyLong_AsLongLong(v);
        loc->rep = HIR_BOOL;
    } else if (strcmp(rep, "home") == 0) {
        loc->rep = HIR_OBJ;
        loc->kind = RT_LOC_HOME;
        loc->where = (int)PyLong_AsLong(v);
        return;
    } else {
        v = or_null(v);
        loc->rep = HIR_OBJ;
        loc->owned = strcmp(rep, "own") == 0;
        if (loc->owned)
            Py_XINCREF(v);
        bits = (uint64_t)(uintptr_t)v;
    }
    switch (k % 3) {
    case 0: /* r8 .. r15 and the like; not rbp */
        loc->kind = RT_LOC_GPR;
        loc->where = 6 + k % 10;
        regs->gpr[loc->where] = bits;
        break;
    case 1:
        loc->kind = RT_LOC_STACK;
        loc->where = -(k + 1);
        memcpy(rbp - 8 * (k + 1), &bits, sizeof bits);
        break;
    default:
        loc->kind = RT_LOC_CONST;
        loc->where = k;
        u->consts[k] = (int64_t)bits;
        break;
    }
}

enum { MAX_LOCS = 30 };

/* An object allocator that fails once, at the fail_alloc_at-th allocation from now. */
static int fail_alloc_at;
static PyMemAllocatorEx real_alloc;
static bool alloc_fails(void)
{
    return fail_alloc_at > 0 && --fail_alloc_at == 0;
}
static void *failing_malloc(void *ctx, size_t n)
{
    return alloc_fails() ? NULL : real_alloc.malloc(ctx, n);
}
static void *failing_calloc(void *ctx, size_t n, size_t size)
{
    return alloc_fails() ? NULL : real_alloc.calloc(ctx, n, size);
}
static void *failing_realloc(void *ctx, void *p, size_t n)
{
    return alloc_fails() ? NULL : real_alloc.realloc(ctx, p, n);
}

/* run_exit(func, args, kind, bci, stack, dirty, exception, reraise, fail_at): enters a frame of
 * `func` with positional arguments in their homes and leaves it through an exit at once. */
static PyObject *w_run_exit(PyObject *self, PyObject *args)
{
    (void)self;
    PyFunctionObject *func = (PyFunctionObject *)ARG(0);
    PyObject *fargs = ARG(1), *stack = ARG(4), *dirty = ARG(5), *exc = ARG(6);
    PyCodeObject *co = (PyCodeObject *)func->func_code;
    PyThreadState *t = ts();
    CodeUnit *u = rt_unit_new(co, 0);
    u->exits = rt_unit_data(u, sizeof(RtExit));
    u->exit_frames = rt_unit_data(u, sizeof(RtExitFrame));
    u->nexits = 1;
    u->codes = rt_unit_data(u, sizeof(PyCodeObject *));
    u->codes[0] = co;
    u->locs = rt_unit_data(u, 2 * MAX_LOCS * sizeof(RtLoc));
    u->consts = rt_unit_data(u, MAX_LOCS * sizeof(int64_t));
    RtRegs regs = {0};
    uint64_t machine_stack[MAX_LOCS + 1];
    char *rbp = (char *)&machine_stack[MAX_LOCS];
    regs.gpr[5] = (uint64_t)(uintptr_t)rbp;

    RtExitFrame *xf = u->exit_frames;
    xf->bci = (int16_t)INT(3);
    xf->nstack = (uint16_t)PyList_GET_SIZE(stack);
    int k = 0;
    for (; k < xf->nstack; k++)
        make_loc(PyList_GET_ITEM(stack, k), &u->locs[k], u->locs, u, &regs, rbp, k);
    PyObject *index, *spec;
    RtLoc *local = &u->locs[k + PyDict_GET_SIZE(dirty)];
    for (Py_ssize_t pos = 0; PyDict_Next(dirty, &pos, &index, &spec); k++) {
        local[xf->ndirty++].where = (int)PyLong_AsLong(index);
        make_loc(spec, &u->locs[k], u->locs, u, &regs, rbp, k);
    }
    u->exits[0] = (RtExit){.kind = (uint8_t)INT(2), .nframes = 1, .throw_bci = (int16_t)INT(3)};

    Py311Frame *f = py311_frame_alloc(t, py311_frame_size(co));
    assert_non_null(f);
    Py_INCREF(func);
    struct _PyInterpreterFrame *previous = t->cframe->current_frame;
    py311_frame_init(f, func, co, previous);
    Py_ssize_t nargs = PySequence_Fast_GET_SIZE(fargs);
    for (int i = 0; i < co->co_nlocalsplus; i++)
        f->localsplus[i] = i < nargs ? Py_NewRef(PySequence_Fast_GET_ITEM(fargs, i)) : NULL;
    if (PyList_Check(fargs)) /* the frame shall have the only reference */
        PyList_SetSlice(fargs, 0, nargs, NULL);
    f->prev_instr = py311_code_units(co) + co->_co_firsttraceable;
    t->cframe->current_frame = (struct _PyInterpreterFrame *)(void *)f;
    int recursion = --t->recursion_remaining;
    if (exc != NULL)
        PyErr_SetObject((PyObject *)Py_TYPE(exc), exc);
    if (PyObject_IsTrue(ARG(7))) {
        PyErr_Clear();
        PyObject *none[1];
        rt_raise_varargs(t, none, 0);
    }
    fail_alloc_at = INT(8);
    PyObject *res = rt_exit(t, (RtFrame *)(void *)f, u, 0, &regs).result;
    fail_alloc_at = 0;
    assert_ptr_equal(t->cframe->current_frame, f);
    assert_int_equal(t->recursion_remaining, recursion);
    assert_ptr_equal(f->previous, previous);
    assert_true(f->stacktop == -1 || f->stacktop == co->co_nlocalsplus);
    t->recursion_remaining++;
    t->cframe->current_frame = previous;
    f->stacktop = co->co_nlocalsplus;
    py311_frame_clear(f);
    py311_frame_pop(t, f);
    rt_unit_free(u);
    return res;
}

static PyObject *w_resumed(PyObject *self, PyObject *args)
{
    (void)self;
    (void)args;
    return PyLong_FromLong(resumed);
}

static PyObject *w_leave(PyObject *self, PyObject *args)
{
    (void)self;
    rt_leave_compiled = INT(0);
    Py_RETURN_NONE;
}

#define METHOD(name)                        \
    {                                       \
#name, w_##name, METH_VARARGS, NULL \
    }
static PyMethodDef methods[] = {
    METHOD(binary_op),
    METHOD(long_binary),
    METHOD(float_mod),
    METHOD(float_floordiv),
    METHOD(float_pow),
    METHOD(truthy),
    METHOD(compare_op),
    METHOD(str_eq),
    METHOD(contains),
    METHOD(subscr),
    METHOD(dict_subscr),
    METHOD(store_subscr),
    METHOD(delete_subscr),
    METHOD(get_len),
    METHOD(get_iter),
    METHOD(iter_next),
    METHOD(unpack_seq),
    METHOD(unpack_ex),
    METHOD(format_value),
    METHOD(build_string),
    METHOD(build_tuple),
    METHOD(build_list),
    METHOD(build_set),
    METHOD(build_map),
    METHOD(build_const_key_map),
    METHOD(build_slice),
    METHOD(list_append),
    METHOD(list_extend),
    METHOD(set_update),
    METHOD(dict_update),
    METHOD(dict_merge),
    METHOD(attr_ic_shared),
    METHOD(has_attr),
    METHOD(get_attr_or),
    METHOD(load_attr),
    METHOD(store_attr),
    METHOD(delete_attr),
    METHOD(load_method),
    METHOD(load_global),
    METHOD(store_global),
    METHOD(delete_global),
    METHOD(load_name),
    METHOD(store_name),
    METHOD(delete_name),
    METHOD(setup_annotations),
    METHOD(make_function),
    METHOD(load_build_class),
    METHOD(import_name),
    METHOD(import_from),
    METHOD(import_star),
    METHOD(before_with),
    METHOD(check_exc_match),
    METHOD(raise_varargs),
    METHOD(unbound_local),
    METHOD(unbound_deref),
    METHOD(match_mapping),
    METHOD(match_sequence),
    METHOD(match_keys),
    METHOD(match_class),
    METHOD(call_vector),
    METHOD(call_class),
    METHOD(call_ex),
    METHOD(call_builtin_o),
    METHOD(call_builtin_fast),
    METHOD(call_descr_noargs),
    METHOD(call_descr_o),
    METHOD(call_descr_fast),
    METHOD(check_eval),
    METHOD(str_append_local),
    METHOD(attr_ic),
    METHOD(global_ic),
    METHOD(class_ic),
    METHOD(attr_ic_state),
    METHOD(global_ic_state),
    METHOD(run_exit),
    METHOD(resumed),
    METHOD(leave),
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_rt", NULL, -1, methods, NULL, NULL, NULL, NULL};

static PyObject *init_module(void)
{
    PyObject *m = PyModule_Create(&module);
    null_marker = PyObject_CallNoArgs((PyObject *)&PyBaseObject_Type);
    PyModule_AddObject(m, "NULL", Py_NewRef(null_marker));
    PyModule_AddIntConstant(m, "RESUME", RT_EXIT_RESUME);
    PyModule_AddIntConstant(m, "THROW", RT_EXIT_THROW);
    static const struct {
        const char *name;
        int value;
    } kinds[] = {
        {"INLINE_VALUE", RT_ATTR_INLINE_VALUE},
        {"MEMBER", RT_ATTR_MEMBER},
        {"DICT_HINT", RT_ATTR_DICT_HINT},
        {"MODULE", RT_ATTR_MODULE},
        {"CLASS_VALUE", RT_ATTR_CLASS_VALUE},
        {"CLASS_METHOD", RT_ATTR_CLASS_METHOD},
        {"CLASS_GET", RT_ATTR_CLASS_GET},
        {"DATA", RT_ATTR_DATA},
        {"GETSET", RT_ATTR_GETSET},
        {"ABSENT", RT_ATTR_ABSENT},
        {"PROPERTY", RT_ATTR_PROPERTY},
        {"TYPE_VALUE", RT_ATTR_TYPE_VALUE},
        {"TYPE_GET", RT_ATTR_TYPE_GET},
        {"GETATTR_HOOK", RT_ATTR_GETATTR_HOOK},
        {"GLOBAL_MODULE", RT_GLOBAL_MODULE},
        {"GLOBAL_BUILTIN", RT_GLOBAL_BUILTIN},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        PyModule_AddIntConstant(m, kinds[i].name, kinds[i].value);
    return m;
}

/* --- running the cases -------------------------------------------------------------------------- */

static void run_case(void **state)
{
    PyObject *res = PyObject_CallNoArgs(*state);
    if (res == NULL) {
        PyErr_Print();
        fail();
    }
    Py_XDECREF(res);
}

static void unit_memory(void **state)
{
    (void)state;
    CodeUnit *u = rt_unit_new(NULL, 7);
    assert_int_equal(u->entry_bci, 7);
    size_t before = u->data_size;
    char *p[200];
    for (size_t i = 0; i < 200; i++) {
        size_t size = 1 + (i * 37) % 3000;
        p[i] = rt_unit_data(u, size);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
        for (size_t j = 0; j < size; j++)
            assert_int_equal(p[i][j], 0);
        memset(p[i], (int)i + 1, size);
    }
    for (size_t i = 0; i < 200; i++) /* nothing overlapped */
        for (size_t j = 0; j < 1 + (i * 37) % 3000; j++)
            assert_int_equal(p[i][j], (char)(i + 1));
    assert_true(u->data_size > before + 100 * 1000);
    assert_null(rt_unit_data(u, (size_t)-100));

    PyObject *objs[100];
    for (int i = 0; i < 100; i++) {
        objs[i] = PyList_New(0);
        assert_int_equal(rt_unit_pin(u, objs[i]), 0);
        assert_int_equal(rt_unit_pin(u, objs[i]), 0);
        assert_int_equal(Py_REFCNT(objs[i]), 2);
    }
    assert_int_equal(u->npinned, 100);
    rt_unit_free(u);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(Py_REFCNT(objs[i]), 1);
        Py_DECREF(objs[i]);
    }
    rt_unit_free(NULL);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]); /* a pattern like test_attr* */
    PyImport_AppendInittab("_rt", init_module);
#ifdef __SANITIZE_ADDRESS__
    PyPreConfig pre;
    PyPreConfig_InitIsolatedConfig(&pre);
    pre.allocator = PYMEM_ALLOCATOR_MALLOC; /* the sanitizer sees every object */
    Py_PreInitialize(&pre);
#endif
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.site_import = 0;
    Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (rt_init() < 0 ||
        PyRun_SimpleString("import sys; sys.path.insert(0, '" PYSTON_TESTS_DIR "')\n"
                           "sys.dont_write_bytecode = True\n") != 0)
        return 1;
    PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &real_alloc);
    PyMemAllocatorEx failing = {real_alloc.ctx, failing_malloc, failing_calloc, failing_realloc,
                                real_alloc.free};
    PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &failing);
    rt_on_resume_exit = on_resume;
    ic_unit = rt_unit_new(NULL, 0);
    PyObject *cases = PyImport_ImportModule("runtime_cases");
    if (cases == NULL) {
        PyErr_Print();
        return 1;
    }
    struct CMUnitTest tests[256] = {cmocka_unit_test(unit_memory)};
    size_t n = 1;
    PyObject *found = PyObject_CallMethod(cases, "all_tests", NULL); /* [(name, function)] */
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(found) && n < 256; i++) {
        PyObject *pair = PyList_GET_ITEM(found, i);
        tests[n++] = (struct CMUnitTest){PyUnicode_AsUTF8(PyTuple_GET_ITEM(pair, 0)), run_case,
                                         NULL, NULL, PyTuple_GET_ITEM(pair, 1)};
    }
    int failed = _cmocka_run_group_tests("runtime", tests, n, NULL, NULL);
    Py_DECREF(found);
    Py_DECREF(cases);
    rt_unit_free(ic_unit);
    return failed != 0 || Py_FinalizeEx() != 0;
}
