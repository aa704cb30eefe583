/* Which calls are seen, and what is hot.
 *
 * While a hook is installed, tier 0 calls Python functions through the C stack instead of in its loop.  That costs little
 * where everything that is called often gets compiled.  But a program that calls very many functions a few times each
 * would pay for it all the time, and machine code that runs rarely is slower than tier 0: the processor fetches
 * it from its second-level cache, and every 64 bytes of it take longer than the bytecode they stand for.
 *
 * So when an epoch of calls shows many functions, the hook goes away; calls are then seen in bursts, one at each tick,
 * and only what most bursts see is compiled.  When a whole epoch of these has few functions, the hook stays again.
 *
 * In between the two it is worse than at either end.  With a third of Flask's functions compiled, a request takes 12 %
 * fewer instructions than in stock and 14 % more time, for the processor then has both to fetch, the machine code and
 * what tier 0 needs; with all 700 compiled it takes 31 % fewer instructions and 14 % less time.  Therefore programs that
 * go on with the same functions, not too many of them, change over: the hook stays for good, and what is called some
 * dozens of times is compiled, to compact code (lir_compile.h).  They have to have run for as long as that will pay. */
#include "eng_internal.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include "base_chunks.h"
#include "eng_arenas.h"

/* For whether the program goes on with the same functions: a generation is so many bursts while the hook is away, and some
 * CPU time while it is there. */
typedef struct {
    uint32_t functions; /* without a unit that were seen in it */
    uint32_t before;    /* seen in the one before */
    uint32_t again;     /* seen in both */
    uint32_t states;    /* made before it started */
    int64_t waits;      /* before it started */
} Generation;

_Atomic bool eng_hook_away;
static struct {
    uint32_t epoch, calls,
        functions;          /* its number, the calls seen in it, and of how many functions */
    uint32_t large;         /* epochs in a row with many functions */
    uint32_t burst;         /* its number; all of a generation with the hook there is one */
    int left;               /* calls until it ends */
    Generation away, there; /* those with the hook away and there */
    int64_t started;        /* CPU time at the start of the latter */
    bool all;               /* the program has changed over */
    int64_t time_of_change, compiled_at_change; /* CPU time, and how much of it was compiling */
    int64_t promised;                           /* what compiling all was to take, ns */
    uint32_t left_in_all;                       /* epochs until it may change back, for good */
} sampling = {.epoch = 1};

void eng_sample(PyInterpreterState *interp)
{
    if (!eng_settings.sampled || (eng_hook_away && eng_settings.threshold == ENG_NEVER)) {
        return; /* nothing is to be found */
    }
    if (!eng_hook_away || !eng_hook_is_in(interp)) {
        sampling.left = eng_settings.stress_patch           ? ENG_STRESS_BURST
                        : sampling.epoch < ENG_FIRST_EPOCHS ? ENG_FIRST_BURST
                                                            : ENG_BURST;
        eng_hook_bring(interp);
    } else { /* a burst in which too few calls came to be counted */
        eng_hook_remove(interp);
    }
}

/* The process's CPU time so far, ns. */
static int64_t cpu_time(void)
{
    return eng_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* What compiling has cost the program so far, ns: what happens beside it takes memory and caches from it, and perhaps
 * the processor. */
static int64_t compile_time(void)
{
    return (int64_t)(eng_counts.compile_ns - eng_counts.beside_ns) +
           (int64_t)eng_counts.beside_ns / ENG_BESIDE_SHARE;
}

/* The same for so many functions that are to be compiled. */
static int64_t expected_time(uint32_t functions)
{
    return (int64_t)functions * (eng_background_is_on() ? ENG_FUNCTION_BESIDE_NS : ENG_FUNCTION_NS);
}

/* How often the program's threads have waited, for input or for each other. */
static int64_t waits(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_nvcsw - eng_own_waits : 0;
}

/* Does the process listen on a socket? */
static bool listens(void)
{
    for (int fd = 0; fd < ENG_DESCRIPTORS; fd++) {
        int listening = 0;
        socklen_t size = sizeof listening;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening) {
            return true;
        }
    }
    return false;
}

/* How many functions the program goes on with, of which each generation has seen some: the fewer it has seen again, the more
 * there are (Lincoln and Petersen's estimate). */
static uint32_t called(const Generation *g)
{
    uint64_t n = g->again > 0 ? (uint64_t)g->functions * g->before / g->again : UINT32_MAX;
    return (uint32_t)BASE_MIN(n, UINT32_MAX);
}

/* Has the program run for so long that compiling what it calls is little beside that? A program that serves can be
 * expected to go on; what it is like in others may be a phase. */
static bool worth_compiling(const Generation *g)
{
    int64_t all = expected_time(called(g)), now = cpu_time();
    if (all * ENG_SERVER_SHARE > now) {
        return false;
    }
    return all * ENG_PROGRAM_SHARE <= now || waits() - g->waits >= ENG_WAITS || listens();
}

/* Is the generation that ends like the one before? */
static bool like_before(const Generation *g)
{
    uint32_t more = BASE_MAX(g->functions, g->before), less = BASE_MIN(g->functions, g->before);
    return called(g) <= ENG_ALL_FUNCTIONS && more - less <= more / ENG_ALIKE &&
           g->again >= g->functions / ENG_AGAIN &&
           eng_states_made - g->states <= g->functions / ENG_ALIKE;
}

static void change_over(const Generation *g)
{
    sampling.promised = 2 * expected_time(called(g)); /* some are compiled again */
    sampling.all = true;
    sampling.time_of_change = cpu_time();
    sampling.compiled_at_change = compile_time();
    sampling.left_in_all = ENG_ALL_EPOCHS;
    eng_hook_away = false;
    chunks_keep(ENG_CHUNKS_ALL);
    eng_hook_bring(eng_interp);
    if (listens()) {
        eng_arenas_will_last();
    }
}

static void end_generation(Generation *g)
{
    if (!sampling.all && !eng_settings.stress_patch && g->functions >= ENG_ALL_LEAST &&
        like_before(g) && worth_compiling(g)) {
        change_over(g);
    }
    *g = (Generation){0, g->functions, 0, eng_states_made, waits()};
}

static void end_burst(void)
{
    eng_hook_remove(eng_interp);
    sampling.burst++;
    if (sampling.burst % ENG_GENERATION == 0) {
        end_generation(&sampling.away);
    }
}

/* With the hook there: has the generation lasted long enough? */
static void try_end_generation(void)
{
    int64_t now = cpu_time();
    if (now - sampling.started >= ENG_GENERATION_NS) {
        sampling.started = now;
        sampling.burst++;
        end_generation(&sampling.there);
    }
}

static void end_epoch(void)
{
    sampling.large = sampling.functions > ENG_LARGE_SET ? sampling.large + 1 : 0;
    if (sampling.left_in_all > 0) {
        sampling.left_in_all--;
    } else if (sampling.large >= 2 && !eng_hook_away && !eng_ticker_pending) {
        eng_hook_away = true;
        sampling.left = 0;
    } else if (eng_hook_away && sampling.functions < ENG_SMALL_SET && !eng_settings.stress_patch) {
        eng_hook_away = false;
        sampling.started = cpu_time();
        sampling.there = (Generation){0};
    }
    if (!eng_hook_away && !sampling.all) {
        try_end_generation();
    }
    sampling.epoch++;
    sampling.calls = sampling.functions = 0;
}

/* Under PYSTON_STRESS=patch: a burst is a number of frames. */
void eng_sample_stress(void)
{
    if (--sampling.left <= 0 && !eng_ticker_pending) {
        end_burst();
    }
}

/* A call of code without a unit is seen, or passes unseen (false). */
static inline bool see_call(EngCodeState *s)
{
    if (eng_interp == NULL || (eng_hook_away && !eng_hook_is_in(eng_interp))) {
        return false;
    }
    if (s->epoch != sampling.epoch) {
        s->epoch = sampling.epoch;
        sampling.functions++;
    }
    if (++sampling.calls >= ENG_EPOCH) {
        end_epoch();
    }
    if (eng_hook_away && --sampling.left <= 0 && !eng_ticker_pending) { /* that waits for a frame */
        end_burst();
    }
    return true;
}

/* Counts that the burst has seen the code, once: a loop that happens to be seen says little about the whole. */
static inline void count_hit(EngCodeState *s)
{
    if (s->burst == sampling.burst) {
        return;
    }
    uint32_t halvings = sampling.burst / ENG_BURSTS - s->burst / ENG_BURSTS;
    s->hits = halvings > 15 ? 0 : (uint16_t)(s->hits >> halvings);
    s->hits++;
    uint32_t part = eng_hook_away ? ENG_GENERATION : 1;
    uint32_t last = s->burst / part, now = sampling.burst / part;
    if (last != now) {
        Generation *g = eng_hook_away ? &sampling.away : &sampling.there;
        g->functions++;
        g->again += last + 1 == now;
    }
    s->burst = sampling.burst;
}

bool eng_changed_over(void)
{
    return sampling.all;
}

BASE_NOINLINE bool eng_affordable(void)
{
    int64_t all = cpu_time(), compiling = compile_time();
    if (!sampling.all) {
        return compiling * ENG_COMPILE_SHARE <= all;
    }
    /* Soon what was there to compile; what comes in later phases of the program in its time. */
    int64_t since = all - sampling.time_of_change, part = compiling - sampling.compiled_at_change;
    return part <= sampling.promised ? part * ENG_ALL_SHARE <= since
                                     : (part - sampling.promised) * ENG_LATER_SHARE <= since;
}

/* Has the counter come to where it is compiled? */
static inline bool enough(uint32_t *calls)
{
    uint32_t threshold = eng_settings.threshold;
    if (sampling.all) {
        threshold = BASE_MIN(threshold, ENG_ALL_THRESHOLD);
    }
    uint32_t n = ++*calls;
    if (n < threshold) {
        return false;
    }
    if (!eng_settings.sampled || (n >= threshold * ENG_PATIENCE && !sampling.all)) {
        return true;
    }
    return (n - threshold) % (threshold / 8) == 0 &&
           eng_affordable(); /* reading the clock takes time, too */
}

bool eng_is_hot(EngCodeState *s, uint32_t *calls)
{
    if (!eng_settings.sampled) {
        return enough(calls);
    }
    if (!see_call(s)) {
        return false;
    }
    count_hit(s);
    return eng_hook_away ? s->hits >= (eng_settings.stress_patch ? 1 : ENG_HITS) : enough(calls);
}
