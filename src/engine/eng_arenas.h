/* Memory of the object allocator in huge pages. */
#ifndef PYSTON_ENG_ARENAS_H
#define PYSTON_ENG_ARENAS_H

#include <stdint.h>

/* From now on CPython's object allocator gets its arenas from here, unless PYSTON_HUGE_PAGES=0.
 * Once per process; what was allocated before stays where it is. GIL held; no exception is set. */
void eng_arenas_start(void);
/* New arenas come from where they came from before, until the next start. GIL held. */
void eng_arenas_stop(void);

/* Arenas that were given out and not given back, for stats(). */
uint32_t eng_arenas_live(void);

#endif
