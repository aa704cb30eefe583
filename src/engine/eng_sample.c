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
 * what tier 0 needs; with all 700 compiled it takes 31 % fewer instructions and 7 % less time.  Pylint, which calls 2,000, is
 * slower with all of them compiled.  Therefore programs that run for seconds with the same functions, not too many of
 * them, change over: servers.  The hook stays for good, and what is called some dozens of times is compiled. */
#include "eng_internal.h"

#include <sys/resource.h>

/* Generations of bursts: for whether the program goes on with the same functions. A program that waits for something many
 * times in the course of one, and does the same in the next, serves: it can be expected to go on. Others have to show it
 * for longer, as a phase of a tool may look like that. */
enum { SHORT, LONG, NGENERATIONS };
static const struct {
    uint32_t bursts;
    uint32_t stable; /* so many in a row have to be alike */
    uint32_t differ; /* by no more than one function in so many */
    uint32_t made;   /* and with no more than one new one in so many */
    int64_t waits;   /* that have to be in each */
} kinds[NGENERATIONS] = {
    [SHORT] = {ENG_GENERATION / 4, 1, 4, 4, ENG_WAITS},
    [LONG] = {ENG_GENERATION, ENG_STABLE_GENERATIONS, 8, 32, 0},
};
typedef struct {
    uint32_t functions; /* seen in it */
    uint32_t before;    /* seen in the one before */
    uint32_t states;    /* made before it started */
    uint32_t stable;    /* so many in a row had about the same functions */
    int64_t waits;      /* before it started */
} Generation;

_Atomic bool eng_hook_away;
static struct {
    uint32_t epoch, calls,
        functions;  /* its number, the calls seen in it, and of how many functions */
    uint32_t large; /* epochs in a row with many functions */
    uint32_t burst; /* its number */
    int left;       /* calls until it ends */
    Generation generations[NGENERATIONS];
    bool all;                                   /* the program has changed over */
    int64_t time_of_change, compiled_at_change; /* CPU time, and how much of it was compiling */
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
    }
    sampling.epoch++;
    sampling.calls = sampling.functions = 0;
}

/* The process's CPU time so far, ns. */
static int64_t cpu_time(void)
{
    return eng_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* How often the program's threads have waited, for input or for each other. */
static int64_t waits(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_nvcsw - eng_ticker_waits : 0;
}

/* Has the program run for so long that compiling what it calls is little beside that? */
static bool worth_compiling(const Generation *g)
{
    return (int64_t)g->functions * ENG_FUNCTION_NS * ENG_COMPILE_SHARE <= cpu_time();
}

/* Is the generation that ends like the one before? */
static bool like_before(int kind, const Generation *g, int64_t waited)
{
    uint32_t more = BASE_MAX(g->functions, g->before), less = BASE_MIN(g->functions, g->before);
    return g->functions <= ENG_ALL_FUNCTIONS && more - less <= more / kinds[kind].differ &&
           eng_states_made <= g->states + g->functions / kinds[kind].made &&
           waited - g->waits >= kinds[kind].waits;
}

static void end_generation(int kind)
{
    Generation *g = &sampling.generations[kind];
    int64_t waited = waits();
    g->stable = like_before(kind, g, waited) ? g->stable + 1 : 0;
    if (g->stable >= kinds[kind].stable && !sampling.all && !eng_settings.stress_patch &&
        worth_compiling(g)) {
        sampling.all = true;
        sampling.time_of_change = cpu_time();
        sampling.compiled_at_change = (int64_t)eng_counts.compile_ns;
        sampling.left_in_all = ENG_ALL_EPOCHS;
        eng_hook_away = false;
        eng_hook_bring(eng_interp);
    }
    *g = (Generation){0, g->functions, eng_states_made, g->stable, waited};
}

static void end_burst(void)
{
    eng_hook_remove(eng_interp);
    sampling.burst++;
    for (int kind = 0; kind < NGENERATIONS; kind++) {
        if (sampling.burst % kinds[kind].bursts == 0) {
            end_generation(kind);
        }
    }
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

/* Counts that a burst has seen the code; is it in nearly all of them? */
static bool hit(EngCodeState *s)
{
    /* Once a burst: a loop that happens to be seen says little about the whole. */
    if (s->burst != sampling.burst) {
        uint32_t halvings = sampling.burst / ENG_BURSTS - s->burst / ENG_BURSTS;
        s->hits = halvings > 15 ? 0 : (uint16_t)(s->hits >> halvings);
        s->hits++;
        for (int kind = 0; kind < NGENERATIONS; kind++) {
            uint32_t n = kinds[kind].bursts;
            sampling.generations[kind].functions += s->burst / n != sampling.burst / n;
        }
        s->burst = sampling.burst;
    }
    return s->hits >= (eng_settings.stress_patch ? 1 : ENG_HITS);
}

bool eng_changed_over(void)
{
    return sampling.all;
}

BASE_NOINLINE bool eng_affordable(void)
{
    int64_t all = cpu_time(), compiling = (int64_t)eng_counts.compile_ns;
    return sampling.all ? (compiling - sampling.compiled_at_change) * ENG_ALL_SHARE <=
                              all - sampling.time_of_change
                        : compiling * ENG_COMPILE_SHARE <= all;
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
    if (eng_settings.sampled && !see_call(s)) {
        return false;
    }
    return eng_hook_away ? hit(s) : enough(calls);
}
