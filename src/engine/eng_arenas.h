/* Memory of the object allocator in huge pages. */
#ifndef PYSTON_ENG_ARENAS_H
#define PYSTON_ENG_ARENAS_H

#include <stdint.h>

/* From now on CPython's object allocator gets its arenas from here, unless PYSTON_HUGE_PAGES=0.
 * Once per process; what was allocated before stays where it is. GIL held; no exception is set. */
void eng_arenas_start(void);
/* New arenas come from where they came from before, until the next start. GIL held. */
void eng_arenas_stop(void);

/* On the ticker's thread, at each tick of the program's: makes a huge page now and then. */
void eng_arenas_tick(void);
/* The program will run for long: it need not have run for so long already. */
void eng_arenas_will_last(void);
/* In a forked child, where that thread is gone. */
void eng_arenas_forked(void);

/* Arenas that were given out and not given back, for stats(). */
uint32_t eng_arenas_live(void);

#endif
