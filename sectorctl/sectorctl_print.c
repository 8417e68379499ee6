/*
 * Widths count characters, one column each: names of sectors and of funds
 * have no wide ones, and a table that is off by one is no harm.
 */

#include "sectorctl_print.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define SECTORCTL_DEPTH_MAX  6


static size_t sectorctl_print_char(const char *text);
static void sectorctl_print_member(const char *name, const json_t *value,
    int depth, size_t width);
static void sectorctl_print_array(const json_t *array, int depth);


void
sectorctl_error(const char *fmt, ...)
{
    char     text[1024], clean[1024];
    va_list  args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    sectorctl_print_clean(clean, sizeof(clean), text);

    fprintf(stderr, "sectorctl: %s\n", clean);
}


void *
sectorctl_alloc(size_t size)
{
    void  *p;

    p = calloc(1, size);

    if (p == NULL) {
        sectorctl_error("no memory");
        exit(SECTORCTL_LOCAL);
    }

    return p;
}


char *
sectorctl_format(const char *fmt, ...)
{
    int       n;
    char     *text;
    va_list   args;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    text = sectorctl_alloc((size_t) n + 1);

    va_start(args, fmt);
    vsnprintf(text, (size_t) n + 1, fmt, args);
    va_end(args);

    return text;
}


size_t
sectorctl_print_clean(char *buf, size_t size, const char *text)
{
    size_t  n, len, columns;

    len = 0;

    for (columns = 0; *text; columns++) {
        n = sectorctl_print_char(text);

        if (len + (n ? n : 1) >= size) {
            break;
        }

        if (n) {
            memcpy(buf + len, text, n);
            len += n;
            text += n;

        } else {
            buf[len++] = '?';
            text++;
        }
    }

    buf[len] = '\0';

    return columns;
}


/* The length of the printable character at text, or 0.  Of the characters
 * beyond ASCII the controls of ISO 6429 are refused, and those that turn the
 * direction of text. */

static size_t
sectorctl_print_char(const char *text)
{
    size_t         n, i;
    unsigned long  code;
    unsigned char  c;

    c = (unsigned char) *text;

    if (c < 0x80) {
        return (c >= ' ' && c != 0x7f) ? 1 : 0;
    }

    n = (c >= 0xc2 && c <= 0xdf) ? 2 : (c >= 0xe0 && c <= 0xef) ? 3
        : (c >= 0xf0 && c <= 0xf4) ? 4 : 0;

    code = n == 2 ? c & 0x1f : n == 3 ? c & 0x0f : c & 0x07;

    for (i = 1; i < n; i++) {
        c = (unsigned char) text[i];

        if ((c & 0xc0) != 0x80) {
            return 0;
        }

        code = code << 6 | (c & 0x3f);
    }

    if (code < 0xa0 || (code >= 0x200e && code <= 0x200f)
        || (code >= 0x2028 && code <= 0x202e)
        || (code >= 0x2066 && code <= 0x2069))
    {
        return 0;
    }

    return n;
}


const char *
sectorctl_print_value(char *buf, size_t size, const json_t *value)
{
    int     digits;
    double  real;

    switch (value ? json_typeof(value) : JSON_NULL) {

    case JSON_STRING:
        sectorctl_print_clean(buf, size, json_string_value(value));
        break;

    case JSON_INTEGER:
        snprintf(buf, size, "%lld", (long long) json_integer_value(value));
        break;

    case JSON_REAL:
        real = json_real_value(value);

        for (digits = 6; digits <= 17; digits++) {
            snprintf(buf, size, "%.*g", digits, real);

            if (strtod(buf, NULL) == real) {
                break;
            }
        }

        break;

    case JSON_TRUE:
        snprintf(buf, size, "yes");
        break;

    case JSON_FALSE:
        snprintf(buf, size, "no");
        break;

    case JSON_NULL:
        snprintf(buf, size, "-");
        break;

    default:
        snprintf(buf, size, "...");
    }

    return buf;
}


const char *
sectorctl_print_size(char *buf, size_t size, double bytes)
{
    size_t  i;

    static const char  units[] = { 'K', 'M', 'G', 'T' };

    if (bytes < 1024) {
        snprintf(buf, size, "%.0f", bytes);
        return buf;
    }

    bytes /= 1024;

    for (i = 0; bytes >= 1023.95 && i + 1 < sizeof(units); i++) {
        bytes /= 1024;
    }

    snprintf(buf, size, "%.1f%c", bytes, units[i]);

    return buf;
}


const char *
sectorctl_print_count(char *buf, size_t size, double n)
{
    if (n < 99999.5) {
        snprintf(buf, size, "%.0f", n);

    } else if (n < 999.95e3) {
        snprintf(buf, size, "%.1fk", n / 1e3);

    } else if (n < 999.95e6) {
        snprintf(buf, size, "%.1fM", n / 1e6);

    } else {
        snprintf(buf, size, "%.1fG", n / 1e9);
    }

    return buf;
}


const char *
sectorctl_print_time(char *buf, size_t size, double seconds)
{
    if (seconds < 120) {
        snprintf(buf, size, "%.0fs", seconds);

    } else if (seconds < 2 * 3600) {
        snprintf(buf, size, "%.0fm", seconds / 60);

    } else if (seconds < 2 * 86400) {
        snprintf(buf, size, "%.0fh", seconds / 3600);

    } else {
        snprintf(buf, size, "%.0fd", seconds / 86400);
    }

    return buf;
}


void
sectorctl_print_cell(const char *text, size_t width, int right)
{
    char    clean[SECTORCTL_VALUE_MAX], *p;
    size_t  columns;

    columns = sectorctl_print_clean(clean, sizeof(clean), text);

    for (p = clean + strlen(clean); columns > width; columns--) {
        for (p--; ((unsigned char) *p & 0xc0) == 0x80; p--) {
            /* the rest of a character */
        }

        *p = '\0';
    }

    printf("%*s%s%*s", right ? (int) (width - columns) + 2 : 0, "", clean,
           right ? 0 : (int) (width - columns), "");
}


void
sectorctl_print_object(const json_t *object, int depth)
{
    size_t       width;
    json_t      *value, *members;
    const char  *name;

    width = 0;
    members = (json_t *) object;    /* what iterates takes no const */

    json_object_foreach(members, name, value) {
        if (strlen(name) > width && !json_is_object(value)) {
            width = strlen(name);
        }
    }

    if (width > 32) {
        width = 32;
    }

    json_object_foreach(members, name, value) {
        sectorctl_print_member(name, value, depth, width);
    }
}


static void
sectorctl_print_member(const char *name, const json_t *value, int depth,
    size_t width)
{
    char  clean[SECTORCTL_VALUE_MAX], text[SECTORCTL_VALUE_MAX];

    sectorctl_print_clean(clean, sizeof(clean), name);
    printf("%*s", 2 * depth, "");

    if (depth < SECTORCTL_DEPTH_MAX && json_is_object(value)) {
        printf("%s\n", clean);
        sectorctl_print_object(value, depth + 1);

    } else if (depth < SECTORCTL_DEPTH_MAX && json_is_array(value)) {
        printf("%s\n", clean);
        sectorctl_print_array(value, depth + 1);

    } else {
        printf("%-*s  %s\n", (int) width, clean,
               sectorctl_print_value(text, sizeof(text), value));
    }
}


static void
sectorctl_print_array(const json_t *array, int depth)
{
    char     text[SECTORCTL_VALUE_MAX];
    size_t   i;
    json_t  *value;

    json_array_foreach(array, i, value) {
        if (json_is_object(value) && depth < SECTORCTL_DEPTH_MAX) {
            printf("%*s-\n", 2 * depth, "");
            sectorctl_print_object(value, depth + 1);

        } else {
            printf("%*s%s\n", 2 * depth, "",
                   sectorctl_print_value(text, sizeof(text), value));
        }
    }
}
