/* The engine's one thread.  It wakes while the process works, about once per kernel tick (1..4 ms) of
 * that (eng_wait.c).  What it does there is eng_osr.c's
 * (looking for loops to leave) and eng_gc.c's (watching the memory); it runs no Python code and never
 * takes the GIL.
 *
 * A thread costs a process some 0.1 ms at its start and end, which is seen in one that ends after
 * ten.  So it is made when it has something to watch: by the program's first outermost frame that
 * contains a loop, a call or an import (without those, a frame runs for no time).  To see that frame
 * costs nothing afterwards: until then eng_stack_low is out of reach and sends every entry through
 * eng_stack_really_low().
 *
 * A forked child has no such thread.  It gets one if it goes on with Python code (os.fork() says so, else its first
 * frame does), unless it was forked
 * by another thread than the process's first: such a child ends, as any process does, when its last
 * thread returns, and the ticker, asleep on a clock that stands still then, would keep it. */
#include "eng_internal.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base_chunks.h"
#include "eng_arenas.h"
#include "eng_gc.h"
#include "py311_opcodes.h"

bool eng_ticker_pending;
_Atomic int64_t eng_own_waits;

static struct {
    pthread_mutex_t lock; /* held during ticks; for `running` and what the ticks use */
    bool running;         /* the thread exists in this process */
    bool anew;            /* it is to be made anew in a forked child */
    bool barred;          /* this process must end with the thread that forked it, or an ancestor */
} ticker = {.lock = PTHREAD_MUTEX_INITIALIZER};

void eng_ticker_lock(void)
{
    pthread_mutex_lock(&ticker.lock);
}

void eng_ticker_unlock(void)
{
    pthread_mutex_unlock(&ticker.lock);
}

static void *ticker_main(void *Py_UNUSED(arg))
{
    long ns = ENG_TICK_NS;
    EngWait wait;
    prctl(PR_SET_NAME, "pyston-ticker");
    eng_wait_begin(&wait);
    for (;;) {
        bool end = !eng_wait(&wait, ns) || _Py_IsFinalizing();
        pthread_mutex_lock(&ticker.lock);
        long osr = end ? 0 : eng_osr_tick(), gc = eng_gc_tick(end);
        if (osr == 0 && gc == 0) {
            ticker.running = false;
            eng_wait_end(&wait);
            pthread_mutex_unlock(&ticker.lock);
            return NULL;
        }
        pthread_mutex_unlock(&ticker.lock);
        ns = osr == 0 ? gc : gc == 0 ? osr : BASE_MIN(osr, gc);
    }
}

bool eng_thread_start(void *(*run)(void *), size_t stack)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all, old;
    if (pthread_attr_init(&attr) != 0) {
        return false;
    }
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, stack);
    /* Signals are for the program's threads. */
    sigfillset(&all);
    bool ok = pthread_sigmask(SIG_SETMASK, &all, &old) == 0;
    if (ok) {
        ok = pthread_create(&thread, &attr, run, NULL) == 0;
        pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    pthread_attr_destroy(&attr);
    return ok;
}

/* glibc gives memory at the heap's end back to the system as soon as 128 KB of it are free, and takes it again page by page:
 * a program that builds and drops a page of text with each request spends a sixth of its time on that. It learns
 * from the first larger block that is freed: blocks up to that size come from the heap then, and twice as much is kept. So
 * one is freed here, untouched. */
static void keep_heap(void)
{
    static bool done;
    if (!done) {
        done = true;
        void *volatile block = malloc(ENG_HEAP_BLOCK);
        free(block);
    }
}

void eng_ticker_start(void)
{
    eng_ticker_pending = false;
    keep_heap();
    if (ticker.running || ticker.barred) {
        return;
    }
    pthread_mutex_lock(&ticker.lock); /* the thread writes `running`, too */
    ticker.running = eng_thread_start(ticker_main, 64 << 10);
    pthread_mutex_unlock(&ticker.lock);
}

void eng_ticker_start_later(void)
{
    eng_ticker_pending = true;
    eng_stack_attend();
}

/* Can a frame of this code run for long? */
static bool worth_watching(PyCodeObject *co)
{
    for (PY311_EACH_INS(co, ins)) {
        if (ins.op == PY311_CALL || ins.op == PY311_CALL_FUNCTION_EX ||
            ins.op == PY311_IMPORT_NAME || py311_is_backward_jump(ins.op)) {
            return true;
        }
    }
    return false;
}

/* A forked child goes on with Python code. */
static void start_anew(void)
{
    bool osr = eng_osr_child_started();
    ticker.anew = eng_ticker_pending = false;
    if (osr || eng_gc_watches()) {
        eng_ticker_start();
    }
}

void eng_ticker_attend(PyCodeObject *co, bool outermost)
{
    /* A child may have been forked below frames that go on in it. */
    if ((outermost || ticker.anew) && worth_watching(co)) {
        if (ticker.anew) {
            start_anew();
        } else {
            eng_ticker_start();
        }
    }
}

/* Before a fork. In the child its only thread looks like a first one. */
static bool forked_by_first;
static void forking(void)
{
    forked_by_first = gettid() == getpid();
}

/* In a forked child: the thread is gone, and its lock may have been held by it. */
static void forked(void)
{
    pthread_mutex_init(&ticker.lock, NULL);
    chunks_forked();
    eng_arenas_forked();
    ticker.anew = (ticker.running || eng_ticker_pending) && forked_by_first;
    ticker.running = false;
    ticker.barred = ticker.barred || !forked_by_first;
    eng_osr_forked();
    eng_gc_forked(!ticker.barred);
    if (ticker.anew) {
        /* Programs that embed Python may fork without a word to it (uWSGI does): then the first frame tells, and
         * the hook has to be there to see it. */
        eng_ticker_start_later();
        eng_osr_bring_hook();
    }
}

/* Registered with os.register_at_fork. */
static PyObject *child_started(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    start_anew();
    Py_RETURN_NONE;
}

static PyMethodDef child_started_def = {"pyston_child_started", child_started, METH_NOARGS, NULL};

int eng_ticker_init(void)
{
    static bool done;
    if (done) {
        return 0;
    }
    PyObject *posix = PyImport_ImportModule("posix");
    PyObject *function = PyCFunction_New(&child_started_def, NULL);
    PyObject *reg = posix != NULL ? PyObject_GetAttrString(posix, "register_at_fork") : NULL;
    PyObject *kwargs = function != NULL ? Py_BuildValue("{sO}", "after_in_child", function) : NULL;
    PyObject *none = PyTuple_New(0), *result = NULL;
    if (reg != NULL && kwargs != NULL && none != NULL) {
        result = PyObject_Call(reg, none, kwargs);
    }
    Py_XDECREF(posix);
    Py_XDECREF(function);
    Py_XDECREF(reg);
    Py_XDECREF(kwargs);
    Py_XDECREF(none);
    if (result == NULL) {
        return -1;
    }
    Py_DECREF(result);
    if (pthread_atfork(forking, NULL, forked) != 0) {
        PyErr_NoMemory();
        return -1;
    }
    done = true;
    return 0;
}
