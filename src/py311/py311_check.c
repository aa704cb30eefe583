/* The load-time self-check; see py311_check.h.
 *
 * Each group makes objects through the public API and reads them at the offsets of PY311_LAYOUT
 * (and through the structs of the headers we were compiled with).  The opcode tables are taken out
 * of the running interpreter: the `co_code` of a code object that we fill with one instruction of
 * each number shows what its de-optimising table makes of them. */
#include "py311_internal.h"

#include <marshal.h>
#include <string.h>

#include "py311_check.h"
#include "py311_frame.h"
#include "py311_gc.h"
#include "py311_layout.h"
#include "py311_opcodes.h"
#include "py311_probe.h"

/* Magic number of 3.11's bytecode; it changes with every change of opcodes or inline caches. */
#define MAGIC_3_11             3495

/* The field at an offset of the table. */
#define AT(type, object, name) (*(type *)(void *)((char *)(object) + PY311_OFF_##name))
#define REQUIRE(cond, what) \
    do {                    \
        if (!(cond)) {      \
            return what;    \
        }                   \
    } while (0)
/* For groups that own objects: leave through `done`. */
#define EXPECT(cond, what) \
    do {                   \
        if (!(cond)) {     \
            error = what;  \
            goto done;     \
        }                  \
    } while (0)

static const char out_of_memory[] = "memory for the self-check";

static const char *check_build(void)
{
    REQUIRE(Py_Version >> 16 == 0x030b, "the Python version is not 3.11");
    REQUIRE((PyImport_GetMagicNumber() & 0xffff) == MAGIC_3_11, "the bytecode's magic number");
    REQUIRE(PySys_GetObject("gettotalrefcount") == NULL, "a debug build of Python");
    REQUIRE(PySys_GetObject("getobjects") == NULL, "a build of Python that traces references");
    return NULL;
}

static const char *check_sizes(void)
{
    static const struct {
        PyTypeObject *type;
        Py_ssize_t size;
        const char *name;
    } sizes[] = {
        {&PyFunction_Type, sizeof(PyFunctionObject), "size of function"},
        {&PyMethod_Type, sizeof(PyMethodObject), "size of method"},
        {&PyCFunction_Type, sizeof(PyCFunctionObject), "size of builtin_function_or_method"},
        {&PyMethodDescr_Type, sizeof(PyMethodDescrObject), "size of method_descriptor"},
        {&PyCode_Type, offsetof(PyCodeObject, co_code_adaptive), "size of code"},
        {&PyFrame_Type,
         offsetof(PyFrameObject, _f_frame_data) + offsetof(_PyInterpreterFrame, localsplus),
         "size of frame"},
        {&PyGen_Type, offsetof(PyGenObject, gi_iframe) + offsetof(_PyInterpreterFrame, localsplus),
         "size of generator"},
        {&PyCoro_Type, offsetof(PyGenObject, gi_iframe) + offsetof(_PyInterpreterFrame, localsplus),
         "size of coroutine"},
        {&PyAsyncGen_Type,
         offsetof(PyGenObject, gi_iframe) + offsetof(_PyInterpreterFrame, localsplus),
         "size of async_generator"},
        {&_PyAsyncGenWrappedValue_Type, sizeof(Py311WrappedValue),
         "size of async_generator_wrapped_value"},
        {&PyUnicodeIter_Type, sizeof(Py311StrIter), "size of str_iterator"},
        {&_PyAsyncGenASend_Type, sizeof(Py311AsyncGenASend), "size of async_generator_asend"},
        {&PyDict_Type, sizeof(PyDictObject), "size of dict"},
        {&PyList_Type, sizeof(PyListObject), "size of list"},
        {&PyTuple_Type, offsetof(PyTupleObject, ob_item), "size of tuple"},
        {&PyFloat_Type, PY311_OFF_FLOAT_SIZE, "size of float"},
        {&PyLong_Type, offsetof(PyLongObject, ob_digit), "size of int"},
        {&PyUnicode_Type, sizeof(PyUnicodeObject), "size of str"},
        {&PyCell_Type, sizeof(PyCellObject), "size of cell"},
        {&PySlice_Type, sizeof(PySliceObject), "size of slice"},
        {&PyModule_Type, sizeof(PyModuleObject), "size of module"},
        {&PyType_Type, sizeof(PyHeapTypeObject), "size of type"},
        {&PyListIter_Type, sizeof(Py311ListIter), "size of list_iterator"},
        {&PyTupleIter_Type, sizeof(Py311TupleIter), "size of tuple_iterator"},
        {&PyRangeIter_Type, sizeof(Py311RangeIter), "size of range_iterator"},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        REQUIRE(sizes[i].type->tp_basicsize == sizes[i].size, sizes[i].name);
    }
    return NULL;
}

/* Units a probed opcode occupies: itself and more than any cache. */
#define PROBE_UNITS 16

static const char *check_opcodes(void)
{
    const char *error = NULL;
    PyObject *name = PyUnicode_FromString("probe"), *shown = NULL;
    PyObject *blank = PyBytes_FromStringAndSize(NULL, 256 * PROBE_UNITS * 2);
    PyObject *nothing = PyBytes_FromStringAndSize(NULL, 0), *empty = PyTuple_New(0);
    PyCodeObject *co = NULL;
    EXPECT(name != NULL && blank != NULL && nothing != NULL && empty != NULL, out_of_memory);
    for (Py_ssize_t i = 0; i < PyBytes_GET_SIZE(blank); i += 2) {
        PyBytes_AS_STRING(blank)[i] = PY311_NOP;
        PyBytes_AS_STRING(blank)[i + 1] = 1;
    }
    co = PyCode_NewWithPosOnlyArgs(0, 0, 0, 0, 1, CO_OPTIMIZED, blank, empty, empty, empty, empty,
                                   empty, name, name, name, 1, nothing, nothing);
    EXPECT(co != NULL && Py_SIZE(co) == 256 * PROBE_UNITS, "the shape of code objects");
    /* Behind each opcode stand NOPs with an argument; those that are shown as zero are its cache. */
    for (int op = 0; op < 256; op++) {
        py311_code_units(co)[op * PROBE_UNITS] = (uint16_t)op;
    }
    shown = PyCode_GetCode(co);
    EXPECT(shown != NULL && PyBytes_GET_SIZE(shown) == PyBytes_GET_SIZE(blank), "co_code");
    for (int op = 0; op < 256; op++) {
        const char *at = PyBytes_AS_STRING(shown) + op * PROBE_UNITS * 2;
        int caches = 0;
        while (caches < PROBE_UNITS - 1 && at[2 * (caches + 1)] == 0) {
            caches++;
        }
        EXPECT((uint8_t)at[0] == py311_opcode_base[op], "the table of specialised opcodes");
        EXPECT(caches == py311_opcode_caches[op], "the sizes of inline caches");
    }
done:
    if (co != NULL) {
        /* It never ran, and must not look like code to its deallocator or to a debugger. */
        memcpy(co->co_code_adaptive, PyBytes_AS_STRING(blank), (size_t)PyBytes_GET_SIZE(blank));
    }
    Py_XDECREF(co);
    Py_XDECREF(shown);
    Py_XDECREF(blank);
    Py_XDECREF(nothing);
    Py_XDECREF(empty);
    Py_XDECREF(name);
    return error;
}

static const char *check_scalars(void)
{
    const char *error = NULL;
    PyObject *f = PyFloat_FromDouble(1.5), *big = PyLong_FromLongLong(-((5LL << 30) + 7));
    PyObject *seven = PyLong_FromLong(7), *least = PyLong_FromLong(-5),
             *most = PyLong_FromLong(256);
    PyObject *s = PyUnicode_FromString("abc"), *wide = PyUnicode_FromString("\xe2\x82\xac");
    EXPECT(f && big && seven && least && most && s && wide, out_of_memory);
    EXPECT(AT(double, f, FLOAT_VALUE) == 1.5, "layout of float");
    EXPECT(AT(PyTypeObject *, f, OBJ_TYPE) == &PyFloat_Type && AT(Py_ssize_t, f, OBJ_REFCNT) == 1,
           "layout of object");
    EXPECT(AT(Py_ssize_t, big, VAR_SIZE) == -2, "layout of int");
    EXPECT((&AT(uint32_t, big, LONG_DIGITS))[0] == 7 && (&AT(uint32_t, big, LONG_DIGITS))[1] == 5,
           "digits of int");
    PyLongObject *small = py311_small_ints();
    EXPECT((PyObject *)&small[PY311_NSMALLNEG + 7] == seven && (PyObject *)&small[0] == least &&
               (PyObject *)&small[PY311_NSMALLNEG + PY311_NSMALLPOS - 1] == most,
           "the cache of small ints");
    EXPECT(AT(Py_ssize_t, s, STR_LENGTH) == 3 &&
               memcmp((char *)s + PY311_OFF_STR_ASCII_DATA, "abc", 4) == 0,
           "layout of str");
    unsigned state = AT(unsigned, s, STR_STATE);
    EXPECT((state >> PY311_STR_KIND_SHIFT & 7) == PyUnicode_1BYTE_KIND &&
               (state >> PY311_STR_COMPACT_BIT & 1) && (state >> PY311_STR_ASCII_BIT & 1) &&
               (state >> PY311_STR_READY_BIT & 1),
           "state bits of str");
    state = AT(unsigned, wide, STR_STATE);
    EXPECT((state >> PY311_STR_KIND_SHIFT & 7) == PyUnicode_2BYTE_KIND &&
               !(state >> PY311_STR_ASCII_BIT & 1) &&
               AT(uint16_t, wide, STR_COMPACT_DATA) == 0x20ac,
           "layout of non-ASCII str");
    Py_hash_t hash = PyObject_Hash(s);
    EXPECT(AT(Py_hash_t, s, STR_HASH) == hash, "hash of str");

    PyInterpreterState *interp = PyInterpreterState_Get();
    PyObject *freed = f;
    f = NULL;
    Py_DECREF(freed); /* nothing else frees floats between here and the look */
    EXPECT(AT(PyObject *, interp, INTERP_FLOAT_FREELIST) == freed &&
               AT(int, interp, INTERP_FLOAT_NUMFREE) > 0,
           "the free list of floats");
done:
    Py_XDECREF(f);
    Py_XDECREF(big);
    Py_XDECREF(seven);
    Py_XDECREF(least);
    Py_XDECREF(most);
    Py_XDECREF(s);
    Py_XDECREF(wide);
    return error;
}

/* iter(container) advanced by one item, or NULL. */
static PyObject *started_iter(PyObject *container)
{
    PyObject *it = PyObject_GetIter(container);
    PyObject *item = it != NULL ? PyIter_Next(it) : NULL;
    if (item == NULL) {
        Py_CLEAR(it);
    }
    Py_XDECREF(item);
    return it;
}

/* Advances an iterator of tuples by one, of which item `k` is `item`. */
static bool next_of(PyObject *it, const PyObject *item, Py_ssize_t k)
{
    PyObject *tuple = PyIter_Next(it);
    bool ok = tuple != NULL && PyTuple_GET_ITEM(tuple, k) == item;
    Py_XDECREF(tuple);
    return ok;
}

static const char *check_containers(void)
{
    const char *error = NULL;
    PyObject *a = PyUnicode_InternFromString("a"), *n = PyLong_FromLong(1000);
    PyObject *list = Py_BuildValue("[OO]", a, n), *tuple = Py_BuildValue("(OO)", a, n);
    PyObject *range = PyObject_CallFunction((PyObject *)&PyRange_Type, "iii", 3, 30, 4);
    PyObject *li = NULL, *ti = NULL, *ri = NULL, *dict = PyDict_New(), *cell = PyCell_New(n);
    PyObject *slice = PySlice_New(a, n, a), *empty = PyTuple_New(0), *en = NULL, *zip = NULL;
    EXPECT(a && n && list && tuple && range && dict && cell && slice && empty, out_of_memory);
    EXPECT(AT(PyObject **, list, LIST_ITEMS)[1] == n && AT(Py_ssize_t, list, VAR_SIZE) == 2 &&
               AT(Py_ssize_t, list, LIST_ALLOCATED) >= 2,
           "layout of list");
    EXPECT((&AT(PyObject *, tuple, TUPLE_ITEMS))[1] == n, "layout of tuple");
    EXPECT(py311_empty_tuple() == empty, "the empty tuple");
    EXPECT(AT(PyObject *, cell, CELL_REF) == n, "layout of cell");
    EXPECT(AT(PyObject *, slice, SLICE_START) == a, "layout of slice");
    li = started_iter(list);
    ti = started_iter(tuple);
    ri = started_iter(range);
    EXPECT(li && ti && ri, out_of_memory);
    EXPECT(Py_TYPE(li) == &PyListIter_Type && AT(Py_ssize_t, li, LISTITER_INDEX) == 1 &&
               AT(PyObject *, li, LISTITER_SEQ) == list,
           "layout of list_iterator");
    EXPECT(Py_TYPE(ti) == &PyTupleIter_Type && AT(Py_ssize_t, ti, TUPLEITER_INDEX) == 1 &&
               AT(PyObject *, ti, TUPLEITER_SEQ) == tuple,
           "layout of tuple_iterator");
    EXPECT(Py_TYPE(ri) == &PyRangeIter_Type && AT(long, ri, RANGEITER_INDEX) == 1 &&
               AT(long, ri, RANGEITER_START) == 3 && AT(long, ri, RANGEITER_STEP) == 4 &&
               AT(long, ri, RANGEITER_LEN) == 7,
           "layout of range_iterator");

    en = PyObject_CallOneArg((PyObject *)&PyEnum_Type, list);
    zip = PyObject_CallFunctionObjArgs((PyObject *)&PyZip_Type, list, tuple, NULL);
    EXPECT(en && zip && next_of(en, a, 1) && next_of(zip, a, 0), out_of_memory);
    const Py311Enumerate *e = (Py311Enumerate *)en;
    EXPECT(e->en_index == 1 && Py_TYPE(e->en_sit) == &PyListIter_Type &&
               PyTuple_CheckExact(e->en_result) && PyTuple_GET_ITEM(e->en_result, 1) == a,
           "layout of enumerate");
    const Py311Zip *z = (Py311Zip *)zip;
    EXPECT(z->tuplesize == 2 && PyTuple_CheckExact(z->ittuple) && !z->strict &&
               Py_TYPE(PyTuple_GET_ITEM(z->ittuple, 1)) == &PyTupleIter_Type &&
               PyTuple_CheckExact(z->result) && PyTuple_GET_ITEM(z->result, 1) == a,
           "layout of zip");

    uint64_t version = AT(uint64_t, dict, DICT_VERSION_TAG);
    EXPECT(PyDict_SetItem(dict, a, n) == 0, out_of_memory);
    EXPECT(AT(Py_ssize_t, dict, DICT_USED) == 1 && AT(void *, dict, DICT_VALUES) == NULL,
           "layout of dict");
    EXPECT(AT(uint64_t, dict, DICT_VERSION_TAG) != version, "version tag of dict");
    char *keys = py311_dict_keys(dict);
    char *entry = py311_keys_entries(keys);
    EXPECT(py311_keys_unicode(keys) && py311_keys_nentries(keys) == 1 &&
               py311_keys_version(keys) == 0 && AT(PyObject *, entry, UENTRY_KEY) == a &&
               AT(PyObject *, entry, UENTRY_VALUE) == n,
           "layout of dict keys");
    EXPECT(PyDict_SetItem(dict, n, a) == 0, out_of_memory);
    keys = py311_dict_keys(dict);
    entry = py311_keys_entries(keys) + PY311_OFF_ENTRY_SIZE;
    EXPECT(!py311_keys_unicode(keys) && py311_keys_nentries(keys) == 2 &&
               AT(PyObject *, entry, ENTRY_KEY) == n && AT(PyObject *, entry, ENTRY_VALUE) == a &&
               AT(Py_hash_t, entry, ENTRY_HASH) == PyObject_Hash(n),
           "layout of general dict keys");
done:
    Py_XDECREF(a);
    Py_XDECREF(n);
    Py_XDECREF(list);
    Py_XDECREF(tuple);
    Py_XDECREF(range);
    Py_XDECREF(li);
    Py_XDECREF(ti);
    Py_XDECREF(ri);
    Py_XDECREF(en);
    Py_XDECREF(zip);
    Py_XDECREF(dict);
    Py_XDECREF(cell);
    Py_XDECREF(slice);
    Py_XDECREF(empty);
    return error;
}

/* --- states ------------------------------------------------------------------------ */

static int pending_ran;
static int pending_probe(void *arg)
{
    (void)arg;
    pending_ran = 1;
    return 0;
}

static PyObject *frame_func_probe(PyThreadState *ts, struct _PyInterpreterFrame *f, int throwflag)
{
    return _PyEval_EvalFrameDefault(ts, f, throwflag);
}

static const char *check_states(void)
{
    PyThreadState *ts = PyThreadState_Get();
    PyInterpreterState *interp = PyThreadState_GetInterpreter(ts);
    REQUIRE(AT(PyInterpreterState *, ts, TS_INTERP) == interp, "the thread state's interpreter");
    REQUIRE(AT(int, ts, TS_RECURSION_LIMIT) == Py_GetRecursionLimit(), "the recursion limit");
    int remaining = AT(int, ts, TS_RECURSION_REMAINING);
    if (Py_EnterRecursiveCall("") != 0) {
        PyErr_Clear();
        return "the recursion counter";
    }
    int entered = AT(int, ts, TS_RECURSION_REMAINING);
    Py_LeaveRecursiveCall();
    REQUIRE(entered == remaining - 1 && AT(int, ts, TS_RECURSION_REMAINING) == remaining,
            "the recursion counter");
    int tracing = AT(int, ts, TS_TRACING);
    PyThreadState_EnterTracing(ts);
    int deeper = AT(int, ts, TS_TRACING);
    PyThreadState_LeaveTracing(ts);
    REQUIRE(deeper == tracing + 1 && AT(int, ts, TS_TRACING) == tracing, "the tracing counter");
    PyErr_SetString(PyExc_ValueError, "probe");
    bool set = AT(PyObject *, ts, TS_CUREXC_TYPE) == PyExc_ValueError &&
               AT(PyObject *, ts, TS_CUREXC_VALUE) != NULL;
    PyErr_Clear();
    REQUIRE(set && AT(PyObject *, ts, TS_CUREXC_TYPE) == NULL, "the current exception");
    REQUIRE(AT(void *, ts, TS_EXC_INFO) != NULL, "the handled exception");
    /* The asynchronous exception lies between these two. */
    REQUIRE(ts->dict == NULL || ts->dict == PyThreadState_GetDict(), "the thread state's dict");
    REQUIRE(ts->thread_id == PyThread_get_thread_ident(), "the thread's id");
    REQUIRE(py311_gil_holder() == ts, "the holder of the GIL");

    int gc = PyGC_IsEnabled();
    REQUIRE(AT(int, interp, INTERP_GC_ENABLED) == gc, "the collector's switch");
    PyGC_Disable();
    int off = AT(int, interp, INTERP_GC_ENABLED);
    PyGC_Enable();
    int on = AT(int, interp, INTERP_GC_ENABLED);
    if (!gc) {
        PyGC_Disable();
    }
    REQUIRE(off == 0 && on == 1, "the collector's switch");

    _PyFrameEvalFunction before = _PyInterpreterState_GetEvalFrameFunc(interp);
    void *raw = AT(void *, interp, INTERP_EVAL_FRAME);
    _PyInterpreterState_SetEvalFrameFunc(interp, frame_func_probe);
    bool seen = AT(void *, interp, INTERP_EVAL_FRAME) == (void *)frame_func_probe;
    _PyInterpreterState_SetEvalFrameFunc(interp, before);
    AT(void *, interp, INTERP_EVAL_FRAME) = seen ? raw : AT(void *, interp, INTERP_EVAL_FRAME);
    REQUIRE(seen, "the hook of PEP 523");

    if (PyThread_get_thread_ident() == py311_main_thread_id() &&
        interp == PyInterpreterState_Main()) {
        pending_ran = 0;
        if (Py_AddPendingCall(pending_probe, NULL) == 0) {
            bool asked =
                *py311_eval_breaker(interp) == 1 && *py311_pending_calls_to_do(interp) == 1;
            while (!pending_ran) {
                if (Py_MakePendingCalls() != 0) {
                    /* Somebody else's call or a signal handler failed: not our exception. */
                    PyErr_WriteUnraisable(NULL);
                }
            }
            REQUIRE(asked, "the eval breaker");
        }
    }
    return NULL;
}

/* --- classes, functions, frames ------------------------------------------------------- */

static const char *frame_error;
static PyObject *frame_function, *frame_value;

/* Called by f of py311_probe.py: looks at its caller's frame both ways. */
static const char *inspect_frame(PyObject *self)
{
    PyThreadState *ts = PyThreadState_Get();
    struct _PyInterpreterFrame *raw =
        AT(struct _PyInterpreterFrame *, AT(void *, ts, TS_CFRAME), CFRAME_CURRENT_FRAME);
    Py311Frame *f = py311_frame(raw);
    PyCodeObject *co = (PyCodeObject *)PyFunction_GET_CODE(frame_function);
    REQUIRE(f->f_func == (PyFunctionObject *)frame_function && f->f_code == co &&
                f->f_globals == PyFunction_GET_GLOBALS(frame_function) &&
                f->f_builtins == ((PyFunctionObject *)frame_function)->func_builtins &&
                f->f_locals == NULL && f->frame_obj == NULL,
            "layout of frames");
    REQUIRE(f->stacktop == -1 && f->owner == PY311_OWNED_BY_THREAD, "state of a running frame");
    REQUIRE(f->localsplus[0] == self && f->localsplus[1] == frame_value, "a frame's locals");
    int32_t lasti = py311_frame_lasti(f);
    REQUIRE(lasti > 0 && lasti < Py_SIZE(co), "a frame's instruction pointer");
    PyObject **end =
        (PyObject **)(void *)f + PY311_FRAME_SPECIALS + co->co_nlocalsplus + co->co_stacksize;
    REQUIRE(AT(PyObject **, ts, TS_DATASTACK_TOP) == end &&
                AT(PyObject **, ts, TS_DATASTACK_LIMIT) >= end,
            "the data stack");
    PyFrameObject *object = PyThreadState_GetFrame(ts);
    REQUIRE(object != NULL && f->frame_obj == object, "the object of a frame");
    bool same = PyFrame_GetLasti(object) == lasti * 2 &&
                object->f_frame == (_PyInterpreterFrame *)(void *)f;
    Py_DECREF(object);
    REQUIRE(same, "the object of a frame");
    return NULL;
}

static PyObject *frame_probe(PyObject *self, PyObject *value)
{
    frame_error = value == frame_value ? inspect_frame(self) : "a call's argument";
    Py_RETURN_NONE;
}

static PyMethodDef frame_probe_def = {"probe", frame_probe, METH_O, NULL};

static const char *check_function(PyObject *f)
{
    PyFunctionObject *func = (PyFunctionObject *)f;
    REQUIRE(AT(PyObject *, f, FUNC_CODE) == PyFunction_GetCode(f) &&
                AT(PyObject *, f, FUNC_GLOBALS) == PyFunction_GetGlobals(f) &&
                AT(PyObject *, f, FUNC_DEFAULTS) == PyFunction_GetDefaults(f) &&
                AT(PyObject *, f, FUNC_KWDEFAULTS) == PyFunction_GetKwDefaults(f) &&
                AT(PyObject *, f, FUNC_CLOSURE) == PyFunction_GetClosure(f),
            "layout of function");
    REQUIRE(func->vectorcall == _PyFunction_Vectorcall, "a function's vectorcall");
    PyCodeObject *co = (PyCodeObject *)PyFunction_GET_CODE(f);
    REQUIRE(co->co_argcount == 3 && co->co_nlocalsplus == 3 && co->co_extra == NULL &&
                co->_co_firsttraceable == 0 && PyBytes_Check(co->co_exceptiontable) &&
                PyTuple_Check(co->co_consts),
            "layout of code");
    REQUIRE(py311_opcode_base[py311_code_units(co)[0] & 255] == PY311_RESUME, "layout of code");

    /* A frame seen from a function that it calls.  `self` of the probe is the probe itself. */
    const char *error = NULL;
    PyObject *probe = NULL, *method = NULL, *result = NULL, *value = PyFloat_FromDouble(2.5);
    EXPECT(value != NULL, out_of_memory);
    probe = PyCFunction_New(&frame_probe_def, NULL);
    EXPECT(probe != NULL, out_of_memory);
    EXPECT(AT(PyMethodDef *, probe, CFUNC_ML) == &frame_probe_def &&
               AT(PyObject *, probe, CFUNC_SELF) == NULL &&
               AT(PyCFunction, &frame_probe_def, METHODDEF_METH) == frame_probe &&
               AT(int, &frame_probe_def, METHODDEF_FLAGS) == METH_O,
           "layout of builtin_function_or_method");
    ((PyCFunctionObject *)probe)->m_self = probe; /* borrowed for the call */
    frame_function = f;
    frame_value = value;
    frame_error = "a frame (the probe did not run)";
    result = PyObject_CallFunctionObjArgs(f, probe, value, NULL);
    ((PyCFunctionObject *)probe)->m_self = NULL;
    EXPECT(result != NULL, "a call of a function");
    EXPECT(frame_error == NULL, frame_error);
    method = PyMethod_New(f, value);
    EXPECT(method != NULL, out_of_memory);
    EXPECT(AT(PyObject *, method, METHOD_FUNC) == f && AT(PyObject *, method, METHOD_SELF) == value,
           "layout of method");
    PyObject *descr = PyDict_GetItemString(PyUnicode_Type.tp_dict, "join");
    EXPECT(descr != NULL && Py_TYPE(descr) == &PyMethodDescr_Type &&
               AT(PyTypeObject *, descr, DESCR_TYPE) == &PyUnicode_Type &&
               strcmp(AT(PyMethodDef *, descr, DESCR_METHOD)->ml_name, "join") == 0,
           "layout of method_descriptor");
done:
    Py_XDECREF(value);
    Py_XDECREF(probe);
    Py_XDECREF(method);
    Py_XDECREF(result);
    return error;
}

/* Calls g(c) until its LOAD_ATTR is specialised and holds the cache against the class. */
static const char *check_cache(PyObject *g, PyTypeObject *cls, PyObject *c)
{
    PyCodeObject *co = (PyCodeObject *)PyFunction_GET_CODE(g);
    for (int i = 0; i < 100; i++) {
        PyObject *r = PyObject_CallOneArg(g, c);
        REQUIRE(r != NULL, "a call of a function");
        Py_DECREF(r);
        for (PY311_EACH_INS(co, ins)) {
            if (ins.raw == PY311_LOAD_ATTR_INSTANCE_VALUE) {
                Py311Cache cache;
                py311_read_cache(co, &ins, &cache);
                REQUIRE(co->co_warmup == 0, "the warm-up counter of code");
                REQUIRE(cache.type_version == cls->tp_version_tag && cache.index == 1,
                        "the inline cache of LOAD_ATTR");
                return NULL;
            }
        }
    }
    return "the specialisation of LOAD_ATTR";
}

static const char *check_class(PyObject *cls, PyObject *g)
{
    const char *error = NULL;
    PyTypeObject *tp = (PyTypeObject *)cls;
    PyObject *c = PyObject_CallNoArgs(cls), *dict = NULL, *name = PyUnicode_FromString("__init__");
    EXPECT(c != NULL && name != NULL, "an instance of a class");
    EXPECT(tp->tp_flags & Py_TPFLAGS_MANAGED_DICT && tp->tp_flags & Py_TPFLAGS_HEAPTYPE,
           "the flags of a class");
    EXPECT(_PyType_Lookup(tp, name) != NULL && AT(unsigned, tp, TYPE_VERSION_TAG) != 0,
           "the version tag of a class");
    PyType_Modified(tp);
    EXPECT(AT(unsigned, tp, TYPE_VERSION_TAG) == 0, "the version tag of a class");
    char *keys = py311_cached_keys(tp);
    EXPECT(keys != NULL && keys[PY311_OFF_KEYS_KIND] == PY311_KEYS_SPLIT &&
               py311_keys_nentries(keys) == 2 &&
               PyUnicode_CompareWithASCIIString(
                   AT(PyObject *, py311_keys_entries(keys) + PY311_OFF_UENTRY_SIZE, UENTRY_KEY),
                   "y") == 0,
           "the shared keys of a class");
    Py311Values *values = py311_inline_values(c);
    EXPECT(values != NULL && *py311_managed_dict_ptr(c) == NULL && PyLong_AsLong(values[0]) == 1 &&
               PyLong_AsLong(values[1]) == 2,
           "the inline values of an instance");
    const uint8_t *order = (const uint8_t *)(void *)values - 2;
    EXPECT(order[0] == 2 && order[-1] == 0 && order[-2] == 1, "the order of inline values");
    error = check_cache(g, tp, c);
    if (error != NULL) {
        goto done;
    }
    dict = PyObject_GetAttrString(c, "__dict__");
    EXPECT(dict != NULL && *py311_managed_dict_ptr(c) == dict && py311_inline_values(c) == NULL,
           "the dict of an instance");
    EXPECT(AT(void *, dict, DICT_VALUES) == (void *)values && py311_dict_keys(dict) == keys,
           "the split dict of an instance");
done:
    Py_XDECREF(c);
    Py_XDECREF(dict);
    Py_XDECREF(name);
    return error;
}

static const char *check_python(void)
{
    const char *error = NULL;
    PyObject *globals = PyDict_New(), *ran = NULL;
    PyObject *code =
        PyMarshal_ReadObjectFromString((const char *)py311_probe_code, sizeof py311_probe_code);
    EXPECT(globals != NULL && code != NULL, out_of_memory);
    PyObject *sys = PyImport_AddModule("sys");
    EXPECT(sys != NULL && AT(PyObject *, sys, MODULE_DICT) == PyModule_GetDict(sys),
           "layout of module");
    ran = PyEval_EvalCode(code, globals, globals);
    PyObject *cls = PyDict_GetItemString(globals, "C"), *f = PyDict_GetItemString(globals, "f");
    PyObject *g = PyDict_GetItemString(globals, "g");
    EXPECT(ran != NULL && cls != NULL && f != NULL && g != NULL, "running code");
    error = check_function(f);
    if (error == NULL) {
        error = check_class(cls, g);
    }
done:
    Py_XDECREF(ran);
    Py_XDECREF(code);
    if (globals != NULL) {
        PyDict_Clear(globals); /* the functions refer to it */
    }
    Py_XDECREF(globals);
    return error;
}

const char *py311_check(void)
{
    static const char *(*const groups[])(void) = {
        check_build,      check_sizes,  check_opcodes, check_scalars,
        check_containers, check_states, check_python,  py311_gc_check,
    };
    PyObject *type, *value, *traceback;
    const char *error = NULL;
    PyErr_Fetch(&type, &value, &traceback);
    for (size_t i = 0; i < sizeof groups / sizeof groups[0] && error == NULL; i++) {
        error = groups[i]();
    }
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    return error;
}
