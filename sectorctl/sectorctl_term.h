/*
 * The terminal: a screen of text that is as wide and as high as it, and what
 * a person does at it.
 */

#ifndef SECTORCTL_TERM_H
#define SECTORCTL_TERM_H


#include <stddef.h>


/*
 * Text in lines.  Of a terminal: what is too wide is cut, what is too low is
 * left out.  Of anything else: neither, and no colours.
 */

typedef struct {
    char           *data;
    size_t          len;
    size_t          size;
    size_t          column;         /* of the next character, from 0 */
    size_t          line;
    size_t          columns;
    size_t          lines;
    unsigned        terminal:1;
    unsigned        colours:1;
    unsigned        utf8:1;
} sectorctl_screen_t;


typedef enum {
    SECTORCTL_PLAIN = 0,
    SECTORCTL_BOLD,
    SECTORCTL_HEAD,
    SECTORCTL_GOOD,
    SECTORCTL_WARN,
    SECTORCTL_BAD,
    SECTORCTL_FAINT
} sectorctl_colour_e;


typedef enum {
    SECTORCTL_EVENT_NONE = 0,
    SECTORCTL_EVENT_RESIZE,         /* draw again */
    SECTORCTL_EVENT_LEAVE
} sectorctl_event_e;


typedef struct {
    size_t          columns;
    size_t          lines;
    int             signals;        /* readable when one came */
    int             keys;           /* readable when one came; -1: none will */
    int             killed;         /* the signal that ends us, or 0 */
} sectorctl_term_t;


/* A screen for a terminal, or with NULL for a file. */

void sectorctl_screen_init(sectorctl_screen_t *screen,
    const sectorctl_term_t *term);
void sectorctl_screen_free(sectorctl_screen_t *screen);


/* Text from here on; it is made printable.  _cell: with blanks to a width and
 * one behind. */

void sectorctl_screen_put(sectorctl_screen_t *screen,
    sectorctl_colour_e colour, const char *text);
void sectorctl_screen_cell(sectorctl_screen_t *screen,
    sectorctl_colour_e colour, const char *text, size_t width, int right);


/* Ends a line; fill: in its colour to the terminal's edge. */

void sectorctl_screen_end(sectorctl_screen_t *screen,
    sectorctl_colour_e fill);


/* Writes it, over what was there, and begins anew. */

void sectorctl_screen_flush(sectorctl_screen_t *screen);


/* Whether stdout is a terminal that knows escapes. */

int sectorctl_term_able(void);


/* Takes the terminal, and gives it back as it was: also when the process
 * exits.  stdout is one that is able. */

void sectorctl_term_enter(sectorctl_term_t *term);
void sectorctl_term_leave(void);


/* What has happened since; waits for nothing. */

sectorctl_event_e sectorctl_term_events(sectorctl_term_t *term);


#endif /* SECTORCTL_TERM_H */
