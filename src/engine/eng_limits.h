/* Every number the engine decides by, with its reason. */
#ifndef PYSTON_ENG_LIMITS_H
#define PYSTON_ENG_LIMITS_H

/* Calls before a function is compiled. Compiling takes some 0.1 to 0.2 ms and a call of a function
 * without loops gains some 0.1 to 0.3 us, so it pays off after about as many calls; loops do not wait
 * for it (OSR). Measured on Flask, Django and pylint: 300 costs short runs 2 to 4 % more. */
#define ENG_THRESHOLD              1000u
/* Functions wait while compiling has taken more than one part in so many of the CPU time: 2to3 is through after 180 ms,
 * and compiling all that it calls 1,000 times takes 55 more. What is called so many times as often does not wait,
 * nor do loops that stay in tier 0, nor anything with a number in PYSTON_THRESHOLD. */
#define ENG_COMPILE_SHARE          20
#define ENG_PATIENCE               4u
/* Calls of an epoch, and how many functions they have to be of for the hook to go away or to stay. Of
 * 1,024 calls in a row, deltablue's are of some 60 functions, Flask's and Django's of 150 to 300. Machine code takes some
 * 2 KB a function, a core's second-level cache has 512 KB to 2 MB. */
#define ENG_EPOCH                  1024u
#define ENG_LARGE_SET              120u
#define ENG_SMALL_SET              80u
/* While the hook is away: calls in a burst (each costs some 0.1 us more), bursts after which counts are halved, and
 * the count that makes a function hot: it is in three quarters of the bursts, about every 45th call. In programs with
 * many functions, compiling less often called ones costs more in cache misses and in changes between tier 0 and compiled
 * code than it gains: Django's pages run at 0.96 of stock's speed with 48 and at 0.86 with 12. */
#define ENG_BURST                  64
/* The first epochs have longer bursts: a program with few functions is soon found out. */
#define ENG_FIRST_BURST            256
#define ENG_FIRST_EPOCHS           16
#define ENG_BURSTS                 64u
#define ENG_HITS                   96u
/* A generation of bursts, about a sixteenth of a second of CPU time, and what it lasts while the hook is there. When two in a
 * row are of about the same functions, which may differ by one in so many, the program changes over: the hook stays, and
 * functions are compiled at a lower threshold. */
#define ENG_GENERATION             16u
#define ENG_GENERATION_NS          60000000
#define ENG_ALIKE                  4
/* Of the functions of one, so many have to be in the other: one in this. */
#define ENG_AGAIN                  2
#define ENG_ALL_THRESHOLD          64u
/* What compiling one of its functions takes: a program changes over when compiling all of them is one part in so many of the
 * CPU time it has run, for it may run for as long again, or end. It gains a fifth to a third: with 1 in 36, what SQLAlchemy's unit of
 * work gains began after six seconds, where one is enough; with 1 in 6, pylint and tests of networkx, which go on to other functions,
 * lose some percent. */
#define ENG_FUNCTION_NS            120000
/* The same where another thread does most of it, which counts as one part in so many: SQLAlchemy's unit of work changes over after
 * 0.3 s, not 1.1, and loses little meanwhile; mypy of two seconds takes a sixth less. */
#define ENG_FUNCTION_BESIDE_NS     30000
#define ENG_BESIDE_SHARE           4
#define ENG_PROGRAM_SHARE          15
/* Servers can be expected to go on for hours: one part in so many. They listen on a socket, which is looked for among so
 * many file descriptors, or wait so many times in a generation. Waiting alone does not tell: where the next request
 * is there before the last one is done, nothing ever waits. */
#define ENG_SERVER_SHARE           5
#define ENG_WAITS                  4
#define ENG_DESCRIPTORS            256
/* From then on compiling may take one part in so many of the CPU time: what there is to compile is better done soon, for in
 * between the program is slower than before and than afterwards; but functions that a request calls once each are
 * all called often enough at the same request, which would wait for as long as ten others take. */
#define ENG_ALL_SHARE              3
/* The same for what comes in later phases. Type checkers and documentation tools call thousands of functions, some hundred in each;
 * with 20 a tenth of mypy's time was tier 0's after ten seconds. */
#define ENG_LATER_SHARE            4
/* Not with more functions a generation than this (Flask 450, Django 900). */
#define ENG_ALL_FUNCTIONS          1000u
/* Nor with fewer: what is left to compile would gain nothing, and what is called later is compiled in full. */
#define ENG_ALL_LEAST              16u
/* Epochs before many functions without a unit make the hook go away again. */
#define ENG_ALL_EPOCHS             512u
/* Under PYSTON_STRESS=patch, where one call is enough and each entry by a patch begins a burst. */
#define ENG_STRESS_BURST           3
/* At or below this, functions are counted before they are quickened: with PYSTON_THRESHOLD=1 the
 * very first call must compile. Equals CPython's QUICKENING_WARMUP_DELAY. */
#define ENG_EAGER_THRESHOLD        8u

/* A guard that failed this often costs more than the speculation saves. */
#define ENG_EXITS_BEFORE_RECOMPILE 20u
/* The same in a unit that begins at a loop's header: after each failure the loop goes on in tier 0 until the next look
 * finds it there, which is for 4 ms, and compiling takes a tenth of that. */
#define ENG_EXITS_OF_LOOPS         2u
/* A name's place in a module's dict changes whenever the module gets a new name, mostly while the program starts. Then tier 0 is
 * to look again, and the site is compiled once more as it is now. */
#define ENG_EXITS_BEFORE_REFRESH   64u
/* Compilations of one code object for that reason; afterwards names are looked up where they do not stay. */
#define ENG_REFRESHES              8u
/* Compilations of one code object because guards failed; the last one speculates nowhere. */
#define ENG_RECOMPILES             12u
/* Compilations of one code object because its inline caches had seen something to rely on. */
#define ENG_SETTLINGS              6u
/* The time between two of these, in units of what one takes: large functions have hundreds of caches, and each tells when it
 * has seen enough. */
#define ENG_ANEW_SHARE             20
/* The same where guards of a loop fail: each may be another one, and tier 0 is no slower than without us. */
#define ENG_ANEW_SHARE_OF_LOOPS    8
/* What a call loses that leaves compiled code; as many exits as make up for compiling come before that is done anew. */
#define ENG_EXIT_US                10u
/* Times that a site may turn out not to have seen everything. */
#define ENG_LESSONS                3u
/* Uses of an inline cache before that is looked at, counted where the helper serves it, and how many are enough when a
 * function is compiled anew because of another cache. */
#define ENG_USES                   200u
#define ENG_USES_KNOWN             16u
/* The time that as many uses may take for the site to be worth more code, and how often they may be slower before it is
 * left alone. With all sites compiled for what they had seen, Flask's requests, which use most of them once, took 6 %
 * longer, and a megabyte more of code. */
#define ENG_USES_NS                20000000
/* The same for compiling a function only to be rid of the notes that it takes there: 5 % of a loop of array items. */
#define ENG_USES_HOT_NS            100000
#define ENG_SLOW_USES              5u
/* Uses of a place in code that has been compiled anew meanwhile: it is in a loop that goes on. */
#define ENG_USES_LATER             20000u
/* With functions compiled at once. */
#define ENG_USES_EAGER             16u
/* Compilations of one code object because guards failed in functions inlined into it; afterwards
 * nothing is. */
#define ENG_INLINE_RECOMPILES      8u
/* Larger code objects take the compiler too long for what they can gain (generated tables). Exit tables have
 * 15 bits for a place in one. */
#define ENG_MAX_CODE_UNITS         30000
/* With as many, a frame that waits for a unit does not have it compiled while another thread compiles the code, too: each takes
 * two kilobytes of memory a code unit. */
#define ENG_LARGE_UNITS            2000
/* Memory one compilation may use. */
#define ENG_ARENA_LIMIT            (256u << 20)
/* Memory that waits for the next one, each takes 100 to 200 KiB; and while a program that has changed over compiles its
 * functions, some of which wait for their thread. After so many looks without one it goes back to the system. */
#define ENG_CHUNKS                 (256u << 10)
#define ENG_CHUNKS_ALL             (768u << 10)
#define ENG_CHUNKS_TICKS           32u

/* Compilations that wait for their thread, each with its HIR: some 100 KB. */
#define ENG_WORKS                  8u
/* How many are installed at once, if they come one soon after the other. */
#define ENG_WORKS_AT_ONCE          4u
#define ENG_TOGETHER_NS            1000000
/* The thread's stack; graphs are walked with loops, but for moves and the like. */
#define ENG_COMPILER_STACK         (1u << 20)
/* It ends after so long without work. */
#define ENG_IDLE_NS                1000000000

/* CPU time of the main thread between two looks at it. The kernel rounds up to its tick (1..4 ms);
 * a look costs some microseconds. */
#define ENG_TICK_NS                1000000
/* The block from which glibc's malloc learns to keep twice as much free memory (keep_heap). */
#define ENG_HEAP_BLOCK             (1536u << 10)

/* When the process's clock is read if the main thread's stands still: if that worked last, and if another did. Each look in
 * vain doubles it. */
#define ENG_LOOK_NS                16000000L
#define ENG_LOOK_OTHERS_NS         4000000L
#define ENG_LOOK_MOST_NS           999999999L
/* Frames that a look remembers: the innermost ones are those with loops that matter. */
#define ENG_OSR_FRAMES             16
/* A loop is left, too, that never lasts from one look to the next, when so many looks out of so many have found it: 3 % of
 * the time. */
#define ENG_OSR_LOOKS              4u
#define ENG_OSR_LOOKS_OF           128u
/* What compiling takes, about, ns a code unit; and how many times that a loop must have lasted, as far as looks tell, if it was
 * calling others all the while: most of that time is theirs. */
#define ENG_UNIT_NS                1500
#define ENG_OUTER_TIMES            20
/* Loop headers of one code object that could not be compiled before we stop trying. */
#define ENG_OSR_REFUSED            3u
/* Places where frames of one code object are suspended or catch exceptions that may have a unit each; more are
 * generated code, which would take more memory than it gives back. */
#define ENG_PLACES                 64u
/* Exceptions that a handler of compiled code has to catch before it is compiled. Each costs some microseconds more
 * until then, where a loop goes on behind it: compiling takes as long as about a hundred of these. */
#define ENG_CATCHES                100u

/* Entries of tracebacks that are of one code object before its line numbers become an array. */
#define ENG_TRACEBACKS             16u

/* Keywords of one call that are bound without CPython's help (a bit each), and how many of a **dict
 * (an array on the stack). */
#define ENG_KEYWORDS               64
#define ENG_DICT_KEYWORDS          24

/* Memory for the C stack that continues a thread's own. */
#define ENG_STACK_SEGMENT          (4u << 20)
/* Linux keeps other mappings at least 128 MiB below the end of the main thread's stack; up to a limit
 * of half of that nothing lies in the way of its growth. */
#define ENG_STACK_GAP              (64u << 20)
/* Left on a C stack for the C functions that Python calls; a quarter of small stacks. */
#define ENG_STACK_RESERVE          (512u << 10)
#define ENG_STACK_RESERVE_LEAST    (12u << 10)
/* Segments kept for the next deep recursion. */
#define ENG_STACK_KEPT             1

#endif
