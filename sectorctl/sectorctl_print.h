/*
 * What people read.  What came from a server is made printable on its way: it
 * moves no cursor and rings no bell.
 */

#ifndef SECTORCTL_PRINT_H
#define SECTORCTL_PRINT_H


#include "sectorctl.h"

#include <stdint.h>

#include <jansson.h>


#define SECTORCTL_VALUE_MAX  256


/* Copies UTF-8 with control characters, and what is none, as "?"; cuts it
 * between two characters.  Returns how many columns it takes: one for each
 * character. */

size_t sectorctl_print_clean(char *buf, size_t size, const char *text);


/* A scalar for people: a number in its shortest form, yes or no, "-" for null
 * and for what is missing.  Objects and arrays are "...". */

const char *sectorctl_print_value(char *buf, size_t size,
    const json_t *value);


/* 512, 8.0K, 16.0M; and 12345, 123.4k, 12.3M. */

const char *sectorctl_print_size(char *buf, size_t size, double bytes);
const char *sectorctl_print_count(char *buf, size_t size, double n);


/* 41s, 12m, 3h, 5d */

const char *sectorctl_print_time(char *buf, size_t size, double seconds);


/* A cell, to its width with blanks, or cut to it; right: with the blanks
 * before it, and two more. */

void sectorctl_print_cell(const char *text, size_t width, int right);


/* An object, a member a line; objects in it below their name, further in. */

void sectorctl_print_object(const json_t *object, int depth);


#endif /* SECTORCTL_PRINT_H */
