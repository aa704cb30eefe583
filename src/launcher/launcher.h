/* What the files of the pyston3 executable share. */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#include <Python.h>

/* The package `pyston` as frozen modules, ended by an entry without a name (made by
 * scripts/freeze.py). */
extern const struct _frozen launcher_frozen[];

/* Make the main thread's stack larger, see launcher_stack.c. Returns the lowest usable address
 * of the main thread's stack, or NULL when the stack was left as the kernel made it. */
void *launcher_grow_stack(void);

/* Put the packages of the folder LAUNCHER_SITE on sys.path, after site.py has run. Mistakes in them are
 * told on stderr, as site.py does, and do no more. */
void launcher_add_site(void);

#endif
