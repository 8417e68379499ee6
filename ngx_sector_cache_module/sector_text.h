/*
 * sector_text: text that grows, for what is printed piece by piece.
 *
 * Layer 1: libc's memory.  A text that ran out of memory takes no more, and
 * says so at its end: nobody has to look at each piece.
 */

#ifndef SECTOR_TEXT_H
#define SECTOR_TEXT_H


#include <stddef.h>


/* All zero: empty. */

typedef struct {
    char       *bytes;      /* malloc'ed; NULL: none yet */
    size_t      len;
    size_t      size;       /* allocated */
    unsigned    failed:1;
} sector_text_t;


/* Adds len bytes; a terminated string; what printf() would print. */
void sector_text_add(sector_text_t *t, const char *bytes, size_t len);
void sector_text_string(sector_text_t *t, const char *string);
void sector_text_print(sector_text_t *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


/* Ends the text: the caller's to free, terminated; or NULL if there was no
 * memory for all of it.  t is empty then. */
char *sector_text_end(sector_text_t *t, size_t *len);


#endif /* SECTOR_TEXT_H */
