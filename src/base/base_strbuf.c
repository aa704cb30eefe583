/* StrBuf: a growing text buffer. See base_strbuf.h for the contract. */
#include "base_strbuf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for n more characters and the NUL. */
static bool make_room(StrBuf *sb, size_t n)
{
    if (sb->failed) {
        return false;
    }
    if (n > SIZE_MAX / 4 || sb->len > SIZE_MAX / 4) {
        sb->failed = true;
        return false;
    }
    size_t need = sb->len + n + 1;
    if (need <= sb->cap) {
        return true;
    }
    size_t cap = BASE_MAX(BASE_MAX(sb->cap * 2, need), (size_t)64);
    char *p = realloc(sb->data, cap);
    if (p == NULL) {
        sb->failed = true;
        return false;
    }
    sb->data = p;
    sb->cap = cap;
    return true;
}

void sb_free(StrBuf *sb)
{
    free(sb->data);
    *sb = (StrBuf)SB_INIT;
}

void sb_clear(StrBuf *sb)
{
    sb->len = 0;
    sb->failed = false;
    if (sb->data) {
        sb->data[0] = 0;
    }
}

void sb_write(StrBuf *sb, const char *s, size_t n)
{
    if (!make_room(sb, n)) {
        return;
    }
    if (n) {
        memcpy(sb->data + sb->len, s, n);
    }
    sb->len += n;
    sb->data[sb->len] = 0;
}

void sb_putc(StrBuf *sb, char c)
{
    sb_write(sb, &c, 1);
}

void sb_puts(StrBuf *sb, const char *s)
{
    sb_write(sb, s, strlen(s));
}

void sb_vprintf(StrBuf *sb, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    /* Most pieces are short: try into what is there, measure only when it does not fit. */
    if (make_room(sb, 64)) {
        int n = vsnprintf(sb->data + sb->len, sb->cap - sb->len, fmt, ap);
        if (n >= 0 && (size_t)n >= sb->cap - sb->len) {
            sb->data[sb->len] = 0;
            if (make_room(sb, (size_t)n)) {
                n = vsnprintf(sb->data + sb->len, sb->cap - sb->len, fmt, again);
            } else {
                n = -1;
            }
        }
        if (n >= 0) {
            sb->len += (size_t)n;
        } else {
            sb->data[sb->len] = 0;
            sb->failed = true;
        }
    }
    va_end(again);
}

void sb_printf(StrBuf *sb, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    sb_vprintf(sb, fmt, ap);
    va_end(ap);
}

void sb_pad_to(StrBuf *sb, size_t column)
{
    size_t start = sb->len;
    while (start > 0 && sb->data[start - 1] != '\n') {
        start--;
    }
    while (sb->len - start < column && !sb->failed) {
        sb_putc(sb, ' ');
    }
}

const char *sb_str(const StrBuf *sb)
{
    return sb->data ? sb->data : "";
}

char *sb_take(StrBuf *sb)
{
    char *p = sb->data ? sb->data : calloc(1, 1);
    *sb = (StrBuf)SB_INIT;
    return p;
}
