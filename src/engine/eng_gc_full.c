/* Full collections: what is alive is found first, by another way than the collector's.
 *
 * CPython's collector knows no roots.  It goes through all containers, subtracts the references that they hold on each
 * other from their reference counts, and goes through them again from those with a rest: two visits of everything, each of
 * which waits for memory, for it asks for an object's head where it needs it.  In programs with many objects these full
 * collections are a large part of the time: two thirds of pylint's.
 *
 * Here everything that modules and running frames lead to is marked, in one visit that asks for memory some objects ahead.
 * What is marked is put aside, and CPython's collector is called.  It finds only the rest in its lists: garbage, and what
 * others hold (C code, static types, temporaries on stacks), and does with it what it always does - finalizers, weak
 * references, callbacks, its statistics.  Then what is alive goes back.  As only objects are left out that
 * strong references lead to, it finds exactly the garbage that it would have found.
 *
 * The mark is the bit that the collector itself sets in an object's head while it runs; it is never set outside of
 * collections, and nothing else looks at it. No Python code runs between marking and putting aside. */
#include "eng_gc_full.h"

#include <sys/mman.h>

#include "base_macros.h"
#include "eng_internal.h"
#include "py311_frame.h"
#include "py311_gc.h"

/* Objects that have been asked for and not looked at yet. */
#define AHEAD            16
/* Items of a container looked at in one go, so that what waits are containers and not items. */
#define PIECE            64
/* Bytes of the stack at first. */
#define STACK_BYTES      ((size_t)64 << 10)
/* From here on no frame that is being cleared is visible (gh-99729). */
#define FRAMES_ARE_WHOLE 0x030b02f0

typedef struct {
    PyObject *container;
    Py_ssize_t next; /* where it goes on in a list, tuple or dict */
} Entry;

typedef struct {
    PyObject *ahead[AHEAD];
    unsigned at; /* the oldest one */
    Entry *stack;
    size_t n, capacity;
    bool full; /* no memory for the stack: what has not been marked is left to the collector */
} Marker;

static struct {
    PyInterpreterState *interp;
    Py311GcHead alive; /* list of what is aside; its head while there is something */
    Py_ssize_t n;      /* how much that was */
    bool aside;
} full;

/* --- marking ------------------------------------------------------------------------------- */

static bool grow(Marker *m)
{
    size_t bytes = m->capacity * sizeof(Entry), more = bytes != 0 ? 2 * bytes : STACK_BYTES;
    void *p = bytes != 0
                  ? mremap(m->stack, bytes, more, MREMAP_MAYMOVE)
                  : mmap(NULL, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        m->full = true;
        return false;
    }
    m->stack = p;
    m->capacity = more / sizeof(Entry);
    return true;
}

static void push(Marker *m, PyObject *o, Py_ssize_t next)
{
    if (m->n < m->capacity || grow(m)) {
        m->stack[m->n++] = (Entry){o, next};
    }
}

/* Marks it, if it is a container that the collector knows. */
static inline void mark(Marker *m, PyObject *o)
{
    PyTypeObject *tp = Py_TYPE(o);
    if (!PyType_HasFeature(tp, Py_TPFLAGS_HAVE_GC) || (tp->tp_is_gc != NULL && !tp->tp_is_gc(o))) {
        return;
    }
    Py311GcHead *head = py311_gc_head(o);
    if (head->next != 0 && !(head->prev & PY311_GC_COLLECTING) && !m->full) {
        head->prev |= PY311_GC_COLLECTING;
        push(m, o, 0);
    }
}

/* A visitproc. Asks for the object's memory, and looks at the one that it asked for AHEAD calls ago. */
static int visit(PyObject *o, void *arg)
{
    Marker *m = arg;
    __builtin_prefetch(py311_gc_head(o));
    __builtin_prefetch(&o->ob_type);
    PyObject *oldest = m->ahead[m->at];
    m->ahead[m->at] = o;
    m->at = (m->at + 1) % AHEAD;
    if (oldest != NULL) {
        mark(m, oldest);
    }
    return 0;
}

static void visit_or_none(Marker *m, PyObject *o)
{
    if (o != NULL) {
        visit(o, m);
    }
}

static void scan_items(Marker *m, const Entry *e, PyObject **items, Py_ssize_t n)
{
    Py_ssize_t end = BASE_MIN(n, e->next + PIECE);
    if (end < n) {
        push(m, e->container, end);
    }
    for (Py_ssize_t i = e->next; i < end; i++) {
        visit_or_none(m, items[i]);
    }
}

static void scan_dict(Marker *m, const Entry *e)
{
    Py_ssize_t pos = e->next;
    PyObject *key, *value;
    for (int i = 0; i < PIECE; i++) {
        if (!PyDict_Next(e->container, &pos, &key, &value)) {
            return;
        }
        if (!PyUnicode_CheckExact(key)) {
            visit(key, m);
        }
        visit(value, m);
    }
    push(m, e->container, pos);
}

static void scan(Marker *m, const Entry *e)
{
    PyObject *o = e->container;
    if (PyList_CheckExact(o)) {
        scan_items(m, e, ((PyListObject *)o)->ob_item, PyList_GET_SIZE(o));
    } else if (PyTuple_CheckExact(o)) {
        scan_items(m, e, ((PyTupleObject *)o)->ob_item, PyTuple_GET_SIZE(o));
    } else if (PyDict_CheckExact(o)) {
        scan_dict(m, e);
    } else {
        (void)Py_TYPE(o)->tp_traverse(o, visit, m);
    }
}

/* Marks all that the marked lead to. */
static void mark_rest(Marker *m)
{
    do {
        while (m->n > 0) {
            Entry e = m->stack[--m->n];
            scan(m, &e);
        }
        for (int i = 0; i < AHEAD; i++) {
            PyObject *o = m->ahead[i];
            m->ahead[i] = NULL;
            if (o != NULL) {
                mark(m, o);
            }
        }
    } while (m->n > 0);
}

/* A frame owns what its locals hold, in tier 0 and in compiled code; what is on its stack only the code in it knows. */
static void mark_frame(Marker *m, const Py311Frame *f)
{
    visit_or_none(m, (PyObject *)f->f_func);
    visit_or_none(m, f->f_locals);
    if (py311_frame_is_incomplete(f)) {
        return;
    }
    for (int i = 0; i < f->f_code->co_nlocalsplus; i++) {
        visit_or_none(m, f->localsplus[i]);
    }
}

static void mark_roots(Marker *m, PyInterpreterState *interp)
{
    visit_or_none(m, PyImport_GetModuleDict());
    for (PyThreadState *ts = PyInterpreterState_ThreadHead(interp); ts != NULL;
         ts = PyThreadState_Next(ts)) {
        visit_or_none(m, ts->dict);
        visit_or_none(m, ts->context);
        if (Py_Version < FRAMES_ARE_WHOLE) {
            continue;
        }
        for (struct _PyInterpreterFrame *f = ts->cframe->current_frame; f != NULL;
             f = py311_frame(f)->previous) {
            mark_frame(m, py311_frame(f));
        }
    }
}

/* --- lists --------------------------------------------------------------------------------- */

static void list_init(Py311GcHead *list)
{
    list->next = list->prev = (uintptr_t)list;
}

static bool list_is_empty(const Py311GcHead *list)
{
    return list->next == (uintptr_t)list;
}

/* All of `from`, which is empty then, behind `to`. */
static void list_merge(Py311GcHead *from, Py311GcHead *to)
{
    if (list_is_empty(from)) {
        return;
    }
    Py311GcHead *last = (Py311GcHead *)to->prev, *first = (Py311GcHead *)from->next,
                *from_last = (Py311GcHead *)from->prev;
    last->next = (uintptr_t)first;
    py311_gc_set_prev(first, last);
    from_last->next = (uintptr_t)to;
    to->prev = (uintptr_t)from_last;
    list_init(from);
}

/* As the collector does with what survives (untrack_tuples, untrack_dicts): some need not be looked at any more. */
static void maybe_untrack(PyObject *o)
{
    if (PyTuple_CheckExact(o)) {
        _PyTuple_MaybeUntrack(o);
    } else if (PyDict_CheckExact(o)) {
        _PyDict_MaybeUntrack(o);
    }
}

/* Puts what is marked aside and takes its marks away; the rest stays in the oldest generation, with the order kept. */
static void put_aside(Py311GcHead *old)
{
    Py311GcHead all;
    list_init(&all);
    list_init(&full.alive);
    list_merge(old, &all);
    for (Py311GcHead *head = (Py311GcHead *)all.next, *next; head != &all; head = next) {
        next = (Py311GcHead *)head->next;
        if (head->prev & PY311_GC_COLLECTING) {
            head->prev &= ~(uintptr_t)PY311_GC_COLLECTING;
            py311_gc_list_append(&full.alive, head);
            maybe_untrack((PyObject *)(void *)(head + 1));
            full.n++;
        } else {
            py311_gc_list_append(old, head);
        }
    }
}

/* --- for eng_gc.c ---------------------------------------------------------------------------- */

bool eng_gc_full_begin(PyInterpreterState *interp)
{
    Marker m = {0};
    if (full.aside || *py311_gc_collecting(interp)) {
        return false;
    }
    mark_roots(&m, interp);
    mark_rest(&m);
    if (m.stack != NULL) {
        munmap(m.stack, m.capacity * sizeof(Entry));
    }
    /* As the collector would do first; then it has nothing to do there. */
    Py311GcHead *old = py311_gc_list(interp, PY311_GC_GENERATIONS - 1);
    for (int i = 0; i < PY311_GC_GENERATIONS - 1; i++) {
        list_merge(py311_gc_list(interp, i), old);
    }
    full.interp = interp;
    full.n = 0;
    put_aside(old);
    full.aside = true;
    return true;
}

void eng_gc_full_show(void)
{
    if (full.aside) {
        Py311GcHead *old = py311_gc_list(full.interp, PY311_GC_GENERATIONS - 1);
        list_merge(old, &full.alive); /* the older ones first */
        list_merge(&full.alive, old);
    }
}

void eng_gc_full_end(void)
{
    eng_gc_full_show();
    full.aside = false;
    *py311_gc_long_lived(full.interp) += full.n;
}
