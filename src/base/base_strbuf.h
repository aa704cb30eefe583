/* StrBuf: a growing text buffer for dumps, listings and messages.
 *
 * Storage is malloc's. Running out of memory sets `failed` and drops the text from there on; the
 * content stays a valid NUL-terminated string, so a printer needs no checks.
 */
#ifndef PYSTON_BASE_STRBUF_H
#define PYSTON_BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base_macros.h"

typedef struct StrBuf {
    char *data; /* NULL or NUL-terminated; use sb_str */
    size_t len;
    size_t cap;
    bool failed;
} StrBuf;

/* All zero bytes are a valid empty buffer: StrBuf sb = SB_INIT; */
#define SB_INIT           \
    {                     \
        NULL, 0, 0, false \
    }

void sb_free(StrBuf *sb);  /* frees the storage; the buffer is empty and usable again */
void sb_clear(StrBuf *sb); /* empties it, keeps the storage */

void sb_putc(StrBuf *sb, char c);
void sb_puts(StrBuf *sb, const char *s);
void sb_write(StrBuf *sb, const char *s, size_t n);
void sb_printf(StrBuf *sb, const char *fmt, ...) BASE_PRINTF(2, 3);
void sb_vprintf(StrBuf *sb, const char *fmt, va_list ap);

/* Appends blanks until the current line has `column` characters (for aligned listings). */
void sb_pad_to(StrBuf *sb, size_t column);

/* The text, never NULL; valid until the next change. */
const char *sb_str(const StrBuf *sb);

/* Hands the text over: the caller frees it with free(). NULL when memory ran out for the copy. */
char *sb_take(StrBuf *sb);

#endif
