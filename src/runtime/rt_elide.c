/* Exception elision: forgetting an exception that nobody can see (hir_build_elide.c, py311_elide.h).
 *
 * The handler's code does not ask for it. What could is code that runs when an object dies on the way to POP_EXCEPT: a
 * finaliser, or the callback of a weak reference. So nothing that has such code may die there: neither what the handler's instructions drop
 * nor what the exception holds. Otherwise the exception stays set, and takes the usual way. */
#include "rt_internal.h"

#include "rt_ic.h"

/* IMM of ElideExc: the classes that the handler catches. */
typedef struct {
    int nclasses; /* 0: it catches everything */
    RtGlobalIC *classes[];
} RtElide;

void *rt_elide_new(CodeUnit *u, PyObject *const *names, int n)
{
    RtElide *e = rt_unit_data(u, sizeof *e + (size_t)n * sizeof e->classes[0]);
    if (e == NULL)
        return NULL;
    e->nclasses = n;
    for (int i = 0; i < n; i++) {
        if ((e->classes[i] = rt_global_ic_new(u, names[i])) == NULL)
            return NULL;
    }
    return e;
}

/* Whether `except` with these classes catches a built-in exception of that type. Where the names have to be looked up in
 * anything but dicts of strs, that may run code: false. */
static bool catches(const RtElide *e, const Py311Frame *f, PyObject *type)
{
    bool caught = e->nclasses == 0;
    for (int i = 0; i < e->nclasses; i++) { /* all of them: CHECK_EXC_MATCH looks at all first */
        PyObject *class = rt_peek_global(f, e->classes[i]);
        if (class == NULL || !PyExceptionClass_Check(class))
            return false; /* NameError or TypeError */
        caught = caught || PyErr_GivenExceptionMatches(type, class);
    }
    return caught;
}

/* An attribute or a key that is not there: the exception of rt_find_attr and rt_find_key is made when somebody may see it. */
typedef struct {
    PyObject *obj, *name; /* borrowed; no `obj`: a key; no `name`: none of them */
} Missing;
static Missing missing;

static PyObject *miss(PyThreadState *ts, PyObject *type, Missing what)
{
    missing = what;
    rt_give_exception(ts, (RtException){Py_NewRef(type), NULL, NULL});
    return NULL;
}

PyObject *rt_miss_attr(PyThreadState *ts, PyObject *obj, PyObject *name)
{
    return miss(ts, PyExc_AttributeError, (Missing){obj, name});
}

PyObject *rt_miss_key(PyThreadState *ts, PyObject *key)
{
    return miss(ts, PyExc_KeyError, (Missing){NULL, key});
}

/* The exception that was not made. */
static void raise_missing(const Missing *m)
{
    if (m->obj == NULL) {
        _PyErr_SetKeyError(m->name);
    } else {
        PyObject *v = PyObject_GetAttr(m->obj, m->name);
        BASE_CHECK(v == NULL); /* it has just been looked up, and no code ran */
    }
}

/* All references that go away: the operands', and those of the exception's value. */
typedef struct {
    PyObject *const *operands;
    Py_ssize_t n;
    PyObject *value;
} Dropped;

/* Tuples in tuples that are looked into, and how large they are. */
enum { DEPTH = 3, ITEMS = 8 };

static bool is_leaf(const PyObject *o)
{
    const PyTypeObject *tp = Py_TYPE(o);
    return tp == &PyUnicode_Type || tp == &PyLong_Type || o == Py_None || tp == &PyFloat_Type ||
           tp == &PyBytes_Type || tp == &PyBool_Type || tp == &PyComplex_Type;
}

static Py_ssize_t times_dropped(const Dropped *d, const PyObject *o)
{
    Py_ssize_t times = d->value == o;
    for (Py_ssize_t i = 0; i < d->n; i++)
        times += d->operands[i] == o;
    if (d->value != NULL && PyTuple_CheckExact(d->value)) {
        for (Py_ssize_t i = 0; i < BASE_MIN(PyTuple_GET_SIZE(d->value), ITEMS); i++)
            times += PyTuple_GET_ITEM(d->value, i) == o;
    }
    return times;
}

/* Does it run no code when the object loses its references among those, and `more` of others that die? A tuple may die if what it
 * holds is harmless, too, even if each of its items is in all that dies, and several times. */
static bool is_harmless(const Dropped *d, PyObject *o, Py_ssize_t more, int depth)
{
    if (o == NULL || is_leaf(o) || Py_REFCNT(o) > times_dropped(d, o) + more)
        return true;
    Py_ssize_t n = PyTuple_CheckExact(o) ? PyTuple_GET_SIZE(o) : ITEMS + 1;
    bool harmless = n <= ITEMS && depth < DEPTH;
    for (Py_ssize_t i = 0; i < n && harmless; i++)
        harmless = is_harmless(d, PyTuple_GET_ITEM(o, i), more + n * (d->n + 2), depth + 1);
    return harmless;
}

static bool are_harmless(const Dropped *d, PyObject *const *fields, int n)
{
    bool harmless = true;
    for (int i = 0; i < n && harmless; i++)
        harmless = is_harmless(d, fields[i], 1, 0);
    return harmless;
}

/* What exceptions of built-in classes hold beside what all have (pyerrors.h). */
static bool has_harmless_fields(const Dropped *d)
{
    const PyTypeObject *tp = Py_TYPE(d->value);
    if (tp->tp_basicsize == sizeof(PyBaseExceptionObject))
        return true;
    if (tp == (PyTypeObject *)PyExc_AttributeError) {
        PyAttributeErrorObject *e = (PyAttributeErrorObject *)d->value;
        return are_harmless(d, (PyObject *[]){e->obj, e->name}, 2);
    }
    if (tp == (PyTypeObject *)PyExc_StopIteration)
        return is_harmless(d, ((PyStopIterationObject *)d->value)->value, 1, 0);
    if (tp->tp_dealloc == ((PyTypeObject *)PyExc_OSError)->tp_dealloc) {
        PyOSErrorObject *e = (PyOSErrorObject *)d->value;
        return are_harmless(d, (PyObject *[]){e->myerrno, e->strerror, e->filename, e->filename2},
                            4);
    }
    return false;
}

/* An exception object that C code has made for this error, and that is nobody else's. */
static bool is_plain_instance(const Dropped *d, PyObject *type)
{
    PyBaseExceptionObject *e = (PyBaseExceptionObject *)d->value;
    return (PyObject *)Py_TYPE(e) == type && Py_REFCNT(e) == 1 && e->dict == NULL &&
           e->notes == NULL && e->traceback == NULL && e->cause == NULL &&
           PyTuple_CheckExact(e->args) && are_harmless(d, (PyObject *[]){e->context, e->args}, 2) &&
           has_harmless_fields(d);
}

/* An exception of a class of somebody's, or one that came from Python code, has more to it. */
static bool can_elide(const RtException *exc, const Dropped *d, const Py311Frame *f,
                      const RtElide *e)
{
    if (exc->tb != NULL || ((PyTypeObject *)exc->type)->tp_flags & Py_TPFLAGS_HEAPTYPE)
        return false;
    for (Py_ssize_t i = 0; i < d->n; i++) {
        if (!is_harmless(d, d->operands[i], 0, 0))
            return false;
    }
    bool plain = d->value != NULL && PyExceptionInstance_Check(d->value)
                     ? is_plain_instance(d, exc->type)
                     : is_harmless(d, d->value, 0, 0);
    return plain && catches(e, f, exc->type);
}

int rt_elide_exception(PyThreadState *ts, RtFrame *frame, PyObject **argv, Py_ssize_t n, void *site)
{
    const Missing m = missing;
    missing = (Missing){NULL, NULL};
    RtException e = rt_take_exception(ts);
    const Dropped d = {argv, n, e.value};
    bool elided =
        e.type != NULL && !ts->cframe->use_tracing && can_elide(&e, &d, py311_frame(frame), site);
    if (!elided && m.name == NULL) {
        rt_give_exception(ts, e);
        return -1;
    }
    Py_XDECREF(e.value);
    Py_DECREF(e.type);
    if (!elided)
        raise_missing(&m);
    return elided ? 0 : -1;
}
