/* Compiling beside the program: all that reads no Python objects, which is four fifths of the time, on a thread of its own.
 *
 *   eng_compile    bytecode -> HIR on the thread that wants it, with the GIL; then it goes on in tier 0
 *   here           passes, LIR, registers, machine code, tables: eng_compile_rest, without the GIL, in memory that is the
 *                  work's alone
 *   eng_compile_end  into the code cache, with the GIL: at the next call that is counted or the next look (eng_osr.c), some
 *                    at once
 *
 * So a request of a server that makes hundreds of functions warm at once waits a fifth as long for them.  A loop goes on in
 * tier 0 meanwhile, and the main thread is asked to look when its unit is there; only a frame that has left compiled code for want
 * of a newer unit waits for that.  Works are done, and end, in the order in which they came, as the stubs that one made may be
 * another's, too (lir_stubs.c).
 *
 * Code that dies takes its work along: its constants, which the work has addresses of, die with it.  The thread ends when it
 * has had nothing to do for a while; a fork waits for the work that is being done, and the child makes another
 * thread. */
#include "eng_internal.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

typedef struct {
    EngWork *first, **end;
    uint32_t n;
} Queue;

static struct {
    pthread_mutex_t lock; /* for all below but those of the GIL */
    pthread_cond_t added, done;
    Queue waiting, finished;
    EngWork *doing;
    bool running; /* the thread exists in this process */
    /* Under the GIL. */
    uint32_t nworks;
    bool prepared, refused;
} background = {.lock = PTHREAD_MUTEX_INITIALIZER,
                .added = PTHREAD_COND_INITIALIZER,
                .done = PTHREAD_COND_INITIALIZER,
                .waiting = {NULL, &background.waiting.first, 0},
                .finished = {NULL, &background.finished.first, 0}};

_Atomic bool eng_background_calls;

/* --- queues -------------------------------------------------------------------------- */

static void append(Queue *q, EngWork *w)
{
    w->next = NULL;
    *q->end = w;
    q->end = &w->next;
    q->n++;
}

static EngWork *take_first(Queue *q)
{
    EngWork *w = q->first;
    q->first = w->next;
    if (q->first == NULL) {
        q->end = &q->first;
    }
    q->n--;
    return w;
}

/* Is it in the queue? Then not any more. */
static bool take(Queue *q, EngWork *w)
{
    EngWork **at = &q->first;
    while (*at != NULL && *at != w) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        return false;
    }
    *at = w->next;
    if (q->end == &w->next) {
        q->end = at;
    }
    q->n--;
    return true;
}

/* --- works ------------------------------------------------------------------------------- */

EngWork *eng_work_new(void)
{
    EngWork *w = background.nworks < ENG_WORKS ? calloc(1, sizeof *w) : NULL;
    if (w != NULL) {
        arena_init(&w->front, ENG_ARENA_LIMIT, NULL);
        arena_init(&w->back, ENG_ARENA_LIMIT, NULL);
        background.nworks++;
    }
    return w;
}

void eng_work_free(EngWork *w)
{
    lir_work_end(&w->lir);
    arena_free(&w->front);
    arena_free(&w->back);
    free(w);
    background.nworks--;
}

static void do_work(EngWork *w)
{
    int64_t start = eng_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    eng_compile_rest(w);
    w->ns = eng_clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
}

/* --- the thread ---------------------------------------------------------------------------- */

/* Waits for work, with the lock; false when none came for so long. */
static bool wait_for_work(int64_t ns)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    ns += until.tv_nsec;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    int err = 0;
    while (background.waiting.first == NULL && err == 0) {
        err = pthread_cond_timedwait(&background.added, &background.lock, &until);
        eng_own_waits++;
    }
    return background.waiting.first != NULL;
}

/* Waits for the next work, and tells the program what is finished: some at once, which cost less to install and interrupt it
 * less often, or what there is when no more comes soon. */
static bool wait_for_next(void)
{
    uint32_t at_once = eng_settings.stress_thread ? 1 : ENG_WORKS_AT_ONCE;
    bool few = background.finished.n > 0 && background.finished.n < at_once;
    if (few && !eng_background_calls && wait_for_work(ENG_TOGETHER_NS)) {
        return true;
    }
    if (background.finished.n > 0) {
        eng_background_calls = true;
    }
    return wait_for_work(ENG_IDLE_NS);
}

static void *background_main(void *Py_UNUSED(arg))
{
    prctl(PR_SET_NAME, "pyston-compiler");
    pthread_mutex_lock(&background.lock);
    while (wait_for_next()) {
        EngWork *w = background.doing = take_first(&background.waiting);
        pthread_mutex_unlock(&background.lock);
        do_work(w);
        pthread_mutex_lock(&background.lock);
        background.doing = NULL;
        bool loop = w->loop; /* in which a frame is, perhaps for long */
        append(&background.finished, w);
        pthread_cond_broadcast(&background.done);
        if (loop) {
            eng_background_calls = true;
            pthread_mutex_unlock(&background.lock);
            eng_osr_ask();
            pthread_mutex_lock(&background.lock);
        }
    }
    background.running = false;
    pthread_mutex_unlock(&background.lock);
    return NULL;
}

/* With the lock. */
static void wait_until_done(const EngWork *w)
{
    while (background.doing != NULL && (w == NULL || background.doing == w)) {
        pthread_cond_wait(&background.done, &background.lock);
    }
}

static void forking(void)
{
    pthread_mutex_lock(&background.lock);
    wait_until_done(NULL);
}

static void forked_parent(void)
{
    pthread_mutex_unlock(&background.lock);
}

/* The thread is not there; what waits for it needs another one, if the child goes on with Python code. */
static void forked_child(void)
{
    pthread_mutex_init(&background.lock, NULL);
    pthread_cond_init(&background.added, NULL);
    pthread_cond_init(&background.done, NULL);
    background.running = false;
    if (background.waiting.first != NULL) {
        eng_background_calls = true;
    }
}

/* --- for eng_compile.c ---------------------------------------------------------------------- */

/* Once: can it be, and is there a processor for it? */
static void prepare(void)
{
    cpu_set_t cpus;
    background.prepared = true;
    bool alone = sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) < 2;
    background.refused = (alone && !eng_settings.stress_thread) ||
                         pthread_atfork(forking, forked_parent, forked_child) != 0;
}

bool eng_background_is_on(void)
{
    /* With a number in PYSTON_THRESHOLD functions are compiled at that very call. */
    if (!eng_settings.stress_thread && !(eng_settings.compile_thread && eng_settings.sampled)) {
        return false;
    }
    if (!background.prepared) {
        prepare();
    }
    return !background.refused;
}

/* With the lock. What waits if no thread is to be had is done here. */
static void see_to_thread(void)
{
    if (background.waiting.first == NULL || background.running) {
        return;
    }
    background.running = eng_thread_start(background_main, ENG_COMPILER_STACK);
    while (!background.running && background.waiting.first != NULL) {
        EngWork *w = take_first(&background.waiting);
        do_work(w);
        append(&background.finished, w);
        background.refused = true;
        eng_background_calls = true;
    }
}

void eng_background_add(EngWork *w)
{
    pthread_mutex_lock(&background.lock);
    append(&background.waiting, w);
    see_to_thread();
    pthread_cond_signal(&background.added);
    pthread_mutex_unlock(&background.lock);
}

void eng_background_attend(void)
{
    eng_background_calls = false;
    pthread_mutex_lock(&background.lock);
    see_to_thread();
    EngWork *first = background.finished.first;
    background.finished = (Queue){NULL, &background.finished.first, 0};
    pthread_mutex_unlock(&background.lock);
    if (first != NULL) {
        eng_compile_end(first);
    }
}

void eng_background_cancel(EngWork *w)
{
    pthread_mutex_lock(&background.lock);
    wait_until_done(w);
    (void)(take(&background.waiting, w) || take(&background.finished, w));
    pthread_mutex_unlock(&background.lock);
    w->state = NULL;
    w->next = NULL;
    eng_compile_end(w);
}
