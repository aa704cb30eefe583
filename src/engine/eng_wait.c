/* Waiting until the program has worked for some time: the ticker's sleep.
 *
 * To sleep on the process's CPU clock would do, but for this: while anything waits for that clock, the kernel adds to it
 * once per tick only, and time.process_time() shows the same for 4 ms. So a timer runs on the main thread's CPU clock, which
 * stays exact, and its signal goes to the ticker alone, which blocks it and takes it out of its queue: no handler
 * runs, no other thread sees it. What other threads work is seen by looking at the process's clock, the less often the longer that has
 * stood still, in the end once a second.
 *
 * The signal is one that nothing sends. Should the program send it to itself nevertheless, it gets it back, and there
 * is no timer any more. */
#include "eng_internal.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base_macros.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { SIGNAL = SIGSTKFLT }; /* "unused" on x86 */

/* The CPU clock of the process's first thread, by its number: what pthread_getcpuclockid gives, without that thread's
 * pthread_t. The kernel's clockid_t of a thread: the complement of its number, then 4 for a thread, 2 for its clock. */
static clockid_t first_threads_clock(void)
{
    return (clockid_t)(~(unsigned)getpid() << 3 | 4 | 2);
}

/* What all threads but this one have worked. */
static int64_t work_time(void)
{
    int64_t all = eng_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    return all < 0 ? all : all - eng_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

void eng_wait_begin(EngWait *w)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL};
    event.sigev_notify_thread_id = gettid();
    w->timed = timer_create(first_threads_clock(), &event, &w->timer) == 0;
    w->seen = work_time();
    w->quiet = 0;
    w->rung = w->timed;
}

void eng_wait_end(EngWait *w)
{
    if (w->timed) {
        timer_delete(w->timer);
        w->timed = false;
    }
}

/* Somebody else's signal, for the process or for this thread: back to the process. */
static void give_back(EngWait *w, siginfo_t *info)
{
    eng_wait_end(w);
    if (syscall(SYS_rt_sigqueueinfo, getpid(), info->si_signo, info) != 0) {
        kill(getpid(), info->si_signo); /* a process may not say what only the kernel does */
    }
}

bool eng_wait(EngWait *w, long ns)
{
    const struct itimerspec once = {.it_value = {.tv_nsec = ns}};
    int64_t from = w->seen;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGNAL);
    if (w->timed && timer_settime(w->timer, 0, &once, NULL) != 0) {
        eng_wait_end(w);
    }
    for (;;) {
        long look = (w->rung ? ENG_LOOK_NS : ENG_LOOK_OTHERS_NS) << BASE_MIN(w->quiet, 6u);
        struct timespec wall = {.tv_nsec = BASE_MIN(look, ENG_LOOK_MOST_NS)};
        siginfo_t info;
        bool rung = false;
        eng_own_waits++;
        if (!w->timed) {
            clock_nanosleep(CLOCK_MONOTONIC, 0, &wall, NULL);
        } else if (sigtimedwait(&set, &info, &wall) == SIGNAL) {
            rung = info.si_code == SI_TIMER;
            if (!rung) {
                give_back(w, &info);
            }
        } else if (errno != EAGAIN && errno != EINTR) {
            eng_wait_end(w);
        }
        int64_t now = work_time();
        if (now < 0) {
            return false;
        }
        w->quiet = now - w->seen > ENG_TICK_NS / 20 ? 0 : w->quiet + 1;
        w->seen = now;
        if (rung || now - from >= ns || _Py_IsFinalizing()) {
            w->rung = rung;
            return true;
        }
    }
}
