/*
 * The picture that status and top show: of one look at /stats, or of what has
 * changed since an earlier one.
 */

#ifndef SECTORCTL_FRAME_H
#define SECTORCTL_FRAME_H


#include "sectorctl_term.h"

#include <jansson.h>


typedef struct {
    const char         *server;
    const char         *error;      /* why there is no newer look, or NULL */
    json_t             *now;        /* /stats; NULL: there is none yet */
    json_t             *health;     /* data of /health, or NULL */
    json_t             *last;       /* the look before; NULL: totals only */
    json_t             *base;       /* one some seconds ago, beside last */
    double              last_s;     /* how long ago each was */
    double              base_s;
    const double       *history;    /* requests/s, the newest first */
    size_t              n_history;
} sectorctl_view_t;


void sectorctl_frame_draw(sectorctl_screen_t *screen,
    const sectorctl_view_t *view);


/* How much the counter has grown, a second; -1: it cannot be told, as after a
 * restart of the server. */

double sectorctl_frame_rate(const json_t *now, const json_t *before,
    double seconds, const char *counter);


#endif /* SECTORCTL_FRAME_H */
