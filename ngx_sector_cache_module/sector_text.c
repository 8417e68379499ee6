#include "sector_text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define SECTOR_TEXT_FIRST      4096     /* bytes */
#define SECTOR_TEXT_PIECE_MAX  512      /* bytes that one print may print */


static int sector_text_reserve(sector_text_t *t, size_t len);


/* Makes room for len bytes more and a zero; returns 0 or -1. */
static int
sector_text_reserve(sector_text_t *t, size_t len)
{
    char    *bytes;
    size_t   size;

    if (t->failed || len > SIZE_MAX / 4) {
        t->failed = 1;
        return -1;
    }

    if (t->size - t->len > len) {
        return 0;
    }

    size = t->size ? t->size : SECTOR_TEXT_FIRST;

    while (size - t->len <= len) {
        size *= 2;
    }

    bytes = realloc(t->bytes, size);

    if (bytes == NULL) {
        t->failed = 1;
        return -1;
    }

    t->bytes = bytes;
    t->size = size;

    return 0;
}


void
sector_text_add(sector_text_t *t, const char *bytes, size_t len)
{
    if (len == 0 || sector_text_reserve(t, len) != 0) {
        return;
    }

    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
}


void
sector_text_string(sector_text_t *t, const char *string)
{
    sector_text_add(t, string, strlen(string));
}


void
sector_text_print(sector_text_t *t, const char *fmt, ...)
{
    int      n;
    va_list  args;

    if (sector_text_reserve(t, SECTOR_TEXT_PIECE_MAX) != 0) {
        return;
    }

    va_start(args, fmt);
    n = vsnprintf(t->bytes + t->len, SECTOR_TEXT_PIECE_MAX, fmt, args);
    va_end(args);

    if (n < 0 || n >= SECTOR_TEXT_PIECE_MAX) {
        t->failed = 1;
        return;
    }

    t->len += (size_t) n;
}


char *
sector_text_end(sector_text_t *t, size_t *len)
{
    char  *bytes;

    bytes = NULL;
    *len = 0;

    if (sector_text_reserve(t, 0) == 0) {
        bytes = t->bytes;
        bytes[t->len] = '\0';
        *len = t->len;

    } else {
        free(t->bytes);
    }

    memset(t, 0, sizeof(sector_text_t));

    return bytes;
}
