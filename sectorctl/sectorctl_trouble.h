/*
 * What is wrong with the sources, below the picture of status and top.
 */

#ifndef SECTORCTL_TROUBLE_H
#define SECTORCTL_TROUBLE_H


#include "sectorctl_term.h"

#include <jansson.h>


/* Some lines of each source whose fetches fail, or whose breaker is not
 * closed, of an answer of /stats; else none. */

void sectorctl_trouble_draw(sectorctl_screen_t *screen, const json_t *stats);


#endif /* SECTORCTL_TROUBLE_H */
