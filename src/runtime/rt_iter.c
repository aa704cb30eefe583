/* Iteration and unpacking: GET_ITER, FOR_ITER, UNPACK_SEQUENCE, UNPACK_EX. */
#include "rt_pool.h"

/* Iterators of lists and tuples, which live as long as a loop. */
enum { KEPT = 32 };
static RtPool pool;

static inline PyObject *sequence_iter(PyObject *v, PyTypeObject *type)
{
    PyThreadState *ts = rt_ts();
    Py311ListIter *it = (Py311ListIter *)rt_pool_take(ts, &pool, type);
    if (BASE_UNLIKELY(it == NULL))
        return PyObject_GetIter(v);
    it->it_index = 0;
    it->it_seq = Py_NewRef(v);
    py311_gc_track(ts->interp, (PyObject *)it);
    return (PyObject *)it;
}

PyObject *rt_get_iter(PyObject *v)
{
    if (PyList_CheckExact(v))
        return sequence_iter(v, &PyListIter_Type);
    if (PyTuple_CheckExact(v))
        return sequence_iter(v, &PyTupleIter_Type);
    return PyObject_GetIter(v);
}

/* listiter_dealloc, tupleiter_dealloc. */
static void dealloc(PyObject *o)
{
    py311_gc_untrack(o);
    Py_XDECREF(((Py311ListIter *)o)->it_seq);
    rt_pool_give(rt_ts(), &pool, KEPT, o);
}

void rt_iterators_start(void)
{
    if (rt_state.traced != NULL && PyListIter_Type.tp_basicsize == sizeof(Py311ListIter) &&
        PyTupleIter_Type.tp_basicsize == sizeof(Py311ListIter)) {
        PyListIter_Type.tp_dealloc = PyTupleIter_Type.tp_dealloc = dealloc;
    }
}

/* What fast_range_iter makes; the number of items is get_len_of_range's. */
PyObject *rt_range_iter(int64_t start, int64_t stop, int64_t step)
{
    Py311RangeIter *it = PyObject_New(Py311RangeIter, &PyRangeIter_Type);
    if (it == NULL)
        return NULL;
    int64_t low = step > 0 ? start : stop, high = step > 0 ? stop : start;
    it->index = 0;
    it->start = start;
    it->step = step;
    it->len = low < high ? 1 + (high - low - 1) / (step > 0 ? step : -step) : 0;
    return (PyObject *)it;
}

/* unicode_ascii_iter_next and unicodeiter_next. */
static PyObject *next_character(Py311StrIter *it)
{
    PyObject *s = it->it_seq;
    if (s == NULL)
        return NULL;
    if (it->it_index < PyUnicode_GET_LENGTH(s)) {
        Py_ssize_t i = it->it_index++;
        return rt_character(PyUnicode_READ_CHAR(s, i));
    }
    it->it_seq = NULL;
    Py_DECREF(s);
    return NULL;
}

PyObject *rt_iter_next(PyThreadState *ts, PyObject *iter)
{
    if (Py_IS_TYPE(iter, rt_state.ascii_iter) || Py_IS_TYPE(iter, &PyUnicodeIter_Type))
        return next_character((Py311StrIter *)iter);
    return rt_iter_result(ts, Py_TYPE(iter)->tp_iternext(iter));
}

PyObject *rt_iter_result(PyThreadState *ts, PyObject *next)
{
    if (next != NULL || !rt_err(ts))
        return next;
    if (!PyErr_ExceptionMatches(PyExc_StopIteration))
        return NULL;
    /* FOR_ITER tells tracers of the StopIteration it swallows. */
    if (ts->c_tracefunc != NULL)
        rt_trace_exception(ts);
    PyErr_Clear();
    return NULL;
}

/* --- enumerate and zip ------------------------------------------------------------------- */

PyObject *rt_pair_iter(PyThreadState *ts, PyObject *const *args, int n, void *type)
{
    return rt_vectorcall(ts, type, (PyObject **)args, (size_t)n, NULL);
}

/* The tuple that `it` fills anew in each round, if nobody else has it, or NULL. */
static PyObject *own_tuple(PyObject *it, Py_ssize_t n)
{
    PyObject *tuple = ((Py311Enumerate *)it)->en_result;
    return tuple != NULL && Py_REFCNT(tuple) == 1 && PyTuple_GET_SIZE(tuple) == n ? tuple : NULL;
}

int rt_pairs_shape(PyObject *it)
{
    Py_ssize_t n = 1;
    int shape = 0;
    if (!Py_IS_TYPE(it, &PyEnum_Type) && !Py_IS_TYPE(it, &PyZip_Type))
        return -1;
    PyObject *parts = ((Py311Enumerate *)it)->en_sit, **part = &parts;
    if (Py_IS_TYPE(it, &PyEnum_Type)) {
        if (((Py311Enumerate *)it)->en_index > PY_SSIZE_T_MAX / 2)
            return -1;
        shape = RT_PAIRS_INDEX;
    } else {
        part = &PyTuple_GET_ITEM(parts, 0);
        n = ((Py311Zip *)it)->strict ? 0 : PyTuple_GET_SIZE(parts);
    }
    if (n < 1 || n > RT_PAIRS_PARTS || own_tuple(it, n + (shape & RT_PAIRS_INDEX)) == NULL)
        return -1;
    for (Py_ssize_t k = 0; k < n; k++) {
        bool tuple = Py_IS_TYPE(part[k], &PyTupleIter_Type);
        if (!tuple && !Py_IS_TYPE(part[k], &PyListIter_Type))
            return -1;
        shape |= tuple ? RT_PAIRS_TUPLE_AT(k) : 0;
    }
    return shape | RT_PAIRS_OF((int)n);
}

int rt_pairs_ready(PyObject *it, int shape)
{
    if (rt_pairs_shape(it) != shape)
        return -1;
    PyObject *tuple = Py_NewRef(((Py311Enumerate *)it)->en_result);
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(tuple); k++) {
        PyObject *old = PyTuple_GET_ITEM(tuple, k);
        PyTuple_SET_ITEM(tuple, k, Py_NewRef(Py_None));
        Py_DECREF(old);
    }
    Py_DECREF(tuple);
    return 0;
}

/* --- unpacking ------------------------------------------------------------------------------ */

static int unpack_failed(PyObject *it, PyObject **out, Py_ssize_t filled)
{
    /* ceval.c drops the last unpacked item first. */
    while (filled > 0)
        Py_DECREF(out[--filled]);
    Py_DECREF(it);
    return -1;
}

static PyObject *unpack_iter(PyThreadState *ts, PyObject *v)
{
    PyObject *it = PyObject_GetIter(v);
    if (it == NULL && PyErr_ExceptionMatches(PyExc_TypeError) && Py_TYPE(v)->tp_iter == NULL &&
        !PySequence_Check(v))
        PyErr_Format(PyExc_TypeError, "cannot unpack non-iterable %.200s object",
                     Py_TYPE(v)->tp_name);
    (void)ts;
    return it;
}

int rt_unpack_seq(PyThreadState *ts, PyObject *v, int n, PyObject **out)
{
    PyObject **items = NULL;
    if (PyTuple_CheckExact(v) && PyTuple_GET_SIZE(v) == n)
        items = ((PyTupleObject *)v)->ob_item;
    else if (PyList_CheckExact(v) && PyList_GET_SIZE(v) == n)
        items = ((PyListObject *)v)->ob_item;
    if (items != NULL) {
        for (int i = 0; i < n; i++)
            out[i] = Py_NewRef(items[i]);
        return 0;
    }

    PyObject *it = unpack_iter(ts, v);
    if (it == NULL)
        return -1;
    for (int i = 0; i < n; i++) {
        PyObject *w = PyIter_Next(it);
        if (w == NULL) {
            if (!rt_err(ts))
                PyErr_Format(PyExc_ValueError, "not enough values to unpack (expected %d, got %d)",
                             n, i);
            return unpack_failed(it, out, i);
        }
        out[i] = w;
    }
    PyObject *w = PyIter_Next(it);
    if (w != NULL) {
        Py_DECREF(w);
        PyErr_Format(PyExc_ValueError, "too many values to unpack (expected %d)", n);
        return unpack_failed(it, out, n);
    }
    if (rt_err(ts))
        return unpack_failed(it, out, n);
    Py_DECREF(it);
    return 0;
}

int rt_unpack_ex(PyThreadState *ts, PyObject *v, int oparg, PyObject **out)
{
    int before = oparg & 0xFF, after = oparg >> 8;
    PyObject *it = unpack_iter(ts, v);
    if (it == NULL)
        return -1;
    for (int i = 0; i < before; i++) {
        PyObject *w = PyIter_Next(it);
        if (w == NULL) {
            if (!rt_err(ts))
                PyErr_Format(PyExc_ValueError,
                             "not enough values to unpack (expected at least %d, got %d)",
                             before + after, i);
            return unpack_failed(it, out, i);
        }
        out[i] = w;
    }
    PyObject *list = PySequence_List(it);
    if (list == NULL)
        return unpack_failed(it, out, before);
    out[before] = list;
    Py_ssize_t len = PyList_GET_SIZE(list);
    if (len < after) {
        PyErr_Format(PyExc_ValueError,
                     "not enough values to unpack (expected at least %d, got %zd)", before + after,
                     before + len);
        return unpack_failed(it, out, before + 1);
    }
    for (int j = 0; j < after; j++) /* the list gives its references away */
        out[before + 1 + j] = PyList_GET_ITEM(list, len - after + j);
    Py_SET_SIZE(list, len - after);
    Py_DECREF(it);
    return 0;
}

void rt_seq_iter_end(PyObject *it)
{
    /* The end of listiter_next and tupleiter_next, whose objects have one layout. */
    PyObject **seq = (PyObject **)((char *)it + PY311_OFF_LISTITER_SEQ);
    Py_CLEAR(*seq);
}
