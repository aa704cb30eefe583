/* The functions of the module `gc` as definitions, and the self-check of the collector's layout. */
#include "py311_internal.h"

#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "py311_gc.h"

_Static_assert(offsetof(Py311GcGeneration, threshold) ==
                       offsetof(struct gc_generation, threshold) &&
                   offsetof(Py311GcGeneration, count) == offsetof(struct gc_generation, count) &&
                   sizeof(Py311GcGeneration) == sizeof(struct gc_generation) &&
                   (int)PY311_GC_GENERATIONS == NUM_GENERATIONS,
               "Py311GcGeneration");
_Static_assert(offsetof(Py311GcStats, collections) ==
                       offsetof(struct gc_generation_stats, collections) &&
                   offsetof(Py311GcStats, collected) ==
                       offsetof(struct gc_generation_stats, collected) &&
                   sizeof(Py311GcStats) == sizeof(struct gc_generation_stats),
               "Py311GcStats");

/* Copies `n` words from as many addresses. */
static bool read_words(void *const *from, uintptr_t *to, unsigned long n)
{
    struct iovec local = {to, n * sizeof *to}, remote[4];
    for (unsigned long i = 0; i < n; i++) {
        remote[i] = (struct iovec){from[i], sizeof *to};
    }
    return process_vm_readv(getpid(), &local, 1, remote, n, 0) == (ssize_t)(n * sizeof *to);
}

bool py311_gc_tracks(const void *maybe)
{
    uintptr_t o = (uintptr_t)maybe, words[3];
    if (o % sizeof(void *) != 0 || o <= sizeof(Py311GcHead)) {
        return false;
    }
    Py311GcHead *head = py311_gc_head((PyObject *)o);
    void *const fields[] = {&head->next, &head->prev, &((PyObject *)o)->ob_refcnt};
    if (!read_words(fields, words, 3) || words[0] == 0 || (Py_ssize_t)words[2] <= 0) {
        return false;
    }
    Py311GcHead *next = (Py311GcHead *)words[0];
    Py311GcHead *prev = (Py311GcHead *)(words[1] & ~(uintptr_t)PY311_GC_FLAGS);
    void *const links[] = {&next->prev, &prev->next};
    return read_words(links, words, 2) &&
           (words[0] & ~(uintptr_t)PY311_GC_FLAGS) == (uintptr_t)head &&
           words[1] == (uintptr_t)head;
}

/* The method table of the built-in module gc, or NULL.  Its init function only hands out the static
 * PyModuleDef (multi-phase initialisation, PEP 489). */
static PyMethodDef *gc_methods(void)
{
    static PyMethodDef *methods;
    if (methods != NULL) {
        return methods;
    }
    for (const struct _inittab *t = PyImport_Inittab; t != NULL && t->name != NULL; t++) {
        if (strcmp(t->name, "gc") != 0 || t->initfunc == NULL) {
            continue;
        }
        PyObject *def = t->initfunc();
        if (def == NULL) {
            PyErr_Clear();
        } else if (Py_TYPE(def) == &PyModuleDef_Type) {
            methods = ((PyModuleDef *)def)->m_methods;
        }
        break;
    }
    return methods;
}

PyMethodDef *py311_gc_method(const char *name, int flags)
{
    for (PyMethodDef *def = gc_methods(); def != NULL && def->ml_name != NULL; def++) {
        if (strcmp(def->ml_name, name) == 0) {
            return def->ml_flags == flags ? def : NULL;
        }
    }
    return NULL;
}

/* gc.<name>() for a function without arguments: new reference, or NULL, without an exception.  The
 * functions find the interpreter by themselves and do not look at their module. */
static PyObject *ask(const char *name)
{
    PyMethodDef *def = py311_gc_method(name, METH_NOARGS);
    PyObject *answer = def != NULL ? def->ml_meth(NULL, NULL) : NULL;
    if (answer == NULL) {
        PyErr_Clear();
    }
    return answer;
}

/* Is `t` a tuple of these three ints? */
static bool are_ints(PyObject *t, const int *want)
{
    if (t == NULL || !PyTuple_CheckExact(t) || PyTuple_GET_SIZE(t) != PY311_GC_GENERATIONS) {
        return false;
    }
    for (int i = 0; i < PY311_GC_GENERATIONS; i++) {
        if (!PyLong_CheckExact(PyTuple_GET_ITEM(t, i)) ||
            PyLong_AsLong(PyTuple_GET_ITEM(t, i)) != want[i]) {
            return false;
        }
    }
    return true;
}

static bool are_stats(PyObject *list, const Py311GcStats *want)
{
    if (list == NULL || !PyList_CheckExact(list) || PyList_GET_SIZE(list) != PY311_GC_GENERATIONS) {
        return false;
    }
    for (int i = 0; i < PY311_GC_GENERATIONS; i++) {
        PyObject *dict = PyList_GET_ITEM(list, i);
        if (!PyDict_CheckExact(dict)) {
            return false;
        }
        PyObject *collections = PyDict_GetItemString(dict, "collections");
        PyObject *collected = PyDict_GetItemString(dict, "collected");
        if (collections == NULL || PyLong_AsSsize_t(collections) != want[i].collections ||
            collected == NULL || PyLong_AsSsize_t(collected) != want[i].collected) {
            return false;
        }
    }
    return true;
}

/* Is a new container put at the end of the youngest generation? */
static bool are_linked(PyInterpreterState *interp)
{
    PyObject *list = PyList_New(0);
    if (list == NULL) {
        PyErr_Clear();
        return false;
    }
    const Py311GcHead *first = py311_gc_list(interp, 0), *head = py311_gc_head(list);
    bool linked = head->next == (uintptr_t)first && first->prev == (uintptr_t)head &&
                  ((Py311GcHead *)head->prev)->next == (uintptr_t)head;
    Py_DECREF(list);
    return linked;
}

/* gc.garbage, which is made when it is needed. */
static bool is_garbage_list(PyInterpreterState *interp)
{
    PyObject *garbage = *(PyObject **)(void *)((char *)interp + PY311_OFF_INTERP_GC_GARBAGE);
    return garbage == NULL || PyList_CheckExact(garbage);
}

const char *py311_gc_check(void)
{
    PyInterpreterState *interp = PyInterpreterState_Get();
    volatile Py311GcGeneration *generations = py311_gc_generations(interp);
    volatile Py311GcStats *stats = py311_gc_stats(interp);
    Py311GcStats stats_now[PY311_GC_GENERATIONS];
    int thresholds[PY311_GC_GENERATIONS], counts[PY311_GC_GENERATIONS];
    const char *error = NULL;

    /* Each of these functions takes its values before it allocates anything. */
    for (int i = 0; i < PY311_GC_GENERATIONS; i++) {
        thresholds[i] = generations[i].threshold;
        counts[i] = generations[i].count;
    }
    PyObject *count = ask("get_count"), *threshold = ask("get_threshold");
    for (int i = 0; i < PY311_GC_GENERATIONS; i++) {
        stats_now[i].collections = stats[i].collections;
        stats_now[i].collected = stats[i].collected;
    }
    PyObject *statistics = ask("get_stats"), *debug = ask("get_debug");
    PyObject *callbacks = py311_gc_callbacks(interp);
    if (!are_ints(count, counts)) {
        error = "the collector's counts";
    } else if (!are_ints(threshold, thresholds)) {
        error = "the collector's thresholds";
    } else if (!are_stats(statistics, stats_now)) {
        error = "the collector's statistics";
    } else if (debug == NULL || PyLong_AsLong(debug) != *py311_gc_debug(interp)) {
        error = "the collector's debugging flags";
    } else if (callbacks == NULL || !PyList_CheckExact(callbacks)) {
        error = "the collector's callbacks";
    } else if ((*py311_gc_collecting(interp) & ~1) != 0 || !is_garbage_list(interp) ||
               *py311_gc_long_lived(interp) < 0 || *py311_gc_newcomers(interp) < 0) {
        error = "the collector's state";
    } else if (!are_linked(interp)) {
        error = "the collector's lists";
    }
    Py_XDECREF(count);
    Py_XDECREF(threshold);
    Py_XDECREF(statistics);
    Py_XDECREF(debug);
    return error;
}
