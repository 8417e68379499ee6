/*
 * The module's two clocks.
 *
 * ngx_http_sector_cache_now() counts milliseconds also while the machine
 * sleeps: ages, the ends of an entry's windows, a breaker's, a failed key's
 * wait and a rate go by it.  nginx's own ngx_current_msec does not, and
 * neither do nginx's timers: what a worker holds while it waits for one (a
 * flight, a place, a turn in the queue, a fetch's deadline) goes by that, or
 * waking up would take it from a worker that is well.
 *
 * The wall clock may be set at any time.  It is for people, for files, and for
 * what is said in its terms: the hours of a market, the dates of HTTP.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_CLOCK_H
#define NGX_HTTP_SECTOR_CACHE_CLOCK_H


#include "ngx_http_sector_cache_conf.h"


/* What this process knows of sleep; its fields are the clock's own. */

typedef struct {
    time_t                              sec;        /* of the wall clock: when
                                                       it last looked */
    uint64_t                            asleep_ms;  /* since the machine was
                                                       started */
    ngx_uint_t                          setting;    /* from 1 on; another one
                                                       whenever the wall clock
                                                       was set back */
} ngx_http_sector_cache_clock_t;


extern ngx_http_sector_cache_clock_t  ngx_http_sector_cache_clock;


/* Looks how long the machine has slept. */

void ngx_http_sector_cache_clock_look(void);


/*
 * Milliseconds of a clock that never goes back and counts sleep, the same in
 * all processes, but for a few.  A sleep moves the wall clock too, so it is
 * enough to look once in each of its seconds.
 */
static ngx_inline uint64_t
ngx_http_sector_cache_now(void)
{
    if (ngx_time() != ngx_http_sector_cache_clock.sec) {
        ngx_http_sector_cache_clock_look();
    }

    return ngx_current_msec + ngx_http_sector_cache_clock.asleep_ms;
}


/* The wall clock: milliseconds since the epoch. */

int64_t ngx_http_sector_cache_wall_ms(void);


/* The same as text, as sector_compose_time() gives it; holds until the next
 * call. */

const char *ngx_http_sector_cache_wall_text(void);


/* What the wall clock of today makes of an instant of now(): so all times that
 * are told to people stand in the right order. */

int64_t ngx_http_sector_cache_clock_wall(uint64_t ms);


#endif /* NGX_HTTP_SECTOR_CACHE_CLOCK_H */
