/* The load-time self-check: is the running interpreter the one this room describes? */
#ifndef PYSTON_PY311_CHECK_H
#define PYSTON_PY311_CHECK_H

/* Holds versions, tables and layouts against the running interpreter by making real objects and
 * frames and looking at them both ways.  Returns NULL when all is as expected, else a static text
 * that says what differs.  No exception is left set.  GIL held. */
const char *py311_check(void);

#endif
