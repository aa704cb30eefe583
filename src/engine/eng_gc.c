/* Pacing of the cyclic collector.
 *
 * CPython 3.11 looks for garbage after every 700 net allocations of containers, and after every
 * 121 * 700 considers a look at everything.  A look costs time by the object.  It frees something
 * only in programs that make cycles, and only those need it often.  So while the program has not
 * configured the collector, the threshold of the youngest generation is raised to up to 5,000.
 * Counted on Debian's 3.11 (objects visited by all collections, thousands):
 *
 *     threshold                       700    2,000    5,000    9,500
 *     pylint over 7 files           1,922    1,405      811      738
 *     parsing the standard library    610      335      344      284
 *     json.loads of 20,000 records  3,116    2,008    1,768    1,581
 *     trees with parent links       2,099    1,696    1,397    1,181
 *
 * Beyond 5,000 little is left to win, and test programs that wait for a collection commonly allow
 * it 10,000 objects (CPython's own test_gc does).
 *
 * What it costs is memory: cyclic garbage waits longer.  Therefore eng_ticker.c's thread looks at the process
 * after every few milliseconds of CPU time.  When the peak of the resident memory has grown by more
 * than a budget since the threshold was raised, the thresholds are lowered so far that the
 * next allocations collect what stock would have collected by now (an audit).  Were most of the
 * objects that had come to stay garbage, the program gets stock's thresholds for a while and then
 * at most half as high ones, which soon means stock's for good; was the growth live data, which no
 * collector frees, then nothing is lost and the threshold is raised again.  With all this,
 * pylint's collections visit half the objects (960 thousand), json's 1,890, at stock's peak memory;
 * the trees with parent links 1,550, with 7 to 11 MB more.
 *
 * While the thresholds are raised, and in programs that have shown to need stock's, collections of everything are
 * started by us at a safepoint, by the rule that stock has for them: eng_gc_full.c makes them cheaper. So does gc.collect().
 *
 * The thread needs no GIL: it reads aligned words and writes nothing but the three thresholds, which
 * the collector only compares.  It opens no files either (a file descriptor could turn up in the
 * program: as the lowest free one that it counts on, or in a forked child), and getrusage() is
 * what tells about memory without one.
 *
 * Nothing of this shows.  gc.get_threshold() and gc.get_count() answer as in stock.  The functions
 * with which a program takes the collector into its own hands make pacing stand back first:
 *
 *     set_threshold()                     for good: the program's values are in force exactly
 *     collect(), freeze(), unfreeze(),    until a full round of stock's collections (121 of the
 *     enable(), disable(), set_debug()    youngest generation) has passed without another call
 *
 * and so does what shows how often it runs: debugging flags and gc.callbacks, while there are any.
 *
 * These functions are wrapped in their method definitions, which all function objects lead to: the
 * objects, with all that can be asked of them, remain what they are.  Definitions are shared with
 * subinterpreters; calls from there go straight on. */
#include "eng_gc.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "eng_gc_full.h"
#include "eng_internal.h"
#include "py311_gc.h"

/* CPython's defaults (_PyGC_InitState of gcmodule.c); under others pacing does not start. */
static const int stock_thresholds[PY311_GC_GENERATIONS] = {700, 10, 10};
#define STOCK         700
/* Collections of the youngest generation between two looks at everything in stock. */
#define ROUND         (11 * 11)

/* First step above stock, and the most; see above. */
#define FIRST         (2 * STOCK)
#define MOST          5000
/* The most where growth of memory cannot be seen, in a process that was started by a larger one:
 * the peak then is the larger one's.  Growth up to there goes unnoticed. */
#define MOST_BLIND    2000
/* Peak memory may grow by this, in KiB, before an audit: a few MiB, and a sixteenth of a large
 * process, whose growth comes in larger steps. */
#define BUDGET(peak)  (4096 + (peak) / 16)
/* It is multiplied, up to this, by an audit that finds live data: a program that loads data should not pay for a look at
 * all of it each time. Measured on pylint over three files, in stock's time and peak memory: with 1, 0.82 and 1.04; with 2,
 * 0.77 and 1.06; with 4, 0.71 and 1.30. */
#define PATIENCE_MOST 2
/* Collections at stock's pace after an audit that found garbage: some full rounds. */
#define HOLD          (4 * ROUND)
/* Full collections are not CPython's to start: the thread sees when one is due, and the main thread does it at
 * its next safepoint (eng_gc_full.c). When it has not come to one after so many looks, CPython starts it after all. */
#define NEVER         INT_MAX
#define LOOKS_WAITING 25
/* CPU time of the process between two looks of the thread, raised and not. The kernel rounds up to
 * its tick (1..4 ms); a look takes about a microsecond and the switch to the thread a few. In this
 * time a program can fill some 10 MB of fresh memory: that much may come on top of the budget. */
#define TICK_NS       4000000
#define TICK_IDLE_NS  20000000

typedef enum {
    OFF,    /* the thresholds are the program's; wrapped functions go straight on */
    STOOD,  /* stock's thresholds, until `hold` collections have passed */
    RAISED, /* the youngest generation's threshold is `threshold` */
    AUDIT,  /* all thresholds lowered to collect what has piled up */
} State;

/* What has happened up to a moment. */
typedef struct {
    int64_t collections; /* of any generation */
    int64_t older;       /* of those, not of the youngest alone */
    int64_t collected;   /* objects they freed */
    int64_t net;         /* allocations less deallocations, as the collector counts */
} Tally;

static struct {
    pthread_mutex_t lock; /* for everything below; taken with or without the GIL, never the GIL
                             while holding it */
    State state;
    PyInterpreterState *interp;
    PyObject *callbacks;           /* gc.callbacks */
    int set[PY311_GC_GENERATIONS]; /* thresholds as we left them */
    int threshold;                 /* of RAISED, and to go back to after AUDIT */
    int ceiling;                   /* what `threshold` may become */
    bool blind;                    /* see MOST_BLIND; start_peak is the larger process's */
    long start_peak;
    int64_t next;      /* CPU time of the process when to look next, ns */
    int64_t hold;      /* collections to wait when STOOD */
    bool left;         /* nobody looks any more */
    bool own_full;     /* full collections are started by eng_gc_attend */
    int full_limit;    /* then: collections of the middle generation before one */
    int waited;        /* looks since it is due */
    Tally since;       /* when the thresholds were set last */
    Tally base, audit; /* when raised or after the last audit; when the audit began */
    long base_peak;    /* KiB, at `base` */
    long patience;     /* times BUDGET(base_peak) may be added */
    /* for tally(): net allocations up to the last collection, number of that collection; the same
     * for the last collection of everything */
    int64_t net, counted, full_net, full;
} pacer = {.lock = PTHREAD_MUTEX_INITIALIZER};

static atomic_bool full_asked; /* a full collection is due */

/* --- the collector's numbers ------------------------------------------------------- */

/* Collections of any generation so far. */
static int64_t collections(void)
{
    volatile Py311GcStats *s = py311_gc_stats(pacer.interp);
    return s[0].collections + s[1].collections + s[2].collections;
}

/* The tally of now. To be called before thresholds are set: what was allocated since the last call
 * follows from the number of collections and the threshold that was in force. */
static Tally tally(void)
{
    volatile Py311GcStats *s = py311_gc_stats(pacer.interp);
    Tally t = {
        .collections = collections(),
        .older = s[1].collections + s[2].collections,
        .collected = s[0].collected + s[1].collected + s[2].collected,
    };
    pacer.net += (t.collections - pacer.counted) * (pacer.set[0] + 1);
    pacer.counted = t.collections;
    if (s[2].collections != pacer.full) {
        pacer.full = s[2].collections;
        pacer.full_net = pacer.net;
    }
    t.net = pacer.net + py311_gc_generations(pacer.interp)[0].count;
    return t;
}

/* Peak resident memory, KiB. */
static long peak_memory(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0;
}

/* Resident memory now, KiB, or 0 when unknown. Opens a file: only to be used at the start. Parsed by hand: fscanf()
 * was a fifth of the instructions of switching the engine on. */
static long resident_memory(void)
{
    char text[128], *at = NULL; /* "size resident ...", in pages */
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, text, sizeof text - 1);
        close(fd);
        text[BASE_MAX(n, 0)] = 0;
        at = strchr(text, ' ');
    }
    return at != NULL ? strtol(at, NULL, 10) * (sysconf(_SC_PAGESIZE) / 1024) : 0;
}

static void set_thresholds(int young, int middle, int old)
{
    full_asked = pacer.own_full = false;
    volatile Py311GcGeneration *g = py311_gc_generations(pacer.interp);
    const int values[PY311_GC_GENERATIONS] = {young, middle, old};
    for (int i = 0; i < PY311_GC_GENERATIONS; i++) {
        g[i].threshold = pacer.set[i] = values[i];
    }
}

/* The same, with full collections started by eng_gc_attend, if it comes to it. */
static void set_own_thresholds(int young, int middle, int old)
{
    set_thresholds(young, middle, pacer.waited > LOOKS_WAITING ? old : NEVER);
    pacer.full_limit = old;
    pacer.own_full = true;
}

/* Stock's, in the same way. */
static void set_own_stock_thresholds(void)
{
    set_own_thresholds(stock_thresholds[0], stock_thresholds[1], stock_thresholds[2]);
}

/* Has somebody else written the thresholds? */
static bool thresholds_changed(void)
{
    volatile Py311GcGeneration *g = py311_gc_generations(pacer.interp);
    for (int i = 0; i < PY311_GC_GENERATIONS; i++) {
        if (g[i].threshold != pacer.set[i]) {
            return true;
        }
    }
    return false;
}

/* Counts as stock would have them now: it would have collected the youngest generation for every
 * 701st object. With the GIL. */
static void stock_counts(int *counts)
{
    volatile Py311GcGeneration *g = py311_gc_generations(pacer.interp);
    for (int i = 0; i < PY311_GC_GENERATIONS; i++) {
        counts[i] = g[i].count;
    }
    if (counts[0] > STOCK && *py311_gc_enabled(pacer.interp)) {
        counts[1] = BASE_MIN(counts[1] + counts[0] / (STOCK + 1), stock_thresholds[1]);
        counts[0] %= STOCK + 1;
    }
}

/* Does the program watch the collector? */
static bool watched(void)
{
    return *py311_gc_debug(pacer.interp) != 0 || PyList_GET_SIZE(pacer.callbacks) != 0;
}

/* --- decisions ----------------------------------------------------------------------- */

/* Stock's thresholds for the next `hold` collections. */
static void stand(int64_t hold)
{
    pacer.since = tally();
    set_thresholds(stock_thresholds[0], stock_thresholds[1], stock_thresholds[2]);
    pacer.state = STOOD;
    pacer.hold = hold;
}

/* The same, and counts as in stock. With the lock and the GIL. */
static void stand_as_stock(int64_t hold)
{
    volatile Py311GcGeneration *g = py311_gc_generations(pacer.interp);
    if (pacer.state == RAISED || pacer.state == AUDIT) {
        int counts[PY311_GC_GENERATIONS];
        stock_counts(counts);
        for (int i = 0; i < PY311_GC_GENERATIONS; i++) {
            g[i].count = counts[i];
        }
    }
    stand(hold);
}

/* Raised, with the memory of now as what growth counts from. */
static void raise_to(int threshold)
{
    pacer.base = pacer.since = tally();
    pacer.base_peak = peak_memory();
    set_own_thresholds(threshold, stock_thresholds[1], stock_thresholds[2]);
    pacer.state = RAISED;
    pacer.threshold = threshold;
}

static int ceiling(void)
{
    return pacer.blind ? BASE_MIN(pacer.ceiling, MOST_BLIND) : pacer.ceiling;
}

/* Is a full collection due, by the rule of gc_collect_generations, and ours to start? */
static bool full_is_due(void)
{
    return pacer.own_full && py311_gc_generations(pacer.interp)[2].count > pacer.full_limit &&
           *py311_gc_newcomers(pacer.interp) >= *py311_gc_long_lived(pacer.interp) / 4;
}

/* Asks for it then. */
static void look_full(void)
{
    bool due = full_is_due(), late = pacer.waited > LOOKS_WAITING;
    pacer.waited = due ? pacer.waited + 1 : 0;
    if (pacer.own_full && late != (pacer.waited > LOOKS_WAITING)) {
        set_own_thresholds(pacer.set[0], pacer.set[1], pacer.full_limit);
    }
    full_asked = due && pacer.waited <= LOOKS_WAITING;
}

/* The threshold is raised: is there too much growth, or may it be raised further? */
static void look_raised(const Tally *now, long peak)
{
    long growth = peak - pacer.base_peak, budget = pacer.patience * BUDGET(pacer.base_peak);
    if (growth > budget) {
        /* Stock's count of the young and no patience with the middle generation, nor with the old
         * one if stock would have considered it by now. (Then, too, it waits for a quarter of all
         * objects to be new, as in stock.) */
        bool due = now->net - pacer.full_net > ROUND * (STOCK + 1);
        set_own_thresholds(stock_thresholds[0], 0, due ? 0 : stock_thresholds[2]);
        pacer.state = AUDIT;
        pacer.audit = *now;
    } else if (pacer.threshold < ceiling() && now->collections > pacer.since.collections) {
        pacer.threshold = BASE_MIN(2 * pacer.threshold, ceiling());
        pacer.since = *now;
        set_own_thresholds(pacer.threshold, stock_thresholds[1], stock_thresholds[2]);
    }
}

/* An audit runs: is it complete, and what did it find? */
static void look_audit(const Tally *now, long peak)
{
    /* Two: what is in the youngest generation moves up before the older one is looked at. */
    if (now->older - pacer.audit.older < 2 || full_is_due()) {
        return;
    }
    int64_t found = now->collected - pacer.audit.collected;
    int64_t stayed = now->net - pacer.base.net - (pacer.audit.collected - pacer.base.collected);
    if (found == 0 || 2 * found <= stayed) {
        raise_to(BASE_MIN(pacer.threshold, ceiling()));
        pacer.patience = BASE_MIN(2 * pacer.patience, PATIENCE_MOST);
        return;
    }
    /* As much lower as the growth was too much, and at least by half. */
    long growth = BASE_MAX(peak - pacer.base_peak, 1),
         budget = pacer.patience * BUDGET(pacer.base_peak);
    int fitting = (int)((double)pacer.threshold * (double)budget / (double)growth);
    pacer.ceiling = BASE_MAX(BASE_MIN(pacer.threshold / 2, fitting), STOCK);
    pacer.patience = 1;
    stand(HOLD);
    set_own_stock_thresholds();
}

/* Has this program shown that it needs stock's thresholds? */
static bool settled(void)
{
    return pacer.ceiling < FIRST;
}

/* One look. With the lock, and with or without the GIL. */
static void look(void)
{
    if (thresholds_changed()) {
        /* Not through gc.set_threshold(), which tells us: they belong to somebody else. The
         * functions of `gc` are unwrapped at eng_gc_stop(). */
        pacer.state = OFF;
        return;
    }
    if (!*py311_gc_enabled(pacer.interp)) {
        return; /* nothing is collected; gc.disable() has made us stand back */
    }
    if (watched()) {
        stand(ROUND);
        return;
    }
    Tally now = tally();
    long peak = peak_memory();
    if (peak > pacer.start_peak) {
        pacer.blind = false;
    }
    switch (pacer.state) {
    case STOOD:
        if (now.collections - pacer.since.collections < pacer.hold) {
            break;
        }
        if (!settled()) {
            raise_to(FIRST);
        } else if (!pacer.own_full) {
            set_own_stock_thresholds();
        }
        break;
    case RAISED: look_raised(&now, peak); break;
    case AUDIT: look_audit(&now, peak); break;
    case OFF: break;
    }
    look_full();
}

void eng_gc_attend(void)
{
    if (!full_asked) {
        return;
    }
    PyInterpreterState *interp = PyInterpreterState_Get();
    pthread_mutex_lock(&pacer.lock);
    bool now = full_asked && pacer.state != OFF && interp == pacer.interp &&
               !thresholds_changed() && *py311_gc_enabled(interp) && !watched();
    int64_t net = now ? tally().net : 0;
    full_asked = false;
    pthread_mutex_unlock(&pacer.lock);
    if (!now || !eng_gc_full_begin(interp)) {
        return;
    }
    (void)PyGC_Collect();
    eng_gc_full_end();
    pthread_mutex_lock(&pacer.lock);
    if (pacer.state != OFF) {
        /* It came before the young were many enough for one. */
        pacer.net = net;
        pacer.counted = collections();
    }
    pthread_mutex_unlock(&pacer.lock);
}

/* --- ticks ------------------------------------------------------------------------------ */

/* Nobody watches the memory any more. */
static void unwatched(void)
{
    if (pacer.state != OFF && !thresholds_changed()) {
        stand(0);
    }
    pacer.left = true;
}

long eng_gc_tick(bool last)
{
    int64_t now;
    long wait = 0;
    pthread_mutex_lock(&pacer.lock);
    if (last && !_Py_IsFinalizing()) {
        unwatched();
    } else if (!last && pacer.state != OFF && !pacer.left &&
               (now = eng_clock_ns(CLOCK_PROCESS_CPUTIME_ID)) >= 0) {
        /* Ticks come as often as eng_osr.c wants them. */
        if (now >= pacer.next) {
            look();
            pacer.next = now + (pacer.own_full ? TICK_NS : TICK_IDLE_NS);
        }
        wait = pacer.state == OFF ? 0 : (long)(pacer.next - now);
    }
    pthread_mutex_unlock(&pacer.lock);
    return wait;
}

bool eng_gc_watches(void)
{
    pthread_mutex_lock(&pacer.lock);
    bool watches = pacer.state != OFF && !pacer.left;
    pthread_mutex_unlock(&pacer.lock);
    return watches;
}

/* Nobody watches the memory of a child that runs no Python code afterwards. */
void eng_gc_forked(bool watchable)
{
    pthread_mutex_init(&pacer.lock, NULL);
    if (pacer.state != OFF) {
        stand_as_stock(0);
        pacer.state = watchable ? pacer.state : OFF;
        pacer.next = 0;
        pacer.start_peak = 0; /* the child's peak starts at what it has */
        pacer.blind = false;
    }
}

/* --- the functions of `gc` ------------------------------------------------------------- */

typedef PyObject *(*FastKwFunc)(PyObject *, PyObject *const *, Py_ssize_t, PyObject *);

static PyObject *get_threshold(PyObject *self, PyObject *ignored);
static PyObject *get_count(PyObject *self, PyObject *ignored);
static PyObject *set_threshold(PyObject *self, PyObject *args);
static PyObject *collect(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
static PyObject *get_objects(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                             PyObject *names);
static PyObject *get_referrers(PyObject *self, PyObject *objects);
static PyObject *set_debug(PyObject *self, PyObject *flags);
static PyObject *freeze(PyObject *self, PyObject *ignored);
static PyObject *unfreeze(PyObject *self, PyObject *ignored);
static PyObject *enable(PyObject *self, PyObject *ignored);
static PyObject *disable(PyObject *self, PyObject *ignored);

/* X(function, flags of its definition in gcmodule.c) */
#define WRAPPED(X)                                \
    X(get_threshold, METH_NOARGS)                 \
    X(get_count, METH_NOARGS)                     \
    X(set_threshold, METH_VARARGS)                \
    X(collect, METH_FASTCALL | METH_KEYWORDS)     \
    X(get_objects, METH_FASTCALL | METH_KEYWORDS) \
    X(get_referrers, METH_VARARGS)                \
    X(set_debug, METH_O)                          \
    X(freeze, METH_NOARGS)                        \
    X(unfreeze, METH_NOARGS)                      \
    X(enable, METH_NOARGS)                        \
    X(disable, METH_NOARGS)

enum {
#define WRAPPED_INDEX(name, flags) WRAP_##name,
    WRAPPED(WRAPPED_INDEX) NWRAPPED
};

static const struct {
    const char *name;
    int flags;
    PyCFunction ours;
} wraps[NWRAPPED] = {
#define WRAPPED_ROW(name, flags) {#name, flags, (PyCFunction)(void (*)(void))name},
    WRAPPED(WRAPPED_ROW)};

/* The definitions and what they led to before; written once, so that a call of ours that comes late
 * (it was under way in another thread) still finds the original. */
static PyMethodDef *defs[NWRAPPED];
static PyCFunction originals[NWRAPPED];

static bool find_functions(void)
{
    for (int i = 0; i < NWRAPPED; i++) {
        if (defs[i] == NULL) {
            PyMethodDef *def = py311_gc_method(wraps[i].name, wraps[i].flags);
            if (def == NULL) {
                return false;
            }
            originals[i] = def->ml_meth;
            defs[i] = def;
        }
    }
    return true;
}

/* Lets the functions of `gc` lead to ours, or to the original ones. */
static void wrap_functions(bool wrap)
{
    for (int i = 0; i < NWRAPPED; i++) {
        if (defs[i] != NULL) {
            defs[i]->ml_meth = wrap ? wraps[i].ours : originals[i];
        }
    }
}

/* The program takes the collector into its own hands: for now, or for good. With the GIL; only
 * calls from the interpreter that we pace count. */
static void stand_back(bool for_good)
{
    if (PyInterpreterState_Get() != pacer.interp) {
        return;
    }
    pthread_mutex_lock(&pacer.lock);
    if (pacer.state != OFF && !thresholds_changed()) {
        stand_as_stock(ROUND);
    }
    if (for_good) {
        pacer.state = OFF;
    }
    pthread_mutex_unlock(&pacer.lock);
}

static PyObject *get_threshold(PyObject *self, PyObject *ignored)
{
    pthread_mutex_lock(&pacer.lock);
    bool ours =
        pacer.state != OFF && PyInterpreterState_Get() == pacer.interp && !thresholds_changed();
    pthread_mutex_unlock(&pacer.lock);
    if (!ours) {
        return originals[WRAP_get_threshold](self, ignored);
    }
    return Py_BuildValue("(iii)", stock_thresholds[0], stock_thresholds[1], stock_thresholds[2]);
}

static PyObject *get_count(PyObject *self, PyObject *ignored)
{
    pthread_mutex_lock(&pacer.lock);
    bool ours = pacer.state != OFF && PyInterpreterState_Get() == pacer.interp;
    pthread_mutex_unlock(&pacer.lock);
    if (!ours) {
        return originals[WRAP_get_count](self, ignored);
    }
    int counts[PY311_GC_GENERATIONS];
    stock_counts(counts);
    return Py_BuildValue("(iii)", counts[0], counts[1], counts[2]);
}

static PyObject *set_threshold(PyObject *self, PyObject *args)
{
    stand_back(true);
    return originals[WRAP_set_threshold](self, args);
}

/* Is that a call of gc.collect() for all generations? */
static bool is_for_all(PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    if (names != NULL) {
        return false;
    }
    return nargs == 0 || (nargs == 1 && PyLong_CheckExact(args[0]) && Py_SIZE(args[0]) == 1 &&
                          PyLong_AsLong(args[0]) == PY311_GC_GENERATIONS - 1);
}

static PyObject *collect(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    FastKwFunc original = (FastKwFunc)(void (*)(void))originals[WRAP_collect];
    stand_back(false);
    PyInterpreterState *interp = PyInterpreterState_Get();
    bool full = interp == pacer.interp && pacer.callbacks != NULL &&
                is_for_all(args, nargs, names) && !watched() && eng_gc_full_begin(interp);
    PyObject *result = original(self, args, nargs, names);
    if (full) {
        eng_gc_full_end();
    }
    return result;
}

/* What shows the objects that the collector knows shows all of them, also to a finalizer. */
static PyObject *get_objects(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                             PyObject *names)
{
    eng_gc_full_show();
    return ((FastKwFunc)(void (*)(void))originals[WRAP_get_objects])(self, args, nargs, names);
}

static PyObject *get_referrers(PyObject *self, PyObject *objects)
{
    eng_gc_full_show();
    return originals[WRAP_get_referrers](self, objects);
}

#define STANDS_BACK(name)                                \
    static PyObject *name(PyObject *self, PyObject *arg) \
    {                                                    \
        stand_back(false);                               \
        eng_gc_full_show();                              \
        return originals[WRAP_##name](self, arg);        \
    }
STANDS_BACK(set_debug)
STANDS_BACK(freeze)
STANDS_BACK(unfreeze)
STANDS_BACK(enable)
STANDS_BACK(disable)

/* --- on and off ------------------------------------------------------------------------ */

void eng_gc_start(PyInterpreterState *interp)
{
    volatile Py311GcGeneration *g = py311_gc_generations(interp);
    PyObject *callbacks = py311_gc_callbacks(interp);
    for (int i = 0; i < PY311_GC_GENERATIONS; i++) {
        if (g[i].threshold != stock_thresholds[i]) {
            return;
        }
    }
    if (!eng_settings.gc || pacer.state != OFF || callbacks == NULL || !find_functions()) {
        return;
    }
    long peak = peak_memory(), resident = resident_memory();
    pthread_mutex_lock(&pacer.lock);
    pacer.interp = interp;
    if (pacer.callbacks == NULL) {
        Py_INCREF(callbacks);
        pacer.callbacks = callbacks;
    }
    pacer.start_peak = peak;
    pacer.blind = peak > resident + BUDGET(resident);
    pacer.ceiling = MOST;
    pacer.left = false;
    pacer.patience = 1;
    pacer.next = 0;
    if (peak != 0) {
        stand(0);
    }
    pthread_mutex_unlock(&pacer.lock);
    wrap_functions(peak != 0);
}

void eng_gc_stop(void)
{
    pthread_mutex_lock(&pacer.lock);
    if (pacer.state != OFF && !thresholds_changed()) {
        stand_as_stock(0);
    }
    pacer.state = OFF;
    PyObject *callbacks = pacer.callbacks;
    pacer.callbacks = NULL;
    pthread_mutex_unlock(&pacer.lock);
    wrap_functions(false);
    Py_XDECREF(callbacks);
}
